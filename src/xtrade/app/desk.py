"""How a desk stands by its journal: orders and positions, the last books its strategies saw, its dials, its refusals.

Desk      a fold over the journal's entries, record by record, like the order store that it carries
Place     where the journal of a run is; `read_on` gives a desk what was written since it last looked
found     the journal that the command line, the configuration or the newest run says

Nothing here asks a running node: what the journal does not tell (marks of the venue, the health of links) is not known.
"""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from xtrade.app.journals import FILE_NAME
from xtrade.app.paths import shown, state_dir
from xtrade.model.errors import DataError, UsageError
from xtrade.model.events import OrderAccepted, OrderEvent, OrderFilled, OrderRejected
from xtrade.model.instruments import Instrument
from xtrade.model.orders import OrderIntent
from xtrade.model.sides import Side
from xtrade.trading.journal.entries import Entry, checked
from xtrade.trading.journal.kinds import record_of
from xtrade.trading.journal.opening import Readable, is_database, read_journal
from xtrade.trading.marks import Mark
from xtrade.trading.order_store import OrderStore
from xtrade.trading.ports import (
    Decided,
    Failed,
    InstrumentKnown,
    Noted,
    Refused,
    SessionClosed,
    SessionOpened,
    Turned,
)

if TYPE_CHECKING:
    from xtrade.app.config.model import Config

__all__ = ["Conduct", "Desk", "Place", "Process", "found"]

NOTES_KEPT: Final = 200

Process = Literal["running", "ended", "died", "elsewhere", "none"]
"""Of whoever wrote last: it goes on; it laid the journal down; it is gone without that; it is on another machine, which
cannot be looked at from here; nobody wrote yet."""


class Seen(NamedTuple):
    """The middle of the last book that a decision was made on, and when."""

    price: Fraction
    at_ns: int


class Stamped(NamedTuple):
    """A refusal, of the gate or of the venue, and when it was written."""

    rule: str
    text: str
    limit: str
    figure: str
    at_ns: int


class Conduct:
    """What one strategy did since the present process took over."""

    def __init__(self) -> None:
        self.asked_ns: int | None = None
        self.let_out_ns: int | None = None
        self.refused: dict[tuple[str, Side], Stamped] = {}
        """The gate's last answer on one side of one market, where that was no."""
        self.refused_by: Counter[str] = Counter()
        self.last_refused: Stamped | None = None
        self.turned_away = 0
        """How many orders in a row the venue did not take."""
        self.last_turned_away: Stamped | None = None
        self.stops: tuple[str, int] | None = None
        """Why it said that it stops, and when."""
        self.failed: tuple[Failed, int] | None = None


class Desk:
    """What the entries of a journal so far add up to."""

    def __init__(self) -> None:
        self.store = OrderStore()
        self.journal = ""
        """What the journal is called."""
        self.seen: dict[str, Seen] = {}
        """By instrument: the last book that a decision was made on."""
        self.dials: dict[str, tuple[Turned, int]] = {}
        """By strategy, "" for the whole desk: where each dial was last turned in this process, and when."""
        self.conduct: dict[str, Conduct] = {}
        self.notes: deque[tuple[Noted, int]] = deque(maxlen=NOTES_KEPT)
        self.refusals: dict[int, tuple[Refused, int]] = {}
        """By order: what the gate refused, and when."""
        self.ended: str | None = None
        """Why the last process laid the journal down; None while it has not."""
        self.sequence = 0
        self.digest = b""
        self.last_ns: int | None = None
        self._names: set[str] = set()
        self._sights: dict[int, Decided] = {}
        self._versions: dict[tuple[str, int], Instrument] = {}

    def take(self, entry: Entry) -> None:
        """Take the next entry."""
        record = record_of(entry.kind, entry.body)
        self.store.take(record)
        self.sequence, self.digest, self.last_ns = entry.sequence, entry.digest, entry.at_ns
        match record:
            case Decided():
                self._sights[record.client_order_id] = record
            case OrderIntent():
                self._let_out(record, entry.at_ns)
            case OrderEvent():
                self._told(record, entry.at_ns)
            case InstrumentKnown():
                self._versions[record.instrument.key, record.instrument.version] = record.instrument
            case Refused():
                self._refused(record, entry.at_ns)
            case Turned():
                self.dials[record.strategy] = record, entry.at_ns
                self._names.add(record.strategy)
            case Failed():
                self._conduct_of(record.strategy).failed = record, entry.at_ns
            case Noted():
                self._noted(record, entry.at_ns)
            case SessionOpened():
                # Dials, failures and refusals are of a process: the next one begins without them.
                self.conduct.clear()
                self.dials.clear()
                self.notes.clear()
                self._sights.clear()
                self.ended = None
            case SessionClosed():
                self.ended = record.reason
            case _:
                pass

    @property
    def process(self) -> Process:
        """What is known of the process that wrote last."""
        opened = self.store.session
        if opened is None:
            return "none"
        if self.store.ended_in_order:
            return "ended"
        if opened.host != socket.gethostname():
            return "elsewhere"
        return "running" if _is_alive(opened.pid) else "died"

    def instrument_of(self, intent: OrderIntent) -> Instrument | None:
        """Return the instrument in the version that an order was sized on."""
        return self._versions.get((intent.instrument, intent.instrument_version))

    def mark(self, key: str) -> Mark | None:
        """Return what an instrument is valued at: the last book that a decision was made on, with its age.

        The age counts to the last entry, not to now: what happened after that nobody can tell from here.
        """
        seen = self.seen.get(key)
        return None if seen is None else Mark(seen.price, "mid", max(0, (self.last_ns or 0) - seen.at_ns))

    def marks(self) -> dict[str, Mark | None]:
        """Return what every instrument is valued at."""
        return {key: self.mark(key) for key in self.store.instruments}

    def strategies(self) -> list[str]:
        """Return every strategy that the journal names."""
        return sorted(self._names - {""})

    # -- how ------------------------------------------------------------------------------------------------------

    def _conduct_of(self, strategy: str) -> Conduct:
        self._names.add(strategy)
        return self.conduct.setdefault(strategy, Conduct())

    def _let_out(self, intent: OrderIntent, at_ns: int) -> None:
        conduct = self._conduct_of(intent.strategy)
        conduct.asked_ns = conduct.let_out_ns = at_ns
        conduct.refused.pop((intent.instrument, intent.side), None)
        sight, market = self._sights.pop(intent.client_order_id, None), self.instrument_of(intent)
        if sight is None or market is None or sight.bid_ticks is None or sight.ask_ticks is None:
            return
        middle = Fraction(sight.bid_ticks + sight.ask_ticks, 2) * Fraction(market.tick)
        self.seen[intent.instrument] = Seen(middle, at_ns)

    def _refused(self, refused: Refused, at_ns: int) -> None:
        intent = refused.intent
        conduct = self._conduct_of(intent.strategy)
        stamped = Stamped(refused.rule, refused.reason, refused.limit, refused.figure, at_ns)
        conduct.asked_ns = at_ns
        conduct.refused[intent.instrument, intent.side] = conduct.last_refused = stamped
        conduct.refused_by[refused.rule] += 1
        self.refusals[intent.client_order_id] = refused, at_ns
        self._sights.pop(intent.client_order_id, None)

    def _told(self, event: OrderEvent, at_ns: int) -> None:
        state = self.store.orders.get(event.client_order_id)
        if state is None:
            return
        conduct = self._conduct_of(state.intent.strategy)
        if isinstance(event, OrderRejected):
            conduct.turned_away += 1
            text = f"{state.intent.instrument}: {event.reason}"
            conduct.last_turned_away = Stamped(event.code, text, "", "", at_ns)
        elif isinstance(event, OrderAccepted | OrderFilled):
            conduct.turned_away = 0

    def _noted(self, noted: Noted, at_ns: int) -> None:
        self.notes.append((noted, at_ns))
        self._names.add(noted.strategy)
        # The engine's own words for a strategy that stops itself.
        if noted.strategy and noted.text.startswith("stops: "):
            self._conduct_of(noted.strategy).stops = noted.text.removeprefix("stops: "), at_ns


