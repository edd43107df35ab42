"""The description of a world of synthetic markets: what there is, as data that a file can hold.

SyntheticMarkets   the whole
Asset              what is traded, and how its price moves
Venue              where, how late it follows and how late it is heard
Listing            one market of one venue: its grid and fees, its spread, depth and flow
Perpetual          what a perpetual has beyond that: basis and funding
Regime             a kind of weather that all assets share
Listed             one listing with its venue, its asset and its instrument

Every number has a default that makes a plausible market; what makes none is a ConfigError that names its key.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final, NamedTuple

from msgspec import Struct

from xtrade.model.errors import ConfigError, SymbolError, XtradeError
from xtrade.model.instruments import Instrument, Kind
from xtrade.symbols.symbol import Symbol

__all__ = ["Asset", "Listed", "Listing", "Perpetual", "Regime", "SyntheticMarkets", "Venue"]

# Beyond this many ticks a side of the book would be a desert: the tick is too fine for the spread.
_REACH_TICKS_MAX: Final = 4_000


def _within(what: Any, where: str, *, low: float, high: float, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(what, name)
        if not (math.isfinite(value) and low <= value <= high):
            raise ConfigError(f"{where}.{name} = {value}: expected a number from {low:g} to {high:g}")


class Regime(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One state of the weather: it lasts `minutes_mean` on average, then another follows, likelier by `weight`.

    `volatility`, `activity` and `jumps` multiply those of assets and listings; `drift_daily` is the trend's size as a
    fraction of the price (0.2: 20 % a day), whose direction is drawn when the regime begins.
    """

    name: str
    minutes_mean: float = 60.0
    weight: float = 1.0
    volatility: float = 1.0
    activity: float = 1.0
    jumps: float = 1.0
    drift_daily: float = 0.0

    def __post_init__(self) -> None:
        where = f"regimes.{self.name}"
        _within(self, where, low=0, high=100, names=("weight", "volatility", "activity", "jumps"))
        _within(self, where, low=1, high=1e7, names=("minutes_mean",))
        _within(self, where, low=0, high=5, names=("drift_daily",))


CALM: Final = Regime(name="calm", minutes_mean=90, weight=2, volatility=0.7, activity=0.7, jumps=0.5)
BUSY: Final = Regime(name="busy", minutes_mean=25, volatility=1.7, activity=2.0, jumps=2.0)
TREND: Final = Regime(name="trend", minutes_mean=40, volatility=1.1, activity=1.3, drift_daily=0.15)


class Asset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is traded: its price at the start, and how it moves.

    `correlation` is with the factor that all assets share: two assets correlate by the product of theirs.
    `clustering` is how far volatility wanders from its mean, as the standard deviation of its logarithm.
    """

    name: str = "BTC"
    price: float = 60_000.0
    volatility_annual: float = 0.45
    correlation: float = 0.85
    clustering: float = 0.45
    jumps_daily: float = 3.0
    jump_bp: float = 12.0

    def __post_init__(self) -> None:
        where = f"assets.{self.name}"
        _within(self, where, low=1e-9, high=1e9, names=("price",))
        _within(self, where, low=0, high=10, names=("volatility_annual",))
        _within(self, where, low=-1, high=1, names=("correlation",))
        _within(self, where, low=0, high=1.5, names=("clustering",))
        _within(self, where, low=0, high=1_000, names=("jumps_daily", "jump_bp"))


class Perpetual(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Basis and funding of a perpetual: the basis wanders around its mean and returns by half in `half_life_minutes`.

    The rate is what venues charge: the average premium of the interval, plus the interest less that premium, cut to
    `band`; all for eight hours, and in proportion for another interval.
    """

    basis_bp_mean: float = 1.0
    basis_bp_spread: float = 8.0
    half_life_minutes: float = 300.0
    interval_hours: int = 8
    interest: float = 0.0001
    band: float = 0.0005
    rate_max: float = 0.0075

    def __post_init__(self) -> None:
        where = "perpetual"
        _within(self, where, low=-500, high=500, names=("basis_bp_mean",))
        _within(self, where, low=0, high=500, names=("basis_bp_spread",))
        _within(self, where, low=1, high=1e6, names=("half_life_minutes",))
        _within(self, where, low=1, high=24, names=("interval_hours",))
        _within(self, where, low=0, high=0.1, names=("interest", "band", "rate_max"))
        if 24 % self.interval_hours:
            raise ConfigError(f"perpetual.interval_hours = {self.interval_hours}: expected a divisor of 24")


