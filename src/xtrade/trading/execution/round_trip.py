"""Open by a tracking limit, hold, close by market: one flow.

    trip = await open_then_close(ctx, RoundTrip(open=TrackingLimit(...), hold_s=300, close_through_ticks=20))

What is closed is what was opened, to the lot: also if the opening ended with a part, and if more was filled while it
was being canceled.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import Parent
from xtrade.trading.execution.protected import ProtectedMarket, work_protected
from xtrade.trading.execution.tracking import TrackingLimit, work_tracking
from xtrade.trading.params import Params
from xtrade.trading.tasks import Signal

__all__ = ["RoundTrip", "RoundTripOutcome", "open_then_close"]


class RoundTrip(Params, frozen=True, kw_only=True):
    """How to open, how long to hold, and how far to go to close."""

    open: TrackingLimit
    hold_s: float
    close_through_ticks: int
    """How far through the touch each attempt to close may trade."""
    close_attempts_max: int = 240
    close_pause_s: float = 0.25
    close_reduce_only: bool = False

    def __post_init__(self) -> None:
        at_least(0, hold_s=self.hold_s, close_through_ticks=self.close_through_ticks)
        at_least(1, close_attempts_max=self.close_attempts_max)
        above_zero(close_pause_s=self.close_pause_s)


class RoundTripOutcome(Struct, frozen=True, kw_only=True):
    """What was opened, and what of it was closed; `closed` is None if nothing was opened."""

    opened: Outcome
    closed: Outcome | None

    @property
    def is_flat(self) -> bool:
        """Whether nothing is left of it."""
        if self.opened.open_lots:
            return False
        return self.closed is None or (self.closed.left_lots == 0 and self.closed.open_lots == 0)


async def open_then_close(
    ctx: Context, wish: RoundTrip, until: Signal[Any] | None = None
) -> RoundTripOutcome:
    """Open, hold until the time is over or `until` is known, close."""
    first = wish.open
    opening = Parent(ctx, first.instrument, first.side, first.lots, name="round trip, open")
    with opening.canceled_with_task():
        opened = opening.outcome(*await work_tracking(opening, first))
        if opening.filled_lots == 0 and opening.open_lots == 0:
            return RoundTripOutcome(opened=opened, closed=None)
        hold = ctx.sleep(wish.hold_s)
        await (hold if until is None else ctx.first(hold, until))
        await opening.withdraw(first.answer_s)  # if it was in doubt: it may be known by now
    closing = Parent(ctx, first.instrument, first.side.opposite, 0, name="round trip, close")
    ended, reason = Ended.DONE, ""
    with opening.canceled_with_task(), closing.canceled_with_task():
        while ended is Ended.DONE and closing.filled_lots < opening.filled_lots:
            closing.lots = closing.goal_lots = opening.filled_lots
            ended, reason = await _close(closing, wish)
    if opened.open_lots:
        opened = opening.outcome(opened.ended, opened.reason)
    if not closing.lots:
        return RoundTripOutcome(opened=opened, closed=None)
    if closing.filled_lots < closing.lots and ended is not Ended.IN_DOUBT:
        ctx.note(
            f"ALARM: round trip: {closing.left_lots} lots of {closing.key} are not closed: {ended}, {reason}"
        )
    return RoundTripOutcome(opened=opened, closed=closing.outcome(ended, reason))


async def _close(closing: Parent, wish: RoundTrip) -> tuple[Ended, str]:
    return await work_protected(
        closing,
        ProtectedMarket(
            instrument=closing.key,
            side=closing.side,
            lots=closing.lots,
            through_ticks=wish.close_through_ticks,
            attempts_max=wish.close_attempts_max,
            pause_s=wish.close_pause_s,
            answer_s=wish.open.answer_s,
            reduce_only=wish.close_reduce_only,
        ),
    )
