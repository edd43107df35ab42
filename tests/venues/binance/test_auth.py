"""Signatures, against the venue's own documented vector and those that ccxt and the official SDK agree on."""

import pickle
from urllib.parse import parse_qsl, unquote

import pytest

from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import Secret
from xtrade.venues.binance.auth import BinanceKey, encoded

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
    "-----END PRIVATE KEY-----\n"
)
NOW_NS = 1_700_000_000_123_000_000
PAYLOAD = (
    "timestamp=1700000000123&symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=52000.00"
    "&newClientOrderId=abc-123_X&recvWindow=5000"
)


def key(secret=SECRET):
    return BinanceKey.from_key({"api_key": Secret(KEY), "api_secret": Secret(secret)})


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (PAYLOAD, "fbfe18bcf701fbe95d6506e9b3b810b0d8c0f5ec524f79ea5cbbf729b46d2dd8"),
        (
            (
                "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
                "&timestamp=1499827319559"
            ),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            (
                "timestamp=1700000000123&symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY"
                "&type=LIMIT&newClientOrderId=a&recvWindow=5000"
            ),
            "8621fe58b2dc2e46eb010003a745168d82e3c741b1341293d73541d0ebadf2b7",
        ),
    ],
)
def test_hmac(payload, signature):
    assert key()._sign(payload.encode()) == signature


def test_ed25519():
    signature = "M8/AKujxNh9NbW7A0gXFJdhseAA0KJXOjgTiRhOldUxHl3fZP8IyywvvJq+2U+fEaY6flwEDF+tXxVLi+evlCQ=="

    assert key(PEM)._sign(PAYLOAD.encode()) == signature


def test_a_query_is_signed_as_it_goes_out_and_says_its_time():
    symbol = "１２３４５６"  # the venue lists names in any script

    query = key().query((("symbol", symbol), ("side", "BUY")), NOW_NS, receive_ms=1_500)

    unsigned, _, signature = query.rpartition("&signature=")
    assert unsigned == (
        "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&recvWindow=1500"
        "&timestamp=1700000000123"
    )
    assert signature == key()._sign(unsigned.encode())
    assert dict(parse_qsl(query))["symbol"] == symbol


def test_base64_is_percent_encoded_on_the_wire():
    query = key(PEM).query((("symbol", "BTCUSDT"), ("orderId", "28")), NOW_NS)

    _, _, signature = query.rpartition("&signature=")
    assert not set(signature) & set("+/=")
    assert unquote(signature).endswith("==")


@pytest.mark.parametrize(
    ("secret", "signature"),
    [
        (SECRET, "3684ca8364509e9ce77e917a84c623506951c1d24df470854df5bf42d0a7b37b"),
        (PEM, "dLgvZfbZa8Q25r5MAYWJxi0nqxrTFTvZ0hl268wgIHDpUNu9iocTxdIY7S5WNeQPWlO/SBmjiR/6wyW0M9n0CQ=="),
    ],
)
def test_the_socket_signs_what_is_sorted_and_writes_times_as_numbers(secret, signature):
    assert key(secret).params({}, NOW_NS) == {
        "apiKey": KEY,
        "recvWindow": 5000,
        "timestamp": 1700000000123,
        "signature": signature,
    }


@pytest.mark.parametrize(
    ("secret", "signature"),
    [
        (SECRET, "44872d6961fa0d4a7419ade3ea8331a551cea40de08c40bde12230e5e09db0d2"),
        (PEM, "nvWsZowb0uN46z0WO4i5BPaicAR5Xit45TGOM8wqeKgoA2Kltx8h2jMWvxn5Uf3LvAcWS7YzJhic7UqNR9weBQ=="),
    ],
)
def test_an_order_through_the_socket(secret, signature):
    order = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
    }

    assert key(secret).params(order, NOW_NS, receive_ms=100)["signature"] == signature


def test_rsa_signs_so_that_its_public_key_agrees():
    from base64 import b64decode

    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    signature = key(pem)._sign(PAYLOAD.encode())

    private.public_key().verify(b64decode(signature), PAYLOAD.encode(), padding.PKCS1v15(), SHA256())


def test_a_key_shows_nothing_and_is_not_copied():
    assert repr(key()) == str(key()) == "BinanceKey('****')"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(key())


def test_pem_that_is_none_says_so_in_one_line_and_shows_nothing():
    with pytest.raises(CredentialsError, match="add the key again") as refused:
        key("-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n")

    assert "AAAA" not in str(refused.value)


def test_a_query_without_a_signature_is_encoded_alike():
    assert encoded((("symbol", "A B"), ("limit", "5"))) == "symbol=A%20B&limit=5"
