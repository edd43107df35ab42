"""The rate limiter: every request of a venue passes here, and waits until all pools it costs have room.

    async with limiter.grant(costs, Priority.TRADE) as grant:
        ...                         # the exchange; what never left says `grant.give_back()`

Who goes first: by priority, within it first come, first served. What waits for a pool holds back what came later
(or is of lower priority) for that pool, and for no other; having waited for `patience_ms` it holds back all of its
pools, so that a request of many costs is not overtaken for ever. Only what a pool keeps for a kind of work may pass
waiting work of a higher kind, and nothing passes a cancel.

A ban is obeyed like an empty pool, by cancels too unless the venue still takes them. Bans are kept in wall time for
whoever saves them: a restart does not end one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import msgspec

from xtrade.model.errors import ConfigError, RateLimited, did_you_mean
from xtrade.net.limits import Cost, Pool, Priority
from xtrade.net.meter import Meter
from xtrade.net.usage import Usage
from xtrade.runtime import clock

__all__ = ["Ban", "Grant", "PoolView", "RateLimiter"]

_MS_NS: Final = 1_000_000
# How many keyed budgets (one for each market, say) are held before the idle ones are let go.
_KEYS_MAX: Final = 1_024

_Place = tuple[str, str]
"""A pool's name and a key: one budget."""


class Ban(NamedTuple):
    """A pool that the venue has closed until a wall-clock time."""

    pool: str
    key: str
    until_ns: int
    cancels_pass: bool


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """One budget as a dashboard shows it."""

    pool: str
    key: str
    window_ms: int
    limit: int
    used: int
    banned_until_ns: int
    """Wall time; 0 where there is no ban."""


class Grant:
    """Leave to send one request."""

    __slots__ = ("unused",)

    def __init__(self) -> None:
        self.unused = False

    def give_back(self) -> None:
        """Nothing left this machine: the units are free again."""
        self.unused = True


