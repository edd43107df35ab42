"""The kernel against a replay that is as simple as the rules: same reports, same books, same money, in every mode."""

import math
import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings, strategies as st

from kit.markets import instrument
from kit.naive_replay import CANCEL, MODIFY, Fifo, Naive
from kit.replays import BUY, MARKET, SELL, Do, level, mark, received, run, tape, trade
from xtrade.model.events import OrderFilled
from xtrade.model.money import Money
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.sim.replay.models import Assumptions, FillRule, Latency, Queue, QueueKind
from xtrade.sim.replay.tape import Happening, merge

END = [level(10_000, BUY, 1, 1)]
OTHER = instrument(venue="okx")
WORDS = {
    "OrderAccepted": "accepted",
    "OrderFilled": "filled",
    "OrderCanceled": "canceled",
    "OrderExpired": "expired",
    "OrderRejected": "refused",
    "OrderAmended": "amended",
    "CancelRejected": "cancel refused",
    "AmendRejected": "amend refused",
}
ROOTS = Queue.own(lambda ahead, behind: math.sqrt(behind) / (math.sqrt(ahead) + math.sqrt(behind)))

prices = st.integers(95, 105)
sides = st.sampled_from([BUY, SELL])
constant = st.builds(Latency.constant, st.integers(0, 9))
drawn = st.builds(
    lambda steps, seed: Latency.drawn([sum(steps[: n + 1]) for n in range(len(steps))], seed=seed),
    st.lists(st.integers(0, 9), min_size=2, max_size=5),
    st.integers(0, 99),
)
recorded = st.builds(
    lambda found: Latency.recorded(*zip(*sorted(found.items()), strict=True)),
    st.dictionaries(st.integers(0, 80), st.integers(0, 30), min_size=1, max_size=6),
)
queues = st.builds(
    Queue,
    st.sampled_from([kind for kind in QueueKind if kind is not QueueKind.OWN]),
    exponent=st.sampled_from([0.5, 1.0, 2.0, 3.0]),
    unit=st.sampled_from([1.0, 10.0]),
) | st.just(ROOTS)
assumptions = st.builds(
    Assumptions,
    queue=queues,
    entry=constant | drawn | recorded,
    response=constant | drawn | recorded,
    fills=st.sampled_from(FillRule),
    impact=st.booleans(),
)


@st.composite
def markets(draw, *, late=False, gaps=False):
    """Levels and trades of a small market; heard late and out of order, and with gaps, where asked for."""
    ns, rows = 1, [mark(0, Happening.READY)] if gaps else []
    for _ in range(draw(st.integers(0, 40))):
        ns += draw(st.integers(0, 3))
        heard = ns + (draw(st.integers(0, 9)) if late else 0)
        side = draw(sides)
        what = draw(st.integers(0, 11 if gaps else 9))
        if what < 5:
            rows.append(level(ns, side, draw(prices), draw(st.integers(0, 6)), heard=heard))
        elif what < 10:
            rows.append(trade(ns, side, draw(prices), draw(st.integers(1, 8)), heard=heard))
        else:
            rows += [mark(ns, Happening.GAP)] if what == 10 else []
            rows += [mark(ns, Happening.CLEAR, BUY), mark(ns, Happening.CLEAR, SELL)]
            for _ in range(draw(st.integers(0, 3))):
                rows.append(level(ns, draw(sides), draw(prices), draw(st.integers(1, 6))))
            rows.append(mark(ns, Happening.READY))
    return sorted([*rows, *END], key=lambda row: row[0])


@st.composite
def orders_of_markets(draw):
    """L3 rows that make sense, and the ids of their orders."""
    ns, live, rows, ids = 1, {}, [], []
    for name in range(1, draw(st.integers(1, 40))):
        ns += draw(st.integers(0, 3))
        what = draw(st.sampled_from([Happening.ADD, Happening.ADD, Happening.EXECUTE, MODIFY, CANCEL]))
        order = name if what == Happening.ADD or not live else draw(st.sampled_from(sorted(live)))
        if order == name:
            what, live[name] = Happening.ADD, [draw(sides), draw(prices), draw(st.integers(1, 6))]
        side, ticks, lots = live[order]
        if what == MODIFY:
            ticks, lots = draw(st.sampled_from([ticks, draw(prices)])), draw(st.integers(1, 6))
            live[order] = [side, ticks, lots]
        elif what == Happening.EXECUTE:
            lots = draw(st.integers(1, lots))
            live[order][2] -= lots
        elif what == CANCEL:
            live[order][2] = 0
        if not live[order][2]:
            del live[order]
        rows.append((ns, ns, what, side, ticks, lots))
        ids.append(order)
    return [*rows, (10_000, 10_000, Happening.ADD, BUY, 1, 1)], [*ids, 99]


