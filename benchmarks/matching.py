"""Orders a second through the matching engine, beside a matcher from PyPI, on one mixed flow.

    uv run --group peers python benchmarks/matching.py

The flow: 50 % orders that join the book, 35 % cancels, 15 % orders that cross; once with a book 50 ticks deep on
each side, once with one of 20,000. Both sides get the
same operations in memory and must trade the same lots. What each does per order is not the same: ours checks the
order against the instrument, checks and holds funds, settles balances and fees to the atom, and answers with events
for both sides (all feeds: also L2, L3 and balance reports); lightmatchingengine matches bare numbers and returns
trades. Runs alternate; medians.
"""

from __future__ import annotations

import random
import statistics
import time
from decimal import Decimal

from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side as LightSide

from xtrade import ClientOrderId, Instrument, Kind, Money, OrderIntent, OrderType, Side
from xtrade.model.events import OrderFilled, Trade
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.tape import Feed

OPERATIONS = 20_000
RUNS = 5
MID = 500_000

SPOT = Instrument(
    venue="box",
    symbol="BTC/USDT",
    native="BTCUSDT",
    kind=Kind.SPOT,
    base="BTC",
    quote="USDT",
    settle="USDT",
    tick=Decimal("0.1"),
    lot=Decimal("0.001"),
    maker_fee=Decimal("0.0002"),
    taker_fee=Decimal("0.0005"),
)
# Buyers are one account and sellers another, so that nobody meets himself.
OWNER = {Side.BUY: "ann", Side.SELL: "bob"}


def flow(depth: int) -> list[tuple[int, Side, int, int]]:
    """Operations as (number of the order to cancel or 0, side, ticks, lots); what is canceled is still open."""
    chance = random.Random(7)
    exchange = _exchange(())
    operations: list[tuple[int, Side, int, int]] = []
    still_open: list[int] = []
    left: dict[int, int] = {}
    for number in range(1, OPERATIONS + 1):
        draw = chance.random()
        side = chance.choice([Side.BUY, Side.SELL])
        while draw < 0.35 and still_open:
            at = chance.randrange(len(still_open))
            still_open[at], still_open[-1] = still_open[-1], still_open[at]
            canceled = still_open.pop()
            if left.pop(canceled):
                operations.append((canceled, operations[canceled - 1][1], 0, 0))
                exchange.cancel(OWNER[operations[-1][1]], ClientOrderId(canceled), number)
                break
        else:
            lots = chance.randint(1, 50)
            away = chance.randint(1, depth) if draw < 0.85 else -chance.randint(1, 10)
            operations.append((0, side, MID - side.sign * away, lots))
            still_open.append(number)
            left[number] = lots
            for _, event in exchange.place(OWNER[side], _intent(number, *operations[-1][1:]), number):
                if isinstance(event, OrderFilled):
                    left[event.client_order_id] -= event.fill.lots
    return operations


def _exchange(feeds: tuple[Feed, ...]) -> Exchange:
    exchange = Exchange(feeds=feeds)
    exchange.list_market(SPOT)
    for name in OWNER.values():
        exchange.open_account(name, Money.of(10**9, "USDT"), Money.of(10**6, "BTC"))
    return exchange


def ours(operations: list[tuple[int, Side, int, int]], feeds: tuple[Feed, ...]) -> tuple[float, int]:
    exchange = _exchange(feeds)
    todo = [
        (OWNER[side], cancel, None) if cancel else (OWNER[side], number, _intent(number, side, ticks, lots))
        for number, (cancel, side, ticks, lots) in enumerate(operations, start=1)
    ]
    traded = 0
    started = time.perf_counter()
    for now_ns, (name, number, intent) in enumerate(todo, start=1):
        if intent is None:
            exchange.cancel(name, ClientOrderId(number), now_ns)
            continue
        for _, event in exchange.place(name, intent, now_ns):
            if type(event) is Trade:
                traded += event.lots
    return time.perf_counter() - started, traded


def _intent(number: int, side: Side, ticks: int, lots: int) -> OrderIntent:
    return OrderIntent(
        client_order_id=ClientOrderId(number),
        instrument=SPOT.key,
        instrument_version=1,
        side=side,
        type=OrderType.LIMIT,
        lots=lots,
        ticks=ticks,
    )


def light(operations: list[tuple[int, Side, int, int]]) -> tuple[float, int]:
    engine = LightMatchingEngine()
    number_of: dict[int, int] = {}
    traded = 0
    started = time.perf_counter()
    for number, (cancel, side, ticks, lots) in enumerate(operations, start=1):
        if cancel:
            engine.cancel_order(number_of[cancel], "BTC")
            continue
        order, trades = engine.add_order(
            "BTC", ticks, lots, LightSide.BUY if side is Side.BUY else LightSide.SELL
        )
        number_of[number] = order.order_id
        traded += sum(trade.trade_qty for trade in trades if trade.order_id == order.order_id)
    return time.perf_counter() - started, traded


def main() -> None:
    for depth in (50, 20_000):
        compare(depth)


def compare(depth: int) -> None:
    operations = flow(depth)
    sides = {
        "xtrade, all feeds": lambda: ours(operations, tuple(Feed)),
        "xtrade, orders and trades": lambda: ours(operations, ()),
        "lightmatchingengine": lambda: light(operations),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    lots: dict[str, int] = {}
    for _ in range(RUNS):
        for name, run in sides.items():
            took, lots[name] = run()
            seconds[name].append(took)
    print(f"{OPERATIONS} operations, a book {depth} ticks deep, median of {RUNS} alternating runs")
    print(f"{'':28}{'orders/s':>12}{'lots traded':>14}{'beside all feeds':>18}")
    base = statistics.median(seconds["xtrade, all feeds"])
    for name, runs in seconds.items():
        median = statistics.median(runs)
        print(f"{name:28}{OPERATIONS / median:>12,.0f}{lots[name]:>14,}{base / median:>17.2f}x")


if __name__ == "__main__":
    main()
