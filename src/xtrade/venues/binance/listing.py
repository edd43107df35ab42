"""Binance's markets as its listing tells them: pairs on spot, perpetual and dated contracts in USD-M futures.

A row that cannot be a market of ours (a rule that is off, a name that is none) is left out: one odd row must not take
all the others with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct, field

from xtrade.model.errors import NumberError, SymbolError
from xtrade.model.instruments import Instrument, Kind, TradingStatus
from xtrade.model.numbers import COUNT_MAX, number, steps
from xtrade.symbols import Symbol
from xtrade.venues.binance.sections import SPOT, USDM
from xtrade.venues.markets import Listed

__all__ = ["SpotListing", "UsdmListing", "read_spot", "read_usdm"]

_MS_NS: Final = 1_000_000
_NEVER_MS: Final = 4_133_404_800_000
"""The delivery date of what is never delivered."""

# What everybody pays before discounts; what an account pays is asked (`fee_rates`).
_SPOT_FEE: Final = Decimal("0.001")
_USDM_MAKER_FEE: Final = Decimal("0.0002")
_USDM_TAKER_FEE: Final = Decimal("0.0005")

_STATUSES: Final[Mapping[str, TradingStatus]] = {
    "TRADING": TradingStatus.TRADING,
    "CANCEL_ONLY": TradingStatus.CANCEL_ONLY,
    "END_OF_DAY": TradingStatus.CLOSED,
    "DELIVERED": TradingStatus.CLOSED,
    "CLOSE": TradingStatus.CLOSED,
}
"""Any other is a pause: HALT, BREAK, PENDING_TRADING, SETTLING, DELIVERING and what comes before those."""


class _Filter(Struct, rename="camel"):
    """One rule; which figures it has depends on its type. Zero switches a rule off."""

    filter_type: str
    tick_size: str = "0"
    step_size: str = "0"
    min_qty: str = "0"
    max_qty: str = "0"
    min_notional: str = "0"
    notional: str = "0"


class _Pair(Struct, rename="camel"):
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    filters: list[_Filter]
    is_spot_trading_allowed: bool = True


class _Contract(Struct, rename="camel"):
    symbol: str
    status: str
    contract_type: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    filters: list[_Filter]
    delivery_date: int = _NEVER_MS


class SpotListing(Struct):
    """What `/api/v3/exchangeInfo` answers."""

    symbols: list[_Pair] = field(default_factory=list)


class UsdmListing(Struct):
    """What `/fapi/v1/exchangeInfo` answers."""

    symbols: list[_Contract] = field(default_factory=list)


def read_spot(listing: SpotListing) -> Sequence[Listed]:
    """Return the pairs."""
    return list(_spot(listing))


def read_usdm(listing: UsdmListing) -> Sequence[Listed]:
    """Return the contracts."""
    return list(_usdm(listing))


def _spot(listing: SpotListing) -> Iterator[Listed]:
    for row in listing.symbols:
        status = _STATUSES.get(row.status, TradingStatus.HALTED)
        if not row.is_spot_trading_allowed:
            status = TradingStatus.HALTED
        instrument = _instrument(
            row.symbol,
            row.filters,
            base=row.base_asset,
            quote=row.quote_asset,
            settle=None,
            delivery_ms=_NEVER_MS,
            status=status,
        )
        if instrument is not None:
            yield Listed(instrument, SPOT.name)


def _usdm(listing: UsdmListing) -> Iterator[Listed]:
    for row in listing.symbols:
        if not row.contract_type:
            continue  # delivered long ago, and listed still
        instrument = _instrument(
            row.symbol,
            row.filters,
            base=row.base_asset,
            quote=row.quote_asset,
            settle=row.margin_asset,
            delivery_ms=row.delivery_date if _is_dated(row) else _NEVER_MS,
            status=_STATUSES.get(row.status, TradingStatus.HALTED),
        )
        if instrument is not None:
            yield Listed(instrument, USDM.name)


def _is_dated(row: _Contract) -> bool:
    # A perpetual that is about to be taken off the list gets a delivery date, and stays a perpetual by its type.
    return not row.contract_type.startswith(("PERPETUAL", "TRADIFI_PERPETUAL"))


def _instrument(
    native: str,
    filters: Sequence[_Filter],
    *,
    base: str,
    quote: str,
    settle: str | None,
    delivery_ms: int,
    status: TradingStatus,
) -> Instrument | None:
    rules = {rule.filter_type: rule for rule in filters}
    if "PRICE_FILTER" not in rules or "LOT_SIZE" not in rules:
        return None
    try:
        tick = number(rules["PRICE_FILTER"].tick_size)
        lot = number(rules["LOT_SIZE"].step_size)
        if tick <= 0 or lot <= 0:
            return None
        dated = delivery_ms != _NEVER_MS
        expiry = (
            (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=delivery_ms)).date() if dated else None
        )
        symbol = Symbol(base, quote, settle, expiry)
        max_lots = _most(rules["LOT_SIZE"], lot)
        return Instrument(
            venue="binance",
            symbol=str(symbol),
            native=native,
            kind=symbol.kind,
            base=base,
            quote=quote,
            settle=settle or quote,
            tick=tick,
            lot=lot,
            min_lots=max(1, steps(number(rules["LOT_SIZE"].min_qty), lot, toward="up")),
            max_lots=max_lots,
            max_market_lots=min(max_lots, _most(rules.get("MARKET_LOT_SIZE"), lot)),
            min_notional=_min_notional(rules),
            maker_fee=_SPOT_FEE if symbol.kind is Kind.SPOT else _USDM_MAKER_FEE,
            taker_fee=_SPOT_FEE if symbol.kind is Kind.SPOT else _USDM_TAKER_FEE,
            expiry_ns=delivery_ms * _MS_NS if dated else None,
            status=status,
        )
    except (NumberError, SymbolError, OverflowError):
        return None


def _most(rule: _Filter | None, lot: Decimal) -> int:
    lots = 0 if rule is None else steps(number(rule.max_qty), lot, toward="down")
    return min(lots, COUNT_MAX) if lots > 0 else COUNT_MAX


def _min_notional(rules: Mapping[str, _Filter]) -> Decimal:
    if "NOTIONAL" in rules:
        return number(rules["NOTIONAL"].min_notional)
    old = rules.get("MIN_NOTIONAL")
    if old is None:
        return Decimal(0)
    return max(number(old.min_notional), number(old.notional))
