"""`xtrade symbols`: one name for one market on every venue, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
import msgspec
from cyclopts import Parameter
from msgspec import Struct

from xtrade.app import exit_codes
from xtrade.app.choices import VenueName
from xtrade.app.output import Json, answer, columns
from xtrade.model.errors import DataError, SymbolError
from xtrade.model.instruments import Kind
from xtrade.symbols import MarketName, MarketRow, SymbolMap
from xtrade.symbols.answer import kind_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from xtrade.symbols.everywhere import NameEverywhere

__all__ = ["CheckAnswer", "MapAnswer", "MarketAnswer", "TableRow", "app"]

app = cyclopts.App(
    name="symbols",
    help="""One name for one market on every venue.

    **Examples**

    - `xtrade symbols table BTC/USDT`
    - `xtrade symbols map BTC-USDT-SWAP --venue okx`
    """,
    group_commands=cyclopts.Group("Commands"),
)

Venue = Annotated[
    VenueName, Parameter(metavar="VENUE", help="The venue; one that is not listed needs --metadata.")
]
KindOption = Annotated[
    Kind | None, Parameter(help="The kind of market, where one text is a name of several kinds.")
]
Metadata = Annotated[
    Path | None,
    Parameter(
        help="The venue's markets, to be certain: a JSON list of rows with `native` and `symbol`"
        " (and, where known, `name`, `asset` and `ratio`)."
    ),
]

# Below this a name in the table is marked: its quote, at least, is not one the venue is known to use.
SURE = 0.8


class MarketAnswer(Struct, frozen=True, kw_only=True):
    """A market's name on one venue, as JSON shows it: the symbol as text, and its parts."""

    venue: str
    native: str
    symbol: str
    kind: Kind
    base: str
    quote: str
    settle: str | None
    expiry: str | None
    asset: str
    ratio: int
    confidence: float
    reasons: tuple[str, ...]


class MapAnswer(Struct, frozen=True, kw_only=True):
    """The market that a venue's name means, or none if it may be several; and all it may be, likeliest first."""

    answer: MarketAnswer | None
    candidates: list[MarketAnswer]


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """Whether two names are the same market."""

    venue: str
    native: str
    symbol: str
    same: bool
    confidence: float
    reasons: tuple[str, ...]


class TableRow(Struct, frozen=True, kw_only=True):
    """A market's name on one venue, or why there is none."""

    venue: str
    kind: Kind
    symbol: str | None
    native: str | None
    confidence: float
    reasons: tuple[str, ...]


