"""Margin: what positions and orders tie up, when it is too little, and at which price that will be.

Everything here is asked, nothing is booked. Contracts that settle in one currency share one pool, the wallet of that
currency (cross margin); an isolated position is a pool of its own. A pool's

    equity        its cash and the unrealised profit of its positions at the mark
    maintenance   what its positions must have, bracket by bracket
    excess        equity - maintenance: below zero, the pool is liquidated

What an account may still use is its wallet, less what spot orders hold, less the initial margin of the worst case of
its contract orders, less unrealised losses. Unrealised profit is not spendable before it is realised.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from xtrade.model.money import ATOMS_PER_UNIT
from xtrade.model.numbers import divided
from xtrade.sim.matching.accounts import Account, Holding
from xtrade.sim.matching.rules import MarginTier

__all__ = [
    "Pool",
    "available",
    "bankruptcy_ticks",
    "cross_pool",
    "initial",
    "liquidation_ticks",
    "maintenance",
    "need",
    "pool_of",
    "tied_up",
]

# Above any price that a market can have.
_TICKS_MAX = 2**62


class Pool(NamedTuple):
    """What stands in for a group of positions: all cross positions of one currency, or one isolated position."""

    account: Account
    currency: str
    holdings: tuple[Holding, ...]
    isolated: Holding | None

    @property
    def cash(self) -> int:
        """The money in it."""
        return self.account.wallet[self.currency] if self.isolated is None else self.isolated.pot

    @property
    def equity(self) -> int:
        """What closing everything at the mark would leave."""
        return self.cash + sum(holding.unrealised for holding in self.holdings)

    @property
    def excess(self) -> int:
        """Equity above what must be there; below zero the pool is liquidated."""
        return self.equity - sum(maintenance(holding, holding.value) for holding in self.holdings)


def pool_of(account: Account, holding: Holding) -> Pool:
    """The pool that stands in for a position."""
    currency = holding.market.settle
    return Pool(account, currency, (holding,), holding) if holding.isolated else cross_pool(account, currency)


def cross_pool(account: Account, currency: str) -> Pool:
    """The pool of all cross positions that settle in a currency: the wallet stands in for them."""
    holdings = account.holdings.values()
    cross = (held for held in holdings if held.lots and not held.isolated and held.market.settle == currency)
    return Pool(account, currency, tuple(cross), None)


def available(account: Account, currency: str) -> int:
    """What the account may still use of a currency, in atoms; below zero while losses eat into margin."""
    return account.wallet[currency] - tied_up(account, currency)


def tied_up(account: Account, currency: str) -> int:
    """What of the wallet is tied up: spot orders, contract orders and positions, and unrealised losses."""
    needed = unrealised = 0
    for holding in account.holdings.values():
        if holding.market.settle == currency:
            needed += need(holding)
            if not holding.isolated:
                unrealised += holding.unrealised
    return account.held[currency] + needed + max(0, -unrealised)


def need(holding: Holding) -> int:
    """The initial margin of the worst that open orders can make of the position, and the fees on the way there."""
    lots = holding.position.lots
    signed = holding.value if lots > 0 else -holding.value
    worst = max(signed + holding.open_bids, holding.open_asks - signed, abs(signed))
    if not worst:
        return 0
    fees = _ceil((holding.open_bids + holding.open_asks) * Fraction(holding.market.instrument.taker_fee))
    # The pot of an isolated position has left the wallet already.
    own = initial(holding, abs(signed)) if holding.isolated else 0
    return initial(holding, worst) - own + max(0, fees)


def initial(holding: Holding, value: int) -> int:
    """What a position of this value needs to be opened: by its leverage, or by what its bracket allows at most."""
    contract = holding.market.contract
    assert contract is not None, "only contracts are margined"
    for upper, _, leverage_max in _brackets(contract.tiers):
        if upper is None or value <= upper:
            return -(-value // min(holding.leverage, leverage_max))
    raise AssertionError("the last tier has no end")


def maintenance(holding: Holding, value: int) -> int:
    """What a position of this value must have to be kept, bracket by bracket."""
    contract = holding.market.contract
    assert contract is not None, "only contracts are margined"
    total = Fraction(0)
    lower = 0
    for upper, share, _ in _brackets(contract.tiers):
        if upper is None or value <= upper:
            return _ceil(total + (value - lower) * share)
        total += (upper - lower) * share
        lower = upper
    raise AssertionError("the last tier has no end")


def liquidation_ticks(account: Account, holding: Holding) -> int | None:
    """The price at which the pool would be liquidated if only this contract moved; None if there is none."""
    pool = pool_of(account, holding)
    others = pool.equity - holding.unrealised
    others -= sum(maintenance(other, other.value) for other in pool.holdings if other is not holding)

    def left(ticks: int) -> int:
        value = holding.market.value(ticks, holding.lots)
        return others + value - holding.position.cost.atoms - maintenance(holding, abs(value))

    return _break_even(holding, left)


def bankruptcy_ticks(account: Account, holding: Holding, help_atoms: int = 0) -> int | None:
    """The worst price at which closing the position leaves the pool, with `help_atoms`, at or above nothing."""
    pool = pool_of(account, holding)
    others = pool.equity - holding.unrealised + help_atoms

    def left(ticks: int) -> int:
        return others + holding.market.value(ticks, holding.lots) - holding.position.cost.atoms

    return _break_even(holding, left)


def _break_even(holding: Holding, left: Callable[[int], int]) -> int | None:
    """The lowest price for a long, the highest for a short, at which nothing is missing; None if any will, or none."""
    if holding.lots > 0:
        if left(1) >= 0 or left(_TICKS_MAX) < 0:
            return None
        low, high = 1, _TICKS_MAX  # left(low) < 0 <= left(high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if left(middle) >= 0 else (middle, high)
        return high
    if left(1) < 0 or left(_TICKS_MAX) >= 0:
        return None
    low, high = 1, _TICKS_MAX  # left(low) >= 0 > left(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if left(middle) >= 0 else (low, middle)
    return low


@lru_cache(maxsize=256)
def _brackets(tiers: tuple[MarginTier, ...]) -> tuple[tuple[int | None, Fraction, int], ...]:
    return tuple((_atoms(tier.up_to), Fraction(tier.maintenance), tier.leverage_max) for tier in tiers)


def _atoms(amount: Decimal | None) -> int | None:
    return None if amount is None else int(Fraction(amount) * ATOMS_PER_UNIT)


def _ceil(value: Fraction) -> int:
    return divided(value.numerator, value.denominator, toward="up")
