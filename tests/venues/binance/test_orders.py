"""Commands about orders: what is sent, over HTTP and through the socket, and what the answers mean."""

import msgspec
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
    intent,
    known,
    payload,
    refusal,
)
from xtrade.model.errors import AuthFailed, InDoubt, RateLimited, Rejected, Unavailable
from xtrade.model.events import (
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.money import Money
from xtrade.model.orders import OrderType, Trigger
from xtrade.net.limits import Priority
from xtrade.net.retry import Repeat
from xtrade.venues.meanings import ClockOff

MS = 1_000_000
FULL = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": TEXT,
    "transactTime": 1700000000130,
    "price": "50000.00",
    "origQty": "0.01000",
    "executedQty": "0.00400",
    "origQuoteOrderQty": "0.00",
    "cummulativeQuoteQty": "199.99",
    "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": 1700000000130,
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "fills": [
        {
            "price": "49997.50",
            "qty": "0.00400",
            "commission": "0.000004",
            "commissionAsset": "BTC",
            "tradeId": 56,
        }
    ],
}
FLAT = {
    "orderId": 29,
    "symbol": "BTCUSDT",
    "status": "NEW",
    "clientOrderId": TEXT,
    "price": "50000.0",
    "origQty": "0.010",
    "executedQty": "0.000",
    "cumQty": "0.000",
    "timeInForce": "GTX",
    "type": "LIMIT",
    "origType": "LIMIT",
    "reduceOnly": False,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
    "priceMatch": "NONE",
    "selfTradePreventionMode": "EXPIRE_MAKER",
    "goodTillDate": 0,
    "updateTime": 1700000000130,
}
ALGO = {"algoId": 1000000033225453, "clientAlgoId": TEXT, "algoType": "CONDITIONAL", "algoStatus": "NEW"}
STOP = {"type": OrderType.STOP_MARKET, "trigger": Trigger(ticks=520_000)}


def told(events):
    return [type(event) for event in events]


# -- placing ------------------------------------------------------------------------------------------------------


def test_a_spot_order_tells_of_its_trades_at_once():
    accepted, filled = codec().place(intent()).read(answer(FULL))

    assert accepted == OrderAccepted(
        client_order_id=NUMBER,
        venue_order_id="28",
        venue_ns=1700000000130 * MS,
        received_ns=NOW_NS + 5,
    )
    assert isinstance(filled, OrderFilled)
    assert (filled.fill.trade_id, filled.fill.ticks, filled.fill.lots) == ("56", 4_999_750, 400)
    assert filled.fill.fee == Money.of("0.000004", "BTC")
    assert filled.fill.maker is False


def test_the_recorded_answer_to_a_market_order():
    whole = codec().place(intent(quantity="10"))

    events = whole.read(answer(payload("spot/http_json/new_order_full_response.json")))

    assert told(events) == [OrderAccepted] + [OrderFilled] * 5
    assert sum(event.fill.lots for event in events[1:]) == 1_000_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "NEW", "executedQty": "0", "fills": []}, [OrderAccepted]),
        ({"status": "FILLED", "executedQty": "0.01", "fills": []}, [OrderAccepted, OrderCompleted]),
        (
            {"status": "EXPIRED", "expiryReason": "UNFILLED_FOK_ORDER_EXPIRED", "fills": []},
            [OrderAccepted, OrderExpired],
        ),
        ({"status": "EXPIRED_IN_MATCH"}, [OrderAccepted, OrderFilled, OrderExpired]),
    ],
)
def test_how_a_spot_order_stands(changes, expected):
    assert told(codec().place(intent()).read(answer(FULL | changes))) == expected


def test_an_expired_order_says_why_and_how_much_had_traded():
    *_, expired = (
        codec()
        .place(intent())
        .read(answer(FULL | {"status": "EXPIRED", "expiryReason": "UNFILLED_IOC_QUANTITY_EXPIRED"}))
    )

    assert (expired.reason, expired.cumulative_lots) == ("UNFILLED_IOC_QUANTITY_EXPIRED", 400)


