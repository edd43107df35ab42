"""A trade, booked: where every atom goes.

spot        quote currency from buyer to seller, base coins from seller to buyer, fees to the house
contracts   each side's Position books the fill; what that realises goes to (or comes from) its wallet or pot, fees
            leave the wallet. A position's cost stands against its wallet, so that of all accounts together
            wallets + pots - costs + house never changes, however the trades fall
isolated    what is opened brings its initial margin from the wallet into the pot, what is closed takes its share out

After each trade reduce-only orders shrink with the position that they were to reduce.
"""

from __future__ import annotations

from fractions import Fraction

from xtrade.model.events import OrderAmended, OrderCanceled, OrderFilled, Trade
from xtrade.model.fills import Fill
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.sides import Side
from xtrade.sim.matching.accounts import Account, Holding
from xtrade.sim.matching.fees import charge, count_volume, fee_on
from xtrade.sim.matching.margin import initial
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.orders import Order
from xtrade.sim.matching.rules import FeesIn
from xtrade.sim.matching.state import State

__all__ = ["book_fill", "drop", "order_need", "reduce_order", "rehold", "shrink_reducing", "trade"]


def trade(state: State, market: Market, taker: Order, maker: Order, lots: int) -> None:
    """Book one trade at the maker's price, and tell both sides and everybody."""
    ticks = maker.ticks
    market.trades += 1
    market.last_ticks = ticks
    market.printed.append(ticks)
    trade_id = str(market.trades)
    taker.filled += lots
    maker.filled += lots
    market.book.reduce(maker, lots)
    rehold(state, market, maker)
    for order, is_maker in ((taker, False), (maker, True)):
        book_fill(state, market, order, trade_id, ticks=ticks, lots=lots, maker=is_maker)
    state.queue_changed(market, maker, "traded")
    if maker.filled == maker.lots:
        _leave(state, market, maker)
    state.tape.publish(
        Trade(
            instrument=market.key,
            venue_ns=state.now_ns,
            sequence=market.trades,
            trade_id=trade_id,
            ticks=ticks,
            lots=lots,
            taker=taker.side,
        )
    )
    if market.contract is not None:
        shrink_reducing(state, market, taker.account)
        shrink_reducing(state, market, maker.account)


def book_fill(
    state: State, market: Market, order: Order, trade_id: str, *, ticks: int, lots: int, maker: bool | None
) -> None:
    """Book one side of a trade: balances or position, and the fee; then tell its owner."""
    account = state.accounts[order.account]
    if market.contract is None:
        fee = _settle_spot(state, market, account, order, ticks=ticks, lots=lots, maker=bool(maker))
    else:
        fee = _settle_contract(state, market, account, order, trade_id, ticks=ticks, lots=lots, maker=maker)
    if state.rules.fee_tiers:
        count_volume(state.rules, account, market.instrument.notional(ticks=ticks, lots=lots), state.now_ns)
    state.tell(
        order,
        OrderFilled,
        fill=Fill(
            trade_id=trade_id,
            side=order.side,
            ticks=ticks,
            lots=lots,
            fee=fee,
            maker=maker,
            venue_ns=state.now_ns,
        ),
        cumulative_lots=order.filled,
    )


def _settle_spot(
    state: State, market: Market, account: Account, order: Order, *, ticks: int, lots: int, maker: bool
) -> Money:
    base, quote = market.instrument.base, market.settle
    value = lots * ticks * market.unit
    goods = lots * market.base_per_lot
    sign = order.side.sign
    account.wallet[quote] -= sign * value
    account.wallet[base] += sign * goods
    state.touch(account.name, quote)
    state.touch(account.name, base)
    rate = order.maker_rate if maker else order.taker_rate
    if sign > 0 and state.rules.spot_fees_in is FeesIn.RECEIVED:
        return charge(state, account, Money(fee_on(goods, rate), base))
    return charge(state, account, Money(fee_on(value, rate), quote))


def _settle_contract(
    state: State,
    market: Market,
    account: Account,
    order: Order,
    trade_id: str,
    *,
    ticks: int,
    lots: int,
    maker: bool | None,
) -> Money:
    holding = account.holding(market)
    before = holding.position
    fill = Fill(trade_id=trade_id, side=order.side, ticks=ticks, lots=lots)
    after = before.after_fill(market.instrument, fill)
    holding.position = after
    realised = after.realised.atoms - before.realised.atoms
    if holding.isolated:
        holding.pot += realised
        _balance_pot(account, holding, before.lots, ticks, forced=order.forced)
    else:
        account.wallet[market.settle] += realised
    if maker is None:
        fee = Money(0, market.settle)
    elif order.forced:
        fee = _liquidation_fee(
            state, market, account, holding, fee_on(abs(market.value(ticks, lots)), order.taker_rate)
        )
    else:
        rate = order.maker_rate if maker else order.taker_rate
        fee = charge(state, account, Money(fee_on(abs(market.value(ticks, lots)), rate), market.settle))
    holding.position = holding.position.after_fee(fee)
    state.touch(account.name, market.settle)
    state.touch(account.name, market.key)
    return fee


