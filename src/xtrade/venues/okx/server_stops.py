"""Orders that sleep, in a box of OKX: instructions with numbers of their own, until a price wakes them.

On the floor such an order is one order from its beginning to its end. Here it has two names: `algoId` while it sleeps,
and the floor's own (`ordId`) for the order that it places when it wakes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xtrade.model.errors import NumberError
from xtrade.model.events import OrderAmended, OrderCanceled, OrderEvent
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.numbers import number, plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.okx.server_orders import CLIENT_ID, Orders, lots_of, text, ticks_of
from xtrade.venues.okx.server_refusals import FLOOR_CODES, Refusal, bad
from xtrade.venues.okx.server_rows import ALGO_FROM, WOKEN, Row, kind_of, ms

__all__ = ["Stops", "algo_id", "channel_of", "is_asleep", "stop_row", "wake"]

_AT_MARKET: Final = "-1"
_GONE: Final = "Order does not exist, or has been triggered or canceled."
_LIMITS: Final[Mapping[str, OrderType]] = {
    "sl": OrderType.STOP_LIMIT,
    "tp": OrderType.TAKE_PROFIT_LIMIT,
}
_MARKETS: Final[Mapping[str, OrderType]] = {
    "sl": OrderType.STOP_MARKET,
    "tp": OrderType.TAKE_PROFIT_MARKET,
}
_STOP_LOSSES: Final = frozenset({OrderType.STOP_LIMIT, OrderType.STOP_MARKET})


def algo_id(slip: Slip) -> str:
    """Return an order's name while it sleeps."""
    return str(ALGO_FROM + slip.number)


def is_asleep(slip: Slip) -> bool:
    """Whether nobody has seen an order of it yet."""
    return slip.intent.type.is_triggered and WOKEN not in slip.extra


def wake(slip: Slip) -> None:
    """From now on it is an order."""
    slip.extra[WOKEN] = "yes"


def channel_of(slip: Slip) -> str:
    """Return the channel that tells of it."""
    return "algo-advance" if slip.intent.type is OrderType.TRAILING_STOP else "orders-algo"


def stop_row(slip: Slip, event: OrderEvent | None = None, request: str | None = None) -> Row:
    """Write an instruction as it stands, or as an event left it."""
    intent, instrument = slip.intent, slip.instrument
    trigger = intent.trigger
    assert trigger is not None, "what sleeps has a trigger"
    if event is None:
        state = "live" if slip.is_open else "canceled"
    else:
        state = "canceled" if isinstance(event, OrderCanceled) else "live"
    if not is_asleep(slip):
        state = "effective"
    lots, ticks = slip.lots, slip.ticks
    if isinstance(event, OrderAmended):
        lots, ticks = event.lots, event.ticks or ticks
    price = _AT_MARKET if ticks is None else plain(instrument.price(ticks))
    wakes = "" if trigger.ticks is None else plain(instrument.price(trigger.ticks))
    half = "" if intent.type is OrderType.TRAILING_STOP else "sl" if intent.type in _STOP_LOSSES else "tp"
    row: Row = {
        "instType": kind_of(instrument),
        "instId": instrument.native,
        "algoId": algo_id(slip),
        "algoClOrdId": slip.text,
        "clOrdId": "",
        "ordId": "" if is_asleep(slip) else slip.venue_order_id,
        "ordType": "conditional" if half else "move_order_stop",
        "sz": plain(instrument.quantity(lots)),
        "side": intent.side.value,
        "posSide": "net",
        "tdMode": slip.extra.get("tdMode", ""),
        "tgtCcy": slip.extra.get("tgtCcy", ""),
        "state": state,
        "reduceOnly": "true" if intent.reduce_only else "false",
        "actualSz": "" if is_asleep(slip) else plain(instrument.quantity(slip.filled_lots)),
        "actualPx": "",
        "actualSide": half,
        "triggerTime": "",
        "failCode": "",
        "amendResult": "" if request is None or not isinstance(event, OrderAmended) else "0",
        "reqId": request or "",
        "tag": slip.extra.get("tag", ""),
        "callbackRatio": "" if trigger.trail_rate is None else plain(trigger.trail_rate),
        "callbackSpread": "" if trigger.trail_ticks is None else plain(instrument.price(trigger.trail_ticks)),
        "activePx": "" if half else wakes,
        "cTime": ms(slip.created_ns),
        "uTime": ms(slip.updated_ns if event is None else event.venue_ns),
    }
    for name in ("sl", "tp"):
        row |= {
            f"{name}TriggerPx": wakes if name == half else "",
            f"{name}TriggerPxType": trigger.by.value if name == half else "",
            f"{name}OrdPx": price if name == half else "",
        }
    return row


