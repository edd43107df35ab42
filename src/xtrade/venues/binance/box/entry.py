"""An order as a client words it becomes ours; what the floor refuses is refused in the venue's words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from xtrade.model.errors import NumberError
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.sim.matching.rules import SelfTrade
from xtrade.venues.binance.box.gate import Denied, missing, whole

__all__ = ["ALGO_TYPES", "intent_of", "lots_of", "refusal_of", "self_trade_of", "ticks_of"]

_MS_NS: Final = 1_000_000
_NUMBER: Final = ClientOrderId(1)
"""The floor gives every order a number of its own."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_SPOT_TYPES: Final = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.STOP_MARKET,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_MARKET,
    "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
}
_USDM_TYPES: Final = {"LIMIT": OrderType.LIMIT, "MARKET": OrderType.MARKET}
ALGO_TYPES: Final = {
    "STOP": OrderType.STOP_LIMIT,
    "STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT_MARKET,
    "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP,
}
"""Conditional orders, which have an endpoint of their own."""

_TIMES: Final = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTD": TimeInForce.GTD,
    "GTX": TimeInForce.GTC,
}
_SELF_TRADE: Final = {
    "NONE": SelfTrade.ALLOW,
    "EXPIRE_TAKER": SelfTrade.CANCEL_TAKER,
    "EXPIRE_MAKER": SelfTrade.CANCEL_MAKER,
    "EXPIRE_BOTH": SelfTrade.CANCEL_BOTH,
    "DECREMENT": SelfTrade.DECREMENT,
}
_WORKING: Final = {"MARK_PRICE": TriggerPrice.MARK, "CONTRACT_PRICE": TriggerPrice.LAST}

