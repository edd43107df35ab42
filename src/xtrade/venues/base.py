"""The port: how a venue is asked, whichever it is. One object for one account at one venue.

Venue        start, stop, what it can do, its instruments; and three parts, of which some may be missing
  MarketData   subscribe; a book that is not whole is asked for anew; and questions about markets
  Trading      place, cancel, amend: sent at once, answered by events; and questions about orders
  Account      questions about balances, positions and fills

Whatever a venue tells on its own comes as events of `xtrade.model.events`, stamped with the time at which they were
heard, through the one function that `start` was given: all of one message at once, in the order of arrival, on the
running loop, in one call stack from the wire to the strategy. Commands never wait: they hand the request over, or
raise. Questions are awaited, and raise VenueErrors.

What the parts need not do the same way everywhere is a matter of tables (`xtrade.venues.abilities`), not of code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from xtrade.model.errors import ConfigError
from xtrade.model.events import (
    BalanceReport,
    Bar,
    BookSnapshot,
    Event,
    Funding,
    MarkPrice,
    PositionReport,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.venues.abilities import Abilities, Feed, Need, unmet

__all__ = [
    "Account",
    "FeeRates",
    "FillReport",
    "Hear",
    "MarketData",
    "OrderReport",
    "SettledFunding",
    "Trading",
    "Venue",
    "require",
]

Hear: TypeAlias = Callable[[Sequence[Event]], None]
"""Who is told what a venue tells: the events of one message, which belong together."""


class OrderReport(Struct, frozen=True, kw_only=True):
    """An order as the venue answers for it when asked. One without `client_order_id` was not entered by us."""

    instrument: str
    venue_order_id: str
    client_order_id: ClientOrderId | None
    side: Side
    status: OrderStatus
    lots: int
    filled_lots: int
    ticks: int | None = None


class FillReport(Struct, frozen=True, kw_only=True):
    """A fill as the venue answers for it when asked."""

    instrument: str
    venue_order_id: str
    client_order_id: ClientOrderId | None
    fill: Fill


class FeeRates(NamedTuple):
    """What the account pays of a trade's worth; below zero: is paid."""

    maker: Decimal
    taker: Decimal


class SettledFunding(Struct, frozen=True, kw_only=True):
    """A funding rate that was charged: positive, longs paid shorts. `interval_ns` is None where it is not told."""

    instrument: str
    at_ns: int
    rate: Decimal
    interval_ns: int | None = None


class MarketData(Protocol):
    """What a venue tells of its markets, and what it can be asked of them."""

    def subscribe(self, instrument: str, feeds: frozenset[Feed]) -> None:
        """Ask to be told of an instrument; books begin with a snapshot. Before the start it waits for that."""
        ...

    def resync(self, instrument: str) -> None:
        """Ask for a new snapshot of one book; the others go on."""
        ...

    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        """Return a book as it is now, of at least `depth` levels a side where the venue has so many."""
        ...

    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        """Return the last public trades, oldest first; fewer where the venue remembers fewer."""
        ...

    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        """Return the bars that begin from `start_ns` on and before `end_ns`, oldest first."""
        ...

    async def mark(self, instrument: str) -> MarkPrice:
        """Return the mark price of a contract."""
        ...

    async def funding(self, instrument: str) -> Funding:
        """Return the rate of the running funding period of a perpetual."""
        ...

    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        """Return the rates that were settled in a span of time, oldest first."""
        ...


class Trading(Protocol):
    """Orders of one account. The three commands are those that the engine asks of the world."""

    def place(self, intent: OrderIntent) -> None:
        """Send an order; an XtradeError says why it could not even be sent."""
        ...

    def cancel(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel; False (and nothing sent) if the order is known to be done."""
        ...

    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        """Ask for these total lots at this price; False (and nothing sent) if the order is known to be done."""
        ...

    async def cancel_all(self) -> None:
        """Have every order of the account canceled, in as few requests as the venue allows."""
        ...

    def remember(self, intents: Iterable[OrderIntent]) -> None:
        """Know orders of an earlier process, which may be open: they can be asked about, canceled and changed."""
        ...

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return what the venue has open, whoever entered it."""
        ...

    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """Return one order; None where the venue does not know it, which alone proves nothing."""
        ...


class Account(Protocol):
    """What an account has, holds and did."""

    @property
    def opened_ns(self) -> int | None:
        """When the account began, where that is known: no order, trade or position is older. None: long ago.

        A test system is emptied now and then, and the built-in exchange begins with its process.
        """
        return None

    async def balances(self) -> Sequence[BalanceReport]:
        """Return what there is of each currency."""
        ...

    async def positions(self) -> Sequence[PositionReport]:
        """Return the contracts held; flat ones are left out."""
        ...

    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        """Return the fills from a venue time on, oldest first."""
        ...


class Venue(Protocol):
    """One account at one venue, or its public data alone."""

    @property
    def name(self) -> str:
        """The venue's part of instrument keys, as `okx` in `okx:BTC/USDT`."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        ...

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Its markets by key; known before the start."""
        ...

    @property
    def market(self) -> MarketData:
        """Its market data."""
        ...

    @property
    def trading(self) -> Trading | None:
        """Where orders go; None for an account that only reads."""
        ...

    @property
    def account(self) -> Account | None:
        """What the account can be asked; None for public data alone."""
        ...

    async def start(self, hear: Hear) -> None:
        """Connect, and tell from now on; returns when orders can be sent."""
        ...

    async def stop(self) -> None:
        """Tell nothing more, and disconnect; orders stay as they are."""
        ...


def require(venue: Venue, needs: Iterable[Need]) -> None:
    """Refuse a run that wants what its venue cannot do: here, and not in the middle of a night."""
    needs = list(needs)
    problems = [
        f"{need.instrument} is not among the markets of {venue.name}"
        for need in needs
        if need.instrument not in venue.instruments
    ]
    problems += unmet(venue.name, venue.abilities, needs)
    if venue.trading is None and any(need.trades for need in needs):
        problems.append(f"the account at {venue.name} only reads: give it a key that may trade")
    if problems:
        raise ConfigError("; ".join(problems))
