"""Backpack's orders, and what the account has. An answer to an order is the engine's result, not a promise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct
from typing_extensions import override

from xtrade.model.errors import UsageError
from xtrade.model.events import (
    BalanceReport,
    OrderAccepted,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderRejected,
    PositionReport,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import number, plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, TriggerPrice
from xtrade.model.sides import Side
from xtrade.net.limits import Priority
from xtrade.net.retry import Repeat
from xtrade.venues.asks import Ask, Page
from xtrade.venues.backpack.auth import instruction
from xtrade.venues.backpack.public import MarketQuestions, Number, instant_ns
from xtrade.venues.backpack.spec import BATCH_MAX, MEANINGS, PAGE
from xtrade.venues.base import FeeRates, FillReport, OrderReport
from xtrade.venues.codec import Known
from xtrade.venues.meanings import Meaning

__all__ = ["SIDES", "STATUSES", "OrderRow", "Trading"]

SIDES: Final[Mapping[str, Side]] = {"Bid": Side.BUY, "Ask": Side.SELL}
_SIDE_WORDS: Final = {side: word for word, side in SIDES.items()}
STATUSES: Final[Mapping[str, OrderStatus]] = {
    "New": OrderStatus.OPEN,
    "TriggerPending": OrderStatus.OPEN,
    "Triggered": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIAL,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerFailed": OrderStatus.REJECTED,
}
_TRIGGERED_BY: Final = {
    TriggerPrice.LAST: "LastPrice",
    TriggerPrice.MARK: "MarkPrice",
    TriggerPrice.INDEX: "IndexPrice",
}
_BASIS_POINT: Final = Decimal("0.0001")


class OrderRow(Struct, rename="camel"):
    """An order, in an answer or a list."""

    id: str
    symbol: str
    side: str
    status: str
    client_id: Number | None = None
    price: str | None = None
    quantity: str | None = None
    executed_quantity: str | None = None
    trigger_quantity: str | None = None
    expiry_reason: str | None = None


class _Batched(Struct, rename="camel"):
    operation: str
    id: str = ""
    symbol: str = ""
    side: str = ""
    status: str = ""
    client_id: Number | None = None
    quantity: str | None = None
    executed_quantity: str | None = None
    expiry_reason: str | None = None
    code: str = ""
    message: str = ""


class _FillRow(Struct, rename="camel"):
    order_id: str
    symbol: str
    side: str
    price: str
    quantity: str
    fee: str
    fee_symbol: str
    is_maker: bool
    timestamp: str
    trade_id: Number | None = None
    client_id: Number | None = None


class _Holding(Struct, rename="camel"):
    symbol: str
    total_quantity: str
    open_order_quantity: str = "0"


class _Collateral(Struct):
    collateral: list[_Holding]


class _Position(Struct, rename="camel"):
    symbol: str
    net_quantity: str
    entry_price: str | None = None
    est_liquidation_price: str | None = None


class _Account(Struct, rename="camel"):
    spot_maker_fee: str
    spot_taker_fee: str
    futures_maker_fee: str
    futures_taker_fee: str


class Trading(MarketQuestions):
    """Commands, and questions that need a key."""

    # -- commands -------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        body = self._form(intent)

        def read(told: OrderRow, at_ns: int) -> Sequence[OrderEvent]:
            return self._placed(intent.client_order_id, self._instrument(told.symbol), told, at_ns)

        return self._ask(
            "place order",
            "POST",
            "/api/v1/order",
            read,
            OrderRow,
            body=body,
            signs=instruction("orderExecute", body),
            priority=Priority.TRADE,
            repeat=Repeat.NEVER,
        )

    @override
    def place_many(self, intents: Sequence[OrderIntent]) -> Ask[Sequence[OrderEvent]]:
        if len(intents) > BATCH_MAX:
            raise UsageError(f"backpack takes {BATCH_MAX} orders at once, not {len(intents)}")
        bodies = [self._form(intent) for intent in intents]

        def read(told: list[_Batched], at_ns: int) -> Sequence[OrderEvent]:
            events: list[OrderEvent] = []
            for intent, row in zip(intents, told, strict=True):
                order = intent.client_order_id
                if row.operation == "Ok":
                    instrument = self.markets.of(intent.instrument).instrument
                    events += self._placed(order, instrument, row, at_ns)
                elif MEANINGS.get(row.code) is not Meaning.DOUBT:
                    events.append(
                        OrderRejected(
                            client_order_id=order,
                            reason=f"backpack: place order: {row.message} ({row.code})",
                            code=row.code,
                            received_ns=at_ns,
                        )
                    )
            return events

        return self._ask(
            "place orders",
            "POST",
            "/api/v1/orders",
            read,
            list[_Batched],
            body=bodies,
            signs="&".join(instruction("orderExecute", body) for body in bodies),
            priority=Priority.TRADE,
            repeat=Repeat.NEVER,
        )

    @override
    def cancel(self, known: Known, request: int) -> Ask[Sequence[OrderEvent]]:
        body: dict[str, object] = {"symbol": known.instrument.native}
        if known.venue_order_id:
            body["orderId"] = known.venue_order_id
        else:
            body["clientId"] = self.spec.ids.encode(known.intent.client_order_id)
        order = known.intent.client_order_id

        def read(told: OrderRow, at_ns: int) -> Sequence[OrderEvent]:
            if told.status != "Cancelled":
                return []
            filled = known.instrument.lots(told.executed_quantity or "0")
            return [
                OrderCanceled(
                    client_order_id=order,
                    venue_order_id=told.id,
                    reason="user",
                    cumulative_lots=filled,
                    received_ns=at_ns,
                )
            ]

        nothing: Sequence[OrderEvent] = []
        return self._ask(
            "cancel order",
            "DELETE",
            "/api/v1/order",
            read,
            OrderRow,
            body=body,
            signs=instruction("orderCancel", body),
            priority=Priority.CANCEL,
            repeat=Repeat.IDEMPOTENT,
            later=nothing,
        )

    @override
    def cancel_all(self, keys: Collection[str]) -> Sequence[Ask[Sequence[OrderEvent]]]:
        asks = []
        for key in sorted(keys):
            body = {"symbol": self.markets.of(key).instrument.native}
            nothing: Sequence[OrderEvent] = []
            asks.append(
                self._ask(
                    "cancel all orders",
                    "DELETE",
                    "/api/v1/orders",
                    self._all_canceled,
                    list[OrderRow],
                    body=body,
                    signs=instruction("orderCancelAll", body),
                    priority=Priority.CANCEL,
                    repeat=Repeat.IDEMPOTENT,
                    later=nothing,
                    missing=nothing,
                )
            )
        return asks

    # -- orders, asked --------------------------------------------------------------------------------------------

    @override
    def open_orders(self, keys: Collection[str]) -> Sequence[Ask[Page[OrderReport]]]:
        def read(told: list[OrderRow], _at_ns: int) -> Page[OrderReport]:
            return Page(tuple(report for row in told if (report := self._report(row)) is not None))

        return [self._signed("open orders", "orderQueryAll", "/api/v1/orders", read, list[OrderRow])]

    @override
    def order(self, known: Known) -> Sequence[Ask[OrderReport | None]]:
        query: dict[str, object] = {"symbol": known.instrument.native}
        query["clientId"] = self.spec.ids.encode(known.intent.client_order_id)
        resting: Ask[OrderReport | None] = self._ask(
            "order",
            "GET",
            "/api/v1/order",
            lambda told, _: self._report(told),
            OrderRow,
            query=query,
            signs=instruction("orderQuery", query),
            priority=Priority.ACCOUNT,
        )
        return [_or_none(resting), self._ended(known)]

    @override
    def fills(self, since_ns: int, keys: Collection[str]) -> Sequence[Ask[Page[FillReport]]]:
        return [self._fills(since_ns // 1_000_000, 0)]

    # -- the account, asked ---------------------------------------------------------------------------------------

    @override
    def balances(self) -> Sequence[Ask[Sequence[BalanceReport]]]:
        def read(told: _Collateral, at_ns: int) -> Sequence[BalanceReport]:
            return [
                BalanceReport(
                    account=self.account,
                    total=Money.of(row.total_quantity, row.symbol),
                    held=Money.of(row.open_order_quantity, row.symbol),
                    received_ns=at_ns,
                )
                for row in told.collateral
            ]

        return [self._signed("balances", "collateralQuery", "/api/v1/capital/collateral", read, _Collateral)]

    @override
    def positions(self) -> Sequence[Ask[Sequence[PositionReport]]]:
        def read(told: list[_Position], at_ns: int) -> Sequence[PositionReport]:
            found = []
            for row in told:
                instrument = self.markets.native(row.symbol)
                if instrument is None or not number(row.net_quantity):
                    continue
                found.append(
                    PositionReport(
                        account=self.account,
                        instrument=instrument.key,
                        lots=instrument.lots(row.net_quantity),
                        entry_price=_price(row.entry_price),
                        liquidation_price=_price(row.est_liquidation_price),
                        received_ns=at_ns,
                    )
                )
            return found

        return [self._signed("positions", "positionQuery", "/api/v1/position", read, list[_Position])]

    @override
    def fee_rates(self, keys: Collection[str]) -> Sequence[Ask[Mapping[str, FeeRates]]]:
        def read(told: _Account, _at_ns: int) -> Mapping[str, FeeRates]:
            spot = FeeRates(
                number(told.spot_maker_fee) * _BASIS_POINT, number(told.spot_taker_fee) * _BASIS_POINT
            )
            futures = FeeRates(
                number(told.futures_maker_fee) * _BASIS_POINT, number(told.futures_taker_fee) * _BASIS_POINT
            )
            return {
                key: spot if self.markets.of(key).instrument.kind is Kind.SPOT else futures for key in keys
            }

        return [self._signed("fee rates", "accountQuery", "/api/v1/account", read, _Account)]

    # -- how ------------------------------------------------------------------------------------------------------

    def _form(self, intent: OrderIntent) -> dict[str, object]:
        """Write an order. Numbers are text, so that body and signature have the same."""
        instrument = self.markets.of(intent.instrument).instrument
        body: dict[str, object] = {
            "clientId": self.spec.ids.encode(intent.client_order_id),
            "orderType": "Limit" if intent.type.is_limit else "Market",
            "side": _SIDE_WORDS[intent.side],
            "symbol": instrument.native,
        }
        quantity = plain(instrument.quantity(intent.lots))
        if intent.trigger is not None:
            assert intent.trigger.ticks is not None, "problems() asks for the trigger price"
            body["triggerPrice"] = plain(instrument.price(intent.trigger.ticks))
            body["triggerBy"] = _TRIGGERED_BY[intent.trigger.by]
            body["triggerQuantity"] = quantity
        elif intent.quote_amount is not None:
            body["quoteQuantity"] = plain(intent.quote_amount.amount)
        else:
            body["quantity"] = quantity
        if intent.ticks is not None:
            body["price"] = plain(instrument.price(intent.ticks))
            body["timeInForce"] = intent.time_in_force.value.upper()
        if intent.post_only:
            body["postOnly"] = True
        if intent.reduce_only:
            body["reduceOnly"] = True
        return body

    def _placed(
        self, order: ClientOrderId, instrument: Instrument, row: OrderRow | _Batched, at_ns: int
    ) -> list[OrderEvent]:
        """Say what the engine did with an order at once. What it traded comes through the stream, with its trades."""
        filled = instrument.lots(row.executed_quantity or "0")
        about: dict[str, Any] = {
            "client_order_id": order,
            "venue_order_id": row.id,
            "received_ns": at_ns,
        }
        events: list[OrderEvent] = [OrderAccepted(**about)]
        reason = row.expiry_reason or ""
        match row.status:
            case "Filled":
                events.append(OrderCompleted(cumulative_lots=filled, **about))
            case "Expired":
                events.append(OrderExpired(reason=reason, cumulative_lots=filled, **about))
            case "Cancelled":
                events.append(OrderCanceled(reason=reason, cumulative_lots=filled, **about))
            case "TriggerFailed":
                events.append(
                    OrderRejected(reason=reason or "its trigger failed", code="TriggerFailed", **about)
                )
            case _:
                pass
        return events

    def _all_canceled(self, told: list[OrderRow], at_ns: int) -> Sequence[OrderEvent]:
        events: list[OrderEvent] = []
        for row in told:
            order = self.spec.ids.decode(row.client_id)
            if order is not None and row.status == "Cancelled":
                filled = self._instrument(row.symbol).lots(row.executed_quantity or "0")
                events.append(
                    OrderCanceled(
                        client_order_id=order,
                        venue_order_id=row.id,
                        reason="user",
                        cumulative_lots=filled,
                        received_ns=at_ns,
                    )
                )
        return events

    def _ended(self, known: Known) -> Ask[OrderReport | None]:
        """Look for an order among those that have ended: by the venue's name for it, or in its market's last."""
        query: dict[str, object] = {"symbol": known.instrument.native, "limit": PAGE}
        if known.venue_order_id:
            query["orderId"] = known.venue_order_id
        wanted = known.intent.client_order_id

        def read(told: list[OrderRow], _at_ns: int) -> OrderReport | None:
            reports = (self._report(row) for row in told)
            return next(
                (each for each in reports if each is not None and each.client_order_id == wanted), None
            )

        return self._signed(
            "ended order", "orderHistoryQueryAll", "/wapi/v1/history/orders", read, list[OrderRow], **query
        )

    def _fills(self, from_ms: int, offset: int) -> Ask[Page[FillReport]]:
        def read(told: list[_FillRow], _at_ns: int) -> Page[FillReport]:
            found = tuple(report for row in told if (report := self._fill(row)) is not None)
            return Page(found, self._fills(from_ms, offset + PAGE) if len(told) == PAGE else None)

        return self._signed(
            "fills",
            "fillHistoryQueryAll",
            "/wapi/v1/history/fills",
            read,
            list[_FillRow],
            **{"from": from_ms, "limit": PAGE, "offset": offset},
        )

    def _fill(self, row: _FillRow) -> FillReport | None:
        instrument = self.markets.native(row.symbol)
        if instrument is None:
            return None
        at_ns = instant_ns(row.timestamp)
        return FillReport(
            instrument=instrument.key,
            venue_order_id=row.order_id,
            client_order_id=self.spec.ids.decode(row.client_id),
            fill=Fill(
                # A fill of the system's own (a liquidation, say) may come without a number.
                trade_id=str(row.trade_id) if row.trade_id is not None else f"{row.order_id}-{at_ns}",
                side=SIDES[row.side],
                ticks=instrument.ticks(row.price),
                lots=instrument.lots(row.quantity),
                fee=Money.of(row.fee, row.fee_symbol),
                maker=row.is_maker,
                venue_ns=at_ns,
            ),
        )

    def _report(self, row: OrderRow) -> OrderReport | None:
        instrument = self.markets.native(row.symbol)
        if instrument is None:
            return None
        quantity = row.quantity or row.trigger_quantity or row.executed_quantity or "0"
        return OrderReport(
            instrument=instrument.key,
            venue_order_id=row.id,
            client_order_id=self.spec.ids.decode(row.client_id),
            side=SIDES[row.side],
            status=STATUSES.get(row.status, OrderStatus.OPEN),
            lots=0 if quantity.endswith("%") else instrument.lots(quantity),
            filled_lots=instrument.lots(row.executed_quantity or "0"),
            ticks=None if row.price is None else instrument.ticks(row.price),
        )

    def _instrument(self, native: str) -> Instrument:
        found = self.markets.native(native)
        if found is None:
            raise LookupError(f"no market {native} is listed")
        return found


def _price(text: str | None) -> Decimal | None:
    price = None if not text else number(text)
    return price or None


def _or_none(ask: Ask[OrderReport | None]) -> Ask[OrderReport | None]:
    """Take what is not found for an answer: it is not resting, which alone proves nothing."""
    from xtrade.model.errors import Rejected

    def read(answer: Any) -> OrderReport | None:
        try:
            return ask.read(answer)
        except Rejected as error:
            if MEANINGS.get(error.code) is Meaning.GONE:
                return None
            raise

    return ask._replace(read=read)
