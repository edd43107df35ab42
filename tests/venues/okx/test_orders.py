"""Orders: the forms in which they are asked for, what the answers mean, what the stream tells of them."""

import json

import pytest

from kit.okx import NOW_NS, RECEIVED_NS, SPOT, SWAP, answer, intended, made
from xtrade.model.errors import (
    AuthFailed,
    DataError,
    InDoubt,
    RateLimited,
    Rejected,
    Unavailable,
    UsageError,
    VenueError,
)
from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.venues.codec import Unread
from xtrade.venues.meanings import ClockOff, Meaning
from xtrade.venues.okx.spec import CODES
from xtrade.venues.streams import Missed

ID = 1_763_600_000_123_456_789
TEXT = f"xt{ID}"
MS = 1_000_000


def sent(ask):
    return json.loads(ask.build(NOW_NS).body)


def ack(code="0", text="", order="312", name=TEXT, **more):
    return {
        "ordId": order,
        "clOrdId": name,
        "tag": "",
        "ts": "1695190491421",
        "sCode": code,
        "sMsg": text,
    } | more


# -- placed -------------------------------------------------------------------------------------------------------

LIMIT = {
    "instId": "BTC-USDT-SWAP",
    "tdMode": "cross",
    "clOrdId": TEXT,
    "side": "buy",
    "px": "50000",
    "sz": "1",
}
PAIR = {"instId": "BTC-USDT", "tdMode": "cash", "clOrdId": TEXT}


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        ({}, LIMIT | {"ordType": "limit"}),
        ({"side": Side.SELL, "ticks": 500_001}, LIMIT | {"ordType": "limit", "side": "sell", "px": "50000.1"}),
        ({"time_in_force": TimeInForce.IOC}, LIMIT | {"ordType": "ioc"}),
        ({"time_in_force": TimeInForce.FOK}, LIMIT | {"ordType": "fok"}),
        ({"post_only": True}, LIMIT | {"ordType": "post_only"}),
        ({"reduce_only": True}, LIMIT | {"ordType": "limit", "reduceOnly": True}),
        (
            {"type": OrderType.MARKET, "lots": 1},
            {"instId": "BTC-USDT-SWAP", "tdMode": "cross", "clOrdId": TEXT, "side": "buy", "ordType": "market",
             "sz": "0.01"},
        ),
        (
            {"key": SPOT, "lots": 12_345},
            PAIR | {"side": "buy", "ordType": "limit", "px": "50000", "sz": "0.00012345"},
        ),
        (
            {"key": SPOT, "type": OrderType.MARKET, "lots": 100_000, "side": Side.SELL},
            PAIR | {"side": "sell", "ordType": "market", "sz": "0.001", "tgtCcy": "base_ccy", "banAmend": True},
        ),
        (
            {"key": SPOT, "type": OrderType.MARKET, "quote_amount": "25.5"},
            PAIR | {"side": "buy", "ordType": "market", "sz": "25.5", "tgtCcy": "quote_ccy", "banAmend": True},
        ),
    ],
)  # fmt: skip
def test_every_form_of_order(changes, form, codec):
    ask = codec.place(intended(codec, **changes))

    assert ask.build(NOW_NS).url.endswith("/api/v5/trade/order")
    assert sent(ask) == form


@pytest.mark.parametrize(
    "changes",
    [
        {"type": OrderType.STOP_MARKET, "ticks": None},
        {"time_in_force": TimeInForce.GTD, "expires_ns": 1},
        {"key": SPOT, "reduce_only": True},
        {"type": OrderType.MARKET, "time_in_force": TimeInForce.FOK},
        {"type": OrderType.MARKET, "quote_amount": "25"},
    ],
)
def test_forms_that_the_venue_does_not_have_are_not_sent(changes, codec):
    with pytest.raises(UsageError, match="^okx: okx:BTC/USDT"):
        codec.place(intended(codec, **changes))


def test_through_the_socket_a_market_is_a_number(codec):
    ask = codec.place(intended(codec, valid_until_ns=1_700_000_000_999_000_000))
    number, frame = ask.over.frame(NOW_NS)
    message = json.loads(frame)

    assert message["id"] == number
    assert number.isalnum()
    assert len(number) <= 32
    assert message["op"] == "order"
    assert message["expTime"] == "1700000000999"
    assert ("expTime", "1700000000999") in ask.build(NOW_NS).headers
    assert message["args"] == [
        {name: value for name, value in sent(ask).items() if name != "instId"} | {"instIdCode": 10459}
    ]


def test_on_demo_orders_go_by_http():
    codec = made("testnet")

    assert codec.place(intended(codec)).over is None
    assert made().place(intended(codec)).over is not None


