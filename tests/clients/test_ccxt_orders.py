"""Orders through the real ccxt, on a small bybit in memory: what the wire does to them, and what the desk hears."""

import asyncio

import pytest

pytest.importorskip("ccxt.pro", reason="ccxt is not installed: uv sync --group clients")

from clients.ccxt_desk import PERPETUAL, SPOT, on_desk
from xtrade.model.errors import Unavailable
from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.model.sides import Side

CREATE, CANCEL = "/v5/order/create", "/v5/order/cancel"


def test_an_order_is_sent_as_it_was_meant_and_lives_until_it_is_filled():
    async def story(desk):
        number = desk.place(post_only=True)
        await asyncio.sleep(1)

        (asked,) = desk.bybit.asked(CREATE)
        assert asked["orderLinkId"] == f"xt{number:019d}"
        assert (asked["qty"], asked["price"], asked["side"]) == ("0.01", "60000", "Buy")
        assert (asked["timeInForce"], asked["category"]) == ("PostOnly", "linear")
        assert desk.state(number).status is OrderStatus.OPEN

        order = desk.bybit.the_order()
        await desk.bybit.trade(order, "0.004", "60000")
        await asyncio.sleep(1)
        assert (desk.state(number).status, desk.state(number).filled_lots) == (OrderStatus.PARTIAL, 4)

        await desk.bybit.trade(order, "0.006", "59999.9")
        await asyncio.sleep(60)  # long enough for every question that is asked behind the streams

        state = desk.state(number)
        assert (state.status, desk.booked[number], state.is_settled) == (OrderStatus.FILLED, 10, True)
        assert [(fill.ticks, fill.lots) for fill in state.fills] == [(600_000, 4), (599_999, 6)]
        assert {(fill.fee, fill.maker) for fill in state.fills} == {(Money.of("0.01234567", "USDT"), True)}
        assert len(desk.of(OrderFilled)) == 2

    on_desk(story)


def test_a_fill_overtakes_the_answer():
    async def story(desk):
        desk.bybit.fault(CREATE, "late", body=3.0)
        number = desk.place()
        await asyncio.sleep(0.5)
        await desk.bybit.trade(desk.bybit.the_order(), "0.01", "60000")
        await asyncio.sleep(10)

        assert (desk.state(number).status, desk.booked[number]) == (OrderStatus.FILLED, 10)
        assert not desk.of(OrderInDoubt, OrderRejected)

    on_desk(story)


def test_a_trade_that_names_only_the_venues_order_waits_for_its_name():
    """
    Not every venue's trades carry our id, and ccxt's own structure has no place for it.
    """

    async def story(desk):
        await asyncio.sleep(5)  # the streams are there
        tell = desk.bybit.tell

        async def trades_alone(topic, data):
            if topic == "execution":
                await tell(topic, data)

        desk.bybit.tell = trades_alone
        desk.bybit.fault(CREATE, "late", body=3.0)
        number = desk.place()
        await asyncio.sleep(1)
        await desk.bybit.trade(desk.bybit.the_order(), "0.004", "60000")
        await asyncio.sleep(1)
        assert desk.booked[number] == 0
        await asyncio.sleep(1.5)

        assert [type(event) for event in desk.of(OrderAccepted, OrderFilled)] == [OrderAccepted, OrderFilled]
        assert desk.booked[number] == 4

    on_desk(story)


@pytest.mark.parametrize(
    ("how", "more"),
    [
        ("after", {}),
        ("garbled", {"body": "<html>bad gateway</html>"}),
        ("garbled", {"body": '{"retCode": 0, "result": {}}'}),
        ("late", {"body": 9.0}),
    ],
    ids=["connection lost", "page instead of an answer", "answer without a name", "answer too late"],
)
def test_what_became_of_a_lost_answer_is_asked_and_never_sent_again(how, more):
    async def story(desk):
        # The streams say nothing either: only a question can tell.
        await desk.bybit.cut("private")
        desk.bybit.subscribed.clear()
        desk.bybit.tell = never
        desk.bybit.fault(CREATE, how, **more)
        number = desk.place()
        await asyncio.sleep(12)

        (doubt,) = desk.of(OrderInDoubt)
        assert "bybit: place" in doubt.reason
        report = await desk.venue.trading.order(number)
        assert (report.status, report.lots, report.ticks) == (OrderStatus.OPEN, 10, 600_000)
        assert desk.state(number).status is OrderStatus.OPEN
        assert len(desk.bybit.asked(CREATE)) == 1

        await desk.bybit.trade(desk.bybit.the_order(), "0.01", "60000", told=False)
        await asyncio.sleep(30)
        assert (desk.state(number).status, desk.booked[number]) == (OrderStatus.FILLED, 10)

    on_desk(story)


