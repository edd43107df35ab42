"""What a venue can do, as tables, and what follows when it cannot.

Abilities           of one venue, by kind of market, in three parts of which each may be missing
  MarketAbilities   what it tells of its markets
  TradingAbilities  which orders it takes, and how they are changed and ended
  AccountAbilities  what it can be asked about an account
Need                what a run wants of one instrument
unmet               needs that a venue cannot meet, one sentence each: asked before a run starts
cannot              why a venue does not take an order of this form; None if it does

A venue that says nothing of a thing cannot do it: every default is no.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.runtime.ids import BITS_63, Space

__all__ = [
    "Abilities",
    "AccountAbilities",
    "Amend",
    "DeadMan",
    "Feed",
    "MarketAbilities",
    "Need",
    "Scope",
    "TradingAbilities",
    "cannot",
    "unmet",
]


class Feed(StrEnum):
    """What a venue may tell of a market while it runs."""

    BOOK = "books"
    TRADES = "trades"
    MARKS = "mark prices"
    FUNDING = "funding rates"
    BARS = "bars"


class Scope(StrEnum):
    """How far one request reaches: not at all, all orders of one instrument, all orders of the account."""

    NONE = "none"
    INSTRUMENT = "instrument"
    ACCOUNT = "account"


class Amend(StrEnum):
    """How an open order can be changed: not at all, to less quantity alone, or in quantity and price."""

    NONE = "none"
    LESS = "less"
    ANY = "any"


class DeadMan(StrEnum):
    """What cancels our orders when we fall silent: nothing, a countdown, or the end of our connection."""

    NONE = "none"
    COUNTDOWN = "countdown"
    DISCONNECT = "disconnect"


class MarketAbilities(Struct, frozen=True, kw_only=True):
    """What a venue tells of one kind of market; `levels_max` is how deep its books are, None: whole."""

    feeds: frozenset[Feed] = frozenset()
    levels_max: int | None = None


class TradingAbilities(Struct, frozen=True, kw_only=True):
    """Which orders a venue takes on one kind of market, and how they are changed and ended.

    `finds_ended` says whether an order that is over can still be found by its client order id; where it cannot, an
    order in doubt is looked for among the fills. `dead_man_s` are the shortest and the longest countdown.
    """

    types: frozenset[OrderType] = frozenset({OrderType.LIMIT})
    time_in_force: frozenset[TimeInForce] = frozenset({TimeInForce.GTC})
    post_only: bool = False
    reduce_only: bool = False
    quote_sized: bool = False
    amend: Amend = Amend.NONE
    cancel_all: Scope = Scope.NONE
    dead_man: DeadMan = DeadMan.NONE
    dead_man_scope: Scope = Scope.NONE
    dead_man_s: tuple[int, int] = (0, 0)
    batch_max: int = 1
    client_ids: Space = BITS_63
    finds_ended: bool = False


class AccountAbilities(Struct, frozen=True, kw_only=True):
    """What a venue can be asked about an account. `fills_name_orders`: fills carry our own name of their order."""

    balances: bool = False
    positions: bool = False
    fills: bool = False
    fills_name_orders: bool = False


class Abilities(Struct, frozen=True, kw_only=True):
    """All that one venue can do."""

    market: Mapping[Kind, MarketAbilities] = {}
    trading: Mapping[Kind, TradingAbilities] = {}
    account: AccountAbilities = AccountAbilities()


class Need(NamedTuple):
    """What a run wants of one instrument."""

    instrument: str
    kind: Kind
    feeds: frozenset[Feed]
    trades: bool = True
    """Whether orders will be sent."""


def unmet(venue: str, abilities: Abilities, needs: Iterable[Need]) -> Iterator[str]:
    """Say what a venue cannot do of what is needed, one sentence each."""
    for need in needs:
        market = abilities.market.get(need.kind)
        if market is None:
            yield f"{need.instrument}: {venue} has no {need.kind} markets"
            continue
        if missing := need.feeds - market.feeds:
            told = ", ".join(sorted(missing))
            has = ", ".join(sorted(market.feeds)) or "nothing"
            yield f"{need.instrument}: {venue} does not tell {told} of {need.kind} markets; it tells {has}"
        if need.trades and need.kind not in abilities.trading:
            yield f"{need.instrument}: no orders can be sent to {venue} for {need.kind} markets"


def cannot(abilities: TradingAbilities, intent: OrderIntent) -> str | None:
    """Say why a venue does not take an order of this form; None if it does."""
    if intent.type not in abilities.types:
        return f"it takes no {intent.type.replace('_', ' ')} orders, but {_listed(abilities.types)}"
    if intent.time_in_force not in abilities.time_in_force:
        return f"it knows no {intent.time_in_force}, but {_listed(abilities.time_in_force)}"
    if intent.post_only and not abilities.post_only:
        return "it has no post-only orders"
    if intent.reduce_only and not abilities.reduce_only:
        return "it has no reduce-only orders on this kind of market"
    if intent.quote_amount is not None and not abilities.quote_sized:
        return "it takes no orders sized in quote currency"
    if intent.client_order_id >= abilities.client_ids.end:
        return f"its client order ids have {abilities.client_ids.bits} bits"
    return None


def _listed(words: Iterable[StrEnum]) -> str:
    return ", ".join(sorted(word.value.replace("_", " ") for word in words))
