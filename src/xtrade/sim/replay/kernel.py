"""`advance`: play the tape until there is something to decide.

Each row happens twice: at the venue at its `venue_ns`, where it meets our orders, and here at its `local_ns`, where
we hear of it. The venue is played ahead of us, but never beyond the next time at which we might act: until then
nothing that we do can change it, so both sides run in tight loops instead of taking turns row by row.

At one instant, in this order: what happens at the venue, what we hear of the market, what reaches the venue from us,
what the venue's reports tell us. An order that is sent and arrives at the same instant meets all rows of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xtrade.sim.replay import ladder, venue
from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import (
    BEST,
    BOOK_CHANGED,
    BOOK_DIRTY,
    BOOK_DUE_NS,
    BOOK_EVERY_NS,
    BUY,
    DIRTY_NS,
    DUE_NS,
    FAULT,
    FILL_CAPACITY,
    FILL_COUNT,
    GRID_WORDS,
    GRIDS,
    INSTRUMENT_COUNT,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    KNOWN_BOOK,
    KNOWN_LOTS,
    KNOWN_TRUSTED,
    KNOWN_VERSION,
    LADDER_WORDS,
    LAST_LOTS,
    LAST_TAKER,
    LAST_TICKS,
    NEVER,
    NOTICE_COUNT,
    NOTICE_NEXT,
    NOTICES,
    NOW,
    OWN_BEST,
    REPORT_MASK,
    REPORT_NS,
    REPORT_WORDS,
    REPORTS,
    REPORTS_FROM,
    REPORTS_READ,
    REPORTS_TO,
    REQUEST_MASK,
    REQUEST_NS,
    REQUEST_WORDS,
    REQUESTS,
    REQUESTS_FROM,
    REQUESTS_TO,
    ROWS_HAPPENED,
    ROWS_HEARD,
    ROWS_WOKEN,
    VENUE_BOOK,
    WATCH_BOOK,
    WATCH_TRADES,
    Order,
    Reals,
    Reason,
    Rows,
    Words,
    World,
)
from xtrade.sim.replay.messages import deliver
from xtrade.sim.replay.tape import Happening

__all__ = ["advance"]

_LEVEL, _TRADE, _CLEAR, _READY, _GAP, _GRID, _FUNDING, _ADD, _REDUCE, _EXECUTE = (
    int(kind) for kind in Happening
)
_TIME, _BOOK, _TRADED, _ORDER, _NOTICE, _END, _FILLS_FULL, _FAULT, _ = (int(reason) for reason in Reason)


@kernel
def advance(world: World, rows: Rows, joined: Words, order: Order, until: int) -> int:
    """Play until a subscription, a report, `until` or the end of the tape wants a decision; return the reasons.

    `order` is the order in which rows happen at the venues, empty if that is the order in which we hear them;
    `joined` is when the orders of L3 rows joined their queues, empty without such rows.
    """
    reals = world.view(np.float64)
    world[REPORTS_READ] = world[REPORTS_FROM]
    world[ROWS_WOKEN] = world[ROWS_HEARD]
    for place in range(world[INSTRUMENT_COUNT]):
        world[world[INSTRUMENTS] + place * INSTRUMENT_WORDS + BOOK_CHANGED] = 0
    while True:
        if world[FAULT] != 0:
            return _FAULT
        if 2 * world[FILL_COUNT] > world[FILL_CAPACITY]:
            return _FILLS_FULL
        horizon = until
        heard = world[ROWS_HEARD]
        if heard < rows.size:
            wake = max(rows[heard]["local_ns"], world[DUE_NS])
            horizon = min(horizon, wake, rows[rows.size - 1]["local_ns"])
        elif (
            world[ROWS_HAPPENED] == rows.size
            and world[REQUESTS_FROM] == world[REQUESTS_TO]
            and world[REPORTS_FROM] == world[REPORTS_TO]
            and world[DIRTY_NS] == NEVER
        ):
            return _END
        horizon = min(horizon, world[DIRTY_NS])
        if world[NOTICE_NEXT] < world[NOTICE_COUNT]:
            horizon = min(horizon, world[world[NOTICES] + world[NOTICE_NEXT]])
        horizon = min(horizon, _first_request_ns(world), _first_report_ns(world))
        horizon = _happen(world, reals, rows, joined, order, horizon)
        reasons = _hear(world, rows, horizon)
        world[NOW] = max(world[NOW], horizon)
        while _first_request_ns(world) <= horizon:
            from_ = world[REQUESTS_FROM]
            world[REQUESTS_FROM] = from_ + 1
            venue.arrived(world, reals, world[REQUESTS] + (from_ & world[REQUEST_MASK]) * REQUEST_WORDS)
        while _first_report_ns(world) <= horizon:
            from_ = world[REPORTS_FROM]
            world[REPORTS_FROM] = from_ + 1
            deliver(world, world[REPORTS] + (from_ & world[REPORT_MASK]) * REPORT_WORDS)
            reasons |= _ORDER
        if horizon >= world[DIRTY_NS]:
            reasons |= _tell_dirty(world, horizon)
        if horizon >= until:
            reasons |= _TIME
        if reasons != 0:
            return reasons


@kernel
def _wide(number: Any) -> int:
    """Return a narrow column's number as the 64 bits that everything else has: one type, one compiled form."""
    return np.int64(number)  # type: ignore[return-value]


