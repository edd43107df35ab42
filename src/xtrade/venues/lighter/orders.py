"""Orders: as the numbers of a transaction, and what the venue's words for their state mean.

creation   an intent as the fields of a CreateOrder
status     what became of an order, in the model's words
ending     the event that tells of its end
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xtrade.model.errors import UsageError
from xtrade.model.events import OrderCanceled, OrderCompleted, OrderEvent, OrderExpired, OrderRejected
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import divided, plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce, TriggerPrice
from xtrade.model.sides import Side
from xtrade.runtime.id_forms import FORMS
from xtrade.venues.levels import counters
from xtrade.venues.lighter.messages import Order, time_ns

__all__ = ["BASE_MAX", "PRICE_MAX", "TYPES", "changed_to", "creation", "ending", "lots_of", "own", "status"]

BASE_MAX: Final = 2**48 - 1
PRICE_MAX: Final = 2**32 - 1

TYPES: Final[Mapping[OrderType, int]] = {
    OrderType.LIMIT: 0,
    OrderType.MARKET: 1,
    OrderType.STOP_MARKET: 2,
    OrderType.STOP_LIMIT: 3,
    OrderType.TAKE_PROFIT_MARKET: 4,
    OrderType.TAKE_PROFIT_LIMIT: 5,
}
"""The venue's numbers for types of orders."""

IMMEDIATE: Final = 0
UNTIL_TIME: Final = 1
POST_ONLY: Final = 2

_MS_NS: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
# The venue has no order without an end. Its own library takes this as the usual one.
_USUAL_LIFE_MS: Final = 28 * _DAY_MS
_LIFE_MS_MIN: Final = 5 * _MINUTE_MS
_LIFE_MS_MAX: Final = 30 * _DAY_MS
# The venue refuses what is five percent from the mark or the best price; a part of that is left for them to move.
_WORST_PERCENT: Final = 3


def creation(
    intent: OrderIntent, instrument: Instrument, last_ticks: int | None, now_ns: int
) -> dict[str, int]:
    """Return the fields of an order; UsageError for one that the venue does not take."""
    at_once = intent.time_in_force is TimeInForce.IOC or not intent.type.is_limit
    expires_ms = 0
    # What waits for its trigger needs an end, even if it is carried out at once then.
    if not at_once or intent.type.is_triggered:
        expires_ms = _expiry_ms(intent, now_ns)
    trigger_ticks = _trigger_ticks(intent)
    if intent.ticks is not None:
        ticks = intent.ticks
    else:
        reference = trigger_ticks or last_ticks
        if not reference:
            raise UsageError(
                f"lighter: a market order of {intent.instrument} needs a price to name the worst one by, and none was"
                " heard: subscribe to its trades or marks, or send a limit order"
            )
        ticks = worst_ticks(reference, intent.side)
    fields = {
        "MarketIndex": int(instrument.native),
        "ClientOrderIndex": int(FORMS["lighter"].encode(intent.client_order_id)),
        "BaseAmount": intent.lots,
        "Price": ticks,
        "IsAsk": int(intent.side is Side.SELL),
        "Type": TYPES[intent.type],
        "TimeInForce": POST_ONLY if intent.post_only else IMMEDIATE if at_once else UNTIL_TIME,
        "ReduceOnly": int(intent.reduce_only),
        "TriggerPrice": trigger_ticks,
        "OrderExpiry": expires_ms,
    }
    check_range(fields, instrument)
    return fields


def check_range(fields: Mapping[str, int], instrument: Instrument) -> None:
    """Refuse numbers that do not fit into a transaction."""
    if not 0 < fields["BaseAmount"] <= BASE_MAX:
        raise UsageError(
            f"lighter: {instrument.key}: a quantity of {plain(instrument.quantity(fields['BaseAmount']))} is out of"
            f" range: at most {plain(instrument.quantity(BASE_MAX))}"
        )
    for name, low in (("Price", 1), ("TriggerPrice", 0)):
        if not low <= fields[name] <= PRICE_MAX:
            raise UsageError(
                f"lighter: {instrument.key}: a price of {plain(instrument.price(fields[name]))} is out of range:"
                f" at most {plain(instrument.price(PRICE_MAX))}"
            )


def _trigger_ticks(intent: OrderIntent) -> int:
    if intent.trigger is None:
        return 0
    if intent.trigger.by is not TriggerPrice.MARK or intent.trigger.ticks is None:
        raise UsageError(
            f"lighter: {intent.instrument}: triggers watch the mark price alone: ask for Trigger(by=TriggerPrice.MARK)"
        )
    return intent.trigger.ticks


