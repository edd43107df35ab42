"""Exponentials and logarithms that are the same on every machine.

The C library's and numpy's differ in the last bit from one machine to the next, and one bit decides, a million
events later, which order came first. These are made of additions and multiplications alone, whose every bit IEEE 754
prescribes, and are right to about one unit in the last place.
"""

from __future__ import annotations

import math
from typing import Final

from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import Reals

__all__ = ["exp_each", "exp_of", "log_each", "log_of"]

# ln 2 in two parts: the first has few enough bits that its multiples are exact.
_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_LOG2_E: Final = 1.4426950408889634
_SQRT_HALF: Final = 0.7071067811865476
# Taylor's series to the 13th power, which is enough for |x| < 0.35; and that of the inverse hyperbolic tangent.
_TAYLOR: Final = tuple(1.0 / math.factorial(power) for power in range(13, -1, -1))
_ODD: Final = tuple(1.0 / odd for odd in range(21, 0, -2))


@kernel
def exp_of(x: float) -> float:
    """Return e to the power of x, for any x that a market has use for (|x| < 700)."""
    twos = math.floor(x * _LOG2_E + 0.5)
    r = (x - twos * _LN2_HIGH) - twos * _LN2_LOW
    total = 0.0
    for coefficient in _TAYLOR:
        total = total * r + coefficient
    return math.ldexp(total, int(twos))


@kernel
def log_of(x: float) -> float:
    """Return the natural logarithm of x > 0."""
    fraction, twos = math.frexp(x)
    if fraction < _SQRT_HALF:
        fraction *= 2.0
        twos -= 1
    t = (fraction - 1.0) / (fraction + 1.0)
    square = t * t
    total = 0.0
    for coefficient in _ODD:
        total = total * square + coefficient
    return twos * _LN2_HIGH + (2.0 * t * total + twos * _LN2_LOW)


@kernel
def exp_each(values: Reals) -> None:
    """Put e to its power in the place of each value."""
    for at in range(len(values)):
        values[at] = exp_of(values[at])


@kernel
def log_each(values: Reals) -> None:
    """Put its natural logarithm in the place of each value."""
    for at in range(len(values)):
        values[at] = log_of(values[at])
