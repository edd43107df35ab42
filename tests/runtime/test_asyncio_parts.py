"""The private parts of asyncio that the virtual loop leans on are there, on the Python that runs."""

import asyncio
import collections
import inspect
import weakref
from asyncio import base_events

import pytest

from xtrade.runtime.virtual_loop import VirtualLoop


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_a_loop_keeps_what_is_ready_in_a_deque_and_its_state_in_known_names(loop):
    assert type(loop._ready) is collections.deque
    assert type(loop._asyncgens) is weakref.WeakSet
    assert loop._stopping is False
    assert loop._thread_id is None


@pytest.mark.parametrize(
    "name", ["_run_once", "_check_closed", "_timer_handle_cancelled", "_process_events", "_write_to_self"]
)
def test_a_method_that_is_called_or_replaced_exists(name):
    owner = (
        base_events.BaseEventLoop if hasattr(base_events.BaseEventLoop, name) else asyncio.SelectorEventLoop
    )

    assert inspect.isfunction(getattr(owner, name))


def test_running_means_calling_run_once_until_it_is_asked_to_stop():
    source = inspect.getsource(base_events.BaseEventLoop.run_forever)

    assert "while True:\n" in source
    assert "self._run_once()\n" in source
    assert "if self._stopping:\n" in source


def test_asynchronous_generators_are_kept_with_three_operations_of_a_set():
    source = "".join(
        inspect.getsource(getattr(base_events.BaseEventLoop, name))
        for name in ("_asyncgen_firstiter_hook", "_asyncgen_finalizer_hook", "shutdown_asyncgens")
    )

    assert {f"_asyncgens.{operation}(" in source for operation in ("add", "discard", "clear")} == {True}
    assert "list(self._asyncgens)" in source


def test_a_handle_shows_its_callback_and_a_step_of_a_task_shows_the_task(loop):
    async def work(): ...

    task = loop.create_task(work())
    (handle,) = loop._ready

    assert handle._callback.__self__ is task
    assert handle._cancelled is False
    assert inspect.isfunction(asyncio.Handle._run)
    assert callable(asyncio._unregister_task)
    loop.run_until_complete(task)


def test_a_task_knows_what_it_waits_for_and_whether_its_failure_was_seen(loop):
    async def fail():
        await asyncio.sleep(0)
        raise LookupError

    async def main():
        task = asyncio.ensure_future(fail())
        waiting = asyncio.ensure_future(asyncio.wait([task]))
        await asyncio.sleep(0)
        assert waiting._fut_waiter is not None
        await waiting
        assert task._log_traceback is True
        task.exception()
        assert task._log_traceback is False
        gathered = asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        assert len(gathered._children) == 2
        await gathered

    loop.run_until_complete(main())


def test_the_virtual_loop_refuses_only_methods_that_exist():
    from xtrade.runtime.refusals import LOOP_REFUSALS

    assert {name for name in LOOP_REFUSALS if not hasattr(asyncio.AbstractEventLoop, name)} == set()
    by_network = {"create_connection", "create_server"}  # refused too, until a world brings a network
    assert all(getattr(VirtualLoop, name).__name__ == "refused" for name in LOOP_REFUSALS.keys() - by_network)
