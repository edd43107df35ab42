"""The price beneath everything, minute by minute.

The weather (one regime for all assets) is a Markov chain. Volatility is the regime's times a lognormal factor with
two speeds: a slow one that all assets share and a fast one of each, so that quiet and wild times cluster. A minute's
return is the shared factor and the asset's own part, a trend if there is one, and now and then a jump. A perpetual's
basis is pulled back to its mean.

Minutes are drawn one after the other from streams by name: how many are asked for at once changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import Reals, Words
from xtrade.sim.synthetic.arithmetic import exp_each, exp_of, log_of
from xtrade.sim.synthetic.draws import check_seed, draws
from xtrade.sim.synthetic.markets import Asset, Perpetual, SyntheticMarkets

__all__ = ["MINUTE_NS", "STEPS", "AssetMinutes", "Fundamental", "Minutes", "wander"]

MINUTE_NS: Final = 60_000_000_000
STEPS: Final = 600
"""Steps of a tenth of a second in a minute."""

_MINUTES_A_YEAR: Final = 525_600
_MINUTES_A_DAY: Final = 1_440
_SLOW_HALF_LIFE: Final = 720.0
_FAST_HALF_LIFE: Final = 20.0
# How activity and spreads follow volatility: as these powers of it.
_ACTIVITY_POWER: Final = 0.6
_WIDTH_POWER: Final = 0.7
# How much of a basis's news is the price's own: demand for leverage moves both.
_BASIS_WITH_PRICE: Final = 0.3


@dataclass(frozen=True)
class AssetMinutes:
    """One asset's minutes: the logarithm of its price at the start, and what happens until the next."""

    log_start: Reals
    flowing: Reals
    """The return without the jump."""
    jump: Reals
    jump_step: Words
    sigma: Reals
    """Standard deviation of a minute's return."""
    activity: Reals
    width: Reals
    """By how much makers widen."""
    log_end: float


@dataclass(frozen=True)
class Minutes:
    """Consecutive minutes of a world; `first` counts from its start."""

    first: int
    regime: Words
    direction: Words
    assets: dict[str, AssetMinutes]
    basis: dict[str, Reals]
    """By listing: the basis, as a fraction, at each minute's start, and one more at the end."""

    def __len__(self) -> int:
        return len(self.regime)


class Fundamental:
    """The minutes of one world and one seed, in order, without end."""

    def __init__(self, markets: SyntheticMarkets, seed: int) -> None:
        check_seed(seed)
        self._markets = markets
        self._next = 0
        self._weather = np.array([0, 1], np.int64)
        self._regimes = draws(seed, "regimes")
        self._slow = _Wandering(draws(seed, "volatility"), _SLOW_HALF_LIFE)
        self._factor = draws(seed, "factor")
        self._assets = [_AssetStreams(asset, seed) for asset in markets.assets]
        self._bases = [
            _BasisStream(listed.key, listed.asset.name, basis, seed)
            for listed in markets.listed
            if (basis := listed.listing.basis) is not None
        ]

    def advance(self, count: int) -> Minutes:
        """Return the next `count` minutes."""
        regimes = self._markets.regimes
        regime, direction = np.zeros(count, np.int64), np.zeros(count, np.int64)
        _roll(
            self._regimes.random((count, 3)),
            np.array([1.0 / each.minutes_mean for each in regimes]),
            np.array([each.weight for each in regimes]),
            self._weather,
            regime,
            direction,
        )
        slow = self._slow.advance(count)[1:]
        factor = self._factor.standard_normal(count)
        log_volatility = np.array([log_of(max(each.volatility, 1e-6)) for each in regimes])[regime]
        weather = _Weather(
            log_volatility,
            np.array([each.activity for each in regimes])[regime],
            np.array([each.jumps for each in regimes])[regime],
            np.array([each.drift_daily for each in regimes])[regime] / _MINUTES_A_DAY * direction,
            slow,
            factor,
        )
        assets: dict[str, AssetMinutes] = {}
        news: dict[str, Reals] = {}
        for streams in self._assets:
            name = streams.asset.name
            assets[name], news[name] = streams.advance(weather)
        basis = {stream.key: stream.advance(news[stream.base]) for stream in self._bases}
        minutes = Minutes(self._next, regime, direction, assets, basis)
        self._next += count
        return minutes


@dataclass(frozen=True)
class _Weather:
    """What all assets share in some minutes."""

    log_volatility: Reals
    activity: Reals
    jumps: Reals
    drift: Reals
    slow: Reals
    factor: Reals


