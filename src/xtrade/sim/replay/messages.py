"""What travels between us and the venue, and how long it takes.

delay    the latency of one leg at a time: constant, drawn from quantiles, or interpolated in recorded ones
send     a request leaves; it reaches the venue after the entry latency
report   the venue tells; it reaches us after the response latency
deliver  a report reached us: what we know of our order and position follows

Each leg of each instrument is one connection: messages do not overtake each other on it. Both queues are rings kept
in order of arrival; messages that arrive at the same time keep the order in which they were sent.
"""

from __future__ import annotations

from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    CANCELING,
    CONSTANT,
    DRAWN,
    ENTRY,
    FAULT,
    FREE,
    FREE_COUNT,
    GRID_WORDS,
    GRIDS,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    KNOWN_CASH,
    KNOWN_LEFT,
    KNOWN_LOTS,
    KNOWN_STATE,
    KNOWN_TICKS,
    KNOWN_VERSION,
    LATENCY_CHANCE,
    LATENCY_COUNT,
    LATENCY_KIND,
    LATENCY_LAST,
    LATENCY_NS,
    LATENCY_TABLE,
    NOW,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_SIDE,
    PLACE,
    REPORT_ID,
    REPORT_INSTRUMENT,
    REPORT_KIND,
    REPORT_LEFT,
    REPORT_LOTS,
    REPORT_MAKER,
    REPORT_MASK,
    REPORT_NS,
    REPORT_ROW,
    REPORT_SIDE,
    REPORT_TICKS,
    REPORT_VENUE_NS,
    REPORT_VERSION,
    REPORT_WORDS,
    REPORTS,
    REPORTS_FROM,
    REPORTS_TO,
    REQUEST_ID,
    REQUEST_INSTRUMENT,
    REQUEST_KIND,
    REQUEST_LOTS,
    REQUEST_MASK,
    REQUEST_NS,
    REQUEST_ROW,
    REQUEST_TICKS,
    REQUEST_VERSION,
    REQUEST_WORDS,
    REQUESTS,
    REQUESTS_FROM,
    REQUESTS_TO,
    RESPONSE,
    VERSION,
    Fault,
    State,
    Told,
    World,
)

__all__ = ["DRAW_MODULUS", "delay", "deliver", "report", "send"]

DRAW_MODULUS = 2_147_483_647
_DRAW_FACTOR = 48_271
_REPORTS_FULL = int(Fault.REPORTS_FULL)
_OPEN = int(State.OPEN)
_NONE = int(State.NONE)
_ACCEPTED = int(Told.ACCEPTED)
_FILLED = int(Told.FILLED)
_CANCELED = int(Told.CANCELED)
_EXPIRED = int(Told.EXPIRED)
_AMENDED = int(Told.AMENDED)
_WOULD_TAKE = int(Told.WOULD_TAKE)
_BOOK_UNKNOWN = int(Told.BOOK_UNKNOWN)
_CANCEL_REJECTED = int(Told.CANCEL_REJECTED)
_OLD_GRID = int(Told.OLD_GRID)
_RESTATED = int(Told.RESTATED)


@part
def delay(world: World, leg: int, ns: int) -> int:
    """Return the latency of a leg for a message sent at `ns`."""
    kind = world[leg + LATENCY_KIND]
    if kind == CONSTANT:
        return int(world[leg + LATENCY_NS])
    table = world[leg + LATENCY_TABLE]
    count = world[leg + LATENCY_COUNT]
    if kind == DRAWN:
        # Park and Miller's generator: whole numbers of 31 bits, so that every machine and mode draws the same.
        chance = world[leg + LATENCY_CHANCE] * _DRAW_FACTOR % DRAW_MODULUS
        world[leg + LATENCY_CHANCE] = chance
        at = chance * (count - 1)
        place = table + at // DRAW_MODULUS
        part = (at % DRAW_MODULUS) >> 11
        return int(world[place] + ((world[place + 1] - world[place]) * part >> 20))
    # Recorded: `count` times, then as many latencies.
    low = 0
    high = count
    while low < high:
        middle = (low + high) // 2
        if world[table + middle] <= ns:
            low = middle + 1
        else:
            high = middle
    if low == 0:
        return int(world[table + count])
    if low == count:
        return int(world[table + 2 * count - 1])
    since = world[table + low - 1]
    first = world[table + count + low - 1]
    share = (ns - since) / (world[table + low] - since)
    return int(first + int((world[table + count + low] - first) * share))


