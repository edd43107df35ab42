"""What Binance tells of its markets through streams: books, trades, bars, marks and funding rates.

Messages name their kind by `e`, and are read in one pass into the type that it stands for; what has none is the answer
to a subscription.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from xtrade.model.events import Bar, Funding, MarkPrice, Trade
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import number
from xtrade.model.sides import Side
from xtrade.venues.abilities import Feed
from xtrade.venues.binance.market import INTERVALS, funding_interval_ns
from xtrade.venues.binance.requests import UNREADABLE
from xtrade.venues.binance.sections import SPOT, Section
from xtrade.venues.codec import Unread
from xtrade.venues.levels import counters, levels
from xtrade.venues.markets import Markets
from xtrade.venues.streams import BookPart, Leaving, Refused, Said, Subscribed, Topic

__all__ = ["ENDING", "LEAVING_MS", "PublicStream", "topics"]

LEAVING_MS: Final = 5_000
"""The venue does not say how long it stays; another connection is to be up at once."""

ENDING: Final = "end-"
"""How ids of requests begin that end subscriptions: what they are answered confirms none."""

_MS_NS: Final = 1_000_000
_BAR: Final = "1m"
_LENGTHS: Final = {name: length_ns for length_ns, name in INTERVALS.items()}

_Rows: TypeAlias = list[tuple[str, str]]


class _Depth(Struct, tag_field="e", tag="depthUpdate"):
    s: str
    U: int
    u: int
    b: _Rows
    a: _Rows
    E: int
    pu: int | None = None
    T: int | None = None


class _Trade(Struct, tag_field="e", tag="trade"):
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool
    X: str = "MARKET"


class _Aggregate(Struct, tag_field="e", tag="aggTrade"):
    s: str
    a: int
    p: str
    q: str
    T: int
    m: bool


class _Mark(Struct, tag_field="e", tag="markPriceUpdate"):
    s: str
    E: int
    p: str
    i: str
    r: str
    T: int


class _Candle(Struct):
    t: int
    i: str
    o: str
    h: str
    l: str  # noqa: E741  (the venue's name)
    c: str
    v: str
    x: bool


class _Kline(Struct, tag_field="e", tag="kline"):
    s: str
    E: int
    k: _Candle


class _Shutdown(Struct, tag_field="e", tag="serverShutdown"):
    pass


class _Fault(Struct):
    code: int = 0
    msg: str = ""


class _Reply(Struct):
    """An answer to a subscription: an id, and null or an error."""

    id: int | str | None = None
    code: int | None = None
    msg: str = ""
    error: _Fault | None = None


_Told: TypeAlias = _Depth | _Trade | _Aggregate | _Mark | _Kline | _Shutdown

_TOLD: Final = msgspec.json.Decoder(_Told)
_REPLY: Final = msgspec.json.Decoder(_Reply)


def topics(section: Section, instrument: Instrument, feeds: Collection[Feed]) -> Sequence[Topic]:
    """Name the streams of an instrument's feeds, each on the line that carries it."""
    # The venue writes its names in capitals, and its streams in small letters; other scripts stay as they are.
    name = "".join(letter.lower() if "A" <= letter <= "Z" else letter for letter in instrument.native)
    wanted = []
    if Feed.BOOK in feeds:
        wanted.append((section.book_line, "depth@100ms"))
    if Feed.TRADES in feeds:
        wanted.append((section.market_line, section.trade_stream))
    if section is not SPOT and (Feed.MARKS in feeds or Feed.FUNDING in feeds):
        wanted.append((section.market_line, "markPrice@1s"))
    if Feed.BARS in feeds:
        wanted.append((section.market_line, f"kline_{_BAR}"))
    return [Topic(line, f"{name}@{stream}", instrument.key) for line, stream in wanted]


