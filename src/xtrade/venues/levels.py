"""Levels from a venue's text: prices and quantities as ticks and lots, exactly, as fast as Python reads digits.

levels(rows, instrument)              # rows: [["60000.1", "0.5"], …], whatever stands behind the second
ticks, lots = counters(instrument)    # for messages with one price and one quantity
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache

from xtrade.model.errors import NumberError
from xtrade.model.instruments import Instrument
from xtrade.model.levels import Levels
from xtrade.model.numbers import number, steps

__all__ = ["Count", "counter", "counters", "levels"]

Count = Callable[[str], int]


@cache
def counter(step: Decimal) -> Count:
    """Return what reads a plain decimal text as a whole number of steps; NumberError where it is none."""
    _, digits, exponent = step.normalize().as_tuple()
    assert isinstance(exponent, int), "a step is finite"
    mantissa: int = int("".join(map(str, digits))) * 10 ** max(0, exponent)
    places = max(0, -exponent)

    def count(text: str) -> int:
        whole, _, part = text.partition(".")
        try:
            if len(part) > places:
                if part[places:].strip("0"):
                    raise ValueError
                part = part[:places]
            if not text.isascii() or "_" in text:
                raise ValueError
            found = int(whole + part + "0" * (places - len(part)))
        except ValueError:
            # An exponent, a blank or nonsense: rare, and the careful way knows them all.
            return steps(number(text), step)
        if mantissa == 1:
            return found
        found, rest = divmod(found, mantissa)
        if rest:
            raise NumberError(f"{text} is not a multiple of {step}")
        return found

    return count


def counters(instrument: Instrument) -> tuple[Count, Count]:
    """Return what reads prices as ticks, and quantities as lots."""
    return counter(instrument.tick), counter(instrument.lot)


def levels(rows: Iterable[Sequence[str]], instrument: Instrument) -> Levels:
    """Read rows of a price, a quantity and whatever follows."""
    ticks, lots = counters(instrument)
    flat: list[int] = []
    for row in rows:
        flat.append(ticks(row[0]))
        flat.append(lots(row[1]))
    try:
        return Levels(array("q", flat))
    except OverflowError:
        raise NumberError("a level is out of range: ticks and lots are 64-bit integers") from None
