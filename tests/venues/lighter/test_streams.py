"""What Lighter says through its socket, read from recorded messages and from small ones of the same form."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, strategies as st

from venues.lighter.desk import ACCOUNT, BTC, ETH, ETH_SPOT, HEARD_NS, codec, heard
from xtrade.model.events import (
    BalanceReport,
    Event,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionReport,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.venues.book_sync import BookSync, Wish
from xtrade.venues.codec import Unread
from xtrade.venues.lighter.memory import Change
from xtrade.venues.lighter.spec import SPEC
from xtrade.venues.streams import Answered, BookPart, Leaving, Missed, Refused, SayBack, Subscribed


def levels(*pairs):
    return [{"price": price, "size": size} for price, size in pairs]


def book(kind, nonce, begin=0, asks=(), bids=(), market=0):
    inside = {"asks": levels(*asks), "bids": levels(*bids), "nonce": nonce, "begin_nonce": begin, "code": 0}
    return {
        "type": f"{kind}/order_book",
        "channel": f"order_book:{market}",
        "offset": 1,
        "order_book": inside,
    }


def test_a_recorded_book(recorded_bytes):
    made = codec(private=False)
    confirmed, whole = heard(made, recorded_bytes("ws_order_book_subscribed.json"))
    (change,) = heard(made, recorded_bytes("ws_order_book_update.json"))

    assert confirmed == Subscribed(("order_book/0",))
    assert whole == BookPart(
        instrument=ETH,
        bids=Levels.of([(200000, 200)]),
        asks=Levels.of([(232500, 990000), (234125, 3401028)]),
        whole=True,
        last=904845,
        previous=0,
        venue_ns=1778138389655150_000,
        received_ns=HEARD_NS,
    )
    assert (change.whole, change.last, change.previous) == (False, 9182390020, 9182389998)
    assert change.asks == Levels.of([(206454, 3285)])


def test_a_book_is_in_step_or_asks_to_begin_anew():
    made, sync = codec(private=False), BookSync(SPEC.books[""])

    def take(message):
        return [
            event for part in heard(made, message) if isinstance(part, BookPart) for event in sync.take(part)
        ]

    assert take(book("update", 7, 6, asks=[("2.00", "1")])) == []  # before the snapshot
    (snapshot,) = take(book("subscribed", 10, asks=[("2.00", "1")]))
    (delta,) = take(book("update", 12, 10, asks=[("2.00", "0.0000")], bids=[("1.99", "3.0000")]))
    assert (snapshot.sequence, delta.previous_sequence, delta.sequence) == (10, 10, 12)
    assert (delta.asks, delta.bids) == (Levels.of([(200, 0)]), Levels.of([(199, 30000)]))
    assert take(book("update", 15, 13)) == []
    assert sync.wish is Wish.ANEW


def test_an_empty_book_may_be_null_or_missing():
    for rows in (None, []):
        message = book("subscribed", 0)
        message["order_book"] |= {"asks": rows, "bids": rows}
        _, part = heard(codec(private=False), message)
        assert part.whole
        assert not len(part.bids) + len(part.asks)


def test_recorded_trades_tell_who_took_and_history_is_not_told_again(recorded_bytes):
    made = codec(private=False)

    assert heard(made, recorded_bytes("ws_trade_subscribed.json")) == [Subscribed(("trade/0",))]
    assert heard(made, recorded_bytes("ws_trade_update.json")) == [
        Trade(
            instrument=ETH,
            trade_id="16164557907",
            ticks=218183,
            lots=1336,
            taker=Side.SELL,
            venue_ns=1773854156686065_000,
            received_ns=HEARD_NS,
        )
    ]


def trade(number, **changes):
    row = {
        "trade_id": number, "market_id": 0, "size": "0.5000", "price": "2000.00", "usd_amount": "1000.000000",
        "is_maker_ask": True, "timestamp": 1777941384181, "type": "trade", "ask_id": 281476929510102,
        "bid_id": 562947905631053, "ask_client_id": 0, "bid_client_id": 0, "ask_account_id": 91249,
        "bid_account_id": 5, "taker_fee": 196, "maker_fee": 28,
    }  # fmt: skip
    return row | changes


def test_liquidations_are_trades_too_in_their_order():
    message = {
        "type": "update/trade", "channel": "trade:0",
        "trades": [trade(9), trade(7)], "liquidation_trades": [trade(8, type="liquidation", is_maker_ask=False)],
    }  # fmt: skip
    told = heard(codec(private=False), message)

    assert [(each.trade_id, each.taker) for each in told] == [
        ("7", Side.BUY),
        ("8", Side.SELL),
        ("9", Side.BUY),
    ]


def test_recorded_marks_and_funding_are_fractions_of_an_hour(recorded_bytes):
    confirmed, mark, funding = heard(
        codec(private=False), recorded_bytes("ws_market_stats_subscribed_single.json")
    )
    at_ns = 1780546209291_000_000

    assert confirmed == Subscribed(("market_stats/1",))
    assert mark == MarkPrice(
        instrument=BTC,
        mark=Decimal("64356.3"),
        index=Decimal("64400.1"),
        venue_ns=at_ns,
        received_ns=HEARD_NS,
    )
    assert funding == Funding(
        instrument=BTC,
        rate=Decimal("-0.000028"),
        next_ns=1780549200_000_000_000,
        interval_ns=3600 * 10**9,
        venue_ns=at_ns,
        received_ns=HEARD_NS,
    )
    assert at_ns < funding.next_ns <= at_ns + funding.interval_ns


def test_a_pairs_figures_are_no_marks():
    message = {
        "type": "update/spot_market_stats", "channel": "spot_market_stats:2048",
        "spot_market_stats": {"market_id": 2048, "symbol": "ETH/USDC", "last_trade_price": "2000.10"},
    }  # fmt: skip
    made = codec(private=False)

    assert heard(made, message) == []
    assert made.memory.ticks[ETH_SPOT] == 200010


@pytest.mark.parametrize(
    "name",
    ["ws_ticker_update.json", "ws_height_update.json", "ws_candle_update.json", "ws_user_stats_update.json"],
)
def test_recorded_messages_that_nobody_asked_for_mean_nothing(recorded_bytes, name):
    assert heard(codec(), recorded_bytes(name)) == []


# -- the account --------------------------------------------------------------------------------------------------


def order(**changes):
    row = {
        "order_index": 281476929510110, "client_order_index": 42, "market_index": 0, "is_ask": True,
        "initial_base_amount": "0.0050", "filled_base_amount": "0.0000", "price": "2352.74", "status": "open",
        "nonce": 9182390020, "updated_at": 1777941383900, "order_version": 0,
    }  # fmt: skip
    return row | changes


def orders(*rows, kind="update"):
    return {
        "type": f"{kind}/account_all_orders", "channel": f"account_all_orders:{ACCOUNT}", "orders": {"0": list(rows)},
    }  # fmt: skip


NAMED = {"client_order_id": 42, "venue_order_id": "281476929510110", "received_ns": HEARD_NS}
AT_NS = 1777941383900_000_000


def test_a_recorded_order(recorded):
    message = recorded("ws_account_orders_update.json")
    message |= {"type": "update/account_all_orders", "channel": "account_all_orders:1234"}

    assert heard(codec(), message) == [OrderAccepted(venue_ns=AT_NS, **NAMED)]


@pytest.mark.parametrize(
    ("status", "filled", "event"),
    [
        ("in-progress", 0, OrderAccepted(venue_ns=AT_NS, **NAMED)),
        ("pending", 0, OrderAccepted(venue_ns=AT_NS, **NAMED)),
        ("open", 20, OrderAccepted(venue_ns=AT_NS, **NAMED)),
        ("filled", 50, OrderCompleted(venue_ns=AT_NS, cumulative_lots=50, **NAMED)),
        ("canceled", 20, OrderCanceled(venue_ns=AT_NS, cumulative_lots=20, **NAMED)),
        ("canceled-oco", 0, OrderCanceled(venue_ns=AT_NS, reason="oco", **NAMED)),
        ("canceled-child", 0, OrderCanceled(venue_ns=AT_NS, reason="child", **NAMED)),
        ("canceled-liquidation", 0, OrderCanceled(venue_ns=AT_NS, reason="liquidation", **NAMED)),
        ("canceled-of-a-new-kind", 0, OrderCanceled(venue_ns=AT_NS, reason="of a new kind", **NAMED)),
        ("canceled-expired", 0, OrderExpired(venue_ns=AT_NS, reason="expired", **NAMED)),
        (
            "canceled-too-much-slippage",
            20,
            OrderExpired(venue_ns=AT_NS, reason="too much slippage", cumulative_lots=20, **NAMED),
        ),
        (
            "canceled-not-enough-liquidity",
            0,
            OrderExpired(venue_ns=AT_NS, reason="not enough liquidity", **NAMED),
        ),
        ("canceled-self-trade", 0, OrderExpired(venue_ns=AT_NS, reason="self trade", **NAMED)),
        (
            "canceled-post-only",
            0,
            OrderRejected(venue_ns=AT_NS, reason="post only", code="canceled-post-only", **NAMED),
        ),
        (
            "canceled-margin-not-allowed",
            0,
            OrderRejected(
                venue_ns=AT_NS, reason="margin not allowed", code="canceled-margin-not-allowed", **NAMED
            ),
        ),
        (
            "canceled-reduce-only",
            20,
            OrderCanceled(venue_ns=AT_NS, reason="reduce only", cumulative_lots=20, **NAMED),
        ),
    ],
)
def test_every_status_of_an_order(status, filled, event):
    assert heard(codec(), orders(order(status=status, filled_base_amount=f"{filled / 10000:.4f}"))) == [event]


def test_states_of_one_order_in_one_message_are_told_in_their_order():
    later = order(status="filled", filled_base_amount="0.0050", updated_at=1777941383901)
    told = heard(codec(), orders(later, order(), kind="subscribed"))

    assert [type(each) for each in told] == [Subscribed, OrderAccepted, OrderCompleted]


def test_orders_without_a_name_are_nobodys():
    assert heard(codec(), orders(order(client_order_index=0))) == []


def test_a_change_is_told_when_the_order_is_shown_changed():
    """Nothing in the venue's messages names our request: it is known by what it asked for."""
    made = codec()
    made.memory.asked(42, Change(60, 235274, 1))
    made.memory.asked(42, Change(70, 235274, 2))

    assert [type(each) for each in heard(made, orders(order()))] == [OrderAccepted]
    _, second = heard(made, orders(order(initial_base_amount="0.0070", order_version=2)))
    assert second == OrderAmended(
        venue_ns=AT_NS, sequence=9182390020, lots=70, ticks=235274, request=2, **NAMED
    )
    assert [
        type(each) for each in heard(made, orders(order(initial_base_amount="0.0070", order_version=2)))
    ] == [OrderAccepted]
    _, elsewhere = heard(made, orders(order(initial_base_amount="0.0080", order_version=3)))
    assert (elsewhere.lots, elsewhere.request) == (80, None)

    made.memory.asked(42, Change(90, 1, 3))
    heard(made, orders(order(status="canceled")))
    assert not made.memory.open_changes


