"""The network in memory: the same run for the same seed, and each fault as it is on a real wire."""

import asyncio
import itertools
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from net.test_websocket import Feed, url, venue
from net.wires import HOST, answering, read_request, reply_with, serving, shake_hands
from xtrade.model.errors import ConfigError, InDoubt, Unavailable
from xtrade.net.http import HttpOptions, HttpSession, Request, Timeouts
from xtrade.net.memory.faults import CALM, FaultPlan, draw_fate
from xtrade.net.memory.frames import FrameSplitter
from xtrade.net.memory.network import Network
from xtrade.net.websocket import WebSocketOptions, connect
from xtrade.runtime import chance
from xtrade.runtime.refusals import Refused
from xtrade.runtime.trace import Trace
from xtrade.runtime.virtual import run_virtual


def frame(opcode, payload, *, final=True, mask=b""):
    size = len(payload)
    head = bytes([opcode | (0x80 if final else 0)])
    flag = 0x80 if mask else 0
    if size < 126:
        head += bytes([flag | size])
    elif size < 65_536:
        head += bytes([flag | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + size.to_bytes(8, "big")
    return head + mask + payload


frames = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 8, 9, 10]),
        st.integers(0, 300) | st.sampled_from([65_535, 65_536, 70_000]),
        st.booleans(),
        st.sampled_from([b"", b"mask"]),
    ),
    max_size=6,
)


@given(frames, st.lists(st.integers(1, 70_000), max_size=20))
def test_frames_are_found_however_the_bytes_arrive(wanted, cuts):
    raws = [frame(opcode, b"x" * size, final=final, mask=mask) for opcode, size, final, mask in wanted]
    stream = b"".join(raws)
    bounds = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    splitter = FrameSplitter()
    found = [f for a, b in itertools.pairwise(bounds) for f in splitter.feed(stream[a:b])]

    assert [f.raw for f in found] == raws
    assert [(f.opcode, f.final) for f in found] == [(opcode, final) for opcode, _, final, _ in wanted]
    assert splitter.waiting == b""


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_at_all_come_out_as_they_went_in(chunks):
    splitter = FrameSplitter()
    out = b"".join(f.raw for chunk in chunks for f in splitter.feed(chunk))

    assert out + splitter.waiting == b"".join(chunks)


@given(st.integers(0, 10**9))
def test_a_drawn_plan_is_one_that_may_be(seed):
    streams = chance.Streams(seed)
    plan = FaultPlan.drawn(streams.stream("plan"))
    fate = draw_fate(plan, streams.stream("fate"))

    assert plan == FaultPlan.drawn(chance.Streams(seed).stream("plan"))
    assert all(way.cut_at is None or 0 <= way.cut_at < plan.offset_max for way in fate[2:])


@pytest.mark.parametrize(
    ("field", "value"), [("cut", 1.5), ("drop", -0.1), ("latency_ms_min", 9), ("drip_ms", 0)]
)
def test_a_plan_that_makes_no_sense_is_refused(field, value):
    with pytest.raises(ConfigError, match=f"{field} = {value}"):
        FaultPlan(**{field: value})


async def a_busy_half_hour(network):
    """Orders over HTTP and ticks over a socket that is opened anew whenever it breaks; what became of it all."""
    outcomes = []

    async def venue(reader, writer):
        while True:
            head, body = await read_request(reader)
            if head[0].startswith("GET"):
                break
            await asyncio.sleep(0.02)
            writer.write(reply_with(b"order " + body))
        await shake_hands(writer, head)
        for number in range(40):
            writer.write(frame(1, b"%d " % number + b"x" * (number % 700)))
            await asyncio.sleep(0.5)

    async def order(http, port):
        for number in range(60):
            try:
                reply = await http.send(Request("POST", f"http://{HOST}:{port}/order", body=b"%d" % number))
                outcomes.append((number, reply.status, reply.body[:20]))
            except (Unavailable, InDoubt) as error:
                outcomes.append((number, str(error)))
            await asyncio.sleep(30)

    async def listen(port):
        while True:
            try:
                socket = await connect("acme", url(port), Feed(), WebSocketOptions(silence_ms_max=5_000))
                closed = await socket.wait_closed()
                outcomes.append((socket.messages, closed))
            except Unavailable as error:
                outcomes.append(str(error))
            await asyncio.sleep(1)

    timeouts = Timeouts(connect_ms=2_000, first_byte_ms=3_000, total_ms=6_000)
    async with (
        answering(venue) as port,
        HttpSession("acme", HttpOptions(timeouts=timeouts)) as http,
    ):
        listening = asyncio.create_task(listen(port))
        await order(http, port)
        listening.cancel()
        network.plan = CALM
        await asyncio.sleep(60)
    return outcomes


