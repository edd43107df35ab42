"""Orders through ccxt: handed over at once, answered by events.

Every command is a task of its own, so that a slow answer to one holds up no other. What the venue does not answer
beyond doubt stays in doubt, and nothing is ever sent again. A reply to a cancel is no word on what became of the order:
whoever keeps the account (`private`) is woken, and asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from typing_extensions import override

from xtrade.model.errors import InDoubt, Unavailable, VenueError, XtradeError
from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    Event,
    OrderAmended,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderIntent
from xtrade.net.limits import Priority
from xtrade.venues.base import OrderReport, Trading
from xtrade.venues.ccxt.abilities import features_of
from xtrade.venues.ccxt.links import log
from xtrade.venues.ccxt.markets import Market
from xtrade.venues.ccxt.own_orders import OwnOrder, OwnOrders
from xtrade.venues.ccxt.questions import Questions
from xtrade.venues.ccxt.reading import UNREADABLE, read, why_unreadable
from xtrade.venues.ccxt.requests import amending, placing
from xtrade.venues.ccxt.wire import Wire

__all__ = ["CcxtTrading", "StartTask", "Tell"]

Tell: TypeAlias = Callable[[Sequence[Event]], None]
StartTask: TypeAlias = Callable[[Callable[[], Coroutine[Any, Any, None]], str], None]

_ANSWER_S: Final = 30.0
"""How long a cancel waits for the order to have a name: longer than any request may take."""


class CcxtTrading(Trading):
    """Orders of one account."""

    def __init__(
        self,
        wire: Wire,
        own: OwnOrders,
        questions: Questions,
        *,
        tell: Tell,
        is_connected: Callable[[], bool],
        start_task: StartTask,
        care_for: Callable[[Market], None],
        wake: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._own = own
        self._questions = questions
        self._tell = tell
        self._is_connected = is_connected
        self._start_task = start_task
        self._care_for = care_for
        self._wake = wake
        self._count = 0

    # -- the port -------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> None:
        if not self._is_connected():
            raise Unavailable(
                f"{self._wire.name} is not connected: the order was not sent",
                venue=self._wire.name,
                request="place",
            )
        market = self._own.listing.of(intent.instrument)
        create = features_of(self._wire, market.type, market.instrument.kind).get("createOrder") or {}
        by_cost_alone = market.instrument.kind is Kind.SPOT and create.get("marketBuyRequiresPrice") is True
        method, arguments = placing(intent, market, self._own.form, by_cost_alone=by_cost_alone)
        own = self._own.begin(intent)
        self._care_for(market)
        self._command("place", partial(self._place, own, intent, method, arguments))

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        own = self._own.find(client_order_id)
        if (own is not None and own.ended) or not self._is_connected():
            return False
        request = 1 if own is None else own.cancels + 1
        if own is not None:
            own.cancels = request
        self._command("cancel", partial(self._cancel, client_order_id, request))
        return True

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        own = self._own.find(client_order_id)
        if (own is not None and own.ended) or not self._is_connected():
            return False
        request = 1 if own is None else own.amends + 1
        if own is not None:
            own.amends = request
        self._command("amend", partial(self._amend, client_order_id, request, lots, ticks))
        return True

    @override
    async def cancel_all(self) -> None:
        failures: list[VenueError] = []
        for symbol, rows in (await self._questions.open_rows(priority=Priority.CANCEL)).items():
            if not rows:
                continue
            calls = (
                [("cancel_all_orders", (symbol,))]
                if self._wire.can("cancelAllOrders")
                else [("cancel_order", (str(row["id"]), symbol)) for row in rows]
            )
            for method, arguments in calls:
                try:
                    await self._wire.act("cancel all", method, *arguments, priority=Priority.CANCEL)
                except VenueError as error:
                    failures.append(error)
        self._wake()
        if failures:
            raise failures[0]

    @override
    def remember(self, intents: Iterable[OrderIntent]) -> None:
        for intent in intents:
            if intent.instrument in self._own.listing.instruments and not self._own.find(
                intent.client_order_id
            ):
                self._care_for(self._own.begin(intent).market)

    @override
    async def open_orders(self) -> Sequence[OrderReport]:
        found = []
        for rows in (await self._questions.open_rows()).values():
            for row in rows:
                try:
                    # Told before it is reported: an order that only the list knows of has its name from here on.
                    self._tell(self._own.take_order(row))
                    report = self._own.order_report(row, listed_open=True)
                except UNREADABLE as error:
                    # One of ours that is missing in the list is asked about by itself.
                    log().error(
                        "an order cannot be read", venue=self._wire.name, reason=why_unreadable(error)
                    )
                    continue
                if report is not None:
                    found.append(report)
        return found

    @override
    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        row = await self._questions.order_row(client_order_id)
        if row is None:
            return None
        self._tell(read(self._wire.name, "order", partial(self._own.take_order, row, client_order_id)))
        return self._own.order_report(row)

    # -- how ------------------------------------------------------------------------------------------------------

    def _command(self, what: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._count += 1
        self._start_task(run, f"{what} {self._count}")

    async def _place(
        self, own: OwnOrder, intent: OrderIntent, method: str, arguments: tuple[Any, ...]
    ) -> None:
        try:
            row = await self._wire.act(
                "place", method, *arguments, priority=Priority.TRADE, until_ns=intent.valid_until_ns
            )
            events = self._own.take_order({"symbol": own.market.symbol, **_told(row)}, own.number)
        except InDoubt as error:
            self._doubt(own, str(error))
        except VenueError as error:
            if own.names:  # the venue has told of it already: that word and this one cannot both be true
                self._doubt(own, str(error))
                return
            self._own.refused(own)
            self._tell(
                [
                    OrderRejected(
                        client_order_id=own.number, reason=str(error), code=error.code or _code(error)
                    )
                ]
            )
        except UNREADABLE as error:
            self._doubt(own, f"{self._wire.name}: place: the answer cannot be read: {why_unreadable(error)}")
        else:
            self._tell(events)
            if not own.names:
                self._doubt(own, f"{self._wire.name}: place: the answer does not name the order")
        finally:
            own.answered.set()
            self._wake()

    def _doubt(self, own: OwnOrder, reason: str) -> None:
        self._tell([OrderInDoubt(client_order_id=own.number, reason=reason)])

    async def _cancel(self, number: ClientOrderId, request: int) -> None:
        try:
            own = await self._named(number)
            await self._wire.act(
                "cancel", "cancel_order", own.name, own.market.symbol, priority=Priority.CANCEL
            )
        except InDoubt:
            pass  # it is asked about, as any request is that stays without an answer
        except VenueError as error:
            self._tell([CancelRejected(client_order_id=number, request=request, reason=str(error))])
        self._wake()

    async def _amend(self, number: ClientOrderId, request: int, lots: int, ticks: int) -> None:
        try:
            own = await self._named(number)
            row = await self._changed(own, lots, ticks)
        except InDoubt:
            pass
        except XtradeError as error:
            self._tell([AmendRejected(client_order_id=number, request=request, reason=str(error))])
        else:
            before, now = own.name, row.get("id")
            name = before if now is None else str(now)
            if name is not None and name != before:
                self._own.replaced(own, name)
            own.lots, own.ticks = lots, ticks
            self._tell(
                [
                    OrderAmended(
                        client_order_id=number,
                        venue_order_id=name,
                        lots=lots,
                        ticks=ticks,
                        request=request,
                        replaces=before if name != before else None,
                    )
                ]
            )
        self._wake()

    async def _changed(self, own: OwnOrder, lots: int, ticks: int) -> dict[str, Any]:
        if own.filled_lots or own.told_lots or own.side is None or own.name is None:
            # Whether a new quantity counts what has traded differs by venue, and ccxt does not say how.
            raise Unavailable(
                "through ccxt an order is changed only as long as nothing of it has traded; nothing was sent",
                venue=self._wire.name,
                request="amend",
            )
        arguments = amending(own.name, own.market, own.side, lots=lots, ticks=ticks)
        return _told(await self._wire.act("amend", "edit_order", *arguments, priority=Priority.TRADE))

    async def _named(self, number: ClientOrderId) -> OwnOrder:
        """Return the order once the venue's name for it is known: from its own answer, or by asking."""
        own = self._own.find(number)
        if own is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_ANSWER_S):
                    await own.answered.wait()
        if own is None or own.name is None:
            await self.order(number)
            own = self._own.find(number)
        if own is None or own.name is None:
            raise Unavailable(
                f"{self._wire.name}: the venue does not know the order, or not yet; nothing was sent",
                venue=self._wire.name,
                request="cancel",
            )
        return own


def _told(row: Any) -> dict[str, Any]:
    """A reply as a row; None where the venue (or ccxt) left something out."""
    return {name: value for name, value in row.items() if value is not None} if isinstance(row, dict) else {}


def _code(error: VenueError) -> str:
    return "not_sent" if isinstance(error, Unavailable) else type(error).__name__