@kernel
def _first_request_ns(world: World) -> int:
    from_ = world[REQUESTS_FROM]
    if from_ == world[REQUESTS_TO]:
        return NEVER
    return int(world[world[REQUESTS] + (from_ & world[REQUEST_MASK]) * REQUEST_WORDS + REQUEST_NS])


@kernel
def _first_report_ns(world: World) -> int:
    from_ = world[REPORTS_FROM]
    if from_ == world[REPORTS_TO]:
        return NEVER
    return int(world[world[REPORTS] + (from_ & world[REPORT_MASK]) * REPORT_WORDS + REPORT_NS])


@kernel
def _happen(world: World, reals: Reals, rows: Rows, joined: Words, order: Order, until: int) -> int:
    """Let rows happen at the venues up to `until`, or up to the first report that they cause; return which it is."""
    place = world[ROWS_HAPPENED]
    count = rows.size
    sorted_ = order.size == 0
    instruments = world[INSTRUMENTS]
    told = world[REPORTS_TO]
    while place < count:
        at = place if sorted_ else _wide(order[place])
        row = rows[at]
        ns = row["venue_ns"]
        if ns > until:
            break
        place += 1
        market = instruments + row["instrument"] * INSTRUMENT_WORDS
        kind = row["kind"]
        if kind == _LEVEL:
            venue.level(world, reals, market, _wide(row["side"]), _wide(row["ticks"]), row["lots"], ns)
        elif kind == _TRADE:
            # Most trades meet none of our orders, and are let through here.
            side = 1 - _wide(row["side"])
            key = _wide(row["ticks"]) if side == BUY else -_wide(row["ticks"])
            if world[market + VENUE_BOOK + side * LADDER_WORDS + OWN_BEST] >= key:
                venue.traded(world, reals, market, _wide(row["side"]), _wide(row["ticks"]), row["lots"], ns)
        else:
            _happen_rarely(world, reals, rows, joined, market, at)
        if world[REPORTS_TO] != told:
            told = world[REPORTS_TO]
            until = min(until, _first_report_ns(world))
    world[ROWS_HAPPENED] = place
    return until


@kernel
def _happen_rarely(world: World, reals: Reals, rows: Rows, joined: Words, market: int, at: int) -> None:
    row = rows[at]
    kind = row["kind"]
    side = _wide(row["side"])
    ticks = _wide(row["ticks"])
    lots = row["lots"]
    ns = row["venue_ns"]
    if kind == _ADD:
        key = ticks if side == BUY else -ticks
        there = ladder.lots_at(world, market + VENUE_BOOK + side * LADDER_WORDS, key)
        venue.level(world, reals, market, side, ticks, there + lots, ns)
    elif kind in (_REDUCE, _EXECUTE):
        executed = 1 if kind == _EXECUTE else 0
        venue.reduced(world, reals, market, side, ticks, lots, joined[at], executed, ns)
    elif kind == _CLEAR:
        venue.cleared(world, market, side)
    elif kind == _READY:
        venue.ready(world, reals, market, ns)
    elif kind == _GAP:
        venue.lost(world, reals, market)
    elif kind == _GRID:
        venue.regridded(world, reals, market, ticks, ns)
    elif kind == _FUNDING:
        venue.funded(world, market, ticks, lots, ns)


