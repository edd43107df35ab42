"""What we want of a venue: the intent of an order, before anything was sent.

An intent never changes. What became of it is an `OrderState` (xtrade.model.order_state), a fold over the events of
xtrade.model.events. `problems` says, before any byte leaves, what the venue would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from xtrade.model.ids import ClientOrderId
from xtrade.model.instruments import Instrument, Kind, TradingStatus
from xtrade.model.money import Money, in_atoms
from xtrade.model.numbers import plain, require_sane
from xtrade.model.sides import Side

__all__ = ["OrderIntent", "OrderType", "TimeInForce", "Trigger", "TriggerPrice", "problems"]


class OrderType(StrEnum):
    """How an order finds its price, and what wakes it."""

    LIMIT = "limit"
    MARKET = "market"
    STOP_LIMIT = "stop_limit"
    STOP_MARKET = "stop_market"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TAKE_PROFIT_MARKET = "take_profit_market"
    TRAILING_STOP = "trailing_stop"

    @property
    def is_limit(self) -> bool:
        """Whether the order carries a limit price."""
        return self in _LIMITS

    @property
    def is_triggered(self) -> bool:
        """Whether the order sleeps until a price is reached."""
        return self in _TRIGGERED


_LIMITS = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_TRIGGERED = frozenset(OrderType) - {OrderType.LIMIT, OrderType.MARKET}


class TimeInForce(StrEnum):
    """How long an order may wait: until canceled, until a time, not at all (rest canceled), or all or nothing."""

    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class TriggerPrice(StrEnum):
    """Which price wakes a sleeping order."""

    LAST = "last"
    MARK = "mark"
    INDEX = "index"


class Trigger(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What wakes a stop or take-profit order: a price reached; or, trailing, a distance from the best price since.

    The distance is a number of ticks or a fraction of the price (`Decimal("0.01")` is one percent), whichever the
    venue knows; a trailing stop that also has `ticks` starts to trail when that price is reached.
    """

    ticks: int | None = None
    trail_ticks: int | None = None
    trail_rate: Decimal | None = None
    by: TriggerPrice = TriggerPrice.LAST

    def __post_init__(self) -> None:
        require_sane(self.trail_rate)


