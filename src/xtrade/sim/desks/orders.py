"""The desk's orders, as kernels: asked of the gate and written down, and what is heard of them.

A decision is made on what we were told before it, as in Python: news that arrives at the instant of a decision is
taken in after it.

wanted     ask the gate; the name of the order, or 0 if it was refused
sent       keep an order that went out
heard      take in one report
row_of     the row of an open order

position   what a decision asks, on books and on bars alike: what is held
is_open price left   and its orders
"""

from __future__ import annotations

from xtrade.sim.desks import gate
from xtrade.sim.desks.layout import (
    ENTRY_ASK,
    ENTRY_BID,
    ENTRY_HELD,
    ENTRY_KIND,
    ENTRY_LOTS,
    ENTRY_NAME,
    ENTRY_NS,
    ENTRY_OPEN_COUNT,
    ENTRY_OPEN_LOTS,
    ENTRY_OTHER,
    ENTRY_REPORT,
    ENTRY_RULE,
    ENTRY_SIDE,
    ENTRY_STYLE,
    ENTRY_TICKS,
    ENTRY_TRUSTED,
    ENTRY_WORDS,
    FAULT,
    JOURNAL,
    JOURNAL_CAPACITY,
    JOURNAL_COUNT,
    LAST_NAME,
    LOTS,
    OPEN,
    OPEN_AT,
    OPEN_CANCELING,
    OPEN_COUNT,
    OPEN_LEFT,
    OPEN_NAME,
    OPEN_SIDE,
    OPEN_TICKS,
    OPEN_WORDS,
    RATE_MAX,
    SENT,
    SENT_COUNT,
    DeskFault,
    Entry,
)
from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import (
    BUY,
    REPORT_ID,
    REPORT_KIND,
    REPORT_LEFT,
    REPORT_LOTS,
    REPORT_SIDE,
    REPORT_WORDS,
    Told,
    World,
)

__all__ = ["heard", "is_open", "left", "position", "price", "row_of", "sent", "wanted"]

_SENT, _REFUSED, _HEARD = (int(entry) for entry in Entry)
_JOURNAL_FULL = int(DeskFault.JOURNAL_FULL)
_NO_ROOM = int(DeskFault.NO_ROOM)
_FILLED = int(Told.FILLED)
_CANCELED = int(Told.CANCELED)
_EXPIRED = int(Told.EXPIRED)
_WOULD_TAKE = int(Told.WOULD_TAKE)
_BOOK_UNKNOWN = int(Told.BOOK_UNKNOWN)
_OLD_GRID = int(Told.OLD_GRID)
_CANCEL_REJECTED = int(Told.CANCEL_REJECTED)


@kernel
def wanted(
    world: World,
    desk: int,
    now: int,
    side: int,
    style: int,
    ticks: int,
    lots: int,
    bid: int,
    ask: int,
    trusted: int,
) -> int:
    """Ask the gate for an order, and write the answer down; return the order's name, 0 if it is refused."""
    name = world[desk + LAST_NAME] + 1
    world[desk + LAST_NAME] = name
    rule = gate.refused_by(world, desk, now, side, style, ticks, lots, bid, ask, trusted)
    at = _entry(world, desk, _SENT if rule == 0 else _REFUSED)
    world[at + ENTRY_NS] = now
    world[at + ENTRY_NAME] = name
    world[at + ENTRY_SIDE] = side
    world[at + ENTRY_STYLE] = style
    world[at + ENTRY_TICKS] = ticks
    world[at + ENTRY_LOTS] = lots
    if rule == 0:
        return int(name)
    world[at + ENTRY_RULE] = rule
    world[at + ENTRY_BID] = bid
    world[at + ENTRY_ASK] = ask
    world[at + ENTRY_TRUSTED] = trusted
    world[at + ENTRY_HELD] = world[desk + LOTS]
    world[at + ENTRY_OPEN_LOTS] = gate.open_lots(world, desk, side)
    world[at + ENTRY_OPEN_COUNT] = world[desk + OPEN_COUNT]
    world[at + ENTRY_OTHER] = gate.in_the_way(world, desk, side, style, ticks)
    return 0


