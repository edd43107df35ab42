"""What docs/synthetic-markets.md claims of these markets, on fixed seeds and with room to both sides."""

import numpy as np
import pytest

from kit.replays import level, mark, tape, trade
from kit.synthetics import SECOND_NS, tape_of
from xtrade.model.errors import UsageError
from xtrade.sim.replay.tape import Happening
from xtrade.sim.synthetic.facts import autocorrelation, lead, looked_at, trades_of

KEY = "sim:BTC/USDT"
HOURS = 6 * 60


@pytest.fixture(scope="module")
def looks():
    return looked_at(tape_of("two-venues", minutes=HOURS), KEY, every_ns=SECOND_NS)


@pytest.fixture(scope="module")
def returns(looks):
    return np.diff(np.log(looks.mid))


@pytest.fixture(scope="module")
def trades():
    return trades_of(tape_of("two-venues", minutes=HOURS), KEY)


def test_a_look_finds_what_stands_there_then():
    played = tape(
        [
            mark(0, Happening.CLEAR, 0),
            mark(0, Happening.CLEAR, 1),
            level(0, 0, 99, 5),
            level(0, 1, 101, 7),
            level(0, 1, 103, 1),
            mark(0, Happening.READY),
            level(15, 1, 101, 0),
            level(25, 0, 102, 4),
            trade(26, 1, 102, 4),
            level(26, 0, 102, 0),
            level(35, 0, 104, 1),
            level(41, 0, 104, 0),
        ]
    )
    found = looked_at(played, played.keys[0], every_ns=10, deep=3)

    assert found.bid_ticks.tolist() == [99, 99, 99, 104]
    assert found.ask_ticks.tolist() == [101, 103, 103, 103]
    assert found.spread.tolist() == [2, 4, 4, -1]
    assert found.crossed == 1
    assert found.depth[0] == (5 + 7 + 5 + 1 + 5 + 1 + 1 + 1) / 8


def test_levels_taken_by_one_taker_are_one_trade():
    played = tape([trade(5, 0, 101, 3), trade(5, 0, 102, 4), trade(5, 1, 99, 1), trade(6, 1, 98, 2)])
    found = trades_of(played, played.keys[0])

    assert found.sign.tolist() == [1, -1, -1]
    assert found.ticks.tolist() == [102, 99, 98]
    assert found.lots.tolist() == [7, 1, 2]


def test_lead_and_autocorrelation_of_known_series():
    wave = np.sin(np.arange(1000) * np.pi / 5)

    assert autocorrelation(wave, [0, 5, 10]).round(1).tolist() == [1, -1, 1]
    assert lead(wave, np.roll(wave, 3), [3])[0] > 0.99
    assert lead(np.roll(wave, 3), wave, [-3])[0] > 0.99


def test_what_is_not_on_the_tape_is_named():
    played = tape([trade(5, 0, 101, 3)])
    with pytest.raises(UsageError, match="is not on the tape"):
        looked_at(played, "sim:ETH/USDT", every_ns=1)
    with pytest.raises(UsageError, match="has no book on this tape"):
        looked_at(played, played.keys[0], every_ns=1)


def test_the_book_is_never_crossed_nor_empty(looks):
    assert looks.crossed == 0
    assert (looks.bid_ticks > 0).all()
    assert (looks.ask_ticks > 0).all()


def test_spreads_are_a_few_ticks_and_wider_in_wild_times(looks, returns):
    spread = looks.spread[1:]
    wild = np.convolve(np.abs(returns), np.ones(60) / 60, "same")
    calm, rough = wild < np.quantile(wild, 0.25), wild > np.quantile(wild, 0.75)

    assert 1.5 < spread.mean() < 6
    assert spread[rough].mean() > 1.2 * spread[calm].mean()


def test_depth_has_a_hump(looks):
    deepest = int(np.argmax(looks.depth))

    assert 4 <= deepest <= 20
    assert looks.depth[deepest] > 1.5 * looks.depth[0]
    assert looks.depth[deepest] > 2 * looks.depth[45]


def test_returns_have_heavy_tails_and_little_memory(returns):
    assert ((returns / returns.std()) ** 4).mean() > 4.5
    assert np.abs(autocorrelation(returns, [1])).max() < 0.15
    assert np.abs(autocorrelation(returns, range(5, 30))).max() < 0.04


def test_volatility_clusters(returns):
    assert autocorrelation(np.abs(returns), [1])[0] > 0.15
    assert autocorrelation(np.abs(returns), range(30, 300, 30)).min() > 0.05


def test_signs_of_trades_persist(trades):
    signs = autocorrelation(trades.sign, [1, 5, 10, 20])

    assert signs[0] > 0.15
    assert (signs[1:] > 0).all()
    assert signs[0] > signs[1] > signs[3]


def test_trades_come_in_bursts(trades):
    """
    The variance of counts is that of a Poisson process when their ratio is 1.
    """
    counts = np.bincount((trades.ns - trades.ns[0]) // SECOND_NS)

    assert counts.var() / counts.mean() > 1.5


def test_sizes_have_a_heavy_tail(trades):
    assert trades.lots.max() > 20 * np.median(trades.lots)
    assert np.quantile(trades.lots, 0.99) > 6 * np.median(trades.lots)


def test_a_trade_moves_the_price_and_part_of_it_stays(trades, looks):
    at = np.searchsorted(looks.ns, trades.ns) - 1
    at = at[(at >= 0) & (at < len(looks.ns) - 61)]
    sign = trades.sign[: len(at)]
    after = [float((sign * (looks.mid[at + ahead] - looks.mid[at])).mean()) for ahead in (1, 5, 60)]

    assert 0.2 < after[0] < 3, "ticks"
    assert after[1] > after[0]
    assert 0.1 < after[2] < after[1] + 1


def test_the_second_venue_follows_by_its_delay():
    played = tape_of("two-venues", minutes=HOURS)
    first, second = (np.diff(looked_at(played, key, every_ns=SECOND_NS // 10).mid) for key in played.keys)
    count = min(len(first), len(second))
    by_lag = lead(first[:count], second[:count], range(-10, 11))

    assert int(np.argmax(by_lag)) - 10 == 3, "300 ms"
    assert by_lag.max() > 0.3
    assert np.abs(by_lag[:8]).max() < 0.1, "nobody leads the leader"


def test_the_basis_returns_to_its_mean():
    played = tape_of("spot-and-perpetual", minutes=120)
    spot, perpetual = (looked_at(played, key, every_ns=60 * SECOND_NS).mid for key in played.keys)
    basis = (perpetual / spot - 1) * 1e4

    assert -15 < basis.mean() < 15
    assert 0.5 < basis.std() < 10
    assert autocorrelation(basis, [1])[0] > 0.8, "a minute later it is much the same"


def test_activity_and_volatility_go_together(trades, returns):
    start = trades.ns[0]
    counts = np.bincount((trades.ns - start) // (60 * SECOND_NS))[: len(returns) // 60]
    moved = np.abs(returns[: len(counts) * 60].reshape(-1, 60)).sum(axis=1)

    assert np.corrcoef(counts[: len(moved)], moved)[0, 1] > 0.4
