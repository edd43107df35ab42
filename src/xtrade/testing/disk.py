"""A disk for a journal, in memory: it outlives the processes that write it, can be full, and can lose its power.

It keeps entries as the real stores do, so that everything above it is the real journal: records are sealed, chained,
written before what they announce, kept while nothing can be written, and read anew by the next process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from typing_extensions import override

from xtrade.model.errors import JournalBroken
from xtrade.model.records import msgpack_reader
from xtrade.runtime import chance
from xtrade.testing.faults import Mishaps
from xtrade.trading.journal.durable import Store
from xtrade.trading.journal.entries import Entry, genesis
from xtrade.trading.ports import Asked

__all__ = ["Disk"]

_asked = msgpack_reader(Asked)


class Disk(Store):
    """What is written, and up to where it is safe from a power cut."""

    def __init__(self, mishaps: Mishaps) -> None:
        self.entries: list[Entry] = []
        self.synced = 0
        """So many entries survive a power cut."""
        self.intents: set[int] = set()
        """The orders whose intent is written."""
        self.asked: Counter[tuple[int, str]] = Counter()
        """How often a cancel or a change of an order is written as asked for."""
        self.is_full = False
        self._mishaps = mishaps

    def power_fails(self) -> None:
        """Lose what was not synced; the kernel may have written some of it by itself."""
        kept = chance.stream("testing/disk").randint(self.synced, len(self.entries))
        lost = self.entries[kept:]
        del self.entries[kept:]
        self.synced = kept
        for entry in lost:
            self._count(entry, -1)

    def free(self) -> None:
        """Have room again."""
        self.is_full = False

    @property
    @override
    def name(self) -> str:
        return "the journal in memory"

    @property
    @override
    def genesis(self) -> bytes:
        return genesis("world", 0)

    @override
    def append(self, entries: Sequence[Entry], *, urgent: bool) -> int:
        if not self.is_full and self._mishaps.happens("disk_full"):
            self.is_full = True
            asyncio.get_running_loop().call_later(self._mishaps.seconds("full_s_max"), self.free)
        self._must_write()
        if entries[0].sequence != len(self.entries) + 1:
            raise JournalBroken(f"{self.name} is written by another process now", lost=True)
        self.entries += entries
        for entry in entries:
            self._count(entry, 1)
        if urgent:
            self.synced = len(self.entries)
        return len(self.entries)

    @override
    def flush(self) -> int:
        return len(self.entries)

    @override
    def reopen(self) -> tuple[int, int, bytes]:
        self._must_write()
        return self.head()

    @override
    def head(self) -> tuple[int, int, bytes]:
        if not self.entries:
            return 0, 0, self.genesis
        last = self.entries[-1]
        return last.sequence, last.session, last.digest

    @override
    def checkpoint(self) -> bytes | None:
        return None  # worlds fold their journal from its beginning, which is short

    @override
    def keep_checkpoint(self, data: bytes) -> None:
        """Keep nothing."""

    @override
    def read(self, *, after: int = 0, order: int | None = None, kind: str | None = None) -> Iterator[Entry]:
        for entry in self.entries[after:]:
            if order in {None, entry.order} and kind in {None, entry.kind}:
                yield entry

    @override
    def close(self) -> None:
        """Nothing is held."""

    # -- how ------------------------------------------------------------------------------------------------------

    def _must_write(self) -> None:
        if self.is_full:
            raise JournalBroken(f"cannot write {self.name}: the disk is full")

    def _count(self, entry: Entry, by: int) -> None:
        if entry.order is not None and entry.kind == "OrderIntent":
            (self.intents.add if by > 0 else self.intents.discard)(entry.order)
        elif entry.order is not None and entry.kind == "Asked":
            self.asked[entry.order, _asked(entry.body).what] += by
