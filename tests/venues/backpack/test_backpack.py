"""Backpack: what it signs, what it writes and reads, and that both ends of its wire understand each other."""

import asyncio
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument as an_instrument
from kit.orders import intent
from kit.venue_desks import desk as a_desk, limit, market
from xtrade.model.errors import AuthFailed, RateLimited, Rejected, XtradeError
from xtrade.model.events import (
    BookSnapshot,
    CancelRejected,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    PositionReport,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, TimeInForce, Trigger
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.asks import Answer
from xtrade.venues.backpack.auth import BackpackKey, instruction, signed_text
from xtrade.venues.backpack.codec import BackpackCodec
from xtrade.venues.backpack.server import BackpackServer
from xtrade.venues.backpack.spec import SPEC
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.codec import Known, Unread
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.meanings import ClockOff
from xtrade.venues.streams import BookPart, Missed, Refused

SPOT, PERP = "backpack:SOL/USDC", "backpack:SOL/USDC:USDC"
SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PUBLIC = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
AT_MS = 1750793021519


def key():
    return BackpackKey.from_key({"api_key": Secret(PUBLIC), "private_key": Secret(SECRET)})


def codec():
    markets = Markets()
    perp = an_instrument(Kind.LINEAR, venue="backpack", symbol="SOL/USDC:USDC", native="SOL_USDC_PERP")
    spot = an_instrument(Kind.SPOT, venue="backpack", symbol="SOL/USDC", native="SOL_USDC")
    markets.learn([Listed(perp, code="3600000"), Listed(spot)])
    return BackpackCodec(SPEC.at("live"), markets, key())


ORDER = {
    "clientId": 1001,
    "orderType": "Limit",
    "postOnly": True,
    "price": "141",
    "quantity": "12",
    "reduceOnly": True,
    "side": "Bid",
    "symbol": "SOL_USDC_PERP",
    "timeInForce": "GTC",
}
FIRST = {"orderType": "Limit", "price": "141", "quantity": "12", "side": "Bid", "symbol": "SOL_USDC_PERP"}


@pytest.mark.parametrize(
    ("pieces", "signature"),
    [
        (
            instruction("orderExecute", ORDER),
            "2rUQCl4o7d/PicqHPkz/DoV09o355eWiY3JlMhN74M40sYafH2hrYO50xvkP0UdcsUCvwOUpcCFOSBsP2mXSCQ==",
        ),
        (
            instruction("orderCancel", {"symbol": "SOL_USDC_PERP", "orderId": "28"}),
            "ADwyx62XRgirnOkCQkmQamc2X9KNA086n06TfRfuYo9///JeMKg0IMLAiyjaTQrAhuZva1c/Gn65XK0C4W4zAQ==",
        ),
        (
            instruction("orderCancel", {"symbol": "SOL_USDC_PERP", "clientId": 1001}),
            "ce0zg2k6XKHGeFIWbY3QPDT7XOQL5QVYe7/1L5lzpqfCoqAc02Wp8QAVblLxU93vP3jRU4ennuEjMK0s5G/gDw==",
        ),
        (
            instruction("orderQueryAll", {"symbol": "SOL_USDC_PERP"}),
            "KF+3yh0HUM25VReOMCFwYJXCypDOATZIgRtrqoH/0BigL5Iv/ZJgTDQ2GEWjuNWaeE7ncEIuYR2If24hWPd3Cg==",
        ),
        (
            instruction("balanceQuery", {}),
            "a4gmR8Xzxq4kesPQPh+39Xb0N8FwQHErhW0+IqFZwB16ABD3p1x0BQdEvhLGYJ5A22WNBDqY0y+j7dyg1MURBw==",
        ),
        (
            instruction("subscribe", {}),
            "DEytVjBPUJPNGqMWhoFrRnsyaD9AgpeWqvS9jRrnNbGUKyTLfEas10Q5EZ3KjJWU9PxVsfKDqd+oM0GEuFiCAA==",
        ),
        (
            "&".join(
                instruction("orderExecute", order)
                for order in (FIRST, FIRST | {"price": "140", "quantity": "11"})
            ),
            "/RiVIEmATq6bDKSR8I9tEY3qY/MRt45Y5/Wi4mKYjt3SaqoLFfOiYrYNRddqSXfrcDdY/b0n3duPew5JKrn/CA==",
        ),
    ],
)
def test_signatures_are_the_official_sdks(pieces, signature):
    assert key().sign(signed_text(pieces, AT_MS)) == signature


def test_an_order_is_written_as_the_venue_wants_it():
    order = intent(
        client_order_id=ClientOrderId(1001),
        instrument=PERP,
        side=Side.BUY,
        type=OrderType.LIMIT,
        lots=12_000,
        ticks=1410,
        post_only=True,
        reduce_only=True,
    )
    request = codec().place(order).build(AT_MS * 1_000_000)
    assert (request.method, request.url) == ("POST", "https://api.backpack.exchange/api/v1/order")
    assert msgspec.json.decode(request.body) == ORDER
    assert dict(request.headers)["X-Signature"].startswith("2rUQCl4o7d/PicqHPkz")
    assert SECRET not in repr(request)


@pytest.mark.parametrize(
    ("more", "written"),
    [
        ({"type": OrderType.MARKET, "ticks": None}, {"orderType": "Market", "quantity": "12"}),
        ({"time_in_force": TimeInForce.FOK}, {"timeInForce": "FOK", "price": "141"}),
        (
            {"type": OrderType.MARKET, "ticks": None, "lots": 0, "quote_amount": Money.of("50.5", "USDT")},
            {"orderType": "Market", "quoteQuantity": "50.5"},
        ),
        (
            {"type": OrderType.STOP_LIMIT, "trigger": Trigger(ticks=1400)},
            {"triggerPrice": "140", "triggerBy": "LastPrice", "triggerQuantity": "12", "price": "141"},
        ),
    ],
)
def test_every_form_of_an_order(more, written):
    fields = {"type": OrderType.LIMIT, "lots": 12_000, "ticks": 1410} | more
    order = intent(client_order_id=ClientOrderId(7), instrument=PERP, side=Side.SELL, **fields)
    body = msgspec.json.decode(codec().place(order).build(0).body)
    assert written.items() <= body.items()
    assert ("quantity" in body) != ("triggerQuantity" in body or "quoteQuantity" in body)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"code":"INVALID_CLIENT_REQUEST","message":"Request has expired"}', ClockOff),
        (400, b'{"code":"INVALID_CLIENT_REQUEST","message":"Invalid signature"}', AuthFailed),
        (400, b'{"code":"INSUFFICIENT_FUNDS","message":"Insufficient funds"}', Rejected),
        (429, b'{"code":"TOO_MANY_REQUESTS","message":"slow down"}', RateLimited),
        (400, b"failed to parse the request body", Rejected),
    ],
)
def test_what_refusals_mean(status, body, error):
    order = intent(client_order_id=ClientOrderId(7), instrument=PERP, lots=1_000, ticks=1410)
    with pytest.raises(error, match="backpack: place order: "):
        codec().place(order).read(Answer(status, body, 0))


