"""The circuit breaker: stop asking who does not answer, and find out gently when they do again. Pure; time is given.

  closed      everything passes; `failures_max` failures within `window_ms`, and at least half of the calls, open it
  open        nothing passes until the pause is over; each time it opens anew the pause doubles
  half open   `probes_max` calls pass at once; `probes_needed` successes close it, one failure opens it again

A call that takes risk away is let through whatever the state (`urgent`): a venue that fails most orders may still take
a cancel. Its outcome counts like any other. An outcome that comes home in a later state than it left in says nothing
of the later one, and is not counted.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

import msgspec

from xtrade.model.errors import ConfigError

__all__ = ["Breaker", "BreakerRule", "Outcome", "Permit", "State"]

_MS_NS: Final = 1_000_000


class State(Enum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class Outcome(Enum):
    """What became of a call that was let through."""

    SUCCESS = "success"
    """The venue answered, be it with a refusal."""
    FAILURE = "failure"
    """No answer, or one that says the venue itself is in trouble."""
    UNKNOWN = "unknown"
    """The call was given up by us: it says nothing."""


class BreakerRule(msgspec.Struct, frozen=True, kw_only=True):
    """When to stop, for how long, and what it takes to go on."""

    failures_max: int = 5
    window_ms: int = 10_000
    pause_ms_min: int = 1_000
    pause_ms_max: int = 60_000
    probes_max: int = 1
    probes_needed: int = 2

    def __post_init__(self) -> None:
        for name in ("failures_max", "window_ms", "probes_max", "probes_needed"):
            if getattr(self, name) < 1:
                raise ConfigError(f"breaker: {name} = {getattr(self, name)}: expected one or more")
        if not 0 < self.pause_ms_min <= self.pause_ms_max:
            raise ConfigError(
                f"breaker: pause_ms_min = {self.pause_ms_min} and pause_ms_max = {self.pause_ms_max}:"
                " expected 0 < min <= max"
            )


class Permit(NamedTuple):
    """Leave for one call; hand it back with the outcome."""

    term: int
    probe: bool


class Breaker:
    """One breaker; `state` and `open_until_ns` may be read at any time."""

    def __init__(self, rule: BreakerRule | None = None) -> None:
        self.rule = rule or BreakerRule()
        self.state = State.CLOSED
        self.open_until_ns = 0
        self._term = 0
        self._openings = 0
        self._probes = 0
        self._successes = 0
        self._calls: deque[tuple[int, bool]] = deque()

    def is_open(self, now_ns: int) -> bool:
        """Would every call that is not urgent be refused now?"""
        return self.state is State.OPEN and now_ns < self.open_until_ns

    def permit(self, now_ns: int, *, urgent: bool = False) -> Permit | None:
        """Let a call through, or say no: until `open_until_ns`, or until a probe has come home."""
        if self.state is State.OPEN and now_ns >= self.open_until_ns:
            self._enter(State.HALF_OPEN)
        if self.state is State.CLOSED:
            return Permit(self._term, probe=False)
        if self.state is State.HALF_OPEN and self._probes < self.rule.probes_max:
            self._probes += 1
            return Permit(self._term, probe=True)
        return Permit(self._term, probe=False) if urgent else None

    def note(self, permit: Permit, outcome: Outcome, now_ns: int) -> None:
        """Take what became of a call into account."""
        if permit.term != self._term:
            return
        if permit.probe:
            self._probes -= 1
        if outcome is Outcome.UNKNOWN or self.state is State.OPEN:
            return
        failed = outcome is Outcome.FAILURE
        if self.state is State.HALF_OPEN:
            self._successes += not failed
            if failed:
                self._open(now_ns)
            elif self._successes >= self.rule.probes_needed:
                self._enter(State.CLOSED)
                self._openings = 0
            return
        self._calls.append((now_ns, failed))
        while self._calls[0][0] <= now_ns - self.rule.window_ms * _MS_NS:
            self._calls.popleft()
        failures = sum(failed for _, failed in self._calls)
        if failed and failures >= self.rule.failures_max and 2 * failures >= len(self._calls):
            self._open(now_ns)

    def _open(self, now_ns: int) -> None:
        pause_ms = min(self.rule.pause_ms_max, self.rule.pause_ms_min << min(self._openings, 40))
        self._openings += 1
        self.open_until_ns = now_ns + pause_ms * _MS_NS
        self._enter(State.OPEN)

    def _enter(self, state: State) -> None:
        self.state = state
        self._term += 1
        self._probes = 0
        self._successes = 0
        self._calls.clear()
