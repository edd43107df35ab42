"""The book of one instrument as we know it, read where the kernel keeps it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from xtrade.model.instruments import Instrument
from xtrade.model.sides import Side
from xtrade.sim.replay import desk, layout
from xtrade.sim.replay.blocks import address_of
from xtrade.sim.replay.compiled import direct
from xtrade.sim.replay.layout import Words

__all__ = ["ReplayBook", "Top"]

_EMPTY: Final = layout.HALF_EMPTY
# The best bid is the lower half of its word, the best ask the upper one.
_BID, _ASK = (0, 1) if sys.byteorder == "little" else (1, 0)


class Top(NamedTuple):
    """The best of both sides, in ticks and lots; None where a side is empty."""

    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int


class ReplayBook:
    """Tells the new state after each `advance`. The best prices are there at once; lots are looked up in the levels."""

    __slots__ = (
        "_address",
        "_ask",
        "_best",
        "_best_at",
        "_bid",
        "_halves",
        "_known",
        "_levels_of",
        "_place",
        "_trusted",
        "_version",
        "_versions",
        "_words",
    )

    def __init__(
        self, words: memoryview[int], address: int, place: int, versions: Sequence[Instrument]
    ) -> None:
        market = words[layout.INSTRUMENTS] + place * layout.INSTRUMENT_WORDS
        self._words = words
        self._address = address
        self._place = place
        self._versions = versions
        # Asked at every wake: a look at the memory takes a fraction of a call of a kernel.
        self._halves: memoryview[int] = words.cast("B").cast("i")
        self._bid = 2 * (market + layout.HEARD) + _BID
        self._ask = 2 * (market + layout.HEARD) + _ASK
        self._levels_of = direct(desk.levels, 5)
        self._best: Words = np.empty(2, np.int64)
        self._best_at = address_of(self._best)
        self._known = market + layout.KNOWN_BOOK
        self._trusted = market + layout.KNOWN_TRUSTED
        self._version = market + layout.KNOWN_VERSION

    @property
    def instrument(self) -> Instrument:
        """The instrument in the version now in force."""
        return self._versions[self._words[self._version]]

    @property
    def is_trusted(self) -> bool:
        """Whether the book is whole: False between a gap and the next snapshot."""
        return self._words[self._trusted] != 0

    @property
    def bid_ticks(self) -> int | None:
        """The best bid."""
        key = self._halves[self._bid]
        return None if key == _EMPTY else key

    @property
    def ask_ticks(self) -> int | None:
        """The best ask."""
        key = self._halves[self._ask]
        return None if key == _EMPTY else -key

    @property
    def mid_ticks(self) -> float | None:
        """The middle, in ticks."""
        bid, ask = self.bid_ticks, self.ask_ticks
        return None if bid is None or ask is None else (bid + ask) / 2

    @property
    def bid_lots(self) -> int:
        """What stands at the best bid."""
        return self._best_lots(layout.BUY)

    @property
    def ask_lots(self) -> int:
        """What stands at the best ask."""
        return self._best_lots(layout.SELL)

    @property
    def top(self) -> Top:
        """The best of both sides."""
        return Top(self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots)

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Return up to `count` levels (ticks, lots) of a side, best first."""
        number = layout.BUY if side is Side.BUY else layout.SELL
        ladder = self._known + number * layout.LADDER_WORDS
        most = min(count, self._words[ladder + layout.SIZE] + self._words[ladder + layout.SPILL_MASK] + 1)
        found = np.empty((most, 2), np.int64)
        there = self._levels_of(self._address, self._place, number, most, address_of(found))
        return [(ticks, lots) for ticks, lots in found[:there].tolist()]

    def _best_lots(self, side: int) -> int:
        if not self._levels_of(self._address, self._place, side, 1, self._best_at):
            return 0
        return int(self._best[1])
