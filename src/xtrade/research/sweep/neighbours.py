"""Does the best stand on a plateau, or on a lone peak?

An edge that is real does not vanish when a parameter moves by one step. Neighbours of a trial are those whose numbers
all lie within one step of its own (a tenth of the range where there are no steps) and whose words are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from statistics import median
from typing import Final

from msgspec import Struct

from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.space import Dimension, Space, Values
from xtrade.research.sweep.trial import Trial, Value

__all__ = ["Stability", "stability"]

_NEAR: Final = 0.1
_PLATEAU: Final = 0.5
"""Neighbours that keep less than this of the best's lead leave it alone."""


class Stability(Struct, frozen=True, kw_only=True):
    """How much of the best trial's lead over the median trial its neighbours keep."""

    neighbours: int
    kept: float | None = None
    """1: as good as the best; 0: like any trial; None: nothing to compare with."""
    lone_peak: bool = False
    verdict: str


def stability(trials: Sequence[Trial], space: Space, objective: Objective, best: Trial | None) -> Stability:
    """Compare the best trial with those around it."""
    scores = {id(trial): score for trial in trials if (score := objective.score(trial)) is not None}
    if best is None or id(best) not in scores:
        return Stability(neighbours=0, verdict="")
    steps = {name: _steps(name, trials) for name in space.dimensions}
    near = [
        scores[id(trial)]
        for trial in trials
        if trial is not best and id(trial) in scores and _next_to(trial, best, space, steps)
    ]
    if not near:
        return Stability(
            neighbours=0,
            verdict="No trial stands next to the best one: try some around it before you believe it.",
        )
    middle = median(scores.values())
    lead = scores[id(best)] - middle
    if lead <= 0:
        return Stability(neighbours=len(near), verdict="The best trial leads over nothing: all are alike.")
    kept = (median(near) - middle) / lead
    lone = kept < _PLATEAU
    share = f"{max(kept, 0):.0%}".replace("%", " %")
    count = "Its only neighbour keeps" if len(near) == 1 else f"Its {len(near)} neighbours keep"
    meaning = "a lone peak, which is how luck looks" if lone else "a plateau, not a lone peak"
    return Stability(
        neighbours=len(near),
        kept=kept,
        lone_peak=lone,
        verdict=f"{count} {share} of its lead over the median trial: {meaning}.",
    )


def _steps(name: str, trials: Sequence[Trial]) -> list[Value]:
    """Every value of a parameter that was tried, in order; what was tried before may be outside of today's space."""
    values = {trial.params[name] for trial in trials}
    return sorted(values, key=lambda value: (isinstance(value, str), value))


def _next_to(one: Trial, other: Trial, space: Space, steps: dict[str, list[Value]]) -> bool:
    return all(
        _near(dimension, one.params[name], other.params[name], steps[name])
        for name, dimension in space.dimensions.items()
    )


def _near(dimension: Dimension, one: Value, other: Value, steps: list[Value]) -> bool:
    if one == other or isinstance(one, str | bool) or isinstance(other, str | bool):
        return one == other
    if isinstance(dimension, Values):
        return abs(steps.index(one) - steps.index(other)) <= 1
    low, high = dimension.low, dimension.high
    # What was tried before may be outside of today's range, where there may be no logarithm.
    if dimension.log and one > 0 and other > 0:
        return abs(log(float(one) / float(other))) <= _NEAR * log(high / low)
    return abs(float(one) - float(other)) <= _NEAR * (high - low)
