"""The formulas give the figures of the papers they are from, and do not call luck skill."""

from math import inf, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from kit.trials import trial
from xtrade.research.sweep.judgement import judged
from xtrade.research.sweep.running import Objective
from xtrade.research.sweep.statistics import (
    Sample,
    expected_maximum,
    independent_trials,
    minimum_track_record,
    probabilistic_sharpe,
    sample,
)

BY_SHARPE = Objective(metric="sharpe")


def test_the_example_of_the_deflated_sharpe_ratio():
    """
    Bailey and López de Prado (2014), the numerical example: the best of 100 trials shows 2.5 a year over 1250 days,
    with skewness -3 and kurtosis 10; the variance between trials is 1/2 a year.
    """
    best = Sample(sharpe=2.5 / sqrt(250), skewness=-3, kurtosis=10, length=1250)

    luck = expected_maximum(1 / 2 / 250, 100)

    assert luck == pytest.approx(0.1132, abs=5e-5)
    assert probabilistic_sharpe(best, luck) == pytest.approx(0.9004, abs=5e-5)
    assert probabilistic_sharpe(best, expected_maximum(1 / 2 / 250, 46)) == pytest.approx(0.9505, abs=5e-5)
    normal = best._replace(skewness=0, kurtosis=3)
    assert probabilistic_sharpe(normal, expected_maximum(1 / 2 / 250, 88)) == pytest.approx(0.9505, abs=5e-5)


