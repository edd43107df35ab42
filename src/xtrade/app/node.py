"""A node: strategies, venues, risk limits and a journal, put together from a configuration and run to its end.

Node       one run of a plan (xtrade.app.plan): `run` it, take its `result` when it is over
Ending     how it ended: why, what is left at the venues, how each step of the stop went

The node runs on the loop it finds: in wall time under `runtime.real.run`, or in virtual time, where a seed repeats it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from threading import Lock
from typing import Final

from msgspec import Struct
from typing_extensions import override

from xtrade.app.emergency import KILL_SIGNAL, switch_of
from xtrade.app.plan import Plan
from xtrade.app.risk import desk_limits_of, guardian_of, looks_every_ns
from xtrade.app.run_result import result_of
from xtrade.research.recorder import Recorder
from xtrade.research.result import Result
from xtrade.research.sampler import Sampler
from xtrade.runtime import chance, clock
from xtrade.runtime.shutdown import Shutdown, StepReport, StopReport
from xtrade.runtime.supervisor import Restart, Supervisor
from xtrade.trading.acting import turn
from xtrade.trading.closing import ClosingReport, OnExit, close
from xtrade.trading.exposure import account_of
from xtrade.trading.handover import Handover
from xtrade.trading.journal.durable import DurableJournal
from xtrade.trading.ports import Journal, Noted, Record
from xtrade.trading.reconciler import Reconciler
from xtrade.trading.reconciliation import Action, Difference, Policy
from xtrade.trading.risk import TradingState
from xtrade.trading.risk.halt_file import BaselineFile, HaltFile
from xtrade.trading.risk.kill import Fence, Flattened
from xtrade.trading.session import Session
from xtrade.venues.base import Venue

__all__ = ["Ending", "Node"]

SECOND: Final = 1e9
# Canceling and closing, then letting go of the venues: so long at most. A second Ctrl-C does not wait.
_CLOSE_S: Final = 15.0
_VENUES_S: Final = 3.0
_LOOK_S: Final = 0.25


class Ending(Struct, frozen=True, kw_only=True):
    """How a run ended."""

    reason: str
    closing: ClosingReport | None
    """None if the stop was cut short before the venues could be asked."""
    steps: tuple[StepReport, ...]
    killed: tuple[str, ...] = ()
    """What the kill switch found and what went wrong with it, line by line; empty if it was not thrown."""
    flat: bool = True
    """False if the kill switch was thrown and could not verify that nothing is left."""

    @property
    def clean(self) -> bool:
        """Whether everything was left as it was asked to be."""
        return (
            self.closing is not None
            and self.closing.clean
            and self.flat
            and all(step.outcome == "done" for step in self.steps)
        )


class Node:
    """One run of a plan. With a halt file it has a kill switch, which watches that file while `watched` lasts.

    `flattened` hears how the switch left the accounts, in the switch's thread. `tell_loop` is how that thread has
    something done in the loop; a virtual loop, which hears nobody, needs one from outside (`Pace.soon`).

    With the `handover` of an earlier process it goes on where that one ended, and nothing is ordered before the
    venues have said what became of it. `baseline_file` keeps what losses are counted from. `venues` are those that
    lived on meanwhile, where the plan would make new ones.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        journal: DurableJournal | None = None,
        handover: Handover | None = None,
        venues: Mapping[str, Venue] | None = None,
        baseline_file: BaselineFile | None = None,
        halt_file: HaltFile | None = None,
        flattened: Callable[[Flattened], object] = lambda _: None,
        tell_loop: Callable[[Callable[[], object]], object] | None = None,
    ) -> None:
        self.plan = plan
        self.stop = Shutdown()
        self.journal = journal
        self.recorder = Recorder()
        self.handover = handover
        self.venues = dict(plan.venues() if venues is None else venues)
        self.strategies = plan.strategies()
        self.fence = Fence()
        given = [] if handover is None else [state.intent.client_order_id for state in handover.orders]
        self.session = Session(
            self.strategies,
            self.venues,
            ids=plan.place.ids(given),
            limits=plan.limits,
            desk_limits=desk_limits_of(plan.config),
            journal=self.recorder if journal is None else _Both(journal, self.recorder),
            on_step=self._look_after,
            fence=self.fence,
            handover=handover,
        )
        self.recorder.portfolio = self.session.engine.portfolio
        self.carried = dict(self.session.engine.portfolio.all())
        """The positions that this run began with."""
        for context in self.session.engine.contexts.values():
            for order in context.open_orders.values():
                self.recorder.carry(order.state)
        self.guardian = guardian_of(
            plan.config,
            self.session.engine,
            plan.balances,
            halt_file=halt_file,
            baseline_file=baseline_file,
        )
        if handover is None:
            self._guard()
        self.reconciler = Reconciler(
            self.session,
            policy=Policy(unknown_own=plan.config.engine.unknown_orders),
            tell=self._differs,
        )
        self.sampler = Sampler(self.session.books, self.session.engine.watched)
        self.end_ns = 0
        self.switch = None
        if halt_file is not None:
            self.switch = switch_of(
                self.session,
                partial(plan.place.accesses, self.venues, given),
                halt_file=halt_file,
                fence=self.fence,
                tell_loop=tell_loop or self._tell_loop,
                ask=self.ask,
                flattened=flattened,
            )
        self._watching = ExitStack()
        self._door = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before_the_loop: list[Callable[[], object]] = []
        self._closing: ClosingReport | None = None

    @contextmanager
    def watched(self, *, signals: bool = False) -> Iterator[None]:
        """Have the kill switch watch while the block lasts, which is put around the whole loop.

        So the switch is there before the first strategy begins, which may be to hang, and has a thread also where
        time is virtual. `signals` has SIGUSR1 throw it.
        """
        with self._watching:
            if self.switch is not None:
                self._watching.enter_context(self.switch.watching())
                if signals:
                    self._watching.enter_context(self.switch.on_signal(KILL_SIGNAL))
            yield

    async def run(
        self,
        seconds: float | None = None,
        *,
        signals: bool = False,
        watch: Callable[[Node], object] | None = None,
    ) -> Ending:
        """Run until the time is over, somebody asks `stop`, or no strategy trades any more; then end in order.

        `signals` has Ctrl-C and SIGTERM ask for the stop, and a second one end the process on the spot; `watch` is
        called a few times a second.
        """
        self.stop.step("orders and positions", self._close, deadline_ms=round(1_500 * _CLOSE_S))
        self.stop.step("venues", self.session.stop, deadline_ms=round(1_000 * _VENUES_S))
        with self._door:
            self._loop = asyncio.get_running_loop()
        for call in self._before_the_loop:
            self._loop.call_soon(call)
        with _seeded(self.plan.seed):
            try:
                await self.session.start(begin=self.handover is None)
            except BaseException:
                await self.session.stop()
                raise
            try:
                report = await self._until_stopped(seconds, signals=signals, watch=watch)
            except BaseException:
                # Whatever ended the run in this way, no order is left to itself.
                await self._close()
                await self.session.stop()
                raise
        self.end_ns = self.session.now_ns()
        self.sampler.look(self.end_ns)
        killed, flat = self._killed_how()
        return Ending(
            reason=report.reason, closing=self._closing, steps=report.steps, killed=killed, flat=flat
        )

    async def _until_stopped(
        self, seconds: float | None, *, signals: bool, watch: Callable[[Node], object] | None
    ) -> StopReport:
        loop = asyncio.get_running_loop()
        over = None if seconds is None else loop.call_later(seconds, self.ask, f"{seconds:g} s are over")
        async with Supervisor("node") as tasks:
            tasks.start(self._sample, name="samples")
            tasks.start(self._hear_failure, name="failure")
            tasks.start(self._reconcile, name="reconciler")
            if watch is not None:
                # Who cannot see the run does not end it.
                tasks.start(lambda: self._show(watch), name="view", restart=Restart())
            with self.stop.on_signals() if signals else nullcontext():
                report = await self.stop.when_asked()
            if over is not None:
                over.cancel()
            await tasks.stop()
        return report

    def ask(self, reason: str) -> None:
        """Ask for the end of the run, if nobody has."""
        if self.stop.reason is None:
            self.stop.request(reason)

    def result(self) -> Result:
        """Return what the run was worth, in the form a back-test's is."""
        return result_of(self)

    # -- how ------------------------------------------------------------------------------------------------------

    def _guard(self) -> None:
        if self.guardian is not None:
            self.guardian.watch(looks_every_ns(self.plan.config))

    def _look_after(self) -> None:
        if not self.session.engine.is_active:
            self.ask("no strategy trades any more")

    async def _close(self) -> None:
        """Close while the venues can still be reached; a kill that has begun is finished, and booked, before."""
        was_killed = self._is_killed()
        try:
            self._closing = await self._closed(OnExit.CANCEL if was_killed else self.plan.on_exit)
        finally:
            # From here on nobody watches; thrown until now, the switch has done all it can.
            self._watching.close()
        if self.fence.is_down and not was_killed:
            self._closing = await self._closed(OnExit.CANCEL)

    def _is_killed(self) -> bool:
        """Whether the switch was thrown; then this waits until it is done."""
        if self.fence.is_down:
            self._watching.close()
        return self.fence.is_down

    async def _closed(self, on_exit: OnExit) -> ClosingReport:
        # Whoever kills wants nothing left, whatever the configuration leaves at other times.
        return await close(self.session, on_exit, deadline_s=_CLOSE_S)

    def _tell_loop(self, call: Callable[[], object]) -> None:
        """Have the loop do something when it comes to it, from the thread of the kill switch."""
        with self._door:
            if self._loop is None:
                self._before_the_loop.append(call)
                return
        self._loop.call_soon_threadsafe(call)

    def _killed_how(self) -> tuple[tuple[str, ...], bool]:
        if self.switch is None or self.switch.report is None:
            return (), True
        return (*self.switch.report.lines(), *self.switch.problems), self.switch.report.is_flat

    async def _reconcile(self) -> None:
        """Take over what an earlier process left, have the strategies begin, and keep our account true from then on."""
        if self.handover is not None:
            for venue in await self.reconciler.take_over(self.handover):
                self.carried = {
                    held: lots for held, lots in self.carried.items() if account_of(held[1]) != venue
                }
                if self.guardian is not None:
                    self.guardian.begin_anew()
            # Not before: what is not there any more must not be closed.
            self._guard()
            self.session.begin()
        await self.reconciler.run()

    async def _sample(self) -> None:
        while True:
            self.sampler.look(self.session.now_ns())
            if self.journal is not None and not self.journal.may_place and not self.journal.try_again():
                trouble = self.journal.trouble
                if trouble is not None and trouble.lost:
                    self.ask(str(trouble))
            await asyncio.sleep(self.sampler.step_ns / SECOND)

    def _differs(self, venue: str, difference: Difference) -> None:
        """Write down where a venue's word and our account differed; what nobody can explain stops new risk."""
        text = f"{venue}, {difference.subject}: {difference.cause}: {difference.text} ({difference.action})"
        self.recorder.count(f"{venue} and we differed: {difference.cause}", text)
        self.session.act(partial(self._act_on, difference, text))

    def _act_on(self, difference: Difference, text: str, now_ns: int) -> None:
        engine = self.session.engine
        engine.record(Noted(strategy="", text=text, at_ns=now_ns))
        # A desk that is halted already stays so.
        if difference.action is Action.LOOK and engine.gate.state is TradingState.ACTIVE:
            turn(engine, TradingState.REDUCING, text, by="reconciliation")

    async def _hear_failure(self) -> None:
        await self.session.failed.wait()
        self.ask("the session failed")

    async def _show(self, watch: Callable[[Node], object]) -> None:
        while True:
            watch(self)
            await asyncio.sleep(_LOOK_S)


class _Both(Journal):
    """The journal, and the records that the result is made of: nothing gets into these that is not in that."""

    tells_why: Final = True

    def __init__(self, journal: DurableJournal, recorder: Recorder) -> None:
        self._journal = journal
        self._recorder = recorder

    @property
    def may_cancel(self) -> bool:
        """Whether cancels may be sent."""
        return self._journal.may_cancel

    @override
    def append(self, record: Record) -> None:
        self._journal.append(record)
        self._recorder.append(record)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let the seed decide chance, where no virtual loop has seen to that already."""
    if isinstance(clock.current(), clock.VirtualClock):
        yield
        return
    with chance.using(chance.Streams(seed)):
        yield
