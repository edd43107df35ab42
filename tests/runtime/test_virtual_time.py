"""Virtual time: asyncio as it is known, except that waiting costs nothing."""

import asyncio
import contextlib
import contextvars
import math

import pytest
from hypothesis import given, strategies as st

from xtrade.runtime import clock
from xtrade.runtime.virtual import Unobserved, run_virtual


def seconds():
    return clock.monotonic_ns() / 1e9


def test_sleepers_wake_in_the_order_of_their_timers():
    woken = []

    async def sleeper(delay):
        await asyncio.sleep(delay)
        woken.append((delay, seconds()))

    async def main():
        async with asyncio.TaskGroup() as group:
            for delay in (3, 1, 86_400, 2, 0.000_000_001):
                group.create_task(sleeper(delay))

    run_virtual(main)

    assert woken == [(1e-9, 1e-9), (1, 1.0), (2, 2.0), (3, 3.0), (86_400, 86_400.0)]


@given(st.lists(st.integers(0, 10**15), max_size=20), st.integers())
def test_every_sleeper_wakes_at_its_very_nanosecond_under_any_seed(delays_ns, seed):
    async def sleeper(delay_ns):
        await asyncio.sleep(delay_ns / 1e9)
        return clock.monotonic_ns()

    async def main():
        return await asyncio.gather(*map(sleeper, delays_ns))

    assert run_virtual(main, seed=seed) == delays_ns


def test_a_nanosecond_is_still_a_nanosecond_after_a_hundred_days():
    async def main():
        await asyncio.sleep(100 * 86_400)
        before = clock.monotonic_ns()
        await asyncio.sleep(1e-9)
        return clock.monotonic_ns() - before

    assert run_virtual(main) == 1


@pytest.mark.parametrize("seed", range(5))
def test_timeouts_fire_exactly_when_they_say(seed):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await asyncio.sleep(2)
        assert seconds() == 1.5
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.5)
        assert seconds() == 2.0
        assert await asyncio.wait_for(asyncio.sleep(1, "done"), 2) == "done"
        assert seconds() == 3.0

    run_virtual(main, seed=seed)


@pytest.mark.parametrize("seed", range(5))
def test_queues_events_locks_conditions_and_semaphores_work(seed):
    async def main():
        books = asyncio.Queue(maxsize=2)
        ready, lock, room = asyncio.Event(), asyncio.Lock(), asyncio.Semaphore(2)
        changed = asyncio.Condition(lock)
        taken, inside = [], []

        async def produce():
            await ready.wait()
            for price in range(10):
                await books.put(price)
                await asyncio.sleep(0.1)
            async with changed:
                changed.notify_all()

        async def consume():
            taken.extend([await books.get() for _ in range(10)])

        async def at_the_end():
            async with changed:
                await changed.wait()
            return seconds()

        async def crowd():
            async with room:
                inside.append(1)
                assert sum(inside) <= 2
                await asyncio.sleep(1)
                inside.pop()

        async with asyncio.TaskGroup() as group:
            for task in (produce, consume, crowd, crowd, crowd):
                group.create_task(task())
            end = group.create_task(at_the_end())
            ready.set()
        assert taken == list(range(10))
        assert end.result() == pytest.approx(1.0)
        assert seconds() == 2.0

    run_virtual(main, seed=seed)


def test_a_failing_task_group_cancels_the_rest_and_raises():
    async def main():
        ended = []

        async def patient():
            try:
                await asyncio.sleep(math.inf)
            finally:
                await asyncio.sleep(5)
                ended.append(seconds())

        async def failing():
            await asyncio.sleep(1)
            raise LookupError("no book")

        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012
            async with asyncio.TaskGroup() as group:
                group.create_task(patient())
                group.create_task(failing())
        assert caught.group_contains(LookupError, match="no book")
        assert ended == [6.0]

    run_virtual(main)


def test_what_is_given_to_call_soon_runs_in_that_order_under_every_seed():
    async def main():
        loop = asyncio.get_running_loop()
        order = []
        others = [asyncio.create_task(asyncio.sleep(0)) for _ in range(20)]
        for number in range(20):
            loop.call_soon(order.append, number)
        await asyncio.gather(*others)
        await asyncio.sleep(1)
        return order

    assert all(run_virtual(main, seed=seed) == list(range(20)) for seed in range(20))


def test_context_variables_follow_their_task():
    order = contextvars.ContextVar("order", default="none")

    async def main():
        async def work(name):
            order.set(name)
            await asyncio.sleep(1)
            return order.get()

        assert await asyncio.gather(work("a"), work("b")) == ["a", "b"]
        assert order.get() == "none"

    run_virtual(main)


def test_cancelled_timers_are_thrown_out_and_never_fire():
    async def main():
        loop = asyncio.get_running_loop()
        fired = []
        for number in range(1_000):
            loop.call_later(10, fired.append, number).cancel()
        loop.call_later(10, fired.append, "kept")
        await asyncio.sleep(1)
        assert len(loop._timers) < 1_000
        await asyncio.sleep(10)
        assert fired == ["kept"]

    run_virtual(main)


