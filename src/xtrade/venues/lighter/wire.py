"""Requests as they are sent, and what all answers have in common: `code` 200, or a code and a message that say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from xtrade.model.errors import CredentialsError, DataError, InDoubt, Unavailable, VenueError
from xtrade.net.http import Request
from xtrade.venues.asks import Answer
from xtrade.venues.lighter.auth import LighterKey, Signed
from xtrade.venues.lighter.messages import BROKEN
from xtrade.venues.lighter.spec import CODES
from xtrade.venues.meanings import Meaning, error
from xtrade.venues.spec import Addresses

__all__ = ["VENUE", "Requests", "accepted", "frame", "read", "refusal"]

VENUE: Final = "lighter"
OK: Final = 200

_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_SERVER_ERRORS_FROM: Final = 500
_TOO_MANY: Final = frozenset({405, 429})
_FIREWALL_NS: Final = 60 * 10**9

R = TypeVar("R")
Build = Callable[[int], Request]


class Requests:
    """Makes requests to one address for one key."""

    def __init__(self, addresses: Addresses, key: LighterKey | None) -> None:
        self._origin = addresses["rest"]
        self._key = key

    @property
    def key(self) -> LighterKey:
        """The key; an error where there is none."""
        if self._key is None:
            raise CredentialsError("lighter: this needs a key: add one with `xtrade keys add lighter`")
        return self._key

    def get(self, path: str, **query: str | int) -> Build:
        """Make what anybody may ask."""
        request = Request("GET", self._address(path, query))
        return lambda _now_ns: request

    def private_get(self, path: str, **query: str | int) -> Build:
        """Make what only the account may ask."""
        key, address = self.key, self._address(path, query)
        return lambda now_ns: Request("GET", address, (("Authorization", key.token(now_ns)),))

    def send(self, signed: Signed) -> Request:
        """Make the request that sends a transaction."""
        form = {"tx_type": int(signed.kind), "tx_info": msgspec.json.encode(signed.info).decode()}
        return Request("POST", self._address("sendTx", {}), (_FORM,), urlencode(form).encode())

    def _address(self, path: str, query: Mapping[str, str | int]) -> str:
        whole = f"{self._origin}/api/v1/{path}" if path else f"{self._origin}/"
        return f"{whole}?{urlencode(query)}" if query else whole


def frame(signed: Signed) -> tuple[str, bytes]:
    """Return the message that sends a transaction through the socket, and the id by which its answer is known."""
    data = {"id": signed.hash, "tx_type": int(signed.kind), "tx_info": signed.info}
    return signed.hash, msgspec.json.encode({"type": "jsonapi/sendtx", "data": data})


# -- answers ------------------------------------------------------------------------------------------------------


class _Envelope(Struct):
    code: int | None = None
    message: str | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def read(answer: Answer, what: str, decoder: msgspec.json.Decoder[R]) -> R:
    """Return what a question was answered with, or raise what the answer means."""
    envelope = _envelope(answer)
    if envelope is not None and envelope.code in {OK, None} and answer.status < _ERRORS_FROM:
        try:
            return decoder.decode(answer.body)
        except BROKEN as broken:
            raise DataError(f"lighter: {what}: the answer cannot be read: {_first_line(broken)}") from None
    found = _failure(envelope, answer, what)
    if isinstance(found, InDoubt):  # a question leaves nothing in doubt
        raise Unavailable(
            f"lighter: {what}: {found.text or 'no answer'}: ask again later", venue=VENUE, request=what
        )
    raise found


def accepted(answer: Answer, what: str) -> None:
    """Return if the venue took a transaction, which does not mean yet that it did what it says; else raise why not."""
    envelope = _envelope(answer)
    if envelope is not None and envelope.code == OK and answer.status < _ERRORS_FROM:
        return
    raise _failure(envelope, answer, what)


def refusal(what: str, code: int | None, text: str | None) -> VenueError:
    """Return the error that a code means."""
    name = "" if code is None else str(code)
    return error(VENUE, what, CODES.get(name, Meaning.REFUSED), code=name, text=text or "")


_ERRORS_FROM: Final = 400


def _envelope(answer: Answer) -> _Envelope | None:
    """Return what is above every answer; None for a page of a proxy or a firewall."""
    try:
        return _ENVELOPE.decode(answer.body)
    except BROKEN:
        return None


def _failure(envelope: _Envelope | None, answer: Answer, what: str) -> VenueError:
    if envelope is not None and envelope.code is not None and envelope.code != OK:
        found = CODES.get(str(envelope.code))
        if found is None and answer.status >= _SERVER_ERRORS_FROM:
            found = Meaning.DOUBT
        return error(
            VENUE, what, found or Meaning.REFUSED, code=str(envelope.code), text=envelope.message or ""
        )
    said = f"HTTP {answer.status} without an answer"
    code = str(answer.status)
    if answer.status in _TOO_MANY:
        return error(VENUE, what, Meaning.WAIT, code=code, text=said, retry_after_ns=_FIREWALL_NS)
    if _ERRORS_FROM <= answer.status < _SERVER_ERRORS_FROM:
        text = f"{said}; the venue serves no requests from some countries" if answer.status == 403 else said
        return error(VENUE, what, Meaning.REFUSED, code=code, text=text)
    return error(VENUE, what, Meaning.DOUBT, code=code, text=said)


def _first_line(broken: Exception) -> str:
    return (str(broken) or type(broken).__name__).partition("\n")[0][:200]
