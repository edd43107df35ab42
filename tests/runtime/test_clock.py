"""Two clocks: wall time for labels, monotonic time for ages; a world may bend the first, never the second."""

import asyncio
import threading

from hypothesis import given, strategies as st

from xtrade.runtime import clock
from xtrade.runtime.clock import START_NS, SteadyTime, SystemClock, VirtualClock
from xtrade.runtime.virtual import run_virtual

HOUR_NS = 3_600_000_000_000


def test_outside_of_any_loop_the_clocks_are_those_of_the_machine():
    machine = SystemClock()
    before = machine.now_ns(), machine.monotonic_ns()
    asked = clock.now_ns(), clock.monotonic_ns()
    after = machine.now_ns(), machine.monotonic_ns()

    assert before[0] <= asked[0] <= after[0]
    assert before[1] <= asked[1] <= after[1]


def test_on_a_real_loop_the_clocks_are_those_of_the_machine():
    async def main():
        assert isinstance(clock.current(), SystemClock)

    asyncio.run(main())


def test_under_virtual_time_both_clocks_move_together_from_the_given_start():
    async def main():
        await asyncio.sleep(3600)
        return clock.now_ns(), clock.monotonic_ns(), asyncio.get_running_loop().time()

    assert run_virtual(main) == (START_NS + HOUR_NS, HOUR_NS, 3600.0)
    assert run_virtual(main, start_ns=5) == (5 + HOUR_NS, HOUR_NS, 3600.0)


def test_a_wall_clock_that_steps_back_disturbs_no_timer_and_no_age():
    async def main():
        world = clock.current()
        started = clock.monotonic_ns()
        nap = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(1)
        world.step(-HOUR_NS)
        await nap
        return clock.now_ns() - START_NS, clock.monotonic_ns() - started

    assert run_virtual(main) == (60_000_000_000 - HOUR_NS, 60_000_000_000)


def test_a_wall_clock_that_drifts_gains_exactly_its_millionths():
    time = VirtualClock(0)
    time.drift(200)
    time.at_ns += HOUR_NS

    assert time.now_ns() == HOUR_NS + 720_000_000
    assert time.monotonic_ns() == HOUR_NS


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, 10**15)),
        st.tuples(st.just("step"), st.integers(-(10**15), 10**15)),
        st.tuples(st.just("drift"), st.integers(-100_000, 100_000)),
    )
)


@given(MOVES)
def test_wall_time_jumps_by_its_steps_only_and_monotonic_time_never(moves):
    time = VirtualClock()
    for move, amount in moves:
        wall, age = time.now_ns(), time.monotonic_ns()
        if move == "pass":
            time.at_ns += amount
            assert abs((time.now_ns() - wall) - amount) <= amount // 10 + 1
            assert time.monotonic_ns() == age + amount
        else:
            getattr(time, move)(amount)
            assert time.now_ns() == wall + (amount if move == "step" else 0)
            assert time.monotonic_ns() == age


def test_another_thread_keeps_the_clock_of_the_machine():
    seen = []
    with clock.using(VirtualClock(0)):
        other = threading.Thread(target=lambda: seen.append(clock.current()))
        other.start()
        other.join()
        assert clock.now_ns() == 0

    assert isinstance(seen[0], SystemClock)
    assert isinstance(clock.current(), SystemClock)


def test_the_clock_of_before_comes_back_after_a_failure():
    async def main():
        raise LookupError

    try:
        run_virtual(main)
    except LookupError:
        assert isinstance(clock.current(), SystemClock)
    else:
        raise AssertionError


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2 * HOUR_NS), st.integers(-2 * HOUR_NS, 2 * HOUR_NS), st.integers(-500, 500)
        ),
        max_size=30,
    )
)
def test_steady_time_passes_within_a_tenth_of_monotonic_time_however_the_wall_clock_is_set(happened):
    machine = VirtualClock()
    with clock.using(machine):
        steady = SteadyTime()
        last_ns = steady.now_ns()
        assert last_ns == START_NS
        for passed_ns, step_ns, drift_ppm in happened:
            machine.at_ns += passed_ns
            machine.step(step_ns)
            machine.drift(drift_ppm)
            now_ns = steady.now_ns()
            assert abs(now_ns - last_ns - passed_ns) <= passed_ns // 10
            last_ns = now_ns


def test_steady_time_is_wall_time_again_once_a_step_is_made_good():
    machine = VirtualClock()
    with clock.using(machine):
        steady = SteadyTime()
        steady.now_ns()
        machine.step(-HOUR_NS)
        for _ in range(10):
            machine.at_ns += HOUR_NS
            steady.now_ns()

        assert steady.now_ns() == machine.now_ns()
