"""An exchange under test: markets, rich or poor accounts, orders in one line, and what must always be true of it."""

from decimal import Decimal

from kit.markets import instrument
from xtrade.model.events import (
    BookDelta,
    OrderEvent,
    OrderFilled,
    OrderRejected,
)
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Kind
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.order_state import OrderState, apply
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.margin import available
from xtrade.sim.matching.rules import VenueRules
from xtrade.sim.matching.settlement import order_need
from xtrade.sim.matching.tape import EVERYBODY, PositionClosed, QueueChanged

SPOT = instrument(Kind.SPOT, symbol="BTC/USDT", maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.00051"))
LINEAR = instrument(Kind.LINEAR, maker_fee=Decimal("-0.00005"), taker_fee=Decimal("0.00047"))
INVERSE = instrument(Kind.INVERSE, maker_fee=Decimal("0.0002"), taker_fee=Decimal("0.0005"))
BUY, SELL = Side.BUY, Side.SELL


def exchange(*accounts, rules=VenueRules(), markets=(SPOT, LINEAR, INVERSE), contract=None, amounts=None):
    """An exchange with three markets, marks at 50,000, and accounts with 100,000 USDT and 10 BTC each."""
    made = Exchange(rules)
    for market in markets:
        made.list_market(market, contract if market.kind is not Kind.SPOT else None)
    for name in accounts:
        made.open_account(name, *(amounts or (Money.of(100_000, "USDT"), Money.of(10, "BTC"))))
    for market in markets:
        if market.kind is not Kind.SPOT:
            made.set_mark(market.key, 50_000, 0)
    return made


def order(number, side, lots, ticks=None, market=LINEAR, **more):
    """One order: a limit if it has ticks, else a market order."""
    fields = {
        "client_order_id": ClientOrderId(number),
        "instrument": market.key,
        "instrument_version": market.version,
        "side": side,
        "type": OrderType.MARKET if ticks is None else OrderType.LIMIT,
        "lots": lots,
        "ticks": ticks,
    }
    return OrderIntent(**fields | more)


def told(notices, *kinds, account=None):
    """The events of some kinds (all, if none is given) that an account, or anybody, was told."""
    return [
        n.event for n in notices if (not kinds or isinstance(n.event, kinds)) and account in {None, n.account}
    ]


class Watcher:
    """Reads the tape as clients do, and finds whether what they know is what is."""

    def __init__(self, made):
        self.made = made
        self.books = {}
        self.queues = {}
        self.orders = {}
        self.positions = {}
        self.sequence = {}
        for key in made._state.markets:
            snapshot = made.book(key)
            self.books[key] = (snapshot.sequence, dict(snapshot.bids), dict(snapshot.asks))
            self.queues[key] = {}

    def place(self, account, intent, now_ns, **more):
        """Place an order, and remember what was asked for."""
        notices = self.made.place(account, intent, now_ns, **more)
        if not any(isinstance(n.event, OrderRejected) and n.account == account for n in notices):
            self.orders[account, intent.client_order_id] = OrderState(intent=intent)
        return self.read(notices)

    def read(self, notices):
        for account, event in notices:
            if account == EVERYBODY:
                self._public(event)
            elif isinstance(event, OrderEvent):
                self._own(account, event)
            elif isinstance(event, PositionClosed):
                # Told after the fills of an order that the exchange made, which name no instrument.
                key = account, event.instrument
                self.positions[key] = self.positions.get(key, 0) - event.lots
        return notices

    def _public(self, event):
        if isinstance(event, BookDelta):
            sequence, bids, asks = self.books[event.instrument]
            assert event.previous_sequence == sequence, "a delta was lost"
            for side, changes in ((bids, event.bids), (asks, event.asks)):
                for ticks, lots in changes:
                    side[ticks] = lots
                    if not lots:
                        del side[ticks]
            self.books[event.instrument] = (event.sequence, bids, asks)
        if isinstance(event, QueueChanged):
            queue = self.queues[event.instrument]
            if event.change == "joined":
                assert event.venue_order_id not in queue
            queue[event.venue_order_id] = (event.side, event.ticks, event.lots)
            if not event.lots:
                del queue[event.venue_order_id]

    def _own(self, account, event):
        assert event.sequence > self.sequence.get(account, 0), "private events are counted upwards"
        self.sequence[account] = event.sequence
        if isinstance(event, OrderRejected) and event.code == "duplicate_client_id":
            # It speaks of the request that was refused, not of the order that has the name.
            return
        state = self.orders.get((account, event.client_order_id))
        if state is not None:
            change = apply(state, event)
            self.orders[account, event.client_order_id] = change.state
            assert change.state.overfilled_lots == 0, "I4"
        if isinstance(event, OrderFilled) and state is not None:
            key = account, state.intent.instrument
            self.positions[key] = self.positions.get(key, 0) + event.fill.signed_lots

    def check(self):
        """What must be true whenever the exchange is at rest."""
        made, state = self.made, self.made._state
        assert made.unaccounted() == (), "value is conserved"
        for key, market in state.markets.items():
            snapshot = made.book(key)
            sequence, bids, asks = self.books[key]
            assert (snapshot.sequence, dict(snapshot.bids), dict(snapshot.asks)) == (sequence, bids, asks)
            assert Levels.of(sorted(bids.items(), reverse=True)) == snapshot.bids
            assert not bids or not asks or max(bids) < min(asks), "the book is crossed at rest"
            queue = made.queue(key)
            assert {
                o.venue_order_id: (o.intent.side, o.ticks, o.lots - o.filled) for o in queue
            } == self.queues[key]
            for side in (BUY, SELL):
                ids = [o.venue_order_id for o in queue if o.intent.side is side]
                told_ids = [name for name, (s, *_) in self.queues[key].items() if s is side]
                worst_first = 1 if side is SELL else -1
                assert ids == sorted(told_ids, key=lambda name: worst_first * self.queues[key][name][1]), (
                    "priority"
                )
            if market.contract is not None:
                assert sum(h.lots for _, h in state.holders(market)) == 0
        for account in state.accounts.values():
            self._check_account(account)

    def _check_account(self, account):
        state = self.made._state
        held = {}
        for order in account.orders.values():
            market = state.markets[order.intent.instrument]
            instrument = market.instrument
            known = self.orders[account.name, order.client_order_id]
            assert not known.is_final
            assert known.filled_lots == order.filled <= order.lots == known.lots
            assert order.remaining > 0
            assert order.resting != order.sleeping
            if not order.resting:
                assert order.hold == 0
                continue
            assert order.hold == order_need(state, market, order, order.remaining, order.ticks)
            side = order.side
            currency = instrument.quote if side is BUY else instrument.base
            what = currency if market.contract is None else (market.key, side)
            held[what] = held.get(what, 0) + order.hold
            if order.intent.reduce_only:
                assert order.remaining <= account.holding(market).reducible(side), "I30"
        for (name, number), known in self.orders.items():
            if name == account.name and number not in account.orders:
                assert known.is_final, "an order was lost without a word"
        for currency, atoms in account.held.items():
            assert atoms == held.get(currency, 0)
        for key, holding in account.holdings.items():
            assert holding.open_bids == held.get((key, BUY), 0)
            assert holding.open_asks == held.get((key, SELL), 0)
            assert set(holding.reducing) == {
                o.number
                for o in account.orders.values()
                if o.resting and o.intent.reduce_only and o.intent.instrument == key
            }
        if not account.holdings:
            for currency in account.wallet:
                assert available(account, currency) >= 0, "spot accounts never owe anything"
