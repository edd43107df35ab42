"""How a session ends: what becomes of its orders and positions, and what the venues say about it afterwards.

OnExit        cancel (no order is left behind), leave (orders stay), flatten (no order and no position)
close         ends a session as asked; the report says what is true at the venues, not what was wished
ClosingReport what was left, and where our account of positions differs from the venues'

Nothing is believed until the venue was asked: an order is gone when the venue no longer lists it, a position is flat
when it says so. What is still there when the time is over is named in the report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Final

from msgspec import Struct

from xtrade.model.errors import XtradeError
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.numbers import plain
from xtrade.model.positions import Position
from xtrade.runtime.clock import monotonic_ns
from xtrade.trading.orders import Order
from xtrade.trading.session import Session

__all__ = ["ClosingReport", "Left", "OnExit", "close"]

# How often a venue is asked whether it is done: more and more seldom, for it has limits. How often the whole is asked
# for anew; and how long the last questions may take when the time is over.
_ASK_S: Final = 0.1
_ASK_S_MAX: Final = 2.0
_SELDOMER: Final = 1.3
_REPEAT_S: Final = 2.0
_LAST_WORD_S: Final = 2.0


class OnExit(StrEnum):
    """What becomes of orders and positions when a run ends."""

    CANCEL = "cancel"
    LEAVE = "leave"
    FLATTEN = "flatten"


class Left(Struct, frozen=True, kw_only=True):
    """Something that is still there: an order or a position, in words."""

    venue: str
    what: str


class ClosingReport(Struct, frozen=True, kw_only=True):
    """How a session ended. `problems` are sentences: what could not be done, asked or explained."""

    on_exit: OnExit
    orders: tuple[Left, ...] = ()
    positions: tuple[Left, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether all is as it was asked to be."""
        if self.problems:
            return False
        match self.on_exit:
            case OnExit.LEAVE:
                return True
            case OnExit.CANCEL:
                return not self.orders
            case OnExit.FLATTEN:
                return not self.orders and not self.positions


async def close(session: Session, on_exit: OnExit, *, deadline_s: float = 10.0) -> ClosingReport:
    """End the strategies, then their orders and positions as asked; ask the venues what is left."""
    until_ns = monotonic_ns() + round(deadline_s * 1e9)
    problems: list[str] = []
    if not session.engine.may_cancel:
        # What is open is that process's to cancel, and may be what it has just placed.
        problems.append(
            "another process holds the journal and its accounts now: nothing was canceled or closed"
        )
        on_exit = OnExit.LEAVE
    session.act(lambda now_ns: session.engine.wind_down(now_ns, keep_orders=on_exit is OnExit.LEAVE))
    orders = await _orders(session, until_ns, problems, cancel=on_exit is not OnExit.LEAVE)
    if on_exit is OnExit.FLATTEN:
        await _flatten(session, until_ns, problems)
        orders = await _orders(session, until_ns, problems, cancel=True)
    positions = await _positions(session, until_ns, problems)
    session.act(session.engine.stop)
    if session.failure is not None:
        problems.insert(0, f"the session failed: {type(session.failure).__name__}: {session.failure}")
    return ClosingReport(
        on_exit=on_exit, orders=tuple(orders), positions=tuple(positions), problems=tuple(problems)
    )


async def _orders(session: Session, until_ns: int, problems: list[str], *, cancel: bool) -> list[Left]:
    """Wait until the venues list no order any more, asking again for what does not go; return what is left."""
    left: list[Left] = []
    for name, venue in session.venues.items():
        trading = venue.trading
        if trading is None:
            continue
        repeat_ns = monotonic_ns() + round(_REPEAT_S * 1e9)
        wait_s = _ASK_S
        if cancel and session.failure is not None:
            await _try(trading.cancel_all(), name, problems)
        while True:
            try:
                async with asyncio.timeout(_left_s(until_ns)):
                    listed = await trading.open_orders()
            except (XtradeError, TimeoutError) as error:
                problems.append(f"{name} could not be asked for its open orders: {_why(error)}")
                break
            if not (listed or _unanswered(session, name)) or not cancel or monotonic_ns() >= until_ns:
                left += [
                    Left(
                        venue=name,
                        what=f"{order.side} order {order.client_order_id or order.venue_order_id} on"
                        f" {order.instrument}, {order.lots - order.filled_lots} lots",
                    )
                    for order in listed
                ]
                break
            if monotonic_ns() >= repeat_ns:
                await _try(trading.cancel_all(), name, problems)
                repeat_ns += round(_REPEAT_S * 1e9)
            await asyncio.sleep(wait_s)
            wait_s = min(_SELDOMER * wait_s, _ASK_S_MAX)
    return left


