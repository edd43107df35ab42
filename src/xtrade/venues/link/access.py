"""An account at a venue, reached past the loop that trades: what the kill switch closes it by.

    access = LinkAccess(make_link, watched, kept=balances, next_id=ids.next, placed=tell_the_engine)
    access.cancel_all(); access.positions(); access.close(key, lots)

Every call blocks, in whichever thread calls, on a loop and over a connection of its own: nothing of the loop that hangs
is needed, and a connection that died with it does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final, TypeVar

from xtrade.model.errors import Rejected, Unavailable
from xtrade.model.events import OrderRejected
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent, OrderType, problems
from xtrade.model.sides import Side
from xtrade.runtime import clock, real
from xtrade.venues.link.link import Link

__all__ = ["LinkAccess"]

T = TypeVar("T")

_ANSWER_S: Final = 15.0


class LinkAccess:
    """One account. `make` gives a new link to it that knows its markets, `placed` hears of each closing order.

    Contracts are closed whoever opened them: an account has one writer. Of coins, what goes beyond `kept` on the
    markets `watched` is what was bought, and can be sold.
    """

    def __init__(
        self,
        make: Callable[[], Link],
        watched: Collection[str],
        *,
        kept: Iterable[Money],
        next_id: Callable[[], ClientOrderId],
        placed: Callable[[OrderIntent], object] = lambda _: None,
    ) -> None:
        self._make = make
        self._watched = frozenset(watched)
        self._kept = {money.currency: money.atoms for money in kept}
        self._next_id = next_id
        self._placed = placed

    def cancel_all(self) -> None:
        """Cancel every order of the account."""
        self._ask(lambda link: link.cancel_all(), "cancel all orders")

    def open_orders(self) -> tuple[str, ...]:
        """Return what is open, by the venue's names."""
        listed = self._ask(lambda link: link.open_orders(), "open orders")
        return tuple(report.venue_order_id for report in listed)

    def positions(self) -> Mapping[str, int]:
        """Return signed lots by instrument: what can be closed."""
        return self._ask(self._closable, "positions")

    def close(self, key: str, lots: int) -> None:
        """Close so many signed lots at the market, as far as one order goes."""
        self._ask(lambda link: self._close(link, key, lots), f"close {key}")

    # -- how ------------------------------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Link], Awaitable[T]], what: str) -> T:
        async def asked() -> T:
            link = self._make()
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await link.connect()
                    link.concern(self._watched)
                    return await question(link)
            except TimeoutError:
                raise Unavailable(
                    f"{link.name}: {what}: no answer within {_ANSWER_S:g} s", venue=link.name, request=what
                ) from None
            finally:
                await link.stop()

        return real.run(asked)

    async def _closable(self, link: Link) -> dict[str, int]:
        found = {each.instrument: each.lots for each in await link.positions()}
        coins = [link.instruments[key] for key in sorted(self._watched) if key in link.instruments]
        coins = [instrument for instrument in coins if instrument.kind is Kind.SPOT]
        totals = {each.total.currency: each.total.atoms for each in await link.balances()} if coins else {}
        for instrument in coins:
            beyond = totals.pop(instrument.base, 0) - self._kept.get(instrument.base, 0)
            found[instrument.key] = max(0, beyond // instrument.base_amount(ticks=1, lots=1).atoms)
        return {
            key: lots
            for key, lots in found.items()
            if lots
            and not problems(_closing(link.instruments[key], lots, ClientOrderId(0)), link.instruments[key])
        }

    async def _close(self, link: Link, key: str, lots: int) -> None:
        intent = _closing(link.instruments[key], lots, self._next_id())
        self._placed(intent)
        for event in await link.orders.send(intent):
            if isinstance(event, OrderRejected):
                raise Rejected(
                    f"{key}: {link.name} does not take the closing order: {event.reason}",
                    venue=link.name,
                    request="place order",
                )


def _closing(instrument: Instrument, lots: int, number: ClientOrderId) -> OrderIntent:
    return OrderIntent(
        client_order_id=number,
        instrument=instrument.key,
        instrument_version=instrument.version,
        side=Side.SELL if lots > 0 else Side.BUY,
        type=OrderType.MARKET,
        lots=min(abs(lots), instrument.max_lots, instrument.max_market_lots),
        reduce_only=instrument.kind is not Kind.SPOT,
        decided_ns=clock.now_ns(),
    )
