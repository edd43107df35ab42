"""A configuration file as it was written: what it says, and where it says it, in each of the three formats."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from xtrade.app.config.json_document import read_json
from xtrade.app.config.problems import Key, Malformed, Origin, Problem, printable, shown
from xtrade.app.config.toml_places import locate
from xtrade.app.config.yaml_document import read_yaml
from xtrade.model.errors import did_you_mean

__all__ = ["READERS", "Document", "read_document"]

# What a document says, and the index of each key and list item in it.
Reader = Callable[[str], tuple[object, dict[Key, int]]]

BYTES_MAX: Final = 1_000_000
DIGITS_MAX: Final = 400

TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
# "Cannot overwrite a value" is what tomllib says of a key that is given twice.
TOML_WORDS: Final = {"Cannot overwrite a value": "the key is here a second time"}
NEWLINE: Final = "\n"
LONG_NUMBER: Final = re.compile(rf"[0-9_]{{{DIGITS_MAX},}}")


class Document(NamedTuple):
    """One file, read: its sections and values, and the index of each in its text."""

    name: str
    text: str
    tree: Mapping[str, object]
    places: Mapping[Key, int]

    def origin(self, key: Key) -> Origin:
        """Return the place of a key, or of the nearest section around it."""
        while key and key not in self.places:
            key = key[:-1]
        return Origin("file", _place(self.name, self.text, self.places.get(key, 0)))


def read_document(path: Path) -> Document | Problem:
    """Read one file by the format that its ending names; the problem, where it cannot be understood."""
    name = printable(str(path))
    if not path.name:
        return Problem("", "", "expected the name of a file, and none was given")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        return Problem(name, "", f"expected the name of a file to end in {', '.join(READERS)}")
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        if path.is_symlink():
            return Problem(name, "", f"a link to a file that is not there, {printable(os.readlink(path))}")
        return Problem(name, "", f"no such file.{_near(path)}")
    except OSError as error:
        return Problem(name, "", f"cannot be read: {(error.strerror or str(error)).lower()}")
    if len(raw) > BYTES_MAX:
        return Problem(name, "", f"more than {BYTES_MAX:,} bytes: this is not a configuration")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        return Problem(_place(name, before, len(before)), "", "not a text in UTF-8")
    return _read(name, text, reader)


def _read(name: str, text: str, reader: Reader) -> Document | Problem:
    try:
        if long := LONG_NUMBER.search(text):
            raise Malformed(long.start(), f"a number of {len(long[0])} digits")
        tree, places = reader(text)
    except Malformed as error:
        return Problem(_place(name, text, error.index), "", error.text)
    except RecursionError:
        return Problem(_place(name, text, 0), "", "sections or lists are nested too deeply")
    if tree is None:  # an empty YAML document
        tree = {}
    if not isinstance(tree, dict):
        return Problem(_place(name, text, 0), "", f"expected sections and options, not {shown(tree)}")
    return Document(name, text, tree, places)


def _read_toml(text: str) -> tuple[object, dict[Key, int]]:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _malformed_toml(text, str(error)) from None
    return tree, locate(text)


def _malformed_toml(text: str, message: str) -> Malformed:
    """`tomllib` puts the place into its sentence."""
    found = TOML_PLACE.search(message)
    sentence = message[: found.start()] if found else message
    index = len(text.rstrip())
    if found and found[1]:
        line, column = int(found[1]), int(found[2])
        index = sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column - 1
    return Malformed(index, TOML_WORDS.get(sentence, sentence[:1].lower() + sentence[1:]))


def _place(name: str, text: str, index: int) -> str:
    """`file:line:column`, both counted from 1."""
    before = text[:index]
    return f"{name}:{before.count(NEWLINE) + 1}:{index - before.rfind(NEWLINE)}"


def _near(path: Path) -> str:
    try:
        return did_you_mean(
            path.name, [each.name for each in path.parent.iterdir() if each.suffix in READERS]
        )
    except OSError:
        return ""


READERS: Final[Mapping[str, Reader]] = {
    ".toml": _read_toml,
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".json": read_json,
}
