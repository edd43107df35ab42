"""Keys and signatures: Schnorr's, on ecGFp5, over hashes by Poseidon2.

secret_number   the number that the text of a key stands for
public_key      what others know of it
sign            a signature of a hash
verify          is this a signature of that hash?

A signature needs a number k that nobody can guess and that never serves twice: with one k under two signatures the
key can be computed. It is made from the key and the hash (as in RFC 6979 and Ed25519) and not drawn: no generator
of chance can fail, and the same order is the same bytes each time.
"""

from __future__ import annotations

import hmac
from typing import Final, TypeAlias

import numpy as np

from xtrade.venues.lighter.signing.curve import ORDER, combine
from xtrade.venues.lighter.signing.poseidon import digest
from xtrade.venues.lighter.signing.quintic import Words, words

__all__ = ["SIGNATURE_BYTES", "Hash", "hash_bytes", "public_key", "secret_number", "sign", "verify"]

Hash: TypeAlias = tuple[int, ...]
"""Five numbers below p: what `digest` returns, and what is signed."""

SIGNATURE_BYTES: Final = 80
_PURPOSE: Final = b"xtrade: k of a signature for Lighter"
_PRIME: Final = 2**64 - 2**32 + 1
_NO_POINT: Final = np.zeros(5, np.uint64)


def secret_number(key: str) -> int:
    """Return the number that a key of 80 hex digits stands for."""
    raw = bytes.fromhex(key.removeprefix("0x"))
    assert len(raw) == 40
    number = int.from_bytes(raw, "little") % ORDER
    assert number
    return number


def public_key(secret: int) -> bytes:
    """Return the 40 bytes that the venue knows a key by."""
    return hash_bytes(_sum_of_multiples(secret, 0, _NO_POINT))


def sign(secret: int, message: Hash) -> bytes:
    """Sign a hash: 80 bytes, the same each time."""
    k = _unguessable(secret, message)
    e = _challenge(_sum_of_multiples(k, 0, _NO_POINT), message)
    s = (k - e * secret) % ORDER
    return s.to_bytes(40, "little") + e.to_bytes(40, "little")


def verify(public: bytes, message: Hash, signature: bytes) -> bool:
    """Say whether the holder of the key behind `public` signed that hash."""
    if len(public) != 40 or len(signature) != SIGNATURE_BYTES:
        return False
    s, e = int.from_bytes(signature[:40], "little"), int.from_bytes(signature[40:], "little")
    point = np.frombuffer(public, "<u8").astype(np.uint64)
    if s >= ORDER or e >= ORDER or max(point) >= _PRIME:
        return False
    r = _sum_of_multiples(s, e, point)
    return bool(r) and _challenge(r, message) == e


def hash_bytes(message: Hash) -> bytes:
    """Write five numbers as 40 bytes."""
    return b"".join(number.to_bytes(8, "little") for number in message)


def _sum_of_multiples(of_generator: int, of_point: int, point: Words) -> Hash:
    """Return the encoded sum; empty if `point` is none."""
    result = np.zeros(5, np.uint64)
    known = combine(np.stack((words(of_generator), words(of_point))), point, result)
    return tuple(int(number) for number in result) if known else ()


def _challenge(r: Hash, message: Hash) -> int:
    return int.from_bytes(hash_bytes(digest((*r, *message))), "little") % ORDER


def _unguessable(secret: int, message: Hash) -> int:
    """Return a number below the order, as good as drawn: of 512 bits, so that none is likelier than others."""
    mac = hmac.digest(secret.to_bytes(40, "little"), _PURPOSE + hash_bytes(message), "sha512")
    return int.from_bytes(mac, "little") % ORDER
