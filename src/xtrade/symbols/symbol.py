"""The universal name of a market, in ccxt's notation, which users know.

    BTC/USDT                spot
    BTC/USDT:USDT           linear perpetual: settled in the quote, or in another stable currency (ETH/USD:USDC)
    BTC/USD:BTC             inverse perpetual: settled in the base
    BTC/USDT:USDT-261225    the same kinds with a delivery date

`Symbol.parse` also takes what people type where it can mean only one thing: `btc/usdt`, `BTC-USDT`, `XBT/USD:XBT`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from msgspec import Struct
from typing_extensions import override

from xtrade.model.errors import SymbolError
from xtrade.model.instruments import Kind
from xtrade.symbols import assets

__all__ = ["CODE", "TEXT_LENGTH_MAX", "Symbol", "capitals", "shown"]

# What a currency may be written with. Letters and digits of any script (Binance lists 币安人生), and the signs that
# venues really use (MU.US, $MBG); never what separates the parts of a name on some venue.
CODE: Final = r"(?:[^\W_]|[.$&+])+"
CODE_LENGTH_MAX: Final = 32
TEXT_LENGTH_MAX: Final = 120

_CODE = re.compile(CODE)
_UNIVERSAL = re.compile(rf"(?P<base>{CODE})/(?P<quote>{CODE})(?::(?P<settle>{CODE})(?:-(?P<tail>.*))?)?")
_PEOPLES = re.compile(rf"(?P<base>{CODE})[-_](?P<quote>{CODE})")
_YYMMDD = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})")
_FORMS = "write BASE/QUOTE, BASE/QUOTE:SETTLE or BASE/QUOTE:SETTLE-YYMMDD"


class Symbol(Struct, frozen=True):
    """One market's universal name, as a value.

    >>> Symbol.parse("btc/usdt:usdt")
    Symbol(base='BTC', quote='USDT', settle='USDT', expiry=None)
    """

    base: str
    quote: str
    settle: str | None = None
    expiry: date | None = None

    def __post_init__(self) -> None:
        for part, code in (("base", self.base), ("quote", self.quote), ("settle", self.settle)):
            if code is not None:
                _check_code(part, code)
        if self.base == self.quote:
            raise SymbolError(f"symbol {shown(str(self))}: base and quote are the same")
        if self.expiry is not None and self.settle is None:
            raise SymbolError(
                f"symbol {shown(str(self))}: a dated contract needs what it settles in ({_FORMS})"
            )
        if self.expiry is not None and not 2000 <= self.expiry.year <= 2099:
            raise SymbolError(f"symbol {shown(str(self))}: the year {self.expiry.year} has no two-digit form")

    @property
    def kind(self) -> Kind:
        """Return spot, linear or inverse: what the market's profit is counted in decides."""
        if self.settle is None:
            return Kind.SPOT
        return Kind.INVERSE if self.settle == self.base else Kind.LINEAR

    @property
    def dated(self) -> bool:
        """Return whether the contract ends on a day."""
        return self.expiry is not None

    @override
    def __str__(self) -> str:
        settle = "" if self.settle is None else f":{self.settle}"
        expiry = "" if self.expiry is None else f"-{self.expiry:%y%m%d}"
        return f"{self.base}/{self.quote}{settle}{expiry}"

    @classmethod
    def parse(cls, text: str) -> Symbol:
        """Read a universal name exactly, or raise a SymbolError that says where it goes wrong."""
        typed = text.strip()
        if len(typed) > TEXT_LENGTH_MAX:
            raise SymbolError(f"symbol {shown(typed)}: too long to be a market's name; {_FORMS}")
        # Nobody's name is small letters alone, so that is a person's way of typing; kBONK/USDC keeps its k.
        folded = capitals(typed) if typed == typed.lower() else typed
        match = _UNIVERSAL.fullmatch(folded) or _PEOPLES.fullmatch(folded)
        if match is None:
            raise SymbolError(_what_is_wrong(typed))
        parts = match.groupdict()
        return cls(
            base=_alias(parts["base"]),
            quote=_alias(parts["quote"]),
            settle=_alias(parts["settle"]) if parts.get("settle") is not None else None,
            expiry=_expiry(typed, parts["tail"]) if parts.get("tail") is not None else None,
        )


def capitals(text: str) -> str:
    """Return the text with a-z in capitals; letters of other scripts stay, for their capitals do not come back."""
    return "".join(letter.upper() if "a" <= letter <= "z" else letter for letter in text)


def shown(text: str) -> str:
    """Quote a text from outside for one line of a message: escaped, and cut when it is long."""
    return repr(text) if len(text) <= 48 else f"{text[:45]!r}..."


def _alias(code: str) -> str:
    return assets.load().aliases.get(code, code)


def _check_code(part: str, code: str) -> None:
    if not _CODE.fullmatch(code) or not any(letter.isalnum() for letter in code):
        raise SymbolError(f"{shown(code)} cannot be a symbol's {part}: letters, digits and . $ & + only")
    if len(code) > CODE_LENGTH_MAX:
        raise SymbolError(f"{shown(code)} cannot be a symbol's {part}: longer than {CODE_LENGTH_MAX}")


def _expiry(text: str, tail: str) -> date:
    day, _, option = tail.partition("-")
    match = _YYMMDD.fullmatch(day)
    if match is None:
        raise SymbolError(f"symbol {shown(text)}: after the dash stands a day as YYMMDD, not {shown(day)}")
    if option:
        raise SymbolError(
            f"symbol {shown(text)} is an option: xtrade names spot markets and linear and inverse contracts"
        )
    year, month, number = (int(part) for part in match.groups())
    try:
        return date(2000 + year, month, number)
    except ValueError:
        raise SymbolError(f"symbol {shown(text)}: {day} is not a day of the calendar (YYMMDD)") from None


def _what_is_wrong(text: str) -> str:
    if not text:
        return f"an empty symbol: {_FORMS}"
    start = f"symbol {shown(text)}: "
    for place, letter in enumerate(text, start=1):
        if not (_CODE.fullmatch(letter) or letter in "/:-_"):
            return f"{start}character {place} ({letter!r}) cannot be in a symbol; {_FORMS}"
    if "/" not in text:
        return start + _without_a_slash(text)
    before, _, after = text.partition("/")
    if not before:
        return f"{start}nothing before the slash; {_FORMS}"
    if not after or after.startswith(":"):
        return f"{start}no quote after the slash; {_FORMS}"
    if after.endswith(":"):
        return f"{start}nothing after the colon; {_FORMS}"
    return start + _FORMS


def _without_a_slash(text: str) -> str:
    """Suggest the universal name of a venue's own: BTCUSDT, BTC-USDT-SWAP."""
    words = re.split(r"[-_:]", capitals(text))
    quotes = assets.load().quotes
    if len(words) > 1 and words[0] and words[1] in quotes:
        return f"{_FORMS}. Did you mean '{words[0]}/{words[1]}:{words[1]}'? (a venue's own name is read by `map`)"
    for quote in sorted(quotes, key=len, reverse=True):
        base = words[0].removesuffix(quote)
        if base and base != words[0]:
            return f"{_FORMS}. Did you mean '{base}/{quote}'? (a venue's own name is read by `map`)"
    return f"no slash between base and quote; {_FORMS}"