def test_a_server_error_leaves_an_order_in_doubt():
    from xtrade.model.errors import InDoubt

    order = intent(client_order_id=ClientOrderId(7), instrument=PERP, lots=1_000, ticks=1410)
    for body in (b'{"code":"TIMEOUT","message":"timed out"}', b"<html>bad gateway</html>"):
        with pytest.raises(InDoubt):
            codec().place(order).read(Answer(503, body, 0))


def test_a_cancel_that_is_not_done_yet_is_no_end():
    known = Known(
        intent(client_order_id=ClientOrderId(7), instrument=PERP), codec().markets.of(PERP).instrument
    )
    assert codec().cancel(known, 1).read(Answer(202, b"", 0)) == []


def hear(message):
    line = SPEC.line("public")
    return codec().hear(line, msgspec.json.encode(message), 5)


def test_depth_frames_take_numbers_as_text_and_bare():
    data = {"e": "depth", "s": "SOL_USDC_PERP", "a": [["141.1", "0"]], "b": [], "U": "8", "u": 9, "T": 1_000}
    (part,) = hear({"stream": "depth.SOL_USDC_PERP", "data": data})
    assert isinstance(part, BookPart)
    assert (part.first, part.last, part.venue_ns, list(part.asks)) == (8, 9, 1_000_000, [(1411, 0)])


