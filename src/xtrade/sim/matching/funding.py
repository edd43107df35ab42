"""Funding: what the holders of a contract pay each other for holding it.

Each position pays (rate above zero: longs) or receives its value at the mark times the rate. Longs and shorts are
equally many, so the payments cancel but for their rounding: each is cut down to a whole atom, and the atoms that
this leaves over go to the house's rounding purse.
"""

from __future__ import annotations

from fractions import Fraction

from xtrade.model.events import Funding, FundingPaid
from xtrade.model.money import Money
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.state import State

__all__ = ["announce", "pay"]


def announce(state: State, market: Market) -> None:
    """Tell everybody the rate of the running period."""
    terms = market.funding
    assert terms is not None, f"{market.key} has no funding"
    state.tape.publish(
        Funding(
            instrument=market.key,
            venue_ns=state.now_ns,
            rate=terms.rate,
            next_ns=terms.next_ns,
            interval_ns=terms.interval_ns,
        )
    )


def pay(state: State, market: Market) -> None:
    """Settle the period that ends now, and begin the next at the same rate."""
    terms = market.funding
    assert terms is not None, f"{market.key} has no funding"
    rate = Fraction(terms.rate)
    currency = market.settle
    left_over = 0
    for account, holding in state.holders(market):
        # The value of a lot is negative on inverse contracts; who is long pays all the same.
        received = -holding.lots * abs(market.mark_unit) * rate.numerator // rate.denominator
        left_over -= received
        if holding.isolated:
            holding.pot += received
        else:
            account.wallet[currency] += received
        amount = Money(received, currency)
        holding.position = holding.position.after_funding(amount)
        state.touch(account.name, currency)
        state.tape.tell(
            account.name,
            FundingPaid(
                account=account.name,
                venue_ns=state.now_ns,
                instrument=market.key,
                payment_id=f"{market.key}@{terms.next_ns}",
                amount=amount,
                rate=terms.rate,
            ),
        )
    state.house.rounding[currency] += left_over
    terms.next_ns += terms.interval_ns
    announce(state, market)
