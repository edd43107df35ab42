"""What is naked at worst, for how long, and on which grid two legs meet."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from kit.venues import market
from xtrade.trading.execution.common_lot import common_lot
from xtrade.trading.execution.exposure import Exposure, NakedAges

amounts = st.integers(-1000, 1000)
sizes = st.integers(0, 500)
exposures = st.builds(
    lambda known, sells, buys: Exposure(known, known - sells, known + buys), amounts, sizes, sizes
)


@given(exposure=exposures, share=st.floats(0, 1), signed=amounts)
def test_the_worst_case_covers_whatever_becomes_of_what_is_open(exposure, share, signed):
    somewhere = exposure.low + round(share * (exposure.high - exposure.low))

    assert abs(somewhere) <= exposure.worst
    assert exposure.low <= exposure.surely <= exposure.high
    assert abs(exposure.surely) <= abs(somewhere)
    sent = exposure.with_sent(signed)
    assert {exposure.known, sent.low <= somewhere + signed <= sent.high} == {sent.known, True}


@given(exposure=exposures, sign=st.sampled_from([1, -1]), most=st.integers(1, 2000))
def test_what_there_is_room_for_keeps_the_bound_and_a_grain_more_does_not(exposure, sign, most):
    room = exposure.room(sign, most)

    if exposure.worst <= most:
        assert exposure.with_sent(sign * room).worst <= most
        assert exposure.with_sent(sign * (room + 1)).worst > most
    assert room >= 0


def test_what_came_first_is_hedged_first():
    ages = NakedAges()
    ages.follow(10, 100, is_naked=True)
    ages.follow(15, 200, is_naked=True)
    assert ages.age_ns(300) == 200

    ages.follow(5, 300, is_naked=True)  # the first ten are hedged
    assert ages.age_ns(400) == 200
    ages.follow(0, 450, is_naked=False)
    assert ages.age_ns(500) == 0
    assert ages.longest_ns == 250


def test_what_is_too_little_to_hedge_has_no_age_until_more_comes():
    ages = NakedAges()
    ages.follow(3, 100, is_naked=False)
    assert ages.age_ns(900) == 0

    ages.follow(8, 900, is_naked=True)
    assert ages.age_ns(950) == 50


def test_the_other_way_round_is_young_again():
    ages = NakedAges()
    ages.follow(10, 100, is_naked=True)
    ages.follow(-4, 400, is_naked=True)

    assert ages.age_ns(450) == 50
    assert ages.longest_ns == 300


@given(moves=st.lists(st.tuples(st.integers(0, 100), amounts), max_size=20))
def test_an_age_is_never_longer_than_something_has_been_naked(moves):
    ages, now, since = NakedAges(), 0, None
    for wait, known in moves:
        now += wait
        ages.follow(known, now, is_naked=known != 0)
        since = (now if since is None else since) if known else None
        assert 0 <= ages.age_ns(now) <= (0 if since is None else now - since)
        assert sum(grains for _, grains in ages._parts) == abs(known)


lots = st.sampled_from(["0.00001", "0.001", "0.0025", "0.01", "0.03", "0.1", "1", "5"])
multipliers = st.sampled_from(["1", "0.01", "0.001", "0.0001", "10"])


@given(
    first=st.tuples(lots, multipliers),
    second=st.tuples(lots, multipliers),
    third=st.none() | st.tuples(lots, multipliers),
)
def test_all_lots_are_whole_grains_and_a_unit_is_whole_lots_of_both(first, second, third):
    given_lots = [each for each in (first, second, third) if each is not None]
    markets = [
        market(venue, lot=lot, multiplier=multiplier)
        for venue, (lot, multiplier) in zip(("binance", "okx", "kucoin"), given_lots, strict=False)
    ]
    common = common_lot(*markets)

    for of, grains in zip(markets, common.grains, strict=True):
        assert grains * common.grain == Fraction(of.lot) * Fraction(of.multiplier)
    assert common.unit % common.grains[0] == common.unit % common.grains[1] == 0
    assert common.unit <= common.grains[0] * common.grains[1]
    assert common.of_base(common.base(common.unit)) == common.unit


@pytest.mark.parametrize(
    ("amount", "grains"), [("0.0049", 9), ("0.005", 10), (Decimal("0.0051"), 10), (1, 2000), ("0", 0)]
)
def test_an_amount_is_rounded_down_to_grains(amount, grains):
    common = common_lot(market("binance", lot="0.001"), market("okx", lot="0.25", multiplier="0.01"))

    assert common.of_base(amount) == grains
