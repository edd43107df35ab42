"""What is naked: for sure, as far as is known, and at worst."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

__all__ = ["Exposure", "NakedAges"]


class Exposure(NamedTuple):
    """The sum of all legs, in signed grains: long is positive, and a pair that is hedged has none.

    What was sent and not answered may have traded or not, so the truth lies anywhere from `low` to `high`.
    """

    known: int
    """By all fills that were told."""
    low: int
    """If all that is open on the selling side trades, and nothing on the buying side."""
    high: int

    @property
    def surely(self) -> int:
        """What is naked whatever becomes of all that is open: the end of the range next to zero."""
        return max(self.low, min(0, self.high))

    @property
    def worst(self) -> int:
        """What may be naked, unsigned."""
        return max(-self.low, self.high, abs(self.known))

    def room(self, sign: int, most: int) -> int:
        """Return how much may be sent on a side (+1 buys) so that no more than `most` can ever be naked."""
        return max(0, most - (self.high if sign > 0 else -self.low))

    def with_sent(self, signed: int) -> Exposure:
        """Return the exposure with one more order on its way."""
        return Exposure(self.known, self.low + min(0, signed), self.high + max(0, signed))


class NakedAges:
    """How long what is naked has been so: what came first is hedged first.

    What is too little to be hedged has no age; when more comes and it can be, all of it is young.
    """

    def __init__(self) -> None:
        self._parts: deque[tuple[int, int]] = deque()
        self._known = 0
        self.is_naked = False
        self.longest_ns = 0

    def follow(self, known: int, now_ns: int, *, is_naked: bool) -> None:
        """Take in what is naked now, in signed grains, and whether it is enough to be hedged."""
        self.longest_ns = max(self.longest_ns, self.age_ns(now_ns))
        if known * self._known < 0:
            self._parts.clear()
            self._known = 0
        more = abs(known) - abs(self._known)
        if more > 0:
            self._parts.append((now_ns, more))
        while more < 0:
            at_ns, grains = self._parts.popleft()
            if grains + more > 0:
                self._parts.appendleft((at_ns, grains + more))
            more += grains
        if is_naked and not self.is_naked:
            self._parts = deque([(now_ns, abs(known))])
        self._known, self.is_naked = known, is_naked

    def age_ns(self, now_ns: int) -> int:
        """How long the oldest part has been naked; 0 if nothing is."""
        return now_ns - self._parts[0][0] if self.is_naked and self._parts else 0
