"""The result of a run: tables, metrics and what was run, in memory, in a notebook and in a folder.

Result        of(recording), save(folder), load(folder); tables as polars frames, made or read when first asked for
Run           what was run: strategies, parameters, assumptions, data, what was unusual, fingerprint

A folder holds a Parquet file for each of `recording.TABLES`, `metrics.json` and `run.json`. It is written beside its
place and renamed, so that there is never half of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from xtrade.model.errors import DataError, UsageError, XtradeError, did_you_mean
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.research.accounting import account
from xtrade.research.fingerprint import Fingerprint, fingerprint as fingerprint_of
from xtrade.research.metrics import Metric, measured
from xtrade.research.recording import TABLES, Recording, StrategyRun, Unusual
from xtrade.research.summary import html_of, summary_of
from xtrade.research.tables import Columns, tables

if TYPE_CHECKING:
    import polars as pl

__all__ = ["FORMAT", "Result", "Run"]

FORMAT: Final = 1
"""The version of the folder's layout; a higher one was written by a newer xtrade."""


T = TypeVar("T")


class Run(Struct, frozen=True, kw_only=True):
    """What was run. Parameters and configuration are as JSON has them: a Decimal is its text."""

    format: int = FORMAT
    strategies: Mapping[str, StrategyRun]
    instruments: Mapping[str, tuple[Instrument, ...]]
    capital: str
    """With its currency, which is that of the report: "10000 USDT"."""
    start_ns: int
    end_ns: int
    seed: int | None
    assumptions: tuple[str, ...]
    data: tuple[str, ...]
    unusual: Mapping[str, Unusual]
    config: Mapping[str, object]
    fingerprint: Fingerprint
    kind: str = "back-test"

    @classmethod
    def of(cls, recording: Recording, fingerprint: Fingerprint) -> Run:
        """Return what a recording says about itself."""
        described = {
            "strategies": recording.strategies,
            "instruments": recording.instruments,
            "capital": str(recording.capital),
            "start_ns": recording.start_ns,
            "end_ns": recording.end_ns,
            "seed": recording.seed,
            "kind": recording.kind,
            "assumptions": recording.assumptions,
            "data": recording.data,
            "unusual": recording.unusual,
            "config": recording.config,
            "fingerprint": fingerprint,
        }
        # By way of JSON's own types, so that what is in memory is what a folder gives back.
        return msgspec.convert(msgspec.to_builtins(described, enc_hook=str, str_keys=True), cls)

    @property
    def currency(self) -> str:
        """The report currency."""
        return Money.parse(self.capital).currency

    @property
    def failures(self) -> dict[str, str]:
        """What strategies failed of, by name."""
        return {
            name: strategy.failure
            for name, strategy in self.strategies.items()
            if strategy.failure is not None
        }


