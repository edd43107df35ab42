"""Orders that sleep: how they are asked for, woken, found, changed and canceled."""

import json
from decimal import Decimal

import pytest

from kit.okx import NOW_NS, RECEIVED_NS, SPOT, SWAP, answer, intended
from xtrade.model.errors import DataError, Rejected, UsageError
from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
)
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.venues.codec import Known, Unread
from xtrade.venues.streams import Missed

ID = 1_763_600_000_123_456_789
TEXT = f"xt{ID}"


def stop(codec, key=SWAP, **changes):
    told = {"type": OrderType.STOP_MARKET, "ticks": None, "trigger": Trigger(ticks=510_000)}
    return intended(codec, key=key, **(told | changes))


def asleep(codec, name="algo77", **changes):
    return Known(stop(codec, **changes), codec.markets.of(SWAP).instrument, name)


def sent(ask):
    return json.loads(ask.build(NOW_NS).body)


BASE = {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "algoClOrdId": TEXT, "side": "buy", "sz": "1"}


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        (
            {},
            {"ordType": "conditional", "slTriggerPx": "51000", "slTriggerPxType": "last", "slOrdPx": "-1"},
        ),
        (
            {"type": OrderType.STOP_LIMIT, "ticks": 511_000, "trigger": Trigger(ticks=510_000, by=TriggerPrice.MARK)},
            {"ordType": "conditional", "slTriggerPx": "51000", "slTriggerPxType": "mark", "slOrdPx": "51100"},
        ),
        (
            {"type": OrderType.TAKE_PROFIT_MARKET, "reduce_only": True},
            {"ordType": "conditional", "tpTriggerPx": "51000", "tpTriggerPxType": "last", "tpOrdPx": "-1",
             "reduceOnly": True},
        ),
        (
            {"type": OrderType.TAKE_PROFIT_LIMIT, "ticks": 500_001},
            {"ordType": "conditional", "tpTriggerPx": "51000", "tpTriggerPxType": "last", "tpOrdPx": "50000.1"},
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trigger": Trigger(trail_rate=Decimal("0.01"))},
            {"ordType": "move_order_stop", "callbackRatio": "0.01"},
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trigger": Trigger(trail_ticks=1_000, ticks=520_000)},
            {"ordType": "move_order_stop", "callbackSpread": "100", "activePx": "52000"},
        ),
    ],
)  # fmt: skip
def test_every_form(changes, form, codec):
    ask = codec.place(stop(codec, **changes))

    assert ask.build(NOW_NS).url.endswith("/api/v5/trade/order-algo")
    assert sent(ask) == BASE | form
    assert ask.over is None


def test_on_spot_coins_are_counted(codec):
    form = sent(codec.place(stop(codec, SPOT, side=Side.SELL, lots=1_000_000)))

    assert (form["tdMode"], form["tgtCcy"], form["sz"]) == ("cash", "base_ccy", "0.01")


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        (SWAP, {"time_in_force": TimeInForce.IOC}),
        (SWAP, {"type": OrderType.STOP_LIMIT, "ticks": 1, "post_only": True}),
        (SWAP, {"trigger": None}),
        (SPOT, {"type": OrderType.TRAILING_STOP}),
    ],
)
def test_forms_that_the_venue_does_not_have(key, changes, codec):
    with pytest.raises(UsageError, match="^okx: okx:BTC/USDT"):
        codec.place(stop(codec, key, **changes))


def test_among_others_it_goes_alone(codec):
    assert codec.place_many([intended(codec), stop(codec)]) is None


def test_an_acknowledgement_as_recorded(codec, recorded):
    ask = codec.place(stop(codec))
    (event,) = ask.read(answer(recorded("http_place_algo_order_response")["data"]))

    assert event == OrderAccepted(client_order_id=ID, venue_order_id="algo12345", received_ns=RECEIVED_NS)
    with pytest.raises(Rejected, match=r"Parameter instId error \(51000\)"):
        ask.read(answer(recorded("http_place_algo_order_rejected")["data"]))


