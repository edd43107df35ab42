"""A stretch of a tape that can be played on its own: it begins with the books as they were known then."""

from __future__ import annotations

import numpy as np

from xtrade.model.sides import Side
from xtrade.sim.replay.layout import BUY, SELL, Reason, Rows
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import ROW, Happening, Tape

__all__ = ["excerpt"]

_EVERY_LEVEL = 1 << 30


def excerpt(tape: Tape, start_ns: int, end_ns: int) -> Tape:
    """Return what is heard from `start_ns` to before `end_ns`, with a snapshot of each book in front.

    A book that is not trusted at that time is not trusted in the excerpt either, until the feed makes it whole. How the
    lots of a level are queued at the start is forgotten: they are one order that was there first.
    """
    first, behind = (int(at) for at in np.searchsorted(tape.rows["local_ns"], [start_ns, end_ns]))
    kept = tape.rows[first:behind].copy()
    before = tape.rows[:first]
    versions = [_version_at_the_end_of(before, place) for place in range(len(tape.instruments))]
    for place, version in enumerate(versions):
        kept["ticks"][(kept["kind"] == Happening.GRID) & (kept["instrument"] == place)] -= version
    # What is heard later may have happened earlier: the snapshot must not undo it.
    venue_ns = min(start_ns, int(kept["venue_ns"].min())) if len(kept) else start_ns
    opening = _opening(tape, first, start_ns, venue_ns)
    joined = tape.joined
    if len(joined):
        joined = np.concatenate([np.zeros(len(opening), np.int64), joined[first:behind]])
    instruments = tuple(each[version:] for each, version in zip(tape.instruments, versions, strict=True))
    return Tape(np.concatenate([opening, kept]), instruments, joined).checked()


def _version_at_the_end_of(rows: Rows, place: int) -> int:
    grids = rows["ticks"][(rows["kind"] == Happening.GRID) & (rows["instrument"] == place)]
    return int(grids[-1]) if len(grids) else 0


def _opening(tape: Tape, first: int, start_ns: int, venue_ns: int) -> Rows:
    """Return the rows that bring every book from nothing to what was known before row `first`."""
    if first == 0:
        return np.zeros(0, ROW)
    replay = Replay(Tape(tape.rows[:first], tape.instruments, tape.joined[:first]), Assumptions())
    while not replay.advance(start_ns) & Reason.END:
        pass
    made: list[tuple[int, ...]] = []
    for place, key in enumerate(tape.keys):
        sides = ((BUY, Side.BUY), (SELL, Side.SELL))
        levels = [
            (ticks, lots, code)
            for code, side in sides
            for ticks, lots in replay.book(key).levels(side, _EVERY_LEVEL)
        ]
        made += [(start_ns, venue_ns, 0, 0, int(Happening.CLEAR), code, place) for code, _ in sides]
        made += [
            (start_ns, venue_ns, lots, ticks, int(Happening.LEVEL), code, place)
            for ticks, lots, code in levels
        ]
        whole = replay.book(key).is_trusted
        made.append((start_ns, venue_ns, 0, 0, int(Happening.READY if whole else Happening.GAP), 0, place))
    return np.array(made, ROW)
