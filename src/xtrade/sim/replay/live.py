"""The replay of a market that goes on: events are taken in as they come, and met by our orders at once.

    replay.take(event)            what was just heard, all of it at one instant …
    replay.advance(now_ns)        … is played, with what reached the venue and came back meanwhile

Each event happens when it is heard: what a venue did before we heard of it cannot be known any earlier. The events of
such a run make a tape (`Tape.of(…).as_heard()`) on which a back-test meets the same market, to the nanosecond.

The rows of one instant are the kernel's whole tape; when they are played they are written over by the next ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from xtrade.model.errors import DataError
from xtrade.model.events import InstrumentChanged, MarketEvent
from xtrade.model.instruments import Instrument
from xtrade.sim.replay import layout
from xtrade.sim.replay.blocks import address_of
from xtrade.sim.replay.memory import WINDOW_MAX, value_unit_atoms, write_version
from xtrade.sim.replay.models import Assumptions
from xtrade.sim.replay.public import annotate
from xtrade.sim.replay.replay import Replay
from xtrade.sim.replay.tape import ROW, Annotated, Happening, RowWriter, Tape

__all__ = ["LiveReplay"]

ROWS_AT_FIRST: Final = 1 << 12
NOTICES_MAX: Final = 1 << 12
VERSIONS_MAX: Final = 1 << 10
FAR_PRICES: Final = 1 << 15
"""Prices outside of the ladder's window for which there is room for certain; there is more than fourfold room."""

_ALWAYS: Final = {int(kind) for kind in (Happening.GAP, Happening.GRID, Happening.FUNDING)}
_DISTRUST: Final = {int(Happening.GAP), int(Happening.GRID)}
_VALUE: Final = layout.GRID_WORDS - 1
_SCALED: Final = (
    layout.VALUE_UNIT,
    layout.CASH,
    layout.KNOWN_CASH,
    layout.MAKER_TURNOVER,
    layout.TAKER_TURNOVER,
)


class _OpenTape(Tape):
    """What is laid out before anything is known: untrusted books, and room for what may come."""

    @property
    @override
    def versions_max(self) -> list[int]:
        return [VERSIONS_MAX] * len(self.instruments)

    @cached_property
    @override
    def annotated(self) -> Annotated:
        best = np.zeros(len(self.rows), np.int64)
        return Annotated(best, best)

    @cached_property
    @override
    def notices(self) -> NDArray[np.int64]:
        return np.zeros(NOTICES_MAX, np.int64)

    @cached_property
    @override
    def trusted(self) -> list[bool]:
        return [False] * len(self.instruments)

    @cached_property
    @override
    def spans(self) -> list[tuple[int, int]]:
        return [(WINDOW_MAX, FAR_PRICES)] * len(self.instruments)


