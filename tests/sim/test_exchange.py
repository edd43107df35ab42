"""What the exchange does, case by case, with figures worked by hand."""

from decimal import Decimal

import pytest

from kit.exchanges import BUY, INVERSE, LINEAR, SELL, SPOT, Watcher, exchange, order, told
from kit.markets import instrument
from xtrade.model.errors import ConfigError, SymbolError, UsageError
from xtrade.model.events import (
    AmendRejected,
    BookDelta,
    CancelRejected,
    FundingPaid,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    Trade,
)
from xtrade.model.instruments import Kind, TradingStatus
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.rules import (
    ClientIds,
    ContractRules,
    FeesIn,
    FeeTier,
    FeeToken,
    MarginTier,
    PostOnly,
    ReduceOnly,
    SelfTrade,
    VenueRules,
)
from xtrade.sim.matching.tape import Feed, OrderTriggered, PositionClosed

FREE = {"maker_fee": Decimal(0), "taker_fee": Decimal(0)}
PLAIN_SPOT = instrument(Kind.SPOT, symbol="BTC/USDT")
PLAIN = instrument(Kind.LINEAR)


def fills(notices, account=None):
    return [(e.fill.ticks, e.fill.lots) for e in told(notices, OrderFilled, account=account)]


def usdt(amount):
    return Money.of(amount, "USDT")


# -- matching -----------------------------------------------------------------------------------------------------


def test_the_best_price_trades_first_and_then_the_oldest_order():
    made = exchange("ann", "bob")
    for number, ticks in ((1, 500_002), (2, 500_001), (3, 500_001)):
        made.place("ann", order(number, SELL, 10, ticks), number)

    notices = made.place("bob", order(1, BUY, 25, 500_005), 9)

    assert fills(notices, "bob") == [(500_001, 10), (500_001, 10), (500_002, 5)]
    assert [e.client_order_id for e in told(notices, OrderFilled, account="ann")] == [2, 3, 1]
    assert [e.taker for e in told(notices, Trade)] == [BUY] * 3


def test_one_call_tells_acceptance_then_fills_then_the_book():
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000), 1)

    kinds = [type(e) for e in told(made.place("bob", order(1, BUY, 10, 500_000), 2))]

    assert kinds.index(OrderAccepted) < kinds.index(OrderFilled) < kinds.index(Trade) < kinds.index(BookDelta)


def test_fill_or_kill_trades_whole_or_not_at_all():
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000), 1)

    killed = made.place("bob", order(1, BUY, 11, 500_000, time_in_force=TimeInForce.FOK), 2)
    filled = made.place("bob", order(2, BUY, 10, 500_000, time_in_force=TimeInForce.FOK), 3)

    assert [e.reason for e in told(killed, OrderExpired)] == ["fok"]
    assert fills(killed) == []
    assert fills(filled, "bob") == [(500_000, 10)]


def test_a_market_order_goes_no_further_than_its_band():
    made = exchange("ann", "bob", rules=VenueRules(market_band=Decimal("0.01")))
    made.place("ann", order(1, SELL, 10, 500_000), 1)
    made.place("ann", order(2, SELL, 10, 505_001), 1)

    notices = made.place("bob", order(1, BUY, 20), 2)

    assert fills(notices, "bob") == [(500_000, 10)]
    assert [(e.reason, e.cumulative_lots) for e in told(notices, OrderExpired)] == [("no_liquidity", 10)]


def test_an_amount_of_quote_currency_buys_whole_lots_and_completes():
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000, SPOT), 1)  # 50 USDT a lot

    notices = made.place("bob", order(1, BUY, 0, None, SPOT, quote_amount=usdt(120)), 2)

    assert fills(notices, "bob") == [(500_000, 2)]
    assert [e.cumulative_lots for e in told(notices, OrderCompleted)] == [2]


def test_a_post_only_order_is_refused_or_moved_off_the_best_price():
    for rule in PostOnly:
        made = exchange("ann", "bob", rules=VenueRules(post_only=rule))
        made.place("ann", order(1, SELL, 10, 500_000), 1)
        notices = made.place("bob", order(1, BUY, 10, 500_007, post_only=True), 2)

        assert fills(notices) == []
        if rule is PostOnly.REJECT:
            assert [e.code for e in told(notices, OrderRejected)] == ["post_only"]
        else:
            assert [(e.ticks, e.request) for e in told(notices, OrderAmended)] == [(499_999, None)]
            assert list(made.book(LINEAR.key).bids) == [(499_999, 10)]


