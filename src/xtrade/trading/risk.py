"""The risk gate: an ordered list of small named rules, each of which says yes, or why not.

    refusal = check(intent, situation, limits)

A rule is a pure function of the order that is wanted, the situation it would be sent in, and the limits. The first
that says no is the answer, and names itself, the limit and the figure. `RULES` is the list.

trading_state    nothing new while halted; only what makes a position smaller while reducing
form             what the venue would refuse on sight: off the grid, below a minimum, a contradiction
book             no prices are made from a book that is not whole
price_band       a limit price that is far through the market is a mistake
order_value      no single order is worth more than this
position         what is held, and all that is open on that side, stays within bounds
spot_holdings    on spot, nothing is sold that is not there
open_orders      not more orders are open at once than this
order_rate       not more orders are sent in a second than this
self_trade       our own orders never meet each other
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, TypeAlias

from msgspec import Meta, Struct

from xtrade.market.book import Book
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, problems
from xtrade.model.sides import Side

__all__ = ["RULES", "Limits", "Refusal", "Situation", "TradingState", "check"]

Amount = Annotated[Decimal, Meta(gt=0)]


class TradingState(StrEnum):
    """The dial: trade; only make positions smaller; send nothing."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the risk gate allows one strategy. Amounts are in the quote currency of the instrument; None: no limit."""

    order_value_max: Annotated[
        Amount | None, Meta(description="The most that one order may be worth, in quote currency.")
    ] = None
    position_value_max: Annotated[
        Amount | None,
        Meta(
            description="The most that may be held of one instrument, open orders included, in quote currency."
        ),
    ] = None
    price_band: Annotated[
        Amount | None,
        Meta(description="How far through the middle of the book a limit price may be; 0.1 is ten percent."),
    ] = Decimal("0.1")
    open_orders_max: Annotated[int, Meta(ge=1, description="The most orders open at once.")] = 200
    orders_per_second_max: Annotated[int, Meta(ge=1, description="The most orders sent in one second.")] = 100


class Refusal(NamedTuple):
    """Why an order is not let out."""

    rule: str
    limit: str
    figure: str
    reason: str


class Situation(NamedTuple):
    """What an order is checked against: the market, what the strategy holds and has open, and the dial."""

    instrument: Instrument
    book: Book
    state: TradingState
    position_lots: int
    open_orders: Iterable[OrderState]
    """The strategy's open orders, on all instruments; one that is being amended is left out."""
    sent_last_second: int


Rule: TypeAlias = Callable[[OrderIntent, Situation, Limits], Refusal | None]


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
    if situation.state is TradingState.REDUCING and _reduces(intent, situation):
        return None
    does = "takes no orders" if situation.state is TradingState.HALTED else "only makes positions smaller"
    return Refusal(
        "trading_state", str(situation.state), f"{intent.side} {intent.lots} lots", f"the strategy {does}"
    )


