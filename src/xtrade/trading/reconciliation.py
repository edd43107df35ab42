"""Our state beside the venue's report: every difference, its cause, and what is to be done about it. Pure.

    for difference in reconcile(ours, report, policy, now_ns):
        ...book difference.events, then do difference.action

An account that began after our last word of it has nothing of ours: `began_anew` says what is gone.

Two reports are never of one moment, and "not found" is never proof: an order ends here only by the venue's own word
about it, or because the venue does not know it although its validity is over. What is not certain yet is asked.

How to go on, by action:
BOOK          the events say it all
ASK           ask the venue about this order, by our id
FETCH_FILLS   fetch the trades of this order, or of this market since the last one known
ADOPT         take the order into the books of a strategy that trades its market, by policy
CANCEL        cancel it, by policy
LEAVE         it is somebody else's
WAIT          what is being asked may explain it: compare again after that
LOOK          a person must look: nothing here explains it, and nothing new is to be opened on it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from xtrade.model.events import (
    AccountOpened,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderRestored,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, OrderStatus, apply
from xtrade.model.sides import Side
from xtrade.venues.base import FillReport, OrderReport

__all__ = [
    "Action",
    "Cause",
    "Difference",
    "Ours",
    "Policy",
    "Report",
    "began_anew",
    "reconcile",
]

SECOND: Final = 1_000_000_000


class Action(StrEnum):
    """What is to be done about a difference."""

    BOOK = "book"
    ASK = "ask"
    FETCH_FILLS = "fetch_fills"
    ADOPT = "adopt"
    CANCEL = "cancel"
    LEAVE = "leave"
    WAIT = "wait"
    LOOK = "look"


class Cause(StrEnum):
    """How a difference came about."""

    MISSED_FILL = "missed_fill"
    MISSED_ACK = "missed_ack"
    MISSED_END = "missed_end"
    MISSED_CHANGE = "missed_change"
    FOUND_ALIVE = "found_alive"
    NEVER_ARRIVED = "never_arrived"
    NO_WORD = "no_word"
    FILLS_MISSING = "fills_missing"
    OWN_UNKNOWN = "own_unknown"
    OWNER_ABSENT = "owner_absent"
    ACCOUNT_ANEW = "account_anew"
    EXTERNAL = "external"
    POSITION = "position"
    BALANCE = "balance"


class Report(Struct, frozen=True, kw_only=True):
    """What a venue said about one account. `as_of_ns` is when it was asked: what is younger it may not know.

    `open_orders` is the complete list; `answers` are those to questions about single orders, None for "not found".
    `complete_fills` names the markets of which `fills` has every trade since the last that we know. Positions and
    balances that were not asked for are left out.
    """

    account: str
    as_of_ns: int
    open_orders: tuple[OrderReport, ...] = ()
    answers: Mapping[ClientOrderId, OrderReport | None] = {}
    fills: tuple[FillReport, ...] = ()
    complete_fills: frozenset[str] = frozenset()
    positions: Mapping[str, int] | None = None
    balances: Mapping[str, Money] | None = None


class Ours(Struct, frozen=True, kw_only=True):
    """What we believe of the same account: its orders, its positions in lots, its balances.

    `known_ns` says since when, by the clock of `as_of_ns`, orders were known when the venue was asked. An order that an
    earlier process decided on bears the time of another clock, which may have been an hour off. `moved` are the orders
    of which something was asked or heard since: the report may tell of the time before that.
    """

    orders: Mapping[ClientOrderId, OrderState]
    known_ns: Mapping[ClientOrderId, int] = {}
    moved: frozenset[ClientOrderId] = frozenset()
    positions: Mapping[str, int] = {}
    balances: Mapping[str, Money] = {}


class Policy(Struct, frozen=True, kw_only=True):
    """What is done with orders under our ids that no strategy of the run has, and how long an order may be silent.

    `silence_ns` is how long after the end of its validity (or, without one, after its decision) an order that the
    venue does not know counts as never arrived.
    """

    unknown_own: Literal["adopt", "cancel", "show"] = "cancel"
    silence_ns: int = 60 * SECOND


class Difference(Struct, frozen=True, kw_only=True):
    """One difference: what it is about, how it came, what follows, and the events that put it right."""

    cause: Cause
    action: Action
    subject: str
    text: str
    client_order_id: ClientOrderId | None = None
    events: tuple[OrderEvent | AccountOpened, ...] = ()


_ENDINGS: Final = {
    OrderStatus.FILLED: OrderCompleted,
    OrderStatus.CANCELED: OrderCanceled,
    OrderStatus.EXPIRED: OrderExpired,
}


def reconcile(ours: Ours, report: Report, policy: Policy, now_ns: int) -> list[Difference]:
    """Compare; an empty list says that all agrees. The order is fixed: fills, orders, positions, balances."""
    found = list(_missed_fills(ours, report, now_ns))
    booked = _after(ours.orders, found)
    by_name = {
        name: state for state in booked.values() for name in state.venue_order_ids - state.replaced_ids
    }
    listed: set[ClientOrderId] = set()
    for told in report.open_orders:
        number = _number(told, by_name)
        state = None if number is None else booked.get(number)
        if number is None or state is None:
            found.append(_nobodys(told, policy))
            continue
        listed.add(number)
        if number not in ours.moved:
            found.extend(_open_there(state, told, report, now_ns))
    for number, state in booked.items():
        if number in listed:
            continue
        if not state.is_final:
            answer = report.answers.get(number)
            if number in ours.moved and answer is not None and not answer.status.is_final:
                continue
            found.extend(_not_listed(state, ours.known_ns.get(number), report, policy, now_ns))
        elif state.missing_lots:
            found.append(_fetch(state, state.missing_lots))
    gone = [state for number, state in booked.items() if number not in listed]
    found.extend(_untold(gone, report))
    found.extend(_positions(ours, report, found, booked))
    found.extend(_balances(ours, report))
    return found


def began_anew(ours: Ours, account: str, opened_ns: int, now_ns: int) -> list[Difference]:
    """Say what went with an account that began at a time after all that we know of it."""
    found = []
    for number, state in ours.orders.items():
        if state.is_final:
            continue
        text = "the order went with the account, which has begun anew since"
        event: OrderEvent = OrderRejected(
            client_order_id=number,
            reason=text,
            code="account_anew",
            venue_ns=opened_ns,
            received_ns=now_ns,
        )
        if state.accepted:
            event = OrderCanceled(
                client_order_id=number,
                venue_order_id=state.venue_order_id,
                reason=text,
                cumulative_lots=state.filled_lots,
                venue_ns=opened_ns,
                received_ns=now_ns,
            )
        found.append(
            Difference(
                cause=Cause.ACCOUNT_ANEW,
                action=Action.BOOK,
                subject=state.intent.instrument,
                text=text,
                client_order_id=number,
                events=(event,),
            )
        )
    held = ", ".join(f"{lots} lots of {key}" for key, lots in sorted(ours.positions.items()) if lots)
    gone = held or "no position"
    opened = AccountOpened(account=account, venue_ns=opened_ns, received_ns=now_ns)
    found.append(
        Difference(
            cause=Cause.ACCOUNT_ANEW,
            action=Action.BOOK,
            subject=account,
            text=f"the account began {_utc(opened_ns)}, after all that we know of it: gone with it {gone}",
            events=(opened,),
        )
    )
    return found


def _missed_fills(ours: Ours, report: Report, now_ns: int) -> Iterator[Difference]:
    by_name = {name: number for number, state in ours.orders.items() for name in state.venue_order_ids}
    seen: set[tuple[ClientOrderId, str]] = set()
    for told in report.fills:
        number = told.client_order_id
        number = by_name.get(told.venue_order_id) if number is None else number
        state = None if number is None else ours.orders.get(number)
        if number is None or state is None or (number, told.fill.trade_id) in seen:
            continue  # of somebody else's order: the position will tell
        seen.add((number, told.fill.trade_id))
        event = OrderFilled(
            client_order_id=number,
            venue_order_id=told.venue_order_id,
            fill=told.fill,
            venue_ns=told.fill.venue_ns,
            received_ns=now_ns,
        )
        if any(fill.trade_id == told.fill.trade_id for fill in state.fills):
            continue
        yield Difference(
            cause=Cause.MISSED_FILL,
            action=Action.BOOK,
            subject=told.instrument,
            text=f"trade {told.fill.trade_id} of {told.fill.lots} lots was not heard of",
            client_order_id=number,
            events=(event,),
        )


def _open_there(state: OrderState, told: OrderReport, report: Report, now_ns: int) -> Iterator[Difference]:
    """Compare an order of ours with what the venue lists as open."""
    number = state.intent.client_order_id
    events: list[OrderEvent] = []
    cause, text = Cause.MISSED_ACK, f"the venue has it, as {told.venue_order_id}"
    if state.is_final and state.status is not OrderStatus.FILLED:
        cause, text = Cause.FOUND_ALIVE, f"it was {state.status.value} here, and is open at the venue"
        events.append(
            OrderRestored(
                client_order_id=number,
                venue_order_id=told.venue_order_id,
                as_of_ns=report.as_of_ns,
                evidence=f"listed as open when asked at {report.as_of_ns}",
                received_ns=now_ns,
            )
        )
    elif not state.accepted or told.venue_order_id not in state.venue_order_ids:
        events.append(
            OrderAccepted(client_order_id=number, venue_order_id=told.venue_order_id, received_ns=now_ns)
        )
    made = _changed(state, told)
    if made is not None:
        if not events:
            cause, text = Cause.MISSED_CHANGE, f"the venue has {told.lots} lots at {told.ticks} ticks"
        events.append(
            OrderAmended(
                client_order_id=number,
                venue_order_id=told.venue_order_id,
                lots=told.lots,
                ticks=told.ticks,
                request=made or None,
                venue_ns=report.as_of_ns,
                received_ns=now_ns,
            )
        )
    if events:
        yield Difference(
            cause=cause,
            action=Action.BOOK,
            subject=state.intent.instrument,
            text=text,
            client_order_id=number,
            events=tuple(events),
        )
    if told.filled_lots > state.filled_lots:
        yield _fetch(state, told.filled_lots - state.filled_lots)


def _changed(state: OrderState, told: OrderReport) -> int | None:
    """Return which of our changes the venue has made without our hearing of it, 0 for one of its own; None for none."""
    if state.intent.quote_amount is not None and not state.lots:
        return None
    if (told.lots, told.ticks) == (state.lots, state.ticks):
        return None
    if state.amends_pending:
        # The others may be on their way still: they are not answered by this.
        pending = state.amends_pending
        made = [request for request, lots in state.amends_sent if request in pending and lots == told.lots]
        return max(made, default=None)
    return max((request for request, _ in state.amends_sent), default=0)


def _not_listed(
    state: OrderState, known_ns: int | None, report: Report, policy: Policy, now_ns: int
) -> Iterator[Difference]:
    """Say what follows for an order that may trade by our books and is not in the venue's list."""
    intent = state.intent
    number = intent.client_order_id
    if known_ns is None:
        known_ns = intent.decided_ns
        if known_ns >= report.as_of_ns:
            return  # the venue was asked before the order was even decided on
    answer = report.answers.get(number)
    if answer is not None:
        yield from _answered(state, answer, report, now_ns)
        return
    over_ns = max(intent.valid_until_ns or 0, known_ns) + policy.silence_ns
    if number in report.answers and not state.accepted and report.as_of_ns > over_ns:
        evidence = (
            f"the venue did not know it at {report.as_of_ns}, {(report.as_of_ns - known_ns) // SECOND} s"
            " after it was decided, and it is in no list"
        )
        event = OrderRejected(
            client_order_id=number, reason=evidence, code="never_arrived", received_ns=now_ns
        )
        yield Difference(
            cause=Cause.NEVER_ARRIVED,
            action=Action.BOOK,
            subject=intent.instrument,
            text=evidence,
            client_order_id=number,
            events=(event,),
        )
        return
    text = "it is not in the list of open orders, and that alone is no proof of its end"
    if number in report.answers:
        text = (
            "the venue does not find it, and that alone is no proof of its end: ask again, and for its trades"
        )
    yield Difference(
        cause=Cause.NO_WORD,
        action=Action.ASK,
        subject=intent.instrument,
        text=text,
        client_order_id=number,
    )


