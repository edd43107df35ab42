"""One side of a book: a dense row of cells by tick, in a window that follows the price.

put      set the lots of a level, keep the best right, move the window when a new best leaves it
take     lower the lots of a level by what we took
enter    make a key the best, and the window hold it
shrink   lower the lots of a level: what is not the best does not become it
retreat  the best is gone, or crossed: the next one under a key is the best now
below    the best level under a key, no better than the best
lots_at  the lots of a level
told     forget what we took from a level
mark     note that an order of ours rests at a level, or does no more
marked   note that one rests there, and return the cell
clear    empty the side

A key sorts a side best-highest (bids: ticks, asks: minus ticks), so that one function serves both sides. Levels
outside the window are kept in a small open hash table (the spill) and come back when the window reaches them:
nothing is forgotten.
"""

from __future__ import annotations

from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    BASE,
    BEST,
    CELLS,
    EMPTY,
    FAULT,
    LOTS_SHIFT,
    LOW,
    MARKS,
    OURS,
    SIZE,
    SPILL,
    SPILL_MASK,
    SPILL_USED,
    TAKEN,
    TAKEN_COUNT,
    Fault,
    World,
)

__all__ = ["below", "clear", "enter", "lots_at", "mark", "marked", "put", "retreat", "shrink", "take", "told"]

_FAR_LEVELS = int(Fault.FAR_LEVELS)


@part
def put(world: World, side: int, key: int, lots: int) -> int:
    """Set a level and return the cell it had: twice its lots, plus one if we rest there."""
    place = key - world[side + BASE]
    inside = 0 <= place < world[side + SIZE]
    at = world[side + CELLS] + place if inside else _outside(world, side, key, lots)
    cell = world[at]
    world[at] = (lots << LOTS_SHIFT) | (cell & MARKS)
    if lots > 0:
        world[side + BEST] = max(world[side + BEST], key)
        world[side + LOW] = min(world[side + LOW], key)
    elif key == world[side + BEST]:
        retreat(world, side, key)
    return int(cell)


@part
def take(world: World, side: int, key: int, lots: int) -> None:
    """Leave a level these lots, because we took the others, and remember that the feed knows nothing of it."""
    cell = put(world, side, key, lots)
    if cell & TAKEN == 0:
        world[side + TAKEN_COUNT] += 1
    at = _cell(world, side, key)
    world[at] |= TAKEN


@part
def told(world: World, side: int, key: int) -> None:
    """The feed told this level: nothing that we took is missing from it."""
    at = _cell(world, side, key)
    if world[at] & TAKEN != 0:
        world[at] ^= TAKEN
        world[side + TAKEN_COUNT] -= 1


@part
def shrink(world: World, side: int, key: int, lots: int) -> None:
    """Leave a level these lots. A level that the other side has crossed is not the best again for losing some."""
    at = _cell(world, side, key)
    world[at] = (lots << LOTS_SHIFT) | (world[at] & MARKS)
    if lots == 0 and key == world[side + BEST]:
        retreat(world, side, key)


@part
def retreat(world: World, side: int, key: int) -> None:
    """Make the best level under `key` the best; the window always holds the best."""
    enter(world, side, below(world, side, key))


@part
def enter(world: World, side: int, best: int) -> None:
    """Make a key the best (EMPTY: there is none); the window always holds the best."""
    world[side + BEST] = best
    base = world[side + BASE]
    if best != EMPTY and not (base <= best < base + world[side + SIZE]):
        _recentre(world, side, best)


@part
def lots_at(world: World, side: int, key: int) -> int:
    """Return the lots at a level."""
    place = key - world[side + BASE]
    if 0 <= place < world[side + SIZE]:
        return int(world[world[side + CELLS] + place] >> LOTS_SHIFT)
    at = _spilled(world, side, key)
    return int(world[at + 1] >> LOTS_SHIFT) if world[at] != 0 else 0


