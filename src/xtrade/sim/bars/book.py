"""The market as a bar leaves it: a guess of the best bid and ask, and nothing of sizes."""

from __future__ import annotations

from xtrade.model.instruments import Instrument
from xtrade.model.sides import Side
from xtrade.sim.replay.book import Top

__all__ = ["BarBook"]


class BarBook:
    """Tells the new state after each `advance`: half the assumed spread from the last close, to either side.

    Nobody knows how much is there: the lots are 0. Before the first close there is no guess.
    """

    __slots__ = ("_closed", "_closes", "_half", "_words", "instrument")

    def __init__(
        self, words: memoryview[int], closed: int, closes: memoryview[int], half: int, instrument: Instrument
    ) -> None:
        self._words = words
        self._closed = closed
        self._closes = closes
        self._half = half
        self.instrument = instrument
        """The instrument."""

    @property
    def is_trusted(self) -> bool:
        """Whether there was a bar yet."""
        return self._words[self._closed] >= 0

    @property
    def bid_ticks(self) -> int | None:
        """The last close, less half the spread that is assumed."""
        row = self._words[self._closed]
        return None if row < 0 else max(self._closes[row] - self._half, 1)

    @property
    def ask_ticks(self) -> int | None:
        """The last close, and half the spread that is assumed."""
        row = self._words[self._closed]
        return None if row < 0 else self._closes[row] + self._half

    @property
    def bid_lots(self) -> int:
        """Not known: 0."""
        return 0

    @property
    def ask_lots(self) -> int:
        """Not known: 0."""
        return 0

    @property
    def mid_ticks(self) -> float | None:
        """The middle, in ticks."""
        bid, ask = self.bid_ticks, self.ask_ticks
        return None if bid is None or ask is None else (bid + ask) / 2

    @property
    def top(self) -> Top:
        """The guess of both sides."""
        return Top(self.bid_ticks, 0, self.ask_ticks, 0)

    def levels(self, side: Side, count: int) -> list[tuple[int, int]]:
        """Return the one level that is guessed, of unknown size."""
        ticks = self.bid_ticks if side is Side.BUY else self.ask_ticks
        return [] if ticks is None or count < 1 else [(ticks, 0)]
