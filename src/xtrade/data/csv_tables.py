"""CSV with a known header, read into columns of integers on the instrument's grid, some megabytes at a time.

Field      what a column holds: times, prices, quantities, sides, flags, ids, names
csv_table  the columns of a file; whatever is wrong is a DataError that names the line

polars parses the text. Where it fails, the block is read again line by line, only to say what is wrong with which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

import numpy as np

from xtrade.data.grid import Flags, Floats, counts, finest
from xtrade.data.opening import blocks
from xtrade.data.tables import Table
from xtrade.model.errors import DataError, NumberError
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import number, plain, steps

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["NO_TIME", "Field", "csv_table", "off_grid", "refuse_ticks"]

Kind: TypeAlias = Literal["time", "price", "quantity", "choice", "flag", "id", "name", "number"]

NO_TIME: Final = 0
"""A time that the file leaves open."""

_TICKS_MAX: Final = 2**31 - 1
_LOTS_MAX: Final = 2**61
# Microseconds before 1973 or after 2262 are another unit, or no time.
_US_MIN: Final = 10**14
_US_MAX: Final = 2**63 // 1_000
_LINE_FIRST: Final = 2


@dataclass(frozen=True)
class Field:
    """One column: `choices` are the words of a choice, in the order of the numbers that they become.

    What is `optional` may be empty: NO_TIME, no lots, or NaN. A `name` becomes whether it differs from `expected`.
    """

    kind: Kind
    choices: tuple[str, ...] = ()
    optional: bool = False
    expected: str = ""


def csv_table(path: Path, fields: Mapping[str, Field], instrument: Instrument) -> Table:
    """Read these columns of a CSV file with a header, in any order and beside any others."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in fields}
    header: tuple[str, ...] = ()
    line, blank = _LINE_FIRST, 0
    for number_of_block, whole in enumerate(blocks(path)):
        block = whole
        if number_of_block == 0:
            first, _, block = block.partition(b"\n")
            header = _header(path, first, fields)
        text = block.rstrip(b"\r\n")
        if not text:
            blank = blank or (line if block else 0)
            continue
        if blank:
            raise DataError(f"line {blank} of {path.name}: it is empty")
        reader = _Block(path, text, line, header, fields, instrument)
        count = 0
        for name, column in reader.columns().items():
            parts[name].append(column)
            count = len(column)
        line += count
        blank = line if len(block) - len(text) > len(b"\r\n") else 0
    if line == _LINE_FIRST:
        raise DataError(f"{path}: there is a header, but no rows")
    columns = {name: np.concatenate(column) for name, column in parts.items()}
    return Table(path, columns, "line", _LINE_FIRST)


def off_grid(what: str, shown: object, step: str, own: object) -> str:
    """Say that a price or quantity is on no step of the instrument's grid, and what the data's own seems to be."""
    kind = "tick" if what == "price" else "lot"
    hint = f"; pass an instrument with {kind}={own} if that is what it was then" if own is not None else ""
    return f"{what} {shown} is on no {kind} of {step}: the data is of another grid{hint}"


def refuse_ticks(table: Table, name: str) -> None:
    """Refuse prices that are none, and such as a tape or bar cannot hold."""
    ticks = table[name]
    table.refuse(ticks <= 0, lambda at: f"{name} of {ticks[at]} ticks: a price is above zero")
    table.refuse(
        ticks > _TICKS_MAX, lambda at: f"{name} of {ticks[at]} ticks is beyond what a tape holds (2^31)"
    )


def _header(path: Path, line: bytes, fields: Mapping[str, Field]) -> tuple[str, ...]:
    header = tuple(name.strip() for name in line.decode("utf-8-sig", "replace").rstrip("\r").split(","))
    missing = [name for name in fields if name not in header]
    if missing:
        shown = ",".join(header)
        raise DataError(
            f"line 1 of {path.name}: the header has no column {missing[0]!r}: expected {','.join(fields)},"
            f" got {shown[:120]}{'…' if len(shown) > 120 else ''}"
        )
    if len(set(header)) < len(header):
        raise DataError(f"line 1 of {path.name}: the header names a column twice")
    return header


