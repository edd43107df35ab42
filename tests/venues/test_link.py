"""The link, with a toy venue in a box at the other end of a network in memory: what is heard is true."""

import asyncio
from contextlib import suppress

import pytest

from kit.toy.auth import Key
from kit.toy.codec import ToyCodec
from kit.toy.server import ToyServer
from kit.toy.spec import SPEC
from kit.venue_desks import FEEDS, desk as a_desk, limit
from xtrade.model.errors import AuthFailed, Rejected, Unavailable
from xtrade.model.events import (
    BookSnapshot,
    CancelRejected,
    LinkDown,
    LinkUp,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderStatus
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.box.serving import Box
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.box.worlds import world_of
from xtrade.venues.link import Link, LinkOptions
from xtrade.venues.markets import Markets

SPOT, PERP = "toy:BTC/USDT", "toy:ETH/USDT:USDT"


def desk(*, feeds=FEEDS, keys=(SPOT, PERP), key=None, options=None):
    return a_desk(ToyCodec, ToyServer, Key, keys=keys, feeds=feeds, key=key, options=options)


def run(test, seed=3):
    return run_virtual(test, seed=seed)


def test_books_are_the_exchanges_to_the_last_lot():
    async def main():
        async with desk() as d:
            await asyncio.sleep(60)
            for key in (SPOT, PERP):
                assert d.book(key) == d.there(key)
            assert d.gaps == 0
            assert len(d.of(Trade)) > 10
            assert {each.channel for each in d.of(LinkUp)} == {"public", "private"}

    run(main)


def test_an_order_rests_is_changed_and_canceled():
    async def main():
        async with desk() as d:
            ticks = d.ticks(SPOT, Side.BUY, away=2_000)
            d.link.place(limit(1, SPOT, Side.BUY, ticks))
            await d.until(lambda: d.of(OrderAccepted, 1))
            (report,) = await d.link.open_orders()
            assert (report.client_order_id, report.ticks, report.lots) == (1, ticks, 100)
            assert d.link.amend(ClientOrderId(1), lots=150, ticks=ticks - 1)
            await d.until(lambda: d.of(OrderAmended, 1))
            (report,) = await d.link.open_orders()
            assert (report.ticks, report.lots) == (ticks - 1, 150)
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(OrderCanceled, 1))
            assert await d.link.open_orders() == []
            ended = await d.link.order(ClientOrderId(1))
            assert ended.status is OrderStatus.CANCELED
            assert not d.link.cancel(ClientOrderId(1))

    run(main)


def test_trades_are_told_once_and_balances_agree():
    async def main():
        async with desk() as d:
            d.link.place(limit(1, PERP, Side.BUY, d.ticks(PERP, Side.SELL, away=50), lots=70))
            await d.until(lambda: any(e.cumulative_lots == 70 for e in d.of(OrderFilled, 1)))
            told = {each.fill.trade_id: each.fill for each in d.of(OrderFilled)}
            asked = {each.fill.trade_id: each.fill for each in await d.link.fills(0)}
            assert told == asked
            assert sum(fill.lots for fill in told.values()) == 70
            (position,) = await d.link.positions()
            assert position.lots == 70
            there = {b.total.currency: b for b in await d.link.balances()}
            assert there["USDT"].total == d.box.floor.exchange.balance("toy.1", "USDT").total

    run(main)


def test_what_the_venue_refuses_is_rejected_in_its_words():
    async def main():
        async with desk() as d:
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.SELL, away=10), post_only=True))
            await d.until(lambda: d.of(OrderRejected, 1))
            (event,) = d.of(OrderRejected, 1)
            assert event.code == "refused"
            assert "toy: place order" in event.reason

    run(main)


def test_a_lost_answer_is_a_doubt_and_the_order_is_found_by_our_id():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(lose_answers=1, on="POST /orders", silent=True))
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=1_000)))
            await d.until(lambda: d.of(OrderInDoubt, 1))
            assert not d.of(OrderAccepted, 1)
            found = await d.link.order(ClientOrderId(1))
            assert found.status is OrderStatus.OPEN
            assert len(d.box.floor.open_slips("toy.1")) == 1  # and it was not sent again

    run(main)


