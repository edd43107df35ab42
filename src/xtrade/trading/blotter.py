"""The blotter: every order that is open, or ended not long ago; what is told of one is joined to it, and booked.

    blotter.enter(context, order)             it was written down, and goes out
    blotter.join(context, order, event, ns)   the fill that was booked, if one was

An order is open here until the venue has said otherwise, and may be found alive after that. What it holds of a
strategy's exposure (`open_orders`, `unsettled`) stands in the context of that strategy.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final, Literal

from xtrade.model.events import OrderEvent
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderState, apply
from xtrade.trading.orders import Order
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.ports import Markets

if TYPE_CHECKING:
    from xtrade.trading.context import Context

__all__ = ["ENDED_ORDERS_KEPT", "Blotter"]

# A venue may repeat the end of an order, or send a late fill after it: so long, in orders, we remember them.
ENDED_ORDERS_KEPT: Final = 4096


class Blotter:
    """The orders of one engine. What is odd about an event is counted in `unusual`."""

    def __init__(self, portfolio: Portfolio, markets: Markets, unusual: Counter[str]) -> None:
        self.live: dict[ClientOrderId, tuple[Context, Order]] = {}
        self.ended: OrderedDict[ClientOrderId, tuple[Context, Order]] = OrderedDict()
        self.filled_ns: dict[str, int] = {}
        """When an order of ours last traded, by instrument."""
        self._portfolio = portfolio
        self._markets = markets
        self._unusual = unusual
        self._requests: Counter[tuple[ClientOrderId, str]] = Counter()

    def find(self, client_order_id: ClientOrderId) -> tuple[Context, Order] | None:
        """Return an order and whose it is."""
        return self.live.get(client_order_id) or self.ended.get(client_order_id)

    def states(self) -> dict[ClientOrderId, OrderState]:
        """Return what is known of every order here."""
        return {
            number: order.state for orders in (self.ended, self.live) for number, (_, order) in orders.items()
        }

    def enter(self, context: Context, order: Order) -> None:
        """Take in an order that goes out."""
        self.live[order.id] = context, order
        context.open_orders[order.id] = order

    def take_over(self, context: Context, order: Order, state: OrderState) -> None:
        """Take in an order of an earlier process as it stood."""
        order.told(state)
        self._requests[order.id, "cancel"] = max(state.cancels_sent, default=0)
        self._requests[order.id, "amend"] = max((request for request, _ in state.amends_sent), default=0)
        if not state.is_final:
            self.enter(context, order)
            return
        self.ended[order.id] = context, order
        if state.missing_lots > 0:
            context.unsettled[order.id] = order

    def join(self, context: Context, order: Order, event: OrderEvent, now_ns: int) -> Fill | None:
        """Join an event to its order, and to the position; return the fill that was booked."""
        change = apply(order.state, event)
        if change.note is not None:
            self._unusual[f"{type(event).__name__}: {_without_figures(change.note)}"] += 1
        if change.booked is not None or change.unbooked is not None or change.fee is not None:
            self._portfolio.book(context.name, self._markets.instrument(order.intent.instrument), change)
            self.filled_ns[order.intent.instrument] = now_ns
        order.told(change.state)
        name, is_final = event.client_order_id, not order.is_open
        was_live = name in self.live
        if was_live and is_final:
            self.ended[name] = self.live.pop(name)
            context.open_orders.pop(name, None)
            self._forget_old()
        elif not was_live and not is_final:  # found alive after all
            self.live[name] = self.ended.pop(name)
            context.open_orders[name] = order
        if is_final and change.state.missing_lots > 0:
            context.unsettled[name] = order
        elif context.unsettled:
            context.unsettled.pop(name, None)
        return change.booked

    def next_request(self, order: Order, what: Literal["cancel", "amend"]) -> int:
        """Return the number of the next request about an order."""
        return self._requests[order.id, what] + 1

    def requested(self, order: Order, what: Literal["cancel", "amend"]) -> int:
        """Count a request that left, and return its number."""
        self._requests[order.id, what] += 1
        return self._requests[order.id, what]

    def _forget_old(self) -> None:
        if len(self.ended) > ENDED_ORDERS_KEPT:
            gone, _ = self.ended.popitem(last=False)
            self._requests.pop((gone, "cancel"), None)
            self._requests.pop((gone, "amend"), None)


def _without_figures(note: str) -> str:
    """Make notes of one kind alike, so that they can be counted."""
    return " ".join("…" if any(sign.isdigit() for sign in word) else word for word in note.split())
