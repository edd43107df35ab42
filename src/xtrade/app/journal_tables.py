"""What `xtrade journal` shows: rows for machines, tables for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from xtrade.app.output import columns
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderState

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.trading.journal.story import Step

__all__ = [
    "EntryRow",
    "FillRow",
    "OrderRow",
    "StepRow",
    "Verdict",
    "fill_rows",
    "judgement",
    "or_dash",
    "order_row",
    "story_text",
    "table",
    "time_text",
]

SECOND: Final = 1_000_000_000


class EntryRow(Struct, frozen=True, kw_only=True):
    """One record of the journal."""

    sequence: int
    session: int
    at_ns: int
    kind: str
    order: int | None
    record: msgspec.Raw


class OrderRow(Struct, frozen=True, kw_only=True):
    """One order as it stands. Quantities and prices are as people write them, where the instrument is known."""

    order: int
    strategy: str
    instrument: str
    side: str
    type: str
    quantity: str
    price: str | None
    filled: str
    status: str
    pending: tuple[str, ...]
    decided_ns: int
    venue_order_id: str | None


class FillRow(Struct, frozen=True, kw_only=True):
    """One trade of ours."""

    order: int
    strategy: str
    instrument: str
    side: str
    quantity: str
    price: str
    fee: str | None
    maker: bool | None
    trade_id: str
    at_ns: int


class StepRow(Struct, frozen=True, kw_only=True):
    """One step in the life of an order; `took_ns` is since the step before."""

    sequence: int
    at_ns: int
    what: str
    detail: str
    took_ns: int | None
    venue_ns: int | None


class Verdict(Struct, frozen=True, kw_only=True):
    """What reading the whole journal found."""

    journal: str
    whole: bool
    entries: int
    sessions: int
    first_ns: int | None
    last_ns: int | None
    ended_in_order: bool
    orders: int
    open_orders: int
    in_doubt: int
    fingerprint: str | None
    checkpoint: str
    problem: str | None


def order_row(state: OrderState, market: Instrument | None) -> OrderRow:
    """Show an order as it stands."""
    intent = state.intent
    pending = [
        what
        for what, is_so in (("cancel pending", state.cancel_pending), ("change pending", state.amend_pending))
        if is_so
    ]
    return OrderRow(
        order=intent.client_order_id,
        strategy=intent.strategy,
        instrument=intent.instrument,
        side=intent.side.value,
        type=intent.type.value,
        quantity=_size(state.lots, market) if intent.quote_amount is None else str(intent.quote_amount),
        price=None if state.ticks is None else _price(state.ticks, market),
        filled=_size(state.executed_lots, market),
        status=state.status.value,
        pending=tuple(pending),
        decided_ns=intent.decided_ns,
        venue_order_id=state.venue_order_id,
    )


def fill_rows(state: OrderState, market: Instrument | None) -> Iterator[FillRow]:
    """Show the trades of an order that still count."""
    for fill in state.fills:
        if fill.trade_id in state.reversed_trades:
            continue
        yield FillRow(
            order=state.intent.client_order_id,
            strategy=state.intent.strategy,
            instrument=state.intent.instrument,
            side=fill.side.value,
            quantity=_size(fill.lots, market),
            price=_price(fill.ticks, market),
            fee=_fee(fill.fee),
            maker=fill.maker,
            trade_id=fill.trade_id,
            at_ns=fill.venue_ns or state.intent.decided_ns,
        )


def _fee(fee: Money | None) -> str | None:
    return None if fee is None else str(fee)


def _size(lots: int, market: Instrument | None) -> str:
    return f"{lots} lots" if market is None else plain(market.quantity(lots))


def _price(ticks: int, market: Instrument | None) -> str:
    return f"{ticks} ticks" if market is None else plain(market.price(ticks))


def table(heading: tuple[str, ...], rows: list[tuple[Any, ...]], nothing: str) -> RenderableType:
    """Draw rows, or say that there are none."""
    from rich.text import Text

    return columns(heading, rows) if rows else Text(nothing)


def story_text(order: int, steps: list[Step]) -> RenderableType:
    """Draw the life of an order."""
    from rich.text import Text

    whole = steps[-1].at_ns - steps[0].at_ns
    text = Text(f"order {order}", style="bold")
    text.append(f"  {len(steps)} steps in {_span(whole)}\n\n", style="not bold")
    rows = [
        (
            time_text(step.at_ns),
            "" if step.took_ns is None else f"+{_span(step.took_ns)}",
            step.what,
            step.detail,
        )
        for step in steps
    ]
    return text + columns(("when (UTC)", "after", "what", ""), rows)


def judgement(verdict: Verdict) -> RenderableType:
    """Draw what verifying found."""
    from rich.text import Text

    text = Text(f"{verdict.journal}: {'whole' if verdict.whole else 'damaged'}", style="bold")
    if verdict.problem is not None:
        text.append(f"\n  {verdict.problem}", style="not bold")
    facts = [("records", f"{verdict.entries:,}, sessions {verdict.sessions:,}")]
    if verdict.first_ns is not None and verdict.last_ns is not None:
        facts.append(("from, to", f"{time_text(verdict.first_ns)}, {time_text(verdict.last_ns)} (UTC)"))
    facts.append(
        ("ended", "in order" if verdict.ended_in_order else "the last process is running, or it died")
    )
    facts.append(
        (
            "orders",
            f"{verdict.orders:,}, of which {verdict.open_orders:,} open, {verdict.in_doubt:,} in doubt",
        )
    )
    if verdict.fingerprint is not None:
        facts.append(("adds up to", verdict.fingerprint))
    facts.append(("checkpoint", verdict.checkpoint))
    for label, value in facts:
        text.append(f"\n  {label:<10}  ", style="dim not bold").append(value, style="not bold")
    return text


def time_text(at_ns: int) -> str:
    """Write a time as people read it, in UTC."""
    seconds, rest = divmod(at_ns, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1_000:06}"


def _span(ns: int) -> str:
    for unit, size in (("s", SECOND), ("ms", 1_000_000), ("µs", 1_000)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 1_000 * size else f"{ns / size:,.0f} {unit}"
    return f"{ns} ns"


def or_dash(order: int | None) -> str:
    """Write an order's id, or a dash."""
    return "-" if order is None else str(order)
