"""What Lighter is asked, and how its recorded answers read."""

from decimal import Decimal

import pytest

from kit.orders import intent
from venues.lighter.desk import (
    ACCOUNT,
    BTC,
    ETH,
    ETH_SPOT,
    HEARD_NS,
    LISTING,
    NOW_NS,
    answer,
    codec,
    key,
    market,
)
from xtrade.model.errors import DataError, UsageError
from xtrade.model.events import BalanceReport, Bar, Funding, MarkPrice, PositionReport
from xtrade.model.instruments import Kind, TradingStatus
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.venues.abilities import Feed
from xtrade.venues.base import FeeRates, FillReport, OrderReport, SettledFunding
from xtrade.venues.codec import Known
from xtrade.venues.lighter.codec import LighterCodec
from xtrade.venues.lighter.spec import PRIVATE, PUBLIC, SPEC
from xtrade.venues.markets import Markets
from xtrade.venues.streams import Topic

HOUR_NS = 3_600 * 10**9
API = "https://mainnet.zklighter.elliot.ai/api/v1/"


def asked(ask):
    request = ask.build(NOW_NS)
    assert request.method == "GET"
    return request.url.removeprefix(API)


def test_the_recorded_listing(recorded_bytes):
    made = LighterCodec(SPEC.at("live"), Markets())
    (ask,) = made.listings()
    assert asked(ask) == "orderBookDetails?filter=all"
    (listed,) = ask.read(answer(recorded_bytes("http_order_book_details.json")))
    eth = listed.instrument

    assert (eth.key, eth.native, eth.kind) == (ETH, "0", Kind.LINEAR)
    assert (eth.base, eth.quote, eth.settle) == ("ETH", "USDC", "USDC")
    assert (eth.tick, eth.lot, eth.min_lots, eth.min_notional) == (Decimal("0.01"), Decimal("0.0001"), 50, 10)
    assert (eth.max_lots, eth.status) == (2**48 - 1, TradingStatus.TRADING)
    assert made.memory.ticks[ETH] == 236131


def test_a_listing_of_pairs_contracts_and_what_has_no_name_here():
    markets = codec().markets

    assert sorted(markets.instruments) == [BTC, ETH_SPOT, ETH]
    assert markets.of(ETH_SPOT).instrument.status is TradingStatus.HALTED
    assert markets.of(ETH).instrument.taker_fee == Decimal("0.000196")
    assert markets.of(BTC).instrument.min_lots == 20


def test_units_keep_their_names():
    (ask,) = codec().listings()
    (listed,) = ask.read(answer({"code": 200, "order_book_details": [market("1000PEPE", 4, 0, 6)]}))

    assert (listed.instrument.key, listed.instrument.multiplier) == ("lighter:1000PEPE/USDC:USDC", 1)


def test_the_venues_clock_is_told_in_seconds():
    ask = codec().clock()

    assert ask.build(NOW_NS).url == "https://mainnet.zklighter.elliot.ai/"
    assert (
        ask.read(answer({"status": 200, "network_id": 1, "timestamp": 1777941384})) == 1777941384_500_000_000
    )


def test_a_recorded_book_is_summed_from_its_orders(recorded_bytes):
    ask = codec().book(ETH, 10)
    part = ask.read(answer(recorded_bytes("http_order_book_orders.json")))

    assert asked(ask) == "orderBookOrders?market_id=0&limit=250"
    assert (part.asks, part.bids) == (Levels.of([(236132, 317)]), Levels.of([(236117, 34125)]))


def test_a_level_that_may_not_be_whole_is_not_told():
    rows = [{"price": f"{2000 + number // 2}.00", "remaining_base_amount": "0.0001"} for number in range(250)]
    part = codec().book(ETH, 10).read(answer({"code": 200, "asks": rows, "bids": rows[:9]}))

    assert len(part.asks) == 124
    assert next(iter(part.asks)) == (200000, 2)
    assert len(part.bids) == 5


@pytest.mark.parametrize("name", ["http_recent_trades_missing.json", "http_recent_trades_null.json"])
def test_no_recorded_trades_are_none(recorded_bytes, name):
    assert codec().trades(ETH, 5).read(answer(recorded_bytes(name))) == []


def test_recorded_trades_are_put_in_order(recorded_bytes):
    ask = codec().trades(ETH, 5000)
    trades = ask.read(answer(recorded_bytes("http_recent_trades_unordered.json")))

    assert asked(ask) == "recentTrades?market_id=0&limit=100"
    assert [each.trade_id for each in trades] == sorted(each.trade_id for each in trades)
    assert (trades[0].ticks, trades[0].lots, trades[0].taker) == (236131, 5, Side.SELL)
    assert len(trades) > 1


