"""One direction of a connection in memory: bytes go in, come out later, and meet what the connection drew."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from random import Random  # noqa: TID251  (a type; the streams come from xtrade.runtime.chance)
from typing import Final, Literal, Protocol

from xtrade.net.memory.faults import FaultPlan, Way
from xtrade.net.memory.frames import FrameSplitter
from xtrade.runtime import clock
from xtrade.runtime.trace import Trace

__all__ = ["End", "Pipe", "Weather"]

_MS_NS: Final = 1_000_000
_GARBAGE_BYTES: Final = 8
# Where a sender is asked to pause, and to go on: what asyncio's own transports do.
_HIGH_WATER: Final = 65_536
_LOW_WATER: Final = 16_384


class End(Protocol):
    """One end of a connection, as its pipes see it."""

    is_lost: bool

    def is_reading(self) -> bool:
        """Does it take bytes now?"""
        ...

    def take(self, chunk: bytes) -> None:
        """Receive bytes."""
        ...

    def take_end(self) -> None:
        """Hear that no more will come."""
        ...

    def fail(self, error: OSError) -> None:
        """Lose the connection."""
        ...

    def hold(self, held: bool) -> None:
        """Be asked to pause writing, or to go on."""
        ...


class Weather:
    """What rules over every wire of one network: the plan of now, and the record of what it did."""

    def __init__(self, plan: FaultPlan, trace: Trace | None) -> None:
        self.plan = plan
        self.trace = trace
        self.reached: Counter[str] = Counter()
        self.log: list[tuple[int, str, str]] = []
        """(monotonic time, connection, fault), in the order in which they struck."""

    def strike(self, connection: str, fault: str) -> None:
        """Note that a fault was used: one that never was has not been tested."""
        self.reached[fault] += 1
        self.log.append((clock.monotonic_ns(), connection, fault))


class Pipe:
    """One direction. `between` sets its ends; `write`, `end` and `reset` are the sender's."""

    def __init__(self, name: str, weather: Weather, way: Way, chance: Random, *, to_client: bool) -> None:
        self.name = name
        self.silent = False
        """Nothing more arrives, and neither end is told; may be set and cleared at any time."""
        self._weather = weather
        self._way = way
        self._chance = chance
        self._to_client = to_client
        self._loop = asyncio.get_running_loop()
        self._queue: list[tuple[int, int, bytes | Literal["end", "reset"]]] = []
        self._order = itertools.count()
        self._last_due_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._offset = 0
        self._waiting_bytes = 0
        self._holding = False
        self._dead = False
        self._head: bytes | None = b""
        self._frames: FrameSplitter | None = None
        self._late_until_ns = -1
        self._ahead = 0  # how much of a frame that is not whole yet has gone on its way
        self._sender: End
        self._receiver: End

    def between(self, sender: End, receiver: End) -> None:
        """Set the two ends."""
        self._sender, self._receiver = sender, receiver

    @property
    def waiting_bytes(self) -> int:
        """Return how many bytes are on their way."""
        return self._waiting_bytes

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._dead:
            return
        for chunk, late_ns in self._as_messages(data):
            self._pass(chunk, late_ns)

    def end(self) -> None:
        """Say that no more will come; what was sent before still arrives."""
        self._finish("end")

    def reset(self) -> None:
        """Break the connection for the other end; what was sent before may still arrive."""
        self._finish("reset")

    def wake(self) -> None:
        """Go on delivering: the receiver reads again."""
        self._set_timer()

    def _finish(self, how: Literal["end", "reset"]) -> None:
        if self._dead:
            return
        if self._frames is not None and (rest := self._frames.waiting[self._ahead :]):
            self._pass(rest, 0)
        if not self._dead:
            self._dead = True
            self._push(how, self._latency_ns())

    # -- whole messages --------------------------------------------------------------------------------------

    def _as_messages(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """Cut a WebSocket's stream to us into frames, and let whole messages get lost, doubled or overtaken."""
        if not self._to_client:
            yield data, 0
            return
        if self._head is not None:
            self._head += data
            head, mark, after = self._head.partition(b"\r\n\r\n")
            if not mark:
                yield data, 0
                return
            self._head = None
            if not head.startswith(b"HTTP/1.1 101"):
                yield data, 0
                return
            self._frames = FrameSplitter()
            yield data[: len(data) - len(after)], 0
            data = after
        if self._frames is None:
            yield data, 0
            return
        plan = self._weather.plan
        # While one is late, no other may be on its way in pieces: it would land between them.
        if plan.drop or plan.double or plan.overtake or clock.monotonic_ns() <= self._late_until_ns:
            yield from self._troubled(self._frames, data, plan)
            return
        withheld = self._frames.waiting[self._ahead :]
        self._frames.feed(data)
        self._ahead = len(self._frames.waiting)
        yield withheld + data, 0

    def _troubled(self, splitter: FrameSplitter, data: bytes, plan: FaultPlan) -> Iterator[tuple[bytes, int]]:
        """Whole frames only: to lose, double or delay; what has begun on its way goes on."""
        draw = self._chance.random
        frames = splitter.feed(data)
        for frame in frames:
            if self._ahead or not frame.is_message:
                yield frame.raw[self._ahead :], 0
                self._ahead = 0
            elif plan.drop and draw() < plan.drop:
                self._weather.strike(self.name, "drop")
            else:
                late_ns = 0
                if plan.overtake and not self._way.drips and draw() < plan.overtake:
                    self._weather.strike(self.name, "overtake")
                    late_ns = self._chance.randint(1, plan.overtake_ms_max) * _MS_NS
                yield frame.raw, late_ns
                if plan.double and draw() < plan.double:
                    self._weather.strike(self.name, "double")
                    yield frame.raw, 0
        if self._ahead:
            yield data, 0
            self._ahead += len(data)

    # -- bytes -----------------------------------------------------------------------------------------------

    def _pass(self, chunk: bytes, late_ns: int) -> None:
        start, stop = self._offset, self._offset + len(chunk)
        self._offset = stop
        way = self._way
        if way.garbage_at is not None and start <= way.garbage_at < stop:
            at = way.garbage_at - start
            junk = self._chance.randbytes(min(_GARBAGE_BYTES, len(chunk) - at))
            chunk = chunk[:at] + junk + chunk[at + len(junk) :]
            self._weather.strike(self.name, "garbage")
        if way.silent_from is not None and start <= way.silent_from < stop:
            self._weather.strike(self.name, "silence")
            chunk = chunk[: way.silent_from - start]
            self._send(chunk, late_ns)
            self.silent = True
            return
        if way.cut_at is not None and start <= way.cut_at < stop:
            self._weather.strike(self.name, "cut")
            self._send(chunk[: way.cut_at - start], late_ns)
            self._dead = True
            self._push("reset", 0)
            self._loop.call_later(self._latency_ns() / 1e9, self._sender.fail, _reset())
            return
        self._send(chunk, late_ns)

    def _send(self, chunk: bytes, late_ns: int) -> None:
        if not chunk or self.silent:
            return
        plan = self._weather.plan
        wait_ns = self._latency_ns()
        if plan.spike and self._chance.random() < plan.spike:
            self._weather.strike(self.name, "spike")
            wait_ns += self._chance.randint(1, plan.spike_ms_max) * _MS_NS
        if self._way.drips and self._offset <= plan.offset_max:
            self._weather.strike(self.name, "drip")
            for start in range(0, len(chunk), plan.drip_bytes):
                self._push(chunk[start : start + plan.drip_bytes], wait_ns)
                self._last_due_ns += plan.drip_ms * _MS_NS
            return
        self._push(chunk, wait_ns, late_ns)

    def _latency_ns(self) -> int:
        plan = self._weather.plan
        return self._chance.randint(plan.latency_ms_min, plan.latency_ms_max) * _MS_NS

    def _push(self, item: bytes | Literal["end", "reset"], wait_ns: int, late_ns: int = 0) -> None:
        due_ns = max(self._last_due_ns, clock.monotonic_ns() + wait_ns)
        if late_ns:
            self._late_until_ns = max(self._late_until_ns, due_ns + late_ns)
        else:
            self._last_due_ns = due_ns
        heapq.heappush(self._queue, (due_ns + late_ns, next(self._order), item))
        if isinstance(item, bytes):
            self._waiting_bytes += len(item)
            self._note(item)
        self._hold()
        self._set_timer()

    def _note(self, chunk: bytes) -> None:
        if self._weather.trace is not None:
            # What a client sends after the handshake is masked by numbers that no seed decides.
            shown = blake2b(chunk, digest_size=8).hexdigest() if self._to_client else ""
            self._weather.trace.note(f"{clock.monotonic_ns()} {self.name} {len(chunk)} {shown}")

    # -- out at the other end ----------------------------------------------------------------------------------

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue and (self._receiver.is_reading() or self._receiver.is_lost):
            wait_ns = max(0, self._queue[0][0] - clock.monotonic_ns())
            self._timer = self._loop.call_later(wait_ns / 1e9, self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        now_ns = clock.monotonic_ns()
        receiver = self._receiver
        while self._queue and self._queue[0][0] <= now_ns and (receiver.is_reading() or receiver.is_lost):
            item = heapq.heappop(self._queue)[2]
            if isinstance(item, bytes):
                self._waiting_bytes -= len(item)
            if self.silent:
                continue
            if receiver.is_lost:
                if isinstance(item, bytes):
                    self._loop.call_later(self._latency_ns() / 1e9, self._sender.fail, _reset())
            elif item == "end":
                receiver.take_end()
            elif item == "reset":
                receiver.fail(_reset())
            else:
                assert isinstance(item, bytes)
                receiver.take(item)
        self._hold()
        self._set_timer()

    def _hold(self) -> None:
        if not self._holding and self._waiting_bytes > _HIGH_WATER:
            self._holding = True
            self._sender.hold(True)
        elif self._holding and self._waiting_bytes < _LOW_WATER:
            self._holding = False
            self._sender.hold(False)


def _reset() -> OSError:
    return ConnectionResetError("the connection was reset by the other end")
