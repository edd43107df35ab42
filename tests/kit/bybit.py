"""A small bybit: its V5 wire as its documentation shows it, for ccxt to talk to. Orders trade when a test says so."""

import asyncio
import hashlib
import hmac
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from xtrade.runtime import clock

HOST = "127.0.0.1"
API_KEY, API_SECRET = "a-key-of-nobody-11", "a-secret-of-nobody-22"

SPOT = {
    "symbol": "BTCUSDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "innovation": "0",
    "status": "Trading",
    "marginTrading": "both",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.00000001",
        "minOrderQty": "0.00004",
        "maxOrderQty": "63.01197227",
        "minOrderAmt": "1",
        "maxOrderAmt": "100000",
    },
    "priceFilter": {"tickSize": "0.01"},
}
LINEAR = {
    "symbol": "BTCUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "launchTime": "1585526400000",
    "deliveryTime": "0",
    "deliveryFeeRate": "",
    "priceScale": "2",
    "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
    "priceFilter": {"minPrice": "0.10", "maxPrice": "999999.00", "tickSize": "0.10"},
    "lotSizeFilter": {
        "maxOrderQty": "100.000",
        "maxMktOrderQty": "20.000",
        "minOrderQty": "0.001",
        "qtyStep": "0.001",
        "postOnlyMaxOrderQty": "1000.000",
    },
    "unifiedMarginTrade": True,
    "fundingInterval": 480,
    "settleCoin": "USDT",
}
OPEN = ("New", "PartiallyFilled")


@dataclass
class Fault:
    """What happens to the next requests to a path: lost before or after they have worked, or answered otherwise."""

    how: str
    body: object = None
    status: int = 200
    headers: dict = field(default_factory=dict)
    times: int = 1


