"""Where the next trial comes from.

Search    the port: ask for a proposal, tell what came of it
Grid      every combination
AtRandom  seeded draws, none twice
search_named("grid" | "random" | "optuna", …)

A search asked twice with the same seed proposes the same, with any number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from typing_extensions import override

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.research.sweep.space import Space
from xtrade.research.sweep.trial import Params, Value

__all__ = ["AtRandom", "Grid", "Proposal", "Search", "SearchName", "search_named"]

SearchName: TypeAlias = Literal["grid", "random", "optuna"]

_NAMES: Final = ("grid", "random", "optuna")
_REPEATS_MAX: Final = 1_000


class Proposal(NamedTuple):
    """What should be tried next; `number` counts from 0."""

    number: int
    params: Params


class Search(Protocol):
    """Proposes trials; better or worse is one figure, and more is better."""

    @property
    def total(self) -> int | None:
        """How many proposals there will be, as far as that is known."""
        ...

    def ask(self) -> Proposal | None:
        """Return the next proposal; None if there is none, or none before more outcomes are told."""
        ...

    def tell(self, proposal: Proposal, score: float | None) -> None:
        """Say what came of a proposal; None if it failed or has no figure."""
        ...


def search_named(name: str, space: Space, *, trials: int | None = None, seed: int = 0) -> Search:
    """Make a search by its name; `trials` limits a random search or Optuna's, a grid ends by itself."""
    if name == "grid":
        if trials is not None:
            raise UsageError(
                "a grid tries every combination: leave out the number of trials, or search at random"
            )
        return Grid(space)
    if name not in _NAMES:
        raise UsageError(f"search {name!r}: expected one of {', '.join(_NAMES)}.{did_you_mean(name, _NAMES)}")
    if trials is None or trials < 1:
        raise UsageError(f"a search named {name} has to know how many trials to make, at least 1")
    if name == "random":
        return AtRandom(space, trials=trials, seed=seed)
    from xtrade.research.sweep.tpe import Tpe

    return Tpe(space, trials=trials, seed=seed)


class Grid(Search):
    """Every combination that keeps the rules."""

    def __init__(self, space: Space) -> None:
        self._total = _counted(space)
        self._proposals = _numbered(space.grid())

    @property
    @override
    def total(self) -> int | None:
        return self._total

    @override
    def ask(self) -> Proposal | None:
        return next(self._proposals, None)

    @override
    def tell(self, proposal: Proposal, score: float | None) -> None:
        pass


class AtRandom(Search):
    """Seeded draws. None comes twice, so a space with few combinations may end before `trials`."""

    def __init__(self, space: Space, *, trials: int, seed: int = 0) -> None:
        self._space = space
        self._trials = trials
        self._chance = np.random.default_rng(seed)
        self._proposals = _numbered(self._draws())

    @property
    @override
    def total(self) -> int | None:
        return self._trials if self._space.size is None else min(self._trials, self._space.size)

    @override
    def ask(self) -> Proposal | None:
        return next(self._proposals, None)

    @override
    def tell(self, proposal: Proposal, score: float | None) -> None:
        pass

    def _draws(self) -> Iterator[Params]:
        seen: set[tuple[Value, ...]] = set()
        repeats = 0
        while len(seen) < self._trials and repeats < _REPEATS_MAX:
            params = self._space.draw(self._chance)
            values = tuple(params.values())
            if values in seen:
                repeats += 1
                continue
            seen.add(values)
            repeats = 0
            yield params


def _numbered(all_params: Iterator[Params]) -> Iterator[Proposal]:
    return (Proposal(number, params) for number, params in enumerate(all_params))


def _counted(space: Space) -> int:
    """Count the grid, and refuse at once what cannot be one."""
    if not space.constraints and space.size is not None:
        return space.size
    count = sum(1 for _ in space.grid())
    if not count:
        rules = ", ".join(repr(constraint.text) for constraint in space.constraints)
        raise UsageError(f"no combination of the parameters keeps {rules}")
    return count
