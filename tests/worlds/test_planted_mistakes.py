"""Each planted mistake is caught by a world: otherwise a green world would say little."""

import pytest

from worlds.planted import PLANTED
from xtrade.testing.invariants import CHECKED
from xtrade.testing.world import play


@pytest.mark.parametrize(
    ("mistake", "plan", "invariant"), PLANTED, ids=[mistake.__name__ for mistake, *_ in PLANTED]
)
def test_a_planted_mistake_is_caught(mistake, plan, invariant, monkeypatch):
    mistake(monkeypatch)

    for seed in range(3):
        if invariant in {each.invariant for each in play(seed, plan=plan, seconds=60).violations}:
            return
    pytest.fail(f"{mistake.__name__} went unseen by {invariant} in three worlds")


def test_each_invariant_of_worlds_catches_a_mistake():
    assert {invariant for *_, invariant in PLANTED} == set(CHECKED)
