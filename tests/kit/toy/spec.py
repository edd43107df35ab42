"""Toy: the facts."""

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.net.limits import Pool, Window
from xtrade.net.liveness import Keepalive
from xtrade.runtime.id_forms import INT64
from xtrade.venues.abilities import (
    Abilities,
    AccountAbilities,
    Amend,
    DeadMan,
    Feed,
    MarketAbilities,
    Scope,
    TradingAbilities,
)
from xtrade.venues.meanings import Meaning
from xtrade.venues.spec import Spec
from xtrade.venues.streams import BookRule, Line

_ORDERS = TradingAbilities(
    types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    post_only=True,
    amend=Amend.ANY,
    cancel_all=Scope.ACCOUNT,
    dead_man=DeadMan.COUNTDOWN,
    dead_man_scope=Scope.ACCOUNT,
    dead_man_s=(1, 600),
    finds_ended=True,
)

SPEC = Spec(
    name="toy",
    addresses={"live": {"rest": "https://api.toy.invalid", "stream": "wss://stream.toy.invalid/stream"}},
    abilities=Abilities(
        market={
            kind: MarketAbilities(feeds=frozenset({Feed.BOOK, Feed.TRADES}))
            for kind in (Kind.SPOT, Kind.LINEAR)
        },
        trading=dict.fromkeys((Kind.SPOT, Kind.LINEAR), _ORDERS),
        account=AccountAbilities(balances=True, positions=True, fills=True, fills_name_orders=True),
    ),
    lines=(
        Line(
            name="public",
            address="stream",
            keepalive=Keepalive(every_ms=15_000),
            silence_ms_max=30_000,
            life_ms=600_000,
            confirms=True,
            topics_max=20,
        ),
        Line(
            name="private",
            address="stream",
            private=True,
            logs_in=True,
            keepalive=Keepalive(every_ms=15_000),
            life_ms=600_000,
            confirms=True,
        ),
    ),
    books={"": BookRule(snapshot="told", chain="previous")},
    ids=INT64,
    pools=(Pool("requests", (Window(200, ms=1_000),)),),
    key_fields=("api_key", "api_secret"),
)

CODES = {
    "clock": Meaning.CLOCK,
    "key": Meaning.KEY,
    "busy": Meaning.WAIT,
    "refused": Meaning.REFUSED,
    "gone": Meaning.GONE,
}
