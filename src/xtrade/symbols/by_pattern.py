"""Names by pattern, when there is no metadata: every reading a venue's forms allow, each with what speaks for it.

A reading counts only if writing it gives the same text again, so `BTCUSDTM` is nothing on KuCoin, which writes
XBTUSDTM. Where some reading has a quote that the venue is known to use, readings with other quotes are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from xtrade.model.errors import SymbolError
from xtrade.model.instruments import Kind
from xtrade.symbols import assets
from xtrade.symbols.answer import MarketName, kind_in_words, kind_of
from xtrade.symbols.evidence import confidence
from xtrade.symbols.patterns import Form, patterns_of
from xtrade.symbols.symbol import TEXT_LENGTH_MAX, Symbol, capitals, shown
from xtrade.symbols.units import Unit, miscased, respelled, unit_of

__all__ = ["PatternNames"]


class Reading(NamedTuple):
    """One way to understand a native name."""

    form: Form
    symbol: Symbol
    native: str


class PatternNames:
    """One venue's names as its patterns read and write them."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self.patterns = patterns_of(venue)

    def candidates(self, native: str, kind: Kind | None) -> tuple[MarketName, ...]:
        """Return every market this name may mean, the likeliest first."""
        typed = native.strip()
        name = self._as_written(typed)
        self._refuse(typed, name)
        readings = self._readings(name, kind)
        if not readings:
            raise SymbolError(self._why_nothing(typed, name, kind))
        kept = _with_the_likeliest_quotes(readings)
        one_kind = kind is not None or len({kind_of(reading.symbol) for reading in kept}) == 1
        first = self._first_splits(kept)
        answers = [self._judge(reading, one_kind=one_kind, first_split=reading in first) for reading in kept]
        # The sort is stable, so equals stay in the order of the venue's file.
        return tuple(sorted(answers, key=lambda answer: -answer.confidence))

    def native(self, symbol: Symbol) -> MarketName:
        """Return how the venue writes a market, or say why it has none such."""
        form = self._form_for(symbol)
        native = form.write(symbol.base, symbol.quote, symbol.expiry)
        reading = Reading(form, symbol, native)
        refused = self._refusal(native)
        if refused or reading not in self._readings(self._as_written(native), symbol.kind):
            raise SymbolError(self._why_unwritten(symbol, native, refused))
        return self._judge(reading, one_kind=True, first_split=True)

    def market(self, base: str, quote: str | None, kind: Kind) -> Symbol:
        """Return the venue's own market of an asset: settled as it does, in its first quote if none is named."""
        form = next((form for form in self.patterns.market if form.kind == kind and not form.dated), None)
        if form is None:
            raise SymbolError(self._has_none(kind))
        quote = quote or form.listed[0]
        return Symbol(base, quote, form.settles_in(base, quote))

    def _readings(self, name: str, kind: Kind | None) -> list[Reading]:
        """Return what a name may be read as, of one kind or of all."""
        if self._is_number(name):
            return []
        units = self.patterns.units
        readings = [reading for form in self.patterns.market for reading in _read(form, name, units)]
        # Linear and inverse contracts are told apart by their quote: BTC-USD-SWAP is inverse, whoever asks. Spot is
        # another place with names of its own: ETHBTC may be a contract though BTC is a usual quote of spot alone.
        spot = [reading for reading in readings if reading.form.kind is Kind.SPOT]
        contracts = [reading for reading in readings if reading.form.kind is not Kind.SPOT]
        return [
            reading
            for reading in spot + _with_the_likeliest_quotes(contracts)
            if kind in {None, reading.form.kind}
        ]

    def _first_splits(self, readings: list[Reading]) -> list[Reading]:
        """Return the likeliest cut for each form: the one with more evidence, else the one with the longer quote."""
        first: dict[str, Reading] = {}
        for reading in readings:
            rival = first.get(kind_of(reading.symbol))
            if rival is None or self._weight(reading) > self._weight(rival):
                first[kind_of(reading.symbol)] = reading
        return list(first.values())

    def _weight(self, reading: Reading) -> tuple[float, int]:
        evidence, _ = self._evidence(reading)
        return confidence(evidence), len(reading.symbol.quote)

    def _judge(self, reading: Reading, *, one_kind: bool, first_split: bool) -> MarketName:
        symbol = reading.symbol
        evidence, reasons = self._evidence(reading)
        if one_kind:
            evidence.add("one kind")
        else:
            reasons.append("another kind of market is written the same here: name the kind to be sure")
        if first_split:
            evidence.add("first split")
        else:
            reasons.append("another cut in base and quote is likelier")
        unit = unit_of(symbol.base)
        return MarketName(
            venue=self.venue,
            native=reading.native,
            symbol=symbol,
            kind=symbol.kind,
            asset=unit.asset,
            ratio=unit.ratio,
            confidence=confidence(evidence),
            reasons=tuple(reasons),
        )

    def _evidence(self, reading: Reading) -> tuple[set[str], list[str]]:
        """Collect what speaks for a reading on its own, rivals apart, and say it in sentences."""
        form, symbol, _ = reading
        evidence: set[str] = set()
        markets = kind_in_words(form.kind, dated=form.dated)
        reasons = [f"{self.venue} writes {markets} as {form.template}"]
        if symbol.quote in form.listed:
            evidence.update({"quote listed", "quote known"})
            reasons.append(f"{symbol.quote} is among its quotes for them")
        elif symbol.quote in assets.load().quotes:
            evidence.add("quote known")
            reasons.append(f"{symbol.quote} is a quote elsewhere, not known to be one here")
        else:
            reasons.append(f"{symbol.quote} is not known as a quote anywhere")
        for theirs, ours in form.aliases.items():
            if ours == symbol.base:
                reasons.append(f"it calls {ours} {theirs} here")
        unit = unit_of(symbol.base)
        if unit.asset in assets.load().known or unit.asset in assets.load().units.assets:
            evidence.add("base known")
            reasons.append(f"{unit.asset} is a known asset")
        else:
            reasons.append(f"{unit.asset} is not among the known assets")
        expected, sentence = self._judge_unit(symbol, unit)
        if expected:
            evidence.add("unit expected")
        if sentence:
            reasons.append(sentence)
        return evidence, reasons

    def _judge_unit(self, symbol: Symbol, unit: Unit) -> tuple[bool, str]:
        """Say whether the unit in the name is one to expect here, and what there is to say of it."""
        cheap = unit.asset in assets.load().units.assets
        if unit.ratio == 1:
            if cheap and symbol.kind is not Kind.SPOT and self.patterns.units:
                prefixes = " or ".join(self.patterns.units)
                return False, f"{unit.asset} may be traded in units here ({prefixes} in front)"
            return True, ""
        means = f"one unit is {unit.ratio} {unit.asset}"
        if unit.prefix not in self.patterns.units:
            usual = respelled(symbol.base, self.patterns.units)
            return False, f"{means}, " + (
                f"which is written {usual} here" if usual != symbol.base else "which is not usual here"
            )
        if symbol.kind is Kind.SPOT and symbol.base not in assets.load().units.spot:
            return False, f"{means}, which is not usual on spot"
        return cheap, means if cheap else f"{means}, if {unit.prefix} is a unit and not a part of the name"

    def _as_written(self, text: str) -> str:
        return capitals(text) if self.patterns.case == "capitals" else text

    def _is_number(self, name: str) -> bool:
        return bool(self.patterns.numbers) and re.fullmatch("[0-9]+", name) is not None

    def _refusal(self, name: str) -> str:
        return next((row.because for row in self.patterns.refused if re.search(row.like, name)), "")

    def _refuse(self, typed: str, name: str) -> None:
        if not typed:
            raise SymbolError(f"an empty name is no market of {self.venue}")
        if len(typed) > TEXT_LENGTH_MAX:
            raise SymbolError(f"{shown(typed)} is too long to be the name of a market")
        if because := self._refusal(name):
            raise SymbolError(f"{shown(typed)} on {self.venue} has no universal name here: {because}")
        if self._is_number(name):
            raise SymbolError(
                f"{shown(typed)} is a {self.patterns.numbers}, and only {self.venue}'s metadata says of which"
                " market: give that (--metadata FILE), or the market's name"
            )

    def _form_for(self, symbol: Symbol) -> Form:
        forms = [
            form for form in self.patterns.market if (form.kind, form.dated) == (symbol.kind, symbol.dated)
        ]
        if not forms:
            raise SymbolError(self._has_none(symbol.kind, dated=symbol.dated))
        form = next((form for form in forms if symbol.quote in form.listed), None)
        form = form or next((form for form in forms if form.other_quotes), None)
        if form is None:
            markets = kind_in_words(symbol.kind, dated=symbol.dated)
            quotes = [quote for form in forms for quote in form.listed]
            settle = forms[0].settles_in(symbol.base, quotes[0])
            near = _suggest(symbol.base, quotes[0], settle, symbol)
            raise SymbolError(
                f"{self.venue} quotes {markets} in {', '.join(quotes)}, not {symbol.quote}.{near}"
            )
        settle = form.settles_in(symbol.base, symbol.quote)
        if settle != symbol.settle:
            near = _suggest(symbol.base, symbol.quote, settle, symbol)
            raise SymbolError(
                f"{self.venue} settles {symbol.base}/{symbol.quote} in {settle}, not {symbol.settle}.{near}"
            )
        return form

    def _has_none(self, kind: Kind, *, dated: bool = False) -> str:
        markets = kind_in_words(kind, dated=dated)
        return f"{self.venue} has no {markets}; it has {', '.join(self.patterns.kinds())}"

    def _why_nothing(self, typed: str, name: str, kind: Kind | None) -> str:
        start = f"{shown(typed)} is not the name of a market on {self.venue}"
        if kind is not None and kind not in self.patterns.kinds():
            return self._has_none(kind)
        if kind is not None and (others := self._readings(name, None)):
            found = others[0].symbol
            return f"{shown(typed)} on {self.venue} is not {kind}: it is {found} ({kind_of(found)})"
        if "/" in typed and (written := self._written(typed)):
            return f"{start}: it is a universal name, which {self.venue} writes {written!r}"
        for form in self.patterns.market:
            for base, quote, expiry in form.splits(typed, any_case=True):
                near = form.write(respelled(base, self.patterns.units), quote, expiry)
                if self._readings(near, None):
                    return f"{start}. Did you mean {near!r}?"
        templates = dict.fromkeys(form.template for form in self.patterns.market)
        return f"{start}: it writes {', '.join(templates)}"

    def _written(self, text: str) -> str:
        try:
            return self.native(Symbol.parse(text)).native
        except SymbolError:
            return ""

    def _why_unwritten(self, symbol: Symbol, native: str, refused: str) -> str:
        start = f"{symbol} has no name on {self.venue}: "
        if refused:
            return f"{start}{native!r} would be one of those refused, for {refused}"
        base = respelled(symbol.base, self.patterns.units)
        near = _suggest(base, symbol.quote, symbol.settle, symbol) if base != symbol.base else ""
        if self._is_number(native):
            return f"{start}{native!r} would be read as a {self.patterns.numbers}"
        if native != self._as_written(native):
            return f"{start}it writes in capitals.{near}"
        if miscased(symbol.base, self.patterns.units):
            return f"{start}it writes {base}.{near}"
        meant = " or ".join(str(reading.symbol) for reading in self._readings(native, None))
        return f"{start}{native!r} means {meant or 'nothing'} there"


def _read(form: Form, name: str, units: Collection[str]) -> Iterator[Reading]:
    for base, quote, expiry in form.splits(name):
        try:
            symbol = Symbol(base, quote, form.settles_in(base, quote), expiry)
        except SymbolError:
            continue  # USDT/USDT, or a base too long for one: no reading, and others may stand.
        written_so = form.write(base, quote, expiry) == name and not miscased(base, units)
        if symbol.kind == form.kind and written_so:
            yield Reading(form, symbol, name)


def _with_the_likeliest_quotes(readings: list[Reading]) -> list[Reading]:
    known = assets.load().quotes

    def tier(reading: Reading) -> int:
        quote = reading.symbol.quote
        return 2 if quote in reading.form.listed else 1 if quote in known else 0

    best = max(map(tier, readings), default=0)
    return [reading for reading in readings if tier(reading) == best]


def _suggest(base: str, quote: str, settle: str | None, symbol: Symbol) -> str:
    if settle == symbol.base:
        settle = base
    try:
        return f" Did you mean '{Symbol(base, quote, settle, symbol.expiry)}'?"
    except SymbolError:
        return ""
