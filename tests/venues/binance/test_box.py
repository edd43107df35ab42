"""Our codec and our server room, without a socket between them: what the one says, the other understands."""

from decimal import Decimal
from urllib.parse import urlsplit

import msgspec
import pytest

from kit.binance_box import PERPETUAL, SECOND, SPOT, START_NS, Desk
from xtrade.model.errors import AuthFailed, InDoubt, RateLimited, Rejected
from xtrade.model.events import (
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
)
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.runtime.secrets import Secret
from xtrade.venues.asks import Answer
from xtrade.venues.binance.auth import BinanceKey
from xtrade.venues.binance.codec import BinanceCodec
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.box.server import Asked
from xtrade.venues.meanings import ClockOff


@pytest.fixture
def desk():
    return Desk()


def kinds(events):
    return [type(event) for event in events]


def one(events, kind):
    [found] = [event for event in events if isinstance(event, kind)]
    return found


# -- markets ------------------------------------------------------------------------------------------------------


def test_the_listing_is_what_is_on_the_floor(desk):
    for key in (SPOT, PERPETUAL):
        ours, theirs = desk.codec.markets.of(key).instrument, desk.floor.instruments[key]
        for name in ("native", "kind", "tick", "lot", "min_lots", "min_notional", "maker_fee", "taker_fee"):
            assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("key", [SPOT, PERPETUAL])
def test_a_book_and_trades_and_bars_are_the_floors(desk, key):
    desk.pass_s(90)

    part = desk.ask(desk.codec.book(key, 1_000))
    book = desk.floor.exchange.book(key)
    trades = desk.ask(desk.codec.trades(key, 10))
    bars = desk.pages(desk.codec.bars(key, 60 * SECOND, 0, 2**62))

    assert (part.bids, part.asks) == (book.bids, book.asks)
    there = desk.floor.chronicle.trades(key, 10)
    assert [(each.trade_id, each.ticks, each.lots, each.taker) for each in trades] == [
        (each.trade_id, each.ticks, each.lots, each.taker) for each in there
    ]
    assert [(bar.start_ns, bar.close_ticks, bar.volume_lots) for bar in bars] == [
        (bar.start_ns, bar.close_ticks, bar.volume_lots)
        for bar in desk.floor.chronicle.bars(key, 60 * SECOND, 0, 2**62)
    ]
    assert len(bars) >= 2


def test_marks_and_funding_that_comes_and_that_was_charged(desk):
    desk.pass_s(2)

    mark = desk.ask(desk.codec.mark(PERPETUAL))
    funding = desk.ask(desk.codec.funding(PERPETUAL))

    assert mark.mark == desk.floor.chronicle.marks[PERPETUAL].mark
    assert funding.rate == desk.floor.chronicle.fundings[PERPETUAL].rate
    assert funding.next_ns == desk.floor.chronicle.fundings[PERPETUAL].next_ns
    assert desk.pages(desk.codec.funding_history(PERPETUAL, 0, 2**62)) == []


def test_the_time(desk):
    assert desk.ask(desk.codec.clock()) == desk.now_ns // 10**6 * 10**6


def test_what_is_not_there(desk):
    told = desk.server.answer(Asked("GET", "/api/v3/nothing", "", {}, b""))
    assert told.status == 404

    told = desk.server.answer(Asked("GET", "/api/v3/depth", "symbol=NOTHING", {}, b""))
    assert msgspec.json.decode(told.body) == {"code": -1121, "msg": "Invalid symbol."}
    assert (
        msgspec.json.decode(desk.server.answer(Asked("GET", "/fapi/v1/depth", "", {}, b"")).body)["code"]
        == -1102
    )


# -- orders over HTTP ---------------------------------------------------------------------------------------------


def test_a_spot_order_that_takes(desk):
    _, events = desk.place(away=-1)

    assert kinds(events) == [OrderAccepted, OrderFilled]
    filled = events[1]
    [executed] = desk.floor.executed("binance.1")
    assert (filled.fill.trade_id, filled.fill.ticks, filled.fill.lots, filled.fill.fee) == (
        executed.fill.trade_id,
        executed.fill.ticks,
        executed.fill.lots,
        executed.fill.fee,
    )
    [report] = desk.pages(desk.codec.fills(START_NS, [SPOT])[0])
    assert report.fill.fee == executed.fill.fee
    assert report.venue_order_id == events[0].venue_order_id


