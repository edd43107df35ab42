"""Decimals in floats: which whole number of steps a float stands for, told exactly.

counts      floats to counts of a step; says which are the nearest floats to no multiple of it
close       the same for floats that went through arithmetic, and may have lost their last digits
floats      counts of a step to floats
finest      the coarsest grid that holds all of some floats

A decimal of up to fifteen digits has a double of its own. So a double that was read from text, and is the double
nearest to a multiple of the step, was that multiple in the text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from xtrade.model.errors import NumberError
from xtrade.model.numbers import plain, product

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Flags", "Floats", "Ints", "close", "counts", "finest", "floats"]

Floats: TypeAlias = "NDArray[np.float64]"
Ints: TypeAlias = "NDArray[np.int64]"
Flags: TypeAlias = "NDArray[np.bool_]"

# Beyond fifteen digits two decimals may share a double: what is larger is read from its text, or refused.
_COUNT_MAX: Final = 10**15
# What three or four operations leave behind; at this size still a hundredth of a step.
_NOISE: Final = 2.0**-50
_CLOSE_MAX: Final = 10**13
_PLACES_MAX: Final = 18


def counts(values: Floats, step: Decimal) -> tuple[Ints, Flags]:
    """Return how many steps each float is, and which are none: off the grid, not finite, or beyond 15 digits."""
    whole, nearest, beyond = _nearest(values, step, _COUNT_MAX)
    return whole, beyond | (nearest != values)


def close(values: Floats, step: Decimal) -> tuple[Ints, Flags, Flags]:
    """As `counts`, but forgives a float's arithmetic; returns also which values were forgiven."""
    whole, nearest, beyond = _nearest(values, step, _CLOSE_MAX)
    with np.errstate(invalid="ignore"):
        apart = np.abs(nearest - values)
    wrong = beyond | ~(apart <= _NOISE * np.abs(values))
    return whole, wrong, ~wrong & (apart > 0)


def floats(whole: Ints, step: Decimal) -> Floats:
    """Return counts of a step as the doubles nearest to them; what a double cannot carry is a NumberError."""
    numerator, denominator = step.as_integer_ratio()
    if len(whole) and int(np.abs(whole).max()) * numerator > _CLOSE_MAX:
        raise NumberError(
            f"{int(np.abs(whole).max())} steps of {plain(step)} have more digits than a float carries"
        )
    return (whole * float(numerator) / float(denominator)).astype(np.float64)


def finest(values: NDArray[Any]) -> Decimal | None:
    """Return the coarsest step of which all values are multiples, or None if there is none to be seen."""
    seen = np.unique(np.abs(np.asarray(values, np.float64)))
    seen = seen[np.isfinite(seen) & (seen > 0)]
    if not len(seen):
        return None
    for places in range(_PLACES_MAX + 1):
        unit = Decimal((0, (1,), -places))
        whole, wrong, _ = close(seen, unit)
        if not wrong.any():
            return product(int(np.gcd.reduce(whole)), unit)
    return None


def _nearest(values: Floats, step: Decimal, limit: int) -> tuple[Ints, Floats, Flags]:
    """Return the nearest multiples as counts and as the doubles nearest to them, and which are out of range."""
    numerator, denominator = (float(part) for part in step.as_integer_ratio())
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint(values * denominator / numerator)
        beyond = ~(np.abs(steps) * numerator <= limit)
    steps = np.where(beyond, 0.0, steps)
    # Both are whole numbers that a double holds, so that the quotient is the double nearest to the decimal.
    return steps.astype(np.int64), steps * numerator / denominator, beyond
