"""Figures of an equity curve: by hand, by the laws they keep, and refused where the data are too few."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from xtrade.research import curve
from xtrade.research.curve import DAY_NS, Returns, TooLittle

HOUR_NS = DAY_NS // 24
MINUTE_NS = HOUR_NS // 60

up_and_down = np.cumprod([1000.0] + [1.02, 0.99] * 15)
each_day = np.arange(31) * DAY_NS

heights = st.lists(st.integers(1, 2000).map(lambda tenths: tenths / 10), min_size=2, max_size=40).map(
    np.array
)
growths = st.lists(st.floats(-0.5, 0.5).map(lambda value: round(value, 6)), min_size=30, max_size=60)


def daily(values):
    return Returns("day", DAY_NS, np.array(values, float))


# -- by hand: thirty days that win 2 % and lose 1 % in turn (docs/metrics.md) -----------------------------------------


def test_the_month_of_the_page_has_thirty_daily_returns():
    found = curve.returns(each_day, up_and_down)

    assert (found.grid, found.per_year, len(found.values)) == ("day", 365, 30)
    assert found.values == pytest.approx([0.02, -0.01] * 15)


def test_the_ratios_of_the_month_of_the_page():
    """
    The mean is 0.5 %, the deviation 1.5 % x sqrt(30 / 29) = 1.5256 %, the downside deviation 1 % / sqrt(2).
    """
    found = curve.returns(each_day, up_and_down)

    assert curve.volatility(found) == pytest.approx(0.015256 * math.sqrt(365), rel=1e-4)
    assert curve.sharpe(found) == pytest.approx(0.5 / 1.5256 * math.sqrt(365), rel=1e-4)
    assert curve.sharpe_error(found) == pytest.approx(math.sqrt((1 + 0.32774**2 / 2) / 30 * 365), rel=1e-4)
    assert curve.sortino(found) == pytest.approx(0.5 * math.sqrt(2) * math.sqrt(365))
    assert curve.t_statistic(found) == pytest.approx(0.5 / 1.5256 * math.sqrt(30), rel=1e-4)


def test_the_growth_of_the_month_of_the_page_as_a_year():
    growth = 1.0098**15 - 1

    assert up_and_down[-1] / 1000 - 1 == pytest.approx(growth)
    assert curve.yearly(growth, 30 * DAY_NS) == pytest.approx(1.0098 ** (15 * 365 / 30) - 1)


def test_a_fall_and_its_length_by_hand():
    """
    From 120 down to 90 is a quarter; it is made good when 120 is reached again.
    """
    found = curve.deepest(np.arange(7), np.array([100, 120, 120, 90, 110, 120, 119.0]))

    assert found == (0.25, 2, 3, 5)
    assert curve.longest_ns(np.arange(7), np.array([100, 120, 120, 90, 110, 120, 119.0])) == 3


def test_a_fall_that_is_not_made_good_lasts_until_the_end():
    times, equity = np.array([0, 10, 20, 50]), np.array([100, 80, 99, 99.0])

    assert curve.deepest(times, equity) == (pytest.approx(0.2), 0, 10, None)
    assert curve.longest_ns(times, equity) == 50


# -- which grid ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "grid", "count"),
    [
        (30 * DAY_NS, "day", 30),
        (30 * DAY_NS - 1, "hour", 719),
        (30 * HOUR_NS, "hour", 30),
        (30 * HOUR_NS - 1, "minute", 1799),
        (30 * MINUTE_NS, "minute", 30),
    ],
)
def test_returns_are_on_the_coarsest_grid_that_has_thirty(span, grid, count):
    found = curve.returns(np.array([0, span]), np.array([100.0, 100.0]))

    assert (found.grid, len(found.values)) == (grid, count)


def test_half_an_hour_is_the_least():
    with pytest.raises(TooLittle, match="the run is 30 min long: 30 returns of a minute are the least"):
        curve.returns(np.array([0, 30 * MINUTE_NS - 1]), np.array([100.0, 100.0]))


def test_a_grid_takes_what_equity_last_was():
    times = np.array([0, 90, 150]) * (MINUTE_NS // 60)
    equity = np.array([100.0, 110.0, 121.0])
    found = curve.returns(np.append(times, 30 * MINUTE_NS), np.append(equity, 121.0))

    assert found.values[:4] == pytest.approx([0, 0.1, 0.1, 0])


# -- what cannot be had -----------------------------------------------------------------------------------------------


def test_less_than_a_day_is_not_annualised():
    found = curve.returns(np.arange(1000) * MINUTE_NS, np.linspace(100, 101, 1000) + np.arange(1000) % 2)

    with pytest.raises(TooLittle, match="the run is 16.6 h long: less than a day is not annualised"):
        curve.sharpe(found)
    assert math.isfinite(curve.t_statistic(found))
    assert curve.volatility(found) > 0


def test_less_than_thirty_days_are_no_year():
    with pytest.raises(TooLittle, match="the run is 2 days long: a year's return needs 30 days"):
        curve.yearly(0.5, 2 * DAY_NS)


@pytest.mark.parametrize("each", [0.0, 0.01, 1 / 3])
def test_returns_that_are_all_the_same_have_no_ratio(each):
    equity = np.cumprod([1000.0] + [1 + each] * 60)

    with pytest.raises(TooLittle, match="the return of each day is the same"):
        curve.sharpe(curve.returns(np.arange(61) * DAY_NS, equity))


def test_without_a_loss_there_is_no_downside():
    with pytest.raises(TooLittle, match="no day lost anything"):
        curve.sortino(daily([0.01, 0.02] * 15))


def test_after_everything_was_lost_there_are_no_returns():
    with pytest.raises(TooLittle, match="the whole capital was lost"):
        curve.returns(each_day, np.linspace(100, -1, 31))
    assert curve.yearly(-1.2, 90 * DAY_NS) == -1


def test_a_growth_beyond_any_number_is_none():
    with pytest.raises(TooLittle, match="beyond any number"):
        curve.yearly(1e60, 30 * DAY_NS)


# -- laws ---------------------------------------------------------------------------------------------------------


@given(growths, st.floats(0.001, 1000))
def test_ratios_do_not_ask_how_large_the_capital_was(growths, times):
    equity = np.cumprod([1.0, *(1 + np.array(growths))])
    days = np.arange(len(equity)) * DAY_NS
    one, many = curve.returns(days, equity), curve.returns(days, equity * times)

    assert many.values == pytest.approx(one.values, abs=1e-12)


@given(growths, st.sampled_from([0.25, 2.0, 8.0]))
def test_twice_the_returns_are_twice_the_volatility_and_the_same_sharpe(growths, times):
    one, more = daily(growths), daily(np.array(growths) * times)

    assert curve.volatility(more) == pytest.approx(curve.volatility(one) * times)
    if curve.volatility(one) > 1e-3:
        assert curve.sharpe(more) == pytest.approx(curve.sharpe(one))
        assert curve.t_statistic(more) == pytest.approx(curve.t_statistic(one))


@given(growths)
def test_the_other_side_of_every_trade_has_the_other_sign(growths):
    mine, theirs = daily(growths), daily(-np.array(growths))
    if curve.volatility(mine) > 1e-3:
        assert curve.sharpe(theirs) == pytest.approx(-curve.sharpe(mine))
        assert curve.t_statistic(theirs) == pytest.approx(-curve.t_statistic(mine))


@given(heights)
def test_the_deepest_fall_is_the_deepest_of_all_pairs(equity):
    times = np.arange(len(equity)) * 7
    falls = [1 - low / high for at, high in enumerate(equity) for low in equity[at:]]
    found = curve.deepest(times, equity)

    assert (0.0 if found is None else found.depth) == pytest.approx(max(falls))
    if found is not None:
        assert 0 < found.depth < 1
        assert found.start_ns < found.low_ns
        assert found.end_ns is None or found.end_ns > found.low_ns
        length = (times[-1] if found.end_ns is None else found.end_ns) - found.start_ns
        assert length <= curve.longest_ns(times, equity)


@given(heights)
def test_equity_that_only_rises_never_fell(equity):
    rising = np.sort(equity)
    times = np.arange(len(equity))

    assert curve.deepest(times, rising) is None
    assert curve.longest_ns(times, rising) == 0


def test_the_rounding_of_a_sum_is_no_fall():
    equity = np.array([1000.3, 1000.3 - 2e-13, 1000.3])

    assert equity[1] < equity[0]
    assert curve.deepest(np.arange(3), equity) is None
    assert curve.longest_ns(np.arange(3), equity) == 0


@given(heights)
def test_the_longest_time_below_a_height_is_that_of_some_height(equity):
    times = np.cumsum(np.arange(len(equity)) + 1)
    longest = 0
    for at, height in enumerate(equity):
        if height < max(equity[: at + 1]):
            continue
        again = [later for later in range(at + 1, len(equity)) if equity[later] >= height]
        until = again[0] if again else len(equity) - 1
        if until > at + 1 or (not again and until > at):
            longest = max(longest, times[until] - times[at])

    assert curve.longest_ns(times, equity) == longest
