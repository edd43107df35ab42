"""Lay out the kernel's block of memory for a tape and its assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd
from typing import Final

import numpy as np

from xtrade.model.instruments import Instrument, Kind
from xtrade.sim.replay import layout
from xtrade.sim.replay.blocks import address_of
from xtrade.sim.replay.layout import Words, World
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.sim.replay.public import annotate
from xtrade.sim.replay.tape import Annotated, Tape

__all__ = ["WINDOW_MAX", "annotated", "value_unit_atoms", "world_for", "write_version"]

WINDOW_MIN: Final = 1 << 8
WINDOW_MAX: Final = 1 << 13


def world_for(
    tape: Tape,
    assumptions: Sequence[Assumptions],
    *,
    orders: int,
    messages: int,
    fills: int,
    window: int | None,
) -> World:
    """Return the memory before the first row. It holds the addresses of the tape's columns: keep both."""
    found = tape.annotated
    world = _world(
        tape,
        assumptions,
        orders=orders,
        messages=messages,
        fills=fills,
        window=window,
        order=tape.venue_order,
    )
    world[layout.PUBLIC_HEARD] = address_of(found.heard)
    world[layout.PUBLIC_HAPPENED] = address_of(found.happened)
    return world


def annotated(tape: Tape, window: int | None = None) -> Annotated:
    """Find the best of the public book after each row, in both orders."""
    heard = _annotated(tape, np.zeros(0, np.int64), window)
    return Annotated(heard, _annotated(tape, tape.venue_order, window) if len(tape.venue_order) else heard)


def _annotated(tape: Tape, order: Words, window: int | None) -> Words:
    nothing = [Assumptions()] * len(tape.instruments)
    world = _world(tape, nothing, orders=1, messages=2, fills=1, window=window, order=order)
    best = np.zeros(len(tape.rows), np.int64)
    annotate(int(world.ctypes.data), address_of(best))
    return best


def _world(
    tape: Tape,
    assumptions: Sequence[Assumptions],
    *,
    orders: int,
    messages: int,
    fills: int,
    window: int | None,
    order: Words,
) -> World:
    plan = _Plan()
    plan.take(layout.WORLD_WORDS)
    instruments = plan.take(len(tape.instruments) * layout.INSTRUMENT_WORDS)
    order_rows = plan.take(orders * layout.ORDER_WORDS)
    free = plan.take(orders)
    ring = 1 << (messages - 1).bit_length()
    requests = plan.take(ring * layout.REQUEST_WORDS)
    reports = plan.take(ring * layout.REPORT_WORDS)
    fill_rows = plan.take(fills * layout.REPORT_WORDS)
    notices = plan.take(len(tape.notices))
    markets = [_Market(plan, tape, place, assumed, window) for place, assumed in enumerate(assumptions)]

    world: World = np.zeros(plan.words, np.int64)
    world[layout.WORDS] = plan.words
    world[layout.ROWS] = address_of(tape.words)
    world[layout.ROW_COUNT] = len(tape.rows)
    world[layout.JOINED] = address_of(tape.joined)
    world[layout.VENUE_ORDER] = address_of(order)
    world[layout.DUE_NS] = layout.NEVER
    world[layout.DIRTY_NS] = layout.NEVER
    world[layout.NOTICES] = notices
    world[layout.NOTICE_COUNT] = len(tape.notices)
    world[notices : notices + len(tape.notices)] = tape.notices
    world[layout.INSTRUMENTS] = instruments
    world[layout.INSTRUMENT_COUNT] = len(tape.instruments)
    world[layout.ORDERS] = order_rows
    world[layout.ORDER_CAPACITY] = orders
    world[layout.FREE] = free
    world[layout.FREE_COUNT] = orders
    world[free : free + orders] = order_rows + layout.ORDER_WORDS * np.arange(orders)[::-1]
    world[layout.REQUESTS] = requests
    world[layout.REQUEST_MASK] = ring - 1
    world[layout.REPORTS] = reports
    world[layout.REPORT_MASK] = ring - 1
    world[layout.FILLS] = fill_rows
    world[layout.FILL_CAPACITY] = fills
    for place, market in enumerate(markets):
        world[instruments + place * layout.INSTRUMENT_WORDS + layout.PLACE] = place
        market.write(world, instruments + place * layout.INSTRUMENT_WORDS)
    return world


def value_unit_atoms(versions: Sequence[Instrument]) -> int:
    """Return how many atoms one of the kernel's value units is: the largest that makes every version's value whole.

    0 for inverse contracts, whose value is a quotient: they are counted from the fills alone.
    """
    return gcd(*(_atoms(instrument) for instrument in versions))