@pytest.mark.parametrize(
    ("change", "first"),
    [({"lots": 5}, 1), ({"lots": 20}, 2), ({"ticks": 500_001}, 2)],
    ids=["less keeps its place", "more loses it", "another price loses it"],
)
def test_an_amendment_keeps_its_place_only_for_less_at_the_same_price(change, first):
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000), 1)
    made.place("ann", order(2, SELL, 10, 500_000), 2)
    amended = made.amend("ann", 1, 3, **change, request=7)

    notices = made.place("bob", order(1, BUY, 1, 500_000), 4)

    assert [e.request for e in told(amended, OrderAmended)] == [7]
    assert [e.client_order_id for e in told(notices, OrderFilled, account="ann")] == [first]


def test_a_refused_amendment_leaves_the_order_as_it_was():
    made = exchange("ann", amounts=(usdt(100),))
    made.place("ann", order(1, BUY, 1, 500_000, SPOT), 1)

    notices = made.amend("ann", 1, 2, lots=3)

    assert len(told(notices, AmendRejected)) == 1
    assert [(o.lots, o.ticks) for o in made.open_orders("ann")] == [(1, 500_000)]
    assert made.balance("ann", "USDT").held == usdt(50)


def test_an_amendment_below_what_has_traded_ends_the_order():
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000), 1)
    made.place("bob", order(1, BUY, 6, 500_000), 2)

    notices = made.amend("ann", 1, 3, lots=4)

    assert [(e.reason, e.cumulative_lots) for e in told(notices, OrderCanceled)] == [("amended_to_filled", 6)]


@pytest.mark.parametrize(
    ("mode", "left", "traded"),
    [
        (SelfTrade.CANCEL_TAKER, [(1, 10), (9, 10)], []),
        (SelfTrade.CANCEL_MAKER, [(2, 5)], [(500_001, 10)]),
        (SelfTrade.CANCEL_BOTH, [(9, 10)], []),
        (SelfTrade.DECREMENT, [(9, 5)], [(500_001, 5)]),
        (SelfTrade.ALLOW, [(9, 5)], [(500_000, 10), (500_001, 5)]),
    ],
)
def test_an_account_meets_its_own_order_as_its_mode_says(mode, left, traded):
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000), 1)
    made.place("bob", order(9, SELL, 10, 500_001), 2)

    notices = made.place("ann", order(2, BUY, 15, 500_001), 3, self_trade=mode)

    assert [(e.ticks, e.lots) for e in told(notices, Trade)] == traded
    assert [(o.intent.client_order_id, o.lots - o.filled) for o in made.queue(LINEAR.key)] == left


def test_client_ids_are_unique_among_open_orders_or_for_ever():
    for rule, refused in ((ClientIds.OPEN, 0), (ClientIds.EVER, 1)):
        made = exchange("ann", rules=VenueRules(client_ids=rule))
        made.place("ann", order(1, BUY, 1, 400_000), 1)
        twice = made.place("ann", order(1, BUY, 1, 400_000), 2)
        made.cancel("ann", 1, 3)
        later = made.place("ann", order(1, BUY, 1, 400_000), 4)

        assert [e.code for e in told(twice, OrderRejected)] == ["duplicate_client_id"]
        assert len(told(later, OrderRejected)) == refused


def test_a_reduce_only_order_is_cut_or_refused_and_never_opens():
    for rule in ReduceOnly:
        made = exchange("ann", "bob", rules=VenueRules(reduce_only=rule))
        made.place("ann", order(1, SELL, 10, 500_000), 1)
        made.place("bob", order(1, BUY, 10, 500_000), 2)
        none = made.place("ann", order(2, SELL, 5, 500_000, reduce_only=True), 3)
        more = made.place("bob", order(2, SELL, 15, 500_000, reduce_only=True), 4)

        assert [e.code for e in told(none, OrderRejected)] == ["reduce_only"]
        assert [e.lots for e in told(more, OrderAmended)] == ([10] if rule is ReduceOnly.CUT else [])


