"""Where trials run.

Executor       the port: start, submit tasks, collect what ended, close
InThisProcess  one after the other, right here: for debuggers, notebooks and functions that cannot travel
attempt        one task, run: an error becomes part of the answer
executor_named("local" | "here" | "ray", …)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from traceback import extract_tb
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from typing_extensions import override

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.research.sweep.trial import Evaluate, Outcome, Params, Window
from xtrade.runtime import clock

__all__ = [
    "Ended",
    "Executor",
    "ExecutorName",
    "InThisProcess",
    "Task",
    "WarmUp",
    "attempt",
    "executor_named",
    "told",
]

ExecutorName: TypeAlias = Literal["local", "here", "ray"]
WarmUp: TypeAlias = Callable[[], object]

_NAMES: Final = ("local", "here", "ray")


class Task(NamedTuple):
    """What to run: `number` is how its end is known again."""

    number: int
    params: Params
    window: Window | None


class Ended(NamedTuple):
    """How a task ended: with an outcome, or with an error in words."""

    number: int
    outcome: Outcome | None
    error: str
    seconds: float
    worker: str


class Executor(Protocol):
    """Runs tasks somewhere; one that fails is an answer like another and stops nothing."""

    @property
    def workers(self) -> int:
        """How many tasks can run at a time."""
        ...

    def start(self, evaluate: Evaluate, warm_up: WarmUp | None = None) -> None:
        """Make ready; `warm_up` (it compiles kernels) runs once, before the other workers begin."""
        ...

    def submit(self, task: Task) -> None:
        """Take a task on; it runs when a worker is free."""
        ...

    def collect(self) -> list[Ended]:
        """Wait until at least one task has ended, and return those that have."""
        ...

    def close(self) -> None:
        """Let everything go, also what still runs."""
        ...


def executor_named(name: str, *, workers: int | None = None) -> Executor:
    """Make an executor by its name, with a worker for every core unless told otherwise."""
    if workers is not None and workers < 1:
        raise UsageError(f"workers = {workers}: expected at least 1")
    if name == "here":
        return InThisProcess()
    if name == "local":
        from xtrade.research.sweep.local import LocalExecutor

        return LocalExecutor(workers=workers)
    if name == "ray":
        from xtrade.research.sweep.ray_cluster import RayExecutor

        return RayExecutor(workers=workers)
    raise UsageError(f"executor {name!r}: expected one of {', '.join(_NAMES)}.{did_you_mean(name, _NAMES)}")


def attempt(evaluate: Evaluate, task: Task, worker: str) -> Ended:
    """Run one task; whatever a trial raises is its answer."""
    began_ns = clock.monotonic_ns()
    outcome, error = None, ""
    try:
        outcome = evaluate(dict(task.params), task.window)
        if not isinstance(outcome, Outcome):
            # Users' functions are not all checked by mypy.
            outcome, error = None, f"the trial returned {type(outcome).__name__}, expected an Outcome"  # type: ignore[unreachable]
    except Exception as failure:  # noqa: BLE001  (it is told, kept and counted; the sweep goes on)
        error = told(failure)
    return Ended(task.number, outcome, error, (clock.monotonic_ns() - began_ns) / 1e9, worker)


def told(failure: BaseException) -> str:
    """Tell an error in one line: kind, message, and where it was raised."""
    frames = extract_tb(failure.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return " ".join(f"{type(failure).__name__}: {failure}{where}".split())


class InThisProcess(Executor):
    """Runs a task when its end is asked for."""

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()
        self._evaluate: Evaluate | None = None

    @property
    @override
    def workers(self) -> int:
        return 1

    @override
    def start(self, evaluate: Evaluate, warm_up: WarmUp | None = None) -> None:
        self._evaluate = evaluate
        if warm_up is not None:
            warm_up()

    @override
    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    @override
    def collect(self) -> list[Ended]:
        assert self._evaluate is not None, "start comes first"
        return [attempt(self._evaluate, self._waiting.popleft(), "here")]

    @override
    def close(self) -> None:
        self._waiting.clear()
