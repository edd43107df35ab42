"""One market's name on every venue, by pattern."""

from __future__ import annotations

from msgspec import Struct

from xtrade.model.errors import SymbolError
from xtrade.model.instruments import Kind
from xtrade.symbols.by_pattern import PatternNames
from xtrade.symbols.patterns import VENUES
from xtrade.symbols.symbol import Symbol

__all__ = ["NameEverywhere", "everywhere"]


class NameEverywhere(Struct, frozen=True, kw_only=True):
    """A market's name on one venue, or why there is none."""

    venue: str
    kind: Kind
    symbol: Symbol | None
    native: str | None
    confidence: float
    reasons: tuple[str, ...]


def everywhere(text: str) -> list[NameEverywhere]:
    """Name a market on every venue.

    `BTC/USDT:USDT` asks for that market alone; `BTC/USDT` for the pair in every kind, each venue settling it as it
    does; `BTC` for the asset, each venue and kind in its own first quote.
    """
    if not text.strip():
        raise SymbolError(
            "an empty name is no market: expected one such as BTC/USDT, or an asset such as BTC"
        )
    if not any(mark in text for mark in "/-_"):
        base = Symbol.parse(f"{text.strip()}/{'USDT' if text.strip().upper() == 'USD' else 'USD'}").base
        return [_on(venue, kind, base, None) for venue in VENUES for kind in Kind]
    asked = Symbol.parse(text)
    if asked.settle is None:
        return [_on(venue, kind, asked.base, asked.quote) for venue in VENUES for kind in Kind]
    return [_named(PatternNames(venue), asked.kind, asked) for venue in VENUES]


def _on(venue: str, kind: Kind, base: str, quote: str | None) -> NameEverywhere:
    source = PatternNames(venue)
    try:
        symbol = source.market(base, quote, kind)
    except SymbolError as error:
        return _nowhere(venue, kind, error)
    return _named(source, kind, symbol)


def _named(source: PatternNames, kind: Kind, symbol: Symbol) -> NameEverywhere:
    try:
        found = source.native(symbol)
    except SymbolError as error:
        return _nowhere(source.venue, kind, error)
    return NameEverywhere(
        venue=source.venue,
        kind=kind,
        symbol=symbol,
        native=found.native,
        confidence=found.confidence,
        reasons=found.reasons,
    )


def _nowhere(venue: str, kind: Kind, error: SymbolError) -> NameEverywhere:
    return NameEverywhere(
        venue=venue, kind=kind, symbol=None, native=None, confidence=0.0, reasons=(str(error),)
    )
