"""The laws of an order's state, for any events in any order: what disorder must never change."""

from collections import Counter
from itertools import permutations, product

from hypothesis import given, settings, strategies as st

from kit.orders import ID, order, order_events
from xtrade.model import events as ev
from xtrade.model.fills import Fill
from xtrade.model.money import added
from xtrade.model.order_state import OrderStatus, apply
from xtrade.model.sides import Side

histories = st.lists(order_events, max_size=8)


def fold(events, state=None):
    state = order() if state is None else state
    for event in events:
        state = apply(state, event).state
    return state


def booked(events):
    """What those who book were told: signed lots by trade, and fees."""
    state, lots, fees = order(), Counter(), ()
    for event in events:
        change = apply(state, event)
        state = change.state
        if change.unbooked:
            lots[change.unbooked.trade_id] -= change.unbooked.signed_lots
            fees = added(fees, [-change.unbooked.fee] if change.unbooked.fee else [])
        if change.booked:
            lots[change.booked.trade_id] += change.booked.signed_lots
            fees = added(fees, [change.booked.fee] if change.booked.fee else [])
        fees = added(fees, [change.fee] if change.fee else [])
    return {trade: count for trade, count in lots.items() if count}, fees


@settings(max_examples=400)
@given(histories, st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_in_the_same_state(events, chance):
    shuffled = list(events)
    chance.shuffle(shuffled)

    assert fold(shuffled) == fold(events)
    assert fold(shuffled).status is fold(events).status


@settings(max_examples=400)
@given(histories, st.data())
def test_hearing_events_again_later_changes_nothing(events, data):
    again = data.draw(st.lists(st.sampled_from(events), max_size=6)) if events else []
    later = [event.__class__(**{**_fields(event), "received_ns": event.received_ns + 999}) for event in again]

    assert fold(later, fold(events)) == fold(events)


@given(histories)
def test_a_repetition_is_named_as_such_and_books_nothing(events):
    state = fold(events)
    for event in events:
        change = apply(state, event)
        assert change.state == state
        assert (change.booked, change.unbooked, change.fee) == (None, None, None)
        assert change.note


@settings(max_examples=400)
@given(histories)
def test_what_was_booked_is_what_the_state_says_was_traded(events):
    state = fold(events)
    standing = [fill for fill in state.fills if fill.trade_id not in state.reversed_trades]
    lots, fees = booked(events)

    assert lots == {fill.trade_id: fill.signed_lots for fill in standing}
    assert fees == added((), [fill.fee for fill in standing if fill.fee])


@given(histories)
def test_without_reversals_filled_lots_never_go_down_unless_a_trade_was_told_in_two_versions(events):
    state = order()
    for event in events:
        change = apply(state, event)
        if change.unbooked is None:
            assert change.state.filled_lots >= state.filled_lots
        state = change.state


@given(histories)
def test_figures_stay_within_their_bounds(events):
    state = fold(events)

    assert state.missing_lots >= 0
    assert state.worst_case_lots is not None
    assert state.worst_case_lots >= 0
    assert state.filled_lots >= 0
    assert state.is_final or state.worst_case_lots >= state.lots - state.filled_lots
    assert not state.is_final or state.worst_case_lots == state.missing_lots
    assert not (state.is_final and (state.cancel_pending or state.amend_pending))


def test_every_interleaving_of_ack_partials_cancel_and_expiry_agrees():
    """
    OS-21, exhaustively: each order of arrival of up to six events, one of them doubled anywhere.
    """
    base = {"client_order_id": ID, "venue_order_id": "v1"}
    events = [
        ev.OrderAccepted(**base),
        ev.OrderFilled(**base, fill=Fill(trade_id="t1", side=Side.BUY, ticks=5, lots=40), cumulative_lots=40),
        ev.OrderFilled(**base, fill=Fill(trade_id="t2", side=Side.BUY, ticks=5, lots=20), cumulative_lots=60),
        ev.CancelSent(client_order_id=ID, request=1),
        ev.CancelRejected(client_order_id=ID, request=1, reason="unknown order"),
    ]
    endings = [
        ev.OrderCanceled(**base, cumulative_lots=60),
        ev.OrderExpired(**base, cumulative_lots=60),
        ev.OrderCompleted(**base, cumulative_lots=100),
    ]
    for ending in endings:
        expected = fold([*events, ending])
        assert expected.filled_lots == 60
        assert expected.is_final
        for arrival in permutations([*events, ending]):
            assert fold(arrival) == expected
    whole = [*events[:3], endings[0]]
    for arrival, doubled, at in product(permutations(whole), whole, range(5)):
        history = [*arrival[:at], doubled, *arrival[at:]]
        assert fold(history) == fold(whole)
        assert booked(history)[0] == {"t1": 40, "t2": 20}
    assert fold(whole).status is OrderStatus.CANCELED


def _fields(event):
    return {name: getattr(event, name) for name in event.__struct_fields__}
