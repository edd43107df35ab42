"""A venue's facts, as data: where it is, what it allows, what it can do, on which lines it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from xtrade.model.errors import ConfigError
from xtrade.model.instruments import Kind
from xtrade.net.breaker import BreakerRule
from xtrade.net.http import Timeouts
from xtrade.net.limits import Pool
from xtrade.net.retry import RetryRule
from xtrade.net.usage import UsageRule
from xtrade.runtime.id_forms import Form
from xtrade.venues.abilities import Abilities
from xtrade.venues.base import FeeRates
from xtrade.venues.streams import BookRule, Line

__all__ = ["Addresses", "Environment", "Spec", "addresses_at"]

Environment: TypeAlias = Literal["live", "testnet", "box"]
Addresses: TypeAlias = Mapping[str, str]
"""Where each part of a venue is reached, by the name that the codec and the lines use."""


class Spec(Struct, frozen=True, kw_only=True):
    """One venue.

    `books` tells how books are kept in step, by section (the one of `Listed`). `pause_ms` is how long to be quiet after
    a 429 that does not say how long. `clock_ms_max` is how far our clock may be off before requests are refused: the
    link keeps asking the venue's time and signs with that.
    """

    name: str
    addresses: Mapping[Environment, Addresses]
    abilities: Abilities
    lines: tuple[Line, ...]
    books: Mapping[str, BookRule]
    ids: Form
    pools: tuple[Pool, ...] = ()
    usage: tuple[UsageRule, ...] = ()
    pause_ms: int = 2_000
    pause_statuses: tuple[int, ...] = (418, 429)
    cancels_pass_pause: bool = False
    timeouts: Timeouts = Timeouts()
    retry: RetryRule = RetryRule()
    breaker: BreakerRule = BreakerRule()
    clock_ms_max: int = 1_000
    fees: Mapping[Kind, FeeRates] = {}
    """What the lowest tier pays, where the listing does not say: an account's own rates take their place."""
    key_fields: tuple[str, ...] = ()
    """What a key of this venue is made of, as `xtrade keys add` asks for it."""
    keeps_alive_ms: int = 0
    """How often a listen key or token is to be renewed; 0: there is none."""

    def line(self, name: str) -> Line:
        """Return a kind of connection by its name."""
        return next(line for line in self.lines if line.name == name)

    def at(self, environment: Environment, address: str = "") -> Addresses:
        """Return where everything is; `address` (`http://127.0.0.1:9001`) takes the place of every host."""
        if address:
            return addresses_at(self.addresses["live"], address)
        found = self.addresses.get(environment)
        if found is None:
            known = " or ".join(self.addresses)
            hint = "start one with `xtrade exchange` and give its address" if environment == "box" else known
            raise ConfigError(f"{self.name} has no {environment} addresses: expected {hint}")
        return found


def addresses_at(addresses: Addresses, origin: str) -> dict[str, str]:
    """Return the addresses with another origin: paths stay, WebSocket stays WebSocket."""
    there = urlsplit(origin)
    if there.scheme not in {"http", "https"} or not there.netloc or there.path.strip("/"):
        raise ConfigError(f"{origin!r} is no address: expected http://HOST:PORT")
    moved = {}
    for name, address in addresses.items():
        was = urlsplit(address)
        secure = "s" if there.scheme == "https" else ""
        scheme = ("ws" if was.scheme.startswith("ws") else "http") + secure
        moved[name] = was._replace(scheme=scheme, netloc=there.netloc).geturl()
    return moved