@kernel
def sent(world: World, desk: int, now: int, name: int, at: int, side: int, ticks: int, lots: int) -> None:
    """Keep an order that the replay took, at its place `at` there; 0 means that it had no room."""
    if at == 0:
        world[desk + FAULT] = _NO_ROOM
        return
    row = world[desk + OPEN] + world[desk + OPEN_COUNT] * OPEN_WORDS
    world[desk + OPEN_COUNT] += 1
    world[row + OPEN_NAME] = name
    world[row + OPEN_AT] = at
    world[row + OPEN_SIDE] = side
    world[row + OPEN_TICKS] = ticks
    world[row + OPEN_LEFT] = lots
    world[row + OPEN_CANCELING] = 0
    world[world[desk + SENT] + world[desk + SENT_COUNT] % world[desk + RATE_MAX]] = now
    world[desk + SENT_COUNT] += 1


@kernel
def heard(world: World, desk: int, report: int) -> None:
    """Take in one report, and write it down."""
    entry = _entry(world, desk, _HEARD) + ENTRY_REPORT
    for word in range(REPORT_WORDS):
        world[entry + word] = world[report + word]
    kind = world[report + REPORT_KIND]
    row = row_of(world, desk, world[report + REPORT_ID])
    if kind == _FILLED:
        lots = world[report + REPORT_LOTS]
        world[desk + LOTS] += lots if world[report + REPORT_SIDE] == BUY else -lots
        if row != 0:
            world[row + OPEN_LEFT] = world[report + REPORT_LEFT]
            if world[report + REPORT_LEFT] == 0:
                _remove(world, desk, row)
    elif row != 0:
        if kind == _CANCEL_REJECTED:
            world[row + OPEN_CANCELING] = 0
        elif kind in (_CANCELED, _EXPIRED, _WOULD_TAKE, _BOOK_UNKNOWN, _OLD_GRID):
            _remove(world, desk, row)


@kernel
def position(world: World) -> int:
    """Return what is held, in signed lots."""
    return int(world[world[-1] + LOTS])


@kernel
def is_open(world: World, order: int) -> bool:
    """Say whether an order may still trade; no order (0) may not."""
    return row_of(world, world[-1], order) != 0


@kernel
def price(world: World, order: int) -> int:
    """Return the ticks of an open order; 0 for any other."""
    row = row_of(world, world[-1], order)
    return int(world[row + OPEN_TICKS]) if row != 0 else 0


@kernel
def left(world: World, order: int) -> int:
    """Return the lots of an order that may still trade."""
    row = row_of(world, world[-1], order)
    return int(world[row + OPEN_LEFT]) if row != 0 else 0


@kernel
def row_of(world: World, desk: int, name: int) -> int:
    """Return the row of an order that may still trade, as far as we know; 0 if it may not."""
    start = world[desk + OPEN]
    for row in range(start, start + world[desk + OPEN_COUNT] * OPEN_WORDS, OPEN_WORDS):
        if world[row + OPEN_NAME] == name:
            return int(row)
    return 0


@kernel
def _remove(world: World, desk: int, row: int) -> None:
    """Take out a row; those behind it move up, so that the oldest stays first."""
    last = world[desk + OPEN] + (world[desk + OPEN_COUNT] - 1) * OPEN_WORDS
    for word in range(row, last):
        world[word] = world[word + OPEN_WORDS]
    world[desk + OPEN_COUNT] -= 1


@kernel
def _entry(world: World, desk: int, kind: int) -> int:
    """Return the next entry of the journal."""
    count = world[desk + JOURNAL_COUNT]
    if count == world[desk + JOURNAL_CAPACITY]:
        world[desk + FAULT] = _JOURNAL_FULL
        count -= 1
    world[desk + JOURNAL_COUNT] = count + 1
    at = int(world[desk + JOURNAL] + count * ENTRY_WORDS)
    world[at + ENTRY_KIND] = kind
    return at
