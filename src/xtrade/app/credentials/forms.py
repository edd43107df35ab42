"""Forms of fields: what a key, a secret or an account number must look like, proved by using it.

Each form takes what a person has given and returns it as it is kept, or raises `ValueError` with a reason that
says nothing of the value. Nothing here asks a venue.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from xtrade.runtime.secrets import REDACTABLE_LENGTH_MIN, Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "ED25519_PUBLIC",
    "ED25519_SEED",
    "EVM_ADDRESS",
    "HMAC_OR_PEM",
    "LABEL",
    "LIGHTER_KEY",
    "SECP256K1",
    "STARKNET_ADDRESS",
    "STARK_KEY",
    "TEXT",
    "Form",
    "ed25519_pair",
    "whole",
]

PROBE: Final = b"xtrade keys test"
SECP256K1_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
STARK_ORDER: Final = 0x08000000_00000010_FFFFFFFF_FFFFFFFF_B781126D_CAE7B232_1E66A241_ADC64D2F


class Form(NamedTuple):
    """One form: how to name it to a person, and the check that returns the value as it is kept."""

    name: str
    check: Callable[[str], str]


def whole(low: int, high: int) -> Form:
    """Return the form of whole numbers from `low` to `high`."""

    def check(given: str) -> str:
        if not re.fullmatch(r"[0-9]{1,20}", given, re.ASCII) or not low <= int(given) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return str(int(given))

    return Form("number" if high > 1_000_000 else f"number, {low} to {high}", check)


def ed25519_pair(public: str, seed: str) -> None:
    """Refuse a public key that is not that of the seed."""
    if _public_bytes(_ed25519(base64.b64decode(seed))) != base64.b64decode(public):
        raise ValueError(
            "the API key is not the public key of this private key: they are of two different pairs"
        )


def _label(given: str) -> str:
    if not given or not given.isprintable():
        raise ValueError("expected one line of text")
    return given


def _text(given: str) -> str:
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError("expected plain characters without spaces: was more than the value copied?")
    return _long_enough(given)


def _passphrase(given: str) -> str:
    if not given.isprintable():
        raise ValueError("expected one line of text")
    return _long_enough(given)


def _long_enough(given: str) -> str:
    if len(given) < REDACTABLE_LENGTH_MIN:
        raise ValueError(
            f"expected at least {REDACTABLE_LENGTH_MIN} characters (a shorter one cannot be kept out of logs)"
        )
    return given


def _hmac_or_pem(given: str) -> str:
    if "-----BEGIN" not in given:
        return _text(given)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # A variable of the environment often holds the line ends as two characters.
    pem = given.replace("\\n", "\n").strip() + "\n"
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError(
            "the PEM key has a password of its own: store it without, xtrade encrypts it"
        ) from None
    except Exception:  # noqa: BLE001  (whatever the parser stumbles over, the key is not one)
        raise ValueError("the PEM text is not a private key: was a line lost?") from None
    if isinstance(key, Ed25519PrivateKey):
        _prove_ed25519(key)
        # Others write the same key as its 32 bytes: they are not to be shown either.
        Secret(key.private_bytes_raw().hex())
    elif not isinstance(key, RSAPrivateKey):
        raise ValueError("expected an Ed25519 or RSA key")
    return pem


def _ed25519_seed(given: str) -> str:
    raw = _base64(given)
    if len(raw) not in {32, 64}:
        raise ValueError(f"expected base64 of 32 bytes, got {len(raw)}")
    key = _ed25519(raw[:32])
    # Some tools export the seed with the public key behind it.
    if raw[32:] not in {b"", _public_bytes(key)}:
        raise ValueError("the second half is not the public key of the first: the text is damaged")
    _prove_ed25519(key)
    return base64.b64encode(raw[:32]).decode()


def _ed25519_public(given: str) -> str:
    raw = _base64(given)
    if len(raw) != 32:
        raise ValueError(f"expected base64 of 32 bytes, got {len(raw)}")
    return base64.b64encode(raw).decode()


def _secp256k1(given: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    number = int(_hex(given, digits=64), 16)
    if not 0 < number < SECP256K1_ORDER:
        raise ValueError("the number is not a key of the secp256k1 curve")
    key = ec.derive_private_key(number, ec.SECP256K1())
    key.public_key().verify(key.sign(PROBE, ec.ECDSA(SHA256())), PROBE, ec.ECDSA(SHA256()))
    return f"0x{number:064x}"


def _stark_key(given: str) -> str:
    number = int(_hex(given, digits_max=64), 16)
    if not 0 < number < STARK_ORDER:
        raise ValueError("the number is not a key of the STARK curve (was the Ethereum key pasted?)")
    return f"0x{number:x}"


def _lighter_key(given: str) -> str:
    digits = _hex(given, digits=80)
    if int(digits, 16) == 0:
        raise ValueError("the key is zero")
    return "0x" + digits


def _evm_address(given: str) -> str:
    # Case is kept: it is the address's checksum.
    _hex(given, digits=40)
    return "0x" + given.removeprefix("0x")


def _starknet_address(given: str) -> str:
    number = int(_hex(given, digits_max=64), 16)
    if not 0 < number < 2**251:
        raise ValueError("the number is not an address of Starknet")
    return f"0x{number:x}"


def _hex(given: str, *, digits: int | None = None, digits_max: int | None = None) -> str:
    body = given.removeprefix("0x").removeprefix("0X").lower()
    if not re.fullmatch(r"[0-9a-f]+", body):
        raise ValueError("expected hex digits")
    if digits is not None and len(body) != digits:
        raise ValueError(f"expected {digits} hex digits, got {len(body)}")
    if digits_max is not None and len(body) > digits_max:
        raise ValueError(f"expected at most {digits_max} hex digits, got {len(body)}")
    return body


def _base64(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except ValueError:
        raise ValueError("expected base64") from None


def _ed25519(seed: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed)


def _prove_ed25519(key: Ed25519PrivateKey) -> None:
    key.public_key().verify(key.sign(PROBE), PROBE)


def _public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


TEXT: Final = Form("text, as the venue shows it", _text)
PASSPHRASE: Final = Form("text, as you chose it", _passphrase)
LABEL: Final = Form("text, as you chose it", _label)
HMAC_OR_PEM: Final = Form("text (HMAC), or a private key in PEM (Ed25519, RSA)", _hmac_or_pem)
ED25519_SEED: Final = Form("Ed25519 private key, base64", _ed25519_seed)
ED25519_PUBLIC: Final = Form("Ed25519 public key, base64", _ed25519_public)
SECP256K1: Final = Form("secp256k1 private key, 64 hex digits", _secp256k1)
STARK_KEY: Final = Form("STARK private key, hex", _stark_key)
LIGHTER_KEY: Final = Form("Lighter API private key, 80 hex digits", _lighter_key)
EVM_ADDRESS: Final = Form("0x and 40 hex digits", _evm_address)
STARKNET_ADDRESS: Final = Form("0x and up to 64 hex digits", _starknet_address)
