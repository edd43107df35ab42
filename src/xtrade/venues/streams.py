"""Streams: what a venue says through its sockets, and what is subscribed to there. Data alone.

Line         a kind of connection: where, how it is kept alive, how long it lives, whether one logs in
Topic        one subscription on one kind of line
Said         what a message may mean for the link, beside the events that are for everybody:
  BookPart     a piece of a book, whole or changed, under the venue's own numbers
  LoggedIn     the venue knows who we are
  Subscribed   topics it will tell of
  Refused      topics it will not tell of, or a login that it does not accept
  Answered     the answer to an ask that went through the socket
  SayBack      what the venue wants to hear at once (a pong in its own words)
  Leaving      the connection will be ended by the venue: open another one
  Missed       something of our own happened that this message does not tell whole: it is asked for
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct

from xtrade.model.events import Event
from xtrade.model.levels import Levels
from xtrade.net.liveness import Keepalive
from xtrade.venues.asks import Answer

__all__ = [
    "Answered",
    "BookPart",
    "BookRule",
    "Leaving",
    "Line",
    "LoggedIn",
    "Missed",
    "Refused",
    "Said",
    "SayBack",
    "Subscribed",
    "Topic",
]


class Topic(NamedTuple):
    """One subscription. `key` is the instrument that it is of, where it is of one."""

    line: str
    name: str
    key: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """A kind of connection to a venue.

    `address` names one of the spec's addresses. A private line tells of the account: it needs a key. `logs_in`: the
    venue wants a login before private topics. Connections are replaced at `life_ms` (0: they may live for ever), the
    new one up before the old one goes. A connection costs one unit of
    the pool `opens`, and each message that we send one of `sends`, where they are named. A private line of one
    `section` of markets is kept where a run is about some of these.
    """

    name: str
    address: str
    private: bool = False
    section: str = ""
    logs_in: bool = False
    keepalive: Keepalive | None = None
    silence_ms_max: int = 0
    life_ms: int = 0
    topics_max: int = 0
    """How many topics one connection carries; 0: as many as there are."""
    frame_topics_max: int = 100
    """How many topics one message subscribes to."""
    confirms: bool = False
    """Whether the venue says which topics it will tell of (`Subscribed`): a new line is not up before it has."""
    opens: str = ""
    sends: str = ""


class BookRule(Struct, frozen=True, kw_only=True):
    """How one section's books are kept in step.

    snapshot  told: the stream begins with one. asked: it is fetched by an ask while changes are held back
    chain     contiguous: a change begins one above the last number of what went before (`first`, or below it).
              previous: a change names that number (`previous`)
    joins     for asked snapshots with number L: the first change kept has first <= L + 1 <= last ("after"), or
              first <= L <= last ("within")
    """

    snapshot: Literal["told", "asked"] = "told"
    chain: Literal["contiguous", "previous"] = "previous"
    joins: Literal["after", "within"] = "after"


class BookPart(Struct, frozen=True, kw_only=True):
    """A piece of a book: the whole, or levels that changed. `last` is the venue's number of its last change."""

    instrument: str
    bids: Levels
    asks: Levels
    whole: bool
    last: int
    first: int | None = None
    previous: int | None = None
    venue_ns: int | None = None
    received_ns: int = 0


class LoggedIn(NamedTuple):
    """The venue has accepted our login on this connection."""


class Subscribed(NamedTuple):
    """The venue confirms topics by their names; none named: the oldest request that has no answer."""

    names: tuple[str, ...] = ()


class Refused(NamedTuple):
    """The venue refuses topics by their names (none named: what it refuses it does not say), or a login."""

    names: tuple[str, ...]
    code: str
    text: str
    login: bool = False


class Answered(NamedTuple):
    """The answer to an ask that went through the socket under this id."""

    id: str
    answer: Answer


class SayBack(NamedTuple):
    """What is to be sent back at once."""

    payload: bytes


class Leaving(NamedTuple):
    """The venue will end this connection in so many milliseconds."""

    after_ms: int
    reason: str


class Missed(NamedTuple):
    """Something happened to our account that is not told whole: orders, fills, balances and positions are asked for."""

    reason: str


Said: TypeAlias = Event | BookPart | LoggedIn | Subscribed | Refused | Answered | SayBack | Leaving | Missed
