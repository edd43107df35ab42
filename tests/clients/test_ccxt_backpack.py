"""ccxt beside us on Backpack: requests signed alike, and it trades on our box through its own unchanged code, base
addresses aside (needs `uv sync --group clients`).
"""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from random import Random

import pytest

from xtrade.runtime.secrets import Secret
from xtrade.venues.backpack.auth import BackpackKey, instruction, signed_text
from xtrade.venues.backpack.server import BackpackServer
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of

ccxt = pytest.importorskip("ccxt", reason="ccxt is not installed: uv sync --group clients")
ccxtpro = pytest.importorskip("ccxt.pro", reason="ccxt is not installed: uv sync --group clients")

SPOT, PERPETUAL = "SOL/USDC", "SOL/USDC:USDC"


def exact(value):
    return Decimal(str(value))


@pytest.mark.parametrize("seed", range(20))
def test_requests_are_signed_alike(seed):
    draw = Random(seed)
    fields = BackpackServer.make_key(draw, 1)
    theirs = ccxt.backpack({"apiKey": fields["api_key"], "secret": fields["private_key"]})
    at_ms = draw.randrange(1_700_000_000_000, 1_800_000_000_000)
    theirs.nonce = lambda: at_ms
    order = {
        "symbol": draw.choice(("SOL_USDC", "BTC_USDC_PERP")),
        "side": draw.choice(("Bid", "Ask")),
        "orderType": "Limit",
        "price": f"{draw.randrange(1, 10**6) / 100}",
        "quantity": f"{draw.randrange(1, 10**4) / 100}",
        "postOnly": draw.random() < 0.5,
        "clientId": draw.randrange(1 << 32),
    }
    signed = theirs.sign("api/v1/order", "private", "POST", dict(order))

    key = BackpackKey.from_key({name: Secret(value) for name, value in fields.items()})
    body = {name: order[name] for name in sorted(order)}
    ours = key.sign(signed_text(instruction("orderExecute", body), at_ms))

    assert signed["headers"]["X-Signature"] == ours


@asynccontextmanager
async def trading():
    """ccxt.pro at a box: its own code, our addresses."""
    world = world_of({"backpack": BackpackServer}, [SPOT, PERPETUAL])
    async with Box(BackpackServer, world, seed=5, past_s=30) as box:
        key = box.accounts[0].key
        theirs = ccxtpro.backpack({"apiKey": key["api_key"], "secret": key["private_key"]})
        sockets = box.address.replace("http", "ws")
        theirs.urls["api"] = {
            "public": box.address,
            "private": box.address,
            "ws": {"public": sockets, "private": sockets},
        }
        try:
            await theirs.load_markets()
            yield theirs, box
        finally:
            await theirs.close()


async def until(condition):
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never was")


def on_box(work):
    async def main():
        async with asyncio.timeout(90), trading() as (theirs, box):
            await work(theirs, box)

    asyncio.run(main())


def test_it_trades_over_http():
    async def work(theirs, box):
        for symbol in (SPOT, PERPETUAL):
            key = f"backpack:{symbol}"
            ours = box.floor.instruments[key]
            market = theirs.market(symbol)
            assert exact(market["precision"]["price"]) == ours.tick
            assert exact(market["precision"]["amount"]) == ours.lot
            book = await theirs.fetch_order_book(symbol, 5)
            bid, ask = book["bids"][0][0], book["asks"][0][0]
            assert bid < ask

            resting = await theirs.create_order(symbol, "limit", "buy", 1, round(bid - 5, 2))
            assert resting["status"] == "open"
            assert [each["id"] for each in await theirs.fetch_open_orders(symbol)] == [resting["id"]]
            canceled = await theirs.cancel_order(resting["id"], symbol)
            assert canceled["status"] == "canceled"
            assert await theirs.fetch_open_orders(symbol) == []

            taken = await theirs.create_order(symbol, "market", "buy", 2)
            assert taken["filled"] == 2
            fills = await theirs.fetch_my_trades(symbol)
            [account] = box.accounts
            there = box.floor.executed(account.name, key)
            assert {each["id"] for each in fills} == {each.fill.trade_id for each in there}
            assert sum(exact(each["amount"]) for each in fills) == 2
            with pytest.raises(ccxt.ExchangeError):
                await theirs.create_order(symbol, "limit", "buy", 1, ask + 5, {"postOnly": True})
        [position] = await theirs.fetch_positions([PERPETUAL])
        assert (position["side"], exact(position["contracts"])) == ("long", 2)
        balance = await theirs.fetch_balance()
        total = box.floor.exchange.balance(account.name, "USDC").total.amount
        assert abs(exact(f"{balance['USDC']['total']:.6f}") - total) < Decimal("0.00001")
        with pytest.raises(ccxt.BaseError, match="RESOURCE_NOT_FOUND"):  # ccxt takes it for an outage
            await theirs.cancel_order("999999999", SPOT)

    on_box(work)


def test_it_watches_books_trades_and_its_own_orders():
    async def work(theirs, box):
        for _ in range(20):
            book = await theirs.watch_order_book(PERPETUAL)
        assert book["bids"][0][0] < book["asks"][0][0]
        trades = await theirs.watch_trades(PERPETUAL)
        there = {each.trade_id for each in box.floor.chronicle.trades(f"backpack:{PERPETUAL}", 10_000)}
        assert {each["id"] for each in trades} <= there

        watching = asyncio.create_task(theirs.watch_orders(PERPETUAL))
        await until(lambda: "account.orderUpdate" in str(box.server._news._sessions))
        placed = await theirs.create_order(PERPETUAL, "limit", "buy", 1, round(book["bids"][0][0] - 5, 2))
        [told, *_] = await watching
        assert (told["id"], told["status"]) == (placed["id"], "open")

    on_box(work)
