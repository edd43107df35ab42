"""A venue whose every answer is given by hand, and an engine on it: what happens when is the test's to say."""

from __future__ import annotations

from kit.desks import Scripted
from kit.markets import instrument
from xtrade.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    PositionReport,
)
from xtrade.model.fills import Fill
from xtrade.model.money import Money
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.trading.engine import Engine
from xtrade.trading.subscriptions import Market

S = 1_000_000_000
CAPITAL = Money.of(10_000, "USDT")


class HandBook:
    """A book of one level on each side."""

    def __init__(self, market, bid=1000, ask=1001):
        self.instrument = market
        self.bid_ticks, self.ask_ticks = bid, ask
        self.bid_lots = self.ask_lots = 10
        self.is_trusted = True

    @property
    def mid_ticks(self):
        if self.bid_ticks is None or self.ask_ticks is None:
            return None
        return (self.bid_ticks + self.ask_ticks) / 2

    def levels(self, side, count):
        raise NotImplementedError


class Journal:
    """What was written down, in order."""

    def __init__(self):
        self.records = []

    def append(self, record):
        self.records.append(record)

    def of(self, kind):
        return [record for record in self.records if isinstance(record, kind)]


class Bench:
    """An engine whose strategies do nothing by themselves, and a venue that answers when told to."""

    def __init__(self, *names, markets=None, limits=None, desk_limits=None, hears=()):
        markets = [instrument()] if markets is None else markets
        self.books = {market.key: HandBook(market) for market in markets}
        self.placed, self.cancels, self.amends = [], [], []
        self.journal = Journal()
        feeds = [*map(Market, self.books), *hears]
        self.engine = Engine(
            {name: Scripted(feeds=feeds) for name in names or ("one",)},
            self,
            self,
            ids=ClientOrderIds(MemoryMark(BITS_63), lambda: self.engine.now_ns),
            limits=limits,
            desk_limits=desk_limits,
            journal=self.journal,
        )
        self.engine.start(S)
        self._trades = 0

    # -- what the engine asks: markets and orders

    def instrument(self, key):
        return self.books[key].instrument

    def book(self, key):
        return self.books[key]

    def place(self, intent):
        self.placed.append(intent)

    def cancel(self, client_order_id):
        self.cancels.append(client_order_id)
        return True

    def amend(self, client_order_id, *, lots, ticks):
        self.amends.append((client_order_id, lots, ticks))
        return True

    # -- what the test does

    def ctx(self, name="one"):
        return self.engine.contexts[name]

    @property
    def key(self):
        return next(iter(self.books))

    def tell(self, event, after_ns=0):
        self.engine.heard(event, self.engine.now_ns + after_ns)

    def accept(self, order):
        self.tell(OrderAccepted(client_order_id=order.id, venue_order_id=f"v{order.id}"))

    def doubt(self, order):
        self.tell(OrderInDoubt(client_order_id=order.id))

    def end(self, order):
        self.tell(OrderCanceled(client_order_id=order.id, cumulative_lots=order.filled_lots))

    def reject(self, order, code="no"):
        self.tell(OrderRejected(client_order_id=order.id, reason="no", code=code))

    def fill(self, order, lots=None, ticks=None, fee=None):
        self._trades += 1
        lots = order.left_lots if lots is None else lots
        price = ticks or order.ticks or self.books[order.intent.instrument].ask_ticks
        fill = Fill(trade_id=str(self._trades), side=order.side, ticks=price, lots=lots, fee=fee)
        self.tell(OrderFilled(client_order_id=order.id, fill=fill))

    def answer_all(self):
        """Cancel whatever was asked to be, and fill every market order."""
        for context in self.engine.contexts.values():
            for order in list(context.open_orders.values()):
                if order.cancel_pending:
                    self.end(order)
                elif order.ticks is None:
                    self.fill(order)

    def hold(self, lots, name="one", key=None, ticks=1000):
        """Let a strategy hold so many lots, past all limits."""
        context, book = self.ctx(name), self.books[key or self.key]
        before, context.limits = context.limits, type(context.limits)(price_band=None)
        place = context.buy if lots > 0 else context.sell
        trusted, book.is_trusted = book.is_trusted, True
        order = place(key or self.key, lots=abs(lots), ticks=ticks)
        assert order.refusal is None, order.refusal
        self.fill(order, ticks=ticks)
        context.limits, book.is_trusted = before, trusted
        return order

    def report(self, lots, key=None, liquidation=None, at_ns=None):
        """Let the venue say what the account holds."""
        key = key or self.key
        event = PositionReport(
            account=key.partition(":")[0], instrument=key, lots=lots, liquidation_price=liquidation
        )
        self.engine.heard(event, at_ns or self.engine.now_ns)
