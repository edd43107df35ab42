"""What a venue tells of our account while it runs: streams where ccxt has them, and questions behind them always.

A stream of ccxt's does not say what it missed while it was down, and a venue without streams says nothing by itself. So
this keeper also asks: at once when something was sent or a stream broke, soon again while orders are without their end,
and now and then in any case. Rows from either way go to the same place (`own_orders`), where twice is once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from xtrade.model.errors import Rejected, VenueError
from xtrade.model.events import Event
from xtrade.model.instruments import Kind
from xtrade.net.limits import Priority
from xtrade.runtime import clock
from xtrade.venues.ccxt.links import Links, log
from xtrade.venues.ccxt.markets import Market
from xtrade.venues.ccxt.own_orders import OwnOrder, OwnOrders
from xtrade.venues.ccxt.pace import Backoff, Pace
from xtrade.venues.ccxt.questions import Questions
from xtrade.venues.ccxt.reading import UNREADABLE, why_unreadable
from xtrade.venues.ccxt.reports import balances_told
from xtrade.venues.ccxt.wire import Wire

__all__ = ["Keeper"]

Stream: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

SECOND: Final = 1_000_000_000
_OVERLAP_NS: Final = 60 * SECOND
# ccxt does not say when a stream is subscribed again; one that has not failed for so long is.
_MENDED_NS: Final = 30 * SECOND


class Keeper:
    """Keeps what is told of one account complete."""

    def __init__(
        self,
        wire: Wire,
        own: OwnOrders,
        questions: Questions,
        links: Links,
        tell: Callable[[Sequence[Event]], None],
        pace: Pace,
    ) -> None:
        self._wire = wire
        self._own = own
        self._questions = questions
        self._links = links
        self._tell = tell
        self._pace = pace
        self._woken = asyncio.Event()
        self._asked_ns: dict[str, int] = {}
        self._start_ns = 0
        self._balances_ns = 0
        self._broke_ns: int | None = None
        self._missing: set[str] = set()
        """Streams that ccxt has and this venue, or this account, has not."""

    def streams(self) -> dict[str, Stream]:
        """Return the streams that there are for what this run cares for, by name: each one runs for ever."""
        found: dict[str, Stream] = {}
        for ability, name, method, take in (
            ("watchOrders", "orders", "watch_orders", self._own.take_order),
            ("watchMyTrades", "trades", "watch_my_trades", self._own.take_trade),
        ):
            if self._wire.can(ability):
                for kind, params in self._kinds().items():
                    part = f"{name} of {kind}"
                    found[part] = partial(self._stream, part, method, take, params)
        if self._wire.can("watchBalance"):
            found["balances"] = self._stream_balances
        return found

    def wake(self) -> None:
        """Something was sent, or may have been missed: ask soon."""
        self._woken.set()

    async def run(self) -> None:
        """Ask for ever."""
        backoff = Backoff(f"venues/{self._wire.name}/private", self._pace)
        while True:
            try:
                await self._catch_up()
            except VenueError as error:
                self._links.failed("private", "questions", str(error))
                await asyncio.sleep(backoff.failed())
            else:
                backoff.worked()
                self._links.works("private", "questions")
                await self._wait(self._wait_s())

    async def start(self) -> None:
        """Ask for what there is, so that a key that opens nothing is known before the first order."""
        self._start_ns = self._start_ns or clock.now_ns()
        if self._wire.can_somehow("fetchBalance"):
            self._tell(await self._questions.balances())
        self._balances_ns = clock.monotonic_ns()

    # -- asking ---------------------------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        """Ask about every order that may still trade, and for the trades of its market."""
        by_market: dict[str, list[OwnOrder]] = {}
        for own in self._own.unsettled():
            by_market.setdefault(own.market.symbol, []).append(own)
        for orders in by_market.values():
            await self._catch_up_with(orders[0].market, orders)
        if clock.monotonic_ns() - self._balances_ns >= self._pace.idle_s * SECOND:
            await self.start()

    async def _catch_up_with(self, market: Market, orders: Sequence[OwnOrder]) -> None:
        as_of_ns = clock.now_ns()
        sent = [own for own in orders if own.answered.is_set()]
        if not sent:
            return
        rows = await self._questions.open_rows_of(market)
        self._take(rows, self._own.take_order)
        listed = {own.number for own in sent if own.name in {str(row.get("id")) for row in rows}}
        for own in sent:
            # One without a name is in doubt: that is for whoever reconciles, who knows what "not found" means.
            if own.number not in listed and own.name is not None and not own.ended:
                row = await self._questions.order_row(own.number)
                self._take([row] if row else [], partial(self._own.take_order, number=own.number))
        if self._wire.can_somehow("fetchMyTrades"):
            since_ns = self._asked_ns.get(market.symbol, self._start_ns) - _OVERLAP_NS
            self._take(await self._questions.trade_rows(market, since_ns), self._own.take_trade)
        self._asked_ns[market.symbol] = as_of_ns

    def _wait_s(self) -> float:
        orders = self._own.unsettled()
        if not orders:
            return self._pace.idle_s
        owed = any(own.ended or own.filled_lots < own.told_lots for own in orders)
        return self._pace.streamed_s if self._is_streamed() and not owed else self._pace.polled_s

    def _is_streamed(self) -> bool:
        """Whether streams can be relied on: ccxt has them, and none has broken lately."""
        broke = self._broke_ns is not None and clock.monotonic_ns() - self._broke_ns < _MENDED_NS
        has_both = self._wire.can("watchOrders") and self._wire.can("watchMyTrades")
        return has_both and not broke and not self._missing

    async def _wait(self, seconds: float) -> None:
        """Wait; what was sent meanwhile is asked about as soon as its stream has had the time to tell of it."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._pace.told_s)
        self._woken.clear()

    # -- being told -----------------------------------------------------------------------------------------------

    def _kinds(self) -> dict[str, dict[str, str]]:
        """Return what tells ccxt which stream is meant, for the kinds of market that this run cares for.

        The first is ccxt's default (`Wire.prefer`) and needs no word: at some venues words go into the subscription.
        """
        found: dict[str, dict[str, str]] = {}
        for market in self._questions.markets.values():
            kind = market.instrument.kind
            words = (
                {"type": market.type} if kind is Kind.SPOT else {"type": market.type, "subType": kind.value}
            )
            found.setdefault(f"{market.type} {kind}", words if found else {})
        return found

    async def _stream(
        self,
        name: str,
        method: str,
        take: Callable[[Mapping[str, Any]], Sequence[Event]],
        params: dict[str, str],
    ) -> None:
        async def listen() -> None:
            rows = await self._wire.ask(name, method, None, None, None, params, priority=Priority.ACCOUNT)
            self._take(rows, take)

        await self._for_ever(name, listen)

    async def _stream_balances(self) -> None:
        async def listen() -> None:
            told = await self._wire.ask("balances", "watch_balance", priority=Priority.ACCOUNT)
            self._take([told], lambda row: balances_told(self._wire.name, row, clock.now_ns()))

        await self._for_ever("balances", listen)

    async def _for_ever(self, name: str, listen: Callable[[], Awaitable[None]]) -> None:
        """Listen; after a failure, whatever it did not tell is asked for, now and once it listens again."""
        backoff = Backoff(f"venues/{self._wire.name}/{name}", self._pace)
        while True:
            try:
                await listen()
            except Rejected as error:
                log().warning("a stream of ccxt's is not to be had", venue=self._wire.name, reason=str(error))
                self._missing.add(name)
                return
            except VenueError as error:
                log().warning("venue not heard", venue=self._wire.name, part=name, reason=str(error))
                self._broke_ns = clock.monotonic_ns()
                self.wake()
                await asyncio.sleep(backoff.failed())
                self.wake()
            else:
                backoff.worked()

    def _take(
        self, rows: Sequence[Mapping[str, Any]], take: Callable[[Mapping[str, Any]], Sequence[Event]]
    ) -> None:
        """Tell what rows say; one that cannot be read is said in the log, and shows in what does not add up."""
        events: list[Event] = []
        for row in rows:
            try:
                events += take(row)
            except UNREADABLE as error:
                log().error("a row cannot be read", venue=self._wire.name, reason=why_unreadable(error))
        if events:
            self._tell(events)
