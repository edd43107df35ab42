"""What can be said of an equity curve alone: returns on an even grid, ratios of them, drawdowns.

returns         equity -> Returns: of days if there are thirty, otherwise of hours, otherwise of minutes
volatility sharpe sharpe_error sortino t_statistic      of Returns, annualised where named so
yearly          the growth of the whole run, as a year of it
deepest         the deepest drawdown: when it began, was lowest, and was made good
longest_ns      the longest time below an earlier height

A figure that cannot be had is a TooLittle, which says why: never infinity, NaN, or a wild number. A year has 365 days
of 24 hours; the rate without risk is zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from xtrade.research.marks import last_before
from xtrade.research.recording import Prices, Times

__all__ = [
    "DAY_NS",
    "YEAR_NS",
    "Drawdown",
    "Returns",
    "TooLittle",
    "deepest",
    "longest_ns",
    "returns",
    "sharpe",
    "sharpe_error",
    "sortino",
    "t_statistic",
    "volatility",
    "yearly",
]

_MINUTE_NS: Final = 60_000_000_000
_HOUR_NS: Final = 60 * _MINUTE_NS
DAY_NS: Final = 24 * _HOUR_NS
YEAR_NS: Final = 365 * DAY_NS

RETURNS_MIN: Final = 30
"""Fewer returns than this say next to nothing about their spread."""
YEARLY_MIN_NS: Final = 30 * DAY_NS
"""A growth is not raised to a power above twelve."""

_ROUNDING: Final = 1e-12
"""Sums of floats that should be equal may differ by this fraction: that is no fall."""

_GRIDS: Final = (("day", DAY_NS), ("hour", _HOUR_NS), ("minute", _MINUTE_NS))


class TooLittle(Exception):
    """The data are too few, or the figure does not exist for them; the text says why."""


@dataclass(frozen=True, eq=False)
class Returns:
    """Growth of the equity over each `grid` (day, hour or minute) since the start, as fractions."""

    grid: str
    grid_ns: int
    values: Prices

    @property
    def per_year(self) -> float:
        """How many of them a year has."""
        return YEAR_NS / self.grid_ns

    @property
    def scale(self) -> float:
        """What a ratio of mean and deviation is multiplied by to be that of a year."""
        return math.sqrt(self.per_year)


class Drawdown(NamedTuple):
    """A fall from a height: a fraction of it, and when; `end_ns` is None if it was not made good."""

    depth: float
    start_ns: int
    low_ns: int
    end_ns: int | None


def returns(times_ns: Times, equity: Prices) -> Returns:
    """Return the returns on the coarsest grid that has thirty of them, by what equity last was at each time."""
    span = int(times_ns[-1] - times_ns[0])
    for grid, grid_ns in _GRIDS:
        if span // grid_ns >= RETURNS_MIN:
            marks = times_ns[0] + grid_ns * np.arange(span // grid_ns + 1)
            heights = equity[last_before(times_ns, marks)]
            if (heights <= 0).any():
                raise TooLittle("the whole capital was lost: no returns after that")
            return Returns(grid, grid_ns, heights[1:] / heights[:-1] - 1)
    raise TooLittle(f"the run is {_span(span)} long: {RETURNS_MIN} returns of a minute are the least")


def volatility(of: Returns) -> float:
    """Return the standard deviation of the returns, annualised by the root of time."""
    return float(np.std(of.values, ddof=1)) * of.scale


def sharpe(of: Returns) -> float:
    """Return mean over standard deviation of the returns, annualised; for runs of a day and more."""
    _needs_a_day(of)
    return _mean_over(of, _deviation(of)) * of.scale


def sharpe_error(of: Returns) -> float:
    """Return the standard error of `sharpe`, as if returns were independent and normal."""
    _needs_a_day(of)
    ratio = _mean_over(of, _deviation(of))
    return math.sqrt((1 + ratio**2 / 2) / len(of.values)) * of.scale


def sortino(of: Returns) -> float:
    """Return mean over downside deviation (root of the mean squared loss, gains counting zero), annualised."""
    _needs_a_day(of)
    losses = np.minimum(of.values, 0)
    if not losses.any():
        raise TooLittle(f"no {of.grid} lost anything")
    return _mean_over(of, float(np.sqrt(np.mean(losses**2)))) * of.scale


def t_statistic(of: Returns) -> float:
    """Return the mean of the returns in units of its standard error: not annualised, so for runs of any length."""
    return _mean_over(of, _deviation(of)) * math.sqrt(len(of.values))


def yearly(growth: float, span_ns: int) -> float:
    """Return what a growth (0.1: ten percent) in a span would be in a year, compounded."""
    if span_ns < YEARLY_MIN_NS:
        raise TooLittle(f"the run is {_span(span_ns)} long: a year's return needs 30 days of it")
    if growth <= -1:
        return -1.0
    try:
        return float((1 + growth) ** (YEAR_NS / span_ns) - 1)
    except OverflowError:
        raise TooLittle("the growth is beyond any number when compounded over a year") from None


def deepest(times_ns: Times, equity: Prices) -> Drawdown | None:
    """Return the deepest fall, the earliest of equals; None if equity never fell."""
    highest = np.maximum.accumulate(equity)
    falls = 1 - equity / highest
    low = int(np.argmax(falls))
    if falls[low] <= _ROUNDING:
        return None
    height = highest[low] * (1 - _ROUNDING)
    start = int(np.nonzero(equity[: low + 1] >= height)[0][-1])
    again = np.nonzero(equity[low:] >= height)[0]
    end = int(times_ns[low + again[0]]) if len(again) else None
    return Drawdown(float(falls[low]), int(times_ns[start]), int(times_ns[low]), end)


def longest_ns(times_ns: Times, equity: Prices) -> int:
    """Return the longest time from a height until equity was there again, or until the end."""
    highest = np.maximum.accumulate(equity)
    at_height = np.nonzero(equity >= highest * (1 - _ROUNDING))[0]
    # Steps from one height to the next count where equity was lower in between.
    heights = np.append(times_ns[at_height], times_ns[-1])
    below = np.append(np.diff(at_height) > 1, at_height[-1] < len(equity) - 1)
    return int(np.max(np.diff(heights) * below, initial=0))


def _needs_a_day(of: Returns) -> None:
    span = len(of.values) * of.grid_ns
    if span < DAY_NS:
        raise TooLittle(f"the run is {_span(span)} long: less than a day is not annualised")


def _deviation(of: Returns) -> float:
    return float(np.std(of.values, ddof=1))


def _mean_over(of: Returns, deviation: float) -> float:
    mean = float(np.mean(of.values))
    # Equal returns differ by the rounding of their division; that is no risk to be paid for.
    if deviation <= 1e-12 * max(abs(mean), 1e-3):
        raise TooLittle(f"the return of each {of.grid} is the same")
    return mean / deviation


def _span(span_ns: int) -> str:
    for unit, unit_ns in (("days", DAY_NS), ("h", _HOUR_NS), ("min", _MINUTE_NS)):
        if span_ns >= unit_ns:
            return f"{span_ns / unit_ns:.3g} {unit}"
    return f"{span_ns / 1e9:.3g} s"
