"""Our own codec and Lighter's other end, with the link between them and a network in memory: both see the same."""

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from msgspec.structs import replace

from kit.orders import intent
from xtrade.market.live_books import Heard, LiveBooks
from xtrade.model.errors import Rejected, Unavailable, UsageError
from xtrade.model.events import (
    BalanceReport,
    BookDelta,
    BookSnapshot,
    CancelRejected,
    Funding,
    LinkUp,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionReport,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, TimeInForce, Trigger, TriggerPrice
from xtrade.model.sides import Side
from xtrade.net.limits import Priority
from xtrade.net.memory.network import Network
from xtrade.runtime import clock
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.box.serving import Box
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.box.worlds import world_of
from xtrade.venues.lighter.auth import LighterKey
from xtrade.venues.lighter.codec import LighterCodec
from xtrade.venues.lighter.server import LighterServer
from xtrade.venues.lighter.spec import SPEC
from xtrade.venues.link import Link, LinkOptions
from xtrade.venues.markets import Markets

PERP, SPOT = "lighter:ETH/USDC:USDC", "lighter:ETH/USDC"
SYMBOLS = ("ETH/USDC:USDC", "ETH/USDC")


class Quiet(LighterServer):
    """The same room with fewer traders, who keep a test waiting for less."""

    listings: ClassVar = {
        symbol: replace(listing, orders_rate=4, trades_rate=0.5)
        for symbol, listing in LighterServer.listings.items()
    }


class Desk:
    """A link to a box, and what it told."""

    def __init__(self, box, link):
        self.box, self.link = box, link
        self.heard = []
        self.books = LiveBooks(link.instruments)
        self.gaps = 0
        self.name = box.accounts[0].name

    def hear(self, events):
        for event in events:
            self.heard.append(event)
            if isinstance(event, BookSnapshot | BookDelta):
                self.gaps += self.books.apply(event) is Heard.GAP
            elif isinstance(event, Stale):
                self.books.live(event.instrument).distrust()

    def of(self, kind, number=None):
        return [
            each
            for each in self.heard
            if isinstance(each, kind) and (number is None or getattr(each, "client_order_id", None) == number)
        ]

    async def until(self, condition, seconds=30):
        for _ in range(int(seconds * 20)):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; last heard: {self.heard[-4:]}")

    async def told(self, kind, number):
        await self.until(lambda: self.of(kind, number))
        return self.of(kind, number)[-1]

    def far(self, key, side):
        """A price that rests, within what the venue takes."""
        book = self.books.book(key)
        return book.bid_ticks * 97 // 100 if side is Side.BUY else book.ask_ticks * 103 // 100

    def place(self, number, key=PERP, side=Side.BUY, **more):
        fields = {"type": OrderType.LIMIT, "lots": 100, "decided_ns": clock.now_ns()} | more
        if "ticks" not in fields:
            fields["ticks"] = self.far(key, side) if fields["type"].is_limit else None
        self.link.place(intent(client_order_id=ClientOrderId(number), instrument=key, side=side, **fields))


@asynccontextmanager
async def desk(*, key=None, feeds=frozenset({Feed.BOOK, Feed.TRADES}), options=None):
    Network().bring()
    async with Box(Quiet, world_of({"lighter": Quiet}, SYMBOLS), seed=5, accounts=2) as box:
        made = LighterKey.from_key(key or box.accounts[0].key)
        codec = LighterCodec(SPEC.at("live", box.address), Markets(), made, box.accounts[0].name)
        link = Link(codec, options)
        await link.load()
        there = Desk(box, link)
        for each in (PERP, SPOT):
            link.subscribe(each, feeds)
        try:
            await link.start(there.hear)
            await there.until(lambda: all(there.books.book(each).is_trusted for each in (PERP, SPOT)))
            yield there
        finally:
            await link.stop()


def run(main):
    return run_virtual(main, seed=3)


def test_books_trades_marks_and_funding_are_the_exchanges():
    async def main():
        feeds = frozenset({Feed.BOOK, Feed.TRADES, Feed.MARKS, Feed.FUNDING})
        async with desk(feeds=feeds) as d:
            await asyncio.sleep(60)
            for key in (PERP, SPOT):
                there, here = d.box.floor.exchange.book(key), d.books.book(key)
                assert here.levels(Side.BUY, 10_000) == list(there.bids)
                assert here.levels(Side.SELL, 10_000) == list(there.asks)
                here, there = await d.link.book(key, 10), d.box.floor.exchange.book(key)
                assert list(there.bids)[: len(here.bids)] == list(here.bids)
            assert d.gaps == 0
            assert len(d.of(Trade)) > 10
            told = {each.trade_id: each.ticks for each in await d.link.trades(PERP, 50)}
            assert all(told[each.trade_id] == each.ticks for each in d.of(Trade) if each.trade_id in told)
            assert d.of(MarkPrice)[-1].mark == d.box.floor.chronicle.marks[PERP].mark
            assert d.of(Funding)[-1].rate == d.box.floor.chronicle.fundings[PERP].rate
            assert d.of(Funding)[-1].next_ns % (3600 * 10**9) == 0
            assert (await d.link.mark(PERP)).mark == d.box.floor.chronicle.marks[PERP].mark
            assert abs((await d.link.funding(PERP)).rate - d.of(Funding)[-1].rate) < 10**-9
            assert {each.channel for each in d.of(LinkUp)} == {"public", "private"}
            minute = 60 * 10**9
            bars = await d.link.bars(PERP, minute, clock.now_ns() - 5 * minute, clock.now_ns())
            assert bars
            assert bars[-1].volume_lots > 0

    run(main)


@pytest.mark.parametrize("trouble", [{"skip_messages": 3}, {"swap_messages": 2}, {"double_messages": 5}])
def test_a_book_that_lost_its_step_begins_anew(trouble):
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(**trouble))
            await asyncio.sleep(10)
            for key in (PERP, SPOT):
                await d.until(lambda key=key: d.books.book(key).is_trusted)
                there = d.box.floor.exchange.book(key)
                assert d.books.book(key).levels(Side.BUY, 10_000) == list(there.bids)
            assert d.gaps == 0
            assert bool(d.of(Stale)) == ("double_messages" not in trouble)

    run(main)


