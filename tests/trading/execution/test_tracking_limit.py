"""A tracking limit follows the touch, counts every fill, and never trades more than was wanted."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from kit.desks import KEY, OPENING, Desk, Scripted, level, ticking, trade
from kit.venues import HandMarkets, Reaction, S, execute, market
from xtrade.model.sides import Side
from xtrade.runtime import chance
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.trading.execution.outcome import Ended
from xtrade.trading.execution.tracking import TrackingLimit, track_limit

ONE = market()
RESTS = Reaction(fill=0)


def wish(**changed):
    return TrackingLimit(
        **{"instrument": ONE.key, "side": Side.BUY, "lots": 10, "timeout_s": 20, "attempts_max": 20} | changed
    )


def tracked(script, happenings=(), until_s=600.0, **changed):
    markets = HandMarkets([ONE], {ONE.key: script})
    moves = [(seconds, lambda to=to: markets.move(ONE.key, *to)) for seconds, to in happenings]
    outcome, journal, _ = execute(
        markets, lambda ctx: track_limit(ctx, wish(**changed)), happenings=moves, until_s=until_s
    )
    assert abs(markets.truth[ONE.key]) == outcome.filled_lots <= outcome.lots
    return outcome, markets, journal


def test_it_stands_at_the_touch_and_is_done_when_all_traded():
    outcome, markets, journal = tracked([Reaction(after_ms=2_000)])

    assert (outcome.ended, outcome.filled_lots, outcome.left_lots) == (Ended.DONE, 10, 0)
    ((ticks, lots, post_only),) = [(each.ticks, each.lots, each.post_only) for each in markets.placed]
    assert (ticks, lots, post_only) == (1000, 10, True)
    assert outcome.average_price == ONE.price(1000)
    assert outcome.ended_ns == 2 * S + 10_000_000
    assert journal.notes == [
        f"tracking limit: buy 0.01 of 0.01 {ONE.key} at 100 in 1 orders, done: all of it traded"
    ]


def test_it_follows_the_touch_by_cancel_then_replace_for_what_is_left():
    half_then_stay = Reaction(fill=0.4, after_ms=100)
    outcome, markets, _ = tracked(
        [half_then_stay, Reaction(after_ms=100)], happenings=[(1.0, (1005, 1006))], offset_ticks=1
    )

    assert [(each.ticks, each.lots) for each in markets.placed] == [(999, 10), (1004, 6)]
    assert outcome.is_done


def test_within_the_tolerance_it_keeps_its_place_in_the_queue():
    _, markets, _ = tracked([Reaction(after_ms=3_000)], happenings=[(1.0, (1002, 1003))], tolerance_ticks=2)

    assert len(markets.placed) == 1


def test_a_fill_during_the_cancel_counts():
    # The whole order trades 4 ms after the cancel left, and 1 ms before it arrives.
    fills_late = Reaction(fill=1.0, after_ms=1_000 - 2)
    outcome, markets, _ = tracked([fills_late], happenings=[(0.9, (1010, 1011))], look_every_s=1.0)

    assert len(markets.placed) == 1
    assert (outcome.filled_lots, outcome.ended) == (10, Ended.DONE)


@pytest.mark.parametrize("cancel", ["refuse", "lost"])
def test_a_cancel_that_is_refused_or_lost_is_asked_again_before_anything_new_is_sent(cancel):
    outcome, markets, _ = tracked(
        [Reaction(fill=0.3, after_ms=50, cancel=cancel), Reaction()], happenings=[(1.0, (1005, 1006))]
    )

    assert [each.lots for each in markets.placed] == [10, 7]
    assert markets.placed[1].decided_ns >= 1.5 * S
    assert outcome.is_done


def test_a_fill_that_a_venue_tells_after_the_end_of_its_order_is_counted_and_ends_it():
    """
    Nobody could know: the order was reported canceled, and nothing said that it had traded before.
    """
    markets = HandMarkets([ONE], {ONE.key: [Reaction(fill=0, cancel="late"), RESTS]})
    outcome, _, _ = execute(
        markets,
        lambda ctx: track_limit(ctx, wish(look_every_s=0.02)),
        happenings=[(1.0, lambda: markets.move(ONE.key, 1005, 1006))],
    )

    assert [each.lots for each in markets.placed] == [10, 10]
    assert (outcome.ended, outcome.filled_lots, outcome.open_lots) == (Ended.DONE, 10, 0)
    assert not any(order.alive for order in markets.at_venue.values())


def test_an_order_in_doubt_is_never_sent_twice():
    lost = Reaction(answers=False, settled_ms=8_000)
    outcome, markets, _ = tracked([lost], happenings=[(1.0, (1005, 1006))], answer_s=30)

    assert len(markets.placed) == 1
    assert outcome.is_done


def test_it_gives_up_an_order_in_doubt_and_says_what_may_have_traded():
    lost = Reaction(answers=False, settled_ms=60_000)
    markets = HandMarkets([ONE], {ONE.key: [lost]})
    outcome, _, _ = execute(markets, lambda ctx: track_limit(ctx, wish(timeout_s=5, answer_s=10)))

    assert (outcome.ended, outcome.filled_lots, outcome.open_lots) == (Ended.IN_DOUBT, 0, 10)
    assert len(markets.placed) == 1
    assert outcome.ended_ns < 60 * S


def test_its_time_ends_it_and_nothing_stays_open():
    outcome, markets, _ = tracked([RESTS])

    assert (outcome.ended, outcome.left_lots, outcome.open_lots) == (Ended.TIMED_OUT, 10, 0)
    assert not any(order.alive for order in markets.at_venue.values())
    assert outcome.ended_ns == pytest.approx(20 * S, abs=0.1 * S)


def test_what_is_left_is_taken_at_the_market_within_the_guard():
    outcome, markets, journal = tracked(
        [Reaction(fill=0.2, after_ms=10), Reaction()], timeout_s=2, fallback_through_ticks=5
    )

    assert [(each.ticks, each.lots, each.time_in_force) for each in markets.placed] == [
        (1000, 10, "gtc"),
        (1006, 8, "ioc"),
    ]
    assert outcome.is_done
    assert "takes 8 lots at the market" in journal.notes[0]


def test_the_worst_price_bounds_where_it_stands_and_what_the_fallback_takes():
    outcome, markets, _ = tracked(
        [RESTS, RESTS],
        happenings=[(1.0, (1020, 1021))],
        worst_ticks=1010,
        timeout_s=3,
        fallback_through_ticks=50,
    )

    assert [each.ticks for each in markets.placed] == [1000, 1010]
    assert outcome.ended is Ended.PRICE_GUARD


def test_it_sends_no_more_orders_than_it_may():
    moves = [(second, (1000 + second, 1001 + second)) for second in range(1, 10)]
    outcome, markets, _ = tracked([RESTS] * 20, happenings=moves, attempts_max=4)

    assert len(markets.placed) == 4
    assert outcome.ended is Ended.ATTEMPTS_SPENT


def test_a_venue_that_keeps_refusing_ends_it():
    outcome, markets, _ = tracked([Reaction(then="reject")] * 50)

    assert len(markets.placed) == 5
    assert (outcome.ended, outcome.reason) == (Ended.REFUSED, "the venue rejected the order")


def test_the_risk_gate_ends_it_with_the_name_of_the_rule():
    outcome, markets, _ = tracked(
        [], lots=10, worst_ticks=None, reduce_only=False, offset_ticks=-2000, post_only=False
    )

    assert outcome.ended is Ended.REFUSED
    assert outcome.reason.startswith("price_band: ")
    assert not markets.placed


def test_it_pulls_its_order_while_the_book_has_a_gap():
    outcome, markets, _ = tracked(
        [RESTS, Reaction()], happenings=[(1.0, (1000, 1001, 10, False)), (5.0, (1001, 1002))]
    )

    assert [each.decided_ns >= 5 * S for each in markets.placed] == [False, True]
    assert outcome.is_done


def test_an_order_that_alone_is_the_touch_does_not_run_away_from_itself():
    outcome, markets, _ = tracked(
        [Reaction(after_ms=9_000)], happenings=[(1.0, (999, 1003, 10))], offset_ticks=1
    )

    assert [each.ticks for each in markets.placed] == [999]
    assert outcome.is_done


def test_a_canceled_task_cancels_what_is_open():
    markets = HandMarkets([ONE], {ONE.key: [RESTS]})

    async def canceled(ctx):
        task = ctx.run(track_limit(ctx, wish()))
        await ctx.sleep(1)
        task.cancel()
        await ctx.sleep(1)
        return ctx.orders()

    orders, _, _ = execute(markets, canceled)
    assert not orders


reactions = st.builds(
    Reaction,
    fill=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0]),
    after_ms=st.sampled_from([0, 3, 240, 245, 248, 250, 255, 900]),
    then=st.sampled_from(["rest", "rest", "drop", "reject"]),
    answers=st.sampled_from([True, True, True, False]),
    arrives=st.sampled_from([True, True, True, False]),
    settled_ms=st.sampled_from([1_500, 4_000, 30_000]),
    slow_ms=st.sampled_from([0, 0, 0, 700]),
    twice=st.booleans(),
    goes_down=st.sampled_from([False, False, False, True]),
    down_ms=st.sampled_from([50, 2_000]),
    cancel=st.sampled_from(["ok", "ok", "refuse", "lost"]),
)


@given(
    script=st.lists(reactions, max_size=8),
    moves=st.lists(st.tuples(st.floats(0.01, 25), st.integers(980, 1020)), max_size=6),
    side=st.sampled_from(Side),
    fallback=st.none() | st.integers(0, 30),
    offset=st.integers(-2, 3),
)
def test_whatever_the_venue_does_it_never_trades_more_than_was_wanted(script, moves, side, fallback, offset):
    markets = HandMarkets([ONE], {ONE.key: script})

    def never_too_much():
        """By the venue's own truth, at each moment: also if all that is in flight or in doubt does trade."""
        assert abs(markets.truth[ONE.key]) + markets.open_lots(ONE.key, side) <= 10

    markets.watchers.append(never_too_much)
    outcome, _, engine = execute(
        markets,
        lambda ctx: track_limit(
            ctx,
            wish(side=side, offset_ticks=offset, fallback_through_ticks=fallback, timeout_s=10, answer_s=5),
        ),
        happenings=[(at, lambda to=to: markets.move(ONE.key, to, to + 1)) for at, to in moves],
    )

    truth = abs(markets.truth[ONE.key])
    assert outcome.filled_lots <= truth <= outcome.filled_lots + outcome.open_lots
    assert outcome.is_done == (outcome.filled_lots == 10)
    assert engine.portfolio.lots("one", ONE.key) == markets.truth[ONE.key]
    if outcome.ended is not Ended.IN_DOUBT:
        assert outcome.open_lots == 0


