"""Orders at Binance: placed, changed, canceled; and what its answers say of them.

An answer tells of fills only where it names its trades (spot does, futures leave that to the stream). A conditional
order of futures lives under a number of another series until it is triggered; here that number begins with `algo:`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from xtrade.model.errors import DataError, Unavailable
from xtrade.model.events import OrderAmended, OrderEvent
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Answer, Ask
from xtrade.venues.binance.answers import (
    ALGO,
    Algo,
    Done,
    SpotAmended,
    SpotCanceled,
    SpotPlaced,
    UsdmBatched,
    UsdmOrder,
    algo_accepted,
    algo_canceled,
    batched_answer,
    each_canceled,
    spot_amended,
    spot_canceled,
    spot_placed,
    usdm_amended,
    usdm_canceled,
    usdm_placed,
)
from xtrade.venues.binance.forms import IDS, SIDES, batched, order_form, price_of, quantity_of
from xtrade.venues.binance.requests import Requests, Through
from xtrade.venues.binance.sections import SPOT, USDM, Section, section_of
from xtrade.venues.codec import Known
from xtrade.venues.markets import Markets

__all__ = ["Orders", "name_of", "names_algo"]

_SAME_AMEND: Final = (-5027,)
_NOTHING_THERE: Final = (-2011,)


class Orders:
    """Commands about orders."""

    def __init__(self, requests: Requests, markets: Markets) -> None:
        self._requests = requests
        self._markets = markets

    # -- placing --------------------------------------------------------------------------------------------------

    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        """One order, through the socket or over HTTP."""
        instrument = self._markets.of(intent.instrument).instrument
        section = section_of(instrument)
        form = order_form(intent, instrument)
        name = form.get("newClientOrderId") or form["clientAlgoId"]
        what, id_ = f"place order {name}", f"p-{name}"
        costs = _placing(section, 1)
        if section is SPOT:
            return self._requests.command(
                what,
                SPOT,
                "POST",
                "/order",
                form,
                SpotPlaced,
                lambda told, answer: list(spot_placed(intent, instrument, told, answer)),
                costs=costs,
                through=Through("order.place", id_),
                valid_until_ns=intent.valid_until_ns,
            )
        if intent.type.is_triggered:
            return self._requests.command(
                what,
                USDM,
                "POST",
                "/algoOrder",
                form,
                Algo,
                lambda told, answer: [algo_accepted(intent.client_order_id, told, answer)],
                costs=costs,
                through=Through("algoOrder.place", id_),
                valid_until_ns=intent.valid_until_ns,
            )
        return self._requests.command(
            what,
            USDM,
            "POST",
            "/order",
            form,
            UsdmOrder,
            lambda told, answer: list(usdm_placed(intent.client_order_id, instrument, told, answer)),
            costs=costs,
            through=Through("order.place", id_),
            valid_until_ns=intent.valid_until_ns,
        )

    def place_many(self, intents: Sequence[OrderIntent]) -> Ask[Sequence[OrderEvent]] | None:
        """Several orders of futures in one request; None where they do not go together."""
        instruments = [self._markets.of(intent.instrument).instrument for intent in intents]
        if any(section_of(each) is SPOT for each in instruments) or any(
            intent.type.is_triggered for intent in intents
        ):
            return None
        forms = [
            batched(order_form(intent, instrument))
            for intent, instrument in zip(intents, instruments, strict=True)
        ]

        def read(rows: list[UsdmBatched], answer: Answer) -> list[OrderEvent]:
            if len(rows) != len(intents):
                raise DataError(f"{len(rows)} orders are answered for, of {len(intents)}")
            told: list[OrderEvent] = []
            for intent, instrument, row in zip(intents, instruments, rows, strict=True):
                told += batched_answer(intent, instrument, row, answer)
            return told

        deadlines = [each.valid_until_ns for each in intents if each.valid_until_ns is not None]
        return self._requests.command(
            f"place {len(intents)} orders",
            USDM,
            "POST",
            "/batchOrders",
            {"batchOrders": msgspec.json.encode(forms).decode()},
            list[UsdmBatched],
            read,
            costs=(Cost(USDM.weight, USDM.weights["batch"]), Cost(USDM.orders, len(intents))),
            valid_until_ns=min(deadlines, default=None),
        )

    # -- changing -------------------------------------------------------------------------------------------------

    def amend(self, known: Known, *, lots: int, ticks: int, request: int) -> Ask[Sequence[OrderEvent]]:
        """Less on spot, keeping its place in the queue; any quantity and price on futures, at the end of the queue."""
        instrument = known.instrument
        number = known.intent.client_order_id
        what = f"amend order {IDS.encode(number)}"
        if section_of(instrument) is SPOT:
            return self._amend_spot(known, what, lots, ticks, request)
        if names_algo(known):
            raise Unavailable(
                f"binance: {what}: a conditional order cannot be changed before it is triggered; nothing was sent",
                venue="binance",
                request=what,
            )

        def as_asked() -> list[OrderEvent]:
            return [
                OrderAmended(
                    client_order_id=number,
                    venue_order_id=known.venue_order_id,
                    lots=lots,
                    ticks=ticks,
                    request=request,
                )
            ]

        return self._requests.command(
            what,
            USDM,
            "PUT",
            "/order",
            {
                "symbol": instrument.native,
                "side": SIDES[known.intent.side],
                "quantity": quantity_of(instrument, lots),
                "price": price_of(instrument, ticks),
                **name_of(known),
            },
            UsdmOrder,
            lambda told, answer: list(usdm_amended(number, instrument, request, told, answer)),
            costs=_placing(USDM, 1),
            through=Through("order.modify", f"a{request}-{IDS.encode(number)}"),
            done=_SAME_AMEND,
            already=as_asked,
        )

    def _amend_spot(
        self, known: Known, what: str, lots: int, ticks: int, request: int
    ) -> Ask[Sequence[OrderEvent]]:
        instrument, intent = known.instrument, known.intent
        if ticks != intent.ticks or lots >= intent.lots:
            raise Unavailable(
                f"binance: {what}: spot orders can be changed to a smaller quantity alone; nothing was sent",
                venue="binance",
                request=what,
            )

        return self._requests.command(
            what,
            SPOT,
            "PUT",
            "/order/amend/keepPriority",
            {
                "symbol": instrument.native,
                "newQty": quantity_of(instrument, lots),
                # Without it the venue gives the order a name of its own choice.
                "newClientOrderId": str(IDS.encode(intent.client_order_id)),
                **name_of(known),
            },
            SpotAmended,
            lambda told, answer: [spot_amended(intent.client_order_id, instrument, request, told, answer)],
            costs=(Cost(SPOT.weight, SPOT.weights["amend"]),),
            through=Through("order.amend.keepPriority", f"a{request}-{IDS.encode(intent.client_order_id)}"),
        )

    # -- ending ---------------------------------------------------------------------------------------------------

    def cancel(self, known: Known, request: int) -> Ask[Sequence[OrderEvent]]:
        """One order; that it is not there is a Rejected, for it may have been filled."""
        instrument = known.instrument
        number = known.intent.client_order_id
        section = section_of(instrument)
        what = f"cancel order {IDS.encode(number)}"
        id_ = f"c{request}-{IDS.encode(number)}"
        if section is SPOT:
            return self._requests.command(
                what,
                SPOT,
                "DELETE",
                "/order",
                {"symbol": instrument.native, **name_of(known)},
                SpotCanceled,
                lambda told, answer: [spot_canceled(number, instrument, told, answer)],
                costs=(Cost(SPOT.weight),),
                priority=Priority.CANCEL,
                repeat=Repeat.IDEMPOTENT,
                through=Through("order.cancel", id_),
            )
        if names_algo(known):
            return self._cancel_algo(known, what, id_)
        return self._requests.command(
            what,
            USDM,
            "DELETE",
            "/order",
            {"symbol": instrument.native, **name_of(known)},
            UsdmOrder,
            lambda told, answer: [usdm_canceled(number, instrument, told, answer)],
            costs=(Cost(USDM.weight),),
            priority=Priority.CANCEL,
            repeat=Repeat.IDEMPOTENT,
            through=Through("order.cancel", id_),
        )

    def _cancel_algo(self, known: Known, what: str, id_: str) -> Ask[Sequence[OrderEvent]]:
        number = known.intent.client_order_id

        return self._requests.command(
            what,
            USDM,
            "DELETE",
            "/algoOrder",
            {"clientAlgoId": str(IDS.encode(number))},
            Algo,
            lambda told, answer: [algo_canceled(number, told, answer)],
            costs=(Cost(USDM.weight),),
            priority=Priority.CANCEL,
            repeat=Repeat.IDEMPOTENT,
            through=Through("algoOrder.cancel", id_),
        )

    def cancel_all(self, keys: Collection[str]) -> Sequence[Ask[Sequence[OrderEvent]]]:
        """All orders of these markets; on futures conditional ones are asked for apart."""
        asks: list[Ask[Sequence[OrderEvent]]] = []
        for key in keys:
            instrument = self._markets.of(key).instrument
            what = f"cancel all orders of {instrument.native}"
            if section_of(instrument) is SPOT:
                asks.append(self._cancel_all_spot(instrument, what))
                continue
            for path, of in (("/allOpenOrders", what), ("/algoOpenOrders", f"{what} that are conditional")):
                asks.append(
                    self._requests.command(
                        of,
                        USDM,
                        "DELETE",
                        path,
                        {"symbol": instrument.native},
                        Done,
                        lambda _told, _answer: [],
                        costs=(Cost(USDM.weight),),
                        priority=Priority.CANCEL,
                        repeat=Repeat.IDEMPOTENT,
                        done=_NOTHING_THERE,
                        already=list,
                    )
                )
        return asks

    def _cancel_all_spot(self, instrument: Instrument, what: str) -> Ask[Sequence[OrderEvent]]:
        def read(rows: list[SpotCanceled], answer: Answer) -> list[OrderEvent]:
            told: list[OrderEvent] = []
            for row in each_canceled(rows):
                number = IDS.decode(row.orig_client_order_id)
                if number is not None:
                    told.append(spot_canceled(number, instrument, row, answer))
            return told

        return self._requests.command(
            what,
            SPOT,
            "DELETE",
            "/openOrders",
            {"symbol": instrument.native},
            list[SpotCanceled],
            read,
            costs=(Cost(SPOT.weight),),
            priority=Priority.CANCEL,
            repeat=Repeat.IDEMPOTENT,
            done=_NOTHING_THERE,
            already=list,
        )

    def countdown(self, seconds: int, keys: Collection[str]) -> Sequence[Ask[None]]:
        """Cancel what is open in a market unless this is asked again in time; futures alone have it."""
        instruments = [self._markets.of(key).instrument for key in keys]
        return [
            self._requests.command(
                f"countdown for {each.native}",
                USDM,
                "POST",
                "/countdownCancelAll",
                {"symbol": each.native, "countdownTime": str(seconds * 1_000)},
                Done,
                lambda _told, _answer: None,
                costs=(Cost(USDM.weight, USDM.weights["countdown"]),),
                priority=Priority.CANCEL,
                repeat=Repeat.IDEMPOTENT,
            )
            for each in instruments
            if section_of(each) is USDM
        ]


def names_algo(known: Known) -> bool:
    """Whether an order is, as far as we know, still waiting for its trigger under a number of the other series."""
    if known.venue_order_id is not None:
        return known.venue_order_id.startswith(ALGO)
    return known.intent.type.is_triggered and section_of(known.instrument) is not SPOT


def name_of(known: Known) -> dict[str, str]:
    """Name an order to the venue: by its own number where we have heard that."""
    if known.venue_order_id is not None:
        return {"orderId": known.venue_order_id}
    return {"origClientOrderId": str(IDS.encode(known.intent.client_order_id))}


def _placing(section: Section, orders: int) -> tuple[Cost, ...]:
    # Where it succeeds it weighs nothing; it is counted as if it failed.
    return Cost(section.weight), Cost(section.orders, orders)
