"""When takers come: buyers and sellers excite themselves, and a little each other (a Hawkes process).

Two memories, one of a fraction of a second and one of several, make trades come in bursts and their signs persist.
Takers know a little of the seconds to come, so that their trades move the price for good. Sizes are lognormal with a
Pareto tail. The process looks at the fundamental price alone, never at the book, so it is the same in every form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import Reals, Words
from xtrade.sim.synthetic.arithmetic import exp_each, exp_of, log_of
from xtrade.sim.synthetic.draws import RESERVE, Uniforms, draws
from xtrade.sim.synthetic.markets import Listed
from xtrade.sim.synthetic.steps import STEP_NS, ListingSteps

__all__ = ["MEAN_SIZE", "Flow", "Takers"]

# How many trades one trade brings about, by each memory, and the share of them on its own side.
_CHILDREN_FAST: Final = 0.25
_CHILDREN_SLOW: Final = 0.55
_SAME_SIDE: Final = 0.95
_FAST_RATE: Final = 8.0
_SLOW_RATE: Final = 0.05
_OWN_RATE: Final = 1.0 - _CHILDREN_FAST - _CHILDREN_SLOW

_SIZE_SPREAD: Final = 1.0
_TAIL_SHARE: Final = 0.06
_TAIL_POWER: Final = 1.6
_SIZE_MAX: Final = 300.0
MEAN_SIZE: Final = 1.0 + _TAIL_SHARE / (_TAIL_POWER - 1.0)
"""The mean of a taker's size, in typical ones."""

_BURST: Final = 1 << 14


@dataclass(frozen=True)
class Takers:
    """Arrivals in order: when (from the world's start), 0 to buy or 1 to sell, and how many lots."""

    ns: Words
    side: Words
    lots: Words


class Flow:
    """The takers of one listing."""

    def __init__(self, market: Listed, seed: int) -> None:
        key = market.key
        self._rate = market.listing.trades_rate * _OWN_RATE / 2
        lot_worth = float(market.listing.tick) * market.listing.lot_base
        self._typical = market.listing.trade_amount / lot_worth
        self._uniforms = Uniforms(draws(seed, f"flow/{key}"))
        self._sizes = draws(seed, f"sizes/{key}")
        self._tails = draws(seed, f"tails/{key}")
        self._excited = np.zeros(4)
        self._now = np.zeros(1, np.int64)

    def advance(self, steps: ListingSteps, start_ns: int) -> Takers:
        """Return who comes in the next block of steps."""
        ns, side = np.zeros(_BURST, np.int64), np.zeros(_BURST, np.int64)
        found: list[tuple[Words, Words]] = []
        done = False
        while not done:
            self._uniforms.refill()
            count = np.zeros(1, np.int64)
            done = _arrivals(
                steps.activity * self._rate,
                steps.tilt,
                start_ns,
                self._now,
                self._excited,
                self._uniforms.values,
                self._uniforms.cursor,
                count,
                ns,
                side,
            )
            found.append((ns[: count[0]].copy(), side[: count[0]].copy()))
        when = np.concatenate([part[0] for part in found])
        amounts = self._drawn(len(when)) * self._typical / steps.fair[(when - start_ns) // STEP_NS]
        return Takers(
            when, np.concatenate([part[1] for part in found]), np.maximum(amounts, 1.0).astype(np.int64)
        )

    def _drawn(self, count: int) -> Reals:
        """Sizes, in typical ones."""
        logs = _SIZE_SPREAD * self._sizes.standard_normal(count) - 0.5 * _SIZE_SPREAD**2
        for at, chance in enumerate(1.0 - self._tails.random(count)):
            if chance < _TAIL_SHARE:
                logs[at] -= log_of(chance / _TAIL_SHARE) / _TAIL_POWER
        exp_each(logs)
        return np.minimum(logs, _SIZE_MAX)


@kernel
def _arrivals(
    rate: Reals,
    tilt: Reals,
    start_ns: int,
    now: Words,
    excited: Reals,
    chance: Reals,
    cursor: Words,
    count: Words,
    ns: Words,
    side: Words,
) -> bool:
    """Fill in arrivals until the steps end; False if numbers or places run out before."""
    end = start_ns + len(rate) * STEP_NS
    while now[0] < end:
        if cursor[0] + RESERVE > len(chance) or count[0] == len(ns):
            return False
        step = (now[0] - start_ns) // STEP_NS
        step_end = start_ns + (step + 1) * STEP_NS
        total = 2.0 * rate[step] + excited[0] + excited[1] + excited[2] + excited[3]
        wait = -log_of(chance[cursor[0]]) / total
        cursor[0] += 1
        then = now[0] + 1 + int(wait * 1e9) if wait < 1.0 else step_end
        if then >= step_end:
            _decay(excited, (step_end - now[0]) * 1e-9)
            now[0] = step_end
            continue
        _decay(excited, (then - now[0]) * 1e-9)
        now[0] = then
        # Ogata's thinning: the rate can only have fallen since.
        buying = rate[step] + excited[0] + excited[2]
        selling = rate[step] + excited[1] + excited[3]
        drawn = chance[cursor[0]] * total
        cursor[0] += 1
        if drawn >= buying + selling:
            continue
        who = 0 if drawn < buying else 1
        # Those who know better do the opposite.
        knows = -tilt[step] if who == 0 else tilt[step]
        if chance[cursor[0]] < knows:
            who = 1 - who
        cursor[0] += 1
        ns[count[0]] = then
        side[count[0]] = who
        count[0] += 1
        excited[who] += _CHILDREN_FAST * _FAST_RATE * _SAME_SIDE
        excited[1 - who] += _CHILDREN_FAST * _FAST_RATE * (1.0 - _SAME_SIDE)
        excited[2 + who] += _CHILDREN_SLOW * _SLOW_RATE * _SAME_SIDE
        excited[3 - who] += _CHILDREN_SLOW * _SLOW_RATE * (1.0 - _SAME_SIDE)
    return True


@kernel
def _decay(excited: Reals, seconds: float) -> None:
    fast, slow = exp_of(-_FAST_RATE * seconds), exp_of(-_SLOW_RATE * seconds)
    excited[0] *= fast
    excited[1] *= fast
    excited[2] *= slow
    excited[3] *= slow
