"""What each event of the tape does to the venue's book, and to our orders in it.

level, traded, reduced, joined_by, cleared, ready, lost, regridded, funded   the tape's events
looked_at, straightened                                                      when the book is the public one
"""

from __future__ import annotations

import math

from xtrade.sim.replay import ladder
from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.executions import FillRule, ended, fill, met
from xtrade.sim.replay.layout import (
    BENT,
    BEST,
    BUY,
    EMPTY,
    FAULT,
    FILL_RULE,
    GRID_WORDS,
    GRIDS,
    HAPPENED,
    LADDER_WORDS,
    LOOKED,
    LOTS_SHIFT,
    ORDER_AHEAD,
    ORDER_ARRIVED_NS,
    ORDER_ID,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_NEXT,
    ORDER_PREVIOUS,
    ORDER_RESTS,
    ORDER_TICKS,
    ORDER_TRADED,
    OURS,
    OWN_BEST,
    OWN_FIRST,
    OWN_FIRST_WORDS,
    OWN_HEAD,
    TAKEN_COUNT,
    VALUE_UNIT,
    VENUE_BOOK,
    VENUE_LOTS,
    VENUE_TRUSTED,
    VERSION,
    Fault,
    Reals,
    Told,
    World,
)
from xtrade.sim.replay.messages import report
from xtrade.sim.replay.public import best_ask_of, best_bid_of
from xtrade.sim.replay.queueing import joined
from xtrade.sim.replay.resting import queued

__all__ = [
    "cleared",
    "funded",
    "joined_by",
    "level",
    "looked_at",
    "lost",
    "ready",
    "reduced",
    "regridded",
    "straightened",
    "traded",
]


_VOLUME, _THROUGH, _ = (int(rule) for rule in FillRule)
_CANCELED = int(Told.CANCELED)
_FUNDING = int(Told.FUNDING)
_RESTATED = int(Told.RESTATED)
_OFF_GRID = int(Fault.POSITION_OFF_GRID)
_END_OF_ANY_QUEUE = float(1 << 62)


@part
def level(world: World, reals: Reals, market: int, side: int, ticks: int, lots: int, ns: int) -> None:
    """A level has new lots."""
    book = market + VENUE_BOOK + side * LADDER_WORDS
    key = ticks if side == BUY else -ticks
    best = world[book + BEST]
    cell = ladder.put(world, book, key, lots)
    before = cell >> LOTS_SHIFT
    if cell & OURS:
        queued(world, reals, market, book, ticks, before, lots)
    if lots > 0 and key > best:
        other = market + VENUE_BOOK + (1 - side) * LADDER_WORDS
        if key + world[other + BEST] >= 0:
            ladder.retreat(world, other, -key)
        if key + world[other + OWN_BEST] >= 0 and world[market + VENUE_TRUSTED] != 0:
            met(world, market, other, -key, lots - before, ns)


@part
def looked_at(world: World, market: int) -> None:
    """Somebody looks at the best of the venue's book: where it is the public one, its ladders lag until now."""
    both = world[market + HAPPENED]
    if world[market + BENT] == 0 and both != world[market + LOOKED]:
        world[market + LOOKED] = both
        ladder.enter(world, market + VENUE_BOOK, best_bid_of(both))
        ladder.enter(world, market + VENUE_BOOK + LADDER_WORDS, best_ask_of(both))


@part
def straightened(world: World, market: int, both: int) -> None:
    """Note that the venue's book is the public one again, if it is: the feed told every level that we took from."""
    bids = market + VENUE_BOOK
    asks = market + VENUE_BOOK + LADDER_WORDS
    if (
        world[bids + TAKEN_COUNT] == 0
        and world[asks + TAKEN_COUNT] == 0
        and world[bids + BEST] == best_bid_of(both)
        and world[asks + BEST] == best_ask_of(both)
    ):
        world[market + BENT] = 0


