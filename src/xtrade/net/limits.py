"""What a venue allows, as data: pools, their windows, and what one request costs.

  Pool("weight", (Window(6_000, ms=60_000),))                         weight by address, one minute
  Pool("orders", (Window(300, ms=10_000), Window(160_000, ms=86_400_000)), kept=NOTHING_KEPT)
  Pool("orders of a market", (Window(60, ms=2_000),), kept=NOTHING_KEPT)    one for each key: Cost(..., key="BTC-USDT")
  Pool("new connections", (Window(300, ms=300_000),)), Pool("messages of a socket", (Window(5, ms=1_000),))

A request may cost something in several pools; it is let out when all of them have room. In a pool that serves all
kinds of work, a part is kept for each kind, so that cancels always find room and no kind starves another.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec

from xtrade.model.errors import ConfigError

__all__ = ["KEPT", "NOTHING_KEPT", "Cost", "Pool", "Priority", "Window", "shared"]

PERCENT: Final = 100


class Priority(IntEnum):
    """Who goes first where room is short."""

    CANCEL = 0
    """What takes risk away. May use every unit there is, and nobody overtakes it."""
    TRADE = 1
    """New orders and amendments."""
    ACCOUNT = 2
    """What we must know: orders in doubt, fills, balances, positions."""
    DATA = 3
    """Instruments, candles, snapshots, history."""


KEPT: Final[Mapping[Priority, int]] = {
    Priority.CANCEL: 10,
    Priority.TRADE: 20,
    Priority.ACCOUNT: 10,
    Priority.DATA: 10,
}
"""Percent of a window that are kept for each kind of work; the rest goes by priority."""

NOTHING_KEPT: Final[Mapping[Priority, int]] = {}
"""For a pool that only one kind of work uses, such as the one of a single endpoint."""


class Window(msgspec.Struct, frozen=True):
    """No more than `limit` units within any `ms` milliseconds."""

    limit: int
    ms: int

    def __post_init__(self) -> None:
        for name in ("limit", "ms"):
            if getattr(self, name) < 1:
                raise ConfigError(f"rate limit window: {name} = {getattr(self, name)}: expected one or more")


class Pool(msgspec.Struct, frozen=True):
    """One budget of a venue: by address, by account, by endpoint, by market."""

    name: str
    windows: tuple[Window, ...]
    kept: Mapping[Priority, int] = msgspec.field(default_factory=lambda: KEPT)

    def __post_init__(self) -> None:
        if not self.windows:
            raise ConfigError(f"rate limit pool {self.name!r} has no window: give it at least one")
        if len({window.ms for window in self.windows}) < len(self.windows):
            raise ConfigError(f"rate limit pool {self.name!r} has two windows of the same length: keep one")
        if any(percent < 0 for percent in self.kept.values()) or sum(self.kept.values()) > PERCENT:
            raise ConfigError(
                f"rate limit pool {self.name!r} keeps {dict(self.kept)}: expected up to 100 percent"
            )


class Cost(NamedTuple):
    """What a request takes out of a pool; `key` tells the market (or socket) where each has its own."""

    pool: str
    weight: int = 1
    key: str = ""


def shared(pools: tuple[Pool, ...], percent: int) -> tuple[Pool, ...]:
    """Return the pools cut down to a share, where several processes live on one address or account."""
    if not 1 <= percent <= PERCENT:
        raise ConfigError(f"share of the rate limits = {percent}: expected 1 to 100 percent")
    return tuple(
        msgspec.structs.replace(
            pool, windows=tuple(Window(max(1, w.limit * percent // PERCENT), w.ms) for w in pool.windows)
        )
        for pool in pools
    )
