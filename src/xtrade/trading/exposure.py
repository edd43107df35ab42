"""Exposure: what is held and what may still come, by instrument, base asset, venue and in all; spot and perps netted.

    holdings = [Holding(instrument, lots=5, price=price, buying=Waiting(2)), …]
    by_base(holdings)["BTC"].net          # a Money: exact

Holding      one instrument: what is held, and what waits on both sides
Exposure     of one asset: net now, and at its highest and lowest if everything that waits fills on one side
Valuation    what amounts are worth in one currency; what has no price is unknown, never zero
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.numbers import divided
from xtrade.trading.risk.situation import Waiting

__all__ = ["Exposure", "Holding", "Valuation", "account_of", "by_base", "currency_rates", "venue_of"]

NONE_WAITING = Waiting()


class Holding(NamedTuple):
    """One instrument: signed lots held, what waits on both sides, and a price; None while there is none."""

    instrument: Instrument
    lots: int
    price: Fraction | None = None
    """In quote currency: the mark, or the middle of the book."""
    buying: Waiting = NONE_WAITING
    selling: Waiting = NONE_WAITING

    @property
    def highest_lots(self) -> int:
        """What is held if every buy fills and no sale does; orders without lots apart."""
        return self.lots + self.buying.lots

    @property
    def lowest_lots(self) -> int:
        """What is held if every sale fills and no buy does; orders without lots apart."""
        return self.lots - self.selling.lots

    def base_atoms(self, lots: int) -> int | None:
        """Return what signed lots are in base coins; None for an inverse contract without a price."""
        instrument = self.instrument
        size = lots * Fraction(instrument.lot) * Fraction(instrument.multiplier) * ATOMS_PER_UNIT
        if instrument.kind is Kind.INVERSE:
            if self.price is None:
                return None if lots else 0
            size /= self.price
        return divided(size.numerator, size.denominator, toward="nearest")

    def quote_atoms(self, lots: int) -> int | None:
        """Return what signed lots are worth in quote currency; None without a price, where one is needed."""
        instrument = self.instrument
        size = lots * Fraction(instrument.lot) * Fraction(instrument.multiplier) * ATOMS_PER_UNIT
        if instrument.kind is not Kind.INVERSE:
            if self.price is None:
                return None if lots else 0
            size *= self.price
        return divided(size.numerator, size.denominator, toward="nearest")

    def coins_for(self, quote_atoms: int) -> int | None:
        """Return how many atoms of base coins an amount of quote currency is; None without a price."""
        if not quote_atoms:
            return 0
        if self.price is None:
            return None
        size = quote_atoms / self.price
        return divided(size.numerator, size.denominator, toward="up")


class Exposure(NamedTuple):
    """Exposure to one asset in its own coins; `highest` and `lowest` are None where a price is missing for it."""

    net: Money | None
    highest: Money | None
    lowest: Money | None


def by_base(holdings: Iterable[Holding]) -> dict[str, Exposure]:
    """Add up holdings by base asset, across venues and kinds of market, in coins."""
    sums: dict[str, list[int | None]] = {}
    for holding in holdings:
        buys = _plus(holding.base_atoms(holding.highest_lots), holding.coins_for(holding.buying.quote_atoms))
        sells = holding.coins_for(holding.selling.quote_atoms)
        lowest = _plus(holding.base_atoms(holding.lowest_lots), None if sells is None else -sells)
        parts = (holding.base_atoms(holding.lots), buys, lowest)
        before = sums.setdefault(holding.instrument.base, [0, 0, 0])
        sums[holding.instrument.base] = [_plus(a, b) for a, b in zip(before, parts, strict=True)]
    return {base: Exposure(*(_money(part, base) for part in parts)) for base, parts in sorted(sums.items())}


class Valuation:
    """What quote currencies are worth in one currency: 1 for those that count as the same, a price for others."""

    def __init__(
        self, currency: str, *, same_as: Iterable[str] = (), rates: Mapping[str, Fraction] | None = None
    ) -> None:
        self.currency = currency
        self._rates = {**(rates or {}), **dict.fromkeys(same_as, Fraction(1)), currency: Fraction(1)}

    def worth(self, atoms: int | None, currency: str) -> Money | None:
        """Return what an amount is worth; None where the amount or its rate is not known."""
        if atoms == 0:
            return Money(0, self.currency)
        rate = self._rates.get(currency)
        if atoms is None or rate is None:
            return None
        if rate == 1:
            return Money(atoms, self.currency)
        return Money(divided(atoms * rate.numerator, rate.denominator, toward="nearest"), self.currency)

    def total(self, purse: Iterable[Money]) -> Money | None:
        """Return what amounts of several currencies are worth together; None if one of them is not known."""
        found = Money(0, self.currency)
        for money in purse:
            value = self.worth(money.atoms, money.currency)
            if value is None:
                return None
            found += value
        return found


def currency_rates(
    prices: Iterable[tuple[Instrument, Fraction | None]], currency: str, same_as: Iterable[str] = ()
) -> dict[str, Fraction]:
    """Return what each base asset is worth in `currency`, from the prices of instruments quoted in it."""
    units = {currency, *same_as}
    return {
        instrument.base: price
        for instrument, price in prices
        if instrument.quote in units and instrument.base not in units and price is not None
    }


def account_of(key: str) -> str:
    """Return the account that an instrument is traded on: `okx.hedge:BTC/USDT` is on `okx.hedge`."""
    return key.partition(":")[0]


def venue_of(key: str) -> str:
    """Return the venue where an instrument is traded: `okx.hedge:BTC/USDT` is at `okx`."""
    return account_of(key).partition(".")[0]


def _plus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _money(atoms: int | None, currency: str) -> Money | None:
    return None if atoms is None else Money(atoms, currency)
