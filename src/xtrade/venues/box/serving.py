"""A box on the network: a server room behind a real HTTP and WebSocket server, on loopback or in memory.

    async with Box(OkxServer, world, seed=1) as box:
        box.address                       # http://127.0.0.1:9001
        box.accounts[0].key               # what a client signs with

Time on the floor goes with the wall clock, `speed` times as fast; with `past_s` the traders have traded for so long
before the first client comes, so that there are trades and candles to ask for. Beside the venue's own paths there is
`/box`: what is really there (GET), and what shall go wrong (POST /box/trouble).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from typing_extensions import override

from xtrade.model.errors import ConfigError
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.runtime import chance, clock
from xtrade.sim.synthetic.markets import SyntheticMarkets
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor
from xtrade.venues.box.server import Asked, Server, Session
from xtrade.venues.box.trouble import Trouble

__all__ = ["Box"]

_TICK_S: Final = 0.1
# The past is played in parts, so that several boxes get on side by side and Ctrl-C is heard.
_PARTS: Final = 100
# A client that does not read is let go when so many messages wait for it.
_WAITING_MAX: Final = 20_000
_STABLE: Final = ("USDT", "USDC", "USD")
_STABLE_AMOUNT: Final = 100_000
_COINS_WORTH: Final = 100_000


class _Socket(Session):
    """One WebSocket connection of a client."""

    def __init__(self, box: Box, request: web.Request) -> None:
        self.path = request.path
        self.query = request.query_string
        self.headers = _lowered(request.headers)
        self.peer = request.remote or ""
        self.state: Any = None
        self.ws = web.WebSocketResponse(autoping=True, compress=False, max_msg_size=1 << 20)
        self._box = box
        self._out: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self._held: str | None = None

    @override
    def send(self, payload: bytes | str) -> None:
        trouble = self._box.trouble
        text = payload if isinstance(payload, str) else payload.decode()
        if trouble.silent or trouble.take("skip_messages"):
            return
        if self._held is None and trouble.take("swap_messages"):
            self._held = text
            return
        for _ in range(2 if trouble.take("double_messages") else 1):
            self._out.put_nowait(text)
        if self._held is not None:
            self._out.put_nowait(self._held)
            self._held = None
        if self._out.qsize() > _WAITING_MAX:
            self.close(1008, "too slow")

    @override
    def close(self, code: int, reason: str = "") -> None:
        self._out.put_nowait((code, reason))

    def cut(self) -> None:
        """End the connection without a word."""
        if self.ws._req is not None and self.ws._req.transport is not None:  # noqa: SLF001
            self.ws._req.transport.abort()  # noqa: SLF001

    async def write(self) -> None:
        """Send what is to be sent, in order."""
        while True:
            item = await self._out.get()
            if isinstance(item, tuple):
                await self.ws.close(code=item[0], message=item[1].encode())
                return
            try:
                await self.ws.send_str(item)
            except (ConnectionError, RuntimeError):
                return


class Box:
    """One venue in a box. Use it as a context."""

    def __init__(
        self,
        server: type[Server],
        world: SyntheticMarkets,
        *,
        seed: int,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        accounts: int = 1,
        balances: Sequence[Money] = (),
        past_s: int = 0,
    ) -> None:
        if not 0 < speed <= 1_000:
            raise ConfigError(f"speed = {speed:g}: expected above 0, at most 1000")
        self._room = server
        self._world, self._seed, self._speed = world, seed, speed
        self._host, self._port = host, port
        self._balances = tuple(balances)
        self._past_s = past_s
        stream = chance.Streams(seed).stream(f"box/{server.venue}/keys")
        self.accounts = tuple(
            BoxAccount(
                name=f"{server.venue}.{number}",
                key=server.make_key(stream, number),
                balances=self._balances or _purse(world, server.venue),
            )
            for number in range(1, accounts + 1)
        )
        self.trouble = Trouble()
        self.floor: Floor
        self.server: Server
        self._sockets: set[_Socket] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    # -- life -----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        past_ns = self._past_s * 10**9
        began_ns = clock.now_ns() - past_ns
        self.floor = Floor(
            self._world, self._room.venue, seed=self._seed, start_ns=began_ns, rules=self._room.rules
        )
        for part in range(_PARTS if past_ns else 0):
            self.floor.advance(began_ns + past_ns * (part + 1) // _PARTS)
            await asyncio.sleep(0)
        self._start_ns, self._monotonic_ns = max(clock.now_ns(), self.floor.now_ns), clock.monotonic_ns()
        for account in self.accounts:
            self.floor.open_account(account.name, account.balances)
        self.server = self._room(self.floor, self.accounts, self.now_ns)
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"port {self._port} of {self._host} cannot be listened on: {error.strerror or error}; choose another"
            ) from None
        self._port = self._runner.addresses[0][1]
        loop = asyncio.get_running_loop()
        name = self._room.venue
        self._tasks = [
            loop.create_task(self._trade(), name=f"box {name} floor"),
            loop.create_task(self._tick(), name=f"box {name} clock"),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.ws.close(code=WSCloseCode.GOING_AWAY, message=b"the box is closed")
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def venue(self) -> str:
        """Which venue it is."""
        return self._room.venue

    @property
    def address(self) -> str:
        """Where it is reached."""
        return f"http://{self._host}:{self._port}"

    def now_ns(self) -> int:
        """The venue's clock."""
        return clock.now_ns() + self.trouble.clock_ms * 1_000_000

    def catch_up(self) -> None:
        """Let happen on the floor what was due by now."""
        passed_ns = clock.monotonic_ns() - self._monotonic_ns
        self.floor.advance(self._start_ns + round(passed_ns * self._speed))

    # -- time -----------------------------------------------------------------------------------------------------

    async def _trade(self) -> None:
        while True:
            self.catch_up()
            wait_ns = (self.floor.next_ns - self.floor.now_ns) / self._speed
            await asyncio.sleep(max(wait_ns / 1e9, 0.001))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.catch_up()
            self.server.tick(self.now_ns())

    # -- requests -------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/box" or request.path.startswith("/box/"):
            return await self._control(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._connect(request)
        body = await request.read()
        trouble = self.trouble
        concerned = trouble.concerns(request.method, request.path)
        if concerned and trouble.take("refuse"):
            headers = {"Retry-After": str(trouble.retry_after_s)} if trouble.retry_after_s else {}
            return web.Response(status=trouble.refuse_status, headers=headers, text="not now")
        self.catch_up()
        told = self.server.answer(
            Asked(
                request.method,
                request.path,
                request.rel_url.raw_query_string,
                _lowered(request.headers),
                body,
                request.remote or "",
            )
        )
        if concerned and trouble.delay_ms:
            await asyncio.sleep(trouble.delay_ms / 1_000)
        if concerned and trouble.take("lose_answers"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        answer = told.body
        if concerned and trouble.take("garble"):
            answer = answer[: len(answer) // 2]
        return web.Response(
            status=told.status, body=answer, headers=dict(told.headers), content_type=told.content_type
        )

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if self.trouble.no_sockets:
            return web.Response(status=503, text="not now")
        if not self.server.takes(request.path):
            return web.Response(status=404, text="no socket there")
        socket = _Socket(self, request)
        await socket.ws.prepare(request)
        writer = asyncio.get_running_loop().create_task(socket.write(), name=f"box {self.venue} socket")
        self._sockets.add(socket)
        try:
            self.catch_up()
            self.server.opened(socket)
            async for message in socket.ws:
                if message.type is WSMsgType.TEXT:
                    self.catch_up()
                    self.server.heard(socket, message.data.encode())
                elif message.type is WSMsgType.BINARY:
                    self.catch_up()
                    self.server.heard(socket, message.data)
        finally:
            self._sockets.discard(socket)
            self.server.closed(socket)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket.ws

    # -- control --------------------------------------------------------------------------------------------------

    async def _control(self, request: web.Request) -> web.Response:
        if request.path == "/box" and request.method == "GET":
            return _json(self.state())
        if request.path == "/box/trouble" and request.method in {"GET", "POST"}:
            if request.method == "POST":
                try:
                    self.set_trouble(msgspec.json.decode(await request.read(), type=Trouble))
                except (msgspec.DecodeError, ConfigError) as error:
                    return _json({"error": str(error)}, status=400)
            return _json(self.trouble)
        return _json({"error": "expected GET /box, or GET or POST /box/trouble"}, status=404)

    def set_trouble(self, trouble: Trouble) -> None:
        """Let this go wrong from now on, and nothing else."""
        self.trouble = trouble
        if trouble.cut:
            trouble.cut = False
            for socket in list(self._sockets):
                socket.cut()

    def state(self) -> dict[str, Any]:
        """Say what is really there: accounts with their keys, balances, positions and open orders."""
        self.catch_up()
        exchange = self.floor.exchange
        return {
            "venue": self.venue,
            "address": self.address,
            "time_ns": self.floor.now_ns,
            "markets": {key: instrument.native for key, instrument in self.floor.instruments.items()},
            "sockets": len(self._sockets),
            "accounts": [
                {
                    "name": account.name,
                    "key": dict(account.key),
                    "balances": {
                        currency: plain(exchange.balance(account.name, currency).total.amount)
                        for currency in self.floor.currencies()
                    },
                    "positions": {
                        key: plain(instrument.quantity(lots))
                        for key, instrument in self.floor.instruments.items()
                        if instrument.kind is not Kind.SPOT
                        and (lots := exchange.position(account.name, key).lots)
                    },
                    "open_orders": [slip.venue_order_id for slip in self.floor.open_slips(account.name)],
                    "fills": len(self.floor.executed(account.name)),
                }
                for account in self.accounts
            ],
        }


def _purse(world: SyntheticMarkets, venue: str) -> tuple[Money, ...]:
    """What an account starts with: stable coins, and about as much worth of each coin that is sold for them."""
    found: dict[str, Money] = {}
    for listed in world.listed:
        if listed.venue.name != venue:
            continue
        instrument = listed.instrument
        for currency in (instrument.quote, instrument.settle):
            if currency in _STABLE:
                found[currency] = Money.of(_STABLE_AMOUNT, currency)
        coins = max(1, round(_COINS_WORTH / listed.asset.price))
        found.setdefault(instrument.base, Money.of(coins, instrument.base))
    return tuple(found.values())


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _json(what: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(what), content_type="application/json")
