"""The way between a process and its venue, on which things go wrong; and a venue that goes on when a process has gone.

    venue = LastingVenue(SimulatedVenue(…))           there as long as the world
    way = TroubledVenue(venue, mishaps, process)      there as long as one process

The venue at the end of the way does what it is asked in full: requests that are lost never reach it, answers that are
lost were given.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from typing_extensions import override

from xtrade.model.errors import Unavailable
from xtrade.model.events import (
    BalanceReport,
    Bar,
    BookDelta,
    BookSnapshot,
    Event,
    Funding,
    LinkDown,
    LinkUp,
    MarketEvent,
    MarkPrice,
    OrderEvent,
    PositionReport,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.runtime import chance
from xtrade.testing.faults import Mishaps
from xtrade.venues.abilities import Abilities, Feed
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
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["LastingVenue", "Process", "TroubledVenue"]

_Answer = TypeVar("_Answer")


class Process(Protocol):
    """Whose way it is."""

    def lives(self) -> bool:
        """Let a moment pass, which may be its last, and tell whether it is still there."""
        ...

    def sends(self, what: str, client_order_id: ClientOrderId, intent: OrderIntent | None = None) -> None:
        """Hear that it is about to send."""
        ...


class LastingVenue(Venue):
    """The built-in exchange, which trades on whether or not anybody listens: as venues do when we die."""

    def __init__(self, inner: SimulatedVenue) -> None:
        self.inner = inner
        self.arrived: Counter[ClientOrderId] = Counter()
        """How often an order came in, by our id."""
        self._hear: Hear | None = None

    def place(self, intent: OrderIntent) -> None:
        """Take an order, and remember that it came."""
        self.arrived[intent.client_order_id] += 1
        self.inner.place(intent)

    def cancel_by_hand(self) -> None:
        """Cancel an order of ours as its owner can on the venue's own pages, if there is one."""
        orders = self.inner.exchange.open_orders(self.name)
        if orders:
            number = chance.stream("testing/by-hand").choice(orders).intent.client_order_id
            self.inner.cancel_at_once(number)

    async def open(self) -> None:
        """Begin, with the world."""
        await self.inner.start(self._tell)

    async def close(self) -> None:
        """End, with the world."""
        await self.inner.stop()

    # -- the port -------------------------------------------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        return self.inner.name

    @property
    @override
    def abilities(self) -> Abilities:
        return self.inner.abilities

    @property
    @override
    def instruments(self) -> Mapping[str, Instrument]:
        return self.inner.instruments

    @property
    @override
    def market(self) -> MarketData:
        return self.inner

    @property
    @override
    def trading(self) -> Trading:
        return self.inner

    @property
    @override
    def account(self) -> Account:
        return self.inner

    @override
    async def start(self, hear: Hear) -> None:
        self._hear = hear
        self._tell([LinkUp(venue=self.name, channel=channel) for channel in ("public", "private")])
        self._tell(await self.inner.balances())

    @override
    async def stop(self) -> None:
        self._hear = None

    def _tell(self, events: Sequence[Event]) -> None:
        if self._hear is not None:
            self._hear(events)


