"""A tape: what is played back, as columns of integers, 32 bytes a row.

local_ns    when we heard of it; rows are in this order
venue_ns    when it happened; never after we heard of it
lots ticks  of the row's kind, below; on the grid of the instrument's version then in force
kind        a Happening
side        0 for a bid, a buy; 1 for an ask, a sell
instrument  which of the tape's instruments

Tape.of            from the model's events
Tape.from_columns  from arrays that a reader has in hand, L3 orders included
RowWriter          from the model's events, one at a time
merge              several tapes into one, by local time
heard_later        the same tape with another feed latency
as_heard           the same tape, on which everything happens when it is heard

What does not make sense is a DataError that names the row; nothing is sorted, dropped or corrected in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from xtrade.model.errors import DataError
from xtrade.model.events import (
    BookDelta,
    BookSnapshot,
    Event,
    Funding,
    InstrumentChanged,
    MarketEvent,
    MarkPrice,
    Stale,
    Trade,
)
from xtrade.model.instruments import Instrument
from xtrade.model.numbers import steps
from xtrade.model.sides import Side
from xtrade.sim.replay.layout import BUY, SELL, Rows, Words

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RATE_UNIT", "ROW", "Annotated", "Happening", "RowWriter", "Tape", "merge"]

ROW: Final = np.dtype(
    [
        ("local_ns", np.int64),
        ("venue_ns", np.int64),
        ("lots", np.int64),
        ("ticks", np.int32),
        ("kind", np.int8),
        ("side", np.int8),
        ("instrument", np.int16),
    ],
    align=True,
)

RATE_UNIT: Final = Decimal("1e-12")
"""What a funding rate is counted in."""


class Happening(IntEnum):
    """What a row says. The first seven have no orders in them; the rest are L3."""

    LEVEL = 0
    """A level has these lots now; none removes it."""
    TRADE = 1
    """Somebody on `side` took these lots."""
    CLEAR = 2
    """All levels of `side` are gone: a snapshot follows."""
    READY = 3
    """The snapshot is complete: the book can be trusted."""
    GAP = 4
    """The feed lost something: the book cannot be trusted until the next READY."""
    GRID = 5
    """From here on the instrument is its version number `ticks` (counted from 0 on this tape)."""
    FUNDING = 6
    """Positions pay or receive the rate `lots` (in units of 10^-12) at the price `ticks`."""
    ADD = 7
    """An order of these lots joined the queue at this level."""
    REDUCE = 8
    """An order lost lots without a trade: canceled or made smaller."""
    EXECUTE = 9
    """An order lost lots to a taker."""


class _Order(IntEnum):
    """What L3 data says of an order, before it is resolved into what it does to its queue."""

    MODIFY = 10
    CANCEL = 11


_LAST_KIND: Final = int(_Order.CANCEL)
_LOTS_MAX: Final = 2**60
_TICKS_MAX: Final = 2**31 - 1


class Annotated(NamedTuple):
    """The best of its instrument's book after each row, in one word each."""

    heard: Words
    """In the order in which rows are heard."""
    happened: Words
    """In the order in which they happen; the same array where that is the same order."""


