"""Numbers from the wire and to the wire, exactly or not at all.

number          "0.00010000", "1e-8", 7 or 0.1 as a Decimal; anything else is a NumberError
require_sane    no NaN, no infinity, nothing out of range
plain           a Decimal as every venue can read it: no exponent, no trailing zeros
signal          a float that a strategy computed, as the decimal a float can carry
steps           how many steps of a grid make up a number; rounding has a name, and the default is none
product         a Decimal times an integer, exactly
divided         integer division with the same named rounding

Decimals are never added or multiplied here or elsewhere: Decimal arithmetic rounds to the thread's context without
a word. Sums are sums of integers; ratios are pairs of integers.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Final, Literal, TypeAlias, assert_never

from msgspec import Meta

from xtrade.model.errors import NumberError

__all__ = [
    "COUNT_MAX",
    "Count",
    "Number",
    "Toward",
    "divided",
    "number",
    "plain",
    "product",
    "require_sane",
    "signal",
    "steps",
]

Number: TypeAlias = Decimal | str | bytes | int | float
"""What may be given where a price or quantity is meant. A float stands for the decimal that it prints as."""

Count: TypeAlias = Annotated[int, Meta(ge=-(2**63) + 1, le=2**63 - 1)]
"""A number of ticks or lots, as columns and kernels can hold it."""

Toward: TypeAlias = Literal["exact", "down", "up", "zero", "nearest"]
"""How to round: not at all, to the lower or higher neighbour, toward zero, or to the nearest (ties to even)."""

# Ticks and lots live in 64-bit columns and kernels; a count beyond this is a mistake in the grid, not a market.
COUNT_MAX: Final = 2**63 - 1

# Wide enough for wei and for the market capitalisation of anything in units of a satoshi; narrow enough that a
# frame cannot make us build a number of a million digits.
_DIGITS_MAX: Final = 60
_EXPONENT_MAX: Final = 40

# A double carries every decimal of this many digits there and back; digits beyond are the arithmetic's own.
_FLOAT_DIGITS: Final = 15

_WIRE: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


def number(wire: Number) -> Decimal:
    """Return the exact value of a number as a venue, a file or a person wrote it, or raise NumberError.

    >>> number("1e-8")
    Decimal('1E-8')
    >>> number(0.1)
    Decimal('0.1')
    """
    # bool is an int to Python; on a wire it is a field read from the wrong place.
    if isinstance(wire, bool):
        raise NumberError(f"expected a number, got {wire!r}")
    if isinstance(wire, float):
        return _from_float(wire)
    if isinstance(wire, Decimal):
        value = wire
    elif isinstance(wire, int):
        if wire.bit_length() > 4 * _DIGITS_MAX:
            raise NumberError(f"an integer of {wire.bit_length()} bits is out of range")
        value = Decimal(wire)
    elif isinstance(wire, (str, bytes)):
        value = _from_text(wire)
    else:
        raise NumberError(f"expected a number, got {type(wire).__name__} {_shown(wire)}")
    _check_range(value, wire)
    return value


def signal(value: Number) -> Decimal:
    """Return a number that will be rounded anyway: as `number`, but a float gives up its digits beyond the 15th.

    0.1 + 0.2 is 0.30000000000000004 to a machine and 0.3 to its user; rounding that up to the next tick of 0.1
    must not cost a tick.
    """
    if not isinstance(value, float):
        return number(value)
    if value.is_integer() and abs(value) < 2**53:  # a double counts whole numbers exactly up to here
        return number(int(value))
    return number(format(value, f".{_FLOAT_DIGITS}g"))


def require_sane(*values: Decimal | None) -> None:
    """Refuse NaN, infinities and monsters such as 1E+999999, which every decoder of Decimal fields lets pass."""
    for value in values:
        if value is not None:
            _check_range(value, value)


def plain(value: Decimal) -> str:
    """Write a Decimal without exponent and without trailing zeros: "0.0001", never "1E-4" or "0.00010"."""
    if not value.is_finite():
        raise NumberError(f"{value} is not a finite number")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def steps(value: Decimal, step: Decimal, *, toward: Toward = "exact") -> int:
    """Return how many `step`s make up `value`; with the default, off-grid values are an error.

    >>> steps(Decimal("100.25"), Decimal("0.05"))
    2005
    """
    numerator, denominator = value.as_integer_ratio()
    step_numerator, step_denominator = step.as_integer_ratio()
    try:
        return divided(numerator * step_denominator, denominator * step_numerator, toward=toward)
    except NumberError:
        below = divided(numerator * step_denominator, denominator * step_numerator, toward="down")
        raise NumberError(
            f"{plain(value)} is not a multiple of {plain(step)}: the nearest are"
            f" {plain(product(below, step))} and {plain(product(below + 1, step))}"
        ) from None


def product(count: int, step: Decimal) -> Decimal:
    """Multiply a Decimal by an integer, exactly."""
    sign, digits, exponent = step.as_tuple()
    unsigned = int("".join(map(str, digits)))
    return Decimal(f"{count * (-unsigned if sign else unsigned)}E{exponent}")


def divided(numerator: int, denominator: int, *, toward: Toward) -> int:
    """Divide two integers, rounding as named; "exact" raises NumberError if there is a remainder."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, remainder = divmod(numerator, denominator)
    if remainder == 0 or toward == "down":
        return quotient
    match toward:
        case "exact":
            raise NumberError(f"{numerator} is not a multiple of {denominator}")
        case "up":
            return quotient + 1
        case "zero":
            return quotient if numerator > 0 else quotient + 1
        case "nearest":
            twice = 2 * remainder
            return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))
        case _:
            assert_never(toward)


def _from_float(wire: float) -> Decimal:
    if wire != wire or wire in (float("inf"), float("-inf")):  # noqa: PLR0124  (how NaN is told)
        raise NumberError(f"{wire} is not a finite number")
    text = repr(float(wire)).removesuffix(".0")
    value = Decimal(text)
    _check_range(value, wire)
    if len(value.as_tuple().digits) > _FLOAT_DIGITS:
        raise NumberError(
            f"the float {text} has more digits than a float can carry: pass the text, or round it on purpose"
        )
    return value


def _from_text(wire: str | bytes) -> Decimal:
    text = wire.decode("ascii", "replace") if isinstance(wire, bytes) else wire
    if len(text) > 2 * _DIGITS_MAX or not _WIRE.fullmatch(text):
        raise NumberError(f"{_shown(wire)} is not a number")
    return Decimal(text)


def _check_range(value: Decimal, wire: object) -> None:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):  # 'n', 'N' or 'F': NaN or infinity
        raise NumberError(f"{value} is not a finite number")
    if len(digits) > _DIGITS_MAX or exponent < -_EXPONENT_MAX or value.adjusted() > _EXPONENT_MAX:
        raise NumberError(f"{_shown(wire)} is out of range: at most 40 places on either side of the point")


def _shown(wire: object) -> str:
    text = repr(wire)
    return text if len(text) <= 80 else text[:77] + "..."
