"""What is the same on every venue, read once from data/assets.toml: quotes, other names, known assets, units."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

__all__ = ["Assets", "UnitPrefix", "load", "read_data"]


class UnitPrefix(Struct, frozen=True, forbid_unknown_fields=True):
    """What a venue writes before an asset that it trades by the thousand or million."""

    text: str
    ratio: int
    listed_only: bool = False


class Units(Struct, frozen=True, forbid_unknown_fields=True):
    """Which assets are traded in units, on spot too, which names only look so, and the prefixes, longest first."""

    assets: frozenset[str]
    spot: frozenset[str]
    whole: frozenset[str]
    prefix: tuple[UnitPrefix, ...]


class Assets(Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of data/assets.toml."""

    quotes: tuple[str, ...]
    known: frozenset[str]
    aliases: dict[str, str]
    units: Units


@cache
def load() -> Assets:
    """Return what every venue has in common."""
    return msgspec.convert(read_data("assets.toml"), Assets)


def read_data(name: str) -> dict[str, Any]:
    """Read one of the package's data files."""
    import tomllib
    from importlib.resources import files

    path = files("xtrade.symbols").joinpath("data", *name.split("/"))
    return tomllib.loads(path.read_text(encoding="utf-8"))