def test_recorded_candles(recorded_bytes):
    start_ns = 1_700_000_000_000 * 10**6
    ask = codec().bars(ETH, 60 * 10**9, start_ns, start_ns + 120 * 10**9)
    page = ask.read(answer(recorded_bytes("http_candles.json")))

    assert asked(ask) == (
        "candles?market_id=0&resolution=1m&start_timestamp=1700000000000&end_timestamp=1700000120000&count_back=500"
    )
    assert page.items[0] == Bar(
        instrument=ETH,
        start_ns=start_ns,
        interval_ns=60 * 10**9,
        open_ticks=236111,
        high_ticks=236222,
        low_ticks=236000,
        close_ticks=236131,
        volume_lots=12345,
        received_ns=HEARD_NS,
    )
    assert (len(page.items), page.more) == (2, None)
    assert (
        codec()
        .bars(ETH, 60 * 10**9, start_ns, start_ns + 1)
        .read(answer(recorded_bytes("http_candles_null.json")))
        .items
        == ()
    )


def test_long_spans_of_bars_come_in_pages_and_the_last_bar_may_not_be_closed():
    minute_ns = 60 * 10**9
    end_ns = HEARD_NS // minute_ns * minute_ns + minute_ns
    start_ns = end_ns - 501 * minute_ns
    first = codec().bars(ETH, minute_ns, start_ns, end_ns).read(answer({"code": 200, "c": None}))
    row = {
        "t": (end_ns - minute_ns) // 10**6,
        "o": 1.1,
        "h": 1.2,
        "l": 1.0,
        "c": 1.15,
        "v": 13.223699999999997,
    }
    second = first.more.read(answer({"code": 200, "c": [row, row | {"t": row["t"] + 60_000}]}))

    assert (second.items[0].closed, second.items[0].volume_lots) == (False, 132237)
    assert (len(second.items), second.more) == (1, None)
    with pytest.raises(UsageError, match="1m, 5m"):
        codec().bars(ETH, 7 * minute_ns, start_ns, end_ns)


