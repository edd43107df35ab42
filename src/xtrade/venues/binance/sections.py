"""The two halves of Binance, and where they differ: addresses, paths, weights, lines. Data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from xtrade.model.instruments import Instrument, Kind

__all__ = ["SECTIONS", "SPOT", "USDM", "Section", "section_of"]


class Section(Struct, frozen=True, kw_only=True):
    """One half. `weights` are what its requests cost of the pool `weight`; those for depth go by its limit."""

    name: str
    prefix: str
    """Where its REST paths begin; `address` names the host."""
    address: str
    weight: str
    orders: str
    """Its pools of weight and of orders."""
    book_line: str
    market_line: str
    private_line: str
    order_line: str
    """The lines on which it speaks; orders go through the last."""
    depths: Mapping[int, int]
    weights: Mapping[str, int]
    trades_path: str
    trade_stream: str
    my_trades_path: str
    my_trades_window_ms: int


SPOT: Final = Section(
    name="spot",
    prefix="/api/v3",
    address="spot",
    weight="spot weight",
    orders="spot orders",
    book_line="spot market",
    market_line="spot market",
    private_line="spot private",
    order_line="spot private",
    depths={100: 5, 500: 25, 1_000: 50, 5_000: 250},
    weights={
        "exchangeInfo": 20,
        "time": 1,
        "trades": 25,
        "klines": 2,
        "openOrders": 80,
        "order": 4,
        "myTrades": 20,
        "account": 20,
        "commission": 20,
        "amend": 4,
    },
    trades_path="/trades",
    trade_stream="trade",
    my_trades_path="/myTrades",
    my_trades_window_ms=86_400_000,
)

USDM: Final = Section(
    name="usdm",
    prefix="/fapi/v1",
    address="usdm",
    weight="usdm weight",
    orders="usdm orders",
    book_line="usdm book",
    market_line="usdm market",
    private_line="usdm private",
    order_line="usdm orders",
    depths={5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1_000: 20},
    weights={
        "exchangeInfo": 1,
        "time": 1,
        "trades": 20,
        "klines": 5,
        "premiumIndex": 1,
        "openOrders": 40,
        "order": 1,
        "myTrades": 5,
        "balance": 5,
        "positionRisk": 5,
        "commission": 20,
        "countdown": 10,
        "batch": 5,
    },
    # Aggregates by price and taker, as the stream tells them: so ids asked for and ids heard are of one series.
    trades_path="/aggTrades",
    trade_stream="aggTrade",
    my_trades_path="/userTrades",
    my_trades_window_ms=7 * 86_400_000,
)

SECTIONS: Final[Mapping[str, Section]] = {SPOT.name: SPOT, USDM.name: USDM}


def section_of(instrument: Instrument) -> Section:
    """Return the half where an instrument is traded."""
    return SPOT if instrument.kind is Kind.SPOT else USDM
