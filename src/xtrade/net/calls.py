"""A call: one request of the desk, from the moment it is wanted to the reply or the error that says what is known.

    caller = Caller("binance", session, limiter, usage=..., pause=...)
    reply = await caller.call(Call("cancel order", build, costs=(Cost("weight"),), priority=Priority.CANCEL,
                                   repeat=Repeat.IDEMPOTENT))

What it goes through: the rate limiter (waiting for its turn), the breaker, the building of the request (now, and not
earlier: signatures carry the time), the session, and then again where it failed and may be repeated. How it ends:

  a Reply        of any status below 500; of 500 and above where it may not be repeated: the venue's table judges it
  RateLimited    the venue asks for a pause: nothing was done, and the pools are banned until it is over
  Unavailable    nothing was sent, or it was only a question
  InDoubt        it may have taken effect

Every attempt is one line in the log, under the id of its call.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, NoReturn

from xtrade.model.errors import InDoubt, RateLimited, Unavailable, VenueError
from xtrade.net.breaker import Breaker, Outcome, Permit
from xtrade.net.http import HttpTransport, Reply, Request, Timeouts
from xtrade.net.limiter import RateLimiter
from xtrade.net.limits import Cost, Priority
from xtrade.net.redaction import shown_url
from xtrade.net.retry import Repeat, RetryBudget, RetryRule
from xtrade.net.usage import Usage, retry_after_ns
from xtrade.runtime import chance, clock

__all__ = ["Call", "Caller", "Pause", "pause_by_status"]

_MS_NS: Final = 1_000_000
_TOO_MANY: Final = 429
_BANNED: Final = 418
_SERVER_ERRORS_FROM: Final = 500


class Pause(NamedTuple):
    """The venue wants quiet: for how long, in which pools (none named: those that the call costs), and whether it
    still takes cancels.
    """

    wait_ns: int
    pools: tuple[str, ...]
    cancels_pass: bool = False


class Call(NamedTuple):
    """What is wanted. `build` makes the request anew for each attempt."""

    what: str
    build: Callable[[], Request]
    costs: tuple[Cost, ...] = ()
    priority: Priority = Priority.DATA
    repeat: Repeat = Repeat.NEVER
    timeouts: Timeouts | None = None


def pause_by_status(
    *pools: str,
    statuses: Iterable[int] = (_TOO_MANY, _BANNED),
    wait_ms: int = 2_000,
    cancels_pass: bool = False,
) -> Callable[[Reply], Pause | None]:
    """Return a rule: these statuses ask for a pause, as long as `Retry-After` says, or `wait_ms` where it is silent."""
    asking = frozenset(statuses)

    def pause(reply: Reply) -> Pause | None:
        if reply.status not in asking:
            return None
        said_ns = retry_after_ns(reply.headers, clock.now_ns())
        return Pause(said_ns or wait_ms * _MS_NS, pools, cancels_pass)

    return pause


class Caller:
    """The way out to one venue for one address and account."""

    def __init__(
        self,
        venue: str,
        transport: HttpTransport,
        limiter: RateLimiter,
        *,
        breaker: Breaker | None = None,
        retry: RetryRule | None = None,
        usage: Callable[[Reply], Iterable[Usage]] = lambda _reply: (),
        pause: Callable[[Reply], Pause | None] | None = None,
    ) -> None:
        self.venue = venue
        self.limiter = limiter
        self.breaker = breaker or Breaker()
        self._transport = transport
        self._retry = retry or RetryRule()
        self._budget = RetryBudget(self._retry)
        self._usage = usage
        self._pause = pause or pause_by_status()
        self._numbers = itertools.count(1)
        self._jitter = chance.stream(f"net/{venue}/retry")

    async def call(self, call: Call) -> Reply:
        """Make the call; see the head of this module for how it ends."""
        name = f"{self.venue}-{next(self._numbers)}"
        self._budget.earn()
        may_have_left = False
        for attempt in itertools.count(1):
            try:
                reply = await self._attempt(call, name, attempt)
            except (Unavailable, InDoubt, RateLimited) as error:
                may_have_left |= isinstance(error, InDoubt)
                if not self._may_repeat(call, attempt) or (
                    isinstance(error, RateLimited)
                    and error.retry_after_ns > self._retry.backoff_ms_max * _MS_NS
                ):
                    self._raise(call, error, may_have_left)
            else:
                if reply.status < _SERVER_ERRORS_FROM or not self._may_repeat(call, attempt):
                    return reply
                may_have_left = True
            await asyncio.sleep(self._retry.wait_ns(attempt, self._jitter.random) / 1e9)
        raise AssertionError("a call ends by its attempts")

    def _may_repeat(self, call: Call, attempt: int) -> bool:
        return call.repeat is not Repeat.NEVER and attempt < self._retry.attempts_max and self._budget.spend()

    def _raise(self, call: Call, error: VenueError, may_have_left: bool) -> NoReturn:
        """End with what is known of all attempts, not of the last one only."""
        if call.repeat is Repeat.READ and isinstance(error, InDoubt):
            raise Unavailable(
                f"{self.venue}: {call.what}: no answer, and it was only a question: ask again later",
                venue=self.venue,
                request=call.what,
            ) from error
        if may_have_left and call.repeat is not Repeat.READ and not isinstance(error, InDoubt):
            raise InDoubt(
                f"{self.venue}: {call.what}: the answer of an earlier attempt is missing, and the last one failed",
                venue=self.venue,
                request=call.what,
            ) from error
        raise error

    async def _attempt(self, call: Call, name: str, attempt: int) -> Reply:
        self._refuse_if_open(call)
        async with self.limiter.grant(call.costs, call.priority) as grant:
            now_ns = clock.monotonic_ns()
            permit = self.breaker.permit(now_ns, urgent=call.priority is Priority.CANCEL)
            if permit is None:
                grant.give_back()
                raise self._not_now(call)
            outcome = Outcome.UNKNOWN
            try:
                request = call.build()
            except BaseException:
                grant.give_back()
                self._note(permit, outcome)
                raise
            try:
                reply = await self._transport.send(request, timeouts=call.timeouts, what=call.what)
                outcome = Outcome.FAILURE if reply.status >= _SERVER_ERRORS_FROM else Outcome.SUCCESS
                # Hosts of one venue may count different pools under one name of a header (Binance's halves do).
                asked = {cost.pool for cost in call.costs}
                self.limiter.observe(usage for usage in self._usage(reply) if usage.pool in asked)
            except Unavailable as error:
                outcome = Outcome.FAILURE
                grant.give_back()
                self._log(name, call, attempt, error=str(error))
                raise
            except InDoubt as error:
                outcome = Outcome.FAILURE
                self._log(name, call, attempt, error=str(error))
                raise
            finally:
                self._note(permit, outcome)
        self._log(name, call, attempt, request=request, reply=reply)
        if (pause := self._pause(reply)) is not None:
            self._obey(call, pause, reply)
        return reply

    def _refuse_if_open(self, call: Call) -> None:
        """Say no before waiting for the limits, where the breaker would say no after it."""
        if call.priority is not Priority.CANCEL and self.breaker.is_open(clock.monotonic_ns()):
            raise self._not_now(call)

    def _not_now(self, call: Call) -> Unavailable:
        wait_ms = max(0, self.breaker.open_until_ns - clock.monotonic_ns()) // _MS_NS
        return Unavailable(
            f"{self.venue}: {call.what}: not sent, the venue has failed too often; next try in {wait_ms} ms",
            venue=self.venue,
            request=call.what,
        )

    def _obey(self, call: Call, pause: Pause, reply: Reply) -> NoReturn:
        pools = pause.pools or tuple(cost.pool for cost in call.costs)
        self.limiter.ban(pools, pause.wait_ns, cancels_pass=pause.cancels_pass)
        _log().warning(
            "venue asks for a pause",
            venue=self.venue,
            status=reply.status,
            wait_ms=pause.wait_ns // _MS_NS,
            pools=pools,
        )
        raise RateLimited(
            f"{self.venue}: {call.what}: the venue asks to wait {pause.wait_ns // _MS_NS} ms (HTTP {reply.status})",
            venue=self.venue,
            request=call.what,
            retry_after_ns=pause.wait_ns,
            code=str(reply.status),
        )

    def _note(self, permit: Permit, outcome: Outcome) -> None:
        before = self.breaker.state
        self.breaker.note(permit, outcome, clock.monotonic_ns())
        if self.breaker.state is not before:
            _log().warning(
                "breaker changes", venue=self.venue, before=before.value, after=self.breaker.state.value
            )

    def _log(
        self,
        name: str,
        call: Call,
        attempt: int,
        *,
        request: Request | None = None,
        reply: Reply | None = None,
        error: str | None = None,
    ) -> None:
        fields: dict[str, Any] = {"call": name, "what": call.what, "attempt": attempt}
        if request is not None and reply is not None:
            fields |= {
                "request": f"{request.method} {shown_url(request.url)}",
                "status": reply.status,
                "first_byte_us": (reply.first_byte_ns - reply.sent_ns) // 1_000,
                "whole_us": (reply.received_ns - reply.sent_ns) // 1_000,
            }
            _log().debug("call answered", **fields)
        else:
            _log().warning("call failed", error=error, **fields)


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
