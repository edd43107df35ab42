"""One connection with one state: alike on real sockets and in memory, against a server that we did not write."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from net.wires import HOST, answering, read_request, serving, shake_hands
from xtrade.model.errors import ConfigError, RateLimited, Unavailable
from xtrade.net.liveness import Keepalive
from xtrade.net.memory.faults import FaultPlan
from xtrade.net.websocket import Closed, Listener, WebSocketOptions, connect
from xtrade.runtime import clock


class Feed(Listener):
    """Keeps what it hears; says `first` when the connection opens."""

    def __init__(self, first=None, fails_on=None):
        self.first, self.fails_on = first, fails_on
        self.heard = []
        self.times = []
        self.closed = None
        self.arrival = asyncio.Event()

    def on_open(self, socket):
        if self.first is not None:
            socket.send_text(self.first)

    def on_message(self, payload, received_ns):
        if payload == self.fails_on:
            raise ValueError("the feed cannot read this")
        self.heard.append(payload)
        self.times.append(received_ns)
        self.arrival.set()

    def on_close(self, closed):
        self.closed = closed

    async def wait_for(self, count):
        async with asyncio.timeout(30):
            while len(self.heard) < count:
                self.arrival.clear()
                await self.arrival.wait()


def url(port, path="/ws"):
    return f"ws://{HOST}:{port}{path}"


def venue(talk):
    async def handle(request):
        socket = web.WebSocketResponse(compress=False, autoping=False)
        await socket.prepare(request)
        await talk(socket)
        return socket

    return web.get("/ws", handle)


async def echo(socket):
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(f"echo {message.data}")
        elif message.type is aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data[::-1])


async def listen_only(socket):
    async for message in socket:
        if message.type is aiohttp.WSMsgType.PING:
            await socket.pong(message.data)


def test_messages_go_both_ways_and_the_first_word_is_said_on_opening(wires):
    async def main():
        feed = Feed(first=b"login")
        async with serving(venue(echo)) as port:
            socket = await connect("acme", url(port), feed)
            socket.send_text("subscribe")
            socket.send_binary(b"abc")
            await feed.wait_for(3)
            assert socket.is_open
            assert (socket.messages, socket.bytes) == (3, len(b"echo loginecho subscribecba"))
            closed = await socket.close()
        return feed, closed, socket

    feed, closed, socket = wires.run(main)

    assert feed.heard == [b"echo login", b"echo subscribe", b"cba"]
    assert feed.times == sorted(feed.times)
    assert closed == feed.closed == Closed("us", 1000, "")
    assert not socket.is_open


def test_a_message_in_parts_is_put_together(wires):
    async def talk(reader, writer):
        await shake_hands(writer, (await read_request(reader))[0])
        writer.write(b"\x01\x03bid\x89\x01!\x00\x01,\x80\x03ask\x81\x04next")
        await reader.read(100)

    async def main():
        feed = Feed()
        async with answering(talk) as port:
            socket = await connect("acme", url(port), feed)
            await feed.wait_for(2)
            socket.abort()
            await socket.wait_closed()
        return feed.heard

    assert wires.run(main) == [b"bid,ask", b"next"]


def test_the_venues_goodbye_is_heard_with_its_code_and_words(wires):
    async def talk(socket):
        await socket.receive()
        await socket.close(code=4004, message=b"30 s without a word")

    async def main():
        feed = Feed(first="hello")
        async with serving(venue(talk)) as port:
            socket = await connect("acme", url(port), feed)
            return await socket.wait_closed(), feed.closed

    assert wires.run(main) == (Closed("venue", 4004, "30 s without a word"),) * 2


def test_a_broken_wire_is_nobodys_goodbye(wires):
    async def talk(reader, writer):
        await shake_hands(writer, (await read_request(reader))[0])
        await reader.read(1)
        writer.write(b"\x81\x7e\x10\x00half of a fra")
        await writer.drain()

    async def main():
        feed = Feed(first="hello")
        async with answering(talk) as port:
            socket = await connect("acme", url(port), feed)
            closed = await socket.wait_closed()
            with pytest.raises(Unavailable, match="the connection is closed; nothing was sent"):
                socket.send_text("too late")
            return closed, feed.heard

    closed, heard = wires.run(main)

    assert (closed.by, closed.code, heard) == ("wire", 1006, [])


@pytest.mark.parametrize(
    "junk", [b"\xff\xff\xff\xff" * 4, b"\x83\x00", b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"]
)
def test_a_stream_without_sense_ends_the_connection(wires, junk):
    async def talk(reader, writer):
        await shake_hands(writer, (await read_request(reader))[0])
        writer.write(b"\x81\x02ok" + junk)
        await writer.drain()
        await reader.read()

    async def main():
        feed = Feed()
        async with answering(talk) as port:
            socket = await connect("acme", url(port), feed)
            return await socket.wait_closed(), feed.heard

    closed, heard = wires.run(main)

    assert set(heard) <= {b"ok"}
    assert closed.by == "wire"


def test_what_a_listener_raises_ends_the_connection_and_is_not_lost(wires):
    async def main():
        feed = Feed(first="x", fails_on=b"echo x")
        async with serving(venue(echo)) as port:
            socket = await connect("acme", url(port), feed)
            with pytest.raises(ValueError, match="the feed cannot read this"):
                await socket.wait_closed()
        return feed.closed

    assert wires.run(main) == Closed("us", 1011, "the listener failed")


def test_a_message_above_the_limit_ends_the_connection(wires):
    async def main():
        feed = Feed()
        async with serving(venue(echo)) as port:
            socket = await connect("acme", url(port), feed, WebSocketOptions(message_bytes_max=1_000))
            socket.send_text("x" * 990)
            await feed.wait_for(1)
            socket.send_text("x" * 1_000)
            return (await socket.wait_closed()).by, len(feed.heard)

    assert wires.run(main) == ("wire", 1)


@pytest.mark.parametrize(
    ("status", "headers", "error", "said"),
    [
        (403, {}, Unavailable, "refused with HTTP 403; nothing was sent"),
        (302, {"Location": "ws://127.0.0.1:1/"}, Unavailable, "refused with HTTP 302"),
        (429, {"Retry-After": "7"}, RateLimited, "asks to wait 7000 ms"),
        (418, {}, RateLimited, "asks to wait 10000 ms"),
        (200, {}, Unavailable, "nothing was sent"),
    ],
)
def test_a_refused_handshake_says_why(wires, status, headers, error, said):
    async def refuse(request):
        return web.Response(status=status, headers=headers, text="no")

    async def main():
        async with serving(web.get("/ws", refuse)) as port:
            await connect("acme", url(port, "/ws?listenKey=abcdef"), Feed())

    with pytest.raises(error, match=said) as caught:
        wires.run(main)

    assert "abcdef" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"", b"HTTP/1.1 101 Yes\r\n\r\n"])
def test_who_does_not_speak_websocket_is_unavailable(wires, answer):
    async def talk(reader, writer):
        await read_request(reader)
        writer.write(answer)

    async def main():
        async with answering(talk) as port:
            await connect("acme", url(port), Feed())

    with pytest.raises(Unavailable, match="nothing was sent"):
        wires.run(main)


def test_nobody_listens(wires):
    async def main():
        async with serving() as port:
            pass
        await connect("acme", url(port), Feed())

    with pytest.raises(Unavailable, match="nothing was sent"):
        wires.run(main)


def test_a_handshake_that_never_ends_is_given_up(wires):
    async def talk(reader, writer):
        await reader.read()

    async def main():
        async with answering(talk) as port:
            await connect("acme", url(port), Feed(), WebSocketOptions(connect_ms=30))

    with pytest.raises(Unavailable, match=r"no connection within 30 ms|ended during|TimeoutError"):
        wires.run(main)


def test_the_venues_pings_are_answered(wires):
    pongs = []

    async def talk(socket):
        await socket.ping(b"are you there")
        pongs.append((await socket.receive()).data)
        await socket.close()

    async def main():
        async with serving(venue(talk)) as port:
            socket = await connect("acme", url(port), Feed())
            await socket.wait_closed()

    wires.run(main)

    assert pongs == [b"are you there"]


def test_a_text_ping_is_sent_when_nothing_came_and_any_message_answers_it(wires):
    async def talk(socket):
        async for message in socket:
            await socket.send_str("pong" if message.data == "ping" else "?")

    async def main():
        feed = Feed()
        keepalive = Keepalive(every_ms=10, when="nothing received", payload=lambda: b"ping", answer_ms=2_000)
        async with serving(venue(talk)) as port:
            socket = await connect("acme", url(port), feed, WebSocketOptions(keepalive=keepalive))
            await feed.wait_for(3)
            await socket.close()
        return feed.heard

    assert set(wires.run(main)) == {b"pong"}


def test_pongs_do_not_hide_a_silent_feed(wires):
    options = WebSocketOptions(silence_ms_max=60, keepalive=Keepalive(every_ms=10, answer_ms=2_000))

    async def main():
        async with serving(venue(listen_only)) as port:
            socket = await connect("acme", url(port), Feed(first="subscribe"), options)
            return await socket.wait_closed()

    assert wires.run(main) == Closed("us", 1006, "no message for 60 ms")


def test_an_unanswered_ping_ends_the_connection(wires):
    async def talk(socket):
        async for _ in socket:
            pass  # and no pong

    async def main():
        keepalive = Keepalive(every_ms=10, answer_ms=30)
        async with serving(venue(talk)) as port:
            socket = await connect("acme", url(port), Feed(), WebSocketOptions(keepalive=keepalive))
            return await socket.wait_closed()

    assert wires.run(main) == Closed("us", 1006, "a ping was not answered within 30 ms")


def test_a_goodbye_that_nobody_answers_ends_all_the_same(wires):
    async def talk(reader, writer):
        await shake_hands(writer, (await read_request(reader))[0])
        await asyncio.sleep(60)

    async def main():
        async with answering(talk) as port:
            socket = await connect("acme", url(port), Feed(), WebSocketOptions(close_ms=30))
            return await socket.close(1001, "going home")

    assert wires.run(main) == Closed("us", 1001, "going home")


def test_what_the_other_end_does_not_read_is_not_piled_up_without_end(memory):
    async def talk(reader, writer):
        await shake_hands(writer, (await read_request(reader))[0])
        writer.transport.pause_reading()
        await asyncio.sleep(60)

    async def main():
        async with answering(talk) as port:
            socket = await connect("acme", url(port), Feed(), WebSocketOptions(send_bytes_max=10_000))
            for _ in range(10):
                socket.send_text("x" * 1_000)
            with pytest.raises(Unavailable, match="the other end does not read"):
                socket.send_text("one more")
            socket.abort()
            await socket.wait_closed()

    memory.run(main)


def test_a_half_open_connection_is_noticed_after_the_silence_that_is_allowed(memory):
    async def ticks(socket):
        for number in range(1_000):
            await socket.send_str(json.dumps(number))
            await asyncio.sleep(1)

    async def main():
        feed = Feed()
        async with serving(venue(ticks)) as port:
            socket = await connect("acme", url(port), feed, WebSocketOptions(silence_ms_max=10_000))
            await feed.wait_for(3)
            memory.network.connections[0].silence()
            before_ns = clock.monotonic_ns()
            closed = await socket.wait_closed()
            return closed, (clock.monotonic_ns() - before_ns) // 1_000_000_000, len(feed.heard)

    closed, waited_s, heard = memory.run(main)

    assert (closed.reason, heard) == ("no message for 10000 ms", 3)
    assert waited_s in {9, 10}


def test_a_connection_that_hangs_is_given_up_in_its_own_time(memory):
    async def main():
        async with serving(venue(echo)) as port:
            with pytest.raises(Unavailable, match="no connection within 10000 ms"):
                await connect("acme", url(port), Feed())
            return clock.monotonic_ns()

    assert memory.run(main, plan=FaultPlan(hang=1.0)) == 10_000_000_000


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="connect_ms = 0"):
        WebSocketOptions(connect_ms=0)
    with pytest.raises(ConfigError, match="silence_ms_max = -1"):
        WebSocketOptions(silence_ms_max=-1)
    with pytest.raises(ConfigError, match="every_ms = 0"):
        Keepalive(every_ms=0)