def test_marks_carry_the_funding_of_the_hour():
    data = {
        "e": "markPrice",
        "s": "SOL_USDC_PERP",
        "p": "141.23",
        "f": "0.0000125",
        "i": "141.2",
        "n": 1750795200000,
    }
    mark, funding = hear({"stream": "markPrice.SOL_USDC_PERP", "data": data})
    assert isinstance(mark, MarkPrice)
    assert isinstance(funding, Funding)
    assert funding.interval_ns == 3_600 * 10**9


def test_what_the_venue_traded_for_us_is_asked_about():
    data = {
        "e": "orderFill", "s": "SOL_USDC_PERP", "i": "9", "S": "Ask", "X": "Filled", "O": "LIQUIDATION_AUTOCLOSE",
        "z": "1", "t": 4, "l": "1", "L": "141",
    }  # fmt: skip
    assert hear({"stream": "account.orderUpdate", "data": data}) == [
        Missed("liquidation autoclose on SOL_USDC_PERP")
    ]


def test_an_invalid_stream_is_a_refusal():
    assert hear({"id": None, "error": {"code": 4006, "message": "Invalid stream"}}) == [
        Refused((), "4006", "Invalid stream")
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
STREAMS = ("depth", "trade", "markPrice", "account.orderUpdate", "account.positionUpdate", "bookTicker", "")
FIELDS = st.sampled_from("eEsabUuTpqtmfinSoXclLzNRORQB")


@given(payload=st.binary(max_size=60))
def test_no_bytes_crash_it(payload):
    for each in codec().hear(SPEC.line("public"), payload, 1):
        assert not isinstance(each, BaseException)


@given(
    stream=st.sampled_from(STREAMS),
    data=st.dictionaries(
        FIELDS, st.sampled_from(["SOL_USDC_PERP", "Bid", "orderFill", "1", "Filled"]) | json_values
    ),
)
def test_no_message_crashes_it(stream, data):
    for each in hear({"stream": f"{stream}.SOL_USDC_PERP", "data": {"s": "SOL_USDC_PERP"} | data}):
        assert isinstance(each, Unread) or hasattr(each, "__struct_fields__") or isinstance(each, tuple)


@given(
    status=st.sampled_from([200, 202, 400, 404, 503]),
    body=st.binary(max_size=40) | json_values.map(msgspec.json.encode),
)
def test_no_answer_crashes_a_question(status, body):
    c = codec()
    known = Known(intent(client_order_id=ClientOrderId(7), instrument=PERP), c.markets.of(PERP).instrument)
    asks = [
        c.clock(), *c.listings(), c.book(PERP, 10), c.trades(PERP, 5), c.bars(PERP, 60 * 10**9, 0, 10**12),
        c.mark(PERP), c.funding(PERP), c.funding_history(PERP, 0, 10**18), c.place(known.intent), c.cancel(known, 1),
        *c.order(known),
        *c.open_orders([]), *c.fills(0, []), *c.balances(), *c.positions(), *c.fee_rates([PERP]), *c.cancel_all([PERP]),
        c.place_many([known.intent, known.intent]),
    ]  # fmt: skip
    for ask in asks:
        with suppress(XtradeError):
            ask.read(Answer(status, body, 1))


# -- with the other end -------------------------------------------------------------------------------------------


def desk(**more):
    return a_desk(
        BackpackCodec,
        BackpackServer,
        BackpackKey,
        keys=(SPOT, PERP),
        symbols=("SOL/USDC", "SOL/USDC:USDC"),
        feeds=frozenset({Feed.BOOK, Feed.TRADES, Feed.MARKS, Feed.FUNDING}),
        **more,
    )


def run(test):
    return run_virtual(test, seed=3)


def test_books_trades_marks_and_funding_are_the_exchanges():
    async def main():
        async with desk() as d:
            await asyncio.sleep(30)
            for each in (SPOT, PERP):
                await d.until_the_book_is_theirs(each)
            assert d.gaps == 0
            assert not d.of(Stale)
            told = {each.trade_id for each in d.of(Trade)}
            assert len(told) > 5
            assert told <= {each.trade_id for key in (SPOT, PERP) for each in await d.link.trades(key, 500)}
            assert d.of(MarkPrice)
            assert d.of(Funding)
            assert (await d.link.mark(PERP)).mark > 0
            assert (await d.link.funding(PERP)).interval_ns == 3_600 * 10**9
            await asyncio.sleep(120)
            bars = await d.link.bars(PERP, 60 * 10**9, clock.now_ns() - 600 * 10**9, clock.now_ns())
            assert len(bars) >= 2

    run(main)


def test_orders_fills_positions_and_balances_agree():
    async def main():
        async with desk() as d:
            d.link.place(limit(1, PERP, Side.BUY, d.ticks(PERP, Side.BUY, away=200)))
            await d.until(lambda: d.of(OrderAccepted, 1))
            (report,) = await d.link.open_orders()
            assert (report.client_order_id, report.status) == (1, OrderStatus.OPEN)
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(OrderCanceled, 1))
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED
            d.link.place(market(2, PERP, Side.BUY, lots=500))
            await d.until(lambda: any(each.cumulative_lots == 500 for each in d.of(OrderFilled, 2)))
            await d.until(lambda: d.of(OrderCompleted, 2))
            told = {each.fill.trade_id: each.fill for each in d.of(OrderFilled)}
            asked = {each.fill.trade_id: each.fill for each in await d.link.fills(0)}
            # a history's times have microseconds, and those of the stream as well
            assert {name: (fill.lots, fill.ticks, fill.fee, fill.maker) for name, fill in told.items()} == {
                name: (fill.lots, fill.ticks, fill.fee, fill.maker) for name, fill in asked.items()
            }
            (position,) = await d.link.positions()
            assert position.lots == 500
            assert d.of(PositionReport)[-1].lots == 500
            there = {each.total.currency: each for each in await d.link.balances()}
            assert there["USDC"].total == d.box.floor.exchange.balance("backpack.1", "USDC").total
            assert (await d.link.fee_rates([PERP]))[PERP].taker * 10_000 == 5

    run(main)


