"""Where credentials come from, in order: the environment, key files, the keystore.

The first that has an account wins.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from xtrade.app.credentials.environment import (
    accounts_in_environment,
    take_from_environment,
    unread_variables,
)
from xtrade.app.credentials.key_files import account_of, read_key_file
from xtrade.app.credentials.keystore import Keystore
from xtrade.app.credentials.owner_only import own_directory, refuse_special
from xtrade.app.credentials.passphrase import passphrase
from xtrade.app.credentials.record import AccountName, Credentials, Environment
from xtrade.app.paths import config_dir
from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import Secret, forbid_core_dumps

__all__ = ["Known", "Sources"]


class Known(Struct, frozen=True):
    """One account that some source has: what may be shown of it, and what is wrong with it, if anything."""

    account: str
    venue: str
    environment: str
    fields: tuple[str, ...]
    source: str
    fingerprint: str
    used: bool
    problem: str | None = None


@dataclass
class Sources:
    """The places where keys are looked for; each may be another one for tests and for a configuration that says so."""

    environ: MutableMapping[str, str] = field(default_factory=lambda: os.environ)
    key_files: Path = field(default_factory=lambda: config_dir() / "keys")
    keystore: Keystore = field(default_factory=lambda: Keystore(config_dir() / "keystore"))
    unlock: Callable[[MutableMapping[str, str]], Secret] = passphrase

    def find(self, account: AccountName, *, meant_for: Environment | None = None) -> Credentials:
        """Return one account's credentials, and refuse live keys where testnet is meant, and the reverse.

        Ask once: what the environment gives is gone from it afterwards.
        """
        forbid_core_dumps()
        found = self._find(account)
        if meant_for is not None and found.environment != meant_for:
            raise CredentialsError(
                f"{account}: the keys in {found.source} are {found.environment} ones, and {meant_for} is meant"
            )
        return found

    def _find(self, account: AccountName) -> Credentials:
        if (found := take_from_environment(account, self.environ)) is not None:
            return found
        for problem in unread_variables(self.environ, account.venue):
            raise CredentialsError(f"environment: {problem}")
        if (path := self._file_of(account)) is not None:
            return _read_file(path, account)
        if self.keystore.exists() and str(account) in {
            entry.account for entry in self.keystore.header().entries
        }:
            return self.keystore.open(account, self.unlock(self.environ))
        raise CredentialsError(f"no keys for {account.described()}: xtrade keys add {account.described()}")

    def known(self) -> list[Known]:
        """Return all accounts that any source has, without the passphrase, and without stopping at a broken one."""
        forbid_core_dumps()
        rows: list[Known] = []
        seen: set[str] = set()
        for row in (*self._in_environment(), *self._in_key_files(), *self._in_keystore()):
            rows.append(row if row.account not in seen else _not_used(row))
            seen.add(row.account)
        return rows

    def _file_of(self, account: AccountName) -> Path | None:
        files = [path for path, whose in self._files() if whose == account]
        if len(files) > 1:
            raise CredentialsError(f"{account} has two key files, {files[0]} and {files[1].name}: remove one")
        return files[0] if files else None

    def _files(self) -> Iterator[tuple[Path, AccountName | None]]:
        if own_directory(self.key_files):
            for path in sorted(self.key_files.iterdir()):
                if not path.name.startswith("."):
                    yield path, account_of(path)

    def _in_environment(self) -> Iterator[Known]:
        for account in accounts_in_environment(self.environ):
            yield _row(account, "environment", partial(take_from_environment, account, self.environ))
        for problem in unread_variables(self.environ):
            yield Known("?", "?", "?", (), "environment", "", used=False, problem=problem)

    def _in_key_files(self) -> Iterator[Known]:
        for path, account in self._files():
            source = f"key file {path.name}"
            if account is None:
                problem = f"{path}: no venue is called like this file"
                yield Known("?", "?", "?", (), source, "", used=False, problem=problem)
            else:
                yield _row(account, source, partial(_read_file, path, account))

    def _in_keystore(self) -> Iterator[Known]:
        if not self.keystore.exists():
            return
        try:
            entries = self.keystore.header().entries
        except CredentialsError as error:
            yield Known("?", "?", "?", (), "keystore", "", used=False, problem=str(error))
            return
        for entry in entries:
            venue = entry.account.partition(".")[0]
            yield Known(
                entry.account,
                venue,
                entry.environment,
                entry.fields,
                "keystore",
                entry.fingerprint,
                used=True,
            )


def _read_file(path: Path, account: AccountName) -> Credentials:
    refuse_special(path)
    return read_key_file(path, account)


def _row(account: AccountName, source: str, read: Callable[[], Credentials | None]) -> Known:
    try:
        found = read()
    except CredentialsError as error:
        return Known(str(account), account.venue, "?", (), source, "", used=True, problem=str(error))
    assert found is not None
    return Known(
        str(account), account.venue, found.environment, found.fields, source, found.fingerprint, used=True
    )


def _not_used(row: Known) -> Known:
    return msgspec.structs.replace(row, used=False)
