"""The one answer of both sources: a market's name on one venue, its universal name, and how sure that is."""

from __future__ import annotations

from msgspec import Struct

from xtrade.model.instruments import Kind
from xtrade.symbols.symbol import Symbol

__all__ = ["MarketName", "kind_in_words", "kind_of"]


class MarketName(Struct, frozen=True, kw_only=True):
    """What one market is called on one venue and everywhere.

    One unit of the market is exactly `ratio` of `asset`: 1000 BONK for 1000BONK/USDT:USDT. `confidence` is 1.0
    from the venue's metadata and below that by pattern; `reasons` say why, in sentences.
    """

    venue: str
    native: str
    symbol: Symbol
    kind: Kind
    asset: str
    ratio: int
    confidence: float
    reasons: tuple[str, ...]


def kind_of(symbol: Symbol) -> str:
    """Name a market's kind in a word or two: spot, linear, dated inverse."""
    return f"dated {symbol.kind}" if symbol.dated else symbol.kind


def kind_in_words(kind: Kind, *, dated: bool) -> str:
    """Name the markets of a kind in a sentence: spot markets, linear perpetuals, dated inverse contracts."""
    if kind is Kind.SPOT:
        return "spot markets"
    return f"dated {kind} contracts" if dated else f"{kind} perpetuals"
