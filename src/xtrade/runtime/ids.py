"""Client order ids: whole numbers that one account never gives twice (docs/decisions/0005-client-order-ids.md).

Space            how large an id may be, and at what pace the clock uses it up
next_block       where the next ids lie: above every one given before, and as high as the clock
HighWaterMark    what has been given away: `FileMark` on the disk, `MemoryMark` for back-tests and worlds,
                 `JointMark` for several accounts at once
ClientOrderIds   hands them out one by one

Ids are reserved in blocks, durably, before the first of a block is used. What a crash leaves of a block is lost,
and never given again. A block starts at the clock, so ids rise with time, and new ones are above the old ones
even where the mark was lost with its disk: unless they had run ahead of the clock (orders that came faster than a
narrow space's pace, a clock that was wrong). Then only the mark knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from zlib import crc32

from typing_extensions import override

from xtrade.model.errors import DataError, NumberError
from xtrade.model.ids import ClientOrderId
from xtrade.runtime.files import locked, replace_file

__all__ = [
    "BITS_32",
    "BITS_48",
    "BITS_63",
    "ClientOrderIds",
    "FileMark",
    "HighWaterMark",
    "JointMark",
    "MemoryMark",
    "Space",
    "next_block",
]

SECOND: Final = 1_000_000_000
YEAR: Final = 366 * 86_400 * SECOND
EPOCH_2025: Final = 1_735_689_600 * SECOND

# A block that has lain about is not used any more, so that an id tells its order's time to the minute.
# (Derive takes a 63-bit id as its nonce and refuses old ones.)
BLOCK_AGE_NS_MAX: Final = 60 * SECOND
# Trading faster than a narrow space's pace, or a clock that was wrong, puts ids ahead of the clock. That is
# harmless while the mark is kept; beyond this the clock or the mark is broken, and a person must look.
LEAD_NS_MAX: Final = YEAR

# Another process has the mark for a millisecond or two. Orders wait for it, and so does all else on the loop:
# rather an error after about a fifth of a second than a loop that hangs because a neighbour does.
LOCK_TRIES: Final = 200


class Space(NamedTuple):
    """The numbers that ids are taken from, and the pace at which the clock passes over them."""

    bits: int
    per_second: int
    epoch_ns: int
    block: int

    @property
    def end(self) -> int:
        """Return the first number beyond the space."""
        return 1 << self.bits

    def at(self, instant_ns: int) -> int:
        """Return the number that the clock has reached at an instant."""
        return (instant_ns - self.epoch_ns) * self.per_second // SECOND

    def instant_ns(self, number: int) -> int:
        """Return the instant at which the clock reaches a number."""
        return self.epoch_ns + number * SECOND // self.per_second


# 34 years is what is left of 2^48 at 2^18 a second; a 32-bit venue gets 8 a second for 17 years, until 2042
# (bursts run ahead of the clock); a 63-bit id is simply the UTC nanosecond, until 2262.
BITS_32: Final = Space(bits=32, per_second=8, epoch_ns=EPOCH_2025, block=64)
BITS_48: Final = Space(bits=48, per_second=1 << 18, epoch_ns=EPOCH_2025, block=1024)
BITS_63: Final = Space(bits=63, per_second=SECOND, epoch_ns=0, block=1024)


def next_block(space: Space, mark: int, now_ns: int) -> range:
    """Return the next free ids: above `mark`, which is one above the highest given, and from the clock on."""
    start = max(mark, space.at(now_ns), 1)
    if start + space.block > space.end:
        raise NumberError(
            f"no client order ids of {space.bits} bits are left: the last one is that of"
            f" {_date(space.instant_ns(space.end))}, and the clock says {_date(now_ns)}"
        )
    return range(start, start + space.block)


class HighWaterMark(Protocol):
    """The memory of one account: which ids are given away."""

    @property
    def space(self) -> Space:
        """The space of this account's ids."""
        ...

    def reserve(self, now_ns: int) -> range:
        """Take a block of ids that nobody else will ever get."""
        ...


class MemoryMark:
    """A mark that ends with the process: for back-tests and worlds, where the venue ends with it too."""

    def __init__(self, space: Space, mark: int = 0) -> None:
        self.space = space
        self._mark = mark

    def reserve(self, now_ns: int) -> range:
        """Take the next block."""
        block = next_block(self.space, self._mark, now_ns)
        self._mark = block.stop
        return block


