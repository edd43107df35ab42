"""Trials in a terminal: the best first, with what luck makes of each, and how many there were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xtrade.research.sweep.judgement import Judgement
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.space import shown
from xtrade.research.sweep.trial import Trial

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["columns_of", "ranked", "rows_of", "terminal_table"]


def ranked(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Sort trials: the best first, then those without the figure, then those that failed."""

    def place(trial: Trial) -> tuple[int, float, int]:
        score = objective.score(trial)
        if score is not None:
            return 0, -score, trial.number
        return (2 if trial.outcome is None else 1), 0.0, trial.number

    return sorted(trials, key=place)


def columns_of(
    trials: Sequence[Trial], objective: Objective, metrics: Sequence[str] | None = None
) -> list[str]:
    """Name the metrics to show: the searched one first, then the others, or those that are wanted."""
    known = dict.fromkeys(name for trial in trials if trial.outcome for name in trial.outcome.metrics)
    others = known if metrics is None else metrics
    return [objective.metric, *(name for name in others if name != objective.metric)]


def rows_of(trials: Sequence[Trial], metrics: Sequence[str], judgement: Judgement) -> list[list[str]]:
    """Write trials as rows of text: rank, parameters, metrics, deflated Sharpe."""
    rows = []
    for rank, trial in enumerate(trials, start=1):
        params = [shown(value) for value in trial.params.values()]
        if trial.outcome is None:
            rows.append([str(rank), *params, "failed", *[""] * len(metrics)])
            continue
        figures = [_figure(trial.metric(name)) for name in metrics]
        deflated = judgement.deflated_of(trial)
        rows.append([str(rank), *params, *figures, "-" if deflated is None else f"{deflated:.2f}"])
    return rows


def terminal_table(
    trials: Sequence[Trial],
    objective: Objective,
    judgement: Judgement,
    *,
    rows: int = 20,
    metrics: Sequence[str] | None = None,
) -> Group:
    """Draw the best trials, with the verdict under them."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    order = ranked(trials, objective)
    names = columns_of(trials, objective, metrics)
    more = f", {len(order) - rows} more not shown" if len(order) > rows else ""
    first = "lowest" if objective.minimise else "highest"
    title = Text(f"{len(order)} trials by {objective.metric}, the {first} first{more}", style="bold")
    table = Table(box=SIMPLE_HEAD)
    for name in ("#", *(order[0].params if order else ()), *names, "deflated"):
        table.add_column(name, justify="right")
    for row in rows_of(order[:rows], names, judgement):
        table.add_row(*row)
    return Group(title, table, Text(judgement.verdict))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
