"""Which venues there are, by name: where their rooms are, imported when they are first asked for.

link = link_to("okx", environment="live")                  # public data
link = link_to("okx", environment="testnet", key=fields)   # an account
server_of("okx")                                           # the other end, for boxes
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.runtime.secrets import Secret
from xtrade.venues.base import Venue
from xtrade.venues.codec import Codec
from xtrade.venues.link import Link, LinkOptions
from xtrade.venues.markets import Markets
from xtrade.venues.spec import Environment, Spec

__all__ = ["CCXT", "VENUES", "Loaded", "Rooms", "codec_of", "link_to", "server_of", "spec_of", "venue_to"]


CCXT: Final = "ccxt:"
"""What the names of venues begin with that are reached through ccxt."""


class Loaded(Venue, Protocol):
    """A venue whose markets are known once it was loaded."""

    async def load(self) -> None:
        """Ask for its markets; it can be asked of them from then on."""
        ...


class Rooms(NamedTuple):
    """Where a venue's rooms are: the names of its classes in `xtrade.venues.NAME`."""

    spec: str
    codec: str
    key: str
    server: str


def _rooms(name: str, word: str) -> Rooms:
    at = f"xtrade.venues.{name}"
    return Rooms(
        f"{at}.spec:SPEC", f"{at}.codec:{word}Codec", f"{at}.auth:{word}Key", f"{at}.server:{word}Server"
    )


VENUES: Final[Mapping[str, Rooms]] = {
    "binance": _rooms("binance", "Binance"),
    "okx": _rooms("okx", "Okx"),
    "backpack": _rooms("backpack", "Backpack"),
    "lighter": _rooms("lighter", "Lighter"),
}
"""The venues that are spoken to in their own words; `ccxt:NAME` are spoken to through ccxt."""


def spec_of(venue: str) -> Spec:
    """Return a venue's facts."""
    spec: Spec = _load(_known(venue).spec)
    return spec


def codec_of(
    venue: str,
    *,
    environment: Environment = "live",
    address: str = "",
    key: Mapping[str, Secret] | None = None,
    account: str = "",
    markets: Markets | None = None,
) -> Codec[Any]:
    """Make a venue's codec, for an account if there is a key; `markets` are what is known of it already."""
    rooms = _known(venue)
    codec: type[Codec[Any]] = _load(rooms.codec)
    auth = None if key is None else _load(rooms.key).from_key(key)
    return codec(
        codec.spec.at(environment, address), Markets() if markets is None else markets, auth, account
    )


def link_to(
    venue: str,
    *,
    environment: Environment = "live",
    address: str = "",
    key: Mapping[str, Secret] | None = None,
    account: str = "",
    options: LinkOptions | None = None,
    markets: Markets | None = None,
) -> Link:
    """Make a link to a venue; `load` or `start` it to be connected."""
    codec = codec_of(
        venue, environment=environment, address=address, key=key, account=account, markets=markets
    )
    return Link(codec, options)


def venue_to(
    venue: str,
    *,
    environment: Environment = "live",
    address: str = "",
    key: Mapping[str, Secret] | None = None,
    account: str = "",
    options: LinkOptions | None = None,
) -> Loaded:
    """Make a venue of ours, or `ccxt:NAME`, which is called NAME in instrument keys; `load` it first."""
    if not venue.startswith(CCXT):
        return link_to(
            venue, environment=environment, address=address, key=key, account=account, options=options
        )
    if environment == "box" and not address:
        raise UsageError(f"there is no box of {venue}: boxes are {', '.join(VENUES)}")
    from xtrade.venues.ccxt import CcxtVenue

    return CcxtVenue(
        venue.removeprefix(CCXT),
        secrets=key,
        testnet=environment == "testnet",
        address=address or None,
        http=None if options is None else options.http,
    )


def server_of(venue: str) -> Any:
    """Return the class of a venue's server (a `xtrade.venues.box.server.Server`)."""
    return _load(_known(venue).server)


def _known(venue: str) -> Rooms:
    found = VENUES.get(venue)
    if found is None:
        near = did_you_mean(venue, VENUES)
        raise UsageError(f"no venue is called {venue!r}: expected {', '.join(VENUES)} or ccxt:NAME.{near}")
    return found


def _load(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
