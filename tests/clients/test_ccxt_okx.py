"""ccxt, unchanged but for its address, trades on our box of OKX, and reads what OKX says as we read it.

Needs `uv sync --group clients`. What ccxt, our own link and the exchange behind the box know of an account afterwards
is the same, to the last lot.
"""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from kit.okx import FIXTURES, INSTRUMENTS, NOW_NS, SPOT, SWAP, answer, intended, made
from xtrade.model.money import Money
from xtrade.runtime.secrets import Secret
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.link import Link
from xtrade.venues.markets import Markets
from xtrade.venues.okx.auth import OkxKey
from xtrade.venues.okx.codec import OkxCodec
from xtrade.venues.okx.server import OkxServer
from xtrade.venues.okx.spec import SPEC

pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")

import ccxt
import ccxt.pro

SYMBOLS = ["BTC/USDT", "BTC/USDT:USDT"]
PAIR, CONTRACT = SYMBOLS


@asynccontextmanager
async def stranger():
    async with Box(OkxServer, world_of({"okx": OkxServer}, SYMBOLS), seed=1) as box:
        key = box.accounts[0].key
        client = ccxt.pro.okx(
            {"apiKey": key["api_key"], "secret": key["api_secret"], "password": key["passphrase"]}
        )
        client.urls["api"] |= {
            "rest": box.address,
            "ws": box.address.replace("http", "ws") + "/ws/v5",
        }
        try:
            await client.load_markets()
            yield box, client
        finally:
            await client.close()


@asynccontextmanager
async def ours(box):
    key = OkxKey.from_key({name: Secret(value) for name, value in box.accounts[0].key.items()})
    link = Link(OkxCodec(SPEC.at("live", box.address), Markets(), key))
    await link.start(lambda events: None)
    try:
        yield link
    finally:
        await link.stop()


def test_markets():
    async def main():
        async with stranger() as (box, client):
            assert sorted(client.markets) == sorted(SYMBOLS)
            for market in client.markets.values():
                there = box.floor.instruments[f"okx:{market['symbol']}"]
                assert Decimal(str(market["precision"]["price"])) == there.tick
                assert Decimal(str(market["precision"]["amount"])) == there.lot
                assert Decimal(str(market["contractSize"] or 1)) == there.multiplier
                assert market["linear"] is (True if market["swap"] else None)

    asyncio.run(main())


def test_public_questions():
    async def main():
        async with stranger() as (box, client):
            there = box.floor.instruments[SWAP]
            book = await client.fetch_order_book(CONTRACT, 20)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert len(book["bids"]) == 20
            trades = await client.fetch_trades(CONTRACT)
            kept = {trade.trade_id: trade for trade in box.floor.chronicle.trades(SWAP, 10_000)}
            for trade in trades:
                known = kept[trade["id"]]
                assert there.ticks(str(trade["price"])) == known.ticks
                assert trade["side"] == known.taker
            bars = await client.fetch_ohlcv(CONTRACT)
            assert len(bars) == len(box.floor.chronicle.bars(SWAP, 60 * 10**9, 0, 1 << 62))
            rate = await client.fetch_funding_rate(CONTRACT)
            assert rate["fundingRate"] == float(box.floor.chronicle.fundings[SWAP].rate)
            assert (await client.fetch_ticker(PAIR))["bid"] > 0
            assert (await client.fetch_time()) > 0
            assert (await client.fetch_mark_price(CONTRACT))["markPrice"] > 0

    asyncio.run(main())