@pytest.mark.parametrize("seed", range(12))
def test_on_a_replayed_tape_it_never_trades_more_than_was_wanted(seed):
    with chance.using(chance.Streams(seed)):
        draw = chance.stream("tape")
    rows, middle = [*OPENING], 1000
    for ns in range(S // 20, 20 * S, S // 20):
        if draw.random() < 0.2:
            moved = middle + draw.choice([-1, 1])
            rows += [level(ns, 0, middle, 0), level(ns, 1, middle + 1, 0)]
            rows += [level(ns, 0, moved, 10), level(ns, 1, moved + 1, 10)]
            middle = moved
        elif draw.random() < 0.5:
            rows.append(trade(ns, 1, middle, draw.randint(1, 8)))
    rows += ticking(22)
    outcomes = []

    async def work(ctx):
        limit = TrackingLimit(
            instrument=KEY, side=Side.BUY, lots=90, timeout_s=12, look_every_s=0.05, fallback_through_ticks=3
        )
        outcomes.append(await track_limit(ctx, limit))

    one = Scripted(start=lambda ctx: ctx.after(0.1, "go"), timer=lambda ctx, _: ctx.run(work(ctx)))
    slow = Assumptions(entry=Latency.constant(30_000_000), response=Latency.constant(40_000_000))
    desk = Desk(rows, assumptions=slow, one=one).play()

    (outcome,) = outcomes
    assert len(outcome.orders) > 1
    assert 0 < outcome.filled_lots == desk.replay.account(KEY).lots <= 90
    assert outcome.open_lots == 0
