"""What the commands that look at a desk share: which journal they read, whose lines they show, how they open it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from xtrade.app.desk import Desk, Place, found
from xtrade.app.output import note

if TYPE_CHECKING:
    from xtrade.trading.journal.entries import Entry
    from xtrade.trading.journal.opening import Readable

__all__ = ["InstrumentFlag", "JournalFlag", "RunFlag", "StrategyFlag", "VenueFlag", "looked_at", "place_of"]

RunFlag = Annotated[
    Path | None,
    Parameter(
        name="--run", metavar="DIR", help="The folder of a run; without it, the newest, running or ended."
    ),
]
JournalFlag = Annotated[
    str | None,
    Parameter(
        name="--journal",
        metavar="PLACE",
        help="A file, or postgresql://USER@HOST:PORT/DATABASE#NAME, in place of a run.",
    ),
]
StrategyFlag = Annotated[
    str | None, Parameter(name="--strategy", metavar="NAME", help="Those of one strategy.")
]
InstrumentFlag = Annotated[
    str | None,
    Parameter(name="--instrument", metavar="VENUE:SYMBOL", help="Those of one instrument."),
]
VenueFlag = Annotated[str | None, Parameter(name="--venue", metavar="NAME", help="Those at one venue.")]

LONG = 50_000


def place_of(run: Path | None, journal: str | None) -> Place:
    """Find the journal that a command line asks for."""
    from xtrade.app.config.load import load

    return found(run, journal, lambda: load().config)


def looked_at(run: Path | None, journal: str | None) -> tuple[Place, Desk]:
    """Read the journal that a command line asks for, from its beginning; say on standard error which that is."""
    place, desk = place_of(run, journal), Desk()
    place.read_on(desk, shown=_shown)
    from xtrade.app.desk_tables import standing_text

    note(standing_text(desk))
    return place, desk


def _shown(journal: Readable, entries: Iterable[Entry]) -> Iterable[Entry]:
    """Pass entries on, with a bar on standard error where that is a terminal and the journal is long."""
    total = journal.head()[0]
    if not sys.stderr.isatty() or total < LONG:
        return entries
    from rich.console import Console
    from rich.progress import track

    return track(
        entries,
        description="reading the journal",
        total=total,
        console=Console(stderr=True),
        transient=True,
    )
