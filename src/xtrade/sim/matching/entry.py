"""An order at the door: what is refused, what it meets, and what becomes of the rest of it.

`decide` answers without moving anything; `carry_out` does what was decided.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from xtrade.model.events import OrderAccepted, OrderAmended, OrderCompleted, OrderExpired, OrderRejected
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderIntent, TimeInForce, problems
from xtrade.model.sides import Side
from xtrade.sim.matching.accounts import Account
from xtrade.sim.matching.fees import fee_on, fee_rates
from xtrade.sim.matching.margin import available, need
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.orders import Order
from xtrade.sim.matching.plan import Act, Plan, Step, make_plan
from xtrade.sim.matching.rules import ClientIds, FeesIn, PostOnly, ReduceOnly, SelfTrade
from xtrade.sim.matching.settlement import drop, order_need, reduce_order, rehold, trade
from xtrade.sim.matching.state import State
from xtrade.sim.matching.triggers import is_reached

__all__ = [
    "Verdict",
    "carry_out",
    "decide",
    "execute",
    "new_order",
    "place",
    "reducible_then",
    "reject",
    "rest",
    "wake",
    "what_is_wrong",
]


class Verdict(NamedTuple):
    """What becomes of an order: refused for a reason (a code and a sentence), or this plan at this price and size."""

    plan: Plan
    lots: int
    ticks: int
    code: str = ""
    reason: str = ""


def place(state: State, account: Account, intent: OrderIntent, self_trade: SelfTrade) -> None:
    """Take an order from an account: refuse it, let it sleep, or let it meet the book."""
    market = state.markets.get(intent.instrument)
    if market is None:
        reject(state, account, intent, "unknown_instrument", f"{intent.instrument} is not traded here")
        return
    refused = _form(state, account, market, intent)
    if refused is not None:
        reject(state, account, intent, *refused)
        return
    order = new_order(state, account, market, intent, self_trade)
    if intent.type.is_triggered:
        _put_to_sleep(state, account, market, order)
        return
    verdict = decide(state, account, market, order)
    if verdict.code:
        reject(state, account, intent, verdict.code, verdict.reason)
        return
    _accept(state, account, order)
    carry_out(state, market, order, verdict)


def new_order(
    state: State, account: Account, market: Market, intent: OrderIntent, self_trade: SelfTrade
) -> Order:
    """Make an order of an intent, at the account's fees of today."""
    maker, taker = fee_rates(state.rules, account, market.instrument, state.now_ns)
    return Order(
        number=state.number(),
        account=account.name,
        intent=intent,
        self_trade=self_trade,
        maker_rate=maker,
        taker_rate=taker,
    )


def reject(state: State, account: Account, intent: OrderIntent, code: str, reason: str) -> None:
    """Tell an account that its order was not taken."""
    state.tape.tell(
        account.name,
        OrderRejected(
            client_order_id=intent.client_order_id,
            venue_ns=state.now_ns,
            sequence=state.tape.next_sequence(),
            reason=reason,
            code=code,
        ),
    )


def _accept(state: State, account: Account, order: Order) -> None:
    account.orders[order.client_order_id] = order
    account.used_ids.add(order.client_order_id)
    state.tell(order, OrderAccepted)


# -- at the door --------------------------------------------------------------------------------------------------


def _form(state: State, account: Account, market: Market, intent: OrderIntent) -> tuple[str, str] | None:
    """What is wrong with the request by itself, whatever the book looks like."""
    taken = account.used_ids if state.rules.client_ids is ClientIds.EVER else account.orders
    if intent.client_order_id in taken:
        return "duplicate_client_id", f"client order id {intent.client_order_id} is taken"
    if intent.valid_until_ns is not None and intent.valid_until_ns < state.now_ns:
        return "too_late", f"the order was valid until {intent.valid_until_ns}, it is {state.now_ns}"
    if intent.expires_ns is not None and intent.expires_ns <= state.now_ns:
        return "too_late", f"the order expired at {intent.expires_ns}, it is {state.now_ns}"
    return what_is_wrong(state, market, intent)


def what_is_wrong(state: State, market: Market, intent: OrderIntent) -> tuple[str, str] | None:
    """What is wrong with an order's terms on this market: a code and a sentence, or None."""
    wrong = problems(intent, market.instrument)
    if wrong:
        return "invalid", "; ".join(wrong)
    if market.contract is not None and market.mark is None:
        return "no_mark", f"{market.key} has no mark price yet"
    return _band(state, market, intent)


def _band(state: State, market: Market, intent: OrderIntent) -> tuple[str, str] | None:
    band = state.rules.limit_band
    reference = market.mark_ticks if market.mark is not None else market.last_ticks
    if band is None or reference is None or intent.ticks is None:
        return None
    bound = _beyond(reference, Fraction(band), intent.side)
    if (intent.ticks - bound) * intent.side.sign <= 0:
        return None
    limit = market.instrument.price(bound)
    return "price_band", f"the price is beyond {limit}, the limit for a {intent.side.value}"


