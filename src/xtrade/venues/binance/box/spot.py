"""The spot half in a box: orders, fills and the wallet, as `/api/v3` and the WebSocket API answer."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from typing_extensions import override

from xtrade.model.numbers import plain
from xtrade.venues.binance.box.entry import intent_of, lots_of, refusal_of, self_trade_of
from xtrade.venues.binance.box.gate import Denied, Limits, whole
from xtrade.venues.binance.box.half import Half, Params, Route
from xtrade.venues.binance.box.rows import (
    Row,
    amount,
    canceled_row,
    fill_rows,
    order_row,
    pair_row,
    placed_row,
    price,
)
from xtrade.venues.binance.sections import SPOT
from xtrade.venues.box.floor import Slip

__all__ = ["SpotHalf"]

_MS_NS: Final = 1_000_000
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_DAY_MS: Final = 86_400_000
_UNKNOWN: Final = "Unknown order sent."


class SpotHalf(Half):
    """Spot."""

    section = SPOT
    stride = 1
    limits: ClassVar[Limits] = Limits(
        weight=6_000, orders=100, orders_long=200_000, long_name="1D", long_ms=_DAY_MS
    )

    @override
    def make_routes(self) -> dict[tuple[str, str], Route]:
        signed = "signature"
        return super().make_routes() | {
            ("GET", "/avgPrice"): Route(self.average_price, 2),
            ("POST", "/order"): Route(self.place, 1, 1, signed),
            ("POST", "/order/test"): Route(self.test, 1, 0, signed),
            ("GET", "/order"): Route(self.order, 4, 0, signed),
            ("DELETE", "/order"): Route(self.cancel, 1, 0, signed),
            ("PUT", "/order/amend/keepPriority"): Route(self.amend, 4, 0, signed),
            ("GET", "/openOrders"): Route(self.open_orders, 6, 0, signed),
            ("DELETE", "/openOrders"): Route(self.cancel_all, 1, 0, signed),
            ("GET", "/allOrders"): Route(self.all_orders, 20, 0, signed),
            ("GET", "/myTrades"): Route(self.my_trades, 20, 0, signed),
            ("GET", "/account"): Route(self.account, 20, 0, signed),
            ("GET", "/account/commission"): Route(self.commission, 20, 0, signed),
        }

    @override
    def exchange_info(self, _account: str, params: Params) -> Row:
        return {
            "timezone": "UTC",
            "serverTime": self.now_ms(),
            "rateLimits": self.rate_limits(),
            "exchangeFilters": [],
            "symbols": [pair_row(each) for each in self.asked_about(params)],
        }

    def average_price(self, _account: str, params: Params) -> Row:
        """Show the last price; averages are not kept here."""
        instrument = self.instrument(params)
        price_now = price(instrument, self.last_ticks(instrument))
        return {"mins": 5, "price": price_now, "closeTime": self.now_ms()}

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, account: str, params: Params) -> Row:
        """Take an order."""
        slip = self._placed(account, params)
        row = placed_row(slip)
        usual = "FULL" if slip.extra["type"] in {"LIMIT", "MARKET"} else "ACK"
        match params.get("newOrderRespType", usual):
            case "ACK":
                return {
                    name: row[name]
                    for name in ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
                }
            case "RESULT":
                return row
            case _:
                return row | {"fills": fill_rows(slip, self.floor.executed(account, slip.intent.instrument))}

    def test(self, _account: str, params: Params) -> Row:
        """Take an order, and forget it."""
        intent_of(params, self.instrument(params))
        return {}

    def _placed(self, account: str, params: Params) -> Slip:
        instrument = self.instrument(params)
        name = params.get("newClientOrderId", "")
        if name and not _NAME.fullmatch(name):
            raise Denied(
                -1100,
                "Illegal characters found in parameter 'newClientOrderId'; legal range is"
                " '^[a-zA-Z0-9-_]{1,36}$'.",
            )
        if name and (other := self.floor.find(account, text=name)) is not None and other.is_open:
            raise Denied(-2010, "Duplicate order sent.")
        intent = intent_of(params, instrument)
        extra = {
            each: params[each]
            for each in ("type", "timeInForce", "selfTradePreventionMode")
            if each in params
        }
        slip = self.floor.place(account, intent, text=name, self_trade=self_trade_of(params), extra=extra)
        if slip.code:
            raise refusal_of(slip.code, slip.reason, instrument)
        return slip

    def order(self, account: str, params: Params) -> Row:
        """Show one order."""
        return order_row(self.slip(account, params, code=-2013, text="Order does not exist."))

    def cancel(self, account: str, params: Params) -> Row:
        """Cancel one order."""
        slip = self.slip(account, params, code=-2011, text=_UNKNOWN)
        if not self.floor.cancel(slip):
            raise Denied(-2011, _UNKNOWN)
        return canceled_row(slip, params.get("newClientOrderId") or f"cancel_{slip.number}")

    def amend(self, account: str, params: Params) -> Row:
        """Make an order smaller; it keeps its place."""
        slip = self.slip(account, params, code=-2013, text="Order does not exist.")
        lots = lots_of(params, "newQty", slip.instrument)
        if not slip.is_open:
            raise Denied(-2038, "Order amend rejected: the order has ended.")
        if not slip.filled_lots < lots < slip.lots:
            raise Denied(-2038, "The requested action would change no state; rejecting.")
        if refused := self.floor.amend(slip, lots=lots):
            raise Denied(-2038, refused)
        slip.extra["amended"] = params.get("newClientOrderId", "")
        return {
            "transactTime": self.floor.now_ns // _MS_NS,
            "executionId": slip.number,
            "amendedOrder": {
                "symbol": slip.instrument.native,
                "orderId": int(slip.venue_order_id),
                "orderListId": -1,
                "origClientOrderId": slip.text,
                "clientOrderId": params.get("newClientOrderId") or slip.text,
                "price": placed_row(slip)["price"],
                "qty": placed_row(slip)["origQty"],
                "executedQty": placed_row(slip)["executedQty"],
                "cumulativeQuoteQty": placed_row(slip)["cummulativeQuoteQty"],
                "status": placed_row(slip)["status"],
            },
        }

    def open_orders(self, account: str, params: Params) -> list[Row]:
        """Show what is open."""
        return [
            order_row(slip)
            for each in self.asked_about(params)
            for slip in self.floor.open_slips(account, each.key)
        ]

    def cancel_all(self, account: str, params: Params) -> list[Row]:
        """Cancel everything in one market."""
        slips = self.floor.cancel_all(account, self.instrument(params).key)
        if not slips:
            raise Denied(-2011, _UNKNOWN)
        return [canceled_row(slip, f"cancel_{slip.number}") for slip in slips]

    def all_orders(self, account: str, params: Params) -> list[Row]:
        """Show the orders of one market, ended ones too."""
        instrument = self.instrument(params)
        since_ns = whole(params, "startTime") * _MS_NS if "startTime" in params else 0
        found = [slip for slip in self.floor.slips(account, instrument.key) if slip.venue_order_id]
        rows = [order_row(slip) for slip in found if slip.created_ns >= since_ns]
        return rows[-self.limit(params, 500, 1_000) :]

    def my_trades(self, account: str, params: Params) -> list[Row]:
        """Show fills of one market: of a day at most, or from a number on."""
        instrument = self.instrument(params)
        return self.fills(account, params, instrument, _DAY_MS)

    # -- the wallet -----------------------------------------------------------------------------------------------

    def account(self, account: str, params: Params) -> Row:
        """Show what there is."""
        rows = []
        for currency in self.floor.currencies():
            report = self.floor.exchange.balance(account, currency)
            if report.total or params.get("omitZeroBalances") != "true":
                rows.append(
                    {"asset": currency, "free": amount(report.available), "locked": amount(report.held)}
                )
        return {
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "accountType": "SPOT",
            "updateTime": self.floor.now_ns // _MS_NS,
            "balances": rows,
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def commission(self, _account: str, params: Params) -> Row:
        """Show what is paid."""
        instrument = self.instrument(params)
        rates = {
            "maker": plain(instrument.maker_fee),
            "taker": plain(instrument.taker_fee),
            "buyer": "0",
            "seller": "0",
        }
        nothing = dict.fromkeys(rates, "0")
        return {
            "symbol": instrument.native,
            "standardCommission": rates,
            "specialCommission": nothing,
            "taxCommission": nothing,
        }
