"""Public streams of Binance: what is subscribed to, and what the messages mean."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, strategies as st

from kit.binance import NOW_NS, PERPETUAL, SPOT, answer, codec, line, payload
from xtrade.model.events import Bar, Funding, MarkPrice
from xtrade.model.sides import Side
from xtrade.venues.abilities import Feed
from xtrade.venues.book_sync import BookSync
from xtrade.venues.codec import Unread
from xtrade.venues.streams import Leaving, Refused, Subscribed, Topic

MS = 1_000_000
venue = codec(key=False)


def heard(name, wire):
    return venue.hear(line(name), wire if isinstance(wire, bytes) else msgspec.json.encode(wire), NOW_NS)


def test_topics_of_spot():
    assert venue.topics(SPOT, frozenset(Feed)) == [
        Topic("spot market", "btcusdt@depth@100ms", SPOT),
        Topic("spot market", "btcusdt@trade", SPOT),
        Topic("spot market", "btcusdt@kline_1m", SPOT),
    ]


def test_topics_of_futures_are_on_the_route_that_carries_them():
    assert venue.topics(PERPETUAL, frozenset(Feed)) == [
        Topic("usdm book", "btcusdt@depth@100ms", PERPETUAL),
        Topic("usdm market", "btcusdt@aggTrade", PERPETUAL),
        Topic("usdm market", "btcusdt@markPrice@1s", PERPETUAL),
        Topic("usdm market", "btcusdt@kline_1m", PERPETUAL),
    ]
    assert venue.topics(PERPETUAL, {Feed.FUNDING}) == venue.topics(PERPETUAL, {Feed.MARKS})


def test_subscribing_in_messages_of_a_hundred():
    topics = [Topic("spot market", f"s{number}@trade") for number in range(150)]

    first, second = map(msgspec.json.decode, venue.subscribe(line("spot market"), topics, 7, NOW_NS))
    [end] = map(msgspec.json.decode, venue.unsubscribe(line("spot market"), topics[:1], 8))

    assert (first["method"], len(first["params"]), len(second["params"])) == ("SUBSCRIBE", 100, 50)
    assert first["id"] != second["id"]
    assert end == {"method": "UNSUBSCRIBE", "params": ["s0@trade"], "id": "end-8-0"}


def test_answers_to_subscriptions():
    assert heard("spot market", {"result": None, "id": "end-8-0"}) == []
    assert heard("spot market", {"result": None, "id": "1-0"}) == [Subscribed()]
    assert heard("spot market", {"code": 2, "msg": "Invalid request"}) == [
        Refused((), "2", "Invalid request")
    ]
    assert heard("usdm book", {"error": {"code": 3, "msg": "Invalid JSON"}, "id": 1}) == [
        Refused((), "3", "Invalid JSON")
    ]


def test_a_change_of_a_spot_book():
    [part] = heard(
        "spot market",
        {
            "e": "depthUpdate",
            "E": 9,
            "s": "BTCUSDT",
            "U": 157,
            "u": 160,
            "b": [["1.02", "0.00001"]],
            "a": [["2", "0"]],
        },
    )

    assert (part.instrument, part.first, part.last, part.previous) == (SPOT, 157, 160, None)
    assert list(part.bids) == [(102, 1)]
    assert list(part.asks) == [(200, 0)]
    assert (part.venue_ns, part.received_ns, part.whole) == (9 * MS, NOW_NS, False)


def test_the_recorded_change_of_a_futures_book():
    body = payload("futures/market_data_json/depth_update_stream.json")
    [part] = heard("usdm book", body.replace(b"0.0024", b"24.1").replace(b"0.0026", b"26"))

    assert (part.instrument, part.first, part.last, part.previous) == (PERPETUAL, 157, 160, 149)
    assert list(part.bids) == [(241, 10_000)]
    assert part.venue_ns == 123456788 * MS


def test_trades():
    [trade] = heard(
        "spot market",
        {
            "e": "trade",
            "E": 2,
            "s": "BTCUSDT",
            "t": 12345,
            "p": "50000.01",
            "q": "0.5",
            "T": 1,
            "m": True,
            "M": True,
        },
    )
    assert (trade.instrument, trade.trade_id, trade.taker) == (SPOT, "12345", Side.SELL)
    assert (trade.ticks, trade.lots, trade.venue_ns) == (5_000_001, 50_000, MS)

    recorded = payload("futures/market_data_json/agg_trade_stream.json").replace(b'"0.001"', b'"5000.1"')
    [trade] = heard("usdm market", recorded)
    assert (trade.instrument, trade.trade_id, trade.ticks, trade.lots) == (
        PERPETUAL,
        "5933014",
        50_001,
        100_000,
    )


def test_what_the_insurance_fund_does_is_no_trade():
    record = {"e": "trade", "E": 2, "s": "BTCUSDT", "t": 1, "p": "1", "q": "1", "T": 1, "m": True}

    assert heard("usdm market", record | {"X": "INSURANCE_FUND"}) == []
    assert len(heard("usdm market", record | {"X": "MARKET"})) == 1


def test_a_mark_brings_its_funding():
    mark, funding = heard("usdm market", payload("futures/market_data_json/mark_price_stream.json"))

    assert isinstance(mark, MarkPrice)
    assert (mark.mark, mark.index) == (Decimal("11794.15"), Decimal("11784.62659091"))
    assert isinstance(funding, Funding)
    assert (funding.rate, funding.next_ns) == (Decimal("0.00038167"), 1562306400000 * MS)


def test_what_is_delivered_has_a_mark_and_no_funding():
    wire = {"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "5", "i": "5", "P": "5", "r": "", "T": 0}

    assert [type(event) for event in heard("usdm market", wire)] == [MarkPrice]


@pytest.mark.parametrize("name", ["open", "closed"])
def test_bars(name):
    body = payload(f"futures/market_data_json/kline_stream_{name}.json")
    for small, large in ((b"0.0010", b"1.0"), (b"0.0020", b"2.0"), (b"0.0025", b"2.5"), (b"0.0015", b"1.5")):
        body = body.replace(small, large)

    [bar] = heard("usdm market", body)

    assert isinstance(bar, Bar)
    assert (bar.open_ticks, bar.high_ticks, bar.close_ticks) == (10, 25, 20)
    assert (bar.start_ns, bar.interval_ns) == (1638747660000 * MS, 60_000 * MS)
    assert bar.closed is (name == "closed")


def test_a_restart_is_announced():
    [leaving] = heard("spot market", {"e": "serverShutdown", "E": 1770123456789})

    assert isinstance(leaving, Leaving)


def test_markets_that_are_not_listed_mean_nothing():
    assert (
        heard("spot market", {"e": "trade", "s": "NEW", "t": 1, "p": "1", "q": "1", "T": 1, "m": True}) == []
    )


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"[]",
        b"5",
        b"{}",
        b"\xff\xfe",
        b'{"e":"somethingNew"}',
        b'{"e":"depthUpdate","s":"BTCUSDT"}',
        b'{"e":"trade","s":"BTCUSDT","t":1,"p":"0.001","q":"1","T":1,"m":true}',  # off the grid
        b'{"e":"trade","s":"BTCUSDT","t":1,"p":"x","q":"1","T":1,"m":true}',
        b"[" * 100_000,
    ],
)
def test_what_should_have_been_understood_is_counted(wire):
    [unread] = heard("spot market", wire)

    assert isinstance(unread, Unread)


# -- books stay in step by each half's own rule -------------------------------------------------------------------


@st.composite
def streams(draw, futures):
    """Changes of a book as the venue numbers them, and a snapshot somewhere among them."""
    number = draw(st.integers(1, 1_000))
    changes = []
    for _ in range(draw(st.integers(2, 12))):
        skipped = draw(st.integers(0, 5)) if futures else 0  # numbers of futures have holes
        first = number + 1 + skipped
        last = first + draw(st.integers(0, 4))
        price = str(draw(st.integers(1, 5)))
        change = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last}
        change |= {"b": [[price, str(draw(st.integers(0, 3)))]], "a": []}
        changes.append(change | ({"pu": number, "T": 1} if futures else {}))
        number = last
    return changes


def held_by(changes):
    book = {price: quantity for change in changes for price, quantity in change["b"]}
    return {price: quantity for price, quantity in book.items() if quantity != "0"}


@pytest.mark.parametrize(
    ("key", "name", "futures"), [(SPOT, "spot market", False), (PERPETUAL, "usdm book", True)]
)
@given(data=st.data())
def test_whatever_is_lost_the_book_is_the_venues_or_known_not_to_be(key, name, futures, data):
    changes = data.draw(streams(futures))
    at = data.draw(st.integers(0, len(changes) - 1))
    lost = data.draw(st.sets(st.integers(0, len(changes) - 1)))
    sync = BookSync(venue.spec.books["usdm" if futures else "spot"])
    instrument = venue.markets.of(key).instrument
    ours = {}
    through = None

    def take(told):
        nonlocal through
        for event in told:
            if type(event).__name__ == "BookSnapshot":
                ours.clear()
            ours.update(event.bids)
            through = event.sequence

    for number, change in enumerate(changes):
        if number not in lost:
            [part] = heard(name, change)
            take(sync.take(part))
        if number == at:
            rows = [[price, quantity] for price, quantity in held_by(changes[: at + 1]).items()]
            body = {"lastUpdateId": change["u"], "bids": rows, "asks": []}
            take(sync.snapshot(venue.book(key, 5).read(answer(body))))
        if sync.is_whole and through is not None:
            upto = [each for each in changes if each["u"] <= through]
            want = {instrument.ticks(price): instrument.lots(lots) for price, lots in held_by(upto).items()}
            assert {ticks: lots for ticks, lots in ours.items() if lots} == want
