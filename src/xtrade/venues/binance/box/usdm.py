"""USD-M futures in a box: orders, conditional orders, positions and settings, as `/fapi` answers."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, ClassVar, Final

import msgspec
from typing_extensions import override

from xtrade.model.errors import UsageError
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.venues.binance.box.entry import (
    ALGO_TYPES,
    intent_of,
    lots_of,
    refusal_of,
    self_trade_of,
    ticks_of,
)
from xtrade.venues.binance.box.gate import Denied, Limits, missing, whole
from xtrade.venues.binance.box.half import Half, Params, Route
from xtrade.venues.binance.box.rows import (
    ALGO_STEP,
    Row,
    algo_row,
    amount,
    contract_row,
    funding_rows,
    is_waiting,
    order_row,
    placed_row,
    quantity,
    ratio,
)
from xtrade.venues.binance.sections import USDM
from xtrade.venues.box.floor import Slip

__all__ = ["LISTEN_MS", "UsdmHalf"]

_MS_NS: Final = 1_000_000
_NAME: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_WEEK_MS: Final = 7 * 86_400_000
_BATCH_MAX: Final = 5
_UNKNOWN: Final = "Unknown order sent."
_KEPT: Final = ("type", "timeInForce", "selfTradePreventionMode", "workingType")

LISTEN_MS: Final = 3_600_000
"""How long a listen key lives after it was last asked for."""


class UsdmHalf(Half):
    """Futures."""

    section = USDM
    stride = 3
    limits: ClassVar[Limits] = Limits(
        weight=2_400, orders=300, orders_long=1_200, long_name="1M", long_ms=60_000
    )

    @override
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.listen_keys: dict[str, tuple[str, int]] = {}
        """By key: whose it is, and until when in venue time."""
        self._leverages: dict[tuple[str, str], int] = {}
        self._isolated: set[tuple[str, str]] = set()

    @override
    def make_routes(self) -> dict[tuple[str, str], Route]:
        signed, key = "signature", "key"
        routes = {
            ("GET", "/premiumIndex"): Route(self.premium),
            ("GET", "/fundingRate"): Route(self.funding_history),
            ("GET", "/fundingInfo"): Route(lambda _account, _params: []),
            ("POST", "/order"): Route(self.place, 0, 1, signed),
            ("PUT", "/order"): Route(self.amend, 0, 1, signed),
            ("GET", "/order"): Route(self.order, 1, 0, signed),
            ("DELETE", "/order"): Route(self.cancel, 1, 0, signed),
            ("POST", "/batchOrders"): Route(self.place_many, 5, 1, signed),
            ("GET", "/openOrders"): Route(self.open_orders, 1, 0, signed),
            ("DELETE", "/allOpenOrders"): Route(self.cancel_all, 1, 0, signed),
            ("GET", "/allOrders"): Route(self.all_orders, 5, 0, signed),
            ("GET", "/userTrades"): Route(self.my_trades, 5, 0, signed),
            ("POST", "/algoOrder"): Route(self.place_algo, 0, 1, signed),
            ("GET", "/algoOrder"): Route(self.algo, 1, 0, signed),
            ("DELETE", "/algoOrder"): Route(self.cancel_algo, 1, 0, signed),
            ("GET", "/openAlgoOrders"): Route(self.open_algos, 1, 0, signed),
            ("DELETE", "/algoOpenOrders"): Route(self.cancel_algos, 1, 0, signed),
            ("POST", "/countdownCancelAll"): Route(self.countdown, 10, 0, signed),
            ("POST", "/leverage"): Route(self.leverage, 1, 0, signed),
            ("POST", "/marginType"): Route(self.margin_type, 1, 0, signed),
            ("GET", "/positionSide/dual"): Route(
                lambda _account, _params: {"dualSidePosition": False}, 30, 0, signed
            ),
            ("GET", "/leverageBracket"): Route(self.brackets, 1, 0, signed),
            ("GET", "/symbolConfig"): Route(self.settings, 5, 0, signed),
            ("GET", "/commissionRate"): Route(self.commission, 20, 0, signed),
            ("POST", "/listenKey"): Route(self.listen_key, 1, 0, key),
            ("PUT", "/listenKey"): Route(self.keep_listen_key, 1, 0, key),
            ("DELETE", "/listenKey"): Route(self.end_listen_key, 1, 0, key),
        }
        for version in ("v2", "v3"):
            routes |= {
                ("GET", f"/fapi/{version}/account"): Route(self.account, 5, 0, signed),
                ("GET", f"/fapi/{version}/balance"): Route(self.balance, 5, 0, signed),
                ("GET", f"/fapi/{version}/positionRisk"): Route(self.positions, 5, 0, signed),
            }
        return super().make_routes() | routes

    @override
    def exchange_info(self, _account: str, params: Params) -> Row:
        return {
            "timezone": "UTC",
            "serverTime": self.now_ms(),
            "rateLimits": self.rate_limits(),
            "exchangeFilters": [],
            "assets": [],
            "symbols": [contract_row(each) for each in self.instruments.values()],
        }

    # -- marks and funding ----------------------------------------------------------------------------------------

    def premium(self, _account: str, params: Params) -> Row | list[Row]:
        """Show marks, and the rates that are coming."""
        chronicle = self.floor.chronicle
        rows = [
            funding_rows(each, chronicle.marks.get(each.key), chronicle.fundings.get(each.key), self.now_ms())
            for each in self.asked_about(params)
        ]
        return rows[0] if params.get("symbol") else rows

    def funding_history(self, _account: str, params: Params) -> list[Row]:
        """Show rates that were charged."""
        instrument = self.instrument(params)
        start_ns = whole(params, "startTime") * _MS_NS if "startTime" in params else 0
        end_ns = whole(params, "endTime") * _MS_NS + 1 if "endTime" in params else 2**63
        found = self.floor.chronicle.settlements(instrument.key, start_ns, end_ns)
        return [
            {
                "symbol": instrument.native,
                "fundingRate": plain(each.rate.rate),
                "fundingTime": each.at_ns // _MS_NS,
                "markPrice": "",
            }
            for each in found[: self.limit(params, 100, 1_000)]
        ]

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, account: str, params: Params) -> Row:
        """Take an order."""
        if params.get("type") in ALGO_TYPES:
            raise Denied(
                -4120,
                "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
            )
        slip = self._placed(account, params, "newClientOrderId")
        row = placed_row(slip)
        if slip.intent.time_in_force == "fok" and not slip.is_open and not slip.filled_lots:
            raise Denied(
                -5021, "Due to the order could not be filled immediately, the FOK order has been rejected."
            )
        if params.get("newOrderRespType") != "RESULT":
            row |= {"status": "NEW", "executedQty": "0", "cumQty": "0"}
        return row

    def place_many(self, account: str, params: Params) -> list[Row]:
        """Take several orders, each for itself."""
        try:
            forms = msgspec.json.decode(params.get("batchOrders", ""), type=list[dict[str, Any]])
        except msgspec.DecodeError:
            raise missing("batchOrders") from None
        if not 1 <= len(forms) <= _BATCH_MAX:
            raise Denied(-4082, "Invalid number of batch place orders.")
        answers = []
        for form in forms:
            try:
                answers.append(self.place(account, {name: _text(value) for name, value in form.items()}))
            except Denied as denied:
                answers.append({"code": denied.code, "msg": str(denied)})
        return answers

    def _placed(self, account: str, params: Params, name_in: str) -> Slip:
        instrument = self.instrument(params)
        if params.get("positionSide", "BOTH") != "BOTH":
            raise Denied(-4061, "Order's position side does not match user's setting.")
        name = params.get(name_in, "")
        if name and not _NAME.fullmatch(name):
            raise Denied(-1100, f"Illegal characters found in parameter '{name_in}'.")
        if name and (other := self.floor.find(account, text=name)) is not None and other.is_open:
            raise Denied(-4116, "ClientOrderId is duplicated.")
        extra = {each: params[each] for each in _KEPT if each in params}
        if name_in == "clientAlgoId":
            extra["algo"] = "1"
        slip = self.floor.place(
            account, intent_of(params, instrument), text=name, self_trade=self_trade_of(params), extra=extra
        )
        if slip.code:
            raise refusal_of(slip.code, slip.reason, instrument)
        return slip

    @override
    def is_apart(self, slip: Slip) -> bool:
        return is_waiting(slip)

    def order(self, account: str, params: Params) -> Row:
        """Show one order."""
        return order_row(self.slip(account, params, code=-2013, text="Order does not exist."))

    def amend(self, account: str, params: Params) -> Row:
        """Change quantity and price; it goes to the end of the queue."""
        slip = self.slip(account, params, code=-2013, text="Order does not exist.")
        lots = lots_of(params, "quantity", slip.instrument)
        ticks = ticks_of(params, "price", slip.instrument)
        if not slip.is_open:
            raise Denied(-2013, "Order does not exist.")
        if (lots, ticks) == (slip.lots, slip.ticks):
            raise Denied(-5027, "No need to modify the order.")
        if lots <= slip.filled_lots:
            self.floor.cancel(slip)
        elif self.floor.amend(slip, lots=lots, ticks=ticks):
            # A post-only order that would cross is canceled, and so is what the account cannot carry.
            self.floor.cancel(slip)
        return placed_row(slip)

    def cancel(self, account: str, params: Params) -> Row:
        """Cancel one order."""
        slip = self.slip(account, params, code=-2011, text=_UNKNOWN)
        if not self.floor.cancel(slip):
            raise Denied(-2011, _UNKNOWN)
        return placed_row(slip)

    def cancel_all(self, account: str, params: Params) -> Row:
        """Cancel all orders of one market; conditional ones stay."""
        for slip in self.floor.open_slips(account, self.instrument(params).key):
            if not is_waiting(slip):
                self.floor.cancel(slip)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def open_orders(self, account: str, params: Params) -> list[Row]:
        """Show what is open."""
        return [order_row(slip) for slip in self._open(account, params) if not is_waiting(slip)]

    def all_orders(self, account: str, params: Params) -> list[Row]:
        """Show orders, ended ones too."""
        since_ns = whole(params, "startTime") * _MS_NS if "startTime" in params else 0
        rows = [
            order_row(slip)
            for each in self.asked_about(params)
            for slip in self.floor.slips(account, each.key)
            if slip.venue_order_id and not is_waiting(slip) and slip.created_ns >= since_ns
        ]
        return rows[-self.limit(params, 500, 1_000) :]

    def my_trades(self, account: str, params: Params) -> list[Row]:
        """Show fills: of a week at most, or from a number on."""
        return self.fills(account, params, self.instrument(params), _WEEK_MS)

    def _open(self, account: str, params: Params) -> list[Slip]:
        return [
            slip for each in self.asked_about(params) for slip in self.floor.open_slips(account, each.key)
        ]

    # -- conditional orders ---------------------------------------------------------------------------------------

    def place_algo(self, account: str, params: Params) -> Row:
        """Take a conditional order."""
        if params.get("algoType") != "CONDITIONAL":
            raise missing("algoType")
        return algo_row(self._placed(account, params, "clientAlgoId"))

    def _algo(self, account: str, params: Params) -> Slip:
        slip = None
        if "algoId" in params:
            slip = self.floor.slip(whole(params, "algoId") - ALGO_STEP)
        elif "clientAlgoId" in params:
            slip = self.floor.find(account, text=params["clientAlgoId"])
        if slip is None or slip.account != account or "algo" not in slip.extra:
            raise Denied(-2013, "Order does not exist.")
        return slip

    def algo(self, account: str, params: Params) -> Row:
        """Show one conditional order."""
        return algo_row(self._algo(account, params))

    def cancel_algo(self, account: str, params: Params) -> Row:
        """Cancel a conditional order while it waits."""
        try:
            slip = self._algo(account, params)
        except Denied:
            raise Denied(-2011, _UNKNOWN) from None
        if not is_waiting(slip) or not self.floor.cancel(slip):
            raise Denied(-2011, _UNKNOWN)
        row = algo_row(slip)
        return {"algoId": row["algoId"], "clientAlgoId": row["clientAlgoId"], "code": "200", "msg": "success"}

    def open_algos(self, account: str, params: Params) -> list[Row]:
        """Show the conditional orders that wait."""
        return [algo_row(slip) for slip in self._open(account, params) if is_waiting(slip)]

    def cancel_algos(self, account: str, params: Params) -> Row:
        """Cancel the conditional orders of one market."""
        for slip in self.floor.open_slips(account, self.instrument(params).key):
            if is_waiting(slip):
                self.floor.cancel(slip)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    # -- the wallet -----------------------------------------------------------------------------------------------

    def balance(self, account: str, _params: Params) -> list[Row]:
        """Show the wallet: the same purse that spot shows, for a box has one."""
        return [
            {
                "accountAlias": account,
                "asset": row["asset"],
                "balance": row["walletBalance"],
                "crossWalletBalance": row["crossWalletBalance"],
                "crossUnPnl": row["crossUnPnl"],
                "availableBalance": row["availableBalance"],
                "maxWithdrawAmount": row["maxWithdrawAmount"],
                "marginAvailable": True,
                "updateTime": row["updateTime"],
            }
            for row in self._assets(account)
        ]

    def account(self, account: str, _params: Params) -> Row:
        """Show wallet and positions."""
        return {
            "canTrade": True,
            "multiAssetsMargin": False,
            "assets": self._assets(account),
            "positions": self.positions(account, {}),
        }

    def _assets(self, account: str) -> list[Row]:
        at_ms = self.floor.now_ns // _MS_NS
        rows = []
        for currency in dict.fromkeys(each.settle for each in self.instruments.values()):
            report = self.floor.exchange.balance(account, currency)
            rows.append(
                {
                    "asset": currency,
                    "walletBalance": amount(report.total),
                    "unrealizedProfit": "0",
                    "marginBalance": amount(report.total),
                    "availableBalance": amount(report.available),
                    "crossWalletBalance": amount(report.total),
                    "crossUnPnl": "0",
                    "initialMargin": amount(report.held),
                    "maintMargin": "0",
                    "positionInitialMargin": "0",
                    "openOrderInitialMargin": "0",
                    "maxWithdrawAmount": amount(report.available),
                    "updateTime": at_ms,
                }
            )
        return rows

    def positions(self, account: str, params: Params) -> list[Row]:
        """Show what is held; markets without a position are left out."""
        return [
            self.position_row(account, each)
            for each in self.asked_about(params)
            if self.floor.exchange.position(account, each.key).lots
        ]

    def position_row(self, account: str, instrument: Instrument) -> Row:
        """Write a position."""
        position = self.floor.exchange.position(account, instrument.key)
        mark = self.floor.chronicle.marks.get(instrument.key)
        entry = position.entry_price(instrument)
        marked = entry if mark is None else mark.mark
        profit = Fraction(0)
        if entry is not None and marked is not None:
            profit = (Fraction(marked) - Fraction(entry)) * Fraction(instrument.quantity(position.lots))
        liquidation = self.floor.exchange.liquidation_price(account, instrument.key)
        worth = (
            Fraction(0) if marked is None else Fraction(marked) * Fraction(instrument.quantity(position.lots))
        )
        leverage = self._leverages.get((account, instrument.key), 20)
        return {
            "symbol": instrument.native,
            "positionSide": "BOTH",
            "positionAmt": quantity(instrument, position.lots),
            "entryPrice": "0" if entry is None else ratio(Fraction(entry)),
            "breakEvenPrice": "0" if entry is None else ratio(Fraction(entry)),
            "markPrice": "0" if marked is None else ratio(Fraction(marked)),
            "unRealizedProfit": ratio(profit),
            "liquidationPrice": "0" if liquidation is None else ratio(Fraction(liquidation)),
            "isolatedMargin": "0",
            "notional": ratio(worth),
            "marginAsset": instrument.settle,
            "isolatedWallet": "0",
            "initialMargin": ratio(abs(worth) / leverage),
            "maintMargin": ratio(abs(worth) / 100),
            "positionInitialMargin": ratio(abs(worth) / leverage),
            "openOrderInitialMargin": "0",
            "adl": 1,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": self.floor.now_ns // _MS_NS,
        }

    # -- settings -------------------------------------------------------------------------------------------------

    def countdown(self, account: str, params: Params) -> Row:
        """Cancel the orders of one market unless this is asked again in time."""
        instrument, after_ms = self.instrument(params), whole(params, "countdownTime")
        self.floor.countdown(account, after_ms * _MS_NS, instrument.key)
        return {"symbol": instrument.native, "countdownTime": str(after_ms)}

    def leverage(self, account: str, params: Params) -> Row:
        """Set the most leverage of a market."""
        instrument, leverage = self.instrument(params), whole(params, "leverage")
        try:
            self.floor.exchange.set_leverage(account, instrument.key, leverage)
        except UsageError:
            raise Denied(-4028, f"Leverage {leverage} is not valid") from None
        self._leverages[account, instrument.key] = leverage
        return {"leverage": leverage, "maxNotionalValue": "1000000", "symbol": instrument.native}

    def margin_type(self, account: str, params: Params) -> Row:
        """Set isolated or cross margin of a market."""
        instrument = self.instrument(params)
        wanted = params.get("marginType")
        if wanted not in {"ISOLATED", "CROSSED"}:
            raise missing("marginType")
        place = (account, instrument.key)
        if (wanted == "ISOLATED") is (place in self._isolated):
            raise Denied(-4046, "No need to change margin type.")
        try:
            self.floor.exchange.set_isolated(account, instrument.key, wanted == "ISOLATED")
        except UsageError:
            raise Denied(-4047, "Margin type cannot be changed if there exists open orders.") from None
        self._isolated ^= {place}
        return {"code": 200, "msg": "success"}

    def brackets(self, _account: str, params: Params) -> list[Row]:
        """Show how much leverage a position of which size may have."""
        bracket = {
            "bracket": 1,
            "initialLeverage": 20,
            "notionalCap": 10**9,
            "notionalFloor": 0,
            "maintMarginRatio": 0.01,
            "cum": 0.0,
        }
        return [{"symbol": each.native, "brackets": [bracket]} for each in self.asked_about(params)]

    def settings(self, account: str, params: Params) -> list[Row]:
        """Show leverage and margin of markets."""
        return [
            {
                "symbol": each.native,
                "marginType": "ISOLATED" if (account, each.key) in self._isolated else "CROSSED",
                "isAutoAddMargin": False,
                "leverage": self._leverages.get((account, each.key), 20),
                "maxNotionalValue": "1000000",
            }
            for each in self.asked_about(params)
        ]

    def commission(self, _account: str, params: Params) -> Row:
        """Show what is paid."""
        instrument = self.instrument(params)
        return {
            "symbol": instrument.native,
            "makerCommissionRate": plain(instrument.maker_fee),
            "takerCommissionRate": plain(instrument.taker_fee),
            "rpiCommissionRate": "0",
        }

    # -- listen keys ----------------------------------------------------------------------------------------------

    def listen_key(self, account: str, _params: Params) -> Row:
        """Give the account's key for the private stream; asked again, it is the same for another hour."""
        found = next((key for key in self.listen_keys if self.listens(key) == account), None)
        key = found or f"listen{len(self.listen_keys) + 1:04d}x{self.now_ms()}"
        self.listen_keys[key] = (account, self.now_ns() + LISTEN_MS * _MS_NS)
        return {"listenKey": key}

    def keep_listen_key(self, account: str, _params: Params) -> Row:
        """Let it live on."""
        if all(self.listens(key) != account for key in self.listen_keys):
            raise Denied(-1125, "This listenKey does not exist.")
        return self.listen_key(account, {})

    def end_listen_key(self, account: str, _params: Params) -> Row:
        """End it."""
        self.listen_keys = {key: kept for key, kept in self.listen_keys.items() if kept[0] != account}
        return {}

    def listens(self, key: str) -> str | None:
        """Return whose listen key it is, while it lives."""
        account, until_ns = self.listen_keys.get(key, ("", 0))
        return account if self.now_ns() < until_ns else None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