def test_the_example_of_the_probabilistic_sharpe_ratio():
    """
    Bailey and López de Prado (2012): 24 months with a Sharpe ratio of 0.458 each; normal returns would make it 0.982
    likely to be above zero, the skewness and kurtosis that they have 0.913.
    """
    fund = Sample(sharpe=0.458, skewness=-2.448, kurtosis=10.164, length=24)

    assert probabilistic_sharpe(fund) == pytest.approx(0.913, abs=5e-4)
    assert probabilistic_sharpe(fund._replace(skewness=0, kurtosis=3)) == pytest.approx(0.982, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_the_examples_of_the_minimum_track_record(periods, years):
    """The same paper: how long a Sharpe ratio of 2 a year has to be shown to be above 1, daily, weekly, monthly."""
    found = Sample(sharpe=2 / sqrt(periods), skewness=0, kurtosis=3, length=1)

    assert minimum_track_record(found, 1 / sqrt(periods)) / periods == pytest.approx(years, abs=5e-3)


def test_a_sample_by_hand():
    """
    Returns 1, 2, 3, 6 have mean 3, deviations -2 -1 0 3, so squares sum to 14 and cubes to 18, fourth powers to 98.
    """
    found = sample(np.array([1.0, 2.0, 3.0, 6.0]))

    assert found.sharpe == pytest.approx(3 / sqrt(14 / 3))
    assert found.skewness == pytest.approx(18 / 4 / (14 / 4) ** 1.5)
    assert found.kurtosis == pytest.approx(98 / 4 / (14 / 4) ** 2)
    assert found.length == 4


def test_a_probability_by_hand():
    """Sharpe 0.5, skewness 0, kurtosis 3, 17 returns: 0.5 * 4 / sqrt(1 + 0.25 / 2)."""
    found = Sample(sharpe=0.5, skewness=0, kurtosis=3, length=17)

    assert probabilistic_sharpe(found) == pytest.approx(NormalDist().cdf(2 / sqrt(1.125)))
    assert probabilistic_sharpe(found, 0.5) == 0.5


@pytest.mark.parametrize("returns", [[], [0.1, 0.2], [0.0] * 50, [0.1] * 50, [1e-3 + 1e-19] * 7])
def test_returns_that_do_not_vary_have_no_sharpe_ratio(returns):
    assert sample(np.array(returns)) is None


def test_a_benchmark_that_is_not_reached_takes_for_ever():
    found = Sample(sharpe=0.1, skewness=0, kurtosis=3, length=100)

    assert minimum_track_record(found, 0.1) == inf


@given(st.floats(0.01, 1), st.floats(-1.5, 1.5), st.floats(0, 5), st.floats(0.001, 0.5))
def test_a_track_record_of_the_minimum_length_is_just_long_enough(sharpe, skewness, more, above):
    found = Sample(sharpe=sharpe, skewness=skewness, kurtosis=1 + skewness**2 + more, length=10)
    needed = minimum_track_record(found, sharpe - above)
    at_length = NormalDist().cdf(
        above * sqrt(needed - 1) / sqrt(1 - skewness * sharpe + (found.kurtosis - 1) / 4 * sharpe**2)
    )

    assert at_length == pytest.approx(0.95)


# Whole billionths: no account grows by 10^-162, and the square of that is nothing at all.
RETURNS = arrays(np.float64, 20, elements=st.integers(-(10**8), 10**8).map(lambda count: count / 1e9))


@given(RETURNS, st.floats(0.01, 100))
def test_leverage_changes_no_sharpe_ratio(returns, times):
    plain, scaled = sample(returns), sample(returns * times)

    assert (plain is None) == (scaled is None)
    if plain is not None and scaled is not None:
        assert scaled == pytest.approx(plain, rel=1e-6, abs=1e-9)
        assert probabilistic_sharpe(scaled) == pytest.approx(probabilistic_sharpe(plain), rel=1e-6)


@given(RETURNS)
def test_a_strategy_and_its_opposite_share_the_probability(returns):
    one, other = sample(returns), sample(-returns)

    if one is not None and other is not None:
        assert probabilistic_sharpe(one) + probabilistic_sharpe(other) == pytest.approx(1)


@given(st.floats(1e-6, 1), st.floats(1, 10_000), st.floats(1, 10_000))
def test_more_tries_give_luck_more(variance, few, many):
    few, many = sorted((few, many))

    assert 0 <= expected_maximum(variance, few) <= expected_maximum(variance, many)
    assert expected_maximum(variance, 1) == 0


def test_the_expected_maximum_is_the_mean_of_maxima():
    """Checked against chance itself: the best of 50 draws, 20,000 times."""
    best = np.random.default_rng(11).normal(0, 0.3, (20_000, 50)).max(axis=1)

    assert expected_maximum(0.3**2, 50) == pytest.approx(best.mean(), rel=0.015)


def test_alike_trials_count_once_and_unlike_ones_in_full():
    chance = np.random.default_rng(2)
    one = chance.normal(0, 1, 500)
    unlike = list(chance.normal(0, 1, (40, 500)))
    half_alike = [sqrt(0.5) * one + sqrt(0.5) * other for other in unlike]

    assert independent_trials([one, 2 * one, one + 3]) == pytest.approx(1)
    assert independent_trials(unlike) == pytest.approx(40, abs=1)
    assert independent_trials(half_alike) == pytest.approx(0.5 + 0.5 * 40, abs=3)
    assert independent_trials([one, -one]) == 2
    assert independent_trials([]) == 0


def test_trials_of_unequal_length_all_count():
    assert independent_trials([np.arange(5.0), np.arange(6.0), np.arange(7.0)]) == 3


def judged_noise(chance, *, trials, alike=0.0, length=250):
    common = chance.normal(0, 0.01, length)
    rows = [sqrt(alike) * common + sqrt(1 - alike) * chance.normal(0, 0.01, length) for _ in range(trials)]
    found = [trial(number, {"x": number}, row) for number, row in enumerate(rows)]
    return judged(found, BY_SHARPE.best_of(found))


@pytest.mark.parametrize("alike", [0.0, 0.6, 0.9])
def test_the_best_of_many_strategies_without_skill_is_hardly_ever_called_convincing(alike):
    """
    150 sweeps of 40 strategies that do nothing: alone, the best of each looks skilled nearly always; deflated, fewer
    than one in twenty convinces, and half of them are above what luck is expected to give.
    """
    chance = np.random.default_rng(2024)
    judgements = [judged_noise(chance, trials=40, alike=alike) for _ in range(150)]

    fooled = np.mean([each.probabilistic >= 0.95 for each in judgements])
    convinced = np.mean([each.convincing for each in judgements])
    assert fooled > {0.0: 0.8, 0.6: 0.4, 0.9: 0.1}[alike]
    assert convinced <= 0.05
    assert np.median([each.deflated for each in judgements]) == pytest.approx(0.5, abs=0.1)


def test_a_single_strategy_without_skill_has_any_probability_alike():
    chance = np.random.default_rng(7)
    found = [judged_noise(chance, trials=1).deflated for _ in range(800)]

    assert np.quantile(found, [0.1, 0.25, 0.5, 0.75, 0.9]) == pytest.approx(
        [0.1, 0.25, 0.5, 0.75, 0.9], abs=0.05
    )


def test_skill_that_is_there_is_found_among_many_tries():
    chance = np.random.default_rng(3)
    rows = [chance.normal(0, 0.01, 750) for _ in range(40)] + [chance.normal(0.0025, 0.01, 750)]
    found = [trial(number, {"x": number}, row) for number, row in enumerate(rows)]
    best = BY_SHARPE.best_of(found)

    assert best.params == {"x": 40}
    assert judged(found, best).convincing
