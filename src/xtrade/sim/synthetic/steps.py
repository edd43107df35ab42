"""The fundamental price refined to tenths of a second, and what each listing makes of it.

Within a minute the price walks a bridge: from where the minute starts to where it ends, which the minutes have drawn
already. So minutes alone (bars of months) and steps (books of hours) of one seed are the same price.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from xtrade.sim.replay.layout import Reals
from xtrade.sim.synthetic.arithmetic import exp_each, exp_of, log_of
from xtrade.sim.synthetic.draws import draws
from xtrade.sim.synthetic.fundamental import MINUTE_NS, STEPS, AssetMinutes, Fundamental, Minutes, wander
from xtrade.sim.synthetic.markets import Asset, Listed, SyntheticMarkets

__all__ = [
    "BLOCK_MINUTES",
    "STEP_NS",
    "AssetSteps",
    "Block",
    "ListingSteps",
    "basis_steps",
    "blocks",
    "refined",
]

STEP_NS: Final = MINUTE_NS // STEPS
_STEP_MS: Final = STEP_NS // 1_000_000
BLOCK_MINUTES: Final = 10
_BLOCK_STEPS: Final = BLOCK_MINUTES * STEPS
# How far ahead informed takers see, and how fast a listing's own error about the price is forgotten.
_AHEAD: Final = 20
_NOISE_HALF_LIFE: Final = 50.0
# Bursts within minutes: how wild they are, how long they last, and how spreads and activity follow them.
_BURST_SPREAD: Final = 0.45
_BURST_HALF_LIFE: Final = 30.0
_WIDTH_IN_BURST: Final = 0.5
_ACTIVITY_IN_BURST: Final = 0.6


@dataclass(frozen=True)
class AssetSteps:
    """One asset, step by step."""

    logs: Reals
    """The logarithm of the price."""
    sigma: Reals
    """Standard deviation of a step's return, on the minute's average."""
    width: Reals
    activity: Reals


@dataclass(frozen=True)
class ListingSteps:
    """What one listing's traders go by, step by step."""

    fair: Reals
    """The price that makers believe, in ticks."""
    half_spread: Reals
    """In ticks."""
    activity: Reals
    tilt: Reals
    """From -1 to 1: what takers know of the price to come, and how many of them know it."""


@dataclass(frozen=True)
class Block:
    """Ten minutes of a world; `start_ns` counts from the world's start."""

    start_ns: int
    minutes: Minutes
    listings: dict[str, ListingSteps]
    index: dict[str, Reals]
    """By asset: its price in quote currency."""


def blocks(markets: SyntheticMarkets, seed: int) -> Iterator[Block]:
    """The blocks of a world, without end."""
    fundamental = Fundamental(markets, seed)
    factor = draws(seed, "within/factor")
    within = {asset.name: _Within(asset, seed) for asset in markets.assets}
    listings = [_ListingPath(listed, seed) for listed in markets.listed]

    def next_block() -> tuple[Minutes, dict[str, AssetSteps]]:
        minutes = fundamental.advance(BLOCK_MINUTES)
        shared = factor.standard_normal((BLOCK_MINUTES, STEPS))
        return minutes, {name: each.refine(minutes.assets[name], shared) for name, each in within.items()}

    minutes, steps = next_block()
    # Before the start the price stood still, for those who follow late.
    past = {name: np.full(_BLOCK_STEPS, each.logs[0]) for name, each in steps.items()}
    while True:
        coming_minutes, coming = next_block()
        around = {name: np.concatenate([past[name], steps[name].logs, coming[name].logs]) for name in steps}
        index = {name: np.array(each.logs) for name, each in steps.items()}
        for prices in index.values():
            exp_each(prices)
        yield Block(
            minutes.first * MINUTE_NS,
            minutes,
            {path.key: path.advance(minutes, steps[path.base], around[path.base]) for path in listings},
            index,
        )
        past = {name: each.logs for name, each in steps.items()}
        minutes, steps = coming_minutes, coming


