"""`xtrade impact`: what taking an amount costs, on each venue and split over all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer, columns
from xtrade.app.reach import (
    AtFlag,
    PairFlag,
    VenuesFlag,
    Way,
    instrument_of,
    reached,
    symbol_of,
    venues_named,
)
from xtrade.market.impact import Amount, Impact, Split, cheapest_split, price_impact
from xtrade.market.live_books import LiveBook
from xtrade.model.errors import UsageError, XtradeError
from xtrade.model.numbers import plain
from xtrade.model.sides import Side
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.text import Text

    from xtrade.model.instruments import Instrument
    from xtrade.symbols.symbol import Symbol
    from xtrade.venues.registry import Loaded

__all__ = ["app"]

app = cyclopts.App(name="impact", usage="xtrade impact buy|sell AMOUNT --pair PAIR [OPTIONS]")

_DEPTH = 1_000


class ImpactRow(Struct, frozen=True, kw_only=True):
    """What an amount costs, or brings, on one venue; `whole` is whether its book has that much."""

    venue: str
    base: str | None = None
    average: str | None = None
    worst: str | None = None
    fee: str | None = None
    total: str | None = None
    bps_from_mid: float | None = None
    levels: int = 0
    whole: bool = False
    problem: str = ""


class ImpactAnswer(Struct, frozen=True, kw_only=True):
    """Every venue alone, and the cheapest split over all of them."""

    pair: str
    side: str
    amount: str
    venues: tuple[ImpactRow, ...]
    split: tuple[ImpactRow, ...]
    split_average_after_fee: str | None
    left_out: tuple[str, ...] = ()


@app.default
def impact(
    side: Annotated[Literal["buy", "sell"], Parameter(help="Which way.")],
    amount: Annotated[str, Parameter(help="How much: base coins, or with --in quote that much money.")],
    /,
    *,
    pair: PairFlag,
    venues: VenuesFlag = None,
    at: AtFlag = "live",
    in_: Annotated[
        Literal["base", "quote"],
        Parameter(name="--in", help="What the amount is in: base coins or quote money."),
    ] = "base",
    json: Json = False,
) -> None:
    """See what buying or selling an amount would cost, walking down the books, with fees.

    Each venue is told alone; under them stands the cheapest split over all, level by level.

    **Examples**

    - `xtrade impact buy 2 --pair BTC-USDT --venues binance,okx`
    - `xtrade impact sell 250000 --in quote --pair BTC/USDT:USDT --at box`
    """
    symbol = symbol_of(pair)
    way = Side.BUY if side == "buy" else Side.SELL
    wanted = Amount(amount, in_)
    found = run(lambda: _asked(symbol, way, wanted, venues_named(venues), Way(at)))
    answer(found, json=json, human=lambda: _table(found))


async def _asked(symbol: Symbol, side: Side, amount: Amount, names: list[str], way: Way) -> ImpactAnswer:
    async with reached(names, way) as there:
        problems = {name: str(error) for name, error in there.failures.items()}
        books: dict[str, LiveBook] = {}
        asked = await asyncio.gather(*(_book(venue, symbol) for venue in there.venues.values()))
        for name, found in zip(there.venues, asked, strict=True):
            if isinstance(found, str):
                problems[name] = found
            else:
                books[name] = found
    if not books:
        raise UsageError("no venue has a book of it: " + "; ".join(problems.values()))
    rows = [
        _row(books[name].instrument, price_impact(books[name], side, amount))
        if name in books
        else ImpactRow(venue=name, problem=problems[name])
        for name in names
    ]
    split = cheapest_split(list(books.values()), side, amount) if len(books) > 1 else None
    return ImpactAnswer(
        pair=str(symbol),
        side=side.value,
        amount=f"{amount.size!s} {symbol.base if amount.of == 'base' else symbol.quote}",
        venues=tuple(rows),
        split=_parts(split, books),
        split_average_after_fee=_average(split),
        left_out=() if split is None else split.left_out,
    )


async def _book(venue: Loaded, symbol: Symbol) -> LiveBook | str:
    try:
        instrument = instrument_of(venue, symbol)
        book = LiveBook(instrument)
        book.apply(await venue.market.book(instrument.key, _DEPTH))
    except XtradeError as error:
        return str(error)
    return book


def _row(instrument: Instrument, found: Impact) -> ImpactRow:
    return ImpactRow(
        venue=instrument.venue,
        base=plain(found.base.amount),
        average=None if found.average is None else f"{found.average.amount:.8g}",
        worst=None if found.worst_ticks is None else plain(instrument.price(found.worst_ticks)),
        fee=f"{float(found.fee.amount):.6g}",
        total=f"{float(found.total.amount):.10g}",
        bps_from_mid=found.bps_from_mid,
        levels=found.levels,
        whole=found.is_whole,
    )


def _parts(split: Split | None, books: Mapping[str, LiveBook]) -> tuple[ImpactRow, ...]:
    if split is None:
        return ()
    return tuple(_row(books[part.instrument.partition(":")[0]].instrument, part) for part in split.parts)


def _average(split: Split | None) -> str | None:
    average = None if split is None else split.average_after_fee
    return None if average is None else f"{average.amount:.8g}"


def _table(found: ImpactAnswer) -> Text:
    from rich.text import Text

    heading = ("venue", "takes", "average", "from mid", "levels", "fee", "with fee")

    def cells(row: ImpactRow) -> tuple[str, ...]:
        off = "-" if row.bps_from_mid is None else f"{row.bps_from_mid:.2f} bp"
        short = "" if row.whole else " (all there is)"
        return (
            row.venue,
            f"{row.base}{short}",
            row.average or "-",
            off,
            str(row.levels),
            row.fee or "",
            row.total or "",
        )

    text = Text(f"{found.side} {found.amount} of {found.pair}\n\n", "bold")
    text.append_text(columns(heading, [cells(row) for row in found.venues if not row.problem]))
    if found.split:
        text.append("\n\nCheapest split after fees\n", "bold")
        text.append_text(columns(heading, [cells(row) for row in found.split]))
        text.append(f"\n{found.split_average_after_fee} a coin after fees, over all")
    for line in (*(row.problem for row in found.venues if row.problem), *found.left_out):
        text.append(f"\n{line}", "yellow")
    return text
