"""Asking: an ask is carried out, and what was asked for comes back, or the error that says what is known.

    asker = Asker(codec, transport)
    balances = await asker.ask(codec.balances()[0])
    fills = await asker.pages(codec.fills(since_ns, keys)[0])

An ask that may go through a socket does so while that is open, and through HTTP otherwise: never through both, since
the answer that is missing on the first may mean an order. Requests are signed by the venue's clock, which is asked for
at the start, from time to time, and when the venue says that ours is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from xtrade.model.errors import DataError, InDoubt, RateLimited, Unavailable, VenueError
from xtrade.net.breaker import Breaker
from xtrade.net.calls import Call, Caller, Pause, pause_by_status
from xtrade.net.http import HttpTransport, Reply
from xtrade.net.limiter import RateLimiter
from xtrade.net.limits import shared
from xtrade.net.retry import Repeat
from xtrade.net.usage import read_usage
from xtrade.runtime import clock
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.codec import Codec
from xtrade.venues.meanings import ClockOff

__all__ = ["Asker"]

T = TypeVar("T")

_MS_NS: Final = 1_000_000
# A venue that answers page after page for ever is stopped here.
_PAGES_MAX: Final = 1_000
_SOCKET_ANSWER_S: Final = 10.0
_CLOCK_EVERY_S: Final = 600.0


class Asker:
    """The way to one venue's answers, for one account. `send` is the way into each line that is open, by its name."""

    def __init__(self, codec: Codec[Any], transport: HttpTransport, *, share_percent: int = 100) -> None:
        spec = codec.spec
        self.venue = spec.name
        self._codec = codec
        self._offset_ns = 0
        self.limiter = RateLimiter(spec.name, shared(spec.pools, share_percent))
        by_status: Callable[[Reply], Pause | None] = pause_by_status(
            statuses=spec.pause_statuses, wait_ms=spec.pause_ms, cancels_pass=spec.cancels_pass_pause
        )
        self._caller = Caller(
            spec.name,
            transport,
            self.limiter,
            breaker=Breaker(spec.breaker),
            retry=spec.retry,
            usage=lambda reply: read_usage(spec.usage, reply.headers),
            pause=by_status,
        )
        self._timeouts = spec.timeouts
        self.open: dict[str, Callable[[bytes], None]] = {}
        self._waiting: dict[tuple[str, str], asyncio.Future[Answer]] = {}

    # -- time -----------------------------------------------------------------------------------------------------

    def venue_ns(self) -> int:
        """The time at the venue, as far as we know it."""
        return clock.now_ns() + self._offset_ns

    async def ask_time(self) -> None:
        """Set our idea of the venue's clock by asking for it; a venue without one is believed to have ours."""
        asked = self._codec.clock()
        if asked is None:
            return
        before_ns = clock.now_ns()
        there_ns = await self._once(asked)
        now_ns = clock.now_ns()
        apart_ns = there_ns - (before_ns + now_ns) // 2
        allowed_ns = self._codec.spec.clock_ms_max * _MS_NS
        # Ours is the finer clock, and steady from one process to the next: it is left alone while it does no harm.
        self._offset_ns = apart_ns if abs(apart_ns) > allowed_ns // 2 else 0
        if abs(apart_ns) > allowed_ns:
            _log().warning(
                "clocks differ", venue=self.venue, by_ms=apart_ns // _MS_NS, hint="the venue's is used"
            )

    async def keep_time(self) -> None:
        """Ask the venue's time again and again."""
        while True:
            await asyncio.sleep(_CLOCK_EVERY_S)
            try:
                await self.ask_time()
            except VenueError as error:
                _log().info("the venue's time is not known anew", venue=self.venue, error=str(error))

    # -- asking ---------------------------------------------------------------------------------------------------

    async def ask(self, ask: Ask[T]) -> T:
        """Return what was asked for, or raise what is known instead."""
        try:
            return await self._once(ask)
        except ClockOff:
            # Nothing was done: the same may be asked again, whatever it is, by the right time.
            await self.ask_time()
            return await self._once(ask)

    async def pages(self, ask: Ask[Page[T]]) -> list[T]:
        """Return all of a long answer."""
        found: list[T] = []
        following = ask
        for _ in range(_PAGES_MAX):
            page = await self.ask(following)
            found += page.items
            if page.more is None:
                return found
            following = page.more
        raise DataError(f"{self.venue}: {ask.what}: more than {_PAGES_MAX} pages: ask for a shorter time")

    def answered(self, line: str, number: str, answer: Answer) -> bool:
        """Hand over an answer that came through a socket; False where nobody waits for it."""
        waiting = self._waiting.pop((line, number), None)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(answer)
        return True

    def lost(self, line: str) -> None:
        """A line's connection is gone, and the answers that were to come through it."""
        for (name, number), waiting in list(self._waiting.items()):
            if name == line and not waiting.done():
                del self._waiting[name, number]
                waiting.set_exception(ConnectionResetError("the connection ended before the answer came"))

    # -- how ------------------------------------------------------------------------------------------------------

    async def _once(self, ask: Ask[T]) -> T:
        over = ask.over
        send = None if over is None else self.open.get(over.socket)
        try:
            answer = await (self._by_http(ask) if send is None else self._by_socket(ask, send))
            return ask.read(answer)
        except RateLimited as error:
            self.limiter.ban((cost.pool for cost in ask.costs), error.retry_after_ns)
            raise
        except InDoubt as error:
            if ask.repeat is not Repeat.READ:
                raise
            raise Unavailable(
                f"{error}: it was only a question, ask again later",
                venue=self.venue,
                request=ask.what,
                code=error.code,
                text=error.text,
            ) from error
        except DataError as error:
            if ask.repeat is Repeat.READ:
                raise
            raise InDoubt(
                f"{self.venue}: {ask.what}: the answer makes no sense ({error}); it may have taken effect",
                venue=self.venue,
                request=ask.what,
            ) from error

    async def _by_http(self, ask: Ask[T]) -> Answer:
        reply = await self._caller.call(
            Call(
                ask.what,
                build=lambda: ask.build(self.venue_ns()),
                costs=ask.costs,
                priority=ask.priority,
                repeat=ask.repeat,
                timeouts=self._timeouts,
            )
        )
        return Answer(reply.status, reply.body, clock.now_ns(), reply.headers)

    async def _by_socket(self, ask: Ask[T], send: Callable[[bytes], None]) -> Answer:
        assert ask.over is not None
        line = ask.over.socket
        async with self.limiter.grant(ask.costs, ask.priority) as grant:
            number, frame = ask.over.frame(self.venue_ns())
            waiting = asyncio.get_running_loop().create_future()
            self._waiting[line, number] = waiting
            try:
                send(frame)
            except VenueError:
                grant.give_back()
                del self._waiting[line, number]
                raise
            try:
                async with asyncio.timeout(_SOCKET_ANSWER_S):
                    answer: Answer = await waiting
            except (TimeoutError, ConnectionResetError) as error:
                reason = str(error) or f"no answer within {_SOCKET_ANSWER_S:g} s"
                raise InDoubt(
                    f"{self.venue}: {ask.what}: {reason}; it was sent and may have taken effect",
                    venue=self.venue,
                    request=ask.what,
                ) from None
            finally:
                self._waiting.pop((line, number), None)
        _log().debug("ask answered", venue=self.venue, what=ask.what, line=line, status=answer.status)
        return answer

    @property
    def bans(self) -> Mapping[str, int]:
        """Pools that the venue has closed, and until when in wall time."""
        return {ban.pool: ban.until_ns for ban in self.limiter.bans()}


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
