"""The network itself: who listens where, who is connected to whom, and what goes wrong between them.

    async def main() -> None:
        network = Network(FaultPlan(cut=0.1)).bring()
        ...                                     # aiohttp, picows, asyncio streams: they connect through the loop
    run_virtual(main, seed=7)

Once a network is brought to the virtual loop, `loop.create_connection` and `loop.create_server` lead here, so that
the real libraries run over it, unchanged. There is no TLS in memory (bytes of `https` and `wss` go as they are) and
no name service: a host is the word it was listened on.

Nothing is random that the seed does not decide: each connection has a stream of its own, named after its address
and its number there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Self

from typing_extensions import override

from xtrade.net.memory.faults import CALM, FaultPlan, Way, draw_fate
from xtrade.net.memory.pipe import Pipe, Weather
from xtrade.runtime import chance
from xtrade.runtime.refusals import urandom_from
from xtrade.runtime.trace import Trace
from xtrade.runtime.virtual_loop import VirtualLoop

__all__ = ["Connection", "Network"]

_MS_S: Final = 1_000
_FREE_PORTS_FROM: Final = 49_152

_Factory = Callable[[], asyncio.BaseProtocol]
_Address = tuple[str, int]


class Network:
    """Everything that listens and everything that is connected, in one virtual run."""

    def __init__(self, plan: FaultPlan = CALM, *, trace: Trace | None = None) -> None:
        self._weather = Weather(plan, trace)
        self._listeners: dict[_Address, _Listener] = {}
        self._made: Counter[_Address] = Counter()
        self._next_port = _FREE_PORTS_FROM
        self._refusing: set[str] = set()
        self.connections: list[Connection] = []
        """Those that are up, the eldest first."""

    def bring(self) -> Self:
        """Let the running virtual loop make its connections here."""
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            raise TypeError("a network in memory needs the virtual loop: run under xtrade.runtime.virtual")
        loop.network = self
        return self

    @property
    def plan(self) -> FaultPlan:
        """The faults of now. Set another one at any time; connections that are up keep what they drew."""
        return self._weather.plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        self._weather.plan = plan

    @property
    def reached(self) -> Counter[str]:
        """How often each fault struck."""
        return self._weather.reached

    @property
    def log(self) -> list[tuple[int, str, str]]:
        """Every fault that struck: when (monotonic ns), on which connection, what."""
        return self._weather.log

    def refuse(self, host: str, refused: bool = True) -> None:
        """Let nobody connect to `host` any more (or again)."""
        (self._refusing.add if refused else self._refusing.discard)(host)

    async def connect(
        self, factory: _Factory, host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to whoever listens there; the loop's `create_connection` leads here."""
        address = (host, port)
        self._made[address] += 1
        name = f"{host}:{port}#{self._made[address]}"
        stream = chance.stream(f"net/{name}")
        plan = self.plan
        fate = draw_fate(plan, stream)
        await asyncio.sleep(stream.randint(plan.latency_ms_min, plan.latency_ms_max) / _MS_S)
        listener = self._listeners.get(address)
        if fate.hangs:
            self._weather.strike(name, "hang")
            await asyncio.get_running_loop().create_future()
        if fate.refused:
            self._weather.strike(name, "refuse")
        if listener is None or fate.refused or host in self._refusing:
            raise ConnectionRefusedError(111, f"connect call failed: nobody listens on {host}:{port}")
        connection = Connection(name, host, self, fate.to_server, fate.to_client, self._weather)
        with urandom_from(stream):
            protocol = factory()
        server_protocol = listener.factory()
        self.connections.append(connection)
        listener.connections.append(connection)
        connection.server.start(server_protocol)
        connection.client.start(protocol)
        return connection.client, protocol

    async def listen(self, factory: _Factory, host: str | None, port: int) -> asyncio.AbstractServer:
        """Listen; the loop's `create_server` leads here. Port 0 takes a free one."""
        if port == 0:
            port, self._next_port = self._next_port, self._next_port + 1
        address = (host or "127.0.0.1", port)
        if address in self._listeners:
            raise OSError(98, f"address {address} is already in use")
        listener = self._listeners[address] = _Listener(self, factory, address)
        return listener

    def unlisten(self, address: tuple[str, int]) -> None:
        """Stop listening; connections that are up stay up."""
        self._listeners.pop(address, None)


