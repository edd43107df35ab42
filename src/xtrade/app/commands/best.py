"""`xtrade best`: where to buy and where to sell, over several venues, once the fees are paid."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import cyclopts
from msgspec import Struct

from xtrade.app import exit_codes
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
from xtrade.market.best import Seen, best as best_of
from xtrade.model.errors import XtradeError
from xtrade.model.numbers import plain
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.runtime.real import run

if TYPE_CHECKING:
    from rich.text import Text

    from xtrade.symbols.symbol import Symbol
    from xtrade.venues.registry import Loaded

__all__ = ["app"]

app = cyclopts.App(name="best", usage="xtrade best --pair PAIR [OPTIONS]")


class QuoteRow(Struct, frozen=True, kw_only=True):
    """One venue's best prices; or, with `problem`, why there are none or why they must not be traded on."""

    venue: str
    instrument: str | None = None
    bid: str | None = None
    bid_quantity: str | None = None
    ask: str | None = None
    ask_quantity: str | None = None
    bid_after_fee: str | None = None
    ask_after_fee: str | None = None
    age_ms: int | None = None
    problem: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """Every venue's quote, and the best of them."""

    pair: str
    quotes: tuple[QuoteRow, ...]
    best_bid: str | None
    best_ask: str | None
    edge_bps: float | None
    """What buying at the best ask and selling at the best bid earns after both fees."""
    label: str = ""


@app.default
def best(*, pair: PairFlag, venues: VenuesFlag = None, at: AtFlag = "live", json: Json = False) -> int:
    """See who pays most and who asks least for a market, on every venue, after fees.

    Fees are a taker's, as the venue lists them. Prices of a venue that does not answer are missing, and the reason is
    said; the exit code is 13 where no venue answers.

    **Examples**

    - `xtrade best --pair BTC-USDT --venues binance,okx`
    - `xtrade best --pair BTC/USDT:USDT --at box`
    """
    symbol = symbol_of(pair)
    found = run(lambda: _asked(symbol, venues_named(venues), Way(at)))
    answer(found, json=json, human=lambda: _table(found))
    return exit_codes.OK if any(row.bid or row.ask for row in found.quotes) else 13


async def _asked(symbol: Symbol, names: list[str], way: Way) -> Answer:
    async with reached(names, way) as there:
        seen: list[Seen] = []
        rows: dict[str, QuoteRow] = {
            name: QuoteRow(venue=name, problem=str(error)) for name, error in there.failures.items()
        }
        tops = await asyncio.gather(*(_top(venue, symbol) for venue in there.venues.values()))
        now_ns = clock.now_ns()
        for name, top in zip(there.venues, tops, strict=True):
            if isinstance(top, str):
                rows[name] = QuoteRow(venue=name, problem=top)
            else:
                seen.append(top)
                rows[name] = _row(name, top, now_ns)
        if not seen:
            return Answer(
                pair=str(symbol),
                quotes=tuple(rows[name] for name in names),
                best_bid=None,
                best_ask=None,
                edge_bps=None,
            )
        found = best_of(seen, now_ns)
    return Answer(
        pair=str(symbol),
        quotes=tuple(rows[name] for name in names),
        best_bid=_venue(found.bid),
        best_ask=_venue(found.ask),
        edge_bps=found.edge_bps,
        label=found.label,
    )


async def _top(venue: Loaded, symbol: Symbol) -> Seen | str:
    try:
        instrument = instrument_of(venue, symbol)
        book = await venue.market.book(instrument.key, 5)
    except XtradeError as error:
        return str(error)
    bids, asks = list(book.bids), list(book.asks)
    return Seen(
        instrument=instrument,
        bid_ticks=bids[0][0] if bids else None,
        bid_lots=bids[0][1] if bids else 0,
        ask_ticks=asks[0][0] if asks else None,
        ask_lots=asks[0][1] if asks else 0,
        heard_ns=book.received_ns,
        is_whole=True,
    )


def _row(name: str, seen: Seen, now_ns: int) -> QuoteRow:
    instrument = seen.instrument

    def price(ticks: int | None) -> str | None:
        return None if ticks is None else plain(instrument.price(ticks))

    def after_fee(side: Side) -> str | None:
        worth = seen.after_fee(side)
        return None if worth is None else f"{worth.amount:.8g}"

    return QuoteRow(
        venue=name,
        instrument=instrument.key,
        bid=price(seen.bid_ticks),
        bid_quantity=plain(instrument.quantity(seen.bid_lots)),
        ask=price(seen.ask_ticks),
        ask_quantity=plain(instrument.quantity(seen.ask_lots)),
        bid_after_fee=after_fee(Side.SELL),
        ask_after_fee=after_fee(Side.BUY),
        age_ms=(now_ns - seen.heard_ns) // 1_000_000,
    )


def _venue(seen: Seen | None) -> str | None:
    return None if seen is None else seen.instrument.venue


def _table(found: Answer) -> Text:
    from rich.text import Text

    rows = []
    for row in found.quotes:
        if row.problem:
            continue
        rows.append(
            (
                row.venue,
                Text(row.bid or "-", "bold green" if row.venue == found.best_bid else ""),
                row.bid_quantity or "",
                Text(row.ask or "-", "bold red" if row.venue == found.best_ask else ""),
                row.ask_quantity or "",
                row.bid_after_fee or "-",
                row.ask_after_fee or "-",
                f"{row.age_ms} ms",
            )
        )
    text = Text()
    if rows:
        heading = ("venue", "bid", "size", "ask", "size", "bid after fee", "ask after fee", "age")
        text.append_text(columns(heading, rows))
        text.append(
            f"\n\n{found.pair}: sell on {found.best_bid or 'nobody'}, buy on {found.best_ask or 'nobody'}"
        )
        if found.edge_bps is not None:
            text.append(f"; doing both comes to {found.edge_bps:+.2f} bp after fees")
        text.append(".")
        if found.label:
            text.append(f"\n{found.label}", "yellow")
    for row in found.quotes:
        if row.problem:
            text.append("\n" if len(text) else "").append(row.problem, "yellow")
    return text
