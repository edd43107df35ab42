"""Numbers out of ccxt, without what a float loses on the way.

Figure        what ccxt makes of every number that it reads from a text: a float to ccxt, and the text to us
decimal_of    the exact value of a Figure, a text or a whole number; of a bare float, its 15 digits that mean something
counted       how many steps of a grid a number is: exactly, or not at all
wire_number   a Decimal as ccxt takes it: a float wherever that float prints as the same decimal

ccxt computes with floats, and everybody who uses it does: so a number must remain one. But ccxt also turns numbers
into texts and back as it goes, and a Figure is written as it was read: digits that came over the wire arrive here.
Books are the exception (ccxt keeps them in floats of its own), and so are WebSocket messages with numbers that are not
quoted. A double names every count of steps below 2^51 by a value of its own, so nothing is guessed there either.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Final, Self

from typing_extensions import override

from xtrade.model.errors import NumberError
from xtrade.model.numbers import number, plain, signal

__all__ = ["Figure", "counted", "decimal_of", "wire_number"]

# Half a unit in the last place is 2^-53 of a double; twice that where ccxt has computed once with it.
_NOISE_PARTS: Final = 2**52
_COUNT_MAX: Final = 2**51


class Figure(float):
    """A float that is still written as it was read."""

    __slots__ = ("text",)

    text: str

    def __new__(cls, value: object) -> Self:
        """Read a number as ccxt hands it over: mostly a text."""
        text = str(value)
        figure = super().__new__(cls, text)
        figure.text = text
        return figure

    @override
    def __str__(self) -> str:
        return self.text

    @override
    def __repr__(self) -> str:
        return self.text


def decimal_of(value: object) -> Decimal:
    """Return the value of a number that ccxt has read, or raise a NumberError."""
    if isinstance(value, Figure):
        return number(value.text)
    if isinstance(value, float):
        return signal(value)
    if isinstance(value, (str, int, Decimal)):
        return number(value)
    raise NumberError(f"expected a number, got {type(value).__name__}")


def counted(value: object, step: Decimal) -> int:
    """Return how many steps a number is; a NumberError if it lies off the grid by more than a double's own noise.

    >>> counted(63012.1, Decimal("0.1"))
    630121
    """
    # Of a bare float its own value counts, to the last bit: the decimal that stands for it has 15 digits. In whole
    # numbers, because a book has hundreds of these.
    if type(value) is float and isfinite(value):
        numerator, denominator = value.as_integer_ratio()
    else:
        numerator, denominator = decimal_of(value).as_integer_ratio()
    step_numerator, step_denominator = _ratio(step)
    told, one = numerator * step_denominator, denominator * step_numerator
    nearest = (2 * told + one) // (2 * one)
    off = abs(told - nearest * one)
    if off == 0 or (abs(nearest) < _COUNT_MAX and off * _NOISE_PARTS <= abs(told)):
        return nearest
    raise NumberError(f"{plain(decimal_of(value))} is not a multiple of {plain(step)}")


@lru_cache(maxsize=4_096)
def _ratio(step: Decimal) -> tuple[int, int]:
    return step.as_integer_ratio()


def wire_number(value: Decimal) -> float | Decimal:
    """Return what ccxt is given for a price or a quantity."""
    rough = float(value)
    return rough if Decimal(repr(rough)) == value else value
