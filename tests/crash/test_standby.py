"""Two nodes on one journal in PostgreSQL, as real processes: the second waits, and goes on when the first is killed.

Each has the built-in exchange in its own process, so what the first one held is gone with it: the second says so, and
trades anew. How long it takes is printed (`pytest -s`), and asserted nowhere.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.journals import database, needs_postgres
from xtrade.app.config.model import Config, JournalConfig
from xtrade.app.journals import goes_on
from xtrade.model.errors import XtradeError
from xtrade.trading.journal import read_journal
from xtrade.trading.journal.kinds import record_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.toml"


class Process:
    """A node in a process of its own; what it says on standard error is in a file."""

    def __init__(self, tmp_path, name, where, *flags):
        self.said = tmp_path / f"{name}.err"
        room = tmp_path / name
        room.mkdir()
        with self.said.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "xtrade", "run", str(EXAMPLE), "--plain", "--json", *flags]
                + ["--set", f"journal.place={where}"],
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
                cwd=room,
                # As on another machine: nothing is shared but the database.
                env=os.environ | {"XTRADE_HOME": str(room / "home"), "PYTHONUNBUFFERED": "1"},
            )

    def until(self, holds):
        deadline = time.monotonic() + 120
        while not (found := holds()):
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.02)
        return found

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate(timeout=60)


@pytest.fixture
def start(tmp_path):
    """Start nodes that end with the test."""
    started = []

    def begin(*words):
        started.append(Process(tmp_path, *words))
        return started[-1]

    yield begin
    for each in started:
        each.end()


def first(where, session, kind):
    """The first record of a kind that a session wrote; None before it has."""
    try:
        with read_journal(where) as journal:
            return next((entry for entry in journal.read(kind=kind) if entry.session == session), None)
    except XtradeError:
        return None


@needs_postgres
def test_a_standby_goes_on_when_the_holder_is_killed(start):
    with database() as url:
        where = f"{url}#desk"
        holder = start("holder", where)
        holder.until(lambda: first(where, 1, "OrderAccepted"))

        refused = start("refused", where)
        refused.process.wait(timeout=60)
        assert refused.process.returncode not in {0, 1}
        assert f"journal desk is held by process {holder.process.pid} " in refused.said.read_text()

        standby = start("standby", where, "--standby")
        standby.until(
            lambda: (
                f"Standing by: journal desk is held by process {holder.process.pid} "
                in standby.said.read_text()
            )
        )
        assert first(where, 2, "SessionOpened") is None
        killed_ns = time.time_ns()
        holder.process.kill()

        opened = standby.until(lambda: first(where, 2, "SessionOpened"))
        placed = standby.until(lambda: first(where, 2, "OrderIntent"))
        anew = first(where, 2, "AccountOpened")
        assert opened.sequence < anew.sequence < placed.sequence, "settled before the first order"
        sys.stdout.write(
            f"held {(opened.at_ns - killed_ns) / 1e9:.3f} s and ordering {(placed.at_ns - killed_ns) / 1e9:.3f} s"
            " after the holder was killed\n"
        )
        standby.until(lambda: first(where, 2, "OrderAccepted"))
        standby.process.send_signal(signal.SIGINT)
        out, _ = standby.process.communicate(timeout=120)

        ending = json.loads(out)["ending"]
        assert standby.process.returncode == 0, standby.said.read_text()
        assert ending["closing"]["orders"] == ending["closing"]["positions"] == []
        assert "Goes on with the journal postgresql://" in standby.said.read_text()
        journal, handover = goes_on(Config(journal=JournalConfig(place=where)), "desk")
        with journal:
            entries = list(journal.entries())
        sent = [entry.order for entry in entries if entry.kind == "OrderIntent"]
        assert len(sent) == len(set(sent)), "no id is given twice"
        assert [state for state in handover.orders if not state.is_final] == []
        assert not any(position.lots for position in handover.portfolio.all().values())
        causes = [record_of(entry.kind, entry.body).text for entry in entries if entry.kind == "Noted"]
        assert any("account_anew" in text for text in causes)