@dataclass(frozen=True, eq=False)
class Tape:
    """Rows to be played, the instruments they speak of, and (for L3) when orders joined their queues."""

    rows: Rows
    instruments: tuple[Sequence[Instrument], ...]
    """For each instrument its versions, in the order in which GRID rows bring them into force."""
    joined: Words

    @classmethod
    def of(cls, instruments: Iterable[Instrument], events: Iterable[Event]) -> Tape:
        """Build a tape from market events, in the order in which they were heard.

        Quotes and bars are left out: levels and trades say the same and more. Funding is settled at the time and
        at the last rate that Funding events told, at the last mark price (without one, the last trade).
        """
        return RowWriter(instruments).tape(events)

    @classmethod
    def from_columns(
        cls,
        instrument: Instrument,
        *,
        local_ns: ArrayLike,
        venue_ns: ArrayLike,
        kind: ArrayLike,
        side: ArrayLike,
        ticks: ArrayLike,
        lots: ArrayLike,
        order_id: ArrayLike | None = None,
    ) -> Tape:
        """Build a tape of one instrument from columns of integers of equal length.

        With order ids the L3 kinds may be used: ADD, EXECUTE (lots: what was executed), MODIFY = 10 (lots: what the
        order has now) and CANCEL = 11.
        """
        columns = {
            "local_ns": np.asarray(local_ns),
            "venue_ns": np.asarray(venue_ns),
            "kind": np.asarray(kind),
            "side": np.asarray(side),
            "ticks": np.asarray(ticks),
            "lots": np.asarray(lots),
        }
        count = len(columns["local_ns"])
        for name, column in columns.items():
            if column.ndim != 1 or len(column) != count:
                raise DataError(f"column {name} has {column.shape} values where local_ns has {count}")
            if column.dtype.kind not in "iu":
                raise DataError(
                    f"column {name} holds {column.dtype}: expected whole numbers (ticks, lots, ns)"
                )
        _refuse(columns["kind"] > _LAST_KIND, columns, "kind", "is no kind of row")
        _refuse(columns["kind"] < 0, columns, "kind", "is no kind of row")
        _refuse(
            (columns["ticks"] > _TICKS_MAX) | (columns["ticks"] < -_TICKS_MAX),
            columns,
            "ticks",
            "is out of range",
        )
        rows = np.zeros(count, ROW)
        for name, column in columns.items():
            rows[name] = column
        joined = np.zeros(0, np.int64)
        if order_id is not None:
            rows, joined = _resolved(rows, np.asarray(order_id))
        elif count and rows["kind"].max() >= Happening.ADD:
            raise DataError("rows of orders (ADD and on) need the column order_id")
        return cls(rows, ((instrument,),), joined).checked()

    def checked(self) -> Tape:
        """Return this tape, or raise DataError naming the first row that makes no sense."""
        rows = self.rows
        columns = {name: rows[name] for name in ROW.names or ()}
        local = rows["local_ns"]
        late = np.zeros(len(rows), bool)
        late[1:] = local[1:] < local[:-1]
        _refuse(
            late, columns, "local_ns", "was heard before the row above it: sort the rows by local_ns (stable)"
        )
        _refuse(
            rows["venue_ns"] > local,
            columns,
            "venue_ns",
            "happened after it was heard: the clocks disagree; shift one of them first",
        )
        _refuse(rows["ticks"] < -_TICKS_MAX, columns, "ticks", "is out of range")
        _refuse(local < 0, columns, "local_ns", "is before 1970")
        _refuse(
            (rows["side"] != BUY) & (rows["side"] != SELL), columns, "side", "is no side: 0 buys, 1 sells"
        )
        _refuse((rows["kind"] < 0) | (rows["kind"] > Happening.EXECUTE), columns, "kind", "is no kind of row")
        funding = rows["kind"] == Happening.FUNDING
        _refuse(
            ((rows["lots"] < 0) & ~funding) | (rows["lots"] > _LOTS_MAX), columns, "lots", "is out of range"
        )
        empty = (rows["lots"] == 0) & np.isin(
            rows["kind"], (Happening.TRADE, Happening.ADD, Happening.EXECUTE)
        )
        _refuse(empty, columns, "lots", "is no quantity")
        count = len(self.instruments)
        _refuse(
            (rows["instrument"] < 0) | (rows["instrument"] >= count),
            columns,
            "instrument",
            "is not on this tape",
        )
        versions = np.array([len(each) for each in self.instruments])[rows["instrument"]]
        grid = rows["kind"] == Happening.GRID
        _refuse(
            grid & ((rows["ticks"] < 1) | (rows["ticks"] >= versions)),
            columns,
            "ticks",
            "is no version of it",
        )
        return self

    @property
    def keys(self) -> list[str]:
        """The names of the tape's instruments."""
        return [versions[0].key for versions in self.instruments]

    @cached_property
    def venue_order(self) -> Words:
        """The order in which rows happen, where it is not the order in which they are heard; otherwise empty."""
        venue_ns = self.rows["venue_ns"]
        if len(venue_ns) < 2 or bool((venue_ns[1:] >= venue_ns[:-1]).all()):
            return np.zeros(0, np.int64)
        return np.argsort(venue_ns, kind="stable").astype(np.int64)

    @cached_property
    def words(self) -> Words:
        """The rows as the kernel reads them: four words each, one row behind the other."""
        return np.ascontiguousarray(self.rows).view(np.int64)

    @cached_property
    def annotated(self) -> Annotated:
        """The best of the public book after each row: found when first asked for, and kept for every run."""
        from xtrade.sim.replay.memory import annotated

        return annotated(self)

    @cached_property
    def notices(self) -> NDArray[np.int64]:
        """The local times of rows that always wake: gaps, new grids, funding, and trust in a book coming back."""
        rows = self.rows
        always = np.isin(rows["kind"], (Happening.GAP, Happening.GRID, Happening.FUNDING))
        for place in range(len(self.instruments)):
            turns = np.flatnonzero(
                (rows["instrument"] == place)
                & np.isin(rows["kind"], (Happening.GAP, Happening.GRID, Happening.READY))
            )
            kinds = rows["kind"][turns]
            back = kinds == Happening.READY
            back[1:] &= kinds[:-1] != Happening.READY
            always[turns[back]] = True
        return np.ascontiguousarray(rows["local_ns"][always])

    @cached_property
    def trusted(self) -> list[bool]:
        """Whether each book is trusted from the first row: it is if no row ever says that it is complete."""
        told = self.rows["instrument"][self.rows["kind"] == Happening.READY]
        return [place not in told for place in range(len(self.instruments))]

    @property
    def versions_max(self) -> list[int]:
        """For each instrument, how many versions there may be."""
        return [len(versions) for versions in self.instruments]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """For each instrument, how many ticks its levels lie apart, and how many prices there are (at most)."""
        levels = self.rows[["ticks", "instrument"]][
            np.isin(self.rows["kind"], (Happening.LEVEL, Happening.ADD))
        ]
        found = []
        for place in range(len(self.instruments)):
            ticks = levels["ticks"][levels["instrument"] == place]
            span = int(ticks.max()) - int(ticks.min()) + 1 if len(ticks) else 1
            found.append((span, span if span <= 1 << 16 else len(np.unique(ticks))))
        return found

    def as_heard(self) -> Tape:
        """Return the same tape, on which everything happens when it is heard: as a paper account sees a market."""
        rows = self.rows.copy()
        rows["venue_ns"] = rows["local_ns"]
        return Tape(rows, self.instruments, self.joined)

    def heard_later(self, *, times: float = 1.0, add_ns: int = 0) -> Tape:
        """Return the same tape with its feed latency multiplied and lengthened; rows are put in the new order."""
        rows = self.rows.copy()
        latency = rows["local_ns"] - rows["venue_ns"]
        rows["local_ns"] = rows["venue_ns"] + np.rint(latency * times).astype(np.int64) + add_ns
        return _in_order(rows, self.instruments, self.joined)


