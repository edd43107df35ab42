"""`advance`: play the tape until there is something to decide.

Each row happens twice: at the venue at its `venue_ns`, where it meets our orders, and here at its `local_ns`, where
we hear of it. The venue is played ahead of us, but never beyond the next time at which we might act: until then
nothing that we do can change it, so both sides run in tight loops instead of taking turns row by row.

At one instant, in this order: what happens at the venue, what we hear of the market, what reaches the venue from us,
what the venue's reports tell us. An order that is sent and arrives at the same instant meets all rows of it.
"""

from __future__ import annotations

from xtrade.sim.replay import entry, ladder, resting, venue
from xtrade.sim.replay.blocks import Where, block, column, reals
from xtrade.sim.replay.compiled import kernel, part
from xtrade.sim.replay.layout import (
    BASE,
    BENT,
    BOOK_CHANGED,
    BOOK_DIRTY,
    BOOK_DUE_NS,
    BOOK_EVERY_NS,
    BUY,
    CELLS,
    DIRTY_NS,
    DUE_NS,
    FAULT,
    FILL_CAPACITY,
    FILL_COUNT,
    GRID_WORDS,
    GRIDS,
    HAPPENED,
    HEARD,
    INSTRUMENT_COUNT,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    JOINED,
    KNOWN_LOTS,
    KNOWN_TRUSTED,
    KNOWN_VERSION,
    LADDER_WORDS,
    LOOK,
    LOOKED,
    LOTS_SHIFT,
    LOW,
    MARKS,
    NEVER,
    NO,
    NOTICE_COUNT,
    NOTICE_NEXT,
    NOTICES,
    NOW,
    OURS,
    OWN_BEST,
    PUBLIC_HAPPENED,
    PUBLIC_HEARD,
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
    ROW_COUNT,
    ROW_LOCAL_NS,
    ROW_LOTS,
    ROW_MARK,
    ROW_VENUE_NS,
    ROW_WORDS,
    ROWS,
    ROWS_HAPPENED,
    ROWS_HEARD,
    ROWS_WOKEN,
    SIZE,
    VENUE_BOOK,
    VENUE_ORDER,
    WATCH_BOOK,
    WATCH_TRADES,
    YES,
    Reals,
    Reason,
    World,
)
from xtrade.sim.replay.messages import deliver
from xtrade.sim.replay.public import instrument_of, kind_of, side_of, ticks_of
from xtrade.sim.replay.tape import Happening

__all__ = ["advance"]

_LEVEL, _TRADE, _CLEAR, _READY, _GAP, _GRID, _FUNDING, _ADD, _REDUCE, _EXECUTE = (
    int(kind) for kind in Happening
)
_TIME, _BOOK, _TRADED, _ORDER, _NOTICE, _END, _FILLS_FULL, _FAULT, _ = (int(reason) for reason in Reason)


@kernel
def advance(world_at: Where, until: int) -> int:
    """Play until a subscription, a report, `until` or the end of the tape wants a decision; return the reasons."""
    world = block(world_at)
    floats = reals(world_at)
    rows = column(world[ROWS], world[ROW_COUNT] * ROW_WORDS)
    count = world[ROW_COUNT]
    world[REPORTS_READ] = world[REPORTS_FROM]
    world[ROWS_WOKEN] = world[ROWS_HEARD]
    for place in range(world[INSTRUMENT_COUNT]):
        world[world[INSTRUMENTS] + place * INSTRUMENT_WORDS + BOOK_CHANGED] = NO
    while True:
        if world[FAULT] != 0:
            return _FAULT
        if 2 * world[FILL_COUNT] > world[FILL_CAPACITY]:
            return _FILLS_FULL
        horizon = until
        heard = world[ROWS_HEARD]
        if heard < count:
            wake = max(rows[heard * ROW_WORDS + ROW_LOCAL_NS], world[DUE_NS])
            horizon = min(horizon, wake, rows[(count - 1) * ROW_WORDS + ROW_LOCAL_NS])
        elif (
            world[ROWS_HAPPENED] == count
            and world[REQUESTS_FROM] == world[REQUESTS_TO]
            and world[REPORTS_FROM] == world[REPORTS_TO]
            and world[DIRTY_NS] == NEVER
        ):
            return _END
        horizon = min(horizon, world[DIRTY_NS], _next_notice_ns(world))
        horizon = min(horizon, _first_request_ns(world), _first_report_ns(world))
        horizon = _happen(world, floats, horizon)
        reasons = _hear(world, horizon)
        world[NOW] = max(world[NOW], horizon)
        while _first_request_ns(world) <= horizon:
            from_ = world[REQUESTS_FROM]
            world[REQUESTS_FROM] = from_ + 1
            entry.arrived(world, floats, world[REQUESTS] + (from_ & world[REQUEST_MASK]) * REQUEST_WORDS)
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


