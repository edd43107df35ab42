"""What comes through Backpack's socket. Times there are microseconds, and numbers come as text or bare."""

# ruff: noqa: E741  (fields are called as the venue calls them)

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from typing_extensions import override

from xtrade.model.errors import XtradeError
from xtrade.model.events import (
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionReport,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.money import Money
from xtrade.model.numbers import number
from xtrade.model.sides import Side
from xtrade.venues.abilities import Feed
from xtrade.venues.backpack.public import Number
from xtrade.venues.backpack.trading import SIDES, Trading
from xtrade.venues.codec import Unread
from xtrade.venues.levels import counters, levels
from xtrade.venues.streams import BookPart, Line, Missed, Refused, Said, Topic

__all__ = ["Streams"]

_US_NS: Final = 1_000
_MS_NS: Final = 1_000_000
_TOPICS: Final[Mapping[Feed, str]] = {
    Feed.BOOK: "depth",
    Feed.TRADES: "trade",
    Feed.MARKS: "markPrice",
    Feed.FUNDING: "markPrice",
}
_USER: Final = "USER"


class _Error(Struct):
    code: Number = ""
    message: str = ""


class _Frame(Struct):
    stream: str = ""
    data: Raw = Raw()
    error: _Error | None = None


class _Depth(Struct):
    s: str
    a: list[list[str]]
    b: list[list[str]]
    U: Number
    u: Number
    T: Number = 0


class _Trade(Struct):
    s: str
    p: str
    q: str
    t: Number
    m: bool
    T: Number = 0


class _Mark(Struct):
    s: str
    p: str
    f: str | None = None
    i: str | None = None
    n: int | None = None


class _Order(Struct):
    e: str
    s: str
    i: str
    S: str
    X: str = ""
    c: Number | None = None
    q: str | None = None
    p: str | None = None
    z: str = "0"
    t: Number | None = None
    l: str | None = None
    L: str | None = None
    m: bool | None = None
    n: str | None = None
    N: str | None = None
    R: str = ""
    O: str = _USER
    T: Number = 0


class _Position(Struct):
    s: str
    q: str
    B: str | None = None


_frame: Final = msgspec.json.Decoder(_Frame)
_depth: Final = msgspec.json.Decoder(_Depth)
_trade: Final = msgspec.json.Decoder(_Trade)
_mark: Final = msgspec.json.Decoder(_Mark)
_order: Final = msgspec.json.Decoder(_Order)
_position: Final = msgspec.json.Decoder(_Position)


class Streams(Trading):
    """Subscriptions and messages."""

    @override
    def topics(self, key: str, feeds: Collection[Feed]) -> Sequence[Topic]:
        native = self.markets.of(key).instrument.native
        names = dict.fromkeys(_TOPICS[feed] for feed in sorted(feeds) if feed in _TOPICS)
        return [Topic("public", f"{name}.{native}", key) for name in names]

    @override
    def private_topics(self, line: Line) -> Sequence[Topic]:
        return [Topic("private", "account.orderUpdate"), Topic("private", "account.positionUpdate")]

    @override
    def subscribe(self, line: Line, topics: Sequence[Topic], number: int, now_ns: int) -> Sequence[bytes]:
        if not topics:
            return []
        message: dict[str, object] = {"method": "SUBSCRIBE", "params": [topic.name for topic in topics]}
        if line.private and self.auth is not None:
            message["signature"] = self.auth.subscription(now_ns)
        return [msgspec.json.encode(message)]

    @override
    def unsubscribe(self, line: Line, topics: Sequence[Topic], number: int) -> Sequence[bytes]:
        if not topics:
            return []
        return [msgspec.json.encode({"method": "UNSUBSCRIBE", "params": [topic.name for topic in topics]})]

    @override
    def hear(self, line: Line, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        try:
            frame = _frame.decode(payload)
            if frame.error is not None:
                return [Refused((), str(frame.error.code), frame.error.message)]
            if not bytes(frame.data):
                return []
            return list(self._heard(frame.stream.partition(".")[0], frame.stream, frame.data, received_ns))
        except (msgspec.DecodeError, XtradeError, ArithmeticError, LookupError, ValueError) as problem:
            return [Unread(str(problem))]

    # -- how ------------------------------------------------------------------------------------------------------

    def _heard(self, what: str, stream: str, data: Raw, at_ns: int) -> Iterator[Said | Unread]:
        match what:
            case "depth":
                yield self._part(_depth.decode(data), at_ns)
            case "trade":
                yield self._public_trade(_trade.decode(data), at_ns)
            case "markPrice":
                yield from self._marked(_mark.decode(data), at_ns)
            case "account" if stream.startswith("account.orderUpdate"):
                yield from self._order_told(_order.decode(data), at_ns)
            case "account" if stream.startswith("account.positionUpdate"):
                row = _position.decode(data)
                instrument = self._instrument(row.s)
                yield PositionReport(
                    account=self.account,
                    instrument=instrument.key,
                    lots=instrument.lots(row.q),
                    entry_price=number(row.B) if row.B and number(row.B) else None,
                    received_ns=at_ns,
                )
            case _:
                yield Unread(f"a message of {stream or 'no stream'}")

    def _part(self, row: _Depth, at_ns: int) -> BookPart:
        instrument = self._instrument(row.s)
        return BookPart(
            instrument=instrument.key,
            bids=levels(row.b, instrument),
            asks=levels(row.a, instrument),
            whole=False,
            first=int(row.U),
            last=int(row.u),
            venue_ns=int(row.T) * _US_NS or None,
            received_ns=at_ns,
        )

    def _public_trade(self, row: _Trade, at_ns: int) -> Trade:
        instrument = self._instrument(row.s)
        ticks, lots = counters(instrument)
        return Trade(
            instrument=instrument.key,
            trade_id=str(row.t),
            ticks=ticks(row.p),
            lots=lots(row.q),
            taker=Side.SELL if row.m else Side.BUY,
            venue_ns=int(row.T) * _US_NS or None,
            received_ns=at_ns,
        )

    def _marked(self, row: _Mark, at_ns: int) -> Iterator[Said]:
        instrument = self._instrument(row.s)
        index = None if row.i is None else number(row.i)
        yield MarkPrice(instrument=instrument.key, mark=number(row.p), index=index, received_ns=at_ns)
        if row.f is not None:
            yield Funding(
                instrument=instrument.key,
                rate=number(row.f),
                next_ns=None if row.n is None else row.n * _MS_NS,
                interval_ns=self._interval_ns(instrument.key),
                received_ns=at_ns,
            )

    def _order_told(self, row: _Order, at_ns: int) -> Iterator[Said | Unread]:
        order = self.spec.ids.decode(row.c)
        if order is None:
            if row.O != _USER:
                # The venue traded for us: nothing else tells of it in time.
                yield Missed(f"{row.O.lower().replace('_', ' ')} on {row.s}")
            return
        instrument = self._instrument(row.s)
        filled = instrument.lots(row.z)
        about: dict[str, Any] = {
            "client_order_id": order,
            "venue_order_id": row.i,
            "venue_ns": int(row.T) * _US_NS or None,
            "received_ns": at_ns,
        }
        match row.e:
            case "orderAccepted" | "triggerPlaced":
                yield OrderAccepted(**about)
            case "orderFill":
                yield OrderFilled(fill=self._own_fill(row), cumulative_lots=filled, **about)
            case "orderCancelled":
                yield OrderCanceled(reason=row.R or "user", cumulative_lots=filled, **about)
            case "orderExpired":
                yield OrderExpired(reason=row.R, cumulative_lots=filled, **about)
            case "orderModified" if row.q is not None:
                yield OrderAmended(lots=instrument.lots(row.q), **about)
            case "triggerFailed":
                yield OrderRejected(reason=row.R or "its trigger failed", code="TriggerFailed", **about)
            case _:
                yield Unread(f"an order event {row.e}")

    def _own_fill(self, row: _Order) -> Fill:
        instrument = self._instrument(row.s)
        if row.t is None or row.l is None or row.L is None:
            raise ValueError(f"a fill of order {row.i} without its trade, price or quantity")
        fee = None if row.n is None or row.N is None else Money.of(row.n, row.N)
        return Fill(
            trade_id=str(row.t),
            side=SIDES[row.S],
            ticks=instrument.ticks(row.L),
            lots=instrument.lots(row.l),
            fee=fee,
            maker=row.m,
            venue_ns=int(row.T) * _US_NS or None,
        )
