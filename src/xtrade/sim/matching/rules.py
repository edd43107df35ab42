"""Rules: what one venue decides differently from the next, as data.

VenueRules      for all of its markets
ContractRules   for one perpetual: margin tiers, liquidation
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct

from xtrade.model.errors import ConfigError
from xtrade.model.numbers import require_sane

__all__ = [
    "ClientIds",
    "ContractRules",
    "FeeTier",
    "FeeToken",
    "FeesIn",
    "MarginTier",
    "PostOnly",
    "ReduceOnly",
    "SelfTrade",
    "VenueRules",
]


class PostOnly(StrEnum):
    """What becomes of a post-only order that would take: refused, or moved one step off the other side's best."""

    REJECT = "reject"
    REPRICE = "reprice"


class ReduceOnly(StrEnum):
    """What becomes of a reduce-only order larger than the position: cut down to it, or refused."""

    CUT = "cut"
    REJECT = "reject"


class SelfTrade(StrEnum):
    """What happens when an account's order would meet its own; the incoming order's mode decides."""

    ALLOW = "allow"
    CANCEL_TAKER = "cancel_taker"
    CANCEL_MAKER = "cancel_maker"
    CANCEL_BOTH = "cancel_both"
    DECREMENT = "decrement"


class ClientIds(StrEnum):
    """Among which orders of an account a client order id must be new: those still open, or all there ever were."""

    OPEN = "open"
    EVER = "ever"


class FeesIn(StrEnum):
    """Which currency a spot fee is taken in: what the trade brought, or always the quote currency."""

    RECEIVED = "received"
    QUOTE = "quote"


class FeeTier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fee rates (negative: a rebate) from a traded volume up."""

    volume: Decimal
    maker: Decimal
    taker: Decimal

    def __post_init__(self) -> None:
        require_sane(self.volume, self.maker, self.taker)


class FeeToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A currency in which an account may choose to pay fees at a discount, while it has enough of it."""

    currency: str
    discount: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        require_sane(self.discount)
        if not 0 <= self.discount < 1:
            raise ConfigError(
                f"fee_token.discount = {self.discount}: expected a fraction of at least 0, below 1"
            )


class VenueRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a venue treats orders and what it charges.

    `fee_tiers` ascend by the volume of the 30 days before today, in the quote currencies of `volume_in`; without
    tiers each instrument's own fees apply. `market_band` is how far from the best price a market order may trade,
    `limit_band` how far beyond mark or last price (on the aggressive side) a limit may be set. A trigger that is
    reached already is refused unless `fire_at_once`.
    """

    post_only: PostOnly = PostOnly.REJECT
    reduce_only: ReduceOnly = ReduceOnly.CUT
    self_trade: SelfTrade = SelfTrade.CANCEL_TAKER
    client_ids: ClientIds = ClientIds.EVER
    spot_fees_in: FeesIn = FeesIn.RECEIVED
    fee_token: FeeToken | None = None
    fee_tiers: tuple[FeeTier, ...] = ()
    volume_in: frozenset[str] = frozenset({"USD", "USDT", "USDC"})
    market_band: Decimal = Decimal("0.05")
    limit_band: Decimal | None = None
    fire_at_once: bool = False

    def __post_init__(self) -> None:
        require_sane(self.market_band, self.limit_band)
        for name, band in (("market_band", self.market_band), ("limit_band", self.limit_band)):
            if band is not None and not 0 <= band < 1:
                raise ConfigError(f"{name} = {band}: expected a fraction of the price of at least 0, below 1")
        volumes = [tier.volume for tier in self.fee_tiers]
        if volumes != sorted(set(volumes)) or (volumes and volumes[0] != 0):
            raise ConfigError("fee_tiers: expected volumes that ascend from 0")


class MarginTier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bracket of position value, up to `up_to` of the settlement currency (None: without end)."""

    up_to: Decimal | None = None
    leverage_max: int = 20
    maintenance: Decimal = Decimal("0.01")


class ContractRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a perpetual is margined and liquidated.

    Maintenance is charged bracket by bracket, as income tax is, so that it has no jumps. A liquidation closes
    `liquidation_share` of the largest position at a time until the account can carry the rest: 1 closes it whole.
    """

    tiers: tuple[MarginTier, ...] = (MarginTier(),)
    liquidation_fee: Decimal = Decimal("0.005")
    liquidation_share: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        require_sane(self.liquidation_fee, self.liquidation_share)
        bounds = [tier.up_to for tier in self.tiers[:-1]]
        finite = [bound for bound in bounds if bound is not None and bound > 0]
        if not self.tiers or self.tiers[-1].up_to is not None or bounds != sorted(set(finite)):
            raise ConfigError("tiers: expected bounds that ascend from above 0, and a last tier without one")
        for tier in self.tiers:
            require_sane(tier.maintenance)
            # A position that opens below its own maintenance would be liquidated at once.
            if tier.leverage_max < 1 or not 0 < tier.maintenance < Fraction(1, tier.leverage_max):
                raise ConfigError(
                    f"tiers: maintenance {tier.maintenance} at leverage {tier.leverage_max}:"
                    " expected a fraction above 0 and below 1 / leverage_max"
                )
        if not 0 < self.liquidation_share <= 1:
            raise ConfigError(f"liquidation_share = {self.liquidation_share}: expected above 0, at most 1")
