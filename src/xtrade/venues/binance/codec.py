"""Binance, as the link uses it. Each method is one line: the rooms beside this one know how."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

import msgspec
from msgspec import Raw, Struct
from typing_extensions import override

from xtrade.model.events import BalanceReport, Bar, Funding, MarkPrice, OrderEvent, PositionReport, Trade
from xtrade.model.orders import OrderIntent
from xtrade.venues.abilities import Feed
from xtrade.venues.asks import Answer, Ask, Page
from xtrade.venues.base import FeeRates, FillReport, OrderReport, SettledFunding
from xtrade.venues.binance.account import Account
from xtrade.venues.binance.auth import BinanceKey
from xtrade.venues.binance.errors import read_refusal
from xtrade.venues.binance.market import MarketQuestions
from xtrade.venues.binance.orders import Orders
from xtrade.venues.binance.private_spot import SpotAccountStream
from xtrade.venues.binance.private_usdm import UsdmAccountStream
from xtrade.venues.binance.public import ENDING, PublicStream, topics
from xtrade.venues.binance.reports import Reports
from xtrade.venues.binance.requests import UNREADABLE, Requests
from xtrade.venues.binance.sections import SECTIONS, SPOT, USDM, Section, section_of
from xtrade.venues.binance.spec import SPEC
from xtrade.venues.codec import Codec, Known, Unread
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.spec import Addresses, Spec
from xtrade.venues.streams import Answered, BookPart, Line, LoggedIn, Refused, Said, Topic

__all__ = ["BinanceCodec"]

_LOGIN: Final = "login-"
_OK: Final = 200


class _Envelope(Struct):
    """A message of the WebSocket API: an event of the user stream, or the answer to a request."""

    event: Raw = Raw()
    id: str | int | None = None
    status: int = 0
    result: Raw = Raw()
    error: Raw = Raw()


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


class BinanceCodec(Codec[BinanceKey]):
    """Spot and USD-M futures, of one account."""

    spec: ClassVar[Spec] = SPEC

    def __init__(
        self, addresses: Addresses, markets: Markets, auth: BinanceKey | None = None, account: str = ""
    ) -> None:
        super().__init__(addresses, markets, auth, account)
        requests = Requests(addresses, auth)
        self._market = MarketQuestions(requests, markets)
        self._orders = Orders(requests, markets)
        self._reports = Reports(requests, markets)
        self._account = Account(requests, markets, self.account)
        public_spot, public_usdm = PublicStream(SPOT, markets), PublicStream(USDM, markets)
        self._public = {
            SPOT.market_line: public_spot,
            USDM.book_line: public_usdm,
            USDM.market_line: public_usdm,
        }
        self._spot_stream = SpotAccountStream(markets, self.account)
        self._usdm_stream = UsdmAccountStream(markets, self.account)

    # -- what there is --------------------------------------------------------------------------------------------

    @override
    def listings(self) -> Sequence[Ask[Sequence[Listed]]]:
        return self._market.listings()

    @override
    def clock(self) -> Ask[int] | None:
        return self._market.clock()

    @override
    def prepare(self) -> Sequence[Ask[None]]:
        return [self._account.one_way()] if self.concerns(USDM.name) else ()

    @override
    def fee_rates(self, keys: Collection[str]) -> Sequence[Ask[Mapping[str, FeeRates]]]:
        return self._account.fee_rates(keys)

    # -- markets, asked -------------------------------------------------------------------------------------------

    @override
    def book(self, key: str, depth: int) -> Ask[BookPart]:
        return self._market.book(key, depth)

    @override
    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        return self._market.trades(key, count)

    @override
    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        return self._market.bars(key, interval_ns, start_ns, end_ns)

    @override
    def mark(self, key: str) -> Ask[MarkPrice] | None:
        return self._market.mark(key)

    @override
    def funding(self, key: str) -> Ask[Funding] | None:
        return self._market.funding(key)

    @override
    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]] | None:
        return self._market.funding_history(key, start_ns, end_ns)

    # -- streams --------------------------------------------------------------------------------------------------

    @override
    def topics(self, key: str, feeds: Collection[Feed]) -> Sequence[Topic]:
        instrument = self.markets.of(key).instrument
        return topics(section_of(instrument), instrument, feeds)

    @override
    def subscribe(self, line: Line, topics: Sequence[Topic], number: int, now_ns: int) -> Sequence[bytes]:
        return _frames("SUBSCRIBE", line, topics, f"{number}")

    @override
    def unsubscribe(self, line: Line, topics: Sequence[Topic], number: int) -> Sequence[bytes]:
        return _frames("UNSUBSCRIBE", line, topics, f"{ENDING}{number}")

    @override
    def login(self, line: Line, number: int, now_ns: int) -> bytes | None:
        if line.name != SPOT.private_line or self.auth is None:
            return None
        # Any kind of key may subscribe like this; `session.logon` is for Ed25519 keys alone.
        return msgspec.json.encode(
            {
                "id": f"{_LOGIN}{number}",
                "method": "userDataStream.subscribe.signature",
                "params": self.auth.params({}, now_ns),
            }
        )

    @override
    def token(self, line: Line) -> Ask[str] | None:
        return self._account.listen_key() if line.name == USDM.private_line else None

    @override
    def keep_token(self, line: Line, token: str) -> Ask[None] | None:
        return self._account.keep_listen_key() if line.name == USDM.private_line else None

    @override
    def address(self, line: Line, token: str) -> str:
        return super().address(line, token) + (f"?listenKey={token}" if token else "")

    @override
    def hear(self, line: Line, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        public = self._public.get(line.name)
        if public is not None:
            return public.hear(payload, received_ns)
        if line.name == USDM.private_line:
            return self._usdm_stream.hear(payload, received_ns)
        return self._hear_api(payload, received_ns)

    def _hear_api(self, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        try:
            told = _ENVELOPE.decode(payload)
        except UNREADABLE as error:
            return [Unread(str(error))]
        if told.event:
            return self._spot_stream.hear(bytes(told.event), received_ns)
        if not told.status:
            # The server says that it restarts without an envelope where nobody is logged in.
            return self._spot_stream.hear(payload, received_ns)
        body = bytes(told.result if told.status == _OK else told.error)
        name = "" if told.id is None else str(told.id)
        if name.startswith(_LOGIN) or not name:
            if told.status == _OK:
                return [LoggedIn()]
            refusal = read_refusal(body)
            # Without an id it is about the connection: the key was taken back while it was in use.
            return [Refused((), str(refusal.code), refusal.msg, login=True)]
        return [Answered(name, Answer(told.status, body, received_ns))]

    # -- orders ---------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        return self._orders.place(intent)

    @override
    def place_many(self, intents: Sequence[OrderIntent]) -> Ask[Sequence[OrderEvent]] | None:
        return self._orders.place_many(intents)

    @override
    def cancel(self, known: Known, request: int) -> Ask[Sequence[OrderEvent]]:
        return self._orders.cancel(known, request)

    @override
    def amend(self, known: Known, *, lots: int, ticks: int, request: int) -> Ask[Sequence[OrderEvent]]:
        return self._orders.amend(known, lots=lots, ticks=ticks, request=request)

    @override
    def cancel_all(self, keys: Collection[str]) -> Sequence[Ask[Sequence[OrderEvent]]]:
        return self._orders.cancel_all(keys)

    @override
    def countdown(self, seconds: int, keys: Collection[str]) -> Sequence[Ask[None]]:
        return self._orders.countdown(seconds, keys)

    # -- the account, asked ---------------------------------------------------------------------------------------

    @property
    def _asked(self) -> list[Section]:
        """The halves that the run is about: a key may not be allowed to ask of the other."""
        return [section for section in SECTIONS.values() if self.concerns(section.name)]

    @override
    def open_orders(self, keys: Collection[str]) -> Sequence[Ask[Page[OrderReport]]]:
        return [ask for section in self._asked for ask in self._reports.open_orders(section)]

    @override
    def order(self, known: Known) -> Sequence[Ask[OrderReport | None]]:
        return self._reports.order(known)

    @override
    def fills(self, since_ns: int, keys: Collection[str]) -> Sequence[Ask[Page[FillReport]]]:
        return self._reports.fills(since_ns, keys)

    @override
    def balances(self) -> Sequence[Ask[Sequence[BalanceReport]]]:
        return [self._account.balances(section) for section in self._asked]

    @override
    def positions(self) -> Sequence[Ask[Sequence[PositionReport]]]:
        return [self._account.positions()] if self.concerns(USDM.name) else ()

    @override
    def leverage(self, key: str, leverage: int) -> Ask[None] | None:
        return self._account.leverage(key, leverage)

    @override
    def margin_mode(self, key: str, *, isolated: bool) -> Ask[None] | None:
        return self._account.margin_mode(key, isolated=isolated)


def _frames(method: str, line: Line, topics: Sequence[Topic], name: str) -> list[bytes]:
    size = line.frame_topics_max
    return [
        msgspec.json.encode(
            {
                "method": method,
                "params": [topic.name for topic in topics[start : start + size]],
                "id": f"{name}-{start}",
            }
        )
        for start in range(0, len(topics), size)
    ]
