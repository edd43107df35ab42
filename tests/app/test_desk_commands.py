"""`xtrade positions`, `orders`, `pnl`, `monitor`: how a desk stands, by the journal of a run."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from decimal import Decimal

import pytest

from kit.desks import KEY, OPENING, Desk, Scripted, level
from kit.journals import Place as Written, database, needs_postgres
from xtrade.app.cli import run
from xtrade.app.desk import Desk as DeskByJournal, Place
from xtrade.app.desk_watch import watch
from xtrade.model.events import OrderCanceled
from xtrade.runtime.virtual import run_virtual
from xtrade.trading.journal import open_journal


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def played(place, **strategies):
    """Play strategies with a journal; the process that wrote it has not laid it down."""
    rows = [*OPENING, *(level(ns, 0, 900, 1 + ns // 100 % 2) for ns in range(100, 2000, 100))]
    desk = Desk(rows, **strategies)
    place.parent.mkdir(parents=True, exist_ok=True)
    journal = open_journal(place, accounts=["binance"])
    desk.engine._journal, desk.engine._tells_why = journal, True
    desk.play()
    journal.flush()
    return journal


def buyer(lots):
    """Buy at once at the offer, then leave a bid behind."""

    def book(ctx, _):
        if not ctx.position_lots(KEY) and not ctx.orders():
            ctx.buy(KEY, lots=lots, ticks=1001)
            ctx.buy(KEY, lots=2, ticks=990)

    return Scripted(book=book)


@pytest.fixture
def going_on(tmp_path):
    """A run that goes on: two strategies hold, each has a bid waiting."""
    journal = played(tmp_path / "runs" / "pair.running" / "trading.journal", maker=buyer(3), taker=buyer(2))
    yield journal
    journal.close("the test is over")


def xtrade(capsys, *words):
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


def read(capsys, *words):
    code, out, _ = xtrade(capsys, *words, "--json")
    assert code == 0
    return json.loads(out)


def amount(text):
    number, _, currency = text.partition(" ")
    assert currency == "USDT"
    return Decimal(number)


# Positions --------------------------------------------------------------------------------------------------------


def test_positions_are_told_by_strategy_with_what_they_are_valued_at(capsys, going_on):
    maker, taker = read(capsys, "positions")["positions"]

    assert (maker["strategy"], maker["quantity"], maker["entry"], maker["mark"]) == (
        "maker",
        "0.003",
        "100.1",
        "100.05",
    )
    assert amount(maker["unrealised"]) == Decimal("-0.00015")
    assert (taker["quantity"], taker["venue"], taker["account"]) == ("0.002", "binance", "binance")
    assert maker["mark_age_ms"] is not None


def test_exposure_counts_what_waits_and_nets_strategies(capsys, going_on):
    (asset,) = read(capsys, "positions")["exposure"]
    (alone,) = read(capsys, "positions", "--strategy", "taker")["exposure"]

    assert (asset["asset"], asset["net"], asset["lowest"], asset["highest"]) == (
        "BTC",
        "0.005 BTC",
        "0.005 BTC",
        "0.009 BTC",
    )
    assert (alone["net"], alone["highest"]) == ("0.002 BTC", "0.004 BTC")


def test_an_order_that_waits_is_exposure_before_anything_is_held(capsys, tmp_path):
    waits = Scripted(
        start=lambda ctx: None, book=lambda ctx, _: ctx.orders() or ctx.buy(KEY, lots=2, ticks=990)
    )
    played(tmp_path / "runs" / "one.running" / "trading.journal", maker=waits).close("done")

    found = read(capsys, "positions")

    assert found["positions"] == []
    assert found["exposure"][0]["highest"] == "0.002 BTC"


def test_without_a_book_nothing_is_guessed(capsys, tmp_path):
    blind = tmp_path / "blind.journal"
    desk = Desk([*OPENING, level(100, 0, 900, 1)], maker=buyer(3))
    with open_journal(blind) as journal:
        desk.engine._journal, desk.engine._tells_why = journal, False
        desk.play()

    (row,) = read(capsys, "positions", "--journal", str(blind))["positions"]
    (total,) = read(capsys, "pnl", "--journal", str(blind))["total"]

    assert (row["mark"], row["unrealised"]) == (None, None)
    assert total["without_mark"] == [KEY]
    assert total["unrealised"] == "0 USDT"
    assert "Not valued, for want of a book" in xtrade(capsys, "pnl", "--journal", str(blind))[1]


# Orders -----------------------------------------------------------------------------------------------------------


def test_open_orders_are_shown_and_ended_ones_when_asked(capsys, going_on):
    assert [row["status"] for row in read(capsys, "orders")["orders"]] == ["open", "open"]
    assert [row["price"] for row in read(capsys, "orders", "--strategy", "maker")["orders"]] == ["99"]
    every = read(capsys, "orders", "--all", "--last", "3")
    assert (every["count"], len(every["orders"])) == (4, 3)
    assert "The last 3 of 4" in xtrade(capsys, "orders", "--all", "--last", "3")[1]


def test_one_order_is_shown_with_its_trades_and_its_own_worth(capsys, going_on):
    filled = next(row for row in read(capsys, "orders", "--all")["orders"] if row["status"] == "filled")

    view = read(capsys, "orders", str(filled["order"]))

    assert (view["filled"], view["average"], view["unrealised"]) == ("0.003", "100.1", "-0.00015 USDT")
    assert [fill["quantity"] for fill in view["fills"]] == ["0.003"]
    assert "0.003 of 0.003 at 100.1" in xtrade(capsys, "orders", str(filled["order"]))[1]


def test_an_order_that_never_left_says_who_refused_it(capsys, tmp_path):
    wild = Scripted(book=lambda ctx, _: ctx.buy(KEY, lots=2, ticks=1990))
    journal = played(tmp_path / "runs" / "wild.running" / "trading.journal", maker=wild)
    journal.close("done")
    refused = json.loads(xtrade(capsys, "journal", "show", "--kind", "Refused", "--last", "1", "--json",
                                "--journal", "runs/wild.running/trading.journal")[1])[0]["order"]  # fmt: skip

    code, _, err = xtrade(capsys, "orders", str(refused))

    assert code == 7
    assert "never left" in err
    assert "price_band refused it: the price 199 is 98.9% through the market (limit 0.1" in err
    assert "`xtrade orders --all` shows those" in xtrade(capsys, "orders", "4711")[2]


# Profit -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["strategy", "instrument", "venue", "account"])
def test_profit_adds_up_whatever_it_is_split_by(capsys, going_on, by):
    found = read(capsys, "pnl", "--by", by)

    (total,) = found["total"]
    for figure in ("realised", "unrealised", "funding", "fees", "earned"):
        assert sum(amount(row[figure]) for row in found["rows"]) == amount(total[figure])
    parts = [amount(total[figure]) for figure in ("realised", "unrealised", "funding")]
    assert amount(total["earned"]) == sum(parts) - amount(total["fees"]) == Decimal("-0.00025")


# Which journal ----------------------------------------------------------------------------------------------------


def test_the_newest_run_is_read_and_named_on_standard_error(capsys, going_on, tmp_path):
    code, out, err = xtrade(capsys, "orders")

    assert code == 0
    assert out.startswith("order ")
    assert "runs/pair.running/trading.journal, as of " in err
    assert "is at it" in err


def test_a_run_is_found_by_its_folder_while_it_goes_on_and_after(capsys, going_on, tmp_path):
    assert read(capsys, "positions", "--run", "runs/pair")["standing"]["process"] == "running"

    going_on.close("60 s are over")
    (tmp_path / "runs" / "pair.running").rename(tmp_path / "runs" / "pair")

    standing = read(capsys, "positions", "--run", "runs/pair")["standing"]
    assert (standing["process"], standing["ended_because"]) == ("ended", "60 s are over")


def test_where_there_is_no_journal_the_way_out_is_named(capsys, tmp_path):
    for words in (["positions"], ["orders"], ["pnl"]):
        code, _, err = xtrade(capsys, *words)
        assert code == 7
        assert "there is no journal: neither " in err
        assert "Start one with `xtrade run`" in err
    assert "there is no run: neither nowhere/trading.journal" in xtrade(capsys, "pnl", "--run", "nowhere")[2]
    code, _, err = xtrade(capsys, "pnl", "--run", "a", "--journal", "b")
    assert code == 2
    assert "give one of them" in err


@needs_postgres
def test_a_database_is_read_like_a_file(capsys):
    with database() as url:
        desk = Desk([*OPENING, level(100, 0, 900, 1)], maker=buyer(3))
        with open_journal(f"{url}#desk", accounts=["binance"]) as journal:
            desk.engine._journal, desk.engine._tells_why = journal, True
            desk.play()
            journal.flush()
            found = read(capsys, "positions", "--journal", f"{url}#desk")

    assert [row["quantity"] for row in found["positions"]] == ["0.003"]
    assert found["standing"]["process"] == "running"
    assert "postgres@" not in found["standing"]["journal"]


def test_a_damaged_journal_is_not_added_up(capsys, going_on, tmp_path):
    path = tmp_path / "runs" / "pair.running" / "trading.journal"
    Written("sqlite", path).run("UPDATE entries SET at_ns = 5 WHERE sequence = 6", by_force=True)

    for command in ("positions", "orders", "pnl", "monitor", "explain"):
        code, out, err = xtrade(capsys, command)
        assert (code, out) == (7, "")
        assert "entry 6 is not what was written" in err


# Watching ---------------------------------------------------------------------------------------------------------


def lines(capsys, *words):
    code, out, _ = xtrade(capsys, "monitor", "--every", "1ms", *words)
    assert code == 0
    return out.splitlines()


def test_so_many_looks_are_a_line_each_where_there_is_no_terminal(capsys, going_on):
    told = lines(capsys, "--updates", "2")

    assert len(told) == 2
    assert told[0].endswith(f"  maker 0.003 {KEY}, taker 0.002 {KEY}  2 open  earned -0.000250 USDT")


def test_each_look_is_a_document_for_programs(capsys, going_on):
    (seen,) = [json.loads(line) for line in lines(capsys, "--updates", "1", "--strategy", "maker", "--json")]

    assert [row["quantity"] for row in seen["positions"]] == ["0.003"]
    assert [row["status"] for row in seen["orders"]] == ["open"]
    assert (seen["profit"][0]["earned"], seen["in_doubt"]) == ("-0.00015 USDT", 0)


def test_what_is_written_between_two_looks_is_seen_at_the_second(going_on, tmp_path):
    place, desk = Place(str(tmp_path / "runs/pair.running/trading.journal")), DeskByJournal()
    place.read_on(desk)
    seen = []

    def show(desk):
        seen.append(len(desk.store.open_orders()))
        going_on.append(OrderCanceled(client_order_id=desk.store.open_orders()[0].intent.client_order_id))
        going_on.flush()
        return len(seen) == 2

    count = run_virtual(lambda: watch(place, desk, show, every_ns=2_000_000_000, updates=9), seed=1)

    assert (seen, count) == ([2, 1], 2)


def test_watching_ends_with_the_run_wherever_its_journal_has_moved(going_on, tmp_path):
    place, desk = Place(str(tmp_path / "runs/pair.running/trading.journal")), DeskByJournal()
    place.read_on(desk)
    looks = []

    def show(desk):
        looks.append(desk.process)
        if len(looks) == 3:
            going_on.close("60 s are over")
            (tmp_path / "runs" / "pair.running").rename(tmp_path / "runs" / "pair")
        return False

    run_virtual(lambda: watch(place, desk, show, every_ns=2_000_000_000), seed=1)

    assert looks == ["running", "running", "running", "ended"]
    assert desk.ended == "60 s are over"


def test_one_order_is_watched_until_it_has_ended(capsys, going_on):
    filled, waiting, *_ = read(capsys, "orders", "--all")["orders"]

    (told,) = lines(capsys, "--order", str(filled["order"]), "--updates", "5")
    assert "buy binance:BTC/USDT:USDT filled  0.003 of 0.003 at 100.1  -0.000150 USDT at 100.05" in told
    assert len(lines(capsys, "--order", str(waiting["order"]), "--updates", "3")) == 3


def test_on_a_terminal_the_tables_are_drawn_in_their_place(going_on, tmp_path):
    master, slave = pty.openpty()
    words = [sys.executable, "-m", "xtrade", "monitor", "--every", "1ms", "--updates", "2"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "NO_COLOR": "1"}
    shown = []
    with subprocess.Popen(
        words, stdout=slave, stderr=subprocess.DEVNULL, env=environment, cwd=tmp_path
    ) as process:
        os.close(slave)
        # A terminal whose other end was closed reads as an error on Linux.
        with suppress(OSError):
            while part := os.read(master, 65_536):
                shown.append(part)
    os.close(master)

    text = b"".join(shown).decode()
    assert process.returncode == 0
    assert text.count("unrealised") >= 4
    assert "\x1b[1A" in text
    assert "taker" in text


def test_a_pace_that_is_none_is_refused(capsys, going_on):
    assert "expected a number and a unit" in xtrade(capsys, "monitor", "--every", "soon")[2]
    assert "expected 1ms or more" in xtrade(capsys, "monitor", "--every", "1us")[2]
    assert xtrade(capsys, "monitor", "--updates", "0")[0] == 2
