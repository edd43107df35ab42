"""User streams of Binance: the login, orders, fills, balances, positions; on recorded payloads and the sheet's."""

from decimal import Decimal

import msgspec
import pytest

from kit.binance import API_KEY, NOW_NS, NUMBER, PERPETUAL, SPOT, TEXT, codec, line, payload, renamed
from xtrade.model.events import (
    FundingPaid,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionReport,
)
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.sides import Side
from xtrade.venues.codec import Unread
from xtrade.venues.streams import Answered, Leaving, LoggedIn, Missed, Refused

MS = 1_000_000
FOREIGN = "x-TD67BGP9-T0000000000000"
venue = codec()


def heard(name, wire):
    return venue.hear(line(name), wire if isinstance(wire, bytes) else msgspec.json.encode(wire), NOW_NS)


def spot(event):
    event = event if isinstance(event, bytes) else msgspec.json.encode(event)
    return heard("spot private", b'{"subscriptionId":0,"event":' + event + b"}")


def futures(wire):
    return heard("usdm private", wire)


def recorded(name):
    return renamed(payload(f"spot/user_data_json/{name}.json"), FOREIGN)


def recorded_futures(name, *names):
    wire = payload(f"futures/user_data_json/{name}.json")
    return renamed(wire, *names).replace(b'"0.00000"', b'"0"')


# -- the socket of orders and events ------------------------------------------------------------------------------


def test_subscribing_to_the_user_stream_is_the_login():
    message = msgspec.json.decode(venue.login(line("spot private"), 3, NOW_NS))

    assert message["method"] == "userDataStream.subscribe.signature"
    assert message["id"] == "login-3"
    assert message["params"]["apiKey"] == API_KEY
    assert message["params"]["timestamp"] == NOW_NS // MS
    assert set(message["params"]) == {"apiKey", "timestamp", "recvWindow", "signature"}


def test_no_other_line_logs_in_and_nobody_does_without_a_key():
    assert [each.name for each in venue.spec.lines if venue.login(each, 1, NOW_NS)] == ["spot private"]
    assert codec(key=False).login(line("spot private"), 1, NOW_NS) is None


def test_what_the_login_is_answered():
    assert heard("spot private", {"id": "login-3", "status": 200, "result": {"subscriptionId": 0}}) == [
        LoggedIn()
    ]
    refusal = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    assert heard("spot private", {"id": "login-3", "status": 401, "error": refusal}) == [
        Refused((), "-2015", refusal["msg"], login=True)
    ]
    assert heard("spot private", {"id": None, "status": 401, "error": refusal}) == [
        Refused((), "-2015", refusal["msg"], login=True)
    ]


@pytest.mark.parametrize("name", ["spot private", "usdm orders"])
def test_answers_to_orders_go_to_who_asked(name):
    [done] = heard(name, {"id": "p-xt1", "status": 200, "result": {"orderId": 5}, "rateLimits": []})
    [no] = heard(name, {"id": "p-xt1", "status": 400, "error": {"code": -2010, "msg": "no"}})

    assert isinstance(done, Answered)
    assert (done.id, done.answer.status, done.answer.body) == ("p-xt1", 200, b'{"orderId":5}')
    assert (no.answer.status, msgspec.json.decode(no.answer.body)["code"]) == (400, -2010)
    assert no.answer.received_ns == NOW_NS


def test_the_end_of_a_connection_is_announced():
    assert spot({"e": "serverShutdown", "E": 1}) == heard("spot private", {"e": "serverShutdown", "E": 1})
    for [said] in (
        spot({"e": "serverShutdown", "E": 1}),
        spot({"e": "eventStreamTerminated", "E": 1}),
        futures({"e": "listenKeyExpired", "E": 1, "listenKey": "k"}),
    ):
        assert isinstance(said, Leaving)


# -- spot orders --------------------------------------------------------------------------------------------------


def test_a_recorded_life_of_a_spot_order():
    [accepted] = spot(recorded("execution_report_new"))
    [filled] = spot(recorded("execution_report_trade"))

    assert accepted == OrderAccepted(
        client_order_id=NUMBER,
        venue_order_id="12345678",
        venue_ns=1709654400000 * MS,
        received_ns=NOW_NS,
    )
    assert (filled.fill.trade_id, filled.fill.ticks, filled.fill.lots) == ("98765432", 250_000, 10_000)
    assert (filled.fill.fee, filled.fill.maker) == (Money.of("0.001", "ETH"), True)
    assert filled.cumulative_lots == 10_000


