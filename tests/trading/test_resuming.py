"""A new process goes on where the journal of the last one ends: positions, open orders, numbers of requests."""

from __future__ import annotations

import pytest

from kit.desks import KEY, MARKET, OPENING, Desk, Scripted
from kit.journals import intent
from xtrade.model import events as ev
from xtrade.model.fills import Fill
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.trading.order_store import OrderStore, fingerprint
from xtrade.trading.ports import Asked, InstrumentKnown, SessionOpened

BOUGHT = ev.OrderFilled(client_order_id=1, fill=Fill(trade_id="a", side=Side.BUY, ticks=1000, lots=4))


@pytest.fixture
def left():
    """What the last process left: one order partly filled and asked to change, one in doubt, one of nobody here."""
    store = OrderStore()
    for record in (
        InstrumentKnown(instrument=MARKET),
        intent(1, instrument=KEY),
        ev.OrderAccepted(client_order_id=1, venue_order_id="v1"),
        BOUGHT,
        Asked(client_order_id=1, what="amend", request=1, lots=12, ticks=999, at_ns=0),
        intent(2, instrument=KEY),
        intent(3, instrument=KEY, strategy="retired"),
        intent(4, instrument=KEY),
        ev.OrderCanceled(client_order_id=4, venue_order_id="v4"),
        SessionOpened(host="desk-1", pid=2, program="xtrade"),
    ):
        store.take(record)
    return store


def resumed(store, **callbacks):
    one = Scripted(**callbacks)
    desk = Desk([*OPENING], one=one)
    desk.nobodys = desk.engine.resume(store.orders.values(), store.portfolio)
    return desk, one


def test_positions_and_open_orders_are_there_before_the_strategy_starts(left):
    seen = {}

    def start(ctx):
        seen["lots"] = ctx.position_lots(KEY)
        seen["orders"] = {order.id: order.status for order in ctx.orders(KEY)}
        seen["worst"] = [order.state.worst_case_lots for order in ctx.orders(KEY)]

    desk, _ = resumed(left, start=start)
    desk.engine.start(1)

    assert seen["lots"] == 4
    assert seen["orders"] == {1: OrderStatus.PARTIAL, 2: OrderStatus.NEW}
    assert seen["worst"] == [8, 10]
    assert [state.intent.client_order_id for state in desk.nobodys] == [3]


def test_news_of_an_earlier_processs_order_is_booked_once(left):
    desk, one = resumed(left)
    desk.engine.start(1)
    desk.engine.heard(BOUGHT, 2)
    assert desk.engine.portfolio.lots("one", KEY) == 4

    rest = Fill(trade_id="b", side=Side.BUY, ticks=1000, lots=6)
    desk.engine.heard(ev.OrderFilled(client_order_id=1, fill=rest), 3)

    assert desk.engine.portfolio.lots("one", KEY) == 10
    assert [fill.trade_id for _, _, fill in one.of("fill")] == ["b"]
    # The change to 12 lots that the earlier process asked for may have been made: 2 may still trade.
    assert [order.id for order in desk.engine.contexts["one"].orders()] == [1, 2]
    desk.engine.heard(ev.AmendRejected(client_order_id=1, request=1), 4)
    assert [order.id for order in desk.engine.contexts["one"].orders()] == [2]


def test_a_late_fill_of_an_order_that_ended_in_an_earlier_process_is_booked(left):
    desk, one = resumed(left)
    desk.engine.start(1)
    late = Fill(trade_id="late", side=Side.BUY, ticks=1000, lots=2)

    desk.engine.heard(ev.OrderFilled(client_order_id=4, fill=late), 2)

    assert desk.engine.portfolio.lots("one", KEY) == 6
    assert [order.status for _, order, _ in one.of("fill")] == [OrderStatus.CANCELED]


def test_numbers_of_requests_go_on(left):
    desk, _ = resumed(left)
    desk.engine.start(1)
    asked = []
    desk.engine._orders.cancel = lambda order: True
    desk.engine._orders.amend = lambda order, *, lots, ticks: True
    desk.engine._journal.append = asked.append
    (first, _) = desk.engine.contexts["one"].orders()

    assert first.amend(lots=11, ticks=998)
    assert first.cancel()

    assert [(each.what, each.request) for each in asked if isinstance(each, Asked)] == [
        ("amend", 2),
        ("cancel", 1),
    ]


def test_the_state_is_the_same_in_the_store_and_in_the_engine(left):
    desk, _ = resumed(left)
    states = [order.state for order in desk.engine.contexts["one"].orders()]

    mine = [state for state in left.open_orders() if state.intent.strategy == "one"]
    assert fingerprint(states, desk.engine.portfolio) == fingerprint(mine, left.portfolio)