class Bybit:
    """One account of the venue, and one book for each market."""

    def __init__(self):
        self.orders = {}
        self.executions = []
        self.markets = {"spot": [SPOT], "linear": [LINEAR], "inverse": [], "option": []}
        self.book = {"b": [["60000.10", "0.500"], ["60000.00", "1.250"]], "a": [["60000.20", "0.300"]]}
        self.wallet = {"USDT": ("10000.123456789012345678", "0"), "BTC": ("0.5", "0.1")}
        self.positions = []
        self.requests = []
        self.faults = {}
        self.sockets = {"public": [], "private": []}
        self.subscribed = {}
        self.page_max = 50  # smaller than ccxt believes
        self.clock_ms = lambda: clock.now_ns() // 1_000_000

    # -- what a test does ---------------------------------------------------------------------------------------

    def fault(self, path, how, **more):
        self.faults.setdefault(path, []).append(Fault(how, **more))

    def asked(self, path):
        return [body for at, body in self.requests if at == path]

    def the_order(self):
        (order,) = self.orders.values()
        return order

    async def trade(self, order, qty, price, *, told=True, trade_id=None):
        """Fill an order, in part or in whole."""
        done = float(order["cumExecQty"]) + float(qty)
        order["cumExecQty"] = f"{done:.6f}"
        order["leavesQty"] = f"{float(order['qty']) - done:.6f}"
        order["orderStatus"] = "Filled" if done >= float(order["qty"]) - 1e-9 else "PartiallyFilled"
        order["updatedTime"] = str(self.clock_ms())
        execution = {
            "category": order["category"],
            "symbol": order["symbol"],
            "execFee": "0.01234567",
            "execId": trade_id or f"e{len(self.executions) + 1}",
            "execPrice": price,
            "execQty": qty,
            "execType": "Trade",
            "execValue": "1",
            "isMaker": True,
            "feeRate": "0.0002",
            "feeCurrency": "",
            "leavesQty": order["leavesQty"],
            "orderId": order["orderId"],
            "orderLinkId": order["orderLinkId"],
            "orderPrice": order["price"],
            "orderQty": order["qty"],
            "orderType": order["orderType"],
            "stopOrderType": "UNKNOWN",
            "side": order["side"],
            "execTime": str(self.clock_ms()),
            "isLeverage": "0",
            "createType": "CreateByUser",
            "feeCoin": "USDT",
        }
        self.executions.append(execution)
        if told:
            await self.tell("execution", [execution])
            await self.tell("order", [order])

    async def tell(self, topic, data):
        message = {"topic": topic, "id": "1", "creationTime": self.clock_ms(), "data": data}
        for socket in list(self.sockets["private"]):
            if topic in self.subscribed.get(socket, ()):
                with suppress(ConnectionError):  # it breaks in this very moment
                    await socket.send_str(json.dumps(message))

    async def tell_public(self, topic, kind, data):
        message = {"topic": topic, "type": kind, "ts": self.clock_ms(), "data": data}
        for socket in list(self.sockets["public"]):
            if topic in self.subscribed.get(socket, ()):
                await socket.send_str(json.dumps(message))

    async def cut(self, which):
        for socket in list(self.sockets[which]):
            await socket.close(code=1012)

    # -- REST ---------------------------------------------------------------------------------------------------

    async def answer(self, request):
        path = request.path
        text = await request.text()
        given = dict(request.query) if request.method == "GET" else json.loads(text or "{}")
        self.requests.append((path, given))
        fault = self._next_fault(path)
        if fault is not None and fault.how == "before":
            request.transport.abort()
            return web.Response()
        if fault is not None and fault.how == "instead":
            body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
            return web.Response(text=body, status=fault.status, headers=fault.headers)
        if not path.startswith("/v5/market/") and not self._is_signed(request, text):
            return self._no(10004, "error sign! origin_string[...]")
        result = self._do(path, given)
        if isinstance(result, tuple):
            return self._no(*result)
        if isinstance(result, list):
            await self.tell("order", result)
            result = {"orderId": result[0]["orderId"], "orderLinkId": result[0]["orderLinkId"]}
        if fault is not None and fault.how == "after":
            request.transport.abort()
            return web.Response()
        if fault is not None and fault.how == "late":
            await asyncio.sleep(fault.body)
        if fault is not None and fault.how == "garbled":
            return web.Response(text=fault.body, content_type="text/html")
        return web.json_response(
            {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": self.clock_ms()}
        )

    def _next_fault(self, path):
        queue = self.faults.get(path)
        if not queue:
            return None
        queue[0].times -= 1
        return queue[0] if queue[0].times else queue.pop(0)

    def _no(self, code, text):
        return web.json_response(
            {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": self.clock_ms()}
        )

    def _is_signed(self, request, text):
        headers = request.headers
        payload = request.query_string if request.method == "GET" else text
        origin = f"{headers.get('X-BAPI-TIMESTAMP')}{headers.get('X-BAPI-API-KEY')}{headers.get('X-BAPI-RECV-WINDOW')}"
        expected = hmac.new(API_SECRET.encode(), (origin + payload).encode(), hashlib.sha256).hexdigest()
        return headers.get("X-BAPI-API-KEY") == API_KEY and headers.get("X-BAPI-SIGN") == expected

    def _do(self, path, given):  # noqa: PLR0912  (one arm for each path)
        category = given.get("category")
        match path:
            case "/v5/market/instruments-info":
                listed = [] if given.get("status") == "PreLaunch" else self.markets[category]
                return {"category": category, "list": listed, "nextPageCursor": ""}
            case "/v5/market/orderbook":
                return {"s": given["symbol"], **self.book, "ts": self.clock_ms(), "u": 1, "seq": 1}
            case "/v5/market/tickers":
                return {"category": category, "list": [self._ticker()]}
            case "/v5/market/kline":
                rows = [["1767225600000", "60000.1", "60010", "59990.5", "60005", "12.345", "740000"]]
                rows = [row for row in rows if int(row[0]) >= int(given.get("start", 0))]
                return {"category": category, "symbol": given["symbol"], "list": rows}
            case "/v5/market/recent-trade":
                row = {"symbol": given["symbol"], "isBlockTrade": False, "size": "0.010"}
                rows = [
                    {**row, "execId": "p2", "price": "60000.2", "side": "Sell", "time": "1767225599000"},
                    {**row, "execId": "p1", "price": "60000.1", "side": "Buy", "time": "1767225598000"},
                ]
                return {"category": category, "list": rows}
            case "/v5/market/funding/history":
                rows = [
                    {"symbol": given["symbol"], "fundingRate": rate, "fundingRateTimestamp": str(at)}
                    for rate, at in [
                        ("0.0003", 1767283200000),
                        ("-0.00007", 1767254400000),
                        ("0.0001", 1767225600000),
                    ]
                    if at >= int(given.get("startTime", 0))
                ]
                return {"category": category, "list": rows}
            case "/v5/user/query-api":
                return {"unified": 0, "uta": 1, "readOnly": 0}
            case "/v5/account/info":
                return {"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 6}
            case "/v5/asset/coin/query-info":
                return {"rows": []}
            case "/v5/account/wallet-balance":
                coins = [
                    {"coin": coin, "walletBalance": total, "locked": used, "equity": total}
                    for coin, (total, used) in self.wallet.items()
                ]
                return {"list": [{"accountType": "UNIFIED", "coin": coins}]}
            case "/v5/position/list":
                return {"category": category, "list": self.positions, "nextPageCursor": ""}
            case "/v5/order/create":
                return self._create(given)
            case "/v5/order/cancel":
                order = self.orders.get(given.get("orderId"))
                if order is None or order["orderStatus"] not in OPEN:
                    return 110001, "order not exists or too late to cancel"
                return self._end(order, "Cancelled")
            case "/v5/order/cancel-all":
                mine = [each for each in self.orders.values() if each["orderStatus"] in OPEN]
                for order in mine:
                    self._end(order, "Cancelled")
                return {"list": [{"orderId": each["orderId"]} for each in mine], "success": "1"}
            case "/v5/order/amend":
                order = self.orders.get(given.get("orderId"))
                if order is None or order["orderStatus"] not in OPEN:
                    return 110001, "order not exists or too late to replace"
                order |= {"qty": given.get("qty", order["qty"]), "price": given.get("price", order["price"])}
                return [order]
            case "/v5/order/realtime":
                found = [each for each in self.orders.values() if each["category"] == category]
                if "orderId" in given:
                    return self._page([each for each in found if each["orderId"] == given["orderId"]], given)
                return self._page([each for each in found if each["orderStatus"] in OPEN], given)
            case "/v5/order/history":
                over = [
                    each
                    for each in self.orders.values()
                    if each["category"] == category and each["orderStatus"] not in OPEN
                ]
                return self._page(over, given, "createdTime")
            case "/v5/execution/list":
                return self._page(
                    [each for each in self.executions if each["category"] == category], given, "execTime"
                )
        raise AssertionError(f"nobody has taught this server {path}")

    def _page(self, rows, given, time=None):
        """The newest rows of the span first, as this venue has it."""
        if time is not None:
            start, end = int(given.get("startTime", 0)), int(given.get("endTime", 1 << 62))
            rows = [row for row in rows if start <= int(row[time]) <= end]
            rows = sorted(rows, key=lambda row: int(row[time]), reverse=True)
        count = min(int(given.get("limit", self.page_max)), self.page_max)
        return {"list": rows[:count], "nextPageCursor": "", "category": given.get("category")}

    def _create(self, given):
        if any(each["orderLinkId"] == given.get("orderLinkId") for each in self.orders.values()):
            return 110072, "OrderLinkedID is duplicate"
        name = f"1{len(self.orders):08d}"
        now = str(self.clock_ms())
        order = {
            "category": given["category"],
            "symbol": given["symbol"],
            "orderId": name,
            "orderLinkId": given.get("orderLinkId", ""),
            "side": given["side"],
            "orderType": given["orderType"],
            "price": given.get("price", ""),
            "qty": given["qty"],
            "timeInForce": given.get("timeInForce", "GTC"),
            "reduceOnly": given.get("reduceOnly", False),
            "orderStatus": "New",
            "cumExecQty": "0",
            "cumExecValue": "0",
            "leavesQty": given["qty"],
            "avgPrice": "",
            "createdTime": now,
            "updatedTime": now,
            "rejectReason": "EC_NoError",
            "tpslMode": "",
        }
        if order["category"] == "spot":
            order["marketUnit"] = "baseCoin"
            del order["tpslMode"]
        self.orders[name] = order
        return [order]

    def _end(self, order, status):
        order["orderStatus"] = status
        order["leavesQty"] = "0"
        order["updatedTime"] = str(self.clock_ms())
        return [order]

    def _ticker(self):
        return {
            "symbol": "BTCUSDT",
            "lastPrice": "60000.1",
            "indexPrice": "60001.23",
            "markPrice": "60000.57",
            "fundingRate": "-0.00012345",
            "nextFundingTime": str((clock.now_ns() // 1_000_000) + 3_600_000),
            "fundingIntervalHour": "8",
            "bid1Price": "60000.1",
            "ask1Price": "60000.2",
        }

    # -- WebSocket ----------------------------------------------------------------------------------------------

    async def socket(self, request):
        which = "private" if request.path.endswith("private") else "public"
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        self.sockets[which].append(socket)
        try:
            with suppress(ConnectionError):
                async for message in socket:
                    if message.type == WSMsgType.TEXT:
                        await self._heard(socket, which, json.loads(message.data))
        finally:
            self.sockets[which].remove(socket)
            self.subscribed.pop(socket, None)
        return socket

    async def _heard(self, socket, which, said):
        op, reply = said.get("op"), {"success": True, "ret_msg": "", "op": said.get("op"), "conn_id": "1"}
        if op == "ping":
            await socket.send_str(json.dumps({**reply, "ret_msg": "pong", "op": "ping"}))
            return
        if op == "auth":
            key, expires, signature = said["args"]
            wanted = hmac.new(
                API_SECRET.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256
            ).hexdigest()
            reply["success"] = key == API_KEY and signature == wanted
        if op == "subscribe":
            self.subscribed.setdefault(socket, set()).update(said["args"])
        await socket.send_str(json.dumps({**reply, "req_id": said.get("req_id", "")}))
        for topic in said.get("args", ()) if op == "subscribe" else ():
            if topic.startswith("orderbook."):
                data = {"s": topic.rpartition(".")[2], **self.book, "u": 1, "seq": 1}
                snapshot = {"topic": topic, "type": "snapshot", "ts": self.clock_ms(), "data": data}
                await socket.send_str(json.dumps(snapshot))


@asynccontextmanager
async def serving(bybit):
    """Serve it on loopback, or on the virtual loop's network in memory; gives its address."""
    app = web.Application()
    app.router.add_route("GET", "/v5/public/{category}", bybit.socket)
    app.router.add_route("GET", "/v5/private", bybit.socket)
    app.router.add_route("*", "/{path:.*}", bybit.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    try:
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await bybit.cut("public")
        await bybit.cut("private")
        await runner.cleanup()
