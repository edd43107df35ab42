"""Compiled decisions do what the same strategies do from Python; tables of parameters do what single runs do."""

import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest

from kit.bar_strategies import quotes, quotes_in_python, sma, sma_in_python
from kit.bars import MARKET, MINUTE, PLAIN, bars, flat, walk
from kit.markets import instrument
from xtrade.model.errors import UsageError, XtradeError
from xtrade.model.instruments import Kind
from xtrade.sim.bars import desk
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.deciding import fingerprint
from xtrade.sim.bars.runs import run_compiled, run_many
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.replay.layout import REPORT_ID, REPORT_LEFT, REPORT_MAKER

# A compiled target names its orders itself.
WITHOUT_NAMES = [word for word in range(12) if word not in {2, 3}]


def test_a_compiled_sma_fills_what_the_same_sma_in_python_fills():
    played = walk(3000)
    assumed = BarAssumptions(volume_share=0.2)

    compiled = run_compiled(played, sma, [5, 20, 150], assumptions=assumed)
    driven = sma_in_python(played, 5, 20, 150, assumed)

    fills = driven.fills()
    assert len(fills) > 100
    assert (fills[:, REPORT_LEFT] > 0).any()
    assert compiled.fills[:, WITHOUT_NAMES].tolist() == fills[:, WITHOUT_NAMES].tolist()
    assert compiled.accounts == {MARKET.key: driven.account(MARKET.key)}


def test_compiled_quotes_on_two_instruments_fill_what_python_fills():
    other = instrument(symbol="ETH/USDT:USDT")
    both = BarTape.of([walk(700), walk(300, 2, other, 150, start=30)])
    assumed = {other.key: PLAIN, MARKET.key: BarAssumptions()}

    compiled = run_compiled(both, quotes, [15, 60, 2], assumptions=assumed)
    driven = quotes_in_python(both, 15, 60, 2, assumed)

    fills = driven.fills()
    assert fills[:, REPORT_MAKER].all()
    assert len(set(fills[:, REPORT_ID].tolist())) > 300
    assert compiled.fills.tolist() == fills.tolist()
    assert compiled.accounts == {key: driven.account(key) for key in both.keys}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_table_of_parameters_does_what_single_runs_do(threads):
    tape = BarTape.of(walk(4000))
    table = [[fast, slow, 3] for fast in (2, 3, 7) for slow in (10, 30)]

    together = run_many(tape, sma, table, threads=threads)

    assert [run.params.tolist() for run in together] == table
    for run in together:
        alone = run_compiled(tape, sma, run.params)
        assert (alone.log == run.log).all()
        assert alone.accounts == run.accounts
        assert (alone.equity() == run.equity()).all()
    assert run_many(tape, sma, []) == []


def test_more_fills_than_the_log_holds_are_all_kept():
    fills = run_compiled(walk(20_000), sma, [1, 2, 1], assumptions=PLAIN).fills

    assert len(fills) > 5000
    assert (np.diff(fills[:, 0]) > 0).all()


def buy_once(world, columns, row, params, state):
    if row == 0:
        desk.target(world, 0, int(params[0]))


def test_equity_counts_price_fees_and_funding_after_each_bar():
    paying = instrument(taker_fee=Decimal("0.001"))
    funding = Settlements.from_columns(time_ns=[2 * MINUTE], rates=[10**10], mark_ticks=[120])  # 1 %
    tape = BarTape.of(bars(flat(100, 110, 130), paying), funding={paying.key: funding})

    run = run_compiled(tape, buy_once, [1000], assumptions=PLAIN)

    # One BTC at 11 USDT, 0.011 in fees; 0.12 of funding at the second close; then 13 USDT.
    assert run.equity() == pytest.approx([0, -0.011 - 0.12, 2 - 0.011 - 0.12])
    assert len(run.fills) == 1
    assert run.log[:, REPORT_LEFT].tolist() == [0, 1000]
    assert run.equity(paying.key).tolist() == run.equity().tolist()
    with pytest.raises(UsageError, match="equity of x: expected one of"):
        run.equity("x")