class FileMark:
    """A mark on the disk, shared by all processes that trade one account: give each account its own directory.

    A mark that cannot be read stops the account: guessing it could give an id twice.
    """

    NAME: Final = "client-order-ids"

    def __init__(self, directory: Path, space: Space) -> None:
        self.space = space
        self.path = directory / self.NAME

    def reserve(self, now_ns: int) -> range:
        """Take the next block, durably: when this returns, no crash can make anyone take it again."""
        try:
            with locked(self.path.parent, tries=LOCK_TRIES):
                block = next_block(self.space, self._read(now_ns), now_ns)
                self._check_clock(block, now_ns)
                replace_file(self.path, _line(self.space.bits, block.stop))
        except OSError as error:
            raise DataError(f"cannot reserve client order ids in {self.path}: {error.strerror}") from error
        return block

    def _check_clock(self, block: range, now_ns: int) -> None:
        """Refuse ids of a year that cannot be: they would use up a narrow space, or be refused by a venue."""
        used_up_to_ns = self.space.instant_ns(block.start)
        if now_ns < EPOCH_2025:
            raise NumberError(f"the clock says {_date(now_ns)}, before xtrade was written: set it")
        if used_up_to_ns > now_ns + LEAD_NS_MAX:
            raise NumberError(
                f"{self.path} has given ids up to {_date(used_up_to_ns)}, and the clock says {_date(now_ns)}. If"
                " the clock is right, it was wrong when the file was written: remove the file, and know that the"
                " ids of that time could come again when it is reached. Or more than"
                f" {self.space.per_second} orders a second were placed for a very long time"
            )

    def _read(self, now_ns: int) -> int:
        try:
            line = self.path.read_bytes()
        except FileNotFoundError:
            return 0
        found = re.fullmatch(rb"client-order-ids v1 ([0-9]{2}) ([0-9]{1,19}) [0-9a-f]{8}\n", line)
        bits, mark = map(int, found.groups()) if found else (0, 0)
        if line != _line(bits, mark):
            raise DataError(
                f"{self.path} is damaged, and guessing its mark could give a client order id twice. Without the"
                f" file ids go on from {self.space.at(now_ns)}, later from higher: remove it once that is above"
                " every id of this account, in the journal and at the venue"
            )
        if bits != self.space.bits:
            raise DataError(
                f"{self.path} marks {bits}-bit ids, and this account has {self.space.bits}-bit ones:"
                " two accounts share one directory"
            )
        return mark

    @override
    def __repr__(self) -> str:
        return f"FileMark({str(self.path)!r})"


class JointMark:
    """The marks of several accounts that one process trades with the same ids: all of one space."""

    def __init__(self, marks: Sequence[HighWaterMark]) -> None:
        (self.space,) = {mark.space for mark in marks}
        self._marks = tuple(marks)

    def reserve(self, now_ns: int) -> range:
        """Take ids that are reserved on every account."""
        blocks = [mark.reserve(now_ns) for mark in self._marks]
        start = max(block.start for block in blocks)
        # Whoever is behind by more than a block is brought up to the one that is furthest ahead.
        ahead_ns = self.space.instant_ns(start) + 1
        blocks = [
            block if block.stop > start else mark.reserve(ahead_ns)
            for mark, block in zip(self._marks, blocks, strict=True)
        ]
        return range(max(block.start for block in blocks), min(block.stop for block in blocks))


class ClientOrderIds:
    """The ids of one account, for one thread: each higher than the one before, none ever given twice."""

    def __init__(self, mark: HighWaterMark, now_ns: Callable[[], int]) -> None:
        self._mark = mark
        self._now_ns = now_ns
        self._next = 0
        self._end = 0
        # Wall time, and no age: it says how far the ids of the block may be behind the instant of their order. After
        # a suspend, or when the clock is set forward, a monotonic clock would not know.
        self._stale_ns = 0
        self._process = 0

    def next(self) -> ClientOrderId:
        """Give the next id. The disk is asked once per block, or once a minute if orders are rare."""
        now_ns = self._now_ns()
        # A forked child has its parent's block in its memory, and must not give it away a second time.
        if self._next == self._end or now_ns >= self._stale_ns or self._process != os.getpid():
            self._take_block(now_ns)
        given = self._next
        self._next += 1
        return ClientOrderId(given)

    def given_ns(self, client_order_id: ClientOrderId) -> int:
        """Return about when an id was given: to the minute, unless ids had run ahead of the clock."""
        return self._mark.space.instant_ns(client_order_id)

    def _take_block(self, now_ns: int) -> None:
        block = self._mark.reserve(now_ns)
        if block.start < self._end:
            raise DataError(
                "the mark of this account's client order ids went back, so its file was removed or restored from"
                " a backup while in use: restart, and place no order that could repeat an id"
            )
        self._next, self._end = block.start, block.stop
        self._stale_ns = now_ns + BLOCK_AGE_NS_MAX
        self._process = os.getpid()


def _line(bits: int, mark: int) -> bytes:
    words = b"client-order-ids v1 %d %d" % (bits, mark)
    return b"%s %08x\n" % (words, crc32(words))


def _date(instant_ns: int) -> str:
    return datetime.fromtimestamp(instant_ns // SECOND, UTC).date().isoformat()
