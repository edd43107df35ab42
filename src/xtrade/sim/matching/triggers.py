"""Sleeping orders: what wakes when a price is reached.

Orders with a fixed trigger wait in two heaps for each kind of price: those that wake when it rises, and those that
wake when it falls. Trailing stops follow the best price since they became active, and are looked at one by one.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import final

from xtrade.model.orders import OrderType, TriggerPrice
from xtrade.model.sides import Side
from xtrade.sim.matching.orders import Order

__all__ = ["Triggers", "is_reached", "wakes_on_rise"]

_STOPS = frozenset({OrderType.STOP_LIMIT, OrderType.STOP_MARKET, OrderType.TRAILING_STOP})


def wakes_on_rise(order: Order) -> bool:
    """Say whether the order waits for a higher price: buy stops and sell take-profits do."""
    return (order.intent.type in _STOPS) == (order.side is Side.BUY)


def is_reached(order: Order, reached: tuple[int, int]) -> bool:
    """Say whether the price has reached the order's trigger already (a trailing stop starts at this price)."""
    trigger = order.intent.trigger
    assert trigger is not None, "only orders with a trigger sleep"
    if order.intent.type is OrderType.TRAILING_STOP:
        return _trailed(order, trigger.by, reached)
    assert trigger.ticks is not None, "a trigger without a price trails"
    return reached[0] >= trigger.ticks if wakes_on_rise(order) else reached[1] <= trigger.ticks


@final
class Triggers:
    """The sleeping orders of one market."""

    __slots__ = ("falling", "rising", "trailing")

    def __init__(self) -> None:
        self.rising: dict[TriggerPrice, list[tuple[int, int, Order]]] = {by: [] for by in TriggerPrice}
        self.falling: dict[TriggerPrice, list[tuple[int, int, Order]]] = {by: [] for by in TriggerPrice}
        self.trailing: dict[int, Order] = {}

    def add(self, order: Order) -> None:
        """Let an order sleep. An order that is not `sleeping` any more has left, wherever it still stands here."""
        order.sleeping = True
        trigger = order.intent.trigger
        assert trigger is not None, "only orders with a trigger sleep"
        if order.intent.type is OrderType.TRAILING_STOP:
            self.trailing[order.number] = order
            return
        assert trigger.ticks is not None, "a trigger without a price trails"
        if wakes_on_rise(order):
            heappush(self.rising[trigger.by], (trigger.ticks, order.number, order))
        else:
            heappush(self.falling[trigger.by], (-trigger.ticks, order.number, order))

    def woken(self, by: TriggerPrice, reached: tuple[int, int]) -> list[Order]:
        """Take out the orders that a price wakes: those it reached first come first."""
        highest, lowest = reached
        awake: list[Order] = []
        rising, falling = self.rising[by], self.falling[by]
        while rising and rising[0][0] <= highest:
            awake.append(heappop(rising)[2])
        while falling and -falling[0][0] >= lowest:
            awake.append(heappop(falling)[2])
        for order in [
            order for order in self.trailing.values() if not order.sleeping or _trailed(order, by, reached)
        ]:
            del self.trailing[order.number]
            awake.append(order)
        awake = [order for order in awake if order.sleeping]
        for order in awake:
            order.sleeping = False
        return awake


def _trailed(order: Order, by: TriggerPrice, reached: tuple[int, int]) -> bool:
    """Move a trailing stop along with its price, and say whether the price has come back far enough to wake it."""
    trigger = order.intent.trigger
    assert trigger is not None, "only orders with a trigger sleep"
    if trigger.by is not by:
        return False
    # A sell follows the price up and wakes when it falls back; a buy is the mirror image.
    sign = -order.side.sign
    price = sign * (reached[0] if sign > 0 else reached[1])
    if order.trail_best is None:
        if trigger.ticks is not None and price < sign * trigger.ticks:
            return False
        order.trail_best = price
    order.trail_best = max(order.trail_best, price)
    if trigger.trail_ticks is not None:
        return order.trail_best - price >= trigger.trail_ticks
    assert trigger.trail_rate is not None, "a trailing stop has a distance"
    numerator, denominator = trigger.trail_rate.as_integer_ratio()
    return (order.trail_best - price) * denominator >= abs(order.trail_best) * numerator
