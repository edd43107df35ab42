"""A process dies; the next one finds at the venue what became of everything, before any strategy decides."""

from __future__ import annotations

import asyncio

import pytest

from kit.desks import Scripted
from kit.journals import Remembered
from kit.sessions import CASH, PERP, SPOT
from xtrade.model.errors import Unavailable
from xtrade.model.events import OrderCanceled
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.trading.handover import Handover
from xtrade.trading.reconciler import Pace, Reconciler
from xtrade.trading.reconciliation import Policy
from xtrade.trading.session import Session
from xtrade.trading.subscriptions import BookFeed
from xtrade.venues.simulated import SimulatedVenue


def maker(act):
    """A strategy on both markets that does something once, with the books of the two, and keeps what comes of it."""

    def book(ctx, _):
        books = ctx.book(PERP), ctx.book(SPOT)
        if not strategy.acted and all(
            each.is_trusted and each.bid_ticks and each.ask_ticks for each in books
        ):
            strategy.acted = True
            strategy.orders = act(ctx, *books)

    strategy = Scripted(feeds=[BookFeed(PERP, every="100ms"), BookFeed(SPOT, every="100ms")], book=book)
    strategy.acted, strategy.orders = False, ()
    return strategy


def left_open(ctx, perp, _spot):
    """One order that holds, one that will trade while nobody is there, one that rests for good."""
    return [
        ctx.buy(PERP, lots=10),
        ctx.buy(PERP, lots=5, ticks=perp.bid_ticks),
        ctx.buy(PERP, lots=5, ticks=perp.bid_ticks - 5_000),
    ]


class Desk:
    """One venue that lives on, and the processes that come and go there, each with the journal of those before it."""

    def __init__(self):
        self.venue = self.exchange()
        self.journal = Remembered()

    def exchange(self):
        return SimulatedVenue(preset("spot-and-perpetual"), seed=1, balances=[CASH], name="sim")

    async def process(self, *, policy=None, pace=None, **strategies):
        """Start a process, and have it take over what the last one left."""
        store = self.journal.store
        self.handover = Handover.of(store, written_ns=clock.now_ns()) if store.orders else None
        await asyncio.sleep(0.001)
        self.session = Session(
            strategies,
            {"sim": self.venue},
            ids=ClientOrderIds(MemoryMark(BITS_63, max(store.orders, default=0) + 1), clock.now_ns),
            journal=self.journal,
            handover=self.handover,
        )
        self.told = []
        self.reconciler = Reconciler(
            self.session, policy=policy, pace=pace, tell=lambda _, difference: self.told.append(difference)
        )
        await self.session.start(begin=self.handover is None)
        self.anew = []
        if self.handover is not None:
            self.anew = await self.reconciler.take_over(self.handover)
            self.session.begin()
        return self.session

    async def dies(self, *, away_s=0.0):
        """The process is gone between two instants; what it had sent arrives, what it was sent is lost."""
        await self.session.stop()
        await asyncio.sleep(away_s)
        if self.session.failure is not None:
            raise self.session.failure

    def causes(self):
        return [str(difference.cause) for difference in self.told]


async def until(holds):
    while not holds():  # noqa: ASYNC110  (what is waited for is said by no event)
        await asyncio.sleep(0.001)


def scene(play):
    async def main():
        await play(Desk())

    run_virtual(main, seed=5)


def there(desk):
    """What the exchange itself says: open orders, and the position."""
    return (
        {order.intent.client_order_id for order in desk.venue.exchange.open_orders("sim")},
        desk.venue.exchange.position("sim", PERP).lots,
    )


def test_what_traded_and_what_rests_is_known_before_any_strategy_decides():
    async def play(desk):
        first = maker(left_open)
        await desk.process(maker=first)
        await asyncio.sleep(2)
        await desk.dies(away_s=900)
        _, traded, resting = first.orders

        seen = []
        second = maker(lambda ctx, *_: ctx.buy(PERP, lots=1))
        second.callbacks["start"] = lambda ctx: seen.append(
            (ctx.position_lots(PERP), [(order.id, order.status) for order in ctx.orders()])
        )
        await desk.process(maker=second)

        assert there(desk) == ({resting.id}, 15)
        assert seen == [(15, [(resting.id, OrderStatus.OPEN)])]
        assert set(desk.causes()) == {"missed_fill"}
        assert desk.reconciler.open_questions == {"sim": 0}
        assert desk.journal.store.orders[traded.id].status is OrderStatus.FILLED
        await asyncio.sleep(2)
        assert there(desk)[1] == 16 == desk.session.engine.portfolio.total_lots(PERP)
        await desk.dies()

    scene(play)


def test_an_order_that_was_on_its_way_when_the_process_died_is_asked_for_and_never_sent_again():
    async def play(desk):
        first = maker(lambda ctx, perp, _: [ctx.buy(PERP, lots=5, ticks=perp.bid_ticks - 5_000)])
        await desk.process(maker=first)
        await until(lambda: first.orders)
        await desk.dies()  # within the 5 ms that the order takes
        (order,) = first.orders
        assert order.status is OrderStatus.SENT

        await desk.process(maker=maker(lambda *_: []))

        assert there(desk) == ({order.id}, 0)
        assert list(desk.session.engine.contexts["maker"].open_orders) == [order.id]
        assert desk.journal.store.orders[order.id].status is OrderStatus.OPEN
        assert list(desk.journal.store.orders) == [order.id]
        await desk.dies()

    scene(play)


