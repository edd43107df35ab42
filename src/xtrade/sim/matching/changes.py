"""Changing and ending orders: amend, cancel, and what ends orders by the clock.

An amendment keeps the order's place in its queue only if it asks for less at the same price; everything else is a
new arrival, which may trade at once. A refused amendment leaves the order as it was.
"""

from __future__ import annotations

from copy import copy

from msgspec.structs import replace

from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
)
from xtrade.model.ids import ClientOrderId
from xtrade.sim.matching.accounts import Account
from xtrade.sim.matching.entry import carry_out, decide, what_is_wrong
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.orders import Order
from xtrade.sim.matching.settlement import drop, reduce_order, rehold
from xtrade.sim.matching.state import State

__all__ = ["amend", "cancel", "cancel_all", "cancel_order", "expire", "withdraw_from_book"]


def amend(
    state: State,
    account: Account,
    client_order_id: ClientOrderId,
    *,
    lots: int | None,
    ticks: int | None,
    request: int,
) -> None:
    """Give an open order a new total quantity, a new limit price, or both."""
    order = account.orders.get(client_order_id)
    if order is None:
        _refuse_amend(state, account, client_order_id, request, "the order is not open")
        return
    market = state.markets[order.intent.instrument]
    changed = copy(order)
    changed.lots = order.lots if lots is None else lots
    changed.ticks = order.ticks if ticks is None else ticks
    asked = replace(order.intent, lots=changed.lots, ticks=changed.ticks or None)
    wrong = what_is_wrong(state, market, asked)
    if (changed.lots, changed.ticks) == (order.lots, order.ticks):
        wrong = "invalid", "the amendment changes nothing"
    if wrong is not None:
        _refuse_amend(state, account, client_order_id, request, wrong[1])
    elif changed.lots <= order.filled:
        # What it asks for has traded already: nothing is left to want.
        cancel_order(state, market, order, "amended_to_filled")
    elif not order.resting:
        _restate(state, order, changed, request)
    elif changed.ticks == order.ticks and changed.lots < order.lots:
        reduce_order(state, market, order, changed.lots, request)
    else:
        _enter_again(state, account, market, order, changed, request)


def _enter_again(
    state: State, account: Account, market: Market, order: Order, changed: Order, request: int
) -> None:
    # What the order holds is its own to use again.
    rehold(state, market, order, free=True)
    verdict = decide(state, account, market, changed)
    if verdict.code:
        rehold(state, market, order)
        _refuse_amend(state, account, order.client_order_id, request, verdict.reason)
        return
    withdraw_from_book(state, market, order)
    _restate(state, order, changed, request)
    carry_out(state, market, order, verdict)


def _restate(state: State, order: Order, changed: Order, request: int) -> None:
    order.lots, order.ticks = changed.lots, changed.ticks
    state.tell(order, OrderAmended, lots=order.lots, ticks=order.ticks or None, request=request)


def withdraw_from_book(state: State, market: Market, order: Order) -> None:
    """Take an order out of the book, but not out of the exchange."""
    state.queue_changed(market, order, "left")
    market.book.remove(order)
    rehold(state, market, order)
    if order.intent.reduce_only:
        state.accounts[order.account].holding(market).reducing.pop(order.number, None)


def _refuse_amend(
    state: State, account: Account, client_order_id: ClientOrderId, request: int, reason: str
) -> None:
    order = account.orders.get(client_order_id)
    state.tape.tell(
        account.name,
        AmendRejected(
            client_order_id=client_order_id,
            venue_order_id=None if order is None else order.venue_order_id,
            venue_ns=state.now_ns,
            sequence=state.tape.next_sequence(),
            request=request,
            reason=reason,
        ),
    )


def cancel(state: State, account: Account, client_order_id: ClientOrderId, request: int) -> None:
    """Cancel one open order, or say that there is none of that name."""
    order = account.orders.get(client_order_id)
    if order is not None:
        cancel_order(state, state.markets[order.intent.instrument], order, "user")
        return
    state.tape.tell(
        account.name,
        CancelRejected(
            client_order_id=client_order_id,
            venue_ns=state.now_ns,
            sequence=state.tape.next_sequence(),
            request=request,
            reason="the order is not open",
        ),
    )


def cancel_all(state: State, account: Account, instrument: str | None, reason: str) -> None:
    """Cancel an account's open orders, sleeping ones too, of one instrument or of all."""
    for order in list(account.orders.values()):
        if instrument is None or order.intent.instrument == instrument:
            cancel_order(state, state.markets[order.intent.instrument], order, reason)


def cancel_order(state: State, market: Market, order: Order, reason: str) -> None:
    """End an order by its owner's wish, or the venue's."""
    drop(state, market, order)
    state.tell(order, OrderCanceled, reason=reason, cumulative_lots=order.filled)


def expire(state: State, order: Order) -> None:
    """End a good-till-date order whose time has come, if it is still there."""
    if state.accounts[order.account].orders.get(order.client_order_id) is order:
        drop(state, state.markets[order.intent.instrument], order)
        state.tell(order, OrderExpired, reason="gtd", cumulative_lots=order.filled)
