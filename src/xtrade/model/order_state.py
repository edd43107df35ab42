"""What became of an order: a fold over its events that does not care in which order they arrive, or how often.

    change = apply(state, event)

Venues repeat themselves after a reconnect, send a fill before its acknowledgement, a status after its successor, and
a cancel for an order that lives on under another name. So the state keeps only what such disorder cannot harm: sets
of facts, and for rivals the one that tells most. Joining facts is commutative, associative and idempotent; the
status is read off the facts, never stepped. That any permutation and any repetition of the same events ends in the
same state is then no accident (tests/model/test_order_state_laws.py).

How the status is read, first match wins:

FILLED      fills, or the venue's word, cover the quantity (the larger one, where a change has no answer yet)
CANCELED    it was reported canceled   \
EXPIRED     it was reported expired     > under its present name, and not found alive since
REJECTED    it was refused             /  (a fill refutes a refusal: what traded does exist, and counts as open)
PARTIAL     something traded
OPEN        the venue has named it
IN_DOUBT    it was sent and no answer came
SENT, NEW   not answered yet, not sent yet

The end of an order is no end of its fills: a late one is always booked.
"""

from __future__ import annotations

from bisect import bisect_left
from enum import StrEnum
from typing import NamedTuple, assert_never

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.events import (
    AmendRejected,
    AmendSent,
    CancelRejected,
    CancelSent,
    FillReversed,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderRestored,
    OrderSent,
)
from xtrade.model.fills import Fill
from xtrade.model.money import Money
from xtrade.model.once import once
from xtrade.model.orders import OrderIntent

__all__ = ["Change", "OrderState", "OrderStatus", "apply"]


