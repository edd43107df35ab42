"""Where a live run would hang or spin, a virtual one ends and says who waits for what."""

import asyncio
import inspect
import math

import pytest

from xtrade.runtime import clock
from xtrade.runtime.virtual import Deadlock, Livelock, Unobserved, run_virtual


def listing(main, **options):
    with pytest.raises(Deadlock) as caught:
        run_virtual(main, **options)
    return str(caught.value)


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return next(first + at for at, line in enumerate(lines) if text in line)


def test_two_locks_taken_crosswise_are_listed_with_their_places():
    async def main():
        books, orders = asyncio.Lock(), asyncio.Lock()

        async def take(first, second):
            async with first:
                await asyncio.sleep(1)
                async with second:
                    pass

        async with asyncio.TaskGroup() as group:
            group.create_task(take(books, orders), name="strategy")
            group.create_task(take(orders, books), name="link")

    said = listing(main)

    assert said.startswith("at 1.000000000 s nothing is ready and no timer is set: 3 tasks wait\n")
    place = f"take() at {__file__}:{line_of(main, 'async with second')}: async with second:"
    for task in ("strategy", "link"):
        assert f"  task '{task}' in {main.__qualname__}.<locals>.{place}\n" in said
    assert said.count("      Lock.acquire: <Lock [locked, waiters:1]>") == 2
    assert "      TaskGroup.__aexit__: <TaskGroup tasks=2 entered>" in said


def test_what_each_task_waits_for_is_named():
    async def main():
        async def on_queue():
            await asyncio.Queue(maxsize=3).get()

        async def on_event():
            await asyncio.Event().wait()

        async def on_condition():
            changed = asyncio.Condition()
            async with changed:
                await changed.wait()

        async def on_future():
            await asyncio.get_running_loop().create_future()

        async def on_task():
            await queue

        async def on_several():
            await asyncio.wait([event, queue])

        async def on_gathered():
            await asyncio.gather(event, queue)

        async def on_nothing():
            await asyncio.sleep(math.inf)

        queue = asyncio.create_task(on_queue(), name="queue")
        event = asyncio.create_task(on_event(), name="event")
        waits = (on_condition, on_future, on_task, on_several, on_gathered, on_nothing)
        others = [asyncio.create_task(wait(), name=wait.__name__) for wait in waits]
        await on_several()
        assert others

    said = listing(main).splitlines()
    waits = {line.split("'")[1]: below.strip() for line, below in zip(said[1::2], said[2::2], strict=True)}

    both = ({"task 'event', task 'queue'"}, {"task 'queue', task 'event'"})
    assert waits.pop("queue") == "Queue.get: <Queue maxsize=3 _getters[1]>"
    assert waits.pop("event") == "Event.wait: <Event [unset, waiters:1]>"
    assert waits.pop("on_condition") == "Condition.wait: <Condition [unlocked, waiters:1]>"
    assert waits.pop("on_future") == "waits for a future that nobody has completed"
    assert waits.pop("on_task") == "waits for task 'queue'"
    assert waits.pop("on_gathered") == "gather: waits for task 'event', task 'queue'"
    assert waits.pop("on_nothing") == "sleep"
    for several in ("on_several", "main"):
        assert {waits.pop(several).removeprefix("wait: waits for ")} in both
    assert not waits


def test_a_listing_is_the_same_each_time_and_carries_no_addresses():
    async def main():
        await asyncio.Queue().get()

    assert listing(main, seed=5) == listing(main, seed=5)
    assert "0x" not in listing(main)


def test_sleeping_for_ever_is_no_way_to_stay_alive():
    async def main():
        await asyncio.sleep(math.inf)

    assert "task 'main'" in listing(main)


def test_tasks_in_a_deadlock_still_get_to_tidy_up():
    tidied = []

    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            tidied.append(clock.monotonic_ns())

    listing(main)

    assert tidied == [1_000_000_000]


def test_a_task_that_waits_again_when_it_is_cancelled_cannot_hang_the_end():
    async def main():
        async def stubborn():
            try:
                await asyncio.sleep(math.inf)
            finally:
                await asyncio.Event().wait()

        asyncio.create_task(stubborn(), name="stubborn")  # noqa: RUF006
        await asyncio.sleep(1)

    with pytest.raises(Unobserved) as caught:
        run_virtual(main)

    assert "Event.wait: <Event [unset, waiters:1]>" in str(caught.value.exceptions[0])


def test_spinning_without_waiting_is_a_livelock_that_names_the_spinner():
    async def main():
        async def spinner():
            while True:  # noqa: ASYNC110
                await asyncio.sleep(0)

        await asyncio.sleep(2)
        await asyncio.create_task(spinner(), name="spinner")

    with pytest.raises(Livelock, match=r"5000 steps at 2\.0+ s and time stands still.* spinner .*\(\d+\)"):
        run_virtual(main, steps_per_instant_max=5_000)


def test_many_steps_are_no_livelock_while_time_moves():
    async def main():
        for _ in range(3_000):
            await asyncio.sleep(0.001)

    run_virtual(main, steps_per_instant_max=2_000)
