"""Whatever comes, a codec says something or complains: it never breaks."""

import json

import pytest
from hypothesis import given, strategies as st

from kit.binance import FIXTURES, NOW_NS, PERPETUAL, SPOT, TEXT, codec, intent, known, line
from xtrade.model.errors import DataError, InDoubt, VenueError, XtradeError
from xtrade.model.orders import OrderType, Trigger
from xtrade.venues.asks import Answer
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.codec import Unread

venue = codec()
STOP = {"type": OrderType.STOP_MARKET, "trigger": Trigger(ticks=520_000)}

QUESTIONS = [
    *venue.listings(),
    venue.clock(),
    *venue.prepare(),
    venue.book(SPOT, 5),
    venue.book(PERPETUAL, 5),
    venue.trades(SPOT, 5),
    venue.trades(PERPETUAL, 5),
    venue.bars(SPOT, 60_000_000_000, 0, 10**18),
    venue.mark(PERPETUAL),
    venue.funding(PERPETUAL),
    venue.funding_history(PERPETUAL, 0, 10**18),
    *venue.open_orders([]),
    *venue.order(known()),
    *venue.order(known(PERPETUAL, **STOP)),
    *venue.fills(0, [SPOT, PERPETUAL]),
    *venue.balances(),
    *venue.positions(),
    *venue.fee_rates([SPOT, PERPETUAL]),
    venue.token(line("usdm private")),
    venue.keep_token(line("usdm private"), "k"),
]
COMMANDS = [
    venue.place(intent()),
    venue.place(intent(PERPETUAL)),
    venue.place(intent(PERPETUAL, **STOP)),
    venue.place_many([intent(PERPETUAL)] * 2),
    venue.cancel(known(), 1),
    venue.cancel(known(PERPETUAL), 1),
    venue.cancel(known(PERPETUAL, **STOP), 1),
    venue.amend(known(), lots=500, ticks=5_000_000, request=1),
    venue.amend(known(PERPETUAL), lots=5, ticks=500_000, request=1),
    *venue.cancel_all([SPOT, PERPETUAL]),
    *venue.countdown(60, [PERPETUAL]),
    venue.leverage(PERPETUAL, 5),
    venue.margin_mode(PERPETUAL, isolated=True),
]

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        [
            "0",
            "1",
            "-1",
            "0.01",
            "1e400",
            "9" * 70,
            "BTCUSDT",
            "USDT",
            "BUY",
            "NEW",
            "TRADE",
            TEXT,
            2**63,
            2**70,
        ]
    ),
)
WORDS = sorted(
    set("abcdefghilmnopqrstuxzABCDEILMNOPSTUVWXYZ")
    | {
        "orderId",
        "status",
        "code",
        "msg",
        "event",
        "result",
        "error",
        "id",
        "symbol",
        "side",
        "price",
        "origQty",
    }
    | {
        "executedQty",
        "clientOrderId",
        "algoId",
        "balances",
        "fills",
        "qty",
        "tradeId",
        "bids",
        "asks",
        "pu",
        "er",
    }
    | {"lastUpdateId", "symbols", "time", "transactTime", "updateTime", "data", "retryAfter", "amendedOrder"}
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), inner, max_size=8),
    ),
    max_leaves=25,
)
wires = st.one_of(
    st.binary(max_size=200), values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
)
lines = st.sampled_from([each.name for each in SPEC.lines])


@given(lines, wires)
def test_any_message(name, wire):
    for said in venue.hear(line(name), wire, NOW_NS):
        assert said is not None


def complaint(ask, wire, status):
    """What reading an answer is refused with, if it is."""
    try:
        ask.read(Answer(status, wire, NOW_NS))
    except XtradeError as error:
        return error
    return None


statuses = st.sampled_from([200, 200, 400, 401, 418, 429, 500, 503])


@given(st.sampled_from(QUESTIONS), wires, statuses)
def test_any_answer_to_a_question(ask, wire, status):
    error = complaint(ask, wire, status)

    assert not isinstance(error, InDoubt)
    assert "\n" not in str(error)


@given(st.sampled_from(COMMANDS), wires, statuses)
def test_any_answer_to_a_command(ask, wire, status):
    error = complaint(ask, wire, status)

    assert error is None or isinstance(error, VenueError)
    assert "\n" not in str(error)


def recorded():
    return sorted(FIXTURES.rglob("*.json")) if FIXTURES.exists() else []


@st.composite
def damaged(draw):
    """A message as the venue sends it, with something in it replaced: nearer to the readers than pure chance."""
    message = json.loads(draw(st.sampled_from(MESSAGES)))
    place = message
    while True:
        inner = [each for each in (place.values() if isinstance(place, dict) else place) if each]
        inner = [each for each in inner if isinstance(each, dict | list)]
        if not inner or draw(st.booleans()):
            break
        place = draw(st.sampled_from(inner))
    if place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        place[key] = draw(values)
    return json.dumps(message).encode("utf-8", "surrogatepass")


MESSAGES = [
    json.dumps(
        {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": 1, "u": 2, "pu": 0, "b": [["1", "1"]], "a": []}
    ),
    json.dumps({"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "1", "q": "1", "T": 1, "m": True}),
    json.dumps({"e": "markPriceUpdate", "E": 1, "s": "BTCUSDT", "p": "1", "i": "1", "r": "0.1", "T": 1}),
    json.dumps(
        {
            "subscriptionId": 0,
            "event": {
                **dict.fromkeys("qpPFzlLnZYQ", "1"),
                "e": "executionReport",
                "E": 1,
                "T": 1,
                "s": "BTCUSDT",
                "c": TEXT,
                "C": "",
                "S": "BUY",
                "x": "TRADE",
                "X": "FILLED",
                "i": 1,
                "t": 1,
                "N": "BTC",
                "m": True,
                "r": "NONE",
            },
        }
    ),
    json.dumps(
        {
            "e": "ORDER_TRADE_UPDATE",
            "o": {
                **dict.fromkeys("qpzlLn", "1"),
                "s": "BTCUSDT",
                "c": TEXT,
                "S": "BUY",
                "x": "TRADE",
                "X": "FILLED",
                "i": 1,
                "T": 1,
                "t": 1,
                "N": "USDT",
                "m": False,
            },
        }
    ),
    json.dumps(
        {
            "e": "ACCOUNT_UPDATE",
            "T": 1,
            "a": {
                "m": "FUNDING_FEE",
                "B": [{"a": "USDT", "bc": "1"}],
                "P": [{"s": "BTCUSDT", "pa": "1", "ep": "1"}],
            },
        }
    ),
    json.dumps({"id": "p-1", "status": 200, "result": {"orderId": 1}}),
    *(path.read_text() for path in recorded() if "user_data" in str(path) or "market_data" in str(path)),
]


@given(lines, damaged())
def test_damaged_messages(name, wire):
    venue.hear(line(name), wire, NOW_NS)


def test_deep_nesting_is_no_crash():
    for name in ("spot market", "spot private", "usdm private", "usdm orders"):
        for wire in (b"[" * 200_000, b'{"event":' * 50_000, b'{"e":"trade","q":' + b"[" * 100_000):
            [unread] = venue.hear(line(name), wire, NOW_NS)
            assert isinstance(unread, Unread)
    with pytest.raises(DataError):
        venue.clock().read(Answer(200, b"[" * 200_000, NOW_NS))
