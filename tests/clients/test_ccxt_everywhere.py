"""What holds for every exchange of ccxt's, and for the recorded listings of two."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from kit.bybit import API_KEY, API_SECRET, Bybit, serving
from xtrade.model.events import OrderAccepted, OrderCanceled
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.runtime import clock, real
from xtrade.runtime.secrets import Secret
from xtrade.venues.abilities import Feed
from xtrade.venues.ccxt import CcxtVenue
from xtrade.venues.ccxt.abilities import abilities_of
from xtrade.venues.ccxt.figures import Figure
from xtrade.venues.ccxt.markets import TICK_SIZE, listed
from xtrade.venues.ccxt.names import form_of
from xtrade.venues.ccxt.wire import Wire

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures"
MARKETS = {
    symbol: {
        "id": symbol,
        "symbol": symbol,
        "type": type_,
        "spot": type_ == "spot",
        "linear": kind == "linear",
        "inverse": kind == "inverse",
        "contractSize": 1,
        "precision": {"price": 0.1, "amount": 0.1},
        "limits": {},
    }
    for symbol, type_, kind in [
        ("BTC/USDT", "spot", ""),
        ("BTC/USDT:USDT", "swap", "linear"),
        ("BTC/USD:BTC", "swap", "inverse"),
    ]
}


@pytest.mark.parametrize("exchange", ccxt.exchanges)
def test_every_exchange_can_be_bridged_and_says_what_it_can_do(exchange):
    wire = Wire(exchange, name="acme", address="http://127.0.0.1:1")
    listing = listed("acme", MARKETS, TICK_SIZE)
    abilities = abilities_of(wire, listing, form_of(exchange), signed=True)

    assert set(abilities.market) == set(Kind)
    assert all(OrderType.LIMIT in each.types for each in abilities.trading.values())
    assert wire.exchange.number is Figure
    assert wire.exchange.verbose is False
    addresses = json.dumps(wire.exchange.urls["api"])
    assert "https://" not in addresses
    assert "wss://" not in addresses


def test_numbers_that_are_not_quoted_keep_their_digits_too():
    exchange = Wire("bybit", name="bybit").exchange
    row = exchange.parse_json('{"price": 0.12345678901234567890, "count": 12345678901234567890}')

    assert row == {"price": "0.12345678901234567890", "count": "12345678901234567890"}
    assert str(exchange.safe_number(row, "price")) == "0.12345678901234567890"


def recorded(name):
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"the recorded payload {name} is not here")
    return json.loads(path.read_text(), parse_float=str, parse_int=str)


def parsed(exchange, rows):
    client = Wire(exchange, name=exchange).exchange
    client.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    markets = [client.parse_market(row) for row in rows]
    client.set_markets(markets)
    return listed(exchange, client.markets, client.precisionMode)


@pytest.mark.parametrize("kind", ["spot", "swap", "futures"])
def test_the_recorded_listings_of_okx_are_read_to_the_last_digit(kind):
    rows = recorded(f"okx/http_get_instruments_{kind}.json")["data"]
    listing = parsed("okx", rows)
    by_native = {each.native: each for each in listing.instruments.values()}

    assert by_native
    for row in rows:
        if row["instId"] in by_native:
            found = by_native[row["instId"]]
            assert (found.tick, found.lot) == (Decimal(row["tickSz"]), Decimal(row["lotSz"]))
            assert found.quantity(found.min_lots) >= Decimal(row["minSz"])
            if kind != "spot":
                assert found.multiplier == Decimal(row["ctVal"])
    assert len(by_native) + len(listing.left_out) == len(rows)


def test_a_listing_that_does_not_tell_its_grids_is_left_out_and_says_so():
    rows = recorded("binance/spot/http_json/exchange_info_response.json")["symbols"]
    listing = parsed("binance", rows)

    assert listing.instruments == {}
    assert listing.left_out == {"ETH/BTC": "binance:ETH/BTC: ccxt does not know the steps of its price"}


def test_an_order_over_real_sockets():
    """
    What the other tests do in memory and in virtual time, once on loopback.
    """

    async def main():
        bybit = Bybit()
        heard = asyncio.Queue()
        async with serving(bybit) as address:
            venue = CcxtVenue(
                "bybit",
                secrets={"api_key": Secret(API_KEY), "api_secret": Secret(API_SECRET)},
                address=address,
            )
            await venue.load()
            venue.market.subscribe("bybit:BTC/USDT:USDT", frozenset({Feed.BOOK}))
            await venue.start(lambda events: [heard.put_nowait(event) for event in events])
            intent = OrderIntent(
                client_order_id=ClientOrderId(clock.now_ns()),
                instrument="bybit:BTC/USDT:USDT",
                instrument_version=1,
                side=Side.SELL,
                type=OrderType.LIMIT,
                lots=7,
                ticks=610_000,
            )
            venue.trading.place(intent)
            async with asyncio.timeout(60):
                while not isinstance(await heard.get(), OrderAccepted):
                    pass
                venue.trading.cancel(intent.client_order_id)
                while not isinstance(await heard.get(), OrderCanceled):
                    pass
            await venue.stop()
        assert bybit.the_order()["qty"] == "0.007"

    real.run(main)
