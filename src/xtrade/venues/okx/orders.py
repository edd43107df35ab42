"""Orders on the wire: the forms in which they are asked for, and the rows in which they and their fills are told.

The same row is told by the stream and by answers, and means less in an answer: there the fields of a fill are those of
the last one, and no event. On the stream a row with a trade id is a fill; rows may be repeated, and the order they
tell of may have ended before its acknowledgement is heard. None of that is mended here: orders are folds that take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from xtrade.model.errors import DataError, UsageError
from xtrade.model.events import (
    AmendRejected,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.venues.abilities import cannot
from xtrade.venues.base import FillReport, OrderReport
from xtrade.venues.levels import counters
from xtrade.venues.okx.spec import SPEC
from xtrade.venues.okx.wire import ns

__all__ = [
    "ALGO",
    "FillRow",
    "OrderRow",
    "fill_report",
    "order_events",
    "order_form",
    "order_report",
    "own_id",
    "own_order",
]

ALGO: Final = "algo"
"""How the name of an order that still sleeps begins (see `stops`)."""

# -- as they are asked for ----------------------------------------------------------------------------------------

_IN_FORCE: Final[Mapping[TimeInForce, str]] = {
    TimeInForce.GTC: "limit",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
}


def order_form(intent: OrderIntent, instrument: Instrument, margin: str) -> dict[str, str | bool]:
    """Write an order, all but the name of its market; UsageError for one that OKX does not have."""
    reason = cannot(SPEC.abilities.trading[instrument.kind], intent) or _has_no_market(intent)
    if reason is not None:
        raise UsageError(f"okx: {intent.instrument}: {reason}")
    form: dict[str, str | bool] = {
        "tdMode": margin,
        "clOrdId": str(SPEC.ids.encode(intent.client_order_id)),
        "side": intent.side.value,
    }
    if intent.type is OrderType.LIMIT:
        assert intent.ticks is not None, "a limit order has a price"
        form["ordType"] = "post_only" if intent.post_only else _IN_FORCE[intent.time_in_force]
        form["px"] = plain(instrument.price(intent.ticks))
    else:
        form["ordType"] = "market"
    if intent.quote_amount is not None:
        form["sz"] = plain(intent.quote_amount.amount)
    else:
        form["sz"] = plain(instrument.quantity(intent.lots))
    if intent.type is OrderType.MARKET and instrument.kind is Kind.SPOT:
        # Unless told, a purchase is sized in what it costs, and a sale in what it sells. And the venue would rather
        # shrink what cannot be paid than refuse it.
        form["tgtCcy"] = "base_ccy" if intent.quote_amount is None else "quote_ccy"
        form["banAmend"] = True
    if intent.reduce_only:
        form["reduceOnly"] = True
    return form


def _has_no_market(intent: OrderIntent) -> str | None:
    if intent.type is OrderType.MARKET and intent.time_in_force is TimeInForce.FOK:
        return "it has no market orders that are filled whole or not at all"
    return None


# -- as they are told ---------------------------------------------------------------------------------------------


class OrderRow(Struct, rename="camel"):
    """An order."""

    inst_id: str
    ord_id: str
    side: Side
    state: str
    cl_ord_id: str = ""
    px: str = ""
    sz: str = ""
    ord_type: str = ""
    tgt_ccy: str = ""
    acc_fill_sz: str = ""
    trade_id: str = ""
    fill_px: str = ""
    fill_sz: str = ""
    fill_time: str = ""
    fill_fee: str = ""
    fill_fee_ccy: str = ""
    exec_type: str = ""
    cancel_source: str = ""
    amend_result: str = ""
    amend_source: str = ""
    req_id: str = ""
    code: str = ""
    msg: str = ""
    algo_id: str = ""
    algo_cl_ord_id: str = ""
    c_time: str = ""
    u_time: str = ""


class FillRow(Struct, rename="camel"):
    """A fill, as it is told when asked for; a fee below zero was paid."""

    inst_id: str
    trade_id: str
    ord_id: str
    fill_px: str
    fill_sz: str
    side: Side
    bill_id: str = ""
    cl_ord_id: str = ""
    exec_type: str = ""
    fee: str = ""
    fee_ccy: str = ""
    fill_time: str = ""
    ts: str = ""


_OPEN: Final = frozenset({"live", "partially_filled"})
_CANCELED: Final = frozenset({"canceled", "mmp_canceled"})

# Why an order was canceled, where it was not by a request.
_REASONS: Final[Mapping[str, str]] = {
    "0": "canceled by the venue",
    "2": "canceled for want of margin",
    "3": "canceled by the venue's risk control",
    "6": "canceled: the position is being reduced by auto-deleveraging",
    "7": "canceled: the contract is delivered",
    "13": "fill or kill: could not be filled whole",
    "14": "immediate or cancel: the rest was not filled at once",
    "15": "canceled: the price is outside of the venue's limits",
    "20": "canceled by the countdown of cancel-all-after",
    "22": "canceled: it would not have reduced the position",
    "23": "canceled: it would not have reduced the position",
    "27": "canceled: the price is outside of the venue's limits",
    "31": "post-only: it would have taken",
    "32": "self-trade prevention: it met an order of this account",
    "33": "canceled: it met too many orders at once",
}
# What the order's own terms say is how it was to end.
_EXPIRED: Final = frozenset({"13", "14", "31", "32"})

# By whom an order was changed, where nobody asked: reduce-only and pending orders lessen each other.
_CHANGED_BY_VENUE: Final = frozenset({"3", "4", "5"})

_MAKER: Final[Mapping[str, bool]] = {"M": True, "T": False}


def own_id(text: str) -> ClientOrderId | None:
    """Read a client order id; None for an order that is not ours."""
    return SPEC.ids.decode(text)


def own_order(row: OrderRow) -> ClientOrderId | None:
    """Return our name of an order: its own, or that of the instruction that placed it when it woke."""
    return own_id(row.cl_ord_id) or own_id(row.algo_cl_ord_id)


def order_events(row: OrderRow, instrument: Instrument, received_ns: int) -> Iterator[OrderEvent]:
    """Say what a row of the stream tells of an order of ours; nothing of another one."""
    order = own_order(row)
    if order is None:
        return
    if row.state not in _OPEN and row.state not in _CANCELED and row.state != "filled":
        raise DataError(f"an order is {row.state[:40]!r}, and nobody knows what that is")
    told_ns = ns(row.u_time)
    filled_lots = _filled_lots(row, instrument)
    if row.state == "live":
        yield OrderAccepted(
            client_order_id=order, venue_order_id=row.ord_id, venue_ns=told_ns, received_ns=received_ns
        )
    if row.algo_id and own_id(row.cl_ord_id) is None:
        ticks, lots = counters(instrument)
        yield OrderAmended(
            client_order_id=order,
            venue_order_id=row.ord_id,
            venue_ns=ns(row.c_time),
            received_ns=received_ns,
            lots=lots(row.sz),
            ticks=ticks(row.px) if row.px else None,
            replaces=f"{ALGO}{row.algo_id}",
        )
    yield from _changes(row, order, instrument, told_ns, received_ns)
    if (fill := _fill(row, instrument)) is not None:
        yield OrderFilled(
            client_order_id=order,
            venue_order_id=row.ord_id,
            venue_ns=told_ns,
            received_ns=received_ns,
            fill=fill,
            cumulative_lots=filled_lots,
        )
    if row.state == "filled":
        yield OrderCompleted(
            client_order_id=order,
            venue_order_id=row.ord_id,
            venue_ns=told_ns,
            received_ns=received_ns,
            cumulative_lots=filled_lots,
        )
    elif row.state in _CANCELED:
        ended = OrderExpired if row.cancel_source in _EXPIRED else OrderCanceled
        yield ended(
            client_order_id=order,
            venue_order_id=row.ord_id,
            venue_ns=told_ns,
            received_ns=received_ns,
            reason=_reason(row),
            cumulative_lots=filled_lots,
        )


def order_report(row: OrderRow, instrument: Instrument) -> OrderReport:
    """Read an order as it is told when asked for."""
    ticks, lots = counters(instrument)
    filled_lots = _filled_lots(row, instrument)
    if row.state in _OPEN:
        status = OrderStatus.PARTIAL if filled_lots else OrderStatus.OPEN
    elif row.state == "filled":
        status = OrderStatus.FILLED
    elif row.state in _CANCELED:
        status = OrderStatus.EXPIRED if row.cancel_source in _EXPIRED else OrderStatus.CANCELED
    else:
        raise DataError(f"order {row.ord_id} is {row.state[:40]!r}, and nobody knows what that is")
    return OrderReport(
        instrument=instrument.key,
        venue_order_id=row.ord_id,
        client_order_id=own_order(row),
        side=row.side,
        status=status,
        lots=filled_lots if _is_quote_sized(row) else lots(row.sz),
        filled_lots=filled_lots,
        # A market order has none, or -1 where the form is old.
        ticks=ticks(row.px) if row.px and row.ord_type != "market" else None,
    )


def fill_report(row: FillRow, instrument: Instrument) -> FillReport:
    """Read a fill as it is told when asked for."""
    ticks, lots = counters(instrument)
    return FillReport(
        instrument=instrument.key,
        venue_order_id=row.ord_id,
        client_order_id=own_id(row.cl_ord_id),
        fill=Fill(
            trade_id=row.trade_id,
            side=row.side,
            ticks=ticks(row.fill_px),
            lots=lots(row.fill_sz),
            fee=_cost(row.fee, row.fee_ccy),
            maker=_MAKER.get(row.exec_type),
            venue_ns=ns(row.fill_time or row.ts),
        ),
    )


def _fill(row: OrderRow, instrument: Instrument) -> Fill | None:
    """Return the fill that a row of the stream tells of; one of no quantity is a repetition, or a mark at the end."""
    if row.trade_id in {"", "0"} or not row.fill_sz:
        return None
    ticks, lots = counters(instrument)
    filled_lots = lots(row.fill_sz)
    if filled_lots == 0:
        return None
    return Fill(
        trade_id=row.trade_id,
        side=row.side,
        ticks=ticks(row.fill_px),
        lots=filled_lots,
        fee=_cost(row.fill_fee, row.fill_fee_ccy),
        maker=_MAKER.get(row.exec_type),
        venue_ns=ns(row.fill_time),
    )


def _changes(
    row: OrderRow, order: ClientOrderId, instrument: Instrument, told_ns: int | None, received_ns: int
) -> Iterator[OrderEvent]:
    request = int(row.req_id) if row.req_id.isascii() and row.req_id.isdigit() else None
    if row.amend_result == "-1":
        if request is not None:
            yield AmendRejected(
                client_order_id=order,
                venue_order_id=row.ord_id,
                venue_ns=told_ns,
                received_ns=received_ns,
                request=request,
                reason=_said(row) or "the venue did not change the order",
            )
    elif row.amend_result == "0" or row.amend_source in _CHANGED_BY_VENUE:
        ticks, lots = counters(instrument)
        yield OrderAmended(
            client_order_id=order,
            venue_order_id=row.ord_id,
            venue_ns=told_ns,
            received_ns=received_ns,
            lots=lots(row.sz),
            ticks=ticks(row.px) if row.px else None,
            request=request,
        )


def _filled_lots(row: OrderRow, instrument: Instrument) -> int:
    _, lots = counters(instrument)
    return lots(row.acc_fill_sz) if row.acc_fill_sz else 0


def _is_quote_sized(row: OrderRow) -> bool:
    return row.ord_type == "market" and row.tgt_ccy == "quote_ccy"


def _cost(fee: str, currency: str) -> Money | None:
    """Turn the venue's sign round: there, what was paid is below zero."""
    return -Money.of(fee, currency) if fee and currency else None


def _reason(row: OrderRow) -> str:
    if row.cancel_source == "1":
        return "canceled on request"
    told = _REASONS.get(row.cancel_source, f"canceled (source {row.cancel_source or 'not told'})")
    return f"{told}: {said}" if (said := _said(row)) else told


def _said(row: OrderRow) -> str:
    if row.code in {"", "0"}:
        return ""
    return f"{row.msg} ({row.code})" if row.msg else row.code
