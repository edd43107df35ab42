"""Backpack's facts, as of 2026-11-20. There is no testnet: a box takes its place."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.net.limits import Pool, Window
from xtrade.net.liveness import Keepalive
from xtrade.runtime.id_forms import FORMS
from xtrade.runtime.ids import BITS_32
from xtrade.venues.abilities import (
    Abilities,
    AccountAbilities,
    Feed,
    MarketAbilities,
    Scope,
    TradingAbilities,
)
from xtrade.venues.base import FeeRates
from xtrade.venues.meanings import Meaning
from xtrade.venues.spec import Spec
from xtrade.venues.streams import BookRule, Line

__all__ = ["BATCH_MAX", "DEPTHS", "HISTORY", "INTERVALS", "MEANINGS", "PAGE", "REQUESTS", "SPEC", "WINDOW_MS"]

# How long a signature is good for.
WINDOW_MS: Final = 5_000
# The venue does not publish the most orders of a batch; twenty are known to pass.
BATCH_MAX: Final = 20
# The most rows of one answer, where there may be more.
PAGE: Final = 1_000
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1_000)

_MINUTE: Final = 60 * 10**9
INTERVALS: Final[Mapping[int, str]] = {
    10**9: "1s",
    **{n * _MINUTE: f"{n}m" for n in (1, 3, 5, 15, 30)},
    **{n * 60 * _MINUTE: f"{n}h" for n in (1, 2, 4, 6, 8, 12)},
    **{n * 1_440 * _MINUTE: f"{n}d" for n in (1, 3)},
    7 * 1_440 * _MINUTE: "1w",
}
"""Bars by their length."""

REQUESTS: Final = "requests"
HISTORY: Final = "history"

_ORDERS: Final = TradingAbilities(
    types=frozenset(OrderType) - {OrderType.TRAILING_STOP},
    time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    post_only=True,
    quote_sized=True,
    cancel_all=Scope.INSTRUMENT,
    batch_max=BATCH_MAX,
    client_ids=BITS_32,
    finds_ended=True,
)
_PERP_ORDERS: Final = TradingAbilities(
    types=_ORDERS.types,
    time_in_force=_ORDERS.time_in_force,
    post_only=True,
    reduce_only=True,
    quote_sized=True,
    cancel_all=Scope.INSTRUMENT,
    batch_max=BATCH_MAX,
    client_ids=BITS_32,
    finds_ended=True,
)
_FEEDS: Final = frozenset({Feed.BOOK, Feed.TRADES})
# The venue pings each minute and answers ours; a market may be quiet for long, so silence alone is no sign of death.
_ALIVE: Final = Keepalive(every_ms=20_000, answer_ms=15_000)

SPEC: Final = Spec(
    name="backpack",
    addresses={"live": {"rest": "https://api.backpack.exchange", "stream": "wss://ws.backpack.exchange"}},
    abilities=Abilities(
        market={
            Kind.SPOT: MarketAbilities(feeds=_FEEDS, levels_max=1_000),
            Kind.LINEAR: MarketAbilities(feeds=_FEEDS | {Feed.MARKS, Feed.FUNDING}, levels_max=1_000),
        },
        trading={Kind.SPOT: _ORDERS, Kind.LINEAR: _PERP_ORDERS},
        account=AccountAbilities(balances=True, positions=True, fills=True, fills_name_orders=True),
    ),
    lines=(
        Line(name="public", address="stream", keepalive=_ALIVE),
        Line(name="private", address="stream", private=True, keepalive=_ALIVE),
    ),
    books={"": BookRule(snapshot="asked", chain="contiguous", joins="after")},
    ids=FORMS["backpack"],
    pools=(
        Pool(REQUESTS, (Window(2_000, ms=60_000),)),
        Pool(HISTORY, (Window(30, ms=60_000),)),
    ),
    fees={
        Kind.SPOT: FeeRates(Decimal("0.0008"), Decimal("0.001")),
        Kind.LINEAR: FeeRates(Decimal("0.0002"), Decimal("0.0005")),
    },
    key_fields=("api_key", "private_key"),
)

MEANINGS: Final[Mapping[str, Meaning]] = {
    "ACCOUNT_DEACTIVATED": Meaning.KEY,
    "ACCOUNT_LIQUIDATING": Meaning.REFUSED,
    "FORBIDDEN": Meaning.KEY,
    "INVALID_SIGNATURE": Meaning.KEY,
    "MAINTENANCE": Meaning.CLOSED,
    "PRECONDITION_FAILED": Meaning.REFUSED,
    "RESOURCE_NOT_FOUND": Meaning.GONE,
    "SERVER_ERROR": Meaning.DOUBT,
    "TIMEOUT": Meaning.DOUBT,
    "TOO_EARLY": Meaning.CLOSED,
    "TOO_MANY_REQUESTS": Meaning.WAIT,
    "TRADING_PAUSED": Meaning.CLOSED,
    "UNAUTHORIZED": Meaning.KEY,
}
"""What codes mean; any other one is a refusal."""
