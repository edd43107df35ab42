"""Questions and commands, as bytes: over HTTP, and commands also as a message of the WebSocket API.

A question that cannot be understood is a DataError; a command whose answer cannot be understood is in doubt, for it
may have been done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

import msgspec

from xtrade.model.errors import CredentialsError, DataError, InDoubt, NumberError, SymbolError
from xtrade.net.http import Request
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Answer, Ask, Over
from xtrade.venues.binance.auth import RECEIVE_MS, BinanceKey, encoded
from xtrade.venues.binance.errors import read_refusal, refused
from xtrade.venues.binance.sections import Section
from xtrade.venues.spec import Addresses

__all__ = ["UNREADABLE", "Params", "Requests", "Through", "read_as"]

D = TypeVar("D")
T = TypeVar("T")

Params = Mapping[str, str]
"""What is asked, in words of the venue."""

UNREADABLE: Final = (
    msgspec.MsgspecError,
    DataError,
    NumberError,
    SymbolError,
    UnicodeDecodeError,
    RecursionError,
    OverflowError,
)
"""What reading a message that is not what it should be may raise."""

_OK: Final = 200


class Through(msgspec.Struct, frozen=True):
    """How a command goes through a socket: its method there, and an id that no other request in flight has."""

    method: str
    id: str


class Requests:
    """Makes asks of one account (or, without a key, of the public data)."""

    def __init__(self, addresses: Addresses, key: BinanceKey | None) -> None:
        self._addresses = addresses
        self._key = key

    def question(
        self,
        what: str,
        section: Section,
        path: str,
        params: Params,
        kind: type[D],
        read: Callable[[D, Answer], T],
        *,
        weight: int,
        signed: bool = False,
        priority: Priority | None = None,
        costs: tuple[Cost, ...] = (),
        gone: Callable[[], T] | None = None,
    ) -> Ask[T]:
        """Ask without doing anything. `gone` answers where the venue knows of no such thing."""
        build = self._build("GET", section, path, params, signed=signed)
        return Ask(
            what,
            build,
            _reader(section, what, kind, read, asks=True, gone=gone),
            (Cost(section.weight, weight), *costs),
            priority or (Priority.ACCOUNT if signed else Priority.DATA),
            Repeat.READ,
        )

    def command(
        self,
        what: str,
        section: Section,
        method: str,
        path: str,
        params: Params,
        kind: type[D],
        read: Callable[[D, Answer], T],
        *,
        costs: tuple[Cost, ...],
        priority: Priority = Priority.TRADE,
        repeat: Repeat = Repeat.NEVER,
        through: Through | None = None,
        valid_until_ns: int | None = None,
        done: Collection[int] = (),
        already: Callable[[], T] | None = None,
    ) -> Ask[T]:
        """Ask that something be done. `already` answers the codes `done`: refusals that say it is so by now."""
        key = self._required(what)
        over = None
        # What is signed of other letters is not settled between the venue's own documents: they go over HTTP.
        if through is not None and all(value.isascii() for value in params.values()):
            over = Over(section.order_line, _frames(key, through, params, valid_until_ns))
        return Ask(
            what,
            self._build(method, section, path, params, signed=True, valid_until_ns=valid_until_ns),
            _reader(section, what, kind, read, asks=False, done=done, already=already),
            costs,
            priority,
            repeat,
            over,
        )

    def keyed(
        self, section: Section, what: str, method: str, path: str, read: Callable[[Answer], T]
    ) -> Ask[T]:
        """Ask with the key's header alone, without a signature."""
        key = self._required(what)
        url = f"{self._addresses[section.address]}{section.prefix}{path}"

        def reading(answer: Answer) -> T:
            if answer.status != _OK:
                raise refused(section, what, answer, asks=True)
            return read(answer)

        request = Request(method, url, (key.header,))
        return Ask(
            what, lambda _now_ns: request, reading, (Cost(section.weight),), Priority.ACCOUNT, Repeat.READ
        )

    # -- how ------------------------------------------------------------------------------------------------------

    def _build(
        self,
        method: str,
        section: Section,
        path: str,
        params: Params,
        *,
        signed: bool,
        valid_until_ns: int | None = None,
    ) -> Callable[[int], Request]:
        # A path that begins with the version of another family (/fapi/v3) is whole already.
        url = self._addresses[section.address] + (
            path if path.startswith(("/fapi", "/api")) else section.prefix + path
        )
        if not signed:
            request = Request(method, f"{url}?{encoded(params.items())}" if params else url)
            return lambda _now_ns: request
        key = self._required(path)

        def build(now_ns: int) -> Request:
            query = key.query(params.items(), now_ns, receive_ms=_receive_ms(valid_until_ns, now_ns))
            return Request(method, f"{url}?{query}", (key.header,))

        return build

    def _required(self, what: str) -> BinanceKey:
        if self._key is None:
            raise CredentialsError(
                f"binance: {what}: this needs a key: add one with `xtrade keys add binance`"
            )
        return self._key


def _frames(
    key: BinanceKey, through: Through, params: Params, valid_until_ns: int | None
) -> Callable[[int], tuple[str, bytes]]:
    def frame(now_ns: int) -> tuple[str, bytes]:
        signed = key.params(params, now_ns, receive_ms=_receive_ms(valid_until_ns, now_ns))
        message = {"id": through.id, "method": through.method, "params": signed}
        return through.id, msgspec.json.encode(message)

    return frame


def _receive_ms(valid_until_ns: int | None, now_ns: int) -> int:
    """How late the venue may still take the request: an order says so itself."""
    if valid_until_ns is None:
        return RECEIVE_MS
    return max(1, min(RECEIVE_MS, (valid_until_ns - now_ns) // 1_000_000))


def _reader(
    section: Section,
    what: str,
    kind: type[D],
    read: Callable[[D, Answer], T],
    *,
    asks: bool,
    gone: Callable[[], T] | None = None,
    done: Collection[int] = (),
    already: Callable[[], T] | None = None,
) -> Callable[[Answer], T]:
    decoder = _decoder(kind)

    def reading(answer: Answer) -> T:
        if answer.status != _OK:
            code = read_refusal(answer.body).code
            if already is not None and code in done:
                return already()
            if gone is not None and code in _GONE:
                return gone()
            raise refused(section, what, answer, asks=asks)
        try:
            return read(decoder.decode(answer.body), answer)
        except UNREADABLE as error:
            said = f"binance: {what}: the answer cannot be read: {error}"
            if asks:
                raise DataError(said) from None
            raise InDoubt(f"{said}; it may have taken effect", venue="binance", request=what) from None

    return reading


def read_as(kind: type[D], body: bytes, what: str) -> D:
    """Read an answer to a question."""
    try:
        return _decoder(kind).decode(body)
    except UNREADABLE as error:
        raise DataError(f"binance: {what}: the answer cannot be read: {error}") from None


_GONE: Final = frozenset({-2011, -2013, -2026})
_DECODERS: Final[dict[object, msgspec.json.Decoder[object]]] = {}


def _decoder(kind: type[D]) -> msgspec.json.Decoder[D]:
    found = _DECODERS.get(kind)
    if found is None:
        found = _DECODERS[kind] = msgspec.json.Decoder(kind)
    return found  # type: ignore[return-value]
