"""Looking at a desk again and again, as its journal grows.

watch         reads on every so often, and hands each look to whoever shows it
Snapshot      one look: positions, open orders, profit; `line` is the same in a line
order_line    one order, in a line
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Final

from msgspec import Struct

from xtrade.app.desk import Desk, Place
from xtrade.app.desk_tables import (
    OrderView,
    PositionRow,
    ProfitRow,
    Standing,
    Which,
    age_text,
    lines_of,
    money_text,
    order_view,
    position_row,
    profit_rows,
    standing,
)
from xtrade.app.journal_tables import time_text

__all__ = ["Snapshot", "line", "order_line", "snapshot", "watch"]

SECOND: Final = 1_000_000_000
OVER: Final = frozenset({"ended", "died"})


class Snapshot(Struct, frozen=True, kw_only=True):
    """One look at a desk."""

    standing: Standing
    positions: tuple[PositionRow, ...]
    orders: tuple[OrderView, ...]
    profit: tuple[ProfitRow, ...]
    in_doubt: int


async def watch(
    place: Place,
    desk: Desk,
    show: Callable[[Desk], bool],
    *,
    every_ns: int,
    updates: int | None = None,
) -> int:
    """Show a desk, then read on and show it again; return how often it was shown.

    It ends after so many `updates`, when `show` says that nothing more is to come, or when nobody writes any more.
    """
    for shown in count(1):
        if show(desk) or shown == updates or desk.process in OVER:
            return shown
        await asyncio.sleep(every_ns / SECOND)
        place.read_on(desk)
    raise AssertionError("counting has no end")


def snapshot(desk: Desk, which: Which) -> Snapshot:
    """Look at a desk."""
    lines = lines_of(desk, which)
    waits = [
        state
        for state in desk.store.open_orders()
        if which.takes(state.intent.strategy, state.intent.instrument)
    ]
    return Snapshot(
        standing=standing(desk),
        positions=tuple(position_row(line) for line in lines if line.position.lots),
        orders=tuple(order_view(desk, state) for state in waits),
        profit=tuple(profit_rows(lines, by="all")),
        in_doubt=sum(1 for state in waits if not state.accepted),
    )


def line(seen: Snapshot) -> str:
    """Say a look in a line."""
    held = ", ".join(f"{row.strategy} {row.quantity} {row.instrument}" for row in seen.positions) or "flat"
    doubt = f" ({seen.in_doubt} in doubt)" if seen.in_doubt else ""
    earned = ", ".join(money_text(row.earned) for row in seen.profit) or "nothing"
    return f"{_time(seen.standing)}  {held}  {len(seen.orders)} open{doubt}  earned {earned}"


def order_line(at: Standing, view: OrderView) -> str:
    """Say one order in a line: what became of it, what it holds by itself, and what that is worth."""
    status = ", ".join([view.status.replace("_", " "), *view.pending])
    text = f"{_time(at)}  {view.side} {view.instrument} {status}  {view.filled} of {view.quantity}"
    if view.average is None:
        return text
    worth = "worth not known"
    if view.unrealised is not None:
        worth = f"{money_text(view.unrealised)} at {view.mark}, {age_text(view.mark_age_ms)} old"
    return f"{text} at {view.average}  {worth}"


def _time(at: Standing) -> str:
    return "--:--:--" if at.as_of_ns is None else time_text(at.as_of_ns)[11:19]
