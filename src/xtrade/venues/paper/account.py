"""The account of a paper venue: a sum of what the replay told about its orders.

It has what it was given, and what its fills, fees and funding made of that. Nothing is held back for open orders, and
no order is refused for want of money: the replay knows no margin, and the risk gate is where limits are.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from xtrade.model.events import (
    BalanceReport,
    Event,
    FundingPaid,
    OrderEvent,
    OrderFilled,
    PositionReport,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, apply
from xtrade.model.orders import OrderIntent
from xtrade.model.positions import Position
from xtrade.venues.base import FillReport, OrderReport

__all__ = ["PaperAccount"]

HISTORY_KEPT: Final = 50_000
"""Ended orders and fills that can still be asked for."""


class PaperAccount:
    """What one account has, holds and did on these instruments."""

    def __init__(self, name: str, deposits: Iterable[Money], instruments: Iterable[Instrument]) -> None:
        self._name = name
        self._money = {each.currency: each for each in deposits}
        self._instruments = {each.key: each for each in instruments}
        self._earlier: dict[str, tuple[int, Instrument]] = {}
        self._positions: dict[str, Position] = {}
        self._open: dict[ClientOrderId, OrderState] = {}
        self._ended: OrderedDict[ClientOrderId, OrderState] = OrderedDict()
        self._fills: deque[FillReport] = deque(maxlen=HISTORY_KEPT)

    # -- what is told to it ---------------------------------------------------------------------------------------

    def sent(self, intent: OrderIntent) -> None:
        """Know of an order from now on."""
        self._open[intent.client_order_id] = OrderState(intent=intent, sent=True)

    def changed(self, now: Instrument, at_ns: int) -> None:
        """Count an instrument on its new grid from now on."""
        old = self._instruments[now.key]
        if now.key in self._positions:
            self._positions[now.key] = self._positions[now.key].regridded(old, now)
        self._earlier[now.key] = (at_ns, old)
        self._instruments[now.key] = now

    def booked(self, events: Sequence[Event]) -> list[Event]:
        """Enter what became of our orders; return it under the venue's names, with the balances that changed."""
        changed: dict[str, None] = {}
        told: list[Event] = []
        now_ns = 0
        for event in events:
            now_ns = event.received_ns
            if isinstance(event, FundingPaid):
                told.append(event)
                changed[self._pay(event.amount)] = None
            elif isinstance(event, OrderEvent):
                named = replace(event, venue_order_id=_name_of(event.client_order_id))
                state = apply(self._state(event.client_order_id), named).state
                if isinstance(named, OrderFilled):
                    named = replace(named, cumulative_lots=state.filled_lots)
                    changed.update(dict.fromkeys(self._fill(state, named.fill)))
                told.append(named)
                self._keep(event.client_order_id, state)
        return told + [self._balance(currency, now_ns) for currency in changed]

    # -- what it is asked -----------------------------------------------------------------------------------------

    @property
    def open_ids(self) -> list[ClientOrderId]:
        """The orders that are not known to be over, oldest first."""
        return list(self._open)

    def open_orders(self) -> list[OrderReport]:
        """Return the orders that the venue has open."""
        return [_report(state) for state in self._open.values() if state.accepted]

    def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """Return one order, open or ended."""
        state = self._open.get(client_order_id) or self._ended.get(client_order_id)
        return None if state is None else _report(state)

    def balances(self, now_ns: int) -> list[BalanceReport]:
        """Return what there is of each currency."""
        return [self._balance(currency, now_ns) for currency in self._money]

    def positions(self, now_ns: int) -> list[PositionReport]:
        """Return the contracts held."""
        return [
            PositionReport(
                account=self._name,
                received_ns=now_ns,
                instrument=key,
                lots=position.lots,
                entry_price=position.entry_price(self._instruments[key]),
            )
            for key, position in self._positions.items()
            if position.lots and self._instruments[key].kind is not Kind.SPOT
        ]

    def fills(self, since_ns: int) -> list[FillReport]:
        """Return the fills from a time on, oldest first."""
        return [each for each in self._fills if (each.fill.venue_ns or 0) >= since_ns]

    # -- how ------------------------------------------------------------------------------------------------------

    def _state(self, client_order_id: ClientOrderId) -> OrderState:
        """Return what is known of an order; a request that comes too late is answered after the order is over."""
        return self._open.get(client_order_id) or self._ended[client_order_id]

    def _keep(self, client_order_id: ClientOrderId, state: OrderState) -> None:
        if not state.is_final:
            self._open[client_order_id] = state
            return
        self._open.pop(client_order_id, None)
        self._ended[client_order_id] = state
        if len(self._ended) > HISTORY_KEPT:
            self._ended.popitem(last=False)

    def _fill(self, state: OrderState, fill: Fill) -> list[str]:
        """Book a fill; return the currencies of which there is more or less now."""
        key = state.intent.instrument
        instrument = self._instruments[key]
        fill = self._on_grid(instrument, fill)
        before = self._positions.get(key, Position.flat(instrument))
        after = self._positions[key] = before.after_fill(instrument, fill)
        order, name = state.intent.client_order_id, _name_of(state.intent.client_order_id)
        self._fills.append(FillReport(instrument=key, venue_order_id=name, client_order_id=order, fill=fill))
        if instrument.kind is Kind.SPOT:
            lots = fill.signed_lots
            bought = instrument.base_amount(ticks=fill.ticks, lots=lots)
            moved = [Money(-instrument.value(ticks=fill.ticks, lots=lots), instrument.settle), bought]
        else:
            moved = [after.realised - before.realised]
        if fill.fee is not None:
            moved.append(-fill.fee)
        return [self._pay(amount) for amount in moved]

    def _on_grid(self, instrument: Instrument, fill: Fill) -> Fill:
        """Return a fill in today's ticks and lots: news of it may come after those of a new grid."""
        changed_ns, old = self._earlier.get(instrument.key, (0, instrument))
        if (fill.venue_ns or 0) >= changed_ns:
            return fill
        return replace(
            fill,
            ticks=instrument.ticks(old.price(fill.ticks), toward="nearest"),
            lots=instrument.lots(old.quantity(fill.lots), toward="nearest"),
        )

    def _pay(self, amount: Money) -> str:
        currency = amount.currency
        self._money[currency] = self._money.get(currency, Money(0, currency)) + amount
        return currency

    def _balance(self, currency: str, now_ns: int) -> BalanceReport:
        return BalanceReport(
            account=self._name, received_ns=now_ns, total=self._money[currency], held=Money(0, currency)
        )


def _name_of(client_order_id: ClientOrderId) -> str:
    return f"paper-{client_order_id}"


def _report(state: OrderState) -> OrderReport:
    return OrderReport(
        instrument=state.intent.instrument,
        venue_order_id=_name_of(state.intent.client_order_id),
        client_order_id=state.intent.client_order_id,
        side=state.intent.side,
        status=state.status,
        lots=state.lots,
        filled_lots=state.filled_lots,
        ticks=state.ticks,
    )
