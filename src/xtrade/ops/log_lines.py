"""
One log entry in, one finished line out: pure functions, total, and nothing secret or obeyed by a terminal in them.

Whatever a field holds becomes plain data first (`plain`), and each text in it is cleaned on the way: secrets are cut
out by value, fields with a secret's name are starred, control characters become visible, and what is too long is cut.
The finished line is redacted once more, for what only its quoting brought together.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from math import isfinite
from typing import Any, Final, NamedTuple

import msgspec

from xtrade.ops.printable import printable
from xtrade.runtime.secrets import STARS, redact

__all__ = ["LINE_BYTES_MAX", "Entry", "human_line", "json_line"]

LINE_BYTES_MAX: Final = 32_768
TEXT_LENGTH_MAX: Final = 8_000
ITEMS_MAX: Final = 100
DEPTH_MAX: Final = 6
VALUES_MAX: Final = 1_000

_INT64: Final = range(-(2**63), 2**63)


class Entry(NamedTuple):
    """One thing that was logged; `exception` is the formatted traceback, where there is one."""

    time_ns: int
    level: str
    logger: str
    event: object
    fields: Mapping[str, object] = {}
    exception: str | None = None


def json_line(entry: Entry) -> str:
    """Write an entry as one JSON object, without the newline."""
    document: dict[str, object] = {
        "time": _iso(entry.time_ns),
        "level": entry.level,
        "logger": _clean(entry.logger),
        "event": _text(entry.event),
    }
    for name, value in _plain_fields(entry).items():
        # A field must not pass for the entry's own time or level: a book's `level` becomes `level_`.
        free = name
        while free in document:
            free += "_"
        document[free] = value
    if entry.exception:
        document["exception"] = _clean(entry.exception)
    line = msgspec.json.encode(document).decode()
    if len(line) > LINE_BYTES_MAX // 4 and len(line.encode()) > LINE_BYTES_MAX:
        head = dict(islice(document.items(), 4)) | {"event": _text(entry.event)[:1000]}
        line = msgspec.json.encode(head | {"cut": line[: LINE_BYTES_MAX // 8]}).decode()
    return _redacted_json(line)


def human_line(entry: Entry, *, colour: bool) -> str:
    """
    Write an entry for a reader's eye: time of day (UTC), level, who, what, and the fields.

    A traceback follows on lines of its own, behind a gutter, so that no text in it can pass for an entry.
    """
    paint = _paint if colour else _leave
    fields = _plain_fields(entry)
    fields.pop("run_id", None)
    event = printable(_text(entry.event))
    who = printable(_clean(entry.logger.removeprefix("xtrade.")))
    pairs = "  ".join(
        paint("2", printable(name) + "=") + paint(_FIELD_COLOUR.get(name, ""), _word(value))
        for name, value in fields.items()
    )
    clock = _iso(entry.time_ns)[11:23]
    line = " ".join(
        (
            paint("2", f"{clock:<12}"),
            paint(_LEVEL_COLOUR.get(entry.level, ""), f"{entry.level:<7}"),
            paint("36", f"{who:<14}"),
            paint("1", f"{event:<34}") if pairs else paint("1", event),
            pairs,
        )
    ).rstrip()
    gutter = [paint("2", "    │ ") + printable(row) for row in _clean(entry.exception or "").splitlines()]
    return redact("\n".join([line, *gutter]))


_LEVEL_COLOUR: Final = {"debug": "2", "info": "32", "warning": "33", "error": "1;31", "critical": "1;37;41"}
_FIELD_COLOUR: Final = {"order_id": "35", "correlation_id": "35"}


def _paint(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def _leave(_code: str, text: str) -> str:
    return text


def _word(value: object) -> str:
    """Write a plain value so that where it ends is clear."""
    if isinstance(value, str):
        shown = printable(value)
        return f'"{shown}"' if not shown or " " in shown or "=" in shown else shown
    return printable(msgspec.json.encode(value).decode())


def _iso(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    try:
        whole = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns"
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


# What values become ---------------------------------------------------------------------------------------------

# The second net: what a field is called, read without case and separators so that `apiSecret`, `API-SECRET` and
# `api_secret` are one. `tokens` (of a rate limiter) and `seed` (of a run) are words of this desk, not secrets.
_SECRET_NAME: Final = re.compile(
    "secret|passphrase|password|passwd|privatekey|apikey|accesskey|listenkey|signingkey|authorization|credential"
    "|cookie|mnemonic|signature|seedphrase|jwt|token$"
)
_SECRET_WORD: Final = re.compile(r"\b(sign|pin)$")


def _has_secret_name(name: str) -> bool:
    name = name.lower()
    letters = re.sub("[^a-z]", "", name)
    return bool(_SECRET_NAME.search(letters) or _SECRET_WORD.search(name.replace("_", "-")))


def _plain_fields(entry: Entry) -> dict[str, object]:
    return _plain_mapping(entry.fields, 0, iter(range(VALUES_MAX)))


def _plain_mapping(mapping: Mapping[Any, object], depth: int, budget: Iterator[int]) -> dict[str, object]:
    made: dict[str, object] = {}
    for key, value in islice(mapping.items(), ITEMS_MAX):
        name = _text(key)
        hidden = value is not None and _has_secret_name(name)
        made[name] = STARS if hidden else _plain(value, depth + 1, budget)
    if len(mapping) > ITEMS_MAX:
        made["…"] = f"{len(mapping) - ITEMS_MAX} more"
    return made


def _plain(value: object, depth: int, budget: Iterator[int]) -> object:
    """
    Turn any value into what JSON has words for. Never raises: a field is no reason to lose a line.

    `depth` and `budget` (one step for each value of an entry) end what holds itself, or is simply huge.
    """
    if next(budget, None) is None:
        return "…"
    try:
        return _scalar(value, depth, budget)
    except Exception:  # noqa: BLE001  (its own repr, iterator or property may raise anything)
        return f"<{type(value).__name__} that cannot be shown>"


def _scalar(value: object, depth: int, budget: Iterator[int]) -> object:
    match value:
        case None | True | False:
            return value
        case Enum():
            return _plain(value.value, depth, budget)
        case str():
            return _clean(value)
        case int():
            return _number(int(value), fits=value in _INT64)
        case float():
            return _number(float(value), fits=isfinite(value))
        case bytes() | bytearray() | memoryview():
            return _clean(bytes(value).decode(errors="backslashreplace"))
        case BaseException():
            return _clean(f"{type(value).__name__}: {value}")
    return _collection(value, depth, budget) if depth < DEPTH_MAX else "…"


def _collection(value: object, depth: int, budget: Iterator[int]) -> object:
    match value:
        case msgspec.Struct():
            return _plain_mapping(msgspec.structs.asdict(value), depth, budget)
        case Mapping():
            return _plain_mapping(value, depth, budget)
        case tuple() if hasattr(value, "_asdict"):
            return _plain_mapping(value._asdict(), depth, budget)
        case Sequence() | AbstractSet():
            shown = [_plain(item, depth + 1, budget) for item in islice(value, ITEMS_MAX)]
            return shown if len(value) <= ITEMS_MAX else [*shown, f"… {len(value) - ITEMS_MAX} more"]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        attributes = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _plain_mapping(attributes, depth, budget)
    # Decimal, Path, datetime and Secret write themselves well; anything else has at least a repr.
    return _clean(str(value))


def _number(value: float, *, fits: bool) -> object:
    shown = str(value)
    return value if fits and redact(shown) == shown else _clean(shown)


def _text(value: object) -> str:
    known = _plain(value, 0, iter(range(VALUES_MAX)))
    return known if isinstance(known, str) else msgspec.json.encode(known).decode()


def _clean(text: str) -> str:
    # Redacted before it is cut or escaped: half a secret, or a secret in disguise, would not be recognised.
    shown = printable(redact(str.__str__(text)), keep="\n\t")
    if len(shown) > TEXT_LENGTH_MAX:
        return f"{shown[:TEXT_LENGTH_MAX]}… {len(shown) - TEXT_LENGTH_MAX} characters more"
    return shown


def _redacted_json(line: str) -> str:
    redacted = redact(line)
    if redacted == line:
        return line
    try:
        msgspec.json.decode(redacted)
    except msgspec.DecodeError:
        # The secret spanned the quoting itself: keep the line, as one text.
        return msgspec.json.encode({"cut": redacted}).decode()
    return redacted
