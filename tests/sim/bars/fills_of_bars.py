"""Print every word of what a few seeded runs did: compiled decisions, and orders of every style from Python."""

# ruff: noqa: T201  (its output is what is compared)

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from kit.bar_strategies import quotes, sma
from kit.bars import FOREVER, MARKET, Side, intent_of, walk
from kit.markets import instrument
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.bars.runs import run_compiled
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.replay.layout import Reason


def main():
    other = instrument(symbol="ETH/USDT:USDT")
    several = BarTape.of(
        [walk(400), walk(150, 2, other, 150, start=30)],
        funding={other.key: Settlements.from_columns(time_ns=[90, 900], rates=[7, -7], mark_ticks=[5, 6])},
    )
    print(run_compiled(walk(2000), sma, [3, 11, 50]).log.tolist())
    print(run_compiled(several, quotes, [15, 60, 2]).log.tolist())
    chance = random.Random(3)
    replay = BarReplay(walk(800), BarAssumptions(volume_share=0.03))
    name = 0
    while not replay.advance(FOREVER) & Reason.END:
        for event in replay.reports():
            print(event)
        name += 1
        style = chance.choice(["gtc", "gtc", "post_only", "ioc", "fok", "market"])
        top = replay.book(MARKET.key).top
        ticks = None if style == "market" else (top.bid_ticks or 100_000) + chance.randrange(-25, 26)
        order = intent_of(MARKET, name, chance.choice(list(Side)), chance.randrange(1, 40), ticks, style)
        replay.place(order)
        if chance.random() < 0.5 and name > 5:
            replay.cancel(name - 5)
        if chance.random() < 0.3 and name > 3:
            replay.amend(name - 3, lots=chance.randrange(1, 40), ticks=100_000 + chance.randrange(-99, 99))


main()
