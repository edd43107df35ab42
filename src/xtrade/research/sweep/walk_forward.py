"""Chosen on one stretch of time, judged on the next: what a sweep's winner does where nobody has looked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from xtrade.research.sweep.executor import Executor, ExecutorName, WarmUp
from xtrade.research.sweep.progress import Quiet, Watcher, watcher_for_here
from xtrade.research.sweep.result import SweepResult
from xtrade.research.sweep.running import Objective, Running
from xtrade.research.sweep.search import Proposal, Search, SearchName, search_named
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.sweep import name_of, running_of
from xtrade.research.sweep.trial import Evaluate, Params, Trial, Window
from xtrade.research.sweep.walk_result import Leg, WalkForwardResult
from xtrade.research.sweep.windows import days, splits

__all__ = ["walk_forward"]


def walk_forward(
    evaluate: Evaluate,
    space: Space,
    span: Window,
    *,
    train_ns: int,
    test_ns: int,
    embargo_ns: int = 0,
    anchored: bool = False,
    search: SearchName = "grid",
    trials: int | None = None,
    seed: int = 0,
    objective: str = "sharpe",
    minimise: bool = False,
    executor: ExecutorName | Executor = "local",
    workers: int | None = None,
    store: Path | str | None = None,
    code: str = "",
    data: str | Mapping[str, str] = "",
    warm_up: WarmUp | None = None,
    watcher: Watcher | None = None,
    quiet: bool = False,
    name: str = "",
) -> WalkForwardResult:
    """Search in each training window, test the best one in the window after it, and stitch the tests together.

    The other arguments are those of `sweep`; `trials` is for each window. `evaluate` gets the window and must not look
    beyond it. With a `store`, windows that are done are not run again.
    """
    steps = splits(span, train_ns=train_ns, test_ns=test_ns, embargo_ns=embargo_ns, anchored=anchored)
    search_named(
        search, space, trials=trials, seed=seed
    )  # what is wrong with it is said before anything runs
    goal = Objective(metric=objective, minimise=minimise)
    watcher = watcher or (Quiet() if quiet else watcher_for_here(objective))
    legs: list[Leg] = []
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
        name = name or name_of(evaluate)
        for number, split in enumerate(steps, start=1):
            chosen = search_named(search, space, trials=trials, seed=seed)
            watcher.begins(f"window {number} of {len(steps)}", chosen.total)
            found = running.trials(chosen, split.train)
            if running.interrupted:
                break
            found += running.others(found, split.train)
            training = SweepResult(name=name, space=space, objective=goal, trials=found, window=split.train)
            test = _tested(running, training, split.test)
            if test is None and training.best is not None:
                break  # Ctrl-C in the test
            legs.append(Leg(split=split, training=training, test=test))
    left_ns = span.end_ns - steps[-1].test.end_ns
    if left_ns:
        remarks.append(f"The last {days(left_ns)} are too short for another test and were not used.")
    if running.interrupted:
        remarks.append(f"Interrupted: {len(legs)} of {len(steps)} windows were walked.")
    return WalkForwardResult(
        name=name, objective=goal, legs=legs, interrupted=running.interrupted, remarks=remarks
    )


class _Only(Search):
    """One proposal."""

    def __init__(self, params: Params) -> None:
        self._left = [Proposal(0, params)]

    @property
    @override
    def total(self) -> int | None:
        return 1

    @override
    def ask(self) -> Proposal | None:
        return self._left.pop() if self._left else None

    @override
    def tell(self, proposal: Proposal, score: float | None) -> None:
        pass


def _tested(running: Running, training: SweepResult, window: Window) -> Trial | None:
    if training.best_params is None:
        return None
    found = running.trials(_Only(training.best_params), window)
    return found[0] if found else None
