"""The box of OKX without sockets: what it refuses, in which words, and what it tells to whom."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, strategies as st

from xtrade.model.money import Money
from xtrade.runtime.secrets import Secret
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor
from xtrade.venues.box.server import Asked
from xtrade.venues.box.worlds import world_of
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.server import OkxServer
from xtrade.venues.okx.spec import LIMITS

NOW_NS = 1_800_000_000_000_000_000
MS = 1_000_000
KEY = {"api_key": "key-of-a-box", "api_secret": "SECRETSECRET", "passphrase": "Box-1"}
SIGNER = OkxKey.from_key({name: Secret(value) for name, value in KEY.items()})
SWAP, SPOT = "BTC-USDT-SWAP", "BTC-USDT"


class Socket:
    """One connection, as a server room sees it."""

    def __init__(self, line):
        self.path, self.query, self.headers, self.peer = f"/ws/v5/{line}", "", {}, "127.0.0.1"
        self.state = None
        self.told, self.closed = [], None

    def send(self, payload):
        text = payload if isinstance(payload, str) else payload.decode()
        self.told.append(text if text == "pong" else json.loads(text))

    def close(self, code, reason=""):
        self.closed = code

    def take(self):
        told, self.told = self.told, []
        return told


class Room:
    """A server on a floor, at a time that stands still until it is moved."""

    def __init__(self):
        self.now_ns = NOW_NS
        world = world_of({"okx": OkxServer}, ["BTC/USDT", "BTC/USDT:USDT"])
        self.floor = Floor(world, "okx", seed=3, start_ns=NOW_NS, rules=OkxServer.rules)
        money = (Money.of("100000", "USDT"), Money.of("2", "BTC"))
        self.floor.open_account("okx.1", money)
        account = BoxAccount(name="okx.1", key=KEY, balances=money)
        self.server = OkxServer(self.floor, [account], lambda: self.now_ns)
        self.wait(2)

    def wait(self, seconds):
        for _ in range(int(seconds * 10)):
            self.now_ns += 100 * MS
            self.floor.advance(self.now_ns)
            self.server.tick(self.now_ns)

    def ask(self, method, path, body=None, *, at_ns=None, headers=None, signer=SIGNER):
        target, _, query = f"/api/v5/{path}".partition("?")
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        full = f"{target}?{query}" if query else target
        signed = signer.headers(at_ns or self.now_ns, method, full, raw)
        told = {name.lower(): value for name, value in signed} | (headers or {})
        said = self.server.answer(
            Asked(method, target, query, {k: v for k, v in told.items() if v is not None}, raw)
        )
        return said.status, json.loads(said.body)

    def open(self, line, *, login=False):
        socket = Socket(line)
        self.server.opened(socket)
        if login:
            self.say(socket, op="login", args=[SIGNER.login(self.now_ns)])
            assert socket.take()[0]["event"] == "login"
        return socket

    def say(self, socket, **message):
        self.server.heard(socket, json.dumps(message).encode())

    def place(self, **changes):
        bid = self.bid()
        form = {
            "instId": SWAP,
            "tdMode": "cross",
            "side": "buy",
            "ordType": "limit",
            "px": str(bid - 100),
            "sz": "1",
        }
        return self.ask("POST", "trade/order", form | changes)[1]

    def bid(self, key="okx:BTC/USDT:USDT"):
        book = self.floor.exchange.book(key)
        return round(next(iter(book.bids))[0] / 10, 1)


@pytest.fixture
def room():
    return Room()


def test_everything_that_is_listed_can_be_traded():
    world = world_of({"okx": OkxServer})
    floor = Floor(world, "okx", seed=3, start_ns=NOW_NS, rules=OkxServer.rules)
    OkxServer(floor, [], lambda: NOW_NS)
    floor.advance(NOW_NS + 200 * MS)

    assert len(floor.instruments) == len(OkxServer.listings) == 8
    for key in floor.instruments:
        book = floor.exchange.book(key)
        assert len(book.bids)
        assert len(book.asks)


# -- keys ---------------------------------------------------------------------------------------------------------

BALANCE = ("GET", "account/balance?ccy=USDT")


def test_a_signed_request_is_answered(room):
    status, said = room.ask(*BALANCE)

    assert (status, said["code"]) == (200, "0")
    assert [row["ccy"] for row in said["data"][0]["details"]] == ["USDT"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"headers": {"ok-access-key": None}}, "50103"),
        ({"headers": {"ok-access-passphrase": None}}, "50104"),
        ({"headers": {"ok-access-sign": None}}, "50106"),
        ({"headers": {"ok-access-timestamp": None}}, "50107"),
        ({"headers": {"ok-access-timestamp": "now"}}, "50112"),
        ({"at_ns": NOW_NS - 40_000 * MS}, "50102"),
        ({"at_ns": NOW_NS + 40_000 * MS}, "50102"),
        ({"headers": {"ok-access-key": "another"}}, "50119"),
        ({"headers": {"ok-access-passphrase": "wrong"}}, "50105"),
        ({"headers": {"ok-access-sign": "AAAA"}}, "50113"),
        ({"headers": {"ok-access-sign": "é"}}, "50113"),
    ],
)
def test_a_request_that_is_not_ours(more, code, room):
    status, said = room.ask(*BALANCE, **more)

    assert (status, said["code"], said["data"]) == (401, code, [])


def test_the_very_bytes_are_signed(room):
    form = b'{"timeOut": "0"}'
    _, good = room.ask("POST", "trade/cancel-all-after", form)
    said = room.server.answer(
        Asked(
            "POST",
            "/api/v5/trade/cancel-all-after",
            "",
            {
                k.lower(): v
                for k, v in SIGNER.headers(room.now_ns, "POST", "/api/v5/trade/cancel-all-after", form)
            },
            b'{"timeOut":"0"}',
        )
    )

    assert good["code"] == "0"
    assert json.loads(said.body)["code"] == "50113"


def test_what_is_not_there(room):
    assert room.ask("GET", "account/nothing")[0] == 404
    assert room.ask("POST", "trade/order", b"{")[1]["code"] == "50002"
    assert room.ask("POST", "account/set-leverage", b"[]")[1]["code"] == "50002"


# -- orders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instId": "NO-SUCH"}, "51001"),
        ({"clOrdId": "with-hyphen"}, "51000"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"tag": "x" * 17}, "51000"),
        ({"side": "long"}, "51000"),
        ({"ordType": "stop"}, "51000"),
        ({"posSide": "long"}, "51000"),
        ({"tdMode": "cash"}, "51000"),
        ({"instId": SPOT, "tdMode": "cross", "sz": "0.1"}, "51010"),
        ({"px": ""}, "51000"),
        ({"px": "50000.05"}, "51000"),
        ({"px": "-1"}, "51000"),
        ({"sz": "x"}, "51000"),
        ({"sz": "0.001"}, "51121"),
        ({"sz": "0"}, "51020"),
        ({"sz": "1000000"}, "51008"),
        ({"stpMode": "none"}, "51000"),
        ({"reduceOnly": True}, "51169"),
    ],
)
def test_orders_that_are_refused(changes, code, room):
    said = room.place(**changes)

    assert said["code"] == "1"
    assert said["data"][0]["sCode"] == code
    assert said["data"][0]["sMsg"]
    assert not room.floor.open_slips("okx.1")


def test_a_name_is_taken_while_its_order_is_open(room):
    first = room.place(clOrdId="b15")["data"][0]
    assert room.place(clOrdId="b15")["data"][0]["sCode"] == "51016"
    assert room.ask("POST", "trade/cancel-order", {"instId": SWAP, "clOrdId": "b15"})[1]["code"] == "0"
    again = room.place(clOrdId="b15")["data"][0]

    assert again["sCode"] == "0"
    assert again["ordId"] != first["ordId"]
    _, said = room.ask("GET", f"trade/order?instId={SWAP}&clOrdId=b15")
    assert said["data"][0]["ordId"] == again["ordId"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "51503"),
        ({"clOrdId": "nobodys"}, "51503"),
        ({"clOrdId": "b15"}, "51000"),
        ({"clOrdId": "b15", "newSz": "0.001"}, "51121"),
        ({"clOrdId": "b15", "newSz": "1000000"}, "51008"),
        ({"clOrdId": "b15", "newPx": "0"}, "51000"),
        ({"clOrdId": "b15", "newPx": "999999"}, "51511"),
    ],
)
def test_changes_that_are_refused(form, code, room):
    room.place(clOrdId="b15", ordType="post_only")
    _, said = room.ask("POST", "trade/amend-order", {"instId": SWAP} | form)

    assert said["data"][0]["sCode"] == code
    assert len(room.floor.open_slips("okx.1")) == 1


def test_a_batch_is_answered_one_by_one(room):
    px = str(room.bid() - 100)
    good = {"instId": SWAP, "tdMode": "cross", "side": "buy", "ordType": "limit", "px": px, "sz": "1"}
    _, said = room.ask("POST", "trade/batch-orders", [good, good | {"sz": "0.001"}])
    assert said["code"] == "2"
    assert [ack["sCode"] for ack in said["data"]] == ["0", "51121"]

    assert room.ask("POST", "trade/batch-orders", [good] * 21)[1]["code"] == "51000"
    assert room.ask("POST", "trade/batch-orders", [])[1]["code"] == "51000"
    assert room.ask("POST", "trade/batch-orders", [1])[1]["code"] == "51000"


def test_a_request_that_comes_too_late(room):
    form = {"instId": SWAP, "tdMode": "cross", "side": "buy", "ordType": "limit", "px": "1", "sz": "1"}
    late = {"exptime": str(room.now_ns // MS - 1)}

    assert room.ask("POST", "trade/order", form, headers=late)[1]["code"] == "50036"


def test_an_order_without_a_fill_is_forgotten_in_two_hours(room):
    order = room.place(clOrdId="b15")["data"][0]["ordId"]
    room.ask("POST", "trade/cancel-order", {"instId": SWAP, "ordId": order})
    assert room.ask("GET", f"trade/order?instId={SWAP}&ordId={order}")[1]["data"][0]["state"] == "canceled"

    room.floor.now_ns += 3 * 3_600 * 10**9
    assert room.ask("GET", f"trade/order?instId={SWAP}&ordId={order}")[1]["code"] == "51603"
    assert room.ask("GET", "trade/orders-history?instType=SWAP")[1]["data"] == []


@pytest.mark.parametrize("pool", ["order", "cancel-order", "amend-order"])
def test_too_much_is_refused_and_forgotten_after_two_seconds(pool, room):
    path = {"order": "order", "cancel-order": "cancel-order", "amend-order": "amend-order"}[pool]
    for _ in range(LIMITS[pool]):
        assert room.ask("POST", f"trade/{path}", {"instId": SWAP})[0] == 200
    status, said = room.ask("POST", f"trade/{path}", {"instId": SWAP})
    assert (status, said["code"]) == (429, "50011")
    assert room.ask("POST", f"trade/{path}", {"instId": SPOT})[0] == 200  # another market

    room.now_ns += 2_001 * MS
    assert room.ask("POST", f"trade/{path}", {"instId": SWAP})[0] == 200


def test_pages(room):
    for number in range(5):
        room.place(clOrdId=f"b{number}")
    _, said = room.ask("GET", "trade/orders-pending?limit=2")
    assert [row["clOrdId"] for row in said["data"]] == ["b4", "b3"]
    _, said = room.ask("GET", f"trade/orders-pending?limit=2&after={said['data'][-1]['ordId']}")
    assert [row["clOrdId"] for row in said["data"]] == ["b2", "b1"]
    assert room.ask("GET", "trade/orders-pending?after=x")[1]["code"] == "51000"


@pytest.mark.parametrize("seconds", ["9", "121", "x", ""])
def test_countdowns_that_there_are_not(seconds, room):
    assert room.ask("POST", "trade/cancel-all-after", {"timeOut": seconds})[1]["code"] == "51000"


def test_a_market_has_one_margin_mode_at_a_time(room):
    room.place(clOrdId="b15")

    assert room.place(tdMode="isolated")["data"][0]["sCode"] == "51010"
    room.ask("POST", "trade/cancel-order", {"instId": SWAP, "clOrdId": "b15"})
    assert room.place(tdMode="isolated")["data"][0]["sCode"] == "0"


# -- orders that sleep --------------------------------------------------------------------------------------------

STOP = {
    "instId": SWAP,
    "tdMode": "cross",
    "side": "sell",
    "ordType": "conditional",
    "sz": "1",
    "slOrdPx": "-1",
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "51000"),
        ({"slTriggerPx": "1", "tpTriggerPx": "1"}, "51000"),
        ({"slTriggerPx": "0.05"}, "51000"),
        ({"slTriggerPx": "1000", "slTriggerPxType": "mid"}, "51000"),
        ({"slTriggerPx": "999999"}, "51280"),
        ({"slTriggerPx": "1000", "slOrdPx": ""}, "51000"),
        ({"slTriggerPx": "1000", "sz": "0.001"}, "51121"),
        ({"slTriggerPx": "1000", "algoClOrdId": "with-hyphen"}, "51000"),
        ({"ordType": "move_order_stop"}, "51000"),
        ({"ordType": "move_order_stop", "callbackRatio": "0.1", "callbackSpread": "5"}, "51000"),
        ({"ordType": "move_order_stop", "callbackRatio": "x"}, "51000"),
        ({"ordType": "chase"}, "51000"),
    ],
)
def test_stops_that_are_refused(changes, code, room):
    _, said = room.ask("POST", "trade/order-algo", STOP | changes)

    assert said["data"][0]["sCode"] == code
    assert not room.floor.open_slips("okx.1")


def test_a_stop_is_no_order_before_it_wakes(room):
    _, said = room.ask("POST", "trade/order-algo", STOP | {"slTriggerPx": "1000", "algoClOrdId": "s1"})
    algo = said["data"][0]["algoId"]
    assert said["data"][0]["algoClOrdId"] == "s1"

    assert room.ask("GET", "trade/orders-pending")[1]["data"] == []
    assert room.ask("GET", f"trade/order?instId={SWAP}&clOrdId=s1")[1]["code"] == "51603"
    assert room.ask("POST", "trade/cancel-order", {"instId": SWAP, "clOrdId": "s1"})[1]["code"] == "1"
    for query in (f"algoId={algo}", "algoClOrdId=s1"):
        (row,) = room.ask("GET", f"trade/order-algo?{query}")[1]["data"]
        assert (row["state"], row["slTriggerPx"], row["slOrdPx"]) == ("live", "1000", "-1")
    (row,) = room.ask("GET", "trade/orders-algo-pending?ordType=conditional")[1]["data"]
    assert row["algoId"] == algo
    assert room.ask("GET", "trade/orders-algo-pending?ordType=move_order_stop")[1]["data"] == []
    assert (
        room.ask("POST", "trade/order-algo", STOP | {"slTriggerPx": "1", "algoClOrdId": "s1"})[1]["code"]
        == "1"
    )
    _, said = room.ask("POST", "trade/cancel-algos", [{"instId": SWAP, "algoId": algo}])
    assert said["data"][0]["sCode"] == "0"
    (row,) = room.ask("GET", "trade/orders-algo-history?ordType=conditional&state=canceled")[1]["data"]
    assert row["algoId"] == algo


@pytest.mark.parametrize(("price", "kind"), [("1000", "STOP_MARKET"), ("999999", "TAKE_PROFIT_MARKET")])
def test_a_plain_trigger_waits_on_the_side_where_it_is(price, kind, room):
    form = {"instId": SWAP, "tdMode": "cross", "side": "sell", "ordType": "trigger", "sz": "1"}
    room.ask("POST", "trade/order-algo", form | {"triggerPx": price, "orderPx": "-1"})

    assert [slip.intent.type.name for slip in room.floor.open_slips("okx.1")] == [kind]


def test_stops_are_told_of_to_who_is_logged_in(room):
    socket = room.open("business")
    arg = {"channel": "orders-algo", "instType": "ANY"}
    room.say(socket, op="subscribe", args=[arg])
    assert socket.take()[0]["code"] == "60011"
    room.say(socket, op="login", args=[SIGNER.login(room.now_ns)])
    room.say(socket, op="subscribe", args=[arg])
    socket.take()
    room.ask("POST", "trade/order-algo", STOP | {"slTriggerPx": "1000"})
    (said,) = socket.take()

    assert said["arg"]["channel"] == "orders-algo"
    assert said["data"][0]["state"] == "live"


# -- sockets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message", "code"),
    [
        ("public", {"op": "subscribe", "args": [{"channel": "candle1m", "instId": SWAP}]}, "60018"),
        ("public", {"op": "subscribe", "args": [{"channel": "books", "instId": "NO-SUCH"}]}, "60018"),
        ("public", {"op": "subscribe", "args": [{"channel": "funding-rate", "instId": SPOT}]}, "60018"),
        ("public", {"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY"}]}, "60018"),
        ("public", {"op": "subscribe", "args": [{"channel": "books-l2-tbt", "instId": SWAP}]}, "64003"),
        ("business", {"op": "subscribe", "args": [{"channel": "candle7m7", "instId": SWAP}]}, "60018"),
        ("private", {"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY"}]}, "60011"),
        ("private", {"op": "order", "args": [{"instIdCode": 10_001}]}, "60011"),
        ("public", {"op": "dance", "args": [{}]}, "60012"),
        ("public", {"op": "subscribe", "args": []}, "60012"),
        ("public", {"op": "subscribe"}, "60012"),
        ("public", {"op": "subscribe", "args": [{"channel": "books"}], "id": "no-hyphens"}, "60013"),
    ],
)
def test_what_sockets_refuse(line, message, code, room):
    socket = room.open(line)
    room.say(socket, **message)

    (said,) = socket.take()
    assert (said["event"], said["code"]) == ("error", code)
    assert socket.closed is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apiKey": "another"}, "60005"),
        ({"passphrase": "wrong"}, "60024"),
        ({"sign": "AAAA"}, "60007"),
        ({"timestamp": "soon"}, "60004"),
        ({"timestamp": "1700000000"}, "60006"),
    ],
)
def test_a_login_that_is_refused_ends_the_connection(changes, code, room):
    socket = room.open("private")
    room.say(socket, op="login", args=[SIGNER.login(room.now_ns) | changes])

    assert socket.take()[0]["code"] == code
    assert socket.closed == 4001


def test_one_login_is_enough(room):
    socket = room.open("private", login=True)
    room.say(socket, op="login", args=[SIGNER.login(room.now_ns)])

    assert socket.take()[0]["code"] == "60031"
    assert socket.closed is None


def test_nonsense_ends_nothing(room):
    socket = room.open("private", login=True)
    for payload in (
        b"",
        b"[]",
        b"\xff",
        b"1",
        b'{"op":1,"args":[1]}',
        b"[" * 50_000,
        b'{"op":"order","args":[]}',
    ):
        room.server.heard(socket, payload)

    assert all(each.get("event") == "error" or each["code"] != "0" for each in socket.take())
    room.server.heard(socket, b"ping")
    assert socket.take() == ["pong"]


def test_a_connection_that_says_and_hears_nothing_is_closed(room):
    quiet, busy = room.open("business"), room.open("public")
    room.say(busy, op="subscribe", args=[{"channel": "books", "instId": SWAP}])
    room.wait(32)

    assert quiet.closed == 4004
    assert busy.closed is None


def test_changes_of_a_book_name_the_number_before_them(room):
    socket = room.open("public")
    room.say(socket, id="7", op="subscribe", args=[{"channel": "books", "instId": SWAP}])
    confirmed, whole = socket.take()
    assert confirmed == {
        "id": "7",
        "event": "subscribe",
        "arg": {"channel": "books", "instId": SWAP},
        "connId": confirmed["connId"],
    }
    assert (whole["action"], whole["data"][0]["prevSeqId"]) == ("snapshot", -1)
    room.wait(5)
    last = whole["data"][0]["seqId"]
    changes = socket.take()
    assert len(changes) > 10
    for change in changes:
        (row,) = change["data"]
        assert change["action"] == "update"
        assert row["prevSeqId"] == last
        last = row["seqId"]


def test_a_book_that_does_not_change_is_told_to_be_alive(room):
    socket = room.open("public")
    room.say(socket, op="subscribe", args=[{"channel": "books", "instId": SWAP}])
    socket.take()
    for _ in range(700):
        room.now_ns += 100 * MS  # the floor stands still
        room.server.tick(room.now_ns)
    (said,) = socket.take()
    (row,) = said["data"]

    assert row["asks"] == row["bids"] == []
    assert row["seqId"] == row["prevSeqId"]


def test_the_top_of_the_book_is_told_whole(room):
    socket = room.open("public")
    channels = {"bbo-tbt": 1, "books5": 5}
    room.say(socket, op="subscribe", args=[{"channel": each, "instId": SWAP} for each in channels])
    room.wait(5)
    told = [each for each in socket.take() if "data" in each]

    assert {each["arg"]["channel"] for each in told} == set(channels)
    for each in told:
        assert "action" not in each
        assert len(each["data"][0]["bids"]) == channels[each["arg"]["channel"]]


def test_orders_are_told_to_their_account_by_kind_of_market(room):
    every, spot, swap = (room.open("private", login=True) for _ in range(3))
    stranger = room.open("public")
    for socket, arg in (
        (every, {"instType": "ANY"}),
        (spot, {"instType": "SPOT"}),
        (swap, {"instType": "SWAP", "instId": SWAP}),
    ):
        room.say(socket, op="subscribe", args=[{"channel": "orders"} | arg])
        socket.take()
    room.place(clOrdId="b15")

    for socket, count in ((every, 1), (spot, 0), (swap, 1), (stranger, 0)):
        assert len(socket.take()) == count
    room.say(every, op="unsubscribe", args=[{"channel": "orders", "instType": "ANY"}])
    assert every.take()[0]["event"] == "unsubscribe"
    room.place(clOrdId="b16")
    assert every.take() == []


def test_orders_through_the_socket(room):
    socket = room.open("private", login=True)
    code = room.server.orders.codes["okx:BTC/USDT:USDT"]
    form = {
        "instIdCode": code,
        "tdMode": "cross",
        "side": "buy",
        "ordType": "limit",
        "px": "50000",
        "sz": "1",
    }
    room.say(socket, id="a1", op="order", args=[form | {"clOrdId": "b15"}])
    (said,) = socket.take()
    assert (said["id"], said["op"], said["code"], said["data"][0]["clOrdId"]) == ("a1", "order", "0", "b15")

    room.say(socket, id="a2", op="order", args=[{**form, "instIdCode": 1}])
    assert socket.take()[0]["data"][0]["sCode"] == "51001"
    room.say(socket, id="a3", op="order", args=[form], expTime="1")
    assert socket.take()[0]["code"] == "50036"
    room.say(socket, id="a4", op="cancel-order", args=[{"instIdCode": code, "clOrdId": "b15"}])
    assert socket.take()[0]["code"] == "0"


def test_the_account_is_told_at_once_and_every_five_seconds(room):
    socket = room.open("private", login=True)
    room.say(
        socket, op="subscribe", args=[{"channel": "account"}, {"channel": "positions", "instType": "ANY"}]
    )
    told = [each for each in socket.take() if "data" in each]
    assert [each["eventType"] for each in told] == ["snapshot", "snapshot"]
    assert told[0]["arg"]["uid"]

    room.wait(11)
    again = [each["arg"]["channel"] for each in socket.take() if each.get("eventType") == "snapshot"]
    assert again.count("account") == again.count("positions") == 2
    room.place(ordType="market", px="")
    assert {each["eventType"] for each in socket.take()} == {"event_update"}


def test_events_alone_are_told_to_who_asks_for_that(room):
    socket = room.open("private", login=True)
    room.say(socket, op="subscribe", args=[{"channel": "account", "extraParams": '{"updateInterval":"0"}'}])
    socket.take()
    room.wait(11)

    assert socket.take() == []


def test_the_compact_feed(room):
    socket = room.open("private", login=True)
    room.say(socket, op="subscribe", args=[{"channel": "balance_and_position"}])
    assert socket.take()[-1]["data"][0]["eventType"] == "snapshot"
    room.place(ordType="market", px="")
    row = socket.take()[-1]["data"][0]

    assert [each["ccy"] for each in row["balData"]] == ["USDT"]
    assert [each["pos"] for each in row["posData"]] == ["1"]


# -- anything -----------------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        [
            "BTC-USDT-SWAP",
            "BTC-USDT",
            "buy",
            "limit",
            "market",
            "conditional",
            "move_order_stop",
            "trigger",
            "cross",
            "cash",
            "1",
            "0.01",
            "50000",
        ]
    ),
)
FIELDS = (
    "instId instIdCode tdMode side ordType px sz clOrdId ordId newSz newPx reqId lever mgnMode timeOut channel instType"
    " tgtCcy reduceOnly op args id slTriggerPx slOrdPx callbackRatio algoId algoClOrdId"
)
FORMS = st.dictionaries(
    st.sampled_from(FIELDS.split()),
    LEAVES | st.lists(st.dictionaries(st.sampled_from(["channel", "instId"]), LEAVES), max_size=2),
    max_size=10,
)
COMMANDS = ["order", "batch-orders", "cancel-order", "amend-order", "amend-batch-orders", "order-algo", "cancel-algos",
            "amend-algos"]  # fmt: skip
ROOM = Room()
PATHS = [
    *sorted(ROOM.server._private),
    *sorted(ROOM.server._public),
    *(("POST", f"trade/{each}") for each in COMMANDS),
]


@given(route=st.sampled_from(PATHS), form=FORMS | st.lists(FORMS, max_size=2))
def test_no_request_is_too_much(route, form):
    ROOM.now_ns += 3_000 * MS  # never too many
    method, path = route
    path = path.removeprefix("/")
    query = (
        urlencode({name: value for name, value in form.items() if value is not None})
        if isinstance(form, dict)
        else ""
    )
    status, said = ROOM.ask(method, f"{path}?{query}" if method == "GET" and query else path, form)

    assert status in {200, 400, 404}
    assert {"code", "msg", "data"} <= said.keys()


@given(line=st.sampled_from(["public", "business", "private"]), form=FORMS | LEAVES)
def test_no_message_is_too_much(line, form):
    socket = ROOM.open(line, login=line == "private")
    ROOM.server.heard(socket, json.dumps(form).encode("utf-8", "surrogatepass"))
    ROOM.server.closed(socket)

    assert socket.take()
