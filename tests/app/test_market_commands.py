"""What the markets say, and orders by hand: every command, against venues in boxes that another process keeps open."""

import json
import subprocess
import sys

import pytest

from xtrade.app.cli import run

VENUES = ("backpack", "binance", "okx", "lighter")
# A pair that each box lists, and its perpetual.
PAIRS = {
    "backpack": ("BTC-USDC", "BTC/USDC:USDC"),
    "binance": ("BTC-USDT", "BTC/USDT:USDT"),
    "okx": ("BTC-USDT", "BTC/USDT:USDT"),
    "lighter": ("ETH-USDC", "BTC/USDC:USDC"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def boxes(home):
    """Boxes in a process of their own, as a user opens them; yields their addresses by venue."""
    import os

    words = ["exchange", "--venue", ",".join(VENUES), "--port", "0", "--past", "65s", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "xtrade", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XTRADE_HOME": str(home)},
    )
    try:
        lines = []
        while not lines or lines[-1] != "]\n":
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line)
        yield {row["venue"]: row for row in json.loads("".join(lines))}
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def xtrade(boxes, home, monkeypatch, capsys):
    """Run a command and return what it answered, as JSON."""
    monkeypatch.setenv("XTRADE_HOME", str(home))

    def call(*words, exits=0):
        code = run([*words, "--json"])
        told = capsys.readouterr()
        assert code == exits, told.err
        return json.loads(told.out) if told.out else told.err

    return call


def test_a_box_is_found_by_its_venue(xtrade):
    found = xtrade("best", "--pair", "BTC-USDT", "--venues", "binance,okx", "--at", "box")
    assert {row["venue"] for row in found["quotes"]} == {"binance", "okx"}
    assert not any(row["problem"] for row in found["quotes"])
    assert found["best_bid"] in {"binance", "okx"}
    assert found["edge_bps"] < 50


def test_a_pair_that_one_venue_has_not_is_said_and_the_others_answer(xtrade):
    found = xtrade("best", "--pair", "BTC/USDT", "--venues", "binance,backpack", "--at", "box")
    problems = {row["venue"]: row["problem"] for row in found["quotes"]}
    assert problems["binance"] == ""
    assert "backpack lists no BTC/USDT. It has BTC/USDC" in problems["backpack"]


@pytest.mark.parametrize("venue", VENUES)
def test_every_question_of_a_market_is_answered(xtrade, venue):
    pair, perpetual = PAIRS[venue]
    at = ("--venue", venue, "--at", "box")
    book = xtrade("book", "--pair", perpetual, *at, "--depth", "5")
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert float(book["bids"][0]["price"]) < float(book["asks"][0]["price"])
    assert xtrade("trades", "--pair", pair, *at, "--count", "3")
    assert xtrade("candles", "--pair", pair, *at, "--count", "3")
    (row,) = xtrade("funding", "--pair", perpetual, *at)["venues"]
    assert row["apr"] is not None
    assert row["interval"]
    impact = xtrade("impact", "buy", "0.5", "--pair", perpetual, *at)
    assert float(impact["venues"][0]["base"]) == 0.5
    assert any(row["native"] for row in xtrade("instruments", *at))


def test_the_cheapest_split_is_over_several_venues(xtrade):
    found = xtrade("impact", "buy", "40", "--pair", "BTC/USDT:USDT", "--venues", "binance,okx", "--at", "box")
    assert {row["venue"] for row in found["split"]} == {"binance", "okx"}
    alone = [float(row["total"]) for row in found["venues"] if row["whole"]]
    together = sum(float(row["total"]) for row in found["split"])
    assert all(together <= each * (1 + 1e-9) for each in alone)


def test_a_live_book_follows_the_venue(xtrade, capsys):
    run(["book", "--pair", "BTC-USDT", "--venue", "okx", "--at", "box", "--live", "--seconds", "1", "--json"])
    frames = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(frames) == 4
    assert frames[-1]["in_step"]


@pytest.mark.parametrize("venue", VENUES)
def test_an_order_by_hand_from_its_placing_to_its_end(xtrade, venue):
    _, perpetual = PAIRS[venue]
    at = ("--venue", venue, "--at", "box")
    bid = xtrade("book", "--pair", perpetual, *at, "--depth", "1")["bids"][0]["price"]
    (listed,) = [row for row in xtrade("instruments", *at) if row["symbol"] == perpetual]
    tick = float(listed["tick"])
    low = f"{round(float(bid) * 0.98 / tick) * tick:.8f}".rstrip("0").rstrip(".")
    quantity = "1" if venue == "okx" else "0.05"
    placed = xtrade("order", "place", "buy", quantity, "--pair", perpetual, *at, "--price", low)
    assert placed["status"] == "open"
    number = str(placed["client_order_id"])
    assert number in {str(row["client_order_id"]) for row in xtrade("order", "list", *at)}
    assert xtrade("order", "status", number, *at)["status"] == "open"
    assert xtrade("order", "cancel", number, *at)["status"] == "canceled"
    assert xtrade("order", "list", *at) == []
    ended = xtrade("order", "status", number, *at, "--pair", perpetual)
    assert ended["status"] == "canceled"
    taken = xtrade("order", "place", "buy", quantity, "--pair", perpetual, *at)
    assert taken["status"] == "filled"
    assert taken["average"]


@pytest.mark.parametrize(
    ("words", "exits", "says"),
    [
        (["best", "--pair", "BTC-USDT", "--venues", "binnance"], 2, "Did you mean 'binance'?"),
        (["best", "--pair", "nonsense", "--venues", "binance"], 5, "symbol 'nonsense'"),
        (
            ["best", "--pair", "BTC-USDT", "--venues", "okx", "--at", "moon"],
            2,
            "--at moon: expected live, testnet",
        ),
        (["book", "--pair", "XYZ-USDT", "--venue", "okx", "--at", "box"], 5, "okx lists no XYZ/USDT"),
        (["funding", "--pair", "BTC-USDT"], 2, "BTC/USDT is a pair and has no funding"),
        (["book", "--pair", "BTC-USDT", "--venue", "okx", "--at", "http://127.0.0.1:9"], 13, "okx: box"),
        (
            [
                "order",
                "place",
                "buy",
                "0.00000001",
                "--pair",
                "BTC-USDT",
                "--venue",
                "binance",
                "--at",
                "box",
            ],
            6,
            "0.00000001",
        ),
        (
            ["order", "place", "buy", "1", "--pair", "BTC-USDT", "--venue", "okx", "--at", "live"],
            2,
            "--at live trades real money",
        ),
        (
            ["order", "place", "buy", "1", "--pair", "BTC-USDT", "--venue", "okx", "--at", "live", "--yes"],
            4,
            "no keys for okx",
        ),
        (["order", "status", "1", "--venue", "backpack", "--at", "box"], 5, "knows no open order 1"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(boxes, home, monkeypatch, capsys, words, exits, says):
    monkeypatch.setenv("XTRADE_HOME", str(home))
    assert run(words) == exits
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert says in told.err


def test_the_matrix_has_every_venue(xtrade):
    found = xtrade("venues")
    assert {each["venue"] for each in found} == set(VENUES)
    assert all(each["rows"]["orders"] != "no" for each in found)


def test_tables_are_drawn_for_people(boxes, home, monkeypatch, capsys):
    monkeypatch.setenv("XTRADE_HOME", str(home))
    for words in (
        ["best", "--pair", "BTC-USDT", "--venues", "binance,okx", "--at", "box"],
        ["book", "--pair", "BTC-USDT", "--venue", "okx", "--at", "box"],
        ["impact", "sell", "1", "--pair", "BTC-USDT", "--venues", "binance,okx", "--at", "box"],
        ["funding", "--pair", "BTC/USDT:USDT", "--venues", "binance,okx", "--at", "box", "--history", "7d"],
        ["trades", "--pair", "BTC-USDT", "--venue", "okx", "--at", "box"],
        ["candles", "--pair", "BTC-USDT", "--venue", "okx", "--at", "box"],
        ["instruments", "--venue", "okx", "--at", "box"],
        ["venues"],
        ["order", "list", "--venue", "okx", "--at", "box"],
    ):
        assert run(words) == 0
        assert capsys.readouterr().out.strip()
