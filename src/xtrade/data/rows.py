"""Rows of a tape made of columns, and what readers put between them.

Task       what a reader of tape rows is asked
rows_of    columns as rows
runs       where runs of true begin and end
readied    snapshots between CLEAR and READY; silences as GAP rows
heard      the two clocks of a row, checked
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from xtrade.data.grid import Flags, Ints
from xtrade.data.reading import Counts, Policy
from xtrade.data.tables import Table, stamp
from xtrade.model.durations import duration_text
from xtrade.model.instruments import Instrument
from xtrade.sim.replay.layout import BUY, SELL, Rows
from xtrade.sim.replay.tape import ROW, Happening

__all__ = ["Task", "gap_between", "heard", "readied", "rows_of", "runs"]

NEVER_BACK: Final = "after its last gap the book is never told anew: it is not trusted from there to the end"


@dataclass(frozen=True)
class Task:
    """What a reader is asked: of which instrument, under which name in the file, and what to go on over."""

    instrument: Instrument
    symbol: str | None
    policy: Policy
    counts: Counts


def rows_of(
    *, local_ns: Ints, venue_ns: Ints, kind: Any, side: Any = BUY, ticks: Any = 0, lots: Any = 0
) -> Rows:
    """Return columns (or one value for all) as rows of a tape's only instrument."""
    rows = np.zeros(len(local_ns), ROW)
    rows["local_ns"] = local_ns
    rows["venue_ns"] = venue_ns
    rows["kind"] = kind
    rows["side"] = side
    rows["ticks"] = ticks
    rows["lots"] = lots
    return rows


def heard(table: Table, local: str, venue: str, task: Task) -> tuple[Ints, Ints]:
    """Return when rows were heard and when they happened, which is never later."""
    local_ns, venue_ns = table[local], table[venue]
    late = venue_ns > local_ns
    if table.settle(
        "clocks",
        late,
        lambda at: (
            f"{venue} {stamp(venue_ns[at])} is {duration_text(int(venue_ns[at] - local_ns[at]))} after"
            f" {local}: it happened after it was heard"
        ),
        task.policy,
        task.counts,
    ):
        venue_ns = np.minimum(venue_ns, local_ns)
    task.counts.zero_latency += int((venue_ns == local_ns).sum()) - int(late.sum())
    return local_ns, venue_ns


def runs(flags: Flags) -> tuple[Ints, Ints]:
    """Return where runs of true begin, and where they are over."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def readied(
    table: Table, rows: Rows, snapshots: tuple[Ints, Ints], task: Task, *, clear: bool = True
) -> Rows:
    """Put READY after each snapshot (where it begins, where it is over) and GAP into each silence that is too long.

    With `clear`, CLEAR of both sides goes before each snapshot, whose rows do not say so themselves.
    """
    starts, ends = snapshots
    counts = task.counts
    crossed = _crossed(rows, starts, ends)
    wrong = np.zeros(len(rows), bool)
    wrong[starts[crossed]] = True
    says = "the snapshot that begins here is crossed: a bid is at or above an ask"
    table.settle("crossed", wrong, says, task.policy, counts)
    silent = _silences(table, rows, task)
    counts.snapshots += len(starts)
    counts.before_snapshot += int(starts[0]) if len(starts) else 0
    trouble = max([*silent.tolist(), *ends[crossed].tolist()], default=-1)
    if trouble >= 0 and not (ends[~crossed] > trouble).any():
        counts.notes.append(f"{table.path.name}: {NEVER_BACK}")
    ready = _marks(rows[ends - 1], Happening.READY, BUY)
    ready["kind"][crossed] = Happening.GAP
    # At one place, in this order: the end of a snapshot, the silence after it, what clears the book.
    more = [(ends, ready), (silent, _between(rows, silent, task.policy))]
    if clear:
        more += [(starts, _marks(rows[starts], Happening.CLEAR, side)) for side in (BUY, SELL)]
    places = np.concatenate([place for place, _ in more])
    if not len(places):
        return rows
    return np.asarray(np.insert(rows, places, np.concatenate([made for _, made in more])))


def gap_between(last: Any, first: Any, policy: Policy) -> Rows:
    """Return the GAP row for the silence between the last row of one file and the first row of the next."""
    return _between(np.array([last, first], ROW), np.array([1]), policy)


def _crossed(rows: Rows, starts: Ints, ends: Ints) -> Flags:
    """Say which snapshots have a bid at or above an ask."""
    if not len(starts):
        return np.zeros(0, bool)
    inside = np.zeros(len(rows) + 1, np.int8)
    inside[starts] += 1
    np.add.at(inside, ends, -1)
    levels = rows[np.cumsum(inside[:-1]) > 0]
    begins = np.append(0, np.cumsum(ends - starts)[:-1])
    limits = np.iinfo(np.int64)
    there = levels["lots"] > 0
    bid = np.where(there & (levels["side"] == BUY), levels["ticks"].astype(np.int64), limits.min)
    ask = np.where(there & (levels["side"] == SELL), levels["ticks"].astype(np.int64), limits.max)
    return np.asarray(np.maximum.reduceat(bid, begins) >= np.minimum.reduceat(ask, begins))


def _silences(table: Table, rows: Rows, task: Task) -> Ints:
    """Return the rows before which nothing was heard for too long; refused unless accepted."""
    silent = np.zeros(len(rows), bool)
    silent[1:] = np.diff(rows["local_ns"]) > task.policy.silence_ns
    table.settle(
        "gaps",
        silent,
        lambda at: (
            f"nothing was heard from {stamp(rows['local_ns'][at - 1])} to {stamp(rows['local_ns'][at])}:"
            f" a gap of more than {task.policy.silence} (silence=)"
        ),
        task.policy,
        task.counts,
    )
    task.counts.gaps += int(silent.sum())
    return np.flatnonzero(silent)


def _between(rows: Rows, silent: Ints, policy: Policy) -> Rows:
    """Return a GAP row for each silence: said when a live feed would have noticed it."""
    noticed = rows["local_ns"][silent - 1] + policy.silence_ns
    # What is heard after a gap also happens after it, though its venue time may be the earlier one.
    happened = np.minimum(noticed, rows["venue_ns"][silent])
    return rows_of(local_ns=noticed, venue_ns=happened, kind=Happening.GAP)


def _marks(at: Rows, kind: Happening, side: int) -> Rows:
    return rows_of(local_ns=at["local_ns"], venue_ns=at["venue_ns"], kind=kind, side=side)
