"""What Lighter's other end refuses, with which code, and that nothing that is sent to it breaks it."""

from base64 import b64encode
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from venues.lighter.test_streams import JSON
from xtrade.model.money import Money
from xtrade.runtime.chance import Streams
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor
from xtrade.venues.box.server import Asked
from xtrade.venues.box.worlds import world_of
from xtrade.venues.lighter.auth import LighterKey
from xtrade.venues.lighter.server import LighterServer
from xtrade.venues.lighter.signing.schnorr import sign
from xtrade.venues.lighter.transactions import TransactionType, transaction_hash

START_NS = 1_777_941_384_000_000_000
NOW_MS = START_NS // 10**6
CHAIN = 304


class Session:
    """A connection that keeps what was sent through it."""

    path, query, headers, peer, state = "/stream", "", {}, "", None

    def __init__(self):
        self.sent, self.ended = [], None

    def send(self, payload):
        self.sent.append(msgspec.json.decode(payload))

    def close(self, code, reason=""):
        self.ended = (code, reason)

    @property
    def last(self):
        return self.sent[-1]


class Room:
    """A server with two accounts and no network."""

    def __init__(self):
        stream = Streams(7).stream("keys")
        accounts = [
            BoxAccount(
                name=f"lighter.{number}",
                key=LighterServer.make_key(stream, number),
                balances=(Money.of(100_000, "USDC"), Money.of(10, "ETH")),
            )
            for number in (1, 2)
        ]
        world = world_of({"lighter": LighterServer}, ["ETH/USDC:USDC", "ETH/USDC"])
        self.now_ns = START_NS
        self.floor = Floor(world, "lighter", seed=1, start_ns=START_NS, rules=LighterServer.rules)
        for account in accounts:
            self.floor.open_account(account.name, account.balances)
        self.server = LighterServer(self.floor, accounts, lambda: self.now_ns)
        self.floor.advance(START_NS + 2 * 10**9)
        self.key, self.other = (LighterKey.from_key(account.key) for account in accounts)
        self.session = Session()
        self.server.opened(self.session)

    @property
    def best(self):
        return next(iter(self.floor.exchange.book("lighter:ETH/USDC:USDC").bids))[0]

    def get(self, path, token="", **query):
        text = "&".join(f"{name}={value}" for name, value in query.items())
        headers = {"authorization": token} if token else {}
        told = self.server.answer(Asked("GET", f"/api/v1/{path}", text, headers, b""))
        return told.status, msgspec.json.decode(told.body)

    def signed(self, kind=14, *, key=None, at_ns=None, **changed):
        body = {
            "MarketIndex": 0, "ClientOrderIndex": 7, "BaseAmount": 1000, "Price": self.best * 97 // 100, "IsAsk": 0,
            "Type": 0, "TimeInForce": 1, "ReduceOnly": 0, "TriggerPrice": 0, "OrderExpiry": NOW_MS + 3_600_000,
        } | changed  # fmt: skip
        return (key or self.key).transaction(at_ns or self.now_ns, CHAIN, TransactionType(kind), body)

    def post(self, signed, info=None, kind=None):
        form = {"tx_type": str(int(signed.kind)) if kind is None else kind}
        form["tx_info"] = msgspec.json.encode(signed.info if info is None else info).decode()
        told = self.server.answer(Asked("POST", "/api/v1/sendTx", "", {}, urlencode(form).encode()))
        return told.status, msgspec.json.decode(told.body)

    def say(self, message):
        self.server.heard(self.session, msgspec.json.encode(message))
        return self.session.last


@pytest.fixture
def room():
    return Room()


