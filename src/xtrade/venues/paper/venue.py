"""A paper account: the markets of any venue, and orders that never leave this process.

    venue = PaperVenue(link, [Money.of(10_000, "USDT")], Assumptions(entry=Latency.constant(20_000_000)))

What the inner venue tells of its markets is passed on, and played to the replay kernel as it comes: orders are filled
by the queue, latency and fee models of a back-test, and by its very code. The inner venue is asked for market data
alone; it may be public. Its orders and its account are never looked at.

An event happens when it is heard, each message at an instant of its own, and what our orders meet is told in that
order. So the events that this venue told, as a tape (`Tape.of(…).as_heard()`), give a back-test the same fills.

What is played  an instrument is traded if it was subscribed before the first start; later ones are looked at only
What is late    a busy loop hears of fills late; when they happened is not changed by that
What is missed  while the link is down books are stale: the kernel's rules for gaps apply (docs/replay.md)
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace
from typing_extensions import override

from xtrade.model.errors import DataError, Unavailable, UsageError, XtradeError
from xtrade.model.events import (
    BalanceReport,
    Bar,
    BookDelta,
    BookSnapshot,
    Event,
    Funding,
    InstrumentChanged,
    LinkDown,
    LinkUp,
    MarketEvent,
    MarkPrice,
    PositionReport,
    Stale,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent, OrderType, TimeInForce
from xtrade.model.sides import Side
from xtrade.runtime import clock
from xtrade.sim.replay.layout import NEVER, Reason
from xtrade.sim.replay.live import LiveReplay
from xtrade.sim.replay.models import Assumptions
from xtrade.venues.abilities import (
    Abilities,
    AccountAbilities,
    Amend,
    Feed,
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
from xtrade.venues.paper.account import PaperAccount

__all__ = ["PaperVenue"]

_ORDERS: Final = TradingAbilities(
    types=frozenset({OrderType.LIMIT, OrderType.MARKET}),
    time_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK}),
    post_only=True,
    amend=Amend.ANY,
    cancel_all=Scope.ACCOUNT,
    finds_ended=True,
)
_PLAYED: Final = frozenset({Feed.BOOK, Feed.TRADES, Feed.MARKS, Feed.FUNDING})
_ORDER, _DONE = int(Reason.ORDER), int(Reason.TIME | Reason.END)


class PaperVenue(Venue, MarketData, Trading, Account):
    """The markets of `inner`, and an account with these balances that is filled as a back-test would fill it.

    `assumptions` are one for all instruments, or by instrument key.
    """

    def __init__(
        self,
        inner: Venue,
        balances: Iterable[Money],
        assumptions: Assumptions | Mapping[str, Assumptions] | None = None,
    ) -> None:
        self._inner = inner
        self._assumptions = assumptions
        self._deposits = tuple(balances)
        self._hear: Hear | None = None
        self._replay: LiveReplay | None = None
        self._played: frozenset[str] = frozenset()
        self._books: dict[str, bool] = {}
        self._opened_ns: int | None = None
        self._reached_ns = 0
        self._is_telling = False
        self._timer: asyncio.TimerHandle | None = None
        self._failure = ""
        self._holds = PaperAccount(inner.name, (), ())
        import structlog

        self._log = structlog.get_logger("xtrade.paper").bind(venue=inner.name)

    # -- the port -------------------------------------------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        return self._inner.name

    @property
    @override
    def abilities(self) -> Abilities:
        market = self._inner.abilities.market
        return Abilities(
            market=market,
            trading={
                kind: replace(_ORDERS, reduce_only=kind is not Kind.SPOT)
                for kind in market
                if market[kind].feeds >= {Feed.BOOK, Feed.TRADES}
            },
            account=AccountAbilities(balances=True, positions=True, fills=True, fills_name_orders=True),
        )

    @property
    @override
    def instruments(self) -> Mapping[str, Instrument]:
        return self._inner.instruments

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
    @override
    def opened_ns(self) -> int | None:
        return self._opened_ns

    @override
    async def start(self, hear: Hear) -> None:
        self._hear = hear
        now_ns = clock.now_ns()
        if self._replay is None:
            self._opened_ns = now_ns
            played = [self.instruments[key] for key in self._books]
            self._replay = LiveReplay(played, self._assumptions)
            self._holds = PaperAccount(self.name, self._deposits, played)
            self._played = frozenset(self._books)
        # What happened to the books while nobody listened is not known.
        self._tell_market([_stale(key) for key, whole in self._books.items() if whole])
        self._tell(
            [LinkUp(venue=self.name, channel="private", received_ns=now_ns), *self._holds.balances(now_ns)]
        )
        await self._inner.start(self._heard)

    @override
    async def stop(self) -> None:
        self._hear = None
        if self._timer is not None:
            self._timer.cancel()
        await self._inner.stop()

    # -- market data ----------------------------------------------------------------------------------------------

    @override
    def subscribe(self, instrument: str, feeds: frozenset[Feed]) -> None:
        told = self.abilities.market[self.instruments[instrument].kind].feeds
        self._books.setdefault(instrument, False)
        self._inner.market.subscribe(instrument, feeds | _PLAYED & told)

    @override
    def resync(self, instrument: str) -> None:
        self._inner.market.resync(instrument)

    @override
    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        return await self._inner.market.book(instrument, depth)

    @override
    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        return await self._inner.market.trades(instrument, count)

    @override
    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        return await self._inner.market.bars(instrument, interval_ns, start_ns, end_ns)

    @override
    async def mark(self, instrument: str) -> MarkPrice:
        return await self._inner.market.mark(instrument)

    @override
    async def funding(self, instrument: str) -> Funding:
        return await self._inner.market.funding(instrument)

    @override
    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        return await self._inner.market.funding_history(instrument, start_ns, end_ns)

    # -- orders ---------------------------------------------------------------------------------------------------

    @override
    def place(self, intent: OrderIntent) -> None:
        replay = self._sending("place")
        if intent.instrument not in self._played:
            raise UsageError(
                f"{intent.instrument} was not subscribed when the paper account began: it is looked at only"
            )
        if intent.reduce_only:
            _require_reducing(intent, replay.known_lots(intent.instrument))
        replay.place(replace(intent, reduce_only=False))
        self._holds.sent(intent)
        self._arm()

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        if self._hear is None:
            return False
        sent = self._sending("cancel").cancel(client_order_id)
        self._arm()
        return sent

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        if self._hear is None:
            return False
        sent = self._sending("amend").amend(client_order_id, lots=lots, ticks=ticks)
        self._arm()
        return sent

    @override
    async def cancel_all(self) -> None:
        for client_order_id in self._holds.open_ids:
            self.cancel(client_order_id)
        await self._answered()

    @override
    async def open_orders(self) -> Sequence[OrderReport]:
        await self._answered()
        return self._holds.open_orders()

    @override
    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        await self._answered()
        return self._holds.order(client_order_id)

    # -- the account ----------------------------------------------------------------------------------------------

    @override
    async def balances(self) -> Sequence[BalanceReport]:
        await self._answered()
        return self._holds.balances(clock.now_ns())

    @override
    async def positions(self) -> Sequence[PositionReport]:
        await self._answered()
        return self._holds.positions(clock.now_ns())

    @override
    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        await self._answered()
        return self._holds.fills(since_ns)

    # -- what is heard --------------------------------------------------------------------------------------------

    def _heard(self, events: Sequence[Event]) -> None:
        """Pass on what the inner venue tells of its markets; of its account nothing."""
        public: list[Event] = []
        for event in events:
            if isinstance(event, MarketEvent):
                public.append(event)
            elif isinstance(event, LinkUp | LinkDown) and event.channel != "private":
                public.append(event)
                if isinstance(event, LinkDown):
                    public += [_stale(key) for key, whole in self._books.items() if whole]
        self._tell_market(public)

    def _tell_market(self, events: Sequence[Event]) -> None:
        """Play what was heard at an instant of its own, and tell it and what came of it."""
        if not events or self._hear is None:
            return
        now_ns = max(self._reached_ns + 1, *(event.received_ns for event in events))
        told = [kept for event in events for kept in self._played_as(replace(event, received_ns=now_ns))]
        self._play(now_ns, told)

    def _played_as(self, event: Event) -> list[Event]:
        """Give an event to the kernel; return what is told of it."""
        if not isinstance(event, MarketEvent):
            return [event]
        key = event.instrument
        if isinstance(event, Stale) and event.what == "book":
            if not self._books.get(key):
                return [event] if key not in self._played else []
            self._books[key] = False
        if key not in self._played or self._replay is None:
            return [event]
        try:
            self._replay.take(event)
        except DataError as error:
            self._log.warning("an event makes no sense and is not played", instrument=key, reason=str(error))
            if not isinstance(event, BookSnapshot | BookDelta):
                return []
            self._inner.market.resync(key)
            return self._played_as(replace(_stale(key), received_ns=event.received_ns))
        if isinstance(event, BookSnapshot):
            self._books[key] = True
        if isinstance(event, InstrumentChanged):
            self._books[key] = False
            self._holds.changed(event.now, event.received_ns)
        return [event]

    def _play(self, until_ns: int, heard: Sequence[Event] = ()) -> None:
        """Let everything happen up to a time, and tell each thing when it is its turn."""
        replay = self._replay
        if replay is None or self._failure:
            return
        self._reached_ns = max(self._reached_ns, until_ns)
        while self._hear is not None:
            try:
                reasons = int(replay.advance(until_ns))
            except XtradeError as error:
                self._fail(str(error))
                return
            replay.fills()  # they come as reports
            if reasons & _DONE:
                replay.be_at(until_ns)
                self._tell(heard)
            if reasons & _ORDER:
                self._tell(self._holds.booked(replay.reports()))
            if reasons & _DONE:
                break
        self._arm()

    def _fail(self, why: str) -> None:
        """Say that the account cannot go on; no order is taken from now on."""
        self._failure = why
        self._log.error("the paper account stands still", reason=why)
        self._tell([LinkDown(venue=self.name, channel="private", reason=why, received_ns=self._reached_ns)])

    def _tell(self, events: Sequence[Event]) -> None:
        """Tell; what is ordered meanwhile leaves at the time of what was told, as in a back-test."""
        if self._hear is None or not events:
            return
        self._is_telling = True
        try:
            self._hear(events)
        finally:
            self._is_telling = False

    # -- time -----------------------------------------------------------------------------------------------------

    def _sending(self, request: str) -> LiveReplay:
        """Return the replay, at the time at which a request leaves now."""
        if self._failure:
            raise Unavailable(
                f"{self.name} (paper) stands still: {self._failure}", venue=self.name, request=request
            )
        if self._replay is None or self._hear is None:
            raise Unavailable(
                f"{self.name} (paper) is not connected: nothing was sent", venue=self.name, request=request
            )
        if not self._is_telling:
            now_ns = clock.now_ns()
            self._replay.be_at(now_ns)
            self._reached_ns = max(self._reached_ns, now_ns)
        return self._replay

    def _arm(self) -> None:
        """Have the loop call when the next request arrives or the next report is heard."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._replay is None or self._hear is None or self._replay.due_ns == NEVER:
            return
        wait_ns = max(0, self._replay.due_ns - clock.now_ns())
        self._timer = asyncio.get_running_loop().call_later(wait_ns / 1e9, self._wake)

    def _wake(self) -> None:
        self._play(clock.now_ns())

    async def _answered(self) -> None:
        """Wait as a question does: until what was sent before it has arrived, and what was told then is heard."""
        replay = self._sending("question")
        await self._reach(replay.last_request_ns)
        await self._reach(replay.last_report_ns)

    async def _reach(self, until_ns: int | None) -> None:
        while until_ns is not None and self._reached_ns < until_ns and self._hear is not None:
            await asyncio.sleep(max(1, until_ns - clock.now_ns()) / 1e9)
            self._play(clock.now_ns())


def _require_reducing(intent: OrderIntent, held: int) -> None:
    """Refuse a reduce-only order that is larger than what is held against it, as far as we have heard."""
    signed = intent.lots if intent.side is Side.BUY else -intent.lots
    if signed * held >= 0 or abs(signed) > abs(held):
        raise UsageError(
            f"order {intent.client_order_id}: reduce-only, and {held} lots of {intent.instrument} are held:"
            f" {intent.side} of {intent.lots} would open a position"
        )


def _stale(key: str) -> Stale:
    return Stale(instrument=key, what="book", age_ns=0)
