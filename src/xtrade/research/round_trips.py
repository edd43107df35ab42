"""Round trips: what a trader calls a trade, from flat to flat.

round_trips    the trades of a ledger that ended
RoundTrip      one of them

A fill that flips the position ends one trade and begins the next; each bears the part of its fee that its lots bear.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from xtrade.research.accounting import Ledger
from xtrade.research.recording import FillRow, Prices

__all__ = ["RoundTrip", "round_trips"]


class RoundTrip(Struct, frozen=True, kw_only=True):
    """One trade from flat to flat. Amounts are in the report currency, at the rates of the moments they were booked.

    `profit` is before fees (paid) and funding (received); `lots` is the most that was held.
    """

    strategy: str
    instrument: str
    side: str
    opened_ns: int
    closed_ns: int
    fills: int
    lots: int
    profit: float
    fees: float
    funding: float

    @property
    def net(self) -> float:
        """What the trade left after fees and funding."""
        return self.profit - self.fees + self.funding


def round_trips(ledger: Ledger) -> list[RoundTrip]:
    """Return the trades of a ledger that ended, in order; what is still open at the end is none yet."""
    booked_ns, lots = ledger.booked_ns, ledger.lots
    earned = np.diff(ledger.realised, prepend=0.0) * ledger.rates.at(ledger.market.settle, booked_ns)
    fees, funding = _of_each(ledger, "fees"), _of_each(ledger, "funding")
    is_fill = np.array([isinstance(booking, FillRow) for booking in ledger.bookings])
    trips: list[RoundTrip] = []
    first, opening_fee, before = 0, 0.0, 0
    for at, booking in enumerate(ledger.bookings):
        held = int(lots[at])
        if before and before * held <= 0 and isinstance(booking, FillRow):
            next_fee = float(fees[at]) * abs(held) / booking.fill.lots
            trips.append(
                RoundTrip(
                    strategy=ledger.strategy,
                    instrument=ledger.instrument,
                    side="long" if before > 0 else "short",
                    opened_ns=int(booked_ns[first]),
                    closed_ns=int(booked_ns[at]),
                    fills=int(is_fill[first : at + 1].sum()),
                    lots=int(np.abs(lots[first:at]).max()),
                    profit=float(earned[first + 1 : at + 1].sum()),
                    fees=opening_fee + float(fees[first + 1 : at + 1].sum()) - next_fee,
                    funding=float(funding[first : at + 1].sum()),
                )
            )
            first, opening_fee = at, next_fee
        elif held and not before:
            first, opening_fee = at, float(fees[at])
        before = held
    return trips


def _of_each(ledger: Ledger, part: str) -> Prices:
    """Return what each booking added, in the report currency."""
    total = np.zeros(len(ledger.bookings))
    for currency, so_far in (ledger.fees if part == "fees" else ledger.funding).items():
        total += np.diff(so_far, prepend=0.0) * ledger.rates.at(currency, ledger.booked_ns)
    return total
