"""A venue's server room: the other end of the wire that its codec speaks. Requests in, answers out; no sockets.

    class OkxServer(Server):
        venue = "okx"
        def answer(self, asked: Asked) -> Told: …
        def opened(self, session: Session) -> None: …
        def heard(self, session: Session, payload: bytes) -> None: …
        def happened(self, notices: Sequence[Notice], at_ns: int) -> None: …

It works on the floor at once, so that an answer is what the exchange did. It has no clock: `now_ns` is the time of the
wall, by which requests are signed and tokens grow old; the floor's own time, which may run faster, is on the floor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from random import Random  # noqa: TID251  (the type alone: a stream is given)
from typing import Any, ClassVar, NamedTuple, Protocol
from urllib.parse import parse_qsl

from xtrade.sim.matching.rules import VenueRules
from xtrade.sim.matching.tape import Notice
from xtrade.sim.synthetic.markets import Listing
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor

__all__ = ["Asked", "Server", "Session", "Told"]


class Asked(NamedTuple):
    """One HTTP request, as it came: the query still encoded, header names in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str = "127.0.0.1"

    @property
    def parameters(self) -> dict[str, str]:
        """The query, decoded; of repeated names the last stands."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


class Told(NamedTuple):
    """One HTTP answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


class Session(Protocol):
    """One WebSocket connection, as a server room sees it."""

    path: str
    query: str
    headers: Mapping[str, str]
    peer: str
    state: Any
    """Whatever the room keeps for this connection."""

    def send(self, payload: bytes | str) -> None:
        """Send a text message."""
        ...

    def close(self, code: int, reason: str = "") -> None:
        """End the connection."""
        ...


class Server(ABC):
    """One venue's other end. `accounts` are those that may log in; each is open on the floor under its name."""

    venue: ClassVar[str]
    rules: ClassVar[VenueRules] = VenueRules()
    listings: ClassVar[Mapping[str, Listing]]
    """What it can list, by universal symbol, on the grid that the venue has: `--markets` chooses among them."""

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self.floor = floor
        self.accounts = tuple(accounts)
        self.now_ns = now_ns
        floor.listen(self.happened)

    @classmethod
    @abstractmethod
    def make_key(cls, stream: Random, number: int) -> Mapping[str, str]:
        """Make a key of this venue's form for the account of that number: the same from the same stream."""

    @classmethod
    @abstractmethod
    def how_to_connect(cls, address: str, native: str) -> list[str]:
        """Say how clients that are not ours connect to it, a line each: `curl     curl http://…`."""

    @abstractmethod
    def answer(self, asked: Asked) -> Told:
        """Answer a request; what the venue would refuse is refused in its words."""

    @abstractmethod
    def takes(self, path: str) -> bool:
        """Whether a WebSocket may connect there."""

    @abstractmethod
    def opened(self, session: Session) -> None:
        """A connection is there."""

    @abstractmethod
    def heard(self, session: Session, payload: bytes) -> None:
        """A message came through it."""

    @abstractmethod
    def closed(self, session: Session) -> None:
        """It is gone."""

    @abstractmethod
    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        """Something happened on the floor: whoever subscribed to it is told."""

    @abstractmethod
    def tick(self, now_ns: int) -> None:
        """Called every 100 ms: what is told by the clock, pings, tokens that end."""
