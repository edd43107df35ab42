"""The kernel's reports as the model's events: what it told in words (xtrade.sim.replay.layout, REPORT_…)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from xtrade.model.events import (
    AmendRejected,
    CancelRejected,
    Event,
    FundingPaid,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.numbers import divided, product
from xtrade.model.sides import Side
from xtrade.sim.replay import layout
from xtrade.sim.replay.layout import Told
from xtrade.sim.replay.tape import RATE_UNIT

__all__ = ["Reports"]


class Reports:
    """Reads reports out of a kernel's words; `instruments` has the versions of each, by place."""

    def __init__(self, words: memoryview[int], instruments: Sequence[Sequence[Instrument]]) -> None:
        self._words = words
        self._instruments = instruments
        self._answered: Counter[tuple[int, str]] = Counter()
        self._trades = 0

    def event(self, at: int) -> Event:
        """Read one report as the model's event."""
        words = self._words
        kind = _TOLD[words[at + layout.REPORT_KIND]]
        place = words[at + layout.REPORT_INSTRUMENT]
        instrument = self._instruments[place][words[at + layout.REPORT_VERSION]]
        received_ns, venue_ns = words[at + layout.REPORT_NS], words[at + layout.REPORT_VENUE_NS]
        ticks, lots = words[at + layout.REPORT_TICKS], words[at + layout.REPORT_LOTS]
        if kind is Told.FUNDING:
            held = words[at + layout.REPORT_LEFT]
            return _funding(instrument, received_ns, venue_ns, ticks=ticks, rate=lots, held=held)
        name = ClientOrderId(words[at + layout.REPORT_ID])
        return self._order_event(kind, name, received_ns, venue_ns, ticks, lots, at, instrument)

    def ends_order(self, at: int) -> bool:
        """Say whether a report is the last of its order."""
        kind = self._words[at + layout.REPORT_KIND]
        return kind in _DONE or (kind == Told.FILLED and self._words[at + layout.REPORT_LEFT] == 0)

    def _order_event(
        self,
        kind: Told,
        name: ClientOrderId,
        received_ns: int,
        venue_ns: int,
        ticks: int,
        lots: int,
        at: int,
        instrument: Instrument,
    ) -> OrderEvent:
        match kind:
            case Told.ACCEPTED:
                return OrderAccepted(client_order_id=name, received_ns=received_ns, venue_ns=venue_ns)
            case Told.FILLED:
                maker = bool(self._words[at + layout.REPORT_MAKER])
                self._trades += 1
                fill = Fill(
                    trade_id=f"replay-{self._trades}",
                    side=Side.BUY if self._words[at + layout.REPORT_SIDE] == layout.BUY else Side.SELL,
                    ticks=ticks,
                    lots=lots,
                    fee=instrument.expected_fee(ticks=ticks, lots=lots, maker=maker),
                    maker=maker,
                    venue_ns=venue_ns,
                )
                return OrderFilled(
                    client_order_id=name, received_ns=received_ns, venue_ns=venue_ns, fill=fill
                )
            case Told.CANCELED:
                return OrderCanceled(
                    client_order_id=name, received_ns=received_ns, venue_ns=venue_ns, cumulative_lots=lots
                )
            case Told.EXPIRED:
                return OrderExpired(
                    client_order_id=name, received_ns=received_ns, venue_ns=venue_ns, cumulative_lots=lots
                )
            case Told.AMENDED | Told.RESTATED:
                return OrderAmended(
                    client_order_id=name,
                    received_ns=received_ns,
                    venue_ns=venue_ns,
                    lots=lots,
                    ticks=ticks,
                    request=self._answer(name, "amend") if kind is Told.AMENDED else None,
                )
            case Told.CANCEL_REJECTED:
                return CancelRejected(
                    client_order_id=name,
                    received_ns=received_ns,
                    venue_ns=venue_ns,
                    request=self._answer(name, "cancel"),
                    reason=_GONE,
                )
            case Told.AMEND_REJECTED:
                return AmendRejected(
                    client_order_id=name,
                    received_ns=received_ns,
                    venue_ns=venue_ns,
                    request=self._answer(name, "amend"),
                    reason=_GONE,
                )
            case _:
                return OrderRejected(
                    client_order_id=name, received_ns=received_ns, venue_ns=venue_ns, reason=_REFUSED[kind]
                )

    def _answer(self, name: ClientOrderId, request: str) -> int:
        """Number the answers to our requests: on one connection they come in the order of the requests."""
        self._answered[name, request] += 1
        return self._answered[name, request]


_TOLD: Final = tuple(Told)
_DONE: Final = {Told.CANCELED, Told.EXPIRED, Told.WOULD_TAKE, Told.BOOK_UNKNOWN, Told.OLD_GRID}
_GONE: Final = "the venue has no such open order, or cannot change it now"
_REFUSED: Final = {
    Told.WOULD_TAKE: "a post-only order would have taken",
    Told.BOOK_UNKNOWN: "the book is unknown: the feed has a gap here",
    Told.OLD_GRID: "the venue changed the instrument while the order was on its way",
}


def _funding(
    instrument: Instrument, received_ns: int, venue_ns: int, *, ticks: int, rate: int, held: int
) -> FundingPaid:
    """Turn a settlement into money: longs pay a positive rate on what the position is worth at the price."""
    exact = product(rate, RATE_UNIT)
    worth = -abs(instrument.value(ticks=ticks, lots=held)) * (1 if held > 0 else -1) * Fraction(exact)
    return FundingPaid(
        account=instrument.venue,
        received_ns=received_ns,
        venue_ns=venue_ns,
        instrument=instrument.key,
        payment_id=f"replay-{instrument.key}-{venue_ns}",
        amount=Money(divided(worth.numerator, worth.denominator, toward="nearest"), instrument.settle),
        rate=exact,
    )
