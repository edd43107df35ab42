"""On the real clock the same `main` runs, and a task that will not end cannot hold the process."""

import asyncio
import contextlib
import sys

import pytest
from structlog.testing import capture_logs

from xtrade.runtime import chance, clock
from xtrade.runtime.real import run
from xtrade.runtime.supervisor import Supervisor
from xtrade.runtime.virtual import run_virtual


async def same_everywhere():
    async with Supervisor("node") as tasks:
        tasks.start(lambda: asyncio.sleep(0), name="feed")
    return clock.now_ns() > 0, clock.monotonic_ns() >= 0, 0 <= chance.stream("jitter").random() < 1


def test_one_main_runs_in_real_and_in_virtual_time():
    assert run(same_everywhere) == run_virtual(same_everywhere) == (True, True, True)


@pytest.mark.parametrize("there", [True, False])
def test_uvloop_is_used_where_it_is_installed(there, monkeypatch):
    if not there:
        monkeypatch.setitem(sys.modules, "uvloop", None)

    async def main():
        return type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert run(main) == ("uvloop" if there else "asyncio")


def test_leftover_tasks_are_cancelled():
    async def main():
        task = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        return task

    assert run(main).cancelled()


def test_a_task_that_will_not_end_is_reported_and_left_behind():
    async def main():
        async def stubborn():
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()

        kept.append(asyncio.create_task(stubborn(), name="stubborn"))
        await asyncio.sleep(0)
        return "done"

    kept = []
    with capture_logs() as logs:
        assert run(main, end_deadline_ms=1) == "done"

    (log,) = logs
    assert log["event"] == "tasks would not end"
    assert "task 'stubborn' in" in log["waiting"]
    assert "Event.wait: <" in log["waiting"]
    kept[0]._log_destroy_pending = False


def test_being_given_the_call_instead_of_the_function_is_explained():
    with pytest.raises(TypeError, match=r"run\(main\), not run\(main\(\)\)"):
        run(same_everywhere())
