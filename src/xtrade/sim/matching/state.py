"""Everything one exchange knows. The rooms beside this one are functions over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import final

from xtrade.model.errors import SymbolError, UsageError, did_you_mean
from xtrade.model.events import OrderEvent
from xtrade.sim.matching.accounts import Account, Holding, House
from xtrade.sim.matching.markets import Market
from xtrade.sim.matching.orders import Order
from xtrade.sim.matching.rules import VenueRules
from xtrade.sim.matching.tape import Feed, QueueChanged, QueueMove, Tape

__all__ = ["State"]


@final
class State:
    """Markets, accounts, the house, the tape, the agenda, and what time it is."""

    __slots__ = (
        "accounts",
        "agenda",
        "countdowns",
        "feeds",
        "house",
        "markets",
        "now_ns",
        "numbers",
        "rules",
        "tape",
        "token_prices",
        "touched_accounts",
        "touched_markets",
    )

    def __init__(self, rules: VenueRules, feeds: frozenset[Feed]) -> None:
        self.rules = rules
        self.feeds = feeds
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {}
        self.house = House()
        self.tape = Tape()
        self.now_ns = 0
        self.numbers = 0
        self.agenda: list[tuple[int, int, Callable[[], None]]] = []
        self.countdowns: dict[tuple[str, str | None], int] = {}
        self.token_prices: dict[str, Fraction] = {}
        self.touched_markets: dict[str, Market] = {}
        self.touched_accounts: dict[tuple[str, str], None] = {}

    def number(self) -> int:
        """Count one more: orders, trades and appointments are named by it."""
        self.numbers += 1
        return self.numbers

    def market(self, key: str) -> Market:
        """The market of an instrument, or SymbolError."""
        market = self.markets.get(key)
        if market is None:
            raise SymbolError(f"{key} is not traded here.{did_you_mean(key, self.markets)}")
        return market

    def account(self, name: str) -> Account:
        """An account by its name, or UsageError."""
        account = self.accounts.get(name)
        if account is None:
            raise UsageError(
                f"there is no account {name!r}: open it first.{did_you_mean(name, self.accounts)}"
            )
        return account

    def holders(self, market: Market) -> Iterator[tuple[Account, Holding]]:
        """Every account with a position in a contract."""
        for account in self.accounts.values():
            holding = account.holdings.get(market.key)
            if holding is not None and holding.lots:
                yield account, holding

    # -- what is told ---------------------------------------------------------------------------------------------

    def tell(self, order: Order, event: type[OrderEvent], **fields: object) -> None:
        """Tell an order's owner what became of it."""
        self.tape.tell(
            order.account,
            event(
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
                venue_ns=self.now_ns,
                sequence=self.tape.next_sequence(),
                **fields,  # type: ignore[arg-type]
            ),
        )

    def queue_changed(self, market: Market, order: Order, change: QueueMove) -> None:
        """Tell everybody what happened to an order of the book."""
        self.touched_markets[market.key] = market
        if Feed.QUEUE not in self.feeds:
            return
        market.queue_sequence += 1
        self.tape.publish(
            QueueChanged(
                instrument=market.key,
                venue_ns=self.now_ns,
                sequence=market.queue_sequence,
                change=change,
                venue_order_id=order.venue_order_id,
                side=order.side,
                ticks=order.ticks,
                lots=0 if change == "left" else order.remaining,
            )
        )

    def touch(self, account: str, what: str) -> None:
        """Remember to report a currency's balance or an instrument's position when the call ends."""
        self.touched_accounts[account, what] = None