@st.composite
def plans(draw, *, count=1):
    doings = []
    for name in range(1, draw(st.integers(1, 8))):
        ns = draw(st.integers(1, 60))
        market = draw(st.integers(0, count - 1))
        style = draw(st.sampled_from(["gtc", "gtc", "ioc", "fok", "post_only", "market"]))
        ticks = None if style == "market" else draw(prices)
        lots = draw(st.integers(1, 9))
        doings.append(Do(ns, "place", name, draw(st.sampled_from(Side)), ticks, lots, style, market))
        for what in draw(st.lists(st.sampled_from(["cancel", "amend"]), max_size=2)):
            ns += draw(st.integers(0, 20))
            change = {"ticks": draw(prices), "lots": draw(st.integers(1, 9))} if what == "amend" else {}
            doings.append(Do(ns, what, name, market=market, **change))
    return doings


def in_words(told):
    return [
        (WORDS[type(event).__name__], event.client_order_id, event.venue_ns, event.received_ns)
        for event in told
    ]


def same(naive, told):
    """Compare every report, fills in full; of one instant, reports of several venues have no order."""
    assert sorted(received(told)) == sorted(naive.fills)
    stories = [("filled" if what == "partial" else what, *rest) for what, *rest in naive.story]
    assert in_words(told) == [tuple(each) for each in stories]


@settings(max_examples=400)
@given(markets() | markets(late=True, gaps=True), plans(), assumptions, st.sampled_from([None, 4]))
def test_the_kernel_reports_what_the_naive_replay_reports(rows, doings, assumed, window):
    naive = Naive(rows, doings, assumed)
    replay, told = run(tape(rows), doings, assumed, window=window)

    same(naive, told)
    for side, number in ((Side.BUY, BUY), (Side.SELL, SELL)):
        assert dict(replay.book(MARKET.key).levels(side, 50)) == naive.known[0].shown(number)


@settings(max_examples=60)
@given(markets(late=True), markets(late=True), plans(count=2), assumptions, assumptions)
def test_two_venues_on_one_tape_are_two_venues(first, second, doings, assumed, others):
    rows = sorted([(*row, 0) for row in first] + [(*row, 1) for row in second], key=lambda row: row[0])
    naive = Naive(rows, doings, [assumed, others])
    both = merge(tape(first), tape(second, market=OTHER))
    _, told = run(both, doings, {MARKET.key: assumed, OTHER.key: others}, markets=(MARKET, OTHER))

    same(naive, told)


@settings(max_examples=200)
@given(orders_of_markets(), plans(), assumptions)
def test_the_place_in_an_l3_queue_is_the_place_in_the_queue_itself(market, doings, assumed):
    rows, ids = market
    naive = Naive(rows, doings, assumed, market=Fifo, order_ids=ids)
    _, told = run(tape(rows, order_id=ids), doings, assumed)

    same(naive, told)


@settings(max_examples=60)
@given(markets(), plans(), prices)
def test_the_money_in_the_kernel_is_that_of_the_model(rows, doings, mark):
    replay, told = run(tape(rows), doings)
    position = Position.flat(MARKET)
    for event in told:
        if isinstance(event, OrderFilled):
            position = position.after_fill(MARKET, event.fill)
    account = replay.account(MARKET.key)

    assert account.lots == position.lots == replay.known_lots(MARKET.key)
    worth = Money(MARKET.value(ticks=mark, lots=account.lots), "USDT")
    assert account.cash + worth == position.realised + position.unrealised(MARKET, MARKET.price(mark))


def test_uncompiled_functions_fill_exactly_what_compiled_ones_do(tmp_path):
    script = Path(__file__).with_name("fills_of_a_seed.py")

    def answer(**environment):
        ran = subprocess.run(
            [sys.executable, script],
            env=os.environ | environment,
            capture_output=True,
            check=True,
            timeout=300,
        )
        return ran.stdout

    compiled = answer()
    assert compiled.count(b"\n") > 100
    assert answer(NUMBA_DISABLE_JIT="1") == compiled
    assert answer() == compiled
