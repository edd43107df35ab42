"""Orders and fills as Binance answers for them when asked; also those of other hands than ours.

A conditional order of futures is counted apart until it is triggered; then it is an order, under our name for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from xtrade.model.errors import DataError
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import FillReport, OrderReport
from xtrade.venues.binance.answers import ALGO
from xtrade.venues.binance.forms import IDS
from xtrade.venues.binance.orders import name_of, names_algo
from xtrade.venues.binance.requests import Requests
from xtrade.venues.binance.sections import SPOT, USDM, Section, section_of
from xtrade.venues.codec import Known
from xtrade.venues.levels import counters
from xtrade.venues.markets import Markets

__all__ = ["STATUSES", "Reports"]

_MS_NS: Final = 1_000_000
_PAGE: Final = 1_000
_WINDOWS_MAX: Final = 60
"""Beyond so many windows of time, fills are asked for by their numbers, which know no windows."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}

STATUSES: Final[Mapping[str, OrderStatus]] = {
    "NEW": OrderStatus.OPEN,
    "PENDING_NEW": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIAL,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "PENDING_CANCEL": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
_ALGO_STATUSES: Final[Mapping[str, OrderStatus]] = {
    "NEW": OrderStatus.OPEN,
    "TRIGGERING": OrderStatus.OPEN,
    "CANCELED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "REJECTED": OrderStatus.REJECTED,
}
"""One that is TRIGGERED or FINISHED lives, or lived, as an order: that is what tells of it."""


class _Order(Struct, rename="camel"):
    symbol: str
    order_id: int
    client_order_id: str
    side: str
    status: str
    orig_qty: str
    executed_qty: str
    price: str = "0"


class _AlgoOrder(Struct, rename="camel"):
    symbol: str
    algo_id: int
    client_algo_id: str
    side: str
    algo_status: str
    quantity: str = "0"
    price: str = "0"


class _MyTrade(Struct, rename="camel"):
    """A fill; spot says `isBuyer` and `isMaker`, futures `buyer` and `maker`."""

    id: int
    order_id: int
    price: str
    qty: str
    time: int
    commission: str | None = None
    commission_asset: str | None = None
    is_buyer: bool = False
    is_maker: bool = False
    buyer: bool = False
    maker: bool = False


class Reports:
    """Questions about the orders and fills of one account."""

    def __init__(self, requests: Requests, markets: Markets) -> None:
        self._requests = requests
        self._markets = markets

    def open_orders(self, section: Section) -> Sequence[Ask[Page[OrderReport]]]:
        """All that is open in one half."""
        orders = self._requests.question(
            f"open {section.name} orders",
            section,
            "/openOrders",
            {},
            list[_Order],
            partial(self._open, section),
            weight=section.weights["openOrders"],
            signed=True,
        )
        if section is SPOT:
            return [orders]
        conditional = self._requests.question(
            "open conditional orders",
            USDM,
            "/openAlgoOrders",
            {},
            list[_AlgoOrder],
            lambda rows, _: Page(self._algo_reports(rows)),
            weight=USDM.weights["openOrders"],
            signed=True,
        )
        return [orders, conditional]

    def order(self, known: Known) -> Sequence[Ask[OrderReport | None]]:
        """One order. What was triggered keeps our name: so an order is looked for first, then what waits to be one."""
        section = section_of(known.instrument)
        text = str(IDS.encode(known.intent.client_order_id))
        named = {"origClientOrderId": text} if names_algo(known) else name_of(known)
        asks: list[Ask[OrderReport | None]] = [
            self._requests.question(
                f"order {text}",
                section,
                "/order",
                {"symbol": known.instrument.native, **named},
                _Order,
                lambda row, _: _report(row, known.instrument),
                weight=section.weights["order"],
                signed=True,
                gone=lambda: None,
            )
        ]
        if section is USDM and (known.intent.type.is_triggered or names_algo(known)):
            asks.append(
                self._requests.question(
                    f"conditional order {text}",
                    USDM,
                    "/algoOrder",
                    {"clientAlgoId": text},
                    _AlgoOrder,
                    lambda row, _: _algo_report(row, known.instrument),
                    weight=USDM.weights["order"],
                    signed=True,
                    gone=lambda: None,
                )
            )
        return asks

    def fills(self, since_ns: int, keys: Collection[str]) -> Sequence[Ask[Page[FillReport]]]:
        """The fills of these markets, oldest first."""
        return [self._fills(self._markets.of(key).instrument, since_ns, since_ns // _MS_NS) for key in keys]

    def _fills(
        self, instrument: Instrument, since_ns: int, from_ms: int, from_id: int | None = None
    ) -> Ask[Page[FillReport]]:
        """Ask for a page: by time, in windows of limited length; once one is full, by number from there on."""
        section = section_of(instrument)
        until_ms = from_ms + section.my_trades_window_ms - 1
        by = (
            {"startTime": str(from_ms), "endTime": str(until_ms)}
            if from_id is None
            else {"fromId": str(from_id)}
        )

        def read(rows: list[_MyTrade], answer: Answer) -> Page[FillReport]:
            found = tuple(
                _fill_report(row, instrument) for row in rows if row.time * _MS_NS >= since_ns - _MS_NS
            )
            if len(rows) >= _PAGE:
                return Page(found, self._fills(instrument, since_ns, from_ms, rows[-1].id + 1))
            left_ns = answer.received_ns - until_ms * _MS_NS
            if from_id is not None or left_ns <= 0:
                return Page(found)
            if left_ns > _WINDOWS_MAX * section.my_trades_window_ms * _MS_NS:
                return Page(found, self._fills(instrument, since_ns, from_ms, 0))
            return Page(found, self._fills(instrument, since_ns, until_ms + 1))

        return self._requests.question(
            f"fills of {instrument.native}",
            section,
            section.my_trades_path,
            {"symbol": instrument.native, "limit": str(_PAGE), **by},
            list[_MyTrade],
            read,
            weight=section.weights["myTrades"],
            signed=True,
        )

    def _open(self, section: Section, rows: list[_Order], _: Answer) -> Page[OrderReport]:
        found = ((row, self._markets.native(row.symbol, section.name)) for row in rows)
        return Page(tuple(_report(row, instrument) for row, instrument in found if instrument is not None))

    def _algo_reports(self, rows: Sequence[_AlgoOrder]) -> tuple[OrderReport, ...]:
        found = ((row, self._markets.native(row.symbol, USDM.name)) for row in rows)
        reports = (_algo_report(row, instrument) for row, instrument in found if instrument is not None)
        return tuple(report for report in reports if report is not None)


def _report(row: _Order, instrument: Instrument) -> OrderReport:
    ticks, lots = counters(instrument)
    status = STATUSES.get(row.status)
    if status is None:
        raise DataError(f"order {row.order_id} is {row.status!r}, which is no status that we know")
    return OrderReport(
        instrument=instrument.key,
        venue_order_id=str(row.order_id),
        client_order_id=IDS.decode(row.client_order_id),
        side=_side(row.side),
        status=status,
        lots=lots(row.orig_qty),
        filled_lots=lots(row.executed_qty),
        ticks=ticks(row.price) or None,
    )


def _algo_report(row: _AlgoOrder, instrument: Instrument) -> OrderReport | None:
    ticks, lots = counters(instrument)
    status = _ALGO_STATUSES.get(row.algo_status)
    if status is None:
        return None
    return OrderReport(
        instrument=instrument.key,
        venue_order_id=f"{ALGO}{row.algo_id}",
        client_order_id=IDS.decode(row.client_algo_id),
        side=_side(row.side),
        status=status,
        lots=lots(row.quantity),
        filled_lots=0,
        ticks=ticks(row.price) or None,
    )


def _fill_report(row: _MyTrade, instrument: Instrument) -> FillReport:
    ticks, lots = counters(instrument)
    fee = None
    if row.commission is not None and row.commission_asset:
        fee = Money.of(row.commission, row.commission_asset)
    return FillReport(
        instrument=instrument.key,
        venue_order_id=str(row.order_id),
        client_order_id=None,
        fill=Fill(
            trade_id=str(row.id),
            side=Side.BUY if row.is_buyer or row.buyer else Side.SELL,
            ticks=ticks(row.price),
            lots=lots(row.qty),
            fee=fee,
            maker=row.is_maker or row.maker,
            venue_ns=row.time * _MS_NS,
        ),
    )


def _side(text: str) -> Side:
    side = _SIDES.get(text)
    if side is None:
        raise DataError(f"{text!r} is no side of an order")
    return side