def test_an_orders_life():
    async def main():
        async with desk() as d:
            d.place(1)
            accepted = await d.told(OrderAccepted, 1)
            slip = d.box.floor.find(d.name, text="1")
            assert slip.is_open
            assert int(accepted.venue_order_id) >= 2**48
            (report,) = await d.link.open_orders()
            assert (report.client_order_id, report.lots, report.ticks) == (1, 100, slip.ticks)
            assert (report.status, report.venue_order_id) == (OrderStatus.OPEN, accepted.venue_order_id)

            assert d.link.amend(ClientOrderId(1), lots=150, ticks=slip.ticks - 10)
            amended = await d.told(OrderAmended, 1)
            assert (amended.lots, amended.ticks, amended.request) == (150, slip.ticks, 1)

            assert d.link.cancel(ClientOrderId(1))
            await d.told(OrderCanceled, 1)
            assert not slip.is_open
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED
            assert await d.link.open_orders() == []
            assert not d.link.cancel(ClientOrderId(1))

    run(main)


def test_what_trades_is_told_to_the_last_atom():
    async def main():
        async with desk() as d:
            since_ns = clock.now_ns()
            d.place(1, type=OrderType.MARKET, lots=2000)
            d.place(2, SPOT, Side.SELL, type=OrderType.MARKET, lots=1000)
            d.place(3, lots=500, ticks=d.books.book(PERP).ask_ticks, time_in_force=TimeInForce.IOC)
            for number in (1, 2):
                await d.told(OrderCompleted, number)
            await d.until(lambda: d.of(OrderCompleted, 3) or d.of(OrderCanceled, 3))
            here = [(each.client_order_id, each.fill) for each in d.of(OrderFilled)]
            there = [(int(each.slip.text), each.fill) for each in d.box.floor.executed(d.name)]
            assert [
                (number, fill.side, fill.ticks, fill.lots, fill.fee, fill.maker) for number, fill in here
            ] == [(number, fill.side, fill.ticks, fill.lots, fill.fee, fill.maker) for number, fill in there]
            assert {number for number, _ in here} >= {1, 2}

            asked = await d.link.fills(since_ns)
            assert sorted(each.fill.trade_id for each in asked) == sorted(fill.trade_id for _, fill in here)
            assert {each.fill.trade_id: each.fill for each in asked} == {
                fill.trade_id: fill for _, fill in here
            }
            assert await d.link.fills(clock.now_ns() + 10**9) == []

            lots = d.box.floor.exchange.position(d.name, PERP).lots
            assert lots >= 2000
            (position,) = await d.link.positions()
            assert (position.instrument, position.lots) == (PERP, lots)
            await d.until(lambda: d.of(PositionReport)[-1].lots == lots)
            d.place(4, side=Side.SELL, lots=lots, type=OrderType.MARKET, reduce_only=True)
            await d.told(OrderCompleted, 4)
            await d.until(lambda: d.of(PositionReport)[-1].lots == 0)
            for balance in await d.link.balances():
                currency = balance.total.currency
                true = d.box.floor.exchange.balance(d.name, currency)
                assert (balance.total, balance.held) == (true.total, true.held)
                told = [each for each in d.of(BalanceReport) if each.total.currency == currency]
                assert told[-1].total == true.total

    run(main)


