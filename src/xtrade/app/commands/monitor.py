"""`xtrade monitor`: a desk, or one order, seen again and again while its run goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import cyclopts
import msgspec
from cyclopts import Parameter

from xtrade.app.desk_flags import InstrumentFlag, JournalFlag, RunFlag, StrategyFlag, VenueFlag, looked_at
from xtrade.app.output import Json
from xtrade.model.errors import NumberError, UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.app.desk import Desk
    from xtrade.app.desk_tables import Which

__all__ = ["app"]

app = cyclopts.App(name="monitor", usage="xtrade monitor [OPTIONS]")

SHORTEST_NS = 1_000_000


@app.default
def monitor(
    *,
    run: RunFlag = None,
    journal: JournalFlag = None,
    every: Annotated[
        str,
        Parameter(name="--every", metavar="DURATION", help="How long from one look to the next: 2s, 500ms."),
    ] = "2s",
    updates: Annotated[
        int | None,
        Parameter(
            name="--updates", metavar="COUNT", help="End after so many looks; without it, with the run."
        ),
    ] = None,
    order: Annotated[
        int | None, Parameter(name="--order", metavar="ID", help="One order, until it has ended.")
    ] = None,
    strategy: StrategyFlag = None,
    instrument: InstrumentFlag = None,
    venue: VenueFlag = None,
    json: Json = False,
) -> None:
    """Watch positions, open orders and profit, or one order, as they change.

    On a terminal it is a table that is drawn anew in its place; elsewhere each look is a line. With --json each look is
    a JSON document in a line of its own. It ends with the run, after --updates looks, or at Ctrl-C; the run does not
    notice. Of an order it shows what that order alone has traded and what this is worth.

    **Examples**

    - `xtrade monitor`
    - `xtrade monitor --every 2s --updates 10`
    - `xtrade monitor --order 1763740000000000001 --every 500ms`
    - `xtrade monitor --strategy maker --updates 1 --json`
    """
    from xtrade.app.desk_tables import Which
    from xtrade.app.desk_watch import watch
    from xtrade.runtime.real import run as run_real

    every_ns = _every_ns(every)
    if updates is not None and updates < 1:
        raise UsageError(f"--updates {updates}: expected 1 or more")
    place, desk = looked_at(run, journal)
    which = Which(strategy, instrument, venue)
    with ExitStack() as stack:
        if not json and sys.stdout.isatty():
            show = _on_screen(stack, which, order)
        else:
            show = _in_lines(which, order, json=json)
        try:
            run_real(lambda: watch(place, desk, show, every_ns=every_ns, updates=updates))
        except KeyboardInterrupt:
            # That is how one stops watching: nothing was interrupted.
            return


def _in_lines(which: Which, order: int | None, *, json: bool) -> Callable[[Desk], bool]:
    from xtrade.app.desk_tables import order_of, standing
    from xtrade.app.desk_watch import line, order_line, snapshot

    def show(desk: Desk) -> bool:
        if order is None:
            seen = snapshot(desk, which)
            _write(seen, line(seen), json=json)
            return False
        view = order_of(desk, order)
        _write(view, order_line(standing(desk), view), json=json)
        return view.final

    return show


def _write(value: object, text: str, *, json: bool) -> None:
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() if json else text)
    sys.stdout.write("\n")
    # Whoever reads a pipe wants each look when it is there.
    sys.stdout.flush()


def _on_screen(stack: ExitStack, which: Which, order: int | None) -> Callable[[Desk], bool]:
    from rich.live import Live

    from xtrade.app.commands.orders import drawn
    from xtrade.app.desk_tables import order_of
    from xtrade.app.output import console

    live = stack.enter_context(Live(console=console(), auto_refresh=False))

    def show(desk: Desk) -> bool:
        if order is None:
            live.update(_picture(desk, which), refresh=True)
            return False
        view = order_of(desk, order)
        live.update(drawn(view), refresh=True)
        return view.final

    return show


def _picture(desk: Desk, which: Which) -> RenderableType:
    from rich.text import Text

    from xtrade.app.commands.orders import order_table
    from xtrade.app.commands.pnl import profit_table
    from xtrade.app.desk_tables import position_table, standing_text
    from xtrade.app.desk_watch import snapshot

    seen = snapshot(desk, which)
    parts = [Text(standing_text(desk), style="dim")]
    parts.append(position_table(seen.positions) if seen.positions else Text("Nothing is held."))
    parts.append(order_table(seen.orders) if seen.orders else Text("No order is open."))
    if seen.profit:
        parts.append(profit_table("profit", seen.profit))
    return Text("\n\n").join(parts)


def _every_ns(text: str) -> int:
    from xtrade.model.durations import duration_ns

    try:
        found = duration_ns(text)
    except NumberError as error:
        raise UsageError(f"--every {text}: {error}") from error
    if found < SHORTEST_NS:
        raise UsageError(f"--every {text}: expected 1ms or more")
    return found
