"""The built-in exchange behind the port: synthetic traders, our own account, and the time that requests take.

    venue = SimulatedVenue(preset("busy"), seed=1, balances=[Money.of(10_000, "USDT")])
    await venue.start(hear)

It runs in this process and on the running loop, in virtual or in wall time. A request reaches the exchange
`entry_ns` after it was sent, what becomes of it is heard `response_ns` after it happened, and public data when the
world's feed has brought them. At the exchange everything happens at its own time, in order, however late the loop
comes to it: a busy machine makes news late, and never changes what happened.

The exchange begins with the first start. Who stops and starts again finds it as it went on meanwhile.

It can also be reached past the loop, from any thread (`at_once`): for what must work while a strategy hangs.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import Final, TypeAlias, TypeVar

from msgspec.structs import replace
from typing_extensions import override

from xtrade.model.errors import Rejected, SymbolError, Unavailable, did_you_mean
from xtrade.model.events import (
    AccountEvent,
    BalanceReport,
    Bar,
    BookDelta,
    BookSnapshot,
    Event,
    Funding,
    LinkUp,
    MarketEvent,
    MarkPrice,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionReport,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.runtime import chance, clock
from xtrade.sim.chronicle import Chronicle
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.orders import OpenOrder
from xtrade.sim.matching.tape import EVERYBODY, Feed as Told, Notice
from xtrade.sim.synthetic.markets import SyntheticMarkets, Venue as World
from xtrade.sim.synthetic.traders import SyntheticTraders
from xtrade.venues.abilities import (
    Abilities,
    AccountAbilities,
    Amend,
    DeadMan,
    Feed,
    MarketAbilities,
    Scope,
    TradingAbilities,
)
from xtrade.venues.base import (
    Account,
    FillReport,
    Hear,
    MarketData,
    OrderReport,
    SettledFunding,
    Trading,
    Venue,
)

__all__ = ["ABILITIES", "SimulatedVenue"]

T = TypeVar("T")

_Due: TypeAlias = tuple[int, int, Callable[[int], None]]
# No request is on its way: later than any time that there is.
_NEVER: Final = 1 << 63

# Ended orders and fills that can still be asked for.
HISTORY_KEPT: Final = 50_000

_ORDERS: Final = TradingAbilities(
    types=frozenset(OrderType),
    time_in_force=frozenset(TimeInForce),
    post_only=True,
    amend=Amend.ANY,
    cancel_all=Scope.ACCOUNT,
    dead_man=DeadMan.COUNTDOWN,
    dead_man_scope=Scope.ACCOUNT,
    dead_man_s=(1, 86_400),
    finds_ended=True,
)
_FEEDS: Final = frozenset({Feed.BOOK, Feed.TRADES})

ABILITIES: Final = Abilities(
    market={
        Kind.SPOT: MarketAbilities(feeds=_FEEDS),
        Kind.LINEAR: MarketAbilities(feeds=_FEEDS | {Feed.MARKS, Feed.FUNDING}),
    },
    trading={Kind.SPOT: _ORDERS, Kind.LINEAR: replace(_ORDERS, reduce_only=True)},
    account=AccountAbilities(balances=True, positions=True, fills=True, fills_name_orders=True),
)
"""What the built-in exchange can do."""

_FEED_OF: Final[Mapping[type[MarketEvent], Feed]] = {
    BookDelta: Feed.BOOK,
    BookSnapshot: Feed.BOOK,
    Trade: Feed.TRADES,
    MarkPrice: Feed.MARKS,
    Funding: Feed.FUNDING,
}


class SimulatedVenue(Venue, MarketData, Trading, Account):
    """One venue of a synthetic world, and our account there. `name` is that of the world's first venue if not given."""

    def __init__(
        self,
        markets: SyntheticMarkets,
        *,
        seed: int,
        balances: Iterable[Money],
        name: str | None = None,
        entry_ns: int = 5_000_000,
        response_ns: int = 5_000_000,
    ) -> None:
        self._markets = markets
        self._world: World = next(each for each in markets.venues if name in {None, each.name})
        self._seed = seed
        self._balances = tuple(balances)
        self._entry_ns = entry_ns
        self._response_ns = response_ns
        self._instruments = {
            listed.key: listed.instrument for listed in markets.listed if listed.venue is self._world
        }
        self._feeds: dict[str, frozenset[Feed]] = {}
        self._hear: Hear | None = None
        self._opened_ns: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._requests_due: list[_Due] = []
        self._news_due: list[_Due] = []
        # The exchange is one room: the loop is in it most of the time, and now and then who reaches it past the loop.
        self._room = threading.RLock()
        self._there_ns = 0
        self._count = 0
        self._open: set[ClientOrderId] = set()
        self._requests: Counter[tuple[ClientOrderId, str]] = Counter()
        self._ended: OrderedDict[ClientOrderId, OrderReport] = OrderedDict()
        self._intents: dict[ClientOrderId, OrderIntent] = {}
        self._fills: deque[tuple[int, FillReport]] = deque(maxlen=HISTORY_KEPT)
        self._traded_lots: Counter[str] = Counter()
        self._feed_ns = 0
        self._message: list[Event] = []
        self._chronicle = Chronicle()

    # -- the port -------------------------------------------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        return self._world.name

    @property
    @override
    def abilities(self) -> Abilities:
        return ABILITIES

    @property
    @override
    def instruments(self) -> Mapping[str, Instrument]:
        return self._instruments

    @property
    @override
    def market(self) -> MarketData:
        return self

    @property
    @override
    def trading(self) -> Trading:
        return self

    @property
    @override
    def account(self) -> Account:
        return self

    @property
    def exchange(self) -> Exchange:
        """The exchange itself, where what really happened can be seen at once. There from the start on."""
        return self._exchange

    @property
    def traded(self) -> list[FillReport]:
        """What our account really traded, oldest first."""
        return [report for _, report in self._fills]

    def traded_lots(self, key: str) -> int:
        """What our account really bought of a market and has not sold there, in lots."""
        return self._traded_lots[key]

    @property
    def deposits(self) -> tuple[Money, ...]:
        """What our account had at the start."""
        return self._balances

    @property
    def latency_in_words(self) -> str:
        """What is assumed of the way there and back."""
        return (
            f"{self.name}: requests take {self._entry_ns / 1e6:g} ms to the exchange, answers"
            f" {self._response_ns / 1e6:g} ms back, public data {self._world.feed_ms:g} ms and a random part of"
            f" {self._world.feed_jitter_ms:g} ms"
        )

    @property
    @override
    def opened_ns(self) -> int | None:
        return self._opened_ns

    @override
    async def start(self, hear: Hear) -> None:
        if self._opened_ns is None:
            self._begin()
        else:
            self._go_on()
        now_ns = self._there_ns
        self._hear = hear
        up = [LinkUp(venue=self.name, channel=channel) for channel in ("public", "private")]
        self._at(self._news_due, now_ns, partial(self._tell, up))
        for key in self._feeds:
            self._snapshot(key, now_ns)
        for balance in self._exchange_balances():
            self._at(self._news_due, now_ns, partial(self._tell, [balance]))
        self._arm()

    def _begin(self) -> None:
        """Begin the exchange, and our account there."""
        self._clock = clock.current()
        self._start_ns, self._start_monotonic_ns = clock.now_ns(), clock.monotonic_ns()
        self._opened_ns = self._there_ns = self._start_ns
        self._exchange = Exchange(feeds=(Told.LEVELS, Told.ACCOUNTS))
        self._traders = SyntheticTraders(
            self._markets, self._exchange, seed=self._seed, start_ns=self._start_ns, venue=self.name
        )
        self._exchange.open_account(self.name, *self._balances)
        self._traders.step(self._start_ns)
        self._jitter = chance.stream(f"venue/{self.name}/feed")

    def _go_on(self) -> None:
        """Let happen what happened there while nobody of ours was connected; nobody is told of it."""
        with self._room:
            until_ns = self._reached_ns()
            while (due_ns := min(self._traders_ns, self._request_ns)) <= until_ns:
                self._happen_there(due_ns)
            self._there_ns = until_ns
            self._news_due.clear()
            self._message = []

    @override
    async def stop(self) -> None:
        self._hear = None
        self._feeds.clear()
        if self._timer is not None:
            self._timer.cancel()

    @override
    def subscribe(self, instrument: str, feeds: frozenset[Feed]) -> None:
        self._feeds[instrument] = self._feeds.get(instrument, frozenset()) | feeds
        if self._hear is not None:
            self.resync(instrument)

    @override
    def resync(self, instrument: str) -> None:
        self._later(self._entry_ns, partial(self._snapshot, instrument))

    @override
    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        await self._reach()
        whole = self._exchange.book(self._known(instrument))
        await asyncio.sleep(self._response_ns / 1e9)
        return replace(
            whole,
            bids=Levels(whole.bids.flat[: 2 * depth]),
            asks=Levels(whole.asks.flat[: 2 * depth]),
            received_ns=clock.now_ns(),
        )

    @override
    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        await self._reach()
        found = self._chronicle.trades(self._known(instrument), count)
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    @override
    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        await self._reach()
        found = self._chronicle.bars(self._known(instrument), interval_ns, start_ns, end_ns)
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    @override
    async def mark(self, instrument: str) -> MarkPrice:
        await self._reach()
        return self._told_of(self._chronicle.marks, instrument, "mark price")

    @override
    async def funding(self, instrument: str) -> Funding:
        await self._reach()
        return self._told_of(self._chronicle.fundings, instrument, "funding rate")

    @override
    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        await self._reach()
        return [
            SettledFunding(
                instrument=instrument,
                at_ns=each.at_ns,
                rate=each.rate.rate,
                interval_ns=each.rate.interval_ns,
            )
            for each in self._chronicle.settlements(self._known(instrument), start_ns, end_ns)
        ]

    @override
    def place(self, intent: OrderIntent) -> None:
        if self._hear is None:
            raise Unavailable(
                f"{self.name} is not connected: the order was not sent", venue=self.name, request="place"
            )
        self._open.add(intent.client_order_id)
        self._intents[intent.client_order_id] = intent
        self._later(
            self._entry_ns, lambda ns: self._heard_there(self._exchange.place(self.name, intent, ns), ns)
        )

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        if client_order_id not in self._open or self._hear is None:
            return False
        request = self._request(client_order_id, "cancel")
        self._later(
            self._entry_ns,
            lambda ns: self._heard_there(
                self._exchange.cancel(self.name, client_order_id, ns, request=request), ns
            ),
        )
        return True

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        if client_order_id not in self._open or self._hear is None:
            return False
        request = self._request(client_order_id, "amend")
        self._later(
            self._entry_ns,
            lambda ns: self._heard_there(
                self._exchange.amend(self.name, client_order_id, ns, lots=lots, ticks=ticks, request=request),
                ns,
            ),
        )
        return True

    @override
    async def cancel_all(self) -> None:
        await self._reach()
        with self._room:
            now_ns = self._reached_ns()
            self._heard_there(self._exchange.cancel_all(self.name, now_ns), now_ns)
        self._arm()
        await asyncio.sleep(self._response_ns / 1e9)

    @override
    def remember(self, intents: Iterable[OrderIntent]) -> None:
        """It lives no shorter than its orders, and has forgotten none."""

    @override
    async def open_orders(self) -> Sequence[OrderReport]:
        await self._reach()
        found = [_report(order) for order in self._exchange.open_orders(self.name)]
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    @override
    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        await self._reach()
        found = next(
            (
                _report(order)
                for order in self._exchange.open_orders(self.name)
                if order.intent.client_order_id == client_order_id
            ),
            self._ended.get(client_order_id),
        )
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    @override
    async def balances(self) -> Sequence[BalanceReport]:
        await self._reach()
        found = self._exchange_balances()
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    @override
    async def positions(self) -> Sequence[PositionReport]:
        await self._reach()
        found = []
        for key, instrument in self._instruments.items():
            if instrument.kind is Kind.SPOT:
                continue
            position = self._exchange.position(self.name, key)
            if position.lots:
                found.append(
                    PositionReport(
                        account=self.name,
                        venue_ns=self._now_ns(),
                        instrument=key,
                        lots=position.lots,
                        entry_price=position.entry_price(instrument),
                        liquidation_price=self._exchange.liquidation_price(self.name, key),
                    )
                )
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    @override
    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        await self._reach()
        found = [report for at_ns, report in self._fills if at_ns >= since_ns]
        await asyncio.sleep(self._response_ns / 1e9)
        return found

    # -- past the loop --------------------------------------------------------------------------------------------

    def at_once(self, act: Callable[[Exchange, int], T]) -> T:
        """Act at the exchange, or look at it, from any thread, whatever the loop does meanwhile.

        What is on its way there arrives before. What the act brings about is heard of when the loop comes to it.
        """
        with self._room:
            if self._hear is None:
                raise Unavailable(f"{self.name} is not connected", venue=self.name, request="at once")
            # Where time is virtual it stands still as long as the loop hangs: what was sent must arrive all the same.
            sent_ns = max((due_ns for due_ns, *_ in self._requests_due), default=0)
            until_ns = max(self._reached_ns(), sent_ns)
            while (due_ns := min(self._traders_ns, self._request_ns)) <= until_ns:
                self._happen_there(due_ns)
            self._there_ns = until_ns
            return act(self._exchange, until_ns)

    def place_at_once(self, intent: OrderIntent) -> list[Event]:
        """Have an order at the exchange when this returns, from any thread; return what it said to us at once."""

        def place(exchange: Exchange, now_ns: int) -> list[Event]:
            self._intents[intent.client_order_id] = intent
            notices = exchange.place(self.name, intent, now_ns)
            self._heard_there(notices, now_ns)
            return [
                event
                for account, event in notices
                if account == self.name and isinstance(event, OrderEvent | AccountEvent)
            ]

        return self.at_once(place)

    def cancel_at_once(self, client_order_id: ClientOrderId) -> None:
        """Cancel an order of our account past this connection, as one can by hand on a venue's own pages."""
        self.at_once(
            lambda exchange, ns: self._heard_there(exchange.cancel(self.name, client_order_id, ns), ns)
        )

    def cancel_all_at_once(self) -> None:
        """Cancel every order of our account, from any thread."""
        self.at_once(lambda exchange, ns: self._heard_there(exchange.cancel_all(self.name, ns), ns))

    # -- time -----------------------------------------------------------------------------------------------------

    def _now_ns(self) -> int:
        """The exchange's own time: it starts with the wall clock, and unlike that it never steps."""
        return self._start_ns + self._clock.monotonic_ns() - self._start_monotonic_ns

    def _reached_ns(self) -> int:
        """The exchange's own time, and not before what has happened there already."""
        return max(self._now_ns(), self._there_ns)

    def _at(self, agenda: list[_Due], due_ns: int, call: Callable[[int], None]) -> None:
        with self._room:
            self._count += 1
            heappush(agenda, (due_ns, self._count, call))

    def _later(self, after_ns: int, call: Callable[[int], None]) -> None:
        with self._room:
            self._at(self._requests_due, max(self._now_ns() + after_ns, self._there_ns), call)
        self._arm()

    def _arm(self) -> None:
        """Have the loop call when the next thing happens."""
        if self._timer is not None:
            self._timer.cancel()
        wait_ns = max(0, self._next_ns - self._now_ns())
        self._timer = asyncio.get_running_loop().call_later(wait_ns / 1e9, self._catch_up)

    @property
    def _traders_ns(self) -> int:
        """When something happens at the exchange without us."""
        expiry_ns = self._exchange.next_due_ns
        return self._traders.next_ns if expiry_ns is None else min(self._traders.next_ns, expiry_ns)

    @property
    def _request_ns(self) -> int:
        return self._requests_due[0][0] if self._requests_due else _NEVER

    @property
    def _next_ns(self) -> int:
        news_ns = self._news_due[0][0] if self._news_due else _NEVER
        return min(self._traders_ns, self._request_ns, news_ns)

    def _catch_up(self) -> None:
        self._happen(self._now_ns())
        if self._hear is not None:
            self._arm()

    def _happen(self, now_ns: int) -> None:
        """Let happen what was due by now, each thing at its own time."""
        while self._hear is not None:
            with self._room:
                due_ns = self._next_ns
                if due_ns > now_ns:
                    return
                if not self._is_news_next(due_ns):
                    self._happen_there(due_ns)
                    continue
                _, _, tell = heappop(self._news_due)
            # Outside of the room: whoever is told may keep the loop for as long as it likes.
            tell(due_ns)

    def _is_news_next(self, due_ns: int) -> bool:
        """Whether what is next is told to us, and does not happen at the exchange."""
        if not self._news_due or self._news_due[0][0] != due_ns:
            return False
        return not self._requests_due or self._news_due[0] < self._requests_due[0]

    def _happen_there(self, due_ns: int) -> None:
        """Let the next request arrive, or the next trader act."""
        if self._request_ns == due_ns:
            heappop(self._requests_due)[2](due_ns)
        else:
            self._heard_there(self._traders.step(due_ns), due_ns)

    async def _reach(self) -> None:
        """Go to the exchange, as a question does."""
        if self._hear is None:
            raise Unavailable(f"{self.name} is not connected", venue=self.name, request="question")
        await asyncio.sleep(self._entry_ns / 1e9)
        self._happen(self._now_ns())

    def _known(self, instrument: str) -> str:
        if instrument not in self._instruments:
            raise SymbolError(
                f"{self.name} lists no {instrument}.{did_you_mean(instrument, self._instruments)}"
            )
        return instrument

    def _told_of(self, told: Mapping[str, T], instrument: str, what: str) -> T:
        found = told.get(self._known(instrument))
        if found is None:
            raise Rejected(f"{instrument} has no {what}", venue=self.name, request=what)
        return found

    # -- what is told ---------------------------------------------------------------------------------------------

    def _heard_there(self, notices: list[Notice], at_ns: int) -> None:
        """Send on its way what the exchange said to us or to everybody."""
        public: list[Event] = []
        private: list[Event] = []
        for account, event in notices:
            if account == EVERYBODY and isinstance(event, MarketEvent):
                self._chronicle.take(event)
                wanted = _FEED_OF.get(type(event))
                feeds = self._feeds.get(event.instrument)
                if feeds is not None and (wanted is None or wanted in feeds):
                    public.append(event)
            elif account == self.name and isinstance(event, OrderEvent | AccountEvent):
                private.append(event)
                if isinstance(event, OrderEvent):
                    self._remember(event, at_ns)
        if public:
            self._publish(public, at_ns)
        if private:
            self._at(self._news_due, at_ns + self._response_ns, partial(self._tell, private))

    def _publish(self, events: list[Event], at_ns: int) -> None:
        late_ns = self._world.feed_ms * 1e6 + self._world.feed_jitter_ms * 1e6 * self._jitter.expovariate(1.0)
        due_ns = at_ns + round(late_ns)
        if due_ns <= self._feed_ns and self._message:
            # Messages of one feed never overtake each other: what catches up with the last one comes with it.
            self._message += events
            return
        self._feed_ns, self._message = max(due_ns, self._feed_ns), events
        self._at(self._news_due, self._feed_ns, partial(self._tell_public, events))

    def _snapshot(self, key: str, at_ns: int) -> None:
        if Feed.BOOK in self._feeds.get(key, ()):
            self._publish([self._exchange.book(key)], at_ns)

    def _tell_public(self, message: list[Event], due_ns: int) -> None:
        with self._room:
            if self._message is message:
                self._message = []  # nothing more goes into what was told
        self._tell(message, due_ns)

    def _tell(self, events: Sequence[Event], _due_ns: int) -> None:
        if self._hear is None:
            return
        now_ns = clock.now_ns()
        for event in events:
            if isinstance(event, OrderEvent) and _is_end(event, self._intents.get(event.client_order_id)):
                self._forget(event.client_order_id)
        self._hear([replace(event, received_ns=now_ns) for event in events])

    def _forget(self, client_order_id: ClientOrderId) -> None:
        self._open.discard(client_order_id)
        self._intents.pop(client_order_id, None)
        for what in ("cancel", "amend"):
            self._requests.pop((client_order_id, what), None)

    def _remember(self, event: OrderEvent, at_ns: int) -> None:
        intent = self._intents.get(event.client_order_id)
        if intent is None:
            return
        name = event.venue_order_id or ""
        if isinstance(event, OrderAmended):
            intent = self._intents[event.client_order_id] = replace(
                intent, lots=event.lots, ticks=intent.ticks if event.ticks is None else event.ticks
            )
        if isinstance(event, OrderFilled):
            self._traded_lots[intent.instrument] += event.fill.signed_lots
            self._fills.append(
                (
                    at_ns,
                    FillReport(
                        instrument=intent.instrument,
                        venue_order_id=name,
                        client_order_id=event.client_order_id,
                        fill=event.fill,
                    ),
                )
            )
        if not _is_end(event, intent):
            return
        self._ended[event.client_order_id] = OrderReport(
            instrument=intent.instrument,
            venue_order_id=name,
            client_order_id=event.client_order_id,
            side=intent.side,
            status=_STATUS_AT_END.get(type(event), OrderStatus.FILLED),
            lots=intent.lots,
            filled_lots=_total(event),
            ticks=intent.ticks,
        )
        if len(self._ended) > HISTORY_KEPT:
            self._ended.popitem(last=False)

    def _exchange_balances(self) -> list[BalanceReport]:
        currencies = {each.currency: None for each in self._balances}
        for instrument in self._instruments.values():
            currencies[instrument.settle] = None
            if instrument.kind is Kind.SPOT:
                currencies[instrument.base] = None
        return [self._exchange.balance(self.name, currency) for currency in currencies]

    def _request(self, client_order_id: ClientOrderId, what: str) -> int:
        self._requests[client_order_id, what] += 1
        return self._requests[client_order_id, what]


_STATUS_AT_END: Final = {
    OrderRejected: OrderStatus.REJECTED,
    OrderCanceled: OrderStatus.CANCELED,
    OrderExpired: OrderStatus.EXPIRED,
}


def _is_end(event: OrderEvent, intent: OrderIntent | None) -> bool:
    """Whether nothing more will become of the order."""
    if isinstance(event, OrderFilled):
        return intent is not None and intent.lots > 0 and event.cumulative_lots >= intent.lots
    return isinstance(event, OrderRejected | OrderCanceled | OrderExpired | OrderCompleted)


def _total(event: OrderEvent) -> int:
    """What had traded when the order ended."""
    if isinstance(event, OrderFilled | OrderCompleted | OrderCanceled | OrderExpired):
        return event.cumulative_lots
    return 0


def _report(order: OpenOrder) -> OrderReport:
    intent = order.intent
    return OrderReport(
        instrument=intent.instrument,
        venue_order_id=order.venue_order_id,
        client_order_id=intent.client_order_id,
        side=intent.side,
        status=OrderStatus.PARTIAL if order.filled else OrderStatus.OPEN,
        lots=order.lots,
        filled_lots=order.filled,
        ticks=order.ticks,
    )
