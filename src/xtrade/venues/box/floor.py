"""The floor behind a venue's server: the exchange, its traders, its time, and what a venue remembers of each order.

    floor = Floor(markets, "okx", seed=1, start_ns=clock.now_ns())
    floor.advance(now_ns)                                    # the traders trade until then
    slip = floor.place("alice", intent, text="my order 1")   # at the floor's time
    slip.status, slip.filled_lots

Clients name their orders as they like: an order is known here by a number of the floor's own, and its `text` is
remembered beside it. Whoever listens is told what happened, in the order in which it did.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from xtrade.model.events import (
    AmendRejected,
    FundingPaid,
    MarketEvent,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderCompleted,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.model.order_state import OrderStatus
from xtrade.model.orders import OrderIntent
from xtrade.sim.chronicle import Chronicle
from xtrade.sim.matching.exchange import Exchange
from xtrade.sim.matching.rules import SelfTrade, VenueRules
from xtrade.sim.matching.tape import EVERYBODY, Feed, Notice
from xtrade.sim.synthetic.markets import SyntheticMarkets
from xtrade.sim.synthetic.traders import SyntheticTraders

__all__ = ["Executed", "Floor", "Hears", "Slip"]

# Ended orders, fills and payments that can still be asked for, over all accounts.
_KEPT: Final = 50_000

Hears: TypeAlias = Callable[[Sequence[Notice], int], None]
"""Who is told: notices, and the floor's time."""


class Slip(Struct, kw_only=True):
    """One order as a venue remembers it. It changes as the order does, and stays when that has ended."""

    account: str
    number: ClientOrderId
    text: str
    """The client's own name for it; empty where he gave none."""
    intent: OrderIntent
    instrument: Instrument
    created_ns: int
    updated_ns: int
    lots: int
    ticks: int | None
    venue_order_id: str = ""
    status: OrderStatus = OrderStatus.NEW
    filled_lots: int = 0
    filled_value: int = 0
    """Ticks times lots, summed: the average price is this over `filled_lots`."""
    fees: dict[str, int] = field(default_factory=dict)
    """Atoms by currency; below zero: paid to the account."""
    reason: str = ""
    code: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    """What the venue's server wants to remember beside it."""

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status in {OrderStatus.NEW, OrderStatus.OPEN, OrderStatus.PARTIAL}

    @property
    def average_ticks(self) -> Fraction | None:
        """The average price in ticks; None while nothing has traded."""
        return Fraction(self.filled_value, self.filled_lots) if self.filled_lots else None


class Executed(Struct, frozen=True, kw_only=True):
    """A fill of one account's order."""

    number: int
    """Counts the fills of the floor."""
    slip: Slip
    fill: Fill
    at_ns: int