@pytest.mark.parametrize("key", [SPOT, PERPETUAL])
def test_an_order_that_rests_is_found_and_canceled(desk, key):
    intent, events = desk.place(key, away=50, post_only=True)
    known = desk.known(intent)

    assert kinds(events) == [OrderAccepted]
    report = desk.ask(desk.codec.order(known)[0])
    assert (report.client_order_id, report.status, report.lots, report.ticks) == (
        intent.client_order_id,
        OrderStatus.OPEN,
        intent.lots,
        intent.ticks,
    )
    listed = [each for ask in desk.codec.open_orders([]) for each in desk.pages(ask)]
    assert listed == [report]

    [canceled] = desk.ask(desk.codec.cancel(known, 1))
    assert isinstance(canceled, OrderCanceled)
    assert desk.ask(desk.codec.order(known)[0]).status is OrderStatus.CANCELED
    assert not desk.floor.open_slips("binance.1")
    with pytest.raises(Rejected, match="-2011"):
        desk.ask(desk.codec.cancel(known, 2))


def test_futures_answer_without_fills_and_say_that_it_is_done(desk):
    _, events = desk.place(PERPETUAL, away=-1)

    assert kinds(events) == [OrderAccepted, OrderCompleted]
    assert events[1].cumulative_lots == 10
    [position] = desk.ask(desk.codec.positions()[0])
    assert (position.instrument, position.lots) == (PERPETUAL, 10)
    [report] = desk.pages(desk.codec.fills(START_NS, [PERPETUAL])[0])
    assert report.fill.fee == desk.floor.executed("binance.1")[0].fill.fee


@pytest.mark.parametrize(
    ("key", "order", "expected"),
    [
        (SPOT, {"away": 50, "time_in_force": TimeInForce.IOC}, [OrderAccepted, OrderExpired]),
        (SPOT, {"away": 50, "time_in_force": TimeInForce.FOK}, [OrderAccepted, OrderExpired]),
        (PERPETUAL, {"away": 50, "time_in_force": TimeInForce.IOC}, [OrderAccepted, OrderExpired]),
        (SPOT, {"type": OrderType.MARKET}, [OrderAccepted, OrderFilled]),
        (PERPETUAL, {"type": OrderType.MARKET}, [OrderAccepted, OrderCompleted]),
    ],
)
def test_forms(desk, key, order, expected):
    assert kinds(desk.place(key, **order)[1]) == expected


def test_a_market_order_sized_in_quote_currency(desk):
    _, events = desk.place(type=OrderType.MARKET, lots=0, quote_amount=Money.of("500", "USDT"))

    worth = sum(event.fill.ticks * event.fill.lots for event in events[1:])
    assert 499 < worth * 0.1 * 0.00001 <= 500


@pytest.mark.parametrize(
    ("key", "order", "words"),
    [
        (SPOT, {"away": -1, "post_only": True}, r"immediately match and take. \(-2010\)"),
        (PERPETUAL, {"away": -1, "post_only": True}, r"Post Only order will be rejected. \(-5022\)"),
        (SPOT, {"away": 5, "lots": 10**8}, r"insufficient balance for requested action. \(-2010\)"),
        (PERPETUAL, {"away": 5, "lots": 10**6}, r"Margin is insufficient. \(-2019\)"),
        (SPOT, {"away": 5, "lots": 1}, r"NOTIONAL \(-1013\)"),
        (PERPETUAL, {"away": 50, "time_in_force": TimeInForce.FOK}, r"\(-5021\)"),
        (PERPETUAL, {"away": 5, "reduce_only": True}, r"ReduceOnly Order is rejected. \(-2022\)"),
    ],
)
def test_refusals_are_in_the_venues_words(desk, key, order, words):
    with pytest.raises(Rejected, match=words):
        desk.place(key, **order)


def test_an_order_of_the_same_name_landed_before(desk):
    intent, _ = desk.place(away=50)

    with pytest.raises(InDoubt, match="Duplicate order sent"):
        desk.ask(desk.codec.place(intent))
    assert len(desk.floor.open_slips("binance.1")) == 1


def test_prices_and_quantities_off_the_grid(desk):
    def code(path, query):
        signed = desk.codec.auth.query(query, desk.now_ns)
        headers = {"x-mbx-apikey": desk.accounts[0].key["api_key"]}
        told = desk.server.answer(Asked("POST", path, signed, headers, b""))
        return msgspec.json.decode(told.body).get("code")

    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    spot, futures = "/api/v3/order", "/fapi/v1/order"
    assert code(spot, (order | {"price": "50000.01"}).items()) == -1013
    assert code(futures, (order | {"price": "50000.01"}).items()) == -4014
    assert code(spot, (order | {"price": "50000", "quantity": "0.000001"}).items()) == -1013
    assert code(futures, (order | {"price": "50000", "quantity": "0.0001"}).items()) == -1111
    assert code(spot, order.items()) == -1102
    assert code(spot, (order | {"price": "1", "side": "LEFT"}).items()) == -1117
    assert code(spot, (order | {"price": "1", "type": "ODD"}).items()) == -1116
    assert code(spot, (order | {"price": "1", "timeInForce": "ODD"}).items()) == -1115
    assert code(spot, (order | {"price": "1", "type": "LIMIT_MAKER"}).items()) == -1106
    assert code(futures, (order | {"price": "1", "type": "STOP_MARKET"}).items()) == -4120
    assert code(futures, (order | {"price": "1", "positionSide": "LONG"}).items()) == -4061


