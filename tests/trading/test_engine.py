"""The engine tells strategies what happened, in a fixed order, and lets their orders out."""

from __future__ import annotations

import pytest

from kit.desks import KEY, OPENING, Desk, Market, S, Scripted, level, ticking, trade
from kit.markets import instrument
from xtrade.model.errors import UsageError
from xtrade.model.instruments import Kind
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.sim.replay.models import Assumptions
from xtrade.trading.risk import Limits, TradingState
from xtrade.trading.subscriptions import BarFeed, BookFeed, QuoteFeed, TradeFeed


def test_a_strategy_is_started_told_and_stopped():
    one = Scripted()

    Desk([*OPENING, level(50, 0, 999, 5)], one=one).play()

    assert one.names() == ["start", "book", "stop"]
    assert [now for now, *_ in one.of("book")] == [1, 50]


def test_an_order_is_a_handle_at_once_and_its_news_follow():
    orders = []

    def start(ctx, book):
        if not orders:
            orders.append(ctx.buy(KEY, lots=4, ticks=1001))
            assert orders[0].status is OrderStatus.SENT
            assert orders[0].is_open
            assert ctx.orders(KEY) == orders

    one = Scripted(book=start)
    desk = Desk([*OPENING, *ticking(1)], one=one).play()

    (order,) = orders
    assert order.status is OrderStatus.FILLED
    assert order.filled_lots == 4
    assert order.average_price == order.instrument.price(1001)
    assert not desk.engine.contexts["one"].open_orders
    assert desk.engine.portfolio.lots("one", KEY) == 4
    ((_, told, fill),) = one.of("fill")
    assert told is order
    assert (fill.ticks, fill.lots, fill.maker) == (1001, 4, False)
    # The order arrives 10 ns later, and its news 10 ns after that: the fill is told before the order's new state.
    assert [(name, now) for name, now, *_ in one.told if name in {"fill", "order"}] == [
        ("order", 21),
        ("fill", 21),
        ("order", 21),
    ]


