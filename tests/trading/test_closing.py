"""How a session ends: what was asked for is done, the venue is asked whether it is, and what is left is said."""

import asyncio
from decimal import Decimal

import pytest

from kit.desks import Scripted
from kit.sessions import PERP, SPOT, Run, played
from xtrade.model.errors import Unavailable
from xtrade.runtime.virtual import run_virtual
from xtrade.strategies.quoter import Quoter, QuoterParams
from xtrade.trading.closing import OnExit, close
from xtrade.trading.risk import Limits
from xtrade.trading.subscriptions import BookFeed


def holder(key=PERP, lots=50):
    """Buys once, and keeps two orders in the book."""

    def book(ctx, book):
        if ctx.position_lots(key) or ctx.orders():
            return
        ctx.buy(key, lots=lots)
        ctx.buy(key, lots=3, ticks=book.bid_ticks - 200)
        ctx.buy(key, lots=3, ticks=book.bid_ticks - 210)

    return Scripted(feeds=[BookFeed(key, every="100ms")], book=book)


def venue_of(run):
    return run.exchanges["sim"]._exchange


@pytest.mark.parametrize(
    ("on_exit", "orders", "lots"), [(OnExit.CANCEL, 0, 50), (OnExit.LEAVE, 2, 50), (OnExit.FLATTEN, 0, 0)]
)
def test_a_run_ends_as_it_was_asked_to(on_exit, orders, lots):
    strategy = holder()
    run = played({"s": strategy}, 5, on_exit=on_exit)

    assert len(venue_of(run).open_orders("sim")) == orders == len(run.closing.orders)
    assert venue_of(run).position("sim", PERP).lots == lots == run.engine.portfolio.total_lots(PERP)
    assert run.closing.clean
    assert run.closing.problems == ()
    assert [each.what for each in run.closing.positions] == ([f"0.05 of {PERP}"] if lots else [])
    assert strategy.names()[-1] == "stop"
    assert strategy.names().count("stop") == 1


def test_on_spot_what_was_bought_is_sold():
    run = played({"s": holder(SPOT)}, 5, on_exit=OnExit.FLATTEN)

    # The fee was taken out of the coins: what is left of them is less than a lot, and cannot be sold.
    left = venue_of(run).balance("sim", "BTC").total
    assert 0 < left.amount < run.session.books.instrument(SPOT).lot
    assert run.engine.portfolio.total_lots(SPOT) == 1
    assert run.closing.positions == ()
    assert run.closing.clean


def test_a_position_larger_than_one_order_may_be_is_closed_in_parts():
    # 50 lots are bought in five orders, and none may be worth more than about 12 lots.
    def book(ctx, _book):
        if ctx.position_lots(PERP) < 50 and not ctx.orders():
            ctx.buy(PERP, lots=10)

    strategy = Scripted(feeds=[BookFeed(PERP, every="100ms")], book=book)
    run = played(
        {"s": strategy}, 5, on_exit=OnExit.FLATTEN, limits={"s": Limits(order_value_max=Decimal(750))}
    )

    closing = [row for row in run.recorder.fills if row.fill.side == "sell"]
    assert sum(row.fill.lots for row in closing) == 50
    assert max(row.fill.lots for row in closing) <= 12
    assert run.closing.clean


def test_the_position_of_a_strategy_that_failed_is_closed_too():
    strategy = holder()

    def fails(ctx, order, fill):
        raise RuntimeError("as asked")

    strategy.callbacks["fill"] = fails
    run = played({"s": strategy}, 5, on_exit=OnExit.FLATTEN)

    assert "as asked" in run.recorder.failures["s"]
    assert venue_of(run).position("sim", PERP).lots == 0
    assert run.closing.clean


def test_nothing_is_told_or_let_in_once_the_end_has_begun():
    strategy = holder()
    wanted = []
    strategy.callbacks["stop"] = lambda ctx: wanted.append(ctx.buy(PERP, lots=1, ticks=50_000))

    async def main():
        run = Run({"s": strategy})
        await run.session.start()
        await asyncio.sleep(3)
        run.closing = await close(run.session, OnExit.FLATTEN)
        told = len(strategy.told)
        await asyncio.sleep(3)
        assert len(strategy.told) == told
        late = run.engine.contexts["s"].buy(PERP, lots=1)
        assert late.refusal.rule == "trading_state"
        return run

    run = run_virtual(main, seed=1)
    assert venue_of(run).open_orders("sim") == []
    assert run.closing.clean


