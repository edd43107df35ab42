"""Print every word of every fill of a few seeded scenarios, one for each queue model, fill rule and kind of latency."""

import math
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from kit.replays import BUY, MARKET, SELL, Do, intent, level, tape, trade
from xtrade.model.sides import Side
from xtrade.sim.replay.models import Assumptions, FillRule, Latency, Queue, QueueKind
from xtrade.sim.replay.replay import Reason, Replay


def own(ahead, behind):
    return math.sqrt(behind) / (math.sqrt(ahead) + math.sqrt(behind))


def rows(chance):
    ns, middle, made = 1000, 10_000, []
    for _ in range(1500):
        ns += chance.randrange(40)
        middle += chance.choice([-1, 0, 0, 0, 1])
        side = chance.randrange(2)
        away = chance.randrange(1, 12) * (-1 if side == BUY else 1)
        if chance.random() < 0.25:
            made.append(trade(ns, side, middle - away // 6, chance.randrange(1, 60), heard=ns + 25))
        else:
            made.append(level(ns, side, middle + away, chance.randrange(40), heard=ns + 25))
            made.append(level(ns, 1 - side, middle, 0, heard=ns + 25))
    return made


def main():
    queues = [Queue(kind, exponent=2.0) for kind in QueueKind if kind is not QueueKind.OWN] + [Queue.own(own)]
    entries = [
        Latency.constant(50),
        Latency.lognormal(60, 0.4, seed=5),
        Latency.recorded([0, 40_000], [20, 90]),
    ]
    for number, queue in enumerate(queues):
        chance = random.Random(number)
        assumed = Assumptions(
            queue=queue,
            entry=entries[number % 3],
            response=entries[(number + 1) % 3],
            fills=list(FillRule)[number % 3],
        )
        replay = Replay(tape(rows(chance)), assumed, window=16)
        replay.watch(MARKET.key, book=True, book_every_ns=150)
        name = 0
        while not (reasons := replay.advance(2**62)) & Reason.END:
            top = replay.book(MARKET.key).top
            if reasons & Reason.BOOK and top.bid_ticks and top.ask_ticks:
                name += 1
                side = chance.choice(list(Side))
                ticks = (top.bid_ticks if side is Side.BUY else top.ask_ticks) + chance.randrange(-2, 3)
                replay.place(intent(Do(0, "place", name, side, ticks, chance.randrange(1, 9))))
                if name > 20:
                    replay.cancel(name - 20)
        for fill in replay.fills():
            sys.stdout.write(f"{number} {fill.tolist()}\n")


assert SELL == 1
main()
