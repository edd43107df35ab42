"""Public data and accounts through the real ccxt, on a small bybit in memory."""

import asyncio
from decimal import Decimal

import pytest

pytest.importorskip("ccxt.pro", reason="ccxt is not installed: uv sync --group clients")

from clients.ccxt_desk import HTTP, KEYS, PERPETUAL, SPOT, on_desk
from kit.bybit import LINEAR, Bybit, serving
from xtrade.model.errors import AuthFailed, ConfigError, Rejected, SymbolError, Unavailable
from xtrade.model.events import Funding, InstrumentChanged, MarkPrice, Stale, Trade
from xtrade.model.instruments import Kind
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.base import Need, require
from xtrade.venues.ccxt import CcxtVenue
from xtrade.venues.ccxt.pace import Pace

TOPIC = "orderbook.50.BTCUSDT"
MINUTE, HOUR = 60 * 10**9, 3_600 * 10**9


def opened(*arguments, **options):
    async def main():
        Network().bring()
        async with serving(Bybit()) as address:
            venue = CcxtVenue(*arguments, address=address, http=HTTP, **options)
            await venue.load()
            await venue.stop()
            return venue

    return run_virtual(main)


def test_markets_come_with_their_exact_grids():
    instruments = opened("bybit").instruments

    spot, perpetual = instruments[SPOT], instruments[PERPETUAL]
    assert (spot.tick, spot.lot, spot.min_lots, spot.min_notional) == (
        Decimal("0.01"),
        Decimal("0.000001"),
        40,
        Decimal(1),
    )
    assert (perpetual.kind, perpetual.tick, perpetual.lot, perpetual.max_lots) == (
        Kind.LINEAR,
        Decimal("0.1"),
        Decimal("0.001"),
        100_000,
    )
    assert perpetual.native == "BTCUSDT"
    assert all(type(each.tick) is Decimal for each in instruments.values())


def test_what_a_venue_cannot_do_here_is_known_before_the_start():
    venue = opened("bybit", secrets=KEYS)

    assert venue.abilities.trading[Kind.LINEAR].types == {OrderType.LIMIT, OrderType.MARKET}
    assert venue.abilities.trading[Kind.LINEAR].reduce_only
    assert not venue.abilities.trading[Kind.SPOT].reduce_only
    with pytest.raises(ConfigError, match="does not tell bars"):
        require(venue, [Need(PERPETUAL, Kind.LINEAR, frozenset({Feed.BARS}))])


def test_without_a_key_it_reads_and_does_not_trade():
    venue = opened("bybit", name="bybit2")

    assert (venue.trading, venue.account, venue.abilities.trading) == (None, None, {})
    assert set(venue.instruments) == {"bybit2:BTC/USDT", "bybit2:BTC/USDT:USDT"}


