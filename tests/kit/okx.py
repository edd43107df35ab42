"""OKX for its tests: two markets, a key of nobody, and messages as the venue writes them."""

import json
from pathlib import Path

from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.runtime.secrets import Secret
from xtrade.venues.asks import Answer
from xtrade.venues.markets import Markets
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.codec import OkxCodec
from xtrade.venues.okx.listing import read_listing
from xtrade.venues.okx.spec import SPEC

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "okx"
NOW_NS = 1_607_418_537_715_000_000
RECEIVED_NS = 1_700_000_000_500_000_000
SPOT, SWAP = "okx:BTC/USDT", "okx:BTC/USDT:USDT"

INSTRUMENTS = [
    {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "instIdCode": 10459, "uly": "BTC-USDT",
        "instFamily": "BTC-USDT", "baseCcy": "", "quoteCcy": "", "settleCcy": "USDT", "ctVal": "0.01", "ctMult": "1",
        "ctValCcy": "BTC", "ctType": "linear", "tickSz": "0.1", "lotSz": "0.01", "minSz": "0.01", "lever": "100",
        "state": "live", "listTime": "1600000000000", "expTime": "", "maxLmtSz": "100000000", "maxMktSz": "12000",
        "ruleType": "normal",
    },
    {
        "instType": "SPOT", "instId": "BTC-USDT", "instIdCode": 111, "uly": "", "instFamily": "", "baseCcy": "BTC",
        "quoteCcy": "USDT", "settleCcy": "", "ctVal": "", "ctMult": "", "ctType": "", "tickSz": "0.1",
        "lotSz": "0.00000001", "minSz": "0.00001", "lever": "10", "state": "live", "listTime": "1600000000000",
        "expTime": "", "maxMktSz": "1000000",
    },
]  # fmt: skip


INSTRUMENTS.append(
    # As this pair was counted when the messages were recorded.
    INSTRUMENTS[1] | {"instId": "OLD-USDT", "instIdCode": 112, "baseCcy": "OLD", "tickSz": "0.01"}
)


def answer(data, *, code="0", msg="", status=200):
    """An answer as the venue writes one; bytes and text are taken as they are."""
    if isinstance(data, bytes):
        return Answer(status, data, RECEIVED_NS)
    body = json.dumps({"code": code, "msg": msg, "data": data}).encode()
    return Answer(status, body, RECEIVED_NS)


def fields():
    return {
        "api_key": Secret("a1b2c3d4-0000-1111-2222-333344445555"),
        "api_secret": Secret("22582BD0CFF14C41EDBF1AB98506286D"),
        "passphrase": Secret("Passphrase1!"),
    }


def made(environment="live", *, signs=True):
    markets = Markets()
    markets.learn(read_listing(answer(INSTRUMENTS)))
    return OkxCodec(SPEC.at(environment), markets, OkxKey.from_key(fields()) if signs else None)


def intended(codec, key=SWAP, **changes):
    told = {
        "client_order_id": 1_763_600_000_123_456_789,
        "instrument": key,
        "instrument_version": 1,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "lots": 100,
        "ticks": 500_000,
    }
    if changes.get("type") is OrderType.MARKET:
        del told["ticks"]
    if "quote_amount" in changes:
        changes["quote_amount"] = Money.of(changes["quote_amount"], "USDT")
        del told["lots"]
    return OrderIntent(**(told | changes))