def _balance_pot(account: Account, holding: Holding, lots_before: int, ticks: int, *, forced: bool) -> None:
    """Bring margin for what was opened into the pot, take out the share of what was closed."""
    lots = holding.position.lots
    kept = min(abs(lots), abs(lots_before)) if lots * lots_before > 0 else 0
    closed = abs(lots_before) - kept
    moved = 0
    if forced:
        # A liquidation frees nothing before it is through, and what it overdraws is not its owner's to pay.
        moved = -max(0, holding.pot) if not lots else 0
    elif closed:
        # The last lot takes the whole pot with it, also one that its owner's own trade has overdrawn.
        moved = -max(0, holding.pot * closed // abs(lots_before)) if kept else -holding.pot
    if abs(lots) > kept:
        moved += initial(holding, abs(holding.market.value(ticks, abs(lots) - kept)))
    holding.pot += moved
    account.wallet[holding.market.settle] -= moved


def _liquidation_fee(state: State, market: Market, account: Account, holding: Holding, wanted: int) -> Money:
    """The fee of a liquidation goes to the insurance fund, and takes no more than there is."""
    has = holding.pot if holding.isolated and holding.lots else account.wallet[market.settle]
    atoms = max(0, min(wanted, has))
    if holding.isolated and holding.lots:
        holding.pot -= atoms
    else:
        account.wallet[market.settle] -= atoms
    state.house.insurance[market.settle] += atoms
    return Money(atoms, market.settle)


# -- what orders hold ---------------------------------------------------------------------------------------------


def order_need(state: State, market: Market, order: Order, lots: int, ticks: int) -> int:
    """What an order that rests with `lots` at a price ties up: the currency it would pay with, or, of a contract,
    its value, from which margins are reckoned.
    """
    if market.instrument.kind is Kind.SPOT:
        if order.side is Side.SELL:
            return lots * market.base_per_lot
        value = lots * ticks * market.unit
        if state.rules.spot_fees_in is FeesIn.RECEIVED:
            return value
        rate = max(order.maker_rate, order.taker_rate, Fraction(0))
        return value - (-value * rate.numerator // rate.denominator)
    return 0 if order.intent.reduce_only else abs(market.value(ticks, lots))


def rehold(state: State, market: Market, order: Order, *, free: bool = False) -> None:
    """Make what is held for an order what the rest of it needs: nothing, once it does not rest (or to look at it
    as if it did not).
    """
    held = order_need(state, market, order, order.remaining, order.ticks) if order.resting and not free else 0
    change = held - order.hold
    if not change:
        return
    order.hold = held
    account = state.accounts[order.account]
    instrument = market.instrument
    if market.contract is None:
        currency = instrument.quote if order.side is Side.BUY else instrument.base
        account.held[currency] += change
        state.touch(account.name, currency)
        return
    holding = account.holding(market)
    if order.side is Side.BUY:
        holding.open_bids += change
    else:
        holding.open_asks += change
    state.touch(account.name, market.settle)


# -- leaving the book ---------------------------------------------------------------------------------------------


def drop(state: State, market: Market, order: Order) -> None:
    """Take an order out of the exchange, wherever it is: nothing more happens to it."""
    if order.resting:
        state.queue_changed(market, order, "left")
        _leave(state, market, order)
    else:
        order.sleeping = False
        state.accounts[order.account].orders.pop(order.client_order_id, None)


def _leave(state: State, market: Market, order: Order) -> None:
    market.book.remove(order)
    account = state.accounts[order.account]
    account.orders.pop(order.client_order_id, None)
    rehold(state, market, order)
    if order.intent.reduce_only:
        account.holding(market).reducing.pop(order.number, None)


def shrink_reducing(state: State, market: Market, name: str) -> None:
    """Cut an account's resting reduce-only orders to what is left of the position; end those with nothing to reduce."""
    holding = state.accounts[name].holdings.get(market.key)
    if holding is None or not holding.reducing:
        return
    for order in list(holding.reducing.values()):
        room = holding.reducible(order.side)
        if not room:
            drop(state, market, order)
            state.tell(order, OrderCanceled, reason="reduce_only", cumulative_lots=order.filled)
        elif order.remaining > room:
            reduce_order(state, market, order, order.filled + room)


def reduce_order(state: State, market: Market, order: Order, lots: int, request: int | None = None) -> None:
    """Make a resting order smaller: to `lots` in total. It keeps its place in the queue."""
    market.book.reduce(order, order.lots - lots)
    order.lots = lots
    rehold(state, market, order)
    state.queue_changed(market, order, "reduced")
    state.tell(order, OrderAmended, lots=lots, request=request)
