"""What a person sees of a run while it goes on.

drawn     a status as a picture for the terminal
Screen    keeps that picture up to date in place
Lines     says the main figures in a line now and then, where there is no terminal to draw on
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from xtrade.app.output import can_show, note
from xtrade.app.run_status import Status, status_of

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from xtrade.app.node import Node

__all__ = ["Lines", "Screen", "drawn", "wants_screen"]

ORDERS_SHOWN: Final = 8
CURVE_COLUMNS: Final = 48
BARS: Final = "▁▂▃▄▅▆▇█"
LINE_EVERY_S: Final = 10.0


def drawn(
    status: Status, *, curve: Sequence[float] = (), ends: str = "", on_exit: str = ""
) -> RenderableType:
    """Draw a status: head, quotes, positions, orders, fills, health."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_head(status, ends), _money(status, curve), Text(), _quotes(status)]
    for table in (_positions(status), _orders(status), _fills(status)):
        if table is not None:
            parts += [Text(), table]
    parts += [Text(), _health(status)]
    if status.stopping:
        parts.append(Text(f"Stopping: {status.stopping}", "bold yellow"))
    else:
        what = {
            "cancel": "orders are canceled",
            "leave": "orders stay",
            "flatten": "orders are canceled and positions closed",
        }
        parts.append(Text(f"Ctrl-C ends the run: {what.get(on_exit, 'orders are canceled')}.", "dim"))
    return Group(*parts)


class Screen:
    """The picture of a run on a terminal, drawn anew in its place each time it is called."""

    def __init__(self, *, seconds: float | None, on_exit: str) -> None:
        from rich.console import Console
        from rich.live import Live

        self._ends = "" if seconds is None else _clock(seconds)
        self._on_exit = on_exit
        self._curve: deque[float] = deque(maxlen=1_000)
        # No thread of its own: the run says when it has a moment.
        self._live = Live(
            console=Console(stderr=True), auto_refresh=False, transient=True, redirect_stdout=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, node: Node) -> None:
        """Draw how the run stands."""
        status = status_of(node)
        if status.profit is not None and status.elapsed_s:
            self._curve.append(status.profit)
        picture = drawn(status, curve=self._curve, ends=self._ends, on_exit=self._on_exit)
        self._live.update(picture, refresh=True)


class Lines:
    """A line on standard error every so many seconds of the run."""

    def __init__(self, every_s: float = LINE_EVERY_S) -> None:
        self._every_s = every_s
        self._next_s = 0.0

    def __call__(self, node: Node) -> None:
        """Say how the run stands, if it is time to."""
        elapsed_s = (node.session.now_ns() - node.session.start_ns) / 1e9 if node.session.start_ns else 0.0
        if elapsed_s < self._next_s:
            return
        self._next_s = elapsed_s + self._every_s
        note(line_of(status_of(node)))


def line_of(status: Status) -> str:
    """Say the main figures in one line."""
    held = ", ".join(f"{each.quantity} {each.instrument}" for each in status.positions) or "nothing"
    down = [f"{each.venue} {each.channel} is down" for each in status.health if not each.up]
    return "  ".join(
        [
            _clock(status.elapsed_s),
            f"equity {status.equity or 'unknown'}{_signed(status.profit)}",
            f"holds {held}",
            f"orders {status.orders_sent}, open {len(status.orders)}",
            f"fills {status.fills_total}",
            *down,
            *([f"no orders are sent: {status.trouble}"] if status.trouble else []),
            *(f"{name} failed" for name in status.failures),
        ]
    )


