"""Each assumption of docs/bars.md, counted by hand."""

from dataclasses import replace
from decimal import Decimal

import pytest

from kit.bars import FOREVER, MARKET, MINUTE, PLAIN, Do, Row, Side, bars, fills, flat, run
from kit.markets import instrument
from kit.replays import intent
from xtrade.model import events as ev
from xtrade.model.errors import ConfigError, DataError, UsageError, XtradeError
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.replay import BarReplay
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.replay.book import Top
from xtrade.sim.replay.layout import Reason

BUY = Do(MINUTE, "place", 1, Side.BUY, None, 5, "market")
SELL = BUY._replace(side=Side.SELL)


def names(told):
    return [type(event).__name__ for event in told]


def test_what_is_decided_at_a_close_is_filled_at_the_next_open():
    _, told = run([Row(0, 100, 101, 99, 100), Row(MINUTE, 103, 104, 102, 104)], [BUY])

    assert fills(told) == [(1, 103, 5, False, MINUTE)]
    assert names(told) == ["OrderAccepted", "OrderFilled"]
    assert [event.received_ns for event in told] == [MINUTE, MINUTE]


def test_a_market_order_pays_half_the_spread_and_the_slippage():
    # Half of three ticks is two: rounding is against us.
    assumed = replace(PLAIN, spread_ticks=3, slippage_ticks=4)

    assert fills(run(flat(100, 200), [BUY], assumed)[1])[0][1] == 206
    assert fills(run(flat(100, 200), [SELL], assumed)[1])[0][1] == 194


def test_a_sale_never_goes_below_one_tick():
    assert fills(run(flat(100, 3), [SELL], replace(PLAIN, slippage_ticks=9))[1])[0][1] == 1


def test_a_limit_that_is_marketable_at_the_open_takes_there_up_to_its_own_price():
    assumed = replace(PLAIN, spread_ticks=2, slippage_ticks=5)
    limit = BUY._replace(ticks=203, style="gtc")

    assert fills(run(flat(100, 200), [limit], assumed)[1]) == [(1, 203, 5, False, MINUTE)]
    assert fills(run(flat(100, 190), [limit], assumed)[1]) == [(1, 196, 5, False, MINUTE)]


def test_a_resting_limit_is_filled_at_its_price_only_when_the_bar_went_beyond_it():
    bid = Do(MINUTE, "place", 1, Side.BUY, 95, 5)
    touched = [Row(MINUTE, 100, 101, 95, 98), Row(2 * MINUTE, 98, 99, 94, 97)]

    _, told = run([*flat(100), *touched], [bid])

    assert fills(told) == [(1, 95, 5, True, 3 * MINUTE)]
    assert fills(run([*flat(100), *touched], [bid], replace(PLAIN, through_ticks=0))[1])[0][4] == 2 * MINUTE
    assert fills(run([*flat(100), *touched], [bid], replace(PLAIN, through_ticks=2))[1]) == []


def test_a_resting_order_that_the_open_jumped_over_is_filled_at_its_own_price():
    ask = Do(MINUTE, "place", 1, Side.SELL, 105, 5)

    _, told = run(flat(100, 100, 130), [ask])

    assert fills(told) == [(1, 105, 5, True, 3 * MINUTE)]


def test_nobody_gets_more_than_a_share_of_the_volume():
    assumed = replace(PLAIN, volume_share=0.1)
    bid = Do(MINUTE, "place", 1, Side.BUY, 95, 5)
    rows = [*flat(100), Row(MINUTE, 100, 100, 90, 95, 29), Row(2 * MINUTE, 95, 95, 90, 95, 31)]

    _, told = run(rows, [bid], assumed)

    assert fills(told) == [(1, 95, 2, True, 2 * MINUTE), (1, 95, 3, True, 3 * MINUTE)]