@part
def traded(world: World, reals: Reals, market: int, taker: int, ticks: int, lots: int, ns: int) -> None:
    """Somebody took `lots` down (or up) to `ticks`: our orders at and before that price were in the way."""
    side = 1 - taker
    book = market + VENUE_BOOK + side * LADDER_WORDS
    key = ticks if side == BUY else -ticks
    if world[book + OWN_BEST] < key or world[market + VENUE_TRUSTED] == 0:
        return
    rule = world[market + FILL_RULE]
    left = lots
    behind_us = 0
    order = world[book + OWN_HEAD]
    while order != 0:
        own = world[order + ORDER_TICKS] if side == BUY else -world[order + ORDER_TICKS]
        if own < key:
            return
        following = world[order + ORDER_NEXT]
        amount = world[order + ORDER_LEFT]
        if own > key:
            if rule == _VOLUME:
                amount = min(amount, left)
        else:
            ahead = reals[order + ORDER_AHEAD] - float(lots)
            reals[order + ORDER_AHEAD] = ahead
            world[order + ORDER_TRADED] += lots
            reached = math.floor(-ahead) if ahead < 0.0 else 0
            if rule == _VOLUME:
                amount = min(amount, left, max(reached - behind_us, 0))
                behind_us += amount
            elif rule == _THROUGH:
                amount = min(amount, lots, reached)
            elif reached == 0:
                amount = 0
        left -= amount
        if amount > 0:
            fill(world, market, order, ns, 1, world[order + ORDER_TICKS], amount)
        order = following


@part
def reduced(
    world: World,
    reals: Reals,
    market: int,
    side: int,
    ticks: int,
    lots: int,
    joined_ns: int,
    executed: int,
    ns: int,
) -> None:
    """One order of the market, which joined its queue at `joined_ns`, lost `lots`: executed, or taken back."""
    book = market + VENUE_BOOK + side * LADDER_WORDS
    key = ticks if side == BUY else -ticks
    order = world[book + OWN_HEAD] if world[market + VENUE_TRUSTED] != 0 else 0
    left = lots
    while order != 0:
        own = world[order + ORDER_TICKS] if side == BUY else -world[order + ORDER_TICKS]
        if own < key:
            break
        following = world[order + ORDER_NEXT]
        if own > key:
            amount = world[order + ORDER_LEFT] if executed else 0
        elif joined_ns <= world[order + ORDER_ARRIVED_NS]:
            reals[order + ORDER_AHEAD] = max(reals[order + ORDER_AHEAD] - float(lots), 0.0)
            amount = 0
        else:  # it stood behind us, so whoever executed it met us first
            amount = world[order + ORDER_LEFT] if executed else 0
            if world[market + FILL_RULE] == _THROUGH:
                amount = min(amount, lots)
        if world[market + FILL_RULE] == _VOLUME:
            amount = min(amount, left)
        left -= amount
        if amount > 0:
            fill(world, market, order, ns, 1, world[order + ORDER_TICKS], amount)
        order = following
    ladder.shrink(world, book, key, max(ladder.lots_at(world, book, key) - lots, 0))


@part
def joined_by(world: World, reals: Reals, market: int, side: int, ticks: int, lots: int, ns: int) -> None:
    """An order of the market joined the queue at a level."""
    book = market + VENUE_BOOK + side * LADDER_WORDS
    key = ticks if side == BUY else -ticks
    level(world, reals, market, side, ticks, ladder.lots_at(world, book, key) + lots, ns)


@part
def cleared(world: World, market: int, side: int) -> None:
    """One side of the book is empty now."""
    ladder.clear(world, market + VENUE_BOOK + side * LADDER_WORDS)


@part
def lost(world: World, reals: Reals, market: int) -> None:
    """The feed has a gap: until the next snapshot nobody knows the book, nor where our orders stand in it."""
    world[market + VENUE_TRUSTED] = 0
    for side in range(2):
        order = world[market + VENUE_BOOK + side * LADDER_WORDS + OWN_HEAD]
        while order != 0:
            reals[order + ORDER_AHEAD] = _END_OF_ANY_QUEUE
            order = world[order + ORDER_NEXT]


