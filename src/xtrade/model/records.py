"""Model values as bytes and back: JSON for people and pipes, MessagePack for journals.

Money is written as text ("1.5 USDT"), levels as [ticks, lots, ticks, lots, …]; everything else as msgspec writes
it. Encoders and decoders are made once here, so that no second way of writing an event can come about.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TypeVar

import msgspec

from xtrade.model.errors import DataError
from xtrade.model.events import AnyEvent, Event
from xtrade.model.levels import Levels
from xtrade.model.money import Money

__all__ = [
    "event_from_json",
    "event_from_msgpack",
    "from_json",
    "from_msgpack",
    "msgpack_reader",
    "to_json",
    "to_msgpack",
]

T = TypeVar("T")


def to_json(value: object) -> bytes:
    """Write a model value as one JSON document; equal values give equal bytes."""
    return _json.encode(value)


def from_json(data: bytes, kind: type[T]) -> T:
    """Read a model value of the given type, or raise DataError naming the place."""
    return _read(lambda: msgspec.json.decode(data, type=kind, dec_hook=_from_plain))


def event_from_json(data: bytes) -> Event:
    """Read any event that `to_json` wrote."""
    return _read(lambda: _json_events.decode(data))


def to_msgpack(value: object) -> bytes:
    """Write a model value as MessagePack; equal values give equal bytes."""
    return _msgpack.encode(value)


def from_msgpack(data: bytes, kind: type[T]) -> T:
    """Read a model value of the given type, or raise DataError naming the place."""
    return _read(lambda: msgspec.msgpack.decode(data, type=kind, dec_hook=_from_plain))


def msgpack_reader(kind: type[T]) -> Callable[[bytes], T]:
    """Return what reads one type again and again: its decoder is made once."""
    decode = msgspec.msgpack.Decoder(kind, dec_hook=_from_plain).decode

    def read(data: bytes) -> T:
        # Called for each record of a journal: `_read` would be two calls more.
        try:
            return decode(data)
        except _UNREADABLE as error:
            raise DataError(f"not a record of ours: {error}") from error

    return read


def event_from_msgpack(data: bytes) -> Event:
    """Read any event that `to_msgpack` wrote."""
    return _read(lambda: _msgpack_events.decode(data))


def _to_plain(value: object) -> object:
    if isinstance(value, Money):
        return str(value)
    if isinstance(value, Levels):
        return value.flat.tolist()
    raise TypeError(f"{type(value).__name__} is not a model value")


def _from_plain(kind: type, plain: object) -> object:
    if kind is Money and isinstance(plain, str):
        return Money.parse(plain)
    if kind is Levels and isinstance(plain, list):
        return Levels(array("q", plain))
    raise TypeError(f"{plain!r} is not {kind.__name__}")


def _read(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except _UNREADABLE as error:
        raise DataError(f"not a record of ours: {error}") from error


# Bad UTF-8 and deep nesting raise neither msgspec's error nor each other's.
_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError)
_json = msgspec.json.Encoder(enc_hook=_to_plain, order="deterministic")
_msgpack = msgspec.msgpack.Encoder(enc_hook=_to_plain, order="deterministic")
_json_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent, dec_hook=_from_plain)
_msgpack_events: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent, dec_hook=_from_plain)
