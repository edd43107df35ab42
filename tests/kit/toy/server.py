"""Toy: the other end of the wire."""

from decimal import Decimal
from functools import partial
from typing import ClassVar

import msgspec

from kit.toy.auth import sign
from kit.toy.codec import PAGE
from xtrade.model.events import (
    BalanceReport,
    BookDelta,
    BookSnapshot,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    PositionReport,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.numbers import plain
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.sim.matching.tape import EVERYBODY
from xtrade.sim.synthetic.markets import Listing
from xtrade.venues.box.server import Server, Told

WINDOW_MS = 5_000


class No(Exception):
    def __init__(self, code, text, status=400):
        super().__init__(text)
        self.code, self.status = code, status


class ToyServer(Server):
    venue = "toy"
    listings: ClassVar = {
        "BTC/USDT": Listing(symbol="BTC/USDT", tick=Decimal("0.5"), orders_rate=4, trades_rate=0.5),
        "ETH/USDT:USDT": Listing(
            symbol="ETH/USDT:USDT",
            tick=Decimal("0.1"),
            lot=Decimal("0.01"),
            spread_bp=1,
            orders_rate=4,
            trades_rate=0.5,
        ),
    }

    @classmethod
    def make_key(cls, stream, number):
        return {"api_key": f"toy-key-{number}", "api_secret": f"{stream.getrandbits(256):064x}"}

    @classmethod
    def how_to_connect(cls, address, native):
        return [f"curl     curl '{address}/book?market={native}'"]

    # -- requests -------------------------------------------------------------------------------------------------

    def answer(self, asked):
        try:
            return Told(msgspec.json.encode(self._answer(asked)))
        except No as no:
            return Told(msgspec.json.encode({"code": no.code, "text": str(no)}), no.status)

    def _answer(self, asked):
        public = {
            "/time": self._time,
            "/markets": self._markets,
            "/book": self._book,
            "/trades": self._trades,
        }
        public["/bars"] = self._bars
        if asked.method == "GET" and asked.path in public:
            return public[asked.path](asked.parameters)
        account = self._account(asked)
        body = msgspec.json.decode(asked.body) if asked.body else asked.parameters
        doing = {
            ("POST", "/orders"): self._place,
            ("PUT", "/orders"): self._amend,
            ("DELETE", "/orders"): self._cancel,
            ("DELETE", "/orders/all"): lambda account, _: len(self.floor.cancel_all(account)),
            ("POST", "/countdown"): self._countdown,
            ("GET", "/orders"): lambda account, _: [_row(slip) for slip in self.floor.open_slips(account)],
            ("GET", "/order"): self._order,
            ("GET", "/fills"): self._fills,
            ("GET", "/balances"): self._balances,
            ("GET", "/positions"): self._positions,
        }.get((asked.method, asked.path))
        if doing is None:
            raise No("refused", f"there is no {asked.method} {asked.path}", 404)
        return doing(account, body)

    def _account(self, asked):
        target = asked.path + (f"?{asked.query}" if asked.query else "")
        at = asked.headers.get("x-at", "0")
        return self._who(
            asked.headers.get("x-key"),
            at,
            at + asked.method + target + asked.body.decode(),
            asked.headers.get("x-sign"),
        )

    def _who(self, key, at, text, signature):
        account = next((each for each in self.accounts if each.key["api_key"] == key), None)
        if account is None or sign(account.key["api_secret"], text) != signature:
            raise No("key", "the key or its signature is wrong", 401)
        if abs(self.now_ns() // 1_000_000 - int(at)) > WINDOW_MS:
            raise No("clock", "the request is too old or too new", 400)
        return account.name

    def _time(self, _):
        return {"ms": self.now_ns() // 1_000_000}

    def _markets(self, _):
        return [
            {
                "name": each.native,
                "symbol": each.symbol,
                "base": each.base,
                "quote": each.quote,
                "settle": "" if each.kind is Kind.SPOT else each.settle,
                "tick": plain(each.tick),
                "lot": plain(each.lot),
                "maker_fee": plain(each.maker_fee),
                "taker_fee": plain(each.taker_fee),
            }
            for each in self.floor.instruments.values()
        ]

    def _market(self, body):
        found = self.floor.natives.get(body.get("market"))
        if not found:
            raise No("refused", f"no market {body.get('market')}")
        return found[0]

    def _book(self, body):
        return self._book_row(self.floor.exchange.book(self._market(body).key))

    def _trades(self, body):
        return [
            self._trade_row(each)
            for each in self.floor.chronicle.trades(self._market(body).key, int(body["count"]))
        ]

    def _bars(self, body):
        instrument = self._market(body)
        found = self.floor.chronicle.bars(
            instrument.key, int(body["seconds"]) * 10**9, int(body["start"]), int(body["end"])
        )
        return [
            {
                "start": bar.start_ns,
                **{
                    name: plain(instrument.price(getattr(bar, f"{name}_ticks")))
                    for name in ("open", "high", "low", "close")
                },
                "volume": plain(instrument.quantity(bar.volume_lots)),
            }
            for bar in found
        ]

    def _place(self, account, body):
        instrument = self._market(body)
        price = body["price"]
        slip = self.floor.place(
            account,
            OrderIntent(
                client_order_id=ClientOrderId(1),
                instrument=instrument.key,
                instrument_version=instrument.version,
                side=Side(body["side"]),
                type=OrderType(body["type"]),
                time_in_force=TimeInForce(body["tif"]),
                lots=instrument.lots(body["quantity"]),
                ticks=None if price is None else instrument.ticks(price),
                post_only=body["post_only"],
            ),
            text=str(body["client"]),
        )
        if slip.code:
            raise No("refused", slip.reason)
        return {"id": slip.venue_order_id}

    def _find(self, account, body):
        slip = self.floor.find(account, text=str(body["client"]))
        if slip is None:
            raise No("gone", "no such order", 404)
        return slip

    def _cancel(self, account, body):
        if not self.floor.cancel(self._find(account, body)):
            raise No("gone", "the order has ended", 404)
        return {}

    def _amend(self, account, body):
        slip = self._find(account, body)
        instrument = slip.instrument
        refused = self.floor.amend(
            slip, lots=instrument.lots(body["quantity"]), ticks=instrument.ticks(body["price"])
        )
        if refused:
            raise No("refused", refused)
        return {}

    def _countdown(self, account, body):
        self.floor.countdown(account, body["seconds"] * 10**9)
        return {}

    def _order(self, account, body):
        slip = self.floor.find(account, text=body["client"])
        return None if slip is None else _row(slip)

    def _fills(self, account, body):
        since, after = int(body["since"]), int(body["after"])
        found = [each for each in self.floor.executed(account) if each.at_ns >= since and each.number > after]
        return [
            {**_fill_row(each.slip, each.fill, each.at_ns), "number": each.number} for each in found[:PAGE]
        ]

    def _balances(self, account, _):
        return [_balance_row(self.floor.exchange.balance(account, each)) for each in self.floor.currencies()]

    def _positions(self, account, _):
        found = []
        for key, instrument in self.floor.instruments.items():
            if instrument.kind is Kind.LINEAR and (lots := self.floor.exchange.position(account, key).lots):
                found.append({"market": instrument.native, "quantity": plain(instrument.quantity(lots))})
        return found

    # -- sockets --------------------------------------------------------------------------------------------------

    def takes(self, path):
        return path == "/stream"

    def opened(self, session):
        session.state = {"topics": set(), "account": None}
        self._sessions = getattr(self, "_sessions", [])
        self._sessions.append(session)

    def closed(self, session):
        self._sessions.remove(session)

    def heard(self, session, payload):
        message = msgspec.json.decode(payload)
        say = partial(_say, session)
        match message["op"]:
            case "login":
                try:
                    session.state["account"] = self._who(
                        message["key"], message["at"], message["at"] + "login", message["sign"]
                    )
                    say(op="login", ok=True)
                except No as no:
                    say(op="login", ok=False, text=str(no))
            case "subscribe":
                good = [name for name in message["topics"] if self._exists(session, name)]
                if bad := [name for name in message["topics"] if name not in good]:
                    say(op="refused", topics=bad, text="no such topic")
                session.state["topics"] |= set(good)
                say(op="subscribed", topics=good)
                for name in good:
                    what, _, market = name.partition(":")
                    if what == "book":
                        say(
                            op="book",
                            **self._book_row(self.floor.exchange.book(self.floor.natives[market][0].key)),
                        )
            case "unsubscribe":
                session.state["topics"] -= set(message["topics"])

    def _exists(self, session, name):
        what, _, market = name.partition(":")
        if what == "account":
            return session.state["account"] is not None
        return what in {"book", "trades"} and market in self.floor.natives

    def happened(self, notices, at_ns):
        for account, event in notices:
            if account == EVERYBODY:
                self._publish(event)
            elif any(each.name == account for each in self.accounts):
                self._tell(account, event)

    def tick(self, now_ns):
        pass

    def _publish(self, event):
        if isinstance(event, BookDelta | BookSnapshot):
            topic = f"book:{self.floor.instruments[event.instrument].native}"
            row = {"op": "book", **self._book_row(event)}
        elif isinstance(event, Trade):
            topic = f"trades:{self.floor.instruments[event.instrument].native}"
            row = {"op": "trade", **self._trade_row(event)}
        else:
            return
        for session in getattr(self, "_sessions", ()):
            if topic in session.state["topics"]:
                _say(session, **row)

    def _tell(self, account, event):
        row = None
        if isinstance(event, BalanceReport):
            row = {"op": "balance", **_balance_row(event)}
        elif isinstance(event, PositionReport):
            instrument = self.floor.instruments[event.instrument]
            row = {
                "op": "position",
                "market": instrument.native,
                "quantity": plain(instrument.quantity(event.lots)),
            }
        elif isinstance(event, OrderEvent):
            row = self._order_row(event)
        for session in getattr(self, "_sessions", ()):
            if (
                row is not None
                and session.state["account"] == account
                and "account" in session.state["topics"]
            ):
                _say(session, **row)

    def _order_row(self, event):
        slip = self.floor.slip(event.client_order_id)
        name = _EVENTS.get(type(event))
        if slip is None or name is None:
            return None
        row = {
            "op": "order",
            "event": name,
            **_row(slip),
            "at": event.venue_ns,
            "reason": getattr(event, "reason", ""),
        }
        return row | (_fill_row(slip, event.fill, event.venue_ns) if isinstance(event, OrderFilled) else {})

    # -- rows -----------------------------------------------------------------------------------------------------

    def _book_row(self, event):
        instrument = self.floor.instruments[event.instrument]

        def rows(levels):
            return [[plain(instrument.price(t)), plain(instrument.quantity(q))] for t, q in levels]

        return {
            "market": instrument.native,
            "whole": isinstance(event, BookSnapshot),
            "last": event.sequence,
            "previous": getattr(event, "previous_sequence", None),
            "bids": rows(event.bids),
            "asks": rows(event.asks),
            "at": event.venue_ns,
        }

    def _trade_row(self, event):
        instrument = self.floor.instruments[event.instrument]
        return {
            "market": instrument.native,
            "id": event.trade_id,
            "price": plain(instrument.price(event.ticks)),
            "quantity": plain(instrument.quantity(event.lots)),
            "taker": event.taker.value,
            "at": event.venue_ns,
        }


_EVENTS = {
    OrderAccepted: "accepted",
    OrderFilled: "filled",
    OrderCanceled: "canceled",
    OrderExpired: "expired",
    OrderAmended: "amended",
    OrderCompleted: None,
}


def _say(session, **row):
    session.send(msgspec.json.encode(row))


def _row(slip):
    instrument = slip.instrument
    return {
        "id": slip.venue_order_id,
        "client": slip.text,
        "market": instrument.native,
        "side": slip.intent.side.value,
        "type": slip.intent.type.value,
        "status": slip.status.value,
        "quantity": plain(instrument.quantity(slip.lots)),
        "filled": plain(instrument.quantity(slip.filled_lots)),
        "price": "0" if slip.ticks is None else plain(instrument.price(slip.ticks)),
    }


def _fill_row(slip, fill, at_ns):
    return {
        **_row(slip),
        "trade": fill.trade_id,
        "fill_price": plain(slip.instrument.price(fill.ticks)),
        "fill_quantity": plain(slip.instrument.quantity(fill.lots)),
        "fee": plain(fill.fee.amount),
        "fee_in": fill.fee.currency,
        "maker": fill.maker,
        "at": at_ns,
    }


def _balance_row(balance):
    return {
        "currency": balance.total.currency,
        "total": plain(balance.total.amount),
        "held": plain(balance.held.amount),
    }