class LiveReplay(Replay):
    """A market that happens now, and an account that is new in it. Books are trusted from their first snapshot on."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        assumptions: Assumptions | Mapping[str, Assumptions] | None = None,
        *,
        orders: int = 1024,
        messages: int = 4096,
        fills: int = 1 << 12,
    ) -> None:
        self._writer = RowWriter(instruments)
        room = np.zeros(ROWS_AT_FIRST, ROW)
        tape = _OpenTape(room, tuple(self._writer.versions), np.zeros(0, np.int64))
        super().__init__(tape, assumptions, orders=orders, messages=messages, fills=fills)
        self._trusted = tape.trusted
        self._best = tape.annotated.heard
        self._words[layout.ROW_COUNT] = 0
        self._words[layout.NOTICE_COUNT] = 0

    # -- the market -----------------------------------------------------------------------------------------------

    def take(self, event: MarketEvent) -> None:
        """Take in an event; those since the last `advance` have one `received_ns`. What makes no sense is a DataError.

        An event that is refused changes nothing.
        """
        writer = self._writer
        versions = writer.versions[self._place(event.instrument)]
        if isinstance(event, InstrumentChanged) and len(versions) == VERSIONS_MAX:
            raise DataError(f"{event.instrument} was changed {VERSIONS_MAX} times: start anew")
        try:
            writer.add(event)
            made = np.array(writer.rows, ROW)
            made["venue_ns"] = made["local_ns"]
            Tape(made, self._tape.instruments, self._tape.joined).checked()
        except (OverflowError, ValueError) as error:
            raise DataError(f"{event.instrument}: {type(event).__name__}: {error}") from error
        finally:
            writer.rows.clear()
        if isinstance(event, InstrumentChanged):
            self._write_version(self._place(event.instrument))
        if len(made):
            self._append(made)

    @property
    def has_heard(self) -> bool:
        """Whether all that was taken in has been played."""
        return self._words[layout.ROWS_HEARD] == self._words[layout.ROW_COUNT]

    # -- time -----------------------------------------------------------------------------------------------------

    def be_at(self, now_ns: int) -> None:
        """Let our next request leave at this time, and not at that of the last thing that happened."""
        self._words[layout.NOW] = max(self._words[layout.NOW], now_ns)

    @property
    def due_ns(self) -> int:
        """When the next request arrives or the next report is heard; NEVER if none is on its way."""
        return min(self._requests_ns(layout.REQUESTS_FROM, 0), self._reports_ns(layout.REPORTS_FROM, 0))

    @property
    def last_request_ns(self) -> int | None:
        """When the last request that is on its way arrives."""
        return _known(self._requests_ns(layout.REQUESTS_TO, -1))

    @property
    def last_report_ns(self) -> int | None:
        """When the last report that is on its way is heard."""
        return _known(self._reports_ns(layout.REPORTS_TO, -1))

    # -- how ------------------------------------------------------------------------------------------------------

    def _requests_ns(self, end: int, step: int) -> int:
        words = self._words
        if words[layout.REQUESTS_FROM] == words[layout.REQUESTS_TO]:
            return layout.NEVER
        number = (words[end] + step) & words[layout.REQUEST_MASK]
        return words[words[layout.REQUESTS] + number * layout.REQUEST_WORDS + layout.REQUEST_NS]

    def _reports_ns(self, end: int, step: int) -> int:
        words = self._words
        if words[layout.REPORTS_FROM] == words[layout.REPORTS_TO]:
            return layout.NEVER
        number = (words[end] + step) & words[layout.REPORT_MASK]
        return words[words[layout.REPORTS] + number * layout.REPORT_WORDS + layout.REPORT_NS]

    def _append(self, made: layout.Rows) -> None:
        """Put rows behind those that wait, or over those that were played; note the best of the book after each."""
        words = self._words
        if self.has_heard:
            for cursor in (layout.ROW_COUNT, layout.ROWS_HEARD, layout.ROWS_HAPPENED, layout.ROWS_SHOWN):
                words[cursor] = 0
            words[layout.ROWS_WOKEN] = words[layout.NOTICE_COUNT] = words[layout.NOTICE_NEXT] = 0
        first = words[layout.ROW_COUNT]
        count = first + len(made)
        if count > len(self._rows):
            self._grow(count)
        self._rows[first:count] = made
        self._note(made)
        words[layout.ROW_COUNT] = count
        words[layout.ROWS] += 8 * layout.ROW_WORDS * first
        words[layout.ROW_COUNT] = len(made)
        annotate(self._address, address_of(self._best) + 8 * first)
        words[layout.ROWS] = address_of(self._rows)
        words[layout.ROW_COUNT] = words[layout.ROWS_SHOWN] = count

    def _grow(self, count: int) -> None:
        rows = np.zeros(1 << count.bit_length(), ROW)
        rows[: len(self._rows)] = self._rows
        best = np.zeros(len(rows), np.int64)
        best[: len(self._best)] = self._best
        self._rows, self._best = rows, best
        self._words[layout.ROWS] = address_of(rows)
        self._words[layout.PUBLIC_HEARD] = self._words[layout.PUBLIC_HAPPENED] = address_of(best)

    def _note(self, made: layout.Rows) -> None:
        """Write the notices among these rows, as `Tape.notices` would find them."""
        for kind, place, ns in made[["kind", "instrument", "local_ns"]].tolist():
            whole = kind == Happening.READY
            if kind in _ALWAYS or (whole and not self._trusted[place]):
                self._notice(ns)
            if whole or kind in _DISTRUST:
                self._trusted[place] = whole

    def _notice(self, ns: int) -> None:
        words = self._words
        number = words[layout.NOTICE_COUNT]
        if number == NOTICES_MAX:
            raise DataError(f"more than {NOTICES_MAX} gaps, new grids and settlements were told at once")
        words[words[layout.NOTICES] + number] = ns
        words[layout.NOTICE_COUNT] = number + 1

    def _write_version(self, place: int) -> None:
        """Make the newest version known to the kernel; what was counted is counted on in a unit that suits it too."""
        versions = self._tape.instruments[place]
        market, world = self._markets[place], self._world
        grids = self._words[market + layout.GRIDS]
        unit, before = value_unit_atoms(versions), value_unit_atoms(versions[:-1])
        if unit != before:
            for word in _SCALED:
                self._words[market + word] *= before // unit
            for version in range(len(versions) - 1):
                self._words[grids + version * layout.GRID_WORDS + _VALUE] *= before // unit
        write_version(world, grids, len(versions) - 1, versions[-2], versions[-1], unit)


def _known(ns: int) -> int | None:
    return None if ns == layout.NEVER else ns
