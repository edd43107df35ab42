"""OKX's facts: addresses, limits, abilities, lines, and what its codes mean.

Docs v5 as of 2026-09. Every limit is so many requests in two seconds: of public questions by address, of the others by
user, of orders by user and market. Placing, changing and cancelling have budgets of their own, batches another one;
REST and sockets share them. No header says how much of them is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.net.limits import NOTHING_KEPT, Cost, Pool, Window
from xtrade.net.liveness import Keepalive
from xtrade.runtime.id_forms import FORMS
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
from xtrade.venues.base import FeeRates
from xtrade.venues.meanings import Meaning
from xtrade.venues.spec import Spec
from xtrade.venues.streams import BookRule, Line

__all__ = ["CODES", "DEMO", "LIMITS", "SPEC", "WINDOW_MS", "cost"]

DEMO: Final = "demo"
"""The name of the REST address of demo trading. The host is the live one, and a header tells one from the other."""

# -- what it can do -----------------------------------------------------------------------------------------------

_ORDERS: Final = TradingAbilities(
    types=frozenset(OrderType) - {OrderType.TRAILING_STOP},
    time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    post_only=True,
    amend=Amend.ANY,
    cancel_all=Scope.NONE,
    dead_man=DeadMan.COUNTDOWN,
    dead_man_scope=Scope.ACCOUNT,
    dead_man_s=(10, 120),
    batch_max=20,
    # One that was canceled without a fill is forgotten after two hours.
    finds_ended=True,
)
_FEEDS: Final = frozenset({Feed.BOOK, Feed.TRADES, Feed.BARS})

_ABILITIES: Final = Abilities(
    market={
        Kind.SPOT: MarketAbilities(feeds=_FEEDS, levels_max=400),
        Kind.LINEAR: MarketAbilities(feeds=_FEEDS | {Feed.MARKS, Feed.FUNDING}, levels_max=400),
    },
    trading={
        Kind.SPOT: replace(_ORDERS, quote_sized=True),
        Kind.LINEAR: replace(_ORDERS, types=frozenset(OrderType), reduce_only=True),
    },
    account=AccountAbilities(balances=True, positions=True, fills=True, fills_name_orders=True),
)

# -- what it allows -----------------------------------------------------------------------------------------------

WINDOW_MS: Final = 2_000
LIMITS: Final[Mapping[str, int]] = {
    # by user and market
    "order": 60,
    "amend-order": 60,
    "cancel-order": 60,
    "batch-orders": 300,
    "order-algo": 20,
    "amend-algos": 20,
    "cancel-algos": 20,
    # by user
    "orders of the account": 1_000,
    "order asked for": 60,
    "orders-pending": 60,
    "orders-algo-pending": 20,
    "fills": 10,
    "balance": 10,
    "positions": 10,
    "config": 5,
    "trade-fee": 5,
    "set-leverage": 20,
    "cancel-all-after": 2,
    # by address
    "instruments": 20,
    "books": 40,
    "trades": 100,
    "candles": 20,
    "funding-rate": 10,
    "funding-rate-history": 10,
    "mark-price": 10,
    "time": 10,
}
"""How many requests in `WINDOW_MS`."""


def cost(pool: str, weight: int = 1, key: str = "") -> tuple[Cost, ...]:
    """Return what a request costs."""
    return (Cost(pool, weight, key),)


# -- where, and on which lines ------------------------------------------------------------------------------------


def _sockets(host: str) -> dict[str, str]:
    return {name: f"wss://{host}:8443/ws/v5/{name}" for name in ("public", "business", "private")}


# Thirty seconds of silence, of either side, end a connection.
_KEEPALIVE: Final = Keepalive(every_ms=18_000, payload=lambda: b"ping", answer_ms=8_000)


def _line(name: str, topics_max: int, *, private: bool = False, address: str = "") -> Line:
    return Line(
        name=name,
        address=address or name,
        private=private,
        logs_in=private,
        keepalive=_KEEPALIVE,
        silence_ms_max=30_000,
        topics_max=topics_max,
        confirms=True,
        opens="connections",
        # Orders go through the private line, and are no subscriptions.
        sends="" if private else "subscriptions",
    )


# -- what its codes mean ------------------------------------------------------------------------------------------

_MEANINGS: Final[Mapping[Meaning, str]] = {
    Meaning.REFUSED: (
        # balance and margin; price taken by post-only
        "51008 51119 51127 51131 51004 51511 51513"
        # parameters, markets, account mode
        " 50014 50015 51000 51001 51021 51022 51027 51028 51029 51030 51010 60012 60013 60018 64003"
        # size, price, number of orders
        " 51020 51120 51121 51005 51101 51202 51006 51116 51137 51138 51025 51174 51071 54084 54085"
        # later than the request was to arrive
        " 50036 50037"
    ),
    Meaning.WAIT: "50011 50061 50040 60014",
    Meaning.KEY: (
        "50100 50101 50103 50104 50105 50106 50107 50110 50111 50113 50119 50120"
        " 60005 60007 60009 60011 60024 60032"
    ),
    Meaning.CLOCK: "50102 50112 60004 60006",
    # A client order id that is taken: an earlier attempt has arrived.
    Meaning.DOUBT: "50001 50004 50013 50026 51054 51016 50071 63999",
    Meaning.GONE: "51400 51401 51402 51503 51509 51510 51603",
}
CODES: Final[Mapping[str, Meaning]] = {
    code: meaning for meaning, codes in _MEANINGS.items() for code in codes.split()
}
"""A code that is not here refuses."""

SPEC: Final = Spec(
    name="okx",
    addresses={
        "live": {"rest": "https://openapi.okx.com", **_sockets("ws.okx.com")},
        "testnet": {DEMO: "https://openapi.okx.com", **_sockets("wspap.okx.com")},
    },
    abilities=_ABILITIES,
    lines=(
        # More than thirty books on one connection come late.
        _line("public", 30),
        _line("business", 100),
        _line("private", 0, private=True),
        # Orders that sleep are told of elsewhere.
        _line("stops", 0, private=True, address="business"),
    ),
    books={"": BookRule(snapshot="told", chain="previous")},
    ids=FORMS["okx"],
    pools=(
        Pool("connections", (Window(3, ms=1_000),), kept=NOTHING_KEPT),
        Pool("subscriptions", (Window(480, ms=3_600_000),), kept=NOTHING_KEPT),
        *(Pool(name, (Window(limit, ms=WINDOW_MS),), kept=NOTHING_KEPT) for name, limit in LIMITS.items()),
    ),
    pause_ms=2_000,
    pause_statuses=(429,),
    # Each command has a budget of its own.
    cancels_pass_pause=True,
    clock_ms_max=20_000,
    fees={
        Kind.SPOT: FeeRates(Decimal("0.0008"), Decimal("0.001")),
        Kind.LINEAR: FeeRates(Decimal("0.0002"), Decimal("0.0005")),
    },
    key_fields=("api_key", "api_secret", "passphrase"),
)
