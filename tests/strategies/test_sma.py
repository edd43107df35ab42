"""The crossing of two averages: by hand, and never more than it was told to hold."""

import pytest
from hypothesis import given, settings, strategies as st

from kit.bars import Row, bars
from kit.markets import instrument
from xtrade.research.backtest import backtest
from xtrade.strategies.sma import Sma, SmaParams

KEY = instrument().key
MINUTE = 60_000_000_000


def run(closes, **params):
    rows = [Row(n * MINUTE, close, close + 5, close - 5, close, 1_000_000) for n, close in enumerate(closes)]
    strategy = Sma(SmaParams(instrument=KEY, **{"fast": 1, "slow": 2, "base": 0.01} | params))
    return backtest(strategy, bars(rows, interval=MINUTE))


def traded(result):
    fills = result.fills
    return [(side, lots) for side, lots in zip(fills["side"], fills["lots"], strict=True)]


def test_it_turns_when_the_averages_cross_and_only_then():
    # fast is the last close, slow the mean of two: above while the price rises, below while it falls.
    result = run([1000, 1010, 1020, 1030, 1020, 1010, 1000, 1010, 1020, 1030])

    assert traded(result) == [("buy", 10), ("sell", 20), ("buy", 20)]


def test_without_shorts_it_goes_flat():
    result = run([1000, 1010, 1020, 1030, 1020, 1010, 1000, 1010, 1020, 1030], short=False)

    assert traded(result) == [("buy", 10), ("sell", 10), ("buy", 10)]


def test_it_does_nothing_before_the_slow_average_is_full():
    assert traded(run([1000, 1010, 1020, 1030], slow=5)) == []


@settings(max_examples=25)
@given(
    st.lists(st.integers(900, 1100), min_size=5, max_size=80),
    st.integers(1, 5),
    st.integers(6, 12),
    st.booleans(),
)
def test_it_never_holds_more_than_it_was_told(closes, fast, slow, short):
    held, most = 0, 0
    for side, lots in traded(run(closes, fast=fast, slow=slow, short=short)):
        held += lots if side == "buy" else -lots
        most = max(most, abs(held))
        assert short or held >= 0

    assert most <= 10


@pytest.mark.parametrize(("fast", "slow"), [(0, 5), (5, 5), (9, 3)])
def test_averages_that_make_no_sense_are_refused(fast, slow):
    with pytest.raises(ValueError, match="expected 1 <= fast < slow"):
        SmaParams(instrument=KEY, fast=fast, slow=slow)
