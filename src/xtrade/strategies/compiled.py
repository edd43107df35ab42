"""The built-in strategies as kernels: the same decisions as their Python forms, which say what they are about."""

from __future__ import annotations

from typing import Final

from xtrade.sim.bars.deciding import Reals
from xtrade.sim.bars.layout import Columns
from xtrade.sim.desks import bars, tapes
from xtrade.sim.replay.compiled import kernel_known_by
from xtrade.sim.replay.layout import World
from xtrade.strategies.quoter import wanted_quotes

__all__ = ["quoter", "sma"]

_FAST, _SLOW, _LOTS, _SHORT = range(4)
_IS_DECIDED, _WAS_ABOVE, _TARGET = range(3)


def sma(world: World, columns: Columns, row: int, params: Reals, state: Reals) -> None:
    """Be long while the fast average is above the slow one, otherwise short or out."""
    fast = int(params[_FAST])
    slow = int(params[_SLOW])
    first = bars.first(world)
    if row - first + 1 < slow:
        return
    fast_sum = columns[bars.SUM, row] - (columns[bars.SUM, row - fast] if row - fast >= first else 0)
    slow_sum = columns[bars.SUM, row] - (columns[bars.SUM, row - slow] if row - slow >= first else 0)
    above = 1.0 if fast_sum * slow > slow_sum * fast else 0.0
    if state[_IS_DECIDED] == 0 or above != state[_WAS_ABOVE]:
        state[_IS_DECIDED] = 1
        state[_WAS_ABOVE] = above
        state[_TARGET] = params[_LOTS] if above else -params[_LOTS] * params[_SHORT]
    bars.move_to(world, int(state[_TARGET]))


_HALF_SPREAD, _SKEW, _QUOTED, _LEAST, _MOST = range(5)
_BID, _ASK = range(2)
# One source for both forms; it is compiled with what calls it.
_wanted_quotes: Final = kernel_known_by(wanted_quotes, None)


def quoter(world: World, params: Reals, state: Reals) -> None:
    """Quote both sides of the middle, leaning against what is held."""
    bid = tapes.bid_ticks(world)
    ask = tapes.ask_ticks(world)
    if bid == tapes.EMPTY or ask == -tapes.EMPTY or not tapes.is_trusted(world):
        tapes.cancel_all(world)
        return
    held = tapes.position(world)
    lots = int(params[_QUOTED])
    buy, sell = _wanted_quotes(
        bid, ask, held, params[_HALF_SPREAD], params[_SKEW], lots, int(params[_LEAST]), int(params[_MOST])
    )
    bidding = int(state[_BID])
    if tapes.is_open(world, bidding):
        if tapes.price(world, bidding) != buy:
            tapes.cancel(world, bidding)
    elif buy > 0:
        state[_BID] = tapes.buy(world, lots, buy, tapes.POST_ONLY)
    asking = int(state[_ASK])
    if tapes.is_open(world, asking):
        if tapes.price(world, asking) != sell:
            tapes.cancel(world, asking)
    elif sell > 0:
        state[_ASK] = tapes.sell(world, lots, sell, tapes.POST_ONLY)
