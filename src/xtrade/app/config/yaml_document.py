"""YAML with places, read from the parser's events: nothing is ever constructed but texts, numbers, lists and sections.

What makes YAML a trap is refused or left out: tags, anchors and aliases, a key twice, several documents. Plain words
mean what they mean in YAML 1.2: `no` and `12:30` are texts, `true` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from xtrade.app.config.problems import Key, Malformed
from xtrade.runtime.extras import require

__all__ = ["read_yaml"]

WHOLE: Final = re.compile(r"[-+]?[0-9]+")
FRACTION: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_yaml(text: str) -> tuple[object, dict[Key, int]]:
    """Return what a YAML document says, and the index of each key and list item in it."""
    yaml = require("yaml", extra="yaml")
    places: dict[Key, int] = {}
    events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.SafeLoader))

    def value(key: Key, event: Any) -> object:
        _refuse_what_hides_meaning(event)
        match type(event).__name__:
            case "MappingStartEvent":
                return members(key)
            case "SequenceStartEvent":
                return items(key)
            case _:
                return _plain(event.value) if event.style is None else event.value

    def members(key: Key) -> dict[str, object]:
        found: dict[str, object] = {}
        while type(event := next(events)).__name__ != "MappingEndEvent":
            _refuse_what_hides_meaning(event)
            if type(event).__name__ != "ScalarEvent":
                raise Malformed(event.start_mark.index, "expected a plain key")
            name = event.value
            if name in found:
                raise Malformed(event.start_mark.index, "the key is here a second time")
            places[*key, name] = event.start_mark.index
            found[name] = value((*key, name), next(events))
        return found

    def items(key: Key) -> list[object]:
        found: list[object] = []
        while type(event := next(events)).__name__ != "SequenceEndEvent":
            item: Key = (*key, len(found))
            places[item] = event.start_mark.index
            found.append(value(item, event))
        return found

    try:
        next(events)  # the stream begins
        if type(next(events)).__name__ == "StreamEndEvent":
            return None, places
        tree = value((), next(events))
        next(events)  # the document ends
        if type(event := next(events)).__name__ != "StreamEndEvent":
            raise Malformed(event.start_mark.index, "a configuration is one document")
    except yaml.reader.ReaderError as error:
        raise Malformed(
            error.position, f"a character that YAML does not allow: #x{error.character:04x}"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(mark.index, " ".join(filter(None, (error.context, error.problem)))) from None
    return tree, places


def _refuse_what_hides_meaning(event: Any) -> None:
    """Anchors and aliases say a thing elsewhere, tags make it something else: neither belongs here."""
    if event.anchor is not None:
        raise Malformed(event.start_mark.index, "anchors and aliases are not read: write the value out")
    if event.tag is not None:
        raise Malformed(event.start_mark.index, "tags are not read: write the value as it is")


def _plain(text: str) -> object:
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text):
        return int(text)
    if FRACTION.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
