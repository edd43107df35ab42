"""`xtrade explain`: why a strategy is, or is not, trading, by its journal and its configuration."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kit.desks import KEY, OPENING, Desk, Scripted, level
from xtrade.app.cli import run
from xtrade.model.events import OrderAccepted, OrderRejected
from xtrade.trading.acting import turn
from xtrade.trading.journal import open_journal
from xtrade.trading.ports import SessionOpened, Turned
from xtrade.trading.risk import TradingState

CONFIG = """
[strategies.maker]
strategy = "quoter"
price_band = 0.25

[strategies.idle]
strategy = "sma"
"""


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XTRADE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "day.running").mkdir(parents=True)


@pytest.fixture
def play(tmp_path):
    """Play strategies with a journal that is still held when the test looks."""
    journals = []

    def once(after=None, **strategies):
        rows = [*OPENING, *(level(ns, 0, 900, 1 + ns // 100 % 2) for ns in range(100, 2000, 100))]
        desk = Desk(rows, **strategies)
        journal = open_journal(tmp_path / "runs" / "day.running" / "trading.journal")
        journals.append(journal)
        desk.engine._journal, desk.engine._tells_why = journal, True
        desk.play()
        if after is not None:
            after(desk.engine, journal)
        journal.flush()
        return journal

    yield once
    for journal in journals:
        journal.close("the test is over")


def xtrade(capsys, *words):
    code = run(["explain", *words])
    out, err = capsys.readouterr()
    return code, out, err


def explained(capsys, name="maker", *words):
    code, out, _ = xtrade(capsys, name, *words, "--json")
    assert code == 0
    (found,) = json.loads(out)["strategies"]
    return found


def blocks(found):
    return {each["check"]: each for each in found["reasons"] if each["blocks"]}


def bidder(ctx, _):
    if not ctx.orders():
        ctx.buy(KEY, lots=2, ticks=990)


def wild(ctx, _):
    ctx.buy(KEY, lots=2, ticks=1990)


def test_nothing_is_said_to_block_what_trades(capsys, play):
    play(maker=Scripted(book=bidder))

    found = explained(capsys)

    assert not found["blocked"]
    assert [each["check"] for each in found["reasons"]] == ["strategy"]
    assert "; 1 open" in found["reasons"][0]["text"]
    out = xtrade(capsys)[1]
    assert "maker: nothing in the journal holds it back" in out
    assert "Only the running node knows" in " ".join(out.split())


def test_a_refusal_names_rule_limit_figure_and_the_line_that_sets_it(capsys, play, tmp_path):
    (tmp_path / "desk.toml").write_text(CONFIG)
    play(maker=Scripted(book=wild))

    found = explained(capsys, "maker", "--config", "desk.toml")

    band = blocks(found)["price_band"]
    assert (band["limit"][:3], band["setting"]) == ("0.1", "strategies.maker.price_band")
    assert band["figure"]
    assert (band["set_to"]["value"], band["set_to"]["where"]) == (0.25, "desk.toml:4:1")
    assert f"no buy on {KEY}" in band["text"]
    assert "BLOCKED by price_band" in xtrade(capsys, "maker")[1]
    assert "name the run's with --config" in " ".join(xtrade(capsys, "maker")[1].split())


def test_a_refusal_blocks_no_more_once_an_order_goes_out(capsys, play):
    asked = []

    def book(ctx, _):
        asked.append(None)
        if len(asked) <= 3:
            wild(ctx, _)
        else:
            bidder(ctx, _)

    play(maker=Scripted(book=book))

    found = explained(capsys)

    assert not found["blocked"]
    (history,) = [each for each in found["reasons"] if each["check"] == "refusals"]
    assert "price_band 3" in history["text"]


def test_a_dial_that_was_turned_says_who_why_and_by_which_option(capsys, play):
    def halt(engine, _):
        turn(engine, TradingState.HALTED, "daily_loss: 120 USDT is lost today", by="guard")

    play(halt, maker=Scripted(book=bidder))

    dial = blocks(explained(capsys))["trading_state"]

    assert "the desk is halted, turned by guard at " in dial["text"]
    assert "daily_loss: 120 USDT is lost today" in dial["text"]
    assert (dial["setting"], dial["set_to"]["where"]) == ("risk.guards.daily_loss", "default")


def test_a_dial_that_was_turned_back_blocks_nobody(capsys, play):
    def there_and_back(_, journal):
        for state in (TradingState.REDUCING, TradingState.ACTIVE):
            journal.append(Turned(strategy="maker", state=state, why="a look", by="operator", at_ns=5))

    play(there_and_back, maker=Scripted(book=bidder))

    assert not explained(capsys)["blocked"]


def test_a_strategy_that_failed_or_stopped_says_so(capsys, play):
    def fails(ctx, _):
        raise ValueError("no such signal")

    play(maker=Scripted(book=fails), other=Scripted(book=lambda ctx, _: ctx.stop("it has had enough")))

    assert "ValueError: no such signal" in blocks(explained(capsys))["failed"]["text"]
    assert "it has had enough" in blocks(explained(capsys, "other"))["stopped"]["text"]


def test_orders_that_the_venue_does_not_take_are_counted_until_one_is(capsys, play):
    ids = []

    def turned_away(engine, journal):
        (order,) = engine.contexts["maker"].open_orders.values()
        ids.append(order.id)
        for _ in range(2):
            journal.append(OrderRejected(client_order_id=order.id, reason="margin is short", code="51008"))

    journal = play(turned_away, maker=Scripted(book=bidder))
    venue = blocks(explained(capsys))["venue"]
    assert "its last 2 orders were not taken" in venue["text"]
    assert "margin is short [51008]" in venue["text"]

    journal.append(OrderAccepted(client_order_id=ids[0], venue_order_id="9"))
    journal.flush()
    assert "venue" not in blocks(explained(capsys))


def test_a_run_that_has_ended_is_the_first_reason(capsys, play, tmp_path):
    play(maker=Scripted(book=wild)).close("60 s are over")

    first, *_ = explained(capsys)["reasons"]

    assert (first["check"], first["blocks"]) == ("run", True)
    assert "60 s are over; start it again" in first["text"]


def test_a_process_that_died_is_known_from_one_that_lives(capsys, tmp_path):
    code = """