def merge(*tapes: Tape) -> Tape:
    """Join tapes of different instruments into one, by local time; at one instant the earlier argument comes first."""
    names = [key for tape in tapes for key in tape.keys]
    for key in names:
        if names.count(key) > 1:
            raise DataError(f"{key} is on more than one of the tapes: an instrument is played from one tape")
    parts = []
    offset = 0
    for tape in tapes:
        part = tape.rows.copy()
        part["instrument"] += offset
        offset += len(tape.instruments)
        parts.append(part)
    joined = np.zeros(0, np.int64)
    if any(len(tape.joined) for tape in tapes):
        joined = np.concatenate(
            [tape.joined if len(tape.joined) else np.zeros(len(tape.rows), np.int64) for tape in tapes]
        )
    rows = np.concatenate(parts) if parts else np.zeros(0, ROW)
    return _in_order(rows, tuple(versions for tape in tapes for versions in tape.instruments), joined)


def _in_order(rows: Rows, instruments: tuple[Sequence[Instrument], ...], joined: Words) -> Tape:
    order = np.argsort(rows["local_ns"], kind="stable")
    return Tape(rows[order], instruments, joined[order] if len(joined) else joined).checked()


def _refuse(wrong: NDArray[np.bool_], columns: dict[str, NDArray[Any]], name: str, why: str) -> None:
    """Raise DataError for the first row that is wrong, if there is one."""
    if wrong.any():
        at = int(np.argmax(wrong))
        raise DataError(f"row {at}: {name} = {columns[name][at]} {why}")