def test_it_is_canceled_by_its_own_name(codec, recorded):
    ask = codec.cancel(asleep(codec), 1)

    assert ask.build(NOW_NS).url.endswith("/api/v5/trade/cancel-algos")
    assert sent(ask) == [{"instId": "BTC-USDT-SWAP", "algoId": "77"}]
    assert sent(codec.cancel(asleep(codec, None), 1)) == [{"instId": "BTC-USDT-SWAP", "algoClOrdId": TEXT}]
    assert ask.read(answer(recorded("http_cancel_algo_order_response")["data"])) == []
    (event,) = ask.read(answer([{"algoId": "77", "sCode": "51400", "sMsg": "gone"}], code="1"))
    assert isinstance(event, CancelRejected)


def test_once_awake_it_is_canceled_as_any_order(codec):
    ask = codec.cancel(asleep(codec, "312"), 1)

    assert ask.build(NOW_NS).url.endswith("/api/v5/trade/cancel-order")
    assert sent(ask) == {"instId": "BTC-USDT-SWAP", "ordId": "312"}


def test_it_is_changed(codec):
    limit = asleep(codec, type=OrderType.STOP_LIMIT, ticks=500_000)
    ask = codec.amend(limit, lots=200, ticks=499_999, request=3)

    assert ask.build(NOW_NS).url.endswith("/api/v5/trade/amend-algos")
    assert sent(ask) == {
        "instId": "BTC-USDT-SWAP", "algoId": "77", "reqId": "3", "newSz": "2", "newSlOrdPx": "49999.9",
    }  # fmt: skip
    assert ask.read(answer([{"algoId": "77", "sCode": "0", "reqId": "3"}])) == []
    trailing = asleep(codec, type=OrderType.TRAILING_STOP, trigger=Trigger(trail_ticks=5))
    with pytest.raises(UsageError, match="cancel it"):
        codec.amend(trailing, lots=200, ticks=1, request=3)


# -- asked about --------------------------------------------------------------------------------------------------

ROW = {
    "instType": "SWAP", "instId": "BTC-USDT-SWAP", "algoId": "77", "algoClOrdId": TEXT, "ordId": "", "clOrdId": "",
    "sz": "1", "ordType": "conditional", "side": "buy", "state": "live", "slTriggerPx": "51000", "slOrdPx": "-1",
    "tpTriggerPx": "", "tpOrdPx": "", "actualSz": "", "actualPx": "", "cTime": "1700000000120",
    "uTime": "1700000000131",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name", "status"),
    [
        ({}, "algo77", OrderStatus.OPEN),
        ({"state": "canceled"}, "algo77", OrderStatus.CANCELED),
        ({"state": "order_failed"}, "algo77", OrderStatus.EXPIRED),
        # Under its order's name: that is what is asked for next.
        ({"state": "effective", "ordId": "312"}, "312", OrderStatus.OPEN),
    ],
)
def test_one_that_is_asked_for(changes, name, status, codec):
    (ask,) = codec.order(asleep(codec, None))
    report = ask.read(answer([ROW | changes]))

    assert ask.build(NOW_NS).url.endswith(f"/api/v5/trade/order-algo?algoClOrdId={TEXT}")
    assert (report.client_order_id, report.venue_order_id, report.status) == (ID, name, status)
    assert (report.lots, report.ticks) == (100, None)
    assert ask.read(answer([], code="51603", msg="Order does not exist")) is None
    with pytest.raises(DataError):
        ask.read(answer([ROW | {"state": "weird"}]))


def test_once_awake_it_is_asked_for_as_any_order(codec):
    (ask,) = codec.order(asleep(codec, "312"))

    assert ask.build(NOW_NS).url.endswith("/api/v5/trade/order?instId=BTC-USDT-SWAP&ordId=312")


