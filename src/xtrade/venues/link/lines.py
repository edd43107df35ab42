"""Lines: the connections to one venue, kept up for as long as somebody wants to hear something.

    lines = Lines(codec, asker, listener, spawn)
    lines.want([Topic("public", "books:BTC-USDT", "okx:BTC/USDT")])

Topics of one kind of line share connections, as many as fit. A connection is made, logged in, subscribed, watched;
when it ends another one is made, after a wait that grows with every failure. Before its life is over, or when the venue
says that it is leaving, its successor is up first: for a moment both are heard, and everything counts once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from typing_extensions import override

from xtrade.model.errors import AuthFailed, RateLimited, Unavailable, XtradeError
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import RetryRule
from xtrade.net.websocket import Closed, Listener, WebSocket, WebSocketOptions, connect
from xtrade.runtime import chance, clock
from xtrade.venues.codec import Codec, Unread
from xtrade.venues.link.asking import Asker
from xtrade.venues.streams import (
    Answered,
    Leaving,
    Line,
    LoggedIn,
    Refused,
    Said,
    SayBack,
    Subscribed,
    Topic,
)

__all__ = ["Connection", "Hearer", "Keeper", "Lines", "Running", "Spawn"]


class Running(Protocol):
    """Work that was begun and is not waited for."""

    def cancel(self) -> bool:
        """End it."""
        ...


Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None], str], Running]
"""Begins work under a name; whoever spawned it sees to its failures."""

_MS_NS: Final = 1_000_000
_STEP_S: Final = 10.0
"""How long a login, or the confirmation of a subscription, may take."""
_GRACE_S: Final = 1.0
_BACK: Final = RetryRule(backoff_ms_min=250, backoff_ms_max=30_000)
_HEALTHY_S: Final = 30.0
_UNREAD_LOGGED: Final = 20


class Hearer(Protocol):
    """Who is told what the lines bring."""

    def heard(self, connection: Connection, said: list[Said]) -> None:
        """One message's worth of news; what was for the connection itself is not among it."""
        ...

    def line_up(self, line: Line, topics: Sequence[Topic]) -> None:
        """A connection is up, and subscribed to these."""
        ...

    def line_down(self, line: Line, topics: Sequence[Topic], reason: str) -> None:
        """A connection is gone, and with it these; it is being made anew."""
        ...

    def refused(self, topic: Topic, refusal: Refused) -> None:
        """The venue will not tell of a topic."""
        ...


