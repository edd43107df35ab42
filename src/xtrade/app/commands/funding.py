"""`xtrade funding`: funding rates on one footing, now and in the past."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

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
from xtrade.market.funding import History, Settled, Terms, compared, widest
from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import SymbolError, UsageError, XtradeError
from xtrade.model.numbers import plain
from xtrade.runtime import clock
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from xtrade.model.instruments import Instrument
    from xtrade.symbols.symbol import Symbol
    from xtrade.venues.registry import Loaded

__all__ = ["app"]

app = cyclopts.App(name="funding", usage="xtrade funding --pair PAIR [OPTIONS]")

_DAY_NS = 86_400 * 10**9
_BARS = "▁▂▃▄▅▆▇█"


class FundingRow(Struct, frozen=True, kw_only=True):
    """One venue's running rate, as a rate of the interval and of a year: positive, longs pay shorts."""

    venue: str
    instrument: str | None = None
    rate: str | None = None
    apr: float | None = None
    predicted: str | None = None
    interval: str | None = None
    due_in_s: int | None = None
    past_apr: float | None = None
    """What was really paid in the time that was asked for, as a rate of a year."""
    problem: str = ""


class Paid(Struct, frozen=True):
    """One settlement."""

    time: str
    rate: str


class FundingAnswer(Struct, frozen=True, kw_only=True):
    """Rates of all venues, and with --history what each of them charged."""

    pair: str
    venues: tuple[FundingRow, ...]
    long: str | None
    short: str | None
    spread_apr: float | None
    history: dict[str, tuple[Paid, ...]] = {}


@app.default
def funding(
    *,
    pair: PairFlag,
    venues: VenuesFlag = None,
    at: AtFlag = "live",
    history: Annotated[
        str | None, Parameter(metavar="TIME", help="Also what was charged in so long: 7d, 24h; drawn below.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare the funding of a perpetual on several venues, as a rate of a year.

    Venues charge every eight hours, every hour, or anything between: a year puts them on one footing. Positive rates
    are paid by longs to shorts.

    **Examples**

    - `xtrade funding --pair BTC/USDT:USDT --venues binance,okx`
    - `xtrade funding --pair ETH/USDC:USDC --venue lighter --history 7d`
    """
    symbol = symbol_of(pair)
    if symbol.settle is None:
        raise UsageError(f"{symbol} is a pair and has no funding: its perpetual is {symbol}:{symbol.quote}")
    span_ns = duration_ns(history) if history is not None else None
    found = run(lambda: _asked(symbol, venues_named(venues), Way(at), span_ns))
    answer(found, json=json, human=lambda: _drawn(found))


async def _asked(symbol: Symbol, names: list[str], way: Way, span_ns: int | None) -> FundingAnswer:
    rows: dict[str, FundingRow] = {}
    terms: list[Terms] = []
    histories: dict[str, History] = {}
    async with reached(names, way) as there:
        rows |= {name: FundingRow(venue=name, problem=str(error)) for name, error in there.failures.items()}
        told = await asyncio.gather(*(_of(venue, symbol, span_ns) for venue in there.venues.values()))
        now_ns = clock.now_ns()
        for name, each in zip(there.venues, told, strict=True):
            if isinstance(each, str):
                rows[name] = FundingRow(venue=name, problem=each)
                continue
            instrument, running, past = each
            terms.append(running)
            if past is not None:
                histories[name] = past
            rows[name] = _row(name, instrument, running, past, now_ns, span_ns)
    if not terms and len(names) == 1:
        raise SymbolError(rows[names[0]].problem)
    wide = widest(terms)
    order = [each.instrument.partition(":")[0] for each in compared(terms)]
    return FundingAnswer(
        pair=str(symbol),
        venues=tuple(rows[name] for name in (*order, *(name for name in names if name not in order))),
        long=None if wide is None else wide.long.instrument.partition(":")[0],
        short=None if wide is None else wide.short.instrument.partition(":")[0],
        spread_apr=None if wide is None else wide.apr,
        history={
            name: tuple(Paid(_time(each.time_ns), plain(each.rate)) for each in past.settled)
            for name, past in histories.items()
        },
    )


async def _of(
    venue: Loaded, symbol: Symbol, span_ns: int | None
) -> tuple[Instrument, Terms, History | None] | str:
    try:
        instrument = instrument_of(venue, symbol)
        event = await venue.market.funding(instrument.key)
        now_ns = clock.now_ns()
        past = None
        if span_ns is not None:
            settled = await venue.market.funding_history(instrument.key, now_ns - span_ns - _DAY_NS, now_ns)
            past = History.of(instrument.key, (Settled(each.at_ns, each.rate) for each in settled))
    except XtradeError as error:
        return str(error)
    return instrument, Terms.of(event, past), past


def _row(
    name: str, instrument: Instrument, running: Terms, past: History | None, now_ns: int, span_ns: int | None
) -> FundingRow:
    due_ns = running.due_in_ns(now_ns)
    return FundingRow(
        venue=name,
        instrument=instrument.key,
        rate=plain(running.rate),
        apr=running.apr,
        predicted=None if running.predicted is None else plain(running.predicted),
        interval=None if running.interval_ns is None else duration_text(running.interval_ns),
        due_in_s=None if due_ns is None else due_ns // 10**9,
        past_apr=None if past is None or span_ns is None else past.apr(now_ns - span_ns, now_ns),
    )


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _drawn(found: FundingAnswer) -> RenderableType:
    from rich.text import Text

    text = Text()
    rows = [row for row in found.venues if not row.problem]
    if rows:
        text.append_text(_table(found, rows))
    if found.spread_apr is not None:
        text.append(
            f"\n\nLong on {found.long} and short on {found.short} earns {found.spread_apr:+.2%} a year, before costs."
        )
    for venue, paid in found.history.items():
        text.append_text(_plot(venue, paid))
    for row in found.venues:
        if row.problem:
            text.append("\n" if len(text) else "").append(row.problem, "yellow")
    return text


def _table(found: FundingAnswer, rows: list[FundingRow]) -> Text:
    heading = ["venue", "rate", "a year", "every", "due in"]
    if found.history:
        heading.append("was paid, a year")
    cells = []
    for row in rows:
        line = [
            row.venue,
            "" if row.rate is None else f"{float(row.rate):.4%}",
            "?" if row.apr is None else f"{row.apr:+.2%}",
            row.interval or "?",
            "?" if row.due_in_s is None else duration_text(row.due_in_s * 10**9),
        ]
        if found.history:
            line.append("too little is known" if row.past_apr is None else f"{row.past_apr:+.2%}")
        cells.append(line)
    return columns(heading, cells)


def _plot(venue: str, paid: tuple[Paid, ...]) -> Text:
    """Draw settled rates as a row of bars, above zero and below it."""
    from rich.text import Text

    text = Text(f"\n\n{venue}", "bold")
    if not paid:
        return text.append("  nothing was charged in that time", "dim")
    shown = paid[-72:]
    most = max(abs(float(each.rate)) for each in shown) or 1.0
    text.append(f"  {shown[0].time[:16]} to {shown[-1].time[:16]} UTC, at most {most:.4%}\n", "dim")
    for each in shown:
        rate = float(each.rate)
        sign = _BARS[min(len(_BARS) - 1, int(abs(rate) / most * (len(_BARS) - 1) + 0.5))]
        text.append(sign, "green" if rate >= 0 else "red")
    if any(float(each.rate) < 0 for each in shown):
        text.append("\n(red: shorts paid longs)", "dim")
    return text
