"""Stopping: asked once, in order and within deadlines; asked twice, now (PR-16). With real signals where it counts."""

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from xtrade.runtime import clock
from xtrade.runtime.shutdown import Shutdown
from xtrade.runtime.supervisor import Supervisor
from xtrade.runtime.virtual import run_virtual

NODE = Path(__file__).parent / "programs" / "node.py"


@contextlib.contextmanager
def node(*options):
    process = subprocess.Popen(
        [sys.executable, str(NODE), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_in_order(loop, sent):
    with node(loop) as process:
        assert process.stdout.readline() == f"up on {loop}\n"
        process.send_signal(sent)
        said, complained = process.communicate(timeout=60)

    assert said.splitlines()[0] == "cancelling orders"
    assert said.splitlines()[-2:] == ["feed ended", f"stopped by {sent.name}: orders done, tasks done"]
    assert complained == ""
    assert process.returncode == 0


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("trouble", "says"), [("hang", "hanging"), ("block", "blocking")])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_the_process_at_once_even_when_the_loop_is_blocked(loop, trouble, says, sent):
    with node(loop, trouble) as process:
        assert process.stdout.readline() == f"up on {loop}\n"
        process.send_signal(signal.SIGTERM)
        while (line := process.stdout.readline()) != f"{says}\n":
            assert line, "the node ended instead of getting stuck"
        while process.poll() is None:  # right after the first it could be its echo
            process.send_signal(sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        said, complained = process.communicate(timeout=60)

    assert said == ""
    assert complained == f"xtrade: {sent.name} again: stopped at once\n"
    assert process.returncode == 128 + sent


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    ("second", "after_ms", "ends"),
    [
        (signal.SIGINT, 0, False),
        (signal.SIGINT, 499, False),
        (signal.SIGINT, 500, True),
        (signal.SIGTERM, 0, True),
    ],
)
def test_the_echo_of_a_signal_is_no_second_one(second, after_ms, ends, monkeypatch):
    def killed(code):
        raise Killed(code)

    monkeypatch.setattr(os, "_exit", killed)
    reports = []

    async def main():
        stop = Shutdown()
        stop.step("orders", nothing, deadline_ms=1_000)
        with stop.on_signals():
            os.kill(os.getpid(), signal.SIGINT)
            hands.at_ns += after_ms * 1_000_000
            os.kill(os.getpid(), second)
            reports.append(await stop.when_asked())

    # A person's time is the machine's, whatever clock rules.
    hands = clock.VirtualClock()
    monkeypatch.setattr(clock, "SystemClock", lambda: hands)
    with capture_logs(), pytest.raises(Killed) if ends else contextlib.nullcontext():
        asyncio.run(main())

    assert [report.clean for report in reports] == ([] if ends else [True])


def stopping(*steps, requests_at_s=(1,)):
    """Carry out the steps (name, coroutine function, deadline in ms) under virtual time, alike for every seed."""

    async def main():
        stop = Shutdown()
        for name, action, deadline_ms in steps:
            stop.step(name, action, deadline_ms=deadline_ms)
        loop = asyncio.get_running_loop()
        for at_s in requests_at_s:
            loop.call_later(at_s, stop.request, f"asked at {at_s} s")
        report = await stop.when_asked()
        return report, clock.monotonic_ns() / 1e9

    with capture_logs():
        first, *others = [run_virtual(main, seed=seed) for seed in range(10)]
    assert all(other == first for other in others)
    return first


def outcomes(report):
    return [(step.name, step.outcome, step.took_ms) for step in report.steps]


async def nothing(): ...


async def two_seconds():
    await asyncio.sleep(2)


async def fails():
    await asyncio.sleep(0.5)
    raise ConnectionError("dropped")


async def stubborn():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(30)
            return


def test_steps_run_one_after_another_in_their_order():
    report, ended = stopping(
        ("orders", two_seconds, 3_000), ("links", nothing, 1_000), ("tasks", two_seconds, 3_000)
    )

    assert outcomes(report) == [("orders", "done", 2_000), ("links", "done", 0), ("tasks", "done", 2_000)]
    assert report.reason == "asked at 1 s"
    assert report.clean
    assert ended == 5.0


def test_a_step_that_fails_is_reported_and_the_next_one_runs():
    report, _ = stopping(("orders", fails, 3_000), ("links", nothing, 1_000))

    assert outcomes(report) == [("orders", "failed", 500), ("links", "done", 0)]
    assert report.steps[0].error == "ConnectionError: dropped"
    assert not report.clean


def test_a_step_that_fails_when_it_is_called_does_not_keep_the_next_one_from_running():
    surplus = functools.partial(nothing, "an argument too many")
    report, _ = stopping(("strategies", surplus, 1_000), ("orders", two_seconds, 3_000))

    assert outcomes(report) == [("strategies", "failed", 0), ("orders", "done", 2_000)]
    assert "takes 0 positional arguments" in report.steps[0].error


def test_what_is_no_async_function_is_refused_before_the_stop_needs_it():
    stop = Shutdown()
    for wrong in (print, lambda: None):
        with pytest.raises(TypeError, match="stop step 'orders' takes an async function, and not"):
            stop.step("orders", wrong, deadline_ms=1_000)
    with pytest.raises(TypeError, match="step takes the function itself"):
        stop.step("orders", nothing(), deadline_ms=1_000)


def test_a_method_and_a_function_with_its_arguments_are_steps():
    class Engine:
        async def cancel_all(self):
            await asyncio.sleep(1)

    report, _ = stopping(
        ("orders", Engine().cancel_all, 3_000), ("links", functools.partial(asyncio.sleep, 2), 3_000)
    )

    assert outcomes(report) == [("orders", "done", 1_000), ("links", "done", 2_000)]


@pytest.mark.parametrize("slow", [two_seconds, stubborn])
def test_a_step_that_is_late_is_left_behind_even_if_it_will_not_be_cancelled(slow):
    report, ended = stopping(("orders", slow, 1_500), ("links", nothing, 1_000))

    assert outcomes(report) == [("orders", "late", 1_500), ("links", "done", 0)]
    assert ended == 2.5


def test_a_late_step_that_fails_while_it_is_cancelled_is_not_reported_twice():
    async def fails_late():
        try:
            await asyncio.sleep(100)
        finally:
            raise ConnectionError("dropped")

    report, _ = stopping(("orders", fails_late, 1_500), ("links", two_seconds, 3_000))

    assert outcomes(report) == [("orders", "late", 1_500), ("links", "done", 2_000)]


def test_asking_twice_cuts_the_running_step_and_skips_the_rest():
    report, ended = stopping(
        ("strategies", nothing, 1_000),
        ("orders", stubborn, 60_000),
        ("links", nothing, 1_000),
        requests_at_s=(1, 4),
    )

    assert outcomes(report) == [("strategies", "done", 0), ("orders", "cut", 3_000), ("links", "skipped", 0)]
    assert report.reason == "asked at 1 s"
    assert ended == 4.0


def test_a_stop_can_be_asked_for_before_anyone_waits():
    async def main():
        stop = Shutdown()
        stop.request("finished")
        stop.step("orders", nothing, deadline_ms=1_000)
        return await stop.when_asked()

    with capture_logs() as logs:
        report = run_virtual(main)

    assert report.reason == "finished"
    assert [(log["event"], log["step"], log["outcome"]) for log in logs] == [("stop step", "orders", "done")]


def test_a_supervisor_is_stopped_as_a_step():
    async def main():
        stop = Shutdown()
        async with Supervisor("node") as tasks:
            tasks.start(lambda: asyncio.sleep(1_000), name="feed")
            stop.step("tasks", tasks.stop, deadline_ms=1_000)
            asyncio.get_running_loop().call_later(5, stop.request, "test")
            return await stop.when_asked()

    with capture_logs():
        assert run_virtual(main).clean


def test_the_handlers_of_before_come_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async def main():
        with Shutdown().on_signals():
            assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]

    asyncio.run(main())

    assert {number: signal.getsignal(number) for number in before} == before
