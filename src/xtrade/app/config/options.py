"""What the model says about itself: its sections, its options, and the words for what each accepts.

The grammar of the model is small on purpose. A section is a Struct; `dict[name, Struct]` holds sections that the
user names; everything else is an option: a text, a number, a yes or no, one of a few words, a list of those, or none.
One option is a table: a `dict` of names to such values, whose names somebody else knows (a strategy's parameters).
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    ListType,
    Metadata,
    NoneType,
    StrType,
    Type,
    UnionType,
    type_info,
)

from xtrade.app.config.problems import Key, shown

__all__ = [
    "ANY_NAME",
    "Option",
    "Section",
    "Wrong",
    "from_text",
    "members",
    "named_sections",
    "options",
    "section_type",
    "sections",
    "table_value",
    "typed",
]

# Stands in a key for the name that the user gives: ("venues", "NAME", "key").
ANY_NAME: Final = "NAME"

UNDERSCORED: Final = re.compile(r"[-+]?[0-9]+(_[0-9]+)+")


class Option(NamedTuple):
    """One option of the model, and all that is said about it there."""

    key: Key
    hint: Any
    default: object
    description: str
    expects: str
    examples: tuple[object, ...]

    @property
    def required(self) -> bool:
        """Whether the option must be set wherever its section is."""
        return self.default is NODEFAULT


class Section(NamedTuple):
    """One section of the model: its key, what it is about, its options."""

    key: Key
    description: str
    options: tuple[Option, ...]


class Wrong(Exception):
    """A value that an option does not take: `text` says what it takes, `near` lists the words it may have meant."""

    def __init__(self, text: str, meant: str = "", near: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.meant = meant
        self.near = near


@cache
def members(section: type[Struct]) -> Mapping[str, Any]:
    """Return the type of each option and section inside a section, in the order of the model."""
    return get_type_hints(section, include_extras=True)


def section_type(hint: Any) -> type[Struct] | None:
    """Return the section that a type means, or None where it means an option."""
    bare = _bare(hint)
    return bare if isinstance(bare, type) and issubclass(bare, Struct) else None


def named_sections(hint: Any) -> tuple[Any, type[Struct]] | None:
    """Return the types of the names and of the sections, where a type means sections that the user names."""
    bare = _bare(hint)
    if get_origin(bare) is not dict:
        return None
    name, value = get_args(bare)
    section = section_type(value)
    return None if section is None else (name, section)


def table_value(hint: Any) -> Any | None:
    """Return the type of the values, where a type means an option that is a table; otherwise None."""
    bare = _bare(hint)
    return get_args(bare)[1] if get_origin(bare) is dict and named_sections(hint) is None else None


def sections(root: type[Struct], key: Key = ()) -> Iterator[Section]:
    """Walk the sections of the model, outer before inner; a name that the user gives is written NAME."""
    own: list[Option] = []
    inner: list[tuple[Key, type[Struct]]] = []
    for field in msgspec.structs.fields(root):
        hint = members(root)[field.name]
        if section := section_type(hint):
            inner.append(((*key, field.name), section))
        elif named := named_sections(hint):
            inner.append(((*key, field.name, ANY_NAME), named[1]))
        else:
            default = field.default if field.default_factory is NODEFAULT else field.default_factory()
            own.append(_option((*key, field.name), hint, default))
    yield Section(key, " ".join((inspect.getdoc(root) or "").split()), tuple(own))
    for at, section in inner:
        yield from sections(section, at)


def options(root: type[Struct]) -> Iterator[Option]:
    """Walk the options of the model."""
    for section in sections(root):
        yield from section.options


def typed(hint: Any, value: object) -> object:
    """Return `value` as an option of this type holds it, or raise Wrong."""
    try:
        taken = msgspec.convert(value, hint)
    except (msgspec.ValidationError, OverflowError):
        raise _wrong(hint, value) from None
    for each in taken if isinstance(taken, list) else [taken]:
        if isinstance(each, float) and not math.isfinite(each):
            raise _wrong(hint, value)
        if isinstance(each, str) and not each.isprintable():
            raise Wrong("expected a text without control characters")
    return taken


def from_text(hint: Any, text: str) -> object:
    """Read `text`, from an environment variable or a flag, as an option of this type: `5`, `true`, `a, b`.

    The empty text means none where an option may be none.
    """
    kinds = _kinds(hint)
    if text == "" and any(isinstance(kind, NoneType) for kind in kinds):
        return None
    for kind in kinds:
        if isinstance(kind, ListType):
            parts = [part.strip() for part in text.split(",")] if text.strip() else []
            return typed(hint, [_loose(kind.item_type, part) for part in parts])
    return typed(hint, _loose(type_info(hint), text))


def _loose(kind: Type, text: str) -> object:
    """Turn a text into the number or the yes or no that it writes; leave it a text where it is none."""
    wanted = _kinds(kind)
    candidates: list[Any] = [
        plain
        for info, plain in ((IntType, int), (FloatType, float), (BoolType, bool))
        if any(isinstance(each, info) for each in wanted)
    ]
    plain_text = text.replace("_", "") if UNDERSCORED.fullmatch(text) else text
    for candidate in candidates:
        try:
            return msgspec.convert(plain_text, candidate, strict=False)
        except msgspec.ValidationError:
            continue
    return text


def _option(key: Key, hint: Any, default: object) -> Option:
    info = type_info(hint)
    said = info.extra_json_schema or {} if isinstance(info, Metadata) else {}
    return Option(
        key=key,
        hint=hint,
        default=default,
        description=said.get("description", ""),
        expects=_expects(hint),
        examples=tuple(said.get("examples", ())),
    )


def _wrong(hint: Any, value: object) -> Wrong:
    extra = _extra(hint)
    words = _words(hint) or tuple(extra.get("known", ()))
    instead = "" if extra.get("private") else f", not {shown(value)}"
    return Wrong(f"expected {_expects(hint)}{instead}", value if isinstance(value, str) else "", words)


def _expects(hint: Any) -> str:
    """Say what an option takes, as the words after "expected"."""
    if said := _extra(hint).get("expects"):
        return str(said)
    if words := _words(hint):
        return f"one of {', '.join(words)}"
    return " or ".join(_kind_expects(kind) for kind in _kinds(hint) if not isinstance(kind, NoneType))


def _kind_expects(kind: Type) -> str:
    match kind:
        case BoolType():
            return "true or false"
        case StrType():
            return "a text"
        case IntType(ge=low, le=high):
            return f"a whole number{_bounds(low, high)}"
        case FloatType(gt=float() | int() as over):
            return f"a number above {over:,}"
        case FloatType(ge=low, le=high):
            return f"a number{_bounds(low, high)}"
        case DictType():
            return "a table of names and values"
        case ListType(item_type=item):
            return f"a list, each {' or '.join(_kind_expects(each) for each in _kinds(item))}"
        case _:
            raise TypeError(f"the configuration has no options of type {kind}")


def _bounds(low: float | None, high: float | None) -> str:
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f" of at least {low:,}"
        case None, _:
            return f" of at most {high:,}"
        case _:
            return f" from {low:,} to {high:,}"


def _extra(hint: Any) -> dict[str, Any]:
    info = type_info(hint)
    return info.extra or {} if isinstance(info, Metadata) else {}


def _kinds(hint: Any) -> tuple[Type, ...]:
    """Return the alternatives of a type: one, or several where it is a union."""
    info = hint if isinstance(hint, Type) else type_info(hint)
    while isinstance(info, Metadata):
        info = info.type
    return info.types if isinstance(info, UnionType) else (info,)


def _words(hint: Any) -> tuple[str, ...]:
    """Return the words an option takes, in the order of the model (`msgspec.inspect` sorts them)."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(word for part in get_args(hint) if get_origin(part) for word in _words(part))


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
