"""The two clocks, and the one place that reads them from the operating system.

now_ns()         wall time, UTC, nanoseconds since 1970: for labels and signatures. It may step and drift.
monotonic_ns()   nanoseconds since an arbitrary start: for timers and ages. It never steps.

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

__all__ = ["START_NS", "Clock", "SystemClock", "VirtualClock", "current", "monotonic_ns", "now_ns", "using"]

START_NS: Final = 1_767_225_600_000_000_000
"""Where virtual wall time begins unless told otherwise: 2026-01-01T00:00:00Z."""

_PPM: Final = 1_000_000


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
