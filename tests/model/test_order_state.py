"""An order's life in the disorder that real venues make; the ids are those of the fault catalogue."""

import pytest

from kit.orders import ID, order
from xtrade.model import events as ev
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus, apply
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side

ACK = ev.OrderAccepted(client_order_id=ID, venue_order_id="v1")
SENT = ev.OrderSent(client_order_id=ID)
CANCELED = ev.OrderCanceled(client_order_id=ID, venue_order_id="v1", venue_ns=50)


def fill(trade_id, lots, *, fee=None, cumulative=0):
    trade = Fill(trade_id=trade_id, side=Side.BUY, ticks=500_000, lots=lots, fee=fee)
    return ev.OrderFilled(client_order_id=ID, venue_order_id="v1", fill=trade, cumulative_lots=cumulative)


def after(*events, state=None):
    state = order() if state is None else state
    for event in events:
        state = apply(state, event).state
    return state


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], OrderStatus.NEW),
        ([SENT], OrderStatus.SENT),
        ([SENT, ACK], OrderStatus.OPEN),
        ([SENT, ACK, fill("t1", 40)], OrderStatus.PARTIAL),
        ([SENT, ACK, fill("t1", 40), fill("t2", 60)], OrderStatus.FILLED),
        ([SENT, ACK, CANCELED], OrderStatus.CANCELED),
        ([SENT, ACK, fill("t1", 40), CANCELED], OrderStatus.CANCELED),
        ([SENT, ev.OrderRejected(client_order_id=ID, reason="no margin")], OrderStatus.REJECTED),
        ([SENT, ACK, ev.OrderExpired(client_order_id=ID, reason="IOC")], OrderStatus.EXPIRED),
        ([SENT, ev.OrderInDoubt(client_order_id=ID, reason="time-out")], OrderStatus.IN_DOUBT),
    ],
)
def test_a_quiet_life_goes_through_the_states_of_the_design(events, status):
    assert after(*events).status is status


def test_a_fill_before_its_ack_opens_the_order():
    """
    OS-01: the fill proves that the order exists, and the late ack takes nothing back.
    """
    early = after(SENT, fill("t1", 40))

    assert early.status is OrderStatus.PARTIAL
    assert early.venue_order_id == "v1"
    assert after(ACK, state=early) == after(SENT, ACK, fill("t1", 40))


def test_a_fill_after_a_cancel_is_booked_and_said_to_be_late():
    """
    OS-02: the end of an order is no end of its fills (I5).
    """
    change = apply(after(SENT, ACK, CANCELED), fill("t1", 40))

    assert change.booked.lots == 40
    assert change.state.status is OrderStatus.CANCELED
    assert change.note == "late fill after canceled: booked"


def test_a_refused_cancel_leaves_the_order_where_it_was():
    """
    OS-03, OS-04: a refusal is a question; until it is answered the order counts in full.
    """
    asked = after(SENT, ACK, ev.CancelSent(client_order_id=ID, request=1))
    refused = after(ev.CancelRejected(client_order_id=ID, request=1, reason="unknown order"), state=asked)

    assert asked.cancel_pending
    assert asked.worst_case_lots == 100
    assert not refused.cancel_pending
    assert refused.status is OrderStatus.OPEN
    assert refused.worst_case_lots == 100


def test_an_unanswered_second_cancel_stays_pending_when_the_first_is_refused():
    asked = after(
        SENT,
        ACK,
        ev.CancelSent(client_order_id=ID, request=1),
        ev.CancelSent(client_order_id=ID, request=2),
        ev.CancelRejected(client_order_id=ID, request=1),
    )

    assert asked.cancel_pending


def test_a_status_that_goes_backwards_is_ignored_and_said():
    """
    OS-08, OS-11: old news after the end.
    """
    done = after(SENT, fill("t1", 100))
    change = apply(done, ev.OrderAccepted(client_order_id=ID))

    assert change.state.status is OrderStatus.FILLED
    assert change.note == "OrderAccepted says nothing new: ignored as a repetition"
    canceled = after(SENT, ev.OrderCanceled(client_order_id=ID))
    assert apply(canceled, ev.OrderInDoubt(client_order_id=ID)).note == (
        "OrderInDoubt after canceled: status unchanged"
    )


def test_a_filled_order_whose_fills_are_on_their_way_is_final_but_not_settled():
    """
    OS-09, OS-10: the venue's total is believed, no fill is invented, and the real ones complete it.
    """
    told = after(SENT, ACK, ev.OrderCompleted(client_order_id=ID, cumulative_lots=100))

    assert told.status is OrderStatus.FILLED
    assert (told.filled_lots, told.missing_lots, told.is_settled) == (0, 100, False)
    complete = after(fill("t1", 60), fill("t2", 40), state=told)
    assert (complete.filled_lots, complete.missing_lots, complete.is_settled) == (100, 0, True)


