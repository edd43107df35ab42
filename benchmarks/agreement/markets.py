"""Generated markets, scripts of orders for them, and the models that both simulators know.

Data      rows of a market and its grid; DATA makes them by name
script    orders and cancels at fixed times, so that one difference does not lead to the next
recorded  latencies as somebody measured them
Model     a queue, an exchange and a latency; `assumed` says it in our words
Fill      what one report says of an order's fills
quote     what a maker does that answers to what it sees
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit

from kit.naive_replay import BUY, SELL, Book, better
from xtrade.sim.replay.layout import Style
from xtrade.sim.replay.models import Assumptions, FillRule, Latency, Queue, QueueKind
from xtrade.sim.replay.tape import Happening

MS = 1_000_000
START = 10**18
LEVEL, TRADE, CLEAR, READY, GAP = (int(kind) for kind in list(Happening)[:5])
STYLES = {"gtc": Style.REST, "post_only": Style.POST_ONLY, "ioc": Style.IOC}
LATENCIES = ("none", "constant", "recorded")
EVERY = 250
"""Rows from one snapshot to the next."""


class Do(NamedTuple):
    ns: int
    what: str
    name: int
    side: int = BUY
    ticks: int = 0
    lots: int = 0
    style: str = "gtc"


class Data(NamedTuple):
    """Rows (local ns, venue ns, kind, side, ticks, lots), the middle at each row, and the size of a tick and a lot."""

    rows: list[tuple[int, ...]]
    middles: list[int]
    tick: float = 1.0
    lot: float = 1.0


class Model(NamedTuple):
    """A queue, an exchange and a latency, as both sides name them."""

    queue: str
    partial: bool
    latency: str


class Fill(NamedTuple):
    """What was filled of one order in one report; prices are those of its last part."""

    name: int
    heard_ns: int
    venue_ns: int
    ticks: int
    lots: int
    maker: bool


# -- markets


def crossed(count: int, seed: int) -> Data:
    """Depth around a random walk which leaves the levels it passes where they are, and trades at the touch."""
    chance = np.random.default_rng(seed)
    middle = 100_000 + np.cumsum(chance.random(count) < 0.04) - np.cumsum(chance.random(count) < 0.04)
    side = chance.integers(0, 2, count)
    kind = np.where(chance.random(count) < 0.2, TRADE, LEVEL)
    away = 1 + np.minimum(chance.geometric(0.2, count), 30)
    ticks = np.where(side == BUY, middle - away, middle + away)
    through = chance.integers(1, 4, count)
    ticks = np.where(kind == TRADE, np.where(side == BUY, middle + through, middle - through), ticks)
    lots = np.where(kind == TRADE, chance.integers(1, 20, count), chance.integers(0, 30, count))
    venue_ns = START + np.cumsum(chance.exponential(MS, count).astype(np.int64) + 1)
    local_ns = np.maximum.accumulate(venue_ns + chance.integers(200_000, 700_000, count))
    columns = (local_ns, venue_ns, kind, side, ticks, lots)
    return Data(list(zip(*(column.tolist() for column in columns), strict=True)), middle.tolist())


def clean(count: int, seed: int) -> Data:
    """The same, but a level that another passes is taken away first, and what is traded leaves its level."""
    book = Book()
    data, rows, middles = crossed(count, seed), [], []
    for row, middle in zip(data.rows, data.middles, strict=True):
        local_ns, venue_ns, kind, side, ticks, lots = row
        if kind == TRADE:
            ticks = book.best[1 - side]
            if ticks is None:
                continue
            found = [(local_ns, venue_ns, TRADE, side, ticks, lots)]
            left = max(book.lots(1 - side, ticks) - lots, 0)
            found.append((local_ns, venue_ns, LEVEL, 1 - side, ticks, left))
        else:
            passed = [] if not lots else [p for p in book.levels[1 - side] if not better(side, p, ticks)]
            found = [(local_ns, venue_ns, LEVEL, 1 - side, price, 0) for price in passed]
            found.append(row)
        for each in found:
            if each[2] == LEVEL:
                book.set(*each[3:])
        rows += found
        middles += [middle] * len(found)
    return Data(rows, middles)


def late(count: int, seed: int) -> Data:
    """Rows are heard in another order than they happen, and the book is crossed."""
    chance = np.random.default_rng(seed + 1)
    data = crossed(count, seed)
    delays = chance.exponential(3 * MS, count).astype(np.int64).tolist()
    rows = [(row[1] + delay, *row[1:]) for row, delay in zip(data.rows, delays, strict=True)]
    order = sorted(range(count), key=lambda at: rows[at][0])
    return Data([rows[at] for at in order], [data.middles[at] for at in order])


def snapshots(count: int, seed: int, *, gap: int = 0) -> Data:
    """A clean book, sent whole every 250 rows with some levels changed meanwhile; `gap` rows are lost before."""
    chance = np.random.default_rng(seed + 2)
    book = Book()
    data = clean(count, seed)
    rows, middles = [(*data.rows[0][:2], READY, 0, 0, 0)], [data.middles[0]]
    for number, (row, middle) in enumerate(zip(data.rows, data.middles, strict=True)):
        found = [row]
        if row[2] == LEVEL:
            book.set(*row[3:])
        if gap and number % EVERY == EVERY - 1 - gap:
            found.append((*row[:2], GAP, 0, 0, 0))
        if number % EVERY == EVERY - 1:
            found += [(*row[:2], CLEAR, side, 0, 0) for side in (BUY, SELL)]
            for side in (BUY, SELL):
                for ticks, lots in sorted(book.levels[side].items()):
                    book.set(side, ticks, int(chance.integers(0, 30)) if chance.random() < 0.2 else lots)
                found += [
                    (*row[:2], LEVEL, side, ticks, lots) for ticks, lots in sorted(book.levels[side].items())
                ]
            found.append((*row[:2], READY, 0, 0, 0))
        if gap and EVERY - 1 - gap < number % EVERY < EVERY - 1:
            continue
        rows += found
        middles += [middle] * len(found)
    return Data(rows, middles)


DATA: dict[str, Callable[[int, int], Data]] = {
    "clean book": clean,
    "crossed book": crossed,
    "heard late": late,
    "snapshots": snapshots,
    "gaps": lambda count, seed: snapshots(count, seed, gap=50),
    "tick 0.1, lot 0.001": lambda count, seed: crossed(count, seed)._replace(tick=0.1, lot=0.001),
}


def script(data: Data, seed: int) -> list[Do]:
    """Return orders around the middle, most of them passive, and cancels long after they are acknowledged."""
    chance = np.random.default_rng(seed + 3)
    doings, at = [], 0
    for name, ns in enumerate(range(data.rows[0][0] + 50 * MS, data.rows[-1][0] - 700 * MS, 9 * MS), 1):
        while data.rows[at][0] < ns:
            at += 1
        side = int(chance.integers(0, 2))
        style = str(chance.choice(["gtc", "gtc", "gtc", "post_only", "ioc"]))
        away = int(
            chance.integers(-4, 2) if style == "ioc" or chance.random() < 0.15 else chance.integers(0, 6)
        )
        ticks = data.middles[at] + (-away if side == BUY else away)
        sent = ns + int(chance.integers(0, 8 * MS))
        doings.append(Do(sent, "place", name, side, ticks, int(chance.integers(1, 25)), style))
        if style != "ioc":
            doings.append(Do(sent + int(chance.integers(30, 600)) * MS, "cancel", name))
    return sorted(doings, key=lambda do: do.ns)


def recorded(data: Data, seed: int) -> np.ndarray:
    """Return latencies as somebody measured them each 50 ms: when asked, when at the venue, when answered."""
    chance = np.random.default_rng(seed + 4)
    asked = np.arange(data.rows[0][1] - 50 * MS, data.rows[-1][0] + 50 * MS, 50 * MS)
    there = asked + chance.integers(MS // 2, 4 * MS, len(asked))
    answered = there + chance.integers(MS // 2, 4 * MS, len(asked))
    found = np.zeros(len(asked), [("req_ts", "i8"), ("exch_ts", "i8"), ("resp_ts", "i8"), ("_padding", "i8")])
    found["req_ts"], found["exch_ts"], found["resp_ts"] = asked, there, answered
    return found


# -- models

QUEUES = {
    "risk-averse": (Queue(), "risk_adverse_queue_model"),
    "power": (Queue(QueueKind.POWER, exponent=2.0), "power_prob_queue_model"),
    "power of total": (Queue(QueueKind.POWER_OF_TOTAL, exponent=2.0), "power_prob_queue_model2"),
    "power of share": (Queue(QueueKind.POWER_OF_SHARE, exponent=3.0), "power_prob_queue_model3"),
    "log": (Queue(QueueKind.LOG), "log_prob_queue_model"),
    "log of total": (Queue(QueueKind.LOG_OF_TOTAL), "log_prob_queue_model2"),
}


def assumed(model: Model, data: Data, measured: np.ndarray) -> Assumptions:
    queue = QUEUES[model.queue][0]
    if model.queue.startswith("log"):
        queue = Queue(queue.kind, unit=round(1 / data.lot))
    entry = response = Latency.constant(MS if model.latency == "constant" else 0)
    if model.latency == "recorded":
        asked, there, answered = (measured[name] for name in ("req_ts", "exch_ts", "resp_ts"))
        entry = Latency.recorded(asked.tolist(), (there - asked).tolist())
        response = Latency.recorded(there.tolist(), (answered - there).tolist())
    rule = FillRule.THROUGH if model.partial else FillRule.COMPLETE
    return Assumptions(queue=queue, entry=entry, response=response, fills=rule, impact=False)


def reported(parts: list[Fill]) -> list[Fill]:
    """Join what one order got in one instant: they report it once, with the price of the last part."""
    joined: dict[tuple[int, int], Fill] = {}
    for part in parts:
        before = joined.get((part.name, part.heard_ns))
        joined[part.name, part.heard_ns] = (
            part if before is None else part._replace(lots=before.lots + part.lots)
        )
    return sorted(joined.values())


# -- a maker

WIDTH = 3
STEP_NS = 25 * MS


@njit
def quote(place, held, bid, ask):
    """Return side, ticks, lots and whether it takes, of each order of a maker that leans against what it holds."""
    side = place % 2
    if place == 2 * WIDTH:
        side = 1 if held > 0 else 0
        return side, (bid if side == 1 else ask), (10 if abs(held) > 40 else 0), True
    lean = held // 20
    ticks = bid - place // 2 - lean if side == 0 else ask + place // 2 - lean
    return side, ticks, 3 + place, False
