"""What the columns of a file of bars mean: times, ticks, lots and an interval, checked.

A bar's time is when it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xtrade.data import times
from xtrade.data.csv_tables import off_grid, refuse_ticks
from xtrade.data.grid import Flags, Ints, close, finest
from xtrade.data.ohlcv_files import PRICES, Cells, as_floats
from xtrade.data.reading import ROUNDED, Counts, Policy
from xtrade.data.tables import Table, stamp
from xtrade.model.durations import duration_text
from xtrade.model.errors import DataError, NumberError
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import number, plain, steps
from xtrade.sim.bars.columns import Bars

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BarTask", "bars"]

NO_NAMES: Final = "its columns have no names: taken as time, open, high, low, close, volume"
_LOTS_MAX: Final = 2**61


@dataclass(frozen=True)
class BarTask:
    """What a reader of bars is asked; without an interval it is the data's most common step."""

    instrument: Instrument
    interval_ns: int | None
    policy: Policy
    counts: Counts


def bars(cells: Cells, task: BarTask) -> Bars:
    """Return a file's cells as checked bars of the instrument."""
    path, instrument = cells.path, task.instrument
    task.counts.rows += len(cells.columns["time"])
    start_ns = _times(cells, task.counts)
    empty = Table(path, {"start_ns": start_ns}, cells.unit, cells.first)
    columns: dict[str, Any] = {"start_ns": start_ns}
    for name in PRICES:
        whole, wrong = _counted(empty, name, cells.columns[name], "price", instrument, task.counts)
        _refuse_off(empty, cells.columns[name], wrong, "price", instrument)
        columns[name] = whole
    series = cells.columns["volume"]
    columns["volume"], off = _counted(empty, "volume", series, "quantity", instrument, task.counts)
    if "volume" in task.policy.accept and off.any():
        nearest = np.rint(as_floats(series) / float(instrument.lot))
        empty.refuse(off & ~(np.abs(nearest) < _LOTS_MAX), "volume is no number, or out of range")
        columns["volume"] = np.where(off, np.where(off, nearest, 0).astype(np.int64), columns["volume"])
        task.counts.repaired["volume"] += int(off.sum())
    else:
        _refuse_off(empty, series, off, "volume", instrument)
    table = Table(path, columns, cells.unit, cells.first)
    if not cells.named:
        task.counts.notes.append(f"{path.name}: {NO_NAMES}")
    return _checked(table, task)


def _checked(unsorted: Table, task: BarTask) -> Bars:
    table = _once(unsorted.sorted_by("start_ns", task.policy, task.counts), task)
    for name in PRICES:
        refuse_ticks(table, name)
    top = np.maximum(table["open"], table["close"])
    bottom = np.minimum(table["open"], table["close"])
    table.refuse(table["high"] < top, "the high is below the open or the close")
    table.refuse(table["low"] > bottom, "the low is above the open or the close")
    table.refuse(table["volume"] < 0, "the volume is negative")
    interval = _interval(table, task)
    return Bars.from_columns(
        task.instrument,
        interval_ns=interval,
        start_ns=table["start_ns"],
        **{f"{name}_ticks": table[name] for name in PRICES},
        volume_lots=table["volume"],
    )


def _once(table: Table, task: BarTask) -> Table:
    """Refuse bars that are there twice, or drop the second; two different bars of one time are never accepted."""
    start = table["start_ns"]
    again = np.append(False, start[1:] == start[:-1])
    other = again.copy()
    other[1:] &= np.any([table[name][1:] != table[name][:-1] for name in (*PRICES, "volume")], axis=0)
    table.refuse(other, lambda at: f"a second, different bar begins at {stamp(start[at])}: which is right?")
    says = "the bar is there twice"
    if table.settle("duplicates", again, says, task.policy, task.counts):
        return table.taken(~again)
    return table


