"""A venue in a box on loopback, in a process of its own: it outlives the nodes that trade there.

    exchange.py SEED

On standard output, one line of JSON: its address, and the key of its one account. It ends with its standard input.
"""

import asyncio
import json
import sys

from kit.toy.server import ToyServer
from xtrade.runtime.real import run
from xtrade.venues.box.serving import Box
from xtrade.venues.box.worlds import world_of


async def main():
    async with Box(ToyServer, world_of({"toy": ToyServer}), seed=int(sys.argv[1])) as box:
        print(json.dumps({"address": box.address, "key": dict(box.accounts[0].key)}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        await reader.read()


if __name__ == "__main__":
    run(main)
