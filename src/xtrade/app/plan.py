"""What a run needs, from a configuration; or an error that says what is missing.

plan_of    read a Config: what is wrong with it is said before anything runs
Plan       what is run: strategies and venues are made anew each time
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtrade.app.backtests import amount_of, params_for, strategy_of
from xtrade.app.config.model import Config
from xtrade.app.risk import limits_of
from xtrade.model.durations import duration_ns
from xtrade.model.errors import ConfigError
from xtrade.model.money import Money
from xtrade.sim.synthetic.markets import SyntheticMarkets
from xtrade.sim.synthetic.presets import preset
from xtrade.trading.closing import OnExit
from xtrade.trading.risk import Limits
from xtrade.trading.strategy import Strategy
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["Plan", "plan_of"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run of strategies on paper."""

    config: Config
    name: str
    world: SyntheticMarkets
    balances: tuple[Money, ...]
    limits: Mapping[str, Limits]
    on_exit: OnExit
    params: Mapping[str, object]

    @property
    def seed(self) -> int:
        """What every random stream starts from."""
        return self.config.engine.seed

    @property
    def keys(self) -> list[str]:
        """The markets that are there."""
        return [instrument.key for instrument in self.world.instruments]

    def strategies(self) -> dict[str, Strategy[Any]]:
        """Make the strategies."""
        return {
            name: strategy_of(name, each, self.keys, params_for(name, self.config, self.params))
            for name, each in self.config.strategies.items()
        }

    def venues(self) -> dict[str, SimulatedVenue]:
        """Make the venues."""
        paper = self.config.paper
        return {
            venue.name: SimulatedVenue(
                self.world,
                seed=self.seed,
                balances=self.balances,
                name=venue.name,
                entry_ns=duration_ns(paper.entry_latency),
                response_ns=duration_ns(paper.response_latency),
            )
            for venue in self.world.venues
        }


def plan_of(config: Config, name: str, params: Mapping[str, object] | None = None) -> Plan:
    """Build what a configuration says; what is wrong with it is said before anything runs."""
    if config.engine.mode == "live":
        _refuse_live(config)
    if config.engine.mode == "backtest":
        raise ConfigError(
            "engine.mode = 'backtest': recorded data are played by `xtrade backtest run`; to run on paper give --mode"
            " paper"
        )
    if not config.strategies:
        raise ConfigError(
            "there is no strategy: add [strategies.NAME] with strategy = 'quoter', or name one on the command line"
        )
    plan = Plan(
        config=config,
        name=name,
        world=preset(config.paper.world),
        balances=tuple(amount_of(each, "paper.balances") for each in config.paper.balances),
        limits={key: limits_of(each) for key, each in config.strategies.items()},
        on_exit=OnExit(config.engine.on_exit),
        params=dict(params or {}),
    )
    known = set(plan.keys)
    for key, strategy in plan.strategies().items():
        for feed in strategy.subscriptions():
            if feed.instrument not in known:
                raise ConfigError(
                    f"strategy {key} wants {feed.instrument}, and the world {config.paper.world!r} has"
                    f" {', '.join(plan.keys)}: set its instrument, or paper.world"
                )
    return plan


def _refuse_live(config: Config) -> None:
    """Say what real money asks for, first what is missing of it, and then that nobody takes it yet."""
    for name, strategy in config.strategies.items():
        for limit in ("order_value_max", "position_value_max"):
            if getattr(strategy, limit) is None:
                raise ConfigError(
                    f"strategies.{name}.{limit} is not set: live trading needs explicit limits for every strategy"
                )
    if not any(account.key is not None for account in config.venues.values()):
        raise ConfigError(
            "live trading needs an account that can trade: add [venues.NAME] and give it a key (`xtrade keys add"
            " VENUE`)"
        )
    raise ConfigError(
        "live trading is not there yet: this version has no connection to a real venue, and nothing was sent. The"
        " same configuration runs on paper with --mode paper"
    )
