"""Asks the venues what is true, and puts our account of it right: at the start, from time to time, and when in doubt.

    reconciler = Reconciler(session, tell=…)
    await reconciler.take_over(handover)  # where an earlier process left something: before the first order
    await reconciler.run()                # for as long as the session lives

What follows from an answer is decided by `xtrade.trading.reconciliation`, which is pure; here the questions are asked,
the events booked, and every difference told with its cause. An order that stays without an answer is in doubt: it is
asked for by our id until the venue's own word, or the end of its validity, says what became of it. Nothing is ever
sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.errors import VenueError
from xtrade.model.events import (
    AccountOpened,
    AmendRejected,
    CancelRejected,
    OrderAccepted,
    OrderEvent,
    OrderInDoubt,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.trading.handover import Handover
from xtrade.trading.orders import Order
from xtrade.trading.reconciliation import (
    Action,
    Cause,
    Difference,
    Ours,
    Policy,
    Report,
    began_anew,
    reconcile,
)
from xtrade.trading.session import Session
from xtrade.venues.base import Account, OrderReport, Trading

__all__ = ["Pace", "Reconciler"]

SECOND: Final = 1_000_000_000


class Pace(Struct, frozen=True, kw_only=True):
    """How patient the reconciler is, in seconds."""

    answer_s: float = 5.0
    """An order, a change or a cancel without an answer for so long is asked about."""
    again_s: float = 2.0
    """How long after an answer that settles nothing the venue is asked again."""
    every_s: float = 30.0
    """How often everything is compared although nothing seems wrong."""
    fills_back_s: float = 60.0
    """How far before the newest trade of the last comparison trades are asked for: some are listed late."""


class Reconciler:
    """Keeps one session's account of orders and positions true."""

    def __init__(
        self,
        session: Session,
        *,
        policy: Policy | None = None,
        pace: Pace | None = None,
        tell: Callable[[str, Difference], object] = lambda _venue, _difference: None,
    ) -> None:
        self._session = session
        self._policy = policy or Policy()
        self._pace = pace or Pace()
        self._tell = tell
        self._waiting: dict[tuple[ClientOrderId, str, int], int] = {}
        """When each request that has no answer yet was first seen without one."""
        self._compared_ns: dict[str, int] = {}
        self._traded_ns: dict[str, int] = {}
        """By venue, and by its own clock, the newest trade in its last answer: it had told all of those before."""
        self._known_ns: dict[str, dict[ClientOrderId, int]] = {}
        self._born_ns = 0
        """When this process first asked; an order of an earlier one counts as known since then."""
        self._told: dict[str, frozenset[str]] = {}
        self.open_questions: dict[str, int] = {}
        """By venue, how many differences the last comparison left without an explanation."""

    async def run(self) -> None:
        """Compare for ever; a venue that does not answer is asked again."""
        while True:
            back = await self._next_look()
            now_ns = self._session.now_ns()
            for venue in self._session.venues:
                silent = self._silent(venue, now_ns)
                due_ns = self._compared_ns.get(venue, 0) + round(self._pace.every_s * SECOND)
                if silent or venue in back or self.open_questions.get(venue) or now_ns >= due_ns:
                    await self._try_to_settle(venue)

    async def take_over(self, handover: Handover) -> list[str]:
        """Settle what an earlier process left with every venue, asking until each has answered.

        Returned are the venues whose account has begun anew since: nothing that was left is there any more.
        """
        anew = []
        for name, venue in self._session.venues.items():
            self._compared_ns[name] = handover.written_ns
            opened_ns = None if venue.account is None else venue.account.opened_ns
            # Both by the venue's clock: ours may have been set since, and nothing is to be let go of for that.
            if opened_ns is not None and opened_ns > handover.told_ns.get(name, opened_ns):
                anew.append(name)
                self._began_anew(name, opened_ns)
            while True:
                try:
                    await self.settle(name)
                    break
                except VenueError:
                    await asyncio.sleep(self._pace.again_s)
            self._settle_absent(name)
        return anew

    async def settle(self, venue: str) -> tuple[Difference, ...]:
        """Ask and book until the venue has nothing more to say at once; return what is left open.

        A question that cannot be asked is a VenueError, and nothing of its answer is booked.
        """
        left: list[Difference] = []
        for _ in range(_ROUNDS):
            left = await self._compare(venue)
            if not any(each.action in {Action.BOOK, Action.FETCH_FILLS, Action.ADOPT} for each in left):
                break
        left = [each for each in left if each.action not in {Action.BOOK, Action.LEAVE}]
        self.open_questions[venue] = len(left)
        return tuple(left)

    # -- how ------------------------------------------------------------------------------------------------------

    async def _next_look(self) -> frozenset[str]:
        """Wait until it is time to look, or until a private line is back; return the venues of those that are."""
        session = self._session
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.again_s):
                await session.line_back.wait()
        session.line_back.clear()
        back = frozenset(session.lines_back)
        session.lines_back.clear()
        return back

    async def _try_to_settle(self, venue: str) -> None:
        try:
            await self.settle(venue)
        except VenueError:
            self.open_questions[venue] = max(1, self.open_questions.get(venue, 0))

    async def _compare(self, name: str) -> list[Difference]:
        """Ask everything once, book what follows, and return every difference."""
        venue = self._session.venues[name]
        trading, account = venue.trading, venue.account
        if trading is None or account is None:
            return []
        as_of_ns = self._session.now_ns()
        self._born_ns = self._born_ns or as_of_ns
        known_ns, before = self._known(name, as_of_ns), self._orders(name)
        listed = tuple(await trading.open_orders())
        answers = await self._answers(name, trading, listed, known_ns)
        report = await self._report(name, account, as_of_ns, listed, answers)
        orders = self._orders(name)
        now_ns = self._session.now_ns()
        moved = frozenset(number for number, state in orders.items() if before.get(number) is not state)
        ours = Ours(orders=orders, known_ns=known_ns, moved=moved, positions=self._positions(name))
        found = reconcile(ours, report, self._policy, now_ns)
        unanswered = self._unanswered(orders, listed, as_of_ns)
        self._session.act(
            partial(self._book, [*(event for each in found for event in each.events), *unanswered])
        )
        found = [self._carried_out(each, trading, listed) for each in found]
        self._say(name, found)
        self._compared_ns[name] = as_of_ns
        return found

    def _carried_out(
        self, difference: Difference, trading: Trading, listed: Sequence[OrderReport]
    ) -> Difference:
        """Do with an order that no strategy of ours has what the policy says; where it cannot be done, show it."""
        engine = self._session.engine
        if (
            difference.action is Action.CANCEL
            and engine.may_cancel
            and difference.client_order_id is not None
        ):
            trading.cancel(difference.client_order_id)
        if difference.action is not Action.ADOPT:
            return difference
        told = next(each for each in listed if each.client_order_id == difference.client_order_id)
        owner = self._owner(told.instrument)
        if owner is None:
            text = f"{difference.text}; no strategy here trades {told.instrument}, which could adopt it"
            return replace(difference, action=Action.LOOK, text=text)
        self._session.act(partial(self._adopt, owner, told))
        return replace(difference, text=f"{difference.text}; {owner} has it now")

    def _owner(self, key: str) -> str | None:
        """Return who is to have an order that nobody has: who trades its market, and holds most of it."""
        engine = self._session.engine
        names = [
            name
            for name, context in engine.contexts.items()
            if not context.ended and key in engine.declared_by(name)
        ]
        return max(names, key=lambda name: abs(engine.portfolio.lots(name, key)), default=None)

    def _adopt(self, owner: str, told: OrderReport, now_ns: int) -> None:
        engine = self._session.engine
        assert told.client_order_id is not None
        intent = OrderIntent(
            client_order_id=told.client_order_id,
            instrument=told.instrument,
            instrument_version=engine.instrument(told.instrument).version,
            side=told.side,
            type=OrderType.MARKET if told.ticks is None else OrderType.LIMIT,
            lots=told.lots,
            ticks=told.ticks,
            # Its trades are asked for from then on.
            decided_ns=min(now_ns, engine.given_ns(told.client_order_id)),
        )
        engine.adopt(owner, intent, now_ns)
        accepted = OrderAccepted(
            client_order_id=told.client_order_id, venue_order_id=told.venue_order_id, received_ns=now_ns
        )
        engine.heard(accepted, now_ns)

    def _began_anew(self, name: str, opened_ns: int) -> None:
        now_ns = self._session.now_ns()
        ours = Ours(orders=self._orders(name), positions=self._positions(name, coins=True))
        found = began_anew(ours, name, opened_ns, now_ns)
        self._session.act(partial(self._book, [event for each in found for event in each.events]))
        self._say(name, found)

    def _settle_absent(self, name: str) -> None:
        """Cancel, unless the policy is to let them stand, the orders of strategies that are not in this run."""
        for strategy, context in self._session.engine.contexts.items():
            if not context.ended:
                continue
            for order in list(context.open_orders.values()):
                if order.intent.instrument.partition(":")[0] != name:
                    continue
                cancels = self._policy.unknown_own == "cancel"
                self._tell(
                    name,
                    Difference(
                        cause=Cause.OWNER_ABSENT,
                        action=Action.CANCEL if cancels else Action.LEAVE,
                        subject=order.intent.instrument,
                        text=f"order {order.id} is of the strategy {strategy}, which is not in this run",
                        client_order_id=order.id,
                    ),
                )
                if cancels:
                    self._session.act(partial(self._cancel, order))

    def _cancel(self, order: Order, _now_ns: int) -> None:
        self._session.engine.cancel_now(order)

    def _known(self, name: str, now_ns: int) -> dict[ClientOrderId, int]:
        """Return the orders that may trade by our books, and since when this session knows each."""
        before = self._known_ns.get(name, {})
        self._known_ns[name] = {
            # One that was decided on by an earlier process has the time of another clock.
            number: before.get(number, min(max(state.intent.decided_ns, self._born_ns), now_ns))
            for number, state in self._orders(name).items()
            if not state.is_final
        }
        return self._known_ns[name]

    async def _answers(
        self,
        name: str,
        trading: Trading,
        listed: Sequence[OrderReport],
        known_ns: Mapping[ClientOrderId, int],
    ) -> dict[ClientOrderId, OrderReport | None]:
        """Ask for each order that may trade by our books, and that is not in the list although it was there in time."""
        there = {each.client_order_id for each in listed}
        orders = self._orders(name)
        asked = [
            number
            for number in known_ns
            if number not in there and number in orders and not orders[number].is_final
        ]
        return {number: await trading.order(number) for number in asked}

    async def _report(
        self,
        name: str,
        account: Account,
        as_of_ns: int,
        listed: tuple[OrderReport, ...],
        answers: Mapping[ClientOrderId, OrderReport | None],
    ) -> Report:
        """Positions are asked for before trades: what trades in between is then in the trades."""
        positions = {each.instrument: each.lots for each in await account.positions()}
        fills = tuple(await account.fills(self._since_ns(name, (*listed, *answers.values()))))
        times = [each.fill.venue_ns for each in fills if each.fill.venue_ns]
        self._traded_ns[name] = max([*times, self._traded_ns.get(name, 0)])
        return Report(
            account=name,
            as_of_ns=as_of_ns,
            open_orders=listed,
            answers=answers,
            fills=fills,
            complete_fills=frozenset(self._session.venues[name].instruments),
            positions=positions,
        )

    def _since_ns(self, name: str, told: Iterable[OrderReport | None]) -> int:
        """From when on trades are asked for: by the venue's own clock, as soon as it has told one.

        Where one is missing, as far back as its order goes.
        """
        states = self._orders(name)
        behind = [state for state in states.values() if state.missing_lots]
        for report in told:
            known = None if report is None else report.client_order_id
            state = None if known is None else states.get(known)
            if report is not None and state is not None and report.filled_lots > state.filled_lots:
                behind.append(state)
        if newest_ns := self._traded_ns.get(name):
            since_ns = newest_ns - round(self._pace.fills_back_s * SECOND)
        else:
            decided = (each.intent.decided_ns for each in states.values())
            since_ns = min([self._born_ns, *decided]) - _CLOCKS_APART_NS
        since_ns = min([since_ns, *(state.intent.decided_ns - _CLOCKS_APART_NS for state in behind)])
        return max(0, since_ns)

    def _orders(self, name: str) -> dict[ClientOrderId, OrderState]:
        """Our orders there. Of what went with an earlier account nothing more can be learnt."""
        account = self._session.venues[name].account
        opened_ns = (None if account is None else account.opened_ns) or 0
        return {
            number: state
            for number, state in self._session.engine.order_states().items()
            if state.intent.instrument.partition(":")[0] == name
            and not (state.is_final and any((fill.venue_ns or opened_ns) < opened_ns for fill in state.fills))
        }

    def _positions(self, name: str, *, coins: bool = False) -> dict[str, int]:
        """What we hold of contracts. A venue has coins, and no position, on spot."""
        portfolio = self._session.engine.portfolio
        return {
            key: portfolio.total_lots(key)
            for key, each in self._session.venues[name].instruments.items()
            if coins or each.kind is not Kind.SPOT
        }

    def _silent(self, name: str, now_ns: int) -> bool:
        """Declare in doubt what had no answer for too long; tell whether anything has to be asked about."""
        patience_ns = round(self._pace.answer_s * SECOND)
        doubts: list[OrderEvent] = []
        overdue = False
        still: set[tuple[ClientOrderId, str, int]] = set()
        for number, state in self._orders(name).items():
            if state.is_final:
                continue
            for what, request in _pending(state):
                still.add((number, what, request))
                since_ns = self._waiting.setdefault((number, what, request), now_ns)
                if now_ns - since_ns < patience_ns:
                    continue
                overdue = True
                if what == "place" and not state.in_doubt:
                    reason = f"no answer for {self._pace.answer_s:g} s"
                    doubts.append(OrderInDoubt(client_order_id=number, reason=reason, received_ns=now_ns))
        gone = [key for key in self._waiting if key not in still and self._venue_of(key[0]) in {name, None}]
        for key in gone:
            del self._waiting[key]
        if doubts:
            self._session.act(partial(self._book, doubts))
        return overdue

    def _unanswered(
        self, orders: Mapping[ClientOrderId, OrderState], listed: Sequence[OrderReport], as_of_ns: int
    ) -> list[OrderEvent]:
        """Give up on cancels and changes without an answer: the order was still there, long after they were sent.

        Should they arrive after all, what they do is told as anything else is.
        """
        found: list[OrderEvent] = []
        there = {each.client_order_id for each in listed}
        patience_ns = round(self._pace.answer_s * SECOND)
        for number, state in orders.items():
            if number not in there or state.is_final:
                continue
            for what, request in _pending(state):
                since_ns = self._waiting.get((number, what, request))
                if what == "place" or since_ns is None or as_of_ns - since_ns < patience_ns:
                    continue
                reason = f"no answer for {self._pace.answer_s:g} s, and the order was open when asked at {as_of_ns}"
                rejected = CancelRejected if what == "cancel" else AmendRejected
                found.append(rejected(client_order_id=number, request=request, reason=reason))
        return found

    def _book(self, events: Sequence[OrderEvent | AccountOpened], now_ns: int) -> None:
        for event in events:
            self._session.engine.heard(event, now_ns)

    def _venue_of(self, number: ClientOrderId) -> str | None:
        order = self._session.engine.order(number)
        return None if order is None else order.intent.instrument.partition(":")[0]

    def _say(self, name: str, found: Sequence[Difference]) -> None:
        """Tell each difference once: what stays open is not told again until it changes."""
        before = self._told.get(name, frozenset())
        for each in found:
            if each.text not in before or each.events:
                self._tell(name, each)
        self._told[name] = frozenset(each.text for each in found)


# Booking what was missed can bring up what was hidden by it, but not for ever.
_ROUNDS: Final = 4
# The venue's clock and ours may be so far apart, at the worst: then we ask for more trades than we need.
_CLOCKS_APART_NS: Final = 86_400 * SECOND


def _pending(state: OrderState) -> list[tuple[str, int]]:
    """Return the requests about an order that the venue has not answered: what was asked, and its number."""
    found = [] if state.accepted or not state.sent else [("place", 0)]
    found += [("cancel", number) for number in sorted(state.cancels_pending)]
    return found + [("amend", number) for number in sorted(state.amends_pending)]
