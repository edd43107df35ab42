"""Files cut at any byte, bits flipped, disks full, connections ended under load."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path
from random import Random

import pytest

from kit.journals import Place, cut_off, database, intent, needs_postgres, written_again
from xtrade.model.errors import DataError, JournalBroken
from xtrade.model.events import OrderSent
from xtrade.trading.journal import open_journal, read_journal
from xtrade.trading.journal.entries import checked
from xtrade.trading.order_store import replayed

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """A journal as a killed process leaves it (file, write-ahead log and index), and what was in it."""
    folder = tmp_path_factory.mktemp("left")
    journal = open_journal(folder / "j")
    for number in range(1, 120):
        journal.append(intent(number))
        journal.append(OrderSent(client_order_id=number))
        if number == 60:
            journal.store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    entries = list(journal.entries())
    copy = folder / "copy"
    copy.mkdir()
    for name in ("j", "j-wal"):
        shutil.copy(folder / name, copy / name)
    journal.close()
    return copy, entries


def what_is_left(folder):
    """Read as far as it goes; return the entries and whether damage was told."""
    found = []
    try:
        with read_journal(folder / "j") as journal:
            found.extend(checked(journal.read(), journal.genesis, where=journal.name))
    except DataError:
        return found, True
    return found, False


@pytest.mark.parametrize("name", ["j", "j-wal"])
def test_a_file_cut_at_any_byte_leaves_a_beginning_or_says_that_it_is_damaged(left_behind, tmp_path, name):
    """I18: after any crash the journal is a prefix of what was written; no bad middle is skipped."""
    source, entries = left_behind
    size = (source / name).stat().st_size
    chance = Random(7)
    cuts = [0, 1, 99, 100, 4096, size - 1, *(chance.randrange(size) for _ in range(60))]
    seen = set()
    for at in cuts:
        folder = tmp_path / str(at)
        shutil.copytree(source, folder, dirs_exist_ok=True)
        os.truncate(folder / name, at)

        found, told = what_is_left(folder)

        assert found == entries[: len(found)]
        # Only the log's tail may be missing without a word: what was never synced may be gone after a power cut.
        assert told or name == "j-wal" or len(found) == len(entries)
        seen.add((told, len(found)))
    assert len(seen) > 1, "all cuts did the same: nothing was tested"


@pytest.mark.parametrize("name", ["j", "j-wal"])
def test_a_flipped_bit_never_becomes_data(left_behind, tmp_path, name):
    source, entries = left_behind
    size = (source / name).stat().st_size
    chance = Random(11)
    stopped = 0
    for turn in range(80):
        folder = tmp_path / str(turn)
        shutil.copytree(source, folder)
        with (folder / name).open("r+b") as file:
            at = chance.randrange(size)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))

        found, told = what_is_left(folder)

        assert found == entries[: len(found)]
        stopped += told or len(found) < len(entries)
    assert stopped > 5


def test_a_cut_log_is_written_on_from_where_it_ends(left_behind, tmp_path):
    source, entries = left_behind
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    os.truncate(tmp_path / "j-wal", (source / "j-wal").stat().st_size * 2 // 3)

    with open_journal(tmp_path / "j") as journal:
        before = list(journal.entries())[:-1]
        journal.append(intent(500))
        store = replayed(journal.entries())

    assert before == entries[: len(before)]
    assert 60 < len(before) < len(entries)
    assert 500 in store.orders


FULL = """
import resource, sys
from kit.journals import intent
from xtrade.model.errors import JournalBroken
from xtrade.model.events import OrderAccepted
from xtrade.trading.journal import open_journal
from xtrade.trading.order_store import replayed

journal = open_journal(sys.argv[1])
{limit}
number = 0
try:
    while number < 100_000:
        number += 1
        journal.append(intent(number))
except JournalBroken as error:
    print(f"{{number}} {{error}}")
journal.append(OrderAccepted(client_order_id=1, venue_order_id="v"))
assert not journal.may_place and journal.may_cancel and journal.backlog == 2, journal.backlog
{mend}
"""


def run_full(where, limit="", mend=""):
    code = textwrap.dedent(FULL).format(limit=limit, mend=mend)
    done = subprocess.run(
        [sys.executable, "-c", code, str(where)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    number, _, said = done.stdout.partition("\n")[0].partition(" ")
    return int(number), said, done.stdout


def test_a_file_that_may_not_grow_stops_the_trading_and_keeps_what_was_written(tmp_path):
    """The system says "too large" in the middle of a write: nobody knows what is on the disk, so it restarts."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({600 * 1024}, {resource.RLIM_INFINITY}))"
    mend = "assert journal.trouble.final and not journal.try_again()"

    refused, said, _ = run_full(tmp_path / "j", limit, mend)

    assert "disk I/O error. What is on the disk is not certain any more: restart" in said
    with open_journal(tmp_path / "j") as journal:
        store = replayed(journal.entries())
    assert set(range(1, refused)) <= set(store.orders) <= set(range(1, refused + 1))


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk can only be made by root, with the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_the_trading_and_freed_space_lets_it_go_on(small_disk):
    (small_disk / "other").write_bytes(bytes(300 * 1024))
    mend = """
import os
assert not journal.trouble.final and not journal.try_again()
os.remove(os.path.join(os.path.dirname(sys.argv[1]), "other"))
assert journal.try_again() and journal.backlog == 0
store = replayed(journal.entries())
assert store.orders[1].accepted
journal.append(intent(200_000))
print("mended", len(store.orders))
"""
    refused, said, out = run_full(small_disk / "j", mend=mend)

    assert said.endswith(f"the disk is full: free space in {small_disk}")
    assert f"mended {refused}" in out


