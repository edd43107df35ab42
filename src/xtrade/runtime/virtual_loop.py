"""A virtual-time asyncio loop: no selector, no sockets, no threads, and the same run for the same seed.

Time stands still while callbacks run and jumps to the next timer when none is ready. Which of several ready
callbacks runs next is drawn from the seed, so that every seed tries another interleaving of the tasks. One
promise of asyncio is kept in this: what was given to `call_soon` runs in the order it was given. The order in
which tasks take their steps, and of timers that are due in the same nanosecond, was never promised.

`run_virtual` (xtrade.runtime.virtual) is the way in; it also guards time, chance, threads and sockets.
"""

# ruff: noqa: SLF001  (the private parts of asyncio, see _Asyncio below)

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from random import Random  # noqa: TID251  (a type; the stream comes from the caller)
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, TypeVarTuple, Unpack, cast

from typing_extensions import override

from xtrade.runtime.clock import VirtualClock
from xtrade.runtime.refusals import LOOP_REFUSALS, refuse
from xtrade.runtime.trace import Trace
from xtrade.runtime.waiting import Deadlock, Livelock, waiting_tasks

__all__ = ["Network", "OrderedTask", "VirtualLoop"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_SECOND_NS: Final = 1_000_000_000
# How many of the last steps are counted by name before a livelock is reported.
_STEPS_WATCHED: Final = 1_000
# Cancelled timers are thrown out once they are this many, and half of all.
_CANCELLED_TIMERS_MIN: Final = 100
_TASKS_SWEPT_MIN: Final = 256


class OrderedTask(asyncio.Task[_T]):
    """Hashed by its order of creation, so that sets of tasks iterate alike in every process."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, _T],
        *,
        loop: asyncio.AbstractEventLoop,
        index: int,
        name: str,
        context: Context | None,
    ) -> None:
        self._index = index  # first: the base class puts itself into a set
        super().__init__(coro, loop=loop, name=name, context=context)

    @override
    def __hash__(self) -> int:
        return self._index


class OrderedFuture(asyncio.Future[_T]):
    """The same for plain futures; few are ever put into a set, so the number is drawn when one is."""

    @override
    def __hash__(self) -> int:
        try:
            return self._index
        except AttributeError:
            loop = cast(VirtualLoop, self.get_loop())
            self._index: int = next(loop.future_order)
            return self._index

    @override
    def set_exception(self, exception: type | BaseException, /) -> None:
        super().set_exception(exception)
        # Whoever keeps a failed future and never asks for its result keeps its failure from being told, too.
        cast(VirtualLoop, self.get_loop()).failed_futures.append(weakref.ref(self))


class _InOrder(weakref.WeakKeyDictionary[Any, None]):
    """A weak set that iterates in the order of arrival."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


class _Asyncio(asyncio.BaseEventLoop):
    """The private parts of asyncio that this loop leans on; tests/runtime/test_asyncio_parts.py pins them."""

    if TYPE_CHECKING:
        _asyncgens: _InOrder
        _ready: deque[asyncio.Handle]
        _stopping: bool
        _thread_id: int | None

        def _check_closed(self) -> None: ...


class Network(Protocol):
    """What a simulated network answers in the place of sockets; `VirtualLoop.network` holds it."""

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect as `loop.create_connection` does."""
        ...

    async def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str | None, port: int
    ) -> asyncio.AbstractServer:
        """Listen as `loop.create_server` does."""
        ...


class VirtualLoop(_Asyncio):
    """The loop itself. `pick` draws the next ready callback; without it they run first come, first served."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        pick: Random | None = None,
        trace: Trace | None = None,
        on_step: Callable[[], object] | None = None,
        steps_per_instant_max: int = 1_000_000,
        pace: Callable[[int], object] | None = None,
    ) -> None:
        super().__init__()
        self.clock = clock
        self.trace = trace
        self.on_step = on_step
        self._pace = pace
        self.failures: list[BaseException] = []
        """What nobody caught: failures of plain callbacks, and of tasks that were never asked for their result."""
        self.failed_futures: list[weakref.ref[OrderedFuture[Any]]] = []
        self.network: Network | None = None
        """Where connections are made and taken; nowhere, unless a world brings a network."""
        self._draw = None if pick is None else pick.random
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._timer_order = itertools.count()
        self._timers_cancelled = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._task_order = itertools.count(1)
        self.future_order = itertools.count(1)
        self._sweep_at = _TASKS_SWEPT_MIN
        self._steps_per_instant_max = steps_per_instant_max
        self._steps_at_instant = 0
        self._busy: Counter[str] = Counter()
        self._asyncgens = _InOrder()
        self.set_exception_handler(self._note_failure)

    # -- time ---------------------------------------------------------------------------------------------

    @override
    def time(self) -> float:
        # Exact to the nanosecond for a hundred days: it counts from the start of the run, not from 1970.
        return self.clock.at_ns / _SECOND_NS

    @override
    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        at_ns = self.clock.at_ns
        handle = asyncio.TimerHandle(at_ns / _SECOND_NS + delay, callback, args, self, context)
        return self._set_timer(at_ns, delay, handle)

    @override
    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self._set_timer(0, when, asyncio.TimerHandle(when, callback, args, self, context))

    def _set_timer(self, from_ns: int, seconds: float, handle: asyncio.TimerHandle) -> asyncio.TimerHandle:
        self._check_closed()
        try:
            due_ns = from_ns + round(seconds * _SECOND_NS)
        except OverflowError:
            if seconds > 0:
                return handle  # `sleep(math.inf)` waits for ever, and is no reason to stay alive
            due_ns = from_ns
        heapq.heappush(self._timers, (due_ns, next(self._timer_order), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:  # noqa: ARG002
        self._timers_cancelled += 1  # one that has fired counts too: it only means sweeping a little early

    def _advance(self) -> bool:
        """Jump to the next timer; False where there is nothing left to do but stop."""
        if self._timers_cancelled > max(_CANCELLED_TIMERS_MIN, len(self._timers) // 2):
            self._timers[:] = [timer for timer in self._timers if not timer[2]._cancelled]
            heapq.heapify(self._timers)
            self._timers_cancelled = 0
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            if self._stopping:
                return False
            raise Deadlock(self._deadlock())
        if timers[0][0] > self.clock.at_ns:
            if self._pace is not None:
                self._pace(timers[0][0] - self.clock.at_ns)
            self.clock.at_ns = timers[0][0]
            self._steps_at_instant = 0
        self._collect_due()
        return True

    def _collect_due(self) -> None:
        timers, now_ns = self._timers, self.clock.at_ns
        while timers and timers[0][0] <= now_ns:
            handle = heapq.heappop(timers)[2]
            if not handle._cancelled:
                self._ready.append(handle)

    # -- steps --------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Take steps until somebody asks to stop; asyncio means one round by this, but a loop of ours is quicker."""
        ready, timers, clock, draw = self._ready, self._timers, self.clock, self._draw
        watched_from = self._steps_per_instant_max - _STEPS_WATCHED
        while True:
            if not ready:
                if not self._advance():
                    return
            elif timers and timers[0][0] <= clock.at_ns:
                self._collect_due()
            handle = ready.popleft() if draw is None or len(ready) == 1 else self._drawn(draw)
            if not handle._cancelled:
                self._steps_at_instant += 1
                if self._steps_at_instant > watched_from:
                    self._watch(handle)
                if self.trace is not None:
                    self.trace.note(f"{clock.at_ns} {len(ready)} {_label(handle)}")
                handle._run()
                if self.on_step is not None:
                    self.on_step()
            if self._stopping:
                return

    def _drawn(self, draw: Callable[[], float]) -> asyncio.Handle:
        ready = self._ready
        at = int(draw() * len(ready))
        if at and _is_in_order(ready[at]):
            at = next(earlier for earlier, handle in enumerate(ready) if _is_in_order(handle))
        handle = ready[at]
        del ready[at]
        return handle

    def _watch(self, handle: asyncio.Handle) -> None:
        self._busy[_label(handle)] += 1
        if self._steps_at_instant > self._steps_per_instant_max:
            busiest = ", ".join(f"{name} ({steps})" for name, steps in self._busy.most_common(3))
            self._steps_at_instant = 0  # the end of the run still has steps to take
            self._busy.clear()
            raise Livelock(
                f"{self._steps_per_instant_max} steps at {self.time():.9f} s and time stands still; busiest"
                f" of the last {_STEPS_WATCHED}: {busiest}. Something spins without waiting for a timer or event."
            )

    def _deadlock(self) -> str:
        waiting = [task for task in self._tasks if not task.done()]
        tasks = "1 task waits" if len(waiting) == 1 else f"{len(waiting)} tasks wait"
        return (
            f"at {self.time():.9f} s nothing is ready and no timer is set: {tasks}\n{waiting_tasks(waiting)}"
        )

    # -- tasks --------------------------------------------------------------------------------------------

    @override
    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        self._check_closed()
        index = next(self._task_order)
        # asyncio numbers tasks per process: the second run of a process would have other names.
        label = f"task-{index}" if name is None else str(name)
        task = OrderedTask[Any](coro, loop=self, index=index, name=label, context=context)
        self._tasks.append(task)
        if len(self._tasks) >= self._sweep_at:
            self._tasks = [task for task in self._tasks if not task.done() or _is_unobserved(task)]
            self._sweep_at = max(_TASKS_SWEPT_MIN, 2 * len(self._tasks))
        return task

    @override
    def create_future(self) -> asyncio.Future[Any]:
        return OrderedFuture(loop=self)

    def take_failures(self) -> list[BaseException]:
        """Return what nobody caught, and count it as seen."""
        for task in self._tasks:
            if _is_unobserved(task) and (error := task.exception()) is not None:
                error.add_note(f"in task {task.get_name()!r}, which nobody asked for its result")
                self.failures.append(error)
        for future in (reference() for reference in self.failed_futures):
            if future is not None and _is_unobserved(future) and (error := future.exception()) is not None:
                error.add_note("in a future that nobody asked for its result")
                self.failures.append(error)
        self.failed_futures.clear()
        failures, self.failures = self.failures, []
        return failures

    def _note_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.is_closed():
            error: BaseException = context.get("exception") or RuntimeError(context["message"])
            error.add_note(context["message"])
            self.failures.append(error)

    # -- the outside world, which is not there --------------------------------------------------------------

    @override
    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        if self._thread_id not in {None, threading.get_ident()}:
            refuse("call_soon_threadsafe from another thread", "there are no threads under virtual time")
        return self.call_soon(callback, *args, context=context)

    def _connect(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **_options: object,
    ) -> Coroutine[Any, Any, tuple[asyncio.Transport, asyncio.BaseProtocol]]:
        """Connect over the network that was brought; refused where there is none."""
        # Not a coroutine function: whoever may not connect hears of it at once, as with every refusal.
        if self.network is None or host is None or port is None:
            refuse("loop.create_connection", LOOP_REFUSALS["create_connection"])
        return self.network.connect(protocol_factory, host, port)

    def _listen(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **_options: object,
    ) -> Coroutine[Any, Any, asyncio.AbstractServer]:
        """Listen on the network that was brought; refused where there is none."""
        if self.network is None:
            refuse("loop.create_server", LOOP_REFUSALS["create_server"])
        return self.network.listen(protocol_factory, host, port or 0)

    def _process_events(self, event_list: object) -> None: ...

    def _write_to_self(self) -> None: ...


def _refusing(name: str, instead: str) -> Callable[..., Any]:
    def refused(_loop: VirtualLoop, *_args: object, **_options: object) -> None:
        refuse(f"loop.{name}", instead)

    refused.__doc__ = f"Refused under virtual time: {instead}."
    return refused


for _name, _instead in LOOP_REFUSALS.items():
    setattr(VirtualLoop, _name, _refusing(_name, _instead))
# asyncio's own signatures are long, and of their options (TLS, addresses, buffers) a simulated network has none.
VirtualLoop.create_connection = VirtualLoop._connect  # type: ignore[method-assign, assignment]
VirtualLoop.create_server = VirtualLoop._listen  # type: ignore[method-assign, assignment]


def _is_task_step(handle: asyncio.Handle) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)  # type: ignore[attr-defined]


def _is_in_order(handle: asyncio.Handle) -> bool:
    return type(handle) is asyncio.Handle and not _is_task_step(handle)


def _label(handle: asyncio.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]
    if _is_task_step(handle):
        task: asyncio.Task[Any] = callback.__self__
        # Whoever makes tasks past the loop gets names that are numbered per process.
        name = task.get_name() if isinstance(task, OrderedTask) else "task"
        return f"{name} {getattr(task.get_coro(), '__qualname__', '')}"
    return str(getattr(callback, "__qualname__", type(callback).__name__))


def _is_unobserved(future: asyncio.Future[Any]) -> bool:
    return bool(future._log_traceback)
