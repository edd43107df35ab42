"""Bars are what their trades were, whatever the interval and however the trades fall into it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from xtrade.market.bars import BarBuilder
from xtrade.model.errors import UsageError

trades = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 1000), st.integers(1, 50)), min_size=1, max_size=60
).map(lambda rows: [(sum(step for step, _, _ in rows[: n + 1]), t, q) for n, (_, t, q) in enumerate(rows)])


def built(builder, rows):
    bars = [bar for ns, ticks, lots in rows if (bar := builder.add(ns, ticks, lots)) is not None]
    last = builder.close(rows[-1][0] + builder.interval_ns)
    return [*bars, last] if last is not None else bars


@given(trades, st.integers(1, 50))
def test_bars_say_what_their_trades_said(rows, interval_ns):
    bars = built(BarBuilder("x:A/B", interval_ns), rows)

    assert [bar.start_ns for bar in bars] == sorted({ns - ns % interval_ns for ns, _, _ in rows})
    for bar in bars:
        inside = [(t, q) for ns, t, q in rows if bar.start_ns <= ns < bar.start_ns + interval_ns]
        prices = [t for t, _ in inside]
        assert (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks, bar.volume_lots) == (
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            sum(q for _, q in inside),
        )
        assert bar.closed
        assert bar.received_ns == bar.start_ns + interval_ns


@given(trades, st.integers(1, 12), st.integers(1, 6))
def test_bars_of_smaller_bars_are_the_bars_of_their_trades(rows, small_ns, times):
    small = built(BarBuilder("x:A/B", small_ns), rows)
    large = BarBuilder("x:A/B", small_ns * times)
    made = [bar for each in small if (bar := large.add_bar(each)) is not None]
    last = large.close(small[-1].start_ns + 2 * small_ns * times)

    assert [*made, last] == built(BarBuilder("x:A/B", small_ns * times), rows)


def test_a_bar_in_the_making_can_be_looked_at_and_says_when_it_is_over():
    builder = BarBuilder("x:A/B", 60)
    assert builder.so_far is None
    assert builder.due_ns is None

    builder.add(70, 5, 2)

    assert builder.due_ns == 120
    assert not builder.so_far.closed
    assert builder.close(119) is None
    assert builder.close(120).close_ticks == 5
    assert builder.close(200) is None


def test_an_interval_takes_some_time():
    with pytest.raises(UsageError, match="bars of 0 ns"):
        BarBuilder("x:A/B", 0)
