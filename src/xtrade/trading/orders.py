"""An order in a strategy's hands: what was wanted, what became of it, and what can be asked of it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderState, OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.trading.risk.situation import Refusal
from xtrade.trading.tasks import Signal

if TYPE_CHECKING:
    from xtrade.model.instruments import Instrument

__all__ = ["Order"]


class Keeper(Protocol):
    """Who keeps the order: the engine."""

    def cancel(self, order: Order, *, again: bool) -> bool:
        """Ask the venue to cancel."""
        ...

    def amend(self, order: Order, *, lots: int | None, ticks: int | None) -> bool:
        """Ask the venue for other lots or another price."""
        ...

    def within(self, signal: Signal[Order], seconds: float | None) -> Signal[Order | None]:
        """Return a signal that gives up after so long."""
        ...


class Order:
    """One order of ours. It is there at once; `state` follows what the venue tells.

    `note` is free for the strategy: a reason, a tag, whatever it wants to find again.
    """

    __slots__ = ("_changed", "_ended", "_keeper", "instrument", "is_open", "note", "refusal", "state")

    def __init__(self, keeper: Keeper, intent: OrderIntent, instrument: Instrument) -> None:
        self._keeper = keeper
        # Most orders are never awaited: a signal is made by the first who asks.
        self._ended: Signal[Order] | None = None
        self._changed: Signal[Order] | None = None
        self.instrument = instrument
        self.state = OrderState(intent=intent)
        # Asked for all the time, so it is a plain attribute.
        self.is_open = True
        """Whether it may still trade, as far as we know."""
        self.refusal: Refusal | None = None
        """Why the risk gate did not let it out; None if it did."""
        self.note: object = None

    # -- what was wanted ------------------------------------------------------------------------------------------

    @property
    def intent(self) -> OrderIntent:
        """The order as it was decided."""
        return self.state.intent

    @property
    def id(self) -> ClientOrderId:
        """Our name for it."""
        return self.state.intent.client_order_id

    @property
    def side(self) -> Side:
        """Buy or sell."""
        return self.state.intent.side

    @property
    def lots(self) -> int:
        """The total quantity now in force."""
        return self.state.lots

    @property
    def ticks(self) -> int | None:
        """The limit price now in force; None for a market order."""
        return self.state.ticks

    # -- what became of it ----------------------------------------------------------------------------------------

    @property
    def status(self) -> OrderStatus:
        """Where it stands."""
        return self.state.status

    @property
    def filled_lots(self) -> int:
        """What has traded."""
        return self.state.executed_lots

    @property
    def left_lots(self) -> int:
        """What is still to be traded, if it goes on."""
        return max(0, self.state.lots - self.state.executed_lots)

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Its trades so far."""
        return self.state.fills

    @property
    def average_price(self) -> Decimal | None:
        """The average price of its trades, to a hundredth of a tick; None before the first."""
        traded = self.state.filled_lots
        if not traded:
            return None
        gone = self.state.reversed_trades
        total = sum(fill.ticks * fill.lots for fill in self.state.fills if fill.trade_id not in gone)
        return self.instrument.price(round(Fraction(total * 100, traded))) / 100

    @property
    def cancel_pending(self) -> bool:
        """Whether a cancel is on its way."""
        return self.state.cancel_pending

    # -- what can be asked ----------------------------------------------------------------------------------------

    def cancel(self, *, again: bool = False) -> bool:
        """Ask to cancel; False (and nothing sent) if it is over, or a cancel is on its way.

        `again` asks once more although one is on its way: its answer may be lost.
        """
        return self._keeper.cancel(self, again=again)

    def amend(self, *, lots: int | None = None, ticks: int | None = None) -> bool:
        """Ask for other total lots, another price, or both; False if nothing was sent.

        It passes the risk gate like a new order. Where a larger quantity or another price loses the place in the
        queue at the venue, it does so here.
        """
        return self._keeper.amend(self, lots=lots, ticks=ticks)

    def ended(self, within: float | None = None) -> Signal[Order | None]:
        """For tasks: await the end of the order, at most so many seconds; gives the order, or None on a time-out."""
        if self._ended is None:
            self._ended = Signal()
            if self.state.is_final:
                self._ended.set(self)
        return self._keeper.within(self._ended, within)

    def changed(self, within: float | None = None) -> Signal[Order | None]:
        """For tasks: await the next news of the order, at most so many seconds; gives None on a time-out."""
        if self._changed is None:
            self._changed = Signal()
        return self._keeper.within(self._changed, within)

    def told(self, state: OrderState) -> None:
        """Take the new state; for the engine."""
        self.state = state
        self.is_open = not state.is_final
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set(self)
        if self._ended is None:
            return
        if state.is_final:
            self._ended.set(self)
        elif self._ended.is_set:  # found alive after all: it has an end to come
            self._ended = None

    @override
    def __repr__(self) -> str:
        price = "" if self.ticks is None else f" at {plain(self.instrument.price(self.ticks))}"
        size = plain(self.instrument.quantity(self.lots))
        return f"<Order {self.id} {self.side} {size} {self.instrument.key}{price}: {self.status.value}>"