@part
def send(world: World, kind: int, order: int, ticks: int, lots: int) -> None:
    """Send a request about an order (its place in the world) on its way."""
    market = world[INSTRUMENTS] + world[order + ORDER_INSTRUMENT] * INSTRUMENT_WORDS
    leg = market + ENTRY
    now = world[NOW]
    arrival = max(now + delay(world, leg, now), world[leg + LATENCY_LAST])
    world[leg + LATENCY_LAST] = arrival
    at = _room(
        world, world[REQUESTS], world[REQUEST_MASK], REQUEST_WORDS, REQUESTS_FROM, REQUESTS_TO, arrival
    )
    world[at + REQUEST_NS] = arrival
    world[at + REQUEST_KIND] = kind
    world[at + REQUEST_ROW] = order
    world[at + REQUEST_ID] = world[order + ORDER_ID]
    world[at + REQUEST_INSTRUMENT] = world[order + ORDER_INSTRUMENT]
    world[at + REQUEST_TICKS] = ticks
    world[at + REQUEST_LOTS] = lots
    world[at + REQUEST_VERSION] = world[market + KNOWN_VERSION]


@part
def report(
    world: World,
    market: int,
    order: int,
    client_order_id: int,
    kind: int,
    ns: int,
    ticks: int,
    lots: int,
    left: int,
    maker: int,
) -> int:
    """Let the venue tell something at `ns`; returns where the report is."""
    leg = market + RESPONSE
    arrival = max(ns + delay(world, leg, ns), world[leg + LATENCY_LAST])
    world[leg + LATENCY_LAST] = arrival
    at = _room(world, world[REPORTS], world[REPORT_MASK], REPORT_WORDS, REPORTS_FROM, REPORTS_TO, arrival)
    world[at + REPORT_NS] = arrival
    world[at + REPORT_KIND] = kind
    world[at + REPORT_ROW] = order
    world[at + REPORT_ID] = client_order_id
    world[at + REPORT_INSTRUMENT] = world[market + PLACE]
    world[at + REPORT_SIDE] = world[order + ORDER_SIDE] if order > 0 else 0
    world[at + REPORT_TICKS] = ticks
    world[at + REPORT_LOTS] = lots
    world[at + REPORT_LEFT] = left
    world[at + REPORT_VENUE_NS] = ns
    world[at + REPORT_MAKER] = maker
    world[at + REPORT_VERSION] = world[market + VERSION]
    return at


@part
def deliver(world: World, at: int) -> None:
    """Let a report reach us."""
    kind = world[at + REPORT_KIND]
    order = world[at + REPORT_ROW]
    market = world[INSTRUMENTS] + world[at + REPORT_INSTRUMENT] * INSTRUMENT_WORDS
    if kind == _FILLED:
        signed = world[at + REPORT_LOTS] if world[at + REPORT_SIDE] == 0 else -world[at + REPORT_LOTS]
        version = world[at + REPORT_VERSION]
        grids = world[market + GRIDS]
        unit = world[grids + version * GRID_WORDS + 4]
        world[market + KNOWN_CASH] -= signed * world[at + REPORT_TICKS] * unit
        # The report and the news of a new grid may have overtaken each other.
        while version < world[market + KNOWN_VERSION]:
            version += 1
            grid = grids + version * GRID_WORDS
            signed = signed * world[grid + 2] // world[grid + 3]
        while version > world[market + KNOWN_VERSION]:
            grid = grids + version * GRID_WORDS
            signed = signed * world[grid + 3] // world[grid + 2]
            version -= 1
        world[market + KNOWN_LOTS] += signed
    if order == 0 or world[order + ORDER_ID] != world[at + REPORT_ID] or world[order + KNOWN_STATE] == _NONE:
        return
    ended = kind in (_CANCELED, _EXPIRED, _WOULD_TAKE, _BOOK_UNKNOWN, _OLD_GRID)
    if kind in (_ACCEPTED, _AMENDED, _RESTATED, _FILLED):
        world[order + KNOWN_STATE] = _OPEN
        world[order + KNOWN_LEFT] = world[at + REPORT_LEFT]
        if kind in (_AMENDED, _RESTATED):
            world[order + KNOWN_TICKS] = world[at + REPORT_TICKS]
        ended = kind == _FILLED and world[at + REPORT_LEFT] == 0
    elif kind == _CANCEL_REJECTED:
        world[order + CANCELING] = 0
    if ended:
        world[order + KNOWN_STATE] = _NONE
        world[order + KNOWN_LEFT] = 0
        world[world[FREE] + world[FREE_COUNT]] = order
        world[FREE_COUNT] += 1


@part
def _room(world: World, ring: int, mask: int, width: int, head: int, tail: int, ns: int) -> int:
    """Make room in a ring for a message that arrives at `ns`, behind all that arrive no later."""
    place = world[tail]
    if place - world[head] >= mask:
        world[FAULT] = _REPORTS_FULL
        return int(ring + (place & mask) * width)
    world[tail] = place + 1
    while place > world[head] and world[ring + ((place - 1) & mask) * width] > ns:
        source = ring + ((place - 1) & mask) * width
        target = ring + (place & mask) * width
        for word in range(width):
            world[target + word] = world[source + word]
        place -= 1
    return int(ring + (place & mask) * width)
