"""A tape written as hftbacktest's npz, for a second opinion by hftbacktest on the same data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xtrade.data.grid import Flags, floats
from xtrade.data.hftbacktest.events import (
    ASK_FLAG,
    BID_FLAG,
    CLEAR,
    DEPTH,
    EVENT,
    EXCH,
    LOCAL,
    SNAPSHOT,
    TRADE,
)
from xtrade.model.errors import DataError
from xtrade.runtime.files import locked, replace_file
from xtrade.sim.replay.layout import BUY
from xtrade.sim.replay.tape import Happening, Tape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Written", "write_hftbacktest"]


@dataclass(frozen=True)
class Written:
    """What went into a file, and what of the tape the format has no words for, by kind."""

    rows: int
    left_out: Mapping[str, int]


def write_hftbacktest(tape: Tape, path: str | Path) -> Written:
    """Write a tape of one instrument's levels and trades as hftbacktest's npz; the file is there whole or not at all.

    Gaps and funding have no words there and are left out: the answer counts them.
    """
    path = Path(path)
    events, left_out = _events(tape)
    content = BytesIO()
    np.savez_compressed(content, data=events)
    with locked(path.parent):
        replace_file(path, content.getvalue())
    return Written(len(events), left_out)


def _events(tape: Tape) -> tuple[NDArray[Any], dict[str, int]]:
    rows = tape.rows
    if len(tape.instruments) != 1:
        raise DataError(f"a tape of {len(tape.instruments)} instruments: hftbacktest has a file for each")
    if (rows["kind"] == Happening.GRID).any():
        raise DataError("the tape changes its tick or lot on the way: hftbacktest's files have one grid")
    if (rows["kind"] >= Happening.ADD).any():
        raise DataError("the tape has orders (L3): only levels and trades are written")
    instrument = tape.instruments[0][0]
    told = _told(rows["kind"])
    kept = np.isin(rows["kind"], (Happening.LEVEL, Happening.TRADE, Happening.CLEAR))
    left_out = {
        kind.name: count
        for kind in (Happening.GAP, Happening.FUNDING)
        if (count := int((rows["kind"] == kind).sum()))
    }
    if unsaid := int((rows["kind"] == Happening.READY).sum()) - told.found:
        left_out["READY"] = unsaid
    code = np.select(
        [rows["kind"] == Happening.TRADE, rows["kind"] == Happening.CLEAR, told.inside],
        [TRADE, CLEAR, SNAPSHOT],
        DEPTH,
    )[kept]
    rows = rows[kept]
    events = np.zeros(len(rows), EVENT)
    events["ev"] = code.astype(np.uint64) | np.where(rows["side"] == BUY, BID_FLAG, ASK_FLAG).astype(
        np.uint64
    )
    events["exch_ts"] = rows["venue_ns"]
    events["local_ts"] = rows["local_ns"]
    clear = rows["kind"] == Happening.CLEAR
    # Bids go down to zero, asks up to more than a tape can hold.
    ticks = np.where(clear, np.where(rows["side"] == BUY, 0, 2**31), rows["ticks"].astype(np.int64))
    events["px"] = floats(ticks, instrument.tick)
    events["qty"] = floats(np.where(clear, 0, rows["lots"]), instrument.lot)
    return _in_both_orders(events), left_out


class _Told(NamedTuple):
    """Which rows are levels of snapshots, and how many snapshots these are."""

    inside: Flags
    found: int


def _told(kind: NDArray[np.int8]) -> _Told:
    """Find the snapshots that hftbacktest can be told: levels between a CLEAR and a READY, and nothing else there."""
    inside = np.zeros(len(kind), bool)
    count = 0
    breaks = np.flatnonzero((kind != Happening.LEVEL) & (kind != Happening.CLEAR))
    for ready in np.flatnonzero(kind == Happening.READY).tolist():
        place = int(np.searchsorted(breaks, ready))
        start = int(breaks[place - 1]) + 1 if place else 0
        clears = np.flatnonzero(kind[start:ready] == Happening.CLEAR)
        if not len(clears):
            continue
        levels = kind[start:ready] == Happening.LEVEL
        levels[: int(clears[0])] = False
        inside[start:ready] = levels
        count += bool(levels.any())
    return _Told(inside, count)


def _in_both_orders(events: NDArray[Any]) -> NDArray[Any]:
    """Write an event once where it keeps its place in both orders, and twice where it does not."""
    count = len(events)
    happened = np.argsort(events["exch_ts"], kind="stable")
    place = np.empty(count, np.int64)
    place[happened] = np.arange(count)
    # Everything heard so far has happened by then, and this one last: it is next in both orders.
    both = place == np.maximum.accumulate(place) if count else np.zeros(0, bool)
    apart = np.flatnonzero(~both)
    heard_only, venue_only = events[apart], events[apart]
    heard_only["ev"] |= np.uint64(LOCAL)
    venue_only["ev"] |= np.uint64(EXCH)
    joined = events.copy()
    joined["ev"] |= np.uint64(LOCAL | EXCH)
    joined[apart] = heard_only
    shared = np.flatnonzero(both)
    before = shared[np.searchsorted(place[shared], place[apart])]  # the next that both orders share
    order = np.lexsort(
        (
            np.append(np.zeros(count, np.int64), place[apart]),
            np.append(np.ones(count, np.int8), np.zeros(len(apart), np.int8)),
            np.append(np.arange(count), before),
        )
    )
    return np.asarray(np.concatenate([joined, venue_only])[order])
