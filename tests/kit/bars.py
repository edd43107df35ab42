"""Small bars to replay, what a strategy does on them, and a simulator of them that is as simple as its rules."""

from typing import NamedTuple

from kit.markets import instrument
from kit.replays import Do, fills, intent
from xtrade.model.sides import Side
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.replay.layout import Reason

MARKET = instrument()
MINUTE = 60
FOREVER = 2**62
# Nothing between the rule under test and its fill.
PLAIN = BarAssumptions(spread_ticks=0, slippage_ticks=0, through_ticks=1, volume_share=None)


class Row(NamedTuple):
    """One bar."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 1000


def bars(rows, market=MARKET, interval=MINUTE):
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    names = ("start_ns", "open_ticks", "high_ticks", "low_ticks", "close_ticks", "volume_lots")
    import numpy as np

    return Bars.from_columns(
        market,
        interval_ns=interval,
        **{name: np.array(column, np.int64) for name, column in zip(names, columns, strict=True)},
    )


def flat(*prices, high=0, low=0, volume=1000):
    """Bars one after the other that open and close at one price each."""
    return [
        Row(number * MINUTE, price, price + high, price - low, price, volume)
        for number, price in enumerate(prices)
    ]


def run(rows, doings, assumptions=PLAIN, market=MARKET, **more):
    """Play bars with a strategy that does these things at these times; return the replay and all reports."""
    played = rows if not isinstance(rows, list) else bars(rows, market)
    replay = BarReplay(played, assumptions, **more)
    told = []
    for do in [*sorted(doings, key=lambda do: do.ns), None]:
        until = FOREVER if do is None else do.ns
        while True:
            reasons = replay.advance(until)
            told += replay.reports()
            if reasons & (Reason.TIME | Reason.END):
                break
        if do is None:
            break
        if do.what == "place":
            replay.place(intent(do, market))
        elif do.what == "cancel":
            replay.cancel(do.name)
        else:
            replay.amend(do.name, lots=do.lots, ticks=do.ticks)
    return replay, told


def intent_of(market, name, side, lots, ticks=None, style="market"):
    return intent(Do(0, "place", name, side, ticks, lots, style), market)


def walk(count, seed=1, market=MARKET, interval=MINUTE, step=20, volume=1000, start=0):
    """Bars of a random walk."""
    import numpy as np

    chance = np.random.default_rng(seed)
    close = 100_000 + np.cumsum(chance.integers(-step, step + 1, count))
    opened = np.concatenate([[100_000], close[:-1]]) + chance.integers(-2, 3, count)
    return Bars.from_columns(
        market,
        interval_ns=interval,
        start_ns=start + np.arange(count) * interval,
        open_ticks=opened,
        high_ticks=np.maximum(opened, close) + chance.integers(0, step, count),
        low_ticks=np.minimum(opened, close) - chance.integers(0, step, count),
        close_ticks=close,
        volume_lots=chance.integers(0, volume, count),
    )


class NaiveBars:
    """The rules of docs/bars.md as dictionaries and sorting: no kernel, no cursors, nothing clever."""

    def __init__(self, rows, doings, assumed):
        self.assumed = assumed
        self.half = (assumed.spread_ticks + 1) // 2
        self.orders, self.fills, self.arrivals = {}, [], 0
        waiting = sorted(doings, key=lambda do: do.ns)
        for row in rows:
            share = assumed.volume_share
            self.budget = 10**18 if share is None else row.volume * round(share * 10**6) // 10**6
            while waiting and waiting[0].ns <= row.start:
                self.meet(waiting.pop(0), row)
            self.close(row)

    def meet(self, do, row):
        order = self.orders.get(do.name)
        if do.what == "cancel":
            self.orders.pop(do.name, None)
        elif do.what == "place":
            self.enter({"name": do.name, "side": do.side.sign, "left": do.lots, "style": do.style}, do, row)
        elif order:
            left = do.lots - (order["lots"] - order["left"])
            moved = do.ticks != order["price"]
            if left <= 0:
                del self.orders[do.name]
            elif moved or left > order["left"]:
                del self.orders[do.name]
                order["left"] = left
                self.enter(order, do, row, may_take=moved)
            else:
                order["left"], order["lots"] = left, do.lots

    def enter(self, order, do, row, may_take=True):
        sign = order["side"]
        order["price"], order["lots"] = do.ticks, do.lots
        market = order["style"] == "market"
        best = row.open + sign * self.half
        takes = may_take and (market or sign * do.ticks >= sign * best)
        if takes and order["style"] == "post_only":
            return
        if order["style"] == "fok" and (not takes or order["left"] > self.budget):
            return
        if takes:
            price = best + sign * self.assumed.slippage_ticks
            if not market:
                price = sign * min(sign * price, sign * do.ticks)
            self.fill(order, max(price, 1), row.start, False)
        if order["left"] and order["style"] in {"gtc", "post_only"}:
            self.arrivals += 1
            order["arrived"] = self.arrivals
            self.orders[order["name"]] = order

    def close(self, row):
        through = self.assumed.through_ticks
        first = 1 if row.close <= row.open else -1
        for sign in (first, -first):
            mine = [order for order in self.orders.values() if order["side"] == sign]
            for order in sorted(mine, key=lambda o: (-sign * o["price"], o["arrived"])):
                extreme = row.low if sign == 1 else row.high
                if sign * order["price"] >= sign * extreme + through:
                    self.fill(order, order["price"], row.start + MINUTE, True)
                    if not order["left"]:
                        del self.orders[order["name"]]

    def fill(self, order, price, ns, maker):
        lots = min(order["left"], self.budget)
        self.budget -= lots
        order["left"] -= lots
        if lots:
            self.fills.append((order["name"], price, lots, maker, ns))


__all__ = [
    "FOREVER",
    "MARKET",
    "MINUTE",
    "PLAIN",
    "Do",
    "NaiveBars",
    "Row",
    "Side",
    "bars",
    "fills",
    "flat",
    "intent_of",
    "run",
    "walk",
]
