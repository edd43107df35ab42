"""Bars of one instrument as columns of integers: what bar-only data is read into, and generated as.

What does not make sense is a DataError that names the row; nothing is sorted, dropped or corrected in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from xtrade.model.errors import DataError
from xtrade.model.instruments import Instrument

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Bars", "Column"]

Column: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, eq=False)
class Bars:
    """Trades of equal intervals: a bar that begins at `start_ns` is known when `start_ns + interval_ns` is over.

    Rows ascend in time and may have gaps (no trades, or a feed that was down): a gap is no bar, never a bar of zeros.
    """

    instrument: Instrument
    interval_ns: int
    start_ns: Column
    open_ticks: Column
    high_ticks: Column
    low_ticks: Column
    close_ticks: Column
    volume_lots: Column

    @classmethod
    def from_columns(
        cls,
        instrument: Instrument,
        *,
        interval_ns: int,
        start_ns: ArrayLike,
        open_ticks: ArrayLike,
        high_ticks: ArrayLike,
        low_ticks: ArrayLike,
        close_ticks: ArrayLike,
        volume_lots: ArrayLike,
    ) -> Bars:
        """Build checked bars from columns of whole numbers of equal length."""
        columns = {
            "start_ns": np.asarray(start_ns),
            "open_ticks": np.asarray(open_ticks),
            "high_ticks": np.asarray(high_ticks),
            "low_ticks": np.asarray(low_ticks),
            "close_ticks": np.asarray(close_ticks),
            "volume_lots": np.asarray(volume_lots),
        }
        count = len(columns["start_ns"])
        for name, column in columns.items():
            if column.ndim != 1 or len(column) != count:
                raise DataError(f"column {name} has {column.shape} values where start_ns has {count}")
            if column.dtype.kind not in "iu":
                raise DataError(
                    f"column {name} holds {column.dtype}: expected whole numbers (ticks, lots, ns)"
                )
        whole = {name: np.ascontiguousarray(column, np.int64) for name, column in columns.items()}
        return cls(instrument, interval_ns, **whole).checked()

    def __len__(self) -> int:
        return len(self.start_ns)

    @cached_property
    def block(self) -> NDArray[np.int64]:
        """The columns one below the other, as kernels read them, and the running sum of the closes.

        Made once and kept; xtrade.sim.bars.layout names the rows.
        """
        return np.stack(
            [
                self.start_ns,
                self.open_ticks,
                self.high_ticks,
                self.low_ticks,
                self.close_ticks,
                self.volume_lots,
                np.cumsum(self.close_ticks),
            ]
        )

    def checked(self) -> Bars:
        """Return these bars, or raise DataError naming the first row that makes no sense."""
        if self.interval_ns <= 0:
            raise DataError(f"bars of {self.interval_ns} ns: an interval takes some time")
        steps = np.diff(self.start_ns)
        self._refuse(np.append(False, steps < 0), "starts before the row above it: sort the rows by time")
        self._refuse(np.append(False, steps == 0), "is there twice: drop one of the two")
        self._refuse(
            np.append(False, steps < self.interval_ns),
            f"begins before the bar above it is over ({self.interval_ns} ns)",
        )
        self._refuse(self.low_ticks < 1, "has a price that is not above zero")
        highest = np.maximum(self.open_ticks, self.close_ticks)
        lowest = np.minimum(self.open_ticks, self.close_ticks)
        self._refuse(self.high_ticks < highest, "has a high below its open or close")
        self._refuse(self.low_ticks > lowest, "has a low above its open or close")
        self._refuse(self.volume_lots < 0, "has a negative volume")
        return self

    def _refuse(self, wrong: NDArray[np.bool_], why: str) -> None:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise DataError(f"row {at}: the bar of {self.instrument.key} at {self.start_ns[at]} ns {why}")