def own_trades(*rows, kind="update"):
    return {
        "type": f"{kind}/account_all_trades", "channel": f"account_all_trades:{ACCOUNT}", "trades": {"0": list(rows)},
    }  # fmt: skip


def test_a_recorded_fill_of_ours(recorded_bytes):
    """We are the bid and took: 314.324728 at 196 millionths."""
    assert heard(codec(), recorded_bytes("ws_account_all_trades_update.json")) == [
        OrderFilled(
            client_order_id=7001011966,
            venue_order_id="562947905631053",
            venue_ns=1777941384181586_000,
            received_ns=HEARD_NS,
            fill=Fill(
                trade_id="19209006902",
                side=Side.BUY,
                ticks=235273,
                lots=1336,
                fee=Money.of("0.061607646688", "USDC"),
                maker=False,
                venue_ns=1777941384181586_000,
            ),
        )
    ]


def test_a_maker_pays_the_makers_fee_or_none():
    rows = [
        trade(1, ask_account_id=ACCOUNT, ask_client_id=5),
        trade(2, ask_account_id=ACCOUNT, ask_client_id=5, maker_fee=None),
        trade(3, bid_account_id=ACCOUNT, bid_client_id=6, is_maker_ask=False, maker_fee=-10),
    ]
    one, two, three = (each.fill for each in heard(codec(), own_trades(*rows)))

    assert (one.side, one.maker, one.fee) == (Side.SELL, True, Money.of("0.028", "USDC"))
    assert two.fee == Money(0, "USDC")
    assert (three.side, three.maker, three.fee) == (Side.BUY, True, Money.of("-0.01", "USDC"))


