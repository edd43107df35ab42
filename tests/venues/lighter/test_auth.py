"""A key signs what the venue accepts, numbers what it signs, and never shows itself."""

import base64

import pytest

from venues.lighter.desk import NOW_NS, key
from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import Secret
from xtrade.venues.lighter.auth import TOKEN_S, LighterKey
from xtrade.venues.lighter.signing import schnorr
from xtrade.venues.lighter.transactions import Attribute, TransactionType, text_hash, transaction_hash

FIELDS = {"account_index": "12345", "api_key_index": "4", "private_key": "0x" + "01" * 40}
CANCEL = {"MarketIndex": 1, "Index": 777}


def test_what_a_key_signs_is_what_the_venue_checks():
    made = LighterKey.from_key(FIELDS)
    signed = made.transaction(NOW_NS, 304, TransactionType.CANCEL_ORDER, CANCEL)
    message = transaction_hash(304, TransactionType.CANCEL_ORDER, signed.info)

    assert list(signed.info) == [
        "AccountIndex", "ApiKeyIndex", "MarketIndex", "Index", "ExpiredAt", "Nonce", "Sig", "L2TxAttributes",
    ]  # fmt: skip
    assert signed.info["AccountIndex"] == 12345
    assert signed.info["ExpiredAt"] == NOW_NS // 10**6 + 599_000
    assert signed.info["L2TxAttributes"] == {"4": 1}
    assert signed.hash == schnorr.hash_bytes(message).hex()
    assert schnorr.verify(made.public_key, message, base64.b64decode(signed.info["Sig"]))


def test_numbers_rise_with_the_clock_and_never_fall():
    made = key()
    times = [NOW_NS, NOW_NS, NOW_NS + 10**6, NOW_NS + 10**9, NOW_NS - 10**9, NOW_NS]
    numbers = [made.transaction(at, 304, TransactionType.CANCEL_ORDER, CANCEL).info["Nonce"] for at in times]

    first = NOW_NS // 10**6
    assert numbers == [first, first + 1, first + 2, first + 1000, first + 1001, first + 1002]
    assert numbers[-1] < 2**47


def test_an_order_is_void_when_its_intent_is():
    made = key()
    soon = made.transaction(NOW_NS, 304, TransactionType.CANCEL_ORDER, CANCEL, until_ns=NOW_NS + 10**9)
    late = made.transaction(NOW_NS, 304, TransactionType.CANCEL_ORDER, CANCEL, until_ns=NOW_NS + 10**13)

    assert soon.info["ExpiredAt"] == NOW_NS // 10**6 + 1_000
    assert late.info["ExpiredAt"] == NOW_NS // 10**6 + 599_000


def test_attributes_beside_the_skipped_numbers_stand_in_order():
    added = {Attribute.SELF_TRADE_BEHAVIOUR: 1, Attribute.MARKET: 7}
    signed = key().transaction(NOW_NS, 304, TransactionType.CANCEL_ORDER, CANCEL, attributes=added)

    assert list(signed.info["L2TxAttributes"].items()) == [("4", 1), ("5", 7), ("6", 1)]


def test_a_token_serves_for_a_while_and_dies_within_what_the_venue_allows():
    made = key()
    token = made.token(NOW_NS)
    text, _, signature = token.rpartition(":")
    deadline_s = int(text.split(":")[0])

    assert text.split(":")[1:] == ["1234", "4"]
    assert TOKEN_S <= deadline_s - NOW_NS // 10**9 <= 2 * TOKEN_S < 8 * 3600
    assert schnorr.verify(made.public_key, text_hash(text), bytes.fromhex(signature))
    assert made.token(NOW_NS + 10**9) == token
    assert made.token(NOW_NS + TOKEN_S * 10**9) != token


@pytest.mark.parametrize(
    "wrong",
    [
        {"private_key": "01" * 39},
        {"private_key": "zz" * 40},
        {"private_key": "00" * 40},
        {"account_index": "me"},
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(wrong):
    with pytest.raises(CredentialsError, match="80 hex digits") as error:
        LighterKey.from_key(FIELDS | wrong)

    assert "0101" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_key_shows_itself_as_stars():
    made = LighterKey.from_key({name: Secret(value) for name, value in FIELDS.items()})

    assert repr(made) == "LighterKey(12345, 4, '****')"
    assert "01" * 10 not in repr(vars(made))