def test_the_rest_of_a_market_order_expires_and_the_rest_of_a_limit_order_rests():
    assumed = replace(PLAIN, volume_share=0.1)
    rows = flat(100, 100, 100, volume=20)

    _, told = run(rows, [BUY], assumed)
    assert names(told) == ["OrderAccepted", "OrderFilled", "OrderExpired"]
    assert told[-1].cumulative_lots == 2

    _, told = run(rows, [BUY._replace(ticks=101, style="gtc")], assumed)
    assert names(told) == ["OrderAccepted", "OrderFilled", "OrderFilled"]
    assert fills(told) == [(1, 100, 2, False, MINUTE), (1, 101, 2, True, 3 * MINUTE)]


def test_an_interval_without_trades_fills_nothing():
    _, told = run(flat(100, 100, volume=0), [BUY], replace(PLAIN, volume_share=1))

    assert names(told) == ["OrderAccepted", "OrderExpired"]


def test_takers_and_makers_share_one_volume():
    assumed = replace(PLAIN, volume_share=1)
    bid = Do(MINUTE, "place", 2, Side.BUY, 95, 9)

    _, told = run([*flat(100), Row(MINUTE, 100, 100, 90, 95, 7)], [BUY, bid], assumed)

    assert fills(told) == [(1, 100, 5, False, MINUTE), (2, 95, 2, True, 2 * MINUTE)]


@pytest.mark.parametrize(("close", "first"), [(99, 1), (100, 1), (101, 2)])
def test_the_side_that_a_bar_moved_against_is_served_first(close, first):
    assumed = replace(PLAIN, volume_share=1)
    both = [Do(MINUTE, "place", 1, Side.BUY, 95, 9), Do(MINUTE, "place", 2, Side.SELL, 105, 9)]

    _, told = run([*flat(100), Row(MINUTE, 100, 110, 90, close, 4)], both, assumed)

    assert [fill[0] for fill in fills(told)] == [first]


def test_the_better_price_is_filled_first_and_then_the_older_order():
    doings = [Do(MINUTE, "place", name, Side.BUY, ticks, 3) for name, ticks in ((1, 94), (2, 95), (3, 95))]

    _, told = run([*flat(100), Row(MINUTE, 100, 100, 90, 95, 7)], doings, replace(PLAIN, volume_share=1))

    assert [(fill[0], fill[2]) for fill in fills(told)] == [(2, 3), (3, 3), (1, 1)]


def test_post_only_that_would_take_at_the_open_is_rejected():
    _, told = run(flat(100, 90, 80), [Do(MINUTE, "place", 1, Side.BUY, 95, 5, "post_only")])

    assert names(told) == ["OrderRejected"]
    assert "post-only" in told[0].reason


@pytest.mark.parametrize(
    ("style", "volume", "ticks", "said", "lots"),
    [
        ("ioc", 3, 100, ["OrderAccepted", "OrderFilled", "OrderExpired"], 3),
        ("ioc", 9, 99, ["OrderAccepted", "OrderExpired"], 0),
        ("fok", 9, 100, ["OrderAccepted", "OrderFilled"], 5),
        ("fok", 3, 100, ["OrderExpired"], 0),
        ("fok", 9, 99, ["OrderExpired"], 0),
    ],
)
def test_ioc_and_fok_meet_the_open_and_nothing_else(style, volume, ticks, said, lots):
    do = BUY._replace(ticks=ticks, style=style)

    replay, told = run(flat(100, 100, 90, volume=volume, low=9), [do], replace(PLAIN, volume_share=1))

    assert names(told) == said
    assert replay.known_lots(MARKET.key) == lots


def test_a_cancel_acts_before_the_bar_after_it():
    bid = Do(MINUTE, "place", 1, Side.BUY, 95, 5)

    _, told = run(flat(100, 100, 90), [bid, Do(2 * MINUTE, "cancel", 1)])

    assert names(told) == ["OrderAccepted", "OrderCanceled"]


