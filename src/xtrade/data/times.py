"""Times as files write them, in nanoseconds UTC.

from_numbers  whole or broken seconds, milli-, micro- or nanoseconds, told apart by their size
from_texts    ISO 8601
from_dates    a Parquet or feather column of dates

A time without a zone is taken for UTC, and the reading says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from xtrade.data.grid import Ints

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["NO_ZONE", "from_dates", "from_numbers", "from_texts"]

NO_ZONE: Final = "its times name no zone: read as UTC"

# Up to which number a time since 1970 is in this unit: a count of seconds stays below 10^11 until the year 5138,
# and milliseconds pass it in March 1973, before anything we trade existed.
_NS_MAX: Final = 2**63 - 1
_UNITS: Final = ((10**11, 1_000_000_000), (10**14, 1_000_000), (10**17, 1_000), (2**63, 1))


def from_numbers(values: NDArray[Any]) -> Ints | str:
    """Return numbers since 1970 as nanoseconds, or why they are no times."""
    if not len(values):
        return np.zeros(0, np.int64)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return "some of them are no numbers"
    if values.min() < 0:
        return "some are before 1970"
    unit = _unit(values.max())
    if unit is None or int(values.max()) > _NS_MAX // unit:
        return "some are out of range"
    # A first bar at 0 would be in any unit; more than that is a file that changes its unit on the way.
    if (smallest := values[values > 0]).size and _unit(smallest.min()) != unit:
        return "they change their unit on the way (seconds, milli-, micro- or nanoseconds)"
    if values.dtype.kind == "f":
        # Floats of seconds carry microseconds; finer digits are the float's own.
        finest = min(unit, 1_000)
        broken: Ints = np.rint(values * (unit // finest)).astype(np.int64)
        return broken * finest
    whole: Ints = values.astype(np.int64)
    return whole * unit


def from_texts(texts: pl.Series) -> tuple[Ints, bool] | None:
    """Return ISO 8601 texts as nanoseconds and whether they named a zone, or None if they are no such texts."""
    import polars as pl

    try:
        return from_dates(texts.str.strip_chars().str.to_datetime(time_unit="ns", strict=True))
    except pl.exceptions.PolarsError:
        return None


def from_dates(dates: pl.Series) -> tuple[Ints, bool] | None:
    """Return a column of dates as nanoseconds and whether it has a zone, or None if it is no such column."""
    import polars as pl

    if dates.dtype == pl.Date:
        dates = dates.cast(pl.Datetime("ns"))
    if not isinstance(dates.dtype, pl.Datetime) or dates.null_count():
        return None
    whole = dates.dt.epoch("ns").to_numpy()
    return whole.astype(np.int64), dates.dtype.time_zone is not None


def _unit(value: float) -> int | None:
    return next((ns for limit, ns in _UNITS if value < limit), None)
