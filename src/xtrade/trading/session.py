"""A session: an engine on venues, on the running loop. What `play` is to a back-test, this is to paper and live.

    session = Session({"maker": Quoter(params)}, venues, ids=ids, journal=journal)
    await session.start()
    …
    await close(session, OnExit.CANCEL)           (xtrade.trading.closing)

With the handover of an earlier process it starts in two steps: it listens, what was left is settled with the venues
(xtrade.trading.reconciler), and only then the strategies begin.

Events come from the venues and go to the engine in one call stack: a book is brought up to date, the engine is told,
and what the strategies order is handed to their venue before the call returns. The one thing that waits is a book's
change within the pace its listeners asked for: the last state is told when that is over, exactly as in a replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from typing_extensions import override

from xtrade.market.live_books import Heard, LiveBooks
from xtrade.model.errors import ConfigError, Unavailable, did_you_mean
from xtrade.model.events import (
    AccountEvent,
    Bar,
    BookDelta,
    BookSnapshot,
    Event,
    InstrumentChanged,
    LinkDown,
    LinkUp,
    MarkPrice,
    OrderEvent,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderIntent
from xtrade.runtime import clock
from xtrade.runtime.ids import ClientOrderIds
from xtrade.trading.engine import Engine
from xtrade.trading.handover import Handover
from xtrade.trading.listeners import Watch
from xtrade.trading.orders import Order
from xtrade.trading.ports import Journal, Orders
from xtrade.trading.risk import DeskLimits, Limits
from xtrade.trading.risk.kill import Fence, FencedOrders
from xtrade.trading.strategy import Strategy
from xtrade.venues.abilities import Feed, Need, cannot
from xtrade.venues.base import Trading, Venue, require

__all__ = ["Session", "needs"]

SECOND: Final = 1e9


class Session:
    """Strategies at work at some venues, by the names that instruments give these."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy[Any]],
        venues: Mapping[str, Venue],
        *,
        ids: ClientOrderIds,
        limits: Mapping[str, Limits] | None = None,
        desk_limits: DeskLimits | None = None,
        journal: Journal | None = None,
        on_step: Callable[[], object] | None = None,
        fence: Fence | None = None,
        handover: Handover | None = None,
    ) -> None:
        self.venues = dict(venues)
        self.books = LiveBooks(
            {key: instrument for venue in venues.values() for key, instrument in venue.instruments.items()}
        )
        # The engine is not there yet when its orders are.
        routes = _Routes(self.venues, lambda name: self.engine.order(name))  # noqa: PLW0108
        orders = routes if fence is None else FencedOrders(routes, fence)
        self.engine = Engine(
            strategies,
            self.books,
            orders,
            ids=ids,
            limits=limits,
            desk_limits=desk_limits,
            journal=journal,
            handover=handover,
        )
        self.marks: dict[str, MarkPrice] = {}
        self.links: dict[tuple[str, str], LinkUp | LinkDown] = {}
        """The last that was told of each connection, by venue and channel."""
        self.start_ns = 0
        self.failed: asyncio.Event = asyncio.Event()
        self.failure: Exception | None = None
        """What ended the session from within: the journal cannot write, or a mistake of ours."""
        self.lines_back: set[str] = set()
        """Venues whose private line came back: what it missed has to be asked for."""
        self.line_back: asyncio.Event = asyncio.Event()
        self._handover = handover
        self._on_step = on_step
        self._time = clock.SteadyTime()
        self._running = False
        self._early: list[tuple[str, Sequence[Event]]] = []
        self._watched: Mapping[str, Watch] = {}
        self._due_ns: dict[str, int] = {}
        self._held_back: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    async def start(self, *, begin: bool = True) -> None:
        """Check what the strategies need, connect, and begin; or only listen, until `begin` is called."""
        # A session may be made before the loop runs whose time it lives in.
        self._time = clock.SteadyTime()
        self._watched = self.engine.watched
        wanted: dict[str, list[Need]] = {}
        for need in needs(self.engine, self.books):
            wanted.setdefault(need.instrument.partition(":")[0], []).append(need)
        for name, of_venue in wanted.items():
            require(self._venue(name), of_venue)
        for name, of_venue in wanted.items():
            for need in of_venue:
                self.venues[name].market.subscribe(need.instrument, need.feeds)
        for name, venue in self.venues.items():
            if venue.trading is not None:
                venue.trading.remember(self._left_at(name))
            await venue.start(partial(self.hear, name))
        self.start_ns = self.now_ns()
        self._guarded(self._begin if begin else self._listen)

    def begin(self) -> None:
        """Have the strategies begin, once what an earlier process left is settled."""
        self._guarded(lambda: self.engine.start(self.now_ns()))

    async def stop(self) -> None:
        """Let go of the venues. Orders stay as they are: `close` is what brings a session to its end in order."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
        for venue in self.venues.values():
            await venue.stop()

    def now_ns(self) -> int:
        """The time of the session: the wall clock's as it started, and steady from then on."""
        return self._time.now_ns()

    def hear(self, venue: str, events: Sequence[Event]) -> None:
        """Take the events of one message of a venue."""
        if not self._running:
            self._early.append((venue, events))
            return
        self._guarded(partial(self._dispatch, venue, events))

    def act(self, action: Callable[[int], object]) -> None:
        """Do something with the engine from outside of an event, such as an operator's command."""
        self._guarded(lambda: action(self.now_ns()))

    # -- how ------------------------------------------------------------------------------------------------------

    def _left_at(self, venue: str) -> list[OrderIntent]:
        """Return the orders of an earlier process of which more may be heard there."""
        return [
            state.intent
            for state in (() if self._handover is None else self._handover.orders)
            if state.intent.instrument.partition(":")[0] == venue
            and (not state.is_final or state.missing_lots)
        ]

    def _begin(self) -> None:
        self._running = True
        self.engine.start(self.start_ns)
        self._hear_early()

    def _listen(self) -> None:
        self._running = True
        self.engine.listen(self.start_ns)
        self._hear_early()

    def _hear_early(self) -> None:
        early, self._early = self._early, []
        for venue, events in early:
            self._dispatch(venue, events)

    def _guarded(self, action: Callable[[], object]) -> None:
        """Act, see to the timers, and let no failure of ours end in the venue that called."""
        if self.failure is not None:
            return
        try:
            action()
            self._arm()
            if self._on_step is not None:
                self._on_step()
        except Exception as error:  # noqa: BLE001  (whatever it is: nothing more may be decided, and somebody must hear)
            self.failure = error
            self.failed.set()

    def _dispatch(self, venue: str, events: Sequence[Event]) -> None:
        """Tell the engine what a message says: trades first, then books as the whole of it left them, then our own."""
        now_ns = self.now_ns()
        changed: dict[str, None] = {}
        own: list[Event] = []
        for event in events:
            match event:
                case BookSnapshot() | BookDelta():
                    heard = self.books.apply(event)
                    if heard is Heard.GAP:
                        self.venues[venue].market.resync(event.instrument)
                    if heard is not Heard.OLD:
                        changed[event.instrument] = None
                case Trade():
                    self.engine.traded(event, now_ns)
                case OrderEvent() | AccountEvent():
                    own.append(event)
                case Bar():
                    self.engine.bar(event, now_ns)
                case MarkPrice():
                    self.marks[event.instrument] = event
                case _:
                    changed.update(dict.fromkeys(self._doubtful(venue, event)))
                    self.engine.heard(event, now_ns)
        for key in changed:
            self._book_changed(key, now_ns)
        for event in own:
            self.engine.heard(event, now_ns)

    def _doubtful(self, venue: str, event: Event) -> list[str]:
        """Take in what says something of books without being one; return those that are no longer what they were."""
        match event:
            case InstrumentChanged():
                self.books.use(event.now)
                return [event.instrument]
            case Stale():
                self.books.live(event.instrument).distrust()
                return [event.instrument]
            case LinkUp() | LinkDown():
                self.links[event.venue, event.channel] = event
                if isinstance(event, LinkUp) and event.private:
                    self.lines_back.add(venue)
                    self.line_back.set()
                if isinstance(event, LinkDown) and event.channel == "public":
                    return self.books.distrust(venue)
        return []

    def _book_changed(self, key: str, now_ns: int) -> None:
        watch = self._watched.get(key)
        if watch is None or not watch.book:
            return
        if now_ns >= self._due_ns.get(key, 0):
            self._tell_book(key, watch, now_ns)
        else:
            self._held_back.add(key)

    def _tell_book(self, key: str, watch: Watch, now_ns: int) -> None:
        self._held_back.discard(key)
        self._due_ns[key] = now_ns + watch.book_every_ns
        self.engine.book_changed(key, now_ns)

    def _arm(self) -> None:
        """Have the loop call when a timer of the engine, or a book that was held back, is due."""
        due_ns = min((self._due_ns[key] for key in self._held_back), default=None)
        wake_ns = self.engine.wake_ns
        if due_ns is None or (wake_ns is not None and wake_ns < due_ns):
            due_ns = wake_ns
        if due_ns is None or not self._running:
            return
        if self._timer is not None:
            if self._timer_ns <= due_ns:
                return  # it looks again then
            self._timer.cancel()
        self._timer_ns = due_ns
        wait_ns = max(0, due_ns - self.now_ns())
        self._timer = asyncio.get_running_loop().call_later(wait_ns / SECOND, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self._running:
            self._guarded(self._tick)

    def _tick(self) -> None:
        now_ns = self.now_ns()
        for key in sorted(self._held_back):
            if self._due_ns[key] <= now_ns:
                self._tell_book(key, self._watched[key], now_ns)
        wake_ns = self.engine.wake_ns
        if wake_ns is not None and wake_ns <= now_ns:
            self.engine.tick(now_ns)

    def _venue(self, name: str) -> Venue:
        found = self.venues.get(name)
        if found is None:
            known = ", ".join(self.venues) or "none"
            raise ConfigError(
                f"no venue {name!r} is configured for this run, which has {known}.{did_you_mean(name, self.venues)}"
            )
        return found


class _Routes(Orders):
    """Orders, each to the venue of its instrument; and what is asked of it later, to the same one."""

    def __init__(self, venues: Mapping[str, Venue], find: Callable[[ClientOrderId], Order | None]) -> None:
        self._venues = venues
        self._find = find

    @override
    def place(self, intent: OrderIntent) -> None:
        name = intent.instrument.partition(":")[0]
        venue = self._venues[name]
        abilities = venue.abilities.trading[venue.instruments[intent.instrument].kind]
        problem = cannot(abilities, intent)
        if problem is not None:
            raise Unavailable(f"{name} does not take the order: {problem}", venue=name, request="place")
        self._trading(name).place(intent)

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        order = self._find(client_order_id)
        return order is not None and self._of(order).cancel(client_order_id)

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        order = self._find(client_order_id)
        return order is not None and self._of(order).amend(client_order_id, lots=lots, ticks=ticks)

    def _of(self, order: Order) -> Trading:
        return self._trading(order.intent.instrument.partition(":")[0])

    def _trading(self, name: str) -> Trading:
        trading = self._venues[name].trading
        if trading is None:
            raise Unavailable(f"{name} only reads: nothing was sent", venue=name, request="trade")
        return trading


def needs(engine: Engine, markets: LiveBooks) -> list[Need]:
    """Return what the strategies of an engine need of their venues.

    A book is needed wherever something may be traded: the risk gate prices by it.
    """
    found = []
    for key, watch in engine.watched.items():
        kind = markets.instrument(key).kind
        feeds = {Feed.BOOK}
        if watch.trades or watch.bars:
            feeds.add(Feed.TRADES)
        if key in engine.funded:
            feeds.add(Feed.FUNDING)
        if kind is not Kind.SPOT:
            feeds.add(Feed.MARKS)
        found.append(Need(key, kind, frozenset(feeds)))
    return found
