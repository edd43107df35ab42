"""What a sweep leaves: every trial, the best one, and what to think of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.research.sweep.heat_map import HeatMap
from xtrade.research.sweep.judgement import Judgement, judged
from xtrade.research.sweep.neighbours import Stability, stability
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.statistics import sample
from xtrade.research.sweep.table import ranked, terminal_table
from xtrade.research.sweep.trial import YEAR_NS, Params, Trial, Value, Window

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["SweepResult", "SweepSummary", "TrialRow", "written"]


class TrialRow(Struct, frozen=True, kw_only=True):
    """A trial as JSON tells it; the best has rank 1."""

    rank: int
    params: dict[str, Value]
    metrics: dict[str, float | None]
    deflated_sharpe: float | None
    error: str
    seconds: float


class SweepSummary(Struct, frozen=True, kw_only=True):
    """A sweep as JSON tells it."""

    objective: Objective
    best: TrialRow | None
    judgement: Judgement
    stability: Stability
    interrupted: bool
    resumed: int
    failed: int
    remarks: tuple[str, ...]
    window: Window | None
    trials: tuple[TrialRow, ...]


class SweepResult:
    """Every trial of a sweep, judged. `trials` are in the order in which the search asked for them.

    Trials that the store brought and this search did not ask for are among them: each was a try, and luck has had its
    chance with it.
    """

    def __init__(
        self,
        *,
        name: str,
        space: Space,
        objective: Objective,
        trials: Sequence[Trial],
        window: Window | None = None,
        interrupted: bool = False,
        resumed: int = 0,
        remarks: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.space = space
        self.objective = objective
        self.trials = tuple(trials)
        self.window = window
        self.interrupted = interrupted
        self.resumed = resumed
        self.remarks = tuple(remarks)
        self.best: Trial | None = objective.best_of(list(trials))
        self.judgement: Judgement = judged(self.trials, self.best)
        self.stability: Stability = stability(self.trials, space, objective, self.best)

    @property
    def best_params(self) -> Params | None:
        """The parameters of the best trial."""
        return None if self.best is None else dict(self.best.params)

    @property
    def has_found(self) -> bool:
        """Whether any trial has the figure that was searched."""
        return self.best is not None

    @property
    def failed(self) -> int:
        """How many trials ended with an error."""
        return sum(trial.outcome is None for trial in self.trials)

    @property
    def sharpes(self) -> list[float]:
        """Every trial's Sharpe ratio from its returns, per year if the judgement's are."""
        found = [
            (trial.outcome, sample(trial.outcome.returns))
            for trial in self.trials
            if trial.outcome is not None
        ]
        return [
            each.sharpe
            * (sqrt(YEAR_NS / outcome.step_ns) if self.judgement.per_year and outcome.step_ns else 1)
            for outcome, each in found
            if each is not None
        ]

    def verdict(self) -> str:
        """Say in plain words what the best is worth: against luck, and against its neighbours."""
        said = [self.judgement.verdict, self.stability.verdict, *self.notes()]
        return "\n".join(line for line in said if line)

    def notes(self) -> list[str]:
        """Everything beside the figures that a reader should know."""
        notes = [f"{remark}." for remark in (*self.judgement.remarks, *self.remarks)]
        if self.interrupted:
            notes.append("Interrupted: these are the trials that had ended.")
        if self.resumed:
            notes.append(f"{self.resumed} trials were known from an earlier run.")
        return notes

    def table(self, *, rows: int = 20, metrics: Sequence[str] | None = None) -> RenderableType:
        """Draw the best trials for a terminal, with the verdict."""
        return terminal_table(self.trials, self.objective, self.judgement, rows=rows, metrics=metrics)

    def heat_map(
        self, x: str | None = None, y: str | None = None, *, fixed: Mapping[str, Value] | None = None
    ) -> HeatMap:
        """Lay the trials out by two parameters; the others are at their best, or `fixed`."""
        return HeatMap.of(self.trials, self.space, self.objective, x=x, y=y, fixed=fixed)

    def drawn_map(self, width: int = 100) -> Text | None:
        """Draw the heat map for a terminal; None where there are no two parameters to draw."""
        return self.heat_map().terminal(width) if self.has_map else None

    @property
    def has_map(self) -> bool:
        """Whether two parameters took more than one value, and some trial has the figure."""
        varied = [name for name in self.space.dimensions if len({t.params[name] for t in self.trials}) > 1]
        return len(varied) >= 2 and self.best is not None

    def summary(self) -> SweepSummary:
        """Return all of it as data."""
        order = ranked(self.trials, self.objective)
        rows = tuple(self._row(rank, trial) for rank, trial in enumerate(order, start=1))
        return SweepSummary(
            objective=self.objective,
            best=rows[0] if self.best is not None else None,
            judgement=self.judgement,
            stability=self.stability,
            interrupted=self.interrupted,
            resumed=self.resumed,
            failed=self.failed,
            remarks=self.remarks,
            window=self.window,
            trials=rows,
        )

    def json(self) -> bytes:
        """Return the summary as a JSON document."""
        return msgspec.json.format(msgspec.json.encode(self.summary()), indent=2)

    def save(self, directory: Path | str) -> list[Path]:
        """Write `sweep.html` and `sweep.json` into a folder, and return where they are."""
        from xtrade.research.sweep.page import page

        return written(directory, {"sweep.html": page(self).encode(), "sweep.json": self.json()})

    def _repr_html_(self) -> str:
        """Show a notebook the page without its frame."""
        from xtrade.research.sweep.page import fragment

        return fragment(self)

    def _row(self, rank: int, trial: Trial) -> TrialRow:
        return TrialRow(
            rank=rank,
            params=trial.params,
            metrics=dict(trial.outcome.metrics) if trial.outcome is not None else {},
            deflated_sharpe=self.judgement.deflated_of(trial),
            error=trial.error,
            seconds=trial.seconds,
        )


def written(directory: Path | str, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder, made if need be, and return where they are."""
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise DataError(f"{folder}: the result cannot be written: {error.strerror}") from error
    return [folder / name for name in files]
