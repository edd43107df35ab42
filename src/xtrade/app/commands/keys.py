"""`xtrade keys`: add, list, remove and test the keys of accounts. Nothing prints a secret, nothing asks a venue."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from msgspec import Struct

from xtrade.app import exit_codes
from xtrade.app.choices import FileName, VenueName
from xtrade.app.credentials.key_files import read_key_file, record_from_text
from xtrade.app.credentials.passphrase import (
    ask_hidden,
    ask_until_right,
    at_terminal,
    new_passphrase,
    typed_ahead_is_dropped,
)
from xtrade.app.credentials.record import (
    AccountName,
    Credentials,
    Environment,
    check_record,
    parse_environment,
)
from xtrade.app.credentials.sources import Known, Sources
from xtrade.app.credentials.venues import Field, needs
from xtrade.app.output import Json, answer, columns, note
from xtrade.app.quoting import quoted, word_like
from xtrade.model.errors import CredentialsError, UsageError
from xtrade.runtime.secrets import Secret, forbid_core_dumps

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["KeyTest", "add", "app", "check_keys", "list_keys", "remove"]

app = cyclopts.App(
    name="keys",
    help="""Keep the keys of your accounts: encrypted, never printed.

    **Examples**

    - `xtrade keys add binance`
    - `xtrade keys list`
    """,
    group_commands=cyclopts.Group("Commands"),
)

Account = Annotated[
    VenueName,
    cyclopts.Parameter(help="The account: a venue, or one of several there (`binance.sub1`)."),
]
RealMoney = Annotated[
    Literal["live", "testnet"] | None,
    cyclopts.Parameter(
        help="Real money or not. Asked for at a terminal; otherwise what the file says, or live."
    ),
]


class KeyTest(Struct, frozen=True):
    """What `xtrade keys test` found without asking the venue."""

    account: str
    venue: str
    environment: str
    source: str
    fingerprint: str
    checked: dict[str, str]
    asked_venue: bool = False


@app.command
def add(
    account: Account,
    /,
    *,
    environment: RealMoney = None,
    from_file: Annotated[
        FileName | None,
        cyclopts.Parameter(
            allow_leading_hyphen=True,
            metavar="FILE",
            help="Read a key file (TOML, JSON, or `name: value` lines); `-` reads standard input.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        cyclopts.Parameter(negative="", show_default=False, help="Replace the keys that this account has."),
    ] = False,
) -> None:
    """Put an account's keys into the keystore.

    Asks for what the venue needs; what you type is not shown. The first key makes the keystore.

    **Examples**

    - `xtrade keys add binance`
    - `xtrade keys add binance.sub1 --environment testnet`
    - `xtrade keys add backpack --from-file Backpack_key.txt`
    """
    forbid_core_dumps()
    sources = Sources()
    name = AccountName.parse(account)
    keystore = sources.keystore
    there = {entry.account for entry in keystore.header().entries} if keystore.exists() else set()
    if str(name) in there and not replace:
        raise CredentialsError(
            f"{name} is in the keystore already: add --replace to put new keys in its place"
        )

    if from_file is None:
        if not at_terminal():
            raise UsageError(
                f"there is no terminal to ask for the keys of {name.described()}: give --from-file FILE (or -)"
            )
        with typed_ahead_is_dropped():
            # A mistyped passphrase must not cost a person the five fields typed after it.
            unlock = _passphrase(sources)
            credentials = _asked(name, environment)
    else:
        credentials = _from_file(name, environment, from_file)
        unlock = _passphrase(sources)
    keystore.put(credentials, unlock)

    note(f"{name} ({credentials.environment}) is in the keystore, fingerprint {credentials.fingerprint}.")
    if from_file not in {None, "-"}:
        note(
            f"{from_file} still holds the keys in the open: remove it when `xtrade keys test {name}` is content."
        )
    if any(row.account == str(name) and row.used and row.source != "keystore" for row in sources.known()):
        note(f"But {name} has keys in a place that comes first: see `xtrade keys list`.")


@app.command(name="list")
def list_keys(*, json: Json = False) -> int:
    """List the accounts that have keys.

    Shows where each is kept, never the keys, and needs no passphrase. Two keys with one fingerprint are the same
    key. Returns 1 if a key cannot be used.

    **Examples**

    - `xtrade keys list`
    - `xtrade keys list --json`
    """
    sources = Sources()
    rows = sources.known()
    answer(rows, json=json, human=lambda: _table(rows))
    for row in rows:
        if row.problem and not json:
            note(f"{row.account}: {row.problem}" if row.account != "?" else row.problem)
    if not json and any(row.source == "keystore" and not row.problem for row in rows):
        cost = sources.keystore.header().cost
        if cost.is_weak():
            note(
                f"The keystore is cheap to guess at ({cost.memory_kib} KiB, {cost.passes} passes): make it anew."
            )
    return exit_codes.NO if any(row.problem for row in rows) else exit_codes.OK


@app.command
def remove(
    account: Account,
    /,
    *,
    yes: Annotated[
        bool, cyclopts.Parameter(name=["--yes", "-y"], negative="", show_default=False, help="Do not ask.")
    ] = False,
) -> int:
    """Remove an account's keys from the keystore.

    The venue knows nothing of it: delete the key there too.

    **Examples**

    - `xtrade keys remove binance.sub1`
    """
    forbid_core_dumps()
    sources = Sources()
    name = AccountName.parse(account)
    header = sources.keystore.header() if sources.keystore.exists() else None
    entry = next((kept for kept in header.entries if kept.account == str(name)), None) if header else None
    if entry is None:
        elsewhere = [row.source for row in sources.known() if row.account == str(name)]
        where = f"; it has keys in: {', '.join(elsewhere)}" if elsewhere else ""
        raise CredentialsError(f"{name.described()} is not in the keystore{where}")
    if not yes:
        if not at_terminal():
            raise UsageError(f"to remove the keys of {name} without being asked, say --yes")
        if _typed(f"Remove {name} ({entry.environment}, {entry.fingerprint})? [y/N] ").lower() not in {
            "y",
            "yes",
        }:
            note("Nothing was removed.")
            return exit_codes.NO
    sources.keystore.remove(name, sources.unlock(sources.environ))
    note(f"{name} is out of the keystore. Delete the key at {name.venue} too, if nothing else uses it.")
    return exit_codes.OK


@app.command(name="test")
def check_keys(account: Account, /, *, json: Json = False) -> None:
    """Test an account's keys, without a network.

    Are they found, unlocked, complete, well-formed, able to sign? Whether the venue accepts them is not asked.

    **Examples**

    - `xtrade keys test binance`
    """
    found = Sources().find(AccountName.parse(account))
    result = KeyTest(
        account=str(found.account),
        venue=found.account.venue,
        environment=found.environment,
        source=found.source,
        fingerprint=found.fingerprint,
        checked={field.name: field.form.name for field in needs(found.account.venue).fields},
    )
    answer(result, json=json, human=lambda: _report(result))


def _passphrase(sources: Sources) -> Secret:
    """Return the passphrase, proved right if there is a keystore already."""
    if not sources.keystore.exists():
        return new_passphrase(sources.environ)
    passphrase = sources.unlock(sources.environ)
    sources.keystore.verify(passphrase)
    return passphrase


def _from_file(name: AccountName, environment: RealMoney, from_file: str) -> Credentials:
    if from_file == "-":
        credentials = record_from_text(sys.stdin.read(), name, source="standard input")
    else:
        if not from_file:
            raise UsageError("--from-file takes the name of a file, or - for standard input")
        path = Path(from_file)
        if not os.path.lexists(path) and not _names_a_place(path):
            raise CredentialsError(f"--from-file: no file is called {quoted(from_file)}")
        credentials = read_key_file(path, name)
    if environment is None:
        return credentials
    return check_record(name, credentials.revealed(), environment, credentials.source)


def _names_a_place(path: Path) -> bool:
    """Tell whether a file that is not there was meant, rather than a key that was pasted."""
    below_a_directory = path.parent.parent != path.parent and path.parent.is_dir()
    return word_like(path.name) and (below_a_directory or path.name == str(path))


def _asked(name: AccountName, environment: RealMoney) -> Credentials:
    """Ask a person for each field, again where it is malformed."""
    chosen = ask_until_right(_asked_environment, "environment") if environment is None else environment
    given = {
        field.name: ask_until_right(partial(_asked_field, field), f"{field.name} of {name}")
        for field in needs(name.venue).fields
    }
    return check_record(name, given, chosen, "terminal")


def _asked_environment() -> Environment:
    return parse_environment(_typed("Environment, live or testnet [live]: ") or "live")


def _asked_field(field: Field) -> str:
    hint = f", {field.hint}" if field.hint else ""
    prompt = f"{field.name.replace('_', ' ')} ({field.form.name}{hint}): "
    typed = (_typed(prompt) if field.public else ask_hidden(prompt)).strip()
    if not field.public:
        Secret(typed)
    return field.form.check(typed)


def _typed(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise UsageError("the terminal was closed: nothing was changed")
    return line.strip()


def _table(rows: list[Known]) -> RenderableType:
    from rich.text import Text

    if not rows:
        return Text("No keys yet. Add some: xtrade keys add binance")
    return columns(
        ("account", "environment", "fields", "source", "fingerprint"),
        [[Text(cell, "" if row.used or row.problem else "dim") for cell in _cells(row)] for row in rows],
    )


def _cells(row: Known) -> tuple[str, ...]:
    source = row.source if row.used or row.problem else f"{row.source} (not used)"
    fingerprint = "see below" if row.problem else row.fingerprint
    return row.account, row.environment, ", ".join(row.fields), source, fingerprint


def _report(result: KeyTest) -> RenderableType:
    from rich.text import Text

    lines = [
        f"{result.account} ({result.environment}), from {result.source}, fingerprint {result.fingerprint}"
    ]
    width = max(map(len, result.checked))
    lines += [f"  {name:<{width}}  ok: {form}" for name, form in result.checked.items()]
    lines.append(f"Nothing was sent: whether {result.venue} accepts these keys is not known.")
    return Text("\n".join(lines))