def test_what_the_venue_takes_and_ends_is_no_error_and_what_it_refuses_is():
    async def main():
        async with desk() as d:
            book = d.books.book(PERP)
            d.place(1, post_only=True, ticks=book.ask_ticks + 100)
            assert (await d.told(OrderRejected, 1)).code == "canceled-post-only"
            d.place(2, reduce_only=True, ticks=book.ask_ticks, time_in_force=TimeInForce.IOC)
            assert (await d.told(OrderRejected, 2)).code == "canceled-reduce-only"
            d.place(3, lots=49)
            assert (await d.told(OrderRejected, 3)).code == "21706"
            d.place(4, ticks=book.ask_ticks * 2)
            assert (await d.told(OrderRejected, 4)).code == "21733"
            d.place(5, lots=10**9)
            assert (await d.told(OrderRejected, 5)).code == "21739"
            d.place(6, SPOT, Side.SELL, lots=10**9, type=OrderType.MARKET)
            assert (await d.told(OrderRejected, 6)).code == "canceled-invalid-balance"
            d.place(7)
            await d.told(OrderAccepted, 7)
            d.place(7)
            assert (await d.told(OrderRejected, 7)).code == "21728"
            d.place(8, lots=100, ticks=d.far(PERP, Side.BUY), time_in_force=TimeInForce.IOC)
            assert (await d.told(OrderCanceled, 8)).cumulative_lots == 0
            with pytest.raises(Rejected, match="stop market"):
                d.place(9, SPOT, type=OrderType.STOP_MARKET, trigger=Trigger(ticks=1, by=TriggerPrice.MARK))

    run(main)


def test_a_cancel_of_what_has_ended_is_a_question():
    async def main():
        async with desk() as d:
            d.place(1)
            await d.told(OrderAccepted, 1)
            d.box.floor.cancel(d.box.floor.find(d.name, text="1"))
            assert d.link.cancel(ClientOrderId(1))  # the news of its end are on their way
            assert "21600" in (await d.told(CancelRejected, 1)).reason
            await d.told(OrderCanceled, 1)

    run(main)


def test_stops_sleep_until_the_mark_is_there():
    async def main():
        async with desk() as d:
            mark = d.box.floor.chronicle.marks[PERP].mark
            at = d.link.instruments[PERP].ticks(mark, toward="nearest")
            trigger = Trigger(ticks=at + 20, by=TriggerPrice.MARK)
            d.place(1, type=OrderType.STOP_MARKET, trigger=trigger)
            await d.told(OrderAccepted, 1)
            slip = d.box.floor.find(d.name, text="1")
            assert slip.extra["sleeps"]
            await d.until(lambda: not slip.is_open, seconds=3_600)
            await d.until(lambda: d.of(OrderCompleted, 1) or d.of(OrderExpired, 1))
            assert d.of(OrderFilled, 1)

    run(main)


