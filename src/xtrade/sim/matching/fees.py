"""Fees: the rates an account trades at, and what a trade costs it.

A fee, and a rebate, is cut to a whole atom toward zero. So the fees on the parts of an order never add up to more
than what was held for the whole of it.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from xtrade.model.instruments import Instrument
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.sim.matching.accounts import Account
from xtrade.sim.matching.margin import available
from xtrade.sim.matching.rules import VenueRules
from xtrade.sim.matching.state import State

__all__ = ["charge", "count_volume", "fee_on", "fee_rates"]

# Making a Fraction costs as much as matching an order, and there are few rates.
ratio = lru_cache(maxsize=1024)(Fraction)

DAY_NS = 86_400_000_000_000
_DAYS = 30


def fee_rates(
    rules: VenueRules, account: Account, instrument: Instrument, now_ns: int
) -> tuple[Fraction, Fraction]:
    """Return the maker and taker rate of an account today: by its volume of the 30 days before."""
    if not rules.fee_tiers:
        return ratio(instrument.maker_fee), ratio(instrument.taker_fee)
    today = now_ns // DAY_NS
    volume = sum(atoms for day, atoms in account.volume.items() if today - _DAYS <= day < today)
    tier = max(
        (tier for tier in rules.fee_tiers if Fraction(tier.volume) * ATOMS_PER_UNIT <= volume),
        key=lambda tier: tier.volume,
    )
    return ratio(tier.maker), ratio(tier.taker)


def count_volume(rules: VenueRules, account: Account, notional: Money, now_ns: int) -> None:
    """Add a trade to the volume of the day, and forget the days that count no more."""
    if not rules.fee_tiers or notional.currency not in rules.volume_in:
        return
    today = now_ns // DAY_NS
    if today not in account.volume:
        for day in [day for day in account.volume if day < today - _DAYS]:
            del account.volume[day]
    account.volume[today] += notional.atoms


def fee_on(atoms: int, rate: Fraction) -> int:
    """The fee on an unsigned amount, cut to a whole atom toward zero; negative is a rebate."""
    whole = atoms * abs(rate.numerator) // rate.denominator
    return whole if rate.numerator >= 0 else -whole


def charge(state: State, account: Account, fee: Money) -> Money:
    """Move a fee from the wallet to the house, in the fee token if the account likes and can; return what was paid."""
    paid = _in_token(state, account, fee) or fee
    account.wallet[paid.currency] -= paid.atoms
    state.house.fees[paid.currency] += paid.atoms
    return paid


def _in_token(state: State, account: Account, fee: Money) -> Money | None:
    token = state.rules.fee_token
    if token is None or not account.fees_in_token or fee.atoms <= 0 or fee.currency == token.currency:
        return None
    price = state.token_prices.get(fee.currency)
    if price is None:
        return None
    atoms = int(fee.atoms * (1 - Fraction(token.discount)) / price)
    if atoms > available(account, token.currency):
        return None
    state.touch(account.name, token.currency)
    return Money(atoms, token.currency)
