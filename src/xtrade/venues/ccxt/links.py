"""Whether a venue can be heard, out of what the many parts of a channel say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xtrade.model.events import Event, LinkDown, LinkUp

__all__ = ["Links", "log"]


class Links:
    """The channels of one venue: `public` and `private`, each up while any of its parts is heard."""

    def __init__(self, venue: str, tell: Callable[[Sequence[Event]], None]) -> None:
        self._venue = venue
        self._tell = tell
        self._heard: dict[str, dict[str, bool]] = {}
        self._up: dict[str, bool] = {}

    def works(self, channel: str, part: str) -> None:
        """Something was heard by this part of a channel."""
        self._heard.setdefault(channel, {})[part] = True
        if not self._up.get(channel, False):
            self._up[channel] = True
            self._tell([LinkUp(venue=self._venue, channel=channel, private=channel == "private")])

    def failed(self, channel: str, part: str, reason: str) -> None:
        """Nothing is heard by this part of a channel, for this reason."""
        log().warning("venue not heard", venue=self._venue, channel=channel, part=part, reason=reason)
        parts = self._heard.setdefault(channel, {})
        parts[part] = False
        if not any(parts.values()) and self._up.get(channel, True):
            self._up[channel] = False
            self._tell([LinkDown(venue=self._venue, channel=channel, reason=f"{part}: {reason}")])


def log() -> Any:
    """The log of this room."""
    import structlog

    return structlog.get_logger("xtrade.venues.ccxt")
