"""A hedge of which one leg is closed behind our back: the other one is cut to what is still covered."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, strategies as st

from kit.markets import instrument
from xtrade.model.instruments import Kind
from xtrade.trading.exposure import Holding
from xtrade.trading.risk.guards import Action
from xtrade.trading.risk.pairs import Leg, Pair, judge_pair, naked

PERP = instrument()  # 0.001 BTC a lot
SPOT = instrument(Kind.SPOT, venue="okx")
COIN = instrument(Kind.INVERSE, venue="okx")  # 100 USD a lot
PAIR = Pair(name="basis", strategy="one", first=SPOT.key, second=PERP.key)
S = 1_000_000_000
NOW = 100 * S


def leg(market, lots, reported=None, reported_ns=NOW, filled_ns=0, is_quiet=True):
    return Leg(Holding(market, lots, Fraction(1000)), reported, reported_ns, filled_ns, is_quiet)


def judged(first, second, naked_since_ns=None, now_ns=NOW):
    return list(judge_pair(PAIR, first, second, now_ns, naked_since_ns))


def test_a_whole_hedge_is_left_alone():
    assert judged(leg(SPOT, 100), leg(PERP, -100)) == []
    assert judged(leg(SPOT, 100, reported=100), leg(PERP, -100, reported=-100)) == []
    assert judged(leg(SPOT, 0), leg(PERP, 0)) == []


def test_a_leg_that_was_liquidated_takes_its_partner_with_it():
    (verdict,) = judged(leg(SPOT, 100), leg(PERP, -100, reported=0))
    assert (verdict.action, verdict.strategy, verdict.cut) == (Action.CUT, "one", (SPOT.key, 100))
    assert verdict.reason == (
        f"{PERP.key} was closed behind our back: 0.1 BTC of {SPOT.key} is not covered by {PERP.key}"
    )
    assert (verdict.limit, verdict.figure) == ("2%", "100%")


def test_a_leg_that_was_deleveraged_in_part_is_matched():
    (verdict,) = judged(leg(SPOT, 100), leg(PERP, -100, reported=-60))
    assert verdict.cut == (SPOT.key, 40)
    # The other way round it is the perpetual that is cut.
    (verdict,) = judged(leg(SPOT, 100, reported=25), leg(PERP, -100))
    assert verdict.cut == (PERP.key, 75)


def test_a_leg_that_was_turned_round_makes_the_larger_one_wholly_naked():
    (verdict,) = judged(leg(SPOT, 100), leg(PERP, -100, reported=50))
    assert verdict.cut == (SPOT.key, 100)


def test_a_report_counts_only_when_nothing_of_ours_is_under_way_and_after_the_last_fill():
    quiet = {"reported": 0, "filled_ns": NOW - 2 * S}
    assert judged(leg(SPOT, 100), leg(PERP, -100, **quiet))
    assert not judged(leg(SPOT, 100), leg(PERP, -100, reported=0, filled_ns=NOW - 2 * S + 1))
    assert not judged(leg(SPOT, 100), leg(PERP, -100, **quiet, is_quiet=False))
    assert not judged(leg(SPOT, 100), leg(PERP, -100, reported=None))  # no word is not zero
    assert not judged(leg(SPOT, 100), leg(PERP, -100, reported=-500))  # more than we know: not closed


def test_what_lots_cannot_match_is_let_be():
    assert judged(leg(SPOT, 100), leg(PERP, -100, reported=-98)) == []
    assert judged(leg(SPOT, 100), leg(PERP, -100, reported=-97))


def test_legs_that_differ_in_our_own_books_have_some_time_to_come_together():
    legs = leg(SPOT, 100), leg(PERP, -50)
    assert naked(PAIR, legs)
    assert not naked(PAIR, (leg(SPOT, 100), leg(PERP, -98)))
    assert judged(*legs, naked_since_ns=NOW - 30 * S + 1) == []
    (verdict,) = judged(*legs, naked_since_ns=NOW - 30 * S)
    assert verdict.cut == (SPOT.key, 50)
    assert verdict.reason.startswith("the legs have differed for 30s")


def test_an_inverse_leg_is_matched_in_coins():
    pair = Pair(name="basis", strategy="one", first=COIN.key, second=PERP.key)
    # Ten lots of 100 USD are a coin at 1000: 1000 lots of the linear one.
    legs = leg(COIN, -10), leg(PERP, 1000)
    assert list(judge_pair(pair, *legs, NOW, None)) == []
    (verdict,) = judge_pair(pair, leg(COIN, -10, reported=-5), leg(PERP, 1000), NOW, None)
    assert verdict.cut == (PERP.key, 500)


lots = st.integers(-1000, 1000)


@given(lots, lots, st.none() | lots, st.none() | lots)
def test_after_the_cuts_no_more_is_naked_than_may_be(first, second, first_told, second_told):
    """
    Cut again and again, as looks follow each other, until nothing more is asked for: at the venue, the legs match.
    """
    at_venue = [first if first_told is None else first_told, second if second_told is None else second_told]
    ours = [first, second]
    told = [first_told, second_told]
    for _ in range(4):
        legs = [leg(market, ours[n], told[n]) for n, market in enumerate((SPOT, PERP))]
        verdicts = judged(*legs, naked_since_ns=0)
        if not verdicts:
            break
        (verdict,) = verdicts
        key, count = verdict.cut
        n = 0 if key == SPOT.key else 1
        seen = at_venue[n] if told[n] is not None and _counts(ours[n], told[n]) else ours[n]
        assert 0 < count <= abs(seen)
        step = -count if seen > 0 else count
        at_venue[n] += step
        ours[n] += step
        told[n] = None if told[n] is None else told[n] + step
    else:
        raise AssertionError("it never ends")
    real = [told[n] if told[n] is not None and _counts(ours[n], told[n]) else ours[n] for n in (0, 1)]
    larger = max(abs(real[0]), abs(real[1]))
    assert abs(real[0] + real[1]) <= Fraction(larger, 50)


def _counts(ours, told):
    return abs(told) < abs(ours) or told * ours < 0
