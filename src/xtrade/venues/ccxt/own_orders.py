"""Our orders at a venue of ccxt's: rows of ccxt's in, events out, nothing missed and nothing twice.

    own = OwnOrders(listing, form)
    own.begin(intent)
    events = own.take_order(row)          # from a reply, a stream or a list: all the same
    events = own.take_trade(row)

A row finds its order by our id, or by a venue's name that a row with our id has told. A trade that comes before its
order has a name is kept until then. What is not ours is not told: there, only positions can show it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from xtrade.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.id_forms import Form
from xtrade.venues.base import FillReport, OrderReport
from xtrade.venues.ccxt.markets import Listing, Market
from xtrade.venues.ccxt.reports import OrderTold, fill_told, order_told

__all__ = ["OwnOrder", "OwnOrders"]

ENDED_KEPT: Final = 4_096
"""Orders that ended and are still known by name: a late fill finds its order."""
NAMELESS_NS_MAX: Final = 600 * 1_000_000_000
"""An order that the venue has not named within ten minutes never arrived; should a row show it, it is ours again."""
_EARLY_KEPT: Final = 1_000

_TRADE_PARTS: Final = ("id", "order", "price", "amount")
_ENDS: Final = {
    OrderStatus.FILLED: OrderCompleted,
    OrderStatus.CANCELED: OrderCanceled,
    OrderStatus.EXPIRED: OrderExpired,
}


class OwnOrder:
    """One order of ours; what an earlier process placed has no intent here, only what rows say."""

    __slots__ = (
        "amends",
        "answered",
        "begun_ns",
        "cancels",
        "ended_names",
        "lots",
        "market",
        "name",
        "names",
        "number",
        "over",
        "side",
        "ticks",
        "told_lots",
        "trades",
    )

    def __init__(self, number: ClientOrderId, market: Market, intent: OrderIntent | None = None) -> None:
        self.number = number
        self.market = market
        self.side: Side | None = intent.side if intent else None
        self.lots = intent.lots if intent else None
        self.ticks = intent.ticks if intent else None
        self.begun_ns = clock.now_ns()
        self.name: str | None = None
        """The venue's present name for it."""
        self.names: set[str] = set()
        self.answered = asyncio.Event()
        """Set when the venue's word on placing it has come, or is not to be waited for any more."""
        self.over = False
        """Whether it is over for good, named or not."""
        self.ended_names: set[str] = set()
        """The names under which the venue has ended it: one that was replaced lives on under the next."""
        self.trades: dict[str, Fill] = {}
        self.told_lots = 0
        """The largest running total of the venue's."""
        self.cancels = 0
        self.amends = 0

    @property
    def ended(self) -> bool:
        """Whether the venue will do nothing more with it."""
        return self.over or self.name in self.ended_names

    @property
    def filled_lots(self) -> int:
        """What the trades in hand add up to."""
        return sum(fill.lots for fill in self.trades.values())

    @property
    def is_settled(self) -> bool:
        """Whether it is over, and every trade of it is in hand."""
        return self.ended and self.filled_lots >= self.told_lots


