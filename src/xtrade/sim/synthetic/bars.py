"""Synthetic markets as bars: months in a moment.

synthetic_bars      bars of every market of a world
synthetic_funding   what its perpetuals pay meanwhile

The price is that of the tape and of the traders with the same seed and start: it closes minutes where they do, to
within a spread. Highs, lows and volumes follow the same laws, drawn anew: no book is played for them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

import numpy as np

from xtrade.model.errors import UsageError
from xtrade.model.numbers import steps as steps_of
from xtrade.sim.bars.columns import Bars
from xtrade.sim.replay.layout import Reals, Words
from xtrade.sim.replay.tape import RATE_UNIT
from xtrade.sim.synthetic.arithmetic import exp_each, log_each
from xtrade.sim.synthetic.draws import check_seed, draws
from xtrade.sim.synthetic.flow import MEAN_SIZE
from xtrade.sim.synthetic.fundamental import MINUTE_NS, AssetMinutes, Fundamental
from xtrade.sim.synthetic.funding import Premiums
from xtrade.sim.synthetic.markets import Listed, SyntheticMarkets
from xtrade.sim.synthetic.steps import BLOCK_MINUTES, STEP_NS, basis_steps, blocks

__all__ = ["FundingColumns", "synthetic_bars", "synthetic_funding"]

_VOLUME_SPREAD: Final = 0.4


def synthetic_bars(
    markets: SyntheticMarkets, *, seed: int, start_ns: int, interval_ns: int, count: int
) -> dict[str, Bars]:
    """Return `count` bars of each market, by key; the interval is whole minutes, or divides one."""
    check_seed(seed)
    if start_ns < 0 or count < 1:
        raise UsageError(f"{count} bars from {start_ns} ns on: expected one or more, from zero or later")
    if interval_ns > 0 and interval_ns % MINUTE_NS == 0:
        parts = _of_minutes(markets, seed, count * (interval_ns // MINUTE_NS))
        each = interval_ns // MINUTE_NS
    elif interval_ns > 0 and MINUTE_NS % interval_ns == 0 and interval_ns % STEP_NS == 0:
        parts = _of_steps(markets, seed, -(-count * interval_ns // MINUTE_NS))
        each = interval_ns // STEP_NS
    else:
        raise UsageError(
            f"bars of {interval_ns} ns: expected whole minutes, or a divisor of a minute in steps of {STEP_NS} ns"
        )
    starts = start_ns + interval_ns * np.arange(count)
    return {
        listed.key: _bars(listed, seed, parts[listed.key], starts, interval_ns, each)
        for listed in markets.listed
    }


class FundingColumns(NamedTuple):
    """Settlements of one perpetual: when, at which rate (in units of 10^-12) and at which mark price in ticks."""

    time_ns: Words
    rates: Words
    mark_ticks: Words


def synthetic_funding(
    markets: SyntheticMarkets, *, seed: int, start_ns: int, duration_ns: int
) -> dict[str, FundingColumns]:
    """Return what each perpetual pays within a duration: the same rates as on the tape of this seed and start."""
    check_seed(seed)
    count = -(-duration_ns // MINUTE_NS)
    minutes = Fundamental(markets, seed).advance(count)
    found = {}
    for listed in markets.listed:
        terms = listed.listing.basis
        if terms is None:
            continue
        premiums = Premiums(terms, start_ns)
        basis = minutes.basis[listed.key]
        rows = []
        for at in range(count):
            now_ns = start_ns + at * MINUTE_NS
            premiums.look(float(basis[at]), now_ns)
            due_ns = premiums.next_ns
            if now_ns < due_ns <= now_ns + MINUTE_NS and due_ns < start_ns + duration_ns:
                rows.append((due_ns, steps_of(premiums.rate, RATE_UNIT), at))
        at_minute = np.array([row[2] for row in rows], np.int64)
        due = np.array([row[0] for row in rows], np.int64)
        asset = minutes.assets[listed.asset.name]
        marks = np.append(asset.log_start, asset.log_end)
        exp_each(marks)
        marks *= (1.0 + basis) / float(listed.listing.tick)
        share = (due - start_ns - at_minute * MINUTE_NS) / MINUTE_NS
        mark = marks[at_minute] * (1.0 - share) + marks[at_minute + 1] * share
        rates = np.array([row[1] for row in rows], np.int64)
        found[listed.key] = FundingColumns(due, rates, _ticks(mark))
    return found


@dataclass(frozen=True)
class _Parts:
    """One market in the finest parts at hand, minutes or steps; prices in ticks, volumes in lots expected."""

    opens: Reals
    highs: Reals
    lows: Reals
    closes: Reals
    volumes: Reals


def _of_minutes(markets: SyntheticMarkets, seed: int, count: int) -> dict[str, _Parts]:
    minutes = Fundamental(markets, seed).advance(count)
    extremes = {
        name: _extremes(asset, draws(seed, f"extremes/{name}").random((count, 2)))
        for name, asset in minutes.assets.items()
    }
    parts = {}
    for listed in markets.listed:
        name = listed.asset.name
        asset = minutes.assets[name]
        basis = 1.0 + minutes.basis.get(listed.key, np.zeros(count + 1))
        marks = np.append(asset.log_start, asset.log_end)
        exp_each(marks)
        marks *= basis / float(listed.listing.tick)
        high, low = extremes[name]
        between = 0.5 * (basis[:-1] + basis[1:]) / float(listed.listing.tick)
        parts[listed.key] = _Parts(
            marks[:-1],
            high * between,
            low * between,
            marks[1:],
            _expected(listed, asset.activity, 60.0, marks[1:]),
        )
    return parts


def _extremes(asset: AssetMinutes, chance: Reals) -> tuple[Reals, Reals]:
    """Draw each minute's highest and lowest price: those of a walk whose ends are known have a known law."""
    logs = 1.0 - chance
    log_each(logs.reshape(-1))
    spent = -2.0 * logs * (asset.sigma**2)[:, None]
    span = asset.flowing[:, None]
    reach = np.sqrt(span * span + spent)
    high = 0.5 * (asset.flowing + reach[:, 0])
    low = 0.5 * (asset.flowing - reach[:, 1])
    end = asset.flowing + asset.jump
    high = asset.log_start + np.maximum(high, end)
    low = asset.log_start + np.minimum(low, end)
    exp_each(high)
    exp_each(low)
    return high, low


