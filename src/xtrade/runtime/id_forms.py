"""How each venue wants a client order id written: one row per venue, and the way back.

Where a venue takes text, an id is `xt` and its nineteen digits, the same on every venue: a person finds it with
one search in journal, logs and the venue's own pages. Digits hold no words, so no firewall takes them for SQL,
and nothing is lost where a venue changes the case of letters. `decode` gives None for an id that cannot be
ours. Where the form has no room for a mark (`marked` is False), one that could be ours may still be foreign:
ask the journal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol
from uuid import UUID

from xtrade.model.ids import ClientOrderId
from xtrade.runtime.ids import BITS_32, BITS_48, BITS_63, Space

__all__ = [
    "FORMS",
    "INT64",
    "TEXT",
    "UINT32",
    "UINT48",
    "UUID_TEXT",
    "Form",
    "IntegerForm",
    "OffsetForm",
    "TextForm",
    "UuidForm",
]

OWN: Final = "xt"


class Form(Protocol):
    """One way of writing ids."""

    @property
    def space(self) -> Space:
        """The space that ids in this form are taken from."""
        ...

    @property
    def marked(self) -> bool:
        """Whether the form itself tells an own id from a foreign one."""
        ...

    def encode(self, order: ClientOrderId) -> str | int:
        """Write an id as the venue wants it."""
        ...

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read an id that the venue has sent: None if it cannot be ours."""
        ...


@dataclass(frozen=True, slots=True)
class TextForm:
    """`xt` and nineteen digits; `legal` is what the venue accepts, as a pattern for the whole id."""

    legal: str
    marked: bool = True
    space: Space = BITS_63

    def encode(self, order: ClientOrderId) -> str:
        """Write `xt1763600000123456789`."""
        return f"{OWN}{_inside(order, self.space):019d}"

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read it back, in whatever case the venue has put it."""
        if not isinstance(wire, str) or re.fullmatch(r"xt[0-9]{19}", wire.lower()) is None:
            return None
        return _ours(int(wire[len(OWN) :]), self.space)


@dataclass(frozen=True, slots=True)
class IntegerForm:
    """The bare number. Venues that take one in JSON send it back as a number here and as text there."""

    space: Space
    marked: bool = False

    def encode(self, order: ClientOrderId) -> int:
        """Write the number itself."""
        return _inside(order, self.space)

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read a number, or the text of one."""
        number = _whole(wire)
        return None if number is None else _ours(number, self.space)


@dataclass(frozen=True, slots=True)
class OffsetForm:
    """A decimal text from `offset` on: for a venue whose own pages use the numbers below it."""

    offset: int
    space: Space = BITS_63
    marked: bool = False

    def encode(self, order: ClientOrderId) -> str:
        """Write the sum of offset and id."""
        return str(self.offset + _inside(order, self.space))

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read a number, or the text of one, at or above the offset."""
        number = _whole(wire)
        return None if number is None else _ours(number - self.offset, self.space)


@dataclass(frozen=True, slots=True)
class UuidForm:
    """A UUID of version 8 (RFC 9562: free use) that starts with the letters of xtrade."""

    marked: bool = True
    space: Space = BITS_63

    def encode(self, order: ClientOrderId) -> str:
        """Write `78747261-6465-8000-9879-...`, in the same order as the ids."""
        high, low = divmod(_inside(order, self.space), 1 << 62)
        return str(UUID(int=(_UUID_OWN << 80) | (8 << 76) | (high << 64) | (2 << 62) | low))

    def decode(self, wire: object) -> ClientOrderId | None:
        """Read it back, with or without hyphens."""
        if not isinstance(wire, str) or re.fullmatch(r"[0-9a-f]{32}", wire.lower().replace("-", "")) is None:
            return None
        number = int(wire.replace("-", ""), 16)
        if number >> 80 != _UUID_OWN or number >> 76 & 0xF != 8 or number >> 62 & 3 != 2:
            return None
        return _ours((number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1, self.space)


_UUID_OWN: Final = int.from_bytes(b"xtrade", "big")

# For venues without a row of their own, such as those that are reached through ccxt.
TEXT: Final = TextForm(legal=r"[A-Za-z0-9]{1,32}")
UUID_TEXT: Final = UuidForm()
UINT32: Final = IntegerForm(BITS_32)
UINT48: Final = IntegerForm(BITS_48)
INT64: Final = IntegerForm(BITS_63)

FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "aster": TextForm(legal=r"[.A-Z:/a-z0-9_-]{1,36}"),
        # JSON integer, 0..2^32-1; a string in the fill history.
        "backpack": UINT32,
        # The stricter of spot and futures. Ids starting with `x-` are brokers'.
        "binance": TextForm(legal=r"[a-zA-Z0-9_-]{1,36}"),
        "bitmart": TextForm(legal=r"[A-Za-z0-9]{1,32}"),
        # A label, which the venue does not keep unique: its nonce is what it refuses to see twice, and a 63-bit
        # id, being the UTC nanosecond, is a valid one. Length is not published; 32 is what others use.
        "derive": TextForm(legal=r"[A-Za-z0-9]{1,32}"),
        # Charset and length are not published: letters and digits are known to pass. The first 32 bits of the
        # id's SHA-256 are the signature's nonce, so one id in 2^32 / (ids so far) is refused as if it were
        # known: that order does not exist, and a new id may be taken at once.
        "edgex": TextForm(legal=r"[A-Za-z0-9-]{1,32}"),
        # Text of a uint64; the venue's web page uses the lower half.
        "grvt": OffsetForm(offset=1 << 63),
        "kucoin": TextForm(legal=r"[A-Za-z0-9_-]{1,40}"),
        # 1..2^48-1, and 0 means none; as a number and as text in one message.
        "lighter": UINT48,
        "okx": TextForm(legal=r"[A-Za-z0-9]{1,32}"),
        "paradex": TextForm(legal=r"[A-Za-z0-9_-]{1,64}"),
    }
)


def _inside(order: ClientOrderId, space: Space) -> int:
    assert 0 < order < space.end, f"{order} is not an id of {space.bits} bits"
    return order


def _ours(number: int, space: Space) -> ClientOrderId | None:
    return ClientOrderId(number) if 0 < number < space.end else None


def _whole(wire: object) -> int | None:
    if isinstance(wire, str) and re.fullmatch(r"0|[1-9][0-9]{0,19}", wire, re.ASCII):
        return int(wire)
    return wire if isinstance(wire, int) and not isinstance(wire, bool) else None
