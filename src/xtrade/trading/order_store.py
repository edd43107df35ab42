"""What a journal adds up to: every order's state, every position, and what is in doubt. A fold, and nothing else.

    store = replayed(journal.entries())
    store.open_orders(), store.in_doubt(), store.portfolio

The engine keeps its own state by the same steps; `fingerprint` is the same for both (I18), and tests compare it.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Protocol

from xtrade.model.errors import DataError
from xtrade.model.events import (
    AccountEvent,
    AccountOpened,
    AmendSent,
    BalanceReport,
    CancelSent,
    FundingPaid,
    OrderEvent,
    OrderInDoubt,
    OrderRejected,
    PositionReport,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.order_state import OrderState, apply
from xtrade.model.orders import OrderIntent
from xtrade.model.records import to_msgpack
from xtrade.trading.journal.kinds import record_of
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.ports import Asked, InstrumentKnown, Record, Refused, SessionClosed, SessionOpened, Turned

__all__ = ["OrderStore", "fingerprint", "replayed"]


class _Written(Protocol):
    """An entry of a journal."""

    @property
    def sequence(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class OrderStore:
    """Orders and positions, as the records so far make them."""

    def __init__(self) -> None:
        self.orders: dict[ClientOrderId, OrderState] = {}
        """Every order that was to be sent, oldest first; what the risk gate refused is not among them."""
        self.portfolio = Portfolio()
        self.instruments: dict[str, Instrument] = {}
        self.balances: dict[tuple[str, str], BalanceReport] = {}
        """What the venue last said of each account and currency."""
        self.reported_positions: dict[tuple[str, str], PositionReport] = {}
        """What the venue last said of each account and instrument."""
        self.strays: Counter[ClientOrderId] = Counter()
        """Events of orders that this journal does not know, counted."""
        self.dials: dict[str, Turned] = {}
        """By strategy, "" for the whole desk: where its dial was last turned to."""
        self.session: SessionOpened | None = None
        """The last process that wrote; `ended_in_order` says whether it laid the journal down."""
        self.ended_in_order = True
        self.sequence = 0
        self._asked: dict[tuple[ClientOrderId, str], Asked] = {}

    def take(self, record: Record) -> None:
        """Take the next record."""
        match record:
            case OrderEvent():
                self._event(record)
            case OrderIntent():
                self.orders[record.client_order_id] = OrderState(intent=record)
            case Asked():
                self._asked[record.client_order_id, record.what] = record
            case AccountEvent():
                self._account(record)
            case InstrumentKnown():
                self.instruments[record.instrument.key] = record.instrument
                self.portfolio.follow(record.instrument)
            case Refused():
                self._refused(record)
            case Turned():
                self.dials[record.strategy] = record
            case SessionOpened():
                # Whoever opens a journal reads it after that: what the process before may have sent counts as sent.
                self._assume_sent()
                self.session, self.ended_in_order = record, False
            case SessionClosed():
                self.ended_in_order = True
            case _:
                pass  # words for people

    def open_orders(self) -> list[OrderState]:
        """Return the orders that may still trade, oldest first; those in doubt are among them."""
        return [state for state in self.orders.values() if not state.is_final]

    def in_doubt(self) -> list[OrderState]:
        """Return the orders that the venue may or may not have: to be asked about, never sent again."""
        return [state for state in self.open_orders() if not state.accepted]

    def unsettled(self) -> list[OrderState]:
        """Return the orders that have ended and of which fills are missing: to be fetched."""
        return [state for state in self.orders.values() if state.is_final and state.missing_lots]

    def doubts(self) -> list[OrderInDoubt]:
        """Return the events by which the next process says which orders are in doubt."""
        return [
            OrderInDoubt(
                client_order_id=state.intent.client_order_id, reason="the process ended before an answer came"
            )
            for state in self.in_doubt()
            if not state.in_doubt
        ]

    def fingerprint(self) -> str:
        """Return a digest of all orders and positions; equal for equal states."""
        return fingerprint(self.orders.values(), self.portfolio)

    # -- how ------------------------------------------------------------------------------------------------------

    def _event(self, event: OrderEvent) -> None:
        if isinstance(event, CancelSent | AmendSent):
            self._asked.pop(
                (event.client_order_id, "cancel" if isinstance(event, CancelSent) else "amend"), None
            )
        state = self.orders.get(event.client_order_id)
        if state is None:
            self.strays[event.client_order_id] += 1
            return
        change = apply(state, event)
        self.orders[event.client_order_id] = change.state
        if change.booked is not None or change.unbooked is not None or change.fee is not None:
            instrument = self.instruments.get(state.intent.instrument)
            if instrument is None:
                raise DataError(
                    f"the journal books a fill of order {event.client_order_id} before it says what"
                    f" {state.intent.instrument} is"
                )
            self.portfolio.book(state.intent.strategy, instrument, change)

    def _refused(self, refused: Refused) -> None:
        """An intent that was written only after the order had been given up (the journal could not write in time)."""
        state = self.orders.get(refused.intent.client_order_id)
        if state is not None and not state.sent and state == OrderState(intent=refused.intent):
            gone = OrderRejected(
                client_order_id=refused.intent.client_order_id,
                reason=refused.reason,
                code=f"risk:{refused.rule}",
            )
            self.orders[refused.intent.client_order_id] = apply(state, gone).state

    def _account(self, event: AccountEvent) -> None:
        match event:
            case FundingPaid():
                self.portfolio.pay(event)
            case BalanceReport():
                self.balances[event.account, event.total.currency] = event
            case PositionReport():
                self.reported_positions[event.account, event.instrument] = event
            case AccountOpened():
                self._began_anew(event.account)
            case _:
                pass  # margins are of the moment

    def _began_anew(self, account: str) -> None:
        self.portfolio.forget(account)
        for told in (self.balances, self.reported_positions):
            for name in [name for name in told if name[0] == account]:
                del told[name]

    def _assume_sent(self) -> None:
        """A request that was written, and of which nobody knows whether it left, may have left."""
        for asked in self._asked.values():
            if (state := self.orders.get(asked.client_order_id)) is None or state.is_final:
                continue
            sent: OrderEvent
            if asked.what == "cancel":
                sent = CancelSent(client_order_id=asked.client_order_id, request=asked.request)
            else:
                sent = AmendSent(
                    client_order_id=asked.client_order_id,
                    request=asked.request,
                    lots=asked.lots or 0,
                    ticks=asked.ticks,
                )
            self.orders[asked.client_order_id] = apply(state, sent).state
        self._asked.clear()


def replayed(entries: Iterable[_Written]) -> OrderStore:
    """Fold a journal from its beginning."""
    store = OrderStore()
    with _nothing_collected():
        for entry in entries:
            try:
                store.take(record_of(entry.kind, entry.body))
            except DataError as error:
                raise DataError(f"entry {entry.sequence} of the journal: {error}") from error
            store.sequence = entry.sequence
    return store


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the collector out: everything that is made stays, and looking through it again and again takes a third."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def fingerprint(orders: Iterable[OrderState], portfolio: Portfolio) -> str:
    """Return a digest of orders and positions; equal for equal states, whoever keeps them."""
    digest = blake2b(digest_size=16)
    for state in sorted(orders, key=lambda state: state.intent.client_order_id):
        digest.update(to_msgpack(state))
    for (strategy, key), position in sorted(portfolio.all().items()):
        digest.update(to_msgpack((strategy, key, position)))
    return digest.hexdigest()
