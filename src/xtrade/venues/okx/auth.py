"""How OKX knows us: HMAC-SHA256 over the time, the method, the path and the very bytes that are sent.

key = OkxKey.from_key({"api_key": …, "api_secret": …, "passphrase": …})
key.headers(now_ns, "GET", "/api/v5/account/balance?ccy=BTC")
key.login(now_ns)                                # the argument of a socket's login
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Self, final

from typing_extensions import override

from xtrade.runtime.secrets import Secret

__all__ = ["OkxKey", "timestamp"]

_SECOND_NS = 1_000_000_000
_MS_NS = 1_000_000


@final
class OkxKey:
    """One API key with its secret and its passphrase."""

    __slots__ = ("_name", "_passphrase", "_secret")

    def __init__(self, name: Secret, secret: Secret, passphrase: Secret) -> None:
        self._name = name
        self._secret = secret
        self._passphrase = passphrase

    @classmethod
    def from_key(cls, fields: Mapping[str, Secret]) -> Self:
        """Take the fields that `xtrade keys add okx` asks for."""
        return cls(fields["api_key"], fields["api_secret"], fields["passphrase"])

    def headers(self, now_ns: int, method: str, path: str, body: bytes = b"") -> tuple[tuple[str, str], ...]:
        """Return what a request carries: `path` with its query, as they are sent."""
        at = timestamp(now_ns)
        return (
            ("OK-ACCESS-KEY", self._name.reveal()),
            ("OK-ACCESS-SIGN", self._sign(f"{at}{method}{path}".encode() + body)),
            ("OK-ACCESS-TIMESTAMP", at),
            ("OK-ACCESS-PASSPHRASE", self._passphrase.reveal()),
        )

    def login(self, now_ns: int) -> dict[str, str]:
        """Return what a login over a socket carries; here the time is in whole seconds."""
        at = str(now_ns // _SECOND_NS)
        return {
            "apiKey": self._name.reveal(),
            "passphrase": self._passphrase.reveal(),
            "timestamp": at,
            "sign": self._sign(f"{at}GET/users/self/verify".encode()),
        }

    def _sign(self, text: bytes) -> str:
        return base64.b64encode(hmac.digest(self._secret.reveal().encode(), text, "sha256")).decode()

    @override
    def __repr__(self) -> str:
        return "OkxKey(****)"


def timestamp(now_ns: int) -> str:
    """Write a time as OKX wants it signed: `2020-12-08T09:08:57.715Z`."""
    seconds, rest_ns = divmod(now_ns, _SECOND_NS)
    return f"{_to_the_second(seconds)}.{rest_ns // _MS_NS:03d}Z"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
