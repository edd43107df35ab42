"""Files of bars as people keep them (CSV, JSON lists, Parquet, feather): their six columns, found by name.

csv_cells, json_cells, parquet_cells, feather_cells   the columns of a file, as it has them
looks_like_bars                                       whether a CSV begins as one of bars does

A column is known by its name in any spelling ("Open", "open_time", "Volume BTC"); without names the order is that of
ccxt and Binance: time, open, high, low, close, volume.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from xtrade.data.grid import Floats
from xtrade.data.opening import contents
from xtrade.model.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "PRICES", "Cells", "as_floats", "csv_cells", "feather_cells", "json_cells", "looks_like_bars", "parquet_cells",
]  # fmt: skip

PRICES: Final = ("open", "high", "low", "close")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "time": ("opentime", "starttime", "start", "timestamp", "unix", "datetime", "date", "time", "ts", "t"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "basevolume", "volumebase"),
}


@dataclass(frozen=True)
class Cells:
    """The six columns of a file as it has them, and how its rows are numbered."""

    path: Path
    columns: Mapping[str, pl.Series]
    unit: Literal["line", "row"]
    first: int
    named: bool

    def values(self) -> tuple[Floats, Floats]:
        """Return all prices, and all volumes, as floats; what is no number is NaN."""
        prices = [as_floats(self.columns[name]) for name in PRICES]
        return np.concatenate(prices), as_floats(self.columns["volume"])


def looks_like_bars(header: Sequence[str]) -> bool:
    """Say whether a CSV's first line names prices of bars, or is a bar without names."""
    if len(header) >= len(_NAMES) and _are_numbers(header):
        return True
    names = {_spelled(name) for name in header}
    return all(names & set(_NAMES[name]) for name in PRICES)


def csv_cells(path: Path, base: str = "") -> Cells:
    """Read the cells of a CSV file, with names in its first line or without."""
    import polars as pl

    raw = contents(path).rstrip(b"\r\n")
    first = raw.split(b"\n", 1)[0].decode("utf-8-sig", "replace").rstrip("\r").split(",")
    named = not _are_numbers(first)
    lines = raw.split(b"\n", 1)[1] if named and b"\n" in raw else b"" if named else raw
    if not lines:
        raise DataError(f"{path}: there is a header, but no rows")
    if len(set(first)) < len(first) and named:
        raise DataError(f"line 1 of {path.name}: the header names a column twice")
    names = (
        [name.strip().strip('"') for name in first] if named else [f"{place}" for place in range(len(first))]
    )
    try:
        frame = pl.read_csv(lines, has_header=False, schema=dict.fromkeys(names, pl.String), quote_char='"')
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError) as error:
        raise _unreadable(path, "CSV", error) from None
    return _cells(path, frame, "line", 2 if named else 1, named=named, base=base)


def json_cells(path: Path) -> Cells:
    """Read the cells of a JSON file that is a list of lists."""
    import polars as pl
    from msgspec import DecodeError, json

    try:
        rows = json.decode(contents(path))
    except (DecodeError, RecursionError) as error:
        raise _unreadable(path, "JSON", error) from None
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{path}: expected a list of bars: [[time, open, high, low, close, volume], …]")
    for at, row in enumerate(rows):
        if not isinstance(row, list) or len(row) < len(_NAMES):
            raise DataError(f"row {at} of {path.name}: expected [time, open, high, low, close, volume]")
        for name, cell in zip(_NAMES, row, strict=False):
            if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
                raise DataError(f"row {at} of {path.name}: {name} = {str(cell)[:40]!r} is no number")
    columns = {
        name: pl.Series(name, [str(row[place]) for row in rows], pl.String)
        for place, name in enumerate(_NAMES)
    }
    return Cells(path, columns, "row", 0, named=True)


def parquet_cells(path: Path, base: str = "") -> Cells:
    """Read the cells of a Parquet file."""
    import polars as pl

    return _frame_cells(path, pl.read_parquet, "Parquet", base)


def feather_cells(path: Path, base: str = "") -> Cells:
    """Read the cells of a feather (Arrow IPC) file."""
    import polars as pl

    return _frame_cells(path, pl.read_ipc, "feather", base)


def _frame_cells(path: Path, read: Callable[[BytesIO], pl.DataFrame], what: str, base: str) -> Cells:
    import polars as pl

    raw = contents(path)
    try:
        frame = read(BytesIO(raw))
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        raise _unreadable(path, what, error) from None
    if not len(frame):
        raise DataError(f"{path}: the file has no rows")
    return _cells(path, frame, "row", 0, named=True, base=base)


def _cells(
    path: Path, frame: pl.DataFrame, unit: Literal["line", "row"], first: int, *, named: bool, base: str
) -> Cells:
    if not named:
        if frame.width < len(_NAMES):
            raise DataError(f"{path}: {frame.width} columns without names: expected at least {len(_NAMES)}")
        return Cells(path, dict(zip(_NAMES, frame.get_columns(), strict=False)), unit, first, named)
    by_name = {_spelled(name): name for name in frame.columns}
    found: dict[str, pl.Series] = {}
    for column, spellings in _NAMES.items():
        known = (*spellings, f"volume{_spelled(base)}") if column == "volume" and base else spellings
        name = next((by_name[spelling] for spelling in known if spelling in by_name), None)
        if name is None:
            raise DataError(
                f"{path}: no column for {column!r}: expected one of {', '.join(known)};"
                f" got {', '.join(frame.columns)[:120]}"
            )
        found[column] = frame[name]
    return Cells(path, found, unit, first, named)


def as_floats(series: pl.Series) -> Floats:
    """Return a column of numbers or texts as floats; what is no number is NaN."""
    import polars as pl

    cells = series.str.strip_chars() if series.dtype == pl.String else series
    try:
        return cells.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy().copy()
    except pl.exceptions.PolarsError:
        raise DataError(f"the column {series.name!r} holds {series.dtype}: expected numbers") from None


def _spelled(name: str) -> str:
    """Return a column's name as we know it: "Open Time" and "open_time" are one."""
    return "".join(filter(str.isalnum, name.casefold()))


def _are_numbers(cells: Sequence[str]) -> bool:
    try:
        return bool([float(cell) for cell in cells])
    except ValueError:
        return False


def _unreadable(path: Path, what: str, error: BaseException) -> DataError:
    reason = str(error).split("\n", 1)[0][:120]
    return DataError(f"{path}: this is no readable {what} file: {reason}")
