"""What a box of OKX tells to whom: connections with their topics, and the books that they see.

A book is told as the venue tells it: its best 400 levels of each side, first whole, then what changed, each change
with the number of the one before it. Here changes are told as they happen, and not every 100 ms.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from xtrade.model.events import BookDelta, BookSnapshot
from xtrade.model.instruments import Instrument
from xtrade.venues.box.server import Session
from xtrade.venues.okx.server_rows import Row, level_rows, ms

__all__ = ["Audience", "BookView", "Client", "topic"]

LEVELS_MAX: Final = 400


def topic(arg: Mapping[str, Any]) -> str:
    """Return the name of what is subscribed to."""
    return (
        f"{arg.get('channel', '')}:{arg.get('instId') or arg.get('instFamily') or arg.get('instType') or ''}"
    )


class Client:
    """One connection: on which line, whose, and what it wants to hear."""

    def __init__(self, session: Session, number: int, now_ns: int) -> None:
        self.session = session
        self.number = number
        self.line = session.path.rsplit("/", 1)[-1]
        self.account = ""
        self.topics: dict[str, Mapping[str, Any]] = {}
        self.alive_ns = now_ns
        """When it last said something, or was told something, as far as anybody has looked."""
        self.told = self.told_before = 0

    @property
    def name(self) -> str:
        """The connection's own name (`connId`)."""
        return f"{self.number:08x}"

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        self.send(msgspec.json.encode(message))

    def send(self, frame: bytes) -> None:
        """Send a message that is written already."""
        self.told += 1
        self.session.send(frame)

    def tell(self, arg: Mapping[str, Any], rows: Sequence[Any], **more: Any) -> None:
        """Send what a topic tells."""
        self.say({"arg": arg, **more, "data": rows})

    def listens(self, channel: str, instrument: Instrument | None, kind: str) -> list[Mapping[str, Any]]:
        """Return the subscriptions to a private channel that a market falls under."""
        found = []
        for arg in self.topics.values():
            if arg.get("channel") != channel:
                continue
            wants = {name: arg[name] for name in ("instType", "instId", "instFamily") if arg.get(name)}
            if instrument is not None:
                if wants.get("instType", "ANY") not in {"ANY", kind}:
                    continue
                if wants.get("instId", instrument.native) != instrument.native:
                    continue
                family = f"{instrument.base}-{instrument.quote}"
                if wants.get("instFamily", family) != family:
                    continue
            found.append(arg)
        return found


class Audience:
    """All connections, and who listens to what in public."""

    def __init__(self) -> None:
        self.clients: dict[int, Client] = {}
        self._by_topic: dict[str, dict[int, Client]] = {}
        self._numbers = 0

    def enter(self, session: Session, now_ns: int) -> Client:
        """A connection is there."""
        self._numbers += 1
        client = self.clients[self._numbers] = Client(session, self._numbers, now_ns)
        return client

    def leave(self, client: Client) -> None:
        """It is gone."""
        self.clients.pop(client.number, None)
        for name in list(client.topics):
            self.drop(client, name)

    def add(self, client: Client, arg: Mapping[str, Any]) -> None:
        """A connection wants to hear of something."""
        name = topic(arg)
        client.topics[name] = arg
        self._by_topic.setdefault(name, {})[client.number] = client

    def drop(self, client: Client, name: str) -> None:
        """It does not want that any more."""
        client.topics.pop(name, None)
        listeners = self._by_topic.get(name, {})
        listeners.pop(client.number, None)
        if not listeners:
            self._by_topic.pop(name, None)

    def topics(self, channel: str) -> list[str]:
        """Return the topics of a channel that somebody listens to; one may end with an asterisk."""
        if channel.endswith("*"):
            return [name for name in self._by_topic if name.startswith(channel[:-1])]
        return [name for name in self._by_topic if name.partition(":")[0] == channel]

    def is_heard(self, name: str) -> bool:
        """Whether anybody listens to a topic."""
        return name in self._by_topic

    def publish(self, channel: str, native: str, rows: Sequence[Any], **more: Any) -> None:
        """Tell everybody who listens."""
        listeners = self._by_topic.get(f"{channel}:{native}")
        if not listeners:
            return
        frame = msgspec.json.encode({"arg": {"channel": channel, "instId": native}, **more, "data": rows})
        for client in list(listeners.values()):
            client.send(frame)

    def of_account(self, account: str) -> Iterable[Client]:
        """Return the connections of an account."""
        return [client for client in self.clients.values() if client.account == account]


class _Side:
    """One side of a book, and what is seen of it."""

    def __init__(self, sign: int, levels: Iterable[tuple[int, int]]) -> None:
        self._sign = sign
        self._lots = {ticks: lots for ticks, lots in levels if lots}
        self._order = sorted(sign * ticks for ticks in self._lots)
        self.seen = self._top()

    def change(self, levels: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Take in levels that changed; return what changed of what is seen."""
        for ticks, lots in levels:
            place = self._sign * ticks
            if lots and ticks not in self._lots:
                insort(self._order, place)
            elif not lots and ticks in self._lots:
                del self._order[bisect_left(self._order, place)]
            if lots:
                self._lots[ticks] = lots
            else:
                self._lots.pop(ticks, None)
        before, self.seen = self.seen, self._top()
        changed = [(ticks, lots) for ticks, lots in self.seen.items() if before.get(ticks) != lots]
        changed += [(ticks, 0) for ticks in before if ticks not in self.seen]
        return sorted(changed, key=lambda level: self._sign * level[0])

    def _top(self) -> dict[int, int]:
        return {self._sign * place: self._lots[self._sign * place] for place in self._order[:LEVELS_MAX]}


class BookView:
    """The book of one market as everybody sees it."""

    def __init__(self, instrument: Instrument, book: BookSnapshot) -> None:
        self.instrument = instrument
        self._bids, self._asks = _Side(-1, book.bids), _Side(1, book.asks)
        self._floor_sequence = book.sequence
        self.sequence = book.sequence or 0
        self.at_ns = book.venue_ns

    def take(self, delta: BookDelta) -> Row | None:
        """Take in a change; return it as it is told, if anything of it is seen."""
        if delta.sequence is None or delta.sequence <= (self._floor_sequence or 0):
            return None  # it was made before this view was
        self._floor_sequence = delta.sequence
        bids, asks = self._bids.change(delta.bids), self._asks.change(delta.asks)
        if not bids and not asks:
            return None
        previous, self.sequence, self.at_ns = self.sequence, delta.sequence, delta.venue_ns
        return self._row(bids, asks, previous)

    def whole(self, depth: int = LEVELS_MAX) -> Row:
        """Write the book, or its top."""
        bids, asks = list(self._bids.seen.items())[:depth], list(self._asks.seen.items())[:depth]
        return self._row(bids, asks, -1)

    def alive(self) -> Row:
        """Write that nothing has changed."""
        return self._row([], [], self.sequence)

    def _row(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]], previous: int) -> Row:
        return {
            "asks": level_rows(asks, self.instrument),
            "bids": level_rows(bids, self.instrument),
            "ts": ms(self.at_ns),
            "checksum": 0,
            "prevSeqId": previous,
            "seqId": self.sequence,
        }
