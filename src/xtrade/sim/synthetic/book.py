"""A limit order book around a price that others decide, as a compiled kernel.

advance   let orders come and go until a time, and write what the venue would say

Orders and cancels of each side are a Hawkes process: they excite themselves and each other, and trades excite both
(what was eaten is refilled, the other side follows). New orders stand at a distance from the fair price that gives
the depth its hump; a level that holds more than it should gains less and loses more, so that depth reverts. Where the
fair price has run over quotes, makers take them away, or snipers take them. Takers walk the book, and what they took
moves what makers believe, for a while.

Cells are lots by tick, bids first, in a window that follows the price. A side never runs empty: its last lot stays.
"""

from __future__ import annotations

import math
from typing import Final

from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import BUY, SELL, Reals, Words
from xtrade.sim.replay.tape import Happening
from xtrade.sim.synthetic.arithmetic import exp_of, log_of
from xtrade.sim.synthetic.draws import RESERVE
from xtrade.sim.synthetic.steps import STEP_NS

__all__ = ["COLUMNS", "DONE", "PLACES_FULL", "REALS", "UNIFORMS_USED", "WORDS", "advance", "open_book"]

# -- words: what the book knows -------------------------------------------------------------------------------------
(
    NOW,
    BASE,  # the tick of the first cell
    SIZE,  # cells of one side
    BEST,  # the best tick: bid, then ask
    BEST_ASK,
    FAR,  # no level lies beyond: of the bids, then of the asks
    FAR_ASK,
    LEVELS,  # how many levels there are: bids, then asks
    LEVELS_ASK,
    TAKER,  # the next taker of the block
    TAKEN,  # numbers of the uniforms that are used up
    ROWS,  # rows written
    WORDS,
) = range(13)

# -- reals: how the market is, and how excited it is ----------------------------------------------------------------
(
    MORE,  # excitement of orders: bids, then asks
    MORE_ASK,
    LESS,  # of cancels
    LESS_ASK,
    IMPACT,  # what trades have moved the makers' price by, in ticks
    ORDER_RATE,  # of each side's orders, and of its cancels
    HUMP,  # ticks beyond the quote at which the book is deepest
    DEPTH,  # lots of a level there
    REACH,  # ticks from the fair price beyond which levels are given up
    TYPICAL,  # lots of a typical trade
    PUSH,  # half spreads that it moves the price by
    REALS,
) = range(12)

DONE: Final = 0
UNIFORMS_USED: Final = 1
PLACES_FULL: Final = 2

COLUMNS: Final = 5
"""Of a row: ns, kind, side, ticks, lots."""

_LEVEL: Final = int(Happening.LEVEL)
_TRADE: Final = int(Happening.TRADE)

# What an order and a cancel bring about, each second for a quarter of one: their own kind, and the other.
_EXCITED_RATE: Final = 4.0
_LIKE: Final = 0.4 * _EXCITED_RATE
_UNLIKE: Final = 0.1 * _EXCITED_RATE
_OWN_RATE: Final = 0.5
# What a trade brings about: orders and cancels on the side that was eaten, and on the other.
_REFILL: Final = 1.5 * _EXCITED_RATE
_FOLLOW: Final = 0.8 * _EXCITED_RATE
_RETREAT: Final = 0.7 * _EXCITED_RATE
_IMPACT_RATE: Final = 0.1
_IMPACT_MAX: Final = 4.0
# How eagerly makers mend what the price has run over, or left wide open, and how often a sniper is faster.
_MEND_RATE: Final = 15.0
_STALE: Final = 0.3
_WIDE: Final = 1.6
_SNIPED: Final = 0.12
# How many orders come to the touch, and how far some improve on it, in half spreads.
_TOUCH_SHARE: Final = 0.3
_IMPROVED: Final = 0.5
# The least that a level is meant to have, before the hump and behind it, as a share of that at the hump.
_TOUCH_DEPTH: Final = 0.35
_FAR_DEPTH: Final = 0.1
_WALK_MAX: Final = 400


