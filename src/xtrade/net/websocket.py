"""WebSocket: one connection with one state, and a plain function that is called with every message.

    class Feed(Listener): ...            # on_open, on_message, on_close: plain functions, called from the socket
    socket = await connect("okx", "wss://…", Feed(), WebSocketOptions())
    closed = await socket.wait_closed()

`on_message` runs in the very call in which the bytes were read: no queue and no task lies between. What it raises
ends the connection and is raised again by `wait_closed`. A message in several frames is put together first; pings
of the venue are answered without a word.

Who is alive is seen by messages, never by control frames: a venue that answers pings and sends nothing is silent.
A connection is not mended: it ends, says why (`Closed`), and whoever owns it makes another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec
import picows
from python_socks import ProxyError
from typing_extensions import override

from xtrade.model.errors import ConfigError, RateLimited, Unavailable, VenueError
from xtrade.net.liveness import Keepalive, Liveness
from xtrade.net.redaction import shown_reason, shown_url
from xtrade.net.tls import tls_context
from xtrade.net.usage import retry_after_ns
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret, redact
from xtrade.runtime.virtual_loop import VirtualLoop

__all__ = ["Closed", "Listener", "WebSocket", "WebSocketOptions", "connect"]

_MS_NS: Final = 1_000_000
_MS_S: Final = 1_000
_TEXT: Final = picows.WSMsgType.TEXT
_BINARY: Final = picows.WSMsgType.BINARY
_OK: Final = 1000
_ABNORMAL: Final = 1006
_TOO_BIG: Final = 1009
_REASON_MAX: Final = 123
_ASKING_TO_WAIT: Final = (418, 429)
_WAIT_NS: Final = 10_000 * _MS_NS


class WebSocketOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one connection behaves."""

    connect_ms: int = 10_000
    """Until the handshake is complete."""
    silence_ms_max: int = 0
    """End the connection after this long without a message; control frames are none. 0: silence is no reason."""
    keepalive: Keepalive | None = None
    message_bytes_max: int = 16 * 1024 * 1024
    send_bytes_max: int = 1024 * 1024
    """Refuse to send while more than this waits in the send buffer: the other end does not read."""
    close_ms: int = 2_000
    headers: tuple[tuple[str, str], ...] = ()
    proxy: Secret | None = None
    ca_file: str = ""

    def __post_init__(self) -> None:
        for name in ("connect_ms", "message_bytes_max", "send_bytes_max", "close_ms"):
            if getattr(self, name) < 1:
                raise ConfigError(f"WebSocket: {name} = {getattr(self, name)}: expected one or more")
        if self.silence_ms_max < 0:
            raise ConfigError(f"WebSocket: silence_ms_max = {self.silence_ms_max}: expected zero or more")


class Closed(NamedTuple):
    """How a connection ended."""

    by: Literal["venue", "us", "wire"]
    """Who ended it: the venue by a close frame, we by will or watchdog, or nobody: the wire broke."""
    code: int
    reason: str


class Listener(Protocol):
    """What is told of one connection, in plain calls from the socket."""

    def on_open(self, socket: WebSocket) -> None:
        """The handshake is complete: this is the moment to log in and to subscribe."""
        ...

    def on_message(self, payload: bytes, received_ns: int) -> None:
        """One whole message, and the wall time at which it was read."""
        ...

    def on_close(self, closed: Closed) -> None:
        """The connection has ended; nothing follows."""
        ...


