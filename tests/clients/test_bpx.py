"""Backpack's own SDK trades on our box, base addresses aside (needs `uv run --group clients --with bpx-py==2.0.11`)."""

import asyncio
from decimal import Decimal

import pytest

from xtrade.venues.backpack.server import BackpackServer
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of

bpx_account = pytest.importorskip("bpx.account", reason="bpx-py is not installed: add --with bpx-py==2.0.11")
bpx_public = pytest.importorskip("bpx.public", reason="bpx-py is not installed: add --with bpx-py==2.0.11")
SYMBOL = "SOL_USDC_PERP"


def test_it_trades_over_http(monkeypatch):
    async def main():
        world = world_of({"backpack": BackpackServer}, ["SOL/USDC:USDC"])
        async with asyncio.timeout(90), Box(BackpackServer, world, seed=5, past_s=30) as box:
            monkeypatch.setattr(bpx_public.Public, "BASE_URL", f"{box.address}/", raising=False)
            monkeypatch.setattr(bpx_account.Account, "BPX_API_URL", f"{box.address}/", raising=False)
            key = box.accounts[0].key
            theirs = bpx_account.Account(key["api_key"], key["private_key"])
            # It blocks, so it has a thread: the box lives on this loop.
            await asyncio.to_thread(trades, theirs, bpx_public.Public(), box)

    asyncio.run(main())


def trades(theirs, public, box):
    book = public.get_depth(SYMBOL)
    bid = Decimal(book["bids"][-1][0])
    placed = theirs.execute_order(
        symbol=SYMBOL,
        side="Bid",
        order_type="Limit",
        quantity="1",
        price=str(bid - 5),
        client_id=77,
        time_in_force="GTC",
    )
    assert placed["status"] == "New", placed
    assert [each["id"] for each in theirs.get_open_orders("PERP", SYMBOL)] == [placed["id"]]
    assert theirs.cancel_order(SYMBOL, client_id=77)["status"] == "Cancelled"
    taken = theirs.execute_order(symbol=SYMBOL, side="Bid", order_type="Market", quantity="2")
    assert (taken["status"], Decimal(taken["executedQuantity"])) == ("Filled", 2)
    [position] = theirs.get_open_positions()
    assert Decimal(position["netQuantity"]) == 2
    there = box.floor.executed(box.accounts[0].name)
    assert {str(each["tradeId"]) for each in theirs.get_fill_history(SYMBOL)} == {
        each.fill.trade_id for each in there
    }
    assert theirs.cancel_order(SYMBOL, order_id="999")["code"] == "RESOURCE_NOT_FOUND"
