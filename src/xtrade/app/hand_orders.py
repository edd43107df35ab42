"""Orders by hand: one order sent and followed until something certain is known of it.

    async with at_the_desk("okx", Way(at="box", keyed=True)) as desk:
        told = await desk.place(intent)

An order without an answer is asked about by its id before anything is said; where that settles nothing, it is in doubt,
and the message carries the id to ask for later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from msgspec import Struct

from xtrade.app.paths import state_dir
from xtrade.app.reach import Way, instrument_of, reached
from xtrade.model.errors import InDoubt, Rejected, SymbolError, UsageError, VenueError
from xtrade.model.events import (
    CancelRejected,
    Event,
    OrderAccepted,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.ids import ClientOrderIds, FileMark
from xtrade.symbols.symbol import Symbol
from xtrade.trading.journal.leases import FileLeases
from xtrade.venues.base import OrderReport
from xtrade.venues.link import Link
from xtrade.venues.registry import VENUES

E = TypeVar("E", bound=OrderEvent)

__all__ = ["HandDesk", "OrderRow", "at_the_desk", "row_of"]

_ANSWER_S: Final = 10.0
# A market order fills within moments; a limit order may, and is not waited for longer.
_FILLS_S: Final = 1.5
_CLOCKS_APART_NS: Final = 3_600 * 10**9


class OrderRow(Struct, frozen=True, kw_only=True):
    """An order as the venue has it, or as far as is known."""

    client_order_id: int | None
    venue_order_id: str
    instrument: str
    side: str
    status: str
    quantity: str
    filled: str
    price: str | None
    average: str | None = None
    fee: str | None = None
    reason: str = ""


class HandDesk:
    """A venue with a key, and everything it told of orders."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._events: list[OrderEvent] = []
        self._news = asyncio.Event()
        space = link.codec.spec.ids.space
        directory = state_dir() / "accounts" / link.codec.account.replace("/", "-")
        self._ids = ClientOrderIds(FileMark(directory, space), clock.now_ns)

    def hear(self, events: Sequence[Event]) -> None:
        """Take in what the venue tells."""
        self._events += [event for event in events if isinstance(event, OrderEvent)]
        self._news.set()

    def new_intent(
        self,
        instrument: Instrument,
        side: Side,
        *,
        lots: int,
        ticks: int | None,
        time_in_force: TimeInForce,
        post_only: bool,
        reduce_only: bool,
    ) -> OrderIntent:
        """Make an order with the next id of this account."""
        return OrderIntent(
            client_order_id=self._ids.next(),
            instrument=instrument.key,
            instrument_version=instrument.version,
            side=side,
            type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
            lots=lots,
            ticks=ticks,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
            decided_ns=clock.now_ns(),
        )

    async def place(self, intent: OrderIntent) -> OrderRow:
        """Send an order; return what it came to, or raise what is known."""
        number = intent.client_order_id
        self.link.place(intent)
        await self._wait(
            lambda: self._of(number, OrderAccepted, OrderRejected, OrderFilled, OrderInDoubt), _ANSWER_S
        )
        if rejected := self._of(number, OrderRejected):
            raise Rejected(
                f"{rejected[0].reason}; nothing is open",
                venue=self.link.name,
                request="place order",
                code=rejected[0].code,
            )
        if not self._of(number, OrderAccepted, OrderFilled):
            return await self._asked_about(intent)
        await self._wait(lambda: self._is_over(intent), _FILLS_S)
        await self._fetch_missing(intent)
        return self._row(intent)

    async def cancel(self, number: ClientOrderId) -> OrderRow:
        """Cancel an order that is open; return how it ended."""
        report = await self.find(number)
        if not self.link.cancel(number):
            raise Rejected(f"order {number} has ended already", venue=self.link.name, request="cancel order")
        await self._wait(
            lambda: self._of(number, OrderCanceled, OrderExpired, OrderCompleted, CancelRejected), _ANSWER_S
        )
        if refused := self._of(number, CancelRejected):
            raise Rejected(
                refused[0].reason,
                venue=self.link.name,
                request="cancel order",
            )
        after = await self.link.order(number)
        return row_of(self.link, after or report)

    async def find(self, number: ClientOrderId, key: str | None = None) -> OrderReport:
        """Return an order by our id; `key` is its market, which some venues must be told for one that has ended."""
        if key is not None:
            instrument = self.link.instruments[key]
            self.link.orders.remember([_stub(number, instrument)])
        report = await self.link.order(number)
        if report is None:
            hint = "" if key else "; if it has ended, say its market with --pair"
            raise SymbolError(f"{self.link.name} knows no open order {number} of this account{hint}")
        return report

    # -- how ------------------------------------------------------------------------------------------------------

    async def _asked_about(self, intent: OrderIntent) -> OrderRow:
        number = intent.client_order_id
        try:
            report = await self.link.order(number)
        except VenueError as error:
            raise InDoubt(
                f"{self.link.name}: order {number} has no answer, and cannot be asked about ({error}):"
                f" look later with `xtrade order status {number} --venue {self.link.name}`",
                venue=self.link.name,
                request="place order",
            ) from error
        if report is None:
            raise InDoubt(
                f"{self.link.name}: order {number} has no answer, and the venue does not list it now: look again"
                f" before you send another: `xtrade order status {number} --venue {self.link.name}`",
                venue=self.link.name,
                request="place order",
            )
        return row_of(self.link, report)

    async def _fetch_missing(self, intent: OrderIntent) -> None:
        """Ask for fills that the venue counts and its stream has not told: it may have begun a moment too late."""
        number = intent.client_order_id
        report = await self.link.order(number)
        told = sum(event.fill.lots for event in self._fills(number))
        if report is None or report.filled_lots <= told:
            return
        for each in await self.link.fills(intent.decided_ns - _CLOCKS_APART_NS):
            if number == each.client_order_id or report.venue_order_id == each.venue_order_id:
                self._events.append(
                    OrderFilled(client_order_id=number, venue_order_id=each.venue_order_id, fill=each.fill)
                )

    async def _wait(self, until: Callable[[], object], seconds: float) -> None:
        """Wait until something is there, or time is up."""
        try:
            async with asyncio.timeout(seconds):
                while not until():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return

    def _of(self, number: ClientOrderId, *kinds: type[E]) -> list[E]:
        return [
            event for event in self._events if event.client_order_id == number and isinstance(event, kinds)
        ]

    def _is_over(self, intent: OrderIntent) -> bool:
        number = intent.client_order_id
        if self._of(number, OrderCanceled, OrderExpired, OrderCompleted, OrderRejected):
            return True
        return sum(event.fill.lots for event in self._fills(number)) >= intent.lots

    def _fills(self, number: ClientOrderId) -> list[OrderFilled]:
        """Return each fill once, however often it was told."""
        told = (event for event in self._events if event.client_order_id == number)
        return list({event.fill.trade_id: event for event in told if isinstance(event, OrderFilled)}.values())

    def _row(self, intent: OrderIntent) -> OrderRow:
        number, instrument = intent.client_order_id, self.link.instruments[intent.instrument]
        fills = [event.fill for event in self._fills(number)]
        filled = sum(fill.lots for fill in fills)
        ended = self._of(number, OrderCanceled, OrderExpired, OrderRejected)
        if filled >= intent.lots:
            status = OrderStatus.FILLED
        elif ended:
            status = OrderStatus.EXPIRED if isinstance(ended[0], OrderExpired) else OrderStatus.CANCELED
        else:
            status = OrderStatus.PARTIAL if filled else OrderStatus.OPEN
        fees: dict[str, Money] = {}
        for fill in fills:
            if fill.fee is not None:
                before = fees.get(fill.fee.currency)
                fees[fill.fee.currency] = fill.fee if before is None else before + fill.fee
        name = next((e.venue_order_id for e in self._of(number, OrderEvent) if e.venue_order_id), "")
        average = None
        if filled:
            value = sum(fill.ticks * fill.lots for fill in fills)
            average = f"{float(instrument.tick) * value / filled:.8g}"
        return OrderRow(
            client_order_id=number,
            venue_order_id=name or "",
            instrument=intent.instrument,
            side=intent.side.value,
            status=status.value,
            quantity=plain(instrument.quantity(intent.lots)),
            filled=plain(instrument.quantity(filled)),
            price=None if intent.ticks is None else plain(instrument.price(intent.ticks)),
            average=average,
            fee=", ".join(map(str, fees.values())) or None,
            reason=next((getattr(each, "reason", "") for each in ended), ""),
        )


