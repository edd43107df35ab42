"""What the model says, written for people and editors: the starter file, the JSON schema, the table in the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Final

import msgspec

from xtrade.app.config.model import Config
from xtrade.app.config.options import ANY_NAME, Option, Section, sections
from xtrade.app.config.problems import Key, dotted

__all__ = ["json_schema", "options_table", "starter"]

WIDTH: Final = 100

INTRODUCTION: Final = (
    "The configuration of xtrade. Every option is listed, commented out, with its default (an example where it has"
    " none): to change one, take the `#` before it away. `xtrade config check FILE` finds mistakes, `xtrade config"
    " show` tells what is in effect and who set it. Secrets do not belong here: `xtrade keys add VENUE` keeps them"
    " encrypted."
)


def starter() -> str:
    """Return a TOML file that sets nothing and explains everything; without its `#` it is a legal example."""
    lines = [*_prose(INTRODUCTION)]
    for section in sections(Config):
        if section.options:
            lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file, with every description, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Config)}


def options_table() -> str:
    """Return every option as Markdown, one table for each section."""
    return "\n\n".join(_table(section) for section in sections(Config) if section.options) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield from _prose(section.description)
    # A section that the user names would be one more account if it were not commented out.
    named = ANY_NAME in section.key
    yield f"{'#' if named else ''}[{dotted(_example_key(section))}]"
    for option in section.options:
        yield ""
        yield from _prose(" ".join(filter(None, (option.description, _accepts(option), _without(option)))))
        yield f"#{option.key[-1]} = {_toml(_example(option))}"


def _table(section: Section) -> str:
    rows = [
        f"**`[{dotted(section.key)}]`** {section.description}",
        "",
        "| Option | Default | What it does |",
        "| --- | --- | --- |",
    ]
    for option in section.options:
        default = "*must be set*" if option.required else f"`{_toml(option.default)}`"
        rows.append(
            f"| `{option.key[-1]}` | {'' if option.default is None else default}"
            f" | {option.description} {_accepts(option)} |".replace("  |", " |")
        )
    return "\n".join(rows)


def _accepts(option: Option) -> str:
    words = option.expects
    return "" if words == "a text" else f"{words[:1].upper()}{words[1:]}."


def _without(option: Option) -> str:
    """What holds where nothing is set, for an option that shows an example in place of its default."""
    if option.required:
        return "Must be set."
    return "Not set by default." if option.default is None else ""


def _example(option: Option) -> object:
    """What stands in the starter: the default, or the first example where the default is to have none."""
    if option.examples and (option.default is msgspec.NODEFAULT or not option.default):
        return option.examples[0]
    return option.default


def _example_key(section: Section) -> Key:
    """`venues.NAME`, with the example of its first option for the name."""
    first = str(_example(section.options[0]))
    return tuple(first if part == ANY_NAME else part for part in section.key)


def _prose(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")


def _toml(value: object) -> str:
    """Write an option's value in TOML; for a text without control characters, and a list, JSON says the same."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:_}"
    if isinstance(value, dict):
        return (
            f"{{ {', '.join(f'{name} = {_toml(each)}' for name, each in value.items())} }}" if value else "{}"
        )
    return json.dumps(value, ensure_ascii=False)
