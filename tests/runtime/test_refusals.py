"""What depends on the machine is refused under virtual time, names the culprit, and works again afterwards."""
# ruff: noqa: PLW0108  (each lambda is a culprit with a name and a line)

import asyncio
import datetime as dt
import importlib
import inspect
import logging
import os
import pickle
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from random import choice
from time import monotonic, time as wall_time

import pytest

from xtrade.runtime.clock import START_NS
from xtrade.runtime.virtual import Deadlock, Refused, run_virtual

CLOCKS = {
    "time.time()": lambda: time.time(),
    "time.time_ns()": lambda: time.time_ns(),
    "time.monotonic()": lambda: time.monotonic(),
    "time.monotonic_ns()": lambda: time.monotonic_ns(),
    "time.perf_counter()": lambda: time.perf_counter(),
    "time.clock_gettime()": lambda: time.clock_gettime(time.CLOCK_REALTIME),
    "time.clock_gettime_ns()": lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC),
    "time.sleep()": lambda: time.sleep(0),
    "datetime.now()": lambda: dt.datetime.now(dt.UTC),
    "datetime.utcnow()": lambda: dt.datetime.utcnow(),  # noqa: DTZ003
    "date.today()": lambda: dt.date.today(),  # noqa: DTZ011
}
TAKEN_HOME = {
    "time.time()": lambda: wall_time(),
    "time.monotonic()": lambda: monotonic(),
    "datetime.now()": lambda: datetime.now(dt.UTC),
    "datetime.today()": lambda: datetime.today(),  # noqa: DTZ002
    "date.today()": lambda: date.today(),  # noqa: DTZ011
    "random.choice()": lambda: choice("ab"),
}
CHANCE = {
    "random.random()": lambda: random.random(),
    "random.randint()": lambda: random.randint(1, 2),
    "random.shuffle()": lambda: random.shuffle([]),
    "os.urandom()": lambda: os.urandom(1),
    "uuid.uuid4()": lambda: uuid.uuid4(),
    "uuid.uuid1()": lambda: uuid.uuid1(),
    "secrets.token_hex()": lambda: secrets.token_hex(1),
    "secrets.choice()": lambda: secrets.choice("ab"),
    "secrets.randbelow()": lambda: secrets.randbelow(2),
    "secrets.randbits()": lambda: secrets.randbits(1),
}
MACHINE = {
    "socket.socket": lambda: socket.socket(),
    "threading.Thread": lambda: threading.Thread(target=print).start(),
    "subprocess.Popen": lambda: subprocess.run(["true"], check=True),
    "os.system()": lambda: os.system("true"),
    "os.fork()": lambda: os.fork(),
    "loop.set_task_factory": lambda: asyncio.get_running_loop().set_task_factory(None),
    "loop.add_reader": lambda: asyncio.get_running_loop().add_reader(0, print),
    "loop.add_signal_handler": lambda: asyncio.get_running_loop().add_signal_handler(2, print),
    "loop.getaddrinfo": lambda: asyncio.get_running_loop().getaddrinfo("localhost", 80),
}
AWAITED = {
    "loop.run_in_executor": lambda: asyncio.to_thread(print),
    "loop.create_connection": lambda: asyncio.open_connection("127.0.0.1", 9),
    "loop.create_server": lambda: asyncio.start_server(print, "127.0.0.1", 0),
    "loop.create_unix_connection": lambda: asyncio.open_unix_connection("/nowhere"),
    "loop.subprocess_exec": lambda: asyncio.create_subprocess_exec("true"),
}


@pytest.mark.parametrize(
    ("name", "ask"),
    [row for table in (CLOCKS, TAKEN_HOME, CHANCE, MACHINE) for row in table.items()],
)
def test_what_depends_on_the_machine_is_refused(name, ask):
    async def main():
        ask()

    line = inspect.getsourcelines(ask)[1]
    with pytest.raises(Refused) as caught:
        run_virtual(main)

    said = str(caught.value)
    assert said.startswith(f"{name} under virtual time, in ")
    assert f"<lambda>() at {__file__}:{line}: " in said


@pytest.mark.parametrize(("name", "ask"), AWAITED.items())
def test_the_loop_has_no_outside_world(name, ask):
    async def main():
        await ask()

    line = inspect.getsourcelines(main)[1] + 1
    with pytest.raises(Refused) as caught:
        run_virtual(main)

    assert str(caught.value).startswith(f"{name} under virtual time, in ")
    assert f"main() at {__file__}:{line}: " in str(caught.value)


