"""What must hold, by the venue's truth and not by our view: at every step, and at rest.

The names are those of the catalogue of invariants. The exchange behind the bad way is asked directly: it knows what
really happened.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from xtrade.model.instruments import Kind
from xtrade.model.sides import Side
from xtrade.trading.order_store import OrderStore, fingerprint
from xtrade.trading.session import Session
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["at_every_step", "at_rest", "books", "resolved"]

# Orders are checked at the price of their decision; the market moves on while they travel.
_MOVED: Final = Decimal("1.02")


def at_every_step(session: Session, exchange: SimulatedVenue, position_value_max: Decimal) -> dict[str, str]:
    """Return what does not hold now, by name."""
    found: dict[str, str] = {}
    for key in session.engine.watched:
        instrument = exchange.instruments[key]
        book = session.books.live(key)
        if book.is_trusted and book.bid_ticks is not None and book.ask_ticks is not None:
            if book.bid_ticks >= book.ask_ticks:
                found["I13"] = f"{key}: trusted, and crossed: {book.bid_ticks} and {book.ask_ticks}"
            held = _held_lots(exchange, key)
            for side in Side:
                lots = side.sign * held + _open_lots(exchange, key, side)
                worth = instrument.notional(ticks=book.ask_ticks, lots=max(lots, 0)).amount
                if worth > position_value_max * _MOVED:
                    found["I10"] = f"{key}: {side} could reach {worth}, above {position_value_max}"
    there = {order.intent.client_order_id for order in exchange.exchange.open_orders(exchange.name)}
    for number, state in session.engine.order_states().items():
        if state.is_final and number in there:
            found["I6"] = f"order {number}: {state.status} here, and open there"
        # A change that was asked for may have been made although its answer was lost.
        most = max([state.lots, *(lots for _, lots in state.amends_sent)])
        if state.filled_lots > most > 0:
            found["I4"] = f"order {number}: {state.filled_lots} of {most} lots filled"
    return found


def books(session: Session, exchange: SimulatedVenue) -> dict[str, str]:
    """Return which trusted books are not the exchange's, of those that have heard as much as it has said."""
    found: dict[str, str] = {}
    for key in session.engine.watched:
        book, truth = session.books.live(key), exchange.exchange.book(key)
        if not book.is_trusted or book.sequence != truth.sequence:
            continue
        for side, levels in ((Side.BUY, truth.bids), (Side.SELL, truth.asks)):
            if book.levels(side, len(levels) + 1) != list(levels):
                found["I13"] = f"{key}: the {side} side is not the exchange's at sequence {truth.sequence}"
    return found


def resolved(session: Session, healed_ns: int) -> dict[str, str]:
    """Return which orders of the time before have no answer yet, although nothing has gone wrong since."""
    states = session.engine.order_states()
    late = {
        number
        for number, state in states.items()
        if not state.is_final and not state.accepted and state.intent.decided_ns < healed_ns
    }
    return {"I23": f"long after the last fault, without an answer: {_sorted(late)}"} if late else {}


def at_rest(session: Session, exchange: SimulatedVenue, store: OrderStore) -> dict[str, str]:
    """Return what does not hold once everything had its time, by name."""
    found: dict[str, str] = {}
    engine = session.engine
    states = engine.order_states()
    ours = {number for number, state in states.items() if not state.is_final}
    theirs = {order.intent.client_order_id for order in exchange.exchange.open_orders(exchange.name)}
    if ours != theirs:
        found["I7"] = (
            f"open here and not there: {_sorted(ours - theirs)}; there and not here: {_sorted(theirs - ours)}"
        )
    unresolved = [
        number
        for number, state in states.items()
        if state.in_doubt and not state.accepted and not state.is_final
    ]
    if unresolved:
        found["I23"] = f"still in doubt: {unresolved}"
    for key in exchange.instruments:
        held, there = engine.portfolio.total_lots(key), _held_lots(exchange, key)
        if held != there:
            found["I8"] = f"{key}: {held} lots here, {there} there"
    booked = {(number, fill.trade_id) for number, state in states.items() for fill in state.fills}
    traded = {
        (report.client_order_id, report.fill.trade_id)
        for report in exchange.traded
        if report.client_order_id in states
    }
    if booked != traded:
        found["I3"] = f"fills: {_apart(booked, traded)}"
    if store.fingerprint() != fingerprint(states.values(), engine.portfolio) and len(store.orders) == len(
        states
    ):
        found["I18"] = "the journal adds up to another state"
    return found


def _held_lots(exchange: SimulatedVenue, key: str) -> int:
    """What we really hold: of a contract the venue's position, on spot what was bought and not sold."""
    if exchange.instruments[key].kind is not Kind.SPOT:
        return exchange.exchange.position(exchange.name, key).lots
    return sum(each.fill.side.sign * each.fill.lots for each in exchange.traded if each.instrument == key)


def _open_lots(exchange: SimulatedVenue, key: str, side: Side) -> int:
    orders = exchange.exchange.open_orders(exchange.name, key)
    return sum(order.lots - order.filled for order in orders if order.intent.side is side)


def _apart(ours: set[Any], theirs: set[Any]) -> str:
    return f"only here {_sorted(ours - theirs)}; only there {_sorted(theirs - ours)}"


def _sorted(found: set[Any]) -> str:
    return ", ".join(map(str, sorted(found, key=str))) or "none"
