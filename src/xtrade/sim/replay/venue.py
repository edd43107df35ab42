"""The venue's side: what each event does to the book and to our orders, and what each request does.

level, traded, reduced, cleared, ready, lost, regridded, funded    the tape's events
arrived                                                            a request of ours

What a fill assumes is in docs/replay.md; the rules are the words FILL_RULE and IMPACT of the instrument:

VOLUME     nobody gets more than was there: a trade fills our orders with at most its lots, those behind the queue
           last; a level that appears across our price fills us with at most the lots that appeared
THROUGH    as VOLUME at our own price, but a trade or a level through our price fills us whole
COMPLETE   any fill is a whole fill, taking included, at the best price
"""

from __future__ import annotations

import math
from enum import IntEnum

from xtrade.sim.replay import ladder
from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    BENT,
    BEST,
    BUY,
    CASH,
    EMPTY,
    FAULT,
    FILL_CAPACITY,
    FILL_COUNT,
    FILL_RULE,
    FILLS,
    GRID_WORDS,
    GRIDS,
    HAPPENED,
    IMPACT,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    LADDER_WORDS,
    LOOKED,
    LOTS_SHIFT,
    MAKER_TURNOVER,
    ORDER_AHEAD,
    ORDER_ARRIVED_NS,
    ORDER_ID,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_NEXT,
    ORDER_PREVIOUS,
    ORDER_RESTS,
    ORDER_SIDE,
    ORDER_STYLE,
    ORDER_TICKS,
    ORDER_TRADED,
    OURS,
    OWN_BEST,
    OWN_FIRST,
    OWN_FIRST_WORDS,
    OWN_HEAD,
    REPORT_WORDS,
    REQUEST_ID,
    REQUEST_INSTRUMENT,
    REQUEST_KIND,
    REQUEST_LOTS,
    REQUEST_NS,
    REQUEST_ROW,
    REQUEST_TICKS,
    REQUEST_VERSION,
    SELL,
    TAKEN_COUNT,
    TAKER_TURNOVER,
    VALUE_UNIT,
    VENUE_BOOK,
    VENUE_LOTS,
    VENUE_TRUSTED,
    VERSION,
    Ask,
    Fault,
    Reals,
    Style,
    Told,
    World,
)
from xtrade.sim.replay.messages import report
from xtrade.sim.replay.public import best_ask_of, best_bid_of
from xtrade.sim.replay.queueing import advanced, joined

__all__ = [
    "FillRule",
    "arrived",
    "cleared",
    "funded",
    "joined_by",
    "level",
    "looked_at",
    "lost",
    "queued",
    "ready",
    "reduced",
    "regridded",
    "straightened",
    "traded",
]


class FillRule(IntEnum):
    """How much of our order a market event fills; docs/replay.md says when to use which."""

    VOLUME = 0
    THROUGH = 1
    COMPLETE = 2


_VOLUME, _THROUGH, _COMPLETE = (int(rule) for rule in FillRule)
_REST, _POST_ONLY, _IOC, _FOK, _MARKET = (int(style) for style in Style)
_PLACE, _CANCEL, _AMEND = (int(ask) for ask in Ask)
_ACCEPTED = int(Told.ACCEPTED)
_FILLED = int(Told.FILLED)
_CANCELED = int(Told.CANCELED)
_EXPIRED = int(Told.EXPIRED)
_AMENDED = int(Told.AMENDED)
_WOULD_TAKE = int(Told.WOULD_TAKE)
_BOOK_UNKNOWN = int(Told.BOOK_UNKNOWN)
_CANCEL_REJECTED = int(Told.CANCEL_REJECTED)
_AMEND_REJECTED = int(Told.AMEND_REJECTED)
_FUNDING = int(Told.FUNDING)
_OLD_GRID = int(Told.OLD_GRID)
_RESTATED = int(Told.RESTATED)
_FILLS_FULL = int(Fault.FILLS_FULL)
_OFF_GRID = int(Fault.POSITION_OFF_GRID)
_OVERFLOW = int(Fault.OVERFLOW)