def test_a_trade_with_oneself_is_two_fills():
    row = trade(1, ask_account_id=ACCOUNT, bid_account_id=ACCOUNT, ask_client_id=5, bid_client_id=6)

    assert [(each.client_order_id, each.fill.side) for each in heard(codec(), own_trades(row))] == [
        (5, Side.SELL),
        (6, Side.BUY),
    ]


def test_a_liquidation_is_something_that_is_asked_about():
    rows = [trade(1, bid_account_id=ACCOUNT), trade(2, bid_account_id=ACCOUNT, type="liquidation")]

    (missed,) = heard(codec(), own_trades(*rows))
    assert isinstance(missed, Missed)


def test_the_history_of_our_trades_is_not_told_again():
    """It may be a list with totals, in place of trades by market."""
    message = own_trades(kind="subscribed") | {"trades": [1, 2]}

    assert heard(codec(), message) == [Subscribed((f"account_all_trades/{ACCOUNT}",))]


def positions(*rows):
    return {
        "type": "update/account_all_positions", "channel": f"account_all_positions:{ACCOUNT}",
        "positions": {str(row["market_id"]): row for row in rows},
    }  # fmt: skip


def test_a_recorded_position_and_its_end(recorded_bytes):
    made = codec()
    assert heard(made, recorded_bytes("ws_account_all_positions_update.json")) == [
        PositionReport(
            account="lighter.main",
            instrument=ETH,
            lots=15000,
            entry_price=Decimal("2350.10"),
            liquidation_price=Decimal("1900.00"),
            received_ns=HEARD_NS,
        )
    ]
    assert made.memory.terms[ETH] == (500, False)

    short = {
        "market_id": 1,
        "sign": -1,
        "position": "0.00100",
        "margin_mode": 1,
        "initial_margin_fraction": "10.00",
    }
    assert [(each.instrument, each.lots) for each in heard(made, positions(short))] == [(BTC, -100)]
    assert made.memory.terms[BTC] == (1000, True)
    assert [each.lots for each in heard(made, positions(short | {"position": "0.00000"}))] == [0]
    assert heard(made, positions()) == []

    # The first message after a connection was lost is all that there is.
    confirmed, flat = heard(made, positions() | {"type": "subscribed/account_all_positions"})
    assert isinstance(confirmed, Subscribed)
    assert (flat.instrument, flat.lots) == (ETH, 0)


