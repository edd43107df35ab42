"""A small kraken: its REST wire as its documentation shows it, which asks by POST, in forms, and lists its errors."""

import base64
import hashlib
import hmac
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from aiohttp import web

from xtrade.runtime import clock

HOST = "127.0.0.1"
API_KEY = "a-key-of-nobody-33"
API_SECRET = base64.b64encode(b"a secret of nobody, in base 64").decode()

PAIR = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "aclass_base": "currency",
    "base": "XXBT",
    "aclass_quote": "currency",
    "quote": "ZUSD",
    "lot": "unit",
    "cost_decimals": 5,
    "pair_decimals": 1,
    "lot_decimals": 8,
    "lot_multiplier": 1,
    "fees": [[0, 0.4]],
    "fees_maker": [[0, 0.25]],
    "fee_volume_currency": "ZUSD",
    "ordermin": "0.00005",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
}


class Kraken:
    """One account, one market."""

    def __init__(self):
        self.orders, self.trades, self.requests, self.faults = {}, {}, [], {}

    def fault(self, path, how, body=None):
        self.faults.setdefault(path, []).append((how, body))

    def trade(self, name, volume, price):
        order = self.orders[name]
        done = float(order["vol_exec"]) + float(volume)
        order["vol_exec"] = f"{done:.8f}"
        if done >= float(order["vol"]) - 1e-12:
            order |= {"status": "closed", "closetm": clock.now_ns() / 1e9}
        self.trades[f"T{len(self.trades)}"] = {
            "ordertxid": name,
            "postxid": "P",
            "pair": "XXBTZUSD",
            "time": clock.now_ns() / 1e9,
            "type": order["descr"]["type"],
            "ordertype": "limit",
            "price": price,
            "cost": "1.00000",
            "fee": "0.01250",
            "vol": volume,
            "margin": "0.00000",
            "misc": "",
            "trade_id": len(self.trades),
            "maker": True,
        }

    async def answer(self, request):
        path = request.path.rpartition("/")[2]
        text = await request.text()
        given = dict(parse_qsl(text))
        self.requests.append((path, given))
        how, body = self.faults[path].pop(0) if self.faults.get(path) else ("", None)
        if how == "instead":
            return web.json_response({"error": body})
        if "/private/" in request.path and not self._is_signed(request, text, given):
            return web.json_response({"error": ["EAPI:Invalid key"]})
        result = self._do(path, given)
        if isinstance(result, str):
            return web.json_response({"error": [result]})
        if how == "after":
            request.transport.abort()
        return web.json_response({"error": [], "result": result})

    def _is_signed(self, request, text, given):
        message = request.path.encode() + hashlib.sha256((given["nonce"] + text).encode()).digest()
        expected = hmac.new(base64.b64decode(API_SECRET), message, hashlib.sha512).digest()
        return (
            request.headers.get("API-Key") == API_KEY
            and request.headers.get("API-Sign") == base64.b64encode(expected).decode()
        )

    def _do(self, path, given):
        match path:
            case "Assets":
                asset = {"aclass": "currency", "decimals": 10, "display_decimals": 5, "status": "enabled"}
                return {"XXBT": {**asset, "altname": "XBT"}, "ZUSD": {**asset, "altname": "USD"}}
            case "AssetPairs":
                return {"XXBTZUSD": PAIR}
            case "Depth":
                book = {
                    "bids": [["60000.10000", "0.123", 1767225600]],
                    "asks": [["60000.20000", "1.5", 1767225600]],
                }
                return {"XXBTZUSD": book}
            case "BalanceEx":
                return {"ZUSD": {"balance": "1000.1234567890123", "hold_trade": "10.5"}}
            case "AddOrder":
                return self._add(given)
            case "CancelOrder":
                order = self.orders.get(given["txid"])
                if order is None or order["status"] != "open":
                    return "EOrder:Unknown order"
                order |= {"status": "canceled", "closetm": clock.now_ns() / 1e9}
                return {"count": 1}
            case "OpenOrders":
                return {
                    "open": {name: each for name, each in self.orders.items() if each["status"] == "open"}
                }
            case "ClosedOrders":
                over = {name: each for name, each in self.orders.items() if each["status"] != "open"}
                return {"closed": over, "count": len(over)}
            case "QueryOrders":
                found = self.orders.get(given["txid"])
                return {given["txid"]: found} if found else "EOrder:Unknown order"
            case "TradesHistory":
                since = float(given.get("start", 0))
                found = {name: each for name, each in self.trades.items() if each["time"] >= since}
                return {"trades": dict(list(reversed(found.items()))[:50]), "count": len(found)}
        raise AssertionError(f"nobody has taught this server {path}")

    def _add(self, given):
        name = f"O{len(self.orders):05d}-AAAAA-BBBBBB"
        side, kind, price = given["type"], given["ordertype"], given["price"]
        self.orders[name] = {
            "refid": None,
            "userref": None,
            "cl_ord_id": given["cl_ord_id"],
            "status": "open",
            "opentm": clock.now_ns() / 1e9,
            "starttm": 0,
            "expiretm": 0,
            "descr": {
                "pair": "XBTUSD",
                "type": side,
                "ordertype": kind,
                "price": price,
                "price2": "0",
                "leverage": "none",
                "order": f"{side} {given['volume']} XBTUSD @ {kind} {price}",
                "close": "",
            },
            "vol": given["volume"],
            "vol_exec": "0.00000000",
            "cost": "0.00000",
            "fee": "0.00000",
            "price": "0.00000",
            "stopprice": "0.00000",
            "limitprice": "0.00000",
            "misc": "",
            "oflags": given.get("oflags", "fciq"),
        }
        return {"descr": {"order": self.orders[name]["descr"]["order"]}, "txid": [name]}


@asynccontextmanager
async def serving(kraken):
    """Serve it; gives its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", kraken.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    try:
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
