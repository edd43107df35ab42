"""Market data through sockets: what a connection has subscribed to, and what it is told.

Changes of books are gathered and told every 100 ms, which is when `flush` is called; trades are told as they happen.
Futures have two routes: books on the one, all else on the other. What is subscribed to on the wrong one is accepted and
never told, as at the venue.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from xtrade.model.events import BookDelta, BookSnapshot, Trade
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import plain
from xtrade.model.sides import Side
from xtrade.venues.binance.box.half import Half
from xtrade.venues.binance.box.rows import Row, bar_row, book_rows, price, quantity
from xtrade.venues.binance.market import INTERVALS
from xtrade.venues.binance.sections import SPOT
from xtrade.venues.box.server import Session

__all__ = ["Family", "MarketStreams", "Subscriber", "named_in"]

Family: TypeAlias = Literal["all", "books", "rest"]
"""What a route carries: spot's everything, futures' either books or all else."""

_MS_NS: Final = 1_000_000
_MINUTE_NS: Final = 60_000_000_000
_TOPS: Final = (5, 10, 20)
_LENGTHS: Final = {name: length_ns for length_ns, name in INTERVALS.items()}


class Subscriber(Struct, kw_only=True):
    """One connection to market data."""

    session: Session
    family: Family
    combined: bool = False
    """Whether messages are wrapped with the name of their stream."""
    names: dict[str, None] = field(default_factory=dict)


class _Pending(Struct):
    """Changes of a book that are not told yet."""

    first: int = 0
    last: int = 0
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    at_ns: int = 0


class MarketStreams:
    """The public sockets of one half."""

    def __init__(self, half: Half) -> None:
        self._half = half
        self._floor = half.floor
        self._is_spot = half.section is SPOT
        self.subscribers: list[Subscriber] = []
        self._pending: dict[str, _Pending] = {}
        self._told: dict[str, int] = {}
        self._second_ns = 0

    # -- subscribing ----------------------------------------------------------------------------------------------

    def heard(self, subscriber: Subscriber, payload: bytes) -> None:
        """Answer a message of a connection."""
        try:
            message = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            subscriber.session.send(b'{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}')
            return
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            subscriber.session.send(b'{"code":2,"msg":"Invalid request: missing field `method`"}')
            return
        params = message.get("params") or []
        names = [name for name in params if isinstance(name, str)] if isinstance(params, list) else []
        result: Any = None
        match message["method"]:
            case "SUBSCRIBE":
                subscriber.names |= dict.fromkeys(names)
            case "UNSUBSCRIBE":
                for name in names:
                    subscriber.names.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(subscriber.names)
            case "SET_PROPERTY":
                subscriber.combined = bool(params and params[-1])
            case "GET_PROPERTY":
                result = subscriber.combined
            case _:
                subscriber.session.send(b'{"code":2,"msg":"Invalid request: unknown variant"}')
                return
        subscriber.session.send(msgspec.json.encode({"result": result, "id": message.get("id")}))

    # -- telling --------------------------------------------------------------------------------------------------

    def happened(self, event: BookDelta | Trade) -> None:
        """Take in what the public may know."""
        instrument = self._floor.instruments[event.instrument]
        if isinstance(event, BookDelta):
            pending = self._pending.setdefault(event.instrument, _Pending())
            pending.first = pending.first or event.sequence or 0
            pending.last = event.sequence or 0
            pending.bids.update(event.bids)
            pending.asks.update(event.asks)
            pending.at_ns = event.venue_ns or 0
            return
        row = self._trade(instrument, event)
        aggregate = {
            "e": "aggTrade",
            **{name: row[name] for name in ("E", "s", "p", "q", "T", "m")},
            "a": row["t"],
            "f": row["t"],
            "l": row["t"],
        }
        self._tell(instrument, "trade", row, "all" if self._is_spot else "books")
        self._tell(instrument, "aggTrade", aggregate, "rest")

    def flush(self, now_ns: int) -> None:
        """Tell what was gathered; once a second also what is told by the clock."""
        for key, pending in self._pending.items():
            instrument = self._floor.instruments[key]
            row = self._depth(instrument, pending)
            for speed in ("", "@100ms", "@500ms", "@1000ms"):
                self._tell(instrument, f"depth{speed}", row, "books")
            self._tell(instrument, "bookTicker", None, "books")
            self._tops(instrument)
        self._pending.clear()
        if now_ns // 10**9 != self._second_ns:
            self._second_ns = now_ns // 10**9
            self._by_clock(now_ns)

    def _by_clock(self, now_ns: int) -> None:
        for instrument in self._half.instruments.values():
            for name in sorted(self._streams_of(instrument)):
                if name.startswith("kline_"):
                    if (row := self._kline(instrument, name[6:], now_ns)) is not None:
                        self._tell(instrument, name, row, "rest")
                elif name.startswith("markPrice") and not self._is_spot:
                    if (mark := self._mark(instrument, now_ns)) is not None:
                        self._tell(instrument, name, mark, "rest")
                elif name == "ticker":
                    self._tell(instrument, name, self._day(instrument, now_ns), "rest")

    def _streams_of(self, instrument: Instrument) -> set[str]:
        prefix = f"{_small(instrument.native)}@"
        return {
            name.removeprefix(prefix)
            for subscriber in self.subscribers
            for name in subscriber.names
            if name.startswith(prefix)
        }

    def _tell(self, instrument: Instrument, stream: str, row: Row | None, family: Family) -> None:
        name = f"{_small(instrument.native)}@{stream}"
        wire: bytes | None = None
        for subscriber in self.subscribers:
            if name not in subscriber.names or (not self._is_spot and subscriber.family != family):
                continue
            if wire is None:
                wire = msgspec.json.encode(self._quote(instrument) if row is None else row)
            if subscriber.combined:
                subscriber.session.send(b'{"stream":"' + name.encode() + b'","data":' + wire + b"}")
            else:
                subscriber.session.send(wire)

    # -- rows -----------------------------------------------------------------------------------------------------

    def _depth(self, instrument: Instrument, pending: _Pending) -> Row:
        stride, at_ms = self._half.stride, pending.at_ns // _MS_NS
        last = pending.last * stride
        row: Row = {
            "e": "depthUpdate",
            "E": at_ms,
            "s": instrument.native,
            "U": pending.first * stride,
            "u": last,
            "b": book_rows(instrument, pending.bids.items()),
            "a": book_rows(instrument, pending.asks.items()),
        }
        if not self._is_spot:
            before = self._told.get(instrument.key, (pending.first - 1) * stride)
            row |= {"T": at_ms, "pu": before, "ps": instrument.native, "st": 1}
        self._told[instrument.key] = last
        return row

    def _tops(self, instrument: Instrument) -> None:
        wanted = self._streams_of(instrument)
        for levels in _TOPS:
            for name in (f"depth{levels}", f"depth{levels}@100ms", f"depth{levels}@500ms"):
                if name in wanted:
                    self._tell(instrument, name, self._top(instrument, levels), "books")

    def _top(self, instrument: Instrument, levels: int) -> Row:
        book = self._floor.exchange.book(instrument.key)
        bids, asks = (book_rows(instrument, list(side)[:levels]) for side in (book.bids, book.asks))
        last = (book.sequence or 0) * self._half.stride
        if self._is_spot:
            return {"lastUpdateId": last, "bids": bids, "asks": asks}
        at_ms = (book.venue_ns or 0) // _MS_NS
        head = {"e": "depthUpdate", "E": at_ms, "T": at_ms, "s": instrument.native}
        return head | {"U": last, "u": last, "pu": last, "b": bids, "a": asks}

    def _quote(self, instrument: Instrument) -> Row:
        book: BookSnapshot = self._floor.exchange.book(instrument.key)
        row: Row = {"u": (book.sequence or 0) * self._half.stride, "s": instrument.native}
        for small, large, side in (("b", "B", book.bids), ("a", "A", book.asks)):
            ticks, lots = next(iter(side), (None, 0))
            row |= {small: price(instrument, ticks), large: quantity(instrument, lots)}
        if not self._is_spot:
            at_ms = (book.venue_ns or 0) // _MS_NS
            row |= {"e": "bookTicker", "E": at_ms, "T": at_ms, "ps": instrument.native, "st": 1}
        return row

    def _trade(self, instrument: Instrument, trade: Trade) -> Row:
        at_ms = (trade.venue_ns or 0) // _MS_NS
        return {
            "e": "trade",
            "E": at_ms,
            "s": instrument.native,
            "t": int(trade.trade_id),
            "p": price(instrument, trade.ticks),
            "q": quantity(instrument, trade.lots),
            "T": at_ms,
            "m": trade.taker is Side.SELL,
            **({"M": True} if self._is_spot else {"X": "MARKET"}),
        }

    def _mark(self, instrument: Instrument, now_ns: int) -> Row | None:
        mark = self._floor.chronicle.marks.get(instrument.key)
        funding = self._floor.chronicle.fundings.get(instrument.key)
        if mark is None:
            return None
        return {
            "e": "markPriceUpdate",
            "E": now_ns // _MS_NS,
            "s": instrument.native,
            "p": plain(mark.mark),
            "i": plain(mark.index or mark.mark),
            "P": plain(mark.mark),
            "r": "" if funding is None else plain(funding.rate),
            "T": 0 if funding is None else (funding.next_ns or 0) // _MS_NS,
            "st": 1,
        }

    def _kline(self, instrument: Instrument, interval: str, now_ns: int) -> Row | None:
        length_ns = _LENGTHS.get(interval)
        if length_ns is None or length_ns % _MINUTE_NS:
            return None
        at_ns = self._floor.now_ns
        bars = self._floor.chronicle.bars(instrument.key, length_ns, at_ns - length_ns, at_ns + 1)
        if not bars:
            return None
        start, open_, high, low, close, volume, end, worth, count, *_ = bar_row(instrument, bars[-1])
        candle = {
            "t": start,
            "T": end,
            "s": instrument.native,
            "i": interval,
            "o": open_,
            "c": close,
            "h": high,
            "l": low,
            "v": volume,
            "n": count,
            "x": end < at_ns // _MS_NS,
            "q": worth,
            "V": "0",
            "Q": "0",
        }
        return {"e": "kline", "E": now_ns // _MS_NS, "s": instrument.native, "k": candle}

    def _day(self, instrument: Instrument, now_ns: int) -> Row:
        row = self._half.ticker_day("", {"symbol": instrument.native})
        assert isinstance(row, dict)
        return {
            "e": "24hrTicker",
            "E": now_ns // _MS_NS,
            "s": instrument.native,
            "c": row["lastPrice"],
            "o": row["openPrice"],
            "h": row["highPrice"],
            "l": row["lowPrice"],
            "v": row["volume"],
            "q": row["quoteVolume"],
            "b": row["bidPrice"],
            "B": row["bidQty"],
            "a": row["askPrice"],
            "A": row["askQty"],
            "O": row["openTime"],
            "C": row["closeTime"],
        }


def named_in(path: str) -> Iterable[str]:
    """Return the streams that a raw address names: /ws/btcusdt@trade/btcusdt@depth."""
    return (part for part in path.split("/") if "@" in part or part.startswith("!"))


def _small(native: str) -> str:
    return "".join(letter.lower() if "A" <= letter <= "Z" else letter for letter in native)