def form(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """What the venue would refuse on sight."""
    wrong = problems(intent, situation.instrument)
    if not wrong:
        return None
    return Refusal("form", f"version {situation.instrument.version}", _figure(intent), "; ".join(wrong))


def book(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """No prices are made from a book that is not whole; what makes a position smaller is let through."""
    if situation.book.is_trusted or _reduces(intent, situation):
        return None
    return Refusal(
        "book",
        "a whole book",
        "a gap",
        f"the book of {intent.instrument} has a gap: its prices are not known",
    )


def price_band(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """A limit price that is far through the market is a mistake, not a wish."""
    middle = situation.book.mid_ticks
    if limits.price_band is None or intent.ticks is None or middle is None:
        return None
    beyond = intent.side.sign * (intent.ticks - middle) / middle
    if beyond <= limits.price_band:
        return None
    return Refusal(
        "price_band",
        f"{plain(limits.price_band)} of the middle",
        f"{beyond:.4g}",
        f"the price {plain(situation.instrument.price(intent.ticks))} is {beyond:.1%} through the market",
    )


def order_value(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """No single order is worth more than this."""
    if limits.order_value_max is None:
        return None
    return _worth_at_most("order_value", intent, situation, 0, limits.order_value_max, "the order")


def position(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """What is held, and all that is open on that side, stays within bounds."""
    if limits.position_value_max is None or _reduces(intent, situation):
        return None
    before = situation.position_lots * intent.side.sign + _open_lots(intent, situation)
    return _worth_at_most(
        "position", intent, situation, before, limits.position_value_max, "the position, with what is open,"
    )


def spot_holdings(intent: OrderIntent, situation: Situation, _limits: Limits) -> Refusal | None:
    """On spot, nothing is sold that is not there."""
    if situation.instrument.kind is not Kind.SPOT or intent.side is Side.BUY:
        return None
    left = situation.position_lots - _open_lots(intent, situation)
    if intent.lots <= left:
        return None
    quantity = situation.instrument.quantity
    return Refusal(
        "spot_holdings",
        f"{plain(quantity(left))} {situation.instrument.base} held and not offered",
        plain(quantity(intent.lots)),
        f"a spot market sells what is there: {plain(quantity(left))} {situation.instrument.base}",
    )


def open_orders(intent: OrderIntent, situation: Situation, limits: Limits) -> Refusal | None:
    """Not more orders are open at once than this."""
    del intent
    count = sum(1 for _ in situation.open_orders)
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
    """Our own orders never meet each other."""
    for other in situation.open_orders:
        if other.intent.instrument != intent.instrument or other.intent.side is intent.side:
            continue
        theirs = other.ticks
        if theirs is None or intent.ticks is None or (intent.ticks - theirs) * intent.side.sign >= 0:
            return Refusal(
                "self_trade",
                "none of our own orders in the way",
                f"order {other.intent.client_order_id}",
                f"the order would meet our own order {other.intent.client_order_id}: cancel that first",
            )
    return None


RULES: Final[tuple[Rule, ...]] = (
    trading_state,
    form,
    book,
    price_band,
    order_value,
    position,
    spot_holdings,
    open_orders,
    order_rate,
    self_trade,
)


def _reduces(intent: OrderIntent, situation: Situation) -> bool:
    """Whether the order, and all that is open on its side, can only bring the position nearer to flat."""
    if intent.quote_amount is not None:
        return False  # nobody knows yet how many lots it will be
    held = -intent.side.sign * situation.position_lots
    return intent.lots + _open_lots(intent, situation) <= held


def _open_lots(intent: OrderIntent, situation: Situation) -> int:
    """What is open on this side of this instrument and may still trade."""
    return sum(
        other.worst_case_lots or 0
        for other in situation.open_orders
        if other.intent.instrument == intent.instrument and other.intent.side is intent.side
    )


def _worth_at_most(
    rule: str, intent: OrderIntent, situation: Situation, before_lots: int, most: Decimal, what: str
) -> Refusal | None:
    """Refuse if `before_lots` (signed, positive on the order's side) and the order are worth more than `most`."""
    instrument = situation.instrument
    ticks = intent.ticks if intent.ticks is not None else _market_ticks(intent, situation)
    if ticks is None:
        return Refusal(
            rule, plain(most), "unknown", f"nobody is on the other side, so what {what} is worth is unknown"
        )
    worth = intent.quote_amount or Money(0, instrument.quote)
    lots = before_lots + intent.lots
    if lots > 0:
        worth += instrument.notional(ticks=ticks, lots=lots)
    if worth <= Money.of(most, instrument.quote):
        return None
    return Refusal(rule, f"{plain(most)} {instrument.quote}", str(worth), f"{what} would be worth {worth}")


def _market_ticks(intent: OrderIntent, situation: Situation) -> int | None:
    return situation.book.ask_ticks if intent.side is Side.BUY else situation.book.bid_ticks


def _figure(intent: OrderIntent) -> str:
    return f"{intent.side} {intent.lots} lots" + (
        f" at {intent.ticks} ticks" if intent.ticks is not None else ""
    )
