"""`xtrade kill`: real nodes in other processes are stopped, also where a strategy hangs; and nothing starts again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xtrade.app.cli import run
from xtrade.app.emergency import halt_file_of, nodes_dir
from xtrade.app.presence import look, present
from xtrade.trading.journal.opening import read_journal
from xtrade.trading.order_store import replayed

HANGS = """
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed

KEY = "sim:BTC/USDT:USDT"


class Hangs(Strategy[Params]):
    def subscriptions(self):
        yield BookFeed(KEY, every="100ms")

    def on_book(self, ctx, book):
        if not ctx.position_lots(KEY):
            if not ctx.orders():
                ctx.buy(KEY, lots=20)
                ctx.buy(KEY, lots=5, ticks=book.bid_ticks - 300)
        else:
            open("hangs", "w").close()
            while True:
                pass
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))


def xtrade(capsys, *words):
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


class Process:
    """A node in a process of its own."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "xtrade", "run", *words, "--plain"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, is_there):
        deadline = time.monotonic() + 60
        while not is_there():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.process.communicate(timeout=60)


@pytest.fixture
def node():
    """Start nodes that end with the test."""
    started = []

    def start(*words):
        started.append(Process(*words))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.mark.parametrize("speed", ["1", "100"])
def test_a_node_whose_strategy_hangs_is_made_flat_and_the_operator_told_to_end_it(
    capsys, node, monkeypatch, speed
):
    monkeypatch.setattr("xtrade.app.commands.kill.END_S", 0.5)
    Path("hangs.py").write_text(HANGS)
    hung = node("hangs.py", "--speed", speed)
    hung.until(Path("hangs").exists)

    code, out, err = xtrade(capsys, "kill", "--reason", "prices look wrong")

    assert code == 0, out + err
    assert f"process {hung.process.pid} (hangs): flat" in out
    assert "sim: flat, as the venue says: no open order, no position" in out
    assert f"end it with `kill -9 {hung.process.pid}`" in out
    assert "Told 1 node to stop" in err
    assert hung.process.poll() is None
    hung.end()
    # What the dead process had not come to is in doubt in its journal; that it was written says the journal itself.
    with read_journal("runs/hangs.running/trading.journal") as found:
        assert len(replayed(found.read()).orders) == 2


@pytest.mark.parametrize("speed", ["1", "100"])
def test_a_node_at_work_is_made_flat_and_ends_and_nothing_starts_until_it_is_cleared(capsys, node, speed):
    at_work = node("quoter", "--param", "instrument=sim:BTC/USDT:USDT", "--json", "--speed", speed)
    at_work.until(lambda: [each for each in look(nodes_dir()) if each.is_there] != [])

    code, out, err = xtrade(capsys, "kill", "--json")
    told = json.loads(out)

    assert code == 0, err
    assert [(each["state"], each["is_there"], each["name"]) for each in told["nodes"]] == [
        ("flat", False, "quoter")
    ]
    said, _ = at_work.process.communicate(timeout=60)
    ending = json.loads(said)["ending"]
    assert at_work.process.returncode == 1
    assert ending["reason"] == "the kill switch was thrown: the operator said so"
    assert ending["closing"]["orders"] == ending["closing"]["positions"] == []

    code, _, err = xtrade(capsys, "run", "quoter", "--param", "instrument=sim:BTC/USDT:USDT")
    assert code == 10
    assert "trading was halted by xtrade kill: the operator said so" in err
    assert "clear it with `xtrade kill --clear`" in err
    assert xtrade(capsys, "kill", "--clear")[1] == (
        "Cleared: trading was halted by xtrade kill: the operator said so.\n"
    )
    assert xtrade(
        capsys, "run", "quoter", "--param", "instrument=sim:BTC/USDT:USDT", "--seconds", "5", "--speed", "max"
    )[0] == (0)
    assert look(nodes_dir()) == []


def test_where_nobody_runs_it_says_so_and_halts_all_the_same(capsys):
    code, out, _ = xtrade(capsys, "kill")

    assert code == 0
    assert out == "No node runs here. Nothing starts until `xtrade kill --clear`.\n"
    assert halt_file_of().read().by == "xtrade kill"
    again = xtrade(capsys, "kill", "--reason", "another")
    assert again[0] == 0
    assert "Trading is halted already, by xtrade kill: the operator said so" in again[2]


def test_a_process_that_died_before_is_not_waited_for(capsys, node):
    died = node("quoter", "--param", "instrument=sim:BTC/USDT:USDT")
    died.until(lambda: look(nodes_dir()) != [])
    died.process.send_signal(signal.SIGKILL)
    died.process.wait()

    assert [each.is_there for each in look(nodes_dir())] == [False]
    assert xtrade(capsys, "kill")[1].startswith("No node runs here.")
    assert look(nodes_dir()) == []


def test_a_node_that_gives_no_answer_or_dies_meanwhile_is_a_no(capsys):
    with present(nodes_dir(), "deaf"):
        code, out, _ = xtrade(capsys, "kill", "--wait", "0.3")
        assert code == 1
        assert f"process {os.getpid()} (deaf): no answer: look at the venues by hand" in out

        code, _, err = xtrade(capsys, "kill", "--clear")
        assert code == 2
        assert "has not said yet that it is flat" in err
    assert xtrade(capsys, "kill", "--clear")[0] == 0


def test_nothing_to_clear_is_said(capsys):
    assert xtrade(capsys, "kill", "--clear")[:2] == (0, "Nothing is halted.\n")
    assert xtrade(capsys, "kill", "--wait", "0")[0] == 2
    assert halt_file_of().read() is None
