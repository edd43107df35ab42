"""One request, one reply, and the truth about what left: alike on real sockets and in memory."""

import asyncio
import gzip

import pytest
from aiohttp import web

from net.wires import HOST, answering, read_request, reply_with, serving
from xtrade.model.errors import ConfigError, InDoubt, Unavailable
from xtrade.net.http import HttpOptions, HttpSession, Request, Timeouts
from xtrade.net.memory.faults import FaultPlan
from xtrade.runtime import clock
from xtrade.runtime.secrets import Secret


def session(**options):
    return HttpSession("acme", HttpOptions(**options))


def get(port, path="/", method="GET", **parts):
    return Request(method, f"http://{HOST}:{port}{path}", **parts)


def test_a_reply_carries_status_headers_body_and_its_times(wires):
    async def order(request):
        body = await request.text()
        return web.Response(status=201, text=f"{request.headers['X-Key']}:{body}", headers={"X-Used": "7"})

    async def main():
        async with serving(web.post("/order", order)) as port, session() as http:
            return await http.send(get(port, "/order", "POST", headers=(("X-Key", "k"),), body=b"buy"))

    reply = wires.run(main)

    assert (reply.status, reply.body, reply.headers["x-used"]) == (201, b"k:buy", "7")
    assert 0 < reply.sent_ns <= reply.first_byte_ns <= reply.received_ns


@pytest.mark.parametrize(
    "query", ["?a=1%2C2&b=%5B%22x%22%5D", "?q=a+b&sign=A%2fB%3d", "?symbol=%E2%91%A0&x=~", ""]
)
def test_an_address_is_sent_as_it_was_signed(wires, query):
    seen = []

    async def answer(reader, writer):
        head, _ = await read_request(reader)
        seen.append(head[0])
        writer.write(reply_with(b""))

    async def main():
        async with answering(answer) as port, session() as http:
            await http.send(get(port, f"/o{query}"))

    wires.run(main)

    assert seen == [f"GET /o{query} HTTP/1.1"]


def test_where_nobody_listens_nothing_was_sent(wires):
    async def main():
        async with serving() as port:
            pass
        async with session() as http:
            await http.send(get(port, method="POST"))

    with pytest.raises(Unavailable, match="nothing was sent"):
        wires.run(main)


async def _closes(reader, writer):
    await read_request(reader)


async def _is_silent(reader, writer):
    await read_request(reader)
    await asyncio.sleep(60)


async def _cuts_the_body(reader, writer):
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")


async def _cuts_the_head(reader, writer):
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def _talks_garbage(reader, writer):
    await read_request(reader)
    writer.write(b"\x16\x03\x01\x00\xff what\r\n\r\n")


async def _drips(reader, writer):
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(1_000):
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_closes, "ServerDisconnectedError"),
        (_is_silent, "no answer within 50 ms"),
        (_cuts_the_body, "ClientPayloadError"),
        (_cuts_the_head, "ServerDisconnectedError"),
        (_talks_garbage, "ClientResponseError|BadStatusLine|BadHttpMessage|ServerDisconnected"),
        (_drips, "no end of the answer within 150 ms"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_lost_answer_is_in_doubt(wires, answer, said, method):
    # Short only where it is the time-out that is wanted: a busy machine is no fault.
    short = {_is_silent: Timeouts(first_byte_ms=50), _drips: Timeouts(total_ms=150)}
    timeouts = short.get(answer, Timeouts())

    async def main():
        async with answering(answer) as port, session(timeouts=timeouts) as http:
            await http.send(get(port, method=method), what="place order")

    with pytest.raises(InDoubt, match=said) as caught:
        wires.run(main)

    assert caught.value.request == "place order"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_a_request_into_a_dying_kept_connection_is_sent_once(wires, method):
    seen = []

    async def answer(reader, writer):
        await read_request(reader)
        seen.append("first")
        writer.write(reply_with(b"ok"))
        await writer.drain()
        await read_request(reader)
        seen.append("second")

    async def main():
        async with answering(answer) as port, session() as http:
            await http.send(get(port))
            with pytest.raises(InDoubt):
                await http.send(get(port, method=method))

    wires.run(main)

    assert seen == ["first", "second"]


def test_connections_are_kept_and_shared(wires):
    connections = []

    async def answer(reader, writer):
        connections.append(writer)
        while True:
            await read_request(reader)
            writer.write(reply_with(b"ok"))

    async def main():
        async with answering(answer) as port, session() as http:
            for _ in range(5):
                assert (await http.send(get(port))).body == b"ok"

    wires.run(main)

    assert len(connections) == 1


def test_no_redirect_is_followed(wires):
    async def moved(request):
        raise web.HTTPFound("/elsewhere")

    async def main():
        async with serving(web.get("/", moved)) as port, session() as http:
            return await http.send(get(port))

    assert wires.run(main).status == 302


def test_a_packed_answer_is_unpacked_and_an_endless_one_is_not_read(wires):
    packed = gzip.compress(b"0" * 1_000_000)

    async def answer(reader, writer):
        await read_request(reader)
        writer.write(reply_with(packed, headers="Content-Encoding: gzip\r\n"))

    async def main():
        async with answering(answer) as port:
            async with session() as http:
                body = (await http.send(get(port))).body
            async with session(reply_bytes_max=500_000) as http:
                with pytest.raises(InDoubt, match="longer than 500000 bytes"):
                    await http.send(get(port))
            return body

    assert wires.run(main) == b"0" * 1_000_000


def test_no_error_and_no_repr_shows_a_signature(wires):
    secret = Secret("sUp3rS3cretSignatureOfAnOrder")
    path = f"/order?signature={secret.reveal()}"

    async def main():
        async with answering(_closes) as port, session() as http:
            request = get(port, path)
            with pytest.raises(InDoubt) as caught:
                await http.send(request)
        return f"{caught.value} {caught.value!r} {caught.value.__cause__} {request!r}"

    shown = wires.run(main)

    assert secret.reveal() not in shown
    assert "/order?signature=****" in shown


def test_cancelling_a_request_closes_its_connection_and_frees_the_pool(wires):
    async def main():
        async with answering(_is_silent) as port, session(connections_max=1) as http:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await http.send(get(port))

    wires.run(main)


def test_a_connection_that_hangs_is_given_up_in_its_own_time(memory):
    async def main():
        async with answering(_closes) as port, session() as http:
            before_ns = clock.monotonic_ns()
            with pytest.raises(Unavailable, match="no connection within 5000 ms"):
                await http.send(get(port))
            return clock.monotonic_ns() - before_ns

    assert memory.run(main, plan=FaultPlan(hang=1.0)) == 5_000_000_000


def test_a_session_is_used_as_a_context():
    async def main():
        await HttpSession("acme").send(get(1))

    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(main())


def test_time_outs_of_zero_are_refused():
    with pytest.raises(ConfigError, match="connect_ms = 0"):
        Timeouts(connect_ms=0)
