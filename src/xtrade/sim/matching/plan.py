"""Which resting orders an incoming order would meet, in price-time order: pure, nothing is moved.

The whole of it is known before the first trade is booked, so fill-or-kill, post-only and the check of funds are
questions about a plan, and never have to be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from xtrade.sim.matching.book import BookSide
from xtrade.sim.matching.orders import Order
from xtrade.sim.matching.rules import SelfTrade

__all__ = ["Act", "Plan", "Step", "make_plan"]


class Act(Enum):
    """What happens between the incoming order and a resting one."""

    TRADE = 1
    CANCEL_MAKER = 2
    DECREMENT_BOTH = 3


class Step(NamedTuple):
    """One meeting."""

    act: Act
    maker: Order
    lots: int


class Plan(NamedTuple):
    """All meetings, what is left of the incoming order, and whether self-trade prevention ends it there."""

    steps: list[Step]
    left: int
    stopped: bool = False

    @property
    def traded(self) -> int:
        """How many lots would trade."""
        return sum(step.lots for step in self.steps if step.act is Act.TRADE)


def make_plan(
    opposite: BookSide,
    taker: Order,
    *,
    lots: int,
    limit: int | None,
    reducible: Callable[[Order, list[Step]], int],
    budget: int | None = None,
    cost: Callable[[int], int] | None = None,
) -> Plan:
    """Walk the other side of the book as `taker` would, no further than `limit`.

    `reducible` says how much of a reduce-only maker may still trade after the steps so far. An order sized by an
    amount spends its `budget` at the `cost` of a lot at each price, and has nothing left once it affords no lot more.
    """
    steps: list[Step] = []
    sign = taker.side.sign
    left = lots
    for key in reversed(opposite.keys):
        ticks = opposite.sign * key
        if limit is not None and (ticks - limit) * sign > 0:
            break
        for maker in opposite.levels[ticks].values():
            if maker.account == taker.account and taker.self_trade is not SelfTrade.ALLOW:
                act, stop = _own(taker, sized_by_amount=budget is not None)
                if act is not None:
                    met = maker.remaining if act is Act.CANCEL_MAKER else min(left, maker.remaining)
                    steps.append(Step(act, maker, met))
                    left -= met if act is Act.DECREMENT_BOTH else 0
                if stop:
                    return Plan(steps, left, stopped=True)
            else:
                take = maker.lots - maker.filled
                take = min(take, left)
                if maker.intent.reduce_only:
                    take = min(take, reducible(maker, steps))
                if budget is not None and cost is not None:
                    take = min(take, budget // cost(ticks))
                    budget -= take * cost(ticks)
                if take:
                    steps.append(Step(Act.TRADE, maker, take))
                    left -= take
                if budget is not None and cost is not None and budget < cost(ticks):
                    return Plan(steps, 0)
            if not left:
                return Plan(steps, 0)
    return Plan(steps, left)


def _own(taker: Order, *, sized_by_amount: bool) -> tuple[Act | None, bool]:
    """What becomes of the account's own resting order, and whether the incoming one ends there."""
    match taker.self_trade:
        case SelfTrade.CANCEL_MAKER:
            return Act.CANCEL_MAKER, False
        case SelfTrade.CANCEL_BOTH:
            return Act.CANCEL_MAKER, True
        case SelfTrade.DECREMENT if not sized_by_amount:
            return Act.DECREMENT_BOTH, False
        case _:
            # An amount of money has no lots to take off: it ends here as well.
            return None, True
