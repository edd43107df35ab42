"""How much of one window is used: pure, time is an argument.

The venue counts a request when it arrives there, which is some time between our letting it out and the end of its
exchange. So a request counts here from the moment it is let out until a whole window after its exchange has ended:
whatever the latency, and wherever the venue's own window begins, no window of the venue holds more than this one.

Ended requests are counted in slots of a 64th of the window, by their slot's last instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from xtrade.net.limits import PERCENT, Priority, Window

__all__ = ["Meter"]

_MS_NS: Final = 1_000_000
_SLOTS: Final = 64
# The use of others on the same address or account has a column of its own, after those of our priorities.
_FOREIGN: Final = len(Priority)
_COLUMNS: Final = _FOREIGN + 1


class Meter:
    """One window of one pool."""

    __slots__ = ("_kept", "_kept_percent", "_length_ns", "_slot_ns", "_slots", "_used", "limit", "ms")

    def __init__(self, window: Window, kept: Mapping[Priority, int]) -> None:
        self.ms = window.ms
        self._kept_percent = kept
        self.set_limit(window.limit)
        self._length_ns = window.ms * _MS_NS
        self._slot_ns = max(1, self._length_ns // _SLOTS)
        self._used = [0] * _COLUMNS
        self._slots: deque[tuple[int, list[int]]] = deque()

    def set_limit(self, limit: int) -> None:
        """Obey another limit: the venue's word stands above ours."""
        self.limit = limit
        self._kept = tuple(self._kept_of(priority) for priority in Priority)

    def open(self, weight: int, priority: Priority) -> None:
        """Count a request that is let out now; `settle` or `give_back` must follow."""
        self._used[priority] += weight

    def give_back(self, weight: int, priority: Priority) -> None:
        """The request never left: uncount it."""
        self._used[priority] -= weight

    def settle(self, weight: int, priority: Priority, now_ns: int) -> None:
        """The exchange has ended: from now on the request grows old."""
        self._age(weight, priority, now_ns)

    def correct(self, used: int, now_ns: int) -> None:
        """The venue says that `used` units are used: what we did not know of is somebody else's."""
        foreign = used - self.used(now_ns)
        if foreign > 0:
            self._used[_FOREIGN] += foreign
            self._age(foreign, _FOREIGN, now_ns)

    def used(self, now_ns: int) -> int:
        """Return the units that count now."""
        self._forget(now_ns)
        return sum(self._used)

    def has_room(self, weight: int, priority: Priority, now_ns: int) -> bool:
        """May a request of that weight be let out?"""
        self._forget(now_ns)
        return self._fits(self._used, weight, priority)

    def is_within_kept(self, weight: int, priority: Priority, now_ns: int) -> bool:
        """Would it be paid by what is kept for its own kind?"""
        self._forget(now_ns)
        return self._used[priority] + weight <= self._kept[priority]

    def can_ever_have_room(self, weight: int, priority: Priority) -> bool:
        """Would it be let out if nothing at all were used?"""
        return self._fits([0] * _COLUMNS, weight, priority)

    def room_at_ns(self, weight: int, priority: Priority, now_ns: int) -> int | None:
        """Return when there will be room if nothing else happens; None if something must end first."""
        self._forget(now_ns)
        used = self._used.copy()
        if self._fits(used, weight, priority):
            return now_ns
        for slot, amounts in self._slots:
            for column, amount in enumerate(amounts):
                used[column] -= amount
            if self._fits(used, weight, priority):
                return self._forgotten_at_ns(slot)
        return None

    def _fits(self, used: list[int], weight: int, priority: Priority) -> bool:
        free = self.limit - sum(used) - weight
        if free >= 0 and priority is not Priority.CANCEL:
            for other, kept in enumerate(self._kept):
                if kept > used[other] and other != priority:
                    free -= kept - used[other]
        return free >= 0

    def _kept_of(self, priority: Priority) -> int:
        percent = self._kept_percent.get(priority, 0)
        if priority is Priority.CANCEL and self.limit > 1:
            return -(
                -self.limit * percent // PERCENT
            )  # rounded up: a small limit keeps room for a cancel as well
        return self.limit * percent // PERCENT

    def _age(self, weight: int, column: int, now_ns: int) -> None:
        slot = now_ns // self._slot_ns
        if not self._slots or self._slots[-1][0] < slot:
            self._slots.append((slot, [0] * _COLUMNS))
        self._slots[-1][1][column] += weight

    def _forgotten_at_ns(self, slot: int) -> int:
        return (slot + 1) * self._slot_ns + self._length_ns

    def _forget(self, now_ns: int) -> None:
        while self._slots and self._forgotten_at_ns(self._slots[0][0]) <= now_ns:
            for column, amount in enumerate(self._slots.popleft()[1]):
                self._used[column] -= amount
