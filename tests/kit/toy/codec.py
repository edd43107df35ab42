"""Toy: what is wanted becomes bytes, what is heard becomes events."""

from decimal import Decimal
from urllib.parse import urlencode

import msgspec

from kit.toy.spec import CODES, SPEC
from xtrade.model.errors import DataError
from xtrade.model.events import (
    BalanceReport,
    Bar,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    PositionReport,
    Trade,
)
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.numbers import plain
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.net.http import Request
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat
from xtrade.venues.abilities import Feed
from xtrade.venues.asks import Ask, Page
from xtrade.venues.base import FillReport, OrderReport
from xtrade.venues.codec import Codec, Unread
from xtrade.venues.levels import levels
from xtrade.venues.markets import Listed
from xtrade.venues.meanings import Meaning, error
from xtrade.venues.streams import BookPart, LoggedIn, Refused, Subscribed, Topic

MS = 1_000_000
PAGE = 100


class ToyCodec(Codec):
    spec = SPEC

    # -- what there is, and markets -------------------------------------------------------------------------------

    def clock(self):
        return self._get("time", "/time", lambda body, _: body["ms"] * MS)

    def listings(self):
        return [self._get("markets", "/markets", lambda body, _: [_listed(row) for row in body])]

    def book(self, key, depth):
        market = self._native(key)
        return self._get("book", "/book", self._part, market=market, depth=depth)

    def trades(self, key, count):
        def read(body, at):
            return [self._trade(key, row, at) for row in body]

        return self._get("trades", "/trades", read, market=self._native(key), count=count)

    def bars(self, key, interval_ns, start_ns, end_ns):
        instrument = self.markets.of(key).instrument

        def read(body, at):
            return Page(tuple(_bar(instrument, row, interval_ns, at) for row in body))

        return self._get(
            "bars",
            "/bars",
            read,
            market=self._native(key),
            seconds=interval_ns // 10**9,
            start=start_ns,
            end=end_ns,
        )

    # -- streams --------------------------------------------------------------------------------------------------

    def topics(self, key, feeds):
        names = {Feed.BOOK: "book", Feed.TRADES: "trades"}
        return [
            Topic("public", f"{names[feed]}:{self._native(key)}", key)
            for feed in sorted(feeds)
            if feed in names
        ]

    def private_topics(self, line):
        return [Topic("private", "account")]

    def subscribe(self, line, topics, number, now_ns):
        return [msgspec.json.encode({"op": "subscribe", "topics": [topic.name for topic in topics]})]

    def unsubscribe(self, line, topics, number):
        return [msgspec.json.encode({"op": "unsubscribe", "topics": [topic.name for topic in topics]})]

    def login(self, line, number, now_ns):
        if self.auth is None:
            return None
        at = str(now_ns // MS)
        return msgspec.json.encode(
            {"op": "login", "key": self.auth.api_key, "at": at, "sign": self.auth.sign(at + "login")}
        )

    def hear(self, line, payload, received_ns):
        try:
            return list(self._hear(msgspec.json.decode(payload), received_ns))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
            return [Unread(repr(problem))]

    def _hear(self, message, at):
        match message.get("op"):
            case "login":
                yield LoggedIn() if message["ok"] else Refused((), "key", message["text"], login=True)
            case "subscribed":
                yield Subscribed(tuple(message["topics"]))
            case "refused":
                yield Refused(tuple(message["topics"]), "refused", message["text"])
            case "book":
                yield self._part(message, at)
            case "trade":
                yield self._trade(self.markets.native(message["market"]).key, message, at)
            case "balance":
                yield _balance(self.account, message, at)
            case "position":
                yield self._position(message, at)
            case "order":
                yield from self._order_event(message, at)
            case _:
                yield Unread("no operation that is known")

    def _order_event(self, row, at):
        order = self.spec.ids.decode(row["client"])
        if order is None:
            return
        instrument = self.markets.native(row["market"])
        common = {
            "client_order_id": order,
            "venue_order_id": row["id"],
            "received_ns": at,
            "venue_ns": row["at"],
        }
        match row["event"]:
            case "accepted":
                yield OrderAccepted(**common)
            case "filled":
                filled = instrument.lots(row["filled"])
                yield OrderFilled(fill=_fill(instrument, row), cumulative_lots=filled, **common)
            case "canceled":
                yield OrderCanceled(
                    reason=row["reason"], cumulative_lots=instrument.lots(row["filled"]), **common
                )
            case "expired":
                yield OrderExpired(
                    reason=row["reason"], cumulative_lots=instrument.lots(row["filled"]), **common
                )
            case "amended":
                lots, ticks = instrument.lots(row["quantity"]), instrument.ticks(row["price"])
                yield OrderAmended(lots=lots, ticks=ticks, **common)

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, intent):
        instrument = self.markets.of(intent.instrument).instrument
        body = {
            "client": self.spec.ids.encode(intent.client_order_id),
            "market": instrument.native,
            "side": intent.side.value,
            "type": intent.type.value,
            "tif": intent.time_in_force.value,
            "quantity": plain(instrument.quantity(intent.lots)),
            "price": None if intent.ticks is None else plain(instrument.price(intent.ticks)),
            "post_only": intent.post_only,
        }

        def read(told, at):
            return [
                OrderAccepted(
                    client_order_id=intent.client_order_id, venue_order_id=told["id"], received_ns=at
                )
            ]

        return self._do("place order", "POST", "/orders", body, read, Priority.TRADE)

    def cancel(self, known, request):
        body = {"client": self.spec.ids.encode(known.intent.client_order_id)}
        return self._do(
            "cancel order", "DELETE", "/orders", body, lambda _, __: [], Priority.CANCEL, Repeat.IDEMPOTENT
        )

    def amend(self, known, *, lots, ticks, request):
        body = {
            "client": self.spec.ids.encode(known.intent.client_order_id),
            "quantity": plain(known.instrument.quantity(lots)),
            "price": plain(known.instrument.price(ticks)),
        }

        def read(_, at):
            order = known.intent.client_order_id
            return [
                OrderAmended(client_order_id=order, lots=lots, ticks=ticks, request=request, received_ns=at)
            ]

        return self._do("amend order", "PUT", "/orders", body, read, Priority.TRADE)

    def cancel_all(self, keys):
        return [
            self._do(
                "cancel all",
                "DELETE",
                "/orders/all",
                {},
                lambda _, __: [],
                Priority.CANCEL,
                Repeat.IDEMPOTENT,
            )
        ]

    def countdown(self, seconds, keys):
        return [
            self._do(
                "countdown", "POST", "/countdown", {"seconds": seconds}, lambda _, __: None, Priority.CANCEL
            )
        ]

    # -- the account ----------------------------------------------------------------------------------------------

    def open_orders(self, keys):
        return [
            self._get(
                "open orders", "/orders", lambda body, _: Page(tuple(map(self._report, body))), signed=True
            )
        ]

    def order(self, known):
        def read(body, _):
            return self._report(body) if body else None

        return [
            self._get(
                "order",
                "/order",
                read,
                signed=True,
                client=self.spec.ids.encode(known.intent.client_order_id),
            )
        ]

    def fills(self, since_ns, keys):
        return [self._fills(since_ns, 0)]

    def _fills(self, since_ns, after):
        def read(body, _):
            more = self._fills(since_ns, body[-1]["number"]) if len(body) == PAGE else None
            return Page(tuple(map(self._fill_report, body)), more)

        return self._get("fills", "/fills", read, signed=True, since=since_ns, after=after)

    def balances(self):
        def read(body, at):
            return [_balance(self.account, row, at) for row in body]

        return [self._get("balances", "/balances", read, signed=True)]

    def positions(self):
        def read(body, at):
            return [self._position(row, at) for row in body]

        return [self._get("positions", "/positions", read, signed=True)]

    # -- how ------------------------------------------------------------------------------------------------------

    def _native(self, key):
        return self.markets.of(key).instrument.native

    def _get(self, what, path, read, *, signed=False, **query):
        target = path + (f"?{urlencode(query)}" if query else "")
        return self._ask(
            what, "GET", target, b"", read, Repeat.READ, Priority.ACCOUNT if signed else Priority.DATA, signed
        )

    def _do(self, what, method, path, body, read, priority, repeat=Repeat.NEVER):
        return self._ask(what, method, path, msgspec.json.encode(body), read, repeat, priority, True)

    def _ask(self, what, method, target, body, read, repeat, priority, signed):
        def build(now_ns):
            headers = ()
            if signed:
                at = str(now_ns // MS)
                sign = self.auth.sign(at + method + target + body.decode())
                headers = (("X-Key", self.auth.api_key), ("X-At", at), ("X-Sign", sign))
            return Request(method, self.addresses["rest"] + target, headers, body)

        def understand(answer):
            try:
                told = msgspec.json.decode(answer.body)
                if answer.status != 200:
                    code, text = told["code"], told["text"]
                else:
                    return read(told, answer.received_ns)
            except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as problem:
                raise DataError(f"toy: {what}: {problem!r}") from None
            meaning = CODES.get(code, Meaning.DOUBT if answer.status >= 500 else Meaning.REFUSED)
            raise error("toy", what, meaning, code=code, text=text)

        return Ask(what, build, understand, (Cost("requests"),), priority, repeat)

    def _part(self, row, at):
        instrument = self.markets.native(row["market"])
        return BookPart(
            instrument=instrument.key,
            bids=levels(row["bids"], instrument),
            asks=levels(row["asks"], instrument),
            whole=row["whole"],
            last=row["last"],
            previous=row.get("previous"),
            venue_ns=row["at"],
            received_ns=at,
        )

    def _trade(self, key, row, at):
        instrument = self.markets.of(key).instrument
        return Trade(
            instrument=key,
            trade_id=row["id"],
            ticks=instrument.ticks(row["price"]),
            lots=instrument.lots(row["quantity"]),
            taker=Side(row["taker"]),
            venue_ns=row["at"],
            received_ns=at,
        )

    def _position(self, row, at):
        instrument = self.markets.native(row["market"])
        return PositionReport(
            account=self.account,
            instrument=instrument.key,
            lots=instrument.lots(row["quantity"]),
            received_ns=at,
        )

    def _report(self, row):
        instrument = self.markets.native(row["market"])
        return OrderReport(
            instrument=instrument.key,
            venue_order_id=row["id"],
            client_order_id=self.spec.ids.decode(row["client"]),
            side=Side(row["side"]),
            status=OrderStatus(row["status"]),
            lots=instrument.lots(row["quantity"]),
            filled_lots=instrument.lots(row["filled"]),
            ticks=None if row["type"] == OrderType.MARKET else instrument.ticks(row["price"]),
        )

    def _fill_report(self, row):
        instrument = self.markets.native(row["market"])
        return FillReport(
            instrument=instrument.key,
            venue_order_id=row["id"],
            client_order_id=self.spec.ids.decode(row["client"]),
            fill=_fill(instrument, row),
        )


def _listed(row):
    settle = row["settle"]
    instrument = Instrument(
        venue="toy",
        symbol=row["symbol"],
        native=row["name"],
        kind=Kind.LINEAR if settle else Kind.SPOT,
        base=row["base"],
        quote=row["quote"],
        settle=settle or row["quote"],
        tick=Decimal(row["tick"]),
        lot=Decimal(row["lot"]),
        maker_fee=Decimal(row["maker_fee"]),
        taker_fee=Decimal(row["taker_fee"]),
    )
    return Listed(instrument)


def _fill(instrument, row):
    return Fill(
        trade_id=row["trade"],
        side=Side(row["side"]),
        ticks=instrument.ticks(row["fill_price"]),
        lots=instrument.lots(row["fill_quantity"]),
        fee=Money.of(row["fee"], row["fee_in"]),
        maker=row["maker"],
        venue_ns=row["at"],
    )


def _balance(account, row, at):
    return BalanceReport(
        account=account,
        total=Money.of(row["total"], row["currency"]),
        held=Money.of(row["held"], row["currency"]),
        received_ns=at,
    )


def _bar(instrument, row, interval_ns, at):
    return Bar(
        instrument=instrument.key,
        start_ns=row["start"],
        interval_ns=interval_ns,
        open_ticks=instrument.ticks(row["open"]),
        high_ticks=instrument.ticks(row["high"]),
        low_ticks=instrument.ticks(row["low"]),
        close_ticks=instrument.ticks(row["close"]),
        volume_lots=instrument.lots(row["volume"]),
        received_ns=at,
    )