def test_a_refusal_before_anything_happened_is_no_doubt():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(refuse=1, refuse_status=429, retry_after_s=2, on="POST /orders"))
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=1_000)))
            await d.until(lambda: d.of(OrderRejected, 1))
            assert "wait 2000 ms" in d.of(OrderRejected, 1)[0].reason
            assert not d.box.floor.open_slips("toy.1")

    run(main)


def test_a_cancel_of_what_is_gone_is_told_as_such():
    async def main():
        async with desk() as d:
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=1_000)))
            await d.until(lambda: d.of(OrderAccepted, 1))
            d.box.set_trouble(Trouble(silent=True))
            d.box.floor.cancel_all("toy.1")
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(CancelRejected, 1))
            assert "gone" in d.of(CancelRejected, 1)[0].reason

    run(main)


def test_everything_is_canceled_at_one_word():
    async def main():
        async with desk() as d:
            for number in range(1, 6):
                d.link.place(limit(number, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=1_000 + number)))
            await d.until(lambda: len(d.of(OrderAccepted)) >= 5)
            await d.link.cancel_all()
            await d.until(lambda: len(d.of(OrderCanceled)) == 5)
            assert not d.box.floor.open_slips("toy.1")

    run(main)


def test_a_missing_message_spoils_its_own_book_alone():
    async def main():
        async with desk() as d:
            snapshots = d.of(BookSnapshot)
            d.box.set_trouble(Trouble(skip_messages=1))
            await d.until(lambda: d.of(Stale))
            (stale,) = d.of(Stale)
            await d.until(lambda: d.books.book(stale.instrument).is_trusted)
            again = d.of(BookSnapshot)[len(snapshots) :]
            assert [each.instrument for each in again] == [stale.instrument]
            await asyncio.sleep(5)
            assert d.book(stale.instrument) == d.there(stale.instrument)
            assert not d.of(LinkDown)

    run(main)


def test_lines_come_back_and_so_do_the_books():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(cut=True))
            await d.until(lambda: len(d.of(LinkDown)) == 2)
            assert {each.instrument for each in d.of(Stale)} == {SPOT, PERP}
            assert not d.books.book(SPOT).is_trusted
            await d.until(lambda: len(d.of(LinkUp)) == 4)
            await d.until(lambda: d.books.book(SPOT).is_trusted and d.books.book(PERP).is_trusted)
            await asyncio.sleep(5)
            assert d.book(SPOT) == d.there(SPOT)
            # and the account is heard of again
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=1_000)))
            await d.until(lambda: len(d.of(OrderAccepted, 1)) == 2)

    run(main)


def test_a_venue_that_falls_silent_is_noticed():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(silent=True))
            await d.until(lambda: any(each.channel == "public" for each in d.of(LinkDown)), seconds=60)
            d.box.set_trouble(Trouble())
            await d.until(lambda: d.books.book(SPOT).is_trusted, seconds=60)

    run(main)


def test_connections_are_replaced_before_their_life_is_over_and_no_book_is_lost():
    async def main():
        async with desk() as d:
            first = {each.keeper.line.name: each.number for each in d.link.lines.connections}
            await asyncio.sleep(620)
            second = {each.keeper.line.name: each.number for each in d.link.lines.connections}
            assert all(second[name] > first[name] for name in first)
            assert not d.of(LinkDown)
            assert not d.of(Stale)
            assert d.gaps == 0
            assert d.book(SPOT) == d.there(SPOT)

    run(main)


def test_a_clock_that_is_wrong_is_put_right_by_the_venues():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(clock_ms=60_000))
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=1_000)))
            await d.until(lambda: d.of(OrderAccepted, 1))
            assert not d.of(OrderRejected)

    run(main)


def test_a_wrong_key_is_said_before_any_order():
    async def main():
        with pytest.raises(Unavailable, match="toy: not ready to trade .*private.*signature is wrong"):
            async with desk(key={"api_key": "toy-key-1", "api_secret": "0" * 64}):
                pass

    run(main)


def test_questions_with_a_wrong_key_are_refused():
    async def main():
        Network().bring()
        async with Box(ToyServer, world_of({"toy": ToyServer}), seed=5) as box:
            key = Key("toy-key-1", Secret("0" * 64))
            link = Link(ToyCodec(SPEC.at("live", box.address), Markets(), key))
            await link.load()
            try:
                with pytest.raises(AuthFailed, match="toy: balances: the key or its signature is wrong"):
                    await link.balances()
            finally:
                await link.stop()

    run(main)


