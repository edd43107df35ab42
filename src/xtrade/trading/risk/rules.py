"""The risk gate: an ordered list of small named rules, each of which says yes, or why not.

    refusal = check(intent, situation, limits)

A rule is a pure function of the order that is wanted, the situation it would be sent in, and the limits. The first
that says no is the answer, and names itself, the limit and the figure. `RULES` is the list.

trading_state    nothing new while halted; only what makes a position smaller while reducing
instruments      a strategy trades what its list has
venue_health     nothing is opened at a venue whose connection is down or not to be trusted
form             what the venue would refuse on sight: off the grid, below a minimum, a contradiction
reduce_only      an order that says so does make the position smaller, the strategy's and the account's
book             no prices are made from a book that is not whole
stale_quotes     no prices are made from a book that nobody has confirmed for too long
post_only        an order that says so does not trade at once
price_band       a price that is far through the market, or far from the mark, is a mistake
order_size       no single order is larger than this
order_value      no single order is worth more, or less, than this
position         what is held, and all that is open on that side, stays within bounds
spot_holdings    on spot, nothing is sold that is not there
open_orders      not more orders are open at once than this
order_rate       not more orders are sent in a second than this
self_trade       our own orders never meet each other

What is open counts at its worst: an order in doubt, or with a cancel on its way, holds its full exposure; one that is
being amended, the larger quantity.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money, in_atoms
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, problems
from xtrade.model.sides import Side
from xtrade.trading.risk.limits import Limits, allowed
from xtrade.trading.risk.situation import Refusal, Situation, Waiting, may_meet, waiting
from xtrade.trading.risk.state import TradingState

__all__ = ["RULES", "Rule", "check", "reduces", "worth"]

Rule: TypeAlias = Callable[[OrderIntent, Situation, Limits], Refusal | None]

MS_NS: Final = 1_000_000


def check(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """Return why the order must not be sent, by the first rule that says no; None if it may."""
    for rule in RULES:
        refusal = rule(intent, situation, limits)
        if refusal is not None:
            return refusal
    return None


def trading_state(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """Nothing new while halted; only what makes a position smaller while reducing."""
    if situation.state is TradingState.ACTIVE:
        return None
    if situation.state is TradingState.REDUCING and reduces(intent, situation):
        return None
    does = "takes no orders" if situation.state is TradingState.HALTED else "only makes positions smaller"
    return Refusal(
        "trading_state", str(situation.state), f"{intent.side} {intent.lots} lots", f"the strategy {does}"
    )


def instruments(intent: OrderIntent, _situation: Situation, limits: Limits) -> Refusal | None:
    """A strategy trades what its list has."""
    if limits.instruments is None or allowed(intent.instrument, limits.instruments):
        return None
    names = ", ".join(limits.instruments) or "nothing"
    return Refusal(
        "instruments",
        names,
        intent.instrument,
        f"{intent.instrument} is not among what may be traded: {names}",
    )


def venue_health(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """Nothing is opened at a venue whose connection is down or not to be trusted."""
    if situation.trouble is None or reduces(intent, situation):
        return None
    return Refusal(
        "venue_health",
        "a venue in good health",
        situation.trouble,
        f"nothing is opened at {intent.instrument.partition(':')[0]} now: {situation.trouble}",
    )


def form(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """What the venue would refuse on sight."""
    wrong = problems(intent, situation.instrument)
    if not wrong:
        return None
    return Refusal("form", f"version {situation.instrument.version}", _figure(intent), "; ".join(wrong))


def reduce_only(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """An order that says so makes the position smaller, whatever else of its kind fills before it."""
    if not intent.reduce_only:
        return None
    sign = -intent.side.sign
    resting = sum(
        other.worst_case_lots or 0
        for other in situation.open_orders
        if other.intent.reduce_only
        and not other.intent.type.is_triggered  # of a take-profit and a stop only one will trade
        and other.intent.side is intent.side
        and other.intent.instrument == intent.instrument
    )
    if intent.type.is_triggered:
        resting = 0
    left = max(0, situation.position_lots * sign - resting)
    quantity = situation.instrument.quantity
    if intent.lots > left:
        return Refusal(
            "reduce_only",
            f"{plain(quantity(left))} to reduce",
            plain(quantity(intent.lots)),
            f"a reduce-only order reduces: {plain(quantity(left))} are held and not being closed already",
        )
    account = situation.position_lots if situation.account_lots is None else situation.account_lots
    if intent.lots > account * sign:
        return Refusal(
            "reduce_only",
            f"{plain(quantity(account))} on the account",
            plain(quantity(intent.lots)),
            f"the account as a whole holds {plain(quantity(account))}, so the venue would refuse reduce-only:"
            " send the order without it",
        )
    return None


def book(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """No prices are made from a book that is not whole; what makes a position smaller is let through."""
    if situation.book.is_trusted or reduces(intent, situation):
        return None
    return Refusal(
        "book",
        "a whole book",
        "a gap",
        f"the book of {intent.instrument} has a gap: its prices are not known",
    )


def stale_quotes(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """No prices are made from a book that nobody has confirmed for too long; reducing is let through."""
    most, age_ns = limits.quote_age_ms_max, situation.quote_age_ns
    too_old = most is not None and age_ns is not None and age_ns > most * MS_NS
    if not (too_old or situation.stale) or reduces(intent, situation):
        return None
    if situation.stale:
        return Refusal("stale_quotes", "fresh data", situation.stale, situation.stale)
    assert age_ns is not None
    return Refusal(
        "stale_quotes",
        f"{most} ms",
        f"{age_ns // MS_NS} ms",
        f"the book of {intent.instrument} has not changed for {age_ns // MS_NS} ms",
    )


def post_only(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """An order that says so does not trade at once."""
    if not intent.post_only or intent.ticks is None:
        return None
    touch = _touch(intent, situation)
    if touch is None or not situation.book.is_trusted or (intent.ticks - touch) * intent.side.sign < 0:
        return None
    price = situation.instrument.price
    return Refusal(
        "post_only",
        f"{'below' if intent.side is Side.BUY else 'above'} {plain(price(touch))}",
        plain(price(intent.ticks)),
        f"a post-only {intent.side} at {plain(price(intent.ticks))} would trade at once with {plain(price(touch))}",
    )


def price_band(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """A price that is far through the market, or far from the mark, is a mistake, not a wish."""
    band = limits.price_band
    if band is None or intent.type.is_triggered:
        return None
    middle = situation.book.mid_ticks
    if intent.ticks is not None and middle is not None:
        beyond = intent.side.sign * (intent.ticks - middle) / middle
        # Rounding keeps order: what is exactly at the limit is within it, and the kernel of compiled strategies agrees.
        if beyond > float(band):
            return _far(intent, situation, intent.ticks, band, beyond, "through the market")
    if situation.mark is None:
        return None
    # One wild book must not set the price of a market order: it is compared with what the venue itself values at.
    ticks = intent.ticks if intent.ticks is not None else _touch(intent, situation)
    if ticks is None:
        return None
    mark = Fraction(situation.mark) / Fraction(situation.instrument.tick)
    from_mark = intent.side.sign * (ticks - mark) / mark
    if from_mark > band:
        return _far(intent, situation, ticks, band, float(from_mark), "beyond the mark")
    return None


def order_size(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """No single order is larger than this many base coins."""
    most = limits.order_base_max.get(situation.instrument.base) if limits.order_base_max else None
    if most is None:
        return None
    instrument = situation.instrument
    ticks = intent.ticks if intent.ticks is not None else _touch(intent, situation)
    lots = intent.lots or _lots_for(intent, instrument, ticks)
    if lots is None or (ticks is None and instrument.kind is Kind.INVERSE):
        return _worth_unknown("order_size", f"{plain(most)} {instrument.base}", "the order")
    size = instrument.base_amount(ticks=ticks or 1, lots=lots)
    if size.atoms <= in_atoms(most):
        return None
    return Refusal("order_size", f"{plain(most)} {instrument.base}", str(size), f"the order is of {size}")


def order_value(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """No single order is worth more, or less, than this."""
    if limits.order_value_max is not None:
        refusal = _worth_at_most(
            "order_value", intent, situation, Waiting(), limits.order_value_max, "the order"
        )
        if refusal is not None:
            return refusal
    if limits.order_value_min is None or reduces(intent, situation):
        return None
    value = worth(intent, situation, Waiting())
    if value is None or value.atoms >= in_atoms(limits.order_value_min):
        return None
    return Refusal(
        "order_value",
        f"at least {plain(limits.order_value_min)} {value.currency}",
        str(value),
        f"the order would be worth {value}, less than is worth sending",
    )


def position(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """What is held, and all that is open on that side, stays within bounds."""
    if limits.position_value_max is None or reduces(intent, situation):
        return None
    open_there = waiting(situation.open_orders, intent.instrument, intent.side)
    before = Waiting(situation.position_lots * intent.side.sign + open_there.lots, open_there.quote_atoms)
    what = "the position, with what is open,"
    return _worth_at_most("position", intent, situation, before, limits.position_value_max, what)


def spot_holdings(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """On spot, nothing is sold that is not there."""
    if situation.instrument.kind is not Kind.SPOT or intent.side is Side.BUY:
        return None
    instrument = situation.instrument
    bid = situation.book.bid_ticks
    open_there = waiting(situation.open_orders, intent.instrument, intent.side)
    offered = open_there.lots + (_lots_bringing(open_there.quote_atoms, instrument, bid) or 0)
    left = situation.position_lots - offered
    lots = intent.lots or _lots_for(intent, instrument, bid)
    if lots is None:
        return _worth_unknown(
            "spot_holdings", f"{plain(instrument.quantity(left))} {instrument.base}", "the sale"
        )
    if lots <= left:
        return None
    quantity = instrument.quantity
    return Refusal(
        "spot_holdings",
        f"{plain(quantity(left))} {instrument.base} held and not offered",
        plain(quantity(lots)),
        f"a spot market sells what is there: {plain(quantity(left))} {instrument.base}",
    )


def open_orders(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """Not more orders are open at once than this."""
    del intent
    count = sum(1 for other in situation.open_orders if not other.is_final)
    if count < limits.open_orders_max:
        return None
    return Refusal("open_orders", str(limits.open_orders_max), str(count + 1), f"{count} orders are open")


def order_rate(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """Not more orders are sent in a second than this."""
    del intent
    if situation.sent_last_second < limits.orders_per_second_max:
        return None
    return Refusal(
        "order_rate",
        f"{limits.orders_per_second_max} a second",
        str(situation.sent_last_second + 1),
        f"{situation.sent_last_second} orders were sent in the last second",
    )


def self_trade(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """Our own orders never meet each other, whichever strategy they are of."""
    for other in situation.open_orders:
        if other.intent.instrument == intent.instrument and may_meet(intent, other, whichever_rests=True):
            return _would_meet(other, f"our own order {other.intent.client_order_id}")
    for other in situation.others:
        if may_meet(intent, other):
            name = f"order {other.intent.client_order_id} of the strategy {other.intent.strategy}"
            return _would_meet(other, name)
    return None


RULES: Final[tuple[Rule, ...]] = (
    trading_state,
    instruments,
    venue_health,
    form,
    reduce_only,
    book,
    stale_quotes,
    post_only,
    price_band,
    order_size,
    order_value,
    position,
    spot_holdings,
    open_orders,
    order_rate,
    self_trade,
)


def reduces(intent: OrderIntent, situation: Situation) -> bool:
    """Say whether the order, and all that is open on its side, can only bring the position nearer to flat."""
    if intent.quote_amount is not None:
        return False  # nobody knows yet how many lots it will be
    held = -intent.side.sign * situation.position_lots
    if intent.lots > held:
        return False
    open_there = waiting(situation.open_orders, intent.instrument, intent.side)
    return not open_there.quote_atoms and intent.lots + open_there.lots <= held


def worth(intent: OrderIntent, situation: Situation, before: Waiting) -> Money | None:
    """Return what `before` (lots positive on the order's side) and the order are worth; None if no price is known."""
    atoms = _worth_atoms(intent, situation, before)
    return None if atoms is None else Money(atoms, situation.instrument.quote)


def _would_meet(other: OrderState, name: str) -> Refusal:
    return Refusal(
        "self_trade",
        "none of our own orders in the way",
        f"order {other.intent.client_order_id}",
        f"the order would meet {name}: cancel that first",
    )


def _worth_atoms(intent: OrderIntent, situation: Situation, before: Waiting) -> int | None:
    amount, instrument = intent.quote_amount, situation.instrument
    atoms = before.quote_atoms
    if amount is not None:
        assert amount.currency == instrument.quote, "the rule `form` has seen to that"
        atoms += amount.atoms
    lots = before.lots + intent.lots
    if lots <= 0:
        return atoms
    ticks = intent.ticks if intent.ticks is not None else _touch(intent, situation)
    return None if ticks is None else atoms + instrument.notional_atoms(ticks=ticks, lots=lots)


def _worth_at_most(
    rule: str, intent: OrderIntent, situation: Situation, before: Waiting, most: Decimal, what: str
) -> Refusal | None:
    atoms = _worth_atoms(intent, situation, before)
    if atoms is None:
        return _worth_unknown(rule, plain(most), what)
    if atoms <= in_atoms(most):
        return None
    value = Money(atoms, situation.instrument.quote)
    return Refusal(rule, f"{plain(most)} {value.currency}", str(value), f"{what} would be worth {value}")


def _worth_unknown(rule: str, limit: str, what: str) -> Refusal:
    return Refusal(rule, limit, "unknown", f"nobody is on the other side, so what {what} is worth is unknown")


def _far(
    intent: OrderIntent, situation: Situation, ticks: int, band: Decimal, beyond: float, of_what: str
) -> Refusal:
    where = "the middle" if of_what == "through the market" else "the mark"
    what = "the price" if intent.ticks is not None else "the best price that a market order finds"
    return Refusal(
        "price_band",
        f"{plain(band)} of {where}",
        f"{beyond:.4g}",
        f"{what} {plain(situation.instrument.price(ticks))} is {beyond:.1%} {of_what}",
    )


def _touch(intent: OrderIntent, situation: Situation) -> int | None:
    """Return the best price on the other side: what a market order would get at best."""
    return situation.book.ask_ticks if intent.side is Side.BUY else situation.book.bid_ticks


def _lots_for(intent: OrderIntent, instrument: Instrument, ticks: int | None) -> int | None:
    """Return how many lots an order sized in quote currency may be at most; None if no price is known."""
    amount = intent.quote_amount
    return 0 if amount is None else _lots_bringing(amount.atoms, instrument, ticks)


def _lots_bringing(quote_atoms: int, instrument: Instrument, ticks: int | None) -> int | None:
    if not quote_atoms:
        return 0
    amount = Money(quote_atoms, instrument.quote).amount
    return None if ticks is None else instrument.lots_worth(amount, ticks=ticks, toward="up")


def _figure(intent: OrderIntent) -> str:
    return f"{intent.side} {intent.lots} lots" + (
        f" at {intent.ticks} ticks" if intent.ticks is not None else ""
    )
