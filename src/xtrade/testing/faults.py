"""What goes wrong between us and a venue, as data; and a venue to which it happens.

    plan = FaultPlan.drawn(seed)
    venue = TroubledVenue(SimulatedVenue(…), plan)
    …
    venue.heal()        from here on nothing goes wrong any more

The venue behind it does what it is asked in full: requests that are lost never reach it, answers that are lost were
given. `reached` counts each fault that really happened: one that never did has tested nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct
from typing_extensions import override

from xtrade.model.errors import ConfigError, Unavailable
from xtrade.model.events import (
    BalanceReport,
    Bar,
    BookDelta,
    BookSnapshot,
    Event,
    Funding,
    LinkDown,
    LinkUp,
    MarkPrice,
    OrderEvent,
    PositionReport,
    Trade,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.runtime import chance
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

__all__ = ["CALM", "FAULTS", "FaultPlan", "TroubledVenue"]

_Answer = TypeVar("_Answer")


class FaultPlan(Struct, frozen=True, kw_only=True):
    """How often each fault happens: a probability for each request, message or question, and its size in seconds."""

    place_lost: float = 0.0
    """An order never arrives, and nobody says so."""
    place_unsent: float = 0.0
    """An order cannot be sent, and that is known."""
    cancel_lost: float = 0.0
    amend_lost: float = 0.0
    answer_lost: float = 0.0
    """A message about our orders never arrives: an acknowledgement, a fill, an end."""
    answer_doubled: float = 0.0
    answer_late: float = 0.0
    """A message about our orders is overtaken by later ones."""
    late_s_max: float = 20.0
    book_lost: float = 0.0
    """A change of a book never arrives: the next one shows the gap."""
    private_down: float = 0.0
    """For each message about our orders: the private stream breaks, and what is told meanwhile is lost."""
    down_s_max: float = 10.0
    question_fails: float = 0.0
    """A question about orders, positions or fills has no answer."""

    def __post_init__(self) -> None:
        for name in FAULTS:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"fault plan: {name} = {getattr(self, name)}: expected a probability")

    @classmethod
    def drawn(cls, seed: int) -> FaultPlan:
        """Draw which faults are on, then how often each happens: a few strong ones find more than all at once."""
        stream = chance.Streams(seed).stream("testing/fault-plan")
        return cls(
            **{
                name: most * stream.choice((0.1, 0.3, 1.0)) if stream.random() < _ON else 0.0
                for name, most in FAULTS.items()
            }
        )

    def without(self, name: str) -> FaultPlan:
        """Return the same plan with one fault off: how a failing plan is made smaller."""
        return msgspec.structs.replace(self, **{name: 0.0})

    @property
    def on(self) -> tuple[str, ...]:
        """The faults that can happen."""
        return tuple(name for name in FAULTS if getattr(self, name) > 0)


_ON: Final = 0.4
FAULTS: Final[Mapping[str, float]] = {
    "place_lost": 0.2,
    "place_unsent": 0.2,
    "cancel_lost": 0.3,
    "amend_lost": 0.3,
    "answer_lost": 0.2,
    "answer_doubled": 0.3,
    "answer_late": 0.2,
    "book_lost": 0.05,
    "private_down": 0.02,
    "question_fails": 0.3,
}
"""Each fault, and how often it happens at the most."""

CALM: Final = FaultPlan()
"""Nothing goes wrong."""


class TroubledVenue(Venue, MarketData, Trading, Account):
    """A venue that is reached over a bad way."""

    def __init__(self, venue: Venue, plan: FaultPlan) -> None:
        self.inner = venue
        self.reached: Counter[str] = Counter()
        """How often each fault happened."""
        self._plan = plan
        self._hear: Hear | None = None
        self._is_down = False
        self._stream = chance.stream(f"testing/faults/{venue.name}")

    def heal(self) -> None:
        """Let nothing go wrong from here on; a stream that is down comes back."""
        self._plan = CALM
        self._up()

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

    @property
    @override
    def opened_ns(self) -> int | None:
        return self._inner_account.opened_ns

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
        self.inner.market.subscribe(instrument, feeds)

    @override
    def resync(self, instrument: str) -> None:
        self.inner.market.resync(instrument)

    @override
    async def book(self, instrument: str, depth: int) -> BookSnapshot:
        return await self.inner.market.book(instrument, depth)

    @override
    async def trades(self, instrument: str, count: int) -> Sequence[Trade]:
        return await self.inner.market.trades(instrument, count)

    @override
    async def bars(self, instrument: str, interval_ns: int, start_ns: int, end_ns: int) -> Sequence[Bar]:
        return await self.inner.market.bars(instrument, interval_ns, start_ns, end_ns)

    @override
    async def mark(self, instrument: str) -> MarkPrice:
        return await self.inner.market.mark(instrument)

    @override
    async def funding(self, instrument: str) -> Funding:
        return await self.inner.market.funding(instrument)

    @override
    async def funding_history(self, instrument: str, start_ns: int, end_ns: int) -> Sequence[SettledFunding]:
        return await self.inner.market.funding_history(instrument, start_ns, end_ns)

    @override
    def place(self, intent: OrderIntent) -> None:
        if self._happens("place_unsent"):
            raise Unavailable(f"{self.name} cannot be reached", venue=self.name, request="place")
        if not self._happens("place_lost"):
            self._inner_trading.place(intent)

    @override
    def cancel(self, client_order_id: ClientOrderId) -> bool:
        return self._happens("cancel_lost") or self._inner_trading.cancel(client_order_id)

    @override
    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        if self._happens("amend_lost"):
            return True
        return self._inner_trading.amend(client_order_id, lots=lots, ticks=ticks)

    @override
    async def cancel_all(self) -> None:
        await self._asked(self._inner_trading.cancel_all())

    @override
    async def open_orders(self) -> Sequence[OrderReport]:
        return await self._asked(self._inner_trading.open_orders())

    @override
    async def order(self, client_order_id: ClientOrderId) -> OrderReport | None:
        return await self._asked(self._inner_trading.order(client_order_id))

    @override
    async def balances(self) -> Sequence[BalanceReport]:
        return await self._asked(self._inner_account.balances())

    @override
    async def positions(self) -> Sequence[PositionReport]:
        return await self._asked(self._inner_account.positions())

    @override
    async def fills(self, since_ns: int) -> Sequence[FillReport]:
        return await self._asked(self._inner_account.fills(since_ns))

    # -- how ------------------------------------------------------------------------------------------------------

    @property
    def _inner_trading(self) -> Trading:
        assert self.inner.trading is not None, "worlds are made of venues that trade"
        return self.inner.trading

    @property
    def _inner_account(self) -> Account:
        assert self.inner.account is not None, "worlds are made of venues that trade"
        return self.inner.account

    async def _asked(self, question: Awaitable[_Answer]) -> _Answer:
        """Ask; the question may arrive, and its answer be lost."""
        answer = await question
        if self._happens("question_fails"):
            raise Unavailable(f"{self.name} does not answer", venue=self.name, request="question")
        return answer

    def _heard(self, events: Sequence[Event]) -> None:
        passed = [event for event in events if self._passes(event)]
        if passed:
            self._tell(passed)

    def _passes(self, event: Event) -> bool:
        if isinstance(event, BookDelta):
            return not self._happens("book_lost")
        if not isinstance(event, OrderEvent):
            return True
        if self._is_down or self._happens("answer_lost"):
            return False
        if self._happens("private_down"):
            self._down()
            return False
        if self._happens("answer_doubled"):
            self._later([event], self._stream.uniform(0, self._plan.late_s_max))
        if self._happens("answer_late"):
            self._later([event], self._stream.uniform(0, self._plan.late_s_max))
            return False
        return True

    def _happens(self, name: str) -> bool:
        likely: float = getattr(self._plan, name)
        happens = likely > 0 and self._stream.random() < likely
        self.reached[name] += happens
        return happens

    def _down(self) -> None:
        self._is_down = True
        self._later([LinkDown(venue=self.name, channel="private", reason="a fault of the plan")], 0.0)
        asyncio.get_running_loop().call_later(self._stream.uniform(0, self._plan.down_s_max), self._up)

    def _up(self) -> None:
        if self._is_down:
            self._is_down = False
            self._tell([LinkUp(venue=self.name, channel="private")])

    def _later(self, events: Sequence[Event], after_s: float) -> None:
        asyncio.get_running_loop().call_later(after_s, self._tell, events)

    def _tell(self, events: Sequence[Event]) -> None:
        if self._hear is not None:
            self._hear(events)
