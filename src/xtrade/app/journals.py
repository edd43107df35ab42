"""Where a node's journal is, and opening it for a run: a new one, or the one that the node goes on with.

is_kept        whether a run goes on with the journal of the one before
place_of       where it is: named by the configuration, or in node_dir, the node's own among the state of this user
goes_on        open it, hold it, and read what an earlier process handed over; a standby waits until the holder is gone
put_aside      begin anew: what was written stays, under another name
move_journal   a journal of one run goes into the folder of that run
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from xtrade.app.config.model import Config
from xtrade.app.paths import state_dir
from xtrade.model.errors import AccountHeld, DataError, JournalBroken, UsageError
from xtrade.runtime import clock
from xtrade.trading.checkpoints import restored
from xtrade.trading.handover import Handover
from xtrade.trading.journal import DurableJournal, open_journal, read_journal
from xtrade.trading.journal.leases import FileLeases
from xtrade.trading.journal.opening import is_database
from xtrade.trading.order_store import OrderStore

__all__ = [
    "BASELINES",
    "BEGAN",
    "FILE_NAME",
    "Kept",
    "goes_on",
    "is_kept",
    "move_journal",
    "node_dir",
    "place_of",
    "put_aside",
]

SECOND: Final = 1_000_000_000
FILE_NAME: Final = "trading.journal"
BASELINES: Final = "baselines.json"
BEGAN: Final = "began.json"

# In between a standby reads what was written meanwhile, so that little is left to read when its turn comes.
STANDBY_READS_S: Final = 5.0
DATABASE_AWAY_S: Final = 1.0


class Kept(NamedTuple):
    """A journal that is held, and what was handed over with it; None if nobody ever wrote in it."""

    journal: DurableJournal
    handover: Handover | None


def node_dir(name: str) -> Path:
    """Return the directory of what a node keeps."""
    return state_dir() / "nodes" / name


def is_kept(config: Config) -> bool:
    """Tell whether a run goes on with the journal of the one before: always where venues live on without us."""
    given = config.journal
    if config.engine.mode == "live":
        return True
    return given.keep == "node" or (given.keep is None and given.place is not None)


def place_of(config: Config, name: str) -> str:
    """Return where a node keeps its journal: a path, or a database's address."""
    place = config.journal.place
    if place is None:
        return str(node_dir(name) / FILE_NAME)
    return place if is_database(place) else str(Path(place).expanduser())


def goes_on(
    config: Config,
    name: str,
    *,
    accounts: Sequence[str] = (),
    note: str = "",
    standby: bool = False,
    tell: Callable[[str], object] = lambda _: None,
    on_trouble: Callable[[JournalBroken | None], None] | None = None,
) -> Kept:
    """Open a node's journal, hold it and its accounts, and read what was handed over.

    Somebody else has it: AccountHeld; a standby waits for as long as that takes, and `tell`s who it is. It is told,
    too, if a checkpoint does not hold, and the journal is read from its beginning.
    """
    place = place_of(config, name)
    if standby and not is_database(place):
        raise UsageError(
            "--standby waits for the holder of a journal in PostgreSQL, which several processes share: name one with"
            " journal.place = postgresql://USER@HOST:PORT/DATABASE#NAME"
        )

    def opened(wait_s: float = 0.0) -> DurableJournal:
        return open_journal(
            place,
            accounts=accounts,
            leases=state_dir() / "leases",
            durability=config.journal.durability,
            wait_s=wait_s,
            note=note,
            on_trouble=on_trouble,
        )

    journal, read = _waited_for(place, opened, tell) if standby else (opened(), None)
    try:
        found = restored(journal.store, onto=read, keep=True)
    except BaseException:
        journal.store.close()
        raise
    if found.word:
        tell(found.word)
    store = found.store
    handover = Handover.of(store, store.handed_over_ns) if store.handed_over_ns else None
    return Kept(journal, handover)


def put_aside(config: Config, name: str) -> Path | None:
    """Put a node's journal aside, with what losses were counted from; return where it is now. None: there was none."""
    place = place_of(config, name)
    if is_database(place):
        raise UsageError(
            "--fresh puts a file aside, and a journal in a database stays: begin another one by another name after"
            " the # of journal.place"
        )
    path, leases = Path(place), FileLeases(Path(place).parent)
    for counted_from in (BASELINES, BEGAN):
        (node_dir(name) / counted_from).unlink(missing_ok=True)
    if not path.exists():
        return None
    leases.take([f"journal {path.name}"])
    try:
        stamp = datetime.fromtimestamp(clock.now_ns() // SECOND, UTC).strftime("%Y%m%d-%H%M%S")
        aside = path.with_name(f"{path.stem}.{stamp}{path.suffix}")
        if aside.exists():
            raise UsageError(f"{aside} is there already: try again in a second")
        for end in ("-wal", "-shm", ".checkpoint", ""):
            if (part := path.with_name(path.name + end)).exists():
                part.rename(aside.with_name(aside.name + end))
    except OSError as error:
        raise DataError(f"{path} cannot be put aside: {error.strerror}") from error
    finally:
        leases.release()
    return aside


def move_journal(journal: Path, folder: Path) -> None:
    """Move a journal that is closed into a folder, and remove the one it was in.

    Somebody may be reading it at this moment: then what was written last can stand in the log beside the file, which
    goes along.
    """
    for name in (f"{journal.name}-wal", journal.name):
        if (part := journal.with_name(name)).exists():
            part.rename(folder / name)
    shutil.rmtree(journal.parent)


def _waited_for(
    place: str, opened: Callable[[float], DurableJournal], tell: Callable[[str], object]
) -> tuple[DurableJournal, OrderStore | None]:
    """Wait in the queue for a journal, reading it meanwhile; also while its database is away."""
    read: OrderStore | None = None
    while True:
        try:
            with read_journal(place) as journal:
                read = restored(journal, onto=read, keep=True).store
        except DataError:
            pass  # nobody has begun it yet; if it is damaged, that is said once it is ours
        except JournalBroken as error:
            tell(f"Standing by: {error}")
        try:
            return opened(STANDBY_READS_S), read
        except AccountHeld as error:
            tell(f"Standing by: {error}")
        except JournalBroken as error:
            tell(f"Standing by: {error}")
            threading.Event().wait(DATABASE_AWAY_S)
