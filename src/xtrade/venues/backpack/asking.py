"""Backpack's requests, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec

from xtrade.model.errors import DataError, XtradeError
from xtrade.net.http import Request
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Answer, Ask
from xtrade.venues.backpack.auth import BackpackKey, instruction, value_text
from xtrade.venues.backpack.spec import HISTORY, MEANINGS, REQUESTS
from xtrade.venues.codec import Codec
from xtrade.venues.meanings import Meaning, error

__all__ = ["Asking", "make_sense"]

T = TypeVar("T")
R = TypeVar("R")

_OK: Final = 200
_LATER: Final = 202
_ERRORS_FROM: Final = 400
_SERVER_ERRORS_FROM: Final = 500
_EXPIRED: Final = "expired"


class _Refusal(msgspec.Struct):
    code: str = ""
    message: str = ""


class Asking(Codec[BackpackKey]):
    """What all questions and commands share."""

    def _ask(
        self,
        what: str,
        method: str,
        path: str,
        read: Callable[[R, int], T],
        form: type[R],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        signs: str = "",
        priority: Priority = Priority.DATA,
        repeat: Repeat = Repeat.READ,
        later: T | None = None,
        missing: T | None = None,
    ) -> Ask[T]:
        """Describe a request. `signs` is what is signed of it; `later` what a 202 means, `missing` what a 404 does."""
        decoder = msgspec.json.Decoder(form)
        target = path + (f"?{urlencode({k: value_text(v) for k, v in query.items()})}" if query else "")
        payload = b"" if body is None else msgspec.json.encode(body)

        def build(now_ns: int) -> Request:
            headers: tuple[tuple[str, str], ...] = ()
            if signs:
                assert self.auth is not None, "the link asks nothing of an account that it has no key for"
                headers = self.auth.headers(signs, now_ns)
            if payload:
                headers += (("Content-Type", "application/json; charset=utf-8"),)
            return Request(method, self.addresses["rest"] + target, headers, payload)

        def understand(answer: Answer) -> T:
            if answer.status == _LATER and later is not None:
                return later
            if answer.status >= _ERRORS_FROM:
                refusal = refused(what, answer)
                if missing is not None and MEANINGS.get(refusal.code) is Meaning.GONE:
                    return missing
                raise refusal
            return make_sense(what, answer.body, decoder, lambda told: read(told, answer.received_ns))

        pool = HISTORY if path.startswith(("/wapi/", "/api/v1/klines")) else REQUESTS
        return Ask(what, build, understand, (Cost(pool),), priority, repeat)

    def _signed(
        self,
        what: str,
        name: str,
        path: str,
        read: Callable[[R, int], T],
        form: type[R],
        **query: object,
    ) -> Ask[T]:
        """Describe a question about the account."""
        return self._ask(
            what,
            "GET",
            path,
            read,
            form,
            query=query,
            signs=instruction(name, query),
            priority=Priority.ACCOUNT,
        )


def refused(what: str, answer: Answer) -> Any:
    """Return the error that an answer means."""
    try:
        told = msgspec.json.decode(answer.body, type=_Refusal)
    except msgspec.DecodeError:
        told = _Refusal(message=answer.body[:200].decode(errors="replace"))
    fallback = Meaning.DOUBT if answer.status >= _SERVER_ERRORS_FROM else Meaning.REFUSED
    meaning = MEANINGS.get(told.code, fallback)
    text = told.message.lower()
    if _EXPIRED in text or "timestamp" in text:
        meaning = Meaning.CLOCK
    elif "signature" in text:
        meaning = Meaning.KEY
    return error(
        "backpack",
        what,
        meaning,
        code=told.code or str(answer.status),
        text=told.message or "no reason given",
    )


def make_sense(what: str, body: bytes, decoder: msgspec.json.Decoder[R], read: Callable[[R], T]) -> T:
    """Read an answer; DataError where it is not what the venue says it would be."""
    try:
        return read(decoder.decode(body))
    except XtradeError as problem:
        raise DataError(f"backpack: {what}: {problem}") from problem
    except (msgspec.DecodeError, ArithmeticError, LookupError, ValueError) as problem:
        raise DataError(f"backpack: {what}: the answer cannot be read: {problem}") from problem
