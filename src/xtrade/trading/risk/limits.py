"""Limits: of one strategy, of the desk (all strategies together), and of the guards. None: no limit.

Amounts of a strategy are in the quote currency of the instrument; those of the desk are in one currency that is
named, into which quote currencies are converted at the mark. The defaults stop what is surely a mistake and leave
sizes to their owner: real money asks for explicit ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct, field

__all__ = ["DeskLimits", "GuardLimits", "Limits", "allowed"]

Amount = Annotated[Decimal, Meta(gt=0)]
Share = Annotated[Decimal, Meta(gt=0, le=1)]
ByAsset: TypeAlias = Mapping[str, Decimal]

MINUTE_NS: Final = 60_000_000_000


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the risk gate allows one strategy. Amounts are in the quote currency of the instrument; None: no limit."""

    order_value_max: Annotated[
        Amount | None, Meta(description="The most that one order may be worth, in quote currency.")
    ] = None
    position_value_max: Annotated[
        Amount | None,
        Meta(
            description="The most that may be held of one instrument, open orders included, in quote currency."
        ),
    ] = None
    price_band: Annotated[
        Amount | None,
        Meta(description="How far through the middle of the book a limit price may be; 0.1 is ten percent."),
    ] = Decimal("0.1")
    open_orders_max: Annotated[int, Meta(ge=1, description="The most orders open at once.")] = 200
    orders_per_second_max: Annotated[int, Meta(ge=1, description="The most orders sent in one second.")] = 100
    cancels_per_second_max: Annotated[
        int, Meta(ge=1, description="The most cancels sent in one second; what is more waits its turn.")
    ] = 200
    order_value_min: Annotated[
        Amount | None, Meta(description="The least that one order must be worth, in quote currency.")
    ] = None
    order_base_max: ByAsset = field(default_factory=dict[str, Decimal])
    """The most base coins in one order, by asset."""
    position_base_max: ByAsset = field(default_factory=dict[str, Decimal])
    """The most base coins held on all markets together, spot and derivatives netted, by asset."""
    quote_age_ms_max: Annotated[
        int | None,
        Meta(ge=1, description="How old the last change of a book may be to price an order from it."),
    ] = None
    instruments: tuple[str, ...] | None = None
    """What it may trade: `okx:BTC/USDT:USDT`, or with a star, `okx:*`; None: whatever it declares."""


class DeskLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all strategies together may have, open orders at their worst included; values are in `currency`."""

    currency: str = "USDT"
    same_as: tuple[str, ...] = ("USD", "USDC")
    """Currencies that count as one unit of `currency`; others are converted at the mark."""
    instruments: tuple[str, ...] | None = None
    position_value_max: Amount | None = None
    base_max: ByAsset = field(default_factory=dict[str, Decimal])
    base_value_max: Amount | None = None
    venue_value_max: Amount | None = None
    gross_value_max: Amount | None = None
    net_value_max: Amount | None = None
    open_orders_max: Annotated[int, Meta(ge=1)] | None = None
    orders_per_second_max: Annotated[int, Meta(ge=1)] | None = None

    @property
    def has_any(self) -> bool:
        """Whether anything is limited at all."""
        return self != DeskLimits(currency=self.currency, same_as=self.same_as)

    @property
    def needs_worth(self) -> bool:
        """Whether any of these is about what the whole desk holds."""
        return bool(self.base_max) or any(
            most is not None
            for most in (
                self.position_value_max,
                self.base_value_max,
                self.venue_value_max,
                self.gross_value_max,
                self.net_value_max,
            )
        )


class GuardLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the guards step in. Shares are of the equity they are compared with; 0.1 is ten percent."""

    margin_failures_max: Annotated[int, Meta(ge=1)] | None = 15
    """Orders in a row that a venue refused for want of margin."""
    no_progress_ns: Annotated[int, Meta(gt=0)] | None = 10 * MINUTE_NS
    """How long a strategy may go on asking without a single order accepted."""
    account_loss: Share | None = Decimal("0.1")
    """Of the equity at the start: stop opening, and cut the worst position at each look."""
    emergency_loss: Share | None = Decimal("0.15")
    """Of the equity at the start: cancel all, flatten, halt."""
    daily_loss: Share | None = Decimal("0.1")
    """Of the equity at the last midnight UTC: stop opening."""
    drawdown: Share | None = Decimal("0.2")
    """Of the highest equity so far: cancel all, flatten, halt."""
    margin_ratio: Share | None = Decimal("0.8")
    """Maintenance margin over the account's equity; at 1 the venue liquidates."""
    liquidation_distance: Share | None = Decimal("0.05")
    """From the mark to the liquidation price, of the mark: cut that position."""
    funding_cost: Share | None = Decimal("0.02")
    """Funding paid since midnight UTC, of the equity then: stop opening."""
    report_age_ns: Annotated[int, Meta(gt=0)] | None = 10 * MINUTE_NS
    """How old the venue's word on margins may be while something is held there."""

    def __post_init__(self) -> None:
        if (
            self.account_loss is not None
            and self.emergency_loss is not None
            and self.emergency_loss < self.account_loss
        ):
            raise ValueError(
                f"emergency_loss = {self.emergency_loss} is below account_loss = {self.account_loss}:"
                " expected the emergency to be the larger loss"
            )


def allowed(key: str, instruments: tuple[str, ...] | None) -> bool:
    """Say whether a list of instruments, some with a star, has this one; no list has everything."""
    return instruments is None or any(fnmatchcase(key, each) for each in instruments)
