"""The kernel's memory before the first bar, sized and filled from the bars and the assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from xtrade.model.errors import UsageError, did_you_mean
from xtrade.model.money import Money
from xtrade.model.numbers import divided
from xtrade.sim.bars import layout
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.layout import NEVER, World
from xtrade.sim.bars.tape import BarTape, Settlements
from xtrade.sim.replay.blocks import address_of
from xtrade.sim.replay.layout import REPORT_WORDS
from xtrade.sim.replay.memory import value_unit_atoms
from xtrade.sim.replay.replay import Account

__all__ = ["Assumed", "account_of", "assumed_of", "world_for"]

Assumed = BarAssumptions | Mapping[str, BarAssumptions] | None
"""Assumptions of all instruments, or by instrument key; what is not named has the defaults."""


def assumed_of(tape: BarTape, assumptions: Assumed) -> list[BarAssumptions]:
    """Return the assumptions of each instrument of a tape."""
    if assumptions is None or isinstance(assumptions, BarAssumptions):
        return [assumptions or BarAssumptions()] * len(tape.bars)
    for key in assumptions:
        if key not in tape.keys:
            raise UsageError(f"{key} has no bars here.{did_you_mean(key, tape.keys)}")
    return [assumptions.get(key, BarAssumptions()) for key in tape.keys]


def world_for(
    tape: BarTape, assumptions: list[BarAssumptions], *, orders: int, messages: int, fills: int
) -> World:
    """Return the memory before the first bar. It holds the address of the tape's columns: keep both."""
    for name, count in (("orders", orders), ("messages", messages), ("fills", fills)):
        if count < 1:
            raise UsageError(f"{name} = {count}: expected one or more")
    # An order is accepted, filled and expired at one open; a close fills each order once and settles each position.
    reports = 3 * messages + orders + len(tape.bars)
    words = layout.WORLD_WORDS
    starts = []
    settlements = [_within(tape, place) for place in range(len(tape.bars))]
    for size in (
        len(tape.bars) * layout.MARKET_WORDS,
        orders * layout.ORDER_WORDS,
        orders,
        messages * layout.REQUEST_WORDS,
        sum(len(rows) for rows in settlements) * layout.FUNDING_WORDS,
        reports * REPORT_WORDS,
        # `advance` stops at the half, and one instant may bring as much as there are reports.
        2 * (fills + reports) * REPORT_WORDS,
    ):
        starts.append(words)
        words += size
    markets, order_rows, free, requests, funding, report_rows, log = starts

    world: World = np.zeros(words, np.int64)
    world[layout.WORDS] = words
    world[layout.COLUMNS] = address_of(tape.columns)
    world[layout.COLUMN_COUNT] = tape.columns.shape[1]
    world[layout.MARKETS] = markets
    world[layout.MARKET_COUNT] = len(tape.bars)
    world[layout.ORDERS] = order_rows
    world[layout.FREE] = free
    world[layout.FREE_COUNT] = orders
    world[free : free + orders] = np.arange(orders)[::-1]
    world[layout.REQUESTS] = requests
    world[layout.REQUEST_CAPACITY] = messages
    world[layout.REPORTS] = report_rows
    world[layout.REPORT_CAPACITY] = reports
    world[layout.LOG] = log
    world[layout.LOG_CAPACITY] = 2 * (fills + reports)
    first = 0
    for place, assumed in enumerate(assumptions):
        market = markets + place * layout.MARKET_WORDS
        _write_market(world, market, tape, place, first)
        _write_assumed(world, market, assumed)
        rows = settlements[place]
        world[market + layout.FUNDING] = funding
        world[market + layout.FUNDING_NS] = rows[0, 0]
        world[funding : funding + rows.size] = rows.ravel()
        funding += rows.size
        first += len(tape.bars[place])
    return world


def account_of(tape: BarTape, world: World, place: int) -> Account:
    """Return what the fills did on one instrument."""
    at = int(world[layout.MARKETS]) + place * layout.MARKET_WORDS
    versions = tape.instruments[place]
    lots = int(world[at + layout.LOTS])
    unit = value_unit_atoms(versions)
    if unit == 0:
        return Account(lots, None, None)
    now = versions[0]
    fees = unit * (
        int(world[at + layout.MAKER_TURNOVER]) * Fraction(now.maker_fee)
        + int(world[at + layout.TAKER_TURNOVER]) * Fraction(now.taker_fee)
    )
    return Account(
        lots,
        Money(int(world[at + layout.CASH]) * unit, now.settle),
        Money(divided(fees.numerator, fees.denominator, toward="nearest"), now.settle),
    )


def _write_market(world: World, market: int, tape: BarTape, place: int, first: int) -> None:
    bars = tape.bars[place]
    world[market + layout.FIRST] = first
    world[market + layout.ROW] = first
    world[market + layout.END] = first + len(bars)
    world[market + layout.INTERVAL_NS] = bars.interval_ns
    world[market + layout.OPEN_NS] = bars.start_ns[0] if len(bars) else NEVER
    world[market + layout.CLOSE_NS] = NEVER
    world[market + layout.CLOSED] = -1
    world[market + layout.WATCHED] = 1
    world[market + layout.VALUE_UNIT] = 1 if value_unit_atoms(tape.instruments[place]) else 0


def _write_assumed(world: World, market: int, assumed: BarAssumptions) -> None:
    world[market + layout.HALF_SPREAD] = assumed.half_spread_ticks
    world[market + layout.SLIPPAGE] = assumed.slippage_ticks
    world[market + layout.THROUGH] = assumed.through_ticks
    world[market + layout.SHARE] = assumed.share_millionths


def _within(tape: BarTape, place: int) -> World:
    """Return an instrument's settlements as rows, those before its first bar or after its last left out."""
    bars, given = tape.bars[place], tape.funding[place]
    end: World = np.array([[NEVER, 0, 0]], np.int64)
    if given is None or len(bars) == 0:
        return end
    rows = _rows(given)
    inside = (given.time_ns > bars.start_ns[0]) & (given.time_ns <= bars.start_ns[-1] + bars.interval_ns)
    return np.concatenate([rows[inside], end])


def _rows(given: Settlements) -> World:
    return np.column_stack([given.time_ns, given.rates, given.mark_ticks])
