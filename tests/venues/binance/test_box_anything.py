"""Whatever a client asks of the box, it is answered or refused in the venue's words: nothing breaks."""

import json
from functools import cache

import msgspec
from hypothesis import given, settings, strategies as st

from kit.binance_box import Desk, Session
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.box.server import Asked

NAMES = [
    "symbol side type timeInForce quantity price quoteOrderQty stopPrice trailingDelta newClientOrderId orderId",
    "origClientOrderId newQty limit startTime endTime fromId interval algoType triggerPrice callbackRate workingType",
    "activatePrice clientAlgoId algoId reduceOnly goodTillDate batchOrders countdownTime leverage marginType",
    "newOrderRespType positionSide selfTradePreventionMode recvWindow omitZeroBalances",
]
WORDS = [word for line in NAMES for word in line.split()]
VALUES = [
    "BTCUSDT BUY SELL LIMIT MARKET LIMIT_MAKER STOP_LOSS STOP_LOSS_LIMIT TAKE_PROFIT STOP STOP_MARKET GTC IOC FOK GTX",
    "GTD 0 1 -1 0.01 60000 60000.1 1e5 99999999999999999999 NaN x 1m 1s 1w CONDITIONAL MARK_PRICE ISOLATED true FULL",
    "TRAILING_STOP_MARKET BOTH LONG EXPIRE_TAKER NONE 1763600005000 [] [{}] null RESULT ACK 0.1 5 500 1e-30 1e39",
]
texts = st.one_of(
    st.sampled_from([word for line in VALUES for word in line.split()]), st.text(max_size=8), st.just("")
)
params = st.dictionaries(st.sampled_from(WORDS), texts, max_size=9)


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
ORDER |= {"price": "59000", "newClientOrderId": "mine", "origClientOrderId": "mine"}
ALGO = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": "70000", "clientAlgoId": "mine"}
# Nearly right, which goes further than what is all wrong.
nearly = st.builds(
    lambda more, changes: {
        name: value for name, value in (ORDER | more | changes).items() if value is not None
    },
    st.sampled_from(
        [
            {},
            {"newQty": "0.005"},
            {"countdownTime": "5000", "leverage": "3", "marginType": "ISOLATED"},
            ALGO,
            ALGO | {"type": "TRAILING_STOP_MARKET", "callbackRate": "1"},
            {"type": "STOP_LOSS", "stopPrice": "70000"},
            {"type": "STOP_LOSS", "trailingDelta": "100"},
            {"type": "MARKET", "quoteOrderQty": "50", "timeInForce": None, "price": None},
            {
                "batchOrders": json.dumps(
                    [ORDER, ORDER | {"quantity": 5, "reduceOnly": True}, {"symbol": None}]
                )
            },
        ]
    ),
    st.dictionaries(st.sampled_from(WORDS), texts, max_size=2),
)
params = st.one_of(params, nearly)


@cache
def desk():
    return Desk()


ROUTES = sorted({*desk().server.spot.routes, *desk().server.usdm.routes})
METHODS = [
    *("order.place", "order.cancel", "order.status", "order.amend.keepPriority", "order.modify"),
    *("openOrders.cancelAll", "account.status", "algoOrder.place", "algoOrder.cancel", "depth", "odd"),
    *("userDataStream.subscribe.signature", "userDataStream.start", "myTrades"),
]


def fresh():
    """The desk, with nothing counted yet: what is looked for here is not that too much was asked."""
    there = desk()
    for half in (there.server.spot, there.server.usdm):
        half.gate._used.clear()
    return there


@settings(max_examples=300)
@given(st.sampled_from(ROUTES), params)
def test_any_request(route, given_params):
    there = fresh()
    method, path = route
    query = there.codec.auth.query(
        [(name, value) for name, value in given_params.items() if name != "recvWindow"], there.now_ns
    )

    told = there.server.answer(
        Asked(method, path, query, {"x-mbx-apikey": there.accounts[0].key["api_key"]}, b"")
    )

    body = msgspec.json.decode(told.body)
    if told.status != 200:
        assert set(body) == {"code", "msg"}
        assert body["code"] < 0


@given(st.sampled_from(ROUTES), st.text(max_size=40), st.binary(max_size=40))
def test_any_bytes(route, query, body):
    there = fresh()
    method, path = route

    for headers in ({}, {"x-mbx-apikey": there.accounts[0].key["api_key"]}):
        assert isinstance(there.server.answer(Asked(method, path, query, headers, body)).body, bytes)


@given(st.sampled_from(METHODS), params, st.sampled_from(["/ws-api/v3", "/ws-fapi/v1"]))
def test_any_call_through_a_socket(method, given_params, path):
    there = fresh()
    session = Session(f"ws://box:1{path}")
    there.server.opened(session)
    asked = {name: value for name, value in given_params.items() if name != "recvWindow"}
    message = {"id": "1", "method": method, "params": there.codec.auth.params(asked, there.now_ns)}

    there.server.heard(session, json.dumps(message).encode())

    answers = [msgspec.json.decode(wire) for wire in session.sent]
    assert [each["id"] for each in answers if "id" in each] == ["1"]
    there.server.closed(session)


@given(
    st.sampled_from([line.address for line in SPEC.lines]),
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), texts),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(st.sampled_from(["id", "method", "params", "SUBSCRIBE"]), inner, max_size=4),
            ),
        ).map(lambda value: json.dumps(value).encode()),
        st.lists(texts, max_size=3).map(
            lambda names: json.dumps({"id": 1, "method": "SUBSCRIBE", "params": names}).encode()
        ),
    ),
)
def test_any_message(address, wire):
    there = fresh()
    session = Session(SPEC.at("box", "http://box:1")[address])
    there.server.opened(session)
    there.server.heard(session, wire)
    there.pass_s(0.1)
    there.server.closed(session)
