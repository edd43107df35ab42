"""A strategy's compiled form leaves behind what its Python form does: orders, fills, equity, metrics, remarks."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from kit.careless import Careless, CarelessParams
from kit.desks import KEY, MARKET, OPENING, S, Scripted, level, ticking
from kit.replays import mark, tape as tape_by_hand
from kit.synthetics import MINUTE_NS, START_NS, tape_of
from xtrade.model.errors import UsageError
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.research.backtest import backtest
from xtrade.research.recording import TABLES
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.desks import tapes
from xtrade.sim.replay.models import Assumptions, FillRule, Latency, Queue, QueueKind
from xtrade.sim.replay.tape import Happening, Tape
from xtrade.sim.synthetic.bars import synthetic_bars
from xtrade.sim.synthetic.presets import preset
from xtrade.strategies.quoter import Quoter, QuoterParams
from xtrade.strategies.sma import Sma, SmaParams
from xtrade.trading.compiled import Compiled
from xtrade.trading.risk import Limits
from xtrade.trading.subscriptions import BookFeed, Market, TradeFeed

UNCOMPILED = Path(__file__).with_name("compiled_runs.py")
LATENCY = Assumptions(
    entry=Latency.lognormal(20_000_000, 0.8, seed=3),
    response=Latency.drawn([1_000_000, 250_000_000], seed=4),
    queue=Queue(QueueKind.LOG),
)


def both(make, data, **given):
    """Play both forms, compare all that they leave behind, and return one."""
    python, compiled = backtest(make(), data, **given), backtest(make(), data, compiled=True, **given)
    assert not python.run.failures
    assert compiled.run == python.run
    assert compiled.metrics == python.metrics
    for name in TABLES:
        assert compiled.table(name).equals(python.table(name)), name
    return compiled


def bars_of(seed, count=3000, **changed):
    made = synthetic_bars(
        preset("trending"), seed=seed, start_ns=START_NS, interval_ns=MINUTE_NS, count=count
    )
    (found,) = made.values()
    columns = {
        name: getattr(found, name) for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks")
    }
    return Bars(
        replace(found.instrument, **changed),
        MINUTE_NS,
        found.start_ns,
        **columns,
        volume_lots=found.volume_lots,
    )


def perpetual(bars):
    """The same bars as those of a perpetual that pays funding every eight hours."""
    market = replace(bars.instrument, kind=Kind.LINEAR, symbol="BTC/USDT:USDT", taker_fee=Decimal("0.0005"))
    bars = replace_market(bars, market)
    times = np.arange(bars.start_ns[0] + 8 * 60 * MINUTE_NS, bars.start_ns[-1], 8 * 60 * MINUTE_NS)
    marks = bars.close_ticks[np.searchsorted(bars.start_ns, times)]
    paid = Settlements.from_columns(
        time_ns=times, rates=np.arange(len(times)) * 10**7 - 10**8, mark_ticks=marks
    )
    return BarTape.of(bars, funding={market.key: paid})


def replace_market(bars, market):
    return Bars(
        market, bars.interval_ns, bars.start_ns, bars.open_ticks, bars.high_ticks, bars.low_ticks, bars.close_ticks,
        bars.volume_lots,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"half_spread": 0.5, "skew": 3.0, "lots": 7, "max_lots": 20},
        {"half_spread": 6, "skew": 0, "every": "1s"},
    ],
)
@pytest.mark.parametrize("world", ["calm", "busy"])
def test_a_compiled_quoter_leaves_what_the_quoter_leaves(world, params, seed):
    tape = tape_of(world, seed=seed, minutes=3)

    result = both(lambda: Quoter(QuoterParams(instrument=tape.keys[0], **params)), tape, assumptions=LATENCY)

    assert len(result.orders) > 20


@pytest.mark.parametrize("place", [0, 1])
def test_a_compiled_quoter_trades_one_of_several_markets(place):
    tape = tape_of("spot-and-perpetual", minutes=4)
    params = QuoterParams(instrument=tape.keys[place], half_spread=0.5, lots=5, max_lots=50)

    result = both(lambda: Quoter(params), tape)

    assert set(result.fills["instrument"]) == {tape.keys[place]}


def test_a_compiled_quoter_takes_its_quotes_back_at_a_gap():
    rows = [
        *OPENING,
        mark(2, Happening.READY),
        *ticking(2),
        mark(2 * S, Happening.GAP),
        level(2 * S + 1, 0, 1000, 5),
        level(2 * S + 2, 1, 1001, 5),
        mark(3 * S, Happening.READY),
        level(3 * S + 1, 0, 1000, 9),
    ]

    result = both(lambda: Quoter(QuoterParams(instrument=KEY, every="0ms")), tape_by_hand(rows, MARKET))

    assert "canceled" in set(result.orders["status"])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("params", [{"fast": 3, "slow": 17}, {"fast": 20, "slow": 100, "short": False}])
def test_a_compiled_sma_leaves_what_the_sma_leaves(params, seed):
    tape = perpetual(bars_of(seed))
    key = tape.keys[0]

    result = both(lambda: Sma(SmaParams(instrument=key, base=0.3, **params)), tape)

    assert len(result.fills) > 10
    assert len(result.funding) > 1


def test_a_compiled_sma_is_out_on_spot_where_it_would_be_short():
    bars = bars_of(4, count=800)

    result = both(lambda: Sma(SmaParams(instrument=bars.instrument.key, base=0.1, fast=3, slow=17)), bars)

    assert len(result.fills) > 10
    assert "orders refused by the rule spot_holdings" not in result.run.unusual


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize(
    "limits",
    [
        Limits(),
        Limits(price_band=Decimal("0.00003"), orders_per_second_max=3, open_orders_max=5),
        Limits(order_value_max=Decimal("1300.05"), position_value_max=Decimal("2500.01"), price_band=None),
    ],
    ids=["default", "counts", "values"],
)
def test_whatever_is_done_on_books_both_forms_do_it(seed, limits):
    tape = tape_of("busy", seed=seed, minutes=1)
    key = tape.keys[0]
    assumptions = [Assumptions(), LATENCY, Assumptions(fills=FillRule.THROUGH, impact=False)][seed % 3]

    result = both(
        lambda: Careless(CarelessParams(instrument=key, seed=seed, every=["0ms", "150ms"][seed % 2])),
        tape,
        assumptions=assumptions,
        limits={"careless": limits},
    )

    assert {"refused", "filled", "expired"} <= set(result.orders["status"])


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("is_spot", [True, False])
def test_whatever_is_done_on_bars_both_forms_do_it(seed, is_spot):
    bars = bars_of(seed, count=1500, min_lots=3, max_lots=18, max_market_lots=15, min_notional=Decimal(40))
    data = BarTape.of(bars) if is_spot else perpetual(bars)
    limits = Limits(open_orders_max=4 + seed, position_value_max=Decimal(240))

    result = both(
        lambda: Careless(CarelessParams(instrument=data.keys[0], seed=seed, bars="1m", away=120)),
        data,
        assumptions=BarAssumptions(volume_share=0.0004),
        limits={"careless": limits},
    )

    assert {"refused", "filled", "canceled", "expired"} <= set(result.orders["status"])
    assert {"orders refused by the rule form", "orders refused by the rule self_trade"} <= set(
        result.run.unusual
    )


def test_inverse_contracts_are_counted_in_lots_by_both_forms():
    inverse = {"kind": Kind.INVERSE, "symbol": "BTC/USD:BTC", "quote": "USD", "settle": "BTC"}
    bars = bars_of(
        2, count=900, lot=Decimal(1), multiplier=Decimal(100), min_notional=Decimal(250), **inverse
    )
    limits = Limits(order_value_max=Decimal(1500), position_value_max=Decimal(2000))

    result = both(
        lambda: Careless(CarelessParams(instrument=bars.instrument.key, bars="1m", away=120)),
        bars,
        limits={"careless": limits},
        capital=Money.of(1, "BTC"),
    )

    assert "orders refused by the rule order_value" in result.run.unusual


def test_a_journal_that_is_full_is_taken_out_and_goes_on():
    bars = bars_of(5, count=25_000)

    result = both(lambda: Careless(CarelessParams(instrument=bars.instrument.key, bars="1m", away=120)), bars)

    assert len(result.orders) > 16_384


def buys_too_often(world, params, state):
    from_ = tapes.bid_ticks(world)
    for _ in range(40_000):
        tapes.buy(world, 1, from_, 0)


class TooOften(Scripted):
    def compiled(self, instrument):
        return Compiled(buys_too_often)


class Feeds(Scripted):
    def compiled(self, instrument):
        return None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: {"a": Feeds(), "b": Feeds()}, "plays one strategy, and there are 2"),
        (
            lambda: {"a": Feeds(feeds=[TradeFeed(KEY)])},
            "a subscribes to TradeFeed, and a compiled decision on",
        ),
        (
            lambda: {"a": Feeds(feeds=[BookFeed(KEY), Market(KEY)])},
            "subscribes to BookFeed, Market, and a compiled",
        ),
        (lambda: {"a": Feeds(feeds=[BookFeed("okx:X/Y")])}, "a trades okx:X/Y, and the data are of " + KEY),
        (lambda: {"a": Feeds()}, f"a has no compiled form for {KEY}: play it without compiled=True"),
    ],
)
def test_what_cannot_be_compiled_says_why(make, says):
    with pytest.raises(UsageError, match=says):
        backtest(make(), tape_by_hand([*OPENING], MARKET), compiled=True)


@pytest.mark.parametrize("interval", ["90s", "3s"])
def test_bars_that_cannot_be_made_of_the_data_say_so(interval):
    bars = bars_of(1, count=50)

    with pytest.raises(UsageError, match=f"sma wants bars of {interval}, and the data are bars of 1m"):
        backtest(Sma(SmaParams(instrument=bars.instrument.key, interval=interval)), bars, compiled=True)


def with_gaps(bars, seed, share=0.4):
    """The same bars, begun at whole minutes, many of them missing."""
    kept = np.random.default_rng(seed).random(len(bars)) > share
    columns = (
        bars.start_ns - START_NS % MINUTE_NS,
        bars.open_ticks,
        bars.high_ticks,
        bars.low_ticks,
        bars.close_ticks,
        bars.volume_lots,
    )
    return Bars(bars.instrument, bars.interval_ns, *(column[kept] for column in columns))


@pytest.mark.parametrize("seed", range(1, 9))
@pytest.mark.parametrize("interval", ["3m", "15m"])
def test_longer_bars_are_made_of_the_data_by_both_forms(interval, seed):
    data = perpetual(with_gaps(bars_of(seed, count=1200 + seed), seed, 0.7 if seed % 2 else 0.1))

    careless = CarelessParams(instrument=data.keys[0], seed=seed, bars=interval, away=120)
    both(lambda: Careless(careless), data)
    both(lambda: Sma(SmaParams(instrument=data.keys[0], interval=interval, fast=2, slow=5, base=0.01)), data)


def test_a_market_with_two_grids_is_played_in_python():
    finer = replace(MARKET, tick=MARKET.tick / 2, version=2)
    rows = tape_by_hand([*OPENING], MARKET)
    tape = Tape(rows.rows, ((MARKET, finer),), rows.joined)

    with pytest.raises(UsageError, match="has 2 grids in these data"):
        backtest(Quoter(QuoterParams(instrument=KEY)), tape, compiled=True)


def test_one_decision_that_asks_for_too_much_is_an_error():
    with pytest.raises(
        UsageError, match="buys_too_often cannot go on: one decision asked for more than 16,384 orders"
    ):
        backtest(TooOften(), tape_by_hand([*OPENING], MARKET), compiled=True)


def test_more_open_orders_than_there_is_room_for_is_an_error():
    limits = {"quoter": Limits(open_orders_max=2000)}

    with pytest.raises(UsageError, match="open_orders_max = 2000: a compiled decision has room for 1024"):
        backtest(
            Quoter(QuoterParams(instrument=KEY)),
            tape_by_hand([*OPENING], MARKET),
            limits=limits,
            compiled=True,
        )


def test_without_a_compiler_the_same_functions_do_the_same():
    """
    NUMBA_DISABLE_JIT=1 runs the kernels as plain Python, for debuggers.
    """
    printed = [
        subprocess.run(
            [sys.executable, UNCOMPILED],
            env={**os.environ, "NUMBA_DISABLE_JIT": without},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for without in ("0", "1")
    ]

    assert printed[0] == printed[1]
    assert printed[0].count("filled") > 3
