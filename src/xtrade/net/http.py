"""HTTP: one request, one reply, and the truth about what left this machine.

    async with HttpSession("binance", HttpOptions()) as session:
        reply = await session.send(Request("GET", "https://…/api/v3/time"))

Every phase has its time-out: until connected, until the first byte of the answer, until all of it. What fails before
the request was handed to a connection is `Unavailable`: it was never sent. What fails afterwards is `InDoubt`: it may
have taken effect, and whoever knows what a repeat would do decides (xtrade.net.calls). Replies of any status are
replies: what they mean is the venue's affair.

Nothing is repeated here, not even what HTTP calls idempotent, and no redirect is followed: a signed request goes to
the address that it was signed for, once. Under the virtual loop connections are made by its network in memory.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, Self

import aiohttp
import msgspec
from typing_extensions import override
from yarl import URL

from xtrade.model.errors import ConfigError, InDoubt, Unavailable, VenueError
from xtrade.net.redaction import shown_reason, shown_url
from xtrade.net.tls import tls_context
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret
from xtrade.runtime.virtual_loop import VirtualLoop

__all__ = ["HttpOptions", "HttpSession", "HttpTransport", "Reply", "Request", "Timeouts", "connector"]

_MS_S: Final = 1_000
_READ_BYTES: Final = 65_536


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long each phase of an exchange may take."""

    connect_ms: int = 5_000
    first_byte_ms: int = 10_000
    """From the request's last byte to the first of the answer."""
    total_ms: int = 30_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                raise ConfigError(f"HTTP time-outs: {name} = {getattr(self, name)}: expected one or more")


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one venue's HTTP session behaves."""

    timeouts: Timeouts = Timeouts()
    connections_max: int = 20
    idle_ms_max: int = 15_000
    """A connection that was idle for longer is not used again: the venue may be about to close it, and an order
    that is sent into a closing connection is in doubt."""
    reply_bytes_max: int = 64 * 1024 * 1024
    dns_ms: int = 60_000
    proxy: Secret | None = None
    """`http://user:password@host:port`; a secret, because it may hold a password."""
    ca_file: str = ""
    """Certificates to trust in the place of the system's, such as a test server's own."""
    user_agent: str = "xtrade"


class Request(NamedTuple):
    """One request, ready to be sent: the address is taken as it stands, since it may be signed."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @override
    def __repr__(self) -> str:
        return f"Request({self.method!r}, {shown_url(self.url)!r})"


class Reply(NamedTuple):
    """One answer, whatever its status. Names of headers are in small letters; of repeated ones the last stands."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_ns: int
    """Monotonic, as all three: when the request was handed to a connection."""
    first_byte_ns: int
    received_ns: int

    @override
    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"


class HttpTransport(Protocol):
    """What sends a request: a session over sockets, or whatever a test puts in its place."""

    async def send(self, request: Request, *, timeouts: Timeouts | None = None, what: str = "") -> Reply:
        """Send once, and return the answer. Raises Unavailable where nothing left, InDoubt where it may have."""
        ...


class _Exchange:
    """How far one exchange has come; aiohttp's traces write it."""

    __slots__ = ("deadline", "phase", "sent_ns", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.phase = "connect"
        self.sent_ns = 0
        self.deadline: asyncio.Timeout | None = None

    def sent(self) -> None:
        """From here on bytes may have left."""
        self.phase = "first byte"
        self.sent_ns = clock.monotonic_ns()
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + self.timeouts.first_byte_ms / _MS_S)


