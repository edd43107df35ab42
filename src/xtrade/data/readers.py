"""What others call to read data that users hold. This is the one way in: the rest of the room is how.

read_tape   books, trades and funding of one instrument, from one file or several, as a Tape
read_bars   bars of one instrument, from one file, as Bars
grid_of     the tick and the lot that a file's own numbers lie on
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from xtrade.data import ohlcv
from xtrade.data.formats import BARS, TAPES, TapeFormat, recognised
from xtrade.data.grid import finest
from xtrade.data.opening import opening
from xtrade.data.reading import Counts, Policy, Reading, Source
from xtrade.data.rows import Task, gap_between
from xtrade.data.tables import stamp
from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import DataError, UsageError
from xtrade.model.instruments import Instrument
from xtrade.sim.bars.columns import Bars
from xtrade.sim.replay.layout import Rows
from xtrade.sim.replay.tape import ROW, Tape

__all__ = ["Grid", "grid_of", "read_bars", "read_tape"]


class Grid(NamedTuple):
    """The coarsest tick and lot on which all prices and quantities of a file lie."""

    tick: Decimal
    lot: Decimal


def read_tape(
    paths: str | PathLike[str] | Iterable[str | PathLike[str]],
    instrument: Instrument,
    *,
    format: str | None = None,  # noqa: A002  (what its user calls it)
    symbol: str | None = None,
    accept: Iterable[str] = (),
    silence: str = "1m",
) -> Reading[Tape]:
    """Read one instrument's books, trades and funding, joined by the time at which they were heard.

    `format` is a name of the table `xtrade.data.formats.TAPES`, for files that are not recognised. `symbol` is what
    the files call the instrument, where that is not its native name. What makes no sense is a DataError that names
    the line, unless its kind is among those to `accept` (`xtrade.data.reading.REPAIRS`). A book that is silent for
    longer than `silence` has a gap.
    """
    counts = Counts()
    task = Task(instrument, symbol, Policy.of(accept, silence), counts)
    read: list[tuple[TapeFormat, Path, Rows]] = []
    sources = []
    for path in _paths(paths):
        each = recognised(path, TAPES, format)
        before = counts.rows
        read.append((each, path, each.read(path, task)))
        sources.append(Source(path, each.name, counts.rows - before))
    parts: list[Rows] = []
    for each in TAPES:
        parts += _in_sequence([(path, rows) for other, path, rows in read if other is each], each, task)
    for what in ("book", "trades", "funding"):
        tellers = {each.name for each, _, _ in read if what in each.tells}
        if len(tellers) > 1:
            raise DataError(
                f"{' and '.join(sorted(tellers))} both tell the {what}: pass files of one of them"
            )
    rows = np.concatenate([*parts, np.zeros(0, ROW)]) if len(parts) != 1 else parts[0]
    if len(parts) > 1:
        rows = rows[np.argsort(rows["local_ns"], kind="stable")]
    tape = Tape(rows, ((instrument,),), np.zeros(0, np.int64)).checked()
    return Reading(tape, tuple(sources), counts)


def read_bars(
    path: str | PathLike[str],
    instrument: Instrument,
    *,
    format: str | None = None,  # noqa: A002  (what its user calls it)
    interval: str | None = None,
    accept: Iterable[str] = (),
) -> Reading[Bars]:
    """Read one instrument's bars; without an `interval` ("1m") it is the most common step of the data.

    `format` is a name of the table `xtrade.data.formats.BARS`, for files that are not recognised; `accept` as for
    `read_tape`.
    """
    counts = Counts()
    wanted = None if interval is None else duration_ns(interval)
    if wanted == 0:
        raise UsageError(f"interval={interval!r}: an interval takes some time")
    task = ohlcv.BarTask(instrument, wanted, Policy.of(accept, "1m"), counts)
    path = Path(path)
    each = recognised(path, BARS, format)
    bars = ohlcv.bars(each.cells(path, instrument.base), task)
    return Reading(bars, (Source(path, each.name, counts.rows),), counts)


def grid_of(path: str | PathLike[str], *, format: str | None = None, base: str = "") -> Grid:  # noqa: A002
    """Find the tick and the lot of a file's own numbers, for an instrument whose grid nobody knows.

    The answer is the coarsest grid that holds every number, so that little data may look coarser than its market.
    `base` is the coin, for columns such as "Volume BTC".
    """
    path = Path(path)
    if format in {each.name for each in BARS} or (format is None and _are_bars(path)):
        prices, amounts = recognised(path, BARS, format).cells(path, base).values()
    else:
        prices, amounts = recognised(path, TAPES, format).values(path)
    tick, lot = finest(prices), finest(amounts)
    if tick is None or lot is None:
        raise DataError(
            f"{path}: its {'prices' if tick is None else 'quantities'} lie on no grid that can be seen"
        )
    return Grid(tick, lot)


def _are_bars(path: Path) -> bool:
    start = opening(path)
    return not any(each.recognises(start) for each in TAPES) and any(each.recognises(start) for each in BARS)


def _paths(paths: str | PathLike[str] | Iterable[str | PathLike[str]]) -> list[Path]:
    given = [Path(paths)] if isinstance(paths, (str, PathLike)) else [Path(path) for path in paths]
    if not given:
        raise UsageError("no file to read was given")
    for path in given:
        if given.count(path) > 1:
            raise UsageError(f"{path} was given twice")
    return given


def _in_sequence(files: Sequence[tuple[Path, Rows]], each: TapeFormat, task: Task) -> list[Rows]:
    """Return the rows of a format's files in the order of their times; files that overlap are refused."""
    by_start = sorted(
        ((path, rows) for path, rows in files if len(rows)), key=lambda file: int(file[1]["local_ns"][0])
    )
    parts: list[Rows] = []
    for place, (path, rows) in enumerate(by_start):
        if place:
            earlier, above = by_start[place - 1]
            last, first = above[-1], rows[0]
            between = int(first["local_ns"]) - int(last["local_ns"])
            if between < 0:
                raise DataError(
                    f"{path.name} begins at {stamp(first['local_ns'])}, before {earlier.name} ends at"
                    f" {stamp(last['local_ns'])}: pass one of them, or cut one of them off"
                )
            if "book" in each.tells and between > task.policy.silence_ns:
                if "gaps" not in task.policy.accept:
                    raise DataError(
                        f"nothing was heard for {duration_text(between)} between {earlier.name} and {path.name}:"
                        " is a file missing? accept={'gaps'} goes on: see docs/data.md"
                    )
                task.counts.gaps += 1
                task.counts.repaired["gaps"] += 1
                parts.append(gap_between(last, first, task.policy))
        parts.append(rows)
    return parts
