"""What becomes of an order of ours at the venue: it is filled, or it ends without.

fill    book one execution, and tell it
met     a level appeared across our orders
ended   an order is over, unfilled or in part

What a fill assumes is in docs/replay.md; the rules are the words FILL_RULE and IMPACT of the instrument:

VOLUME     nobody gets more than was there: a trade fills our orders with at most its lots, those behind the queue
           last; a level that appears across our price fills us with at most the lots that appeared
THROUGH    as VOLUME at our own price, but a trade or a level through our price fills us whole
COMPLETE   any fill is a whole fill, taking included, at the best price
"""

from __future__ import annotations

from enum import IntEnum

from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    BUY,
    CASH,
    FAULT,
    FILL_CAPACITY,
    FILL_COUNT,
    FILL_RULE,
    FILLS,
    MAKER_TURNOVER,
    ORDER_ID,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_NEXT,
    ORDER_RESTS,
    ORDER_SIDE,
    ORDER_TICKS,
    OWN_HEAD,
    REPORT_WORDS,
    TAKER_TURNOVER,
    VALUE_UNIT,
    VENUE_LOTS,
    Fault,
    Told,
    World,
)
from xtrade.sim.replay.messages import report
from xtrade.sim.replay.resting import unrest

__all__ = ["FillRule", "ended", "fill", "met"]


class FillRule(IntEnum):
    """How much of our order a market event fills; docs/replay.md says when to use which."""

    VOLUME = 0
    THROUGH = 1
    COMPLETE = 2


_VOLUME, _, _ = (int(rule) for rule in FillRule)
_FILLED = int(Told.FILLED)
_FILLS_FULL = int(Fault.FILLS_FULL)
_OVERFLOW = int(Fault.OVERFLOW)
# Beyond this, sums of ticks times lots may leave 64 bits before anybody looks at them.
_CASH_MAX = 1 << 62


@part
def fill(world: World, market: int, order: int, ns: int, maker: int, ticks: int, lots: int) -> None:
    """Book one execution, and tell it."""
    left = world[order + ORDER_LEFT] - lots
    world[order + ORDER_LEFT] = left
    signed = lots if world[order + ORDER_SIDE] == BUY else -lots
    value = ticks * lots * world[market + VALUE_UNIT]
    world[market + VENUE_LOTS] += signed
    world[market + CASH] += -value if signed > 0 else value
    turnover = MAKER_TURNOVER if maker else TAKER_TURNOVER
    world[market + turnover] += value
    if world[market + turnover] > _CASH_MAX or value < 0:
        world[FAULT] = _OVERFLOW
    at = report(world, market, order, world[order + ORDER_ID], _FILLED, ns, ticks, lots, left, maker)
    count = world[FILL_COUNT]
    if count >= world[FILL_CAPACITY]:
        world[FAULT] = _FILLS_FULL
    else:
        log = world[FILLS] + count * REPORT_WORDS
        for word in range(REPORT_WORDS):
            world[log + word] = world[at + word]
        world[FILL_COUNT] = count + 1
    if left == 0 and world[order + ORDER_RESTS] != 0:
        unrest(world, market, order)


@part
def met(world: World, market: int, book: int, key: int, lots: int, ns: int) -> None:
    """A level of `lots` appeared at the price of `key`, across our orders on this side: it would have met them."""
    left = max(lots, 0)
    order = world[book + OWN_HEAD]
    while order != 0:
        own = world[order + ORDER_TICKS] if world[order + ORDER_SIDE] == BUY else -world[order + ORDER_TICKS]
        if own < key:
            return
        following = world[order + ORDER_NEXT]
        amount = world[order + ORDER_LEFT]
        if world[market + FILL_RULE] == _VOLUME:
            amount = min(amount, left)
            left -= amount
        if amount > 0:
            fill(world, market, order, ns, 1, world[order + ORDER_TICKS], amount)
        order = following


@part
def ended(world: World, market: int, order: int, kind: int, ns: int) -> None:
    """The order is over, unfilled or in part."""
    if world[order + ORDER_RESTS] != 0:
        unrest(world, market, order)
    left = world[order + ORDER_LEFT]
    world[order + ORDER_LEFT] = 0
    lots = world[order + ORDER_LOTS]
    report(
        world, market, order, world[order + ORDER_ID], kind, ns, world[order + ORDER_TICKS], lots - left, 0, 0
    )
