"""What Binance can be asked of its markets: requests, and the answers as events."""

from decimal import Decimal

import pytest

from kit.binance import NOW_NS, PERPETUAL, SPOT, answer, asked, codec, payload
from xtrade.model.errors import DataError, SymbolError, Unavailable, UsageError
from xtrade.model.sides import Side

MS = 1_000_000
MINUTE = 60_000 * MS
venue = codec(key=False)


def test_the_time():
    ask = venue.clock()

    assert asked(ask) == ("GET", "api.binance.com/api/v3/time", {})
    assert ask.read(answer({"serverTime": 1499827319559})) == 1499827319559 * MS


@pytest.mark.parametrize(
    ("key", "depth", "limit", "weight"),
    [
        (SPOT, 1, 100, 5),
        (SPOT, 101, 500, 25),
        (SPOT, 5_000, 5_000, 250),
        (SPOT, 9_999, 5_000, 250),
        (PERPETUAL, 1, 5, 2),
        (PERPETUAL, 51, 100, 5),
        (PERPETUAL, 1_000, 1_000, 20),
    ],
)
def test_a_snapshot_is_of_the_least_depth_that_is_enough(key, depth, limit, weight):
    ask = venue.book(key, depth)

    assert asked(ask)[2] == {"symbol": "BTCUSDT", "limit": str(limit)}
    assert [cost.weight for cost in ask.costs] == [weight]


def test_a_snapshot():
    body = {
        "lastUpdateId": 160,
        "bids": [["50000.01", "0.5"]],
        "asks": [["50000.02", "1"], ["50000.03", "2"]],
    }

    part = venue.book(SPOT, 5).read(answer(body))

    assert (part.last, part.whole, part.venue_ns) == (160, True, None)
    assert list(part.bids) == [(5_000_001, 50_000)]
    assert list(part.asks) == [(5_000_002, 100_000), (5_000_003, 200_000)]


def test_a_snapshot_of_futures_has_its_time():
    body = {"lastUpdateId": 160, "E": 5, "T": 4, "bids": [], "asks": []}

    assert venue.book(PERPETUAL, 5).read(answer(body)).venue_ns == 4 * MS


def test_trades():
    spot = venue.trades(SPOT, 2)
    rows = [
        {"id": 1, "price": "50000.01", "qty": "0.5", "quoteQty": "1", "time": 10, "isBuyerMaker": True},
        {"id": 2, "price": "50000.02", "qty": "0.1", "quoteQty": "1", "time": 11, "isBuyerMaker": False},
    ]

    first, second = spot.read(answer(rows))

    assert asked(spot)[1:] == ("api.binance.com/api/v3/trades", {"symbol": "BTCUSDT", "limit": "2"})
    assert (first.trade_id, first.ticks, first.lots, first.taker) == ("1", 5_000_001, 50_000, Side.SELL)
    assert (second.taker, second.venue_ns) == (Side.BUY, 11 * MS)


def test_trades_of_futures_are_asked_for_as_the_stream_tells_them():
    ask = venue.trades(PERPETUAL, 5_000)
    rows = [{"a": 26129, "p": "50000.1", "q": "4.7", "f": 1, "l": 2, "T": 1498793709153, "m": True}]

    [trade] = ask.read(answer(rows))

    assert asked(ask)[1:] == (
        "fapi.binance.com/fapi/v1/aggTrades",
        {"symbol": "BTCUSDT", "limit": "1000"},
    )
    assert (trade.trade_id, trade.taker) == ("26129", Side.SELL)


def kline(start_ms, price="50000.01", volume="1.5"):
    return [start_ms, price, price, price, price, volume, start_ms + 59_999, "1", 1, "1", "1", "0"]


def test_bars_and_the_one_that_still_runs():
    minute_ms = NOW_NS // MS // 60_000 * 60_000
    ask = venue.bars(SPOT, MINUTE, (minute_ms - 60_000) * MS, (minute_ms + 60_000) * MS)

    page = ask.read(answer([kline(minute_ms - 60_000), kline(minute_ms)]))

    assert asked(ask)[2] == {
        "symbol": "BTCUSDT",
        "interval": "1m",
        "startTime": str(minute_ms - 60_000),
        "endTime": str(minute_ms + 59_999),
        "limit": "1000",
    }
    assert [bar.closed for bar in page.items] == [True, False]
    assert (page.items[0].open_ticks, page.items[0].volume_lots) == (5_000_001, 150_000)
    assert page.more is None


