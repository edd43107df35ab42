"""hftbacktest's npz read as rows of a tape: what was heard, in the order in which it was.

A CLEAR there removes the levels up to a price, on a tape a side; what it leaves standing is kept.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xtrade.data.csv_tables import off_grid, refuse_ticks
from xtrade.data.grid import Flags, Floats, Ints, close, finest
from xtrade.data.hftbacktest.events import (
    ASK_FLAG,
    BBO,
    BID_FLAG,
    CLEAR,
    DEPTH,
    EXCH,
    KIND_BITS,
    KINDS,
    LOCAL,
    ORDER_KINDS,
    SNAPSHOT,
    TRADE,
    events_of,
    has,
)
from xtrade.data.reading import ROUNDED
from xtrade.data.rows import Task, heard, readied, rows_of, runs
from xtrade.data.tables import Table
from xtrade.model.errors import DataError
from xtrade.model.numbers import plain
from xtrade.sim.replay.layout import BUY, SELL, Rows
from xtrade.sim.replay.tape import Happening

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read", "values"]


def values(path: Path) -> tuple[Floats, Floats]:
    """Return the different prices and quantities of a file."""
    array = events_of(path)
    told = np.isin(array["ev"].astype(np.uint64) & np.uint64(KIND_BITS), (DEPTH, TRADE, SNAPSHOT))
    return np.unique(array["px"][told].astype(np.float64)), np.unique(array["qty"][told].astype(np.float64))


def read(path: Path, task: Task) -> Rows:
    """Read a file of events, as they were heard."""
    array = events_of(path)
    task.counts.rows += len(array)
    flags = array["ev"].astype(np.uint64)
    code = (flags & np.uint64(KIND_BITS)).astype(np.int64)
    every = Table(path, {"ev": flags}, "row", 0)
    every.refuse(np.isin(code, ORDER_KINDS), "it speaks of an order (L3): only levels and trades are read")
    every.refuse(~np.isin(code, KINDS), lambda at: f"ev = {int(flags[at]):#x} is no kind of event")
    local, venue = has(flags, LOCAL), has(flags, EXCH)
    every.refuse(~(local | venue), lambda at: f"ev = {int(flags[at]):#x} is neither at the venue nor heard")
    alone = _alone(array, flags, local, venue)
    every.settle(
        "unpaired",
        alone,
        lambda at: (
            "it was heard, but never happened at the venue (no such row with EXCH)"
            if local[at]
            else "it happened at the venue, but was never heard (no such row with LOCAL)"
        ),
        task.policy,
        task.counts,
    )
    quotes = int((local & (code == BBO)).sum())
    if quotes:
        task.counts.notes.append(f"{path.name}: {quotes:,} best bids and asks left out: the levels say it")
    kept = local & ~alone & (code != BBO)
    if not kept.any():
        raise DataError(f"{path}: it has no levels or trades that were heard (no LOCAL flag)")
    table = _on_grid(path, array[kept], np.flatnonzero(kept), task)
    return _rows(table.sorted_by("local_ts", task.policy, task.counts), task)


def _rows(table: Table, task: Task) -> Rows:
    local_ns, venue_ns = heard(table, "local_ts", "exch_ts", task)
    code, flags = table["code"], table["ev"]
    trade = code == TRADE
    buy, sell = has(flags, BID_FLAG), has(flags, ASK_FLAG)
    table.refuse(buy & sell, "it is of both sides")
    sided = buy | sell
    unsaid = ~sided & trade
    if table.settle("sides", unsaid, "nobody knows who took: it has no side", task.policy, task.counts):
        return _rows(table.taken(~unsaid), task)
    clear = code == CLEAR
    table.refuse(~sided & ~clear, "it has no side")
    priced = Table(table.path, {"px": np.where(clear, 1, table["px"])}, "row", 0, table.origin)
    refuse_ticks(priced, "px")
    table.refuse((table["qty"] < 0) & ~clear, "qty is negative")
    table.refuse((table["qty"] == 0) & trade, "qty is zero: no trade")
    rows = rows_of(
        local_ns=local_ns,
        venue_ns=venue_ns,
        kind=np.where(trade, Happening.TRADE, Happening.LEVEL),
        side=np.where(buy, BUY, SELL),
        ticks=np.where(clear, 0, table["px"]),
        lots=np.where(clear, 0, table["qty"]),
    )
    return _cleared(table, rows, task)


def _on_grid(path: Path, array: NDArray[Any], origin: Ints, task: Task) -> Table:
    """Return the events with prices in ticks and quantities in lots; of a CLEAR both stay open."""
    code = (array["ev"].astype(np.uint64) & np.uint64(KIND_BITS)).astype(np.int64)
    columns: dict[str, NDArray[Any]] = {
        "ev": array["ev"].astype(np.uint64),
        "code": code,
        "exch_ts": array["exch_ts"].astype(np.int64),
        "local_ts": array["local_ts"].astype(np.int64),
        "bound": array["px"].astype(np.float64),
    }
    table = Table(path, columns, "row", 0, origin)
    clear = code == CLEAR
    for name, what, step in (("px", "price", task.instrument.tick), ("qty", "quantity", task.instrument.lot)):
        values = array[name].astype(np.float64)
        whole, wrong, forgiven = close(values, step)
        for at in np.flatnonzero(wrong & ~clear)[:1].tolist():
            own = finest(values[~clear][:100_000])
            shown = off_grid(what, values[at], plain(step), own and plain(own))
            says = shown if np.isfinite(values[at]) else f"{name} = {values[at]} is no number"
            raise DataError(f"{table.where(at)}: {says}")
        if rounded := int((forgiven & ~clear).sum()):
            task.counts.repaired[ROUNDED] += rounded
        columns[name] = np.where(clear, 0, whole)
    return table


def _cleared(table: Table, rows: Rows, task: Task) -> Rows:
    """Say each CLEAR in a tape's words: a side, or where only a part of it goes, each level."""
    code, flags = table["code"], table["ev"]
    clears = np.flatnonzero(code == CLEAR)
    live: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}
    seen = 0
    made: list[Rows] = [rows]
    at_rows: list[int] = []
    tick = float(task.instrument.tick)
    for at in clears.tolist():
        _follow(live, rows[seen:at], code[seen:at])
        seen = at + 1
        sided = [side for side, flag in ((BUY, BID_FLAG), (SELL, ASK_FLAG)) if int(flags[at]) & flag]
        for side in sided or (BUY, SELL):
            bound = float(table["bound"][at]) / tick if sided else float("nan")
            new = _removal(live[side], side, bound, rows[at])
            at_rows += [at] * len(new)
            made.append(new)
    order = np.append(np.arange(len(rows)), np.array(at_rows, np.int64))
    every = np.concatenate(made)
    kept = np.append(code != CLEAR, np.ones(len(at_rows), bool))
    order, every = order[kept], every[kept]
    sequence = np.argsort(order, kind="stable")
    table, rows = table.taken(order[sequence]), every[sequence]
    return readied(table, rows, _snapshots(table["code"], rows), task, clear=False)


