"""What an earlier process hands over: orders, positions and dials, as its journal adds up.

Handover    made from an order store; an engine that is given one goes on from there
Absent      stands for a strategy that left something and is not in this run: followed and valued, and orders nothing

Nothing here asks a venue: what became of it all since is the reconciler's to find out, before the first order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

from msgspec.structs import replace
from typing_extensions import override

from xtrade.model.order_state import OrderState
from xtrade.trading.params import Params
from xtrade.trading.portfolio import Portfolio
from xtrade.trading.ports import Turned
from xtrade.trading.risk.state import TradingState
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import Market, Subscription

if TYPE_CHECKING:
    from xtrade.trading.order_store import OrderStore

__all__ = ["Absent", "Handover"]


class Handover(NamedTuple):
    """What an earlier process left."""

    orders: tuple[OrderState, ...]
    portfolio: Portfolio
    dials: Mapping[str, Turned]
    """By strategy, "" for the whole desk: those that were turned, and not back again."""
    written_ns: int
    """When it last wrote: what happened at the venues since, or shortly before, it may not know."""
    told_ns: Mapping[str, int] = {}
    """By venue, and by its own clock, the newest that it told: ours may have been set since."""

    @classmethod
    def of(cls, store: OrderStore, written_ns: int) -> Self:
        """Return what a journal adds up to."""
        dials = {
            name: turned
            for name, turned in store.dials.items()
            # The whole desk is halted by the halt file, and let trade again by whoever clears that.
            if turned.state is not TradingState.ACTIVE and (name or turned.state is not TradingState.HALTED)
        }
        orders = tuple(store.orders.values())
        return cls(orders, store.portfolio.copy(), dials, written_ns, _told_ns(store))

    def activated(self) -> Self:
        """Return the same with every dial turned back by the operator, which is written down at the start."""
        why, by = "the operator lets it trade again", "xtrade run --activate"
        turned = {
            name: replace(each, state=TradingState.ACTIVE, why=why, by=by)
            for name, each in self.dials.items()
        }
        return self._replace(dials=turned)

    @property
    def unfinished(self) -> dict[str, dict[str, None]]:
        """By strategy, the instruments that it holds, or has orders on that are open or not accounted for."""
        found: dict[str, dict[str, None]] = {}
        for (strategy, key), position in self.portfolio.all().items():
            if position.lots:
                found.setdefault(strategy, {})[key] = None
        for state in self.orders:
            if not state.is_final or state.missing_lots:
                found.setdefault(state.intent.strategy, {})[state.intent.instrument] = None
        return found


def _told_ns(store: OrderStore) -> dict[str, int]:
    found: dict[str, int] = {}
    for (account, _), report in store.balances.items():
        found[account] = max(found.get(account, 0), report.venue_ns or 0)
    for state in store.orders.values():
        venue = state.intent.instrument.partition(":")[0]
        times = [fill.venue_ns or 0 for fill in state.fills]
        found[venue] = max([found.get(venue, 0), *times])
    return {venue: told_ns for venue, told_ns in found.items() if told_ns}


class Absent(Strategy[Params]):
    """A strategy that is not in this run, and what it left."""

    def __init__(self, keys: Iterable[str]) -> None:
        super().__init__(Params())
        self._keys = tuple(keys)

    @override
    def subscriptions(self) -> Iterable[Subscription]:
        return map(Market, self._keys)