class OrderIntent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One order as it was decided: `lots` of an instrument, or (market orders) an amount of quote currency.

    `ticks` is the limit price. `valid_until_ns` bounds how late the request itself may still reach the venue's
    engine; `expires_ns` ends a good-till-date order.
    """

    client_order_id: ClientOrderId
    instrument: str
    instrument_version: int
    side: Side
    type: OrderType
    lots: int = 0
    quote_amount: Money | None = None
    ticks: int | None = None
    trigger: Trigger | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    strategy: str = ""
    decided_ns: int = 0
    valid_until_ns: int | None = None


def problems(intent: OrderIntent, instrument: Instrument) -> list[str]:
    """Return what is wrong with an intent on this instrument, one sentence each; empty if the venue would take it."""
    return [*_form(intent), *_size(intent, instrument), *_market(intent, instrument)]


def _form(intent: OrderIntent) -> Iterator[str]:
    kind = intent.type.value.replace("_", " ")
    if intent.type.is_limit != (intent.ticks is not None):
        yield f"a {kind} order {'needs a' if intent.type.is_limit else 'takes no'} limit price"
    trigger = intent.trigger
    if intent.type.is_triggered != (trigger is not None):
        yield f"a {kind} order {'needs a' if intent.type.is_triggered else 'takes no'} trigger"
    if trigger is not None and intent.type is OrderType.TRAILING_STOP:
        yield from _trail(trigger)
    elif trigger is not None:
        if trigger.ticks is None:
            yield f"a {kind} order needs a trigger price"
        if trigger.trail_ticks is not None or trigger.trail_rate is not None:
            yield f"a {kind} order does not trail"
    if (intent.time_in_force is TimeInForce.GTD) != (intent.expires_ns is not None):
        yield "a good-till-date order, and no other, has a time of expiry"
    if intent.expires_ns is not None and intent.expires_ns <= intent.decided_ns:
        yield "the order expires before it was decided on"
    if intent.type is OrderType.MARKET and intent.time_in_force is TimeInForce.GTD:
        yield "a market order does not wait for a date"
    if intent.post_only and not (
        intent.type.is_limit and intent.time_in_force in {TimeInForce.GTC, TimeInForce.GTD}
    ):
        yield "post-only is for limit orders that may rest"


def _trail(trigger: Trigger) -> Iterator[str]:
    if (trigger.trail_ticks is None) == (trigger.trail_rate is None):
        yield "a trailing stop needs one distance to trail by: ticks, or a fraction of the price"
    if trigger.trail_ticks is not None and trigger.trail_ticks < 1:
        yield f"a trailing distance of {trigger.trail_ticks} ticks is not above zero"
    if trigger.trail_rate is not None and not 0 < trigger.trail_rate < 1:
        yield f"a trailing distance of {plain(trigger.trail_rate)} of the price is not between 0 and 1"


def _size(intent: OrderIntent, instrument: Instrument) -> Iterator[str]:
    if intent.quote_amount is not None:
        if intent.type is not OrderType.MARKET or intent.lots:
            yield "an amount of quote currency sizes a market order, in place of lots"
        if intent.quote_amount.currency != instrument.quote or intent.quote_amount.atoms <= 0:
            yield f"the amount {intent.quote_amount} is not a positive amount of {instrument.quote}"
        elif intent.quote_amount < Money.of(instrument.min_notional, instrument.quote):
            yield f"the order is worth {intent.quote_amount}, below the minimum of {plain(instrument.min_notional)}"
        return
    if intent.lots < instrument.min_lots:
        yield (
            f"the quantity {plain(instrument.quantity(intent.lots))} is below the minimum of"
            f" {plain(instrument.quantity(instrument.min_lots))}"
        )
    most = (
        min(instrument.max_lots, instrument.max_market_lots)
        if not intent.type.is_limit
        else instrument.max_lots
    )
    if intent.lots > most:
        yield (
            f"the quantity {plain(instrument.quantity(intent.lots))} is above the maximum of"
            f" {plain(instrument.quantity(most))}"
        )


def _market(intent: OrderIntent, instrument: Instrument) -> Iterator[str]:
    if intent.instrument != instrument.key:
        yield f"the order is for {intent.instrument}, the instrument is {instrument.key}"
    elif intent.instrument_version != instrument.version:
        yield (
            f"the order was sized on version {intent.instrument_version} of {instrument.key},"
            f" which is now at version {instrument.version}"
        )
    if instrument.status is TradingStatus.POST_ONLY and not intent.post_only:
        yield f"{instrument.key} takes only post-only orders now"
    elif instrument.status not in {TradingStatus.TRADING, TradingStatus.POST_ONLY}:
        yield f"{instrument.key} takes no new orders: {instrument.status.value.replace('_', ' ')}"
    if intent.reduce_only and instrument.kind is Kind.SPOT:
        yield "reduce-only means nothing on spot"
    trigger_ticks = None if intent.trigger is None else intent.trigger.ticks
    for what, ticks in (("price", intent.ticks), ("trigger price", trigger_ticks)):
        if ticks is None:
            continue
        if ticks < 1:
            yield f"the {what} {plain(instrument.price(ticks))} is not above zero"
        elif not instrument.on_grid(ticks):
            yield f"the {what} {plain(instrument.price(ticks))} is off the tick grid"
        # A venue checks the minimum at the limit price and again at the trigger: they are different checks.
        elif instrument.min_notional and not intent.reduce_only and intent.lots > 0:
            atoms = instrument.notional_atoms(ticks=ticks, lots=intent.lots)
            if atoms < in_atoms(instrument.min_notional):
                worth = Money(atoms, instrument.quote)
                yield f"the order is worth {worth} at its {what}, below the minimum of {plain(instrument.min_notional)}"