@part
def below(world: World, side: int, key: int) -> int:
    """Return the best key under `key` that has lots, or EMPTY."""
    base = world[side + BASE]
    cells = world[side + CELLS]
    place = min(key - base, world[side + SIZE]) - 1
    floor = max(world[side + LOW] - base, 0)
    while place >= floor:
        if world[cells + place] > MARKS:
            return int(base + place)
        place -= 1
    if world[side + SPILL_USED] == 0:
        return EMPTY
    best = EMPTY
    spill = world[side + SPILL]
    for at in range(spill, spill + 2 * (world[side + SPILL_MASK] + 1), 2):
        if world[at] != 0 and world[at + 1] > MARKS:
            found = world[at] >> 1
            if best < found < key:
                best = found
    return int(best)


@part
def mark(world: World, side: int, key: int, ours: int) -> None:
    """Note whether (1 or 0) an order of ours rests at a level."""
    at = _cell(world, side, key)
    world[at] = (world[at] & ~OURS) | ours


@part
def marked(world: World, side: int, key: int) -> int:
    """Note that an order of ours rests at a level; return the cell it had."""
    at = _cell(world, side, key)
    cell = world[at]
    world[at] = cell | OURS
    return int(cell)


@part
def clear(world: World, side: int) -> None:
    """Empty the side; the marks of our own orders stay."""
    cells = world[side + CELLS]
    for at in range(cells, cells + world[side + SIZE]):
        world[at] &= OURS
    if world[side + SPILL_USED] > 0:
        spill = world[side + SPILL]
        for at in range(spill, spill + 2 * (world[side + SPILL_MASK] + 1), 2):
            world[at + 1] &= OURS
    world[side + BEST] = EMPTY
    world[side + LOW] = -EMPTY
    world[side + TAKEN_COUNT] = 0


@part
def _cell(world: World, side: int, key: int) -> int:
    """Return where the cell of a key is, in the window or out of it."""
    place = key - world[side + BASE]
    if 0 <= place < world[side + SIZE]:
        return int(world[side + CELLS] + place)
    return _spill_cell(world, side, key)


@part
def _outside(world: World, side: int, key: int, lots: int) -> int:
    """Return where the cell of a key outside the window is; a new best brings the window with it."""
    if lots > 0 and key > world[side + BEST]:
        _recentre(world, side, key)
        return int(world[side + CELLS] + key - world[side + BASE])
    return _spill_cell(world, side, key)


@part
def _recentre(world: World, side: int, key: int) -> None:
    """Move the window so that `key` lies three quarters up: there is more book under the best than over it."""
    size = world[side + SIZE]
    cells = world[side + CELLS]
    spill = world[side + SPILL]
    old = world[side + BASE]
    new = key - size * 3 // 4
    # What leaves the window goes to the spill …
    for place in range(size):
        if (world[cells + place] != 0) and not (new <= old + place < new + size):
            at = _spill_cell(world, side, old + place)
            world[at] = world[cells + place]
            world[cells + place] = 0
    # … what stays moves to its new place …
    if new > old:
        for place in range(min(new - old, size), size):
            world[cells + place - (new - old)] = world[cells + place]
            world[cells + place] = 0
    elif new < old:
        for place in range(size - 1 - min(old - new, size), -1, -1):
            world[cells + place + (old - new)] = world[cells + place]
            world[cells + place] = 0
    world[side + BASE] = new
    # … and what the window now reaches comes back.
    if world[side + SPILL_USED] > 0:
        for at in range(spill, spill + 2 * (world[side + SPILL_MASK] + 1), 2):
            if world[at + 1] != 0 and new <= (world[at] >> 1) < new + size:
                world[cells + (world[at] >> 1) - new] = world[at + 1]
                world[at + 1] = 0


@part
def _spilled(world: World, side: int, key: int) -> int:
    """Return where the key is in the spill, or the free entry where it would be. A key is kept as 2 key + 1."""
    mask = world[side + SPILL_MASK]
    spill = world[side + SPILL]
    entry = key & mask
    while world[spill + 2 * entry] != 0 and world[spill + 2 * entry] >> 1 != key:
        entry = (entry + 1) & mask
    return int(spill + 2 * entry)


@part
def _spill_cell(world: World, side: int, key: int) -> int:
    """Return where the key's cell in the spill is, making an entry for it."""
    at = _spilled(world, side, key)
    if world[at] == 0:
        if world[side + SPILL_USED] >= world[side + SPILL_MASK]:
            world[FAULT] = _FAR_LEVELS
            return int(at + 1)
        world[at] = (key << 1) | 1
        world[side + SPILL_USED] += 1
    return at + 1
