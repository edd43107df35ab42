"""A venue behind the port: a codec, and all the I/O that it does not do.

    link = Link(codec, LinkOptions())
    await link.load()                    # its markets; from here on it can be asked of them
    link.subscribe("okx:BTC/USDT", frozenset({Feed.BOOK}))
    await link.start(hear)               # with a key: returns when orders can be sent

Whatever happens to connections, what is heard is true: a book is whole or told to be stale, an order has its answer or
is told to be in doubt, and what a private line may have missed while it was down is asked for by whoever compares
(`LinkUp` of that line says when).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from xtrade.model.errors import DataError, Unavailable, VenueError, XtradeError
from xtrade.model.events import (
    BalanceReport,
    Bar,
    BookSnapshot,
    Event,
    Funding,
    InstrumentChanged,
    LinkDown,
    LinkUp,
    MarkPrice,
    OrderEvent,
    PositionReport,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.net.http import HttpOptions, HttpSession
from xtrade.runtime import clock
from xtrade.venues.abilities import Abilities, DeadMan, Feed
from xtrade.venues.asks import Ask
from xtrade.venues.base import (
    Account,
    FeeRates,
    FillReport,
    Hear,
    MarketData,
    OrderReport,
    SettledFunding,
    Trading,
    Venue,
)
from xtrade.venues.codec import Codec
from xtrade.venues.link.asking import Asker
from xtrade.venues.link.books import Books
from xtrade.venues.link.lines import Connection, Hearer, Keeper, Lines, Running
from xtrade.venues.link.orders import Orders
from xtrade.venues.markets import Listed
from xtrade.venues.streams import BookPart, Line, Missed, Refused, Said, Topic

__all__ = ["Link", "LinkOptions"]

T = TypeVar("T")

_START_S: Final = 30.0
_LISTING_EVERY_S: Final = 3_600.0


class LinkOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one link behaves."""

    share_percent: int = 100
    """How much of the venue's limits is ours, where several processes share an address or an account."""
    dead_man_s: int = 0
    """Have the venue cancel everything when nothing was heard of us for so long (0: never), where it can."""
    http: HttpOptions = HttpOptions()


