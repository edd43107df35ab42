"""`xtrade venues`: what each venue can do here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer
from xtrade.app.reach import venues_named
from xtrade.venues.abilities import Amend, DeadMan, Feed, Scope
from xtrade.venues.registry import spec_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from xtrade.model.instruments import Kind
    from xtrade.venues.abilities import TradingAbilities

__all__ = ["app", "matrix"]

app = cyclopts.App(name="venues", usage="xtrade venues [OPTIONS]")


class Can(Struct, frozen=True, kw_only=True):
    """What one venue can do on one kind of market, row by row of the matrix."""

    venue: str
    kind: str
    rows: dict[str, str]


@app.default
def venues(
    *,
    venue: Annotated[
        str | None,
        Parameter(
            name=["--venue", "--venues"], metavar="VENUES", help="Only these, with commas between them."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """See what each venue can do here: a matrix of feeds, orders, changes, cancels and safety.

    It is what xtrade does with a venue, which may be less than what the venue has.

    **Examples**

    - `xtrade venues`
    - `xtrade venues --venue okx,lighter`
    """
    found = matrix(venues_named(venue))
    answer(found, json=json, human=lambda: _table(found))


def matrix(names: Sequence[str]) -> list[Can]:
    """Return what venues can do, one column for each kind of market of each."""
    return [
        Can(venue=name, kind=kind.value, rows=_rows(name, kind))
        for name in names
        for kind in spec_of(name).abilities.market
    ]


def _rows(name: str, kind: Kind) -> dict[str, str]:
    spec = spec_of(name)
    market = spec.abilities.market[kind]
    trading = spec.abilities.trading.get(kind)
    account = spec.abilities.account
    rows = {str(feed): _yes(feed in market.feeds) for feed in Feed}
    rows["book depth"] = "whole" if market.levels_max is None else str(market.levels_max)
    rows |= _trading(trading)
    rows["balances"] = _yes(account.balances)
    rows["positions"] = _yes(account.positions)
    rows["fills"] = _yes(account.fills)
    rows["testnet"] = _yes("testnet" in spec.addresses)
    return rows


def _trading(trading: TradingAbilities | None) -> dict[str, str]:
    if trading is None:
        return {"orders": "no"}
    switch = trading.dead_man.value
    if trading.dead_man is DeadMan.COUNTDOWN:
        switch = f"{trading.dead_man_s[0]}-{trading.dead_man_s[1]} s"
    return {
        "orders": ", ".join(sorted(each.value.replace("_", " ") for each in trading.types)),
        "time in force": ", ".join(sorted(each.value for each in trading.time_in_force)),
        "post-only": _yes(trading.post_only),
        "reduce-only": _yes(trading.reduce_only),
        "sized in quote": _yes(trading.quote_sized),
        "change": "no" if trading.amend is Amend.NONE else trading.amend.value,
        "cancel all": "one by one" if trading.cancel_all is Scope.NONE else f"by {trading.cancel_all.value}",
        "several at once": "no" if trading.batch_max < 2 else str(trading.batch_max),
        "dead-man's switch": "no" if trading.dead_man is DeadMan.NONE else switch,
        "finds ended orders": _yes(trading.finds_ended),
    }


def _yes(yes: bool) -> str:
    return "yes" if yes else "no"


def _table(found: list[Can]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for each in found:
        table.add_column(f"{each.venue}\n{each.kind}", overflow="fold")
    names = list(dict.fromkeys(name for each in found for name in each.rows))
    for name in names:
        cells = [each.rows.get(name, "no") for each in found]
        table.add_row(
            Text(name, "dim"), *(Text(cell, {"yes": "green", "no": "dim"}.get(cell, "")) for cell in cells)
        )
    return table
