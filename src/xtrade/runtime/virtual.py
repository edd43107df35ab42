"""Run under virtual time: an hour takes as long as its work does, and a seed repeats it exactly.

    run_virtual(main, seed=7)

`main` sees the same interfaces as under `xtrade.runtime.real.run`: asyncio, the clock, named random streams,
supervisors. It ends with an error where a live run would hang (Deadlock), spin (Livelock), depend on the
machine (Refused) or lose a failure that nobody looked at (Unobserved).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from xtrade.runtime import chance, clock, refusals
from xtrade.runtime.life import end_leftovers, in_words, must_be_function
from xtrade.runtime.refusals import Refused
from xtrade.runtime.trace import Trace
from xtrade.runtime.virtual_loop import VirtualLoop
from xtrade.runtime.waiting import Deadlock, Livelock, waiting_tasks

__all__ = ["Deadlock", "Livelock", "Refused", "Trace", "Unobserved", "run_virtual"]

_T = TypeVar("_T")

_END_DEADLINE_MS = 60_000


class Unobserved(ExceptionGroup[Exception]):
    """Failures in tasks and callbacks that nobody caught or asked for."""


def run_virtual(
    main: Callable[[], Coroutine[Any, Any, _T]],
    *,
    seed: int = 0,
    start_ns: int = clock.START_NS,
    pick: Literal["seeded", "first"] = "seeded",
    trouble: bool = False,
    trace: Trace | None = None,
    on_step: Callable[[], object] | None = None,
    steps_per_instant_max: int = 1_000_000,
    pace: Callable[[int], object] | None = None,
) -> _T:
    """Run `main` to its end under virtual time and return its result.

    seed                    decides every random stream, and which ready callback runs next
    start_ns                wall time at the start, UTC nanoseconds since 1970
    pick                    "first" runs callbacks first come, first served: one interleaving instead of many
    trouble                 lets `chance.rarely` say yes
    trace                   notes every step, to compare runs
    on_step                 called after every step: the place to check invariants
    steps_per_instant_max   more steps than this without time moving on are a Livelock
    pace                    called with the nanoseconds that time is about to jump by: see xtrade.runtime.pace
    """
    must_be_function(main, "run_virtual")
    streams = chance.Streams(seed, trouble=trouble)
    loop = VirtualLoop(
        clock.VirtualClock(start_ns),
        pick=streams.stream("runtime/schedule") if pick == "seeded" else None,
        trace=trace,
        on_step=on_step,
        steps_per_instant_max=steps_per_instant_max,
        pace=pace,
    )
    with clock.using(loop.clock), chance.using(streams), refusals.in_force():
        try:
            result: _T = loop.run_until_complete(loop.create_task(main(), name="main"))
        except BaseException as error:
            for failure in _end(loop):
                error.add_note(f"also: {in_words(failure)}")
            raise
        if failures := _end(loop):
            raise Unobserved("failures that nobody looked at", failures)
    return result


def _end(loop: VirtualLoop) -> list[Exception]:
    """End what is left, close the loop, and return every failure that nobody has seen."""
    loop.on_step = None
    stuck: list[asyncio.Task[Any]] = []
    try:
        stuck = loop.run_until_complete(end_leftovers(_END_DEADLINE_MS))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except (Deadlock, Livelock, Refused) as error:
        loop.failures.append(error)
    failures = loop.take_failures()
    if stuck:
        failures.append(
            RuntimeError(
                f"cancelled, and still running {_END_DEADLINE_MS // 1_000} s later\n{waiting_tasks(stuck)}"
            )
        )
    loop.close()
    # A KeyboardInterrupt or SystemExit in a task has ended the run by itself.
    return [failure for failure in failures if isinstance(failure, Exception)]
