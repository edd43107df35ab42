"""Supervised tasks: owned, restarted as their policy says, and never dying unseen (I26, PR-03, PR-04)."""

import asyncio
import math
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st
from structlog.testing import capture_logs

from xtrade.model.errors import ConfigError
from xtrade.runtime import clock
from xtrade.runtime.supervisor import GaveUp, Restart, Supervisor
from xtrade.runtime.virtual import run_virtual


def seconds():
    return clock.monotonic_ns() / 1e9


class Flaky:
    """A link that fails, ends or stays as its script says, and notes when it was started."""

    def __init__(self, *script):
        self.script = list(script)
        self.started = []

    async def run(self):
        self.started.append(seconds())
        lives_s, end = self.script.pop(0) if self.script else (math.inf, None)
        await asyncio.sleep(lives_s)
        if end is not None:
            raise end


def supervised(*tasks, until_s=1_000, name="okx"):
    """Run the tasks, each a coroutine function with its policy, under one supervisor for some virtual time."""

    async def main():
        async with Supervisor(name) as supervisor:
            for run, restart in tasks:
                supervisor.start(run, restart=restart)
            await asyncio.sleep(until_s)
            view = supervisor.view()
            await supervisor.stop()
        return view

    return main


DROPPED = (1, ConnectionError("dropped"))


def test_a_failed_task_is_started_again_after_a_wait_and_shows_why():
    link = Flaky(DROPPED)

    with capture_logs() as logs:
        (view,) = run_virtual(supervised((link.run, Restart(backoff_ms_min=100))))

    assert len(link.started) == 2
    assert 1.1 <= link.started[1] <= 1.2
    assert (view.name, view.state, view.restarts, view.failures) == ("okx/run", "running", 1, 1)
    assert view.last_error == "ConnectionError: dropped"
    assert view.since_ns == clock.START_NS + round(link.started[1] * 1e9)
    (log,) = logs
    assert (log["event"], log["task"], log["error"]) == (
        "task restarts",
        "okx/run",
        "ConnectionError: dropped",
    )
    assert log["log_level"] == "warning"


def test_waits_grow_with_each_quick_failure_are_drawn_by_seed_and_stay_below_the_limit():
    def starts(seed):
        link = Flaky(*[(0, ConnectionError())] * 12)
        policy = Restart(backoff_ms_min=100, backoff_ms_max=5_000)
        with capture_logs():
            run_virtual(supervised((link.run, policy)), seed=seed)
        return link.started

    waits = [later - earlier for earlier, later in zip(starts(1), starts(1)[1:], strict=False)]

    assert len(waits) == 12
    assert all(0.1 <= wait <= min(5.0, 0.1 * 2**n) for n, wait in enumerate(waits, start=1))
    assert max(waits) > 1
    assert starts(1) == starts(1) != starts(2)


@given(
    st.integers(1, 10_000), st.integers(0, 10**6), st.integers(0, 10**9), st.floats(0, 1, exclude_max=True)
)
def test_a_wait_is_always_within_its_bounds(low, more, quick_ends, drawn):
    policy = Restart(backoff_ms_min=low, backoff_ms_max=low + more)

    wait_ns = policy.wait_ns(quick_ends, lambda: drawn)

    assert low * 1_000_000 <= wait_ns <= (low + more) * 1_000_000


def test_a_healthy_spell_starts_the_waits_from_the_bottom_and_forgets_old_failures():
    link = Flaky(*[(0, ConnectionError())] * 5, (60, ConnectionError()), *[(0, ConnectionError())] * 5)
    policy = Restart(backoff_ms_min=100, backoff_ms_max=100_000, healthy_ms=60_000, failures_max=6)

    with capture_logs() as logs:
        run_virtual(supervised((link.run, policy)))

    after_health = [log["wait_ms"] for log in logs][5]
    assert 100 <= after_health <= 200
    assert len(link.started) == 12


def test_too_many_failures_in_the_window_end_the_group_and_say_why():
    link = Flaky(*[DROPPED] * 100)
    tidied = []

    async def neighbour():
        try:
            await asyncio.sleep(math.inf)
        finally:
            tidied.append(seconds())

    policy = Restart(failures_max=3, window_ms=600_000)
    with capture_logs() as logs, pytest.raises(ExceptionGroup) as caught:
        run_virtual(supervised((link.run, policy), (neighbour, None)))

    (gave_up,) = caught.value.exceptions
    assert isinstance(gave_up, GaveUp)
    assert str(gave_up) == ("okx/run failed 4 times within 600000 ms; last error: ConnectionError: dropped")
    assert (gave_up.task, gave_up.failures) == ("okx/run", 4)
    assert isinstance(gave_up.__cause__, ConnectionError)
    assert len(link.started) == 4
    assert len(tidied) == 1
    assert logs[-1]["event"] == "task gave up"
    assert logs[-1]["log_level"] == "error"


