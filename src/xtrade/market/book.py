"""What may be asked of an order book, whoever keeps it: a live link, a replay, a test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from xtrade.model.instruments import Instrument
from xtrade.model.sides import Side

__all__ = ["Book"]


class Book(Protocol):
    """The book of one instrument as we know it now; the same object tells the new state after each change.

    Nothing here is kept for later: take the numbers, not the book.
    """

    @property
    def instrument(self) -> Instrument:
        """The instrument in the version now in force."""
        ...

    @property
    def is_trusted(self) -> bool:
        """Whether the book is whole: False before the first snapshot, and between a gap and the next one."""
        ...

    @property
    def bid_ticks(self) -> int | None:
        """The best bid; None where nobody bids."""
        ...

    @property
    def ask_ticks(self) -> int | None:
        """The best ask; None where nobody asks."""
        ...

    @property
    def bid_lots(self) -> int:
        """What stands at the best bid; 0 where nobody bids or the size is not known."""
        ...

    @property
    def ask_lots(self) -> int:
        """What stands at the best ask; 0 where nobody asks or the size is not known."""
        ...

    @property
    def mid_ticks(self) -> float | None:
        """The middle of the best bid and ask, in ticks; None where a side is empty."""
        ...

    def levels(self, side: Side, count: int) -> Iterable[tuple[int, int]]:
        """Return up to `count` levels (ticks, lots) of a side, best first."""
        ...
