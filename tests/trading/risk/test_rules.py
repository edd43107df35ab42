"""Each rule of the gate at its edge: the last order that it lets out, and the first that it does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kit.by_hand import HandBook
from kit.markets import instrument
from kit.orders import intent as any_intent
from xtrade.model.events import AmendSent, CancelSent, OrderAccepted, OrderInDoubt
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, apply
from xtrade.model.orders import OrderType, TimeInForce, Trigger
from xtrade.model.sides import Side
from xtrade.trading.risk.limits import Limits
from xtrade.trading.risk.rules import RULES, check
from xtrade.trading.risk.situation import Situation, waiting
from xtrade.trading.risk.state import TradingState

MARKET = instrument()  # a lot is 0.001 BTC, a tick 0.1 USDT: ten lots at tick 1000 are 1 USDT
ACTIVE, REDUCING, HALTED = TradingState


def order(side=Side.BUY, lots=10, ticks=1000, market=MARKET, **changed):
    changed.setdefault("type", OrderType.MARKET if ticks is None else OrderType.LIMIT)
    return any_intent(
        instrument=market.key, instrument_version=market.version, side=side, lots=lots, ticks=ticks, **changed
    )


def situation(market=MARKET, **changed):
    fields = {
        "instrument": market,
        "book": HandBook(market),
        "state": ACTIVE,
        "position_lots": 0,
        "open_orders": (),
        "sent_last_second": 0,
    }
    return Situation(**fields | changed)


def opened(*events, **changed):
    """An open order, and what was heard of it."""
    state = OrderState(intent=order(**changed))
    for event, fields in events:
        state = apply(state, event(client_order_id=state.intent.client_order_id, **fields)).state
    return state


def refused(intent, limits=None, **changed):
    """The rule that says no; None if none does."""
    refusal = check(intent, situation(**changed), limits or Limits())
    return None if refusal is None else refusal.rule


def test_the_list_of_the_docstring_is_the_list_of_rules():
    from xtrade.trading.risk import rules

    named = [line.split()[0] for line in rules.__doc__.splitlines() if line[:1].isalpha() and "  " in line]

    assert [rule.__name__ for rule in RULES] == named


def test_the_dial():
    assert refused(order(), state=HALTED) == "trading_state"
    assert refused(order(), state=REDUCING) == "trading_state"
    assert refused(order(Side.SELL), state=REDUCING, position_lots=10) is None
    assert refused(order(Side.SELL, lots=11), state=REDUCING, position_lots=10) == "trading_state"
    # Another order is closing already: both together would flip the position.
    closing = opened(side=Side.SELL, lots=1, ticks=1100)
    assert (
        refused(order(Side.SELL), state=REDUCING, position_lots=10, open_orders=[closing]) == "trading_state"
    )
    assert refused(order(Side.SELL, lots=9), state=REDUCING, position_lots=10, open_orders=[closing]) is None
    assert refused(order(Side.SELL), state=HALTED, position_lots=10) == "trading_state"


def test_the_list_of_instruments():
    assert refused(order(), Limits(instruments=("binance:*",))) is None
    assert refused(order(), Limits(instruments=(MARKET.key,))) is None
    assert refused(order(), Limits(instruments=("okx:*",))) == "instruments"
    assert refused(order(), Limits(instruments=())) == "instruments"


def test_a_venue_in_trouble_and_data_that_are_stale_stop_what_opens_and_let_out_what_reduces():
    for trouble, rule in (
        ({"trouble": "orders is down"}, "venue_health"),
        ({"stale": "no book"}, "stale_quotes"),
    ):
        assert refused(order(), **trouble) == rule
        assert refused(order(Side.SELL), position_lots=10, **trouble) is None
        assert refused(order(Side.SELL, lots=11), position_lots=10, **trouble) == rule


def test_a_book_with_a_gap():
    book = HandBook(MARKET)
    book.is_trusted = False
    assert refused(order(), book=book) == "book"
    assert refused(order(Side.SELL), book=book, position_lots=10) is None


def test_the_age_of_a_quote():
    limits = Limits(quote_age_ms_max=500)
    assert refused(order(), limits, quote_age_ns=500_000_000) is None
    assert refused(order(), limits, quote_age_ns=500_000_001) == "stale_quotes"
    assert refused(order(), limits, quote_age_ns=None) is None
    assert refused(order(), quote_age_ns=10**18) is None


def test_what_the_venue_would_refuse_on_sight():
    assert refused(order(lots=0)) == "form"
    assert refused(order(ticks=0)) == "form"


def test_reduce_only_reduces():
    def selling(lots, **changed):
        return order(Side.SELL, lots=lots, reduce_only=True, **changed)

    assert refused(selling(10), position_lots=10) is None
    assert refused(selling(11), position_lots=10) == "reduce_only"
    assert refused(selling(1), position_lots=0) == "reduce_only"
    assert refused(selling(1), position_lots=-5) == "reduce_only"
    # What rests already and reduces has taken its part.
    resting = opened(side=Side.SELL, lots=4, ticks=1100, reduce_only=True)
    assert refused(selling(6), position_lots=10, open_orders=[resting]) is None
    assert refused(selling(7), position_lots=10, open_orders=[resting]) == "reduce_only"
    # A take-profit and a stop for all of it: only one of them will trade.
    stop = selling(10, ticks=None, type=OrderType.STOP_MARKET, trigger=Trigger(ticks=900))
    assert (
        refused(stop, position_lots=10, open_orders=[opened(side=Side.SELL, ticks=1100, reduce_only=True)])
        is None
    )


def test_reduce_only_is_about_the_account_and_not_only_about_one_strategy():
    selling = order(Side.SELL, reduce_only=True)
    assert refused(selling, position_lots=10, account_lots=10) is None
    refusal = check(selling, situation(position_lots=10, account_lots=9), Limits())
    assert refusal.rule == "reduce_only"
    assert "the account as a whole holds 0.009" in refusal.reason


def test_post_only_does_not_trade_at_once():
    assert refused(order(ticks=1000, post_only=True)) is None
    assert refused(order(ticks=1001, post_only=True)) == "post_only"
    assert refused(order(Side.SELL, ticks=1001, post_only=True)) is None
    assert refused(order(Side.SELL, ticks=1000, post_only=True)) == "post_only"
    empty = HandBook(MARKET, ask=None)
    assert refused(order(ticks=5000, post_only=True), book=empty) is None


def test_the_price_band_about_the_middle_of_the_book():
    book = HandBook(MARKET, bid=999, ask=1001)
    assert refused(order(ticks=1100), book=book) is None
    assert refused(order(ticks=1101), book=book) == "price_band"
    assert refused(order(Side.SELL, ticks=900), book=book) is None
    assert refused(order(Side.SELL, ticks=899), book=book) == "price_band"
    assert refused(order(ticks=1), book=book) is None  # far from the market is no harm
    assert refused(order(ticks=10**6), Limits(price_band=None), book=book) is None


def test_the_price_band_about_the_mark_holds_for_market_orders_too():
    mark = Decimal(100)  # 1000 ticks
    wild = HandBook(MARKET, bid=1099, ask=1101)
    assert refused(order(ticks=None), book=wild, mark=Decimal("100.1")) is None
    assert refused(order(ticks=None), book=wild, mark=mark) == "price_band"
    assert refused(order(Side.SELL, ticks=None), book=wild, mark=mark) is None
    assert refused(order(ticks=1100), book=wild, mark=mark) is None
    assert refused(order(ticks=1101), book=wild, mark=mark) == "price_band"
    assert refused(order(ticks=None), book=wild) is None


def test_the_size_of_an_order():
    limits = Limits(order_base_max={"BTC": Decimal("0.010")})
    assert refused(order(lots=10), limits) is None
    assert refused(order(lots=11), limits) == "order_size"
    assert refused(order(lots=11), Limits(order_base_max={"ETH": Decimal("0.001")})) is None
    inverse = instrument(Kind.INVERSE)  # a lot is 100 USD: at 100 USD a coin, one coin
    limits = Limits(order_base_max={"BTC": Decimal(5)})
    assert refused(order(lots=5, market=inverse), limits, market=inverse) is None
    assert refused(order(lots=6, market=inverse), limits, market=inverse) == "order_size"


def test_the_worth_of_an_order():
    assert refused(order(lots=10), Limits(order_value_max=Decimal(1))) is None
    assert refused(order(lots=11), Limits(order_value_max=Decimal(1))) == "order_value"
    assert refused(order(lots=10, ticks=None), Limits(order_value_max=Decimal("1.001"))) is None
    assert refused(order(lots=10, ticks=None), Limits(order_value_max=Decimal(1))) == "order_value"
    assert refused(order(lots=10), Limits(order_value_min=Decimal(1))) is None
    assert refused(order(lots=9), Limits(order_value_min=Decimal(1))) == "order_value"
    # A rest may be closed, however little it is.
    assert refused(order(Side.SELL, lots=9), Limits(order_value_min=Decimal(1)), position_lots=9) is None


def test_an_order_whose_worth_nobody_knows_is_not_let_out():
    nobody = HandBook(MARKET, ask=None)
    for limits in (Limits(order_value_max=Decimal(10**9)), Limits(position_value_max=Decimal(10**9))):
        refusal = check(order(ticks=None), situation(book=nobody), limits)
        assert refusal.figure == "unknown"


def test_the_position_counts_what_is_held_and_what_is_open_on_that_side():
    limits = Limits(position_value_max=Decimal(3))  # thirty lots
    assert refused(order(lots=10), limits, position_lots=20) is None
    assert refused(order(lots=11), limits, position_lots=20) == "position"
    ours = opened(lots=5)
    assert refused(order(lots=5), limits, position_lots=20, open_orders=[ours]) is None
    assert refused(order(lots=6), limits, position_lots=20, open_orders=[ours]) == "position"
    theirs = opened(side=Side.SELL, lots=500, ticks=1200)
    assert refused(order(lots=10), limits, position_lots=20, open_orders=[theirs]) is None
    # Through zero to the other side: what counts is where it may end.
    assert refused(order(Side.SELL, lots=50), limits, position_lots=20) is None
    assert refused(order(Side.SELL, lots=51), limits, position_lots=20) == "position"


@pytest.mark.parametrize(
    "heard",
    [
        [],
        [(OrderInDoubt, {})],
        [(OrderAccepted, {}), (CancelSent, {"request": 1})],
        [(OrderInDoubt, {}), (CancelSent, {"request": 1})],
    ],
)
def test_an_order_that_nobody_answered_for_holds_its_full_exposure(heard):
    doubtful = opened(*heard, lots=5)
    limits = Limits(position_value_max=Decimal(3))
    assert refused(order(lots=6), limits, position_lots=20, open_orders=[doubtful]) == "position"


def test_an_order_that_is_being_amended_holds_the_larger_quantity():
    amended = opened((OrderAccepted, {}), (AmendSent, {"request": 1, "lots": 8, "ticks": 1000}), lots=5)
    limits = Limits(position_value_max=Decimal(3))
    assert refused(order(lots=2), limits, position_lots=20, open_orders=[amended]) is None
    assert refused(order(lots=3), limits, position_lots=20, open_orders=[amended]) == "position"


def test_an_order_sized_in_quote_currency_holds_all_it_may_spend():
    amount = Money.of("0.5", "USDT")
    spending = opened(lots=0, ticks=None, quote_amount=amount)
    assert waiting([spending], MARKET.key, Side.BUY) == (0, amount.atoms)
    limits = Limits(position_value_max=Decimal(3))
    assert refused(order(lots=5), limits, position_lots=20, open_orders=[spending]) is None
    assert refused(order(lots=6), limits, position_lots=20, open_orders=[spending]) == "position"
    more = order(lots=0, ticks=None, quote_amount=amount)
    assert refused(more, Limits(order_value_max=Decimal("0.5"))) is None
    assert refused(more, Limits(order_value_max=Decimal("0.49"))) == "order_value"


def test_spot_sells_what_is_there_and_not_offered_yet():
    spot = instrument(Kind.SPOT)

    def selling(lots, **changed):
        return refused(order(Side.SELL, lots=lots, market=spot), market=spot, **changed)

    assert selling(10, position_lots=10) is None
    assert selling(11, position_lots=10) == "spot_holdings"
    offered = opened(side=Side.SELL, lots=4, ticks=1100, market=spot)
    assert selling(6, position_lots=10, open_orders=[offered]) is None
    assert selling(7, position_lots=10, open_orders=[offered]) == "spot_holdings"
    # Sized in quote currency: at a bid of 1000 ticks, 1 USDT is ten lots.
    bringing = order(
        Side.SELL, lots=0, ticks=None, market=spot, quote_amount=Money.of("1", "USDT"), type=OrderType.MARKET
    )
    assert refused(bringing, market=spot, position_lots=10) is None
    assert refused(bringing, market=spot, position_lots=9) == "spot_holdings"


def test_how_many_and_how_fast():
    far = [opened(ticks=500) for _ in range(3)]
    assert refused(order(), Limits(open_orders_max=4), open_orders=far) is None
    assert refused(order(), Limits(open_orders_max=3), open_orders=far) == "open_orders"
    assert refused(order(), Limits(orders_per_second_max=5), sent_last_second=4) is None
    assert refused(order(), Limits(orders_per_second_max=5), sent_last_second=5) == "order_rate"


RESTING_ASK = {"side": Side.SELL, "ticks": 1001}


@pytest.mark.parametrize("whose", ["open_orders", "others"])
def test_our_own_orders_never_meet(whose):
    mine = {whose: [opened(**RESTING_ASK)]}
    assert refused(order(ticks=1000), **mine) is None
    assert refused(order(ticks=1001), **mine) == "self_trade"
    assert refused(order(ticks=None), **mine) == "self_trade"
    assert refused(order(ticks=1001, time_in_force=TimeInForce.IOC), **mine) == "self_trade"
    assert refused(order(Side.SELL, ticks=1001), **mine) is None


def test_two_orders_that_do_not_rest_cannot_meet_and_one_that_sleeps_is_in_no_book():
    assert refused(order(ticks=None), others=[opened(side=Side.SELL, ticks=None)]) is None
    fleeting = opened(side=Side.SELL, ticks=1000, time_in_force=TimeInForce.IOC)
    assert refused(order(ticks=None), others=[fleeting]) is None
    assert refused(order(ticks=1000), others=[fleeting]) == "self_trade"  # which of them arrives first?
    stop = opened(side=Side.SELL, ticks=None, type=OrderType.STOP_MARKET, trigger=Trigger(ticks=900))
    assert refused(order(ticks=1000), open_orders=[stop]) is None


def test_every_refusal_says_what_is_wrong_in_figures():
    limits = Limits(position_value_max=Decimal(3))
    refusal = check(order(lots=11), situation(position_lots=20), limits)
    assert refusal == (
        "position",
        "3 USDT",
        "3.1 USDT",
        "the position, with what is open, would be worth 3.1 USDT",
    )
