"""A world: a session at a venue that is reached over a bad way, under virtual time and by seed.

    world = play(seed=7)
    world.violations          what did not hold, each with the name of its invariant
    world.reached             how often each fault really happened

It has two parts. First everything goes wrong that the plan says, and what must hold at every step is checked at every
step. Then the way is healed, the strategies are told to end, and what must hold at rest is checked when the time that
a session has for that is over: a system that merely stopped would fail here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct
from typing_extensions import override

from xtrade.model.money import Money
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.testing.faults import FaultPlan, TroubledVenue
from xtrade.testing.invariants import at_every_step, at_rest, books, resolved
from xtrade.testing.wanderer import Wanderer, WandererParams
from xtrade.trading.order_store import OrderStore
from xtrade.trading.ports import Journal, Record
from xtrade.trading.reconciler import Pace, Reconciler
from xtrade.trading.reconciliation import Difference, Policy
from xtrade.trading.risk import Limits
from xtrade.trading.session import Session
from xtrade.trading.strategy import Strategy
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["PERPETUAL", "SPOT", "Violation", "World", "play", "smallest"]

SPOT: Final = "sim:BTC/USDT"
PERPETUAL: Final = "sim:BTC/USDT:USDT"

SILENCE_S: Final = 20
"""After so long an order that the venue does not know counts as never arrived."""

REST_S: Final = 45.0
"""How long after the last fault everything must be resolved (I23): that silence, and as long for the questions."""

POSITION_VALUE_MAX: Final = Decimal(3_000)
"""Little enough that the wanderers run into it all the time."""


class Violation(Struct, frozen=True):
    """An invariant that did not hold: its name in the catalogue, when, and in words."""

    invariant: str
    at_ns: int
    text: str


class Remembered(Journal):
    """A journal in memory, folded as it is written."""

    def __init__(self) -> None:
        self.store = OrderStore()
        self.count = 0

    @override
    def append(self, record: Record) -> None:
        """Take a record."""
        self.count += 1
        self.store.take(record)


class World:
    """One played world, and what was found in it."""

    def __init__(self, seed: int, plan: FaultPlan, strategies: Mapping[str, Strategy[Any]]) -> None:
        self.seed = seed
        self.plan = plan
        self.violations: list[Violation] = []
        self._steps = 0
        self.differences: Counter[str] = Counter()
        """What the reconciler had to put right, by cause."""
        self.exchange = SimulatedVenue(
            preset("spot-and-perpetual"),
            seed=seed,
            balances=[Money.of(1_000_000, "USDT"), Money.of(10, "BTC")],
        )
        self.venue = TroubledVenue(self.exchange, plan)
        self.journal = Remembered()
        limits = Limits(position_value_max=POSITION_VALUE_MAX, open_orders_max=40, price_band=Decimal("0.05"))
        self.session = Session(
            strategies,
            {"sim": self.venue},
            ids=ClientOrderIds(MemoryMark(BITS_63), clock.now_ns),
            limits=dict.fromkeys(strategies, limits),
            journal=self.journal,
            on_step=self._step,
        )
        self.reconciler = Reconciler(
            self.session,
            policy=Policy(silence_ns=SILENCE_S * 10**9),
            pace=Pace(answer_s=3.0, again_s=1.0, every_s=15.0),
            tell=self._told,
        )

    @property
    def reached(self) -> Counter[str]:
        """How often each fault happened."""
        return +self.venue.reached

    async def run(self, seconds: float) -> None:
        """Trade under faults, heal, come to rest."""
        await self.session.start()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self.reconciler.run())
            await asyncio.sleep(seconds)
            self.venue.heal()
            healed_ns = self.session.now_ns()
            await asyncio.sleep(REST_S)
            self._note(resolved(self.session, healed_ns))
            self.session.act(self.session.engine.wind_down)
            await asyncio.sleep(REST_S)
            watching.cancel()
        self._note(at_rest(self.session, self.exchange, self.journal.store))
        if unexplained := sum(self.reconciler.open_questions.values()):
            self._note({"I9": f"{unexplained} differences have no explanation"})
        await self.session.stop()
        if self.session.failure is not None:
            raise self.session.failure

    def _step(self) -> None:
        self._steps += 1
        if len(self.violations) < _ENOUGH:
            self._note(at_every_step(self.session, self.exchange, POSITION_VALUE_MAX))
            if self._steps % _BOOKS_EVERY == 0:
                self._note(books(self.session, self.exchange))

    def _note(self, found: Mapping[str, str]) -> None:
        known = {(each.invariant, each.text) for each in self.violations}
        self.violations += [
            Violation(name, self.session.now_ns(), text)
            for name, text in found.items()
            if (name, text) not in known
        ]

    def _told(self, _venue: str, difference: Difference) -> None:
        self.differences[difference.cause.value] += 1


_ENOUGH: Final = 20
# A whole book costs more to look at than a step does.
_BOOKS_EVERY: Final = 25


def wanderers() -> dict[str, Strategy[Any]]:
    """Return one strategy on each market."""
    return {
        "spot": Wanderer(WandererParams(instrument=SPOT)),
        "perpetual": Wanderer(WandererParams(instrument=PERPETUAL)),
    }


def play(
    seed: int,
    *,
    plan: FaultPlan | None = None,
    seconds: float = 120.0,
    strategies: Callable[[], Mapping[str, Strategy[Any]]] = wanderers,
) -> World:
    """Play a world from its seed, with the plan drawn from it unless one is given."""
    chosen = FaultPlan.drawn(seed) if plan is None else plan

    async def main() -> World:
        world = World(seed, chosen, strategies())
        await world.run(seconds)
        return world

    return run_virtual(main, seed=seed)


def smallest(
    seed: int, plan: FaultPlan, fails: Callable[[World], bool], *, seconds: float = 120.0
) -> FaultPlan:
    """Return the plan with every fault off without which the world still fails."""
    for name in plan.on:
        fewer = plan.without(name)
        if fails(play(seed, plan=fewer, seconds=seconds)):
            plan = fewer
    return plan