def test_recorded_ends_of_spot_orders():
    [canceled] = spot(recorded("execution_report_canceled"))
    [expired] = spot(recorded("execution_report_expired"))

    assert isinstance(canceled, OrderCanceled)
    assert isinstance(expired, OrderExpired)
    assert expired.reason == "INSUFFICIENT_LIQUIDITY"


EXECUTION = {
    "e": "executionReport",
    "E": 1700000000131,
    "s": "BTCUSDT",
    "c": TEXT,
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "0.01000",
    "p": "50000.00",
    "P": "0.00",
    "F": "0.00",
    "g": -1,
    "C": "",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "i": 28,
    "l": "0.00400",
    "z": "0.00400",
    "L": "49997.50",
    "n": "0.000004",
    "N": "BTC",
    "T": 1700000000130,
    "t": 56,
    "I": 1,
    "w": True,
    "m": False,
    "M": True,
    "O": 1700000000130,
    "Z": "199.99",
    "Y": "199.99",
    "Q": "0.00",
    "W": 1700000000130,
    "V": "EXPIRE_MAKER",
}


def test_a_cancel_has_a_name_of_its_own_and_the_order_keeps_its():
    for word, kind in (("CANCELED", OrderCanceled), ("REPLACED", OrderAmended)):
        [event] = spot(EXECUTION | {"x": word, "X": word, "c": "pXLV6Hz6mprAcVYpVMTGgx", "C": TEXT, "t": -1})

        assert isinstance(event, kind)
        assert event.client_order_id == NUMBER


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, OrderFilled),
        ({"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"}, OrderRejected),
        ({"x": "EXPIRED", "X": "EXPIRED"}, OrderExpired),
        ({"x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH"}, OrderExpired),
    ],
)
def test_what_may_happen_to_a_spot_order(changes, kind):
    [event] = spot(EXECUTION | changes)

    assert isinstance(event, kind)
    assert event.venue_order_id == "28"


def test_a_quantity_that_was_prevented_and_leaves_an_order_is_not_its_end():
    assert spot(EXECUTION | {"x": "TRADE_PREVENTION", "X": "NEW"}) == []


def test_no_fee_in_no_currency():
    [filled] = spot(EXECUTION | {"n": "0", "N": None})

    assert filled.fill.fee is None


def test_orders_of_other_hands_give_no_events():
    assert spot(payload("spot/user_data_json/execution_report_trade.json")) == []
    assert heard("spot private", payload("spot/user_data_json/execution_report_wrapped.json")) == []
    assert heard("spot private", payload("spot/user_data_json/list_status_wrapped.json")) == []


def test_an_order_of_ours_on_a_market_that_nobody_listed_is_not_swallowed():
    [unread] = spot(EXECUTION | {"s": "NEWUSDT"})

    assert isinstance(unread, Unread)
    assert "NEWUSDT" in unread.reason


def test_spot_balances():
    dollars, ether = spot(payload("spot/user_data_json/account_position.json"))

    assert (dollars.account, dollars.total) == ("binance", Money.of("12500", "USDT"))
    assert (dollars.held, ether.held) == (Money.of("2500", "USDT"), Money.of(0, "ETH"))
    assert dollars.venue_ns == 1709654400000 * MS
    assert heard("spot private", payload("spot/user_data_json/balance_update_wrapped.json")) == []


def test_a_lock_from_outside_is_asked_about():
    [missed] = spot({"e": "externalLockUpdate", "E": 1, "a": "BTC", "d": "1", "T": 1})

    assert isinstance(missed, Missed)


# -- futures ------------------------------------------------------------------------------------------------------


def test_a_recorded_fill_of_futures():
    wire = recorded_futures("order_update_trade", "TEST")

    [filled] = futures(wire)

    assert (filled.client_order_id, filled.venue_order_id) == (NUMBER, "8886774")
    assert (filled.fill.trade_id, filled.fill.ticks, filled.fill.lots) == ("12345678", 71_005, 1)
    assert (filled.fill.fee, filled.fill.maker) == (Money.of("0.01", "USDT"), True)


