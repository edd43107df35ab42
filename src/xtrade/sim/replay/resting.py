"""Our orders as they rest at the venue: a list for each side, by price, then time.

rest     put an order into the book
unrest   take one out
queued   a level changed: move our orders at its price in their queue
"""

from __future__ import annotations

from xtrade.sim.replay import ladder
from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    BUY,
    EMPTY,
    LADDER_WORDS,
    LOTS_SHIFT,
    ORDER_ARRIVED_NS,
    ORDER_NEXT,
    ORDER_PREVIOUS,
    ORDER_RESTS,
    ORDER_SIDE,
    ORDER_TICKS,
    OURS,
    OWN_BEST,
    OWN_FIRST,
    OWN_FIRST_WORDS,
    OWN_HEAD,
    VENUE_BOOK,
    Reals,
    World,
)
from xtrade.sim.replay.queueing import advanced, joined

__all__ = ["queued", "rest", "unrest"]


@part
def rest(world: World, reals: Reals, market: int, order: int, ns: int) -> None:
    """Put an order into the book: behind the lots at its price, in our own list by price, then time."""
    side = world[order + ORDER_SIDE]
    book = market + VENUE_BOOK + side * LADDER_WORDS
    key = world[order + ORDER_TICKS] if side == BUY else -world[order + ORDER_TICKS]
    cell = ladder.marked(world, book, key)
    joined(world, reals, order, cell >> LOTS_SHIFT)
    world[order + ORDER_RESTS] = 1
    world[order + ORDER_ARRIVED_NS] = ns
    if cell & OURS == 0:
        world[world[book + OWN_FIRST] + (world[order + ORDER_TICKS] & (OWN_FIRST_WORDS - 1))] = order
    previous = 0
    following = world[book + OWN_HEAD]
    while following != 0:
        own = world[following + ORDER_TICKS] if side == BUY else -world[following + ORDER_TICKS]
        if own < key:
            break
        previous = following
        following = world[following + ORDER_NEXT]
    world[order + ORDER_NEXT] = following
    world[order + ORDER_PREVIOUS] = previous
    if following != 0:
        world[following + ORDER_PREVIOUS] = order
    if previous == 0:
        world[book + OWN_HEAD] = order
        world[book + OWN_BEST] = key
    else:
        world[previous + ORDER_NEXT] = order


@part
def unrest(world: World, market: int, order: int) -> None:
    """Take an order out of the book."""
    side = world[order + ORDER_SIDE]
    book = market + VENUE_BOOK + side * LADDER_WORDS
    ticks = world[order + ORDER_TICKS]
    previous = world[order + ORDER_PREVIOUS]
    following = world[order + ORDER_NEXT]
    if following != 0:
        world[following + ORDER_PREVIOUS] = previous
    if previous == 0:
        world[book + OWN_HEAD] = following
    else:
        world[previous + ORDER_NEXT] = following
    world[order + ORDER_RESTS] = 0
    first = world[book + OWN_FIRST] + (ticks & (OWN_FIRST_WORDS - 1))
    if world[first] == order:
        world[first] = 0
    # Orders at one price follow each other in the list.
    before_us = previous != 0 and world[previous + ORDER_TICKS] == ticks
    if not before_us and (following == 0 or world[following + ORDER_TICKS] != ticks):
        ladder.mark(world, book, ticks if side == BUY else -ticks, 0)
    head = world[book + OWN_HEAD]
    if head == 0:
        world[book + OWN_BEST] = EMPTY
    else:
        world[book + OWN_BEST] = world[head + ORDER_TICKS] if side == BUY else -world[head + ORDER_TICKS]


@part
def queued(world: World, reals: Reals, market: int, book: int, ticks: int, before: int, lots: int) -> None:
    """Move our orders at a level in their queue; those at one price follow each other in our list."""
    order = _first_at(world, book, ticks)
    while order != 0 and world[order + ORDER_TICKS] == ticks:
        advanced(world, reals, market, order, before, lots)
        order = world[order + ORDER_NEXT]


@part
def _first_at(world: World, book: int, ticks: int) -> int:
    """Return the first of our orders that rest at a price, or 0. The table knows most; the list knows all."""
    order = world[world[book + OWN_FIRST] + (ticks & (OWN_FIRST_WORDS - 1))]
    if order != 0 and world[order + ORDER_TICKS] == ticks:
        return int(order)
    order = world[book + OWN_HEAD]
    while order != 0 and world[order + ORDER_TICKS] != ticks:
        order = world[order + ORDER_NEXT]
    return int(order)
