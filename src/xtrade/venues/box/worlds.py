"""The world behind boxes: several venues, one underlying market, each on its own grid.

    world = world_of({"binance": BinanceServer, "okx": OkxServer}, ["BTC/USDT", "BTC/USDT:USDT"])

The first venue leads: the others follow its prices a little later, each by a little more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from xtrade.model.errors import ConfigError, did_you_mean
from xtrade.sim.synthetic.markets import Asset, Listing, SyntheticMarkets, Venue
from xtrade.venues.box.server import Server

__all__ = ["ASSETS", "world_of"]

# How much later each venue follows than the one before it.
_LATER_MS: Final = 40

ASSETS: Final[Mapping[str, Asset]] = {
    asset.name: asset
    for asset in (
        Asset(name="BTC", price=60_000),
        Asset(name="ETH", price=3_000, volatility_annual=0.6),
        Asset(name="SOL", price=150, volatility_annual=0.8, correlation=0.75, jumps_daily=10),
        Asset(name="DOGE", price=0.15, volatility_annual=0.9, correlation=0.7, jumps_daily=12),
    )
}
"""What boxes can trade."""


def world_of(servers: Mapping[str, type[Server]], symbols: Sequence[str] = ()) -> SyntheticMarkets:
    """Return the world that these servers stand in front of; without symbols, all that each of them lists."""
    venues = []
    for number, (name, server) in enumerate(servers.items()):
        listings = _chosen(server, symbols)
        if listings:
            venues.append(Venue(name=name, listings=listings, delay_ms=number * _LATER_MS))
    known = {symbol for server in servers.values() for symbol in server.listings}
    for symbol in symbols:
        if symbol not in known:
            raise ConfigError(
                f"no box lists {symbol}: expected some of {', '.join(sorted(known))}.{did_you_mean(symbol, known)}"
            )
    for name in servers:
        if all(venue.name != name for venue in venues):
            raise ConfigError(
                f"the box of {name} lists none of {', '.join(symbols)}: give it one that it has"
            )
    bases = {listing.name.base for venue in venues for listing in venue.listings}
    return SyntheticMarkets(
        assets=tuple(asset for asset in ASSETS.values() if asset.name in bases), venues=tuple(venues)
    )


def _chosen(server: type[Server], symbols: Sequence[str]) -> tuple[Listing, ...]:
    return tuple(listing for symbol, listing in server.listings.items() if not symbols or symbol in symbols)
