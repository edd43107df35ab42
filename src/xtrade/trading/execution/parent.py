"""One quantity to be traded on one market, and the orders that are sent for it.

Everything is read off the orders each time it is asked: a fill that comes during a cancel, or after it, counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from typing import Final

from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.orders import Order
from xtrade.trading.risk import TradingState
from xtrade.trading.tasks import TaskCanceled

__all__ = ["Parent", "average_price", "nanoseconds", "why_stop", "withdraw"]

NS_PER_S: Final = 1_000_000_000
ASK_AGAIN_S: Final = 0.5
"""After so long a cancel that was refused, or not answered, is asked for again: then ever less often."""
ASK_AGAIN_S_MAX: Final = 30.0
WHY: Final = {
    Ended.DONE: "all of it traded",
    Ended.TIMED_OUT: "the time is over",
    Ended.STOPPED: "it was told to stop",
}


class Parent:
    """What is wanted, what was sent for it, and what that may still do."""

    def __init__(self, ctx: Context, instrument: str, side: Side, lots: int, *, name: str) -> None:
        self.ctx = ctx
        self.instrument = ctx.instrument(instrument)
        self.key = instrument
        self.side = side
        self.lots = lots
        self.goal_lots = lots
        """How much of it is wanted by now."""
        self.name = name
        self.orders: list[Order] = []
        self.started_ns = ctx.now_ns

    # -- what became of it ----------------------------------------------------------------------------------------

    @property
    def filled_lots(self) -> int:
        """What has traded, fills that came late included."""
        return sum(order.filled_lots for order in self.orders)

    @property
    def open_lots(self) -> int:
        """What may still trade: whatever is open, being canceled or in doubt."""
        return sum(order.state.worst_case_lots or 0 for order in self.orders)

    @property
    def left_lots(self) -> int:
        """What may be sent now without ever trading more than is wanted by now."""
        return max(0, self.goal_lots - self.filled_lots - self.open_lots)

    @property
    def is_reached(self) -> bool:
        """Whether what is wanted by now has traded."""
        return self.filled_lots >= self.goal_lots

    @property
    def is_below_minimum(self) -> bool:
        """Whether what is left is less than the venue takes."""
        return self.left_lots < self.instrument.min_lots

    @property
    def open_order(self) -> Order | None:
        """The first order that may still trade."""
        return next((order for order in self.orders if order.is_open), None)

    # -- what is done ---------------------------------------------------------------------------------------------

    def send(
        self,
        lots: int,
        *,
        ticks: int,
        post_only: bool = False,
        reduce_only: bool = False,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Order:
        """Send an order for no more than is left."""
        assert 0 < lots <= self.left_lots, f"{self.name}: {lots} lots are more than the {self.left_lots} left"
        place = self.ctx.buy if self.side is Side.BUY else self.ctx.sell
        order = place(
            self.key,
            lots=lots,
            ticks=ticks,
            post_only=post_only,
            reduce_only=reduce_only,
            time_in_force=time_in_force,
        )
        order.note = self.name
        self.orders.append(order)
        return order

    async def withdraw(self, within_s: float) -> bool:
        """Cancel what is open, and wait until nothing can trade any more; False if that was not said in time."""
        return await withdraw(self.ctx, self.orders, within_s)

    @contextmanager
    def canceled_with_task(self) -> Iterator[None]:
        """Ask to cancel what is open if the task around is canceled."""
        try:
            yield
        except TaskCanceled:
            for order in self.orders:
                order.cancel()
            raise

    def outcome(self, ended: Ended, reason: str = "") -> Outcome:
        """Say what was done, in the journal too."""
        filled, open_lots = self.filled_lots, self.open_lots
        if ended is not Ended.IN_DOUBT and filled >= self.lots:
            ended, reason = Ended.DONE, ""
        reason = reason or WHY.get(ended, "")
        outcome = Outcome(
            instrument=self.key,
            side=self.side,
            lots=self.lots,
            filled_lots=filled,
            open_lots=open_lots,
            average_price=average_price(self.orders),
            orders=tuple(order.id for order in self.orders),
            started_ns=self.started_ns,
            ended_ns=self.ctx.now_ns,
            ended=ended,
            reason=reason,
        )
        quantity = self.instrument.quantity
        price = "" if outcome.average_price is None else f" at {plain(outcome.average_price)}"
        self.ctx.note(
            f"{self.name}: {self.side} {plain(quantity(filled))} of {plain(quantity(self.lots))} {self.key}{price}"
            f" in {len(self.orders)} orders, {ended}: {reason}"
        )
        return outcome

    @property
    def refusal(self) -> str | None:
        """Why the last order was refused, by the risk gate or the venue; None if it was not."""
        if not self.orders or self.orders[-1].status is not OrderStatus.REJECTED:
            return None
        refusal = self.orders[-1].refusal
        return "the venue rejected the order" if refusal is None else f"{refusal.rule}: {refusal.reason}"

    @property
    def must_stop(self) -> str | None:
        """Why nothing more may be sent, whatever is left; None if it may."""
        return why_stop(self.ctx, self.instrument)


def why_stop(ctx: Context, *instruments: Instrument) -> str | None:
    """Return why nothing more may be sent: the strategy is halted, or lots are no longer what was counted in."""
    if ctx.state is TradingState.HALTED:
        return "the strategy is halted"
    for each in instruments:
        if ctx.instrument(each.key).version != each.version:
            return f"{each.key} changed its grid: what is left has to be decided anew"
    return None


async def withdraw(ctx: Context, orders: list[Order], within_s: float) -> bool:
    """Cancel what is open, and wait until nothing can trade any more; False if that was not said in time.

    A cancel that is refused is a question, not an answer (the order may be filled, gone or alive), and one without an
    answer may be lost: it is asked for again, ever less often.
    """
    deadline_ns = ctx.now_ns + nanoseconds(within_s)
    pause_s, again = ASK_AGAIN_S, False
    while True:
        alive = [order for order in orders if order.is_open]
        if not alive:
            return True
        left_ns = deadline_ns - ctx.now_ns
        if left_ns <= 0:
            return False
        for order in alive:
            order.cancel(again=again)
        await alive[0].ended(within=min(pause_s, left_ns / NS_PER_S))
        if alive[0].is_open:
            pause_s, again = min(2 * pause_s, ASK_AGAIN_S_MAX), True


def average_price(orders: list[Order]) -> Decimal | None:
    """Return the average price of the fills in hand, to a hundredth of a tick; None before the first."""
    lots = worth = 0
    for order in orders:
        gone = order.state.reversed_trades
        for fill in order.fills:
            if fill.trade_id not in gone:
                lots += fill.lots
                worth += fill.ticks * fill.lots
    if not lots:
        return None
    return orders[0].instrument.price(round(Fraction(worth * 100, lots))) / 100


def nanoseconds(seconds: float) -> int:
    """Return seconds in whole nanoseconds."""
    return round(seconds * NS_PER_S)
