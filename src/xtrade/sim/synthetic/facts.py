"""What is true of a market: the figures by which synthetic and recorded tapes are compared.

looked_at         the book at regular times: best prices, depth by distance, and whether it was ever crossed
trades_of         the trades: when, which side took, at which price, how much; one row for each taker
autocorrelation   how much a series is like itself some places later
lead              how much one series is like another some places later
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.sim.replay.compiled import kernel
from xtrade.sim.replay.layout import Reals, Rows, Words
from xtrade.sim.replay.tape import Happening, Tape

__all__ = ["Looks", "Trades", "autocorrelation", "lead", "looked_at", "trades_of"]

_LEVEL: Final = int(Happening.LEVEL)
_CLEAR: Final = int(Happening.CLEAR)


@dataclass(frozen=True)
class Looks:
    """The book of one instrument, at regular times; 0 where a side was empty."""

    ns: Words
    bid_ticks: Words
    ask_ticks: Words
    depth: Reals
    """Mean lots at 0, 1, 2 … ticks from the best, of both sides."""
    crossed: int
    """After how many instants the best bid was not below the best ask; within one, rows may come in any order."""

    @property
    def mid(self) -> Reals:
        """Between the best prices, in ticks."""
        return (self.bid_ticks + self.ask_ticks) / 2

    @property
    def spread(self) -> Words:
        """The distance of the best prices, in ticks."""
        return self.ask_ticks - self.bid_ticks


@dataclass(frozen=True)
class Trades:
    """What takers did, each once: the levels that one of them took are one trade, at the last of their prices."""

    ns: Words
    sign: Words
    """1 for a buyer, -1 for a seller."""
    ticks: Words
    lots: Words


def looked_at(tape: Tape, key: str, *, every_ns: int, deep: int = 100) -> Looks:
    """Look at a book every `every_ns`, by venue time, from the tape's start to its end."""
    rows = _of(tape, key)
    rows = rows[np.argsort(rows["venue_ns"], kind="stable")]
    levels = rows[(rows["kind"] == _LEVEL) | (rows["kind"] == _CLEAR)]
    if not len(levels):
        raise UsageError(f"{key} has no book on this tape: nothing can be looked at")
    base = int(levels["ticks"][levels["kind"] == _LEVEL].min(initial=2**31 - 1)) - 1
    size = int(levels["ticks"].max()) - base + 2
    first, last = int(rows["venue_ns"][0]), int(rows["venue_ns"][-1])
    count = (last - first) // every_ns
    bids, asks = np.zeros(count, np.int64), np.zeros(count, np.int64)
    depth = np.zeros(deep)
    crossed = _look(
        np.ascontiguousarray(levels["venue_ns"]),
        levels["kind"].astype(np.int64),
        levels["side"].astype(np.int64),
        levels["ticks"].astype(np.int64) - base,
        np.ascontiguousarray(levels["lots"]),
        first,
        every_ns,
        np.zeros(2 * size, np.int64),
        size,
        bids,
        asks,
        depth,
    )
    bids[bids > 0] += base
    asks[asks > 0] += base
    times = first + (np.arange(count) + 1) * every_ns
    return Looks(times, bids, asks, depth / max(2 * count, 1), crossed)


def trades_of(tape: Tape, key: str) -> Trades:
    """Return the trades of one instrument, in the order in which they happened."""
    rows = _of(tape, key)
    rows = rows[rows["kind"] == Happening.TRADE]
    rows = rows[np.argsort(rows["venue_ns"], kind="stable")]
    ns, side = rows["venue_ns"], rows["side"]
    if not len(rows):
        nothing = np.zeros(0, np.int64)
        return Trades(nothing, nothing, nothing, nothing)
    begins = np.flatnonzero(np.append(True, (ns[1:] != ns[:-1]) | (side[1:] != side[:-1])))
    ends = np.append(begins[1:], len(rows)) - 1
    return Trades(
        ns[begins],
        1 - 2 * side[begins].astype(np.int64),
        rows["ticks"][ends].astype(np.int64),
        np.add.reduceat(rows["lots"], begins),
    )


def autocorrelation(series: Iterable[float], lags: Iterable[int]) -> Reals:
    """Return how much a series is like itself, each lag later: 1 is wholly, 0 not at all."""
    values = np.asarray(series, float)
    return lead(values, values, lags)


def lead(first: Iterable[float], second: Iterable[float], lags: Iterable[int]) -> Reals:
    """Return the correlation of one series with another, each lag later (below zero: earlier)."""
    one, other = np.asarray(first, float), np.asarray(second, float)
    one, other = one - one.mean(), other - other.mean()
    scale = max(float(np.sqrt((one * one).mean() * (other * other).mean())), 1e-300)
    found = []
    for lag in lags:
        ahead, behind = (one[: len(one) - lag], other[lag:]) if lag >= 0 else (one[-lag:], other[:lag])
        found.append(float((ahead * behind).mean()) / scale)
    return np.array(found)


def _of(tape: Tape, key: str) -> Rows:
    if key not in tape.keys:
        raise UsageError(f"{key} is not on the tape.{did_you_mean(key, tape.keys)}")
    rows: Rows = tape.rows[tape.rows["instrument"] == tape.keys.index(key)]
    return rows


@kernel
def _look(
    ns: Words,
    kinds: Words,
    sides: Words,
    ticks: Words,
    lots: Words,
    first_ns: int,
    every_ns: int,
    cells: Words,
    size: int,
    bids: Words,
    asks: Words,
    depth: Reals,
) -> int:
    """Keep the book, note best prices and depth at each look, and count the instants after which it is crossed."""
    crossed, look = 0, 0
    bid, ask = 0, size - 1
    for at in range(len(ns)):
        while look < len(bids) and first_ns + (look + 1) * every_ns <= ns[at]:
            bids[look] = bid
            asks[look] = ask if ask < size - 1 else 0
            for away in range(len(depth)):
                if bid - away > 0:
                    depth[away] += cells[bid - away]
                if ask + away < size - 1:
                    depth[away] += cells[size + ask + away]
            look += 1
        if kinds[at] == _CLEAR:
            for cell in range(size):
                cells[sides[at] * size + cell] = 0
            bid, ask = (0, ask) if sides[at] == 0 else (bid, size - 1)
            continue
        cells[sides[at] * size + ticks[at]] = lots[at]
        if sides[at] == 0:
            bid = max(bid, ticks[at]) if lots[at] > 0 else bid
            while bid > 0 and cells[bid] == 0:
                bid -= 1
        else:
            ask = min(ask, ticks[at]) if lots[at] > 0 else ask
            while ask < size - 1 and cells[size + ask] == 0:
                ask += 1
        if at + 1 == len(ns) or ns[at + 1] != ns[at]:
            crossed += bid >= ask
    return crossed
