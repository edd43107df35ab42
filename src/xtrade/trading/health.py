"""Which venues, and which books, can be relied on now: a fold over what the links tell."""

from __future__ import annotations

from xtrade.model.durations import duration_text
from xtrade.model.events import LinkDown, LinkUp, Stale
from xtrade.trading.tasks import Signal

__all__ = ["Health"]


class Health:
    """What is known to be down. A venue of which nothing was told is taken to be up: a replay tells of no links."""

    def __init__(self) -> None:
        self._down: dict[tuple[str, str], str] = {}
        self.stale: dict[str, dict[str, int]] = {}
        """By instrument: feeds of which nothing was heard, and for how many nanoseconds when that was told."""
        self._awaited: list[tuple[str, Signal[None]]] = []

    def hear(self, event: LinkUp | LinkDown | Stale) -> None:
        """Take in news of a connection or of a feed that fell silent."""
        match event:
            case LinkDown():
                self._down[event.venue, event.channel] = event.reason
            case LinkUp():
                self._down.pop((event.venue, event.channel), None)
                self._tell()
            case Stale():
                self.stale.setdefault(event.instrument, {})[event.what] = event.age_ns

    def fresh(self, key: str, what: str) -> None:
        """Take in that a feed was heard of again."""
        feeds = self.stale.get(key)
        if feeds is not None and feeds.pop(what, None) is not None:
            if not feeds:
                del self.stale[key]
            self._tell()

    def trouble(self, key: str) -> str | None:
        """Return, in words, why orders for an instrument should wait now; None if nothing is known against them."""
        venue = key.partition(":")[0]
        for (down, channel), reason in self._down.items():
            if down == venue:
                return f"{venue}'s {channel} connection is down: {reason}"
        age_ns = self.stale.get(key, {}).get("book")
        if age_ns is None:
            return None
        return f"nothing was heard of the book of {key} for {duration_text(age_ns)}"

    def up(self, key: str) -> Signal[None]:
        """Return a signal that is set when nothing is known against orders for an instrument; now, if so now."""
        signal: Signal[None] = Signal()
        if self.trouble(key) is None:
            signal.set(None)
        else:
            self._awaited = [each for each in self._awaited if not each[1].is_set]
            self._awaited.append((key, signal))
        return signal

    def _tell(self) -> None:
        for key, signal in self._awaited:
            if self.trouble(key) is None:
                signal.set(None)
        self._awaited = [each for each in self._awaited if not each[1].is_set]