def test_a_good_order_is_taken_and_its_number_counts(room):
    signed = room.signed()
    status, told = room.post(signed)

    assert (status, told["code"], told["tx_hash"]) == (200, 200, signed.hash)
    index, key_index = room.key.account_index, room.key.api_key_index
    assert (
        room.get("nextNonce", account_index=index, api_key_index=key_index)[1]["nonce"]
        == signed.info["Nonce"] + 1
    )
    assert room.get("tx", by="hash", value=signed.hash)[1]["status"] == 2
    assert room.post(signed)[1]["code"] == 21104  # the same again


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"MarketIndex": 9}, 21602),
        ({"BaseAmount": 0}, 21701),
        ({"BaseAmount": 49}, 21706),
        ({"Price": 0}, 21702),
        ({"Price": 2**32}, 21702),
        ({"TimeInForce": 7}, 21705),
        ({"Type": 1}, 21705),
        ({"Type": 6}, 21501),
        ({"OrderExpiry": 0}, 21711),
        ({"OrderExpiry": NOW_MS + 1000}, 21711),
        ({"OrderExpiry": NOW_MS + 31 * 86_400_000}, 21711),
        ({"TimeInForce": 0}, 21711),
        ({"TriggerPrice": 5}, 21729),
        ({"Type": 3}, 21729),
        ({"ClientOrderIndex": 2**48}, 21727),
        ({"MarketIndex": 2048, "ReduceOnly": 1}, 21501),
        ({"Price": 2**31}, 21733),
        ({"BaseAmount": 10**10}, 21739),
    ],
)
def test_what_is_refused_costs_no_number(room, changed, code):
    signed = room.signed(**changed)

    assert (room.post(signed)[0], room.post(signed)[1]["code"]) == (400, code)
    index, key_index = room.key.account_index, room.key.api_key_index
    assert room.get("nextNonce", account_index=index, api_key_index=key_index)[1]["nonce"] == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"BaseAmount": 1001}, 21120),
        ({"Sig": "AAAA"}, 21120),
        ({"Sig": "?"}, 21501),
        ({"Nonce": 1}, 21120),
        ({"AccountIndex": 1}, 21100),
        ({"ApiKeyIndex": 9}, 21109),
        ({"AccountIndex": 1002}, 21120),
        ({"Price": -1}, 21501),
        ({"Price": "1"}, 21501),
        ({"Price": 1.5}, 21501),
        ({"IsAsk": True}, 21501),
        ({"L2TxAttributes": {"4": 1, "x": 2}}, 21501),
        ({"L2TxAttributes": {"4": 1, "1": 5, "2": 5, "3": 5, "6": 1}}, 21120),
    ],
)
def test_what_was_changed_after_signing_is_not_accepted(room, change, code):
    signed = room.signed()

    assert room.post(signed, {**signed.info, **change})[1]["code"] == code
    missing = {name: value for name, value in signed.info.items() if name != "Price"}
    assert room.post(signed, missing)[1]["code"] == 21501
    assert room.post(signed, [1])[1]["code"] == 21501
    assert room.post(signed, kind="15")[1]["code"] in {21120, 21501}
    assert room.post(signed, kind="28")[1]["code"] == 21501
    assert room.post(signed, kind="999")[1]["code"] == 21501
    assert room.post(signed)[0] == 200


def test_numbers_must_rise_by_one_unless_they_are_said_to_skip(room):
    first = room.signed(at_ns=START_NS + 10**9)
    assert room.post(first)[0] == 200
    late = LighterKey.from_key(room.server.accounts[0].key)  # it does not know what the other has signed
    assert room.post(room.signed(key=late, at_ns=START_NS, ClientOrderIndex=8))[1]["code"] == 21104

    member = room.server.room.members["lighter.1"]
    member.nonce = 41
    plain = room.signed(ClientOrderIndex=9)
    for nonce, code in ((43, 21104), (42, 200)):
        info = {**plain.info, "Nonce": nonce, "L2TxAttributes": None}
        signature = sign(room.key._secret, transaction_hash(CHAIN, TransactionType.CREATE_ORDER, info))
        assert room.post(plain, {**info, "Sig": b64encode(signature).decode()})[1]["code"] == code


def test_transactions_grow_old(room):
    signed = room.signed()
    room.now_ns += 600 * 10**9

    assert room.post(signed)[1] == {"code": 21501, "message": "transaction expired"}


def test_private_things_want_a_token_of_the_account(room):
    index, token = room.key.account_index, room.key.token(room.now_ns)

    def asked(token, account_index=index):
        return room.get("accountActiveOrders", token, account_index=account_index)[1]["code"]

    assert asked(token) == 200
    assert room.get("accountActiveOrders", account_index=index, auth=token)[1]["code"] == 200
    assert asked(token, room.other.account_index) == 20013
    for wrong in ("", "x", token[:-1] + "0", token.replace("1001", "1002"), "ä" + token, token + ":00"):
        assert asked(wrong) == 20013
    assert asked(room.key.token(room.now_ns + 9 * 3_600 * 10**9)) == 20013
    room.now_ns += 1_300 * 10**9
    assert asked(token) == 20013


def test_questions_that_make_no_sense(room):
    assert room.get("nothing")[0] == 404
    assert room.get("orderBookOrders")[1]["code"] == 20001
    assert room.get("orderBookOrders", market_id="x")[1]["code"] == 21602
    assert (
        room.get("candles", market_id=0, resolution="7m", start_timestamp=0, end_timestamp=1, count_back=1)[
            1
        ]["code"]
        == 20001
    )
    assert room.get("account", by="index", value=5)[1]["code"] == 21100


def test_too_many_questions_are_refused_for_the_rest_of_the_minute(room):
    for _ in range(80):
        assert room.get("orderBooks")[0] == 200
    assert room.get("orderBooks") == (429, {"code": 23000, "message": "Too Many Requests!"})
    room.now_ns += 60 * 10**9
    assert room.get("orderBooks")[0] == 200


def test_a_form_may_come_in_parts(room):
    signed = room.signed()
    info = msgspec.json.encode(signed.info)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="tx_type"\r\n\r\n14\r\n'
        b'--b\r\nContent-Disposition: form-data; name="tx_info"\r\n\r\n' + info + b"\r\n--b--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    told = room.server.answer(Asked("POST", "/api/v1/sendTx", "", headers, body))

    assert told.status == 200, told.body


