"""What ccxt knows of a venue's markets, as instruments.

    listing = listed(name, exchange.markets, exchange.precisionMode)
    listing.instruments["bybit:BTC/USDT:USDT"], listing.market("BTC/USDT:USDT"), listing.left_out

ccxt's names of markets are ours, one to one. What cannot be traded exactly is left out and says why: options, contracts
that pay in neither of their currencies, markets whose steps of price or quantity ccxt does not know.

A step is told in one of three ways, by venue: as itself, as a number of decimal places, or as a number of significant
digits. The last makes the step grow with the price: a tick table with one row for each power of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from xtrade.model.errors import NumberError, SymbolError, did_you_mean
from xtrade.model.instruments import Instrument, Kind, TickBand, TradingStatus, instrument_key
from xtrade.model.numbers import COUNT_MAX, steps
from xtrade.symbols.symbol import Symbol, shown
from xtrade.venues.ccxt.figures import decimal_of

__all__ = ["DECIMAL_PLACES", "SIGNIFICANT_DIGITS", "TICK_SIZE", "Listing", "Market", "listed"]

# ccxt's own numbers for its three ways to tell a step.
DECIMAL_PLACES: Final = 2
SIGNIFICANT_DIGITS: Final = 3
TICK_SIZE: Final = 4

MS: Final = 1_000_000
# Prices by significant digits: the table begins at 10^-9 and goes on to 10^9, which holds every market there is.
_POWERS: Final = range(-9, 10)


class Market(NamedTuple):
    """One market: ccxt's name and type of it (`spot`, `swap`, `future`), and our instrument."""

    symbol: str
    type: str
    instrument: Instrument


