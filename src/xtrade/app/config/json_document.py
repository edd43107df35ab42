"""JSON with places: the structure is read here, so that each key's place is known; texts and numbers by `json`."""

from __future__ import annotations

import json
import re
from typing import Final

from xtrade.app.config.problems import Key, Malformed

__all__ = ["read_json"]

BLANK: Final = re.compile(r"[ \t\r\n]*")
SCALAR: Final = json.JSONDecoder()


def read_json(text: str) -> tuple[object, dict[Key, int]]:
    """Return what a JSON document says, and the index of each key and list item in it."""
    walk = _Walk(text)
    tree, end = walk.value((), walk.blank(0))
    if (end := walk.blank(end)) < len(text):
        raise Malformed(end, "expected the end of the file")
    return tree, walk.places


class _Walk:
    """One pass over a document; each step takes the index where it begins and returns where it ended."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: dict[Key, int] = {}

    def value(self, key: Key, at: int) -> tuple[object, int]:
        match self.text[at : at + 1]:
            case "{":
                return self.members(key, at)
            case "[":
                return self.items(key, at)
            case _:
                return self.scalar(at, "expected a value")

    def members(self, key: Key, at: int) -> tuple[dict[str, object], int]:
        found: dict[str, object] = {}
        at = self.blank(at + 1)
        while self.text[at : at + 1] != "}":
            start = at
            name, at = self.scalar(start, "expected a key in double quotes")
            if not isinstance(name, str):
                raise Malformed(start, "expected a key in double quotes")
            if name in found:
                raise Malformed(start, "the key is here a second time")
            self.places[*key, name] = start
            found[name], at = self.value((*key, name), self.expect(":", at))
            at = self.separator("}", at)
        return found, at + 1

    def items(self, key: Key, at: int) -> tuple[list[object], int]:
        found: list[object] = []
        at = self.blank(at + 1)
        while self.text[at : at + 1] != "]":
            item: Key = (*key, len(found))
            self.places[item] = at
            value, at = self.value(item, at)
            found.append(value)
            at = self.separator("]", at)
        return found, at + 1

    def separator(self, closing: str, at: int) -> int:
        at = self.blank(at)
        if self.text[at : at + 1] == closing:
            return at
        comma, at = at, self.expect(",", at)
        if self.text[at : at + 1] == closing:
            raise Malformed(comma, "JSON has no comma after the last entry")
        return at

    def expect(self, mark: str, at: int) -> int:
        at = self.blank(at)
        if self.text[at : at + 1] != mark:
            raise Malformed(at, f"expected {mark!r}")
        return self.blank(at + 1)

    def scalar(self, at: int, expected: str) -> tuple[object, int]:
        if self.text[at : at + 1] in {"/", "#"}:
            raise Malformed(at, "JSON has no comments")
        try:
            return SCALAR.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            said = expected if error.msg == "Expecting value" else error.msg[:1].lower() + error.msg[1:]
            raise Malformed(error.pos, said) from None

    def blank(self, at: int) -> int:
        found = BLANK.match(self.text, at)
        assert found is not None
        return found.end()
