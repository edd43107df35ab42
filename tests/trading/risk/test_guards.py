"""Each guard at its edge, and what it asks for."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from xtrade.model.money import Money
from xtrade.trading.risk.guards import (
    GUARDS,
    Action,
    Baselines,
    Held,
    MarginStanding,
    NearLiquidation,
    Standing,
    judge,
    share,
)
from xtrade.trading.risk.limits import GuardLimits

DAY = 86_400_000_000_000
MINUTE = 60_000_000_000
S = 1_000_000_000
NONE = GuardLimits(**dict.fromkeys(GuardLimits.__struct_fields__))


def usdt(amount):
    return Money.of(amount, "USDT")


def standing(equity=10_000, **changed):
    base = {name: usdt(10_000) for name in ("start", "midnight", "peak")}
    baselines = Baselines(day=0, funding_at_midnight=usdt(0), **base)
    if "peak" in changed:
        baselines = Baselines(day=0, funding_at_midnight=usdt(0), **base | {"peak": changed.pop("peak")})
    fields = {"now_ns": DAY // 2, "equity": None if equity is None else usdt(equity), "baselines": baselines}
    return Standing(**fields | changed)


def found(limits, **changed):
    """(guard, action) of each verdict."""
    return [(verdict.guard, verdict.action) for verdict in judge(standing(**changed), limits)]


def test_the_list_of_the_docstring_is_the_list_of_guards():
    from xtrade.trading.risk import guards

    named = [line.split()[0] for line in guards.__doc__.splitlines() if line[:1].isalpha() and "   " in line]
    longest = [
        line.split()[0] for line in guards.__doc__.splitlines() if line.startswith("liquidation_distance")
    ]

    assert [guard.__name__ for guard in GUARDS] == sorted(
        {*named, *longest}, key=lambda n: guards.__doc__.index(f"\n{n}")
    )


def test_all_is_well_and_nothing_is_said():
    assert judge(standing(), GuardLimits()) == []


def test_no_limits_say_nothing_whatever_happens():
    assert found(NONE, equity=1, margin_failures={"okx": 10**6}, funding=usdt(-9_999)) == []


@pytest.mark.parametrize(
    ("option", "action"),
    [
        ("account_loss", Action.REDUCE),
        ("emergency_loss", Action.FLATTEN),
        ("daily_loss", Action.REDUCE),
        ("drawdown", Action.FLATTEN),
    ],
)
def test_losses(option, action):
    limits = GuardLimits(**dict.fromkeys(GuardLimits.__struct_fields__) | {option: Decimal("0.1")})
    assert found(limits, equity="9000.000000000000000000000001") == []
    assert found(limits, equity=9000) == [(option, action)]
    assert found(limits, equity=None) == [("unknown_worth", Action.WARN)]


def test_a_loss_of_the_account_cuts_the_position_that_loses_most():
    held = [
        Held("one", "okx:A", 5, usdt(-10)),
        Held("two", "okx:B", -7, usdt(-20)),
        Held("two", "okx:C", 9, usdt(50)),
        Held("one", "okx:D", 9, None),
    ]
    (verdict,) = judge(standing(equity=9000, held=held), GuardLimits(daily_loss=None, drawdown=None))
    assert (verdict.action, verdict.strategy, verdict.cut) == (Action.CUT, "two", ("okx:B", 7))
    assert verdict.reason == "1000 USDT is lost since the start, 10% of 10000 USDT"
    (verdict,) = judge(standing(equity=9000, held=held[2:]), GuardLimits(daily_loss=None, drawdown=None))
    assert (verdict.action, verdict.cut) == (Action.REDUCE, None)


def test_the_gravest_comes_first():
    verdicts = judge(standing(equity=8000), GuardLimits())
    assert [verdict.guard for verdict in verdicts][:2] == ["emergency_loss", "drawdown"]
    assert [verdict.action for verdict in verdicts] == sorted((v.action for v in verdicts), reverse=True)


def test_a_drawdown_counts_from_the_highest():
    limits = GuardLimits(account_loss=None, emergency_loss=None, daily_loss=None)
    assert found(limits, equity=16_001, peak=usdt(20_000)) == []
    assert found(limits, equity=16_000, peak=usdt(20_000)) == [("drawdown", Action.FLATTEN)]


def test_margin_failures_in_a_row():
    assert found(GuardLimits(), margin_failures={"okx": 14}) == []
    assert found(GuardLimits(), margin_failures={"okx": 15, "binance": 3}) == [
        ("margin_failures", Action.REDUCE)
    ]


def test_no_progress_halts_the_strategy_that_asks_in_vain():
    now = DAY // 2
    assert found(GuardLimits(), asking_since_ns={"one": now - 10 * MINUTE + 1}) == []
    (verdict,) = judge(standing(asking_since_ns={"one": now - 10 * MINUTE, "two": now}), GuardLimits())
    assert (verdict.guard, verdict.action, verdict.strategy) == ("no_progress", Action.HALT, "one")
    assert verdict.reason == "one has asked for 10m without one order accepted"


def test_the_margin_of_an_account():
    def near(ratio, age_ns=0):
        return [MarginStanding("okx", Fraction(ratio), age_ns)]

    assert found(GuardLimits(), margins=near("0.7999")) == []
    assert found(GuardLimits(), margins=near("0.8")) == [("margin_ratio", Action.REDUCE)]
    assert found(GuardLimits(), margins=near(0, 10 * MINUTE)) == []
    assert found(GuardLimits(), margins=near(0, 10 * MINUTE + 1)) == [("silence", Action.REDUCE)]


def test_a_position_near_its_liquidation_is_cut_before_the_venue_does_it():
    def near(distance):
        return [NearLiquidation("okx:A", "one", -7, Fraction(distance))]

    assert found(GuardLimits(), liquidations=near("0.0501")) == []
    (verdict,) = judge(standing(liquidations=near("0.05")), GuardLimits())
    assert (verdict.action, verdict.strategy, verdict.cut) == (Action.CUT, "one", ("okx:A", 7))
    assert verdict.reason == "okx:A is liquidated if its mark moves 5% more"
    assert found(GuardLimits(), liquidations=near(-1)) == [("liquidation_distance", Action.CUT)]


def test_the_cost_of_funding_in_a_day():
    assert found(GuardLimits(), funding=usdt("-199.99")) == []
    assert found(GuardLimits(), funding=usdt(-200)) == [("funding_cost", Action.REDUCE)]
    assert found(GuardLimits(), funding=usdt(10**6)) == []


def test_an_emergency_is_the_larger_loss():
    with pytest.raises(ValueError, match="expected the emergency to be the larger loss"):
        GuardLimits(account_loss=Decimal("0.2"), emergency_loss=Decimal("0.1"))


looks = st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, DAY)), min_size=1, max_size=20)


@given(looks)
def test_baselines_follow_the_equity_and_a_new_day_begins_with_its_first_look(moves):
    now = 0
    baselines = Baselines.at(usdt(1000), now)
    peak, midnight, day = 1000, 1000, 0
    for equity, step in moves:
        now += step
        if now // DAY > day:
            day, midnight = now // DAY, equity
        peak = max(peak, equity)
        baselines = baselines.after(usdt(equity), usdt(-5), now)
        assert (baselines.start, baselines.peak, baselines.midnight) == (
            usdt(1000),
            usdt(peak),
            usdt(midnight),
        )
        assert baselines.funding_at_midnight == (usdt(-5) if day else usdt(0))


def test_shares_are_written_as_people_write_them():
    assert [share(Fraction(1, 8)), share(Decimal("0.8")), share(Fraction(1, 3))] == ["12.5%", "80%", "33.33%"]
