"""A quantity spread evenly over a time.

    wish = Twap(instrument=key, side=Side.BUY, lots=600, duration_s=3600, slices=60, through_ticks=10)
    outcome = await twap(ctx, wish)

Each slice brings what has traded up to the schedule, so what one slice missed the next one makes good. A slice is
worked by a tracking limit and finished at the market within the guard, or taken at the market at once.
"""

from __future__ import annotations

from typing import Literal

from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import NS_PER_S, Parent, nanoseconds
from xtrade.trading.execution.protected import ProtectedMarket, work_protected
from xtrade.trading.execution.tracking import TrackingLimit, work_tracking
from xtrade.trading.params import Params

__all__ = ["Twap", "scheduled_lots", "twap"]

# A slice by limit leaves so much of its time to the market order that finishes it.
LIMIT_SHARE = 0.8


class Twap(Params, frozen=True, kw_only=True):
    """What to trade over which time, in how many slices, and how."""

    instrument: str
    side: Side
    lots: int
    duration_s: float
    slices: int
    through_ticks: int
    """How far through the touch the market part of a slice may trade."""
    worst_ticks: int | None = None
    style: Literal["limit", "market"] = "limit"
    vary: float = 0.0
    """By which share of half its interval a slice may come late, at most: drawn from the strategy's own chance."""
    look_every_s: float = 0.25
    answer_s: float = 10.0

    def __post_init__(self) -> None:
        at_least(1, lots=self.lots, slices=self.slices, worst_ticks=self.worst_ticks)
        at_least(0, through_ticks=self.through_ticks)
        above_zero(duration_s=self.duration_s, look_every_s=self.look_every_s, answer_s=self.answer_s)
        if not 0 <= self.vary <= 1:
            raise ValueError(f"vary = {self.vary}: expected a share from 0 to 1")


def scheduled_lots(lots: int, slices: int, number: int, smallest: int) -> int:
    """Return how much should have traded after slice `number` (from 0): evenly, never leaving less than an order."""
    due = lots * (number + 1) // slices
    return lots if lots - due < smallest else due


async def twap(ctx: Context, wish: Twap) -> Outcome:
    """Trade a quantity evenly over a time."""
    parent = Parent(ctx, wish.instrument, wish.side, wish.lots, name="TWAP")
    with parent.canceled_with_task():
        ended, reason = await _slices(parent, wish)
    return parent.outcome(ended, reason)


async def _slices(parent: Parent, wish: Twap) -> tuple[Ended, str]:
    ctx = parent.ctx
    interval_ns = nanoseconds(wish.duration_s / wish.slices)
    late = ctx.chance("twap")
    ended, reason = Ended.DONE, ""
    for number in range(wish.slices):
        begins_ns = (
            parent.started_ns + number * interval_ns + round(wish.vary * late.random() * interval_ns / 2)
        )
        if ctx.now_ns < begins_ns:
            await ctx.sleep((begins_ns - ctx.now_ns) / NS_PER_S)
        parent.goal_lots = scheduled_lots(wish.lots, wish.slices, number, parent.instrument.min_lots)
        if parent.is_reached or (parent.is_below_minimum and number < wish.slices - 1):
            continue
        left_ns = parent.started_ns + (number + 1) * interval_ns - ctx.now_ns
        ended, reason = await _slice(parent, wish, max(left_ns / NS_PER_S, wish.look_every_s))
        if ended in {Ended.IN_DOUBT, Ended.STOPPED}:
            break
    return ended, reason


async def _slice(parent: Parent, wish: Twap, left_s: float) -> tuple[Ended, str]:
    if wish.style == "market":
        return await work_protected(
            parent,
            ProtectedMarket(
                instrument=wish.instrument,
                side=wish.side,
                lots=wish.lots,
                through_ticks=wish.through_ticks,
                worst_ticks=wish.worst_ticks,
                pause_s=wish.look_every_s,
                answer_s=wish.answer_s,
            ),
        )
    return await work_tracking(
        parent,
        TrackingLimit(
            instrument=wish.instrument,
            side=wish.side,
            lots=wish.lots,
            worst_ticks=wish.worst_ticks,
            look_every_s=wish.look_every_s,
            timeout_s=left_s * LIMIT_SHARE,
            answer_s=wish.answer_s,
            fallback_through_ticks=wish.through_ticks,
        ),
    )
