"""A run that never was: what a quoter and a trend follower might leave behind after an hour on two markets."""

from decimal import Decimal

import numpy as np

from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.research.recording import (
    FillRow,
    FundingRow,
    OrderRow,
    Recording,
    Samples,
    StrategyRun,
    Unusual,
)

SECOND = 1_000_000_000
START = 1_767_571_200 * SECOND  # 2026-01-05, 00:00 UTC

PERP = Instrument(
    venue="okx",
    symbol="BTC/USDT:USDT",
    native="BTC-USDT-SWAP",
    kind=Kind.LINEAR,
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.1"),
    multiplier=Decimal("0.01"),
    maker_fee=Decimal("-0.00005"),
    taker_fee=Decimal("0.0005"),
)
SPOT = Instrument(
    venue="binance",
    symbol="ETH/USDT",
    native="ETHUSDT",
    kind=Kind.SPOT,
    base="ETH",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.0001"),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0006"),
)


def sample_recording(seed=1, *, hours=1, failing=False):
    """Some hundred orders and fills an hour with plausible figures, the same for the same seed."""
    rng = np.random.default_rng(seed)
    seconds = int(hours * 3600)
    times = START + np.arange(seconds + 1) * SECOND
    mids = {
        PERP.key: 95_000.0 * np.exp(np.cumsum(rng.standard_t(4, seconds + 1) * 4e-5)),
        SPOT.key: 3_300.0 * np.exp(np.cumsum(rng.standard_t(4, seconds + 1) * 5e-5)),
    }
    half = {PERP.key: 0.05, SPOT.key: 0.005}
    run = _Run(rng, times, mids)
    # The quoter waits 5 basis points off the mid on either side, for fifteen seconds at a time.
    for at in range(0, seconds - 20, 15):
        for side in Side:
            run.quote("quoter", PERP, at, side, offset=2e-4, lots=int(rng.integers(1, 20)), stays=15)
    for at in range(60, seconds - 60, 300):
        run.take("trend", SPOT, at, Side.BUY if rng.random() < 0.5 else Side.SELL, lots=5_000)
    run.refuse(
        "quoter", PERP, seconds // 2, "max_position: 25.1 contracts would be above the limit of 25 contracts"
    )
    run.refuse(
        "trend", SPOT, seconds * 2 // 3, "min_notional: 0.33 USDT is below the minimum of 5 USDT", lots=1
    )
    run.funding("quoter", PERP, seconds // 2, Decimal("0.0001"))
    unusual = {
        "feed gap": Unusual(2, "okx:BTC/USDT:USDT at 2026-01-05T00:12:04Z: sequence 118 after 115"),
        "crossed book": Unusual(
            1, "binance:ETH/USDT at 2026-01-05T00:31:10Z: bid 3301.02 at or above ask 3301.01"
        ),
    }
    if failing:
        unusual["strategy failed"] = Unusual(1, "trend in on_bar: ZeroDivisionError: division by zero")
    return Recording(
        instruments={PERP.key: (PERP,), SPOT.key: (SPOT,)},
        strategies={
            "quoter": StrategyRun(params={"half_spread_bps": 2, "size": Decimal("0.5"), "skew": 0.1}),
            "trend": StrategyRun(
                params={"fast": 12, "slow": 48},
                failure="ZeroDivisionError: division by zero (trend.py, line 41, in on_bar)"
                if failing
                else None,
            ),
        },
        capital=Money.of(10_000, "USDT"),
        samples=Samples(
            times,
            {key: mid - half[key] for key, mid in mids.items()},
            {key: mid + half[key] for key, mid in mids.items()},
        ),
        start_ns=START,
        end_ns=int(times[-1]),
        orders=sorted(run.orders, key=lambda row: row.decided_ns),
        fills=sorted(run.fills, key=lambda row: row.received_ns),
        funding=run.payments,
        unusual=unusual,
        seed=seed,
        assumptions=(
            "fills: at most the volume that traded; our orders wait behind the queue (power 2)",
            "latency: 10 ms for orders, 10 ms for reports, none added to the feed",
            "our own trades do not move the market",
        ),
        data=(f"a market made up for tests: seed {seed}, {hours} h from 2026-01-05T00:00Z",),
        config={"latency_ms": 10, "fill_rule": "volume"},
    )


def empty_recording(*, capital="10000"):
    """A run in which nothing was traded, for ten minutes."""
    times = START + np.arange(601) * SECOND
    price = np.full(601, 95_000.0)
    return Recording(
        instruments={PERP.key: (PERP,)},
        strategies={"idle": StrategyRun()},
        capital=Money.of(capital, "USDT"),
        samples=Samples(times, {PERP.key: price - 0.05}, {PERP.key: price + 0.05}),
        start_ns=START,
        end_ns=int(times[-1]),
    )


def worked_recording():
    """The run of docs/metrics.md: two round trips in two minutes, each figure of which can be had by hand.

    The mid is 100, from 20 s on 101, from 40 s on 102, from 60 s on 101, from 80 s on 100.
    """
    market = PERP_BY_HAND
    times = np.arange(121) * SECOND
    mid = np.repeat([100.0, 101.0, 102.0, 101.0, 100.0, 100.0], [20, 20, 20, 20, 20, 21])
    orders, fills = [], []
    for at, side, ticks, lots, met, maker, fee in (
        (10, Side.BUY, 998, 2000, 100.0, True, "-0.02"),
        (30, Side.SELL, 1009, 1000, 101.0, False, "0.1"),
        (50, Side.SELL, 1021, 1000, 102.0, True, "-0.01"),
        (70, Side.BUY, 1011, 1000, 101.0, False, "0.1"),
        (100, Side.SELL, 999, 1000, 100.0, False, "0.1"),
    ):
        orders.append(
            _order_by_hand(len(orders) + 1, at - 5, side, ticks, lots, status="filled", executed_lots=lots)
        )
        fills.append(
            FillRow(
                client_order_id=ClientOrderId(len(orders)),
                strategy="hand",
                instrument=market.key,
                fill=Fill(
                    trade_id=str(len(fills) + 1),
                    side=side,
                    ticks=ticks,
                    lots=lots,
                    fee=Money.of(fee, "USDT"),
                    maker=maker,
                    venue_ns=at * SECOND,
                ),
                received_ns=at * SECOND,
                mid_at_fill=met,
            )
        )
    orders.append(_order_by_hand(6, 101, Side.BUY, 950, 1000, status="canceled"))
    orders.append(
        _order_by_hand(7, 102, Side.BUY, 1100, 1000, status="rejected", reason="post-only would take")
    )
    orders.append(
        _order_by_hand(8, 103, Side.BUY, 990, 10**6, status="refused", reason="order_value: too large")
    )
    return Recording(
        instruments={market.key: (market,)},
        strategies={"hand": StrategyRun(params={"size": 1})},
        capital=Money.of(1000, "USDT"),
        samples=Samples(times, {market.key: mid - 0.1}, {market.key: mid + 0.1}),
        start_ns=0,
        end_ns=int(times[-1]),
        orders=orders,
        fills=fills,
        funding=[
            FundingRow(
                time_ns=45 * SECOND,
                strategy="hand",
                instrument=market.key,
                amount=Money.of("-0.03", "USDT"),
                lots=1000,
                rate=Decimal("0.0003"),
            )
        ],
    )


PERP_BY_HAND = Instrument(
    venue="okx",
    symbol="ABC/USDT:USDT",
    native="ABC-USDT-SWAP",
    kind=Kind.LINEAR,
    base="ABC",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
)


def _order_by_hand(name, at, side, ticks, lots, *, status, **more):
    asked = status not in {"rejected", "refused"}
    return OrderRow(
        client_order_id=ClientOrderId(name),
        strategy="hand",
        instrument=PERP_BY_HAND.key,
        side=side,
        type=OrderType.LIMIT,
        ticks=ticks,
        lots=lots,
        decided_ns=at * SECOND,
        accepted_ns=at * SECOND + 20_000_000 if asked else None,
        ended_ns=(at + 5) * SECOND,
        status=status,
        **more,
    )


class _Run:
    """What is known while the rows are made up."""

    def __init__(self, rng, times, mids):
        self.rng, self.times, self.mids = rng, times, mids
        self.orders, self.fills, self.payments = [], [], []
        self.held = {}

    def quote(self, strategy, market, at, side, *, offset, lots, stays):
        mid = self.mids[market.key]
        ticks = market.ticks(float(mid[at] * (1 - side.sign * offset)), toward="passive", side=side)
        price = float(market.price(ticks))
        path = mid[at + 1 : at + stays]
        met = np.nonzero(path <= price if side is Side.BUY else path >= price)[0]
        decided = int(self.times[at]) + int(self.rng.integers(1, 4)) * 1_000_000
        terms = {"type": OrderType.LIMIT, "post_only": True, "ticks": ticks}
        if self.rng.random() < 0.02:
            terms["reason"] = "post-only would take"
            self._order(strategy, market, side, lots, decided, status="rejected", **terms)
            return
        if not len(met):
            ended = decided + stays * SECOND
            self._order(
                strategy, market, side, lots, decided, accepted=True, ended=ended, status="canceled", **terms
            )
            return
        done = lots if self.rng.random() < 0.8 or lots == 1 else int(self.rng.integers(1, lots))
        ended = int(self.times[at + 1 + met[0]]) + 10_000_000
        status = "filled" if done == lots else "canceled"
        name = self._order(
            strategy,
            market,
            side,
            lots,
            decided,
            accepted=True,
            ended=ended,
            status=status,
            done=done,
            **terms,
        )
        self._fill(strategy, market, side, name, ticks, done, at + 1 + int(met[0]), maker=True)

    def take(self, strategy, market, at, side, *, lots):
        price = self.mids[market.key][at] + side.sign * float(market.tick)
        ticks = market.ticks(float(price), toward="aggressive", side=side)
        decided = int(self.times[at])
        name = self._order(
            strategy,
            market,
            side,
            lots,
            decided,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            accepted=True,
            ended=decided + 20_000_000,
            status="filled",
            done=lots,
        )
        first = lots // 3
        self._fill(strategy, market, side, name, ticks, first, at, maker=False)
        self._fill(strategy, market, side, name, ticks + side.sign, lots - first, at, maker=False)

    def refuse(self, strategy, market, at, reason, *, lots=10):
        ticks = market.ticks(float(self.mids[market.key][at]), toward="down")
        self._order(
            strategy,
            market,
            Side.BUY,
            lots,
            int(self.times[at]),
            status="refused",
            type=OrderType.LIMIT,
            reason=reason,
            ticks=ticks,
        )

    def funding(self, strategy, market, at, rate):
        lots = sum(
            row.fill.signed_lots
            for row in self.fills
            if (row.strategy, row.instrument) == (strategy, market.key) and row.received_ns <= self.times[at]
        )
        mark = market.ticks(float(self.mids[market.key][at]), toward="nearest")
        paid = market.notional(ticks=mark, lots=lots).amount * rate * (1 if lots > 0 else -1)
        self.payments.append(
            FundingRow(
                time_ns=int(self.times[at]),
                strategy=strategy,
                instrument=market.key,
                amount=Money.of(-paid, market.settle),
                lots=lots,
                rate=rate,
            )
        )

    def _order(
        self,
        strategy,
        market,
        side,
        lots,
        decided,
        *,
        status,
        accepted=False,
        ended=None,
        done=0,
        **terms,
    ):
        name = ClientOrderId(len(self.orders) + 1)
        heard = decided + 20_000_000 + int(self.rng.integers(0, 5_000_000))
        self.orders.append(
            OrderRow(
                client_order_id=name,
                strategy=strategy,
                instrument=market.key,
                side=side,
                lots=lots,
                decided_ns=decided,
                accepted_ns=heard if accepted else None,
                ended_ns=(decided if status == "refused" else heard) if ended is None else max(ended, heard),
                status=status,
                executed_lots=done,
                **terms,
            )
        )
        return name

    def _fill(self, strategy, market, side, name, ticks, lots, at, *, maker):
        happened = int(self.times[at]) + 10_000_000 * (not maker)
        self.fills.append(
            FillRow(
                client_order_id=name,
                strategy=strategy,
                instrument=market.key,
                fill=Fill(
                    trade_id=f"t{len(self.fills) + 1}",
                    side=side,
                    ticks=ticks,
                    lots=lots,
                    fee=market.expected_fee(ticks=ticks, lots=lots, maker=maker),
                    maker=maker,
                    venue_ns=happened,
                ),
                received_ns=happened + 10_000_000,
                # The book that a resting order is filled from still stands on the far side of its price.
                mid_at_fill=float(self.mids[market.key][at - 1 if maker else at]),
            )
        )
