"""What ccxt reads of accounts, as ours; what does not say enough is refused."""

from decimal import Decimal

import pytest

from xtrade.model.errors import DataError, NumberError
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.venues.ccxt.figures import Figure
from xtrade.venues.ccxt.markets import TICK_SIZE, listed
from xtrade.venues.ccxt.reports import (
    balances_told,
    bars_told,
    fill_told,
    funding_told,
    order_told,
    position_told,
)

ROW = {
    "id": "X",
    "symbol": "BTC/USDT:USDT",
    "type": "swap",
    "linear": True,
    "contractSize": Figure("0.01"),
    "precision": {"price": Figure("0.1"), "amount": 1},
    "limits": {},
}
CONTRACT = listed("acme", {ROW["symbol"]: ROW}, TICK_SIZE).market(ROW["symbol"]).instrument


@pytest.mark.parametrize(
    ("rows", "lots"),
    [
        ([("long", 3)], 3),
        ([("short", 3)], -3),
        ([("short", -3)], -3),
        ([("sell", 3)], -3),
        ([("both", -3)], -3),
        ([(None, -3)], -3),
        ([("long", 5), ("short", 2)], 3),
        ([("long", 0)], 0),
        ([(None, 0)], 0),
        ([], 0),
    ],
)
def test_a_position(rows, lots):
    told = position_told("acme", [{"side": side, "contracts": size} for side, size in rows], CONTRACT, 1)

    assert (told.lots if told else 0) == lots


@pytest.mark.parametrize(
    "row", [{"side": None, "contracts": 3}, {"side": "both", "contracts": 3}, {"side": "long"}]
)
def test_a_position_that_does_not_say_which_way_or_how_much_is_refused(row):
    with pytest.raises(DataError):
        position_told("acme", [row], CONTRACT, 1)


def test_a_fee_of_one_currency_is_summed_and_one_of_several_is_left_open():
    trade = {"id": "t", "order": "o", "side": "buy", "price": 100.0, "amount": 2, "takerOrMaker": "taker"}
    parts = [{"cost": Figure("0.001"), "currency": "USDT"}, {"cost": Figure("0.0005"), "currency": "USDT"}]

    assert fill_told({**trade, "fees": parts}, CONTRACT).fee == Money.of("0.0015", "USDT")
    assert fill_told({**trade, "fee": {"cost": -0.1, "currency": "BNB"}}, CONTRACT).fee == Money.of(
        "-0.1", "BNB"
    )
    assert fill_told({**trade, "fees": [*parts, {"cost": 1, "currency": "BNB"}]}, CONTRACT).fee is None
    assert fill_told({**trade, "fee": {"cost": None, "currency": None}}, CONTRACT).fee is None


@pytest.mark.parametrize("missing", ["side", "price", "amount"])
def test_a_trade_of_ours_without_its_parts_is_refused(missing):
    trade = {"id": "t", "side": "buy", "price": 100.0, "amount": 2} | {missing: None}

    with pytest.raises(DataError):
        fill_told(trade, CONTRACT)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "open", "filled": 0}, OrderStatus.OPEN),
        ({"status": "open", "filled": 1}, OrderStatus.PARTIAL),
        ({"status": "canceling"}, OrderStatus.OPEN),
        ({"status": "closed", "amount": 2, "filled": 2}, OrderStatus.FILLED),
        ({"status": "closed", "amount": 2, "filled": 1}, OrderStatus.EXPIRED),
        ({"status": "rejected"}, OrderStatus.REJECTED),
        ({"status": "whatever"}, None),
        ({}, None),
    ],
)
def test_the_status_of_an_order(told, status):
    assert order_told(told, CONTRACT).status is status


def test_the_average_of_a_market_orders_fills_is_not_its_price():
    assert order_told({"type": "market", "price": 100.05}, CONTRACT).ticks is None
    assert order_told({"type": "limit", "price": 100.1}, CONTRACT).ticks == 1_001
    with pytest.raises(NumberError):
        order_told({"type": "limit", "price": 100.05}, CONTRACT)


def test_balances_say_what_is_held_however_the_venue_splits_them():
    told = {
        "total": {"A": Figure("1.000000000000000000000000009"), "B": 2, "C": 3, "D": None},
        "used": {"A": Figure("0.1")},
        "free": {"B": Figure("1.5")},
    }
    found = {each.total.currency: each for each in balances_told("acme", told, 1)}

    assert (found["A"].total, found["A"].held) == (
        Money.of(1, "A"),
        Money.of("0.1", "A"),
    )  # dust below an atom
    assert (found["B"].held, found["C"].held) == (Money.of("0.5", "B"), Money.of(0, "C"))
    assert "D" not in found


def test_funding_and_bars():
    told = {
        "fundingRate": Figure("-0.000012345678901"),
        "fundingTimestamp": 5,
        "interval": "4h",
        "nextFundingRate": 0.1,
    }
    funding = funding_told(told, CONTRACT, 1)
    (bar,) = bars_told([[0, 100.1, 100.2, 100.0, 100.1, 0.025]], CONTRACT, 60, 61)

    assert (funding.rate, funding.next_ns) == (Decimal("-0.000012345678901"), 5_000_000)
    assert funding.interval_ns == 4 * 3_600 * 10**9
    assert (bar.open_ticks, bar.volume_lots, bar.closed) == (1_001, 2, True)
