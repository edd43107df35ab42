"""A process that dies again and again, and the next one that goes on: at rest all is as the venue has it.

The exchange lives on: what was sent arrives, what was answered is lost, what rests trades. Nothing survives of a
process but its journal.
"""

from __future__ import annotations

import asyncio
import os

import pytest

from kit.journals import open_journal
from xtrade.model.money import Money
from xtrade.runtime import chance, clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.testing.faults import CALM, FaultPlan, TroubledVenue
from xtrade.testing.invariants import at_rest
from xtrade.testing.world import PERPETUAL, wanderers
from xtrade.trading.handover import Handover
from xtrade.trading.order_store import replayed
from xtrade.trading.reconciler import Pace, Reconciler
from xtrade.trading.reconciliation import Policy
from xtrade.trading.session import Session
from xtrade.venues.simulated import SimulatedVenue

# More by hand: XTRADE_DEATHS=50 uv run pytest tests/worlds/test_deaths.py
SEEDS = int(os.environ.get("XTRADE_DEATHS", "2"))
LIVES = 6
REST_S = 60


class Lives:
    """One journal, one exchange, and processes that come and go."""

    def __init__(self, place, plan):
        self.place = place
        self.exchange = SimulatedVenue(
            preset("spot-and-perpetual"),
            seed=3,
            balances=[Money.of(1_000_000, "USDT"), Money.of(10, "BTC")],
        )
        self.plan = plan
        self.died_in_doubt = 0
        self.deaths = 0

    async def live(self, seconds, *, plan, ends=False):
        """Live for so long; then die on the spot, or end in order and come to rest."""
        with_handover = self.place.exists()
        journal = open_journal(self.place, durability="process")
        store = replayed(journal.entries())
        handover = Handover.of(store, self.written_ns) if with_handover else None
        venue = TroubledVenue(self.exchange, plan)
        session = Session(
            wanderers(),
            {"sim": venue},
            ids=ClientOrderIds(MemoryMark(BITS_63, max(store.orders, default=0) + 1), clock.now_ns),
            journal=journal,
            handover=handover,
        )
        reconciler = Reconciler(
            session, policy=Policy(silence_ns=20 * 10**9), pace=Pace(answer_s=3.0, again_s=1.0, every_s=15.0)
        )

        async def reconciled():
            if handover is not None:
                assert await reconciler.take_over(handover) == []
                session.begin()
            await reconciler.run()

        await session.start(begin=handover is None)
        reconciling = asyncio.create_task(reconciled())
        await asyncio.sleep(seconds)
        if ends:
            session.act(session.engine.wind_down)
            await asyncio.sleep(REST_S)
            found = at_rest(session, self.exchange, replayed(journal.entries()))
            assert not any(reconciler.open_questions.values()), reconciler.open_questions
        else:
            self.deaths += 1
            found = {}
        self.died_in_doubt += sum(
            1 for state in session.engine.order_states().values() if not state.accepted and not state.is_final
        )
        reconciling.cancel()
        await session.stop()
        if session.failure is not None:
            raise session.failure
        self.written_ns = clock.now_ns()
        journal.store.close()  # and nothing is laid down
        return found


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("weather", ["calm", "bad"])
def test_whenever_it_dies_the_next_one_goes_on_and_nothing_is_lost_or_doubled(tmp_path, seed, weather):
    async def main():
        plan = CALM if weather == "calm" else FaultPlan.drawn(seed)
        lives, die = Lives(tmp_path / "trading.journal", plan), chance.stream("deaths")
        for _ in range(LIVES):
            await lives.live(die.uniform(0.05, 20.0), plan=plan)
            await asyncio.sleep(die.choice([0.0, 0.004, 5.0, 120.0]))
        return lives, await lives.live(10.0, plan=CALM, ends=True)

    lives, violations = run_virtual(main, seed=seed)

    assert violations == {}
    with open_journal(tmp_path / "trading.journal") as journal:
        store = replayed(journal.entries())
        assert journal.session == LIVES + 2
    there = [(each.client_order_id, each.fill.trade_id) for each in lives.exchange.traded]
    booked = [(number, fill.trade_id) for number, state in store.orders.items() for fill in state.fills]
    assert sorted(booked) == sorted(there), "every trade of the exchange is booked, once"
    assert booked
    assert lives.deaths == LIVES
    assert store.portfolio.total_lots(PERPETUAL) == lives.exchange.exchange.position("sim", PERPETUAL).lots
