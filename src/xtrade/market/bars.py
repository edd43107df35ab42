"""Bars from what was told: trades, prices of the book, or smaller bars, on any interval.

A bar covers [start, start + interval), begins at a whole multiple of its interval since 1970 (UTC), and belongs to
the time at which things were heard: what came late counts in the bar in which it came, as it would live. An interval
in which nothing was told makes no bar.
"""

from __future__ import annotations

from xtrade.model.errors import UsageError
from xtrade.model.events import Bar

__all__ = ["BarBuilder"]


class BarBuilder:
    """Builds the bars of one instrument and one interval; each call may complete one."""

    __slots__ = ("_close", "_high", "_low", "_open", "_start_ns", "_volume", "instrument", "interval_ns")

    def __init__(self, instrument: str, interval_ns: int) -> None:
        if interval_ns <= 0:
            raise UsageError(f"bars of {interval_ns} ns: an interval takes some time")
        self.instrument = instrument
        self.interval_ns = interval_ns
        self._start_ns = -1
        self._open = self._high = self._low = self._close = self._volume = 0

    @property
    def due_ns(self) -> int | None:
        """When the bar in the making is over; None while there is none."""
        return None if self._start_ns < 0 else self._start_ns + self.interval_ns

    @property
    def so_far(self) -> Bar | None:
        """The bar in the making, not closed; None while there is none."""
        return None if self._start_ns < 0 else self._bar(closed=False)

    def add(self, at_ns: int, ticks: int, lots: int = 0) -> Bar | None:
        """Take a trade, or (without lots) a price; return the bar that is over by then, if one is."""
        return self._add(at_ns, ticks, ticks, ticks, ticks, lots)

    def add_bar(self, bar: Bar) -> Bar | None:
        """Take a smaller bar; return the one that is over when that began, if one is."""
        return self._add(
            bar.start_ns,
            bar.open_ticks,
            bar.high_ticks,
            bar.low_ticks,
            bar.close_ticks,
            bar.volume_lots,
        )

    def close(self, now_ns: int) -> Bar | None:
        """Return the bar that is over at this time, if one is."""
        if self._start_ns < 0 or now_ns < self._start_ns + self.interval_ns:
            return None
        bar = self._bar(closed=True)
        self._start_ns = -1
        return bar

    def _add(self, at_ns: int, first: int, high: int, low: int, last: int, lots: int) -> Bar | None:
        closed = self.close(at_ns)
        if self._start_ns < 0:
            self._start_ns = at_ns - at_ns % self.interval_ns
            self._open, self._high, self._low, self._volume = first, high, low, 0
        self._high = max(self._high, high)
        self._low = min(self._low, low)
        self._close = last
        self._volume += lots
        return closed

    def _bar(self, *, closed: bool) -> Bar:
        return Bar(
            instrument=self.instrument,
            received_ns=self._start_ns + self.interval_ns if closed else 0,
            start_ns=self._start_ns,
            interval_ns=self.interval_ns,
            open_ticks=self._open,
            high_ticks=self._high,
            low_ticks=self._low,
            close_ticks=self._close,
            volume_lots=self._volume,
            closed=closed,
        )