_SPOT_REFUSALS: Final = {
    "insufficient_funds": (-2010, "Account has insufficient balance for requested action."),
    "post_only": (-2010, "Order would immediately match and take."),
    "would_trigger": (-2010, "Stop price would trigger immediately."),
    "price_band": (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    "too_small": (-1013, "Filter failure: NOTIONAL"),
    "too_late": (-1021, "Timestamp for this request is outside of the recvWindow."),
}
_USDM_REFUSALS: Final = {
    "insufficient_margin": (-2019, "Margin is insufficient."),
    "post_only": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    "would_trigger": (-2021, "Order would immediately trigger."),
    "reduce_only": (-2022, "ReduceOnly Order is rejected."),
    "price_band": (-4016, "Limit price can't be higher than the cap."),
    "too_late": (-5028, "Timestamp for this request is outside of the ME recvWindow"),
}


def refusal_of(code: str, reason: str, instrument: Instrument) -> Denied:
    """Say in the venue's words what the floor refused."""
    spot = instrument.kind is Kind.SPOT
    known = _SPOT_REFUSALS if spot else _USDM_REFUSALS
    if "below the minimum" in reason and "worth" in reason:
        found = (-1013, "Filter failure: NOTIONAL") if spot else (-4164, "Order's notional is too small.")
    else:
        found = known.get(code, (-1013, f"Filter failure: {reason}") if spot else (-1111, reason))
    return Denied(*found)


def intent_of(params: Mapping[str, str], instrument: Instrument) -> OrderIntent:
    """Read an order; Denied where a client has worded none."""
    words = (
        _SPOT_TYPES if instrument.kind is Kind.SPOT else (ALGO_TYPES if "algoType" in params else _USDM_TYPES)
    )
    type_ = params.get("type", "")
    if type_ in ALGO_TYPES and type_ not in words:
        raise Denied(
            -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints."
        )
    if type_ not in words:
        raise missing("type") if not type_ else Denied(-1116, "Invalid orderType.")
    side = _SIDES.get(params.get("side", ""))
    if side is None:
        raise missing("side") if not params.get("side") else Denied(-1117, "Invalid side.")
    kind = OrderType.TRAILING_STOP if "trailingDelta" in params else words[type_]
    time_in_force = _time_in_force(params, kind, type_)
    quote = params.get("quoteOrderQty")
    if quote is not None and kind is not OrderType.MARKET:
        raise Denied(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    return OrderIntent(
        client_order_id=_NUMBER,
        instrument=instrument.key,
        instrument_version=instrument.version,
        side=side,
        type=kind,
        lots=lots_of(params, "quantity", instrument) if quote is None else 0,
        quote_amount=None if quote is None else _quote_amount(params, instrument),
        ticks=ticks_of(params, "price", instrument) if kind.is_limit else None,
        trigger=_trigger(params, kind, instrument),
        time_in_force=time_in_force,
        expires_ns=whole(params, "goodTillDate") * _MS_NS if time_in_force is TimeInForce.GTD else None,
        post_only=type_ == "LIMIT_MAKER" or params.get("timeInForce") == "GTX",
        reduce_only=params.get("reduceOnly", "").lower() == "true",
    )


def self_trade_of(params: Mapping[str, str]) -> SelfTrade | None:
    """Read what is to become of an order that would meet the account's own."""
    mode = params.get("selfTradePreventionMode")
    if mode is None:
        return None
    if mode not in _SELF_TRADE:
        raise Denied(-1135, "Invalid selfTradePreventionMode.")
    return _SELF_TRADE[mode]


def lots_of(params: Mapping[str, str], name: str, instrument: Instrument) -> int:
    """Read a quantity on the grid."""
    spot = instrument.kind is Kind.SPOT
    try:
        lots = instrument.lots(_decimal(params, name))
    except NumberError:
        raise Denied(
            -1013 if spot else -1111,
            "Filter failure: LOT_SIZE" if spot else "Precision is over the maximum defined for this asset.",
        ) from None
    if not instrument.min_lots <= lots <= instrument.max_lots:
        raise (
            Denied(-1013, "Filter failure: LOT_SIZE")
            if spot
            else Denied(-4003, "Quantity less than or equal to zero.")
        )
    return lots


def ticks_of(params: Mapping[str, str], name: str, instrument: Instrument) -> int:
    """Read a price on the grid."""
    spot = instrument.kind is Kind.SPOT
    try:
        ticks = instrument.ticks(_decimal(params, name))
    except NumberError:
        raise (
            Denied(-1013, "Filter failure: PRICE_FILTER")
            if spot
            else Denied(-4014, "Price not increased by tick size.")
        ) from None
    if ticks < 1:
        raise Denied(-1013, "Invalid price.") if spot else Denied(-4001, "Price less than 0.")
    return ticks


def _time_in_force(params: Mapping[str, str], kind: OrderType, type_: str) -> TimeInForce:
    text = params.get("timeInForce")
    if text is not None and (type_ in {"LIMIT_MAKER", "MARKET"}):
        raise Denied(-1106, "Parameter 'timeInForce' sent when not required.")
    if text is None:
        if kind.is_limit and type_ != "LIMIT_MAKER" and "algoType" not in params:
            raise missing("timeInForce")
        return TimeInForce.GTC
    if text not in _TIMES:
        raise Denied(-1115, "Invalid timeInForce.")
    return _TIMES[text]


def _trigger(params: Mapping[str, str], kind: OrderType, instrument: Instrument) -> Trigger | None:
    if not kind.is_triggered:
        return None
    by = _WORKING.get(params.get("workingType", "CONTRACT_PRICE"))
    if by is None:
        raise Denied(-1102, "Invalid workingType.")
    name = "stopPrice" if instrument.kind is Kind.SPOT else "triggerPrice"
    if kind is not OrderType.TRAILING_STOP:
        return Trigger(ticks=ticks_of(params, name, instrument), by=by)
    begins = name if instrument.kind is Kind.SPOT else "activatePrice"
    if instrument.kind is Kind.SPOT:
        rate = Fraction(whole(params, "trailingDelta"), 10_000)
    else:
        rate = Fraction(_decimal(params, "callbackRate")) / 100
    if not 0 < rate < 1:
        raise Denied(-1102, "Invalid callback rate.")
    return Trigger(
        ticks=ticks_of(params, begins, instrument) if begins in params else None,
        trail_rate=Decimal(rate.numerator) / Decimal(rate.denominator),
        by=by,
    )


def _quote_amount(params: Mapping[str, str], instrument: Instrument) -> Money:
    try:
        return Money.of(_decimal(params, "quoteOrderQty"), instrument.quote)
    except NumberError:
        raise Denied(-1111, "Precision is over the maximum defined for this asset.") from None


def _decimal(params: Mapping[str, str], name: str) -> Decimal:
    text = params.get(name, "")
    try:
        return number(text)
    except NumberError:
        raise missing(name) from None
