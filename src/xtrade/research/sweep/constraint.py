"""Rules between parameters, read with a grammar of their own: nothing of a text is ever run as code.

    rule     := both ("or" both)*
    both     := claim ("and" claim)*
    claim    := "not" claim | sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)*
    sum      := product (("+" | "-") product)*
    product  := sign (("*" | "/" | "%") sign)*
    sign     := "-" sign | number | name | "word" | "true" | "false" | "(" rule ")"

Numbers are compared as they are written: 0.1 + 0.2 == 0.3 holds.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, TypeAlias

from xtrade.model.errors import UsageError, did_you_mean

__all__ = ["Constraint"]

_Operand: TypeAlias = "Fraction | str | bool"
_Meaning: TypeAlias = Callable[[Mapping[str, object]], _Operand]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)|(?P<name>[A-Za-z_][\w.]*)"
    r"|'(?P<word>[^']*)'|\"(?P<quoted>[^\"]*)\"|(?P<sign><=|>=|==|!=|[-+*/%()<>]))",
    re.ASCII,
)
# Both sides are of one kind when one of these is called.
_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COUNTED: Final[dict[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}
_KINDS: Final = {Fraction: "a number", str: "a word", bool: "true or false"}
_WORDS_OF_THE_GRAMMAR: Final = frozenset({"and", "or", "not", "true", "false"})
_DEPTH_MAX: Final = 50


class Constraint:
    """One rule, such as `fast < slow` or `slow >= 2 * fast and mode != "off"`."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.names: set[str] = set()
        """Every parameter that the rule speaks of."""
        reader = _Reader(self.text, self.names)
        self._holds = reader.rule()
        reader.expect_end()

    def holds(self, params: Mapping[str, object]) -> bool:
        """Tell whether these parameters keep the rule."""
        try:
            verdict = self._holds(params)
        except ZeroDivisionError:
            raise self._refusal(f"divides by zero with {_shown(params, self.names)}") from None
        except KeyError as missing:
            name = str(missing.args[0])
            raise self._refusal(f"no parameter {name!r}.{did_you_mean(name, params)}") from None
        if not isinstance(verdict, bool):
            raise self._refusal("expected a comparison, such as fast < slow")
        return verdict

    def check_names(self, known: Mapping[str, object]) -> None:
        """Raise UsageError for a parameter that the space does not have."""
        for name in sorted(self.names - set(known)):
            raise self._refusal(f"no parameter {name!r}.{did_you_mean(name, known)}")

    def _refusal(self, why: str) -> UsageError:
        return UsageError(f"constraint {self.text!r}: {why}")


def _shown(params: Mapping[str, object], names: set[str]) -> str:
    return ", ".join(f"{name}={params[name]}" for name in sorted(names))


def _operand(value: object) -> _Operand:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, Decimal):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(repr(value))  # as it is written, not the binary neighbour of it
    raise UsageError(f"{value!r} in a constraint: expected a number, a word, true or false")