@part
def _next_notice_ns(world: World) -> int:
    if world[NOTICE_NEXT] == world[NOTICE_COUNT]:
        return NEVER
    return int(world[world[NOTICES] + world[NOTICE_NEXT]])


@part
def _first_request_ns(world: World) -> int:
    from_ = world[REQUESTS_FROM]
    if from_ == world[REQUESTS_TO]:
        return NEVER
    return int(world[world[REQUESTS] + (from_ & world[REQUEST_MASK]) * REQUEST_WORDS + REQUEST_NS])


@part
def _first_report_ns(world: World) -> int:
    from_ = world[REPORTS_FROM]
    if from_ == world[REPORTS_TO]:
        return NEVER
    return int(world[world[REPORTS] + (from_ & world[REPORT_MASK]) * REPORT_WORDS + REPORT_NS])


# -- at the venues ---------------------------------------------------------------------------------------------------


@part
def _happen(world: World, floats: Reals, until: int) -> int:
    """Let rows happen at the venues up to `until`, or up to the first report that they cause; return which it is.

    While the venue's book is the public one, a level costs no more than a look at our marks: its cell is written, and
    the best is known from the tape.
    """
    place = world[ROWS_HAPPENED]
    count = world[ROW_COUNT]
    rows = column(world[ROWS], count * ROW_WORDS)
    sorted_ = world[VENUE_ORDER] == 0
    order = column(world[VENUE_ORDER], 0 if sorted_ else count)
    public = column(world[PUBLIC_HAPPENED], count)
    instruments = world[INSTRUMENTS]
    while place < count:
        at = place if sorted_ else order[place]
        row = at * ROW_WORDS
        ns = rows[row + ROW_VENUE_NS]
        if ns > until:
            break
        mark = rows[row + ROW_MARK]
        market = instruments + instrument_of(mark) * INSTRUMENT_WORDS
        kind = kind_of(mark)
        side = side_of(mark)
        ticks = ticks_of(mark)
        slow = True
        if kind == _LEVEL:
            book = market + VENUE_BOOK + side * LADDER_WORDS
            key = ticks if side == BUY else -ticks
            cell_place = key - world[book + BASE]
            if (
                0 <= cell_place < world[book + SIZE]
                and key + world[market + VENUE_BOOK + (1 - side) * LADDER_WORDS + OWN_BEST] < 0
                and world[market + BENT] == 0
            ):
                slow = False
                lots = rows[row + ROW_LOTS]
                cell_at = world[book + CELLS] + cell_place
                cell = world[cell_at]
                world[cell_at] = lots << LOTS_SHIFT | cell & MARKS
                world[book + LOW] = min(world[book + LOW], key)
                if cell & OURS:
                    resting.queued(world, floats, market, book, ticks, cell >> LOTS_SHIFT, lots)
        elif kind == _TRADE:
            # Most trades meet none of our orders, and are let through here.
            key = -ticks if side == BUY else ticks
            slow = bool(world[market + VENUE_BOOK + (1 - side) * LADDER_WORDS + OWN_BEST] >= key)
        if slow:
            told = world[REPORTS_TO]
            _happen_slowly(world, floats, market, at, public[place])
            if world[REPORTS_TO] != told:
                until = min(until, _first_report_ns(world))
        world[market + HAPPENED] = public[place]
        place += 1
    world[ROWS_HAPPENED] = place
    return until


