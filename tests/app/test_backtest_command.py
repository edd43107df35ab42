"""`xtrade backtest` and `xtrade sweep`: from one line to a folder with figures and a page; mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xtrade.app.cli import run
from xtrade.model.errors import UsageError
from xtrade.sim import warming

EXAMPLE = Path(__file__).parents[2] / "examples" / "sma.toml"

OWN = """
from collections.abc import Iterable

from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BarFeed


class Mine(Params, frozen=True, kw_only=True):
    instrument: str
    fails: bool = False


class OneTrade(Strategy[Mine]):
    def subscriptions(self):
        yield BarFeed(self.params.instrument, "1m")

    def on_bar(self, ctx, bar):
        if self.params.fails:
            raise RuntimeError("as asked")
        ctx.move_to(bar.instrument, 100)
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XTRADE_CONFIG_DIR", str(tmp_path / "config"))


def xtrade(capsys, *words):
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_example_runs_to_a_folder_with_a_report(capsys):
    code, out, _ = xtrade(capsys, "backtest", "run", str(EXAMPLE), "--hours", "72", "--json")

    told = json.loads(out)
    assert code == 0
    assert told["folder"] == "runs/sma"
    assert told["metrics"]["fills"]["value"] > 0
    assert "<html" in Path(told["report"]).read_text()
    assert {path.name for path in Path("runs/sma").iterdir()} >= {
        "orders.parquet",
        "fills.parquet",
        "positions.parquet",
        "equity.parquet",
        "metrics.json",
        "run.json",
    }


def test_the_same_run_again_is_a_folder_of_its_own_with_the_same_figures(capsys):
    first = json.loads(xtrade(capsys, "backtest", "run", str(EXAMPLE), "--hours", "48", "--json")[1])
    second = json.loads(xtrade(capsys, "backtest", "run", str(EXAMPLE), "--hours", "48", "--json")[1])

    assert (first["folder"], second["folder"]) == ("runs/sma", "runs/sma-2")
    assert first["metrics"] == second["metrics"]
    code, out, _ = xtrade(capsys, "backtest", "compare", "runs/sma", "runs/sma-2", "--html", "both.html")
    assert code == 0
    assert "Net profit" in out
    assert Path("both.html").exists()


def test_a_strategy_of_ones_own_finds_its_only_instrument(capsys):
    Path("mine.py").write_text(OWN)

    code, out, _ = xtrade(
        capsys, "backtest", "run", "mine.py", "--data", "calm", "--bars", "1m", "--hours", "2", "--json"
    )

    assert code == 0
    assert json.loads(out)["metrics"]["fills"]["value"] >= 1


def test_a_strategy_that_fails_is_told_and_is_not_a_success(capsys):
    Path("mine.py").write_text(OWN)

    code, out, _ = xtrade(
        capsys, "backtest", "run", "mine.py:OneTrade", "--bars", "1m", "--hours", "1", "--param", "fails=true"
    )

    assert code == 1
    assert "RuntimeError: as asked" in out
    assert "mine.py:" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["smaa"], "'smaa' is no strategy: expected one of quoter, sma, FILE.py:Class or module:Class."),
        (["none.py"], "none.py: there is no such file"),
        (["sma", "--param", "fats=3"], "strategy sma has no parameter 'fats'"),
        (["sma", "--param", "fast=x"], "fast = 'x': expected `int`"),
        (["sma", "--param", "fast=200"], "fast = 200, slow = 100: expected 1 <= fast < slow"),
        (["sma", "--data", str(EXAMPLE)], "sma.toml: say what it is of with --instrument"),
        (["sma", "--data", "busy", "--data", "x.csv"], "play one or the other"),
        (["sma", "--data", "two-venues"], "needs its instrument, and the data have 2"),
        (["sma", "--instrument", "okx:BTC/USDT"], "give them with --data FILE"),
        (
            ["quoter", "--bars", "1m", "--hours", "1", "--set", "backtest.capital=much"],
            "backtest.capital = 'much'",
        ),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(capsys, words, says):
    code, out, err = xtrade(capsys, "backtest", "run", *words)

    assert code in {2, 3}
    assert out == ""
    assert says in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_sweep_remembers_what_was_tried(capsys):
    words = ["sweep", str(EXAMPLE), "--hours", "60", "--try", "fast=4,8", "--workers", "1", "--json"]
    words += ["--objective", "net_profit"]

    code, out, _ = xtrade(capsys, *words)
    first = json.loads(out)
    second = json.loads(xtrade(capsys, *words)[1])

    assert code == 0
    assert len(first["trials"]) == 2
    assert (first["resumed"], second["resumed"]) == (0, 2)
    assert Path("sweeps/sma/sweep.html").exists()