def refined(minutes: AssetMinutes, normals: Reals, log_bursts: Reals) -> Reals:
    """Return the logarithm of the price at the start of each step, one row for each minute.

    A minute's variance is spent where its bursts are: the bridge walks in their time, not in the clock's.
    """
    burst = np.array(log_bursts)
    exp_each(burst.ravel())
    count = len(minutes.sigma)
    walked, spent = np.zeros((count, STEPS + 1)), np.zeros((count, STEPS + 1))
    np.cumsum(normals * burst, axis=1, out=walked[:, 1:])
    np.cumsum(burst * burst, axis=1, out=spent[:, 1:])
    scale = minutes.sigma[:, None] / np.sqrt(spent[:, -1:])
    share = spent[:, :-1] / spent[:, -1:]
    path = minutes.log_start[:, None] + minutes.flowing[:, None] * share
    path += (walked[:, :-1] - share * walked[:, -1:]) * scale
    path += np.where(np.arange(STEPS) >= minutes.jump_step[:, None], minutes.jump[:, None], 0.0)
    return path


def basis_steps(basis: Reals) -> Reals:
    """Return a basis at the start of each step, from what it is at each minute."""
    share = np.arange(STEPS) / STEPS
    between: Reals = basis[:-1, None] * (1.0 - share) + basis[1:, None] * share
    return between.ravel()


class _Within:
    """Draws what happens within the minutes of one asset."""

    def __init__(self, asset: Asset, seed: int) -> None:
        self._shared = asset.correlation
        self._own = draws(seed, f"within/{asset.name}")
        self._bursts = draws(seed, f"bursts/{asset.name}")
        self._keep = exp_of(log_of(0.5) / _BURST_HALF_LIFE)
        self._last = np.zeros(1)

    def refine(self, minutes: AssetMinutes, factor: Reals) -> AssetSteps:
        """Return the steps of some minutes, end to end."""
        count = len(minutes.sigma)
        normals = self._shared * factor
        normals += math.sqrt(1.0 - self._shared**2) * self._own.standard_normal((count, STEPS))
        path = np.zeros(count * STEPS + 1)
        wander(self._bursts.standard_normal(count * STEPS), self._keep, self._last, path)
        log_bursts = _BURST_SPREAD * path[1:]
        logs = refined(minutes, normals, log_bursts.reshape(count, STEPS)).ravel()
        width, activity = _WIDTH_IN_BURST * log_bursts, _ACTIVITY_IN_BURST * log_bursts
        exp_each(width)
        exp_each(activity)
        return AssetSteps(
            logs,
            np.repeat(minutes.sigma, STEPS) / math.sqrt(STEPS),
            np.repeat(minutes.width, STEPS) * width,
            np.repeat(minutes.activity, STEPS) * activity,
        )


class _ListingPath:
    """How one listing sees the price: late, with an error of its own, and with its basis."""

    def __init__(self, market: Listed, seed: int) -> None:
        self.key = market.key
        self.base = market.asset.name
        self._market = market
        self._delay = round(market.venue.delay_ms / _STEP_MS)
        self._noise = draws(seed, f"noise/{self.key}")
        self._keep = exp_of(log_of(0.5) / _NOISE_HALF_LIFE)
        self._last = np.zeros(1)

    def advance(self, minutes: Minutes, steps: AssetSteps, around: Reals) -> ListingSteps:
        """Return one block; `around` has the prices of the block before it and of the one after it too."""
        listing = self._market.listing
        start = _BLOCK_STEPS - self._delay
        seen = around[start : start + _BLOCK_STEPS]
        ahead = around[start + _AHEAD : start + _AHEAD + _BLOCK_STEPS]
        noise = np.zeros(_BLOCK_STEPS + 1)
        wander(self._noise.standard_normal(_BLOCK_STEPS), self._keep, self._last, noise)
        fair = np.array(seen)
        exp_each(fair)
        fair *= 1.0 + noise[1:] * (listing.noise_bp * 1e-4)
        basis = minutes.basis.get(self.key)
        if basis is not None:
            fair *= 1.0 + basis_steps(basis)
        fair /= float(listing.tick)
        half_spread = 0.5e-4 * listing.spread_bp * fair * steps.width
        usual = np.maximum(steps.sigma, 1e-12) * math.sqrt(_AHEAD)
        tilt = np.clip((ahead - seen) / usual, -1.0, 1.0) * listing.informed
        return ListingSteps(fair, np.maximum(half_spread, 0.5), steps.activity, tilt)