class Listing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market: a spot pair or a linear perpetual, its grid and fees, its spread, depth and flow.

    `native` is what the venue calls it, where that is not its letters joined; `multiplier` what a unit of quantity
    stands for, in base coins. Rates are per second in a regime of activity 1; amounts are in quote currency.
    `spread_bp` is the width that makers quote at mean volatility, `depth_amount` what a level holds where the book is
    deepest, which is around `hump_bp` from the fair price. `informed` is how many takers know the next two seconds
    (0 nobody, 1 everybody), `impact` how far, in half spreads, a trade of typical size moves what makers think the
    price is.
    """

    symbol: str = "BTC/USDT"
    tick: Decimal = Decimal(1)
    lot: Decimal = Decimal("0.0001")
    multiplier: Decimal = Decimal(1)
    native: str = ""
    min_lots: int = 1
    min_notional: Decimal = Decimal(0)
    maker_fee: Decimal = Decimal(0)
    taker_fee: Decimal = Decimal("0.0004")
    spread_bp: float = 0.6
    hump_bp: float = 1.5
    depth_amount: float = 25_000.0
    trade_amount: float = 3_000.0
    trades_rate: float = 1.5
    orders_rate: float = 40.0
    informed: float = 0.4
    impact: float = 0.35
    noise_bp: float = 0.1
    perpetual: Perpetual | None = None

    def __post_init__(self) -> None:
        where = f"listings.{self.symbol}"
        kind = self.kind
        if kind is Kind.INVERSE or self.name.dated:
            raise ConfigError(f"{where}: synthetic markets are spot pairs and linear perpetuals")
        if kind is Kind.SPOT and self.perpetual is not None:
            raise ConfigError(
                f"{where}.perpetual: {self.symbol} is a spot pair; a perpetual is {self.symbol}:…"
            )
        for name in ("tick", "lot", "multiplier"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{where}.{name} = {getattr(self, name)}: expected a number above zero")
        _within(self, where, low=0.001, high=200, names=("spread_bp", "hump_bp"))
        _within(self, where, low=1, high=1e9, names=("depth_amount", "trade_amount"))
        _within(self, where, low=0.001, high=50, names=("trades_rate",))
        _within(self, where, low=1, high=2_000, names=("orders_rate",))
        _within(self, where, low=0, high=1, names=("informed",))
        _within(self, where, low=0, high=5, names=("impact",))
        _within(self, where, low=0, high=50, names=("noise_bp",))

    @property
    def name(self) -> Symbol:
        """The symbol, read."""
        try:
            return Symbol.parse(self.symbol)
        except SymbolError as error:
            raise ConfigError(f"listings.{self.symbol}.symbol: {error}") from None

    @property
    def kind(self) -> Kind:
        """Spot, or a linear perpetual."""
        return self.name.kind

    @property
    def lot_base(self) -> float:
        """How many base coins a lot is."""
        return float(self.lot) * float(self.multiplier)

    @property
    def basis(self) -> Perpetual | None:
        """What the market has of basis and funding; None for spot."""
        return None if self.kind is Kind.SPOT else self.perpetual or Perpetual()


class Venue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One venue: it follows the price `delay_ms` late (a leader: 0), and is heard a feed latency later.

    The feed takes `feed_ms` and a random part of mean `feed_jitter_ms`; its messages never overtake each other.
    """

    name: str = "sim"
    listings: tuple[Listing, ...] = (Listing(),)
    delay_ms: int = 0
    feed_ms: float = 5.0
    feed_jitter_ms: float = 1.0

    def __post_init__(self) -> None:
        where = f"venues.{self.name}"
        if not self.name or ":" in self.name:
            raise ConfigError(f"venues: {self.name!r} cannot name a venue: it is empty or has a colon")
        if not self.listings:
            raise ConfigError(f"{where}.listings: expected one or more")
        _within(self, where, low=0, high=10_000, names=("delay_ms", "feed_ms", "feed_jitter_ms"))