def _head(status: Status, ends: str) -> Text:
    from rich.text import Text

    elapsed = _clock(status.elapsed_s) + (f" of {ends}" if ends else "")
    now = datetime.fromtimestamp(status.now_ns // 1_000_000_000, UTC)
    return Text.assemble(
        (status.name, "bold"),
        ("  paper, on the built-in exchange", "cyan"),
        f"  {elapsed}",
        (f"  {now:%Y-%m-%d %H:%M:%S} UTC  seed {status.seed}", "dim"),
    )


def _money(status: Status, curve: Sequence[float]) -> Text:
    from rich.text import Text

    colour = "" if not status.profit else ("green" if status.profit > 0 else "red")
    text = Text.assemble("Equity ", (status.equity or "unknown", "bold"), (_signed(status.profit), colour))
    if len(curve) > 1 and can_show(BARS):
        text.append(f"  {_bars(curve)}", colour)
    return text


def _quotes(status: Status) -> Table:
    table = _table("Market", "bid quantity>", "bid>", "ask>", "ask quantity>", "spread>", "age>")
    for quote in status.quotes:
        table.add_row(
            quote.instrument,
            quote.bid_quantity,
            quote.bid or "–",
            quote.ask or "–",
            quote.ask_quantity,
            "–"
            if quote.spread_ticks is None
            else f"{quote.spread_ticks} tick{'s' * (quote.spread_ticks != 1)}",
            "–" if quote.age_ms is None else _age(quote.age_ms),
            style="" if quote.trusted else "yellow",
        )
    return table


def _positions(status: Status) -> Table | None:
    if not status.positions:
        return None
    table = _table("Position", "held by", "quantity>", "entry>", "unrealised>", "realised>", "fees>", "net>")
    for each in status.positions:
        table.add_row(
            each.instrument,
            each.strategy if each.state == "active" else f"{each.strategy} ({each.state})",
            each.quantity,
            each.entry or "–",
            each.unrealised or "–",
            each.realised,
            each.fees,
            each.net or "–",
        )
    return table


def _orders(status: Status) -> Table | None:
    if not status.orders:
        return None
    table = _table("Order", "side", "quantity>", "filled>", "price>", "status", "age>")
    for each in status.orders[-ORDERS_SHOWN:]:
        table.add_row(
            each.instrument,
            _side(each.side),
            each.quantity,
            each.filled,
            each.price or "market",
            f"{each.status}, canceling" if each.canceling else each.status.replace("_", " "),
            _age(each.age_ms),
        )
    if len(status.orders) > ORDERS_SHOWN:
        table.add_row(f"and {len(status.orders) - ORDERS_SHOWN} more", style="dim")
    return table


def _fills(status: Status) -> Table | None:
    if not status.fills:
        return None
    table = _table("Fill", "side", "quantity>", "price>", "as", "at>")
    for each in status.fills:
        at = datetime.fromtimestamp(each.time_ns // 1_000_000_000, UTC)
        how = {True: "maker", False: "taker", None: ""}[each.maker]
        table.add_row(each.instrument, _side(each.side), each.quantity, each.price, how, f"{at:%H:%M:%S}")
    return table


def _health(status: Status) -> Text:
    from rich.text import Text

    text = Text.assemble(("Health  ", "dim"))
    for link in status.health:
        text.append(
            f"{link.venue} {link.channel} {'up' if link.up else 'down: ' + link.reason}  ",
            "green" if link.up else "bold red",
        )
    text.append(
        f"orders {status.orders_sent:,}  refused {status.orders_refused:,}  fills {status.fills_total:,}"
    )
    if status.in_doubt:
        text.append(f"  in doubt {status.in_doubt}", "bold yellow")
    if status.trouble:
        text.append(f"\nNo orders are sent: {status.trouble}", "bold red")
    for name, failure in status.failures.items():
        text.append(f"\n{name} failed and was stopped: {failure}", "bold red")
    return text


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for column in columns:
        table.add_column(
            column.rstrip(">"), justify="right" if column.endswith(">") else "left", no_wrap=True
        )
    return table


def _side(side: str) -> Text:
    from rich.text import Text

    return Text(side, "green" if side == "buy" else "red")


def _bars(curve: Sequence[float]) -> str:
    """Draw a curve in one line of text."""
    values = list(curve)
    step = max(1, len(values) // CURVE_COLUMNS)
    values = values[::-step][:CURVE_COLUMNS][::-1]
    low, high = min(values), max(values)
    if high == low:
        return BARS[0] * len(values)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in values)


def _signed(profit: float | None) -> str:
    return "" if profit is None else f" ({profit:+,.2f})"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole % 3600 // 60:02}:{whole % 60:02}"


def _age(ms: int) -> str:
    return f"{ms} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s" if ms < 60_000 else _clock(ms / 1_000)


def wants_screen(*, plain: bool, json: bool) -> bool:
    """Say whether there is a terminal to draw on, and nobody asked for something else."""
    return not plain and not json and sys.stderr.isatty()