def test_a_sweep_in_which_every_trial_fails_answers_no_and_says_why(capsys):
    words = ["sweep", "sma", "--data", "trending", "--bars", "1h", "--hours", "60", "--try", "fast=4,8"]
    code, out, _ = xtrade(capsys, *words, "--workers", "1")

    assert code == 1
    assert "bars of 1m cannot be made of bars of 1h" in " ".join(out.split())


def test_data_that_are_not_there_are_the_first_thing_said(capsys):
    code, _, err = xtrade(capsys, "backtest", "run", "sma", "--data", "tendring")

    assert code == 2
    assert err.startswith(
        "xtrade: --data tendring: there is no such file, and no synthetic world of that name: calm,"
    )
    assert "Did you mean 'trending'?" in err


def test_a_walk_forward_goes_over_books_and_trades_too(capsys):
    words = ["sweep", "quoter", "--data", "calm", "--hours", "0.1", "--try", "skew=0,1"]
    words += ["--walk-forward", "2m/1m", "--objective", "net_profit", "--workers", "1", "--json"]
    code, out, _ = xtrade(capsys, *words)

    told = json.loads(out)
    assert code == 0
    assert len(told["legs"]) == 3
    assert all(leg["error"] == "" for leg in told["legs"])


def test_a_sweep_is_not_resumed_with_other_options_or_another_strategy(capsys):
    Path("mine.py").write_text(OWN)
    words = [
        "sweep",
        "mine.py:OneTrade",
        "--data",
        "trending",
        "--bars",
        "1m",
        "--try",
        "fails=false",
        "--workers",
        "1",
    ]
    assert xtrade(capsys, *words, "--hours", "60", "--objective", "fills")[0] == 0

    code, _, err = xtrade(capsys, *words, "--hours", "61")
    assert code == 2
    assert "data.trending.hours was 60.0, is 61.0. Take another folder" in err
    Path("mine.py").write_text(OWN.replace("100", "101"))
    code, _, err = xtrade(capsys, *words, "--hours", "60")
    assert code == 2
    assert "is the folder of another sweep: code was sha256:" in err


@pytest.mark.parametrize(
    ("bars", "words"), [(True, ("--bars", "1h", "--hours", "60")), (False, ("--hours", "0.1"))]
)
def test_a_sweep_compiles_what_its_data_need_before_the_first_trial(capsys, monkeypatch, bars, words):
    def stopped(_tell, *, bars):
        raise UsageError(f"compiled for bars: {bars}")

    monkeypatch.setattr(warming, "warm_up", stopped)

    _, _, err = xtrade(capsys, "sweep", "sma", "--data", "calm", *words, "--try", "fast=4,8")

    assert f"compiled for bars: {bars}" in err


def test_a_sweep_of_nothing_says_what_it_needs(capsys):
    code, _, err = xtrade(capsys, "sweep", str(EXAMPLE))

    assert code == 2
    assert "--try NAME=VALUES" in err


def test_the_compiled_form_comes_to_the_same_figures(capsys):
    words = ("backtest", "run", "quoter", "--data", "calm", "--hours", "0.05", "--json")
    python = json.loads(xtrade(capsys, *words)[1])
    compiled = json.loads(xtrade(capsys, *words, "--compiled")[1])

    assert compiled["metrics"] == python["metrics"]
    assert python["metrics"]["fills"]["value"] > 0


def test_a_sweep_of_compiled_trials_comes_to_the_same_table(capsys):
    words = ("sweep", str(EXAMPLE), "--hours", "48", "--try", "fast=4,8", "--workers", "1", "--json")
    _, python, _ = xtrade(capsys, *words, "--out", "python")
    code, compiled, _ = xtrade(capsys, *words, "--out", "compiled", "--compiled")

    assert code == 0
    told = [json.loads(text) for text in (python, compiled)]
    assert _figures(told[0]) == _figures(told[1])


def _figures(told):
    """A sweep's summary without what differs from run to run."""
    if isinstance(told, dict):
        return {
            key: _figures(value) for key, value in told.items() if "second" not in key and key != "folder"
        }
    return [_figures(each) for each in told] if isinstance(told, list) else told


def test_what_has_no_compiled_form_is_one_line(capsys):
    Path("mine.py").write_text(OWN)

    code, out, err = xtrade(
        capsys, "backtest", "run", "mine.py", "--bars", "1m", "--hours", "1", "--compiled"
    )

    assert (code, out) == (2, "")
    assert "has no compiled form for sim:BTC/USDT: play it without compiled=True (or --compiled)" in err
