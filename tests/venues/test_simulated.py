"""The built-in exchange behind the port: requests take their time, news comes in order, questions are answered."""

import asyncio

import pytest

from kit.orders import intent
from xtrade.market.live_books import LiveBook
from xtrade.model.errors import Unavailable
from xtrade.model.events import (
    BookDelta,
    BookSnapshot,
    CancelRejected,
    LinkUp,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderFilled,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.virtual import run_virtual
from xtrade.sim.synthetic.presets import preset
from xtrade.venues.abilities import Feed
from xtrade.venues.simulated import SimulatedVenue

PERP, SPOT = "sim:BTC/USDT:USDT", "sim:BTC/USDT"
MS = 1_000_000


def order(number, *, ticks=None, lots=10, side=Side.BUY, key=PERP):
    return intent(
        client_order_id=ClientOrderId(number),
        instrument=key,
        side=side,
        type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
        ticks=ticks,
        lots=lots,
    )


class Ear:
    """Who hears a venue: every event with the time at which it came."""

    def __init__(self):
        self.told = []

    def __call__(self, events):
        assert {event.received_ns for event in events} == {clock.now_ns()}
        self.told += events

    def of(self, *kinds):
        return [event for event in self.told if isinstance(event, kinds)]

    def about(self, number):
        return [event for event in self.of(OrderEvent) if event.client_order_id == number]


def at_the_venue(scene, *, seed=1, **how):
    """Run a scene with a started venue and an ear; returns what the scene returns."""

    async def main():
        how.setdefault("balances", [Money.of(100_000, "USDT")])
        venue, ear = SimulatedVenue(preset("spot-and-perpetual"), seed=seed, **how), Ear()
        venue.subscribe(PERP, frozenset({Feed.BOOK, Feed.TRADES}))
        await venue.start(ear)
        await asyncio.sleep(0.2)
        try:
            return await scene(venue, ear)
        finally:
            await venue.stop()

    return run_virtual(main, seed=seed)


def test_a_book_kept_from_what_is_told_is_the_exchanges_own():
    async def scene(venue, ear):
        book, compared = LiveBook(venue.instruments[PERP]), 0
        for _ in range(20):
            await asyncio.sleep(1)
            told, ear.told = ear.told, []
            for event in told:
                if isinstance(event, BookSnapshot | BookDelta):
                    book.apply(event)
            await asyncio.sleep(0.1)  # all that is under way arrives
            for event in ear.told:
                if isinstance(event, BookSnapshot | BookDelta):
                    book.apply(event)
            there = venue._exchange.book(PERP)
            behind = there.sequence - book._sequence
            ear.told = []
            if behind == 0:
                compared += 1
                assert book.levels(Side.BUY, 999) == list(there.bids)
                assert book.levels(Side.SELL, 999) == list(there.asks)
        assert book.is_trusted
        assert compared >= 10
        return venue._exchange.unaccounted()

    assert at_the_venue(scene) == ()


def test_a_venue_begins_with_its_links_and_a_snapshot_and_tells_only_what_was_asked_for():
    async def scene(venue, ear):
        await asyncio.sleep(5)
        return ear

    ear = at_the_venue(scene)

    assert [(link.venue, link.channel) for link in ear.of(LinkUp)] == [("sim", "public"), ("sim", "private")]
    books = ear.of(BookSnapshot, BookDelta)
    assert isinstance(books[0], BookSnapshot)
    assert {event.instrument for event in ear.of(BookDelta, BookSnapshot, Trade)} == {PERP}
    assert [event.received_ns for event in ear.told] == sorted(event.received_ns for event in ear.told)


def test_a_request_takes_its_time_there_and_its_answer_back():
    async def scene(venue, ear):
        sent_ns = clock.now_ns()
        venue.place(order(1, ticks=30_000))
        await asyncio.sleep(0.1)
        accepted = ear.about(1)[0]
        assert isinstance(accepted, OrderAccepted)
        return accepted.venue_ns - sent_ns, accepted.received_ns - sent_ns

    assert at_the_venue(scene, entry_ns=7 * MS, response_ns=11 * MS) == (7 * MS, 18 * MS)


def test_an_order_lives_as_its_events_tell():
    async def scene(venue, ear):
        venue.place(order(1, ticks=30_000))
        await asyncio.sleep(0.1)
        assert venue.amend(ClientOrderId(1), lots=30, ticks=29_000)
        await asyncio.sleep(0.1)
        listed = await venue.open_orders()
        assert [(each.client_order_id, each.lots, each.ticks) for each in listed] == [(1, 30, 29_000)]
        assert (await venue.order(ClientOrderId(1))).status is OrderStatus.OPEN
        assert venue.cancel(ClientOrderId(1))
        await asyncio.sleep(0.1)
        assert not venue.cancel(ClientOrderId(1)), "what is known to be over is not asked about again"
        assert await venue.open_orders() == []
        assert (await venue.order(ClientOrderId(1))).status is OrderStatus.CANCELED
        assert await venue.order(ClientOrderId(2)) is None
        return [type(event) for event in ear.about(1)]

    assert at_the_venue(scene) == [OrderAccepted, OrderAmended, OrderCanceled]


def test_a_fill_can_be_found_again_and_moves_the_position_and_the_balance():
    async def scene(venue, ear):
        before = {each.total.currency: each.total for each in await venue.balances()}
        venue.place(order(5, lots=20))
        await asyncio.sleep(0.1)
        fills = [event.fill for event in ear.about(5) if isinstance(event, OrderFilled)]
        assert sum(fill.lots for fill in fills) == 20
        assert [report.fill for report in await venue.fills(0)] == fills
        assert {report.client_order_id for report in await venue.fills(0)} == {5}
        assert await venue.fills(clock.now_ns()) == []
        (held,) = await venue.positions()
        assert (held.instrument, held.lots) == (PERP, 20)
        assert (await venue.order(ClientOrderId(5))).status is OrderStatus.FILLED
        after = {each.total.currency: each.total for each in await venue.balances()}
        assert before["USDT"] - after["USDT"] == sum((fill.fee for fill in fills[1:]), fills[0].fee)

    at_the_venue(scene)


def test_a_cancel_that_comes_too_late_is_refused_by_the_number_of_its_request():
    async def scene(venue, ear):
        venue.place(order(1))
        assert venue.cancel(ClientOrderId(1))
        assert venue.cancel(ClientOrderId(1))
        await asyncio.sleep(0.1)
        return [event.request for event in ear.about(1) if isinstance(event, CancelRejected)]

    assert at_the_venue(scene) == [1, 2]


def test_cancel_all_leaves_nothing_of_ours_and_everything_of_others():
    async def scene(venue, ear):
        for number in range(1, 6):
            venue.place(order(number, ticks=30_000 + number))
        await asyncio.sleep(0.1)
        others = len(venue._exchange.queue(PERP)) - 5
        await venue.cancel_all()
        assert await venue.open_orders() == []
        assert len(ear.of(OrderCanceled)) == 5
        assert others > 50

    at_the_venue(scene)


def test_without_a_connection_nothing_is_sent_and_nothing_is_answered():
    async def scene(venue, ear):
        await venue.stop()
        with pytest.raises(Unavailable):
            venue.place(order(1, ticks=30_000))
        assert not venue.cancel(ClientOrderId(1))
        with pytest.raises(Unavailable):
            await venue.open_orders()

    at_the_venue(scene)


def test_a_seed_repeats_what_is_told_and_another_does_not():
    async def scene(venue, ear):
        await asyncio.sleep(10)
        return ear.told

    first = at_the_venue(scene, seed=3)
    assert first == at_the_venue(scene, seed=3)
    assert first != at_the_venue(scene, seed=4)


def test_it_goes_on_while_nobody_of_ours_is_connected_and_is_found_so():
    """
    What was sent arrives, what rests trades; whoever connects again is told nothing of it, and may ask.
    """

    async def scene(venue, first):
        ask, _ = next(iter(venue.exchange.book(PERP).asks))
        venue.place(order(1, ticks=ask - 1, lots=5))
        venue.place(order(2, ticks=ask - 5_000))
        opened_ns = venue.opened_ns
        await venue.stop()  # both are still on their way
        with pytest.raises(Unavailable):
            await venue.open_orders()
        await asyncio.sleep(600)

        again = Ear()
        venue.subscribe(PERP, frozenset({Feed.BOOK}))
        await venue.start(again)
        await asyncio.sleep(0.2)

        assert venue.opened_ns == opened_ns == clock.START_NS
        assert first.of(OrderEvent) == again.of(OrderEvent) == []
        assert [report.client_order_id for report in await venue.open_orders()] == [2]
        assert [report.client_order_id for report in await venue.fills(0)].count(1) >= 1
        assert (await venue.order(1)).status is OrderStatus.FILLED
        assert [type(event) for event in again.told[:2]] == [LinkUp, LinkUp]
        assert again.of(BookSnapshot), "the feed begins with where the book is now"
        assert min(event.venue_ns for event in again.of(BookSnapshot, BookDelta)) >= opened_ns + 600 * 10**9

    at_the_venue(scene)
