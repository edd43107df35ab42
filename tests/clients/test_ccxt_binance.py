"""ccxt beside us on Binance: the same payloads read alike, the same requests signed alike; and it trades on our box
through its own unchanged code, base addresses aside (needs `uv sync --group clients`).
"""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, strategies as st

from kit.binance import (
    API_KEY,
    API_SECRET,
    NOW_NS,
    PERPETUAL,
    SPOT,
    SPOT_LISTING,
    USDM_LISTING,
    answer,
    codec,
    instrument,
    payload,
)
from xtrade.model.numbers import number
from xtrade.runtime.secrets import Secret
from xtrade.venues.binance.auth import BinanceKey
from xtrade.venues.binance.server import BinanceServer
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")
ccxtpro = pytest.importorskip("ccxt.pro", reason="ccxt is not installed: uv sync --group clients")

PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
    "-----END PRIVATE KEY-----\n"
)
MS = 1_000_000


# -- the same payloads --------------------------------------------------------------------------------------------


def client():
    found = ccxt.binance({"apiKey": API_KEY, "secret": API_SECRET})
    found.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    rows = [*SPOT_LISTING["symbols"], *USDM_LISTING["symbols"]]
    found.set_markets([found.parse_market(row) for row in rows])
    return found


THEIRS = client()
MARKETS = {SPOT: THEIRS.market("BTC/USDT"), PERPETUAL: THEIRS.market("BTC/USDT:USDT")}


def exact(value):
    return number(str(value))


@pytest.mark.parametrize("key", [SPOT, PERPETUAL])
def test_markets(key):
    ours, theirs = instrument(key), MARKETS[key]

    assert theirs["symbol"] == ours.symbol
    assert exact(theirs["precision"]["price"]) == ours.tick
    assert exact(theirs["precision"]["amount"]) == ours.lot
    assert exact(theirs["limits"]["cost"]["min"]) == ours.min_notional
    assert ours.quantity(ours.min_lots) == exact(theirs["limits"]["amount"]["min"])
    assert ours.quantity(ours.max_lots) == exact(theirs["limits"]["amount"]["max"])
    assert theirs["settle"] == (None if key == SPOT else ours.settle)


def test_books():
    body = {
        "lastUpdateId": 5,
        "bids": [["50000.10", "0.5"]],
        "asks": [["50000.20", "1"], ["50000.30", "0.00100"]],
    }

    theirs = THEIRS.parse_order_book(body, "BTC/USDT")
    ours = codec().book(SPOT, 5).read(answer(body))

    of = instrument(SPOT)
    for side in ("bids", "asks"):
        assert [[exact(price), exact(size)] for price, size in theirs[side]] == [
            [of.price(ticks), of.quantity(lots)] for ticks, lots in getattr(ours, side)
        ]


def test_trades():
    row = {"a": 26129, "p": "50000.1", "q": "4.7", "f": 1, "l": 2, "T": 1498793709153, "m": True}

    theirs = THEIRS.parse_trade(row, MARKETS[PERPETUAL])
    [ours] = codec().trades(PERPETUAL, 1).read(answer([row]))

    of = instrument(PERPETUAL)
    assert (exact(theirs["price"]), exact(theirs["amount"])) == (of.price(ours.ticks), of.quantity(ours.lots))
    assert (theirs["id"], theirs["side"], theirs["timestamp"]) == (
        ours.trade_id,
        ours.taker.value,
        ours.venue_ns // MS,
    )


ORDERS = [
    (
        SPOT,
        {
            "symbol": "BTCUSDT",
            "orderId": 28,
            "orderListId": -1,
            "clientOrderId": "xt1700000000000000001",
            "price": "50000.00",
            "origQty": "0.01000",
            "executedQty": executed,
            "cummulativeQuoteQty": "199.99",
            "status": status,
            "timeInForce": "GTC",
            "type": "LIMIT",
            "side": "SELL",
            "stopPrice": "0.0",
            "time": 1700000000130,
            "updateTime": 1700000000130,
        },
        status,
    )
    for status, executed in (
        ("NEW", "0"),
        ("PARTIALLY_FILLED", "0.004"),
        ("FILLED", "0.01"),
        ("CANCELED", "0.004"),
        ("EXPIRED", "0"),
        ("EXPIRED_IN_MATCH", "0.001"),
        ("REJECTED", "0"),
    )
]
WORDS = {
    "open": {"open", "partial"},
    "closed": {"filled"},
    "canceled": {"canceled"},
    "expired": {"expired"},
    "rejected": {"rejected"},
}


