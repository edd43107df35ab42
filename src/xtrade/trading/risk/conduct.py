"""How strategies and venues conduct themselves: rates, refusals, silence, want of margin. Counted by the gate."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from xtrade.model.events import OrderAccepted, OrderCompleted, OrderEvent, OrderFilled, OrderRejected
from xtrade.model.orders import OrderIntent
from xtrade.trading.exposure import account_of
from xtrade.trading.risk.situation import Refusal

__all__ = ["MARGIN_CODES", "Conduct", "MarginFailures", "Refused"]

SECOND: Final = 1_000_000_000
PAUSE_NS: Final = 60 * SECOND
"""Who has not asked for so long has stopped asking."""

MARGIN_CODES: Final = frozenset({"insufficient_margin", "insufficient_balance", "insufficient_funds"})
"""How codecs name a refusal for want of margin, whatever the venue calls it."""


class Refused(NamedTuple):
    """The last order of a strategy that the gate did not let out."""

    intent: OrderIntent
    refusal: Refusal
    at_ns: int


class Conduct:
    """What one strategy did lately, and what came of it."""

    __slots__ = (
        "_asking_since_ns",
        "_canceled_ns",
        "_sent_ns",
        "asked_ns",
        "refused",
        "refused_by",
        "sent_ns",
    )

    def __init__(self) -> None:
        self._sent_ns: deque[int] = deque()
        self._canceled_ns: deque[int] = deque()
        self.asked_ns: int | None = None
        """When it last wanted an order."""
        self.sent_ns: int | None = None
        """When one was last let out."""
        self._asking_since_ns: int | None = None
        self.refused: Refused | None = None
        self.refused_by: Counter[str] = Counter()
        """How often each rule said no."""

    def asked(self, now_ns: int) -> None:
        """It wants an order."""
        if self._asking_since_ns is None or self.asked_ns is None or now_ns - self.asked_ns > PAUSE_NS:
            self._asking_since_ns = now_ns
        self.asked_ns = now_ns

    def was_refused(self, intent: OrderIntent, refusal: Refusal, now_ns: int) -> None:
        """The gate said no."""
        self.refused = Refused(intent, refusal, now_ns)
        self.refused_by[refusal.rule] += 1

    def sent(self, now_ns: int) -> None:
        """An order, or a change of one, was let out."""
        self.sent_ns = now_ns
        self._sent_ns.append(now_ns)

    def canceled(self, now_ns: int) -> None:
        """A cancel was let out."""
        self._canceled_ns.append(now_ns)

    def sent_last_second(self, now_ns: int) -> int:
        """Return how many orders and changes were let out in the second before now."""
        return _last_second(self._sent_ns, now_ns)

    def cancel_due_ns(self, now_ns: int, most: int) -> int | None:
        """Return when the next cancel may go; None for now."""
        if _last_second(self._canceled_ns, now_ns) < most:
            return None
        return self._canceled_ns[-most] + SECOND

    def asking_in_vain_since(self, now_ns: int) -> int | None:
        """Return since when it has been asking, without long pauses, and no order was accepted; None if it is not."""
        if self.asked_ns is None or now_ns - self.asked_ns > PAUSE_NS:
            return None
        return self._asking_since_ns

    def heard(self, event: OrderEvent) -> None:
        """The venue told something about one of its orders."""
        if isinstance(event, OrderAccepted | OrderFilled | OrderCompleted):
            self._asking_since_ns = None


class MarginFailures:
    """Refusals for want of margin in a row, by account: any order that is accepted ends the row."""

    def __init__(self) -> None:
        self.in_a_row: Counter[str] = Counter()

    def heard(self, instrument: str, event: OrderEvent) -> None:
        """A venue told something about an order."""
        match event:
            case OrderRejected(code=code) if code in MARGIN_CODES:
                self.in_a_row[account_of(instrument)] += 1
            case OrderAccepted() | OrderFilled():
                self.in_a_row.pop(account_of(instrument), None)
            case _:
                pass


def _last_second(times_ns: deque[int], now_ns: int) -> int:
    while times_ns and times_ns[0] <= now_ns - SECOND:
        times_ns.popleft()
    return len(times_ns)