def test_recorded_assets_are_what_is_there_for_pairs_and_for_contracts(recorded_bytes):
    confirmed, balance = heard(codec(), recorded_bytes("ws_account_all_assets_with_position.json"))

    assert confirmed == Subscribed((f"account_all_assets/{ACCOUNT}",))
    assert balance == BalanceReport(
        account="lighter.main",
        total=Money.of("49.995369556", "USDC"),
        held=Money.of("0", "USDC"),
        venue_ns=1781161854676_000_000,
        received_ns=HEARD_NS,
    )


# -- the connection, and what is no message -----------------------------------------------------------------------


def test_the_venues_own_talk():
    made = codec()

    assert heard(made, {"type": "connected", "session_id": "a"}) == []
    assert heard(made, {"type": "ping"}) == [SayBack(b'{"type":"pong"}')]
    assert heard(made, {"type": "pong"}) == []
    assert heard(made, {"type": "unsubscribed", "channel": "order_book:0"}) == []
    assert heard(made, {"type": "shutdown", "close_in_ms": 5000}) == [Leaving(5000, "the venue restarts")]
    assert heard(made, {"error": {"code": 30005, "message": "Invalid Channel"}}) == [
        Refused((), "30005", "Invalid Channel")
    ]
    (refused,) = heard(made, {"error": {"code": 20013, "message": "invalid auth"}})
    assert refused.names


