"""What a run earned, booked exactly and looked at over time.

account        a recording -> Accounts
Accounts       equity and its parts at each sample, in the report currency (that of the capital)
Ledger         one strategy on one instrument: booked exactly, and worth what at each sample and booking

What is booked (fills, fees, funding) is exact: `Position` counts atoms. What is sampled (worth at a mid, worth in
another currency) is floats over whole columns. The profit of a ledger is split in four that add up to it:

spread      what fills earned against the mid they met
inventory   what the mid earned while something was held
fees        paid
funding     received

An amount in another currency is worth what it would bring now: like a balance, it is revalued as its price moves.
Until a market has a price, what is held of it counts at its cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.positions import Position
from xtrade.research.marks import Rates, known, last_before, mids_at_fills, scaled
from xtrade.research.recording import FillRow, FundingRow, Prices, Recording, Times

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PARTS", "Accounts", "Booking", "Ledger", "account"]

PARTS: Final = ("realised", "unrealised", "fees", "funding", "spread", "inventory")
"""The columns of money of a ledger and of the equity."""

Booking: TypeAlias = FillRow | FundingRow
"""What changes an account."""


def account(recording: Recording) -> Accounts:
    """Book what a run left behind; a ConfigError says which price is missing to show it in one currency."""
    rates = Rates(recording)
    bookings: dict[tuple[str, str], list[Booking]] = {}
    for booking in _in_order(recording):
        bookings.setdefault((booking.strategy, booking.instrument), []).append(booking)
    times = _times(recording)
    ledgers = tuple(
        Ledger(recording, rates, strategy, instrument, bookings[strategy, instrument], times)
        for strategy, instrument in sorted(bookings)
    )
    return Accounts(recording.capital, times, ledgers)


@dataclass(frozen=True, eq=False)
class Accounts:
    """What all strategies together had, at each sample and at both ends of the run."""

    capital: Money
    times_ns: Times
    ledgers: tuple[Ledger, ...]

    @cached_property
    def columns(self) -> Mapping[str, Prices]:
        """The columns of the table `equity`, but for its times."""
        start = float(self.capital.amount)
        sums = {part: np.zeros(len(self.times_ns)) for part in (*PARTS, "gross_exposure", "net_exposure")}
        for ledger in self.ledgers:
            for part in PARTS:
                sums[part] += ledger.sampled[part]
            sums["gross_exposure"] += np.abs(ledger.sampled["exposure"])
            sums["net_exposure"] += ledger.sampled["exposure"]
        equity = start + sums["realised"] + sums["unrealised"] - sums["fees"] + sums["funding"]
        highest = np.maximum(np.maximum.accumulate(equity), start)
        return {"equity": equity, **sums, "drawdown": 1 - equity / highest}


class Ledger:
    """One strategy on one instrument: what was booked, and what it was worth.

    The columns `lots`, `realised` (in the settlement currency) and `fees`, `funding` (by currency) are sums so far,
    one row for each of `bookings`; `position` is the exact end of them.
    """

    def __init__(
        self,
        recording: Recording,
        rates: Rates,
        strategy: str,
        instrument: str,
        bookings: Sequence[Booking],
        times_ns: Times,
    ) -> None:
        self.strategy = strategy
        self.instrument = instrument
        self.bookings = bookings
        self.rates = rates
        self.times_ns = times_ns
        self.booked_ns = np.array([_when(booking) for booking in bookings], np.int64)
        states = list(_booked(recording, instrument, bookings))
        markets = [market for market, _ in states]
        self.market, self.position = states[-1]
        self.lots = np.array([position.lots for _, position in states], np.int64)
        self.quantities = scaled(self.lots, [market.lot for market in markets])
        self.realised = _amounts(position.realised for _, position in states)
        self.fees = _purses([position.fees for _, position in states])
        self.funding = _purses([position.funding for _, position in states])
        self._costs = _amounts(position.cost for _, position in states)
        self._sizes = self.quantities * [float(market.multiplier) for market in markets]
        self._fill_mids, self._spreads = self._met(recording, markets)
        self._mids = known(recording.samples.mid(instrument))
        self._mid_times = recording.samples.times_ns

    @cached_property
    def sampled(self) -> Mapping[str, Prices]:
        """The figures at each sample, and `exposure`: what is held, signed."""
        return self._figures(self.times_ns, last_before(self.booked_ns, self.times_ns))

    @cached_property
    def rows(self) -> Mapping[str, Prices | Times]:
        """The columns of the table `positions`, but for the names: bookings, and samples that change something."""
        samples = self.times_ns[self.times_ns >= self.booked_ns[0]]
        order = np.argsort(np.concatenate([self.booked_ns, samples]), kind="stable")
        times = np.concatenate([self.booked_ns, samples])[order]
        is_booking = order < len(self.booked_ns)
        state = np.maximum.accumulate(np.where(is_booking, order, 0))
        marks = np.where(is_booking, self._fill_mids[state], np.nan)
        figures = self._figures(times, state, marks)
        keep = is_booking.copy()
        for part in PARTS:
            keep[1:] |= np.diff(figures[part]) != 0
        columns: dict[str, Prices | Times] = {
            "time_ns": times,
            "lots": self.lots[state],
            "quantity": self.quantities[state],
            "entry_price": self._entries[state],
            "mark_price": figures["mark"],
            **{part: figures[part] for part in PARTS},
        }
        return {name: column[keep] for name, column in columns.items()}

    @property
    def _entries(self) -> Prices:
        flat = self.lots == 0
        sizes, costs = np.where(flat, 1.0, self._sizes), np.where(flat, 1.0, self._costs)
        entries = -sizes / costs if self.market.kind is Kind.INVERSE else costs / sizes
        return np.asarray(np.where(flat, np.nan, entries))

    def _figures(
        self, times_ns: Times, state: NDArray[np.int64], marks: Prices | None = None
    ) -> dict[str, Prices]:
        """Return what the ledger was worth at some times, after the booking of each (-1: before the first).

        `marks` are better known there than by the samples; NaN where they are not.
        """
        rows = last_before(self._mid_times, times_ns)
        mark = np.full(len(times_ns), np.nan)
        mark[rows >= 0] = self._mids[rows[rows >= 0]]
        if marks is not None:
            mark = np.where(np.isnan(marks), mark, marks)
        sizes, costs = _at(self._sizes, state), _at(self._costs, state)
        worth = np.where(np.isnan(mark), costs, self._value(sizes, np.where(np.isnan(mark), 1.0, mark)))
        settle = self.rates.at(self.market.settle, times_ns)
        realised, spread = _at(self.realised, state), _at(self._spreads, state)
        return {
            "mark": mark,
            "realised": realised * settle,
            "unrealised": (worth - costs) * settle,
            "fees": self._in_report_currency(self.fees, times_ns, state),
            "funding": self._in_report_currency(self.funding, times_ns, state),
            "spread": spread * settle,
            "inventory": (realised + worth - costs - spread) * settle,
            "exposure": np.copysign(worth, sizes) * settle,
        }

    def _in_report_currency(
        self, purse: Mapping[str, Prices], times_ns: Times, state: NDArray[np.int64]
    ) -> Prices:
        total = np.zeros(len(times_ns))
        for currency, amounts in purse.items():
            total += _at(amounts, state) * self.rates.at(currency, times_ns)
        return total

    def _met(self, recording: Recording, markets: Sequence[Instrument]) -> tuple[Prices, Prices]:
        """Return the mid that each fill met, and what fills had earned so far against mids that are known."""
        rows = [row for row, booking in enumerate(self.bookings) if isinstance(booking, FillRow)]
        fills = [booking for booking in self.bookings if isinstance(booking, FillRow)]
        mids, earned = np.full(len(self.bookings), np.nan), np.zeros(len(self.bookings))
        if fills:
            met = mids_at_fills(recording, self.instrument, fills)
            at = [markets[row] for row in rows]
            prices = scaled([fill.fill.ticks for fill in fills], [market.tick for market in at])
            sizes = scaled([fill.fill.signed_lots for fill in fills], [market.lot for market in at])
            sizes *= [float(market.multiplier) for market in at]
            mids[rows] = met
            unknown = np.isnan(met)
            earned[rows] = self._value(sizes, np.where(unknown, prices, met)) - self._value(sizes, prices)
        return mids, np.cumsum(earned)

    def _value(self, sizes: Prices, price: Prices) -> Prices:
        """Return what base coins, or the face of inverse contracts, are worth in the settlement currency."""
        return -sizes / price if self.market.kind is Kind.INVERSE else sizes * price


def _in_order(recording: Recording) -> list[Booking]:
    bookings: list[Booking] = [*recording.fills, *recording.funding]
    bookings.sort(key=_when)
    return bookings


def _when(booking: Booking) -> int:
    return booking.received_ns if isinstance(booking, FillRow) else booking.time_ns


def _times(recording: Recording) -> Times:
    """Return the times of the samples, with a start before all bookings, and with an end after them."""
    times = recording.samples.times_ns
    bookings = _in_order(recording)
    start = min([recording.start_ns, *(_when(first) - 1 for first in bookings[:1])])
    end = max([recording.end_ns, *(_when(last) for last in bookings[-1:])])
    before = [start] if not len(times) or start < times[0] else []
    after = [end] if end > (times[-1] if len(times) else start) else []
    return np.concatenate([np.array(before, np.int64), times, np.array(after, np.int64)])


def _booked(
    recording: Recording, instrument: str, bookings: Sequence[Booking]
) -> Iterator[tuple[Instrument, Position]]:
    """Yield the exact position after each booking, with the version of the instrument that its lots are of."""
    versions = {market.version: market for market in recording.instruments.get(instrument, ())}
    market: Instrument | None = None
    position: Position | None = None
    for booking in bookings:
        version = booking.instrument_version if isinstance(booking, FillRow) else None
        if market is None or position is None:
            market = recording.instrument(instrument, version or min(versions, default=1))
            position = Position.flat(market)
        elif version is not None and version != market.version:
            now = recording.instrument(instrument, version)
            position, market = position.regridded(market, now), now
        if isinstance(booking, FillRow):
            position = position.after_fill(market, booking.fill)
        else:
            position = position.after_funding(booking.amount)
        yield market, position


def _amounts(moneys: Iterable[Money]) -> Prices:
    # Dividing integers rounds once, however many digits they have.
    return np.array([money.atoms / ATOMS_PER_UNIT for money in moneys], np.float64)


def _purses(purses: Sequence[tuple[Money, ...]]) -> dict[str, Prices]:
    """Return a column for each currency of a purse that fills."""
    columns: dict[str, Prices] = {}
    for row, purse in enumerate(purses):
        for money in purse:
            column = columns.setdefault(money.currency, np.zeros(len(purses)))
            column[row] = money.atoms / ATOMS_PER_UNIT
    return columns


def _at(column: Prices, state: NDArray[np.int64]) -> Prices:
    """Return sums so far after some bookings; nothing before the first."""
    return np.asarray(np.where(state < 0, 0.0, column[np.maximum(state, 0)]))
