"""Tardis CSV: books (incremental_book_L2), trades, and funding (derivative_ticker).

Times are microseconds UTC. A run of rows with is_snapshot is a book told anew: what was known before it is void.
Funding is settled at the last rate and mark price told before it fell due.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from xtrade.data.csv_tables import NO_TIME, Field, csv_table, refuse_ticks
from xtrade.data.grid import Flags, Floats
from xtrade.data.opening import blocks, opening
from xtrade.data.rows import Task, heard, readied, rows_of, runs
from xtrade.data.tables import Table
from xtrade.model.errors import DataError
from xtrade.model.numbers import signal, steps
from xtrade.sim.replay.layout import Rows
from xtrade.sim.replay.tape import RATE_UNIT, ROW, Happening

__all__ = [
    "BOOK", "FUNDING", "LOCAL", "TIMES", "TRADES", "VENUE", "books", "funding", "no_values", "ours", "seen", "trades",
    "values",
]  # fmt: skip

VENUE: Final = "timestamp"
LOCAL: Final = "local_timestamp"
TIMES: Final = {VENUE: Field("time"), LOCAL: Field("time")}

BOOK: Final = {
    **TIMES,
    "is_snapshot": Field("flag"),
    "side": Field("choice", choices=("bid", "ask")),
    "price": Field("price"),
    "amount": Field("quantity"),
}
TRADES: Final = {
    **TIMES,
    "id": Field("id", optional=True),
    "side": Field("choice", choices=("buy", "sell", "unknown")),
    "price": Field("price"),
    "amount": Field("quantity"),
}
FUNDING: Final = {
    **TIMES,
    "funding_timestamp": Field("time", optional=True),
    "funding_rate": Field("number", optional=True),
    "mark_price": Field("number", optional=True),
}
_UNKNOWN: Final = 2


def books(path: Path, task: Task) -> Rows:
    """Read a file of book changes."""
    table = ours(path, BOOK, task)
    local_ns, venue_ns = heard(table, LOCAL, VENUE, task)
    refuse_ticks(table, "price")
    amount = table["amount"]
    table.refuse(amount < 0, "amount is negative: a level has some lots, or none")
    rows = rows_of(
        local_ns=local_ns,
        venue_ns=venue_ns,
        kind=Happening.LEVEL,
        side=table["side"],
        ticks=table["price"],
        lots=amount,
    )
    return readied(table, rows, runs(table["is_snapshot"]), task)


def trades(path: Path, task: Task) -> Rows:
    """Read a file of trades."""
    table = ours(path, TRADES, task)
    unsaid = table["side"] == _UNKNOWN
    if table.settle("sides", unsaid, "nobody knows who took: side = unknown", task.policy, task.counts):
        table = table.taken(~unsaid)
    again = _repeated(table)
    if table.settle("duplicates", again, "the trade is there twice, by its id", task.policy, task.counts):
        table = table.taken(~again)
    local_ns, venue_ns = heard(table, LOCAL, VENUE, task)
    refuse_ticks(table, "price")
    table.refuse(table["amount"] <= 0, "amount is not above zero: no trade")
    return rows_of(
        local_ns=local_ns,
        venue_ns=venue_ns,
        kind=Happening.TRADE,
        side=table["side"],
        ticks=table["price"],
        lots=table["amount"],
    )


def funding(path: Path, task: Task) -> Rows:
    """Read when funding was paid, and at which rate and mark price, from a file of tickers."""
    table = ours(path, FUNDING, task)
    local_ns, venue_ns = heard(table, LOCAL, VENUE, task)
    due, rates, marks = table["funding_timestamp"], table["funding_rate"], table["mark_price"]
    table.refuse(np.isinf(rates) | np.isinf(marks), "a number is not finite")
    table.refuse(marks <= 0, "mark_price is not above zero")
    # What is announced for a time that is over is the venue's memory, not an announcement.
    announced = (due != NO_TIME) & (due > venue_ns) & ~np.isnan(rates)
    made: list[tuple[int, int, int, int, int, int, int]] = []
    at = _first(announced, 0)
    while at is not None:
        now = int(due[at])
        over = _first(venue_ns >= now, at)
        moved = _first(announced & (due != now), at)
        if moved is not None and (over is None or moved < over):
            at = moved
            continue
        if over is None:
            break
        told = int(np.flatnonzero(announced[:over])[-1])
        mark = np.flatnonzero(~np.isnan(marks[:over]))
        if not len(mark):
            raise DataError(f"{table.where(over)}: funding falls due, but no mark_price was told before")
        ticks = task.instrument.ticks(float(marks[mark[-1]]), toward="nearest")
        rate = steps(signal(float(rates[told])), RATE_UNIT, toward="nearest")
        made.append((int(local_ns[over]), now, rate, ticks, int(Happening.FUNDING), 0, 0))
        at = _first(announced, over)
    if not announced.any():
        task.counts.notes.append(f"{path.name}: it announces no funding: none is paid")
    return np.array(made, ROW)


def ours(path: Path, fields: dict[str, Field], task: Task) -> Table:
    """Read the rows of the task's instrument, in the order in which they were heard."""
    exchange, symbol = _named(path)
    wanted = task.symbol or task.instrument.native
    expected = symbol if symbol.casefold() == wanted.casefold() else wanted
    names = {"exchange": Field("name", expected=exchange), "symbol": Field("name", expected=expected)}
    table = csv_table(path, {**names, **fields}, task.instrument)
    task.counts.rows += len(table)
    others = table["exchange"] | table["symbol"]
    if table.settle(
        "others",
        others,
        f"it is not of {expected!r} of {exchange!r}, as {task.instrument.key} is looked for (the file begins with"
        f" {symbol!r}: if that is the same, pass symbol={symbol!r})",
        task.policy,
        task.counts,
    ):
        table = table.taken(~others)
        if not len(table):
            raise DataError(f"{path}: none of its rows is of {expected!r}")
    return table.sorted_by(LOCAL, task.policy, task.counts)


