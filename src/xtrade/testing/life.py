"""One process of the node: it starts on the journal that is there, trades, and may be gone at any moment.

A process that dies leaves what is on the disk and what has left for the venue, and nothing else. What is left of its
call stack goes on to the end of the step with its hands cut off: it writes nothing, sends nothing and hears nothing.
The next process folds the journal, asks the venue what became of everything, and only then begins to trade.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from typing_extensions import override

from xtrade.model.errors import JournalBroken
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.runtime import clock
from xtrade.runtime.ids import ClientOrderIds, HighWaterMark
from xtrade.testing.disk import Disk
from xtrade.testing.faults import Mishaps
from xtrade.testing.invariants import at_a_second, at_a_send
from xtrade.testing.troubled import LastingVenue, Process, TroubledVenue
from xtrade.trading.acting import turn
from xtrade.trading.checkpoints import keep_checkpoint, restored
from xtrade.trading.handover import Handover
from xtrade.trading.journal.durable import DurableJournal
from xtrade.trading.order_store import OrderStore
from xtrade.trading.ports import Journal, Record
from xtrade.trading.reconciler import Pace, Reconciler
from xtrade.trading.reconciliation import Difference, Policy
from xtrade.trading.risk import Limits, TradingState
from xtrade.trading.session import Session
from xtrade.trading.strategy import Strategy

__all__ = ["SILENCE_S", "Life"]

SILENCE_S: Final = 20
"""After so long an order that the venue does not know counts as never arrived."""

_PACE: Final = Pace(answer_s=3.0, again_s=1.0, every_s=15.0)


class Life(Process):
    """A process from its start to its death, or to the end of the world."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy[Any]],
        exchange: LastingVenue,
        disk: Disk,
        mishaps: Mishaps,
        *,
        mark: HighWaterMark,
        limits: Limits,
        on_step: Callable[[Life], None],
        note: Callable[[Mapping[str, str]], None],
        inherit: Callable[[OrderStore], None],
        tell: Callable[[Difference], None],
    ) -> None:
        self.session: Session | None = None
        """There once the journal is open."""
        self.reconciler: Reconciler | None = None
        self.journal: DurableJournal | None = None
        self.is_alive = True
        self.is_ready = False
        """Whether it has asked the venue about everything that was left, and trades."""
        self.ended: dict[ClientOrderId, OrderStatus] = {}
        """Orders that were seen to have ended."""
        self.venue = TroubledVenue(exchange, mishaps, self)
        self._strategies = strategies
        self._disk = disk
        self._mishaps = mishaps
        self._mark = mark
        self._limits = limits
        self._on_step = on_step
        self._note = note
        self._inherit = inherit
        self._tell = tell
        self._sent: dict[tuple[ClientOrderId, str], int] = {}
        self._working: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Live until the end; returns when the process is gone."""
        self._working = asyncio.create_task(self._live())
        try:
            await self._working
        except asyncio.CancelledError:
            if self.is_alive:
                raise
        finally:
            if self.session is not None:
                await self.session.stop()

    # -- as a process ---------------------------------------------------------------------------------------------

    @override
    def lives(self) -> bool:
        if self.is_alive:
            for name in ("process_dies", "power_fails"):
                if self._mishaps.happens(name):
                    self._die(without_power=name == "power_fails")
                    break
        return self.is_alive

    @override
    def sends(self, what: str, client_order_id: ClientOrderId, intent: OrderIntent | None = None) -> None:
        assert self.session is not None
        assert self.journal is not None
        count = self._sent[client_order_id, what] = self._sent.get((client_order_id, what), 0) + 1
        can_write = self.journal.trouble is None
        found = at_a_send(self.session, self._disk, what, client_order_id, count, intent, can_write=can_write)
        if found:
            self._note(found)

    def _die(self, *, without_power: bool) -> None:
        self.is_alive = self.is_ready = False
        if without_power:
            self._disk.power_fails()
        assert self._working is not None
        self._working.cancel()

    # -- what it does ---------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        self.journal = await self._opened()
        store = self._read(self.journal)
        self._inherit(store)
        handover = Handover.of(store, store.handed_over_ns) if store.handed_over_ns else None
        self.session = Session(
            self._strategies,
            {self.venue.name: self.venue},
            ids=ClientOrderIds(self._mark, clock.now_ns),
            limits=dict.fromkeys(self._strategies, self._limits),
            journal=_Pen(self.journal, self),
            on_step=lambda: self._on_step(self) if self.is_alive else None,
            handover=handover,
        )
        self.reconciler = Reconciler(
            self.session,
            policy=Policy(silence_ns=SILENCE_S * 10**9),
            pace=_PACE,
            tell=lambda _venue, difference: self._tell(difference),
        )
        await self.session.start(begin=handover is None)
        if handover is not None:
            await self._taken_over(self.reconciler, handover)
            self.session.begin()
        self.is_ready = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.reconciler.run(), name="reconciler")
            tasks.create_task(self._look_after_the_journal(self.journal), name="journal")
            tasks.create_task(self._operate(self.session), name="operator")
            tasks.create_task(self._watch_the_time(self.session), name="time")
            tasks.create_task(self._hear_failure(self.session), name="failure")

    async def _opened(self) -> DurableJournal:
        while True:
            try:
                return DurableJournal(self._disk, accounts=[self.venue.name])
            except JournalBroken:
                await asyncio.sleep(1.0)

    def _read(self, journal: DurableJournal) -> OrderStore:
        """Add the journal up from its checkpoint, and keep another one for the next process."""
        store = restored(journal.store).store
        with suppress(JournalBroken):
            keep_checkpoint(journal.store, store)
        return store

    async def _taken_over(self, reconciler: Reconciler, handover: Handover) -> None:
        """Have everything settled that was left, before anything new is sent."""
        for name in await reconciler.take_over(handover):
            self._note({"I7": f"the account at {name} counts as begun anew, and has not"})

    async def _look_after_the_journal(self, journal: DurableJournal) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self.is_alive and not journal.may_place:
                journal.try_again()

    async def _operate(self, session: Session) -> None:
        """Halt the desk now and then, and let it trade again."""
        while True:
            await asyncio.sleep(1.0)
            if self._mishaps.happens("desk_halted"):
                halted_s = self._mishaps.seconds("halt_s_max")
                self._turn(session, TradingState.HALTED)
                await asyncio.sleep(halted_s)
                self._turn(session, TradingState.ACTIVE)

    async def _watch_the_time(self, session: Session) -> None:
        while True:
            before_ns = session.now_ns()
            await asyncio.sleep(1.0)
            self._note(at_a_second(session.now_ns() - before_ns))

    async def _hear_failure(self, session: Session) -> None:
        await session.failed.wait()
        assert session.failure is not None
        raise session.failure

    def _turn(self, session: Session, state: TradingState) -> None:
        session.act(lambda _now_ns: turn(session.engine, state, "a fault of the plan", by="operator"))


class _Pen(Journal):
    """The journal in the hand of a process that may die before it writes, or right after."""

    tells_why: Final = True

    def __init__(self, journal: DurableJournal, process: Process) -> None:
        self._journal = journal
        self._process = process

    @property
    def may_cancel(self) -> bool:
        """Whether cancels may be sent."""
        return self._journal.may_cancel

    @override
    def append(self, record: Record) -> None:
        if self._process.lives():
            self._journal.append(record)
            self._process.lives()
