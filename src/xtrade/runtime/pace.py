"""Virtual time for people to watch: it passes at a chosen speed, and somebody is called now and then to show it.

    run_virtual(main, seed=7, pace=Pace(60, on_frame=view.draw))
    pace.soon(call)     from another thread: the kill switch's way in

What happens, and in which order, is the same at every speed; only how long one waits for it differs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

from xtrade.model.errors import UsageError
from xtrade.runtime.clock import Clock, SystemClock

__all__ = ["Pace"]

SECOND_NS: Final = 1_000_000_000
# Where the machine is too slow for the speed, time that was lost is not made up for in a rush.
_BEHIND_NS_MAX: Final = SECOND_NS


class Pace:
    """`speed` times as fast as time passes here, or as fast as the machine can (None).

    `watch` and `wait` are for tests: who tells the time of those who watch, and lets it pass.
    """

    def __init__(
        self,
        speed: float | None,
        *,
        on_frame: Callable[[], object] | None = None,
        frame_ms: int = 100,
        watch: Clock | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        if speed is not None and not 0.001 <= speed <= 1_000_000:
            raise UsageError(f"a speed of {speed:g}: expected a number from 0.001 to 1000000")
        self._speed = speed
        self._on_frame = on_frame
        self._frame_ns = frame_ms * 1_000_000
        self._clock = watch or SystemClock()
        self._start_ns = self._next_frame_ns = self._clock.monotonic_ns()
        self._passed_ns = 0
        self._told: deque[Callable[[], object]] = deque()
        self._wait = wait or _sleeper()

    def soon(self, call: Callable[[], object]) -> None:
        """Have something called in the loop's thread before time goes on; from any thread.

        The one door into a run under virtual time, for an operator who ends it: what comes through it at a moment of
        ours is not repeated by the seed.
        """
        self._told.append(call)

    def __call__(self, jump_ns: int) -> None:
        """Wait until the jump is due, showing frames meanwhile."""
        now_ns = self._clock.monotonic_ns()
        if self._speed is not None:
            self._passed_ns += jump_ns
            due_ns = self._start_ns + round(self._passed_ns / self._speed)
            if now_ns - due_ns > _BEHIND_NS_MAX:
                self._start_ns += now_ns - due_ns
            while now_ns < due_ns:
                self._frame(now_ns)
                wait_ns = min(due_ns - now_ns, self._frame_ns)
                self._wait(wait_ns / SECOND_NS)
                now_ns = self._clock.monotonic_ns()
        self._frame(now_ns)

    def _frame(self, now_ns: int) -> None:
        while self._told:
            self._told.popleft()()
        if self._on_frame is not None and now_ns >= self._next_frame_ns:
            self._next_frame_ns = now_ns + self._frame_ns
            self._on_frame()


def _sleeper() -> Callable[[float], object]:
    """A sleep that virtual time does not forbid: waiting for a lock that nobody gives back."""
    never = Lock()
    never.acquire()
    return lambda seconds: never.acquire(timeout=seconds)
