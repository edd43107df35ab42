"""Synthetic markets as tapes for the replay.

synthetic_tape    all instruments of a world on one tape
synthetic_tapes   the same as consecutive tapes, for durations that do not fit into memory

Each instrument starts with a snapshot. Venue times are the book's own; local times are later by the venue's feed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from xtrade.model.errors import UsageError
from xtrade.model.numbers import steps as steps_of
from xtrade.sim.replay.layout import Reals, Rows, Words
from xtrade.sim.replay.tape import RATE_UNIT, ROW, Happening, Tape
from xtrade.sim.synthetic import book
from xtrade.sim.synthetic.draws import Uniforms, check_seed, draws
from xtrade.sim.synthetic.flow import Flow
from xtrade.sim.synthetic.fundamental import MINUTE_NS
from xtrade.sim.synthetic.funding import Premiums
from xtrade.sim.synthetic.markets import Listed, SyntheticMarkets, reach_ticks
from xtrade.sim.synthetic.steps import STEP_NS, Block, ListingSteps, blocks

__all__ = ["synthetic_tape", "synthetic_tapes"]

_HOUR_NS: Final = 3_600_000_000_000

_SPACE: Final = 1 << 16


def synthetic_tape(markets: SyntheticMarkets, *, seed: int, start_ns: int, duration_ns: int) -> Tape:
    """Return what the markets of a world say from `start_ns` on, all on one tape; the same seed, the same bytes."""
    rows = [
        tape.rows for tape in synthetic_tapes(markets, seed=seed, start_ns=start_ns, duration_ns=duration_ns)
    ]
    return _tape(markets, np.concatenate(rows))


def synthetic_tapes(
    markets: SyntheticMarkets, *, seed: int, start_ns: int, duration_ns: int, chunk_ns: int = _HOUR_NS
) -> Iterator[Tape]:
    """Yield the same tape in pieces of `chunk_ns`, cut by local time: one after the other they make the whole."""
    check_seed(seed)
    if start_ns < 0 or duration_ns <= 0 or chunk_ns <= 0:
        raise UsageError(
            f"synthetic markets from {start_ns} for {duration_ns} ns in chunks of {chunk_ns}:"
            " expected a start of zero or more, and some time"
        )
    books = [
        _Venue(place, listed, seed, start_ns, start_ns + duration_ns)
        for place, listed in enumerate(markets.listed)
    ]
    waiting = np.zeros(0, ROW)
    cut_ns = start_ns + chunk_ns
    for block in blocks(markets, seed):
        if block.start_ns >= duration_ns:
            break
        waiting = _joined([waiting, *(each.advance(block) for each in books)])
        # What happened is told a little later: rows of the next block may still come before the last of this one.
        told_ns = start_ns + block.start_ns + len(block.minutes) * MINUTE_NS
        while cut_ns <= told_ns and cut_ns < start_ns + duration_ns:
            at = int(np.searchsorted(waiting["local_ns"], cut_ns))
            yield _tape(markets, waiting[:at])
            waiting = waiting[at:]
            cut_ns += chunk_ns
    yield _tape(markets, waiting)


def _tape(markets: SyntheticMarkets, rows: Rows) -> Tape:
    versions = tuple((instrument,) for instrument in markets.instruments)
    return Tape(np.ascontiguousarray(rows), versions, np.zeros(0, np.int64)).checked()


def _joined(parts: list[Rows]) -> Rows:
    rows: Rows = np.concatenate(parts)
    return rows[np.argsort(rows["local_ns"], kind="stable")]


class _Venue:
    """One instrument at its venue: the book's kernel with its memory, and the feed that tells of it."""

    def __init__(self, place: int, listed: Listed, seed: int, start_ns: int, end_ns: int) -> None:
        self._place = place
        self._listed = listed
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._flow = Flow(listed, seed)
        self._uniforms = Uniforms(draws(seed, f"book/{listed.key}"))
        self._feed = draws(seed, f"feed/{listed.key}")
        self._opening = draws(seed, f"opening/{listed.key}")
        self._heard_ns = start_ns
        basis = listed.listing.basis
        self._premiums = None if basis is None else Premiums(basis, start_ns)
        self._words = np.zeros(book.WORDS, np.int64)
        self._reals = _reals(listed)
        size = 1 << (8 * int(self._reals[book.REACH]) - 1).bit_length()
        self._words[book.SIZE] = size
        self._cells = np.zeros(2 * size, np.int64)
        self._written = np.zeros((_SPACE + 4 * size) * book.COLUMNS, np.int64)

    def advance(self, block: Block) -> Rows:
        """Return what was heard of one block."""
        steps = block.listings[self._listed.key]
        parts = []
        if block.start_ns == 0:
            parts.append(self._opened(steps))
        parts += self._played(block, steps)
        rows = np.concatenate(parts)
        if (settled := self._settled(block, steps)) is not None:
            # At one instant, what is paid is paid on what was held before.
            rows = np.insert(rows, np.searchsorted(rows["venue_ns"], settled["venue_ns"]), settled)
        rows = rows[rows["venue_ns"] < self._end_ns]
        self._hear(rows)
        return rows

    def _opened(self, steps: ListingSteps) -> Rows:
        """Open the book: a snapshot of what stands in it."""
        size = int(self._words[book.SIZE])
        book.open_book(
            self._words,
            self._reals,
            self._cells,
            float(steps.fair[0]),
            float(steps.half_spread[0]),
            self._opening.random(2 * size),
            self._written,
        )
        marks = np.zeros(3, ROW)
        marks["local_ns"] = marks["venue_ns"] = self._start_ns
        marks["kind"] = [Happening.CLEAR, Happening.CLEAR, Happening.READY]
        marks["side"] = [0, 1, 0]
        marks["instrument"] = self._place
        levels = self._rows()
        levels = levels[np.argsort(levels["side"], kind="stable")]
        return np.concatenate([marks[:2], levels, marks[2:]])

    def _played(self, block: Block, steps: ListingSteps) -> list[Rows]:
        takers = self._flow.advance(steps, block.start_ns)
        self._words[book.TAKER] = 0
        parts = []
        result = book.UNIFORMS_USED
        while result != book.DONE:
            if result == book.UNIFORMS_USED:
                self._uniforms.refill()
                self._words[book.TAKEN] = 0
            result = book.advance(
                self._words,
                self._reals,
                self._cells,
                block.start_ns,
                block.start_ns + len(steps.fair) * STEP_NS,
                steps.fair,
                steps.half_spread,
                steps.activity,
                takers.ns,
                takers.side,
                takers.lots,
                self._uniforms.values,
                self._written,
            )
            self._uniforms.cursor[0] = self._words[book.TAKEN]
            parts.append(self._rows())
        return parts

    def _rows(self) -> Rows:
        """Take what the kernel has written."""
        count = int(self._words[book.ROWS])
        self._words[book.ROWS] = 0
        written: Words = self._written[: count * book.COLUMNS].reshape(count, book.COLUMNS)
        rows = np.zeros(count, ROW)
        rows["venue_ns"] = written[:, 0] + self._start_ns
        for column, name in enumerate(("kind", "side", "ticks", "lots"), start=1):
            rows[name] = written[:, column]
        rows["instrument"] = self._place
        return rows

    def _settled(self, block: Block, steps: ListingSteps) -> Rows | None:
        """Return a row for each funding that falls due in the block."""
        premiums = self._premiums
        if premiums is None:
            return None
        found = []
        for at, premium in enumerate(block.minutes.basis[self._listed.key][:-1]):
            now_ns = self._start_ns + block.start_ns + at * MINUTE_NS
            premiums.look(float(premium), now_ns)
            due_ns = premiums.next_ns
            if now_ns < due_ns <= now_ns + MINUTE_NS:
                step = min((due_ns - self._start_ns - block.start_ns) // STEP_NS, len(steps.fair) - 1)
                rate = steps_of(premiums.rate, RATE_UNIT)
                mark = round(float(steps.fair[step]))
                found.append((due_ns, due_ns, rate, mark, int(Happening.FUNDING), 0, self._place))
        return np.array(found, ROW)

    def _hear(self, rows: Rows) -> None:
        """Say when each row is heard: those of one instant together, and none before the one above."""
        if not len(rows):
            return
        venue = self._listed.venue
        begins = np.append(True, rows["venue_ns"][1:] != rows["venue_ns"][:-1])
        late = venue.feed_jitter_ms * 1e6 * self._feed.standard_exponential(int(begins.sum()))
        delays = (venue.feed_ms * 1e6 + late).astype(np.int64)[np.cumsum(begins) - 1]
        delays[rows["venue_ns"] == self._start_ns] = 0
        heard = np.maximum.accumulate(np.maximum(rows["venue_ns"] + delays, self._heard_ns))
        rows["local_ns"] = heard
        self._heard_ns = int(heard[-1])


def _reals(listed: Listed) -> Reals:
    """Say to the kernel what kind of market it is, in ticks and lots."""
    listing = listed.listing
    price_ticks = listed.asset.price / float(listing.tick)
    lot_worth = listed.asset.price * listing.lot_base
    reals = np.zeros(book.REALS)
    reals[book.ORDER_RATE] = listing.orders_rate / 4
    reals[book.HUMP] = max(listing.hump_bp * 1e-4 * price_ticks, 1.0)
    reals[book.DEPTH] = max(listing.depth_amount / lot_worth, 2.0)
    reals[book.REACH] = reach_ticks(listing, price_ticks)
    reals[book.TYPICAL] = listing.trade_amount / lot_worth
    reals[book.PUSH] = listing.impact
    return reals
