"""Where a value comes from, and what is wrong with it: the words shared by every part of the configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Final, Literal

from msgspec import Struct

__all__ = ["Key", "Malformed", "Origin", "Problem", "dotted", "printable", "shown", "summary"]

# The way to a value: names of sections and options, and positions inside lists.
Key = tuple[str | int, ...]

BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
NAME_LENGTH_MAX: Final = 60
VALUE_LENGTH_MAX: Final = 24


class Origin(Struct, frozen=True):
    """The layer that set a value, and the place in it, as a reader would look it up."""

    source: Literal["default", "file", "environment", "command line"]
    where: str


class Problem(Struct, frozen=True):
    """One thing to repair."""

    where: str
    key: str
    text: str

    def line(self) -> str:
        """Return the problem as one line: place, key, what is wrong and what to do."""
        return ": ".join(part for part in (self.where, self.key, self.text) if part)


class Malformed(Exception):
    """A document that cannot be read beyond the character at `index`."""

    def __init__(self, index: int, text: str) -> None:
        super().__init__(text)
        self.index = index
        self.text = text


def dotted(key: Key) -> str:
    """Write a key as TOML would: `venues.okx.key`, `venues."a b"`, `lists[3]`."""
    written = ""
    for part in key:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            written += ("." if written else "") + (part if BARE.fullmatch(part) else _quoted(part))
    return written if len(written) <= NAME_LENGTH_MAX else f"{written[: NAME_LENGTH_MAX - 1]}…"


def shown(value: object) -> str:
    """Return a value as an error may repeat it: on one line, and never so long that it could be a secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "nothing"
        case str():
            quoted = _quoted(value)
            return quoted if len(value) <= VALUE_LENGTH_MAX else f"a text of {len(value)} characters"
        case dict():
            return "a section"
        case list():
            return "a list"
        case _:
            # repr of a huge number is an error of its own (sys.set_int_max_str_digits).
            short = not isinstance(value, int) or value.bit_length() < 128
            return str(value) if short else "a number of many digits"


def summary(problems: Sequence[Problem], *, file: Path | None, overridden: bool) -> str:
    """Return the first problem, how many more there are, and the command that lists them."""
    first, *others = problems
    if not others:
        return first.line()
    command = f"xtrade config check {printable(quote(str(file)))}" if file else "xtrade config check"
    # The flags themselves are not repeated: a secret may have been put there by mistake.
    again = " with the same --set" if overridden else ""
    return f"{first.line()} (and {len(others)} more: run {command}{again})"


def printable(text: str) -> str:
    """Return a name as it is, or escaped where it could disturb a line or a terminal."""
    return text if text.isprintable() else ascii(text)


def _quoted(text: str) -> str:
    return repr(text) if text.isprintable() else ascii(text)
