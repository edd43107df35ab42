"""What a strategy may ask and do, as kernels: for decisions that are compiled and run inside the replay of bars.

place cancel amend target    requests; the next open answers them
row is_closed first          the bars as far as they are known: columns of `Columns`, one for each bar
is_open left                 an order
position                     signed lots
now_ns                       the close of the bar that is decided on

An order is named by what `place` returned and by its client order id: the place is used again when the order is done.
"""

from __future__ import annotations

from xtrade.sim.bars.layout import (
    ALIVE,
    BUY,
    CLOSED,
    FIRST,
    FREE,
    FREE_COUNT,
    JUST_CLOSED,
    LAST_NAME,
    LOTS,
    MARKET_WORDS,
    MARKETS,
    NOW,
    ORDER_ID,
    ORDER_LEFT,
    ORDER_LOTS,
    ORDER_MARKET,
    ORDER_NEXT,
    ORDER_SIDE,
    ORDER_STATE,
    ORDER_STYLE,
    ORDER_TICKS,
    ORDER_WORDS,
    ORDERS,
    REQUEST_CAPACITY,
    REQUEST_COUNT,
    REQUEST_ID,
    REQUEST_KIND,
    REQUEST_LOTS,
    REQUEST_MARKET,
    REQUEST_ORDER,
    REQUEST_TICKS,
    REQUEST_WORDS,
    REQUESTS,
    SELL,
    WAITING,
    State,
    World,
)
from xtrade.sim.replay.blocks import Where, block
from xtrade.sim.replay.compiled import kernel, part
from xtrade.sim.replay.layout import Ask, Style

__all__ = [
    "amend",
    "cancel",
    "first",
    "is_closed",
    "is_open",
    "left",
    "now_ns",
    "place",
    "position",
    "row",
    "target",
]

_PLACE, _CANCEL, _AMEND = (int(ask) for ask in Ask)
_NONE, _SENT, _ = (int(state) for state in State)
_MARKET = int(Style.MARKET)


@kernel
def place(
    world_at: Where, instrument: int, client_order_id: int, side: int, style: int, ticks: int, lots: int
) -> int:
    """Send an order; return its place, or 0 if all places are taken or there are no lots to send."""
    return _place(block(world_at), instrument, client_order_id, side, style, ticks, lots)


@kernel
def cancel(world_at: Where, order: int, client_order_id: int) -> bool:
    """Ask to cancel; False if the order is done, or too much was asked already."""
    world = block(world_at)
    if not _is_open(world, order, client_order_id) or world[REQUEST_COUNT] == world[REQUEST_CAPACITY]:
        return False
    _ask(world, _CANCEL, order, 0, 0)
    return True


@kernel
def amend(world_at: Where, order: int, client_order_id: int, ticks: int, lots: int) -> bool:
    """Ask for new total lots and a new price; False if the order is done, or too much was asked already."""
    world = block(world_at)
    if not _is_open(world, order, client_order_id) or world[REQUEST_COUNT] == world[REQUEST_CAPACITY]:
        return False
    _ask(world, _AMEND, order, ticks, lots)
    return True


@kernel
def target(world_at: Where, instrument: int, lots: int) -> int:
    """Go for a position of signed `lots` with a market order for what is missing; return its place, 0 for none.

    Market orders that are on their way count as done. Their names are -1, -2 and so on.
    """
    world = block(world_at)
    market = world[MARKETS] + instrument * MARKET_WORDS
    missing = lots - world[market + LOTS]
    if world[market + WAITING] != 0:
        missing -= _on_the_way(world, market)
    if missing == 0:
        return 0
    world[LAST_NAME] -= 1
    side = BUY if missing > 0 else SELL
    return _place(world, instrument, world[LAST_NAME], side, _MARKET, 0, abs(missing))


@kernel
def is_open(world_at: Where, order: int, client_order_id: int) -> bool:
    """Say whether the order may still trade."""
    return _is_open(block(world_at), order, client_order_id)


