"""Key files: one account each, readable by their owner alone.

`binance.sub1.toml` and `.json` hold the fields by name; any other file holds lines `name: value` or
`name = value`, as traders keep them (`Backpack_key.txt`). What a file says is never repeated in an error: a line
that is not understood may well be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from xtrade.app.credentials.owner_only import read_owner_only
from xtrade.app.credentials.record import AccountName, Credentials, check_record, environment_named
from xtrade.app.credentials.venues import VENUES, needs, plain_name
from xtrade.model.errors import CredentialsError, UsageError
from xtrade.runtime.secrets import Secret

__all__ = ["account_of", "parse_plain", "read_key_file", "record_from_text"]


def account_of(path: Path) -> AccountName | None:
    """Return the account whose keys a file holds by its name: `Backpack_key.txt` is backpack's."""
    stem = path.stem if path.suffix in {".toml", ".json", ".txt", ".key"} else path.name
    stem = re.sub(r"[-_ ](api)?[-_ ]?keys?$", "", stem, flags=re.IGNORECASE)
    try:
        return AccountName.parse(stem)
    except UsageError:
        return None


def read_key_file(path: Path, account: AccountName) -> Credentials:
    """Read and check one account's key file."""
    text = _text(read_owner_only(path), path)
    return record_from_text(text, account, source=f"key file {path}", kind=path.suffix.lower())


def record_from_text(text: str, account: AccountName, *, source: str, kind: str = "") -> Credentials:
    """Check the fields that a text holds: TOML, JSON or plain lines, by the ending of its file's name."""
    if kind in {".toml", ".json"}:
        given = _structured(text, account, source, kind)
    else:
        given = parse_plain(text, account, source)
    environment = environment_named(given.get("environment", "live"), source)
    return check_record(account, given, environment, source)


def parse_plain(text: str, account: AccountName, source: str) -> dict[str, str]:
    """Read lines `name: value` or `name = value`; a PEM key may go on over the following lines."""
    found: dict[str, str] = {}
    numbered = iter(enumerate(text.splitlines(), start=1))
    for number, line in numbered:
        if not line.strip() or line.lstrip().startswith(("#", "//", ";")):
            continue
        place = f"{source}, line {number}"
        split = re.match(r"\s*([^:=]*?)\s*[:=]\s*(.*?)\s*$", line)
        if split is None:
            raise CredentialsError(f"{place}: expected 'name: value' ({_names(account)})")
        label, value = split.groups()
        if value.startswith("-----BEGIN"):
            value = _whole_pem(value, numbered, place)
        _take(found, label, _unquoted(value), account, place)
    return found


def _structured(text: str, account: AccountName, source: str, kind: str) -> dict[str, str]:
    import json
    import tomllib

    try:
        data = tomllib.loads(text) if kind == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        # The parsers' own words may quote the text: only the place is passed on.
        place = re.search(r"line \d+", str(error))
        where = f" ({place[0]})" if place else ""
        raise CredentialsError(f"{source}: not {kind[1:].upper()}{where}") from None
    if not isinstance(data, dict):
        raise CredentialsError(f"{source}: expected the fields of one account ({_names(account)})")
    found: dict[str, str] = {}
    for label, value in data.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise CredentialsError(f"{source}: expected text for each field ({_names(account)})")
        _take(found, label, str(value), account, source)
    return found


def _take(found: dict[str, str], label: str, value: str, account: AccountName, place: str) -> None:
    """Put one value where it belongs, or say what this account's file may hold."""
    if plain_name(label) in {"environment", "env", "network", "mode"}:
        name = "environment"
    elif plain_name(label) in {"venue", "exchange", "account"} and plain_name(value) in map(
        plain_name, VENUES
    ):
        # A remark on whose keys these are; it must be true.
        if plain_name(value) != account.venue:
            raise CredentialsError(f"{place}: this file is for another venue than {account.venue}")
        return
    elif field := needs(account.venue).field(label):
        name = field.name
        if not field.public:
            Secret(value)
    else:
        known = {
            plain_name(word): field.name
            for field in needs(account.venue).fields
            for word in (field.name, *field.aliases)
        }
        near = get_close_matches(plain_name(label), known, n=1, cutoff=0.6)
        meant = f" Did you mean {_spaced(known[near[0]])!r}?" if near else ""
        raise CredentialsError(f"{place}: not a field of {account.venue} ({_names(account)}).{meant}")
    if name in found:
        raise CredentialsError(f"{place}: a second value for {_spaced(name)}")
    found[name] = value


def _whole_pem(first: str, numbered: Iterator[tuple[int, str]], place: str) -> str:
    lines = [first]
    if "-----END" not in first.removeprefix("-----BEGIN"):
        for _, line in numbered:
            lines.append(line.strip())
            if line.strip().startswith("-----END"):
                break
        else:
            raise CredentialsError(f"{place}: the PEM key has no END line")
    return "\n".join(lines)


def _unquoted(value: str) -> str:
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CredentialsError(f"{path} is not UTF-8 text") from None


def _names(account: AccountName) -> str:
    return ", ".join(_spaced(field.name) for field in needs(account.venue).fields)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