def test_an_order_from_its_placing_to_its_end():
    async def main():
        async with stranger() as (_box, client):
            book = await client.fetch_order_book(CONTRACT)
            price = book["bids"][0][0] - 100
            placed = await client.create_order(CONTRACT, "limit", "buy", 1, price)
            (listed,) = await client.fetch_open_orders(CONTRACT)
            assert (listed["id"], listed["status"], listed["amount"]) == (placed["id"], "open", 1)
            await client.edit_order(placed["id"], CONTRACT, "limit", "buy", 2, price - 1)
            changed = await client.fetch_order(placed["id"], CONTRACT)
            assert (changed["amount"], changed["price"]) == (2, price - 1)
            await client.cancel_order(placed["id"], CONTRACT)
            assert await client.fetch_open_orders(CONTRACT) == []
            assert (await client.fetch_order(placed["id"], CONTRACT))["status"] == "canceled"
            assert [order["id"] for order in await client.fetch_canceled_orders(CONTRACT)] == [placed["id"]]

    asyncio.run(main())


def test_a_stop_is_placed_listed_and_canceled():
    async def main():
        async with stranger() as (box, client):
            bid = (await client.fetch_order_book(CONTRACT))["bids"][0][0]
            for params in ({"stopLossPrice": bid - 1_000}, {"triggerPrice": bid - 1_000}):
                placed = await client.create_order(CONTRACT, "market", "sell", 1, None, params)
                (slip,) = box.floor.open_slips(box.accounts[0].name)
                assert slip.intent.type.name == "STOP_MARKET"
                asleep = {"trigger": True, "ordType": "conditional"}
                (listed,) = await client.fetch_open_orders(CONTRACT, params=asleep)
                assert (listed["id"], listed["status"]) == (placed["id"], "open")
                assert await client.fetch_open_orders(CONTRACT) == []
                await client.cancel_order(placed["id"], CONTRACT, {"trigger": True})
                assert not slip.is_open

    asyncio.run(main())


def test_refusals_are_what_ccxt_takes_them_for():
    async def main():
        async with stranger() as (_box, client):
            with pytest.raises(ccxt.InsufficientFunds):
                await client.create_order(PAIR, "limit", "buy", 1_000, 50_000)
            with pytest.raises(ccxt.InvalidOrder):
                await client.create_order(PAIR, "limit", "buy", 0.000001, 50_000)
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order("1", CONTRACT)
            client.secret = "0" * 32
            with pytest.raises(ccxt.AuthenticationError):
                await client.fetch_balance()

    asyncio.run(main())


def test_ccxt_our_link_and_the_exchange_know_the_same_account():
    async def main():
        async with stranger() as (box, client), ours(box) as link:
            await client.create_order(CONTRACT, "market", "buy", 3)
            await client.create_order(CONTRACT, "market", "sell", 1)
            await client.create_order(PAIR, "market", "buy", 0.01)
            book = await client.fetch_order_book(CONTRACT)
            partly = await client.create_order(CONTRACT, "limit", "sell", 5, book["asks"][0][0] + 200)
            exchange, account = box.floor.exchange, box.accounts[0].name

            (report,) = await link.open_orders()
            assert report.client_order_id is None  # not entered by us
            assert report.venue_order_id == partly["id"]

            theirs = await client.fetch_balance()
            for ours_too in await link.balances():
                there = exchange.balance(account, ours_too.total.currency)
                assert (ours_too.total, ours_too.held) == (there.total, there.held)
                total = theirs[ours_too.total.currency]["total"]
                assert total == pytest.approx(float(there.total.amount), rel=1e-12)

            (position,) = await link.positions()
            (known,) = await client.fetch_positions([CONTRACT])
            there = exchange.position(account, SWAP)
            instrument = box.floor.instruments[SWAP]
            assert position.lots == there.lots
            assert Decimal(str(known["contracts"])) == instrument.quantity(there.lots)
            assert known["side"] == "long"

            filled = {each.fill.trade_id: each for each in await link.fills(0) if each.instrument == SWAP}
            told = {trade["id"]: trade for trade in await client.fetch_my_trades(CONTRACT)}
            executed = {each.fill.trade_id: each.fill for each in box.floor.executed(account, SWAP)}
            assert filled.keys() == told.keys() == executed.keys()
            for number, fill in executed.items():
                assert filled[number].fill.lots == fill.lots
                assert filled[number].fill.fee == fill.fee
                assert Decimal(str(told[number]["amount"])) == instrument.quantity(fill.lots)
                assert Decimal(str(told[number]["price"])) == instrument.price(fill.ticks)
                assert Money.of(Decimal(str(told[number]["fee"]["cost"])), "USDT") == fill.fee

            await client.set_leverage(5, CONTRACT)
            (row,) = box.server.answers.leverage(account, {"instId": "BTC-USDT-SWAP", "mgnMode": "cross"})
            assert row["lever"] == "5"
            await client.cancel_all_orders_after(20_000)
            await client.cancel_all_orders_after(0)

    asyncio.run(main())


