"""Whether and when to try again: back-off with full jitter, and a budget that an outage cannot turn into a flood.

Only what may be repeated is repeated; that is the caller's to say (`Repeat`), because only the venue's spec knows
what a second copy of a request would do there.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from xtrade.model.errors import ConfigError

__all__ = ["Repeat", "RetryBudget", "RetryRule"]

_MS_NS: Final = 1_000_000


class Repeat(Enum):
    """What a second copy of a request would do."""

    READ = "read"
    """Nothing at all: it only asks. Repeated, and a lost answer leaves nothing in doubt."""
    IDEMPOTENT = "idempotent"
    """The same as the first (a cancel by id): repeated, but a lost answer leaves its effect in doubt."""
    NEVER = "never"
    """Perhaps a second order. Sent once; a lost answer is in doubt."""


class RetryRule(msgspec.Struct, frozen=True, kw_only=True):
    """How often, how soon, and how large a part of all traffic repeats may be."""

    attempts_max: int = 4
    backoff_ms_min: int = 50
    backoff_ms_max: int = 5_000
    budget_percent: int = 20
    """Repeats per hundred first attempts, once the initial `budget_start` are spent."""
    budget_start: int = 10

    def __post_init__(self) -> None:
        if self.attempts_max < 1:
            raise ConfigError(f"retry: attempts_max = {self.attempts_max}: expected one or more")
        if not 0 < self.backoff_ms_min <= self.backoff_ms_max:
            raise ConfigError(
                f"retry: backoff_ms_min = {self.backoff_ms_min} and backoff_ms_max = {self.backoff_ms_max}:"
                " expected 0 < min <= max"
            )
        for name in ("budget_percent", "budget_start"):
            if getattr(self, name) < 0:
                raise ConfigError(f"retry: {name} = {getattr(self, name)}: expected zero or more")

    def wait_ns(self, attempts: int, draw: Callable[[], float]) -> int:
        """Return how long to wait after that many attempts; `draw` returns a number in [0, 1).

        The jitter is between the least and the longest wait also when the longest is reached: a herd that has backed
        off as far as it goes must not come back in step.
        """
        limit_ms = min(self.backoff_ms_max, self.backoff_ms_min << min(attempts, 40))
        return int((self.backoff_ms_min + draw() * (limit_ms - self.backoff_ms_min)) * _MS_NS)


class RetryBudget:
    """Repeats are paid from a purse that first attempts fill: when everything fails, they dry up."""

    def __init__(self, rule: RetryRule) -> None:
        self._rule = rule
        self._hundredths = 100 * rule.budget_start

    def earn(self) -> None:
        """A first attempt was made."""
        self._hundredths = min(100 * self._rule.budget_start, self._hundredths + self._rule.budget_percent)

    def spend(self) -> bool:
        """Pay for a repeat; no where the purse is empty."""
        if self._hundredths < 100:
            return False
        self._hundredths -= 100
        return True
