"""What is asked about orders and fills: one order, those that are open, what was traded since a time.

Rows of markets that are not listed here (options, inverse contracts) are left out, and so are orders that others
entered and that cannot be counted on the grid of today; one of ours that cannot be read is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

import msgspec
from typing_extensions import override

from xtrade.model.errors import DataError, Rejected
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.net.limits import Priority
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import FillReport, OrderReport
from xtrade.venues.codec import Known
from xtrade.venues.okx.orders import FillRow, OrderRow, fill_report, order_report, own_id, own_order
from xtrade.venues.okx.spec import cost
from xtrade.venues.okx.stops import StopRow, is_asleep, named_stop, stop_report
from xtrade.venues.okx.trading import TradingAsks, named
from xtrade.venues.okx.wire import BROKEN, MS_NS, rows

__all__ = ["ReportAsks"]

R = TypeVar("R", OrderRow, StopRow)

_ORDERS: Final = msgspec.json.Decoder(list[OrderRow])
_FILLS: Final = msgspec.json.Decoder(list[FillRow])
_STOPS: Final = msgspec.json.Decoder(list[StopRow])
_PAGE: Final = 100
# Fills of the last three days are told at another address than older ones; a clock may be a little off.
_RECENT_NS: Final = 3 * 86_400_000_000_000 - 600_000_000_000
_ORDER_GONE: Final = "51603"


class ReportAsks(TradingAsks):
    """The part of the codec that asks what became of orders."""

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

        if is_asleep(known):
            return [self._stop(known)]
        return [
            Ask(
                what,
                self.requests.signed_get(
                    "/api/v5/trade/order", {"instId": instrument.native, **named(known)}
                ),
                read,
                cost("order asked for"),
                Priority.ACCOUNT,
            )
        ]

    def _stop(self, known: Known) -> Ask[OrderReport | None]:
        what = "order"

        def read(answer: Answer) -> OrderReport | None:
            try:
                found = rows(answer, what, _STOPS)
            except Rejected as refused:
                if refused.code == _ORDER_GONE:
                    return None
                raise
            return next(iter(self._stop_reports(what, found)), None)

        return Ask(
            what,
            self.requests.signed_get("/api/v5/trade/order-algo", named_stop(known)),
            read,
            cost("order-algo", key="asked for"),
            Priority.ACCOUNT,
        )

    @override
    def open_orders(self, keys: Collection[str]) -> Sequence[Ask[Page[OrderReport]]]:
        return [
            self._open_orders(None),
            *(self._open_stops(kind, None) for kind in ("conditional,oco", "move_order_stop")),
        ]

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

    def _open_stops(self, kind: str, after: str | None) -> Ask[Page[OrderReport]]:
        what = "open orders"

        def read(answer: Answer) -> Page[OrderReport]:
            found = rows(answer, what, _STOPS)
            goes_on = len(found) >= _PAGE and found[-1].algo_id != after
            return Page(
                tuple(self._stop_reports(what, found)),
                self._open_stops(kind, found[-1].algo_id) if goes_on else None,
            )

        query = {"ordType": kind, "limit": str(_PAGE)} | ({} if after is None else {"after": after})
        return Ask(
            what,
            self.requests.signed_get("/api/v5/trade/orders-algo-pending", query),
            read,
            cost("orders-algo-pending"),
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

    def _reports(self, what: str, found: Sequence[OrderRow]) -> list[OrderReport]:
        """Read orders; those of markets that are not listed here (options, inverse contracts) are left out."""
        return self._read_all(what, found, order_report, own_order)

    def _stop_reports(self, what: str, found: Sequence[StopRow]) -> list[OrderReport]:
        return self._read_all(what, found, stop_report, lambda row: own_id(row.algo_cl_ord_id))

    def _read_all(
        self,
        what: str,
        found: Sequence[R],
        read: Callable[[R, Instrument], OrderReport],
        own: Callable[[R], ClientOrderId | None],
    ) -> list[OrderReport]:
        reports = []
        for row in found:
            if (instrument := self.markets.native(row.inst_id)) is None:
                continue
            try:
                reports.append(read(row, instrument))
            except BROKEN as broken:
                if own(row) is None:
                    continue
                raise DataError(f"okx: {what}: an order of {instrument.key}: {broken}") from None
        return reports
