"""Strangers sign for OKX what we sign, on random requests: ccxt, and the official SDK where it is installed."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from xtrade.runtime.secrets import Secret
from xtrade.venues.okx.auth import OkxKey, timestamp

TEXT = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=32)
FORM = st.dictionaries(TEXT, TEXT | st.booleans(), min_size=1, max_size=4)
MOMENTS = st.integers(1_500_000_000_000, 2_500_000_000_000)


def ours(name, secret, passphrase):
    return OkxKey(Secret(name), Secret(secret), Secret(passphrase))


@given(name=TEXT, secret=TEXT, passphrase=TEXT, form=FORM, at_ms=MOMENTS)
def test_ccxt_signs_the_same(name, secret, passphrase, form, at_ms):
    ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")
    client = ccxt.okx({"apiKey": name, "secret": secret, "password": passphrase})
    client.nonce = client.milliseconds = lambda: at_ms
    key = ours(name, secret, passphrase)

    for method, path in (("GET", "account/balance"), ("POST", "trade/order")):
        theirs = client.sign(path, "private", method, dict(form))
        body = (theirs["body"] or "").encode()
        signed = dict(key.headers(at_ms * 1_000_000, method, theirs["url"].partition(".com")[2], body))

        assert {each: theirs["headers"][each] for each in signed} == signed


@given(name=TEXT, secret=TEXT, passphrase=TEXT, form=FORM, at_ms=MOMENTS)
def test_the_official_sdk_signs_the_same(name, secret, passphrase, form, at_ms):
    sdk = pytest.importorskip("okx.utils", reason="python-okx is not installed: uv run --with python-okx")
    at = datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat("T", "milliseconds").replace("+00:00", "Z")
    body = json.dumps(form)
    path = "/api/v5/trade/order"
    theirs = sdk.get_header(
        name, sdk.sign(sdk.pre_hash(at, "POST", path, body, False), secret), at, passphrase, "0", False
    )
    signed = dict(ours(name, secret, passphrase).headers(at_ms * 1_000_000, "POST", path, body.encode()))

    assert timestamp(at_ms * 1_000_000) == at
    for each, value in signed.items():
        found = theirs[each]
        assert (found.decode() if isinstance(found, bytes) else found) == value
