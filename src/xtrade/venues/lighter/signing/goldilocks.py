"""Numbers below the prime p = 2^64 - 2^32 + 1, each in the one word of 64 bits that it fits in exactly.

No step here leaves the 64 bits: compiled code would drop what is over, Python would keep it, and numpy would warn.
That is why a sum is a difference from what is missing to p, and a product is put together from halves.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from xtrade.venues.lighter.signing.compiled import part

__all__ = ["ONE", "PRIME", "ZERO", "Number", "add", "multiply", "subtract"]

Number: TypeAlias = np.uint64

PRIME: Final = np.uint64(2**64 - 2**32 + 1)
ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(2**32 - 1)


@part
def add(a: Number, b: Number) -> Number:
    """Return a + b."""
    missing = PRIME - b
    return a - missing if a >= missing else a + b


@part
def subtract(a: Number, b: Number) -> Number:
    """Return a - b."""
    return a - b if a >= b else a + (PRIME - b)


@part
def multiply(a: Number, b: Number) -> Number:
    """Return a * b."""
    a_high, a_low, b_high, b_low = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
    lowest = a_low * b_low
    middle = a_low * b_high + (lowest >> _HALF)
    other = a_high * b_low + (middle & _LOW)
    high = a_high * b_high + (middle >> _HALF) + (other >> _HALF)
    low = ((other & _LOW) << _HALF) | (lowest & _LOW)
    # Of the product's four words of 32 bits, the third counts 2^64 = 2^32 - 1 and the fourth 2^96 = -1.
    fourth = high >> _HALF
    rest = low - fourth if low >= fourth else low + (PRIME - fourth)
    if rest >= PRIME:
        rest -= PRIME
    return add(rest, (high & _LOW) * _LOW)
