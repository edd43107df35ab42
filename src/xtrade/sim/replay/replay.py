"""Play a tape: `advance` until something wants a decision, read the market, send orders, hear what became of them.

The kernel's memory stays inside; what comes out are integers of the instrument's grid and the model's own events.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from xtrade.model.errors import UsageError, XtradeError, did_you_mean
from xtrade.model.events import Event
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import divided
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.sim.replay import desk, layout
from xtrade.sim.replay.book import ReplayBook
from xtrade.sim.replay.compiled import direct
from xtrade.sim.replay.intents import refusals, style_of
from xtrade.sim.replay.kernel import advance
from xtrade.sim.replay.layout import Fault, Reason, Rows, World
from xtrade.sim.replay.memory import value_unit_atoms, world_for
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.reports import Reports
from xtrade.sim.replay.tape import Happening, Tape

__all__ = ["FAULTS", "Account", "Reason", "Replay"]

FAULTS: Final = {
    Fault.REPORTS_FULL: "more messages are under way than `messages` allows: raise it",
    Fault.FILLS_FULL: "more fills came at once than `fills` allows: raise it",
    Fault.FAR_LEVELS: "the book has more far levels than the tape promised",
    Fault.POSITION_OFF_GRID: "the venue changed its lots so that the position is no whole number of them",
    Fault.OVERFLOW: "the value traded has left 64 bits: count in larger ticks or lots",
}


_FAULT: Final = int(Reason.FAULT)
_REASONS: Final = tuple(Reason(number) for number in range(2 * max(Reason)))
"""Made once: making a flag costs more than most steps do."""


class Account(NamedTuple):
    """What fills did on one instrument: signed lots, and exact money (None where value is no product: inverse)."""

    lots: int
    cash: Money | None
    """Paid (negative) and received for lots, fees apart: `cash + value(lots at a price)` is the profit at it."""
    fees: Money | None
    """Paid; negative is rebates received."""


class Replay:
    """A market that happened once, and an account that is new in it.

    `assumptions` are one for all instruments, or by instrument key. `orders` bounds how many may be open at once,
    `messages` how many may be under way, `fills` how many are kept until they are read.
    """

    def __init__(
        self,
        tape: Tape,
        assumptions: Assumptions | Mapping[str, Assumptions] | None = None,
        *,
        orders: int = 1024,
        messages: int = 4096,
        fills: int = 1 << 16,
        window: int | None = None,
    ) -> None:
        self._tape = tape
        self._places = {key: place for place, key in enumerate(tape.keys)}
        self._assumptions = [self._assumed(assumptions, key) for key in tape.keys]
        self._world: World = world_for(
            tape, self._assumptions, orders=orders, messages=messages, fills=fills, window=window
        )
        self._words: memoryview[int] = self._world.data
        self._address = int(self._world.ctypes.data)
        self._advance = direct(advance, 2)
        self._rows: Rows = tape.rows
        self._live: dict[int, int] = {}
        self._markets = [
            self._words[layout.INSTRUMENTS] + place * layout.INSTRUMENT_WORDS
            for place in range(len(self._places))
        ]
        self._reports = Reports(self._words, tape.instruments)
        self._books = {
            key: ReplayBook(self._words, self._address, place, tape.instruments[place])
            for key, place in self._places.items()
        }

    # -- time -----------------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The local time of the last decision."""
        return self._words[layout.NOW]

    def advance(self, until_ns: int) -> Reason:
        """Play until a watched book or trade, a report on our orders, a notice, `until_ns`, or the end of the tape."""
        reasons = self._advance(self._address, until_ns)
        if reasons & _FAULT:
            fault = Fault(self._words[layout.FAULT])
            raise XtradeError(f"the replay stopped at {self.now_ns} ns: {FAULTS[fault]}")
        return _REASONS[reasons]

    def watch(self, key: str, *, book: bool = False, book_every_ns: int = 0, trades: bool = False) -> None:
        """Wake for changes of a book, at most every `book_every_ns` (a change held back is told then), and trades."""
        desk.watch(self._address, self._place(key), int(book), book_every_ns, int(trades))

    # -- markets --------------------------------------------------------------------------------------------------

    def instrument(self, key: str) -> Instrument:
        """Return the instrument as we know it now."""
        return self.book(key).instrument

    def book(self, key: str) -> ReplayBook:
        """Return the book as we know it, the same object each time."""
        book = self._books.get(key)
        if book is None:
            raise self._unknown(key)
        return book

    def has_changed(self, key: str) -> bool:
        """Say whether the book changed between the last two returns of `advance`."""
        place = self._place(key)
        changed = self._words[self._markets[place] + layout.BOOK_CHANGED]
        if changed != layout.LOOK:
            return changed == layout.YES
        rows = self.heard()
        silent = np.isin(rows["kind"], (Happening.TRADE, Happening.FUNDING))
        return bool(((rows["instrument"] == place) & ~silent).any())

    def heard(self) -> Rows:
        """Return the rows of the tape that were heard between the last two returns of `advance`."""
        return self._rows[self._words[layout.ROWS_WOKEN] : self._words[layout.ROWS_HEARD]]

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(self, intent: OrderIntent) -> None:
        """Send an order; what the venue would refuse on sight is a UsageError."""
        place = self._place(intent.instrument)
        wrong = refusals(intent, self.instrument(intent.instrument))
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
            raise UsageError(f"{len(self._live)} orders are open already: raise `orders`")
        self._live[intent.client_order_id] = order

    def cancel(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel; False (and nothing sent) if the order is known to be done."""
        order = self._live.get(client_order_id)
        return order is not None and desk.cancel(self._address, order, client_order_id)

    def amend(self, client_order_id: ClientOrderId, *, lots: int, ticks: int) -> bool:
        """Ask for these total lots at this price; False (and nothing sent) if the order is known to be done."""
        order = self._live.get(client_order_id)
        return order is not None and desk.amend(self._address, order, client_order_id, ticks, lots)

    def reports(self) -> list[Event]:
        """Return what the last `advance` brought about our orders and account, in order of arrival."""
        found: list[Event] = []
        for number in range(self._words[layout.REPORTS_READ], self._words[layout.REPORTS_FROM]):
            at = (
                self._words[layout.REPORTS] + (number & self._words[layout.REPORT_MASK]) * layout.REPORT_WORDS
            )
            found.append(self._reports.event(at))
            if self._reports.ends_order(at):
                self._live.pop(self._words[at + layout.REPORT_ID], None)
        return found

    def fills(self) -> World:
        """Return and forget the fills that happened at the venues since the last call, one row of words for each.

        The words are named REPORT_… in xtrade.sim.replay.layout. They are told to us later, as reports.
        """
        count = self._words[layout.FILL_COUNT]
        start = self._words[layout.FILLS]
        found: World = self._world[start : start + count * layout.REPORT_WORDS].copy()
        self._world[layout.FILL_COUNT] = 0
        return found.reshape(count, layout.REPORT_WORDS)

    # -- accounts -------------------------------------------------------------------------------------------------

    def account(self, key: str) -> Account:
        """Return what fills did at the venue, whether or not we have heard of all of them yet."""
        place = self._place(key)
        at = self._markets[place]
        versions = self._tape.instruments[place]
        lots = self._words[at + layout.VENUE_LOTS]
        unit = value_unit_atoms(versions)
        if unit == 0:
            return Account(lots, None, None)
        now = versions[0]
        maker, taker = Fraction(now.maker_fee), Fraction(now.taker_fee)
        fees = unit * (
            self._words[at + layout.MAKER_TURNOVER] * maker + self._words[at + layout.TAKER_TURNOVER] * taker
        )
        return Account(
            lots,
            Money(self._words[at + layout.CASH] * unit, now.settle),
            Money(divided(fees.numerator, fees.denominator, toward="nearest"), now.settle),
        )

    def known_lots(self, key: str) -> int:
        """Return the position that our reports add up to."""
        return self._words[self._markets[self._place(key)] + layout.KNOWN_LOTS]

    # -- how ------------------------------------------------------------------------------------------------------

    def _assumed(self, assumptions: Assumptions | Mapping[str, Assumptions] | None, key: str) -> Assumptions:
        if assumptions is None:
            return Assumptions()
        if isinstance(assumptions, Assumptions):
            return assumptions
        for name in assumptions:
            self._place(name)
        return assumptions.get(key, Assumptions())

    def _place(self, key: str) -> int:
        place = self._places.get(key)
        if place is None:
            raise self._unknown(key)
        return place

    def _unknown(self, key: str) -> UsageError:
        return UsageError(f"{key} is not on the tape.{did_you_mean(key, self._places)}")
