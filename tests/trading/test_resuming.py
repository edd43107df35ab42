"""A new process goes on where the journal of the last one ends: positions, open orders, numbers of requests."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kit.desks import KEY, MARKET, OPENING, Desk, Scripted
from kit.journals import intent
from xtrade.model import events as ev
from xtrade.model.errors import ConfigError
from xtrade.model.fills import Fill
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.trading.acting import cancel_open, close
from xtrade.trading.handover import Handover
from xtrade.trading.order_store import OrderStore, fingerprint
from xtrade.trading.ports import Asked, InstrumentKnown, SessionOpened, Turned
from xtrade.trading.risk.state import TradingState

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
    desk = Desk([*OPENING], handover=Handover.of(store, written_ns=1), one=one)
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


def test_until_the_start_all_is_booked_and_no_strategy_is_told(left):
    seen = []
    desk, one = resumed(left, start=lambda ctx: seen.append((ctx.position_lots(KEY), len(ctx.orders()))))

    desk.engine.listen(1)
    rest = Fill(trade_id="b", side=Side.BUY, ticks=1000, lots=6)
    desk.engine.heard(ev.OrderFilled(client_order_id=1, fill=rest), 2)
    desk.engine.heard(ev.AmendRejected(client_order_id=1, request=1), 2)
    desk.engine.book_changed(KEY, 2)
    assert one.told == []
    desk.engine.start(3)

    assert seen == [(10, 1)]
    assert one.names() == ["start"]


def test_what_a_strategy_left_that_is_not_here_is_followed_and_can_be_canceled_and_closed(left):
    desk, _ = resumed(left)
    asked = []
    desk.engine._orders.cancel = lambda order: asked.append(order) or True
    desk.engine.start(1)
    retired = desk.engine.contexts["retired"]

    assert (retired.ended, retired.state, retired.why) == (True, TradingState.HALTED, "it is not in this run")
    assert list(retired.open_orders) == [3]
    desk.engine.heard(
        ev.OrderFilled(client_order_id=3, fill=Fill(trade_id="x", side=Side.BUY, ticks=1000, lots=4)), 2
    )
    assert desk.engine.portfolio.lots("retired", KEY) == 4
    assert desk.engine.is_active, "the others trade"

    cancel_open(desk.engine, retired)
    assert asked == [3]
    assert close(desk.engine, "retired", KEY).intent.lots == 4


def test_where_no_venue_has_the_market_of_what_was_left_the_run_is_refused(left):
    left.take(InstrumentKnown(instrument=replace(MARKET, symbol="ETH/USDT:USDT")))
    left.take(intent(9, instrument="binance:ETH/USDT:USDT", strategy="retired"))

    with pytest.raises(ConfigError, match="retired left a position or open orders on binance:ETH/USDT:USDT"):
        resumed(left)


def test_dials_stay_where_they_were_turned_and_are_written_down_anew(left):
    for strategy, state in [
        ("one", TradingState.REDUCING),
        ("gone", TradingState.HALTED),
        ("", TradingState.REDUCING),
    ]:
        left.take(Turned(strategy=strategy, state=state, why=f"{strategy} lost", by="guard", at_ns=5))
    desk, _ = resumed(left)
    again = OrderStore()
    desk.engine._journal.append = again.take
    desk.engine.start(77)

    context = desk.engine.contexts["one"]
    assert (context.state, context.why) == (TradingState.REDUCING, "one lost")
    assert (desk.engine.gate.state, desk.engine.gate.why) == (TradingState.REDUCING, " lost")
    assert {name: (turned.state, turned.by, turned.at_ns) for name, turned in again.dials.items()} == {
        "one": (TradingState.REDUCING, "guard", 77),
        "": (TradingState.REDUCING, "guard", 77),
    }


def test_a_dial_that_was_turned_back_and_a_halt_that_was_cleared_are_history(left):
    for strategy, state in [
        ("one", TradingState.HALTED),
        ("one", TradingState.ACTIVE),
        ("", TradingState.HALTED),
    ]:
        left.take(Turned(strategy=strategy, state=state, why="why", by="guard", at_ns=5))
    desk, _ = resumed(left)

    assert desk.engine.contexts["one"].state is TradingState.ACTIVE
    assert desk.engine.gate.state is TradingState.ACTIVE


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
