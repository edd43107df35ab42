"""The other end of Lighter's wire: its one socket, where everything is subscribed to and orders come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from xtrade.model.events import (
    BalanceReport,
    BookDelta,
    Funding,
    MarkPrice,
    OrderEvent,
    OrderFilled,
    PositionReport,
    Trade,
)
from xtrade.model.instruments import Instrument, Kind
from xtrade.sim.matching.tape import EVERYBODY, Notice, OrderTriggered
from xtrade.venues.box.floor import Slip
from xtrade.venues.box.server import Session
from xtrade.venues.lighter import server_rows as rows
from xtrade.venues.lighter.server_room import JSON, Room
from xtrade.venues.lighter.server_transactions import Member, Refusal

__all__ = ["Sockets"]

_MS_NS: Final = 1_000_000
_SECOND_NS: Final = 1_000_000_000
_PING_NS: Final = 30 * _SECOND_NS
_SILENCE_NS: Final = 120 * _SECOND_NS
_TOPICS_MAX: Final = 500


class Client(Struct, eq=False):
    """What is kept for one connection."""

    heard_ns: int
    pinged_ns: int
    topics: dict[str, int | None] = field(default_factory=dict)
    """The account behind each private one."""


class Sockets:
    """All connections, and what each is subscribed to."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sessions: dict[Session, Client] = {}

    def opened(self, session: Session) -> None:
        """A connection is there."""
        now_ns = self._room.now_ns()
        self._sessions[session] = Client(now_ns, now_ns)
        _say(session, {"type": "connected", "session_id": f"{len(self._sessions)}-{now_ns}"})

    def closed(self, session: Session) -> None:
        """It is gone."""
        self._sessions.pop(session, None)

    def heard(self, session: Session, payload: bytes) -> None:
        """A message came through it."""
        client = self._sessions[session]
        client.heard_ns = self._room.now_ns()
        try:
            message = msgspec.json.decode(payload, type=JSON)
            kind, data = message.get("type"), message.get("data") or {}
            if kind == "subscribe":
                self._subscribe(session, client, str(message["channel"]), str(message.get("auth", "")))
            elif kind == "unsubscribe":
                name = str(message["channel"])
                if client.topics.pop(name, False) is False:
                    raise Refusal(30002, f"Not Subscribed: {name}")
                _say(session, {"type": "unsubscribed", "channel": name.replace("/", ":")})
            elif kind == "ping":
                _say(session, {"type": "pong"})
            elif kind in {"jsonapi/sendtx", "jsonapi/sendtxbatch"}:
                _say(session, {"type": kind, **_named(data), **self._heard_transactions(str(kind), data)})
            elif kind != "pong":
                raise Refusal(30001, "Invalid Type")
        except Refusal as no:
            _say(session, {"error": {"code": no.code, "message": str(no)}})
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            _say(session, {"error": {"code": 30000, "message": "Invalid Message"}})

    def _heard_transactions(self, kind: str, data: JSON) -> JSON:
        try:
            if kind == "jsonapi/sendtx":
                sent = self._room.sent(
                    [self._room.transactions.send(data["tx_type"], data["tx_info"])], batch=False
                )
            else:
                sent = self._room.send_all(data["tx_types"], data["tx_infos"])
        except Refusal as no:
            return {"code": no.code, "message": str(no)}
        return {"code": 200, **sent}

    def _subscribe(self, session: Session, client: Client, name: str, token: str) -> None:
        if name in client.topics:
            raise Refusal(30003, f"Already Subscribed: {name}")
        if len(client.topics) >= _TOPICS_MAX:
            raise Refusal(23001, "Too Many Subscriptions!")
        channel, _, rest = name.partition("/")
        first = _FIRST.get(channel)
        if first is None:
            raise Refusal(30005, f"Invalid Channel: {name}")
        account: int | None = None
        if channel in _PRIVATE:
            account = int(rest.rpartition("/")[2])
            if channel in _NEEDS_TOKEN or token:
                self._room.transactions.by_token(token, account)
        told = first(self, rest)
        client.topics[name] = account
        _say(
            session,
            {
                "type": f"subscribed/{channel}",
                "channel": name.replace("/", ":"),
                "timestamp": self._room.now_ns() // _MS_NS,
                **told,
            },
        )

    def _instrument(self, native: str) -> Instrument:
        found = self._room.floor.natives.get(native)
        if not found:
            raise Refusal(30005, f"Invalid Channel: market {native}")
        return found[0]

    def _first_book(self, rest: str) -> JSON:
        instrument = self._instrument(rest)
        book = rows.book_row(self._room.floor.exchange.book(instrument.key), instrument)
        return {"order_book": book, "offset": book["offset"], "last_updated_at": book["last_updated_at"]}

    def _first_trades(self, rest: str) -> JSON:
        instrument = self._instrument(rest)
        trades = self._room.floor.chronicle.trades(instrument.key, 50)
        return {
            "trades": [rows.trade_row(each, instrument) for each in trades],
            "liquidation_trades": [],
            "nonce": 0,
        }

    def _first_ticker(self, rest: str) -> JSON:
        return self._room.ticker(self._instrument(rest))

    def _first_stats(self, rest: str) -> JSON:
        if rest == "all":
            contracts = [each for each in self._room.floor.instruments.values() if each.kind is not Kind.SPOT]
            return {"market_stats": {each.native: self._room.stats(each) for each in contracts}}
        return {"market_stats": self._room.stats(self._instrument(rest))}

    def _first_spot_stats(self, rest: str) -> JSON:
        if rest == "all":
            pairs = [each for each in self._room.floor.instruments.values() if each.kind is Kind.SPOT]
            return {"spot_market_stats": {each.native: self._room.stats(each) for each in pairs}}
        return {"spot_market_stats": self._room.stats(self._instrument(rest))}

    def _first_orders(self, rest: str) -> JSON:
        member = self._room.of_index(rest.rpartition("/")[2])
        key = self._instrument(rest.partition("/")[0]).key if "/" in rest else None
        told = self._room.order_rows(member, self._room.floor.open_slips(member.name, key))
        return {"account": member.index, "orders": rows.by_market(told, "market_index")}

    def _first_fills(self, rest: str) -> JSON:
        self._room.of_index(rest)
        return {"trades": {}}

    def _first_positions(self, rest: str) -> JSON:
        return {"positions": self._room.positions(self._room.of_index(rest)), "shares": []}

    def _first_assets(self, rest: str) -> JSON:
        return {"assets": self._room.balances(self._room.of_index(rest))}

    def _first_all(self, rest: str) -> JSON:
        member = self._room.of_index(rest)
        return {
            "account": member.index,
            "assets": self._room.balances(member),
            "positions": self._room.positions(member),
            "trades": {},
            "shares": [],
            "funding_histories": {},
        }

    def _first_user_stats(self, rest: str) -> JSON:
        return {"stats": self._room.user_stats(self._room.of_index(rest))}

    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        """Something happened on the floor."""
        at_ms = at_ns // _MS_NS
        private: dict[str, list[Any]] = {}
        for account, event in notices:
            if account == EVERYBODY:
                self._publish(event, at_ms)
            elif account in self._room.members:
                private.setdefault(account, []).append(event)
        for account, events in private.items():
            self._tell(self._room.members[account], events, at_ms)

    def _publish(self, event: object, at_ms: int) -> None:
        if isinstance(event, BookDelta):
            instrument = self._room.floor.instruments[event.instrument]
            name = f"order_book/{instrument.native}"
            if self._anybody(name):
                book = rows.book_row(event, instrument)
                said = {
                    "order_book": book,
                    "offset": book["offset"],
                    "last_updated_at": book["last_updated_at"],
                }
                self._update(name, {**said, "timestamp": at_ms})
            if self._anybody(f"ticker/{instrument.native}"):
                self._update(
                    f"ticker/{instrument.native}", {**self._room.ticker(instrument), "timestamp": at_ms}
                )
        elif isinstance(event, Trade):
            instrument = self._room.floor.instruments[event.instrument]
            trades = {"trades": [rows.trade_row(event, instrument)], "liquidation_trades": [], "nonce": 0}
            self._update(f"trade/{instrument.native}", trades)
        elif isinstance(event, MarkPrice | Funding):
            instrument = self._room.floor.instruments[event.instrument]
            channel = "spot_market_stats" if instrument.kind is Kind.SPOT else "market_stats"
            for rest, stats in ((instrument.native, None), ("all", instrument.native)):
                if self._anybody(f"{channel}/{rest}"):
                    figures = self._room.stats(instrument)
                    said = {channel: figures if stats is None else {stats: figures}, "timestamp": at_ms}
                    self._update(f"{channel}/{rest}", said)

    def _tell(self, member: Member, events: Sequence[object], at_ms: int) -> None:
        """Tell an account what happened to it: each order once, as it is now."""
        orders: dict[int, Slip] = {}
        trades = []
        for event in events:
            if isinstance(event, OrderEvent | OrderTriggered):
                slip = self._room.floor.slip(event.client_order_id)
                if slip is None or slip.account != member.name or not rows.is_told(slip):
                    continue
                if isinstance(event, OrderTriggered):
                    slip.extra.pop("sleeps", None)
                orders[slip.number] = slip
                if isinstance(event, OrderFilled):
                    trades.append(rows.own_trade_row(event.fill, slip, member.index))
        if orders:
            told = rows.by_market(self._room.order_rows(member, orders.values()), "market_index")
            said = {"account": member.index, "orders": told, "timestamp": at_ms}
            self._update(f"account_all_orders/{member.index}", said)
            for market, of_market in told.items():
                one = {**said, "orders": {market: of_market}}
                self._update(f"account_orders/{market}/{member.index}", one)
        by_market = rows.by_market(trades, "market_id")
        if trades:
            self._update(f"account_all_trades/{member.index}", {"trades": by_market})
        moved = [event.instrument for event in events if isinstance(event, PositionReport)]
        if moved:
            said = {"positions": self._room.positions(member, moved), "shares": [], "timestamp": at_ms}
            self._update(f"account_all_positions/{member.index}", said)
        if any(isinstance(event, BalanceReport) for event in events):
            said = {"assets": self._room.balances(member), "timestamp": at_ms}
            self._update(f"account_all_assets/{member.index}", said)
            stats = {"stats": self._room.user_stats(member), "timestamp": at_ms}
            self._update(f"user_stats/{member.index}", stats)
        if (trades or moved) and self._anybody(f"account_all/{member.index}"):
            said = self._first_all(str(member.index)) | {"trades": by_market, "timestamp": at_ms}
            self._update(f"account_all/{member.index}", said)

    def _anybody(self, name: str) -> bool:
        return any(name in client.topics for client in self._sessions.values())

    def _update(self, name: str, what: JSON) -> None:
        channel = name.partition("/")[0]
        payload: bytes | None = None
        for session, client in self._sessions.items():
            if name in client.topics:
                if payload is None:
                    head = {"type": f"update/{channel}", "channel": name.replace("/", ":")}
                    payload = msgspec.json.encode({**head, **what})
                session.send(payload)

    def tick(self, now_ns: int) -> None:
        """Some time has passed."""
        for session, client in list(self._sessions.items()):
            if now_ns - client.heard_ns > _SILENCE_NS:
                session.close(1008, "silent for too long")
            elif now_ns - client.pinged_ns >= _PING_NS:
                client.pinged_ns = now_ns
                _say(session, {"type": "ping"})


# ruff: noqa: SLF001  (a table of the class's own methods)
_FIRST: Final[Mapping[str, Callable[[Sockets, str], JSON]]] = {
    "order_book": Sockets._first_book,
    "ticker": Sockets._first_ticker,
    "trade": Sockets._first_trades,
    "market_stats": Sockets._first_stats,
    "spot_market_stats": Sockets._first_spot_stats,
    "account_orders": Sockets._first_orders,
    "account_all_orders": Sockets._first_orders,
    "account_all_trades": Sockets._first_fills,
    "account_all_positions": Sockets._first_positions,
    "account_all_assets": Sockets._first_assets,
    "account_all": Sockets._first_all,
    "user_stats": Sockets._first_user_stats,
}
_PRIVATE: Final = frozenset(name for name in _FIRST if name.startswith("account")) | {"user_stats"}
_NEEDS_TOKEN: Final = frozenset({"account_orders", "account_all_orders"})


def _say(session: Session, what: JSON) -> None:
    session.send(msgspec.json.encode(what))


def _named(data: JSON) -> JSON:
    """Return the client's name for its message, if it gave one."""
    return {"id": data["id"]} if "id" in data else {}
