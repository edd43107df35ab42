"""A market: one instrument with its book, its sleeping orders, its prices and its counters."""

from __future__ import annotations

from decimal import Decimal
from typing import final

from xtrade.model.errors import NumberError
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.orders import TriggerPrice
from xtrade.sim.matching.book import Book
from xtrade.sim.matching.rules import ContractRules
from xtrade.sim.matching.triggers import Triggers

__all__ = ["FundingTerms", "Market"]


@final
class FundingTerms:
    """The rate of the running period, when it is paid, and how long a period is."""

    __slots__ = ("interval_ns", "next_ns", "rate")

    def __init__(self, rate: Decimal, next_ns: int, interval_ns: int) -> None:
        self.rate = rate
        self.next_ns = next_ns
        self.interval_ns = interval_ns


@final
class Market:
    """One instrument as it is traded here."""

    __slots__ = (
        "base_per_lot",
        "book",
        "contract",
        "funding",
        "index",
        "instrument",
        "key",
        "last_ticks",
        "mark",
        "mark_unit",
        "printed",
        "queue_sequence",
        "sequence",
        "settle",
        "trades",
        "triggers",
        "unit",
    )

    def __init__(self, instrument: Instrument, contract: ContractRules | None) -> None:
        assert (contract is None) == (instrument.kind is Kind.SPOT), (
            "contracts, and only they, have contract rules"
        )
        self.key = instrument.key
        self.contract = contract
        self.book = Book()
        self.triggers = Triggers()
        self.last_ticks: int | None = None
        # Prices traded at since sleeping orders were last looked at.
        self.printed: list[int] = []
        self.mark: Decimal | None = None
        self.mark_unit = 0
        self.index: Decimal | None = None
        self.funding: FundingTerms | None = None
        self.sequence = 0
        self.queue_sequence = 0
        self.trades = 0
        self.use(instrument)

    def use(self, instrument: Instrument) -> None:
        """Trade by this version of the instrument from now on."""
        self.instrument = instrument
        self.settle = instrument.settle
        inverse = instrument.kind is Kind.INVERSE
        self.unit = 0 if inverse else instrument.value(ticks=1, lots=1)
        # An inverse contract holds no countable coins per lot, and nobody asks it.
        self.base_per_lot = 0 if inverse else instrument.base_amount(ticks=1, lots=1).atoms
        if (
            instrument.kind is Kind.SPOT
            and Decimal(self.base_per_lot).scaleb(-24) != instrument.lot * instrument.multiplier
        ):
            raise NumberError(f"{instrument.key}: a lot is not a whole number of atoms of {instrument.base}")
        if self.mark is not None:
            self.set_mark(self.mark)

    def value(self, ticks: int, lots: int) -> int:
        """As Instrument.value: what signed lots at a price are worth in the settlement currency, in atoms."""
        return lots * ticks * self.unit if self.unit else self.instrument.value(ticks=ticks, lots=lots)

    def set_mark(self, mark: Decimal) -> None:
        """Value positions at this price."""
        self.mark = mark
        # What a lot is worth is rounded to an atom; margins and funding are multiples of it, so that they add up.
        self.mark_unit = self.instrument.value_at(mark, 1)

    def reached(self, by: TriggerPrice) -> tuple[int, int] | None:
        """The highest and the lowest whole tick that a kind of price has reached: (rounded down, rounded up)."""
        price = self.mark if by is TriggerPrice.MARK else self.index
        if by is TriggerPrice.LAST:
            return None if self.last_ticks is None else (self.last_ticks, self.last_ticks)
        if price is None:
            return None
        return self.instrument.ticks(price, toward="down"), self.instrument.ticks(price, toward="up")

    @property
    def mark_ticks(self) -> int:
        """The mark on the grid, or the last price where there is no mark."""
        if self.mark is not None:
            return max(1, self.instrument.ticks(self.mark, toward="nearest"))
        return self.last_ticks or 1