def _interval(table: Table, task: BarTask) -> int:
    """Return the interval; refuse what does not begin on it, and gaps unless they are accepted."""
    start = table["start_ns"]
    gone = np.diff(start)
    if len(gone):
        sizes, often = np.unique(gone, return_counts=True)
        common = int(sizes[np.argmax(often)])
    elif task.interval_ns is None:
        raise DataError(f"{table.path}: a single bar does not tell its interval: pass interval=")
    else:
        common = task.interval_ns
    interval = task.interval_ns or common
    if interval != common:
        raise DataError(
            f"{table.path}: its bars are mostly {duration_text(common)} apart, not {duration_text(interval)}"
        )
    table.refuse(
        np.append(False, gone % interval != 0),
        lambda at: (
            f"the bar begins {duration_text(int(gone[at - 1]))} after the one above it:"
            f" no multiple of {duration_text(interval)}"
        ),
    )
    silent = np.append(False, gone > interval)
    table.settle(
        "gaps",
        silent,
        lambda at: (
            f"{int(gone[at - 1]) // interval - 1:,} bars are missing between {stamp(start[at - 1])} and"
            f" {stamp(start[at])}"
        ),
        task.policy,
        task.counts,
    )
    task.counts.gaps += int(silent.sum())
    return interval


def _times(cells: Cells, counts: Counts) -> Ints:
    """Return when the bars begin, whatever their times are written in."""
    import polars as pl

    series = cells.columns["time"]
    table = Table(cells.path, {"time": np.zeros(len(series))}, cells.unit, cells.first)
    table.refuse(series.is_null().to_numpy(), "the time is missing")
    dated: tuple[Ints, bool] | None
    if series.dtype == pl.String:
        whole = series.str.strip_chars().cast(pl.Int64, strict=False)
        broken = series.str.strip_chars().cast(pl.Float64, strict=False)
        dated = times.from_texts(series) if broken.null_count() else None
        if broken.null_count() and dated is None:
            as_text = broken.is_null().to_numpy()
            table.refuse(
                as_text, lambda at: f"time = {str(series[at])[:40]!r}: expected ISO 8601, or a number"
            )
        series = broken if whole.null_count() else whole
    else:
        dated = times.from_dates(series)
    if dated is not None:
        if not dated[1]:
            counts.notes.append(f"{cells.path.name}: {times.NO_ZONE}")
        return dated[0]
    if not series.dtype.is_numeric():
        raise DataError(f"{cells.path}: the time column holds {series.dtype}: expected dates or numbers")
    told = times.from_numbers(series.to_numpy())
    if isinstance(told, str):
        raise DataError(f"{cells.path}: the times make no sense: {told}")
    return told


def _counted(
    table: Table, name: str, series: pl.Series, what: str, instrument: Instrument, counts: Counts
) -> tuple[Ints, Flags]:
    """Return a column in ticks or lots, and which of its cells are on none."""
    step = instrument.tick if what == "price" else instrument.lot
    table.refuse(series.is_null().to_numpy(), f"{name} is missing")
    texts = _texts(series)
    values = as_floats(series)
    whole, wrong, forgiven = close(values, step)
    if texts is None:
        if forgiven.any():
            counts.repaired[ROUNDED] += int(forgiven.sum())
        return whole, wrong
    # A text says exactly what it means: nothing is forgiven.
    wrong |= forgiven
    for at in np.flatnonzero(wrong).tolist():
        try:
            count = steps(number(texts[at].strip()), step)
        except NumberError:
            continue
        if abs(count) < _LOTS_MAX:
            whole[at], wrong[at] = count, False
    return whole, wrong


def _refuse_off(table: Table, series: pl.Series, wrong: Flags, what: str, instrument: Instrument) -> None:
    """Refuse a cell that is no number, or on no tick or lot."""
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    values = as_floats(series)
    step = instrument.tick if what == "price" else instrument.lot
    shown = str(series[at])[:40]
    if not np.isfinite(values[at]):
        raise DataError(f"{table.where(at)}: {what} {shown!r} is no number")
    own = finest(values)
    says = off_grid(what, shown, plain(step), own and plain(own))
    if what == "volume":
        says += "; accept={'volume'} rounds volumes to the nearest lot"
    raise DataError(f"{table.where(at)}: {says}")


def _texts(series: pl.Series) -> pl.Series | None:
    import polars as pl

    if series.dtype == pl.String:
        return series
    return series.cast(pl.String) if isinstance(series.dtype, pl.Decimal) else None
