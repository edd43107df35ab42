"""What a person sees while trials run: how many, how fast, how long still, the best so far. Nothing where nobody looks.

Watcher      the port
Quiet        for pipes and programs
AtTerminal   a line that renews itself, on standard error
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from xtrade.research.sweep.space import shown
from xtrade.research.sweep.trial import Trial

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["AtTerminal", "Quiet", "Watcher", "watcher_for_here"]


class Watcher(Protocol):
    """Hears what a sweep does."""

    def begins(self, what: str, total: int | None) -> None:
        """Trials of `what` begin; `total` of them, if that is known."""
        ...

    def ended(self, trial: Trial, best: Trial) -> None:
        """A trial has ended, or was known; `best` is the best so far."""
        ...

    def said(self, text: str) -> None:
        """Something a reader should know."""
        ...

    def stops(self) -> None:
        """Nothing more will come."""
        ...


class Quiet(Watcher):
    """Shows nothing."""

    @override
    def begins(self, what: str, total: int | None) -> None:
        pass

    @override
    def ended(self, trial: Trial, best: Trial) -> None:
        pass

    @override
    def said(self, text: str) -> None:
        pass

    @override
    def stops(self) -> None:
        pass


def watcher_for_here(metric: str) -> Watcher:
    """Return what fits standard error: a line for an eye, nothing for a pipe."""
    return AtTerminal(metric) if sys.stderr.isatty() else Quiet()


class AtTerminal(Watcher):
    """A bar with rate, time left, failures and the best so far."""

    def __init__(self, metric: str, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._metric = metric
        self._failed = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[best]}", markup=False),
            console=console or Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, rate="", best="")

    @override
    def begins(self, what: str, total: int | None) -> None:
        self._failed = 0
        self._progress.start()
        self._progress.reset(self._task, total=total, description=what, rate="", best="")

    @override
    def ended(self, trial: Trial, best: Trial) -> None:
        self._failed += trial.outcome is None
        task = self._progress.tasks[0]
        rate = "" if task.speed is None else f"{task.speed:.3g}/s"
        self._progress.update(self._task, advance=1, rate=rate, best=self._best(best))

    @override
    def said(self, text: str) -> None:
        self._progress.console.print(text, markup=False)

    @override
    def stops(self) -> None:
        self._progress.stop()

    def _best(self, best: Trial) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        figure = best.metric(self._metric)
        if figure is None:
            return failed.removeprefix(", ")
        params = " ".join(f"{name}={shown(value)}" for name, value in best.params.items())
        return f"best {self._metric} {shown(figure)} ({params}){failed}"
