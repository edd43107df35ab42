"""What the configuration says of risk reaches the gate, the desk and the guards."""

from __future__ import annotations

from decimal import Decimal

import pytest

from xtrade.app.config.load import load
from xtrade.app.node import Node
from xtrade.app.plan import plan_of
from xtrade.app.risk import desk_limits_of, guard_limits_of, guardian_of, limits_of, looks_every_ns, pairs_of
from xtrade.model.errors import ConfigError
from xtrade.model.money import Money
from xtrade.runtime.virtual import run_virtual
from xtrade.trading.guardian import Guardian
from xtrade.trading.risk.limits import DeskLimits, GuardLimits, Limits
from xtrade.trading.risk.pairs import Pair
from xtrade.trading.risk.state import TradingState

S = 1_000_000_000
QUOTER = (
    "strategies.maker.strategy=quoter",
    "strategies.maker.params.instrument=sim:BTC/USDT:USDT",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def config(*overrides):
    return load(overrides=[*QUOTER, *overrides]).config


def test_what_is_not_said_is_what_the_code_has_by_default():
    plain = config()
    assert limits_of(plain.strategies["maker"]) == Limits()
    assert desk_limits_of(plain) == DeskLimits()
    assert guard_limits_of(plain) == GuardLimits()
    assert looks_every_ns(plain) == S
    assert pairs_of(plain) == []


def test_what_is_said_arrives():
    given = config(
        "strategies.maker.order_base_max.BTC=0.1",
        "strategies.maker.instruments=okx:*, sim:*",
        "strategies.maker.quote_age_ms_max=500",
        "risk.base_max.BTC=0.3",
        "risk.gross_value_max=1e5",
        "risk.guards.drawdown=",
        "risk.guards.no_progress=90s",
        "risk.pairs.basis.strategy=maker",
        "risk.pairs.basis.first=okx:BTC/USDT",
        "risk.pairs.basis.second=okx:BTC/USDT:USDT",
        "risk.pairs.basis.settle=5s",
    )
    limits = limits_of(given.strategies["maker"])
    assert limits.order_base_max == {"BTC": Decimal("0.1")}
    assert limits.instruments == ("okx:*", "sim:*")
    assert limits.quote_age_ms_max == 500
    assert desk_limits_of(given) == DeskLimits(
        base_max={"BTC": Decimal("0.3")}, gross_value_max=Decimal(100_000)
    )
    assert guard_limits_of(given) == GuardLimits(drawdown=None, no_progress_ns=90 * S)
    assert pairs_of(given) == [
        Pair(
            name="basis", strategy="maker", first="okx:BTC/USDT", second="okx:BTC/USDT:USDT", settle_ns=5 * S
        )
    ]


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("risk.guards.emergency_loss=0.05", "expected the emergency to be the larger loss"),
        ("risk.guards.drawdown=1.5", "expected a number from 0.0001 to 1"),
        ("risk.base_max.BTC=-1", "risk.base_max"),
        ("risk.grossvalue_max=1", "gross_value_max"),
    ],
)
def test_a_mistake_is_an_error_that_names_the_option(override, says):
    with pytest.raises(ConfigError, match=says):
        config(override)


def test_a_pair_of_a_strategy_that_is_not_there_is_an_error():
    with pytest.raises(ConfigError, match="'other' is no strategy here: expected one of maker"):
        config("risk.pairs.a.strategy=other", "risk.pairs.a.first=okx:A", "risk.pairs.a.second=okx:B")


def test_a_time_that_is_none_is_an_error():
    with pytest.raises(ConfigError, match="risk.guards.every = '0s': expected a length of time above zero"):
        looks_every_ns(config("risk.guards.every=0s"))


def test_on_paper_the_guards_watch_and_flatten():
    """
    Who has a cent and trades thousands loses 15 % with the first fill: all is closed, and nothing trades any more.
    """
    node = Node(plan_of(config(), "a test"))
    assert node.guardian is not None
    engine = node.session.engine
    node.guardian = Guardian(engine, capital=Money.of("0.01", "USDT"))
    node.guardian.watch(S)

    run_virtual(lambda: node.run(60))

    assert engine.gate.state is TradingState.HALTED
    assert engine.gate.why.startswith(("emergency_loss: ", "drawdown: "))
    assert node.guardian.is_flat
    assert node.recorder.fills


def test_who_has_nothing_in_the_desks_currency_is_not_watched():
    node = Node(plan_of(config(), "a test"))
    assert guardian_of(config(), node.session.engine, [Money.of(1, "BTC")]) is None
