"""What Binance answers for an account: orders, fills, balances, positions, fees, settings, the listen key."""

import pytest

from kit.binance import (
    API_KEY,
    NOW_NS,
    NUMBER,
    PERPETUAL,
    SPOT,
    TEXT,
    answer,
    asked,
    codec,
    instrument,
    known,
    line,
    payload,
    refusal,
    renamed,
)
from xtrade.model.errors import AuthFailed, ConfigError, DataError, Unavailable
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, Trigger
from xtrade.model.sides import Side
from xtrade.venues.base import FeeRates

MS = 1_000_000
DAY_MS = 86_400_000
STOP = {"type": OrderType.STOP_MARKET, "trigger": Trigger(ticks=520_000)}
ROW = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": TEXT,
    "price": "50000.00",
    "origQty": "0.01",
    "executedQty": "0.004",
    "status": "PARTIALLY_FILLED",
    "side": "SELL",
    "type": "LIMIT",
}


# -- orders -------------------------------------------------------------------------------------------------------


def test_what_is_open_is_asked_of_both_halves_at_once():
    spot, futures, conditional = codec().open_orders([])

    assert asked(spot) == ("GET", "api.binance.com/api/v3/openOrders", {})
    assert asked(futures) == ("GET", "fapi.binance.com/fapi/v1/openOrders", {})
    assert asked(conditional) == ("GET", "fapi.binance.com/fapi/v1/openAlgoOrders", {})


def test_open_orders_ours_and_those_of_other_hands():
    spot, futures, conditional = codec().open_orders([])

    [report] = spot.read(answer([ROW, {**ROW, "symbol": "NEWLYLISTED"}])).items
    assert (report.instrument, report.client_order_id, report.venue_order_id) == (SPOT, NUMBER, "28")
    assert (report.side, report.status) == (Side.SELL, OrderStatus.PARTIAL)
    assert (report.lots, report.filled_lots, report.ticks) == (1_000, 400, 5_000_000)

    [report] = futures.read(answer([{**ROW, "clientOrderId": "web_5", "price": "0"}])).items
    assert (report.instrument, report.client_order_id, report.ticks) == (PERPETUAL, None, None)

    [report] = conditional.read(answer(payload("futures/http_json/open_algo_orders.json"))).items
    assert (report.venue_order_id, report.status) == ("algo:123456789", OrderStatus.OPEN)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("NEW", OrderStatus.OPEN),
        ("PENDING_NEW", OrderStatus.NEW),
        ("PARTIALLY_FILLED", OrderStatus.PARTIAL),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
def test_statuses(status, ours):
    [ask] = codec().order(known())

    assert ask.read(answer({**ROW, "status": status})).status is ours


def test_a_status_that_nobody_knows_is_not_guessed():
    [ask] = codec().order(known())

    with pytest.raises(DataError, match="'SOMETHING_NEW', which is no status"):
        ask.read(answer({**ROW, "status": "SOMETHING_NEW"}))


def test_the_recorded_answers_about_orders():
    [ask] = codec().order(known(PERPETUAL))

    report = ask.read(answer(renamed(payload("futures/http_json/order_response.json"), "testOrder123")))

    assert (report.client_order_id, report.lots, report.ticks) == (NUMBER, 1, 500_000)


def test_an_order_is_named_as_we_do_until_the_venue_has_named_it():
    [ask] = codec().order(known())
    assert asked(ask)[1:] == (
        "api.binance.com/api/v3/order",
        {"symbol": "BTCUSDT", "origClientOrderId": TEXT},
    )

    [ask] = codec().order(known(PERPETUAL, "29"))
    assert asked(ask)[1:] == ("fapi.binance.com/fapi/v1/order", {"symbol": "BTCUSDT", "orderId": "29"})


@pytest.mark.parametrize("code", [-2013, -2011])
def test_an_order_that_is_not_there_is_none(code):
    [ask] = codec().order(known())

    assert ask.read(refusal(code, "Order does not exist.")) is None


def test_a_conditional_order_is_looked_for_as_an_order_first():
    order, waiting = codec().order(known(PERPETUAL, "algo:5", **STOP))

    assert asked(order)[1:] == (
        "fapi.binance.com/fapi/v1/order",
        {"symbol": "BTCUSDT", "origClientOrderId": TEXT},
    )
    assert asked(waiting)[1:] == ("fapi.binance.com/fapi/v1/algoOrder", {"clientAlgoId": TEXT})
    row = {"symbol": "BTCUSDT", "algoId": 5, "clientAlgoId": TEXT, "side": "BUY", "quantity": "0.01"}
    report = waiting.read(answer(row | {"algoStatus": "NEW", "price": "0"}))
    assert (report.venue_order_id, report.status, report.lots) == ("algo:5", OrderStatus.OPEN, 10)
    # Its life as an order is told by that order.
    assert waiting.read(answer(row | {"algoStatus": "TRIGGERED"})) is None