@pytest.mark.parametrize("over", ["filled", "canceled"])
def test_an_order_that_was_over_before_its_answer_was_missed_is_found_among_those_that_ended(over):
    async def story(desk):
        desk.bybit.tell = never
        desk.bybit.fault(CREATE, "after")
        number = desk.place()
        await asyncio.sleep(0.2)
        order = desk.bybit.the_order()
        if over == "filled":
            await desk.bybit.trade(order, "0.010", "60000", told=False)
        else:
            desk.bybit._end(order, "Cancelled")
        await asyncio.sleep(1)
        report = await desk.venue.trading.order(number)

        assert report.status.value == over
        assert desk.state(number).status.value == over
        assert report.filled_lots == (10 if over == "filled" else 0)

    on_desk(story)


def test_an_answer_that_says_no_to_what_was_told_to_exist_is_a_question():
    async def story(desk):
        await asyncio.sleep(2)
        tell = desk.bybit.tell

        async def tell_first(topic, data):
            await tell(topic, data)
            await asyncio.sleep(0.1)

        desk.bybit.tell = tell_first
        desk.bybit.fault(CREATE, "garbled", body='{"retCode": 110007, "retMsg": "not enough"}')
        number = desk.place()
        await asyncio.sleep(2)

        assert len(desk.of(OrderAccepted)) == 1  # the stream told it, and was first
        assert desk.state(number).status is OrderStatus.OPEN
        assert not desk.of(OrderRejected)
        assert len(desk.of(OrderInDoubt)) == 1

    on_desk(story)


def test_an_order_that_was_refused_and_stands_there_all_the_same_can_be_canceled():
    async def story(desk):
        desk.bybit.tell, tell = never, desk.bybit.tell
        await asyncio.sleep(2)
        desk.bybit.fault(CREATE, "garbled", body='{"retCode": 110007, "retMsg": "not enough"}')
        number = desk.place()
        await asyncio.sleep(1)
        assert desk.state(number).status is OrderStatus.REJECTED
        await tell("order", [desk.bybit.the_order()])
        await asyncio.sleep(1)

        assert desk.venue.trading.cancel(number) is True
        await asyncio.sleep(5)
        assert desk.bybit.the_order()["orderStatus"] == "Cancelled"

    on_desk(story)


def test_what_is_on_its_way_at_the_stop_still_gets_there():
    async def story(desk):
        number = desk.place()
        await asyncio.sleep(1)
        desk.venue.trading.cancel(number)
        return desk.bybit

    assert on_desk(story).the_order()["orderStatus"] == "Cancelled"


async def never(_topic, _data):
    pass


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"retCode": 10016, "retMsg": "System error. Please try again later."}),
        (200, {"retCode": 987654, "retMsg": "a code that ccxt does not know"}),
        (200, {"retCode": 110072, "retMsg": "OrderLinkedID is duplicate"}),
        (500, "internal error"),
        (502, "<html>bad gateway</html>"),
        (504, ""),
        (400, "whatever"),
    ],
)
def test_an_answer_that_is_no_clear_no_leaves_the_order_in_doubt(status, body):
    async def story(desk):
        desk.bybit.fault(CREATE, "instead", status=status, body=body)
        number = desk.place()
        await asyncio.sleep(2)

        assert desk.state(number).status is OrderStatus.IN_DOUBT
        assert not desk.of(OrderRejected)
        assert (
            await desk.venue.trading.order(number) is None
        )  # this venue lists what has our ids, and has it not

    on_desk(story)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"retCode": 110007, "retMsg": "ab not enough for new order"}, "InsufficientFunds"),
        (200, {"retCode": 110003, "retMsg": "Order price exceeds the allowable range."}, "InvalidOrder"),
        (200, {"retCode": 10003, "retMsg": "API key is invalid."}, "AuthenticationError"),
        (200, {"retCode": 10002, "retMsg": "invalid request, check your timestamp"}, "InvalidNonce"),
        (200, {"retCode": 10006, "retMsg": "Too many visits!"}, "RateLimitExceeded"),
        (429, "slow down", "RateLimitExceeded"),
        (401, "who are you", "AuthenticationError"),
    ],
)
def test_a_clear_no_is_a_rejection_in_the_venues_own_words(status, body, code):
    async def story(desk):
        desk.bybit.fault(CREATE, "instead", status=status, body=body)
        number = desk.place()
        await asyncio.sleep(2)

        (rejected,) = desk.of(OrderRejected)
        assert rejected.code == code
        assert (body if isinstance(body, str) else body["retMsg"]) in rejected.reason
        assert desk.state(number).status is OrderStatus.REJECTED
        assert desk.venue.trading.cancel(number) is False

    on_desk(story)