def _answered(state: OrderState, told: OrderReport, report: Report, now_ns: int) -> Iterator[Difference]:
    if not told.status.is_final:
        yield from _open_there(state, told, report, now_ns)
        return
    number = state.intent.client_order_id
    event: OrderEvent
    if told.status is OrderStatus.REJECTED:
        event = OrderRejected(
            client_order_id=number,
            venue_order_id=told.venue_order_id or None,
            reason="the venue says so when asked",
            venue_ns=report.as_of_ns,
            received_ns=now_ns,
        )
    else:
        event = _ENDINGS[told.status](
            client_order_id=number,
            venue_order_id=told.venue_order_id,
            cumulative_lots=told.filled_lots,
            venue_ns=report.as_of_ns,
            received_ns=now_ns,
        )
    yield Difference(
        cause=Cause.MISSED_END,
        action=Action.BOOK,
        subject=state.intent.instrument,
        text=f"the venue says it is {told.status.value}, with {told.filled_lots} lots traded",
        client_order_id=number,
        events=(event,),
    )
    if told.filled_lots > state.filled_lots:
        yield _fetch(state, told.filled_lots - state.filled_lots)


def _fetch(state: OrderState, lots: int) -> Difference:
    return Difference(
        cause=Cause.FILLS_MISSING,
        action=Action.FETCH_FILLS,
        subject=state.intent.instrument,
        text=f"the venue has traded {lots} lots more than the trades in hand tell",
        client_order_id=state.intent.client_order_id,
    )