def test_what_is_watched():
    async def main():
        async with stranger() as (_box, client):
            book = await client.watch_order_book(CONTRACT)
            for _ in range(20):
                book = await client.watch_order_book(CONTRACT)
            assert book["bids"][0][0] < book["asks"][0][0]
            assert (await client.watch_trades(CONTRACT))[0]["symbol"] == CONTRACT
            assert (await client.watch_ticker(PAIR))["symbol"] == PAIR
            assert await client.watch_ohlcv(CONTRACT)
            assert (await client.watch_balance())["USDT"]["total"] == 100_000

    asyncio.run(main())


def test_orders_through_the_socket_are_told_by_it():
    async def main():
        async with stranger() as (_box, client):
            bid = (await client.fetch_order_book(CONTRACT))["bids"][0][0]
            watching = asyncio.create_task(client.watch_orders(CONTRACT))
            await asyncio.sleep(0)  # it subscribes before the order is sent, on the same connection
            placed = await client.create_order_ws(CONTRACT, "limit", "buy", 1, bid - 100)
            assert [(order["id"], order["status"]) for order in await watching] == [(placed["id"], "open")]
            watching = asyncio.create_task(client.watch_orders(CONTRACT))
            await client.cancel_order_ws(placed["id"], CONTRACT)
            assert (await watching)[-1]["status"] == "canceled"

    asyncio.run(main())


# -- the same payload, read by both -------------------------------------------------------------------------------


@pytest.fixture
def client():
    found = ccxt.okx()
    rows = [{**row, "groupId": "1", "tradeQuoteCcyList": []} for row in INSTRUMENTS]
    found.set_markets([found.parse_market(row) for row in rows])
    return found


@pytest.fixture
def recorded():
    def payload(name):
        path = FIXTURES / f"{name}.json"
        if not path.exists():
            pytest.skip(f"the recorded payload okx/{name}.json is not here")
        return json.loads(path.read_text())

    return payload


def symbol_of(key):
    return key.partition(":")[2]


@pytest.mark.parametrize("name", ["http_get_orders_history", "http_get_orders_pending"])
def test_orders_are_read_alike(name, recorded, client):
    rows = [row for row in recorded(name)["data"] if row["instId"] in {"BTC-USDT", "BTC-USDT-SWAP"}]
    codec = made()
    for report, row in zip(codec.open_orders([])[0].read(answer(rows)).items, rows, strict=True):
        theirs = client.parse_order(row)
        instrument = codec.markets.instruments[report.instrument]

        assert theirs["symbol"] == symbol_of(report.instrument)
        assert theirs["id"] == report.venue_order_id
        assert theirs["side"] == report.side
        assert theirs["amount"] == float(instrument.quantity(report.lots))
        assert theirs["filled"] == float(instrument.quantity(report.filled_lots))
        assert theirs["status"] == {"filled": "closed"}.get(report.status.value, report.status.value)
        if report.ticks is not None:
            assert theirs["price"] == float(instrument.price(report.ticks))


