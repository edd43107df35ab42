"""One market's book: resting orders by price, then by time.

Both sides are kept the same way: prices as sorted keys whose last is the best (a bid's ticks, an ask's ticks
negated), and at each price the orders in the order they came. Most of what happens in a book happens near its best
prices, which is the cheap end of such a list.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from typing import final

from xtrade.model.levels import Levels
from xtrade.model.sides import Side
from xtrade.sim.matching.orders import Order

__all__ = ["Book", "BookSide"]


@final
class BookSide:
    """The resting orders of one side."""

    __slots__ = ("keys", "levels", "lots", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = side.sign
        self.keys: list[int] = []
        # An OrderedDict finds its first order at once also after thousands were taken from its front; a dict walks.
        self.levels: dict[int, OrderedDict[int, Order]] = {}
        self.lots: dict[int, int] = {}

    @property
    def best(self) -> int | None:
        """The best price in ticks; None if the side is empty."""
        return self.sign * self.keys[-1] if self.keys else None

    def add(self, order: Order) -> None:
        """Queue an order behind all others at its price."""
        ticks = order.ticks
        level = self.levels.get(ticks)
        if level is None:
            level = self.levels[ticks] = OrderedDict()
            self.lots[ticks] = 0
            key = self.sign * ticks
            if not self.keys or key > self.keys[-1]:
                self.keys.append(key)
            else:
                self.keys.insert(bisect_left(self.keys, key), key)
        level[order.number] = order
        self.lots[ticks] += order.remaining

    def remove(self, order: Order) -> None:
        """Take an order out, wherever it stands in its queue."""
        ticks = order.ticks
        level = self.levels[ticks]
        del level[order.number]
        if level:
            self.lots[ticks] -= order.remaining
            return
        del self.levels[ticks], self.lots[ticks]
        key = self.sign * ticks
        if self.keys[-1] == key:
            self.keys.pop()
        else:
            del self.keys[bisect_left(self.keys, key)]

    def __iter__(self) -> Iterator[Order]:
        """Walk all orders, best price first, oldest first."""
        for key in reversed(self.keys):
            yield from self.levels[self.sign * key].values()

    def depth(self) -> Levels:
        """Return every level with its total, best first."""
        return Levels.of((self.sign * key, self.lots[self.sign * key]) for key in reversed(self.keys))


@final
class Book:
    """Bids and asks of one market, and which levels changed since they were last told."""

    __slots__ = ("asks", "bids", "changed")

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.changed: dict[tuple[Side, int], None] = {}

    def side(self, side: Side) -> BookSide:
        """Where orders of this side rest."""
        return self.bids if side is Side.BUY else self.asks

    def add(self, order: Order) -> None:
        """Queue an order behind all others at its price."""
        self.side(order.side).add(order)
        order.resting = True
        self.changed[order.side, order.ticks] = None

    def remove(self, order: Order) -> None:
        """Take an order out."""
        self.side(order.side).remove(order)
        order.resting = False
        self.changed[order.side, order.ticks] = None

    def reduce(self, order: Order, lots: int) -> None:
        """Say that a resting order, which stays where it is, has become smaller by `lots`."""
        self.side(order.side).lots[order.ticks] -= lots
        self.changed[order.side, order.ticks] = None

    def take_changes(self) -> tuple[Levels, Levels]:
        """Return bids and asks that changed since the last call, with their totals now (0: gone)."""
        told = self._changed(Side.BUY), self._changed(Side.SELL)
        self.changed.clear()
        return told

    def _changed(self, side: Side) -> Levels:
        pairs = [(ticks, self.side(side).lots.get(ticks, 0)) for of, ticks in self.changed if of is side]
        return Levels.of(pairs) if pairs else _NO_LEVELS


_NO_LEVELS = Levels.of()
