"""Optuna's tree of Parzen estimators as a search: it learns from outcomes where better ones may be.

What Optuna is told must not depend on which worker was quicker, or no seed would repeat a run. So proposal number n
is made knowing exactly the outcomes up to n - `ahead`, whatever else is known by then. The price: no more than
`ahead` trials are under way at a time. The study lives in memory; when a sweep goes on, the same questions are asked
again and answered out of the store.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from typing_extensions import override

from xtrade.model.errors import UsageError
from xtrade.research.sweep.search import Proposal, Search
from xtrade.research.sweep.space import Dimension, Space, Values
from xtrade.research.sweep.trial import Params, Value
from xtrade.runtime.extras import require

__all__ = ["Tpe"]

_BROKEN_RULES_MAX: Final = 50


class Tpe(Search):
    """Seeded proposals from Optuna; needs `xtrade[sweep]`."""

    def __init__(self, space: Space, *, trials: int, seed: int = 0, ahead: int = 8) -> None:
        if ahead < 1:
            raise UsageError(f"ahead = {ahead}: expected at least one trial under way")
        optuna = require("optuna", extra="sweep")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._trials = trials
        self._ahead = ahead
        self._distributions = {name: _distribution(optuna, d) for name, d in space.dimensions.items()}
        self._pruned = optuna.trial.TrialState.PRUNED
        self._failed = optuna.trial.TrialState.FAIL
        # With a constant liar, proposals that are still under way are not proposed again next door.
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._chance = np.random.default_rng(seed)
        self._asked: list[Any] = []
        self._scores: dict[int, float | None] = {}
        self._told = 0

    @property
    @override
    def total(self) -> int | None:
        return self._trials

    @override
    def ask(self) -> Proposal | None:
        number = len(self._asked)
        if number == self._trials or not self._learned(number - self._ahead):
            return None
        trial, params = self._kept_proposal()
        self._asked.append(trial)
        return Proposal(number, params)

    @override
    def tell(self, proposal: Proposal, score: float | None) -> None:
        self._scores[proposal.number] = score

    def _learned(self, last: int) -> bool:
        """Pass on the outcomes up to number `last`, in their order; tell whether they are all there."""
        while self._told <= last:
            if self._told not in self._scores:
                return False
            score, trial = self._scores[self._told], self._asked[self._told]
            if score is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, score)
            self._told += 1
        return True

    def _kept_proposal(self) -> tuple[Any, Params]:
        """Ask Optuna until the proposal keeps the rules; those that break one count as bad places."""
        for _ in range(_BROKEN_RULES_MAX):
            trial, params = self._proposal()
            if self._space.allows(params):
                return trial, params
            self._study.tell(trial, state=self._pruned)
        # Where little is allowed, chance finds it sooner, or says that there is nothing.
        drawn = self._space.draw(self._chance)
        self._study.enqueue_trial(
            {name: _proposed(d, drawn[name]) for name, d in self._space.dimensions.items()}
        )
        return self._proposal()

    def _proposal(self) -> tuple[Any, Params]:
        trial = self._study.ask(self._distributions)
        return trial, {name: _value(d, trial.params[name]) for name, d in self._space.dimensions.items()}


def _distribution(optuna: Any, dimension: Dimension) -> Any:
    """Numbers of a list are proposed by their place in it, so that Optuna knows which are neighbours."""
    kinds = optuna.distributions
    if isinstance(dimension, Values):
        if dimension.ordered:
            return kinds.IntDistribution(0, len(dimension.values) - 1)
        return kinds.CategoricalDistribution(dimension.values)
    if dimension.whole:
        return kinds.IntDistribution(dimension.low, dimension.high, log=dimension.log)
    return kinds.FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _value(dimension: Dimension, proposed: Any) -> Value:
    if isinstance(dimension, Values):
        place = proposed if dimension.ordered else dimension.place(proposed)
        return dimension.values[place]
    return int(proposed) if dimension.whole else float(proposed)


def _proposed(dimension: Dimension, value: Value) -> Any:
    """Say a value as Optuna would have: the other way round."""
    return dimension.place(value) if isinstance(dimension, Values) and dimension.ordered else value
