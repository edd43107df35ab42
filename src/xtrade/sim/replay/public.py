"""The public book: what the tape alone says of it, whoever trades in it.

follow       put rows into the ladders of the book as we know it
annotate     the same for a whole tape, noting the best of the book after each row

The best after each row is the same in every run over a tape, so it is found once and kept with the tape: a run then
neither looks for it at the venue, nor follows what we know of the book until somebody asks for more than its best.
"""

from __future__ import annotations

from xtrade.sim.replay import ladder
from xtrade.sim.replay.blocks import Where, block, column
from xtrade.sim.replay.compiled import kernel, part
from xtrade.sim.replay.layout import (
    BASE,
    BEST,
    BUY,
    CELLS,
    EMPTY,
    HALF_BITS,
    HALF_EMPTY,
    HEARD,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    KNOWN_BOOK,
    LADDER_WORDS,
    LOTS_SHIFT,
    LOW,
    ROW_COUNT,
    ROW_LOTS,
    ROW_MARK,
    ROW_WORDS,
    ROWS,
    ROWS_HEARD,
    ROWS_SHOWN,
    VENUE_ORDER,
    World,
)
from xtrade.sim.replay.tape import Happening

__all__ = [
    "annotate",
    "best_ask_of",
    "best_bid_of",
    "follow",
    "instrument_of",
    "kind_of",
    "side_of",
    "ticks_of",
]

_LEVEL = int(Happening.LEVEL)
_CLEAR = int(Happening.CLEAR)
_GRID = int(Happening.GRID)
_ADD = int(Happening.ADD)
_REDUCE = int(Happening.REDUCE)
_EXECUTE = int(Happening.EXECUTE)
_HALF = (1 << HALF_BITS) - 1


@part
def ticks_of(mark: int) -> int:
    """Return the ticks in a row's last word."""
    return mark << 32 >> 32


@part
def kind_of(mark: int) -> int:
    """Return the kind in a row's last word."""
    return (mark >> 32) & 0xFF


@part
def side_of(mark: int) -> int:
    """Return the side in a row's last word."""
    return (mark >> 40) & 1


@part
def instrument_of(mark: int) -> int:
    """Return the instrument's place in a row's last word."""
    return mark >> 48


@part
def best_bid_of(both: int) -> int:
    """Return the key of the best bid."""
    key = both << HALF_BITS >> HALF_BITS
    return EMPTY if key == HALF_EMPTY else key


@part
def best_ask_of(both: int) -> int:
    """Return the key of the best ask."""
    key = both >> HALF_BITS
    return EMPTY if key == HALF_EMPTY else key


@part
def follow(world: World) -> None:
    """Let the ladders of the book as we know it take in what we heard since somebody last looked."""
    rows = column(world[ROWS], world[ROW_COUNT] * ROW_WORDS)
    instruments = world[INSTRUMENTS]
    for at in range(world[ROWS_SHOWN], world[ROWS_HEARD]):
        mark = rows[at * ROW_WORDS + ROW_MARK]
        market = instruments + instrument_of(mark) * INSTRUMENT_WORDS
        lots = rows[at * ROW_WORDS + ROW_LOTS]
        if not _told_inside(world, market, mark, lots):
            _told(world, market, mark, lots)
    world[ROWS_SHOWN] = world[ROWS_HEARD]


@kernel
def annotate(world_at: Where, best_at: int) -> None:
    """Note the best of its instrument's book after each row, in the order in which they happen."""
    world = block(world_at)
    count = world[ROW_COUNT]
    rows = column(world[ROWS], count * ROW_WORDS)
    best = column(best_at, count)
    sorted_ = world[VENUE_ORDER] == 0
    order = column(world[VENUE_ORDER], 0 if sorted_ else count)
    instruments = world[INSTRUMENTS]
    for place in range(count):
        at = place if sorted_ else order[place]
        mark = rows[at * ROW_WORDS + ROW_MARK]
        market = instruments + instrument_of(mark) * INSTRUMENT_WORDS
        lots = rows[at * ROW_WORDS + ROW_LOTS]
        if not _told_inside(world, market, mark, lots):
            _told(world, market, mark, lots)
            bids = market + KNOWN_BOOK
            world[market + HEARD] = (
                _half(world[bids + LADDER_WORDS + BEST]) << HALF_BITS | _half(world[bids + BEST]) & _HALF
            )
        best[place] = world[market + HEARD]


@part
def _told_inside(world: World, market: int, mark: int, lots: int) -> bool:
    """Put a level into the book if it lies under the best, as most do; return whether that was all there is to do."""
    side = side_of(mark)
    ticks = ticks_of(mark)
    key = ticks if side == BUY else -ticks
    book = market + KNOWN_BOOK + side * LADDER_WORDS
    best = world[book + BEST]
    place = key - world[book + BASE]
    if kind_of(mark) != _LEVEL or place < 0 or key >= best + (lots > 0):
        return False
    world[world[book + CELLS] + place] = lots << LOTS_SHIFT
    world[book + LOW] = min(world[book + LOW], key)
    return True


@part
def _half(key: int) -> int:
    return HALF_EMPTY if key == EMPTY else key


@part
def _told(world: World, market: int, mark: int, lots: int) -> None:
    """Put one row into the book."""
    kind = kind_of(mark)
    side = side_of(mark)
    ticks = ticks_of(mark)
    book = market + KNOWN_BOOK + side * LADDER_WORDS
    key = ticks if side == BUY else -ticks
    if kind == _LEVEL:
        _set_level(world, market, book, side, key, lots)
    elif kind == _ADD:
        _set_level(world, market, book, side, key, ladder.lots_at(world, book, key) + lots)
    elif kind in (_REDUCE, _EXECUTE):
        ladder.shrink(world, book, key, max(ladder.lots_at(world, book, key) - lots, 0))
    elif kind == _CLEAR:
        ladder.clear(world, book)
    elif kind == _GRID:
        ladder.clear(world, market + KNOWN_BOOK)
        ladder.clear(world, market + KNOWN_BOOK + LADDER_WORDS)


@part
def _set_level(world: World, market: int, book: int, side: int, key: int, lots: int) -> None:
    """Set a level; one that crosses the other side takes its best there away, hidden until it is told again."""
    best = world[book + BEST]
    ladder.put(world, book, key, lots)
    if lots > 0 and key > best:
        other = market + KNOWN_BOOK + (1 - side) * LADDER_WORDS
        if key + world[other + BEST] >= 0:
            ladder.retreat(world, other, -key)