@kernel
def left(world_at: Where, order: int) -> int:
    """Return the lots that are still to be filled."""
    world = block(world_at)
    return int(world[order + ORDER_LEFT])


@kernel
def position(world_at: Where, instrument: int) -> int:
    """Return the signed lots that the fills add up to."""
    world = block(world_at)
    return int(world[world[MARKETS] + instrument * MARKET_WORDS + LOTS])


@kernel
def row(world_at: Where, instrument: int) -> int:
    """Return the column of the instrument's last closed bar; -1 before the first."""
    world = block(world_at)
    return int(world[world[MARKETS] + instrument * MARKET_WORDS + CLOSED])


@kernel
def is_closed(world_at: Where, instrument: int) -> bool:
    """Say whether a bar of the instrument closed just now."""
    world = block(world_at)
    return bool(world[world[MARKETS] + instrument * MARKET_WORDS + JUST_CLOSED])


@kernel
def first(world_at: Where, instrument: int) -> int:
    """Return the column of the instrument's first bar: behind it, to the left, are another instrument's."""
    world = block(world_at)
    return int(world[world[MARKETS] + instrument * MARKET_WORDS + FIRST])


@kernel
def now_ns(world_at: Where) -> int:
    """Return the time of the decision."""
    world = block(world_at)
    return int(world[NOW])


@part
def _place(
    world: World, instrument: int, client_order_id: int, side: int, style: int, ticks: int, lots: int
) -> int:
    if lots <= 0 or world[FREE_COUNT] == 0 or world[REQUEST_COUNT] == world[REQUEST_CAPACITY]:
        return 0
    world[FREE_COUNT] -= 1
    order = int(world[ORDERS] + world[world[FREE] + world[FREE_COUNT]] * ORDER_WORDS)
    market = world[MARKETS] + instrument * MARKET_WORDS
    world[order + ORDER_ID] = client_order_id
    world[order + ORDER_MARKET] = market
    world[order + ORDER_SIDE] = side
    world[order + ORDER_STYLE] = style
    world[order + ORDER_TICKS] = ticks
    world[order + ORDER_LOTS] = lots
    world[order + ORDER_LEFT] = lots
    world[order + ORDER_STATE] = _SENT
    world[order + ORDER_NEXT] = 0
    world[ALIVE] += 1
    _ask(world, _PLACE, order, ticks, lots)
    return order


@part
def _is_open(world: World, order: int, client_order_id: int) -> bool:
    return bool(
        order != 0 and world[order + ORDER_ID] == client_order_id and world[order + ORDER_STATE] != _NONE
    )


@part
def _ask(world: World, kind: int, order: int, ticks: int, lots: int) -> None:
    request = world[REQUESTS] + world[REQUEST_COUNT] * REQUEST_WORDS
    world[REQUEST_COUNT] += 1
    market = world[order + ORDER_MARKET]
    world[request + REQUEST_KIND] = kind
    world[request + REQUEST_MARKET] = market
    world[request + REQUEST_ORDER] = order
    world[request + REQUEST_ID] = world[order + ORDER_ID]
    world[request + REQUEST_TICKS] = ticks
    world[request + REQUEST_LOTS] = lots
    world[market + WAITING] += 1
    world[ALIVE] += 1


@part
def _on_the_way(world: World, market: int) -> int:
    """Return the signed lots of market orders that wait for the next open."""
    lots = 0
    for number in range(world[REQUEST_COUNT]):
        request = world[REQUESTS] + number * REQUEST_WORDS
        order = world[request + REQUEST_ORDER]
        if (
            world[request + REQUEST_MARKET] == market
            and world[request + REQUEST_KIND] == _PLACE
            and world[order + ORDER_STYLE] == _MARKET
        ):
            lots += (
                world[order + ORDER_LOTS] if world[order + ORDER_SIDE] == BUY else -world[order + ORDER_LOTS]
            )
    return lots
