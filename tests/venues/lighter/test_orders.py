"""Every form of order as the numbers that Lighter takes, and what its answers to them mean."""

import base64
from urllib.parse import parse_qs

import msgspec
import pytest

from kit.orders import intent as any_intent
from venues.lighter.desk import BTC, ETH, ETH_SPOT, NOW_NS, answer, codec
from xtrade.model.errors import (
    AuthFailed,
    ConfigError,
    CredentialsError,
    InDoubt,
    NumberError,
    RateLimited,
    Rejected,
    Unavailable,
    UsageError,
)
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.net.limits import Priority
from xtrade.net.retry import Repeat
from xtrade.venues.codec import Known
from xtrade.venues.lighter.codec import LighterCodec
from xtrade.venues.lighter.signing import schnorr
from xtrade.venues.lighter.spec import CODES, PRIVATE, SPEC
from xtrade.venues.lighter.transactions import TransactionType, transaction_hash
from xtrade.venues.markets import Markets
from xtrade.venues.meanings import ClockOff

DAY_MS = 86_400_000
NOW_MS = NOW_NS // 10**6


def intent(**changed):
    return any_intent(**{"instrument": ETH, "lots": 50, "ticks": 236131, **changed})


def sent(ask, *, chain_id=304):
    """Return the transaction of an ask, once it is seen that both ways carry it alike, and that it is signed."""
    request = ask.build(NOW_NS)
    form = parse_qs(request.body.decode(), strict_parsing=True)
    kind, info = TransactionType(int(form["tx_type"][0])), msgspec.json.decode(form["tx_info"][0])
    assert (request.method, request.url) == ("POST", "https://mainnet.zklighter.elliot.ai/api/v1/sendTx")
    assert request.headers == (("Content-Type", "application/x-www-form-urlencoded"),)

    name, frame = ask.over.frame(NOW_NS)
    message = msgspec.json.decode(frame)
    assert ask.over.socket == PRIVATE
    assert message["type"] == "jsonapi/sendtx"
    assert (message["data"]["id"], message["data"]["tx_type"]) == (name, kind)
    there = message["data"]["tx_info"]
    assert there["Nonce"] == info["Nonce"] + 1
    changing = {"Nonce", "Sig"}
    assert {k: v for k, v in there.items() if k not in changing} == {
        k: v for k, v in info.items() if k not in changing
    }

    key = schnorr.public_key(schnorr.secret_number("01" * 40))
    assert name == schnorr.hash_bytes(transaction_hash(chain_id, kind, there)).hex()
    for each in (info, there):
        assert schnorr.verify(key, transaction_hash(chain_id, kind, each), base64.b64decode(each["Sig"]))
    assert info["L2TxAttributes"] == {"4": 1}
    return kind, info


def stop(**changed):
    return {"trigger": Trigger(ticks=230000, by=TriggerPrice.MARK), **changed}


WAITS = NOW_MS + 28 * DAY_MS
FORMS = [
    ({}, {"Type": 0, "TimeInForce": 1, "Price": 236131, "OrderExpiry": WAITS}),
    ({"side": Side.SELL}, {"Type": 0}),
    ({"post_only": True}, {"Type": 0, "TimeInForce": 2, "OrderExpiry": WAITS}),
    ({"reduce_only": True}, {"ReduceOnly": 1}),
    ({"time_in_force": TimeInForce.IOC}, {"Type": 0, "TimeInForce": 0, "OrderExpiry": 0}),
    (
        {"time_in_force": TimeInForce.GTD, "expires_ns": NOW_NS + 3600 * 10**9},
        {"TimeInForce": 1, "OrderExpiry": NOW_MS + 3_600_000},
    ),
    # Three percent beyond the last price that was heard, which was a mark of 2361.30.
    (
        {"type": OrderType.MARKET, "ticks": None},
        {"Type": 1, "TimeInForce": 0, "OrderExpiry": 0, "Price": 243213},
    ),
    ({"type": OrderType.MARKET, "ticks": None, "side": Side.SELL}, {"Type": 1, "Price": 229047}),
    (
        stop(type=OrderType.STOP_MARKET, ticks=None, side=Side.SELL),
        {"Type": 2, "TimeInForce": 0, "TriggerPrice": 230000, "Price": 223100, "OrderExpiry": WAITS},
    ),
    (
        stop(type=OrderType.STOP_LIMIT, ticks=229900, side=Side.SELL),
        {"Type": 3, "TimeInForce": 1, "TriggerPrice": 230000, "Price": 229900, "OrderExpiry": WAITS},
    ),
    (
        stop(type=OrderType.STOP_LIMIT, time_in_force=TimeInForce.IOC),
        {"Type": 3, "TimeInForce": 0, "OrderExpiry": WAITS},
    ),
    (stop(type=OrderType.STOP_LIMIT, post_only=True), {"Type": 3, "TimeInForce": 2}),
    (stop(type=OrderType.TAKE_PROFIT_MARKET, ticks=None), {"Type": 4, "TimeInForce": 0, "Price": 236900}),
    (stop(type=OrderType.TAKE_PROFIT_LIMIT), {"Type": 5, "TimeInForce": 1}),
]


