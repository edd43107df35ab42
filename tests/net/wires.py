"""The same test on real sockets and in memory: `Wires.run` is `asyncio.run` for both."""

import asyncio
import base64
import hashlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web

from xtrade.net.memory.faults import CALM
from xtrade.net.memory.network import Network
from xtrade.runtime import real
from xtrade.runtime.virtual import run_virtual

HOST = "127.0.0.1"


@dataclass
class Wires:
    memory: bool
    network: Network | None = field(default=None, init=False)

    def run(self, main, *, plan=CALM, seed=1):
        async def with_network():
            self.network = Network(plan).bring()
            return await main()

        return run_virtual(with_network, seed=seed) if self.memory else real.run(main)


@asynccontextmanager
async def serving(*routes, tls=None):
    """An aiohttp server, one of those we did not write; gives its port."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0, ssl_context=tls)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def answering(answer):
    """A server that does with each connection whatever `answer(reader, writer)` does; gives its port."""
    tasks = set()

    async def handle(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def shake_hands(writer, head):
    """Accept a WebSocket by its request's head."""
    key = next(line.partition(": ")[2] for line in head if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def reply_with(body, *, status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def read_request(reader):
    """One request with its body; the head's lines and the body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    length = next((int(line.split(":")[1]) for line in head if line.lower().startswith("content-length")), 0)
    return head, await reader.readexactly(length)
