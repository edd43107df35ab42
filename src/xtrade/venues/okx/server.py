"""OKX in a box: the other end of the wire, as far as our codec, ccxt and the official SDK go.

Requests are `/api/v5/…`, with a table of who answers what against which budget; sockets are `/ws/v5/public`,
`/business` and `/private`. Keys, signatures, clocks and budgets are checked as the venue checks them. The account is in
futures mode with net positions; iceberg, chase and TWAP orders, transfers and sub-accounts are not there.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random  # noqa: TID251  (the type alone: a stream is given)
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

import msgspec
from typing_extensions import override

from xtrade.sim.matching.rules import ClientIds, FeesIn, PostOnly, SelfTrade, VenueRules
from xtrade.sim.matching.tape import Notice
from xtrade.sim.synthetic.markets import Listing
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor, Slip
from xtrade.venues.box.server import Asked, Server, Session, Told
from xtrade.venues.okx.server_answers import Answers
from xtrade.venues.okx.server_news import News
from xtrade.venues.okx.server_orders import BATCH_MAX, Orders, text
from xtrade.venues.okx.server_refusals import Refusal, bad
from xtrade.venues.okx.server_rows import Row
from xtrade.venues.okx.server_stops import Stops, algo_id
from xtrade.venues.okx.server_streams import Audience, Client, topic

__all__ = ["OkxServer"]

Form: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = Callable[[str, Form], Sequence[Any]]

_PATH: Final = "/api/v5/"
_SOCKETS: Final = ("/ws/v5/public", "/ws/v5/private", "/ws/v5/business")
_MS_NS: Final = 1_000_000
_WINDOW_MS: Final = 30_000
_SILENCE_MS: Final = 30_000
_SUBSCRIBED_MAX: Final = 65_536

# Which line tells of what; a channel that ends with an asterisk has others of its kind.
_CHANNELS: Final[Mapping[str, tuple[str, ...]]] = {
    "public": (
        "books", "books5", "bbo-tbt", "books-l2-tbt", "books50-l2-tbt", "trades", "tickers", "mark-price",
        "index-tickers", "funding-rate", "instruments", "price-limit", "status",
    ),
    "business": ("candle*", "trades-all", "orders-algo", "algo-advance"),
    "private": ("orders", "account", "positions", "balance_and_position", "fills", "liquidation-warning"),
}  # fmt: skip
_OF_STOPS: Final = frozenset({"orders-algo", "algo-advance"})
_FOR_HIGH_TIERS: Final = frozenset({"books-l2-tbt", "books50-l2-tbt", "fills"})


class _Route(NamedTuple):
    """Who answers a request, against which budget, which is by market or not."""

    answer: Answer
    budget: str
    by: str = ""


def _listing(base: str, tick: str, lot: str, least: str, **more: Any) -> Listing:
    """A pair, with what the venue charges at the first tier."""
    return Listing(
        symbol=f"{base}/USDT", native=f"{base}-USDT", tick=Decimal(tick), lot=Decimal(lot),
        min_lots=int(Decimal(least) / Decimal(lot)), maker_fee=Decimal("0.0008"), taker_fee=Decimal("0.001"), **more,
    )  # fmt: skip


def _swap(base: str, tick: str, worth: str, **more: Any) -> Listing:
    return Listing(
        symbol=f"{base}/USDT:USDT", native=f"{base}-USDT-SWAP", tick=Decimal(tick), lot=Decimal("0.01"),
        multiplier=Decimal(worth), maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"), **more,
    )  # fmt: skip


class OkxServer(Server):
    """One box of OKX."""

    venue = "okx"
    rules = VenueRules(
        post_only=PostOnly.REJECT,
        self_trade=SelfTrade.CANCEL_MAKER,
        client_ids=ClientIds.OPEN,
        spot_fees_in=FeesIn.RECEIVED,
    )
    listings: ClassVar[Mapping[str, Listing]] = {
        listing.symbol: listing
        for listing in (
            _listing("BTC", "0.1", "0.00000001", "0.00001"),
            _listing("ETH", "0.01", "0.000001", "0.0001"),
            _listing("SOL", "0.01", "0.000001", "0.001", spread_bp=1.5),
            # A hundred times the venue's lot: more of them in a trade than a synthetic market counts.
            _listing("DOGE", "0.00001", "0.0001", "1", spread_bp=1.5),
            _swap("BTC", "0.1", "0.01"),
            _swap("ETH", "0.01", "0.1"),
            _swap("SOL", "0.01", "1", spread_bp=1.5),
            _swap("DOGE", "0.00001", "1000", spread_bp=1.5),
        )
    }

    @override
    def __init__(self, floor: Floor, accounts: Sequence[BoxAccount], now_ns: Callable[[], int]) -> None:
        self.orders = Orders(floor, now_ns)
        self.stops = Stops(floor, self.orders)
        self.answers = Answers(floor, self.orders, now_ns)
        self.audience = Audience()
        self.news = News(floor, self.orders, self.answers, self.audience)
        self._keys = {account.key["api_key"]: account for account in accounts}
        super().__init__(floor, accounts, now_ns)
        self._public, self._private = self._routes()

    @override
    @classmethod
    def make_key(cls, stream: Random, number: int) -> Mapping[str, str]:
        digits = f"{stream.getrandbits(128):032x}"
        return {
            "api_key": "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])),
            "api_secret": f"{stream.getrandbits(128):032X}",
            "passphrase": f"Box-{number}-{stream.getrandbits(32):08x}",
        }

    @override
    @classmethod
    def how_to_connect(cls, address: str, native: str) -> list[str]:
        sockets = f"ws{address.removeprefix('http')}/ws/v5"
        return [
            f"curl     curl '{address}/api/v5/market/books?instId={native}&sz=5'",
            f"ccxt     exchange.urls['api'] = {{'rest': {address!r}, 'ws': {sockets!r}}}",
            f"SDK      okx.MarketData.MarketAPI(domain={address!r})",
        ]

    # -- requests -------------------------------------------------------------------------------------------------

    @override
    def answer(self, asked: Asked) -> Told:
        began_ns = self.now_ns()
        try:
            code, msg, data = self._answer(asked)
            said: Row = {"code": code, "msg": msg, "data": data}
            if asked.method == "POST":
                said |= self._times(began_ns)
            return Told(msgspec.json.encode(said))
        except Refusal as refusal:
            said = {"code": refusal.code, "msg": refusal.text, "data": []}
            return Told(msgspec.json.encode(said), refusal.status)

    def _answer(self, asked: Asked) -> tuple[str, str, Sequence[Any]]:
        route = (asked.method, asked.path.removeprefix(_PATH))
        if (public := self._public.get(route)) is not None:
            form = asked.parameters
            self._count(public.budget, asked.peer, form, public.by)
            return "0", "", public.answer("", form)
        account = self._who(asked)
        form = _json(asked.body) if asked.method == "POST" else asked.parameters
        if (command := _COMMANDS.get(route[1])) is not None and asked.method == "POST":
            forms = form if isinstance(form, list) else [form]
            return self._command(command, account, forms, asked.headers.get("exptime", ""))
        if (private := self._private.get(route)) is None:
            raise Refusal("404", f"there is no {asked.method} {asked.path} here", 404)
        if not isinstance(form, dict):
            raise Refusal("50002", "JSON syntax error", 400)
        self._count(private.budget, account, form, private.by)
        return "0", "", private.answer(account, form)

    def _routes(self) -> tuple[dict[tuple[str, str], _Route], dict[tuple[str, str], _Route]]:
        told, orders = self.answers, self.orders
        public = {
            "public/time": _Route(told.time, "time"),
            "public/instruments": _Route(told.instruments, "instruments", "instType"),
            "public/mark-price": _Route(told.marks, "mark-price"),
            "public/funding-rate": _Route(told.funding, "funding-rate"),
            "public/funding-rate-history": _Route(told.funding_history, "funding-rate-history"),
            "public/price-limit": _Route(told.price_limit, "mark-price"),
            "market/books": _Route(told.book, "books"),
            "market/books-full": _Route(told.book, "books"),
            "market/trades": _Route(told.trades, "trades"),
            "market/history-trades": _Route(told.trades, "trades"),
            "market/candles": _Route(told.bars, "candles"),
            "market/history-candles": _Route(told.bars, "candles"),
            "market/ticker": _Route(told.ticker, "candles"),
            "market/tickers": _Route(told.ticker, "candles"),
            "market/index-tickers": _Route(told.index, "mark-price"),
            "system/status": _Route(lambda _, __: [], "time"),
        }
        asked = {
            "account/config": _Route(told.config, "config"),
            "account/instruments": _Route(told.instruments, "instruments", "instType"),
            "account/balance": _Route(told.balance, "balance"),
            "account/positions": _Route(told.positions, "positions"),
            "account/trade-fee": _Route(told.fees, "trade-fee"),
            "account/leverage-info": _Route(told.leverage, "set-leverage"),
            "account/bills": _Route(told.bills, "config"),
            "asset/currencies": _Route(told.currencies, "config"),
            "asset/balances": _Route(lambda _, __: [], "config"),
            "trade/order": _Route(told.order, "order asked for", "instId"),
            "trade/orders-pending": _Route(told.pending, "orders-pending"),
            "trade/orders-history": _Route(told.history, "orders-pending"),
            "trade/orders-history-archive": _Route(told.history, "orders-pending"),
            "trade/order-algo": _Route(self.stops.one, "order-algo"),
            "trade/orders-algo-pending": _Route(self.stops.pending, "orders-algo-pending"),
            "trade/orders-algo-history": _Route(self.stops.history, "orders-algo-pending"),
            "trade/fills": _Route(told.fills, "order asked for"),
            "trade/fills-history": _Route(told.fills, "fills"),
        }
        done = {
            "account/set-leverage": _Route(
                lambda who, form: [orders.set_leverage(who, form)], "set-leverage"
            ),
            "account/set-position-mode": _Route(_net_only, "config"),
            "trade/cancel-all-after": _Route(self._countdown, "cancel-all-after"),
        }
        return {("GET", path): route for path, route in public.items()}, {
            **{("GET", path): route for path, route in asked.items()},
            **{("POST", path): route for path, route in done.items()},
        }

    def _command(
        self, command: _Command, account: str, forms: Sequence[Any], until_ms: str
    ) -> tuple[str, str, Sequence[Any]]:
        """Do what is asked with one or several orders."""
        if not forms or not all(isinstance(form, dict) for form in forms):
            raise bad("args")
        if len(forms) > command.most:
            raise Refusal("51000", f"at most {command.most} orders at a time", 400)
        if until_ms and (not _is_whole(until_ms) or int(until_ms) < self.now_ns() // _MS_NS):
            raise Refusal("50036", "The expTime can't be earlier than the current system time", 400)
        # Of one order, a batch costs what the order does.
        budget = "batch-orders" if len(forms) > 1 and command.most == BATCH_MAX else command.budget
        for form in forms:
            self.orders.counters.take(
                budget, f"{account} {form.get('instId') or form.get('instIdCode')}", self.now_ns()
            )
        if not command.budget.startswith("cancel"):
            self.orders.counters.take("orders of the account", account, self.now_ns(), len(forms))
        do = {
            "order": self.orders.place,
            "amend-order": self.orders.amend,
            "cancel-order": self.orders.cancel,
            "order-algo": self.stops.place,
            "amend-algos": self.stops.amend,
            "cancel-algos": self.stops.cancel,
        }
        named = _stop_named if "algo" in command.budget else _order_named
        return self.orders.all_of(account, forms, do[command.budget], named)

    def _countdown(self, account: str, form: Form) -> Sequence[Any]:
        seconds = text(form, "timeOut")
        if not _is_whole(seconds) or not (int(seconds) == 0 or 10 <= int(seconds) <= 120):
            raise bad("timeOut")
        self.floor.countdown(account, int(seconds) * 10**9)
        now_ms = self.now_ns() // _MS_NS
        ends = str(now_ms + int(seconds) * 1_000) if int(seconds) else "0"
        return [{"triggerTime": ends, "tag": text(form, "tag"), "ts": str(now_ms)}]

    def _count(self, budget: str, who: str, form: Form, by: str) -> None:
        key = f"{who} {text(form, by)}" if by else who
        self.orders.counters.take(budget, key, self.now_ns())

    def _times(self, began_ns: int) -> Row:
        return {"inTime": str(began_ns // 1_000), "outTime": str(self.now_ns() // 1_000)}

    # -- keys -----------------------------------------------------------------------------------------------------

    def _who(self, asked: Asked) -> str:
        """Return whose request it is, or refuse it as the venue does."""
        given = asked.headers
        key, sign, at, passphrase = (given.get(f"ok-access-{name}", "") for name in _ACCESS)
        for value, code, name in zip((key, sign, at, passphrase), _MISSING, _ACCESS, strict=True):
            if not value:
                raise Refusal(code, f'Request header "OK-ACCESS-{name.upper()}" cannot be empty.', 401)
        try:
            at_ms = round(datetime.fromisoformat(at).timestamp() * 1_000)
        except (ValueError, OverflowError):
            raise Refusal("50112", "Invalid OK-ACCESS-TIMESTAMP", 401) from None
        if abs(self.now_ns() // _MS_NS - at_ms) > _WINDOW_MS:
            raise Refusal("50102", "Timestamp request expired", 401)
        account = self._keys.get(key)
        if account is None:
            raise Refusal("50119", "API key doesn't exist", 401)
        if not hmac.compare_digest(account.key["passphrase"].encode(), passphrase.encode()):
            raise Refusal("50105", "Request header OK-ACCESS-PASSPHRASE incorrect.", 401)
        target = f"{asked.path}?{asked.query}" if asked.query else asked.path
        if not _is_signed(account, f"{at}{asked.method}{target}".encode() + asked.body, sign):
            raise Refusal("50113", "Invalid Sign", 401)
        return account.name

    def _login(self, client: Client, form: Form) -> str:
        """Return whose connection it becomes."""
        if client.account:
            raise Refusal("60031", "The connection is logged in already")
        at = text(form, "timestamp")
        if not _is_whole(at) or len(at) > 12:
            raise Refusal("60004", "Invalid timestamp")
        if abs(self.now_ns() // _MS_NS - int(at) * 1_000) > _WINDOW_MS:
            raise Refusal("60006", "Timestamp request expired")
        account = self._keys.get(text(form, "apiKey"))
        if account is None:
            raise Refusal("60005", "Invalid apiKey")
        if not hmac.compare_digest(account.key["passphrase"].encode(), text(form, "passphrase").encode()):
            raise Refusal("60024", "Wrong passphrase")
        if not _is_signed(account, f"{at}GET/users/self/verify".encode(), text(form, "sign")):
            raise Refusal("60007", "Invalid sign")
        return account.name

    # -- sockets --------------------------------------------------------------------------------------------------

    @override
    def takes(self, path: str) -> bool:
        return path in _SOCKETS

    @override
    def opened(self, session: Session) -> None:
        session.state = self.audience.enter(session, self.now_ns())

    @override
    def closed(self, session: Session) -> None:
        self.audience.leave(session.state)

    @override
    def heard(self, session: Session, payload: bytes) -> None:
        client: Client = session.state
        client.alive_ns = self.now_ns()
        if payload == b"ping":
            session.send("pong")
            return
        number = ""
        try:
            message = _json(payload)
            if len(payload) > _SUBSCRIBED_MAX:
                raise Refusal("60012", "Illegal request: it is too long")
            if not isinstance(message, dict) or not isinstance(message.get("args"), list):
                raise Refusal("60012", "Illegal request")
            number = text(message, "id")
            if number and (len(number) > 32 or not number.isalnum()):
                raise Refusal("60013", "Invalid args: id")
            self._ask(client, text(message, "op"), number, message)
        except Refusal as refusal:
            self._refuse(client, refusal, number)

    def _ask(self, client: Client, operation: str, number: str, message: Form) -> None:
        args = message["args"]
        if (command := _OPERATIONS.get(operation)) is not None:
            if client.line == "public" or not client.account:
                raise Refusal("60011", "Please log in")
            began_ns = self.now_ns()
            try:
                code, msg, data = self._command(command, client.account, args, text(message, "expTime"))
            except Refusal as refusal:
                code, msg, data = refusal.code, refusal.text, []
            said: Row = {"id": number, "op": operation, "code": code, "msg": msg, "data": data}
            client.say(said | self._times(began_ns))
            return
        if not args or not all(isinstance(arg, dict) for arg in args):
            raise Refusal("60012", "Illegal request")
        if operation == "login":
            try:
                client.account = self._login(client, args[0])
            except Refusal as refusal:
                self._refuse(client, refusal, number)
                if refusal.code != "60031":
                    client.session.close(4001, "Login failed.")
                return
            client.say({"event": "login", "code": "0", "msg": "", "connId": client.name})
            return
        if operation not in {"subscribe", "unsubscribe"}:
            raise Refusal("60012", f"Illegal request: {operation[:40]}")
        for arg in args:
            try:
                self._subscribe(client, operation, number, arg)
            except Refusal as refusal:
                self._refuse(client, refusal, number)

    def _subscribe(self, client: Client, operation: str, number: str, arg: Form) -> None:
        self._check(client, arg)
        if operation == "subscribe":
            self.audience.add(client, arg)
        else:
            self.audience.drop(client, topic(arg))
        said = {"event": operation, "arg": arg, "connId": client.name}
        client.say(({"id": number} if number else {}) | said)
        if operation == "subscribe":
            self.news.begin(client, arg)

    def _check(self, client: Client, arg: Form) -> None:
        """Refuse what is not told there, or not to this client."""
        channel = text(arg, "channel")
        known = _CHANNELS.get(client.line, ())
        if channel not in known and not any(
            each.endswith("*") and channel.startswith(each[:-1]) for each in known
        ):
            raise Refusal("60018", f"Wrong URL or {_shown(arg)} doesn't exist. Please use the correct URL.")
        is_ours = client.line == "private" or channel in _OF_STOPS
        if is_ours and not client.account:
            raise Refusal("60011", "Please log in")
        if channel in _FOR_HIGH_TIERS:
            raise Refusal("64003", "Your trading fee tier doesn't meet the requirement.")
        self.news.check(arg)

    def _refuse(self, client: Client, refusal: Refusal, number: str) -> None:
        said = {"event": "error", "code": refusal.code, "msg": refusal.text, "connId": client.name}
        client.say(({"id": number} if number else {}) | said)

    # -- what happens ---------------------------------------------------------------------------------------------

    @override
    def happened(self, notices: Sequence[Notice], at_ns: int) -> None:
        self.news.tell(notices)

    @override
    def tick(self, now_ns: int) -> None:
        for client in list(self.audience.clients.values()):
            if client.told != client.told_before:
                client.alive_ns, client.told_before = now_ns, client.told
            if now_ns - client.alive_ns > _SILENCE_MS * _MS_NS:
                client.session.close(4004, "No data received in 30s.")
        self.news.tick(now_ns)


class _Command(NamedTuple):
    """What is done with orders, and with how many at once."""

    budget: str
    most: int = 1


_COMMANDS: Final[Mapping[str, _Command]] = {
    "trade/order": _Command("order"),
    "trade/batch-orders": _Command("order", most=BATCH_MAX),
    "trade/cancel-order": _Command("cancel-order"),
    "trade/cancel-batch-orders": _Command("cancel-order", most=BATCH_MAX),
    "trade/amend-order": _Command("amend-order"),
    "trade/amend-batch-orders": _Command("amend-order", most=BATCH_MAX),
    "trade/order-algo": _Command("order-algo"),
    "trade/amend-algos": _Command("amend-algos"),
    "trade/cancel-algos": _Command("cancel-algos", most=10),
}
_OPERATIONS: Final[Mapping[str, _Command]] = {
    "order": _Command("order"),
    "batch-orders": _Command("order", most=BATCH_MAX),
    "cancel-order": _Command("cancel-order"),
    "batch-cancel-orders": _Command("cancel-order", most=BATCH_MAX),
    "amend-order": _Command("amend-order"),
    "batch-amend-orders": _Command("amend-order", most=BATCH_MAX),
}
_ACCESS: Final = ("key", "sign", "timestamp", "passphrase")
_MISSING: Final = ("50103", "50106", "50107", "50104")


def _order_named(slip: Slip) -> Row:
    return {"ordId": slip.venue_order_id, "clOrdId": slip.text}


def _stop_named(slip: Slip) -> Row:
    return {"algoId": algo_id(slip), "algoClOrdId": slip.text}


def _is_whole(given: str) -> bool:
    return given.isascii() and given.isdigit()


def _is_signed(account: BoxAccount, signed: bytes, sign: str) -> bool:
    right = base64.b64encode(hmac.digest(account.key["api_secret"].encode(), signed, "sha256"))
    return hmac.compare_digest(right, sign.encode())


def _net_only(_: str, form: Form) -> Sequence[Any]:
    if text(form, "posMode") != "net_mode":
        raise Refusal("51010", "this box keeps net positions only")
    return [{"posMode": "net_mode"}]


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Refusal("50002", "JSON syntax error", 400) from None


def _shown(arg: Form) -> str:
    return ",".join(f"{name}:{str(value)[:40]}" for name, value in arg.items())
