"""What a decision on books sees and does. It is called after changes of the book, as often as its BookFeed says:

    def decide(world, params, state): ...

bid_ticks ask_ticks lots_at is_trusted now_ns     the book as we know it; EMPTY and -EMPTY are sides without anybody
position is_open price left                       what we hold and have open
buy sell cancel cancel_all                        orders: a name, or 0 if the risk gate refused

`params` and `state` are floats: what the strategy was told, and what it remembers, an order's name for one. Orders have
a `style`: REST, POST_ONLY, IOC, FOK or MARKET (whose ticks are 0).
"""

from __future__ import annotations

from xtrade.sim.desks import orders
from xtrade.sim.desks.layout import (
    OPEN,
    OPEN_AT,
    OPEN_CANCELING,
    OPEN_COUNT,
    OPEN_NAME,
    OPEN_WORDS,
    PLACE,
)
from xtrade.sim.desks.orders import is_open, left, position, price
from xtrade.sim.replay import desk as replay
from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import (
    BUY,
    EMPTY,
    INSTRUMENT_WORDS,
    INSTRUMENTS,
    KNOWN_TRUSTED,
    NOW,
    SELL,
    Style,
    World,
)

__all__ = [
    "BUY",
    "EMPTY",
    "FOK",
    "IOC",
    "MARKET",
    "POST_ONLY",
    "REST",
    "SELL",
    "ask_ticks",
    "bid_ticks",
    "buy",
    "cancel",
    "cancel_all",
    "is_open",
    "is_trusted",
    "left",
    "lots_at",
    "now_ns",
    "position",
    "price",
    "sell",
]

REST, POST_ONLY, IOC, FOK, MARKET = (int(style) for style in Style)


@kernel
def bid_ticks(world: World) -> int:
    """Return the best bid; EMPTY (very low) if there is none."""
    return replay.best_bid(world, world[world[-1] + PLACE])


@kernel
def ask_ticks(world: World) -> int:
    """Return the best ask; -EMPTY (very high) if there is none."""
    return replay.best_ask(world, world[world[-1] + PLACE])


@kernel
def lots_at(world: World, side: int, ticks: int) -> int:
    """Return the lots of a level."""
    return replay.lots_at(world, world[world[-1] + PLACE], side, ticks)


@kernel
def is_trusted(world: World) -> bool:
    """Say whether the book is whole."""
    return bool(world[world[INSTRUMENTS] + world[world[-1] + PLACE] * INSTRUMENT_WORDS + KNOWN_TRUSTED] != 0)


@kernel
def now_ns(world: World) -> int:
    """Return the time of the decision."""
    return int(world[NOW])


@kernel
def buy(world: World, lots: int, ticks: int, style: int) -> int:
    """Buy; return the order's name, or 0 if the risk gate refused it."""
    return _place(world, BUY, lots, ticks, style)


@kernel
def sell(world: World, lots: int, ticks: int, style: int) -> int:
    """Sell; as `buy`."""
    return _place(world, SELL, lots, ticks, style)


@kernel
def cancel(world: World, order: int) -> bool:
    """Ask to cancel; False (and nothing sent) if the order is over, or a cancel is on its way."""
    row = orders.row_of(world, world[-1], order)
    return row != 0 and _cancel(world, row)


@kernel
def cancel_all(world: World) -> int:
    """Ask to cancel everything that is open; return how many requests were sent."""
    desk = world[-1]
    count = 0
    start = world[desk + OPEN]
    for row in range(start, start + world[desk + OPEN_COUNT] * OPEN_WORDS, OPEN_WORDS):
        count += 1 if _cancel(world, row) else 0
    return count


@kernel
def _cancel(world: World, row: int) -> bool:
    if world[row + OPEN_CANCELING] != 0 or not replay.cancel(
        world, world[row + OPEN_AT], world[row + OPEN_NAME]
    ):
        return False
    world[row + OPEN_CANCELING] = 1
    return True


@kernel
def _place(world: World, side: int, lots: int, ticks: int, style: int) -> int:
    desk = world[-1]
    now = world[NOW]
    bid = bid_ticks(world)
    ask = ask_ticks(world)
    name = orders.wanted(world, desk, now, side, style, ticks, lots, bid, ask, 1 if is_trusted(world) else 0)
    if name != 0:
        at = replay.place(world, world[desk + PLACE], name, side, style, ticks, lots)
        orders.sent(world, desk, now, name, at, side, ticks, lots)
    return name
