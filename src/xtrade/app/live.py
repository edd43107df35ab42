"""Trading at venues: the accounts that a configuration names, at the venues themselves, their testnets, or boxes.

live_of       read [venues], find keys and boxes, look at each account: what is wrong is said before anything is sent
Live          those accounts, as a run needs them (xtrade.app.places)
LiveAccount   one of them: what it is called, and how a link to it is made
account_of    find the key, or the box, of one of them
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

from xtrade.app.boxes import BoxAt, account_at, box_at, find_box
from xtrade.app.config.model import Config, VenueConfig
from xtrade.app.journals import BEGAN, node_dir
from xtrade.app.paths import state_dir
from xtrade.app.places import Placed
from xtrade.model.durations import duration_ns
from xtrade.model.errors import ConfigError, DataError, NumberError
from xtrade.model.instruments import Instrument
from xtrade.model.money import Money
from xtrade.ops.log_config import LogConfig
from xtrade.ops.logs import configure
from xtrade.runtime import clock
from xtrade.runtime.files import replace_file
from xtrade.runtime.ids import ClientOrderIds, FileMark, JointMark
from xtrade.runtime.real import run
from xtrade.runtime.secrets import Secret
from xtrade.trading.risk.kill import EmergencyAccess
from xtrade.venues.base import Venue
from xtrade.venues.link import Link, LinkOptions
from xtrade.venues.link.access import LinkAccess
from xtrade.venues.markets import Markets
from xtrade.venues.registry import link_to

__all__ = ["Live", "LiveAccount", "Wanted", "account_of", "live_of"]

SECOND: Final = 1_000_000_000

Wanted = Callable[[list[str]], Collection[str]]
"""Given the markets that are there, which of them the run is about; it raises what cannot be."""


@dataclass(frozen=True, kw_only=True)
class LiveAccount:
    """One account at one venue."""

    name: str
    """By what it is known on this machine: two processes that trade one account agree on it."""
    environment: str
    link: Callable[[], Link]
    """Makes a new link; all of them know the same markets."""


class Live:
    """Accounts by the names of their venues. `look` before anything else."""

    def __init__(self, by_venue: Mapping[str, LiveAccount], units: Collection[str]) -> None:
        self.by_venue = dict(by_venue)
        self.began: dict[str, dict[str, int]] = {}
        """What each account had of each currency when the journal began, in atoms."""
        self._units = tuple(units)
        self._instruments: dict[str, Instrument] = {}
        self._watched: frozenset[str] = frozenset()
        self._trading: dict[str, Link] = {}

    async def look(self, wanted: Wanted) -> None:
        """Learn the markets, and ask each account what it has: so a key that is wrong is known before the start."""
        links = {name: account.link() for name, account in self.by_venue.items()}
        try:
            await asyncio.gather(*(link.load() for link in links.values()))
            for link in links.values():
                self._instruments |= link.instruments
            self._watched = frozenset(wanted(self.keys))
            for name, link in links.items():
                if link.account is not None:
                    link.concern(self._watched)
                    totals = [each.total for each in await link.account.balances()]
                    self.began[name] = {money.currency: money.atoms for money in totals}
                    self._trading[name] = link
        finally:
            await asyncio.gather(*(link.stop() for link in links.values()))

    def begin(self, node: str, *, anew: bool) -> None:
        """Keep with a new journal what the accounts had as it began; one that goes on counts from there."""
        path = node_dir(node) / BEGAN
        if not anew:
            self.began |= _read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, msgspec.json.encode(self.began))

    @property
    def mode(self) -> Literal["live"]:
        """Orders go to the venues."""
        return "live"

    @property
    def keys(self) -> list[str]:
        """The markets of all venues."""
        return list(self._instruments)

    @property
    def balances(self) -> tuple[Money, ...]:
        """What the accounts had in all, the desk's own currencies first."""
        sums: dict[str, int] = {}
        for had in self.began.values():
            for currency, atoms in had.items():
                sums[currency] = sums.get(currency, 0) + atoms
        first = [each for each in self._units if sums.get(each, 0) > 0]
        if not first:
            raise ConfigError(
                f"no account has any {' or '.join(self._units)}, in which losses are counted: put some there, or set"
                " risk.currency to what they have"
            )
        rest = [each for each in sums if each not in first]
        return tuple(Money(sums[currency], currency) for currency in [*first, *rest])

    def must_be_countable(self) -> None:
        """Refuse a market whose profit nobody could add to that of the others."""
        _ = self.balances
        units = set(self._units)
        watched = [self._instruments[key] for key in sorted(self._watched)]
        priced = {each.base for each in watched if each.quote in units} | units
        for each in watched:
            if each.settle not in priced:
                raise ConfigError(
                    f"{each.key} is settled in {each.settle}, which is none of {', '.join(self._units)}, and no market"
                    f" of this run prices it: add it to risk.same_as, or a market that quotes {each.settle}"
                )

    @property
    def accounts(self) -> list[str]:
        """The accounts that can trade: each is held by one process at a time."""
        return [self.by_venue[name].name for name in self._trading]

    def venues(self) -> dict[str, Link]:
        """Make the links."""
        return {name: account.link() for name, account in self.by_venue.items()}

    def ids(self, given: Collection[int]) -> ClientOrderIds:  # noqa: ARG002  (their marks outlive the journal)
        """Ids that every account of the run can carry, above all that were ever given on any of them."""
        spaces = [link.codec.spec.ids.space for link in self._trading.values()]
        if not spaces:
            raise ConfigError("no account of this run can trade: give [venues.NAME] a key")
        narrowest = min(spaces, key=lambda space: space.bits)
        marks = [FileMark(self._ids_of(name, narrowest.bits), narrowest) for name in self._trading]
        return ClientOrderIds(JointMark(marks), clock.now_ns)

    def accesses(
        self,
        venues: Mapping[str, Venue],  # noqa: ARG002  (theirs is the loop that may hang)
        given: Collection[int],  # noqa: ARG002
        placed: Placed,
    ) -> dict[str, EmergencyAccess]:
        """Each account that can trade, over connections of its own."""
        found: dict[str, EmergencyAccess] = {}
        for name, link in self._trading.items():
            space = link.codec.spec.ids.space
            ids = ClientOrderIds(FileMark(self._ids_of(name, space.bits), space), clock.now_ns)
            found[name] = LinkAccess(
                self.by_venue[name].link,
                [key for key in self._watched if key.partition(":")[0] == name],
                kept=[Money(atoms, currency) for currency, atoms in self.began[name].items()],
                next_id=ids.next,
                placed=placed,
            )
        return found

    def told(self) -> tuple[tuple[str, ...], str, bytes]:
        """Nothing is assumed: the venues filled the orders."""
        where = ", ".join(f"{name} ({each.environment})" for name, each in self.by_venue.items())
        return (f"orders were filled by {where}",), f"the markets of {where}", where.encode()

    def _ids_of(self, venue: str, bits: int) -> Path:
        """Where the ids of an account are marked: of its own form where `xtrade order` does, narrower ones below."""
        directory = state_dir() / "accounts" / self.by_venue[venue].name
        own = self._trading[venue].codec.spec.ids.space.bits
        return directory if bits == own else directory / f"{bits}-bit"