def test_everything_is_canceled_at_once_or_when_we_fall_silent():
    async def main():
        async with desk() as d:
            for number in (1, 2):
                d.place(number, (PERP, SPOT)[number - 1])
                await d.told(OrderAccepted, number)
            await d.link.cancel_all()
            for number in (1, 2):
                await d.told(OrderCanceled, number)

            d.place(3)
            await d.told(OrderAccepted, 3)
            (ask,) = d.link.codec.countdown(300, [])
            assert ask.priority is Priority.CANCEL
            await d.link.asker.ask(ask)
            await asyncio.sleep(290)
            assert not d.of(OrderCanceled, 3)
            await asyncio.sleep(20)
            assert d.of(OrderCanceled, 3)
            (ask,) = d.link.codec.countdown(60, [])
            with pytest.raises(Rejected, match="21714"):
                await d.link.asker.ask(ask)

    run(main)


def test_orders_go_by_http_while_the_socket_is_away():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(no_sockets=True, cut=True))
            await asyncio.sleep(1)
            assert not d.link.asker.open
            d.place(1)
            await d.until(lambda: d.box.floor.find(d.name, text="1") is not None)
            (report,) = await d.link.open_orders()
            assert report.client_order_id == 1
            d.box.set_trouble(Trouble())
            await d.told(OrderAccepted, 1)  # the first message of the new line tells what is open

    run(main)


def test_leverage_and_margin_are_set_where_the_exchange_keeps_them():
    async def main():
        async with desk() as d:
            await d.link.asker.ask(d.link.codec.leverage(PERP, 10))
            await d.link.asker.ask(d.link.codec.margin_mode(PERP, isolated=True))
            member = d.box.server.room.members[d.name]
            assert member.terms == {PERP: (1000, True)}
            d.place(1, type=OrderType.MARKET, lots=2000)
            await d.told(OrderCompleted, 1)
            await d.until(lambda: d.link.codec.memory.terms[PERP] == (1000, True))
            with pytest.raises(Rejected, match="21132"):
                await d.link.asker.ask(d.link.codec.margin_mode(PERP, isolated=False))
            with pytest.raises(Rejected, match="21113"):
                await d.link.asker.ask(d.link.codec.leverage(PERP, 1000))
            with pytest.raises(UsageError):
                d.link.codec.leverage(PERP, 0)

    run(main)


def test_fees_are_the_accounts():
    async def main():
        async with desk() as d:
            rates = await d.link.fee_rates([PERP])
            market = d.link.instruments[PERP]
            assert (rates[PERP].maker, rates[PERP].taker) == (market.maker_fee, market.taker_fee)

    run(main)


@pytest.mark.parametrize(
    "other", [{"private_key": "0x" + "02" * 40}, {"api_key_index": "5"}, {"account_index": "77"}]
)
def test_a_wrong_key_is_said_to_be_one(other):
    async def main():
        Network().bring()
        async with Box(Quiet, world_of({"lighter": Quiet}, SYMBOLS), seed=5) as box:
            key = LighterKey.from_key({**box.accounts[0].key, **other})
            link = Link(LighterCodec(SPEC.at("live", box.address), Markets(), key))
            await link.load()
            with pytest.raises(Unavailable, match="not ready to trade"):
                await link.start(lambda events: None)
            await link.stop()

    run(main)


def test_the_dead_mans_switch_of_the_link():
    async def main():
        async with desk(options=LinkOptions(dead_man_s=300)) as d:
            await d.until(lambda: d.box.server.room.members[d.name].cancels_at_ms)
            first = d.box.server.room.members[d.name].cancels_at_ms
            await asyncio.sleep(301)
            assert d.box.server.room.members[d.name].cancels_at_ms > first

    run(main)
