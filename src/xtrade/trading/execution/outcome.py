"""What an execution did, and why it ended."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from xtrade.model.ids import ClientOrderId
from xtrade.model.sides import Side

__all__ = ["Ended", "Outcome"]


class Ended(StrEnum):
    """Why an execution ended."""

    DONE = "done"
    """All of it traded."""
    TIMED_OUT = "timed_out"
    ATTEMPTS_SPENT = "attempts_spent"
    PRICE_GUARD = "price_guard"
    """The market is beyond the worst price that was allowed."""
    BELOW_MINIMUM = "below_minimum"
    """What is left is less than the venue takes."""
    REFUSED = "refused"
    """The risk gate or the venue keeps saying no."""
    VENUE_DOWN = "venue_down"
    IN_DOUBT = "in_doubt"
    """The venue did not say in time what became of an order: `open_lots` of it may still trade, or have traded."""
    COMPENSATED = "compensated"
    """A leg failed, and what was naked was hedged elsewhere or unwound."""
    NAKED = "naked"
    """A leg failed, and what is naked could not be closed: see what is left, and close it."""
    STOPPED = "stopped"
    """What ran it wanted no more of it."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What one execution did on one market."""

    instrument: str
    side: Side
    lots: int
    """What was wanted."""
    filled_lots: int
    open_lots: int
    """What may still trade, or have traded unheard: zero unless it ended in doubt."""
    average_price: Decimal | None
    """Of the fills in hand, to a hundredth of a tick; None if there are none."""
    orders: tuple[ClientOrderId, ...]
    started_ns: int
    ended_ns: int
    ended: Ended
    reason: str

    @property
    def left_lots(self) -> int:
        """What was wanted and has not traded."""
        return max(0, self.lots - self.filled_lots)

    @property
    def is_done(self) -> bool:
        """Whether all of it traded."""
        return self.ended is Ended.DONE
