"""The codec: a venue as the link uses it. What is wanted becomes bytes, what is heard becomes events.

A venue is a subclass of `Codec` in `venues/NAME/codec.py`, with its facts beside it (`spec.py`) and its signatures
(`auth.py`). It has no clock and no socket, and but for the
markets that it was given nothing that an order depends on is remembered in it. What a venue does not have is
not overridden: every method that may be missing says so by what it returns here, and the spec's abilities say it
before anybody asks.

A codec never raises over what a venue sends: a message means something, or it is `[]` and counted by the link
(`Unread` for what should have been understood). A codec raises XtradeError for what cannot be asked, such as an order
form that the venue does not have.
"""

# ruff: noqa: ARG002  (most methods here are what a venue has that does not have the thing)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Generic, NamedTuple, TypeVar

from xtrade.model.events import BalanceReport, Bar, Funding, MarkPrice, OrderEvent, PositionReport, Trade
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.venues.abilities import Feed
from xtrade.venues.asks import Ask, Page
from xtrade.venues.base import FeeRates, FillReport, OrderReport, SettledFunding
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.spec import Addresses, Spec
from xtrade.venues.streams import BookPart, Line, Said, Topic

__all__ = ["Codec", "Known", "Unread"]

A = TypeVar("A")


class Known(NamedTuple):
    """An order of ours as the link knows it: what was sent, and the venue's name for it once that was heard."""

    intent: OrderIntent
    instrument: Instrument
    venue_order_id: str | None = None


class Unread(NamedTuple):
    """A message that should have been understood, and was not: counted, logged, and never a crash."""

    reason: str


class Codec(ABC, Generic[A]):
    """One account at one venue (or, with `auth` None, its public data), in bytes. `account` is its name in events."""

    spec: ClassVar[Spec]

    def __init__(
        self, addresses: Addresses, markets: Markets, auth: A | None = None, account: str = ""
    ) -> None:
        self.addresses = addresses
        self.markets = markets
        self.auth = auth
        self.account = account or self.spec.name
        self.sections: frozenset[str] = frozenset()
        """What the run is about, by sections of markets (none: all). What is of others need not be asked: the key may
        not be allowed to."""

    def concerns(self, section: str) -> bool:
        """Whether the run is about a section of markets, as far as is known."""
        return not self.sections or section in self.sections

    # -- what there is --------------------------------------------------------------------------------------------

    @abstractmethod
    def listings(self) -> Sequence[Ask[Sequence[Listed]]]:
        """Ask for all markets."""

    def clock(self) -> Ask[int] | None:
        """Ask for the venue's time, in ns; None where it cannot be asked."""
        return None

    def prepare(self) -> Sequence[Ask[None]]:
        """Ask what must be known of the account before it trades: made in order at each start, before any order.

        An account that is set up in a way in which we would trade wrongly is a ConfigError.
        """
        return ()

    def fee_rates(self, keys: Collection[str]) -> Sequence[Ask[Mapping[str, FeeRates]]]:
        """Ask for what the account pays, by instrument."""
        return ()

    # -- markets, asked -------------------------------------------------------------------------------------------

    @abstractmethod
    def book(self, key: str, depth: int) -> Ask[BookPart]:
        """Ask for a book of at least so many levels, or as many as the venue gives."""

    @abstractmethod
    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        """Ask for the last public trades, oldest first."""

    @abstractmethod
    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        """Ask for bars that begin in a span of time, oldest first in each page; `start_ns` <= start < `end_ns`."""

    def mark(self, key: str) -> Ask[MarkPrice] | None:
        """Ask for the mark price of a contract."""
        return None

    def funding(self, key: str) -> Ask[Funding] | None:
        """Ask for the rate of the running funding period."""
        return None

    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]] | None:
        """Ask for the rates that were settled in a span of time, in pages."""
        return None

    # -- streams --------------------------------------------------------------------------------------------------

    @abstractmethod
    def topics(self, key: str, feeds: Collection[Feed]) -> Sequence[Topic]:
        """Name what is to be subscribed to, to hear these feeds of an instrument."""

    def private_topics(self, line: Line) -> Sequence[Topic]:
        """Name what a private line is to be subscribed to, to hear of orders, fills, balances and positions."""
        return ()

    @abstractmethod
    def subscribe(self, line: Line, topics: Sequence[Topic], number: int, now_ns: int) -> Sequence[bytes]:
        """Write the messages that subscribe; `number` is new for each call."""

    @abstractmethod
    def unsubscribe(self, line: Line, topics: Sequence[Topic], number: int) -> Sequence[bytes]:
        """Write the messages that end subscriptions."""

    def login(self, line: Line, number: int, now_ns: int) -> bytes | None:
        """Write the login; None where there is none, or no key."""
        return None

    def token(self, line: Line) -> Ask[str] | None:
        """Ask for the token that a line's address needs (a listen key); None where there is none."""
        return None

    def keep_token(self, line: Line, token: str) -> Ask[None] | None:
        """Ask that a token live on."""
        return None

    def address(self, line: Line, token: str) -> str:
        """Return where a line connects to."""
        return self.addresses[line.address]

    @abstractmethod
    def hear(self, line: Line, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        """Say what a message means."""

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        """Ask for an order. Answered by what is known then; an answer that means no is a Rejected."""
        raise NotImplementedError

    def place_many(self, intents: Sequence[OrderIntent]) -> Ask[Sequence[OrderEvent]] | None:
        """Ask for several orders at once, up to the abilities' `batch_max`: a refused one is an OrderRejected."""
        return None

    def cancel(self, known: Known, request: int) -> Ask[Sequence[OrderEvent]]:
        """Ask for the end of an order; `request` is the number of this cancel, for a CancelRejected."""
        raise NotImplementedError

    def amend(self, known: Known, *, lots: int, ticks: int, request: int) -> Ask[Sequence[OrderEvent]]:
        """Ask for these total lots at this price."""
        raise NotImplementedError

    def cancel_all(self, keys: Collection[str]) -> Sequence[Ask[Sequence[OrderEvent]]]:
        """Ask for the end of all orders; of those markets, where a venue must be told which."""
        return ()

    def countdown(self, seconds: int, keys: Collection[str]) -> Sequence[Ask[None]]:
        """Ask that everything be canceled unless we are heard of again in so many seconds; 0 ends that."""
        return ()

    # -- the account, asked ---------------------------------------------------------------------------------------

    def open_orders(self, keys: Collection[str]) -> Sequence[Ask[Page[OrderReport]]]:
        """Ask for what is open; `keys` are the markets where we know of orders, for venues that must be told."""
        return ()

    def order(self, known: Known) -> Sequence[Ask[OrderReport | None]]:
        """Ask for one order: of several asks, the next is made where the one before found nothing."""
        return ()

    def fills(self, since_ns: int, keys: Collection[str]) -> Sequence[Ask[Page[FillReport]]]:
        """Ask for the fills from a time on, in pages; of those markets, where a venue must be told which."""
        return ()

    def balances(self) -> Sequence[Ask[Sequence[BalanceReport]]]:
        """Ask for what there is of each currency."""
        return ()

    def positions(self) -> Sequence[Ask[Sequence[PositionReport]]]:
        """Ask for the contracts held; flat ones are left out."""
        return ()

    def leverage(self, key: str, leverage: int) -> Ask[None] | None:
        """Ask for the most leverage of an instrument."""
        return None

    def margin_mode(self, key: str, *, isolated: bool) -> Ask[None] | None:
        """Ask for isolated or cross margin on an instrument."""
        return None
