"""What a journal adds up to: every order's state, every position, and what is in doubt. A fold, and nothing else.

    store = replayed(journal.entries())
    store.open_orders(), store.in_doubt(), store.portfolio

The engine keeps its own state by the same steps; `fingerprint` is the same for both (I18), and tests compare it.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, ClassVar, Final

from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.model.events import (
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
from xtrade.model.positions import Position
from xtrade.model.records import to_msgpack
from xtrade.trading.journal.entries import Entry
from xtrade.trading.journal.kinds import KINDS, record_of
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.ports import Asked, InstrumentKnown, Record, Refused, SessionClosed, SessionOpened, Turned

__all__ = ["WORDS", "Folded", "OrderStore", "fingerprint", "nothing_collected", "replayed"]


class Folded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that an OrderStore knows, as it is written into a checkpoint."""

    sequence: int
    digest: bytes
    writer: int
    written_ns: int
    handed_over_ns: int
    orders: tuple[OrderState, ...]
    instruments: tuple[Instrument, ...]
    positions: tuple[tuple[str, Position], ...]
    """With the strategy of each, in the order in which they were first traded: who was first pays what is left over."""
    paid: frozenset[tuple[str, str, str]]
    balances: tuple[BalanceReport, ...]
    reported_positions: tuple[PositionReport, ...]
    strays: tuple[tuple[ClientOrderId, int], ...]
    dials: tuple[Turned, ...]
    session: SessionOpened | None
    ended_in_order: bool
    asked: tuple[Asked, ...]