@pytest.mark.parametrize(("key", "row", "status"), ORDERS)
def test_orders(key, row, status):
    [ask, *_] = codec().open_orders([])
    [ours] = ask.read(answer([row])).items
    theirs = THEIRS.parse_order(row, MARKETS[key])

    of = instrument(key)
    assert (theirs["id"], theirs["side"]) == (ours.venue_order_id, ours.side.value)
    assert exact(theirs["amount"]) == of.quantity(ours.lots)
    assert exact(theirs["filled"]) == of.quantity(ours.filled_lots)
    assert exact(theirs["price"]) == of.price(ours.ticks)
    assert ours.status.value in WORDS[theirs["status"]]


def test_fills():
    row = {
        "symbol": "BTCUSDT",
        "id": 56,
        "orderId": 28,
        "price": "49997.50",
        "qty": "0.00400",
        "quoteQty": "199.99",
        "commission": "0.000004",
        "commissionAsset": "BTC",
        "time": 1700000000130,
        "isBuyer": True,
        "isMaker": False,
    }

    theirs = THEIRS.parse_trade(row, MARKETS[SPOT])
    [ours] = codec().fills(0, [SPOT])[0].read(answer([row])).items

    fill, of = ours.fill, instrument(SPOT)
    assert (theirs["id"], theirs["order"], theirs["side"]) == (
        fill.trade_id,
        ours.venue_order_id,
        fill.side.value,
    )
    assert (exact(theirs["price"]), exact(theirs["amount"])) == (of.price(fill.ticks), of.quantity(fill.lots))
    assert (exact(f"{theirs['fee']['cost']:.8f}"), theirs["fee"]["currency"]) == (
        fill.fee.amount,
        fill.fee.currency,
    )
    assert (theirs["takerOrMaker"] == "maker") is fill.maker


def test_balances_and_positions_that_were_recorded():
    body = json.loads(payload("spot/http_json/account_response.json"))
    theirs = THEIRS.parse_balance_custom(body, "spot")
    for ours in codec().balances()[0].read(answer(body)):
        assert exact(f"{theirs[ours.total.currency]['total']:.8f}") == ours.total.amount

    [row] = json.loads(payload("futures/http_json/position_risk.json"))
    theirs = THEIRS.parse_position_risk(row, MARKETS[PERPETUAL])
    [ours] = codec().positions()[0].read(answer([row]))
    assert exact(theirs["contracts"]) == instrument(PERPETUAL).quantity(abs(ours.lots))
    assert theirs["side"] == ("long" if ours.lots > 0 else "short")
    assert exact(theirs["entryPrice"]) == ours.entry_price


def test_funding():
    body = {
        "symbol": "BTCUSDT",
        "markPrice": "45802.81129892",
        "indexPrice": "45745.47701915",
        "estimatedSettlePrice": "45133.91753671",
        "lastFundingRate": "0.00063521",
        "interestRate": "0.00010000",
        "nextFundingTime": 1621267200000,
        "time": 1621252344001,
    }

    theirs = THEIRS.parse_funding_rate(body, MARKETS[PERPETUAL])
    mark, funding = codec().mark(PERPETUAL).read(answer(body)), codec().funding(PERPETUAL).read(answer(body))

    assert exact(theirs["fundingRate"]) == funding.rate
    assert theirs["fundingTimestamp"] == funding.next_ns // MS
    assert (exact(theirs["markPrice"]), exact(theirs["indexPrice"])) == (mark.mark, mark.index)


def test_bars():
    row = [
        1499040000000,
        "1634.7",
        "8000.0",
        "1575.8",
        "1577.1",
        "14.8",
        1499040059999,
        "2",
        308,
        "1",
        "2",
        "0",
    ]

    theirs = THEIRS.parse_ohlcv(row, MARKETS[SPOT])
    [ours] = codec().bars(SPOT, 60 * 10**9, 0, 2**62).read(answer([row])).items

    of = instrument(SPOT)
    assert theirs[0] == ours.start_ns // MS
    assert [exact(each) for each in theirs[1:5]] == [
        of.price(ticks) for ticks in (ours.open_ticks, ours.high_ticks, ours.low_ticks, ours.close_ticks)
    ]
    assert exact(theirs[5]) == of.quantity(ours.volume_lots)