def test_what_the_venue_does_by_force_is_nobodys_order():
    for name in ("adl", "calculated", "calculated_pending", "delivery", "insurance", "settlement"):
        assert futures(payload(f"futures/user_data_json/order_update_{name}.json")) == []


UPDATE = {
    "s": "BTCUSDT",
    "c": TEXT,
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "0.010",
    "p": "50000.0",
    "ap": "49997.5",
    "sp": "0",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "i": 29,
    "l": "0.004",
    "z": "0.004",
    "L": "49997.5",
    "N": "USDT",
    "n": "0.0999",
    "T": 1700000000130,
    "t": 57,
    "m": False,
    "R": False,
    "er": "0",
}


def update(**changes):
    return {"e": "ORDER_TRADE_UPDATE", "E": 1700000000131, "T": 1700000000130, "o": UPDATE | changes}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"x": "NEW", "X": "NEW"}, OrderAccepted),
        ({}, OrderFilled),
        ({"x": "CANCELED", "X": "CANCELED"}, OrderCanceled),
        ({"x": "EXPIRED", "X": "EXPIRED"}, OrderExpired),
        ({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH"}, OrderExpired),
        ({"x": "AMENDMENT", "X": "NEW", "q": "0.005"}, OrderAmended),
    ],
)
def test_what_may_happen_to_an_order_of_futures(changes, kind):
    [event] = futures(update(**changes))

    assert isinstance(event, kind)
    assert (event.client_order_id, event.venue_order_id) == (NUMBER, "29")


def test_a_change_says_quantity_and_price():
    [amended] = futures(update(x="AMENDMENT", X="PARTIALLY_FILLED", q="0.005", p="50010.0"))

    assert (amended.lots, amended.ticks, amended.request) == (5, 500_100, None)


def test_the_quick_word_of_a_fill_and_the_full_one_are_one_fill():
    lite = {
        "e": "TRADE_LITE",
        "E": 1700000000131,
        "T": 1700000000130,
        "s": "BTCUSDT",
        "q": "0.010",
        "p": "50000.0",
        "m": False,
        "c": TEXT,
        "S": "BUY",
        "L": "49997.5",
        "l": "0.004",
        "t": 57,
        "i": 29,
    }
    from kit.binance import intent

    for first, second in ((lite, update()), (update(), lite)):
        state = OrderState(intent=intent(PERPETUAL))
        booked = []
        for wire in (first, second, second):
            [event] = futures(wire)
            change = apply(state, event)
            state = change.state
            booked.append(change.booked)

        assert [fill is not None for fill in booked] == [True, False, False]
        assert state.filled_lots == 4
        assert state.fills[0].fee == Money.of("0.0999", "USDT")


def test_the_recorded_quick_word():
    wire = payload("futures/user_data_json/trade_lite.json")
    name = msgspec.json.decode(wire)["c"]
    price = msgspec.json.decode(wire)["L"].encode()

    [filled] = futures(renamed(wire, name).replace(price, b"50000"))

    assert isinstance(filled, OrderFilled)
    assert filled.fill.fee is None


def algo(state, **more):
    order = {
        "caid": TEXT,
        "aid": 2148719,
        "at": "CONDITIONAL",
        "o": "STOP_MARKET",
        "s": "BTCUSDT",
        "S": "BUY",
        "ps": "BOTH",
        "f": "GTC",
        "q": "0.010",
        "X": state,
        "ai": "",
        "ap": "0",
        "aq": "0",
        "tp": "52000",
        "p": "0",
        "rm": "",
    }
    return {"e": "ALGO_UPDATE", "T": 1700000000130, "E": 1700000000131, "o": order | more}


def test_recorded_conditional_orders():
    for name, kind in (("algo_update_new", OrderAccepted), ("algo_update_canceled", OrderCanceled)):
        [event] = futures(recorded_futures(name, "Q5xaq5EGKgXXa0fD7fs0Ip"))

        assert isinstance(event, kind)
        assert event.venue_order_id == "algo:2148719"


