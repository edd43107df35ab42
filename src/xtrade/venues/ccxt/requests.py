"""What we want of a venue, as the arguments that ccxt takes: pure.

method, arguments = placing(intent, market, form)
"""

from __future__ import annotations

from typing import Any

from xtrade.model.errors import Unavailable
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.runtime.id_forms import Form
from xtrade.venues.ccxt.figures import wire_number
from xtrade.venues.ccxt.markets import Market

__all__ = ["amending", "placing"]


def placing(
    intent: OrderIntent, market: Market, form: Form, *, by_cost_alone: bool
) -> tuple[str, tuple[Any, ...]]:
    """Return the method and arguments that place an order; Unavailable says why it cannot be said to this venue.

    `by_cost_alone`: at this venue a market order that buys is sized by what it costs.
    """
    params: dict[str, Any] = {"clientOrderId": form.encode(intent.client_order_id)}
    if intent.time_in_force is not TimeInForce.GTC:
        params["timeInForce"] = intent.time_in_force.name
    if intent.post_only:
        params["postOnly"] = True
    if intent.reduce_only:
        params["reduceOnly"] = True
    if intent.quote_amount is not None:
        if intent.side is Side.SELL:
            raise _cannot(intent, "sells no amount of quote currency")
        return "create_market_buy_order_with_cost", (
            market.symbol,
            wire_number(intent.quote_amount.amount),
            params,
        )
    if intent.type is OrderType.MARKET and intent.side is Side.BUY and by_cost_alone:
        raise _cannot(
            intent, "sizes a market order that buys by its cost: give a quote amount, or a limit order"
        )
    instrument = market.instrument
    return "create_order", (
        market.symbol,
        "limit" if intent.type.is_limit else "market",
        intent.side.value,
        wire_number(instrument.quantity(intent.lots)),
        None if intent.ticks is None else wire_number(instrument.price(intent.ticks)),
        params,
    )


def amending(name: str, market: Market, side: Side, *, lots: int, ticks: int) -> tuple[Any, ...]:
    """Return the arguments that change an order to these total lots at this price."""
    instrument = market.instrument
    quantity, price = instrument.quantity(lots), instrument.price(ticks)
    return (
        name,
        market.symbol,
        "limit",
        side.value,
        wire_number(quantity),
        wire_number(price),
    )


def _cannot(intent: OrderIntent, why: str) -> Unavailable:
    name = intent.instrument.partition(":")[0]
    return Unavailable(f"{name} {why}; nothing was sent", venue=name, request="place")