@pytest.mark.parametrize(("changed", "expected"), FORMS)
def test_every_form_of_order(changed, expected):
    ask = codec().place(intent(**changed))
    kind, info = sent(ask)

    assert kind is TransactionType.CREATE_ORDER
    plain = {
        "MarketIndex": 0,
        "ClientOrderIndex": 42,
        "BaseAmount": 50,
        "IsAsk": int(changed.get("side") is Side.SELL),
        "ReduceOnly": 0,
        "TriggerPrice": 230000 if "trigger" in changed else 0,
    }
    assert {name: info[name] for name in plain | expected} == plain | expected
    assert (ask.repeat, ask.priority) == (Repeat.NEVER, Priority.TRADE)
    assert ask.read(answer({"code": 200, "tx_hash": "ab", "predicted_execution_time_ms": 1})) == ()


def test_every_type_of_the_abilities_is_among_those_forms():
    types = {form.get("type", OrderType.LIMIT) for form, _ in FORMS}

    assert types == set().union(*(each.types for each in SPEC.abilities.trading.values()))


def test_a_market_order_of_a_pair_goes_by_the_last_trade():
    _, info = sent(codec().place(intent(instrument=ETH_SPOT, type=OrderType.MARKET, ticks=None)))

    assert (info["MarketIndex"], info["Price"]) == (2048, 243214)


def test_a_market_order_needs_some_price():
    made = codec()
    made.memory.ticks.clear()

    with pytest.raises(UsageError, match="none was heard"):
        made.place(intent(type=OrderType.MARKET, ticks=None)).build(NOW_NS)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"lots": 2**48}, "out of range"),
        ({"ticks": 2**32}, "out of range"),
        (
            {"time_in_force": TimeInForce.GTD, "expires_ns": NOW_NS + 299 * 10**9},
            "between 5 minutes and 30 days",
        ),
        ({"time_in_force": TimeInForce.GTD, "expires_ns": NOW_NS + 31 * DAY_MS * 10**6}, "30 days"),
        ({"type": OrderType.STOP_LIMIT, "trigger": Trigger(ticks=230000)}, "by=TriggerPrice.MARK"),
    ],
)
def test_what_the_venue_does_not_take_is_said_before_anything_is_sent(changed, reason):
    with pytest.raises(UsageError, match=reason):
        codec().place(intent(**changed)).build(NOW_NS)


def test_an_order_is_void_when_its_intent_is():
    _, info = sent(codec().place(intent(valid_until_ns=NOW_NS + 2 * 10**9)))

    assert info["ExpiredAt"] == NOW_MS + 2_000


def test_the_testnet_has_another_chain():
    request = codec(environment="testnet").place(intent()).build(NOW_NS)
    form = parse_qs(request.body.decode())
    info = msgspec.json.decode(form["tx_info"][0])
    key = schnorr.public_key(schnorr.secret_number("01" * 40))

    assert request.url.startswith("https://testnet.")
    for chain_id, valid in ((300, True), (304, False)):
        message = transaction_hash(chain_id, TransactionType.CREATE_ORDER, info)
        assert schnorr.verify(key, message, base64.b64decode(info["Sig"])) is valid


def test_cancels_go_by_our_own_name():
    made = codec()
    known = Known(intent(), made.markets.of(ETH).instrument)
    ask = made.cancel(known, 1)
    kind, info = sent(ask)

    assert (kind, info["MarketIndex"], info["Index"]) == (TransactionType.CANCEL_ORDER, 0, 42)
    assert ask.priority is Priority.CANCEL
    with pytest.raises(Rejected, match="not found"):
        ask.read(answer({"code": 21600, "message": "order not found"}, 400))


def test_a_change_that_is_refused_is_not_waited_for():
    made = codec()
    known = Known(intent(), made.markets.of(ETH).instrument)
    ask = made.amend(known, lots=60, ticks=236000, request=3)
    kind, info = sent(ask)

    assert kind is TransactionType.MODIFY_ORDER
    assert {name: info[name] for name in ("MarketIndex", "Index", "BaseAmount", "Price", "TriggerPrice")} == {
        "MarketIndex": 0, "Index": 42, "BaseAmount": 60, "Price": 236000, "TriggerPrice": 0,
    }  # fmt: skip
    assert made.memory.open_changes
    with pytest.raises(Rejected):
        ask.read(answer({"code": 21702, "message": "invalid price"}, 400))
    assert not made.memory.open_changes
    with pytest.raises(UsageError):
        made.amend(known, lots=0, ticks=1, request=4)