class _Waiter:
    __slots__ = ("costs", "let_out", "priority", "since_ns")

    def __init__(self, costs: tuple[Cost, ...], priority: Priority) -> None:
        self.costs = costs
        self.priority = priority
        self.since_ns = clock.monotonic_ns()
        self.let_out: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class RateLimiter:
    """All budgets of one venue for one address and account."""

    def __init__(
        self, venue: str, pools: Iterable[Pool], *, waiting_max: int = 1_000, patience_ms: int = 1_000
    ) -> None:
        self.venue = venue
        self._pools = {pool.name: pool for pool in pools}
        self._waiting_max = waiting_max
        self._patience_ns = patience_ms * _MS_NS
        self._meters: dict[_Place, tuple[Meter, ...]] = {}
        self._passed: set[tuple[tuple[Cost, ...], Priority]] = set()
        self._limits: dict[tuple[str, int], int] = {}
        self._bans: dict[_Place, tuple[int, bool]] = {}
        self._waiting: tuple[list[_Waiter], ...] = tuple([] for _ in Priority)
        self._timer: asyncio.TimerHandle | None = None
        self._somebody_waits_for_an_end = False

    # -- letting out -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def grant(self, costs: Iterable[Cost], priority: Priority) -> AsyncIterator[Grant]:
        """Wait for room in every pool, count the request while the block runs, and let it grow old afterwards."""
        costs = tuple(costs)
        self._check(costs, priority)
        if self._is_first(priority) and not self._lacking(costs, priority, clock.monotonic_ns()):
            self._open(costs, priority)
        else:
            await self._wait(costs, priority)
        grant = Grant()
        try:
            yield grant
        finally:
            self._close(costs, priority, unused=grant.unused)

    def wait_ns(self, costs: Iterable[Cost], priority: Priority) -> int | None:
        """Return how long such a request would wait for its pools alone; None where something must end first."""
        costs = tuple(costs)
        self._check(costs, priority)
        now_ns = clock.monotonic_ns()
        free_at_ns = self._free_at_ns(costs, priority, now_ns)
        return None if free_at_ns is None else max(0, free_at_ns - now_ns)

    @property
    def waiting(self) -> int:
        """Return how many requests wait."""
        return sum(map(len, self._waiting))

    # -- what the venue says -----------------------------------------------------------------------------------

    def observe(self, usages: Iterable[Usage]) -> None:
        """Take the venue's own figures into account; where they are lower than ours, ours stand."""
        now_ns = clock.monotonic_ns()
        for usage in usages:
            if usage.pool not in self._pools:
                continue
            for meter in self._at((usage.pool, usage.key)):
                if meter.ms == usage.window_ms:
                    if usage.limit and usage.limit != meter.limit:
                        meter.set_limit(usage.limit)
                        self._limits[usage.pool, meter.ms] = usage.limit
                        self._passed.clear()
                    if usage.used is not None:
                        meter.correct(usage.used, now_ns)
        self._serve()

    def ban(self, pools: Iterable[str], wait_ns: int, *, key: str = "", cancels_pass: bool = False) -> None:
        """Let nothing out that costs one of these pools for `wait_ns` (cancels neither, unless they pass)."""
        until_ns = clock.monotonic_ns() + wait_ns
        for pool in pools:
            before_ns, _ = self._bans.get((pool, key), (0, False))
            if until_ns > before_ns:
                self._bans[pool, key] = (until_ns, cancels_pass)
        self._serve()

    def bans(self) -> tuple[Ban, ...]:
        """Return the bans that still run, in wall time, to be saved."""
        now_ns, wall_ns = clock.monotonic_ns(), clock.now_ns()
        return tuple(
            Ban(pool, key, wall_ns + until_ns - now_ns, cancels_pass)
            for (pool, key), (until_ns, cancels_pass) in self._bans.items()
            if until_ns > now_ns
        )

    def restore(self, bans: Iterable[Ban]) -> None:
        """Obey the bans that an earlier process has met."""
        wall_ns = clock.now_ns()
        for ban in bans:
            if ban.until_ns > wall_ns:
                self.ban((ban.pool,), ban.until_ns - wall_ns, key=ban.key, cancels_pass=ban.cancels_pass)

    def view(self) -> list[PoolView]:
        """Return every budget that is in use."""
        now_ns, wall_ns = clock.monotonic_ns(), clock.now_ns()
        views = []
        for (pool, key), meters in self._meters.items():
            until_ns = self._bans.get((pool, key), (0, False))[0]
            views += [
                PoolView(
                    pool=pool,
                    key=key,
                    window_ms=meter.ms,
                    limit=meter.limit,
                    used=meter.used(now_ns),
                    banned_until_ns=wall_ns + until_ns - now_ns if until_ns > now_ns else 0,
                )
                for meter in meters
            ]
        return views

    # -- inside ------------------------------------------------------------------------------------------------

    def _check(self, costs: tuple[Cost, ...], priority: Priority) -> None:
        """Refuse what cannot ever be let out: an unknown pool must not mean that there is no limit."""
        if (costs, priority) in self._passed:
            return
        for cost in costs:
            if cost.pool not in self._pools:
                raise ConfigError(
                    f"{self.venue}: no rate limit pool is called {cost.pool!r}."
                    + did_you_mean(cost.pool, self._pools)
                )
            if cost.weight < 0:
                raise ConfigError(
                    f"{self.venue}: a cost of {cost.weight} in {cost.pool!r}: expected zero or more"
                )
            for meter in self._at((cost.pool, cost.key)):
                if not meter.can_ever_have_room(cost.weight, priority):
                    raise ConfigError(
                        f"{self.venue}: a request of weight {cost.weight} never fits {cost.pool!r}, which lets out"
                        f" {meter.limit} within {meter.ms} ms and keeps some for other work: split it"
                    )
        if len(self._passed) < _KEYS_MAX:
            self._passed.add((costs, priority))

    async def _wait(self, costs: tuple[Cost, ...], priority: Priority) -> None:
        if self.waiting >= self._waiting_max:
            raise RateLimited(
                f"{self.venue}: {self.waiting} requests wait for the rate limits already: send less, or wait",
                venue=self.venue,
                request=priority.name.lower(),
                retry_after_ns=self.wait_ns(costs, priority) or 0,
            )
        waiter = _Waiter(costs, priority)
        self._waiting[priority].append(waiter)
        self._serve()
        try:
            await waiter.let_out
        except BaseException:
            if waiter in self._waiting[priority]:
                self._waiting[priority].remove(waiter)
            elif waiter.let_out.done() and not waiter.let_out.cancelled() and not waiter.let_out.exception():
                self._close(costs, priority, unused=True)  # let out, and cancelled before it heard of it
            self._serve()
            raise

    def _open(self, costs: tuple[Cost, ...], priority: Priority) -> None:
        for cost in costs:
            for meter in self._at((cost.pool, cost.key)):
                meter.open(cost.weight, priority)

    def _close(self, costs: tuple[Cost, ...], priority: Priority, *, unused: bool) -> None:
        now_ns = clock.monotonic_ns()
        for cost in costs:
            for meter in self._at((cost.pool, cost.key)):
                if unused:
                    meter.give_back(cost.weight, priority)
                else:
                    meter.settle(cost.weight, priority, now_ns)
        # An exchange that has ended frees nothing yet; it only lets those who waited for its end know their time.
        if unused or self._timer is None or self._somebody_waits_for_an_end:
            self._serve()

    def _is_first(self, priority: Priority) -> bool:
        return not any(self._waiting[: priority + 1])

    def _serve(self) -> None:
        """Let out whoever can go, and set a timer for the next who will."""
        if not any(self._waiting):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_ns = clock.monotonic_ns()
        held: dict[_Place, set[Priority]] = {}
        next_ns: int | None = None
        self._somebody_waits_for_an_end = False
        for queue in self._waiting:
            refused: set[tuple[Cost, ...]] = set()
            for waiter in tuple(queue):
                if waiter.costs in refused:
                    continue  # the same as somebody before it, who cannot go
                if self._is_done(waiter, held, now_ns):
                    queue.remove(waiter)
                    continue
                refused.add(waiter.costs)
                free_at_ns = self._free_at_ns(waiter.costs, waiter.priority, now_ns)
                if free_at_ns is None:
                    self._somebody_waits_for_an_end = True
                elif free_at_ns > now_ns:
                    next_ns = free_at_ns if next_ns is None else min(next_ns, free_at_ns)
        if next_ns is not None:
            self._timer = asyncio.get_running_loop().call_later((next_ns - now_ns) / 1e9, self._serve)

    def _is_done(self, waiter: _Waiter, held: dict[_Place, set[Priority]], now_ns: int) -> bool:
        """Let it out, or tell it that it never will be; else note in `held` what it holds back for itself."""
        lacking = self._lacking(waiter.costs, waiter.priority, now_ns, held)
        if not lacking:
            if not waiter.let_out.done():
                self._open(waiter.costs, waiter.priority)
                waiter.let_out.set_result(None)
            return True
        if (refusal := self._refusal(waiter)) is not None:
            if not waiter.let_out.done():
                waiter.let_out.set_exception(refusal)
            return True
        impatient = now_ns - waiter.since_ns >= self._patience_ns
        for cost in waiter.costs:
            if impatient or (cost.pool, cost.key) in lacking:
                held.setdefault((cost.pool, cost.key), set()).add(waiter.priority)
        return False

    def _refusal(self, waiter: _Waiter) -> ConfigError | None:
        """A venue that lowers a limit may leave somebody waiting for ever: tell them instead."""
        try:
            self._check(waiter.costs, waiter.priority)
        except ConfigError as error:
            return error
        return None

    def _lacking(
        self,
        costs: tuple[Cost, ...],
        priority: Priority,
        now_ns: int,
        held: Mapping[_Place, set[Priority]] | None = None,
    ) -> set[_Place]:
        """Return the budgets that have no room for this request, or are held back for others."""
        lacking = set()
        for cost in costs:
            place = (cost.pool, cost.key)
            meters = self._at(place)
            if (
                self._is_banned(place, priority, now_ns)
                or not all(meter.has_room(cost.weight, priority, now_ns) for meter in meters)
                or (held and self._is_held(cost, priority, held.get(place), now_ns))
            ):
                lacking.add(place)
        return lacking

    def _is_held(self, cost: Cost, priority: Priority, by: set[Priority] | None, now_ns: int) -> bool:
        if not by:
            return False
        if priority in by or Priority.CANCEL in by:
            return True
        meters = self._at((cost.pool, cost.key))
        return not all(meter.is_within_kept(cost.weight, priority, now_ns) for meter in meters)

    def _is_banned(self, place: _Place, priority: Priority, now_ns: int) -> bool:
        return self._ban_until_ns(place, priority) > now_ns

    def _ban_until_ns(self, place: _Place, priority: Priority) -> int:
        if not self._bans:
            return 0
        # A ban without a key is one of the whole pool.
        until_ns = 0
        for at in {place, (place[0], "")}:
            ban_ns, cancels_pass = self._bans.get(at, (0, False))
            if not (cancels_pass and priority is Priority.CANCEL):
                until_ns = max(until_ns, ban_ns)
        return until_ns

    def _free_at_ns(self, costs: tuple[Cost, ...], priority: Priority, now_ns: int) -> int | None:
        free_at_ns = now_ns
        for cost in costs:
            place = (cost.pool, cost.key)
            free_at_ns = max(free_at_ns, self._ban_until_ns(place, priority))
            for meter in self._at(place):
                room_at_ns = meter.room_at_ns(cost.weight, priority, now_ns)
                if room_at_ns is None:
                    return None
                free_at_ns = max(free_at_ns, room_at_ns)
        return free_at_ns

    def _at(self, place: _Place) -> tuple[Meter, ...]:
        found = self._meters.get(place)
        if found is None:
            if len(self._meters) >= _KEYS_MAX:
                self._let_go()
            pool = self._pools[place[0]]
            found = self._meters[place] = tuple(Meter(window, pool.kept) for window in pool.windows)
            for meter in found:
                if (limit := self._limits.get((pool.name, meter.ms))) is not None:
                    meter.set_limit(limit)
        return found

    def _let_go(self) -> None:
        now_ns = clock.monotonic_ns()
        idle = [place for place, meters in self._meters.items() if not any(m.used(now_ns) for m in meters)]
        for place in idle:
            del self._meters[place]
