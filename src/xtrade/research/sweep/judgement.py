"""What the best trial is worth, given how many were tried: figures, and a verdict in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, sqrt
from typing import Final

from msgspec import Struct

from xtrade.research.sweep.statistics import (
    Sample,
    independent_trials,
    luck,
    minimum_track_record,
    probabilistic_sharpe,
    sample,
)
from xtrade.research.sweep.trial import YEAR_NS, Trial

__all__ = ["CONVINCING", "Judgement", "judged"]

CONVINCING: Final = 0.95
"""A deflated Sharpe ratio from here on is called convincing."""

_RETURNS_MIN: Final = 30
"""The formulas are for many returns; fewer than these are called too few, whatever comes out."""


class Judgement(Struct, frozen=True, kw_only=True):
    """How the best trial stands against luck. Sharpe ratios are per year where the returns' grid is known."""

    trials: int
    """How many ended with an outcome: every one of them was a try."""
    independent: float
    """How many independent tries they amount to; alike trials are not counted in full."""
    per_year: bool
    sharpe: float | None = None
    """Of the best trial, from its returns."""
    luck: float | None = None
    """What the best of so many tries without skill is expected to show."""
    probabilistic: float | None = None
    """How likely the best trial's true Sharpe ratio is above zero, had it been the only try."""
    deflated: float | None = None
    """How likely it is above what luck gives."""
    returns: int = 0
    returns_needed: int | None = None
    """How many returns like these it would take to be convincing; None: no number would do."""
    convincing: bool = False
    luck_per_return: float = 0.0
    remarks: tuple[str, ...] = ()
    verdict: str

    def deflated_of(self, trial: Trial) -> float | None:
        """Return the deflated Sharpe ratio of any trial of the same sweep."""
        found = _sample_of(trial)
        return None if found is None else probabilistic_sharpe(found, self.luck_per_return)


def judged(trials: Sequence[Trial], best: Trial | None) -> Judgement:
    """Judge the best of some trials."""
    ended = [trial for trial in trials if trial.outcome is not None]
    samples = [(trial, found) for trial in ended if (found := _sample_of(trial)) is not None]
    rows = [trial.outcome.returns for trial, _ in samples if trial.outcome is not None]
    independent = independent_trials(rows)
    remarks = _remarks(trials, ended, samples)
    found = _sample_of(best) if best is not None else None
    if best is None or best.outcome is None or found is None:
        return Judgement(
            trials=len(ended),
            independent=independent,
            per_year=False,
            remarks=remarks,
            verdict=_no_verdict(trials, best),
        )
    lucky = luck([each for _, each in samples], independent)
    step_ns = best.outcome.step_ns
    yearly = sqrt(YEAR_NS / step_ns) if step_ns else 1.0
    needed = minimum_track_record(found, lucky, confidence=CONVINCING)
    deflated = probabilistic_sharpe(found, lucky)
    return Judgement(
        trials=len(ended),
        independent=independent,
        per_year=step_ns > 0,
        sharpe=found.sharpe * yearly,
        luck=lucky * yearly,
        probabilistic=probabilistic_sharpe(found),
        deflated=deflated,
        returns=found.length,
        returns_needed=ceil(needed) if isfinite(needed) else None,
        convincing=deflated >= CONVINCING and found.length >= _RETURNS_MIN,
        luck_per_return=lucky,
        remarks=remarks,
        verdict=_verdict(
            len(ended), independent, found, lucky, yearly, "a year" if step_ns else "per return"
        ),
    )


def _sample_of(trial: Trial) -> Sample | None:
    return None if trial.outcome is None else sample(trial.outcome.returns)


def _remarks(
    trials: Sequence[Trial], ended: Sequence[Trial], samples: Sequence[tuple[Trial, Sample]]
) -> tuple[str, ...]:
    remarks = []
    if failed := len(trials) - len(ended):
        first = next(trial for trial in trials if trial.outcome is None)
        remarks.append(
            f"{failed} of {len(trials)} trials failed and are not judged; the first: {first.error}"
        )
    if samples and (flat := len(ended) - len(samples)):
        remarks.append(
            f"{flat} trials have no returns that vary (did they trade?): they were no chance for luck"
        )
    if len({found.length for _, found in samples}) > 1:
        remarks.append("returns are of unequal length, so every trial counts as an independent one")
    if len({trial.outcome.step_ns for trial, _ in samples if trial.outcome is not None}) > 1:
        remarks.append("returns are on different grids: Sharpe ratios of trials are compared per return")
    return tuple(remarks)


def _no_verdict(trials: Sequence[Trial], best: Trial | None) -> str:
    if not trials:
        return "No verdict: nothing was tried."
    if best is None:
        return "No verdict: no trial has the figure that was searched."
    return "No verdict: the best trial brings no returns that vary, and without them luck cannot be measured."


def _verdict(trials: int, independent: float, found: Sample, lucky: float, yearly: float, unit: str) -> str:
    sharpe = f"a Sharpe ratio of {found.sharpe * yearly:.2f} {unit}"
    if trials == 1:
        said = [f"A single trial, with {sharpe}: nothing was searched, so nothing is deflated."]
    else:
        alike = (
            f" (alike as they are, they count as {independent:.0f})" if independent < 0.95 * trials else ""
        )
        tries = f"with that many tries one expects {lucky * yearly:.2f} from luck alone"
        said = [f"The best of {trials} trials{alike} has {sharpe}; {tries}."]
    deflated = probabilistic_sharpe(found, lucky)
    if found.length < _RETURNS_MIN:
        said.append(
            f"Deflated Sharpe {deflated:.2f}, from only {found.length} returns: too few for any verdict."
        )
    elif deflated >= CONVINCING:
        said.append(f"Deflated Sharpe {deflated:.2f}: convincing, as far as {found.length:,} returns go.")
    else:
        said.append(f"Deflated Sharpe {deflated:.2f}: not convincing ({CONVINCING:g} would be).")
        needed = minimum_track_record(found, lucky, confidence=CONVINCING)
        if not isfinite(needed):
            said.append("More of the same returns would not change that.")
        else:
            said.append(f"It would take {ceil(needed):,} returns like these; there are {found.length:,}.")
    return " ".join(said)
