"""A pace makes virtual time pass more slowly for those who watch, and changes nothing of what happens."""

import asyncio
import time

import pytest

from xtrade.model.errors import UsageError
from xtrade.runtime import clock
from xtrade.runtime.pace import Pace
from xtrade.runtime.virtual import run_virtual


async def _half_a_second():
    times = []
    for _ in range(10):
        await asyncio.sleep(0.05)
        times.append(clock.monotonic_ns())
    return times


def test_at_a_speed_time_takes_its_share_of_real_time_and_what_happens_is_the_same():
    began = time.perf_counter()
    paced = run_virtual(_half_a_second, pace=Pace(5))
    took = time.perf_counter() - began

    assert paced == run_virtual(_half_a_second)
    assert took >= 0.09


def test_frames_are_shown_in_real_time_and_may_look_at_the_run():
    frames = []
    run_virtual(
        _half_a_second, pace=Pace(2.5, on_frame=lambda: frames.append(clock.monotonic_ns()), frame_ms=20)
    )

    assert len(frames) >= 5
    assert frames == sorted(frames)
    assert frames[-1] > frames[0]


def test_as_fast_as_possible_waits_for_nothing():
    async def a_day():
        await asyncio.sleep(86_400)
        return clock.monotonic_ns()

    assert run_virtual(a_day, pace=Pace(None)) == 86_400 * 10**9


@pytest.mark.parametrize("speed", [0, -1, 1e9])
def test_a_speed_that_makes_no_sense_is_refused(speed):
    with pytest.raises(UsageError, match="expected a number from"):
        Pace(speed)
