"""Run on the real clock: the counterpart of `run_virtual`, for the same `main`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from xtrade.runtime.life import end_leftovers, must_be_function
from xtrade.runtime.waiting import waiting_tasks

__all__ = ["run"]

_T = TypeVar("_T")


def run(main: Callable[[], Coroutine[Any, Any, _T]], *, end_deadline_ms: int = 5_000) -> _T:
    """Run `main` to its end on uvloop (asyncio's own loop where that is not installed) and return its result.

    Tasks that are left then are cancelled; one that will not end within `end_deadline_ms` is reported and left
    behind, because a process that cannot stop is worse. Threads that the loop's executor started are waited for
    without a limit (Python cannot end a thread): give what runs in one a time-out of its own.
    """
    must_be_function(main, "run")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_to_the_end(main, end_deadline_ms))


async def _to_the_end(main: Callable[[], Coroutine[Any, Any, _T]], deadline_ms: int) -> _T:
    try:
        return await main()
    finally:
        if stuck := await end_leftovers(deadline_ms):
            import structlog

            structlog.get_logger(__name__).error("tasks would not end", waiting=waiting_tasks(stuck))
            for task in stuck:
                # The runner would wait for them without a limit.
                asyncio._unregister_task(task)  # noqa: SLF001  (documented for those who extend asyncio)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
