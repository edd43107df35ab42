"""Events: everything that is told, by venues and by ourselves, as small immutable records.

Event                  received_ns: when we heard it (0 for what we say ourselves)
  MarketEvent          of one instrument, with the venue's time and sequence number where it gives them
    BookSnapshot BookDelta Trade Quote MarkPrice Funding Bar InstrumentChanged Stale
  OrderEvent           of one of our orders, found again by its client order id
    OrderSent OrderAccepted OrderRejected OrderFilled OrderCompleted FillReversed OrderCanceled OrderExpired
    OrderInDoubt OrderRestored AmendSent OrderAmended AmendRejected CancelSent CancelRejected
  AccountEvent         of one account
    BalanceReport PositionReport MarginReport AccountOpened FundingPaid
  LinkUp LinkDown      of one connection

Prices are ticks and quantities lots of the instrument version in force (an InstrumentChanged in the stream moves
it); marks and rates, which are on no grid, are Decimals. Times are integer nanoseconds, UTC.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from xtrade.model.errors import NumberError
from xtrade.model.fills import Fill
from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument
from xtrade.model.levels import Levels
from xtrade.model.money import Money
from xtrade.model.numbers import Count, require_sane
from xtrade.model.sides import Side

__all__ = [
    "AccountEvent",
    "AccountOpened",
    "AmendRejected",
    "AmendSent",
    "AnyEvent",
    "BalanceReport",
    "Bar",
    "BookDelta",
    "BookSnapshot",
    "CancelRejected",
    "CancelSent",
    "Event",
    "FillReversed",
    "Funding",
    "FundingPaid",
    "InstrumentChanged",
    "LinkDown",
    "LinkUp",
    "MarginReport",
    "MarkPrice",
    "MarketEvent",
    "OrderAccepted",
    "OrderAmended",
    "OrderCanceled",
    "OrderCompleted",
    "OrderEvent",
    "OrderExpired",
    "OrderFilled",
    "OrderInDoubt",
    "OrderRejected",
    "OrderRestored",
    "OrderSent",
    "PositionReport",
    "Quote",
    "Stale",
    "Trade",
]


class Event(Struct, frozen=True, kw_only=True, tag_field="event", tag=True, omit_defaults=True):
    """Something that was told.

    Records of a newer version may carry fields that this one skips; a fill inside may not: what is not understood of a
    trade is not booked.
    """

    received_ns: int = 0


# -- markets ------------------------------------------------------------------------------------------------------


class MarketEvent(Event, frozen=True, kw_only=True):
    """Something a venue told about one instrument."""

    instrument: str
    venue_ns: int | None = None
    sequence: int | None = None


class BookSnapshot(MarketEvent, frozen=True, kw_only=True):
    """The whole book, or its top: replaces everything known. Best levels first."""

    bids: Levels
    asks: Levels


class BookDelta(MarketEvent, frozen=True, kw_only=True):
    """Levels that changed, with their new absolute quantity; zero lots remove a level."""

    bids: Levels
    asks: Levels
    previous_sequence: int | None = None


class Trade(MarketEvent, frozen=True, kw_only=True):
    """A public trade; `taker` is the side that crossed the spread."""

    trade_id: str
    ticks: Count
    lots: Count
    taker: Side


class Quote(MarketEvent, frozen=True, kw_only=True):
    """The best bid and ask; None where that side of the book is empty."""

    bid_ticks: Count | None
    bid_lots: Count
    ask_ticks: Count | None
    ask_lots: Count


class MarkPrice(MarketEvent, frozen=True, kw_only=True):
    """What the venue values positions at, and the index it derives that from."""

    mark: Decimal
    index: Decimal | None = None

    def __post_init__(self) -> None:
        require_sane(self.mark, self.index)
        if self.mark <= 0:
            raise NumberError(f"{self.instrument}: a mark of {self.mark} is not above zero")


class Funding(MarketEvent, frozen=True, kw_only=True):
    """The rate of the funding period that ends at `next_ns`: positive, longs pay shorts."""

    rate: Decimal
    next_ns: int | None = None
    interval_ns: int | None = None
    predicted: Decimal | None = None

    def __post_init__(self) -> None:
        require_sane(self.rate, self.predicted)


class Bar(MarketEvent, frozen=True, kw_only=True):
    """Trades of one interval in five numbers; `closed` is False while the interval still runs."""

    start_ns: int
    interval_ns: int
    open_ticks: Count
    high_ticks: Count
    low_ticks: Count
    close_ticks: Count
    volume_lots: Count
    closed: bool = True


class InstrumentChanged(MarketEvent, frozen=True, kw_only=True):
    """The venue changed the instrument: from here on, ticks and lots are those of `now`."""

    now: Instrument


class Stale(MarketEvent, frozen=True, kw_only=True):
    """Nothing was heard of `what` (book, trades, mark …) for `age_ns`: do not price anything from it."""

    what: str
    age_ns: int


# -- our orders ---------------------------------------------------------------------------------------------------


class OrderEvent(Event, frozen=True, kw_only=True):
    """Something about one of our orders."""

    client_order_id: ClientOrderId
    venue_order_id: str | None = None
    venue_ns: int | None = None
    sequence: int | None = None


class OrderSent(OrderEvent, frozen=True, kw_only=True):
    """The bytes of the order left this process."""


class OrderAccepted(OrderEvent, frozen=True, kw_only=True):
    """The venue has the order."""


class OrderRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue does not have the order and never will; or it never arrived, with the evidence as `reason`."""

    reason: str
    code: str = ""


