"""One record of a journal with its place in the chain: what was changed, lost or mixed in later is found.

Each digest covers the entry and the digest before it; the first is chained to the journal's name and birth. So a chain
that holds to its end was written in this order, by these sessions, and nothing is missing from its middle.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from xtrade.model.errors import DataError

__all__ = ["Entry", "checked", "genesis", "sealed"]

DIGEST_BYTES = 16
_HEAD = struct.Struct(">QQqq")
NO_ORDER = -1


class Entry(NamedTuple):
    """One record as a journal keeps it. `session` is the fencing number of the process that wrote it."""

    sequence: int
    session: int
    at_ns: int
    kind: str
    order: int | None
    body: bytes
    digest: bytes


def genesis(name: str, born_ns: int) -> bytes:
    """Return what the first entry of a journal is chained to."""
    return blake2b(f"xtrade journal 1 {name} {born_ns}".encode(), digest_size=DIGEST_BYTES).digest()


def sealed(
    previous: bytes, *, sequence: int, session: int, at_ns: int, kind: str, order: int | None, body: bytes
) -> Entry:
    """Chain a record to the digest before it."""
    digest = _digest(previous, sequence, session, at_ns, kind, order, body)
    return Entry(sequence, session, at_ns, kind, order, body, digest)


def checked(entries: Iterable[Entry], previous: bytes, *, after: int = 0, where: str) -> Iterator[Entry]:
    """Pass on the entries that follow `after`, or raise DataError at the first that does not belong there."""
    expected, session = after + 1, 0
    for entry in entries:
        sequence, writer, at_ns, kind, order, body, digest = entry
        if sequence != expected:
            raise DataError(
                f"{where}: entry {expected} is missing, the next there is {sequence}: what follows is not"
                " to be trusted. `xtrade journal export` saves what is before it"
            )
        if digest != _digest(previous, sequence, writer, at_ns, kind, order, body) or writer < session:
            raise DataError(
                f"{where}: entry {sequence} is not what was written (its digest does not fit the one before):"
                " what follows is not to be trusted. `xtrade journal export` saves what is before it"
            )
        yield entry
        previous, expected, session = digest, expected + 1, writer


def _digest(
    previous: bytes, sequence: int, session: int, at_ns: int, kind: str, order: int | None, body: bytes
) -> bytes:
    head = _HEAD.pack(sequence, session, at_ns, NO_ORDER if order is None else order)
    return blake2b(b"".join((previous, head, kind.encode(), b"\0", body)), digest_size=DIGEST_BYTES).digest()
