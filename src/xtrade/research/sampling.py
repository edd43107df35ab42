"""What the markets of a run stood at, on an even grid and around its fills.

A second, strategy-free pass over the same data: what is measured cannot disturb what is measured. Prices are taken
as they stood at the venue, not as we heard of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from xtrade.research.recording import MARK_OUT_SECONDS, FillRow, Samples
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.layout import Reason
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import Tape

__all__ = ["around_fills", "grid_ns", "sample_bars", "sample_tape"]

SECOND: Final = 1_000_000_000
STEPS: Final = tuple(
    seconds * SECOND for seconds in (1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 604_800)
)
SAMPLES_MAX: Final = 4_000


def grid_ns(start_ns: int, end_ns: int) -> np.ndarray:
    """Return evenly spaced times over a run, at a step that people know, a few thousand at most."""
    length = end_ns - start_ns
    step = next((step for step in STEPS if length <= step * SAMPLES_MAX), STEPS[-1])
    return np.append(np.arange(start_ns, end_ns, step, dtype=np.int64), end_ns)


def around_fills(fills: Iterable[FillRow]) -> np.ndarray:
    """Return the times at which the market is looked at because of a fill: just before, and later as marks out."""
    venue_ns = np.array([row.venue_ns for row in fills], np.int64)
    after = [venue_ns + seconds * SECOND for seconds in MARK_OUT_SECONDS]
    return np.unique(np.concatenate([venue_ns - 1, *after]))


def sample_tape(tape: Tape, times_ns: np.ndarray) -> Samples:
    """Return the best bid and ask of each instrument at ascending times."""
    at_venue = tape.heard_later(times=0.0)
    replay = Replay(at_venue)
    keys = tape.keys
    bid = {key: np.full(len(times_ns), np.nan) for key in keys}
    ask = {key: np.full(len(times_ns), np.nan) for key in keys}
    for place, until_ns in enumerate(times_ns.tolist()):
        while not replay.advance(until_ns) & (Reason.TIME | Reason.END):
            pass
        for key in keys:
            book = replay.book(key)
            if not book.is_trusted:
                continue
            tick = float(book.instrument.tick)
            if book.bid_ticks is not None:
                bid[key][place] = book.bid_ticks * tick
            if book.ask_ticks is not None:
                ask[key][place] = book.ask_ticks * tick
    return Samples(times_ns, bid, ask)


def sample_bars(tape: BarTape, times_ns: np.ndarray) -> Samples:
    """Return the last close of each instrument, as bid and ask alike, at the closes at or before the times asked for.

    Between two closes nothing is known: a sample there would pass an old price off as a new one.
    """
    closes = np.unique(np.concatenate([each.start_ns + each.interval_ns for each in tape.bars]))
    places = np.searchsorted(closes, times_ns, side="right") - 1
    times_ns = np.unique(closes[places[places >= 0]])
    prices = {}
    for each in tape.bars:
        closed_ns = each.start_ns + each.interval_ns
        place = np.searchsorted(closed_ns, times_ns, side="right") - 1
        tick = float(each.instrument.tick)
        prices[each.instrument.key] = np.where(place < 0, np.nan, each.close_ticks[place] * tick)
    return Samples(times_ns, prices, prices)