def test_resting_reduce_only_orders_shrink_with_the_position():
    made = exchange("ann", "bob")
    made.place("ann", order(1, SELL, 10, 500_000), 1)
    made.place("bob", order(1, BUY, 10, 500_000), 2)
    made.place("bob", order(2, SELL, 10, 500_100, reduce_only=True), 3)
    made.place("ann", order(2, BUY, 10, 499_000), 4)

    smaller = made.place("bob", order(3, SELL, 4, 499_000), 5)
    gone = made.place("bob", order(4, SELL, 6, 499_000), 6)

    assert [(e.client_order_id, e.lots) for e in told(smaller, OrderAmended, account="bob")] == [(2, 6)]
    assert [(e.client_order_id, e.reason) for e in told(gone, OrderCanceled)] == [(2, "reduce_only")]


# -- triggers and time --------------------------------------------------------------------------------------------


def test_a_stop_wakes_on_the_price_it_watches():
    made = exchange("ann", "bob")
    made.place("ann", order(1, BUY, 10, 490_000), 1)
    stop = Trigger(ticks=495_000, by=TriggerPrice.MARK)
    made.place("bob", order(1, SELL, 5, None, type=OrderType.STOP_MARKET, trigger=stop), 2)

    above = made.set_mark(LINEAR.key, Decimal("49500.1"), 3)
    below = made.set_mark(LINEAR.key, Decimal("49499.9"), 4)

    assert told(above, OrderTriggered) == []
    assert len(told(below, OrderTriggered)) == 1
    assert fills(below, "bob") == [(490_000, 5)]


def test_a_trade_inside_a_sweep_wakes_orders_that_the_last_price_would_not():
    made = exchange("ann", "bob", "cat")
    made.place("ann", order(1, SELL, 1, 500_000), 1)
    made.place("bob", order(1, BUY, 1, 500_000), 1)
    made.place("ann", order(2, SELL, 1, 495_000), 2)
    made.place("ann", order(3, SELL, 1, 499_000), 2)
    take = Trigger(ticks=496_000)
    made.place("cat", order(1, BUY, 1, 480_000, type=OrderType.TAKE_PROFIT_LIMIT, trigger=take), 3)

    notices = made.place("bob", order(2, BUY, 2, 499_000), 4)

    assert len(told(notices, OrderTriggered, account="cat")) == 1


def test_a_trailing_stop_follows_the_best_price():
    made = exchange("ann", "bob")
    made.place("ann", order(1, BUY, 10, 480_000), 1)
    trail = Trigger(trail_rate=Decimal("0.01"), by=TriggerPrice.MARK)
    made.place("bob", order(1, SELL, 5, None, type=OrderType.TRAILING_STOP, trigger=trail), 2)

    quiet = made.set_mark(LINEAR.key, 52_000, 3) + made.set_mark(LINEAR.key, 51_481, 4)
    woken = made.set_mark(LINEAR.key, 51_480, 5)

    assert told(quiet, OrderTriggered) == []
    assert len(told(woken, OrderTriggered)) == 1


def test_orders_expire_and_countdowns_run_out_at_their_own_time():
    made = exchange("ann")
    made.place("ann", order(1, BUY, 1, 400_000, time_in_force=TimeInForce.GTD, expires_ns=50), 1)
    made.place("ann", order(2, BUY, 1, 400_000), 2)
    made.set_countdown("ann", 60, 3)
    made.set_countdown("ann", 90, 10)

    notices = made.advance(200)

    assert [(e.client_order_id, e.venue_ns) for e in told(notices, OrderExpired)] == [(1, 50)]
    assert [(e.client_order_id, e.venue_ns) for e in told(notices, OrderCanceled)] == [(2, 100)]
    assert made.next_due_ns is None


def test_what_is_late_off_the_rules_or_unknown_is_refused_with_a_reason():
    made = exchange("ann", rules=VenueRules(limit_band=Decimal("0.1")))
    made.advance(100)
    codes = [
        told(made.place("ann", intent, 100), OrderRejected)[0].code
        for intent in (
            order(1, BUY, 1, 500_000, valid_until_ns=99),
            order(2, BUY, 1, 550_001),
            order(3, BUY, 0, 500_000),
            order(4, BUY, 1, 500_000, instrument="binance:ETH/USDT"),
            order(5, BUY, 10**6, 500_000),
        )
    ]

    assert codes == ["too_late", "price_band", "invalid", "unknown_instrument", "insufficient_margin"]
    assert len(told(made.cancel("ann", 77, 101), CancelRejected)) == 1


# -- money --------------------------------------------------------------------------------------------------------


