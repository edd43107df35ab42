"""Accounts: what each trader has, holds and owes, in whole atoms.

A wallet is an amount per currency; `held` is the part of it that the account's resting spot orders would need. What
contracts tie up is not booked anywhere: it moves with the mark, and is asked of `margin` when it matters.
"""

from __future__ import annotations

from collections import defaultdict
from typing import final

from xtrade.model.ids import ClientOrderId
from xtrade.model.positions import Position
from xtrade.model.sides import Side
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.orders import Order

__all__ = ["Account", "Holding", "House"]


@final
class Holding:
    """One account in one contract: its position, how it is margined, and its open orders' value at their prices.

    An isolated position has a pot of its own, taken out of the wallet, and can lose no more than that.
    """

    __slots__ = ("isolated", "leverage", "market", "open_asks", "open_bids", "position", "pot", "reducing")

    def __init__(self, market: Market, leverage: int) -> None:
        self.market = market
        self.position = Position.flat(market.instrument)
        self.leverage = leverage
        self.isolated = False
        self.pot = 0
        self.open_bids = 0
        self.open_asks = 0
        self.reducing: dict[int, Order] = {}

    @property
    def lots(self) -> int:
        """What is held: negative is short."""
        return self.position.lots

    @property
    def unrealised(self) -> int:
        """Profit or loss at the mark, in atoms."""
        return self.position.lots * self.market.mark_unit - self.position.cost.atoms

    @property
    def value(self) -> int:
        """What the position is worth at the mark, in atoms, unsigned."""
        return abs(self.position.lots * self.market.mark_unit)

    def reducible(self, side: Side) -> int:
        """How many lots an order of this side can take off the position."""
        return max(0, -side.sign * self.position.lots)


@final
class Account:
    """One trader's account."""

    __slots__ = ("fees_in_token", "held", "holdings", "name", "orders", "used_ids", "volume", "wallet")

    def __init__(self, name: str) -> None:
        self.name = name
        self.wallet: defaultdict[str, int] = defaultdict(int)
        self.held: defaultdict[str, int] = defaultdict(int)
        self.holdings: dict[str, Holding] = {}
        self.orders: dict[ClientOrderId, Order] = {}
        self.used_ids: set[ClientOrderId] = set()
        self.volume: defaultdict[int, int] = defaultdict(int)
        self.fees_in_token = False

    def holding(self, market: Market) -> Holding:
        """The account's place in a contract, made at first use."""
        holding = self.holdings.get(market.key)
        if holding is None:
            assert market.contract is not None, f"{market.key} has no positions"
            holding = self.holdings[market.key] = Holding(market, market.contract.tiers[0].leverage_max)
        return holding


@final
class House:
    """The venue's own purses, by currency: fees, the insurance fund, and what rounding leaves over."""

    __slots__ = ("fees", "insurance", "rounding")

    def __init__(self) -> None:
        self.fees: defaultdict[str, int] = defaultdict(int)
        self.insurance: defaultdict[str, int] = defaultdict(int)
        self.rounding: defaultdict[str, int] = defaultdict(int)