import os, sys
from xtrade.trading.journal import open_journal
from xtrade.trading.ports import Noted
journal = open_journal(sys.argv[1])
journal.append(Noted(strategy="maker", text="here I am", at_ns=1))
journal.flush()
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code, "runs/day.running/trading.journal"], check=False)

    (tmp_path / "desk.toml").write_text(CONFIG)
    found = explained(capsys, "maker", "--config", "desk.toml")

    assert "is gone and did not end in order" in blocks(found)["run"]["text"]
    assert any("here I am" in each["text"] for each in found["reasons"])


def test_what_an_earlier_process_was_told_is_not_held_against_the_next(capsys, play):
    def again(engine, journal):
        turn(engine, TradingState.HALTED, "emergency", by="operator")
        journal.append(SessionOpened(host="elsewhere", pid=1, program="xtrade"))

    play(again, maker=Scripted(book=wild))

    found = explained(capsys)

    assert not found["blocked"]
    assert "runs on elsewhere; whether it lives cannot be seen from here" in found["reasons"][0]["text"]


def test_a_strategy_that_only_the_configuration_knows_has_not_asked_yet(capsys, play, tmp_path):
    (tmp_path / "desk.toml").write_text(CONFIG)
    play(maker=Scripted(book=bidder))

    found = explained(capsys, "idle", "--config", "desk.toml")

    assert not found["blocked"]
    assert "the journal has no order of it in this run" in found["reasons"][0]["text"]


def test_a_name_that_nobody_knows_is_told_with_those_there_are(capsys, play):
    play(maker=Scripted(book=bidder))

    code, _, err = xtrade(capsys, "makr")

    assert code == 2
    assert "has no strategy 'makr'" in err
    assert "there is maker. Did you mean 'maker'?" in err