def test_what_is_told_at_one_instant_comes_in_a_fixed_order():
    one = Scripted(feeds=[BookFeed(KEY), TradeFeed(KEY)], start=lambda ctx: ctx.after(0.1, "due"))

    Desk([*OPENING, level(S // 10 + 1, 0, 1000, 9), trade(S // 10 + 1, 1, 1000, 1)], one=one).play()

    assert [name for name, now, *_ in one.told if now == S // 10 + 1] == ["trade", "book", "timer", "stop"]


def test_a_throttled_book_is_told_at_most_so_often_and_never_forgotten():
    slow, fast = Scripted(feeds=[BookFeed(KEY, every="1s")]), Scripted()

    Desk([*OPENING, *ticking(3)], slow=slow, fast=fast).play()

    assert len(fast.of("book")) == 30
    assert len(slow.of("book")) == 3


def test_a_quote_is_told_only_when_the_best_prices_changed():
    one = Scripted(feeds=[QuoteFeed(KEY)])

    Desk([*OPENING, level(5, 0, 990, 3), level(6, 0, 1000, 7), level(7, 0, 999, 3)], one=one).play()

    assert [(quote.bid_ticks, quote.bid_lots, quote.ask_ticks) for _, quote in one.of("quote")] == [
        (1000, 10, 1001),
        (1000, 7, 1001),
    ]


def test_bars_are_told_when_they_are_over_even_if_nothing_happens():
    one = Scripted(feeds=[BarFeed(KEY, "1s"), BarFeed(KEY, "1s", of="mid")])
    rows = [*OPENING, trade(S // 2, 0, 1001, 2), trade(S // 2 + 1, 0, 1003, 1), level(5 * S, 0, 999, 1)]

    Desk(rows, one=one).play()

    of_trades = [(now, bar) for now, bar in one.of("bar") if bar.volume_lots]
    ((now, bar),) = of_trades
    assert now == S
    assert (bar.start_ns, bar.open_ticks, bar.close_ticks, bar.volume_lots) == (0, 1001, 1003, 3)
    assert [now for now, bar in one.of("bar") if not bar.volume_lots] == [S]


def test_timers_go_off_at_their_time_and_stop_when_told():
    def timer(ctx, name):
        if name == "often" and ctx.now_ns > S:
            ctx.no_more("often")

    def start(ctx):
        ctx.every(0.4, "often")
        ctx.after(0.5, "once")

    one = Scripted(start=start, timer=timer)
    Desk([*OPENING, *ticking(3)], one=one).play()

    assert [(name, now) for now, name in one.of("timer")] == [
        ("often", 400_000_001),
        ("once", 500_000_001),
        ("often", 800_000_001),
        ("often", 1_200_000_001),
    ]


def test_a_callback_is_never_entered_while_another_runs():
    inside = []

    def book(ctx, _):
        inside.append(1)
        assert len(inside) == 1, "a callback ran inside another"
        ctx.sell(KEY, lots=1, ticks=500)  # refused: far through the market
        inside.pop()

    def order(ctx, _):
        assert not inside, "news came while the strategy was busy"

    one = Scripted(book=book, order=order)
    Desk([*OPENING], one=one).play()

    assert one.names() == ["start", "book", "order", "stop"]


def test_a_refused_order_is_there_as_rejected_and_says_why():
    orders = []
    one = Scripted(book=lambda ctx, _: orders.append(ctx.buy(KEY, lots=1, ticks=2000)))
    desk = Desk([*OPENING], one=one).play()

    (order,) = orders
    assert order.status is OrderStatus.REJECTED
    assert order.refusal.rule == "price_band"
    assert one.of("order") == [(1, order)]
    (row,) = desk.journal.orders()
    assert row.status == "refused"
    assert row.reason.startswith("price_band: the price 200 is 99.9% through the market")


def test_an_amended_order_keeps_to_the_limits_and_its_terms_follow_the_venue():
    seen = {}

    def book(ctx, _):
        if "order" not in seen:
            seen["order"] = ctx.buy(KEY, lots=2, ticks=990)

    def order(ctx, order):
        if order.status is OrderStatus.OPEN and "asked" not in seen:
            seen["refused"] = order.amend(ticks=5000)
            seen["asked"] = order.amend(ticks=995, lots=3)
            assert order.state.amend_pending
            assert order.ticks == 990

    desk = Desk([*OPENING, *ticking(1)], one=Scripted(book=book, order=order)).play()

    assert (seen["refused"], seen["asked"]) == (False, True)
    assert (seen["order"].ticks, seen["order"].lots) == (995, 3)
    assert not seen["order"].state.amend_pending
    assert desk.journal.unusual["orders refused by the rule price_band"].count == 1


def test_a_cancel_is_asked_for_once_and_ends_the_order():
    asked = []

    def book(ctx, _):
        if not ctx.orders():
            if not asked:
                ctx.buy(KEY, lots=1, ticks=990)
        else:
            asked.append(ctx.cancel_all())

    one = Scripted(book=book)
    Desk([*OPENING, level(100, 0, 900, 1), level(101, 0, 900, 2), level(200, 0, 900, 3)], one=one).play()

    assert asked == [1, 0]
    assert one.of("order")[-1][1].status is OrderStatus.CANCELED


def test_two_strategies_trade_one_market_and_each_keeps_its_own():
    def taker(side):
        def book(ctx, _):
            if not ctx.position_lots(KEY) and not ctx.orders():
                (ctx.buy if side is Side.BUY else ctx.sell)(KEY, lots=3)

        return Scripted(book=book)

    desk = Desk([*OPENING, *ticking(1)], long=taker(Side.BUY), short=taker(Side.SELL)).play()

    assert desk.engine.portfolio.lots("long", KEY) == 3
    assert desk.engine.portfolio.lots("short", KEY) == -3
    assert desk.engine.portfolio.total_lots(KEY) == 0
    assert desk.replay.account(KEY).lots == 0


def test_a_strategy_that_raises_is_stopped_its_orders_canceled_and_the_others_go_on():
    def breaks(ctx, _):
        ctx.buy(KEY, lots=1, ticks=990)
        if len(ctx.orders()) == 2:
            raise ZeroDivisionError("nothing by nothing")

    broken, sound = Scripted(book=breaks), Scripted()
    desk = Desk([*OPENING, *ticking(1)], broken=broken, sound=sound).play()

    assert "ZeroDivisionError: nothing by nothing (in _callback" in desk.journal.failures["broken"]
    assert desk.engine.contexts["broken"].state is TradingState.HALTED
    assert {row.status for row in desk.journal.orders()} == {"canceled"}
    assert len(broken.of("book")) == 2
    assert not broken.of("stop")
    assert len(sound.of("book")) == 10
    assert sound.of("stop")


def test_a_run_ends_when_no_strategy_trades_any_more():
    one = Scripted(book=lambda ctx, _: ctx.stop("seen enough"))
    desk = Desk([*OPENING, *ticking(3)], one=one).play()

    assert one.names() == ["start", "book", "stop"]
    assert desk.engine.now_ns <= desk.market.end_ns
    assert desk.journal.notes[0].text == "stops: seen enough"


def test_what_was_not_declared_can_be_neither_seen_nor_traded():
    said = []

    def book(ctx, _):
        for ask in (ctx.book, ctx.instrument, lambda key: ctx.buy(key, lots=1)):
            with pytest.raises(UsageError) as caught:
                ask("binance:BTC/USD:USDT")
            said.append(str(caught.value))

    Desk([*OPENING], one=Scripted(book=book)).play()

    assert len(said) == 3
    assert all("was not declared" in each and f"Did you mean '{KEY}'" in each for each in said)


def test_a_market_that_is_only_traded_is_declared_and_wakes_nobody():
    one = Scripted(feeds=[Market(KEY)], start=lambda ctx: ctx.after(0.0, "go"))
    one.callbacks["timer"] = lambda ctx, _: ctx.buy(KEY, lots=1, ticks=1001, time_in_force=TimeInForce.IOC)

    Desk([*OPENING, *ticking(1)], one=one).play()

    assert one.names() == ["start", "timer", "order", "fill", "order", "stop"]


def test_an_unknown_market_or_name_is_an_error_before_the_start():
    with pytest.raises(UsageError, match="is not on the tape"):
        Desk([*OPENING], one=Scripted(feeds=[BookFeed("okx:BTC/USDT")]))
    with pytest.raises(UsageError, match="limits are given for 'two', and no strategy has that name"):
        Desk([*OPENING], limits={"two": Limits()}, one=Scripted())


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ({}, "how much"),
        ({"lots": 1, "base": 1}, "give lots or an amount of base coins, not both"),
        ({"lots": 1, "ticks": 5, "price": 1}, "give ticks or a price, not both"),
    ],
)
def test_an_order_that_is_not_clear_is_an_error_of_the_strategy(ask, says):
    desk = Desk([*OPENING], one=Scripted(book=lambda ctx, _: ctx.buy(KEY, **ask))).play()

    assert says in desk.journal.failures["one"]


def test_prices_and_amounts_of_people_are_rounded_to_the_safe_side():
    orders = []

    def book(ctx, _):
        orders.append(ctx.buy(KEY, base=0.0039, price=99.58))
        orders.append(ctx.sell(KEY, base="0.0039", price=100.42))

    Desk([*OPENING], one=Scripted(book=book)).play()

    assert [(order.lots, order.ticks) for order in orders] == [(3, 995), (3, 1005)]


def test_moving_to_a_position_counts_what_is_under_way():
    asked = []
    one = Scripted(book=lambda ctx, _: asked.append(ctx.move_to(KEY, -5)))

    desk = Desk([*OPENING, level(5, 0, 900, 1), level(100, 0, 900, 2)], one=one).play()

    assert [order is not None for order in asked] == [True, False, False]
    assert desk.engine.portfolio.lots("one", KEY) == -5


def test_chance_is_the_same_in_every_run_of_a_seed():
    from xtrade.runtime import chance

    def drawn():
        found = []
        with chance.using(chance.Streams(5)):
            Desk([*OPENING], one=Scripted(book=lambda ctx, _: found.append(ctx.chance().random()))).play()
        return found

    assert drawn() == drawn()


def test_spot_sells_only_what_is_there():
    spot = instrument(Kind.SPOT)
    orders = []

    def book(ctx, book):
        orders.append(ctx.sell(spot.key, lots=1, ticks=1000))

    Desk([*OPENING], market=spot, one=Scripted(feeds=[BookFeed(spot.key)], book=book)).play()

    assert orders[0].refusal.rule == "spot_holdings"


@pytest.mark.parametrize("swallows", [False, True])
def test_a_strategy_that_asks_again_at_each_refusal_is_stopped_and_named(swallows):
    """
    Nothing that it does lets time pass: without a guard the run would never end.
    """

    def again(ctx, *_):
        try:
            ctx.sell(KEY, lots=1, ticks=500)  # refused: far through the market
        except UsageError:
            if not swallows:
                raise

    one, other = Scripted(book=again, order=again), Scripted()
    desk = Desk([*OPENING, *ticking(1)], one=one, other=other).play()

    failure = desk.journal.failures["one"]
    assert "one asked for 10,000 things" in failure
    assert "at one instant, 1 ns," in failure
    assert "desks.py:" in failure, "the place is in the strategy's own file"
    assert len(other.of("book")) > 1, "the others go on"


def test_a_task_that_sleeps_for_no_time_is_stopped_too():
    async def spins(ctx):
        while True:
            await ctx.sleep(0)

    desk = Desk([*OPENING, *ticking(1)], one=Scripted(start=lambda ctx: ctx.run(spins(ctx)))).play()

    assert "one asked for 10,000 things" in desk.journal.failures["one"]


def test_a_venue_that_refuses_at_once_does_not_make_a_run_endless():
    """
    Without latency an order is answered at the instant at which it was sent, and so is the order that follows it.
    """

    def again(ctx, *_):
        ctx.buy(KEY, lots=1, ticks=1001, post_only=True)

    limits = {"one": Limits(orders_per_second_max=1_000_000)}
    desk = Desk(
        [*OPENING, *ticking(1)], limits, assumptions=Assumptions(), one=Scripted(book=again, order=again)
    ).play()

    assert "one asked for 10,000 things" in desk.journal.failures["one"]


def test_asking_much_over_time_is_nobodys_mistake():
    def many(ctx, _):
        for _ in range(600):
            ctx.sell(KEY, lots=1, ticks=500)

    desk = Desk([*OPENING, *ticking(3)], one=Scripted(book=many)).play()

    assert not desk.journal.failures
    assert len(desk.journal.orders()) > 10_000
