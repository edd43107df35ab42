"""The keystore: all accounts in one encrypted file.

Three lines of text. The first is the header, in the open: version, cost of the key derivation, salt, key check,
nonce, and which accounts are inside (name, environment, names of the fields, fingerprint). The second is the
accounts themselves, sealed with AES-256-GCM under a key that argon2id derives from the passphrase; the header is
bound to it, so neither can be exchanged. The third is a checksum of both: damage is told from a wrong passphrase
before the passphrase is even asked for.
"""

from __future__ import annotations

import base64
import os
import shlex
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

# The real thing on purpose, never a seeded stream: this is the one place where chance must not repeat itself.
from secrets import token_bytes
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from typing_extensions import override

from xtrade.app.credentials.owner_only import own_directory, read_owner_only
from xtrade.app.credentials.record import AccountName, Credentials, Environment, check_record
from xtrade.model.errors import CredentialsError
from xtrade.runtime.files import followed, locked, replace_file
from xtrade.runtime.secrets import Secret

__all__ = ["STRONG", "Cost", "Entry", "Header", "Keystore"]

VERSION: Final = 1


class Cost(Struct, frozen=True, forbid_unknown_fields=True):
    """What one guess at the passphrase costs. It is kept in the header, for all to see."""

    memory_kib: Annotated[int, Meta(ge=8, le=1024 * 1024)]
    passes: Annotated[int, Meta(ge=1, le=64)]
    lanes: Annotated[int, Meta(ge=1, le=16)]

    def __post_init__(self) -> None:
        """Refuse what argon2id does not take, and what would keep this machine busy for minutes."""
        if self.memory_kib < 8 * self.lanes:
            raise ValueError("argon2id takes 8 KiB or more for each lane")
        if self.memory_kib * self.passes > 16 * 1024 * 1024:
            raise ValueError("opening it would cost sixteen times as much as usual")

    def is_weak(self) -> bool:
        """Tell whether a guess costs less than with the usual cost."""
        return self.memory_kib * self.passes < STRONG.memory_kib * STRONG.passes


