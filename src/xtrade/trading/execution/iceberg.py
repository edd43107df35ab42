"""A large limit order of which little is shown.

    outcome = await iceberg(ctx, Iceberg(instrument=key, side=Side.SELL, lots=500, show_lots=20, ticks=95_100))

One slice stands in the book; when it has traded, the next follows at the same price, behind whoever stands there then.
"""

from __future__ import annotations

from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import NS_PER_S, Parent, nanoseconds
from xtrade.trading.params import Params

__all__ = ["Iceberg", "iceberg"]


class Iceberg(Params, frozen=True, kw_only=True):
    """How much in all, how much of it to show, and at which price."""

    instrument: str
    side: Side
    lots: int
    show_lots: int
    ticks: int
    vary: float = 0.0
    """By which share of `show_lots` slices differ, up or down: drawn from the strategy's own chance."""
    post_only: bool = False
    reduce_only: bool = False
    timeout_s: float = 3600.0
    pause_s: float = 0.25
    """Before another slice, after one that was refused or did not trade in full."""
    refusals_max: int = 5
    answer_s: float = 10.0

    def __post_init__(self) -> None:
        at_least(
            1, lots=self.lots, show_lots=self.show_lots, ticks=self.ticks, refusals_max=self.refusals_max
        )
        above_zero(timeout_s=self.timeout_s, pause_s=self.pause_s, answer_s=self.answer_s)
        if not 0 <= self.vary < 1:
            raise ValueError(f"vary = {self.vary}: expected a share from 0, and below 1")


async def iceberg(ctx: Context, wish: Iceberg) -> Outcome:
    """Trade at one price, showing a little at a time."""
    parent = Parent(ctx, wish.instrument, wish.side, wish.lots, name="iceberg")
    with parent.canceled_with_task():
        ended, reason = await _slices(parent, wish)
        if not await parent.withdraw(wish.answer_s):
            ended, reason = (
                Ended.IN_DOUBT,
                f"the venue did not say in {wish.answer_s:g} s what became of an order",
            )
    return parent.outcome(ended, reason)


async def _slices(parent: Parent, wish: Iceberg) -> tuple[Ended, str]:
    ctx = parent.ctx
    deadline_ns = parent.started_ns + nanoseconds(wish.timeout_s)
    chance = ctx.chance("iceberg")
    fruitless = 0
    while not parent.is_reached:
        if (stop := parent.must_stop) is not None:
            return Ended.STOPPED, stop
        if parent.is_below_minimum:
            return Ended.BELOW_MINIMUM, f"{parent.left_lots} lots are less than the venue takes"
        if ctx.now_ns >= deadline_ns:
            return Ended.TIMED_OUT, f"{wish.timeout_s:g} s are over"
        if ctx.trouble(wish.instrument) is None:
            show = round(wish.show_lots * (1 + wish.vary * (2 * chance.random() - 1)))
            order = parent.send(
                _shown(parent, show), ticks=wish.ticks, post_only=wish.post_only, reduce_only=wish.reduce_only
            )
            if await order.ended(within=(deadline_ns - ctx.now_ns) / NS_PER_S) is None:
                continue
            fruitless = 0 if order.filled_lots else fruitless + 1
            if fruitless == wish.refusals_max:
                return Ended.REFUSED, parent.refusal or "the venue ends our orders"
            if order.filled_lots >= order.lots:
                continue
        await ctx.sleep(min(wish.pause_s, max(0, deadline_ns - ctx.now_ns) / NS_PER_S))
    return Ended.DONE, ""


def _shown(parent: Parent, show: int) -> int:
    """Return how much to show: no less than the venue takes, and not so that less than that is left."""
    least, left = parent.instrument.min_lots, parent.left_lots
    show = min(max(show, least), left)
    return left if left - show < least else show
