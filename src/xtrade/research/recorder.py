"""Writes down what happens in a run, as the rows of its recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xtrade.model.events import (
    AccountEvent,
    FundingPaid,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSent,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.research.recording import REFUSED, FillRow, FundingRow, OrderRow, Unusual
from xtrade.trading.ports import Failed, Noted, Record, Refused

__all__ = ["Holders", "Recorder"]


class Holders(Protocol):
    """Who holds what; a Portfolio does."""

    def lots(self, strategy: str, key: str) -> int:
        """Return what a strategy holds of an instrument, in signed lots."""
        ...

    def shares(self, paid: FundingPaid) -> dict[str, Money]:
        """Return who gets, or pays, how much of a funding payment."""
        ...


class _Line:
    """One order while the run lasts: its terms as they stand, and what became of it."""

    __slots__ = ("accepted_ns", "ended_ns", "executed_lots", "intent", "lots", "reason", "status", "ticks")

    def __init__(self, intent: OrderIntent) -> None:
        self.intent = intent
        self.lots = intent.lots
        self.ticks = intent.ticks
        self.executed_lots = 0
        self.status: str = OrderStatus.NEW
        self.accepted_ns: int | None = None
        self.ended_ns: int | None = None
        self.reason = ""


class Recorder:
    """A journal in memory, for a run whose venue is played here: every event comes once, and in order.

    What comes late, twice or out of order from a real venue is the business of OrderState; here that would only cost.
    """

    def __init__(self) -> None:
        self.fills: list[FillRow] = []
        self.funding: list[FundingRow] = []
        self.failures: dict[str, str] = {}
        self.notes: list[Noted] = []
        self._lines: dict[ClientOrderId, _Line] = {}
        self._refused: list[OrderRow] = []
        self._unusual: dict[str, tuple[int, str]] = {}
        self.portfolio: Holders | None = None
        """Whose positions funding was paid on; set before the run."""

    def append(self, record: Record) -> None:
        """Write one record."""
        match record:
            case OrderIntent():
                self._lines[record.client_order_id] = _Line(record)
            case OrderEvent():
                self._about_order(record)
            case Refused():
                self._refuse(record)
            case AccountEvent():
                self._about_account(record)
            case Failed():
                self.failures[record.strategy] = f"{record.error} (in {record.where}, {record.place})"
            case Noted():
                self.notes.append(record)

    def carry(self, state: OrderState) -> None:
        """Take in an order of an earlier process that is open still: what becomes of it belongs to this run too."""
        line = self._lines[state.intent.client_order_id] = _Line(state.intent)
        line.executed_lots, line.status = state.executed_lots, state.status

    @property
    def orders_sent(self) -> int:
        """How many orders were let out so far."""
        return len(self._lines)

    @property
    def orders_refused(self) -> int:
        """How many the risk gate refused so far."""
        return len(self._refused)

    def count(self, what: str, example: str, times: int = 1) -> None:
        """Count something unusual; the first example is kept."""
        count, first = self._unusual.get(what, (0, example))
        self._unusual[what] = (count + times, first)

    @property
    def unusual(self) -> dict[str, Unusual]:
        """What was unusual, and how often."""
        return {what: Unusual(count, example) for what, (count, example) in self._unusual.items()}

    def orders(self) -> Sequence[OrderRow]:
        """Return a row for each order, in the order of their decisions."""
        rows = [*map(_row, self._lines.values()), *self._refused]
        rows.sort(key=lambda row: row.client_order_id)
        return rows

    def _about_order(self, event: OrderEvent) -> None:
        line = self._lines.get(event.client_order_id)
        if line is None:
            return
        match event:
            case OrderSent():
                line.status = OrderStatus.SENT
            case OrderAccepted():
                line.status = OrderStatus.OPEN
                line.accepted_ns = event.received_ns
            case OrderFilled():
                self._filled(line, event)
            case OrderAmended():
                line.lots = event.lots
                line.ticks = line.ticks if event.ticks is None else event.ticks
                if event.request is None:
                    self.count("orders that the venue changed by itself", f"order {event.client_order_id}")
            case OrderRejected():
                self._ended(line, event, OrderStatus.REJECTED)
                self.count(f"orders rejected by the venue: {event.reason}", f"order {event.client_order_id}")
            case OrderCanceled():
                self._ended(line, event, OrderStatus.CANCELED)
            case OrderExpired():
                self._ended(line, event, OrderStatus.EXPIRED)
            case _:
                pass  # requests and their refusals leave the order as it is

    def _filled(self, line: _Line, event: OrderFilled) -> None:
        line.executed_lots += event.fill.lots
        if line.executed_lots >= line.lots:
            line.status, line.ended_ns = OrderStatus.FILLED, event.received_ns
        elif line.ended_ns is None:
            line.status = OrderStatus.PARTIAL
        intent = line.intent
        self.fills.append(
            FillRow(
                client_order_id=intent.client_order_id,
                strategy=intent.strategy,
                instrument=intent.instrument,
                instrument_version=intent.instrument_version,
                fill=event.fill,
                received_ns=event.received_ns,
            )
        )

    def _ended(
        self, line: _Line, event: OrderRejected | OrderCanceled | OrderExpired, status: OrderStatus
    ) -> None:
        line.status, line.ended_ns, line.reason = status, event.received_ns, event.reason

    def _refuse(self, refused: Refused) -> None:
        intent = refused.intent
        self.count(
            f"orders refused by the rule {refused.rule}",
            f"{refused.reason} (limit {refused.limit}, figure {refused.figure})",
        )
        if intent.client_order_id in self._lines:
            return  # an amend: the order stands as it was
        self._refused.append(
            _row(
                _Line(intent), status=REFUSED, reason=f"{refused.rule}: {refused.reason}", ended=refused.at_ns
            )
        )

    def _about_account(self, event: AccountEvent) -> None:
        if not isinstance(event, FundingPaid) or self.portfolio is None:
            return
        for strategy, amount in self.portfolio.shares(event).items():
            self.funding.append(
                FundingRow(
                    time_ns=event.received_ns,
                    strategy=strategy,
                    instrument=event.instrument,
                    amount=amount,
                    lots=self.portfolio.lots(strategy, event.instrument),
                    rate=event.rate,
                )
            )


def _row(line: _Line, *, status: str | None = None, reason: str = "", ended: int | None = None) -> OrderRow:
    intent = line.intent
    return OrderRow(
        client_order_id=intent.client_order_id,
        strategy=intent.strategy,
        instrument=intent.instrument,
        instrument_version=intent.instrument_version,
        side=intent.side,
        type=intent.type,
        time_in_force=intent.time_in_force,
        post_only=intent.post_only,
        reduce_only=intent.reduce_only,
        ticks=line.ticks,
        lots=line.lots,
        decided_ns=intent.decided_ns,
        accepted_ns=line.accepted_ns,
        ended_ns=line.ended_ns if ended is None else ended,
        status=status or str(line.status),
        executed_lots=line.executed_lots,
        reason=reason or line.reason,
    )
