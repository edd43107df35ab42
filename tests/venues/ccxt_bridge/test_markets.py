"""ccxt's markets as instruments: its three ways to tell a step, and what is left out."""

from decimal import Decimal

import pytest

from xtrade.model.instruments import Kind, TradingStatus
from xtrade.model.numbers import COUNT_MAX
from xtrade.venues.ccxt.figures import Figure
from xtrade.venues.ccxt.markets import DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE, listed


def row(symbol="BTC/USDT:USDT", **changed):
    known = {
        "id": "BTCUSDT",
        "symbol": symbol,
        "type": "swap",
        "spot": False,
        "linear": True,
        "inverse": False,
        "contractSize": Figure("0.01"),
        "active": True,
        "maker": Figure("0.0002"),
        "taker": 0.0005,
        "expiry": None,
        "precision": {"price": Figure("0.10"), "amount": 1},
        "limits": {
            "amount": {"min": 1, "max": Figure("12000")},
            "cost": {"min": 5, "max": None},
            "market": {"max": 300},
        },
    }
    return known | changed


SPOT = {"type": "spot", "spot": True, "linear": None, "contractSize": None}


def one(mode=TICK_SIZE, **changed):
    told = row(**changed)
    listing = listed("acme", {told["symbol"]: told}, mode)
    return listing.market(told["symbol"]).instrument if not listing.left_out else listing.left_out


def test_a_contract():
    found = one()

    assert (found.key, found.native, found.kind) == ("acme:BTC/USDT:USDT", "BTCUSDT", Kind.LINEAR)
    assert (found.tick, found.lot, found.multiplier) == (Decimal("0.10"), Decimal(1), Decimal("0.01"))
    assert (found.min_lots, found.max_lots, found.max_market_lots) == (1, 12_000, 300)
    assert (found.min_notional, found.maker_fee, found.taker_fee) == (
        Decimal(5),
        Decimal("0.0002"),
        Decimal("0.0005"),
    )


def test_limits_that_a_venue_does_not_tell_are_none():
    found = one(
        limits={"amount": {"min": None, "max": 0}, "cost": {}}, precision={"price": 0.5, "amount": 0.001}
    )

    assert (found.min_lots, found.max_lots, found.max_market_lots) == (1, COUNT_MAX, COUNT_MAX)
    assert found.min_notional == 0


def test_a_minimum_between_two_lots_is_the_upper_one():
    found = one(precision={"price": 0.1, "amount": 0.4}, limits={"amount": {"min": 1, "max": 1.9}})

    assert (found.min_lots, found.max_lots) == (3, 4)


def test_decimal_places():
    found = one(DECIMAL_PLACES, symbol="BTC/USDT", precision={"price": 2, "amount": -1}, **SPOT)

    assert (found.tick, found.lot) == (Decimal("0.01"), Decimal(10))


@pytest.mark.parametrize(
    ("price", "legal"),
    [
        ("65432", True),
        ("65432.1", False),
        ("1234.5", True),
        ("1234.56", False),
        ("0.00012345", True),
        ("0.000123456", False),
        ("100000", True),
        ("100001", False),
    ],
)
def test_significant_digits_are_a_tick_table(price, legal):
    found = one(SIGNIFICANT_DIGITS, symbol="BTC/USDT", precision={"price": 5, "amount": 8}, **SPOT)

    assert found.lot == Decimal("1e-8")
    assert found.on_grid(found.ticks(price, toward="nearest")) is True
    assert (found.price(found.ticks(price, toward="nearest")) == Decimal(price)) is legal


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"symbol": "BTC/USDT:USDT-261225-70000-C", "option": True}, "option"),
        ({"linear": False, "inverse": False}, "neither"),
        ({"precision": {"price": None, "amount": 1}}, "steps of its price"),
        ({"precision": {"price": Figure("0.1"), "amount": None}}, "steps of its amount"),
        ({"precision": {"price": 0, "amount": 1}}, "above zero"),
        ({"symbol": "BTC+/USDT:!"}, "symbol"),
        ({"symbol": "XBT/USDT:USDT"}, "two names for one market"),
        ({"precision": {"price": Figure("1e-20"), "amount": Figure("1e-18")}}, "atom"),
    ],
)
def test_what_cannot_be_traded_exactly_is_left_out_and_says_why(changed, why):
    (reason,) = one(**changed).values()

    assert why in reason


def test_a_market_that_is_not_active_is_halted_and_an_expiry_is_kept():
    found = one(symbol="BTC/USD:BTC-261225", linear=False, inverse=True, active=False, expiry=1798185600000)

    assert (found.status, found.kind) == (TradingStatus.HALTED, Kind.INVERSE)
    assert found.expiry_ns == 1798185600000 * 10**6
    assert found.min_notional == 0


def test_a_later_listing_makes_new_versions_of_what_changed():
    first = listed("acme", {"BTC/USDT:USDT": row(), "ETH/USDT:USDT": row("ETH/USDT:USDT")}, TICK_SIZE)
    later = listed(
        "acme", {"BTC/USDT:USDT": row(precision={"price": Figure("0.01"), "amount": 1})}, TICK_SIZE
    )
    merged, changed = first.renewed(later)

    assert [(each.symbol, each.version) for each in changed] == [("BTC/USDT:USDT", 2), ("ETH/USDT:USDT", 2)]
    assert merged.instruments["acme:ETH/USDT:USDT"].status is TradingStatus.CLOSED
    assert merged.renewed(later) == (merged, []) or merged.renewed(later)[1] == []