def values(path: Path) -> tuple[Floats, Floats]:
    """Return the different prices and amounts of a file of books or trades, as floats."""
    return seen(path, ["price"], ["amount"])


def no_values(path: Path) -> tuple[Floats, Floats]:
    """Refuse: a file of tickers has no prices that lie on a grid."""
    raise DataError(f"{path}: mark prices and rates lie on no grid: ask a file of books or trades")


def seen(path: Path, prices: Sequence[str], amounts: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the different values of some columns as floats; what is no number is left out."""
    import polars as pl

    header: tuple[str, ...] = ()
    found: tuple[list[Floats], list[Floats]] = ([], [])
    for block in blocks(path):
        lines = block
        if not header:
            header = opening(path).header
            lines = block.partition(b"\n")[2]
        if not lines.strip():
            continue
        schema = {name: pl.Float64 if name in {*prices, *amounts} else pl.String for name in header}
        try:
            frame = pl.read_csv(lines, has_header=False, schema=schema, quote_char=None, ignore_errors=True)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError) as error:
            raise DataError(f"{path}: this is no readable CSV: {str(error)[:80]}") from None
        for names, values_of in zip((prices, amounts), found, strict=True):
            values_of.append(
                np.unique(np.concatenate([frame[name].drop_nulls().to_numpy() for name in names]))
            )
    price, amount = (np.unique(np.concatenate([*part, np.zeros(0)])) for part in found)
    return price, amount


def _named(path: Path) -> tuple[str, str]:
    """Return the exchange and the symbol of a file's first row."""
    start = opening(path)
    lines = start.first.split(b"\n", 2)
    cells = lines[1].decode("utf-8", "replace").strip().split(",") if len(lines) > 1 else []
    first = dict(zip(start.header, cells, strict=False))
    return first.get("exchange", ""), first.get("symbol", "")


def _repeated(table: Table) -> Flags:
    """Say which trades have the id, the time, the price and the amount of one above them."""
    ids = table["id"]
    order = np.argsort(ids, kind="stable")
    same = np.zeros(len(ids), bool)
    alike = ids[order][1:] == ids[order][:-1]
    alike &= ids[order][1:] != 0
    for name in (VENUE, "price", "amount", "side"):
        column = table[name][order]
        alike &= column[1:] == column[:-1]
    same[order[1:]] = alike
    return same


def _first(flags: Flags, start: int) -> int | None:
    """Return the first true place at or after a start."""
    found = int(np.argmax(flags[start:])) + start if start < len(flags) else len(flags)
    return found if found < len(flags) and flags[found] else None
