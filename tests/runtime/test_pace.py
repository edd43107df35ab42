"""A pace makes virtual time pass more slowly for those who watch, and changes nothing of what happens."""

import asyncio

import pytest

from xtrade.model.errors import UsageError
from xtrade.runtime import clock
from xtrade.runtime.pace import Pace
from xtrade.runtime.virtual import run_virtual

MS = 1_000_000


class Watcher:
    """Somebody's time: it passes when they wait, and as much as they like in between."""

    def __init__(self):
        self.at_ns = 0
        self.waited_s = 0.0

    def now_ns(self):
        return self.at_ns

    def monotonic_ns(self):
        return self.at_ns

    def wait(self, seconds):
        self.waited_s += seconds
        self.at_ns += round(seconds * 1e9)


async def _half_a_second():
    times = []
    for _ in range(10):
        await asyncio.sleep(0.05)
        times.append(clock.monotonic_ns())
    return times


@pytest.mark.parametrize(("speed", "takes_s"), [(0.5, 1.0), (1, 0.5), (5, 0.1)])
def test_at_a_speed_time_takes_its_share_and_what_happens_is_the_same(speed, takes_s):
    watcher = Watcher()

    paced = run_virtual(_half_a_second, pace=Pace(speed, watch=watcher, wait=watcher.wait))

    assert paced == run_virtual(_half_a_second)
    assert watcher.waited_s == pytest.approx(takes_s)


def test_frames_are_shown_in_the_watchers_time_and_may_look_at_the_run():
    watcher, frames = Watcher(), []

    def show():
        frames.append((watcher.at_ns, clock.monotonic_ns()))

    run_virtual(_half_a_second, pace=Pace(2.5, on_frame=show, frame_ms=20, watch=watcher, wait=watcher.wait))

    # The half second takes a fifth of one: a frame at once, and one each 20 ms.
    assert [at_ns for at_ns, _ in frames] == [20 * MS * number for number in range(11)][: len(frames)]
    assert len(frames) in {10, 11}
    assert [virtual for _, virtual in frames] == sorted(virtual for _, virtual in frames)


def test_what_was_lost_by_a_slow_machine_is_not_made_up_for_in_a_rush():
    watcher = Watcher()
    pace = Pace(1, watch=watcher, wait=watcher.wait)
    pace(100 * MS)
    watcher.at_ns += 10_000 * MS  # the machine was busy with something else
    pace(100 * MS)
    waited_s = watcher.waited_s
    pace(100 * MS)

    assert watcher.waited_s - waited_s == pytest.approx(0.1)


def test_as_fast_as_possible_waits_for_nothing():
    watcher = Watcher()

    async def a_day():
        await asyncio.sleep(86_400)
        return clock.monotonic_ns()

    assert run_virtual(a_day, pace=Pace(None, watch=watcher, wait=watcher.wait)) == 86_400 * 10**9
    assert watcher.waited_s == 0


def test_by_itself_it_waits_in_real_time_even_while_virtual_time_is_in_force():
    real = clock.SystemClock()
    began_ns = real.monotonic_ns()
    run_virtual(_half_a_second, pace=Pace(10))

    assert real.monotonic_ns() - began_ns >= 45 * MS


@pytest.mark.parametrize("speed", [0, -1, 1e9])
def test_a_speed_that_makes_no_sense_is_refused(speed):
    with pytest.raises(UsageError, match="expected a number from"):
        Pace(speed)


def test_what_comes_from_outside_is_done_in_the_loop_before_time_goes_on():
    done = []
    pace = Pace(None)

    async def told():
        pace.soon(lambda: done.append(clock.monotonic_ns()))
        await asyncio.sleep(5)
        return list(done)

    assert run_virtual(told, pace=pace) == [0]