@pytest.mark.parametrize(
    ("message", "name", "status"),
    [
        ({"type": "jsonapi/sendtx", "code": 200, "tx_hash": "ab"}, "ab", 200),
        ({"type": "jsonapi/sendtx", "id": "cd", "code": 200, "tx_hash": "ab"}, "cd", 200),
        ({"type": "jsonapi/sendtx", "data": {"id": "cd", "code": 200, "tx_hash": "ab"}}, "cd", 200),
        ({"type": "jsonapi/sendtxbatch", "code": 200, "tx_hash": ["ab", "ef"]}, "ab", 200),
        ({"type": "jsonapi/sendtx", "id": "cd", "code": 21702, "message": "invalid price"}, "cd", 400),
        (
            {"type": "jsonapi/sendtx", "id": "cd", "error": {"code": 21702, "message": "invalid price"}},
            "cd",
            400,
        ),
        ({"id": "cd", "error": {"code": 21702, "message": "invalid price"}}, "cd", 400),
        ({"error": {"code": 21104, "message": "invalid nonce"}}, "", 400),
    ],
)
def test_answers_to_transactions_in_each_of_their_forms(message, name, status):
    (answered,) = heard(codec(), message)

    assert isinstance(answered, Answered)
    assert (answered.id, answered.answer.status) == (name, status)
    if status == 400:
        assert msgspec.json.decode(answered.answer.body)["code"] in {21702, 21104}


def test_what_is_broken_is_counted():
    made = codec()
    off_grid = book("subscribed", 1, asks=[("2.001", "1")])
    for broken in (b"", b"{", b"\xff\xfe", b"[]", b"[" * 100_000, off_grid, book("subscribed", 1, market=99)):
        assert isinstance(heard(made, broken)[-1], Unread)


CHANNELS = [
    "order_book", "trade", "market_stats", "spot_market_stats",
    "account_all_orders", "account_all_trades", "account_all_positions", "account_all_assets",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=9), inside, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["0", "1", "-1", "1e400", "2.001", "", "x", "9" * 40])


@given(st.binary(max_size=200))
def test_no_bytes_crash_it(payload):
    assert all(
        isinstance(each, Event | Unread | BookPart | tuple) for each in heard(codec(private=False), payload)
    )


@given(st.sampled_from(["subscribed", "update"]), st.sampled_from(CHANNELS), JSON, st.integers(-5, 5000))
def test_no_message_of_a_channel_crashes_it(kind, channel, inside, market_id):
    message = {"type": f"{kind}/{channel}", "channel": f"{channel}:{market_id}"}
    for name in ("order_book", "trades", "market_stats", "orders", "positions", "assets"):
        message[name] = inside

    for each in heard(codec(private=False), message):
        assert isinstance(each, Event | Unread | BookPart | tuple)


@given(
    st.dictionaries(st.sampled_from(sorted(order())), st.integers(-(2**70), 2**70) | WORDS | st.booleans())
)
def test_no_order_crashes_it(changes):
    for each in heard(codec(private=False), orders(order(**changes))):
        assert isinstance(each, Event | Unread)


@given(
    st.dictionaries(st.sampled_from(sorted(trade(1))), st.integers(-(2**70), 2**70) | WORDS | st.booleans())
)
def test_no_trade_crashes_it(changes):
    made = codec()
    rows = trade(1, bid_account_id=ACCOUNT, bid_client_id=7) | changes
    for each in heard(made, own_trades(rows)) + heard(
        made, own_trades(rows) | {"type": "update/trade", "trades": [rows]}
    ):
        assert isinstance(each, Event | Unread | Missed)
