"""Binance on paper: two markets as the venue lists them, a codec with a key, and its payloads by name."""

import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.runtime.secrets import Secret
from xtrade.venues.asks import Answer
from xtrade.venues.binance.auth import BinanceKey
from xtrade.venues.binance.codec import BinanceCodec
from xtrade.venues.binance.listing import SpotListing, UsdmListing, read_spot, read_usdm
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.codec import Known
from xtrade.venues.markets import Markets

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "binance"

API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
API_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"

SPOT = "binance:BTC/USDT"
PERPETUAL = "binance:BTC/USDT:USDT"
NOW_NS = 1_700_000_000_123_000_000
NUMBER = ClientOrderId(1_700_000_000_000_000_001)
TEXT = "xt1700000000000000001"

SPOT_LISTING = {
    "timezone": "UTC",
    "serverTime": 1,
    "rateLimits": [],
    "exchangeFilters": [],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "baseAssetPrecision": 8,
            "quoteAsset": "USDT",
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
                {
                    "filterType": "NOTIONAL",
                    "minNotional": "5",
                    "applyMinToMarket": True,
                    "maxNotional": "9000000",
                    "applyMaxToMarket": False,
                    "avgPriceMins": 5,
                },
            ],
        }
    ],
}
USDM_LISTING = {
    "timezone": "UTC",
    "serverTime": 1,
    "rateLimits": [],
    "exchangeFilters": [],
    "assets": [],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "pair": "BTCUSDT",
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "100"},
            ],
        }
    ],
}
_GRIDS = {"BNBUSDT": ("0.01", "0.01"), "ETHUSDT": ("0.01", "0.0001"), "ETHBTC": ("0.00001", "0.0001")}


def markets():
    """Both BTCUSDTs, and what the recorded payloads are of."""
    found = Markets()
    found.learn(read_spot(msgspec.convert(SPOT_LISTING, SpotListing)))
    found.learn(read_usdm(msgspec.convert(USDM_LISTING, UsdmListing)))
    for native, (tick, lot) in _GRIDS.items():
        base, quote = native[:3], native[3:]
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "90000", "stepSize": lot},
        ]
        row = {
            "symbol": native,
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": quote,
            "filters": filters,
        }
        found.learn(read_spot(msgspec.convert({"symbols": [row]}, SpotListing)))
        contract = row | {"contractType": "PERPETUAL", "marginAsset": quote}
        found.learn(read_usdm(msgspec.convert({"symbols": [contract]}, UsdmListing)))
    return found


MARKETS = markets()


def codec(*, key=True, known=MARKETS):
    """A codec of the live addresses."""
    fields = {"api_key": Secret(API_KEY), "api_secret": Secret(API_SECRET)}
    return BinanceCodec(SPEC.at("live"), known, BinanceKey.from_key(fields) if key else None)


def instrument(key=SPOT):
    return MARKETS.of(key).instrument


def intent(key=SPOT, *, side=Side.BUY, price="50000", quantity="0.01", **more):
    """A limit order, if nothing else is said."""
    of = instrument(key)
    type_ = more.pop("type", OrderType.LIMIT)
    return OrderIntent(
        client_order_id=NUMBER,
        instrument=key,
        instrument_version=1,
        side=side,
        type=type_,
        lots=0 if quantity is None else of.lots(quantity),
        ticks=of.ticks(price) if type_.is_limit else None,
        **more,
    )


def known(key=SPOT, venue_order_id=None, **more):
    return Known(intent(key, **more), instrument(key), venue_order_id)


def answer(body, status=200):
    """An answer, from something to be written as JSON."""
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), NOW_NS + 5)


def refusal(code, text="no", status=400):
    return answer({"code": code, "msg": text}, status)


def asked(ask, now_ns=NOW_NS):
    """What a request asks: method, address without its query, and parameters without what signs them."""
    request = ask.build(now_ns)
    url = urlsplit(request.url)
    params = dict(parse_qsl(url.query))
    signed = "signature" in params
    for name in ("signature", "timestamp", "recvWindow"):
        params.pop(name, None)
    assert signed == any(name == "X-MBX-APIKEY" for name, _ in request.headers)
    return request.method, f"{url.netloc}{url.path}", params


def payload(name):
    """A recorded payload, in the place where it is kept."""
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"the recorded payload binance/{name} is not here")
    return path.read_bytes()


def renamed(wire, *names):
    """A payload in which these names of orders are ours."""
    for name in names:
        wire = wire.replace(name.encode(), TEXT.encode())
    return wire


def line(name):
    return SPEC.line(name)


def decimal(text):
    return Decimal(text)
