"""`xtrade journal`: one order's why, what is open, whether the file is whole; while somebody writes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.desks import KEY, OPENING, Desk, Scripted, level
from kit.journals import Place
from xtrade.app.cli import run
from xtrade.trading.checkpoints import checkpoint_of, keep_checkpoint
from xtrade.trading.journal import open_journal, read_journal


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def day(tmp_path):
    """The journal of a short run: one order filled, one canceled, one refused."""

    def book(ctx, _):
        if not ctx.position_lots(KEY) and not ctx.orders():
            ctx.buy(KEY, lots=3, ticks=1001)
            ctx.buy(KEY, lots=2, ticks=990)
            ctx.buy(KEY, lots=2, ticks=1990)
        elif ctx.position_lots(KEY):
            ctx.cancel_all()

    rows = [*OPENING, *(level(ns, 0, 900, 1 + ns // 100 % 2) for ns in range(100, 2000, 100))]
    desk = Desk(rows, maker=Scripted(book=book))
    place = tmp_path / "nodes" / "desk" / "trading.journal"
    with open_journal(place, accounts=["okx"]) as journal:
        desk.engine._journal, desk.engine._tells_why = journal, True
        desk.play()
        journal.flush()
    return place


def xtrade(capsys, *words):
    code = run(["journal", *words])
    out, err = capsys.readouterr()
    return code, out, err


def read(capsys, *words):
    code, out, _ = xtrade(capsys, *words, "--json")
    assert code == 0
    return json.loads(out)


def test_without_a_place_it_is_that_of_the_newest_run(capsys, day, tmp_path):
    there = tmp_path / "runs" / "quick"
    there.mkdir(parents=True)
    day.rename(there / day.name)

    assert len(read(capsys, "orders")) == 2
    assert xtrade(capsys, "verify")[0] == 0


def test_orders_are_shown_as_they_stand(capsys, day):
    filled, canceled = read(capsys, "orders")

    assert (filled["status"], filled["filled"], filled["price"]) == ("filled", "0.003", "100.1")
    assert (canceled["status"], canceled["quantity"], canceled["strategy"]) == ("canceled", "0.002", "maker")
    assert read(capsys, "orders", "--open") == []
    assert read(capsys, "orders", "--strategy", "other") == []
    assert "filled" in xtrade(capsys, "orders")[1]
    assert xtrade(capsys, "orders", "--open")[1] == "No order is open.\n"


def test_fills_are_shown_once_each(capsys, day):
    (fill,) = read(capsys, "fills")

    assert (fill["quantity"], fill["price"], fill["fee"], fill["maker"]) == (
        "0.003",
        "100.1",
        "0 USDT",
        False,
    )
    assert fill["trade_id"] in xtrade(capsys, "fills")[1]


def test_why_tells_the_chain_from_the_market_to_the_fill(capsys, day):
    order = read(capsys, "orders")[0]["order"]

    steps = read(capsys, "why", str(order))

    assert [step["what"] for step in steps] == [
        "saw",
        "decided",
        "let out",
        "written",
        "sent",
        "accepted",
        "filled",
    ]
    assert steps[0]["detail"] == f"in _callback of book {KEY}: bid 100, ask 100.1, holding 0"
    assert steps[1]["detail"] == f"maker: buy 0.003 at 100.1, {KEY} limit"
    assert all(step["took_ns"] is None or step["took_ns"] >= 0 for step in steps)
    assert "0.003 at 100.1 as taker, fee 0 USDT" in xtrade(capsys, "why", str(order))[1]


def test_why_tells_a_refusal_with_rule_limit_and_figure(capsys, day):
    (refused,) = read(capsys, "show", "--kind", "Refused")

    (step,) = read(capsys, "why", str(refused["order"]))

    assert step["what"] == "refused"
    assert step["detail"].startswith("by price_band: the price 199 is 98.9% through the market (limit 0.1 of")


def test_why_of_nothing_says_where_ids_are(capsys, day):
    code, _, err = xtrade(capsys, "why", "4711")

    assert code == 7
    assert "has no order 4711: `xtrade journal orders` shows the ids" in err


def test_the_latest_records_are_shown_and_can_be_read_by_machines(capsys, day):
    assert [row["kind"] for row in read(capsys, "show", "--last", "2")] == ["OrderCanceled", "SessionClosed"]
    everything = read(capsys, "show", "--last", "0")
    assert [row["sequence"] for row in everything] == list(range(1, len(everything) + 1))
    assert everything[0]["record"]["accounts"] == ["okx"]
    assert xtrade(capsys, "show", "--last", "3")[1].count("\n") == 4


def test_a_misspelt_kind_is_told(capsys, day):
    code, _, err = xtrade(capsys, "show", "--kind", "OrderFiled")

    assert code == 2
    assert "Did you mean 'OrderFilled'?" in err


def test_a_whole_journal_is_verified_also_while_it_is_written(capsys, day):
    with open_journal(day) as journal:
        verdict = read(capsys, "verify")

    assert verdict["whole"]
    assert not verdict["ended_in_order"]
    assert verdict["entries"] == journal.sequence - 1
    assert (verdict["sessions"], verdict["orders"], verdict["in_doubt"]) == (2, 2, 0)
    assert len(verdict["fingerprint"]) == 32


def test_a_damaged_journal_says_where_and_saves_what_is_before(capsys, day):
    Place("sqlite", day).run("UPDATE entries SET at_ns = 5 WHERE sequence = 6", by_force=True)

    code, out, _ = xtrade(capsys, "verify")
    assert code == 1
    assert "damaged\n" in out
    assert "entry 6 is not what was written" in out
    assert xtrade(capsys, "orders")[0] == 7

    code, _, err = xtrade(capsys, "export", "saved.jsonl")
    assert code == 7
    assert "5 records are in saved.jsonl" in err
    assert len(Path("saved.jsonl").read_text().splitlines()) == 5


def test_the_checkpoint_is_verified_with_the_journal(capsys, day):
    assert read(capsys, "verify")["checkpoint"] == "none"
    before = read(capsys, "orders")

    code, _, err = xtrade(capsys, "checkpoint")
    assert code == 0
    assert f"The checkpoint of {day} is at record " in err
    verdict = read(capsys, "verify")
    assert verdict["whole"]
    assert verdict["checkpoint"] == f"at record {verdict['entries']:,}, tells the same"
    assert read(capsys, "orders") == before

    with read_journal(day) as journal:
        store = checkpoint_of(journal)
        store.orders.popitem()
        keep_checkpoint(journal, store)
    code, out, _ = xtrade(capsys, "verify")
    assert code == 1
    assert "tells something else than the records up to there" in " ".join(out.split())
    assert xtrade(capsys, "checkpoint")[0] == 0
    assert read(capsys, "verify")["whole"], "made anew from the records, whatever was there"


def test_a_checkpoint_that_does_not_hold_is_told_and_does_without(capsys, day):
    before = read(capsys, "orders")
    xtrade(capsys, "checkpoint")
    kept = day.with_name(f"{day.name}.checkpoint")
    kept.write_bytes(kept.read_bytes()[:-1])

    verdict = read(capsys, "verify")
    assert verdict["whole"], "the journal is; the checkpoint is a cache"
    assert verdict["checkpoint"] == "will not be used: it is damaged, or of another journal"
    code, out, err = xtrade(capsys, "orders", "--json")
    assert code == 0
    assert json.loads(out) == before
    assert f"the checkpoint of {day} was not used: it is damaged" in err


def test_a_whole_journal_is_exported_a_line_a_record(capsys, day):
    code, _, _ = xtrade(capsys, "export", "all.jsonl")

    rows = [json.loads(line) for line in Path("all.jsonl").read_text().splitlines()]
    assert code == 0
    assert rows == read(capsys, "show", "--last", "0")
    assert xtrade(capsys, "export", "all.jsonl")[0] == 2


def test_the_configuration_says_where_the_journal_is(capsys, day):
    Path("xtrade.toml").write_text('[journal]\nplace = "elsewhere.journal"\n')
    code, _, err = xtrade(capsys, "orders")

    assert code == 7
    assert "there is no journal: neither elsewhere.journal nor a run in ./runs" in err
    assert read(capsys, "orders", "--journal", str(day))


def test_something_else_is_not_taken_for_a_journal(capsys, tmp_path):
    place = tmp_path / "nodes" / "desk" / "trading.journal"
    place.parent.mkdir(parents=True)
    place.write_text("not a database at all, and long enough to be looked at closely" * 20)

    code, _, err = xtrade(capsys, "verify")

    assert code == 7
    assert "file is not a database" in err


def test_a_database_address_is_asked_for_in_full(capsys):
    code, _, err = xtrade(capsys, "orders", "--journal", "postgresql:///trading")

    assert code == 2
    assert "postgresql://USER@HOST:PORT/DATABASE#NAME" in err
