"""Bars from a seed: the price of the tape, in a moment for months."""

import numpy as np
import pytest

from kit.synthetics import HOUR_NS, MINUTE_NS, SECOND_NS, START_NS, tape_of
from xtrade.sim.synthetic.bars import synthetic_bars
from xtrade.sim.synthetic.facts import looked_at, trades_of
from xtrade.sim.synthetic.presets import preset


def bars_of(name, interval_ns, count, seed=7):
    return synthetic_bars(preset(name), seed=seed, start_ns=START_NS, interval_ns=interval_ns, count=count)


def columns(bars):
    return (
        bars.start_ns,
        bars.open_ticks,
        bars.high_ticks,
        bars.low_ticks,
        bars.close_ticks,
        bars.volume_lots,
    )


def test_the_same_seed_makes_the_same_bars_and_more_of_them_change_none():
    one, more = bars_of("several-assets", MINUTE_NS, 500), bars_of("several-assets", MINUTE_NS, 700)

    for key, bars in one.items():
        for short, long in zip(columns(bars), columns(more[key]), strict=True):
            assert (short == long[:500]).all()


@pytest.mark.parametrize("name", ["spot-and-perpetual", "two-venues"])
def test_bars_close_where_the_tape_of_the_same_seed_is(name):
    tape = tape_of(name, minutes=60)
    bars = bars_of(name, MINUTE_NS, 60)
    for key in tape.keys:
        mid = looked_at(tape, key, every_ns=MINUTE_NS).mid
        apart = np.abs(mid - bars[key].close_ticks[: len(mid)])
        assert apart.mean() < 4, "ticks: a little more than a spread"
        assert apart.max() < 30


def test_hours_are_made_of_minutes_and_minutes_of_seconds():
    seconds = bars_of("calm", SECOND_NS, 3600)["sim:BTC/USDT"]
    minutes = bars_of("calm", MINUTE_NS, 120)["sim:BTC/USDT"]
    hours = bars_of("calm", HOUR_NS, 2)["sim:BTC/USDT"]

    assert (seconds.close_ticks[59::60] == minutes.close_ticks[:60]).all()
    assert (hours.close_ticks == minutes.close_ticks[59::60]).all()
    assert (hours.high_ticks == minutes.high_ticks.reshape(2, 60).max(axis=1)).all()
    assert (hours.low_ticks == minutes.low_ticks.reshape(2, 60).min(axis=1)).all()


def test_each_bar_opens_where_the_one_before_closed():
    bars = bars_of("busy", 5 * MINUTE_NS, 300)["sim:BTC/USDT"]

    assert (bars.open_ticks[1:] == bars.close_ticks[:-1]).all()
    assert (bars.volume_lots > 0).all()


def test_ranges_and_volumes_are_those_of_the_tape():
    tape = tape_of("two-venues", minutes=360)
    bars = bars_of("two-venues", MINUTE_NS, 360)
    looks = looked_at(tape, "sim:BTC/USDT", every_ns=SECOND_NS)
    minutes = looks.mid[: 359 * 60].reshape(359, 60)
    told = bars["sim:BTC/USDT"]
    ranges = (told.high_ticks - told.low_ticks)[:359]
    lots = trades_of(tape, "sim:BTC/USDT").lots.sum()

    assert 0.8 < ranges.mean() / (minutes.max(axis=1) - minutes.min(axis=1)).mean() < 1.35
    assert 0.6 < told.volume_lots.sum() / lots < 1.4
    assert np.corrcoef(ranges, told.volume_lots[:359])[0, 1] > 0.3, "busy minutes are wide minutes"


def test_a_year_has_the_volatility_and_the_tails_it_was_asked_for():
    """
    Trends add to what the regimes make of 45 % a year; jumps and clustering make the tails heavy.
    """
    closes = np.log(bars_of("two-venues", MINUTE_NS, 525_600, seed=3)["sim:BTC/USDT"].close_ticks)
    returns = np.diff(closes)

    assert 0.35 < returns.std() * 525_600**0.5 < 0.65
    assert ((returns / returns.std()) ** 4).mean() > 6
    assert np.corrcoef(np.abs(returns[:-60]), np.abs(returns[60:]))[0, 1] > 0.08, "an hour later"


def test_assets_move_together_by_the_product_of_their_correlations():
    bars = bars_of("several-assets", MINUTE_NS, 20_000)
    returns = [np.diff(np.log(each.close_ticks)) for each in bars.values()]
    ranks = [each.argsort().argsort() for each in returns]  # a jump is one asset's own
    together = np.corrcoef(ranks)

    assert 0.6 < together[0, 1] < 0.85
    assert 0.5 < together[0, 2] < 0.8