STORM = FaultPlan(
    refuse=0.2,
    hang=0.2,
    cut=0.4,
    silence=0.3,
    drip=0.2,
    garbage=0.3,
    spike=0.05,
    drop=0.02,
    double=0.02,
    overtake=0.02,
)


def run_storm(seed):
    trace = Trace(keep=True)
    networks = []

    async def main():
        networks.append(Network(STORM, trace=trace).bring())
        return await a_busy_half_hour(networks[0])

    return run_virtual(main, seed=seed, trace=trace), trace, networks[0]


def test_a_stormy_half_hour_is_the_same_for_the_same_seed():
    first, first_trace, network = run_storm(5)
    second, second_trace, _ = run_storm(5)

    assert first_trace.difference(second_trace) is None
    assert first == second
    faults = "refuse hang cut silence drip garbage spike drop double overtake"
    assert set(faults.split()) <= set(network.reached)
    assert len(network.log) == sum(network.reached.values())


async def numbered(plan, count, *, every_s=0.05):
    async def ticks(socket):
        await asyncio.sleep(0.5)
        for number in range(count):
            await socket.send_str(f"{number}")
            await asyncio.sleep(every_s)
        await asyncio.sleep(5)

    feed = Feed()
    network = Network(plan).bring()
    async with serving(venue(ticks)) as port:
        socket = await connect("acme", url(port), feed)
        await asyncio.sleep(count * every_s + 3)
        socket.abort()
    return [int(payload) for payload in feed.heard], network.reached


def test_lost_messages_are_lost_whole():
    heard, reached = run_virtual(lambda: numbered(FaultPlan(drop=0.2), 300))

    assert reached["drop"] == 300 - len(heard) > 20
    assert heard == sorted(heard)


def test_doubled_messages_come_twice_in_a_row():
    heard, reached = run_virtual(lambda: numbered(FaultPlan(double=0.2), 300))
    twice = [number for number, times in Counter(heard).items() if times == 2]

    assert len(twice) == reached["double"] > 20
    assert heard == sorted(heard)


def test_overtaken_messages_arrive_later_and_none_is_lost():
    heard, reached = run_virtual(lambda: numbered(FaultPlan(overtake=0.2), 300))

    assert sorted(heard) == list(range(300))
    assert heard != sorted(heard)
    assert reached["overtake"] > 20


def test_a_drip_is_slow_and_complete():
    heard, reached = run_virtual(
        lambda: numbered(FaultPlan(drip=1.0, drip_bytes=1, drip_ms=10, overtake=0.5), 50)
    )

    assert heard == list(range(50))
    assert reached["drip"] > 0


