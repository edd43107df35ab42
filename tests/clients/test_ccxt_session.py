"""A whole session on the real ccxt: strategy, engine, reconciler and the small bybit, while things go wrong."""

import asyncio
import json
from collections import Counter

import pytest

pytest.importorskip("ccxt.pro", reason="ccxt is not installed: uv sync --group clients")

from clients.ccxt_desk import HTTP, KEYS, PERPETUAL, on_desk
from kit.bybit import OPEN, Bybit, serving
from kit.desks import Scripted
from xtrade.model.order_state import OrderStatus
from xtrade.net.memory.faults import FaultPlan
from xtrade.net.memory.network import Network
from xtrade.runtime import chance, clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.runtime.virtual import run_virtual
from xtrade.trading.reconciler import Reconciler
from xtrade.trading.session import Session
from xtrade.trading.subscriptions import BookFeed
from xtrade.venues.ccxt import CcxtVenue
from xtrade.venues.ccxt.pace import Pace

TROUBLE = FaultPlan(cut=0.3, silence=0.1, refuse=0.2, drop=0.1, double=0.1, overtake=0.1, spike=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_wire_does_every_fill_is_counted_once(seed):
    """
    Connections break, hang, are refused; messages of the streams are lost, doubled and overtaken. Once it is quiet,
    each order that the venue has is known here as it stands there, to the last lot.
    """

    async def story(desk):
        dice = chance.stream("story")
        numbers = []
        for _ in range(12):
            for path in ("order/create", "order/cancel", "order/realtime", "execution/list"):
                if dice.random() < 0.3:
                    how = dice.choice(["before", "after", "late", "garbled", "instead"])
                    body = dice.uniform(0, 8) if how == "late" else "<html>busy</html>"
                    desk.bybit.fault(f"/v5/{path}", how, body=body, status=dice.choice([429, 500, 503]))
            if dice.random() < 0.3 and desk.network.connections:
                dice.choice(desk.network.connections).reset()
            numbers.append(desk.place(lots=100))
            await asyncio.sleep(dice.uniform(0.1, 3))
            there = [order for order in desk.bybit.orders.values() if order["orderStatus"] in OPEN]
            if there:
                await desk.bybit.trade(dice.choice(there), "0.010", "60000", told=dice.random() < 0.7)
            if dice.random() < 0.3:
                desk.venue.trading.cancel(dice.choice(numbers))
        desk.network.plan = FaultPlan()
        desk.bybit.faults.clear()
        for connection in list(desk.network.connections):
            connection.reset()
        await asyncio.sleep(120)
        # In doubt is what nobody but the venue can settle, when asked.
        for number in numbers:
            if not desk.state(number).accepted:
                await desk.venue.trading.order(number)
        await asyncio.sleep(60)

        lots = Counter()
        for execution in desk.bybit.executions:
            lots[int(execution["orderLinkId"][2:])] += 10
        assert {number: lots[number] for number in numbers} == {n: desk.booked[n] for n in numbers}
        for order in desk.bybit.orders.values():
            state = desk.state(int(order["orderLinkId"][2:]))
            assert state.status is STATUS[order["orderStatus"]], order
        # Nothing was sent twice.
        assert (
            max(Counter(asked["orderLinkId"] for asked in desk.bybit.asked("/v5/order/create")).values()) == 1
        )

    on_desk(story, seed=seed, plan=TROUBLE)


STATUS = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIAL,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
}


NONSENSE = [
    None,
    [],
    {},
    "no",
    5,
    {"list": None},
    {"list": "no"},
    {"list": [None]},
    {"list": [{}]},
    {"list": [[1, 2]]},
]
NONSENSE += [
    {"list": [{"orderId": 7, "symbol": "BTCUSDT", "qty": qty}]} for qty in ("x", "0.0005", {}, "1e999")
]
PATHS = (
    "order/create",
    "order/cancel",
    "order/realtime",
    "order/history",
    "execution/list",
    "account/wallet-balance",
)


@pytest.mark.parametrize("nonsense", NONSENSE, ids=json.dumps)
def test_no_answer_however_malformed_ends_the_venue(nonsense):
    async def story(desk):
        body = {"retCode": 0, "retMsg": "OK", "result": nonsense, "time": 1}
        for path in PATHS:
            desk.bybit.fault(f"/v5/{path}", "instead", body=body, times=3)
        first = desk.place()
        desk.venue.trading.cancel(first)
        for topic in ("order", "execution", "wallet"):
            await desk.bybit.tell(topic, [nonsense])
        await asyncio.sleep(90)
        desk.bybit.faults.clear()
        second = desk.place()
        await asyncio.sleep(5)
        await desk.bybit.trade(desk.bybit.the_order(), "0.010", "60000")
        await asyncio.sleep(30)

        assert desk.state(first).status in {OrderStatus.IN_DOUBT, OrderStatus.SENT}
        assert (desk.state(second).status, desk.booked[second]) == (OrderStatus.FILLED, 10)
        assert desk.links[-1] != ("LinkDown", "private")

    on_desk(story, pace=Pace(idle_s=5))


def test_a_session_settles_an_order_whose_answer_was_lost():
    async def main():
        Network().bring()
        bybit = Bybit()
        async with serving(bybit) as address:
            venue = CcxtVenue("bybit", secrets=KEYS, address=address, http=HTTP)
            await venue.load()
            orders = []
            strategy = Scripted(feeds=[BookFeed(PERPETUAL)])
            strategy.callbacks["book"] = lambda ctx, _: (
                orders or orders.append(ctx.buy(PERPETUAL, lots=10, ticks=600_000))
            )
            ids = ClientOrderIds(MemoryMark(BITS_63), clock.now_ns)
            session = Session({"buyer": strategy}, {"bybit": venue}, ids=ids)
            bybit.fault("/v5/order/create", "after")
            told = []
            reconciler = Reconciler(session, tell=lambda name, difference: told.append(difference))
            await session.start()
            task = asyncio.create_task(reconciler.run())
            await asyncio.sleep(20)
            assert orders[0].status is OrderStatus.OPEN
            await bybit.trade(bybit.the_order(), "0.010", "60000", told=False)
            await asyncio.sleep(40)
            task.cancel()

            assert orders[0].status is OrderStatus.FILLED
            assert session.engine.portfolio.total_lots(PERPETUAL) == 10
            assert session.failure is None
            assert len(bybit.asked("/v5/order/create")) == 1
            await session.stop()

    run_virtual(main, seed=3)