def test_trades_are_read_alike(recorded, client):
    rows = recorded("http_get_trades")["data"]
    codec = made()
    spot = codec.markets.instruments[SPOT]
    for trade, row in zip(codec.trades(SPOT, 10).read(answer(rows)), reversed(rows), strict=True):
        theirs = client.parse_trade(row)

        assert theirs["id"] == trade.trade_id
        assert theirs["side"] == trade.taker
        assert theirs["price"] == float(spot.price(trade.ticks))
        assert theirs["amount"] == float(spot.quantity(trade.lots))
        assert theirs["timestamp"] * 1_000_000 == trade.venue_ns


def test_fills_are_read_alike(recorded, client):
    row = recorded("http_transaction_detail") | {"fillPx": "42000.5"}
    codec = made()
    (report,) = codec.fills(0, [])[0].read(answer([row])).items
    theirs = client.parse_trade(row)
    spot = codec.markets.instruments[SPOT]

    assert (theirs["id"], theirs["order"]) == (report.fill.trade_id, report.venue_order_id)
    assert theirs["side"] == report.fill.side
    assert theirs["takerOrMaker"] == ("maker" if report.fill.maker else "taker")
    assert theirs["price"] == float(spot.price(report.fill.ticks))
    assert theirs["amount"] == float(spot.quantity(report.fill.lots))
    assert theirs["fee"] == {"cost": float(report.fill.fee.amount), "currency": report.fill.fee.currency}


def test_positions_are_read_alike(recorded, client):
    row = recorded("http_get_positions")["data"][0]
    (report,) = made().positions()[0].read(answer([row]))
    theirs = client.parse_position(row)
    swap = made().markets.instruments[SWAP]

    assert theirs["symbol"] == symbol_of(report.instrument)
    assert theirs["contracts"] * {"long": 1, "short": -1}[theirs["side"]] == float(swap.quantity(report.lots))
    assert theirs["entryPrice"] == float(report.entry_price)
    assert theirs["liquidationPrice"] == float(report.liquidation_price)


def test_balances_are_read_alike(recorded, client):
    payload = recorded("http_get_account_balance")
    theirs = client.parse_trading_balance(payload)
    for report in made().balances()[0].read(answer(payload["data"])):
        # What ccxt calls the total holds profit that was not taken yet; what is free is the same.
        assert theirs[report.total.currency]["free"] == float(report.available.amount)


def test_bars_are_read_alike(recorded, client):
    rows = recorded("http_get_candlesticks_full")["data"]
    codec = made()
    swap = codec.markets.instruments[SWAP]
    page = codec.bars(SWAP, 60 * 10**9, 0, 1 << 62).read(answer(rows))
    for bar, row in zip(page.items, reversed(rows), strict=True):
        at, opened, high, low, close, volume = client.parse_ohlcv(row, client.market(CONTRACT))

        assert at * 1_000_000 == bar.start_ns
        assert (opened, high, low, close) == tuple(
            float(swap.price(ticks))
            for ticks in (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks)
        )
        # ccxt tells coins.
        assert Decimal(str(volume)) == swap.quantity(bar.volume_lots) * swap.multiplier


def test_funding_is_read_alike(client):
    row = {
        "instType": "SWAP", "instId": "BTC-USDT-SWAP", "method": "current_period", "fundingRate": "0.0001",
        "nextFundingRate": "", "fundingTime": "1700006400000", "nextFundingTime": "1700035200000",
        "ts": "1700000000000",
    }  # fmt: skip
    ours = made().funding(SWAP).read(answer([row]))
    theirs = client.parse_funding_rate(row)

    assert theirs["fundingRate"] == float(ours.rate)
    assert theirs["fundingTimestamp"] * 1_000_000 == ours.next_ns
    assert theirs["interval"] == f"{ours.interval_ns // 3_600_000_000_000}h"


def test_order_forms_are_what_ccxt_sends(client):
    codec = made()
    ours = json.loads(codec.place(intended(codec)).build(NOW_NS).body)
    theirs = client.create_order_request(
        CONTRACT, "limit", "buy", 1, 50_000, {"clientOrderId": ours["clOrdId"], "tag": "x"}
    )

    assert {name: theirs[name] for name in ours} == ours