class OrderStatus(StrEnum):
    """Where an order stands. A pending cancel or amend is a flag beside it, not a status."""

    NEW = "new"
    SENT = "sent"
    IN_DOUBT = "in_doubt"
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether the venue will do nothing more with the order (its fills may still be on their way)."""
        return self in _FINAL


_NOT_ENDED: frozenset[OrderStatus] = frozenset()
_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class Terms(NamedTuple):
    """Quantity and price that were agreed on, when, and by which request of ours (0: by the venue itself).

    Unknowns are 0 here and below ("" for a name): facts are kept in sets, and sets are written sorted.
    """

    venue_ns: int
    sequence: int
    request: int
    lots: int
    ticks: int


class Ending(NamedTuple):
    """A report that the order ended: how, under which of its names, and when."""

    status: OrderStatus
    venue_order_id: str
    venue_ns: int


class OrderState(Struct, frozen=True, kw_only=True, dict=True):
    """One order: its intent and every fact known about it."""

    intent: OrderIntent
    sent: bool = False
    accepted: bool = False
    in_doubt: bool = False
    venue_order_ids: frozenset[str] = frozenset()
    replaced_ids: frozenset[str] = frozenset()
    fills: tuple[Fill, ...] = ()
    """Sorted by trade id; `reversed_trades` of them no longer count."""
    reversed_trades: frozenset[str] = frozenset()
    reported_lots: int = 0
    """The largest running total that the venue has told."""
    endings: frozenset[Ending] = frozenset()
    restored_ns: int = 0
    amendments: frozenset[Terms] = frozenset()
    amends_sent: frozenset[tuple[int, int]] = frozenset()
    """(request, total lots) of each change asked for."""
    amends_rejected: frozenset[int] = frozenset()
    cancels_sent: frozenset[int] = frozenset()
    cancels_rejected: frozenset[int] = frozenset()

    @once
    def status(self) -> OrderStatus:
        """Where the order stands, read off the facts."""
        if not (self.endings or self.fills or self.reported_lots):
            return self._before_trades
        ended = self._ended_as
        if OrderStatus.FILLED in ended or 0 < self._most_lots <= self.executed_lots:
            return OrderStatus.FILLED
        for status in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
            if status in ended:
                return status
        if OrderStatus.REJECTED in ended and not self.executed_lots:
            return OrderStatus.REJECTED
        return OrderStatus.PARTIAL if self.executed_lots else self._before_trades

    @property
    def lots(self) -> int:
        """The total quantity in force (0 while a quote-sized order has not said how many lots it was)."""
        return self._standing[0].lots if self.amendments else self.intent.lots

    @property
    def ticks(self) -> int | None:
        """The limit price in force: the last that was agreed on (a change may tell the quantity alone)."""
        if not self.amendments:
            return self.intent.ticks
        priced = _latest(frozenset(terms for terms in self.amendments if terms.ticks))
        return priced[0].ticks if priced else self.intent.ticks

    @property
    def venue_order_id(self) -> str | None:
        """The venue's present name for the order: the one that was not replaced (the last by name, if in doubt)."""
        return max(self.venue_order_ids - self.replaced_ids, default=None)

    @once
    def filled_lots(self) -> int:
        """What the fills in hand add up to."""
        if not self.reversed_trades:
            return sum([fill.lots for fill in self.fills])
        return sum(fill.lots for fill in self.fills if fill.trade_id not in self.reversed_trades)

    @property
    def executed_lots(self) -> int:
        """What has traded: by the fills in hand or by the venue's running total, whichever is more."""
        if not self.reversed_trades:
            return max(self.filled_lots, self.reported_lots)
        # The venue's largest total counted the trades that it has reversed since.
        taken_back = sum(fill.lots for fill in self.fills if fill.trade_id in self.reversed_trades)
        return max(self.filled_lots, self.reported_lots - taken_back)

    @property
    def missing_lots(self) -> int:
        """What the venue says has traded and no fill has accounted for yet: to be fetched, not guessed."""
        return self.executed_lots - self.filled_lots

    @property
    def overfilled_lots(self) -> int:
        """What the venue traded beyond the quantity: booked in full, and worth an alarm."""
        return max(0, self.filled_lots - self.lots) if self.lots else 0

    @property
    def worst_case_lots(self) -> int | None:
        """What may come to the position beyond the fills in hand, if everything goes against us: so much is held.

        That is what may still trade, and what has traded and was not told yet, also of an order that has ended. None
        for an order sized in quote currency, whose lots nobody knows yet: see `worst_case_quote`.
        """
        if self.status.is_final:
            return max(0, self.missing_lots)
        if self.intent.quote_amount is not None and not self.lots:
            return None
        return max(
            0,
            self._most_lots - self.filled_lots,
            *(terms.lots - self.filled_lots for terms in self._standing),
        )

    @property
    def worst_case_quote(self) -> Money | None:
        """What an order sized in quote currency may still spend, at most; None for one sized in lots."""
        amount = self.intent.quote_amount
        return Money(0, amount.currency) if amount is not None and self.is_final else amount

    @property
    def is_final(self) -> bool:
        """Whether the venue will do nothing more with the order."""
        return self.status.is_final

    @property
    def is_settled(self) -> bool:
        """Whether the order is final and all its fills are in hand."""
        return self.is_final and not self.missing_lots

    @once
    def cancels_pending(self) -> frozenset[int]:
        """The cancels that were asked for and not refused, by number."""
        return self.cancels_sent - self.cancels_rejected

    @once
    def amends_pending(self) -> frozenset[int]:
        """The changes that were asked for and neither refused nor done, by number."""
        done = {terms.request for terms in self.amendments}
        return (
            frozenset(request for request, _ in self.amends_sent if request not in done)
            - self.amends_rejected
        )

    @property
    def cancel_pending(self) -> bool:
        """Whether a cancel was asked for and neither refused nor done."""
        return not self.is_final and bool(self.cancels_pending)

    @property
    def amend_pending(self) -> bool:
        """Whether a change was asked for and neither refused nor done."""
        return not self.is_final and bool(self.amends_pending)

    # -- how ------------------------------------------------------------------------------------------------------

    @property
    def _before_trades(self) -> OrderStatus:
        """Where an order stands of which nothing has traded, and no end was told."""
        if self.accepted:
            return OrderStatus.OPEN
        if self.in_doubt:
            return OrderStatus.IN_DOUBT
        return OrderStatus.SENT if self.sent else OrderStatus.NEW

    @once
    def _most_lots(self) -> int:
        """The total quantity if every change without an answer was made: until it comes, there may be as much."""
        if not self.amends_sent:
            return self.lots
        asked = [lots for request, lots in self.amends_sent if request in self.amends_pending]
        return max([self.lots, *asked])

    @once
    def _standing(self) -> tuple[Terms, ...]:
        """The terms in force first, and beside them any other that may be, where no time tells which came last."""
        if self.amendments:
            return _latest(self.amendments)
        return (Terms(0, 0, 0, self.intent.lots, self.intent.ticks or 0),)

    @once
    def _ended_as(self) -> frozenset[OrderStatus]:
        if not self.endings:
            return _NOT_ENDED
        return frozenset(
            ending.status
            for ending in self.endings
            if ending.venue_order_id not in self.replaced_ids and ending.venue_ns >= self.restored_ns
        )