class Deaf:
    """A venue to whose trading nobody listens: cancels are lost on the way."""

    def __init__(self, venue, lost=10**9):
        self._venue, self.lost, self.asked = venue, lost, 0

    def __getattr__(self, name):
        return getattr(self._venue, name)

    @property
    def trading(self):
        return self

    def cancel(self, client_order_id):
        self.lost -= 1
        return True if self.lost >= 0 else self._venue.cancel(client_order_id)

    async def cancel_all(self):
        self.asked += 1
        self.lost -= 1
        if self.lost < 0:
            await self._venue.cancel_all()


def test_cancels_that_were_lost_are_sent_again_until_the_venue_lists_nothing():
    run = played({"s": holder()}, 5, wrap=lambda venue: Deaf(venue, lost=3))

    assert venue_of(run).open_orders("sim") == []
    assert run.session.venues["sim"].asked >= 1
    assert run.closing.clean


def test_what_does_not_go_in_time_is_named():
    run = played({"s": holder()}, 5, wrap=Deaf, deadline_s=4)

    assert not run.closing.clean
    assert len(run.closing.orders) == 2
    assert run.closing.orders[0].what.startswith("buy order ")
    assert f"on {PERP}, 3 lots" in run.closing.orders[0].what


class Silent(Deaf):
    """A venue that answers no question."""

    @property
    def account(self):
        return self

    async def open_orders(self):
        raise Unavailable("no answer", venue="sim", request="open orders")

    async def positions(self):
        raise Unavailable("no answer", venue="sim", request="positions")


def test_a_venue_that_cannot_be_asked_is_a_problem_and_not_a_yes():
    run = played({"s": holder()}, 5, wrap=lambda venue: Silent(venue, lost=0))

    assert not run.closing.clean
    assert [problem.partition(":")[0] for problem in run.closing.problems] == [
        "sim could not be asked for its open orders",
        "sim could not be asked for its positions",
    ]


def test_a_position_that_is_not_what_we_booked_is_a_problem():
    class Wrong(Deaf):
        @property
        def account(self):
            return self

        async def positions(self):
            return []

    run = played({"s": holder()}, 5, wrap=lambda venue: Wrong(venue, lost=0))

    assert run.closing.problems == (f"{PERP}: sim says 0 lots are held, and we have booked 50",)
    assert not run.closing.clean


def test_a_market_maker_leaves_nothing_behind_at_any_moment():
    for seed in range(1, 6):
        maker = Quoter(QuoterParams(instrument=PERP, half_spread=0.5, lots=20, max_lots=100, every="10ms"))
        run = played({"maker": maker}, 10 + seed * 0.37, on_exit=OnExit.FLATTEN, seed=seed)

        assert venue_of(run).open_orders("sim") == []
        assert venue_of(run).position("sim", PERP).lots == 0 == run.engine.portfolio.total_lots(PERP)
        assert run.closing.clean


def test_a_venue_that_hangs_is_named_in_time():
    asked = []

    async def hang():
        asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(1_000)

    async def main():
        run = Run({"s": holder()})
        await run.session.start()
        await asyncio.sleep(5)
        venue = run.exchanges["sim"]
        venue.open_orders = venue.positions = hang
        began = asyncio.get_running_loop().time()
        report = await close(run.session, OnExit.CANCEL, deadline_s=10)
        assert asyncio.get_running_loop().time() - began < 15
        assert report.problems == (
            "sim could not be asked for its open orders: no answer in time",
            "sim could not be asked for its positions: no answer in time",
        )
        await run.session.stop()

    run_virtual(main)
    assert len(asked) == 2


def test_a_venue_has_limits_so_it_is_not_asked_ten_times_a_second():
    async def main():
        run = Run({"s": holder()})
        await run.session.start()
        await asyncio.sleep(5)
        venue, asked = run.exchanges["sim"], []
        listed = await venue.open_orders()

        async def never_done():
            asked.append(None)
            return listed

        venue.open_orders = never_done
        report = await close(run.session, OnExit.CANCEL, deadline_s=15)
        assert len(report.orders) == 2
        assert len(asked) < 25
        await run.session.stop()

    run_virtual(main)