def test_a_cancel_that_comes_too_late_is_refused():
    replay = BarReplay(bars(flat(100, 100, 100)), PLAIN)
    replay.advance(FOREVER)
    replay.place(intent(BUY))
    replay.cancel(1)
    assert replay.advance(FOREVER) == Reason.ORDER

    assert names(replay.reports()) == ["OrderAccepted", "OrderFilled", "CancelRejected"]
    assert not replay.cancel(1)


def test_an_amended_price_meets_the_open_anew_and_fewer_lots_keep_their_place():
    bid = Do(MINUTE, "place", 1, Side.BUY, 95, 5)

    _, told = run(flat(100, 100, 100), [bid, Do(2 * MINUTE, "amend", 1, ticks=101, lots=4)])
    assert names(told) == ["OrderAccepted", "OrderAmended", "OrderFilled"]
    assert fills(told) == [(1, 100, 4, False, 2 * MINUTE)]

    twice = [bid, bid._replace(name=2), Do(2 * MINUTE, "amend", 1, ticks=95, lots=2)]
    rows = [*flat(100, 100), Row(2 * MINUTE, 100, 100, 90, 95, 4)]
    _, told = run(rows, twice, replace(PLAIN, volume_share=1))
    assert [fill[:3] for fill in fills(told)] == [(1, 95, 2), (2, 95, 2)]


def test_an_amend_to_less_than_was_filled_ends_the_order():
    assumed = replace(PLAIN, volume_share=1)
    rows = [*flat(100), Row(MINUTE, 100, 100, 90, 95, 3), *flat(100, 100, 100)[2:]]

    _, told = run(
        rows, [Do(MINUTE, "place", 1, Side.BUY, 95, 5), Do(2 * MINUTE, "amend", 1, ticks=95, lots=3)], assumed
    )

    assert names(told) == ["OrderAccepted", "OrderFilled", "OrderCanceled"]


def test_after_a_gap_the_next_bar_there_is_answers():
    rows = [Row(0, 100, 100, 100, 100), Row(10 * MINUTE, 150, 150, 150, 150)]

    assert fills(run(rows, [BUY])[1]) == [(1, 150, 5, False, 10 * MINUTE)]


def test_what_is_decided_on_a_fill_at_an_open_waits_for_the_open_after_it():
    replay = BarReplay(bars(flat(100, 110, 120)), PLAIN)
    replay.advance(FOREVER)
    replay.place(intent(BUY))
    assert replay.advance(FOREVER) == Reason.ORDER
    replay.reports()
    replay.place(intent(SELL._replace(name=2)))

    told = []
    while not replay.advance(FOREVER) & Reason.END:
        told += replay.reports()
    assert fills(told) == [(2, 120, 5, False, 2 * MINUTE)]


def test_a_timer_at_a_close_still_reaches_the_open_of_that_instant():
    replay = BarReplay(bars(flat(100, 110)), PLAIN)
    replay.watch(MARKET.key, bars=False)

    assert replay.advance(MINUTE) == Reason.TIME
    assert replay.closed() == [(MARKET.key, 0)]
    replay.place(intent(BUY))
    assert replay.advance(FOREVER) == Reason.ORDER
    assert (replay.now_ns, fills(replay.reports())) == (MINUTE, [(1, 110, 5, False, MINUTE)])


def test_after_the_last_bar_orders_are_refused_and_cancels_work():
    replay, told = run(flat(100, 100), [Do(MINUTE, "place", 1, Side.BUY, 95, 5)])
    assert names(told) == ["OrderAccepted"]
    replay.place(intent(BUY._replace(name=2)))
    replay.amend(1, ticks=96, lots=5)
    replay.cancel(1)

    assert replay.advance(FOREVER) == Reason.ORDER | Reason.END
    assert names(replay.reports()) == ["OrderRejected", "AmendRejected", "OrderCanceled"]