# -- the same signatures ------------------------------------------------------------------------------------------

names = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12)
texts = st.text("abcXYZ0123456789-_.:/ +=&é币", max_size=20)


@pytest.mark.parametrize("secret", [API_SECRET, PEM])
@given(params=st.dictionaries(names, texts, max_size=6))
def test_signatures_of_queries(secret, params):
    """What ccxt signed, we sign to the same end."""
    theirs = ccxt.binance({"apiKey": API_KEY, "secret": secret})
    theirs.nonce = lambda: NOW_NS // MS
    url = theirs.sign("account", "private", "GET", dict(params))["url"]
    unsigned, _, signature = urlsplit(url).query.rpartition("&signature=")

    key = BinanceKey.from_key({"api_key": Secret(API_KEY), "api_secret": Secret(secret)})

    assert dict(parse_qsl(f"signature={signature}"))["signature"] == key._sign(unsigned.encode())


@pytest.mark.parametrize("secret", [API_SECRET, PEM])
@given(params=st.dictionaries(names, st.text("abcXYZ0123456789-_.", min_size=1, max_size=20), max_size=6))
def test_signatures_of_messages(secret, params):
    theirs = ccxtpro.binance({"apiKey": API_KEY, "secret": secret})
    theirs.nonce = lambda: NOW_NS // MS
    signed = theirs.sign_params(dict(params))

    key = BinanceKey.from_key({"api_key": Secret(API_KEY), "api_secret": Secret(secret)})
    ours = key.params(params, NOW_NS, receive_ms=int(signed["recvWindow"]))

    assert {name: str(value) for name, value in ours.items()} == {
        name: str(value) for name, value in signed.items()
    }


# -- trading on our box -------------------------------------------------------------------------------------------


@asynccontextmanager
async def trading(kind):
    """ccxt.pro at a box: its own code, our addresses."""
    world = world_of({"binance": BinanceServer}, ["BTC/USDT", "BTC/USDT:USDT"])
    async with Box(BinanceServer, world, seed=5, past_s=30) as box:
        key = box.accounts[0].key
        there = ccxtpro.binance if kind == "spot" else ccxtpro.binanceusdm
        theirs = there(
            {
                "apiKey": key["api_key"],
                "secret": key["api_secret"],
                "options": {
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "fetchMarkets": {"types": ["spot" if kind == "spot" else "linear"]},
                },
            }
        )
        sockets = box.address.replace("http", "ws")
        theirs.urls["api"] |= {
            "public": f"{box.address}/api/v3",
            "private": f"{box.address}/api/v3",
            "sapi": f"{box.address}/sapi/v1",
            "fapiPublic": f"{box.address}/fapi/v1",
            "fapiPublicV2": f"{box.address}/fapi/v2",
            "fapiPublicV3": f"{box.address}/fapi/v3",
            "fapiPrivate": f"{box.address}/fapi/v1",
            "fapiPrivateV2": f"{box.address}/fapi/v2",
            "fapiPrivateV3": f"{box.address}/fapi/v3",
        }
        theirs.urls["api"]["ws"] |= {
            "spot": f"{sockets}/stream/ws",
            "future": f"{sockets}/ws",
            "ws-api": {"spot": f"{sockets}/ws-api/v3", "future": f"{sockets}/ws-fapi/v1"},
        }
        try:
            await theirs.load_markets()
            yield theirs, box
        finally:
            await theirs.close()


async def until(condition):
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never was")


SYMBOLS = {"spot": "BTC/USDT", "futures": "BTC/USDT:USDT"}


def on_box(kind, work):
    async def main():
        async with asyncio.timeout(90), trading(kind) as (theirs, box):
            await work(theirs, box, SYMBOLS[kind])

    asyncio.run(main())


