"""Two legs: whatever either venue does, the naked size is bounded, and the naked time too while any venue answers."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from kit.pairs import (
    FILLED_UNHEARD,
    FILLS,
    GOES_DOWN,
    HALF,
    NEVER_ARRIVES,
    NONE,
    ONE,
    REJECTS,
    THREE,
    TOO_SLOW,
    TWO,
    S,
    agrees,
    leg,
    paired,
    wish,
)
from kit.venues import HandMarkets, Reaction, execute, market
from xtrade.model.errors import UsageError
from xtrade.model.instruments import Kind
from xtrade.model.sides import Side
from xtrade.trading.execution.outcome import Ended
from xtrade.trading.execution.paired import trade_paired

STYLES = ["maker-taker", "taker-taker"]


def placed(truth):
    """(venue, side, lots, time in force) of each order."""
    return [
        (each.instrument.partition(":")[0], str(each.side), each.lots, str(each.time_in_force))
        for each in truth.markets.placed
    ]


@pytest.mark.parametrize("style", STYLES)
def test_both_legs_trade_the_same_amount_in_clips_of_the_common_lot(style):
    outcome, truth, journal = paired(style=style)

    assert (outcome.ended, outcome.paired_base, outcome.naked_base) == (Ended.DONE, Decimal("0.04"), 0)
    assert [each.filled_lots for each in outcome.legs] == [40, 16]
    rests = "gtc" if style == "maker-taker" else "ioc"
    assert (
        placed(truth)
        == [
            ("binance", "buy", 20, rests),
            ("okx", "sell", 8, "ioc"),
        ]
        * 2
    )
    assert outcome.promises_kept
    assert not outcome.compensations
    assert outcome.naked_base_worst == Decimal("0.02")
    assert journal.notes[-1].startswith("paired: 0.04 of 0.04 BTC on binance:BTC/USDT:USDT and okx:")


def test_what_a_maker_fills_bit_by_bit_is_hedged_as_far_as_the_other_venue_takes_it():
    bits = Reaction(fill=0.35, after_ms=100)  # 7 of 20 lots: 14 grains, of which two lots of 5 can be hedged
    outcome, truth, _ = paired({ONE.key: [bits]}, timeout_s=1.0)

    assert placed(truth)[:2] == [("binance", "buy", 20, "gtc"), ("okx", "sell", 2, "ioc")]
    # What was too little for the second venue is unwound on the first when time is over.
    assert placed(truth)[2:] == [("binance", "sell", 2, "ioc")]
    assert (outcome.ended, outcome.naked_base, outcome.paired_base) == (Ended.TIMED_OUT, 0, Decimal("0.005"))
    assert outcome.promises_kept


def test_a_hedge_that_fails_is_tried_again_then_unwound_and_the_maker_is_withdrawn():
    outcome, truth, journal = paired({ONE.key: [HALF], TWO.key: [NONE, REJECTS, NONE]})

    assert placed(truth) == [
        ("binance", "buy", 20, "gtc"),
        ("okx", "sell", 4, "ioc"),
        ("okx", "sell", 4, "ioc"),
        ("binance", "sell", 10, "ioc"),
    ]
    assert (outcome.ended, outcome.paired_base, outcome.naked_base) == (Ended.COMPENSATED, 0, 0)
    assert outcome.promises_kept
    assert outcome.compensations == (
        f"hedge: sell 1 {TWO.key}",
        f"unwind: sell 0.01 {ONE.key}",
    )
    assert any("traded 0 of 4 lots" in note for note in journal.notes)


def test_what_fails_is_hedged_elsewhere_before_it_is_unwound():
    outcome, truth, _ = paired(
        {TWO.key: [NONE, NONE, NONE]}, instruments=(ONE, TWO, THREE), elsewhere=leg(THREE, Side.SELL)
    )

    assert placed(truth)[-1] == ("kucoin", "sell", 20, "ioc")
    assert outcome.ended is Ended.COMPENSATED
    assert [each.filled_lots for each in outcome.legs] == [20, 0, 20]
    assert (outcome.paired_base, outcome.naked_base) == (Decimal("0.02"), 0)


def test_a_venue_that_is_down_is_not_tried_and_nothing_is_opened_meanwhile():
    outcome, truth, _ = paired(
        {ONE.key: [Reaction(after_ms=500)]}, [(0.2, lambda markets: markets.link_down("okx", 4_000))]
    )

    opened = [each.decided_ns for each in truth.markets.placed if each.side is Side.BUY]
    assert opened[0] == 0
    assert all(ns >= 4.2 * S for ns in opened[1:])
    assert outcome.ended is Ended.DONE


def test_a_leg_that_failed_behind_a_dead_venue_is_unwound_in_time():
    down_as_it_fills = Reaction(after_ms=100)
    outcome, truth, _ = paired(
        {ONE.key: [down_as_it_fills]}, [(0.1, lambda markets: markets.link_down("okx", 30_000))]
    )

    assert placed(truth) == [("binance", "buy", 20, "gtc"), ("binance", "sell", 20, "ioc")]
    assert outcome.naked_s_longest < 0.1
    assert (outcome.ended, outcome.promises_kept) == (Ended.COMPENSATED, True)


@pytest.mark.parametrize("lost", [FILLED_UNHEARD, NEVER_ARRIVES])
def test_a_hedge_in_doubt_counts_as_possibly_filled_and_is_not_sent_again(lost):
    outcome, truth, _ = paired({TWO.key: [lost]})

    hedges = [each.decided_ns for each in truth.markets.placed if each.instrument == TWO.key]
    assert hedges[1] >= 1.5 * S
    agrees(outcome, truth)
    assert outcome.naked_base == 0


def test_a_fill_that_is_told_after_the_end_of_its_order_is_hedged():
    late = Reaction(fill=0, cancel="late")
    outcome, truth, _ = paired({ONE.key: [late]}, [(1.0, lambda markets: markets.move(ONE.key, 1005, 1006))])

    assert ("okx", "sell", 8, "ioc") in placed(truth)
    assert outcome.naked_base == 0
    agrees(outcome, truth)


def test_what_no_venue_takes_ends_naked_with_an_alarm_and_the_figures():
    outcome, truth, journal = paired({ONE.key: [FILLS, *[NONE] * 500], TWO.key: [NONE] * 500}, give_up_s=5.0)

    assert (outcome.ended, outcome.promises_kept) == (Ended.NAKED, False)
    assert outcome.naked_base == Decimal("0.02")
    assert outcome.naked_s_longest > 3
    assert "0.02 BTC are still naked" in outcome.reason
    assert sum(note.startswith("ALARM") for note in journal.notes) == 1
    agrees(outcome, truth)


def test_an_order_nobody_answers_is_told_as_what_it_may_be():
    unheard = Reaction(fill=1, answers=False, settled_ms=100_000)
    pair = wish(timeout_s=2.0, give_up_s=4.0)
    markets = HandMarkets([ONE, TWO], {TWO.key: [unheard]})
    outcome, _, _ = execute(markets, lambda ctx: trade_paired(ctx, pair))

    assert (outcome.ended, outcome.promises_kept) == (Ended.IN_DOUBT, False)
    assert (outcome.naked_base_low, outcome.naked_base_high) == (0, Decimal("0.02"))


def test_taker_legs_that_did_not_leave_together_are_mended():
    """
    The first leg is refused by the venue, the second trades: the first is tried again before anything is unwound.
    """
    outcome, truth, _ = paired({ONE.key: [REJECTS]}, style="taker-taker", base=Decimal("0.02"))

    assert placed(truth) == [
        ("binance", "buy", 20, "ioc"),
        ("okx", "sell", 8, "ioc"),
        ("binance", "buy", 20, "ioc"),
    ]
    assert (outcome.ended, outcome.naked_base) == (Ended.DONE, 0)


def test_a_leg_that_the_risk_gate_refuses_keeps_the_other_at_home():
    far = leg(ONE, Side.BUY, through_ticks=200)  # beyond the price band; the other leg would be let out
    outcome, truth, _ = paired(style="taker-taker", first=far)

    assert not truth.markets.placed
    assert outcome.ended is Ended.REFUSED
    assert outcome.promises_kept


def test_canceled_in_the_middle_it_still_closes_what_is_naked():
    markets = HandMarkets([ONE, TWO], {ONE.key: [Reaction(after_ms=100)], TWO.key: [NONE, NONE, NONE]})

    async def canceled(ctx):
        task = ctx.run(trade_paired(ctx, wish()))
        await ctx.sleep(0.12)
        task.cancel()
        await task
        return ctx.position_lots(ONE.key), ctx.position_lots(TWO.key), ctx.orders()

    assert execute(markets, canceled)[0] == (0, 0, [])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"naked_base_max": Decimal(0)}, "naked_base_max = 0"),
        ({"naked_base_max": Decimal(1)}, "no more than base"),
        ({"naked_s_max": 1.0}, "naked_s_max = 1.0: expected 1.8 s or more"),
        ({"second": leg(TWO, Side.BUY)}, "one to buy and one to sell"),
        ({"second": leg(ONE, Side.SELL)}, "expected different markets"),
        ({"elsewhere": leg(THREE, Side.BUY)}, "expected that of the second leg"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_words(changed, says):
    with pytest.raises(ValueError, match=says):
        wish(**changed)


@pytest.mark.parametrize(
    ("instruments", "changed", "says"),
    [
        ((ONE, TWO), {"naked_base_max": Decimal("0.004")}, "smallest amount that both can trade, 0.005 BTC"),
        ((ONE, market("okx", kind=Kind.INVERSE)), {}, "is an inverse contract"),
        ((ONE, market("okx", base="ETH")), {}, "BTC is not ETH"),
    ],
)
def test_legs_that_do_not_fit_are_refused_before_anything_is_sent(instruments, changed, says):
    markets = HandMarkets(instruments)
    pair = wish(second=leg(instruments[1], Side.SELL), **changed)

    async def tries(ctx):
        with pytest.raises(UsageError, match=says):
            await trade_paired(ctx, pair)

    execute(markets, tries)
    assert not markets.placed


# -- every order of what may happen ---------------------------------------------------------------------------------

KINDS = [FILLS, HALF, NONE, REJECTS, FILLED_UNHEARD, NEVER_ARRIVES, TOO_SLOW, GOES_DOWN]
LATER = [FILLS, NONE, FILLED_UNHEARD, GOES_DOWN]


def keeps_both_promises(scripts, **changed):
    outcome, truth, _ = paired(scripts, **changed)

    agrees(outcome, truth)
    # By the venues' own truth; a few milliseconds pass before we hear of what happened there.
    assert truth.naked_ns_longest <= 3 * S + 20_000_000
    if outcome.ended not in {Ended.NAKED, Ended.IN_DOUBT}:
        assert abs(truth.exposure) < truth.smallest
    if outcome.ended is Ended.DONE:
        assert outcome.paired_base == outcome.base
    if outcome.promises_kept:
        assert outcome.naked_s_longest <= 3.0
    return outcome, truth


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("first", range(len(KINDS)))
@pytest.mark.parametrize("second", range(len(KINDS)))
def test_every_order_of_fill_reject_time_out_and_disconnect_keeps_both_bounds(style, first, second):
    for later_first, later_second in product(LATER, LATER):
        keeps_both_promises(
            {ONE.key: [KINDS[first], later_first], TWO.key: [KINDS[second], later_second]}, style=style
        )


def test_what_the_combinations_are_meant_to_reach_is_reached():
    """
    A fault that is drawn and never met tests nothing.
    """
    reached = set()
    for style, first, second in product(STYLES, KINDS, KINDS):
        outcome, truth, journal = paired(
            {ONE.key: [FILLS, first], TWO.key: [second, REJECTS, second]}, style=style
        )
        reached.add(str(outcome.ended))
        reached |= {said.split(":")[0] for said in outcome.compensations}
        if any(type(record).__name__ == "OrderInDoubt" for record in journal.records):
            reached.add("an order in doubt")
        if any(order.reaction.goes_down for order in truth.markets.at_venue.values()):
            reached.add("a dead venue")
        if truth.worst == truth.most:
            reached.add("the bound on the size")
        assert not [record for record in journal.records if type(record).__name__ == "Refused"]

    assert reached >= {
        "done",
        "compensated",
        "hedge",
        "unwind",
        "an order in doubt",
        "a dead venue",
        "the bound on the size",
    }


reactions = st.builds(
    Reaction,
    fill=st.sampled_from([0.0, 0.05, 0.35, 0.5, 0.75, 1.0]),
    after_ms=st.sampled_from([0, 0, 5, 95, 100, 105, 400]),
    then=st.sampled_from(["rest", "rest", "drop", "reject"]),
    answers=st.sampled_from([True, True, True, False]),
    arrives=st.sampled_from([True, True, True, False]),
    settled_ms=st.sampled_from([1_100, 2_500]),
    slow_ms=st.sampled_from([0, 0, 0, 450, 900]),
    twice=st.booleans(),
    goes_down=st.sampled_from([False, False, False, True]),
    down_ms=st.sampled_from([50, 700]),
    cancel=st.sampled_from(["ok", "ok", "refuse", "lost"]),
)
cuts = st.lists(
    st.tuples(st.floats(0.001, 6), st.sampled_from(["binance", "okx"]), st.integers(1, 900)), max_size=3
)
moves = st.lists(
    st.tuples(st.floats(0.001, 6), st.sampled_from([ONE.key, TWO.key]), st.integers(985, 1015)), max_size=4
)


@given(
    first=st.lists(reactions, max_size=6),
    second=st.lists(reactions, max_size=6),
    third=st.none() | st.lists(reactions, max_size=3),
    style=st.sampled_from(STYLES),
    side=st.sampled_from(Side),
    cuts=cuts,
    moves=moves,
    least=st.tuples(st.sampled_from([1, 1, 4]), st.sampled_from([1, 1, 3])),
)
def test_whatever_both_venues_do_at_whatever_time_the_bounds_hold(
    first, second, third, style, side, cuts, moves, least
):
    happenings = [
        (at, lambda markets, venue=venue, ms=ms: markets.link_down(venue, ms)) for at, venue, ms in cuts
    ]
    happenings += [
        (at, lambda markets, key=key, to=to: markets.move(key, to, to + 1)) for at, key, to in moves
    ]
    more = {} if third is None else {"elsewhere": leg(THREE, side.opposite)}
    one, two = replace(ONE, min_lots=least[0]), replace(TWO, min_lots=least[1])
    keeps_both_promises(
        {ONE.key: first, TWO.key: second, THREE.key: third or []},
        instruments=(one, two) if third is None else (one, two, THREE),
        happenings=happenings,
        style=style,
        first=leg(ONE, side),
        second=leg(TWO, side.opposite),
        **more,
    )
