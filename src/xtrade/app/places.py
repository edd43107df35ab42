"""Where a run trades: the built-in exchange (Paper), or accounts at venues (xtrade.app.live).

Place   what a node needs of either: venues, ids for its orders, and a way in for its kill switch
Paper   the built-in exchange, among synthetic traders: it begins anew with each process
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from xtrade.app.backtests import amount_of
from xtrade.app.config.model import Config
from xtrade.model.durations import duration_ns
from xtrade.model.money import Money
from xtrade.model.orders import OrderIntent
from xtrade.runtime import clock
from xtrade.runtime.ids import BITS_63, ClientOrderIds, MemoryMark
from xtrade.sim.synthetic.markets import SyntheticMarkets
from xtrade.sim.synthetic.presets import preset
from xtrade.trading.risk.kill import EmergencyAccess
from xtrade.venues.base import Venue
from xtrade.venues.simulated import SimulatedVenue
from xtrade.venues.simulated_access import EMERGENCY_IDS, SimulatedAccess

__all__ = ["Paper", "Place", "Placed"]

Placed = Callable[[OrderIntent], object]
"""Who hears of an order of the kill switch before it is sent."""


class Place(Protocol):
    """Where a run trades."""

    @property
    def mode(self) -> Literal["paper", "live"]:
        """Whether orders leave this process."""
        ...

    @property
    def keys(self) -> list[str]:
        """The markets that are there."""
        ...

    @property
    def balances(self) -> tuple[Money, ...]:
        """What the accounts had as the journal began; first that on which profit is reported."""
        ...

    @property
    def accounts(self) -> list[str]:
        """The names by which other processes know whose accounts these are."""
        ...

    def begin(self, node: str, *, anew: bool) -> None:
        """The node's journal is held: begin with it, or go on with what was kept beside it."""
        ...

    def venues(self) -> Mapping[str, Venue]:
        """Make the venues, by the names that instruments give them."""
        ...

    def ids(self, given: Collection[int]) -> ClientOrderIds:
        """Return whence orders get their ids; `given` are those that the journal has."""
        ...

    def accesses(
        self, venues: Mapping[str, Venue], given: Collection[int], placed: Placed
    ) -> dict[str, EmergencyAccess]:
        """Return the way into each account for the kill switch."""
        ...

    def told(self) -> tuple[tuple[str, ...], str, bytes]:
        """Say what was assumed, what was traded on, and in bytes what made it that."""
        ...


@dataclass(frozen=True)
class Paper:
    """The built-in exchange."""

    config: Config
    world: SyntheticMarkets
    balances: tuple[Money, ...]
    accounts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, config: Config) -> Paper:
        """Read which world, and what the account has."""
        balances = tuple(amount_of(each, "paper.balances") for each in config.paper.balances)
        return cls(config, preset(config.paper.world), balances)

    @property
    def mode(self) -> Literal["paper"]:
        """Nothing leaves this process."""
        return "paper"

    @property
    def keys(self) -> list[str]:
        """The markets of the world."""
        return [instrument.key for instrument in self.world.instruments]

    def begin(self, node: str, *, anew: bool) -> None:
        """Nothing is kept: the exchange, and what the account has there, begin anew each time."""

    def venues(self) -> dict[str, SimulatedVenue]:
        """Make the exchanges of the world."""
        paper = self.config.paper
        return {
            venue.name: SimulatedVenue(
                self.world,
                seed=self.config.engine.seed,
                balances=self.balances,
                name=venue.name,
                entry_ns=duration_ns(paper.entry_latency),
                response_ns=duration_ns(paper.response_latency),
            )
            for venue in self.world.venues
        }

    def ids(self, given: Collection[int]) -> ClientOrderIds:
        """Above all that the journal has, also where the clock was set back since."""
        mark = max((each for each in given if each < EMERGENCY_IDS), default=0) + 1
        return ClientOrderIds(MemoryMark(BITS_63, mark), clock.now_ns)

    def accesses(
        self, venues: Mapping[str, Venue], given: Collection[int], placed: Placed
    ) -> dict[str, EmergencyAccess]:
        """Each exchange, past the loop."""
        after_id = max([EMERGENCY_IDS, *given])
        return {
            name: SimulatedAccess(venue, self.balances, placed=placed, after_id=after_id)
            for name, venue in venues.items()
            if isinstance(venue, SimulatedVenue)
        }

    def told(self) -> tuple[tuple[str, ...], str, bytes]:
        """The latencies, and the world."""
        assumptions = tuple(venue.latency_in_words for venue in self.venues().values())
        data = f"synthetic traders of the world {self.config.paper.world!r}, seed {self.config.engine.seed}"
        return assumptions, data, msgspec.json.encode(self.world, enc_hook=str)
