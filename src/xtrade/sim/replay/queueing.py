"""How many lots stand in the queue before our order, when the data shows levels and not orders.

joined      our order comes last: all the lots at its price are before it
advanced    a change of the level, told by the feed, moves us by the chosen model

RISK_AVERSE   only trades move us; but never more is before us than the level holds
the others    of a decrease that no trade explains, a share left before us and the rest behind. A model is the share
              that left *behind* us, given the lots before (`ahead`) and behind us, with f as in its name:
  POWER             f(behind) / (f(behind) + f(ahead)),   f(x) = x^n
  POWER_OF_TOTAL    f(behind) / f(behind + ahead),        f(x) = x^n
  POWER_OF_SHARE    1 - f(ahead / (ahead + behind)),      f(x) = x^n
  LOG               f(behind) / (f(behind) + f(ahead)),   f(x) = log(1 + x)
  LOG_OF_TOTAL      f(behind) / f(behind + ahead),        f(x) = log(1 + x)
  OWN               the user's own function of (ahead, behind)

Trades at our price, since the level was last told, were already taken from `ahead`, and are taken from the decrease.
"""

from __future__ import annotations

import ctypes
import math
from enum import IntEnum
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, overload

from xtrade.sim.replay.compiled import part
from xtrade.sim.replay.layout import (
    ORDER_AHEAD,
    ORDER_TRADED,
    QUEUE_EXPONENT,
    QUEUE_MODEL,
    QUEUE_OWN,
    QUEUE_UNIT,
    Reals,
    World,
)

__all__ = ["QueueKind", "advanced", "call_own", "joined"]


class QueueKind(IntEnum):
    """The queue models."""

    RISK_AVERSE = 0
    POWER = 1
    POWER_OF_TOTAL = 2
    POWER_OF_SHARE = 3
    LOG = 4
    LOG_OF_TOTAL = 5
    OWN = 6


_RISK_AVERSE, _POWER, _POWER_OF_TOTAL, _POWER_OF_SHARE, _LOG, _LOG_OF_TOTAL, _OWN = (
    int(kind) for kind in QueueKind
)


@part
def joined(world: World, reals: Reals, order: int, lots: int) -> None:
    """Put an order at the end of a queue of `lots`."""
    reals[order + ORDER_AHEAD] = float(lots)
    world[order + ORDER_TRADED] = 0


@part
def advanced(world: World, reals: Reals, market: int, order: int, before: int, lots: int) -> None:
    """Move an order in its queue when the feed says that its level went from `before` to `lots`."""
    ahead = reals[order + ORDER_AHEAD]
    if world[market + QUEUE_MODEL] != _RISK_AVERSE:
        gone = float(before - lots - world[order + ORDER_TRADED])
        world[order + ORDER_TRADED] = 0
        if gone > 0.0 and ahead > 0.0:
            behind = max(float(before) - ahead, 0.0)
            share = _share_behind(world, reals, market, ahead, behind)
            # What cannot have left behind us, because less stood there, left before us.
            ahead += min(behind - share * gone, 0.0) - (1.0 - share) * gone
    reals[order + ORDER_AHEAD] = min(ahead, float(lots))


@part
def _share_behind(world: World, reals: Reals, market: int, ahead: float, behind: float) -> float:
    model = world[market + QUEUE_MODEL]
    exponent = reals[market + QUEUE_EXPONENT]
    unit = reals[market + QUEUE_UNIT]
    front = ahead / unit
    back = behind / unit
    if model == _POWER:
        return float(back**exponent / (back**exponent + front**exponent))
    if model == _POWER_OF_TOTAL:
        return float(back**exponent / (back + front) ** exponent)
    if model == _POWER_OF_SHARE:
        return float(1.0 - (front / (front + back)) ** exponent)
    if model == _LOG:
        return math.log(1.0 + back) / (math.log(1.0 + back) + math.log(1.0 + front))
    if model == _LOG_OF_TOTAL:
        return math.log(1.0 + back) / math.log(1.0 + back + front)
    return min(max(call_own(world[market + QUEUE_OWN], ahead, behind), 0.0), 1.0)


def call_own(address: int, ahead: float, behind: float) -> float:
    """Call the C function at an address. Compiled code jumps there; uncompiled code goes through ctypes."""
    return float(_OWN_FUNCTION(int(address))(ahead, behind))


_OWN_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)


@intrinsic
def _jump(_context: Any, _address: Any, _ahead: Any, _behind: Any) -> Any:
    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        double = ir.DoubleType()
        function = ir.FunctionType(double, [double, double])
        pointer = builder.inttoptr(arguments[0], function.as_pointer())
        return builder.call(pointer, arguments[1:])

    return types.float64(types.int64, types.float64, types.float64), code


jump: Any = _jump  # numba hands the typing context to an intrinsic; mypy does not know


@overload(call_own)
def _call_own(address: Any, ahead: Any, behind: Any) -> Any:  # noqa: ARG001  (numba wants the names of call_own)
    def compiled(address: Any, ahead: Any, behind: Any) -> Any:
        return jump(address, ahead, behind)

    return compiled