@pytest.mark.parametrize("late", [False, True])
def test_a_conditional_order_goes_on_as_an_order_in_whatever_order_that_is_told(late):
    from kit.binance import intent

    triggered = algo("TRIGGERED", ai="88937381063")
    child = update(i=88937381063, x="NEW", X="NEW")
    wires = [algo("NEW"), *((child, triggered) if late else (triggered, child)), update(i=88937381063)]
    state = OrderState(intent=intent(PERPETUAL))

    for wire in wires:
        for event in futures(wire):
            state = apply(state, event).state

    assert state.venue_order_id == "88937381063"
    assert state.status is OrderStatus.PARTIAL
    assert futures(algo("FINISHED", ai="88937381063")) == []


@pytest.mark.parametrize(("word", "kind"), [("EXPIRED", OrderExpired), ("REJECTED", OrderExpired)])
def test_a_conditional_order_may_end_while_it_waits(word, kind):
    [event] = futures(algo(word, rm="Margin is insufficient."))

    assert isinstance(event, kind)
    assert event.reason == "Margin is insufficient."


def account(reason="ORDER", positions=(), balances=(), **more):
    body = {"m": reason, "B": list(balances), "P": list(positions), **more}
    return {"e": "ACCOUNT_UPDATE", "E": 1700000000131, "T": 1700000000130, "a": body}


POSITION = {
    "s": "BTCUSDT",
    "pa": "-0.004",
    "ep": "49997.5",
    "cr": "0",
    "up": "0.01",
    "mt": "cross",
    "ps": "BOTH",
}
WALLET = {"a": "USDT", "wb": "999.9", "cw": "999.9", "bc": "-0.25"}


def test_a_position():
    [report] = futures(account(positions=[POSITION], balances=[WALLET]))

    assert report == PositionReport(
        account="binance.usdm",
        instrument=PERPETUAL,
        lots=-4,
        entry_price=Decimal("49997.5"),
        venue_ns=1700000000130 * MS,
        received_ns=NOW_NS,
    )


def test_a_position_that_was_closed_is_flat():
    [report] = futures(account(positions=[POSITION | {"pa": "0", "ep": "0"}]))

    assert (report.lots, report.entry_price) == (0, None)


def test_the_sides_of_a_hedge_are_one_position_and_one_side_alone_is_asked_about():
    [report] = futures(payload("futures/user_data_json/account_update.json"))
    assert (report.lots, report.entry_price) == (10_000, None)

    [missed] = futures(account(positions=[POSITION | {"ps": "SHORT"}]))
    assert isinstance(missed, Missed)


def test_funding_that_was_paid():
    for wire in (
        account("FUNDING_FEE", balances=[WALLET], S="BTCUSDT"),
        account("FUNDING_FEE", balances=[WALLET], positions=[POSITION]),
    ):
        *_, paid = futures(wire)

        assert isinstance(paid, FundingPaid)
        assert (paid.instrument, paid.amount) == (PERPETUAL, Money.of("-0.25", "USDT"))
        assert paid.payment_id == "BTCUSDT:1700000000130"

    [missed] = futures(account("FUNDING_FEE", balances=[WALLET]))
    assert isinstance(missed, Missed)


def test_what_else_changes_the_wallet_is_asked_about():
    [missed] = futures(account("DEPOSIT", balances=[WALLET]))

    assert isinstance(missed, Missed)
    assert "DEPOSIT" in missed.reason
    assert futures(payload("futures/user_data_json/account_update_bnfcr.json")) == []


def test_settings_and_margin_calls_build_nothing():
    assert futures({"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ac": {"s": "BTCUSDT", "l": 5}}) == []
    assert futures({"e": "MARGIN_CALL", "E": 1, "cw": "3.1", "p": []}) == []


def test_the_side_of_a_fill_is_the_venues_word():
    [filled] = futures(update(S="SELL"))
    assert filled.fill.side is Side.SELL

    [unread] = futures(update(S="LEFT"))
    assert isinstance(unread, Unread)


def test_instruments_of_both_halves_are_told_apart():
    [spot_fill] = spot(EXECUTION)
    [fill] = futures(update())

    assert venue.markets.native("BTCUSDT", "spot").key == SPOT
    assert (spot_fill.fill.ticks, fill.fill.ticks) == (4_999_750, 499_975)
