"""`xtrade run`: from one line to a run on paper, its folder and its journal; mistakes in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xtrade.app.cli import run
from xtrade.model.errors import XtradeError
from xtrade.research.result import Result
from xtrade.trading.journal.opening import read_journal

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.toml"
QUICK = ("--seconds", "60", "--speed", "max", "--json")

LIVE = """
[engine]
mode = "live"

[venues.okx]
venue = "okx"
environment = "live"
key = "okx"

[strategies.maker]
strategy = "quoter"
params = { instrument = "okx:BTC/USDT:USDT" }
"""

FAILS = """
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed


class Fails(Strategy[Params]):
    def subscriptions(self):
        yield BookFeed("sim:BTC/USDT")

    def on_book(self, ctx, book):
        ctx.buy("sim:BTC/USDT", lots=1, ticks=book.bid_ticks - 50)
        raise RuntimeError("as asked")
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))


def xtrade(capsys, *words):
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_quickstart_runs_in_an_empty_directory_and_leaves_nothing_behind(capsys):
    code, out, err = xtrade(capsys, "run", str(EXAMPLE), *QUICK)

    told = json.loads(out)
    assert code == 0
    assert told["folder"] == "runs/quickstart"
    assert told["ending"]["reason"] == "60 s are over"
    assert told["ending"]["closing"] == {
        "on_exit": "flatten",
        "orders": [],
        "positions": [],
        "problems": [],
    }
    assert [step["outcome"] for step in told["ending"]["steps"]] == ["done", "done"]
    assert told["metrics"]["orders"]["value"] > 20
    assert "Running quickstart on paper: sim:BTC/USDT, sim:BTC/USDT:USDT" in err
    assert "report of a run on paper" in Path("runs/quickstart/report.html").read_text()
    assert Result.load("runs/quickstart").run.kind == "run on paper"
    assert sorted(path.name for path in Path("runs").iterdir()) == ["quickstart"]


def journal(folder):
    """The records of a run's journal: kind and body, with the time at which each was written."""
    with read_journal(Path(folder) / "trading.journal") as found:
        return [(entry.kind, entry.at_ns, entry.body) for entry in found.read()]


def test_the_journal_has_each_intent_before_everything_that_became_of_it(capsys):
    xtrade(capsys, "run", str(EXAMPLE), *QUICK)
    code, out, _ = xtrade(
        capsys, "journal", "orders", "--journal", "runs/quickstart/trading.journal", "--json"
    )

    kinds = [kind for kind, *_ in journal("runs/quickstart")]
    assert {"OrderIntent", "Decided", "OrderSent", "OrderAccepted", "OrderFilled", "CancelSent"} <= set(kinds)
    assert kinds.index("Decided") < kinds.index("OrderIntent") < kinds.index("OrderSent")
    assert (kinds[0], kinds[-1]) == ("SessionOpened", "SessionClosed")
    assert code == 0
    assert len(json.loads(out)) > 20
    assert xtrade(capsys, "journal", "verify", "--journal", "runs/quickstart/trading.journal")[0] == 0


def test_the_same_seed_makes_the_same_decisions_and_figures_and_another_does_not(capsys):
    runs = [
        json.loads(xtrade(capsys, "run", str(EXAMPLE), "--seed", seed, *QUICK)[1]) for seed in ("3", "3", "4")
    ]

    # Who opened the journal, and when it was closed for good, is not the matter of the seed.
    journals = [journal(each["folder"])[1:-1] for each in runs]
    assert journals[0] == journals[1] != journals[2]
    assert runs[0]["metrics"] == runs[1]["metrics"] != runs[2]["metrics"]


def test_a_strategy_by_its_name_in_a_world_by_its_name(capsys):
    code, out, _ = xtrade(
        capsys, "run", "quoter", "--set", "paper.world=busy", "--param", "half_spread=2", *QUICK
    )

    assert code == 0
    assert json.loads(out)["folder"] == "runs/quoter"


def test_without_json_the_summary_says_what_is_left_at_the_venue(capsys):
    code, out, err = xtrade(
        capsys, "run", str(EXAMPLE), "--seconds", "30", "--speed", "max", "--on-exit", "leave", "--plain"
    )

    assert code == 0
    assert "Ended because 30 s are over." in out
    assert "Left at the venue: " in out
    assert "order" in out
    assert "00:00:00  equity 10,000.00 USDT (+0.00)  holds nothing" in err