@kernel
def open_book(
    words: Words, reals: Reals, cells: Words, fair: float, half: float, chance: Reals, rows: Words
) -> None:
    """Fill an empty book as it is on average; `words` has NOW and SIZE, `chance` two numbers for each tick of it."""
    size = words[SIZE]
    words[BASE] = max(1, int(fair) - size // 2)
    words[BEST], words[BEST_ASK] = 0, words[BASE] + size
    words[FAR], words[FAR_ASK] = words[BASE] + size, 0
    reach = min(int(reals[REACH]), size // 2 - 2)
    for away in range(reach):
        for side in range(2):
            ticks = math.floor(fair - half) - away if side == BUY else math.ceil(fair + half) + away
            drawn = chance[2 * away + side]
            wanted = _depth(reals, float(away)) * (0.4 + 1.2 * drawn)
            # Far from the price most levels are empty.
            if ticks > words[BASE] and (away == 0 or drawn < 2.0 * _share(reals, float(away))):
                _put(words, cells, rows, side, ticks, max(1, int(wanted)))


@kernel
def advance(
    words: Words,
    reals: Reals,
    cells: Words,
    start_ns: int,
    until_ns: int,
    fairs: Reals,
    halves: Reals,
    activity: Reals,
    taker_ns: Words,
    taker_side: Words,
    taker_lots: Words,
    chance: Reals,
    rows: Words,
) -> int:
    """Play until `until_ns`, or until numbers or places for rows run out; `start_ns` is that of the steps."""
    places = len(rows) // COLUMNS - 2 * words[SIZE] - 2 * _WALK_MAX
    while words[NOW] < until_ns:
        if words[TAKEN] + RESERVE > len(chance):
            return UNIFORMS_USED
        if words[ROWS] > places:
            return PLACES_FULL
        step = (words[NOW] - start_ns) // STEP_NS
        half = halves[step]
        fair = fairs[step] + reals[IMPACT]
        _follow(words, cells, rows, fair, half)
        own = reals[ORDER_RATE] * _OWN_RATE * activity[step]
        # How far, in half spreads, quotes are from where makers want them.
        stale_bid = (words[BEST] - (fair - _STALE * half)) / half
        stale_ask = (fair + _STALE * half - words[BEST_ASK]) / half
        wide_bid = (fair - _WIDE * half - words[BEST]) / half - 1.0 / half
        wide_ask = (words[BEST_ASK] - (fair + _WIDE * half)) / half - 1.0 / half
        mend_bid = _MEND_RATE * (1.0 + stale_bid) if stale_bid > 0.0 else 0.0
        mend_ask = _MEND_RATE * (1.0 + stale_ask) if stale_ask > 0.0 else 0.0
        mend_bid += _MEND_RATE * (1.0 + wide_bid) if wide_bid > 0.0 else 0.0
        mend_ask += _MEND_RATE * (1.0 + wide_ask) if wide_ask > 0.0 else 0.0
        steady = 4.0 * own + mend_bid + mend_ask
        total = steady + reals[MORE] + reals[MORE_ASK] + reals[LESS] + reals[LESS_ASK]
        horizon = min(start_ns + (step + 1) * STEP_NS, until_ns)
        taker = words[TAKER]
        comes = taker < len(taker_ns) and taker_ns[taker] <= horizon
        if comes:
            horizon = max(taker_ns[taker], words[NOW])
        wait = -log_of(_draw(words, chance)) / total
        then = words[NOW] + 1 + int(wait * 1e9) if wait < 1.0 else horizon
        if then >= horizon:
            _calm(reals, (horizon - words[NOW]) * 1e-9)
            words[NOW] = horizon
            if comes:
                words[TAKER] = taker + 1
                _take(words, reals, cells, rows, taker_side[taker], taker_lots[taker], half)
            continue
        _calm(reals, (then - words[NOW]) * 1e-9)
        words[NOW] = then
        drawn = _draw(words, chance) * total
        # Ogata's thinning: the excitement can only have fallen since.
        for side in range(2):
            if 0.0 <= drawn < own + reals[MORE + side]:
                _order(words, reals, cells, chance, rows, side, fair, half)
            drawn -= own + reals[MORE + side]
            if 0.0 <= drawn < own + reals[LESS + side]:
                _cancel(words, reals, cells, chance, rows, side, fair, half)
            drawn -= own + reals[LESS + side]
        if 0.0 <= drawn < mend_bid:
            _mend(words, reals, cells, chance, rows, BUY, fair, half)
        elif 0.0 <= drawn - mend_bid < mend_ask:
            _mend(words, reals, cells, chance, rows, SELL, fair, half)
    return DONE


# -- what traders do ------------------------------------------------------------------------------------------------


@kernel
def _order(
    words: Words, reals: Reals, cells: Words, chance: Reals, rows: Words, side: int, fair: float, half: float
) -> None:
    """A new order joins, at the touch or deeper; where there is much already, it is small."""
    if _draw(words, chance) > _TOUCH_SHARE:
        away = -reals[HUMP] * (log_of(_draw(words, chance)) + log_of(_draw(words, chance)))
    else:
        away = -_IMPROVED * half * _draw(words, chance)
    _place(words, reals, cells, chance, rows, side, fair, half, min(away, reals[REACH] - half))
    reals[MORE + side] += _LIKE
    reals[LESS + side] += _UNLIKE


@kernel
def _place(
    words: Words,
    reals: Reals,
    cells: Words,
    chance: Reals,
    rows: Words,
    side: int,
    fair: float,
    half: float,
    away: float,
) -> None:
    if side == BUY:
        ticks = min(math.floor(fair - half - away), words[BEST_ASK] - 1)
    else:
        ticks = max(math.ceil(fair + half + away), words[BEST] + 1)
    ticks = min(max(ticks, words[BASE] + 1), words[BASE] + words[SIZE] - 2)
    # Orders that would cross stand back: the window ends where the other side has all of it.
    if (side == BUY and ticks >= words[BEST_ASK]) or (side == SELL and ticks <= words[BEST]):
        return
    had = _lots(words, cells, side, ticks)
    wanted = _depth(reals, away)
    room = max(2.0 - had / wanted, 0.05)
    lots = 1 + int(_draw(words, chance) * room * wanted * 0.7)
    _put(words, cells, rows, side, ticks, had + lots)


@kernel
def _cancel(
    words: Words, reals: Reals, cells: Words, chance: Reals, rows: Words, side: int, fair: float, half: float
) -> None:
    """Somebody gives up: at the far end of the book now and then, else wherever orders stand."""
    reals[LESS + side] += _LIKE
    reals[MORE + side] += _UNLIKE
    if words[LEVELS + side] < 2:
        return
    far = words[FAR + side]
    if abs(far - fair) > reals[REACH] and _draw(words, chance) < 0.5:
        _put(words, cells, rows, side, far, 0)
        return
    away = 0.0
    if _draw(words, chance) > _TOUCH_SHARE:
        away = -reals[HUMP] * (log_of(_draw(words, chance)) + log_of(_draw(words, chance)))
    sign = 1 if side == BUY else -1
    ticks = math.floor(fair - half - away) if side == BUY else math.ceil(fair + half + away)
    if sign * (ticks - words[BEST + side]) > 0:
        ticks = words[BEST + side]
    for _ in range(8):
        had = _lots(words, cells, side, ticks)
        if had > 0:
            wanted = _depth(reals, away)
            gone = 1 + int(_draw(words, chance) * max(had / wanted, 0.1) * wanted * 0.7)
            _put(words, cells, rows, side, ticks, max(had - gone, 0))
            return
        ticks -= sign


@kernel
def _mend(
    words: Words, reals: Reals, cells: Words, chance: Reals, rows: Words, side: int, fair: float, half: float
) -> None:
    """A maker moves the touch to where the price is; a sniper may be there first."""
    best = words[BEST + side]
    over = best - fair if side == BUY else fair - best
    if over <= -_STALE * half or words[LEVELS + side] < 2:
        _place(words, reals, cells, chance, rows, side, fair, half, 0.0)
        return
    had = _lots(words, cells, side, best)
    if over > 0.5 * half and _draw(words, chance) < _SNIPED:
        lots = min(had, 1 + int(_draw(words, chance) * 4.0 * reals[TYPICAL]))
        _say(words, rows, _TRADE, 1 - side, best, lots)
        _put(words, cells, rows, side, best, had - lots)
        return
    _put(words, cells, rows, side, best, 0)


@kernel
def _take(words: Words, reals: Reals, cells: Words, rows: Words, taker: int, lots: int, half: float) -> None:
    """A taker walks the other side, as far as a market order may go."""
    side = 1 - taker
    first = words[BEST + side]
    left = lots
    for _ in range(_WALK_MAX):
        ticks = words[BEST + side]
        had = _lots(words, cells, side, ticks)
        room = had - 1 if words[LEVELS + side] < 2 else had
        lots_now = min(left, room)
        if lots_now <= 0 or abs(ticks - first) > 2.0 * reals[REACH]:
            break
        left -= lots_now
        _say(words, rows, _TRADE, taker, ticks, lots_now)
        _put(words, cells, rows, side, ticks, had - lots_now)
    sign = 1.0 if taker == BUY else -1.0
    moved = reals[IMPACT] + sign * reals[PUSH] * half * math.sqrt((lots - left) / reals[TYPICAL])
    reals[IMPACT] = min(max(moved, -_IMPACT_MAX * half), _IMPACT_MAX * half)
    reals[MORE + side] += _REFILL
    reals[LESS + side] += _RETREAT
    reals[MORE + taker] += _FOLLOW


# -- the book -------------------------------------------------------------------------------------------------------


@kernel
def _follow(words: Words, cells: Words, rows: Words, fair: float, half: float) -> None:
    """Move the window when the price nears its end; what falls out of it is given up."""
    size = words[SIZE]
    if abs(fair - words[BASE] - size // 2) < size // 4:
        return
    base = max(1, int(fair) - size // 2)
    shift = base - words[BASE]
    if shift == 0:
        return
    # The side that the price runs into goes first, and a new level comes before the last old one goes: no moment is
    # crossed or empty.
    for turn in range(2):
        side = 1 - turn if shift > 0 else turn
        ticks = _kept(words, cells, side, base)
        if ticks == 0:
            other = words[BEST + 1 - side]
            if side == BUY:
                ticks = max(min(math.floor(fair - half), other - 1), base)
            else:
                ticks = min(max(math.ceil(fair + half), other + 1), base + size - 1)
            _say(words, rows, _LEVEL, side, ticks, 1)
        _give_up(words, cells, rows, side, base)
        words[BEST + side] = ticks
    for side in range(2):
        if shift > 0:
            for at in range(size):
                cells[side * size + at] = cells[side * size + at + shift] if at + shift < size else 0
        else:
            for at in range(size - 1, -1, -1):
                cells[side * size + at] = cells[side * size + at + shift] if at + shift >= 0 else 0
    words[BASE] = base
    # A new level had no cell in the old window.
    for side in range(2):
        at = side * size + words[BEST + side] - base
        cells[at] = max(cells[at], 1)
    _recount(words, cells)


@kernel
def _kept(words: Words, cells: Words, side: int, base: int) -> int:
    """The best level of a side that stays when the window begins at `base`; 0 if none does."""
    size = words[SIZE]
    best = 0
    for ticks in range(max(words[BASE], base + 1), min(words[BASE] + size, base + size - 1)):
        if cells[side * size + ticks - words[BASE]] > 0 and (side == BUY or best == 0):
            best = ticks
    return best


@kernel
def _give_up(words: Words, cells: Words, rows: Words, side: int, base: int) -> None:
    """Take away the levels of a side that are outside the window that begins at `base`."""
    size = words[SIZE]
    for at in range(size):
        ticks = words[BASE] + at
        if not base < ticks < base + size - 1 and cells[side * size + at] > 0:
            _say(words, rows, _LEVEL, side, ticks, 0)
            cells[side * size + at] = 0


@kernel
def _recount(words: Words, cells: Words) -> None:
    """Find the ends of both sides anew."""
    base, size = words[BASE], words[SIZE]
    words[BEST], words[BEST_ASK] = 0, base + size
    words[FAR], words[FAR_ASK] = base + size, 0
    words[LEVELS], words[LEVELS_ASK] = 0, 0
    for at in range(size):
        if cells[at] > 0:
            words[BEST] = base + at
            words[FAR] = min(words[FAR], base + at)
            words[LEVELS] += 1
        if cells[size + at] > 0:
            words[BEST_ASK] = min(words[BEST_ASK], base + at)
            words[FAR_ASK] = base + at
            words[LEVELS_ASK] += 1


@kernel
def _put(words: Words, cells: Words, rows: Words, side: int, ticks: int, lots: int) -> None:
    """Set a level, say so, and keep the ends of its side right."""
    at = side * words[SIZE] + ticks - words[BASE]
    had = cells[at]
    if had == lots:
        return
    cells[at] = lots
    _say(words, rows, _LEVEL, side, ticks, lots)
    better = 1 if side == BUY else -1
    if had == 0:
        words[LEVELS + side] += 1
        if better * (ticks - words[BEST + side]) > 0:
            words[BEST + side] = ticks
        if better * (ticks - words[FAR + side]) < 0:
            words[FAR + side] = ticks
    if lots > 0:
        return
    words[LEVELS + side] -= 1
    if words[LEVELS + side] == 0:
        words[BEST + side] = 0 if side == BUY else words[BASE] + words[SIZE]
        words[FAR + side] = words[BASE] + words[SIZE] if side == BUY else 0
        return
    while cells[side * words[SIZE] + words[BEST + side] - words[BASE]] == 0:
        words[BEST + side] -= better
    while cells[side * words[SIZE] + words[FAR + side] - words[BASE]] == 0:
        words[FAR + side] += better


@kernel
def _lots(words: Words, cells: Words, side: int, ticks: int) -> int:
    place = ticks - words[BASE]
    return int(cells[side * words[SIZE] + place]) if 0 <= place < words[SIZE] else 0


@kernel
def _say(words: Words, rows: Words, kind: int, side: int, ticks: int, lots: int) -> None:
    at = words[ROWS] * COLUMNS
    rows[at] = words[NOW]
    rows[at + 1] = kind
    rows[at + 2] = side
    rows[at + 3] = ticks
    rows[at + 4] = lots
    words[ROWS] += 1


# -- laws -----------------------------------------------------------------------------------------------------------


@kernel
def _share(reals: Reals, away: float) -> float:
    """The depth at a distance from the quote, as a share of that at the hump."""
    hump = (max(away, 0.0) + 1.0) / reals[HUMP]
    return float(hump * exp_of(1.0 - hump))


@kernel
def _depth(reals: Reals, away: float) -> float:
    """How many lots a level is meant to have."""
    least = _TOUCH_DEPTH if away < reals[HUMP] else _FAR_DEPTH
    return float(max(reals[DEPTH] * max(_share(reals, away), least), 1.0))


@kernel
def _calm(reals: Reals, seconds: float) -> None:
    """Let time pass over what excites."""
    less = exp_of(-_EXCITED_RATE * seconds)
    reals[MORE] *= less
    reals[MORE_ASK] *= less
    reals[LESS] *= less
    reals[LESS_ASK] *= less
    reals[IMPACT] *= exp_of(-_IMPACT_RATE * seconds)


@kernel
def _draw(words: Words, chance: Reals) -> float:
    words[TAKEN] += 1
    return float(chance[words[TAKEN] - 1])
