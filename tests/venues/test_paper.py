"""A paper account on real links: a toy venue in a box, on a network in memory, in virtual time."""

import asyncio
from contextlib import asynccontextmanager
from fractions import Fraction

import pytest

from kit.toy.codec import ToyCodec
from kit.toy.server import ToyServer
from kit.venue_desks import FEEDS, Desk, limit, market
from xtrade.model.errors import Unavailable, UsageError
from xtrade.model.events import (
    BalanceReport,
    CancelRejected,
    LinkDown,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    Stale,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.research.playback import TapeMarket, play
from xtrade.research.recorder import Recorder
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import Tape
from xtrade.sim.synthetic.presets import preset
from xtrade.strategies.quoter import Quoter, QuoterParams
from xtrade.trading.closing import OnExit, close
from xtrade.trading.engine import Engine
from xtrade.trading.session import Session
from xtrade.venues.box.serving import Box
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.box.worlds import world_of
from xtrade.venues.link import Link
from xtrade.venues.markets import Markets
from xtrade.venues.paper import PaperVenue
from xtrade.venues.simulated import SimulatedVenue

SPOT, PERP = "toy:BTC/USDT", "toy:ETH/USDT:USDT"
MS = 1_000_000
CASH = Money.of(100_000, "USDT")
ASSUMED = Assumptions(
    entry=Latency.drawn([5 * MS, 20 * MS, 90 * MS], seed=7), response=Latency.constant(10 * MS)
)


@asynccontextmanager
async def inner():
    """Open a box, and a link to it that has no key."""
    Network().bring()
    async with Box(ToyServer, world_of({"toy": ToyServer}, ()), seed=5) as box:
        link = Link(ToyCodec(ToyCodec.spec.at("box", box.address), Markets(), None))
        await link.load()
        try:
            yield box, link
        finally:
            await link.stop()


@asynccontextmanager
async def desk(assumptions=ASSUMED, keys=(SPOT, PERP)):
    """Open a paper account on a box, and wait until its books are there."""
    async with inner() as (box, link):
        there = Desk(box, PaperVenue(link, [CASH], assumptions))
        for key in keys:
            there.link.subscribe(key, FEEDS)
        try:
            await there.link.start(there.hear)
            await there.until(lambda: all(there.books.book(each).is_trusted for each in keys))
            yield there
        finally:
            await there.link.stop()


def run(test, seed=3):
    return run_virtual(test, seed=seed)


@asynccontextmanager
async def synthetic():
    """The built-in exchange, which has marks and funding, so that a session trades its perpetual too."""
    yield None, SimulatedVenue(preset("spot-and-perpetual"), seed=1, balances=[])


def quoters(keys):
    return {key: Quoter(QuoterParams(instrument=key, half_spread=0.5, lots=30, max_lots=150)) for key in keys}


def decisions(recorder):
    return [
        (row.instrument, row.side, row.ticks, row.lots, row.decided_ns, row.status, row.executed_lots)
        for row in recorder.orders()
    ]


def traded(recorder, told):
    """Every word of every fill, but for the names that a run gives its orders."""
    order = {row.client_order_id: place for place, row in enumerate(recorder.orders())}
    return [(order[each.client_order_id], each.received_ns, each.fill) for each in told]


@pytest.mark.parametrize(
    "assumptions", [ASSUMED, Assumptions(), Assumptions(entry=Latency.constant(20 * MS), impact=False)]
)
@pytest.mark.parametrize(
    ("venue", "keys"), [(inner, [SPOT]), (synthetic, ["sim:BTC/USDT", "sim:BTC/USDT:USDT"])]
)
def test_a_back_test_on_what_a_paper_run_heard_makes_the_same_fills(venue, keys, assumptions):
    async def main():
        async with venue() as (box, link):
            paper = PaperVenue(link, [CASH], assumptions)
            recorder, heard = Recorder(), []
            session = Session(
                quoters(keys),
                {link.name: paper},
                ids=ClientOrderIds(MemoryMark(BITS_63), clock.now_ns),
                journal=recorder,
            )
            recorder.portfolio = session.engine.portfolio
            hear = session.hear

            def listen(name, events):
                heard.extend(events)
                hear(name, events)

            session.hear = listen
            await session.start()
            await asyncio.sleep(40)
            if box is not None:
                box.set_trouble(Trouble(cut=True))
            await asyncio.sleep(80)
            await session.stop()
            assert session.failure is None
            assert box is None or any(isinstance(each, Stale) for each in heard)
            return paper.instruments, recorder, heard

    instruments, live, heard = run(main)
    tape = Tape.of([instruments[key] for key in keys], heard).as_heard()
    replay, again, told = Replay(tape, assumptions), Recorder(), []
    reports = replay.reports

    def listening():
        found = reports()
        told.extend(found)
        return found

    replay.reports = listening
    markets = TapeMarket(tape, replay)
    engine = Engine(
        quoters(keys),
        markets,
        replay,
        ids=ClientOrderIds(MemoryMark(BITS_63), lambda: engine.now_ns),
        journal=again,
    )
    again.portfolio = engine.portfolio
    play(engine, markets)
    end_ns = markets.end_ns

    def fills(recorder, events):
        found = [each for each in events if isinstance(each, OrderFilled) and each.received_ns <= end_ns]
        return traded(recorder, found)

    live_fills, replayed = fills(live, heard), fills(again, told)
    assert len(live_fills) > 20
    assert live_fills == replayed


def test_an_order_rests_is_changed_and_canceled_and_the_venue_never_hears_of_it():
    async def main():
        async with desk() as d:
            ticks = d.ticks(SPOT, Side.BUY, away=2_000)
            d.link.place(limit(1, SPOT, Side.BUY, ticks))
            (report,) = await d.link.open_orders()
            assert d.of(OrderAccepted, 1)
            assert (report.client_order_id, report.ticks, report.lots) == (1, ticks, 100)
            assert d.link.amend(ClientOrderId(1), lots=150, ticks=ticks - 1)
            (report,) = await d.link.open_orders()
            assert d.of(OrderAmended, 1)[0].lots == 150
            assert (report.ticks, report.lots) == (ticks - 1, 150)
            await d.link.cancel_all()
            assert d.of(OrderCanceled, 1)
            assert await d.link.open_orders() == []
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED
            assert await d.link.order(ClientOrderId(2)) is None
            assert not d.link.cancel(ClientOrderId(1))
            assert list(d.box.floor.slips("toy.1")) == []

    run(main)


def test_fills_fees_and_balances_add_up_to_the_last_atom():
    async def main():
        async with desk() as d:
            d.link.place(market(1, SPOT, Side.BUY, lots=70))
            d.link.place(market(2, PERP, Side.SELL, lots=50))
            d.link.place(market(3, PERP, Side.BUY, lots=20))
            told = {each.client_order_id: each.fill for each in await d.link.fills(0)}
            assert [e.cumulative_lots for e in d.of(OrderFilled)][-1] == 20
            spot, perp = d.link.instruments[SPOT], d.link.instruments[PERP]
            fills = await d.link.fills(0)
            assert sum(each.fill.lots for each in fills) == 140
            assert set(told) == {1, 2, 3}
            (position,) = await d.link.positions()
            assert (position.instrument, position.lots) == (PERP, -30)
            money = {each.total.currency: each.total for each in await d.link.balances()}
            assert money == {e.total.currency: e.total for e in d.of(BalanceReport)}
            bought = sum(
                spot.value(ticks=e.fill.ticks, lots=e.fill.lots) for e in fills if e.instrument == SPOT
            )
            fees = sum(e.fill.fee.atoms for e in fills)
            entry = [e.fill for e in fills if e.client_order_id == 2]
            sold = Fraction(sum(f.ticks * f.lots for f in entry), 50)
            gain = sum((sold - e.fill.ticks) * e.fill.lots for e in fills if e.client_order_id == 3)
            gained = gain * perp.value(ticks=1, lots=1)
            assert money["USDT"].atoms == pytest.approx(CASH.atoms - bought - fees + gained, abs=1)
            assert money["BTC"] == spot.base_amount(ticks=1, lots=70)

    run(main)


def test_while_the_link_is_down_the_book_is_unknown_and_then_it_is_known_again():
    async def main():
        async with desk(keys=(SPOT,)) as d:
            ticks = d.ticks(SPOT, Side.BUY, away=2_000)
            d.link.place(limit(1, SPOT, Side.BUY, ticks))
            await d.link.open_orders()
            d.box.set_trouble(Trouble(cut=True, no_sockets=True))
            await d.until(lambda: d.of(LinkDown))
            assert d.of(Stale)
            d.link.place(market(2, SPOT, Side.BUY))
            await d.link.open_orders()
            assert "the book is unknown" in d.of(OrderRejected, 2)[0].reason
            d.box.set_trouble(Trouble())
            await d.until(lambda: d.books.book(SPOT).is_trusted, 120)
            d.link.place(market(3, SPOT, Side.BUY, lots=5))
            await d.until(lambda: d.of(OrderFilled, 3))
            assert [each.client_order_id for each in await d.link.open_orders()] == [1]

    run(main)


def test_what_cannot_be_sent_is_said_at_once():
    async def main():
        async with desk(keys=(SPOT,)) as d:
            with pytest.raises(UsageError, match="was not subscribed"):
                d.link.place(limit(1, PERP, Side.BUY, 1_000))
            d.link.place(market(2, SPOT, Side.BUY))
            await d.until(lambda: d.of(OrderFilled, 2))
            paper = d.link
        with pytest.raises(Unavailable, match="not connected"):
            paper.place(limit(3, SPOT, Side.BUY, 1_000))
        assert not paper.cancel(ClientOrderId(1))

    run(main)


def test_a_cancel_that_comes_too_late_is_refused_after_the_fill():
    async def main():
        async with desk(keys=(SPOT,)) as d:
            d.link.place(market(1, SPOT, Side.BUY))
            assert d.link.cancel(ClientOrderId(1))
            await d.link.open_orders()
            kinds = [type(e) for e in d.heard if getattr(e, "client_order_id", None) == 1]
            assert kinds[-1] is CancelRejected
            assert OrderFilled in kinds

    run(main)


def test_a_reduce_only_order_may_close_what_is_held_and_no_more():
    async def main():
        async with desk() as d:
            with pytest.raises(UsageError, match="would open a position"):
                d.link.place(market(1, PERP, Side.SELL, lots=1, reduce_only=True))
            d.link.place(market(2, PERP, Side.BUY, lots=50))
            await d.link.open_orders()
            for side, lots in ((Side.BUY, 1), (Side.SELL, 51)):
                with pytest.raises(UsageError, match="50 lots of toy:ETH/USDT:USDT are held"):
                    d.link.place(market(3, PERP, side, lots=lots, reduce_only=True))
            d.link.place(market(4, PERP, Side.SELL, lots=50, reduce_only=True))
            assert await d.link.positions() == []

    run(main)


def test_a_session_closes_what_it_holds_on_paper():
    async def main():
        async with synthetic() as (_, exchange):
            key = "sim:BTC/USDT:USDT"
            paper = PaperVenue(exchange, [CASH], ASSUMED)
            recorder = Recorder()
            ids = ClientOrderIds(MemoryMark(BITS_63), clock.now_ns)
            session = Session(quoters([key]), {"sim": paper}, ids=ids, journal=recorder)
            recorder.portfolio = session.engine.portfolio
            await session.start()
            for _ in range(600):
                if await paper.positions():
                    break
                await asyncio.sleep(0.1)
            else:
                raise AssertionError("nothing was traded in a minute")
            await close(session, OnExit.FLATTEN)
            found = await paper.open_orders(), await paper.positions()
            await session.stop()
            return found, exchange.traded

    found, traded_there = run(main)
    assert found == ([], [])
    assert traded_there == []
