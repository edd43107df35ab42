"""The markets of one venue: found by our name and by the venue's own.

markets = Markets()
markets.learn(listed)                          # what the listing's asks were answered with
markets.of("okx:BTC/USDT:USDT").instrument
markets.native("BTC-USDT-SWAP")                # what the venue says; None for what was not listed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from xtrade.model.errors import SymbolError, did_you_mean
from xtrade.model.instruments import Instrument

__all__ = ["Listed", "Markets"]


class Listed(NamedTuple):
    """One market as the venue lists it. `section` tells apart markets of one native name (Binance's BTCUSDT is a pair
    and a perpetual); `code` is another name by which it wants the market in some requests.
    """

    instrument: Instrument
    section: str = ""
    code: str = ""


class Markets:
    """All markets of a venue; what was learned first stays until it is learned anew."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self._listed: dict[str, Listed] = {}
        self._by_native: dict[tuple[str, str], Listed] = {}

    def learn(self, listed: Iterable[Listed]) -> list[Instrument]:
        """Take in a listing; return the instruments that are not as they were known, or were not known at all.

        An instrument that changed gets the next version.
        """
        changed = []
        for heard in listed:
            instrument = heard.instrument
            before = self.instruments.get(instrument.key)
            if before is not None:
                if replace(instrument, version=before.version) == before:
                    self._listed[instrument.key] = heard._replace(instrument=before)
                    continue
                instrument = replace(instrument, version=before.version + 1)
            known = heard._replace(instrument=instrument)
            self.instruments[instrument.key] = instrument
            self._listed[instrument.key] = known
            self._by_native[known.section, instrument.native] = known
            changed.append(instrument)
        return changed

    def of(self, key: str) -> Listed:
        """Return a market by our name; SymbolError where the venue does not list it."""
        found = self._listed.get(key)
        if found is None:
            venue, _, symbol = key.partition(":")
            near = did_you_mean(key, self._listed)
            raise SymbolError(f"{venue} lists no {symbol}.{near}")
        return found

    def native(self, name: str, section: str = "") -> Instrument | None:
        """Return the instrument that the venue calls so; None for one that was not in its listing."""
        found = self._by_native.get((section, name))
        return None if found is None else found.instrument

    def in_section(self, section: str) -> Iterator[Listed]:
        """Walk over the markets of one section."""
        return (each for each in self._listed.values() if each.section == section)

    @property
    def by_key(self) -> Mapping[str, Listed]:
        """All of them by our names."""
        return self._listed