class WebSocket:
    """One connection; made by `connect`."""

    def __init__(self, venue: str, url: str, listener: Listener, options: WebSocketOptions) -> None:
        self.venue = venue
        self.address = shown_url(url)
        self.messages = 0
        self.bytes = 0
        self._url = url
        self._listener = listener
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._wire: picows.WSTransport | None = None
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._life = Liveness(options.silence_ms_max, options.keepalive, clock.monotonic_ns())
        self._timer: asyncio.TimerHandle | None = None
        self._ours: Closed | None = None
        self._theirs: Closed | None = None
        self._failure: Exception | None = None
        self._given_up = False
        self._closed: asyncio.Future[Closed] = self._loop.create_future()
        self._end: asyncio.Task[None] | None = None

    # -- for whoever owns it -----------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """May something be sent?"""
        return (
            self._wire is not None and not self._closed.done() and self._ours is None and self._theirs is None
        )

    @property
    def last_message_ns(self) -> int:
        """Monotonic time of the last message (of the handshake, before the first)."""
        return self._life.message_ns

    def send_text(self, payload: bytes | str) -> None:
        """Hand a text message to the wire; Unavailable (nothing was sent) where that cannot be."""
        self._send(_TEXT, payload)

    def send_binary(self, payload: bytes) -> None:
        """Hand a binary message to the wire; Unavailable (nothing was sent) where that cannot be."""
        self._send(_BINARY, payload)

    async def close(self, code: int = _OK, reason: str = "") -> Closed:
        """Say goodbye, wait a little for the answer, and end."""
        if self.is_open:
            assert self._wire is not None
            self._ours = Closed("us", code, reason)
            self._wire.send_close(_code(code), reason.encode()[:_REASON_MAX])
        try:
            async with asyncio.timeout(self._options.close_ms / _MS_S):
                return await self.wait_closed()
        except TimeoutError:
            self._break("us", code, reason)
            return await self.wait_closed()

    def abort(self, reason: str = "aborted") -> None:
        """End at once, without a goodbye."""
        self._break("us", _ABNORMAL, reason)

    async def wait_closed(self) -> Closed:
        """Wait for the end, and return how it came; raises what the listener raised, if it was that."""
        closed = await asyncio.shield(self._closed)
        if self._failure is not None:
            raise self._failure
        return closed

    # -- connecting --------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect; called once, by `connect`."""
        options = self._options
        secure = self._url.startswith("wss")
        virtual = isinstance(self._loop, VirtualLoop)
        try:
            async with asyncio.timeout(options.connect_ms / _MS_S):
                wire, _ = await picows.ws_connect(
                    lambda _request, _response: _Ears(self),
                    self._url,
                    ssl_context=tls_context(options.ca_file) if secure and not virtual else None,
                    websocket_handshake_timeout=options.connect_ms / _MS_S,
                    max_frame_size=options.message_bytes_max,
                    extra_headers=options.headers,
                    max_redirects=0,
                    proxy=options.proxy.reveal() if options.proxy is not None else None,
                    use_aiofastnet=False if virtual else None,
                )
        except TimeoutError:
            self._given_up = True
            raise self._no(f"no connection within {options.connect_ms} ms") from None
        except asyncio.CancelledError:
            # The library goes on shaking hands; its connection is ended as soon as it says so.
            self._given_up = True
            raise
        except picows.WSHandshakeError as error:
            raise self._handshake_failure(error) from None
        except (OSError, ValueError, picows.WSError, ProxyError) as error:
            raise self._no(shown_reason(error)) from None
        if self._wire is None:
            wire.disconnect(False)
            raise self._no("the connection ended during the handshake")

    def _handshake_failure(self, error: picows.WSHandshakeError) -> VenueError:
        response = error.response
        if response is None:
            return self._no("the answer is no WebSocket handshake")
        status = int(response.status)
        text = redact((error.raw_body or b"")[:200].decode(errors="replace"))
        if status in _ASKING_TO_WAIT:
            headers = {name.lower(): value for name, value in response.headers.items()}
            wait_ns = retry_after_ns(headers, clock.now_ns()) or _WAIT_NS
            return RateLimited(
                f"{self.venue}: {self.address}: the venue asks to wait {wait_ns // _MS_NS} ms (HTTP {status})",
                venue=self.venue,
                request="connect",
                retry_after_ns=wait_ns,
                code=str(status),
                text=text,
            )
        return self._no(f"the handshake was refused with HTTP {status}", code=str(status), text=text)

    def _no(self, reason: str, code: str = "", text: str = "") -> Unavailable:
        return Unavailable(
            f"{self.venue}: {self.address}: {reason}; nothing was sent",
            venue=self.venue,
            request="connect",
            code=code,
            text=text,
        )

    # -- what the wire says ------------------------------------------------------------------------------------

    def opened(self, wire: picows.WSTransport) -> None:
        """The handshake is complete."""
        if self._given_up:
            wire.disconnect(False)
            return
        self._wire = wire
        options = self._options
        self._life = Liveness(options.silence_ms_max, options.keepalive, clock.monotonic_ns())
        self._end = self._loop.create_task(self._ended(wire), name=f"end of {self.venue} socket")
        self._listen(lambda: self._listener.on_open(self))
        self._watch()

    def framed(self, wire: picows.WSTransport, frame: picows.WSFrame) -> None:
        """One frame has come."""
        if wire.is_close_frame_sent and self._ours is None and self._theirs is None:
            # The library has found the stream broken, has said so, and goes on reading for a moment: what it reads
            # there may begin in the middle of a frame.
            wire.disconnect(False)
            return
        kind = frame.msg_type
        if frame.fin and (kind is _TEXT or kind is _BINARY) and not self._parts:
            self._received(frame.get_payload_as_bytes())
        elif kind is picows.WSMsgType.PONG:
            self._life.pong()
        elif kind is picows.WSMsgType.CLOSE:
            self._said_goodbye(wire, frame)
        elif kind is not picows.WSMsgType.PING:
            self._part(frame)

    def _part(self, frame: picows.WSFrame) -> None:
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > self._options.message_bytes_max:
            self._break("us", _TOO_BIG, f"a message of more than {self._options.message_bytes_max} bytes")
            return
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._parts_bytes = 0
            self._received(whole)

    def _received(self, payload: bytes) -> None:
        if self._ours is not None or self._theirs is not None:
            return
        self.messages += 1
        self.bytes += len(payload)
        self._life.message(clock.monotonic_ns())
        try:
            self._listener.on_message(payload, clock.now_ns())
        except Exception as error:  # noqa: BLE001  (kept, and raised to whoever owns the connection)
            self._fail(error)

    def _said_goodbye(self, wire: picows.WSTransport, frame: picows.WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        code = int.from_bytes(payload[:2], "big") or _OK
        if self._ours is None and self._theirs is None:
            self._theirs = Closed("venue", code, redact(payload[2:].decode(errors="replace")))
            wire.send_close(_code(code))
        wire.disconnect()

    def _listen(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:  # noqa: BLE001  (kept, and raised to whoever owns the connection)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failure is None:
            self._failure = error
        self._break("us", 1011, "the listener failed")

    async def _ended(self, wire: picows.WSTransport) -> None:
        broken = "the connection broke"
        try:
            await wire.wait_disconnected()
        except Exception as error:  # noqa: BLE001  (whatever the library found wrong with the stream)
            broken = f"the stream makes no sense ({type(error).__name__})"
        if self._timer is not None:
            self._timer.cancel()
        closed = self._ours or self._theirs or Closed("wire", _ABNORMAL, broken)
        self._closed.set_result(closed)
        self._listen(lambda: self._listener.on_close(closed))
        if self._failure is not None:
            _log().error(
                "socket listener failed", venue=self.venue, address=self.address, error=repr(self._failure)
            )
        _log().info("socket closed", venue=self.venue, address=self.address, by=closed.by, code=closed.code)

    # -- what we do --------------------------------------------------------------------------------------------

    def _send(self, kind: picows.WSMsgType, payload: bytes | str) -> None:
        wire = self._wire
        if wire is None or not self.is_open or wire.is_disconnected:
            raise self._no("the connection is closed")
        waiting = wire.underlying_transport.get_write_buffer_size()
        if waiting > self._options.send_bytes_max:
            raise self._no(f"{waiting} bytes wait to be sent: the other end does not read")
        wire.send(kind, payload)
        self._life.sent(clock.monotonic_ns())

    def _break(self, by: Literal["us"], code: int, reason: str) -> None:
        if self._ours is None and self._theirs is None:
            self._ours = Closed(by, code, reason)
        if self._wire is not None:
            self._wire.disconnect(False)

    def _watch(self) -> None:
        """Ping what is due, end what is silent, and come back when the next of both may be."""
        self._timer = None
        if not self.is_open:
            return
        now_ns = clock.monotonic_ns()
        if (reason := self._life.reason_to_end(now_ns)) is not None:
            self._break("us", _ABNORMAL, reason)
            return
        if self._life.is_ping_due(now_ns):
            self._ping(now_ns)
        wake_ns = self._life.wake_ns()
        if wake_ns is not None and self.is_open:
            self._timer = self._loop.call_later(max(1, wake_ns - now_ns) / 1e9, self._watch)

    def _ping(self, now_ns: int) -> None:
        keepalive = self._options.keepalive
        assert self._wire is not None
        assert keepalive is not None
        try:
            if keepalive.payload is None:
                self._wire.send_ping()
            else:
                self.send_text(keepalive.payload())
        except Unavailable as error:
            self._break("us", _ABNORMAL, str(error))
            return
        self._life.pinged(now_ns)


class _Ears(picows.WSListener):
    """picows's side of a connection."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    @override
    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._socket.opened(transport)

    @override
    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self._socket.framed(transport, frame)

    @override
    def pause_writing(self) -> None: ...

    @override
    def resume_writing(self) -> None: ...


async def connect(
    venue: str, url: str, listener: Listener, options: WebSocketOptions | None = None
) -> WebSocket:
    """Open a connection. Raises Unavailable, or RateLimited where the venue asks to wait; nothing was sent then."""
    socket = WebSocket(venue, url, listener, options or WebSocketOptions())
    await socket.open()
    return socket


def _code(number: int) -> picows.WSCloseCode:
    # The library passes any 16-bit number on, and names only those of the standard.
    try:
        return picows.WSCloseCode(number)
    except ValueError:
        return picows.WSCloseCode.OK


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
