"""Binance's other end, for boxes: both halves over HTTP, their streams, their WebSocket APIs and their user streams.

One host has every path of the venue's many hosts. A box has one purse for each account: spot and futures show the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random  # noqa: TID251  (the type alone: a stream is given)
from typing import Any, ClassVar, Final

import msgspec
from msgspec import Struct
from typing_extensions import override

from xtrade.model.events import BalanceReport, BookDelta, FundingPaid, OrderEvent, PositionReport, Trade
from xtrade.model.instruments import Kind
from xtrade.sim.matching.rules import ClientIds, SelfTrade, VenueRules
from xtrade.sim.matching.tape import EVERYBODY, Notice, OrderTriggered
from xtrade.sim.synthetic.markets import Listing, Perpetual
from xtrade.venues.binance.box.gate import Denied, Signed
from xtrade.venues.binance.box.half import Half
from xtrade.venues.binance.box.private import (
    account_position,
    account_update,
    algo_triggered,
    funding_update,
    spot_order,
    usdm_order,
)
from xtrade.venues.binance.box.rows import Row, section_is_spot
from xtrade.venues.binance.box.spot import SpotHalf
from xtrade.venues.binance.box.streams import MarketStreams, Subscriber, named_in
from xtrade.venues.binance.box.usdm import UsdmHalf
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor
from xtrade.venues.box.server import Asked, Server, Session, Told

__all__ = ["BinanceServer"]

_MS_NS: Final = 1_000_000
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_KEY_LENGTH: Final = 64


class _Api(Struct, kw_only=True):
    """A connection to a WebSocket API; `account` is whose user stream it has, on spot."""

    session: Session
    half: Half
    tells_limits: bool
    account: str = ""


class _Private(Struct, kw_only=True):
    """A connection to the user stream of futures."""

    session: Session
    listen_key: str
    account: str


_SPOT_METHODS: Final = {
    "ping": ("GET", "/ping"),
    "time": ("GET", "/time"),
    "exchangeInfo": ("GET", "/exchangeInfo"),
    "depth": ("GET", "/depth"),
    "order.place": ("POST", "/order"),
    "order.test": ("POST", "/order/test"),
    "order.cancel": ("DELETE", "/order"),
    "order.status": ("GET", "/order"),
    "order.amend.keepPriority": ("PUT", "/order/amend/keepPriority"),
    "openOrders.status": ("GET", "/openOrders"),
    "openOrders.cancelAll": ("DELETE", "/openOrders"),
    "account.status": ("GET", "/account"),
    "myTrades": ("GET", "/myTrades"),
}
_USDM_METHODS: Final = {
    "order.place": ("POST", "/order"),
    "order.modify": ("PUT", "/order"),
    "order.cancel": ("DELETE", "/order"),
    "order.status": ("GET", "/order"),
    "algoOrder.place": ("POST", "/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/algoOrder"),
    "v2/account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.status": ("GET", "/fapi/v2/account"),
    "userDataStream.start": ("POST", "/listenKey"),
    "userDataStream.ping": ("PUT", "/listenKey"),
    "userDataStream.stop": ("DELETE", "/listenKey"),
}
"""What the WebSocket APIs call what HTTP has by method and path."""

# What ccxt asks of a third API where it has a key: there are no deposits here, and no margin accounts.
_NOTHING: Final = frozenset(
    {
        "/sapi/v1/capital/config/getall",
        "/sapi/v1/margin/allPairs",
        "/sapi/v1/margin/isolated/allPairs",
    }
)


def _listing(symbol: str, tick: str, lot: str, minimum: str, **more: Any) -> Listing:
    perpetual = symbol.endswith(":USDT")
    return Listing(
        symbol=symbol,
        native=symbol.partition(":")[0].replace("/", ""),
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_notional=Decimal(minimum),
        maker_fee=Decimal("0.0002" if perpetual else "0.001"),
        taker_fee=Decimal("0.0005" if perpetual else "0.001"),
        perpetual=Perpetual() if perpetual else None,
        **more,
    )


class BinanceServer(Server):
    """Binance in a box."""

    venue: ClassVar[str] = "binance"
    rules: ClassVar[VenueRules] = VenueRules(self_trade=SelfTrade.CANCEL_MAKER, client_ids=ClientIds.OPEN)
    listings: ClassVar[Mapping[str, Listing]] = {
        each.symbol: each
        for each in (
            # Ticks of spot are ten times those of the venue, for the traders of a box fill only so many levels.
            _listing("BTC/USDT", "0.1", "0.00001", "5"),
            _listing("ETH/USDT", "0.1", "0.0001", "5"),
            _listing("SOL/USDT", "0.01", "0.001", "5"),
            _listing("DOGE/USDT", "0.00001", "1", "1"),
            _listing("BTC/USDT:USDT", "0.1", "0.001", "50"),
            _listing("ETH/USDT:USDT", "0.01", "0.001", "20"),
            _listing("SOL/USDT:USDT", "0.01", "0.01", "5"),
            _listing("DOGE/USDT:USDT", "0.00001", "1", "5"),
        )
    }

    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self.spot = SpotHalf(floor, accounts, now_ns)
        self.usdm = UsdmHalf(floor, accounts, now_ns)
        self._streams = {True: MarketStreams(self.spot), False: MarketStreams(self.usdm)}
        self._apis: list[_Api] = []
        self._private: list[_Private] = []
        super().__init__(floor, accounts, now_ns)
        self._names = {account.name for account in self.accounts}

    @classmethod
    @override
    def make_key(cls, stream: Random, number: int) -> Mapping[str, str]:
        return {
            field: "".join(stream.choice(_LETTERS) for _ in range(_KEY_LENGTH))
            for field in ("api_key", "api_secret")
        }

    @classmethod
    @override
    def how_to_connect(cls, address: str, native: str) -> list[str]:
        sockets = address.replace("http", "ws", 1)
        return [
            f"curl     curl '{address}/api/v3/depth?symbol={native}&limit=5'",
            f"spot     {sockets}/ws, orders {sockets}/ws-api/v3",
            f"futures  {address}/fapi/v1, {sockets}/public/ws, {sockets}/market/ws, orders {sockets}/ws-fapi/v1",
            f"ccxt     {address}/api/v3 and {address}/fapi/v1, sockets {sockets}/stream/ws and {sockets}/ws",
        ]

    # -- requests -------------------------------------------------------------------------------------------------

    @override
    def answer(self, asked: Asked) -> Told:
        told = self.spot.answer(asked) or self.usdm.answer(asked)
        if told is not None:
            return told
        if asked.method == "GET" and asked.path in _NOTHING:
            return Told(b"[]")
        text = f"Path {asked.path}, Method {asked.method} is invalid"
        return Told(msgspec.json.encode({"code": -5000, "msg": text}), 404)

    # -- sockets --------------------------------------------------------------------------------------------------

    @override
    def takes(self, path: str) -> bool:
        return path.startswith(
            ("/ws", "/stream", "/public/", "/market/", "/private/", "/ws-api/", "/ws-fapi/")
        )

    @override
    def opened(self, session: Session) -> None:
        path, asked = session.path, dict(_queries(session.query))
        if path.startswith(("/ws-api/", "/ws-fapi/")):
            api = _Api(
                session=session,
                half=self.spot if path.startswith("/ws-api/") else self.usdm,
                tells_limits=asked.get("returnRateLimits", "true") != "false",
            )
            session.state = api
            self._apis.append(api)
            return
        if path.startswith("/private/"):
            key = asked.get("listenKey", "")
            private = _Private(session=session, listen_key=key, account=self.usdm.listens(key) or "")
            session.state = private
            self._private.append(private)
            return
        on_futures = path.startswith(("/public/", "/market/"))
        streams = self._streams[not on_futures]
        subscriber = Subscriber(
            session=session,
            family="all" if not on_futures else "books" if path.startswith("/public/") else "rest",
            combined=asked.get("streams") is not None or path.endswith("/stream"),
            names=dict.fromkeys([*named_in(path), *named_in(asked.get("streams", ""))]),
        )
        session.state = (streams, subscriber)
        streams.subscribers.append(subscriber)

    @override
    def closed(self, session: Session) -> None:
        match session.state:
            case _Api() as api:
                self._apis.remove(api)
            case _Private() as private:
                self._private.remove(private)
            case (MarketStreams() as streams, Subscriber() as subscriber):
                streams.subscribers.remove(subscriber)

    @override
    def heard(self, session: Session, payload: bytes) -> None:
        match session.state:
            case _Api() as api:
                self._called(api, payload)
            case (MarketStreams() as streams, Subscriber() as subscriber):
                streams.heard(subscriber, payload)
            case _:
                pass  # the user stream of futures listens to nothing

    # -- the WebSocket APIs ---------------------------------------------------------------------------------------

    def _called(self, api: _Api, payload: bytes) -> None:
        try:
            message = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            message = None
        if not isinstance(message, dict) or "id" not in message or not isinstance(message.get("method"), str):
            self._reply(api, None, Denied(-1135, "JSON Request is invalid."))
            return
        params = message.get("params") or {}
        if not isinstance(params, dict):
            self._reply(api, message["id"], Denied(-1135, "'params' must be an object."))
            return
        try:
            result = self._do(api, message["method"], params)
        except Denied as denied:
            self._reply(api, message["id"], denied)
        else:
            self._reply(api, message["id"], result)

    def _do(self, api: _Api, method: str, params: dict[str, Any]) -> Any:
        half, now_ns = api.half, self.now_ns()
        texts = {name: _text(value) for name, value in params.items()}
        if half is self.spot and method == "userDataStream.subscribe.signature":
            half.gate.weigh(api.session.peer, 2, now_ns)
            account = self._signed(half, texts)
            if api.account:
                raise Denied(-2035, "Subscription already active for this account on this connection.")
            api.account = account.name
            return {"subscriptionId": 0}
        if half is self.spot and method == "userDataStream.unsubscribe":
            api.account = ""
            return {}
        known = _SPOT_METHODS if half is self.spot else _USDM_METHODS
        if method not in known:
            raise Denied(-1135, f"Method '{method}' is invalid.")
        verb, path = known[method]
        route = half.routes[verb, path if path.startswith("/fapi") else half.section.prefix + path]
        half.gate.weigh(api.session.peer, half.weight(route, texts), now_ns)
        name = ""
        if route.needs == "key":
            name = half.gate.owner(texts.get("apiKey")).name
        elif route.needs:
            owner = self._signed(half, texts)
            name = owner.name
            if route.orders:
                half.gate.count_orders(owner, route.orders, now_ns)
        return route.do(name, texts)

    def _signed(self, half: Half, texts: dict[str, str]) -> BoxAccount:
        owner = half.gate.owner(texts.get("apiKey"))
        signature = texts.get("signature", "")
        payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts) if name != "signature")
        half.gate.check(owner, Signed(texts, payload, signature), self.now_ns())
        return owner

    def _reply(self, api: _Api, number: Any, result: Any) -> None:
        row: Row = {"id": number}
        if isinstance(result, Denied):
            row |= {"status": result.status, "error": {"code": result.code, "msg": str(result)}}
        else:
            row |= {"status": 200, "result": result}
        if api.tells_limits:
            row["rateLimits"] = [{**each, "count": 0} for each in api.half.rate_limits()]
        api.session.send(msgspec.json.encode(row))

    # -- what happens ---------------------------------------------------------------------------------------------

    @override
    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        told: dict[str, list[Any]] = {}
        for account, event in notices:
            if account == EVERYBODY:
                if isinstance(event, BookDelta | Trade):
                    spot = section_is_spot(self.floor.instruments[event.instrument])
                    self._streams[spot].happened(event)
            elif account in self._names:
                told.setdefault(account, []).append(event)
        for account, events in told.items():
            self._tell(account, events, at_ns)

    def _tell(self, account: str, events: list[Any], at_ns: int) -> None:
        balances = [event for event in events if isinstance(event, BalanceReport)]
        positions = [
            (self.floor.instruments[event.instrument], event)
            for event in events
            if isinstance(event, PositionReport)
        ]
        for event in events:
            match event:
                case OrderEvent():
                    self._tell_of_order(account, event)
                case OrderTriggered():
                    self._triggered(account, event, at_ns)
                case FundingPaid():
                    instrument = self.floor.instruments[event.instrument]
                    balance = self.floor.exchange.balance(account, event.amount.currency)
                    self._to_futures(account, funding_update(instrument, event, balance))
                case _:
                    pass
        contracts = [each for each in positions if each[0].kind is not Kind.SPOT]
        if balances:
            self._to_spot(account, account_position(balances, at_ns))
        if balances or contracts:
            settles = {each.settle for each in self.usdm.instruments.values()}
            theirs = [each for each in balances if each.total.currency in settles]
            self._to_futures(account, account_update(theirs, contracts, at_ns))

    def _tell_of_order(self, account: str, event: OrderEvent) -> None:
        slip = self.floor.slip(event.client_order_id)
        if slip is None or slip.account != account:
            return
        if section_is_spot(slip.instrument):
            row = spot_order(slip, event)
            if row is not None:
                self._to_spot(account, row)
            return
        for each in usdm_order(slip, event):
            self._to_futures(account, each)

    def _triggered(self, account: str, event: OrderTriggered, at_ns: int) -> None:
        slip = self.floor.slip(event.client_order_id)
        if slip is None or slip.account != account or "algo" not in slip.extra:
            return
        slip.extra["triggered"] = "1"
        for each in algo_triggered(slip, at_ns):
            self._to_futures(account, each)

    def _to_spot(self, account: str, row: Row) -> None:
        wire = b'{"subscriptionId":0,"event":' + msgspec.json.encode(row) + b"}"
        for api in self._apis:
            if api.account == account:
                api.session.send(wire)

    def _to_futures(self, account: str, row: Row) -> None:
        wire = msgspec.json.encode(row)
        for private in self._private:
            if private.account == account:
                private.session.send(wire)

    @override
    def tick(self, now_ns: int) -> None:
        for streams in self._streams.values():
            streams.flush(now_ns)
        for private in self._private:
            if private.account and self.usdm.listens(private.listen_key) is None:
                private.account = ""
                row = {"e": "listenKeyExpired", "E": now_ns // _MS_NS, "listenKey": private.listen_key}
                private.session.send(msgspec.json.encode(row))


def _queries(query: str) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(query, keep_blank_values=True)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
