"""What Backpack's server pushes: who has subscribed to what, and the frames that go out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from xtrade.model.events import (
    BookDelta,
    Funding,
    MarkPrice,
    OrderAccepted,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    PositionReport,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.sim.matching.tape import EVERYBODY, Notice
from xtrade.venues.backpack.rows import SIDE_WORDS, STATUS_WORDS, quote_value, reason_word
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.box.server import Session

__all__ = ["News"]

_US_NS: Final = 1_000
_MS_NS: Final = 1_000_000
_PUBLIC: Final = ("depth", "trade", "markPrice", "bookTicker")
_PRIVATE: Final = ("account.orderUpdate", "account.positionUpdate")
_EVENTS: Final[dict[type, str]] = {
    OrderAccepted: "orderAccepted",
    OrderFilled: "orderFill",
    OrderCanceled: "orderCancelled",
    OrderExpired: "orderExpired",
}


class News:
    """The subscriptions of all connections."""

    def __init__(self, floor: Floor, accounts: Sequence[str]) -> None:
        self._floor = floor
        self._accounts = frozenset(accounts)
        self._sessions: dict[int, tuple[Session, dict[str, str | None]]] = {}

    def opened(self, session: Session) -> None:
        """A connection without subscriptions is there."""
        self._sessions[id(session)] = (session, {})

    def closed(self, session: Session) -> None:
        """It is gone."""
        self._sessions.pop(id(session), None)

    def subscribe(self, session: Session, name: str, account: str | None) -> bool:
        """Tell a connection of a stream from now on; False where there is no such stream for it."""
        if name.startswith(_PRIVATE):
            if account is None:
                return False
            self._sessions[id(session)][1][name] = account
            if name.startswith("account.positionUpdate"):
                self._held(session, name, account)
            return True
        what, _, market = name.rpartition(".")
        if what.partition(".")[0] not in _PUBLIC or market not in self._floor.natives:
            return False
        self._sessions[id(session)][1][name] = None
        return True

    def unsubscribe(self, session: Session, names: Sequence[str]) -> None:
        """Tell it no more."""
        for name in names:
            self._sessions[id(session)][1].pop(name, None)

    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        """Push what came of a moment on the floor."""
        for account, event in notices:
            if account == EVERYBODY:
                self._public(event, at_ns)
            elif account in self._accounts:
                self._private(account, event, at_ns)

    # -- how ------------------------------------------------------------------------------------------------------

    def _public(self, event: Any, at_ns: int) -> None:
        if not isinstance(event, BookDelta | Trade | MarkPrice | Funding):
            return
        instrument = self._floor.instruments[event.instrument]
        stamp = {"E": at_ns // _US_NS, "T": at_ns // _US_NS, "s": instrument.native}
        match event:
            case BookDelta():
                self._push("depth", instrument, lambda: {"e": "depth", **stamp, **_levels(instrument, event)})
                self._push(
                    "bookTicker", instrument, lambda: {"e": "bookTicker", **stamp, **self._top(instrument)}
                )
            case Trade():
                self._push("trade", instrument, lambda: {"e": "trade", **stamp, **_trade(instrument, event)})
            case MarkPrice() | Funding():
                self._push(
                    "markPrice", instrument, lambda: {"e": "markPrice", **stamp, **self._mark(instrument)}
                )

    def _push(self, what: str, instrument: Instrument, data: Any) -> None:
        """Send a frame to everybody who wants it; it is made once, if anybody does."""
        made: Any = None
        for session, topics in list(self._sessions.values()):
            for name in topics:
                if name.partition(".")[0] == what and name.rpartition(".")[2] == instrument.native:
                    made = data() if made is None else made
                    session.send(msgspec.json.encode({"stream": name, "data": made}))

    def _private(self, account: str, event: Any, at_ns: int) -> None:
        if isinstance(event, PositionReport):
            instrument = self._floor.instruments[event.instrument]
            row = self._position(account, instrument, at_ns)
            kind = "positionAdjusted" if event.lots else "positionClosed"
            self._to(account, "account.positionUpdate", {"e": kind, **row}, instrument)
        elif isinstance(event, OrderEvent):
            slip = self._floor.slip(event.client_order_id)
            name = _EVENTS.get(type(event))
            if slip is not None and slip.account == account and name is not None:
                self._to(account, "account.orderUpdate", _order(slip, event, name, at_ns), slip.instrument)

    def _to(self, account: str, stream: str, row: dict[str, Any], instrument: Instrument) -> None:
        for session, topics in list(self._sessions.values()):
            for name, owner in topics.items():
                if owner == account and name in {stream, f"{stream}.{instrument.native}"}:
                    session.send(msgspec.json.encode({"stream": name, "data": row}))

    def _held(self, session: Session, name: str, account: str) -> None:
        """Right after the subscription the positions that are there come, without an event's name."""
        for key, instrument in self._floor.instruments.items():
            if instrument.kind is Kind.LINEAR and self._floor.exchange.position(account, key).lots:
                row = self._position(account, instrument, self._floor.now_ns)
                session.send(msgspec.json.encode({"stream": name, "data": row}))

    def _position(self, account: str, instrument: Instrument, at_ns: int) -> dict[str, Any]:
        position = self._floor.exchange.position(account, instrument.key)
        entry = position.entry_price(instrument)
        quantity = plain(instrument.quantity(position.lots))
        return {
            "E": at_ns // _US_NS,
            "T": at_ns // _US_NS,
            "s": instrument.native,
            "q": quantity,
            "Q": quantity,
            "B": "0" if entry is None else plain(entry),
            "b": "0" if entry is None else plain(entry),
            "i": f"{account}-{instrument.native}",
            "p": "0",
            "P": "0",
        }

    def _top(self, instrument: Instrument) -> dict[str, Any]:
        book = self._floor.exchange.book(instrument.key)
        bids, asks = list(book.bids), list(book.asks)
        best_bid, best_ask = bids[0] if bids else (0, 0), asks[0] if asks else (0, 0)
        return {
            "a": plain(instrument.price(best_ask[0])),
            "A": plain(instrument.quantity(best_ask[1])),
            "b": plain(instrument.price(best_bid[0])),
            "B": plain(instrument.quantity(best_bid[1])),
            "u": book.sequence,
        }

    def _mark(self, instrument: Instrument) -> dict[str, Any]:
        chronicle = self._floor.chronicle
        mark, funding = chronicle.marks.get(instrument.key), chronicle.fundings.get(instrument.key)
        price = "1" if mark is None else plain(mark.mark)
        next_ns = None if funding is None else funding.next_ns
        return {
            "p": price,
            "i": price if mark is None or mark.index is None else plain(mark.index),
            "f": "0" if funding is None else plain(funding.rate),
            "n": None if next_ns is None else next_ns // _MS_NS,
        }


