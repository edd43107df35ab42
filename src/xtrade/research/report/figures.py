"""Figures as people read them: thin spaces between thousands, a real minus, sensible digits, units.

amount       0.12346 ETH          at most five digits that count
signed       +0.12 bps            the same with its sign, for what is won or lost
money        1 234.57 USDT        an amount of a currency, to the cent where there are cents
percent      −0.12 %              a share, to three digits that count
count        12 345
span         1 h 12 min           how long, of nanoseconds
moment       2026-11-20 14:05:03  when, in UTC, of nanoseconds
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

__all__ = ["amount", "count", "moment", "money", "percent", "signed", "span"]

THIN: Final = "\u202f"
MINUS: Final = "\u2212"
MISSING: Final = "–"
WITH_CENTS: Final = frozenset({"USD", "USDT", "USDC", "USDE", "FDUSD", "TUSD", "DAI", "EUR", "GBP", "CHF"})
"""Currencies whose hundredth part people still count."""

_DAY: Final = 86_400 * 10**9
_UNITS: Final = (
    (_DAY, "d"),
    (3_600 * 10**9, "h"),
    (60 * 10**9, "min"),
    (10**9, "s"),
    (10**6, "ms"),
    (10**3, "µs"),
    (1, "ns"),
)


def amount(value: float | None, unit: str = "", *, digits: int = 5) -> str:
    """Write a number with at most so many digits that count (all of those before the point), and its unit.

    >>> amount(1234567.891, "USDT").replace(THIN, " ")
    '1 234 568 USDT'
    >>> amount(0.00012345678, "BTC").replace(THIN, " ")
    '0.00012346 BTC'
    """
    return _with_unit(_number(value, digits), unit)


def signed(value: float | None, unit: str = "", *, digits: int = 5) -> str:
    """Write what is won or lost: the sign always stands before it, except before nothing at all."""
    return _with_unit(_plus(value, _number(value, digits)), unit)


def money(value: float | None, currency: str, *, plus: bool = False, unit: bool = True) -> str:
    """Write an amount of a currency: to the cent where there are cents, otherwise five digits that count.

    >>> money(9989.7087, "USDT").replace(THIN, " "), money(0.00123456, "BTC").replace(THIN, " ")
    ('9 989.71 USDT', '0.0012346 BTC')
    """
    if value is not None and math.isfinite(value) and currency in WITH_CENTS and abs(value) >= 0.1:
        text = f"{value:,.2f}".replace(",", THIN).replace("-", MINUS).removesuffix(".00")
    else:
        text = _number(value, 5)
    return _with_unit(_plus(value, text) if plus else text, currency if unit else "")


def percent(share: float | None, *, plus: bool = False) -> str:
    """Write a share as a percentage.

    >>> percent(0.8213).replace(THIN, " ")
    '82.1 %'
    """
    if share is None or not math.isfinite(share):
        return MISSING
    value = share * 100
    digits = 2 if abs(value) < 0.1 else 3 + (abs(value) >= 99.95)
    text = _number(value, digits)
    return _with_unit(_plus(value, text) if plus else text, "%")


def count(number: int) -> str:
    """Write how many.

    >>> count(12345).replace(THIN, " ")
    '12 345'
    """
    return f"{number:,}".replace(",", THIN).replace("-", MINUS)


def span(ns: float | None) -> str:
    """Write how long, in the two largest units that say something.

    >>> span(72 * 60 * 10**9).replace(THIN, " ")
    '1 h 12 min'
    >>> span(2_150_000).replace(THIN, " ")
    '2.15 ms'
    """
    if ns is None or not math.isfinite(ns):
        return MISSING
    if ns == 0:
        return f"0{THIN}s"
    if ns < 0:
        return MINUS + span(-ns)
    for (size, name), (smaller, smaller_name) in pairwise(_UNITS):
        if ns >= size:
            if size <= 10**9:
                return f"{_number(ns / size, 3)}{THIN}{name}"
            rounded = round(ns / smaller) * smaller
            if rounded != ns:
                return span(rounded)  # which may fill the next larger unit
            whole, rest = rounded // size, rounded % size // smaller
            return f"{whole}{THIN}{name}" + (f" {rest}{THIN}{smaller_name}" if rest else "")
    return f"{ns:.0f}{THIN}ns"


def moment(ns: int, *, seconds: bool = True) -> str:
    """Write when, in UTC.

    >>> moment(1_763_647_503_000_000_000)
    '2025-11-20 14:05:03'
    """
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return when.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def _number(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    whole = math.floor(math.log10(abs(value))) + 1
    return _decimals(value, max(0, min(10, digits - whole)))


def _decimals(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", THIN).replace("-", MINUS) if text.strip("-0") else "0"


def _plus(value: float | None, text: str) -> str:
    won = value is not None and math.isfinite(value) and value > 0 and text != "0"
    return f"+{text}" if won else text


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{THIN}{unit}" if unit else text