def test_a_thread_behind_the_standard_library_is_refused_in_the_name_of_its_caller():
    async def main():
        with ThreadPoolExecutor() as pool:
            pool.submit(print)

    with pytest.raises(
        Refused, match=r"threading.Thread under virtual time, in .*main\(\) at .*test_refusals.py"
    ):
        run_virtual(main)


@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")
def test_everything_works_again_after_the_run_also_after_one_that_failed():
    before = (
        time.time,
        wall_time,
        dt,
        datetime,
        date,
        choice,
        threading.Thread.start,
        socket.socket.__init__,
    )

    async def main():
        assert datetime is not before[3]
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run_virtual(main)

    assert before == (
        time.time,
        wall_time,
        dt,
        datetime,
        date,
        choice,
        threading.Thread.start,
        socket.socket.__init__,
    )
    for ask in (*CLOCKS.values(), *TAKEN_HOME.values(), *CHANCE.values()):
        ask()


def test_a_name_that_was_given_another_meaning_during_the_run_keeps_it(monkeypatch):
    monkeypatch.setitem(globals(), "choice", choice)  # puts it back after the test

    async def main():
        global choice  # noqa: PLW0603
        choice = "limit"

    run_virtual(main)

    assert choice == "limit"


def test_dates_are_still_dates_during_the_run():
    async def main():
        noon = datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
        assert isinstance(noon, datetime)
        assert isinstance(noon, date)
        assert isinstance(noon, dt.datetime)
        assert issubclass(datetime, date)
        assert not isinstance(date(2026, 1, 1), datetime)
        assert datetime.fromtimestamp(0, dt.UTC).year == 1970
        assert noon - datetime(2026, 1, 1, tzinfo=dt.UTC) == dt.timedelta(hours=12)
        match noon:
            case datetime(hour=12):
                pass
            case _:
                raise AssertionError
        return pickle.loads(pickle.dumps(noon))

    noon = run_virtual(main)

    assert type(noon) is datetime


def test_a_log_record_carries_virtual_time(caplog):
    async def main():
        await asyncio.sleep(1)
        logging.getLogger("desk").warning("late")

    run_virtual(main)

    (record,) = caplog.records
    assert record.created == START_NS / 1e9 + 1


def test_an_installed_package_may_be_imported_during_the_run_whatever_it_does_then(monkeypatch):
    monkeypatch.delitem(sys.modules, "rich.style", raising=False)

    async def main():
        return importlib.import_module("rich.style")  # numbers its styles from random.getrandbits()

    assert run_virtual(main).Style


def test_a_module_of_ones_own_may_not_draw_while_it_is_imported(monkeypatch, tmp_path):
    (tmp_path / "salted_desk.py").write_text("import random\nSALT = random.random()\n")
    monkeypatch.syspath_prepend(tmp_path)

    async def main():
        importlib.import_module("salted_desk")

    with pytest.raises(
        Refused, match=r"random\.random\(\) under virtual time, in <module>\(\) at .*salted_desk\.py:2"
    ):
        run_virtual(main)


def test_other_threads_keep_the_machine():
    answers, go, done = [], threading.Event(), threading.Event()

    def other():
        go.wait()
        answers.append(time.time())
        answers.append(random.random())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    async def main():
        go.set()
        done.wait()

    run_virtual(main)
    thread.join()

    assert len(answers) == 2


def test_runs_in_two_threads_take_turns_and_leave_nothing_behind():
    before, results, first_runs = time.time, [], threading.Event()

    async def second():
        results.append("second")

    def other():
        first_runs.wait()
        run_virtual(second)

    async def first():
        first_runs.set()
        for _ in range(20_000):
            await asyncio.sleep(1)
        results.append("first")

    thread = threading.Thread(target=other)
    thread.start()
    run_virtual(first)
    thread.join()

    assert results == ["first", "second"]
    assert time.time is before


def test_another_thread_cannot_call_into_the_run():
    refused, loops, ready, done = [], [], threading.Event(), threading.Event()

    def other():
        ready.wait()
        try:
            loops[0].call_soon_threadsafe(print)
        except Refused as error:
            refused.append(str(error))
        finally:
            done.set()

    thread = threading.Thread(target=other)
    thread.start()

    async def main():
        loops.append(asyncio.get_running_loop())
        ready.set()
        done.wait()

    run_virtual(main)
    thread.join()

    assert "call_soon_threadsafe from another thread" in refused[0]
    assert "other() at" in refused[0]
