"""What Binance's refusals mean. The two halves use one number for different things, so each has its own table.

A status without a code of the tables decides by itself: 403 is its firewall, 5xx is an outcome that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from xtrade.model.errors import VenueError
from xtrade.venues.asks import Answer
from xtrade.venues.binance.sections import Section
from xtrade.venues.meanings import Meaning, error

__all__ = ["CODES", "Refusal", "meaning_of", "read_refusal", "refused"]

_MS_NS: Final = 1_000_000
_WAIT_NS: Final = 10_000_000_000
_BAN_NS_MAX: Final = 3 * 86_400 * 1_000_000_000

_BOTH: Final = {
    -1000: Meaning.DOUBT,
    -1001: Meaning.DOUBT,
    -1002: Meaning.KEY,
    -1003: Meaning.WAIT,
    -1004: Meaning.CLOSED,
    -1006: Meaning.DOUBT,
    -1007: Meaning.DOUBT,
    -1008: Meaning.CLOSED,
    -1015: Meaning.WAIT,
    -1016: Meaning.CLOSED,
    -1021: Meaning.CLOCK,
    -1022: Meaning.KEY,
    -2011: Meaning.GONE,
    -2013: Meaning.GONE,
    -2014: Meaning.KEY,
    -2015: Meaning.KEY,
}

CODES: Final[Mapping[str, Mapping[int, Meaning]]] = {
    "spot": {**_BOTH, -2026: Meaning.GONE, -1034: Meaning.WAIT},
    "usdm": {
        **_BOTH,
        # An order of this name is there: what became of the attempt that we think failed is to be asked.
        -4116: Meaning.DOUBT,
        -5028: Meaning.CLOCK,
        -1125: Meaning.GONE,
    },
}
"""By section and code; what is not here, and came with a status below 500, is a plain no."""

_STATUSES: Final = {
    401: Meaning.KEY,
    403: Meaning.CLOSED,
    418: Meaning.WAIT,
    429: Meaning.WAIT,
}


class _More(Struct, rename="camel"):
    retry_after: int | None = None


class Refusal(Struct):
    """An error as the venue words it; through a socket, with `data` about a ban."""

    code: int = 0
    msg: str = ""
    data: _More | None = None


_REFUSAL: Final = msgspec.json.Decoder(Refusal)


def read_refusal(body: bytes) -> Refusal:
    """Read an error; one that is no JSON (a firewall's page) is its first words."""
    try:
        return _REFUSAL.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Refusal(msg=" ".join(body[:120].decode("utf-8", "replace").split()))


def meaning_of(section: str, status: int, refusal: Refusal) -> Meaning:
    """Say what an error means."""
    if refusal.code == -2010 and "duplicate" in refusal.msg.lower():
        return Meaning.DOUBT
    if status == 503 and refusal.msg.startswith("Service Unavailable"):
        return Meaning.CLOSED
    found = CODES[section].get(refusal.code) or _STATUSES.get(status)
    if found is not None:
        return found
    return Meaning.DOUBT if status >= 500 else Meaning.REFUSED


def refused(section: Section, what: str, answer: Answer, *, asks: bool) -> VenueError:
    """Return the error that an answer means. Where we only ask, nothing can have been done."""
    refusal = read_refusal(answer.body)
    meaning = meaning_of(section.name, answer.status, refusal)
    if asks and meaning is Meaning.DOUBT:
        meaning = Meaning.CLOSED
    return error(
        "binance",
        what,
        meaning,
        code=str(refusal.code or answer.status),
        text=refusal.msg,
        retry_after_ns=_wait_ns(refusal, answer.received_ns),
    )


def _wait_ns(refusal: Refusal, now_ns: int) -> int:
    """How long to be quiet: as long as the ban lasts that the text or its data tell of."""
    until_ms = refusal.data.retry_after if refusal.data is not None else None
    if until_ms is None:
        told = re.search(r"until ([0-9]{13})\b", refusal.msg)
        until_ms = int(told[1]) if told else None
    if until_ms is None:
        return _WAIT_NS
    return min(max(until_ms * _MS_NS - now_ns, _WAIT_NS // 10), _BAN_NS_MAX)
