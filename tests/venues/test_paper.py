"""A paper account on real links: a toy venue in a box, on a network in memory, in virtual time."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from kit.toy.codec import ToyCodec
from kit.toy.server import ToyServer
from kit.venue_desks import FEEDS, Desk
from xtrade.model.events import (
    OrderFilled,
)
from xtrade.model.money import Money
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
from xtrade.trading.engine import Engine
from xtrade.trading.session import Session
from xtrade.venues.box.serving import Box
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
        async with venue() as (_, link):
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
            await asyncio.sleep(120)
            await session.stop()
            assert session.failure is None
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
