"""Builds a back-test from a configuration: strategies, data, assumptions, limits.

plan_of    everything a back-test needs, from a Config
play       plays a plan
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from xtrade.app.config.model import BacktestConfig, Config, DataConfig, StrategyConfig
from xtrade.app.risk import desk_limits_of, limits_of
from xtrade.app.strategies import make_strategy, needs_instrument, strategy_type
from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import ConfigError, NumberError, SymbolError
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.replay.models import Assumptions, FillRule, Latency, Queue, QueueKind
from xtrade.sim.replay.tape import Tape, merge
from xtrade.symbols.symbol import Symbol
from xtrade.trading.risk import Limits
from xtrade.trading.strategy import Strategy

if TYPE_CHECKING:
    from xtrade.research.playback import Teller
    from xtrade.research.result import Result

__all__ = [
    "MarketData",
    "Plan",
    "amount_of",
    "market_data",
    "params_for",
    "plan_of",
    "play",
    "strategy_of",
]

SECOND: Final = 1_000_000_000
HOUR_NS: Final = 3_600 * SECOND

Played: TypeAlias = Tape | BarTape


@dataclass(frozen=True)
class MarketData:
    """What is played, and in words where it comes from and what was unusual about it."""

    played: Played
    about: tuple[str, ...]

    @property
    def keys(self) -> list[str]:
        """The instruments."""
        return self.played.keys


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A back-test that can be played, as often as one likes: strategies are made anew each time."""

    config: Config
    data: MarketData
    assumptions: Assumptions | BarAssumptions
    limits: Mapping[str, Limits]
    capital: Money

    def strategies(self, params: Mapping[str, object] | None = None) -> dict[str, Strategy[Any]]:
        """Make the strategies; `params` replace those of the configuration (of the only strategy, or `NAME.param`)."""
        return {
            name: strategy_of(name, each, self.data.keys, params_for(name, self.config, params or {}))
            for name, each in self.config.strategies.items()
        }


def plan_of(config: Config, params: Mapping[str, object] | None = None, *, trying: bool = False) -> Plan:
    """Read the data and build what a configuration says; `params` are those that `play` will be given.

    When `trying`, parameters differ from one play to the next, and are not looked at here.
    """
    if not config.strategies:
        raise ConfigError(
            "there is no strategy: add [strategies.NAME] with strategy = 'sma', or name one on the command line"
        )
    if not config.data:
        raise ConfigError("there are no data: add [data.NAME] with synthetic = 'busy', or with files")
    # Strategies are tried before the data are read: a misspelt parameter need not wait for that.
    for name, each in () if trying else config.strategies.items():
        strategy_of(name, each, ["sim:BTC/USDT"], params_for(name, config, params or {}))
    data = market_data(config)
    return Plan(
        config=config,
        data=data,
        assumptions=_assumed(config.backtest, data.played),
        limits={name: limits_of(each) for name, each in config.strategies.items()},
        capital=amount_of(config.backtest.capital, "backtest.capital"),
    )


def play(
    plan: Plan,
    *,
    params: Mapping[str, object] | None = None,
    name: str = "",
    tell: Teller | None = None,
    compiled: bool = False,
) -> Result:
    """Play a plan once; its strategy's compiled form, if asked."""
    from xtrade.research.backtest import backtest

    return backtest(
        plan.strategies(params),
        plan.data.played,
        assumptions=plan.assumptions,
        limits=plan.limits,
        desk_limits=desk_limits_of(plan.config),
        capital=plan.capital,
        seed=plan.config.engine.seed,
        about=plan.data.about,
        config=msgspec.to_builtins(plan.config, enc_hook=str),
        name=name,
        tell=tell,
        compiled=compiled,
    )


def market_data(config: Config) -> MarketData:
    """Generate or read all data of a configuration, and join them by time."""
    parts = [_source(name, each, config.engine.seed) for name, each in config.data.items()]
    about = tuple(line for _, lines in parts for line in lines)
    tapes = [played for played, _ in parts if isinstance(played, Tape)]
    bars = [played for played, _ in parts if isinstance(played, BarTape)]
    if tapes and bars:
        raise ConfigError("some of [data] are bars and some are books and trades: play one or the other")
    if bars:
        funding = {
            key: paid
            for tape in bars
            for key, paid in zip(tape.keys, tape.funding, strict=True)
            if paid is not None
        }
        return MarketData(BarTape.of([each for tape in bars for each in tape.bars], funding=funding), about)
    return MarketData(tapes[0] if len(tapes) == 1 else merge(*tapes), about)


