"""Positions: what we hold of one instrument, what it cost, and what it has earned, exactly.

A position is a fold over fills and funding. Every figure is a whole number of atoms of the settlement currency, on
spot, linear and inverse contracts alike, and at every moment

    realised + unrealised(mark)  =  what closing everything at `mark` would leave, fees and funding apart

to the last atom: what rounding there is sits between realised and cost, and is gone when the position is flat. The
cost of what is closed is its share of the average cost, rounded once to the nearest atom; the rest stays with what
remains open. Fees and funding are kept apart, in the currencies they were paid in.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from xtrade.model.errors import NumberError
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import ATOMS_PER_UNIT, Money, added
from xtrade.model.numbers import Number, divided, product

__all__ = ["Position"]

# Entry prices are ratios and may never end; people are shown this many digits below the tick.
_ENTRY_DIGITS = 6


class Position(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What we hold of one instrument: `lots` (negative: short), and `cost`, the value they were opened at.

    The cost has the sign of the position's value: a long costs a positive amount on spot and linear contracts; on
    inverse contracts, whose value is minus coins, signs are the other way round.
    """

    instrument: str
    instrument_version: int
    cost: Money
    realised: Money
    lots: int = 0
    fees: tuple[Money, ...] = ()
    """Paid, by currency; negative is rebates received."""
    funding: tuple[Money, ...] = ()
    """Received, by currency; negative is paid."""

    @classmethod
    def flat(cls, instrument: Instrument) -> Position:
        """Return the position before the first fill."""
        nothing = Money(0, instrument.settle)
        return cls(
            instrument=instrument.key, instrument_version=instrument.version, cost=nothing, realised=nothing
        )

    def after_fill(self, instrument: Instrument, fill: Fill) -> Position:
        """Return the position after one more fill: opened, added to, reduced, closed or flipped."""
        self._check(instrument)
        assert fill.lots > 0, "a fill has lots"
        signed = fill.signed_lots
        closing = 0 if self.lots * signed >= 0 else max(-abs(self.lots), -abs(signed)) * _sign(self.lots)
        value = instrument.value(ticks=fill.ticks, lots=signed)
        closing_value = instrument.value(ticks=fill.ticks, lots=closing) if closing else 0
        released = divided(self.cost.atoms * -closing, self.lots, toward="nearest") if closing else 0
        return replace(
            self,
            lots=self.lots + signed,
            cost=Money(self.cost.atoms - released + value - closing_value, self.cost.currency),
            realised=Money(self.realised.atoms - closing_value - released, self.realised.currency),
            fees=self.fees if fill.fee is None else added(self.fees, (fill.fee,)),
        )

    def after_fee(self, fee: Money) -> Position:
        """Return the position after a fee that became known later than its fill."""
        return replace(self, fees=added(self.fees, (fee,)))

    def after_funding(self, amount: Money) -> Position:
        """Return the position after a funding payment: positive was received, negative was paid."""
        return replace(self, funding=added(self.funding, (amount,)))

    def unrealised(self, instrument: Instrument, mark: Number) -> Money:
        """Return what closing everything at `mark` would add to realised."""
        self._check(instrument)
        if not self.lots:
            return Money(0, self.cost.currency)
        return Money(instrument.value_at(mark, self.lots) - self.cost.atoms, self.cost.currency)

    def entry_price(self, instrument: Instrument) -> Decimal | None:
        """Return the average entry price, to six digits below the tick; None when flat."""
        exact = self.entry(instrument)
        if exact is None:
            return None
        step = product(1, instrument.tick).scaleb(-_ENTRY_DIGITS)
        return product(round(exact / Fraction(step)), step)

    def entry(self, instrument: Instrument) -> Fraction | None:
        """Return the average entry price as the exact ratio that the books imply; None when flat."""
        self._check(instrument)
        if not self.lots:
            return None
        face = self.lots * Fraction(instrument.lot) * Fraction(instrument.multiplier) * ATOMS_PER_UNIT
        if instrument.kind is Kind.INVERSE:
            return -face / self.cost.atoms
        return self.cost.atoms / face

    def regridded(self, old: Instrument, new: Instrument) -> Position:
        """Restate the lots after the venue changed lot or contract size: the same holding, or a NumberError."""
        self._check(old)
        assert (new.key, new.kind, new.settle) == (old.key, old.kind, old.settle), "another market altogether"
        lots = (
            self.lots
            * Fraction(old.lot)
            * Fraction(old.multiplier)
            / Fraction(new.lot)
            / Fraction(new.multiplier)
        )
        if lots.denominator != 1:
            raise NumberError(
                f"{self.instrument}: {self.lots} lots of version {old.version} are {float(lots):g} lots of version"
                f" {new.version}: the position cannot be restated exactly"
            )
        return replace(self, lots=lots.numerator, instrument_version=new.version)

    def _check(self, instrument: Instrument) -> None:
        assert instrument.key == self.instrument, f"{instrument.key} is not {self.instrument}"
        assert instrument.version == self.instrument_version, (
            f"{self.instrument}: regrid to the new version first"
        )


def _sign(lots: int) -> int:
    return 1 if lots > 0 else -1