def test_what_never_left_is_rejected_and_says_so():
    async def story(desk):
        await asyncio.sleep(40)  # no connection is kept for so long
        desk.network.refuse("127.0.0.1")
        for connection in list(desk.network.connections):
            connection.reset()
        await asyncio.sleep(0.1)
        number = desk.place()
        await asyncio.sleep(3)
        desk.network.refuse("127.0.0.1", refused=False)

        (rejected,) = desk.of(OrderRejected)
        assert (rejected.code, "nothing was sent" in rejected.reason) == ("not_sent", True)
        assert desk.state(number).status is OrderStatus.REJECTED
        await asyncio.sleep(60)
        assert not desk.bybit.orders

    on_desk(story)


def test_a_pause_that_the_venue_asks_for_is_kept_by_what_comes_after():
    async def story(desk):
        desk.bybit.fault(CREATE, "instead", status=429, body="slow down", headers={"Retry-After": "7"})
        desk.place()
        await asyncio.sleep(1)
        asked = len(desk.bybit.requests)
        second = desk.place()
        await asyncio.sleep(5)
        assert len(desk.bybit.requests) == asked

        await asyncio.sleep(3)
        assert desk.state(second).status is OrderStatus.OPEN

    on_desk(story)


def test_an_order_whose_validity_ended_in_the_queue_is_not_sent():
    async def story(desk):
        desk.bybit.fault(CREATE, "instead", status=429, body="slow down", headers={"Retry-After": "7"})
        desk.place()
        await asyncio.sleep(1)
        intent = desk.intent()
        late = desk.place(desk.intent(valid_until_ns=intent.decided_ns + 2_000_000_000))
        await asyncio.sleep(10)

        assert desk.state(late).status is OrderStatus.REJECTED
        assert "validity" in desk.of(OrderRejected)[-1].reason
        assert not desk.bybit.orders

    on_desk(story)


def test_fills_while_the_streams_are_down_come_all_and_once():
    async def story(desk):
        number = desk.place(lots=100)
        await asyncio.sleep(1)
        order = desk.bybit.the_order()
        await desk.bybit.trade(order, "0.010", "60000")
        await desk.bybit.cut("private")
        for _ in range(5):
            await desk.bybit.trade(order, "0.010", "60000")  # to nobody
        await asyncio.sleep(5)
        assert desk.booked[number] == 60

        await desk.bybit.trade(order, "0.040", "60000")
        await asyncio.sleep(5)
        assert (desk.booked[number], desk.state(number).status) == (100, OrderStatus.FILLED)
        assert len(desk.of(OrderFilled)) == 7

    on_desk(story)


def test_what_a_stream_never_tells_is_asked_for():
    async def story(desk):
        number = desk.place()
        await asyncio.sleep(1)
        await desk.bybit.trade(desk.bybit.the_order(), "0.010", "60000", told=False)
        await asyncio.sleep(15)

        assert (desk.booked[number], desk.state(number).status) == (10, OrderStatus.FILLED)

    on_desk(story)


def test_a_cancel_is_done_when_the_venue_says_so():
    async def story(desk):
        number = desk.place()
        await asyncio.sleep(1)
        assert desk.venue.trading.cancel(number) is True
        await asyncio.sleep(2)

        assert desk.state(number).status is OrderStatus.CANCELED
        assert [event.cumulative_lots for event in desk.of(OrderCanceled)] == [0]
        assert desk.venue.trading.cancel(number) is False
        assert len(desk.bybit.asked(CANCEL)) == 1

    on_desk(story)


def test_a_cancel_waits_for_the_order_to_have_a_name():
    async def story(desk):
        desk.bybit.fault(CREATE, "late", body=2.0)
        desk.bybit.tell, tell = never, desk.bybit.tell
        number = desk.place()
        assert desk.venue.trading.cancel(number) is True
        await asyncio.sleep(1)
        assert not desk.bybit.asked(CANCEL)
        desk.bybit.tell = tell
        await asyncio.sleep(5)

        assert desk.state(number).status is OrderStatus.CANCELED

    on_desk(story)


