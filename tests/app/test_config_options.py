"""The grammar of the model: which options there can be, and how a text becomes one of each kind."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from xtrade.app.config.model import Config
from xtrade.app.config.options import Wrong, from_text, named_sections, options, sections, table_value, typed
from xtrade.app.config.problems import dotted, shown


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (str, "5", "5"),
        (int, "5", 5),
        (int, "1_000", 1_000),
        (float, "1e-3", 0.001),
        (float, "2", 2.0),
        (bool, "true", True),
        (bool, "0", False),
        (int | None, "7", 7),
        (int | None, "", None),
        (str | None, "", None),
        (str, "", ""),
        (Literal["a", "b"], "b", "b"),
        (list[str], "BTC/USDT, ETH/USDT", ["BTC/USDT", "ETH/USDT"]),
        (list[str], "", []),
        (list[int], "1,2", [1, 2]),
        (Annotated[list[float], Meta(min_length=1)], "0.5", [0.5]),
    ],
)
def test_a_text_becomes_what_its_option_holds(hint, text, value):
    taken = from_text(hint, text)

    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    ("hint", "text", "says"),
    [
        (int, "5x", "expected a whole number, not '5x'"),
        (int, "1__0", "expected a whole number, not '1__0'"),
        (bool, "yes", "expected true or false, not 'yes'"),
        (float, "nan", "expected a number, not nan"),
        (Annotated[float, Meta(ge=0)], "-1", "expected a number of at least 0, not -1.0"),
        (Annotated[int, Meta(le=9)], "10", "expected a whole number of at most 9, not 10"),
        (list[int], "1,x", "expected a list, each a whole number, not a list"),
        (str, "a\nb", "expected a text without control characters"),
        (str, "\udcff", "expected a text without control characters"),
    ],
)
def test_a_text_that_is_no_such_value_says_what_would_be(hint, text, says):
    with pytest.raises(Wrong) as caught:
        from_text(hint, text)

    assert caught.value.text == says


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, True),
        (bool, 1),
        (int, 5.0),
        (str, 5),
        (str, None),
        (float, float("inf")),
        (int, "5"),
        (list[str], "a"),
    ],
)
def test_a_value_of_another_type_is_not_bent_into_shape(hint, value):
    with pytest.raises(Wrong):
        typed(hint, value)


def test_every_option_of_the_model_explains_itself():
    for option in options(Config):
        assert option.description.endswith("."), option.key
        assert option.expects, option.key
        # The starter shows a value for each option, so one without a default has an example.
        assert option.examples or option.default not in (None, msgspec.NODEFAULT), option.key
        for example in option.examples:
            assert typed(option.hint, example) == example


def test_a_table_of_names_that_somebody_else_knows_is_an_option():
    assert table_value(dict[str, int]) is int
    assert named_sections(dict[str, int]) is None
    assert table_value(dict[str, Config]) is None
    assert table_value(list[int]) is None


def test_every_section_of_the_model_explains_itself():
    for section in sections(Config):
        assert section.description.endswith("."), section.key


def test_what_the_grammar_of_the_model_leaves_out_is_refused_while_it_is_written():
    class Odd(Struct):
        """Odd."""

        when: set[int] = msgspec.field(default_factory=set)

    with pytest.raises(TypeError, match="the configuration has no options of type"):
        list(options(Odd))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "nothing"),
        ("a\x1b", "'a\\x1b'"),
        ("x" * 25, "a text of 25 characters"),
        ({}, "a section"),
        ([1], "a list"),
        (10**40, "a number of many digits"),
        (1.5, "1.5"),
    ],
)
def test_a_value_is_repeated_on_one_line_and_never_at_length(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (("venues", "okx", "key"), "venues.okx.key"),
        (("a b", "c.d", ""), "'a b'.'c.d'.''"),
        (("lists", 3, "x"), "lists[3].x"),
        (("\x1b[2J",), "'\\x1b[2J'"),
        (("k" * 100,), "k" * 59 + "…"),
    ],
)
def test_a_key_is_written_so_that_it_can_be_found(key, text):
    assert dotted(key) == text