def _resolved(rows: Rows, order_ids: NDArray[Any]) -> tuple[Rows, Words]:  # noqa: PLR0912  (one branch a kind)
    """Turn what orders do into what their queues lose and gain, and remember when each joined its queue."""
    if len(order_ids) != len(rows):
        raise DataError(f"column order_id has {len(order_ids)} values where local_ns has {len(rows)}")
    live: dict[int, list[int]] = {}  # order id: side, ticks, lots, when it joined
    made: list[tuple[Any, ...]] = []
    joined: list[int] = []

    def say(row: Any, kind: int, side: int, ticks: int, lots: int, since: int) -> None:
        made.append((row["local_ns"], row["venue_ns"], lots, ticks, kind, side, row["instrument"]))
        joined.append(since)

    for at, (row, order_id) in enumerate(zip(rows, order_ids.tolist(), strict=True)):
        kind, lots = int(row["kind"]), int(row["lots"])
        ns = int(row["venue_ns"])
        if kind == Happening.ADD:
            if order_id in live:
                raise DataError(f"row {at}: order {order_id} was added before and is still there")
            live[order_id] = [int(row["side"]), int(row["ticks"]), lots, ns]
            say(row, kind, *live[order_id])
            continue
        if kind < Happening.ADD:
            if kind == Happening.CLEAR:
                for gone in [name for name, order in live.items() if order[0] == row["side"]]:
                    del live[gone]
            say(row, kind, int(row["side"]), int(row["ticks"]), lots, 0)
            continue
        order = live.get(order_id)
        if order is None:
            raise DataError(
                f"row {at}: order {order_id} is not in the book: the data starts too late, or has a gap"
            )
        side, ticks, had, since = order
        if kind == Happening.EXECUTE:
            if lots > had:
                raise DataError(
                    f"row {at}: {lots} lots of order {order_id} are executed, but it has only {had}"
                )
            say(row, kind, side, ticks, lots, since)
            order[2] = had - lots
        elif kind == _Order.CANCEL:
            say(row, int(Happening.REDUCE), side, ticks, had, since)
            order[2] = 0
        elif row["ticks"] == ticks and lots <= had:
            if lots < had:
                say(row, int(Happening.REDUCE), side, ticks, had - lots, since)
            order[2] = lots
        else:  # more lots, or another price: the order loses its place
            say(row, int(Happening.REDUCE), side, ticks, had, since)
            live[order_id] = [side, int(row["ticks"]), lots, ns]
            say(row, int(Happening.ADD), *live[order_id])
        if live[order_id][2] == 0:
            del live[order_id]
    return np.array(made, ROW), np.array(joined, np.int64)


