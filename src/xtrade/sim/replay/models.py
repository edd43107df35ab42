"""What a back-test assumes, chosen in the open: queue, latency, fills, impact. The defaults are pessimistic.

Queue        where our order stands when the data shows levels and not orders
Latency      how long one leg takes: constant, drawn, recorded
Assumptions  all of it for one instrument
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import NormalDist
from typing import Any, Final

import numba
from numba import config as numba_config
from numba.core.errors import NumbaError

from xtrade.model.durations import duration_text
from xtrade.model.errors import UsageError
from xtrade.sim.replay.executions import FillRule
from xtrade.sim.replay.layout import CONSTANT, DRAWN, RECORDED
from xtrade.sim.replay.messages import DRAW_MODULUS
from xtrade.sim.replay.queueing import QueueKind

__all__ = ["Assumptions", "FillRule", "Latency", "Queue", "QueueKind"]

_QUANTILES: Final = 1024
_PLAIN_FUNCTION: Final = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)


@dataclass(frozen=True)
class Queue:
    """How an order moves in its queue when a level shrinks without a trade (xtrade.sim.replay.queueing).

    `unit` is how many lots count as 1 in the logarithmic models; `function` is the user's own share that leaves
    behind us, given the lots ahead and behind, for QueueKind.OWN.
    """

    kind: QueueKind = QueueKind.RISK_AVERSE
    exponent: float = 1.0
    unit: float = 1.0
    function: Callable[[float, float], float] | None = None
    _native: Any = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if (self.kind is QueueKind.OWN) != (self.function is not None):
            raise UsageError("a queue function and QueueKind.OWN go together: use Queue.own(function)")
        if not self.exponent > 0 or not self.unit > 0:
            raise UsageError(f"exponent = {self.exponent}, unit = {self.unit}: expected numbers above zero")
        if self.function is not None:
            object.__setattr__(self, "_native", _native(self.function))

    @classmethod
    def own(cls, function: Callable[[float, float], float]) -> Queue:
        """Use a function of (lots ahead, lots behind) that returns the share (0 to 1) that leaves behind us."""
        return cls(QueueKind.OWN, function=function)

    @property
    def address(self) -> int:
        """Where the user's function is, for the kernel; 0 without one."""
        if self._native is None:
            return 0
        if isinstance(self._native, _PLAIN_FUNCTION):
            return ctypes.cast(self._native, ctypes.c_void_p).value or 0
        return int(self._native.address)


def _native(function: Callable[[float, float], float]) -> Any:
    """Make a plain function callable from the kernel; without numba's compiler, through ctypes."""
    if numba_config.DISABLE_JIT:  # type: ignore[attr-defined]
        return _PLAIN_FUNCTION(function)
    try:
        return numba.cfunc("float64(float64, float64)")(function)
    except NumbaError as error:
        name = getattr(function, "__name__", repr(function))
        raise UsageError(f"the queue function {name} cannot be compiled: {error}") from error


@dataclass(frozen=True)
class Latency:
    """How long one leg takes, in nanoseconds. Messages of one leg never overtake each other."""

    kind: int
    ns: int = 0
    table: tuple[int, ...] = ()
    seed: int = 1

    @classmethod
    def constant(cls, ns: int) -> Latency:
        """Return the same latency for every message."""
        if ns < 0:
            raise UsageError(f"a latency of {ns} ns: expected zero or more")
        return cls(CONSTANT, ns=ns)

    @classmethod
    def drawn(cls, quantiles_ns: Sequence[int], *, seed: int) -> Latency:
        """Draw from a distribution given by its quantiles, evenly spaced from the least to the greatest.

        Between two quantiles all values are equally likely: [a, b] is uniform, [a, m, b] has the median m.
        """
        table = tuple(int(ns) for ns in quantiles_ns)
        if len(table) < 2 or table[0] < 0 or any(b < a for a, b in pairwise(table)):
            raise UsageError("quantiles of a latency: expected two or more, ascending, none below zero")
        return cls(DRAWN, table=table, seed=seed % (DRAW_MODULUS - 1) + 1)

    @classmethod
    def lognormal(cls, median_ns: int, sigma: float, *, seed: int) -> Latency:
        """Draw from a log-normal distribution, cut at its 0.05 and 99.95 percentiles."""
        from math import exp

        normal = NormalDist()
        shares = [(place + 0.5) / _QUANTILES for place in range(_QUANTILES)]
        return cls.drawn(
            [round(median_ns * exp(sigma * normal.inv_cdf(share))) for share in shares], seed=seed
        )

    @classmethod
    def recorded(cls, times_ns: Sequence[int], latencies_ns: Sequence[int]) -> Latency:
        """Interpolate between latencies that were measured at these (local) times; the ends are held."""
        times = tuple(int(ns) for ns in times_ns)
        latencies = tuple(int(ns) for ns in latencies_ns)
        if not times or len(times) != len(latencies):
            raise UsageError(f"recorded latencies: {len(times)} times and {len(latencies)} latencies")
        if any(b <= a for a, b in pairwise(times)) or min(latencies) < 0:
            raise UsageError("recorded latencies: times must ascend, and no latency is below zero")
        return cls(RECORDED, table=times + latencies)

    @property
    def in_words(self) -> str:
        """How long it takes, for people."""
        if self.kind == CONSTANT:
            return duration_text(self.ns) if self.ns else "no time"
        if self.kind == DRAWN:
            return f"{duration_text(self.table[0])} to {duration_text(self.table[-1])}, drawn"
        latencies = self.table[len(self.table) // 2 :]
        return f"{duration_text(min(latencies))} to {duration_text(max(latencies))}, as recorded"


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What is assumed of one instrument's venue.

    `entry` is our way to the venue, `response` the way back; the feed's own latency is on the tape. With `impact`,
    what our takers took is gone until the feed tells that level again.
    """

    queue: Queue = Queue()
    entry: Latency = Latency(CONSTANT)
    response: Latency = Latency(CONSTANT)
    fills: FillRule = FillRule.VOLUME
    impact: bool = True

    @property
    def in_words(self) -> str:
        """What is assumed, in one sentence for people."""
        queue = self.queue.kind.name.lower().replace("_", "-")
        taken = "what we take stays gone" if self.impact else "what we take comes back at once"
        return (
            f"queue {queue}; fills by {self.fills.name.lower()}; way to the venue {self.entry.in_words}, back"
            f" {self.response.in_words}; {taken}"
        )
