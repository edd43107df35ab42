"""What OKX wants signed, against vectors on which python-okx and ccxt agree."""

import json

import pytest

from kit.okx import NOW_NS, fields, intended, made
from xtrade.model.errors import CredentialsError
from xtrade.venues.okx.auth import OkxKey, timestamp
from xtrade.venues.okx.spec import SPEC

QUESTION = "/api/v5/account/balance?ccy=BTC"
COMMAND = b'{"instId":"BTC-USDT","tdMode":"cash","clOrdId":"b15","side":"buy","ordType":"limit","px":"2.15","sz":"2"}'


@pytest.fixture
def key():
    return OkxKey.from_key(fields())


def test_a_question_is_signed_with_its_query(key):
    told = dict(key.headers(NOW_NS, "GET", QUESTION))

    assert told["OK-ACCESS-SIGN"] == "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="
    assert told["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.715Z"
    assert told["OK-ACCESS-KEY"] == "a1b2c3d4-0000-1111-2222-333344445555"
    assert told["OK-ACCESS-PASSPHRASE"] == "Passphrase1!"


def test_a_command_is_signed_with_its_body(key):
    told = dict(key.headers(NOW_NS, "POST", "/api/v5/trade/order", COMMAND))

    assert told["OK-ACCESS-SIGN"] == "dI6rrL9rXW/HdaPKJ/6LC1OgvH4/PYju6R3CqixMTNQ="


def test_a_login_is_signed_by_the_second(key):
    told = key.login(1_704_876_947_999_000_000)

    assert told["timestamp"] == "1704876947"
    assert told["sign"] == "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU="


def test_what_is_signed_is_what_is_sent():
    codec = made()
    request = codec.place(intended(codec)).build(NOW_NS)
    sent = dict(request.headers)
    again = dict(OkxKey.from_key(fields()).headers(NOW_NS, "POST", "/api/v5/trade/order", request.body))

    assert request.url == "https://openapi.okx.com/api/v5/trade/order"
    assert sent["OK-ACCESS-SIGN"] == again["OK-ACCESS-SIGN"]


def test_the_time_has_milliseconds_also_when_there_are_none():
    assert timestamp(1_607_418_537_000_000_000) == "2020-12-08T09:08:57.000Z"
    assert timestamp(1_607_418_537_009_999_999) == "2020-12-08T09:08:57.009Z"


def test_a_key_shows_nothing(key):
    codec = made()
    shown = f"{key!r} {key} {codec.place(intended(codec)).build(NOW_NS)!r}"

    assert not any(secret.reveal() in shown for secret in fields().values())


def test_demo_says_so_in_a_header_and_keeps_the_host():
    request = made("testnet").balances()[0].build(NOW_NS)

    assert request.url.startswith("https://openapi.okx.com/")
    assert ("x-simulated-trading", "1") in request.headers
    assert ("x-simulated-trading", "1") in made("testnet").clock().build(NOW_NS).headers
    assert "x-simulated-trading" not in dict(made().balances()[0].build(NOW_NS).headers)


def test_without_a_key_nothing_is_asked_about_an_account():
    codec = made(signs=False)

    with pytest.raises(CredentialsError, match="xtrade keys add okx"):
        codec.balances()
    assert codec.login(SPEC.line("private"), 1, NOW_NS) is None


def test_a_login_is_one_message():
    codec = made()
    message = json.loads(codec.login(SPEC.line("private"), 1, 1_704_876_947_000_000_000))

    assert message["op"] == "login"
    assert message["args"][0]["sign"] == "5/36BgGV6m/6pmdc20zdqk0mzF5ZalmzzPD2fo3wavU="
