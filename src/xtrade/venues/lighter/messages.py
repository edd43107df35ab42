"""The wire as structs: what the venue sends, as far as it is read here.

Lists may be null instead of empty, over HTTP and through the socket. Prices and sizes are text; candles, last prices
and daily figures are numbers; times are in seconds, milliseconds or microseconds, which only their size tells.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

__all__ = [
    "BROKEN",
    "Account",
    "Asset",
    "AssetsMessage",
    "Book",
    "BookMessage",
    "BookOrder",
    "Candle",
    "Head",
    "Level",
    "Market",
    "Order",
    "OrdersMessage",
    "Position",
    "PositionsMessage",
    "Rate",
    "Settled",
    "Stats",
    "StatsMessage",
    "Trade",
    "TradesMessage",
    "TradesOfMarkets",
    "time_ns",
]

BROKEN: Final = (msgspec.MsgspecError, ValueError, LookupError, RecursionError, OverflowError)
"""What reading a message raises where it is not what it should be; our own NumberError and DataError are among them."""

_SECONDS_MAX: Final = 10**11


def time_ns(stamp: int) -> int | None:
    """Return a time in ns, whatever it was counted in; None where there is none."""
    if stamp <= 0:
        return None
    unit_ns = 10**9
    while unit_ns > 1 and stamp * unit_ns >= _SECONDS_MAX * 10**9:
        unit_ns //= 1_000
    return stamp * unit_ns


# -- rows ---------------------------------------------------------------------------------------------------------


class Market(Struct):
    """A market as it is listed. Fees are in percent; the marks are those of contracts, and of newer listings."""

    symbol: str
    market_id: int
    market_type: str
    status: str
    min_base_amount: str
    min_quote_amount: str
    size_decimals: int
    price_decimals: int
    maker_fee: str = "0"
    taker_fee: str = "0"
    last_trade_price: Decimal | None = None
    mark_price: str = ""
    index_price: str = ""


class Level(Struct):
    """A level of a book; a size of zero removes it."""

    price: str
    size: str


class Book(Struct):
    """A book, or what changed in it: `nonce` follows upon `begin_nonce`."""

    nonce: int
    begin_nonce: int = 0
    asks: list[Level] | None = None
    bids: list[Level] | None = None
    last_updated_at: int = 0


class BookOrder(Struct):
    """One order of a book that was asked for."""

    price: str
    remaining_base_amount: str


class Trade(Struct):
    """A trade, public or of ours; fees are in millionths of `usd_amount`."""

    trade_id: int
    market_id: int
    size: str
    price: str
    is_maker_ask: bool
    timestamp: int
    usd_amount: str = "0"
    type: str = "trade"
    ask_id: int = 0
    bid_id: int = 0
    ask_client_id: int = 0
    bid_client_id: int = 0
    ask_account_id: int = -1
    bid_account_id: int = -1
    taker_fee: int | None = None
    maker_fee: int | None = None
    transaction_time: int = 0

    @property
    def at_ns(self) -> int | None:
        """When it happened, as finely as it is told."""
        return time_ns(self.transaction_time) or time_ns(self.timestamp)


class Order(Struct):
    """An order of ours. `order_version` counts its changes, where it is told."""

    order_index: int
    client_order_index: int
    market_index: int
    initial_base_amount: str
    filled_base_amount: str
    price: str
    is_ask: bool
    status: str
    nonce: int = 0
    order_version: int = 0
    timestamp: int = 0
    updated_at: int = 0


class Position(Struct):
    """A position; `position` has no sign."""

    market_id: int
    sign: int
    position: str
    avg_entry_price: str = ""
    liquidation_price: str = ""
    margin_mode: int = 0
    initial_margin_fraction: str = ""


class Asset(Struct):
    """What there is of one asset: for spot, and (`margin_balance`) as collateral."""

    symbol: str
    balance: str
    locked_balance: str = "0"
    margin_balance: str = "0"


class Account(Struct):
    """An account, when it is asked for."""

    positions: list[Position] | None = None
    assets: list[Asset] | None = None


class Stats(Struct):
    """A market in figures; rates are in percent for an hour."""

    market_id: int
    mark_price: str = ""
    index_price: str = ""
    last_trade_price: str = ""
    current_funding_rate: str = ""


class Candle(Struct):
    """A candle; `v` is in base coins."""

    t: int
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741  (the venue's name for the low)
    c: Decimal
    v: Decimal


class Rate(Struct):
    """The running rate on one of several exchanges, for eight hours."""

    market_id: int
    exchange: str
    rate: Decimal


class Settled(Struct):
    """A rate that was charged, in percent; `direction` is who paid."""

    timestamp: int
    rate: str
    direction: str


# -- heard through the socket -------------------------------------------------------------------------------------


class Head(Struct):
    """What tells messages apart: the rest is read by what this says."""

    type: str = ""
    channel: str = ""
    id: str | int | None = None
    code: int | None = None
    message: str | None = None
    tx_hash: str | list[str] | None = None
    data: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    close_in_ms: int = 0


class BookMessage(Struct):
    """`order_book`."""

    order_book: Book
    timestamp: int = 0


class TradesMessage(Struct):
    """`trade`."""

    trades: list[Trade] | None = None
    liquidation_trades: list[Trade] | None = None


class StatsMessage(Struct):
    """`market_stats` and `spot_market_stats`."""

    timestamp: int = 0
    market_stats: Stats | None = None
    spot_market_stats: Stats | None = None


class OrdersMessage(Struct):
    """`account_all_orders`, by market."""

    orders: dict[str, list[Order] | None] | None = None


class TradesOfMarkets(Struct):
    """`account_all_trades`, by market."""

    trades: dict[str, list[Trade] | None] | None = None


class PositionsMessage(Struct):
    """`account_all_positions`, by market."""

    positions: dict[str, Position] | None = None


class AssetsMessage(Struct):
    """`account_all_assets`, by asset."""

    assets: dict[str, Asset] | None = None
    timestamp: int = 0
