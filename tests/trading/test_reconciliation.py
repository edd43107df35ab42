"""Whatever was missed, asking a truthful venue until it has no more to tell ends in its truth, and never by a guess."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from kit.journals import intent
from xtrade.model import events as ev
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.sides import Side
from xtrade.trading.reconciliation import (
    Action,
    Cause,
    Ours,
    Policy,
    Report,
    reconcile,
)
from xtrade.venues.base import FillReport, OrderReport

KEY = "binance:BTC/USDT:USDT"
S = 1_000_000_000
LATE = 3600 * S
POLICY = Policy()


@dataclass
class Truth:
    """One order at the venue: everything that was ever told of it, and whether it arrived at all."""

    number: int
    side: Side
    arrived: bool
    told: list = field(default_factory=list)
    status: OrderStatus = OrderStatus.OPEN
    fills: list = field(default_factory=list)
    lots: int = 10
    ticks: int = 1000

    def reported(self):
        executed = sum(fill.lots for fill in self.fills)
        return OrderReport(
            venue_order_id=f"v{self.number}",
            instrument=KEY,
            side=self.side,
            lots=self.lots,
            ticks=self.ticks,
            filled_lots=executed,
            status=self.status,
            client_order_id=ClientOrderId(self.number),
        )


@st.composite
def truths(draw, number):
    """A life at the venue, and the events that tell it."""
    truth = Truth(number, draw(st.sampled_from(Side)), arrived=draw(st.booleans()))
    if not truth.arrived:
        return truth
    name = {"client_order_id": ClientOrderId(number), "venue_order_id": f"v{number}"}
    truth.told.append(ev.OrderAccepted(**name))
    if draw(st.booleans()):
        truth.lots, truth.ticks = draw(st.integers(10, 20)), 1001
        truth.told.append(ev.OrderAmended(**name, lots=truth.lots, ticks=truth.ticks, venue_ns=50))
    for place in range(draw(st.integers(0, 3))):
        fill = Fill(
            trade_id=f"{number}-{place}", side=truth.side, ticks=truth.ticks, lots=draw(st.integers(1, 3))
        )
        truth.fills.append(fill)
        truth.told.append(ev.OrderFilled(**name, fill=fill, venue_ns=60 + place))
    match draw(st.sampled_from(["open", "canceled", "expired", "filled"])):
        case "canceled":
            truth.status = OrderStatus.CANCELED
            truth.told.append(ev.OrderCanceled(**name, venue_ns=90))
        case "expired":
            truth.status = OrderStatus.EXPIRED
            truth.told.append(ev.OrderExpired(**name, venue_ns=90))
        case "filled":
            rest = truth.lots - sum(fill.lots for fill in truth.fills)
            fill = Fill(trade_id=f"{number}-last", side=truth.side, ticks=truth.ticks, lots=rest)
            truth.fills.append(fill)
            truth.status = OrderStatus.FILLED
            truth.told.append(ev.OrderFilled(**name, fill=fill, venue_ns=90))
    return truth


@st.composite
def worlds(draw):
    """Orders at the venue, and our books, which heard only some of it."""
    world = [draw(truths(number)) for number in range(1, draw(st.integers(1, 5)) + 1)]
    orders = {}
    for truth in world:
        state = OrderState(intent=intent(truth.number, side=truth.side, decided_ns=1))
        for event in truth.told:
            if draw(st.booleans()):
                state = apply(state, event).state
        orders[state.intent.client_order_id] = state
    return world, orders


def report(world, as_of_ns, asked=(), fetched=()):
    there = [truth for truth in world if truth.arrived]
    answers = {ClientOrderId(number): None for number in asked}
    answers |= {truth.number: truth.reported() for truth in there if truth.number in asked}
    return Report(
        account="binance",
        as_of_ns=as_of_ns,
        open_orders=tuple(truth.reported() for truth in there if not truth.status.is_final),
        answers=answers,
        fills=tuple(
            FillReport(
                instrument=KEY, fill=fill, venue_order_id=f"v{truth.number}", client_order_id=truth.number
            )
            for truth in there
            if truth.number in fetched
            for fill in truth.fills
        ),
        complete_fills=frozenset({KEY} if {truth.number for truth in world} <= set(fetched) else ()),
        positions={KEY: position(world)},
    )


def position(world):
    return sum(truth.side.sign * fill.lots for truth in world for fill in truth.fills)


def ours(orders):
    held = sum(state.intent.side.sign * state.filled_lots for state in orders.values())
    return Ours(orders=orders, positions={KEY: held})


def settle(world, orders, as_of_ns=LATE, rounds=6):
    """Reconcile, book, and ask for what it wants to know, until it wants nothing more."""
    orders, asked, fetched = dict(orders), set(), set()
    for _ in range(rounds):
        found = reconcile(ours(orders), report(world, as_of_ns, asked, fetched), POLICY, as_of_ns)
        for difference in found:
            for event in difference.events:
                state = orders[event.client_order_id]
                orders[event.client_order_id] = apply(state, event).state
            if difference.action is Action.ASK:
                asked.add(difference.client_order_id)
            if difference.action in {Action.ASK, Action.FETCH_FILLS}:
                whole_market = difference.client_order_id is None
                fetched |= set(orders) if whole_market else {difference.client_order_id}
        if not found:
            return orders, []
    return orders, found


@given(worlds())
def test_a_truthful_venue_is_always_agreed_with_in_the_end(drawn):
    world, orders = drawn

    orders, left = settle(world, orders)

    assert left == []
    for truth in world:
        state = orders[truth.number]
        assert {fill.trade_id for fill in state.fills} == {fill.trade_id for fill in truth.fills}
        assert state.is_final == (truth.status.is_final or not truth.arrived), truth
        if not state.is_final:
            assert (state.lots, state.ticks) == (truth.lots, truth.ticks)
    assert ours(orders).positions == {KEY: position(world)}


@given(worlds(), st.integers(2, LATE))
def test_no_order_ends_here_that_may_live_there(drawn, as_of_ns):
    """I6: whatever the moment, and however little the venue was asked."""
    world, orders = drawn
    alive = {truth.number for truth in world if truth.arrived and not truth.status.is_final}

    for asked in ((), tuple(orders)):
        for difference in reconcile(ours(orders), report(world, as_of_ns, asked), POLICY, as_of_ns):
            for event in difference.events:
                if difference.client_order_id in alive:
                    assert not isinstance(event, ev.OrderCanceled | ev.OrderExpired | ev.OrderRejected)
                    assert not isinstance(event, ev.OrderCompleted)


@given(worlds())
def test_what_agrees_stays_untouched(drawn):
    world, orders = drawn
    orders, _ = settle(world, orders)

    assert reconcile(ours(orders), report(world, LATE, fetched=tuple(orders)), POLICY, LATE) == []


def one(number=1, *events, **changed):
    state = OrderState(intent=intent(number, **{"decided_ns": 1} | changed))
    for event in events:
        state = apply(state, event).state
    return {state.intent.client_order_id: state}


def told(number=1, **changed):
    fields = {
        "venue_order_id": f"v{number}",
        "instrument": KEY,
        "side": Side.BUY,
        "lots": 10,
        "ticks": 1000,
        "status": OrderStatus.OPEN,
        "filled_lots": 0,
        "client_order_id": ClientOrderId(number),
    }
    return OrderReport(**fields | changed)


def compare(orders, as_of_ns=LATE, policy=POLICY, **reported):
    return reconcile(ours(orders), Report(account="a", as_of_ns=as_of_ns, **reported), policy, as_of_ns)


def test_an_order_in_doubt_that_is_listed_was_accepted():
    (found,) = compare(one(), open_orders=(told(),))

    assert (found.cause, found.action) == (Cause.MISSED_ACK, Action.BOOK)
    assert found.events == (ev.OrderAccepted(client_order_id=1, venue_order_id="v1", received_ns=LATE),)


def test_not_found_is_asked_again_until_its_validity_is_long_over():
    orders = one(1, valid_until_ns=100 * S)

    for as_of_ns in (50 * S, 100 * S, 159 * S):
        (found,) = compare(orders, as_of_ns, answers={1: None})
        assert found.action is Action.ASK
    (found,) = compare(orders, 161 * S, answers={1: None})
    assert found.cause is Cause.NEVER_ARRIVED
    assert found.events[0].code == "never_arrived"
    assert found.text.startswith(f"the venue did not know it at {161 * S}, 160 s after it was decided")


def test_what_the_venue_once_accepted_never_ends_by_not_being_found():
    orders = one(1, ev.OrderAccepted(client_order_id=1, venue_order_id="v1"))

    (found,) = compare(orders, answers={1: None})

    assert (found.cause, found.action, found.events) == (Cause.NO_WORD, Action.ASK, ())


def test_a_report_that_is_older_than_the_order_says_nothing_about_it():
    assert compare(one(1, decided_ns=500), as_of_ns=500) == []
    assert compare(one(1, decided_ns=499), as_of_ns=500)[0].action is Action.ASK


@pytest.mark.parametrize("decided_ns", [1, 3_600 * S], ids=["an hour behind", "an hour ahead"])
def test_an_order_of_an_earlier_process_is_as_old_as_this_one_knows_it(decided_ns):
    """The wall clock may have been wrong when the order was decided on, and have been set since."""
    orders = one(1, decided_ns=decided_ns)

    def after(seconds):
        mine = Ours(orders=orders, known_ns={1: 1_000 * S})
        asked = Report(account="a", as_of_ns=(1_000 + seconds) * S, answers={1: None})
        (found,) = reconcile(mine, asked, POLICY, asked.as_of_ns)
        return found.cause

    assert [after(seconds) for seconds in (0, 59, 61)] == [Cause.NO_WORD, Cause.NO_WORD, Cause.NEVER_ARRIVED]


def test_what_was_reported_ended_and_is_open_is_restored_with_its_evidence():
    orders = one(1, ev.OrderCanceled(client_order_id=1, venue_order_id="v1", venue_ns=5))

    (found,) = compare(orders, open_orders=(told(),))

    assert found.cause is Cause.FOUND_ALIVE
    after = apply(orders[1], found.events[0]).state
    assert after.status is OrderStatus.OPEN


@pytest.mark.parametrize("how", ["open_orders", "answers"])
def test_an_order_that_moved_while_the_venue_was_asked_is_left_to_the_next_comparison(how):
    """It has ended since, whatever the two clocks say: the list is of the time before."""
    ended = ev.OrderCanceled(client_order_id=1, venue_order_id="v1", venue_ns=1)
    amended = ev.OrderAmended(client_order_id=1, venue_order_id="v1", lots=12, ticks=1000, venue_ns=1)
    asked = {"open_orders": (told(),)} if how == "open_orders" else {"answers": {1: told()}}
    for event in (ended, amended):
        orders = one(1, event)
        report = Report(account="a", as_of_ns=LATE, **asked)

        found = reconcile(Ours(orders=orders, moved=frozenset(orders)), report, POLICY, LATE)
        assert not [event for each in found for event in each.events]


def test_a_change_that_is_on_its_way_is_not_answered_by_the_one_before_it():
    name = {"client_order_id": 1, "venue_order_id": "v1"}
    sent = [
        ev.AmendSent(client_order_id=1, request=n, lots=lots, ticks=1000) for n, lots in ((1, 12), (2, 15))
    ]
    orders = one(1, ev.OrderAccepted(**name), *sent)

    (found,) = compare(orders, open_orders=(told(lots=12),))
    after = apply(orders[1], found.events[0]).state
    assert (after.lots, after.amends_pending, after.worst_case_lots) == (12, {2}, 15)

    made = apply(after, ev.OrderAmended(**name, lots=15, ticks=1000, request=2, venue_ns=1)).state
    assert (made.lots, made.amends_pending) == (15, frozenset())
    assert compare(orders, open_orders=(told(lots=11),)) == []


def test_an_unknown_order_under_our_id_is_treated_by_policy_and_one_of_others_is_left():
    stranger = told(7, client_order_id=None)
    for wanted, action in (("adopt", Action.ADOPT), ("cancel", Action.CANCEL), ("show", Action.LOOK)):
        found = compare({}, policy=Policy(unknown_own=wanted), open_orders=(told(9), stranger))
        assert [(each.cause, each.action) for each in found] == [
            (Cause.OWN_UNKNOWN, action),
            (Cause.EXTERNAL, Action.LEAVE),
        ]


def test_a_position_nobody_can_explain_is_for_a_person():
    (found,) = compare({}, positions={KEY: -4})
    assert (found.cause, found.action) == (Cause.POSITION, Action.FETCH_FILLS)

    (found,) = compare({}, positions={KEY: -4}, complete_fills=frozenset({KEY}))
    assert (found.cause, found.action, found.subject) == (Cause.POSITION, Action.LOOK, KEY)
    assert found.text.startswith("we hold 0 lots, the venue says -4: no trade of ours explains it")


def test_a_position_that_open_orders_may_explain_waits_and_one_they_cannot_does_not():
    whole = {"complete_fills": frozenset({KEY})}
    assert [each.action for each in compare(one(), positions={KEY: 4}, **whole)] == [Action.ASK, Action.WAIT]

    open_there = one(1, ev.OrderAccepted(client_order_id=1, venue_order_id="v1"))
    for lots, action in ((10, Action.WAIT), (11, Action.LOOK), (-1, Action.LOOK)):
        (found,) = compare(open_there, open_orders=(told(),), positions={KEY: lots}, **whole)
        assert found.action is action


def test_a_trade_in_the_report_explains_the_position_in_the_report():
    fill = Fill(trade_id="t", side=Side.BUY, ticks=1000, lots=10)
    found = compare(
        one(),
        fills=(FillReport(instrument=KEY, fill=fill, venue_order_id="v1", client_order_id=1),) * 2,
        positions={KEY: 10},
    )

    assert [each.cause for each in found] == [Cause.MISSED_FILL]


def test_a_balance_is_compared_where_we_count_one():
    mine = Ours(orders={}, balances={"USDT": Money.of(10, "USDT")})
    theirs = Report(
        account="a", as_of_ns=1, balances={"USDT": Money.of("9.5", "USDT"), "BTC": Money.of(1, "BTC")}
    )

    (found,) = reconcile(mine, theirs, POLICY, 1)

    assert found.text == "we count 10 USDT, the venue says 9.5 USDT: -0.5 USDT without a cause"
