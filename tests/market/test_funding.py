"""Funding on one footing: by hand, never with an interval that nobody told."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from xtrade.market.funding import YEAR_NS, History, Settled, Terms, apr, compared, widest
from xtrade.model.errors import DataError
from xtrade.model.events import Funding

HOUR = 3_600 * 10**9
PERP = "binance:BTC/USDT:USDT"


def told(rate="0.0001", *, venue="binance", interval=8 * HOUR, predicted=None, next_ns=None):
    event = Funding(
        instrument=f"{venue}:BTC/USDT:USDT",
        received_ns=5,
        rate=Decimal(rate),
        interval_ns=interval,
        next_ns=next_ns,
        predicted=None if predicted is None else Decimal(predicted),
    )
    return Terms.of(event)


@pytest.mark.parametrize(
    ("rate", "hours", "year"), [("0.0001", 8, 0.1095), ("0.0000125", 1, 0.1095), ("-0.0003", 4, -0.657)]
)
def test_a_rate_of_a_year_knows_the_interval(rate, hours, year):
    assert apr(Decimal(rate), hours * HOUR) == pytest.approx(year)


def test_the_same_rate_is_more_where_it_is_paid_more_often():
    hourly, eight = told("0.0001", interval=HOUR, venue="okx"), told("0.0001")

    assert hourly.apr == pytest.approx(8 * eight.apr)
    assert compared([hourly, eight]) == [eight, hourly]


def test_an_interval_that_is_not_told_is_not_assumed():
    unknown = told(interval=None, predicted="0.0002")

    assert (unknown.apr, unknown.predicted_apr) == (None, None)
    assert compared([unknown, told("0.01")])[-1] is unknown
    assert widest([unknown, told()]) is None


def test_what_was_paid_before_shows_the_interval():
    history = History.of(PERP, [Settled(n * 4 * HOUR, Decimal("0.0001")) for n in range(5)])
    event = Funding(instrument=PERP, rate=Decimal("0.0001"), predicted=Decimal("0.0002"))

    terms = Terms.of(event, history)
    assert terms.interval_ns == 4 * HOUR
    assert terms.predicted_apr == pytest.approx(2 * terms.apr)


def test_the_time_to_the_payment():
    terms = told(next_ns=100)

    assert [terms.due_in_ns(now) for now in (40, 100, 130)] == [60, 0, 0]
    assert told().due_in_ns(40) is None


def test_what_was_paid_in_a_stretch_is_a_rate_of_a_year():
    day = [Settled(n * 8 * HOUR, Decimal("0.0001")) for n in range(1, 7)]
    history = History.of(PERP, reversed(day))

    assert history.apr(24 * HOUR, 48 * HOUR) == pytest.approx(0.0003 * 365)
    assert history.apr(0, 48 * HOUR) == pytest.approx(0.0003 * 365)
    assert history.apr(-24 * HOUR, 48 * HOUR) is None  # nobody saw what was paid then
    assert history.apr(48 * HOUR, 50 * HOUR) is None
    assert History.of(PERP, []).apr(0, HOUR) is None


def test_a_payment_told_twice_counts_once_and_a_contradiction_is_an_error():
    once = Settled(HOUR, Decimal("0.0001"))
    assert History.of(PERP, [once, once]).settled == (once,)
    with pytest.raises(DataError, match=r"two funding rates for 3600000000000 ns: 0.0001 and 0.0002"):
        History.of(PERP, [once, Settled(HOUR, Decimal("0.0002"))])


def test_the_widest_pair_is_long_the_lowest_and_short_the_highest():
    rows = [told("0.0001"), told("-0.0002", venue="okx"), told("0.00005", venue="aster", interval=HOUR)]

    found = widest(rows)
    assert (found.long.instrument, found.short.instrument) == ("okx:BTC/USDT:USDT", "aster:BTC/USDT:USDT")
    assert found.apr == pytest.approx(0.00005 * 8760 + 0.0002 * 1095)


@given(st.lists(st.decimals(-1, 1, places=8), min_size=2, max_size=40), st.integers(1, 24))
def test_a_history_of_equal_intervals_comes_to_the_mean_rate_of_a_year(rates, hours):
    interval = hours * HOUR
    history = History.of(PERP, [Settled((n + 1) * interval, rate) for n, rate in enumerate(rates)])

    mean = sum(map(float, rates)) / len(rates)
    found = history.apr(0, len(rates) * interval)
    assert found == pytest.approx(mean * YEAR_NS / interval, rel=1e-9, abs=1e-9)
