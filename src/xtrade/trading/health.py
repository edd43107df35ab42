"""Which venues, and which books, can be relied on now: a fold over what the links tell."""

from __future__ import annotations

from typing import Final

from xtrade.model.durations import duration_text
from xtrade.model.events import LinkDown, LinkUp, Stale
from xtrade.trading.exposure import account_of, venue_of
from xtrade.trading.tasks import Signal

__all__ = ["Health"]

PRICED_FROM: Final = ("book", "quote", "mark")
"""The feeds that prices are made from: orders wait for these, and not for a list of trades."""


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

    def down(self, key: str) -> str | None:
        """Return, in words, which connection of an instrument's venue or account is down; None if none is."""
        if not self._down:
            return None
        names = (account_of(key), venue_of(key))
        for (name, channel), reason in self._down.items():
            if name in names:
                return f"{name}'s {channel} connection is down: {reason}"
        return None

    def stale_feed(self, key: str) -> str | None:
        """Return, in words, which feed that an instrument is priced from fell silent; None if none did."""
        if not self.stale:
            return None
        for what, age_ns in self.stale.get(key, {}).items():
            if what in PRICED_FROM:
                return f"nothing was heard of the {what} of {key} for {duration_text(age_ns)}"
        return None

    def trouble(self, key: str) -> str | None:
        """Return, in words, why orders for an instrument should wait now; None if nothing is known against them."""
        return self.down(key) or self.stale_feed(key)

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
