"""A limit order that follows the touch.

    outcome = await track_limit(ctx, TrackingLimit(instrument=key, side=Side.BUY, lots=5, timeout_s=60))

It stands `offset_ticks` behind the best price of its side. When it no longer stands where it should, it is canceled;
when the venue has said that it is gone, and what it had filled until then, the next one follows for what is left. So
there is never more than one, and a fill that comes during the cancel counts.
"""

from __future__ import annotations

from collections.abc import Callable

from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import NS_PER_S, Parent, nanoseconds
from xtrade.trading.execution.prices import tracking_ticks
from xtrade.trading.execution.protected import ProtectedMarket, work_protected
from xtrade.trading.orders import Order
from xtrade.trading.params import Params

__all__ = ["TrackingLimit", "track_limit", "work_tracking"]


class TrackingLimit(Params, frozen=True, kw_only=True):
    """What to trade, where to stand, and when to give up. Distances are in ticks, quantities in lots."""

    instrument: str
    side: Side
    lots: int
    offset_ticks: int = 0
    """Behind the best price of its own side; negative: before it, never through the other side while post-only."""
    tolerance_ticks: int = 0
    """It is left alone while it stands no further than this from where it should."""
    post_only: bool = True
    reduce_only: bool = False
    worst_ticks: int | None = None
    """The worst price it may follow to."""
    look_every_s: float = 0.25
    """How often the touch is looked at: also the shortest time between two orders."""
    timeout_s: float = 60.0
    attempts_max: int = 200
    """How many orders are sent at most."""
    refusals_max: int = 5
    """After so many refused orders in a row it ends."""
    answer_s: float = 10.0
    """How long to wait for the venue to say what became of an order."""
    fallback_through_ticks: int | None = None
    """What is left at the end is taken at the market, at most so far through the touch; None: it is left."""

    def __post_init__(self) -> None:
        at_least(1, lots=self.lots, attempts_max=self.attempts_max, refusals_max=self.refusals_max)
        at_least(1, worst_ticks=self.worst_ticks)
        at_least(0, tolerance_ticks=self.tolerance_ticks, fallback_through_ticks=self.fallback_through_ticks)
        above_zero(look_every_s=self.look_every_s, timeout_s=self.timeout_s, answer_s=self.answer_s)


async def track_limit(ctx: Context, wish: TrackingLimit) -> Outcome:
    """Trade by a limit order that follows the touch."""
    parent = Parent(ctx, wish.instrument, wish.side, wish.lots, name="tracking limit")
    with parent.canceled_with_task():
        ended, reason = await work_tracking(parent, wish)
    return parent.outcome(ended, reason)


async def work_tracking(
    parent: Parent, wish: TrackingLimit, *, enough: Callable[[], bool] | None = None
) -> tuple[Ended, str]:
    """Work what is left of a parent, until it has traded, gives up, or `enough` says so; nothing stays open."""
    ended, reason = await _follow(parent, wish, enough or _never)
    if not await parent.withdraw(wish.answer_s):
        return Ended.IN_DOUBT, f"the venue did not say in {wish.answer_s:g} s what became of an order"
    if parent.is_reached:
        return Ended.DONE, ""
    if wish.fallback_through_ticks is None or ended not in {Ended.TIMED_OUT, Ended.ATTEMPTS_SPENT}:
        return ended, reason
    parent.ctx.note(f"{parent.name}: {reason}; takes {parent.left_lots} lots at the market")
    return await work_protected(
        parent,
        ProtectedMarket(
            instrument=wish.instrument,
            side=wish.side,
            lots=wish.lots,
            through_ticks=wish.fallback_through_ticks,
            worst_ticks=wish.worst_ticks,
            pause_s=wish.look_every_s,
            answer_s=wish.answer_s,
            reduce_only=wish.reduce_only,
        ),
    )


async def _follow(parent: Parent, wish: TrackingLimit, enough: Callable[[], bool]) -> tuple[Ended, str]:
    ctx = parent.ctx
    deadline_ns = ctx.now_ns + nanoseconds(wish.timeout_s)
    sent = refused = 0
    while True:
        if parent.is_reached:
            return Ended.DONE, ""
        if enough():
            return Ended.STOPPED, ""
        if (reason := parent.must_stop) is not None:
            return Ended.STOPPED, reason
        if parent.is_below_minimum:
            return Ended.BELOW_MINIMUM, f"{parent.left_lots} lots are less than the venue takes"
        if ctx.now_ns >= deadline_ns:
            return Ended.TIMED_OUT, f"{wish.timeout_s:g} s are over"
        ticks = _wanted(ctx, wish, None)
        if ticks is not None:
            if sent == wish.attempts_max:
                return Ended.ATTEMPTS_SPENT, f"{sent} orders were sent"
            sent += 1
            order = parent.send(
                parent.left_lots, ticks=ticks, post_only=wish.post_only, reduce_only=wish.reduce_only
            )
            await _stand(ctx, wish, order, deadline_ns, enough)
            if not await parent.withdraw(wish.answer_s):
                return (
                    Ended.IN_DOUBT,
                    f"the venue did not say in {wish.answer_s:g} s what became of {order.id}",
                )
            refused = 0 if parent.refusal is None else refused + 1
            if refused == wish.refusals_max:
                return Ended.REFUSED, parent.refusal or ""
        if parent.left_lots:
            await ctx.sleep(min(wish.look_every_s, max(0, deadline_ns - ctx.now_ns) / NS_PER_S))


async def _stand(
    ctx: Context, wish: TrackingLimit, order: Order, deadline_ns: int, enough: Callable[[], bool]
) -> None:
    """Let an order stand while it is where it should be."""
    while order.is_open and ctx.now_ns < deadline_ns and not enough():
        wanted = _wanted(ctx, wish, order)
        if wanted is None or abs(wanted - (order.ticks or 0)) > wish.tolerance_ticks:
            return
        await order.changed(within=min(wish.look_every_s, (deadline_ns - ctx.now_ns) / NS_PER_S))


def _wanted(ctx: Context, wish: TrackingLimit, order: Order | None) -> int | None:
    """Return where the order should stand; None while that cannot be known."""
    if ctx.trouble(wish.instrument) is not None:
        return None
    return tracking_ticks(
        ctx.book(wish.instrument),
        wish.side,
        offset_ticks=wish.offset_ticks,
        post_only=wish.post_only,
        worst_ticks=wish.worst_ticks,
        own_ticks=None if order is None else order.ticks,
        own_lots=0 if order is None else order.left_lots,
    )


def _never() -> bool:
    return False
