"""What a venue can do through ccxt: ccxt's own tables, read as ours, less what ccxt loses on the way.

    abilities_of(wire, listing, form, signed=True)

A venue of ccxt's can do at most this, and never what ccxt only emulates where orders are concerned. Left out
everywhere, whatever the venue has: orders that wait for a trigger, good-till-date, batches, the dead man's switch.
docs/ccxt.md says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.runtime.id_forms import Form
from xtrade.venues.abilities import (
    Abilities,
    AccountAbilities,
    Amend,
    Feed,
    MarketAbilities,
    Scope,
    TradingAbilities,
)
from xtrade.venues.ccxt.markets import Listing
from xtrade.venues.ccxt.wire import Wire

__all__ = ["LEVELS_MAX", "abilities_of", "can_trade", "features_of", "settled_by"]

# ccxt cancels orders there only by what it has forgotten by then: what cannot be canceled is not to be placed.
_NOT_CANCELED: Final = frozenset({"dydx"})

LEVELS_MAX: Final = 50
"""How deep books are told: a venue's own depths differ, and ccxt sends whatever is nearest."""


def abilities_of(wire: Wire, listing: Listing, form: Form, *, signed: bool) -> Abilities:
    """Return what this venue can do."""
    by_kind: dict[Kind, str] = {}
    for market in listing.markets:
        by_kind.setdefault(market.instrument.kind, market.type)
    private = signed and can_trade(wire)
    return Abilities(
        market={kind: MarketAbilities(feeds=_feeds(wire, kind), levels_max=LEVELS_MAX) for kind in by_kind},
        trading={
            kind: _trading(wire, features_of(wire, type_, kind), kind, form)
            for kind, type_ in by_kind.items()
            if private
        },
        account=AccountAbilities(
            balances=signed and wire.can_somehow("fetchBalance"),
            positions=signed and wire.can_somehow("fetchPositions"),
            fills=signed and wire.can_somehow("fetchMyTrades"),
        ),
    )


def can_trade(wire: Wire) -> bool:
    """Say whether orders can be placed there, and taken back."""
    return wire.can("createOrder") and wire.can("cancelOrder") and wire.exchange.id not in _NOT_CANCELED


def features_of(wire: Wire, type_: str, kind: Kind) -> Mapping[str, Any]:
    """Return ccxt's table of what one type of market has; empty where ccxt has none."""
    found = (getattr(wire.exchange, "features", None) or {}).get(type_) or {}
    if kind is not Kind.SPOT and ("linear" in found or "inverse" in found):
        found = found.get(kind.value) or {}
    return found if isinstance(found, Mapping) else {}


def settled_by(wire: Wire, kind: Kind) -> str | None:
    """Return the method that tells marks and funding of contracts; None if there is none."""
    if kind is Kind.SPOT:
        return None
    return next(
        (
            method
            for ability, method in (
                ("fetchFundingRate", "fetch_funding_rate"),
                ("fetchFundingRates", "fetch_funding_rates"),
                ("fetchMarkPrice", "fetch_mark_price"),
            )
            if wire.can_somehow(ability)
        ),
        None,
    )


def _feeds(wire: Wire, kind: Kind) -> frozenset[Feed]:
    feeds = set()
    if wire.can("watchOrderBook") or wire.can_somehow("fetchOrderBook"):
        feeds.add(Feed.BOOK)
    if wire.can("watchTrades") or wire.can_somehow("fetchTrades"):
        feeds.add(Feed.TRADES)
    method = settled_by(wire, kind)
    if method is not None:
        feeds.add(Feed.MARKS)
        if "funding" in method:
            feeds.add(Feed.FUNDING)
    return frozenset(feeds)


def _trading(wire: Wire, features: Mapping[str, Any], kind: Kind, form: Form) -> TradingAbilities:
    create = features.get("createOrder") or {}
    in_force = create.get("timeInForce") or {}
    known = {TimeInForce.GTC}
    known |= {each for each in (TimeInForce.IOC, TimeInForce.FOK) if in_force.get(each.name) is True}
    types = {OrderType.LIMIT}
    if wire.can_somehow("createMarketOrder") or wire.exchange.has.get("createMarketOrder") is None:
        types.add(OrderType.MARKET)
    finds = ("fetchClosedOrders", "fetchOrders", "fetchCanceledAndClosedOrders")
    return TradingAbilities(
        types=frozenset(types),
        time_in_force=frozenset(known),
        post_only=in_force.get("PO") is True or wire.can("createPostOnlyOrder"),
        reduce_only=kind is not Kind.SPOT and wire.can("createReduceOnlyOrder"),
        quote_sized=kind is Kind.SPOT and wire.can("createMarketBuyOrderWithCost"),
        amend=Amend.ANY if wire.can("editOrder") else Amend.NONE,
        cancel_all=Scope.INSTRUMENT if wire.can("cancelAllOrders") else Scope.NONE,
        client_ids=form.space,
        finds_ended=any(wire.can_somehow(each) for each in finds),
    )
