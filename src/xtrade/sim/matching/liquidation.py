"""Liquidation: closing what a pool can no longer carry.

1. The pool's orders are canceled: that alone may free enough.
2. The largest position is sold into (or bought from) the book, whole or a share at a time, but at no price that the
   pool's own money and the insurance fund together could not bear. A fee goes to the fund, as far as there is money.
3. What the book does not take is closed at the bankruptcy price, where the pool is left with nothing, against those
   on the other side who earn most at the highest leverage: auto-deleverage, without fees.
4. What the pool ends below zero, the insurance fund pays. Deleveraging keeps this to what lies between two ticks and
   to gaps that left no price to close at; then the fund itself goes below zero: the venue's own loss, in plain sight.
"""

from __future__ import annotations

from fractions import Fraction

from xtrade.model.events import OrderAccepted, OrderCanceled, OrderExpired
from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.sim.matching.accounts import Account, Holding
from xtrade.sim.matching.entry import execute, reducible_then
from xtrade.sim.matching.margin import Pool, bankruptcy_ticks, cross_pool, maintenance, pool_of
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.orders import Order
from xtrade.sim.matching.plan import make_plan
from xtrade.sim.matching.rules import SelfTrade
from xtrade.sim.matching.settlement import book_fill, drop, shrink_reducing
from xtrade.sim.matching.state import State
from xtrade.sim.matching.tape import Cause, PositionClosed

__all__ = ["check_holders"]


def check_holders(state: State, market: Market) -> None:
    """Liquidate every pool with a position in this contract whose equity is below its maintenance margin."""
    for account, holding in list(state.holders(market)):
        # An earlier liquidation of this round may have closed it.
        if holding.lots and pool_of(account, holding).excess < 0:
            _liquidate(state, account, holding)
    for account in state.accounts.values():
        # Own trades far from the mark can end below zero, too, and leave no position to liquidate.
        if account.wallet[market.settle] < 0:
            _cover(state, cross_pool(account, market.settle))


def _liquidate(state: State, account: Account, holding: Holding) -> None:
    pool = pool_of(account, holding)
    _cancel_orders(state, pool)
    while pool.excess < 0:
        held = [each for each in pool.holdings if each.lots]
        if not held:
            break
        largest = max(held, key=lambda each: (maintenance(each, each.value), each.market.key))
        contract = largest.market.contract
        assert contract is not None, "only contracts are liquidated"
        share = Fraction(contract.liquidation_share)
        _close(state, account, largest, -(-abs(largest.lots) * share.numerator // share.denominator))
    _cover(state, pool)


def _cancel_orders(state: State, pool: Pool) -> None:
    """Cancel what ties up the pool's money: its contracts' orders, and spot orders that would pay with it."""
    for order in list(pool.account.orders.values()):
        market = state.markets[order.intent.instrument]
        instrument = market.instrument
        if pool.isolated is not None:
            concerned = market is pool.isolated.market
        elif market.contract is not None:
            concerned = market.settle == pool.currency and not pool.account.holding(market).isolated
        else:
            concerned = pool.currency == (instrument.quote if order.side is Side.BUY else instrument.base)
        if concerned:
            drop(state, market, order)
            state.tell(order, OrderCanceled, reason="liquidation", cumulative_lots=order.filled)


def _close(state: State, account: Account, holding: Holding, lots: int) -> None:
    market = holding.market
    contract = market.contract
    assert contract is not None, "only contracts are liquidated"
    order = _forced(state, account, holding, lots)
    order.taker_rate = Fraction(contract.liquidation_fee)
    order.ticks = bankruptcy_ticks(account, holding, max(0, state.house.insurance[market.settle])) or 0
    state.tell(order, OrderAccepted)
    plan = make_plan(
        market.book.side(order.side.opposite),
        order,
        lots=lots,
        limit=order.ticks or None,
        reducible=lambda maker, steps: reducible_then(state, market, order, maker, steps),
    )
    execute(state, market, order, plan)
    if order.filled:
        _tell_closed(state, order, "liquidation", order.filled)
    if order.remaining:
        _deleverage(state, account, holding, order)
    if order.remaining:
        state.tell(order, OrderExpired, reason="liquidation", cumulative_lots=order.filled)


def _deleverage(state: State, account: Account, holding: Holding, order: Order) -> None:
    """Close the rest of a forced order against those who gain most on the other side."""
    market = holding.market
    ticks = bankruptcy_ticks(account, holding) or market.mark_ticks
    others = [
        (_rank(other, theirs), other, theirs)
        for other, theirs in state.holders(market)
        if theirs.lots * holding.lots < 0
    ]
    # Names decide between equals, so that the same calls close the same positions.
    for _, other, theirs in sorted(others, key=lambda each: (-each[0], each[1].name)):
        lots = min(order.remaining, abs(theirs.lots))
        if not lots:
            break
        counter = _forced(state, other, theirs, lots)
        counter.forced = False
        state.tell(counter, OrderAccepted)
        market.trades += 1
        for side in (order, counter):
            side.filled += lots
            book_fill(state, market, side, str(market.trades), ticks=ticks, lots=lots, maker=None)
            _tell_closed(state, side, "deleverage", lots)
            shrink_reducing(state, market, side.account)


def _rank(account: Account, holding: Holding) -> Fraction:
    """How high a position stands in the queue: its profit on its cost, times how thinly it is margined."""
    gain = Fraction(holding.unrealised, max(1, abs(holding.position.cost.atoms)))
    leverage = Fraction(holding.value, max(1, pool_of(account, holding).equity))
    return gain * leverage if gain > 0 else gain / max(leverage, Fraction(1, 1000))


def _cover(state: State, pool: Pool) -> None:
    """Pay out of the insurance fund what a pool without positions ended below zero."""
    missing = -pool.cash
    if missing <= 0 or any(holding.lots for holding in pool.holdings):
        return
    if pool.isolated is None:
        pool.account.wallet[pool.currency] += missing
    else:
        pool.isolated.pot += missing
    state.house.insurance[pool.currency] -= missing
    state.touch(pool.account.name, pool.currency)


def _forced(state: State, account: Account, holding: Holding, lots: int) -> Order:
    """An order of the exchange's own in an account's name; its client order id is below zero, where no user's is."""
    market = holding.market
    number = state.number()
    intent = OrderIntent(
        client_order_id=ClientOrderId(-number),
        instrument=market.key,
        instrument_version=market.instrument.version,
        side=Side.SELL if holding.lots > 0 else Side.BUY,
        type=OrderType.MARKET,
        lots=lots,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
    )
    return Order(
        number=number,
        account=account.name,
        intent=intent,
        self_trade=SelfTrade.ALLOW,
        maker_rate=Fraction(0),
        taker_rate=Fraction(0),
        forced=True,
    )


def _tell_closed(state: State, order: Order, cause: Cause, lots: int) -> None:
    state.tape.tell(
        order.account,
        PositionClosed(
            account=order.account,
            venue_ns=state.now_ns,
            client_order_id=order.client_order_id,
            instrument=order.intent.instrument,
            cause=cause,
            lots=-order.side.sign * lots,
        ),
    )
