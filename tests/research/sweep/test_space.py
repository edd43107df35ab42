"""What may be tried is what the text says: every value, no other, and of the kind that was written."""

import json
from contextlib import suppress
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import DataError, UsageError
from xtrade.research.sweep.space import Between, Space, Values, shown


def dimension(text):
    return next(iter(Space.parse([text]).dimensions.values()))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fast=5:50:15", Values((5, 20, 35, 50))),
        ("fast=5:12:3", Values((5, 8, 11))),
        ("fast = 20,5, 10", Values((5, 10, 20))),
        ("depth=5", Values((5,))),
        ("size=0.1:0.5:0.1", Values((0.1, 0.2, 0.3, 0.4, 0.5))),
        ("size=1,0.5", Values((0.5, 1.0))),
        ("size=0.1:0.3:0.1 decimal", Values((Decimal("0.1"), Decimal("0.2"), Decimal("0.3")))),
        ("size=0.2, 0.1 decimal", Values((Decimal("0.1"), Decimal("0.2")))),
        ("size=0.01..1", Between(0.01, 1.0)),
        ("fast=5..50", Between(5, 50)),
        ("fast=-5..5", Between(-5, 5)),
        ("x=1e-4..1e-1 log", Between(1e-4, 1e-1, log=True)),
        ("n=1..100 log", Between(1, 100, log=True)),
        ("mode=taker,maker", Values(("taker", "maker"))),
        ("mode=maker", Values(("maker",))),
        ("mode=linear, log", Values(("linear", "log"))),
        ("market=okx:BTC/USDT:USDT", Values(("okx:BTC/USDT:USDT",))),
        ("hedge=true,false", Values((True, False))),
        ("hedge=true", Values((True,))),
    ],
)
def test_a_text_means_these_values(text, meant):
    found = dimension(text)

    assert found == meant
    if isinstance(meant, Values):
        assert [type(value) for value in found.values] == [type(value) for value in meant.values]
    else:
        assert type(found.low) is type(meant.low)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fast", "parameter 'fast': expected name=values, such as fast=5:50:5"),
        ("=5", "expected name=values"),
        ("2fast=5", "expected name=values"),
        ("fast=", "parameter 'fast=': no values"),
        ("fast=5:50", "expected low:high:step, low..high, or values with commas"),
        ("fast=50:5:5", "a step above zero and the lower end first"),
        ("fast=5:50:0", "a step above zero"),
        ("fast=5:fifty:5", "'fifty' is no number"),
        ("fast=5..", "'' is no number"),
        ("fast=1..2..3", "a range is low..high"),
        ("fast=50..5", "expected the lower end first"),
        ("fast=5..5", "expected the lower end first"),
        ("fast=5,,6", "nothing between two commas"),
        ("fast=5,6,", "nothing between two commas"),
        ("fast=5,5", "fast: 5 is there twice"),
        ("fast=5,six", "numbers .5. and words in one list"),
        ("fast=nan", "'nan' is no number"),
        ("fast=1,inf", "'inf' is no number"),
        ("fast=1e400", "no number, or none of a size that can be counted"),
        ("fast=0:1:1e-999999", "no number, or none of a size"),
        ("fast=1:3:1 log", "log goes with a range"),
        ("x=0..1 log", "a lower end above zero"),
        ("x=0..1 decimal", "a range is low..high, of floats or whole numbers"),
        ("x=0:1:0.0000001", "10000001 values, at most 100000 are taken: widen the step"),
        ("mode=a,b decimal", "'a' is no number"),
    ],
)
def test_a_text_that_means_nothing_says_what_would(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        Space.parse([text])
    assert "\n" not in str(caught.value)


def test_a_parameter_is_given_once():
    with pytest.raises(UsageError, match="fast is given twice"):
        Space.parse(["fast=1,2", "fast=3"])


def test_no_parameter_is_no_space():
    with pytest.raises(UsageError, match="without parameters"):
        Space.parse([])


def test_python_values_make_the_same_space_as_text():
    text = Space.parse(
        ["fast=5:20:5", "size=0.5,1.0", "mode=b,a", "x=0.1..2 log", "on=true"], where=["fast < 20"]
    )
    typed = Space.of(
        fast=range(5, 21, 5),
        size=[1, 0.5],
        mode=("b", "a"),
        x=Between(0.1, 2.0, log=True),
        on=True,
        where=["fast < 20"],
    )

    assert typed.dimensions == text.dimensions


@pytest.mark.parametrize(
    ("values", "said"),
    [([1, "a"], "of one kind"), ([1.0, float("nan")], "finite"), ([], "no values"), ([None], "of one kind")],
)
def test_python_values_are_checked_like_text(values, said):
    with pytest.raises(UsageError, match=said):
        Space.of(x=values)


def test_a_rule_about_a_parameter_that_is_not_there_is_refused_at_once():
    with pytest.raises(UsageError, match="no parameter 'slwo'. Did you mean 'slow'?"):
        Space.parse(["fast=1,2", "slow=2,3"], where=["fast < slwo"])


def test_the_grid_has_every_combination_that_keeps_the_rules():
    space = Space.parse(["fast=1:3:1", "slow=1:3:1"], where=["fast < slow"])

    assert space.size == 9
    assert list(space.grid()) == [{"fast": 1, "slow": 2}, {"fast": 1, "slow": 3}, {"fast": 2, "slow": 3}]


def test_a_range_of_floats_has_no_grid_and_says_what_to_write():
    with pytest.raises(UsageError, match=r"write size=0.01:1.0:STEP, or search at random"):
        list(Space.parse(["size=0.01..1"]).grid())


def test_whole_numbers_between_two_ends_have_a_grid():
    assert [params["n"] for params in Space.parse(["n=3..6"]).grid()] == [3, 4, 5, 6]


def test_rules_that_leave_nothing_end_a_draw_with_their_names():
    space = Space.parse(["x=0..1"], where=["x > 2"])

    with pytest.raises(UsageError, match="10000 draws in a row broke 'x > 2'"):
        space.draw(np.random.default_rng(1))


def test_a_logarithmic_range_gives_each_order_of_magnitude_its_share():
    chance, space = np.random.default_rng(5), Space.parse(["x=1e-4..1e-1 log", "n=1..1000 log"])
    drawn = [space.draw(chance) for _ in range(3_000)]

    for name in ("x", "n"):
        values = np.log10([params[name] for params in drawn])
        low, high = np.log10(space.dimensions[name].low), np.log10(space.dimensions[name].high)
        shares = np.histogram(values, bins=3, range=(low, high))[0] / 3_000
        assert np.abs(shares - 1 / 3).max() < 0.08


def test_the_ends_of_whole_numbers_are_as_likely_as_their_neighbours():
    chance, space = np.random.default_rng(5), Space.parse(["n=1..4"])
    counts = np.bincount([space.draw(chance)["n"] for _ in range(4_000)])

    assert np.abs(counts[1:] / 4_000 - 0.25).max() < 0.03


NUMBERS = st.integers(-(10**6), 10**6)
FLOATS = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: abs(x) > 1e-6)
WORDS = st.text("abcdefgh", min_size=1, max_size=5).filter(lambda word: word not in {"log", "decimal"})


