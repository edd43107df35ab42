"""`xtrade candles`: bars of a market, as a venue has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app.output import Json, answer, columns
from xtrade.app.reach import AtFlag, PairFlag, VenueFlag, Way, instrument_of, reached, symbol_of, venues_named
from xtrade.model.durations import duration_ns
from xtrade.model.numbers import plain
from xtrade.runtime import clock
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from rich.text import Text

    from xtrade.symbols.symbol import Symbol

__all__ = ["app"]

app = cyclopts.App(name="candles", usage="xtrade candles --pair PAIR --venue VENUE [OPTIONS]")


class CandleRow(Struct, frozen=True, kw_only=True):
    """One bar; the last may still run."""

    start: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    closed: bool


@app.default
def candles(
    *,
    pair: PairFlag,
    venue: VenueFlag,
    at: AtFlag = "live",
    interval: Annotated[str, Parameter(metavar="TIME", help="How long a bar is: 1m, 15m, 1h, 1d.")] = "1m",
    count: Annotated[int, Parameter(metavar="COUNT", help="How many, up to now.")] = 20,
    json: Json = False,
) -> None:
    """See the bars of a market: open, high, low, close and volume, the newest last.

    **Examples**

    - `xtrade candles --pair BTC-USDT --venue okx`
    - `xtrade candles --pair ETH-USDT --venue binance --interval 1h --count 48`
    """
    symbol = symbol_of(pair)
    (name,) = venues_named(venue)[:1]
    found = run(lambda: _asked(symbol, name, Way(at), duration_ns(interval), count))
    answer(found, json=json, human=lambda: _table(found))


async def _asked(symbol: Symbol, name: str, way: Way, interval_ns: int, count: int) -> list[CandleRow]:
    async with reached([name], way) as there:
        place = there.only()
        instrument = instrument_of(place, symbol)
        now_ns = clock.now_ns()
        first_ns = (now_ns // interval_ns - count + 1) * interval_ns
        told = await place.market.bars(instrument.key, interval_ns, first_ns, now_ns + 1)
    return [
        CandleRow(
            start=datetime.fromtimestamp(bar.start_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            open=plain(instrument.price(bar.open_ticks)),
            high=plain(instrument.price(bar.high_ticks)),
            low=plain(instrument.price(bar.low_ticks)),
            close=plain(instrument.price(bar.close_ticks)),
            volume=plain(instrument.quantity(bar.volume_lots)),
            closed=bar.start_ns + interval_ns <= now_ns,
        )
        for bar in told[-count:]
    ]


def _table(found: list[CandleRow]) -> Text:
    from rich.text import Text

    if not found:
        return Text("No bars are remembered there.", "yellow")
    rows = []
    for row in found:
        colour = "green" if float(row.close) >= float(row.open) else "red"
        close = Text(row.close + ("" if row.closed else " *"), colour)
        rows.append((row.start.replace("T", " ")[:16], row.open, row.high, row.low, close, row.volume))
    text = columns(("start (UTC)", "open", "high", "low", "close", "volume"), rows)
    if not found[-1].closed:
        text.append("\n* still running", "dim")
    return text
