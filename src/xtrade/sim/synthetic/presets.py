"""Worlds by name, ready to be used or changed with `msgspec.structs.replace`.

calm                  one quiet spot market
busy                  one busy spot market, hundreds of rows a second
trending              trends up and down, with calm in between
two-venues            one market on two venues: the second follows the first, on a coarser grid
spot-and-perpetual    a pair and its perpetual on one venue, with basis and funding
several-assets        three perpetuals whose prices move together
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from xtrade.model.errors import ConfigError, did_you_mean
from xtrade.sim.synthetic.markets import BUSY, CALM, Asset, Listing, Regime, SyntheticMarkets, Venue

__all__ = ["preset", "presets"]


def presets() -> tuple[str, ...]:
    """The names of all worlds that are ready."""
    return tuple(_worlds())


def preset(name: str) -> SyntheticMarkets:
    """Return the world of that name, or raise ConfigError."""
    world = _worlds().get(name)
    if world is None:
        raise ConfigError(
            f"{name!r} is no preset of synthetic markets: expected one of {', '.join(_worlds())}."
            f"{did_you_mean(name, _worlds())}"
        )
    return world


@cache
def _worlds() -> dict[str, SyntheticMarkets]:
    trends = Regime(name="trend", minutes_mean=120, weight=2, volatility=0.9, activity=1.2, drift_daily=0.3)
    follower = Listing(
        tick=Decimal(2),
        lot=Decimal("0.001"),
        spread_bp=1.2,
        hump_bp=2.5,
        trades_rate=0.6,
        orders_rate=20,
        depth_amount=12_000,
        noise_bp=0.3,
    )
    perpetual = Listing(
        symbol="BTC/USDT:USDT", lot=Decimal("0.001"), trades_rate=2.5, orders_rate=60, spread_bp=0.5
    )
    return {
        "calm": SyntheticMarkets(regimes=(CALM,)),
        "busy": SyntheticMarkets(
            venues=(Venue(listings=(Listing(trades_rate=3, orders_rate=90),)),), regimes=(BUSY, CALM)
        ),
        "trending": SyntheticMarkets(regimes=(trends, CALM)),
        "two-venues": SyntheticMarkets(
            venues=(
                Venue(),
                Venue(name="sim2", listings=(follower,), delay_ms=300, feed_ms=12, feed_jitter_ms=4),
            )
        ),
        "spot-and-perpetual": SyntheticMarkets(venues=(Venue(listings=(Listing(), perpetual)),)),
        "several-assets": SyntheticMarkets(
            assets=(
                Asset(),
                Asset(name="ETH", price=3_000, volatility_annual=0.6, correlation=0.85),
                Asset(name="SOL", price=150, volatility_annual=0.8, correlation=0.75, jumps_daily=10),
            ),
            venues=(
                Venue(
                    listings=(
                        Listing(symbol="BTC/USDT:USDT"),
                        Listing(
                            symbol="ETH/USDT:USDT",
                            tick=Decimal("0.1"),
                            lot=Decimal("0.001"),
                            spread_bp=0.8,
                            hump_bp=2,
                        ),
                        Listing(
                            symbol="SOL/USDT:USDT",
                            tick=Decimal("0.01"),
                            lot=Decimal("0.01"),
                            spread_bp=1.4,
                            hump_bp=3,
                            depth_amount=15_000,
                        ),
                    )
                ),
            ),
        ),
    }