def test_an_acknowledgement(codec):
    ask = codec.place(intended(codec))

    assert ask.read(answer([ack()])) == [
        OrderAccepted(
            client_order_id=ID,
            venue_order_id="312",
            venue_ns=1_695_190_491_421 * MS,
            received_ns=RECEIVED_NS,
        )
    ]


def test_the_same_through_the_socket(codec, hear):
    ask = codec.place(intended(codec))
    number, _ = ask.over.frame(NOW_NS)
    (said,) = hear(
        {"id": number, "op": "order", "code": "1", "msg": "", "data": [ack("51008", "no USDT", "")]},
        "private",
    )

    assert said.id == number
    with pytest.raises(Rejected, match=r"no USDT \(51008\)"):
        ask.read(said.answer)


MEANT = {
    Meaning.REFUSED: Rejected,
    Meaning.GONE: Rejected,
    Meaning.WAIT: RateLimited,
    Meaning.KEY: AuthFailed,
    Meaning.CLOCK: ClockOff,
    Meaning.DOUBT: InDoubt,
    Meaning.CLOSED: Unavailable,
}


@pytest.mark.parametrize(("code", "meaning"), [*CODES.items(), ("59999", Meaning.REFUSED)])
def test_what_every_code_means_for_an_order(code, meaning, codec):
    place = codec.place(intended(codec))

    for said in (
        answer([ack(code, "the venue's words", "")], code="1"),
        answer([], code=code, msg="the venue's words", status=400),
    ):
        with pytest.raises(VenueError, match="the venue's words") as error:
            place.read(said)
        assert type(error.value) is MEANT[meaning]
        assert error.value.code == code
        assert error.value.text == "the venue's words"


@pytest.mark.parametrize(("code", "meaning"), CODES.items())
def test_a_question_leaves_nothing_in_doubt(code, meaning, codec):
    ask = codec.balances()[0]
    expected = Unavailable if meaning is Meaning.DOUBT else MEANT[meaning]

    with pytest.raises(VenueError) as error:
        ask.read(answer([], code=code, msg="no"))
    assert type(error.value) is expected


def test_a_kind_of_refusal_is_named(codec):
    said = answer([ack("51008", "no margin", "", subCode="51008_1000")], code="1")

    with pytest.raises(Rejected) as error:
        codec.place(intended(codec)).read(said)
    assert error.value.code == "51008_1000"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"{}", b'{"code":"0","data":[]}', b'{"code":"0","data":[{}]}', b"[]", b"\xff"],
)
@pytest.mark.parametrize("status", [200, 403, 502])
def test_an_answer_that_makes_no_sense(body, status, codec, ours):
    commands = [
        codec.place(intended(codec)),
        codec.place_many([intended(codec)]),
        codec.cancel(ours, 1),
        codec.amend(ours, lots=1, ticks=1, request=1),
    ]
    for ask in commands:
        with pytest.raises(InDoubt) as doubt:
            ask.read(answer(body, status=status))
        assert "\n" not in str(doubt.value)


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"{}", b"[]", b"\xff", b'{"code":"0","data":{}}'])
def test_a_question_answered_with_nonsense(body, codec):
    for ask in (codec.balances()[0], codec.listings()[0], codec.book(SWAP, 5), codec.positions()[0]):
        with pytest.raises(DataError):
            ask.read(answer(body))
        with pytest.raises(Unavailable, match="HTTP 502"):
            ask.read(answer(body, status=502))


def test_several_orders(codec):
    intents = [intended(codec, client_order_id=ID + number) for number in range(4)]
    ask = codec.place_many(intents)
    said = answer(
        [
            ack("51121", "not a lot multiple", "", f"xt{ID + 2}"),
            ack("0", "", "313", f"xt{ID}"),
            ack("51016", "taken", "", f"xt{ID + 3}"),
        ],
        code="2",
    )

    assert [(type(event), event.client_order_id - ID) for event in ask.read(said)] == [
        (OrderAccepted, 0),
        (OrderInDoubt, 1),
        (OrderRejected, 2),
        (OrderInDoubt, 3),
    ]
    assert [form["clOrdId"] for form in sent(ask)] == [f"xt{ID + number}" for number in range(4)]
    assert [cost.weight for cost in ask.costs] == [4, 4]
    number, frame = ask.over.frame(NOW_NS)
    assert json.loads(frame)["op"] == "batch-orders"
    assert len(number) <= 32


# -- changed and canceled -----------------------------------------------------------------------------------------