def test_a_venue_that_is_not_there_is_said_in_one_line():
    async def main():
        Network().bring()
        link = Link(ToyCodec(SPEC.at("live", "http://127.0.0.1:9"), Markets()))
        with pytest.raises(Unavailable, match="toy: time"):
            await link.load()

    run(main)


def test_markets_can_be_asked_of_without_a_key():
    async def main():
        Network().bring()
        async with Box(ToyServer, world_of({"toy": ToyServer}), seed=5) as box:
            link = Link(ToyCodec(SPEC.at("live", box.address), Markets()))
            await link.load()
            try:
                await asyncio.sleep(180)
                book = await link.book(SPOT, 5)
                assert book.bids.flat[0] < book.asks.flat[0]
                trades = await link.trades(SPOT, 10)
                assert len(trades) == 10
                bars = await link.bars(SPOT, 60 * 10**9, 0, clock.now_ns())
                assert len(bars) >= 3
                assert link.trading is None
                assert link.account is None
            finally:
                await link.stop()

    run(main)


def test_an_order_of_a_form_that_the_venue_has_not_is_not_sent():
    async def main():
        async with desk() as d:
            stop = limit(1, SPOT, Side.BUY, 1_000, reduce_only=True)
            with pytest.raises(Rejected, match="not sent: it has no reduce-only orders"):
                d.link.place(stop)

    run(main)


def test_the_venue_cancels_when_it_does_not_hear_of_us():
    async def main():
        async with desk(options=LinkOptions(dead_man_s=30)) as d:
            d.link.place(limit(1, SPOT, Side.BUY, d.ticks(SPOT, Side.BUY, away=3_000)))
            await asyncio.sleep(120)
            assert len(d.box.floor.open_slips("toy.1")) == 1  # we are there
            await d.link.stop()
            await asyncio.sleep(40)
            assert not d.box.floor.open_slips("toy.1")

    run(main)


def test_an_hour_with_faults_leaves_nothing_wrong():
    """Cuts, gaps, doubles and swaps every few seconds: a book is the exchange's, or it is not trusted."""

    async def main():
        from xtrade.runtime import chance

        async with desk() as d:
            draw = chance.stream("test/soak")
            wrong = 0
            for number in range(1, 200):
                d.box.set_trouble(
                    Trouble(
                        cut=draw.random() < 0.1,
                        skip_messages=draw.randrange(3),
                        double_messages=draw.randrange(3),
                        swap_messages=draw.randrange(2),
                        lose_answers=draw.randrange(2),
                        on=draw.choice(("POST", "DELETE", "GET")),
                    )
                )
                if d.books.book(SPOT).is_trusted and d.books.book(SPOT).bid_ticks:
                    ticks = d.ticks(SPOT, Side.BUY, away=draw.randrange(-3, 50))
                    with suppress(Unavailable):
                        d.link.place(limit(number, SPOT, Side.BUY, ticks, lots=draw.randrange(20, 200)))
                await asyncio.sleep(draw.uniform(1, 30))
                d.box.set_trouble(Trouble())
                if draw.random() < 0.5:
                    d.link.cancel(ClientOrderId(number))
                await asyncio.sleep(3)
                d.box.catch_up()
                for key in (SPOT, PERP):
                    await asyncio.sleep(0.02)
                    wrong += (
                        d.books.book(key).is_trusted
                        and d.books.book(key).sequence == (d.box.floor.exchange.book(key).sequence)
                        and d.book(key) != d.there(key)
                    )
            assert wrong == 0
            assert d.gaps == 0  # what was told always followed
            told = {each.fill.trade_id for each in d.of(OrderFilled)}
            asked = {each.fill.trade_id for each in await d.link.fills(0)}
            assert told <= asked == {each.fill.trade_id for each in d.box.floor.executed("toy.1")}
            await d.until(lambda: d.books.book(SPOT).is_trusted and d.books.book(PERP).is_trusted)
            await asyncio.sleep(2)
            assert {each.client_order_id for each in await d.link.open_orders()} == {
                int(slip.text) for slip in d.box.floor.open_slips("toy.1")
            }
            assert {each.client_order_id for each in d.of(OrderEvent)} <= set(range(1, 200))

    run(main)
