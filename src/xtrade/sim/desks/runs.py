"""One run of a compiled decision, from start to end, and the journal that it leaves.

Gate       what the risk gate allows, in the kernel's numbers
run_tape   on books and trades
run_bars   on bars
with_desk  the memory of both
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from xtrade.model.errors import UsageError, XtradeError
from xtrade.sim.bars import layout as of_bars
from xtrade.sim.bars.assumptions import BarAssumptions
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.deciding import Reals, first_call
from xtrade.sim.bars.memory import world_for as bar_world
from xtrade.sim.bars.replay import FAULTS as BAR_FAULTS
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.desks import layout
from xtrade.sim.desks.layout import DeskFault
from xtrade.sim.desks.playing import BarDecision, TapeDecision, bar_player, tape_player
from xtrade.sim.replay import desk as replay_desk, layout as of_tapes
from xtrade.sim.replay.layout import NEVER, Fault, Reason, World
from xtrade.sim.replay.memory import world_for as tape_world
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.replay import FAULTS as TAPE_FAULTS
from xtrade.sim.replay.tape import Tape

__all__ = ["OPEN_ORDERS_MOST", "Gate", "longer_bars", "run_bars", "run_tape", "with_desk"]

# What a Replay has room for when nobody says otherwise: the same orders are let in.
OPEN_ORDERS_MOST: Final = 1024
MESSAGES: Final = 4096
FILLS: Final = 1 << 16
JOURNAL_ROWS: Final = 1 << 15

_FAULT: Final = int(Reason.FAULT)
_DESK_FAULTS: Final = {
    DeskFault.JOURNAL_FULL: f"one decision asked for more than {JOURNAL_ROWS // 2:,} orders",
    DeskFault.NO_ROOM: f"more than {MESSAGES:,} requests wait for an answer",
}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What the risk gate allows. Worth is ticks times lots, or lots alone where not `priced`; None is no limit."""

    lots_min: int
    lots_max: int
    lots_max_market: int
    priced: bool
    worth_min: int
    order_worth_max: int | None
    position_worth_max: int | None
    band: float | None
    spot: bool
    open_orders_max: int
    orders_per_second_max: int


def run_tape(
    tape: Tape,
    place: int,
    decide: TapeDecision,
    params: Sequence[float],
    *,
    every_ns: int,
    state: int,
    assumptions: Sequence[Assumptions],
    gate: Gate,
) -> World:
    """Play a tape to a decision on the book of one instrument; return the journal, one row of words for each entry."""
    plain = tape_world(
        tape, assumptions, orders=OPEN_ORDERS_MOST, messages=MESSAGES, fills=FILLS, window=None
    )
    world = with_desk(plain, place, gate, every_ns)
    replay_desk.watch(world, place, 1, every_ns, 0)
    numbers, memory = _numbers(params), np.zeros(state)
    play = tape_player(decide)
    return _played(
        lambda: play(world, numbers, memory),
        decide,
        world,
        lambda: f"{world[of_tapes.NOW]} ns: {TAPE_FAULTS[Fault(int(world[of_tapes.FAULT]))]}",
    )


def run_bars(
    tape: BarTape,
    place: int,
    decide: BarDecision,
    params: Sequence[float],
    *,
    interval_ns: int,
    state: int,
    assumptions: Sequence[BarAssumptions],
    gate: Gate,
) -> World:
    """Play bars to a decision on those of one instrument; return the journal, one row of words for each entry.

    The decision hears of bars of `interval_ns`, which may be a multiple of the data's own interval.
    """
    plain = bar_world(tape, list(assumptions), orders=OPEN_ORDERS_MOST, messages=MESSAGES, fills=FILLS)
    played = tape.bars[place]
    is_longer = interval_ns != played.interval_ns
    world = with_desk(plain, place, gate, interval_ns if is_longer else 0)
    desk = int(world[-1])
    world[desk + layout.DUE_NS] = NEVER
    world[desk + layout.FIRST_BAR] = 0 if is_longer else sum(len(bars) for bars in tape.bars[:place])
    told = longer_bars(played, interval_ns).block if is_longer else tape.columns
    numbers, memory = _numbers(params), np.zeros(state)
    play = bar_player(decide)
    return _played(
        lambda: play(world, tape.columns, told, numbers, memory),
        decide,
        world,
        lambda: f"{world[of_bars.NOW]} ns: {BAR_FAULTS[Fault(int(world[of_bars.FAULT]))]}",
    )