class Connection:
    """One connection: what a test may do to it from outside."""

    def __init__(
        self, name: str, host: str, network: Network, to_server: Way, to_client: Way, weather: Weather
    ) -> None:
        self.name = name
        self.host = host
        self._network = network
        stream = chance.stream
        up = Pipe(f"{name}>", weather, to_server, stream(f"net/{name}/>"), to_client=False)
        down = Pipe(f"{name}<", weather, to_client, stream(f"net/{name}/<"), to_client=True)
        self.to_server, self.to_client = up, down
        port = int(name.rpartition(":")[2].partition("#")[0])
        there, here = (host, port), ("127.0.0.1", int(name.rpartition("#")[2]))
        self.client = Transport(out=up, into=down, here=here, there=there, connection=self)
        self.server = Transport(out=down, into=up, here=there, there=here, connection=self)
        up.between(self.client, self.server)
        down.between(self.server, self.client)

    def reset(self) -> None:
        """Break it at once, for both ends."""
        for end in (self.server, self.client):
            end.fail(ConnectionResetError("the connection was reset"))

    def silence(self, *, to_client: bool = True, to_server: bool = True) -> None:
        """Let nothing more arrive, without a word to either end: a half-open connection."""
        self.to_client.silent |= to_client
        self.to_server.silent |= to_server

    def end_lost(self) -> None:
        """One of the ends is gone."""
        if self.client.is_lost and self.server.is_lost and self in self._network.connections:
            self._network.connections.remove(self)


class _Socket:
    """What libraries ask of a transport's socket: options, which are nothing here. No descriptor to write to."""

    family: Final = -1
    type: Final = -1
    proto: Final = 0

    def setsockopt(self, *_option: object) -> None: ...

    def getsockopt(self, *_option: object) -> int:
        return 0

    def fileno(self) -> int:
        return -1


class Transport(asyncio.Transport):
    """One end of a connection, as asyncio's protocols know it."""

    def __init__(
        self, *, out: Pipe, into: Pipe, here: _Address, there: _Address, connection: Connection
    ) -> None:
        super().__init__({"socket": _Socket(), "sockname": here, "peername": there})
        self.is_lost = False
        self._loop = asyncio.get_running_loop()
        self._out = out
        self._into = into
        self._connection = connection
        self._protocol: Any = None
        self._closing = False
        self._paused = False

    def start(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell the protocol that it is connected."""
        self._protocol = protocol
        protocol.connection_made(self)

    # -- for the protocol ---------------------------------------------------------------------------------------

    @override
    def write(self, data: Any) -> None:
        if not self._closing and len(data):
            self._out.write(bytes(data))

    @override
    def can_write_eof(self) -> bool:
        return True

    @override
    def write_eof(self) -> None:
        self._out.end()

    @override
    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._out.end()
            self._loop.call_soon(self._lose, None)

    @override
    def abort(self) -> None:
        if not self.is_lost:
            self._closing = True
            self._out.reset()
            self._loop.call_soon(self._lose, None)

    @override
    def is_closing(self) -> bool:
        return self._closing

    @override
    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    @override
    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    @override
    def pause_reading(self) -> None:
        self._paused = True

    @override
    def resume_reading(self) -> None:
        self._paused = False
        self._into.wake()

    @override
    def get_write_buffer_size(self) -> int:
        return self._out.waiting_bytes

    @override
    def get_write_buffer_limits(self) -> tuple[int, int]:
        return (16_384, 65_536)

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    # -- for the pipes -------------------------------------------------------------------------------------------

    def take(self, chunk: bytes) -> None:
        """Receive bytes."""
        protocol = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(chunk)
            return
        rest = memoryview(chunk)
        while rest and not self._closing:
            buffer = memoryview(protocol.get_buffer(-1))
            taken = min(len(buffer), len(rest))
            buffer[:taken] = rest[:taken]
            protocol.buffer_updated(taken)
            rest = rest[taken:]

    def take_end(self) -> None:
        """Hear that no more will come; a protocol that does not want to go on writing closes."""
        if not self._protocol.eof_received():
            self.close()

    def fail(self, error: OSError) -> None:
        """Lose the connection."""
        if not self.is_lost:
            self._closing = True
            self._lose(error)

    def hold(self, held: bool) -> None:
        """Be asked to pause writing, or to go on."""
        if not self.is_lost:
            (self._protocol.pause_writing if held else self._protocol.resume_writing)()

    def _lose(self, error: OSError | None) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._protocol.connection_lost(error)
            self._connection.end_lost()
            self._into.wake()


class _Listener(asyncio.AbstractServer):
    """Somebody who listens, as asyncio's servers are known."""

    def __init__(self, network: Network, factory: _Factory, address: _Address) -> None:
        self.factory = factory
        self.connections: list[Connection] = []
        self._network = network
        self._address = address

    @property
    def sockets(self) -> tuple[_ListeningSocket, ...]:
        """The one address this listens on, in the shape of a socket."""
        return (_ListeningSocket(self._address),) if self.is_serving() else ()

    @override
    def close(self) -> None:
        self._network.unlisten(self._address)

    @override
    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @override
    def is_serving(self) -> bool:
        return self._network._listeners.get(self._address) is self  # noqa: SLF001

    @override
    async def start_serving(self) -> None: ...

    @override
    async def serve_forever(self) -> None:
        await asyncio.get_running_loop().create_future()

    @override
    async def wait_closed(self) -> None: ...


class _ListeningSocket(_Socket):
    def __init__(self, address: _Address) -> None:
        self._address = address

    def getsockname(self) -> _Address:
        """Return host and port."""
        return self._address