def _untold(states: Iterable[OrderState], report: Report) -> Iterator[Difference]:
    """Ask for the trades of markets where an order ended and nobody told how much it had traded.

    Positions would not show it: what two such orders traded may even out.
    """
    ended = {OrderStatus.CANCELED, OrderStatus.EXPIRED}
    untold = [state.intent for state in states if state.status in ended and not state.reported_lots]
    for key in sorted({intent.instrument for intent in untold} - report.complete_fills):
        count = sum(intent.instrument == key for intent in untold)
        yield Difference(
            cause=Cause.FILLS_MISSING,
            action=Action.FETCH_FILLS,
            subject=key,
            text=f"{count} orders ended, and nobody told how much they had traded: only the trades can tell",
        )


def _nobodys(told: OrderReport, policy: Policy) -> Difference:
    """An order that is open there and in no book of ours."""
    if told.client_order_id is None:
        return Difference(
            cause=Cause.EXTERNAL,
            action=Action.LEAVE,
            subject=told.instrument,
            text=f"order {told.venue_order_id} ({told.side} {told.lots} lots) was placed by somebody else",
        )
    action = {"adopt": Action.ADOPT, "cancel": Action.CANCEL, "show": Action.LOOK}[policy.unknown_own]
    return Difference(
        cause=Cause.OWN_UNKNOWN,
        action=action,
        subject=told.instrument,
        text=(
            f"order {told.venue_order_id} ({told.side} {told.lots} lots) has an id of ours that this journal does not"
            " know: another process trades this account, or the journal is not the one it was written in"
        ),
        client_order_id=told.client_order_id,
    )