def test_a_message_in_pieces_survives_a_change_of_plan():
    """
    Troubles that begin or end in the middle of a frame take no part of it.
    """
    big = b"a" * 300

    async def talk(reader, writer):
        await shake_hands(writer, (await read_request(reader))[0])
        network = talk.network
        for number in range(60):
            raw = frame(1, b"%d " % number + big)
            network.plan = [FaultPlan(overtake=0.7), CALM, FaultPlan(double=0.0, drop=1e-9)][number % 3]
            for start in range(0, len(raw), 100):
                writer.write(raw[start : start + 100])
                await asyncio.sleep(0.01)
                if start == 100:
                    network.plan = [CALM, FaultPlan(overtake=0.7)][number % 2]
        await asyncio.sleep(5)

    async def main():
        talk.network = Network().bring()
        feed = Feed()
        async with answering(talk) as port:
            socket = await connect("acme", url(port), feed)
            await feed.wait_for(60)
            socket.abort()
        return feed.heard

    for seed in range(5):
        heard = run_virtual(main, seed=seed)
        assert sorted(int(m.split()[0]) for m in heard) == list(range(60))
        assert all(m.endswith(b" " + big) for m in heard)


def test_bytes_arrive_in_the_order_in_which_they_were_sent_whatever_the_latency():
    sent = b"".join(b"%d," % number for number in range(300))

    async def main():
        Network(FaultPlan(latency_ms_min=0, latency_ms_max=200, spike=0.1)).bring()
        got = []

        async def talk(reader, writer):
            got.append(await reader.read(-1))

        async with answering(talk) as port:
            _, writer = await asyncio.open_connection(HOST, port)
            for start in range(0, len(sent), 7):
                writer.write(sent[start : start + 7])
                await asyncio.sleep(0.001)
            await gone(writer)
            await asyncio.sleep(60)
        return got

    assert run_virtual(main) == [sent]


async def gone(writer):
    writer.close()
    with suppress(ConnectionResetError):
        await writer.wait_closed()


def test_a_reset_is_heard_by_both_ends():
    async def main():
        network = Network().bring()
        server_heard = asyncio.get_running_loop().create_future()

        async def talk(reader, writer):
            try:
                await reader.readexactly(100)
            except ConnectionResetError as error:
                server_heard.set_result(type(error).__name__)

        async with answering(talk) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            (connection,) = network.connections
            connection.reset()
            with pytest.raises(ConnectionResetError):
                await reader.read()
            await gone(writer)
            heard = await server_heard
        assert network.connections == []
        return heard

    assert run_virtual(main) == "ConnectionResetError"


def test_a_writer_is_paused_while_the_other_end_does_not_read():
    async def main():
        Network().bring()
        gate = asyncio.Event()
        got = []

        async def talk(reader, writer):
            writer.transport.pause_reading()
            await gate.wait()
            writer.transport.resume_reading()
            got.append(len(await reader.read(-1)))

        async with answering(talk) as port:
            _, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"x" * 200_000)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await writer.drain()
            gate.set()
            await writer.drain()
            writer.close()
            await asyncio.sleep(1)
        return got

    assert run_virtual(main) == [200_000]


def test_who_writes_to_one_who_is_gone_hears_of_it():
    async def main():
        Network().bring()

        async def talk(reader, writer):
            writer.transport.abort()

        async with answering(talk) as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            await gone(writer)

    run_virtual(main)


def test_a_host_can_be_cut_off_and_come_back():
    async def main():
        network = Network().bring()

        async def talk(reader, writer):
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        async with answering(talk) as port, HttpSession("acme") as http:
            request = Request("GET", f"http://{HOST}:{port}/")
            network.refuse(HOST)
            with pytest.raises(Unavailable):
                await http.send(request)
            network.refuse(HOST, False)
            return (await http.send(request)).status

    assert run_virtual(main) == 200


def test_without_a_network_connections_are_refused_as_ever():
    async def main():
        await asyncio.open_connection(HOST, 1)

    with pytest.raises(Refused, match="a simulated network has to bring in-memory transports"):
        run_virtual(main)


def test_a_network_in_memory_is_for_virtual_time():
    async def main():
        Network().bring()

    with pytest.raises(TypeError, match="needs the virtual loop"):
        asyncio.run(main())


def test_two_cannot_listen_on_one_address():
    async def main():
        network = Network().bring()
        await network.listen(asyncio.Protocol, "venue", 443)
        await network.listen(asyncio.Protocol, "venue", 443)

    with pytest.raises(OSError, match="already in use"):
        run_virtual(main)