@asynccontextmanager
async def at_the_desk(
    venue: str, way: Way, symbol: Symbol | None = None, *, writes: bool = False
) -> AsyncIterator[HandDesk]:
    """Reach a venue with a key, ready to trade; of a venue of several parts only that of `symbol`, if it is given.

    Who `writes` holds the account meanwhile: AccountHeld where a node does, which would take the order for a stray.
    """
    async with reached([venue], way) as there:
        link = there.only()
        if not isinstance(link, Link):
            raise UsageError(
                f"orders by hand go to {', '.join(VENUES)}; {venue} is for strategies and questions"
            )
        leases = FileLeases(state_dir() / "leases")
        if writes:
            leases.take([f"account {link.codec.account}"])
        desk = HandDesk(link)
        if symbol is not None:
            link.subscribe(instrument_of(link, symbol).key, frozenset())
        try:
            await link.start(desk.hear)
            yield desk
        finally:
            leases.release()


def row_of(link: Link, report: OrderReport) -> OrderRow:
    """Write an order as people and programs read it."""
    instrument = link.instruments[report.instrument]
    return OrderRow(
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        instrument=report.instrument,
        side=report.side.value,
        status=report.status.value,
        quantity=plain(instrument.quantity(report.lots)),
        filled=plain(instrument.quantity(report.filled_lots)),
        price=None if report.ticks is None else plain(instrument.price(report.ticks)),
    )


def _stub(number: ClientOrderId, instrument: Instrument) -> OrderIntent:
    """What is known of an order of which only its id and its market are known."""
    return OrderIntent(
        client_order_id=number,
        instrument=instrument.key,
        instrument_version=instrument.version,
        side=Side.BUY,
        type=OrderType.MARKET,
        lots=instrument.min_lots,
    )
