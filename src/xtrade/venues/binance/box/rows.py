"""What is true on the floor, as Binance writes it: listings, books, trades, orders, fills, wallets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias

from xtrade.model.events import Bar, BookSnapshot, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.venues.box.floor import Executed, Slip

__all__ = [
    "ALGO_STEP",
    "Row",
    "algo_id",
    "algo_row",
    "amount",
    "bar_row",
    "book_rows",
    "canceled_row",
    "contract_row",
    "depth_row",
    "fill_rows",
    "funding_rows",
    "is_waiting",
    "my_trade",
    "order_row",
    "pair_row",
    "placed_row",
    "price",
    "quantity",
    "ratio",
    "section_is_spot",
    "status_of",
    "text_of",
    "trade_row",
]

Row: TypeAlias = dict[str, Any]

_MS_NS: Final = 1_000_000
ALGO_STEP: Final = 10**15
"""Numbers of conditional orders are above this; those of orders below."""

_STATUSES: Final = {
    OrderStatus.NEW: "NEW",
    OrderStatus.OPEN: "NEW",
    OrderStatus.PARTIAL: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELED: "CANCELED",
    OrderStatus.REJECTED: "REJECTED",
    OrderStatus.EXPIRED: "EXPIRED",
}
_SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}


# -- words --------------------------------------------------------------------------------------------------------


def price(instrument: Instrument, ticks: int | None) -> str:
    """Write a price; none is zero."""
    return "0" if ticks is None else plain(instrument.price(ticks))


def quantity(instrument: Instrument, lots: int) -> str:
    """Write a quantity."""
    return plain(instrument.quantity(lots))


def amount(money: Money) -> str:
    """Write an amount: all of it, though the venue stops at the eighth place, so that sums come out."""
    return plain(money.amount)


def ratio(value: Fraction) -> str:
    """Write a quotient with as many places as the venue gives."""
    return plain(Decimal(round(value * 10**8)).scaleb(-8))


def section_is_spot(instrument: Instrument) -> bool:
    """Whether an instrument is of the spot half."""
    return instrument.kind is Kind.SPOT


def status_of(slip: Slip) -> str:
    """Write where an order stands."""
    if slip.reason == "self_trade":
        return "EXPIRED_IN_MATCH"
    return _STATUSES[slip.status]


def text_of(slip: Slip) -> str:
    """Write the client's name of an order; the venue makes one up where he gave none."""
    return slip.text or f"web_{slip.number}"


def is_waiting(slip: Slip) -> bool:
    """Whether an order of futures still waits for its trigger, or ended while it did."""
    return "algo" in slip.extra and "triggered" not in slip.extra


def algo_id(slip: Slip) -> int:
    """Return the number of a conditional order."""
    return ALGO_STEP + slip.number


# -- markets ------------------------------------------------------------------------------------------------------


def pair_row(instrument: Instrument) -> Row:
    """Write a pair of spot."""
    return {
        "symbol": instrument.native,
        "status": "TRADING",
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [
            "LIMIT",
            "LIMIT_MAKER",
            "MARKET",
            "STOP_LOSS",
            "STOP_LOSS_LIMIT",
            "TAKE_PROFIT",
            "TAKE_PROFIT_LIMIT",
        ],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": False,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": [
            "NONE",
            "EXPIRE_TAKER",
            "EXPIRE_MAKER",
            "EXPIRE_BOTH",
            "DECREMENT",
        ],
        "filters": [
            *_grid(instrument),
            {
                "filterType": "NOTIONAL",
                "minNotional": plain(instrument.min_notional),
                "applyMinToMarket": True,
                "maxNotional": "9000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 0,
            },
        ],
    }


def contract_row(instrument: Instrument) -> Row:
    """Write a perpetual."""
    return {
        "symbol": instrument.native,
        "pair": instrument.native,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.settle,
        "pricePrecision": _places(instrument.tick) + 1,
        "quantityPrecision": _places(instrument.lot),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "orderTypes": [
            "LIMIT",
            "MARKET",
            "STOP",
            "STOP_MARKET",
            "TAKE_PROFIT",
            "TAKE_PROFIT_MARKET",
            "TRAILING_STOP_MARKET",
        ],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "filters": [
            *_grid(instrument),
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": quantity(instrument, instrument.min_lots),
                "maxQty": "120",
                "stepSize": plain(instrument.lot),
            },
            {"filterType": "MIN_NOTIONAL", "notional": plain(instrument.min_notional)},
        ],
    }


def _grid(instrument: Instrument) -> list[Row]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain(instrument.tick),
            "maxPrice": "1000000",
            "tickSize": plain(instrument.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": quantity(instrument, instrument.min_lots),
            "maxQty": "9000",
            "stepSize": plain(instrument.lot),
        },
    ]


