"""The loops that play a replay to a compiled decision: one for books, one for bars, each compiled with its decision.

They do what xtrade.research.playback does with an engine: first the decision, then what became of our orders.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from xtrade.sim.bars import kernel as bar_kernel, layout as of_bars
from xtrade.sim.bars.deciding import Reals, fingerprint, plain
from xtrade.sim.bars.layout import Columns
from xtrade.sim.desks.layout import (
    DUE_NS,
    EVERY_NS,
    FAULT,
    JOURNAL_CAPACITY,
    JOURNAL_COUNT,
    JOURNAL_FULL,
    LAST_CLOSE,
    NEXT_BAR,
    PLACE,
)
from xtrade.sim.desks.orders import heard
from xtrade.sim.replay import kernel as tape_kernel, layout as of_tapes
from xtrade.sim.replay.compiled import kernel_known_by
from xtrade.sim.replay.layout import NEVER, REPORT_WORDS, Reason, World

__all__ = ["BarDecision", "TapeDecision", "bar_player", "tape_player"]

TapeDecision: TypeAlias = Callable[[World, Reals, Reals], None]
BarDecision: TypeAlias = Callable[[World, Columns, int, Reals, Reals], None]

_BOOK: Final = int(Reason.BOOK)
_BAR: Final = int(Reason.BAR)
_ORDER: Final = int(Reason.ORDER)
_FILLS_FULL: Final = int(Reason.FILLS_FULL)
_STOP: Final = int(Reason.END | Reason.FAULT)

_advance_tape, _advance_bars = tape_kernel.advance, bar_kernel.advance
_INSTRUMENTS, _INSTRUMENT_WORDS = of_tapes.INSTRUMENTS, of_tapes.INSTRUMENT_WORDS
_BOOK_CHANGED = of_tapes.BOOK_CHANGED
_TAPE_NOW, _TAPE_FILLS = of_tapes.NOW, of_tapes.FILL_COUNT
_TAPE_REPORTS, _TAPE_MASK = of_tapes.REPORTS, of_tapes.REPORT_MASK
_TAPE_READ, _TAPE_FROM = of_tapes.REPORTS_READ, of_tapes.REPORTS_FROM
_MARKETS, _MARKET_WORDS = of_bars.MARKETS, of_bars.MARKET_WORDS
_CLOSED, _JUST_CLOSED, _BAR_NOW = of_bars.CLOSED, of_bars.JUST_CLOSED, of_bars.NOW
_START, _CLOSE = of_bars.START, of_bars.CLOSE
_BAR_REPORTS, _BAR_REPORT_COUNT, _BAR_LOG = of_bars.REPORTS, of_bars.REPORT_COUNT, of_bars.LOG_COUNT


@lru_cache(maxsize=256)
def tape_player(decide: TapeDecision) -> Callable[..., int]:
    """Return the loop over books and trades that decides by this function; compiled when it is first called."""
    decided: Any = kernel_known_by(plain(decide), None)

    def play_tape(world: World, params: Reals, state: Reals) -> int:
        """Play until the end of the tape, or until the journal is half full; return why."""
        desk = world[-1]
        market = world[_INSTRUMENTS] + world[desk + PLACE] * _INSTRUMENT_WORDS
        while True:
            if 2 * world[desk + JOURNAL_COUNT] > world[desk + JOURNAL_CAPACITY]:
                return JOURNAL_FULL
            reasons = _advance_tape(world, NEVER)
            if reasons & _BOOK != 0 and world[market + _BOOK_CHANGED] != 0:
                now = world[_TAPE_NOW]
                if now >= world[desk + DUE_NS]:
                    world[desk + DUE_NS] = now + world[desk + EVERY_NS]
                    decided(world, params, state)
            if reasons & _ORDER != 0:
                for number in range(world[_TAPE_READ], world[_TAPE_FROM]):
                    heard(world, desk, world[_TAPE_REPORTS] + (number & world[_TAPE_MASK]) * REPORT_WORDS)
            if reasons & _FILLS_FULL != 0:
                world[_TAPE_FILLS] = 0  # they come as reports too
            if reasons & _STOP != 0 or world[desk + FAULT] != 0:
                return reasons

    return kernel_known_by(play_tape, fingerprint(decide))


@lru_cache(maxsize=256)
def bar_player(decide: BarDecision) -> Callable[..., int]:
    """Return the loop over bars that decides by this function; compiled when it is first called."""
    decided: Any = kernel_known_by(plain(decide), None)

    def play_bars(world: World, columns: Columns, told: Columns, params: Reals, state: Reals) -> int:
        """Play until the end of the bars, or until the journal is half full; return why.

        `columns` are the bars that are played, `told` those that the decision hears of: the same, or longer ones. A
        longer one is over at its time, after the news of that time; the others are told first.
        """
        desk = world[-1]
        market = world[_MARKETS] + world[desk + PLACE] * _MARKET_WORDS
        longer = world[desk + EVERY_NS]
        while True:
            if 2 * world[desk + JOURNAL_COUNT] > world[desk + JOURNAL_CAPACITY]:
                return JOURNAL_FULL
            due = world[desk + DUE_NS] if longer != 0 else NEVER
            reasons = _advance_bars(world, due)
            if reasons & _BAR != 0 and world[market + _JUST_CLOSED] != 0:
                row = world[market + _CLOSED]
                world[desk + LAST_CLOSE] = columns[_CLOSE, row]
                if longer == 0:
                    decided(world, told, row, params, state)
                else:
                    world[desk + DUE_NS] = columns[_START, row] // longer * longer + longer
            if reasons & _ORDER != 0:
                first = world[_BAR_REPORTS]
                for report in range(first, first + world[_BAR_REPORT_COUNT] * REPORT_WORDS, REPORT_WORDS):
                    heard(world, desk, report)
            if due != NEVER and world[_BAR_NOW] >= due:
                number = world[desk + NEXT_BAR]
                world[desk + NEXT_BAR] = number + 1
                world[desk + DUE_NS] = NEVER
                decided(world, told, number, params, state)
            if reasons & _FILLS_FULL != 0:
                world[_BAR_LOG] = 0  # they come as reports too
            if reasons & _STOP != 0 or world[desk + FAULT] != 0:
                return reasons

    return kernel_known_by(play_bars, fingerprint(decide))
