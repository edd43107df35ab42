from array import array

import pytest
from hypothesis import given, strategies as st

from xtrade.model.errors import NumberError
from xtrade.model.levels import Levels

counts = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(counts, counts)))
def test_levels_give_back_the_pairs_they_were_made_of(pairs):
    levels = Levels.of(pairs)

    assert list(levels) == pairs
    assert len(levels) == len(pairs)
    assert levels == Levels(array("q", [number for pair in pairs for number in pair]))
    assert hash(levels) == hash(Levels.of(pairs))


def test_levels_are_a_view_and_cannot_be_written_through():
    block = array("q", [100, 5])
    levels = Levels(block)

    with pytest.raises(TypeError):
        levels.flat[0] = 7
    block[1] = 6
    assert list(levels) == [(100, 6)]


@pytest.mark.parametrize("flat", [array("q", [1]), array("d", [1.0, 2.0]), array("i", [1, 2]), b"12"])
def test_anything_but_pairs_of_64_bit_integers_is_refused(flat):
    with pytest.raises(NumberError, match="signed 64-bit"):
        Levels(flat)


def test_a_level_beyond_64_bits_is_refused():
    with pytest.raises(NumberError, match="out of range"):
        Levels.of([(2**63, 1)])
