"""What an order in a strategy's hands tells to tasks."""

from __future__ import annotations

from kit.venues import HandMarkets, Reaction, execute, market
from xtrade.model.events import OrderCanceled, OrderRestored

ONE = market()


def test_an_order_that_was_found_alive_has_another_end_to_await():
    markets = HandMarkets([ONE], {ONE.key: [Reaction(fill=0, then="drop")]})
    ends = []

    async def awaits(ctx):
        order = ctx.buy(ONE.key, lots=5, ticks=990)
        await order.ended()
        ends.append(ctx.now_ns)
        markets.at(1_000_000_000, lambda: markets.hear(restored(order)))
        assert await order.changed(within=2) is order
        assert order.is_open
        assert await order.ended(within=1) is None
        markets.at(0, lambda: markets.hear(ended(order, at_ns=markets.now_ns)))
        await order.ended()
        ends.append(ctx.now_ns)

    def restored(order):
        return OrderRestored(
            client_order_id=order.id, as_of_ns=markets.now_ns, evidence="the list of open orders"
        )

    def ended(order, at_ns):
        return OrderCanceled(client_order_id=order.id, venue_ns=at_ns)

    execute(markets, awaits)

    assert len(ends) == 2
    assert ends[1] >= ends[0] + 2 * 10**9


def test_a_cancel_on_its_way_is_asked_again_only_if_told_so():
    markets = HandMarkets([ONE], {ONE.key: [Reaction(fill=0, cancel="lost")]})

    async def cancels(ctx):
        order = ctx.buy(ONE.key, lots=5, ticks=990)
        await order.changed()
        asked = [order.cancel(), order.cancel(), order.cancel(again=True)]
        await order.ended(within=5)
        return asked, order.is_open

    assert execute(markets, cancels)[0] == ([True, False, True], False)
