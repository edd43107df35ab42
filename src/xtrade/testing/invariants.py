"""What must hold, by the venue's truth and not by our view: when something is sent, at every step, and at rest.

The names are those of the catalogue of invariants. The exchange behind the bad way is asked directly: it knows what
really happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.order_state import OrderState, OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.sim.matching.orders import OpenOrder
from xtrade.testing.disk import Disk
from xtrade.testing.troubled import LastingVenue
from xtrade.trading.order_store import OrderStore, fingerprint
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.risk import TradingState
from xtrade.trading.session import Session
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["CHECKED", "at_a_second", "at_a_send", "at_every_step", "at_rest", "now_and_then", "resolved"]

CHECKED: Final[Mapping[str, str]] = {
    "I1": "an intent, cancel or change is in the journal before it is sent",
    "I2": "no order reached the exchange twice under one id",
    "I3": "the fills that are booked are the fills that happened, each once",
    "I4": "no order has filled more than was asked for",
    "I5": "an order that has ended stays so, unless it was found alive or a fill proves it",
    "I6": "no order has ended here that is still open there",
    "I7": "the orders that are open here are those that are open there; at every step, none is open that nobody knows",
    "I8": "positions agree, to the lot",
    "I9": "every atom of each balance is explained by the trades and fees that are booked",
    "I10": "what is held and what may still trade there stays within the limit",
    "I11": "what is open there counts here, in doubt or not, for all that it may still trade",
    "I12": "nothing is opened on the prices of a book that is not whole, or whose stream is down",
    "I13": "a book that is trusted is not crossed, and is the exchange's at that sequence number",
    "I17": "the session's time passes as the monotonic clock does, however the wall clock is set",
    "I18": "the journal adds up to the state in memory",
    "I23": "the node is ready, and no order, cancel or change waits for an answer any more",
    "I24": "while the desk is halted nothing is sent but cancels",
    "I26": "no failure goes unseen, in whichever task it comes up",
    "I30": "an order that only reduces has made no position larger, nor turned it",
}
"""What worlds check, by its name in the catalogue."""

# Orders are checked at the price of their decision; the market moves on while they travel.
_MOVED: Final = Decimal("1.02")
_SECOND: Final = 1_000_000_000


def at_a_send(
    session: Session,
    disk: Disk,
    what: str,
    client_order_id: ClientOrderId,
    count: int,
    intent: OrderIntent | None,
    *,
    can_write: bool,
) -> dict[str, str]:
    """Return what does not hold as a request leaves: the so-manieth of its kind about this order."""
    found: dict[str, str] = {}
    if intent is None:
        # Cancels must not wait for a journal that cannot write.
        if disk.asked[client_order_id, what] < count and (can_write or what != "cancel"):
            found["I1"] = f"order {client_order_id}: {what} {count} is sent and not written"
        return found
    if client_order_id not in disk.intents:
        found["I1"] = f"order {client_order_id} is sent and not written"
    if session.engine.gate.state is TradingState.HALTED:
        found["I24"] = f"order {client_order_id} is sent by a desk that is halted"
    held = session.engine.portfolio.total_lots(intent.instrument)
    if held * intent.side.sign < 0 or intent.reduce_only:
        return found
    if not session.books.live(intent.instrument).is_trusted:
        found["I12"] = f"order {client_order_id} is priced from a book that is not whole"
    return found


def at_every_step(
    session: Session, exchange: SimulatedVenue, position_value_max: Decimal, ended: Mapping[Any, OrderStatus]
) -> dict[str, str]:
    """Return what does not hold now, by name. `ended` are the orders that were seen to have ended."""
    found: dict[str, str] = {}
    there = exchange.exchange.open_orders(exchange.name)
    for key in session.engine.watched:
        instrument = exchange.instruments[key]
        book = session.books.live(key)
        if book.is_trusted and book.bid_ticks is not None and book.ask_ticks is not None:
            if book.bid_ticks >= book.ask_ticks:
                found["I13"] = f"{key}: trusted, and crossed: {book.bid_ticks} and {book.ask_ticks}"
            held = _held_lots(exchange, key)
            for side in Side:
                lots = side.sign * held + _open_lots(there, key, side)
                worth = instrument.notional(ticks=book.ask_ticks, lots=max(lots, 0)).amount
                if worth > position_value_max * _MOVED:
                    found["I10"] = f"{key}: {side} could reach {worth}, above {position_value_max}"
    for order in there:
        found |= _open_there(session, order)
    for context in session.engine.contexts.values():
        for number, ours in context.open_orders.items():
            before, state = ended.get(number), ours.state
            refuted = before is OrderStatus.REJECTED and state.executed_lots
            if before is not None and not state.restored_ns and not refuted:
                found["I5"] = f"order {number}: it was {before}, and is {state.status} without evidence"
    return found


def _open_there(session: Session, there: OpenOrder) -> dict[str, str]:
    number = there.intent.client_order_id
    order = session.engine.order(number)
    if order is None:
        return {"I7": f"order {number} is open there, and nobody here knows it"}
    state = order.state
    if state.is_final:
        return {"I6": f"order {number}: {state.status} here, and open there"}
    counted = state.worst_case_lots
    if counted is not None and counted < there.lots - there.filled:
        return {
            "I11": f"order {number}: {there.lots - there.filled} lots may trade, and {counted} are counted"
        }
    return {}


def at_a_second(passed_ns: int) -> dict[str, str]:
    """Return what does not hold when one second is over and the session says that so much time has passed."""
    if abs(passed_ns - _SECOND) <= _SECOND // 5:
        return {}
    return {
        "I17": f"{passed_ns / _SECOND:g} s have passed for the session, and one second by the monotonic clock"
    }


def now_and_then(session: Session, exchange: SimulatedVenue) -> dict[str, str]:
    """Return what does not hold, of what takes longer to look at than a step does."""
    found = _books(session, exchange)
    for number, state in session.engine.order_states().items():
        # A change that was asked for may have been made although its answer was lost.
        most = max([state.lots, *(lots for _, lots in state.amends_sent)])
        if state.filled_lots > most > 0:
            found["I4"] = f"order {number}: {state.filled_lots} of {most} lots filled"
    return found


def _books(session: Session, exchange: SimulatedVenue) -> dict[str, str]:
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


def resolved(session: Session, left: Iterable[ClientOrderId]) -> dict[str, str]:
    """Return which of these orders have no answer yet, although nothing has gone wrong since."""
    states = session.engine.order_states()
    late = {
        number
        for number in left
        if (state := states.get(number)) is not None and not state.is_final and not state.accepted
    }
    return {"I23": f"long after the last fault, without an answer: {_sorted(late)}"} if late else {}


def at_rest(session: Session, venue: LastingVenue, store: OrderStore, disk: Disk) -> dict[str, str]:
    """Return what does not hold once everything had its time, by name."""
    found: dict[str, str] = {}
    exchange, engine = venue.inner, session.engine
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
    booked = {(number, fill.trade_id) for number, state in store.orders.items() for fill in state.fills}
    traded = {(report.client_order_id, report.fill.trade_id) for report in exchange.traded}
    if booked != traded:
        found["I3"] = f"fills: {_apart(booked, traded)}"
    if (forgotten := len(store.orders) - len(states)) < 0 or (
        not forgotten and store.fingerprint() != fingerprint(states.values(), engine.portfolio)
    ):
        found["I18"] = "the journal adds up to another state"
    twice = {number for number, count in venue.arrived.items() if count > 1}
    if twice:
        found["I2"] = f"sent more than once: {_sorted(twice)}"
    if unwritten := set(venue.arrived) - disk.intents:
        found["I1"] = f"at the exchange and not written: {_sorted(unwritten)}"
    return found | _reducing(exchange, store.orders) | _cash(exchange, engine.portfolio)


def _cash(exchange: SimulatedVenue, portfolio: Portfolio) -> dict[str, str]:
    """Compare what each balance has become with what our books say it must be."""
    expected = Counter({money.currency: money.atoms for money in exchange.deposits})
    for (_, key), position in portfolio.all().items():
        instrument = exchange.instruments[key]
        settle = instrument.settle
        # Bought and sold, whichever of it is closed: what was paid is cost less what was realised.
        expected[settle] += position.realised.atoms - position.cost.atoms
        if instrument.kind is Kind.SPOT:
            expected[instrument.base] += instrument.base_amount(ticks=1, lots=position.lots).atoms
        for fee in position.fees:
            expected[fee.currency] -= fee.atoms
        for paid in position.funding:
            expected[paid.currency] += paid.atoms
    for key, instrument in exchange.instruments.items():
        if instrument.kind is not Kind.SPOT:
            # What a contract was opened at is not paid: it is held against the account until it is closed.
            expected[instrument.settle] += exchange.exchange.position(exchange.name, key).cost.atoms
    for currency, atoms in expected.items():
        total = exchange.exchange.balance(exchange.name, currency).total
        if total.atoms != atoms:
            return {"I9": f"{currency}: {total.atoms - atoms} atoms without an explanation"}
    return {}


def _reducing(exchange: SimulatedVenue, orders: Mapping[ClientOrderId, OrderState]) -> dict[str, str]:
    held: Counter[str] = Counter()
    for report in exchange.traded:
        before = held[report.instrument]
        after = held[report.instrument] = before + report.fill.signed_lots
        state = None if report.client_order_id is None else orders.get(report.client_order_id)
        if state is not None and state.intent.reduce_only and not 0 <= after * _sign(before) < abs(before):
            return {"I30": f"order {report.client_order_id} only reduces, and took {before} lots to {after}"}
    return {}


def _sign(lots: int) -> int:
    return (lots > 0) - (lots < 0)


def _held_lots(exchange: SimulatedVenue, key: str) -> int:
    """What we really hold: of a contract the venue's position, on spot what was bought and not sold."""
    if exchange.instruments[key].kind is not Kind.SPOT:
        return exchange.exchange.position(exchange.name, key).lots
    return exchange.traded_lots(key)


def _open_lots(orders: Iterable[OpenOrder], key: str, side: Side) -> int:
    return sum(
        order.lots - order.filled
        for order in orders
        if order.intent.side is side and order.intent.instrument == key
    )


def _apart(ours: set[Any], theirs: set[Any]) -> str:
    return f"only here {_sorted(ours - theirs)}; only there {_sorted(theirs - ours)}"


def _sorted(found: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(found, key=str))) or "none"
