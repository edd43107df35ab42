"""A venue in a box, a link to it, and everything that it told: for the tests of every venue, in virtual time."""

import asyncio
from contextlib import asynccontextmanager

from kit.orders import intent
from xtrade.market.live_books import Heard, LiveBooks
from xtrade.model.events import BookDelta, BookSnapshot, Stale
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.venues.abilities import Feed
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.link import Link
from xtrade.venues.markets import Markets

FEEDS = frozenset({Feed.BOOK, Feed.TRADES})


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
            if isinstance(each, kind) and (number is None or getattr(each, "client_order_id", None) == number)
        ]

    def book(self, key):
        book = self.books.book(key)
        return book.levels(Side.BUY, 10_000), book.levels(Side.SELL, 10_000)

    def there(self, key):
        book = self.box.floor.exchange.book(key)
        return list(book.bids), list(book.asks)

    async def until(self, condition, seconds=30):
        for _ in range(int(seconds * 20)):
            if condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; last heard: {self.heard[-3:]}")

    async def until_the_book_is_theirs(self, key, seconds=20):
        """Wait for a moment at which nothing is on its way: then both are the same, or never."""
        for _ in range(int(seconds * 50)):
            if self.books.book(key).is_trusted and self.book(key) == self.there(key):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"the book of {key} is not the exchange's within {seconds} s")

    def ticks(self, key, side, away=0):
        book = self.books.book(key)
        return book.bid_ticks - away if side is Side.BUY else book.ask_ticks + away


@asynccontextmanager
async def desk(
    codec, server, key_type, *, keys, feeds=FEEDS, key=None, options=None, symbols=(), private=True
):
    """Open a box and a link to it, and wait until the books are there. Run it in virtual time."""
    Network().bring()
    name = codec.spec.name
    async with Box(server, world_of({name: server}, symbols), seed=5) as box:
        fields = {each: Secret(value) for each, value in (key or box.accounts[0].key).items()}
        auth = key_type.from_key(fields) if private else None
        link = Link(codec(codec.spec.at("box", box.address), Markets(), auth), options)
        await link.load()
        there = Desk(box, link)
        for each in keys:
            link.subscribe(each, feeds)
        try:
            await link.start(there.hear)
            if Feed.BOOK in feeds:
                await there.until(lambda: all(there.books.book(each).is_trusted for each in keys))
            yield there
        finally:
            await link.stop()


def limit(number, key, side, ticks, lots=100, **more):
    fields = {"type": OrderType.LIMIT, "ticks": ticks, "lots": lots, "decided_ns": clock.now_ns()} | more
    return intent(client_order_id=ClientOrderId(number), instrument=key, side=side, **fields)


def market(number, key, side, lots=100, **more):
    return limit(number, key, side, None, lots, type=OrderType.MARKET, **more)
