"""What a box tells of itself, beside the venue's own paths."""

import asyncio

from kit.toy.auth import Key
from kit.toy.codec import ToyCodec
from kit.toy.server import ToyServer
from kit.venue_desks import desk, limit
from xtrade.model.events import OrderFilled
from xtrade.model.sides import Side
from xtrade.runtime.virtual import run_virtual

SPOT, PERP = "toy:BTC/USDT", "toy:ETH/USDT:USDT"


def test_a_box_tells_what_is_there_of_coins_and_of_contracts():
    async def main():
        async with desk(ToyCodec, ToyServer, Key, keys=(SPOT, PERP)) as d:
            (before,) = d.box.state()["accounts"]
            for number, key in enumerate((SPOT, PERP), start=1):
                d.link.place(limit(number, key, Side.BUY, d.ticks(key, Side.SELL, away=50), lots=70))
            await d.until(lambda: sum(each.fill.lots for each in d.of(OrderFilled)) == 140)
            await asyncio.sleep(1)
            (after,) = d.box.state()["accounts"]

        assert (before["positions"], before["fills"]) == ({}, 0)
        assert list(after["positions"]) == [PERP]
        assert float(after["balances"]["BTC"]) > float(before["balances"]["BTC"])
        assert after["fills"] == len(d.of(OrderFilled))
        assert after["open_orders"] == []

    run_virtual(main)
