"""Who holds what: a position for each strategy and instrument, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

from xtrade.model.events import FundingPaid
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.order_state import Change
from xtrade.model.positions import Position

__all__ = ["Portfolio"]


class Portfolio:
    """The positions of several strategies that may trade the same instruments."""

    def __init__(self) -> None:
        self._positions: dict[tuple[str, str], Position] = {}
        self._instruments: dict[str, Instrument] = {}
        self._paid: set[tuple[str, str, str]] = set()

    def copy(self) -> Portfolio:
        """Return the same, to be kept by somebody else."""
        other = Portfolio()
        other._positions, other._instruments = dict(self._positions), dict(self._instruments)
        other._paid = set(self._paid)
        return other

    @classmethod
    def of(
        cls,
        instruments: Iterable[Instrument],
        positions: Iterable[tuple[str, Position]],
        paid: Iterable[tuple[str, str, str]],
    ) -> Self:
        """Put together what `instruments`, `all` and `paid` told of another one; positions keep their order."""
        found = cls()
        found._instruments = {instrument.key: instrument for instrument in instruments}
        found._positions = {(strategy, position.instrument): position for strategy, position in positions}
        found._paid = set(paid)
        return found

    @property
    def paid(self) -> frozenset[tuple[str, str, str]]:
        """The funding payments that were booked: account, instrument and the venue's id of each."""
        return frozenset(self._paid)

    def position(self, strategy: str, instrument: Instrument) -> Position:
        """Return what a strategy holds of an instrument."""
        self.follow(instrument)
        found = self._positions.get((strategy, instrument.key))
        return Position.flat(instrument) if found is None else found

    def instrument(self, key: str) -> Instrument:
        """Return an instrument that was traded, in the version that its positions are in."""
        return self._instruments[key]

    def lots(self, strategy: str, key: str) -> int:
        """Return what a strategy holds of an instrument, in signed lots."""
        found = self._positions.get((strategy, key))
        return 0 if found is None else found.lots

    def total_lots(self, key: str) -> int:
        """Return what all strategies hold of an instrument together, in signed lots."""
        return sum(position.lots for (_, held), position in self._positions.items() if held == key)

    def all(self) -> Mapping[tuple[str, str], Position]:
        """Return every position by (strategy, instrument), flat ones included."""
        return self._positions

    def book(self, strategy: str, instrument: Instrument, change: Change) -> None:
        """Book what an event did to an order of a strategy: a fill, one taken back, a fee that came late."""
        position = self.position(strategy, instrument)
        if change.unbooked is not None:
            position = position.after_fill(instrument, change.unbooked.undone)
        if change.booked is not None:
            position = position.after_fill(instrument, change.booked)
        if change.fee is not None:
            position = position.after_fee(change.fee)
        self._positions[strategy, instrument.key] = position

    def shares(self, paid: FundingPaid) -> dict[str, Money]:
        """Return who gets, or pays, how much of a funding payment: by what each one holds of the instrument.

        The shares add up to the atom: what rounding leaves goes to the largest holder. Where what is held adds up to
        nothing (it was closed meanwhile) the first who ever traded it is charged: money never disappears.
        """
        holders = [
            (strategy, position.lots)
            for (strategy, key), position in self._positions.items()
            if key == paid.instrument
        ]
        total = sum(lots for _, lots in holders)
        if not holders:
            return {}
        if total == 0:
            return {holders[0][0]: paid.amount}
        atoms = {strategy: paid.amount.atoms * lots // total for strategy, lots in holders if lots}
        largest = max(holders, key=lambda holder: abs(holder[1]))[0]
        atoms[largest] += paid.amount.atoms - sum(atoms.values())
        return {strategy: Money(share, paid.amount.currency) for strategy, share in atoms.items()}

    def pay(self, paid: FundingPaid) -> dict[str, Money]:
        """Book a funding payment; return the shares. One that was booked before, by its id, has none."""
        name = paid.account, paid.instrument, paid.payment_id
        if paid.payment_id:
            if name in self._paid:
                return {}
            self._paid.add(name)
        shares = self.shares(paid)
        for strategy, share in shares.items():
            position = self._positions[strategy, paid.instrument]
            self._positions[strategy, paid.instrument] = position.after_funding(share)
        return shares

    def forget(self, account: str) -> None:
        """Let go of what was held and earned in an account that began anew."""
        for strategy, key in list(self._positions):
            if key.partition(":")[0] == account:
                del self._positions[strategy, key]

    def follow(self, instrument: Instrument) -> None:
        """Restate positions in the lots of a new version of their instrument."""
        old = self._instruments.get(instrument.key)
        self._instruments[instrument.key] = instrument
        if old is None or old.version == instrument.version:
            return
        for (strategy, key), position in self._positions.items():
            if key == instrument.key:
                self._positions[strategy, key] = position.regridded(old, instrument)
