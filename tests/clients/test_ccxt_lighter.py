"""ccxt reads our box of Lighter as we do. Its signer needs a library that it does not bring: it trades nothing here."""

import asyncio

import pytest

from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.lighter.server import LighterServer
from xtrade.venues.link import Link
from xtrade.venues.registry import codec_of

pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")

SYMBOLS = ["ETH/USDC:USDC", "ETH/USDC"]
PERP = "lighter:ETH/USDC:USDC"


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


async def _bars(link):
    from xtrade.runtime import clock

    now_ns = clock.now_ns()
    return await link.bars(PERP, 60 * 10**9, now_ns - 600 * 10**9, now_ns + 60 * 10**9)