def test_a_cancel_names_the_order_as_surely_as_it_can(codec, ours):
    assert sent(codec.cancel(ours, 1)) == {"instId": "BTC-USDT-SWAP", "clOrdId": TEXT}
    known = codec.cancel(ours._replace(venue_order_id="312"), 1)
    assert sent(known) == {"instId": "BTC-USDT-SWAP", "ordId": "312"}
    number, frame = known.over.frame(NOW_NS)
    assert json.loads(frame) == {
        "id": number,
        "op": "cancel-order",
        "args": [{"instIdCode": 10459, "ordId": "312"}],
    }


def test_a_cancel_that_is_accepted_has_ended_nothing_yet(codec, ours):
    assert codec.cancel(ours, 1).read(answer([ack()])) == []


def test_a_cancel_that_comes_too_late_is_refused(codec, ours):
    (event,) = codec.cancel(ours, 3).read(
        answer([ack("51400", "Cancellation failed as the order does not exist.")], code="1")
    )

    assert isinstance(event, CancelRejected)
    assert event.request == 3
    assert "51400" in event.reason


def test_an_amendment(codec, ours):
    ask = codec.amend(ours, lots=250, ticks=499_999, request=2)

    assert sent(ask) == {
        "instId": "BTC-USDT-SWAP",
        "clOrdId": TEXT,
        "reqId": "2",
        "newSz": "2.5",
        "newPx": "49999.9",
    }
    assert ask.read(answer([ack()])) == []
    (event,) = ask.read(answer([ack("51510", "filled")], code="1"))
    assert isinstance(event, AmendRejected)
    assert event.request == 2


@pytest.mark.parametrize("code", ["50011", "50102", "50113", "50004"])
def test_what_is_not_about_the_order_does_not_refuse_its_change(code, codec, ours):
    for ask in (codec.cancel(ours, 1), codec.amend(ours, lots=1, ticks=1, request=1)):
        with pytest.raises(VenueError):
            ask.read(answer([ack(code, "not now")], code="1"))


def test_the_countdown(codec):
    (ask,) = codec.countdown(30, [])

    assert sent(ask) == {"timeOut": "30"}
    ask.read(answer([{"triggerTime": "1587971460", "tag": "", "ts": "1587971400"}]))
    with pytest.raises(Rejected):
        ask.read(answer([], code="51000", msg="timeOut"))


# -- asked about --------------------------------------------------------------------------------------------------

ROW = {
    "instType": "SWAP", "instId": "BTC-USDT-SWAP", "ordId": "312", "clOrdId": TEXT, "tag": "", "px": "50000",
    "sz": "1", "ordType": "limit", "side": "buy", "posSide": "net", "tdMode": "cross", "accFillSz": "0",
    "avgPx": "", "fillPx": "", "fillSz": "0", "tradeId": "", "fillTime": "", "state": "live", "lever": "5",
    "fee": "0", "feeCcy": "USDT", "category": "normal", "reduceOnly": "false", "cancelSource": "",
    "amendResult": "", "reqId": "", "code": "0", "msg": "", "cTime": "1700000000120", "uTime": "1700000000131",
}  # fmt: skip
FILLED = {
    "accFillSz": "0.4", "avgPx": "49997.5", "fillPx": "49997.5", "fillSz": "0.4", "tradeId": "57",
    "fillTime": "1700000000130", "fillFee": "-0.0999", "fillFeeCcy": "USDT", "execType": "T",
    "state": "partially_filled", "fee": "-0.0999",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "filled"),
    [
        ({}, OrderStatus.OPEN, 0),
        (FILLED, OrderStatus.PARTIAL, 40),
        (FILLED | {"state": "filled", "accFillSz": "1"}, OrderStatus.FILLED, 100),
        ({"state": "canceled", "cancelSource": "1"}, OrderStatus.CANCELED, 0),
        ({"state": "canceled", "cancelSource": "31"}, OrderStatus.EXPIRED, 0),
        ({"state": "mmp_canceled"}, OrderStatus.CANCELED, 0),
    ],
)
def test_an_order_as_it_is_told(changes, status, filled, codec, ours):
    (ask,) = codec.order(ours)
    report = ask.read(answer([ROW | changes]))

    assert ask.build(NOW_NS).url.endswith(f"/api/v5/trade/order?instId=BTC-USDT-SWAP&clOrdId={TEXT}")
    assert (report.client_order_id, report.venue_order_id) == (ID, "312")
    assert (report.status, report.filled_lots, report.lots, report.ticks) == (status, filled, 100, 500_000)


def test_an_order_that_is_not_there(codec, ours):
    (ask,) = codec.order(ours)

    assert ask.read(answer([], code="51603", msg="Order does not exist")) is None
    assert ask.read(answer([])) is None
    with pytest.raises(Rejected):
        ask.read(answer([], code="51000", msg="wrong"))


