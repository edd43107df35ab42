from decimal import Decimal

import pytest

from kit.markets import instrument
from kit.orders import intent
from xtrade.model.instruments import Kind, TickBand, TradingStatus
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, TimeInForce, Trigger, problems
from xtrade.model.sides import Side


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"time_in_force": TimeInForce.IOC},
        {"time_in_force": TimeInForce.GTD, "expires_ns": 1, "post_only": True},
        {"type": OrderType.MARKET, "ticks": None, "reduce_only": True},
        {"type": OrderType.MARKET, "ticks": None, "lots": 0, "quote_amount": Money.of(5000, "USDT")},
        {"type": OrderType.STOP_LIMIT, "trigger": Trigger(ticks=500_000)},
        {"type": OrderType.STOP_MARKET, "ticks": None, "trigger": Trigger(ticks=500_000)},
        {"type": OrderType.TAKE_PROFIT_MARKET, "ticks": None, "trigger": Trigger(ticks=510_000)},
        {"type": OrderType.TRAILING_STOP, "ticks": None, "trigger": Trigger(trail_ticks=100)},
        {
            "type": OrderType.TRAILING_STOP,
            "ticks": None,
            "trigger": Trigger(ticks=510_000, trail_rate=Decimal("0.01")),
        },
    ],
)
def test_an_order_that_the_venue_would_take_has_no_problems(wanted):
    just_large_enough = instrument(min_lots=100, max_lots=100, min_notional=Decimal(5000))

    assert problems(intent(**wanted), just_large_enough) == []


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"ticks": None}, "a limit order needs a limit price"),
        ({"type": OrderType.MARKET}, "a market order takes no limit price"),
        ({"type": OrderType.STOP_LIMIT}, "a stop limit order needs a trigger"),
        ({"trigger": Trigger(ticks=5)}, "a limit order takes no trigger"),
        ({"type": OrderType.STOP_LIMIT, "trigger": Trigger()}, "a stop limit order needs a trigger price"),
        (
            {"type": OrderType.STOP_LIMIT, "trigger": Trigger(ticks=490_000, trail_ticks=5)},
            "a stop limit order does not trail",
        ),
        (
            {"type": OrderType.TRAILING_STOP, "ticks": None, "trigger": Trigger(ticks=5)},
            "a trailing stop needs one distance to trail by: ticks, or a fraction of the price",
        ),
        (
            {
                "type": OrderType.TRAILING_STOP,
                "ticks": None,
                "trigger": Trigger(trail_ticks=1, trail_rate=Decimal("0.1")),
            },
            "a trailing stop needs one distance to trail by: ticks, or a fraction of the price",
        ),
        (
            {"type": OrderType.TRAILING_STOP, "ticks": None, "trigger": Trigger(trail_ticks=0)},
            "a trailing distance of 0 ticks is not above zero",
        ),
        (
            {"type": OrderType.TRAILING_STOP, "ticks": None, "trigger": Trigger(trail_rate=Decimal(1))},
            "a trailing distance of 1 of the price is not between 0 and 1",
        ),
        ({"time_in_force": TimeInForce.GTD}, "a good-till-date order, and no other, has a time of expiry"),
        (
            {"time_in_force": TimeInForce.GTD, "expires_ns": 5, "decided_ns": 5},
            "the order expires before it was decided on",
        ),
        (
            {"type": OrderType.MARKET, "ticks": None, "time_in_force": TimeInForce.GTD, "expires_ns": 5},
            "a market order does not wait for a date",
        ),
        (
            {"type": OrderType.MARKET, "ticks": None, "lots": 0, "quote_amount": Money.of(4, "USDT")},
            "the order is worth 4 USDT, below the minimum of 5",
        ),
        ({"expires_ns": 5}, "a good-till-date order, and no other, has a time of expiry"),
        (
            {"post_only": True, "time_in_force": TimeInForce.IOC},
            "post-only is for limit orders that may rest",
        ),
        ({"lots": 0}, "the quantity 0 is below the minimum of 0.002"),
        ({"lots": 1}, "the quantity 0.001 is below the minimum of 0.002"),
        ({"lots": 10_001}, "the quantity 10.001 is above the maximum of 10"),
        (
            {"type": OrderType.MARKET, "ticks": None, "lots": 5_001},
            "the quantity 5.001 is above the maximum of 5",
        ),
        (
            {"quote_amount": Money.of(5, "USDT")},
            "an amount of quote currency sizes a market order, in place of lots",
        ),
        (
            {"type": OrderType.MARKET, "ticks": None, "lots": 0, "quote_amount": Money.of(5, "BTC")},
            "the amount 5 BTC is not a positive amount of USDT",
        ),
        (
            {"type": OrderType.MARKET, "ticks": None, "lots": 0, "quote_amount": Money.of(0, "USDT")},
            "the amount 0 USDT is not a positive amount of USDT",
        ),
        ({"ticks": 0}, "the price 0 is not above zero"),
        ({"ticks": 500_001}, "the price 50000.1 is off the tick grid"),
        ({"ticks": 100, "lots": 2}, "the order is worth 0.02 USDT at its price, below the minimum of 5"),
        (
            {"type": OrderType.STOP_LIMIT, "trigger": Trigger(ticks=100)},
            "the order is worth 1 USDT at its trigger price, below the minimum of 5",
        ),
        (
            {"instrument": "okx:BTC/USDT:USDT"},
            "the order is for okx:BTC/USDT:USDT, the instrument is binance:BTC/USDT:USDT",
        ),
        (
            {"instrument_version": 7},
            "the order was sized on version 7 of binance:BTC/USDT:USDT, which is now at version 1",
        ),
    ],
)
def test_each_thing_that_a_venue_would_refuse_is_said_before_sending(wanted, complaint):
    market = instrument(
        min_lots=2,
        max_lots=10_000,
        max_market_lots=5_000,
        min_notional=Decimal(5),
        tick_bands=(TickBand(Decimal(1000), Decimal(1)),),
    )

    assert complaint in problems(intent(**wanted), market)


def test_an_order_that_only_reduces_may_be_worth_less_than_the_minimum():
    """
    The rest of a position must be closable, however small (PM-06).
    """
    market = instrument(min_notional=Decimal(5))

    assert problems(intent(ticks=100, lots=2, reduce_only=True, side=Side.SELL), market) == []


@pytest.mark.parametrize("status", [TradingStatus.CANCEL_ONLY, TradingStatus.HALTED, TradingStatus.CLOSED])
def test_a_market_that_takes_no_orders_is_a_problem(status):
    assert "takes no new orders" in problems(intent(), instrument(status=status))[0]


def test_a_post_only_market_takes_post_only_orders():
    market = instrument(status=TradingStatus.POST_ONLY)

    assert problems(intent(post_only=True), market) == []
    assert problems(intent(), market) == ["binance:BTC/USDT:USDT takes only post-only orders now"]


def test_there_is_nothing_to_reduce_on_spot():
    spot = instrument(Kind.SPOT)

    assert problems(intent(instrument=spot.key, reduce_only=True), spot) == [
        "reduce-only means nothing on spot"
    ]
