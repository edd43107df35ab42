"""The pattern language of each venue, compiled from data/venues/*.toml.

A market's template is the text of a name with holes, read in both directions:

    {base}{quote}        BTCUSDT          the two written together: every quote that fits is tried
    {base}-{quote}-SWAP  BTC-USDT-SWAP    the literal text must match to the letter
    {yymmdd}             261225           a day
    {ddMonyy}            20Oct23          a day, with the month in English
    {month_code}         U26              the last Friday of a month, by the letter that futures markets use

A list of quotes is whole, unless it ends with "*": then other quotes are read too, less surely. A template without
{quote} has the first of the list. Linear contracts settle in the quote and inverse ones in the base, unless
`settle` names a currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.model.instruments import Kind
from xtrade.symbols import assets
from xtrade.symbols.symbol import CODE, capitals, shown

__all__ = ["VENUES", "Form", "Split", "VenuePatterns", "patterns_of"]

# The venues of the design, in its order.
VENUES: Final = (
    "binance",
    "okx",
    "kucoin",
    "bitmart",
    "backpack",
    "lighter",
    "grvt",
    "paradex",
    "edgex",
    "aster",
    "derive",
)


class Split(NamedTuple):
    """One way to cut a native name."""

    base: str
    quote: str
    expiry: date | None


class Form(Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """How a venue writes one kind of market: a [[market]] of its data file."""

    kind: Kind
    template: str
    quotes: tuple[str, ...]
    aliases: dict[str, str] = {}
    settle: str | None = None

    @property
    def dated(self) -> bool:
        """Return whether the contracts of this form end on a day."""
        return self._day is not None

    @property
    def listed(self) -> tuple[str, ...]:
        """Return the quotes the venue is known to use here."""
        return tuple(quote for quote in self.quotes if quote != "*")

    @property
    def other_quotes(self) -> bool:
        """Return whether quotes beyond the list are read too."""
        return "*" in self.quotes

    def settles_in(self, base: str, quote: str) -> str | None:
        """Return the currency that profit is paid in; spot has none."""
        if self.kind is Kind.SPOT:
            return None
        return self.settle or (quote if self.kind is Kind.LINEAR else base)

    def splits(self, text: str, *, any_case: bool = False) -> Iterator[Split]:
        """Cut a native name in every way this form allows, the longest quote first."""
        match = (self._pattern_any_case if any_case else self._pattern).fullmatch(text)
        if match is None:
            return
        found = match.groupdict()
        if any_case:
            found = {hole: capitals(value) for hole, value in found.items()}
        expiry = None
        if self._day is not None:
            expiry = self._day.read(found["day"])
            if expiry is None:
                return
        if "pair" in found:
            pairs = list(self._cut(found["pair"]))
        else:
            pairs = [(found["base"], found.get("quote", self.quotes[0]))]
        for base, quote in pairs:
            if self.other_quotes or quote in self.listed:
                yield Split(self.aliases.get(base, base), quote, expiry)

    def write(self, base: str, quote: str, expiry: date | None) -> str:
        """Write the native name of a market."""
        native_base = next((name for name, means in self.aliases.items() if means == base), base)
        text = self.template.replace("{base}", native_base).replace("{quote}", quote)
        if self._day is not None and expiry is not None:
            text = text.replace("{" + self._day.name + "}", self._day.write(expiry))
        return text

    def _cut(self, pair: str) -> Iterator[tuple[str, str]]:
        quotes = {*self.listed, *assets.load().quotes} if self.other_quotes else set(self.listed)
        for quote in sorted(quotes, key=lambda quote: (-len(quote), quote)):
            base = pair.removesuffix(quote)
            if base and base != pair:
                yield base, quote

    @cached_property
    def _day(self) -> Day | None:
        return next((day for day in DAYS if "{" + day.name + "}" in self.template), None)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pattern = re.escape(self.template.replace("{base}{quote}", "{pair}"))
        for hole in ("base", "quote", "pair"):
            pattern = pattern.replace(re.escape("{" + hole + "}"), f"(?P<{hole}>{CODE})")
        if self._day is not None:
            pattern = pattern.replace(re.escape("{" + self._day.name + "}"), f"(?P<day>{self._day.pattern})")
        return re.compile(pattern)

    @cached_property
    def _pattern_any_case(self) -> re.Pattern[str]:
        return re.compile(self._pattern.pattern, re.IGNORECASE)


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """Names of a venue that are markets, but none of the kinds that have universal names here."""

    like: str
    because: str


class VenuePatterns(Struct, frozen=True, forbid_unknown_fields=True):
    """One venue's data file: how it writes its markets, and what it writes that is none."""

    case: str
    units: tuple[str, ...]
    market: tuple[Form, ...]
    refused: tuple[Refusal, ...] = ()
    numbers: str = ""

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of market the venue has, dated contracts apart, in the order of its file."""
        return tuple(dict.fromkeys(f"dated {form.kind}" if form.dated else form.kind for form in self.market))


@cache
def patterns_of(venue: str) -> VenuePatterns:
    """Return how a venue writes its markets; only the venues of the design are known."""
    if venue in VENUES:
        return msgspec.convert(assets.read_data(f"venues/{venue}.toml"), VenuePatterns)
    known = f"venue {shown(venue)}: naming patterns cover {', '.join(VENUES)}"
    if venue.startswith("ccxt:"):
        raise UsageError(
            f"{known}; ccxt itself knows both names of each market of its venues: give them as metadata (rows of"
            " native and symbol)"
        )
    raise UsageError(f"{known}.{did_you_mean(venue, VENUES)}")


class Day(NamedTuple):
    """One way to write the day a contract ends on."""

    name: str
    pattern: str
    read: Callable[[str], date | None]
    write: Callable[[date], str]


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_CODES = "FGHJKMNQUVXZ"


def _calendar(year: str, month: int, day: str) -> date | None:
    try:
        return date(2000 + int(year), month, int(day))
    except ValueError:
        return None


def _last_friday(year: int, month: int) -> date:
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - 4) % 7)


# A day that a form cannot say (a Tuesday by month code) is written as the nearest it can; reading the text back
# then gives another symbol, and that is refused by whoever asked (names.py).
DAYS: Final = (
    Day(
        "yymmdd",
        "[0-9]{6}",
        lambda text: _calendar(text[:2], int(text[2:4]), text[4:]),
        lambda day: f"{day:%y%m%d}",
    ),
    Day(
        "ddMonyy",
        f"[0-9]{{2}}(?:{'|'.join(_MONTHS)})[0-9]{{2}}",
        lambda text: _calendar(text[5:], _MONTHS.index(text[2:5].capitalize()) + 1, text[:2]),
        lambda day: f"{day.day:02}{_MONTHS[day.month - 1]}{day.year % 100:02}",
    ),
    Day(
        "month_code",
        f"[{_MONTH_CODES}][0-9]{{2}}",
        lambda text: _last_friday(2000 + int(text[1:]), _MONTH_CODES.index(text[0]) + 1),
        lambda day: f"{_MONTH_CODES[day.month - 1]}{day.year % 100:02}",
    ),
)
