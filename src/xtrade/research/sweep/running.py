"""The loop of a sweep: ask the search, run what is not known yet, keep it, tell the search.

Objective   which figure is searched, and whether more of it is better
Running     the loop, with its executor, its store and who watches
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from msgspec import Struct

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.research.sweep.executor import Ended, Executor, Task
from xtrade.research.sweep.progress import Watcher
from xtrade.research.sweep.search import Proposal, Search
from xtrade.research.sweep.store import Identity, Store, key_of
from xtrade.research.sweep.trial import Params, Trial, Window

__all__ = ["Objective", "Running"]

# A task waits beside each one that runs, so that no worker stands idle while an outcome is being kept.
_WAITING_PER_WORKER: Final = 2


class Objective(Struct, frozen=True, kw_only=True):
    """The figure that decides which trial is the best."""

    metric: str
    minimise: bool = False

    def score(self, trial: Trial) -> float | None:
        """Return the figure so that more is better; None if the trial has none."""
        value = trial.metric(self.metric)
        return None if value is None else -value if self.minimise else value

    def best_of(self, trials: list[Trial]) -> Trial | None:
        """Return the best trial; of equals the first."""
        scored = [
            (score, -trial.number, trial) for trial in trials if (score := self.score(trial)) is not None
        ]
        return max(scored, key=lambda row: row[:2])[2] if scored else None

    def check(self, metrics: Mapping[str, float | None]) -> None:
        """Raise UsageError if outcomes do not have that figure at all."""
        if self.metric not in metrics:
            known = ", ".join(sorted(metrics)) or "none"
            raise UsageError(
                f"objective {self.metric!r}: the outcomes have no such metric; they have {known}."
                f"{did_you_mean(self.metric, metrics)}"
            )


class Running:
    """Runs trials and remembers them; made once for a sweep, asked once for each window."""

    def __init__(
        self,
        executor: Executor,
        store: Store | None,
        identity: Identity,
        objective: Objective,
        watcher: Watcher,
    ) -> None:
        self.interrupted = False
        self.resumed = 0
        """How many trials were already known."""
        self._executor = executor
        self._store = store
        self._identity = identity
        self._objective = objective
        self._watcher = watcher
        self._known: dict[str, Trial] = dict(store.trials) if store is not None else {}
        self._tasks = 0
        self._best: Trial | None = None

    def trials(self, search: Search, window: Window | None = None) -> list[Trial]:
        """Run a search to its end, or to Ctrl-C, and return its trials in the order in which it asked for them."""
        answered: dict[int, Trial] = {}
        waiting: dict[str, list[Proposal]] = {}
        under_way: dict[int, tuple[str, Params]] = {}
        capacity = self._executor.workers * _WAITING_PER_WORKER
        self._best = None

        def answer(proposal: Proposal, trial: Trial) -> None:
            answered[proposal.number] = replace(trial, number=proposal.number)
            search.tell(proposal, self._objective.score(trial))

        try:
            while not self.interrupted:
                while len(under_way) < capacity and (proposal := search.ask()) is not None:
                    key = key_of(self._identity, proposal.params, window)
                    known = self._known.get(key)
                    if known is not None and not (known.from_store and known.error):
                        self._seen(known)
                        answer(proposal, known)
                    elif key in waiting:  # the search came to the same place again before it knew
                        waiting[key].append(proposal)
                    else:
                        waiting[key] = [proposal]
                        under_way[self._tasks] = key, proposal.params
                        self._executor.submit(Task(self._tasks, proposal.params, window))
                        self._tasks += 1
                if not under_way:
                    break
                for ended in self._executor.collect():
                    key, params = under_way.pop(ended.number)
                    trial = self._kept(key, params, window, ended)
                    for proposal in waiting[key]:
                        answer(proposal, trial)
                    del waiting[key]
        except KeyboardInterrupt:
            self.interrupted = True
            # Ctrl-C may fall between keeping a trial and counting it: what is kept has been told, and counts.
            for key, proposals in waiting.items():
                if (kept := self._known.get(key)) is not None:
                    answered |= {each.number: replace(kept, number=each.number) for each in proposals}
        return _each_once(answered)

    def others(self, than: list[Trial], window: Window | None) -> list[Trial]:
        """Return the trials of the store that this search did not ask for: they were tries, too."""
        asked = {key_of(self._identity, trial.params, window) for trial in than}
        return [
            trial
            for key, trial in self._known.items()
            if key not in asked and trial.window == window and trial.from_store
        ]

    def _seen(self, trial: Trial) -> None:
        if trial.from_store:
            self.resumed += 1
        self._tell_watcher(trial)

    def _kept(self, key: str, params: Params, window: Window | None, ended: Ended) -> Trial:
        trial = Trial(
            number=ended.number,
            params=params,
            window=window,
            outcome=ended.outcome,
            error=ended.error,
            seconds=ended.seconds,
            worker=ended.worker,
        )
        self._known[key] = trial
        if self._store is not None:
            self._store.keep(trial)
        self._tell_watcher(trial)
        return trial

    def _tell_watcher(self, trial: Trial) -> None:
        if trial.outcome is not None:
            self._objective.check(trial.outcome.metrics)
        if self._best is None or self._objective.best_of([self._best, trial]) is trial:
            self._best = trial
        self._watcher.ended(trial, self._best)


def _each_once(answered: dict[int, Trial]) -> list[Trial]:
    """Trials by number; a place that a search came to twice is one trial, and one try."""
    found: dict[tuple[object, ...], Trial] = {}
    for number in sorted(answered):
        found.setdefault(tuple(answered[number].params.values()), answered[number])
    return list(found.values())
