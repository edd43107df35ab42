"""What longs pay shorts: the rate that follows from the basis, and when it falls due.

A premium is looked at once a minute. At the end of an interval (which begins at midnight UTC, and again every
`interval_hours`) the average of the interval's premiums makes the rate; the last look is a minute before.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from xtrade.model.numbers import product
from xtrade.sim.synthetic.markets import Perpetual

__all__ = ["Premiums"]

_HOUR_NS: Final = 3_600_000_000_000
_USUAL_HOURS: Final = 8
# Venues tell rates with eight decimals.
_RATE_STEP: Final = Decimal("1e-8")


class Premiums:
    """The premiums of the running interval of one perpetual."""

    def __init__(self, terms: Perpetual, start_ns: int) -> None:
        self._terms = terms
        self.interval_ns = terms.interval_hours * _HOUR_NS
        self.next_ns = (start_ns // self.interval_ns + 1) * self.interval_ns
        """When the running interval ends."""
        self._total = 0.0
        self._count = 0

    def look(self, premium: float, now_ns: int) -> None:
        """Count one premium (as a fraction of the index) in the interval that it falls into."""
        while now_ns >= self.next_ns:
            self.next_ns += self.interval_ns
            self._total, self._count = 0.0, 0
        self._total += premium
        self._count += 1

    @property
    def rate(self) -> Decimal:
        """The rate by what was seen until now."""
        terms = self._terms
        average = self._total / self._count if self._count else 0.0
        eight_hours = average + min(max(terms.interest - average, -terms.band), terms.band)
        eight_hours = min(max(eight_hours, -terms.rate_max), terms.rate_max)
        share = terms.interval_hours / _USUAL_HOURS
        return product(round(eight_hours * share * 1e8), _RATE_STEP)
