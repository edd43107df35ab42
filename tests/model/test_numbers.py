from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, trunc

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import NumberError
from xtrade.model.numbers import divided, number, plain, product, signal, steps

decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**30),
    st.integers(-40, 9),
)
grids = st.sampled_from(
    [Decimal(s) for s in ("1e-18", "0.00000001", "0.05", "0.1", "0.25", "1", "2.5", "1E+1", "1e3")]
)
ORACLES = {"down": floor, "up": ceil, "zero": trunc, "nearest": round}


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("0.00010000", "0.0001"),
        ("1e-8", "0.00000001"),
        ("1E+3", "1000"),
        (b"95000.1", "95000.1"),
        (0.1, "0.1"),
        (1e-8, "0.00000001"),
        (95000.123456789, "95000.123456789"),
        (7, "7"),
        (-3, "-3"),
        ("-0.5", "-0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("007", "7"),
        (2**64, "18446744073709551616"),
        (Decimal("1.50"), "1.5"),
    ],
)
def test_a_wire_number_is_read_exactly(wire, value):
    assert number(wire) == Decimal(value)


@pytest.mark.parametrize(
    "wire",
    [
        "",
        " ",
        " 1",
        "1 ",
        "1_000",
        "1,5",
        "0x10",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1e",
        "e5",
        "--1",
        "+1",
        "1.2.3",
        "１",
    ]
    + [
        b"\xff",
        b"",
        "1e999",
        "1e-999",
        "9" * 61,
        "1" * 200,
        True,
        False,
        None,
        [],
        {},
        float("nan"),
        float("inf"),
    ]
    + [
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("sNaN"),
        10**61,
        1e300,
        Decimal("1e50"),
        Decimal("1e-50"),
    ],
)
def test_what_is_not_an_exact_finite_number_is_refused(wire):
    with pytest.raises(NumberError):
        number(wire)


def test_a_float_with_more_digits_than_a_float_carries_is_refused_where_exactness_is_asked():
    with pytest.raises(NumberError, match="more digits than a float can carry"):
        number(0.1 + 0.2)
    with pytest.raises(NumberError, match="more digits than a float can carry"):
        number(0.1234567890123456)
    assert signal(0.1 + 0.2) == Decimal("0.3")


def test_a_whole_float_keeps_every_digit_that_a_double_counts():
    """
    Rounding it to fifteen digits could sell more than is held.
    """
    assert signal(1234567890123456.0) == 1234567890123456
    assert signal(-9007199254740991.0) == -9007199254740991


@given(st.text() | st.binary() | st.floats() | st.integers() | st.none() | st.booleans())
def test_no_input_raises_anything_but_a_number_error(wire):
    try:
        value = number(wire)
    except NumberError:
        return
    assert value.is_finite()


@given(decimals)
def test_what_is_printed_reads_back_as_the_same_number_and_has_no_exponent(value):
    text = plain(value)

    assert number(text) == value
    assert set(text) <= set("0123456789.-")
    assert text == plain(number(text))
    assert not (("." in text) and text.endswith(("0", ".")))
    assert text != "-0"


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 12))
def test_a_float_of_fifteen_digits_is_the_decimal_it_prints_as(digits, places):
    written = Decimal(f"{digits}E-{places}")

    assert number(float(written)) == written
    assert signal(float(written)) == written


@given(decimals, grids, st.sampled_from(sorted(ORACLES)))
def test_steps_round_as_named_for_every_number_and_grid(value, grid, toward):
    assert steps(value, grid, toward=toward) == ORACLES[toward](Fraction(value) / Fraction(grid))


@given(decimals, grids)
def test_exact_steps_are_exact_or_an_error_that_names_the_neighbours(value, grid):
    ratio = Fraction(value) / Fraction(grid)
    if ratio.denominator == 1:
        assert steps(value, grid) == ratio
        return
    with pytest.raises(NumberError) as refused:
        steps(value, grid)
    below = floor(ratio)
    assert f"{plain(product(below, grid))} and {plain(product(below + 1, grid))}" in str(refused.value)


@given(st.integers(), st.integers().filter(bool), st.sampled_from(sorted(ORACLES)))
def test_integer_division_rounds_as_named_whatever_the_signs(numerator, denominator, toward):
    assert divided(numerator, denominator, toward=toward) == ORACLES[toward](Fraction(numerator, denominator))


@given(st.integers(-(10**40), 10**40), decimals)
def test_a_product_keeps_every_digit(count, step):
    assert Fraction(product(count, step)) == count * Fraction(step)
