"""Our orders at one venue: what was sent, what the venue calls it, and what has ended.

A command is handed over at once and carried out on the loop; what comes of it is told as events, like everything that
the venue tells by itself. What was refused, or never left, is rejected with the reason; what has no answer is in
doubt, and is asked about by whoever keeps the books (xtrade.trading.reconciler), never sent again.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from xtrade.model.errors import InDoubt, Rejected, Unavailable, VenueError, XtradeError
from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    Event,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.runtime import clock
from xtrade.venues.abilities import cannot
from xtrade.venues.asks import Ask
from xtrade.venues.base import OrderReport
from xtrade.venues.codec import Codec, Known
from xtrade.venues.link.asking import Asker
from xtrade.venues.link.lines import Spawn

__all__ = ["Orders"]

T = TypeVar("T")

# Ended orders that can still be asked for by our id.
_ENDED_KEPT: Final = 10_000


class Orders:
    """The orders of one account. `tell` hears events."""

    def __init__(
        self, codec: Codec[Any], asker: Asker, *, tell: Callable[[list[Event]], None], spawn: Spawn
    ) -> None:
        self._codec, self._asker, self._tell, self._spawn = codec, asker, tell, spawn
        self._open: dict[ClientOrderId, Known] = {}
        self._ended: OrderedDict[ClientOrderId, Known] = OrderedDict()
        self._requests: Counter[tuple[ClientOrderId, str]] = Counter()
        self._outbox: list[OrderIntent] = []

    # -- commands -------------------------------------------------------------------------------------------------

    def place(self, intent: OrderIntent) -> None:
        """Send an order: with others of the same moment in one request, where the venue takes several."""
        instrument = self._codec.markets.of(intent.instrument).instrument
        abilities = self._codec.spec.abilities.trading.get(instrument.kind)
        reason = "it takes no orders there" if abilities is None else cannot(abilities, intent)
        if reason is not None:
            raise Rejected(
                f"{self._codec.spec.name}: {intent.instrument}: not sent: {reason}",
                venue=self._codec.spec.name,
                request="place order",
            )
        self._open[intent.client_order_id] = Known(intent, instrument)
        self._outbox.append(intent)
        if len(self._outbox) == 1:
            asyncio.get_running_loop().call_soon(self._send)

    async def send(self, intent: OrderIntent) -> Sequence[OrderEvent]:
        """Send one order and wait for the venue's answer: for whoever has no line open on which it could be told."""
        return await self._asker.ask(self._codec.place(intent))

    def cancel(self, client_order_id: ClientOrderId) -> bool:
        """Ask for the end of an order; False if it is known to have ended, or not known at all."""
        known = self._open.get(client_order_id)
        if known is None:
            return False
        request = self._request(client_order_id, "cancel")
        ask = self._codec.cancel(known, request)
        self._spawn(self._cancel(client_order_id, request, ask), f"cancel {client_order_id}")
        return True

    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        """Ask for these total lots at this price; False if the order is known to have ended, or not known at all."""
        known = self._open.get(client_order_id)
        if known is None:
            return False
        request = self._request(client_order_id, "amend")
        ask = self._codec.amend(known, lots=lots, ticks=ticks, request=request)
        self._spawn(self._amend(client_order_id, request, ask), f"amend {client_order_id}")
        return True

    async def cancel_all(self) -> None:
        """Have everything canceled: by the venue's own word where it has one, else one by one."""
        keys = {known.intent.instrument for known in self._open.values()}
        listed = await self.open_orders()
        keys |= {report.instrument for report in listed}
        if not keys:
            return
        if asks := self._codec.cancel_all(keys):
            for ask in asks:
                if events := await self._asker.ask(ask):
                    self._heard(events)
            return
        for report in listed:
            known = self._known_of(report)
            if known is None:
                continue  # not ours, and this venue has no word for it
            try:
                self._heard(await self._asker.ask(self._codec.cancel(known, 0)))
            except Rejected as error:
                _log().info("not canceled", order=known.intent.client_order_id, error=str(error))

    # -- questions ------------------------------------------------------------------------------------------------

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return what the venue has open, whoever entered it; ours are known from then on."""
        keys = {known.intent.instrument for known in self._open.values()}
        found: list[OrderReport] = []
        for ask in self._codec.open_orders(keys):
            found += await self._asker.pages(ask)
        for report in found:
            if report.client_order_id is not None and report.client_order_id not in self._open:
                known = self._known_of(report)
                if known is not None:
                    self._open[report.client_order_id] = known
        return found

    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """Return one order; None where the venue does not know it, or we do not know where to ask."""
        known = self._open.get(client_order_id) or self._ended.get(client_order_id)
        if known is None:
            listed = await self.open_orders()
            return next((each for each in listed if each.client_order_id == client_order_id), None)
        for ask in self._codec.order(known):
            found = await self._asker.ask(ask)
            if found is not None:
                self.note_name(client_order_id, found.venue_order_id)
                return found
        return None

    # -- memory ---------------------------------------------------------------------------------------------------

    def remember(self, intents: Iterable[OrderIntent]) -> None:
        """Know orders of an earlier run, so that they can be asked about and canceled."""
        for intent in intents:
            if intent.instrument in self._codec.markets.instruments:
                instrument = self._codec.markets.of(intent.instrument).instrument
                self._open.setdefault(intent.client_order_id, Known(intent, instrument))

    def instruments(self) -> set[str]:
        """The markets where we know of orders, open or ended."""
        return {known.intent.instrument for each in (self._open, self._ended) for known in each.values()}

    def note(self, event: OrderEvent) -> None:
        """Take in what was heard of an order."""
        known = self._open.get(event.client_order_id)
        if known is None:
            return
        if event.venue_order_id:
            self.note_name(event.client_order_id, event.venue_order_id)
        if isinstance(event, OrderAmended):
            from msgspec.structs import replace

            intent = replace(
                known.intent,
                lots=event.lots,
                ticks=known.intent.ticks if event.ticks is None else event.ticks,
            )
            self._open[event.client_order_id] = self._open[event.client_order_id]._replace(intent=intent)
        if _is_end(event, known):
            self._ended[event.client_order_id] = self._open.pop(event.client_order_id)
            for what in ("cancel", "amend"):
                self._requests.pop((event.client_order_id, what), None)
            if len(self._ended) > _ENDED_KEPT:
                self._ended.popitem(last=False)

    def note_name(self, client_order_id: ClientOrderId, venue_order_id: str) -> None:
        """Remember what the venue calls an order; amending by replacement gives it a new name."""
        for orders in (self._open, self._ended):
            known = orders.get(client_order_id)
            if known is not None and venue_order_id and known.venue_order_id != venue_order_id:
                orders[client_order_id] = known._replace(venue_order_id=venue_order_id)

    # -- how ------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """Send what was placed in this moment."""
        waiting, self._outbox = self._outbox, []
        by_most: dict[int, list[OrderIntent]] = {}
        for intent in waiting:
            kind = self._codec.markets.of(intent.instrument).instrument.kind
            by_most.setdefault(self._codec.spec.abilities.trading[kind].batch_max, []).append(intent)
        for most, intents in by_most.items():
            for start in range(0, len(intents), most):
                part = intents[start : start + most]
                many = self._codec.place_many(part) if len(part) > 1 else None
                if many is not None:
                    self._spawn(self._place(part, many), f"place {len(part)} orders")
                    continue
                for intent in part:
                    self._spawn(self._place_one(intent), f"place {intent.client_order_id}")

    async def _place_one(self, intent: OrderIntent) -> None:
        try:
            ask = self._codec.place(intent)
        except XtradeError as error:
            self._refused([intent], str(error), "not_sent")
            return
        await self._place([intent], ask)

    async def _place(self, intents: Sequence[OrderIntent], ask: Ask[Sequence[OrderEvent]]) -> None:
        deadline_ns = min((each.valid_until_ns for each in intents if each.valid_until_ns), default=None)
        try:
            events = await self._asker.ask(self._not_after(ask, deadline_ns))
        except InDoubt as error:
            self._heard(
                [
                    OrderInDoubt(
                        client_order_id=intent.client_order_id,
                        reason=str(error),
                        received_ns=clock.now_ns(),
                    )
                    for intent in intents
                ]
            )
        except VenueError as error:
            self._refused(intents, str(error), error.code)
        except XtradeError as error:
            self._refused(intents, str(error), "not_sent")
        else:
            self._heard(events)

    def _not_after(self, ask: Ask[T], deadline_ns: int | None) -> Ask[T]:
        """Refuse to send what has waited for the limits longer than it is good for."""
        if deadline_ns is None:
            return ask

        def check() -> None:
            if clock.now_ns() > deadline_ns:
                raise Unavailable(
                    f"{self._codec.spec.name}: {ask.what}: it was valid until {deadline_ns}, and had not left by"
                    " then; nothing was sent",
                    venue=self._codec.spec.name,
                    request=ask.what,
                )

        def build(now_ns: int) -> Any:
            check()
            return ask.build(now_ns)

        over = ask.over
        if over is not None:
            through = over.frame

            def frame(now_ns: int) -> tuple[str, bytes]:
                check()
                return through(now_ns)

            over = over._replace(frame=frame)
        return ask._replace(build=build, over=over)

    async def _cancel(
        self, client_order_id: ClientOrderId, request: int, ask: Ask[Sequence[OrderEvent]]
    ) -> None:
        try:
            events = await self._asker.ask(ask)
        except InDoubt as error:
            # It may be canceled: the stream says so, or the reconciler asks.
            _log().warning("cancel without an answer", order=client_order_id, error=str(error))
        except XtradeError as error:
            self._heard(
                [
                    CancelRejected(
                        client_order_id=client_order_id,
                        request=request,
                        reason=str(error),
                        received_ns=clock.now_ns(),
                    )
                ]
            )
        else:
            self._heard(events)

    async def _amend(
        self, client_order_id: ClientOrderId, request: int, ask: Ask[Sequence[OrderEvent]]
    ) -> None:
        try:
            events = await self._asker.ask(ask)
        except InDoubt as error:
            _log().warning("change without an answer", order=client_order_id, error=str(error))
        except XtradeError as error:
            self._heard(
                [
                    AmendRejected(
                        client_order_id=client_order_id,
                        request=request,
                        reason=str(error),
                        received_ns=clock.now_ns(),
                    )
                ]
            )
        else:
            self._heard(events)

    def _refused(self, intents: Sequence[OrderIntent], reason: str, code: str) -> None:
        self._heard(
            [
                OrderRejected(
                    client_order_id=intent.client_order_id,
                    reason=reason,
                    code=code,
                    received_ns=clock.now_ns(),
                )
                for intent in intents
            ]
        )

    def _heard(self, events: Sequence[OrderEvent]) -> None:
        if events:
            self._tell(list(events))

    def _request(self, client_order_id: ClientOrderId, what: str) -> int:
        self._requests[client_order_id, what] += 1
        return self._requests[client_order_id, what]

    def _known_of(self, report: OrderReport) -> Known | None:
        """Return an order of ours as it was sent; of an earlier run's, what its report tells."""
        number = report.client_order_id
        if number is None:
            return None
        known = self._open.get(number)
        if known is not None:
            return known._replace(venue_order_id=report.venue_order_id)
        instrument = self._codec.markets.of(report.instrument).instrument
        intent = OrderIntent(
            client_order_id=number,
            instrument=report.instrument,
            instrument_version=instrument.version,
            side=report.side,
            type=OrderType.MARKET if report.ticks is None else OrderType.LIMIT,
            lots=report.lots,
            ticks=report.ticks,
        )
        return Known(intent, instrument, report.venue_order_id)


def _is_end(event: OrderEvent, known: Known) -> bool:
    """Whether nothing more will become of the order."""
    if isinstance(event, OrderFilled):
        return known.intent.lots > 0 and event.cumulative_lots >= known.intent.lots
    return isinstance(event, OrderRejected | OrderCanceled | OrderExpired | OrderCompleted)


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
