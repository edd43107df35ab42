"""Random streams with names: one seed, and no consumer disturbs another."""

from hypothesis import given, strategies as st

from xtrade.runtime import chance
from xtrade.runtime.chance import Streams
from xtrade.runtime.virtual import run_virtual


@given(st.integers(), st.text(), st.lists(st.text()))
def test_a_new_consumer_does_not_reshuffle_the_others(seed, name, newcomers):
    alone = [Streams(seed).stream(name).random() for _ in range(3)]
    crowded = Streams(seed)
    for newcomer in newcomers:
        crowded.stream(f"new/{newcomer}/{name}").random()

    assert [crowded.stream(name).random()] == alone[:1]


def test_a_name_means_one_stream_and_it_goes_on():
    streams = Streams(7)
    first = streams.stream("venue/okx/latency").random()

    assert streams.stream("venue/okx/latency").random() != first


def test_two_names_or_two_seeds_share_nothing():
    draws = {Streams(seed).stream(name).random() for seed in range(20) for name in ("a", "b", "a/b")}

    assert len(draws) == 60


def test_a_virtual_run_draws_from_its_seed():
    async def main():
        return [chance.stream("jitter").random() for _ in range(5)]

    assert run_virtual(main, seed=3) == run_virtual(main, seed=3)
    assert run_virtual(main, seed=3) != run_virtual(main, seed=4)


def test_outside_of_a_run_chance_is_the_machines_and_differs_each_time():
    assert Streams().stream("jitter").random() != Streams().stream("jitter").random()
    assert chance.stream("jitter") is chance.stream("jitter")


def test_the_rare_path_is_never_taken_where_nobody_looks_for_trouble():
    async def main():
        return any(chance.rarely("link/short-read", 1.0) for _ in range(100))

    assert not chance.rarely("link/short-read", 1.0)
    assert not run_virtual(main)
    assert run_virtual(main, trouble=True)


def test_rare_paths_are_counted_also_those_never_reached():
    with chance.using(Streams(1, trouble=True)) as streams:
        taken = sum(chance.rarely("link/short-read", 0.25) for _ in range(1_000))
        chance.rarely("journal/torn", 0.0)

    assert 200 < taken < 300
    assert streams.reached == {"link/short-read": taken, "journal/torn": 0}