class TroubledVenue(Venue, MarketData, Trading, Account):
    """A venue that is reached over a bad way, by a process that may be gone at any moment."""

    def __init__(self, venue: LastingVenue, mishaps: Mishaps, process: Process) -> None:
        self.inner = venue
        self._mishaps = mishaps
        self._process = process
        self._hear: Hear | None = None
        self._feeds: set[str] = set()
        self._down: set[str] = set()

    def heal(self) -> None:
        """Bring back what is down."""
        for channel in sorted(self._down):
            self._up(channel)

    # -- the port -------------------------------------------------------------------------------------------------

    @property
    @override
    def name(self) -> str:
        return self.inner.name

    @property
    @override
    def abilities(self) -> Abilities:
        return self.inner.abilities

    @property
    @override
    def instruments(self) -> Mapping[str, Instrument]:
        return self.inner.instruments

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

    @override
    async def start(self, hear: Hear) -> None:
        self._hear = hear
        await self.inner.start(self._heard)

    @override
    async def stop(self) -> None:
        self._hear = None
        await self.inner.stop()

    @override
    def subscribe(self, instrument: str, feeds: frozenset[Feed]) -> None:
        self._feeds.add(instrument)
        self.inner.market.subscribe(instrument, feeds)

    @override
    def resync(self, instrument: str) -> None:
        self.inner.market.resync(instrument)

    @override
    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        return await self._asked(self.inner.market.book(instrument, depth))

    @override
    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        return await self._asked(self.inner.market.trades(instrument, count))

    @override
    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        return await self._asked(self.inner.market.bars(instrument, interval_ns, start_ns, end_ns))

    @override
    async def mark(self, instrument: str) -> MarkPrice:
        return await self._asked(self.inner.market.mark(instrument))

    @override
    async def funding(self, instrument: str) -> Funding:
        return await self._asked(self.inner.market.funding(instrument))

    @override
    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        return await self._asked(self.inner.market.funding_history(instrument, start_ns, end_ns))

    @override
    def place(self, intent: OrderIntent) -> None:
        if not self._sends("place", intent.client_order_id, intent):
            return
        if self._mishaps.happens("place_unsent"):
            raise Unavailable(f"{self.name} cannot be reached", venue=self.name, request="place")
        if self._mishaps.happens("place_late"):
            # What has left arrives, whatever becomes of the process.
            late_s = self._mishaps.seconds("slow_s_max")
            asyncio.get_running_loop().call_later(late_s, self.inner.place, intent)
        elif not self._mishaps.happens("place_lost"):
            self.inner.place(intent)
        self._process.lives()

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        if not self._sends("cancel", client_order_id):
            return True
        lost = self._mishaps.happens("cancel_lost") or self._overtakes(client_order_id)
        sent = lost or self.inner.trading.cancel(client_order_id)
        self._process.lives()
        return sent

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        if not self._sends("amend", client_order_id):
            return True
        lost = self._mishaps.happens("amend_lost") or self._overtakes(client_order_id)
        sent = lost or self.inner.trading.amend(client_order_id, lots=lots, ticks=ticks)
        self._process.lives()
        return sent

    @override
    async def cancel_all(self) -> None:
        await self._asked(self.inner.trading.cancel_all())

    @override
    def remember(self, intents: Iterable[OrderIntent]) -> None:
        self.inner.trading.remember(intents)

    @override
    async def open_orders(self) -> Sequence[OrderReport]:
        return await self._asked(self.inner.trading.open_orders())

    @override
    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return await self._asked(self.inner.trading.order(client_order_id))

    @override
    async def balances(self) -> Sequence[BalanceReport]:
        return await self._asked(self.inner.account.balances())

    @override
    async def positions(self) -> Sequence[PositionReport]:
        return await self._asked(self.inner.account.positions())

    @override
    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        return await self._asked(self.inner.account.fills(since_ns))

    # -- how ------------------------------------------------------------------------------------------------------

    def _sends(self, what: str, client_order_id: ClientOrderId, intent: OrderIntent | None = None) -> bool:
        """Whether the process comes to send: what it has not sent when it dies never leaves."""
        if not self._process.lives():
            return False
        self._process.sends(what, client_order_id, intent)
        return True

    def _overtakes(self, client_order_id: ClientOrderId) -> bool:
        """Whether a request is there before its order, which the venue cannot find then."""
        overtakes = not self.inner.arrived[client_order_id]
        self._mishaps.reached["order_overtaken"] += overtakes
        return overtakes

    async def _asked(self, question: Awaitable[_Answer]) -> _Answer:
        """Ask; the question may arrive, and its answer be lost."""
        answer = await question
        if self._mishaps.happens("question_fails"):
            raise Unavailable(f"{self.name} does not answer", venue=self.name, request="question")
        self._process.lives()
        return answer

    def _heard(self, events: Sequence[Event]) -> None:
        passed = [event for event in events if self._passes(event)]
        if passed:
            self._tell(passed)

    def _passes(self, event: Event) -> bool:
        if isinstance(event, MarketEvent):
            return self._public_passes(event)
        return not isinstance(event, OrderEvent) or self._private_passes(event)

    def _public_passes(self, event: MarketEvent) -> bool:
        if "public" in self._down:
            return False
        if not isinstance(event, BookDelta):
            return True
        if self._mishaps.happens("public_down"):
            self._breaks("public")
            return False
        return not self._mishaps.happens("book_lost")

    def _private_passes(self, event: OrderEvent) -> bool:
        if "private" in self._down or self._mishaps.happens("answer_lost"):
            return False
        if self._mishaps.happens("private_down"):
            self._breaks("private")
            return False
        if self._mishaps.happens("answer_doubled"):
            self._later([event], self._mishaps.seconds("late_s_max"))
        if self._mishaps.happens("answer_late"):
            self._later([event], self._mishaps.seconds("late_s_max"))
            return False
        return True

    def _breaks(self, channel: str) -> None:
        self._down.add(channel)
        self._later([LinkDown(venue=self.name, channel=channel, reason="a fault of the plan")], 0.0)
        down_s = chance.stream(f"testing/faults/{channel}").uniform(0, self._mishaps.plan.down_s_max)
        asyncio.get_running_loop().call_later(down_s, self._up, channel)

    def _up(self, channel: str) -> None:
        if channel not in self._down or self._hear is None:
            return
        self._down.discard(channel)
        self._tell([LinkUp(venue=self.name, channel=channel, private=channel == "private")])
        if channel == "public":
            for instrument in sorted(self._feeds):
                self.resync(instrument)

    def _later(self, events: Sequence[Event], after_s: float) -> None:
        asyncio.get_running_loop().call_later(after_s, self._tell, events)

    def _tell(self, events: Sequence[Event]) -> None:
        if self._hear is None or (_is_about_us(events) and not self._process.lives()):
            return
        self._hear(events)


def _is_about_us(events: Sequence[Event]) -> bool:
    return any(isinstance(event, OrderEvent) for event in events)