@part
def _happen_slowly(world: World, floats: Reals, market: int, at: int, public: int) -> None:
    """Let a row happen that may concern our orders, or that is rare."""
    rows = column(world[ROWS], world[ROW_COUNT] * ROW_WORDS)
    row = at * ROW_WORDS
    mark = rows[row + ROW_MARK]
    lots = rows[row + ROW_LOTS]
    ns = rows[row + ROW_VENUE_NS]
    kind = kind_of(mark)
    side = side_of(mark)
    ticks = ticks_of(mark)
    if kind == _TRADE:
        venue.traded(world, floats, market, side, ticks, lots, ns)
        return
    venue.looked_at(world, market)
    if kind == _LEVEL:
        if world[market + BENT] != 0:
            ladder.told(world, market + VENUE_BOOK + side * LADDER_WORDS, ticks if side == BUY else -ticks)
        venue.level(world, floats, market, side, ticks, lots, ns)
    elif kind == _ADD:
        venue.joined_by(world, floats, market, side, ticks, lots, ns)
    elif kind in (_REDUCE, _EXECUTE):
        joined = column(world[JOINED], world[ROW_COUNT])
        venue.reduced(world, floats, market, side, ticks, lots, joined[at], int(kind == _EXECUTE), ns)
    elif kind == _CLEAR:
        venue.cleared(world, market, side)
    elif kind == _READY:
        venue.ready(world, floats, market, ns)
    elif kind == _GAP:
        venue.lost(world, floats, market)
    elif kind == _GRID:
        venue.regridded(world, floats, market, ticks, ns)
    elif kind == _FUNDING:
        venue.funded(world, market, ticks, lots, ns)
    if world[market + BENT] != 0:
        venue.straightened(world, market, public)
    world[market + LOOKED] = public


# -- here ------------------------------------------------------------------------------------------------------------


@part
def _hear(world: World, until: int) -> int:  # noqa: PLR0912  (one loop: a call a row would cost more than the row)
    """Hear rows up to `until`; return the reasons to wake that they are."""
    heard = world[ROWS_HEARD]
    count = world[ROW_COUNT]
    rows = column(world[ROWS], count * ROW_WORDS)
    public = column(world[PUBLIC_HEARD], count)
    instruments = world[INSTRUMENTS]
    alone = world[INSTRUMENT_COUNT] == 1 and world[instruments + WATCH_TRADES] == 0
    reasons = 0
    while heard < count:
        row = heard * ROW_WORDS
        ns = rows[row + ROW_LOCAL_NS]
        if ns > until:
            break
        if (
            alone
            and (world[instruments + WATCH_BOOK] == 0 or world[instruments + BOOK_DIRTY] != 0)
            and _next_notice_ns(world) > until
        ):
            # Nobody waits for these rows, and the last of them says where the book stands.
            heard = _first_after(world, heard, until)
            world[instruments + HEARD] = public[heard - 1]
            if world[instruments + BOOK_CHANGED] == NO:
                world[instruments + BOOK_CHANGED] = LOOK
            break
        mark = rows[row + ROW_MARK]
        market = instruments + instrument_of(mark) * INSTRUMENT_WORDS
        kind = kind_of(mark)
        world[market + HEARD] = public[heard]
        heard += 1
        if kind == _TRADE:
            if world[market + WATCH_TRADES] != 0:
                reasons |= _TRADED
            continue
        if kind in (_READY, _GAP, _GRID, _FUNDING):
            reasons |= _noticed(world, market, mark)
            if kind == _FUNDING:
                continue
        world[market + BOOK_CHANGED] = YES
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


@part
def _first_after(world: World, heard: int, until: int) -> int:
    """Return the first row behind `heard`, which was heard by then, that is heard after `until`.

    What is heard has happened, and most of what has happened is heard: the search goes back from there.
    """
    rows = column(world[ROWS], world[ROW_COUNT] * ROW_WORDS)
    high = world[ROWS_HAPPENED]
    low = max(high - 1, heard)
    step = 1
    while rows[low * ROW_WORDS + ROW_LOCAL_NS] > until:
        high = low
        low = max(low - step, heard)
        step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if rows[middle * ROW_WORDS + ROW_LOCAL_NS] <= until:
            low = middle
        else:
            high = middle
    return int(high)


@part
def _noticed(world: World, market: int, mark: int) -> int:
    """Hear a row that may always wake; return the reason that it is."""
    kind = kind_of(mark)
    if kind == _READY:
        if world[market + KNOWN_TRUSTED] != 0:
            return 0
        world[market + KNOWN_TRUSTED] = 1
    elif kind == _GAP:
        world[market + KNOWN_TRUSTED] = 0
    elif kind == _GRID:
        version = ticks_of(mark)
        grid = world[market + GRIDS] + version * GRID_WORDS
        world[market + KNOWN_TRUSTED] = 0
        world[market + KNOWN_VERSION] = version
        world[market + KNOWN_LOTS] = world[market + KNOWN_LOTS] * world[grid + 2] // world[grid + 3]
    world[NOTICE_NEXT] += 1
    return _NOTICE


@part
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


@part
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
            world[market + BOOK_CHANGED] = YES
            world[market + BOOK_DUE_NS] = now + world[market + BOOK_EVERY_NS]
        else:
            dirty = min(dirty, world[market + BOOK_DUE_NS])
    world[DIRTY_NS] = dirty
    _set_due(world)
    return reasons
