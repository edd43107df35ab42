"""Signatures are those of the reference and of the venue's own library."""

import pytest
from hypothesis import given, settings, strategies as st

from xtrade.venues.lighter.signing import schnorr
from xtrade.venues.lighter.signing.curve import ORDER
from xtrade.venues.lighter.signing.poseidon import digest

KEY = "01" * 40
PUBLIC = "027f6a92cd1f3b85e659d443018a1a1d573e3f09fe2dc988f81c276e45c9fcbc00fbf4621d237fb8"
MESSAGE = digest([1, 2, 3])


def split(text):
    raw = bytes.fromhex(text)
    return tuple(int.from_bytes(raw[start : start + 8], "little") for start in range(0, len(raw), 8))


def test_the_librarys_public_key():
    assert schnorr.public_key(schnorr.secret_number(KEY)).hex() == PUBLIC
    assert schnorr.secret_number("0x" + KEY) == schnorr.secret_number(KEY)


def test_a_key_above_the_order_is_reduced():
    assert schnorr.secret_number("ff" * 40) == (2**320 - 1) % ORDER


def test_reference_keys_and_signatures(recorded, monkeypatch):
    vectors = recorded("signing_schnorr_vectors.json")["vectors"]

    for row in vectors["keygen"]:
        assert schnorr.public_key(schnorr.secret_number(row["sk"])).hex() == row["pk"]
    for row in vectors["sign"]:
        secret, message = schnorr.secret_number(row["sk"]), split(row["hashed_msg"])
        k = int.from_bytes(bytes.fromhex(row["k"]), "little")
        public = schnorr.public_key(secret)
        with monkeypatch.context() as patch:
            patch.setattr(schnorr, "_unguessable", lambda *_, k=k: k)
            assert schnorr.sign(secret, message).hex() == row["sig"]
        assert schnorr.verify(public, message, bytes.fromhex(row["sig"]))
        assert schnorr.verify(public, message, schnorr.sign(secret, message))


def test_a_signature_is_of_one_key_one_message_and_its_own_bytes():
    secret = schnorr.secret_number(KEY)
    public, signature = schnorr.public_key(secret), schnorr.sign(secret, MESSAGE)

    assert schnorr.verify(public, MESSAGE, signature)
    assert not schnorr.verify(public, digest([1, 2, 4]), signature)
    assert not schnorr.verify(schnorr.public_key(secret + 1), MESSAGE, signature)
    for place in (0, 39, 40, 79):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not schnorr.verify(public, MESSAGE, bytes(changed))


def test_k_never_serves_twice():
    """With one k under two messages, or of two keys in step, anybody could compute the key."""
    secret = schnorr.secret_number(KEY)
    ks = {schnorr._unguessable(key, digest([m])) for key in (secret, secret + 1) for m in range(50)}

    assert len(ks) == 100
    assert schnorr.sign(secret, MESSAGE) == schnorr.sign(secret, MESSAGE)


@pytest.mark.parametrize(
    ("public", "signature"),
    [
        (b"", b""),
        (bytes.fromhex(PUBLIC), bytes(79)),
        (bytes.fromhex(PUBLIC)[:39], bytes(80)),
        (b"\xff" * 40, bytes(80)),
        (b"\x03" + bytes(39), bytes(80)),
        (bytes.fromhex(PUBLIC), b"\xff" * 80),
        (bytes.fromhex(PUBLIC), ORDER.to_bytes(40, "little") + bytes(40)),
        (bytes.fromhex(PUBLIC), bytes(80)),
    ],
)
def test_what_is_no_key_or_no_signature_is_not_verified(public, signature):
    assert not schnorr.verify(public, MESSAGE, signature)


@settings(max_examples=25)
@given(st.integers(1, ORDER - 1), st.lists(st.integers(0, 2**64 - 2**32), max_size=20))
def test_every_key_verifies_what_it_signs(secret, numbers):
    message = digest(numbers)

    assert schnorr.verify(schnorr.public_key(secret), message, schnorr.sign(secret, message))
