"""Client order ids: never twice, whatever dies, restarts, forks, or turns the clock (I2, OE-07, RS-15)."""

import errno
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from xtrade.model.errors import DataError, NumberError
from xtrade.runtime import files
from xtrade.runtime.ids import (
    BITS_32,
    BITS_48,
    BITS_63,
    ClientOrderIds,
    FileMark,
    MemoryMark,
    Space,
    next_block,
)

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
NOW = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp()) * SECOND
SPACES = (BITS_32, BITS_48, BITS_63)

# Trades as fast as it can, writing each id to the pipe before taking the next, until somebody ends it.
TRADER = """
import sys, time
from pathlib import Path
from xtrade.runtime.ids import BITS_32, BITS_48, BITS_63, ClientOrderIds, FileMark
space = {32: BITS_32, 48: BITS_48, 63: BITS_63}[int(sys.argv[2])]
ids = ClientOrderIds(FileMark(Path(sys.argv[1]), space), time.time_ns)
for _ in range(int(sys.argv[3])):
    sys.stdout.write(f"{ids.next()}\\n")
    sys.stdout.flush()
"""


class Hands:
    """A clock that stands until it is turned."""

    def __init__(self, now_ns=NOW):
        self.now_ns = now_ns

    def __call__(self):
        return self.now_ns


