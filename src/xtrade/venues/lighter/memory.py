"""What the venue has told and later requests need: a codec's only memory, and no order depends on it being complete.

prices    a market order must name the worst price that it accepts: a part above or below the last one heard
terms     leverage and margin mode are one setting: who changes one must repeat the other
held      the report of all positions leaves out those that are flat: who was told of one is told that it ended
changes   the venue answers for a change by showing the order changed, not by the number of our request
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from xtrade.model.ids import ClientOrderId

__all__ = ["Change", "MarginTerms", "Memory"]


class MarginTerms(NamedTuple):
    """The initial margin in ten-thousandths (500: leverage of 20), and whether it is the position's own."""

    fraction: int
    isolated: bool


class Change(NamedTuple):
    """Lots and price of an order, and the number of our request for them (0: it was not ours)."""

    lots: int
    ticks: int
    request: int = 0


class Memory:
    """By instrument, and by order."""

    def __init__(self) -> None:
        self.ticks: dict[str, int] = {}
        self.terms: dict[str, MarginTerms] = {}
        self.held: set[str] = set()
        self._asked: dict[ClientOrderId, list[Change]] = {}
        self._shown: dict[ClientOrderId, Change] = {}

    def asked(self, order: ClientOrderId, change: Change) -> None:
        """A change was asked for."""
        self._asked.setdefault(order, []).append(change)

    def refused(self, order: ClientOrderId, request: int) -> None:
        """It will not be made."""
        left = [change for change in self._asked.get(order, ()) if change.request != request]
        self._keep(order, left)

    def shown(self, order: ClientOrderId, now: Change, *, changed: bool) -> Change | None:
        """The venue shows an order; return the change that this tells of, if it tells of one.

        `changed`: it says itself that the order is not as it was entered.
        """
        for place, change in enumerate(self._asked.get(order, ())):
            if change[:2] == now[:2]:
                # Those that were asked for before it are overtaken; if they were made, then not for long.
                self._keep(order, self._asked[order][place + 1 :])
                self._shown[order] = now
                return change
        before = self._shown.get(order)
        if not changed or (before is not None and before[:2] == now[:2]):
            return None
        self._shown[order] = now
        return now

    def ended(self, order: ClientOrderId) -> None:
        """An order is over."""
        self._asked.pop(order, None)
        self._shown.pop(order, None)

    @property
    def open_changes(self) -> Mapping[ClientOrderId, list[Change]]:
        """What was asked for and has not been seen."""
        return self._asked

    def _keep(self, order: ClientOrderId, changes: list[Change]) -> None:
        if changes:
            self._asked[order] = changes
        else:
            self._asked.pop(order, None)
