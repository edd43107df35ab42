"""Names from a venue's own metadata: certain, and silent about what is not listed."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from xtrade.model.errors import DataError, SymbolError, did_you_mean
from xtrade.model.instruments import Kind
from xtrade.symbols.answer import MarketName, kind_of
from xtrade.symbols.evidence import CERTAIN
from xtrade.symbols.symbol import Symbol, capitals, shown
from xtrade.symbols.units import unit_of

__all__ = ["MarketRow", "MetadataNames"]


class MarketRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market of a venue's listing: what the venue calls it, and its universal name.

    `name` is the text name where `native` is a number (Lighter, edgeX). `asset` and `ratio` come together, where
    the venue says what its unit is; without them the unit is read from the base.
    """

    native: str
    symbol: str
    name: str | None = None
    asset: str | None = None
    ratio: int | None = None


class MetadataNames:
    """One venue's names as its listing has them."""

    def __init__(self, venue: str, rows: Iterable[MarketRow]) -> None:
        self.venue = venue
        self._by_symbol: dict[Symbol, list[MarketName]] = {}
        self._by_text: dict[str, list[MarketName]] = {}
        told_by: dict[tuple[str, str], int] = {}
        for number, row in enumerate(rows, start=1):
            market = self._market(number, row)
            named_alike = self._by_symbol.setdefault(market.symbol, [])
            if market in named_alike:
                continue  # Venues list a market twice when it is also a margin market.
            first = told_by.setdefault((market.native, kind_of(market.symbol)), number)
            if first != number:
                raise DataError(
                    f"metadata of {venue}, rows {first} and {number} both are {shown(market.native)}"
                    f" ({kind_of(market.symbol)}): one name, one market"
                )
            named_alike.append(market)
            for text in {row.native, row.name or row.native}:
                self._by_text.setdefault(text, []).append(market)

    def candidates(self, native: str, kind: Kind | None) -> tuple[MarketName, ...]:
        """Return the markets listed under this name."""
        typed = native.strip()
        # Nobody's name is small letters alone, so that is a person's way of typing: btcusdt. Else case counts.
        folded = capitals(typed) if typed == typed.lower() else typed
        markets = self._by_text.get(typed) or self._by_text.get(folded, [])
        found = tuple(market for market in markets if kind in {None, market.kind})
        if found:
            return found
        if markets:
            listed = " and ".join(f"{market.symbol} ({kind_of(market.symbol)})" for market in markets)
            raise SymbolError(
                f"{shown(typed)} is listed by {self.venue} as {listed}, not as {kind}",
                candidates=[str(market.symbol) for market in markets],
            )
        raise SymbolError(
            f"{shown(typed)} is not a market of {self.venue}: its metadata lists {self._count()} and not this"
            f" one.{did_you_mean(typed[:64], self._by_text)}"
        )

    def native(self, symbol: Symbol) -> MarketName:
        """Return the venue's name of a market."""
        found = self._by_symbol.get(symbol, [])
        if len(found) == 1:
            return found[0]
        if found:
            names = [market.native for market in found]
            raise SymbolError(
                f"{symbol} is listed by {self.venue} under several names: {', '.join(names)}",
                candidates=names,
            )
        raise SymbolError(
            f"{symbol} is not a market of {self.venue}: its metadata lists {self._count()} and not this one."
            f"{self._near(symbol)}"
        )

    def _market(self, number: int, row: MarketRow) -> MarketName:
        where = f"metadata of {self.venue}, row {number} ({shown(row.native)})"
        if not row.native or (row.asset is None) != (row.ratio is None):
            raise DataError(
                f"{where}: native must not be empty, and asset and ratio come together or not at all"
            )
        if row.ratio is not None and row.ratio < 1:
            raise DataError(f"{where}: ratio = {row.ratio}: expected a whole number from 1")
        try:
            symbol = Symbol.parse(row.symbol)
        except SymbolError as error:
            raise DataError(f"{where}: {error}") from None
        unit = unit_of(symbol.base)
        asset, ratio = row.asset or unit.asset, row.ratio or unit.ratio
        reasons = [f"{self.venue}'s metadata lists it"]
        if ratio != 1:
            source = "its metadata says" if row.ratio else "its name says"
            reasons.append(f"one unit is {ratio} {asset}: {source} so")
        return MarketName(
            venue=self.venue,
            native=row.native,
            symbol=symbol,
            kind=symbol.kind,
            asset=asset,
            ratio=ratio,
            confidence=CERTAIN,
            reasons=tuple(reasons),
        )

    def _count(self) -> str:
        count = len(self._by_symbol)
        return f"{count} market{'' if count == 1 else 's'}"

    def _near(self, symbol: Symbol) -> str:
        """Suggest the same asset in another unit (1000PEPE for PEPE) or settled otherwise, else a like spelling."""
        asset = unit_of(symbol.base).asset
        for other, markets in self._by_symbol.items():
            if (markets[0].asset, other.quote, kind_of(other)) == (asset, symbol.quote, kind_of(symbol)):
                return f" Did you mean '{other}'?"
        return did_you_mean(str(symbol), map(str, self._by_symbol))
