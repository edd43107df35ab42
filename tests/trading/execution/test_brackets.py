"""An entry, its take-profit and its stop: one way out or the other, never both, and never beyond flat."""

from __future__ import annotations

from hypothesis import given, strategies as st

from kit.venues import HandMarkets, Reaction, execute, market
from xtrade.model.sides import Side
from xtrade.trading.execution.bracket import Bracket, ClosedBy, bracket
from xtrade.trading.execution.outcome import Ended
from xtrade.trading.execution.tracking import TrackingLimit

ONE = market()
RESTS = Reaction(fill=0)
SOON = Reaction(after_ms=100)


def wish(side=Side.BUY, entry=None, **changed):
    return Bracket(
        entry=TrackingLimit(
            **{"instrument": ONE.key, "side": side, "lots": 10, "timeout_s": 5, "answer_s": 3} | (entry or {})
        ),
        **{"take_profit_ticks": 20, "stop_ticks": 10, "through_ticks": 5, "answer_s": 3.0} | changed,
    )


def bracketed(script=(), moves=(), **changed):
    markets = HandMarkets([ONE], {ONE.key: script})
    happenings = [(at, lambda to=to: markets.move(ONE.key, to, to + 1)) for at, to in moves]
    outcome, journal, engine = execute(
        markets, lambda ctx: bracket(ctx, wish(**changed)), happenings=happenings
    )
    assert engine.portfolio.lots("one", ONE.key) == markets.truth[ONE.key]
    return outcome, markets, journal


def placed(markets):
    return [(str(each.side), each.lots, each.ticks, str(each.time_in_force)) for each in markets.placed]


def test_the_take_profit_rests_at_its_price_and_ends_it():
    outcome, markets, _ = bracketed([SOON, Reaction(after_ms=4_000)])

    assert placed(markets) == [("buy", 10, 1000, "gtc"), ("sell", 10, 1020, "gtc")]
    assert outcome.closed_by is ClosedBy.TAKE_PROFIT
    assert outcome.exit.is_done
    assert markets.truth[ONE.key] == 0


def test_the_stop_cancels_the_take_profit_and_closes_what_it_had_not_filled():
    outcome, markets, _ = bracketed([SOON, Reaction(fill=0.3, after_ms=500)], [(2.0, 985)])

    assert placed(markets) == [
        ("buy", 10, 1000, "gtc"),
        ("sell", 10, 1020, "gtc"),
        ("sell", 7, 980, "ioc"),
    ]
    assert outcome.closed_by is ClosedBy.STOP
    assert outcome.exit.filled_lots == 10


def test_a_short_is_bracketed_the_other_way_round():
    outcome, markets, _ = bracketed([SOON, RESTS], [(2.0, 1010)], side=Side.SELL)

    assert placed(markets) == [
        ("sell", 10, 1001, "gtc"),
        ("buy", 10, 981, "gtc"),
        ("buy", 10, 1016, "ioc"),
    ]
    assert outcome.closed_by is ClosedBy.STOP


def test_a_part_that_was_entered_is_guarded_while_the_entry_still_works():
    outcome, markets, _ = bracketed([Reaction(fill=0.4, after_ms=100)], [(1.0, 990)], entry={"timeout_s": 60})

    assert outcome.entry.ended is Ended.STOPPED
    assert placed(markets)[1:] == [("sell", 4, 985, "ioc")]
    assert markets.truth[ONE.key] == 0


def test_a_stop_does_not_close_beside_a_take_profit_that_may_still_fill():
    lost = Reaction(fill=0, cancel="lost")
    outcome, markets, _ = bracketed([SOON, lost], [(2.0, 985)])

    assert markets.placed[2].decided_ns >= 2.5 * 10**9
    assert outcome.exit.filled_lots == 10


def test_the_time_ends_it_at_the_market():
    outcome, markets, _ = bracketed([SOON, RESTS], timeout_s=10.0)

    assert outcome.closed_by is ClosedBy.TIME
    assert placed(markets)[-1] == ("sell", 10, 995, "ioc")


