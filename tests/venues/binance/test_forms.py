"""Every order form of ours in Binance's words, and the forms that it does not have."""

from decimal import Decimal

import pytest

from kit.binance import PERPETUAL, SPOT, TEXT, asked, codec, intent
from xtrade.model.errors import CredentialsError, Unavailable
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side

NAMED = {"newClientOrderId": TEXT}
SPOT_ALWAYS = {"symbol": "BTCUSDT", "side": "BUY", "newOrderRespType": "FULL", **NAMED}
USDM_ALWAYS = {"symbol": "BTCUSDT", "side": "BUY", "newOrderRespType": "RESULT", **NAMED}
ALGO_ALWAYS = {"symbol": "BTCUSDT", "side": "BUY", "algoType": "CONDITIONAL", "clientAlgoId": TEXT}
AT_52000 = Trigger(ticks=5_200_000)
USDM_AT_52000 = Trigger(ticks=520_000, by=TriggerPrice.MARK)


def form(order):
    method, address, params = asked(codec().place(order))
    assert method == "POST"
    return address, params


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({}, {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000"}),
        (
            {"time_in_force": TimeInForce.IOC},
            {"type": "LIMIT", "timeInForce": "IOC", "quantity": "0.01", "price": "50000"},
        ),
        (
            {"time_in_force": TimeInForce.FOK},
            {"type": "LIMIT", "timeInForce": "FOK", "quantity": "0.01", "price": "50000"},
        ),
        ({"post_only": True}, {"type": "LIMIT_MAKER", "quantity": "0.01", "price": "50000"}),
        ({"type": OrderType.MARKET}, {"type": "MARKET", "quantity": "0.01"}),
        (
            {"type": OrderType.MARKET, "quantity": None, "quote_amount": Money.of("250.5", "USDT")},
            {"type": "MARKET", "quoteOrderQty": "250.5"},
        ),
        (
            {"type": OrderType.STOP_MARKET, "trigger": AT_52000},
            {"type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "52000"},
        ),
        (
            {"type": OrderType.STOP_LIMIT, "trigger": AT_52000},
            {
                "type": "STOP_LOSS_LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01",
                "price": "50000",
                "stopPrice": "52000",
            },
        ),
        (
            {"type": OrderType.TAKE_PROFIT_MARKET, "trigger": AT_52000},
            {"type": "TAKE_PROFIT", "quantity": "0.01", "stopPrice": "52000"},
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "trigger": AT_52000},
            {
                "type": "TAKE_PROFIT_LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01",
                "price": "50000",
                "stopPrice": "52000",
            },
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trigger": Trigger(trail_rate=Decimal("0.0125"))},
            {"type": "STOP_LOSS", "quantity": "0.01", "trailingDelta": "125"},
        ),
        (
            {
                "type": OrderType.TRAILING_STOP,
                "trigger": Trigger(trail_rate=Decimal("0.01"), ticks=5_200_000),
            },
            {"type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "52000", "trailingDelta": "100"},
        ),
    ],
)
def test_spot(order, words):
    assert form(intent(**order)) == ("api.binance.com/api/v3/order", SPOT_ALWAYS | words)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({}, {"type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000"}),
        (
            {"post_only": True, "reduce_only": True},
            {
                "type": "LIMIT",
                "timeInForce": "GTX",
                "quantity": "0.01",
                "price": "50000",
                "reduceOnly": "true",
            },
        ),
        (
            {"time_in_force": TimeInForce.GTD, "expires_ns": 1_700_000_700_000_000_000},
            {
                "type": "LIMIT",
                "timeInForce": "GTD",
                "quantity": "0.01",
                "price": "50000",
                "goodTillDate": "1700000700000",
            },
        ),
        (
            {"type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "reduce_only": True},
            {"type": "MARKET", "quantity": "0.01", "reduceOnly": "true"},
        ),
    ],
)
def test_futures(order, words):
    assert form(intent(PERPETUAL, **order)) == ("fapi.binance.com/fapi/v1/order", USDM_ALWAYS | words)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (
            {"type": OrderType.STOP_MARKET, "trigger": USDM_AT_52000, "reduce_only": True},
            {
                "type": "STOP_MARKET",
                "workingType": "MARK_PRICE",
                "triggerPrice": "52000",
                "reduceOnly": "true",
            },
        ),
        (
            {"type": OrderType.STOP_LIMIT, "trigger": Trigger(ticks=520_000), "post_only": True},
            {
                "type": "STOP",
                "timeInForce": "GTX",
                "price": "50000",
                "workingType": "CONTRACT_PRICE",
                "triggerPrice": "52000",
            },
        ),
        (
            {"type": OrderType.TAKE_PROFIT_MARKET, "trigger": USDM_AT_52000},
            {"type": "TAKE_PROFIT_MARKET", "workingType": "MARK_PRICE", "triggerPrice": "52000"},
        ),
        (
            {
                "type": OrderType.TAKE_PROFIT_LIMIT,
                "trigger": USDM_AT_52000,
                "time_in_force": TimeInForce.IOC,
            },
            {
                "type": "TAKE_PROFIT",
                "timeInForce": "IOC",
                "price": "50000",
                "workingType": "MARK_PRICE",
                "triggerPrice": "52000",
            },
        ),
        (
            {
                "type": OrderType.TRAILING_STOP,
                "trigger": Trigger(trail_rate=Decimal("0.005"), ticks=520_000),
            },
            {
                "type": "TRAILING_STOP_MARKET",
                "workingType": "CONTRACT_PRICE",
                "callbackRate": "0.5",
                "activatePrice": "52000",
            },
        ),
    ],
)
def test_conditional_orders_of_futures_have_an_endpoint_of_their_own(order, words):
    address, params = form(intent(PERPETUAL, **order))

    assert address == "fapi.binance.com/fapi/v1/algoOrder"
    assert params == ALGO_ALWAYS | {"quantity": "0.01"} | words