class Listed(NamedTuple):
    """One listing with all that belongs to it."""

    instrument: Instrument
    listing: Listing
    venue: Venue
    asset: Asset

    @property
    def key(self) -> str:
        """The instrument's name."""
        return self.instrument.key


class SyntheticMarkets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A world: assets whose prices move together, and venues that list them. The first regime is that of the start."""

    assets: tuple[Asset, ...] = (Asset(),)
    venues: tuple[Venue, ...] = (Venue(),)
    regimes: tuple[Regime, ...] = (CALM, BUSY, TREND)

    def __post_init__(self) -> None:
        for what, names in (
            ("assets", [asset.name for asset in self.assets]),
            ("venues", [venue.name for venue in self.venues]),
            ("regimes", [regime.name for regime in self.regimes]),
            ("listings", [instrument.key for instrument in self.instruments]),
        ):
            if not names:
                raise ConfigError(f"{what}: expected one or more")
            for name in names:
                if names.count(name) > 1:
                    raise ConfigError(f"{what}: {name} is there twice")
        if len(self.regimes) > 1 and sum(regime.weight > 0 for regime in self.regimes) < 2:
            raise ConfigError("regimes: expected a weight above zero in two or more")
        for venue in self.venues:
            for listing in venue.listings:
                self._check(venue, listing)

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """All markets of all venues, in the order in which they are listed."""
        return tuple(_instrument(venue, listing) for venue in self.venues for listing in venue.listings)

    @property
    def listed(self) -> tuple[Listed, ...]:
        """The same markets, each with all that belongs to it."""
        places = [(venue, listing) for venue in self.venues for listing in venue.listings]
        return tuple(
            Listed(instrument, listing, venue, self.asset(listing))
            for instrument, (venue, listing) in zip(self.instruments, places, strict=True)
        )

    def asset(self, listing: Listing) -> Asset:
        """What a listing trades."""
        return next(asset for asset in self.assets if asset.name == listing.name.base)

    def _check(self, venue: Venue, listing: Listing) -> None:
        where = f"venues.{venue.name}.listings.{listing.symbol}"
        if all(asset.name != listing.name.base for asset in self.assets):
            known = ", ".join(asset.name for asset in self.assets)
            raise ConfigError(
                f"{where}: {listing.name.base} is not among the assets ({known}): describe it there"
            )
        price = self.asset(listing).price
        in_ticks = price / float(listing.tick)
        if not 100 <= in_ticks <= 2**30:
            raise ConfigError(
                f"{where}.tick = {listing.tick}: the price {price:g} is {in_ticks:g} ticks;"
                " expected between 100 and 10^9"
            )
        reach = reach_ticks(listing, in_ticks)
        if reach > _REACH_TICKS_MAX:
            raise ConfigError(
                f"{where}.tick = {listing.tick}: a side of the book would be {reach:.0f} ticks deep, at most"
                f" {_REACH_TICKS_MAX} are simulated: take a larger tick, or a smaller hump_bp and spread_bp"
            )
        lots = listing.trade_amount / (price * listing.lot_base)
        if not 2 <= lots <= 1e9:
            raise ConfigError(
                f"{where}.lot = {listing.lot}: trade_amount is {lots:g} lots; expected between 2 and 10^9"
            )


def reach_ticks(listing: Listing, price_ticks: float) -> float:
    """How many ticks from the fair price the book of a listing reaches."""
    return (4 * listing.spread_bp + 8 * listing.hump_bp) * 1e-4 * price_ticks + 8


def _instrument(venue: Venue, listing: Listing) -> Instrument:
    name = listing.name
    try:
        return Instrument(
            venue=venue.name,
            symbol=str(name),
            native=listing.native or f"{name.base}{name.quote}{'' if name.settle is None else '-PERP'}",
            kind=name.kind,
            base=name.base,
            quote=name.quote,
            settle=name.settle or name.quote,
            tick=listing.tick,
            lot=listing.lot,
            multiplier=listing.multiplier,
            min_lots=listing.min_lots,
            min_notional=listing.min_notional,
            maker_fee=listing.maker_fee,
            taker_fee=listing.taker_fee,
        )
    except XtradeError as error:
        raise ConfigError(f"venues.{venue.name}.listings.{listing.symbol}: {error}") from None
