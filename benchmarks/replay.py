"""Replay of L2 data by a compiled grid strategy: events a second, against hftbacktest on the same rows and models.

    uv run --group peers python benchmarks/replay.py [--events 2000000] [--rounds 5]

Both sides: one instrument, generated depth and trades, a grid of quotes renewed every 100 ms, risk-averse queues,
constant latency of 1 ms each way, whole fills. Compiling, loading and building are left out; rounds alternate; medians
of processor time, and the fastest rounds, which a busy machine disturbs least. "Once" finds the public book of the tape
and plays it; "again" plays a tape that was played before, as a sweep does. Then Python, woken by both for each change
and every 100 ms, reads the best of both sides. The fills of both are compared one by one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from decimal import Decimal

import numpy as np
from numba import njit

from xtrade.model.instruments import Instrument, Kind
from xtrade.sim.replay import desk
from xtrade.sim.replay.kernel import advance
from xtrade.sim.replay.layout import (
    EMPTY,
    FILL_COUNT,
    FILLS,
    REPORT_ID,
    REPORT_TICKS,
    REPORT_VENUE_NS,
    REPORT_WORDS,
    Reason,
    Style,
)
from xtrade.sim.replay.memory import annotated, world_for
from xtrade.sim.replay.models import Assumptions, FillRule, Latency
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import Tape

STEP_NS = 100_000_000
LATENCY_NS = 1_000_000
LEVELS = 5
END = int(Reason.END)
POST_ONLY = int(Style.POST_ONLY)


def generated(count: int) -> tuple[Instrument, dict[str, np.ndarray]]:
    """Depth around a random walk, and trades at the touch; feed latency 0.2 to 0.7 ms."""
    chance = np.random.default_rng(1)
    middle = 100_000 + np.cumsum(chance.random(count) < 0.02) - np.cumsum(chance.random(count) < 0.02)
    side = chance.integers(0, 2, count)
    kind = (chance.random(count) < 0.1).astype(np.int64)
    away = 1 + np.minimum(chance.geometric(0.15, count), 60)
    ticks = np.where(side == 0, middle - away, middle + away)
    ticks = np.where(kind == 1, np.where(side == 0, middle + 2, middle - 2), ticks)
    lots = np.where(kind == 1, chance.integers(1, 30, count), chance.integers(0, 50, count))
    venue_ns = 10**18 + np.cumsum(chance.exponential(1_000_000, count).astype(np.int64) + 1)
    local_ns = np.maximum.accumulate(venue_ns + chance.integers(200_000, 700_000, count))
    columns = {
        "local_ns": local_ns,
        "venue_ns": venue_ns,
        "kind": kind,
        "side": side,
        "ticks": ticks,
        "lots": lots,
    }
    instrument = Instrument(
        venue="bench", symbol="BTC/USDT:USDT", native="BTC", kind=Kind.LINEAR, base="BTC", quote="USDT",
        settle="USDT", tick=Decimal(1), lot=Decimal(1),
    )  # fmt: skip
    return instrument, columns


@njit  # not kept: numba would not notice that a kernel inside it has changed
def grid(world, start_ns, step_ns, levels):
    """Renew a grid of post-only quotes of one lot around the middle, each step."""
    now = start_ns
    name = 0
    places = np.zeros(2 * levels, np.int64)
    names = np.zeros(2 * levels, np.int64)
    while True:
        now += step_ns
        while True:
            reasons = advance(world, now)
            if reasons & END:
                return name
            if reasons & 1:
                break
        bid = desk.best_bid(world, 0)
        ask = desk.best_ask(world, 0)
        if bid == EMPTY or ask == -EMPTY:
            continue
        for number in range(2 * levels):
            side = number % 2
            step = number // 2
            ticks = bid - step if side == 0 else ask + step
            if desk.is_open(world, places[number], names[number]):
                desk.cancel(world, places[number], names[number])
            name += 1
            names[number] = name
            places[number] = desk.place(world, 0, name, side, POST_ONLY, ticks, 1)


def hft_rows(columns):
    from hftbacktest import BUY_EVENT, DEPTH_EVENT, EXCH_EVENT, LOCAL_EVENT, SELL_EVENT, TRADE_EVENT
    from hftbacktest.binding import event_dtype

    data = np.zeros(len(columns["kind"]), event_dtype)
    data["ev"] = (
        np.where(columns["kind"] == 1, TRADE_EVENT, DEPTH_EVENT)
        | np.where(columns["side"] == 0, BUY_EVENT, SELL_EVENT)
        | EXCH_EVENT
        | LOCAL_EVENT
    )
    data["exch_ts"], data["local_ts"] = columns["venue_ns"], columns["local_ns"]
    data["px"], data["qty"] = columns["ticks"], columns["lots"]
    return data


def hft_strategy():
    from hftbacktest import GTX, LIMIT

    @njit
    def run(hbt, step_ns, levels, record):
        name = 0
        names = np.zeros(2 * levels, np.int64)
        filled = 0
        while hbt.elapse(step_ns) == 0:
            for number in range(2 * levels):
                order = hbt.orders(0).get(names[number]) if names[number] else None
                if order is not None and order.status == 3 and record.size > 0:
                    record[filled, 0] = names[number]
                    record[filled, 1] = order.exch_timestamp
                    record[filled, 2] = order.exec_price_tick
                    filled += 1
            depth = hbt.depth(0)
            bid, ask = depth.best_bid_tick, depth.best_ask_tick
            for number in range(2 * levels):
                side = number % 2
                step = number // 2
                ticks = bid - step if side == 0 else ask + step
                if names[number]:
                    order = hbt.orders(0).get(names[number])
                    if order is not None and order.cancellable:
                        hbt.cancel(0, names[number], False)
                name += 1
                names[number] = name
                if side == 0:
                    hbt.submit_buy_order(0, name, float(ticks), 1.0, GTX, LIMIT, False)
                else:
                    hbt.submit_sell_order(0, name, float(ticks), 1.0, GTX, LIMIT, False)
            if name % 1000 == 0:
                hbt.clear_inactive_orders(0)
        return filled

    return run


def hft_world(data, low, high):
    from hftbacktest import BacktestAsset, ROIVectorMarketDepthBacktest

    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(1.0)
        .lot_size(1.0)
        .roi_lb(float(low))
        .roi_ub(float(high))
    )
    return ROIVectorMarketDepthBacktest([asset])


def main() -> None:  # noqa: PLR0915  (a benchmark reads top-down)
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    instrument, columns = generated(options.events)
    began = time.perf_counter()
    tape = Tape.from_columns(instrument, **columns)
    print(f"tape of {options.events} rows built and checked in {time.perf_counter() - began:.2f} s")
    latency = Latency.constant(LATENCY_NS)
    assumed = Assumptions(entry=latency, response=latency, fills=FillRule.COMPLETE, impact=False)
    first = int(tape.rows["local_ns"][0])

    def ours(levels=LEVELS):
        world = world_for(tape, [assumed], orders=1024, messages=4096, fills=1 << 20, window=None)
        began = time.process_time()
        grid(world.ctypes.data, first, STEP_NS, levels)
        return time.process_time() - began, world

    def noting():
        began = time.process_time()
        annotated(tape)
        return time.process_time() - began

    began = time.perf_counter()
    ours()
    print(f"first run, compiling or loading included: {time.perf_counter() - began:.2f} s")
    try:
        data = hft_rows(columns)
    except ModuleNotFoundError:
        print("hftbacktest is not installed: uv run --group peers python benchmarks/replay.py")
        data = None
    theirs_run = hft_strategy() if data is not None else None
    low, high = int(columns["ticks"].min()) - 1000, int(columns["ticks"].max()) + 1000

    def theirs(record):
        world = hft_world(data, low, high)
        began = time.process_time()
        filled = theirs_run(world, STEP_NS, LEVELS, record)
        took = time.process_time() - began
        world.close()
        return took, filled

    if data is not None:
        theirs(np.zeros((0, 3), np.int64))
    our_times, first_times, their_times = [], [], []
    for _ in range(options.rounds):
        our_times.append(ours()[0])
        first_times.append(our_times[-1] + noting())
        if data is not None:
            their_times.append(theirs(np.zeros((0, 3), np.int64))[0])
    once = options.events / statistics.median(first_times) / 1e6
    again = options.events / statistics.median(our_times) / 1e6
    print(f"xtrade, compiled grid, once:  {once:6.1f} M events/s")
    print(f"xtrade, compiled grid, again: {again:6.1f} M events/s")
    if data is not None:
        peer = options.events / statistics.median(their_times) / 1e6
        print(
            f"hftbacktest, compiled grid:   {peer:6.1f} M events/s   ratios {once / peer:.1f} and {again / peer:.1f}"
        )
        fastest = min(their_times)
        print(
            f"fastest rounds of both sides: ratios {fastest / min(first_times):.1f} and {fastest / min(our_times):.1f}"
        )
        _, world = ours()
        log = world[world[FILLS] :][: world[FILL_COUNT] * REPORT_WORDS].reshape(-1, REPORT_WORDS)
        mine = {(int(f[REPORT_ID]), int(f[REPORT_VENUE_NS]), int(f[REPORT_TICKS])) for f in log}
        record = np.zeros((1 << 20, 3), np.int64)
        _, filled = theirs(record)
        others = {tuple(int(word) for word in row) for row in record[:filled]}
        print(
            f"fills: {len(mine)} ours, {len(others)} theirs as their strategy sees them, {len(mine & others)} the same"
        )
        for fill in sorted(mine ^ others, key=lambda f: f[1])[:5]:
            print("  only", "ours" if fill in mine else "theirs", fill)
    python_woken(tape, assumed, data, (low, high))


def python_woken(tape: Tape, assumed: Assumptions, data: np.ndarray | None, limits: tuple[int, int]) -> None:
    """Python woken on changes of the book, reading the best of both sides: by us, and by hftbacktest."""
    key = tape.keys[0]
    few = min(len(tape.rows), 200_000)
    for every_ns, count in ((0, few), (STEP_NS, len(tape.rows))):
        until = int(tape.rows["local_ns"][count - 1])
        replay = Replay(tape, assumed)
        replay.watch(key, book=True, book_every_ns=every_ns)
        book = replay.book(key)
        wakes = 0
        stop = END | int(Reason.TIME)
        began = time.process_time()
        while not replay.advance(until) & stop:
            book.bid_ticks, book.ask_ticks  # noqa: B018  (reading them is what is measured)
            wakes += 1
        took = time.process_time() - began
        name = f"Python woken every {every_ns / 1e6:.0f} ms"
        print(
            f"{name}, xtrade:      {count / took / 1e6:7.2f} M events/s, {took / wakes * 1e6:.2f} us a wake"
        )
        if data is None:
            continue
        world = hft_world(data[:count], *limits)
        wakes = 0
        began = time.process_time()
        while (world.wait_next_feed(False, 2**40) == 2) if every_ns == 0 else (world.elapse(every_ns) == 0):
            depth = world.depth(0)
            depth.best_bid_tick, depth.best_ask_tick  # noqa: B018  (reading them is what is measured)
            wakes += 1
        theirs = time.process_time() - began
        world.close()
        print(
            f"{name}, hftbacktest: {count / theirs / 1e6:7.2f} M events/s, {theirs / wakes * 1e6:.2f} us a wake"
            f"   ratio {theirs / took:.1f}"
        )


if __name__ == "__main__":
    main()