@pytest.mark.parametrize("unknown_own", ["adopt", "cancel", "show"])
def test_an_order_under_our_ids_that_the_journal_does_not_know_is_treated_by_policy(unknown_own):
    """
    As with an older copy of the journal: the order rests, a part of it has traded.
    """

    async def play(desk):
        first = maker(left_open)
        await desk.process(maker=first)
        await asyncio.sleep(2)
        await desk.dies()
        held, _, resting = first.orders
        known = Remembered()
        for number in (held.id,):
            known.store.orders[number] = desk.journal.store.orders[number]
        known.store.portfolio = desk.journal.store.portfolio
        desk.journal = known

        await desk.process(maker=maker(lambda *_: []), policy=Policy(unknown_own=unknown_own))
        await asyncio.sleep(1)

        context = desk.session.engine.contexts["maker"]
        actions = {str(each.action) for each in desk.told if each.cause == "own_unknown"}
        if unknown_own == "adopt":
            assert resting.id in context.open_orders
            assert known.store.orders[resting.id].intent.strategy == "maker"
            assert resting.id in there(desk)[0]
            assert context.open_orders[resting.id].cancel()
            await asyncio.sleep(1)
            assert resting.id not in there(desk)[0]
        elif unknown_own == "cancel":
            assert there(desk)[0] == set()
        else:
            assert resting.id in there(desk)[0]
            assert resting.id not in context.open_orders
        assert actions == {{"adopt": "adopt", "cancel": "cancel", "show": "look"}[unknown_own]}
        await desk.dies()

    scene(play)


def test_trades_of_an_adopted_order_are_fetched_however_long_ago_they_were():
    async def play(desk):
        first = maker(lambda ctx, perp, spot: [ctx.buy(PERP, lots=5_000, ticks=perp.bid_ticks)])
        await desk.process(maker=first)
        await until(lambda: first.orders and first.orders[0].filled_lots)
        (order,) = first.orders
        filled = order.filled_lots
        assert 0 < filled < 5_000
        await desk.dies()
        first_ns = order.intent.decided_ns
        desk.journal = Remembered()
        desk.journal.store.orders[1] = maker_order(order)

        # It looks back no further than to the moment at which the last process wrote: the fill was before that.
        await desk.process(
            maker=maker(lambda *_: []), policy=Policy(unknown_own="adopt"), pace=Pace(fills_back_s=0)
        )

        state = desk.journal.store.orders[order.id]
        assert abs(state.intent.decided_ns - first_ns) < 60 * 10**9
        assert desk.session.engine.portfolio.total_lots(PERP) == there(desk)[1] >= filled
        await desk.dies()

    scene(play)


def maker_order(order):
    """An order that ended long ago, so that the journal is not empty."""
    intent = OrderIntent(
        client_order_id=1,
        instrument=PERP,
        instrument_version=1,
        side=Side.BUY,
        type=order.intent.type,
        lots=1,
        ticks=1,
        strategy="maker",
    )
    return apply(OrderState(intent=intent), OrderCanceled(client_order_id=1, venue_order_id="x")).state


@pytest.mark.parametrize("unknown_own", ["cancel", "show"])
def test_orders_of_a_strategy_that_is_not_in_the_run_are_canceled_and_its_position_stays(unknown_own):
    async def play(desk):
        await desk.process(retired=maker(left_open))
        await asyncio.sleep(2)
        await desk.dies()
        open_before, held = there(desk)
        assert open_before

        await desk.process(maker=maker(lambda *_: []), policy=Policy(unknown_own=unknown_own))
        await asyncio.sleep(2)

        assert bool(there(desk)[0]) == (unknown_own == "show")
        assert desk.session.engine.portfolio.lots("retired", PERP) == there(desk)[1] >= held
        assert "owner_absent" in desk.causes()
        assert desk.reconciler.open_questions == {"sim": 0}
        await desk.dies()

    scene(play)


def test_where_the_account_began_anew_all_that_was_left_is_gone_and_that_is_told():
    async def play(desk):
        first = maker(lambda ctx, perp, spot: [*left_open(ctx, perp, spot), ctx.buy(SPOT, lots=7)])
        await desk.process(maker=first)
        await asyncio.sleep(2)
        await desk.dies()
        desk.venue = desk.exchange()

        seen = []
        second = maker(lambda ctx, *_: ctx.buy(PERP, lots=3))
        second.callbacks["start"] = lambda ctx: seen.append(
            (ctx.position_lots(PERP), ctx.position_lots(SPOT), len(ctx.orders()))
        )
        await desk.process(maker=second)

        assert desk.anew == ["sim"]
        assert seen == [(0, 0, 0)]
        assert set(desk.causes()) == {"account_anew"}
        assert desk.told[-1].text.endswith(
            "gone with it 7 lots of sim:BTC/USDT, 10 lots of sim:BTC/USDT:USDT"
        )
        assert desk.journal.store.open_orders() == []
        await asyncio.sleep(60)
        await desk.reconciler.settle("sim")
        assert desk.reconciler.open_questions == {"sim": 0}
        assert desk.journal.store.portfolio.total_lots(PERP) == 3 == there(desk)[1]
        await desk.dies()

    scene(play)


def test_a_venue_that_does_not_answer_is_asked_until_it_does_and_nothing_is_ordered_meanwhile():
    async def play(desk):
        await desk.process(maker=maker(left_open))
        await asyncio.sleep(2)
        await desk.dies()
        asked = []
        really = desk.venue.open_orders

        async def deaf():
            asked.append(clock.now_ns())
            if len(asked) < 5:
                raise Unavailable("the venue does not answer", venue="sim", request="question")
            return await really()

        desk.venue.open_orders = deaf
        second = maker(lambda ctx, *_: [ctx.buy(PERP, lots=1)])
        await desk.process(maker=second)

        assert len(asked) >= 5
        assert asked[4] - asked[0] == 4 * 2 * 10**9
        await asyncio.sleep(1)
        (order,) = second.orders
        assert order.intent.decided_ns > asked[4]
        await desk.dies()

    scene(play)