def test_everything_is_canceled_by_one_transaction():
    (ask,) = codec().cancel_all([ETH, BTC])
    kind, info = sent(ask)

    assert (kind, info["TimeInForce"], info["Time"]) == (TransactionType.CANCEL_ALL_ORDERS, 0, 0)
    assert ask.priority is Priority.CANCEL


def test_the_dead_mans_switch_is_a_cancel_for_later():
    made = codec()
    (ask,) = made.countdown(300, [])
    _, later = sent(ask)
    (ask,) = made.countdown(0, [])
    _, never = sent(ask)

    assert (later["TimeInForce"], later["Time"]) == (1, NOW_MS + 300_000)
    assert (never["TimeInForce"], never["Time"]) == (2, 0)


def test_leverage_and_margin_mode_are_one_setting():
    made = codec()
    with pytest.raises(ConfigError, match="leverage is not known"):
        made.margin_mode(ETH, isolated=True)
    ask = made.leverage(ETH, 20)
    kind, info = sent(ask)
    assert (kind, info["InitialMarginFraction"], info["MarginMode"]) == (
        TransactionType.UPDATE_LEVERAGE,
        500,
        0,
    )

    assert ETH not in made.memory.terms
    ask.read(answer({"code": 200, "tx_hash": "ab"}))
    _, info = sent(made.margin_mode(ETH, isolated=True))
    assert (info["InitialMarginFraction"], info["MarginMode"]) == (500, 1)
    with pytest.raises(UsageError):
        made.leverage(ETH, 0)
    assert made.leverage(ETH_SPOT, 3) is made.margin_mode(ETH_SPOT, isolated=False) is None


def test_nothing_is_signed_without_a_key():
    with pytest.raises(CredentialsError, match="xtrade keys add lighter"):
        codec(private=False).place(intent())
    assert codec(private=False).private_topics(SPEC.line(PRIVATE)) == ()


# -- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (400, {"code": 21104, "message": "invalid nonce"}, ClockOff, "invalid nonce"),
        (400, {"code": 21120, "message": "invalid signature"}, AuthFailed, "invalid signature"),
        (400, {"code": 21739, "message": "not enough margin"}, Rejected, "not enough margin (21739)"),
        (400, {"code": 99999, "message": "news"}, Rejected, "news (99999)"),
        (429, {"code": 23000, "message": "Too Many Requests!"}, RateLimited, "23000"),
        (200, {"code": 21702, "message": "invalid price"}, Rejected, "21702"),
        (500, {"code": 29500, "message": "internal"}, InDoubt, "may have taken effect"),
        (502, b"<html>bad gateway</html>", InDoubt, "HTTP 502"),
        (200, b"<html>", InDoubt, "HTTP 200"),
        (405, b"<html>", RateLimited, "HTTP 405"),
        (403, b"<html>", Rejected, "some countries"),
        (500, {"code": 77777, "message": "what"}, InDoubt, "77777"),
    ],
)
def test_what_is_said_to_an_order(status, body, error, said):
    ask = codec().place(intent())

    with pytest.raises(error) as raised:
        ask.read(answer(body, status))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_question_leaves_nothing_in_doubt():
    (ask,) = codec().balances()
    for status, body in ((502, b""), (500, {"code": 29500, "message": "internal"})):
        with pytest.raises(Unavailable):
            ask.read(answer(body, status))


def test_each_code_of_the_table_has_a_meaning_of_its_own():
    ask = codec().place(intent())
    for code in CODES:
        with pytest.raises((Rejected, RateLimited, AuthFailed, Unavailable, InDoubt)) as raised:
            ask.read(answer({"code": int(code), "message": "no"}, 400))
        assert raised.value.code == code


def test_off_grid_numbers_never_reach_a_transaction():
    """Prices and quantities are ticks and lots from the start: the venue's integers are the same ones."""
    instrument = codec().markets.of(ETH).instrument
    with pytest.raises(NumberError):
        instrument.ticks("2361.311")
    assert (instrument.ticks("2361.31"), instrument.lots("0.0050")) == (236131, 50)


def test_the_box_is_signed_for_as_the_live_venue():
    made = LighterCodec(SPEC.at("live", "http://127.0.0.1:9001"), Markets())

    assert made.listings()[0].build(NOW_NS).url == "http://127.0.0.1:9001/api/v1/orderBookDetails?filter=all"
    assert made.address(SPEC.line(PRIVATE), "") == "ws://127.0.0.1:9001/stream"
