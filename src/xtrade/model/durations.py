"""Durations as people write them: a number and its unit, such as "1m", "250ms" or "8h".

duration_ns     the text as whole nanoseconds, exactly, or a NumberError
duration_text   nanoseconds in the largest unit that says them in a whole number

Units are ns, us, ms, s, m (minutes), h, d and w. A month has no fixed length, so there is none.
"""

from __future__ import annotations

import re
from typing import Final

from xtrade.model.errors import NumberError
from xtrade.model.numbers import COUNT_MAX, divided, number

__all__ = ["duration_ns", "duration_text"]

_NS_OF: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign; the Greek letter looks the same
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_SPOKEN: Final = ("d", "h", "m", "s", "ms", "us", "ns")
_UNITS: Final = "ns, us, ms, s, m, h, d, w"
_FORM: Final = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?) ?([a-zA-Zµμ]+)", re.ASCII)


def duration_ns(text: str) -> int:
    """Return the nanoseconds that a text such as "1m", "250ms" or "1.5h" stands for.

    >>> duration_ns("250ms")
    250000000
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise NumberError(
            f"{_shown(text)} is no duration: expected a number and a unit ({_UNITS}), such as 15m"
        )
    count, unit = found.groups()
    if unit not in _NS_OF:
        reason = " (a month has no fixed length; minutes are m)" if unit in {"M", "mo", "Mo"} else ""
        raise NumberError(f"{_shown(text)}: {unit} is no unit of time{reason}: expected one of {_UNITS}")
    try:
        numerator, denominator = number(count).as_integer_ratio()
        ns = divided(numerator * _NS_OF[unit], denominator, toward="exact")
    except NumberError:
        raise NumberError(f"{_shown(text)} is not a whole number of nanoseconds") from None
    if ns > COUNT_MAX:
        raise NumberError(f"{_shown(text)} is out of range: more than 2^63 nanoseconds (292 years)")
    return ns


def duration_text(ns: int) -> str:
    """Return a duration in the largest unit (up to days) that makes it a whole number.

    >>> duration_text(90_000_000_000)
    '90s'
    """
    if ns < 0:
        raise NumberError(f"{ns} ns is no duration: expected zero or more")
    if ns == 0:
        return "0s"
    unit = next(unit for unit in _SPOKEN if ns % _NS_OF[unit] == 0)
    return f"{ns // _NS_OF[unit]}{unit}"


def _shown(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 40 else shown[:37] + "..."
