"""Who asks, whether the signature is right, and whether it is too much: what stands before every answer."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from msgspec import Struct

from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.server import Asked

__all__ = ["Denied", "Gate", "Limits", "Signed", "missing", "signed_parts", "whole"]

_MS_NS: Final = 1_000_000
_AHEAD_MS: Final = 1_000
_RECEIVE_MS: Final = 5_000
_RECEIVE_MS_MAX: Final = 60_000


class Denied(Exception):
    """A refusal, in the venue's words."""

    def __init__(
        self, code: int, text: str, status: int = 400, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.code, self.status, self.headers = code, status, headers or {}


class Limits(Struct, frozen=True, kw_only=True):
    """What one half allows: weight a minute by address; orders in ten seconds and in a longer window by account."""

    weight: int
    orders: int
    orders_long: int
    long_name: str
    long_ms: int


class Signed(NamedTuple):
    """A request taken apart: its parameters, what was signed, and the signature."""

    params: dict[str, str]
    payload: str
    signature: str


def signed_parts(asked: Asked) -> Signed:
    """Take a request apart: query and body are signed as they were sent, one after the other; the query wins."""
    body = asked.body.decode("utf-8", "replace")
    parts = []
    signature = ""
    for text in (asked.query, body):
        kept = []
        for part in text.split("&"):
            if part.startswith("signature="):
                signature = dict(parse_qsl(part)).get("signature", "")
            else:
                kept.append(part)
        parts.append("&".join(kept))
    params = dict(parse_qsl(parts[1], keep_blank_values=True)) | dict(
        parse_qsl(parts[0], keep_blank_values=True)
    )
    return Signed(params, parts[0] + parts[1], signature)


class Gate:
    """The gate of one half."""

    def __init__(self, accounts: Sequence[BoxAccount], limits: Limits) -> None:
        self._by_key = {account.key["api_key"]: account for account in accounts}
        self.limits = limits
        self._used: dict[tuple[str, str, int], int] = {}

    # -- who ------------------------------------------------------------------------------------------------------

    def owner(self, key: str | None) -> BoxAccount:
        """Return whose key it is."""
        if not key:
            raise Denied(-2014, "API-key format invalid.", 401)
        account = self._by_key.get(key)
        if account is None:
            raise Denied(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def check(self, account: BoxAccount, signed: Signed, now_ns: int) -> None:
        """Check a signature and its time."""
        expected = hmac.digest(account.key["api_secret"].encode(), signed.payload.encode(), "sha256").hex()
        if not signed.signature:
            raise missing("signature")
        if not hmac.compare_digest(expected, signed.signature.lower()):
            raise Denied(-1022, "Signature for this request is not valid.")
        at_ms = whole(signed.params, "timestamp")
        receive_ms = whole(signed.params, "recvWindow") if "recvWindow" in signed.params else _RECEIVE_MS
        if not 0 < receive_ms <= _RECEIVE_MS_MAX:
            raise Denied(-1131, "recvWindow must be less than 60000")
        now_ms = now_ns // _MS_NS
        if at_ms >= now_ms + _AHEAD_MS:
            raise Denied(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if now_ms - at_ms > receive_ms:
            raise Denied(-1021, "Timestamp for this request is outside of the recvWindow.")

    # -- how much -------------------------------------------------------------------------------------------------

    def weigh(self, peer: str, weight: int, now_ns: int) -> dict[str, str]:
        """Count weight; return the header that says how much was used, or refuse."""
        window = 60_000
        used = self._count("weight", peer, weight, window, now_ns)
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        if used > self.limits.weight:
            left_ms = window - now_ns // _MS_NS % window
            raise Denied(
                -1003,
                f"Too many requests; current limit of IP({peer}) is {self.limits.weight} requests per minute."
                " Please use WebSocket Streams for live updates to avoid polling the API.",
                429,
                headers={**headers, "Retry-After": str(-(-left_ms // 1_000))},
            )
        return headers

    def count_orders(self, account: BoxAccount, orders: int, now_ns: int) -> dict[str, str]:
        """Count orders; return the headers that say how many there were, or refuse."""
        limits = self.limits
        headers = {}
        for name, most, window in (
            ("10S", limits.orders, 10_000),
            (limits.long_name, limits.orders_long, limits.long_ms),
        ):
            used = self._count(f"orders {name}", account.name, orders, window, now_ns)
            headers[f"X-MBX-ORDER-COUNT-{name}"] = str(used)
            if used > most:
                raise Denied(
                    -1015,
                    f"Too many new orders; current limit is {most} orders per {name}.",
                    429,
                    headers={**headers, "Retry-After": "1"},
                )
        return headers

    def _count(self, what: str, who: str, units: int, window_ms: int, now_ns: int) -> int:
        window = now_ns // _MS_NS // window_ms
        place = (what, who, window)
        if place not in self._used:
            # The windows before are over.
            self._used = {at: used for at, used in self._used.items() if at[:2] != (what, who)}
        self._used[place] = self._used.get(place, 0) + units
        return self._used[place]


def missing(name: str) -> Denied:
    """Say that a parameter is not there, or is no such thing."""
    return Denied(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def whole(params: Mapping[str, str], name: str) -> int:
    """Read a whole number that has to be there."""
    text = params.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise missing(name)
    return int(text)