class Connection(Listener):
    """One connection of a line, from its handshake to its end. `number` rises from one to the next of a venue."""

    def __init__(self, keeper: Keeper, number: int) -> None:
        self.number = number
        self.keeper = keeper
        self.unread = 0
        self.subscribed: set[Topic] = set()
        self._socket: WebSocket | None = None
        self._logged_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending: list[list[Topic]] = []
        self._confirmed = asyncio.Event()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._leaving: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        """Whether something may be sent."""
        return self._socket is not None and self._socket.is_open

    def send(self, payload: bytes) -> None:
        """Send a message; Unavailable where that cannot be."""
        if self._socket is None:
            raise Unavailable(
                f"{self.keeper.venue}: the {self.keeper.line.name} line is not open",
                venue=self.keeper.venue,
                request="send",
            )
        self._socket.send_text(payload)

    async def open(self, address: str) -> None:
        """Connect, log in and subscribe to everything that is wanted."""
        line = self.keeper.line
        options = WebSocketOptions(silence_ms_max=line.silence_ms_max, keepalive=line.keepalive)
        self._socket = await connect(self.keeper.venue, address, self, options)
        try:
            login = self.keeper.codec.login(line, self.keeper.next_number(), self.keeper.asker.venue_ns())
            if line.logs_in and login is not None:
                await self.keeper.pay()
                self.send(login)
                await self._in_time(self._logged_in, "login")
            await self.subscribe(list(self.keeper.topics))
            if line.confirms and self._pending:
                await self._in_time(self._confirmed.wait(), "confirmation of subscriptions")
        except BaseException:
            self._socket.abort("it was not ready in time")
            raise

    async def subscribe(self, topics: Sequence[Topic]) -> None:
        """Subscribe to topics, as many to a message as the venue allows."""
        line, keeper = self.keeper.line, self.keeper
        self.subscribed |= set(topics)
        for start in range(0, len(topics), line.frame_topics_max):
            part = topics[start : start + line.frame_topics_max]
            for frame in keeper.codec.subscribe(line, part, keeper.next_number(), keeper.asker.venue_ns()):
                await keeper.pay()
                self.send(frame)
            self._pending.append(list(part))
            self._confirmed.clear()

    async def unsubscribe(self, topics: Sequence[Topic]) -> None:
        """End subscriptions."""
        line, keeper = self.keeper.line, self.keeper
        for frame in keeper.codec.unsubscribe(line, topics, keeper.next_number()):
            await keeper.pay()
            self.send(frame)

    async def end(self) -> tuple[bool, str]:
        """Wait until it is over (True), or is to be replaced (False); say why."""
        life_s = self.keeper.line.life_ms / 1_000 or None
        done, _ = await asyncio.wait(
            {self._over, self._leaving}, timeout=life_s, return_when=asyncio.FIRST_COMPLETED
        )
        if self._over in done:
            return True, self._over.result()
        return False, self._leaving.result() if self._leaving in done else "its life is over"

    def replace(self, reason: str) -> None:
        """Have another connection made, and this one ended after that."""
        if not self._leaving.done():
            self._leaving.set_result(reason)

    async def close(self) -> None:
        """Say goodbye."""
        if self._socket is not None:
            await self._socket.close()

    # -- from the socket ------------------------------------------------------------------------------------------

    @override
    def on_open(self, socket: WebSocket) -> None:
        self._socket = socket

    @override
    def on_message(self, payload: bytes, received_ns: int) -> None:
        news: list[Said] = []
        for said in self.keeper.codec.hear(self.keeper.line, payload, received_ns):
            match said:
                case Unread():
                    self._count_unread(said, payload)
                case LoggedIn():
                    if not self._logged_in.done():
                        self._logged_in.set_result(None)
                case Subscribed():
                    self._confirm(said)
                case Refused():
                    self._refuse(said)
                case Answered():
                    if not self.keeper.asker.answered(self.keeper.line.name, said.id, said.answer):
                        self._count_unread(Unread("an answer that nobody waits for"), payload)
                case SayBack():
                    self.send(said.payload)
                case Leaving():
                    self.replace(said.reason)
                case _:
                    news.append(said)
        if news:
            self.keeper.hearer.heard(self, news)

    @override
    def on_close(self, closed: Closed) -> None:
        reason = f"ended by the {closed.by}: {closed.reason or closed.code}"
        if closed.by == "us":
            reason = closed.reason or "ended by us"
        if not self._over.done():
            self._over.set_result(reason)
        gone = Unavailable(
            f"{self.keeper.venue}: the {self.keeper.line.name} line: {reason}",
            venue=self.keeper.venue,
            request="connect",
        )
        if not self._logged_in.done():
            self._logged_in.set_exception(gone)
            self._logged_in.exception()  # it may be that nobody waits for it
        self._confirmed.set()
        self.keeper.gone(self)

    # -- how ------------------------------------------------------------------------------------------------------

    async def _in_time(self, waiting: Any, what: str) -> None:
        try:
            async with asyncio.timeout(_STEP_S):
                await waiting
        except TimeoutError:
            raise Unavailable(
                f"{self.keeper.venue}: the {self.keeper.line.name} line: no {what} within {_STEP_S:g} s",
                venue=self.keeper.venue,
                request="connect",
            ) from None

    def _confirm(self, said: Subscribed) -> None:
        if not said.names and self._pending:
            del self._pending[0]
        names = set(said.names)
        for part in self._pending:
            part[:] = [topic for topic in part if topic.name not in names]
        self._pending = [part for part in self._pending if part]
        if not self._pending:
            self._confirmed.set()

    def _refuse(self, refusal: Refused) -> None:
        keeper = self.keeper
        _log().error(
            "venue refuses",
            venue=keeper.venue,
            line=keeper.line.name,
            what=refusal.names or ("login" if refusal.login else "a subscription"),
            code=refusal.code,
            text=refusal.text,
        )
        if refusal.login:
            if not self._logged_in.done():
                text = f"{keeper.venue}: login: {refusal.text or 'refused'} ({refusal.code})"
                self._logged_in.set_exception(
                    AuthFailed(
                        text, venue=keeper.venue, request="login", code=refusal.code, text=refusal.text
                    )
                )
            return
        for topic in [topic for part in self._pending for topic in part if topic.name in refusal.names]:
            keeper.hearer.refused(topic, refusal)
        self._confirm(Subscribed(refusal.names))

    def _count_unread(self, unread: Unread, payload: bytes) -> None:
        self.unread += 1
        if self.unread <= _UNREAD_LOGGED:
            _log().warning(
                "message not understood",
                venue=self.keeper.venue,
                line=self.keeper.line.name,
                reason=unread.reason,
                size=len(payload),
            )