def trader(directory, space, count):
    return subprocess.Popen(
        [sys.executable, "-c", TRADER, str(directory), str(space.bits), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("space", SPACES)
def test_ids_rise_and_stay_inside_their_space(space):
    ids = ClientOrderIds(MemoryMark(space), Hands())

    given_out = [ids.next() for _ in range(5_000)]

    assert all(a < b for a, b in pairwise(given_out))
    assert given_out[0] > 0
    assert given_out[-1] < space.end


@pytest.mark.parametrize("space", SPACES)
def test_a_hundred_thousand_ids_over_a_thousand_restarts_never_repeat(space, tmp_path, monkeypatch):
    monkeypatch.setattr(
        files.os, "fsync", lambda _: None
    )  # the disk's patience, not its memory, is spared here
    clock = Hands()
    given_out = []
    for restart in range(1_000):
        ids = ClientOrderIds(FileMark(tmp_path, space), clock)
        given_out += [ids.next() for _ in range(100)]
        clock.now_ns += (restart % 7 - 3) * SECOND  # the clock is set back as often as it goes on

    assert len(given_out) == 100_000
    assert all(a < b for a, b in pairwise(given_out))


@given(
    space=st.sampled_from(SPACES),
    steps=st.lists(
        st.tuples(st.sampled_from(["order", "restart", "clock"]), st.integers(-90 * DAY, 30 * DAY)),
        max_size=60,
    ),
)
def test_whatever_the_clock_does_ids_only_rise(space, steps):
    clock, mark = Hands(), MemoryMark(space)
    ids = ClientOrderIds(mark, clock)
    given_out = [ids.next()]
    for step, by_ns in steps:
        if step == "order":
            given_out.append(ids.next())
        elif step == "restart":
            ids = ClientOrderIds(mark, clock)
        else:
            clock.now_ns = max(0, clock.now_ns + by_ns)

    assert all(a < b for a, b in pairwise(given_out))


@given(
    space=st.sampled_from(SPACES),
    mark=st.integers(0, 2**31),
    early_ns=st.integers(NOW - 300 * DAY, NOW),
    later_ns=st.integers(NOW, NOW + 300 * DAY),
)
def test_a_block_lies_above_the_mark_and_not_below_the_clock(space, mark, early_ns, later_ns):
    early = next_block(space, mark, early_ns)
    later = next_block(space, early.stop, later_ns)

    assert early.start == max(mark, space.at(early_ns))
    assert later.start >= early.stop
    assert len(early) == space.block


@pytest.mark.parametrize("space", SPACES)
def test_ids_are_above_the_old_ones_even_if_the_state_directory_is_lost(space, tmp_path):
    clock = Hands()
    before = [ClientOrderIds(FileMark(tmp_path / "old", space), clock).next() for _ in range(3)]

    clock.now_ns += 30 * SECOND  # no machine is rebuilt faster
    after = ClientOrderIds(FileMark(tmp_path / "new", space), clock).next()

    assert after > max(before)


def test_a_63_bit_id_is_the_nanosecond_of_its_order_to_the_minute():
    clock = Hands()
    ids = ClientOrderIds(MemoryMark(BITS_63), clock)
    for _ in range(200):
        clock.now_ns += 17 * SECOND
        assert 0 <= clock.now_ns - ids.next() < 60 * SECOND


def test_an_id_follows_a_clock_that_was_suspended_or_set_forward():
    clock = Hands()
    ids = ClientOrderIds(MemoryMark(BITS_63), clock)
    ids.next()
    clock.now_ns += DAY

    assert ids.next() == clock.now_ns


def test_the_spaces_last_for_decades():
    assert datetime.fromtimestamp(BITS_32.instant_ns(BITS_32.end) / 1e9, UTC).year == 2042
    assert datetime.fromtimestamp(BITS_48.instant_ns(BITS_48.end) / 1e9, UTC).year == 2059
    assert datetime.fromtimestamp(BITS_63.instant_ns(BITS_63.end) / 1e9, UTC).year == 2262


@given(space=st.sampled_from(SPACES), instant_ns=st.integers(NOW, NOW + 3_000 * DAY))
def test_a_number_tells_its_instant_to_the_pace(space, instant_ns):
    behind = instant_ns - space.instant_ns(space.at(instant_ns))

    assert 0 <= behind <= SECOND // space.per_second + 1


def test_a_burst_in_a_narrow_space_runs_ahead_of_the_clock_and_the_clock_catches_up():
    clock = Hands()
    ids = ClientOrderIds(MemoryMark(BITS_32), clock)
    burst = [ids.next() for _ in range(800)]  # 100 seconds' worth, at once

    assert BITS_32.instant_ns(burst[-1]) - NOW > 90 * SECOND
    clock.now_ns += 10 * 60 * SECOND
    assert BITS_32.instant_ns(ids.next()) <= clock.now_ns


def test_the_disk_is_asked_once_per_block_not_once_per_id(tmp_path):
    class Counting(FileMark):
        asked = 0

        def reserve(self, now_ns):
            self.asked += 1
            return super().reserve(now_ns)

    mark = Counting(tmp_path, BITS_63)
    ids = ClientOrderIds(mark, Hands())
    for _ in range(10 * BITS_63.block):
        ids.next()

    assert mark.asked == 10


def test_back_tests_of_any_year_have_ids():
    clock = Hands(int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()) * SECOND)
    for space in SPACES:
        ids = ClientOrderIds(MemoryMark(space), clock)
        assert 0 < ids.next() < ids.next() < space.end


def test_a_clock_before_2025_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(NumberError, match="the clock says 1970-01-01"):
        FileMark(tmp_path, BITS_48).reserve(0)
    assert not list(tmp_path.iterdir())


def test_a_clock_beyond_the_end_of_a_space_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(NumberError, match=r"no client order ids of 32 bits are left.*2042"):
        FileMark(tmp_path, BITS_32).reserve(NOW + 20 * 366 * DAY)
    assert not list(tmp_path.iterdir())


def test_a_mark_years_ahead_of_the_clock_is_refused_with_the_way_out(tmp_path):
    FileMark(tmp_path, BITS_63).reserve(NOW + 3 * 366 * DAY)

    with pytest.raises(NumberError, match=r"clock says 2026-11-21.*remove the file"):
        FileMark(tmp_path, BITS_63).reserve(NOW)


def test_a_space_ends_with_an_error_not_with_a_repeated_id():
    tiny = Space(bits=4, per_second=1, epoch_ns=NOW, block=4)
    ids = ClientOrderIds(MemoryMark(tiny), Hands())
    given_out = [ids.next() for _ in range(12)]

    with pytest.raises(NumberError, match="no client order ids of 4 bits are left"):
        ids.next()
    assert given_out == list(range(1, 13))


@settings(max_examples=200)
@given(data=st.data())
def test_a_damaged_mark_is_never_taken_for_another(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("mark")
    mark = FileMark(directory, BITS_63)
    mark.reserve(NOW)
    line = bytearray(mark.path.read_bytes())
    if data.draw(st.booleans(), label="cut"):
        del line[data.draw(st.integers(0, len(line) - 1)) :]
    else:
        line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    mark.path.write_bytes(line)

    with pytest.raises(DataError, match="is damaged, and guessing"):
        mark.reserve(NOW)
    assert mark.path.read_bytes() == line


@pytest.mark.parametrize("space", SPACES)
def test_who_follows_the_advice_on_a_damaged_mark_repeats_no_id(space, tmp_path):
    """
    A burst runs far ahead of the clock in a narrow space. A minute later its ids would come again; as soon as
    the figure in the message is above all of them, they cannot.
    """
    clock = Hands()
    ids = ClientOrderIds(FileMark(tmp_path, space), clock)
    before = []
    for _ in range(2_000):
        before.append(ids.next())
        clock.now_ns += SECOND // 200
    mark = tmp_path / FileMark.NAME
    mark.write_bytes(b"client-order-ids v1 32 1")

    def advised():
        with pytest.raises(DataError, match="is damaged") as refused:
            FileMark(tmp_path, space).reserve(clock.now_ns)
        return int(re.search(r"go on from ([0-9]+),", str(refused.value))[1])

    waited = 0
    while advised() <= max(before):
        clock.now_ns += 10 * SECOND
        waited += 10
    mark.unlink()
    after = [ClientOrderIds(FileMark(tmp_path, space), clock).next() for _ in range(3)]

    assert min(after) > max(before)
    assert (waited > 60) == (space is BITS_32)


def test_two_accounts_cannot_share_a_directory_by_mistake(tmp_path):
    FileMark(tmp_path, BITS_63).reserve(NOW)

    with pytest.raises(DataError, match="marks 63-bit ids, and this account has 32-bit ones"):
        FileMark(tmp_path, BITS_32).reserve(NOW)


def test_a_full_disk_is_an_error_that_names_the_file_and_gives_no_id(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    ids = ClientOrderIds(FileMark(tmp_path, BITS_63), Hands())
    monkeypatch.setattr(files.os, "fsync", full)

    with pytest.raises(DataError, match=r"cannot reserve client order ids in .*No space left"):
        ids.next()


def test_a_neighbour_that_is_stopped_with_the_mark_in_its_hands_is_an_error_and_hangs_nobody(tmp_path):
    program = """
import os, signal, sys
from pathlib import Path
from xtrade.runtime.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
    neighbour = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert neighbour.stdout.readline() == "held\n"
        ids = ClientOrderIds(FileMark(tmp_path, BITS_63), Hands())
        with pytest.raises(DataError, match=rf"{re.escape(str(tmp_path))}.*does not let go"):
            ids.next()
    finally:
        neighbour.kill()
        neighbour.communicate()

    assert ids.next()


@pytest.mark.parametrize("step", range(1, 7))
def test_death_at_any_step_of_a_reservation_repeats_nothing(step, tmp_path, monkeypatch):
    """
    The process dies in the step-th call of the reservation that reaches the disk; what is there then is found
    by the next process. Ids of a reservation that did not return were never seen by anyone.
    """

    class Killed(BaseException):
        pass

    calls = 0

    def dying(real):
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == step:
                raise Killed
            return real(*arguments, **options)

        return call

    before = [ClientOrderIds(FileMark(tmp_path, BITS_63), Hands()).next() for _ in range(3)]
    with monkeypatch.context() as patch:
        for name in ("open", "fsync"):
            patch.setattr(files.os, name, dying(getattr(os, name)))
        patch.setattr(files.Path, "replace", dying(files.Path.replace))
        with pytest.raises(Killed):
            FileMark(tmp_path, BITS_63).reserve(NOW)
    after = [ClientOrderIds(FileMark(tmp_path, BITS_63), Hands()).next() for _ in range(3)]

    assert max(before) < min(after)
    assert len({*before, *after}) == 6


def test_a_mark_that_went_back_while_in_use_stops_the_account(tmp_path):
    clock = Hands()
    ids = ClientOrderIds(FileMark(tmp_path, BITS_63), clock)
    ids.next()
    (tmp_path / FileMark.NAME).unlink()
    clock.now_ns -= DAY
    for _ in range(BITS_63.block - 1):
        ids.next()

    with pytest.raises(DataError, match="went back"):
        ids.next()


def test_processes_killed_while_trading_never_repeat_an_id(tmp_path):
    given_out = []
    for kill_after in (1, 700, 1, 3_000):
        process = trader(tmp_path, BITS_48, 1_000_000)
        given_out += [int(process.stdout.readline()) for _ in range(kill_after)]
        process.send_signal(signal.SIGKILL)
        # What was in the pipe when it died had been given too; the last line may be torn.
        given_out += [int(line) for line in process.stdout if line.endswith("\n")]
        process.wait()
        process.stdout.close()

    assert len(given_out) == len(set(given_out))
    assert all(a < b for a, b in pairwise(given_out))


@pytest.mark.parametrize("space", [BITS_32, BITS_63])
def test_two_processes_of_one_account_at_once_never_give_the_same_id(space, tmp_path):
    processes = [trader(tmp_path, space, 2_000) for _ in range(2)]
    first, second = ([int(line) for line in process.communicate()[0].split()] for process in processes)

    assert len(first) == len(second) == 2_000
    assert not set(first) & set(second)


def test_a_forked_child_takes_its_own_ids(tmp_path):
    program = """
import os, sys, time
from pathlib import Path
from xtrade.runtime.ids import BITS_63, ClientOrderIds, FileMark
ids = ClientOrderIds(FileMark(Path(sys.argv[1]), BITS_63), time.time_ns)
ids.next()
child = os.fork()
sys.stdout.write("".join(f"{ids.next()}\\n" for _ in range(2_000)))
sys.stdout.flush()
if child:
    os.waitpid(child, 0)
"""
    family = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=True)
    given_out = family.stdout.split()

    assert len(given_out) == len(set(given_out)) == 4_000
