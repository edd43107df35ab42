"""Strategies written in a line, played on markets written by hand."""

from __future__ import annotations

from kit.replays import MARKET, level, tape, trade
from xtrade.model.money import Money
from xtrade.research.playback import TapeMarket, play
from xtrade.research.recorder import Recorder
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.sim.replay.replay import Replay
from xtrade.trading.engine import Engine
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed, Market

KEY = MARKET.key
CAPITAL = Money.of(10_000, "USDT")
S = 1_000_000_000

# A bid of 10 lots at 1000 and an ask of 10 lots at 1001, from the first instant.
OPENING = (level(1, 0, 1000, 10), level(1, 1, 1001, 10))


class Scripted(Strategy[Params]):
    """A strategy whose callbacks are given as functions, and that remembers what it was told."""

    def __init__(self, *, feeds=(BookFeed(KEY),), **callbacks):
        super().__init__(Params())
        self.feeds = feeds
        self.callbacks = callbacks
        self.told = []

    def subscriptions(self):
        yield from self.feeds

    def _tell(self, name, ctx, *args):
        self.told.append((name, ctx.now_ns, *args))
        if name in self.callbacks:
            self.callbacks[name](ctx, *args)

    def names(self):
        """What was told, without repetitions in a row."""
        found = [name for name, *_ in self.told]
        return [name for place, name in enumerate(found) if place == 0 or found[place - 1] != name]

    def of(self, name):
        """What was told in one callback."""
        return [each[1:] for each in self.told if each[0] == name]


for _name in [
    "start",
    "book",
    "quote",
    "trade",
    "bar",
    "funding",
    "order",
    "fill",
    "account",
    "timer",
    "stop",
]:

    def _callback(self, ctx, *args, name=_name):
        self._tell(name, ctx, *args)

    setattr(Scripted, f"on_{_name}", _callback)


def ticking(until_s, every_ns=S // 10):
    """Rows that change nothing that matters, so that time passes: a far level flickers."""
    return [level(ns, 0, 900, 1 + ns // every_ns % 2) for ns in range(every_ns, until_s * S, every_ns)]


class Desk:
    """An engine on a replay."""

    def __init__(self, rows, limits=None, market=MARKET, assumptions=None, handover=None, **strategies):
        played = tape(sorted(rows, key=lambda row: row[0]), market)
        if assumptions is None:
            assumptions = Assumptions(entry=Latency.constant(10), response=Latency.constant(10))
        self.replay = Replay(played, assumptions)
        self.market = TapeMarket(played, self.replay)
        self.journal = Recorder()
        self.engine = Engine(
            strategies,
            self.market,
            self.replay,
            ids=ClientOrderIds(MemoryMark(BITS_63), lambda: self.engine.now_ns),
            limits=limits,
            journal=self.journal,
            handover=handover,
        )
        self.journal.portfolio = self.engine.portfolio

    def play(self):
        """Play everything."""
        play(self.engine, self.market)
        return self


__all__ = [
    "CAPITAL",
    "KEY",
    "MARKET",
    "OPENING",
    "Desk",
    "Market",
    "S",
    "Scripted",
    "level",
    "ticking",
    "trade",
]
