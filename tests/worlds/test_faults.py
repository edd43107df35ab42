"""Faults of the catalogue, each in a world of its own: it really happens, and what is true there is true here after it.

docs/faults.md says which faults are shown to be survived by which test; `pytest -k OE-01` runs those of one.
"""

from __future__ import annotations

from functools import cache

import pytest

from kit.desks import Scripted
from worlds.scenarios import SCENARIOS
from xtrade.model.events import OrderFilled
from xtrade.testing.faults import FaultPlan
from xtrade.testing.wanderer import Wanderer, WandererParams
from xtrade.testing.world import PERPETUAL, SPOT, play
from xtrade.trading.subscriptions import BookFeed

played = cache(lambda plan: play(5, plan=plan, seconds=60))


@pytest.mark.parametrize("fault", SCENARIOS)
def test_a_fault_of_the_catalogue_ends_in_the_truth(fault):
    scenario = SCENARIOS[fault]
    world = played(scenario.plan)

    assert world.violations == []
    for name in scenario.plan.on:
        assert world.reached[name], f"{name} never happened"
    for probe in scenario.reached:
        assert probe(world), f"never reached: {probe.__doc__}"


def test_strategies_that_raise_and_flood_take_nobody_with_them():
    """PR-13: others go on, and the orders of the one that failed are canceled."""

    def ordering(ctx, book):
        ctx.buy(SPOT, lots=1, ticks=book.bid_ticks - 50)
        if ctx.now_ns % 7 == 0:
            raise KeyError("a mistake of the strategy")

    def flooding(ctx, book):
        while True:
            ctx.buy(SPOT, lots=1, ticks=book.bid_ticks - 60)

    world = play(
        3,
        plan=FaultPlan(answer_lost=0.2, cancel_lost=0.3),
        seconds=40,
        strategies=lambda: {
            "raises": Scripted(feeds=[BookFeed(SPOT)], book=ordering),
            "floods": Scripted(feeds=[BookFeed(SPOT)], book=flooding),
            "wanders": Wanderer(WandererParams(instrument=PERPETUAL)),
        },
    )

    assert world.violations == []
    filled = [entry for entry in world.disk.entries if entry.kind == OrderFilled.__name__]
    assert filled
    assert [entry.kind for entry in world.disk.entries].count("Failed") == 2


def test_what_a_strategy_is_told_is_in_the_journal_already():
    """I19: a fill, an acknowledgement or an end is written before any strategy hears of it."""
    seen = []

    class Reader(Wanderer):
        def on_order(self, ctx, order):
            fills = [e for e in world().disk.entries if e.kind == "OrderFilled" and e.order == order.id]
            ends = {e.kind for e in world().disk.entries if e.order == order.id}
            seen.append(order.state)
            assert len(fills) >= len(order.state.fills)
            assert order.refusal or not order.state.is_final or ends & ENDS

    made = []

    def world():
        return made[0]

    def strategies():
        return {"one": Reader(WandererParams(instrument=PERPETUAL))}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xtrade.testing.world.World", noting(made))
        found = play(2, plan=FaultPlan(answer_lost=0.1), seconds=40, strategies=strategies)

    assert found.violations == []
    assert "Failed" not in {entry.kind for entry in found.disk.entries}
    assert any(state.fills for state in seen)
    assert any(state.is_final for state in seen)


ENDS = {"OrderFilled", "OrderCompleted", "OrderCanceled", "OrderExpired", "OrderRejected"}


def noting(made):
    from xtrade.testing.world import World

    class Noted(World):
        def __init__(self, *given):
            super().__init__(*given)
            made.append(self)

    return Noted
