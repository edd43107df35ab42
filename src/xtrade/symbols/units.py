"""Units in names: `1000BONK`, `kBONK` and `1MBABYDOGE` are a thousand BONK, a thousand BONK, a million BABYDOGE.

The unit is a part of the universal name (1000PEPE/USDT:USDT, as in ccxt), because prices, quantities and balances
are counted in it; the asset and the ratio stand beside it, so that price and quantity can be rescaled together
(docs/decisions/0004-units-in-symbols.md).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from xtrade.symbols import assets

__all__ = ["Unit", "miscased", "respelled", "unit_of"]


class Unit(NamedTuple):
    """One unit of a name is exactly `ratio` of `asset`; `prefix` is how the name says so."""

    asset: str
    ratio: int
    prefix: str = ""


def unit_of(base: str) -> Unit:
    """Return what one unit of `base` is: most names are their own asset, with ratio 1.

    >>> unit_of("1000BONK")
    Unit(asset='BONK', ratio=1000, prefix='1000')
    >>> unit_of("1INCH")
    Unit(asset='1INCH', ratio=1, prefix='')
    """
    units = assets.load().units
    if base in units.whole:
        return Unit(base, 1)
    for prefix in units.prefix:
        asset = base.removeprefix(prefix.text)
        # After a unit comes a name that begins with a letter; after the letter k, one with a capital: kBONK, not kava.
        if asset == base or not asset[:1].isalpha() or asset[:1].islower():
            continue
        if asset in units.assets or not prefix.listed_only:
            return Unit(asset, prefix.ratio, prefix.text)
    return Unit(base, 1)


def respelled(base: str, prefixes: Collection[str]) -> str:
    """Return `base` with its unit as a venue that uses `prefixes` writes it, or as it is: 1000BONK, kBONK."""
    unit = unit_of(base)
    if unit.ratio == 1 or unit.prefix in prefixes:
        return base
    for prefix in assets.load().units.prefix:
        if prefix.text in prefixes and prefix.ratio == unit.ratio:
            return prefix.text + unit.asset
    return base


def miscased(base: str, prefixes: Collection[str]) -> bool:
    """Tell whether only the case of its unit keeps `base` from being a venue's spelling: KBONK for kBONK."""
    usual = respelled(base, prefixes)
    return usual != base and usual.casefold() == base.casefold()
