"""Back-tests on bars: a million minutes crossed by two averages, and a hundred pairs of averages, against the peers.

    benchmarks/run bars [--bars 1000000] [--pairs 100] [--rounds 3]

All sides play the same generated bars and the same decision (be long one coin while the fast average of the closes is
above the slow one, else out), filled at the next bar's open without spread, fee or limit of volume; loading and
compiling are left out; rounds alternate; medians of processor time, so that what else the machine does counts little
(and several cores do not make it less). What each side reports of its trades is compared: how many fills, and
what they earned.

xtrade, compiled   the decision inside the kernel (xtrade.sim.bars.runs), and the exact account at its end
xtrade, Python     the same, woken on each bar: on the replay alone, and as a Strategy of the engine with its risk gate,
                   its orders and the recorded result
vectorbt           Portfolio.from_signals on moving averages by vectorbt's own kernels; total profit
backtesting.py     Backtest.run of a Strategy whose averages are computed beforehand
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np

from xtrade import BarAssumptions, Sma, SmaParams, backtest, preset, synthetic_bars
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import ATOMS_PER_UNIT
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.sim.bars import desk
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.layout import SUM
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.bars.runs import BarRun, run_compiled, run_many
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.layout import Reason
from xtrade.sim.synthetic.markets import SyntheticMarkets

MINUTE_NS = 60_000_000_000
START_NS = 1_577_836_800_000_000_000  # 2020-01-01
FAST, SLOW = 20, 100
IDEAL = BarAssumptions.ideal()
FOREVER = 2**62
# As plain numbers: asking a flag costs as much as playing a bar.
END, ORDER, BAR = int(Reason.END), int(Reason.ORDER), int(Reason.BAR)


class Answer(NamedTuple):
    """What one side says of a run, for comparison."""

    fills: int
    earned: float


class Market(NamedTuple):
    """The same bars as each side reads them."""

    tape: BarTape
    frame: Any
    lots: int


class Row(NamedTuple):
    """One line of a table; the answers are one for each pair of averages."""

    name: str
    seconds: float
    answers: list[Answer]


Player: TypeAlias = Callable[[Market], list[Answer]]


# -- ours ------------------------------------------------------------------------------------------------------------


def crossing(world, columns, row, params, state):
    """Hold lots while the fast average is above the slow one."""
    fast, slow = int(params[0]), int(params[1])
    if row < slow - 1:
        return
    total = columns[SUM, row]
    fast_sum = total - columns[SUM, row - fast]
    slow_sum = total - (columns[SUM, row - slow] if row >= slow else 0)
    above = fast_sum * slow > slow_sum * fast
    if above != (state[0] > 0.0):
        state[0] = 1.0 if above else 0.0
        desk.target(world, 0, int(params[2]) if above else 0)


def answer_of(run: BarRun) -> Answer:
    (bars,) = run.tape.bars
    account = run.accounts[bars.instrument.key]
    held = bars.instrument.value(ticks=int(bars.close_ticks[-1]), lots=account.lots) / ATOMS_PER_UNIT
    return Answer(len(run.fills), float(account.cash.amount - account.fees.amount) + held)


def compiled(tape: BarTape, lots: int) -> Answer:
    return answer_of(run_compiled(tape, crossing, [FAST, SLOW, lots], assumptions=IDEAL))


def woken(tape: BarTape, lots: int) -> Answer:
    """Wake Python on each bar of the replay itself."""
    replay = BarReplay(tape, IDEAL)
    (key,) = tape.keys
    closes = tape.bars[0].close_ticks.tolist()
    fast_sum = slow_sum = row = name = fills = 0
    cash = 0.0
    held = False
    unit = tape.bars[0].instrument.value(ticks=1, lots=1) / ATOMS_PER_UNIT
    while not (reasons := int(replay.advance(FOREVER))) & END:
        if reasons & ORDER:
            for event in replay.reports():
                if (fill := getattr(event, "fill", None)) is not None:
                    fills += 1
                    cash -= fill.side.sign * fill.lots * fill.ticks * unit
        if not reasons & BAR:
            continue
        close = closes[row]
        fast_sum += close - (closes[row - FAST] if row >= FAST else 0)
        slow_sum += close - (closes[row - SLOW] if row >= SLOW else 0)
        row += 1
        if row < SLOW or (fast_sum * SLOW > slow_sum * FAST) == held:
            continue
        held = not held
        name += 1
        replay.place(
            OrderIntent(
                client_order_id=ClientOrderId(name),
                instrument=key,
                instrument_version=1,
                side=Side.BUY if held else Side.SELL,
                type=OrderType.MARKET,
                lots=lots,
            )
        )
    return Answer(fills, cash + replay.known_lots(key) * closes[-1] * unit)


def engine(tape: BarTape, lots: int) -> Answer:
    """Play the built-in strategy on the engine, as `xtrade backtest run sma` does, without the page."""
    instrument = tape.bars[0].instrument
    params = SmaParams(
        instrument=instrument.key, fast=FAST, slow=SLOW, short=False, base=float(lots * instrument.lot)
    )
    result = backtest(Sma(params), tape, assumptions=IDEAL)
    return Answer(len(result.fills), float(result.metrics["net_profit"].value))


def ours_of_pairs(tape: BarTape, lots: int, pairs: list[tuple[int, int]]) -> list[Answer]:
    table = [[fast, slow, lots] for fast, slow in pairs]
    return [answer_of(run) for run in run_many(tape, crossing, table, assumptions=IDEAL)]


# -- theirs ----------------------------------------------------------------------------------------------------------


def signals(vbt, close, fast: list[int], slow: list[int]):
    quick = vbt.MA.run(close, window=fast, short_name="fast")
    lazy = vbt.MA.run(close, window=slow, short_name="slow")
    above = (quick.ma.to_numpy() > lazy.ma.to_numpy()) & ~np.isnan(lazy.ma.to_numpy())
    # What a close decides is filled at the next open.
    later = np.zeros_like(above)
    later[1:] = above[:-1]
    return later


def vectorbt_run(vbt, frame, fast: list[int], slow: list[int]):
    close = frame["Close"]
    # One column for each pair, or it would make one for each bar.
    long = signals(vbt, close, fast, slow).reshape(len(close), len(fast))
    price = np.broadcast_to(frame["Open"].to_numpy()[:, None], long.shape)
    return vbt.Portfolio.from_signals(close, long, ~long, price=price, size=1.0, init_cash=1e9, freq="1min")


def vectorbt_answers(portfolio) -> list[Answer]:
    earned = np.atleast_1d(portfolio.total_profit())
    counts = np.atleast_1d(portfolio.orders.count())
    return [Answer(int(count), float(profit)) for count, profit in zip(counts, earned, strict=True)]


def backtesting_run(frame) -> Answer:
    from backtesting import Backtest, Strategy

    def average(values, length):
        sums = np.cumsum(np.insert(np.asarray(values, float), 0, 0.0))
        return np.concatenate([np.full(length - 1, np.nan), (sums[length:] - sums[:-length]) / length])

    class Crossing(Strategy):
        def init(self):
            self.fast = self.I(average, self.data.Close, FAST)
            self.slow = self.I(average, self.data.Close, SLOW)

        def next(self):
            above = self.fast[-1] > self.slow[-1]
            if above and not self.position:
                self.buy(size=1)
            elif not above and self.position:
                self.position.close()

    stats = Backtest(frame, Crossing, cash=1e9, commission=0.0, finalize_trades=True).run()
    trades = stats["_trades"]
    return Answer(2 * len(trades), float(trades["PnL"].sum()))


# -- the tables ------------------------------------------------------------------------------------------------------


def in_turn(sides: dict[str, Player], few: Market, many: Market, rounds: int) -> list[Row]:
    """Play a few bars on each side, so that all is compiled, then many in turn; medians."""
    for side in sides.values():
        side(few)
    times: dict[str, list[float]] = {name: [] for name in sides}
    answers = {}
    for _ in range(rounds):
        for name, side in sides.items():
            began = time.process_time()
            answers[name] = side(many)
            times[name].append(time.process_time() - began)
    return [Row(name, statistics.median(times[name]), answers[name]) for name in sides]


def frame_of(bars: Bars):
    import pandas as pd

    tick = float(bars.instrument.tick)
    columns = {
        "Open": bars.open_ticks * tick,
        "High": bars.high_ticks * tick,
        "Low": bars.low_ticks * tick,
        "Close": bars.close_ticks * tick,
        "Volume": bars.volume_lots * float(bars.instrument.lot),
    }
    return pd.DataFrame(columns, index=pd.to_datetime(bars.start_ns))


def market_of(world: SyntheticMarkets, count: int) -> Market:
    (bars,) = synthetic_bars(world, seed=7, start_ns=START_NS, interval_ns=MINUTE_NS, count=count).values()
    return Market(BarTape.of(bars), frame_of(bars), round(1 / float(bars.instrument.lot)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    try:
        import vectorbt as vbt
    except ModuleNotFoundError:
        sys.exit("vectorbt and backtesting.py are not installed: benchmarks/run bars")
    world = preset("calm")
    free = msgspec.structs.replace(world.venues[0].listings[0], taker_fee=Decimal(0))
    world = msgspec.structs.replace(
        world, venues=(msgspec.structs.replace(world.venues[0], listings=(free,)),)
    )
    few, many = market_of(world, 2_000), market_of(world, options.bars)
    count = options.bars

    rows = in_turn(
        {
            "xtrade, compiled": lambda on: [compiled(on.tape, on.lots)],
            "xtrade, Python on each bar (replay)": lambda on: [woken(on.tape, on.lots)],
            "xtrade, Python on each bar (engine, result)": lambda on: [engine(on.tape, on.lots)],
            "vectorbt": lambda on: vectorbt_answers(vectorbt_run(vbt, on.frame, [FAST], [SLOW])),
            "backtesting.py": lambda on: [backtesting_run(on.frame)],
        },
        few,
        many,
        options.rounds,
    )
    vectorised, plain = rows[3].seconds, rows[4].seconds
    print(
        f"\n| {count:,} bars, averages of {FAST} and {SLOW}"
        " | million bars a second of CPU | × vectorbt | × backtesting.py |"
    )
    print("|---|---:|---:|---:|")
    for row in rows:
        print(
            f"| {row.name} | {count / row.seconds / 1e6:.3g} | {vectorised / row.seconds:.3g}"
            f" | {plain / row.seconds:.3g} |"
        )
    for row in rows:
        print(f"    {row.name}: {row.answers[0].fills} fills, {row.answers[0].earned:.2f} earned", flush=True)

    sides = [round(options.pairs**0.5), options.pairs // round(options.pairs**0.5)]
    pairs = list(product(range(5, 5 + 4 * sides[0], 4), range(60, 60 + 20 * sides[1], 20)))
    fast, slow = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = in_turn(
        {
            "xtrade, compiled": lambda on: ours_of_pairs(on.tape, on.lots, pairs),
            "vectorbt": lambda on: vectorbt_answers(vectorbt_run(vbt, on.frame, fast, slow)),
        },
        few,
        many,
        1,
    )
    print(f"\n| {len(pairs)} pairs on {count:,} bars | CPU seconds | × vectorbt |")
    print("|---|---:|---:|")
    for row in rows:
        print(f"| {row.name} | {row.seconds:.3g} | {rows[1].seconds / row.seconds:.3g} |")
    same = sum(
        mine.fills == other.fills and abs(mine.earned - other.earned) < 1
        for mine, other in zip(rows[0].answers, rows[1].answers, strict=True)
    )
    print(f"    {same} of {len(pairs)} pairs have the same number of fills and the same profit on both sides")


if __name__ == "__main__":
    main()
