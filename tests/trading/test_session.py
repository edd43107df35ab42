"""A session: the engine on venues, in virtual time. The same seed gives the same decisions, and nothing is missed."""

import asyncio
from itertools import pairwise

import pytest

from kit.desks import Scripted
from kit.sessions import PERP, SPOT, Run, played
from xtrade.model.errors import ConfigError, DataError
from xtrade.model.events import BookDelta, BookSnapshot, LinkDown, OrderFilled, OrderRejected, Trade
from xtrade.runtime import clock
from xtrade.runtime.virtual import run_virtual
from xtrade.strategies.quoter import Quoter, QuoterParams
from xtrade.trading.subscriptions import BarFeed, BookFeed, FundingFeed, QuoteFeed, TradeFeed

S = 1_000_000_000
MS = 1_000_000


def quoter(**changed):
    return {"maker": Quoter(QuoterParams(instrument=PERP, half_spread=1.0, lots=20, max_lots=100, **changed))}


def decisions(run):
    return [
        (row.client_order_id, row.side, row.ticks, row.lots, row.decided_ns, row.status, row.executed_lots)
        for row in run.recorder.orders()
    ]


def test_a_seed_repeats_every_decision_however_the_loop_interleaves_its_tasks():
    first = decisions(played(quoter, 60, seed=3))

    assert len(first) > 50
    assert any(executed for *_, executed in first)
    assert first == decisions(played(quoter, 60, seed=3))
    assert first == decisions(played(quoter, 60, seed=3, pick="first"))
    assert first != decisions(played(quoter, 60, seed=4))


@pytest.mark.parametrize("hours", [-1, 1])
def test_timers_go_on_as_they_were_set_when_the_wall_clock_is_set(hours):
    turns = []
    strategy = Scripted(
        feeds=[BookFeed(PERP)],
        start=lambda ctx: ctx.every(1, "turn"),
        timer=lambda ctx, _: turns.append(clock.monotonic_ns()),
    )

    async def main():
        run = Run({"s": strategy})
        asyncio.get_running_loop().call_later(10, clock.current().step, hours * 3_600 * S)
        return await run.play(40)

    run_virtual(main)

    # What the clock was set by is made good by a tenth of the time that passes.
    assert all(0.9 * S <= later - earlier <= 1.12 * S for earlier, later in pairwise(turns))
    assert len(turns) >= 35


def test_what_was_booked_is_what_the_exchange_has():
    run = played(quoter, 120, seed=5)

    exchange = run.exchanges["sim"]._exchange
    assert sum(row.fill.lots for row in run.recorder.fills) > 0
    assert run.engine.portfolio.total_lots(PERP) == exchange.position("sim", PERP).lots
    assert exchange.unaccounted() == ()
    assert not run.engine.unusual
    assert run.closing.clean


def test_a_book_is_told_no_more_often_than_asked_and_its_last_state_always():
    strategy = Scripted(feeds=[BookFeed(PERP, every="250ms")])
    strategy.callbacks["book"] = lambda ctx, book: seen.append((ctx.now_ns, book.bid_ticks, book.ask_ticks))
    seen = []
    run = played({"s": strategy}, 20)

    times = [ns for ns, *_ in seen]
    assert len(times) > 40
    assert all(later - earlier >= 250 * MS for earlier, later in pairwise(times))
    # Every change is followed by a telling within the pace.
    changes = [each.received_ns for each in run.heard if isinstance(each, BookSnapshot | BookDelta)]
    changes = [ns for ns in changes if ns < times[-1]]
    waits = [min(ns for ns in times if ns >= changed) - changed for changed in changes]
    assert max(waits) <= 250 * MS


def test_strategies_hear_what_they_subscribed_to_and_nothing_else():
    hears = Scripted(feeds=[TradeFeed(PERP), BarFeed(PERP, "5s"), QuoteFeed(PERP), FundingFeed(PERP)])
    deaf = Scripted(feeds=[BookFeed(SPOT, every="1s")])
    run = played({"hears": hears, "deaf": deaf}, 70)

    assert set(hears.names()) == {"start", "trade", "bar", "quote", "funding", "account", "stop"}
    assert set(deaf.names()) == {"start", "book", "account", "stop"}
    told = [event for event in run.heard if isinstance(event, Trade)]
    assert [trade for (trade,) in [each[1:] for each in hears.of("trade")]] == told
    assert [bar.start_ns % (5 * S) for (_, bar) in hears.of("bar")] == [0] * len(hears.of("bar"))


def test_timers_go_off_to_the_nanosecond():
    strategy = Scripted(feeds=[BookFeed(PERP)], start=lambda ctx: ctx.every(0.7, "tick"))
    run = played({"s": strategy}, 10)

    start_ns = run.session.start_ns
    went_off = [ns - start_ns for ns, _ in strategy.of("timer")]
    assert went_off == [700 * MS * number for number in range(1, 15)]


