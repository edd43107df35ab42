"""What the engine asks of the world around it: a replay, a simulated exchange, a live venue, a test.

Markets   what is known of instruments and books
Orders    where orders go; what becomes of them comes back as events
Journal   who writes down what was decided and what became of it, in order, before anything else happens
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from xtrade.market.book import Book
from xtrade.model.events import AccountEvent, OrderEvent
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.trading.risk.state import TradingState

__all__ = [
    "Asked",
    "Decided",
    "Failed",
    "InstrumentKnown",
    "Journal",
    "Markets",
    "Noted",
    "Orders",
    "Record",
    "Refused",
    "SessionClosed",
    "SessionOpened",
    "Turned",
]


class Markets(Protocol):
    """What is known of markets now."""

    def instrument(self, key: str) -> Instrument:
        """Return the instrument in the version now in force; a UsageError if it is not there."""
        ...

    def book(self, key: str) -> Book:
        """Return the book of an instrument; the same object each time."""
        ...


class Orders(Protocol):
    """Where orders go. Answers come later, as events."""

    def place(self, intent: OrderIntent) -> None:
        """Send an order; an XtradeError says why it could not even be sent."""
        ...

    def cancel(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel; False (and nothing sent) if the order is known to be done."""
        ...

    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        """Ask for these total lots at this price; False (and nothing sent) if the order is known to be done."""
        ...


class Refused(Struct, frozen=True, kw_only=True, tag=True):
    """An order that the risk gate did not let out: the rule, its limit, and the figure that broke it."""

    intent: OrderIntent
    rule: str
    limit: str
    figure: str
    reason: str
    at_ns: int


class Failed(Struct, frozen=True, kw_only=True, tag=True):
    """A strategy raised, and was stopped: where, what, and the place in its source."""

    strategy: str
    where: str
    error: str
    place: str
    at_ns: int


class Noted(Struct, frozen=True, kw_only=True, tag=True):
    """Something a strategy, or the engine about it, wants to be read later."""

    strategy: str
    text: str
    at_ns: int


class Turned(Struct, frozen=True, kw_only=True, tag=True):
    """The dial of a strategy, or ("") of the whole desk, was turned: where to, why, and by whom."""

    strategy: str
    state: TradingState
    why: str
    by: str
    at_ns: int


class Decided(Struct, frozen=True, kw_only=True, tag=True):
    """What a strategy had before it when it decided on an order, and that the risk gate let the order out.

    `callback` is what was called (`on_book`, or a task); `heard_ns`, `venue_ns` and `sequence` are those of what it
    was told; the book and the position are those of the order's instrument at that moment.
    """

    client_order_id: ClientOrderId
    callback: str
    cause: str
    heard_ns: int
    venue_ns: int | None = None
    sequence: int | None = None
    bid_ticks: int | None = None
    ask_ticks: int | None = None
    position_lots: int = 0


class Asked(Struct, frozen=True, kw_only=True, tag=True):
    """A request about an order that stands, before its bytes leave: `what` is "cancel" or "amend"."""

    client_order_id: ClientOrderId
    what: Literal["cancel", "amend"]
    request: int
    lots: int | None = None
    ticks: int | None = None
    at_ns: int


class InstrumentKnown(Struct, frozen=True, kw_only=True, tag=True):
    """An instrument in the version now in force: what lots and ticks that follow are to be read by."""

    instrument: Instrument


class SessionOpened(Struct, frozen=True, kw_only=True, tag=True):
    """A process took the journal over: who, where, for which accounts, and with which code."""

    host: str
    pid: int
    program: str
    accounts: tuple[str, ...] = ()
    note: str = ""


class SessionClosed(Struct, frozen=True, kw_only=True, tag=True):
    """A process laid the journal down in order; where this is missing, it died."""

    reason: str = ""


Record: TypeAlias = (
    OrderIntent
    | OrderEvent
    | AccountEvent
    | Refused
    | Failed
    | Noted
    | Decided
    | Asked
    | InstrumentKnown
    | SessionOpened
    | SessionClosed
    | Turned
)
"""What a journal keeps: an intent before its bytes leave, and every event about it after."""


class Journal(Protocol):
    """Who writes down what happens. When `append` returns, the record is as safe as this journal makes it."""

    def append(self, record: Record) -> None:
        """Write one record, after all that were appended before.

        JournalBroken is raised only for an OrderIntent, or an amend that is Asked: they must not leave unwritten.
        Everything else, cancels above all, goes on; a journal that cannot write keeps it until it can. One that has an
        attribute `tells_why`, and it is true, is also given a Decided before each intent. While one has an attribute
        `may_cancel` that is false, another process holds the accounts, and not even cancels are sent.
        """
        ...