class Result:
    """What a run was worth.

    `metrics` are by name, in the order of `xtrade.research.metrics.METRICS`; `run` says what was run. The tables
    `orders`, `fills`, `positions`, `equity`, `funding` and `round_trips` are polars frames.
    """

    def __init__(
        self, run: Run, metrics: Mapping[str, Metric], source: Path | Mapping[str, Columns], name: str
    ) -> None:
        self.run = run
        self.metrics = metrics
        self.name = name
        self._source = source
        self._frames: dict[str, pl.DataFrame] = {}

    @classmethod
    def of(cls, recording: Recording, *, name: str = "", fingerprint: Fingerprint | None = None) -> Result:
        """Book, measure and tabulate what a run left behind."""
        accounts = account(recording)
        made = tables(recording, accounts)
        run = Run.of(recording, fingerprint or fingerprint_of(recording))
        return cls(run, measured(recording, accounts, made), made, name or " + ".join(run.strategies))

    @classmethod
    def load(cls, directory: Path | str) -> Result:
        """Read a result folder; a DataError says what is missing, damaged or of another version."""
        folder = Path(directory)
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder; a result folder is what a back-test wrote")
        run = _read(folder / "run.json", Run)
        metrics = _read(folder / "metrics.json", dict[str, Metric])
        for name in TABLES:
            _check_table(folder / f"{name}.parquet", name)
        return cls(run, metrics, folder, folder.resolve().name)

    def save(self, directory: Path | str, *, replace: bool = False) -> Path:
        """Write the result folder and return its path.

        A folder that holds another run is an error unless `replace` is given; one that holds anything else is never
        touched.
        """
        folder = Path(directory).absolute()
        run = _json(self.run)
        if folder.exists():
            _check_replaceable(folder, run, replace=replace)
        import polars as pl

        try:
            self._write(folder, run)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{folder}: the result cannot be written: {_first_line(error)}") from error
        return folder

    def _write(self, folder: Path, run: bytes) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
        shutil.rmtree(new, ignore_errors=True)  # of a process of that number that was killed
        new.mkdir()
        try:
            for name in TABLES:
                self.table(name).write_parquet(new / f"{name}.parquet")
            (new / "metrics.json").write_bytes(_json(self.metrics))
            (new / "run.json").write_bytes(run)
            _on_disk(new)
            if folder.exists():
                # One folder cannot be renamed over another: the old one steps aside first.
                old = new.with_suffix(".old")
                folder.rename(old)
                new.rename(folder)
                shutil.rmtree(old)
            else:
                new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def table(self, name: str) -> pl.DataFrame:
        """Return a table by name; its columns are those of `xtrade.research.recording.TABLES`."""
        if name not in TABLES:
            raise UsageError(
                f"a result has no table {name!r}: expected one of {', '.join(TABLES)}.{did_you_mean(name, TABLES)}"
            )
        if name not in self._frames:
            self._frames[name] = self._made(name)
        return self._frames[name]

    @property
    def orders(self) -> pl.DataFrame:
        """Every order, those refused before they were sent included."""
        return self.table("orders")

    @property
    def fills(self) -> pl.DataFrame:
        """Every fill, with the mids that followed it."""
        return self.table("fills")

    @property
    def positions(self) -> pl.DataFrame:
        """What each strategy held of each instrument, and what it had earned."""
        return self.table("positions")

    @property
    def equity(self) -> pl.DataFrame:
        """What all of it was worth over time."""
        return self.table("equity")

    @property
    def funding(self) -> pl.DataFrame:
        """Every funding payment."""
        return self.table("funding")

    @property
    def round_trips(self) -> pl.DataFrame:
        """Every trade from flat to flat that ended."""
        return self.table("round_trips")

    def to_pandas(self, name: str) -> Any:
        """Return a table as pandas has it, where pandas is installed."""
        from importlib import import_module

        try:
            pandas = import_module("pandas")
        except ModuleNotFoundError as error:
            raise UsageError(
                "pandas is not installed: install it beside xtrade, or use the polars frames"
            ) from error
        return pandas.DataFrame(self.table(name).to_dict(as_series=False))

    def summary(self) -> list[tuple[str, str]]:
        """Return what to show in a terminal: a title and a figure, as people write it, in each row."""
        return summary_of(self.metrics)

    def _repr_html_(self) -> str:
        return html_of(self.name, self.summary(), self.equity["equity"].to_numpy())

    def _made(self, name: str) -> pl.DataFrame:
        import polars as pl

        if isinstance(self._source, Path):
            path = self._source / f"{name}.parquet"
            try:
                return pl.read_parquet(path)
            except (OSError, pl.exceptions.PolarsError) as error:
                raise DataError(f"{path}: cannot be read: {error}") from error
        columns = self._source[name]
        return pl.DataFrame(
            [
                pl.Series(column.name, columns[column.name], dtype=dtype, nan_to_null=True)
                for column, dtype in zip(TABLES[name], _schema(name).values(), strict=True)
            ]
        )


def _schema(name: str) -> dict[str, pl.DataType]:
    """Return what a table's columns are to polars."""
    import polars as pl

    types: dict[str, pl.DataType] = {
        "int64": pl.Int64(),
        "float64": pl.Float64(),
        "bool": pl.Boolean(),
        "str": pl.String(),
    }
    return {column.name: types[column.dtype] for column in TABLES[name]}


def _check_table(path: Path, name: str) -> None:
    """Read the head of a Parquet file, and compare its columns with those it should have."""
    import polars as pl

    try:
        found = pl.read_parquet_schema(path)
    except FileNotFoundError:
        raise DataError(
            f"{path}: the file is missing: the folder is not whole; run the back-test again"
        ) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path}: not a Parquet file that can be read: {_first_line(error)}") from error
    wanted = _schema(name)
    if dict(found) != wanted:
        differing = sorted(
            column for column in {*found, *wanted} if found.get(column) != wanted.get(column)
        ) or ["their order"]
        raise DataError(
            f"{path}: the columns are not those of this version of xtrade ({', '.join(differing)}):"
            " run the back-test again"
        )


def _read(path: Path, kind: type[T]) -> T:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: the file is missing: this is not a whole result folder") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        if kind is Run:
            _check_format(msgspec.json.decode(content, type=_Versioned).format)
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, XtradeError) as error:
        raise DataError(f"{path}: not what a result folder holds: {error}") from error


class _Versioned(Struct):
    format: int


def _check_format(found: int) -> None:
    if found != FORMAT:
        newer = "a newer" if found > FORMAT else "an older"
        raise DataError(f"layout {found} is that of {newer} xtrade, and this one reads {FORMAT}")


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _check_replaceable(folder: Path, run: bytes, *, replace: bool) -> None:
    """Refuse to write over what is no result folder, or over another run without being told."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: a file has that name; choose another folder for the result")
    if not any(folder.iterdir()):
        return
    described = folder / "run.json"
    if not described.exists():
        raise UsageError(f"{folder}: holds something that is no result; choose another folder")
    if not replace and described.read_bytes() != run:
        raise UsageError(
            f"{folder}: holds the result of another run; choose another folder, or replace it on purpose"
        )


def _on_disk(folder: Path) -> None:
    """Wait until all of a folder is on the disk: a rename must not become known before what it names."""
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
