"""What the report reads: the tables of one run as columns, and the parts of it that one may choose to look at.

Run         the columns of one result, its strategies, its markets, its words
Market      one instrument, with the units that its figures carry
Choice      one strategy or all of them, on one instrument or all of them
choices     every choice the report offers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.research.recording import TABLES

if TYPE_CHECKING:
    from xtrade.research.metrics import Metric
    from xtrade.research.result import Result, Run as About

__all__ = ["Choice", "Columns", "Market", "Run", "choices"]

Columns: TypeAlias = Mapping[str, NDArray[Any]]
"""The columns of one table by name; an unknown time is -1, an unknown amount NaN."""

CHOICES_MAX: Final = 60


class Market(Struct, frozen=True, kw_only=True):
    """One instrument of a run: `unit` is what its quantities count, `price_unit` what its prices are in."""

    key: str
    unit: str
    price_unit: str
    tick: float
    lot: float


class Choice(Struct, frozen=True):
    """What is looked at: None means all of them."""

    strategy: str | None = None
    instrument: str | None = None

    def rows(self, table: Columns) -> NDArray[np.bool_]:
        """Return which rows of a table are of this choice."""
        kept = np.ones(len(table["strategy"]), bool)
        if self.strategy is not None:
            kept &= table["strategy"] == self.strategy
        if self.instrument is not None:
            kept &= table["instrument"] == self.instrument
        return kept

    def of(self, table: Columns) -> dict[str, NDArray[Any]]:
        """Return the rows of a table that are of this choice."""
        kept = self.rows(table)
        return {name: column[kept] for name, column in table.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One result, as the report reads it."""

    about: About
    currency: str
    capital: float
    strategies: tuple[str, ...]
    markets: tuple[Market, ...]
    metrics: Mapping[str, Metric]
    orders: Columns
    fills: Columns
    positions: Columns
    equity: Columns
    trips: Columns

    @classmethod
    def of(cls, result: Result) -> Run:
        """Read the tables of a result into columns."""
        about = result.run
        return cls(
            about=about,
            currency=about.currency,
            capital=float(Money.parse(about.capital).amount),
            strategies=tuple(about.strategies),
            markets=tuple(_market(key, versions[-1]) for key, versions in about.instruments.items()),
            metrics=result.metrics,
            orders=_columns(result, "orders"),
            fills=_columns(result, "fills"),
            positions=_columns(result, "positions"),
            equity=_columns(result, "equity"),
            trips=_columns(result, "round_trips"),
        )

    @property
    def start_ns(self) -> int:
        """When the run began."""
        return self.about.start_ns

    @property
    def end_ns(self) -> int:
        """When the run ended."""
        return self.about.end_ns

    @cached_property
    def by_key(self) -> dict[str, Market]:
        """The markets by their keys."""
        return {market.key: market for market in self.markets}

    @property
    def busiest(self) -> int:
        """Which market has most fills: the one to show first."""
        counts = [int((self.fills["instrument"] == market.key).sum()) for market in self.markets]
        return int(np.argmax(counts)) if counts else 0

    def offsets_ms(self, times_ns: NDArray[np.int64]) -> list[int]:
        """Return times as the charts count them: whole milliseconds since the start."""
        offsets: list[int] = ((times_ns - self.start_ns) // 1_000_000).tolist()
        return offsets

    @cached_property
    def ledgers(self) -> dict[tuple[str, str], Columns]:
        """The table of positions by strategy and instrument."""
        table = self.positions
        pairs = sorted(set(zip(table["strategy"].tolist(), table["instrument"].tolist(), strict=True)))
        return {pair: Choice(*pair).of(table) for pair in pairs}

    def over_time(
        self, choice: Choice, names: Sequence[str]
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
        """Return columns of the positions, summed over what is chosen, at every time at which one of them changed."""
        chosen = [
            columns
            for (strategy, instrument), columns in self.ledgers.items()
            if choice.strategy in {None, strategy} and choice.instrument in {None, instrument}
        ]
        ends = np.array([self.start_ns, self.end_ns], np.int64)
        times = np.unique(np.concatenate([ends, *(columns["time_ns"] for columns in chosen)]))
        sums = np.zeros((len(names), len(times)))
        for columns in chosen:
            # The last of several rows of one time is what was true after it.
            row = np.searchsorted(columns["time_ns"], times, side="right") - 1
            for place, name in enumerate(names):
                sums[place] += np.where(row >= 0, np.nan_to_num(columns[name])[row], 0.0)
        return times, list(sums)


def choices(run: Run) -> list[Choice]:
    """Return every choice the report offers: pairs of a strategy and an instrument only while they are few.

    Where there is only one of them, all of them is that one.
    """
    strategies = (None, *(run.strategies if len(run.strategies) > 1 else ()))
    instruments = (None, *(market.key for market in run.markets if len(run.markets) > 1))
    few = len(strategies) * len(instruments) <= CHOICES_MAX
    return [
        Choice(strategy, instrument)
        for strategy in strategies
        for instrument in instruments
        if few or strategy is None or instrument is None
    ]


def _market(key: str, instrument: Instrument) -> Market:
    contracts = instrument.kind is not Kind.SPOT and instrument.multiplier != 1
    return Market(
        key=key,
        unit="contracts" if contracts else instrument.base,
        price_unit=instrument.quote,
        tick=float(instrument.tick),
        lot=float(instrument.lot),
    )


def _columns(result: Result, name: str) -> Columns:
    """Read one table: what is unknown is -1 in whole numbers and flags, NaN in others, empty in words."""
    frame = result.table(name)
    columns: dict[str, NDArray[Any]] = {}
    for column in TABLES[name]:
        values = frame.get_column(column.name)
        match column.dtype:
            case "int64":
                columns[column.name] = values.fill_null(-1).to_numpy()
            case "bool":
                columns[column.name] = values.cast(int).fill_null(-1).to_numpy()
            case "float64":
                columns[column.name] = values.fill_null(float("nan")).to_numpy()
            case _:
                columns[column.name] = np.array(values.fill_null("").to_list(), dtype=object)
    return columns
