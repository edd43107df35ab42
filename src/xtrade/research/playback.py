"""Plays recorded markets to an engine: the same engine, and the same strategies, that trade live.

TapeMarket   books and trades, on a Replay
BarMarket    bars, on a BarReplay
play         the loop over either

At one instant a strategy hears of trades first, then of changed instruments, of books or bars, and of its own orders;
then its timers go off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from typing_extensions import override

from xtrade.market.book import Book
from xtrade.model.errors import UsageError
from xtrade.model.events import Bar, Funding, InstrumentChanged, Trade
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import product
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.layout import NEVER
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import RATE_UNIT, Happening, Tape
from xtrade.trading.engine import Engine
from xtrade.trading.listeners import Watch

__all__ = ["BarMarket", "Market", "Progress", "TapeMarket", "Teller", "play"]

STEPS: Final = 200
"""How often, evenly in the time of the data, progress is told."""

# As plain numbers: asking a flag costs more than playing a bar.
ROWS, BOOK, BAR, ORDER, END, FILLS_FULL = (
    int(reason)
    for reason in (
        Reason.TRADE | Reason.NOTICE,
        Reason.BOOK,
        Reason.BAR,
        Reason.ORDER,
        Reason.END,
        Reason.FILLS_FULL,
    )
)


class Progress(NamedTuple):
    """How far a run has come in the time of the data."""

    at_ns: int
    start_ns: int
    end_ns: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        length = self.end_ns - self.start_ns
        return (self.at_ns - self.start_ns) / length if length else 1.0


Teller = Callable[[Progress], None]


class Market(Protocol):
    """What `play` needs of recorded markets; it is also what the engine asks its markets."""

    start_ns: int
    end_ns: int

    @property
    def replay(self) -> Replay | BarReplay:
        """What plays them, and where orders go."""
        ...

    def instrument(self, key: str) -> Instrument:
        """Return the instrument in the version now in force."""
        ...

    def book(self, key: str) -> Book:
        """Return the book of an instrument."""
        ...

    def watch(self, wanted: Mapping[str, Watch]) -> None:
        """Arrange to be woken for what the engine wants to be told."""
        ...

    def tell(self, engine: Engine, reasons: int, now_ns: int) -> None:
        """Tell the engine of the market what made the replay stop."""
        ...


class TapeMarket:
    """Books and trades, as a tape tells them."""

    def __init__(self, tape: Tape, replay: Replay) -> None:
        self.replay = replay
        self._keys = tape.keys
        self._booked: tuple[str, ...] = ()
        self._traded: frozenset[str] = frozenset()
        self.start_ns = int(tape.rows["local_ns"][0])
        self.end_ns = int(tape.rows["local_ns"][-1])

    def instrument(self, key: str) -> Instrument:
        """Return the instrument in the version now in force."""
        return self.replay.instrument(key)

    def book(self, key: str) -> Book:
        """Return the book of an instrument."""
        return self.replay.book(key)

    def watch(self, wanted: Mapping[str, Watch]) -> None:
        """Arrange to be woken for what the engine wants to be told."""
        for key, watch in wanted.items():
            trades = watch.trades or watch.bars
            self.replay.watch(key, book=watch.book, book_every_ns=watch.book_every_ns, trades=trades)
        self._booked = tuple(key for key, watch in wanted.items() if watch.book)
        self._traded = frozenset(key for key, watch in wanted.items() if watch.trades or watch.bars)

    def tell(self, engine: Engine, reasons: int, now_ns: int) -> None:
        """Tell the engine of the market what made the replay stop."""
        if reasons & ROWS:
            self._tell_rows(engine, now_ns)
        if reasons & BOOK:
            for key in self._booked:
                if self.replay.has_changed(key):
                    engine.book_changed(key, now_ns)

    def _tell_rows(self, engine: Engine, now_ns: int) -> None:
        for row in self.replay.heard():
            kind, key = int(row["kind"]), self._keys[int(row["instrument"])]
            venue_ns = int(row["venue_ns"])
            if kind == Happening.TRADE and key in self._traded:
                trade = Trade(
                    instrument=key,
                    received_ns=now_ns,
                    venue_ns=venue_ns,
                    trade_id="",
                    ticks=int(row["ticks"]),
                    lots=int(row["lots"]),
                    taker=Side.BUY if row["side"] == 0 else Side.SELL,
                )
                engine.traded(trade, now_ns)
            elif kind == Happening.GRID:
                now = self.replay.instrument(key)
                event = InstrumentChanged(instrument=key, received_ns=now_ns, venue_ns=venue_ns, now=now)
                engine.heard(event, now_ns)
            elif kind == Happening.FUNDING:
                engine.heard(_settled(key, int(row["lots"]), venue_ns, now_ns), now_ns)


class BarMarket:
    """Bars, told as they close."""

    def __init__(self, tape: BarTape, replay: BarReplay) -> None:
        self.replay = replay
        self._columns = {key: _Columns(replay.bars(key)) for key in tape.keys}
        self._booked: frozenset[str] = frozenset()
        self._settlements = sorted(
            (int(time_ns), key, int(rate))
            for key, paid in zip(tape.keys, tape.funding, strict=True)
            if paid is not None
            for time_ns, rate in zip(paid.time_ns, paid.rates, strict=True)
        )
        self._settled = 0
        each = [replay.bars(key) for key in tape.keys]
        self.start_ns = min(int(bars.start_ns[0]) for bars in each)
        self.end_ns = max(int(bars.start_ns[-1]) + bars.interval_ns for bars in each)

    def instrument(self, key: str) -> Instrument:
        """Return the instrument in the version now in force."""
        return self.replay.instrument(key)

    def book(self, key: str) -> Book:
        """Return the book of an instrument."""
        return self.replay.book(key)

    def watch(self, wanted: Mapping[str, Watch]) -> None:
        """Arrange to be woken for what the engine wants to be told."""
        for key, watch in wanted.items():
            if watch.trades:
                raise UsageError(
                    f"{key}: a strategy wants to hear of each trade, and the data are bars: give it data of trades"
                )
            self.replay.watch(key, bars=True)
        self._booked = frozenset(key for key, watch in wanted.items() if watch.book)

    def tell(self, engine: Engine, reasons: int, now_ns: int) -> None:
        """Tell the engine of the market what made the replay stop."""
        if not reasons & BAR:
            return
        self._tell_settlements(engine, now_ns)
        for key, row in self.replay.closed():
            engine.bar(self._columns[key].bar(row), now_ns)
            if key in self._booked:
                engine.book_changed(key, now_ns)

    def _tell_settlements(self, engine: Engine, now_ns: int) -> None:
        """Tell the funding that was settled since the last close, and up to this one."""
        while self._settled < len(self._settlements) and self._settlements[self._settled][0] <= now_ns:
            time_ns, key, rate = self._settlements[self._settled]
            self._settled += 1
            engine.heard(_settled(key, rate, time_ns, now_ns), now_ns)


def _settled(key: str, rate: int, venue_ns: int, now_ns: int) -> Funding:
    """Tell a rate when it is settled: recorded data say nothing of it before."""
    return Funding(
        instrument=key,
        received_ns=now_ns,
        venue_ns=venue_ns,
        rate=product(rate, RATE_UNIT),
        next_ns=venue_ns,
    )


class _Columns:
    """The bars of one instrument as plain whole numbers: reading one is what a strategy on bars waits for."""

    __slots__ = ("_close", "_high", "_interval_ns", "_key", "_low", "_open", "_start", "_volume")

    def __init__(self, bars: Bars) -> None:
        self._key = bars.instrument.key
        self._interval_ns = bars.interval_ns
        self._start: memoryview[int] = bars.start_ns.data
        self._open: memoryview[int] = bars.open_ticks.data
        self._high: memoryview[int] = bars.high_ticks.data
        self._low: memoryview[int] = bars.low_ticks.data
        self._close: memoryview[int] = bars.close_ticks.data
        self._volume: memoryview[int] = bars.volume_lots.data

    def bar(self, row: int) -> Bar:
        start_ns = self._start[row]
        return Bar(
            instrument=self._key,
            received_ns=start_ns + self._interval_ns,
            start_ns=start_ns,
            interval_ns=self._interval_ns,
            open_ticks=self._open[row],
            high_ticks=self._high[row],
            low_ticks=self._low[row],
            close_ticks=self._close[row],
            volume_lots=self._volume[row],
        )


class _MarketClock(clock.Clock):
    """Time as the data tells it, for log lines and whatever else asks for the time during a run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @override
    def now_ns(self) -> int:
        return self._engine.now_ns

    @override
    def monotonic_ns(self) -> int:
        return self._engine.now_ns


