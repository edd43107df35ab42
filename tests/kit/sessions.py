"""Sessions on the built-in exchange under virtual time: strategies in a line, a world, and what came of it."""

from __future__ import annotations

import asyncio

from xtrade.model.money import Money
from xtrade.research.recorder import Recorder
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.trading.closing import OnExit, close
from xtrade.trading.session import Session
from xtrade.venues.simulated import SimulatedVenue

SPOT, PERP = "sim:BTC/USDT", "sim:BTC/USDT:USDT"
CASH = Money.of(100_000, "USDT")


class Run:
    """A session on one or more venues, its records, and every event that the venues told."""

    def __init__(
        self, strategies, *, world="spot-and-perpetual", seed=1, limits=None, wrap=None, journal=None
    ):
        self.recorder = Recorder() if journal is None else journal
        self.heard = []
        markets = preset(world)
        self.exchanges = {
            venue.name: SimulatedVenue(markets, seed=seed, balances=[CASH], name=venue.name)
            for venue in markets.venues
        }
        venues = {name: wrap(venue) if wrap else venue for name, venue in self.exchanges.items()}
        self.session = Session(
            strategies,
            venues,
            ids=ClientOrderIds(MemoryMark(BITS_63), clock.now_ns),
            limits=limits,
            journal=self.recorder,
        )
        self.recorder.portfolio = self.session.engine.portfolio
        hear = self.session.hear

        def listen(venue, events):
            self.heard += events
            hear(venue, events)

        self.session.hear = listen
        self.closing = None

    @property
    def engine(self):
        return self.session.engine

    async def play(self, seconds, on_exit=OnExit.CANCEL, **how):
        """Start, wait, close; a failure of the session is raised."""
        await self.session.start()
        await asyncio.sleep(seconds)
        self.closing = await close(self.session, on_exit, **how)
        await self.session.stop()
        if self.session.failure is not None:
            raise self.session.failure
        return self


def played(strategies, seconds=30.0, *, on_exit=OnExit.CANCEL, seed=1, pick="seeded", deadline_s=10.0, **how):
    """Play strategies for so long under virtual time; returns the Run."""

    async def main():
        made = strategies() if callable(strategies) else strategies
        return await Run(made, seed=seed, **how).play(seconds, on_exit, deadline_s=deadline_s)

    return run_virtual(main, seed=seed, pick=pick)
