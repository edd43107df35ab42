"""Two sources, one answer: a venue's names to universal names and back.

With rows of the venue's metadata the answers are certain, and what is not listed is not a market. Without them the
venue's patterns answer, as surely as the evidence allows (evidence.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from xtrade.model.errors import SymbolError, UsageError, did_you_mean
from xtrade.model.instruments import Kind
from xtrade.symbols.answer import MarketName, kind_of
from xtrade.symbols.by_metadata import MarketRow, MetadataNames
from xtrade.symbols.by_pattern import PatternNames
from xtrade.symbols.symbol import Symbol, shown

__all__ = ["CheckedName", "MarketName", "MarketRow", "SymbolMap"]

# The first of several readings is taken for the answer when it is this many times as sure as the second.
CLEARLY_FIRST = 2.0


class CheckedName(Struct, frozen=True, kw_only=True):
    """Whether a native and a universal name are the same market, how sure a yes is (a no has 0), and why."""

    venue: str
    native: str
    symbol: Symbol
    same: bool
    confidence: float
    reasons: tuple[str, ...]


class SymbolMap:
    """The names of one venue's markets.

    >>> names = SymbolMap("binance")
    >>> str(names.universal("1000BONKUSDT", kind="linear").symbol)
    '1000BONK/USDT:USDT'
    >>> names.native("BTC/USD:BTC").native
    'BTCUSD_PERP'
    """

    def __init__(self, venue: str, metadata: Iterable[MarketRow] | None = None) -> None:
        self.venue = venue
        self._source: MetadataNames | PatternNames = (
            PatternNames(venue) if metadata is None else MetadataNames(venue, metadata)
        )

    def candidates(self, native: str, *, kind: Kind | str | None = None) -> tuple[MarketName, ...]:
        """Return every market that the venue's name may mean, the likeliest first; a SymbolError if there is none."""
        return self._source.candidates(native, None if kind is None else _kind(kind))

    def universal(self, native: str, *, kind: Kind | str | None = None) -> MarketName:
        """Return the market that the venue's name means.

        If it may mean several and none is twice as sure as the next, a SymbolError carries the candidates.
        """
        found = self.candidates(native, kind=kind)
        if len(found) == 1 or found[0].confidence >= CLEARLY_FIRST * found[1].confidence:
            return found[0]
        options = [f"{market.symbol} ({kind_of(market.symbol)})" for market in found]
        kinds = dict.fromkeys(market.kind for market in found)
        advice = f"name the kind ({' or '.join(kinds)})" if len(kinds) > 1 else "give the universal name"
        raise SymbolError(
            f"{shown(native.strip())} on {self.venue} may be {' or '.join(options)}: {advice}",
            candidates=[str(market.symbol) for market in found],
        )

    def native(self, symbol: Symbol | str) -> MarketName:
        """Return the venue's name of a market; a SymbolError if the venue has none such."""
        return self._source.native(Symbol.parse(symbol) if isinstance(symbol, str) else symbol)

    def check(self, native: str, symbol: Symbol | str) -> CheckedName:
        """Say whether a venue's name and a universal name are the same market."""
        asked = Symbol.parse(symbol) if isinstance(symbol, str) else symbol
        try:
            found = self.candidates(native, kind=asked.kind)
        except SymbolError as error:
            return self._no(native, asked, str(error))
        for market in found:
            if market.symbol == asked:
                return CheckedName(
                    venue=self.venue,
                    native=market.native,
                    symbol=asked,
                    same=True,
                    confidence=market.confidence,
                    reasons=market.reasons,
                )
        first = found[0]
        return self._no(native, asked, f"{first.native} is {first.symbol} on {self.venue}")

    def _no(self, native: str, symbol: Symbol, reason: str) -> CheckedName:
        return CheckedName(
            venue=self.venue,
            native=native.strip(),
            symbol=symbol,
            same=False,
            confidence=0.0,
            reasons=(reason,),
        )


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        kinds = [kind.value for kind in Kind]
        raise UsageError(f"kind {text!r}: expected {', '.join(kinds)}.{did_you_mean(text, kinds)}") from None
