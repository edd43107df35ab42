"""Backpack's other end: REST and one socket for everything, with signatures checked as the venue checks them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random  # noqa: TID251  (the type alone: a stream is given)
from typing import Any, ClassVar, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from typing_extensions import override

from xtrade.model.errors import XtradeError
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import number, plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.sim.matching.rules import VenueRules
from xtrade.sim.matching.tape import Notice
from xtrade.sim.synthetic.markets import Listing, Perpetual
from xtrade.venues.backpack.auth import instruction, signed_text
from xtrade.venues.backpack.news import News
from xtrade.venues.backpack.rows import (
    bar_row,
    book_row,
    fill_row,
    iso,
    mark_row,
    market_row,
    order_row,
    trade_row,
)
from xtrade.venues.backpack.spec import INTERVALS, PAGE, WINDOW_MS
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.box.server import Asked, Server, Session, Told

__all__ = ["BackpackServer"]

_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 10**9
_WINDOW_MS_MAX: Final = 60_000
_AHEAD_MS: Final = 1_000
_CLIENT_ID_END: Final = 1 << 32
_PER_MINUTE: Final = 2_000
_SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}
_BY: Final = {
    "LastPrice": TriggerPrice.LAST,
    "MarkPrice": TriggerPrice.MARK,
    "IndexPrice": TriggerPrice.INDEX,
}
_LENGTHS: Final = {name: length for length, name in INTERVALS.items()}

_INSTRUCTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("GET", "/api/v1/account"): "accountQuery",
    ("PATCH", "/api/v1/account"): "accountUpdate",
    ("GET", "/api/v1/capital"): "balanceQuery",
    ("GET", "/api/v1/capital/collateral"): "collateralQuery",
    ("GET", "/api/v1/position"): "positionQuery",
    ("POST", "/api/v1/order"): "orderExecute",
    ("POST", "/api/v1/orders"): "orderExecute",
    ("GET", "/api/v1/order"): "orderQuery",
    ("GET", "/api/v1/orders"): "orderQueryAll",
    ("DELETE", "/api/v1/order"): "orderCancel",
    ("DELETE", "/api/v1/orders"): "orderCancelAll",
    ("GET", "/wapi/v1/history/orders"): "orderHistoryQueryAll",
    ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
    ("GET", "/wapi/v1/history/funding"): "fundingHistoryQueryAll",
}

_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "post_only": ("INVALID_ORDER", "Order would immediately match and take liquidity"),
    "insufficient_funds": ("INSUFFICIENT_FUNDS", "Insufficient funds"),
    "insufficient_margin": ("INSUFFICIENT_MARGIN", "Insufficient margin"),
    "reduce_only": ("INVALID_ORDER", "Reduce only order not reduced"),
    "price_band": ("INVALID_PRICE", "Price is too far from the last active price"),
    "invalid": ("INVALID_ORDER", ""),
}


class _No(Exception):
    """A refusal in the venue's words."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.status = code, status