@part
def ready(world: World, reals: Reals, market: int, ns: int) -> None:
    """The snapshot is complete. Orders that the gap left without a place stand last, or were met on the way."""
    if world[market + VENUE_TRUSTED] != 0:
        return
    world[market + VENUE_TRUSTED] = 1
    for side in range(2):
        book = market + VENUE_BOOK + side * LADDER_WORDS
        other = market + VENUE_BOOK + (1 - side) * LADDER_WORDS
        order = world[book + OWN_HEAD]
        while order != 0:
            key = world[order + ORDER_TICKS] if side == BUY else -world[order + ORDER_TICKS]
            joined(world, reals, order, ladder.lots_at(world, book, key))
            order = world[order + ORDER_NEXT]
        facing = world[other + BEST]
        while facing != EMPTY and world[book + OWN_BEST] + facing >= 0:
            met(world, market, book, -facing, ladder.lots_at(world, other, facing), ns)
            facing = ladder.below(world, other, facing)


@part
def regridded(world: World, reals: Reals, market: int, version: int, ns: int) -> None:
    """The venue changed the instrument: orders are restated where that is exact, and canceled where it is not.

    The book is empty, and not trusted, until the venue sends it on the new grid.
    """
    grid = world[market + GRIDS] + version * GRID_WORDS
    up, down, lots_up, lots_down = world[grid], world[grid + 1], world[grid + 2], world[grid + 3]
    if world[market + VENUE_LOTS] * lots_up % lots_down != 0:
        world[FAULT] = _OFF_GRID
    world[market + VENUE_LOTS] = world[market + VENUE_LOTS] * lots_up // lots_down
    world[market + VERSION] = version
    world[market + VALUE_UNIT] = world[grid + 4]
    for side in range(2):
        book = market + VENUE_BOOK + side * LADDER_WORDS
        for at in range(world[book + OWN_FIRST], world[book + OWN_FIRST] + OWN_FIRST_WORDS):
            world[at] = 0
        order = world[book + OWN_HEAD]
        first = 0
        last = 0
        while order != 0:
            following = world[order + ORDER_NEXT]
            ladder.mark(
                world, book, world[order + ORDER_TICKS] if side == BUY else -world[order + ORDER_TICKS], 0
            )
            ticks = world[order + ORDER_TICKS] * up
            lots = world[order + ORDER_LOTS] * lots_up
            left = world[order + ORDER_LEFT] * lots_up
            world[order + ORDER_NEXT] = 0
            if ticks % down == 0 and lots % lots_down == 0 and left % lots_down == 0:
                ticks //= down
                lots //= lots_down
                left //= lots_down
                world[order + ORDER_TICKS] = ticks
                world[order + ORDER_LOTS] = lots
                world[order + ORDER_LEFT] = left
                report(world, market, order, world[order + ORDER_ID], _RESTATED, ns, ticks, lots, left, 0)
                if last == 0:
                    first = order
                else:
                    world[last + ORDER_NEXT] = order
                world[order + ORDER_PREVIOUS] = last
                last = order
            else:
                world[order + ORDER_RESTS] = 0
                ended(world, market, order, _CANCELED, ns)
            order = following
        # Prices kept their order, so the list is still sorted; only the marks are on the new grid.
        ladder.clear(world, book)
        world[book + OWN_HEAD] = first
        world[book + OWN_BEST] = EMPTY
        order = first
        while order != 0:
            key = world[order + ORDER_TICKS] if side == BUY else -world[order + ORDER_TICKS]
            ladder.mark(world, book, key, 1)
            if order == first:
                world[book + OWN_BEST] = key
            order = world[order + ORDER_NEXT]
    lost(world, reals, market)


@part
def funded(world: World, market: int, ticks: int, rate: int, ns: int) -> None:
    """Funding is settled on the position as the venue has it."""
    if world[market + VENUE_LOTS] != 0:
        report(world, market, 0, 0, _FUNDING, ns, ticks, rate, world[market + VENUE_LOTS], 0)
