"""Live books: kept from snapshots and deltas, and trusted only while nothing is missing.

    books = LiveBooks(instruments)
    heard = books.apply(delta)          # what it did: Heard.CHANGED, GAP, OLD
    books.book("sim:BTC/USDT").bid_ticks

A delta whose `previous_sequence` is not the last one heard leaves a gap: from then on the book is not trusted, whoever
keeps it asks the venue for a new snapshot, and everything until that comes is let go. A book that stands crossed is
not trusted either, until it no longer does.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from enum import StrEnum

from xtrade.market.book import Book
from xtrade.model.errors import UsageError, did_you_mean
from xtrade.model.events import BookDelta, BookSnapshot
from xtrade.model.instruments import Instrument
from xtrade.model.levels import Levels
from xtrade.model.sides import Side

__all__ = ["Heard", "LiveBook", "LiveBooks"]


class Heard(StrEnum):
    """What an event did to its book."""

    CHANGED = "changed"
    GAP = "gap"
    OLD = "old"


class _Levels:
    """One side: lots by ticks, and the ticks in ascending order."""

    __slots__ = ("lots", "ticks")

    def __init__(self) -> None:
        self.lots: dict[int, int] = {}
        self.ticks: list[int] = []

    def replace(self, levels: Levels) -> None:
        self.lots = {ticks: lots for ticks, lots in levels if lots}
        self.ticks = sorted(self.lots)

    def change(self, levels: Levels) -> None:
        for ticks, lots in levels:
            if lots:
                if ticks not in self.lots:
                    insort(self.ticks, ticks)
                self.lots[ticks] = lots
            elif self.lots.pop(ticks, None) is not None:
                del self.ticks[bisect_left(self.ticks, ticks)]


class LiveBook:
    """The book of one instrument, as the venue's messages have made it."""

    __slots__ = ("_asks", "_bids", "_instrument", "_sequence", "_whole", "heard_ns")

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._bids, self._asks = _Levels(), _Levels()
        self._sequence: int | None = None
        self._whole = False
        self.heard_ns = 0
        """When it was last heard of; 0 before that."""

    @property
    def instrument(self) -> Instrument:
        """The instrument in the version now in force."""
        return self._instrument

    @property
    def sequence(self) -> int | None:
        """The venue's number of the last change that is in the book; None where it gives none."""
        return self._sequence

    @property
    def is_trusted(self) -> bool:
        """Whether the book is whole, and not crossed."""
        bid, ask = self.bid_ticks, self.ask_ticks
        return self._whole and (bid is None or ask is None or bid < ask)

    @property
    def bid_ticks(self) -> int | None:
        """The best bid; None where nobody bids."""
        return self._bids.ticks[-1] if self._bids.ticks else None

    @property
    def ask_ticks(self) -> int | None:
        """The best ask; None where nobody asks."""
        return self._asks.ticks[0] if self._asks.ticks else None

    @property
    def bid_lots(self) -> int:
        """What stands at the best bid; 0 where nobody bids."""
        return self._bids.lots[self._bids.ticks[-1]] if self._bids.ticks else 0

    @property
    def ask_lots(self) -> int:
        """What stands at the best ask; 0 where nobody asks."""
        return self._asks.lots[self._asks.ticks[0]] if self._asks.ticks else 0

    @property
    def mid_ticks(self) -> float | None:
        """The middle of the best bid and ask, in ticks; None where a side is empty."""
        if not self._bids.ticks or not self._asks.ticks:
            return None
        return (self._bids.ticks[-1] + self._asks.ticks[0]) / 2

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Return up to `count` levels (ticks, lots) of a side, best first."""
        if count < 1:
            return []
        if side is Side.BUY:
            return [(ticks, self._bids.lots[ticks]) for ticks in self._bids.ticks[: -count - 1 : -1]]
        return [(ticks, self._asks.lots[ticks]) for ticks in self._asks.ticks[:count]]

    def apply(self, event: BookSnapshot | BookDelta) -> Heard:
        """Take in what the venue told."""
        if isinstance(event, BookSnapshot):
            self._bids.replace(event.bids)
            self._asks.replace(event.asks)
            self._whole = True
        else:
            if not self._whole:
                return Heard.OLD
            last, here, before = self._sequence, event.sequence, event.previous_sequence
            # A chain that holds is believed also where the venue begins to count anew, as OKX does after maintenance.
            follows = before is not None and before == last
            if last is not None and here is not None and here <= last and not follows:
                return Heard.OLD  # the snapshot has it already, or the venue repeats itself
            if last is not None and before is not None and not follows:
                self._whole = False
                return Heard.GAP
            self._bids.change(event.bids)
            self._asks.change(event.asks)
        self._sequence = event.sequence
        self.heard_ns = event.received_ns
        return Heard.CHANGED

    def distrust(self) -> None:
        """Trust nothing until the next snapshot: the connection is gone."""
        self._whole = False

    def use(self, instrument: Instrument) -> None:
        """Go on with a new version of the instrument; on another grid the old levels mean nothing."""
        if _grid(instrument) != _grid(self._instrument):
            self._bids, self._asks = _Levels(), _Levels()
            self._whole = False
        self._instrument = instrument


class LiveBooks:
    """The books and instruments of a run: what the engine asks its markets."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = dict(instruments)
        self._books: dict[str, LiveBook] = {}

    def instrument(self, key: str) -> Instrument:
        """Return the instrument in the version now in force; a UsageError if it is not there."""
        found = self._instruments.get(key)
        if found is None:
            raise UsageError(
                f"there is no market {key}: expected one of {_few(self._instruments)}."
                f"{did_you_mean(key, self._instruments)}"
            )
        return found

    def book(self, key: str) -> Book:
        """Return the book of an instrument; the same object each time."""
        return self.live(key)

    def live(self, key: str) -> LiveBook:
        """Return the same book, with what only its keeper needs to know."""
        found = self._books.get(key)
        if found is None:
            found = self._books[key] = LiveBook(self.instrument(key))
        return found

    def apply(self, event: BookSnapshot | BookDelta) -> Heard:
        """Take in what a venue told of a book."""
        return self.live(event.instrument).apply(event)

    def distrust(self, venue: str) -> list[str]:
        """Trust no book of a venue until its next snapshot; return which they are."""
        theirs = [key for key in self._books if key.partition(":")[0] == venue]
        for key in theirs:
            self._books[key].distrust()
        return theirs

    def use(self, instrument: Instrument) -> None:
        """Go on with a new version of an instrument."""
        self._instruments[instrument.key] = instrument
        if instrument.key in self._books:
            self._books[instrument.key].use(instrument)


def _grid(instrument: Instrument) -> tuple[object, ...]:
    return instrument.tick, instrument.lot, instrument.multiplier, instrument.tick_bands


def _few(keys: Iterable[str]) -> str:
    keys = list(keys)
    return ", ".join(keys[:8]) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")