# -- fills --------------------------------------------------------------------------------------------------------


def trade(number, time_ms):
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": 28,
        "price": "49997.50",
        "qty": "0.004",
        "commission": "0.000004",
        "commissionAsset": "BTC",
        "time": time_ms,
        "isBuyer": True,
        "isMaker": False,
    }


def test_a_fill():
    [ask] = codec().fills(NOW_NS - 60_000 * MS, [SPOT])
    page = ask.read(answer([trade(56, NOW_NS // MS)]))

    [report] = page.items
    assert (report.instrument, report.venue_order_id, report.client_order_id) == (SPOT, "28", None)
    assert (report.fill.trade_id, report.fill.side, report.fill.lots) == ("56", Side.BUY, 400)
    assert (report.fill.fee, report.fill.maker) == (Money.of("0.000004", "BTC"), False)
    assert page.more is None


def test_a_fill_of_futures_uses_other_words():
    [ask] = codec().fills(NOW_NS, [PERPETUAL])
    row = {name: value for name, value in trade(57, NOW_NS // MS).items() if not name.startswith("is")}

    [report] = ask.read(answer([row | {"side": "SELL", "buyer": False, "maker": True}])).items

    assert asked(ask)[1] == "fapi.binance.com/fapi/v1/userTrades"
    assert (report.fill.side, report.fill.maker) == (Side.SELL, True)


def test_fills_of_some_days_are_asked_for_day_by_day():
    start_ms = NOW_NS // MS - 2 * DAY_MS - 5
    [ask] = codec().fills(start_ms * MS, [SPOT])
    windows = []
    while ask is not None:
        asks = asked(ask)[2]
        windows.append((int(asks["startTime"]), int(asks["endTime"])))
        ask = ask.read(answer([])).more

    assert windows == [(start_ms + day * DAY_MS, start_ms + (day + 1) * DAY_MS - 1) for day in range(3)]


def test_a_full_page_is_followed_by_number():
    start_ms = NOW_NS // MS - 5 * DAY_MS
    [ask] = codec().fills(start_ms * MS, [SPOT])

    more = ask.read(answer([trade(number, start_ms) for number in range(1, 1_001)])).more

    assert asked(more)[2] == {"symbol": "BTCUSDT", "limit": "1000", "fromId": "1001"}
    assert more.read(answer([trade(1_001, start_ms)])).more is None


def test_fills_of_years_are_asked_for_by_number_and_older_ones_left_out():
    start_ms = NOW_NS // MS - 400 * DAY_MS
    [ask] = codec().fills(start_ms * MS, [SPOT])

    more = ask.read(answer([])).more

    assert asked(more)[2]["fromId"] == "0"
    page = more.read(answer([trade(1, start_ms - DAY_MS), trade(2, start_ms)]))
    assert [report.fill.trade_id for report in page.items] == ["2"]


def test_the_recorded_fills():
    [ask] = codec().fills(0, [SPOT])
    body = payload("spot/http_json/account_trades_response.json").replace(b"4.00000100", b"4.01")

    [report] = ask.read(answer(body)).items

    assert report.fill.fee == Money.of("10.1", "BNB")


# -- wallets ------------------------------------------------------------------------------------------------------


def test_the_two_wallets_are_two_accounts():
    spot, futures = codec().balances()

    assert asked(spot) == ("GET", "api.binance.com/api/v3/account", {"omitZeroBalances": "true"})
    assert asked(futures) == ("GET", "fapi.binance.com/fapi/v3/balance", {})
    [bitcoin, _] = spot.read(answer(payload("spot/http_json/account_response.json")))
    assert (bitcoin.account, bitcoin.total) == ("binance", Money.of("4723846.89208129", "BTC"))
    [dollars] = futures.read(answer(payload("futures/http_json/balance.json")))
    assert (dollars.account, dollars.total) == ("binance.usdm", Money.of("122.12345678", "USDT"))


def test_what_is_held():
    spot, futures = codec().balances()
    [report] = spot.read(answer({"balances": [{"asset": "BTC", "free": "1.5", "locked": "0.5"}]}))
    assert (str(report.total), str(report.held)) == ("2 BTC", "0.5 BTC")

    row = {"asset": "USDT", "balance": "100", "availableBalance": "60"}
    [report] = futures.read(answer([row]))
    assert (str(report.total), str(report.held)) == ("100 USDT", "40 USDT")
    [report] = futures.read(answer([row | {"availableBalance": "130"}]))
    assert str(report.held) == "0 USDT"


def test_positions():
    [ask] = codec().positions()

    assert asked(ask) == ("GET", "fapi.binance.com/fapi/v3/positionRisk", {})
    [report] = ask.read(answer(payload("futures/http_json/position_risk.json")))
    assert (report.instrument, report.lots, report.entry_price) == (PERPETUAL, 1, 50_000)
    assert report.liquidation_price == 45_000


def test_flat_ones_are_left_out_and_the_two_sides_of_a_hedge_are_summed():
    [ask] = codec().positions()
    row = {"symbol": "BTCUSDT", "positionAmt": "0.000", "entryPrice": "0.0"}
    sides = [
        {"symbol": "ETHUSDT", "positionAmt": "2", "entryPrice": "3000", "positionSide": "LONG"},
        {"symbol": "ETHUSDT", "positionAmt": "-0.5", "entryPrice": "3100", "positionSide": "SHORT"},
    ]

    [report] = ask.read(answer([row, *sides]))

    assert (report.instrument, report.lots) == ("binance:ETH/USDT:USDT", 15_000)
    assert report.entry_price is None


def test_fees_by_market():
    spot, futures = codec().fee_rates([SPOT, PERPETUAL])

    rates = {"standardCommission": {"maker": "0.00080", "taker": "0.00100", "buyer": "0", "seller": "0"}}
    assert spot.read(answer(rates)) == {SPOT: FeeRates(*map(number, ("0.0008", "0.001")))}
    rates = {"symbol": "BTCUSDT", "makerCommissionRate": "-0.0001", "takerCommissionRate": "0.0004"}
    assert futures.read(answer(rates)) == {PERPETUAL: FeeRates(*map(number, ("-0.0001", "0.0004")))}


def number(text):
    from decimal import Decimal

    return Decimal(text)


# -- settings -----------------------------------------------------------------------------------------------------


def test_leverage_and_margin_are_settings_of_contracts():
    assert codec().leverage(SPOT, 5) is None
    assert codec().margin_mode(SPOT, isolated=True) is None
    assert asked(codec().leverage(PERPETUAL, 5)) == (
        "POST",
        "fapi.binance.com/fapi/v1/leverage",
        {"symbol": "BTCUSDT", "leverage": "5"},
    )
    mode = codec().margin_mode(PERPETUAL, isolated=False)
    assert asked(mode)[2] == {"symbol": "BTCUSDT", "marginType": "CROSSED"}
    assert mode.read(answer({"code": 200, "msg": "success"})) is None


def test_a_mode_that_is_set_already_is_set():
    mode = codec().margin_mode(PERPETUAL, isolated=True)

    assert mode.read(refusal(-4046, "No need to change margin type.")) is None
    with pytest.raises(AuthFailed):
        mode.read(refusal(-2015, "Invalid API-key", 401))


def test_an_account_in_hedge_mode_is_refused_before_it_trades():
    [ask] = codec().prepare()

    assert asked(ask) == ("GET", "fapi.binance.com/fapi/v1/positionSide/dual", {})
    assert ask.read(answer({"dualSidePosition": False})) is None
    with pytest.raises(ConfigError, match="hedge mode"):
        ask.read(answer({"dualSidePosition": True}))
    about_spot = codec()
    about_spot.sections = frozenset({"spot"})
    assert list(about_spot.prepare()) == []


def test_the_listen_key_needs_the_header_alone():
    private = line("usdm private")
    ask = codec().token(private)

    request = ask.build(NOW_NS)
    assert (request.method, request.url) == ("POST", "https://fapi.binance.com/fapi/v1/listenKey")
    assert request.headers == (("X-MBX-APIKEY", API_KEY),)
    assert ask.read(answer({"listenKey": "pqia91"})) == "pqia91"
    assert codec().address(private, "pqia91") == "wss://fstream.binance.com/private/ws?listenKey=pqia91"
    assert codec().keep_token(private, "pqia91").build(NOW_NS).method == "PUT"
    assert codec().keep_token(private, "pqia91").read(answer({})) is None
    for broken in (b"{}", b"", b"[]"):
        with pytest.raises(DataError, match="listen key"):
            ask.read(answer(broken))


def test_only_the_private_stream_of_futures_has_a_token():
    assert [each.name for each in codec().spec.lines if codec().token(each)] == ["usdm private"]


# -- no -----------------------------------------------------------------------------------------------------------


def test_a_question_leaves_nothing_in_doubt():
    [ask] = codec().order(known())

    with pytest.raises(Unavailable):
        ask.read(refusal(-1007, "Timeout", 504))
    with pytest.raises(DataError, match="cannot be read") as unread:
        ask.read(answer(b'{"symbol":5}'))
    assert "\n" not in str(unread.value)


def test_quantities_off_the_grid_are_not_guessed():
    [ask] = codec().order(known())

    with pytest.raises(DataError, match="not a multiple"):
        ask.read(answer({**ROW, "origQty": "0.0100001"}))


def test_the_instruments_of_the_tests_are_of_both_halves():
    assert instrument(SPOT).native == instrument(PERPETUAL).native == "BTCUSDT"
