"""`xtrade trades`: the last public trades of a market."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer, columns
from xtrade.app.reach import AtFlag, PairFlag, VenueFlag, Way, instrument_of, reached, symbol_of, venues_named
from xtrade.model.numbers import plain
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from rich.text import Text

    from xtrade.symbols.symbol import Symbol

__all__ = ["app"]

app = cyclopts.App(name="trades", usage="xtrade trades --pair PAIR --venue VENUE [OPTIONS]")


class TradeRow(Struct, frozen=True, kw_only=True):
    """One trade: `taker` is the side that crossed the spread."""

    time: str
    trade_id: str
    taker: str
    price: str
    quantity: str


@app.default
def trades(
    *,
    pair: PairFlag,
    venue: VenueFlag,
    at: AtFlag = "live",
    count: Annotated[int, Parameter(metavar="COUNT", help="How many, at most.")] = 20,
    json: Json = False,
) -> None:
    """See the last trades of a market, the newest last.

    **Examples**

    - `xtrade trades --pair BTC-USDT --venue okx`
    - `xtrade trades --pair SOL/USDC:USDC --venue backpack --count 100 --json`
    """
    symbol = symbol_of(pair)
    (name,) = venues_named(venue)[:1]
    found = run(lambda: _asked(symbol, name, Way(at), count))
    answer(found, json=json, human=lambda: _table(found))


async def _asked(symbol: Symbol, name: str, way: Way, count: int) -> list[TradeRow]:
    async with reached([name], way) as there:
        place = there.only()
        instrument = instrument_of(place, symbol)
        told = await place.market.trades(instrument.key, count)
    return [
        TradeRow(
            time=_time(trade.venue_ns or 0),
            trade_id=trade.trade_id,
            taker=trade.taker.value,
            price=plain(instrument.price(trade.ticks)),
            quantity=plain(instrument.quantity(trade.lots)),
        )
        for trade in told[-count:]
    ]


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="milliseconds")


def _table(found: list[TradeRow]) -> Text:
    from rich.text import Text

    if not found:
        return Text("No trades are remembered there.", "yellow")
    rows = [
        (row.time[11:23], Text(row.taker, "green" if row.taker == "buy" else "red"), row.price, row.quantity)
        for row in found
    ]
    return columns(("time (UTC)", "taker", "price", "quantity"), rows)
