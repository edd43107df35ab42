"""Tasks with an owner, a restart policy and an end.

    async with Supervisor("okx") as tasks:
        tasks.start(link.read, restart=Restart(backoff_ms_max=30_000))
        tasks.start(link.keep_alive)

The block ends when its tasks have ended. A task that fails is restarted as its policy says; one that may not be
(any more) ends the whole block: the others are cancelled, and the block raises an ExceptionGroup of `GaveUp`,
each naming the task, the number of failures and the last error. No failure goes unseen: one that fails while it
is stopped, or does not end within `end_deadline_ms` of that, is in the group too. No cancellation is swallowed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from xtrade.model.errors import ConfigError, XtradeError
from xtrade.runtime import chance, clock
from xtrade.runtime.life import in_words, must_be_function

__all__ = ["GaveUp", "Restart", "Supervisor", "TaskView"]

_MS_NS = 1_000_000


class GaveUp(XtradeError):
    """A supervised task has failed for good; the last error is the cause."""

    def __init__(self, message: str, *, task: str, failures: int) -> None:
        super().__init__(message)
        self.task = task
        self.failures = failures


class Restart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a task is started again, how long that waits, and when it is not worth trying any more.

    The wait is drawn between `backoff_ms_min` and a limit that doubles with every restart up to
    `backoff_ms_max`; a task that has run for `healthy_ms` starts again from the bottom. More than
    `failures_max` failures within `window_ms` are the end.
    """

    when: Literal["failure", "always"] = "failure"
    backoff_ms_min: int = 100
    backoff_ms_max: int = 60_000
    healthy_ms: int = 60_000
    failures_max: int = 20
    window_ms: int = 600_000

    def __post_init__(self) -> None:
        if not 0 < self.backoff_ms_min <= self.backoff_ms_max:
            raise ConfigError(
                f"restart: backoff_ms_min = {self.backoff_ms_min} and backoff_ms_max = {self.backoff_ms_max}:"
                " expected 0 < min <= max"
            )
        for field in ("healthy_ms", "failures_max", "window_ms"):
            if getattr(self, field) < 0:
                raise ConfigError(f"restart: {field} = {getattr(self, field)}: expected zero or more")

    def wait_ns(self, quick_ends: int, draw: Callable[[], float]) -> int:
        """Return how long to wait after that many quick ends in a row; `draw` returns a number in [0, 1)."""
        limit_ms = min(self.backoff_ms_max, self.backoff_ms_min << min(quick_ends, 40))
        return int((self.backoff_ms_min + draw() * (limit_ms - self.backoff_ms_min)) * _MS_NS)


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised task as a dashboard shows it."""

    name: str
    state: Literal["running", "waiting", "gave up"]
    since_ns: int
    restarts: int
    failures: int
    last_error: str | None


class _History:
    """What a policy decides by; a healthy spell wipes it clean."""

    def __init__(self) -> None:
        self.quick_ends = 0
        self.failed_at_ns: deque[int] = deque()

    def add(self, restart: Restart, started_ns: int, ended_ns: int, *, failed: bool) -> None:
        """Take one run into account, and forget the failures that are out of the window."""
        if ended_ns - started_ns >= restart.healthy_ms * _MS_NS:
            self.quick_ends = 0
            self.failed_at_ns.clear()
        self.quick_ends += 1
        if failed:
            self.failed_at_ns.append(ended_ns)
        while self.failed_at_ns and self.failed_at_ns[0] < ended_ns - restart.window_ms * _MS_NS:
            self.failed_at_ns.popleft()


class _Watched:
    """What is known of one task while it is supervised."""

    def __init__(
        self, name: str, run: Callable[[], Coroutine[Any, Any, object]], restart: Restart | None
    ) -> None:
        self.name = name
        self.run = run
        self.restart = restart
        self.state: Literal["running", "waiting", "gave up"] = "running"
        self.since_ns = clock.now_ns()
        self.restarts = 0
        self.failures = 0
        self.last_error: str | None = None
        self.task: asyncio.Task[None] | None = None

    def enter(self, state: Literal["running", "waiting", "gave up"]) -> None:
        self.state = state
        self.since_ns = clock.now_ns()


class Supervisor:
    """The owner of a group of tasks; see the head of this module."""

    def __init__(self, name: str, *, end_deadline_ms: int = 5_000) -> None:
        self.name = name
        self._end_deadline_ms = end_deadline_ms
        self._group = asyncio.TaskGroup()
        self._watched: dict[str, _Watched] = {}
        self._failed_at_stop: list[GaveUp] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, traceback)
        except BaseExceptionGroup as group:
            if self._failed_at_stop:
                raise group.derive([*group.exceptions, *self._failed_at_stop]) from None
            raise
        except asyncio.CancelledError:
            # As with a TaskGroup, a failure on the way out says more than the cancellation does.
            if not self._failed_at_stop:
                raise
        if self._failed_at_stop:
            raise ExceptionGroup("tasks failed while they were stopped", self._failed_at_stop)

    def start(
        self,
        run: Callable[[], Coroutine[Any, Any, object]],
        *,
        name: str | None = None,
        restart: Restart | None = None,
    ) -> None:
        """Start `run` (a coroutine function, called anew for each restart); without `restart` it may not fail."""
        must_be_function(run, "start")
        name = f"{self.name}/{name or getattr(run, '__qualname__', 'task').rpartition('.')[2]}"
        if name in self._watched:
            raise ValueError(f"{name} is already running: give the second one a name of its own")
        watched = _Watched(name, run, restart)
        watched.task = self._group.create_task(self._supervise(watched), name=f"supervisor of {name}")
        self._watched[name] = watched
        # A task that is cancelled before its first step never gets to its own `finally`.
        watched.task.add_done_callback(lambda _task: self._forget(watched))

    async def stop(self) -> None:
        """Cancel every task, in the reverse order of their start, and wait until they have ended.

        One that fails then, or is not done within the deadline, is raised by the block, not from here: what else
        there is to stop comes first.
        """
        tasks = [watched.task for watched in self._watched.values() if watched.task is not None]
        for task in reversed(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def view(self) -> list[TaskView]:
        """Return the tasks as they are now; one that ended well is gone."""
        return [
            TaskView(
                name=watched.name,
                state=watched.state,
                since_ns=watched.since_ns,
                restarts=watched.restarts,
                failures=watched.failures,
                last_error=watched.last_error,
            )
            for watched in self._watched.values()
        ]

    async def _supervise(self, watched: _Watched) -> None:
        try:
            await self._keep_running(watched)
        finally:
            self._forget(watched)

    async def _keep_running(self, watched: _Watched) -> None:
        restart = watched.restart
        history = _History()
        jitter = chance.stream(f"supervisor/{watched.name}")
        while True:
            watched.enter("running")
            started_ns = clock.monotonic_ns()
            error = await self._outcome(watched)
            if error is None and (restart is None or restart.when == "failure"):
                return
            if error is not None:
                watched.failures += 1
                watched.last_error = in_words(error)
            if restart is None:
                raise self._give_up(watched, "failed, and is not to be restarted") from error
            history.add(restart, started_ns, clock.monotonic_ns(), failed=error is not None)
            if len(history.failed_at_ns) > restart.failures_max:
                count = len(history.failed_at_ns)
                reason = f"failed {'once' if count == 1 else f'{count} times'} within {restart.window_ms} ms"
                raise self._give_up(watched, reason) from error
            wait_ns = restart.wait_ns(history.quick_ends, jitter.random)
            watched.enter("waiting")
            say = _log().info if error is None else _log().warning
            say(
                "task restarts",
                task=watched.name,
                error=None if error is None else watched.last_error,
                wait_ms=wait_ns // _MS_NS,
                restarts=watched.restarts,
            )
            await asyncio.sleep(wait_ns / 1e9)
            watched.restarts += 1

    async def _outcome(self, watched: _Watched) -> Exception | None:
        """Run once, and return how it failed, or None; a cancellation from outside is handed on, and then passes.

        A task of its own for each run tells the two kinds of cancellation apart. `Task.cancelling()` of one task for
        all does not: before Python 3.13 a task group that failed inside of it leaves the count raised.
        """
        attempt = asyncio.create_task(watched.run(), name=watched.name)
        asked: asyncio.CancelledError | None = None
        while not attempt.done():
            try:
                ended, _ = await asyncio.wait(
                    {attempt}, timeout=None if asked is None else self._end_deadline_ms / 1_000
                )
            except asyncio.CancelledError as cancelled:
                asked = cancelled
                attempt.cancel()
            else:
                if not ended:
                    break
        if not attempt.done():
            error: BaseException | None = TimeoutError(f"would not end within {self._end_deadline_ms} ms")
        elif attempt.cancelled():
            error = None if asked else RuntimeError("something it waited for was cancelled")
        else:
            error = attempt.exception()
        if error is not None and not isinstance(error, Exception):
            raise error
        if asked is not None:
            if error is not None:
                self._note_failure_at_stop(watched, error)
            raise asked
        return error

    def _note_failure_at_stop(self, watched: _Watched, error: Exception) -> None:
        """Keep it for the end of the block: raised at once it would cancel whoever is stopping the rest."""
        watched.failures += 1
        watched.last_error = in_words(error)
        gave_up = self._give_up(watched, "failed while it was stopped")
        gave_up.__cause__ = error
        self._failed_at_stop.append(gave_up)

    def _forget(self, watched: _Watched) -> None:
        if watched.state != "gave up" and self._watched.get(watched.name) is watched:
            del self._watched[watched.name]

    def _give_up(self, watched: _Watched, reason: str) -> GaveUp:
        watched.enter("gave up")
        _log().error(
            "task gave up",
            task=watched.name,
            reason=reason,
            error=watched.last_error,
            failures=watched.failures,
        )
        return GaveUp(
            f"{watched.name} {reason}; last error: {watched.last_error}",
            task=watched.name,
            failures=watched.failures,
        )


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
