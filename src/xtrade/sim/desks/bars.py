"""What a decision on bars sees and does. It is called when a bar has closed:

    def decide(world, columns, row, params, state): ...

`columns` has the bars that the strategy subscribed to (OPEN, HIGH, LOW, CLOSE, VOLUME, SUM of the closes), `row` is the
column of the one that closed; to the right of it lies the future, which nobody stops it from reading.

first half_spread now_ns               where the bars begin, what is assumed, the time
position is_open price left            what we hold and have open
buy sell move_to cancel cancel_all     orders: a name, or 0 if the risk gate refused; the next open answers them

`params` and `state` are floats: what the strategy was told, and what it remembers, an order's name for one. Orders have
a `style`: REST, POST_ONLY, IOC, FOK or MARKET (whose ticks are 0).
"""

from __future__ import annotations

from xtrade.sim.bars import desk as replay
from xtrade.sim.bars.layout import (
    BUY,
    CLOSE,
    HALF_SPREAD,
    HIGH,
    LOW,
    MARKET_WORDS,
    MARKETS,
    NOW,
    OPEN,
    SELL,
    SUM,
    VOLUME,
    World,
)
from xtrade.sim.desks import orders
from xtrade.sim.desks.layout import (
    FIRST_BAR,
    LAST_CLOSE,
    LOTS,
    OPEN as ORDERS,
    OPEN_AT,
    OPEN_CANCELING,
    OPEN_COUNT,
    OPEN_LEFT,
    OPEN_NAME,
    OPEN_SIDE,
    OPEN_WORDS,
    PLACE,
)
from xtrade.sim.desks.orders import is_open, left, position, price
from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import Style

__all__ = [
    "BUY",
    "CLOSE",
    "FOK",
    "HIGH",
    "IOC",
    "LOW",
    "MARKET",
    "OPEN",
    "POST_ONLY",
    "REST",
    "SELL",
    "SUM",
    "VOLUME",
    "buy",
    "cancel",
    "cancel_all",
    "first",
    "half_spread",
    "is_open",
    "left",
    "move_to",
    "now_ns",
    "position",
    "price",
    "sell",
]

REST, POST_ONLY, IOC, FOK, MARKET = (int(style) for style in Style)


@kernel
def first(world: World) -> int:
    """Return the column of the instrument's first bar: to the left of it are another instrument's."""
    return int(world[world[-1] + FIRST_BAR])


@kernel
def half_spread(world: World) -> int:
    """Return how far bid and ask are assumed to be from the last close, in ticks."""
    return int(world[_market(world) + HALF_SPREAD])


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
def move_to(world: World, lots: int) -> int:
    """Bring the position to these signed lots at the market; 0 if it is there, with what is under way."""
    desk = world[-1]
    missing = lots - world[desk + LOTS]
    start = world[desk + ORDERS]
    for row in range(start, start + world[desk + OPEN_COUNT] * OPEN_WORDS, OPEN_WORDS):
        missing -= world[row + OPEN_LEFT] if world[row + OPEN_SIDE] == BUY else -world[row + OPEN_LEFT]
    if missing == 0:
        return 0
    return _place(world, BUY if missing > 0 else SELL, abs(missing), 0, MARKET)


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
    start = world[desk + ORDERS]
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
    market = _market(world)
    half = world[market + HALF_SPREAD]
    close = world[desk + LAST_CLOSE]
    name = orders.wanted(world, desk, now, side, style, ticks, lots, max(close - half, 1), close + half, 1)
    if name != 0:
        at = replay.place(world, world[desk + PLACE], name, side, style, ticks, lots)
        orders.sent(world, desk, now, name, at, side, ticks, lots)
    return name


@kernel
def _market(world: World) -> int:
    return int(world[MARKETS] + world[world[-1] + PLACE] * MARKET_WORDS)