class Change(NamedTuple):
    """What an event did to an order, for those who book and those who log.

    `booked` is a fill to add to the position, `unbooked` one to take back, `fee` one that became known after its
    fill. `note` says, in words, what was ignored or unusual, and why; None for the ordinary.
    """

    state: OrderState
    booked: Fill | None = None
    unbooked: Fill | None = None
    fee: Money | None = None
    note: str | None = None


def apply(state: OrderState, event: OrderEvent) -> Change:
    """Join one event to the facts of its order."""
    assert event.client_order_id == state.intent.client_order_id, "an event was routed to another order"
    change = _join(_named(state, event), event)
    if change.note is not None:
        return change
    if change.state == state:
        return change._replace(
            state=state, note=f"{type(event).__name__} says nothing new: ignored as a repetition"
        )
    if not state.is_final:
        return change
    if change.state.status is not state.status:
        return change._replace(
            note=f"status corrected from {state.status.value} to {change.state.status.value}"
        )
    if isinstance(event, OrderAccepted | OrderInDoubt | OrderSent):
        return change._replace(note=f"{type(event).__name__} after {state.status.value}: status unchanged")
    return change


def _named(state: OrderState, event: OrderEvent) -> OrderState:
    """Any event that carries the venue's name for the order proves that the venue has, or had, it."""
    name = event.venue_order_id
    if name is None or (name in state.venue_order_ids and state.accepted):
        return state
    accepted = state.accepted or not isinstance(event, OrderRejected)
    return replace(state, venue_order_ids=state.venue_order_ids | {name}, accepted=accepted)


def _join(state: OrderState, event: OrderEvent) -> Change:  # noqa: PLR0912  (one arm for each event)
    match event:
        case OrderSent():
            return Change(replace(state, sent=True))
        case OrderAccepted():
            return Change(replace(state, accepted=True))
        case OrderInDoubt():
            return Change(replace(state, in_doubt=True))
        case OrderFilled():
            return _filled(state, event)
        case FillReversed():
            return _reversed(state, event)
        case OrderCompleted() | OrderCanceled() | OrderExpired() | OrderRejected():
            return Change(_ended(state, event), note=_why_not_believed(state, event))
        case OrderRestored():
            return _restored(state, event)
        case AmendSent():
            return Change(replace(state, amends_sent=state.amends_sent | {(event.request, event.lots)}))
        case OrderAmended():
            return Change(_amended(state, event))
        case AmendRejected():
            return Change(replace(state, amends_rejected=state.amends_rejected | {event.request}))
        case CancelSent():
            return Change(replace(state, cancels_sent=state.cancels_sent | {event.request}))
        case CancelRejected():
            return Change(replace(state, cancels_rejected=state.cancels_rejected | {event.request}))
        case _:
            raise TypeError(f"{type(event).__name__} is not an event of an order's life")


def _filled(state: OrderState, event: OrderFilled) -> Change:
    fill = event.fill
    joined = replace(state, accepted=True, reported_lots=max(state.reported_lots, event.cumulative_lots))
    at = bisect_left(state.fills, fill.trade_id, key=_trade_id)
    known = state.fills[at] if at < len(state.fills) and state.fills[at].trade_id == fill.trade_id else None
    if known is not None and fill.knowledge() <= known.knowledge():
        return Change(joined, note=f"trade {fill.trade_id} is already booked: ignored")
    rest = state.fills[at if known is None else at + 1 :]
    joined = replace(joined, fills=(*state.fills[:at], fill, *rest))
    if fill.trade_id in state.reversed_trades:
        return Change(joined, note=f"trade {fill.trade_id} was reversed by the venue: not booked")
    if known is None:
        return Change(joined, booked=fill, note=_unusual(state, joined))
    same_trade = (fill.side, fill.ticks, fill.lots) == (known.side, known.ticks, known.lots)
    if same_trade and (known.fee is None or known.fee == fill.fee):
        return Change(joined, fee=fill.fee if known.fee is None else None)
    note = f"trade {fill.trade_id} was told in two versions: the second replaces the first"
    return Change(joined, booked=fill, unbooked=known, note=note)


