"""What a walk forward leaves: each step, and the track record the tests make together, which was never searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from xtrade.research.sweep.judgement import CONVINCING
from xtrade.research.sweep.result import SweepResult, written
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.space import shown
from xtrade.research.sweep.statistics import Sample, probabilistic_sharpe, sample
from xtrade.research.sweep.trial import YEAR_NS, Params, Returns, Trial, Window
from xtrade.research.sweep.windows import Split, date

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["Leg", "LegRow", "WalkForwardResult", "WalkForwardSummary"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Leg:
    """One step, walked: what was found in training, and what it did in the test (None: nothing could be chosen)."""

    split: Split
    training: SweepResult
    test: Trial | None


class LegRow(Struct, frozen=True, kw_only=True):
    """A step as JSON tells it."""

    train: Window
    test: Window
    trials: int
    params: Params | None
    train_metrics: dict[str, float | None]
    test_metrics: dict[str, float | None]
    deflated_sharpe_in_training: float | None
    error: str


class WalkForwardSummary(Struct, frozen=True, kw_only=True):
    """A walk forward as JSON tells it."""

    objective: Objective
    per_year: bool
    sharpe_in_training: float | None
    sharpe_out_of_sample: float | None
    probabilistic_sharpe: float | None
    total_return: float | None
    verdict: str
    interrupted: bool
    remarks: tuple[str, ...]
    legs: tuple[LegRow, ...]


class WalkForwardResult:
    """Every step of a walk, and the track record that the tests make together."""

    def __init__(
        self,
        *,
        name: str,
        objective: Objective,
        legs: Sequence[Leg],
        interrupted: bool = False,
        remarks: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.objective = objective
        self.legs = tuple(legs)
        self.interrupted = interrupted
        tested = [
            (leg.test, leg.test.outcome) for leg in self.legs if leg.test is not None and leg.test.outcome
        ]
        rows = [outcome.returns for _, outcome in tested]
        self.returns: Returns = np.concatenate(rows) if rows else np.empty(0)
        """Of all tests, one after the other."""
        self.breaks: tuple[int, ...] = tuple(int(at) for at in np.cumsum([len(row) for row in rows])[:-1])
        """Where in the equity each test after the first begins."""
        steps = {outcome.step_ns for _, outcome in tested}
        self._yearly = sqrt(YEAR_NS / steps.pop()) if len(steps) == 1 and 0 not in steps else 0.0
        self.remarks = (*remarks, *self._holes())

    @property
    def equity(self) -> Returns:
        """The stitched equity, beginning at 1; what loses everything stays at nothing."""
        return np.concatenate([[1.0], np.cumprod(np.maximum(1 + self.returns, 0.0))])

    @property
    def has_found(self) -> bool:
        """Whether any test has the figure that was searched."""
        return any(
            leg.test is not None and leg.test.metric(self.objective.metric) is not None for leg in self.legs
        )

    @property
    def total_return(self) -> float | None:
        """What the whole track record earned."""
        return float(self.equity[-1]) - 1 if len(self.returns) else None

    @property
    def out_of_sample(self) -> Sample | None:
        """The track record's Sharpe ratio per return, and its shape."""
        return sample(self.returns)

    @property
    def sharpe_in_training(self) -> float | None:
        """The mean Sharpe ratio that the chosen trials had where they were chosen."""
        found = [
            # Training is longer than a test, and its returns may be on a coarser grid.
            each.sharpe * (sqrt(YEAR_NS / outcome.step_ns) if self._yearly and outcome.step_ns else 1)
            for leg in self.legs
            if leg.training.best is not None and (outcome := leg.training.best.outcome) is not None
            if (each := sample(outcome.returns)) is not None
        ]
        return float(np.mean(found)) if found else None

    @property
    def sharpe_out_of_sample(self) -> float | None:
        """The Sharpe ratio of the track record; per year where the returns' grid is known."""
        found = self.out_of_sample
        return None if found is None else found.sharpe * (self._yearly or 1)

    @property
    def convincing(self) -> bool:
        """Whether the track record alone makes a true Sharpe ratio above zero likely enough."""
        found = self.out_of_sample
        return found is not None and probabilistic_sharpe(found) >= CONVINCING

    @property
    def changes(self) -> int:
        """How many steps chose other parameters than the step before."""
        chosen = [leg.training.best_params for leg in self.legs]
        return sum(one != other for one, other in pairwise(chosen))

    @property
    def verdict(self) -> str:
        """Say in plain words what was left of the promise."""
        found, promised, kept = self.out_of_sample, self.sharpe_in_training, self.sharpe_out_of_sample
        if found is None or kept is None:
            return "No verdict: the tests brought no returns that vary."
        unit = "a year" if self._yearly else "per return"
        likely = probabilistic_sharpe(found)
        record = f"Out of sample, over {len(self.legs)} windows: a Sharpe ratio of {kept:.2f} {unit}"
        enough = "convincing" if self.convincing else "not convincing"
        said = [f"{record}, above zero with probability {likely:.2f} ({enough})."]
        if promised is not None and promised > 0:
            remained = f"{max(kept, 0) / promised * 100:.0f} % of it remained"
            said.append(f"Where they were chosen, the same parameters had {promised:.2f}: {remained}.")
        if len(self.legs) > 1:
            said.append(f"The choice changed in {self.changes} of {len(self.legs) - 1} steps.")
        return " ".join(said)

    def plan(self) -> str:
        """Say what was walked."""
        if not self.legs:
            return "Nothing was walked."
        first, last = self.legs[0].split, self.legs[-1].split
        return (
            f"{len(self.legs)} windows, tested from {date(first.test.start_ns)} to {date(last.test.end_ns)}."
        )

    def rows(self) -> list[list[str]]:
        """Return a heading and a row of text for each step."""
        metric = self.objective.metric
        rows = [
            [
                "#",
                "train from",
                "to",
                "test from",
                "to",
                "chosen",
                f"{metric} in training",
                f"{metric} in test",
            ]
        ]
        for number, leg in enumerate(self.legs, start=1):
            best, (train, test) = leg.training.best, (leg.split.train, leg.split.test)
            chosen = "-"
            if best is not None:
                chosen = " ".join(f"{name}={shown(value)}" for name, value in best.params.items())
            rows.append([
                str(number),
                *(date(ns) for ns in (train.start_ns, train.end_ns, test.start_ns, test.end_ns)),
                chosen,
                _figure(best, metric),
                _figure(leg.test, metric),
            ])  # fmt: skip
        return rows

    def table(self) -> Group:
        """Draw the steps for a terminal, with the verdict."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        metric = self.objective.metric
        for name in ("#", "trained from", "to", "tested from", "to", "chosen", "in training", "in test"):
            table.add_column(name, justify="right")
        _, *rows = self.rows()
        for number, *dates, chosen, trained, tested in rows:
            table.add_row(number, *_shortened(dates, [row[1:5] for row in rows]), chosen, trained, tested)
        said = Text("\n".join([self.verdict, *self.remarks]))
        return Group(Text(f"{self.plan()} The figures are {metric}.", style="bold"), table, said)

    def summary(self) -> WalkForwardSummary:
        """Return all of it as data."""
        found = self.out_of_sample
        return WalkForwardSummary(
            objective=self.objective,
            per_year=self._yearly > 0,
            sharpe_in_training=self.sharpe_in_training,
            sharpe_out_of_sample=self.sharpe_out_of_sample,
            probabilistic_sharpe=None if found is None else probabilistic_sharpe(found),
            total_return=self.total_return,
            verdict=self.verdict,
            interrupted=self.interrupted,
            remarks=self.remarks,
            legs=tuple(_leg_row(leg) for leg in self.legs),
        )

    def json(self) -> bytes:
        """Return the summary as a JSON document."""
        return msgspec.json.format(msgspec.json.encode(self.summary()), indent=2)

    def save(self, directory: Path | str) -> list[Path]:
        """Write `walk-forward.html` and `walk-forward.json` into a folder, and return where they are."""
        from xtrade.research.sweep.page import walk_page

        return written(
            directory, {"walk-forward.html": walk_page(self).encode(), "walk-forward.json": self.json()}
        )

    def _holes(self) -> list[str]:
        holes = []
        for number, leg in enumerate(self.legs, start=1):
            if leg.test is None:
                holes.append(f"Window {number}: nothing could be chosen, so nothing was tested.")
            elif leg.test.outcome is None:
                holes.append(f"Window {number}: what was chosen failed in the test: {leg.test.error}")
        return holes


def _shortened(dates: Sequence[str], all_of_them: Sequence[Sequence[str]]) -> list[str]:
    """Leave out the year where all dates share it: the plan above the table says it."""
    years = {each[:5] for row in all_of_them for each in row}
    return [each[5:] for each in dates] if len(years) == 1 else list(dates)


def _leg_row(leg: Leg) -> LegRow:
    best = leg.training.best
    return LegRow(
        train=leg.split.train,
        test=leg.split.test,
        trials=len(leg.training.trials),
        params=leg.training.best_params,
        train_metrics=dict(best.outcome.metrics) if best is not None and best.outcome is not None else {},
        test_metrics=dict(leg.test.outcome.metrics)
        if leg.test is not None and leg.test.outcome is not None
        else {},
        deflated_sharpe_in_training=leg.training.judgement.deflated,
        error=leg.test.error if leg.test is not None else "nothing could be chosen",
    )


def _figure(trial: Trial | None, metric: str) -> str:
    value = None if trial is None else trial.metric(metric)
    return "-" if value is None else f"{value:.4g}"
