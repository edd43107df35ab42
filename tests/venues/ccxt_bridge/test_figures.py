"""Numbers out of ccxt keep the digits that came over the wire."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import NumberError
from xtrade.venues.ccxt.figures import Figure, counted, decimal_of, wire_number

digits = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=18)


@given(digits)
def test_a_figure_is_a_float_to_ccxt_and_the_text_to_us(value):
    text = format(value, "f")
    figure = Figure(text)

    assert figure == float(text)
    assert decimal_of(figure) == value
    assert decimal_of(Figure(str(figure))) == value  # ccxt writes numbers and reads them again as it goes


def test_what_ccxt_computes_with_a_figure_is_a_plain_float():
    assert type(Figure("0.1") * 3) is float
    assert sorted([Figure("2.50"), Figure("10.0"), 3.0]) == [2.5, 3.0, 10.0]


@given(st.integers(1, 2**51 - 1), st.integers(0, 12))
def test_every_count_is_found_again_in_the_float_that_is_nearest_to_it(count, places):
    step = Decimal((0, (1,), -places))
    exact = Decimal(count).scaleb(-places)

    assert counted(float(exact), step) == count
    assert counted(Figure(format(exact, "f")), step) == count


@pytest.mark.parametrize("value", [0.15, Figure("0.15"), "0.15", 1.0000001, Figure("63012.104")])
def test_what_lies_off_the_grid_is_refused(value):
    with pytest.raises(NumberError, match=r"not a multiple of 0\.1"):
        counted(value, Decimal("0.1"))


@pytest.mark.parametrize(
    "value", [None, True, [], float("nan"), float("inf"), "12a", Figure("nan"), Figure("1e400")]
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(NumberError):
        decimal_of(value)


def test_what_a_float_computed_wrong_in_its_last_digits_is_what_it_meant():
    assert decimal_of(0.1 + 0.2) == Decimal("0.3")
    assert counted(0.1 + 0.2, Decimal("0.1")) == 3


@given(digits)
def test_ccxt_is_given_a_number_that_prints_as_it_was_meant(value):
    given_to_ccxt = wire_number(value)

    assert Decimal(str(given_to_ccxt)) == value