# Beyond this, sums of ticks times lots may leave 64 bits before anybody looks at them.
_CASH_MAX = 1 << 62
_END_OF_ANY_QUEUE = float(1 << 62)


# -- what the market does --------------------------------------------------------------------------------------------


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
            _met(world, market, other, -key, lots - before, ns)


@part
def queued(world: World, reals: Reals, market: int, book: int, ticks: int, before: int, lots: int) -> None:
    """Move our orders at a level in their queue; those at one price follow each other in our list."""
    order = _first_at(world, book, ticks)
    while order != 0 and world[order + ORDER_TICKS] == ticks:
        advanced(world, reals, market, order, before, lots)
        order = world[order + ORDER_NEXT]


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
            _fill(world, market, order, ns, 1, world[order + ORDER_TICKS], amount)
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
            _fill(world, market, order, ns, 1, world[order + ORDER_TICKS], amount)
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
            _met(world, market, book, -facing, ladder.lots_at(world, other, facing), ns)
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
                _ended(world, market, order, _CANCELED, ns)
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


# -- what we ask for -------------------------------------------------------------------------------------------------


@part
def arrived(world: World, reals: Reals, request: int) -> None:
    """A request of ours reached the venue: it meets the book as it is now."""
    ns = world[request + REQUEST_NS]
    order = world[request + REQUEST_ROW]
    kind = world[request + REQUEST_KIND]
    client_order_id = world[request + REQUEST_ID]
    market = world[INSTRUMENTS] + world[request + REQUEST_INSTRUMENT] * INSTRUMENT_WORDS
    ticks = world[request + REQUEST_TICKS]
    lots = world[request + REQUEST_LOTS]
    stale = world[request + REQUEST_VERSION] != world[market + VERSION]
    looked_at(world, market)
    if kind == _PLACE:
        if stale:
            _ended(world, market, order, _OLD_GRID, ns)
        else:
            _placed(world, reals, market, order, ns, 1)
        return
    unknown = world[order + ORDER_ID] != client_order_id or world[order + ORDER_RESTS] == 0
    if unknown or (kind == _AMEND and (stale or world[market + VENUE_TRUSTED] == 0)):
        refused = _CANCEL_REJECTED if kind == _CANCEL else _AMEND_REJECTED
        report(world, market, order, client_order_id, refused, ns, ticks, lots, 0, 0)
    elif kind == _CANCEL:
        _ended(world, market, order, _CANCELED, ns)
    else:
        _amended(world, reals, market, order, ticks, lots, ns)


@part
def _placed(world: World, reals: Reals, market: int, order: int, ns: int, fresh: int) -> None:
    """Meet the book with an order: refuse, take, rest."""
    side = world[order + ORDER_SIDE]
    style = world[order + ORDER_STYLE]
    facing = market + VENUE_BOOK + (1 - side) * LADDER_WORDS
    if world[market + VENUE_TRUSTED] == 0:
        _ended(world, market, order, _BOOK_UNKNOWN, ns)
        return
    best = world[facing + BEST]
    ticks = world[order + ORDER_TICKS]
    limit = EMPTY
    if style != _MARKET:
        limit = -ticks if side == BUY else ticks
    takes = best != EMPTY and best >= limit
    if takes and style == _POST_ONLY:
        _ended(world, market, order, _WOULD_TAKE if fresh else _CANCELED, ns)
        return
    if style == _FOK and not (takes and _enough(world, market, facing, limit, world[order + ORDER_LEFT])):
        _ended(world, market, order, _EXPIRED, ns)
        return
    left = world[order + ORDER_LEFT]
    if fresh:
        report(
            world,
            market,
            order,
            world[order + ORDER_ID],
            _ACCEPTED,
            ns,
            ticks,
            world[order + ORDER_LOTS],
            left,
            0,
        )
    if takes:
        _take(world, market, order, facing, limit, ns)
    if world[order + ORDER_LEFT] == 0:
        return
    if style in (_REST, _POST_ONLY):
        _rest(world, reals, market, order, ns)
    else:
        _ended(world, market, order, _EXPIRED, ns)


