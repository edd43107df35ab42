"""Where each key of a TOML document stands: `tomllib` says what a document means, not where.

The document has already been read by `tomllib`, so it is known to be legal; that keeps this walk short.
"""

from __future__ import annotations

import re
import tomllib
from typing import Final

from xtrade.app.config.problems import Key

__all__ = ["locate"]

BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
SPACE: Final = re.compile(r"[ \t]*")
NAME: Final = re.compile(r"""[A-Za-z0-9_-]+ | "(?:\\.|[^"\\])*" | '[^']*'""", re.VERBOSE)
# Three quotes come before one; and a text may itself end in up to two quotes before its closing three.
SCALAR: Final = re.compile(
    r'''
      """(?:\\.|[^\\])*?"{3,5}
    | \'\'\'.*?\'{3,5}
    | "(?:\\.|[^"\\])*"
    | '[^']*'
    | [^,\]}\#\n]+
    ''',
    re.VERBOSE | re.DOTALL,
)


def locate(text: str) -> dict[Key, int]:
    """Return the index at which each key of a legal TOML document first stands; for a list's items, their start."""
    walk = _Walk(text)
    table: Key = ()
    at = walk.skip(BLANK, 0)
    while at < len(text):
        if text.startswith("[[", at):
            table, at = walk.header(at + 2, repeated=True)
        elif text[at] == "[":
            table, at = walk.header(at + 1, repeated=False)
        else:
            at = walk.assignment(table, at)
        at = walk.skip(BLANK, at)
    return walk.places


class _Walk:
    """One pass over a document; each step takes the index where it begins and returns where it ended."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: dict[Key, int] = {}
        self.tables: dict[Key, int] = {}  # how many tables each array of tables has so far

    def skip(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self.text, at)
        assert found is not None, f"not TOML at {at}, although tomllib read it"
        return found.end()

    def header(self, at: int, *, repeated: bool) -> tuple[Key, int]:
        """`a.b]`: an array of tables on the way stands for its last table."""
        names, at = self.names(at)
        key: Key = ()
        for depth, (name, index) in enumerate(names, start=1):
            key = (*key, name)
            self.places.setdefault(key, index)
            if repeated and depth == len(names):
                self.tables[key] = self.tables.get(key, 0) + 1
            if key in self.tables:
                key = (*key, self.tables[key] - 1)
                self.places.setdefault(key, index)
        return key, at + (2 if repeated else 1)

    def assignment(self, table: Key, at: int) -> int:
        """`a.b = value`."""
        names, at = self.names(at)
        key = table
        for name, index in names:
            key = (*key, name)
            self.places.setdefault(key, index)
        return self.value(key, self.skip(SPACE, at + 1))

    def value(self, key: Key, at: int) -> int:
        match self.text[at]:
            case "[":
                at = self.skip(BLANK, at + 1)
                position = 0
                while self.text[at] != "]":
                    item: Key = (*key, position)
                    self.places[item] = at
                    at = self.separator(self.value(item, at))
                    position += 1
                return at + 1
            case "{":
                at = self.skip(BLANK, at + 1)
                while self.text[at] != "}":
                    at = self.separator(self.assignment(key, at))
                return at + 1
            case _:
                return self.skip(SCALAR, at)

    def separator(self, at: int) -> int:
        at = self.skip(BLANK, at)
        return self.skip(BLANK, at + 1) if self.text[at] == "," else at

    def names(self, at: int) -> tuple[list[tuple[str, int]], int]:
        """`a."b c".d`: each name with its index."""
        names = []
        while True:
            at = self.skip(SPACE, at)
            end = self.skip(NAME, at)
            names.append((_plain(self.text[at:end]), at))
            at = self.skip(SPACE, end)
            if self.text[at] != ".":
                return names, at
            at += 1


def _plain(name: str) -> str:
    match name[0]:
        case '"':
            return next(iter(tomllib.loads(f"{name} = 0")))
        case "'":
            return name[1:-1]
        case _:
            return name
