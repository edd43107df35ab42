"""Lighter's facts: addresses, limits, abilities, and what its codes mean. As of 2026-11-20.

Limits are those of a standard account, which every account is at first: sixty questions and as many transactions a
minute.
Answers carry no headers that tell how much of them is used. Orders go through the socket, which does not count as a
question and keeps them in their order; a transaction that arrives after one with a higher number is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.net.limits import NOTHING_KEPT, Pool, Priority, Window
from xtrade.net.liveness import Keepalive
from xtrade.runtime.id_forms import FORMS
from xtrade.runtime.ids import BITS_48
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
from xtrade.venues.spec import Addresses, Spec
from xtrade.venues.streams import BookRule, Line

__all__ = ["CODES", "LEVERAGE", "PRIVATE", "PUBLIC", "QUESTIONS", "SPEC", "TRANSACTIONS", "chain_id"]

PUBLIC: Final = "public"
PRIVATE: Final = "private"
QUESTIONS: Final = "questions"
TRANSACTIONS: Final = "transactions"
LEVERAGE: Final = "leverage changes"

_MINUTE_MS: Final = 60_000
_MAINNET: Final = "mainnet.zklighter.elliot.ai"
_TESTNET: Final = "testnet.zklighter.elliot.ai"
_CHAIN_IDS: Final = MappingProxyType({_TESTNET: 300})
_CHAIN_ID_LIVE: Final = 304


def chain_id(addresses: Addresses) -> int:
    """Return the chain that signatures are for; a box has that of the live venue, as the venue's own clients expect."""
    return _CHAIN_IDS.get(addresses["rest"].partition("//")[2], _CHAIN_ID_LIVE)


def _addresses(host: str) -> Addresses:
    return MappingProxyType({"rest": f"https://{host}", "stream": f"wss://{host}/stream"})


def _line(name: str, *, private: bool) -> Line:
    return Line(
        name=name,
        address="stream",
        private=private,
        # Who has sent nothing for two minutes is disconnected.
        keepalive=Keepalive(every_ms=30_000, payload=lambda: b'{"type":"ping"}', answer_ms=15_000),
        silence_ms_max=75_000,
        topics_max=400,
        frame_topics_max=50,
        opens="connections",
        sends="messages",
        confirms=True,
    )


_PLAIN: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})
_TRIGGERED: Final = frozenset(
    {
        OrderType.STOP_LIMIT,
        OrderType.STOP_MARKET,
        OrderType.TAKE_PROFIT_LIMIT,
        OrderType.TAKE_PROFIT_MARKET,
    }
)


def _trading(kind: Kind) -> TradingAbilities:
    contract = kind is not Kind.SPOT
    return TradingAbilities(
        types=_PLAIN | _TRIGGERED if contract else _PLAIN,
        time_in_force=frozenset({TimeInForce.GTC, TimeInForce.GTD, TimeInForce.IOC}),
        post_only=True,
        reduce_only=contract,
        amend=Amend.ANY,
        cancel_all=Scope.ACCOUNT,
        dead_man=DeadMan.COUNTDOWN,
        dead_man_scope=Scope.ACCOUNT,
        dead_man_s=(300, 15 * 86_400),
        client_ids=BITS_48,
        finds_ended=True,
    )


_ABILITIES: Final = Abilities(
    market={
        Kind.SPOT: MarketAbilities(feeds=frozenset({Feed.BOOK, Feed.TRADES})),
        Kind.LINEAR: MarketAbilities(
            feeds=frozenset({Feed.BOOK, Feed.TRADES, Feed.MARKS, Feed.FUNDING}),
        ),
    },
    trading={kind: _trading(kind) for kind in (Kind.SPOT, Kind.LINEAR)},
    account=AccountAbilities(balances=True, positions=True, fills=True, fills_name_orders=True),
)

SPEC: Final = Spec(
    name="lighter",
    addresses={"live": _addresses(_MAINNET), "testnet": _addresses(_TESTNET)},
    abilities=_ABILITIES,
    lines=(_line(PUBLIC, private=False), _line(PRIVATE, private=True)),
    books={"": BookRule(snapshot="told", chain="previous")},
    ids=FORMS["lighter"],
    pools=(
        Pool(QUESTIONS, (Window(60, ms=_MINUTE_MS),)),
        Pool(TRANSACTIONS, (Window(60, ms=_MINUTE_MS),), kept={Priority.CANCEL: 20}),
        Pool(LEVERAGE, (Window(40, ms=_MINUTE_MS),), kept=NOTHING_KEPT),
        Pool("connections", (Window(80, ms=_MINUTE_MS),), kept=NOTHING_KEPT),
        Pool("messages", (Window(200, ms=_MINUTE_MS),), kept=NOTHING_KEPT),
    ),
    # 405 is its firewall's way of saying 429; it lasts about a minute.
    pause_ms=15_000,
    pause_statuses=(405, 429),
    # The time is told in whole seconds, and transactions may be ten minutes old.
    clock_ms_max=30_000,
    key_fields=("account_index", "api_key_index", "private_key"),
)

_MEANINGS: Final[Mapping[Meaning, str]] = {
    # A number that another transaction has overtaken: numbers are of the clock, and the next one is higher.
    Meaning.CLOCK: "21104",
    # A dead man's switch that is just being carried out; too many orders that wait for their trigger.
    Meaning.CLOSED: "21122 21712 21506",
    Meaning.DOUBT: "29500 29501",
    Meaning.KEY: "20013 21100 21108 21109 21120 21136 62007",
    Meaning.WAIT: "23000",
    Meaning.GONE: "21600 21700 21707 21708 21709 21715 29404",
    Meaning.REFUSED: (
        # The form of the request.
        "21105 21121 21501 21513 21514 30000 30001"
        # Liquidation, integrators, margin and balance.
        " 21111 21112 21149 21301 21304 21507 21508 21739"
        # The market, the order, its price and its size.
        " 21601 21602 21603 21605 21701 21702 21705 21706 21711 21729 21733 21734 21735"
        # How many orders, their names, and what reduces what.
        " 21717 21718 21719 21720 21727 21728 21732 21738 21740"
        # Sockets.
        " 23001 23002 23003 30002 30003 30005 30009 30010"
    ),
}

CODES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {code: meaning for meaning, codes in _MEANINGS.items() for code in codes.split()}
)
"""What the venue's codes mean; one that is not here is a refusal."""
