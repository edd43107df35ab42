"""A market order that knows the worst price it may pay.

    outcome = await market_protected(ctx, ProtectedMarket(instrument=key, side=Side.BUY, lots=5, through_ticks=20))

What is sent is a limit order that takes what it can at once and lets the rest go: no venue, however thin its book is at
that moment, fills it beyond the limit. What was not there is asked for again, at the touch of then.
"""

from __future__ import annotations

from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import Parent
from xtrade.trading.execution.prices import protected_ticks, touch
from xtrade.trading.params import Params

__all__ = ["ProtectedMarket", "market_protected", "work_protected"]


class ProtectedMarket(Params, frozen=True, kw_only=True):
    """How much to take, and how far to go for it."""

    instrument: str
    side: Side
    lots: int
    through_ticks: int
    """How far through the touch, at the moment of sending, it may trade."""
    worst_ticks: int | None = None
    """The worst price of all, whatever the touch is."""
    attempts_max: int = 3
    pause_s: float = 0.25
    """Between two attempts."""
    answer_s: float = 10.0
    """How long to wait for the venue's answer before the order counts as in doubt."""
    reduce_only: bool = False

    def __post_init__(self) -> None:
        at_least(1, lots=self.lots, attempts_max=self.attempts_max, worst_ticks=self.worst_ticks)
        at_least(0, through_ticks=self.through_ticks)
        above_zero(pause_s=self.pause_s, answer_s=self.answer_s)


async def market_protected(ctx: Context, wish: ProtectedMarket) -> Outcome:
    """Take what is there, within the guard."""
    parent = Parent(ctx, wish.instrument, wish.side, wish.lots, name="protected market")
    with parent.canceled_with_task():
        ended, reason = await work_protected(parent, wish)
    return parent.outcome(ended, reason)


async def work_protected(parent: Parent, wish: ProtectedMarket) -> tuple[Ended, str]:
    """Take what is left of a parent; its own quantity counts, not the wish's."""
    ctx = parent.ctx
    ended, reason = Ended.ATTEMPTS_SPENT, ""
    for attempt in range(wish.attempts_max):
        if attempt:
            await ctx.sleep(wish.pause_s)
        if parent.is_reached:
            return Ended.DONE, ""
        if (stop := parent.must_stop) is not None:
            return Ended.STOPPED, stop
        if parent.is_below_minimum:
            return Ended.BELOW_MINIMUM, f"{parent.left_lots} lots are less than the venue takes"
        ended, reason = await _attempt(parent, wish)
        if ended is Ended.IN_DOUBT:
            return ended, reason
    return (Ended.DONE, "") if parent.is_reached else (ended, reason)


async def _attempt(parent: Parent, wish: ProtectedMarket) -> tuple[Ended, str]:
    ctx = parent.ctx
    trouble = ctx.trouble(wish.instrument)
    if trouble is not None:
        return Ended.VENUE_DOWN, trouble
    book = ctx.book(wish.instrument)
    ticks = protected_ticks(book, wish.side, through_ticks=wish.through_ticks, worst_ticks=wish.worst_ticks)
    if ticks is None:
        best = touch(book, wish.side.opposite)
        if best is None:
            return Ended.ATTEMPTS_SPENT, "the book has a gap, or nobody on the other side"
        return Ended.PRICE_GUARD, f"the best price is {best} ticks, the worst allowed {wish.worst_ticks}"
    order = parent.send(
        parent.left_lots, ticks=ticks, reduce_only=wish.reduce_only, time_in_force=TimeInForce.IOC
    )
    if await order.ended(within=wish.answer_s) is None and not await parent.withdraw(wish.answer_s):
        return Ended.IN_DOUBT, f"no answer to order {order.id} in {2 * wish.answer_s:g} s"
    if parent.refusal is not None:
        return Ended.REFUSED, parent.refusal
    return Ended.ATTEMPTS_SPENT, f"{wish.attempts_max} attempts found {parent.filled_lots} lots in all"
