"""The same desk on a wire of another kind: forms, questions by POST, ids that must be UUIDs, and no streams."""

import asyncio
from decimal import Decimal

import pytest

pytest.importorskip("ccxt.async_support", reason="ccxt is not installed: uv sync --group clients")

from clients.ccxt_desk import HTTP, Desk, quiet
from kit.kraken import API_KEY, API_SECRET, Kraken, serving
from xtrade.model.events import OrderFilled, OrderInDoubt, OrderRejected
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.net.memory.network import Network
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual import run_virtual
from xtrade.venues.abilities import Feed
from xtrade.venues.ccxt import CcxtVenue

BTC = "kraken:BTC/USD"


def on_kraken(story):
    async def main():
        network = Network().bring()
        kraken = Kraken()
        async with serving(kraken) as address:
            keys = {"api_key": Secret(API_KEY), "api_secret": Secret(API_SECRET)}
            venue = CcxtVenue("kraken", secrets=keys, address=address, http=HTTP, streams=False)
            await venue.load()
            desk = Desk(kraken, venue, network)
            venue.market.subscribe(BTC, frozenset({Feed.BOOK}))
            await venue.start(desk.hear)
            try:
                await story(desk, kraken)
            finally:
                await venue.stop()
                await quiet(network)

    run_virtual(main, seed=2)


# ccxt lets a private question out every three seconds here: everything takes its time.
def placed(desk, **more):
    return desk.place(instrument=BTC, lots=12_345_678, ticks=600_001, **more)


def test_an_order_lives_on_questions_alone():
    async def story(desk, kraken):
        instrument = desk.venue.instruments[BTC]
        assert (instrument.tick, instrument.lot, instrument.min_notional) == (
            Decimal("0.1"),
            Decimal("1e-8"),
            Decimal("0.5"),
        )
        number = placed(desk, post_only=True)
        await asyncio.sleep(60)
        (asked,) = [given for path, given in kraken.requests if path == "AddOrder"]
        assert (asked["volume"], asked["price"], asked["oflags"]) == ("0.12345678", "60000.1", "post")
        assert asked["cl_ord_id"].startswith("78747261-6465-8")

        name = next(iter(kraken.orders))
        kraken.trade(name, "0.00000001", "60000.10000")
        await asyncio.sleep(60)
        assert (desk.state(number).status, desk.booked[number]) == (OrderStatus.PARTIAL, 1)
        kraken.trade(name, "0.12345677", "59999.90000")
        await asyncio.sleep(60)
        assert (desk.state(number).status, desk.booked[number]) == (OrderStatus.FILLED, 12_345_678)
        assert {fill.fee for fill in desk.state(number).fills} == {Money.of("0.0125", "USD")}
        assert len(desk.of(OrderFilled)) == 2
        assert desk.balances == {"1000.1234567890123 USD": "10.5 USD"}
        assert desk.books

    on_kraken(story)


def test_a_lost_answer_is_found_again_by_our_own_id():
    async def story(desk, kraken):
        kraken.fault("AddOrder", "after")
        number = placed(desk)
        await asyncio.sleep(60)
        assert len(desk.of(OrderInDoubt)) == 1
        report = await desk.venue.trading.order(number)

        assert (report.client_order_id, report.lots, report.status) == (number, 12_345_678, OrderStatus.OPEN)
        assert desk.venue.trading.cancel(number)
        await asyncio.sleep(60)
        assert desk.state(number).status is OrderStatus.CANCELED

    on_kraken(story)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("EOrder:Insufficient funds", OrderStatus.REJECTED),
        ("EOrder:Order minimum not met", OrderStatus.REJECTED),
        ("EAPI:Rate limit exceeded", OrderStatus.REJECTED),
        ("EService:Unavailable", OrderStatus.IN_DOUBT),
        ("EGeneral:Internal error", OrderStatus.IN_DOUBT),
        ("EWhatever:Nobody knows", OrderStatus.IN_DOUBT),
    ],
)
def test_its_errors(said, status):
    async def story(desk, kraken):
        await asyncio.sleep(60)
        kraken.fault("AddOrder", "instead", [said])
        number = placed(desk)
        await asyncio.sleep(60)

        assert desk.state(number).status is status
        assert said in desk.of(OrderRejected, OrderInDoubt)[0].reason

    on_kraken(story)