def test_an_acknowledgement_alone_is_enough():
    body = {name: FULL[name] for name in ("symbol", "orderId", "clientOrderId", "transactTime")}

    assert told(codec().place(intent()).read(answer(body))) == [OrderAccepted]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [OrderAccepted]),
        ({"status": "PARTIALLY_FILLED", "executedQty": "0.004"}, [OrderAccepted]),
        ({"status": "FILLED", "executedQty": "0.010"}, [OrderAccepted, OrderCompleted]),
        ({"status": "EXPIRED", "executedQty": "0.004"}, [OrderAccepted, OrderExpired]),
        ({"status": "EXPIRED_IN_MATCH"}, [OrderAccepted, OrderExpired]),
        ({"status": "CANCELED"}, [OrderAccepted, OrderCanceled]),
    ],
)
def test_how_an_order_of_futures_stands(changes, expected):
    assert told(codec().place(intent(PERPETUAL)).read(answer(FLAT | changes))) == expected


def test_a_conditional_order_waits_under_a_number_of_its_own():
    [accepted] = codec().place(intent(PERPETUAL, **STOP)).read(answer(ALGO))

    assert accepted.venue_order_id == "algo:1000000033225453"


def test_an_order_is_never_sent_twice_and_goes_through_the_socket_of_its_half():
    for key, socket in ((SPOT, "spot private"), (PERPETUAL, "usdm orders")):
        ask = codec().place(intent(key))

        assert (ask.repeat, ask.priority, ask.over.socket) == (Repeat.NEVER, Priority.TRADE, socket)


