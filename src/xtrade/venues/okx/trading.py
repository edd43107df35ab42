"""Commands: orders placed, changed, canceled, alone or in batches, over HTTP or through the private socket.

An answer says that a command was accepted, and no more: what became of it comes on the stream. A socket wants the
market by a number (`instIdCode`) in the place of its name; on demo those numbers are refused, and commands go by HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from xtrade.model.errors import Rejected
from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    OrderAccepted,
    OrderEvent,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderIntent
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Answer, Ask, Over
from xtrade.venues.codec import Known
from xtrade.venues.markets import Listed
from xtrade.venues.meanings import Meaning
from xtrade.venues.okx.markets import MarketAsks
from xtrade.venues.okx.orders import (
    ALGO,
    order_form,
)
from xtrade.venues.okx.spec import SPEC, cost
from xtrade.venues.okx.stops import changed_stop, is_asleep, named_stop, stop_form
from xtrade.venues.okx.wire import MS_NS, OK, Ack, acks, meaning, order_ns, refusal, rows

__all__ = ["TradingAsks", "named"]

_COUNTDOWN: Final = msgspec.json.Decoder(list[dict[str, str]])


class TradingAsks(MarketAsks):
    """The part of the codec that commands."""

    def margin_of(self, key: str) -> str:
        """Return how an order of this market is to be margined (`tdMode`)."""
        raise NotImplementedError

    # -- commands -------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        if intent.type.is_triggered:
            return self._place_stop(intent)
        what = "place order"
        listed = self.markets.of(intent.instrument)
        form = order_form(intent, listed.instrument, self.margin_of(intent.instrument))

        def read(answer: Answer) -> Sequence[OrderEvent]:
            ack = acks(answer, what)[0]
            if ack.s_code != OK:
                raise refusal(what, ack.code, ack.s_msg)
            return [_accepted(intent, ack, answer.received_ns)]

        return Ask(
            what,
            self.requests.signed_post(
                "/api/v5/trade/order",
                {"instId": listed.instrument.native, **form},
                intent.valid_until_ns,
            ),
            read,
            (
                Cost("order", key=listed.instrument.native),
                Cost("orders of the account"),
            ),
            Priority.TRADE,
            Repeat.NEVER,
            self._over("order", f"p{intent.client_order_id}", [(listed, form)], intent.valid_until_ns),
        )

    @override
    def place_many(self, intents: Sequence[OrderIntent]) -> Ask[Sequence[OrderEvent]] | None:
        if any(intent.type.is_triggered for intent in intents):
            return None
        what = "place orders"
        forms = []
        for intent in intents:
            listed = self.markets.of(intent.instrument)
            forms.append((listed, order_form(intent, listed.instrument, self.margin_of(intent.instrument))))
        deadlines = [intent.valid_until_ns for intent in intents if intent.valid_until_ns is not None]
        until_ns = min(deadlines, default=None)

        def read(answer: Answer) -> Sequence[OrderEvent]:
            told = {ack.cl_ord_id: ack for ack in acks(answer, what)}
            return [
                _placed(intent, told.get(str(SPEC.ids.encode(intent.client_order_id))), answer.received_ns)
                for intent in intents
            ]

        by_market: dict[str, int] = {}
        for listed, _ in forms:
            by_market[listed.instrument.native] = by_market.get(listed.instrument.native, 0) + 1
        return Ask(
            what,
            self.requests.signed_post(
                "/api/v5/trade/batch-orders",
                [{"instId": listed.instrument.native, **form} for listed, form in forms],
                until_ns,
            ),
            read,
            (
                *(Cost("batch-orders", count, native) for native, count in by_market.items()),
                Cost("orders of the account", len(intents)),
            ),
            Priority.TRADE,
            Repeat.NEVER,
            self._over("batch-orders", f"b{intents[0].client_order_id}", forms, until_ns),
        )

    @override
    def cancel(self, known: Known, request: int) -> Ask[Sequence[OrderEvent]]:
        what = "cancel order"
        order = known.intent.client_order_id
        listed = self.markets.of(known.intent.instrument)
        form = named_stop(known) if is_asleep(known) else named(known)

        def read(answer: Answer) -> Sequence[OrderEvent]:
            return [
                CancelRejected(
                    client_order_id=order, received_ns=answer.received_ns, request=request, reason=reason
                )
                for reason in _refused(what, answer)
            ]

        body = {"instId": listed.instrument.native, **form}
        if is_asleep(known):
            return Ask(
                what,
                self.requests.signed_post("/api/v5/trade/cancel-algos", [body]),
                read,
                cost("cancel-algos", key=listed.instrument.native),
                Priority.CANCEL,
                Repeat.IDEMPOTENT,
            )
        return Ask(
            what,
            self.requests.signed_post("/api/v5/trade/cancel-order", body),
            read,
            cost("cancel-order", key=listed.instrument.native),
            Priority.CANCEL,
            Repeat.IDEMPOTENT,
            self._over("cancel-order", f"c{request}x{order}", [(listed, form)]),
        )

    @override
    def amend(self, known: Known, *, lots: int, ticks: int, request: int) -> Ask[Sequence[OrderEvent]]:
        what = "amend order"
        order = known.intent.client_order_id
        listed = self.markets.of(known.intent.instrument)
        if is_asleep(known):
            form = named_stop(known) | {"reqId": str(request)} | changed_stop(known, lots=lots, ticks=ticks)
        else:
            form = named(known) | {
                "reqId": str(request),
                "newSz": plain(known.instrument.quantity(lots)),
                "newPx": plain(known.instrument.price(ticks)),
            }

        def read(answer: Answer) -> Sequence[OrderEvent]:
            return [
                AmendRejected(
                    client_order_id=order, received_ns=answer.received_ns, request=request, reason=reason
                )
                for reason in _refused(what, answer)
            ]

        body = {"instId": listed.instrument.native, **form}
        if is_asleep(known):
            return Ask(
                what,
                self.requests.signed_post("/api/v5/trade/amend-algos", body),
                read,
                cost("amend-algos", key=listed.instrument.native),
                Priority.TRADE,
                Repeat.NEVER,
            )
        return Ask(
            what,
            self.requests.signed_post("/api/v5/trade/amend-order", body),
            read,
            (Cost("amend-order", key=listed.instrument.native), Cost("orders of the account")),
            Priority.TRADE,
            # A second copy would undo a change that was made after the first.
            Repeat.NEVER,
            self._over("amend-order", f"a{request}x{order}", [(listed, form)]),
        )

    def _place_stop(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        what = "place order"
        instrument = self.markets.of(intent.instrument).instrument
        form = stop_form(intent, instrument, self.margin_of(intent.instrument))

        def read(answer: Answer) -> Sequence[OrderEvent]:
            ack = acks(answer, what)[0]
            if ack.s_code != OK:
                raise refusal(what, ack.code, ack.s_msg)
            return [
                OrderAccepted(
                    client_order_id=intent.client_order_id,
                    venue_order_id=f"{ALGO}{ack.algo_id}" if ack.algo_id else None,
                    received_ns=answer.received_ns,
                )
            ]

        return Ask(
            what,
            self.requests.signed_post("/api/v5/trade/order-algo", {"instId": instrument.native, **form}),
            read,
            cost("order-algo", key=instrument.native),
            Priority.TRADE,
            Repeat.NEVER,
        )

    @override
    def countdown(self, seconds: int, keys: Collection[str]) -> Sequence[Ask[None]]:
        what = "cancel all after"

        def read(answer: Answer) -> None:
            rows(answer, what, _COUNTDOWN)

        path = "/api/v5/trade/cancel-all-after"
        return [
            Ask(
                what,
                self.requests.signed_post(path, {"timeOut": str(seconds)}),
                read,
                cost("cancel-all-after"),
                Priority.CANCEL,
                Repeat.IDEMPOTENT,
            )
        ]

    # -- how ------------------------------------------------------------------------------------------------------

    def _over(
        self,
        operation: str,
        name: str,
        forms: Sequence[tuple[Listed, Mapping[str, object]]],
        until_ns: int | None = None,
    ) -> Over | None:
        """Say how a command goes through the socket; its answer is known by `name`."""
        if self.requests.is_demo or not all(listed.code for listed, _ in forms):
            return None

        def frame(_now_ns: int) -> tuple[str, bytes]:
            message: dict[str, object] = {
                "id": name,
                "op": operation,
                "args": [{"instIdCode": int(listed.code), **form} for listed, form in forms],
            }
            if until_ns is not None:
                message["expTime"] = str(until_ns // MS_NS)
            return name, msgspec.json.encode(message)

        return Over("private", frame)


def named(known: Known) -> dict[str, str]:
    """Name an order as the venue does where that is known: our own name may be taken again there one day."""
    if known.venue_order_id is not None:
        return {"ordId": known.venue_order_id}
    return {"clOrdId": str(SPEC.ids.encode(known.intent.client_order_id))}


def _accepted(intent: OrderIntent, ack: Ack, received_ns: int) -> OrderAccepted:
    return OrderAccepted(
        client_order_id=intent.client_order_id,
        venue_order_id=ack.ord_id or None,
        venue_ns=order_ns(ack),
        received_ns=received_ns,
    )


def _placed(intent: OrderIntent, ack: Ack | None, received_ns: int) -> OrderEvent:
    """Say what became of one order of several."""
    order = intent.client_order_id
    if ack is None:
        return OrderInDoubt(client_order_id=order, received_ns=received_ns, reason="the answer leaves it out")
    if ack.s_code == OK:
        return _accepted(intent, ack, received_ns)
    reason = str(refusal("place orders", ack.code, ack.s_msg))
    if meaning(ack.code) is Meaning.DOUBT:
        return OrderInDoubt(client_order_id=order, received_ns=received_ns, reason=reason)
    return OrderRejected(client_order_id=order, received_ns=received_ns, reason=reason, code=ack.code)


def _refused(what: str, answer: Answer) -> Sequence[str]:
    """Return why the venue refuses a change of one order, if it does; what it says of us all is raised."""
    ack = acks(answer, what)[0]
    if ack.s_code == OK:
        return ()
    told = refusal(what, ack.code, ack.s_msg)
    if isinstance(told, Rejected):
        return (str(told),)
    raise told