def test_a_full_page_of_bars_is_followed_by_the_next():
    ask = venue.bars(SPOT, MINUTE, 0, 2_000 * MINUTE)

    more = ask.read(answer([kline(number * 60_000) for number in range(1_000)])).more

    assert asked(more)[2]["startTime"] == str(1_000 * 60_000)
    assert more.read(answer([kline(number * 60_000) for number in range(1_000, 2_000)])).more is None


def test_bars_of_a_finer_grid_than_today_are_rounded():
    ask = venue.bars(SPOT, MINUTE, 0, 60 * MINUTE)

    [bar] = ask.read(answer([kline(0, price="50000.0149", volume="1.0000049")])).items

    assert (bar.open_ticks, bar.volume_lots) == (5_000_001, 100_000)


@pytest.mark.parametrize(("key", "interval_ns"), [(SPOT, 7 * MINUTE), (PERPETUAL, 1_000 * MS)])
def test_bars_of_a_length_that_it_does_not_have(key, interval_ns):
    with pytest.raises(UsageError, match="it has .*1m, 3m"):
        venue.bars(key, interval_ns, 0, MINUTE)


PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "11793.63104562",
    "indexPrice": "11781.80495970",
    "estimatedSettlePrice": "11781.16138815",
    "lastFundingRate": "0.00038246",
    "interestRate": "0.00010000",
    "nextFundingTime": 1597392000000,
    "time": 1597370495002,
}


def test_the_mark_and_the_rate_that_is_coming():
    mark = venue.mark(PERPETUAL).read(answer(PREMIUM))
    funding = venue.funding(PERPETUAL).read(answer(PREMIUM))

    assert (mark.mark, mark.index) == (Decimal("11793.63104562"), Decimal("11781.8049597"))
    assert (funding.rate, funding.next_ns) == (Decimal("0.00038246"), 1597392000000 * MS)
    assert funding.interval_ns is None
    assert venue.mark(SPOT) is venue.funding(SPOT) is venue.funding_history(SPOT, 0, 1) is None


def test_rates_that_were_charged():
    ask = venue.funding_history(PERPETUAL, 1_000 * MS, 90_000_000 * MS)
    rows = [
        {"symbol": "BTCUSDT", "fundingRate": "-0.0001", "fundingTime": 28_800_000 * each, "markPrice": "1"}
        for each in (1, 2)
    ]

    page = ask.read(answer(rows))

    assert [cost.pool for cost in ask.costs] == ["usdm weight", "usdm funding history"]
    assert [each.rate for each in page.items] == [Decimal("-0.0001")] * 2
    assert page.items[0].at_ns == 28_800_000 * MS
    assert page.more is None


def test_a_full_page_of_rates_is_followed_by_the_next():
    ask = venue.funding_history(PERPETUAL, 0, 10**18)
    rows = [{"fundingRate": "0.0001", "fundingTime": 28_800_000 * each} for each in range(1_000)]

    more = ask.read(answer(rows)).more

    assert asked(more)[2]["startTime"] == str(28_800_000 * 999 + 1)


def test_a_market_that_it_does_not_list():
    with pytest.raises(SymbolError, match="binance lists no BTC/USDC"):
        venue.book("binance:BTC/USDC", 5)


def test_recorded_answers():
    [bar] = (
        codec()
        .bars("binance:ETH/BTC", 7 * 86_400_000 * MS, 0, 10**19)
        .read(answer(payload("spot/http_json/klines_response.json")))
        .items
    )
    assert (bar.open_ticks, bar.high_ticks) == (1_635, 80_000)

    with pytest.raises(DataError, match="not a multiple"):  # of another grid than ours here
        venue.book(SPOT, 5).read(answer(payload("spot/http_json/depth_response.json")))


def test_a_server_that_is_broken_has_only_been_asked():
    with pytest.raises(Unavailable):
        venue.book(SPOT, 5).read(answer(b"<html>", 502))