class PublicStream:
    """Reads the messages of one half's public lines."""

    def __init__(self, section: Section, markets: Markets) -> None:
        self._section = section.name
        self._markets = markets

    def hear(self, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        """Say what a message means."""
        try:
            told = _TOLD.decode(payload)
        except UNREADABLE as error:
            return _reply(payload, error)
        try:
            return self._read(told, received_ns)
        except UNREADABLE as error:
            return [Unread(f"{type(told).__name__.strip('_')} of {told_of(told)}: {error}")]

    def _read(self, told: _Told, received_ns: int) -> Sequence[Said]:
        if isinstance(told, _Shutdown):
            return [Leaving(LEAVING_MS, "the venue restarts this server")]
        instrument = self._markets.native(told.s, self._section)
        if instrument is None:
            return []
        match told:
            case _Depth():
                return [_part(told, instrument, received_ns)]
            case _Trade():
                if told.X != "MARKET":
                    return []  # the venue moves positions to its own funds: nobody traded
                return [_trade(instrument, told.t, told, received_ns)]
            case _Aggregate():
                return [_trade(instrument, told.a, told, received_ns)]
            case _Mark():
                return _mark(
                    told, instrument, funding_interval_ns(self._markets, instrument.key), received_ns
                )
            case _Kline():
                return _bar(told, instrument, received_ns)


def told_of(told: _Told) -> str:
    """Return what a message is about, for a complaint about it."""
    return "the connection" if isinstance(told, _Shutdown) else told.s


def _reply(payload: bytes, error: Exception) -> Sequence[Said | Unread]:
    try:
        reply = _REPLY.decode(payload)
    except UNREADABLE:
        return [Unread(str(error))]
    if reply.error is not None:
        return [Refused((), str(reply.error.code), reply.error.msg)]
    if reply.code is not None:
        return [Refused((), str(reply.code), reply.msg)]
    if isinstance(reply.id, str) and reply.id.startswith(ENDING):
        return []
    if reply.id is not None:
        return [Subscribed()]
    return [Unread(str(error))]


def _part(told: _Depth, instrument: Instrument, received_ns: int) -> BookPart:
    return BookPart(
        instrument=instrument.key,
        bids=levels(told.b, instrument),
        asks=levels(told.a, instrument),
        whole=False,
        last=told.u,
        first=told.U,
        previous=told.pu,
        venue_ns=(told.E if told.T is None else told.T) * _MS_NS,
        received_ns=received_ns,
    )


def _trade(instrument: Instrument, name: int, told: _Trade | _Aggregate, received_ns: int) -> Trade:
    ticks, lots = counters(instrument)
    return Trade(
        instrument=instrument.key,
        trade_id=str(name),
        ticks=ticks(told.p),
        lots=lots(told.q),
        taker=Side.SELL if told.m else Side.BUY,
        venue_ns=told.T * _MS_NS,
        sequence=name,
        received_ns=received_ns,
    )


def _mark(
    told: _Mark, instrument: Instrument, interval_ns: int | None, received_ns: int
) -> Sequence[MarkPrice | Funding]:
    at_ns = told.E * _MS_NS
    mark = MarkPrice(
        instrument=instrument.key,
        mark=number(told.p),
        index=number(told.i),
        venue_ns=at_ns,
        received_ns=received_ns,
    )
    if not told.r or not told.T:
        return [mark]  # what is delivered pays no funding
    funding = Funding(
        instrument=instrument.key,
        rate=number(told.r),
        next_ns=told.T * _MS_NS,
        interval_ns=interval_ns,
        venue_ns=at_ns,
        received_ns=received_ns,
    )
    return [mark, funding]


def _bar(told: _Kline, instrument: Instrument, received_ns: int) -> Sequence[Bar]:
    candle = told.k
    length_ns = _LENGTHS.get(candle.i)
    if length_ns is None:
        return []
    ticks, lots = counters(instrument)
    return [
        Bar(
            instrument=instrument.key,
            start_ns=candle.t * _MS_NS,
            interval_ns=length_ns,
            open_ticks=ticks(candle.o),
            high_ticks=ticks(candle.h),
            low_ticks=ticks(candle.l),
            close_ticks=ticks(candle.c),
            volume_lots=lots(candle.v),
            closed=candle.x,
            venue_ns=told.E * _MS_NS,
            received_ns=received_ns,
        )
    ]
