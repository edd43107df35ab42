"""What a field of a log entry becomes: plain data with safe texts. Total: a field is no reason to lose a line.

Each text is cleaned on the way: secrets are cut out by value, control characters become visible, what is too long is
cut. A text that JSON writes as it stands (printable, without quote or backslash) is left for the finished line, where
its secrets are seen just as well and one search serves all; a `careful` walk cleans those too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence, Set as AbstractSet
from enum import Enum
from functools import lru_cache
from itertools import islice
from math import isfinite
from typing import Any, Final

import msgspec

from xtrade.ops.printable import printable
from xtrade.runtime.secrets import STARS, redact

__all__ = ["Walk", "clean", "fields_of", "text_of"]

TEXT_LENGTH_MAX: Final = 8_000
ITEMS_MAX: Final = 100
DEPTH_MAX: Final = 6
VALUES_MAX: Final = 1_000

_INT64: Final = range(-(2**63), 2**63)


class Walk:
    """One pass over the values of an entry. `left` ends what holds itself, or is simply huge."""

    __slots__ = ("careful", "left")

    def __init__(self, *, careful: bool) -> None:
        self.careful = careful
        self.left = VALUES_MAX


def fields_of(mapping: Mapping[Any, object], walk: Walk, depth: int = 0) -> dict[str, object]:
    """Make plain what fields hold, and star those with a secret's name."""
    made: dict[str, object] = {}
    for key, value in islice(mapping.items(), ITEMS_MAX):
        name = text_of(key, walk)
        hidden = value is not None and _has_secret_name(name)
        made[name] = STARS if hidden else _plain(value, walk, depth + 1)
    if len(mapping) > ITEMS_MAX:
        made["…"] = f"{len(mapping) - ITEMS_MAX} more"
    return made


def text_of(value: object, walk: Walk) -> str:
    """Make one safe text of any value."""
    known = _plain(value, walk, 0)
    return known if isinstance(known, str) else msgspec.json.encode(known).decode()


def clean(text: str, walk: Walk) -> str:
    """Make a text safe to write; newlines and tabs stay, for whoever lays the line out."""
    text = str.__str__(text)
    if not walk.careful and len(text) <= TEXT_LENGTH_MAX and text.isprintable() and not _QUOTED(text):
        return text
    # Redacted before it is cut or escaped: half a secret, or a secret in disguise, would not be recognised.
    shown = printable(redact(text), keep="\n\t")
    if len(shown) > TEXT_LENGTH_MAX:
        return f"{shown[:TEXT_LENGTH_MAX]}… {len(shown) - TEXT_LENGTH_MAX} characters more"
    return shown


_QUOTED: Final = re.compile(r'["\\]').search

# The second net: what a field is called, read without case and separators so that `apiSecret`, `API-SECRET` and
# `api_secret` are one. `tokens` (of a rate limiter) and `seed` (of a run) are words of this desk, not secrets.
_SECRET_NAME: Final = re.compile(
    "secret|passphrase|password|passwd|privatekey|apikey|accesskey|listenkey|signingkey|authorization|credential"
    "|cookie|mnemonic|signature|seedphrase|jwt|token$"
)
_SECRET_WORD: Final = re.compile(r"\b(sign|pin)$")


@lru_cache(maxsize=2_048)
def _has_secret_name(name: str) -> bool:
    name = name.lower()
    letters = re.sub("[^a-z]", "", name)
    return bool(_SECRET_NAME.search(letters) or _SECRET_WORD.search(name.replace("_", "-")))


def _plain(value: object, walk: Walk, depth: int) -> object:
    """Turn any value into what JSON has words for."""
    if walk.left <= 0:
        return "…"
    walk.left -= 1
    try:
        return _scalar(value, walk, depth)
    except Exception:  # noqa: BLE001  (its own repr, iterator or property may raise anything)
        return f"<{type(value).__name__} that cannot be shown>"


def _scalar(value: object, walk: Walk, depth: int) -> object:
    match value:
        case None | True | False:
            return value
        case Enum():
            return _plain(value.value, walk, depth)
        case str():
            return clean(value, walk)
        case int():
            return _number(int(value), walk, fits=value in _INT64)
        case float():
            return _number(float(value), walk, fits=isfinite(value))
        case bytes() | bytearray() | memoryview():
            return clean(bytes(value).decode(errors="backslashreplace"), walk)
        case BaseException():
            return clean(f"{type(value).__name__}: {value}", walk)
    return _collection(value, walk, depth) if depth < DEPTH_MAX else "…"


def _collection(value: object, walk: Walk, depth: int) -> object:
    match value:
        case msgspec.Struct():
            return fields_of(msgspec.structs.asdict(value), walk, depth)
        case Mapping():
            return fields_of(value, walk, depth)
        case tuple() if hasattr(value, "_asdict"):
            return fields_of(value._asdict(), walk, depth)
        case Sequence() | AbstractSet():
            shown = [_plain(item, walk, depth + 1) for item in islice(value, ITEMS_MAX)]
            return shown if len(value) <= ITEMS_MAX else [*shown, f"… {len(value) - ITEMS_MAX} more"]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        attributes = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return fields_of(attributes, walk, depth)
    # Decimal, Path, datetime and Secret write themselves well; anything else has at least a repr.
    return clean(str(value), walk)


def _number(value: float, walk: Walk, *, fits: bool) -> object:
    if fits and not walk.careful:
        return value
    shown = str(value)
    return value if fits and redact(shown) == shown else clean(shown, walk)