class Stops:
    """The orders of all accounts of one box that sleep."""

    def __init__(self, floor: Floor, orders: Orders) -> None:
        self._floor, self._orders = floor, orders

    # -- commands -------------------------------------------------------------------------------------------------

    def place(self, account: str, form: Mapping[str, Any]) -> Slip:
        """Take an instruction."""
        instrument = self._orders.market(form)
        name = text(form, "algoClOrdId")
        if name and CLIENT_ID.fullmatch(name) is None:
            raise bad("algoClOrdId")
        taken = self._floor.find(account, text=name)
        if taken is not None and taken.is_open:
            raise Refusal("51065", "algoClOrdId already exists.")
        intent = self._intent(form, instrument)
        mode = self._orders.margin(account, instrument, text(form, "tdMode"))
        extra = {"tag": text(form, "tag"), "tdMode": mode, "tgtCcy": text(form, "tgtCcy")}
        slip = self._floor.place(account, intent, text=name, extra=extra)
        if slip.code:
            raise Refusal(FLOOR_CODES.get(slip.code, "51000"), slip.reason)
        return slip

    def cancel(self, account: str, form: Mapping[str, Any]) -> Slip:
        """Take an instruction back."""
        self._orders.market(form)
        slip = self.find(account, form)
        if slip is None or not is_asleep(slip) or not self._floor.cancel(slip):
            raise Refusal("51400", f"Cancellation failed. {_GONE}")
        return slip

    def amend(self, account: str, form: Mapping[str, Any]) -> Slip:
        """Change an instruction."""
        instrument = self._orders.market(form)
        slip = self.find(account, form)
        if slip is None or not is_asleep(slip) or not slip.is_open:
            raise Refusal("51503", f"Modification failed. {_GONE}")
        price = text(form, "newSlOrdPx") or text(form, "newTpOrdPx")
        size = text(form, "newSz")
        if slip.intent.type is OrderType.TRAILING_STOP or not (price or size):
            raise bad("algoId")
        if text(form, "newSlTriggerPx") or text(form, "newTpTriggerPx"):
            raise bad("newSlTriggerPx or newTpTriggerPx")
        lots = lots_of(size, instrument, "newSz") if size else None
        ticks = ticks_of(price, instrument, "newSlOrdPx or newTpOrdPx") if price else None
        return self._orders.change(slip, text(form, "reqId"), lots=lots, ticks=ticks)

    # -- looked up ------------------------------------------------------------------------------------------------

    def find(self, account: str, form: Mapping[str, Any]) -> Slip | None:
        """Return the instruction that a form names."""
        name = text(form, "algoId")
        if name:
            known = name.isascii() and name.isdigit() and len(name) <= 19
            found = self._floor.slip(int(name) - ALGO_FROM) if known else None
        else:
            found = self._floor.find(account, text=text(form, "algoClOrdId"))
        if found is None or found.account != account or not found.intent.type.is_triggered:
            return None
        return None if found.status is OrderStatus.REJECTED else found

    def one(self, account: str, form: Mapping[str, Any]) -> list[Row]:
        """Tell of one."""
        slip = self.find(account, form)
        if slip is None:
            raise Refusal("51603", "Order does not exist")
        return [stop_row(slip)]

    def pending(self, account: str, form: Mapping[str, Any]) -> list[Row]:
        """Tell of those that sleep."""
        return self._rows(form, [slip for slip in self._floor.open_slips(account) if is_asleep(slip)])

    def history(self, account: str, form: Mapping[str, Any]) -> list[Row]:
        """Tell of those that have woken, or were canceled."""
        over = [slip for slip in self._floor.slips(account) if not (is_asleep(slip) and slip.is_open)]
        return self._rows(form, [slip for slip in over if slip.status is not OrderStatus.REJECTED])

    # -- how ------------------------------------------------------------------------------------------------------

    def _rows(self, form: Mapping[str, Any], slips: Sequence[Slip]) -> list[Row]:
        kinds = [kind for kind in text(form, "ordType").split(",") if kind]
        if not kinds:
            raise bad("ordType")
        # A plain trigger becomes one half of a conditional order here.
        if "trigger" in kinds:
            kinds.append("conditional")
        rows = [stop_row(slip) for slip in reversed(slips) if slip.intent.type.is_triggered]
        below = text(form, "after")
        if below and not (below.isascii() and below.isdigit() and len(below) <= 19):
            raise bad("after")
        return [
            row
            for row in rows
            if row["ordType"] in kinds
            and text(form, "instId") in {"", row["instId"]}
            and text(form, "state") in {"", row["state"]}
            and (not below or int(row["algoId"]) < int(below))
        ][:100]

    def _intent(self, form: Mapping[str, Any], instrument: Instrument) -> OrderIntent:
        if text(form, "side") not in set(Side):
            raise bad("side")
        side = Side(text(form, "side"))
        order_type, price, trigger = self._trigger(form, instrument, side)
        return OrderIntent(
            client_order_id=ClientOrderId(1),
            instrument=instrument.key,
            instrument_version=instrument.version,
            side=side,
            type=order_type,
            lots=lots_of(text(form, "sz"), instrument, "sz"),
            ticks=None if not order_type.is_limit else ticks_of(price, instrument, "ordPx"),
            trigger=trigger,
            reduce_only=text(form, "reduceOnly") == "true" and instrument.kind is not Kind.SPOT,
        )

    def _trigger(
        self, form: Mapping[str, Any], instrument: Instrument, side: Side
    ) -> tuple[OrderType, str, Trigger]:
        kind = text(form, "ordType")
        if kind == "move_order_stop":
            return OrderType.TRAILING_STOP, "", _trail(form, instrument)
        if kind == "conditional":
            halves = [half for half in ("sl", "tp") if text(form, f"{half}TriggerPx")]
            if len(halves) != 1:
                raise bad("slTriggerPx or tpTriggerPx")
            half = halves[0]
            wakes, price = text(form, f"{half}TriggerPx"), text(form, f"{half}OrdPx")
            by = text(form, f"{half}TriggerPxType")
        elif kind == "trigger":
            wakes, by = text(form, "triggerPx"), text(form, "triggerPxType")
            price = text(form, "orderPx")
            last = self._floor.chronicle.last_trade(instrument.key)
            rises = last is None or ticks_of(wakes, instrument, "triggerPx") > last.ticks
            half = "sl" if rises == (side is Side.BUY) else "tp"
        else:
            raise bad("ordType")
        if (by or "last") not in set(TriggerPrice):
            raise bad("triggerPxType")
        trigger = Trigger(
            ticks=ticks_of(wakes, instrument, "triggerPx"), by=TriggerPrice(by or TriggerPrice.LAST)
        )
        return (_MARKETS if price == _AT_MARKET else _LIMITS)[half], price, trigger


def _trail(form: Mapping[str, Any], instrument: Instrument) -> Trigger:
    rate, spread, active = (text(form, name) for name in ("callbackRatio", "callbackSpread", "activePx"))
    if bool(rate) == bool(spread):
        raise bad("callbackRatio or callbackSpread")
    try:
        return Trigger(
            ticks=ticks_of(active, instrument, "activePx") if active else None,
            trail_rate=number(rate) if rate else None,
            trail_ticks=ticks_of(spread, instrument, "callbackSpread") if spread else None,
        )
    except NumberError:
        raise bad("callbackRatio") from None