def _positions(
    ours: Ours,
    report: Report,
    found: Iterable[Difference],
    booked: Mapping[ClientOrderId, OrderState],
) -> Iterator[Difference]:
    """Compare what is held, after the trades that this very report brought."""
    if report.positions is None:
        return
    expected = dict(ours.positions)
    for number, state in booked.items():
        moved = state.filled_lots - ours.orders[number].filled_lots
        if moved and state.intent.instrument in {
            *expected,
            *report.positions,
        }:  # not spot: a venue tells none there
            expected[state.intent.instrument] = (
                expected.get(state.intent.instrument, 0) + state.intent.side.sign * moved
            )
    asked = {each.subject for each in found if each.action in {Action.ASK, Action.FETCH_FILLS}}
    for key in sorted({*expected, *report.positions}):
        held, told = expected.get(key, 0), report.positions.get(key, 0)
        if held == told:
            continue
        if key not in report.complete_fills:
            # An order may have ended with trades that nobody told, and no running total that would show it.
            action, why = Action.FETCH_FILLS, "its trades since the last one known may tell"
        elif key in asked or _may_trade(booked.values(), key, told - held):
            # Positions and trades are not of one moment: what traded in between is in one of them.
            action, why = Action.WAIT, "an order that is open or asked about may have traded meanwhile"
        else:
            action, why = (
                Action.LOOK,
                "no trade of ours explains it (one by hand, a liquidation, auto-deleveraging?)",
            )
        yield Difference(
            cause=Cause.POSITION,
            action=action,
            subject=key,
            text=f"we hold {held} lots, the venue says {told}: {why}",
        )


def _may_trade(states: Iterable[OrderState], key: str, lots: int) -> bool:
    """Tell whether orders that are open could have traded so many lots (signed) just now."""
    side = Side.BUY if lots > 0 else Side.SELL
    room = 0
    for state in states:
        if state.intent.instrument == key and state.intent.side is side:
            if state.worst_case_lots is None:
                return True
            room += state.worst_case_lots
    return abs(lots) <= room


def _balances(ours: Ours, report: Report) -> Iterator[Difference]:
    for currency in sorted(report.balances or ()):
        told = (report.balances or {})[currency]
        held = ours.balances.get(currency)
        if held is not None and held != told:
            yield Difference(
                cause=Cause.BALANCE,
                action=Action.LOOK,
                subject=currency,
                text=f"we count {held}, the venue says {told}: {told - held} without a cause",
            )


def _after(
    orders: Mapping[ClientOrderId, OrderState], found: Iterable[Difference]
) -> dict[ClientOrderId, OrderState]:
    """Return our orders with the events of these differences joined."""
    joined = dict(orders)
    for difference in found:
        for event in difference.events:
            if isinstance(event, OrderEvent):
                joined[event.client_order_id] = apply(joined[event.client_order_id], event).state
    return joined


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _number(told: OrderReport, by_name: Mapping[str, OrderState]) -> ClientOrderId | None:
    if told.client_order_id is not None:
        return told.client_order_id
    state = by_name.get(told.venue_order_id)
    return None if state is None else state.intent.client_order_id
