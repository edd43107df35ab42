"""An order in Binance's words: what is sent of an intent, by section; and what neither section takes.

The gate has asked the tables of abilities before; what they have no word for is refused here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from xtrade.model.errors import Unavailable
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.runtime.id_forms import FORMS
from xtrade.venues.binance.sections import SPOT, section_of

__all__ = ["IDS", "SIDES", "batched", "order_form", "price_of", "quantity_of"]

IDS: Final = FORMS["binance"]
SIDES: Final = {Side.BUY: "BUY", Side.SELL: "SELL"}

_SPOT_TYPES: Final = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
    OrderType.TRAILING_STOP: "STOP_LOSS",
}
_USDM_TYPES: Final = {
    OrderType.LIMIT: "LIMIT",
    OrderType.MARKET: "MARKET",
    OrderType.STOP_MARKET: "STOP_MARKET",
    OrderType.STOP_LIMIT: "STOP",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
    OrderType.TRAILING_STOP: "TRAILING_STOP_MARKET",
}
_TIMES: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTD: "GTD",
}
_WORKING: Final = {TriggerPrice.LAST: "CONTRACT_PRICE", TriggerPrice.MARK: "MARK_PRICE"}
_BASIS_POINTS: Final = 10_000
_MS_NS: Final = 1_000_000


def order_form(intent: OrderIntent, instrument: Instrument) -> dict[str, str]:
    """Return what is sent of an order; Unavailable where the section has no such form."""
    reason = next(_reasons(intent, instrument), None)
    if reason is not None:
        raise Unavailable(
            f"binance: place order: {instrument.symbol}: {reason}; nothing was sent",
            venue="binance",
            request="place order",
        )
    form = {"symbol": instrument.native, "side": SIDES[intent.side]}
    if section_of(instrument) is SPOT:
        return form | dict(_spot(intent, instrument))
    words = _algo if intent.type.is_triggered else _usdm
    return form | dict(words(intent, instrument))


def batched(form: Mapping[str, str]) -> dict[str, str]:
    """Return a form as one of several: there the default against meeting oneself is not the usual one."""
    # The venue knows none for orders that cannot take (GTX) or that take all or nothing.
    guarded = form.get("timeInForce", "IOC") in {"GTC", "IOC", "GTD"}
    return {**form, "selfTradePreventionMode": "EXPIRE_MAKER"} if guarded else dict(form)


def price_of(instrument: Instrument, ticks: int) -> str:
    """Write a price."""
    return plain(instrument.price(ticks))


def quantity_of(instrument: Instrument, lots: int) -> str:
    """Write a quantity."""
    return plain(instrument.quantity(lots))


def _spot(intent: OrderIntent, instrument: Instrument) -> Iterator[tuple[str, str]]:
    if intent.post_only:
        yield "type", "LIMIT_MAKER"  # which knows no time in force
    else:
        yield "type", _SPOT_TYPES[intent.type]
        if intent.type.is_limit:
            yield "timeInForce", _TIMES[intent.time_in_force]
    if intent.quote_amount is not None:
        yield "quoteOrderQty", plain(intent.quote_amount.amount)
    else:
        yield "quantity", quantity_of(instrument, intent.lots)
    if intent.ticks is not None:
        yield "price", price_of(instrument, intent.ticks)
    if intent.trigger is not None:
        if intent.trigger.ticks is not None:
            yield "stopPrice", price_of(instrument, intent.trigger.ticks)
        if intent.trigger.trail_rate is not None:
            yield "trailingDelta", str(_times(intent.trigger.trail_rate, _BASIS_POINTS))
    yield "newClientOrderId", str(IDS.encode(intent.client_order_id))
    yield "newOrderRespType", "FULL"


def _usdm(intent: OrderIntent, instrument: Instrument) -> Iterator[tuple[str, str]]:
    yield "type", _USDM_TYPES[intent.type]
    if intent.ticks is not None:
        yield "timeInForce", "GTX" if intent.post_only else _TIMES[intent.time_in_force]
        yield "price", price_of(instrument, intent.ticks)
    yield "quantity", quantity_of(instrument, intent.lots)
    if intent.expires_ns is not None:
        yield "goodTillDate", str(intent.expires_ns // _MS_NS)
    if intent.reduce_only:
        yield "reduceOnly", "true"
    yield "newClientOrderId", str(IDS.encode(intent.client_order_id))
    yield "newOrderRespType", "RESULT"


def _algo(intent: OrderIntent, instrument: Instrument) -> Iterator[tuple[str, str]]:
    """Write a conditional order: since 2025-12-09 they have an endpoint, and numbers, of their own."""
    trigger = intent.trigger
    assert trigger is not None, "a triggered order has a trigger"
    yield "algoType", "CONDITIONAL"
    yield "type", _USDM_TYPES[intent.type]
    if intent.ticks is not None:
        yield "timeInForce", "GTX" if intent.post_only else _TIMES[intent.time_in_force]
        yield "price", price_of(instrument, intent.ticks)
    yield "quantity", quantity_of(instrument, intent.lots)
    yield "workingType", _WORKING[trigger.by]
    if trigger.trail_rate is not None:
        yield "callbackRate", plain(_percent(trigger.trail_rate))
        if trigger.ticks is not None:
            yield "activatePrice", price_of(instrument, trigger.ticks)
    elif trigger.ticks is not None:
        yield "triggerPrice", price_of(instrument, trigger.ticks)
    if intent.reduce_only:
        yield "reduceOnly", "true"
    yield "clientAlgoId", str(IDS.encode(intent.client_order_id))


def _reasons(intent: OrderIntent, instrument: Instrument) -> Iterator[str]:
    spot = section_of(instrument) is SPOT
    time_in_force = intent.time_in_force
    if not intent.type.is_limit and time_in_force not in {TimeInForce.GTC, TimeInForce.IOC}:
        yield f"an order without a limit price cannot be {time_in_force.upper()} there"
    if intent.post_only and not intent.type.is_limit:
        yield "post-only is for orders with a limit price"
    if intent.post_only and time_in_force is not TimeInForce.GTC:
        yield f"a post-only order cannot be {time_in_force.upper()} there"
    if spot:
        if time_in_force is TimeInForce.GTD:
            yield "spot has no good-till-date orders"
        if intent.reduce_only:
            yield "spot has no reduce-only orders"
        if intent.post_only and intent.type.is_triggered:
            yield "spot has no triggered orders that are post-only"
    else:
        if intent.quote_amount is not None:
            yield "futures take no orders sized in quote currency"
        if time_in_force is TimeInForce.GTD and intent.type.is_triggered:
            yield "a conditional order cannot be good till a date"
    if intent.trigger is not None:
        yield from _trigger_reasons(intent.trigger, spot=spot)


def _trigger_reasons(trigger: Trigger, *, spot: bool) -> Iterator[str]:
    if trigger.trail_ticks is not None:
        yield "it trails by a fraction of the price, not by ticks"
    if spot and trigger.by is not TriggerPrice.LAST:
        yield f"spot orders are woken by the last price, not by the {trigger.by}"
    if trigger.by not in _WORKING:
        yield f"orders are woken by the last price or the mark, not by the {trigger.by}"
    if trigger.trail_rate is not None and spot and _times(trigger.trail_rate, _BASIS_POINTS) is None:
        yield "it trails by whole hundredths of a percent"


def _times(rate: Decimal, times: int) -> int | None:
    """Return a fraction in so many parts, where it is a whole number of them."""
    parts = Fraction(rate) * times
    return int(parts) if parts.denominator == 1 else None


def _percent(rate: Decimal) -> Decimal:
    return Decimal(rate).scaleb(2)
