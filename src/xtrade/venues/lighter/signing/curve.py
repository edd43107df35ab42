"""The group ecGFp5: points of the curve y^2 = x (x^2 + 2 x + 263 z), written as one element, w = y / x.

Inside a point is four elements (X, Z, U, T) with x = X / Z and x / y = U / T, so that the sum of any two points,
equal or opposite ones too, is the same ten products and no division.

combine   the sum of two multiples: a number times the generator plus a number times a given point
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xtrade.venues.lighter.signing import goldilocks, quintic
from xtrade.venues.lighter.signing.compiled import kernel, part
from xtrade.venues.lighter.signing.goldilocks import ONE, ZERO
from xtrade.venues.lighter.signing.quintic import Element, Words

__all__ = ["ORDER", "Point", "combine"]

Point: TypeAlias = tuple[Element, Element, Element, Element]

ORDER: Final = (
    1067993516717146951041484916571792702745057740581727230159139685185762082554198619328292418486241
)
"""How many points there are: multiples are counted modulo this prime."""

_ZERO: Final = (ZERO, ZERO, ZERO, ZERO, ZERO)
_ONE: Final = (ONE, ZERO, ZERO, ZERO, ZERO)
_TWO: Final = (np.uint64(2), ZERO, ZERO, ZERO, ZERO)
_FOUR: Final = (np.uint64(4), ZERO, ZERO, ZERO, ZERO)
_263: Final = np.uint64(263)
_THREE_TIMES_263: Final = np.uint64(3 * 263)
_FOUR_TIMES_263_Z: Final = (ZERO, np.uint64(4 * 263), ZERO, ZERO, ZERO)
_NEUTRAL: Final = (_ZERO, _ONE, _ZERO, _ONE)


@kernel
def combine(multiples: NDArray[np.uint64], given: Words, sum_of_both: Words) -> bool:
    """Put multiples[0] times the generator plus multiples[1] times the given point into the last argument.

    False, and nothing done, if `given` is no point. All multiples take the same steps and the same time.
    """
    here = (given[0], given[1], given[2], given[3], given[4])
    known, point = _decode(here)
    if not known:
        return False
    _, generator = _decode(_FOUR)
    choices = (_NEUTRAL, generator, point, _add(generator, point))
    result = _NEUTRAL
    for bit in range(319, -1, -1):
        word, shift = bit // 64, np.uint64(bit % 64)
        first = (multiples[0, word] >> shift) & ONE
        second = (multiples[1, word] >> shift) & ONE
        result = _add(result, result)
        result = _add(result, choices[int(first + second + second)])
    encoded = _encode(result)
    for place in range(5):
        sum_of_both[place] = encoded[place]
    return True


@part
def _add(one: Point, two: Point) -> Point:
    """Return the sum, of the same point twice as well."""
    x1, z1, u1, t1 = one
    x2, z2, u2, t2 = two
    xx = quintic.multiply(x1, x2)
    zz = quintic.multiply(z1, z2)
    uu = quintic.multiply(u1, u2)
    tt = quintic.multiply(t1, t2)
    xz = quintic.subtract(quintic.multiply(quintic.add(x1, z1), quintic.add(x2, z2)), quintic.add(xx, zz))
    ut = quintic.subtract(quintic.multiply(quintic.add(u1, t1), quintic.add(u2, t2)), quintic.add(uu, tt))
    b_zz = _times_263_z(zz)
    plus = quintic.add(xx, b_zz)
    above = quintic.multiply(tt, plus)
    double = quintic.add(_times_263_z(xz), plus)
    below = quintic.multiply(uu, quintic.add(double, double))
    cross = quintic.multiply(quintic.add(tt, quintic.add(uu, uu)), quintic.add(xz, plus))
    return (
        _times_263_z(quintic.subtract(cross, above)),
        quintic.subtract(above, below),
        quintic.multiply(ut, quintic.subtract(b_zz, xx)),
        quintic.add(above, below),
    )


@part
def _times_263_z(a: Element) -> Element:
    return (
        goldilocks.multiply(a[4], _THREE_TIMES_263),
        goldilocks.multiply(a[0], _263),
        goldilocks.multiply(a[1], _263),
        goldilocks.multiply(a[2], _263),
        goldilocks.multiply(a[3], _263),
    )


@part
def _encode(point: Point) -> Element:
    return quintic.multiply(point[3], quintic.inverse(point[2]))


@part
def _decode(w: Element) -> tuple[bool, Point]:
    """Return whether there is a point written so, and the point."""
    if quintic.is_zero(w):
        return True, _NEUTRAL
    # y = w x: what is left of the curve's equation is x^2 - (w^2 - 2) x + 263 z = 0.
    sum_of_roots = quintic.subtract(quintic.multiply(w, w), _TWO)
    discriminant = quintic.subtract(quintic.multiply(sum_of_roots, sum_of_roots), _FOUR_TIMES_263_Z)
    difference = quintic.square_root(discriminant)
    if not quintic.equal(quintic.multiply(difference, difference), discriminant):
        return False, _NEUTRAL
    x = quintic.half(quintic.add(sum_of_roots, difference))
    # The points of the group are those whose x is no square.
    if quintic.is_square(x):
        x = quintic.subtract(x, difference)
    return True, (x, _ONE, _ONE, w)