def test_nothing_entered_is_nothing_to_close():
    outcome, _, _ = bracketed([RESTS])

    assert (outcome.closed_by, outcome.exit) == (ClosedBy.NOTHING, None)


def test_where_no_take_profit_may_rest_it_is_taken_when_it_is_reached():
    rejects = Reaction(then="reject")
    outcome, markets, _ = bracketed([SOON, *[rejects] * 5], [(5.0, 1025)])

    assert outcome.closed_by is ClosedBy.TAKE_PROFIT
    assert placed(markets)[-1] == ("sell", 10, 1020, "ioc")
    assert len(markets.placed) == 7


def test_a_stop_that_cannot_close_goes_on_and_then_says_so():
    nothing = Reaction(fill=0)
    outcome, _, journal = bracketed([SOON, RESTS, *[nothing] * 50], [(2.0, 985)], close_attempts_max=20)

    assert (outcome.exit.ended, outcome.exit.left_lots) == (Ended.ATTEMPTS_SPENT, 10)
    assert any(note.startswith("ALARM: bracket: 10 lots") for note in journal.notes)


def test_what_an_entry_in_doubt_traded_is_closed_when_it_is_known():
    """
    The stop is hit and everything known is closed; then the entry that nobody answered turns out to have traded.
    """
    unheard = Reaction(fill=0.5, answers=False, settled_ms=12_000)
    half = Reaction(fill=0.4, after_ms=10)
    outcome, markets, _ = bracketed([half, unheard], [(0.5, 1001), (4.5, 980)])

    assert outcome.closed_by is ClosedBy.STOP
    assert outcome.exit.is_done
    assert outcome.exit.filled_lots == outcome.entry.filled_lots == 7
    assert markets.truth[ONE.key] == 0


def test_an_entry_that_stays_in_doubt_is_told_as_such_in_the_end():
    unheard = Reaction(fill=0.5, answers=False, settled_ms=100_000)
    outcome, _, journal = bracketed([unheard], doubt_s=20.0)

    assert (outcome.entry.ended, outcome.entry.open_lots) == (Ended.IN_DOUBT, 10)
    assert outcome.exit.ended is Ended.IN_DOUBT
    assert any(note.startswith("ALARM: bracket") for note in journal.notes)


reactions = st.builds(
    Reaction,
    fill=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    after_ms=st.sampled_from([0, 3, 95, 245, 900]),
    then=st.sampled_from(["rest", "rest", "drop", "reject"]),
    answers=st.sampled_from([True, True, True, False]),
    arrives=st.sampled_from([True, True, True, False]),
    settled_ms=st.sampled_from([1_500, 10_000]),
    slow_ms=st.sampled_from([0, 0, 0, 700]),
    twice=st.booleans(),
    goes_down=st.sampled_from([False, False, False, True]),
    down_ms=st.sampled_from([50, 2_000]),
    cancel=st.sampled_from(["ok", "ok", "refuse", "lost"]),
)


@given(
    script=st.lists(reactions, max_size=7),
    moves=st.lists(st.tuples(st.floats(0.01, 20), st.integers(970, 1030)), max_size=6),
    side=st.sampled_from(Side),
)
def test_whatever_the_venue_does_the_position_is_never_turned_over(script, moves, side):
    markets = HandMarkets([ONE], {ONE.key: script})

    def never_beyond():
        held = side.sign * markets.truth[ONE.key]
        assert held - markets.open_lots(ONE.key, side.opposite) >= 0
        assert held + markets.open_lots(ONE.key, side) <= 10

    markets.watchers.append(never_beyond)
    outcome, _, _ = execute(
        markets,
        lambda ctx: bracket(ctx, wish(side=side, timeout_s=40.0)),
        happenings=[(at, lambda to=to: markets.move(ONE.key, to, to + 1)) for at, to in moves],
    )
    if not outcome.entry.open_lots and (outcome.exit is None or outcome.exit.is_done):
        assert markets.truth[ONE.key] == 0
