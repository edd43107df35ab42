"""Orders for a venue that is down: rejected, or kept with an end and a guard."""

from __future__ import annotations

import pytest

from kit.venues import HandMarkets, Reaction, S, execute, market
from xtrade.model.sides import Side
from xtrade.trading.execution.outcome import Ended
from xtrade.trading.execution.queued import Queued, place_or_queue

ONE = market()


def queued(script=(), down_s=None, moves=(), **changed):
    markets = HandMarkets([ONE], {ONE.key: script})
    wish = Queued(
        **{
            "instrument": ONE.key,
            "side": Side.BUY,
            "lots": 10,
            "ticks": 1001,
            "when_down": "queue",
            "expires_s": 30.0,
            "drift_ticks_max": 10,
        }
        | changed
    )

    async def later(ctx):
        await ctx.sleep(1)
        return await place_or_queue(ctx, wish)

    happenings = [(at, lambda to=to: markets.move(ONE.key, *to)) for at, to in moves]
    if down_s is not None:
        happenings.append((0.5, lambda: markets.link_down(ONE.venue, round(down_s * 1000))))
    outcome, journal, _ = execute(markets, later, happenings=happenings)
    return outcome, markets, journal


def test_while_the_venue_is_up_it_goes_at_once():
    outcome, markets, _ = queued()

    assert [each.decided_ns for each in markets.placed] == [S]
    assert outcome.is_done


def test_by_the_policy_reject_it_does_not_wait():
    outcome, markets, _ = queued(down_s=5, when_down="reject")

    assert not markets.placed
    assert (outcome.ended, outcome.reason) == (
        Ended.VENUE_DOWN,
        "binance's orders connection is down: cut",
    )
    assert outcome.ended_ns == S


def test_by_the_policy_queue_it_goes_when_the_venue_is_back():
    outcome, markets, journal = queued(down_s=5)

    assert [each.decided_ns for each in markets.placed] == [round(5.5 * S)]
    assert outcome.is_done
    assert "queued: buy 10 lots" in journal.notes[0]


def test_it_expires_in_the_queue():
    outcome, markets, _ = queued(down_s=60)

    assert not markets.placed
    assert (outcome.ended, outcome.ended_ns) == (Ended.TIMED_OUT, 31 * S)


def test_it_is_not_sent_into_a_market_that_moved_either_way():
    for to in (980, 1020):
        outcome, markets, _ = queued(down_s=5, moves=[(3.0, (to, to + 1))])

        assert not markets.placed
        assert outcome.ended is Ended.PRICE_GUARD


def test_it_waits_for_a_whole_book_as_well_as_for_the_venue():
    outcome, markets, _ = queued(down_s=5, moves=[(2.0, (1000, 1001, None, False)), (8.0, (1000, 1001))])

    assert markets.placed[0].decided_ns >= 8 * S
    assert outcome.is_done


def test_its_time_holds_in_the_book_too():
    outcome, _, _ = queued([Reaction(fill=0.3)], down_s=5)

    assert (outcome.ended, outcome.filled_lots, outcome.open_lots) == (Ended.TIMED_OUT, 3, 0)
    assert outcome.ended_ns == pytest.approx(31 * S, abs=S // 10)


def test_an_order_that_never_left_goes_back_into_the_queue():
    """
    The connection is gone and nobody has told us yet: the order is refused on the doorstep, then the news comes.
    """
    markets = HandMarkets([ONE])
    wish = Queued(
        instrument=ONE.key,
        side=Side.BUY,
        lots=10,
        ticks=1001,
        when_down="queue",
        expires_s=30,
        drift_ticks_max=10,
    )

    async def during(ctx):
        markets.link_down(ONE.venue, 3_000)
        return await place_or_queue(ctx, wish)

    outcome, _, _ = execute(markets, during)
    assert outcome.is_done
    assert len(markets.placed) == 1


@pytest.mark.parametrize("missing", ["expires_s", "drift_ticks_max"])
def test_there_is_no_queue_without_an_end_and_a_guard(missing):
    given = {
        "instrument": ONE.key,
        "side": Side.BUY,
        "lots": 1,
        "ticks": 5,
        "expires_s": 1.0,
        "drift_ticks_max": 1,
    }
    del given[missing]

    with pytest.raises(TypeError, match=missing):
        Queued(**given)
