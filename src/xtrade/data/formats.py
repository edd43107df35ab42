"""The table of formats: a name, how a file is recognised by its first bytes, and who reads it.

A new format is a module and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from xtrade.data import snapshots, tardis
from xtrade.data.grid import Floats
from xtrade.data.hftbacktest import reader as hftbacktest
from xtrade.data.ohlcv_files import (
    Cells,
    csv_cells,
    feather_cells,
    json_cells,
    looks_like_bars,
    parquet_cells,
)
from xtrade.data.opening import Opening, opening
from xtrade.data.rows import Task
from xtrade.model.errors import DataError, UsageError, did_you_mean
from xtrade.sim.replay.layout import Rows

__all__ = ["BARS", "TAPES", "BarFormat", "TapeFormat", "recognised"]


class TapeFormat(NamedTuple):
    """A format of events; at one instant the rows of an earlier format in the table come first."""

    name: str
    words: str
    tells: frozenset[str]
    recognises: Callable[[Opening], bool]
    read: Callable[[Path, Task], Rows]
    values: Callable[[Path], tuple[Floats, Floats]]


class BarFormat(NamedTuple):
    """A format of bars; `base` is the coin, for columns such as "Volume BTC"."""

    name: str
    words: str
    recognises: Callable[[Opening], bool]
    cells: Callable[[Path, str], Cells]


def _has(columns: Iterable[str]) -> Callable[[Opening], bool]:
    wanted = {"exchange", "symbol", *columns}
    return lambda start: wanted <= set(start.header)


def _begins(*marks: bytes) -> Callable[[Opening], bool]:
    return lambda start: start.first.startswith(marks)


# Trades stand before the book: a book that shrank by a trade must not shrink a queue before the trade does.
TAPES: Final = (
    TapeFormat(
        "tardis-trades", "Tardis CSV, trades", frozenset({"trades"}), _has(tardis.TRADES), tardis.trades,
        tardis.values,
    ),
    TapeFormat(
        "tardis-book", "Tardis CSV, incremental_book_L2", frozenset({"book"}), _has(tardis.BOOK), tardis.books,
        tardis.values,
    ),
    TapeFormat(
        "tardis-snapshots", "Tardis CSV, book_snapshot_5 and _25", frozenset({"book"}),
        _has(snapshots.FIRST_LEVEL), snapshots.read, snapshots.values,
    ),
    TapeFormat(
        "tardis-funding", "Tardis CSV, derivative_ticker", frozenset({"funding"}), _has(tardis.FUNDING),
        tardis.funding, tardis.no_values,
    ),
    TapeFormat(
        "hftbacktest", "hftbacktest npz", frozenset({"book", "trades"}), _begins(b"PK\x03\x04", b"\x93NUMPY"),
        hftbacktest.read, hftbacktest.values,
    ),
)  # fmt: skip

BARS: Final = (
    BarFormat("ohlcv-parquet", "OHLCV, Parquet", _begins(b"PAR1"), parquet_cells),
    BarFormat("ohlcv-feather", "OHLCV, feather (Arrow IPC; freqtrade's)", _begins(b"ARROW1"), feather_cells),
    BarFormat(
        "ohlcv-json", "OHLCV, a JSON list of lists (ccxt's)", lambda start: start.first.lstrip()[:1] == b"[",
        lambda path, _: json_cells(path),
    ),
    BarFormat("ohlcv-csv", "OHLCV, CSV", lambda start: looks_like_bars(start.header), csv_cells),
)  # fmt: skip

Format = TypeVar("Format", TapeFormat, BarFormat)


def recognised(path: Path, formats: tuple[Format, ...], name: str | None) -> Format:
    """Return the format of a file: the one that is named, or the first that recognises it."""
    start = opening(path)
    if name is not None:
        for each in formats:
            if each.name == name:
                return each
        known = [each.name for each in formats]
        raise UsageError(f"format={name!r}: expected one of {', '.join(known)}.{did_you_mean(name, known)}")
    for each in formats:
        if each.recognises(start):
            return each
    shown = ",".join(start.header)[:80]
    other = next((each for each in (*TAPES, *BARS) if each not in formats and each.recognises(start)), None)
    if other is not None:
        way = "read_bars" if other in BARS else "read_tape"
        raise DataError(f"{path}: this is {other.words}: read it with {way}")
    raise DataError(
        f"{path}: no format recognises it (it begins with {shown!r}): expected one of"
        f" {', '.join(each.words for each in formats)}; or name it with format="
    )
