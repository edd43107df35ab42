"""Binance's facts: state of 2026-11-20 (docs/venues/binance.md says where they come from, and what is not certain)."""

from __future__ import annotations

from typing import Final

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.net.limits import NOTHING_KEPT, Pool, Window
from xtrade.net.liveness import Keepalive
from xtrade.net.usage import UsageRule
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
from xtrade.venues.binance.forms import IDS
from xtrade.venues.spec import Spec
from xtrade.venues.streams import BookRule, Line

__all__ = ["SPEC"]

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000

# Every connection ends after 24 hours.
_LIFE_MS: Final = 23 * 3_600_000
_ALIVE: Final = Keepalive(every_ms=30_000, when="nothing received", answer_ms=10_000)
# A stream that was subscribed to on the wrong route gives no error and no data. Quiet markets are quiet for minutes.
_SILENCE_MS: Final = 5 * _MINUTE_MS

_ALL_TYPES: Final = frozenset(OrderType)

SPEC: Final = Spec(
    name="binance",
    addresses={
        "live": {
            "spot": "https://api.binance.com",
            "spot stream": "wss://stream.binance.com:9443/ws",
            "spot ws-api": "wss://ws-api.binance.com:443/ws-api/v3?returnRateLimits=false",
            "usdm": "https://fapi.binance.com",
            "usdm public stream": "wss://fstream.binance.com/public/ws",
            "usdm market stream": "wss://fstream.binance.com/market/ws",
            "usdm private stream": "wss://fstream.binance.com/private/ws",
            "usdm ws-api": "wss://ws-fapi.binance.com/ws-fapi/v1?returnRateLimits=false",
        },
        "testnet": {
            "spot": "https://testnet.binance.vision",
            "spot stream": "wss://stream.testnet.binance.vision/ws",
            "spot ws-api": "wss://ws-api.testnet.binance.vision/ws-api/v3?returnRateLimits=false",
            "usdm": "https://demo-fapi.binance.com",
            "usdm public stream": "wss://demo-fstream.binance.com/public/ws",
            "usdm market stream": "wss://demo-fstream.binance.com/market/ws",
            "usdm private stream": "wss://demo-fstream.binance.com/private/ws",
            "usdm ws-api": "wss://testnet.binancefuture.com/ws-fapi/v1?returnRateLimits=false",
        },
    },
    abilities=Abilities(
        market={
            Kind.SPOT: MarketAbilities(
                feeds=frozenset({Feed.BOOK, Feed.TRADES, Feed.BARS}), levels_max=5_000
            ),
            Kind.LINEAR: MarketAbilities(feeds=frozenset(Feed), levels_max=1_000),
        },
        trading={
            Kind.SPOT: TradingAbilities(
                types=_ALL_TYPES,
                time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
                post_only=True,
                quote_sized=True,
                amend=Amend.LESS,
                cancel_all=Scope.INSTRUMENT,
                client_ids=IDS.space,
                finds_ended=True,
            ),
            Kind.LINEAR: TradingAbilities(
                types=_ALL_TYPES,
                time_in_force=frozenset(TimeInForce),
                post_only=True,
                reduce_only=True,
                amend=Amend.ANY,
                cancel_all=Scope.INSTRUMENT,
                dead_man=DeadMan.COUNTDOWN,
                dead_man_scope=Scope.INSTRUMENT,
                dead_man_s=(5, 3_600),
                batch_max=5,
                client_ids=IDS.space,
                finds_ended=True,
            ),
        },
        account=AccountAbilities(balances=True, positions=True, fills=True),
    ),
    lines=(
        Line(
            name="spot market",
            address="spot stream",
            keepalive=_ALIVE,
            silence_ms_max=_SILENCE_MS,
            life_ms=_LIFE_MS,
            topics_max=200,
            confirms=True,
            opens="spot connections",
            sends="spot messages",
        ),
        # The user stream and orders share one connection: the subscription to the stream is what logs in.
        Line(
            name="spot private",
            address="spot ws-api",
            private=True,
            section="spot",
            logs_in=True,
            keepalive=_ALIVE,
            life_ms=_LIFE_MS,
            opens="spot connections",
        ),
        # Futures speak on three routes: books on the first, all other market data on the second.
        Line(
            name="usdm book",
            address="usdm public stream",
            keepalive=_ALIVE,
            silence_ms_max=_SILENCE_MS,
            life_ms=_LIFE_MS,
            topics_max=200,
            confirms=True,
            opens="usdm connections",
            sends="usdm messages",
        ),
        Line(
            name="usdm market",
            address="usdm market stream",
            keepalive=_ALIVE,
            silence_ms_max=_SILENCE_MS,
            life_ms=_LIFE_MS,
            topics_max=200,
            confirms=True,
            opens="usdm connections",
            sends="usdm messages",
        ),
        Line(
            name="usdm private",
            address="usdm private stream",
            private=True,
            section="usdm",
            keepalive=_ALIVE,
            life_ms=_LIFE_MS,
            opens="usdm connections",
        ),
        Line(
            name="usdm orders",
            address="usdm ws-api",
            private=True,
            section="usdm",
            keepalive=_ALIVE,
            life_ms=_LIFE_MS,
            opens="usdm connections",
        ),
    ),
    books={
        "spot": BookRule(snapshot="asked", chain="contiguous", joins="after"),
        "usdm": BookRule(snapshot="asked", chain="previous", joins="within"),
    },
    ids=IDS,
    pools=(
        Pool("spot weight", (Window(6_000, _MINUTE_MS),)),
        Pool("usdm weight", (Window(2_400, _MINUTE_MS),)),
        # Of the account, and for new orders alone: a cancel costs nothing of them.
        Pool("spot orders", (Window(50, 10_000), Window(160_000, _DAY_MS)), NOTHING_KEPT),
        Pool("usdm orders", (Window(300, 10_000), Window(1_200, _MINUTE_MS)), NOTHING_KEPT),
        Pool("usdm funding history", (Window(500, 5 * _MINUTE_MS),), NOTHING_KEPT),
        Pool("spot connections", (Window(300, 5 * _MINUTE_MS),), NOTHING_KEPT),
        Pool("usdm connections", (Window(300, 5 * _MINUTE_MS),), NOTHING_KEPT),
        # One below what is allowed: pongs count, and they go out by themselves.
        Pool("spot messages", (Window(4, 1_000),), NOTHING_KEPT),
        Pool("usdm messages", (Window(9, 1_000),), NOTHING_KEPT),
    ),
    usage=(
        UsageRule(header="x-mbx-used-weight-1m", pool="spot weight", window_ms=_MINUTE_MS),
        UsageRule(header="x-mbx-used-weight-1m", pool="usdm weight", window_ms=_MINUTE_MS),
        UsageRule(header="x-mbx-order-count-10s", pool="spot orders", window_ms=10_000),
        UsageRule(header="x-mbx-order-count-1d", pool="spot orders", window_ms=_DAY_MS),
        UsageRule(header="x-mbx-order-count-10s", pool="usdm orders", window_ms=10_000),
        UsageRule(header="x-mbx-order-count-1m", pool="usdm orders", window_ms=_MINUTE_MS),
    ),
    # Futures do not say how long; who goes on asking is banned for minutes at first, and for days in the end.
    pause_ms=10_000,
    clock_ms_max=500,
    key_fields=("api_key", "api_secret"),
    keeps_alive_ms=30 * _MINUTE_MS,
)
