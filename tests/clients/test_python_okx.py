"""The official SDK, pointed at our box of OKX: `uv run --with python-okx pytest tests/clients/test_python_okx.py`.

Its sockets insist on TLS, so that only its requests are tried here.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest

from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of
from xtrade.venues.okx.server import OkxServer

pytest.importorskip("okx.Trade", reason="python-okx is not installed: uv run --with python-okx")

from okx import Account, MarketData, PublicData, Trade

CONTRACT = "BTC-USDT-SWAP"


@asynccontextmanager
async def box_of_okx():
    async with Box(OkxServer, world_of({"okx": OkxServer}, ["BTC/USDT", "BTC/USDT:USDT"]), seed=1) as box:
        key = box.accounts[0].key

        clients = []

        def client(kind):
            made = kind(
                key["api_key"],
                key["api_secret"],
                key["passphrase"],
                flag="0",
                domain=box.address,
                debug=False,
            )
            clients.append(made)
            return made

        try:
            yield box, client
        finally:
            for each in clients:
                each.close()


async def ask(call, *args, **more):
    """The SDK blocks: it is called on a thread, while the box goes on."""
    said = await asyncio.to_thread(call, *args, **more)
    return said["code"], said["data"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's own
def test_it_trades():
    async def main():
        async with box_of_okx() as (box, client):
            public, market = client(PublicData.PublicAPI), client(MarketData.MarketAPI)
            trade, account = client(Trade.TradeAPI), client(Account.AccountAPI)
            _, rows = await ask(public.get_instruments, "SWAP")
            assert [row["instId"] for row in rows] == [CONTRACT]
            _, (book,) = await ask(market.get_orderbook, CONTRACT, "5")
            price = str(round(float(book["bids"][0][0]) - 100, 1))

            order = {"instId": CONTRACT, "tdMode": "cross", "side": "buy", "ordType": "limit", "sz": "1"}
            code, (ack,) = await ask(trade.place_order, **order, px=price, clOrdId="sdk1")
            assert (code, ack["sCode"], ack["clOrdId"]) == ("0", "0", "sdk1")
            _, (row,) = await ask(trade.get_order, CONTRACT, clOrdId="sdk1")
            assert (row["ordId"], row["state"], row["px"]) == (ack["ordId"], "live", price)
            code, _ = await ask(trade.amend_order, CONTRACT, ordId=ack["ordId"], newSz="2")
            assert code == "0"
            _, (row,) = await ask(trade.get_order_list)
            assert row["sz"] == "2"
            code, _ = await ask(trade.cancel_order, CONTRACT, ordId=ack["ordId"])
            assert code == "0"
            code, (ack,) = await ask(trade.cancel_order, CONTRACT, ordId=ack["ordId"])
            assert (code, ack["sCode"]) == ("1", "51400")

            order |= {"ordType": "market"}
            code, acks = await ask(trade.place_multiple_orders, [order, order | {"sz": "0.001"}])
            assert code == "2"
            assert [ack["sCode"] for ack in acks] == ["0", "51121"]
            _, fills = await ask(trade.get_fills)
            (executed, *_) = box.floor.executed(box.accounts[0].name)
            assert fills[-1]["tradeId"] == executed.fill.trade_id
            _, (position,) = await ask(account.get_positions)
            assert position["pos"] == "1"
            _, (balance,) = await ask(account.get_account_balance, "USDT")
            there = box.floor.exchange.balance(box.accounts[0].name, "USDT")
            assert f"{balance['details'][0]['cashBal']} USDT" == str(there.total)

    asyncio.run(main())