def test_spot_gets_smaller_and_keeps_its_name(desk):
    intent, _ = desk.place(away=50)
    known = desk.known(intent)

    [amended] = desk.ask(desk.codec.amend(known, lots=400, ticks=intent.ticks, request=1))

    assert (type(amended), amended.lots, amended.request) == (OrderAmended, 400, 1)
    assert desk.ask(desk.codec.order(known)[0]).lots == 400


def test_futures_change_price_and_quantity(desk):
    intent, _ = desk.place(PERPETUAL, away=50)
    known = desk.known(intent)

    [amended] = desk.ask(desk.codec.amend(known, lots=12, ticks=intent.ticks - 10, request=1))
    assert (amended.lots, amended.ticks) == (12, intent.ticks - 10)
    [again] = desk.ask(desk.codec.amend(known, lots=12, ticks=intent.ticks - 10, request=2))
    assert (again.lots, again.request) == (12, 2)


def test_a_post_only_order_that_is_moved_across_the_book_ends(desk):
    intent, _ = desk.place(PERPETUAL, away=50, post_only=True)

    events = desk.ask(
        desk.codec.amend(desk.known(intent), lots=10, ticks=desk.best(PERPETUAL, Side.SELL) + 5, request=1)
    )

    assert kinds(events) == [OrderAccepted, OrderCanceled]


def test_several_orders_at_once_each_for_itself(desk):
    intents = [desk.intent(PERPETUAL, away=50), desk.intent(PERPETUAL, away=50, lots=10**6)]

    accepted, refused = desk.ask(desk.codec.place_many(intents))

    assert isinstance(accepted, OrderAccepted)
    assert refused.code == "-2019"


def test_everything_is_canceled_conditional_orders_too(desk):
    for key in (SPOT, PERPETUAL):
        desk.place(key, away=50)
    desk.place(PERPETUAL, type=OrderType.STOP_MARKET, trigger=far_above(desk))

    events = [event for ask in desk.codec.cancel_all([SPOT, PERPETUAL]) for event in desk.ask(ask)]

    assert kinds(events) == [OrderCanceled]  # spot alone says which
    assert not desk.floor.open_slips("binance.1")
    assert desk.ask(desk.codec.cancel_all([SPOT])[0]) == []


def far_above(desk):
    return Trigger(ticks=desk.best(PERPETUAL, Side.SELL) + 10_000, by=TriggerPrice.LAST)


def test_a_conditional_order_waits_apart_and_is_canceled_there(desk):
    intent, [accepted] = desk.place(PERPETUAL, type=OrderType.STOP_MARKET, trigger=far_above(desk))
    known = desk.known(intent, accepted.venue_order_id)

    as_order, as_algo = desk.codec.order(known)
    assert desk.ask(as_order) is None
    report = desk.ask(as_algo)
    assert (report.venue_order_id, report.status) == (accepted.venue_order_id, OrderStatus.OPEN)
    assert [each.venue_order_id for ask in desk.codec.open_orders([]) for each in desk.pages(ask)] == [
        accepted.venue_order_id
    ]

    assert kinds(desk.ask(desk.codec.cancel(known, 1))) == [OrderCanceled]
    assert desk.ask(as_algo).status is OrderStatus.CANCELED


def test_the_countdown(desk):
    desk.place(PERPETUAL, away=5_000)
    [ask] = desk.codec.countdown(10, [PERPETUAL])
    desk.ask(ask)

    desk.pass_s(9)
    assert desk.floor.open_slips("binance.1")
    desk.pass_s(2)
    assert not desk.floor.open_slips("binance.1")