def _source(name: str, data: DataConfig, seed: int) -> tuple[Played, list[str]]:
    if data.files:
        return _from_files(data)
    from xtrade.sim.synthetic.bars import synthetic_bars, synthetic_funding
    from xtrade.sim.synthetic.presets import preset
    from xtrade.sim.synthetic.tapes import synthetic_tape

    assert data.synthetic is not None, "checked with the configuration"
    markets = preset(data.synthetic)
    start_ns = _start_ns(name, data.start)
    duration_of_it = round(data.hours * HOUR_NS)
    about = f"synthetic markets {data.synthetic!r}, seed {seed}, {duration_text(duration_of_it)} from {data.start}"
    if data.bars is None:
        return synthetic_tape(markets, seed=seed, start_ns=start_ns, duration_ns=duration_of_it), [about]
    interval_ns = duration_ns(data.bars)
    count = max(1, math.ceil(duration_of_it / interval_ns))
    bars = synthetic_bars(markets, seed=seed, start_ns=start_ns, interval_ns=interval_ns, count=count)
    paid = synthetic_funding(markets, seed=seed, start_ns=start_ns, duration_ns=count * interval_ns)
    funding = {key: Settlements.from_columns(**columns._asdict()) for key, columns in paid.items()}
    return BarTape.of(bars.values(), funding=funding), [f"{about}, bars of {data.bars}"]


def _from_files(data: DataConfig) -> tuple[Played, list[str]]:
    from xtrade.data.readers import grid_of, read_bars, read_tape

    assert data.instrument is not None, "checked with the configuration"
    tick, lot = data.tick, data.lot
    if tick is None or lot is None:
        found = grid_of(data.files[0], format=data.format)
        tick, lot = tick or str(found.tick), lot or str(found.lot)
    instrument = _instrument(data, tick, lot)
    grid = [f"{instrument.key}: tick {tick}, lot {lot}"]
    if data.bars is None:
        reading = read_tape(
            data.files, instrument, format=data.format, symbol=data.symbol, accept=data.accept
        )
        return reading.data, reading.lines() + grid
    if len(data.files) > 1:
        raise ConfigError(f"{len(data.files)} files of bars: give each its own [data.NAME]")
    of_bars = read_bars(data.files[0], instrument, format=data.format, interval=data.bars, accept=data.accept)
    return BarTape.of(of_bars.data), of_bars.lines() + grid


def _instrument(data: DataConfig, tick: str, lot: str) -> Instrument:
    assert data.instrument is not None, "checked by the caller"
    venue, colon, symbol = data.instrument.partition(":")
    if not colon:
        raise ConfigError(
            f"instrument = {data.instrument!r}: expected VENUE:SYMBOL, as binance:BTC/USDT:USDT"
        )
    try:
        name = Symbol.parse(symbol)
        return Instrument(
            venue=venue,
            symbol=str(name),
            native=symbol,
            kind=name.kind,
            base=name.base,
            quote=name.quote,
            settle=name.settle or name.quote,
            tick=number(tick),
            lot=number(lot),
            multiplier=number(data.multiplier),
            maker_fee=number(data.maker_fee),
            taker_fee=number(data.taker_fee),
        )
    except (SymbolError, NumberError) as error:
        raise ConfigError(f"instrument {data.instrument}: {error}") from error


def strategy_of(
    name: str, given: StrategyConfig, keys: list[str], params: Mapping[str, object]
) -> Strategy[Any]:
    """Make a strategy as configured; one that needs an instrument takes the only one there is."""
    kind = strategy_type(given.strategy)
    if "instrument" not in params and needs_instrument(kind):
        if len(keys) > 1:
            raise ConfigError(
                f"strategy {name} needs its instrument, and the data have {len(keys)}: set instrument to one of"
                f" {', '.join(keys)}"
            )
        params = {**params, "instrument": keys[0]}
    return make_strategy(kind, params, name=name)


def params_for(name: str, config: Config, changes: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters of a strategy: those of the configuration, and what was asked for beside it."""
    params: dict[str, object] = dict(config.strategies[name].params)
    for key, value in changes.items():
        strategy, dot, param = key.rpartition(".")
        if dot and strategy not in config.strategies:
            raise ConfigError(f"parameter {key}: there is no strategy {strategy!r} in this configuration")
        if not dot and len(config.strategies) > 1:
            raise ConfigError(
                f"parameter {key}: there are several strategies ({', '.join(config.strategies)}): write NAME.{key}"
            )
        if not dot or strategy == name:
            params[param] = value
    return params


def _assumed(given: BacktestConfig, played: Played) -> Assumptions | BarAssumptions:
    if isinstance(played, BarTape):
        return BarAssumptions(
            spread_ticks=given.spread_ticks,
            slippage_ticks=given.slippage_ticks,
            through_ticks=given.through_ticks,
            volume_share=given.volume_share,
        )
    return Assumptions(
        queue=Queue(QueueKind[given.queue.upper()], exponent=given.queue_exponent),
        entry=Latency.constant(duration_ns(given.entry_latency)),
        response=Latency.constant(duration_ns(given.response_latency)),
        fills=FillRule[given.fills.upper()],
        impact=given.impact,
    )


def amount_of(text: str, key: str) -> Money:
    """Read an amount above zero with its currency; `key` is the option it was given by."""
    try:
        money = Money.parse(text)
    except (NumberError, ValueError) as error:
        raise ConfigError(f"{key} = {text!r}: expected an amount and its currency, as 10000 USDT") from error
    if money.atoms <= 0:
        raise ConfigError(f"{key} = {text!r}: expected an amount above zero")
    return money


def _start_ns(name: str, text: str) -> int:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"data.{name}.start = {text!r}: expected a date, as 2026-01-01, or an ISO time"
        ) from None
    return round(start.replace(tzinfo=start.tzinfo or UTC).timestamp()) * SECOND
