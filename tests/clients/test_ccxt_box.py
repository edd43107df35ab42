"""The bridge on a box that was written for somebody else: ccxt's view of it, ours, and what is really there agree."""

import asyncio

import pytest

pytest.importorskip("ccxt.pro", reason="ccxt is not installed: uv sync --group clients")

from clients.ccxt_desk import Desk, quiet, run_forgiving
from xtrade.model.errors import InDoubt
from xtrade.model.events import OrderFilled
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.net.memory.network import Network
from xtrade.runtime.secrets import Secret
from xtrade.venues.abilities import Feed
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.ccxt import CcxtVenue
from xtrade.venues.registry import link_to, server_of

KEY = "backpack:SOL/USDC:USDC"


def on_box(story):
    async def main():
        network = Network().bring()
        server = server_of("backpack")
        async with Box(server, world_of({"backpack": server}), seed=3, past_s=20) as box:
            given = box.accounts[0].key
            keys = {"api_key": Secret(given["api_key"]), "api_secret": Secret(given["private_key"])}
            venue = CcxtVenue("backpack", address=box.address, secrets=keys)
            ours = link_to(
                "backpack",
                environment="box",
                address=box.address,
                key={name: Secret(value) for name, value in given.items()},
            )
            await venue.load()
            await ours.load()
            desk = Desk(box, venue, network)
            venue.market.subscribe(KEY, frozenset({Feed.BOOK}))
            await venue.start(desk.hear)
            try:
                await story(desk, box, ours)
            finally:
                await venue.stop()
                await ours.stop()
                await quiet(network)

    run_forgiving(main, seed=3)


def test_both_views_of_the_markets_are_the_same_to_the_last_digit():
    async def story(desk, box, ours):
        assert set(desk.venue.instruments) == set(ours.instruments)
        for key, theirs in ours.instruments.items():
            found = desk.venue.instruments[key]
            for part in ("kind", "base", "quote", "settle", "native", "multiplier", "min_lots"):
                assert getattr(found, part) == getattr(theirs, part), (key, part)
            assert (found.tick, found.lot) == (theirs.tick, theirs.lot)

    on_box(story)


def test_orders_rest_trade_and_end_as_they_do_in_the_box():
    async def story(desk, box, ours):
        await asyncio.sleep(2)
        instrument = desk.venue.instruments[KEY]
        book = desk.books[-1]
        bid, ask = next(iter(book.bids))[0], next(iter(book.asks))[0]
        terms = {"instrument": KEY, "side": Side.BUY, "lots": 5 * instrument.min_lots}
        # This venue's ids have 32 bits.
        resting = desk.place(desk.intent(number=101, ticks=bid - 500, post_only=True, **terms))
        taking = desk.place(desk.intent(number=102, ticks=ask + 200, time_in_force=TimeInForce.IOC, **terms))
        await asyncio.sleep(20)

        assert desk.state(resting).status is OrderStatus.OPEN
        assert desk.state(taking).status is OrderStatus.FILLED
        assert desk.booked[taking] == 5 * instrument.min_lots
        slip = box.floor.find(box.accounts[0].name, text="101")
        assert (slip.instrument.price(slip.ticks), slip.is_open) == (instrument.price(bid - 500), True)
        (held,) = await ours.positions()
        assert (held.lots, held.instrument) == (desk.booked[taking], KEY)

        desk.venue.trading.cancel(resting)
        await asyncio.sleep(20)
        assert desk.state(resting).status is OrderStatus.CANCELED
        assert await desk.venue.trading.open_orders() == []
        assert not desk.of(InDoubt)
        fills = await desk.venue.account.fills(0)
        assert sum(report.fill.lots for report in fills) == 5 * instrument.min_lots
        assert len(desk.of(OrderFilled)) == len(fills)

    on_box(story)


@pytest.mark.parametrize("trouble", ["lose_answers", "garble"])
def test_an_order_whose_answer_the_box_lost_is_found(trouble):
    async def story(desk, box, ours):
        await asyncio.sleep(2)
        book = desk.books[-1]
        setattr(box.trouble, trouble, 1)
        box.trouble.on = "POST /api/v1/order"
        number = desk.place(
            desk.intent(number=77, instrument=KEY, ticks=next(iter(book.bids))[0] - 900, lots=50)
        )
        await asyncio.sleep(30)

        assert desk.state(number).accepted
        assert len(box.floor.open_slips(box.accounts[0].name)) == 1

    on_box(story)
