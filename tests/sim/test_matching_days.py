"""Long busy days: thin purses, high leverage and a mark that jumps, so that the far ends of the rules are reached."""

import random
from decimal import Decimal

import pytest

from kit.exchanges import BUY, INVERSE, LINEAR, SELL, SPOT, Watcher, exchange, order
from xtrade.model.errors import UsageError
from xtrade.model.events import FundingPaid, OrderAmended, OrderCanceled, OrderFilled
from xtrade.model.money import Money
from xtrade.sim.matching.rules import ContractRules, FeesIn, MarginTier, SelfTrade, VenueRules
from xtrade.sim.matching.tape import PositionClosed

NAMES = ("ann", "bob", "cat", "dan", "eve")
SHARES = (Decimal(1), Decimal("0.25"))


def a_day(seed, operations=400, wild=0.02):
    """Trade at random around a mark that wanders, checking everything after each step; return what was told."""
    chance = random.Random(seed)
    contract = ContractRules(
        tiers=(
            MarginTier(up_to=Decimal(2000), leverage_max=50, maintenance=Decimal("0.005")),
            MarginTier(leverage_max=10, maintenance=Decimal("0.03")),
        ),
        liquidation_share=chance.choice(SHARES),
    )
    rules = VenueRules(
        self_trade=chance.choice(list(SelfTrade)),
        spot_fees_in=chance.choice(list(FeesIn)),
    )
    purse = (Money.of(500, "USDT"), Money.of("0.01", "BTC"))
    made = exchange(*NAMES, rules=rules, contract=contract, amounts=purse)
    made.fund_insurance(Money.of(chance.choice([1, 100]), "USDT"))
    for market in (LINEAR, INVERSE):
        made.set_funding(market.key, Decimal("0.001"), 0, next_ns=50, interval_ns=50)
    for name in NAMES[2:]:
        made.set_isolated(name, LINEAR.key, isolated=True)
    watcher = Watcher(made)
    told = []
    mark = 500_000
    for now in range(1, operations):
        name, market = chance.choice(NAMES), chance.choice([LINEAR, LINEAR, INVERSE, SPOT])
        draw = chance.random()
        if draw < 0.7:
            size = chance.randint(1, 400 if market is INVERSE else 300)
            near = mark + chance.randint(-400, 400)
            reduce = market is not SPOT and chance.random() < 0.15
            more = {"reduce_only": reduce}
            intent = order(now, chance.choice([BUY, SELL]), size, near, market, **more)
            notices = watcher.place(name, intent, now)
        elif draw < 0.8:
            mine = made.open_orders(name)
            target = chance.choice(mine).intent.client_order_id if mine else 0
            size, near = chance.randint(1, 300), mark + chance.randint(-400, 400)
            notices = watcher.read(made.amend(name, target, now, lots=size, ticks=near))
        elif draw < 0.85:
            notices = watcher.read(made.cancel_all(name, now))
        elif draw < 0.97:
            mark = max(1000, int(mark * (1 + chance.gauss(0, wild))))
            notices = [
                notice
                for each in (LINEAR, INVERSE)
                for notice in watcher.read(made.set_mark(each.key, each.price(mark), now))
            ]
        else:
            notices = refused_by_name(made, chance, name, now)
            watcher.read(notices)
        told += notices
        watcher.check()
    for account in made._state.accounts.values():
        for key, holding in account.holdings.items():
            assert watcher.positions.get((account.name, key), 0) == holding.lots, "I8"
    return made, told


def refused_by_name(made, chance, name, now):
    try:
        made.set_leverage(name, LINEAR.key, chance.randint(1, 50))
        return made.transfer(name, chance.choice(NAMES), Money.of(chance.randint(1, 200), "USDT"), now)
    except UsageError:
        # What time brought before the refusal is told by the next call.
        return made.advance(now)


@pytest.mark.parametrize("seed", range(8))
def test_a_busy_day_keeps_every_law(seed):
    made, told = a_day(seed, wild=(0.02, 0.2)[seed % 2])

    assert any(isinstance(event, OrderFilled) for _, event in told)
    assert made.unaccounted() == ()


def test_busy_days_reach_the_far_ends_of_the_rules():
    """A fault that is configured but never reached counts as not tested."""
    reached = set()
    for seed in range(8, 14):
        made, told = a_day(seed)
        reached |= {event.cause for _, event in told if isinstance(event, PositionClosed)}
        reached |= {event.reason for _, event in told if isinstance(event, OrderCanceled)}
        reached |= {type(event) for _, event in told if isinstance(event, FundingPaid | OrderAmended)}
        purses = made.house("USDT") | {"rounding": made.house("BTC")["rounding"]}
        reached |= {name for name, money in purses.items() if money}

    assert reached >= {
        "liquidation",
        "deleverage",
        "reduce_only",
        "user",
        FundingPaid,
        OrderAmended,
        "fees",
        "insurance",
        "rounding",
    }