def test_several_orders_of_one_moment_go_at_once():
    async def main():
        async with desk() as d:
            for number in range(1, 6):
                d.link.place(limit(number, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=100 + number)))
            await d.until(lambda: len({each.client_order_id for each in d.of(OrderAccepted)}) == 5)
            await d.link.cancel_all()
            await d.until(lambda: len({each.client_order_id for each in d.of(OrderCanceled)}) == 5)
            assert not d.box.floor.open_slips("backpack.1")

    run(main)


def test_refusals_and_ends_have_the_venues_words():
    async def main():
        async with desk() as d:
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.SELL, away=10), post_only=True))
            await d.until(lambda: d.of(OrderRejected, 1))
            assert "Order would immediately match" in d.of(OrderRejected, 1)[0].reason
            d.link.place(
                limit(2, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=500), time_in_force=TimeInForce.IOC)
            )
            await d.until(lambda: d.of(OrderExpired, 2))
            assert d.of(OrderExpired, 2)[0].reason == "ImmediateOrCancel"

    run(main)


def test_a_lost_answer_is_found_again():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(lose_answers=1, on="POST", silent=True))
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=300)))
            await d.until(lambda: d.of(OrderInDoubt, 1))
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.OPEN
            d.box.floor.cancel_all("backpack.1")
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(CancelRejected, 1))

    run(main)


def test_a_gap_and_a_cut_are_mended():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(skip_messages=2))
            await d.until(lambda: d.of(Stale), seconds=60)
            await d.until_the_book_is_theirs(SPOT)
            await d.until_the_book_is_theirs(PERP)
            d.box.set_trouble(Trouble(cut=True))
            before = len(d.of(BookSnapshot))
            await d.until(lambda: len(d.of(BookSnapshot)) >= before + 2, seconds=60)
            await d.until_the_book_is_theirs(SPOT)
            await d.until_the_book_is_theirs(PERP)
            assert d.gaps == 0

    run(main)


def test_a_clock_that_is_off_is_set_by_the_venues():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(clock_ms=90_000))
            assert await d.link.balances()

    run(main)
