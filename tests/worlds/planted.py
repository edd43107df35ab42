"""Planted mistakes: each is one that systems of this kind have really made, and each must be caught by a world.

A mistake is a function that bends the code under test; `PLANTED` says which worlds are tried to catch it, and by which
invariant they must. A mistake that no world catches says that the worlds look away, not that the code is right.
"""

from __future__ import annotations

from msgspec.structs import replace

from xtrade.market.live_books import LiveBook
from xtrade.model import order_state
from xtrade.model.events import (
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.order_state import Change, OrderState
from xtrade.model.orders import OrderIntent
from xtrade.model.positions import Position
from xtrade.runtime import chance, clock
from xtrade.runtime.clock import SteadyTime
from xtrade.runtime.ids import ClientOrderIds, MemoryMark, Space
from xtrade.testing.faults import FaultPlan
from xtrade.testing.troubled import LastingVenue
from xtrade.trading import blotter, reconciler
from xtrade.trading.engine import Engine
from xtrade.trading.handover import Handover
from xtrade.trading.journal import durable
from xtrade.trading.journal.durable import DurableJournal
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.reconciler import Reconciler
from xtrade.trading.reconciliation import Cause
from xtrade.trading.risk import rules

LOST = FaultPlan(answer_lost=0.2)
DOUBLED = FaultPlan(answer_doubled=0.5)
LATE = FaultPlan(answer_late=0.5)
SILENT = FaultPlan(place_lost=0.2, answer_lost=0.2)
DYING = FaultPlan(process_dies=0.01)


def without_rule(patch, name):
    """The gate does not ask one of its rules."""
    patch.setattr(rules, "RULES", tuple(rule for rule in rules.RULES if rule.__name__ != name))


def fill_dropped_after_the_end(patch):
    """OE: a fill that comes after the order's end is ignored."""

    def apply(state, event):
        if state.is_final and isinstance(event, OrderFilled):
            return Change(state)
        return order_state.apply(state, event)

    patch.setattr(blotter, "apply", apply)


def fill_counted_for_each_telling(patch):
    """A trade that is told twice is booked twice."""

    def apply(state, event):
        if isinstance(event, OrderFilled) and any(
            fill.trade_id == event.fill.trade_id for fill in state.fills
        ):
            again = f"{event.fill.trade_id}/{len(state.fills)}"
            event = replace(event, fill=replace(event.fill, trade_id=again))
        return order_state.apply(state, event)

    patch.setattr(blotter, "apply", apply)


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

    patch.setattr(blotter, "apply", apply)


def handed_over(patch, change):
    """Change what a process finds in the journal of those before it."""
    was = Handover.of
    patch.setattr(Handover, "of", lambda store, written_ns: change(was(store, written_ns)))


def positions_are_forgotten_on_a_restart(patch):
    """A new process starts flat, whatever its journal says."""
    handed_over(patch, lambda found: found._replace(portfolio=Portfolio()))


def orders_in_doubt_are_forgotten_on_a_restart(patch):
    """A new process goes on with the orders that the venue has confirmed, and with no others."""
    handed_over(
        patch, lambda found: found._replace(orders=tuple(each for each in found.orders if each.accepted))
    )


def ids_begin_again_on_a_restart(patch):
    """Each process counts its orders from one."""
    was = ClientOrderIds.__init__

    def begin(self, _mark, now_ns):
        was(self, MemoryMark(Space(bits=63, per_second=0, epoch_ns=0, block=1024)), now_ns)

    patch.setattr(ClientOrderIds, "__init__", begin)


def written_after_it_is_sent(patch):
    """An intent gets into the journal with whatever comes after it."""
    was = DurableJournal.append
    waiting = []

    def append(self, record):
        if isinstance(record, OrderIntent):
            waiting.append(record)
            return
        while waiting:
            was(self, waiting.pop(0))
        was(self, record)

    patch.setattr(DurableJournal, "append", append)


def nothing_is_synced(patch):
    """The journal leaves it to the kernel when its entries get to the disk."""
    patch.setattr(durable, "is_urgent", lambda _record: False)


def a_desk_that_is_halted_goes_on(patch):
    """The gate does not look at the dial."""
    without_rule(patch, "trading_state")


def a_book_with_a_gap_is_good_enough(patch):
    """The gate prices orders from whatever stands in a book."""
    without_rule(patch, "book")


def fees_are_forgotten(patch):
    """What a trade has cost is not booked."""
    was = Position.after_fill
    patch.setattr(
        Position,
        "after_fill",
        lambda self, instrument, fill: was(self, instrument, replace(fill, fee=None)),
    )


def a_late_acknowledgement_revives_the_order(patch):
    """The last message says how an order stands, whenever it was sent."""

    def apply(state, event):
        change = order_state.apply(state, event)
        if isinstance(event, OrderAccepted):
            return change._replace(state=replace(change.state, endings=frozenset()))
        return change

    patch.setattr(blotter, "apply", apply)


def reduce_only_is_not_passed_on(patch):
    """The venue is not told that an order may only reduce."""
    was = LastingVenue.place
    patch.setattr(LastingVenue, "place", lambda self, intent: was(self, replace(intent, reduce_only=False)))


def time_is_what_the_wall_clock_says(patch):
    """Timers and ages count by a clock that can be set."""
    patch.setattr(SteadyTime, "now_ns", lambda _self: clock.now_ns())


def trades_are_asked_for_by_our_own_clock(patch):
    """Missed trades are looked for since the last comparison, by a clock that the venue does not have."""
    was = Reconciler._since_ns
    patch.setattr(
        Reconciler, "_since_ns", lambda self, *asked: max(was(self, *asked), clock.now_ns() - 60 * 10**9)
    )


def a_late_fill_is_an_error(patch):
    """What was never thought of is raised where nobody catches it."""

    def apply(state, event):
        if state.is_final and isinstance(event, OrderFilled):
            raise KeyError(event.client_order_id)
        return order_state.apply(state, event)

    patch.setattr(blotter, "apply", apply)


PLANTED = [
    (fill_dropped_after_the_end, LATE, "I8"),
    (fill_counted_for_each_telling, DOUBLED, "I4"),
    (silence_means_rejected, SILENT, "I6"),
    (silence_means_send_again, SILENT, "I1"),
    (in_doubt_holds_no_exposure, FaultPlan(answer_lost=0.9), "I11"),
    (cancel_sent_holds_no_exposure, FaultPlan(cancel_lost=1.0), "I10"),
    (cancel_done_when_sent, FaultPlan(cancel_lost=0.5), "I6"),
    (nobody_is_asked, LOST, "I23"),
    (found_is_not_booked, LOST, "I23"),
    (trades_are_never_fetched, LOST, "I3"),
    (what_never_arrived_is_waited_for, SILENT, "I23"),
    (change_done_when_sent, FaultPlan(amend_lost=1.0), "I11"),
    (gaps_are_not_seen, FaultPlan(book_lost=0.2), "I13"),
    (a_fill_is_acted_on_and_not_written, FaultPlan(answer_doubled=0.1), "I18"),
    (half_a_fill_is_lost, FaultPlan(answer_doubled=0.1), "I8"),
    (positions_are_forgotten_on_a_restart, DYING, "I8"),
    (orders_in_doubt_are_forgotten_on_a_restart, FaultPlan(process_dies=0.003, answer_lost=0.5), "I7"),
    (ids_begin_again_on_a_restart, DYING, "I2"),
    (written_after_it_is_sent, FaultPlan(answer_doubled=0.1), "I1"),
    (nothing_is_synced, FaultPlan(power_fails=0.01), "I1"),
    (a_desk_that_is_halted_goes_on, FaultPlan(desk_halted=0.1), "I24"),
    (a_book_with_a_gap_is_good_enough, FaultPlan(book_lost=0.2), "I12"),
    (fees_are_forgotten, FaultPlan(answer_doubled=0.1), "I9"),
    (a_late_acknowledgement_revives_the_order, FaultPlan(answer_late=0.5, answer_doubled=0.5), "I5"),
    (reduce_only_is_not_passed_on, FaultPlan(cancel_lost=1.0, answer_late=0.5), "I30"),
    (time_is_what_the_wall_clock_says, FaultPlan(clock_steps=0.1), "I17"),
    (trades_are_asked_for_by_our_own_clock, FaultPlan(clock_steps=0.1, answer_lost=0.2), "I3"),
    (a_late_fill_is_an_error, LATE, "I26"),
]
