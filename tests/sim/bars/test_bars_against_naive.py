"""The kernel against a simulator that is as simple as the rules: same fills, same money, in every mode."""

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings, strategies as st

from kit.bars import MARKET, MINUTE, PLAIN, Do, NaiveBars, Row, fills, run
from xtrade.model.events import OrderFilled
from xtrade.model.money import Money
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.sim.bars.assumptions import BarAssumptions

prices = st.integers(90, 110)
assumptions = st.builds(
    BarAssumptions,
    spread_ticks=st.integers(0, 4),
    slippage_ticks=st.integers(0, 3),
    through_ticks=st.integers(0, 2),
    volume_share=st.sampled_from([None, 1, 0.5, 0.1]),
)


@st.composite
def markets(draw):
    rows, start = [], 0
    for _ in range(draw(st.integers(0, 25))):
        four = [draw(prices) for _ in range(4)]
        rows.append(Row(start, four[0], max(four), min(four), four[1], draw(st.integers(0, 30))))
        start += MINUTE * draw(st.sampled_from([1, 1, 1, 3]))
    return rows


@st.composite
def plans(draw):
    doings = []
    for name in range(1, draw(st.integers(1, 10))):
        ns = draw(st.integers(0, 20)) * MINUTE + draw(st.sampled_from([0, 0, 7]))
        style = draw(st.sampled_from(["gtc", "gtc", "gtc", "post_only", "ioc", "fok", "market"]))
        ticks = None if style == "market" else draw(prices)
        doings.append(
            Do(ns, "place", name, draw(st.sampled_from(Side)), ticks, draw(st.integers(1, 9)), style)
        )
        later = ns + draw(st.integers(0, 4)) * MINUTE
        what = draw(st.sampled_from(["cancel", "amend", "nothing", "nothing"]))
        if what == "cancel":
            doings.append(Do(later, "cancel", name))
        elif what == "amend":
            doings.append(Do(later, "amend", name, ticks=draw(prices), lots=draw(st.integers(1, 9))))
    return doings


@settings(max_examples=300)
@given(markets(), plans(), assumptions)
def test_the_kernel_fills_what_the_naive_simulator_fills(rows, doings, assumed):
    _, told = run(rows, doings, assumed)

    assert fills(told) == NaiveBars(rows, doings, assumed).fills


@settings(max_examples=60)
@given(markets(), plans(), prices)
def test_the_money_in_the_kernel_is_that_of_the_model(rows, doings, mark):
    replay, told = run(rows, doings, PLAIN)
    position = Position.flat(MARKET)
    for event in told:
        if isinstance(event, OrderFilled):
            position = position.after_fill(MARKET, event.fill)
    account = replay.account(MARKET.key)

    assert account.lots == position.lots == replay.known_lots(MARKET.key)
    worth = Money(MARKET.value(ticks=mark, lots=account.lots), "USDT")
    assert account.cash + worth == position.realised + position.unrealised(MARKET, MARKET.price(mark))


@settings(max_examples=60)
@given(markets(), plans(), assumptions)
def test_our_orders_never_get_more_than_their_share_of_a_bar(rows, doings, assumed):
    share = 10**6 if assumed.volume_share is None else round(assumed.volume_share * 10**6)
    _, told = run(rows, doings, BarAssumptions(volume_share=share / 10**6))

    for row in rows:
        end = row.start + MINUTE
        taken = [lots for _, _, lots, maker, ns in fills(told) if ns == (end if maker else row.start)]
        assert sum(taken) <= row.volume * share // 10**6


def test_uncompiled_functions_do_exactly_what_compiled_ones_do():
    script = Path(__file__).with_name("fills_of_bars.py")

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
    assert compiled.count(b"OrderFilled") > 100
    assert answer(NUMBA_DISABLE_JIT="1") == compiled