def _unusual(before: OrderState, after: OrderState) -> str | None:
    if after.overfilled_lots:
        return f"overfilled by {after.overfilled_lots} lots: booked in full"
    if any(fill.side is not after.intent.side for fill in after.fills):
        return f"a trade on the other side of a {after.intent.side} order: booked as told"
    if before.is_final and before.status is not OrderStatus.FILLED:
        return f"late fill after {before.status.value}: booked"
    return None


def _reversed(state: OrderState, event: FillReversed) -> Change:
    joined = replace(state, reversed_trades=state.reversed_trades | {event.trade_id})
    if event.trade_id in state.reversed_trades:
        return Change(joined, note=f"trade {event.trade_id} is already reversed: ignored")
    taken_back = next((fill for fill in state.fills if fill.trade_id == event.trade_id), None)
    note = f"trade {event.trade_id} was reversed by the venue"
    return Change(joined, unbooked=taken_back, note=note)


def _ended(
    state: OrderState, event: OrderCompleted | OrderCanceled | OrderExpired | OrderRejected
) -> OrderState:
    match event:
        case OrderCompleted():
            status = OrderStatus.FILLED
        case OrderCanceled():
            status = OrderStatus.CANCELED
        case OrderExpired():
            status = OrderStatus.EXPIRED
        case OrderRejected():
            status = OrderStatus.REJECTED
        case _:
            assert_never(event)
    cumulative_lots = 0 if isinstance(event, OrderRejected) else event.cumulative_lots
    return replace(
        state,
        endings=state.endings | {Ending(status, event.venue_order_id or "", event.venue_ns or 0)},
        accepted=state.accepted or status is not OrderStatus.REJECTED,
        reported_lots=max(state.reported_lots, cumulative_lots),
    )


def _why_not_believed(state: OrderState, event: OrderEvent) -> str | None:
    """An old report may be repeated at any time: to end an order that was found alive, it must be newer than that."""
    told_ns = event.venue_ns or 0
    if told_ns >= state.restored_ns:
        return None
    when = f"of {told_ns}" if told_ns else "without a time"
    return f"{type(event).__name__} {when}, and the order was found alive at {state.restored_ns}: not believed, ask"


def _restored(state: OrderState, event: OrderRestored) -> Change:
    joined = replace(state, accepted=True, restored_ns=max(state.restored_ns, event.as_of_ns))
    return Change(joined, note=f"found alive: {event.evidence}")


def _amended(state: OrderState, event: OrderAmended) -> OrderState:
    terms = Terms(event.venue_ns or 0, event.sequence or 0, event.request or 0, event.lots, event.ticks or 0)
    replaced = state.replaced_ids | {event.replaces} if event.replaces is not None else state.replaced_ids
    return replace(state, accepted=True, amendments=state.amendments | {terms}, replaced_ids=replaced)


def _latest(amendments: frozenset[Terms]) -> tuple[Terms, ...]:
    """Return the latest terms first; a second entry may be the latest too, if only a time could tell.

    Our own requests are numbered, so among them the number decides; the venue's own changes go by its clock.
    """
    ours = max((terms for terms in amendments if terms.request), key=_by_request, default=None)
    theirs = max((terms for terms in amendments if not terms.request), default=None)
    if ours is None or theirs is None:
        return tuple(terms for terms in (ours, theirs) if terms is not None)
    if ours.venue_ns and theirs.venue_ns:
        return (max(ours, theirs),)
    return ours, theirs


def _by_request(terms: Terms) -> tuple[int, Terms]:
    return terms.request, terms


def _trade_id(fill: Fill) -> str:
    return fill.trade_id
