"""Print every order of two short compiled runs, one on books and one on bars."""

# ruff: noqa: T201  (its output is what is compared)

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.careless import Careless, CarelessParams
from kit.synthetics import MINUTE_NS, START_NS, tape_of
from xtrade.research.backtest import backtest
from xtrade.sim.synthetic.bars import synthetic_bars
from xtrade.sim.synthetic.presets import preset


def main():
    tape = tape_of("calm", minutes=1)
    (bars,) = synthetic_bars(
        preset("calm"), seed=1, start_ns=START_NS, interval_ns=MINUTE_NS, count=200
    ).values()
    for data, key, length in ((tape, tape.keys[0], ""), (bars, bars.instrument.key, "1m")):
        strategy = Careless(CarelessParams(instrument=key, bars=length))
        print(backtest(strategy, data, compiled=True).orders.rows())


if __name__ == "__main__":
    main()
