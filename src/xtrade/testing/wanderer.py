"""A strategy that orders, changes and cancels without sense, so that every state of an order is met."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random  # noqa: TID251  (a type; the streams come from xtrade.runtime.chance)

from typing_extensions import override

from xtrade.model.instruments import Kind
from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed, Subscription

__all__ = ["Wanderer", "WandererParams"]


class WandererParams(Params, frozen=True, kw_only=True):
    """Where it wanders, and how restless it is."""

    instrument: str
    every_s: float = 0.5
    lots_max: int = 20
    open_max: int = 12


class Wanderer(Strategy[WandererParams]):
    """At each turn: place a resting or a taking order, change one that is open, or cancel one or all."""

    @override
    def subscriptions(self) -> Iterable[Subscription]:
        yield BookFeed(self.params.instrument)

    @override
    def on_start(self, ctx: Context) -> None:
        ctx.every(self.params.every_s, "turn")

    @override
    def on_timer(self, ctx: Context, name: str) -> None:
        dice = ctx.chance()
        orders = [order for order in ctx.orders() if not order.cancel_pending]
        what = dice.random()
        if orders and (what < 0.25 or len(orders) >= self.params.open_max):
            dice.choice(orders).cancel()
        elif orders and what < 0.45:
            order = dice.choice(orders)
            if order.ticks is not None:
                order.amend(
                    lots=max(1, order.lots + dice.randint(-5, 5)), ticks=order.ticks + dice.randint(-3, 3)
                )
        elif what < 0.48:
            ctx.cancel_all()
        else:
            self._place(ctx, dice)

    def _place(self, ctx: Context, dice: Random) -> None:
        key = self.params.instrument
        book = ctx.book(key)
        # Whether the book is to be trusted is for the risk gate to say.
        if book.bid_ticks is None or book.ask_ticks is None:
            return
        held = ctx.position_lots(key)
        reducing = held and ctx.instrument(key).kind is not Kind.SPOT and dice.random() < 0.2
        side = dice.choice([Side.BUY, Side.SELL]) if not reducing else Side.SELL if held > 0 else Side.BUY
        best = book.bid_ticks if side is Side.BUY else book.ask_ticks
        send = ctx.buy if side is Side.BUY else ctx.sell
        # The whole of it: whatever else trades before such an order does takes something away from under it.
        lots = abs(held) if reducing else dice.randint(1, self.params.lots_max)
        if dice.random() < 0.2:
            send(key, lots=lots, reduce_only=bool(reducing))
        else:
            ticks = best - side.sign * dice.randint(-2, 6)
            send(key, lots=lots, ticks=ticks, reduce_only=bool(reducing))
