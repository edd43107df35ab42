"""What a sweep is made of.

Window     a stretch of time that a trial may see
Outcome    what one evaluation gave: metrics, and the returns that statistics need
Evaluate   the function that is swept: (params, window) -> Outcome
Trial      one set of parameters, tried: its outcome, or the error it ended with
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import numpy as np
from msgspec import Struct

from xtrade.model.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["YEAR_NS", "Evaluate", "Outcome", "Params", "Returns", "Trial", "Value", "Window"]

YEAR_NS: Final = 365 * 86_400 * 1_000_000_000
"""Crypto trades every day of the year."""

Value: TypeAlias = bool | int | float | Decimal | str
Params: TypeAlias = dict[str, Value]
Returns: TypeAlias = "NDArray[np.float64]"


class Window(Struct, frozen=True, kw_only=True):
    """A stretch of time: `start_ns` belongs to it, `end_ns` does not."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise UsageError(
                f"a window from {self.start_ns} to {self.end_ns} ns: expected an end after its start"
            )


def _none() -> Returns:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What one evaluation gave.

    `metrics` are figures by name; None is a figure that cannot be had. `returns` are the equity's relative changes
    on an even grid of `step_ns` (0: not said, and Sharpe ratios are then told per step instead of per year). Without
    returns a trial has a place in the table, but no statistics.
    """

    metrics: Mapping[str, float | None]
    returns: Returns = field(default_factory=_none)
    step_ns: int = 0

    def __post_init__(self) -> None:
        returns = np.ascontiguousarray(self.returns, np.float64)
        if returns.ndim != 1 or not np.isfinite(returns).all():
            raise DataError("returns of an outcome: expected one row of finite numbers, one for each step")
        metrics = {name: None if value is None else float(value) for name, value in self.metrics.items()}
        for name, value in metrics.items():
            if value is not None and not isfinite(value):
                raise DataError(f"metric {name} = {value}: a figure that cannot be had is None")
        if self.step_ns < 0:
            raise DataError(f"step_ns = {self.step_ns}: expected the time between two returns, or 0")
        object.__setattr__(self, "returns", returns)
        object.__setattr__(self, "metrics", metrics)


class Evaluate(Protocol):
    """What is swept: for processes of their own it has to be picklable, such as a function of a module."""

    def __call__(self, params: Mapping[str, object], window: Window | None, /) -> Outcome:
        """Try these parameters on this stretch of time (None: all there is)."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One set of parameters, tried once; `number` counts in the order in which the search asked for them."""

    number: int
    params: Params
    window: Window | None = None
    outcome: Outcome | None = None
    error: str = ""
    seconds: float = 0.0
    worker: str = ""
    from_store: bool = False

    def metric(self, name: str) -> float | None:
        """Return a figure of the outcome; None without one, or without an outcome."""
        return None if self.outcome is None else self.outcome.metrics.get(name)
