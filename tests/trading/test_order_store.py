"""State is a fold over what was written: any beginning of it, in bytes or in memory, adds up to the same."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, strategies as st

from kit.journals import chained, intent
from kit.markets import instrument
from kit.orders import ID, order_events
from xtrade.model import events as ev
from xtrade.model.errors import DataError
from xtrade.model.fills import Fill
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.records import from_msgpack, to_msgpack
from xtrade.model.sides import Side
from xtrade.trading.journal.entries import checked, genesis
from xtrade.trading.journal.kinds import KINDS, LAZY, goes_first, kind_of, record_of, to_body
from xtrade.trading.order_store import OrderStore, replayed
from xtrade.trading.ports import (
    Asked,
    Decided,
    InstrumentKnown,
    Noted,
    Record,
    Refused,
    SessionClosed,
    SessionOpened,
    Turned,
)
from xtrade.trading.risk.state import TradingState

MARKET = instrument()
FIRST = genesis("test", 0)
histories = st.lists(order_events, max_size=12)


def written(history):
    return [InstrumentKnown(instrument=MARKET), intent(ID, lots=100, ticks=500_000), *history]


@given(histories)
def test_the_fold_is_that_of_the_order_and_books_what_it_books(history):
    store = replayed(checked(chained(written(history), FIRST), FIRST, where="test"))

    state, booked = OrderState(intent=intent(ID, lots=100, ticks=500_000)), 0
    for event in history:
        change = apply(state, event)
        state = change.state
        booked += sum(fill.signed_lots for fill in (change.booked,) if fill is not None)
        booked -= sum(fill.signed_lots for fill in (change.unbooked,) if fill is not None)
    assert store.orders[ID] == state
    assert store.portfolio.lots("one", MARKET.key) == booked


@given(histories, st.data())
def test_equal_histories_have_equal_fingerprints_and_another_fill_has_another(history, data):
    store = replayed(chained(written(history), FIRST))
    assert replayed(chained(written(history), FIRST)).fingerprint() == store.fingerprint()

    fill = Fill(trade_id="new", side=Side.BUY, ticks=1, lots=1)
    other = replayed(chained(written([*history, ev.OrderFilled(client_order_id=ID, fill=fill)]), FIRST))
    assert other.fingerprint() != store.fingerprint()


@given(histories, st.integers(0, 20))
def test_a_restart_at_any_point_ends_where_no_restart_would(history, cut):
    records = written(history)
    cut = min(cut, len(records))
    restarted = [
        *records[:cut],
        SessionClosed(),
        SessionOpened(host="h", pid=1, program="p"),
        *records[cut:],
    ]
    assert (
        replayed(chained(restarted, FIRST)).fingerprint() == replayed(chained(records, FIRST)).fingerprint()
    )


@given(
    st.lists(order_events, min_size=1, max_size=6),
    st.integers(0, 5),
    st.integers(0, 10_000),
    st.integers(0, 7),
)
def test_a_flipped_bit_in_any_entry_is_found(history, which, at, bit):
    entries = chained(history, FIRST)
    which %= len(entries)
    body = bytearray(entries[which].body)
    body[at % len(body)] ^= 1 << bit
    entries[which] = entries[which]._replace(body=bytes(body))

    passed = []
    with pytest.raises(DataError, match=f"test: entry {which + 1} is not what was written"):
        passed.extend(checked(entries, FIRST, where="test"))
    assert passed == entries[:which]


def test_entries_that_are_missing_doubled_or_of_another_journal_are_found():
    entries = chained(written([ev.OrderSent(client_order_id=ID)]), FIRST)
    for wrong in ([entries[0], entries[2]], [*entries[:2], entries[1]], entries[1:]):
        with pytest.raises(DataError, match="entry . is (missing|not what)"):
            list(checked(wrong, FIRST, where="test"))
    with pytest.raises(DataError, match="entry 1 is not what was written"):
        list(checked(entries, genesis("another", 0), where="test"))


@pytest.mark.parametrize(
    "record",
    [
        intent(1),
        Decided(client_order_id=1, callback="on_book", cause="book x", heard_ns=1, sequence=4, bid_ticks=5),
        Asked(client_order_id=1, what="amend", request=1, lots=4, ticks=5, at_ns=6),
        Refused(intent=intent(1), rule="r", limit="l", figure="f", reason="why", at_ns=1),
        Noted(strategy="one", text="ü", at_ns=1),
        InstrumentKnown(instrument=MARKET),
        SessionOpened(host="h", pid=1, program="p", accounts=("a",)),
        SessionClosed(reason="done"),
        Turned(strategy="", state=TradingState.HALTED, why="a loss", by="guard", at_ns=1),
        ev.MarginReport(account="a", equity=Money.of(1, "USDT"), maintenance=Money.of("0.1", "USDT")),
        ev.FundingPaid(
            account="a", instrument=MARKET.key, payment_id="1", amount=Money.of("-0.1", "USDT"), rate=None
        ),
        ev.BalanceReport(account="a", total=Money.of(1, "USDT"), held=Money.of(0, "USDT")),
    ],
    ids=lambda record: type(record).__name__,
)
def test_every_record_comes_back_as_it_was_written(record):
    assert record_of(kind_of(record), to_body(record)) == record


def test_what_must_precede_its_bytes_and_what_a_power_cut_may_take_is_stated():
    """A list to be read: whoever changes it changes what the docs promise."""
    urgent = set(KINDS) - {kind.__name__ for kind in LAZY}

    assert urgent == {
        "OrderIntent",
        "Asked",
        "SessionOpened",
        "SessionClosed",
        "Turned",
        "OrderAccepted",
        "OrderRejected",
        "OrderFilled",
        "OrderCompleted",
        "FillReversed",
        "OrderCanceled",
        "OrderExpired",
        "OrderInDoubt",
        "OrderRestored",
        "OrderAmended",
        "AmendRejected",
        "CancelRejected",
        "AccountOpened",
        "FundingPaid",
    }
    assert goes_first(intent(1))
    assert goes_first(Asked(client_order_id=1, what="amend", request=1, at_ns=0))
    assert not goes_first(Asked(client_order_id=1, what="cancel", request=1, at_ns=0))


def test_accounts_money_and_strangers_are_kept():
    store = OrderStore()
    balance = ev.BalanceReport(account="a", total=Money.of(1, "USDT"), held=Money.of(0, "USDT"))
    place = ev.PositionReport(account="a", instrument=MARKET.key, lots=3)
    fill = Fill(trade_id="t", side=Side.BUY, ticks=1000, lots=10)
    for record in (
        InstrumentKnown(instrument=MARKET),
        intent(1, instrument=MARKET.key),
        ev.OrderFilled(client_order_id=1, fill=fill),
        ev.FundingPaid(account="a", instrument=MARKET.key, payment_id="p", amount=Money.of(-2, "USDT")),
        balance,
        place,
        ev.OrderAccepted(client_order_id=77),
    ):
        store.take(record)

    assert store.portfolio.position("one", MARKET).funding == (Money.of(-2, "USDT"),)
    assert store.balances == {("a", "USDT"): balance}
    assert store.reported_positions == {("a", MARKET.key): place}
    assert store.strays == {77: 1}


def test_a_fill_on_an_instrument_nobody_named_is_an_error_that_says_so():
    fill = Fill(trade_id="t", side=Side.BUY, ticks=1000, lots=10)
    entries = chained([intent(1), ev.OrderFilled(client_order_id=1, fill=fill)], FIRST)

    with pytest.raises(
        DataError, match="entry 2 of the journal: the journal books a fill of order 1 before it"
    ):
        replayed(entries)


def test_a_missing_fill_is_to_be_fetched():
    store = OrderStore()
    for record in (intent(1), ev.OrderCompleted(client_order_id=1, cumulative_lots=10)):
        store.take(record)

    (state,) = store.unsettled()
    assert state.missing_lots == 10
    assert state.status is OrderStatus.FILLED


def test_a_request_that_was_refused_to_be_sent_is_not_assumed_sent_once_another_was():
    store = OrderStore()
    for record in (
        intent(1),
        ev.OrderAccepted(client_order_id=1, venue_order_id="v"),
        Asked(client_order_id=1, what="cancel", request=1, at_ns=0),
        ev.CancelSent(client_order_id=1, request=1),
        ev.CancelRejected(client_order_id=1, request=1),
    ):
        store.take(record)

    assert not store.open_orders()[0].cancel_pending
    assert from_msgpack(to_msgpack(store.orders[1]), OrderState) == store.orders[1]


def test_every_kind_of_record_that_may_be_written_can_be_read():
    """A record that is added to the port and not to the journal would be written, and never read again."""
    named = {each for each in get_args(Record) if each not in {ev.OrderEvent, ev.AccountEvent}}
    told = {each for each in get_args(ev.AnyEvent) if issubclass(each, ev.OrderEvent | ev.AccountEvent)}

    assert {kind.type for kind in KINDS.values()} == named | told
