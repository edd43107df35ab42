"""What OKX's sockets say."""

import json
from decimal import Decimal

import pytest

from kit.okx import RECEIVED_NS, SPOT, SWAP, made
from xtrade.model.events import Bar, Funding, MarkPrice, Trade
from xtrade.model.sides import Side
from xtrade.venues.abilities import Feed
from xtrade.venues.codec import Unread
from xtrade.venues.okx.spec import SPEC
from xtrade.venues.streams import (
    Answered,
    BookPart,
    Leaving,
    LoggedIn,
    Refused,
    Subscribed,
    Topic,
)

MS = 1_000_000
ARG = {"channel": "books", "instId": "BTC-USDT-SWAP"}


def book(action="update", **changes):
    row = {
        "asks": [["60000.1", "5.01", "0", "2"]],
        "bids": [["60000", "0", "0", "0"], ["59999.9", "12", "0", "3"]],
        "ts": "1700000000123",
        "checksum": 0,
        "prevSeqId": 10,
        "seqId": 15,
    }
    return {"arg": ARG, "action": action, "data": [row | changes]}


def test_a_change_of_a_book(hear):
    (part,) = hear(book())

    assert part == BookPart(
        instrument=SWAP,
        bids=part.bids,
        asks=part.asks,
        whole=False,
        last=15,
        previous=10,
        venue_ns=1_700_000_000_123 * MS,
        received_ns=RECEIVED_NS,
    )
    assert list(part.bids) == [(600_000, 0), (599_999, 1_200)]
    assert list(part.asks) == [(600_001, 501)]


def test_a_book_begins_with_all_of_it(hear):
    (part,) = hear(book("snapshot", prevSeqId=-1))

    assert part.whole
    assert (part.last, part.previous) == (15, -1)


def test_a_sign_of_life_is_a_change_of_nothing(hear):
    (part,) = hear(book(asks=[], bids=[], prevSeqId=15))

    assert len(part.bids) == len(part.asks) == 0
    assert part.last == part.previous == 15


@pytest.mark.parametrize(
    "message",
    [
        book(asks=[["60000.15", "1", "0", "1"]]),
        book(asks=[["60000.1"]]),
        book(bids=[["59999.9", "0.001", "0", "1"]]),
        book(asks=[["NaN", "1", "0", "1"]]),
        book("something"),
        book(seqId="15"),
        book() | {"arg": {"channel": "books", "instId": "ETH-USDT-SWAP"}},
        {"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": []},
        {"event": "surprise"},
        {},
        "[]",
        "",
        "ping",
    ],
)
def test_what_makes_no_sense_is_said_to_make_none(message, hear):
    said = hear(message)

    assert [type(each) for each in said] == [Unread]
    assert said[0].reason.startswith("okx: ")
    assert "\n" not in said[0].reason


def test_trades(hear):
    row = {"instId": "BTC-USDT", "tradeId": "130639474", "px": "42219.9", "sz": "0.12060306", "side": "buy"}
    said = hear(
        {
            "arg": {"channel": "trades", "instId": "BTC-USDT"},
            "data": [row | {"ts": "1630048897897", "count": "3"}],
        }
    )

    assert said == [
        Trade(
            instrument=SPOT,
            trade_id="130639474",
            ticks=422_199,
            lots=12_060_306,
            taker=Side.BUY,
            venue_ns=1_630_048_897_897 * MS,
            received_ns=RECEIVED_NS,
        )
    ]


def test_marks(hear):
    row = {"instType": "SWAP", "instId": "BTC-USDT-SWAP", "markPx": "42310.63", "ts": "1630049139746"}
    said = hear({"arg": {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}, "data": [row]})

    assert said == [
        MarkPrice(
            instrument=SWAP,
            mark=Decimal("42310.63"),
            venue_ns=1_630_049_139_746 * MS,
            received_ns=RECEIVED_NS,
        )
    ]


def test_funding(hear):
    row = {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "method": "current_period",
        "fundingRate": "0.0001",
        "nextFundingRate": "",
        "fundingTime": "1700006400000",
        "nextFundingTime": "1700035200000",
        "settState": "settled",
        "settFundingRate": "0.00008",
        "ts": "1700000000000",
    }
    said = hear({"arg": {"channel": "funding-rate", "instId": "BTC-USDT-SWAP"}, "data": [row]})

    assert said == [
        Funding(
            instrument=SWAP,
            rate=Decimal("0.0001"),
            next_ns=1_700_006_400_000 * MS,
            interval_ns=8 * 3_600 * 10**9,
            venue_ns=1_700_000_000_000 * MS,
            received_ns=RECEIVED_NS,
        )
    ]


@pytest.mark.parametrize(("confirm", "closed"), [("0", False), ("1", True)])
def test_bars(confirm, closed, hear):
    row = ["1597026360000", "8533.0", "8553.7", "8527.1", "8548.2", "45247", "529.5", "5529.5", confirm]
    said = hear({"arg": {"channel": "candle1m", "instId": "BTC-USDT-SWAP"}, "data": [row]}, "business")

    assert said == [
        Bar(
            instrument=SWAP,
            start_ns=1_597_026_360_000 * MS,
            interval_ns=60 * 10**9,
            open_ticks=85_330,
            high_ticks=85_537,
            low_ticks=85_271,
            close_ticks=85_482,
            volume_lots=4_524_700,
            closed=closed,
            received_ns=RECEIVED_NS,
        )
    ]


# -- about the connection -----------------------------------------------------------------------------------------