def _atoms(instrument: Instrument) -> int:
    return 0 if instrument.kind is Kind.INVERSE else instrument.value(ticks=1, lots=1)


def write_version(
    world: World, grids: int, version: int, before: Instrument, now: Instrument, unit: int
) -> None:
    """Write what becomes of ticks and lots when a version comes into force, and its value in units of so many atoms."""
    ticks = Fraction(before.tick) / Fraction(now.tick)
    lots = Fraction(before.lot) / Fraction(now.lot)
    row = grids + version * layout.GRID_WORDS
    world[row : row + layout.GRID_WORDS] = (
        ticks.numerator,
        ticks.denominator,
        lots.numerator,
        lots.denominator,
        _atoms(now) // unit if unit else 0,
    )


class _Plan:
    """Hands out words, one table behind the other."""

    def __init__(self) -> None:
        self.words = 0

    def take(self, words: int) -> int:
        at = self.words
        self.words += words
        return at


class _Market:
    """The tables of one instrument."""

    def __init__(self, plan: _Plan, tape: Tape, place: int, assumed: Assumptions, window: int | None) -> None:
        self.assumed = assumed
        self.versions = tape.instruments[place]
        self.trusted = int(tape.trusted[place])
        self.grids = plan.take(tape.versions_max[place] * layout.GRID_WORDS)
        self.entry = plan.take(len(assumed.entry.table))
        self.response = plan.take(len(assumed.response.table))
        self.size, self.spill_size = _sizes(tape, place, window)
        self.ladders = [
            (plan.take(self.size), plan.take(2 * self.spill_size), plan.take(layout.OWN_FIRST_WORDS))
            for _ in range(4)
        ]

    def write(self, world: World, at: int) -> None:
        reals = world.view(np.float64)
        world[at + layout.VENUE_TRUSTED] = self.trusted
        world[at + layout.KNOWN_TRUSTED] = self.trusted
        world[at + layout.GRIDS] = self.grids
        world[at + layout.GRID_COUNT] = len(self.versions)
        unit = value_unit_atoms(self.versions)
        for version, now in enumerate(self.versions):
            before = self.versions[max(version - 1, 0)]
            write_version(world, self.grids, version, before, now, unit)
        world[at + layout.VALUE_UNIT] = world[self.grids + 4]
        queue = self.assumed.queue
        world[at + layout.QUEUE_MODEL] = queue.kind
        reals[at + layout.QUEUE_EXPONENT] = queue.exponent
        reals[at + layout.QUEUE_UNIT] = queue.unit
        world[at + layout.QUEUE_OWN] = queue.address
        world[at + layout.FILL_RULE] = self.assumed.fills
        world[at + layout.IMPACT] = self.assumed.impact
        _write_latency(world, at + layout.ENTRY, self.assumed.entry, self.entry)
        _write_latency(world, at + layout.RESPONSE, self.assumed.response, self.response)
        for number, (cells, spill, own_first) in enumerate(self.ladders):
            side = at + layout.VENUE_BOOK + number * layout.LADDER_WORDS
            world[side + layout.BEST] = layout.EMPTY
            world[side + layout.LOW] = -layout.EMPTY
            world[side + layout.BASE] = layout.EMPTY
            world[side + layout.CELLS] = cells
            world[side + layout.SIZE] = self.size
            world[side + layout.SPILL] = spill
            world[side + layout.SPILL_MASK] = self.spill_size - 1
            world[side + layout.OWN_BEST] = layout.EMPTY
            world[side + layout.OWN_FIRST] = own_first
        world[at + layout.HEARD] = layout.BOTH_EMPTY
        world[at + layout.HAPPENED] = layout.BOTH_EMPTY


def _sizes(tape: Tape, place: int, window: int | None) -> tuple[int, int]:
    """Return the cells of a ladder's window and the entries of its spill.

    The spill has room for every price of the tape and for as many again of our own; untouched memory costs nothing.
    """
    span, prices = tape.spans[place]
    size = window or min(max(1 << (span - 1).bit_length(), WINDOW_MIN), WINDOW_MAX)
    return size, 1 << (4 * (prices + size)).bit_length()


def _write_latency(world: World, leg: int, latency: Latency, table: int) -> None:
    world[leg + layout.LATENCY_KIND] = latency.kind
    world[leg + layout.LATENCY_NS] = latency.ns
    world[leg + layout.LATENCY_TABLE] = table
    world[leg + layout.LATENCY_COUNT] = len(latency.table) // (2 if latency.kind == layout.RECORDED else 1)
    world[leg + layout.LATENCY_CHANCE] = latency.seed
    world[table : table + len(latency.table)] = latency.table