@kernel
def _hear(world: World, rows: Rows, until: int) -> int:
    """Hear rows up to `until`; return the reasons to wake that they are."""
    heard = world[ROWS_HEARD]
    count = rows.size
    instruments = world[INSTRUMENTS]
    reasons = 0
    while heard < count:
        row = rows[heard]
        ns = row["local_ns"]
        if ns > until:
            break
        heard += 1
        market = instruments + row["instrument"] * INSTRUMENT_WORDS
        kind = row["kind"]
        if kind == _LEVEL:
            _set_level(world, market, _wide(row["side"]), _wide(row["ticks"]), row["lots"])
        elif kind == _TRADE:
            world[market + LAST_TICKS] = row["ticks"]
            world[market + LAST_LOTS] = row["lots"]
            world[market + LAST_TAKER] = row["side"]
            if world[market + WATCH_TRADES] != 0:
                reasons |= _TRADED
            continue
        else:
            reasons |= _hear_rarely(world, rows, market, heard - 1)
            if kind == _FUNDING:
                continue
        world[market + BOOK_CHANGED] = 1
        if world[market + WATCH_BOOK] != 0:
            every = world[market + BOOK_EVERY_NS]
            if every == 0:
                reasons |= _BOOK
            elif world[market + BOOK_DIRTY] == 0:
                if ns >= world[market + BOOK_DUE_NS]:
                    reasons |= _BOOK
                    world[market + BOOK_DUE_NS] = ns + every
                    _set_due(world)
                elif world[market + BOOK_DUE_NS] != ns + every:  # told just now, in this same instant
                    world[market + BOOK_DIRTY] = 1
                    world[DIRTY_NS] = min(world[DIRTY_NS], world[market + BOOK_DUE_NS])
    world[ROWS_HEARD] = heard
    return reasons


@kernel
def _hear_rarely(world: World, rows: Rows, market: int, at: int) -> int:
    row = rows[at]
    kind = row["kind"]
    side = _wide(row["side"])
    ticks = _wide(row["ticks"])
    if kind in (_ADD, _REDUCE, _EXECUTE):
        key = ticks if side == BUY else -ticks
        book = market + KNOWN_BOOK + side * LADDER_WORDS
        there = ladder.lots_at(world, book, key)
        if kind == _ADD:
            _set_level(world, market, side, ticks, there + row["lots"])
        else:
            ladder.shrink(world, book, key, max(there - row["lots"], 0))
        return 0
    if kind == _CLEAR:
        ladder.clear(world, market + KNOWN_BOOK + side * LADDER_WORDS)
        return 0
    if kind == _READY:
        if world[market + KNOWN_TRUSTED] != 0:
            return 0
        world[market + KNOWN_TRUSTED] = 1
    elif kind == _GAP:
        world[market + KNOWN_TRUSTED] = 0
    elif kind == _GRID:
        grid = world[market + GRIDS] + ticks * GRID_WORDS
        world[market + KNOWN_TRUSTED] = 0
        world[market + KNOWN_VERSION] = ticks
        world[market + KNOWN_LOTS] = world[market + KNOWN_LOTS] * world[grid + 2] // world[grid + 3]
        ladder.clear(world, market + KNOWN_BOOK)
        ladder.clear(world, market + KNOWN_BOOK + LADDER_WORDS)
    world[NOTICE_NEXT] += 1
    return _NOTICE


@kernel
def _set_level(world: World, market: int, side: int, ticks: int, lots: int) -> None:
    """Set a level of the book as we know it."""
    book = market + KNOWN_BOOK + side * LADDER_WORDS
    key = ticks if side == BUY else -ticks
    best = world[book + BEST]
    ladder.put(world, book, key, lots)
    if lots > 0 and key > best:
        other = market + KNOWN_BOOK + (1 - side) * LADDER_WORDS
        if key + world[other + BEST] >= 0:
            ladder.retreat(world, other, -key)


@kernel
def _set_due(world: World) -> None:
    """Find the earliest time at which a row may wake us."""
    due = NEVER
    for place in range(world[INSTRUMENT_COUNT]):
        market = world[INSTRUMENTS] + place * INSTRUMENT_WORDS
        if world[market + WATCH_TRADES] != 0:
            due = 0
        elif world[market + WATCH_BOOK] != 0:
            due = min(due, world[market + BOOK_DUE_NS])
    world[DUE_NS] = due


@kernel
def _tell_dirty(world: World, now: int) -> int:
    """Tell of changes that a throttle held back and that are due."""
    reasons = 0
    dirty = NEVER
    for place in range(world[INSTRUMENT_COUNT]):
        market = world[INSTRUMENTS] + place * INSTRUMENT_WORDS
        if world[market + BOOK_DIRTY] == 0:
            continue
        if world[market + BOOK_DUE_NS] <= now:
            reasons |= _BOOK
            world[market + BOOK_DIRTY] = 0
            world[market + BOOK_CHANGED] = 1
            world[market + BOOK_DUE_NS] = now + world[market + BOOK_EVERY_NS]
        else:
            dirty = min(dirty, world[market + BOOK_DUE_NS])
    world[DIRTY_NS] = dirty
    _set_due(world)
    return reasons