def test_a_sell_says_so():
    assert form(intent(side=Side.SELL))[1]["side"] == "SELL"


@pytest.mark.parametrize(
    ("key", "order", "reason"),
    [
        (SPOT, {"time_in_force": TimeInForce.GTD, "expires_ns": 2**62}, "no good-till-date"),
        (SPOT, {"reduce_only": True}, "no reduce-only"),
        (SPOT, {"type": OrderType.MARKET, "time_in_force": TimeInForce.FOK}, "cannot be FOK"),
        (SPOT, {"post_only": True, "time_in_force": TimeInForce.IOC}, "cannot be IOC"),
        (SPOT, {"post_only": True, "type": OrderType.STOP_LIMIT, "trigger": AT_52000}, "post-only"),
        (SPOT, {"post_only": True, "type": OrderType.MARKET}, "post-only is for"),
        (SPOT, {"type": OrderType.STOP_MARKET, "trigger": USDM_AT_52000}, "not by the mark"),
        (
            SPOT,
            {"type": OrderType.TRAILING_STOP, "trigger": Trigger(trail_rate=Decimal("0.00015"))},
            "whole hundredths of a percent",
        ),
        (SPOT, {"type": OrderType.TRAILING_STOP, "trigger": Trigger(trail_ticks=5)}, "not by ticks"),
        (
            PERPETUAL,
            {"type": OrderType.MARKET, "quantity": None, "quote_amount": Money.of("250", "USDT")},
            "sized in quote",
        ),
        (
            PERPETUAL,
            {"type": OrderType.STOP_MARKET, "trigger": Trigger(ticks=1, by=TriggerPrice.INDEX)},
            "not by the index",
        ),
        (
            PERPETUAL,
            {
                "type": OrderType.STOP_LIMIT,
                "trigger": USDM_AT_52000,
                "time_in_force": TimeInForce.GTD,
                "expires_ns": 2**62,
            },
            "good till a date",
        ),
        (
            PERPETUAL,
            {"post_only": True, "time_in_force": TimeInForce.GTD, "expires_ns": 2**62},
            "cannot be GTD",
        ),
    ],
)
def test_what_it_does_not_have_is_refused_before_anything_is_sent(key, order, reason):
    with pytest.raises(Unavailable, match=f"{reason}.*nothing was sent"):
        codec().place(intent(key, **order))


def test_without_a_key_nothing_can_be_commanded():
    with pytest.raises(CredentialsError, match="xtrade keys add binance"):
        codec(key=False).place(intent())