def _beyond(ticks: int, band: Fraction, side: Side) -> int:
    """The worst price within a band around `ticks`, for an order of this side."""
    width = ticks * band.numerator // band.denominator
    return max(1, ticks + side.sign * width)


def _put_to_sleep(state: State, account: Account, market: Market, order: Order) -> None:
    trigger = order.intent.trigger
    assert trigger is not None, "only orders with a trigger sleep"
    reached = market.reached(trigger.by)
    awake = reached is not None and is_reached(order, reached)
    if awake and not state.rules.fire_at_once:
        reject(state, account, order.intent, "would_trigger", "the trigger price is reached already")
        return
    _accept(state, account, order)
    if awake:
        wake(state, market, order)
    else:
        market.triggers.add(order)


def wake(state: State, market: Market, order: Order) -> None:
    """Let an order that slept meet the book, if it is still good for anything."""
    verdict = decide(state, state.accounts[order.account], market, order)
    if verdict.code:
        drop(state, market, order)
        state.tell(order, OrderExpired, reason=verdict.code, cumulative_lots=order.filled)
        return
    carry_out(state, market, order, verdict)


# -- what it would do ---------------------------------------------------------------------------------------------


def decide(state: State, account: Account, market: Market, order: Order) -> Verdict:
    """Say what an order would do now, and whether its owner may; nothing moves."""
    intent = order.intent
    lots, ticks = order.remaining, order.ticks
    nothing = Plan([], lots)
    if intent.reduce_only:
        room = account.holding(market).reducible(order.side)
        if not room:
            return Verdict(nothing, 0, ticks, "reduce_only", "there is no position for it to reduce")
        if lots > room and state.rules.reduce_only is ReduceOnly.REJECT:
            return Verdict(
                nothing, 0, ticks, "reduce_only", f"{lots} lots are more than the position of {room}"
            )
        lots = min(lots, room)
    if intent.post_only:
        ticks, crosses = _passive_ticks(market, order)
        if crosses and (state.rules.post_only is PostOnly.REJECT or ticks < 1):
            return Verdict(nothing, lots, order.ticks, "post_only", "a post-only order would take")
        plan = Plan([], lots)
    else:
        plan = _plan(state, market, order, lots)
    if intent.quote_amount is not None:
        if not plan.steps and not plan.left:
            return Verdict(plan, 0, ticks, "too_small", f"{intent.quote_amount} does not buy a lot")
        lots = plan.traded
    if intent.time_in_force is TimeInForce.FOK and plan.traded < lots:
        # Not a refusal: the order was taken, and killed.
        return Verdict(Plan([], lots), lots, ticks)
    if not intent.reduce_only or market.instrument.kind is Kind.SPOT:
        code, reason = _funds(state, account, market, order, plan, ticks)
        if code:
            return Verdict(nothing, lots, ticks, code, reason)
    return Verdict(plan, lots, ticks)


def _plan(state: State, market: Market, order: Order, lots: int) -> Plan:
    opposite = market.book.side(order.side.opposite)
    limit: int | None = order.ticks or None
    if not is_limit(order) and opposite.best is not None:
        limit = _beyond(opposite.best, Fraction(state.rules.market_band), order.side)
    amount = order.intent.quote_amount
    instrument = market.instrument
    return make_plan(
        opposite,
        order,
        lots=min(instrument.max_lots, instrument.max_market_lots) if amount is not None else lots,
        limit=limit,
        reducible=lambda maker, steps: reducible_then(state, market, order, maker, steps),
        budget=None if amount is None else amount.atoms,
        cost=lambda ticks: instrument.notional(ticks=ticks, lots=1).atoms,
    )


def reducible_then(state: State, market: Market, taker: Order, maker: Order, steps: list[Step]) -> int:
    """How much of a reduce-only maker may still trade once `steps` have happened."""
    lots = state.accounts[maker.account].holding(market).lots
    for act, other, traded in steps:
        if act is Act.TRADE and other.account != taker.account and other.account == maker.account:
            lots += other.side.sign * traded
    return min(maker.remaining, max(0, -maker.side.sign * lots))


def _passive_ticks(market: Market, order: Order) -> tuple[int, bool]:
    """The price nearest to the order's at which it would not take, and whether that is another one."""
    best = market.book.side(order.side.opposite).best
    sign = order.side.sign
    if best is None or (best - order.ticks) * sign > 0:
        return order.ticks, False
    step = best - sign
    over = step % market.instrument.tick_step(step) if step > 0 else 0
    return step - over if sign > 0 else step + (over and market.instrument.tick_step(step) - over), True


def is_limit(order: Order) -> bool:
    """Whether the order carries a price of its own (also when it is the exchange's)."""
    return order.forced or order.intent.type.is_limit


def _funds(
    state: State, account: Account, market: Market, order: Order, plan: Plan, ticks: int
) -> tuple[str, str]:
    rest = plan.left if rests(order) and not plan.stopped else 0
    if market.contract is None:
        return _spot_funds(state, account, market, order, plan, rest, ticks)
    return _margin(account, market, order, plan, rest, ticks)