def test_marks_and_the_running_rate():
    made = codec()
    ask = made.mark(ETH)
    assert asked(ask) == "orderBookDetails?market_id=0"
    assert ask.read(answer(LISTING)) == MarkPrice(
        instrument=ETH, mark=Decimal("2361.30"), index=Decimal("2361.00"), received_ns=HEARD_NS
    )
    rates = [
        {"market_id": 0, "exchange": "binance", "symbol": "ETH", "rate": 0.5},
        {"market_id": 0, "exchange": "lighter", "symbol": "ETH", "rate": 0.000096},
    ]
    assert made.funding(ETH).read(answer({"code": 200, "funding_rates": rates})) == Funding(
        instrument=ETH,
        rate=Decimal("0.000012"),
        next_ns=(HEARD_NS // HOUR_NS + 1) * HOUR_NS,
        interval_ns=HOUR_NS,
        received_ns=HEARD_NS,
    )
    assert made.mark(ETH_SPOT) is made.funding(ETH_SPOT) is made.funding_history(ETH_SPOT, 0, 1) is None
    for ask, empty in ((made.mark(ETH), {"order_book_details": None}), (made.funding(ETH), {})):
        with pytest.raises(DataError, match=ETH):
            ask.read(answer({"code": 200, **empty}))


def test_recorded_funding_is_signed_by_who_paid(recorded_bytes):
    start_ns = 1778702400 * 10**9
    ask = codec().funding_history(ETH, start_ns, start_ns + 2 * HOUR_NS)
    page = ask.read(answer(recorded_bytes("http_fundings.json")))

    assert page.items == (
        SettledFunding(instrument=ETH, at_ns=start_ns, rate=Decimal("0.000012"), interval_ns=HOUR_NS),
        SettledFunding(
            instrument=ETH, at_ns=start_ns + HOUR_NS, rate=Decimal("-0.000002"), interval_ns=HOUR_NS
        ),
    )
    assert page.more is None
    assert codec().funding_history(ETH, 0, 101 * HOUR_NS).read(answer({"code": 200})).more is not None


# -- the account --------------------------------------------------------------------------------------------------


def test_private_questions_carry_a_token():
    for ask in (*codec().open_orders([]), *codec().fills(0, []), *codec().fee_rates([ETH])):
        assert ask.build(NOW_NS).headers == (("Authorization", key().token(NOW_NS)),)
    assert codec().balances()[0].build(NOW_NS).headers == ()


def test_recorded_open_orders(recorded_bytes):
    (ask,) = codec().open_orders([])
    page = ask.read(answer(recorded_bytes("http_orders.json")))

    assert asked(ask) == f"accountActiveOrders?account_index={ACCOUNT}"
    assert page.items == (
        OrderReport(
            instrument=ETH,
            venue_order_id="281476929510110",
            client_order_id=42,
            side=Side.SELL,
            status=OrderStatus.OPEN,
            lots=50,
            filled_lots=0,
            ticks=235274,
        ),
    )


def test_one_order_is_the_last_of_its_name(recorded):
    made = codec()
    (row,) = recorded("http_orders.json")["orders"]
    known = Known(intent(instrument=ETH), made.markets.of(ETH).instrument)
    (ask,) = made.order(known)
    old = row | {"order_index": row["order_index"] + 1, "status": "canceled"}
    other = row | {"client_order_index": 43}

    assert asked(ask) == f"accountOrders?account_index={ACCOUNT}&client_order_indexes=42"
    assert ask.read(answer({"code": 200, "orders": [other, old, row]})).status is OrderStatus.OPEN
    assert ask.read(answer({"code": 200, "orders": [other]})) is None
    assert ask.read(answer({"code": 200, "orders": None})) is None


def test_fills_are_asked_back_to_a_time(recorded):
    message = recorded("ws_account_all_trades_update.json")
    (row,) = message["trades"]["0"]
    at_ns = row["transaction_time"] * 1000
    (ask,) = codec().fills(at_ns, [])
    page = ask.read(answer({"code": 200, "trades": [row], "next_cursor": "older"}))

    assert asked(ask) == f"trades?account_index={ACCOUNT}&sort_by=timestamp&sort_dir=desc&limit=100"
    (report,) = page.items
    assert isinstance(report, FillReport)
    assert (report.instrument, report.client_order_id, report.fill.lots) == (ETH, 7001011966, 1336)
    assert asked(page.more).endswith("&cursor=older")
    old = row | {"transaction_time": row["transaction_time"] - 1}
    assert page.more.read(answer({"code": 200, "trades": [old], "next_cursor": "x"})) == ((), None)


def test_recorded_balances_and_positions(recorded):
    message = recorded("http_account.json")
    (account,) = message["accounts"]
    made = codec()
    (ask,) = made.balances()
    assert asked(ask) == f"account?by=index&value={ACCOUNT}"
    assert ask.read(answer(message)) == [
        BalanceReport(
            account="lighter.main", total=Money(0, "USDC"), held=Money(0, "USDC"), received_ns=HEARD_NS
        )
    ]

    (ask,) = made.positions()
    assert ask.read(answer(message)) == []
    assert made.memory.terms[BTC] == (1000, False)
    account["positions"][0] |= {"position": "0.00200", "sign": -1, "avg_entry_price": "60000.5"}
    assert ask.read(answer(message)) == [
        PositionReport(
            account="lighter.main",
            instrument=BTC,
            lots=-200,
            entry_price=Decimal("60000.5"),
            received_ns=HEARD_NS,
        )
    ]


def test_fee_rates_are_the_accounts():
    (ask,) = codec().fee_rates([ETH, BTC])
    told = ask.read(answer({"code": 200, "current_maker_fee_tick": 28, "current_taker_fee_tick": 196}))

    assert told == dict.fromkeys([ETH, BTC], FeeRates(Decimal("0.000028"), Decimal("0.000196")))


def test_nonsense_is_a_data_error_that_names_the_question():
    (ask,) = codec().open_orders([])
    for body in ({"code": 200, "orders": 7}, {"code": 200, "orders": [{"order_index": "x"}]}):
        with pytest.raises(DataError, match="lighter: open orders"):
            ask.read(answer(body))


# -- topics -------------------------------------------------------------------------------------------------------


def test_topics_by_feed_and_their_frames():
    made = codec()
    topics = made.topics(BTC, frozenset(Feed))
    private = made.private_topics(SPEC.line(PRIVATE))

    assert set(topics) == {
        Topic(PUBLIC, "order_book/1", BTC), Topic(PUBLIC, "trade/1", BTC), Topic(PUBLIC, "market_stats/1", BTC),
    }  # fmt: skip
    assert [each.name for each in private] == [
        "account_all_orders/1234", "account_all_trades/1234", "account_all_positions/1234", "account_all_assets/1234",
    ]  # fmt: skip
    public_line, private_line = SPEC.line(PUBLIC), SPEC.line(PRIVATE)
    assert made.subscribe(public_line, topics[:1], 1, NOW_NS) == [
        b'{"type":"subscribe","channel":"%s"}' % topics[0].name.encode()
    ]
    assert made.subscribe(private_line, private[:1], 1, NOW_NS) == [
        b'{"type":"subscribe","channel":"account_all_orders/1234","auth":"%s"}' % key().token(NOW_NS).encode()
    ]
    assert made.unsubscribe(public_line, topics[:1], 2) == [
        b'{"type":"unsubscribe","channel":"%s"}' % topics[0].name.encode()
    ]