def test_the_top_is_a_guess_around_the_last_close():
    replay = BarReplay(bars([Row(0, 100, 110, 90, 104), *flat(1, 1)[1:]]), replace(PLAIN, spread_ticks=3))

    assert replay.book(MARKET.key).top == Top(None, 0, None, 0)
    replay.advance(FOREVER)
    assert replay.book(MARKET.key).top == Top(102, 0, 106, 0)
    replay.advance(FOREVER)
    assert replay.book(MARKET.key).top == Top(1, 0, 3, 0)


def test_money_and_fees_are_exact():
    paying = instrument(maker_fee=Decimal("-0.0001"), taker_fee=Decimal("0.0005"))
    doings = [BUY, Do(MINUTE, "place", 2, Side.SELL, 105, 3)]
    rows = [*flat(100), Row(MINUTE, 100, 110, 100, 108)]

    replay, told = run(rows, doings, market=paying)

    # 0.005 BTC at 10.0 USDT bought as taker, 0.003 at 10.5 sold as maker.
    account = replay.account(paying.key)
    assert account.lots == 2
    assert account.cash == Money.of("-0.0185", "USDT")
    assert account.fees == Money.of("0.000025", "USDT") - Money.of("0.00000315", "USDT")
    paid = [event.fill.fee for event in told if isinstance(event, ev.OrderFilled)]
    assert paid[0] + paid[1] == account.fees


def test_the_value_of_inverse_contracts_is_left_to_the_fills():
    inverse = instrument(Kind.INVERSE)
    replay, told = run(flat(100, 100), [BUY], market=inverse)

    assert (replay.account(inverse.key).lots, replay.account(inverse.key).cash) == (5, None)
    assert fills(told) == [(1, 100, 5, False, MINUTE)]


def settlements(*rows):
    times, rates, marks = zip(*rows, strict=True)
    return Settlements.from_columns(time_ns=times, rates=rates, mark_ticks=marks)


def test_funding_is_paid_on_the_position_of_its_time():
    rate = 10**8  # 0.01 %
    tape = BarTape.of(
        bars(flat(100, 100, 100, low=9)),
        funding={
            MARKET.key: settlements(
                (MINUTE, rate, 100),  # before the order of the same instant is filled
                (MINUTE + 1, rate, 101),  # after it, and before the bid of that bar is
                (2 * MINUTE, -rate, 102),  # after both
                (9 * MINUTE, rate, 100),  # nobody knows this bar
            )
        },
    )
    bid = Do(MINUTE, "place", 2, Side.BUY, 95, 1)

    _, told = run(tape, [BUY, bid])

    paid = [(event.venue_ns, event.amount, event.rate) for event in told if isinstance(event, ev.FundingPaid)]
    assert paid == [
        (MINUTE + 1, Money.of("-0.00000505", "USDT"), Decimal("0.0001")),
        (2 * MINUTE, Money.of("0.00000612", "USDT"), Decimal("-0.0001")),
    ]


def test_several_instruments_are_played_by_time_each_at_its_own_interval():
    slow = instrument(symbol="ETH/USDT:USDT")
    replay = BarReplay([bars(flat(100, 101, 102)), bars([Row(30, 50, 50, 50, 50)], slow, 90)], PLAIN)
    replay.place(intent(BUY._replace(ns=0), slow))
    seen = []
    while not (reasons := replay.advance(FOREVER)) & Reason.END:
        seen.append((replay.now_ns, reasons, replay.closed()))

    assert seen == [
        (30, Reason.ORDER, []),
        (60, Reason.BAR, [(MARKET.key, 0)]),
        (120, Reason.BAR, [(MARKET.key, 1), (slow.key, 0)]),
        (180, Reason.BAR, [(MARKET.key, 2)]),
    ]
    assert replay.known_lots(slow.key) == 5
    assert replay.known_lots(MARKET.key) == 0


