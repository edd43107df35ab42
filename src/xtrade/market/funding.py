"""Funding rates on one footing: what a rate comes to in a year, whatever the venue's interval.

apr          a rate of one interval, as a simple rate of a year
Terms        what a venue says of the running period, and what it makes of it
History      what was really paid, and what that came to in a year
compared     several venues' terms, the best to hold long first
widest       the pair of venues with the largest difference

An interval is never assumed: where a venue does not tell it, and its past does not show it, there is no rate of a year,
and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from statistics import mode
from typing import Final, NamedTuple

from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.model.events import Funding

__all__ = ["YEAR_NS", "History", "Settled", "Terms", "Wide", "apr", "compared", "widest"]

YEAR_NS: Final = 365 * 86_400 * 10**9


def apr(rate: Decimal, interval_ns: int) -> float:
    """Return a rate that is paid every interval as the simple rate of a year: 0.0001 every 8 hours is 0.1095."""
    if interval_ns <= 0:
        raise DataError(f"a funding interval of {interval_ns} ns: expected one above zero")
    return float(Fraction(rate) * YEAR_NS / interval_ns)


class Terms(Struct, frozen=True, kw_only=True):
    """The running funding period of one instrument. Positive: longs pay shorts."""

    instrument: str
    rate: Decimal
    predicted: Decimal | None
    """The rate of the period after, where the venue tells one."""
    next_ns: int | None
    interval_ns: int | None
    heard_ns: int

    @classmethod
    def of(cls, event: Funding, history: History | None = None) -> Terms:
        """Take what a venue told; the interval may come from what it paid before."""
        shown = history.interval_ns if history is not None else None
        return cls(
            instrument=event.instrument,
            rate=event.rate,
            predicted=event.predicted,
            next_ns=event.next_ns,
            interval_ns=event.interval_ns if event.interval_ns is not None else shown,
            heard_ns=event.received_ns,
        )

    @property
    def apr(self) -> float | None:
        """The running rate as a rate of a year; None where nobody knows the interval."""
        return None if self.interval_ns is None else apr(self.rate, self.interval_ns)

    @property
    def predicted_apr(self) -> float | None:
        """The next rate as a rate of a year."""
        if self.predicted is None or self.interval_ns is None:
            return None
        return apr(self.predicted, self.interval_ns)

    def due_in_ns(self, now_ns: int) -> int | None:
        """Return the time until it is paid; 0 if that is past and the venue has not told the next period yet."""
        return None if self.next_ns is None else max(self.next_ns - now_ns, 0)


class Settled(NamedTuple):
    """One payment: when, and at which rate."""

    time_ns: int
    rate: Decimal


class History(Struct, frozen=True, kw_only=True):
    """What was paid on one instrument, oldest first."""

    instrument: str
    settled: tuple[Settled, ...]

    @classmethod
    def of(cls, instrument: str, payments: Iterable[Settled]) -> History:
        """Sort payments by time; the same one told twice counts once, and two rates for one time are a DataError."""
        known: dict[int, Decimal] = {}
        for time_ns, rate in payments:
            if known.setdefault(time_ns, rate) != rate:
                raise DataError(
                    f"{instrument}: two funding rates for {time_ns} ns: {known[time_ns]} and {rate}"
                )
        return cls(
            instrument=instrument,
            settled=tuple(Settled(time_ns, known[time_ns]) for time_ns in sorted(known)),
        )

    @property
    def interval_ns(self) -> int | None:
        """The usual time between payments; None with fewer than two."""
        gaps = [
            later.time_ns - earlier.time_ns
            for earlier, later in zip(self.settled, self.settled[1:], strict=False)
        ]
        return mode(gaps) if gaps else None

    def apr(self, since_ns: int, until_ns: int) -> float | None:
        """Return what was paid after `since_ns` and up to `until_ns`, as a simple rate of a year.

        None if the payments do not reach that far back, or if nothing was paid: too little was seen to say.
        """
        inside = [each.rate for each in self.settled if since_ns < each.time_ns <= until_ns]
        interval_ns = self.interval_ns
        if not inside or interval_ns is None or self.settled[0].time_ns - interval_ns > since_ns:
            return None
        return float(sum(map(Fraction, inside), Fraction()) * YEAR_NS / (until_ns - since_ns))


class Wide(NamedTuple):
    """Long where funding is lowest, short where it is highest: what that earns in a year, before costs."""

    long: Terms
    short: Terms
    apr: float


def compared(terms: Iterable[Terms]) -> list[Terms]:
    """Sort by rate of a year, the lowest (the best to hold long) first; those without one come last, by name."""
    return sorted(terms, key=lambda each: (each.apr is None, each.apr or 0.0, each.instrument))


def widest(terms: Sequence[Terms]) -> Wide | None:
    """Return the pair with the largest difference; None with fewer than two that have a rate of a year."""
    known = [(rate, each) for each in compared(terms) if (rate := each.apr) is not None]
    if len(known) < 2:
        return None
    (low, long), (high, short) = known[0], known[-1]
    return Wide(long, short, high - low)
