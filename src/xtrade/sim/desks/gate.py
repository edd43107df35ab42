"""The rules of the risk gate as a kernel: the same answers as xtrade.trading.risk gives, rule by rule.

`refused_by` returns the first rule that says no; why in words is asked of the rule itself, after the run.
"""

from __future__ import annotations

import numpy as np

from xtrade.sim.desks.layout import (
    BAND,
    LOTS,
    LOTS_MAX,
    LOTS_MAX_MARKET,
    LOTS_MIN,
    OPEN,
    OPEN_COUNT,
    OPEN_LEFT,
    OPEN_MAX,
    OPEN_NAME,
    OPEN_SIDE,
    OPEN_TICKS,
    OPEN_WORDS,
    ORDER_WORTH_MAX,
    POSITION_WORTH_MAX,
    PRICED,
    RATE_MAX,
    SENT,
    SENT_COUNT,
    SPOT,
    WORTH_MIN,
    Rule,
)
from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import BUY, EMPTY, SELL, Style, World

__all__ = ["in_the_way", "open_lots", "refused_by"]

_NONE, _FORM, _BOOK, _POST, _BAND, _ORDER, _POSITION, _SPOT, _OPEN, _RATE, _SELF = (
    int(rule) for rule in Rule
)
_MARKET = int(Style.MARKET)
_POST_ONLY = int(Style.POST_ONLY)
_SECOND = 1_000_000_000


@kernel
def refused_by(
    world: World,
    desk: int,
    now: int,
    side: int,
    style: int,
    ticks: int,
    lots: int,
    bid: int,
    ask: int,
    trusted: int,
) -> int:
    """Return the first rule that says no to an order, NONE if it may go; EMPTY and -EMPTY are sides without anybody."""
    if _has_wrong_form(world, desk, style, ticks, lots):
        return _FORM
    sign = 1 if side == BUY else -1
    on_this_side = open_lots(world, desk, side)
    reduces = lots + on_this_side <= -sign * world[desk + LOTS]
    if trusted == 0 and not reduces:
        return _BOOK
    by_price = _refused_by_price(world, desk, sign, style, ticks, bid, ask, trusted)
    if by_price != _NONE:
        return by_price
    price = ticks
    if style == _MARKET:
        price = ask if side == BUY else bid
    if world[desk + ORDER_WORTH_MAX] >= 0 and _is_worth_more(world, desk, price, lots, ORDER_WORTH_MAX):
        return _ORDER
    if world[desk + POSITION_WORTH_MAX] >= 0 and not reduces:
        after = max(sign * world[desk + LOTS] + on_this_side + lots, 0)
        if _is_worth_more(world, desk, price, after, POSITION_WORTH_MAX):
            return _POSITION
    if world[desk + SPOT] != 0 and side == SELL and lots > world[desk + LOTS] - on_this_side:
        return _SPOT
    if world[desk + OPEN_COUNT] >= world[desk + OPEN_MAX]:
        return _OPEN
    most = world[desk + RATE_MAX]
    # Where the time of this order would go stands that of the `most`-th before it.
    if world[desk + SENT_COUNT] >= most and (
        world[world[desk + SENT] + world[desk + SENT_COUNT] % most] > now - _SECOND
    ):
        return _RATE
    if in_the_way(world, desk, side, style, ticks) != 0:
        return _SELF
    return _NONE


@kernel
def _refused_by_price(
    world: World, desk: int, sign: int, style: int, ticks: int, bid: int, ask: int, trusted: int
) -> int:
    """Return which rule a limit price breaks: post-only, or the band about the middle."""
    if style == _POST_ONLY and trusted != 0:
        touch = ask if sign > 0 else bid
        if touch not in (EMPTY, -EMPTY) and (ticks - touch) * sign >= 0:
            return _POST
    if style != _MARKET and bid != EMPTY and ask != -EMPTY:
        band = world.view(np.float64)[desk + BAND]
        middle = (bid + ask) / 2
        if band >= 0 and sign * (ticks - middle) / middle > band:
            return _BAND
    return _NONE


@kernel
def open_lots(world: World, desk: int, side: int) -> int:
    """Return what is open on a side and may still trade."""
    lots = 0
    start = world[desk + OPEN]
    for row in range(start, start + world[desk + OPEN_COUNT] * OPEN_WORDS, OPEN_WORDS):
        if world[row + OPEN_SIDE] == side:
            lots += world[row + OPEN_LEFT]
    return lots


@kernel
def in_the_way(world: World, desk: int, side: int, style: int, ticks: int) -> int:
    """Return the name of our oldest order that this one would meet; 0 if there is none."""
    sign = 1 if side == BUY else -1
    start = world[desk + OPEN]
    for row in range(start, start + world[desk + OPEN_COUNT] * OPEN_WORDS, OPEN_WORDS):
        if world[row + OPEN_SIDE] == side:
            continue
        theirs = world[row + OPEN_TICKS]
        if theirs == 0 or style == _MARKET or (ticks - theirs) * sign >= 0:
            return int(world[row + OPEN_NAME])
    return 0


@kernel
def _has_wrong_form(world: World, desk: int, style: int, ticks: int, lots: int) -> bool:
    if lots < world[desk + LOTS_MIN] or lots > world[desk + LOTS_MAX]:
        return True
    if style == _MARKET:
        return bool(lots > world[desk + LOTS_MAX_MARKET])
    return bool(ticks < 1 or _worth(world, desk, ticks, lots) < world[desk + WORTH_MIN])


@kernel
def _is_worth_more(world: World, desk: int, price: int, lots: int, limit: int) -> bool:
    """Whether lots are worth more than a limit; where nobody is on the other side, nobody knows, and they are."""
    if price in (EMPTY, -EMPTY):
        return True
    return bool(_worth(world, desk, price, lots) > world[desk + limit])


@kernel
def _worth(world: World, desk: int, ticks: int, lots: int) -> int:
    return ticks * lots if world[desk + PRICED] != 0 else lots
