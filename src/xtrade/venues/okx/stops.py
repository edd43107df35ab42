"""Orders that sleep until a price is reached: stops, take-profits, trailing stops.

They are no orders at OKX but instructions for one, with a number of their own (`algoId`), requests of their own and a
channel of their own. When one wakes it places an order, whose rows name the instruction; from then on that order is
ours, under its own number. Here an instruction is called `algo…`, so that one can see which of the two a name is of.
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
    OrderEvent,
    OrderExpired,
)
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.venues.abilities import cannot
from xtrade.venues.base import OrderReport
from xtrade.venues.codec import Known
from xtrade.venues.levels import counters
from xtrade.venues.okx.orders import ALGO, own_id
from xtrade.venues.okx.spec import SPEC
from xtrade.venues.okx.wire import ns

__all__ = [
    "StopRow",
    "changed_stop",
    "is_asleep",
    "named_stop",
    "stop_events",
    "stop_form",
    "stop_report",
]

_AT_MARKET: Final = "-1"
# Which of the two halves of the form a type is written in.
_HALVES: Final[Mapping[OrderType, str]] = {
    OrderType.STOP_LIMIT: "sl",
    OrderType.STOP_MARKET: "sl",
    OrderType.TAKE_PROFIT_LIMIT: "tp",
    OrderType.TAKE_PROFIT_MARKET: "tp",
}
_ASLEEP: Final = frozenset({"live", "pause", "partially_effective"})
_WOKEN: Final = frozenset({"effective", "order_placed", "filled"})
_FAILED: Final = frozenset({"order_failed", "partially_failed"})


class StopRow(Struct, rename="camel"):
    """An instruction: asleep, woken (then `ordId` is its order), canceled, or failed."""

    inst_id: str
    algo_id: str
    side: Side
    state: str
    algo_cl_ord_id: str = ""
    ord_id: str = ""
    sz: str = ""
    actual_sz: str = ""
    sl_ord_px: str = ""
    tp_ord_px: str = ""
    ord_px: str = ""
    amend_result: str = ""
    req_id: str = ""
    fail_code: str = ""
    u_time: str = ""


def is_asleep(known: Known) -> bool:
    """Whether an order of ours is an instruction still, as far as we have heard."""
    if known.venue_order_id is None:
        return known.intent.type.is_triggered
    return known.venue_order_id.startswith(ALGO)


def named_stop(known: Known) -> dict[str, str]:
    """Name an instruction."""
    if known.venue_order_id is not None:
        return {"algoId": known.venue_order_id.removeprefix(ALGO)}
    return {"algoClOrdId": str(SPEC.ids.encode(known.intent.client_order_id))}


def stop_form(intent: OrderIntent, instrument: Instrument, margin: str) -> dict[str, str | bool]:
    """Write an instruction; UsageError for one that OKX does not have."""
    trigger = intent.trigger
    reason = cannot(SPEC.abilities.trading[instrument.kind], intent)
    if reason is None and (intent.time_in_force is not TimeInForce.GTC or intent.post_only):
        reason = "an order that sleeps is good till canceled there, and not post-only"
    if reason is not None or trigger is None:
        raise UsageError(f"okx: {intent.instrument}: {reason or 'an order that sleeps needs a trigger'}")
    form: dict[str, str | bool] = {
        "tdMode": margin,
        "algoClOrdId": str(SPEC.ids.encode(intent.client_order_id)),
        "side": intent.side.value,
        "sz": plain(instrument.quantity(intent.lots)),
    }
    if intent.type is OrderType.TRAILING_STOP:
        form["ordType"] = "move_order_stop"
        if trigger.trail_rate is not None:
            form["callbackRatio"] = plain(trigger.trail_rate)
        elif trigger.trail_ticks is not None:
            form["callbackSpread"] = plain(instrument.price(trigger.trail_ticks))
        if trigger.ticks is not None:
            form["activePx"] = plain(instrument.price(trigger.ticks))
    else:
        assert trigger.ticks is not None, "a stop has a price that wakes it"
        half = _HALVES[intent.type]
        form["ordType"] = "conditional"
        form[f"{half}TriggerPx"] = plain(instrument.price(trigger.ticks))
        form[f"{half}TriggerPxType"] = trigger.by.value
        form[f"{half}OrdPx"] = _AT_MARKET if intent.ticks is None else plain(instrument.price(intent.ticks))
    if instrument.kind is Kind.SPOT and not intent.type.is_limit:
        form["tgtCcy"] = "base_ccy"
    if intent.reduce_only:
        form["reduceOnly"] = True
    return form


def changed_stop(known: Known, *, lots: int, ticks: int) -> dict[str, str]:
    """Write what an instruction is to be changed to; UsageError for one that cannot be changed."""
    half = _HALVES.get(known.intent.type)
    if half is None:
        raise UsageError(f"okx: {known.intent.instrument}: a trailing stop cannot be changed: cancel it")
    form = {"newSz": plain(known.instrument.quantity(lots))}
    if known.intent.type.is_limit:
        form[f"new{half.capitalize()}OrdPx"] = plain(known.instrument.price(ticks))
    return form


def stop_events(row: StopRow, instrument: Instrument, received_ns: int) -> Iterator[OrderEvent]:
    """Say what a row of the stream tells of an instruction of ours; what its order does is told as any order's."""
    order = own_id(row.algo_cl_ord_id)
    if order is None:
        return
    name, told_ns = f"{ALGO}{row.algo_id}", ns(row.u_time)
    if row.state in _ASLEEP:
        yield OrderAccepted(
            client_order_id=order, venue_order_id=name, venue_ns=told_ns, received_ns=received_ns
        )
        request = int(row.req_id) if row.req_id.isascii() and row.req_id.isdigit() else None
        if row.amend_result == "0":
            yield OrderAmended(
                client_order_id=order,
                venue_order_id=name,
                venue_ns=told_ns,
                received_ns=received_ns,
                lots=counters(instrument)[1](row.sz),
                ticks=_ticks(row, instrument),
                request=request,
            )
        elif row.amend_result == "-1" and request is not None:
            yield AmendRejected(
                client_order_id=order,
                venue_order_id=name,
                venue_ns=told_ns,
                received_ns=received_ns,
                request=request,
                reason="the venue did not change the order",
            )
    elif row.state == "canceled":
        yield OrderCanceled(
            client_order_id=order,
            venue_order_id=name,
            venue_ns=told_ns,
            received_ns=received_ns,
            reason="canceled before it woke",
        )
    elif row.state in _FAILED:
        yield OrderExpired(
            client_order_id=order,
            venue_order_id=name,
            venue_ns=told_ns,
            received_ns=received_ns,
            reason=f"it woke, and could not be placed ({row.fail_code or 'no reason given'})",
        )
    elif row.state not in _WOKEN:
        raise DataError(f"an instruction is {row.state[:40]!r}, and nobody knows what that is")


def stop_report(row: StopRow, instrument: Instrument) -> OrderReport:
    """Read an instruction as it is told when asked for.

    One that has woken is reported under the name of its order, as open: that name is what it is asked for by next, and
    its trades are found by.
    """
    lots = counters(instrument)[1]
    if row.state in _ASLEEP | _WOKEN:
        status = OrderStatus.OPEN
    elif row.state == "canceled":
        status = OrderStatus.CANCELED
    elif row.state in _FAILED:
        status = OrderStatus.EXPIRED
    else:
        raise DataError(f"instruction {row.algo_id} is {row.state[:40]!r}, and nobody knows what that is")
    return OrderReport(
        instrument=instrument.key,
        venue_order_id=row.ord_id if row.state in _WOKEN and row.ord_id else f"{ALGO}{row.algo_id}",
        client_order_id=own_id(row.algo_cl_ord_id),
        side=row.side,
        status=status,
        lots=lots(row.sz),
        filled_lots=0,
        ticks=_ticks(row, instrument),
    )


def _ticks(row: StopRow, instrument: Instrument) -> int | None:
    price = row.sl_ord_px or row.tp_ord_px or row.ord_px
    return counters(instrument)[0](price) if price and price != _AT_MARKET else None
