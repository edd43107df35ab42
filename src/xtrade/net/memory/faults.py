"""What can go wrong on a wire, as data: how often, how long, how far.

  connecting   refused, or never answered
  both ways    latency and its spikes; a cut, in the middle of whatever was on its way; a half-open silence, in which
               the other end seems alive; a slow drip
  to us        garbage in the stream; whole WebSocket messages lost, doubled or overtaken by later ones

A plan says probabilities; a `Fate` is what one connection drew of it when it was made, so that adding a connection
elsewhere changes nothing here. `FaultPlan.drawn` makes a plan out of a seed: some faults are on, most are not, which
finds more than everything at once does.
"""

from __future__ import annotations

from random import Random  # noqa: TID251  (a type; the streams come from xtrade.runtime.chance)
from typing import Final, NamedTuple

import msgspec

from xtrade.model.errors import ConfigError

__all__ = ["CALM", "Fate", "FaultPlan", "Way", "draw_fate"]

_MS_NS: Final = 1_000_000


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilities of faults (for each connection, or for each chunk or message), and their size."""

    latency_ms_min: int = 1
    latency_ms_max: int = 5
    spike: float = 0.0
    """For each chunk: it takes up to `spike_ms_max` longer, and what follows waits behind it."""
    spike_ms_max: int = 2_000
    refuse: float = 0.0
    """For each connection: nobody listens."""
    hang: float = 0.0
    """For each connection: no answer at all."""
    cut: float = 0.0
    """For each connection: it breaks after some bytes, mid-frame or mid-header as it may fall."""
    silence: float = 0.0
    """For each connection: after some bytes one way (or both) carries nothing more, and nobody is told."""
    drip: float = 0.0
    """For each connection: bytes come a few at a time."""
    drip_bytes: int = 16
    drip_ms: int = 50
    garbage: float = 0.0
    """For each connection: some bytes on their way to the client are replaced."""
    offset_max: int = 8_192
    """Cuts, silences and garbage begin within this many bytes."""
    drop: float = 0.0
    """For each WebSocket message to the client."""
    double: float = 0.0
    """For each WebSocket message to the client."""
    overtake: float = 0.0
    """For each WebSocket message to the client: later ones arrive first."""
    overtake_ms_max: int = 200

    def __post_init__(self) -> None:
        for name in _PROBABILITIES:
            p = getattr(self, name)
            if not 0.0 <= p <= 1.0:
                raise ConfigError(f"fault plan: {name} = {p}: expected a probability between 0 and 1")
        if not 0 <= self.latency_ms_min <= self.latency_ms_max:
            raise ConfigError(
                f"fault plan: latency_ms_min = {self.latency_ms_min} and latency_ms_max = {self.latency_ms_max}:"
                " expected 0 <= min <= max"
            )
        for name in ("drip_bytes", "drip_ms", "offset_max", "overtake_ms_max", "spike_ms_max"):
            if getattr(self, name) < 1:
                raise ConfigError(f"fault plan: {name} = {getattr(self, name)}: expected one or more")

    @classmethod
    def drawn(cls, chance: Random, *, on: float = 0.4, p_max: float = 0.2) -> FaultPlan:
        """Draw a plan: each fault is there with probability `on`, and then at a rate of its own up to `p_max`."""
        rates = {name: chance.random() * p_max for name in _PROBABILITIES if chance.random() < on}
        latency_ms_min = chance.randrange(0, 50)
        latency = {
            "latency_ms_min": latency_ms_min,
            "latency_ms_max": latency_ms_min + chance.randrange(0, 200),
        }
        return msgspec.convert({**latency, **rates}, cls)


_PROBABILITIES: Final = (
    "spike",
    "refuse",
    "hang",
    "cut",
    "silence",
    "drip",
    "garbage",
    "drop",
    "double",
    "overtake",
)

CALM: Final = FaultPlan()
"""A few milliseconds of latency, and nothing else."""


class Way(NamedTuple):
    """What one direction of one connection drew: byte offsets, None where it never happens."""

    cut_at: int | None = None
    silent_from: int | None = None
    garbage_at: int | None = None
    drips: bool = False


class Fate(NamedTuple):
    """What one connection drew when it was made."""

    refused: bool
    hangs: bool
    to_server: Way
    to_client: Way


def draw_fate(plan: FaultPlan, chance: Random) -> Fate:
    """Draw what will happen to one connection; the same number of draws whatever the plan."""
    refused, hangs, cut, silent, drips, garbage = (
        chance.random() < p for p in (plan.refuse, plan.hang, plan.cut, plan.silence, plan.drip, plan.garbage)
    )
    cut_at, silent_from, garbage_at = (chance.randrange(plan.offset_max) for _ in range(3))
    cut_side = chance.randrange(2)
    silent_sides = chance.randrange(1, 4)
    ways = tuple(
        Way(
            cut_at=cut_at if cut and cut_side == side else None,
            silent_from=silent_from if silent and silent_sides & (1 << side) else None,
            garbage_at=garbage_at if garbage and side == 1 else None,
            drips=drips,
        )
        for side in range(2)
    )
    return Fate(refused, hangs, *ways)
