"""What a simulated venue takes of an intent: how the order meets the market, or in words why not at all."""

from __future__ import annotations

from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce, problems
from xtrade.sim.replay.layout import Style

__all__ = ["refusals", "style_of"]


def refusals(intent: OrderIntent, instrument: Instrument) -> list[str]:
    """Return what is wrong with an intent, one sentence each: what the venue would refuse, what no replay can do."""
    wrong = problems(intent, instrument)
    if intent.quote_amount is not None or intent.type not in {OrderType.LIMIT, OrderType.MARKET}:
        wrong.append("the replay takes limit and market orders, sized in lots")
    if intent.reduce_only or intent.expires_ns is not None:
        wrong.append("the replay knows neither reduce-only orders nor times of expiry")
    return wrong


def style_of(intent: OrderIntent) -> Style:
    """Return how the order meets the market."""
    if intent.type is OrderType.MARKET:
        return Style.MARKET
    if intent.time_in_force is TimeInForce.IOC:
        return Style.IOC
    if intent.time_in_force is TimeInForce.FOK:
        return Style.FOK
    return Style.POST_ONLY if intent.post_only else Style.REST
