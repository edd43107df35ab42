"""Public data through ccxt: by its streams where it has them, else by asking again and again.

Every book comes whole, as a snapshot; a gap in a stream is ccxt's to notice, and ends that stream with an error. Then
the book is stale until the next one. A stream that is merely quiet is checked against what the venue says when asked.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

from typing_extensions import override

from xtrade.model.errors import Rejected, VenueError
from xtrade.model.events import Event, Stale
from xtrade.net.limits import Priority
from xtrade.runtime import clock
from xtrade.venues.abilities import Feed
from xtrade.venues.base import MarketData
from xtrade.venues.ccxt.abilities import LEVELS_MAX
from xtrade.venues.ccxt.links import Links, log
from xtrade.venues.ccxt.market_questions import MarketQuestions
from xtrade.venues.ccxt.markets import Listing, Market
from xtrade.venues.ccxt.pace import Backoff, Pace
from xtrade.venues.ccxt.reading import UNREADABLE, why_unreadable
from xtrade.venues.ccxt.reports import book_told, funding_told, mark_told, trade_told
from xtrade.venues.ccxt.wire import Wire

__all__ = ["Feeds"]

SECOND: Final = 1_000_000_000
MS: Final = 1_000_000
_SEEN_MAX: Final = 5_000
# A stream may begin with trades of before: what is older than this when it begins is no news.
_OLD_NS: Final = 1 * SECOND
_BEGINS_NS: Final = 5 * SECOND

StartTask = Callable[[Callable[[], Coroutine[Any, Any, None]], str], None]


class Feeds(MarketQuestions, MarketData):
    """What a venue tells of its markets."""

    def __init__(
        self,
        wire: Wire,
        listing: Callable[[], Listing],
        links: Links,
        *,
        tell: Callable[[Sequence[Event]], None],
        care_for: Callable[[Market], None],
        off_grid: Callable[[], None],
        pace: Pace,
    ) -> None:
        super().__init__(wire, listing)
        self._links = links
        self._tell = tell
        self._care_for = care_for
        self._off_grid = off_grid
        self._pace = pace
        self._wanted: dict[str, frozenset[Feed]] = {}
        self._started: set[tuple[str, str]] = set()
        self._start_task: StartTask | None = None
        self._resyncs = 0

    def start(self, start_task: StartTask) -> None:
        """Begin with what was asked for so far."""
        self._start_task = start_task
        for instrument in self._wanted:
            self._begin(instrument)

    @override
    def subscribe(self, instrument: str, feeds: frozenset[Feed]) -> None:
        market = self._listing().of(instrument)
        self._wanted[instrument] = self._wanted.get(instrument, frozenset()) | feeds
        self._care_for(market)
        if self._start_task is not None:
            self._begin(instrument)

    @override
    def resync(self, instrument: str) -> None:
        if self._start_task is not None:
            self._resyncs += 1
            self._start_task(partial(self._resync, instrument), f"resync {self._resyncs}")

    # -- how ------------------------------------------------------------------------------------------------------

    def _begin(self, key: str) -> None:
        wanted = self._wanted[key]
        tasks: list[tuple[str, bool, Callable[[str], Coroutine[Any, Any, None]]]] = [
            ("book", Feed.BOOK in wanted, self._book),
            ("trades", Feed.TRADES in wanted, self._trades),
            ("marks", bool(wanted & {Feed.MARKS, Feed.FUNDING}), self._settling),
        ]
        for what, is_wanted, run in tasks:
            if is_wanted and (key, what) not in self._started:
                self._started.add((key, what))
                assert self._start_task is not None, "feeds begin once there is somebody to run them"
                self._start_task(partial(run, key), f"{what} of {key}")

    async def _book(self, key: str) -> None:
        symbol = self._listing().of(key).symbol
        streamed = self._wire.can("watchOrderBook")
        doubted = False

        async def listen() -> None:
            nonlocal streamed, doubted
            try:
                # A stream goes on with changes to what could not be read: the whole has to be asked for.
                told = await self._next_book(symbol, streamed and not doubted)
            except Rejected as error:
                if not streamed:
                    raise
                log().warning("a stream of ccxt's is not to be had", venue=self._wire.name, reason=str(error))
                streamed = False
                return
            doubted = True
            self._tell_book(key, told)
            doubted = False
            if not streamed:
                await asyncio.sleep(self._pace.book_s)

        await self._for_ever(key, "book", listen, links=True)

    async def _next_book(self, symbol: str, streamed: bool) -> Mapping[str, Any]:
        told: Mapping[str, Any]
        if streamed:
            try:
                async with asyncio.timeout(self._pace.quiet_s):
                    told = await self._wire.ask("book", "watch_order_book", symbol, priority=Priority.DATA)
                    return told
            except TimeoutError:
                pass
        told = await self._wire.ask("book", "fetch_order_book", symbol, priority=Priority.DATA)
        return told

    def _tell_book(self, key: str, told: Mapping[str, Any]) -> None:
        instrument = self._listing().of(key).instrument
        self._tell([book_told(told, instrument, LEVELS_MAX, clock.now_ns())])

    async def _resync(self, key: str) -> None:
        try:
            self._tell_book(key, await self._next_book(self._listing().of(key).symbol, streamed=False))
        except UNREADABLE as error:
            log().warning("no book", venue=self._wire.name, instrument=key, reason=str(error))

    async def _trades(self, key: str) -> None:
        symbol = self._listing().of(key).symbol
        streamed = self._wire.can("watchTrades")
        seen: OrderedDict[str, None] = OrderedDict()
        began_ns = clock.now_ns()
        primed = streamed

        async def listen() -> None:
            nonlocal primed
            method = "watch_trades" if streamed else "fetch_trades"
            rows = await self._wire.ask("trades", method, symbol, priority=Priority.DATA)
            now_ns = clock.now_ns()
            instrument = self._listing().of(key).instrument
            events: list[Event] = []
            for row in rows:
                trade = trade_told(row, instrument, now_ns)
                if trade is None or trade.trade_id in seen:
                    continue
                seen[trade.trade_id] = None
                old = now_ns - began_ns < _BEGINS_NS and (trade.venue_ns or now_ns) < began_ns - _OLD_NS
                if primed and not old:
                    events.append(trade)
            while len(seen) > _SEEN_MAX:
                seen.popitem(last=False)
            primed = True
            if events:
                self._tell(events)
            if not streamed:
                await asyncio.sleep(self._pace.book_s)

        await self._for_ever(key, "trades", listen)

    async def _settling(self, key: str) -> None:
        """Marks and funding rates, by asking."""
        market = self._listing().of(key)

        async def listen() -> None:
            row = await self._settled_row(market, "marks")
            instrument, now_ns = self._listing().of(key).instrument, clock.now_ns()
            wanted = self._wanted[key]
            events: list[Event | None] = []
            if Feed.MARKS in wanted:
                events.append(mark_told(row, instrument, now_ns))
            if Feed.FUNDING in wanted:
                events.append(funding_told(row, instrument, now_ns))
            self._tell([event for event in events if event is not None])
            await asyncio.sleep(self._pace.settle_s)

        await self._for_ever(key, "marks", listen)

    async def _for_ever(
        self, key: str, what: str, listen: Callable[[], Awaitable[None]], *, links: bool = False
    ) -> None:
        """Listen; after a failure what was heard is stale, and the next attempt waits."""
        part = f"{what} of {key}"
        backoff = Backoff(f"venues/{self._wire.name}/{part}", self._pace)
        while True:
            try:
                await listen()
            except VenueError as error:
                reason = str(error)
            except UNREADABLE as error:
                # Prices off the grid: it may have changed.
                reason = f"it cannot be read: {why_unreadable(error)}"
                self._off_grid()
            else:
                backoff.worked()
                if links:
                    self._links.works("public", part)
                continue
            if links:
                self._links.failed("public", part, reason)
            else:
                log().warning("venue not heard", venue=self._wire.name, part=part, reason=reason)
            self._tell([Stale(instrument=key, what=what, age_ns=0)])
            await asyncio.sleep(backoff.failed())
