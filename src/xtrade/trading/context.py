"""What a strategy can see and do: one context for each strategy, the same in every mode.

see     now_ns, instrument, book, trouble, position, position_lots, orders, state, chance
order   buy, sell, move_to, cancel_all
time    every, after, and for tasks: run, sleep, first, when_up, next_book, next_trade, next_bar
tell    note, stop
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from operator import index
from random import Random  # noqa: TID251  (the type; the streams come from xtrade.runtime.chance)
from typing import TYPE_CHECKING, Any, TypeVar

from xtrade.market.book import Book
from xtrade.model.errors import UsageError
from xtrade.model.events import Bar, Trade
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import Number
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.runtime import chance
from xtrade.trading.orders import Order
from xtrade.trading.risk.limits import Limits
from xtrade.trading.risk.state import TradingState
from xtrade.trading.tasks import Signal, Task

if TYPE_CHECKING:
    from xtrade.trading.engine import Engine

__all__ = ["Context"]

T = TypeVar("T")
NS_PER_S = 1_000_000_000


class Context:
    """A strategy's window on the world. `name` is what the run calls the strategy."""

    def __init__(self, engine: Engine, name: str, limits: Limits) -> None:
        self._engine = engine
        self.name = name
        self.limits = limits
        self.state = TradingState.ACTIVE
        """The dial of this strategy: active, reducing, halted. Turned by `stop`, a failure, a guard, the operator."""
        self.why = ""
        """Why the dial stands there."""
        self.ended = False
        """Whether the strategy stopped or failed: it is told nothing more."""
        self.open_orders: dict[ClientOrderId, Order] = {}
        """The strategy's open orders by id, oldest first."""
        self.unsettled: dict[ClientOrderId, Order] = {}
        """Orders that have ended, and of whose trades the venue has told how much and not yet each one."""

    # -- see ------------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The time, in UTC nanoseconds: virtual in a back-test, the machine's live."""
        return self._engine.now_ns

    def instrument(self, key: str) -> Instrument:
        """Return an instrument that was declared, in the version now in force."""
        return self._engine.instrument(key)

    def book(self, key: str) -> Book:
        """Return the book of an instrument that was declared."""
        return self._engine.book(key)

    def trouble(self, key: str) -> str | None:
        """Return why orders for an instrument should wait (its venue is down, its book stale); None if all is well."""
        return self._engine.health.trouble(key)

    def position(self, key: str) -> Position:
        """Return what this strategy holds of an instrument, with its cost and what it has earned."""
        return self._engine.portfolio.position(self.name, self._engine.instrument(key))

    def position_lots(self, key: str) -> int:
        """Return what this strategy holds of an instrument, in signed lots."""
        return self._engine.portfolio.lots(self.name, key)

    def orders(self, key: str | None = None, side: Side | None = None) -> list[Order]:
        """Return this strategy's open orders, of one instrument or side if asked, oldest first."""
        return [
            order
            for order in self.open_orders.values()
            if (key is None or order.intent.instrument == key) and (side is None or order.side is side)
        ]

    def chance(self, name: str = "") -> Random:
        """Return a random stream of this strategy's own, the same in each run of a seed."""
        return chance.stream(f"strategy/{self.name}/{name}")

    # -- order ----------------------------------------------------------------------------------------------------

    def buy(
        self,
        key: str,
        *,
        lots: int | None = None,
        base: Number | None = None,
        ticks: int | None = None,
        price: Number | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Order:
        """Buy: lots, or an amount of base coins (rounded down to lots); at ticks or a price, or at the market.

        A price is rounded to the passive side: never worse than said. The order is there at once; if the risk gate
        says no it is there as rejected, with its `refusal`.
        """
        return self._order(Side.BUY, key, lots, base, ticks, price, post_only, reduce_only, time_in_force)

    def sell(
        self,
        key: str,
        *,
        lots: int | None = None,
        base: Number | None = None,
        ticks: int | None = None,
        price: Number | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Order:
        """Sell; as `buy`."""
        return self._order(Side.SELL, key, lots, base, ticks, price, post_only, reduce_only, time_in_force)

    def move_to(self, key: str, lots: int) -> Order | None:
        """Bring the position to these signed lots at the market; None if it is there, with what is under way."""
        missing = lots - self.position_lots(key)
        if self.open_orders or self.unsettled:
            for order in (*self.open_orders.values(), *self.unsettled.values()):
                if order.intent.instrument == key:
                    missing -= order.side.sign * (order.state.worst_case_lots or 0)
        if missing == 0:
            return None
        return self.buy(key, lots=missing) if missing > 0 else self.sell(key, lots=-missing)

    def cancel_all(self, key: str | None = None, side: Side | None = None) -> int:
        """Ask to cancel this strategy's open orders; return how many requests were sent."""
        return sum(order.cancel() for order in self.orders(key, side))

    # -- time -----------------------------------------------------------------------------------------------------

    def every(self, seconds: float, name: str) -> None:
        """Call on_timer every so many seconds, from now on; the same name again replaces the timer."""
        self._engine.set_timer(self, name, _ns(seconds), repeat=True)

    def after(self, seconds: float, name: str) -> None:
        """Call on_timer once, after so many seconds; the same name again replaces the timer."""
        self._engine.set_timer(self, name, _ns(seconds), repeat=False)

    def no_more(self, name: str) -> None:
        """Stop a timer."""
        self._engine.drop_timer(self, name)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> Task[T]:
        """Start a task; it runs after the present callback, and ends with the strategy."""
        return self._engine.run_task(self, coroutine)

    def sleep(self, seconds: float) -> Signal[None]:
        """For tasks: await so many seconds."""
        return self._engine.sleep(self, _ns(seconds))

    def first(self, *signals: Signal[Any]) -> Signal[int]:
        """For tasks: await the first of several signals; gives its place among them."""
        found: Signal[int] = Signal()
        for place, signal in enumerate(signals):
            signal.then(partial(found.set, place))
        return found

    def when_up(self, key: str) -> Signal[None]:
        """For tasks: await that nothing is known against orders for an instrument; at once if so now."""
        return self._engine.health.up(key)

    def next_book(self, key: str) -> Signal[Book]:
        """For tasks: await the next change of a book this strategy subscribed to."""
        return self._engine.next_of(self, "book", key)

    def next_trade(self, key: str) -> Signal[Trade]:
        """For tasks: await the next public trade of an instrument whose trades this strategy subscribed to."""
        return self._engine.next_of(self, "trade", key)

    def next_bar(self, key: str) -> Signal[Bar]:
        """For tasks: await the next bar of an instrument whose bars this strategy subscribed to."""
        return self._engine.next_of(self, "bar", key)

    # -- tell -----------------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Write a line into the journal of the run."""
        self._engine.note(self, text)

    def stop(self, reason: str) -> None:
        """End this strategy: on_stop is called, its orders are canceled, and it is told nothing more."""
        self._engine.stop_strategy(self, reason)

    # -- how ------------------------------------------------------------------------------------------------------

    def _order(
        self,
        side: Side,
        key: str,
        lots: int | None,
        base: Number | None,
        ticks: int | None,
        price: Number | None,
        post_only: bool,
        reduce_only: bool,
        time_in_force: TimeInForce,
    ) -> Order:
        engine = self._engine
        instrument = engine.instrument(key)
        if price is not None:
            if ticks is not None:
                raise UsageError(f"{side} {key}: give ticks or a price, not both")
            ticks = instrument.ticks(price, toward="passive", side=side)
        if base is not None:
            if lots is not None:
                raise UsageError(f"{side} {key}: give lots or an amount of base coins, not both")
            lots = instrument.lots_of_base(base, ticks=ticks or _near(engine.book(key)), toward="zero")
        if lots is None:
            raise UsageError(f"{side} {key}: give lots=… or base=…: how much?")
        lots = _whole(lots, side, key, "lots", "base=… takes amounts")
        if ticks is not None:
            ticks = _whole(ticks, side, key, "ticks", "price=… takes prices")
        return engine.place(
            self,
            OrderIntent(
                client_order_id=engine.next_id(),
                instrument=key,
                instrument_version=instrument.version,
                side=side,
                type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
                lots=lots,
                ticks=ticks,
                time_in_force=time_in_force,
                post_only=post_only,
                reduce_only=reduce_only,
                strategy=self.name,
                decided_ns=engine.now_ns,
            ),
        )


def _whole(number: int, side: Side, key: str, what: str, otherwise: str) -> int:
    """Return a count as a plain int, whatever sort of whole number it was."""
    try:
        return index(number)
    except TypeError:
        raise UsageError(f"{side} {key}: {what} = {number!r}: expected a whole number; {otherwise}") from None


def _near(book: Book) -> int | None:
    """Some price, for conversions that need one."""
    return None if book.mid_ticks is None else round(book.mid_ticks)


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