class Link(Venue, MarketData, Trading, Account, Hearer):
    """One account at one venue, or its public data alone."""

    def __init__(self, codec: Codec[Any], options: LinkOptions | None = None) -> None:
        self.codec = codec
        self.options = options or LinkOptions()
        self._name = codec.spec.name
        self._session = HttpSession(self._name, self.options.http)
        self.asker = Asker(codec, self._session, share_percent=self.options.share_percent)
        self.lines = Lines(codec, self.asker, self, self._spawn)
        self.books = Books(codec, self.asker, tell=self._tell, renew=self._renew_book, spawn=self._spawn)
        self.orders = Orders(codec, self.asker, tell=self._tell_of_orders, spawn=self._spawn)
        self._hear: Hear | None = None
        self._feeds: dict[str, frozenset[Feed]] = {}
        self._rates: Mapping[str, FeeRates] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_loaded = False

    # -- the port -------------------------------------------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        return self._name

    @property
    @override
    def abilities(self) -> Abilities:
        return self.codec.spec.abilities

    @property
    @override
    def instruments(self) -> Mapping[str, Instrument]:
        return self.codec.markets.instruments

    @property
    @override
    def market(self) -> MarketData:
        return self

    @property
    @override
    def trading(self) -> Trading | None:
        return self if self.codec.auth is not None else None

    @property
    @override
    def account(self) -> Account | None:
        return self if self.codec.auth is not None else None

    async def connect(self) -> None:
        """Ask for the venue's time alone: enough for whoever knows its markets already."""
        if not self._is_loaded:
            await self._session.__aenter__()
            self._is_loaded = True
        try:
            await self.asker.ask_time()
        except BaseException:
            await self.stop()
            raise

    def concern(self, keys: Iterable[str]) -> None:
        """Ask the account only about the sections of these markets: its key may not read others."""
        of = self.codec.markets.of
        self.codec.sections = frozenset(of(key).section for key in keys if key in self.instruments)

    async def load(self) -> None:
        """Ask for the venue's time and its markets; questions about markets can be asked from here on."""
        await self.connect()
        try:
            await self._list()
            if self.codec.auth is not None:
                await self._learn_fees()
            if not self.instruments:
                raise Unavailable(f"{self._name} lists no markets now", venue=self._name, request="markets")
        except BaseException:
            await self.stop()
            raise

    @override
    async def start(self, hear: Hear) -> None:
        if not self._is_loaded:
            await self.load()
        self._hear = hear
        self._spawn(self.asker.keep_time(), f"{self._name} time")
        self._spawn(self._keep_listing(), f"{self._name} markets")
        for key, feeds in self._feeds.items():
            self.lines.want(self.codec.topics(key, feeds))
        if self.codec.auth is None:
            return
        self.concern(self._feeds)
        try:
            for ask in self.codec.prepare():
                await self.asker.ask(ask)
        except BaseException:
            await self.stop()
            raise
        keepers = self._keep_private()
        try:
            async with asyncio.timeout(_START_S):
                for keeper in keepers:
                    await keeper.up.wait()
        except TimeoutError:
            await self.stop()
            late = [keeper for keeper in keepers if not keeper.up.is_set()]
            reason = next((str(keeper.failure) for keeper in late if keeper.failure), "no answer")
            names = ", ".join(keeper.line.name for keeper in late)
            raise Unavailable(
                f"{self._name}: not ready to trade within {_START_S:g} s (line {names}): {reason}",
                venue=self._name,
                request="start",
            ) from None
        if self.options.dead_man_s:
            self._spawn(self._keep_alive(), f"{self._name} dead-man's switch")

    @override
    async def stop(self) -> None:
        self._hear = None
        connections = self.lines.connections
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(connection.close() for connection in connections), return_exceptions=True)
        if self._is_loaded:
            self._is_loaded = False
            await self._session.__aexit__(None, None, None)

    # -- markets --------------------------------------------------------------------------------------------------

    @override
    def subscribe(self, instrument: str, feeds: frozenset[Feed]) -> None:
        wanted = self._feeds.get(instrument, frozenset()) | feeds
        self._feeds[instrument] = wanted
        if self._hear is not None:
            self.lines.want(self.codec.topics(instrument, wanted))
            if self.codec.auth is not None:
                self._keep_private()

    @override
    def resync(self, instrument: str) -> None:
        self.books.renew(instrument)

    @override
    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        part = await self._ask(self.codec.book(instrument, depth), "book")
        return BookSnapshot(
            instrument=instrument,
            bids=part.bids,
            asks=part.asks,
            venue_ns=part.venue_ns,
            received_ns=part.received_ns or clock.now_ns(),
            sequence=part.last,
        )

    @override
    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        return await self._ask(self.codec.trades(instrument, count), "trades")

    @override
    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        found = await self.asker.pages(self.codec.bars(instrument, interval_ns, start_ns, end_ns))
        return sorted(found, key=lambda bar: bar.start_ns)

    @override
    async def mark(self, instrument: str) -> MarkPrice:
        return await self._ask(self.codec.mark(instrument), "mark price")

    @override
    async def funding(self, instrument: str) -> Funding:
        return await self._ask(self.codec.funding(instrument), "funding rate")

    @override
    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        ask = self.codec.funding_history(instrument, start_ns, end_ns)
        if ask is None:
            raise self._has_no("funding history")
        return sorted(await self.asker.pages(ask), key=lambda each: each.at_ns)

    # -- orders ---------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> None:
        if self._hear is None:
            raise Unavailable(
                f"{self._name} is not connected: the order was not sent",
                venue=self._name,
                request="place order",
            )
        self.orders.place(intent)

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        return self._hear is not None and self.orders.cancel(client_order_id)

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        return self._hear is not None and self.orders.amend(client_order_id, lots=lots, ticks=ticks)

    @override
    async def cancel_all(self) -> None:
        await self.orders.cancel_all()

    @override
    def remember(self, intents: Iterable[OrderIntent]) -> None:
        self.orders.remember(intents)

    @override
    async def open_orders(self) -> Sequence[OrderReport]:
        return await self.orders.open_orders()

    @override
    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return await self.orders.order(client_order_id)

    # -- the account ----------------------------------------------------------------------------------------------

    @override
    async def balances(self) -> Sequence[BalanceReport]:
        return [each for ask in self.codec.balances() for each in await self.asker.ask(ask)]

    @override
    async def positions(self) -> Sequence[PositionReport]:
        return [each for ask in self.codec.positions() for each in await self.asker.ask(ask)]

    @override
    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        found: list[FillReport] = []
        for ask in self.codec.fills(since_ns, self.orders.instruments() | set(self._feeds)):
            found += await self.asker.pages(ask)
        return sorted(found, key=lambda each: each.fill.venue_ns or 0)

    async def fee_rates(self, keys: Collection[str]) -> Mapping[str, FeeRates]:
        """Return what the account pays, by instrument; empty where the venue does not say."""
        found: dict[str, FeeRates] = {}
        for ask in self.codec.fee_rates(keys):
            found |= await self.asker.ask(ask)
        return found

    # -- what the lines bring -------------------------------------------------------------------------------------

    @override
    def heard(self, connection: Connection, said: list[Said]) -> None:
        events: list[Event] = []
        for each in said:
            match each:
                case BookPart():
                    events += self.books.take(each, connection.number)
                case OrderEvent():
                    self.orders.note(each)
                    events.append(each)
                case Missed():
                    _log().warning(
                        "something was missed",
                        venue=self._name,
                        line=connection.keeper.line.name,
                        what=each.reason,
                    )
                    events.append(
                        LinkUp(
                            venue=self._name,
                            channel=connection.keeper.line.name,
                            private=connection.keeper.line.private,
                            received_ns=clock.now_ns(),
                        )
                    )
                case Event():
                    events.append(each)
                case _:
                    pass  # what is for the connection alone
        self._tell(events)

    @override
    def line_up(self, line: Line, topics: Sequence[Topic]) -> None:
        up = LinkUp(venue=self._name, channel=line.name, private=line.private, received_ns=clock.now_ns())
        self._tell([up])

    @override
    def line_down(self, line: Line, topics: Sequence[Topic], reason: str) -> None:
        now_ns = clock.now_ns()
        down: list[Event] = [LinkDown(venue=self._name, channel=line.name, reason=reason, received_ns=now_ns)]
        self._tell(down + self.books.lost(self._books_among(topics)))

    @override
    def refused(self, topic: Topic, refusal: Refused) -> None:
        if topic.key:
            self._tell([Stale(instrument=topic.key, what="book", age_ns=0, received_ns=clock.now_ns())])

    # -- how ------------------------------------------------------------------------------------------------------

    def _tell(self, events: list[Event]) -> None:
        if self._hear is not None and events:
            self._hear(events)

    def _tell_of_orders(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, OrderEvent):
                self.orders.note(event)
        self._tell(events)

    def _keep_private(self) -> list[Keeper]:
        """Keep the private lines of the sections of markets that the run is about; of all, where it names none."""
        self.concern(self._feeds)
        return [
            self.lines.keep(line)
            for line in self.codec.spec.lines
            if line.private and (not line.section or self.codec.concerns(line.section))
        ]

    def _books_among(self, topics: Iterable[Topic]) -> list[str]:
        """The instruments whose book comes with these topics."""
        return [
            topic.key
            for topic in topics
            if topic.key
            and Feed.BOOK in self._feeds.get(topic.key, ())
            and topic in self.codec.topics(topic.key, {Feed.BOOK})
        ]

    def _renew_book(self, key: str) -> None:
        self.lines.renew(self.codec.topics(key, {Feed.BOOK}))

    async def _ask(self, ask: Ask[T] | None, what: str) -> T:
        if ask is None:
            raise self._has_no(what)
        return await self.asker.ask(ask)

    def _has_no(self, what: str) -> VenueError:
        return Unavailable(f"{self._name} does not tell any {what}", venue=self._name, request=what)

    async def _list(self) -> list[Instrument]:
        """Learn what is listed, with the fees that we pay: those of the account where there is one and it says them."""
        changed: list[Instrument] = []
        for ask in self.codec.listings():
            listed = await self.asker.ask(ask)
            changed += self.codec.markets.learn([self._priced(each) for each in listed])
        return changed

    async def _learn_fees(self) -> None:
        try:
            self._rates = await self.fee_rates(set(self.instruments))
        except (VenueError, DataError) as error:
            _log().warning("own fees are not known", venue=self._name, error=str(error))
            return
        _ = self.codec.markets.learn([self._priced(each) for each in self.codec.markets.by_key.values()])

    def _priced(self, listed: Listed) -> Listed:
        instrument = listed.instrument
        rates = self._rates.get(instrument.key)
        if rates is None and not instrument.maker_fee and not instrument.taker_fee:
            rates = self.codec.spec.fees.get(instrument.kind)
        if rates is None:
            return listed
        return listed._replace(instrument=replace(instrument, maker_fee=rates.maker, taker_fee=rates.taker))

    async def _keep_listing(self) -> None:
        """Learn of changed ticks, lots and states while running."""
        while True:
            await asyncio.sleep(_LISTING_EVERY_S)
            try:
                changed = await self._list()
            except XtradeError as error:
                _log().warning("markets are not known anew", venue=self._name, error=str(error))
                continue
            now_ns = clock.now_ns()
            self._tell(
                [
                    InstrumentChanged(instrument=each.key, now=each, received_ns=now_ns)
                    for each in changed
                    if each.version > 1
                ]
            )

    async def _keep_alive(self) -> None:
        """Tell the venue again and again that we are here, so that it does not cancel everything."""
        seconds = self.options.dead_man_s
        if not any(each.dead_man is DeadMan.COUNTDOWN for each in self.abilities.trading.values()):
            _log().warning("no dead-man's switch", venue=self._name, hint="the venue has none")
            return
        while True:
            for ask in self.codec.countdown(seconds, set(self._feeds)):
                try:
                    await self.asker.ask(ask)
                except VenueError as error:
                    _log().warning("dead-man's switch not renewed", venue=self._name, error=str(error))
            await asyncio.sleep(seconds / 3)

    def _spawn(self, run: Coroutine[Any, Any, None], name: str) -> Running:
        task = asyncio.get_running_loop().create_task(run, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log().error("link task failed", venue=self._name, task=task.get_name(), error=repr(error))
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{task.get_name()} failed", "exception": error, "task": task}
            )


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