def test_failures_that_are_far_apart_are_no_reason_to_give_up():
    link = Flaky(*[(30, ConnectionError())] * 30)
    policy = Restart(failures_max=3, window_ms=60_000)

    with capture_logs():
        (view,) = run_virtual(supervised((link.run, policy), until_s=2_000))

    assert view.failures == 30


@given(
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=12),
    st.integers(0, 4),
    st.integers(0, 200),
    st.integers(1, 120),
    st.integers(),
)
def test_it_gives_up_exactly_when_the_failures_since_the_last_healthy_spell_crowd_the_window(
    lives, failures_max, window_s, healthy_s, seed
):
    link = Flaky(*[(life_s, ConnectionError() if fails else None) for life_s, fails in lives])
    policy = Restart(
        when="always", failures_max=failures_max, window_ms=window_s * 1_000, healthy_ms=healthy_s * 1_000
    )
    with capture_logs():
        try:
            run_virtual(supervised((link.run, policy), until_s=10_000), seed=seed)
        except* GaveUp:
            gave_up = True
        else:
            gave_up = False

    # The oracle looks at each end anew, with all that went before.
    ends = [(at + life_s, life_s, fails) for at, (life_s, fails) in zip(link.started, lives, strict=False)]
    crowded = [
        sum(
            fails and end - earlier <= window_s + 1e-6
            for number, (earlier, _, fails) in enumerate(ends[: last + 1])
            if all(life_s < healthy_s for _, life_s, _ in ends[number + 1 : last + 1])
        )
        > failures_max
        for last, (end, _, failed) in enumerate(ends)
        if failed
    ]
    assert gave_up == any(crowded)
    assert not any(crowded[:-1])


def test_a_task_without_a_policy_may_not_fail():
    link = Flaky(DROPPED)

    with capture_logs(), pytest.raises(ExceptionGroup) as caught:
        run_virtual(supervised((link.run, None)))

    assert caught.group_contains(GaveUp, match="okx/run failed, and is not to be restarted; .*dropped")


def test_a_task_that_ends_well_is_done_unless_it_is_always_restarted():
    once, always = Flaky((1, None)), Flaky((1, None), (1, None))

    async def ends_once():
        await once.run()

    async def runs_always():
        await always.run()

    with capture_logs():
        view = run_virtual(
            supervised((ends_once, Restart()), (runs_always, Restart(when="always"))),
        )

    assert [(task.name, task.restarts, task.failures) for task in view] == [("okx/runs_always", 2, 0)]
    assert (len(once.started), len(always.started)) == (1, 3)


@pytest.mark.parametrize("seed", range(10))
def test_the_block_ends_when_its_tasks_have_ended(seed):
    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(lambda: asyncio.sleep(5), name="short")
            tasks.start(lambda: asyncio.sleep(7), name="long")
        assert tasks.view() == []
        return seconds()

    assert run_virtual(main, seed=seed) == 7.0


def test_a_waiting_task_is_seen_waiting_and_can_be_stopped():
    link = Flaky(*[(0, ConnectionError("dropped"))] * 2)

    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(link.run, restart=Restart(backoff_ms_min=10_000))
            await asyncio.sleep(1)
            (view,) = tasks.view()
            await tasks.stop()
        return view, seconds()

    with capture_logs():
        view, ended = run_virtual(main)

    assert (view.state, view.restarts, view.failures) == ("waiting", 0, 1)
    assert ended == 1.0


def test_stopping_goes_backwards_and_waits_for_the_tidying_up():
    ended = []

    def holds(name):
        async def run():
            try:
                await asyncio.sleep(math.inf)
            except asyncio.CancelledError:
                ended.append(name)
                await asyncio.sleep(2)
                raise

        return run

    async def main():
        async with Supervisor("node") as tasks:
            for name in ("journal", "links", "strategies"):
                tasks.start(holds(name), name=name)
            await asyncio.sleep(1)
            await tasks.stop()
            assert seconds() == 3.0
            await tasks.stop()
        return ended

    assert run_virtual(main, pick="first") == ["strategies", "links", "journal"]


