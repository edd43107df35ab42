"""The tape: what the exchange says, to whom, in which order.

Every call of the exchange returns its stretch of the tape: notices, each an event and the account it is for ("" is
everybody). Within one call the order is that of the facts: an order is accepted, trades, ends; then each book that
changed is told once; then the accounts that changed. A server in front may delay, drop, double or reorder notices:
nothing in them depends on the one before.

Events are the model's. Three facts that only an exchange knows have no event there, and are told by records of this
room: an order in the queue of a book (L3), a trigger that fired, and a position that the exchange closed.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias, final

from msgspec import Struct

from xtrade.model.events import Event
from xtrade.model.ids import ClientOrderId
from xtrade.model.sides import Side

__all__ = [
    "EVERYBODY",
    "Cause",
    "Feed",
    "Notice",
    "OrderTriggered",
    "PositionClosed",
    "QueueChanged",
    "QueueMove",
    "Tape",
    "Told",
]

EVERYBODY = ""

QueueMove: TypeAlias = Literal["joined", "traded", "reduced", "left"]
Cause: TypeAlias = Literal["liquidation", "deleverage"]


class Feed(StrEnum):
    """What an exchange may be told to leave out, to be quicker: book levels, queue entries, account reports."""

    LEVELS = "levels"
    QUEUE = "queue"
    ACCOUNTS = "accounts"


class QueueChanged(Struct, frozen=True, kw_only=True, tag=True):
    """An order of the book: joined its queue, traded, shrank (keeping its place), or left.

    `lots` is what remains of it in the queue; `venue_order_id` is public here as on venues with an L3 feed, and
    `sequence` counts the changes of one book.
    """

    instrument: str
    venue_ns: int
    sequence: int
    change: QueueMove
    venue_order_id: str
    side: Side
    ticks: int
    lots: int


class OrderTriggered(Struct, frozen=True, kw_only=True, tag=True):
    """A sleeping order woke because its price was reached; what it does now follows."""

    account: str
    venue_ns: int
    client_order_id: ClientOrderId
    venue_order_id: str
    instrument: str


class PositionClosed(Struct, frozen=True, kw_only=True, tag=True):
    """The exchange closed `lots` (signed, as held) of a position: in the book, or against a counterparty.

    The fills themselves are told as OrderFilled under `client_order_id`, which is below zero: no user's.
    """

    account: str
    venue_ns: int
    client_order_id: ClientOrderId
    instrument: str
    cause: Cause
    lots: int


Told: TypeAlias = Event | QueueChanged | OrderTriggered | PositionClosed
"""All that an exchange may say."""


class Notice(NamedTuple):
    """One event, and the account that may see it; EVERYBODY for public ones."""

    account: str
    event: Told


@final
class Tape:
    """Notices in order, and the one count that all private events share."""

    __slots__ = ("notices", "sequence")

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.sequence = 0

    def next_sequence(self) -> int:
        """Count one more private event."""
        self.sequence += 1
        return self.sequence

    def tell(self, account: str, event: Told) -> None:
        """Say something to one account."""
        self.notices.append(Notice(account, event))

    def publish(self, event: Told) -> None:
        """Say something to everybody."""
        self.notices.append(Notice(EVERYBODY, event))

    def take(self) -> list[Notice]:
        """Return what was said since the last call."""
        notices, self.notices = self.notices, []
        return notices
