"""Instruments: what is traded, on which grid, and what a number of ticks and lots is worth.

A price is a whole number of ticks and a quantity a whole number of lots of one Instrument, which alone converts:

ticks, price          a price <-> ticks, with the tick table where the step changes with the price
lots, quantity        a quantity (coins on spot, contracts elsewhere) <-> lots
lots_of_base          base coins -> lots: the one conversion that knows the contract multiplier
lots_worth            an amount of quote currency -> lots
value                 what (ticks, lots) add to an account in the settlement currency, in atoms: the sum that all
                      profit is made of
notional, base        the same trade in quote currency, and in base coins
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct

from xtrade.model.errors import NumberError
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.numbers import (
    COUNT_MAX,
    Number,
    Toward,
    divided,
    number,
    plain,
    product,
    require_sane,
    signal,
    steps,
)
from xtrade.model.once import once
from xtrade.model.sides import Side

__all__ = ["Instrument", "Kind", "PriceToward", "TickBand", "TradingStatus", "instrument_key", "regrid"]

PriceToward: TypeAlias = Toward | Literal["passive", "aggressive"]
"""How to round a price: as any number, or away from the market (passive) or into it (aggressive) for a side."""


class Kind(StrEnum):
    """How a market settles: coins against coins, or a contract paid in quote (linear) or in base (inverse)."""

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


class TradingStatus(StrEnum):
    """What a venue lets one do on an instrument right now."""

    TRADING = "trading"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    HALTED = "halted"
    CLOSED = "closed"


class TickBand(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a tick table: from this price up, prices are multiples of this tick."""

    from_price: Decimal
    tick: Decimal

    def __post_init__(self) -> None:
        require_sane(self.from_price, self.tick)