def test_assumptions_may_differ_by_instrument():
    other = instrument(symbol="ETH/USDT:USDT")
    both = [bars(flat(100, 100)), bars(flat(100, 100), other)]
    replay = BarReplay(both, {other.key: replace(PLAIN, slippage_ticks=7), MARKET.key: PLAIN})
    replay.advance(FOREVER)
    replay.place(intent(BUY))
    replay.place(intent(BUY._replace(name=2), other))
    replay.advance(FOREVER)

    assert [fill[1] for fill in fills(replay.reports())] == [100, 107]
    assert replay.fills()[:, 6].tolist() == [100, 107]
    assert len(replay.fills()) == 0


def test_fills_that_nobody_reads_stop_the_replay_until_they_are_read():
    replay = BarReplay(bars(flat(*[100] * 200)), PLAIN, orders=1, messages=1, fills=4)
    name, kept, stops = 0, 0, 0
    while not (reasons := replay.advance(FOREVER)) & Reason.END:
        replay.reports()
        if reasons & Reason.BAR and replay.now_ns < 200 * MINUTE:
            name += 1
            replay.place(intent(BUY._replace(name=name)))
        if reasons & Reason.FILLS_FULL:
            stops += 1
            kept += len(replay.fills())

    assert stops > 1
    assert kept + len(replay.fills()) == name == 199


def test_values_beyond_64_bits_stop_the_replay_with_a_name():
    with pytest.raises(XtradeError, match="64 bits"):
        run(flat(2**40, 2**40), [BUY._replace(lots=2**23)])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"spread_ticks": -1}, "spread_ticks = -1: expected a whole number"),
        ({"slippage_ticks": 0.5}, "slippage_ticks = 0.5"),
        ({"through_ticks": -2}, "through_ticks = -2"),
        ({"volume_share": 0}, "volume_share = 0: expected a share above zero"),
        ({"volume_share": 1.5}, "volume_share = 1.5"),
    ],
)
def test_an_assumption_that_makes_no_sense_is_named(wrong, says):
    with pytest.raises(ConfigError, match=says):
        BarAssumptions(**wrong)


def test_what_cannot_be_played_is_refused_in_words():
    one = bars(flat(100, 100))
    with pytest.raises(DataError, match="no bars to play"):
        BarReplay([])
    with pytest.raises(DataError, match="has bars twice"):
        BarReplay([one, one])
    with pytest.raises(UsageError, match="has no bars here. Did you mean"):
        BarReplay(one).book("binance:BTC/USDT")
    with pytest.raises(UsageError, match="has no bars here"):
        BarReplay(one, {"binance:ETH/USDT": PLAIN})
    with pytest.raises(UsageError, match="which has no bars"):
        BarTape.of(one, funding={"binance:ETH/USDT": settlements((1, 1, 1))})
    spot = instrument(Kind.SPOT)
    with pytest.raises(UsageError, match="is spot"):
        BarTape.of(bars(flat(1), spot), funding={spot.key: settlements((1, 1, 1))})
    with pytest.raises(DataError, match="row 1 is not after"):
        settlements((2, 1, 1), (2, 1, 1))
    with pytest.raises(DataError, match="row 0: a mark of 0"):
        settlements((2, 1, 0))


def test_what_a_venue_would_refuse_on_sight_is_an_error():
    replay = BarReplay(bars(flat(100, 100)), PLAIN, orders=1)
    replay.place(intent(BUY))
    with pytest.raises(UsageError, match="is in use"):
        replay.place(intent(BUY))
    with pytest.raises(UsageError, match="raise `orders`"):
        replay.place(intent(BUY._replace(name=2)))
    with pytest.raises(UsageError, match="below the minimum"):
        replay.place(intent(BUY._replace(name=3, lots=0)))


def test_bars_without_rows_are_over_at_once():
    assert BarReplay(bars([])).advance(FOREVER) == Reason.END