def test_the_cancel_of_a_replaced_leg_does_not_end_the_order():
    """
    OS-13: some venues amend by cancelling the old order and placing another.
    """
    amended = ev.OrderAmended(
        client_order_id=ID, venue_order_id="v2", replaces="v1", request=1, lots=80, venue_ns=50
    )

    for events in ([ACK, amended, CANCELED], [ACK, CANCELED, amended]):
        state = after(SENT, *events)
        assert state.status is OrderStatus.OPEN
        assert state.venue_order_id == "v2"
        assert state.lots == 80
    assert after(SENT, ACK, amended, ev.OrderCanceled(client_order_id=ID, venue_order_id="v2")).status is (
        OrderStatus.CANCELED
    )


def test_while_an_amend_is_unanswered_the_larger_quantity_is_held():
    """
    OE-09, OE-10: both outcomes count until one is known.
    """
    asked = after(
        SENT, ACK, fill("t1", 30), ev.AmendSent(client_order_id=ID, request=1, lots=150, ticks=500_010)
    )

    assert asked.amend_pending
    assert (asked.lots, asked.worst_case_lots) == (100, 120)
    done = after(ev.OrderAmended(client_order_id=ID, request=1, lots=150, ticks=500_010), state=asked)
    assert not done.amend_pending
    assert (done.lots, done.ticks, done.worst_case_lots) == (150, 500_010, 120)
    refused = after(ev.AmendRejected(client_order_id=ID, request=1), state=asked)
    assert (refused.amend_pending, refused.worst_case_lots) == (False, 70)


def test_fills_of_the_old_quantity_do_not_end_an_order_that_may_be_larger_now():
    """I6: the answer to the change may be lost, and the rest still trade."""
    larger = ev.AmendSent(client_order_id=ID, request=1, lots=150)
    asked = after(SENT, ACK, larger, fill("t1", 100))

    assert (asked.status, asked.worst_case_lots) == (OrderStatus.PARTIAL, 50)
    refused = ev.AmendRejected(client_order_id=ID, request=1)
    made = ev.OrderAmended(client_order_id=ID, request=1, lots=150)
    assert after(SENT, ACK, larger, fill("t1", 100), refused).status is OrderStatus.FILLED
    assert after(SENT, ACK, larger, fill("t1", 100), made).status is OrderStatus.PARTIAL
    assert (
        after(SENT, ACK, larger, fill("t1", 100), ev.OrderCompleted(client_order_id=ID)).status
        is OrderStatus.FILLED
    )


def test_the_later_of_two_amendments_stands_whichever_is_heard_last():
    first = ev.OrderAmended(client_order_id=ID, request=1, lots=80, ticks=5, venue_ns=10)
    second = ev.OrderAmended(client_order_id=ID, request=2, lots=60, ticks=6, venue_ns=20)

    assert after(ACK, second, first).lots == after(ACK, first, second).lots == 60


def test_our_requests_are_ordered_by_their_number_whatever_the_times_say():
    first = ev.OrderAmended(client_order_id=ID, request=1, lots=50, venue_ns=10)
    second = ev.OrderAmended(client_order_id=ID, request=2, lots=500)

    for events in ([first, second], [second, first]):
        assert after(SENT, ACK, *events).lots == 500


def test_where_no_time_tells_which_change_came_last_the_larger_quantity_is_held():
    ours = ev.OrderAmended(client_order_id=ID, request=1, lots=50)
    theirs = ev.OrderAmended(client_order_id=ID, lots=80, venue_ns=10)
    later = ev.OrderAmended(client_order_id=ID, lots=80, ticks=7, venue_ns=20)
    timed = ev.OrderAmended(client_order_id=ID, request=1, lots=50, venue_ns=15)

    assert after(ACK, ours, theirs).worst_case_lots == after(ACK, theirs, ours).worst_case_lots == 80
    assert after(ACK, ours, theirs).lots == 50
    assert (after(ACK, timed, theirs).lots, after(ACK, timed, later).lots) == (50, 80)


def test_a_change_of_quantity_alone_leaves_the_price():
    priced = ev.OrderAmended(client_order_id=ID, request=1, lots=80, ticks=500_010)
    smaller = ev.OrderAmended(client_order_id=ID, request=2, lots=60)

    assert after(ACK, smaller).ticks == 500_000
    assert (after(ACK, priced, smaller).ticks, after(ACK, priced, smaller).lots) == (500_010, 60)


