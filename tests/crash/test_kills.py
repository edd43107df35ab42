"""Real processes, killed at random moments: what was written is there, what left was written, nothing is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest

from kit.journals import Place, database, needs_postgres
from xtrade.model.order_state import OrderStatus
from xtrade.trading.checkpoints import restored
from xtrade.trading.order_store import replayed

PROGRAM = Path(__file__).parent / "programs" / "trader.py"
# More by hand: XTRADE_KILLS=300 uv run pytest tests/crash
KILLS = int(os.environ.get("XTRADE_KILLS", "8"))


def start(where, venue, seed, *flags):
    environment = os.environ | {"PYTHONPATH": str(PROGRAM.parents[2])}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), where, str(venue), str(seed), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def first_line(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line.split()


def killed(process, after_lines):
    """Kill it after it has told so many numbers; return those it told."""
    told = []
    for line in process.stdout:
        told.append(line)
        if len(told) > after_lines:
            break
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    process.stderr.close()
    return [int(line) for line in told if line.endswith("\n")]


def survives(place, venue, kills):
    chance = Random(20261121)
    told = []
    for seed in range(kills):
        process = start(place.where, venue, seed)
        assert first_line(process)[0] == "ready"
        told += killed(process, after_lines=chance.randrange(0, 60))
        check(place, venue, told)


def check(place, venue, told):
    sent = [int(line) for line in venue.read_text().splitlines()]
    # A server notices the death of a connection when it comes to it: who starts again waits for that.
    waits = {"wait_s": 30.0} if place.where.startswith("postgresql") else {}
    with place.open(**waits) as journal:
        store = replayed(journal.entries())
        found = restored(journal.store)
    assert found.word == "", "a checkpoint that was being made is not damaged: it is not there"
    assert found.store.fingerprint() == store.fingerprint()
    assert len(sent) == len(set(sent)), "an order was sent twice"
    assert set(sent) <= set(store.orders), "an order was sent that was not written"
    filled = {number for number, state in store.orders.items() if state.status is OrderStatus.FILLED}
    assert set(told) <= filled, "a fill that was told is lost"
    assert filled <= set(sent)
    assert store.portfolio.lots("one", "binance:BTC/USDT:USDT") == len(filled)
    # Whatever the venue may have and the journal has no answer for is in doubt, and nothing else is.
    assert {state.intent.client_order_id for state in store.in_doubt()} == set(store.orders) - filled


def test_a_file_survives_kills_at_random_moments(tmp_path):
    survives(Place("sqlite", str(tmp_path / "trading.journal")), tmp_path / "venue", KILLS)


@needs_postgres
def test_a_database_survives_kills_at_random_moments(tmp_path):
    with database() as url:
        survives(Place("postgres", f"{url}#trading", url), tmp_path / "venue", KILLS)


@needs_postgres
def test_a_standby_goes_on_when_the_holder_dies(tmp_path):
    """Measured by benchmarks/journal.py; here only that it comes, that it is fenced in, and that nothing is lost."""
    with database() as url:
        place, venue = Place("postgres", f"{url}#trading", url), tmp_path / "venue"
        holder = start(place.where, venue, 1)
        assert first_line(holder)[0] == "ready"
        standby = start(place.where, venue, 2, "--standby")
        refused = start(place.where, venue, 3)
        assert f"is held by process {holder.pid} " in " ".join(first_line(refused))
        refused.communicate(timeout=30)

        told = killed(holder, after_lines=20)
        # It waits for the lock's queue, not for a time-out of ours: its first word comes by itself.
        timer = threading.Timer(60, standby.kill)
        timer.start()
        assert first_line(standby) == ["ready", str(standby.pid)]
        timer.cancel()
        told += killed(standby, after_lines=20)
        check(place, venue, told)


@pytest.mark.parametrize("name", ["sqlite", pytest.param("postgres", marks=needs_postgres)])
def test_a_lease_does_not_outlive_its_process(tmp_path, name):
    if name == "sqlite":
        alone(Place("sqlite", str(tmp_path / "trading.journal")), tmp_path / "venue")
    else:
        with database() as url:
            alone(Place("postgres", f"{url}#trading", url), tmp_path / "venue")


def alone(place, venue):
    holder = start(place.where, venue, 1)
    assert first_line(holder)[0] == "ready"
    second = start(place.where, venue, 2)
    said = first_line(second)
    assert said[0] == "held"
    assert f"process {holder.pid} (trader.py)" in " ".join(said)
    second.communicate(timeout=30)
    killed(holder, after_lines=0)
    with place.open(accounts=["okx"]) as journal:
        assert journal.session == 2
