"""Our account at the built-in exchange, reached past the loop that trades: what the kill switch closes it by.

    access = SimulatedAccess(venue, balances, placed=tell_the_engine)
    access.cancel_all(); access.positions(); access.close(key, lots)

Every call blocks, works from any thread, and answers with what is true at the exchange at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from xtrade.model.errors import Rejected
from xtrade.model.events import OrderRejected
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent, OrderType, problems
from xtrade.model.sides import Side
from xtrade.sim.matching.exchange import Exchange
from xtrade.venues.simulated import SimulatedVenue

__all__ = ["EMERGENCY_IDS", "SimulatedAccess"]

EMERGENCY_IDS: Final = 1 << 62
"""Closing orders have ids from here on. The engine's are nanoseconds of the clock: it meets these in 2116."""


class SimulatedAccess:
    """One account. `placed` hears of each closing order before it is sent, in whichever thread closes.

    On spot, what goes beyond `balances`, with which the account began, is what was bought and can be sold. `after_id`
    is the highest of such ids that was ever given.
    """

    def __init__(
        self,
        venue: SimulatedVenue,
        balances: Iterable[Money],
        *,
        placed: Callable[[OrderIntent], object] = lambda _: None,
        after_id: int = EMERGENCY_IDS,
    ) -> None:
        self._venue = venue
        self._kept = {money.currency: money.atoms for money in balances}
        self._placed = placed
        self._next_id = after_id

    def cancel_all(self) -> None:
        """Cancel every order of the account."""
        self._venue.cancel_all_at_once()

    def open_orders(self) -> tuple[str, ...]:
        """Return what is open, by the exchange's names."""
        name = self._venue.name
        return self._venue.at_once(
            lambda exchange, _: tuple(order.venue_order_id for order in exchange.open_orders(name))
        )

    def positions(self) -> Mapping[str, int]:
        """Return signed lots by instrument: what can be closed."""
        return self._venue.at_once(self._closable)

    def close(self, key: str, lots: int) -> None:
        """Close so many signed lots at the market, as far as one order goes."""
        intent = self._closing(self._venue.instruments[key], lots, self._take_id())
        self._placed(intent)
        for event in self._venue.place_at_once(intent):
            if isinstance(event, OrderRejected):
                raise Rejected(
                    f"{key}: the exchange does not take the closing order: {event.reason}",
                    venue=self._venue.name,
                    request="place",
                )

    # -- how ------------------------------------------------------------------------------------------------------

    def _closable(self, exchange: Exchange, _now_ns: int) -> dict[str, int]:
        found: dict[str, int] = {}
        sold: set[str] = set()
        for key, instrument in self._venue.instruments.items():
            if instrument.kind is not Kind.SPOT:
                lots = exchange.position(self._venue.name, key).lots
            elif instrument.base in sold:
                continue
            else:
                lots = self._bought(exchange, instrument)
            if lots and not problems(self._closing(instrument, lots, ClientOrderId(0)), instrument):
                found[key] = lots
                sold.add(instrument.base)
        return found

    def _bought(self, exchange: Exchange, instrument: Instrument) -> int:
        """How many whole lots of coins there are beyond those with which the account began."""
        total = exchange.balance(self._venue.name, instrument.base).total.atoms
        beyond = total - self._kept.get(instrument.base, 0)
        return max(0, beyond // instrument.base_amount(ticks=1, lots=1).atoms)

    def _closing(self, instrument: Instrument, lots: int, number: ClientOrderId) -> OrderIntent:
        return OrderIntent(
            client_order_id=number,
            instrument=instrument.key,
            instrument_version=instrument.version,
            side=Side.SELL if lots > 0 else Side.BUY,
            type=OrderType.MARKET,
            lots=min(abs(lots), instrument.max_lots, instrument.max_market_lots),
            reduce_only=instrument.kind is not Kind.SPOT,
        )

    def _take_id(self) -> ClientOrderId:
        self._next_id += 1
        return ClientOrderId(self._next_id)
