"""The hash of each kind of transaction is what the venue's library computed for it."""

import base64
import json

import pytest

from xtrade.venues.lighter.signing import schnorr
from xtrade.venues.lighter.transactions import BODIES, TransactionType, text_hash, transaction_hash

PUBLIC = bytes.fromhex("027f6a92cd1f3b85e659d443018a1a1d573e3f09fe2dc988f81c276e45c9fcbc00fbf4621d237fb8")


def info(nonce, expired_at, attributes=None, **body):
    head = {"AccountIndex": 12345, "ApiKeyIndex": 4}
    return head | body | {"ExpiredAt": expired_at, "Nonce": nonce, "L2TxAttributes": attributes}


def order(**changes):
    fields = {
        "MarketIndex": 1,
        "ClientOrderIndex": 777,
        "BaseAmount": 10000,
        "Price": 6500000,
        "IsAsk": 0,
        "Type": 0,
        "TimeInForce": 1,
        "ReduceOnly": 0,
        "TriggerPrice": 0,
        "OrderExpiry": 1800000000000,
    }
    return fields | changes


POST_ONLY_ASK = {
    "ClientOrderIndex": 779,
    "Price": 6400000,
    "IsAsk": 1,
    "TimeInForce": 2,
    "ReduceOnly": 1,
}
LEVERAGE = {"MarketIndex": 1, "InitialMarginFraction": 500, "MarginMode": 0}

# Made by the venue's library 1.1.8, with the key 01..01.
WORKED = [
    (
        14,
        info(42, 1795176205146, **order()),
        "d6e6c2ea9f14ba36810c0d9f14e16c641c0068eecbf66a158370f1d1277bdbb2613974a7f6e89da5",
    ),
    (
        14,
        info(42, 1795176205148, **order()),
        "8cff19bcd2df3068e539e2e305125aae2236755230b3d80c0b1c29fe8916308545f7b2c6d6a63bf3",
    ),
    (
        14,
        info(44, 1795176205152, {"4": 1, "6": 1, "7": 1}, **order(**POST_ONLY_ASK)),
        "2ac67c5d9090225a1ef3bc3244d4f55753276b445fc6c29a514001b100a5b220867c0fc2d03d5b37",
    ),
    (
        15,
        info(45, 1795176205154, MarketIndex=1, Index=777),
        "a051ce7bc12d0865637b3b3b9bc04b84c1b167a9ba4196e720d02cb3a87764bfeb4b5ad866aaf729",
    ),
    (
        16,
        info(46, 1795176205155, TimeInForce=0, Time=0),
        "c3bba42bd401686bae4d09afc14da7f9ed317f790c9ca833e6c7a82f4f6db8cf1bba4d974aa867e4",
    ),
    (
        20,
        info(48, 1795176205160, **LEVERAGE),
        "1089ed3e9498e00dc03559d278a1cb868d891e09d779212faac5a923ff9b6908dd151e8bc2ea4865",
    ),
]


def hash_hex(kind, transaction, chain_id=304):
    return schnorr.hash_bytes(transaction_hash(chain_id, TransactionType(kind), transaction)).hex()


@pytest.mark.parametrize(("kind", "transaction", "expected"), WORKED)
def test_worked_hashes(kind, transaction, expected):
    assert hash_hex(kind, transaction) == expected


def test_a_signature_of_the_library_is_valid():
    signature = (
        "THiIbazNCV2I7BL2DGVOIr3OdzjTBNOiC8lQ1a71Wp6bhlPTq4OdFZLT"
        "jDsqyoG6KSGx9RiT1baCnNersbE1KZfUYo6N39BDT8HGbX5C0jg="
    )
    message = transaction_hash(304, TransactionType.CREATE_ORDER, WORKED[0][1])

    assert schnorr.verify(PUBLIC, message, base64.b64decode(signature))


def test_the_hash_of_an_auth_token():
    expected = "338a10d7512679a99d2a23ee573daa7e9f3f8017d1100cb9090c54b727379a5dfa8c98dda2b6747a"

    assert schnorr.hash_bytes(text_hash("1800000000:12345:4")).hex() == expected


def test_hashes_and_signatures_of_the_recorded_oracle(recorded):
    vectors = recorded("signing_tx_oracle.json")["vectors"]
    checked = 0
    for row in vectors:
        if row["tx_type"] not in BODIES:
            continue
        transaction = json.loads(row["tx_info"])
        public = schnorr.public_key(schnorr.secret_number(row["sk"]))
        message = transaction_hash(row["chain_id"], TransactionType(row["tx_type"]), transaction)
        assert schnorr.hash_bytes(message).hex() == row["tx_hash"]
        assert schnorr.verify(public, message, bytes.fromhex(row["sig"]))
        checked += 1
    assert checked == 7


def test_recorded_auth_tokens(recorded):
    for row in recorded("signing_auth_token_oracle.json")["vectors"]:
        text, _, signature = row["token"].rpartition(":")
        public = schnorr.public_key(schnorr.secret_number(row["sk"]))
        assert schnorr.verify(public, text_hash(text), bytes.fromhex(signature))


def test_attributes_that_say_nothing_change_nothing():
    plain = hash_hex(14, info(42, 1795176205146, **order()))

    assert hash_hex(14, info(42, 1795176205146, {"1": 0, "2": 0, "3": 0, "5": 255}, **order())) == plain
    assert hash_hex(14, info(42, 1795176205146, {"4": 1}, **order())) != plain
    assert hash_hex(16, info(46, 1, {"5": 0}, TimeInForce=0, Time=0)) != hash_hex(
        16, info(46, 1, TimeInForce=0, Time=0)
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (14, order()),
        (15, {"MarketIndex": 1, "Index": 777}),
        (16, {"TimeInForce": 1, "Time": 1800000000000}),
        (17, {"MarketIndex": 1, "Index": 777, "BaseAmount": 5, "Price": 6, "TriggerPrice": 0}),
        (20, LEVERAGE),
        (28, {"GroupingType": 2, "Orders": [order(), order(Type=4), order(Type=2)]}),
        (29, {"MarketIndex": 1, "USDCAmount": 2**33 + 7, "Direction": 1}),
    ],
)
def test_every_number_of_a_transaction_is_in_its_hash(kind, body):
    whole = info(42, 1795176205146, **body)
    hashes = [hash_hex(kind, whole), hash_hex(kind, whole, chain_id=300)]
    changes = [whole | {name: value + 1} for name, value in whole.items() if isinstance(value, int)]
    for place, each in enumerate(body.get("Orders", ())):
        for name in each:
            orders = list(body["Orders"])
            orders[place] = each | {name: each[name] + 1}
            changes.append(whole | {"Orders": orders})
    hashes += [hash_hex(kind, change) for change in changes]

    assert len(changes) >= len(BODIES[TransactionType(kind)]) + 4 - (kind == 28)
    assert len(set(hashes)) == len(hashes)
