"""How Binance knows us: a key in a header, and a signature over exactly what is sent.

    key = BinanceKey.from_key(fields)
    key.query((("symbol", "BTCUSDT"),), now_ns)       # HTTP: the query to send, signed as it is written
    key.params({"symbol": "BTCUSDT"}, now_ns)         # WebSocket API: the parameters to send, signed in their order

The secret decides the kind: text is HMAC; a private key in PEM is Ed25519 or RSA.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

from typing_extensions import override

from xtrade.model.errors import CredentialsError
from xtrade.runtime.secrets import STARS, Secret

__all__ = ["RECEIVE_MS", "BinanceKey", "encoded"]

RECEIVE_MS: Final = 5_000
"""How late a request may arrive, where the order itself does not say."""

_MS_NS: Final = 1_000_000
_Sign: TypeAlias = Callable[[bytes], str]


class BinanceKey:
    """One key. It shows itself as stars, and signs."""

    __slots__ = ("_api_key", "_sign")

    def __init__(self, api_key: Secret, sign: _Sign) -> None:
        self._api_key = api_key
        self._sign = sign

    @classmethod
    def from_key(cls, fields: Mapping[str, Secret]) -> BinanceKey:
        """Make it of the fields that `xtrade keys add` asks for."""
        secret = fields["api_secret"].reveal()
        return cls(fields["api_key"], _by_pem(secret) if "-----BEGIN" in secret else _by_hmac(secret))

    @property
    def header(self) -> tuple[str, str]:
        """The header that every request of ours carries."""
        return "X-MBX-APIKEY", self._api_key.reveal()

    def query(self, params: Iterable[tuple[str, str]], now_ns: int, *, receive_ms: int = RECEIVE_MS) -> str:
        """Return a signed query. What is signed is the text as it goes out, already percent-encoded."""
        unsigned = encoded((*params, ("recvWindow", str(receive_ms)), ("timestamp", str(now_ns // _MS_NS))))
        return f"{unsigned}&signature={quote(self._sign(unsigned.encode()), safe='')}"

    def params(
        self, params: Mapping[str, str], now_ns: int, *, receive_ms: int = RECEIVE_MS
    ) -> dict[str, str | int]:
        """Return signed parameters of the WebSocket API: sorted by name, nothing encoded.

        Signed so, values must be plain ASCII: what the venue signs of others is not settled between its own documents.
        """
        asked: dict[str, str | int] = {
            **params,
            "apiKey": self._api_key.reveal(),
            "recvWindow": receive_ms,
            "timestamp": now_ns // _MS_NS,
        }
        unsigned = "&".join(f"{name}={asked[name]}" for name in sorted(asked))
        asked["signature"] = self._sign(unsigned.encode())
        return asked

    @override
    def __repr__(self) -> str:
        return f"BinanceKey({STARS!r})"

    @override
    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a key cannot be pickled or copied")


def encoded(params: Iterable[tuple[str, str]]) -> str:
    """Write a query; also for requests that are not signed."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in params)


def _by_hmac(secret: str) -> _Sign:
    key = secret.encode()
    return lambda payload: hmac.digest(key, payload, "sha256").hex()


def _by_pem(pem: str) -> _Sign:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise CredentialsError(
            "binance: the PEM text is not a private key without a password: add the key again"
        ) from None
    if isinstance(key, Ed25519PrivateKey):
        edwards = key
        return lambda payload: base64.b64encode(edwards.sign(payload)).decode()
    if isinstance(key, RSAPrivateKey):
        rivest = key
        return lambda payload: base64.b64encode(rivest.sign(payload, PKCS1v15(), SHA256())).decode()
    raise CredentialsError("binance: expected an Ed25519 or RSA key: add the key again")