def _places(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def book_rows(instrument: Instrument, levels: Levels | Iterable[tuple[int, int]]) -> list[list[str]]:
    """Write levels."""
    return [[price(instrument, ticks), quantity(instrument, lots)] for ticks, lots in levels]


def depth_row(instrument: Instrument, book: BookSnapshot, limit: int, stride: int) -> Row:
    """Write a snapshot; futures have the engine's time in it."""
    row: Row = {
        "lastUpdateId": (book.sequence or 0) * stride,
        "bids": book_rows(instrument, list(book.bids)[:limit]),
        "asks": book_rows(instrument, list(book.asks)[:limit]),
    }
    if not section_is_spot(instrument):
        at_ms = (book.venue_ns or 0) // _MS_NS
        row |= {"E": at_ms, "T": at_ms}
    return row


def trade_row(instrument: Instrument, trade: Trade) -> Row:
    """Write a public trade as it is asked for."""
    return {
        "id": int(trade.trade_id),
        "price": price(instrument, trade.ticks),
        "qty": quantity(instrument, trade.lots),
        "quoteQty": amount(instrument.notional(ticks=trade.ticks, lots=trade.lots)),
        "time": (trade.venue_ns or 0) // _MS_NS,
        "isBuyerMaker": trade.taker is Side.SELL,
        "isBestMatch": True,
    }


def bar_row(instrument: Instrument, bar: Bar) -> list[Any]:
    """Write a candle."""
    start_ms = bar.start_ns // _MS_NS
    worth = amount(instrument.notional(ticks=bar.close_ticks, lots=bar.volume_lots))
    volume = quantity(instrument, bar.volume_lots)
    prices = (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks)
    return [
        start_ms,
        *(price(instrument, ticks) for ticks in prices),
        volume,
        start_ms + bar.interval_ns // _MS_NS - 1,
        worth,
        1,
        "0",
        "0",
        "0",
    ]


def funding_rows(instrument: Instrument, mark: MarkPrice | None, funding: Funding | None, now_ms: int) -> Row:
    """Write mark, index and the running rate."""
    return {
        "symbol": instrument.native,
        "markPrice": "0" if mark is None else plain(mark.mark),
        "indexPrice": "0" if mark is None or mark.index is None else plain(mark.index),
        "estimatedSettlePrice": "0" if mark is None else plain(mark.mark),
        "lastFundingRate": "0" if funding is None else plain(funding.rate),
        "interestRate": "0.00010000",
        "nextFundingTime": 0 if funding is None else (funding.next_ns or 0) // _MS_NS,
        "time": now_ms,
    }


# -- orders -------------------------------------------------------------------------------------------------------


def order_row(slip: Slip) -> Row:
    """Write an order as a question about it is answered."""
    row = placed_row(slip)
    at_ms, updated_ms = slip.created_ns // _MS_NS, slip.updated_ns // _MS_NS
    instrument = slip.instrument
    average = slip.average_ticks
    if section_is_spot(instrument):
        row.pop("transactTime")
        return row | {
            "stopPrice": _stop(slip),
            "icebergQty": "0",
            "time": at_ms,
            "updateTime": updated_ms,
            "isWorking": True,
        }
    # Average and worth are gone from the answers to commands, and stay in those to questions.
    return row | {
        "avgPrice": "0" if average is None else ratio(average * Fraction(instrument.tick)),
        "cumQuote": _worth(slip),
        "time": at_ms,
    }


def placed_row(slip: Slip) -> Row:
    """Write an order as a command is answered with it."""
    instrument = slip.instrument
    executed = quantity(instrument, slip.filled_lots)
    row: Row = {
        "symbol": instrument.native,
        "orderId": int(slip.venue_order_id or 0),
        "clientOrderId": text_of(slip),
        "price": price(instrument, slip.ticks),
        "origQty": quantity(instrument, slip.lots or slip.filled_lots),
        "executedQty": executed,
        "status": status_of(slip),
        "timeInForce": slip.extra.get("timeInForce", "GTC"),
        "type": slip.extra["type"],
        "side": _SIDES[slip.intent.side],
        "selfTradePreventionMode": slip.extra.get("selfTradePreventionMode", "EXPIRE_MAKER"),
    }
    if section_is_spot(instrument):
        quote = slip.intent.quote_amount
        at_ms = slip.updated_ns // _MS_NS
        row |= {
            "orderListId": -1,
            "transactTime": at_ms,
            "origQuoteOrderQty": "0" if quote is None else amount(quote),
            "cummulativeQuoteQty": _worth(slip),
            "workingTime": slip.created_ns // _MS_NS,
        }
        if slip.status is OrderStatus.EXPIRED:
            row["expiryReason"] = _EXPIRY.get(slip.reason, "EXCHANGE_CANCELED")
        return row
    return row | {
        "cumQty": executed,
        "reduceOnly": slip.intent.reduce_only,
        "closePosition": False,
        "positionSide": "BOTH",
        "stopPrice": _stop(slip),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": slip.extra["type"],
        "priceMatch": "NONE",
        "goodTillDate": (slip.intent.expires_ns or 0) // _MS_NS,
        "updateTime": slip.updated_ns // _MS_NS,
    }


_EXPIRY: Final = {
    "ioc": "UNFILLED_IOC_QUANTITY_EXPIRED",
    "fok": "UNFILLED_FOK_ORDER_EXPIRED",
    "no_liquidity": "INSUFFICIENT_LIQUIDITY",
    "self_trade": "SELF_TRADE_PREVENTION",
}


def canceled_row(slip: Slip, cancel: str) -> Row:
    """Write an order as its cancel is answered: on spot the cancel has a name of its own."""
    row = placed_row(slip)
    if section_is_spot(slip.instrument):
        row |= {"origClientOrderId": text_of(slip), "clientOrderId": cancel}
    return row


def fill_rows(slip: Slip, executed: Sequence[Executed]) -> list[Row]:
    """Write what an order traded at once."""
    return [
        {
            "price": price(slip.instrument, each.fill.ticks),
            "qty": quantity(slip.instrument, each.fill.lots),
            "commission": "0" if each.fill.fee is None else amount(each.fill.fee),
            "commissionAsset": "" if each.fill.fee is None else each.fill.fee.currency,
            "tradeId": int(each.fill.trade_id),
        }
        for each in executed
        if each.slip is slip
    ]


def algo_row(slip: Slip) -> Row:
    """Write a conditional order."""
    if not is_waiting(slip):
        status = "TRIGGERED" if slip.is_open else "FINISHED"
    else:
        status = {"FILLED": "FINISHED", "PARTIALLY_FILLED": "NEW"}.get(status_of(slip), status_of(slip))
    instrument = slip.instrument
    return {
        "algoId": algo_id(slip),
        "clientAlgoId": text_of(slip),
        "algoType": "CONDITIONAL",
        "orderType": slip.extra["type"],
        "symbol": instrument.native,
        "side": _SIDES[slip.intent.side],
        "positionSide": "BOTH",
        "timeInForce": slip.extra.get("timeInForce", "GTC"),
        "quantity": quantity(instrument, slip.lots),
        "algoStatus": status,
        "actualOrderId": "" if is_waiting(slip) else slip.venue_order_id,
        "triggerPrice": _stop(slip),
        "price": price(instrument, slip.ticks),
        "workingType": slip.extra.get("workingType", "CONTRACT_PRICE"),
        "priceProtect": False,
        "reduceOnly": slip.intent.reduce_only,
        "createTime": slip.created_ns // _MS_NS,
        "updateTime": slip.updated_ns // _MS_NS,
    }


def my_trade(each: Executed) -> Row:
    """Write a fill as a question about fills is answered."""
    slip, fill = each.slip, each.fill
    instrument = slip.instrument
    worth = instrument.notional(ticks=fill.ticks, lots=fill.lots)
    row: Row = {
        "symbol": instrument.native,
        "id": int(fill.trade_id),
        "orderId": int(slip.venue_order_id),
        "price": price(instrument, fill.ticks),
        "qty": quantity(instrument, fill.lots),
        "quoteQty": amount(worth),
        "commission": "0" if fill.fee is None else amount(fill.fee),
        "commissionAsset": "" if fill.fee is None else fill.fee.currency,
        "time": each.at_ns // _MS_NS,
    }
    is_buy = fill.side is Side.BUY
    if section_is_spot(instrument):
        return row | {"orderListId": -1, "isBuyer": is_buy, "isMaker": fill.maker, "isBestMatch": True}
    return row | {
        "side": _SIDES[fill.side],
        "positionSide": "BOTH",
        "buyer": is_buy,
        "maker": fill.maker,
        "realizedPnl": "0",
        "marginAsset": instrument.settle,
        "pair": instrument.native,
    }


def _stop(slip: Slip) -> str:
    trigger = slip.intent.trigger
    return "0" if trigger is None else price(slip.instrument, trigger.ticks)


def _worth(slip: Slip) -> str:
    if not slip.filled_lots:
        return "0"
    return amount(Money(slip.instrument.value(ticks=1, lots=1) * slip.filled_value, slip.instrument.quote))
