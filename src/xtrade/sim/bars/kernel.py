"""`advance`: play bars until there is something to decide.

At one instant, in this order: bars close, funding is settled, we decide, bars open. What is decided at a close is
therefore answered at an open of the same instant where bars follow each other without a gap, and what is decided on
that answer waits for the open after it.
"""

from __future__ import annotations

from xtrade.sim.bars import venue
from xtrade.sim.bars.figures import figure
from xtrade.sim.bars.layout import (
    CLOSE_NS,
    CLOSED,
    END,
    FAULT,
    FUNDING,
    FUNDING_NS,
    INTERVAL_NS,
    JUST_CLOSED,
    LOG_CAPACITY,
    LOG_COUNT,
    MARKET_COUNT,
    MARKET_WORDS,
    MARKETS,
    NEVER,
    NOW,
    OPEN_NS,
    REPORT_COUNT,
    ROW,
    SETTLED_NS,
    START,
    WAITING,
    WATCHED,
    World,
)
from xtrade.sim.replay.blocks import Where, block
from xtrade.sim.replay.compiled import kernel, part
from xtrade.sim.replay.layout import Reason

__all__ = ["advance"]

_TIME = int(Reason.TIME)
_ORDER = int(Reason.ORDER)
_END = int(Reason.END)
_FILLS_FULL = int(Reason.FILLS_FULL)
_FAULT = int(Reason.FAULT)
_BAR = int(Reason.BAR)


@kernel
def advance(world_at: Where, until: int) -> int:
    """Play until a watched bar closed, a report, `until` or the end of the bars wants a decision; return the reasons.

    Opens at `until` itself are left to the next call: what is decided at that time still reaches them.
    """
    world = block(world_at)
    world[REPORT_COUNT] = 0
    markets = world[MARKETS]
    behind = markets + world[MARKET_COUNT] * MARKET_WORDS
    for market in range(markets, behind, MARKET_WORDS):
        world[market + JUST_CLOSED] = 0
    while True:
        if 2 * world[LOG_COUNT] > world[LOG_CAPACITY]:
            return _FILLS_FULL
        ends = NEVER
        opens = NEVER
        for market in range(markets, behind, MARKET_WORDS):
            ends = min(ends, world[market + CLOSE_NS], world[market + FUNDING_NS])
            opens = min(opens, world[market + OPEN_NS])
            if world[market + WAITING] != 0 and world[market + ROW] == world[market + END]:
                venue.over(world, market)
        reasons = 0
        if ends == NEVER and opens == NEVER:
            return _END | (_ORDER if world[REPORT_COUNT] != 0 else 0)
        if world[REPORT_COUNT] != 0:
            reasons = _ORDER
        elif ends <= min(opens, until):
            reasons = _end(world, ends)
        elif opens < min(ends, until):
            reasons = _begin(world, opens)
        else:
            world[NOW] = max(world[NOW], until)
            return _TIME
        if world[FAULT] != 0:
            return _FAULT
        if reasons != 0:
            return reasons | (_TIME if world[NOW] >= until else 0)


@part
def _end(world: World, ns: int) -> int:
    """Close the bars that end at `ns`, then settle the funding of that time."""
    world[NOW] = ns
    reasons = 0
    behind = world[MARKETS] + world[MARKET_COUNT] * MARKET_WORDS
    for market in range(world[MARKETS], behind, MARKET_WORDS):
        if world[market + CLOSE_NS] == ns:
            reasons |= _close(world, market)
        if world[market + FUNDING_NS] == ns:
            venue.settled(world, market)
            world[market + FUNDING_NS] = world[world[market + FUNDING] + SETTLED_NS]
    return reasons | (_ORDER if world[REPORT_COUNT] != 0 else 0)


@part
def _begin(world: World, ns: int) -> int:
    """Open the bars that begin at `ns`."""
    world[NOW] = ns
    behind = world[MARKETS] + world[MARKET_COUNT] * MARKET_WORDS
    for market in range(world[MARKETS], behind, MARKET_WORDS):
        if world[market + OPEN_NS] == ns:
            _open(world, market)
    return _ORDER if world[REPORT_COUNT] != 0 else 0


@part
def _open(world: World, market: int) -> None:
    world[market + CLOSE_NS] = world[market + OPEN_NS] + world[market + INTERVAL_NS]
    world[market + OPEN_NS] = NEVER
    venue.opened(world, market)


@part
def _close(world: World, market: int) -> int:
    row = world[market + ROW]
    venue.closed(world, market)
    world[market + CLOSED] = row
    world[market + JUST_CLOSED] = 1
    world[market + CLOSE_NS] = NEVER
    world[market + ROW] = row + 1
    if row + 1 < world[market + END]:
        world[market + OPEN_NS] = figure(world, START, row + 1)
    return _BAR if world[market + WATCHED] != 0 else 0
