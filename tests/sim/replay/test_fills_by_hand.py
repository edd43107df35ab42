"""Fills worked out by hand: queue ahead, partial fills, latency and cancel races, gaps, new grids, L3, funding."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from kit.markets import instrument
from kit.replays import BUY, MARKET, SELL, Do, fills, level, mark, run, story, tape, trade
from xtrade.model import events as ev
from xtrade.model.errors import DataError, UsageError, XtradeError
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.sim.replay.models import Assumptions, FillRule, Latency, Queue, QueueKind
from xtrade.sim.replay.replay import Reason, Replay
from xtrade.sim.replay.tape import Happening, Tape, merge

BOOK = [level(1, BUY, 100, 10), level(1, SELL, 102, 8), level(1, SELL, 103, 5)]
BID = Do(5, "place", 1, Side.BUY, 100, 6)


def slow(entry=0, response=0, **more):
    return Assumptions(entry=Latency.constant(entry), response=Latency.constant(response), **more)


def test_a_trade_at_our_price_fills_what_it_took_beyond_the_queue_ahead():
    _, told = run(
        tape([*BOOK, trade(10, SELL, 100, 7), trade(11, SELL, 100, 5), trade(12, SELL, 100, 9)]), [BID]
    )

    # 10 stand before us: 7 leaves 3; 5 takes those 3 and 2 of us; 9 takes the last 4.
    assert fills(told) == [(1, 100, 2, True, 11), (1, 100, 4, True, 12)]


def test_a_risk_averse_queue_does_not_move_when_others_cancel_but_is_never_longer_than_the_level():
    _, told = run(tape([*BOOK, level(9, BUY, 100, 4), trade(10, SELL, 100, 5)]), [BID])
    _, still = run(
        tape([*BOOK, level(8, BUY, 100, 30), level(9, BUY, 100, 12), trade(10, SELL, 100, 10)]), [BID]
    )

    assert fills(told) == [(1, 100, 1, True, 10)]
    assert fills(still) == []


@pytest.mark.parametrize(
    ("queue", "filled"),
    [
        # 10 ahead, 10 behind us, then 8 of 20 leave without a trade, then 8 trade.
        (Queue(), 0),
        (Queue(QueueKind.POWER), 2),  # half of 8 left before us: 6 ahead
        (Queue(QueueKind.LOG), 2),
        (Queue.own(lambda ahead, behind: 0.0), 6),  # all 8 left before us: 2 ahead
    ],
)
def test_a_queue_model_shares_a_decrease_between_before_and_behind_us(queue, filled):
    rows = [*BOOK, level(8, BUY, 100, 20), level(9, BUY, 100, 12), trade(10, SELL, 100, 8)]
    _, told = run(tape(rows), [BID], Assumptions(queue=queue))

    assert sum(lots for _, _, lots, _, _ in fills(told)) == filled


def test_a_decrease_that_a_trade_explains_moves_nobody_twice():
    rows = [*BOOK, trade(8, SELL, 100, 4), level(8, BUY, 100, 6), trade(9, SELL, 100, 7)]
    _, told = run(tape(rows), [BID], Assumptions(queue=Queue(QueueKind.POWER)))

    assert fills(told) == [(1, 100, 1, True, 9)]


@pytest.mark.parametrize(
    ("rule", "lots"), [(FillRule.VOLUME, 2), (FillRule.THROUGH, 6), (FillRule.COMPLETE, 6)]
)
def test_a_trade_through_our_price_fills_what_the_rule_says(rule, lots):
    _, told = run(tape([*BOOK, trade(10, SELL, 99, 2)]), [BID], Assumptions(fills=rule))

    assert fills(told) == [(1, 100, lots, True, 10)]


def test_two_orders_of_ours_at_one_price_share_what_was_traded():
    second = Do(6, "place", 2, Side.BUY, 100, 6)
    _, told = run(tape([*BOOK, trade(10, SELL, 100, 18)]), [BID, second])

    assert fills(told) == [(1, 100, 6, True, 10), (2, 100, 2, True, 10)]


def test_a_level_that_appears_across_our_price_fills_at_most_its_lots():
    _, told = run(tape([*BOOK, level(10, SELL, 100, 4)]), [BID])

    assert fills(told) == [(1, 100, 4, True, 10)]


def test_a_taker_walks_the_book_and_what_it_took_stays_gone_until_the_level_is_told():
    doings = [
        Do(5, "place", 1, Side.BUY, 103, 10, "ioc"),
        Do(6, "place", 2, Side.BUY, 102, 3, "ioc"),
        Do(8, "place", 3, Side.BUY, 102, 3, "ioc"),
    ]
    _, told = run(tape([*BOOK, level(7, SELL, 102, 8), trade(90, SELL, 90, 1)]), doings)
    _, free = run(
        tape([*BOOK, level(7, SELL, 102, 8), trade(90, SELL, 90, 1)]), doings, Assumptions(impact=False)
    )

    assert fills(told) == [(1, 102, 8, False, 5), (1, 103, 2, False, 5), (3, 102, 3, False, 8)]
    assert ("OrderExpired", 6) in story(told)
    assert (2, 102, 3, False, 6) in fills(free)


def test_styles_of_orders_meet_the_book_as_they_promise():
    doings = [
        Do(5, "place", 1, Side.BUY, 103, 14, "fok"),
        Do(5, "place", 2, Side.BUY, 102, 1, "post_only"),
        Do(5, "place", 3, Side.BUY, 102, 9),
        Do(6, "place", 4, Side.SELL, None, 3, "market"),
    ]
    _, told = run(tape([*BOOK, level(90, SELL, 200, 1)]), doings)

    assert [type(event) for event in told] == [
        ev.OrderExpired,
        ev.OrderRejected,
        ev.OrderAccepted,
        ev.OrderFilled,
        ev.OrderAccepted,
        ev.OrderFilled,
    ]
    assert fills(told) == [(3, 102, 8, False, 5), (4, 100, 3, False, 6)]


def test_an_order_meets_the_book_of_its_arrival_not_of_its_decision():
    rows = [*BOOK, level(8, SELL, 102, 0), level(8, SELL, 101, 2)]
    _, told = run(tape(rows), [Do(5, "place", 1, Side.BUY, 102, 5, "ioc")], slow(entry=4, response=3))

    assert fills(told) == [(1, 101, 2, False, 9)]
    assert story(told) == [("accepted", 12), ("filled", 12), ("OrderExpired", 12)]


def test_we_see_the_book_that_has_reached_us_while_the_venue_is_ahead():
    rows = [*BOOK, level(10, SELL, 102, 1, heard=30), level(20, BUY, 100, 1, heard=40)]
    replay = Replay(tape(rows))
    replay.advance(29)

    assert replay.book(MARKET.key).top == (100, 10, 102, 8)
    replay.advance(30)
    assert replay.book(MARKET.key).top == (100, 10, 102, 1)


def test_a_cancel_that_arrives_after_the_fill_is_refused():
    rows = [*BOOK, trade(12, SELL, 99, 9), trade(90, SELL, 99, 1)]
    _, late = run(tape(rows), [BID, Do(10, "cancel", 1)], slow(entry=3, response=2))
    _, early = run(tape(rows), [BID, Do(9, "cancel", 1)], slow(entry=2, response=2))

    assert story(late) == [("accepted", 10), ("filled", 14), ("CancelRejected", 15)]
    assert story(early) == [("accepted", 9), ("canceled", 13)]


def test_an_amend_keeps_its_place_only_for_less_at_the_same_price():
    rows = [*BOOK, level(7, BUY, 100, 20), trade(10, SELL, 100, 12)]
    _, less = run(tape(rows), [BID, Do(8, "amend", 1, ticks=100, lots=5)])
    _, more = run(tape(rows), [BID, Do(8, "amend", 1, ticks=100, lots=7)])

    assert fills(less) == [(1, 100, 2, True, 10)]
    assert fills(more) == []
    assert [e.request for e in less if isinstance(e, ev.OrderAmended)] == [1]


def test_messages_of_one_leg_do_not_overtake_each_other():
    falling = Latency.recorded([0, 100], [50, 0])
    _, told = run(
        tape([*BOOK, trade(200, SELL, 90, 1)]), [BID, Do(50, "cancel", 1)], Assumptions(entry=falling)
    )

    # Sent at 5 with 48 under way, and at 50 with 25.
    assert story(told) == [("accepted", 53), ("canceled", 75)]


def test_drawn_latencies_stay_within_their_quantiles_and_repeat_with_the_seed():
    doings = [Do(10 * n, "place", n, Side.BUY, 90, 1) for n in range(1, 40)]
    rows = [*BOOK, level(10_000, BUY, 100, 9)]

    def arrivals(seed):
        entry = Latency.drawn([100, 120, 300], seed=seed)
        _, told = run(tape(rows), doings, Assumptions(entry=entry))
        return [event.venue_ns - 10 * event.client_order_id for event in told]

    assert arrivals(1) == arrivals(1)
    assert arrivals(1) != arrivals(2)
    assert min(arrivals(1)) >= 100
    assert arrivals(1)[0] <= 300


def test_nothing_is_filled_between_a_gap_and_the_next_snapshot():
    rows = [
        *BOOK,
        mark(7, Happening.READY),
        mark(8, Happening.GAP),
        trade(9, SELL, 90, 50),
        mark(20, Happening.CLEAR, BUY),
        mark(20, Happening.CLEAR, SELL),
        level(20, BUY, 100, 3),
        level(20, SELL, 101, 3),
        mark(20, Happening.READY),
        trade(21, SELL, 100, 4),
    ]
    rows[0:0] = [mark(0, Happening.READY)]
    doings = [BID, Do(10, "place", 2, Side.BUY, 100, 1)]
    _, told = run(tape(rows), doings)

    assert fills(told) == [(1, 100, 1, True, 21)]  # last in the new queue of 3
    assert [type(event) for event in told if event.client_order_id == 2] == [ev.OrderRejected]


def test_an_order_that_the_snapshot_after_a_gap_crosses_is_filled_at_its_own_price():
    rows = [
        mark(0, Happening.READY),
        *BOOK,
        mark(8, Happening.GAP),
        mark(20, Happening.CLEAR, BUY),
        mark(20, Happening.CLEAR, SELL),
        level(20, SELL, 98, 2),
        level(20, SELL, 99, 1),
        mark(20, Happening.READY),
    ]
    _, told = run(tape(rows), [BID])

    assert fills(told) == [(1, 100, 2, True, 20), (1, 100, 1, True, 20)]


def test_a_new_tick_restates_orders_where_that_is_exact_and_cancels_the_others():
    now = instrument(tick=Decimal("0.2"), version=2)

    def snapshot(ns, bid, ask):
        return ev.BookSnapshot(
            instrument=MARKET.key, received_ns=ns, bids=Levels.of([(bid, 9)]), asks=Levels.of([(ask, 9)])
        )

    played = Tape.of(
        [MARKET],
        [
            snapshot(1, 100, 104),
            ev.InstrumentChanged(instrument=MARKET.key, received_ns=10, now=now),
            snapshot(11, 50, 52),
            ev.Trade(instrument=MARKET.key, received_ns=12, trade_id="1", ticks=49, lots=5, taker=Side.SELL),
        ],
    )
    replay, told = run(played, [replace_ticks(BID, 100), replace_ticks(BID, 99, 2)])

    assert [type(event) for event in told[2:4]] == [ev.OrderAmended, ev.OrderCanceled]
    assert (told[2].ticks, told[2].request) == (50, None)
    assert fills(told) == [(1, 50, 5, True, 12)]
    assert replay.instrument(MARKET.key) == now
    assert replay.account(MARKET.key).cash == Money(-now.value(ticks=50, lots=5), "USDT")


def replace_ticks(do, ticks, name=1):
    return do._replace(ticks=ticks, name=name)


def test_l3_data_gives_the_exact_place_in_the_queue():
    kinds = [
        # ns, kind, side, ticks, lots, order
        (1, Happening.ADD, BUY, 100, 5, 1),
        (2, Happening.ADD, BUY, 100, 4, 2),
        (2, Happening.ADD, SELL, 102, 4, 9),
        (10, Happening.ADD, BUY, 100, 7, 3),  # behind us
        (11, 11, BUY, 100, 0, 1),  # 5 before us are canceled
        (12, 11, BUY, 100, 0, 3),  # 7 behind us are canceled
        (13, Happening.ADD, BUY, 100, 8, 4),
        (14, Happening.EXECUTE, BUY, 100, 4, 2),  # the last before us is executed
        (15, Happening.EXECUTE, BUY, 100, 2, 4),  # somebody behind us is: we were first
    ]
    rows = [(ns, ns, kind, side, ticks, lots) for ns, kind, side, ticks, lots, _ in kinds]
    played = tape(rows, order_id=np.array([row[5] for row in kinds]))
    replay, told = run(played, [BID])

    assert fills(told) == [(1, 100, 2, True, 15)]
    assert replay.book(MARKET.key).levels(Side.BUY, 5) == [(100, 6)]


@pytest.mark.parametrize(
    ("rule", "lots"), [(FillRule.VOLUME, 2), (FillRule.THROUGH, 2), (FillRule.COMPLETE, 6)]
)
def test_an_execution_behind_us_in_an_l3_queue_fills_what_the_rule_says(rule, lots):
    rows = [
        (1, 1, Happening.ADD, SELL, 102, 4),
        (6, 6, Happening.ADD, BUY, 100, 8),
        (7, 7, Happening.EXECUTE, BUY, 100, 2),
    ]
    _, told = run(tape(rows, order_id=[1, 2, 2]), [BID], Assumptions(fills=rule))

    assert fills(told) == [(1, 100, lots, True, 7)]


def test_a_crossed_level_is_not_the_best_again_when_one_of_its_orders_goes():
    kinds = [
        (1, Happening.ADD, BUY, 100, 5, 1),
        (2, Happening.ADD, BUY, 100, 4, 2),
        (3, Happening.ADD, SELL, 100, 3, 3),  # crosses both: the feed is behind itself
        (4, 11, BUY, 100, 0, 1),
        (90, Happening.ADD, SELL, 200, 1, 4),
    ]
    rows = [(ns, ns, kind, side, ticks, lots) for ns, kind, side, ticks, lots, _ in kinds]
    replay, told = run(
        tape(rows, order_id=[row[5] for row in kinds]),
        [Do(5, "place", 1, Side.BUY, 100, 2, "ioc"), Do(5, "place", 2, Side.SELL, 100, 2, "ioc")],
    )

    assert fills(told) == [(1, 100, 2, False, 5)]
    assert replay.book(MARKET.key).top[:3] == (None, 0, 100)


def test_funding_is_paid_on_the_position_at_the_rate_and_mark_that_were_told():
    played = Tape.of(
        [MARKET],
        [
            ev.BookSnapshot(
                instrument=MARKET.key, received_ns=1, bids=Levels.of([(100, 9)]), asks=Levels.of([(102, 9)])
            ),
            ev.MarkPrice(instrument=MARKET.key, received_ns=2, mark=Decimal("10.1")),
            ev.Funding(instrument=MARKET.key, received_ns=3, rate=Decimal("0.0001"), next_ns=50),
            ev.Trade(instrument=MARKET.key, received_ns=60, trade_id="1", ticks=102, lots=1, taker=Side.BUY),
        ],
    )
    _, told = run(played, [Do(5, "place", 1, Side.BUY, None, 5, "market")])

    paid = [event for event in told if isinstance(event, ev.FundingPaid)]
    assert [event.venue_ns for event in paid] == [50]
    assert paid[0].amount == Money.of("-0.00000505", "USDT")  # 0.005 BTC x 10.1 USDT x 0.01 %


def test_a_throttled_book_is_told_at_most_so_often_and_the_last_change_is_never_kept_back():
    replay = Replay(tape([level(ns, BUY, 100, ns) for ns in (1, 5, 9, 11, 12, 40)]))
    replay.watch(MARKET.key, book=True, book_every_ns=10)
    woken = []
    while not (reasons := replay.advance(1000)) & Reason.END:
        assert reasons == Reason.BOOK
        woken.append((replay.now_ns, replay.book(MARKET.key).top.bid_lots))

    assert woken == [(1, 1), (11, 11), (21, 12), (40, 40)]


def test_all_rows_of_one_instant_wake_once_and_trades_can_be_read():
    replay = Replay(tape([*BOOK, trade(4, BUY, 102, 1), trade(4, BUY, 103, 2)]))
    replay.watch(MARKET.key, book=True, trades=True)

    assert (replay.advance(100), replay.now_ns, replay.has_changed(MARKET.key)) == (Reason.BOOK, 1, True)
    assert (replay.advance(100), replay.now_ns, replay.has_changed(MARKET.key)) == (Reason.TRADE, 4, False)
    assert replay.heard()["ticks"].tolist() == [102, 103]


def test_instruments_of_several_venues_are_merged_by_local_time():
    other = instrument(venue="okx")
    late = tape([level(2, BUY, 50, 1, heard=20)], market=other)
    both = merge(tape([level(5, BUY, 100, 1, heard=10), level(21, BUY, 100, 3)]), late)

    assert both.rows["local_ns"].tolist() == [10, 20, 21]
    assert both.venue_order.tolist() == [1, 0, 2]
    with pytest.raises(DataError, match="more than one"):
        merge(late, late)


def test_a_late_cancel_is_answered_by_its_own_venue_even_if_its_row_has_a_new_order():
    okx = instrument(venue="okx")
    both = merge(tape([level(900, BUY, 50, 1)]), tape([level(900, BUY, 50, 1)], market=okx))
    doings = [
        Do(10, "place", 1, Side.BUY, 40, 1, market=1),
        Do(11, "cancel", 1, market=1),
        Do(20, "cancel", 1, market=1),  # the first cancel is confirmed at 21: this one is on its way
        Do(22, "place", 2, Side.BUY, 40, 1),  # takes the row that became free
    ]
    _, told = run(both, doings, {MARKET.key: slow(0, 0), okx.key: slow(5, 5)}, markets=(MARKET, okx))

    assert story(told) == [("accepted", 20), ("canceled", 21), ("accepted", 22), ("CancelRejected", 30)]


def test_the_feed_can_be_heard_later():
    played = tape([level(10, BUY, 100, 1, heard=14)]).heard_later(times=2, add_ns=1)

    assert played.rows["local_ns"].tolist() == [19]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([level(5, BUY, 1, 1), level(4, BUY, 1, 1)], "row 1: local_ns = 4 was heard before the row above"),
        ([level(5, BUY, 1, 1, heard=4)], "row 0: venue_ns = 5 happened after it was heard"),
        ([level(5, BUY, 1, -1)], "row 0: lots = -1 is out of range"),
        ([trade(5, BUY, 1, 0)], "row 0: lots = 0 is no quantity"),
        ([level(5, 2, 1, 1)], "row 0: side = 2 is no side"),
        ([(5, 5, 99, BUY, 1, 1)], "row 0: kind = 99 is no kind of row"),
        ([level(5, BUY, 2**40, 1)], "row 0: ticks = 1099511627776 is out of range"),
        ([mark(5, Happening.GRID, ticks=1)], "row 0: ticks = 1 is no version"),
        ([mark(5, Happening.ADD, lots=1)], "need the column order_id"),
    ],
)
def test_rows_that_make_no_sense_are_named(rows, message):
    with pytest.raises(DataError, match=message):
        tape(rows)


def test_what_cannot_be_asked_is_refused_in_words():
    replay = Replay(tape(BOOK))

    with pytest.raises(UsageError, match="is not on the tape"):
        replay.book("binance:ETH/USDT")
    with pytest.raises(UsageError, match="go together"):
        Queue(QueueKind.OWN)
    with pytest.raises(UsageError, match="ascend"):
        Latency.recorded([2, 1], [1, 1])


def test_too_many_messages_under_way_stop_the_replay_with_a_name():
    doings = [Do(5, "place", n, Side.BUY, 90, 1) for n in range(1, 12)]

    with pytest.raises(XtradeError, match="raise it"):
        run(tape(BOOK), doings, slow(entry=3), messages=8)


def test_assumptions_are_values():
    assert replace(Assumptions(), impact=False) != Assumptions()


def test_a_book_that_nobody_watches_is_known_to_have_changed_or_not():
    replay = Replay(tape([*BOOK, trade(10, SELL, 100, 1), level(20, BUY, 100, 9), trade(20, SELL, 100, 1)]))
    changed = []
    for until in (5, 15, 25):
        replay.advance(until)
        changed.append(replay.has_changed(MARKET.key))

    assert changed == [True, False, True]
    assert replay.book(MARKET.key).top == (100, 9, 102, 8)
    assert replay.book(MARKET.key).levels(Side.SELL, 5) == [(102, 8), (103, 5)]


def test_what_we_took_is_missed_until_the_feed_tells_each_of_those_levels_again():
    rows = [
        *BOOK,
        level(10, BUY, 99, 4),
        level(20, SELL, 102, 8),
        level(30, SELL, 103, 5),
        level(90, BUY, 1, 1),
    ]
    doings = [
        Do(5, "place", 1, Side.BUY, 103, 13, "ioc"),  # takes both asks
        Do(15, "place", 2, Side.BUY, 103, 9, "ioc"),  # nothing is there yet
        Do(25, "place", 3, Side.BUY, 103, 9, "ioc"),  # the first level is back …
        Do(35, "place", 4, Side.BUY, 103, 9, "ioc"),  # … and was taken again; now the second is
        Do(36, "place", 5, Side.SELL, 99, 12, "ioc"),
    ]
    _, told = run(tape(rows), doings)

    assert fills(told) == [
        (1, 102, 8, False, 5),
        (1, 103, 5, False, 5),
        (3, 102, 8, False, 25),
        (4, 103, 5, False, 35),
        (5, 100, 10, False, 36),
        (5, 99, 2, False, 36),
    ]


def test_a_flag_that_is_asked_for_reasons_answers_with_a_number():
    assert (Reason.TIME | Reason.END) & Reason.END == 32
    assert not Reason.TIME & Reason.END