# About a second on a small server, and 256 MiB that a guesser has to have for each guess at a time.
STRONG: Final = Cost(memory_kib=256 * 1024, passes=4, lanes=2)


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """What may be known of an account without the passphrase."""

    account: str
    environment: Environment
    fields: tuple[str, ...]
    fingerprint: str


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of the file."""

    xtrade_keystore: int
    cost: Cost
    salt: Annotated[bytes, Meta(min_length=16, max_length=64)]
    check: bytes
    nonce: bytes
    entries: tuple[Entry, ...]


class _Version(Struct):
    xtrade_keystore: int


class Keystore:
    """The keystore at a path. Nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Tell whether there is a keystore yet; raise if others could put another one in its place."""
        if not own_directory(self.path.parent) or not os.path.lexists(self.path):
            return False
        if self.path.is_symlink():
            own_directory(Path(os.path.realpath(self.path)).parent)
        return True

    def header(self) -> Header:
        """Read what may be known without the passphrase."""
        return self._read()[0]

    def verify(self, passphrase: Secret) -> None:
        """Raise if this is not the passphrase."""
        self._derive(self.header(), passphrase)

    def open(self, account: AccountName, passphrase: Secret) -> Credentials:
        """Decrypt one account."""
        header, bound, sealed = self._read()
        entry = next((entry for entry in header.entries if entry.account == str(account)), None)
        if entry is None:
            raise CredentialsError(f"{account} is not in {self.path}: xtrade keys add {account}")
        inside = self._decrypt(header, bound, sealed, self._derive(header, passphrase))
        return check_record(account, inside[entry.account], entry.environment, f"keystore {self.path}")

    def put(self, credentials: Credentials, passphrase: Secret, *, cost: Cost = STRONG) -> None:
        """Add an account, or replace it; a keystore that is not there yet is made, at this cost."""
        name = str(credentials.account)
        entry = Entry(name, credentials.environment, credentials.fields, credentials.fingerprint)
        with self._alone():
            if self.exists():
                header, key, inside = self._unlocked(passphrase)
            else:
                header = Header(VERSION, cost, token_bytes(16), b"", b"", ())
                key, inside = _derive(header, passphrase), {}
            others = [kept for kept in header.entries if kept.account != name]
            self._write(header, key, [*others, entry], {**inside, name: credentials.revealed()})

    def remove(self, account: AccountName, passphrase: Secret) -> None:
        """Remove an account."""
        with self._alone():
            header, key, inside = self._unlocked(passphrase)
            others = [kept for kept in header.entries if kept.account != str(account)]
            self._write(header, key, others, {kept.account: inside[kept.account] for kept in others})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing at the same time: one of the two changes would be lost."""
        try:
            with locked(followed(self.path).parent):
                yield
        except OSError as error:
            raise CredentialsError(f"cannot write {self.path}: {error.strerror}") from None

    def _unlocked(self, passphrase: Secret) -> tuple[Header, _Key, dict[str, dict[str, str]]]:
        header, bound, sealed = self._read()
        key = self._derive(header, passphrase)
        return header, key, self._decrypt(header, bound, sealed, key)

    def _read(self) -> tuple[Header, bytes, bytes]:
        lines = read_owner_only(self.path).split(b"\n")
        if len(lines) != 4 or lines[3] or not compare_digest(_checksum(lines[0], lines[1]), lines[2]):
            path = shlex.quote(str(self.path))
            raise CredentialsError(
                f"{self.path} is damaged: restore it from a backup, or move it away (mv {path} {path}.damaged) and"
                " add the keys anew"
            )
        try:
            version = msgspec.json.decode(lines[0], type=_Version).xtrade_keystore
            if version != VERSION:
                raise CredentialsError(
                    f"{self.path} is of version {version}: a newer xtrade wrote it, use that one"
                )
            return (
                msgspec.json.decode(lines[0], type=Header),
                lines[0],
                base64.b64decode(lines[1], validate=True),
            )
        except ValueError:
            raise CredentialsError(f"{self.path} has been tampered with: its header makes no sense") from None

    def _derive(self, header: Header, passphrase: Secret) -> _Key:
        key = _derive(header, passphrase)
        if not compare_digest(key.check, header.check):
            raise CredentialsError(f"wrong passphrase for {self.path}")
        return key

    def _decrypt(self, header: Header, bound: bytes, sealed: bytes, key: _Key) -> dict[str, dict[str, str]]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            opened = AESGCM(key.cipher).decrypt(header.nonce, sealed, bound)
        except (InvalidTag, ValueError):
            raise CredentialsError(
                f"{self.path} has been tampered with: the passphrase is right, the content is not what it sealed"
            ) from None
        return msgspec.json.decode(opened, type=dict[str, dict[str, str]])

    def _write(
        self, header: Header, key: _Key, entries: Iterable[Entry], inside: Mapping[str, Mapping[str, str]]
    ) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        # A nonce must not be used twice under one key: each writing takes a new one.
        header = msgspec.structs.replace(
            header,
            check=key.check,
            nonce=token_bytes(12),
            entries=tuple(sorted(entries, key=lambda entry: entry.account)),
        )
        bound = msgspec.json.encode(header)
        sealed = AESGCM(key.cipher).encrypt(header.nonce, msgspec.json.encode(inside), bound)
        body = base64.b64encode(sealed)
        replace_file(self.path, b"\n".join([bound, body, _checksum(bound, body), b""]))


class _Key(Struct, frozen=True):
    """What comes of the passphrase: the key, and eight bytes that tell whether it is the right one."""

    cipher: bytes
    check: bytes

    @override
    def __repr__(self) -> str:
        return "_Key(...)"


def _derive(header: Header, passphrase: Secret) -> _Key:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    # Keyboards differ in how they compose an accented letter; the passphrase must not.
    text = unicodedata.normalize("NFC", passphrase.reveal()).encode(errors="surrogateescape")
    try:
        derived = Argon2id(
            salt=header.salt,
            length=64,
            iterations=header.cost.passes,
            lanes=header.cost.lanes,
            memory_cost=header.cost.memory_kib,
        ).derive(text)
    except MemoryError:
        raise CredentialsError(
            f"opening the keystore needs {header.cost.memory_kib // 1024} MiB of memory, and there is not enough"
        ) from None
    return _Key(derived[:32], sha256(derived[32:]).digest()[:8])


def _checksum(bound: bytes, sealed: bytes) -> bytes:
    return sha256(bound + b"\n" + sealed).hexdigest().encode()