def test_the_venues_word_counts_as_traded_before_its_fills_are_here():
    told = ev.OrderFilled(
        client_order_id=ID, fill=Fill(trade_id="t1", side=Side.BUY, ticks=5, lots=10), cumulative_lots=70
    )

    partial = after(SENT, ACK, told)
    assert (partial.executed_lots, partial.missing_lots) == (70, 60)
    # The position knows of 10: of the other 90, 60 have traded unheard and 30 may.
    assert partial.worst_case_lots == 90
    ended = after(CANCELED, state=partial)
    assert (ended.status, ended.worst_case_lots) == (OrderStatus.CANCELED, 60)


def test_of_two_endings_the_cancel_is_the_one_to_tell():
    expired = ev.OrderExpired(client_order_id=ID)

    assert (
        after(ACK, expired, CANCELED).status is after(ACK, CANCELED, expired).status is OrderStatus.CANCELED
    )


def test_a_refused_order_was_never_accepted_though_the_venue_gave_it_a_name():
    refused = after(SENT, ev.OrderRejected(client_order_id=ID, venue_order_id="v1", reason="no margin"))

    assert not refused.accepted
    assert refused.venue_order_id == "v1"


def test_the_present_name_is_the_one_that_was_not_replaced():
    amended = ev.OrderAmended(client_order_id=ID, venue_order_id="a2", replaces="v1", request=1, lots=80)

    assert after(SENT, ACK, amended).venue_order_id == "a2"


def test_a_trade_on_the_other_side_is_booked_and_said():
    wrong = Fill(trade_id="t1", side=Side.SELL, ticks=500_000, lots=40)
    change = apply(after(SENT, ACK), ev.OrderFilled(client_order_id=ID, fill=wrong))

    assert change.booked == wrong
    assert change.note == "a trade on the other side of a buy order: booked as told"


def test_a_reject_after_an_ack_is_believed():
    """
    OE-11: rare, but venues do it.
    """
    state = after(
        SENT, ACK, ev.OrderRejected(client_order_id=ID, venue_order_id="v1", reason="post-only would cross")
    )

    assert state.status is OrderStatus.REJECTED
    assert state.worst_case_lots == 0


def test_a_fill_refutes_a_refusal():
    """
    What traded exists: better to hold its exposure and ask than to forget a live order (I6).
    """
    state = after(SENT, ev.OrderRejected(client_order_id=ID, reason="rejected"), fill("t1", 10))

    assert state.status is OrderStatus.PARTIAL
    assert state.worst_case_lots == 90


def test_an_order_without_an_answer_holds_its_exposure_until_evidence_comes():
    """
    OE-01: in doubt counts as open (I11).
    """
    doubt = after(SENT, ev.OrderInDoubt(client_order_id=ID, reason="time-out"))

    assert doubt.worst_case_lots == 100
    assert after(ACK, state=doubt).status is OrderStatus.OPEN
    never = ev.OrderRejected(
        client_order_id=ID, reason="never arrived: two queries and the trade history agree"
    )
    assert after(never, state=doubt).status is OrderStatus.REJECTED


def test_an_order_found_alive_comes_back_only_by_evidence():
    """
    I5: a terminal status is left through reconciliation alone.
    """
    gone = after(SENT, ACK, CANCELED)
    found = ev.OrderRestored(client_order_id=ID, as_of_ns=60, evidence="listed among open orders")
    change = apply(gone, found)

    assert change.state.status is OrderStatus.OPEN
    assert change.note == "found alive: listed among open orders"
    again = ev.OrderCanceled(client_order_id=ID, venue_order_id="v1", venue_ns=70)
    assert after(again, state=change.state).status is OrderStatus.CANCELED
    assert after(CANCELED, state=change.state).status is OrderStatus.OPEN


def test_an_ending_without_a_time_does_not_end_an_order_that_was_found_alive():
    """
    It may be the old report, repeated. The cancel stays pending, the exposure held, and the note says what to do.
    """
    found = ev.OrderRestored(client_order_id=ID, as_of_ns=60, evidence="listed among open orders")
    timeless = ev.OrderCanceled(client_order_id=ID, venue_order_id="v1")
    state = after(SENT, ACK, CANCELED, found, ev.CancelSent(client_order_id=ID, request=1))
    change = apply(state, timeless)

    assert (change.state.status, change.state.cancel_pending) == (OrderStatus.OPEN, True)
    assert (
        change.note == "OrderCanceled without a time, and the order was found alive at 60: not believed, ask"
    )


def test_a_reversed_trade_is_taken_back_once():
    """
    OS-19: busts and failed settlements.
    """
    bust = ev.FillReversed(client_order_id=ID, trade_id="t1")
    filled = after(SENT, ACK, fill("t1", 40), fill("t2", 60))
    change = apply(filled, bust)

    assert change.unbooked.trade_id == "t1"
    assert change.state.filled_lots == 60
    assert apply(change.state, bust).unbooked is None
    assert apply(change.state, fill("t1", 40)).booked is None