def test_an_order_of_somebody_else_is_reported_and_not_taken_for_ours(codec):
    ask, *_ = codec.open_orders([])
    page = ask.read(answer([ROW | {"clOrdId": "6b9ad766b55dBCDE12"}, ROW | {"instId": "BTC-USD-SWAP"}]))

    assert [report.client_order_id for report in page.items] == [None]
    assert page.more is None


def test_open_orders_come_in_pages(codec):
    ask, *_ = codec.open_orders([])
    page = ask.read(answer([ROW | {"ordId": str(500 - number)} for number in range(100)]))

    assert len(page.items) == 100
    assert page.more.build(NOW_NS).url.endswith("/orders-pending?limit=100&after=401")


def test_what_an_amount_bought_is_known_by_its_fills(codec):
    ask, *_ = codec.open_orders([])
    row = (
        ROW
        | FILLED
        | {"instId": "BTC-USDT", "sz": "25", "ordType": "market", "tgtCcy": "quote_ccy", "px": ""}
    )
    (report,) = ask.read(answer([row])).items

    assert report.lots == report.filled_lots == 40_000_000
    assert report.ticks is None


def fill_row(number, **changes):
    return {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "tradeId": str(number), "ordId": "312", "clOrdId": TEXT,
        "billId": str(9_000 + number), "tag": "", "fillPx": "49997.5", "fillSz": "0.4", "side": "buy",
        "posSide": "net", "execType": "T", "fee": "-0.0999", "feeCcy": "USDT", "fillPnl": "0",
        "fillTime": str(1_700_000_000_000 + number), "ts": str(1_700_000_000_000 + number),
    } | changes  # fmt: skip


def test_fills_come_in_pages_of_each_kind(codec):
    since_ns = 1_700_000_000_000 * MS
    spot, swap = codec.fills(since_ns, [])
    url = swap.build(since_ns + 60 * 10**9).url

    assert "/api/v5/trade/fills?instType=SWAP&limit=100&begin=1700000000000" in url
    assert "/api/v5/trade/fills-history?instType=SPOT" in spot.build(since_ns + 4 * 86_400 * 10**9).url
    page = swap.read(answer([fill_row(100 - number) for number in range(100)]))
    assert [report.fill.trade_id for report in page.items] == [str(number) for number in range(1, 101)]
    assert "after=9001" in page.more.build(since_ns).url
    assert page.more.read(answer([])).more is None


def test_a_fill(codec):
    _, ask = codec.fills(0, [])
    (report,) = ask.read(answer([fill_row(57), fill_row(58, instId="BTC-USD-SWAP")])).items

    assert (report.instrument, report.client_order_id, report.venue_order_id) == (SWAP, ID, "312")
    assert (report.fill.ticks, report.fill.lots, report.fill.side) == (499_975, 40, Side.BUY)
    assert report.fill.fee == Money.of("0.0999", "USDT")
    assert report.fill.maker is False


def test_a_fill_that_cannot_be_counted_is_an_error_if_it_is_ours(codec):
    _, ask = codec.fills(0, [])
    off = fill_row(57, fillPx="49997.55")

    assert ask.read(answer([off | {"clOrdId": "somebodys"}])).items == ()
    with pytest.raises(DataError, match="trade 57"):
        ask.read(answer([off]))


def test_a_rebate_is_below_zero(codec):
    _, ask = codec.fills(0, [])
    (report,) = ask.read(answer([fill_row(57, fee="0.01", execType="M")])).items

    assert report.fill.fee == -Money.of("0.01", "USDT")
    assert report.fill.maker is True


# -- told by the stream -------------------------------------------------------------------------------------------


@pytest.fixture
def orders(hear):
    return lambda *changes: hear(
        {
            "arg": {"channel": "orders", "instType": "ANY", "uid": "614"},
            "data": [ROW | each for each in changes],
        },
        "private",
    )


def told(events):
    return [type(event).__name__ for event in events]


def test_an_order_that_rests(orders):
    assert orders({}) == [
        OrderAccepted(
            client_order_id=ID,
            venue_order_id="312",
            venue_ns=1_700_000_000_131 * MS,
            received_ns=RECEIVED_NS,
        )
    ]


