"""Trials on a Ray cluster, or on a Ray that is started here for the time of the sweep.

Ray ships a function of a script or notebook to its nodes, and imports one of a module there: a Ray that is started here
imports what this process can, a cluster has to have the module, and xtrade. A process that dies has its trial run once
more, by Ray itself. `warm_up` runs once, which is for one machine: other nodes compile for themselves.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from typing_extensions import override

from xtrade.model.errors import UsageError
from xtrade.research.sweep.executor import Ended, Executor, Task, WarmUp, attempt
from xtrade.research.sweep.trial import Evaluate
from xtrade.runtime.extras import require

__all__ = ["RayExecutor"]


class RayExecutor(Executor):
    """Tasks of Ray; needs `xtrade[ray]`.

    `address` is a running cluster's, as Ray writes it ("auto", "ray://host:10001"); without one, a Ray of this machine
    is started with `workers` processors and ended with the sweep. A Ray that this process has joined already is used.
    """

    def __init__(self, *, workers: int | None = None, address: str = "local") -> None:
        self._workers = workers
        self._address = address
        self._ray: Any = None
        self._ours = False
        self._run: Any = None
        self._evaluate: Any = None
        self._under_way: dict[Any, Task] = {}

    @property
    @override
    def workers(self) -> int:
        if self._workers is None and self._ray is not None:
            return max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self._workers or os.cpu_count() or 1

    @override
    def start(self, evaluate: Evaluate, warm_up: WarmUp | None = None) -> None:
        # Ray reports how it is used to its makers unless it is told not to before it is imported.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray = self._ray = require("ray", extra="ray")
        if not ray.is_initialized():
            ray.init(address=self._address, log_to_driver=False, **self._here())
            self._ours = True
        self._evaluate = ray.put(evaluate)
        self._run = ray.remote(num_cpus=1, max_retries=1)(_run)
        if warm_up is not None:
            try:
                ray.get(ray.remote(num_cpus=1)(_warm).remote(warm_up))
            except ray.exceptions.RayError as failure:
                raise UsageError(f"a worker of Ray cannot run the warm-up: {_said(failure)}") from None

    @override
    def submit(self, task: Task) -> None:
        self._under_way[self._run.remote(self._evaluate, task)] = task

    @override
    def collect(self) -> list[Ended]:
        done, _ = self._ray.wait(list(self._under_way), num_returns=1)
        return [self._ended(reference) for reference in done]

    @override
    def close(self) -> None:
        for reference in self._under_way:
            self._ray.cancel(reference, force=True)
        self._under_way.clear()
        if self._ours:
            self._ray.shutdown()
            self._ours = False

    def _here(self) -> dict[str, Any]:
        if self._address != "local":
            return {}
        imports = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return {"num_cpus": self.workers, "include_dashboard": False, "runtime_env": {"env_vars": imports}}

    def _ended(self, reference: Any) -> Ended:
        task = self._under_way.pop(reference)
        try:
            ended: Ended = self._ray.get(reference)
        except self._ray.exceptions.RayError as failure:
            return Ended(task.number, None, f"Ray: {_said(failure)}", 0.0, "ray")
        return ended


def _said(failure: Exception) -> str:
    """Cut Ray's message, which may hold a traceback, to the line that says why."""
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()] or [""]
    return f"{type(failure).__name__}: {lines[-1] if 'traceback:' in str(failure) else lines[0]}"


def _run(evaluate: Evaluate, task: Task) -> Ended:
    return attempt(evaluate, task, str(os.getpid()))


def _warm(warm_up: WarmUp) -> None:
    warm_up()
