"""What a strategy may ask and do, as kernels: for strategies that are compiled and run inside the replay.

place cancel amend              requests; they leave now and arrive after the entry latency
best_bid best_ask               the best of the book as we know it
lots_at next_level levels       the rest of it
is_open left                    an order as we know it
position                        what our reports add up to
watch                           what `advance` returns for

`world` is the address of the replay's memory; it is what a compiled strategy gets.
An order is named by what `place` returned and by its client order id: the place is used again when the order is done.
"""

from __future__ import annotations

from xtrade.sim.replay import ladder
from xtrade.sim.replay.blocks import Where, block, column
from xtrade.sim.replay.compiled import kernel, part
from xtrade.sim.replay.layout import (
    BEST,
    BOOK_DUE_NS,
    BOOK_EVERY_NS,
    BUY,
    CANCELING,
    DUE_NS,
    EMPTY,
    FREE,
    FREE_COUNT,
    HEARD,
    INSTRUMENT_COUNT,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    KNOWN_BOOK,
    KNOWN_LEFT,
    KNOWN_LOTS,
    KNOWN_STATE,
    KNOWN_TICKS,
    LADDER_WORDS,
    NEVER,
    ORDER_ID,
    ORDER_INSTRUMENT,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_RESTS,
    ORDER_SIDE,
    ORDER_STYLE,
    ORDER_TICKS,
    WATCH_BOOK,
    WATCH_TRADES,
    Ask,
    State,
    World,
)
from xtrade.sim.replay.messages import send
from xtrade.sim.replay.public import best_ask_of, best_bid_of, follow

__all__ = [
    "amend",
    "best_ask",
    "best_bid",
    "cancel",
    "is_open",
    "left",
    "levels",
    "lots_at",
    "next_level",
    "place",
    "position",
    "watch",
]

_PLACE, _CANCEL, _AMEND = (int(ask) for ask in Ask)
_NONE = int(State.NONE)
_SENT = int(State.SENT)


@kernel
def place(
    world_at: Where, instrument: int, client_order_id: int, side: int, style: int, ticks: int, lots: int
) -> int:
    """Send an order; return its place, or 0 if all places are taken."""
    world = block(world_at)
    if world[FREE_COUNT] == 0:
        return 0
    world[FREE_COUNT] -= 1
    order = world[world[FREE] + world[FREE_COUNT]]
    world[order + ORDER_ID] = client_order_id
    world[order + ORDER_INSTRUMENT] = instrument
    world[order + ORDER_SIDE] = side
    world[order + ORDER_STYLE] = style
    world[order + ORDER_TICKS] = ticks
    world[order + ORDER_LOTS] = lots
    world[order + ORDER_LEFT] = lots
    world[order + ORDER_RESTS] = 0
    world[order + KNOWN_STATE] = _SENT
    world[order + KNOWN_LEFT] = lots
    world[order + KNOWN_TICKS] = ticks
    world[order + CANCELING] = 0
    send(world, _PLACE, order, ticks, lots)
    return int(order)


@kernel
def cancel(world_at: Where, order: int, client_order_id: int) -> bool:
    """Send a cancel; False if the order is known to be done."""
    world = block(world_at)
    if not _is_open(world, order, client_order_id):
        return False
    world[order + CANCELING] = 1
    send(world, _CANCEL, order, 0, 0)
    return True


@kernel
def amend(world_at: Where, order: int, client_order_id: int, ticks: int, lots: int) -> bool:
    """Send new total lots and a new price; False if the order is known to be done."""
    world = block(world_at)
    if not _is_open(world, order, client_order_id):
        return False
    send(world, _AMEND, order, ticks, lots)
    return True


@kernel
def is_open(world_at: Where, order: int, client_order_id: int) -> bool:
    """Say whether, as far as we know, the order may still trade."""
    return _is_open(block(world_at), order, client_order_id)


@part
def _is_open(world: World, order: int, client_order_id: int) -> bool:
    return bool(
        order != 0 and world[order + ORDER_ID] == client_order_id and world[order + KNOWN_STATE] != _NONE
    )


@kernel
def left(world_at: Where, order: int) -> int:
    """Return the lots that, as far as we know, are still to be filled."""
    world = block(world_at)
    return int(world[order + KNOWN_LEFT])


@kernel
def best_bid(world_at: Where, instrument: int) -> int:
    """Return the best bid in ticks as we know it; EMPTY (very low) if there is none."""
    world = block(world_at)
    return best_bid_of(world[world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS + HEARD])


@kernel
def best_ask(world_at: Where, instrument: int) -> int:
    """Return the best ask in ticks as we know it; -EMPTY (very high) if there is none."""
    world = block(world_at)
    return -best_ask_of(world[world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS + HEARD])


@kernel
def lots_at(world_at: Where, instrument: int, side: int, ticks: int) -> int:
    """Return the lots of a level of the book as we know it."""
    world = block(world_at)
    follow(world)
    book = world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS + KNOWN_BOOK + side * LADDER_WORDS
    return ladder.lots_at(world, book, ticks if side == BUY else -ticks)


@kernel
def next_level(world_at: Where, instrument: int, side: int, ticks: int) -> int:
    """Return the ticks of the next level behind this price, as we know the book; EMPTY or -EMPTY if there is none."""
    world = block(world_at)
    follow(world)
    book = world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS + KNOWN_BOOK + side * LADDER_WORDS
    key = ladder.below(world, book, ticks if side == BUY else -ticks)
    return key if side == BUY else -key


@kernel
def levels(world_at: Where, instrument: int, side: int, count: int, into: int) -> int:
    """Write up to `count` levels, best first, to the words at `into`, ticks and lots of each; return how many."""
    world = block(world_at)
    follow(world)
    book = world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS + KNOWN_BOOK + side * LADDER_WORDS
    found = column(into, 2 * count)
    key = world[book + BEST]
    number = 0
    while number < count and key != EMPTY:
        found[2 * number] = key if side == BUY else -key
        found[2 * number + 1] = ladder.lots_at(world, book, key)
        key = ladder.below(world, book, key)
        number += 1
    return number


@kernel
def position(world_at: Where, instrument: int) -> int:
    """Return the signed lots that our reports add up to."""
    world = block(world_at)
    return int(world[world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS + KNOWN_LOTS])


@kernel
def watch(world_at: Where, instrument: int, book: int, book_every_ns: int, trades: int) -> None:
    """Let `advance` return for changes of a book (at most every so often) and for trades."""
    world = block(world_at)
    market = world[INSTRUMENTS] + instrument * INSTRUMENT_WORDS
    world[market + WATCH_BOOK] = book
    world[market + BOOK_EVERY_NS] = book_every_ns
    world[market + BOOK_DUE_NS] = 0
    world[market + WATCH_TRADES] = trades
    due = NEVER
    for number in range(world[INSTRUMENT_COUNT]):
        market = world[INSTRUMENTS] + number * INSTRUMENT_WORDS
        if world[market + WATCH_TRADES] != 0:
            due = 0
        elif world[market + WATCH_BOOK] != 0:
            due = min(due, world[market + BOOK_DUE_NS])
    world[DUE_NS] = due
