"""Each planted mistake is caught by a world: otherwise a green world would say little."""

import pytest

from worlds.planted import PLANTED
from xtrade.testing.world import play


@pytest.mark.parametrize(("mistake", "plan"), PLANTED, ids=[mistake.__name__ for mistake, _ in PLANTED])
def test_a_planted_mistake_is_caught(mistake, plan, monkeypatch):
    mistake(monkeypatch)
    caught = []
    for seed in range(3):
        try:
            world = play(seed, plan=plan, seconds=60)
        except Exception as error:
            caught.append(repr(error))
        else:
            caught += [f"{each.invariant}: {each.text}" for each in world.violations]
        if caught:
            return
    pytest.fail(f"{mistake.__name__} went unseen in three worlds")
