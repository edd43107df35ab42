"""`xtrade orders`: what is open, or all there was, or one order with its trades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct, to_builtins

from xtrade.app.desk_flags import InstrumentFlag, JournalFlag, RunFlag, StrategyFlag, VenueFlag, looked_at
from xtrade.app.desk_tables import (
    OrderView,
    Standing,
    Which,
    age_text,
    money_text,
    order_of,
    order_view,
    purse_text,
    standing,
)
from xtrade.app.journal_tables import time_text
from xtrade.app.output import Json, answer, columns

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["app", "drawn", "order_table"]

app = cyclopts.App(name="orders", usage="xtrade orders [OPTIONS] [ORDER]")

SHOWN = 30


class Orders(Struct, frozen=True, kw_only=True):
    """Orders as they stand, oldest first, and how many there are of that kind in all."""

    standing: Standing
    orders: tuple[OrderView, ...]
    count: int


@app.default
def orders(
    order: Annotated[int | None, Parameter(metavar="ORDER", help="One order, by its id.")] = None,
    /,
    *,
    run: RunFlag = None,
    journal: JournalFlag = None,
    strategy: StrategyFlag = None,
    instrument: InstrumentFlag = None,
    venue: VenueFlag = None,
    all_: Annotated[
        bool, Parameter(name="--all", negative="", show_default=False, help="Also those that have ended.")
    ] = False,
    last: Annotated[
        int, Parameter(name="--last", metavar="COUNT", help="So many, counted from the end; 0 for all.")
    ] = SHOWN,
    json: Json = False,
) -> None:
    """See which orders are open or in doubt, or one with its trades.

    In doubt is what was sent and never answered: the venue may or may not have it. `xtrade journal why ORDER` tells
    what led to an order.

    **Examples**

    - `xtrade orders`
    - `xtrade orders --all --last 100 --strategy maker`
    - `xtrade orders 1763740000000000001`
    - `xtrade orders --run runs/quickstart --json`
    """
    _, desk = looked_at(run, journal)
    if order is not None:
        view = order_of(desk, order)
        answer(to_builtins(view, enc_hook=str), json=json, human=lambda: drawn(view))
        return
    which = Which(strategy, instrument, venue)
    states = [
        state
        for state in (desk.store.orders.values() if all_ else desk.store.open_orders())
        if which.takes(state.intent.strategy, state.intent.instrument)
    ]
    found = Orders(
        standing=standing(desk),
        orders=tuple(order_view(desk, state) for state in (states[-last:] if last > 0 else states)),
        count=len(states),
    )
    nothing = "There is no order." if all_ else "No order is open."
    answer(to_builtins(found, enc_hook=str), json=json, human=lambda: _table(found, nothing))


def drawn(view: OrderView) -> Text:
    """Draw one order: what was asked, what became of it, what it holds by itself."""
    from rich.text import Text

    text = Text(f"order {view.order}", style="bold")
    price = f"at {view.price}" if view.price is not None else "at the market"
    status = ", ".join([view.status.replace("_", " "), *view.pending])
    facts = [
        ("strategy", view.strategy or "-"),
        ("order", f"{view.side} {view.quantity} {view.instrument} {price} ({view.type.replace('_', ' ')})"),
        ("status", f"{status}, decided {time_text(view.decided_ns)} UTC"),
        ("at venue", view.venue_order_id or "not named yet"),
        (
            "filled",
            f"{view.filled} of {view.quantity}" + ("" if view.average is None else f" at {view.average}"),
        ),
    ]
    if view.average is not None:
        worth = "not known: no book in the journal"
        if view.unrealised is not None:
            worth = f"{money_text(view.unrealised)} at {view.mark}, {age_text(view.mark_age_ms)} old"
        facts += [("unrealised", worth), ("fees", purse_text(view.fees))]
    for label, value in facts:
        text.append(f"\n  {label:<10}  ", style="dim not bold").append(value, style="not bold")
    if view.fills:
        rows = [
            (time_text(fill.at_ns), fill.quantity, fill.price, fill.fee or "not told", fill.trade_id)
            for fill in view.fills
        ]
        text.append("\n\n").append_text(columns(("traded (UTC)", "quantity", "price", "fee", "trade"), rows))
    return text


def order_table(rows: Sequence[OrderView]) -> Text:
    """Draw orders, a row each."""
    return columns(
        ("order", "age", "strategy", "instrument", "side", "quantity", "price", "filled", "status"),
        [
            (
                str(row.order),
                age_text(row.age_ms),
                row.strategy or "-",
                row.instrument,
                row.side,
                row.quantity,
                row.price or "market",
                row.filled if row.average is None else f"{row.filled} at {row.average}",
                ", ".join([row.status.replace("_", " "), *row.pending]),
            )
            for row in rows
        ],
    )


def _table(found: Orders, nothing: str) -> Text:
    from rich.text import Text

    if not found.orders:
        return Text(nothing)
    text = order_table(found.orders)
    if found.count > len(found.orders):
        text.append(f"\n\nThe last {len(found.orders):,} of {found.count:,}: --last 0 shows all.", "dim")
    return text