def live_of(config: Config, wanted: Wanted) -> Live:
    """Reach the accounts of a configuration."""

    async def reached() -> Live:
        by_venue = {}
        for label, given in config.venues.items():
            if given.venue in by_venue:
                raise ConfigError(
                    f"venues.{label}: a run trades one account at a venue, and {given.venue} is there twice"
                )
            by_venue[given.venue] = await account_of(label, given)
        live = Live(by_venue, [config.risk.currency, *config.risk.same_as])
        await live.look(wanted)
        live.must_be_countable()
        return live

    # What goes wrong is said in one line by the error.
    with configure(LogConfig(level="error"), run_id="start"):
        return run(reached)


async def account_of(label: str, given: VenueConfig) -> LiveAccount:
    """Read one account; `label` is what the configuration calls it."""
    venue = given.venue
    if venue.startswith("ccxt:"):
        raise ConfigError(f"venues.{label}.venue = {venue!r}: xtrade run does not trade through ccxt yet")
    address = given.address or ""
    key = _key_of(given) if given.key else None
    if given.environment == "box":
        box = await _box(label, given)
        address = box.address
        key = key or {field: Secret(value) for field, value in box.key.items()}
        name = account_at(venue, address)
    else:
        if given.address:
            raise ConfigError(f"venues.{label}.address: only a box has an address of its own")
        name = given.key or venue
    markets = Markets()
    options = LinkOptions(dead_man_s=_dead_man_s(label, given))

    def link() -> Link:
        return link_to(
            venue,
            environment=given.environment,
            address=address,
            key=key,
            account=name,
            options=options,
            markets=markets,
        )

    return LiveAccount(name=name, environment=given.environment, link=link)


async def _box(label: str, given: VenueConfig) -> BoxAt:
    if given.address:
        return await box_at(given.address, given.venue)
    found = await find_box(given.venue)
    if found is None:
        raise ConfigError(
            f"venues.{label}: no box of {given.venue} runs here: start one with `xtrade exchange --venue"
            f" {given.venue}`, or give its address"
        )
    return found


def _key_of(given: VenueConfig) -> dict[str, Secret]:
    from xtrade.app.credentials.record import AccountName
    from xtrade.app.credentials.sources import Sources

    assert given.key is not None
    meant: Final = "live" if given.environment == "live" else "testnet"
    found = Sources().find(AccountName.parse(given.key), meant_for=meant)
    return {name: Secret(value) for name, value in found.revealed().items()}


def _dead_man_s(label: str, given: VenueConfig) -> int:
    if given.dead_man is None:
        return 0
    try:
        span_ns = duration_ns(given.dead_man)
    except NumberError as error:
        raise ConfigError(f"venues.{label}.dead_man = {given.dead_man!r}: {error}") from error
    if span_ns < SECOND:
        raise ConfigError(f"venues.{label}.dead_man = {given.dead_man!r}: expected a second or more, as 60s")
    return span_ns // SECOND


def _read(path: Path) -> dict[str, dict[str, int]]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, int]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(
            f"{path} cannot be read: what the accounts had as the journal began ({error})"
        ) from error
