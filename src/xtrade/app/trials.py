"""One back-test as a trial of a sweep: a configuration, played with other parameters, on all data or a window of them.

A trial is sent to other processes, so it carries the configuration and no data: each process reads them once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from inspect import getsourcefile
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from xtrade.app.backtests import MarketData, Plan, plan_of, play
from xtrade.app.config.load import Loaded
from xtrade.app.config.model import Config
from xtrade.app.strategies import strategy_type
from xtrade.model.errors import UsageError
from xtrade.research.curve import TooLittle, returns
from xtrade.research.fingerprint import fingerprint_of_bytes, fingerprint_of_file
from xtrade.research.sweep.trial import Outcome, Window
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.excerpt import excerpt

__all__ = ["BacktestTrial", "code_of", "made_of", "span_of"]

_DEPENDED_ON: Final = ("engine.seed", "strategies.", "data.", "backtest.")


class BacktestTrial(Struct, frozen=True):
    """What a sweep calls: (params, window) -> Outcome."""

    config: Config
    fixed: dict[str, str] = {}
    """Parameters that all trials share."""
    compiled: bool = False
    """Whether the strategy's compiled form is played."""

    def __call__(self, params: Mapping[str, object], window: Window | None) -> Outcome:
        """Play the back-test with these parameters."""
        plan = _plan(msgspec.json.encode(self.config))
        if window is not None:
            plan = replace(plan, data=_within(plan.data, window))
        result = play(plan, params={**self.fixed, **params}, compiled=self.compiled)
        if result.run.failures:
            name, failure = next(iter(result.run.failures.items()))
            raise UsageError(f"strategy {name} failed: {failure}")
        metrics = {name: metric.value for name, metric in result.metrics.items()}
        equity = result.equity
        try:
            grown = returns(equity["time_ns"].to_numpy(), equity["equity"].to_numpy())
        except TooLittle:
            return Outcome(metrics=metrics)
        return Outcome(metrics=metrics, returns=grown.values, step_ns=grown.grid_ns)


def span_of(config: Config) -> Window:
    """Return the time that the data of a configuration cover."""
    played = _plan(msgspec.json.encode(config)).data.played
    if isinstance(played, BarTape):
        start_ns = min(int(each.start_ns[0]) for each in played.bars)
        return Window(
            start_ns=start_ns, end_ns=max(int(each.start_ns[-1]) + each.interval_ns for each in played.bars)
        )
    times = played.rows["local_ns"]
    return Window(start_ns=int(times[0]), end_ns=int(times[-1]) + 1)


def made_of(config: Config, fixed: Mapping[str, str]) -> dict[str, str]:
    """Return what trials depend on beside their parameters and code, by name: options, shared parameters, files."""
    options = {
        setting.key: str(setting.value)
        for setting in Loaded(config, None, {}).settings()
        if setting.key.startswith(_DEPENDED_ON)
    }
    files = {
        f"content of {file}": fingerprint_of_file(Path(file))
        for each in config.data.values()
        for file in each.files
    }
    return options | {f"param {name}": value for name, value in fixed.items()} | files


def code_of(config: Config) -> str:
    """Return a hash of the sources of all strategies, and the version of xtrade."""
    sources = sorted(
        {getsourcefile(strategy_type(each.strategy)) or "" for each in config.strategies.values()}
    )
    hashed = [fingerprint_of_file(Path(source)).encode() for source in sources if source]
    return fingerprint_of_bytes([version("xtrade").encode(), *hashed])


@lru_cache(maxsize=1)
def _plan(config: bytes) -> Plan:
    return plan_of(msgspec.json.decode(config, type=Config), trying=True)


def _within(data: MarketData, window: Window) -> MarketData:
    """Return the bars that begin and end inside a window, or what of a tape was heard in it."""
    played = data.played
    if not isinstance(played, BarTape):
        part = excerpt(played, window.start_ns, window.end_ns)
        if not len(part.rows):
            raise UsageError(f"{window}: nothing happens in it")
        return MarketData(part, data.about)
    bars = [_cut(each, window) for each in played.bars]
    return MarketData(BarTape.of([each for each in bars if len(each)]), data.about)


def _cut(bars: Bars, window: Window) -> Bars:
    inside = (bars.start_ns >= window.start_ns) & (bars.start_ns + bars.interval_ns <= window.end_ns)
    place = np.flatnonzero(inside)
    kept = slice(int(place[0]), int(place[-1]) + 1) if len(place) else slice(0, 0)
    return Bars(
        bars.instrument,
        bars.interval_ns,
        bars.start_ns[kept],
        bars.open_ticks[kept],
        bars.high_ticks[kept],
        bars.low_ticks[kept],
        bars.close_ticks[kept],
        bars.volume_lots[kept],
    )