class RowWriter:
    """Writes rows for events, one after the other."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.versions = [[instrument] for instrument in instruments]
        self.places = {versions[0].key: place for place, versions in enumerate(self.versions)}
        self.rows: list[tuple[int, int, int, int, int, int, int]] = []
        self.funding: dict[int, tuple[int, int]] = {}
        self.marks: dict[int, int] = {}
        self.trades: dict[int, int] = {}

    def tape(self, events: Iterable[Event]) -> Tape:
        """Write all of the events, and return the tape of them."""
        for number, event in enumerate(events):
            if isinstance(event, MarketEvent):
                try:
                    self.add(event)
                except (OverflowError, ValueError) as error:
                    raise DataError(f"event {number} ({type(event).__name__}): {error}") from error
        try:
            rows = np.array(self.rows, ROW)
        except OverflowError as error:
            raise DataError(f"a price is out of range: ticks are 32-bit on a tape ({error})") from error
        instruments = tuple(tuple(versions) for versions in self.versions)
        return Tape(rows, instruments, np.zeros(0, np.int64)).checked()

    def add(self, event: MarketEvent) -> None:
        """Write the rows of one event."""
        place = self.places.get(event.instrument)
        if place is None:
            raise DataError(
                f"{event.instrument} is not among the tape's instruments: {', '.join(self.places)}"
            )
        local_ns = event.received_ns
        venue_ns = local_ns if event.venue_ns is None else event.venue_ns
        self._settle(place, local_ns, venue_ns)
        self._say(event, place, local_ns, venue_ns)

    def _say(  # noqa: PLR0912  (one branch a kind)
        self, event: MarketEvent, place: int, local_ns: int, venue_ns: int
    ) -> None:
        def row(kind: Happening, side: int = 0, ticks: int = 0, lots: int = 0) -> None:
            self.rows.append((local_ns, venue_ns, lots, ticks, int(kind), side, place))

        match event:
            case BookSnapshot():
                row(Happening.CLEAR, BUY)
                row(Happening.CLEAR, SELL)
                for side, levels in ((BUY, event.bids), (SELL, event.asks)):
                    for ticks, lots in levels:
                        row(Happening.LEVEL, side, ticks, lots)
                row(Happening.READY)
                _check_uncrossed(event)
            case BookDelta():
                for side, levels in ((BUY, event.bids), (SELL, event.asks)):
                    for ticks, lots in levels:
                        row(Happening.LEVEL, side, ticks, lots)
            case Trade():
                row(Happening.TRADE, BUY if event.taker is Side.BUY else SELL, event.ticks, event.lots)
                self.trades[place] = event.ticks
            case Stale(what="book"):
                row(Happening.GAP)
            case InstrumentChanged():
                self.versions[place].append(event.now)
                self.marks.pop(place, None)
                self.trades.pop(place, None)
                row(Happening.GRID, ticks=len(self.versions[place]) - 1)
            case MarkPrice():
                self.marks[place] = self.versions[place][-1].ticks(event.mark, toward="nearest")
            case Funding():
                if event.next_ns is None:
                    raise DataError("a Funding event without next_ns: nobody knows when it is paid")
                self.funding[place] = (event.next_ns, steps(event.rate, RATE_UNIT, toward="nearest"))
            case _:
                pass

    def _settle(self, place: int, local_ns: int, venue_ns: int) -> None:
        """Settle the funding that fell due before this event."""
        due = self.funding.get(place)
        if due is None or venue_ns < due[0]:
            return
        del self.funding[place]
        next_ns, rate = due
        price = self.marks.get(place, self.trades.get(place))
        if price is None:
            raise DataError("funding falls due, but neither a mark price nor a trade was told before")
        self.rows.append((local_ns, next_ns, rate, price, int(Happening.FUNDING), 0, place))


def _check_uncrossed(snapshot: BookSnapshot) -> None:
    bids: Sequence[int] = [ticks for ticks, lots in snapshot.bids if lots]
    asks: Sequence[int] = [ticks for ticks, lots in snapshot.asks if lots]
    if bids and asks and max(bids) >= min(asks):
        raise DataError(f"the snapshot is crossed: bid {max(bids)}, ask {min(asks)}")
