"""What is asked of markets in public, and how long answers are put together."""

from decimal import Decimal

import pytest

from kit.okx import RECEIVED_NS, SPOT, SWAP, answer
from xtrade.model.errors import DataError, SymbolError, UsageError
from xtrade.model.sides import Side

MS = 1_000_000
MINUTE_NS = 60 * 10**9
NOW_NS = 1_747_094_100_000 * MS


def url(ask, now_ns=NOW_NS):
    request = ask.build(now_ns)
    assert request.headers == ()
    return request.url.removeprefix("https://openapi.okx.com/api/v5/")


def test_the_time(codec):
    assert url(codec.clock()) == "public/time"
    assert codec.clock().read(answer([{"ts": "1597026383085"}])) == 1_597_026_383_085 * MS
    for said in ([], [{"ts": ""}], [{"ts": "soon"}]):
        with pytest.raises(ValueError, match="."):
            codec.clock().read(answer(said))


def test_a_book(codec):
    ask = codec.book(SWAP, 5)
    part = ask.read(
        answer(
            [
                {
                    "asks": [["60000.1", "5", "0", "2"]],
                    "bids": [["60000", "1", "0", "1"]],
                    "ts": "1700000000123",
                    "seqId": 77,
                }
            ]
        )
    )

    assert url(ask) == "market/books?instId=BTC-USDT-SWAP&sz=5"
    assert url(codec.book(SWAP, 5_000)).endswith("sz=400")
    assert (list(part.asks), list(part.bids)) == ([(600_001, 500)], [(600_000, 100)])
    assert part.whole
    assert part.last == 77


def test_trades_come_oldest_first(codec, recorded):
    ask = codec.trades(SPOT, 2)
    trades = ask.read(answer(recorded("http_get_trades")["data"]))

    assert url(ask) == "market/trades?instId=BTC-USDT&limit=2"
    assert [trade.trade_id for trade in trades] == ["734864332", "734864333"]
    assert (trades[1].ticks, trades[1].lots, trades[1].taker) == (1_025_379, 13_669, Side.SELL)


def row(start_ms, close="102806.1", confirm="1"):
    return [str(start_ms), "102806.1", "102820.4", "102806.1", close, "1040.37", "10.4", "1069603.3", confirm]


def test_bars_come_in_pages_from_the_newest(codec):
    start_ns, end_ns = 1_747_000_000_000 * MS, 1_747_094_100_000 * MS
    ask = codec.bars(SWAP, MINUTE_NS, start_ns, end_ns)
    page = ask.read(answer([row(1_747_094_040_000, confirm="0"), row(1_747_093_980_000)]))

    assert url(ask) == "market/candles?instId=BTC-USDT-SWAP&bar=1m&limit=300&after=1747094100000"
    assert [(bar.start_ns, bar.closed) for bar in page.items] == [
        (1_747_093_980_000 * MS, True),
        (1_747_094_040_000 * MS, False),
    ]
    assert page.items[0].volume_lots == 104_037
    assert "after=1747093980000" in url(page.more)
    assert page.more.read(answer([])).more is None


def test_the_last_page_is_cut_at_the_beginning(codec):
    ask = codec.bars(SWAP, MINUTE_NS, 1_747_093_990_000 * MS, 1_747_094_100_000 * MS)
    page = ask.read(answer([row(1_747_094_040_000), row(1_747_093_980_000)]))

    assert [bar.start_ns for bar in page.items] == [1_747_094_040_000 * MS]
    assert page.more is None


def test_old_bars_are_asked_for_elsewhere(codec):
    ask = codec.bars(SWAP, MINUTE_NS, 0, NOW_NS - 2_000 * MINUTE_NS)

    assert url(ask).startswith("market/history-candles?")


def test_a_page_that_does_not_move_ends_it(codec):
    end_ns = 1_747_094_040_000 * MS
    page = codec.bars(SWAP, MINUTE_NS, 0, end_ns).read(answer([row(1_747_094_040_000)]))

    assert page.items == ()
    assert page.more is None


@pytest.mark.parametrize(
    ("hours", "name"), [(1, "1H"), (4, "4H"), (6, "6Hutc"), (12, "12Hutc"), (24, "1Dutc"), (168, "1Wutc")]
)
def test_long_bars_begin_at_midnight_in_utc(hours, name, codec):
    assert f"bar={name}&" in url(codec.bars(SWAP, hours * 60 * MINUTE_NS, 0, 1))


def test_bars_that_there_are_not(codec):
    with pytest.raises(UsageError, match="okx has no bars of 7m: expected one of 1s, 1m, 3m"):
        codec.bars(SWAP, 7 * MINUTE_NS, 0, 1)


def test_a_mark(codec, recorded):
    mark = codec.mark(SWAP).read(answer(recorded("http_get_mark_price")["data"]))

    assert url(codec.mark(SWAP)) == "public/mark-price?instId=BTC-USDT-SWAP&instType=SWAP"
    assert (mark.mark, mark.received_ns) == (Decimal("84660.1"), RECEIVED_NS)


def test_funding(codec, recorded):
    told = recorded("ws_funding_rate")["data"]
    funding = codec.funding(SWAP).read(answer(told))

    assert url(codec.funding(SWAP)) == "public/funding-rate?instId=BTC-USDT-SWAP"
    assert (funding.rate, funding.interval_ns) == (Decimal("0.0001"), 8 * 60 * MINUTE_NS)


def test_settled_funding(codec, recorded):
    end_ns = 1_704_100_000_000 * MS
    ask = codec.funding_history(SWAP, 0, end_ns)
    page = ask.read(answer(recorded("http_get_funding_rate_history")["data"]))

    assert url(ask) == "public/funding-rate-history?instId=BTC-USDT-SWAP&limit=100&after=1704100000000"
    assert [(each.at_ns // MS, each.rate) for each in page.items] == [
        (1_704_038_400_000, Decimal("-0.00002")),
        (1_704_067_200_000, Decimal("0.00015")),
    ]
    assert "after=1704038400000" in url(page.more)


def test_a_market_that_is_not_listed(codec):
    with pytest.raises(SymbolError, match="okx lists no BTC/USDC"):
        codec.book("okx:BTC/USDC", 5)


@pytest.mark.parametrize("said", [[], [{"markPx": "0", "ts": "1", "instId": "BTC-USDT-SWAP"}], [{}], [7]])
def test_nonsense_is_one_line(said, codec):
    with pytest.raises(DataError) as error:
        codec.mark(SWAP).read(answer(said))
    assert "\n" not in str(error.value)
