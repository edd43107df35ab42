"""OKX's codec: what it can be asked (the classes below this one), and its streams.

Four lines: `public` (books, trades, marks, funding), `business` (bars), `private` (the account, and commands), `stops`
(orders that sleep). All speak alike: `{"op": "subscribe", "args": [{"channel": …, "instId": …}]}` goes out,
`{"arg": {…}, "data": […]}` comes in, and what is alive answers `pong` to `ping`. A topic is called `channel:market`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import ClassVar, Final, TypeVar

import msgspec
from msgspec import Raw, Struct
from typing_extensions import override

from xtrade.model.errors import DataError
from xtrade.model.instruments import Instrument
from xtrade.venues.abilities import Feed
from xtrade.venues.asks import Answer
from xtrade.venues.codec import Unread
from xtrade.venues.okx.account import (
    AccountAsks,
    BalanceRow,
    PositionRow,
    balances_of,
    margins_of,
    position_of,
)
from xtrade.venues.okx.markets import (
    MINUTE_NS,
    BarRow,
    BookRow,
    FundingRow,
    MarkRow,
    TradeRow,
    bar_of,
    book_of,
    funding_of,
    mark_of,
    trade_of,
)
from xtrade.venues.okx.orders import OrderRow, order_events
from xtrade.venues.okx.spec import SPEC
from xtrade.venues.okx.stops import StopRow, stop_events
from xtrade.venues.okx.wire import BROKEN
from xtrade.venues.spec import Spec
from xtrade.venues.streams import (
    Answered,
    Leaving,
    Line,
    LoggedIn,
    Missed,
    Refused,
    Said,
    Subscribed,
    Topic,
)

__all__ = ["OkxCodec"]

R = TypeVar("R")
Told = TypeVar("Told", OrderRow, StopRow)

# -- frames -------------------------------------------------------------------------------------------------------


class _Arg(Struct, rename="camel"):
    channel: str
    inst_id: str = ""
    inst_type: str = ""

    @property
    def name(self) -> str:
        about = self.inst_id or self.inst_type
        return f"{self.channel}:{about}" if about else self.channel


class _Frame(Struct, rename="camel"):
    """Whatever a socket says: an event about the connection, the answer to a command, or what a topic tells."""

    arg: _Arg | None = None
    data: Raw = Raw(b"[]")
    action: str = ""
    event: str = ""
    op: str = ""
    id: str = ""
    code: str = ""
    msg: str = ""
    channel: str = ""


_FRAME: Final = msgspec.json.Decoder(_Frame)
_BOOKS: Final = msgspec.json.Decoder(list[BookRow])
_TRADES: Final = msgspec.json.Decoder(list[TradeRow])
_MARKS: Final = msgspec.json.Decoder(list[MarkRow])
_FUNDING: Final = msgspec.json.Decoder(list[FundingRow])
_BARS: Final = msgspec.json.Decoder(list[BarRow])
_ORDERS: Final = msgspec.json.Decoder(list[OrderRow])
_STOPS: Final = msgspec.json.Decoder(list[StopRow])
_BALANCES: Final = msgspec.json.Decoder(list[BalanceRow])
_POSITIONS: Final = msgspec.json.Decoder(list[PositionRow])

_PONG: Final = b"pong"
# Announced for an upgrade, about a minute ahead.
_UPGRADE: Final = "64008"
_UPGRADE_MS: Final = 30_000
# What a login is refused with.
_LOGIN: Final = frozenset({"60001", "60002", "60004", "60005", "60006", "60007", "60009", "60024", "60032"})

_CHANNELS: Final[Mapping[Feed, tuple[str, str]]] = {
    Feed.BOOK: ("public", "books"),
    Feed.TRADES: ("public", "trades"),
    Feed.MARKS: ("public", "mark-price"),
    Feed.FUNDING: ("public", "funding-rate"),
    Feed.BARS: ("business", "candle1m"),
}
_PRIVATE: Final[Mapping[str, tuple[str, ...]]] = {
    "private": ("orders:ANY", "account", "positions:ANY"),
    "stops": ("orders-algo:ANY", "algo-advance:ANY"),
}
# What is asked for by kind of market; everything else is asked for by market, or for the whole account.
_BY_KIND: Final = frozenset({"orders", "positions", "orders-algo", "algo-advance"})


class OkxCodec(AccountAsks):
    """One account at OKX, or with no key its public data."""

    spec: ClassVar[Spec] = SPEC

    @override
    def topics(self, key: str, feeds: Collection[Feed]) -> Sequence[Topic]:
        native = self.markets.of(key).instrument.native
        return [
            Topic(line, f"{channel}:{native}", key)
            for feed, (line, channel) in _CHANNELS.items()
            if feed in feeds
        ]

    @override
    def private_topics(self, line: Line) -> Sequence[Topic]:
        return [Topic(line.name, name) for name in _PRIVATE.get(line.name, ())]

    @override
    def subscribe(self, line: Line, topics: Sequence[Topic], number: int, now_ns: int) -> Sequence[bytes]:
        return [_frame("subscribe", topics, number)]

    @override
    def unsubscribe(self, line: Line, topics: Sequence[Topic], number: int) -> Sequence[bytes]:
        return [_frame("unsubscribe", topics, number)]

    @override
    def login(self, line: Line, number: int, now_ns: int) -> bytes | None:
        if self.auth is None or not line.logs_in:
            return None
        return msgspec.json.encode({"op": "login", "args": [self.auth.login(now_ns)]})

    @override
    def hear(self, line: Line, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        if payload == _PONG:
            return ()
        try:
            frame = _FRAME.decode(payload)
        except BROKEN as broken:
            return _unread("a frame", broken, line)
        if frame.event:
            return _event(frame, payload, received_ns)
        if frame.op:
            return (Answered(frame.id, Answer(200, payload, received_ns)),)
        if frame.arg is None:
            return _unread("a frame", DataError("neither an event, an answer nor a topic"), line)
        try:
            return self._told(frame.arg, frame, received_ns)
        except BROKEN as broken:
            return _unread(frame.arg.name, broken, line)

    # -- what topics tell -----------------------------------------------------------------------------------------

    def _told(self, arg: _Arg, frame: _Frame, received_ns: int) -> Sequence[Said | Unread]:
        match arg.channel:
            case "books":
                whole = frame.action == "snapshot"
                if not whole and frame.action != "update":
                    raise DataError(f"a book that is {frame.action[:40]!r}")
                return self._rows(
                    arg,
                    _BOOKS,
                    frame,
                    lambda row, market: (book_of(row, market, received_ns, whole=whole),),
                )
            case "trades":
                return self._rows(
                    arg, _TRADES, frame, lambda row, market: (trade_of(row, market, received_ns),)
                )
            case "mark-price":
                return self._rows(
                    arg, _MARKS, frame, lambda row, market: (mark_of(row, market, received_ns),)
                )
            case "funding-rate":
                return self._rows(
                    arg, _FUNDING, frame, lambda row, market: (funding_of(row, market, received_ns),)
                )
            case "candle1m":
                return self._rows(
                    arg, _BARS, frame, lambda row, market: (bar_of(row, market, MINUTE_NS, received_ns),)
                )
            case "orders":
                return self._orders(_ORDERS.decode(frame.data), order_events, received_ns)
            case "orders-algo" | "algo-advance":
                return self._orders(_STOPS.decode(frame.data), stop_events, received_ns)
            case "account":
                return self._balances(_BALANCES.decode(frame.data), received_ns)
            case "positions":
                return self._positions_told(_POSITIONS.decode(frame.data), received_ns)
            case _:
                raise DataError("nobody asked for that")

    def _rows(
        self,
        arg: _Arg,
        decoder: msgspec.json.Decoder[list[R]],
        frame: _Frame,
        read: Callable[[R, Instrument], Iterable[Said]],
    ) -> Sequence[Said]:
        instrument = self.markets.native(arg.inst_id)
        if instrument is None:
            raise DataError("a market that is not listed")
        return [said for row in decoder.decode(frame.data) for said in read(row, instrument)]

    def _orders(
        self,
        found: Sequence[Told],
        read: Callable[[Told, Instrument, int], Iterable[Said]],
        received_ns: int,
    ) -> Sequence[Said | Unread]:
        """Tell of orders of ours. One that cannot be read costs the others nothing, and is asked for."""
        told: list[Said | Unread] = []
        for row in found:
            instrument = self.markets.native(row.inst_id)
            if instrument is None:
                continue  # an option, a future or an inverse contract, entered elsewhere
            try:
                told += list(read(row, instrument, received_ns))
            except BROKEN as broken:
                told += _lost(f"order {row.ord_id[:40] or instrument.key}", broken)
        return told

    def _balances(self, found: Sequence[BalanceRow], received_ns: int) -> Sequence[Said]:
        told: list[Said] = []
        for row in found:
            told += balances_of(row, self.account, received_ns)
            told += margins_of(row, self.account, received_ns)
        return told

    def _positions_told(self, found: Sequence[PositionRow], received_ns: int) -> Sequence[Said | Unread]:
        told: list[Said | Unread] = []
        for row in found:
            instrument = self.markets.native(row.inst_id)
            if instrument is None:
                continue
            if self.is_all_of(row, instrument):
                told.append(position_of([row], instrument, self.account, received_ns))
            else:
                told.append(Missed(f"the position in {instrument.key} is told in parts"))
        return told


def _frame(operation: str, topics: Sequence[Topic], number: int) -> bytes:
    return msgspec.json.encode(
        {"id": str(number), "op": operation, "args": [_arg(topic) for topic in topics]}
    )


def _arg(topic: Topic) -> dict[str, str]:
    channel, _, about = topic.name.partition(":")
    if not about:
        return {"channel": channel}
    return {"channel": channel, "instType" if channel in _BY_KIND else "instId": about}


def _event(frame: _Frame, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
    """Say what an event about the connection means."""
    names = () if frame.arg is None else (frame.arg.name,)
    match frame.event:
        case "subscribe":
            return (Subscribed(names),)
        case "login":
            return (LoggedIn(),)
        case "error" if frame.code in _LOGIN:
            return (Refused((), frame.code, frame.msg, login=True),)
        # Subscriptions are numbered, commands are named with a letter before the number.
        case "error" if frame.id[:1].isalpha():
            return (Answered(frame.id, Answer(200, payload, received_ns)),)
        case "error":
            return (Refused(names, frame.code, frame.msg),)
        case "channel-conn-count-error":
            return (Refused(names or (frame.channel,), frame.code, frame.msg or "too many connections"),)
        case "notice" if frame.code == _UPGRADE:
            return (Leaving(_UPGRADE_MS, frame.msg or "the venue upgrades the connection"),)
        case "unsubscribe" | "channel-conn-count" | "notice":
            return ()
        case _:
            return (Unread(f"okx: an event {frame.event[:40]!r}"),)


def _unread(what: str, broken: Exception, line: Line) -> list[Unread | Missed]:
    return _lost(what, broken) if line.private else [_unread_of(what, broken)]


def _lost(what: str, broken: Exception) -> list[Unread | Missed]:
    """What is ours and cannot be read is asked for."""
    unread = _unread_of(what, broken)
    return [unread, Missed(unread.reason)]


def _unread_of(what: str, broken: Exception) -> Unread:
    return Unread(f"okx: {what}: {(str(broken) or type(broken).__name__).partition(chr(10))[0][:200]}")
