"""What things were worth when: the mids that fills met, the mids that followed, and the rates between currencies.

scaled          ticks or lots as the prices or quantities that they stand for
known           a column of prices in which the last known one stands for the unknown ones after it
last_before     for each time, the row of the last sample at or before it
mids_at_fills   the mid of the book that each fill met
mids_later      the mid some time after each fill
fill_values     what each fill was worth in the report currency
Rates           what a currency is worth in the report currency
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from xtrade.model.errors import ConfigError
from xtrade.model.money import ATOMS_PER_UNIT
from xtrade.research.recording import FillRow, Prices, Recording, Times

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Rates", "fill_values", "known", "last_before", "mids_at_fills", "mids_later", "scaled"]


def scaled(counts: ArrayLike, steps: Sequence[Decimal]) -> Prices:
    """Return each count times its step as the nearest float: 3 steps of 0.1 are 0.3."""
    ratio_of = {step: step.as_integer_ratio() for step in set(steps)}
    ratios = np.array([ratio_of[step] for step in steps], float).reshape(-1, 2)
    return np.asarray(np.asarray(counts, float) * ratios[:, 0] / ratios[:, 1])


def known(prices: Prices) -> Prices:
    """Return the prices with the last known one wherever one is NaN; NaN stays before the first."""
    rows = np.where(np.isfinite(prices), np.arange(len(prices)), -1)
    latest = np.maximum.accumulate(rows) if len(rows) else rows
    return np.asarray(np.where(latest < 0, np.nan, prices[np.maximum(latest, 0)]))


def last_before(times_ns: Times, asked_ns: Times) -> NDArray[np.int64]:
    """Return, for each time asked for, the row of the last of `times_ns` that is not after it; -1 if there is none."""
    return np.asarray(np.searchsorted(times_ns, asked_ns, side="right") - 1, np.int64)


def mids_at_fills(recording: Recording, instrument: str, fills: Sequence[FillRow]) -> Prices:
    """Return the mids that fills on one instrument met: as recorded, or else the last sampled before; NaN if unknown.

    A sample at the very time of a fill may show already what the fill, and those that came with it, left of the book.
    """
    recorded = np.array([np.nan if row.mid_at_fill is None else row.mid_at_fill for row in fills], float)
    if not np.isnan(recorded).any():
        return recorded
    happened = np.array([row.venue_ns for row in fills], np.int64)
    sampled = _taken(
        known(recording.samples.mid(instrument)), last_before(recording.samples.times_ns, happened - 1)
    )
    return np.asarray(np.where(np.isnan(recorded), sampled, recorded))


def mids_later(recording: Recording, instrument: str, fills: Sequence[FillRow], after_ns: int) -> Prices:
    """Return the mids so long after fills on one instrument.

    NaN where the samples do not say: those that end before, and those too coarse to have one between the two times.
    """
    times = recording.samples.times_ns
    happened = np.array([row.venue_ns for row in fills], np.int64)
    then = happened + after_ns
    rows = last_before(times, then)
    mids = recording.samples.mid(instrument)
    fresh = np.where(np.isfinite(mids), times, np.iinfo(np.int64).min)
    fresh = np.maximum.accumulate(fresh) if len(fresh) else fresh
    told = np.zeros(len(fills), bool)
    inside = rows >= 0
    told[inside] = (fresh[rows[inside]] > happened[inside]) & (then[inside] <= times[-1])
    return np.asarray(np.where(told, _taken(known(mids), rows), np.nan))


def fill_values(recording: Recording, rates: Rates) -> Prices:
    """Return what each fill of a recording was worth in the report currency when it was booked, unsigned."""
    values = np.empty(len(recording.fills))
    places: dict[str, list[int]] = {}
    for place, row in enumerate(recording.fills):
        market = recording.instrument(row.instrument, row.instrument_version)
        values[place] = abs(market.value(ticks=row.fill.ticks, lots=row.fill.lots)) / ATOMS_PER_UNIT
        places.setdefault(market.settle, []).append(place)
    booked = np.array([row.received_ns for row in recording.fills], np.int64)
    for currency, some in places.items():
        values[some] *= rates.at(currency, booked[some])
    return values


class Rates:
    """What currencies are worth in the report currency, by the markets of the run that quote one in the other."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._times = recording.samples.times_ns
        self._sampled: dict[str, Prices] = {}

    def at(self, currency: str, times_ns: Times) -> Prices:
        """Return the rate at each time: the last that was known or, before all of them, the first."""
        if currency == self._recording.capital.currency or currency in self._recording.same_as:
            return np.ones(len(times_ns))
        rates = self._sampled.get(currency)
        if rates is None:
            rates = self._sampled[currency] = self._samples_of(currency)
        return np.asarray(rates[np.maximum(last_before(self._times, times_ns), 0)])

    def _samples_of(self, currency: str) -> Prices:
        """Return the rate at each sample, by the first market that has a price at all."""
        report = self._recording.capital.currency
        for key in sorted(self._recording.instruments):
            market = self._recording.instruments[key][-1]
            if {market.base, market.quote} != {currency, report}:
                continue
            mids = known(self._recording.samples.mid(key))
            priced = np.isfinite(mids)
            if priced.any():
                rates = np.where(priced, mids, mids[int(np.argmax(priced))])
                return np.asarray(rates if market.base == currency else 1 / rates)
        raise ConfigError(
            f"amounts in {currency} cannot be shown in {report}: this run has no price of {currency}/{report}."
            f" Add a market that quotes it to the data, or give the capital in {currency}"
        )


def _taken(column: Prices, rows: NDArray[np.int64]) -> Prices:
    """Return the column at some rows; NaN at row -1."""
    if not len(column):
        return np.full(len(rows), np.nan)
    return np.asarray(np.where(rows < 0, np.nan, column[np.maximum(rows, 0)]))
