"""What Binance answers to commands about orders, and the events that it means.

An answer tells of fills only where it names its trades: spot does, futures leave that to the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypedDict

from msgspec import Struct, field

from xtrade.model.events import (
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent
from xtrade.venues.asks import Answer
from xtrade.venues.binance.errors import Refusal, meaning_of
from xtrade.venues.binance.sections import USDM
from xtrade.venues.levels import counters
from xtrade.venues.meanings import Meaning

__all__ = [
    "ALGO",
    "EXPIRED",
    "Algo",
    "Done",
    "SpotAmended",
    "SpotCanceled",
    "SpotPlaced",
    "UsdmBatched",
    "UsdmOrder",
    "algo_accepted",
    "algo_canceled",
    "batched_answer",
    "each_canceled",
    "spot_amended",
    "spot_canceled",
    "spot_placed",
    "usdm_amended",
    "usdm_canceled",
    "usdm_placed",
]

ALGO: Final = "algo:"
"""What the number of a conditional order begins with here, for the venue counts them apart from orders."""

EXPIRED: Final = frozenset({"EXPIRED", "EXPIRED_IN_MATCH"})

_MS_NS: Final = 1_000_000


class _SpotFill(Struct, rename="camel"):
    price: str
    qty: str
    trade_id: int
    commission: str | None = None
    commission_asset: str | None = None


class SpotPlaced(Struct, rename="camel"):
    """An order that was taken; with what traded at once."""

    order_id: int
    transact_time: int
    status: str = "NEW"
    executed_qty: str = "0"
    expiry_reason: str = ""
    fills: list[_SpotFill] = field(default_factory=list)


class SpotCanceled(Struct, rename="camel"):
    """An order that a cancel ended; or a list of orders that it ended together."""

    order_id: int = 0
    orig_client_order_id: str = ""
    transact_time: int = 0
    executed_qty: str = "0"
    order_reports: list[SpotCanceled] = field(default_factory=list)


class _AmendedOrder(Struct, rename="camel"):
    order_id: int
    qty: str


class SpotAmended(Struct, rename="camel"):
    """An order with its smaller quantity."""

    transact_time: int
    amended_order: _AmendedOrder


class UsdmOrder(Struct, rename="camel"):
    """An order of futures, as every command answers with it."""

    order_id: int
    status: str
    orig_qty: str
    price: str = "0"
    executed_qty: str = "0"
    update_time: int = 0


class UsdmBatched(Struct, rename="camel"):
    """One of several orders, or why there is none."""

    order_id: int = 0
    status: str = ""
    orig_qty: str = "0"
    price: str = "0"
    executed_qty: str = "0"
    update_time: int = 0
    code: int = 0
    msg: str = ""


class Algo(Struct, rename="camel"):
    """A conditional order: the number under which it waits."""

    algo_id: int


class Done(Struct):
    """Something was done, and nothing that matters is said of it."""


def spot_placed(
    intent: OrderIntent, instrument: Instrument, told: SpotPlaced, answer: Answer
) -> Iterator[OrderEvent]:
    """Say what became of a new order at once: what trades there takes, so none of these fills made the price."""
    ticks, lots = counters(instrument)
    about = _about(intent.client_order_id, str(told.order_id), told.transact_time, answer)
    yield OrderAccepted(**about)
    for row in told.fills:
        fee = None
        if row.commission is not None and row.commission_asset:
            fee = Money.of(row.commission, row.commission_asset)
        yield OrderFilled(
            **about,
            fill=Fill(
                trade_id=str(row.trade_id),
                side=intent.side,
                ticks=ticks(row.price),
                lots=lots(row.qty),
                fee=fee,
                maker=False,
                venue_ns=told.transact_time * _MS_NS,
            ),
        )
    if told.status == "FILLED" and not told.fills:
        yield OrderCompleted(**about, cumulative_lots=lots(told.executed_qty))
    elif told.status in EXPIRED:
        reason = told.expiry_reason or told.status
        yield OrderExpired(**about, reason=reason, cumulative_lots=lots(told.executed_qty))


def usdm_placed(
    number: ClientOrderId, instrument: Instrument, told: UsdmOrder | UsdmBatched, answer: Answer
) -> Iterator[OrderEvent]:
    """Say where an order of futures stands."""
    _, lots = counters(instrument)
    about = _about(number, str(told.order_id), told.update_time, answer)
    yield OrderAccepted(**about)
    if told.status == "FILLED":
        yield OrderCompleted(**about, cumulative_lots=lots(told.executed_qty))
    elif told.status in EXPIRED:
        yield OrderExpired(**about, reason=told.status, cumulative_lots=lots(told.executed_qty))
    elif told.status == "CANCELED":
        yield OrderCanceled(**about, cumulative_lots=lots(told.executed_qty))


def batched_answer(
    intent: OrderIntent, instrument: Instrument, told: UsdmBatched, answer: Answer
) -> list[OrderEvent]:
    """Say what became of one order of several."""
    if told.order_id:
        return list(usdm_placed(intent.client_order_id, instrument, told, answer))
    refusal = Refusal(code=told.code, msg=told.msg)
    if meaning_of(USDM.name, answer.status, refusal) is Meaning.DOUBT:
        return [
            OrderInDoubt(
                client_order_id=intent.client_order_id,
                reason=f"{told.msg} ({told.code})",
                received_ns=answer.received_ns,
            )
        ]
    return [
        OrderRejected(
            client_order_id=intent.client_order_id,
            reason=told.msg or "no reason given",
            code=str(told.code),
            received_ns=answer.received_ns,
        )
    ]


def algo_accepted(number: ClientOrderId, told: Algo, answer: Answer) -> OrderEvent:
    """Say that a conditional order waits."""
    return OrderAccepted(
        client_order_id=number, venue_order_id=f"{ALGO}{told.algo_id}", received_ns=answer.received_ns
    )


def algo_canceled(number: ClientOrderId, told: Algo, answer: Answer) -> OrderEvent:
    """Say that a conditional order waits no more."""
    return OrderCanceled(
        client_order_id=number, venue_order_id=f"{ALGO}{told.algo_id}", received_ns=answer.received_ns
    )


def spot_amended(
    number: ClientOrderId, instrument: Instrument, request: int, told: SpotAmended, answer: Answer
) -> OrderEvent:
    """Say that an order is smaller now, at the price that it had."""
    _, lots = counters(instrument)
    return OrderAmended(
        **_about(number, str(told.amended_order.order_id), told.transact_time, answer),
        lots=lots(told.amended_order.qty),
        request=request,
    )


def usdm_amended(
    number: ClientOrderId, instrument: Instrument, request: int, told: UsdmOrder, answer: Answer
) -> Iterator[OrderEvent]:
    """Say what an order is now. An amendment also ends one: where it would cross although it is post-only, or where
    as much as it asks for has traded already.
    """
    ticks, lots = counters(instrument)
    if told.status in EXPIRED or told.status == "CANCELED":
        yield from usdm_placed(number, instrument, told, answer)
        return
    yield OrderAmended(
        **_about(number, str(told.order_id), told.update_time, answer),
        lots=lots(told.orig_qty),
        ticks=ticks(told.price),
        request=request,
    )


def spot_canceled(
    number: ClientOrderId, instrument: Instrument, told: SpotCanceled, answer: Answer
) -> OrderEvent:
    """Say that an order was canceled, and how much of it had traded."""
    _, lots = counters(instrument)
    return OrderCanceled(
        **_about(number, str(told.order_id), told.transact_time, answer),
        cumulative_lots=lots(told.executed_qty),
    )


def usdm_canceled(
    number: ClientOrderId, instrument: Instrument, told: UsdmOrder, answer: Answer
) -> OrderEvent:
    """Say that an order was canceled, and how much of it had traded."""
    _, lots = counters(instrument)
    return OrderCanceled(
        **_about(number, str(told.order_id), told.update_time, answer),
        cumulative_lots=lots(told.executed_qty),
    )


def each_canceled(rows: Iterable[SpotCanceled]) -> Iterator[SpotCanceled]:
    """Walk over single orders, those of lists too."""
    for row in rows:
        yield from each_canceled(row.order_reports) if row.order_reports else (row,)


class _About(TypedDict):
    client_order_id: ClientOrderId
    venue_order_id: str
    venue_ns: int | None
    received_ns: int


def _about(number: ClientOrderId, venue_order_id: str, at_ms: int, answer: Answer) -> _About:
    return {
        "client_order_id": number,
        "venue_order_id": venue_order_id,
        "venue_ns": at_ms * _MS_NS or None,
        "received_ns": answer.received_ns,
    }
