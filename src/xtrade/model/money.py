"""Money: an exact amount of one currency, counted in atoms.

One atom is 10^-24 of a currency, of every currency: fine enough that the value of one lot at one tick is a whole
number of atoms on every market we know of (docs/decisions/0001-money-is-counted-in-atoms.md), so PnL, fees and
funding are sums of integers and nothing drifts. People and wires see decimals: "1.5 USDT".
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Final, final

from typing_extensions import override

from xtrade.model.errors import NumberError
from xtrade.model.numbers import Number, number, plain, steps

__all__ = ["ATOM", "ATOMS_PER_UNIT", "Money", "added", "in_atoms"]

ATOM: Final = Decimal("1e-24")
ATOMS_PER_UNIT: Final = 10**24
# What is written can be read again: as many digits as a wire number may have.
_ATOMS_MAX: Final = 10**60 - 1
_PLACES: Final = 24
_DIGITS_PLAIN: Final = 40


@final
class Money:
    """An exact amount of one currency. Amounts of different currencies are never added: that is a TypeError."""

    __slots__ = ("atoms", "currency")

    atoms: int
    currency: str

    def __init__(self, atoms: int, currency: str) -> None:
        if type(atoms) is not int:
            raise TypeError(
                f"money is a whole number of atoms, not {atoms!r}: for a decimal amount use Money.of"
            )
        if not -_ATOMS_MAX <= atoms <= _ATOMS_MAX:
            raise NumberError(
                f"an amount of {len(str(abs(atoms))) - 24} digits of {currency} is out of range"
            )
        object.__setattr__(self, "atoms", atoms)
        object.__setattr__(self, "currency", currency)

    @classmethod
    def of(cls, amount: Number, currency: str) -> Money:
        """Return `amount` of a currency, exactly, or raise NumberError."""
        return cls(steps(number(amount), ATOM), currency)

    @classmethod
    def parse(cls, text: str) -> Money:
        """Read what `str` writes: "1.5 USDT"."""
        amount, _, currency = text.partition(" ")
        if not currency or currency.strip() != currency:
            raise NumberError(
                f"{text!r} is not an amount: expected a number, a space and a currency, as in '1.5 USDT'"
            )
        whole, _, fraction = amount.partition(".")
        digits = whole.removeprefix("-") + fraction
        if (
            len(digits) <= _DIGITS_PLAIN
            and len(fraction) <= _PLACES
            and digits.isascii()
            and digits.isdigit()
        ):
            # As `str` writes it. A journal has several in each fill, and a Decimal takes three times as long.
            return cls(int(whole + fraction) * 10 ** (_PLACES - len(fraction)), currency)
        return cls.of(amount, currency)

    @property
    def amount(self) -> Decimal:
        """The amount as people write it."""
        return Decimal(f"{self.atoms}E-24")

    @override
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("money does not change: make a new amount")

    @override
    def __delattr__(self, name: str) -> None:
        raise AttributeError("money does not change: make a new amount")

    def __add__(self, other: Money) -> Money:
        return Money(self.atoms + self._same_currency(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.atoms - self._same_currency(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.atoms, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.atoms < self._same_currency(other)

    def __le__(self, other: Money) -> bool:
        return self.atoms <= self._same_currency(other)

    def __bool__(self) -> bool:
        return self.atoms != 0

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.atoms == other.atoms and self.currency == other.currency

    @override
    def __hash__(self) -> int:
        return hash((self.atoms, self.currency))

    @override
    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.currency}"

    @override
    def __repr__(self) -> str:
        return f"Money({str(self)!r})"

    @override
    def __reduce__(self) -> tuple[type[Money], tuple[int, str]]:
        return (Money, (self.atoms, self.currency))

    def _same_currency(self, other: Money) -> int:
        if self.currency != other.currency:
            raise TypeError(f"cannot put {other} and {self} together: convert one first")
        return other.atoms


@lru_cache(maxsize=1_024)
def in_atoms(amount: Decimal) -> int:
    """Return an amount in atoms, exactly; one that is asked for again and again, as a limit is, is converted once."""
    return steps(number(amount), ATOM)


def added(purse: tuple[Money, ...], amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Add amounts to a purse of several currencies: one entry for each, sorted by name, empty ones left out."""
    totals = {held.currency: held for held in purse}
    for money in amounts:
        held = totals.get(money.currency)
        totals[money.currency] = money if held is None else held + money
    return tuple([totals[currency] for currency in sorted(totals) if totals[currency].atoms])