def test_a_spot_order_holds_what_it_needs_and_frees_what_it_saves():
    made = exchange(
        "ann", "bob", rules=VenueRules(spot_fees_in=FeesIn.QUOTE), amounts=(usdt(1000), Money.of(1, "BTC"))
    )
    made.place("bob", order(1, BUY, 10, 500_000, SPOT), 1)
    held = made.balance("bob", "USDT").held
    made.cancel("bob", 1, 2)
    made.place("ann", order(1, SELL, 10, 499_000, SPOT), 3)
    made.place("bob", order(2, BUY, 10, 500_000, SPOT), 4)

    assert held == Money.of("500.255", "USDT")  # 500 and the taker's fee of 0.051 %
    assert made.balance("bob", "USDT").total == Money.of("500.74551", "USDT")  # 1000 - 499 - 0.25449
    assert made.balance("bob", "USDT").held == usdt(0)
    assert made.balance("ann", "USDT").total == Money.of("1498.9002", "USDT")  # 1000 + 499 - 0.0998
    assert made.house("USDT")["fees"] == Money.of("0.35429", "USDT")


def test_an_order_beyond_the_balance_is_refused():
    made = exchange("ann", amounts=(usdt(100),))

    notices = made.place("ann", order(1, BUY, 3, 500_000, SPOT), 1)

    assert [(e.code, e.reason) for e in told(notices, OrderRejected)] == [
        ("insufficient_funds", "the order needs 150 USDT, 100 are available")
    ]


def test_fees_are_taken_in_what_was_received_or_in_the_token():
    rules = VenueRules(fee_token=FeeToken(currency="BNB", discount=Decimal("0.25")))
    made = exchange("ann", "bob", rules=rules, amounts=(usdt(1000), Money.of(1, "BTC"), Money.of(1, "BNB")))
    made.set_token_price("USDT", 500)
    made.pay_fees_in_token("ann", enabled=True)
    made.place("ann", order(1, SELL, 10, 500_000, SPOT), 1)

    notices = made.place("bob", order(1, BUY, 10, 500_000, SPOT), 2)

    assert [e.fill.fee for e in told(notices, OrderFilled, account="bob")] == [Money.of("0.0000051", "BTC")]
    assert [e.fill.fee for e in told(notices, OrderFilled, account="ann")] == [Money.of("0.00015", "BNB")]


def test_volume_of_earlier_days_lowers_the_fees_of_today():
    tiers = (
        FeeTier(volume=Decimal(0), maker=Decimal(0), taker=Decimal("0.001")),
        FeeTier(volume=Decimal(400), maker=Decimal(0), taker=Decimal("0.0005")),
    )
    made = exchange("ann", "bob", rules=VenueRules(fee_tiers=tiers))
    day = 86_400 * 10**9
    paid = []
    for number, now in ((1, 1), (2, 2), (3, day), (4, 40 * day)):
        made.place("ann", order(number, SELL, 10, 500_000), now)
        notices = made.place("bob", order(number, BUY, 10, 500_000), now)
        paid += [e.fill.fee for e in told(notices, OrderFilled, account="bob")]

    assert paid == [Money.of(amount, "USDT") for amount in ("0.5", "0.5", "0.25", "0.5")]


def test_a_linear_position_pays_what_the_price_made():
    made = exchange("ann", "bob", markets=(PLAIN,), amounts=(usdt(1000),))
    made.place("ann", order(1, SELL, 100, 500_000), 1)
    made.place("bob", order(1, BUY, 100, 500_000), 2)
    made.place("bob", order(2, SELL, 100, 510_000), 3)
    made.place("ann", order(2, BUY, 100, 510_000), 4)

    assert made.balance("bob", "USDT").total == usdt(1100)
    assert made.balance("ann", "USDT").total == usdt(900)


def test_open_orders_tie_up_the_margin_of_the_worst_case_and_closing_needs_none():
    made = exchange("ann", "bob", markets=(PLAIN,), amounts=(usdt(500),))
    made.set_leverage("bob", PLAIN.key, 10)
    made.place("ann", order(1, SELL, 100, 500_000), 1)
    made.place("bob", order(1, BUY, 100, 500_000), 2)  # 5,000 USDT at 10x: all 500
    full = made.balance("bob", "USDT").held
    more = made.place("bob", order(2, BUY, 1, 490_000), 3)
    close = made.place("bob", order(3, SELL, 100, 510_000), 4)

    assert full == usdt(500)
    assert [e.code for e in told(more, OrderRejected)] == ["insufficient_margin"]
    assert told(close, OrderRejected) == []
    assert made.balance("bob", "USDT").held == usdt(500)


