"""Lighter as the link uses it: perpetuals and pairs of one account, in bytes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec
from typing_extensions import override

from xtrade.model.errors import AuthFailed, ConfigError, RateLimited, Rejected, Unavailable, UsageError
from xtrade.model.events import (
    BalanceReport,
    Bar,
    Funding,
    MarkPrice,
    OrderEvent,
    PositionReport,
    Trade,
)
from xtrade.model.instruments import Kind
from xtrade.model.orders import OrderIntent
from xtrade.net.limits import Cost, Priority
from xtrade.net.retry import Repeat
from xtrade.venues.abilities import Feed
from xtrade.venues.asks import Answer, Ask, Over, Page
from xtrade.venues.base import FeeRates, FillReport, OrderReport, SettledFunding
from xtrade.venues.codec import Codec, Known, Unread
from xtrade.venues.lighter.account_questions import AccountQuestions
from xtrade.venues.lighter.auth import LighterKey, Signed
from xtrade.venues.lighter.market_questions import MarketQuestions
from xtrade.venues.lighter.memory import Change, MarginTerms, Memory
from xtrade.venues.lighter.orders import check_range, creation
from xtrade.venues.lighter.spec import LEVERAGE, PRIVATE, PUBLIC, SPEC, TRANSACTIONS, chain_id
from xtrade.venues.lighter.streams import Streams
from xtrade.venues.lighter.transactions import TransactionType
from xtrade.venues.lighter.wire import Requests, accepted, frame
from xtrade.venues.markets import Listed, Markets
from xtrade.venues.spec import Addresses, Spec
from xtrade.venues.streams import BookPart, Line, Said, Topic

__all__ = ["LighterCodec"]

_MS_NS: Final = 1_000_000
_WHOLE: Final = 10_000
_PRIVATE_CHANNELS: Final = (
    "account_all_orders",
    "account_all_trades",
    "account_all_positions",
    "account_all_assets",
)
_CHANNELS: Final[Mapping[Feed, str]] = {
    Feed.BOOK: "order_book",
    Feed.TRADES: "trade",
    Feed.MARKS: "market_stats",
    Feed.FUNDING: "market_stats",
}
_NOW, _SCHEDULED, _ABORTED = 0, 1, 2

Sign = Callable[[int], Signed]


class LighterCodec(Codec[LighterKey]):
    """One account, or public data alone. What an answer means beyond itself is in its `memory`."""

    spec: ClassVar[Spec] = SPEC

    def __init__(
        self, addresses: Addresses, markets: Markets, auth: LighterKey | None = None, account: str = ""
    ) -> None:
        super().__init__(addresses, markets, auth, account)
        self.memory = Memory()
        self._chain_id = chain_id(addresses)
        self._requests = Requests(addresses, auth)
        self._of_markets = MarketQuestions(self._requests, markets, self.memory)
        self._of_account = AccountQuestions(self._requests, markets, self.memory, self.account)
        index = None if auth is None else auth.account_index
        self._streams = Streams(markets, self.memory, self.account, index)
        if auth is not None:
            auth.warm()

    # -- what there is, and markets, asked ------------------------------------------------------------------------

    @override
    def listings(self) -> Sequence[Ask[Sequence[Listed]]]:
        return [self._of_markets.listings()]

    @override
    def clock(self) -> Ask[int]:
        return self._of_markets.clock()

    @override
    def fee_rates(self, keys: Collection[str]) -> Sequence[Ask[Mapping[str, FeeRates]]]:
        return [self._of_account.fee_rates(keys)]

    @override
    def book(self, key: str, depth: int) -> Ask[BookPart]:
        return self._of_markets.book(key)

    @override
    def trades(self, key: str, count: int) -> Ask[Sequence[Trade]]:
        return self._of_markets.trades(key, count)

    @override
    def bars(self, key: str, interval_ns: int, start_ns: int, end_ns: int) -> Ask[Page[Bar]]:
        return self._of_markets.bars(key, interval_ns, start_ns, end_ns)

    @override
    def mark(self, key: str) -> Ask[MarkPrice] | None:
        return self._of_markets.mark(key)

    @override
    def funding(self, key: str) -> Ask[Funding] | None:
        return self._of_markets.funding(key)

    @override
    def funding_history(self, key: str, start_ns: int, end_ns: int) -> Ask[Page[SettledFunding]] | None:
        return self._of_markets.funding_history(key, start_ns, end_ns)

    # -- streams --------------------------------------------------------------------------------------------------

    @override
    def topics(self, key: str, feeds: Collection[Feed]) -> Sequence[Topic]:
        native = self.markets.of(key).instrument.native
        names = dict.fromkeys(f"{_CHANNELS[feed]}/{native}" for feed in sorted(feeds) if feed in _CHANNELS)
        return [Topic(PUBLIC, name, key) for name in names]

    @override
    def private_topics(self, line: Line) -> Sequence[Topic]:
        if line.name != PRIVATE or self.auth is None:
            return ()
        return [Topic(PRIVATE, f"{channel}/{self.auth.account_index}") for channel in _PRIVATE_CHANNELS]

    @override
    def subscribe(self, line: Line, topics: Sequence[Topic], number: int, now_ns: int) -> Sequence[bytes]:
        token = {"auth": self._requests.key.token(now_ns)} if line.private else {}
        return [
            msgspec.json.encode({"type": "subscribe", "channel": topic.name, **token}) for topic in topics
        ]

    @override
    def unsubscribe(self, line: Line, topics: Sequence[Topic], number: int) -> Sequence[bytes]:
        return [msgspec.json.encode({"type": "unsubscribe", "channel": topic.name}) for topic in topics]

    @override
    def hear(self, line: Line, payload: bytes, received_ns: int) -> Sequence[Said | Unread]:
        return self._streams.hear(payload, received_ns)

    # -- orders ---------------------------------------------------------------------------------------------------
    # One transaction each: of a batch that is refused, nobody knows which were taken.

    @override
    def place(self, intent: OrderIntent) -> Ask[Sequence[OrderEvent]]:
        key, instrument = self._requests.key, self.markets.of(intent.instrument).instrument

        def sign(now_ns: int) -> Signed:
            fields = creation(intent, instrument, self.memory.ticks.get(instrument.key), now_ns)
            return key.transaction(
                now_ns,
                self._chain_id,
                TransactionType.CREATE_ORDER,
                fields,
                until_ns=intent.valid_until_ns,
            )

        return self._order("place order", sign)

    @override
    def cancel(self, known: Known, request: int) -> Ask[Sequence[OrderEvent]]:
        body = {"MarketIndex": int(known.instrument.native), "Index": known.intent.client_order_id}
        return self._order("cancel order", self._signing(TransactionType.CANCEL_ORDER, body), Priority.CANCEL)

    @override
    def amend(self, known: Known, *, lots: int, ticks: int, request: int) -> Ask[Sequence[OrderEvent]]:
        order, trigger = known.intent.client_order_id, known.intent.trigger
        body = {
            "MarketIndex": int(known.instrument.native),
            "Index": order,
            "BaseAmount": lots,
            "Price": ticks,
            "TriggerPrice": 0 if trigger is None else trigger.ticks or 0,
        }
        check_range(body, known.instrument)
        sign = self._signing(TransactionType.MODIFY_ORDER, body)
        self.memory.asked(order, Change(lots, ticks, request))
        ask = self._order("amend order", sign)

        def answered(answer: Answer) -> Sequence[OrderEvent]:
            try:
                return ask.read(answer)
            except (Rejected, Unavailable, RateLimited, AuthFailed):
                self.memory.refused(order, request)
                raise

        return ask._replace(read=answered)

    @override
    def cancel_all(self, keys: Collection[str]) -> Sequence[Ask[Sequence[OrderEvent]]]:
        sign = self._signing(TransactionType.CANCEL_ALL_ORDERS, {"TimeInForce": _NOW, "Time": 0})
        return [self._order("cancel all orders", sign, Priority.CANCEL)]

    @override
    def countdown(self, seconds: int, keys: Collection[str]) -> Sequence[Ask[None]]:
        def sign(now_ns: int) -> Signed:
            when, at_ms = (_SCHEDULED, now_ns // _MS_NS + seconds * 1_000) if seconds else (_ABORTED, 0)
            return self._signing(TransactionType.CANCEL_ALL_ORDERS, {"TimeInForce": when, "Time": at_ms})(
                now_ns
            )

        return [self._setting("countdown", sign)._replace(priority=Priority.CANCEL)]

    # -- the account, asked ---------------------------------------------------------------------------------------

    @override
    def open_orders(self, keys: Collection[str]) -> Sequence[Ask[Page[OrderReport]]]:
        return [self._of_account.open_orders()]

    @override
    def order(self, known: Known) -> Sequence[Ask[OrderReport | None]]:
        return [self._of_account.order(known.intent.client_order_id)]

    @override
    def fills(self, since_ns: int, keys: Collection[str]) -> Sequence[Ask[Page[FillReport]]]:
        return [self._of_account.fills(since_ns)]

    @override
    def balances(self) -> Sequence[Ask[Sequence[BalanceReport]]]:
        return [self._of_account.balances()]

    @override
    def positions(self) -> Sequence[Ask[Sequence[PositionReport]]]:
        return [self._of_account.positions()]

    @override
    def leverage(self, key: str, leverage: int) -> Ask[None] | None:
        if self.markets.of(key).instrument.kind is Kind.SPOT:
            return None
        if not 1 <= leverage <= _WHOLE:
            raise UsageError(f"lighter: {key}: a leverage of {leverage}: expected a whole number from 1")
        known = self.memory.terms.get(key)
        return self._set_terms(key, MarginTerms(_WHOLE // leverage, known is not None and known.isolated))

    @override
    def margin_mode(self, key: str, *, isolated: bool) -> Ask[None] | None:
        if self.markets.of(key).instrument.kind is Kind.SPOT:
            return None
        known = self.memory.terms.get(key)
        if known is None:
            raise ConfigError(
                f"lighter: {key}: margin mode and leverage are one setting, and the leverage is not known: set it first"
            )
        return self._set_terms(key, known._replace(isolated=isolated))

    # -- how ------------------------------------------------------------------------------------------------------

    def _signing(self, kind: TransactionType, body: Mapping[str, Any]) -> Sign:
        key = self._requests.key
        return lambda now_ns: key.transaction(now_ns, self._chain_id, kind, body)

    def _setting(self, what: str, sign: Sign, *costs: Cost) -> Ask[None]:
        """Ask for something to be done. An answer tells that it was taken, and not yet what came of it.

        Everything goes through one socket, so that numbers arrive in the order in which they were given.
        """
        return Ask(
            what,
            build=lambda now_ns: self._requests.send(sign(now_ns)),
            read=lambda answer: accepted(answer, what),
            costs=(Cost(TRANSACTIONS), *costs),
            priority=Priority.TRADE,
            repeat=Repeat.NEVER,
            over=Over(PRIVATE, lambda now_ns: frame(sign(now_ns))),
        )

    def _order(self, what: str, sign: Sign, priority: Priority = Priority.TRADE) -> Ask[Sequence[OrderEvent]]:
        """Ask for something to be done about orders: what came of it, the private stream tells."""
        ask = self._setting(what, sign)

        def answered(answer: Answer) -> Sequence[OrderEvent]:
            ask.read(answer)
            return ()

        return Ask(what, ask.build, answered, ask.costs, priority, ask.repeat, ask.over)

    def _set_terms(self, key: str, terms: MarginTerms) -> Ask[None]:
        body = {
            "MarketIndex": int(self.markets.of(key).instrument.native),
            "InitialMarginFraction": terms.fraction,
            "MarginMode": int(terms.isolated),
        }
        ask = self._setting("leverage", self._signing(TransactionType.UPDATE_LEVERAGE, body), Cost(LEVERAGE))

        def answered(answer: Answer) -> None:
            ask.read(answer)
            self.memory.terms[key] = terms

        return ask._replace(read=answered)
