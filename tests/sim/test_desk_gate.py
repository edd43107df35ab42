"""The gate of compiled strategies gives the answers of the risk gate, rule by rule, whatever is asked of it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given, strategies as st

from kit.markets import instrument
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.research.compiled import NOT_COMPILED, gate_of
from xtrade.sim.desks import layout
from xtrade.sim.desks.gate import refused_by
from xtrade.sim.desks.layout import Rule
from xtrade.sim.desks.runs import with_desk
from xtrade.sim.replay.layout import EMPTY, Style
from xtrade.trading.risk import RULES, Limits, Situation, TradingState, check

NOW = 10**18
SECOND = 10**9
TIMES = {Style.IOC: TimeInForce.IOC, Style.FOK: TimeInForce.FOK}


class Book:
    bid_lots = ask_lots = 1

    def __init__(self, market, bid, ask, is_trusted):
        self.instrument, self.bid_ticks, self.ask_ticks, self.is_trusted = market, bid, ask, is_trusted
        self.mid_ticks = None if bid is None or ask is None else (bid + ask) / 2

    def levels(self, side, count):
        return []


def intent_of(market, name, side, style, ticks, lots):
    is_market = style is Style.MARKET
    return OrderIntent(
        client_order_id=ClientOrderId(name),
        instrument=market.key,
        instrument_version=market.version,
        side=side,
        type=OrderType.MARKET if is_market else OrderType.LIMIT,
        lots=lots,
        ticks=None if is_market else ticks,
        time_in_force=TIMES.get(style, TimeInForce.GTC),
        post_only=style is Style.POST_ONLY,
        strategy="one",
        decided_ns=NOW,
    )


amounts = st.none() | st.decimals("0.01", "2000", places=3)
orders = st.tuples(
    st.sampled_from(Side),
    st.sampled_from(Style),
    st.integers(-2, 1100) | st.integers(990, 1010),
    st.integers(-1, 60),
)


@given(
    kind=st.sampled_from(Kind),
    minimum=st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("1.7"), Decimal(300)]),
    limits=st.builds(
        Limits,
        order_value_max=amounts,
        position_value_max=amounts,
        price_band=st.none() | st.decimals("0.001", "0.2", places=4),
        open_orders_max=st.integers(1, 5),
        orders_per_second_max=st.integers(1, 5),
    ),
    order=orders,
    standing=st.lists(st.tuples(st.sampled_from(Side), st.integers(0, 1100), st.integers(1, 30)), max_size=5),
    held=st.integers(-60, 60),
    top=st.tuples(st.none() | st.integers(990, 1000), st.none() | st.integers(1001, 1010)),
    is_trusted=st.booleans() | st.just(True),
    sent=st.lists(st.integers(0, 3 * SECOND), max_size=12),
)
def test_the_kernel_refuses_what_the_rules_refuse(
    kind, minimum, limits, order, standing, held, top, is_trusted, sent
):
    market = instrument(kind, min_notional=minimum, min_lots=2, max_lots=50, max_market_lots=40)
    side, style, ticks, lots = order
    before = sorted(NOW - ns for ns in sent)
    standing = standing[: limits.open_orders_max]
    # The limit on the rate holds at all times: orders that would break it were never sent.
    let_out = []
    for at in before:
        if sum(each > at - SECOND for each in let_out) < limits.orders_per_second_max:
            let_out.append(at)
    states = [
        OrderState(
            intent=intent_of(market, 1 + place, each, Style.REST if price else Style.MARKET, price, size)
        )
        for place, (each, price, size) in enumerate(standing)
    ]
    bid, ask = top
    refusal = check(
        intent_of(market, 99, side, style, ticks, lots),
        Situation(
            instrument=market,
            book=Book(market, bid, ask, is_trusted),
            state=TradingState.ACTIVE,
            position_lots=held,
            open_orders=states,
            sent_last_second=sum(at > NOW - SECOND for at in let_out),
        ),
        limits,
    )

    world = with_desk(np.zeros(1, np.int64), 0, gate_of(limits, market), 0)
    desk = int(world[-1])
    world[desk + layout.LOTS] = held
    for place, (each, price, size) in enumerate(standing):
        row = world[desk + layout.OPEN] + place * layout.OPEN_WORDS
        world[row : row + layout.OPEN_WORDS] = (1 + place, 0, 0 if each is Side.BUY else 1, price, size, 0)
    world[desk + layout.OPEN_COUNT] = len(standing)
    for place, at in enumerate(let_out):
        world[world[desk + layout.SENT] + place % limits.orders_per_second_max] = at
    world[desk + layout.SENT_COUNT] = len(let_out)
    rule = refused_by(
        world,
        desk,
        NOW,
        0 if side is Side.BUY else 1,
        int(style),
        0 if style is Style.MARKET else ticks,
        lots,
        EMPTY if bid is None else bid,
        -EMPTY if ask is None else ask,
        int(is_trusted),
    )

    assert Rule(rule).name.lower() == ("none" if refusal is None else refusal.rule)


# What can never say no to a compiled strategy: it has no links, no reduce-only orders, and none of these limits.
ELSEWHERE = {"trading_state", "instruments", "venue_health", "reduce_only", "stale_quotes", "order_size"}


def test_the_kernel_knows_every_rule_in_its_order():
    """
    A rule that is added to the risk gate has to be added to the kernel, too, or its limit refused there.
    """
    names = [rule.__name__ for rule in RULES if rule.__name__ not in ELSEWHERE]

    assert names == [rule.name.lower() for rule in Rule if rule]


def test_every_limit_is_either_counted_by_the_kernel_or_refused_by_name():
    counted = {
        "order_value_max",
        "position_value_max",
        "price_band",
        "open_orders_max",
        "orders_per_second_max",
        "cancels_per_second_max",
    }

    assert {*NOT_COMPILED, *counted} == set(Limits.__struct_fields__)