def _left_s(until_ns: int) -> float:
    return max(0, until_ns - monotonic_ns()) / 1e9 + _LAST_WORD_S


def _why(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)


def _unanswered(session: Session, venue: str) -> bool:
    """Whether an order of ours is open by our own account: its end, or its last fill, is still on the way."""
    return any(
        order.intent.instrument.partition(":")[0] == venue
        for context in session.engine.contexts.values()
        for order in context.open_orders.values()
    )


async def _flatten(session: Session, until_ns: int, problems: list[str]) -> None:
    """Close what each strategy holds at the market, a few times if the book is too thin for once."""
    while (held := _held(session)) and monotonic_ns() < until_ns:
        sent: list[Order] = []
        session.act(partial(_send_closing, session, held, sent))
        while any(context.open_orders for context in session.engine.contexts.values()):
            await asyncio.sleep(_ASK_S)
            if monotonic_ns() >= until_ns:
                return
        if _held(session) == held:
            reasons = {
                order.status.value if order.refusal is None else order.refusal.reason for order in sent
            }
            problems.append(f"positions could not be closed: {'; '.join(sorted(reasons)) or 'no answer'}")
            return


def _held(session: Session) -> dict[tuple[str, str], int]:
    """What each strategy holds and could close, in signed lots."""
    found = {}
    for (strategy, key), position in session.engine.portfolio.all().items():
        lots = _closable(position, session.books.instrument(key))
        if lots:
            found[strategy, key] = lots
    return found


def _closable(position: Position, instrument: Instrument) -> int:
    """On spot, fees may have been taken out of the coins that were bought: what is left is sold, in whole lots."""
    taken = sum(fee.atoms for fee in position.fees if fee.currency == instrument.base)
    if instrument.kind is not Kind.SPOT or taken <= 0:
        return position.lots
    return max(0, position.lots - -(-taken // instrument.base_amount(ticks=1, lots=1).atoms))


def _send_closing(
    session: Session, held: Mapping[tuple[str, str], int], sent: list[Order], _now_ns: int
) -> None:
    for (strategy, key), lots in held.items():
        context = session.engine.contexts[strategy]
        send = context.sell if lots > 0 else context.buy
        contract = session.books.instrument(key).kind is not Kind.SPOT
        size = abs(lots)
        order = send(key, lots=size, reduce_only=contract)
        # No single order may be worth more than the limit says: in parts, then, one each time round.
        while order.refusal is not None and order.refusal.rule == "order_value" and size > 1:
            size //= 2
            order = send(key, lots=size, reduce_only=contract)
        sent.append(order)


async def _positions(session: Session, until_ns: int, problems: list[str]) -> list[Left]:
    """Return what the venues say is held, and note where that is not what we have booked."""
    left: list[Left] = []
    for name, venue in session.venues.items():
        if venue.account is None:
            continue
        try:
            async with asyncio.timeout(_left_s(until_ns)):
                reports = {report.instrument: report.lots for report in await venue.account.positions()}
        except (XtradeError, TimeoutError) as error:
            problems.append(f"{name} could not be asked for its positions: {_why(error)}")
            continue
        for key, instrument in venue.instruments.items():
            ours = session.engine.portfolio.total_lots(key)
            if instrument.kind is Kind.SPOT:
                # A venue has coins, and no position: what we booked is what was bought here.
                theirs = sum(lots for (_, held), lots in _held(session).items() if held == key)
            else:
                theirs = reports.get(key, 0)
            if instrument.kind is not Kind.SPOT and ours != theirs:
                problems.append(f"{key}: {name} says {theirs} lots are held, and we have booked {ours}")
            if theirs:
                quantity = plain(instrument.quantity(theirs))
                left.append(Left(venue=name, what=f"{quantity} of {key}"))
    return left


async def _try(request: Coroutine[Any, Any, None], venue: str, problems: list[str]) -> None:
    try:
        await request
    except XtradeError as error:
        problems.append(f"{venue} could not be asked to cancel everything: {error}")
