"""What the configuration says of risk, as the risk gate and the guards take it.

limits_of         of one strategy
desk_limits_of    of all strategies together
guard_limits_of   when the guards step in; looks_every_ns says how often they look
pairs_of          hedged pairs
guardian_of       who watches over an engine by all of these
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from xtrade.app.config.model import Config, StrategyConfig
from xtrade.model.durations import duration_ns
from xtrade.model.errors import ConfigError, NumberError
from xtrade.model.money import Money
from xtrade.trading.engine import Engine
from xtrade.trading.guardian import Guardian
from xtrade.trading.risk.halt_file import BaselineFile, HaltFile
from xtrade.trading.risk.limits import DeskLimits, GuardLimits, Limits
from xtrade.trading.risk.pairs import Pair

__all__ = ["desk_limits_of", "guard_limits_of", "guardian_of", "limits_of", "looks_every_ns", "pairs_of"]


def limits_of(given: StrategyConfig) -> Limits:
    """Return the limits of a strategy."""
    return Limits(
        order_value_max=_decimal(given.order_value_max),
        order_value_min=_decimal(given.order_value_min),
        order_base_max=_by_asset(given.order_base_max),
        position_value_max=_decimal(given.position_value_max),
        position_base_max=_by_asset(given.position_base_max),
        price_band=_decimal(given.price_band),
        quote_age_ms_max=given.quote_age_ms_max,
        open_orders_max=given.open_orders_max,
        orders_per_second_max=given.orders_per_second_max,
        cancels_per_second_max=given.cancels_per_second_max,
        instruments=tuple(given.instruments) or None,
    )


def desk_limits_of(config: Config) -> DeskLimits:
    """Return what all strategies together may hold and have open."""
    given = config.risk
    return DeskLimits(
        currency=given.currency,
        same_as=tuple(given.same_as),
        instruments=tuple(given.instruments) or None,
        position_value_max=_decimal(given.position_value_max),
        base_max=_by_asset(given.base_max),
        base_value_max=_decimal(given.base_value_max),
        venue_value_max=_decimal(given.venue_value_max),
        gross_value_max=_decimal(given.gross_value_max),
        net_value_max=_decimal(given.net_value_max),
        open_orders_max=given.open_orders_max,
        orders_per_second_max=given.orders_per_second_max,
    )


def guard_limits_of(config: Config) -> GuardLimits:
    """Return when the guards step in."""
    given = config.risk.guards
    return GuardLimits(
        margin_failures_max=given.margin_failures_max,
        no_progress_ns=_duration("guards.no_progress", given.no_progress),
        account_loss=_decimal(given.account_loss),
        emergency_loss=_decimal(given.emergency_loss),
        daily_loss=_decimal(given.daily_loss),
        drawdown=_decimal(given.drawdown),
        margin_ratio=_decimal(given.margin_ratio),
        liquidation_distance=_decimal(given.liquidation_distance),
        funding_cost=_decimal(given.funding_cost),
        report_age_ns=_duration("guards.report_age", given.report_age),
    )


def looks_every_ns(config: Config) -> int:
    """Return how often the guards look."""
    return _positive("guards.every", config.risk.guards.every)


def pairs_of(config: Config) -> list[Pair]:
    """Return the hedged pairs."""
    return [
        Pair(
            name=name,
            strategy=given.strategy,
            first=given.first,
            second=given.second,
            naked_share=Decimal(str(given.naked_share)),
            settle_ns=_positive(f"pairs.{name}.settle", given.settle),
            naked_ns=_positive(f"pairs.{name}.naked", given.naked),
        )
        for name, given in config.risk.pairs.items()
    ]


def guardian_of(
    config: Config,
    engine: Engine,
    balances: Iterable[Money],
    *,
    halt_file: HaltFile | None = None,
    baseline_file: BaselineFile | None = None,
) -> Guardian | None:
    """Return who watches over an engine; None if nothing is there in the desk's currency to count losses from.

    What losses are counted from is kept only where a file is given for it: an account that begins anew with each run
    would be judged by the highest that another one reached.
    """
    given = config.risk
    units = {given.currency, *given.same_as}
    capital = sum(money.atoms for money in balances if money.currency in units)
    if capital <= 0:
        return None
    return Guardian(
        engine,
        capital=Money(capital, given.currency),
        limits=guard_limits_of(config),
        pairs=pairs_of(config),
        halt_file=halt_file,
        baseline_file=baseline_file,
    )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _by_asset(given: Mapping[str, float]) -> dict[str, Decimal]:
    return {asset: Decimal(str(most)) for asset, most in given.items()}


def _duration(option: str, text: str | None) -> int | None:
    return None if text is None else _positive(option, text)


def _positive(option: str, text: str) -> int:
    try:
        found = duration_ns(text)
    except NumberError as error:
        raise ConfigError(f"risk.{option} = {text!r}: {error}") from error
    if found <= 0:
        raise ConfigError(f"risk.{option} = {text!r}: expected a length of time above zero, as 10s")
    return found
