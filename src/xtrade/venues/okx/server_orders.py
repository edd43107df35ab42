"""What clients of a box of OKX ask of the floor: orders placed, changed, canceled, and looked up.

Every order of a request has an answer of its own (`sCode`). As at the venue, an acknowledgement says that an order was
taken; a post-only order that would have taken is acknowledged and then canceled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from xtrade.model.errors import NumberError, UsageError
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.sim.matching.rules import SelfTrade
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.okx.server_refusals import FLOOR_CODES, Counters, Refusal, bad
from xtrade.venues.okx.server_rows import WOKEN, Row, ms

__all__ = ["BATCH_MAX", "CLIENT_ID", "Orders", "lots_of", "text", "ticks_of"]

BATCH_MAX: Final = 20
_FORGOTTEN_NS: Final = 2 * 3_600 * 10**9
_FIRST_CODE: Final = 10_001
_NEVER_RESTED_FROM: Final = 10**18
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9]{0,16}", re.ASCII)
_LEVERAGE: Final = "20"

_KINDS: Final[Mapping[str, tuple[OrderType, TimeInForce]]] = {
    "limit": (OrderType.LIMIT, TimeInForce.GTC),
    "post_only": (OrderType.LIMIT, TimeInForce.GTC),
    "ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "fok": (OrderType.LIMIT, TimeInForce.FOK),
    "market": (OrderType.MARKET, TimeInForce.GTC),
}
_SELF_TRADE: Final[Mapping[str, SelfTrade]] = {
    "": SelfTrade.CANCEL_MAKER,
    "cancel_maker": SelfTrade.CANCEL_MAKER,
    "cancel_taker": SelfTrade.CANCEL_TAKER,
    "cancel_both": SelfTrade.CANCEL_BOTH,
}
_GONE: Final = "Order does not exist, or has been filled or canceled."


def text(form: Mapping[str, Any], name: str) -> str:
    """Return a field as text: clients send numbers where the venue writes text, and it takes both."""
    value = form.get(name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Orders:
    """The orders of all accounts of one box."""

    def __init__(self, floor: Floor, now_ns: Callable[[], int]) -> None:
        self.counters = Counters()
        self.codes = {key: number for number, key in enumerate(floor.instruments, _FIRST_CODE)}
        """The number by which sockets want each market."""
        self.requests: dict[int, str] = {}
        """The client's name for the change that is being made, by the order's number."""
        self._floor, self._now_ns = floor, now_ns
        self._by_code = {number: floor.instruments[key] for key, number in self.codes.items()}
        self._isolated: set[tuple[str, str]] = set()
        self._leverage: dict[tuple[str, str], str] = {}
        self._never_rested: dict[str, Slip] = {}

    # -- commands -------------------------------------------------------------------------------------------------

    def all_of(
        self,
        account: str,
        forms: Sequence[Mapping[str, Any]],
        do: Callable[[str, Mapping[str, Any]], Slip],
        named: Callable[[Slip], Row],
    ) -> tuple[str, str, list[Row]]:
        """Do the same with every form; return the code and the text above the acknowledgements, and those."""
        acks, failed = [], 0
        for form in forms:
            ack = {"ordId": "", "clOrdId": text(form, "clOrdId"), "tag": text(form, "tag"), "subCode": ""}
            ack |= {"ts": ms(self._now_ns()), "sCode": "0", "sMsg": ""}
            try:
                slip = do(account, form)
                ack |= named(slip)
            except Refusal as refusal:
                if refusal.status != 200:
                    raise
                failed += 1
                ack |= {"sCode": refusal.code, "sMsg": refusal.text, "ordId": text(form, "ordId")}
            acks.append(ack)
        if not failed:
            return "0", "", acks
        if failed == len(acks):
            return "1", "All operations failed", acks
        return "2", "Bulk operation partially succeeded.", acks

    def place(self, account: str, form: Mapping[str, Any]) -> Slip:
        """Take an order."""
        instrument = self.market(form)
        name = text(form, "clOrdId")
        if name and CLIENT_ID.fullmatch(name) is None:
            raise bad("clOrdId")
        if not _TAG.fullmatch(text(form, "tag")):
            raise bad("tag")
        taken = self._floor.find(account, text=name)
        if taken is not None and taken.is_open:
            raise Refusal("51016", "Client order ID already exists.")
        intent = _intent(form, instrument)
        mode = self.margin(account, instrument, text(form, "tdMode"))
        self_trade = _SELF_TRADE.get(text(form, "stpMode"))
        if self_trade is None:
            raise bad("stpMode")
        slip = self._floor.place(
            account,
            intent,
            text=name,
            self_trade=self_trade,
            extra={
                "tag": text(form, "tag"),
                "tdMode": mode,
                "tgtCcy": text(form, "tgtCcy"),
                "lever": "" if instrument.kind is Kind.SPOT else self.leverage(account, instrument.key),
            },
        )
        if slip.code and slip.venue_order_id not in self._never_rested:
            raise Refusal(FLOOR_CODES.get(slip.code, "51000"), slip.reason)
        return slip

    def cancel(self, account: str, form: Mapping[str, Any]) -> Slip:
        """End an order."""
        self.market(form)
        slip = self.find(account, form)
        if slip is None or not self._floor.cancel(slip):
            raise Refusal("51400", f"Cancellation failed. {_GONE}")
        return slip

    def amend(self, account: str, form: Mapping[str, Any]) -> Slip:
        """Change an order."""
        instrument = self.market(form)
        slip = self.find(account, form)
        if slip is None:
            raise Refusal("51503", f"Your order has already been filled or canceled. {_GONE}")
        if not slip.is_open:
            code = "51510" if slip.status is OrderStatus.FILLED else "51509"
            raise Refusal(code, f"Modification failed. {_GONE}")
        size, price = text(form, "newSz"), text(form, "newPx")
        if not size and not price:
            raise bad("newSz or newPx")
        lots = lots_of(size, instrument, "newSz") if size else None
        ticks = ticks_of(price, instrument, "newPx") if price else None
        return self.change(slip, text(form, "reqId"), lots=lots, ticks=ticks)

    def change(self, slip: Slip, request: str, *, lots: int | None, ticks: int | None) -> Slip:
        """Have the floor change an order; `request` is the client's name for that."""
        self.requests[slip.number] = request
        try:
            refused = self._floor.amend(slip, lots=lots, ticks=ticks)
        finally:
            self.requests.pop(slip.number, None)
        if "post-only" in refused:
            raise Refusal("51511", refused)
        if "needs" in refused or "lacks" in refused:
            raise Refusal("51008", refused)
        if refused:
            raise bad("newSz or newPx")
        return slip

    # -- looked up ------------------------------------------------------------------------------------------------

    def market(self, form: Mapping[str, Any]) -> Instrument:
        """Return the market that a form names, by text or by number."""
        code = form.get("instIdCode")
        if code is not None:
            found = self._by_code.get(code) if isinstance(code, int) else None
        else:
            found = next(iter(self._floor.natives.get(text(form, "instId"), ())), None)
        if found is None:
            raise Refusal("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
        return found

    def find(self, account: str, form: Mapping[str, Any]) -> Slip | None:
        """Return the order that a form names; the venue's name goes before the client's."""
        name = text(form, "ordId")
        found = self._floor.find(account, venue_order_id=name, text="" if name else text(form, "clOrdId"))
        found = found or self._never_rested.get(name)
        if found is not None and found.intent.type.is_triggered and not (name and WOKEN in found.extra):
            return None  # it sleeps, or is asked for by the name that it had then
        return found if found is not None and found.account == account and self.is_known(found) else None

    def is_known(self, slip: Slip) -> bool:
        """Whether the venue tells of an order: never of a refused one, and for two hours of one without a fill."""
        if slip.status is OrderStatus.REJECTED and slip.venue_order_id not in self._never_rested:
            return False
        return bool(slip.is_open or slip.filled_lots or slip.updated_ns > self._floor.now_ns - _FORGOTTEN_NS)

    def never_rested(self, slip: Slip) -> None:
        """Take note of a post-only order that would have taken: it has a name here, and has ended."""
        slip.venue_order_id = str(_NEVER_RESTED_FROM + slip.number)
        self._never_rested[slip.venue_order_id] = slip
        if len(self._never_rested) > 10_000:
            del self._never_rested[next(iter(self._never_rested))]

    # -- margin ---------------------------------------------------------------------------------------------------

    def mode(self, account: str, key: str) -> str:
        """Say how a market is margined."""
        return "isolated" if (account, key) in self._isolated else "cross"

    def leverage(self, account: str, key: str) -> str:
        """Say how thinly."""
        return self._leverage.get((account, key), _LEVERAGE)

    def set_leverage(self, account: str, form: Mapping[str, Any]) -> Row:
        """Choose how thinly a market is margined."""
        instrument = self.market(form)
        if instrument.kind is Kind.SPOT:
            raise bad("instId")
        mode = text(form, "mgnMode")
        if mode not in {"cross", "isolated"}:
            raise bad("mgnMode")
        try:
            lever = int(float(text(form, "lever")))
            self._floor.exchange.set_leverage(account, instrument.key, lever)
        except (ValueError, OverflowError):
            raise bad("lever") from None
        except UsageError as error:
            raise Refusal("59102", str(error)) from None
        self._leverage[account, instrument.key] = str(lever)
        return {"instId": instrument.native, "lever": str(lever), "mgnMode": mode, "posSide": "net"}

    def margin(self, account: str, instrument: Instrument, mode: str) -> str:
        """Margin a market as its order wants it. A box keeps one mode for each market, where the venue keeps two."""
        if instrument.kind is Kind.SPOT:
            if mode != "cash":
                raise Refusal("51010", "Request unsupported under current account mode")
            return mode
        if mode not in {"cross", "isolated"}:
            raise bad("tdMode")
        if mode != self.mode(account, instrument.key):
            try:
                self._floor.exchange.set_isolated(account, instrument.key, mode == "isolated")
            except UsageError as error:
                raise Refusal("51010", str(error)) from None
            (self._isolated.add if mode == "isolated" else self._isolated.discard)((account, instrument.key))
        return mode


def _intent(form: Mapping[str, Any], instrument: Instrument) -> OrderIntent:
    kind = _KINDS.get(text(form, "ordType"))
    if kind is None:
        raise bad("ordType")
    if text(form, "side") not in set(Side):
        raise bad("side")
    if text(form, "posSide") not in {"", "net"}:
        raise bad("posSide")
    order_type, in_force = kind
    is_market = order_type is OrderType.MARKET
    side = Side(text(form, "side"))
    target = text(form, "tgtCcy")
    if target not in {"", "base_ccy", "quote_ccy"}:
        raise bad("tgtCcy")
    amount = None
    if is_market and instrument.kind is Kind.SPOT:
        default = "quote_ccy" if side is Side.BUY else "base_ccy"
        if (target or default) == "quote_ccy":
            amount = _amount(text(form, "sz"), instrument)
    lots = 0 if amount is not None else lots_of(text(form, "sz"), instrument, "sz")
    return OrderIntent(
        client_order_id=ClientOrderId(1),
        instrument=instrument.key,
        instrument_version=instrument.version,
        side=side,
        type=order_type,
        lots=lots,
        quote_amount=amount,
        ticks=None if is_market else ticks_of(text(form, "px"), instrument, "px"),
        time_in_force=in_force,
        post_only=text(form, "ordType") == "post_only",
        reduce_only=text(form, "reduceOnly") == "true" and instrument.kind is not Kind.SPOT,
    )


def _amount(size: str, instrument: Instrument) -> Money:
    try:
        return Money.of(size, instrument.quote)
    except NumberError:
        raise bad("sz") from None


def lots_of(size: str, instrument: Instrument, name: str) -> int:
    """Read a quantity; `name` is what the refusal calls it."""
    try:
        lots = instrument.lots(size)
    except NumberError:
        if not size.replace(".", "", 1).isdigit():
            raise bad(name) from None
        raise Refusal("51121", "Order quantity must be a multiple of the lot size.") from None
    if lots < instrument.min_lots:
        raise Refusal("51020", "Your order should meet or exceed the minimum order amount.")
    return lots


def ticks_of(price: str, instrument: Instrument, name: str) -> int:
    """Read a price; `name` is what the refusal calls it."""
    try:
        ticks = instrument.ticks(price)
    except NumberError:
        raise bad(name) from None
    if ticks < 1:
        raise bad(name)
    return ticks
