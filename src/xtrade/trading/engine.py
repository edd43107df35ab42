"""The engine: hears of what happened, tells strategies, and lets their orders out through the risk gate.

    engine = Engine({"maker": Quoter(params)}, markets, orders, ids=ids)
    engine.start(now_ns)
    engine.book_changed(key, now_ns)      # and traded, bar, heard, tick: whoever drives the engine calls these
    engine.stop(now_ns)

Given the handover of an earlier process it goes on with that one's positions, orders and dials; between `listen` and
`start` it can be told what became of them, and no strategy is asked to decide before that is known.

It has no clock, no socket and no thread: every call says what time it is, and all that follows from it happens before
the call returns. A back-test calls it from a replay, a live node from its links; the same calls give the same orders.

In one call: positions and orders are brought up to date, the strategies are told, then what they started meanwhile
(news of refused orders, tasks that may go on) follows in the order in which it came up. A callback is therefore never
entered while another one runs.

A strategy that raises is stopped: its orders are canceled, the journal says where and why, the others go on.
"""

from __future__ import annotations

import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from xtrade.market.book import Book
from xtrade.model.durations import duration_text
from xtrade.model.errors import ConfigError, JournalBroken, UsageError, XtradeError
from xtrade.model.events import (
    AccountEvent,
    AccountOpened,
    AmendSent,
    Bar,
    CancelSent,
    Event,
    Funding,
    FundingPaid,
    InstrumentChanged,
    LinkDown,
    LinkUp,
    MarketEvent,
    MarkPrice,
    OrderEvent,
    OrderRejected,
    OrderSent,
    Quote,
    Stale,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.order_state import OrderState, apply
from xtrade.model.orders import OrderIntent
from xtrade.runtime.ids import ClientOrderIds
from xtrade.trading.accounts import Accounts
from xtrade.trading.acting import cancel_open
from xtrade.trading.blotter import ENDED_ORDERS_KEPT, Blotter
from xtrade.trading.context import Context
from xtrade.trading.handover import Absent, Handover
from xtrade.trading.health import Health
from xtrade.trading.listeners import BarMaker, Listeners, Watch
from xtrade.trading.orders import Order
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.ports import (
    Asked,
    Decided,
    Failed,
    InstrumentKnown,
    Journal,
    Markets,
    Noted,
    Orders,
    Record,
    Refused,
    Turned,
)
from xtrade.trading.risk.gate import Gate
from xtrade.trading.risk.limits import DeskLimits, Limits
from xtrade.trading.risk.situation import Refusal
from xtrade.trading.risk.state import TradingState
from xtrade.trading.strategy import Strategy
from xtrade.trading.tasks import Signal, Task, coroutine_name
from xtrade.trading.timers import Timers
from xtrade.trading.waits import Waits

__all__ = ["Engine"]

T = TypeVar("T")
SECOND: Final = 1_000_000_000
ASKED_AT_ONCE_MAX: Final = 10_000
"""So much a strategy may ask for at one instant, orders, cancels, amends and timers together."""


class _Forgetful:
    """A journal that keeps nothing."""

    def append(self, record: Record) -> None:
        """Let it go."""


class Engine:
    """Runs strategies. `limits` are those of the risk gate by the name of the strategy; `desk_limits`, of all."""

    def __init__(
        self,
        strategies: Mapping[str, Strategy[Any]],
        markets: Markets,
        orders: Orders,
        *,
        ids: ClientOrderIds,
        limits: Mapping[str, Limits] | None = None,
        desk_limits: DeskLimits | None = None,
        journal: Journal | None = None,
        handover: Handover | None = None,
    ) -> None:
        unfinished = {} if handover is None else handover.unfinished
        for name, keys in unfinished.items():
            _must_be_there(markets, name, keys)
        absent = {name: Absent(keys) for name, keys in unfinished.items() if name not in strategies}
        self.strategies = {**strategies, **absent}
        self.now_ns = 0
        self.portfolio = Portfolio() if handover is None else handover.portfolio
        self.health = Health()
        self.accounts = Accounts()
        """What venues say of our accounts."""
        self.unusual: Counter[str] = Counter()
        """What was odd about events and orders, and how often."""
        self._markets = markets
        self._orders = orders
        self._ids = ids
        self._journal: Journal = _Forgetful() if journal is None else journal
        # A back-test's orders are explained by playing it again; a live one's only by what was written then.
        self._tells_why = getattr(self._journal, "tells_why", False)
        self._cause: tuple[str, object] = "", None
        for name in limits or ():
            if name not in self.strategies:
                raise UsageError(f"limits are given for {name!r}, and no strategy has that name")
        self.contexts: Mapping[str, Context] = {
            name: Context(self, name, (limits or {}).get(name, Limits())) for name in self.strategies
        }
        self._blotter = Blotter(self.portfolio, markets, self.unusual)
        self._asked: dict[str, tuple[int, int]] = {}
        self._failed_of: dict[str, Exception] = {}
        self._put_off: set[ClientOrderId] = set()
        """Orders whose cancel waits until the rate allows it."""
        self._later: deque[Callable[[], None]] = deque()
        self._draining = False
        self._listening = self._telling = self._winding_down = False
        self._timers = Timers()
        self._tasks: dict[str, list[Task[Any]]] = {name: [] for name in self.strategies}
        self._waits = Waits(self._timers)
        self._last_quotes: dict[str, tuple[int | None, int, int | None, int]] = {}
        self._listeners = Listeners()
        for name, strategy in self.strategies.items():
            self._listeners.add(self.contexts[name], strategy)
        for key in self._listeners.declared:
            markets.instrument(key)  # an unknown one is an error before the start
        for name, keys in unfinished.items():
            # What a strategy left where it does not trade any more is followed all the same.
            self._listeners.declare(keys)
            if name in absent:
                self.contexts[name].ended, self.contexts[name].state = True, TradingState.HALTED
                self.contexts[name].why = "it is not in this run"
        self._active = sum(not context.ended for context in self.contexts.values())
        self.gate = Gate(
            markets, self.portfolio, self.contexts, self._listeners.declared, self.health, desk_limits
        )
        self._book_changed_ns = self.gate.marks.book_changed_ns
        self._dials: tuple[Turned, ...] = ()
        if handover is not None:
            self._take_over(handover)

    # -- what it needs --------------------------------------------------------------------------------------------

    @property
    def watched(self) -> Mapping[str, Watch]:
        """What must be told of each instrument that the strategies declared."""
        return self._listeners.watched

    @property
    def funded(self) -> frozenset[str]:
        """The instruments whose funding rates somebody listens to."""
        return frozenset(self._listeners.funding)

    @property
    def wake_ns(self) -> int | None:
        """When `tick` must be called at the latest; None while no timer runs."""
        return self._timers.due_ns

    @property
    def is_active(self) -> bool:
        """Whether any strategy still trades."""
        return self._active > 0

    @property
    def may_cancel(self) -> bool:
        """Whether cancels may be sent: not once another process holds our journal, for the orders are its own now."""
        return getattr(self._journal, "may_cancel", True)

    # -- what it is told ------------------------------------------------------------------------------------------

    def listen(self, now_ns: int) -> None:
        """Take in what is told from now on. Strategies hear of nothing before `start`, which listens by itself."""
        self.now_ns = now_ns
        if self._listening:
            return
        self._listening = True
        for key in self._listeners.declared:
            instrument = self._markets.instrument(key)
            self._journal.append(InstrumentKnown(instrument=instrument))
            self.portfolio.follow(instrument)
        for turned in self._dials:
            self._journal.append(replace(turned, at_ns=now_ns))

    def start(self, now_ns: int) -> None:
        """Begin."""
        self.listen(now_ns)
        self._telling = True
        for name, strategy in self.strategies.items():
            self._call(self.contexts[name], strategy.on_start)
        self._drain()

    def book_changed(self, key: str, now_ns: int) -> None:
        """Tell that a book changed."""
        self.now_ns = now_ns
        self._book_changed_ns[key] = now_ns
        if self.health.stale:
            self.health.fresh(key, "book")
        book = self._markets.book(key)
        for listener in self._listeners.books.get(key, ()):
            if now_ns >= listener.due_ns:
                listener.due_ns = now_ns + listener.every_ns
                self._call(listener.context, listener.strategy.on_book, book)
        if key in self._listeners.quotes:
            self._tell_quote(key, book)
        for maker in self._listeners.bars.get(key, ()):
            middle = book.mid_ticks
            if maker.of == "mid" and middle is not None:
                self._add_to_bar(maker, round(middle), 0)
        if self._waits.awaited:
            self._waits.make_known("book", key, book)
        if self.health.stale:
            self.health.fresh(key, "book")
        if self._later:
            self._drain()

    def traded(self, trade: Trade, now_ns: int) -> None:
        """Tell of a public trade."""
        self.now_ns = now_ns
        key = trade.instrument
        for maker in self._listeners.bars.get(key, ()):
            if maker.of == "trades":
                self._add_to_bar(maker, trade.ticks, trade.lots)
        for context, strategy in self._listeners.trades.get(key, ()):
            self._call(context, strategy.on_trade, trade)
        if self._waits.awaited:
            self._waits.make_known("trade", key, trade)
        if self.health.stale:
            self.health.fresh(key, "trades")
        if self._later:
            self._drain()

    def bar(self, bar: Bar, now_ns: int) -> None:
        """Tell of a bar of the data's own; those of larger intervals are made from it."""
        self.now_ns = now_ns
        for maker in self._listeners.bars.get(bar.instrument, ()):
            if maker.builder.interval_ns == bar.interval_ns:
                self._tell_bar(maker, bar)
                continue
            if maker.builder.interval_ns % bar.interval_ns:
                raise UsageError(
                    f"{bar.instrument}: bars of {duration_text(maker.builder.interval_ns)} cannot be made of bars of"
                    f" {duration_text(bar.interval_ns)}: subscribe to a multiple of the data's interval"
                )
            closed = maker.builder.add_bar(bar)
            if closed is not None:
                self._tell_bar(maker, closed)
            self._arm(maker)
        if self._later:
            self._drain()

    def heard(self, event: Event, now_ns: int) -> None:
        """Tell of anything else: news of our orders and accounts, funding rates, links, changed instruments."""
        self.now_ns = now_ns
        match event:
            case OrderEvent():
                self._heard_of_order(event)
            case AccountEvent():
                self._heard_of_account(event)
            case Funding():
                for context, strategy in self._listeners.funding.get(event.instrument, ()):
                    self._call(context, strategy.on_funding, event)
            case InstrumentChanged():
                self._journal.append(InstrumentKnown(instrument=event.now))
                self.portfolio.follow(event.now)
            case MarkPrice():
                self.gate.marks.take(event, now_ns)
                self.health.fresh(event.instrument, "mark")
            case LinkUp() | LinkDown() | Stale():
                self.health.hear(event)
            case Trade():
                self.traded(event, now_ns)
            case Bar():
                self.bar(event, now_ns)
            case _:
                self.unusual[f"{type(event).__name__}: nothing here listens to it"] += 1
        self._drain()

    def tick(self, now_ns: int) -> None:
        """Let the timers go off that are due."""
        self.now_ns = now_ns
        while (call := self._timers.take(now_ns)) is not None:
            call()
            self._drain()

    def stop(self, now_ns: int) -> None:
        """End the run: every strategy's on_stop is called, and nothing is told after it."""
        self.wind_down(now_ns)
        for context in self.contexts.values():
            context.state = TradingState.HALTED

    def wind_down(self, now_ns: int, *, keep_orders: bool = False) -> None:
        """End the strategies: on_stop is called, then nothing more, and their orders are canceled unless kept.

        Orders and positions are still followed, and what is held can be made smaller through the contexts, until
        `stop`. Called again it does nothing.
        """
        if self._winding_down:
            return
        self.now_ns = now_ns
        for name, context in self.contexts.items():
            self._call(context, self.strategies[name].on_stop)
        self._drain()
        self._winding_down, self._telling = True, False
        for context in self.contexts.values():
            self._end(context, keep_orders=keep_orders)
        self._drain()
        for context in self.contexts.values():
            context.state = TradingState.REDUCING

    # -- what strategies see --------------------------------------------------------------------------------------

    def instrument(self, key: str) -> Instrument:
        """Return an instrument that was declared."""
        self._listeners.must_know(key)
        return self._markets.instrument(key)

    def book(self, key: str) -> Book:
        """Return the book of an instrument that was declared."""
        self._listeners.must_know(key)
        return self._markets.book(key)

    def declared_by(self, name: str) -> list[str]:
        """Return the instruments that a strategy declared."""
        return list(self._listeners.declared_by[name])

    def order(self, client_order_id: ClientOrderId) -> Order | None:
        """Return an order of ours that is open, or ended not long ago."""
        found = self._blotter.find(client_order_id)
        return None if found is None else found[1]

    def order_states(self) -> dict[ClientOrderId, OrderState]:
        """Return what is known of the orders that are open, and of those that ended not long ago."""
        return self._blotter.states()

    @property
    def filled_ns(self) -> Mapping[str, int]:
        """When an order of ours last traded, by instrument."""
        return self._blotter.filled_ns

    def next_id(self) -> ClientOrderId:
        """Give the next client order id."""
        return self._ids.next()

    def given_ns(self, client_order_id: ClientOrderId) -> int:
        """Return about when an id was given, to the minute."""
        return self._ids.given_ns(client_order_id)

    # -- what strategies ask (through their contexts and orders) --------------------------------------------------

    def place(self, context: Context, intent: OrderIntent) -> Order:
        """Let an order out, or refuse it."""
        self._count_asked(context)
        instrument = self.instrument(intent.instrument)
        order = Order(self, intent, instrument)
        refusal = self.gate.refusal(context, intent, self.now_ns)
        if refusal is not None:
            self._refuse(context, order, refusal)
        else:
            self.send(context, order)
        return order

    def send(self, context: Context, order: Order) -> XtradeError | None:
        """Let an order out, unasked: for the desk's own, which the gate is not there to stop.

        Returns why it could not even be sent; None if it was.
        """
        intent = order.intent
        try:
            if self._tells_why:
                self._journal.append(self._decided(context, intent))
            self._journal.append(intent)
        except JournalBroken as error:
            refusal = Refusal(
                "journal", "every order is written before it is sent", "not written", str(error)
            )
            self._refuse(context, order, refusal)
            return error
        self._blotter.enter(context, order)
        self.gate.conduct[context.name].sent(self.now_ns)
        try:
            self._orders.place(intent)
        except XtradeError as error:
            event = OrderRejected(client_order_id=order.id, reason=str(error), code="not_sent")
            self._later.append(partial(self._heard_of_order, event))
            return error
        self._fold(context, order, OrderSent(client_order_id=order.id))
        return None

    def adopt(self, name: str, intent: OrderIntent, now_ns: int) -> None:
        """Take into the books an order for a strategy that was sent past this engine.

        The kill switch closes by such orders: what they close must not wait for a loop that hangs. And the venue may
        have one under our ids that this journal does not know.
        """
        self.now_ns = now_ns
        context = self.contexts[name]
        intent = replace(intent, strategy=name, decided_ns=intent.decided_ns or now_ns)
        try:
            self._journal.append(intent)
        except JournalBroken as error:
            self.unusual[f"an order that was adopted is not in the journal: {error}"] += 1
        order = Order(self, intent, self._markets.instrument(intent.instrument))
        self._blotter.enter(context, order)
        self._fold(context, order, OrderSent(client_order_id=order.id))

    def cancel(self, order: Order, *, again: bool = False) -> bool:
        """Ask the venue to cancel an order; beyond the strategy's rate of cancels, as soon as that allows it."""
        known = self._blotter.live.get(order.id)
        if known is None or (order.cancel_pending and not again) or order.id in self._put_off:
            return False
        context = known[0]
        self._count_asked(context)
        due_ns = self.gate.conduct[context.name].cancel_due_ns(
            self.now_ns, context.limits.cancels_per_second_max
        )
        if due_ns is None:
            return self.cancel_now(order, again=again)
        self._put_off.add(order.id)
        self._timers.add(due_ns, partial(self._cancel_put_off, order, again))
        return True

    def _cancel_put_off(self, order: Order, again: bool) -> None:
        if order.id in self._put_off:
            self._put_off.discard(order.id)
            self.cancel(order, again=again)

    def cancel_now(self, order: Order, *, again: bool = False) -> bool:
        """Cancel whatever the rate: what the desk itself asks for does not wait behind a strategy."""
        self._put_off.discard(order.id)
        known = self._blotter.live.get(order.id)
        if known is None or (order.cancel_pending and not again):
            return False
        request = self._blotter.next_request(order, "cancel")
        asked = Asked(client_order_id=order.id, what="cancel", request=request, at_ns=self.now_ns)
        self._journal.append(asked)
        if not self.may_cancel or not self._orders.cancel(order.id):
            return False
        self.gate.conduct[known[0].name].canceled(self.now_ns)
        event = CancelSent(client_order_id=order.id, request=self._blotter.requested(order, "cancel"))
        self._fold(known[0], order, event)
        return True

    def amend(self, order: Order, *, lots: int | None, ticks: int | None) -> bool:
        """Ask the venue for other lots or another price of an order."""
        known = self._blotter.live.get(order.id)
        lots = order.lots if lots is None else lots
        ticks = order.ticks if ticks is None else ticks
        if known is None or ticks is None or (lots, ticks) == (order.lots, order.ticks):
            return False
        context = known[0]
        self._count_asked(context)
        # What it has traded already is held, and not asked for once more.
        wanted = replace(order.intent, lots=lots - order.filled_lots, ticks=ticks)
        refusal = self.gate.refusal(context, wanted, self.now_ns, without=order)
        if refusal is not None:
            self._say_refused(wanted, refusal)
            return False
        request = self._blotter.next_request(order, "amend")
        asked = Asked(
            client_order_id=order.id,
            what="amend",
            request=request,
            lots=lots,
            ticks=ticks,
            at_ns=self.now_ns,
        )
        try:
            self._journal.append(asked)
        except JournalBroken as error:
            self._say_refused(
                wanted,
                Refusal("journal", "every change is written before it is sent", "not written", str(error)),
            )
            return False
        if not self._orders.amend(order.id, lots=lots, ticks=ticks):
            return False
        request = self._blotter.requested(order, "amend")
        event = AmendSent(client_order_id=order.id, request=request, lots=lots, ticks=ticks)
        self.gate.conduct[context.name].sent(self.now_ns)
        self._fold(context, order, event)
        return True

    def within(self, signal: Signal[Order], seconds: float | None) -> Signal[Order | None]:
        """Return a signal that is set with the order, or with None after so many seconds."""
        until_ns = None if seconds is None else self.now_ns + round(seconds * SECOND)
        return self._waits.within(signal, until_ns)

    def at(self, at_ns: int) -> Signal[None]:
        """Return a signal that is set at a time."""
        return self._waits.at(at_ns)

    def sleep(self, context: Context, for_ns: int) -> Signal[None]:
        """Return a signal that is set after so long, for a task of a strategy."""
        self._count_asked(context)
        return self.at(self.now_ns + for_ns)

    def next_of(self, context: Context, what: str, key: str) -> Signal[Any]:
        """Return a signal that is set with the next of what a strategy subscribed to."""
        self._listeners.must_hear(context, what, key)
        return self._waits.next_of(what, key)

    def run_task(self, context: Context, coroutine: Coroutine[Any, Any, T]) -> Task[T]:
        """Start a task of a strategy."""
        task = Task(
            coroutine,
            resume_later=self._later.append,
            failed=lambda error: self._fail(context, coroutine_name(coroutine), error),
        )
        tasks = self._tasks[context.name]
        tasks[:] = [each for each in tasks if not each.ended.is_set]
        tasks.append(task)
        return task

    def set_timer(self, context: Context, name: str, after_ns: int, *, repeat: bool) -> None:
        """Set a strategy's timer."""
        if after_ns < 0 or (repeat and after_ns == 0):
            raise UsageError(f"timer {name!r} of {context.name}: {after_ns} ns is no time to wait")
        self._count_asked(context)

        def went_off() -> None:
            if repeat:
                self.set_timer(context, name, after_ns, repeat=True)
            self._call(context, self.strategies[context.name].on_timer, name)

        self._waits.set_timer(context.name, name, self.now_ns + after_ns, went_off)

    def drop_timer(self, context: Context, name: str) -> None:
        """Stop a strategy's timer."""
        self._waits.drop_timer(context.name, name)

    def record(self, record: Record) -> None:
        """Write into the journal of the run what watches over this engine."""
        self._journal.append(record)

    def note(self, context: Context, text: str) -> None:
        """Write a strategy's note into the journal."""
        self._journal.append(Noted(strategy=context.name, text=text, at_ns=self.now_ns))

    def stop_strategy(self, context: Context, reason: str) -> None:
        """End one strategy at its own wish, after the present callback."""
        self.note(context, f"stops: {reason}")
        context.why = f"it stopped by itself: {reason}"

        def end() -> None:
            self._call(context, self.strategies[context.name].on_stop)
            self._end(context)

        self._later.append(end)

    # -- orders ---------------------------------------------------------------------------------------------------

    def _take_over(self, handover: Handover) -> None:
        """Go on with the orders and dials of an earlier process; of those that have ended the latest are kept."""
        ended = [state for state in handover.orders if state.is_final and not state.missing_lots]
        forgotten = {state.intent.client_order_id for state in ended[:-ENDED_ORDERS_KEPT]}
        for state in handover.orders:
            intent = state.intent
            if intent.client_order_id in forgotten:
                continue
            context = self.contexts.get(intent.strategy)
            if context is not None and intent.instrument in self._listeners.declared:
                order = Order(self, intent, self._markets.instrument(intent.instrument))
                self._blotter.take_over(context, order, state)
            # Any other has ended and is accounted for.
        self._dials = tuple(
            turned for name, turned in handover.dials.items() if not name or name in self.contexts
        )
        for turned in self._dials:
            if not turned.strategy:
                self.gate.state, self.gate.why = turned.state, turned.why
            elif not self.contexts[turned.strategy].ended:
                context = self.contexts[turned.strategy]
                context.state, context.why = turned.state, turned.why

    def _decided(self, context: Context, intent: OrderIntent) -> Decided:
        """Say what the strategy had before it."""
        callback, told = self._cause
        book = self._markets.book(intent.instrument)
        return Decided(
            client_order_id=intent.client_order_id,
            callback=callback,
            cause=_named(told),
            heard_ns=getattr(told, "received_ns", 0) or self.now_ns,
            venue_ns=getattr(told, "venue_ns", None),
            sequence=getattr(told, "sequence", None),
            bid_ticks=book.bid_ticks,
            ask_ticks=book.ask_ticks,
            position_lots=self.portfolio.lots(context.name, intent.instrument),
        )

    def _refuse(self, context: Context, order: Order, refusal: Refusal) -> None:
        order.refusal = refusal
        event = OrderRejected(client_order_id=order.id, reason=refusal.reason, code=f"risk:{refusal.rule}")
        order.told(apply(order.state, event).state)
        self._say_refused(order.intent, refusal)
        self._later.append(partial(self._call, context, self.strategies[context.name].on_order, order))

    def _say_refused(self, intent: OrderIntent, refusal: Refusal) -> None:
        self._journal.append(Refused(intent=intent, at_ns=self.now_ns, **refusal._asdict()))

    def _heard_of_order(self, event: OrderEvent) -> None:
        known = self._blotter.find(event.client_order_id)
        if known is None:
            self._journal.append(event)
            self.unusual[f"{type(event).__name__} of an order that is not ours"] += 1
            return
        context, order = known
        self.gate.conduct[context.name].heard(event)
        self.gate.margin_failures.heard(order.intent.instrument, event)
        booked = self._fold(context, order, event)
        strategy = self.strategies[context.name]
        if booked is not None:
            self._call(context, strategy.on_fill, order, booked)
        self._call(context, strategy.on_order, order)

    def _fold(self, context: Context, order: Order, event: OrderEvent) -> Fill | None:
        """Write an event down, and join it to its order and the position; return the fill that was booked."""
        self._journal.append(event)
        return self._blotter.join(context, order, event, self.now_ns)

    def _heard_of_account(self, event: AccountEvent) -> None:
        self._journal.append(event)
        self.accounts.take(event, self.now_ns)
        if isinstance(event, AccountOpened):
            self.portfolio.forget(event.account)
        concerned = self.portfolio.pay(event) if isinstance(event, FundingPaid) else self.contexts
        for name in concerned:
            self._call(self.contexts[name], self.strategies[name].on_account, event)

    # -- markets --------------------------------------------------------------------------------------------------

    def _tell_quote(self, key: str, book: Book) -> None:
        now = (book.bid_ticks, book.bid_lots, book.ask_ticks, book.ask_lots)
        if now == self._last_quotes.get(key):
            return
        self._last_quotes[key] = now
        quote = Quote(
            instrument=key,
            received_ns=self.now_ns,
            bid_ticks=now[0],
            bid_lots=now[1],
            ask_ticks=now[2],
            ask_lots=now[3],
        )
        for context, strategy in self._listeners.quotes[key]:
            self._call(context, strategy.on_quote, quote)

    def _add_to_bar(self, maker: BarMaker, ticks: int, lots: int) -> None:
        closed = maker.builder.add(self.now_ns, ticks, lots)
        if closed is not None:
            self._tell_bar(maker, closed)
        self._arm(maker)

    def _arm(self, maker: BarMaker) -> None:
        """See to it that a bar is told when it is over, whether or not anything more is told."""
        due_ns = maker.builder.due_ns
        if due_ns is not None and due_ns != maker.armed_ns:
            maker.armed_ns = due_ns
            self._timers.add(due_ns, partial(self._close_bar, maker))

    def _close_bar(self, maker: BarMaker) -> None:
        closed = maker.builder.close(self.now_ns)
        if closed is not None:
            self._tell_bar(maker, closed)

    def _tell_bar(self, maker: BarMaker, bar: Bar) -> None:
        for context, strategy in maker.listeners:
            self._call(context, strategy.on_bar, bar)
        if self._waits.awaited:
            self._waits.make_known("bar", bar.instrument, bar)

    # -- strategies -----------------------------------------------------------------------------------------------

    def _call(self, context: Context, callback: Callable[..., None], *told: object) -> None:
        if context.ended or not self._telling:
            return
        if self._tells_why:
            self._cause = callback.__name__, told[0] if told else None
        try:
            callback(context, *told)
        except Exception as error:  # noqa: BLE001  (a strategy may raise anything)
            self._fail(context, callback.__name__, error)

    def _drain(self) -> None:
        """Let follow what came up meanwhile, until nothing is left."""
        if self._draining:
            return
        self._draining = True
        try:
            while self._later:
                self._later.popleft()()
        finally:
            self._draining = False

    def _count_asked(self, context: Context) -> None:
        """Stop a strategy that keeps asking while time stands still: nothing else would ever end its run."""
        at_ns, count = self._asked.get(context.name, (self.now_ns, 0))
        count = count + 1 if at_ns == self.now_ns else 1
        self._asked[context.name] = self.now_ns, count
        if count > ASKED_AT_ONCE_MAX and not context.ended:
            # At once, not when the error arrives: the strategy may catch what it does not understand.
            error = UsageError(
                f"{context.name} asked for {ASKED_AT_ONCE_MAX:,} things (orders, cancels, amends, timers) at one"
                f" instant, {self.now_ns} ns, and would go on for ever: let time pass before it asks again, with"
                " ctx.after(…) or await ctx.sleep(…)"
            )
            self._fail(context, "what it asked for", error)
            raise error

    def _fail(self, context: Context, where: str, error: Exception) -> None:
        """Stop a strategy that raised: its state may be anything now, and must not trade."""
        if self._failed_of.get(context.name) is error:
            return  # told when it came up, and now it has come through the strategy
        self._failed_of[context.name] = error
        context.why = f"it failed in {where}: {type(error).__name__}: {error}"
        self._journal.append(
            Failed(
                strategy=context.name,
                where=where,
                error=f"{type(error).__name__}: {error}",
                place=_place_of(error, self.strategies[context.name]),
                at_ns=self.now_ns,
            )
        )
        self._end(context)

    def _end(self, context: Context, *, keep_orders: bool = False) -> None:
        """Tell a strategy nothing more, and cancel what it has open unless that is kept."""
        self._active -= not context.ended
        context.ended = True
        context.state = TradingState.HALTED
        if not keep_orders:
            cancel_open(self, context)
        for task in self._tasks[context.name]:
            task.cancel()
        self._waits.drop_timers(context.name)


def _must_be_there(markets: Markets, strategy: str, keys: Iterable[str]) -> None:
    """Refuse to go on where what a strategy left could not be followed."""
    for key in keys:
        try:
            markets.instrument(key)
        except UsageError as error:
            raise ConfigError(
                f"the strategy {strategy} left a position or open orders on {key}, and no venue of this run has that"
                " market: add it to the configuration, or begin a new journal"
            ) from error


def _named(told: object) -> str:
    """Name what a callback was told, in a word or two."""
    if isinstance(told, MarketEvent):
        return f"{type(told).__name__} {told.instrument}"
    market = getattr(told, "instrument", None)
    if isinstance(market, Instrument):
        return f"{'order' if isinstance(told, Order) else 'book'} {market.key}"
    return told if isinstance(told, str) else ""


def _place_of(error: Exception, strategy: Strategy[Any]) -> str:
    """Say where in its source a strategy was; where it is not found there, where the error came up."""
    frames = traceback.extract_tb(error.__traceback__) or traceback.extract_stack()
    module = sys.modules.get(type(strategy).__module__)
    own = [frame for frame in frames if frame.filename == getattr(module, "__file__", None)]
    last = (own or frames)[-1]
    return f"{last.filename}:{last.lineno}"