def play(engine: Engine, market: Market, *, tell: Teller | None = None) -> None:
    """Play a market to an engine, to its end or until no strategy trades any more."""
    with clock.using(_MarketClock(engine)):
        _play(engine, market, tell or (lambda _: None))


def _play(engine: Engine, market: Market, tell: Teller) -> None:
    replay, start_ns, end_ns = market.replay, market.start_ns, market.end_ns
    step_ns = max(1, (end_ns - start_ns) // STEPS)
    tell_ns = start_ns + step_ns
    market.watch(engine.watched)
    engine.start(start_ns)
    while engine.is_active:
        wake_ns = engine.wake_ns
        reasons = replay.advance(tell_ns if wake_ns is None else min(wake_ns, tell_ns))
        now_ns = replay.now_ns
        market.tell(engine, reasons, now_ns)
        if reasons & ORDER:
            for event in replay.reports():
                engine.heard(event, now_ns)
        if reasons & FILLS_FULL:
            replay.fills()  # they came as reports too
        if wake_ns is not None and now_ns >= wake_ns:
            engine.tick(now_ns)
        if reasons & END:
            break
        if now_ns >= tell_ns:
            tell(Progress(min(now_ns, end_ns), start_ns, end_ns))
            tell_ns = now_ns + step_ns if now_ns < end_ns else NEVER
    engine.stop(max(engine.now_ns, end_ns))
    tell(Progress(end_ns, start_ns, end_ns))
