"""The link, with Binance in a box at the other end of a network in memory: both halves at once."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from kit.orders import intent
from xtrade.market.live_books import Heard, LiveBooks
from xtrade.model.events import (
    BookDelta,
    BookSnapshot,
    Funding,
    LinkDown,
    LinkUp,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType, Trigger
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.binance.box import usdm
from xtrade.venues.binance.server import BinanceServer
from xtrade.venues.box.serving import Box
from xtrade.venues.box.trouble import Trouble
from xtrade.venues.box.worlds import world_of
from xtrade.venues.registry import link_to

SPOT, PERPETUAL = "binance:BTC/USDT", "binance:BTC/USDT:USDT"
BOTH = (SPOT, PERPETUAL)


class Desk:
    """A link to a box, everything that it told, and books made of that alone."""

    def __init__(self, box, link):
        self.box, self.link = box, link
        self.heard = []
        self.books = LiveBooks(link.instruments)
        self.gaps = 0

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
            if isinstance(each, kind) and (number is None or each.client_order_id == number)
        ]

    async def until(self, condition, seconds=60):
        for _ in range(int(seconds * 20)):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; last heard: {self.heard[-3:]}")

    def order(self, number, key, side=Side.BUY, *, away, lots=None, **more):
        """An order so many ticks off the best of its side."""
        book = self.books.book(key)
        ticks = book.bid_ticks - away if side is Side.BUY else book.ask_ticks + away
        type_ = more.pop("type", OrderType.LIMIT)
        return intent(
            client_order_id=ClientOrderId(number),
            instrument=key,
            instrument_version=1,
            side=side,
            type=type_,
            lots=lots or (1_000 if key == SPOT else 10),
            ticks=ticks if type_.is_limit else None,
            decided_ns=clock.now_ns(),
            **more,
        )

    def agree(self, key):
        """Ours and the floor's book, where nothing is on its way: what is told lags by a tenth of a second."""
        ours = self.books.book(key)
        there = self.box.floor.exchange.book(key)
        return (ours.levels(Side.BUY, 10_000), ours.levels(Side.SELL, 10_000)) == (
            list(there.bids),
            list(there.asks),
        )


@asynccontextmanager
async def desk(*, feeds=frozenset({Feed.BOOK, Feed.TRADES}), keys=BOTH, **facts):
    Network().bring()
    world = world_of({"binance": BinanceServer}, ["BTC/USDT", "BTC/USDT:USDT"])
    async with Box(BinanceServer, world, seed=5) as box:
        fields = {name: Secret(value) for name, value in box.accounts[0].key.items()}
        link = link_to("binance", address=box.address, key=fields)
        link.codec.spec = replace(link.codec.spec, **facts)
        await link.load()
        there = Desk(box, link)
        for each in keys:
            link.subscribe(each, feeds)
        try:
            await link.start(there.hear)
            await there.until(lambda: all(there.books.book(each).is_trusted for each in keys))
            yield there
        finally:
            await link.stop()


def run(main):
    return run_virtual(main, seed=3)


def test_books_of_both_rules_are_the_floors():
    async def main():
        async with desk(feeds=frozenset(Feed) - {Feed.BARS}) as d:
            await asyncio.sleep(30)
            await d.until(lambda: d.agree(SPOT), 20)
            await d.until(lambda: d.agree(PERPETUAL), 20)
            assert d.gaps == 0
            assert {each.instrument for each in d.of(Trade)} == set(BOTH)
            assert {each.instrument for each in d.of(MarkPrice)} == {PERPETUAL}
            assert d.of(Funding)
            assert {each.channel for each in d.of(LinkUp)} == {line.name for line in d.link.codec.spec.lines}
            assert sum(connection.unread for connection in d.link.lines.connections) == 0

    run(main)


