"""Parameters of a strategy: a typed struct, read from a file, a command line or code alike.

Params          the base that a strategy's parameters are written on
read_params     from words and numbers to the struct, or a sentence about what is wrong
parameters_of   what there is to set, for people: types, defaults, and what each one means
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from xtrade.model.errors import ConfigError, did_you_mean

__all__ = ["Parameter", "Params", "parameters_of", "read_params"]


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of a strategy's parameters: fields with types, and defaults where a good one exists.

    What a field means is said in `Annotated[int, Meta(description="…")]`, and shown by `xtrade strategies show`.
    A figure that makes no sense is refused in `__post_init__`, with a ValueError that says what is expected.
    """


P = TypeVar("P", bound=Params)


class Parameter(Struct, frozen=True):
    """One parameter of a strategy, for people and programs that show or ask for it."""

    name: str
    type: str
    required: bool
    default: object
    """As JSON has it; null where it is required."""
    description: str


def parameters_of(kind: type[Params]) -> list[Parameter]:
    """Return what there is to set, in the order of the source."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in msgspec.structs.fields(kind):
        default: object = None
        if field.default is not msgspec.NODEFAULT:
            default = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        found.append(
            Parameter(
                field.name,
                _type_in_words(hints[field.name]),
                field.required,
                msgspec.to_builtins(default, enc_hook=str),
                _description(hints[field.name]),
            )
        )
    return found


def read_params(kind: type[P], given: Mapping[str, object], *, of: str) -> P:
    """Read the parameters of the strategy `of`; words are understood as numbers where a number is wanted."""
    known = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in given:
        if name not in known:
            names = ", ".join(known) or "none"
            raise ConfigError(
                f"{of} has no parameter {name!r}: expected one of {names}.{did_you_mean(name, known)}"
            )
    missing = [name for name, field in known.items() if field.required and name not in given]
    if missing:
        raise ConfigError(
            f"{of} needs {' and '.join(missing)}: give --param {missing[0]}=… or set it in the file"
        )
    try:
        return msgspec.convert(dict(given), kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{of}: {_in_words(str(error), given)}") from error


def _in_words(text: str, given: Mapping[str, object]) -> str:
    """Turn "Expected `int`, got `str` - at `$.fast`" into the parameter, what stands there and what is expected."""
    said, _, place = text.partition(" - at `$.")
    name = place.rstrip("`").split(".", 1)[0].split("[", 1)[0]
    if name not in given:
        return said
    return f"{name} = {given[name]!r}: {said[:1].lower()}{said[1:]}"


def _description(hint: Any) -> str:
    if get_origin(hint) is not Annotated:
        return ""
    return next(
        (meta.description for meta in get_args(hint) if isinstance(meta, Meta) and meta.description), ""
    )


def _type_in_words(hint: Any) -> str:
    """Write a type as its source does, without what is said about it."""
    if get_origin(hint) is Annotated:
        return _type_in_words(get_args(hint)[0])
    if hint is NoneType:
        return "None"
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    parts = get_args(hint)
    if parts and NoneType in parts:
        return " | ".join(_type_in_words(part) for part in parts)
    return str(hint).replace("typing.", "")
