"""What a market's public has seen: its last trades, its bars, its marks and funding. What a venue answers when asked.

chronicle = Chronicle()
chronicle.take(event)                      # each public event, as it happens
chronicle.bars("sim:BTC/USDT", 60 * SECOND, start_ns, end_ns)
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from xtrade.model.errors import UsageError
from xtrade.model.events import Bar, Event, Funding, MarkPrice, Trade

__all__ = ["Chronicle", "Settlement"]

_MINUTE_NS: Final = 60 * 10**9
# About two weeks of minutes, and the trades of some minutes of a busy market.
_MINUTES_KEPT: Final = 20_000
_TRADES_KEPT: Final = 10_000
_SETTLEMENTS_KEPT: Final = 1_000


class Settlement(NamedTuple):
    """A funding rate that was charged at a time."""

    at_ns: int
    rate: Funding


class Chronicle:
    """The memory of all markets of one exchange."""

    def __init__(self) -> None:
        self._trades: dict[str, deque[Trade]] = defaultdict(lambda: deque(maxlen=_TRADES_KEPT))
        self._minutes: dict[str, deque[Bar]] = defaultdict(lambda: deque(maxlen=_MINUTES_KEPT))
        self._settled: dict[str, deque[Settlement]] = defaultdict(lambda: deque(maxlen=_SETTLEMENTS_KEPT))
        self.marks: dict[str, MarkPrice] = {}
        self.fundings: dict[str, Funding] = {}

    def take(self, event: Event) -> None:
        """Remember a public event; one of another kind is none of its business."""
        if isinstance(event, Trade):
            self._trades[event.instrument].append(event)
            self._minute(event)
        elif isinstance(event, MarkPrice):
            self.marks[event.instrument] = event
        elif isinstance(event, Funding):
            before = self.fundings.get(event.instrument)
            if before is not None and before.next_ns is not None and before.next_ns != event.next_ns:
                self._settled[event.instrument].append(Settlement(before.next_ns, before))
            self.fundings[event.instrument] = event

    def trades(self, instrument: str, count: int) -> list[Trade]:
        """Return the last trades, oldest first."""
        kept = self._trades.get(instrument, ())
        return list(kept)[-count:] if count > 0 else []

    def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> list[Bar]:
        """Return the bars that begin in a span of time; the last one may not be closed. Whole minutes only."""
        if interval_ns <= 0 or interval_ns % _MINUTE_NS:
            raise UsageError(f"bars of {interval_ns / 1e9:g} s: expected whole minutes")
        merged: list[Bar] = []
        for minute in self._minutes.get(instrument, ()):
            begins_ns = minute.start_ns // interval_ns * interval_ns
            if not start_ns <= begins_ns < end_ns:
                continue
            if merged and merged[-1].start_ns == begins_ns:
                merged[-1] = _joined(merged[-1], minute, interval_ns)
            else:
                merged.append(_joined(None, minute, interval_ns))
        return merged

    def settlements(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[Settlement]:
        """Return the funding that was charged in a span of time, oldest first."""
        return [each for each in self._settled.get(instrument, ()) if start_ns <= each.at_ns < end_ns]

    def last_trade(self, instrument: str) -> Trade | None:
        """Return the last trade, if there was one."""
        kept = self._trades.get(instrument)
        return kept[-1] if kept else None

    def _minute(self, trade: Trade) -> None:
        minutes = self._minutes[trade.instrument]
        start_ns = (trade.venue_ns or 0) // _MINUTE_NS * _MINUTE_NS
        this = Bar(
            instrument=trade.instrument,
            venue_ns=trade.venue_ns,
            start_ns=start_ns,
            interval_ns=_MINUTE_NS,
            open_ticks=trade.ticks,
            high_ticks=trade.ticks,
            low_ticks=trade.ticks,
            close_ticks=trade.ticks,
            volume_lots=trade.lots,
            closed=False,
        )
        if minutes and minutes[-1].start_ns == start_ns:
            minutes[-1] = _joined(minutes[-1], this, _MINUTE_NS)
        else:
            minutes.append(this)


def _joined(bar: Bar | None, minute: Bar, interval_ns: int) -> Bar:
    """Put a minute to the bar that it belongs to, or begin one with it."""
    first = minute if bar is None else bar
    return Bar(
        instrument=minute.instrument,
        venue_ns=minute.venue_ns,
        start_ns=minute.start_ns // interval_ns * interval_ns,
        interval_ns=interval_ns,
        open_ticks=first.open_ticks,
        high_ticks=max(first.high_ticks, minute.high_ticks),
        low_ticks=min(first.low_ticks, minute.low_ticks),
        close_ticks=minute.close_ticks,
        volume_lots=minute.volume_lots + (0 if bar is None else bar.volume_lots),
        closed=False,
    )
