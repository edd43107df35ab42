"""`xtrade instruments`: what a venue lists, on which grid, at which fees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer, columns
from xtrade.app.reach import AtFlag, VenueFlag, Way, reached, venues_named
from xtrade.model.instruments import Kind
from xtrade.model.numbers import plain
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from xtrade.model.instruments import Instrument

__all__ = ["app"]

app = cyclopts.App(name="instruments", usage="xtrade instruments --venue VENUE [OPTIONS]")


class InstrumentRow(Struct, frozen=True, kw_only=True):
    """One market: its names, its grid in the venue's own unit, and a taker's and a maker's fee."""

    symbol: str
    native: str
    kind: Kind
    tick: str
    lot: str
    multiplier: str
    min_quantity: str
    min_notional: str
    maker_fee: str
    taker_fee: str
    status: str


@app.default
def instruments(
    *,
    venue: VenueFlag,
    at: AtFlag = "live",
    base: Annotated[str | None, Parameter(metavar="ASSET", help="Only markets of this asset.")] = None,
    quote: Annotated[str | None, Parameter(metavar="ASSET", help="Only markets priced in this.")] = None,
    kind: Annotated[Kind | None, Parameter(help="Only spot, linear or inverse markets.")] = None,
    json: Json = False,
) -> None:
    """See which markets a venue lists: names, tick and lot, minimums, fees.

    **Examples**

    - `xtrade instruments --venue binance --base BTC`
    - `xtrade instruments --venue okx --kind linear --json`
    """
    (name,) = venues_named(venue)[:1]
    listed = run(lambda: _asked(name, Way(at)))
    rows = [
        _row(each)
        for each in listed
        if (base is None or each.base == base.upper())
        and (quote is None or each.quote == quote.upper())
        and kind in {None, each.kind}
    ]
    answer(rows, json=json, human=lambda: _table(rows))


async def _asked(name: str, way: Way) -> list[Instrument]:
    async with reached([name], way) as there:
        return sorted(there.only().instruments.values(), key=lambda each: each.symbol)


def _row(each: Instrument) -> InstrumentRow:
    return InstrumentRow(
        symbol=each.symbol,
        native=each.native,
        kind=each.kind,
        tick=plain(each.tick),
        lot=plain(each.lot),
        multiplier=plain(each.multiplier),
        min_quantity=plain(each.quantity(each.min_lots)),
        min_notional=plain(each.min_notional),
        maker_fee=plain(each.maker_fee),
        taker_fee=plain(each.taker_fee),
        status=each.status.value,
    )


def _table(rows: Sequence[InstrumentRow]) -> Text:
    from rich.text import Text

    if not rows:
        return Text("It lists no such market.", "yellow")
    heading = (
        "symbol",
        "native",
        "tick",
        "lot",
        "contract",
        "least",
        "least worth",
        "maker",
        "taker",
        "status",
    )
    return columns(
        heading,
        [
            (
                row.symbol,
                row.native,
                row.tick,
                row.lot,
                "" if row.multiplier == "1" else row.multiplier,
                row.min_quantity,
                "" if row.min_notional == "0" else row.min_notional,
                row.maker_fee,
                row.taker_fee,
                "" if row.status == "trading" else row.status,
            )
            for row in rows
        ],
    )
