"""`xtrade-worlds` tells what happened, and how to repeat what failed."""

import pytest

from xtrade.model.errors import UsageError
from xtrade.testing import world as worlds_module
from xtrade.testing.command import worlds


def test_worlds_that_hold_say_what_happened_in_them(capsys):
    assert worlds(seeds=1, first=3, seconds=10, fault=("answer_doubled=0.5",)) == 0

    out = capsys.readouterr().out
    assert "seed 3: true with answer_doubled" in out
    assert "x answer_doubled" in out
    assert "Never happened, and so not tested: amend_lost" in out


def test_a_world_that_fails_is_shown_with_the_fewest_faults_and_how_to_repeat_it(capsys, monkeypatch):
    def blind(*_):
        return {"I8": "planted"}

    monkeypatch.setattr(worlds_module, "at_rest", blind)
    assert worlds(seeds=5, seconds=2, fault=("cancel_lost=0.1", "place_lost=0.1")) == 1

    out = capsys.readouterr().out
    assert "seed 0: FAILED with place_lost, cancel_lost" in out
    assert "I8 at" in out
    assert out.endswith("Repeat: xtrade-worlds --first 0 --seeds 1 --seconds 2\n")


@pytest.mark.parametrize(
    ("fault", "says"),
    [("place_lots=0.1", "Did you mean 'place_lost'"), ("place_lost=x", "expected a probability")],
)
def test_a_fault_that_is_none_is_refused(fault, says):
    with pytest.raises(UsageError, match=says):
        worlds(fault=(fault,))