class Listing:
    """The markets of one venue, by ccxt's name and by ours."""

    def __init__(
        self,
        markets: Mapping[str, Market] = MappingProxyType({}),
        left_out: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._by_symbol = dict(markets)
        self._by_key = {market.instrument.key: market for market in markets.values()}
        self.left_out = dict(left_out)
        """Why a market that ccxt lists is none of ours, by ccxt's name."""

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Every instrument, by key."""
        return {key: market.instrument for key, market in self._by_key.items()}

    @property
    def markets(self) -> Iterable[Market]:
        """Every market."""
        return self._by_symbol.values()

    def market(self, symbol: object) -> Market | None:
        """Return the market that ccxt calls so; None if it is none of ours."""
        return self._by_symbol.get(symbol) if isinstance(symbol, str) else None

    def of(self, key: str) -> Market:
        """Return the market of an instrument; SymbolError where the venue does not list it."""
        found = self._by_key.get(key)
        if found is None:
            venue, _, symbol = key.partition(":")
            why = self.left_out.get(symbol)
            hint = f": {why}" if why else f".{did_you_mean(key, self._by_key)}"
            raise SymbolError(f"{venue} lists no {symbol} that can be traded here{hint}")
        return found

    def renewed(self, later: Listing) -> tuple[Listing, list[Instrument]]:
        """Return this listing with what a later one changed, in new versions, and which those are.

        A market that is listed no more stays, as one that is closed: positions may be left in it.
        """
        merged = dict(later._by_symbol)
        changed = []
        for symbol, market in self._by_symbol.items():
            before = market.instrument
            found = later.market(symbol)
            after = _as_of(before, found.instrument if found else _closed(before))
            if after != before:
                changed.append(after)
            merged[symbol] = Market(symbol, market.type, after)
        return Listing(merged, later.left_out), changed


def listed(venue: str, markets: Mapping[str, Mapping[str, Any]], precision_mode: int) -> Listing:
    """Read ccxt's markets."""
    found: dict[str, Market] = {}
    left_out: dict[str, str] = {}
    for symbol, row in markets.items():
        try:
            found[symbol] = Market(symbol, str(row.get("type")), _instrument(venue, row, precision_mode))
        except (NumberError, SymbolError) as error:
            left_out[symbol] = str(error)
    return Listing(found, left_out)


def _instrument(venue: str, row: Mapping[str, Any], mode: int) -> Instrument:
    symbol = Symbol.parse(row["symbol"])
    if str(symbol) != row["symbol"]:
        raise SymbolError(f"{shown(row['symbol'])} means {symbol} here: two names for one market")
    kind = _kind(row)
    key = instrument_key(venue, str(symbol))
    tick, bands = _tick(key, _precision(key, row, "price"), mode)
    lot = _lot(_precision(key, row, "amount"), mode)
    smallest, largest = _range(row, "amount")
    _, largest_at_market = _range(row, "market")
    cost_min, _ = _range(row, "cost")
    min_lots = 1 if smallest is None else max(1, steps(smallest, lot, toward="up"))
    max_lots = COUNT_MAX if not largest else max(min_lots, steps(largest, lot, toward="down"))
    return Instrument(
        venue=venue,
        symbol=str(symbol),
        native=str(row["id"]),
        kind=kind,
        base=symbol.base,
        quote=symbol.quote,
        settle=symbol.settle or symbol.quote,
        tick=tick,
        tick_bands=bands,
        lot=lot,
        multiplier=Decimal(1) if kind is Kind.SPOT else _positive(row.get("contractSize")) or Decimal(1),
        min_lots=min_lots,
        max_lots=min(max_lots, COUNT_MAX),
        max_market_lots=min(
            max_lots
            if not largest_at_market
            else max(min_lots, steps(largest_at_market, lot, toward="down")),
            COUNT_MAX,
        ),
        # An inverse contract's minimum is told in coins, by some venues in dollars: which, ccxt does not say.
        min_notional=(cost_min or Decimal(0)) if kind is not Kind.INVERSE else Decimal(0),
        maker_fee=_number(row.get("maker")) or Decimal(0),
        taker_fee=_number(row.get("taker")) or Decimal(0),
        expiry_ns=None if row.get("expiry") is None else int(row["expiry"]) * MS,
        status=TradingStatus.HALTED if row.get("active") is False else TradingStatus.TRADING,
    )


def _kind(row: Mapping[str, Any]) -> Kind:
    if row.get("option"):
        raise SymbolError("it is an option")
    if row.get("spot"):
        return Kind.SPOT
    if row.get("linear"):
        return Kind.LINEAR
    if row.get("inverse"):
        return Kind.INVERSE
    raise SymbolError("it pays in neither of its currencies")


def _precision(key: str, row: Mapping[str, Any], what: str) -> Decimal:
    told = _number(row["precision"].get(what))
    if told is None:
        raise NumberError(f"{key}: ccxt does not know the steps of its {what}")
    return told


def _lot(precision: Decimal, mode: int) -> Decimal:
    # Where prices go by significant digits, quantities go by decimal places.
    return precision if mode == TICK_SIZE else _power(-int(precision))


def _tick(key: str, precision: Decimal, mode: int) -> tuple[Decimal, tuple[TickBand, ...]]:
    if mode == TICK_SIZE:
        return precision, ()
    digits = int(precision)
    if mode == DECIMAL_PLACES:
        return _power(-digits), ()
    if not 1 <= digits <= 15:
        raise NumberError(f"{key}: prices of {digits} significant digits")
    # From 10^k up, prices of n digits are multiples of 10^(k + 1 - n); below the table, of its first step.
    first = _power(_POWERS[0] + 1 - digits)
    bands = tuple(TickBand(from_price=_power(k), tick=_power(k + 1 - digits)) for k in _POWERS[1:])
    return first, bands


def _power(exponent: int) -> Decimal:
    return Decimal((0, (1,), exponent))


def _range(row: Mapping[str, Any], what: str) -> tuple[Decimal | None, Decimal | None]:
    limits = (row.get("limits") or {}).get(what) or {}
    return _positive(limits.get("min")), _positive(limits.get("max"))


def _number(value: object) -> Decimal | None:
    return None if value is None else decimal_of(value)


def _positive(value: object) -> Decimal | None:
    """A limit, where there is one: some venues say zero for none."""
    found = _number(value)
    return found if found is not None and found > 0 else None


def _closed(instrument: Instrument) -> Instrument:
    return replace(instrument, status=TradingStatus.CLOSED)


def _as_of(before: Instrument, now: Instrument) -> Instrument:
    """Return `now` as the version after `before`, or `before` itself where nothing differs."""
    same = replace(now, version=before.version)
    return before if same == before else replace(now, version=before.version + 1)
