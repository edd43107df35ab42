"""Whole back-tests on bars inside the kernel: one set of parameters, or a table of them on all cores.

run_compiled  one run of a compiled decision (xtrade.sim.bars.deciding says how it is written)
run_many      the same decision with each row of a table of parameters
BarRun        what came of it: fills, funding, accounts, equity after each bar
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from xtrade.model.errors import UsageError, XtradeError, did_you_mean
from xtrade.model.instruments import Kind
from xtrade.model.money import ATOMS_PER_UNIT
from xtrade.sim.bars import layout
from xtrade.sim.bars.columns import Bars
from xtrade.sim.bars.deciding import Decide, Player, Reals, first_call, player
from xtrade.sim.bars.layout import NEVER, World
from xtrade.sim.bars.memory import Assumed, account_of, assumed_of, world_for
from xtrade.sim.bars.replay import FAULTS, drained, of_kind
from xtrade.sim.bars.tape import BarTape
from xtrade.sim.replay.blocks import address_of
from xtrade.sim.replay.layout import (
    BUY,
    REPORT_INSTRUMENT,
    REPORT_KIND,
    REPORT_LEFT,
    REPORT_LOTS,
    REPORT_MAKER,
    REPORT_SIDE,
    REPORT_TICKS,
    REPORT_VENUE_NS,
    Fault,
    Reason,
    Told,
)
from xtrade.sim.replay.replay import Account

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["BarRun", "run_compiled", "run_many"]

_FAULT: Final = int(Reason.FAULT)
_FILLS_FULL: Final = int(Reason.FILLS_FULL)
_STRETCH: Final = 1 << 14
"""How many bars are played to one run before the next: a decision reads some of 56 bytes of each."""


@dataclass(frozen=True, eq=False)
class BarRun:
    """What one run did. A row of `log` is a fill or a settlement, its words named REPORT_… (sim.replay.layout)."""

    tape: BarTape
    params: Reals
    state: Reals
    """What the decision kept, as it left it."""
    log: World
    accounts: Mapping[str, Account]
    """By instrument key: lots, money for lots, and fees, exactly; funding apart."""

    @property
    def fills(self) -> World:
        """The fills, one row of words for each."""
        return of_kind(self.log, Told.FILLED)

    def equity(self, key: str | None = None) -> Reals:
        """Return profit and loss after each bar of an instrument, fees and funding included, in what it settles in.

        The position is valued at the bar's close. Floats, for curves and statistics; `accounts` are exact.
        """
        place = self._place(key)
        bars = self.tape.bars[place]
        log = self.log[self.log[:, REPORT_INSTRUMENT] == place]
        rows = self._rows(bars, log)
        fills = log[:, REPORT_KIND] == Told.FILLED
        lots = np.where(fills, log[:, REPORT_LOTS] * np.where(log[:, REPORT_SIDE] == BUY, 1, -1), 0)
        value = _value_of_a_lot(bars, log[:, REPORT_TICKS])
        rates = np.where(
            log[:, REPORT_MAKER] == 1, float(bars.instrument.maker_fee), float(bars.instrument.taker_fee)
        )
        fees = np.abs(lots * value) * rates
        funding = np.where(fills, 0.0, np.abs(value) * log[:, REPORT_LEFT] * log[:, REPORT_LOTS] * 1e-12)
        cash = np.bincount(rows, -lots * value - fees - funding, len(bars))
        position = np.bincount(rows, lots, len(bars))
        equity: Reals = np.cumsum(cash) + np.cumsum(position) * _value_of_a_lot(bars, bars.close_ticks)
        return equity

    def _place(self, key: str | None) -> int:
        keys = self.tape.keys
        if key is None and len(keys) == 1:
            return 0
        if key not in keys:
            near = did_you_mean(key or "", keys)
            raise UsageError(f"equity of {key}: expected one of {', '.join(keys)}.{near}")
        return keys.index(key)

    @staticmethod
    def _rows(bars: Bars, log: World) -> layout.Columns:
        """Return the bar whose close is the first to know of each row: a taker's opens it, the rest end in it."""
        ns = log[:, REPORT_VENUE_NS]
        opening = (log[:, REPORT_KIND] == Told.FILLED) & (log[:, REPORT_MAKER] == 0)
        begun = np.searchsorted(bars.start_ns, ns)
        ended = np.searchsorted(bars.start_ns + bars.interval_ns, ns)
        rows: layout.Columns = np.where(opening, begun, ended)
        return rows