class _Wandering:
    """A value of mean 0 and variance 1 that forgets half of what it was in a half-life."""

    def __init__(self, generator: np.random.Generator, half_life: float) -> None:
        self._generator = generator
        self._keep = exp_of(log_of(0.5) / half_life)
        self._last = np.array([generator.standard_normal()])

    def advance(self, count: int, news: Reals | None = None, share: float = 0.0) -> Reals:
        """Return where it is, and its next `count` values; `share` of what moves it may be others' news."""
        fresh = self._generator.standard_normal(count)
        if news is not None:
            fresh = share * news + math.sqrt(1.0 - share * share) * fresh
        path = np.empty(count + 1)
        path[0] = self._last[0]
        wander(fresh, self._keep, self._last, path)
        return path


class _AssetStreams:
    """What one asset draws."""

    def __init__(self, asset: Asset, seed: int) -> None:
        self.asset = asset
        self._own = draws(seed, f"price/{asset.name}")
        self._fast = _Wandering(draws(seed, f"clustering/{asset.name}"), _FAST_HALF_LIFE)
        self._jump_when = draws(seed, f"jumps/when/{asset.name}")
        self._jump_size = draws(seed, f"jumps/size/{asset.name}")
        self._log = log_of(asset.price)

    def advance(self, weather: _Weather) -> tuple[AssetMinutes, Reals]:
        """Return the next minutes, and the news that moved the price in each."""
        asset, count = self.asset, len(weather.factor)
        half = math.sqrt(0.5) * asset.clustering
        # The mean of the square is 1, so that the annual volatility is that of a regime with volatility 1.
        log_heat = half * weather.slow + half * self._fast.advance(count)[1:] - asset.clustering**2
        log_heat += weather.log_volatility
        sigma = _exp(log_heat) * (asset.volatility_annual / math.sqrt(_MINUTES_A_YEAR))
        shared = asset.correlation
        news = shared * weather.factor + math.sqrt(1.0 - shared * shared) * self._own.standard_normal(count)
        flowing = sigma * news + weather.drift - 0.5 * sigma * sigma
        chance = self._jump_when.random((count, 2))
        size = self._jump_size.standard_normal(count)
        jumps = chance[:, 0] < asset.jumps_daily / _MINUTES_A_DAY * weather.jumps
        jump = np.where(jumps, (size + np.sign(size) * 0.5) * (asset.jump_bp * 1e-4), 0.0)
        logs = np.cumsum(np.concatenate([[self._log], flowing + jump]))
        self._log = float(logs[-1])
        activity = weather.activity * _exp(_ACTIVITY_POWER * (log_heat - weather.log_volatility))
        minutes = AssetMinutes(
            log_start=logs[:-1],
            flowing=flowing,
            jump=jump,
            jump_step=1 + (chance[:, 1] * (STEPS - 1)).astype(np.int64),
            sigma=sigma,
            activity=np.minimum(activity, 10.0),
            width=_exp(_WIDTH_POWER * log_heat),
            log_end=self._log,
        )
        return minutes, news


class _BasisStream:
    """What one perpetual's basis draws."""

    def __init__(self, key: str, base: str, basis: Perpetual, seed: int) -> None:
        self.key = key
        self.base = base
        self._basis = basis
        self._path = _Wandering(draws(seed, f"basis/{key}"), basis.half_life_minutes)

    def advance(self, news: Reals) -> Reals:
        path = self._path.advance(len(news), news, _BASIS_WITH_PRICE)
        return (self._basis.basis_bp_mean + self._basis.basis_bp_spread * path) * 1e-4


@kernel
def wander(fresh: Reals, keep: float, last: Reals, path: Reals) -> None:
    """Fill path[1:] with a value that keeps a share of itself each time; `last` is where it is."""
    news = math.sqrt(1.0 - keep * keep)
    value = last[0]
    for at in range(len(fresh)):
        value = keep * value + news * fresh[at]
        path[at + 1] = value
    last[0] = value


@kernel
def _roll(
    chance: Reals, leaving: Reals, weights: Reals, weather: Words, regime: Words, direction: Words
) -> None:
    """Fill in each minute's regime and the direction of its trend."""
    count = len(weights)
    for at in range(len(regime)):
        now = weather[0]
        if count > 1 and chance[at, 0] < leaving[now]:
            total = 0.0
            for other in range(count):
                total += weights[other] if other != now else 0.0
            left = chance[at, 1] * total
            chosen = now
            for other in range(count):
                if other != now and weights[other] > 0.0:
                    chosen = other
                    left -= weights[other]
                    if left < 0.0:
                        break
            weather[0] = chosen
            weather[1] = 1 if chance[at, 2] < 0.5 else -1
        regime[at] = weather[0]
        direction[at] = weather[1]


def _exp(values: Reals) -> Reals:
    result = np.array(values)
    exp_each(result)
    return result
