"""Venues that do what a script says, order by order, under an engine whose time we turn by hand."""

from __future__ import annotations

from collections import Counter, deque
from decimal import Decimal
from heapq import heappop, heappush
from typing import NamedTuple

from kit.desks import Scripted
from kit.markets import instrument
from xtrade.model.errors import Unavailable, UsageError
from xtrade.model.events import (
    CancelRejected,
    LinkDown,
    LinkUp,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.fills import Fill
from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.trading.engine import Engine
from xtrade.trading.subscriptions import BookFeed

MS = 1_000_000
S = 1_000_000_000
ANSWER_NS = 5 * MS
"""How long an order takes to the venue, and news of it back."""


class Reaction(NamedTuple):
    """What a venue does with one order.

    fill       how much of it trades at once, as a share; of an order that may rest: after `after_ms`
    then       what becomes of the rest: "rest" (IOC: expire), "reject", "drop" (the venue cancels it)
    answers    whether we hear of it at once; if not, it comes in doubt, and is settled `settled_ms` later
    arrives    whether the order reaches the venue at all
    slow_ms    how much later than usual we hear of it, without a word of doubt
    twice      whether everything about it is told a second time
    goes_down  whether the venue's link is lost at that moment, for `down_ms`
    cancel     what becomes of a request to cancel it: "ok", "refuse" (once), "lost" (once), or "late": what is left
               trades, but the cancel is reported first and its fill 50 ms later
    """

    fill: float = 1.0
    after_ms: int = 0
    then: str = "rest"
    answers: bool = True
    arrives: bool = True
    settled_ms: int = 3_000
    slow_ms: int = 0
    twice: bool = False
    goes_down: bool = False
    down_ms: int = 2_000
    cancel: str = "ok"


FILL = Reaction()


class HandBook:
    """A book of one level a side, set by hand."""

    def __init__(self, of, bid=1000, ask=1001, lots=10**6):
        self.instrument = of
        self.is_trusted = True
        self.bid_ticks, self.ask_ticks = bid, ask
        self.bid_lots = self.ask_lots = lots

    @property
    def mid_ticks(self):
        if self.bid_ticks is None or self.ask_ticks is None:
            return None
        return (self.bid_ticks + self.ask_ticks) / 2

    def levels(self, side, count):
        best = self.bid_ticks if side is Side.BUY else self.ask_ticks
        return [] if best is None else [(best, self.bid_lots)][:count]


class _AtVenue:
    def __init__(self, intent, reaction):
        self.intent, self.reaction = intent, reaction
        self.filled = 0
        self.alive = False
        self.refusals = 0

    @property
    def left(self):
        return self.intent.lots - self.filled


class HandMarkets:
    """Markets, venues and their clock: what happens at which time, and what the truth is.

    `truth` are the lots that really traded, by instrument: what the venue knows, heard or not. `watchers` are called
    after each thing that happens.
    """

    def __init__(self, instruments, scripts=None):
        self.now_ns = 0
        self.instruments = {each.key: each for each in instruments}
        self.books = {key: HandBook(each) for key, each in self.instruments.items()}
        self.scripts = {key: deque((scripts or {}).get(key, ())) for key in self.instruments}
        self.truth = Counter()
        self.at_venue = {}
        self.down = Counter()
        self.placed = []
        self.watchers = []
        self.engine = None
        self._events = []
        self._count = 0
        self._trades = 0

    # -- ports --

    def instrument(self, key):
        if key not in self.instruments:
            raise UsageError(f"{key} is not there")
        return self.instruments[key]

    def book(self, key):
        return self.books[key]

    def place(self, intent):
        venue = intent.instrument.partition(":")[0]
        if self.down[venue]:
            raise Unavailable(f"{venue} is down", venue=venue, request="place")
        script = self.scripts[intent.instrument]
        order = _AtVenue(intent, script.popleft() if script else FILL)
        self.placed.append(intent)
        self.at_venue[intent.client_order_id] = order
        self.at(ANSWER_NS, lambda: self._arrive(order))
        if order.reaction.goes_down:
            self.at(ANSWER_NS, lambda: self.link_down(venue, order.reaction.down_ms))

    def cancel(self, name):
        order = self.at_venue.get(name)
        if order is None:
            return False
        self.at(ANSWER_NS, lambda: self._cancel(order))
        return True

    def amend(self, name, *, lots, ticks):
        raise AssertionError("no execution amends")

    # -- the venue --

    def _arrive(self, order):
        intent, reaction = order.intent, order.reaction
        name = intent.client_order_id
        if not reaction.arrives:
            self._later_heard(order, OrderRejected(client_order_id=name, reason="never arrived, by evidence"))
            return
        if reaction.then == "reject":
            self.tell(order, OrderRejected(client_order_id=name, reason="no"))
            return
        order.alive = True
        self.tell(order, OrderAccepted(client_order_id=name))
        self.at(reaction.after_ms * MS, lambda: self._fill(order))

    def _fill(self, order):
        intent, reaction = order.intent, order.reaction
        name = intent.client_order_id
        if not order.alive:
            return
        if lots := min(order.left, round(intent.lots * reaction.fill)):
            fill = self._trade(order, lots)
            self.tell(order, OrderFilled(client_order_id=name, fill=fill, cumulative_lots=order.filled))
        if order.alive and intent.time_in_force is TimeInForce.IOC:
            order.alive = False
            self.tell(order, OrderExpired(client_order_id=name, cumulative_lots=order.filled))
        elif order.alive and reaction.then == "drop":
            order.alive = False
            self.tell(order, OrderCanceled(client_order_id=name, cumulative_lots=order.filled))

    def _trade(self, order, lots):
        intent = order.intent
        order.filled += lots
        order.alive = order.left > 0
        self.truth[intent.instrument] += intent.side.sign * lots
        self._trades += 1
        return Fill(trade_id=str(self._trades), side=intent.side, ticks=intent.ticks, lots=lots, maker=False)

    def _cancel(self, order):
        name = order.intent.client_order_id
        if order.reaction.cancel == "late" and order.alive:
            fill = self._trade(order, order.left)
            self.tell(order, OrderCanceled(client_order_id=name))
            self.at(50 * MS, lambda: self.tell(order, OrderFilled(client_order_id=name, fill=fill)))
        elif order.reaction.cancel in {"refuse", "lost"} and not order.refusals:
            order.refusals += 1
            if order.reaction.cancel == "refuse":
                self.tell(order, CancelRejected(client_order_id=name, request=1, reason="unknown order"))
        elif order.alive:
            order.alive = False
            self.tell(order, OrderCanceled(client_order_id=name, cumulative_lots=order.filled))

    def tell(self, order, event):
        """Tell the engine, a moment later; or, of an order that does not answer, when it is settled."""
        if order.reaction.answers:
            heard_ns = ANSWER_NS + order.reaction.slow_ms * MS
            self.at(heard_ns, lambda: self.hear(event))
            if order.reaction.twice:
                self.at(heard_ns + 3 * MS, lambda: self.hear(event))
        else:
            self._later_heard(order, event)

    def _later_heard(self, order, event):
        name = order.intent.client_order_id
        self.at(1_000 * MS, lambda: self.hear(OrderInDoubt(client_order_id=name, reason="no answer")))
        self.at(order.reaction.settled_ms * MS, lambda: self.hear(event))

    def link_down(self, venue, for_ms):
        self.down[venue] += 1
        self.hear(LinkDown(venue=venue, channel="orders", reason="cut"))

        def up():
            self.down[venue] -= 1
            if not self.down[venue]:
                self.hear(LinkUp(venue=venue, channel="orders"))

        self.at(for_ms * MS, up)

    def open_lots(self, key, side):
        """What may still trade at the venue, in flight or resting, by the venue's own truth."""
        return sum(
            order.left
            for order in self.at_venue.values()
            if order.intent.instrument == key and order.intent.side is side and self._may_trade(order)
        )

    def _may_trade(self, order):
        if order.alive:
            return True
        arrived = self.now_ns >= order.intent.decided_ns + ANSWER_NS
        return not arrived and order.reaction.arrives and order.reaction.then != "reject"

    # -- time --

    def at(self, after_ns, call):
        self._count += 1
        heappush(self._events, (self.now_ns + after_ns, self._count, call))

    def hear(self, event):
        self.engine.heard(event, self.now_ns)

    def move(self, key, bid=None, ask=None, lots=None, trusted=True):
        """Set a book, and tell of it."""
        book = self.books[key]
        book.bid_ticks, book.ask_ticks, book.is_trusted = bid, ask, trusted
        if lots is not None:
            book.bid_lots = book.ask_lots = lots
        self.engine.book_changed(key, self.now_ns)

    def run(self, engine, until_s=600.0, done=lambda: False):
        """Let things happen, until it is time or done; steps are counted, so that a livelock is a failure."""
        self.engine = engine
        engine.start(self.now_ns)
        steps = 0
        while not done():
            steps += 1
            assert steps < 20_000, f"a livelock at {self.now_ns} ns"
            next_ns = min(
                (each for each in (self._next_ns, engine.wake_ns) if each is not None), default=None
            )
            if next_ns is None or next_ns > until_s * S:
                break
            self.now_ns = max(self.now_ns, next_ns)
            if self._next_ns is not None and self._next_ns <= self.now_ns:
                heappop(self._events)[2]()
            else:
                engine.tick(self.now_ns)
            for watch in self.watchers:
                watch()

    @property
    def _next_ns(self):
        return self._events[0][0] if self._events else None


class Notes:
    """A journal that keeps everything."""

    def __init__(self):
        self.records = []

    def append(self, record):
        self.records.append(record)

    @property
    def notes(self):
        return [record.text for record in self.records if type(record).__name__ == "Noted"]

    @property
    def failures(self):
        return [record for record in self.records if type(record).__name__ == "Failed"]


def market(venue="binance", lot="0.001", multiplier="1", **more):
    """A linear market of a venue, with this lot."""
    return instrument(venue=venue, lot=Decimal(lot), multiplier=Decimal(multiplier), **more)


def execute(markets, coroutine, *, until_s=600.0, limits=None, happenings=()):
    """Run one execution to its end on hand-made markets; return its result, the journal and the engine.

    `happenings` are (seconds, call) pairs.
    """
    found = []

    async def whole(ctx):
        found.append(await coroutine(ctx))

    one = Scripted(
        feeds=[BookFeed(key) for key in markets.instruments], start=lambda ctx: ctx.run(whole(ctx))
    )
    journal = Notes()
    engine = Engine(
        {"one": one},
        markets,
        markets,
        ids=ClientOrderIds(MemoryMark(BITS_63), lambda: markets.now_ns),
        journal=journal,
        limits=limits,
    )
    for seconds, call in happenings:
        markets.at(round(seconds * S), call)
    markets.run(engine, until_s, done=lambda: bool(found) and not markets._events)
    assert not journal.failures, journal.failures
    assert found, f"it did not end in {until_s} s"
    return found[0], journal, engine