class _Reader:
    """Reads a rule from left to right; each method is one line of the grammar."""

    def __init__(self, text: str, names: set[str]) -> None:
        self.text = text
        self.names = names
        self.tokens = list(self._tokens())
        self.at = 0
        self.depth = 0

    def _tokens(self) -> list[tuple[str, str, int]]:
        found: list[tuple[str, str, int]] = []
        place, end = 0, len(self.text)
        while place < end:
            token = _TOKEN.match(self.text, place)
            if token is None or token.lastgroup is None:
                raise self._refusal(
                    place, "expected a name, a number or one of < <= > >= == != + - * / % ( )"
                )
            kind = "word" if token.lastgroup == "quoted" else token.lastgroup
            found.append((kind, token[token.lastgroup], token.start(token.lastgroup)))
            place = token.end()
        return found

    def rule(self) -> _Meaning:
        """Read `a or b`."""
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda p: any(self._claimed(part(p)) for part in parts)

    def expect_end(self) -> None:
        """Raise UsageError if something is left unread."""
        if self.at < len(self.tokens):
            raise self._refusal(self.tokens[self.at][2], "expected the rule to end, or and, or")

    def _both(self) -> _Meaning:
        parts = [self._claim()]
        while self._take("and"):
            parts.append(self._claim())
        return parts[0] if len(parts) == 1 else lambda p: all(self._claimed(part(p)) for part in parts)

    def _claim(self) -> _Meaning:
        if self._take("not"):
            claim = self._deeper(self._claim)
            return lambda p: not self._claimed(claim(p))
        first = self._sum()
        links: list[tuple[str, _Meaning]] = []
        while sign := self._take(*_COMPARED):
            links.append((sign, self._sum()))
        if not links:
            return first

        def compared(params: Mapping[str, object]) -> bool:
            left, holds = first(params), True
            for sign, meaning in links:
                right = meaning(params)
                holds = self._compare(sign, left, right) and holds
                left = right
            return holds

        return compared

    def _sum(self) -> _Meaning:
        return self._counted(self._product, "+", "-")

    def _product(self) -> _Meaning:
        return self._counted(self._sign, "*", "/", "%")

    def _counted(self, part: Callable[[], _Meaning], *signs: str) -> _Meaning:
        meaning = part()
        while sign := self._take(*signs):
            meaning = self._joined(_COUNTED[sign], meaning, part())
        return meaning

    def _joined(
        self, count: Callable[[Fraction, Fraction], Fraction], left: _Meaning, right: _Meaning
    ) -> _Meaning:
        return lambda p: count(self._number(left(p)), self._number(right(p)))

    def _sign(self) -> _Meaning:
        if self._take("-"):
            inner = self._deeper(self._sign)
            return lambda p: -self._number(inner(p))
        if self._take("("):
            inner = self._deeper(self.rule)
            if not self._take(")"):
                raise self._refusal(self._place(), "a parenthesis is not closed")
            return inner
        if self.at == len(self.tokens):
            raise self._refusal(len(self.text), "it ends too early")
        kind, text, place = self.tokens[self.at]
        if kind == "sign" or text in {"and", "or", "not"}:
            raise self._refusal(place, "expected a name or a number")
        self.at += 1
        if kind == "number":
            number = Fraction(text)
            return lambda _: number
        if kind == "word":
            return lambda _: text
        if text in _WORDS_OF_THE_GRAMMAR:
            return lambda _: text == "true"
        self.names.add(text)
        return lambda p: _operand(p[text])

    def _deeper(self, read: Callable[[], _Meaning]) -> _Meaning:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise self._refusal(
                self._place(), f"more than {_DEPTH_MAX} parentheses or signs inside each other"
            )
        meaning = read()
        self.depth -= 1
        return meaning

    def _take(self, *wanted: str) -> str:
        if self.at < len(self.tokens):
            kind, text, _ = self.tokens[self.at]
            if kind != "word" and text in wanted:
                self.at += 1
                return text
        return ""

    def _place(self) -> int:
        return self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text)

    def _compare(self, sign: str, left: _Operand, right: _Operand) -> bool:
        if type(left) is not type(right):
            raise UsageError(
                f"constraint {self.text!r}: compares {_KINDS[type(left)]} ({left}) with {_KINDS[type(right)]} ({right})"
            )
        return _COMPARED[sign](left, right)

    def _number(self, operand: _Operand) -> Fraction:
        if isinstance(operand, Fraction):
            return operand
        raise UsageError(f"constraint {self.text!r}: counts with {_KINDS[type(operand)]} ({operand})")

    def _claimed(self, operand: _Operand) -> bool:
        if isinstance(operand, bool):
            return operand
        raise UsageError(
            f"constraint {self.text!r}: and, or, not join comparisons, not {_KINDS[type(operand)]} ({operand})"
        )

    def _refusal(self, place: int, why: str) -> UsageError:
        near = self.text[place:].lstrip()[:12]
        where = f"at {near!r}" if near else "at its end"
        return UsageError(f"constraint {self.text!r}: {where}: {why}")