@pytest.mark.parametrize("kind", SYMBOLS)
def test_it_trades_over_http(kind):
    async def work(theirs, box, symbol):
        floor = box.floor
        [name] = [key for key in floor.instruments if key == f"binance:{symbol}"]
        market = theirs.market(symbol)
        assert exact(market["precision"]["price"]) == floor.instruments[name].tick
        book = await theirs.fetch_order_book(symbol, 5)
        bid, ask = book["bids"][0][0], book["asks"][0][0]
        assert bid < ask

        resting = await theirs.create_order(symbol, "limit", "buy", 0.01, round(bid - 500, 1))
        assert resting["status"] == "open"
        assert [each["id"] for each in await theirs.fetch_open_orders(symbol)] == [resting["id"]]
        assert (await theirs.fetch_order(resting["id"], symbol))["price"] == resting["price"]
        assert (await theirs.cancel_order(resting["id"], symbol))["status"] == "canceled"
        assert await theirs.fetch_open_orders(symbol) == []

        taken = await theirs.create_order(symbol, "market", "buy", 0.02)
        done = await theirs.fetch_order(taken["id"], symbol)
        assert (done["status"], done["filled"]) == ("closed", 0.02)
        fills = await theirs.fetch_my_trades(symbol)
        [account] = box.accounts
        there = floor.executed(account.name, name)
        assert [each["id"] for each in fills] == [each.fill.trade_id for each in there]
        of = floor.instruments[name]
        assert [exact(each["amount"]) for each in fills] == [of.quantity(each.fill.lots) for each in there]

        balance = await theirs.fetch_balance()
        total = floor.exchange.balance(account.name, "USDT").total.amount
        assert abs(exact(f"{balance['USDT']['total']:.6f}") - total) < Decimal("0.00001")
        if kind == "futures":
            [position] = await theirs.fetch_positions([symbol])
            assert (position["side"], position["contracts"]) == ("long", 0.02)
            await theirs.set_leverage(5, symbol)
            with pytest.raises(ccxt.ExchangeError):
                await theirs.create_order(symbol, "limit", "buy", 0.01, ask + 50, {"postOnly": True})
        else:
            with pytest.raises(ccxt.OrderImmediatelyFillable):
                await theirs.create_order(symbol, "limit", "buy", 0.01, ask + 50, {"postOnly": True})
            with pytest.raises(ccxt.InsufficientFunds):
                await theirs.create_order(symbol, "limit", "buy", 1_000, bid - 5)
        with pytest.raises(ccxt.OrderNotFound):
            await theirs.cancel_order("999999999", symbol)

    on_box(kind, work)


@pytest.mark.parametrize("kind", SYMBOLS)
def test_it_watches_books_trades_and_its_own_orders(kind):
    async def work(theirs, box, symbol):
        key = f"binance:{symbol}"
        for _ in range(20):
            book = await theirs.watch_order_book(symbol)
        assert book["bids"][0][0] < book["asks"][0][0]
        trades = await theirs.watch_trades(symbol)
        there = {each.trade_id for each in box.floor.chronicle.trades(key, 10_000)}
        assert {each["id"] for each in trades} <= there

        watching = asyncio.create_task(theirs.watch_orders(symbol))
        streams = box.server._apis if kind == "spot" else box.server._private
        await until(lambda: any(each.account for each in streams))
        placed = await theirs.create_order(symbol, "limit", "buy", 0.01, round(book["bids"][0][0] - 500, 1))
        [told, *_] = await watching
        assert (told["id"], told["status"]) == (placed["id"], "open")
        ended = asyncio.create_task(theirs.watch_orders(symbol))
        await theirs.cancel_order(placed["id"], symbol)
        found = await ended
        assert "canceled" in {each["status"] for each in found if each["id"] == placed["id"]}

    on_box(kind, work)


def test_a_conditional_order_of_futures():
    async def work(theirs, box, symbol):
        last = (await theirs.fetch_ticker(symbol))["last"]
        stop = await theirs.create_order(
            symbol, "market", "buy", 0.01, None, {"triggerPrice": round(last + 5_000, 1)}
        )
        waiting = await theirs.fetch_open_orders(symbol, params={"trigger": True})
        assert [each["id"] for each in waiting] == [stop["id"]]
        assert await theirs.fetch_open_orders(symbol) == []
        await theirs.cancel_order(stop["id"], symbol, {"trigger": True})
        assert await theirs.fetch_open_orders(symbol, params={"trigger": True}) == []

    on_box("futures", work)


def test_a_wrong_secret_and_a_clock_that_is_off():
    async def work(theirs, box, symbol):
        theirs.secret = "x" * 64
        with pytest.raises(ccxt.AuthenticationError):
            await theirs.fetch_balance()
        theirs.secret = box.accounts[0].key["api_secret"]
        theirs.options["timeDifference"] = 60_000
        with pytest.raises(ccxt.InvalidNonce):
            await theirs.fetch_balance()

    on_box("spot", work)
