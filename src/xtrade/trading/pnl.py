"""Profit and loss, by instrument, strategy, venue and account: exact sums of what is booked and what marks make of it.

    lines = statement(portfolio, marks)              # one line for each strategy and instrument
    for total in totals(lines, by="account"): …      # in purses: amounts of different currencies are never added

The worth of what several strategies hold of one instrument is worked out once, for the account, and shared out: the
lines of an account add up to what the account has, to the last atom, on inverse contracts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import ATOMS_PER_UNIT, Money, added
from xtrade.model.numbers import divided
from xtrade.model.positions import Position
from xtrade.trading.exposure import account_of, venue_of
from xtrade.trading.marks import Mark
from xtrade.trading.portfolio import Portfolio

__all__ = ["By", "Line", "Total", "shared_worth", "statement", "totals"]

By: TypeAlias = Literal["strategy", "instrument", "venue", "account", "all"]


class Line(NamedTuple):
    """One strategy on one instrument."""

    strategy: str
    instrument: Instrument
    position: Position
    mark: Mark | None
    unrealised: Money | None
    """What closing at the mark would add to realised; None while something is held and no mark is known."""

    @property
    def earned(self) -> tuple[Money, ...] | None:
        """Realised, unrealised and funding less fees, by currency; None where the worth is not known."""
        if self.unrealised is None:
            return None
        position = self.position
        paid = tuple(-fee for fee in position.fees)
        return added((), (position.realised, self.unrealised, *position.funding, *paid))


class Total(NamedTuple):
    """The sum of some lines, by currency."""

    name: str
    realised: tuple[Money, ...]
    unrealised: tuple[Money, ...]
    fees: tuple[Money, ...]
    funding: tuple[Money, ...]
    earned: tuple[Money, ...]
    without_mark: tuple[str, ...]
    """Instruments that are held and could not be valued: their worth is in none of the sums."""


def statement(portfolio: Portfolio, marks: Mapping[str, Mark | None]) -> list[Line]:
    """Return a line for each strategy and instrument that was ever traded, in the order of their names."""
    by_instrument: dict[str, dict[str, Position]] = {}
    for (strategy, key), position in portfolio.all().items():
        by_instrument.setdefault(key, {})[strategy] = position
    found = []
    for key, positions in by_instrument.items():
        instrument, mark = portfolio.instrument(key), marks.get(key)
        worth = (
            None
            if mark is None
            else shared_worth(instrument, mark.price, {name: each.lots for name, each in positions.items()})
        )
        for strategy, position in positions.items():
            if not position.lots:
                unrealised: Money | None = Money(0, instrument.settle)
            elif worth is None:
                unrealised = None
            else:
                unrealised = Money(worth[strategy] - position.cost.atoms, instrument.settle)
            found.append(Line(strategy, instrument, position, mark, unrealised))
    return sorted(found, key=lambda line: (line.strategy, line.instrument.key))


def totals(lines: Iterable[Line], *, by: By) -> list[Total]:
    """Add lines up by what is asked for, in the order of names."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(_name(line, by), []).append(line)
    return [_total(name, groups[name]) for name in sorted(groups)]


def shared_worth(instrument: Instrument, price: Fraction, lots: Mapping[str, int]) -> dict[str, int]:
    """Return what each holder's lots are worth at a price, in atoms; together exactly what all lots are worth.

    What rounding leaves goes to the holders of most.
    """
    atoms = {name: _worth(instrument, price, held) for name, held in lots.items()}
    left = _worth(instrument, price, sum(lots.values())) - sum(atoms.values())
    # A flat holder is worth nothing, whatever rounding leaves; what is left is under half an atom for each holder.
    for name in sorted((name for name in lots if lots[name]), key=lambda name: -abs(lots[name])):
        step = (left > 0) - (left < 0)
        atoms[name] += step
        left -= step
    assert left == 0, "rounding leaves less than an atom for each holder"
    return atoms


def _worth(instrument: Instrument, price: Fraction, lots: int) -> int:
    face = lots * Fraction(instrument.lot) * Fraction(instrument.multiplier) * ATOMS_PER_UNIT
    worth = -face / price if instrument.kind is Kind.INVERSE else face * price
    return divided(worth.numerator, worth.denominator, toward="nearest")


def _name(line: Line, by: By) -> str:
    match by:
        case "strategy":
            return line.strategy
        case "instrument":
            return line.instrument.key
        case "venue":
            return venue_of(line.instrument.key)
        case "account":
            return account_of(line.instrument.key)
        case "all":
            return "all"


def _total(name: str, lines: list[Line]) -> Total:
    realised = added((), (line.position.realised for line in lines))
    unrealised = added((), (line.unrealised for line in lines if line.unrealised is not None))
    fees = added((), (fee for line in lines for fee in line.position.fees))
    funding = added((), (paid for line in lines for paid in line.position.funding))
    return Total(
        name=name,
        realised=realised,
        unrealised=unrealised,
        fees=fees,
        funding=funding,
        earned=added((), (*realised, *unrealised, *funding, *(-fee for fee in fees))),
        without_mark=tuple(sorted({line.instrument.key for line in lines if line.unrealised is None})),
    )
