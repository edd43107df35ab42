"""On the replay of generated markets, with the latency of a distant venue: what is asked for is what is traded."""

from __future__ import annotations

from decimal import Decimal

import pytest

from xtrade.model.sides import Side
from xtrade.research.backtest import backtest
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.sim.synthetic.presets import preset
from xtrade.sim.synthetic.tapes import synthetic_tape
from xtrade.trading.execution.bracket import Bracket, bracket
from xtrade.trading.execution.iceberg import Iceberg, iceberg
from xtrade.trading.execution.outcome import Ended
from xtrade.trading.execution.paired import Leg, Paired, trade_paired
from xtrade.trading.execution.protected import ProtectedMarket, market_protected
from xtrade.trading.execution.round_trip import RoundTrip, open_then_close
from xtrade.trading.execution.tracking import TrackingLimit, track_limit
from xtrade.trading.execution.twap import Twap, twap
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed

HERE, THERE = "sim:BTC/USDT", "sim2:BTC/USDT"
S = 1_000_000_000
SLOW = Assumptions(entry=Latency.constant(40_000_000), response=Latency.constant(60_000_000))


@pytest.fixture(scope="module", params=[1, 2, 3])
def tape(request):
    return synthetic_tape(preset("two-venues"), seed=request.param, start_ns=0, duration_ns=90 * S)


class Runs(Strategy[Params]):
    """Runs one execution once both books are there."""

    def __init__(self, flow):
        super().__init__(Params())
        self.flow = flow
        self.outcome = None

    def subscriptions(self):
        yield BookFeed(HERE, every="500ms")
        yield BookFeed(THERE, every="500ms")

    def on_start(self, ctx):
        ctx.run(self.whole(ctx))

    async def whole(self, ctx):
        await ctx.next_book(HERE)
        await ctx.next_book(THERE)
        self.outcome = await self.flow(ctx)


def run(flow, tape):
    runs = Runs(flow)
    result = backtest(runs, tape, assumptions=dict.fromkeys(tape.keys, SLOW), seed=4)
    assert not result.run.failures
    assert runs.outcome is not None, "it did not end within the data"
    return runs.outcome, result


def net(result, key, side=None):
    """What was traded of an instrument: signed, or on one side."""
    rows = [row for row in result.fills.iter_rows(named=True) if row["instrument"] == key]
    if side is not None:
        return sum(row["lots"] for row in rows if row["side"] == side)
    return sum(row["lots"] if row["side"] == "buy" else -row["lots"] for row in rows)


def limit(lots, **more):
    return TrackingLimit(instrument=HERE, side=Side.BUY, lots=lots, **more)


SINGLE = {
    "tracking": lambda ctx: track_limit(
        ctx, limit(3_000, timeout_s=60, look_every_s=0.1, fallback_through_ticks=100)
    ),
    "tracking without fallback": lambda ctx: track_limit(
        ctx, limit(60_000, timeout_s=40, look_every_s=0.05, offset_ticks=1)
    ),
    "protected": lambda ctx: market_protected(
        ctx,
        ProtectedMarket(instrument=HERE, side=Side.BUY, lots=20_000, through_ticks=20, attempts_max=20),
    ),
    "TWAP": lambda ctx: twap(
        ctx,
        Twap(
            instrument=HERE, side=Side.BUY, lots=5_003, duration_s=50, slices=7, through_ticks=100, vary=0.5
        ),
    ),
    "iceberg": lambda ctx: iceberg(
        ctx,
        Iceberg(
            instrument=HERE,
            side=Side.BUY,
            lots=5_000,
            show_lots=400,
            vary=0.3,
            ticks=ctx.book(HERE).bid_ticks,
            timeout_s=50,
        ),
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_what_traded_is_what_is_told_and_never_more_than_was_wanted(name, tape):
    outcome, result = run(SINGLE[name], tape)

    assert net(result, HERE) == outcome.filled_lots <= outcome.lots
    assert outcome.open_lots == 0
    assert outcome.filled_lots > 0
    assert outcome.is_done == (outcome.filled_lots == outcome.lots)


def test_a_round_trip_and_a_bracket_end_flat(tape):
    trip, result = run(
        lambda ctx: open_then_close(
            ctx, RoundTrip(open=limit(2_000, timeout_s=30), hold_s=5, close_through_ticks=100)
        ),
        tape,
    )
    assert trip.is_flat
    assert net(result, HERE) == 0
    assert net(result, HERE, "sell") == trip.opened.filled_lots > 0

    entry = limit(1_000, timeout_s=20, fallback_through_ticks=50)
    outcome, result = run(
        lambda ctx: bracket(
            ctx,
            Bracket(entry=entry, take_profit_ticks=15, stop_ticks=15, through_ticks=100, timeout_s=60),
        ),
        tape,
    )
    assert outcome.exit.is_done
    assert net(result, HERE) == 0


@pytest.mark.parametrize("style", ["maker-taker", "taker-taker"])
def test_a_pair_keeps_what_it_promises(style, tape):
    async def pair(ctx):
        await ctx.buy(THERE, base="0.08").ended()
        return await trade_paired(
            ctx,
            Paired(
                first=Leg(instrument=HERE, side=Side.BUY, through_ticks=200),
                second=Leg(instrument=THERE, side=Side.SELL, through_ticks=20),
                base=Decimal("0.08"),
                naked_base_max=Decimal("0.02"),
                naked_s_max=3.0,
                style=style,
                timeout_s=70,
            ),
        )

    outcome, result = run(pair, tape)

    assert outcome.promises_kept
    assert outcome.naked_base_worst <= Decimal("0.02")
    assert outcome.naked_base == 0
    assert outcome.ended in {Ended.DONE, Ended.TIMED_OUT}
    assert outcome.paired_base > 0
    held = net(result, HERE)
    assert held == outcome.legs[0].filled_lots
    assert net(result, THERE, "sell") == outcome.legs[1].filled_lots