class Keeper:
    """Keeps one connection's worth of topics of one line: connected for ever, one connection after another."""

    def __init__(self, lines: Lines, line: Line, number: int) -> None:
        self.line = line
        self.number = number
        self.codec, self.asker, self.hearer, self.venue = lines.codec, lines.asker, lines.hearer, lines.venue
        self.topics: dict[Topic, None] = {}
        self.leading: Connection | None = None
        self.up = asyncio.Event()
        self.failure: XtradeError | None = None
        self._lines = lines
        self._jitter = chance.stream(f"venue/{lines.venue}/{line.name}/{number}/reconnect")
        self._token = ""

    def has_room(self, count: int) -> bool:
        """Whether so many more topics fit on its connection."""
        return not self.line.topics_max or len(self.topics) + count <= self.line.topics_max

    async def run(self) -> None:
        """Connect, and connect again."""
        failures = 0
        while True:
            began_ns = clock.monotonic_ns()
            try:
                connection = await self._connect()
            except XtradeError as error:
                self._failed(error)
                wait_ns = _BACK.wait_ns(failures, self._jitter.random)
                if isinstance(error, RateLimited):
                    wait_ns = max(wait_ns, error.retry_after_ns)
                failures += 1
                await asyncio.sleep(wait_ns / 1e9)
                continue
            reason = await self._lead(connection)
            self._ended(reason)
            if clock.monotonic_ns() - began_ns >= _HEALTHY_S * 1e9:
                failures = 0
            await asyncio.sleep(_BACK.wait_ns(failures, self._jitter.random) / 1e9)
            failures += 1

    async def add(self, topics: Sequence[Topic]) -> None:
        """Subscribe to more."""
        new = [topic for topic in topics if topic not in self.topics]
        self.topics |= dict.fromkeys(new)
        await self._on_all(lambda connection: connection.subscribe(new))

    async def renew(self, topics: Sequence[Topic]) -> None:
        """Subscribe anew to what is subscribed: what begins with a snapshot begins again."""

        async def again(connection: Connection) -> None:
            await connection.unsubscribe(topics)
            await connection.subscribe(topics)

        await self._on_all(again)

    async def pay(self) -> None:
        """Wait until a message may be sent."""
        if self.line.sends:
            cost = Cost(self.line.sends, key=f"{self.line.name} {self.number}")
            async with self.asker.limiter.grant((cost,), Priority.DATA):
                pass

    def next_number(self) -> int:
        """Return a number for the next message."""
        return self._lines.next_number()

    def gone(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection is self.leading:
            self.up.clear()
            self.asker.open.pop(self.line.name, None)
            self.asker.lost(self.line.name)

    # -- how ------------------------------------------------------------------------------------------------------

    async def _connect(self) -> Connection:
        if self.line.opens:
            async with self.asker.limiter.grant((Cost(self.line.opens),), Priority.DATA):
                pass
        asked = self.codec.token(self.line)
        self._token = "" if asked is None else await self.asker.ask(asked)
        connection = Connection(self, self.next_number())
        await connection.open(self.codec.address(self.line, self._token))
        return connection

    async def _lead(self, connection: Connection) -> str:
        """Stay with a connection, and with those that follow it without a gap; return why the last one ended."""
        self._take_lead(connection)
        keeping = self._lines.spawn(self._keep_token(), f"{self.venue} {self.line.name} token")
        try:
            while True:
                is_over, reason = await connection.end()
                if is_over:
                    return reason
                _log().info("connection is replaced", venue=self.venue, line=self.line.name, reason=reason)
                try:
                    successor = await self._connect()
                except XtradeError as error:
                    _log().warning(
                        "no successor yet", venue=self.venue, line=self.line.name, error=str(error)
                    )
                    await asyncio.sleep(_BACK.wait_ns(3, self._jitter.random) / 1e9)
                    continue
                old, connection = connection, successor
                self._take_lead(successor)
                # What is on its way through the old one still comes.
                await asyncio.sleep(_GRACE_S)
                await old.close()
        finally:
            keeping.cancel()
            if connection.is_open:
                self._lines.spawn(connection.close(), f"{self.venue} {self.line.name} goodbye")

    def _take_lead(self, connection: Connection) -> None:
        self.leading = connection
        self.failure = None
        self.up.set()
        if self.line.private:
            self.asker.open[self.line.name] = connection.send
        # What was wanted while it was being made.
        if late := [topic for topic in self.topics if topic not in connection.subscribed]:
            self._lines.spawn(
                self._on_all(lambda it: it.subscribe(late)), f"{self.venue} {self.line.name} late"
            )
        _log().info("line up", venue=self.venue, line=self.line.name, topics=len(self.topics))
        self.hearer.line_up(self.line, list(self.topics))

    async def _keep_token(self) -> None:
        every_ms = self.codec.spec.keeps_alive_ms
        while every_ms and self._token:
            await asyncio.sleep(every_ms / 1_000)
            asked = self.codec.keep_token(self.line, self._token)
            if asked is None:
                return
            try:
                await self.asker.ask(asked)
            except XtradeError as error:
                _log().warning("token does not live on", venue=self.venue, error=str(error))
                if self.leading is not None:
                    self.leading.replace("its token does not live on")

    async def _on_all(self, do: Callable[[Connection], Coroutine[Any, Any, None]]) -> None:
        """Do something on the connection that leads; one that is being made asks for everything by itself."""
        if self.leading is not None and self.leading.is_open:
            try:
                await do(self.leading)
            except Unavailable:
                return  # it has just ended: the next one asks for everything

    def _failed(self, error: XtradeError) -> None:
        self.failure = error
        _log().warning("line not up", venue=self.venue, line=self.line.name, error=str(error))
        self._ended(str(error))

    def _ended(self, reason: str) -> None:
        self.up.clear()
        self.leading = None
        self.hearer.line_down(self.line, list(self.topics), reason)


class Lines:
    """All connections to one venue."""

    def __init__(self, codec: Codec[Any], asker: Asker, hearer: Hearer, spawn: Spawn) -> None:
        self.codec, self.asker, self.hearer, self.spawn = codec, asker, hearer, spawn
        self.venue = codec.spec.name
        self._keepers: dict[str, list[Keeper]] = {}
        self._numbers = 0

    def want(self, topics: Iterable[Topic]) -> None:
        """Be told of these from now on."""
        by_line: dict[str, list[Topic]] = {}
        for topic in topics:
            if not any(topic in keeper.topics for keeper in self._keepers.get(topic.line, ())):
                by_line.setdefault(topic.line, []).append(topic)
        for name, wanted in by_line.items():
            line = self.codec.spec.line(name)
            most = line.topics_max or len(wanted)
            for start in range(0, len(wanted), most):
                part = wanted[start : start + most]
                self.spawn(self._with_room(line, len(part)).add(part), f"{self.venue} {name} subscribe")

    def keep(self, line: Line) -> Keeper:
        """Keep a line up, also while nobody wants to hear of anything there."""
        return self._with_room(line, 0)

    def renew(self, topics: Iterable[Topic]) -> None:
        """Begin anew with these."""
        for topic in topics:
            for keeper in self._keepers.get(topic.line, ()):
                if topic in keeper.topics:
                    self.spawn(keeper.renew([topic]), f"{self.venue} {topic.line} renew")

    def next_number(self) -> int:
        """Count messages and connections."""
        self._numbers += 1
        return self._numbers

    @property
    def connections(self) -> list[Connection]:
        """The connections that lead."""
        return [
            keeper.leading
            for keepers in self._keepers.values()
            for keeper in keepers
            if keeper.leading is not None
        ]

    def _with_room(self, line: Line, count: int) -> Keeper:
        keepers = self._keepers.setdefault(line.name, [])
        for keeper in keepers:
            if keeper.has_room(count):
                return keeper
        keeper = Keeper(self, line, len(keepers))
        if line.private:
            keeper.topics |= dict.fromkeys(self.codec.private_topics(line))
        keepers.append(keeper)
        self.spawn(keeper.run(), f"{self.venue} {line.name} {keeper.number}")
        return keeper


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