@app.command(name="map")
def map_(
    native: Annotated[str, Parameter(help="A market's name as the venue writes it.")],
    /,
    *,
    venue: Venue,
    kind: KindOption = None,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Tell the universal name of a venue's market.

    A name that may be several markets is answered with all of them and exit code 5; `--kind` settles most cases.

    **Examples**

    - `xtrade symbols map BTC-USDT-SWAP --venue okx`
    - `xtrade symbols map 1000BONKUSDT --venue binance --kind linear`
    - `xtrade symbols map 0 --venue lighter --metadata lighter-markets.json`
    """
    names = _names(venue, metadata)
    candidates = names.candidates(native, kind=kind)
    ambiguous = None
    try:
        found = names.universal(native, kind=kind)
    except SymbolError as error:
        ambiguous = error
        shown = MapAnswer(answer=None, candidates=[_market(market) for market in candidates])
        answer(shown, json=json, human=lambda: _list_of(candidates))
    else:
        shown = MapAnswer(answer=_market(found), candidates=[_market(market) for market in candidates])
        answer(shown, json=json, human=lambda: _card(str(found.symbol), found))
    if ambiguous is not None:
        raise ambiguous


@app.command
def to(
    symbol: Annotated[str, Parameter(help="A universal name: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC.")],
    /,
    *,
    venue: Venue,
    metadata: Metadata = None,
    json: Json = False,
) -> None:
    """Tell the venue's name of a market.

    **Examples**

    - `xtrade symbols to BTC/USDT --venue okx`
    - `xtrade symbols to BTC/USD:BTC --venue kucoin`
    - `xtrade symbols to BTC/USDT:USDT-261225 --venue binance --json`
    """
    found = _names(venue, metadata).native(symbol)
    answer(_market(found), json=json, human=lambda: _card(found.native, found))


@app.command
def check(
    native: Annotated[str, Parameter(help="A market's name as the venue writes it.")],
    symbol: Annotated[str, Parameter(help="A universal name: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC.")],
    /,
    *,
    venue: Venue,
    metadata: Metadata = None,
    json: Json = False,
) -> int:
    """Tell whether two names are the same market: exit code 0 for yes, 1 for no.

    **Examples**

    - `xtrade symbols check BTCUSDT BTC/USDT --venue binance`
    - `xtrade symbols check XBTUSDTM BTC/USDT:USDT --venue kucoin --json`
    """
    checked = _names(venue, metadata).check(native, symbol)
    shown = CheckAnswer(
        venue=checked.venue,
        native=checked.native,
        symbol=str(checked.symbol),
        same=checked.same,
        confidence=checked.confidence,
        reasons=checked.reasons,
    )
    answer(shown, json=json, human=lambda: _verdict(shown))
    return exit_codes.OK if shown.same else exit_codes.NO


@app.command
def table(
    symbol: Annotated[str, Parameter(help="A pair (every kind of it), one market, or an asset alone.")],
    /,
    *,
    json: Json = False,
) -> None:
    """Show a market's name on every venue.

    A pair is shown in every kind; an asset alone in each venue's own first quote. Names come from patterns.

    **Examples**

    - `xtrade symbols table BTC/USDT`
    - `xtrade symbols table BTC/USDT:USDT`
    - `xtrade symbols table BTC`
    """
    from xtrade.symbols.everywhere import everywhere

    rows = everywhere(symbol)
    shown = [
        TableRow(
            venue=row.venue,
            kind=row.kind,
            symbol=None if row.symbol is None else str(row.symbol),
            native=row.native,
            confidence=row.confidence,
            reasons=row.reasons,
        )
        for row in rows
    ]
    answer(shown, json=json, human=lambda: _grid(rows))


def _names(venue: str, metadata: Path | None) -> SymbolMap:
    venue = venue.lower()
    if metadata is None:
        return SymbolMap(venue)
    try:
        rows = msgspec.json.decode(metadata.read_bytes(), type=list[MarketRow])
    except OSError as error:
        raise DataError(f"--metadata {metadata}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"--metadata {metadata}: {error}; expected rows of native and symbol") from None
    return SymbolMap(venue, rows)


def _market(market: MarketName) -> MarketAnswer:
    symbol = market.symbol
    return MarketAnswer(
        venue=market.venue,
        native=market.native,
        symbol=str(symbol),
        kind=market.kind,
        base=symbol.base,
        quote=symbol.quote,
        settle=symbol.settle,
        expiry=None if symbol.expiry is None else symbol.expiry.isoformat(),
        asset=market.asset,
        ratio=market.ratio,
        confidence=market.confidence,
        reasons=market.reasons,
    )


def _card(title: str, market: MarketName) -> RenderableType:
    """Draw one answer: the name asked for first, what it is, how sure, and why."""
    from rich.text import Text

    symbol = market.symbol
    asked_universal = title == market.native
    kind = kind_of(symbol) if symbol.settle is None else f"{kind_of(symbol)}, settled in {symbol.settle}"
    facts = [
        (
            "universal" if asked_universal else f"on {market.venue}",
            str(symbol) if asked_universal else market.native,
        ),
        ("kind", kind),
        *([("unit", f"1 = {market.ratio} {market.asset}")] if market.ratio != 1 else []),
        ("confidence", f"{market.confidence:g}"),
        ("because", market.reasons[0]),
        *[("", reason) for reason in market.reasons[1:]],
    ]
    text = Text(title, style="bold")
    for label, value in facts:
        text.append(f"\n  {label:<10}  ", style="dim not bold").append(value, style="not bold")
    return text


def _list_of(markets: tuple[MarketName, ...]) -> RenderableType:
    rows = [(str(market.symbol), kind_of(market.symbol), f"{market.confidence:g}") for market in markets]
    return columns(("market", "kind", "confidence"), rows)


def _verdict(checked: CheckAnswer) -> RenderableType:
    from rich.text import Text

    if checked.same:
        head = f"yes: {checked.native} on {checked.venue} is {checked.symbol} (confidence {checked.confidence:g})"
    else:
        head = f"no: {checked.native} on {checked.venue} is not {checked.symbol}"
    return Text("\n  ".join([head, *checked.reasons]))


def _grid(rows: list[NameEverywhere]) -> RenderableType:
    """Draw the table: a row for each venue, a column for each kind that at least one venue has."""
    named = [row for row in rows if row.native is not None]
    kinds = list(dict.fromkeys(row.kind for row in rows if row in named))
    cells = {(row.venue, row.kind): _cell(row) for row in rows}
    venues = dict.fromkeys(row.venue for row in rows)
    grid = columns(("venue", *kinds), [(venue, *[cells[venue, kind] for kind in kinds]) for venue in venues])
    grid.append("\n\n-  no such market there (--json says why)", style="dim")
    if any(row.confidence < SURE for row in named):
        grid.append("\n?  confidence below 0.8 (`xtrade symbols to` says why)", style="dim")
    return grid


def _cell(row: NameEverywhere) -> str:
    if row.native is None:
        return "-"
    return row.native if row.confidence >= SURE else f"{row.native} ?"
