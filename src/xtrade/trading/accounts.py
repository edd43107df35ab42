"""What venues say of our accounts: balances, positions, margins; the last word of each, and when it came.

Nothing here is added to our own books: it is compared with them. What a venue has not told is not zero.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from xtrade.model.events import AccountEvent, BalanceReport, MarginReport, PositionReport

__all__ = ["Accounts", "Heard", "distance_to_liquidation", "margin_ratio"]


class Heard(NamedTuple):
    """A report about a position, and when it came."""

    report: PositionReport
    at_ns: int


class Accounts:
    """The last word of the venues."""

    def __init__(self) -> None:
        self.positions: dict[str, Heard] = {}
        """By instrument, whose name has the account."""
        self.balances: dict[tuple[str, str], tuple[BalanceReport, int]] = {}
        """By account and currency."""
        self.margins: dict[tuple[str, str | None], tuple[MarginReport, int]] = {}
        """By account, and by instrument where each is margined by itself."""

    def take(self, event: AccountEvent, now_ns: int) -> None:
        """Take in a report; one that the venue made earlier than the last is dropped."""
        match event:
            case PositionReport():
                held = self.positions.get(event.instrument)
                if held is None or _not_older(event, held.report):
                    self.positions[event.instrument] = Heard(event, now_ns)
            case BalanceReport():
                balance = self.balances.get((event.account, event.total.currency))
                if balance is None or _not_older(event, balance[0]):
                    self.balances[event.account, event.total.currency] = event, now_ns
            case MarginReport():
                margin = self.margins.get((event.account, event.instrument))
                if margin is None or _not_older(event, margin[0]):
                    self.margins[event.account, event.instrument] = event, now_ns
            case _:
                pass  # funding is booked by the portfolio


def margin_ratio(report: MarginReport) -> Fraction:
    """Return maintenance over equity: at 1 the venue liquidates. Nothing needed is 0; no equity left is at least 1."""
    needed, equity = report.maintenance.atoms, report.equity.atoms
    if needed <= 0:
        return Fraction(0)
    return Fraction(needed, equity) if equity > 0 else Fraction(max(1, needed))


def distance_to_liquidation(report: PositionReport, mark: Fraction) -> Fraction | None:
    """Return how far the mark may move against a position before it is liquidated, as a share of the mark.

    None where the venue gives no such price; zero or less: it is due.
    """
    if not report.lots or report.liquidation_price is None or report.liquidation_price <= Decimal(0):
        return None
    sign = 1 if report.lots > 0 else -1
    return sign * (mark - Fraction(report.liquidation_price)) / mark


def _not_older(event: AccountEvent, before: AccountEvent) -> bool:
    return event.venue_ns is None or before.venue_ns is None or event.venue_ns >= before.venue_ns
