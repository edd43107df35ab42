"""Which values the parameters may take.

    fast=5:50:5            5, 10 … 50 (both ends belong to it)
    fast=5,10,20           these
    fast=5..50             any whole number between
    size=0.01..1           any number between, all equally likely
    rate=1e-4..1e-1 log    the same, every order of magnitude equally likely
    size=0.1:0.5:0.1       0.1, 0.2 … counted exactly, given as floats
    size=0.1,0.2 decimal   the same as Decimal
    mode=maker,taker       words; true,false are booleans
    depth=5                fixed

Space.parse(["fast=5:50:5", …], where=["fast < slow"])      from a command line
Space.of(fast=range(5, 51, 5), size=Between(0.01, 1.0))     from code
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from math import exp, isfinite, log, prod
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from msgspec import Struct

from xtrade.model.errors import DataError, UsageError
from xtrade.research.sweep.constraint import Constraint
from xtrade.research.sweep.trial import Params, Value

__all__ = ["Between", "Dimension", "Space", "Values", "shown"]

_NAME: Final = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII)
_MARK: Final = re.compile(r"(.*[^\s,])\s+(log|decimal)")
_VALUES_MAX: Final = 100_000
_WHOLE_MAX: Final = 2**53
"""Beyond it a float, which is what maps and Optuna count with, skips whole numbers."""
_DECIMALS_MAX: Final = 30
_DRAWS_MAX: Final = 10_000
_FORMS: Final = "expected low:high:step, low..high, or values with commas"


class Values(Struct, frozen=True, tag="values"):
    """One of these values; numbers ascend, words stay in the order they were given in."""

    values: tuple[Value, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers, so that two of them can be neighbours."""
        return not isinstance(self.values[0], bool | str)

    def place(self, value: Value) -> int:
        """Return which of the values this is."""
        return self.values.index(value)


class Between(Struct, frozen=True, tag="between"):
    """Any number from `low` to `high`, both included; whole numbers if both are."""

    low: int | float
    high: int | float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Dimension: TypeAlias = Values | Between


class Space:
    """Every combination of the parameters' values that keeps the rules."""

    def __init__(self, dimensions: Mapping[str, Dimension], where: Iterable[str] = ()) -> None:
        if not dimensions:
            raise UsageError("a search space without parameters: give at least one, such as fast=5:50:5")
        self.dimensions = dict(dimensions)
        self.constraints = tuple(Constraint(text) for text in where)
        for name, dimension in self.dimensions.items():
            if not _NAME.fullmatch(name):
                raise UsageError(f"{name!r} is no name of a parameter: expected letters, digits, _ and .")
            _check(name, dimension)
        for constraint in self.constraints:
            constraint.check_names(self.dimensions)

    @classmethod
    def parse(cls, texts: Iterable[str], where: Iterable[str] = ()) -> Space:
        """Read a space from texts, one for each parameter."""
        dimensions: dict[str, Dimension] = {}
        for text in texts:
            name, found, spec = (part.strip() for part in text.partition("="))
            if not found or not _NAME.fullmatch(name):
                raise UsageError(f"parameter {text!r}: expected name=values, such as fast=5:50:5")
            if name in dimensions:
                raise UsageError(f"parameter {name} is given twice: join its values with commas")
            dimensions[name] = _read_dimension(text, spec)
        return cls(dimensions, where)

    @classmethod
    def of(cls, *, where: Iterable[str] = (), **dimensions: Dimension | Sequence[Value] | Value) -> Space:
        """Make a space from Python values: a range, a list, one value, or `Between(low, high)`."""
        return cls({name: _typed(name, given) for name, given in dimensions.items()}, where)

    @property
    def size(self) -> int | None:
        """How many combinations there are before rules are asked; None if they cannot be counted."""
        counts = [_count(dimension) for dimension in self.dimensions.values()]
        return prod(count for count in counts if count is not None) if None not in counts else None

    def allows(self, params: Mapping[str, object]) -> bool:
        """Tell whether a combination keeps every rule."""
        return all(constraint.holds(params) for constraint in self.constraints)

    def grid(self) -> Iterator[Params]:
        """Go through every combination that keeps the rules; the last parameter changes fastest."""
        columns = [_all_of(name, dimension) for name, dimension in self.dimensions.items()]
        for row in product(*columns):
            params = dict(zip(self.dimensions, row, strict=True))
            if self.allows(params):
                yield params

    def draw(self, chance: np.random.Generator) -> Params:
        """Draw one combination that keeps the rules."""
        for _ in range(_DRAWS_MAX):
            params = {name: _drawn(dimension, chance) for name, dimension in self.dimensions.items()}
            if self.allows(params):
                return params
        rules = ", ".join(repr(constraint.text) for constraint in self.constraints)
        raise UsageError(
            f"{_DRAWS_MAX} draws in a row broke {rules}: loosen the rules or narrow the parameters"
        )

    def read(self, raw: Mapping[str, Any]) -> Params:
        """Give the values of a JSON document back their types; DataError if they are not of these parameters."""
        if set(raw) != set(self.dimensions):
            raise DataError(f"parameters {sorted(raw)}: expected {sorted(self.dimensions)}")
        return {name: _as_in(self.dimensions[name], raw[name]) for name in self.dimensions}


