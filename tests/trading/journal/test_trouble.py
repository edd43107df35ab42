"""A journal that cannot write: no order leaves, cancels go on, and all of it is written once it can be."""

import sqlite3

import pytest

from kit.by_hand import Bench
from kit.desks import KEY, OPENING, Desk, Scripted, level
from kit.journals import cut_off, intent, written_again
from xtrade.model.errors import JournalBroken
from xtrade.model.events import OrderAccepted, OrderSent
from xtrade.model.order_state import OrderStatus
from xtrade.trading.acting import cancel_open, turn
from xtrade.trading.journal.kinds import record_of
from xtrade.trading.order_store import fingerprint, replayed
from xtrade.trading.ports import Asked, Noted, Refused
from xtrade.trading.risk.state import TradingState


def break_it(place, journal):
    """Take away what it writes to; what is returned gives it back."""
    if place.form == "postgres":
        assert cut_off(place.url) >= 1
        return lambda: None
    connection = journal.store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    # Fill up what is left of the last page.
    with pytest.raises(sqlite3.OperationalError, match="full"):  # noqa: PT012
        while True:
            connection.execute("INSERT INTO journal VALUES (?, 0)", ("x" * 500,))
    return lambda: connection.execute("PRAGMA max_page_count = 1000000")


def records(journal):
    return [record_of(entry.kind, entry.body) for entry in journal.entries()]


def fill_the_rest(journal):
    """On SQLite a page may have room for one more: append until it has none."""
    for _ in range(100):
        journal.append(Noted(strategy="one", text="x" * 200, at_ns=0))
        if journal.trouble is not None:
            return
    # PostgreSQL's connection says so with the first urgent record.
    with pytest.raises(JournalBroken):
        journal.append(intent(999))


def test_intents_are_refused_and_all_else_is_kept_until_it_can_be_written(place):
    heard = []
    with place.open(on_trouble=heard.append) as journal:
        journal.append(intent(1))
        mend = break_it(place, journal)
        fill_the_rest(journal)

        with pytest.raises(JournalBroken):
            journal.append(intent(2))
        with pytest.raises(JournalBroken):
            journal.append(Asked(client_order_id=1, what="amend", request=1, lots=5, ticks=1, at_ns=0))
        cancel = Asked(client_order_id=1, what="cancel", request=1, at_ns=0)
        accepted = OrderAccepted(client_order_id=1, venue_order_id="v1", received_ns=5)
        journal.append(cancel)
        journal.append(accepted)
        assert (journal.may_place, journal.may_cancel) == (False, True)
        assert journal.backlog >= 2

        mend()
        written_again(journal)
        assert (journal.trouble, journal.backlog) == (None, 0)
        journal.append(intent(3))
        kept = records(journal)

    assert kept[-3:] == [cancel, accepted, intent(3)]
    assert intent(2) not in kept
    assert [type(each) for each in heard] == [JournalBroken, type(None)]


def test_trouble_names_its_cause_and_the_way_out(place):
    with place.open() as journal:
        mend = break_it(place, journal)
        fill_the_rest(journal)
        said = str(journal.trouble)
        mend()
        written_again(journal)

    if place.form == "sqlite":
        assert "trading.journal: the disk is full: free space in " in said
    else:
        assert said.startswith("postgresql://127.0.0.1:5432/xtrade_test_")
        assert "postgres@" not in said


