"""Parameters of a strategy: a typed struct, read from a file, a command line or code alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from xtrade.model.errors import ConfigError, did_you_mean

__all__ = ["Params", "read_params"]


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of a strategy's parameters: fields with types, and defaults where a good one exists.

    A figure that makes no sense is refused in `__post_init__`, with a ValueError that says what is expected.
    """


P = TypeVar("P", bound=Params)


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
