"""Who listens to funding hears each rate when it is settled, on tapes and on bars."""

from decimal import Decimal

from kit.bars import Row, bars
from kit.desks import Scripted
from kit.markets import instrument
from kit.replays import BUY, level, mark, tape, trade
from xtrade.research.backtest import backtest
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.replay.tape import Happening
from xtrade.trading.subscriptions import BarFeed, FundingFeed

KEY = instrument().key
MINUTE = 60_000_000_000
RATE = 125_000_000  # 0.000125, in units of 10^-12


def listener(*feeds):
    heard = []
    strategy = Scripted(feeds=[FundingFeed(KEY), *feeds])
    strategy.callbacks["funding"] = lambda ctx, event: heard.append((ctx.now_ns, event.rate, event.next_ns))
    return strategy, heard


def test_a_tape_tells_a_rate_when_it_is_settled():
    strategy, heard = listener()
    rows = [
        level(1, BUY, 100, 5),
        mark(10, Happening.FUNDING, ticks=100, lots=RATE),
        trade(20, BUY, 100, 1),
        mark(30, Happening.FUNDING, ticks=100, lots=-RATE),
        trade(40, BUY, 100, 1),
    ]
    backtest(strategy, tape(rows))

    assert heard == [(10, Decimal("0.000125"), 10), (30, Decimal("-0.000125"), 30)]


def test_bars_tell_a_rate_at_the_first_close_after_it_was_settled():
    strategy, heard = listener(BarFeed(KEY, "1m"))
    rows = bars([Row(n * MINUTE, 100, 110, 90, 100) for n in range(4)], interval=MINUTE)
    paid = Settlements.from_columns(
        time_ns=[MINUTE, 2 * MINUTE + 5], rates=[RATE, -RATE], mark_ticks=[100, 100]
    )
    backtest(strategy, BarTape.of(rows, funding={KEY: paid}))

    assert heard == [
        (MINUTE, Decimal("0.000125"), MINUTE),
        (3 * MINUTE, Decimal("-0.000125"), 2 * MINUTE + 5),
    ]