def run_compiled(
    bars: BarTape | Bars | Iterable[Bars],
    decide: Decide,
    params: ArrayLike = (),
    *,
    assumptions: Assumed = None,
    state: int = 16,
    orders: int = 64,
) -> BarRun:
    """Play all bars with one set of parameters; `state` is how many numbers the decision may keep."""
    return run_many(bars, decide, [params], assumptions=assumptions, state=state, orders=orders, threads=1)[0]


def run_many(
    bars: BarTape | Bars | Iterable[Bars],
    decide: Decide,
    table: Sequence[ArrayLike] | Reals,
    *,
    assumptions: Assumed = None,
    state: int = 16,
    orders: int = 64,
    threads: int | None = None,
) -> list[BarRun]:
    """Play all bars with each row of parameters, on `threads` cores at once (without a number, on all)."""
    tape = bars if isinstance(bars, BarTape) else BarTape.of(bars)
    play = player(decide)
    fresh = world_for(
        tape, assumed_of(tape, assumptions), orders=orders, messages=2 * orders, fills=max(orders, 1024)
    )

    runs = [_Run(tape, play, fresh.copy(), params, state) for params in table]
    if not runs:
        return []
    first_call(decide, lambda: runs[0].play(0))  # compiles; there is no bar before that time
    workers = min(threads or os.cpu_count() or 1, len(runs))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_play_together, (runs[number::workers] for number in range(workers))))
    return [run.result() for run in runs]


def _play_together(runs: Sequence[_Run]) -> None:
    """Play each stretch of the bars to all runs before the next one: it stays in the processor's cache."""
    for until in _stretches(runs[0].tape) if len(runs) > 1 else [NEVER]:
        for run in runs:
            run.play(until)


def _stretches(tape: BarTape) -> list[int]:
    """Return the ends of stretches of time, each with no more bars than the cache has room for."""
    times = np.sort(np.concatenate([each.start_ns for each in tape.bars]))
    return [*times[_STRETCH::_STRETCH].tolist(), NEVER]


class _Run:
    """One run under way."""

    def __init__(self, tape: BarTape, play: Player, world: World, params: ArrayLike, state: int) -> None:
        self.tape = tape
        self._play = play
        self._world = world
        self._params: Reals = np.ascontiguousarray(params, np.float64).reshape(-1)
        self._state: Reals = np.zeros(state)
        self._logs: list[World] = []

    def play(self, until: int) -> None:
        """Play on to a time, or to the end."""
        while True:
            reasons = self._play(address_of(self._world), self.tape.columns, self._params, self._state, until)
            if reasons & _FAULT:
                fault = Fault(int(self._world[layout.FAULT]))
                raise XtradeError(
                    f"the run with {self._params.tolist()} stopped at {self._world[layout.NOW]} ns: {FAULTS[fault]}"
                )
            if not reasons & _FILLS_FULL:
                return
            self._logs.append(drained(self._world))

    def result(self) -> BarRun:
        """Return what came of it."""
        log = np.concatenate([*self._logs, drained(self._world)])
        accounts = {
            key: account_of(self.tape, self._world, place) for place, key in enumerate(self.tape.keys)
        }
        return BarRun(self.tape, self._params, self._state, log, accounts)


def _value_of_a_lot(bars: Bars, ticks: layout.Columns) -> Reals:
    """Return what one lot is worth at each price: `Instrument.value`, in whole currency and as floats."""
    instrument = bars.instrument
    if instrument.kind is Kind.INVERSE:
        value: Reals = instrument.value(ticks=1, lots=1) / ATOMS_PER_UNIT / ticks
    else:
        value = instrument.value(ticks=1, lots=1) / ATOMS_PER_UNIT * ticks.astype(np.float64)
    return value
