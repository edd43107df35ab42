"""Backpack's rows as its server writes them: what the exchange knows, in the venue's words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from xtrade.model.events import Bar, BookSnapshot, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.venues.box.floor import Executed, Slip

__all__ = [
    "SIDE_WORDS",
    "STATUS_WORDS",
    "bar_row",
    "book_row",
    "fill_row",
    "iso",
    "mark_row",
    "market_row",
    "order_row",
    "quote_value",
    "trade_row",
]

_US_NS: Final = 1_000
_MS_NS: Final = 1_000_000
SIDE_WORDS: Final = {Side.BUY: "Bid", Side.SELL: "Ask"}
STATUS_WORDS: Final = {
    OrderStatus.NEW: "New",
    OrderStatus.OPEN: "New",
    OrderStatus.PARTIAL: "PartiallyFilled",
    OrderStatus.FILLED: "Filled",
    OrderStatus.CANCELED: "Cancelled",
    OrderStatus.EXPIRED: "Expired",
    OrderStatus.REJECTED: "TriggerFailed",
}
_REASONS: Final = {
    "ioc": "ImmediateOrCancel",
    "fok": "FillOrKill",
    "market": "InsufficientLiquidity",
    "self_trade": "SelfTradePrevention",
    "liquidation": "Liquidation",
    "reduce_only": "ReduceOnlyNotReduced",
}
_FUNDING_MS: Final = 3_600_000


def iso(ns: int) -> str:
    """Write a time as the venue's histories do: UTC, without a zone."""
    return (
        datetime.fromtimestamp(ns // _US_NS / 1e6, UTC)
        .replace(tzinfo=None)
        .isoformat(timespec="microseconds")
    )


def market_row(instrument: Instrument) -> dict[str, Any]:
    """Write a market of the listing."""
    is_perpetual = instrument.kind is Kind.LINEAR
    return {
        "symbol": instrument.native,
        "baseSymbol": instrument.base,
        "quoteSymbol": instrument.quote,
        "marketType": "PERP" if is_perpetual else "SPOT",
        "filters": {
            "price": {
                "minPrice": plain(instrument.tick),
                "maxPrice": None,
                "tickSize": plain(instrument.tick),
                "maxMultiplier": "1.25",
                "minMultiplier": "0.75",
            },
            "quantity": {
                "minQuantity": plain(instrument.quantity(instrument.min_lots)),
                "maxQuantity": None,
                "stepSize": plain(instrument.lot),
            },
        },
        "imfFunction": {"type": "sqrt", "base": "0.05", "factor": "0.00006"} if is_perpetual else None,
        "mmfFunction": {"type": "sqrt", "base": "0.01", "factor": "0.00003"} if is_perpetual else None,
        "fundingInterval": _FUNDING_MS if is_perpetual else None,
        "fundingRateUpperBound": "100" if is_perpetual else None,
        "fundingRateLowerBound": "-100" if is_perpetual else None,
        "openInterestLimit": "0",
        "orderBookState": "Open",
        "createdAt": "2025-01-21T06:34:54.691858",
        "visible": True,
    }


def book_row(instrument: Instrument, book: BookSnapshot, limit: int, at_ns: int) -> dict[str, Any]:
    """Write a book: both sides ascend, so the best bid is the last."""

    def rows(pairs: list[tuple[int, int]]) -> list[list[str]]:
        return [[plain(instrument.price(ticks)), plain(instrument.quantity(lots))] for ticks, lots in pairs]

    return {
        "asks": rows(list(book.asks)[:limit]),
        "bids": rows(list(book.bids)[:limit][::-1]),
        "lastUpdateId": str(book.sequence or 0),
        "timestamp": at_ns // _US_NS,
    }


def trade_row(instrument: Instrument, trade: Trade) -> dict[str, Any]:
    """Write a public trade."""
    price, quantity = instrument.price(trade.ticks), instrument.quantity(trade.lots)
    return {
        "id": int(trade.trade_id),
        "price": plain(price),
        "quantity": plain(quantity),
        "quoteQuantity": plain(price * quantity),
        "timestamp": (trade.venue_ns or 0) // _MS_NS,
        "isBuyerMaker": trade.taker is Side.SELL,
    }


def bar_row(instrument: Instrument, bar: Bar) -> dict[str, Any]:
    """Write a bar."""
    volume = instrument.quantity(bar.volume_lots)
    return {
        "start": iso(bar.start_ns)[:19].replace("T", " "),
        "end": iso(bar.start_ns + bar.interval_ns)[:19].replace("T", " "),
        "open": plain(instrument.price(bar.open_ticks)),
        "high": plain(instrument.price(bar.high_ticks)),
        "low": plain(instrument.price(bar.low_ticks)),
        "close": plain(instrument.price(bar.close_ticks)),
        "volume": plain(volume),
        "quoteVolume": plain(volume * instrument.price(bar.close_ticks)),
        "trades": "1",
    }


def mark_row(instrument: Instrument, mark: MarkPrice, funding: Funding | None) -> dict[str, Any]:
    """Write a mark price and the running funding rate."""
    next_ns = None if funding is None else funding.next_ns
    return {
        "symbol": instrument.native,
        "markPrice": plain(mark.mark),
        "indexPrice": plain(mark.index or mark.mark),
        "fundingRate": "0" if funding is None else plain(funding.rate),
        "nextFundingTimestamp": None if next_ns is None else next_ns // _MS_NS,
    }


def order_row(slip: Slip) -> dict[str, Any]:
    """Write an order."""
    instrument, intent = slip.instrument, slip.intent
    trigger = intent.trigger
    quantity = None if intent.quote_amount is not None else plain(instrument.quantity(slip.lots))
    trigger_ticks = None if trigger is None else trigger.ticks
    return {
        "id": slip.venue_order_id,
        "clientId": int(slip.text) if slip.text else None,
        "createdAt": slip.created_ns // _MS_NS,
        "symbol": instrument.native,
        "side": SIDE_WORDS[intent.side],
        "orderType": "Market" if intent.type in {OrderType.MARKET, OrderType.STOP_MARKET} else "Limit",
        "timeInForce": intent.time_in_force.value.upper(),
        "price": None if slip.ticks is None else plain(instrument.price(slip.ticks)),
        "quantity": quantity if trigger is None else None,
        "executedQuantity": plain(instrument.quantity(slip.filled_lots)),
        "executedQuoteQuantity": quote_value(slip),
        "quoteQuantity": None if intent.quote_amount is None else plain(intent.quote_amount.amount),
        "postOnly": intent.post_only,
        "reduceOnly": intent.reduce_only,
        "selfTradePrevention": "RejectTaker",
        "status": _status(slip),
        "relatedOrderId": None,
        "strategyId": None,
        "triggerPrice": None if trigger_ticks is None else plain(instrument.price(trigger_ticks)),
        "triggerBy": None if trigger is None else slip.extra.get("triggerBy"),
        "triggerQuantity": quantity if trigger is not None else None,
        "triggeredAt": None,
        "expiryReason": reason_word(slip.reason) if slip.status is OrderStatus.EXPIRED else None,
    }


def fill_row(each: Executed) -> dict[str, Any]:
    """Write a fill of the history."""
    slip, fill = each.slip, each.fill
    fee = fill.fee or Money(0, slip.instrument.quote)
    return {
        "tradeId": int(fill.trade_id),
        "orderId": slip.venue_order_id,
        "clientId": slip.text or None,
        "symbol": slip.instrument.native,
        "side": SIDE_WORDS[fill.side],
        "price": plain(slip.instrument.price(fill.ticks)),
        "quantity": plain(slip.instrument.quantity(fill.lots)),
        "fee": plain(fee.amount),
        "feeSymbol": fee.currency,
        "isMaker": bool(fill.maker),
        "timestamp": iso(each.at_ns),
        "systemOrderType": None,
    }


def quote_value(slip: Slip) -> str:
    """Write what an order has traded, in quote currency."""
    instrument = slip.instrument
    worth = Fraction(slip.filled_value) * Fraction(instrument.tick) * Fraction(instrument.lot)
    return plain(Decimal(worth.numerator) / Decimal(worth.denominator))


def reason_word(reason: str) -> str:
    """Return the venue's word for why an order ended."""
    return _REASONS.get(reason, "ImmediateOrCancel" if reason else "Unknown")


def _status(slip: Slip) -> str:
    if slip.intent.trigger is not None and slip.status is OrderStatus.OPEN:
        return "TriggerPending"
    return STATUS_WORDS[slip.status]
