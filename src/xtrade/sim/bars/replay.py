"""Play bars: `advance` until something wants a decision, read the bars, send orders, hear what became of them.

The same surface as xtrade.sim.replay.replay.Replay, as far as bars can answer: one engine drives both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xtrade.model.errors import UsageError, XtradeError, did_you_mean
from xtrade.model.events import Event
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.sim.bars import desk, layout
from xtrade.sim.bars.book import BarBook
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.kernel import advance
from xtrade.sim.bars.layout import World
from xtrade.sim.bars.memory import Assumed, account_of, assumed_of, world_for
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.blocks import address_of
from xtrade.sim.replay.compiled import direct
from xtrade.sim.replay.intents import refusals, style_of
from xtrade.sim.replay.layout import REPORT_ID, REPORT_KIND, REPORT_WORDS, Fault, Reason, Told
from xtrade.sim.replay.replay import Account
from xtrade.sim.replay.reports import Reports

__all__ = ["FAULTS", "BarReplay"]

FAULTS: Final = {
    Fault.REPORTS_FULL: "more was told at once than `messages` allows: raise it",
    Fault.FILLS_FULL: "more fills came at once than `fills` allows: raise it",
    Fault.OVERFLOW: "the value traded has left 64 bits: count in larger ticks or lots",
}

# Making a Reason costs more than playing a bar.
_REASONS: Final = [Reason(number) for number in range(2 * Reason.BAR)]
_FAULT: Final = int(Reason.FAULT)


class BarReplay:
    """Markets of which only bars are known, and an account that is new in them.

    `assumptions` are one for all instruments, or by instrument key. `orders` bounds how many may be open at once,
    `messages` how many requests may wait for an open, `fills` how many are kept until they are read.
    """

    def __init__(
        self,
        bars: BarTape | Bars | Iterable[Bars],
        assumptions: Assumed = None,
        *,
        orders: int = 1024,
        messages: int = 4096,
        fills: int = 1 << 16,
    ) -> None:
        self._tape = bars if isinstance(bars, BarTape) else BarTape.of(bars)
        self._places = {key: place for place, key in enumerate(self._tape.keys)}
        assumed = assumed_of(self._tape, assumptions)
        self._world: World = world_for(self._tape, assumed, orders=orders, messages=messages, fills=fills)
        self._address = address_of(self._world)
        self._advance = direct(advance, 2)
        self._words: memoryview[int] = self._world.data
        self._markets = [
            self._words[layout.MARKETS] + place * layout.MARKET_WORDS for place in range(len(self._places))
        ]
        self._closings = [
            (key, market + layout.JUST_CLOSED, market + layout.CLOSED, self._words[market + layout.FIRST])
            for key, market in zip(self._places, self._markets, strict=True)
        ]
        closes: memoryview[int] = self._tape.columns[layout.CLOSE].data
        self._books = [
            BarBook(self._words, market + layout.CLOSED, closes, each.half_spread_ticks, bars.instrument)
            for market, each, bars in zip(self._markets, assumed, self._tape.bars, strict=True)
        ]
        self._reports = Reports(self._words, self._tape.instruments)
        self._live: dict[int, int] = {}

    # -- time -----------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The time of the last decision."""
        return self._words[layout.NOW]

    def advance(self, until_ns: int) -> Reason:
        """Play until a watched bar closes, a report on our orders, `until_ns`, or the end of the bars."""
        reasons = self._advance(self._address, until_ns)
        if reasons & _FAULT:
            fault = Fault(self._words[layout.FAULT])
            raise XtradeError(f"the replay stopped at {self.now_ns} ns: {FAULTS[fault]}")
        return _REASONS[reasons]

    def watch(self, key: str, *, bars: bool = True) -> None:
        """Wake for the bars of an instrument, as the replay does unless it is told not to."""
        self._words[self._markets[self._place(key)] + layout.WATCHED] = int(bars)

    # -- markets --------------------------------------------------------------------------------------------------

    @property
    def keys(self) -> list[str]:
        """The names of the instruments."""
        return list(self._places)

    def instrument(self, key: str) -> Instrument:
        """Return the instrument."""
        return self._tape.bars[self._place(key)].instrument

    def bars(self, key: str) -> Bars:
        """Return all bars of an instrument, those to come included: look at no row behind the last closed one."""
        return self._tape.bars[self._place(key)]

    def closed(self) -> list[tuple[str, int]]:
        """Return the bars that closed between the last two returns of `advance`: instrument keys and rows of `bars`."""
        words = self._words
        found = []
        for key, just, closed, first in self._closings:
            if words[just]:
                found.append((key, words[closed] - first))
        return found

    def book(self, key: str) -> BarBook:
        """Return the market as the last bar left it, the same object each time."""
        return self._books[self._place(key)]

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, intent: OrderIntent) -> None:
        """Send an order, for the next open to answer; what a venue would refuse on sight is a UsageError."""
        place = self._place(intent.instrument)
        wrong = refusals(intent, self._tape.bars[place].instrument)
        if intent.client_order_id in self._live:
            wrong.append(f"the client order id {intent.client_order_id} is in use")
        if wrong:
            raise UsageError(f"order {intent.client_order_id}: {'; '.join(wrong)}")
        side = layout.BUY if intent.side is Side.BUY else layout.SELL
        ticks = 0 if intent.ticks is None else intent.ticks
        order = desk.place(
            self._address, place, intent.client_order_id, side, int(style_of(intent)), ticks, intent.lots
        )
        if order == 0:
            raise UsageError(
                f"{len(self._live)} orders are open and {self._words[layout.REQUEST_COUNT]} requests wait:"
                " raise `orders` or `messages`"
            )
        self._live[intent.client_order_id] = order

    def cancel(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel; False (and nothing asked) if the order is done."""
        order = self._live.get(client_order_id)
        return order is not None and desk.cancel(self._address, order, client_order_id)

    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        """Ask for these total lots at this price; False (and nothing asked) if the order is done."""
        order = self._live.get(client_order_id)
        return order is not None and desk.amend(self._address, order, client_order_id, ticks, lots)

    def reports(self) -> list[Event]:
        """Return what the last `advance` brought about our orders and account, in the order in which it happened."""
        found: list[Event] = []
        words = self._words
        start = words[layout.REPORTS]
        for at in range(start, start + words[layout.REPORT_COUNT] * REPORT_WORDS, REPORT_WORDS):
            found.append(self._reports.event(at))
            if self._reports.ends_order(at):
                self._live.pop(words[at + REPORT_ID], None)
        return found

    def fills(self) -> World:
        """Return and forget the fills since the last call, one row of words for each.

        The words are named REPORT_… in xtrade.sim.replay.layout.
        """
        return of_kind(drained(self._world), Told.FILLED)

    # -- accounts -------------------------------------------------------------------------------------------------

    def account(self, key: str) -> Account:
        """Return what fills did on an instrument; funding is told by its reports."""
        return account_of(self._tape, self._world, self._place(key))

    def known_lots(self, key: str) -> int:
        """Return the position that our reports add up to."""
        return self._words[self._markets[self._place(key)] + layout.LOTS]

    def _place(self, key: str) -> int:
        place = self._places.get(key)
        if place is None:
            raise UsageError(f"{key} has no bars here.{did_you_mean(key, self._places)}")
        return place


def drained(world: World) -> World:
    """Return and forget the log of a world: fills and funding, one row of words for each."""
    count = int(world[layout.LOG_COUNT])
    start = int(world[layout.LOG])
    found: World = world[start : start + count * REPORT_WORDS].copy()
    world[layout.LOG_COUNT] = 0
    return found.reshape(count, REPORT_WORDS)


def of_kind(log: World, kind: Told) -> World:
    """Return the rows of a log that are of one kind."""
    found: World = log[log[:, REPORT_KIND] == kind]
    return found