def _follow(live: dict[int, dict[int, int]], rows: Rows, code: Ints) -> None:
    """Bring what we know of both sides up to date with some rows."""
    for side, levels in live.items():
        said = rows[(rows["side"] == side) & (code != TRADE)][::-1]
        ticks, last = np.unique(said["ticks"], return_index=True)
        levels.update(zip(ticks.tolist(), said["lots"][last].tolist(), strict=True))


def _removal(levels: dict[int, int], side: int, bound: float, row: Any) -> Rows:
    """Return what a CLEAR up to a bound (in ticks; NaN for all) removes: CLEAR, or levels without lots."""
    # A thousandth of a tick is a float's arithmetic, not a price.
    gone = [
        ticks
        for ticks, lots in levels.items()
        if lots and not (ticks < bound - 1e-3 if side == BUY else ticks > bound + 1e-3)
    ]
    whole = len(gone) == sum(1 for lots in levels.values() if lots)
    for ticks in gone:
        levels[ticks] = 0
    count = 1 if whole else len(gone)
    made = rows_of(
        local_ns=np.full(count, row["local_ns"]), venue_ns=np.full(count, row["venue_ns"]), kind=0, side=side
    )
    made["kind"] = Happening.CLEAR if whole else Happening.LEVEL
    if not whole:
        made["ticks"] = gone
    return made


def _snapshots(code: Ints, rows: Rows) -> tuple[Ints, Ints]:
    """Return where snapshots begin and end: rows CLEAR and SNAPSHOT in a run, each side cleared once."""
    starts, ends = runs((code == CLEAR) | (code == SNAPSHOT))
    begun: list[int] = []
    over: list[int] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        edges = [start, *_again(code[start:end], rows["side"][start:end], start), end]
        for first, last in pairwise(edges):
            if (code[first:last] == SNAPSHOT).any():
                begun.append(first)
                over.append(last)
    return np.array(begun, np.int64), np.array(over, np.int64)


def _again(code: Ints, sides: Ints, start: int) -> list[int]:
    """Return where a run of rows clears a side whose snapshot it has told: there another snapshot begins."""
    edges = []
    told: set[int] = set()
    starts, ends = runs(code == CLEAR)
    for begins, levels, over in zip(starts, ends, np.append(starts, len(code))[1:], strict=True):
        if told & set(sides[begins:levels].tolist()):
            edges.append(start + int(begins))
            told = set()
        told |= set(np.unique(sides[levels:over]).tolist())
    return edges


def _alone(array: NDArray[Any], flags: NDArray[np.uint64], local: Flags, venue: Flags) -> Flags:
    """Say which rows of only the venue, or only the listener, have no counterpart of the other."""
    alone = np.zeros(len(array), bool)
    single = np.flatnonzero(local ^ venue)
    if not len(single):
        return alone
    rows = array[single]
    what = flags[single] & np.uint64(BID_FLAG | ASK_FLAG | KIND_BITS)
    keys = [rows["exch_ts"], rows["local_ts"], what]
    keys += [rows[name].astype(np.float64).view(np.int64) for name in ("px", "qty")]
    order = np.lexsort(keys)
    new = np.ones(len(order), bool)
    new[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    group = np.cumsum(new) - 1
    sign = np.where(local[single][order], 1, -1)
    balance = np.bincount(group, weights=sign)[group]
    alone[single[order]] = (balance != 0) & (np.sign(balance) == sign)
    return alone
