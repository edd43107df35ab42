"""`xtrade book`: the order book of one market, once or live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer, console
from xtrade.app.reach import AtFlag, PairFlag, VenueFlag, Way, instrument_of, reached, symbol_of, venues_named
from xtrade.model.numbers import plain
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from rich.console import RenderableType

    from xtrade.market.live_books import LiveBook
    from xtrade.model.events import Event
    from xtrade.model.instruments import Instrument
    from xtrade.symbols.symbol import Symbol

__all__ = ["app"]

app = cyclopts.App(name="book", usage="xtrade book --pair PAIR --venue VENUE [OPTIONS]")

_FRAME_S = 0.25


class Level(Struct, frozen=True):
    """A price, and what stands there, in the venue's own unit of quantity."""

    price: str
    quantity: str


class BookAnswer(Struct, frozen=True, kw_only=True):
    """A book's best levels, the best first."""

    instrument: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    age_ms: int
    in_step: bool = True
    """Whether it is the venue's book: a live one is not while something of it is missing."""


@app.default
def book(
    *,
    pair: PairFlag,
    venue: VenueFlag,
    at: AtFlag = "live",
    depth: Annotated[int, Parameter(metavar="LEVELS", help="How many levels a side.")] = 10,
    live: Annotated[
        bool, Parameter(name="--live", negative="", show_default=False, help="Follow it as it changes.")
    ] = False,
    seconds: Annotated[
        float | None,
        Parameter(metavar="SECONDS", help="End after so long; without it, at Ctrl-C. For --live."),
    ] = None,
    json: Json = False,
) -> None:
    """See the order book of a market, once or live.

    A live book is kept from the venue's changes; while one of them is missing it is shown as not in step.

    **Examples**

    - `xtrade book --pair BTC-USDT --venue okx`
    - `xtrade book --pair BTC/USDT:USDT --venue binance --live`
    """
    symbol = symbol_of(pair)
    (name,) = venues_named(venue)[:1]
    if live:
        run(lambda: _followed(symbol, name, Way(at), depth, seconds, json=json))
        return
    found = run(lambda: _asked(symbol, name, Way(at), depth))
    answer(found, json=json, human=lambda: _drawn(found))


async def _asked(symbol: Symbol, name: str, way: Way, depth: int) -> BookAnswer:
    async with reached([name], way) as there:
        place = there.only()
        instrument = instrument_of(place, symbol)
        there_now = await place.market.book(instrument.key, depth)
        return BookAnswer(
            instrument=instrument.key,
            bids=_levels(instrument, list(there_now.bids)[:depth]),
            asks=_levels(instrument, list(there_now.asks)[:depth]),
            age_ms=(clock.now_ns() - there_now.received_ns) // 1_000_000,
        )


async def _followed(
    symbol: Symbol, name: str, way: Way, depth: int, seconds: float | None, *, json: bool
) -> None:
    import sys

    import msgspec
    from rich.live import Live

    from xtrade.market.live_books import LiveBooks
    from xtrade.model.events import BookDelta, BookSnapshot, Stale
    from xtrade.venues.abilities import Feed

    async with reached([name], way) as there:
        place = there.only()
        instrument = instrument_of(place, symbol)
        books = LiveBooks(place.instruments)
        kept = books.live(instrument.key)

        def hear(events: Sequence[Event]) -> None:
            for event in events:
                if isinstance(event, BookSnapshot | BookDelta):
                    books.apply(event)
                elif isinstance(event, Stale):
                    kept.distrust()

        place.market.subscribe(instrument.key, frozenset({Feed.BOOK}))
        await place.start(hear)
        frames = int(seconds / _FRAME_S) if seconds is not None else None
        if json:
            async for found in _frames(kept, depth, frames):
                sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
                sys.stdout.flush()
            return
        with Live(console=console(), refresh_per_second=4, transient=False) as screen:
            async for found in _frames(kept, depth, frames):
                screen.update(_drawn(found))


async def _frames(kept: LiveBook, depth: int, count: int | None) -> AsyncIterator[BookAnswer]:
    number = 0
    while count is None or number < count:
        await asyncio.sleep(_FRAME_S)
        number += 1
        instrument = kept.instrument
        yield BookAnswer(
            instrument=instrument.key,
            bids=_levels(instrument, kept.levels(Side.BUY, depth)),
            asks=_levels(instrument, kept.levels(Side.SELL, depth)),
            age_ms=(clock.now_ns() - kept.heard_ns) // 1_000_000 if kept.heard_ns else 0,
            in_step=kept.is_trusted,
        )


def _levels(instrument: Instrument, rows: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    return tuple(
        Level(plain(instrument.price(ticks)), plain(instrument.quantity(lots))) for ticks, lots in rows
    )


def _drawn(found: BookAnswer) -> RenderableType:
    """Draw asks above bids, as desks do, with a bar for what stands at each price."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(justify="right")
    table.add_column()
    most = max((float(level.quantity) for level in (*found.bids, *found.asks)), default=1.0) or 1.0

    def row(level: Level, colour: str) -> None:
        bar = "█" * max(1, round(30 * float(level.quantity) / most))
        table.add_row(Text(level.price, colour), level.quantity, Text(bar, f"dim {colour}"))

    head = Text(found.instrument, "bold")
    head.append(f"   {found.age_ms} ms old", "dim")
    if not found.in_step:
        head.append("   not in step: waiting for a snapshot", "bold yellow")
    for level in reversed(found.asks):
        row(level, "red")
    table.add_row("", "", Text(_spread(found), "dim"))
    for level in found.bids:
        row(level, "green")
    whole = Table.grid()
    whole.add_row(head)
    whole.add_row(table)
    return whole


def _spread(found: BookAnswer) -> str:
    if not found.bids or not found.asks:
        return "one side is empty"
    bid, ask = float(found.bids[0].price), float(found.asks[0].price)
    return f"spread {ask - bid:.8g} = {(ask - bid) / ((ask + bid) / 2) * 1e4:.2f} bp"
