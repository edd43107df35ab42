"""
What one timer wake-up costs under virtual time, beside two peers and beside the loops that really wait.

    uv run --isolated --group peers benchmarks/virtual_loop.py

A hundred tasks sleep again and again: all for the same time, or each for its own. The sides take turns, round after
round, so that whatever else the machine does hits all alike. The figures are CPU time (the real loops spend most of
their time waiting) and medians; the ratio is to the virtual loop as `run_virtual` starts it, of the same run.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from statistics import median
from time import process_time_ns
from typing import Any

import aiotools
import looptime
import uvloop

from xtrade.runtime.virtual import Trace, run_virtual

TASKS = 100
SLEEPS = 200
ROUNDS = 7
OURS = "xtrade, seeded pick"

Main = Callable[[], Coroutine[Any, Any, None]]


def crowd(irregular: bool) -> Main:
    async def sleeper(delay_s: float) -> None:
        for _ in range(SLEEPS):
            await asyncio.sleep(delay_s)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(TASKS):
                group.create_task(sleeper(0.001 + (number * 0.000_013_7 if irregular else 0)))

    return main


def with_aiotools(main: Main) -> None:
    async def patched() -> None:
        with aiotools.VirtualClock().patch_loop():
            await main()

    asyncio.run(patched())


def with_looptime(main: Main) -> None:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(main())


def with_uvloop(main: Main) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


SIDES: dict[str, Callable[[Main], None]] = {
    OURS: run_virtual,
    "xtrade, first come first served": lambda main: run_virtual(main, pick="first"),
    "xtrade, seeded pick, trace and step hook": lambda main: run_virtual(main, trace=Trace(), on_step=int),
    "aiotools VirtualClock": with_aiotools,
    "looptime": with_looptime,
    "asyncio, really waiting": lambda main: asyncio.run(main()),
    "uvloop, really waiting": with_uvloop,
}


def main() -> None:
    crowds = {"regular": crowd(irregular=False), "irregular": crowd(irregular=True)}
    took: dict[str, dict[str, list[float]]] = {side: {kind: [] for kind in crowds} for side in SIDES}
    for _ in range(ROUNDS):
        for kind, work in crowds.items():
            for side, run in SIDES.items():
                began_ns = process_time_ns()
                run(work)
                took[side][kind].append((process_time_ns() - began_ns) / 1_000 / (TASKS * SLEEPS))
    print(f"Python {sys.version.split()[0]}, {TASKS * SLEEPS} wake-ups, {ROUNDS} rounds, medians\n")
    print("| Loop | regular, µs | × | irregular, µs | × |\n|---|---:|---:|---:|---:|")
    base = {kind: median(took[OURS][kind]) for kind in crowds}
    for side, figures in took.items():
        cells = " | ".join(
            f"{median(figures[kind]):.1f} | {median(figures[kind]) / base[kind]:.1f}" for kind in crowds
        )
        print(f"| {side} | {cells} |")


if __name__ == "__main__":
    main()