def longer_bars(bars: Bars, interval_ns: int) -> Bars:
    """Return bars of a multiple of the interval, as xtrade.market.bars makes them of these."""
    starts = bars.start_ns // interval_ns * interval_ns
    at = np.flatnonzero(np.diff(starts, prepend=-1))
    ends = np.append(at[1:], len(starts)) - 1
    return Bars(
        bars.instrument,
        interval_ns,
        starts[at],
        bars.open_ticks[at],
        np.maximum.reduceat(bars.high_ticks, at),
        np.minimum.reduceat(bars.low_ticks, at),
        bars.close_ticks[ends],
        np.add.reduceat(bars.volume_lots, at),
    )


def _numbers(params: Sequence[float]) -> Reals:
    return np.ascontiguousarray(params, np.float64)


def _played(play: Callable[[], int], decide: Any, world: World, why: Callable[[], str]) -> World:
    """Play to the end, taking the journal out whenever it is half full."""
    name = getattr(decide, "__name__", repr(decide))
    reasons: list[int] = []
    first_call(decide, lambda: reasons.append(play()))
    parts = []
    while True:
        desk = int(world[-1])
        if reasons[-1] & _FAULT:
            raise XtradeError(f"the replay of {name} stopped at {why()}")
        if fault := int(world[desk + layout.FAULT]):
            raise UsageError(f"the decision {name} cannot go on: {_DESK_FAULTS[DeskFault(fault)]}")
        count, at = int(world[desk + layout.JOURNAL_COUNT]), int(world[desk + layout.JOURNAL])
        parts.append(world[at : at + count * layout.ENTRY_WORDS].copy())
        world[desk + layout.JOURNAL_COUNT] = 0
        if not reasons[-1] & layout.JOURNAL_FULL:
            journal: World = np.concatenate(parts).reshape(-1, layout.ENTRY_WORDS)
            return journal
        reasons.append(play())


def with_desk(plain: World, place: int, gate: Gate, every_ns: int) -> World:
    """Return the memory of a replay with a desk behind it."""
    if gate.open_orders_max > OPEN_ORDERS_MOST:
        raise UsageError(
            f"open_orders_max = {gate.open_orders_max}: a compiled decision has room for {OPEN_ORDERS_MOST} open orders"
        )
    desk = len(plain)
    opened = desk + layout.DESK_WORDS
    sent = opened + (gate.open_orders_max + 1) * layout.OPEN_WORDS
    journal = sent + gate.orders_per_second_max
    world: World = np.zeros(journal + JOURNAL_ROWS * layout.ENTRY_WORDS + 1, np.int64)
    world[:desk] = plain
    world[-1] = desk
    for word, value in {
        layout.PLACE: place,
        layout.EVERY_NS: every_ns,
        layout.OPEN: opened,
        layout.SENT: sent,
        layout.JOURNAL: journal,
        layout.JOURNAL_CAPACITY: JOURNAL_ROWS,
        layout.LOTS_MIN: gate.lots_min,
        layout.LOTS_MAX: gate.lots_max,
        layout.LOTS_MAX_MARKET: gate.lots_max_market,
        layout.PRICED: int(gate.priced),
        layout.WORTH_MIN: gate.worth_min,
        layout.ORDER_WORTH_MAX: -1 if gate.order_worth_max is None else gate.order_worth_max,
        layout.POSITION_WORTH_MAX: -1 if gate.position_worth_max is None else gate.position_worth_max,
        layout.SPOT: int(gate.spot),
        layout.OPEN_MAX: gate.open_orders_max,
        layout.RATE_MAX: gate.orders_per_second_max,
    }.items():
        world[desk + word] = value
    world.view(np.float64)[desk + layout.BAND] = -1.0 if gate.band is None else gate.band
    return world
