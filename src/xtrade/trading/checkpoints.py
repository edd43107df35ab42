"""A checkpoint: what a journal adds up to at one of its records, so that the next start reads only what came after.

    found = restored(journal.store, keep=True)
    Handover.of(found.store, found.store.handed_over_ns)

It is a cache beside the journal: who loses or deletes it loses time. And it is not believed for its own sake: it must
be whole, of this journal, made by this version (another one may add up differently), and the digest of its record must
stand in the chain at that place. If it does not hold, `word` says so and the journal is read from its beginning.

What follows the checkpoint is checked against the chain, record by record; what is before it is checked by `xtrade
journal verify`, and the checkpoint's own sums with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from typing import Final, NamedTuple, Protocol

from xtrade.model.errors import DataError, JournalBroken
from xtrade.model.records import from_msgpack, to_msgpack
from xtrade.trading.journal.entries import Entry, checked
from xtrade.trading.order_store import Folded, OrderStore, nothing_collected, replayed

__all__ = [
    "FORM",
    "KEEP_AFTER",
    "Restored",
    "checkpoint_of",
    "from_bytes",
    "keep_checkpoint",
    "restored",
    "to_bytes",
]

FORM: Final = 1
"""Raise it with every change of what records add up to, or of how that is written: a test tells when."""

KEEP_AFTER: Final = 20_000
"""Who had to read so many records keeps what they add up to."""

SEAL_BYTES: Final = 16


class _Journal(Protocol):
    """A journal that is open for reading, or the store of one that is being written."""

    @property
    def name(self) -> str: ...
    @property
    def genesis(self) -> bytes: ...
    def read(self, *, after: int = 0) -> Iterable[Entry]: ...
    def checkpoint(self) -> bytes | None: ...
    def keep_checkpoint(self, data: bytes) -> None: ...


class Restored(NamedTuple):
    """What a journal adds up to, and how that was found."""

    store: OrderStore
    read: int
    """How many records were read for it."""
    word: str = ""
    """What was wrong with the checkpoint, for people; empty if nothing was."""


def restored(
    journal: _Journal,
    *,
    onto: OrderStore | None = None,
    keep: bool = False,
    shown: Callable[[Iterable[Entry]], Iterable[Entry]] = lambda entries: entries,
) -> Restored:
    """Add up a journal: from its checkpoint, or `onto` what was read of it before.

    With `keep` a new checkpoint is made if much has come since the last; `shown` may watch the reading.
    """
    store, word = onto, ""
    if store is None:
        try:
            store = checkpoint_of(journal)
        except DataError as error:
            word = f"the checkpoint of {journal.name} was not used: {error}. All records were read instead"
    if store is None:
        store = OrderStore()
    began, digest = store.sequence, store.digest or journal.genesis
    entries = shown(journal.read(after=began))
    replayed(checked(entries, digest, after=began, where=journal.name), store)
    if keep and store.sequence - began >= KEEP_AFTER:
        try:
            keep_checkpoint(journal, store)
        except (DataError, JournalBroken) as error:
            word = f"no checkpoint of {journal.name} could be kept: {error}"
    return Restored(store, store.sequence - began, word)


def checkpoint_of(journal: _Journal) -> OrderStore | None:
    """Return what a journal's checkpoint tells; None if there is none. A DataError says why one does not hold."""
    data = journal.checkpoint()
    if data is None:
        return None
    store = from_bytes(data, journal.genesis)
    there = next(iter(journal.read(after=store.sequence - 1)), None)
    if there is None:
        raise DataError(f"the journal ends before record {store.sequence}, where it was made")
    if (there.sequence, there.digest) != (store.sequence, store.digest):
        raise DataError(f"record {store.sequence} of the journal is not the one that it was made at")
    return store


def keep_checkpoint(journal: _Journal, store: OrderStore) -> None:
    """Keep what the records of a journal add up to, so far as the store has read them, in place of what was kept."""
    journal.keep_checkpoint(to_bytes(store, journal.genesis))


def to_bytes(store: OrderStore, genesis: bytes) -> bytes:
    """Write what a store knows of the journal that begins with `genesis`; equal stores give equal bytes."""
    state = to_msgpack(store.folded())
    return b"".join((_made_by(), _seal(genesis, state), state))


def from_bytes(data: bytes, genesis: bytes) -> OrderStore:
    """Read a checkpoint of the journal that begins with `genesis`; a DataError says why it is not to be used."""
    made_by = _made_by()
    if not data.startswith(made_by):
        raise DataError("another version of xtrade made it, or it is damaged")
    begin = len(made_by) + SEAL_BYTES
    state = data[begin:]
    if data[len(made_by) : begin] != _seal(genesis, state):
        raise DataError("it is damaged, or of another journal")
    with nothing_collected():
        return OrderStore.of(from_msgpack(state, Folded))


def _seal(genesis: bytes, state: bytes) -> bytes:
    digest = blake2b(genesis, digest_size=SEAL_BYTES)
    digest.update(state)
    return digest.digest()


def _made_by() -> bytes:
    try:
        maker = version("xtrade")
    except PackageNotFoundError:
        maker = "from its sources"
    return f"xtrade checkpoint {FORM} of {maker}\n".encode()
