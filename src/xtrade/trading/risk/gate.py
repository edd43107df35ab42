"""The gate between strategies and venues: puts together what the rules look at, and asks them in their order.

    refusal = gate.refusal(context, intent, now_ns)

The strategy's own rules are asked first, then those of the desk, if it has any limits: what the whole desk holds is
put together only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from xtrade.model.instruments import Instrument
from xtrade.model.order_state import OrderState
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.trading.exposure import Holding, Valuation, currency_rates, venue_of
from xtrade.trading.health import Health
from xtrade.trading.marks import Mark, Marks
from xtrade.trading.risk.conduct import Conduct, MarginFailures
from xtrade.trading.risk.desk_rules import Desk, check_desk
from xtrade.trading.risk.limits import DeskLimits
from xtrade.trading.risk.rules import check
from xtrade.trading.risk.situation import Refusal, Situation, waiting
from xtrade.trading.risk.state import TradingState, strictest

if TYPE_CHECKING:
    from xtrade.trading.context import Context
    from xtrade.trading.orders import Order
    from xtrade.trading.portfolio import Portfolio
    from xtrade.trading.ports import Markets

__all__ = ["Gate"]


class Gate:
    """Says yes or no to every order of the desk."""

    def __init__(
        self,
        markets: Markets,
        portfolio: Portfolio,
        contexts: Mapping[str, Context],
        declared: Iterable[str],
        health: Health,
        limits: DeskLimits | None = None,
    ) -> None:
        self.limits = DeskLimits() if limits is None else limits
        self.state = TradingState.ACTIVE
        """The dial of the whole desk."""
        self.why = ""
        """Why the dial stands there."""
        self.marks = Marks()
        self.health = health
        self.conduct = {name: Conduct() for name in contexts}
        self.margin_failures = MarginFailures()
        self._markets = markets
        self.portfolio = portfolio
        self._contexts = contexts
        self._declared = declared
        self._asks_desk = self.limits.has_any

    def refusal(
        self, context: Context, intent: OrderIntent, now_ns: int, without: Order | None = None
    ) -> Refusal | None:
        """Return why an order must not be sent; None if it may. `without`: the order that it would replace."""
        conduct = self.conduct[context.name]
        conduct.asked(now_ns)
        instrument = self._markets.instrument(intent.instrument)
        situation = self.situation(context, instrument, now_ns, without)
        refusal = self.judged(context, intent, situation, now_ns, without)
        if refusal is not None:
            conduct.was_refused(intent, refusal, now_ns)
        return refusal

    def judged(
        self,
        context: Context,
        intent: OrderIntent,
        situation: Situation,
        now_ns: int,
        without: Order | None = None,
    ) -> Refusal | None:
        """Return what all rules say to an order in a situation; nothing is counted."""
        refusal = check(intent, situation, context.limits)
        if refusal is None and context.limits.position_base_max:
            refusal = self._position_base(context, intent, now_ns, without)
        if refusal is None and self._asks_desk:
            refusal = check_desk(intent, self.desk(situation.instrument, now_ns, without), self.limits)
        return refusal

    def situation(
        self, context: Context, instrument: Instrument, now_ns: int, without: Order | None = None
    ) -> Situation:
        """Put together what a strategy's own rules look at."""
        key = instrument.key
        alone = len(self._contexts) == 1
        mark = self.marks.fresh(key, now_ns)
        return Situation(
            instrument=instrument,
            book=self._markets.book(key),
            state=strictest(self.state, context.state),
            position_lots=self.portfolio.lots(context.name, key),
            open_orders=_counted(context, without),
            sent_last_second=self.conduct[context.name].sent_last_second(now_ns),
            others=() if alone else self._others(context, instrument),
            account_lots=None if alone else self.portfolio.total_lots(key),
            mark=None if mark is None else mark.mark,
            quote_age_ns=self.marks.quote_age_ns(key, now_ns),
            stale=self.health.stale_feed(key),
            trouble=self.health.down(key),
        )

    def desk(
        self, instrument: Instrument | None = None, now_ns: int = 0, without: Order | None = None
    ) -> Desk:
        """Put together what the desk's rules look at; `instrument` is there also if nobody holds it."""
        orders = [state for context in self._contexts.values() for state in _counted(context, without)]
        # What nobody asks for is not worked out: it is looked at with every order.
        wanted = self.limits.needs_worth or instrument is None
        return Desk(
            holdings=self._holdings(orders, instrument, now_ns) if wanted else (),
            valuation=self.valuation(now_ns) if wanted else Valuation(self.limits.currency),
            open_orders=sum(1 for state in orders if not state.is_final),
            sent_last_second=sum(conduct.sent_last_second(now_ns) for conduct in self.conduct.values()),
        )

    def valuation(self, now_ns: int) -> Valuation:
        """Return what currencies are worth in that of the desk's limits, at the marks of now."""
        limits = self.limits
        prices = []
        for key in self._declared:
            instrument = self._markets.instrument(key)
            if instrument.quote == limits.currency or instrument.quote in limits.same_as:
                mark = self.mark(key, now_ns)
                prices.append((instrument, None if mark is None else mark.price))
        rates = currency_rates(prices, limits.currency, limits.same_as)
        return Valuation(limits.currency, same_as=limits.same_as, rates=rates)

    def mark(self, key: str, now_ns: int) -> Mark | None:
        """Return what an instrument is valued at now."""
        return self.marks.mark(key, self._markets.book(key), now_ns)

    def _holdings(
        self, orders: list[OrderState], instrument: Instrument | None, now_ns: int, name: str | None = None
    ) -> list[Holding]:
        lots: dict[str, int] = {} if instrument is None else {instrument.key: 0}
        for (strategy, key), position in self.portfolio.all().items():
            if name is None or strategy == name:
                lots[key] = lots.get(key, 0) + position.lots
        for order in orders:
            lots.setdefault(order.intent.instrument, 0)
        found = []
        for key, held in lots.items():
            mark = self.mark(key, now_ns)
            found.append(
                Holding(
                    self._markets.instrument(key),
                    held,
                    None if mark is None else mark.price,
                    waiting(orders, key, Side.BUY),
                    waiting(orders, key, Side.SELL),
                )
            )
        return found

    def _position_base(
        self, context: Context, intent: OrderIntent, now_ns: int, without: Order | None
    ) -> Refusal | None:
        """Keep what one strategy holds of an asset, on all markets together, within its bounds: a desk of its own."""
        orders = _counted(context, without)
        instrument = self._markets.instrument(intent.instrument)
        own = Desk(
            self._holdings(orders, instrument, now_ns, context.name), Valuation(self.limits.currency), 0, 0
        )
        refusal = check_desk(intent, own, DeskLimits(base_max=context.limits.position_base_max))
        return None if refusal is None else refusal._replace(rule="position_base")

    def _others(self, context: Context, instrument: Instrument) -> list[OrderState]:
        # Two accounts at one venue trade in one book.
        venue, symbol = venue_of(instrument.key), instrument.symbol
        return [
            order.state
            for other in self._contexts.values()
            if other is not context
            for order in other.open_orders.values()
            if order.instrument.symbol == symbol and venue_of(order.intent.instrument) == venue
        ]


def _counted(context: Context, without: Order | None) -> list[OrderState]:
    """Return the orders that hold exposure: those that are open, and those of which trades are still to be told."""
    states = [order.state for order in context.open_orders.values() if order is not without]
    return states + [order.state for order in context.unsettled.values()] if context.unsettled else states