def worst_ticks(reference: int, side: Side) -> int:
    """Return the worst price that a market order accepts: some percent beyond a price that was heard."""
    if side is Side.BUY:
        return min(PRICE_MAX, divided(reference * (100 + _WORST_PERCENT), 100, toward="down"))
    return max(1, divided(reference * (100 - _WORST_PERCENT), 100, toward="up"))


def _expiry_ms(intent: OrderIntent, now_ns: int) -> int:
    now_ms = now_ns // _MS_NS
    if intent.expires_ns is None:
        return now_ms + _USUAL_LIFE_MS
    expires_ms = intent.expires_ns // _MS_NS
    if not now_ms + _LIFE_MS_MIN <= expires_ms <= now_ms + _LIFE_MS_MAX:
        raise UsageError(
            f"lighter: {intent.instrument}: an order ends between 5 minutes and 30 days from now, not in"
            f" {(expires_ms - now_ms) / _MINUTE_MS:.1f} minutes"
        )
    return expires_ms


# -- what became of them ------------------------------------------------------------------------------------------

_STATUSES: Final[Mapping[str, OrderStatus]] = {
    "in-progress": OrderStatus.OPEN,
    "pending": OrderStatus.OPEN,
    "open": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "canceled-oco": OrderStatus.CANCELED,
    "canceled-child": OrderStatus.CANCELED,
    "canceled-liquidation": OrderStatus.CANCELED,
    # The venue ended it by its terms: what an order that does not wait could not get, and its own other side.
    "canceled-expired": OrderStatus.EXPIRED,
    "canceled-too-much-slippage": OrderStatus.EXPIRED,
    "canceled-not-enough-liquidity": OrderStatus.EXPIRED,
    "canceled-self-trade": OrderStatus.EXPIRED,
    # It was never in the book. (If something of it traded nevertheless, it was.)
    "canceled-post-only": OrderStatus.REJECTED,
    "canceled-reduce-only": OrderStatus.REJECTED,
    "canceled-position-not-allowed": OrderStatus.REJECTED,
    "canceled-margin-not-allowed": OrderStatus.REJECTED,
    "canceled-invalid-balance": OrderStatus.REJECTED,
}


def own(index: int) -> ClientOrderId | None:
    """Return the id that an order was entered with; None for one that has none."""
    return FORMS["lighter"].decode(index)


def lots_of(order: Order, instrument: Instrument) -> tuple[int, int]:
    """Return an order's total and filled lots."""
    _, lots = counters(instrument)
    return lots(order.initial_base_amount), lots(order.filled_base_amount)


def changed_to(order: Order, instrument: Instrument) -> tuple[int, int]:
    """Return the lots and the price that an order has now."""
    ticks, lots = counters(instrument)
    return lots(order.initial_base_amount), ticks(order.price)


def status(order: Order, filled_lots: int) -> OrderStatus:
    """Return where an order stands; a word that is not known counts as an end if it says canceled."""
    found = _STATUSES.get(order.status)
    if found is None:
        found = OrderStatus.CANCELED if order.status.startswith("canceled") else OrderStatus.OPEN
    if filled_lots and found is OrderStatus.OPEN:
        return OrderStatus.PARTIAL
    if filled_lots and found is OrderStatus.REJECTED:
        return OrderStatus.CANCELED
    return found


def ending(
    order: Order, client_order_id: ClientOrderId, filled_lots: int, received_ns: int
) -> OrderEvent | None:
    """Return the event that tells of an order's end; None while it is open."""
    name, at_ns = str(order.order_index), time_ns(order.updated_at or order.timestamp)
    found = status(order, filled_lots)
    if found is OrderStatus.FILLED:
        return OrderCompleted(
            client_order_id=client_order_id,
            venue_order_id=name,
            venue_ns=at_ns,
            cumulative_lots=filled_lots,
            received_ns=received_ns,
        )
    if found is OrderStatus.REJECTED:
        return OrderRejected(
            client_order_id=client_order_id,
            venue_order_id=name,
            venue_ns=at_ns,
            reason=order.status.removeprefix("canceled-").replace("-", " "),
            code=order.status,
            received_ns=received_ns,
        )
    if not found.is_final:
        return None
    made = OrderExpired if found is OrderStatus.EXPIRED else OrderCanceled
    return made(
        client_order_id=client_order_id,
        venue_order_id=name,
        venue_ns=at_ns,
        reason=order.status.removeprefix("canceled").lstrip("-").replace("-", " "),
        cumulative_lots=filled_lots,
        received_ns=received_ns,
    )
