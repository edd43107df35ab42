"""Rules between parameters mean what they say, and a text is never run as code."""

import operator
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import UsageError
from xtrade.research.sweep.constraint import Constraint

PARAMS = {
    "fast": 5,
    "slow": 20,
    "size": 0.1,
    "step": 0.2,
    "fee": Decimal("0.3"),
    "mode": "maker",
    "off": False,
    "z": 0,
}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("fast < slow", True),
        ("slow < fast", False),
        ("fast<slow<=20", True),
        ("fast < slow < 20", False),
        ("size + step == 0.3", True),  # as they are written, not as floats add up
        ("size + step == fee", True),
        ("slow >= 2 * fast and mode != 'taker'", True),
        ('mode == "maker"', True),
        ("not off", True),
        ("off == false or fast > slow", True),
        ("-(fast - slow) == 15", True),
        ("slow % fast == 0", True),
        ("1 - 2 - 3 == -4", True),
        ("12 / 3 / 2 == 2", True),
        ("1 + 2 * 3 == 7", True),
        ("1e3 == 1_000", True),
        ("z != 0 and slow / z > 1", False),  # what would divide by zero is not asked
        ("not fast > slow and not slow < fast", True),
    ],
)
def test_a_rule_holds_as_it_reads(rule, holds):
    assert Constraint(rule).holds(PARAMS) is holds


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("fast <", "at its end: it ends too early"),
        ("", "at its end: it ends too early"),
        ("fast < slow slow", "at 'slow': expected the rule to end, or and, or"),
        ("(fast < slow", "a parenthesis is not closed"),
        ("fast ** 2 < 1", r"at '\* 2 < 1': expected a name or a number"),
        ("fast = slow", "at '= slow': expected a name, a number or one of"),
        ("__import__('os')", "expected the rule to end"),
        ("__import__('os').system('true')", "expected a name, a number or one of"),
        ("1__0 < 2", "expected the rule to end"),
        ("fast < slow; slow", "expected a name, a number or one of"),
        ("[x for x in y]", "expected a name, a number or one of"),
        ("(" * 60 + "1" + ")" * 60, "more than 50 parentheses or signs inside each other"),
        ("-" * 10_000 + "1 < 2", "more than 50 parentheses"),
        ("not " * 10_000 + "off", "more than 50 parentheses"),
    ],
)
def test_what_is_no_rule_is_refused_where_it_stops_being_one(rule, said):
    with pytest.raises(UsageError, match=said):
        Constraint(rule)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("fast", "expected a comparison, such as fast < slow"),
        ("fsat < slow", "no parameter 'fsat'. Did you mean 'fast'?"),
        ("fast < mode", r"compares a number \(5\) with a word \(maker\)"),
        ("mode + 1 < 2", r"counts with a word \(maker\)"),
        ("fast and slow", r"join comparisons, not a number \(5\)"),
        ("slow / z > 1", "divides by zero with slow=20, z=0"),
        ("off < 1", r"compares true or false \(False\) with a number"),
    ],
)
def test_a_rule_that_makes_no_sense_of_the_parameters_says_so(rule, said):
    with pytest.raises(UsageError, match=said):
        Constraint(rule).holds(PARAMS)


NUMBERS = st.integers(-20, 20)
SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@st.composite
def sums(draw, depth=3):
    """A sum as text, with its value by Python's own arithmetic."""
    if depth == 0 or draw(st.booleans()):
        number = draw(NUMBERS)
        return (str(number) if number >= 0 else f"(-{-number})"), Fraction(number)
    (left, a), (right, b) = draw(sums(depth=depth - 1)), draw(sums(depth=depth - 1))
    sign = draw(st.sampled_from("+-*"))
    return f"({left} {sign} {right})", {"+": a + b, "-": a - b, "*": a * b}[sign]


@given(sums(), sums(), st.sampled_from(sorted(SIGNS)))
def test_a_rule_counts_like_arithmetic(left, right, sign):
    assert Constraint(f"{left[0]} {sign} {right[0]}").holds({}) is SIGNS[sign](left[1], right[1])


@given(st.text(max_size=30) | st.text("fast slow mode()<>=!+-*/%.'0123456789_ andornot", max_size=40))
def test_any_text_is_a_rule_or_a_usage_error(text):
    with suppress(UsageError):
        Constraint(text).holds(PARAMS)