def test_funding_moves_from_longs_to_shorts_and_nothing_is_lost():
    made = exchange("ann", "bob", "cat", markets=(INVERSE,), amounts=(Money.of(1, "BTC"),))
    for name, number, lots in (("ann", 1, 1), ("cat", 2, 2)):
        made.place(name, order(number, SELL, lots, 500_000, INVERSE), 1)
    made.place("bob", order(1, BUY, 3, 500_000, INVERSE), 2)
    made.set_mark(INVERSE.key, 30_000, 3)
    made.set_funding(INVERSE.key, Decimal("0.0001"), 4, next_ns=100, interval_ns=100)

    paid = told(made.advance(100), FundingPaid)

    third = 10**24 // 3_000_000  # 100 USD at 30,000 is a third of a hundredth of a bitcoin
    assert {e.account: e.amount.atoms // 10**3 for e in paid} == {
        "ann": third // 10**3,
        "cat": 2 * third // 10**3,
        "bob": (-3 * third) // 10**3,
    }
    assert made.unaccounted() == ()
    assert made.next_due_ns == 200


def leveraged(fund=0, book=(), share=Decimal(1), isolated=False):
    """bob is long 100 lots (5,000 USDT) with 500; maintenance 2 %: liquidated where 500 + profit < 2 %."""
    contract = ContractRules(
        tiers=(MarginTier(leverage_max=10, maintenance=Decimal("0.02")),),
        liquidation_fee=Decimal(0),
        liquidation_share=share,
    )
    made = exchange("ann", "cat", markets=(PLAIN,), contract=contract)
    made.open_account("bob", usdt(500))
    if fund:
        made.fund_insurance(usdt(fund))
    made.set_isolated("bob", PLAIN.key, isolated=isolated)
    made.place("ann", order(1, SELL, 100, 500_000), 1)
    made.place("bob", order(1, BUY, 100, 500_000), 2)
    for number, (lots, ticks) in enumerate(book, start=10):
        made.place("cat", order(number, BUY, lots, ticks), 3)
    return made


def causes(notices, account):
    return [(e.cause, e.lots) for e in told(notices, PositionClosed, account=account)]


@pytest.mark.parametrize("isolated", [False, True])
def test_a_position_is_liquidated_where_it_was_said_to_be(isolated):
    made = leveraged(book=[(100, 459_000)], isolated=isolated)
    price = made.liquidation_price("bob", PLAIN.key)

    quiet = made.set_mark(PLAIN.key, price, 4)
    closed = made.set_mark(PLAIN.key, price - PLAIN.tick, 5)

    assert price == Decimal("45918.4")  # 4,500 / 0.1 / 0.98
    assert causes(quiet, "bob") == []
    assert causes(closed, "bob") == [("liquidation", 100)]
    assert made.balance("bob", "USDT").total == usdt(90)  # 500 - 410
    assert made.unaccounted() == ()


def test_the_insurance_fund_pays_what_the_book_costs_beyond_the_margin():
    made = leveraged(fund=100, book=[(100, 445_000)])

    notices = made.set_mark(PLAIN.key, 45_000, 4)

    assert causes(notices, "bob") == [("liquidation", 100)]
    assert made.balance("bob", "USDT").total == usdt(0)
    assert made.house("USDT")["insurance"] == usdt(50)


def test_an_empty_fund_deleverages_at_the_bankruptcy_price():
    made = leveraged(book=[(100, 445_000)])

    notices = made.set_mark(PLAIN.key, 44_000, 4)

    assert causes(notices, "bob") == [("deleverage", 100)]
    assert causes(notices, "ann") == [("deleverage", -100)]
    assert [e.fill.ticks for e in told(notices, OrderFilled)] == [450_000, 450_000]
    assert made.balance("bob", "USDT").total == usdt(0)
    assert made.balance("ann", "USDT").total == usdt(100_500)


def test_a_liquidation_by_shares_stops_as_soon_as_the_rest_can_be_carried():
    made = leveraged(book=[(100, 459_000)], share=Decimal("0.25"))

    notices = made.set_mark(PLAIN.key, 45_910, 4)

    assert causes(notices, "bob") == [("liquidation", 25)]
    assert made.position("bob", PLAIN.key).lots == 75


def test_canceling_the_orders_of_a_pool_comes_before_closing_it():
    made = leveraged(book=[(100, 459_000)])
    made.deposit("bob", usdt(1000), 3)
    made.place("bob", order(5, BUY, 10, 400_000), 3)
    made.withdraw("bob", usdt(1), 3)

    notices = made.set_mark(PLAIN.key, 30_000, 4)

    assert [e.reason for e in told(notices, OrderCanceled, account="bob")] == ["liquidation"]