class _Block:
    """Some lines of a file, and how to read them."""

    def __init__(
        self,
        path: Path,
        text: bytes,
        line: int,
        header: Sequence[str],
        fields: Mapping[str, Field],
        instrument: Instrument,
    ) -> None:
        self.path = path
        self.text = text
        self.line = line
        self.header = header
        self.fields = fields
        self.instrument = instrument
        self.foreign: Flags = np.zeros(0, bool)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns, or raise a DataError that names the line."""
        import polars as pl

        dtypes: dict[Kind, Any] = {
            "time": pl.Int64,
            "price": pl.Float64,
            "quantity": pl.Float64,
            "number": pl.Float64,
            "flag": pl.Boolean,
            "id": pl.String,
            "name": pl.String,
        }
        schema = {
            name: (pl.Enum(field.choices) if field.kind == "choice" else dtypes[field.kind])
            if (field := self.fields.get(name))
            else pl.String
            for name in self.header
        }
        try:
            frame = pl.read_csv(self.text, has_header=False, schema=schema, quote_char=None)
            if any(frame[name].null_count() for name, field in self.fields.items() if not field.optional):
                self.explain("a value is missing")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            self.explain(str(error).split("\n", 1)[0])
        self.foreign = np.zeros(len(frame), bool)
        for name, field in self.fields.items():
            if field.kind == "name":
                self.foreign |= (frame[name] != field.expected).to_numpy()
        return {name: self.column(name, field, frame[name]) for name, field in self.fields.items()}

    def column(self, name: str, field: Field, series: pl.Series) -> NDArray[Any]:
        """Return one column as numbers."""
        match field.kind:
            case "time":
                return self.times(name, field, series)
            case "price" | "quantity":
                return self.on_grid(name, field, series.fill_null(0.0).to_numpy())
            case "choice":
                return series.to_physical().to_numpy().astype(np.int8)
            case "id":
                # Zero stands for no id: two trades without one are two trades.
                return np.where(series.is_null().to_numpy(), 0, series.hash().to_numpy())
            case "name":
                return (series != field.expected).to_numpy()
            case _:
                return series.to_numpy()

    def times(self, name: str, field: Field, series: pl.Series) -> NDArray[np.int64]:
        """Return microseconds as nanoseconds."""
        values = series.fill_null(NO_TIME).to_numpy().astype(np.int64)
        wrong = (values < _US_MIN) | (values >= _US_MAX)
        if field.optional:
            wrong &= values != NO_TIME
        if wrong.any():
            at = int(np.argmax(wrong))
            raise self.wrong(at, f"{name} = {values[at]} is no time in microseconds since 1970")
        return values * 1_000

    def on_grid(self, name: str, field: Field, values: Floats) -> NDArray[np.int64]:
        """Return prices as ticks and quantities as lots, exactly."""
        what = field.kind
        step = self.instrument.tick if what == "price" else self.instrument.lot
        whole, wrong = counts(values, step)
        wrong &= ~self.foreign  # other instruments have other grids; their rows go, or are refused as such
        if wrong.any():
            lines = self.text.split(b"\n")
            place = self.header.index(name)
            for at in np.flatnonzero(wrong).tolist():
                text = lines[at].split(b",")[place].strip()
                try:
                    value = number(text)
                except NumberError:
                    raise self.wrong(at, f"{name}: {_plainly(text)} is no {what}") from None
                try:
                    count = steps(value, step)
                except NumberError:
                    own = finest(values)
                    shown = off_grid(what, plain(value), plain(step), own and plain(own))
                    raise self.wrong(at, shown) from None
                if abs(count) > _LOTS_MAX:
                    raise self.wrong(at, f"{name} {_plainly(text)} is out of range")
                whole[at] = count
        return whole

    def wrong(self, at: int, says: str) -> DataError:
        """Make the error of a line."""
        return DataError(f"line {self.line + at} of {self.path.name}: {says}")

    def explain(self, reason: str) -> NoReturn:
        """Raise the DataError of the first line that cannot be read."""
        for at, line in enumerate(self.text.split(b"\n")):
            row = line.rstrip(b"\r")
            if not row.strip():
                raise self.wrong(at, "it is empty")
            cells = row.split(b",")
            if len(cells) != len(self.header):
                raise self.wrong(at, f"it has {len(cells)} fields where the header has {len(self.header)}")
            for name, cell in zip(self.header, cells, strict=True):
                field = self.fields.get(name)
                if field is not None and (says := _complaint(field, cell.strip())):
                    raise self.wrong(at, f"{name} {says}")
        raise DataError(f"{self.path}: lines from {self.line} on cannot be read: {reason}")


def _complaint(field: Field, cell: bytes) -> str | None:
    """Say what is wrong with a cell that polars did not read, if it is this one."""
    if not cell:
        return None if field.optional else "is missing"
    shown = _plainly(cell)
    match field.kind:
        case "time":
            return (
                None if cell.lstrip(b"+-").isdigit() and len(cell) < 19 else f"= {shown} is no whole number"
            )
        case "price" | "quantity" | "number":
            try:
                number(cell)
            except NumberError:
                return f"= {shown} is no number"
            return None
        case "flag":
            return None if cell in {b"true", b"false"} else f"= {shown}: expected true or false"
        case "choice":
            known = shown in map(repr, field.choices)
            return None if known else f"= {shown}: expected one of {', '.join(field.choices)}"
        case _:
            return None


def _plainly(cell: bytes) -> str:
    text = repr(cell[:40].decode("utf-8", "replace"))
    return text if len(cell) <= 40 else text + "…"
