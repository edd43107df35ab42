"""How much a Sharpe ratio is worth, by Bailey and López de Prado.

sample                 what the formulas need of one row of returns
probabilistic_sharpe   how likely the true Sharpe ratio is above a benchmark
minimum_track_record   how many returns it takes until that likelihood is high enough
expected_maximum       the best Sharpe ratio that N tries without any skill are expected to show
independent_trials     how many independent tries a number of alike ones amounts to
luck                   the expected maximum of trials as they are

Sharpe ratios here are per return, not per year. "The Sharpe Ratio Efficient Frontier" (2012) has the probabilistic
ratio and the track record; "The Deflated Sharpe Ratio" (2014) the rest: a deflated Sharpe ratio is the probabilistic
one against the expected maximum. Both take returns as drawn one by one from one distribution; returns that trend or
revert make the figures too kind or too strict.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import e, inf, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from xtrade.research.sweep.trial import Returns

__all__ = [
    "Sample",
    "expected_maximum",
    "independent_trials",
    "luck",
    "minimum_track_record",
    "probabilistic_sharpe",
    "sample",
]

_NORMAL: Final = NormalDist()
_EULER: Final = float(np.euler_gamma)
_LEAST: Final = 3
"""Fewer returns than this have no skewness."""

# Returns that differ by rounding alone have no Sharpe ratio; dividing by such a deviation would give a wild one.
_ROUNDING: Final = 1e-12


class Sample(NamedTuple):
    """One row of returns: its Sharpe ratio per return, its shape (kurtosis 3 is normal), its length."""

    sharpe: float
    skewness: float
    kurtosis: float
    length: int


def sample(returns: Returns) -> Sample | None:
    """Measure a row of returns; None if there are too few, or if they do not vary (no trade was made)."""
    count = len(returns)
    if count < _LEAST:
        return None
    mean = float(returns.mean())
    away = returns - mean
    variance = float(away @ away) / count
    deviation = sqrt(variance)
    if deviation <= _ROUNDING * max(abs(mean), float(np.abs(returns).max())):
        return None
    scaled = away / deviation
    return Sample(
        sharpe=mean / (deviation * sqrt(count / (count - 1))),
        skewness=float((scaled**3).mean()),
        kurtosis=float((scaled**4).mean()),
        length=count,
    )


def probabilistic_sharpe(found: Sample, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark (per return, as everything here)."""
    return _NORMAL.cdf((found.sharpe - benchmark) * sqrt(found.length - 1) / sqrt(_spread(found)))


def minimum_track_record(found: Sample, benchmark: float = 0.0, *, confidence: float = 0.95) -> float:
    """Return how many returns like these it takes to be that sure; inf if the benchmark is not even reached."""
    if found.sharpe <= benchmark:
        return inf
    return 1 + _spread(found) * (_NORMAL.inv_cdf(confidence) / (found.sharpe - benchmark)) ** 2


def expected_maximum(variance: float, trials: float) -> float:
    """Return the best Sharpe ratio expected of so many independent trials whose true one is zero.

    `variance` is that of the trials' Sharpe ratios. One trial has no maximum to be lucky with: 0.
    """
    if trials <= 1:
        return 0.0
    usual = (1 - _EULER) * _NORMAL.inv_cdf(1 - 1 / trials) + _EULER * _NORMAL.inv_cdf(1 - 1 / (trials * e))
    return sqrt(variance) * max(usual, 0.0)


def independent_trials(rows: Sequence[Returns]) -> float:
    """Return how many independent trials these rows of returns amount to: r + (1 - r) n at a mean correlation r.

    Rows of unequal length cannot be compared and all count, which is the careful side.
    """
    count = len(rows)
    if count < 2 or len({len(row) for row in rows}) > 1:
        return float(count)
    # The sum of all correlations is the length of the sum of all standardised rows: no matrix of n × n is needed.
    total = np.zeros(len(rows[0]))
    for row in rows:
        away = row - row.mean()
        total += away / sqrt(float(away @ away))
    mean_correlation = (float(total @ total) - count) / (count * (count - 1))
    mean_correlation = min(max(mean_correlation, 0.0), 1.0)
    return mean_correlation + (1 - mean_correlation) * count


def luck(samples: Sequence[Sample], independent: float) -> float:
    """Return the best Sharpe ratio that these trials would be expected to show if none of them had any skill.

    The paper takes the variance of independent trials' Sharpe ratios, which is never below what sampling alone gives:
    1 / (returns - 1). Where alike trials vary less than that, either that variance goes with the independent number,
    or the smaller one with the full number, since it has the likeness in it already. Both are careful: the lower one.
    """
    count = len(samples)
    if count < 2:
        return 0.0
    variance = float(np.var([each.sharpe for each in samples], ddof=1))
    sampling = float(np.mean([1 / (each.length - 1) for each in samples]))
    if variance >= sampling:
        return expected_maximum(variance, independent)
    return min(expected_maximum(variance, count), expected_maximum(sampling, independent))


def _spread(found: Sample) -> float:
    """Return the variance of an estimated Sharpe ratio, times the number of returns less one."""
    variance = 1 - found.skewness * found.sharpe + (found.kurtosis - 1) / 4 * found.sharpe**2
    # Kurtosis is at least 1 + skewness squared, so this is (1 - s*S/2)^2 + more: never below zero but for rounding.
    return max(variance, 1e-12)
