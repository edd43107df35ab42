"""`xtrade pnl`: what was earned, by strategy, instrument, venue or account; the lines add up to the last row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter
from msgspec import Struct, to_builtins

from xtrade.app.desk_flags import InstrumentFlag, JournalFlag, RunFlag, StrategyFlag, VenueFlag, looked_at
from xtrade.app.desk_tables import ProfitRow, Standing, Which, lines_of, money_text, profit_rows, standing
from xtrade.app.output import Json, answer, columns

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["app", "profit_table"]

app = cyclopts.App(name="pnl", usage="xtrade pnl [OPTIONS]")


class Profit(Struct, frozen=True, kw_only=True):
    """What was earned: rows of one kind, and what they add up to."""

    standing: Standing
    by: str
    rows: tuple[ProfitRow, ...]
    total: tuple[ProfitRow, ...]


@app.default
def pnl(
    *,
    run: RunFlag = None,
    journal: JournalFlag = None,
    by: Annotated[
        Literal["strategy", "instrument", "venue", "account"],
        Parameter(name="--by", metavar="WHAT", help="strategy, instrument, venue or account."),
    ] = "strategy",
    strategy: StrategyFlag = None,
    instrument: InstrumentFlag = None,
    venue: VenueFlag = None,
    json: Json = False,
) -> None:
    """See what was earned, by strategy, instrument, venue or account.

    Earned is realised, unrealised and funding, less fees. Amounts of different currencies are never added: each has its
    row. Unrealised is at the middle of the last book that a strategy decided on; what has no such book is named below,
    and its worth is in none of the sums. The table is rounded; with --json the amounts are exact.

    **Examples**

    - `xtrade pnl`
    - `xtrade pnl --by venue --run runs/quickstart`
    - `xtrade pnl --by instrument --strategy maker --json`
    """
    _, desk = looked_at(run, journal)
    lines = lines_of(desk, Which(strategy, instrument, venue))
    found = Profit(
        standing=standing(desk),
        by=by,
        rows=tuple(profit_rows(lines, by=by)),
        total=tuple(profit_rows(lines, by="all")),
    )
    answer(to_builtins(found, enc_hook=str), json=json, human=lambda: _drawn(found))


def profit_table(by: str, rows: Sequence[ProfitRow]) -> Text:
    """Draw rows of profit."""
    return columns(
        (by, "realised", "unrealised", "funding", "fees", "earned"),
        [
            (
                row.name or "-",
                *(
                    money_text(each)
                    for each in (row.realised, row.unrealised, row.funding, row.fees, row.earned)
                ),
            )
            for row in rows
        ],
    )


def _drawn(found: Profit) -> Text:
    from rich.text import Text

    if not found.rows:
        return Text("Nothing was traded.")
    text = profit_table(found.by, [*found.rows, *found.total])
    missing = sorted({key for row in found.total for key in row.without_mark})
    if missing:
        text.append(f"\n\nNot valued, for want of a book: {', '.join(missing)}. It is held.", "yellow")
    return text