@given(st.lists(NUMBERS, min_size=1, max_size=9, unique=True))
def test_whole_numbers_written_with_commas_are_read_back_in_order(numbers):
    assert dimension("x=" + ",".join(map(str, numbers))).values == tuple(sorted(numbers))


@given(st.lists(FLOATS, min_size=1, max_size=9, unique=True))
def test_floats_written_with_commas_are_read_back_exactly(numbers):
    assert dimension("x=" + ",".join(map(repr, numbers))).values == tuple(sorted(numbers))


@given(NUMBERS, st.integers(0, 500), st.integers(1, 50))
def test_steps_of_whole_numbers_are_those_of_a_range_with_its_end(low, span, step):
    assert dimension(f"x={low}:{low + span}:{step}").values == tuple(range(low, low + span + 1, step))


@given(st.integers(-1000, 1000), st.integers(0, 300), st.integers(1, 40))
def test_decimal_steps_are_counted_exactly(low, span, step):
    texts = [str(Decimal(number).scaleb(-2)) for number in (low, low + span, step)]
    values = dimension(f"x={':'.join(texts)}").values

    assert values == tuple(number / 100 for number in range(low, low + span + 1, step))


@given(
    st.lists(NUMBERS, min_size=1, max_size=4, unique=True),
    st.lists(WORDS, min_size=1, max_size=4, unique=True),
    st.tuples(FLOATS, FLOATS).filter(lambda ends: ends[0] < ends[1]),
    st.integers(0, 2**32),
)
def test_what_is_drawn_is_in_the_space_and_survives_json(numbers, words, ends, seed):
    decimals = [Decimal(number).scaleb(-3) for number in numbers]
    space = Space.of(n=numbers, d=decimals, w=words, x=Between(*ends), k=Between(1, 9), b=[True, False])
    params = space.draw(np.random.default_rng(seed))

    assert params["n"] in numbers
    assert params["d"] in decimals
    assert params["w"] in words
    assert ends[0] <= params["x"] <= ends[1]
    assert 1 <= params["k"] <= 9
    restored = space.read(json.loads(msgspec.json.encode(params)))
    assert restored == params
    assert [type(value) for value in restored.values()] == [type(value) for value in params.values()]


def test_stored_values_of_another_kind_are_refused():
    space = Space.parse(["n=1,2"])

    with pytest.raises(DataError, match="not of its parameter's kind"):
        space.read({"n": "one"})
    with pytest.raises(DataError, match="expected .'n'."):
        space.read({"m": 1})


@given(st.text(max_size=20) | st.text("x=0123456789.:,-e log", max_size=20).map("x={}".format))
def test_any_text_is_a_parameter_or_a_usage_error(text):
    with suppress(UsageError):
        Space.parse([text])


def test_values_are_shown_as_people_write_them():
    assert [shown(value) for value in (True, 5, 0.1 + 0.2, Decimal("0.10"), "maker")] == [
        "true", "5", "0.3", "0.10", "maker",
    ]  # fmt: skip