class BackpackServer(Server):
    """Backpack, on a floor."""

    venue: ClassVar[str] = "backpack"
    rules: ClassVar[VenueRules] = VenueRules()
    listings: ClassVar[Mapping[str, Listing]] = {
        listing.symbol: listing
        for listing in (
            Listing(
                symbol="BTC/USDC",
                native="BTC_USDC",
                tick=Decimal("0.1"),
                lot=Decimal("0.00001"),
                taker_fee=Decimal("0.001"),
                maker_fee=Decimal("0.0008"),
                spread_bp=1.0,
                trades_rate=0.4,
                orders_rate=8,
            ),
            Listing(
                symbol="SOL/USDC",
                native="SOL_USDC",
                tick=Decimal("0.01"),
                lot=Decimal("0.01"),
                taker_fee=Decimal("0.001"),
                maker_fee=Decimal("0.0008"),
                spread_bp=1.5,
                trades_rate=0.4,
                orders_rate=8,
                depth_amount=8_000,
            ),
            Listing(
                symbol="BTC/USDC:USDC",
                native="BTC_USDC_PERP",
                tick=Decimal("0.1"),
                lot=Decimal("0.00001"),
                taker_fee=Decimal("0.0005"),
                maker_fee=Decimal("0.0002"),
                trades_rate=0.6,
                orders_rate=10,
                perpetual=Perpetual(interval_hours=1),
            ),
            Listing(
                symbol="SOL/USDC:USDC",
                native="SOL_USDC_PERP",
                tick=Decimal("0.01"),
                lot=Decimal("0.01"),
                taker_fee=Decimal("0.0005"),
                maker_fee=Decimal("0.0002"),
                spread_bp=1.5,
                trades_rate=0.4,
                orders_rate=8,
                depth_amount=8_000,
                perpetual=Perpetual(interval_hours=1),
            ),
        )
    }

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self._news = News(floor, [account.name for account in accounts])
        self._asked: dict[str, list[int]] = {}
        self._public: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "/api/v1/status"): lambda _body: {"status": "Ok", "message": None},
            ("GET", "/api/v1/assets"): self._assets,
            ("GET", "/api/v1/collateral"): lambda _body: [],
            ("GET", "/api/v1/markets"): self._markets,
            ("GET", "/api/v1/market"): lambda body: market_row(self._market(body)),
            ("GET", "/api/v1/depth"): self._depth,
            ("GET", "/api/v1/trades"): self._trades,
            ("GET", "/api/v1/klines"): self._klines,
            ("GET", "/api/v1/markPrices"): self._marks,
            ("GET", "/api/v1/fundingRates"): self._rates,
            ("GET", "/api/v1/ticker"): lambda body: self._ticker(self._market(body)),
            ("GET", "/api/v1/tickers"): lambda _body: [
                self._ticker(each) for each in self.floor.instruments.values()
            ],
            ("GET", "/api/v1/openInterest"): lambda _body: [],
        }
        self._private: dict[tuple[str, str], Callable[[str, Any], Any]] = {
            ("GET", "/api/v1/account"): self._account,
            ("PATCH", "/api/v1/account"): lambda _account, _body: None,
            ("GET", "/api/v1/capital"): self._capital,
            ("GET", "/api/v1/capital/collateral"): self._collateral,
            ("GET", "/api/v1/position"): self._positions,
            ("POST", "/api/v1/order"): self._place,
            ("POST", "/api/v1/orders"): self._place_many,
            ("GET", "/api/v1/order"): self._order,
            ("GET", "/api/v1/orders"): self._orders,
            ("DELETE", "/api/v1/order"): self._cancel,
            ("DELETE", "/api/v1/orders"): self._cancel_all,
            ("GET", "/wapi/v1/history/orders"): self._order_history,
            ("GET", "/wapi/v1/history/fills"): self._fill_history,
            ("GET", "/wapi/v1/history/funding"): self._funding_paid,
        }
        super().__init__(floor, accounts, now_ns)

    @classmethod
    @override
    def make_key(cls, stream: Random, number: int) -> Mapping[str, str]:
        seed = stream.randbytes(32)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return {"api_key": base64.b64encode(public).decode(), "private_key": base64.b64encode(seed).decode()}

    @classmethod
    @override
    def how_to_connect(cls, address: str, native: str) -> list[str]:
        stream = address.replace("http", "ws", 1)
        return [
            f"curl     curl '{address}/api/v1/depth?symbol={native}'",
            (
                f"ccxt     exchange.urls['api'] = {{'public': '{address}', 'private': '{address}',"
                f" 'ws': {{'public': '{stream}', 'private': '{stream}'}}}}"
            ),
            f"bpx-py   BasePublic.BASE_URL = BaseAccount.BPX_API_URL = '{address}/'",
        ]

    # -- requests -------------------------------------------------------------------------------------------------

    @override
    def answer(self, asked: Asked) -> Told:
        try:
            return self._answer(asked)
        except _No as no:
            return Told(msgspec.json.encode({"code": no.code, "message": str(no)}), no.status)
        except (
            XtradeError,
            msgspec.DecodeError,
            KeyError,
            TypeError,
            ValueError,
            ArithmeticError,
        ) as problem:
            return Told(msgspec.json.encode({"code": "INVALID_CLIENT_REQUEST", "message": str(problem)}), 400)

    def _answer(self, asked: Asked) -> Told:
        if asked.path == "/api/v1/ping":
            return Told(b"pong", content_type="text/plain")
        if asked.path == "/api/v1/time":
            return Told(str(self.now_ns() // _MS_NS).encode(), content_type="text/plain")
        public = self._public.get((asked.method, asked.path))
        if public is not None:
            return Told(msgspec.json.encode(public(asked.parameters)))
        name = _INSTRUCTIONS.get((asked.method, asked.path))
        if name is None:
            raise _No("RESOURCE_NOT_FOUND", "Not Found", 404)
        body: Any = msgspec.json.decode(asked.body) if asked.body else asked.parameters
        account = self._checked(asked, name, body)
        found = self._private[asked.method, asked.path](account, body)
        return Told(b"" if found is None else msgspec.json.encode(found))

    def _checked(self, asked: Asked, name: str, body: Any) -> str:
        """Return who asks, or refuse a key, a signature, a time, or too much of it."""
        headers = asked.headers
        pieces = (
            "&".join(instruction(name, each) for each in body)
            if isinstance(body, list)
            else instruction(name, {key: value for key, value in body.items() if value is not None})
        )
        account = self._who(
            headers.get("x-api-key", ""),
            headers.get("x-signature", ""),
            headers.get("x-timestamp", ""),
            headers.get("x-window", str(WINDOW_MS)),
            pieces,
        )
        now_ms = self.now_ns() // _MS_NS
        recent = self._asked.setdefault(account, [])
        recent[:] = [at for at in recent if at > now_ms - 60_000]
        if len(recent) >= _PER_MINUTE:
            raise _No("TOO_MANY_REQUESTS", "Too many requests", 429)
        recent.append(now_ms)
        return account

    def _who(self, key: str, signature: str, timestamp: str, window: str, pieces: str) -> str:
        account = next((each for each in self.accounts if each.key["api_key"] == key), None)
        if account is None:
            raise _No("UNAUTHORIZED", "Unknown API key", 401)
        if not (timestamp.isdigit() and window.isdigit()) or int(window) > _WINDOW_MS_MAX:
            raise _No("INVALID_CLIENT_REQUEST", "Invalid timestamp")
        now_ms = self.now_ns() // _MS_NS
        if now_ms > int(timestamp) + int(window) or int(timestamp) > now_ms + _AHEAD_MS:
            raise _No("INVALID_CLIENT_REQUEST", "Request has expired")
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
            public.verify(
                base64.b64decode(signature), signed_text(pieces, int(timestamp), int(window)).encode()
            )
        except (InvalidSignature, ValueError):
            raise _No("INVALID_CLIENT_REQUEST", "Invalid signature") from None
        return account.name

    # -- public ---------------------------------------------------------------------------------------------------

    def _market(self, body: Mapping[str, Any]) -> Instrument:
        found = self.floor.natives.get(body.get("symbol", ""))
        if not found:
            raise _No("INVALID_SYMBOL", f"Invalid symbol {body.get('symbol')}")
        return found[0]

    def _markets(self, body: Mapping[str, Any]) -> Any:
        rows = [market_row(instrument) for instrument in self.floor.instruments.values()]
        wanted = body.get("marketType")
        return [row for row in rows if wanted is None or row["marketType"] == wanted]

    def _assets(self, _body: Mapping[str, Any]) -> Any:
        return [
            {"symbol": each, "displayName": each, "coingeckoId": None, "tokens": []}
            for each in self.floor.currencies()
        ]

    def _depth(self, body: Mapping[str, Any]) -> Any:
        instrument = self._market(body)
        limit = int(body.get("limit", PAGE))
        return book_row(instrument, self.floor.exchange.book(instrument.key), limit, self.floor.now_ns)

    def _trades(self, body: Mapping[str, Any]) -> Any:
        instrument = self._market(body)
        found = self.floor.chronicle.trades(instrument.key, min(int(body.get("limit", 100)), PAGE))
        return [trade_row(instrument, trade) for trade in reversed(found)]

    def _klines(self, body: Mapping[str, Any]) -> Any:
        instrument = self._market(body)
        interval_ns = _LENGTHS.get(body["interval"])
        if interval_ns is None:
            raise _No("INVALID_CLIENT_REQUEST", f"Invalid interval {body['interval']}")
        end_ns = int(body["endTime"]) * _SECOND_NS if body.get("endTime") else self.floor.now_ns + 1
        bars = self.floor.chronicle.bars(
            instrument.key, interval_ns, int(body["startTime"]) * _SECOND_NS, end_ns
        )
        return [bar_row(instrument, bar) for bar in bars[:PAGE]]

    def _marks(self, body: Mapping[str, Any]) -> Any:
        chronicle = self.floor.chronicle
        wanted = body.get("symbol")
        return [
            mark_row(self.floor.instruments[key], mark, chronicle.fundings.get(key))
            for key, mark in chronicle.marks.items()
            if wanted in {None, self.floor.instruments[key].native}
        ]

    def _rates(self, body: Mapping[str, Any]) -> Any:
        instrument = self._market(body)
        offset, limit = int(body.get("offset", 0)), int(body.get("limit", 100))
        settled = list(self.floor.chronicle.settlements(instrument.key, 0, self.floor.now_ns + 1))[::-1]
        return [
            {
                "symbol": instrument.native,
                "fundingRate": plain(each.rate.rate),
                "intervalEndTimestamp": iso(each.at_ns)[:19],
            }
            for each in settled[offset : offset + limit]
        ]

    def _ticker(self, instrument: Instrument) -> dict[str, Any]:
        last = self.floor.chronicle.last_trade(instrument.key)
        price = "0" if last is None else plain(instrument.price(last.ticks))
        return {
            "symbol": instrument.native,
            "firstPrice": price,
            "lastPrice": price,
            "priceChange": "0",
            "priceChangePercent": "0",
            "high": price,
            "low": price,
            "volume": "0",
            "quoteVolume": "0",
            "trades": "0",
        }

    # -- orders ---------------------------------------------------------------------------------------------------

    def _place(self, account: str, body: Any) -> Any:
        slip = self._entered(account, body)
        return order_row(slip)

    def _place_many(self, account: str, bodies: Any) -> Any:
        rows = []
        for body in bodies:
            try:
                rows.append({"operation": "Ok", **order_row(self._entered(account, body))})
            except _No as no:
                rows.append({"operation": "Err", "code": no.code, "message": str(no)})
        return rows

    def _entered(self, account: str, body: Mapping[str, Any]) -> Slip:
        instrument = self._market(body)
        text = self._client_text(account, body)
        try:
            intent = _intent(instrument, body)
        except XtradeError as problem:
            kind = "INVALID_PRICE" if "price" in str(problem) else "INVALID_QUANTITY"
            raise _No(kind, str(problem)) from None
        slip = self.floor.place(
            account, intent, text=text, extra={"triggerBy": body.get("triggerBy", "") or ""}
        )
        if slip.code:
            code, words = _REFUSALS.get(slip.code, ("INVALID_ORDER", ""))
            raise _No(code, words or slip.reason)
        return slip

    def _client_text(self, account: str, body: Mapping[str, Any]) -> str:
        given = body.get("clientId")
        if given is None:
            return ""
        if isinstance(given, bool) or not str(given).isdigit() or int(given) >= _CLIENT_ID_END:
            raise _No("INVALID_CLIENT_REQUEST", "clientId is no 32-bit number")
        there = self.floor.find(account, text=str(int(given)))
        if there is not None and there.is_open:
            raise _No("INVALID_ORDER", "Duplicate clientId")
        return str(int(given))

    def _found(self, account: str, body: Mapping[str, Any]) -> Slip:
        order = body.get("orderId")
        client = body.get("clientId")
        if (order is None) == (client is None):
            raise _No("INVALID_CLIENT_REQUEST", "expected orderId or clientId")
        slip = (
            self.floor.find(account, venue_order_id=str(order))
            if order is not None
            else self.floor.find(account, text=str(client))
        )
        if slip is None or not slip.is_open or slip.instrument.native != body.get("symbol"):
            raise _No("RESOURCE_NOT_FOUND", "Not Found", 404)
        return slip

    def _cancel(self, account: str, body: Mapping[str, Any]) -> Any:
        slip = self._found(account, body)
        self.floor.cancel(slip)
        return order_row(slip)

    def _cancel_all(self, account: str, body: Mapping[str, Any]) -> Any:
        return [order_row(slip) for slip in self.floor.cancel_all(account, self._market(body).key)]

    def _order(self, account: str, body: Mapping[str, Any]) -> Any:
        return order_row(self._found(account, body))

    def _orders(self, account: str, body: Mapping[str, Any]) -> Any:
        wanted, kind = body.get("symbol"), body.get("marketType")
        rows = []
        for slip in self.floor.open_slips(account):
            is_perpetual = slip.instrument.kind is Kind.LINEAR
            if wanted not in {None, slip.instrument.native}:
                continue
            if kind is None or kind == ("PERP" if is_perpetual else "SPOT"):
                rows.append(order_row(slip))
        return rows

    def _order_history(self, account: str, body: Mapping[str, Any]) -> Any:
        slips = [
            slip
            for slip in self.floor.slips(account)
            if slip.venue_order_id
            and slip.status is not OrderStatus.REJECTED
            and body.get("symbol") in {None, slip.instrument.native}
            and body.get("orderId") in {None, slip.venue_order_id}
        ][::-1]
        return [{**order_row(slip), "createdAt": iso(slip.created_ns)} for slip in _paged(slips, body)]

    def _fill_history(self, account: str, body: Mapping[str, Any]) -> Any:
        since_ns, until_ns = int(body.get("from", 0)) * _MS_NS, int(body.get("to", 1 << 43)) * _MS_NS
        found = [
            each
            for each in self.floor.executed(account)
            if since_ns <= each.at_ns <= until_ns
            and body.get("symbol") in {None, each.slip.instrument.native}
            and body.get("orderId") in {None, each.slip.venue_order_id}
        ][::-1]
        return [fill_row(each) for each in _paged(found, body)]

    def _funding_paid(self, account: str, body: Mapping[str, Any]) -> Any:
        found = self.floor.payments(account)[::-1]
        return [
            {
                "symbol": self.floor.instruments[each.instrument].native,
                "quantity": plain(each.amount.amount),
                "fundingRate": "0" if each.rate is None else plain(each.rate),
                "intervalEndTimestamp": iso(each.venue_ns or 0),
                "subaccountId": 0,
                "userId": 1,
            }
            for each in _paged(found, body)
        ]

    # -- account --------------------------------------------------------------------------------------------------

    def _account(self, _account: str, _body: Any) -> Any:
        spot = next((each for each in self.floor.instruments.values() if each.kind is Kind.SPOT), None)
        perp = next((each for each in self.floor.instruments.values() if each.kind is Kind.LINEAR), None)

        def points(rate: Decimal | None) -> str:
            return plain((rate or Decimal(0)) * 10_000)

        return {
            "autoBorrowSettlements": True,
            "autoLend": False,
            "autoRealizePnl": True,
            "autoRepayBorrows": True,
            "borrowLimit": "1000000",
            "spotMakerFee": points(None if spot is None else spot.maker_fee),
            "spotTakerFee": points(None if spot is None else spot.taker_fee),
            "futuresMakerFee": points(None if perp is None else perp.maker_fee),
            "futuresTakerFee": points(None if perp is None else perp.taker_fee),
            "leverageLimit": "20",
            "limitOrders": len(self.floor.open_slips(_account)),
            "triggerOrders": 0,
            "liquidating": False,
            "positionLimit": "10000000",
        }

    def _capital(self, account: str, _body: Any) -> Any:
        rows = {}
        for currency in self.floor.currencies():
            balance = self.floor.exchange.balance(account, currency)
            rows[currency] = {
                "available": plain(balance.available.amount),
                "locked": plain(balance.held.amount),
                "staked": "0",
            }
        return rows

    def _collateral(self, account: str, _body: Any) -> Any:
        rows = []
        for currency in self.floor.currencies():
            balance = self.floor.exchange.balance(account, currency)
            rows.append(
                {
                    "symbol": currency,
                    "assetMarkPrice": "1",
                    "totalQuantity": plain(balance.total.amount),
                    "balanceNotional": plain(balance.total.amount),
                    "collateralWeight": "1",
                    "collateralValue": plain(balance.total.amount),
                    "openOrderQuantity": plain(balance.held.amount),
                    "lendQuantity": "0",
                    "availableQuantity": plain(balance.available.amount),
                }
            )
        return {"netEquity": "0", "liabilitiesValue": "0", "collateral": rows}

    def _positions(self, account: str, body: Mapping[str, Any]) -> Any:
        rows = []
        for key, instrument in self.floor.instruments.items():
            if instrument.kind is not Kind.LINEAR or body.get("symbol") not in {None, instrument.native}:
                continue
            position = self.floor.exchange.position(account, key)
            if not position.lots:
                continue
            mark = self.floor.chronicle.marks.get(key)
            quantity = plain(instrument.quantity(position.lots))
            entry = position.entry_price(instrument)
            rows.append(
                {
                    "symbol": instrument.native,
                    "netQuantity": quantity,
                    "netExposureQuantity": quantity,
                    "netCost": plain(position.cost.amount),
                    "entryPrice": "0" if entry is None else plain(entry),
                    "breakEvenPrice": "0" if entry is None else plain(entry),
                    "markPrice": "0" if mark is None else plain(mark.mark),
                    "pnlRealized": "0",
                    "pnlUnrealized": "0",
                    "cumulativeFundingPayment": "0",
                    "imf": "0.05",
                    "mmf": "0.01",
                    "positionId": f"{account}-{instrument.native}",
                    "estLiquidationPrice": "0",
                }
            )
        if not rows and body.get("symbol"):
            raise _No("RESOURCE_NOT_FOUND", "Not Found", 404)
        return rows

    # -- sockets --------------------------------------------------------------------------------------------------

    @override
    def takes(self, path: str) -> bool:
        return path in {"", "/"}

    @override
    def opened(self, session: Session) -> None:
        self._news.opened(session)

    @override
    def closed(self, session: Session) -> None:
        self._news.closed(session)

    @override
    def heard(self, session: Session, payload: bytes) -> None:
        try:
            message = msgspec.json.decode(payload)
            names = [str(name) for name in message["params"]]
            if message["method"] == "UNSUBSCRIBE":
                self._news.unsubscribe(session, names)
                return
            account = None
            if signature := message.get("signature"):
                account = self._who(
                    signature[0], signature[1], signature[2], signature[3], "instruction=subscribe"
                )
            for name in names:
                if not self._news.subscribe(session, name, account):
                    session.send(b'{"id":null,"error":{"code":4006,"message":"Invalid stream"}}')
        except _No as no:
            session.send(msgspec.json.encode({"id": None, "error": {"code": 4002, "message": str(no)}}))
        except (msgspec.DecodeError, KeyError, TypeError, IndexError, AttributeError):
            session.send(b'{"id":null,"error":{"code":4001,"message":"Invalid request"}}')

    @override
    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        self._news.happened(notices, at_ns)

    @override
    def tick(self, now_ns: int) -> None:
        """Nothing is told by the clock alone: marks come as the exchange sets them."""


def _intent(instrument: Instrument, body: Mapping[str, Any]) -> OrderIntent:
    """Read an order."""
    is_limit = body["orderType"] == "Limit"
    trigger = None
    kind = OrderType.LIMIT if is_limit else OrderType.MARKET
    if body.get("triggerPrice") is not None:
        trigger = Trigger(
            ticks=instrument.ticks(body["triggerPrice"]), by=_BY[body.get("triggerBy") or "LastPrice"]
        )
        kind = OrderType.STOP_LIMIT if is_limit else OrderType.STOP_MARKET
    quantity = body.get("triggerQuantity") if trigger is not None else body.get("quantity")
    quote = body.get("quoteQuantity")
    return OrderIntent(
        client_order_id=ClientOrderId(1),
        instrument=instrument.key,
        instrument_version=instrument.version,
        side=_SIDES[body["side"]],
        type=kind,
        lots=0 if quantity is None else instrument.lots(str(quantity)),
        quote_amount=None if quote is None else Money.of(number(str(quote)), instrument.quote),
        ticks=instrument.ticks(str(body["price"])) if is_limit else None,
        trigger=trigger,
        time_in_force=TimeInForce(str(body.get("timeInForce") or "GTC").lower())
        if is_limit
        else TimeInForce.GTC,
        post_only=bool(body.get("postOnly")),
        reduce_only=bool(body.get("reduceOnly")),
    )


def _paged(rows: list[Any], body: Mapping[str, Any]) -> list[Any]:
    offset, limit = int(body.get("offset", 0)), int(body.get("limit", 100))
    return rows[offset : offset + limit]
