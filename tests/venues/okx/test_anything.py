"""Whatever comes through the wire, the codec says what it means, or that it means nothing."""

import json
from contextlib import suppress

from hypothesis import given, settings, strategies as st

from kit.okx import RECEIVED_NS, SPOT, SWAP, intended, made
from xtrade.model.errors import XtradeError
from xtrade.model.orders import OrderType, Trigger
from xtrade.venues.asks import Answer
from xtrade.venues.codec import Known
from xtrade.venues.okx.spec import SPEC

CODEC = made()
LINES = st.sampled_from(SPEC.lines)
STOP = intended(CODEC, type=OrderType.STOP_LIMIT, trigger=Trigger(ticks=510_000))
ASLEEP = Known(STOP, CODEC.markets.of(SWAP).instrument)
OURS = Known(intended(CODEC), CODEC.markets.of(SWAP).instrument)
ASKS = [
    *CODEC.prepare(), *CODEC.balances(), *CODEC.positions(), *CODEC.fills(0, []), *CODEC.open_orders([]),
    *CODEC.order(OURS), *CODEC.fee_rates([SPOT, SWAP]), *CODEC.countdown(10, []), *CODEC.listings(), CODEC.clock(),
    CODEC.mark(SWAP), CODEC.funding(SWAP), CODEC.funding_history(SWAP, 0, 1), CODEC.book(SWAP, 5),
    CODEC.trades(SWAP, 5), CODEC.bars(SWAP, 60 * 10**9, 0, 1), CODEC.leverage(SWAP, 3),
    CODEC.margin_mode(SWAP, isolated=False), CODEC.place(intended(CODEC)), CODEC.place_many([intended(CODEC)]),
    CODEC.cancel(OURS, 1), CODEC.amend(OURS, lots=1, ticks=1, request=1),
    CODEC.place(STOP), CODEC.cancel(ASLEEP, 1), CODEC.amend(ASLEEP, lots=1, ticks=1, request=1), *CODEC.order(ASLEEP),
]  # fmt: skip

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "0", "-1", "1e9", "NaN", "1700000000131", "49997.5", "0.4", "BTC-USDT", "BTC-USDT-SWAP", "live", "filled",
         "canceled", "net", "USDT", "xt1763600000123456789", "9" * 40, "-", "1_0", "٣", "\ud800"]
    ),
)  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
CHANNELS = [
    "books",
    "trades",
    "mark-price",
    "funding-rate",
    "candle1m",
    "orders",
    "account",
    "positions",
    "x",
]
FIELDS = [
    "arg", "data", "action", "event", "op", "id", "code", "msg", "instId", "ordId", "clOrdId", "side", "state", "px",
    "sz", "accFillSz", "tradeId", "fillPx", "fillSz", "fillFee", "fillFeeCcy", "uTime", "ts", "asks", "bids", "seqId",
    "prevSeqId", "markPx", "fundingRate", "fundingTime", "nextFundingTime", "details", "ccy", "cashBal", "availBal",
    "mmr", "adjEq", "eq", "pos", "mgnMode", "posSide", "avgPx", "sCode", "sMsg", "maker", "taker", "acctLv", "posMode",
    "instType", "tickSz", "lotSz", "minSz", "ctVal", "ctMult", "settleCcy", "uly", "realizedRate", "reqId",
    "amendResult", "cancelSource", "billId", "algoId", "algoClOrdId", "slOrdPx", "actualSz",
]  # fmt: skip
ROWS = st.dictionaries(st.sampled_from(FIELDS), LEAVES | st.sampled_from(["buy", "sell"]), max_size=14)


def encoded(value):
    return json.dumps(value, allow_nan=True).encode("utf-8", "surrogatepass")


def read_all(body, status):
    for ask in ASKS:
        with suppress(XtradeError):
            ask.read(Answer(status, body, RECEIVED_NS))


@given(line=LINES, payload=st.binary(max_size=60))
def test_no_bytes_are_too_much_for_a_stream(line, payload):
    CODEC.hear(line, payload, RECEIVED_NS)


@given(line=LINES, value=JSON)
def test_no_json_is_too_much_for_a_stream(line, value):
    CODEC.hear(line, encoded(value), RECEIVED_NS)


@settings(max_examples=300)
@given(
    line=LINES,
    channel=st.sampled_from(CHANNELS),
    market=st.sampled_from(["BTC-USDT-SWAP", "BTC-USDT", "NO-SUCH", ""]),
    action=st.sampled_from(["snapshot", "update", ""]),
    rows=st.lists(ROWS, max_size=3) | JSON,
)
def test_no_row_is_too_much_for_a_stream(line, channel, market, action, rows):
    frame = {"arg": {"channel": channel, "instId": market}, "action": action, "data": rows}

    CODEC.hear(line, encoded(frame), RECEIVED_NS)


@settings(max_examples=50)
@given(body=st.binary(max_size=60), status=st.sampled_from([200, 400, 429, 500]))
def test_no_bytes_are_too_much_for_an_answer(body, status):
    read_all(body, status)


@settings(max_examples=100)
@given(rows=st.lists(ROWS | JSON, max_size=3) | JSON, code=st.sampled_from(["0", "1", "2", "51000", "x", ""]))
def test_no_rows_are_too_much_for_an_answer(rows, code):
    read_all(encoded({"code": code, "msg": "m", "data": rows}), 200)


def test_depth_is_no_weapon():
    deep = b"[" * 100_000
    for payload in (deep, b'{"arg":{"channel":"books","instId":"BTC-USDT"},"data":' + deep):
        for line in SPEC.lines:
            CODEC.hear(line, payload, RECEIVED_NS)
    read_all(deep, 200)
    read_all(b'{"code":"0","data":' + deep, 200)