class OrderStore:
    """Orders and positions, as the records so far make them."""

    @classmethod
    def of(cls, folded: Folded) -> OrderStore:
        """Go on from what an OrderStore had added up."""
        store = cls()
        store.sequence, store.digest, store.writer = folded.sequence, folded.digest, folded.writer
        store.written_ns, store.handed_over_ns = folded.written_ns, folded.handed_over_ns
        store.orders = {state.intent.client_order_id: state for state in folded.orders}
        store.instruments = {instrument.key: instrument for instrument in folded.instruments}
        store.portfolio = Portfolio.of(folded.instruments, folded.positions, folded.paid)
        store.balances = {(report.account, report.total.currency): report for report in folded.balances}
        store.reported_positions = {
            (report.account, report.instrument): report for report in folded.reported_positions
        }
        store.strays = Counter(dict(folded.strays))
        store.dials = {turned.strategy: turned for turned in folded.dials}
        store.session, store.ended_in_order = folded.session, folded.ended_in_order
        store._asked = {(asked.client_order_id, asked.what): asked for asked in folded.asked}
        return store

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
        self.sequence, self.digest, self.writer = 0, b"", 0
        """The last entry that was read, and which session wrote it."""
        self.written_ns = 0
        """The latest time of any entry."""
        self.handed_over_ns = 0
        """The latest time of any entry of the sessions before the last one; 0 if there was none."""
        self._asked: dict[tuple[ClientOrderId, str], Asked] = {}

    def take(self, record: Record) -> None:
        """Take the next record; what is only words for people changes nothing."""
        take = self.TAKEN.get(type(record))
        if take is not None:
            take(self, record)

    def has_read(self, entry: Entry) -> None:
        """Note how far a journal was read, once its record was taken."""
        self.sequence, self.digest = entry.sequence, entry.digest
        if entry.session != self.writer:
            self.writer, self.handed_over_ns = entry.session, self.written_ns
        self.written_ns = max(self.written_ns, entry.at_ns)

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

    def folded(self) -> Folded:
        """Return all that is known, for `of`."""
        return Folded(
            sequence=self.sequence,
            digest=self.digest,
            writer=self.writer,
            written_ns=self.written_ns,
            handed_over_ns=self.handed_over_ns,
            orders=tuple(self.orders.values()),
            instruments=tuple(self.instruments.values()),
            positions=tuple((strategy, held) for (strategy, _), held in self.portfolio.all().items()),
            paid=self.portfolio.paid,
            balances=tuple(self.balances.values()),
            reported_positions=tuple(self.reported_positions.values()),
            strays=tuple(self.strays.items()),
            dials=tuple(self.dials.values()),
            session=self.session,
            ended_in_order=self.ended_in_order,
            asked=tuple(self._asked.values()),
        )

    def fingerprint(self) -> str:
        """Return a digest of all orders and positions; equal for equal states."""
        return fingerprint(self.orders.values(), self.portfolio)

    # -- how ------------------------------------------------------------------------------------------------------

    def _intent(self, intent: OrderIntent) -> None:
        self.orders[intent.client_order_id] = OrderState(intent=intent)

    def _event(self, event: OrderEvent) -> None:
        number = event.client_order_id
        state = self.orders.get(number)
        if state is None:
            self.strays[number] += 1
            return
        change = apply(state, event)
        self.orders[number] = change.state
        if change.booked is not None or change.unbooked is not None or change.fee is not None:
            instrument = self.instruments.get(state.intent.instrument)
            if instrument is None:
                raise DataError(
                    f"the journal books a fill of order {number} before it says what {state.intent.instrument} is"
                )
            self.portfolio.book(state.intent.strategy, instrument, change)

    def _request(self, asked: Asked) -> None:
        self._asked[asked.client_order_id, asked.what] = asked

    def _cancel_sent(self, event: CancelSent) -> None:
        self._asked.pop((event.client_order_id, "cancel"), None)
        self._event(event)

    def _amend_sent(self, event: AmendSent) -> None:
        self._asked.pop((event.client_order_id, "amend"), None)
        self._event(event)

    def _balance(self, report: BalanceReport) -> None:
        self.balances[report.account, report.total.currency] = report

    def _position(self, report: PositionReport) -> None:
        self.reported_positions[report.account, report.instrument] = report

    def _funding(self, paid: FundingPaid) -> None:
        self.portfolio.pay(paid)

    def _instrument(self, known: InstrumentKnown) -> None:
        self.instruments[known.instrument.key] = known.instrument
        self.portfolio.follow(known.instrument)

    def _opened(self, opened: SessionOpened) -> None:
        # Whoever opens a journal reads it after that: what the process before may have sent counts as sent.
        self._assume_sent()
        self.session, self.ended_in_order = opened, False

    def _closed(self, _closed: SessionClosed) -> None:
        self.ended_in_order = True

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

    def _began_anew(self, opened: AccountOpened) -> None:
        self.portfolio.forget(opened.account)
        for told in (self.balances, self.reported_positions):
            for name in [name for name in told if name[0] == opened.account]:
                del told[name]

    def _turned(self, turned: Turned) -> None:
        self.dials[turned.strategy] = turned

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

    TAKEN: ClassVar[Mapping[type, Callable[[OrderStore, Any], None]]] = {
        **dict.fromkeys((kind.type for kind in KINDS.values() if issubclass(kind.type, OrderEvent)), _event),
        OrderIntent: _intent,
        Asked: _request,
        CancelSent: _cancel_sent,
        AmendSent: _amend_sent,
        Refused: _refused,
        BalanceReport: _balance,
        PositionReport: _position,
        FundingPaid: _funding,
        AccountOpened: _began_anew,
        Turned: _turned,
        InstrumentKnown: _instrument,
        SessionOpened: _opened,
        SessionClosed: _closed,
    }
    """What becomes of each kind of record; what is not here changes nothing."""


WORDS: Final = frozenset(name for name, kind in KINDS.items() if kind.type not in OrderStore.TAKEN)
"""The kinds of records that are only words for people."""


def replayed(entries: Iterable[Entry], onto: OrderStore | None = None) -> OrderStore:
    """Fold a journal from its beginning, or `onto` what its entries before these added up to."""
    store = OrderStore() if onto is None else onto
    with nothing_collected():
        for entry in entries:
            # Of four records one is words, and need not even be read.
            if entry.kind not in WORDS:
                try:
                    store.take(record_of(entry.kind, entry.body))
                except DataError as error:
                    raise DataError(f"entry {entry.sequence} of the journal: {error}") from error
            store.has_read(entry)
    return store


@contextmanager
def nothing_collected() -> Iterator[None]:
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
