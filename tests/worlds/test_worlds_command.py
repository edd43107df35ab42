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
    assert out.endswith("Repeat: xtrade-worlds --first 0 --seeds 1 --seconds 2 --fault place_lost=0.0\n")


def test_what_a_failing_world_says_repeats_it(capsys, monkeypatch):
    """Probabilities are written out in full: another one in the last digit is another world."""
    monkeypatch.setattr(worlds_module, "at_rest", lambda *_: {"I8": "planted"} if reached() else {})
    played = []
    was = worlds_module.World.__init__

    def note(self, *given):
        was(self, *given)
        played.append(self)

    monkeypatch.setattr(worlds_module.World, "__init__", note)

    def reached():
        return played[-1].reached["answer_lost"]

    third = 0.1 + 0.2
    assert worlds(seeds=1, first=4, seconds=20, fault=(f"answer_lost={third!r}", "book_lost=0.01")) == 1

    assert capsys.readouterr().out.endswith(
        f"--first 4 --seeds 1 --seconds 20 --fault answer_lost={third!r}\n"
    )


def test_an_error_that_nobody_catches_is_shown_with_its_place(capsys, monkeypatch):
    def careless(*_):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(worlds_module, "at_every_step", careless)
    assert worlds(seeds=1, seconds=2, fault=("place_lost=0.1",)) == 1

    out = capsys.readouterr().out
    assert "I26 at" in out
    assert "KeyError: 'a mistake of ours'" in out
    assert "in careless" in out


@pytest.mark.parametrize(
    ("fault", "says"),
    [("place_lots=0.1", "Did you mean 'place_lost'"), ("place_lost=x", "expected a probability")],
)
def test_a_fault_that_is_none_is_refused(fault, says):
    with pytest.raises(UsageError, match=says):
        worlds(fault=(fault,))
