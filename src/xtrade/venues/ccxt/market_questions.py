"""Questions about markets, through ccxt: books, trades, bars, marks, funding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from xtrade.model.durations import duration_ns, duration_text
from xtrade.model.errors import NumberError, Rejected, Unavailable
from xtrade.model.events import Bar, BookSnapshot, Funding, MarkPrice, Trade
from xtrade.net.limits import Priority
from xtrade.runtime import clock
from xtrade.venues.base import SettledFunding
from xtrade.venues.ccxt.abilities import settled_by
from xtrade.venues.ccxt.markets import Listing, Market
from xtrade.venues.ccxt.reading import read
from xtrade.venues.ccxt.reports import bars_told, book_told, funding_told, mark_told, settled_told, trade_told
from xtrade.venues.ccxt.wire import Wire

__all__ = ["MarketQuestions"]

T = TypeVar("T")

MS: Final = 1_000_000
_PAGES_MAX: Final = 100


class MarketQuestions:
    """What a venue can be asked of its markets."""

    def __init__(self, wire: Wire, listing: Callable[[], Listing]) -> None:
        self._wire = wire
        self._listing = listing

    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        """Return a book as it is now, of at least `depth` levels a side where the venue has so many."""
        market = self._listing().of(instrument)
        told = await self._ask("book", "fetch_order_book", market.symbol)
        if min(len(told["bids"]), len(told["asks"])) < depth:
            # A depth that this venue does not offer: what it tells by itself has to do.
            with suppress(Rejected):
                told = await self._ask("book", "fetch_order_book", market.symbol, depth)
        return self._read("book", lambda: book_told(told, market.instrument, depth, clock.now_ns()))

    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        """Return the last public trades, oldest first; fewer where the venue remembers fewer."""
        market = self._listing().of(instrument)
        rows = await self._ask("trades", "fetch_trades", market.symbol, None, count)
        now_ns = clock.now_ns()
        found = self._read("trades", lambda: [trade_told(row, market.instrument, now_ns) for row in rows])
        return [trade for trade in found if trade is not None][-count:]

    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        """Return the bars that begin from `start_ns` on and before `end_ns`, oldest first."""
        market = self._listing().of(instrument)
        timeframe = self._timeframe(interval_ns)

        async def page(from_ns: int) -> list[Bar]:
            rows = await self._ask("bars", "fetch_ohlcv", market.symbol, timeframe, from_ns // MS)
            now_ns = clock.now_ns()
            return self._read("bars", lambda: list(bars_told(rows, market.instrument, interval_ns, now_ns)))

        return await self._paged("bars", page, lambda bar: bar.start_ns, start_ns, end_ns)

    async def mark(self, instrument: str) -> MarkPrice:
        """Return the mark price of a contract."""
        market = self._listing().of(instrument)
        row = await self._settled_row(market, "mark price")
        return self._there(
            self._read("mark price", lambda: mark_told(row, market.instrument, clock.now_ns())),
            market,
            "mark price",
        )

    async def funding(self, instrument: str) -> Funding:
        """Return the rate of the running funding period of a perpetual."""
        market = self._listing().of(instrument)
        row = await self._settled_row(market, "funding rate")
        return self._there(
            self._read("funding rate", lambda: funding_told(row, market.instrument, clock.now_ns())),
            market,
            "funding rate",
        )

    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        """Return the rates that were settled in a span of time, oldest first."""
        market = self._listing().of(instrument)
        if not self._wire.can_somehow("fetchFundingRateHistory"):
            raise self._has_no("funding history", market)

        async def page(from_ns: int) -> list[SettledFunding]:
            rows = await self._ask(
                "funding history", "fetch_funding_rate_history", market.symbol, from_ns // MS
            )
            return self._read("funding history", lambda: [settled_told(row, instrument) for row in rows])

        return await self._paged("funding history", page, lambda each: each.at_ns, start_ns, end_ns)

    # -- how ------------------------------------------------------------------------------------------------------

    async def _ask(self, what: str, method: str, *arguments: Any) -> Any:
        return await self._wire.ask(what, method, *arguments, priority=Priority.DATA)

    async def _settled_row(self, market: Market, what: str) -> Any:
        method = settled_by(self._wire, market.instrument.kind)
        if method is None:
            raise self._has_no(what, market)
        if method != "fetch_funding_rates":
            return await self._ask(what, method, market.symbol)
        told = await self._ask(what, method, [market.symbol])
        return told.get(market.symbol, {})

    async def _paged(
        self,
        what: str,
        page: Callable[[int], Awaitable[list[T]]],
        at_ns: Callable[[T], int],
        start_ns: int,
        end_ns: int,
    ) -> list[T]:
        """Ask on from the last that was told until nothing new comes, or the span is over."""
        found: dict[int, T] = {}
        from_ns = start_ns
        for _ in range(_PAGES_MAX):
            new = {at_ns(each): each for each in await page(from_ns) if at_ns(each) not in found}
            found |= new
            if not new or max(new) >= end_ns:
                return [found[at] for at in sorted(found) if start_ns <= at < end_ns]
            from_ns = max(new) + MS
        raise Unavailable(
            f"{self._wire.name}: {what}: more than {_PAGES_MAX} pages: ask for a shorter time",
            venue=self._wire.name,
            request=what,
        )

    def _timeframe(self, interval_ns: int) -> str:
        """Return ccxt's name of an interval; a month, which has no length, is none of ours."""
        known: dict[int, str] = {}
        for name in getattr(self._wire.exchange, "timeframes", None) or {}:
            try:
                known[duration_ns(name)] = name
            except NumberError:
                continue
        if interval_ns not in known:
            told = ", ".join(known[each] for each in sorted(known)) or "none"
            raise Rejected(
                f"{self._wire.name} has no bars of {duration_text(interval_ns)}: expected one of {told}",
                venue=self._wire.name,
                request="bars",
            )
        return known[interval_ns]

    def _there(self, found: T | None, market: Market, what: str) -> T:
        if found is None:
            raise self._has_no(what, market)
        return found

    def _has_no(self, what: str, market: Market) -> Unavailable:
        return Unavailable(
            f"{self._wire.name} does not tell any {what} of {market.symbol}",
            venue=self._wire.name,
            request=what,
        )

    def _read(self, what: str, reader: Callable[[], T]) -> T:
        return read(self._wire.name, what, reader)
