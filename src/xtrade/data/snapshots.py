"""Tardis CSV of whole books (book_snapshot_5, book_snapshot_25): each row is the best levels at one time.

The first row is told as a snapshot, every other as what changed since the one above it, so that our orders keep their
places in their queues. A level that falls out of the best few is gone as far as this data knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from xtrade.data.csv_tables import Field, refuse_ticks
from xtrade.data.grid import Flags, Floats, Ints
from xtrade.data.opening import opening
from xtrade.data.rows import Task, heard, readied, rows_of
from xtrade.data.tables import Table
from xtrade.data.tardis import LOCAL, TIMES, VENUE, ours, seen
from xtrade.model.errors import DataError
from xtrade.sim.replay.layout import BUY, SELL, Rows
from xtrade.sim.replay.tape import Happening

__all__ = ["FIRST_LEVEL", "read", "values"]

FIRST_LEVEL: Final = ("asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount")
_SIDES: Final = ((BUY, "bids"), (SELL, "asks"))
_CHUNK: Final = 16_384  # rows compared at a time: 10 MB for 25 levels


def read(path: Path, task: Task) -> Rows:
    """Read a file of books as changes of levels."""
    depth = _depth(path)
    table = ours(path, {**TIMES, **_fields(depth)}, task)
    books = _Books(table, depth)
    says = "the book is crossed: a bid is at or above an ask"
    if table.settle("crossed", books.crossed, says, task.policy, task.counts):
        table = table.taken(~books.crossed)
        books = _Books(table, depth)
    local_ns, venue_ns = heard(table, LOCAL, VENUE, task)
    if not len(table):
        raise DataError(f"{path}: no book in it is uncrossed")
    at, side, ticks, lots = books.changes()
    rows = rows_of(
        local_ns=local_ns[at], venue_ns=venue_ns[at], kind=Happening.LEVEL, side=side, ticks=ticks, lots=lots
    )
    first = int((at == 0).sum())
    snapshot = (np.array([0]), np.array([first])) if first else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return readied(table.taken(at), rows, snapshot, task)


def values(path: Path) -> tuple[Floats, Floats]:
    """Return the different prices and amounts of a file as floats."""
    fields = _fields(_depth(path))
    prices = [name for name in fields if name.endswith("price")]
    return seen(path, prices, [name for name in fields if name not in prices])


class _Books:
    """The levels of every row, a matrix for each side: no ticks where there is no level."""

    def __init__(self, table: Table, depth: int) -> None:
        self.ticks: list[Ints] = []
        self.lots: list[Ints] = []
        for _, name in _SIDES:
            prices = [table[f"{name}[{place}].price"] for place in range(depth)]
            amounts = [table[f"{name}[{place}].amount"] for place in range(depth)]
            for place in range(depth):
                table.refuse(amounts[place] < 0, f"{name}[{place}].amount is negative")
                named = f"{name}[{place}].price"
                there = {named: np.where(amounts[place] > 0, prices[place], 1)}
                refuse_ticks(Table(table.path, there, table.unit, table.first, table.origin), named)
            self.ticks.append(np.where(np.column_stack(amounts) > 0, np.column_stack(prices), 0))
            self.lots.append(np.column_stack(amounts))
        bids, asks = self.ticks
        self.crossed: Flags = bids.max(axis=1) >= np.where(asks > 0, asks, np.iinfo(np.int64).max).min(axis=1)

    def changes(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return what changes in which row: row, side, ticks, lots; in the order of rows, removals first."""
        parts: list[tuple[Ints, int, Ints, Ints]] = []
        for (side, _), ticks, lots in zip(_SIDES, self.ticks, self.lots, strict=True):
            for start in range(0, len(ticks), _CHUNK):
                parts += _changed(ticks, lots, side, start, min(start + _CHUNK, len(ticks)))
        at = np.concatenate([part[0] for part in parts])
        order = np.argsort(at, kind="stable")
        side_of = np.concatenate([np.full(len(part[0]), part[1]) for part in parts])
        ticks_of, lots_of = (np.concatenate([part[place] for part in parts]) for place in (2, 3))
        return at[order], side_of[order], ticks_of[order], lots_of[order]


def _changed(ticks: Ints, lots: Ints, side: int, start: int, stop: int) -> list[tuple[Ints, int, Ints, Ints]]:
    """Return the removals and the changed levels of some rows of one side."""
    now, size = ticks[start:stop], lots[start:stop]
    before = np.zeros_like(now)
    held = np.zeros_like(size)
    before[1:], held[1:] = now[:-1], size[:-1]
    if start:
        before[0], held[0] = ticks[start - 1], lots[start - 1]
    same = before[:, :, None] == now[:, None, :]
    kept = same & (held[:, :, None] == size[:, None, :])
    row, place = np.nonzero((before > 0) & ~same.any(axis=2))
    gone = (row + start, side, before[row, place], np.zeros(len(row), np.int64))
    row, place = np.nonzero((now > 0) & ~kept.any(axis=1))
    return [gone, (row + start, side, now[row, place], size[row, place])]


def _depth(path: Path) -> int:
    """Return how many levels of a side the header names: one at least, which the reader then misses."""
    header = set(opening(path).header)
    return next(depth for depth in range(1, len(header) + 2) if f"asks[{depth}].price" not in header)


def _fields(depth: int) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    for _, name in _SIDES:
        for place in range(depth):
            fields[f"{name}[{place}].price"] = Field("price", optional=True)
            fields[f"{name}[{place}].amount"] = Field("quantity", optional=True)
    return fields
