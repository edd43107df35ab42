"""What is asked of orders: placed, changed, canceled, alone or in batches, over HTTP or through the private socket.

An answer says that a command was accepted, and no more: what became of it comes on the stream. A socket wants the
market by a number (`instIdCode`) in the place of its name; on demo those numbers are refused, and commands go by HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from xtrade.model.errors import DataError, Rejected
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
from xtrade.venues.asks import Answer, Ask, Over, Page
from xtrade.venues.base import FillReport, OrderReport
from xtrade.venues.codec import Known
from xtrade.venues.markets import Listed
from xtrade.venues.meanings import Meaning
from xtrade.venues.okx.markets import MarketAsks
from xtrade.venues.okx.orders import FillRow, OrderRow, fill_report, order_form, order_report, own_id
from xtrade.venues.okx.spec import SPEC, cost
from xtrade.venues.okx.wire import BROKEN, MS_NS, OK, Ack, acks, meaning, order_ns, refusal, rows

__all__ = ["TradingAsks"]

_ORDERS: Final = msgspec.json.Decoder(list[OrderRow])
_FILLS: Final = msgspec.json.Decoder(list[FillRow])
_COUNTDOWN: Final = msgspec.json.Decoder(list[dict[str, str]])
_PAGE: Final = 100
# Fills of the last three days are told at another address than older ones; a clock may be a little off.
_RECENT_NS: Final = 3 * 86_400_000_000_000 - 600_000_000_000
_ORDER_GONE: Final = "51603"


class TradingAsks(MarketAsks):
    """The part of the codec that asks about orders."""

    def margin_of(self, key: str) -> str:
        """Return how an order of this market is to be margined (`tdMode`)."""
        raise NotImplementedError

    # -- commands -------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
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
    def place_many(self, intents: Sequence[OrderIntent]) -> Ask[Sequence[OrderEvent]]:
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
        form = _named(known)

        def read(answer: Answer) -> Sequence[OrderEvent]:
            return [
                CancelRejected(
                    client_order_id=order, received_ns=answer.received_ns, request=request, reason=reason
                )
                for reason in _refused(what, answer)
            ]

        return Ask(
            what,
            self.requests.signed_post(
                "/api/v5/trade/cancel-order", {"instId": listed.instrument.native, **form}
            ),
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
        form = _named(known) | {
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

        return Ask(
            what,
            self.requests.signed_post(
                "/api/v5/trade/amend-order", {"instId": listed.instrument.native, **form}
            ),
            read,
            (Cost("amend-order", key=listed.instrument.native), Cost("orders of the account")),
            Priority.TRADE,
            # A second copy would undo a change that was made after the first.
            Repeat.NEVER,
            self._over("amend-order", f"a{request}x{order}", [(listed, form)]),
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

    # -- questions ------------------------------------------------------------------------------------------------

    @override
    def order(self, known: Known) -> Sequence[Ask[OrderReport | None]]:
        what = "order"
        instrument = self.markets.of(known.intent.instrument).instrument

        def read(answer: Answer) -> OrderReport | None:
            try:
                found = rows(answer, what, _ORDERS)
            except Rejected as refused:
                if refused.code == _ORDER_GONE:
                    return None
                raise
            return next(iter(self._reports(what, found)), None)

        return [
            Ask(
                what,
                self.requests.signed_get(
                    "/api/v5/trade/order", {"instId": instrument.native, **_named(known)}
                ),
                read,
                cost("order asked for"),
                Priority.ACCOUNT,
            )
        ]

    @override
    def open_orders(self, keys: Collection[str]) -> Sequence[Ask[Page[OrderReport]]]:
        return [self._open_orders(None)]

    def _open_orders(self, after: str | None) -> Ask[Page[OrderReport]]:
        what = "open orders"

        def read(answer: Answer) -> Page[OrderReport]:
            found = rows(answer, what, _ORDERS)
            goes_on = len(found) >= _PAGE and found[-1].ord_id != after
            return Page(
                tuple(self._reports(what, found)), self._open_orders(found[-1].ord_id) if goes_on else None
            )

        query = {"limit": str(_PAGE)} | ({} if after is None else {"after": after})
        return Ask(
            what,
            self.requests.signed_get("/api/v5/trade/orders-pending", query),
            read,
            cost("orders-pending"),
            Priority.ACCOUNT,
        )

    @override
    def fills(self, since_ns: int, keys: Collection[str]) -> Sequence[Ask[Page[FillReport]]]:
        return [self._fills(since_ns, section, None) for section in ("SPOT", "SWAP")]

    def _fills(self, since_ns: int, section: str, after: str | None) -> Ask[Page[FillReport]]:
        what = "fills"
        query = {"instType": section, "limit": str(_PAGE), "begin": str(since_ns // MS_NS)}
        if after is not None:
            query["after"] = after
        recent = self.requests.signed_get("/api/v5/trade/fills", query)
        older = self.requests.signed_get("/api/v5/trade/fills-history", query)

        def read(answer: Answer) -> Page[FillReport]:
            found = rows(answer, what, _FILLS)
            reports = []
            for row in reversed(found):
                if (instrument := self.markets.native(row.inst_id)) is None:
                    continue
                try:
                    reports.append(fill_report(row, instrument))
                except BROKEN as broken:
                    if own_id(row.cl_ord_id) is None:
                        continue  # by hand, off the grid of today: no order here waits for it
                    raise DataError(f"okx: {what}: trade {row.trade_id[:40]}: {broken}") from None
            goes_on = len(found) >= _PAGE and found[-1].bill_id not in {"", after}
            return Page(
                tuple(report for report in reports if (report.fill.venue_ns or since_ns) >= since_ns),
                self._fills(since_ns, section, found[-1].bill_id) if goes_on else None,
            )

        return Ask(
            what,
            lambda now_ns: (recent if since_ns > now_ns - _RECENT_NS else older)(now_ns),
            read,
            cost("fills"),
            Priority.ACCOUNT,
        )

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
        frame: dict[str, object] = {
            "id": name,
            "op": operation,
            "args": [{"instIdCode": int(listed.code), **form} for listed, form in forms],
        }
        if until_ns is not None:
            frame["expTime"] = str(until_ns // MS_NS)
        message = msgspec.json.encode(frame)
        return Over("private", lambda _now_ns: (name, message))

    def _reports(self, what: str, found: Sequence[OrderRow]) -> list[OrderReport]:
        """Read orders; those of markets that are not listed here (options, inverse contracts) are left out."""
        reports = []
        for row in found:
            if (instrument := self.markets.native(row.inst_id)) is None:
                continue
            try:
                reports.append(order_report(row, instrument))
            except BROKEN as broken:
                if own_id(row.cl_ord_id) is None:
                    continue
                raise DataError(f"okx: {what}: order {row.ord_id[:40]}: {broken}") from None
        return reports


def _named(known: Known) -> dict[str, str]:
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