def shown(value: object) -> str:
    """Write a value for people: a float with as many digits as tell it apart."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _check(name: str, dimension: Dimension) -> None:
    if isinstance(dimension, Values):
        if not dimension.values:
            raise UsageError(f"{name}: no values")
        if len(dimension.values) > _VALUES_MAX:
            raise UsageError(
                f"{name}: {len(dimension.values)} values, at most {_VALUES_MAX} are taken: widen the step"
            )
        if len(set(dimension.values)) < len(dimension.values):
            twice = next(value for value in dimension.values if dimension.values.count(value) > 1)
            raise UsageError(f"{name}: {shown(twice)} is there twice")
        return
    if not isfinite(dimension.low) or not isfinite(dimension.high) or not dimension.low < dimension.high:
        raise UsageError(f"{name}={dimension.low}..{dimension.high}: expected the lower end first")
    if dimension.log and dimension.low <= 0:
        raise UsageError(f"{name}={dimension.low}..{dimension.high} log: expected a lower end above zero")


def _read_dimension(text: str, spec: str) -> Dimension:
    marks = []
    while found := _MARK.fullmatch(spec):
        spec = found[1]
        marks.append(found[2])
    if not spec:
        raise UsageError(f"parameter {text!r}: no values; {_FORMS}")
    parts = re.split(r":|\.\.|,", spec)
    if "," not in spec and not any(_is_number(part) for part in parts):
        return Values((spec,)) if spec not in {"true", "false"} else Values((spec == "true",))
    if ".." in spec:
        ends = [_number(text, end) for end in spec.split("..")]
        if len(ends) != 2 or "decimal" in marks:
            raise UsageError(f"parameter {text!r}: a range is low..high, of floats or whole numbers")
        low, high = (_plain(end, whole=all(_is_whole(e) for e in ends)) for end in ends)
        return Between(low, high, log="log" in marks)
    if "log" in marks:
        raise UsageError(f"parameter {text!r}: log goes with a range, low..high")
    if ":" in spec and "," not in spec:
        return Values(_stepped(text, [_number(text, part) for part in spec.split(":")], "decimal" in marks))
    return Values(_listed(text, [part.strip() for part in spec.split(",")], "decimal" in marks))


def _number(text: str, part: str) -> str:
    try:
        number = Decimal(part)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number) > _WHOLE_MAX or -number.adjusted() > _DECIMALS_MAX:
        raise UsageError(
            f"parameter {text!r}: {part!r} is no number, or none of a size that can be counted; {_FORMS}"
        )
    return part.strip()


def _is_whole(part: str) -> bool:
    return _WHOLE.fullmatch(part) is not None


def _plain(part: str, *, whole: bool) -> int | float:
    return int(part) if whole else float(part)


def _stepped(text: str, parts: list[str], decimal: bool) -> tuple[Value, ...]:
    if len(parts) != 3:
        raise UsageError(f"parameter {text!r}: {_FORMS}")
    low, high, step = (Decimal(part) for part in parts)
    if step <= 0 or high < low:
        raise UsageError(f"parameter {text!r}: expected a step above zero and the lower end first")
    count = int((high - low) / step) + 1
    if count > _VALUES_MAX:
        raise UsageError(
            f"parameter {text!r}: {count} values, at most {_VALUES_MAX} are taken: widen the step"
        )
    exact = [low + number * step for number in range(int((high - low) // step) + 1)]
    if decimal:
        return tuple(exact)
    whole = all(_is_whole(part) for part in parts)
    return tuple(int(value) if whole else float(value) for value in exact)


def _listed(text: str, parts: list[str], decimal: bool) -> tuple[Value, ...]:
    if "" in parts:
        raise UsageError(f"parameter {text!r}: nothing between two commas, or at an end")
    if all(part in {"true", "false"} for part in parts):
        return tuple(part == "true" for part in parts)
    numbers = [part for part in parts if _is_number(part)]
    if decimal or len(numbers) == len(parts):
        checked = [_number(text, part) for part in parts]
        if decimal:
            return tuple(sorted(Decimal(part) for part in checked))
        whole = all(_is_whole(part) for part in checked)
        return tuple(sorted(_plain(part, whole=whole) for part in checked))
    if numbers:
        raise UsageError(
            f"parameter {text!r}: numbers ({numbers[0]}) and words in one list; take one of the two"
        )
    return tuple(parts)


def _is_number(part: str) -> bool:
    try:
        Decimal(part)
    except InvalidOperation:
        return False
    return True


def _typed(name: str, given: Dimension | Sequence[Value] | Value) -> Dimension:
    if isinstance(given, Values | Between):
        return given
    values = (given,) if isinstance(given, bool | int | float | Decimal | str) else tuple(given)
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        values, kinds = tuple(float(value) for value in values), {float}
    if len(kinds) > 1 or not kinds <= {bool, int, float, Decimal, str}:
        raise UsageError(
            f"{name}: expected values of one kind (bool, int, float, Decimal or str), not"
            f" {', '.join(sorted(kind.__name__ for kind in kinds))}"
        )
    if kinds <= {float, Decimal} and not all(isfinite(value) for value in values):  # type: ignore[arg-type]
        raise UsageError(f"{name}: expected finite numbers")
    return Values(values if kinds <= {bool, str} else tuple(sorted(values)))


def _count(dimension: Dimension) -> int | None:
    if isinstance(dimension, Values):
        return len(dimension.values)
    return int(dimension.high - dimension.low) + 1 if dimension.whole else None


def _all_of(name: str, dimension: Dimension) -> Sequence[Value]:
    if isinstance(dimension, Values):
        return dimension.values
    if not dimension.whole:
        low, high = dimension.low, dimension.high
        raise UsageError(
            f"{name}={low}..{high} has no steps to make a grid of: write {name}={low}:{high}:STEP, or search at random"
        )
    return range(int(dimension.low), int(dimension.high) + 1)


def _drawn(dimension: Dimension, chance: np.random.Generator) -> Value:
    if isinstance(dimension, Values):
        return dimension.values[int(chance.integers(len(dimension.values)))]
    low, high = dimension.low, dimension.high
    if dimension.whole and not dimension.log:
        return int(chance.integers(int(low), int(high) + 1))
    if dimension.whole:
        # Half a step beyond each end, so that the ends are as likely as their share of the logarithm.
        drawn = round(exp(chance.uniform(log(low - 0.5), log(high + 0.5))))
        return min(max(drawn, int(low)), int(high))
    drawn_float = exp(chance.uniform(log(low), log(high))) if dimension.log else chance.uniform(low, high)
    return min(max(float(drawn_float), float(low)), float(high))


def _as_in(dimension: Dimension, raw: Any) -> Value:
    kind: Any = (
        type(dimension.values[0]) if isinstance(dimension, Values) else int if dimension.whole else float
    )
    try:
        value: Value = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise DataError(f"a stored value {raw!r} is not of its parameter's kind: {error}") from None
    return value
