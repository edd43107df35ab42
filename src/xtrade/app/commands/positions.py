"""`xtrade positions`: what is held, what it cost, and what it adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct, to_builtins

from xtrade.app.desk_flags import InstrumentFlag, JournalFlag, RunFlag, StrategyFlag, VenueFlag, looked_at
from xtrade.app.desk_tables import (
    ExposureRow,
    PositionRow,
    Standing,
    Which,
    exposure_rows,
    lines_of,
    money_text,
    position_row,
    position_table,
    standing,
)
from xtrade.app.output import Json, answer, columns

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["app"]

app = cyclopts.App(name="positions", usage="xtrade positions [OPTIONS]")


class Positions(Struct, frozen=True, kw_only=True):
    """What is held, by strategy and instrument, and the exposure that makes."""

    standing: Standing
    positions: tuple[PositionRow, ...]
    exposure: tuple[ExposureRow, ...]


@app.default
def positions(
    *,
    run: RunFlag = None,
    journal: JournalFlag = None,
    strategy: StrategyFlag = None,
    instrument: InstrumentFlag = None,
    venue: VenueFlag = None,
    all_: Annotated[
        bool,
        Parameter(name="--all", negative="", show_default=False, help="Also those that are flat again."),
    ] = False,
    json: Json = False,
) -> None:
    """See what is held, what it cost, and the exposure to each asset.

    They are read from the journal of a run, which may be going on: reading disturbs nobody. The journal has no prices
    of its own: positions are valued at the middle of the last book that a strategy decided on, and its age is told.
    Where there is none, neither is a worth.

    **Examples**

    - `xtrade positions`
    - `xtrade positions --run runs/quickstart --all`
    - `xtrade positions --strategy maker --json`
    """
    _, desk = looked_at(run, journal)
    which = Which(strategy, instrument, venue)
    rows = [position_row(line) for line in lines_of(desk, which)]
    exposure = exposure_rows(desk, which)
    found = Positions(
        standing=standing(desk),
        positions=tuple(row for row in rows if all_ or row.lots),
        exposure=tuple(exposure),
    )
    answer(to_builtins(found, enc_hook=str), json=json, human=lambda: _drawn(found))


def _drawn(found: Positions) -> Text:
    from rich.text import Text

    text = position_table(found.positions) if found.positions else Text("Nothing is held.")
    if not found.exposure:
        return text
    rows = [
        (
            row.asset,
            *(
                "not known" if each is None else money_text(each)
                for each in (row.net, row.lowest, row.highest)
            ),
        )
        for row in found.exposure
    ]
    heading = ("exposure", "now", "if all sales fill", "if all buys fill")
    return Text("\n\n").join([text, columns(heading, rows)])
