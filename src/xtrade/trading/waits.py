"""What strategies and their tasks wait for: a time, the next of what is told, or whichever comes first.

Nothing goes off by itself: whoever keeps the time takes from the timers what is due.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from xtrade.trading.tasks import Signal
from xtrade.trading.timers import Timers

__all__ = ["Waits"]

T = TypeVar("T")


class Waits:
    """The waits of one engine, on its timers."""

    def __init__(self, timers: Timers) -> None:
        self.awaited: dict[tuple[str, str], list[Signal[Any]]] = {}
        """Who waits for the next book, trade or bar of an instrument."""
        self._timers = timers
        self._named: dict[tuple[str, str], int] = {}

    def at(self, at_ns: int) -> Signal[None]:
        """Return a signal that is set at a time."""
        signal: Signal[None] = Signal()
        self._timers.add(at_ns, partial(signal.set, None))
        return signal

    def within(self, signal: Signal[T], until_ns: int | None) -> Signal[T | None]:
        """Return a signal that is set with another one's value, or with None at a time."""
        found: Signal[T | None] = Signal()
        signal.then(lambda: found.set(signal.value))
        if until_ns is not None and not found.is_set:
            self.at(until_ns).then(lambda: found.set(None))
        return found

    def next_of(self, what: str, key: str) -> Signal[Any]:
        """Return a signal that is set with the next of what is told of an instrument."""
        signal: Signal[Any] = Signal()
        self.awaited.setdefault((what, key), []).append(signal)
        return signal

    def make_known(self, what: str, key: str, value: object) -> None:
        """Set the signals of those who waited for it."""
        for signal in self.awaited.pop((what, key), ()):
            signal.set(value)

    def set_timer(self, strategy: str, name: str, at_ns: int, went_off: Callable[[], None]) -> None:
        """Set a strategy's timer; one of the same name is replaced."""
        self.drop_timer(strategy, name)

        def call() -> None:
            del self._named[strategy, name]
            went_off()

        self._named[strategy, name] = self._timers.add(at_ns, call)

    def drop_timer(self, strategy: str, name: str) -> None:
        """Stop a strategy's timer, if it runs."""
        timer = self._named.pop((strategy, name), None)
        if timer is not None:
            self._timers.drop(timer)

    def drop_timers(self, strategy: str) -> None:
        """Stop all timers of a strategy."""
        for name in [name for owner, name in self._named if owner == strategy]:
            self.drop_timer(strategy, name)