def test_cancelling_the_owner_cancels_the_tasks_and_is_not_swallowed():
    link = Flaky()

    async def main():
        async def owner():
            async with Supervisor("okx") as tasks:
                tasks.start(link.run, restart=Restart(when="always"))

        task = asyncio.create_task(owner())
        await asyncio.sleep(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return task.cancelled(), len(link.started)

    assert run_virtual(main) == (True, 1)


def test_a_task_that_ends_in_its_own_way_when_it_is_stopped_is_not_started_again():
    starts = []

    async def polite():
        starts.append(seconds())
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(math.inf)

    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(polite, restart=Restart(when="always"))
            await asyncio.sleep(1)
            await tasks.stop()
        return tasks.view()

    with capture_logs() as logs:
        assert run_virtual(main) == []
    assert starts == [0.0]
    assert logs == []


async def cannot_cancel_its_orders():
    try:
        await asyncio.sleep(math.inf)
    finally:
        raise ConnectionError("orders could not be cancelled")


async def will_not_end():
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


FAILED_AT_STOP = "okx/cannot_cancel_its_orders failed while it was stopped; .*orders could not be cancelled"


@pytest.mark.parametrize("seed", range(5))
def test_a_failure_during_the_stop_is_raised_by_the_block_after_all_else_was_stopped(seed):
    stopped = []

    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(cannot_cancel_its_orders, restart=Restart(when="always"))
            await asyncio.sleep(1)
            await tasks.stop()
            await asyncio.sleep(1)
            stopped.append("the rest")

    with capture_logs() as logs, pytest.raises(ExceptionGroup) as caught:
        run_virtual(main, seed=seed)

    assert caught.group_contains(GaveUp, match=FAILED_AT_STOP)
    assert isinstance(caught.value.exceptions[0].__cause__, ConnectionError)
    assert stopped == ["the rest"]
    assert [log["event"] for log in logs] == ["task gave up"]


def test_a_failure_during_the_stop_does_not_hide_the_failure_that_stopped_the_group():
    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(cannot_cancel_its_orders)
            tasks.start(Flaky(DROPPED).run)

    with capture_logs(), pytest.raises(ExceptionGroup) as caught:
        run_virtual(main)

    assert len(caught.value.exceptions) == 2
    assert caught.group_contains(GaveUp, match="dropped")
    assert caught.group_contains(GaveUp, match=FAILED_AT_STOP)


def test_a_failure_on_the_way_out_is_seen_when_the_owner_is_cancelled():
    async def owner():
        async with Supervisor("okx") as tasks:
            tasks.start(cannot_cancel_its_orders)

    async def main():
        task = asyncio.create_task(owner())
        await asyncio.sleep(1)
        task.cancel()
        await task

    with capture_logs(), pytest.raises(ExceptionGroup) as caught:
        run_virtual(main)

    assert caught.group_contains(GaveUp, match=FAILED_AT_STOP)


def test_a_task_that_will_not_end_is_left_behind_at_the_deadline_and_named():
    ended = []

    async def main():
        try:
            async with Supervisor("okx", end_deadline_ms=2_000) as tasks:
                tasks.start(will_not_end)
                await asyncio.sleep(1)
                await tasks.stop()
                ended.append(seconds())
        finally:
            ended.append(seconds())

    with capture_logs(), pytest.raises(ExceptionGroup) as caught:
        run_virtual(main)

    assert caught.group_contains(GaveUp, match="okx/will_not_end failed while .*would not end within 2000 ms")
    assert ended == [3.0, 3.0]


def test_a_group_of_errors_is_said_by_what_is_in_it():
    async def several():
        async with asyncio.TaskGroup() as group:
            group.create_task(Flaky(DROPPED).run())
            group.create_task(Flaky((1, LookupError("no book"))).run())

    with capture_logs(), pytest.raises(ExceptionGroup) as caught:
        run_virtual(supervised((several, None)), pick="first")

    assert caught.group_contains(GaveUp, match="last error: ConnectionError: dropped; LookupError: no book")


def test_a_cancellation_from_inside_is_a_failure_and_not_a_quiet_end():
    starts = []

    async def waits_for_something_cancelled():
        starts.append(seconds())
        inner = asyncio.ensure_future(asyncio.sleep(1))
        inner.cancel()
        await inner

    with capture_logs(), pytest.raises(ExceptionGroup) as caught:
        run_virtual(supervised((waits_for_something_cancelled, Restart(failures_max=2))))

    assert len(starts) == 3
    assert caught.group_contains(GaveUp, match="something it waited for was cancelled")


def test_a_failing_body_cancels_the_tasks():
    link = Flaky()

    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(link.run)
            await asyncio.sleep(1)
            raise LookupError("no book")

    with pytest.raises(ExceptionGroup) as caught:
        run_virtual(main)

    assert caught.group_contains(LookupError, match="no book")


def test_names_are_unique_among_those_that_run():
    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(lambda: asyncio.sleep(1), name="read")
            with pytest.raises(ValueError, match="okx/read is already running"):
                tasks.start(lambda: asyncio.sleep(1), name="read")
            await asyncio.sleep(2)
            tasks.start(lambda: asyncio.sleep(1), name="read")

    run_virtual(main)


def test_a_task_stopped_before_its_first_step_is_gone_too():
    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(lambda: asyncio.sleep(1), name="read")
            await tasks.stop()
            return tasks.view()

    assert run_virtual(main, pick="first") == []


def test_a_call_cannot_be_restarted_so_the_function_is_asked_for():
    async def main():
        async with Supervisor("okx") as tasks:
            tasks.start(asyncio.sleep(1))

    with pytest.raises(ExceptionGroup) as caught:
        run_virtual(main)

    assert caught.group_contains(TypeError, match="takes the function itself")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backoff_ms_min": 0}, "expected 0 < min <= max"),
        ({"backoff_ms_min": 70_000}, "backoff_ms_min = 70000 and backoff_ms_max = 60000"),
        ({"failures_max": -1}, "failures_max = -1: expected zero or more"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        Restart(**options)
