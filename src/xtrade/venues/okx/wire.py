"""The wire: requests as they are sent, and what every answer has in common.

Every answer is `{"code": "0", "msg": "", "data": [...]}`, over HTTP and through a socket. Numbers are text, and what is
missing is an empty text. A command's answer holds one `Ack` for each order, with a code of its own, whatever the code
above it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Raw, Struct

from xtrade.model.errors import CredentialsError, DataError, InDoubt, NumberError, Unavailable, VenueError
from xtrade.model.numbers import number
from xtrade.net.http import Request
from xtrade.venues.asks import Answer
from xtrade.venues.meanings import Meaning, error
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.spec import CODES, DEMO
from xtrade.venues.spec import Addresses

__all__ = [
    "BROKEN",
    "MS_NS",
    "OK",
    "Ack",
    "Build",
    "Requests",
    "acks",
    "amount",
    "meaning",
    "ns",
    "order_ns",
    "refusal",
    "rows",
]

VENUE: Final = "okx"
OK: Final = "0"
MS_NS: Final = 1_000_000
_JSON: Final = ("Content-Type", "application/json")
_SIMULATED: Final = ("x-simulated-trading", "1")
_SERVER_ERRORS_FROM: Final = 500
_MS_DIGITS_MAX: Final = 16
# What an answer to a command may say above its acks: all done, none, some.
_ACKED: Final = frozenset({OK, "1", "2"})

BROKEN: Final = (msgspec.MsgspecError, ValueError, LookupError, RecursionError)
"""What reading a message raises where it is not what it should be; our own NumberError and DataError are among them."""

R = TypeVar("R")
Build = Callable[[int], Request]


class Requests:
    """Makes requests to one address for one key."""

    def __init__(self, addresses: Addresses, key: OkxKey | None) -> None:
        self.is_demo = DEMO in addresses
        self._origin = addresses[DEMO if self.is_demo else "rest"]
        self._key = key
        self._headers = (_SIMULATED,) if self.is_demo else ()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Build:
        """Make what asks in public."""
        request = Request("GET", f"{self._origin}{_with_query(path, query)}", self._headers)
        return lambda _now_ns: request

    def signed_get(self, path: str, query: Mapping[str, str] | None = None) -> Build:
        """Make what asks about the account."""
        key, target = self._needed(), _with_query(path, query)

        def build(now_ns: int) -> Request:
            headers = (*key.headers(now_ns, "GET", target), *self._headers)
            return Request("GET", f"{self._origin}{target}", headers)

        return build

    def signed_post(self, path: str, form: object, until_ns: int | None = None) -> Build:
        """Make a command; it is too late for it at `until_ns`."""
        key = self._needed()
        extra = (_JSON, *self._headers)
        if until_ns is not None:
            extra = (*extra, ("expTime", str(until_ns // MS_NS)))

        def build(now_ns: int) -> Request:
            # Written when it is wanted: most commands go through the socket.
            body = msgspec.json.encode(form)
            headers = (*key.headers(now_ns, "POST", path, body), *extra)
            return Request("POST", f"{self._origin}{path}", headers, body)

        return build

    def _needed(self) -> OkxKey:
        if self._key is None:
            raise CredentialsError("okx: this needs a key: add one with `xtrade keys add okx`")
        return self._key


def _with_query(path: str, query: Mapping[str, str] | None) -> str:
    return f"{path}?{urlencode(query)}" if query else path


# -- answers ------------------------------------------------------------------------------------------------------


class _Envelope(Struct):
    code: str
    msg: str = ""
    data: Raw = Raw(b"[]")


class Ack(Struct, rename="camel"):
    """What was said to one order of a command."""

    s_code: str
    s_msg: str = ""
    sub_code: str = ""
    ord_id: str = ""
    cl_ord_id: str = ""
    algo_id: str = ""
    ts: str = ""

    @property
    def code(self) -> str:
        """The finest code there is: `51008_1000` where there is one, else `51008`."""
        return self.sub_code or self.s_code


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_ACKS: Final = msgspec.json.Decoder(list[Ack])


def rows(answer: Answer, what: str, decoder: msgspec.json.Decoder[list[R]]) -> list[R]:
    """Return what a question was answered with, or raise what the answer means."""
    try:
        envelope = _ENVELOPE.decode(answer.body)
        if envelope.code == OK:
            return decoder.decode(envelope.data)
    except BROKEN as broken:
        if answer.status >= _SERVER_ERRORS_FROM:
            raise Unavailable(
                f"okx: {what}: HTTP {answer.status} without an answer: ask again later",
                venue=VENUE,
                request=what,
                code=str(answer.status),
            ) from None
        raise DataError(
            f"okx: {what}: the answer (HTTP {answer.status}) cannot be read: {_first_line(broken)}"
        ) from None
    told = meaning(envelope.code, answer.status)
    # A question leaves nothing in doubt.
    raise error(
        VENUE,
        what,
        Meaning.CLOSED if told is Meaning.DOUBT else told,
        code=envelope.code,
        text=envelope.msg,
    )


def acks(answer: Answer, what: str) -> Sequence[Ack]:
    """Return what a command was answered with, order by order, or raise what the answer means for all of it."""
    try:
        envelope = _ENVELOPE.decode(answer.body)
        if envelope.code in _ACKED and (found := _ACKS.decode(envelope.data)):
            return found
    except BROKEN as broken:
        raise InDoubt(
            f"okx: {what}: the answer (HTTP {answer.status}) cannot be read, and it may have taken effect:"
            f" {_first_line(broken)}",
            venue=VENUE,
            request=what,
        ) from None
    if envelope.code == OK:
        raise InDoubt(
            f"okx: {what}: the answer names no order: it may have taken effect", venue=VENUE, request=what
        )
    raise refusal(what, envelope.code, envelope.msg, answer.status)


def order_ns(ack: Ack) -> int | None:
    """Return the venue's time of an ack; what cannot be read of it is no reason to doubt the order."""
    try:
        return ns(ack.ts)
    except NumberError:
        return None


def refusal(what: str, code: str, text: str, status: int = 200) -> VenueError:
    """Return the error that a code means."""
    return error(VENUE, what, meaning(code, status), code=code, text=text)


def meaning(code: str, status: int = 200) -> Meaning:
    """Return what a code means; `51008_1000` is a kind of `51008`."""
    known = CODES.get(code.partition("_")[0])
    if known is not None:
        return known
    return Meaning.DOUBT if status >= _SERVER_ERRORS_FROM else Meaning.REFUSED


# -- texts --------------------------------------------------------------------------------------------------------


def ns(text: str) -> int | None:
    """Read a time in milliseconds; None where it is missing."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MS_DIGITS_MAX):
        raise NumberError(f"{text[:40]!r} is not a time in milliseconds")
    return int(text) * MS_NS


def amount(text: str) -> Decimal | None:
    """Read a number; None where it is missing."""
    return number(text) if text else None


def _first_line(broken: Exception) -> str:
    return (str(broken) or type(broken).__name__).partition("\n")[0][:200]
