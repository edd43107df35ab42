"""A world: a node at a venue that is reached over a bad way, under virtual time and by seed.

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
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final, TypeAlias

from msgspec import Struct

from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, MemoryMark
from xtrade.runtime.life import in_words
from xtrade.runtime.trace import Trace
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.testing.disk import Disk
from xtrade.testing.faults import FaultPlan, Mishaps
from xtrade.testing.invariants import at_every_step, at_rest, now_and_then, resolved
from xtrade.testing.life import SILENCE_S, Life
from xtrade.testing.troubled import LastingVenue
from xtrade.testing.wanderer import Wanderer, WandererParams
from xtrade.trading.order_store import OrderStore, replayed
from xtrade.trading.reconciliation import Difference
from xtrade.trading.risk import Limits
from xtrade.trading.strategy import Strategy
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["PERPETUAL", "SPOT", "Violation", "World", "play", "smallest"]

SPOT: Final = "sim:BTC/USDT"
PERPETUAL: Final = "sim:BTC/USDT:USDT"

REST_S: Final = SILENCE_S + 25.0
"""How long after the last fault everything must be resolved (I23): the silence, and as long for the questions."""

POSITION_VALUE_MAX: Final = Decimal(3_000)
"""Little enough that the wanderers run into it all the time."""

Strategies: TypeAlias = Callable[[], Mapping[str, Strategy[Any]]]


class Violation(Struct, frozen=True):
    """An invariant that did not hold: its name in the catalogue, when, and in words."""

    invariant: str
    at_ns: int
    text: str


class World:
    """One played world, and what was found in it."""

    def __init__(self, seed: int, plan: FaultPlan, strategies: Strategies) -> None:
        self.seed = seed
        self.plan = plan
        self.violations: list[Violation] = []
        self.differences: Counter[str] = Counter()
        """What the reconciler had to put right, by cause."""
        self.inherited: Counter[str] = Counter()
        """What processes found in the journal of those before them: orders "open", and "in doubt"."""
        self.unusual: Counter[str] = Counter()
        """What engines found odd about events."""
        self.failure: Exception | None = None
        """What ended the world before its time."""
        self.exchange = SimulatedVenue(
            preset("spot-and-perpetual"),
            seed=seed,
            balances=[Money.of(1_000_000, "USDT"), Money.of(10, "BTC")],
        )
        self.venue = LastingVenue(self.exchange)
        self.mishaps = Mishaps(plan)
        self.disk = Disk(self.mishaps)
        self._strategies = strategies
        self._mark = MemoryMark(BITS_63)
        self._life = self._born()
        self._steps = 0
        self._seen_ns = 0
        self._healed = asyncio.Event()

    def failed(self, error: Exception) -> None:
        """Note what the system under test raised, and nothing in it caught."""
        self.failure = error
        self.violations.append(Violation("I26", self._seen_ns, in_words(error)))

    @property
    def reached(self) -> Counter[str]:
        """How often each fault happened."""
        return +self.mishaps.reached

    async def run(self, seconds: float) -> None:
        """Trade under faults, heal, come to rest."""
        await self.venue.open()
        async with asyncio.TaskGroup() as tasks:
            lives = tasks.create_task(self._live(), name="lives")
            others = [
                tasks.create_task(self._set_the_clock(), name="clock"),
                tasks.create_task(self._meddle(), name="somebody"),
            ]
            await asyncio.sleep(seconds)
            for each in others:
                each.cancel()
            self._heal()
            session = self._life.session
            left = [] if session is None else [*session.engine.order_states()]
            await asyncio.sleep(REST_S)
            await self._come_to_rest(left)
            lives.cancel()
        await self.venue.close()

    # -- how ------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        """One process after the other, with nobody there in between."""
        while True:
            try:
                await self._life.run()
            finally:
                if self._life.session is not None:
                    self.unusual += self._life.session.engine.unusual
            with suppress(TimeoutError):
                await asyncio.wait_for(self._healed.wait(), self.mishaps.seconds("restart_s_max"))
            self._life = self._born()

    def _born(self) -> Life:
        strategies = self._strategies()
        return Life(
            strategies,
            self.venue,
            self.disk,
            self.mishaps,
            mark=self._mark,
            limits=Limits(
                position_value_max=POSITION_VALUE_MAX, open_orders_max=40, price_band=Decimal("0.05")
            ),
            on_step=self._step,
            note=self._note,
            inherit=self._inherits,
            tell=self._told,
        )

    def _inherits(self, store: OrderStore) -> None:
        self.inherited["open"] += len(store.open_orders())
        self.inherited["in doubt"] += len(store.in_doubt())

    async def _set_the_clock(self) -> None:
        """Set wall time forward and back, as time servers and suspended machines do."""
        machine = clock.current()
        assert isinstance(machine, clock.VirtualClock), "worlds are played under virtual time"
        while True:
            await asyncio.sleep(1.0)
            if self.mishaps.happens("clock_steps"):
                most_s = self.plan.step_s_max
                machine.step(round((2 * self.mishaps.seconds("step_s_max") - most_s) * 1e9))

    async def _meddle(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self.mishaps.happens("order_meddled"):
                self.venue.cancel_by_hand()

    def _heal(self) -> None:
        self.mishaps.heal()
        self.disk.free()
        self._life.venue.heal()
        self._healed.set()

    async def _come_to_rest(self, left: list[ClientOrderId]) -> None:
        session, reconciler, journal = self._life.session, self._life.reconciler, self._life.journal
        if session is None or reconciler is None or journal is None or not self._life.is_ready:
            self._note({"I23": "long after the last fault the node is not ready"})
            return
        self._note(resolved(session, left))
        session.act(session.engine.wind_down)
        await asyncio.sleep(REST_S)
        self._note(at_rest(session, self.venue, replayed(journal.entries()), self.disk))
        if unexplained := sum(reconciler.open_questions.values()):
            self._note({"I8": f"{unexplained} differences have no explanation"})

    def _step(self, life: Life) -> None:
        assert life.session is not None
        self._steps += 1
        self._seen_ns = clock.monotonic_ns()
        if len(self.violations) >= _ENOUGH:
            return
        self._note(at_every_step(life.session, self.exchange, POSITION_VALUE_MAX, life.ended))
        if self._steps % _SELDOM == 0:
            self._note(now_and_then(life.session, self.exchange))
            states = life.session.engine.order_states().items()
            life.ended.update((number, state.status) for number, state in states if state.is_final)

    def _note(self, found: Mapping[str, str]) -> None:
        known = {(each.invariant, each.text) for each in self.violations}
        now_ns = clock.monotonic_ns()
        self.violations += [
            Violation(name, now_ns, text) for name, text in found.items() if (name, text) not in known
        ]

    def _told(self, difference: Difference) -> None:
        self.differences[difference.cause.value] += 1


_ENOUGH: Final = 20
# A whole book, or every order there ever was, takes longer to look at than a step does.
_SELDOM: Final = 25


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
    strategies: Strategies = wanderers,
    trace: Trace | None = None,
) -> World:
    """Play a world from its seed, with the plan drawn from it unless one is given."""
    chosen = FaultPlan.drawn(seed) if plan is None else plan

    world = World(seed, chosen, strategies)

    async def main() -> None:
        await world.run(seconds)

    try:
        run_virtual(main, seed=seed, trace=trace)
    except Exception as error:  # noqa: BLE001  (whatever ended it, the world is what it was found in)
        world.failed(error)
    return world


def smallest(
    seed: int, plan: FaultPlan, fails: Callable[[World], bool], *, seconds: float = 120.0
) -> FaultPlan:
    """Return the plan with every fault off without which the world still fails."""
    for name in plan.on:
        fewer = plan.without(name)
        if fails(play(seed, plan=fewer, seconds=seconds)):
            plan = fewer
    return plan
