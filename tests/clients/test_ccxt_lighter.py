"""ccxt reads our box of Lighter as we do. Its signer needs a library that it does not bring: it trades nothing here."""

import asyncio
import json
from pathlib import Path

import pytest

from venues.lighter.desk import answer, codec
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.lighter.server import LighterServer
from xtrade.venues.link import Link
from xtrade.venues.registry import codec_of

pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")

SYMBOLS = ["ETH/USDC:USDC", "ETH/USDC"]
PERP = "lighter:ETH/USDC:USDC"
START_NS = 1_700_000_000 * 10**9


@pytest.mark.filterwarnings("ignore")  # ccxt's own
def test_markets_trades_candles_rates_and_balances_are_the_same():
    import ccxt.async_support as ccxt

    async def main():
        async with Box(
            LighterServer, world_of({"lighter": LighterServer}, SYMBOLS), seed=3, past_s=120
        ) as box:
            box.catch_up = lambda: None  # the market stands still while two look at it
            stranger, link = ccxt.lighter(), Link(codec_of("lighter", address=box.address))
            for name in stranger.urls["api"]:
                stranger.urls["api"][name] = box.address
            try:
                await link.load()
                theirs = await stranger.load_markets()
                assert sorted(theirs) == sorted(each.symbol for each in link.instruments.values())
                for ours in link.instruments.values():
                    market = theirs[ours.symbol]
                    assert market["id"] == ours.native
                    assert str(market["precision"]["price"]) == str(float(ours.tick))
                    assert str(market["precision"]["amount"]) == str(float(ours.lot))
                    assert market["limits"]["amount"]["min"] == float(ours.quantity(ours.min_lots))
                instrument = link.instruments[PERP]

                book, there = (
                    await link.book(PERP, 20),
                    await stranger.fetch_order_book(instrument.symbol, 20),
                )
                for levels, rows in ((book.bids, there["bids"]), (book.asks, there["asks"])):
                    assert rows
                    told = [[float(instrument.price(t)), float(instrument.quantity(q))] for t, q in levels]
                    assert rows[:19] == told[:19]

                bars = {each.start_ns // 10**6: each for each in await _bars(link)}
                for start, *prices, _ in (await stranger.fetch_ohlcv(instrument.symbol, "1m"))[:-1]:
                    bar = bars[start]
                    ticks = [bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks]
                    assert prices == [float(instrument.price(each)) for each in ticks]
                rates = await stranger.fetch_funding_rates()
                ours = await link.funding(PERP)
                assert rates[instrument.symbol]["fundingRate"] == pytest.approx(float(ours.rate) * 8)
                index = box.accounts[0].key["account_index"]
                balance = await stranger.fetch_balance({"accountIndex": index})
                assert balance["total"]["USDC"] == 100_000
            finally:
                await link.stop()
                await stranger.close()

    asyncio.run(main())


def recorded(name):
    path = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "lighter" / name
    if not path.exists():
        pytest.skip(f"the recorded payload {name} is not here")
    return json.loads(path.read_text())


def test_recorded_rows_are_read_alike():
    import ccxt

    stranger, link_side = ccxt.lighter(), codec()
    symbol = link_side.markets.of(PERP).instrument
    stranger.markets_by_id = {"0": [{"id": "0", "symbol": symbol.symbol, "swap": True, "contract": True}]}
    stranger.markets = {symbol.symbol: stranger.markets_by_id["0"][0]}

    message = recorded("http_orders.json")
    (ours,) = link_side.open_orders([])[0].read(answer(message)).items
    # It takes these times for seconds, which they were until 2026; we tell by their size.
    seconds = {name: message["orders"][0][name] // 1000 for name in ("timestamp", "created_at", "updated_at")}
    theirs = stranger.parse_order(message["orders"][0] | seconds)
    assert (theirs["symbol"], theirs["side"], theirs["status"]) == (
        symbol.symbol,
        ours.side.value,
        ours.status.value,
    )
    assert (theirs["id"], int(theirs["clientOrderId"])) == (ours.venue_order_id, ours.client_order_id)
    assert (theirs["price"], theirs["amount"]) == (
        float(symbol.price(ours.ticks)),
        float(symbol.quantity(ours.lots)),
    )

    message = recorded("http_recent_trades.json")
    (trade,) = link_side.trades(PERP, 5).read(answer(message))
    theirs = stranger.parse_trade(message["trades"][0])
    assert (theirs["id"], theirs["symbol"]) == (trade.trade_id, symbol.symbol)
    assert (theirs["price"], theirs["amount"]) == (
        float(symbol.price(trade.ticks)), float(symbol.quantity(trade.lots)),
    )  # fmt: skip
    assert theirs["timestamp"] == trade.venue_ns // 10**6

    message = recorded("http_candles.json")
    bars = link_side.bars(PERP, 60 * 10**9, START_NS, START_NS + 3_600 * 10**9).read(answer(message)).items
    for row, bar in zip(message["c"], bars, strict=True):
        start, *prices, volume = stranger.parse_ohlcv(row)
        assert start == bar.start_ns // 10**6
        ticks = (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks)
        assert prices == [float(symbol.price(each)) for each in ticks]
        assert volume == float(symbol.quantity(bar.volume_lots))


async def _bars(link):
    from xtrade.runtime import clock

    now_ns = clock.now_ns()
    return await link.bars(PERP, 60 * 10**9, now_ns - 600 * 10**9, now_ns + 60 * 10**9)