class Place(NamedTuple):
    """Where a journal is: a database's address, or a file, which moves into the folder of its run when that ends."""

    address: str

    def read_on(
        self, desk: Desk, *, shown: Callable[[Readable, Iterable[Entry]], Iterable[Entry]] | None = None
    ) -> None:
        """Give a desk what was written since it last looked; each entry is checked against the one before.

        The journal is open for no longer than that: its writer may close and move it in between.
        """
        with read_journal(self.address if is_database(self.address) else self._file()) as journal:
            desk.journal = journal.name
            new: Iterable[Entry] = journal.read(after=desk.sequence)
            new = new if shown is None else shown(journal, new)
            before = desk.digest or journal.genesis
            for entry in checked(new, before, after=desk.sequence, where=journal.name):
                try:
                    desk.take(entry)
                except DataError as error:
                    raise DataError(f"entry {entry.sequence} of {journal.name}: {error}") from error

    def _file(self) -> Path:
        path = Path(self.address)
        ended = path.parent.with_suffix("") / path.name
        return ended if path.parent.suffix == RUNNING and not path.exists() and ended.exists() else path


RUNNING: Final = ".running"


def found(run: Path | None, journal: str | None, config: Callable[[], Config]) -> Place:
    """Return the journal of a run's folder, the one that is named, or else the configuration's or the newest run's."""
    if run is not None and journal is not None:
        raise UsageError("--run names a folder and --journal a journal: give one of them")
    if journal is not None:
        return Place(journal if is_database(journal) else str(Path(journal).expanduser()))
    if run is not None:
        return Place(str(_of_run(run)))
    configured = config().journal.place
    if configured is not None and is_database(configured):
        return Place(configured)
    kept = state_dir() / "nodes"
    nodes = kept.glob(f"*/{FILE_NAME}") if configured is None else [Path(configured).expanduser()]
    here = [*nodes, *Path("runs").glob(f"*/{FILE_NAME}")]
    there = [path for path in here if path.is_file()]
    if not there:
        raise DataError(
            f"there is no journal: neither {configured or f'a node in {shown(kept)}'} nor a run in ./runs. Start one"
            " with `xtrade run`, or say where with --run DIR or --journal PLACE"
        )
    return Place(str(max(there, key=_written_ns)))


def _of_run(run: Path) -> Path:
    places = [run / FILE_NAME, run.with_name(f"{run.name}{RUNNING}") / FILE_NAME]
    for place in places:
        if place.is_file():
            return place
    raise DataError(f"--run {run}: there is no run: neither {places[0]} nor {places[1]}")


def _written_ns(path: Path) -> int:
    """Return when a journal was last written to: its log beside it is newer than the file itself."""
    return max(each.stat().st_mtime_ns for each in _parts(path))


def _parts(path: Path) -> Iterator[Path]:
    yield path
    log = path.with_name(f"{path.name}-wal")
    if log.is_file():
        yield log


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