def test_a_cancel_that_comes_too_late_is_a_question_and_its_answer_the_fill():
    async def story(desk):
        number = desk.place()
        await asyncio.sleep(1)
        await desk.bybit.trade(desk.bybit.the_order(), "0.010", "60000", told=False)
        assert desk.venue.trading.cancel(number) is True
        await asyncio.sleep(5)

        (rejected,) = desk.of(CancelRejected)
        assert rejected.request == 1
        assert "too late to cancel" in rejected.reason
        assert (desk.state(number).status, desk.booked[number]) == (OrderStatus.FILLED, 10)

    on_desk(story)


def test_a_lost_answer_to_a_cancel_is_followed_by_the_question():
    async def story(desk):
        number = desk.place()
        await asyncio.sleep(1)
        desk.bybit.tell = never
        desk.bybit.fault(CANCEL, "after")
        desk.venue.trading.cancel(number)
        await asyncio.sleep(5)

        assert not desk.of(CancelRejected)
        assert desk.state(number).status is OrderStatus.CANCELED

    on_desk(story)


def test_an_order_is_changed_as_long_as_nothing_of_it_has_traded():
    async def story(desk):
        number = desk.place()
        await asyncio.sleep(1)
        assert desk.venue.trading.amend(number, lots=20, ticks=599_990) is True
        await asyncio.sleep(1)
        (amended,) = desk.of(OrderAmended)
        assert (amended.lots, amended.ticks, amended.request) == (20, 599_990, 1)
        assert (desk.state(number).lots, desk.state(number).ticks) == (20, 599_990)

        await desk.bybit.trade(desk.bybit.the_order(), "0.005", "59999")
        await asyncio.sleep(1)
        assert desk.venue.trading.amend(number, lots=30, ticks=599_990) is True
        await asyncio.sleep(1)
        (rejected,) = desk.of(AmendRejected)
        assert (rejected.request, "nothing was sent" in rejected.reason) == (2, True)

    on_desk(story)


def test_everything_is_canceled_with_one_request_for_each_market():
    async def story(desk):
        numbers = [desk.place(number=1767225600_000000000 + n, ticks=590_000 + n) for n in range(4)]
        await asyncio.sleep(2)
        await desk.venue.trading.cancel_all()
        await asyncio.sleep(5)

        assert {desk.state(number).status for number in numbers} == {OrderStatus.CANCELED}
        assert len(desk.bybit.asked("/v5/order/cancel-all")) == 1

    on_desk(story)


def test_orders_of_an_earlier_process_are_found_named_and_canceled():
    async def story(desk):
        intent = desk.intent(number=1767225500_000000123)
        desk.bybit._create(
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "side": "Buy",
                "orderType": "Limit",
                "qty": "0.010",
                "price": "60000",
                "orderLinkId": f"xt{intent.client_order_id:019d}",
            }
        )
        desk.states[intent.client_order_id] = desk_state = type(desk.state(desk.place()))(intent=intent)
        assert desk_state.status is OrderStatus.NEW
        reports = await desk.venue.trading.open_orders()
        assert intent.client_order_id in {report.client_order_id for report in reports}
        assert desk.venue.trading.cancel(intent.client_order_id) is True
        await asyncio.sleep(5)

        assert desk.state(intent.client_order_id).status is OrderStatus.CANCELED

    on_desk(story)


def test_somebody_elses_order_is_listed_and_never_told():
    async def story(desk):
        foreign = desk.bybit._create(
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "side": "Sell",
                "orderType": "Limit",
                "qty": "0.5",
                "price": "61000",
                "orderLinkId": "by-hand",
            }
        )
        await desk.bybit.tell("order", foreign)
        await desk.bybit.trade(foreign[0], "0.1", "61000")
        await asyncio.sleep(2)
        (report,) = await desk.venue.trading.open_orders()

        assert (report.client_order_id, report.side, report.lots, report.filled_lots) == (
            None,
            Side.SELL,
            500,
            100,
        )
        assert not desk.of(OrderAccepted, OrderFilled)

    on_desk(story)


def test_orders_that_this_venue_cannot_be_given_are_refused_before_anything_is_sent():
    async def story(desk):
        with pytest.raises(Unavailable, match="by its cost"):
            desk.venue.trading.place(
                desk.intent(instrument=SPOT, type=OrderType.MARKET, ticks=None, lots=1_000)
            )
        sized = desk.place(
            instrument=SPOT,
            type=OrderType.MARKET,
            ticks=None,
            lots=0,
            quote_amount=Money.of("123.45", "USDT"),
            time_in_force=TimeInForce.IOC,
        )
        await asyncio.sleep(1)
        (asked,) = desk.bybit.asked(CREATE)

        assert (asked["qty"], asked["orderType"], asked["category"]) == ("123.45", "Market", "spot")
        assert desk.state(sized).accepted

    on_desk(story, instruments=(PERPETUAL, SPOT))