@needs_postgres
def test_a_connection_that_is_ended_under_load_loses_nothing(tmp_path):
    """Again and again, while orders are written as fast as they can be."""
    with database() as url:
        place = Place("postgres", f"{url}#load", url)
        journal = place.open(accounts=["okx"])
        written, refused, ended = [], [], []
        enough = threading.Event()

        def end_connections():
            while not enough.wait(0.05) and len(ended) < 8:
                ended.append(cut_off(url))

        other = threading.Thread(target=end_connections)
        other.start()
        number = 0
        while other.is_alive() or journal.trouble is not None:
            number += 1
            try:
                journal.append(intent(number))
                written.append(number)
            except JournalBroken as error:
                refused.append((number, error.final))
                journal.try_again()
        enough.set()
        other.join()
        journal.close()
        with place.open() as again:
            store = replayed(again.entries())

    assert sum(ended) >= 5
    assert refused
    assert not any(final for _, final in refused)
    assert set(written) <= set(store.orders) <= set(written) | {number for number, _ in refused}


@needs_postgres
def test_whoever_lost_the_lease_meanwhile_sends_nothing_more():
    with database() as url:
        place = Place("postgres", f"{url}#lost", url)
        first = place.open(accounts=["okx"])
        cut_off(url)
        with place.open(accounts=["okx"]) as second:
            with pytest.raises(JournalBroken):
                first.append(intent(1))
            while not first.trouble.final:
                assert not first.try_again()
            assert first.trouble.lost
            assert not first.may_cancel
            assert "lost its lease: journal lost is held by process" in str(first.trouble)
            second.append(intent(2))
            first.store.close()
            second.append(intent(3))
            orders = replayed(second.entries()).orders

    assert set(orders) == {2, 3}


BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))


class Server:
    """A PostgreSQL server of our own, to be killed."""

    def __init__(self, folder):
        self.bin, self.folder = BINARIES[-1].parent, folder
        # It refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(folder, "postgres", "postgres")
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self._run("initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()

    def start(self):
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self.folder / "data", "-o", options, "-l", log, "-w", "-t", "60", "start")

    def kill(self):
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def backends(self):
        """Every process of the server, the first one too."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        found = subprocess.run(
            ["ps", "--ppid", str(first), "-o", "pid="], capture_output=True, text=True, check=True
        )
        return [first, *map(int, found.stdout.split())]

    def stop(self):
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def _run(self, name, *arguments):
        subprocess.run(
            [str(self.bin / name), *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **self.user,
        )


@pytest.fixture
def server():
    if not BINARIES:
        pytest.skip("no PostgreSQL is installed here to start a server of our own")
    # Outside of pytest's folders, which the server's user may not enter.
    folder = Path(tempfile.mkdtemp(prefix="xtrade-server-"))
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


def test_a_server_that_is_killed_and_started_again_under_load_loses_nothing(server):
    where = f"postgresql://postgres@127.0.0.1:{server.port}/postgres#load"
    written, refused = [], []
    with open_journal(where, accounts=["okx"]) as journal:
        for _ in range(3):
            write_orders(journal, written, refused, 30)
            assert journal.trouble is None
            killer = threading.Timer(0.05, server.kill)
            killer.start()
            while journal.trouble is None:
                write_orders(journal, written, refused, 1)
            killer.join()
            assert not journal.try_again()
            write_orders(journal, written, refused, 2)
            journal.append(OrderSent(client_order_id=written[-1]))
            started_again(server)
            written_again(journal)
        store = replayed(journal.entries())

    assert len(refused) >= 9
    assert set(written) <= set(store.orders) <= set(written) | set(refused)
    assert sum(state.sent for state in store.orders.values()) == 3


def test_a_server_that_hangs_holds_up_the_engine_for_seconds_at_most_and_cancels_go_on(server):
    where = f"postgresql://postgres@127.0.0.1:{server.port}/postgres#hangs"
    with open_journal(where) as journal:
        journal.append(intent(1))
        backends = server.backends()
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(JournalBroken, match="did not answer in time"):
                journal.append(intent(2))
            assert journal.may_cancel
            began = time.monotonic()
            journal.append(OrderSent(client_order_id=1))
            tried = [journal.try_again() for _ in range(3)]
            assert time.monotonic() - began < 2, (
                "the engine stood still although the journal was known to be broken"
            )
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        written_again(journal)
        journal.append(intent(3))
        store = replayed(journal.entries())

    assert not any(tried)
    assert set(store.orders) == {1, 2, 3}


def write_orders(journal, written, refused, count):
    for _ in range(count):
        number = len(written) + len(refused) + 1
        try:
            journal.append(intent(number))
        except JournalBroken:
            refused.append(number)
        else:
            written.append(number)


def started_again(server):
    """The children of a killed server hold its memory for a moment, and it will not start beside them."""
    for _ in range(50):
        try:
            return server.start()
        except subprocess.CalledProcessError:
            time.sleep(0.2)
    raise AssertionError((server.folder / "log").read_text())
