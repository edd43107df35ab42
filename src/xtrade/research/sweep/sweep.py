"""The one function that others call.

result = sweep(evaluate, Space.parse(["fast=5:50:5", "slow=20:200:20"], where=["fast < slow"]))
print(result.verdict())
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from xtrade.research.sweep.executor import Executor, ExecutorName, WarmUp, executor_named
from xtrade.research.sweep.progress import Quiet, Watcher, watcher_for_here
from xtrade.research.sweep.result import SweepResult
from xtrade.research.sweep.running import Objective, Running
from xtrade.research.sweep.search import Search, SearchName, search_named
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.store import Identity, Store
from xtrade.research.sweep.trial import Evaluate, Window

__all__ = ["running_of", "sweep"]


def sweep(
    evaluate: Evaluate,
    space: Space,
    *,
    search: SearchName | Search = "grid",
    trials: int | None = None,
    seed: int = 0,
    objective: str = "sharpe",
    minimise: bool = False,
    window: Window | None = None,
    executor: ExecutorName | Executor = "local",
    workers: int | None = None,
    store: Path | str | None = None,
    code: str = "",
    data: str | Mapping[str, str] = "",
    warm_up: WarmUp | None = None,
    watcher: Watcher | None = None,
    quiet: bool = False,
    name: str = "",
) -> SweepResult:
    """Try the parameters of a space and judge the best.

    `evaluate(params, window)` returns an `Outcome`; with the default executor it runs in other processes, so it must
    be a function (or a picklable object) of a module. `trials` is how many a search named "random" or "optuna" makes.
    `store` is a folder that remembers trials: the same sweep started again runs what is missing. What was tried there
    under other `data` (its fingerprint: any text, or texts by name) or other `code` is refused. `warm_up` is called
    once before the workers begin: it compiles what they share. Progress is shown where standard error is a terminal,
    unless `quiet`; `name` is what the result is called.

    Ctrl-C ends the sweep; what has ended by then is kept and returned, with `result.interrupted`.
    """
    chosen = search_named(search, space, trials=trials, seed=seed) if isinstance(search, str) else search
    goal = Objective(metric=objective, minimise=minimise)
    watcher = watcher or (Quiet() if quiet else watcher_for_here(objective))
    with running_of(
        evaluate,
        space,
        goal,
        executor=executor,
        workers=workers,
        store=store,
        code=code,
        data=data,
        warm_up=warm_up,
        watcher=watcher,
    ) as (running, remarks):
        watcher.begins("trials", chosen.total)
        found = running.trials(chosen, window)
        found += running.others(found, window)
    return SweepResult(
        name=name or name_of(evaluate),
        space=space,
        objective=goal,
        trials=found,
        window=window,
        interrupted=running.interrupted,
        resumed=running.resumed,
        remarks=remarks,
    )


def name_of(evaluate: Evaluate) -> str:
    """Return what a sweep is called that was given no name."""
    return str(getattr(evaluate, "__name__", type(evaluate).__name__))


@contextmanager
def running_of(
    evaluate: Evaluate,
    space: Space,
    objective: Objective,
    *,
    executor: ExecutorName | Executor,
    workers: int | None,
    store: Path | str | None,
    code: str,
    data: str | Mapping[str, str],
    warm_up: WarmUp | None,
    watcher: Watcher,
) -> Iterator[tuple[Running, list[str]]]:
    """Open what a sweep needs, and close it again, whatever happens; yields the loop and what there is to remark."""
    crew = executor_named(executor, workers=workers) if isinstance(executor, str) else executor
    if store is None:
        opened = None
        identity = Identity(evaluate="", code=code, data=data, parameters=tuple(sorted(space.dimensions)))
    else:
        identity = Identity.of(evaluate, space, code=code, data=data)
        opened = Store(store, identity, space)
    remarks = list(opened.remarks) if opened is not None else []
    try:
        for remark in remarks:
            watcher.said(remark)
        if warm_up is not None:
            watcher.begins("warming up", None)
        crew.start(evaluate, warm_up)
        yield Running(crew, opened, identity, objective, watcher), remarks
    finally:
        watcher.stops()
        crew.close()
        if opened is not None:
            opened.close()
