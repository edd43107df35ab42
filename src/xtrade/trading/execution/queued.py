"""An order for a venue that may be down: rejected, or kept until it is back, if it is still wanted then.

    outcome = await place_or_queue(ctx, Queued(
        instrument=key, side=Side.BUY, lots=5, ticks=95_000, when_down="queue", expires_s=30, drift_ticks_max=50,
    ))

There is no queue without an end and without a guard: an order that waits has a time after which nobody wants it any
more, and a distance that the market may have moved meanwhile, either way. What rests when its time is over is canceled.
"""

from __future__ import annotations

from typing import Literal

from xtrade.market.book import Book
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import NS_PER_S, Parent, nanoseconds
from xtrade.trading.params import Params

__all__ = ["Queued", "place_or_queue"]


class Queued(Params, frozen=True, kw_only=True):
    """A limit order, and what to do with it while its venue is down."""

    instrument: str
    side: Side
    lots: int
    ticks: int
    """Its limit: the worst price it may ever trade at."""
    when_down: Literal["reject", "queue"] = "reject"
    expires_s: float
    """How long it is wanted, in the queue and in the book together."""
    drift_ticks_max: int
    """How far the middle of the book may have moved, either way, between the decision and the sending."""
    post_only: bool = False
    reduce_only: bool = False
    look_every_s: float = 0.25
    answer_s: float = 10.0

    def __post_init__(self) -> None:
        at_least(1, lots=self.lots, ticks=self.ticks)
        at_least(0, drift_ticks_max=self.drift_ticks_max)
        above_zero(expires_s=self.expires_s, look_every_s=self.look_every_s, answer_s=self.answer_s)


async def place_or_queue(ctx: Context, wish: Queued) -> Outcome:
    """Place an order now or, if its venue is down and the policy says so, when it is back."""
    parent = Parent(ctx, wish.instrument, wish.side, wish.lots, name="queued order")
    with parent.canceled_with_task():
        ended, reason = await _place(parent, wish)
        if not await parent.withdraw(wish.answer_s):
            ended, reason = Ended.IN_DOUBT, f"the venue did not say in {wish.answer_s:g} s what became of it"
    return parent.outcome(ended, reason)


async def _place(parent: Parent, wish: Queued) -> tuple[Ended, str]:
    ctx = parent.ctx
    expires_ns = ctx.now_ns + nanoseconds(wish.expires_s)
    decided_at = _middle(ctx.book(wish.instrument))
    while True:
        trouble = _trouble(ctx, wish)
        if trouble is not None:
            if wish.when_down == "reject":
                return Ended.VENUE_DOWN, trouble
            if decided_at is None:
                return Ended.VENUE_DOWN, f"{trouble}; and no price is known to guard a queued order by"
            ctx.note(f"queued: {wish.side} {wish.lots} lots of {wish.instrument}: {trouble}")
            if not await _back(ctx, wish, expires_ns):
                return Ended.TIMED_OUT, f"the venue was not back in {wish.expires_s:g} s"
        now_at = _middle(ctx.book(wish.instrument))
        if decided_at is not None and now_at is not None and abs(now_at - decided_at) > wish.drift_ticks_max:
            return Ended.PRICE_GUARD, f"the market moved from {decided_at:g} to {now_at:g} ticks meanwhile"
        if (stop := parent.must_stop) is not None:
            return Ended.STOPPED, stop
        order = parent.send(
            wish.lots, ticks=wish.ticks, post_only=wish.post_only, reduce_only=wish.reduce_only
        )
        await order.ended(within=(expires_ns - ctx.now_ns) / NS_PER_S)
        if order.status is OrderStatus.REJECTED:
            # Refused because the venue went down in that moment: it was not there, so it may be sent once more.
            if order.refusal is None and _trouble(ctx, wish) is not None and parent.left_lots == wish.lots:
                continue
            return Ended.REFUSED, parent.refusal or ""
        if not order.is_open:
            return (Ended.DONE, "") if parent.is_reached else (Ended.STOPPED, "the venue ended the order")
        return Ended.TIMED_OUT, f"{wish.expires_s:g} s are over"


async def _back(ctx: Context, wish: Queued, expires_ns: int) -> bool:
    """Wait until orders may go and prices are known; False if that was not in time."""
    while ctx.now_ns < expires_ns:
        left_s = (expires_ns - ctx.now_ns) / NS_PER_S
        if ctx.trouble(wish.instrument) is not None:
            await ctx.first(ctx.when_up(wish.instrument), ctx.sleep(left_s))
        elif _trouble(ctx, wish) is not None:
            await ctx.sleep(min(left_s, wish.look_every_s))
        else:
            return True
    return False


def _trouble(ctx: Context, wish: Queued) -> str | None:
    known = ctx.trouble(wish.instrument)
    if known is None and not ctx.book(wish.instrument).is_trusted:
        return f"the book of {wish.instrument} has a gap"
    return known


def _middle(book: Book) -> float | None:
    """The middle of the book as it was last known, whether or not it can be relied on now."""
    return book.mid_ticks
