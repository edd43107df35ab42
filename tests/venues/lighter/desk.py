"""Lighter's markets and a codec for tests: two perpetuals and a pair, on the venue's own grids."""

import msgspec

from xtrade.runtime.secrets import Secret
from xtrade.venues.asks import Answer
from xtrade.venues.lighter.auth import LighterKey
from xtrade.venues.lighter.codec import LighterCodec
from xtrade.venues.lighter.spec import PRIVATE, PUBLIC, SPEC
from xtrade.venues.markets import Markets

NOW_NS = 1_777_941_384_000_000_000
HEARD_NS = NOW_NS + 5_000_000

ETH, BTC, ETH_SPOT = "lighter:ETH/USDC:USDC", "lighter:BTC/USDC:USDC", "lighter:ETH/USDC"
ACCOUNT = 1234


def market(symbol, market_id, size, price, kind="perp", **more):
    row = {
        "symbol": symbol,
        "market_id": market_id,
        "market_type": kind,
        "status": "active",
        "taker_fee": "0.0196",
        "maker_fee": "0.0028",
        "min_base_amount": "0.0050",
        "min_quote_amount": "10.000000",
        "size_decimals": size,
        "price_decimals": price,
        "last_trade_price": 2361.31,
    }
    return row | more


LISTING = {
    "code": 200,
    "order_book_details": [
        market("ETH", 0, 4, 2, mark_price="2361.30", index_price="2361.00"),
        market("BTC", 1, 5, 1, min_base_amount="0.00020", last_trade_price=64351.5),
        market("EURUSD?", 7, 1, 5),
        market("UP", 5000, 1, 5, kind="binary_option"),
    ],
    "spot_order_book_details": [market("ETH/USDC", 2048, 4, 2, kind="spot", status="inactive")],
}


def key():
    return LighterKey(ACCOUNT, 4, Secret("01" * 40))


def answer(body, status=200):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(status, raw, HEARD_NS)


def codec(*, private=True, environment="live"):
    made = LighterCodec(
        SPEC.at(environment), Markets(), key() if private else None, "lighter.main" if private else ""
    )
    (ask,) = made.listings()
    made.markets.learn(ask.read(answer(LISTING)))
    return made


def heard(made, message, *, private=False):
    payload = message if isinstance(message, bytes) else msgspec.json.encode(message)
    return list(made.hear(SPEC.line(PRIVATE if private else PUBLIC), payload, HEARD_NS))
