"""What an order is checked against, and what it is told when the answer is no."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from xtrade.market.book import Book
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.trading.risk.state import TradingState

__all__ = ["Refusal", "Situation", "Waiting", "may_meet", "waiting"]


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
    """The strategy's orders that hold exposure, on all instruments: those that are open (but for one that is being
    amended), and those that have ended and of which trades are still to be told."""
    sent_last_second: int
    others: Iterable[OrderState] = ()
    """Open orders of other strategies on the same market of the same venue."""
    account_lots: int | None = None
    """What all strategies together hold of the instrument; None: only this one trades it."""
    mark: Decimal | None = None
    """The venue's mark, if there is a fresh one."""
    quote_age_ns: int | None = None
    """Since the book last changed; None where nobody listens for that."""
    stale: str | None = None
    """What the venue's link says it has not heard of for too long; None: nothing."""
    trouble: str | None = None
    """Why the venue cannot be relied on right now, in words; None: it can."""


class Waiting(NamedTuple):
    """What may still trade on one side: lots, and what orders without lots may still spend or bring."""

    lots: int = 0
    quote_atoms: int = 0


def waiting(orders: Iterable[OrderState], key: str, side: Side) -> Waiting:
    """Add up what may still come from orders on one side of an instrument; whatever is in doubt counts in full."""
    lots = quote_atoms = 0
    for order in orders:
        intent = order.intent
        if intent.side is not side or intent.instrument != key:
            continue
        unfilled = order.worst_case_lots
        if unfilled is None:
            quote = order.worst_case_quote or Money(0, "")
            quote_atoms += quote.atoms
        else:
            lots += unfilled
    return Waiting(lots, quote_atoms)


def may_meet(intent: OrderIntent, other: OrderState, *, whichever_rests: bool = False) -> bool:
    """Say whether an order could trade with an open one of the other side: one of them rests, and prices cross.

    Two orders that both trade at once or not at all cannot meet (`whichever_rests`: do not look at that; one strategy
    that does both at once is mistaken, whatever becomes of it). A stop that sleeps is in no book yet: what it meets
    when it wakes is known then, and the venue's own prevention has to see to it.
    """
    theirs = other.intent
    if other.is_final or theirs.side is intent.side or theirs.type.is_triggered or intent.type.is_triggered:
        return False
    if not (whichever_rests or _rests(intent) or _rests(theirs)):
        return False
    if intent.ticks is None or other.ticks is None:
        return True
    return (intent.ticks - other.ticks) * intent.side.sign >= 0


def _rests(intent: OrderIntent) -> bool:
    return intent.type is OrderType.LIMIT and intent.time_in_force in {TimeInForce.GTC, TimeInForce.GTD}
