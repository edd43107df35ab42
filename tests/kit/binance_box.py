"""Binance at both ends, without a socket between them: our codec, and our server room on a floor."""

from contextlib import contextmanager
from urllib.parse import urlsplit

from kit.orders import intent as any_intent
from xtrade.model.ids import ClientOrderId
from xtrade.model.money import Money
from xtrade.model.orders import OrderType
from xtrade.model.sides import Side
from xtrade.runtime.chance import Streams
from xtrade.runtime.secrets import Secret
from xtrade.venues.asks import Answer
from xtrade.venues.binance.auth import BinanceKey
from xtrade.venues.binance.codec import BinanceCodec
from xtrade.venues.binance.server import BinanceServer
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.box.accounts import BoxAccount
from xtrade.venues.box.floor import Floor
from xtrade.venues.box.server import Asked
from xtrade.venues.box.worlds import world_of
from xtrade.venues.codec import Known
from xtrade.venues.markets import Markets

SPOT, PERPETUAL = "binance:BTC/USDT", "binance:BTC/USDT:USDT"
SECOND = 10**9
START_NS = 1_763_600_000 * SECOND


class Session:
    """A connection, as a server room sees one."""

    def __init__(self, address):
        url = urlsplit(address)
        self.path, self.query = url.path, url.query
        self.headers, self.peer, self.state = {}, "127.0.0.1", None
        self.sent = []

    def send(self, payload):
        self.sent.append(payload if isinstance(payload, bytes) else payload.encode())

    def close(self, code, reason=""):
        self.sent.append((code, reason))


class Desk:
    """A codec, and the server at the other end."""

    def __init__(self):
        world = world_of({"binance": BinanceServer}, ["BTC/USDT", "BTC/USDT:USDT"])
        self.floor = Floor(world, "binance", seed=4, start_ns=START_NS, rules=BinanceServer.rules)
        purse = (Money.of("100000", "USDT"), Money.of("2", "BTC"))
        keys = Streams(4).stream("keys")
        self.accounts = [
            BoxAccount(name=f"binance.{number}", key=BinanceServer.make_key(keys, number), balances=purse)
            for number in (1, 2)
        ]
        for account in self.accounts:
            self.floor.open_account(account.name, account.balances)
        self.skew_ns = 0
        self.server = BinanceServer(self.floor, self.accounts, lambda: self.floor.now_ns + self.skew_ns)
        self.codec = self.codec_of(0)
        self.floor.advance(START_NS + 5 * SECOND)
        for ask in self.codec.listings():
            self.codec.markets.learn(self.ask(ask))
        self.number = 0

    def codec_of(self, account, markets=None):
        fields = {name: Secret(value) for name, value in self.accounts[account].key.items()}
        return BinanceCodec(SPEC.at("box", "http://box:1"), markets or Markets(), BinanceKey.from_key(fields))

    @property
    def now_ns(self):
        return self.floor.now_ns

    def pass_s(self, seconds):
        self.floor.advance(self.floor.now_ns + int(seconds * SECOND))
        self.server.tick(self.now_ns)

    def told(self, ask, now_ns=None):
        request = ask.build(self.now_ns if now_ns is None else now_ns)
        url = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers}
        return self.server.answer(Asked(request.method, url.path, url.query, headers, request.body))

    def ask(self, ask):
        told = self.told(ask)
        return ask.read(Answer(told.status, told.body, self.now_ns))

    def pages(self, ask):
        found = []
        while ask is not None:
            page = self.ask(ask)
            found += page.items
            ask = page.more
        return found

    @contextmanager
    def line(self, name, token=""):
        """A connection of a line, and what was heard through it."""
        line = SPEC.line(name)
        session = Session(self.codec.address(line, token))
        assert self.server.takes(session.path)
        self.server.opened(session)

        def hear():
            sent, session.sent = session.sent, []
            return [said for wire in sent for said in self.codec.hear(line, wire, self.now_ns)]

        def say(wire):
            self.server.heard(session, wire)
            return hear()

        hear.say = say
        yield hear
        self.server.closed(session)

    def best(self, key, side):
        book = self.floor.exchange.book(key)
        return next(iter(book.bids if side is Side.BUY else book.asks))[0]

    def intent(self, key=SPOT, *, side=Side.BUY, away=0, lots=None, **more):
        """An order `away` ticks off the best of its side (below zero: into the other side)."""
        self.number += 1
        type_ = more.pop("type", OrderType.LIMIT)
        best = self.best(key, side if away >= 0 else side.opposite)
        sign = -side.sign
        return any_intent(
            client_order_id=ClientOrderId(START_NS + self.number),
            instrument=key,
            instrument_version=1,
            side=side,
            type=type_,
            lots=(1_000 if key == SPOT else 10) if lots is None else lots,
            ticks=best + sign * away if type_.is_limit else None,
            **more,
        )

    def place(self, *args, **more):
        intent = self.intent(*args, **more)
        return intent, self.ask(self.codec.place(intent))

    def known(self, intent, name=None):
        return Known(intent, self.codec.markets.of(intent.instrument).instrument, name)
