from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from xtrade.data.grid import close, counts, finest, floats
from xtrade.model.errors import NumberError

steps = st.sampled_from(
    [Decimal(s) for s in ("1e-18", "0.00000001", "0.0001", "0.05", "0.1", "0.25", "1", "2.5", "10")]
)
decimals = st.builds(lambda digits, places: Decimal((0, tuple(map(int, str(digits))), -places)),
                     st.integers(0, 10**15 - 1), st.integers(0, 18))  # fmt: skip


@given(decimals, steps)
def test_a_decimal_in_a_float_is_on_a_grid_exactly_if_it_is_a_multiple(value, step):
    exact = value / step
    assume(exact <= Decimal(10**15) and exact * step.as_integer_ratio()[0] <= 10**15)
    whole, wrong = counts(np.array([float(str(value))]), step)

    assert bool(wrong[0]) == (exact != exact.to_integral_value())
    if not wrong[0]:
        assert whole[0] == exact


@given(st.integers(-(10**12), 10**12), steps)
def test_counts_become_floats_and_come_back(count, step):
    assume(abs(count) * step.as_integer_ratio()[0] <= 10**13)
    values = floats(np.array([count]), step)

    for whole, wrong in (counts(values, step), close(values, step)[:2]):
        assert (whole[0], wrong[0]) == (count, False)


@given(st.integers(1, 10**9), steps)
def test_what_arithmetic_leaves_in_a_float_is_forgiven_and_told(count, step):
    noisy = np.nextafter(floats(np.array([count]), step), np.inf)

    assert counts(noisy, step)[1][0]
    whole, wrong, forgiven = close(noisy, step)
    assert (whole[0], wrong[0], forgiven[0]) == (count, False, True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, 100.05, 0.1 + 1e-9])
def test_what_is_no_multiple_is_never_taken_for_one(value):
    assert counts(np.array([value]), Decimal("0.1"))[1][0]
    assert close(np.array([value]), Decimal("0.1"))[1][0]


def test_what_a_float_cannot_carry_is_not_written_into_one():
    with pytest.raises(NumberError, match="more digits than a float carries"):
        floats(np.array([10**16]), Decimal("0.1"))


@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=20),
    steps.filter(lambda step: step > Decimal("1e-9")),
)
def test_the_finest_grid_holds_every_number_and_is_no_finer_than_theirs(values, step):
    found = finest(floats(np.array(values), step))

    assert found == step * int(np.gcd.reduce(values))


@pytest.mark.parametrize("values", [[], [0.0], [float("nan")], [1e-300]])
def test_no_numbers_have_no_grid(values):
    assert finest(np.array(values)) is None
