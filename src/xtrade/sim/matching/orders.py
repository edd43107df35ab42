"""An order as the exchange keeps it, from the door to its end."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, final

from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.sim.matching.rules import SelfTrade

__all__ = ["OpenOrder", "Order"]


@final
class Order:
    """One live order. It changes as it trades; others are shown an OpenOrder."""

    __slots__ = (
        "account",
        "client_order_id",
        "filled",
        "forced",
        "hold",
        "intent",
        "lots",
        "maker_rate",
        "number",
        "resting",
        "self_trade",
        "side",
        "sleeping",
        "taker_rate",
        "ticks",
        "trail_best",
        "venue_order_id",
    )

    def __init__(
        self,
        *,
        number: int,
        account: str,
        intent: OrderIntent,
        self_trade: SelfTrade,
        maker_rate: Fraction,
        taker_rate: Fraction,
        forced: bool = False,
    ) -> None:
        self.number = number
        self.venue_order_id = str(number)
        self.account = account
        self.intent = intent
        self.client_order_id: ClientOrderId = intent.client_order_id
        self.side: Side = intent.side
        self.self_trade = self_trade
        # The tier at placement counts for the order's whole life, so that what is held for its fee is enough.
        self.maker_rate = maker_rate
        self.taker_rate = taker_rate
        self.forced = forced
        self.lots = intent.lots
        self.ticks = intent.ticks or 0
        self.filled = 0
        self.hold = 0
        self.resting = False
        self.sleeping = False
        self.trail_best: int | None = None

    @property
    def remaining(self) -> int:
        """What may still trade."""
        return self.lots - self.filled

    def shown(self) -> OpenOrder:
        """The order as others may keep it."""
        return OpenOrder(
            account=self.account,
            venue_order_id=self.venue_order_id,
            intent=self.intent,
            lots=self.lots,
            filled=self.filled,
            ticks=self.ticks or None,
            sleeping=self.sleeping,
        )


class OpenOrder(NamedTuple):
    """One open order, as it stood when it was asked for: quantity and price in force, and what has traded."""

    account: str
    venue_order_id: str
    intent: OrderIntent
    lots: int
    filled: int
    ticks: int | None
    sleeping: bool