def test_an_isolated_position_loses_no_more_than_its_pot():
    made = leveraged(isolated=True)
    made.deposit("bob", usdt(1000), 3)
    pot = made.isolated_margin("bob", PLAIN.key)

    made.set_mark(PLAIN.key, 40_000, 4)

    assert pot == usdt(500)
    assert made.position("bob", PLAIN.key).lots == 0
    assert made.balance("bob", "USDT").total == usdt(1000)


# -- the venue ----------------------------------------------------------------------------------------------------


def test_a_new_tick_cancels_orders_and_keeps_positions():
    made = exchange("ann", "bob", markets=(PLAIN,))
    watcher = Watcher(made)
    watcher.place("ann", order(1, SELL, 10, 500_000), 1)
    watcher.place("bob", order(1, BUY, 20, 500_000), 2)

    changed = instrument(Kind.LINEAR, tick=Decimal("0.5"), lot=Decimal("0.0005"), version=2)
    watcher.read(made.change_market(changed, 3))

    watcher.check()
    assert made.open_orders("bob") == []
    assert made.position("bob", PLAIN.key).lots == 20
    assert told(made.place("bob", order(2, SELL, 20, 100_000, changed), 4), OrderRejected) == []


def test_a_halted_market_takes_no_orders_but_cancels():
    made = exchange("ann", markets=(PLAIN,))
    made.place("ann", order(1, BUY, 1, 400_000), 1)
    halted = instrument(Kind.LINEAR, status=TradingStatus.HALTED, version=2)
    made.change_market(halted, 2)

    assert len(told(made.place("ann", order(2, BUY, 1, 400_000, halted), 3), OrderRejected)) == 1
    assert len(told(made.cancel("ann", 1, 4), OrderCanceled)) == 1


def test_a_snapshot_at_any_moment_and_the_deltas_after_it_are_the_book():
    made = exchange("ann", "bob", markets=(PLAIN,))
    watchers = []
    for number in range(1, 60):
        watchers.append(Watcher(made))
        side, away = (BUY, -number % 7) if number % 3 else (SELL, number % 5)
        notices = made.place(["ann", "bob"][number % 2], order(number, side, number, 500_000 + away), number)
        for watcher in watchers:
            for event in told(notices, BookDelta):
                watcher._public(event)

    now = made.book(PLAIN.key)
    for watcher in watchers:
        assert watcher.books[PLAIN.key] == (now.sequence, dict(now.bids), dict(now.asks))


def test_feeds_that_nobody_reads_are_left_out():
    made = Exchange(feeds=[Feed.QUEUE])
    made.list_market(SPOT)
    made.open_account("ann", usdt(1000))

    kinds = {type(e).__name__ for e in told(made.place("ann", order(1, BUY, 1, 500_000, SPOT), 1))}

    assert kinds == {"OrderAccepted", "QueueChanged"}


def test_the_caller_is_told_what_it_got_wrong():
    made = exchange("ann", markets=(PLAIN,))
    made.advance(10)
    for error, words, call in (
        (UsageError, "time runs backwards", lambda: made.advance(9)),
        (UsageError, "Did you mean 'ann'", lambda: made.cancel_all("anna", 10)),
        (SymbolError, "is not traded here", lambda: made.book("binance:BTC/USDC")),
        (UsageError, "has 100000 USDT available", lambda: made.withdraw("ann", usdt(10**6), 10)),
        (UsageError, "expected an amount above zero", lambda: made.deposit("ann", usdt(-1), 10)),
        (UsageError, "from 1 to 20", lambda: made.set_leverage("ann", PLAIN.key, 21)),
        (ConfigError, "is listed already", lambda: made.list_market(PLAIN)),
        (ConfigError, "takes no contract rules", lambda: made.list_market(SPOT, ContractRules())),
        (
            ConfigError,
            "below 1 / leverage_max",
            lambda: ContractRules(tiers=(MarginTier(maintenance=Decimal(1)),)),
        ),
        (
            ConfigError,
            "ascend from 0",
            lambda: VenueRules(fee_tiers=(FeeTier(volume=Decimal(1), maker=Decimal(0), taker=Decimal(0)),)),
        ),
    ):
        with pytest.raises(error, match=words):
            call()