class OwnOrders:
    """All orders of ours that are open, and those that ended lately."""

    def __init__(self, listing: Listing, form: Form) -> None:
        self.listing = listing
        self.form = form
        self._orders: OrderedDict[ClientOrderId, OwnOrder] = OrderedDict()
        self._by_name: dict[str, ClientOrderId] = {}
        self._early: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=_EARLY_KEPT)

    # -- what is known --------------------------------------------------------------------------------------------

    def find(self, number: ClientOrderId) -> OwnOrder | None:
        """Return an order by our id."""
        return self._orders.get(number)

    def unsettled(self) -> list[OwnOrder]:
        """Return the orders of which more may be heard; not one that after so long still has no name at the venue."""
        given_up_ns = clock.now_ns() - NAMELESS_NS_MAX
        return [
            own
            for own in self._orders.values()
            if not own.is_settled and (own.name is not None or own.begun_ns > given_up_ns)
        ]

    def number_of(self, client_text: str | None, name: str | None) -> ClientOrderId | None:
        """Return our id for an order that a row speaks of; None if it is not ours."""
        number = self.form.decode(client_text)
        if number is not None and (self.form.marked or number in self._orders):
            return number
        return None if name is None else self._by_name.get(name)

    # -- what happens ---------------------------------------------------------------------------------------------

    def begin(self, intent: OrderIntent) -> OwnOrder:
        """An order is about to be placed."""
        own = OwnOrder(intent.client_order_id, self.listing.of(intent.instrument), intent)
        self._orders[own.number] = own
        self._forget()
        return own

    def take_order(self, row: Mapping[str, Any], number: ClientOrderId | None = None) -> list[OrderEvent]:
        """Learn what a row says of an order of ours; `number` where it answers a question about just that one."""
        market = self.listing.market(row.get("symbol"))
        if number is not None and market is None:
            known = self._orders.get(number)
            market = known.market if known else None
        if market is None:
            return []
        told = order_told(row, market.instrument)
        number = number or self.number_of(told.client_text, told.venue_order_id)
        if number is None:
            return []
        own = self._orders.get(number)
        if own is None:
            own = self._orders[number] = OwnOrder(number, market)
            own.answered.set()
        events = [*self._named(own, told), *self._rows(row.get("trades")), *self._ended(own, told)]
        own.told_lots = max(own.told_lots, told.filled_lots or 0)
        own.side = own.side or told.side
        own.lots = own.lots or told.lots
        own.ticks = told.ticks if own.ticks is None else own.ticks
        return events

    def take_trade(self, row: Mapping[str, Any]) -> list[OrderEvent]:
        """Learn of a trade; one of an order that has no name yet is kept until it has."""
        name = None if row.get("order") is None else str(row["order"])
        number = self.number_of(row.get("clientOrderId"), name)
        own = None if number is None else self._orders.get(number)
        if own is None:
            if name is not None and any(each.name is None for each in self.unsettled()):
                self._early.append((name, row))
            return []
        fill = fill_told(row, own.market.instrument)
        known = own.trades.get(fill.trade_id)
        if known is not None and fill.knowledge() <= known.knowledge():
            return []
        own.trades[fill.trade_id] = fill
        return [
            OrderFilled(client_order_id=own.number, venue_order_id=name, fill=fill, venue_ns=fill.venue_ns)
        ]

    def refused(self, own: OwnOrder) -> None:
        """The venue does not have it, and never will."""
        own.over = True
        own.answered.set()

    def replaced(self, own: OwnOrder, name: str) -> None:
        """It goes on under another name."""
        own.names.add(name)
        own.name = name
        self._by_name[name] = own.number

    # -- for those who ask ----------------------------------------------------------------------------------------

    def order_report(self, row: Mapping[str, Any], *, listed_open: bool = False) -> OrderReport | None:
        """Return a row as a report; None for one of a market that is none of ours, or that says too little."""
        market = self.listing.market(row.get("symbol"))
        if market is None:
            return None
        told = order_told(row, market.instrument)
        number = self.number_of(told.client_text, told.venue_order_id)
        own = None if number is None else self._orders.get(number)
        status = told.status or (OrderStatus.OPEN if listed_open else None)
        side = told.side or (own.side if own else None)
        lots = told.lots or (own.lots if own else None)
        if told.venue_order_id is None or status is None or side is None or lots is None:
            return None
        return OrderReport(
            instrument=market.instrument.key,
            venue_order_id=told.venue_order_id,
            client_order_id=number,
            side=side,
            status=status,
            lots=lots,
            filled_lots=told.filled_lots or 0,
            ticks=told.ticks if told.ticks is not None or own is None else own.ticks,
        )

    def fill_report(self, row: Mapping[str, Any]) -> FillReport | None:
        """Return a trade of this account as a report; None for one of a market that is none of ours."""
        market = self.listing.market(row.get("symbol"))
        if market is None:
            return None
        name = "" if row.get("order") is None else str(row["order"])
        return FillReport(
            instrument=market.instrument.key,
            venue_order_id=name,
            client_order_id=self.number_of(row.get("clientOrderId"), name or None),
            fill=fill_told(row, market.instrument),
        )

    # -- how ------------------------------------------------------------------------------------------------------

    def _named(self, own: OwnOrder, told: OrderTold) -> Iterator[OrderEvent]:
        """A name proves that the venue has, or had, the order; beside a refusal it proves no more than that."""
        name = told.venue_order_id
        if name is None or name in own.names:
            return
        own.names.add(name)
        own.name = name
        # What was refused and stands there all the same can be canceled, and is for the reconciler to find alive.
        own.over = False
        own.answered.set()
        self._by_name[name] = own.number
        if told.status is not OrderStatus.REJECTED:
            yield OrderAccepted(
                client_order_id=own.number, venue_order_id=name, venue_ns=told.venue_ns or told.created_ns
            )
        early = [row for at, row in self._early if at == name]
        if early:
            self._early = deque(((at, row) for at, row in self._early if at != name), maxlen=_EARLY_KEPT)
        yield from self._rows(early)

    def _rows(self, trades: object) -> Iterator[OrderEvent]:
        """Take the trades that came with an order."""
        if isinstance(trades, Iterable):
            for row in trades:
                # Some venues name the trades of an order here, and tell of them elsewhere.
                if isinstance(row, Mapping) and all(row.get(part) is not None for part in _TRADE_PARTS):
                    yield from self.take_trade(row)

    def _ended(self, own: OwnOrder, told: OrderTold) -> Iterator[OrderEvent]:
        if told.status is None or not told.status.is_final:
            return
        name = told.venue_order_id or own.name
        if own.over or (name in own.ended_names and (told.filled_lots or 0) <= own.told_lots):
            return  # said before
        own.answered.set()
        if name is None:
            own.over = True
        else:
            own.ended_names.add(name)
        if told.status is OrderStatus.REJECTED:
            yield OrderRejected(
                client_order_id=own.number,
                venue_order_id=name,
                reason="the venue lists it as rejected",
                venue_ns=told.venue_ns,
            )
            return
        yield _ENDS[told.status](
            client_order_id=own.number,
            venue_order_id=name,
            cumulative_lots=told.filled_lots or 0,
            venue_ns=told.venue_ns,
        )

    def _forget(self) -> None:
        """Let go of the eldest that are settled, when they have become many."""
        while len(self._orders) > ENDED_KEPT:
            eldest = next((own for own in self._orders.values() if own.is_settled), None)
            if eldest is None:
                return
            del self._orders[eldest.number]
            for name in eldest.names:
                self._by_name.pop(name, None)
