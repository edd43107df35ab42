"""Reading one layer (a file, an environment variable, a flag) by the model: typed values, and every problem in it.

`msgspec` stops at the first mistake and knows no places, so the walk over the sections is done here, and `msgspec`
judges one option at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from xtrade.app.config.options import (
    Wrong,
    from_text,
    members,
    named_sections,
    options,
    section_type,
    table_value,
    typed,
)
from xtrade.app.config.problems import Key, Origin, Problem, dotted
from xtrade.model.errors import did_you_mean

__all__ = ["Entry", "Text", "read_layer"]

SECRET_NAMES: Final = re.compile(
    r"secret|pass_?(phrase|word|wd)|mnemonic|token|(private|api|access|sign(ing|er)?)[_-]?key", re.IGNORECASE
)


class Text(str):
    """A value that came as text from a place that knows no types: an environment variable or a flag."""

    __slots__ = ()


class Entry(NamedTuple):
    """What a layer says of one key: an option's value, or (as `section`) that a section is there."""

    value: object
    section: type[Struct] | None
    origin: Origin


def read_layer(
    root: type[Struct], tree: Mapping[str, object], origin: Callable[[Key], Origin]
) -> tuple[dict[Key, Entry], list[Problem]]:
    """Read what a layer says; an entry for each section and option that is right, a problem for each that is not."""
    entries: dict[Key, Entry] = {}
    problems: list[Problem] = []

    def section(kind: type[Struct], found: object, key: Key) -> None:
        if not isinstance(found, Mapping):
            # A section with all of its options commented out is nothing in YAML and JSON.
            if found is not None:
                problem(
                    key, f"is a section with options of its own ({', '.join(members(kind))}), not a value"
                )
                return
            found = {}
        if key:
            entries[key] = Entry(None, kind, origin(key))
        hints = members(kind)
        for name, value in found.items():
            at = (*key, name)
            if name in hints:
                member(hints[name], value, at)
            else:
                problem(at, unknown(root, hints, at))

    def member(hint: Any, value: object, key: Key) -> None:
        if inner := section_type(hint):
            section(inner, value, key)
        elif named := named_sections(hint):
            each_named(*named, value, key)
        elif (each := table_value(hint)) is not None:
            table(each, value, key)
        else:
            option(hint, value, key)

    def table(hint: Any, found: object, key: Key) -> None:
        if found is not None and not isinstance(found, Mapping):
            problem(key, "expected a table of names and values")
            return
        for name, value in (found or {}).items():
            option(hint, value, (*key, name))

    def each_named(name_hint: Any, kind: type[Struct], found: object, key: Key) -> None:
        if found is None:
            return
        if not isinstance(found, Mapping):
            problem(key, f"holds sections that you name, as [{dotted(key)}.NAME], not a value")
            return
        for name, value in found.items():
            try:
                typed(name_hint, name)
            except Wrong as wrong:
                problem((*key, name), wrong.text)
            else:
                section(kind, value, (*key, name))

    def option(hint: Any, value: object, key: Key) -> None:
        try:
            taken = from_text(hint, value) if isinstance(value, Text) else typed(hint, value)
        except Wrong as wrong:
            near = did_you_mean(wrong.meant, wrong.near)
            problem(key, wrong.text + (f".{near}" if near else ""))
        else:
            entries[key] = Entry(taken, None, origin(key))

    def problem(key: Key, text: str) -> None:
        problems.append(Problem(origin(key).where, dotted(key), text))

    section(root, tree, ())
    return entries, problems


def unknown(root: type[Struct], siblings: Mapping[str, Any], key: Key) -> str:
    """Say that a key is unknown, and where it may belong. Its value is not repeated: it may be a secret."""
    name = str(key[-1])
    # First, for the nearest word to api_key is key, and that must not hold one.
    if SECRET_NAMES.search(name) and not any(name.casefold() in sibling for sibling in siblings):
        return (
            "a secret does not belong in a configuration: store it with `xtrade keys add VENUE`, then give the"
            " name of that entry here, as key = 'NAME'"
        )
    if near := did_you_mean(name, siblings):
        return f"unknown key.{near}"
    if elsewhere := [dotted(option.key) for option in options(root) if option.key[-1] == name]:
        return f"unknown key. Did you mean {' or '.join(map(repr, elsewhere))}?"
    return f"unknown key: expected one of {', '.join(siblings)}"
