"""A search asks for what is in its space, none twice, and the same again for the same seed, whoever answers first."""

import sys

import pytest
from hypothesis import given, strategies as st

from kit.trials import hill
from xtrade.model.errors import MissingExtra, UsageError
from xtrade.research.sweep.search import AtRandom, Grid, search_named
from xtrade.research.sweep.space import Between, Space
from xtrade.research.sweep.tpe import Tpe

SPACE = Space.of(x=Between(0.0, 10.0), y=range(9), where=["x + y < 15"])


def score(params):
    return hill(params, None).metrics["score"]


def asked(search, answer=score):
    """Every proposal of a search, each answered at once."""
    found = []
    while (proposal := search.ask()) is not None:
        found.append(proposal.params)
        search.tell(proposal, answer(proposal.params))
    return found


def asked_out_of_order(search, workers, pick):
    """Every proposal, with several under way at a time, ended in an order that `pick` chooses."""
    found, under_way = [], []
    while True:
        while len(under_way) < workers and (proposal := search.ask()) is not None:
            found.append(proposal.params)
            under_way.append(proposal)
        if not under_way:
            return found
        proposal = under_way.pop(pick() % len(under_way))
        search.tell(proposal, score(proposal.params))


def test_a_grid_asks_for_every_combination_once_and_knows_how_many():
    space = Space.parse(["fast=1:4:1", "slow=1:4:1"], where=["fast < slow"])
    grid = Grid(space)

    assert grid.total == 6
    assert asked(grid, lambda _: 0.0) == list(space.grid())


def test_a_grid_of_nothing_names_the_rule():
    with pytest.raises(UsageError, match="no combination of the parameters keeps 'x > 9'"):
        Grid(Space.parse(["x=1,2"], where=["x > 9"]))


@given(st.integers(0, 2**32))
def test_random_draws_keep_the_rules_and_repeat_with_their_seed(seed):
    first, again = (asked(AtRandom(SPACE, trials=12, seed=seed)) for _ in range(2))

    assert first == again
    assert len(first) == 12
    assert all(SPACE.allows(params) for params in first)


def test_other_seeds_draw_otherwise():
    assert asked(AtRandom(SPACE, trials=5, seed=1)) != asked(AtRandom(SPACE, trials=5, seed=2))


def test_a_small_space_is_drawn_empty_and_none_comes_twice():
    search = AtRandom(Space.parse(["x=1,2,3", "y=true,false"]), trials=100)
    found = asked(search, lambda _: 0.0)

    assert search.total == 6
    assert sorted(map(str, found)) == sorted({str(params) for params in found})
    assert len(found) == 6


@pytest.mark.parametrize(("workers", "seed"), [(1, 0), (2, 3), (5, 1)])
def test_optuna_asks_the_same_however_many_workers_answer_in_whatever_order(workers, seed):
    from numpy.random import default_rng

    chance = default_rng(seed)
    alone = asked(Tpe(SPACE, trials=25, seed=7, ahead=4))
    crowd = asked_out_of_order(
        Tpe(SPACE, trials=25, seed=7, ahead=4), workers, lambda: int(chance.integers(100))
    )

    assert crowd == alone
    assert all(SPACE.allows(params) for params in alone)
    assert all(isinstance(params["y"], int) and isinstance(params["x"], float) for params in alone)


def test_optuna_waits_for_outcomes_before_it_looks_further_ahead():
    search = Tpe(SPACE, trials=10, ahead=2)
    first, second = search.ask(), search.ask()

    assert search.ask() is None
    search.tell(second, 1.0)
    assert search.ask() is None
    search.tell(first, None)  # a trial that failed is an answer, too
    assert search.ask() is not None


def test_optuna_learns():
    """Of as many draws, those that know the earlier outcomes end up nearer to the top."""
    best = {
        name: sum(
            max(map(score, asked(search_named(name, SPACE, trials=40, seed=seed)))) for seed in range(3)
        )
        for name in ("random", "optuna")
    }

    assert best["optuna"] > best["random"]


def test_optuna_knows_words_and_switches():
    space = Space.parse(["mode=a,b,c", "on=true,false", "n=1..50 log", "k=7"])
    found = asked(Tpe(space, trials=15), lambda params: float(params["n"]) if params["mode"] == "b" else 0.0)

    assert {params["mode"] for params in found} <= {"a", "b", "c"}
    assert all(type(params["on"]) is bool and params["k"] == 7 for params in found)


def test_optuna_finds_its_way_where_little_is_allowed():
    space = Space.of(x=Between(0.0, 10.0), n=range(20), where=["x > 9", "n == 7"])
    found = asked(Tpe(space, trials=3), lambda params: params["x"])

    assert len(found) == 3
    assert all(params["x"] > 9 and params["n"] == 7 for params in found)


def test_optuna_gives_up_on_rules_that_leave_nothing():
    with pytest.raises(UsageError, match="draws in a row broke 'x > 20'"):
        Tpe(Space.of(x=Between(0.0, 10.0), where=["x > 20"]), trials=1).ask()


def test_optuna_that_is_not_there_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(MissingExtra, match=r"optuna is needed for this: .*sweep"):
        search_named("optuna", SPACE, trials=3)


@pytest.mark.parametrize(
    ("name", "trials", "said"),
    [
        ("gird", None, "search 'gird': expected one of grid, random, optuna. Did you mean 'grid'?"),
        ("grid", 5, "a grid tries every combination"),
        ("random", None, "a search named random has to know how many trials"),
        ("optuna", 0, "at least 1"),
    ],
)
def test_a_search_that_cannot_be_is_refused(name, trials, said):
    with pytest.raises(UsageError, match=said):
        search_named(name, Space.parse(["x=1,2"]), trials=trials)
