"""What is wrong with data or orders is one line that names the row and says what to do, or a count in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xtrade.app.cli import run

START_US = 1_767_225_600_000_000
BARS = [f"2026-01-01T00:{minute:02d}:00Z,100,101,99,100.5,{10 + minute}" for minute in range(30)]
BOOK = [(0, "true", "bid", 100, 5), (0, "true", "ask", 100.1, 5)] + [
    (1000 * number, "false", "bid", 99.9, 1 + number) for number in range(1, 50)
]
OWN = """
from xtrade import BarFeed, Params, Strategy


class Does(Params, frozen=True, kw_only=True):
    instrument: str
    what: str


class Own(Strategy[Does]):
    def subscriptions(self):
        yield BarFeed(self.params.instrument, "1m")

    def on_bar(self, ctx, bar):
        key = bar.instrument
        match self.params.what:
            case "raises":
                raise ValueError("no idea")
            case "nothing":
                ctx.buy(key, lots=0, ticks=bar.close_ticks)
            case "half a tick":
                ctx.buy(key, lots=1, ticks=bar.close_ticks + 0.5)
            case "half a lot":
                ctx.buy(key, lots=1.5)
            case "no price":
                ctx.buy(key, lots=1, price=float("nan"))
            case "elsewhere":
                ctx.buy("okx:X/Y", lots=1)
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XTRADE_CONFIG_DIR", str(tmp_path / "config"))


def played(capsys, *words):
    code = run(["backtest", "run", *words, "--instrument", "binance:BTC/USDT", "--out", "out", "--json"])
    out, err = capsys.readouterr()
    return code, out, err


def with_bars(capsys, rows, *more):
    Path("bars.csv").write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    return played(
        capsys, "sma", "--data", "bars.csv", "--bars", "1m", "--param", "fast=2", "--param", "slow=3", *more
    )


def with_book(capsys, rows, *more):
    lines = ["exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"]
    for after, snapshot, side, price, amount in rows:
        at = START_US + after
        lines.append(f"binance,BTCUSDT,{at},{at + 10},{snapshot},{side},{price},{amount}")
    Path("book.csv").write_text("\n".join(lines) + "\n")
    return played(capsys, "quoter", "--data", "book.csv", "--set", "data.files.symbol=BTCUSDT", *more)


def changed(rows, place, row):
    return [*rows[:place], row, *rows[place + 1 :]]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [BARS[1], BARS[0], *BARS[2:]],
            "line 3 of bars.csv: 2026-01-01T00:00:00Z is before the row above it",
        ),
        ([BARS[0], *BARS], "line 3 of bars.csv: the bar is there twice"),
        (
            changed(BARS, 3, "2026-01-01T00:03:00Z,nan,101,99,100,10"),
            "line 5 of bars.csv: price 'nan' is no number",
        ),
        (
            changed(BARS, 3, "2026-01-01T00:03:00Z,100,101,-9,100,10"),
            "line 5 of bars.csv: low of -18 ticks",
        ),
        (
            changed(BARS, 3, "2026-01-01T00:03:00Z,100,101,99,100,-1"),
            "line 5 of bars.csv: the volume is negative",
        ),
        (changed(BARS, 3, "2026-01-01T00:03:00Z,100,101"), "line 5 of bars.csv: low is missing"),
        (BARS[:5] + BARS[9:], "line 7 of bars.csv: 4 bars are missing between"),
    ],
)
def test_a_bad_bar_is_named_by_its_line(capsys, rows, says):
    code, out, err = with_bars(capsys, rows)

    assert (code, out) == (7, "")
    assert err.startswith(f"xtrade: {says}")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            changed(BOOK, 0, (0, "true", "bid", 100.2, 5)),
            "line 2 of book.csv: the snapshot that begins here",
        ),
        ([*BOOK[:2], BOOK[4], BOOK[3], *BOOK[5:]], "is before the row above it"),
        (changed(BOOK, 2, (1000, "false", "bid", "nan", 1)), "line 4 of book.csv: price: 'nan' is no price"),
        (changed(BOOK, 2, (1000, "false", "bid", 99.9, -1)), "line 4 of book.csv: amount is negative"),
        (
            BOOK[:7] + [(row[0] + 600_000_000, *row[1:]) for row in BOOK[7:]],
            "line 9 of book.csv: nothing was heard",
        ),
    ],
)
def test_a_bad_row_of_a_book_is_named_by_its_line(capsys, rows, says):
    code, out, err = with_book(capsys, rows)

    assert (code, out) == (7, "")
    assert says in err


def test_data_of_another_tick_size_are_named_with_their_tick(capsys):
    code, _, err = with_book(capsys, BOOK, "--set", "data.files.tick=0.25")

    assert code == 7
    assert "line 3 of book.csv: price 100.1 is on no tick of 0.25: the data is of another grid" in err


def test_an_instrument_that_the_data_do_not_have_is_named(capsys):
    code, _, err = with_book(capsys, BOOK, "--param", "instrument=okx:X/Y")

    assert code == 2
    assert "okx:X/Y is not on the tape" in err


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([BARS[1], BARS[0], *BARS[2:]], "1: rows out of order were sorted by time, stably"),
        ([BARS[0], *BARS], "1: rows that were there twice were dropped"),
        (BARS[:5] + BARS[9:], "1: gaps"),
    ],
)
def test_what_was_accepted_is_counted_in_the_report(capsys, rows, told):
    code, _, _ = with_bars(capsys, rows, "--set", "data.files.accept=unsorted,duplicates,gaps")

    assert code == 0
    assert told in json.loads(Path("out/run.json").read_text())["data"]
    assert told in Path("out/report.html").read_text()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("raises", "ValueError: no idea (in on_bar, "),
        ("half a tick", "ticks = 201.5: expected a whole number; price=… takes prices"),
        ("half a lot", "lots = 1.5: expected a whole number; base=… takes amounts"),
        ("no price", "'nan' is not a number"),
        ("elsewhere", "okx:X/Y was not declared"),
    ],
)
def test_a_strategy_that_raises_is_named_with_its_line(capsys, what, says):
    Path("own.py").write_text(OWN)
    Path("bars.csv").write_text("\n".join(["time,open,high,low,close,volume", *BARS]) + "\n")

    code, out, _ = played(capsys, "own.py", "--data", "bars.csv", "--bars", "1m", "--param", f"what={what}")

    (failure,) = json.loads(out)["failures"].values()
    assert code == 1
    assert says in failure
    assert "own.py:" in failure


def test_orders_below_the_minimum_are_counted_with_the_reason(capsys):
    Path("own.py").write_text(OWN)
    Path("bars.csv").write_text("\n".join(["time,open,high,low,close,volume", *BARS]) + "\n")

    code, out, _ = played(capsys, "own.py", "--data", "bars.csv", "--bars", "1m", "--param", "what=nothing")

    unusual = json.loads(out)["unusual"]["orders refused by the rule form"]
    assert code == 0
    assert unusual["count"] == len(BARS)
    assert unusual["example"].startswith("the quantity 0 is below the minimum of 1")