def test_equity_of_inverse_contracts_is_in_coins():
    inverse = instrument(Kind.INVERSE)

    run = run_compiled(bars(flat(100, 100, 200), inverse), buy_once, [1], assumptions=PLAIN)

    # 100 USD of contracts at 10 USD a coin, then at 20: 10 coins were worth 100 USD, 5 are.
    assert run.equity() == pytest.approx([0, 0, 5])


def test_equity_at_the_end_is_what_the_exact_account_says():
    run = run_compiled(walk(3000), sma, [3, 9, 7])
    account = run.accounts[MARKET.key]
    worth = MARKET.value(ticks=int(run.tape.bars[0].close_ticks[-1]), lots=account.lots)

    assert run.equity()[-1] == pytest.approx(float(account.cash.amount) + worth / 1e24, abs=1e-9)


def twice(world, columns, row, params, state):
    state[0] += 1
    state[1] = desk.now_ns(world)
    state[2] = desk.first(world, 0)
    if row == 0:
        desk.target(world, 0, 5)
        state[3] = desk.target(world, 0, 5)  # on its way already
        desk.target(world, 0, 8)
    state[4] = desk.position(world, 0)


def test_a_target_counts_what_is_on_its_way():
    run = run_compiled(bars(flat(100, 100, 100)), twice, assumptions=PLAIN, state=5)

    assert run.state.tolist() == [3, 180, 0, 0, 8]
    assert run.fills[:, 7].tolist() == [5, 3]


def allocates(world, columns, row, params, state):
    state[0] = len({row: row})


def test_a_decision_that_cannot_be_compiled_is_named():
    with pytest.raises(UsageError, match="the decision allocates cannot be compiled"):
        run_compiled(walk(3), allocates)


def test_a_run_that_leaves_64_bits_is_named_by_its_parameters():
    with pytest.raises(XtradeError, match=r"the run with \[1e\+17\] stopped at 60 ns: .* 64 bits"):
        run_compiled(bars(flat(1000, 1000)), buy_once, [1e17], assumptions=PLAIN)


LIMIT = 3


def outer(number):
    def decide(world, columns, row, params, state):
        state[0] = number + LIMIT

    return decide


def test_a_decision_is_known_by_what_it_is_made_of(monkeypatch):
    first = fingerprint(outer(1))

    assert fingerprint(outer(1)) == first
    assert fingerprint(outer(2)) != first
    assert fingerprint(sma) != first
    monkeypatch.setitem(globals(), "LIMIT", 4)
    assert fingerprint(outer(1)) != first
    assert fingerprint(outer(object())) is None


def test_a_decision_with_other_constants_is_not_mistaken_for_the_one_in_the_cache(tmp_path):
    script = """
import numpy as np
from decimal import Decimal
from xtrade import Instrument, Kind
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.runs import run_compiled
LIMIT = {limit}
def helper(x):
    return x * LIMIT
def decide(world, columns, row, params, state):
    state[0] = LIMIT
market = Instrument(venue="a", symbol="B/C", native="BC", kind=Kind.SPOT, base="B", quote="C", settle="C",
                    tick=Decimal(1), lot=Decimal(1))
one = [1, 1, 1]
bars = Bars.from_columns(market, interval_ns=1, start_ns=[1, 2, 3], open_ticks=one, high_ticks=one, low_ticks=one,
                         close_ticks=one, volume_lots=one)
print(run_compiled(bars, decide).state[0])
"""

    def answer(limit):
        path = tmp_path / "mine.py"
        path.write_text(script.format(limit=limit))
        ran = subprocess.run([sys.executable, path], capture_output=True, check=True, text=True, timeout=60)
        return ran.stdout.strip()

    assert [answer(1), answer(2), answer(1)] == ["1.0", "2.0", "1.0"]
