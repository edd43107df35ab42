"""A request of ours at the venue: `arrived` lets it meet the book as it is now."""

from __future__ import annotations

from xtrade.sim.replay import ladder
from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.executions import FillRule, ended, fill
from xtrade.sim.replay.layout import (
    BENT,
    BEST,
    BUY,
    EMPTY,
    FILL_RULE,
    IMPACT,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    LADDER_WORDS,
    ORDER_ID,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_RESTS,
    ORDER_SIDE,
    ORDER_STYLE,
    ORDER_TICKS,
    REQUEST_ID,
    REQUEST_INSTRUMENT,
    REQUEST_KIND,
    REQUEST_LOTS,
    REQUEST_NS,
    REQUEST_ROW,
    REQUEST_TICKS,
    REQUEST_VERSION,
    SELL,
    VENUE_BOOK,
    VENUE_TRUSTED,
    VERSION,
    Ask,
    Reals,
    Style,
    Told,
    World,
)
from xtrade.sim.replay.messages import report
from xtrade.sim.replay.resting import rest, unrest
from xtrade.sim.replay.venue import looked_at

__all__ = ["arrived"]


_, _, _COMPLETE = (int(rule) for rule in FillRule)
_REST, _POST_ONLY, _, _FOK, _MARKET = (int(style) for style in Style)
_PLACE, _CANCEL, _AMEND = (int(ask) for ask in Ask)
_ACCEPTED = int(Told.ACCEPTED)
_CANCELED = int(Told.CANCELED)
_EXPIRED = int(Told.EXPIRED)
_AMENDED = int(Told.AMENDED)
_WOULD_TAKE = int(Told.WOULD_TAKE)
_BOOK_UNKNOWN = int(Told.BOOK_UNKNOWN)
_CANCEL_REJECTED = int(Told.CANCEL_REJECTED)
_AMEND_REJECTED = int(Told.AMEND_REJECTED)
_OLD_GRID = int(Told.OLD_GRID)


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
            ended(world, market, order, _OLD_GRID, ns)
        else:
            _placed(world, reals, market, order, ns, 1)
        return
    unknown = world[order + ORDER_ID] != client_order_id or world[order + ORDER_RESTS] == 0
    if unknown or (kind == _AMEND and (stale or world[market + VENUE_TRUSTED] == 0)):
        refused = _CANCEL_REJECTED if kind == _CANCEL else _AMEND_REJECTED
        report(world, market, order, client_order_id, refused, ns, ticks, lots, 0, 0)
    elif kind == _CANCEL:
        ended(world, market, order, _CANCELED, ns)
    else:
        _amended(world, reals, market, order, ticks, lots, ns)


@part
def _placed(world: World, reals: Reals, market: int, order: int, ns: int, fresh: int) -> None:
    """Meet the book with an order: refuse, take, rest."""
    side = world[order + ORDER_SIDE]
    style = world[order + ORDER_STYLE]
    facing = market + VENUE_BOOK + (1 - side) * LADDER_WORDS
    if world[market + VENUE_TRUSTED] == 0:
        ended(world, market, order, _BOOK_UNKNOWN, ns)
        return
    best = world[facing + BEST]
    ticks = world[order + ORDER_TICKS]
    limit = EMPTY
    if style != _MARKET:
        limit = -ticks if side == BUY else ticks
    takes = best != EMPTY and best >= limit
    if takes and style == _POST_ONLY:
        ended(world, market, order, _WOULD_TAKE if fresh else _CANCELED, ns)
        return
    if style == _FOK and not (takes and _enough(world, market, facing, limit, world[order + ORDER_LEFT])):
        ended(world, market, order, _EXPIRED, ns)
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
        rest(world, reals, market, order, ns)
    else:
        ended(world, market, order, _EXPIRED, ns)


@part
def _amended(world: World, reals: Reals, market: int, order: int, ticks: int, lots: int, ns: int) -> None:
    """Change price and total lots. Only less at the same price keeps its place in the queue."""
    left = lots - (world[order + ORDER_LOTS] - world[order + ORDER_LEFT])
    stays = ticks == world[order + ORDER_TICKS] and left <= world[order + ORDER_LEFT]
    if left <= 0:
        ended(world, market, order, _CANCELED, ns)
        return
    if not stays:
        unrest(world, market, order)
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
            fill(world, market, order, ns, 0, sign * key, amount)
        key = ladder.below(world, facing, key)
