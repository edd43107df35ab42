"""The guardian carries out what the guards ask for: it stops, cuts, flattens, and does not turn the dial back."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from kit.by_hand import CAPITAL, Bench, S
from kit.desks import KEY, OPENING, Desk, Scripted, level, ticking
from kit.markets import instrument
from xtrade.model.errors import RiskRejected, UsageError
from xtrade.model.events import FundingPaid, MarginReport, MarkPrice
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.trading.acting import can_close, cancel_open, close, turn
from xtrade.trading.guardian import Guardian
from xtrade.trading.ports import Noted, Turned
from xtrade.trading.risk.guards import Action
from xtrade.trading.risk.halt_file import BaselineFile, HaltFile
from xtrade.trading.risk.limits import DeskLimits, GuardLimits, Limits
from xtrade.trading.risk.pairs import Pair
from xtrade.trading.risk.state import TradingState

PERP, SPOT = instrument(), instrument(Kind.SPOT, venue="okx")
NO_LIMITS = GuardLimits(**dict.fromkeys(GuardLimits.__struct_fields__))


def guarded(bench, limits=None, **changed):
    return Guardian(bench.engine, capital=changed.pop("capital", CAPITAL), limits=limits, **changed)


def look(bench, guardian, times=1, every_ns=S):
    """Look so often, the venue answering in between."""
    for _ in range(times):
        bench.engine.now_ns += every_ns
        guardian.look(bench.engine.now_ns)
        bench.answer_all()
    return guardian.verdicts


def move(bench, ticks, key=None):
    book = bench.books[key or bench.key]
    book.bid_ticks, book.ask_ticks = ticks, ticks + 1


# -- the dial


def test_reducing_cancels_what_opens_and_keeps_what_closes():
    bench = Bench()
    bench.hold(10)
    ctx = bench.ctx()
    buying, selling = ctx.buy(bench.key, lots=5, ticks=900), ctx.sell(bench.key, lots=10, ticks=1100)
    too_much = ctx.sell(bench.key, lots=1, ticks=1100)

    turn(bench.engine, TradingState.REDUCING, "a test", by="operator", strategy="one")

    # Neither of the two sales reduces only, if both fill: both must go, or one after the other be judged again.
    assert bench.cancels == [buying.id, selling.id, too_much.id]
    assert ctx.buy(bench.key, lots=1, ticks=900).refusal.rule == "trading_state"
    (turned,) = bench.journal.of(Turned)
    assert (turned.strategy, turned.state, turned.why, turned.by) == (
        "one",
        TradingState.REDUCING,
        "a test",
        "operator",
    )


def test_reducing_keeps_a_sale_of_no_more_than_is_held():
    bench = Bench()
    bench.hold(10)
    bench.ctx().sell(bench.key, lots=10, ticks=1100)
    turn(bench.engine, TradingState.REDUCING, "a test", by="operator")
    assert bench.cancels == []


def test_a_halted_strategy_still_hears_and_can_be_let_trade_again():
    bench = Bench("one", "two")
    waiting = bench.ctx().buy(bench.key, lots=5, ticks=900)
    turn(bench.engine, TradingState.HALTED, "a test", by="operator", strategy="one")
    assert bench.cancels == [waiting.id]

    bench.fill(waiting)  # it was faster than the cancel

    assert bench.engine.strategies["one"].of("fill")
    assert bench.ctx().position_lots(bench.key) == 5
    assert bench.ctx().buy(bench.key, lots=1, ticks=900).refusal.rule == "trading_state"
    assert bench.ctx("two").buy(bench.key, lots=1, ticks=900).refusal is None
    turn(bench.engine, TradingState.ACTIVE, "it was looked at", by="operator", strategy="one")
    assert bench.ctx().buy(bench.key, lots=1, ticks=900).refusal is None


def test_the_dial_of_the_desk_holds_for_all_and_the_stricter_of_two_counts():
    bench = Bench("one", "two")
    turn(bench.engine, TradingState.HALTED, "a test", by="operator", strategy="two")
    turn(bench.engine, TradingState.REDUCING, "a test", by="operator")
    refusals = [bench.ctx(name).buy(bench.key, lots=1, ticks=900).refusal for name in ("one", "two")]
    assert [refusal.limit for refusal in refusals] == ["reducing", "halted"]


def test_a_strategy_that_ended_cannot_be_let_trade_again():
    bench = Bench()
    bench.ctx().stop("done")
    bench.engine.book_changed(bench.key, 2 * S)
    with pytest.raises(UsageError, match="one has ended and cannot trade again in this run"):
        turn(bench.engine, TradingState.ACTIVE, "a test", by="operator", strategy="one")


# -- closing


def test_closing_is_past_the_dial_and_reduces_only_where_the_account_covers_it():
    bench = Bench("one", "two")
    bench.hold(10, "one")
    bench.hold(-4, "two")
    turn(bench.engine, TradingState.HALTED, "a test", by="operator")

    close(bench.engine, "one", bench.key)
    close(bench.engine, "two", bench.key)
    close(bench.engine, "one", bench.key, 3)

    last = bench.placed[-3:]
    assert [(each.side, each.lots, each.reduce_only, each.type) for each in last] == [
        (Side.SELL, 10, False, OrderType.MARKET),  # the account holds 6: to the venue ten are no reduction
        (Side.BUY, 4, False, OrderType.MARKET),
        (Side.SELL, 3, True, OrderType.MARKET),
    ]


def test_what_is_flat_or_dust_cannot_be_closed():
    bench = Bench(markets=[instrument(min_lots=1)])
    assert close(bench.engine, "one", bench.key) is None
    bench.hold(4)
    bench.books[bench.key].instrument = instrument(min_lots=5)
    assert not can_close(bench.engine, "one", bench.key)
    assert close(bench.engine, "one", bench.key) is None


def test_a_position_above_the_largest_market_order_is_closed_in_parts():
    bench = Bench(markets=[instrument(max_market_lots=4)])
    bench.hold(10)
    guardian = guarded(bench)
    guardian.flatten("a test")
    look(bench, guardian, times=4)
    assert [each.lots for each in bench.placed[1:]] == [4, 4, 2]
    assert guardian.is_flat


# -- guards at work


def test_all_is_well_and_nothing_is_done():
    bench = Bench()
    bench.hold(10)
    guardian = guarded(bench)
    assert look(bench, guardian, times=5) == []
    assert len(bench.placed) == 1
    assert not bench.journal.of(Turned)


def test_a_loss_stops_opening_and_closes_the_worst_position_one_at_each_look():
    bench = Bench("one", "two", markets=[PERP, SPOT])
    bench.hold(4000, "one", PERP.key)  # 400 USDT worth
    bench.hold(2000, "two", SPOT.key)
    guardian = guarded(bench, GuardLimits(emergency_loss=None, drawdown=None), capital=Money.of(1000, "USDT"))
    look(bench, guardian)
    move(bench, 700, PERP.key)
    move(bench, 800, SPOT.key)  # 120 + 40 lost of 1000

    look(bench, guardian, times=1)

    assert bench.engine.gate.state is TradingState.REDUCING
    assert bench.ctx("two").position_lots(SPOT.key) == 2000
    assert bench.ctx("one").position_lots(PERP.key) == 0
    assert bench.ctx("one").buy(PERP.key, lots=1, ticks=700).refusal.rule == "trading_state"
    look(bench, guardian)
    assert bench.ctx("two").position_lots(SPOT.key) == 0
    # The dial stays where it is, whatever prices do: it is the operator who turns it back.
    move(bench, 5000, PERP.key)
    look(bench, guardian)
    assert bench.engine.gate.state is TradingState.REDUCING
    assert len(bench.journal.of(Turned)) == 1


def test_an_emergency_cancels_closes_halts_and_refuses_a_restart(tmp_path):
    bench, halt_file = Bench("one", "two"), HaltFile(tmp_path / "HALTED")
    bench.hold(4000, "one")
    bench.hold(-1000, "two")
    waiting = bench.ctx("one").buy(bench.key, lots=5, ticks=900)
    guardian = guarded(bench, halt_file=halt_file, capital=Money.of(1000, "USDT"))
    look(bench, guardian)
    move(bench, 450)  # 3000 lots net long lose 55 of 100 each: 165 of 1000

    look(bench, guardian, times=3)

    assert bench.engine.gate.state is TradingState.HALTED
    assert not waiting.is_open
    assert guardian.is_flat
    assert bench.engine.portfolio.lots("one", bench.key) == bench.engine.portfolio.lots("two", bench.key) == 0
    assert halt_file.read().by == "guard"
    assert halt_file.read().why.startswith("emergency_loss: ")
    with pytest.raises(RiskRejected, match="trading was halted by guard: emergency_loss"):
        halt_file.must_be_clear()


def test_flat_is_not_verified_while_the_venue_says_otherwise():
    bench = Bench()
    bench.hold(10)
    guardian = guarded(bench)
    guardian.flatten("a test", by="operator")
    look(bench, guardian, times=2)
    bench.report(7)
    assert not guardian.is_flat
    bench.report(0)
    assert guardian.is_flat


def test_an_order_that_fills_while_it_is_canceled_is_closed_too():
    bench = Bench()
    resting = bench.ctx().buy(bench.key, lots=8, ticks=1000)
    guardian = guarded(bench)
    guardian.flatten("a test")
    bench.fill(resting)
    look(bench, guardian, times=2)
    assert guardian.is_flat
    assert bench.ctx().position_lots(bench.key) == 0


def test_margin_failures_in_a_row_stop_opening_and_an_order_accepted_ends_the_row():
    bench = Bench()
    guardian = guarded(bench, GuardLimits(margin_failures_max=3))

    def fail(times):
        for _ in range(times):
            bench.reject(bench.ctx().buy(bench.key, lots=1, ticks=900), code="insufficient_margin")

    fail(2)
    bench.accept(bench.ctx().buy(bench.key, lots=1, ticks=900))
    fail(2)
    assert look(bench, guardian) == []
    fail(1)
    (verdict,) = look(bench, guardian)
    assert (verdict.guard, verdict.scope, verdict.figure) == ("margin_failures", "binance", "3")
    assert bench.engine.gate.state is TradingState.REDUCING


def test_a_strategy_that_asks_in_vain_is_halted_and_one_whose_order_rests_is_not():
    bench = Bench("vain", "maker", "silent")
    guardian = guarded(bench)
    bench.accept(bench.ctx("maker").buy(bench.key, lots=1, ticks=900))
    bench.ctx("silent").buy(bench.key, lots=1, ticks=5000)  # refused once, and never asked again

    for _ in range(610):
        for name in ("vain", "maker"):
            bench.ctx(name).buy(bench.key, lots=1, ticks=5000)  # far through the market: refused
        look(bench, guardian)

    assert bench.ctx("vain").state is TradingState.HALTED
    assert bench.ctx("vain").why == "no_progress: vain has asked for 10m without one order accepted"
    assert bench.ctx("maker").state is bench.ctx("silent").state is TradingState.ACTIVE


def test_what_a_guard_says_is_told_once_and_again_when_it_comes_back():
    bench = Bench()
    guardian = guarded(bench)
    report = MarginReport(account="binance", equity=Money.of(100, "USDT"), maintenance=Money.of(90, "USDT"))
    well = MarginReport(account="binance", equity=Money.of(100, "USDT"), maintenance=Money.of(9, "USDT"))
    for each in (report, report, well, report):
        bench.tell(each)
        look(bench, guardian)
    says = (
        "margin_ratio: binance needs 90% of its equity as margin; at 100% the venue liquidates"
        " (limit 80%, figure 90%)"
    )
    assert [note.text for note in bench.journal.of(Noted)] == [says, says]


def test_a_position_near_its_liquidation_is_cut_and_its_strategy_opens_nothing_more():
    bench = Bench("one", "two")
    bench.hold(10, "one")
    bench.hold(-4, "two")
    guardian = guarded(bench)
    bench.tell(MarkPrice(instrument=bench.key, mark=Decimal(100)))
    bench.report(6, liquidation=Decimal(95))
    look(bench, guardian)
    assert bench.ctx("one").position_lots(bench.key) == 0
    assert bench.ctx("one").state is TradingState.REDUCING
    # The other one is on the other side: what it holds makes the account safer.
    assert bench.ctx("two").position_lots(bench.key) == -4
    assert bench.ctx("two").state is TradingState.ACTIVE


def test_the_cost_of_funding_since_midnight():
    bench = Bench()
    bench.hold(10)
    guardian = guarded(bench)
    look(bench, guardian)
    for number, amount in enumerate(("-101", "-101", "-101")):
        paid = FundingPaid(
            account="binance",
            instrument=bench.key,
            payment_id=str(number // 2),  # the second is the first once more
            amount=Money.of(amount, "USDT"),
        )
        bench.tell(paid)
    (verdict,) = look(bench, guardian)
    assert (verdict.guard, verdict.figure) == ("funding_cost", "2.02%")


def test_losses_that_cannot_be_seen_are_said():
    bench = Bench()
    bench.hold(10)
    guardian = guarded(bench)
    bench.books[bench.key].bid_ticks = None
    (verdict,) = look(bench, guardian)
    assert (verdict.guard, verdict.action) == ("unknown_worth", Action.WARN)
    assert bench.key in verdict.reason
    assert bench.engine.gate.state is TradingState.ACTIVE


def test_a_restart_forgives_no_loss(tmp_path):
    file = tmp_path / "baselines.json"
    first = Bench()
    guardian = guarded(first, NO_LIMITS, baseline_file=BaselineFile(file))
    first.hold(1000)
    look(first, guardian)
    move(first, 1500)
    look(first, guardian)

    again = Bench()
    after = guarded(again, GuardLimits(drawdown=Decimal("0.004")), baseline_file=BaselineFile(file))

    # 50 USDT were earned on 10 000, and are gone after the restart.
    assert after.standing(2 * S).baselines.peak > CAPITAL
    assert look(again, after)[0].guard == "drawdown"


def test_a_leg_that_was_liquidated_takes_its_partner_with_it_and_the_pair_is_left_in_peace_after():
    bench = Bench("one", "two", markets=[PERP, SPOT])
    bench.hold(-100, "one", PERP.key)
    bench.hold(100, "one", SPOT.key)
    bench.hold(30, "two", PERP.key)
    pair = Pair(name="basis", strategy="one", first=SPOT.key, second=PERP.key)
    guardian = guarded(bench, pairs=[pair])
    bench.report(-70, PERP.key, at_ns=5 * S)
    look(bench, guardian)
    assert len(bench.placed) == 3

    bench.report(30, PERP.key, at_ns=8 * S)  # what the other one holds is still there

    look(bench, guardian)
    assert (bench.placed[-1].instrument, bench.placed[-1].side, bench.placed[-1].lots) == (
        SPOT.key,
        Side.SELL,
        100,
    )
    assert bench.ctx("one").state is TradingState.REDUCING
    count = len(bench.placed)
    look(bench, guardian, times=3)
    assert len(bench.placed) == count
    assert bench.ctx("two").position_lots(PERP.key) == 30


# -- through the engine


def test_the_guardian_watches_on_the_engines_timers_in_a_replay():
    """
    Bought at 1001, the market falls away: on the same engine that back-tests, the position is closed, and no more.
    """
    one = Scripted(
        book=lambda ctx, _: ctx.buy(KEY, lots=4, ticks=1001) if not ctx.position_lots(KEY) else None
    )
    falls = [
        level(S + 1, 0, 1000, 0),
        level(S + 2, 0, 901, 50),
        level(S + 3, 1, 1001, 0),
        level(S + 4, 1, 902, 50),
    ]
    desk = Desk([*OPENING, *falls, *ticking(9)], limits={"one": Limits(price_band=None)}, one=one)
    guardian = Guardian(
        desk.engine,
        capital=Money.of("0.3", "USDT"),
        limits=GuardLimits(emergency_loss=Decimal("0.12")),
    )
    guardian.watch(S // 2)

    desk.play()

    assert desk.engine.portfolio.lots("one", KEY) == 0
    assert desk.replay.account(KEY).lots == 0
    assert desk.engine.gate.state is TradingState.HALTED
    assert guardian.is_flat


def test_cancels_beyond_the_rate_wait_their_turn_and_are_never_lost():
    bench = Bench(limits={"one": Limits(cancels_per_second_max=2)})
    orders = [bench.ctx().buy(bench.key, lots=1, ticks=900) for _ in range(5)]

    assert [order.cancel() for order in orders] == [True] * 5
    assert [order.cancel() for order in orders] == [False] * 5
    assert len(bench.cancels) == 2
    bench.engine.tick(2 * S - 1)
    assert len(bench.cancels) == 2
    bench.engine.tick(2 * S)
    assert len(bench.cancels) == 4
    bench.engine.tick(3 * S)
    assert bench.cancels == [order.id for order in orders]


def test_what_the_desk_cancels_does_not_wait_behind_a_strategy():
    bench = Bench(limits={"one": Limits(cancels_per_second_max=1)})
    orders = [bench.ctx().buy(bench.key, lots=1, ticks=900) for _ in range(3)]
    bench.ctx().cancel_all()
    assert len(bench.cancels) == 1
    cancel_open(bench.engine, bench.ctx())
    assert bench.cancels == [order.id for order in orders]
    bench.engine.tick(5 * S)
    assert len(bench.cancels) == 3


def test_changes_count_against_the_rate_of_orders():
    bench = Bench(limits={"one": Limits(orders_per_second_max=2)})
    order = bench.ctx().buy(bench.key, lots=1, ticks=900)
    bench.accept(order)
    assert order.amend(ticks=901)
    assert bench.ctx().buy(bench.key, lots=1, ticks=900).refusal.rule == "order_rate"
    bench.engine.tick(2 * S)
    assert bench.ctx().buy(bench.key, lots=1, ticks=900).refusal is None


def test_what_a_strategy_holds_of_an_asset_is_netted_over_its_markets():
    limits = Limits(position_base_max={"BTC": Decimal("0.05")})
    bench = Bench("one", "two", markets=[PERP, SPOT], limits={"one": limits})
    bench.hold(-40, "one", PERP.key)
    bench.hold(1000, "two", SPOT.key)  # another strategy's
    ctx = bench.ctx("one")
    ctx.limits = limits
    assert ctx.buy(SPOT.key, lots=90, ticks=900).refusal is None
    refusal = ctx.buy(SPOT.key, lots=1, ticks=900).refusal
    assert (refusal.rule, refusal.limit, refusal.figure) == ("position_base", "0.05 BTC", "0.051 BTC")


def test_the_desk_is_asked_after_the_strategy():
    desk_limits = DeskLimits(position_value_max=Decimal(3))
    bench = Bench("one", "two", desk_limits=desk_limits)
    bench.ctx("one").buy(bench.key, lots=20, ticks=1000)
    assert bench.ctx("two").buy(bench.key, lots=9, ticks=1000).refusal is None
    assert bench.ctx("two").buy(bench.key, lots=1, ticks=1000).refusal.rule == "desk_position"
    assert bench.ctx("two").buy(bench.key, lots=1, ticks=10**6).refusal.rule == "price_band"
    # A market whose price nobody knows: nothing goes.
    bench.books[bench.key].is_trusted = False
    assert bench.ctx("two").buy(bench.key, lots=1, ticks=1000).refusal.rule == "book"


def test_the_worth_of_the_desk_is_exact():
    bench = Bench()
    bench.hold(3)
    guardian = guarded(bench)
    bench.tell(MarkPrice(instrument=bench.key, mark=Decimal("100.000000000000000001")))
    assert guardian.standing(S).equity == Money.of("10000.000000000000000000003", "USDT")
    assert Fraction(guardian.standing(S).held[0].unrealised.amount) == Fraction(3, 10**21)
