"""Planted mistakes: each is one that systems of this kind have really made, and each must be caught by a world.

A mistake is a function that bends the code under test; `PLANTED` says which worlds are tried to catch it. A mistake
that no world catches says that the worlds look away, not that the code is right.
"""

from __future__ import annotations

from msgspec.structs import replace

from xtrade.market.live_books import LiveBook
from xtrade.model import order_state
from xtrade.model.events import OrderAmended, OrderCanceled, OrderFilled, OrderInDoubt, OrderRejected
from xtrade.model.order_state import Change, OrderState
from xtrade.runtime import chance
from xtrade.testing.faults import FaultPlan
from xtrade.trading import engine, reconciler
from xtrade.trading.engine import Engine
from xtrade.trading.journal.durable import DurableJournal
from xtrade.trading.reconciler import Reconciler
from xtrade.trading.reconciliation import Cause

LOST = FaultPlan(answer_lost=0.2)
DOUBLED = FaultPlan(answer_doubled=0.5)
LATE = FaultPlan(answer_late=0.5)
SILENT = FaultPlan(place_lost=0.2, answer_lost=0.2)


def fill_dropped_after_the_end(patch):
    """OE: a fill that comes after the order's end is ignored."""

    def apply(state, event):
        if state.is_final and isinstance(event, OrderFilled):
            return Change(state)
        return order_state.apply(state, event)

    patch.setattr(engine, "apply", apply)


def fill_counted_for_each_telling(patch):
    """A trade that is told twice is booked twice."""

    def apply(state, event):
        if isinstance(event, OrderFilled) and any(
            fill.trade_id == event.fill.trade_id for fill in state.fills
        ):
            again = f"{event.fill.trade_id}/{len(state.fills)}"
            event = replace(event, fill=replace(event.fill, trade_id=again))
        return order_state.apply(state, event)

    patch.setattr(engine, "apply", apply)


def silence_means_rejected(patch):
    """An order without an answer is called rejected."""
    was = Engine.heard

    def heard(self, event, now_ns):
        if isinstance(event, OrderInDoubt):
            event = OrderRejected(
                client_order_id=event.client_order_id, reason="no answer", received_ns=now_ns
            )
        was(self, event, now_ns)

    patch.setattr(Engine, "heard", heard)


def silence_means_send_again(patch):
    """An order without an answer is sent once more, under a new id."""
    was = Reconciler._book

    def book(self, events, now_ns):
        was(self, events, now_ns)
        for event in events:
            order = self._session.engine.order(event.client_order_id)
            if isinstance(event, OrderInDoubt) and order is not None:
                name = self._session.engine.next_id()
                venue = self._session.venues[order.intent.instrument.partition(":")[0]]
                venue.inner.trading.place(replace(order.intent, client_order_id=name))

    patch.setattr(Reconciler, "_book", book)


def in_doubt_holds_no_exposure(patch):
    """The gate counts nothing for an order that nobody has confirmed."""
    was = OrderState.worst_case_lots.fget
    patch.setattr(OrderState, "worst_case_lots", property(lambda self: was(self) if self.accepted else 0))


def cancel_sent_holds_no_exposure(patch):
    """The gate counts nothing for an order whose cancel was sent."""
    was = OrderState.worst_case_lots.fget
    patch.setattr(
        OrderState, "worst_case_lots", property(lambda self: 0 if self.cancel_pending else was(self))
    )


def cancel_done_when_sent(patch):
    """A cancel counts as done when its bytes have left."""
    was = Engine.cancel

    def cancel(self, order, **how):
        sent = was(self, order, **how)
        if sent:
            self.heard(
                OrderCanceled(client_order_id=order.id, venue_order_id=order.state.venue_order_id),
                self.now_ns,
            )
        return sent

    patch.setattr(Engine, "cancel", cancel)


def nobody_is_asked(patch):
    """The reconciler never asks."""

    async def run(self):
        await reconciler.asyncio.Event().wait()

    patch.setattr(Reconciler, "run", run)


def found_is_not_booked(patch):
    """What the reconciler finds is written down, and not booked."""
    patch.setattr(Reconciler, "_book", lambda self, events, now_ns: None)


def trades_are_never_fetched(patch):
    """Missed trades are looked for in nobody's list."""

    was = reconciler.reconcile
    patch.setattr(
        reconciler,
        "reconcile",
        lambda ours, report, policy, now_ns: was(ours, replace(report, fills=()), policy, now_ns),
    )


def what_never_arrived_is_waited_for(patch):
    """An order that the venue has never heard of waits for its answer for ever."""
    was = reconciler.reconcile

    def compare(ours, report, policy, now_ns):
        return [each for each in was(ours, report, policy, now_ns) if each.cause is not Cause.NEVER_ARRIVED]

    patch.setattr(reconciler, "reconcile", compare)


def change_done_when_sent(patch):
    """A change counts as made when its bytes have left."""
    was = Engine.amend

    def amend(self, order, *, lots, ticks):
        sent = was(self, order, lots=lots, ticks=ticks)
        if sent:
            made = OrderAmended(
                client_order_id=order.id, request=1, lots=lots or order.lots, ticks=ticks or order.ticks
            )
            self.heard(made, self.now_ns)
        return sent

    patch.setattr(Engine, "amend", amend)


def gaps_are_not_seen(patch):
    """A change of a book is taken in although the one before it is missing."""
    was = LiveBook.apply

    def take(self, event):
        if hasattr(event, "previous_sequence"):
            event = replace(event, previous_sequence=None)
        return was(self, event)

    patch.setattr(LiveBook, "apply", take)


def a_fill_is_acted_on_and_not_written(patch):
    """Some fills do not get into the journal."""
    dice = chance.Streams(1).stream("planted")
    was = DurableJournal.append

    def append(self, record):
        if not isinstance(record, OrderFilled) or dice.random() < 0.8:
            was(self, record)

    patch.setattr(DurableJournal, "append", append)


def half_a_fill_is_lost(patch):
    """A partial fill is rounded down to an even number of lots."""

    def apply(state, event):
        if isinstance(event, OrderFilled) and event.fill.lots > 1 and event.fill.lots % 2:
            event = replace(event, fill=replace(event.fill, lots=event.fill.lots - 1))
        return order_state.apply(state, event)

    patch.setattr(engine, "apply", apply)


PLANTED = [
    (fill_dropped_after_the_end, LATE),
    (fill_counted_for_each_telling, DOUBLED),
    (silence_means_rejected, SILENT),
    (silence_means_send_again, SILENT),
    (in_doubt_holds_no_exposure, FaultPlan(answer_lost=0.9)),
    (cancel_sent_holds_no_exposure, FaultPlan(cancel_lost=1.0)),
    (cancel_done_when_sent, FaultPlan(cancel_lost=0.5)),
    (nobody_is_asked, LOST),
    (found_is_not_booked, LOST),
    (trades_are_never_fetched, LOST),
    (what_never_arrived_is_waited_for, SILENT),
    (change_done_when_sent, FaultPlan(amend_lost=1.0)),
    (gaps_are_not_seen, FaultPlan(book_lost=0.2)),
    (a_fill_is_acted_on_and_not_written, FaultPlan(answer_doubled=0.1)),
    (half_a_fill_is_lost, FaultPlan(answer_doubled=0.1)),
]