@pytest.mark.parametrize(
    ("ask", "method"),
    [
        (codec().place(intent()), "order.place"),
        (codec().place(intent(PERPETUAL)), "order.place"),
        (codec().place(intent(PERPETUAL, **STOP)), "algoOrder.place"),
        (codec().cancel(known(), 1), "order.cancel"),
        (codec().cancel(known(PERPETUAL), 1), "order.cancel"),
        (codec().cancel(known(PERPETUAL, **STOP), 1), "algoOrder.cancel"),
        (codec().amend(known(), lots=500, ticks=5_000_000, request=1), "order.amend.keepPriority"),
        (codec().amend(known(PERPETUAL), lots=5, ticks=500_100, request=1), "order.modify"),
    ],
)
def test_the_socket_is_asked_the_same_as_http(ask, method):
    name, frame = ask.over.frame(NOW_NS)
    message = msgspec.json.decode(frame)
    params = message["params"]

    assert message["id"] == name
    assert len(name) <= 36
    assert message["method"] == method
    assert params.pop("apiKey") == API_KEY
    assert params.pop("signature")
    assert (params.pop("timestamp"), params.pop("recvWindow")) == (NOW_NS // MS, 5_000)
    assert params == asked(ask)[2]


def test_ids_in_flight_are_all_different():
    spot = codec()
    asks = [
        spot.place(intent()),
        spot.cancel(known(), 1),
        spot.cancel(known(), 2),
        spot.amend(known(), lots=500, ticks=5_000_000, request=1),
    ]

    assert len({ask.over.frame(NOW_NS)[0] for ask in asks}) == 4


def test_an_order_says_itself_how_late_it_may_arrive():
    ask = codec().place(intent(valid_until_ns=NOW_NS + 250 * MS))

    assert "&recvWindow=250&" in ask.build(NOW_NS).url
    assert "&recvWindow=1&" in ask.build(NOW_NS + 400 * MS).url
    assert msgspec.json.decode(ask.over.frame(NOW_NS + 50 * MS)[1])["params"]["recvWindow"] == 200


# -- several at once ----------------------------------------------------------------------------------------------


def test_several_orders_of_futures_in_one_request():
    ask = codec().place_many([intent(PERPETUAL), intent(PERPETUAL, post_only=True)])

    method, address, params = asked(ask)
    sent = msgspec.json.decode(params["batchOrders"])
    assert (method, address) == ("POST", "fapi.binance.com/fapi/v1/batchOrders")
    assert [each.get("selfTradePreventionMode") for each in sent] == ["EXPIRE_MAKER", None]
    assert [each["timeInForce"] for each in sent] == ["GTC", "GTX"]
    assert ask.over is None


def test_each_of_several_is_answered_for_itself():
    ask = codec().place_many([intent(PERPETUAL)] * 4)

    events = ask.read(
        answer(
            [
                FLAT,
                {"code": -2019, "msg": "Margin is insufficient."},
                {"code": -4116, "msg": "ClientOrderId is duplicated."},
                FLAT | {"status": "FILLED", "executedQty": "0.01"},
            ]
        )
    )

    assert told(events) == [OrderAccepted, OrderRejected, OrderInDoubt, OrderAccepted, OrderCompleted]
    assert (events[1].reason, events[1].code) == ("Margin is insufficient.", "-2019")


def test_too_few_answers_leave_all_in_doubt():
    ask = codec().place_many([intent(PERPETUAL)] * 2)

    with pytest.raises(InDoubt):
        ask.read(answer([FLAT]))


def test_what_does_not_go_together_is_not_sent_together():
    assert codec().place_many([intent(), intent()]) is None
    assert codec().place_many([intent(PERPETUAL), intent(PERPETUAL, **STOP)]) is None


# -- ending and changing ------------------------------------------------------------------------------------------


def test_a_cancel_names_the_order_as_the_venue_does_where_that_is_known():
    assert asked(codec().cancel(known(), 1)) == (
        "DELETE",
        "api.binance.com/api/v3/order",
        {"symbol": "BTCUSDT", "origClientOrderId": TEXT},
    )
    assert asked(codec().cancel(known(PERPETUAL, "29"), 1)) == (
        "DELETE",
        "fapi.binance.com/fapi/v1/order",
        {"symbol": "BTCUSDT", "orderId": "29"},
    )


def test_a_conditional_order_is_canceled_where_it_is():
    waiting, triggered = known(PERPETUAL, "algo:5", **STOP), known(PERPETUAL, "77", **STOP)

    assert asked(codec().cancel(waiting, 1))[1:] == (
        "fapi.binance.com/fapi/v1/algoOrder",
        {"clientAlgoId": TEXT},
    )
    assert asked(codec().cancel(triggered, 1))[1:] == (
        "fapi.binance.com/fapi/v1/order",
        {"symbol": "BTCUSDT", "orderId": "77"},
    )
    # Of an order of an earlier run only its report is known, and that does not tell its type.
    assert asked(codec().cancel(known(PERPETUAL, "algo:5"), 1))[1].endswith("/algoOrder")
    [canceled] = codec().cancel(waiting, 1).read(answer(ALGO | {"code": "200", "msg": "success"}))
    assert canceled.venue_order_id == "algo:1000000033225453"


def test_cancels_go_first_and_may_be_repeated():
    ask = codec().cancel(known(), 1)

    assert (ask.priority, ask.repeat) == (Priority.CANCEL, Repeat.IDEMPOTENT)


def test_what_a_cancel_answers():
    spot = codec().cancel(known(), 1)
    [canceled] = spot.read(answer(FULL | {"status": "CANCELED", "origClientOrderId": TEXT}))
    assert (canceled.venue_order_id, canceled.cumulative_lots) == ("28", 400)

    [canceled] = codec().cancel(known(PERPETUAL), 1).read(answer(FLAT | {"status": "CANCELED"}))
    assert (type(canceled), canceled.cumulative_lots) == (OrderCanceled, 0)


@pytest.mark.parametrize("key", [SPOT, PERPETUAL])
def test_an_order_that_is_not_there_to_cancel_is_a_question_not_an_answer(key):
    with pytest.raises(Rejected, match=r"Unknown order sent. \(-2011\)"):
        codec().cancel(known(key), 1).read(refusal(-2011, "Unknown order sent."))


def test_spot_keeps_its_name_and_place_when_it_gets_smaller():
    ask = codec().amend(known(), lots=500, ticks=5_000_000, request=3)

    assert asked(ask) == (
        "PUT",
        "api.binance.com/api/v3/order/amend/keepPriority",
        {"symbol": "BTCUSDT", "newQty": "0.005", "newClientOrderId": TEXT, "origClientOrderId": TEXT},
    )
    [amended] = ask.read(
        answer(
            {
                "transactTime": 1700000000140,
                "executionId": 60,
                "amendedOrder": {"orderId": 28, "qty": "0.00500", "executedQty": "0.00100"},
            }
        )
    )
    assert (type(amended), amended.lots, amended.ticks, amended.request) == (OrderAmended, 500, None, 3)


@pytest.mark.parametrize(("lots", "ticks"), [(500, 5_000_100), (1_000, 5_000_000), (2_000, 5_000_000)])
def test_spot_has_no_other_change(lots, ticks):
    with pytest.raises(Unavailable, match="smaller quantity alone; nothing was sent"):
        codec().amend(known(), lots=lots, ticks=ticks, request=1)


def test_futures_change_quantity_and_price():
    ask = codec().amend(known(PERPETUAL, "29"), lots=5, ticks=500_100, request=2)

    assert asked(ask) == (
        "PUT",
        "fapi.binance.com/fapi/v1/order",
        {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.005", "price": "50010", "orderId": "29"},
    )
    [amended] = ask.read(answer(FLAT | {"origQty": "0.005", "price": "50010"}))
    assert (amended.lots, amended.ticks, amended.request) == (5, 500_100, 2)


def test_a_change_that_ends_the_order_says_so():
    ask = codec().amend(known(PERPETUAL), lots=5, ticks=500_100, request=2)

    assert told(ask.read(answer(FLAT | {"status": "CANCELED"}))) == [OrderAccepted, OrderCanceled]


def test_no_need_to_change_is_a_change_that_is_made():
    ask = codec().amend(known(PERPETUAL), lots=5, ticks=500_100, request=2)

    [amended] = ask.read(refusal(-5027, "No need to modify the order."))
    assert (amended.lots, amended.ticks, amended.request) == (5, 500_100, 2)


def test_a_conditional_order_is_not_changed_while_it_waits():
    with pytest.raises(Unavailable, match="before it is triggered"):
        codec().amend(known(PERPETUAL, **STOP), lots=5, ticks=500_100, request=1)


def test_all_orders_of_a_market():
    spot, orders, conditional = codec().cancel_all([SPOT, PERPETUAL])

    assert asked(spot) == ("DELETE", "api.binance.com/api/v3/openOrders", {"symbol": "BTCUSDT"})
    assert asked(orders)[1] == "fapi.binance.com/fapi/v1/allOpenOrders"
    assert asked(conditional)[1] == "fapi.binance.com/fapi/v1/algoOpenOrders"
    done = {"code": 200, "msg": "The operation of cancel all open order is done."}
    assert orders.read(answer(done)) == conditional.read(answer(done)) == []


def test_what_all_orders_of_a_spot_market_answer_names_ours_also_in_lists():
    [ask] = codec().cancel_all([SPOT])
    body = payload("spot/http_json/cancel_open_orders_response.json")
    assert ask.read(answer(body)) == []  # foreign ones, all four

    events = ask.read(
        answer(body.replace(b"CwOOIPHSmYywx6jZX77TdL", TEXT.encode()).replace(b"0.690354", b"0.69035"))
    )

    assert [(event.client_order_id, event.venue_order_id) for event in events] == [(NUMBER, "20")]


def test_no_orders_to_cancel_is_done():
    [ask] = codec().cancel_all([SPOT])

    assert ask.read(refusal(-2011, "Unknown order sent.")) == []


def test_the_countdown_is_of_futures_alone_and_per_market():
    [ask] = codec().countdown(60, [SPOT, PERPETUAL])

    assert asked(ask) == (
        "POST",
        "fapi.binance.com/fapi/v1/countdownCancelAll",
        {"symbol": "BTCUSDT", "countdownTime": "60000"},
    )
    assert ask.read(answer({"symbol": "BTCUSDT", "countdownTime": "60000"})) is None


# -- no -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "status", "code", "text", "error"),
    [
        (SPOT, 400, -2010, "Account has insufficient balance for requested action.", Rejected),
        (SPOT, 400, -2010, "Order would immediately match and take.", Rejected),
        (SPOT, 400, -2010, "Duplicate order sent.", InDoubt),
        (SPOT, 400, -1013, "Filter failure: LOT_SIZE", Rejected),
        (SPOT, 400, -1021, "Timestamp for this request is outside of the recvWindow.", ClockOff),
        (SPOT, 400, -1022, "Signature for this request is not valid.", AuthFailed),
        (SPOT, 401, -2015, "Invalid API-key, IP, or permissions for action.", AuthFailed),
        (SPOT, 429, -1015, "Too many new orders.", RateLimited),
        (SPOT, 418, -1003, "Way too many requests; IP banned until 1700000060123.", RateLimited),
        (SPOT, 503, -1008, "Server is currently overloaded.", Unavailable),
        (SPOT, 500, -1007, "Timeout waiting for response from backend server.", InDoubt),
        (SPOT, 400, -1006, "An unexpected response was received.", InDoubt),
        (PERPETUAL, 400, -2019, "Margin is insufficient.", Rejected),
        (PERPETUAL, 400, -5022, "Post Only order will be rejected.", Rejected),
        (PERPETUAL, 400, -4116, "ClientOrderId is duplicated.", InDoubt),
        (PERPETUAL, 400, -4120, "Order type not supported for this endpoint.", Rejected),
        (PERPETUAL, 400, -4061, "Order's position side does not match user's setting.", Rejected),
        (PERPETUAL, 400, -5028, "Timestamp for this request is outside of the ME recvWindow", ClockOff),
        (PERPETUAL, 503, 0, "Service Unavailable.", Unavailable),
        (PERPETUAL, 503, 0, "Unknown error, please check your request or try again later.", InDoubt),
    ],
)
def test_what_a_refusal_means(key, status, code, text, error):
    with pytest.raises(error) as refused:
        codec().place(intent(key)).read(refusal(code, text, status))

    assert type(refused.value) is error
    assert text in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.venue == "binance"
    assert refused.value.code == str(code or status)


def test_a_ban_lasts_as_long_as_it_says():
    ask = codec().place(intent())

    with pytest.raises(RateLimited) as refused:
        ask.read(refusal(-1003, "IP banned until 1700000060123.", 418))
    assert refused.value.retry_after_ns == 60_000_000_000 - 5

    through_the_socket = {
        "code": -1003,
        "msg": "Too many.",
        "data": {"serverTime": 1, "retryAfter": 1700000030123},
    }
    with pytest.raises(RateLimited) as refused:
        ask.read(answer(through_the_socket, 429))
    assert refused.value.retry_after_ns == 30_000_000_000 - 5


def test_a_firewall_has_done_nothing_and_a_broken_server_nobody_knows():
    ask = codec().place(intent())

    with pytest.raises(Unavailable, match="nothing was done"):
        ask.read(answer(b"<html>\n<b>Forbidden</b>\n</html>", 403))
    with pytest.raises(InDoubt, match="may have taken effect"):
        ask.read(answer(b"<html>\n<b>Bad gateway</b>\n</html>", 502))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"orderId":"x"}', b"\xff", b"[" * 5_000])
def test_an_answer_to_a_command_that_says_nothing_leaves_it_in_doubt(body):
    with pytest.raises(InDoubt, match="cannot be read") as doubt:
        codec().place(intent()).read(answer(body))

    assert "\n" not in str(doubt.value)


def test_no_error_has_the_key_or_a_signature():
    ask = codec().place(intent())

    for trouble in (refusal(-1022, "Signature for this request is not valid."), answer(b"{")):
        with pytest.raises((AuthFailed, InDoubt)) as refused:
            ask.read(trouble)
        assert API_KEY not in str(refused.value)
    assert API_KEY not in repr(ask.build(NOW_NS))
    assert "signature=****" in repr(ask.build(NOW_NS))