@pytest.mark.parametrize("key", BOTH)
def test_an_order_rests_is_changed_and_canceled_through_the_socket(key):
    async def main():
        async with desk() as d:
            order = d.order(1, key, away=5_000)
            d.link.place(order)
            await d.until(lambda: d.of(OrderAccepted, 1))
            assert d.link.amend(ClientOrderId(1), lots=order.lots // 2, ticks=order.ticks)
            await d.until(lambda: d.of(OrderAmended, 1))
            (report,) = await d.link.open_orders()
            assert (report.client_order_id, report.lots) == (1, order.lots // 2)
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(OrderCanceled, 1))
            assert await d.link.open_orders() == []
            assert (await d.link.order(ClientOrderId(1))).status is OrderStatus.CANCELED

    run(main)


@pytest.mark.parametrize("key", BOTH)
def test_fills_are_told_and_asked_alike_and_the_wallet_agrees(key):
    async def main():
        async with desk() as d:
            d.link.place(d.order(1, key, away=-500, lots=2_000 if key == SPOT else 20))
            await d.until(lambda: any(each.fill.fee for each in d.of(OrderFilled, 1)))
            await asyncio.sleep(1)
            asked = {each.fill.trade_id: each.fill for each in await d.link.fills(0)}
            told = {each.fill.trade_id: each.fill for each in d.of(OrderFilled, 1) if each.fill.fee}
            assert told == asked
            there = {(each.account, each.total.currency): each.total for each in await d.link.balances()}
            floor = d.box.floor.exchange
            assert there["binance", "USDT"] == floor.balance("binance.1", "USDT").total
            assert there["binance.usdm", "USDT"] == floor.balance("binance.1", "USDT").total
            assert there["binance", "BTC"] == floor.balance("binance.1", "BTC").total
            [account] = d.box.state()["accounts"]
            assert account["positions"] == ({"binance:BTC/USDT:USDT": "0.02"} if key == PERPETUAL else {})
            if key == PERPETUAL:
                (position,) = await d.link.positions()
                assert position.lots == floor.position("binance.1", key).lots == 20

    run(main)


def test_a_conditional_order_lives_through_its_trigger():
    async def main():
        async with desk() as d:
            last = d.box.floor.chronicle.last_trade(PERPETUAL)
            await d.until(lambda: d.box.floor.chronicle.last_trade(PERPETUAL) is not last)
            best = max(d.books.book(PERPETUAL).ask_ticks, d.box.floor.chronicle.last_trade(PERPETUAL).ticks)
            order = d.order(1, PERPETUAL, away=0, type=OrderType.STOP_MARKET, trigger=Trigger(ticks=best + 2))
            d.link.place(order)
            await d.until(lambda: d.of(OrderAccepted, 1))
            await d.until(lambda: d.of(OrderFilled, 1), 1_200)
            found = await d.link.order(ClientOrderId(1))
            assert (found.status, found.filled_lots) == (OrderStatus.FILLED, 10)
            assert not found.venue_order_id.startswith("algo:")

    run(main)


@pytest.mark.parametrize(
    ("key", "lines", "accounts"),
    [
        (SPOT, {"spot market", "spot private"}, {"binance"}),
        (PERPETUAL, {"usdm book", "usdm market", "usdm private", "usdm orders"}, {"binance.usdm"}),
    ],
)
def test_a_run_about_one_half_leaves_the_other_alone(key, lines, accounts):
    async def main():
        async with desk(keys=(key,)) as d:
            await d.until(lambda: {each.channel for each in d.of(LinkUp)} == lines)
            assert {each.account for each in await d.link.balances()} == accounts
            assert await d.link.open_orders() == []
            other = SPOT if key == PERPETUAL else PERPETUAL
            d.link.subscribe(other, frozenset({Feed.BOOK}))
            await d.until(lambda: lines < {each.channel for each in d.of(LinkUp)})
            await d.until(lambda: d.books.book(other).is_trusted)
            assert {each.account for each in await d.link.balances()} == {"binance", "binance.usdm"}

    run(main)


def test_what_the_venue_refuses_is_rejected_in_its_words():
    async def main():
        async with desk() as d:
            d.link.place(d.order(1, SPOT, away=-500, post_only=True))
            d.link.place(d.order(2, PERPETUAL, away=-500, post_only=True))
            await d.until(lambda: len(d.of(OrderRejected)) == 2)
            assert {each.client_order_id: each.code for each in d.of(OrderRejected)} == {
                1: "-2010",
                2: "-5022",
            }

    run(main)


def test_a_silent_venue_leaves_a_doubt_and_the_order_is_found_by_our_name():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(silent=True))
            d.link.place(d.order(1, SPOT, away=5_000))
            await d.until(lambda: d.of(OrderInDoubt, 1))
            d.box.set_trouble(Trouble())
            found = await d.link.order(ClientOrderId(1))
            assert found.status is OrderStatus.OPEN

    run(main)


def test_every_connection_is_cut_and_all_is_right_again():
    async def main():
        async with desk() as d:
            d.link.place(d.order(1, PERPETUAL, away=5_000))
            await d.until(lambda: d.of(OrderAccepted, 1))
            d.heard.clear()
            d.box.set_trouble(Trouble(cut=True))
            await d.until(lambda: d.of(LinkDown))
            lines = {line.name for line in d.link.codec.spec.lines}
            await d.until(lambda: {each.channel for each in d.of(LinkUp)} == lines)
            await d.until(lambda: d.agree(SPOT), 30)
            await d.until(lambda: d.agree(PERPETUAL), 30)
            assert d.link.cancel(ClientOrderId(1))
            await d.until(lambda: d.of(OrderCanceled, 1))

    run(main)


def test_orders_go_over_http_while_the_socket_is_down():
    async def main():
        async with desk() as d:
            d.box.set_trouble(Trouble(cut=True, no_sockets=True))
            await d.until(lambda: len({each.channel for each in d.of(LinkDown)}) == 6)
            d.link.place(d.order(1, SPOT, away=5_000))
            d.link.place(d.order(2, PERPETUAL, away=5_000))
            await d.until(lambda: {each.client_order_id for each in d.of(OrderAccepted)} == {1, 2})

    run(main)


def test_a_listen_key_is_kept_alive(monkeypatch):
    monkeypatch.setattr(usdm, "LISTEN_MS", 6_000)

    async def main():
        async with desk(keys=(PERPETUAL,), feeds=frozenset({Feed.BOOK}), keeps_alive_ms=2_000) as d:
            d.heard.clear()
            await asyncio.sleep(20)
            assert not d.of(LinkDown)
            d.link.place(d.order(1, PERPETUAL, away=5_000))
            await d.until(lambda: d.of(OrderAccepted, 1))

    run(main)


def test_everything_is_canceled():
    async def main():
        async with desk() as d:
            for number, key in enumerate(BOTH, start=1):
                d.link.place(d.order(number, key, away=5_000))
            far = Trigger(ticks=d.books.book(PERPETUAL).ask_ticks * 2)
            d.link.place(d.order(3, PERPETUAL, away=0, type=OrderType.STOP_MARKET, trigger=far))
            await d.until(lambda: {each.client_order_id for each in d.of(OrderAccepted)} == {1, 2, 3})
            await d.link.cancel_all()
            assert not d.box.floor.open_slips("binance.1")
            await d.until(lambda: {each.client_order_id for each in d.of(OrderCanceled)} == {1, 2, 3})

    run(main)