def test_those_that_sleep_are_among_the_open_orders(codec, recorded):
    _, stops, trailing = codec.open_orders([])

    assert stops.build(NOW_NS).url.endswith("/orders-algo-pending?ordType=conditional%2Coco&limit=100")
    assert trailing.build(NOW_NS).url.endswith("/orders-algo-pending?ordType=move_order_stop&limit=100")
    (report,) = stops.read(answer(recorded("http_get_orders_algo_pending")["data"])).items
    assert (report.client_order_id, report.venue_order_id, report.ticks) == (None, "algo123456789", 400_000)
    page = stops.read(answer([ROW | {"algoId": str(500 - number)} for number in range(100)]))
    assert page.more.build(NOW_NS).url.endswith("&after=401")


# -- told by the stream -------------------------------------------------------------------------------------------

ORDER = {
    "instType": "SWAP", "instId": "BTC-USDT-SWAP", "ordId": "312", "clOrdId": "", "algoId": "77",
    "algoClOrdId": TEXT, "px": "", "sz": "1", "ordType": "market", "side": "buy", "state": "live", "accFillSz": "0",
    "tradeId": "", "fillSz": "0", "cTime": "1700000000120", "uTime": "1700000000131",
}  # fmt: skip
FILLED = {
    "state": "filled", "accFillSz": "1", "fillSz": "1", "fillPx": "51000.5", "tradeId": "9", "fillFee": "-0.1",
    "fillFeeCcy": "USDT", "fillTime": "1700000000130",
}  # fmt: skip


@pytest.fixture
def told(hear):
    def heard(row, channel="orders-algo"):
        return hear({"arg": {"channel": channel, "instType": "ANY"}, "data": [row]}, "stops")

    return heard


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, [OrderAccepted]),
        ({"amendResult": "0", "reqId": "2", "sz": "2"}, [OrderAccepted, OrderAmended]),
        ({"amendResult": "-1", "reqId": "2"}, [OrderAccepted, AmendRejected]),
        ({"state": "effective", "ordId": "312"}, []),
        ({"state": "canceled"}, [OrderCanceled]),
        ({"state": "order_failed", "failCode": "51008"}, [OrderExpired]),
        ({"algoClOrdId": "somebodys"}, []),
        ({"state": "weird"}, [Unread, Missed]),
    ],
)
def test_what_becomes_of_one_that_sleeps(changes, kinds, told):
    for channel in ("orders-algo", "algo-advance"):
        assert [type(event) for event in told(ROW | changes, channel)] == kinds


def test_one_that_wakes_goes_on_under_its_orders_name(codec, told):
    """Whatever is heard first, and however often."""
    rows = [(ORDER, "orders"), (ORDER | FILLED, "orders"), (ROW, "orders-algo"),
            (ROW | {"state": "effective", "ordId": "312"}, "orders-algo")]  # fmt: skip
    for order in ((0, 1, 2, 3), (2, 3, 0, 1), (1, 2, 0, 3, 1, 0), (2, 1)):
        state = OrderState(intent=stop(codec), sent=True)
        for number in order:
            for event in told(*rows[number]):
                state = apply(state, event).state

        assert state.status is OrderStatus.FILLED
        assert state.venue_order_id == "312"
        assert [fill.trade_id for fill in state.fills] == ["9"]


def test_a_cancel_that_came_too_late_does_not_end_the_order(codec, told):
    state = OrderState(intent=stop(codec), sent=True)
    for row, channel in (
        (ROW, "orders-algo"),
        (ORDER, "orders"),
        (ROW | {"state": "canceled"}, "orders-algo"),
    ):
        for event in told(row, channel):
            state = apply(state, event).state

    assert state.status is OrderStatus.OPEN


def test_recorded_rows(recorded, hear):
    message = recorded("ws_orders_algo")
    assert hear(message, "stops") == []

    for row in message["data"]:
        row["algoClOrdId"] = TEXT
    assert not [event for event in hear(message, "stops") if isinstance(event, Unread)]
    order = recorded("ws_orders_trigger")
    order["data"][0] |= {"algoId": "706620792746729474", "algoClOrdId": TEXT}
    kinds = [type(event) for event in hear(order, "private")]
    assert kinds == [OrderAmended, OrderFilled, OrderCompleted]