def test_a_batch_goes_on_until_one_is_refused(room):
    good, bad = room.signed(), room.signed(ClientOrderIndex=8, Price=0)
    data = {"tx_types": [14, 14], "tx_infos": [good.info, bad.info]}
    told = room.say({"type": "jsonapi/sendtxbatch", "data": {"id": "b", **data}})

    assert (told["id"], told["code"]) == ("b", 21702)
    assert len(room.floor.open_slips("lighter.1")) == 1
    assert (
        room.say({"type": "jsonapi/sendtxbatch", "data": {"tx_types": "[14]", "tx_infos": "[]"}})["code"]
        == 21513
    )
    many = {"tx_types": [14] * 51, "tx_infos": [good.info] * 51}
    assert room.say({"type": "jsonapi/sendtxbatch", "data": many})["code"] == 21514


def test_the_sockets_own_errors(room):
    assert room.session.sent[0]["type"] == "connected"
    assert room.say({"type": "subscribe", "channel": "order_book/0"})["type"] == "subscribed/order_book"
    assert room.say({"type": "subscribe", "channel": "order_book/0"})["error"]["code"] == 30003
    assert room.say({"type": "unsubscribe", "channel": "order_book/0"}) == {
        "type": "unsubscribed", "channel": "order_book:0",
    }  # fmt: skip
    assert room.say({"type": "unsubscribe", "channel": "order_book/0"})["error"]["code"] == 30002
    assert room.say({"type": "subscribe", "channel": "order_book/99"})["error"]["code"] == 30005
    assert room.say({"type": "subscribe", "channel": "nothing/0"})["error"]["code"] == 30005
    assert room.say({"type": "what"})["error"]["code"] == 30001
    assert room.say([])["error"]["code"] == 30000
    assert room.say({"type": "ping"}) == {"type": "pong"}
    private = f"account_all_orders/{room.key.account_index}"
    assert room.say({"type": "subscribe", "channel": private})["error"]["code"] == 20013
    token = room.other.token(room.now_ns)
    assert room.say({"type": "subscribe", "channel": private, "auth": token})["error"]["code"] == 20013
    token = room.key.token(room.now_ns)
    assert room.say({"type": "subscribe", "channel": private, "auth": token})["orders"] == {}


def test_only_the_account_hears_of_its_orders(room):
    other = Session()
    room.server.opened(other)
    for session, key in ((room.session, room.key), (other, room.other)):
        message = {"type": "subscribe", "channel": f"account_all_orders/{key.account_index}"}
        message["auth"] = key.token(room.now_ns)
        room.server.heard(session, msgspec.json.encode(message))
    room.post(room.signed())

    (row,) = room.session.last["orders"]["0"]
    assert (room.session.last["type"], row["client_order_index"]) == ("update/account_all_orders", 7)
    assert other.last["type"] == "subscribed/account_all_orders"


def test_who_is_silent_is_pinged_and_then_let_go(room):
    room.now_ns += 31 * 10**9
    room.server.tick(room.now_ns)
    assert room.session.last == {"type": "ping"}
    room.now_ns += 90 * 10**9
    room.server.tick(room.now_ns)
    assert room.session.ended == (1008, "silent for too long")


SHARED = Room()
CHANNELS = st.sampled_from(
    ["order_book", "ticker", "trade", "market_stats", "account_all", "account_orders", "x"]
)


@settings(max_examples=50)
@given(st.binary(max_size=100) | JSON.map(msgspec.json.encode))
def test_no_message_breaks_it(payload):
    session = Session()
    SHARED.server.opened(session)
    SHARED.server.heard(session, payload)
    SHARED.server.closed(session)

    assert all("error" in each or "type" in each for each in session.sent)


@settings(max_examples=50)
@given(CHANNELS, st.text(max_size=5) | st.integers(-5, 5000).map(str), JSON)
def test_no_subscription_breaks_it(channel, rest, auth):
    session = Session()
    SHARED.server.opened(session)
    SHARED.server.heard(
        session, msgspec.json.encode({"type": "subscribe", "channel": f"{channel}/{rest}", "auth": auth})
    )
    SHARED.server.closed(session)

    assert "error" in session.last or session.last["type"].startswith("subscribed/")


@settings(max_examples=50)
@given(st.sampled_from([14, 15, 16, 17, 20, 28, 29, "14", None]), JSON)
def test_no_transaction_breaks_it(kind, info):
    told = SHARED.say({"type": "jsonapi/sendtx", "data": {"tx_type": kind, "tx_info": info}})

    assert told["code"] in {21100, 21109, 21120, 21501}


@settings(max_examples=50)
@given(
    st.sampled_from(
        ["orderBookOrders", "candles", "account", "trades", "nextNonce", "accountOrders", "sendTx"]
    ),
    st.dictionaries(
        st.sampled_from(["market_id", "limit", "by", "value", "account_index"]), st.text(max_size=4)
    ),
    st.binary(max_size=60),
)
def test_no_question_breaks_it(name, query, body):
    SHARED.server._answers._spent.clear()
    text = "&".join(f"{key}={value}" for key, value in query.items())
    for method in ("GET", "POST"):
        told = SHARED.server.answer(Asked(method, f"/api/v1/{name}", text, {}, body))
        assert msgspec.json.decode(told.body)["code"]