def test_leftover_tasks_are_cancelled_and_may_take_virtual_time_to_tidy_up():
    tidied = []

    async def main():
        async def background():
            try:
                await asyncio.sleep(math.inf)
            finally:
                await asyncio.sleep(10)
                tidied.append(seconds())

        task = asyncio.create_task(background())
        await asyncio.sleep(1)
        return task

    assert run_virtual(main).cancelled()
    assert tidied == [11.0]


def test_an_asynchronous_generator_left_open_is_closed():
    closed = []

    async def prices():
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(1)
            closed.append(seconds())

    feed = prices()

    async def main():
        await anext(feed)

    run_virtual(main)

    assert closed == [1.0]


def test_a_task_that_died_unseen_fails_the_run():
    async def main():
        async def dies():
            raise LookupError("no book")

        asyncio.create_task(dies(), name="prices")  # noqa: RUF006
        await asyncio.sleep(1)
        return "all is well"

    with pytest.raises(Unobserved) as caught:
        run_virtual(main)

    (error,) = caught.value.exceptions
    assert isinstance(error, LookupError)
    assert error.__notes__ == ["in task 'prices', which nobody asked for its result"]


def test_a_failure_that_somebody_looked_at_is_theirs():
    async def main():
        async def dies():
            raise LookupError("no book")

        results = await asyncio.gather(dies(), dies(), return_exceptions=True)
        return [type(result) for result in results]

    assert run_virtual(main) == [LookupError, LookupError]


def test_a_callback_that_raises_fails_the_run():
    async def main():
        asyncio.get_running_loop().call_soon({}.__getitem__, "book")
        await asyncio.sleep(1)

    with pytest.raises(Unobserved) as caught:
        run_virtual(main)

    assert isinstance(caught.value.exceptions[0], KeyError)


def test_the_failure_of_main_stands_first_and_mentions_the_others():
    async def main():
        async def dies():
            raise LookupError("no book")

        task = asyncio.create_task(dies())
        await asyncio.sleep(1)
        raise ArithmeticError(f"{task.done()}")

    with pytest.raises(ArithmeticError, match="True") as caught:
        run_virtual(main)

    assert caught.value.__notes__ == ["also: LookupError: no book"]


def test_a_task_that_swallows_its_cancellation_is_named():
    async def main():
        async def stubborn():
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)

        asyncio.create_task(stubborn(), name="stubborn")  # noqa: RUF006
        await asyncio.sleep(1)

    with pytest.raises(Unobserved) as caught:
        run_virtual(main)

    assert "task 'stubborn' in" in str(caught.value.exceptions[0])


def test_thousands_of_done_tasks_are_let_go_and_the_failed_ones_are_kept():
    async def main():
        async def dies():
            raise LookupError("no book")

        asyncio.create_task(dies())  # noqa: RUF006
        for _ in range(2_000):
            await asyncio.create_task(asyncio.sleep(0))
        return len(asyncio.get_running_loop()._tasks)

    held = []

    async def outer():
        held.append(await main())

    with pytest.raises(Unobserved):
        run_virtual(outer)

    assert held[0] < 1_000


def test_every_step_can_be_watched_and_a_broken_invariant_ends_the_run():
    balance = [3]

    async def main():
        while True:
            await asyncio.sleep(1)
            balance[0] -= 1

    def never_negative():
        assert balance[0] >= 0, f"negative at {seconds()} s"

    with pytest.raises(AssertionError, match=r"negative at 4\.0 s"):
        run_virtual(main, on_step=never_negative)


def test_being_given_the_call_instead_of_the_function_is_explained():
    async def main(): ...

    with pytest.raises(TypeError, match=r"run_virtual\(main\), not run_virtual\(main\(\)\)"):
        run_virtual(main())


def test_a_timer_at_no_time_at_all_is_an_error():
    async def main():
        asyncio.get_running_loop().call_later(math.nan, print)

    with pytest.raises(ValueError, match="NaN"):
        run_virtual(main)


def test_runs_follow_each_other_in_one_process_without_a_trace_of_the_last():
    async def main():
        return asyncio.current_task().get_name(), asyncio.create_task(asyncio.sleep(0)).get_name()

    assert run_virtual(main) == run_virtual(main) == ("main", "task-2")


def test_a_future_that_failed_and_is_kept_does_not_hide_its_failure():
    kept = []

    async def main():
        kept.append(asyncio.get_running_loop().create_future())
        kept[0].set_exception(ValueError("the venue hung up"))

    with pytest.raises(Unobserved) as caught:
        run_virtual(main)

    assert [str(error) for error in caught.value.exceptions] == ["the venue hung up"]


def test_a_failed_future_that_was_asked_is_told_once():
    async def main():
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("the venue hung up"))
        with pytest.raises(ValueError, match="hung up"):
            await future
        return future

    assert run_virtual(main).done()
