"""What a box of OKX refuses, in the venue's own codes; and the counters that say when it was too much."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Final

from xtrade.venues.okx.spec import LIMITS, WINDOW_MS

__all__ = ["BAD", "FLOOR_CODES", "Counters", "Refusal", "bad"]

BAD: Final = "51000"

FLOOR_CODES: Final[Mapping[str, str]] = {
    "insufficient_funds": "51008",
    "insufficient_margin": "51008",
    "reduce_only": "51169",
    "price_band": "51006",
    "too_small": "51020",
    "too_late": "50036",
    "duplicate_client_id": "51016",
    "no_mark": "51027",
    "would_trigger": "51280",
}
"""What the floor's reasons are called here; any other is a parameter that is wrong."""


class Refusal(Exception):
    """A request, or one order of it, is refused."""

    def __init__(self, code: str, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


def bad(name: str) -> Refusal:
    """Return the refusal of a parameter."""
    return Refusal(BAD, f"Parameter {name} error")


class Counters:
    """How much each user has asked for lately: of each budget, and of each market where it has its own."""

    def __init__(self) -> None:
        self._taken: defaultdict[tuple[str, str], deque[int]] = defaultdict(deque)

    def take(self, budget: str, key: str, now_ns: int, weight: int = 1) -> None:
        """Count a request; Refusal where it is one too many."""
        taken = self._taken[budget, key]
        while taken and taken[0] <= now_ns - WINDOW_MS * 1_000_000:
            taken.popleft()
        if len(taken) + weight > LIMITS[budget]:
            raise Refusal("50011", "Too Many Requests", 429)
        taken.extend([now_ns] * weight)
