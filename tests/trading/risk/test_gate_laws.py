"""Whatever strategies ask, and whatever becomes of it: the worst that may still happen stays within the limits."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kit.by_hand import Bench
from kit.markets import instrument
from xtrade.model.instruments import Kind
from xtrade.model.orders import TimeInForce
from xtrade.model.sides import Side
from xtrade.trading.acting import turn
from xtrade.trading.risk.limits import DeskLimits, Limits
from xtrade.trading.risk.state import TradingState

PERP = instrument(venue="binance")
SPOT = instrument(Kind.SPOT, venue="okx")
MARKETS = [PERP, SPOT]
# Prices stay between 950 and 1050 ticks: a lot is worth about 0.1 USDT.
LIMITS = Limits(position_value_max=Decimal(4), open_orders_max=6, orders_per_second_max=10**6)
DESK = DeskLimits(base_max={"BTC": Decimal("0.05")}, open_orders_max=9)

sides = st.sampled_from(Side)
names = st.sampled_from(["one", "two"])


class Desk(RuleBasedStateMachine):
    """Two strategies on two markets of one asset, against a venue that does as it likes."""

    @initialize()
    def begin(self):
        self.bench = Bench(
            "one", "two", markets=MARKETS, limits={"one": LIMITS, "two": LIMITS}, desk_limits=DESK
        )
        self.orders = []

    @rule(
        name=names,
        market=st.sampled_from(MARKETS),
        side=sides,
        lots=st.integers(1, 30),
        ticks=st.integers(950, 1050),
        fleeting=st.booleans(),
        reduce_only=st.booleans(),
    )
    def ask(self, name, market, side, lots, ticks, fleeting, reduce_only):
        context = self.bench.ctx(name)
        place = context.buy if side is Side.BUY else context.sell
        tif = TimeInForce.IOC if fleeting else TimeInForce.GTC
        order = place(
            market.key,
            lots=lots,
            ticks=ticks,
            time_in_force=tif,
            reduce_only=reduce_only and market is PERP,
        )
        if order.refusal is None:
            self.orders.append(order)

    @rule(data=st.data())
    def something_happens(self, data):
        open_now = [order for order in self.orders if order.is_open]
        if not open_now:
            return
        order = data.draw(st.sampled_from(open_now))
        match data.draw(
            st.sampled_from(["accept", "doubt", "fill", "part", "cancel", "end", "reject", "amend"])
        ):
            case "accept":
                self.bench.accept(order)
            case "doubt":
                self.bench.doubt(order)
            case "fill":
                self.bench.fill(order)
            case "part":
                self.bench.fill(order, lots=data.draw(st.integers(1, order.left_lots)))
            case "cancel":
                order.cancel()
            case "end":
                self.bench.end(order)
            case "reject":
                self.bench.reject(order)
            case "amend":
                order.amend(lots=order.filled_lots + data.draw(st.integers(1, 30)))

    @rule(state=st.sampled_from(TradingState), name=names | st.none())
    def turn_the_dial(self, state, name):
        turn(self.bench.engine, state, "a test", by="a test", strategy=name)

    def _waiting(self, key, side, name=None):
        return sum(
            order.state.worst_case_lots
            for order in self.orders
            if order.is_open
            and order.intent.instrument == key
            and order.side is side
            and name in {None, order.intent.strategy}
        )

    @invariant()
    def no_strategy_can_come_to_hold_too_much(self):
        # At the limit price of an order its worth is at most 4; lots then are at most 4 / 0.095.
        for name in ("one", "two"):
            for market in MARKETS:
                held = self.bench.engine.portfolio.lots(name, market.key)
                for side in Side:
                    worst = held * side.sign + self._waiting(market.key, side, name)
                    assert worst <= 4 * 10_000 // 950

    @invariant()
    def the_desk_cannot_come_to_hold_too_much_of_the_asset(self):
        held = sum(self.bench.engine.portfolio.total_lots(market.key) for market in MARKETS)
        for side in Side:
            waits = sum(self._waiting(market.key, side) for market in MARKETS)
            # What is held may have come to more by itself only as far as it was let out on that side.
            assert held * side.sign + waits <= 50 or not waits

    @invariant()
    def spot_is_never_short_and_not_too_many_orders_are_open(self):
        for name in ("one", "two"):
            held = self.bench.engine.portfolio.lots(name, SPOT.key)
            assert held - self._waiting(SPOT.key, Side.SELL, name) >= 0
            assert len(self.bench.ctx(name).open_orders) <= 6
        assert sum(order.is_open for order in self.orders) <= 9

    @invariant()
    def none_of_our_resting_orders_could_trade_with_another(self):
        for market in MARKETS:
            here = [
                order
                for order in self.orders
                if order.is_open
                and order.intent.instrument == market.key
                and order.intent.time_in_force is TimeInForce.GTC
            ]
            bids = [order.ticks for order in here if order.side is Side.BUY]
            asks = [order.ticks for order in here if order.side is Side.SELL]
            assert not bids or not asks or max(bids) < min(asks)

    @invariant()
    def halted_is_halted(self):
        context = self.bench.engine.contexts["one"]
        if context.state is TradingState.HALTED:
            assert context.buy(PERP.key, lots=1, ticks=950).refusal.rule == "trading_state"


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