def test_a_strategy_that_fails_ends_the_run_with_its_orders_canceled_and_exit_code_1(capsys):
    Path("fails.py").write_text(FAILS)

    code, out, _ = xtrade(capsys, "run", "fails.py", *QUICK)

    told = json.loads(out)
    assert code == 1
    assert "RuntimeError: as asked" in told["failures"]["fails"]
    assert told["ending"]["reason"] == "no strategy trades any more"
    assert told["ending"]["closing"]["orders"] == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["quoter"], 3, "strategy quoter needs its instrument"),
        (["quoter", "--param", "instrument=sim:ETH/USDT"], 3, "wants sim:ETH/USDT, and the world"),
        (["quoter", "--set", "paper.world=bussy"], 3, "Did you mean 'busy'?"),
        (["quoter", "--set", "paper.balances=lots"], 3, "expected an amount and its currency, as 10000 USDT"),
        (["sma.toml"], 3, "sma.toml"),
        (
            [str(EXAMPLE), "--speed", "fast"],
            2,
            "--speed fast: expected a number from 0.001 to 1000000, or max",
        ),
        ([str(EXAMPLE), "--speed", "max"], 2, "say how long with --seconds"),
        ([str(EXAMPLE), "--seconds", "-1"], 2, "--seconds -1: expected a time above zero"),
        ([str(EXAMPLE), "--mode", "live", "--speed", "60"], 2, "real venues keep their own"),
        ([str(EXAMPLE), "--out", "."], 2, "is already there"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(capsys, words, code, says):
    got, out, err = xtrade(
        capsys, "run", *words, *(() if "--seconds" in words or "--speed" in words else QUICK)
    )

    assert got == code, err
    assert says in err
    assert out == ""
    assert not Path("runs").exists()


def test_live_asks_for_limits_then_for_a_confirmation_and_then_for_the_key(capsys):
    limit, limits = "order_value_max = 100.0\n", "order_value_max = 100.0\nposition_value_max = 500.0\n"
    answers = []
    for more in ("", limit, limits):
        Path("live.toml").write_text(LIVE + more)
        code, _, err = xtrade(capsys, "run", "live.toml", "--yes")
        answers.append((code, err))
    Path("live.toml").write_text(LIVE + limits)
    unconfirmed = xtrade(capsys, "run", "live.toml")
    Path("keyless.toml").write_text(EXAMPLE.read_text())
    keyless = xtrade(capsys, "run", "keyless.toml", "--mode", "live", "--yes")

    assert answers[0] == (3, answers[0][1])
    assert "strategies.maker.order_value_max is not set" in answers[0][1]
    assert answers[1] == (3, answers[1][1])
    assert "strategies.maker.position_value_max is not set" in answers[1][1]
    assert answers[2] == (4, "xtrade: no keys for okx: xtrade keys add okx\n")
    assert unconfirmed[0] == 2
    assert "--mode live trades real money: confirm at a terminal, or give --yes" in unconfirmed[2]
    assert keyless[0] == 3
    assert "live trading needs an account that can trade" in keyless[2]


def has_orders(path):
    """Whether the exchange has answered a run's first orders."""
    try:
        with read_journal(path) as found:
            return any(True for _ in found.read(kind="OrderAccepted"))
    except XtradeError:
        return False


@pytest.mark.parametrize("speed", ["1", "100"])
def test_ctrl_c_cancels_the_orders_first_and_then_says_how_it_ended(speed):
    """
    A real process, a real signal: in wall time, and in virtual time at a chosen speed.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "xtrade", "run", str(EXAMPLE), "--plain", "--json", "--speed", speed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    path = Path("runs/quickstart.running/trading.journal")
    deadline = time.monotonic() + 60
    while not has_orders(path):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    told = json.loads(out)
    assert process.returncode == 0, err
    assert told["ending"]["reason"] == "SIGINT"
    assert told["ending"]["closing"]["orders"] == []
    assert told["ending"]["closing"]["problems"] == []


def test_a_second_ctrl_c_ends_it_on_the_spot(capsys):
    process = subprocess.Popen(
        [sys.executable, "-m", "xtrade", "run", str(EXAMPLE), "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    path = Path("runs/quickstart.running/trading.journal")
    deadline = time.monotonic() + 60
    while not has_orders(path):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)  # both signals wait for it: the second is then there at once
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)

    assert process.returncode in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert "stopped at once" in err
    # What was written until then is there to be read.
    assert xtrade(capsys, "journal", "verify", "--journal", str(path))[0] == 0