class Instrument(Struct, frozen=True, kw_only=True, dict=True):
    """One market of one venue, as its metadata describes it at one `version`.

    `multiplier` is what one unit of quantity stands for: base coins on linear contracts (0.01 BTC a contract), quote
    currency on inverse ones (100 USD a contract), 1 on spot and wherever quantities are coins already. `tick` is the
    finest price step; where the step grows with the price, `tick_bands` says from which price on.
    """

    venue: str
    symbol: str
    native: str
    kind: Kind
    base: str
    quote: str
    settle: str
    tick: Decimal
    lot: Decimal
    multiplier: Decimal = Decimal(1)
    tick_bands: tuple[TickBand, ...] = ()
    min_lots: int = 1
    max_lots: int = COUNT_MAX
    max_market_lots: int = COUNT_MAX
    min_notional: Decimal = Decimal(0)
    maker_fee: Decimal = Decimal(0)
    taker_fee: Decimal = Decimal(0)
    expiry_ns: int | None = None
    status: TradingStatus = TradingStatus.TRADING
    version: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.kind, Kind):
            raise TypeError(f"{self.key}: kind = {self.kind!r}: expected a Kind")
        for name in ("tick", "lot", "multiplier", "min_notional", "maker_fee", "taker_fee"):
            value = getattr(self, name)
            if not isinstance(value, Decimal):
                raise TypeError(f"{self.key}: {name} = {value!r}: expected a Decimal")
            require_sane(value)
        for name in ("tick", "lot", "multiplier"):
            if (value := getattr(self, name)) <= 0:
                raise NumberError(f"{self.key}: {name} = {plain(value)}: expected a number above zero")
        if self.min_notional < 0:
            raise NumberError(f"{self.key}: min_notional = {plain(self.min_notional)}: expected zero or more")
        for name in ("max_lots", "max_market_lots"):
            if not 1 <= self.min_lots <= getattr(self, name) <= COUNT_MAX:
                raise NumberError(
                    f"{self.key}: min_lots = {self.min_lots}, {name} = {getattr(self, name)}: not a range of counts"
                )
        self._check_bands()
        if self.kind is not Kind.INVERSE and self._unit_value.denominator != 1:
            raise NumberError(
                f"{self.key}: one lot at one tick is worth less than an atom (10^-24 {self.settle})"
            )

    @once
    def key(self) -> str:
        """The instrument's name in text, unique across venues: `binance:BTC/USDT`."""
        return instrument_key(self.venue, self.symbol)

    # -- prices ---------------------------------------------------------------------------------------------------

    def ticks(self, price: Number, *, toward: PriceToward = "exact", side: Side | None = None) -> int:
        """Return a price in ticks; off-grid prices are an error unless `toward` names how to round.

        "passive" rounds a buy down and a sell up, so that the order asks for no worse than it was told; "aggressive"
        is the opposite. Both need `side`.
        """
        rounding = _direction(toward, side)
        value = number(price) if rounding == "exact" else signal(price)
        if not self.tick_bands:
            return self._count(steps(value, self.tick, toward=rounding), "price", price)
        below = steps(value, self.tick, toward="down")
        step = self.tick_step(below)
        return self._count(steps(value, product(step, self.tick), toward=rounding) * step, "price", price)

    def price(self, ticks: int) -> Decimal:
        """Return the price that `ticks` stand for, exactly."""
        return product(ticks, self.tick)

    def tick_step(self, ticks: int) -> int:
        """Return the distance, in ticks, between legal prices at and just above this one."""
        starts, steps_from = self._bands
        return steps_from[bisect_right(starts, ticks)]

    def on_grid(self, ticks: int) -> bool:
        """Say whether the venue would take this price: a legal multiple in its band of the tick table."""
        return ticks % self.tick_step(ticks) == 0

    # -- quantities -----------------------------------------------------------------------------------------------

    def lots(self, quantity: Number, *, toward: Toward = "exact") -> int:
        """Return a quantity in the venue's own unit (coins on spot, contracts elsewhere) as lots."""
        value = number(quantity) if toward == "exact" else signal(quantity)
        return self._count(steps(value, self.lot, toward=toward), "quantity", quantity)

    def quantity(self, lots: int) -> Decimal:
        """Return the quantity that `lots` stand for, in the venue's own unit, exactly."""
        return product(lots, self.lot)

    def lots_of_base(self, amount: Number, *, ticks: int | None = None, toward: Toward = "exact") -> int:
        """Return how many lots make up an amount of base coins; an inverse contract needs the price for that."""
        coins = Fraction(number(amount) if toward == "exact" else signal(amount))
        match self.kind:
            case Kind.SPOT | Kind.LINEAR:
                per_lot = self._lot_size
            case Kind.INVERSE:
                if ticks is None:
                    raise NumberError(
                        f"{self.key}: how many coins an inverse contract is depends on the price: pass ticks"
                    )
                per_lot = self._lot_size / Fraction(self.price(ticks))
            case _:
                assert_never(self.kind)
        return self._count(_rounded(coins / per_lot, toward), "quantity", amount)

    def lots_worth(self, amount: Number, *, ticks: int, toward: Toward = "zero") -> int:
        """Return how many lots an amount of quote currency buys at a price (by default, never more than it buys)."""
        quote = Fraction(number(amount) if toward == "exact" else signal(amount))
        match self.kind:
            case Kind.SPOT | Kind.LINEAR:
                per_lot = self._lot_size * Fraction(self.price(ticks))
            case Kind.INVERSE:
                per_lot = self._lot_size
            case _:
                assert_never(self.kind)
        return self._count(_rounded(quote / per_lot, toward), "quantity", amount)

    # -- worth ----------------------------------------------------------------------------------------------------

    def value(self, *, ticks: int, lots: int) -> int:
        """Return what signed `lots` at a price add to the account's side of the trade, in atoms of `settle`.

        The profit of holding lots from price A to price B is value(B) - value(A), on every kind of market. On spot
        and linear contracts this is a product of integers. An inverse contract pays in coins, so its value is minus
        its face over the price, rounded once to the nearest atom.
        """
        if self.kind is Kind.INVERSE:
            return self._inverse_value(Fraction(ticks), lots)
        return ticks * lots * self._unit_value.numerator

    def value_at(self, price: Number, lots: int) -> int:
        """As `value`, at a price that need not lie on the grid, such as a mark: rounded once to the nearest atom."""
        in_ticks = Fraction(signal(price)) / Fraction(self.tick)
        if self.kind is Kind.INVERSE:
            return self._inverse_value(in_ticks, lots)
        return _rounded(in_ticks * lots * self._unit_value, "nearest")

    def notional(self, *, ticks: int, lots: int) -> Money:
        """Return what the lots are worth in quote currency at a price, unsigned."""
        return Money(self.notional_atoms(ticks=ticks, lots=lots), self.quote)

    def notional_atoms(self, *, ticks: int, lots: int) -> int:
        """As `notional`, in atoms: for the risk gate, which compares, and asks it of every order."""
        if self.kind is not Kind.INVERSE:
            return abs(ticks * lots * self._unit_value.numerator)
        return _rounded(abs(lots) * self._lot_size * ATOMS_PER_UNIT, "nearest")

    def base_amount(self, *, ticks: int, lots: int) -> Money:
        """Return the signed exposure of lots in base coins; only inverse contracts look at the price."""
        size = lots * self._lot_size * ATOMS_PER_UNIT
        if self.kind is Kind.INVERSE:
            size /= Fraction(self.price(ticks))
        return Money(_rounded(size, "nearest"), self.base)

    def expected_fee(self, *, ticks: int, lots: int, maker: bool) -> Money:
        """Estimate the fee of a trade for sizing (negative: a rebate); what is booked is the venue's own figure."""
        rate = Fraction(self.maker_fee if maker else self.taker_fee)
        return Money(_rounded(abs(self.value(ticks=ticks, lots=lots)) * rate, "nearest"), self.settle)

    # -- how ------------------------------------------------------------------------------------------------------

    @once
    def _lot_size(self) -> Fraction:
        """Base coins in a lot; on inverse contracts, quote currency in a lot."""
        return Fraction(self.lot) * Fraction(self.multiplier)

    @once
    def _unit_value(self) -> Fraction:
        """Atoms in one lot at one tick; checked above to be whole, but on inverse contracts, which don't use it."""
        return self._lot_size * Fraction(self.tick) * ATOMS_PER_UNIT

    def _inverse_value(self, in_ticks: Fraction, lots: int) -> int:
        if in_ticks <= 0:
            raise NumberError(
                f"{self.key}: an inverse contract has no value at price {in_ticks * Fraction(self.tick)}"
            )
        return -_rounded(lots * self._lot_size * ATOMS_PER_UNIT / (in_ticks * Fraction(self.tick)), "nearest")

    @once
    def _bands(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        starts = tuple(steps(band.from_price, self.tick) for band in self.tick_bands)
        return starts, (1, *(steps(band.tick, self.tick) for band in self.tick_bands))

    def _check_bands(self) -> None:
        starts, step = self._bands
        for row, start in enumerate(starts):
            if start <= (starts[row - 1] if row else 0):
                raise NumberError(f"{self.key}: tick_bands: prices must ascend from above zero")
            # A boundary that both sides can reach is what lets rounding stop at it instead of stepping over it.
            if step[row + 1] < 1 or start % step[row] or start % step[row + 1]:
                raise NumberError(
                    f"{self.key}: tick_bands: {self.tick_bands[row].from_price} is not on both grids that meet there"
                )

    def _count(self, count: int, what: str, given: object) -> int:
        if not -COUNT_MAX <= count <= COUNT_MAX:
            raise NumberError(f"{self.key}: {what} {given} is out of range: more than 2^63 steps of the grid")
        return count


def instrument_key(venue: str, symbol: str) -> str:
    """Name an instrument in text: `okx:BTC/USDT:USDT`."""
    return f"{venue}:{symbol}"


def regrid(count: int, old_step: Decimal, new_step: Decimal) -> int:
    """Restate ticks or lots on a new grid after a venue changed it; raises NumberError if they do not fit."""
    return steps(product(count, old_step), new_step)


def _direction(toward: PriceToward, side: Side | None) -> Toward:
    if toward == "passive" or toward == "aggressive":  # noqa: PLR1714  (so that mypy narrows the rest)
        if side is None:
            raise TypeError(f"toward={toward!r} needs side=")
        return "down" if (side is Side.BUY) == (toward == "passive") else "up"
    return toward


def _rounded(value: Fraction, toward: Toward) -> int:
    return divided(value.numerator, value.denominator, toward=toward)