def _of_steps(markets: SyntheticMarkets, seed: int, minutes: int) -> dict[str, _Parts]:
    found = list(islice(blocks(markets, seed), -(-minutes // BLOCK_MINUTES)))
    parts = {}
    for listed in markets.listed:
        name = listed.asset.name
        pieces, activity = [], []
        for block in found:
            basis = block.minutes.basis.get(listed.key, np.zeros(len(block.minutes) + 1))
            pieces.append(block.index[name] * (1.0 + basis_steps(basis)))
            activity.append(block.listings[listed.key].activity)
        last = found[-1].minutes
        end = np.array([last.assets[name].log_end])
        exp_each(end)
        marks = np.concatenate([*pieces, end * (1.0 + last.basis.get(listed.key, np.zeros(1))[-1])])
        marks /= float(listed.listing.tick)
        volumes = _expected(listed, np.concatenate(activity), STEP_NS / 1e9, marks[1:])
        high, low = np.maximum(marks[:-1], marks[1:]), np.minimum(marks[:-1], marks[1:])
        parts[listed.key] = _Parts(marks[:-1], high, low, marks[1:], volumes)
    return parts


def _expected(listed: Listed, activity: Reals, seconds: float, ticks: Reals) -> Reals:
    """How many lots are traded on average."""
    listing = listed.listing
    lot_worth = ticks * (float(listing.tick) * listing.lot_base)
    return activity * (listing.trades_rate * seconds * listing.trade_amount * MEAN_SIZE) / lot_worth


def _bars(listed: Listed, seed: int, parts: _Parts, starts: Words, interval_ns: int, each: int) -> Bars:
    """Put `each` parts into one bar."""
    count = len(starts)

    def cut(column: Reals) -> Reals:
        return column[: count * each].reshape(count, each)

    # How many lots come is uncertain, less so in a longer bar.
    spread = _VOLUME_SPREAD / math.sqrt(max(interval_ns / MINUTE_NS, 0.1))
    luck = spread * draws(seed, f"volume/{listed.key}").standard_normal(count) - 0.5 * spread * spread
    exp_each(luck)
    closes = _ticks(cut(parts.closes)[:, -1])
    opens = np.append(_ticks(parts.opens[:1]), closes[:-1])
    return Bars.from_columns(
        listed.instrument,
        interval_ns=interval_ns,
        start_ns=starts,
        open_ticks=opens,
        high_ticks=np.maximum(_ticks(cut(parts.highs).max(axis=1)), np.maximum(opens, closes)),
        low_ticks=np.minimum(_ticks(cut(parts.lows).min(axis=1)), np.minimum(opens, closes)),
        close_ticks=closes,
        volume_lots=np.rint(np.add.accumulate(cut(parts.volumes), axis=1)[:, -1] * luck).astype(np.int64),
    )


def _ticks(price: Reals) -> Words:
    return np.maximum(np.rint(price), 1.0).astype(np.int64)