class HttpSession(HttpTransport):
    """A pool of kept-alive connections to one venue. Use it as a context."""

    def __init__(self, venue: str, options: HttpOptions | None = None) -> None:
        self.venue = venue
        self.options = options or HttpOptions()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        options = self.options
        self._session = aiohttp.ClientSession(
            connector=connector(options),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": options.user_agent, "Accept-Encoding": "gzip, deflate"},
            timeout=aiohttp.ClientTimeout(),
            auto_decompress=True,
            trace_configs=[_traces()],
            proxy=options.proxy.reveal() if options.proxy is not None else None,
        )
        # aiohttp repeats PUT and DELETE by itself when a kept connection turns out dead. A cancel with a nonce, or
        # an amendment, is not for it to repeat. tests/net pins this.
        self._session._retry_connection = False  # noqa: SLF001
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @override
    async def send(self, request: Request, *, timeouts: Timeouts | None = None, what: str = "") -> Reply:
        if self._session is None:
            raise RuntimeError("an HTTP session is used as a context: async with HttpSession(...) as session")
        exchange = _Exchange(timeouts or self.options.timeouts)
        what = what or f"{request.method} {shown_url(request.url)}"
        whole = asyncio.timeout(exchange.timeouts.total_ms / _MS_S)
        try:
            async with whole:
                return await self._exchange(self._session, request, exchange, what)
        except TimeoutError:
            limit_ms = exchange.timeouts.total_ms if whole.expired() else _phase_ms(exchange)
            raise self._failure(
                exchange, what, f"no {_MISSED[exchange.phase]} within {limit_ms} ms"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The library's own error may quote the whole address, signature and all: it is not shown as the cause.
            raise self._failure(exchange, what, shown_reason(error)) from None

    async def _exchange(
        self, session: aiohttp.ClientSession, request: Request, exchange: _Exchange, what: str
    ) -> Reply:
        async with asyncio.timeout(exchange.timeouts.connect_ms / _MS_S) as exchange.deadline:
            response = await session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body or None,
                skip_auto_headers=("Content-Type",),
                allow_redirects=False,
                trace_request_ctx=exchange,
            )
        first_byte_ns = clock.monotonic_ns()
        exchange.phase = "whole answer"
        try:
            body = await self._read(response, what)
        finally:
            # What was not read to its end is closed, and not handed to the next request.
            response.release() if response.content.is_eof() else response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, body, exchange.sent_ns, first_byte_ns, clock.monotonic_ns())

    async def _read(self, response: aiohttp.ClientResponse, what: str) -> bytes:
        parts = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self.options.reply_bytes_max:
                raise InDoubt(
                    f"{self.venue}: {what}: the answer is longer than {self.options.reply_bytes_max} bytes:"
                    " raise reply_bytes_max if the venue means it",
                    venue=self.venue,
                    request=what,
                )
            parts.append(part)
        return b"".join(parts)

    def _failure(self, exchange: _Exchange, what: str, reason: str) -> VenueError:
        if exchange.phase == "connect":
            return Unavailable(
                f"{self.venue}: {what}: {reason}; nothing was sent", venue=self.venue, request=what
            )
        return InDoubt(
            f"{self.venue}: {what}: {reason}; it was sent and may have taken effect",
            venue=self.venue,
            request=what,
        )


_MISSED: Final = {"connect": "connection", "first byte": "answer", "whole answer": "end of the answer"}


def _phase_ms(exchange: _Exchange) -> int:
    timeouts = exchange.timeouts
    return timeouts.connect_ms if exchange.phase == "connect" else timeouts.first_byte_ms


def _traces() -> aiohttp.TraceConfig:
    async def sent(_session: object, context: Any, _parameters: object) -> None:
        # Called just before the first byte is written; the connection is there.
        context.trace_request_ctx.sent()

    traces = aiohttp.TraceConfig()
    traces.on_request_headers_sent.append(sent)
    return traces


def connector(options: HttpOptions) -> aiohttp.BaseConnector:
    """Return what a session connects by: sockets, or under the virtual loop its network in memory."""
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        # aiohttp reads the machine's clock to see how long a connection was idle; here none grows old by it.
        return _LoopConnector(limit=options.connections_max, keepalive_timeout=None)
    context: ssl.SSLContext | bool = tls_context(options.ca_file) if options.ca_file else True
    return aiohttp.TCPConnector(
        limit=options.connections_max,
        keepalive_timeout=options.idle_ms_max / _MS_S,
        ttl_dns_cache=max(1, options.dns_ms // _MS_S),
        ssl=context,
    )


class _LoopConnector(aiohttp.BaseConnector):
    """Connects by the loop alone: no names, no sockets, no TLS."""

    @override
    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        try:
            _, protocol = await self._loop.create_connection(self._factory, req.url.host, req.url.port)
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return protocol
