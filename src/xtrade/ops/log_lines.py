"""One log entry in, one finished line out: pure functions, total, and nothing secret or obeyed by a terminal in them.

The fields come plain and clean from `log_values`. The finished line is searched once more for every secret, as each
would be written there; a line that held one is made again with care, so that the cut leaves it a good line.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from xtrade.ops.log_values import Walk, clean, fields_of, text_of
from xtrade.ops.printable import printable
from xtrade.runtime.secrets import redact

__all__ = ["LINE_BYTES_MAX", "Entry", "human_line", "json_line"]

LINE_BYTES_MAX: Final = 32_768


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
    line = _encoded(_document(entry, Walk(careful=False)))
    if len(line) <= LINE_BYTES_MAX // 4 and redact(line) == line:
        return line
    return _careful_json_line(entry)


def human_line(entry: Entry, *, colour: bool) -> str:
    """Write an entry for a reader's eye: time of day (UTC), level, who, what, and the fields.

    A traceback follows on lines of its own, behind a gutter, so that no text in it can pass for an entry.
    """
    paint = _paint if colour else _leave
    # Paint and padding come between: here each text is cleaned by itself.
    walk = Walk(careful=True)
    fields = fields_of(entry.fields, walk)
    fields.pop("run_id", None)
    event = printable(text_of(entry.event, walk))
    who = printable(clean(entry.logger.removeprefix("xtrade."), walk))
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
            paint("1", f"{event:<26}") if pairs else paint("1", event),
            pairs,
        )
    ).rstrip()
    gutter = [
        paint("2", "    │ ") + printable(row) for row in clean(entry.exception or "", walk).splitlines()
    ]
    return redact("\n".join([line, *gutter]))


# JSON -------------------------------------------------------------------------------------------------------------


def _document(entry: Entry, walk: Walk) -> dict[str, object]:
    document: dict[str, object] = {
        "time": _iso(entry.time_ns),
        "level": entry.level,
        "logger": clean(entry.logger, walk),
        "event": text_of(entry.event, walk),
    }
    for name, value in fields_of(entry.fields, walk).items():
        # A field must not pass for the entry's own time or level: a book's `level` becomes `level_`.
        free = name
        while free in document:
            free += "_"
        document[free] = value
    if entry.exception:
        document["exception"] = clean(entry.exception, walk)
    return document


def _careful_json_line(entry: Entry) -> str:
    document = _document(entry, Walk(careful=True))
    line = _encoded(document)
    if len(line.encode()) > LINE_BYTES_MAX:
        head = dict(islice(document.items(), 4))
        line = _encoded(head | {"event": str(head["event"])[:1_000], "cut": line[: LINE_BYTES_MAX // 8]})
    redacted = redact(line)
    try:
        msgspec.json.decode(redacted)
    except msgspec.DecodeError:
        # The secret spanned the quoting itself: keep the line, as one text.
        return _encoded({"cut": redacted})
    return redacted


def _encoded(document: dict[str, object]) -> str:
    return msgspec.json.encode(document).decode()


# For people -------------------------------------------------------------------------------------------------------

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
        return f"{_whole_second(seconds)}.{nanoseconds:09d}Z"
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns"


@lru_cache(maxsize=4)
def _whole_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