class Floor:
    """One venue of a synthetic world, live."""

    def __init__(
        self,
        markets: SyntheticMarkets,
        venue: str,
        *,
        seed: int,
        start_ns: int,
        rules: VenueRules | None = None,
    ) -> None:
        self.venue = venue
        self.now_ns = start_ns
        self.exchange = Exchange(rules, feeds=(Feed.LEVELS, Feed.ACCOUNTS))
        self.traders = SyntheticTraders(markets, self.exchange, seed=seed, start_ns=start_ns, venue=venue)
        self.instruments: Mapping[str, Instrument] = {
            listed.key: listed.instrument for listed in markets.listed if listed.venue.name == venue
        }
        self.natives: Mapping[str, list[Instrument]] = _by_native(self.instruments.values())
        self.chronicle = Chronicle()
        self._hears: list[Hears] = []
        self._numbers = 0
        self._slips: OrderedDict[int, Slip] = OrderedDict()
        self._by_venue_id: dict[tuple[str, str], Slip] = {}
        self._by_text: dict[tuple[str, str], Slip] = {}
        self._executed: dict[str, deque[Executed]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._payments: dict[str, deque[FundingPaid]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._executions = 0
        self._tell(self.traders.step(start_ns))

    # -- time -----------------------------------------------------------------------------------------------------

    def listen(self, hears: Hears) -> None:
        """Tell from now on whatever happens."""
        self._hears.append(hears)

    @property
    def next_ns(self) -> int:
        """When something happens next without us."""
        due_ns = self.exchange.next_due_ns
        return self.traders.next_ns if due_ns is None else min(self.traders.next_ns, due_ns)

    def advance(self, until_ns: int) -> None:
        """Let happen what is due by then, each thing at its own time."""
        while (due_ns := max(self.next_ns, self.now_ns)) <= until_ns:
            self.now_ns = due_ns
            self._tell(self.traders.step(due_ns))
        self.now_ns = max(self.now_ns, until_ns)

    # -- accounts -------------------------------------------------------------------------------------------------

    def open_account(self, name: str, balances: Iterable[Money]) -> None:
        """Open an account with what it starts with."""
        self.exchange.open_account(name, *balances)

    def currencies(self) -> list[str]:
        """Return every currency that is traded or settled here."""
        found: dict[str, None] = {}
        for instrument in self.instruments.values():
            found |= {instrument.quote: None, instrument.settle: None, instrument.base: None}
        return list(found)

    # -- orders ---------------------------------------------------------------------------------------------------

    def place(
        self,
        account: str,
        intent: OrderIntent,
        *,
        text: str = "",
        self_trade: SelfTrade | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Slip:
        """Take an order, whose `client_order_id` is replaced by a number of the floor's own; return its slip.

        What becomes of it at once is on the slip when this returns, a refusal too.
        """
        self._numbers += 1
        number = ClientOrderId(self._numbers)
        intent = replace(intent, client_order_id=number, decided_ns=self.now_ns)
        slip = Slip(
            account=account,
            number=number,
            text=text,
            intent=intent,
            instrument=self.instruments[intent.instrument],
            created_ns=self.now_ns,
            updated_ns=self.now_ns,
            lots=intent.lots,
            ticks=intent.ticks,
            extra=dict(extra or {}),
        )
        self._slips[number] = slip
        if text:
            self._by_text[account, text] = slip
        self._forget()
        self._tell(self.exchange.place(account, intent, self.now_ns, self_trade=self_trade))
        return slip

    def cancel(self, slip: Slip) -> bool:
        """Cancel an order; False where it has ended."""
        if not slip.is_open:
            return False
        self._tell(self.exchange.cancel(slip.account, slip.number, self.now_ns))
        return not slip.is_open

    def amend(self, slip: Slip, *, lots: int | None = None, ticks: int | None = None) -> str:
        """Change an order's total lots or price; return why the exchange did not, or nothing."""
        if not slip.is_open:
            return "the order has ended"
        notices = self.exchange.amend(slip.account, slip.number, self.now_ns, lots=lots, ticks=ticks)
        self._tell(notices)
        return next((event.reason for _, event in notices if isinstance(event, AmendRejected)), "")

    def cancel_all(self, account: str, key: str | None = None) -> list[Slip]:
        """Cancel an account's open orders of one instrument, or all; return them."""
        open_slips = self.open_slips(account, key)
        self._tell(self.exchange.cancel_all(account, self.now_ns, instrument=key))
        return open_slips

    def countdown(self, account: str, after_ns: int, key: str | None = None) -> None:
        """Cancel everything unless this is called again in time; 0 ends the countdown."""
        self._tell(self.exchange.set_countdown(account, after_ns, self.now_ns, instrument=key))

    def find(self, account: str, *, venue_order_id: str = "", text: str = "") -> Slip | None:
        """Return an account's order by the venue's name for it, or else by its client's: the last of that name."""
        if venue_order_id:
            return self._by_venue_id.get((account, venue_order_id))
        return self._by_text.get((account, text)) if text else None

    def open_slips(self, account: str, key: str | None = None) -> list[Slip]:
        """Return an account's open orders, oldest first."""
        numbers = [each.intent.client_order_id for each in self.exchange.open_orders(account, key)]
        return [self._slips[number] for number in numbers if number in self._slips]

    def slips(self, account: str, key: str | None = None) -> Iterator[Slip]:
        """Walk over all orders of an account that are remembered, oldest first."""
        return (
            slip
            for slip in list(self._slips.values())
            if slip.account == account and key in {None, slip.intent.instrument}
        )

    def executed(self, account: str, key: str | None = None) -> list[Executed]:
        """Return the fills of an account, oldest first."""
        return [
            each for each in self._executed.get(account, ()) if key in {None, each.slip.intent.instrument}
        ]

    def payments(self, account: str, key: str | None = None) -> list[FundingPaid]:
        """Return the funding that an account paid or received, oldest first."""
        return [each for each in self._payments.get(account, ()) if key in {None, each.instrument}]

    def slip(self, number: int) -> Slip | None:
        """Return an order by the floor's number, which is the client order id in notices to its account."""
        return self._slips.get(number)

    def act(self, do: Callable[[Exchange, int], Sequence[Notice]]) -> None:
        """Do something else at the exchange, now, and tell what came of it."""
        self._tell(do(self.exchange, self.now_ns))

    # -- how ------------------------------------------------------------------------------------------------------

    def _tell(self, notices: Sequence[Notice]) -> None:
        if not notices:
            return
        for account, event in notices:
            if account == EVERYBODY:
                if isinstance(event, MarketEvent):
                    self.chronicle.take(event)
            elif isinstance(event, OrderEvent):
                self._note(account, event)
            elif isinstance(event, FundingPaid):
                self._payments[account].append(event)
        for hears in self._hears:
            hears(notices, self.now_ns)

    def _note(self, account: str, event: OrderEvent) -> None:
        slip = self._slips.get(event.client_order_id)
        if slip is None or slip.account != account:
            return  # a synthetic trader's, who counts his orders himself, or one that was forgotten
        slip.updated_ns = self.now_ns
        if event.venue_order_id and not slip.venue_order_id:
            slip.venue_order_id = event.venue_order_id
            self._by_venue_id[slip.account, event.venue_order_id] = slip
        match event:
            case OrderAccepted():
                slip.status = OrderStatus.OPEN
            case OrderRejected():
                slip.status, slip.reason, slip.code = OrderStatus.REJECTED, event.reason, event.code
            case OrderFilled():
                self._fill(slip, event.fill)
            case OrderCompleted():
                slip.status = OrderStatus.FILLED
            case OrderCanceled():
                slip.status, slip.reason = OrderStatus.CANCELED, event.reason
            case OrderExpired():
                slip.status, slip.reason = OrderStatus.EXPIRED, event.reason
            case OrderAmended():
                slip.lots = event.lots
                slip.ticks = slip.ticks if event.ticks is None else event.ticks
            case _:
                pass

    def _fill(self, slip: Slip, fill: Fill) -> None:
        slip.filled_lots += fill.lots
        slip.filled_value += fill.ticks * fill.lots
        if fill.fee is not None:
            slip.fees[fill.fee.currency] = slip.fees.get(fill.fee.currency, 0) + fill.fee.atoms
        slip.status = (
            OrderStatus.FILLED if slip.lots and slip.filled_lots >= slip.lots else OrderStatus.PARTIAL
        )
        self._executions += 1
        self._executed[slip.account].append(
            Executed(number=self._executions, slip=slip, fill=fill, at_ns=self.now_ns)
        )

    def _forget(self) -> None:
        """Let go of the oldest order that has ended, beyond so many."""
        if len(self._slips) <= _KEPT:
            return
        oldest = next((slip for slip in self._slips.values() if not slip.is_open), None)
        if oldest is not None:
            del self._slips[oldest.number]
            self._by_venue_id.pop((oldest.account, oldest.venue_order_id), None)
            if self._by_text.get((oldest.account, oldest.text)) is oldest:
                del self._by_text[oldest.account, oldest.text]


def _by_native(instruments: Iterable[Instrument]) -> dict[str, list[Instrument]]:
    found: dict[str, list[Instrument]] = defaultdict(list)
    for instrument in instruments:
        found[instrument.native].append(instrument)
    return found
