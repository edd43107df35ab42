"""Trials on every core of this machine, each worker a process of its own.

Processes are spawned, not forked: a fork copies locks that threads of the parent hold. The first worker compiles
kernels before the others start, so that they find machine code. A worker that dies is replaced; its trial runs once
more, and if that one dies too, it is the trial's end.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from xtrade.model.errors import UsageError
from xtrade.research.sweep import worker
from xtrade.research.sweep.executor import Ended, Executor, Task, WarmUp
from xtrade.research.sweep.trial import Evaluate

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["LocalExecutor"]

_TRIES: Final = 2
_HOW_TO_TRAVEL: Final = (
    "define it at the top level of a module that can be imported,"
    " or take executor='here' to run in this process"
)


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    task: Task | None = None


class LocalExecutor(Executor):
    """Spawned processes, started when there is work for them."""

    def __init__(self, *, workers: int | None = None) -> None:
        self._count = workers or os.cpu_count() or 1
        self._work = b""
        self._crew: list[_Worker] = []
        self._waiting: deque[Task] = deque()
        self._deaths: Counter[int] = Counter()

    @property
    @override
    def workers(self) -> int:
        return self._count

    @override
    def start(self, evaluate: Evaluate, warm_up: WarmUp | None = None) -> None:
        try:
            self._work = pickle.dumps((evaluate, warm_up))
        except (pickle.PicklingError, AttributeError, TypeError) as failure:
            raise UsageError(
                f"{_name(evaluate)} cannot be sent to another process ({failure}): {_HOW_TO_TRAVEL}"
            ) from None
        if warm_up is not None:
            first = self._hired(warm=True)
            while not first.ready:
                self._hear(first)

    @override
    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        self._hand_out()

    @override
    def collect(self) -> list[Ended]:
        ended: list[Ended] = []
        while not ended:
            by_pipe = {worker.pipe: worker for worker in self._crew}
            for pipe in wait(list(by_pipe)):
                ended += self._hear(by_pipe[pipe])  # type: ignore[index]
            # Before the caller looks at the answers: nobody waits idle meanwhile.
            self._hand_out()
        return ended

    @override
    def close(self) -> None:
        self._waiting.clear()
        for member in self._crew:
            member.process.terminate()
        for member in self._crew:
            member.process.join()
            member.process.close()
            member.pipe.close()
        self._crew.clear()

    def _hand_out(self) -> None:
        while self._waiting:
            free = next((member for member in self._crew if member.task is None), None)
            if free is None:
                if len(self._crew) == self._count:
                    return
                free = self._hired()
            free.task = self._waiting.popleft()
            with suppress(BrokenPipeError):  # it has died: its pipe will tell
                free.pipe.send(free.task)

    def _hired(self, *, warm: bool = False) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=worker.main, args=(theirs, self._work), kwargs={"warm": warm}, daemon=True
        )
        with _deaf_to_ctrl_c():
            process.start()
        theirs.close()
        member = _Worker(process, ours)
        self._crew.append(member)
        return member

    def _hear(self, member: _Worker) -> list[Ended]:
        try:
            message = member.pipe.recv()
        except (EOFError, OSError):
            return self._mourn(member)
        if isinstance(message, worker.NotLoaded):
            raise UsageError(f"a worker cannot load what it should run ({message.error}): {_HOW_TO_TRAVEL}")
        if isinstance(message, worker.Ready):
            member.ready = True
            return []
        assert isinstance(message, Ended)
        member.task = None
        return [message]

    def _mourn(self, member: _Worker) -> list[Ended]:
        """Bury a worker that died; its task goes to another one, or ends."""
        member.process.join()
        how, pid = _how_it_ended(member.process.exitcode), str(member.process.pid)
        self._crew.remove(member)
        member.process.close()
        member.pipe.close()
        if not member.ready:
            raise UsageError(
                f"a worker ended before its first trial ({how}): a script that calls sweep() has to do so under"
                " if __name__ == '__main__':"
            )
        task = member.task
        if task is None:
            return []
        self._deaths[task.number] += 1
        if self._deaths[task.number] < _TRIES:
            self._waiting.appendleft(task)
            return []
        return [Ended(task.number, None, f"the process that ran it died {_TRIES} times ({how})", 0.0, pid)]


def _name(evaluate: object) -> str:
    return getattr(evaluate, "__qualname__", type(evaluate).__qualname__)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}" + (
            ", out of memory?" if code == -signal.SIGKILL else ""
        )
    return f"exit code {code}"


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let a process start with Ctrl-C blocked, so that it does not die of one while it imports."""
    # The tracker, started by the first process, would lift the block.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