def test_wallets_and_settings(desk):
    spot, futures = (desk.ask(ask) for ask in desk.codec.balances())
    assert {str(each.total) for each in spot} == {"100000 USDT", "2 BTC"}
    assert [str(each.total) for each in futures] == ["100000 USDT"]

    assert desk.ask(desk.codec.leverage(PERPETUAL, 5)) is None
    with pytest.raises(Rejected, match="-4028"):
        desk.ask(desk.codec.leverage(PERPETUAL, 500))
    mode = desk.codec.margin_mode(PERPETUAL, isolated=True)
    assert desk.ask(mode) is desk.ask(mode) is None  # the second time it says that there is no need
    rates = [desk.ask(ask) for ask in desk.codec.fee_rates([SPOT, PERPETUAL])]
    assert rates[0][SPOT].taker == Decimal("0.001")
    assert rates[1][PERPETUAL].maker == Decimal("0.0002")


def test_accounts_do_not_see_each_other(desk):
    intent, _ = desk.place(away=50)
    other = desk.codec_of(1, desk.codec.markets)

    assert [each for ask in other.open_orders([]) for each in desk.pages(ask)] == []
    assert desk.ask(other.order(desk.known(intent))[0]) is None
    with pytest.raises(Rejected, match="-2011"):
        desk.ask(other.cancel(desk.known(intent), 1))


# -- who, when, and how much --------------------------------------------------------------------------------------


def test_keys_signatures_and_clocks(desk):
    ask = desk.codec.balances()[0]
    request = ask.build(desk.now_ns)
    url = urlsplit(request.url)
    key = desk.accounts[0].key["api_key"]

    def code(query, headers):
        return msgspec.json.decode(desk.server.answer(Asked("GET", url.path, query, headers, b"")).body)[
            "code"
        ]

    assert code(url.query, {}) == -2014
    assert code(url.query, {"x-mbx-apikey": "nobody"}) == -2015
    assert (
        code(url.query.replace("omitZeroBalances=true", "omitZeroBalances=false"), {"x-mbx-apikey": key})
        == -1022
    )
    assert code("omitZeroBalances=true", {"x-mbx-apikey": key}) == -1102


def test_a_secret_that_is_not_the_keys(desk):
    fields = dict(desk.accounts[0].key) | {"api_secret": "x" * 64}
    wrong = BinanceKey.from_key({name: Secret(value) for name, value in fields.items()})
    stranger = BinanceCodec(SPEC.at("box", "http://box:1"), desk.codec.markets, wrong)

    with pytest.raises(AuthFailed, match=r"Signature for this request is not valid. \(-1022\)"):
        desk.ask(stranger.balances()[0])


@pytest.mark.parametrize("skew_s", [-2, 6])
def test_a_clock_that_is_off_is_told_apart(desk, skew_s):
    desk.skew_ns = skew_s * SECOND

    with pytest.raises(ClockOff):
        desk.ask(desk.codec.balances()[0])
    assert desk.ask(desk.codec.clock()) // SECOND == (desk.now_ns + desk.skew_ns) // SECOND


def test_a_body_and_a_query_are_signed_one_after_the_other(desk):
    key = desk.codec.auth
    text = f"symbol=BTCUSDT&recvWindow=5000&timestamp={desk.now_ns // 10**6}"
    cut = text.index("&recvWindow")
    for query, body in ((text, ""), ("", text), (text[:cut], text[cut + 1 :])):
        signature = key._sign((query + body).encode())
        told = desk.server.answer(
            Asked(
                "DELETE",
                "/fapi/v1/allOpenOrders",
                query,
                {"x-mbx-apikey": desk.accounts[0].key["api_key"]},
                (f"{body}&" if body else "").encode() + f"signature={signature}".encode(),
            )
        )
        assert told.status == 200, told.body


def test_weight_is_counted_by_half_and_too_much_is_refused(desk):
    ask = desk.codec.book(SPOT, 5_000)
    used = [int(desk.told(ask).headers["X-MBX-USED-WEIGHT-1M"]) for _ in range(3)]
    assert (used[1] - used[0], used[2] - used[1]) == (250, 250)
    assert int(desk.told(desk.codec.book(PERPETUAL, 5)).headers["X-MBX-USED-WEIGHT-1M"]) < 250

    for _ in range(25):
        told = desk.told(ask)
    assert told.status == 429
    assert 0 < int(told.headers["Retry-After"]) <= 60
    with pytest.raises(RateLimited):
        ask.read(Answer(told.status, told.body, desk.now_ns))
    desk.pass_s(60)
    assert desk.told(ask).status == 200


def test_orders_are_counted_by_account(desk):
    for _ in range(100):
        desk.place(PERPETUAL, away=50)
    told = desk.told(desk.codec.place(desk.intent(PERPETUAL, away=50)))
    assert told.headers["X-MBX-ORDER-COUNT-10S"] == "101"

    for _ in range(100):
        desk.place(away=50)
    with pytest.raises(RateLimited, match="-1015"):
        desk.place(away=50)