def test_what_is_subscribed_to(codec):
    topics = codec.topics(SWAP, frozenset(Feed))

    assert {(topic.line, topic.name) for topic in topics} == {
        ("public", "books:BTC-USDT-SWAP"),
        ("public", "trades:BTC-USDT-SWAP"),
        ("public", "mark-price:BTC-USDT-SWAP"),
        ("public", "funding-rate:BTC-USDT-SWAP"),
        ("business", "candle1m:BTC-USDT-SWAP"),
    }
    assert all(topic.key == SWAP for topic in topics)
    assert [topic.name for topic in codec.topics(SPOT, {Feed.BOOK})] == ["books:BTC-USDT"]


def test_subscribing_names_channel_and_market(codec):
    topics = codec.topics(SWAP, {Feed.BOOK, Feed.TRADES})
    (frame,) = codec.subscribe(SPEC.line("public"), topics, 7, 0)

    assert json.loads(frame) == {
        "id": "7",
        "op": "subscribe",
        "args": [
            {"channel": "books", "instId": "BTC-USDT-SWAP"},
            {"channel": "trades", "instId": "BTC-USDT-SWAP"},
        ],
    }
    (frame,) = codec.unsubscribe(SPEC.line("public"), topics[:1], 8)
    assert json.loads(frame)["op"] == "unsubscribe"


def test_private_topics_are_of_all_kinds_of_market(codec):
    line = SPEC.line("private")
    (frame,) = codec.subscribe(line, codec.private_topics(line), 1, 0)

    assert json.loads(frame)["args"] == [
        {"channel": "orders", "instType": "ANY"},
        {"channel": "account"},
        {"channel": "positions", "instType": "ANY"},
    ]
    assert codec.private_topics(SPEC.line("public")) == []


def test_every_topic_is_confirmed_under_the_name_that_was_asked_for(codec, hear):
    for name in ("public", "business", "private", "stops"):
        line = SPEC.line(name)
        topics = [*codec.topics(SWAP, frozenset(Feed)), *codec.private_topics(line)]
        for topic in [topic for topic in topics if topic.line == name]:
            (frame,) = codec.subscribe(line, [topic], 1, 0)
            (arg,) = json.loads(frame)["args"]
            said = hear({"id": "1", "event": "subscribe", "arg": arg, "connId": "a4d3ae55"}, name)

            assert said == [Subscribed((topic.name,))]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("pong", []),
        ({"event": "unsubscribe", "arg": ARG, "connId": "a"}, []),
        ({"event": "channel-conn-count", "channel": "orders", "connCount": "2", "connId": "a"}, []),
        ({"event": "login", "code": "0", "msg": "", "connId": "a"}, [LoggedIn()]),
        (
            {"event": "error", "code": "60009", "msg": "Login failed.", "connId": "a"},
            [Refused((), "60009", "Login failed.", login=True)],
        ),
        (
            {"event": "error", "code": "60032", "msg": "API key doesn't exist", "connId": "a"},
            [Refused((), "60032", "API key doesn't exist", login=True)],
        ),
        (
            {"event": "error", "code": "60018", "msg": "no such channel", "connId": "a", "id": "3"},
            [Refused((), "60018", "no such channel")],
        ),
        (
            {"event": "error", "arg": ARG, "code": "64003", "msg": "your tier", "connId": "a"},
            [Refused(("books:BTC-USDT-SWAP",), "64003", "your tier")],
        ),
        (
            {"event": "channel-conn-count-error", "channel": "orders", "connCount": "31", "connId": "a"},
            [Refused(("orders",), "", "too many connections")],
        ),
        (
            {"event": "notice", "code": "64008", "msg": "The connection will soon be closed", "connId": "a"},
            [Leaving(30_000, "The connection will soon be closed")],
        ),
    ],
)
def test_events_of_a_connection(message, said, hear):
    assert hear(message) == said


def test_an_answer_is_known_by_its_name(hear):
    (said,) = hear({"id": "p17", "op": "order", "code": "0", "msg": "", "data": []}, "private")

    assert isinstance(said, Answered)
    assert said.id == "p17"
    assert json.loads(said.answer.body)["op"] == "order"


def test_an_error_that_names_a_command_is_its_answer(hear):
    (said,) = hear({"id": "p17", "event": "error", "code": "60011", "msg": "Please log in"}, "private")

    assert isinstance(said, Answered)
    assert said.id == "p17"


def test_lines_are_kept_alive_as_the_venue_wants():
    for line in SPEC.lines:
        assert line.keepalive.payload() == b"ping"
        assert line.keepalive.every_ms < 30_000
    assert [line.name for line in SPEC.lines if line.logs_in] == ["private", "stops"]


def test_where_the_lines_go():
    codec = made("testnet")

    assert codec.address(SPEC.line("public"), "") == "wss://wspap.okx.com:8443/ws/v5/public"
    assert made().address(SPEC.line("private"), "") == "wss://ws.okx.com:8443/ws/v5/private"
    assert SPEC.at("live", "http://127.0.0.1:9001")["business"] == "ws://127.0.0.1:9001/ws/v5/business"
    assert SPEC.line("business").topics_max
    assert Topic("public", "a") != Topic("business", "a")


# -- as recorded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "line", "kind"),
    [
        ("ws_trades", "public", Trade),
        ("ws_funding_rate", "public", Funding),
        ("ws_books_update", "public", BookPart),
        ("ws_books_snapshot", "public", BookPart),
    ],
)
def test_recorded_messages_are_understood(name, line, kind, recorded, hear, codec):
    message = recorded(name)
    if kind is not Funding:
        message["arg"]["instId"] = "OLD-USDT"
    said = hear(message, line)

    assert said
    assert all(isinstance(each, kind) for each in said), said
