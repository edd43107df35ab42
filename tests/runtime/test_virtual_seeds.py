"""A seed is a whole run: the same one again in any process, another interleaving for another seed (I28)."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xtrade.runtime.virtual import Trace, run_virtual

CROWD = Path(__file__).parent / "programs" / "crowd.py"


def digest_in_a_new_process(seed, hash_seed):
    done = subprocess.run(
        [sys.executable, str(CROWD), str(seed)],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_same_seed_gives_the_same_trace_in_new_processes_with_other_hash_seeds():
    digests = {digest_in_a_new_process(seed=11, hash_seed=hash_seed) for hash_seed in (0, 1, 4_000_000_000)}

    assert len(digests) == 1
    assert digests != {digest_in_a_new_process(seed=12, hash_seed=0)}


async def lost_update():
    """Two traders read a balance, think for two awaits, and write it back: one update can get lost."""
    balance = [0]

    async def trade(size):
        for _ in range(size):
            await asyncio.sleep(0)
        seen = balance[0]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        balance[0] = seen + 1

    # First come, first served, the second has not begun when the first is done.
    async with asyncio.TaskGroup() as group:
        group.create_task(trade(0))
        group.create_task(trade(4))
    return balance[0]


def test_seeded_picks_find_a_planted_race_that_first_come_first_served_never_shows():
    seeds = range(200)

    in_order = [run_virtual(lost_update, seed=seed, pick="first") for seed in seeds]
    picked = [run_virtual(lost_update, seed=seed) for seed in seeds]

    assert in_order.count(1) == 0
    assert 5 <= picked.count(1) < len(seeds)
    losing = picked.index(1)
    assert run_virtual(lost_update, seed=losing) == 1


def traced(seed):
    trace = Trace(keep=True)
    run_virtual(lost_update, seed=seed, trace=trace)
    return trace


def test_two_runs_of_a_seed_have_no_difference():
    assert traced(1).digest == traced(1).digest
    assert traced(1).difference(traced(1)) is None


def test_the_first_difference_of_two_runs_is_shown():
    one, other = traced(1), Trace(keep=True)
    for line in one.lines[:2]:
        other.note(line)
    other.note("3 something else")

    assert one.digest != other.digest
    assert one.difference(other) == f"step 3: {one.lines[2]!r} here, '3 something else' there"


def test_a_trace_that_ends_early_differs_where_it_ends():
    one, other = traced(1), Trace(keep=True)
    other.note(one.lines[0])

    assert other.difference(one) == f"step 2: 'the end' here, {one.lines[1]!r} there"


def test_a_trace_names_time_tasks_and_callbacks():
    async def main():
        asyncio.get_running_loop().call_later(1.5, print_nothing)
        await asyncio.create_task(asyncio.sleep(2), name="nap")

    def print_nothing(): ...

    trace = Trace(keep=True)
    run_virtual(main, trace=trace)

    name = test_a_trace_names_time_tasks_and_callbacks.__name__
    assert f"0 0 main {name}.<locals>.main" in trace.lines
    assert "0 0 nap sleep" in trace.lines
    assert f"1500000000 0 {name}.<locals>.print_nothing" in trace.lines


@pytest.mark.parametrize("pick", ["first", "seeded"])
def test_ready_tasks_all_get_their_turn(pick):
    async def main():
        steps = [0] * 10

        async def spin(number):
            while min(steps) < 20:
                steps[number] += 1
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(spin(number))
        return max(steps)

    assert run_virtual(main, pick=pick) < 200
