"""Why does it not trade? The blocking check, its figures, and the option that sets it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kit.by_hand import Bench, S
from kit.markets import instrument
from xtrade.model.events import LinkDown, Stale
from xtrade.model.instruments import Kind
from xtrade.trading.acting import turn
from xtrade.trading.risk.desk_rules import DESK_RULES
from xtrade.trading.risk.explain import SETTINGS, explain, picture
from xtrade.trading.risk.guards import GUARDS, Action, Verdict
from xtrade.trading.risk.limits import DeskLimits, Limits
from xtrade.trading.risk.rules import RULES
from xtrade.trading.risk.state import TradingState


def explained(bench, name="one", verdicts=()):
    return explain(picture(bench.engine, name, verdicts))


def blocking(bench, name="one"):
    return [(each.check, each.setting) for each in explained(bench, name) if each.blocks]


def test_a_strategy_that_may_trade_and_has_not_asked():
    bench = Bench()
    (finding,) = explained(bench)
    assert finding.line() == (
        "one: strategy: it has not asked for an order yet: what it waits for has not come"
    )


def test_to_explain_sends_nothing_and_counts_nothing():
    bench = Bench()
    before, written = bench.engine.next_id(), len(bench.journal.records)
    explained(bench)
    assert bench.placed == []
    assert bench.engine.next_id() == before + 1
    assert len(bench.journal.records) == written


def test_the_dial_and_who_turned_it():
    bench = Bench()
    turn(bench.engine, TradingState.REDUCING, "daily_loss: 1000 USDT is lost since midnight UTC", by="guard")
    finding = explained(bench)[0]
    assert finding.line() == (
        "one: BLOCKED by trading_state: the desk is reducing: daily_loss: 1000 USDT is lost since midnight UTC"
        " [risk.guards.daily_loss]"
    )


def test_a_strategy_that_failed():
    bench = Bench()
    bench.engine.strategies["one"].callbacks["timer"] = lambda ctx, name: 1 / 0
    bench.ctx().after(1, "now")
    bench.engine.tick(3 * S)
    assert explained(bench)[0].text.startswith("it failed in ")
    assert "ZeroDivisionError" in explained(bench)[0].text


def test_a_limit_that_is_reached_names_its_option_and_its_figures():
    bench = Bench(limits={"one": Limits(position_value_max=Decimal(3))})
    bench.hold(30)

    finding = explained(bench)[0]

    assert finding.line() == (
        f"one: BLOCKED by position: no buy on {bench.key}: the position, with what is open, would be worth 3.1 USDT"
        " (limit 3 USDT, figure 3.1 USDT) [strategies.one.position_value_max]"
    )


def test_what_is_in_the_way_on_both_sides_is_said_once():
    bench = Bench()
    bench.tell(LinkDown(venue="binance", channel="orders", reason="no answer"))
    assert blocking(bench) == [("venue_health", "")]
    assert "no order on binance:BTC/USDT:USDT" in explained(bench)[0].text


def test_stale_data_a_gap_and_the_desk():
    bench = Bench(desk_limits=DeskLimits(open_orders_max=1))
    bench.tell(Stale(instrument=bench.key, what="book", age_ns=9 * S))
    assert blocking(bench)[0] == ("stale_quotes", "strategies.one.quote_age_ms_max")
    bench.engine.book_changed(bench.key, 2 * S)
    assert blocking(bench) == []
    bench.books[bench.key].is_trusted = False
    assert blocking(bench) == [("book", "")]
    bench.books[bench.key].is_trusted = True
    bench.ctx().buy(bench.key, lots=1, ticks=900)
    assert blocking(bench) == [("desk_open_orders", "risk.open_orders_max")]


def test_what_cannot_be_sold_on_spot_hinders_nobody_who_buys():
    spot = instrument(Kind.SPOT, min_notional=Decimal(5))
    bench = Bench(markets=[spot])
    assert blocking(bench) == []
    assert [each.check for each in explained(bench)] == ["spot_holdings", "strategy"]


def test_what_it_did_lately():
    bench = Bench()
    bench.ctx().buy(bench.key, lots=1, ticks=900)
    bench.engine.now_ns += 5 * S
    bench.ctx().buy(bench.key, lots=1, ticks=5000)
    bench.engine.now_ns += 90 * S

    refused, lately = explained(bench)

    assert refused.line() == (
        "one: price_band: its last refusal was 90s ago: the price 500 is 399.8% through the market;"
        " so far by rule: price_band 1 (limit 0.1 of the middle, figure 3.998) [strategies.one.price_band]"
    )
    assert lately.text == "it last asked for an order 90s ago; the last was let out 95s ago; 1 open"


def test_verdicts_of_the_guards_are_told_to_whom_they_concern():
    bench = Bench("one", "two")
    verdicts = [
        Verdict("no_progress", "one", "10m", "11m", "in vain", Action.HALT, strategy="one"),
        Verdict("margin_ratio", "okx", "80%", "90%", "near", Action.REDUCE),
    ]
    assert [each.check for each in explained(bench, "two", verdicts)] == ["margin_ratio", "strategy"]
    assert [each.check for each in explained(bench, "one", verdicts)][:2] == ["no_progress", "margin_ratio"]


@pytest.mark.parametrize("key", sorted(set(SETTINGS.values())))
def test_every_option_that_is_named_exists(key):
    from xtrade.app.config.model import Config
    from xtrade.app.config.options import options

    known = {".".join(option.key) for option in options(Config)}
    assert key.format(name="NAME") in known


def test_every_setting_is_of_a_rule_or_a_guard():
    named = {each.__name__ for each in (*RULES, *DESK_RULES, *GUARDS)} | {"position_base"}
    assert set(SETTINGS) <= named