@pytest.mark.parametrize(
    ("exchange", "options", "said"),
    [
        ("bybitt", {}, "Did you mean 'bybit'"),
        ("bybit", {"secrets": {"api_key": Secret("only-half-a-key")}}, "lacks api_secret"),
        ("bybit", {"secrets": {"colour": Secret("blue-and-green")}}, "no part 'colour'"),
        ("kraken", {"testnet": True}, "no test system"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(exchange, options, said):
    with pytest.raises(ConfigError, match=said) as caught:
        opened(exchange, **options)

    assert "\n" not in str(caught.value)
    assert "half" not in str(caught.value)


def test_a_key_that_opens_nothing_is_an_error_at_the_start():
    async def main():
        Network().bring()
        wrong = {"api_key": KEYS["api_key"], "api_secret": Secret("another-secret-of-nobody")}
        async with serving(Bybit()) as address:
            venue = CcxtVenue("bybit", secrets=wrong, address=address, http=HTTP)
            await venue.load()
            try:
                await venue.start(lambda _: None)
            finally:
                await venue.stop()

    with pytest.raises(AuthFailed, match="error sign"):
        run_virtual(main)


def test_a_venue_that_is_not_there_is_unavailable():
    async def main():
        Network().bring()
        venue = CcxtVenue("bybit", address="http://nowhere:1", http=HTTP)
        await venue.load()

    with pytest.raises(Unavailable, match="nothing was sent"):
        run_virtual(main)


def test_a_book_is_told_whole_with_every_change():
    async def story(desk):
        await asyncio.sleep(2)
        await desk.bybit.tell_public(
            TOPIC, "delta", {"s": "BTCUSDT", "b": [["60000.10", "0"]], "a": [["60000.20", "0.700"]], "u": 2}
        )
        await asyncio.sleep(1)
        first, second = desk.books

        assert list(first.bids) == [(600_001, 500), (600_000, 1_250)]
        assert list(second.bids) == [(600_000, 1_250)]
        assert list(second.asks) == [(600_002, 700)]

    on_desk(story)


def test_a_book_is_stale_from_the_loss_of_its_stream_to_the_next_snapshot():
    async def story(desk):
        await asyncio.sleep(2)
        desk.bybit.book["b"][0] = ["59990.00", "0.100"]
        await desk.bybit.cut("public")
        await asyncio.sleep(5)

        public = [name for name, channel in desk.links if channel == "public"]
        assert public == ["LinkUp", "LinkDown", "LinkUp"]
        (stale,) = desk.of(Stale)
        assert (stale.instrument, stale.what) == (PERPETUAL, "book")
        assert next(iter(desk.books[-1].bids)) == (600_000, 1_250)
        kinds = [
            type(event).__name__ for event in desk.heard if type(event).__name__ in {"Stale", "BookSnapshot"}
        ]
        assert kinds == ["BookSnapshot", "Stale", "BookSnapshot"]

    on_desk(story)


def test_a_stream_that_is_merely_quiet_is_checked_by_asking():
    async def story(desk):
        await asyncio.sleep(2)
        desk.bybit.book["a"] = [["60000.30", "0.300"]]
        await asyncio.sleep(62)

        assert len(desk.books) == 2
        assert list(desk.books[-1].asks) == [(600_003, 300)]

    on_desk(story)


def test_a_venue_without_streams_is_asked_again_and_again():
    async def story(desk):
        await asyncio.sleep(4.5)
        assert len(desk.bybit.asked("/v5/market/orderbook")) == len(desk.books) == 4
        number = desk.place()
        await asyncio.sleep(2)
        await desk.bybit.trade(desk.bybit.the_order(), "0.010", "60000")
        await asyncio.sleep(3)

        assert (desk.booked[number], desk.state(number).status) == (10, OrderStatus.FILLED)
        assert desk.bybit.sockets == {"public": [], "private": []}

    on_desk(story, streams=False)


def test_public_trades_come_once():
    async def story(desk):
        await asyncio.sleep(2)
        row = {
            "T": desk.bybit.clock_ms(),
            "s": "BTCUSDT",
            "S": "Sell",
            "v": "0.012",
            "p": "60000.1",
            "i": "t1",
        }
        old = {**row, "T": desk.bybit.clock_ms() - 60_000, "i": "t0"}
        await desk.bybit.tell_public("publicTrade.BTCUSDT", "snapshot", [old, row])
        await desk.bybit.tell_public("publicTrade.BTCUSDT", "snapshot", [row])
        await asyncio.sleep(1)
        (trade,) = desk.of(Trade)

        assert (trade.ticks, trade.lots, trade.taker, trade.trade_id) == (600_001, 12, Side.SELL, "t1")

    on_desk(story, feeds=frozenset({Feed.BOOK, Feed.TRADES}))


def test_marks_and_funding_keep_every_digit():
    async def story(desk):
        await asyncio.sleep(7)
        mark, funding = desk.of(MarkPrice)[-1], desk.of(Funding)[-1]

        assert (mark.mark, mark.index) == (Decimal("60000.57"), Decimal("60001.23"))
        assert (funding.rate, funding.interval_ns) == (Decimal("-0.00012345"), 8 * 3_600 * 10**9)

    on_desk(story, feeds=frozenset({Feed.BOOK, Feed.MARKS, Feed.FUNDING}))


def test_a_new_grid_is_noticed_by_the_prices_that_do_not_fit_the_old_one():
    async def story(desk):
        await asyncio.sleep(2)
        desk.bybit.markets["linear"] = [
            {**LINEAR, "priceFilter": {**LINEAR["priceFilter"], "tickSize": "0.01"}}
        ]
        desk.bybit.book = {"b": [["60000.11", "0.500"]], "a": [["60000.25", "0.300"]]}
        await desk.bybit.tell_public(TOPIC, "snapshot", {"s": "BTCUSDT", **desk.bybit.book, "u": 9})
        await asyncio.sleep(5)

        (changed,) = desk.of(InstrumentChanged)
        assert (changed.now.tick, changed.now.version) == (Decimal("0.01"), 2)
        assert desk.of(Stale)
        assert list(desk.books[-1].bids) == [(6_000_011, 500)]
        assert desk.venue.instruments[PERPETUAL].version == 2

    on_desk(story)


def test_balances_and_positions_are_exact():
    async def story(desk):
        assert desk.balances == {"10000.123456789012345678 USDT": "0 USDT", "0.5 BTC": "0.1 BTC"}
        desk.bybit.positions = [
            {
                "symbol": "BTCUSDT",
                "side": "Sell",
                "size": "0.123",
                "avgPrice": "60123.45678901",
                "liqPrice": "70000",
                "positionValue": "1",
                "leverage": "10",
                "createdTime": "1",
                "updatedTime": "1767225600000",
                "tradeMode": 0,
                "positionIdx": 0,
            }
        ]
        (position,) = await desk.venue.account.positions()

        assert (position.instrument, position.lots) == (PERPETUAL, -123)
        assert position.entry_price == Decimal("60123.45678901")

    on_desk(story)


def test_fills_come_all_though_the_venue_tells_the_newest_first_and_in_pages():
    async def story(desk):
        number = desk.place(lots=10_000)
        await asyncio.sleep(1)
        since_ns = desk.bybit.clock_ms() * 1_000_000
        for n in range(120):
            await desk.bybit.trade(desk.bybit.the_order(), "0.010", "60000", told=False, trade_id=f"t{n:03d}")
            await asyncio.sleep(0.02)
        fills = await desk.venue.account.fills(since_ns)

        assert [report.fill.trade_id for report in fills] == [f"t{n:03d}" for n in range(120)]
        assert {report.client_order_id for report in fills} == {number}

    on_desk(story)


def test_candles_and_an_interval_that_there_is_not():
    async def story(desk):
        start_ns = 1767225600_000000000
        (bar,) = await desk.venue.market.bars(PERPETUAL, MINUTE, start_ns, start_ns + MINUTE)
        assert (bar.open_ticks, bar.high_ticks, bar.low_ticks, bar.close_ticks) == (
            600_001,
            600_100,
            599_905,
            600_050,
        )
        assert (bar.volume_lots, bar.interval_ns, bar.closed) == (12_345, 60 * 10**9, False)
        assert await desk.venue.market.bars(PERPETUAL, MINUTE, 0, start_ns) == []
        with pytest.raises(Rejected, match="no bars of 7m: expected one of 1m, 3m"):
            await desk.venue.market.bars(PERPETUAL, 7 * MINUTE, 0, 1)

    on_desk(story)


def test_markets_are_asked_without_being_subscribed_to():
    async def story(desk):
        market = desk.venue.market
        book = await market.book(PERPETUAL, 1)
        assert (list(book.bids), list(book.asks)) == ([(600_001, 500)], [(600_002, 300)])
        first, second = await market.trades(PERPETUAL, 2)
        assert (first.trade_id, first.taker, first.ticks, second.trade_id) == ("p1", Side.BUY, 600_001, "p2")
        assert (await market.mark(PERPETUAL)).mark == Decimal("60000.57")
        assert (await market.funding(PERPETUAL)).rate == Decimal("-0.00012345")
        history = await market.funding_history(
            PERPETUAL, 1767225600_000000000, 1767225600_000000000 + 8 * HOUR + 1
        )
        assert [(each.at_ns, each.rate) for each in history] == [
            (1767225600_000000000, Decimal("0.0001")),
            (1767225600_000000000 + 8 * HOUR, Decimal("-0.00007")),
        ]
        with pytest.raises(Unavailable, match="does not tell any mark price of BTC/USDT"):
            await market.mark(SPOT)
        with pytest.raises(SymbolError, match="lists no DOGE/USDT"):
            await market.book("bybit:DOGE/USDT", 1)

    on_desk(story)


def test_neither_errors_nor_events_nor_logs_hold_a_key_or_a_signature(caplog, capsys):
    from kit.bybit import API_KEY, API_SECRET

    async def story(desk):
        for path in (
            "/v5/order/create",
            "/v5/order/realtime",
            "/v5/execution/list",
            "/v5/account/wallet-balance",
        ):
            desk.bybit.fault(path, "after", times=2)
            desk.bybit.fault(path, "instead", body=f"your key {API_KEY} is fine", status=500, times=2)
            desk.bybit.fault(path, "instead", body={"retCode": 1, "retMsg": f"{API_KEY}"}, times=2)
        desk.place()
        desk.place()
        await desk.bybit.cut("private")
        await asyncio.sleep(90)
        said = [repr(event) for event in desk.heard]
        for _ in range(6):
            try:
                await desk.venue.account.balances()
            except Unavailable as error:
                said += [str(error), error.text, repr(error.__cause__), repr(error.__context__)]
        return "\n".join(said)

    said = on_desk(story, pace=Pace(idle_s=1)) + caplog.text + "".join(capsys.readouterr())

    assert "****" in said
    for secret in (API_KEY, API_SECRET, "X-BAPI", "signature"):
        assert secret not in said
