"""What a back-test on bars plays: the bars of one or several instruments, and when funding was settled.

BarTape.of  from bars; several instruments are played together, by time
Settlements the funding of one instrument
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xtrade.model.errors import DataError, UsageError, did_you_mean
from xtrade.model.instruments import Instrument, Kind
from xtrade.sim.bars.columns import Bars, Column
from xtrade.sim.bars.layout import Columns

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["BarTape", "Settlements"]


@dataclass(frozen=True, eq=False)
class Settlements:
    """When funding was settled, at which rate (in units of 10^-12) and which mark price (in ticks)."""

    time_ns: Column
    rates: Column
    mark_ticks: Column

    @classmethod
    def from_columns(cls, *, time_ns: ArrayLike, rates: ArrayLike, mark_ticks: ArrayLike) -> Settlements:
        """Build checked settlements from columns of whole numbers of equal length."""
        given = {"time_ns": time_ns, "rates": rates, "mark_ticks": mark_ticks}
        columns = {name: np.asarray(column) for name, column in given.items()}
        for name, column in columns.items():
            if column.ndim != 1 or len(column) != len(columns["time_ns"]):
                raise DataError(f"funding: {name} has {column.shape} values: expected as many as time_ns")
            if column.dtype.kind not in "iu" and len(column):
                raise DataError(
                    f"funding: {name} holds {column.dtype}: expected whole numbers (ns, 10^-12, ticks)"
                )
        found = cls(**{name: np.ascontiguousarray(column, np.int64) for name, column in columns.items()})
        late = np.diff(found.time_ns) <= 0
        if late.any():
            raise DataError(f"funding: row {int(np.argmax(late)) + 1} is not after the row above it")
        if (found.mark_ticks < 1).any():
            wrong = int(np.argmax(found.mark_ticks < 1))
            raise DataError(f"funding: row {wrong}: a mark of {found.mark_ticks[wrong]} is not above zero")
        return found


@dataclass(frozen=True, eq=False)
class BarTape:
    """Bars as kernels read them; made once, it may be played as often as one likes, by several threads at a time."""

    bars: tuple[Bars, ...]
    funding: tuple[Settlements | None, ...]
    columns: Columns

    @classmethod
    def of(cls, bars: Bars | Iterable[Bars], *, funding: Mapping[str, Settlements] | None = None) -> BarTape:
        """Take bars of one or several instruments, and the funding of some of them by instrument key."""
        several = (bars,) if isinstance(bars, Bars) else tuple(bars)
        if not several:
            raise DataError("there are no bars to play: give the bars of one instrument at least")
        keys = [each.instrument.key for each in several]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise DataError(f"{key} has bars twice: put them into one Bars")
        given = funding or {}
        for key in given:
            if key not in keys:
                raise UsageError(f"funding of {key}, which has no bars here.{did_you_mean(key, keys)}")
        for each in several:
            if each.instrument.key in given and each.instrument.kind is Kind.SPOT:
                raise UsageError(f"{each.instrument.key} is spot: nobody pays funding on it")
        columns = several[0].block if len(several) == 1 else np.hstack([each.block for each in several])
        return cls(several, tuple(given.get(key) for key in keys), columns)

    @property
    def instruments(self) -> tuple[tuple[Instrument, ...], ...]:
        """The instruments, each with the one version that its bars speak of."""
        return tuple((each.instrument,) for each in self.bars)

    @property
    def keys(self) -> list[str]:
        """The names of the instruments."""
        return [each.instrument.key for each in self.bars]
