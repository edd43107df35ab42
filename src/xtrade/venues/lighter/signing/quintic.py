"""The field of p^5 elements: sums of five powers of z with numbers below p before them, where z^5 = 3.

An element is a tuple of its five numbers, the lowest power first; outside of this room it is 40 bytes, each number
in eight, little-endian.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xtrade.venues.lighter.signing import goldilocks
from xtrade.venues.lighter.signing.compiled import part
from xtrade.venues.lighter.signing.goldilocks import ONE, PRIME, ZERO, Number

__all__ = [
    "Element",
    "Words",
    "add",
    "equal",
    "half",
    "inverse",
    "is_square",
    "is_zero",
    "multiply",
    "power",
    "square_root",
    "subtract",
    "words",
]

Element: TypeAlias = tuple[Number, Number, Number, Number, Number]
Words: TypeAlias = NDArray[np.uint64]


def words(number: int) -> Words:
    """Write a number of up to 320 bits as five words, the lowest first."""
    return np.frombuffer(number.to_bytes(40, "little"), dtype="<u8").astype(np.uint64)


_HALF: Final = np.uint64((int(PRIME) + 1) // 2)

# Of the p^5 - 1 elements that are not zero, each is a power of one of them: 2^32 times an odd count. What is raised to
# the odd part has an order that is a power of two, and such elements are plain numbers (all coordinates but the first
# are zero): roots are looked for among those. 7 is no square.
_TWOS: Final = 32
_ODD: Final = (int(PRIME) ** 5 - 1) >> _TWOS
_ODD_HALVED: Final = words(_ODD // 2)
_OF_ORDER_2_32: Final = np.uint64(pow(7, _ODD, int(PRIME)))
_INVERTING: Final = words(int(PRIME) ** 5 - 2)


@part
def add(a: Element, b: Element) -> Element:
    """Return a + b."""
    return (
        goldilocks.add(a[0], b[0]),
        goldilocks.add(a[1], b[1]),
        goldilocks.add(a[2], b[2]),
        goldilocks.add(a[3], b[3]),
        goldilocks.add(a[4], b[4]),
    )


@part
def subtract(a: Element, b: Element) -> Element:
    """Return a - b."""
    return (
        goldilocks.subtract(a[0], b[0]),
        goldilocks.subtract(a[1], b[1]),
        goldilocks.subtract(a[2], b[2]),
        goldilocks.subtract(a[3], b[3]),
        goldilocks.subtract(a[4], b[4]),
    )


@part
def _five_products(a: Element, b0: Number, b1: Number, b2: Number, b3: Number, b4: Number) -> Number:
    total = goldilocks.add(goldilocks.multiply(a[0], b0), goldilocks.multiply(a[1], b1))
    total = goldilocks.add(total, goldilocks.multiply(a[2], b2))
    return goldilocks.add(total, goldilocks.add(goldilocks.multiply(a[3], b3), goldilocks.multiply(a[4], b4)))


@part
def _tripled(a: Number) -> Number:
    return goldilocks.add(a, goldilocks.add(a, a))


@part
def multiply(a: Element, b: Element) -> Element:
    """Return a * b."""
    # What is carried over z^5 counts three times.
    t1, t2, t3, t4 = _tripled(b[1]), _tripled(b[2]), _tripled(b[3]), _tripled(b[4])
    return (
        _five_products(a, b[0], t4, t3, t2, t1),
        _five_products(a, b[1], b[0], t4, t3, t2),
        _five_products(a, b[2], b[1], b[0], t4, t3),
        _five_products(a, b[3], b[2], b[1], b[0], t4),
        _five_products(a, b[4], b[3], b[2], b[1], b[0]),
    )


@part
def half(a: Element) -> Element:
    """Return the element whose double is a."""
    return (
        goldilocks.multiply(a[0], _HALF),
        goldilocks.multiply(a[1], _HALF),
        goldilocks.multiply(a[2], _HALF),
        goldilocks.multiply(a[3], _HALF),
        goldilocks.multiply(a[4], _HALF),
    )


@part
def equal(a: Element, b: Element) -> bool:
    """Are they the same? (A number below p is written in one way only.)"""
    return bool(a[0] == b[0] and a[1] == b[1] and a[2] == b[2] and a[3] == b[3] and a[4] == b[4])


@part
def is_zero(a: Element) -> bool:
    """Is it the neutral element of addition?"""
    return equal(a, (ZERO, ZERO, ZERO, ZERO, ZERO))


@part
def power(a: Element, exponent: Words) -> Element:
    """Return a to a power of up to 320 bits, which is no secret."""
    result = (ONE, ZERO, ZERO, ZERO, ZERO)
    for bit in range(319, -1, -1):
        result = multiply(result, result)
        if (exponent[bit // 64] >> np.uint64(bit % 64)) & ONE:
            result = multiply(result, a)
    return result


@part
def inverse(a: Element) -> Element:
    """Return 1 / a, and zero for zero."""
    return power(a, _INVERTING)


@part
def is_square(a: Element) -> bool:
    """Is it the square of some element?"""
    halved = power(a, _ODD_HALVED)
    residue = multiply(multiply(halved, halved), a)[0]
    for _ in range(_TWOS - 1):
        residue = goldilocks.multiply(residue, residue)
    return bool(residue != PRIME - ONE)


@part
def square_root(a: Element) -> Element:
    """Return an element whose square is `a`; if there is none, one whose square is something else."""
    halved = power(a, _ODD_HALVED)
    root = multiply(halved, a)
    residue = multiply(root, halved)[0]
    step, order = _OF_ORDER_2_32, _TWOS
    # Tonelli and Shanks: root^2 = residue * a, and each turn halves the order of the residue at least.
    while residue > ONE:
        squared, needed = residue, 0
        while squared != ONE and needed < order:
            squared = goldilocks.multiply(squared, squared)
            needed += 1
        if needed == order:
            return root
        for _ in range(order - needed - 1):
            step = goldilocks.multiply(step, step)
        root = multiply(root, (step, ZERO, ZERO, ZERO, ZERO))
        step = goldilocks.multiply(step, step)
        residue = goldilocks.multiply(residue, step)
        order = needed
    return root