def _spot_funds(
    state: State, account: Account, market: Market, order: Order, plan: Plan, rest: int, ticks: int
) -> tuple[str, str]:
    instrument: Instrument = market.instrument
    needed = order_need(state, market, order, rest, ticks) if rest else 0
    if order.side is Side.SELL:
        currency = instrument.base
        needed += plan.traded * market.base_per_lot
    else:
        currency = instrument.quote
        for act, maker, lots in plan.steps:
            if act is Act.TRADE:
                value = market.value(maker.ticks, lots)
                needed += value
                if state.rules.spot_fees_in is FeesIn.QUOTE:
                    needed += max(0, fee_on(value, order.taker_rate))
    free = available(account, currency)
    if needed <= free:
        return "", ""
    return "insufficient_funds", f"the order needs {shown(needed)} {currency}, {shown(free)} are available"


def _margin(
    account: Account, market: Market, order: Order, plan: Plan, rest: int, ticks: int
) -> tuple[str, str]:
    """An order that adds to the worst case must be covered, with what it would lose against the mark at once."""
    holding = account.holding(market)
    sign = order.side.sign
    exposure = loss = 0
    for price, lots in (
        *((step.maker.ticks, step.lots) for step in plan.steps if step.act is Act.TRADE),
        (ticks, rest),
    ):
        if lots:
            value = market.value(price, sign * lots)
            exposure += abs(value)
            loss += max(0, value - sign * lots * market.mark_unit)
    before = need(holding)
    if sign > 0:
        holding.open_bids += exposure
    else:
        holding.open_asks += exposure
    after = need(holding)
    free = available(account, market.settle)
    if sign > 0:
        holding.open_bids -= exposure
    else:
        holding.open_asks -= exposure
    if after <= before or free >= loss:
        return "", ""
    return "insufficient_margin", f"the order lacks {shown(loss - free)} {market.settle} of margin"


def shown(atoms: int) -> str:
    """An amount for a message."""
    return plain(Money(atoms, "").amount)


# -- what it does -------------------------------------------------------------------------------------------------


def carry_out(state: State, market: Market, order: Order, verdict: Verdict) -> None:
    """Do what was decided: cut, trade, and let the rest rest or end."""
    quote_sized = order.intent.quote_amount is not None
    if quote_sized:
        order.lots = verdict.lots
    elif verdict.lots != order.remaining:
        order.lots = order.filled + verdict.lots
        state.tell(order, OrderAmended, lots=order.lots)
    if verdict.ticks != order.ticks:
        order.ticks = verdict.ticks
        state.tell(order, OrderAmended, lots=order.lots, ticks=order.ticks)
    execute(state, market, order, verdict.plan)
    if quote_sized and not verdict.plan.left and not verdict.plan.stopped:
        drop(state, market, order)
        state.tell(order, OrderCompleted, cumulative_lots=order.filled)
    elif order.remaining and rests(order) and not verdict.plan.stopped:
        rest(state, market, order)
    elif order.remaining or quote_sized:
        drop(state, market, order)
        state.tell(order, OrderExpired, reason=_end(order, verdict.plan), cumulative_lots=order.filled)
    else:
        drop(state, market, order)


def rests(order: Order) -> bool:
    """Whether what does not trade at once waits in the book."""
    return is_limit(order) and order.intent.time_in_force in {TimeInForce.GTC, TimeInForce.GTD}


def _end(order: Order, plan: Plan) -> str:
    if plan.stopped:
        return "self_trade"
    return order.intent.time_in_force.value if is_limit(order) else "no_liquidity"


def execute(state: State, market: Market, order: Order, plan: Plan) -> None:
    """Carry out the meetings of a plan, in their order."""
    for act, maker, lots in plan.steps:
        match act:
            case Act.TRADE:
                trade(state, market, order, maker, lots)
            case Act.CANCEL_MAKER:
                _expire_own(state, market, maker)
            case Act.DECREMENT_BOTH:
                _shorten(state, market, maker, lots)
                _shorten(state, market, order, lots)


def _expire_own(state: State, market: Market, order: Order) -> None:
    drop(state, market, order)
    state.tell(order, OrderExpired, reason="self_trade", cumulative_lots=order.filled)


def _shorten(state: State, market: Market, order: Order, lots: int) -> None:
    """Take lots off an order without a trade; an order that has none left has ended."""
    if order.remaining == lots:
        if order.resting:
            drop(state, market, order)
        order.lots -= lots
        state.tell(order, OrderExpired, reason="self_trade", cumulative_lots=order.filled)
    elif order.resting:
        reduce_order(state, market, order, order.lots - lots)
    else:
        order.lots -= lots
        state.tell(order, OrderAmended, lots=order.lots)


def rest(state: State, market: Market, order: Order) -> None:
    """Put an order into the book, behind all others at its price."""
    market.book.add(order)
    rehold(state, market, order)
    if order.intent.reduce_only:
        state.accounts[order.account].holding(market).reducing[order.number] = order
    state.queue_changed(market, order, "joined")
