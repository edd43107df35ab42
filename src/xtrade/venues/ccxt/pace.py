"""How often a venue is asked where it does not tell by itself, and how long it is waited for."""

from __future__ import annotations

from msgspec import Struct

from xtrade.runtime import chance

__all__ = ["Backoff", "Pace"]


class Pace(Struct, frozen=True, kw_only=True):
    """The paces of one venue, in seconds."""

    told_s: float = 0.5
    """How long streams have to tell by themselves what a request of ours brought about."""
    streamed_s: float = 10.0
    """Our orders, while any is open and streams tell of them."""
    polled_s: float = 1.5
    """Our orders, while any is open and no stream tells of them."""
    idle_s: float = 30.0
    """The account, while no order is open."""
    book_s: float = 1.0
    """Books and trades that no stream tells of."""
    quiet_s: float = 60.0
    """A book whose stream says nothing for so long is asked for."""
    settle_s: float = 5.0
    """Marks and funding rates."""
    markets_s: float = 3_600.0
    """What markets there are, and on which grids."""
    again_s_min: float = 0.5
    again_s_max: float = 30.0
    """After a failure: the shortest and the longest wait."""


class Backoff:
    """Waits that grow with every failure in a row, and are drawn, so that what failed together does not return so."""

    def __init__(self, name: str, pace: Pace) -> None:
        self._draw = chance.stream(name).random
        self._pace = pace
        self._failures = 0

    def failed(self) -> float:
        """Count a failure, and return how long to wait after it."""
        self._failures += 1
        shortest = self._pace.again_s_min
        longest: float = min(self._pace.again_s_max, shortest * 2 ** min(self._failures, 20))
        drawn: float = self._draw()
        return shortest + drawn * (longest - shortest)

    def worked(self) -> None:
        """Begin from the bottom again."""
        self._failures = 0
