"""What a run needs, from a configuration; or an error that says what is missing.

plan_of    read a Config, and reach the venues that it names: what is wrong is said before anything runs
Plan       what is run: strategies and venues are made anew each time
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtrade.app.backtests import params_for, strategy_of
from xtrade.app.config.model import Config
from xtrade.app.places import Paper, Place
from xtrade.app.risk import limits_of
from xtrade.model.errors import ConfigError, did_you_mean
from xtrade.model.money import Money
from xtrade.trading.closing import OnExit
from xtrade.trading.risk import Limits
from xtrade.trading.strategy import Strategy
from xtrade.venues.base import Venue

__all__ = ["Plan", "must_be_limited", "plan_of", "trades_real_money"]

# A venue has thousands of markets: an error names those that are near, and not all.
_KEYS_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run of strategies, on paper or at venues."""

    config: Config
    name: str
    place: Place
    limits: Mapping[str, Limits]
    on_exit: OnExit
    params: Mapping[str, object]

    @property
    def seed(self) -> int:
        """What every random stream starts from."""
        return self.config.engine.seed

    @property
    def balances(self) -> tuple[Money, ...]:
        """What the accounts had at the beginning; first that on which profit is reported."""
        return self.place.balances

    @property
    def keys(self) -> list[str]:
        """The markets that are there."""
        return self.place.keys

    def strategies(self) -> dict[str, Strategy[Any]]:
        """Make the strategies."""
        return _strategies(self.config, self.keys, self.params)

    def venues(self) -> Mapping[str, Venue]:
        """Make the venues."""
        return self.place.venues()


def plan_of(
    config: Config, name: str, params: Mapping[str, object] | None = None, *, place: Place | None = None
) -> Plan:
    """Build what a configuration says; what is wrong with it is said before anything runs.

    `place` is where it trades, if that is known already.
    """
    if config.engine.mode == "backtest":
        raise ConfigError(
            "engine.mode = 'backtest': recorded data are played by `xtrade backtest run`; to run on paper give --mode"
            " paper"
        )
    if config.engine.mode == "live":
        _must_trade(config)
    if not config.strategies:
        raise ConfigError(
            "there is no strategy: add [strategies.NAME] with strategy = 'quoter', or name one on the command line"
        )
    given = dict(params or {})

    def wanted(keys: list[str]) -> set[str]:
        return _wanted(config, keys, given)

    if place is None and config.engine.mode == "live":
        from xtrade.app.live import live_of

        place = live_of(config, wanted)
    else:
        place = place or Paper.of(config)
        wanted(place.keys)
    return Plan(
        config=config,
        name=name,
        place=place,
        limits={key: limits_of(each) for key, each in config.strategies.items()},
        on_exit=OnExit(config.engine.on_exit),
        params=given,
    )


def trades_real_money(config: Config) -> bool:
    """Whether orders of this configuration reach a venue that is no testnet and no box."""
    return config.engine.mode == "live" and any(
        account.environment == "live" and account.key is not None for account in config.venues.values()
    )


def _strategies(config: Config, keys: list[str], params: Mapping[str, object]) -> dict[str, Strategy[Any]]:
    return {
        name: strategy_of(name, each, keys, params_for(name, config, params))
        for name, each in config.strategies.items()
    }


def _wanted(config: Config, keys: list[str], params: Mapping[str, object]) -> set[str]:
    """Return the markets that the strategies are about; all must be there."""
    known, found = set(keys), set()
    for name, strategy in _strategies(config, keys, params).items():
        for feed in strategy.subscriptions():
            if feed.instrument not in known:
                raise ConfigError(
                    f"strategy {name} wants {feed.instrument}, and {_there(config, keys, feed.instrument)}"
                )
            found.add(feed.instrument)
    return found


def _there(config: Config, keys: list[str], wanted: str) -> str:
    if config.engine.mode == "paper":
        return f"the world {config.paper.world!r} has {', '.join(keys)}: set its instrument, or paper.world"
    venue = wanted.partition(":")[0]
    listed = [key for key in keys if key.partition(":")[0] == venue]
    if not listed:
        named = ", ".join(account.venue for account in config.venues.values())
        return f"the run has no account at {venue!r}, but at {named}: add it under [venues.NAME]"
    if len(listed) <= _KEYS_SHOWN:
        return f"{venue} lists {', '.join(listed)}: set its instrument"
    return f"{venue} does not list it.{did_you_mean(wanted, listed)}"


def must_be_limited(config: Config) -> None:
    """Refuse to trade real money without limits that somebody wrote down."""
    for name, strategy in config.strategies.items():
        for limit in ("order_value_max", "position_value_max"):
            if getattr(strategy, limit) is None:
                raise ConfigError(
                    f"strategies.{name}.{limit} is not set: live trading needs explicit limits for every strategy"
                )


def _must_trade(config: Config) -> None:
    """Refuse what would trade at no account, and real money without limits."""
    if not any(account.key is not None or account.environment == "box" for account in config.venues.values()):
        raise ConfigError(
            "live trading needs an account that can trade: add [venues.NAME] and give it a key (`xtrade keys add"
            " VENUE`)"
        )
    if trades_real_money(config):
        must_be_limited(config)