def test_a_task_awaits_its_order_as_in_a_back_test():
    found = []

    async def work(ctx):
        await ctx.next_book(PERP)
        order = ctx.buy(PERP, lots=5)
        ended = await order.ended(within=2)
        found.append((ended is order, order.filled_lots))
        await ctx.sleep(1)
        found.append(await ctx.buy(PERP, lots=5, ticks=30_000, post_only=True).ended(within=0.5))

    strategy = Scripted(feeds=[BookFeed(PERP)], start=lambda ctx: ctx.run(work(ctx)))
    played({"s": strategy}, 10)

    # The second waits far from the market, longer than the task does.
    assert found == [(True, 5), None]


def test_two_strategies_on_two_venues_each_have_their_own_book_and_orders():
    bought = []

    def buy(key):
        def book(ctx, _book):
            if not ctx.orders() and not ctx.position_lots(key):
                bought.append(ctx.buy(key, lots=10))

        return Scripted(feeds=[BookFeed(key, every="1s")], book=book)

    run = played({"a": buy("sim:BTC/USDT"), "b": buy("sim2:BTC/USDT")}, 10, world="two-venues")

    assert {order.intent.instrument for order in bought} == {"sim:BTC/USDT", "sim2:BTC/USDT"}
    assert all(order.filled_lots == 10 for order in bought)
    names = {event.client_order_id: event for event in run.heard if isinstance(event, OrderFilled)}
    assert len(names) == 2


def test_a_market_that_no_venue_has_is_an_error_before_the_start():
    with pytest.raises(Exception, match="there is no market"):
        played({"s": Scripted(feeds=[BookFeed("sim:DOGE/USDT")])}, 1)


def test_what_a_venue_cannot_tell_is_an_error_before_the_start():
    with pytest.raises(ConfigError, match="sim does not tell funding rates of spot markets"):
        played({"s": Scripted(feeds=[FundingFeed(SPOT)])}, 1)


def test_a_lost_feed_takes_the_trust_and_a_snapshot_gives_it_back():
    trusted = []

    async def main():
        strategy = Scripted(book=lambda ctx, book: trusted.append(book.is_trusted), feeds=[BookFeed(PERP)])
        run = Run({"s": strategy})
        await run.session.start()
        await asyncio.sleep(3)
        down = LinkDown(received_ns=clock.now_ns(), venue="sim", channel="public", reason="test")
        run.session.hear("sim", [down])
        assert not run.session.books.book(PERP).is_trusted
        assert trusted[-1] is False
        run.exchanges["sim"].resync(PERP)
        await asyncio.sleep(1)
        assert run.session.books.book(PERP).is_trusted
        assert trusted[-1] is True
        await run.session.stop()

    run_virtual(main, seed=1)


def test_a_message_that_is_lost_is_noticed_and_the_book_asked_for_anew():
    async def main():
        run = Run({"s": Scripted(feeds=[BookFeed(PERP)])})
        await run.session.start()
        await asyncio.sleep(3)
        session, lost = run.session, []

        def lossy(events):
            if not lost and all(isinstance(event, BookDelta) for event in events):
                lost.extend(events)
            else:
                session._guarded(lambda: session._dispatch("sim", events))

        run.exchanges["sim"]._hear = lossy
        gap_seen = False
        for _ in range(2000):
            await asyncio.sleep(0.001)
            gap_seen |= bool(lost) and not session.books.book(PERP).is_trusted
        assert gap_seen
        assert session.books.book(PERP).is_trusted
        there = run.exchanges["sim"]._exchange.book(PERP)
        assert there.sequence - session.books.live(PERP)._sequence < 20
        await session.stop()

    run_virtual(main, seed=1)


class FullDisk:
    """A journal that can write so many records."""

    portfolio = None

    def __init__(self, room):
        self.room = room

    def append(self, record):
        self.room -= 1
        if self.room < 0:
            raise DataError("the journal cannot be written: the disk is full")


def test_a_journal_that_cannot_write_ends_the_session_and_its_orders_are_canceled_all_the_same():
    async def main():
        run = Run(quoter(), journal=FullDisk(12))
        with pytest.raises(DataError, match="disk is full"):
            await run.play(30)
        assert run.session.failed.is_set()
        assert run.closing.orders == ()
        assert run.exchanges["sim"]._exchange.open_orders("sim") == []
        assert any("disk is full" in problem for problem in run.closing.problems)

    run_virtual(main, seed=1)


def test_an_order_that_the_venue_has_no_form_for_is_rejected_unsent():
    orders = []

    def book(ctx, _book):
        if not orders:
            # A reduce-only order on spot: the exchange has none.
            orders.append(ctx.buy(SPOT, lots=5, reduce_only=True))

    run = played({"s": Scripted(feeds=[BookFeed(SPOT)], book=book)}, 2)

    assert orders[0].status == "rejected"
    rejected = [event for event in run.heard if isinstance(event, OrderRejected)]
    assert rejected == []
