"""Multi-step work of a strategy as coroutines, driven by the engine and by nothing else.

Signal   something that will be known once: an order's end, a time, the next trade
Task     a coroutine that awaits signals

They run on the engine's own events, in a fixed order, in a back-test and live alike: no event loop is needed, nothing
runs between two events, and a recorded run repeats exactly (docs/decisions/0009-tasks-of-the-engine.md). Therefore a
task awaits signals (`ctx.sleep`, `order.ended`, `ctx.first` …) and other tasks, never the network or asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar, cast

from xtrade.model.errors import UsageError

__all__ = ["Signal", "Task", "TaskCanceled", "coroutine_name"]

T = TypeVar("T")


class TaskCanceled(BaseException):
    """Raised inside a task that is being canceled: let it pass, after putting things in order."""


class Signal(Generic[T]):
    """Something that will be known once. Awaiting it gives its value, at once if it is known already."""

    __slots__ = ("_then", "_value", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._value: T | None = None
        self._then: list[Callable[[], None]] = []

    @property
    def value(self) -> T | None:
        """What became known; None before."""
        return self._value

    def set(self, value: T) -> None:
        """Let it be known; only the first time counts."""
        if self.is_set:
            return
        self.is_set, self._value = True, value
        waiting, self._then = self._then, []
        for each in waiting:
            each()

    def then(self, call: Callable[[], None]) -> None:
        """Call when it is known; at once if it is."""
        if self.is_set:
            call()
        else:
            self._then.append(call)

    def __await__(self) -> Generator[Signal[T], None, T]:
        if not self.is_set:
            yield self
        assert self.is_set, "the engine resumed a task before its signal was known"
        return cast("T", self._value)


class Task(Generic[T]):
    """A coroutine in the engine's hands; `ended` is its result, None if it failed or was canceled."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, T],
        *,
        resume_later: Callable[[Callable[[], None]], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._coroutine = coroutine
        self._resume_later = resume_later
        self._failed = failed
        self._step = 0
        self._canceling = False
        self.name = coroutine_name(coroutine)
        self.ended: Signal[T | None] = Signal()
        self._schedule()

    def cancel(self) -> None:
        """End the task where it waits: TaskCanceled is raised there."""
        if not self.ended.is_set and not self._canceling:
            self._canceling = True
            self._schedule()

    def __await__(self) -> Generator[Signal[T | None], None, T | None]:
        return self.ended.__await__()

    def _schedule(self) -> None:
        # What the task waited for before means nothing any more: a signal that comes late must not resume it.
        self._step += 1
        self._resume_later(partial(self._resume, self._step))

    def _known(self, step: int) -> None:
        if step == self._step:
            self._schedule()

    def _resume(self, step: int) -> None:
        if step != self._step or self.ended.is_set:
            return
        try:
            awaited = self._coroutine.throw(TaskCanceled()) if self._canceling else self._coroutine.send(None)
            while not isinstance(awaited, Signal):
                awaited = self._coroutine.throw(
                    UsageError(
                        f"{self.name} awaits {type(awaited).__name__}: a task of the engine awaits ctx.sleep,"
                        " order.ended, ctx.first or another task, and nothing of asyncio"
                    )
                )
        except StopIteration as end:
            self.ended.set(end.value)
        except TaskCanceled:
            self.ended.set(None)
        except Exception as error:  # noqa: BLE001  (a strategy may raise anything; the engine says what)
            self.ended.set(None)
            self._failed(error)
        else:
            self._canceling = False
            awaited.then(partial(self._known, step))


def coroutine_name(coroutine: Coroutine[Any, Any, Any]) -> str:
    """Return what the source calls a coroutine."""
    return getattr(coroutine, "__qualname__", type(coroutine).__name__)
