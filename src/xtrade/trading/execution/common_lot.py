"""What two markets of one coin can both trade: lots in whole grains.

A grain is the largest amount of the coin of which the lots of all legs are whole multiples; everything about a pair
is counted in it. The unit is the smallest amount that both legs can trade to the last grain.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from xtrade.model.errors import UsageError
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.numbers import Number, number, plain

__all__ = ["CommonLot", "common_lot"]


class CommonLot(NamedTuple):
    """The lots of two legs, and perhaps of a third, in grains."""

    grain: Fraction
    """Base coins in a grain."""
    grains: tuple[int, ...]
    """Grains in a lot of each leg."""
    unit: int
    """Grains in the smallest amount that the first two legs can both trade exactly."""

    def of_base(self, amount: Number) -> int:
        """Return how many whole grains an amount of base coins is, rounded down."""
        coins = Fraction(number(amount)) / self.grain
        return coins.numerator // coins.denominator

    def base(self, grains: int) -> Decimal:
        """Return the base coins that so many grains are: exact, for a grain is a decimal number."""
        coins = grains * self.grain
        return Decimal(coins.numerator) / Decimal(coins.denominator)

    def text(self, grains: int, coin: str) -> str:
        """Say so many grains as a person would."""
        return f"{plain(self.base(grains))} {coin}"


def common_lot(first: Instrument, second: Instrument, *more: Instrument) -> CommonLot:
    """Return the grid that the markets have in common; a UsageError where they have none."""
    legs = (first, second, *more)
    for leg in legs:
        if leg.kind is Kind.INVERSE:
            raise UsageError(
                f"{leg.key} is an inverse contract: how many {leg.base} a lot of it is changes with the price,"
                " so it has no lot in common with another market"
            )
        if leg.base != first.base:
            raise UsageError(f"{first.key} and {leg.key} are no pair: {first.base} is not {leg.base}")
    sizes = [Fraction(leg.lot) * Fraction(leg.multiplier) for leg in legs]
    whole = lcm(*(size.denominator for size in sizes))
    counts = [int(size * whole) for size in sizes]
    grain = gcd(*counts)
    grains = tuple(count // grain for count in counts)
    return CommonLot(Fraction(grain, whole), grains, lcm(grains[0], grains[1]))
