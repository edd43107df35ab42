"""An orderly stop: asked once, the steps run in their order, each with a deadline; asked twice, now.

    stop = Shutdown()
    stop.step("strategies", engine.stop, deadline_ms=2_000)
    stop.step("orders", engine.cancel_all, deadline_ms=3_000)
    stop.step("tasks", tasks.stop, deadline_ms=3_000)
    with stop.on_signals():
        report = await stop.when_asked()

A step that fails or is late is reported, and the next one runs all the same. The second signal ends the process
on the spot, even if the loop hangs: the journal is made to be killed at any instant, so that is safe. The same
signal again within half a second is no second one: a Ctrl-C reaches a process from the terminal and once more from
a parent that passes it on (such as `uv run`), and must not skip the cancelling of orders.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal, NamedTuple

import msgspec

from xtrade.runtime import clock
from xtrade.runtime.life import in_words, must_be_function

__all__ = ["Shutdown", "StepReport", "StopReport"]

_MS_NS = 1_000_000
_ECHO_NS = 500 * _MS_NS


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """How one step of the stop went."""

    name: str
    outcome: Literal["done", "failed", "late", "cut", "skipped"]
    took_ms: int
    error: str | None = None


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """How the stop went: why it was asked for, and each step in its order."""

    reason: str
    steps: tuple[StepReport, ...]

    @property
    def clean(self) -> bool:
        """Did every step end well and in time?"""
        return all(step.outcome == "done" for step in self.steps)


class _Step(NamedTuple):
    name: str
    action: Callable[[], Coroutine[Any, Any, object]]
    deadline_ms: int


class Shutdown:
    """The stop of one run; see the head of this module."""

    def __init__(self) -> None:
        self.reason: str | None = None
        """Why a stop was asked for; None while nobody has."""
        self._steps: list[_Step] = []
        self._asked = asyncio.Event()
        self._cut = asyncio.Event()
        # A step that is late has been cancelled and not waited for; nobody else holds it.
        self._abandoned: set[asyncio.Task[object]] = set()

    def step(self, name: str, action: Callable[[], Coroutine[Any, Any, object]], *, deadline_ms: int) -> None:
        """Add a step, an async function, after those already there."""
        must_be_function(action, "step")
        if not inspect.iscoroutinefunction(action):
            raise TypeError(
                f"stop step {name!r} takes an async function, and not {action!r}: found out during the stop it"
                " would be too late"
            )
        self._steps.append(_Step(name, action, deadline_ms))

    def request(self, reason: str) -> None:
        """Ask for the stop; asked again, cut it short: what runs is cancelled and what is left is skipped."""
        if self.reason is None:
            self.reason = reason
            self._asked.set()
        else:
            self._cut.set()

    async def when_asked(self) -> StopReport:
        """Wait until somebody asks for the stop, then carry out the steps and report."""
        await self._asked.wait()
        assert self.reason is not None
        cut = asyncio.create_task(self._cut.wait(), name="stop/cut")
        try:
            reports = tuple([await self._carry_out(step, cut) for step in self._steps])
        finally:
            cut.cancel()
        return StopReport(reason=self.reason, steps=reports)

    @contextmanager
    def on_signals(
        self, signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    ) -> Iterator[None]:
        """Let the first signal ask for the stop and the second end the process at once, until the block ends.

        The exit code of the second is 128 + its number, as a shell has it. The main thread only.
        """
        loop = asyncio.get_running_loop()

        def ask(number: int, _frame: FrameType | None) -> None:
            # Here and not in a callback of the loop: this runs even while the loop is stuck in one.
            name = signal.Signals(number).name
            # A person's time, also where the loop's is virtual.
            now_ns = clock.SystemClock().monotonic_ns()
            if asked:
                first, first_ns = asked[0]
                if name == first and now_ns - first_ns < _ECHO_NS:
                    return
                os.write(2, f"xtrade: {name} again: stopped at once\n".encode())
                os._exit(128 + number)
            asked.append((name, now_ns))
            loop.call_soon_threadsafe(self.request, name)

        asked: list[tuple[str, int]] = []
        before = {each: signal.signal(each, ask) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler or signal.SIG_DFL)  # None: not set from Python

    async def _carry_out(self, step: _Step, cut: asyncio.Task[Any]) -> StepReport:
        if self._cut.is_set():
            return StepReport(name=step.name, outcome="skipped", took_ms=0)
        started_ns = clock.monotonic_ns()

        async def act() -> object:
            # Called in here, so that whatever goes wrong with the call is this step's failure and nobody else's.
            return await step.action()

        task = asyncio.create_task(act(), name=f"stop/{step.name}")
        try:
            await asyncio.wait(
                {task, cut}, timeout=step.deadline_ms / 1_000, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not task.done():
                self._abandon(task)
        outcome, error = self._outcome(task)
        report = StepReport(
            name=step.name,
            outcome=outcome,
            took_ms=(clock.monotonic_ns() - started_ns) // _MS_NS,
            error=error,
        )
        _log(report)
        return report

    def _outcome(
        self, task: asyncio.Task[object]
    ) -> tuple[Literal["done", "failed", "late", "cut"], str | None]:
        if task in self._abandoned:
            return ("cut", None) if self._cut.is_set() else ("late", None)
        if task.cancelled():
            return "failed", "something it waited for was cancelled"
        error = task.exception()
        return ("done", None) if error is None else ("failed", in_words(error))

    def _abandon(self, task: asyncio.Task[object]) -> None:
        """Cancel a step and do not wait for it: it may not want to end."""

        def ended(task: asyncio.Task[object]) -> None:
            self._abandoned.discard(task)
            if not task.cancelled():
                task.exception()  # seen: the step is reported as late or cut already

        self._abandoned.add(task)
        task.add_done_callback(ended)
        task.cancel()


def _log(report: StepReport) -> None:
    import structlog

    log = structlog.get_logger(__name__)
    say = log.info if report.outcome == "done" else log.warning
    say("stop step", step=report.name, outcome=report.outcome, took_ms=report.took_ms, error=report.error)