class OrderFilled(OrderEvent, frozen=True, kw_only=True):
    """The order traded. `cumulative_lots` is the venue's own running total, where it gives one."""

    fill: Fill
    cumulative_lots: Count = 0


class OrderCompleted(OrderEvent, frozen=True, kw_only=True):
    """The venue says the order is filled; its fills may still be on their way."""

    cumulative_lots: Count = 0


class FillReversed(OrderEvent, frozen=True, kw_only=True):
    """The venue took a trade back (a bust, or a settlement that failed)."""

    trade_id: str


class OrderCanceled(OrderEvent, frozen=True, kw_only=True):
    """The order is out of the book and will not trade again; fills may still be on their way."""

    reason: str = ""
    cumulative_lots: Count = 0


class OrderExpired(OrderEvent, frozen=True, kw_only=True):
    """The venue ended the order by its own terms: IOC and FOK remainders, good-till-date, self-trade prevention."""

    reason: str = ""
    cumulative_lots: Count = 0


class OrderInDoubt(OrderEvent, frozen=True, kw_only=True):
    """No answer came to the order: it may or may not be at the venue. Ask; never guess, never resend."""

    reason: str = ""


class OrderRestored(OrderEvent, frozen=True, kw_only=True):
    """Reconciliation found alive what had been reported ended: voids reports older than
    `as_of_ns`, and names its evidence.
    """

    as_of_ns: int
    evidence: str


class AmendSent(OrderEvent, frozen=True, kw_only=True):
    """A request to change the order left: number `request` (from 1), to these total lots and this price."""

    request: int
    lots: Count
    ticks: Count | None = None


class OrderAmended(OrderEvent, frozen=True, kw_only=True):
    """The order now has these total lots, and this price unless it is None (unchanged).

    By our own `request`, numbered from 1; or (None) by the venue, as when it re-prices a post-only order.

    Venues that amend by replacement end the old order under its old name: `replaces` holds that name.
    """

    lots: Count
    ticks: Count | None = None
    request: int | None = None
    replaces: str | None = None


class AmendRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue refused the change: the order stands as it was."""

    request: int
    reason: str = ""


class CancelSent(OrderEvent, frozen=True, kw_only=True):
    """A request to cancel left: number `request` (from 1)."""

    request: int


class CancelRejected(OrderEvent, frozen=True, kw_only=True):
    """The venue refused to cancel. That is a question, not an answer: the order may be filled, gone, or alive."""

    request: int
    reason: str = ""


# -- accounts and links -------------------------------------------------------------------------------------------


class AccountEvent(Event, frozen=True, kw_only=True):
    """Something a venue told about one account (`binance`, `okx.hedge`)."""

    account: str
    venue_ns: int | None = None


class BalanceReport(AccountEvent, frozen=True, kw_only=True):
    """What the venue says the account has of one currency; `held` of it is tied up in orders."""

    total: Money
    held: Money

    @property
    def available(self) -> Money:
        """What new orders may use."""
        return self.total - self.held


class PositionReport(AccountEvent, frozen=True, kw_only=True):
    """What the venue says the account holds of one instrument; compared with our own Position, never added to it."""

    instrument: str
    lots: Count
    entry_price: Decimal | None = None
    liquidation_price: Decimal | None = None

    def __post_init__(self) -> None:
        require_sane(self.entry_price, self.liquidation_price)


class MarginReport(AccountEvent, frozen=True, kw_only=True):
    """What the venue says the account is worth as collateral, and how much of that its positions need.

    When `maintenance` reaches `equity` the venue liquidates. A venue that margins each position by itself tells of
    one `instrument`.
    """

    equity: Money
    maintenance: Money
    instrument: str | None = None


class AccountOpened(AccountEvent, frozen=True, kw_only=True):
    """The account began at `venue_ns`: orders and positions from before are not there any more.

    A test system was emptied, or an exchange in this process begins anew with it.
    """


class FundingPaid(AccountEvent, frozen=True, kw_only=True):
    """Funding that was settled: positive was received, negative was paid. `payment_id` makes it count once."""

    instrument: str
    payment_id: str
    amount: Money
    rate: Decimal | None = None

    def __post_init__(self) -> None:
        require_sane(self.rate)


class LinkUp(Event, frozen=True, kw_only=True):
    """A connection to a venue works: logged in, subscribed, in sync.

    A private one tells of our account, and does not repeat what happened while it was down.
    """

    venue: str
    channel: str
    private: bool = False


class LinkDown(Event, frozen=True, kw_only=True):
    """A connection to a venue is gone or not to be trusted."""

    venue: str
    channel: str
    reason: str


AnyEvent: TypeAlias = (
    BookSnapshot
    | BookDelta
    | Trade
    | Quote
    | MarkPrice
    | Funding
    | Bar
    | InstrumentChanged
    | Stale
    | OrderSent
    | OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderCompleted
    | FillReversed
    | OrderCanceled
    | OrderExpired
    | OrderInDoubt
    | OrderRestored
    | AmendSent
    | OrderAmended
    | AmendRejected
    | CancelSent
    | CancelRejected
    | BalanceReport
    | PositionReport
    | MarginReport
    | AccountOpened
    | FundingPaid
    | LinkUp
    | LinkDown
)
"""Every event there is, for decoders and for `match`."""
