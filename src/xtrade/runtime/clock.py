"""The two clocks, and the one place that reads them from the operating system.

now_ns()         wall time, UTC, nanoseconds since 1970: for labels and signatures. It may step and drift.
monotonic_ns()   nanoseconds since an arbitrary start: for timers and ages. It never steps.

SteadyTime       wall time whose steps are made good little by little: for what needs one time for labels and ages

Both ask the clock of this thread: the operating system's, unless something else drives time here (a virtual
loop, a replay) and has said so with `using`. They work inside and outside of a running loop, so that a log line
of a test under virtual time carries virtual time, and one of a command line tool carries the real one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic_ns as _os_monotonic_ns, time_ns as _os_wall_ns  # noqa: TID251  (the one place)
from typing import Final, Protocol

from typing_extensions import override

__all__ = [
    "START_NS",
    "Clock",
    "SteadyTime",
    "SystemClock",
    "VirtualClock",
    "current",
    "monotonic_ns",
    "now_ns",
    "using",
]

START_NS: Final = 1_767_225_600_000_000_000
"""Where virtual wall time begins unless told otherwise: 2026-01-01T00:00:00Z."""

_PPM: Final = 1_000_000
# A clock that was set by a minute is made good within ten, and no timer is late or early by more than a tenth.
_MADE_GOOD: Final = 10


class Clock(Protocol):
    """What a clock answers; whoever drives time in a thread brings one."""

    def now_ns(self) -> int:
        """Return wall time: UTC nanoseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds since an arbitrary start; never goes back, whatever happens to wall time."""
        ...


class SystemClock(Clock):
    """The operating system's clocks."""

    __slots__ = ()

    @override
    def now_ns(self) -> int:
        return _os_wall_ns()

    @override
    def monotonic_ns(self) -> int:
        return _os_monotonic_ns()


class VirtualClock(Clock):
    """Time that stands still until its driver moves it.

    Monotonic time starts at 0. Wall time starts at `start_ns` and keeps step, until a world lets it `step` (an
    NTP correction, a suspended machine) or `drift`; neither touches monotonic time, and so no timer.
    """

    __slots__ = ("_anchor_monotonic_ns", "_anchor_wall_ns", "_drift_ppm", "at_ns")

    def __init__(self, start_ns: int = START_NS) -> None:
        self.at_ns = 0
        """Monotonic time; written by the driver alone, which never moves it back."""
        self._anchor_monotonic_ns = 0
        self._anchor_wall_ns = start_ns
        self._drift_ppm = 0

    @override
    def now_ns(self) -> int:
        passed_ns = self.at_ns - self._anchor_monotonic_ns
        return self._anchor_wall_ns + passed_ns + passed_ns * self._drift_ppm // _PPM

    @override
    def monotonic_ns(self) -> int:
        return self.at_ns

    def step(self, by_ns: int) -> None:
        """Set wall time forward or back by `by_ns`, at once."""
        self._anchor_wall_ns += by_ns

    def drift(self, ppm: int) -> None:
        """From now on let wall time run `ppm` millionths fast (or slow, when negative)."""
        self._anchor_wall_ns, self._anchor_monotonic_ns = self.now_ns(), self.at_ns
        self._drift_ppm = ppm


class SteadyTime:
    """Wall time that never goes back and never jumps: it starts with the wall clock, and passes as monotonic time does.

    Where the wall clock is set, or drifts, it follows: by no more than a tenth of the time that has passed.
    """

    __slots__ = ("_monotonic_ns", "_now_ns")

    def __init__(self) -> None:
        self._now_ns: int | None = None
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        """Return the time; the first time, that of the wall clock."""
        wall_ns, monotonic_ns = now_ns(), _seat.clock.monotonic_ns()
        if self._now_ns is None:
            self._now_ns = wall_ns
        else:
            passed_ns = monotonic_ns - self._monotonic_ns
            most_ns = passed_ns // _MADE_GOOD
            off_ns = wall_ns - self._now_ns - passed_ns
            self._now_ns += passed_ns + max(-most_ns, min(most_ns, off_ns))
        self._monotonic_ns = monotonic_ns
        return self._now_ns


class _Seat(threading.local):
    """Who tells the time in this thread."""

    clock: Clock = SystemClock()


_seat: Final = _Seat()


def now_ns() -> int:
    """Return wall time (UTC nanoseconds since 1970): for labels and signatures, never for ages or timers."""
    return _seat.clock.now_ns()


def monotonic_ns() -> int:
    """Return monotonic time in nanoseconds: for ages and timers, never for labels."""
    return _seat.clock.monotonic_ns()


def current() -> Clock:
    """Return the clock of this thread."""
    return _seat.clock


@contextmanager
def using(clock: Clock) -> Iterator[None]:
    """Let `clock` tell the time in this thread, until the block ends."""
    before, _seat.clock = _seat.clock, clock
    try:
        yield
    finally:
        _seat.clock = before
