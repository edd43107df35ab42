"""TWAP, iceberg, protected market, round trip: a quantity worked over time, to the lot."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from kit.venues import HandMarkets, Reaction, S, execute, market
from xtrade.model.sides import Side
from xtrade.runtime import chance
from xtrade.trading.execution.iceberg import Iceberg, iceberg
from xtrade.trading.execution.outcome import Ended
from xtrade.trading.execution.prices import protected_ticks, tracking_ticks
from xtrade.trading.execution.protected import ProtectedMarket, market_protected
from xtrade.trading.execution.round_trip import RoundTrip, open_then_close
from xtrade.trading.execution.tracking import TrackingLimit
from xtrade.trading.execution.twap import Twap, scheduled_lots, twap
from xtrade.trading.tasks import Signal

ONE = market()
RESTS = Reaction(fill=0)
NONE = Reaction(fill=0)

reactions = st.builds(
    Reaction,
    fill=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    after_ms=st.sampled_from([0, 3, 245, 900]),
    then=st.sampled_from(["rest", "rest", "drop", "reject"]),
    answers=st.sampled_from([True, True, True, False]),
    arrives=st.sampled_from([True, True, True, False]),
    settled_ms=st.sampled_from([1_500, 30_000]),
    slow_ms=st.sampled_from([0, 0, 0, 700]),
    twice=st.booleans(),
    goes_down=st.sampled_from([False, False, False, True]),
    down_ms=st.sampled_from([50, 2_000]),
    cancel=st.sampled_from(["ok", "ok", "refuse", "lost"]),
)


def run(flow, script=(), happenings=(), of=ONE, until_s=600.0):
    markets = HandMarkets([of], {of.key: script})
    moves = [(seconds, lambda call=call: call(markets)) for seconds, call in happenings]
    with chance.using(chance.Streams(3)):
        outcome, journal, engine = execute(markets, flow, happenings=moves, until_s=until_s)
    assert engine.portfolio.lots("one", of.key) == markets.truth[of.key]
    return outcome, markets, journal


def moved(bid, ask):
    return lambda markets: markets.move(ONE.key, bid, ask)


# -- market with protection -----------------------------------------------------------------------------------------


def protected(script=(), happenings=(), **changed):
    wish = ProtectedMarket(
        **{"instrument": ONE.key, "side": Side.SELL, "lots": 10, "through_ticks": 5} | changed
    )
    return run(lambda ctx: market_protected(ctx, wish), script, happenings)


def test_a_protected_market_order_is_a_limit_that_does_not_wait():
    outcome, markets, _ = protected()

    assert [(each.ticks, each.lots, each.time_in_force) for each in markets.placed] == [(995, 10, "ioc")]
    assert (outcome.ended, outcome.filled_lots) == (Ended.DONE, 10)


def test_what_was_not_there_is_asked_for_again_at_the_touch_of_then():
    outcome, markets, _ = protected([Reaction(fill=0.4)], [(0.1, moved(990, 991))])

    assert [(each.ticks, each.lots) for each in markets.placed] == [(995, 10), (985, 6)]
    assert outcome.is_done


def test_it_does_not_trade_beyond_the_worst_price():
    outcome, markets, _ = protected([NONE], [(0.1, moved(990, 991))], worst_ticks=997)

    assert [each.ticks for each in markets.placed] == [997]
    assert (outcome.ended, outcome.reason) == (
        Ended.PRICE_GUARD,
        "the best price is 990 ticks, the worst allowed 997",
    )


def test_a_dead_venue_or_an_empty_book_is_told_as_such():
    async def late(ctx):
        await ctx.sleep(0.1)
        return await market_protected(
            ctx, ProtectedMarket(instrument=ONE.key, side=Side.SELL, lots=1, through_ticks=1)
        )

    down, _, _ = run(late, happenings=[(0.05, lambda markets: markets.link_down(ONE.venue, 60_000))])
    empty, _, _ = run(late, happenings=[(0.05, moved(None, 1001))])
    assert (down.ended, empty.ended) == (Ended.VENUE_DOWN, Ended.ATTEMPTS_SPENT)
    assert "orders connection is down" in down.reason
    assert "nobody on the other side" in empty.reason


@given(
    bid=st.integers(5, 10_000),
    spread=st.integers(1, 50),
    side=st.sampled_from(Side),
    offset=st.integers(-60, 60),
    through=st.integers(0, 60),
    worst=st.none() | st.integers(1, 10_000),
)
def test_prices_never_cross_while_post_only_and_never_pass_the_worst(
    bid, spread, side, offset, through, worst
):
    from kit.venues import HandBook

    book = HandBook(ONE, bid, bid + spread)
    rests = tracking_ticks(book, side, offset_ticks=offset, post_only=True, worst_ticks=worst)
    takes = protected_ticks(book, side, through_ticks=through, worst_ticks=worst)
    against = book.ask_ticks if side is Side.BUY else book.bid_ticks

    if rests is not None:
        assert side.sign * (against - rests) > 0
    for ticks in (rests, takes):
        if ticks is not None and worst is not None:
            assert side.sign * (worst - ticks) >= 0
    if takes is not None:
        assert 0 <= side.sign * (takes - against) <= through


# -- TWAP -----------------------------------------------------------------------------------------------------------


@given(lots=st.integers(1, 10**6), slices=st.integers(1, 500), smallest=st.integers(1, 50))
def test_a_schedule_only_grows_is_even_and_ends_with_everything(lots, slices, smallest):
    due = [scheduled_lots(lots, slices, number, smallest) for number in range(slices)]

    assert due == sorted(due)
    assert due[-1] == lots
    assert all(lots - each >= smallest or each == lots for each in due)
    evenly = [each for each in due if each < lots]
    assert all(abs(each - lots * (number + 1) / slices) < 1 for number, each in enumerate(evenly))


def twapped(script=(), happenings=(), **changed):
    wish = Twap(
        **{
            "instrument": ONE.key,
            "side": Side.BUY,
            "lots": 10,
            "duration_s": 10.0,
            "slices": 5,
            "through_ticks": 5,
        }
        | changed
    )
    return run(lambda ctx: twap(ctx, wish), script, happenings)


def test_a_twap_takes_a_slice_at_a_time():
    outcome, markets, _ = twapped(style="market")

    assert [(each.lots, each.decided_ns // S) for each in markets.placed] == [
        (2, 0),
        (2, 2),
        (2, 4),
        (2, 6),
        (2, 8),
    ]
    assert outcome.is_done


def test_what_a_slice_missed_the_next_one_makes_good():
    outcome, markets, _ = twapped([NONE] * 3, style="market")

    assert [each.lots for each in markets.placed] == [2, 2, 2, 4, 2, 2, 2]
    assert outcome.is_done


def test_a_slice_by_limit_is_finished_at_the_market():
    _, markets, _ = twapped([RESTS, Reaction()], lots=4, slices=2)

    assert [(each.lots, each.time_in_force) for each in markets.placed] == [
        (2, "gtc"),
        (2, "ioc"),
        (2, "gtc"),
    ]
    assert 1.6 * S <= markets.placed[1].decided_ns < 2 * S + 3 * S


def test_slices_that_come_late_by_chance_are_the_same_in_each_run_of_a_seed():
    times = [[each.decided_ns for each in twapped(style="market", vary=1.0)[1].placed] for _ in range(2)]

    assert times[0] == times[1]
    assert times[0] != [2 * S * number for number in range(5)]


# -- iceberg --------------------------------------------------------------------------------------------------------


def iced(script=(), happenings=(), **changed):
    wish = Iceberg(
        **{
            "instrument": ONE.key,
            "side": Side.SELL,
            "lots": 100,
            "show_lots": 30,
            "ticks": 1005,
            "timeout_s": 60,
        }
        | changed
    )
    return run(lambda ctx: iceberg(ctx, wish), script, happenings)


def test_an_iceberg_shows_one_slice_after_the_other():
    outcome, markets, _ = iced([Reaction(after_ms=500)] * 4)

    assert [(each.lots, each.ticks) for each in markets.placed] == [(30, 1005)] * 3 + [(10, 1005)]
    assert outcome.is_done


def test_slices_differ_by_chance_and_never_leave_less_than_an_order():
    of = market(min_lots=8)
    wish = Iceberg(instrument=of.key, side=Side.SELL, lots=100, show_lots=30, ticks=1005, vary=0.5)
    outcome, markets, _ = run(lambda ctx: iceberg(ctx, wish), of=of)

    shown = [each.lots for each in markets.placed]
    assert sum(shown) == 100
    assert len(set(shown)) > 1
    assert min(shown) >= 8
    assert outcome.is_done


def test_an_iceberg_ends_with_its_time_and_leaves_nothing():
    outcome, _, _ = iced([Reaction(fill=0.5, after_ms=100)])

    assert (outcome.ended, outcome.filled_lots, outcome.open_lots) == (Ended.TIMED_OUT, 15, 0)


def test_an_iceberg_that_is_refused_again_and_again_gives_up():
    outcome, markets, _ = iced([Reaction(then="reject")] * 20)

    assert outcome.ended is Ended.REFUSED
    assert len(markets.placed) == 5


# -- round trip -----------------------------------------------------------------------------------------------------


def trip(script=(), happenings=(), until=None, **changed):
    wish = RoundTrip(
        open=TrackingLimit(instrument=ONE.key, side=Side.BUY, lots=10, timeout_s=5),
        hold_s=20,
        close_through_ticks=5,
        **changed,
    )
    return run(lambda ctx: open_then_close(ctx, wish, until), script, happenings)


def test_a_round_trip_closes_what_it_opened_and_is_flat():
    outcome, markets, _ = trip([Reaction(fill=0.7, after_ms=100)])

    assert [(each.side, each.lots, each.time_in_force) for each in markets.placed] == [
        ("buy", 10, "gtc"),
        ("sell", 7, "ioc"),
    ]
    assert outcome.opened.ended is Ended.TIMED_OUT
    assert outcome.closed.is_done
    assert outcome.is_flat
    assert markets.placed[1].decided_ns == pytest.approx(25 * S, abs=S)


def test_a_round_trip_ends_when_it_is_told_and_does_nothing_if_nothing_was_opened():
    signal = Signal()
    outcome, markets, _ = trip(
        [Reaction()], [(1.9, lambda _: signal.set(None)), (2.0, moved(1000, 1002))], until=signal
    )
    assert markets.placed[1].decided_ns == pytest.approx(2 * S, abs=S // 10)
    assert outcome.is_flat

    outcome, markets, _ = trip([RESTS])
    assert outcome.closed is None
    assert outcome.is_flat


def test_a_round_trip_that_cannot_close_says_so():
    outcome, _, journal = trip([Reaction(), *[NONE] * 10], close_attempts_max=4)

    assert not outcome.is_flat
    assert any(note.startswith("ALARM: round trip: 10 lots") for note in journal.notes)


# -- whatever the venue does ----------------------------------------------------------------------------------------

FLOWS = {
    "protected": lambda ctx: market_protected(
        ctx, ProtectedMarket(instrument=ONE.key, side=Side.BUY, lots=10, through_ticks=5, answer_s=2)
    ),
    "twap": lambda ctx: twap(
        ctx,
        Twap(
            instrument=ONE.key, side=Side.BUY, lots=10, duration_s=10, slices=4, through_ticks=5, answer_s=2
        ),
    ),
    "iceberg": lambda ctx: iceberg(
        ctx,
        Iceberg(instrument=ONE.key, side=Side.BUY, lots=10, show_lots=3, ticks=1000, timeout_s=8, answer_s=2),
    ),
}


@pytest.mark.parametrize("flow", FLOWS)
@given(script=st.lists(reactions, max_size=7))
def test_it_never_trades_more_than_was_wanted(flow, script):
    markets = HandMarkets([ONE], {ONE.key: script})

    def never_too_much():
        assert markets.truth[ONE.key] + markets.open_lots(ONE.key, Side.BUY) <= 10

    markets.watchers.append(never_too_much)
    with chance.using(chance.Streams(1)):
        outcome, _, _ = execute(markets, FLOWS[flow])

    assert outcome.filled_lots <= markets.truth[ONE.key] <= outcome.filled_lots + outcome.open_lots
    assert outcome.is_done == (outcome.filled_lots == 10)
    if outcome.ended is not Ended.IN_DOUBT:
        assert outcome.open_lots == 0


@given(script=st.lists(reactions, max_size=7))
def test_a_round_trip_never_turns_a_position_over(script):
    markets = HandMarkets([ONE], {ONE.key: script})
    wish = RoundTrip(
        open=TrackingLimit(instrument=ONE.key, side=Side.BUY, lots=10, timeout_s=5, answer_s=2),
        hold_s=3,
        close_through_ticks=5,
    )
    markets.watchers.append(lambda: _between_flat_and(markets, 10))
    outcome, _, _ = execute(markets, lambda ctx: open_then_close(ctx, wish))

    if outcome.is_flat:
        assert markets.truth[ONE.key] == 0


def _between_flat_and(markets, most):
    truth = markets.truth[ONE.key]
    assert truth - markets.open_lots(ONE.key, Side.SELL) >= 0
    assert truth + markets.open_lots(ONE.key, Side.BUY) <= most