def test_a_fill_is_told_by_its_trade(orders):
    (event,) = orders(FILLED)

    assert isinstance(event, OrderFilled)
    assert event.cumulative_lots == 40
    assert (event.fill.trade_id, event.fill.ticks, event.fill.lots) == ("57", 499_975, 40)
    assert event.fill.fee == Money.of("0.0999", "USDT")
    assert event.fill.maker is False
    assert event.fill.venue_ns == 1_700_000_000_130 * MS


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (FILLED | {"state": "filled", "accFillSz": "1"}, ["OrderFilled", "OrderCompleted"]),
        ({"state": "filled", "accFillSz": "1", "fillSz": "0"}, ["OrderCompleted"]),
        ({"state": "filled", "accFillSz": "1", "tradeId": "0", "fillSz": "1"}, ["OrderCompleted"]),
        ({"state": "canceled", "cancelSource": "1"}, ["OrderCanceled"]),
        ({"state": "canceled", "cancelSource": "14", "accFillSz": "0.4"}, ["OrderExpired"]),
        ({"clOrdId": "", "state": "canceled"}, []),
        (FILLED | {"clOrdId": "somebodys1"}, []),
        ({"instId": "BTC-USD-SWAP"}, []),
    ],
)
def test_what_becomes_of_orders(changes, names, orders):
    assert told(orders(changes)) == names


@pytest.mark.parametrize("source", ["13", "14", "31", "32"])
def test_what_ends_by_its_own_terms_expires(source, orders):
    (event,) = orders({"state": "canceled", "cancelSource": source, "accFillSz": "0.4"})

    assert isinstance(event, OrderExpired)
    assert event.cumulative_lots == 40
    assert event.reason


@pytest.mark.parametrize("source", ["", "0", "1", "2", "6", "20", "33", "77"])
def test_what_is_ended_is_canceled_with_a_reason(source, orders):
    (event,) = orders({"state": "canceled", "cancelSource": source, "code": "51234", "msg": "because"})

    assert isinstance(event, OrderCanceled)
    assert event.reason
    assert source == "1" or "because (51234)" in event.reason


def test_a_change_that_was_made(orders):
    accepted, event = orders({"amendResult": "0", "reqId": "4", "px": "49999.9", "sz": "2"})

    assert isinstance(accepted, OrderAccepted)
    assert isinstance(event, OrderAmended)
    assert (event.request, event.lots, event.ticks) == (4, 200, 499_999)


def test_a_change_that_was_not(orders):
    _, event = orders({"amendResult": "-1", "reqId": "4", "code": "51503", "msg": "gone"})

    assert isinstance(event, AmendRejected)
    assert (event.request, event.reason) == (4, "gone (51503)")


def test_a_change_by_the_venue_is_nobodys_request(orders):
    _, event = orders({"amendSource": "4", "sz": "0.5"})

    assert isinstance(event, OrderAmended)
    assert (event.request, event.lots) == (None, 50)


@pytest.mark.parametrize("changes", [{"state": "weird"}, {"uTime": "x"}, FILLED | {"fillPx": "49997.55"}])
def test_an_order_that_cannot_be_read_costs_the_others_nothing_and_is_asked_for(changes, orders):
    said = orders(changes, {"clOrdId": f"xt{ID + 1}"})

    assert [type(each) for each in said] == [Unread, Missed, OrderAccepted]


def test_a_message_that_cannot_be_read_is_asked_for(hear):
    said = hear('{"arg":{"channel":"orders","instType":"ANY"},"data":[{"ordId":7}]}', "private")

    assert [type(each) for each in said] == [Unread, Missed]


@pytest.mark.parametrize(
    "name",
    ["ws_orders", "ws_orders_ioc", "ws_orders_fok", "ws_orders_adl", "ws_orders_liquidation",
     "ws_orders_trigger", "ws_orders_option"],
)  # fmt: skip
def test_recorded_rows_are_read_whoever_entered_them(name, recorded, hear):
    message = recorded(name)
    assert hear(message, "private") == []

    for row in message["data"]:
        row["clOrdId"] = TEXT
    events = hear(message, "private")
    known = [row for row in message["data"] if row["instId"] in {"BTC-USDT", "BTC-USDT-SWAP"}]
    fills = [event for event in events if isinstance(event, OrderFilled)]

    assert [event.fill.trade_id for event in fills] == [row["tradeId"] for row in known if row["tradeId"]]
    assert not any(isinstance(event, Unread) for event in events)


@pytest.mark.parametrize("name", ["http_get_orders_history", "http_get_orders_pending"])
def test_recorded_orders_are_read(name, recorded, codec):
    rows = recorded(name)["data"]
    page = codec.open_orders([])[0].read(answer(rows))

    assert [report.venue_order_id for report in page.items] == [
        row["ordId"] for row in rows if row["instId"] in {"BTC-USDT", "BTC-USDT-SWAP"}
    ]
    assert all(report.client_order_id is None for report in page.items)