def test_a_strategy_whose_journal_cannot_write_places_nothing_and_can_cancel(place):
    seen = {}

    def book(ctx, _):
        if "first" not in seen:
            seen["first"] = ctx.buy(KEY, lots=1, ticks=990)
        elif "second" not in seen and ctx.orders():
            seen["mend"] = break_it(place, journal)
            fill_the_rest(journal)
            seen["second"] = ctx.buy(KEY, lots=1, ticks=991)
            seen["amended"] = seen["first"].amend(ticks=992)
            seen["canceled"] = ctx.cancel_all()

    rows = [*OPENING, *(level(ns, 0, 900, 1 + ns // 100 % 2) for ns in range(100, 1000, 100))]
    desk = Desk(rows, one=Scripted(book=book))
    with place.open() as journal:
        desk.engine._journal = journal
        desk.play()
        assert seen["second"].status is OrderStatus.REJECTED
        assert seen["second"].refusal.rule == "journal"
        assert (seen["amended"], seen["canceled"]) == (False, 1)
        assert seen["first"].status is OrderStatus.CANCELED
        seen["mend"]()
        written_again(journal)
        store = replayed(journal.entries())
        refused = [each for each in records(journal) if isinstance(each, Refused)]

    assert store.orders[seen["first"].id] == seen["first"].state
    assert {each.rule for each in refused} == {"journal"}
    assert not [state for state in store.open_orders() if state.intent.client_order_id != 999]


def test_an_intent_whose_writing_failed_late_is_known_not_to_have_been_sent(place):
    """The write reached the disk although it was reported failed; the order was given up, and says so."""
    with place.open() as journal:
        journal.append(intent(1))
        journal.append(Refused(intent=intent(1), rule="journal", limit="", figure="", reason="full", at_ns=1))
        journal.flush()

        store = replayed(journal.entries())

    assert store.orders[1].status is OrderStatus.REJECTED
    assert not store.in_doubt()


def test_a_run_folds_back_to_what_the_engine_had(place):
    """I18: the state rebuilt from the journal is the state that was in memory."""

    def book(ctx, _):
        if not ctx.position_lots(KEY) and not ctx.orders():
            ctx.buy(KEY, lots=3, ticks=1001)
            ctx.buy(KEY, lots=2, ticks=990)
        for order in ctx.orders():
            if order.status is OrderStatus.OPEN and not order.state.amend_pending and order.ticks == 990:
                order.amend(ticks=991, lots=4)

    def stop(ctx):
        ctx.sell(KEY, lots=1)

    rows = [*OPENING, *(level(ns, 0, 900, 1 + ns // 100 % 2) for ns in range(100, 2000, 100))]
    desk = Desk(rows, one=Scripted(book=book, stop=stop))
    with place.open() as journal:
        desk.engine._journal = journal
        desk.engine._tells_why = True
        desk.play()
        journal.flush()
        store = replayed(journal.entries())

    engine = desk.engine
    orders = [order.state for _, order in [*engine._blotter.live.values(), *engine._blotter.ended.values()]]
    assert len(store.orders) == len(orders) >= 2
    assert store.portfolio.lots("one", KEY) == 3
    assert store.fingerprint() == fingerprint(orders, engine.portfolio)


def test_sent_is_told_by_the_death_of_the_process_alone(place):
    journal = place.open()
    journal.append(intent(1))
    journal.append(intent(2))
    journal.append(OrderSent(client_order_id=2))
    journal.append(intent(3))
    journal.append(OrderAccepted(client_order_id=3, venue_order_id="v"))
    journal.append(Asked(client_order_id=3, what="amend", request=1, lots=30, ticks=5, at_ns=1))
    journal.store.close()  # no word of an end: as a death leaves it

    with place.open() as again:
        store = replayed(again.entries())

    assert [state.intent.client_order_id for state in store.in_doubt()] == [1, 2]
    assert [event.client_order_id for event in store.doubts()] == [1, 2]
    # The amend may have reached the venue: what it asked for counts.
    assert store.orders[3].worst_case_lots == 30
    assert store.orders[3].amend_pending


def test_whoever_lost_the_journal_to_another_process_sends_not_even_cancels(place):
    bench = Bench()
    with place.open() as journal:
        bench.engine._journal = journal
        order = bench.ctx().buy(bench.key, lots=5, ticks=900)
        bench.accept(order)
        journal.trouble = JournalBroken("this process lost its lease", lost=True)

        assert not order.cancel()
        assert bench.ctx().cancel_all() == 0
        cancel_open(bench.engine, bench.ctx())
        turn(bench.engine, TradingState.HALTED, "a test", by="operator")

        assert bench.cancels == []
        assert not order.cancel_pending
        journal.trouble = JournalBroken("the disk is full")
        assert order.cancel(), "trouble that nobody else has a part in hinders no cancel"
        journal.trouble = None
    assert bench.cancels == [order.id]