@part
def _amended(world: World, reals: Reals, market: int, order: int, ticks: int, lots: int, ns: int) -> None:
    """Change price and total lots. Only less at the same price keeps its place in the queue."""
    left = lots - (world[order + ORDER_LOTS] - world[order + ORDER_LEFT])
    stays = ticks == world[order + ORDER_TICKS] and left <= world[order + ORDER_LEFT]
    if left <= 0:
        _ended(world, market, order, _CANCELED, ns)
        return
    if not stays:
        _unrest(world, market, order)
    world[order + ORDER_TICKS] = ticks
    world[order + ORDER_LOTS] = lots
    world[order + ORDER_LEFT] = left
    report(world, market, order, world[order + ORDER_ID], _AMENDED, ns, ticks, lots, left, 0)
    if not stays:
        _placed(world, reals, market, order, ns, 0)


@part
def _enough(world: World, market: int, facing: int, limit: int, wanted: int) -> bool:
    """Say whether the whole order would be filled now."""
    key = world[facing + BEST]
    while key != EMPTY and key >= limit and world[market + FILL_RULE] != _COMPLETE:
        wanted -= ladder.lots_at(world, facing, key)
        if wanted <= 0:
            return True
        key = ladder.below(world, facing, key)
    return bool(world[market + FILL_RULE] == _COMPLETE)


@part
def _take(world: World, market: int, order: int, facing: int, limit: int, ns: int) -> None:
    """Take what is there up to the limit. With IMPACT it is gone until the feed tells that level again."""
    sign = 1 if world[order + ORDER_SIDE] == SELL else -1
    key = world[facing + BEST]
    while world[order + ORDER_LEFT] > 0 and key != EMPTY and key >= limit:
        there = ladder.lots_at(world, facing, key)
        amount = world[order + ORDER_LEFT]
        if world[market + FILL_RULE] != _COMPLETE:
            amount = min(amount, there)
        if world[market + IMPACT] != 0:
            ladder.take(world, facing, key, max(there - amount, 0))
            world[market + BENT] = 1
        if amount > 0:
            _fill(world, market, order, ns, 0, sign * key, amount)
        key = ladder.below(world, facing, key)


@part
def _met(world: World, market: int, book: int, key: int, lots: int, ns: int) -> None:
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
            _fill(world, market, order, ns, 1, world[order + ORDER_TICKS], amount)
        order = following


@part
def _fill(world: World, market: int, order: int, ns: int, maker: int, ticks: int, lots: int) -> None:
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
        _unrest(world, market, order)


@part
def _ended(world: World, market: int, order: int, kind: int, ns: int) -> None:
    """The order is over, unfilled or in part."""
    if world[order + ORDER_RESTS] != 0:
        _unrest(world, market, order)
    left = world[order + ORDER_LEFT]
    world[order + ORDER_LEFT] = 0
    lots = world[order + ORDER_LOTS]
    report(
        world, market, order, world[order + ORDER_ID], kind, ns, world[order + ORDER_TICKS], lots - left, 0, 0
    )


@part
def _rest(world: World, reals: Reals, market: int, order: int, ns: int) -> None:
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
def _unrest(world: World, market: int, order: int) -> None:
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
def _first_at(world: World, book: int, ticks: int) -> int:
    """Return the first of our orders that rest at a price, or 0. The table knows most; the list knows all."""
    order = world[world[book + OWN_FIRST] + (ticks & (OWN_FIRST_WORDS - 1))]
    if order != 0 and world[order + ORDER_TICKS] == ticks:
        return int(order)
    order = world[book + OWN_HEAD]
    while order != 0 and world[order + ORDER_TICKS] != ticks:
        order = world[order + ORDER_NEXT]
    return int(order)