def _levels(instrument: Instrument, event: BookDelta) -> dict[str, Any]:
    def rows(levels: Any) -> list[list[str]]:
        return [[plain(instrument.price(ticks)), plain(instrument.quantity(lots))] for ticks, lots in levels]

    before = event.previous_sequence or 0
    return {"a": rows(event.asks), "b": rows(event.bids), "U": before + 1, "u": event.sequence}


def _trade(instrument: Instrument, event: Trade) -> dict[str, Any]:
    return {
        "p": plain(instrument.price(event.ticks)),
        "q": plain(instrument.quantity(event.lots)),
        "b": "0",
        "a": "0",
        "t": int(event.trade_id),
        "m": event.taker is Side.SELL,
    }


def _order(slip: Slip, event: OrderEvent, name: str, at_ns: int) -> dict[str, Any]:
    instrument = slip.instrument
    row: dict[str, Any] = {
        "e": name,
        "E": at_ns // _US_NS,
        "s": instrument.native,
        "S": SIDE_WORDS[slip.intent.side],
        "o": "MARKET" if slip.intent.type is OrderType.MARKET else "LIMIT",
        "f": slip.intent.time_in_force.value.upper(),
        "q": plain(instrument.quantity(slip.lots)),
        "X": STATUS_WORDS[slip.status],
        "i": slip.venue_order_id,
        "z": plain(instrument.quantity(slip.filled_lots)),
        "Z": quote_value(slip),
        "V": "RejectTaker",
        "T": (event.venue_ns or at_ns) // _US_NS,
        "O": "USER",
    }
    if slip.text:
        row["c"] = int(slip.text)
    if slip.ticks is not None:
        row["p"] = plain(instrument.price(slip.ticks))
    if isinstance(event, OrderExpired):
        row["R"] = reason_word(event.reason)
    if isinstance(event, OrderFilled):
        row |= _fill(instrument, event.fill)
    return row


def _fill(instrument: Instrument, fill: Fill) -> dict[str, Any]:
    fee = fill.fee or Money(0, instrument.quote)
    return {
        "t": int(fill.trade_id),
        "l": plain(instrument.quantity(fill.lots)),
        "L": plain(instrument.price(fill.ticks)),
        "m": bool(fill.maker),
        "n": plain(fee.amount),
        "N": fee.currency,
    }
