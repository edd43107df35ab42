"""Calls to be made at a time, in the order of time and, at one instant, in which they were asked for."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

__all__ = ["Timers"]


class Timers:
    """A heap of calls. Nothing goes off by itself: whoever keeps the time asks for what is due."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._calls: dict[int, Callable[[], None]] = {}
        self._count = 0

    def add(self, at_ns: int, call: Callable[[], None]) -> int:
        """Have a call made at a time; returns what `drop` takes."""
        self._count += 1
        self._calls[self._count] = call
        heappush(self._heap, (at_ns, self._count))
        return self._count

    def drop(self, timer: int) -> None:
        """Make no such call; nothing happens if it was made or dropped before."""
        self._calls.pop(timer, None)

    @property
    def due_ns(self) -> int | None:
        """When the next call is to be made; None while there is none."""
        while self._heap and self._heap[0][1] not in self._calls:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now_ns: int) -> Callable[[], None] | None:
        """Take out the first call that is due by now, if one is."""
        due_ns = self.due_ns
        if due_ns is None or due_ns > now_ns:
            return None
        _, timer = heappop(self._heap)
        return self._calls.pop(timer)