def test_a_bust_that_overtakes_its_trade_keeps_it_from_being_booked():
    change = apply(after(SENT, ev.FillReversed(client_order_id=ID, trade_id="t1")), fill("t1", 40))

    assert change.booked is None
    assert change.note == "trade t1 was reversed by the venue: not booked"
    assert change.state.filled_lots == 0


@pytest.mark.parametrize("reversed_trade", ["t1", "t9"])
def test_a_reversal_does_not_hide_the_fills_that_are_still_to_come(reversed_trade):
    bust = ev.FillReversed(client_order_id=ID, trade_id=reversed_trade)
    told = ev.OrderCanceled(client_order_id=ID, cumulative_lots=60)
    state = after(SENT, ACK, fill("t1", 40), told, bust)

    assert state.missing_lots == 20
    assert not state.is_settled


def test_an_overfill_is_booked_in_full_and_flagged():
    """
    OS-20.
    """
    change = apply(after(SENT, ACK, fill("t1", 90)), fill("t2", 20))

    assert change.booked.lots == 20
    assert change.state.overfilled_lots == 10
    assert change.state.worst_case_lots == 0
    assert change.note == "overfilled by 10 lots: booked in full"


def test_a_fee_that_comes_after_its_fill_is_booked_once():
    """
    Fast streams leave the fee out; the slow one or REST tells it later, with the same trade id (OS-18).
    """
    fee = Money.of("0.02", "USDT")
    bare = after(SENT, ACK, fill("t1", 40))
    change = apply(bare, fill("t1", 40, fee=fee))

    assert change.fee == fee
    assert change.booked is None
    assert apply(change.state, fill("t1", 40, fee=fee)).fee is None
    assert apply(change.state, fill("t1", 40)).state == change.state


def test_a_report_that_knows_the_fee_is_not_displaced_by_one_that_does_not():
    fee = Money.of("0.02", "USDT")
    known = after(SENT, ACK, fill("t1", 40, fee=fee))
    poorer = Fill(trade_id="t1", side=Side.BUY, ticks=500_000, lots=40, maker=True, venue_ns=5)

    assert after(ev.OrderFilled(client_order_id=ID, fill=poorer), state=known).fills[0].fee == fee


def test_a_report_that_only_adds_detail_books_nothing_again():
    fee = Money.of("0.02", "USDT")
    known = after(SENT, ACK, fill("t1", 40, fee=fee))
    richer = Fill(trade_id="t1", side=Side.BUY, ticks=500_000, lots=40, fee=fee, maker=True, venue_ns=5)
    change = apply(known, ev.OrderFilled(client_order_id=ID, fill=richer))

    assert change.state.fills == (richer,)
    assert (change.booked, change.unbooked, change.fee) == (None, None, None)


def test_a_zero_fee_is_known_and_not_missing():
    free = Money.of(0, "USDT")
    state = after(SENT, ACK, fill("t1", 40, fee=free))

    assert apply(state, fill("t1", 40, fee=free)).note == "trade t1 is already booked: ignored"


def test_a_trade_told_in_two_versions_is_replaced_not_added():
    state = after(SENT, ACK, fill("t1", 40))
    change = apply(state, fill("t1", 50))

    assert (change.booked.lots, change.unbooked.lots) == (50, 40)
    assert change.state.filled_lots == 50
    assert "two versions" in change.note


def test_a_quote_sized_order_is_filled_when_the_venue_says_so():
    spend = order(type=OrderType.MARKET, ticks=None, lots=0, quote_amount=Money.of(100, "USDT"))
    partly = after(SENT, ACK, fill("t1", 40), state=spend)

    assert partly.status is OrderStatus.PARTIAL
    assert (partly.worst_case_lots, partly.worst_case_quote) == (None, Money.of(100, "USDT"))
    done = after(ev.OrderCompleted(client_order_id=ID, cumulative_lots=40), state=partly)
    assert (done.status, done.is_settled, done.overfilled_lots) == (OrderStatus.FILLED, True, 0)
    assert (done.worst_case_lots, done.worst_case_quote) == (0, Money.of(0, "USDT"))


def test_an_event_of_another_order_is_our_own_mistake():
    with pytest.raises(AssertionError, match="routed to another order"):
        apply(order(), ev.OrderSent(client_order_id=ClientOrderId(7)))


def test_an_event_that_is_not_of_an_orders_life_is_refused():
    with pytest.raises(TypeError, match="not an event of an order's life"):
        apply(order(), ev.OrderEvent(client_order_id=ID))
