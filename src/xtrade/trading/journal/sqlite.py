"""A journal in a file: SQLite, write-ahead log, one connection that writes and checkpoints, readers that only read.

Urgent entries are synced to the disk before `append` returns (`durability="power"`), the others with the next urgent
one; both survive the death of the process at once. With `durability="process"` nothing is synced: a power cut may take
the last seconds. What each costs: docs/performance.md, `benchmarks/journal.py`.

SQLite up to 3.51.2 can lose pages where two connections write or checkpoint at the same moment; so no connection but
the writer's ever does, and readers open the file `mode=ro`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from xtrade.model.errors import DataError, JournalBroken
from xtrade.runtime import clock
from xtrade.trading.journal.entries import Entry, genesis
from xtrade.trading.journal.leases import FileLeases

__all__ = ["APPLICATION_ID", "FORMAT", "Durability", "SqliteReader", "SqliteStore"]

Durability = Literal["power", "process"]

APPLICATION_ID: Final = 0x78547264
FORMAT: Final = 1
"""The version of the file's form. MIGRATIONS has, for each older one, what makes it the next."""

MIGRATIONS: dict[int, tuple[str, ...]] = {}

_FORM: Final = (
    "CREATE TABLE journal (name TEXT NOT NULL, born_ns INTEGER NOT NULL) STRICT",
    """CREATE TABLE entries (
        sequence INTEGER PRIMARY KEY, session INTEGER NOT NULL, at_ns INTEGER NOT NULL, kind TEXT NOT NULL,
        order_id INTEGER, body BLOB NOT NULL, digest BLOB NOT NULL) STRICT""",
    "CREATE INDEX entries_of_order ON entries (order_id) WHERE order_id IS NOT NULL",
    # By hand or by mistake: what is written stays written. The chain tells of whoever goes round this.
    "CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "CREATE TRIGGER entries_last BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
)

_INSERT: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)"
_COLUMNS: Final = "sequence, session, at_ns, kind, order_id, body, digest"
# Somebody copies the file or looks at it with a tool: so long the loop waits, and no longer.
BUSY_MS: Final = 250
READ_AT_ONCE: Final = 2_000


class SqliteReader:
    """A journal's file for reading; the writer, if there is one, goes on meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise DataError(f"there is no journal {path}")
        try:
            # `as_uri` escapes what a path may have and a URI may not.
            self._connection = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
        except sqlite3.Error as error:
            raise _damaged(path, error) from error
        try:
            self._connection.execute(f"PRAGMA busy_timeout = {10 * BUSY_MS}")
            _must_be_ours(self._connection, path, newest=FORMAT)
            self.genesis = _genesis(self._connection)
        except sqlite3.Error as error:
            self._connection.close()
            raise _damaged(path, error) from error
        except DataError:
            self._connection.close()
            raise

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def head(self) -> tuple[int, int, bytes]:
        """Tell where the chain ends."""
        try:
            return _head(self._connection, self.genesis)
        except sqlite3.Error as error:
            raise _damaged(self.path, error) from error

    def read(self, *, after: int = 0, order: int | None = None, kind: str | None = None) -> Iterator[Entry]:
        """Give entries in order."""
        return _read(self._connection, self.path, after, order, kind)

    def checkpoint(self) -> bytes | None:
        """Give what was kept beside the file, if anything was."""
        return _kept(self.path)

    def keep_checkpoint(self, data: bytes) -> None:
        """Keep a checkpoint beside the file: whoever may write there may, and the writer goes on meanwhile."""
        _keep(self.path, data)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


class SqliteStore:
    """A journal's file for writing; made if it is not there. Holds the leases until it is closed."""

    def __init__(
        self,
        path: Path,
        *,
        accounts: Sequence[str] = (),
        leases: Path | None = None,
        durability: Durability = "power",
    ) -> None:
        self.path = path
        self._synced = "FULL" if durability == "power" else "NORMAL"
        self._sync = ""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The file is guarded where it lies, the accounts where every process of this machine looks.
        self._leases = [FileLeases(path.parent), FileLeases(leases or path.parent)]
        self._leases[0].take([f"journal {path.name}"])
        try:
            self._leases[1].take([f"account {each}" for each in accounts])
            self._connection = self._connect()
            self.genesis = _genesis(self._connection)
        except sqlite3.Error as error:
            self._release()
            raise _damaged(path, error) from error
        except BaseException:
            self._release()
            raise

    @property
    def name(self) -> str:
        """The file."""
        return str(self.path)

    def append(self, entries: Sequence[Entry], *, urgent: bool) -> int:
        """Write entries, all or none."""
        if not self._leases[0].are_held:
            raise JournalBroken(
                f"{self.path} is not held by this process any more (it was closed, or the process was forked)",
                lost=True,
            )
        try:
            self._sync_as(self._synced if urgent else "NORMAL")
            if len(entries) == 1:
                self._connection.execute(_INSERT, entries[0])
            else:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(_INSERT, entries)
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise _broken(self.path, error) from error
        return entries[-1].sequence

    def flush(self) -> int:
        """Nothing is ever on its way: each entry is committed when it is appended."""
        return self.head()[0]

    def reopen(self) -> tuple[int, int, bytes]:
        """Tell where the chain ends, as the file has it."""
        self._roll_back()
        return self.head()

    def head(self) -> tuple[int, int, bytes]:
        """Tell where the chain ends."""
        try:
            return _head(self._connection, self.genesis)
        except sqlite3.Error as error:
            raise _broken(self.path, error) from error

    def read(self, *, after: int = 0, order: int | None = None, kind: str | None = None) -> Iterator[Entry]:
        """Give entries in order."""
        return _read(self._connection, self.path, after, order, kind)

    def checkpoint(self) -> bytes | None:
        """Give what was kept beside the file, if anything was."""
        return _kept(self.path)

    def keep_checkpoint(self, data: bytes) -> None:
        """Keep a checkpoint beside the file, outside of the log that each order waits for."""
        _keep(self.path, data)

    def close(self) -> None:
        """Close the file, and let the leases go."""
        try:
            # While somebody reads, closing alone would leave what was written last in the log beside the file.
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        finally:
            self._release()

    def _connect(self) -> sqlite3.Connection:
        made = not self.path.exists() or self.path.stat().st_size == 0
        # Made by us, it is for its owner alone: what one trades is nobody else's business.
        self.path.touch(mode=0o600)
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            self._prepare(connection, made=made)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, *, made: bool) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA mmap_size = 0")
        if made:
            _begin(connection, self.path.stem)
        else:
            _must_be_ours(connection, self.path, newest=FORMAT)
            _migrate(connection)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise DataError(
                f"{self.path} cannot have a write-ahead log (journal mode is {mode}): is it on a network drive?"
                " Put it on a local disk"
            )

    def _sync_as(self, level: str) -> None:
        if level != self._sync:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._sync = level

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _release(self) -> None:
        for leases in self._leases:
            leases.release()


def _begin(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in _FORM:
        connection.execute(statement)
    connection.execute("INSERT INTO journal VALUES (?, ?)", (name, clock.now_ns()))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    for version in range(found, FORMAT):
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[version]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")


def _must_be_ours(connection: sqlite3.Connection, path: Path, *, newest: int) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise DataError(f"{path} is a database, and not a journal of xtrade")
    if version > newest:
        raise DataError(
            f"{path} has the form {version}, and this version of xtrade knows the forms up to {newest}: use the"
            " version that wrote it, or a later one"
        )


def _genesis(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT name, born_ns FROM journal").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("the journal has no name")
    return genesis(*row)


def _head(connection: sqlite3.Connection, first: bytes) -> tuple[int, int, bytes]:
    row = connection.execute(
        "SELECT sequence, session, digest FROM entries ORDER BY sequence DESC LIMIT 1"
    ).fetchone()
    return (0, 0, first) if row is None else row


def _read(
    connection: sqlite3.Connection, path: Path, after: int, order: int | None, kind: str | None
) -> Iterator[Entry]:
    """In pieces, so that no reader holds the write-ahead log for long."""
    about = "" if order is None else "AND order_id = :order"
    about += "" if kind is None else " AND kind = :kind"
    question = f"SELECT {_COLUMNS} FROM entries WHERE sequence > :after {about} ORDER BY sequence LIMIT {READ_AT_ONCE}"  # noqa: S608
    while True:
        asked = {"after": after, "order": order, "kind": kind}
        try:
            rows = connection.execute(question, asked).fetchall()
        except sqlite3.Error as error:
            # A page in the middle may be bad: give what is before it, one by one, and then say so.
            yield from _one_by_one(connection, question, asked)
            raise _damaged(path, error) from error
        yield from map(Entry._make, rows)
        if len(rows) < READ_AT_ONCE:
            return
        after = rows[-1][0]


def _one_by_one(
    connection: sqlite3.Connection, question: str, asked: Mapping[str, object]
) -> Iterator[Entry]:
    try:
        for row in connection.execute(question, asked):
            yield Entry._make(row)
    except sqlite3.Error:
        return


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.checkpoint")


def _kept(path: Path) -> bytes | None:
    try:
        return _beside(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{_beside(path)} cannot be read: {error.strerror}") from error


def _keep(path: Path, data: bytes) -> None:
    """Whole or not at all, but for a power cut: what is damaged then is found, and not used."""
    place = _beside(path)
    draft = place.with_name(f"{place.name}.new")
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(data)
        draft.replace(place)
    except OSError as error:
        raise DataError(f"{place} cannot be written: {error.strerror}") from error


def _damaged(path: Path, error: sqlite3.Error) -> DataError:
    return DataError(
        f"{path} cannot be read: {error}. Leave the file as it is, save what is whole with `xtrade journal export`,"
        " and begin a new journal: the venues are then asked what is open"
    )


_PRIMARY: Final = 0xFF
_TIGHT: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: free space in {directory}",
    sqlite3.SQLITE_BUSY: "another program has locked it: close what has it open",
    sqlite3.SQLITE_LOCKED: "another program has locked it: close what has it open",
    sqlite3.SQLITE_READONLY: "it may not be written: give this user the right to",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: is its directory still there?",
}


def _broken(path: Path, error: sqlite3.Error) -> JournalBroken:
    """Say what keeps us from writing, and whether it can pass."""
    primary = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if primary in _TIGHT:
        return JournalBroken(f"cannot write {path}: {_TIGHT[primary].format(directory=path.parent)}")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return JournalBroken(
            f"{path} is written by another process now: this one sends nothing more. Restart it", lost=True
        )
    # After a failed sync the kernel may have dropped what it could not write, and report success the next time.
    return JournalBroken(
        f"cannot write {path}: {error}. What is on the disk is not certain any more: restart, so that the file is"
        " read anew and the venues are asked",
        final=True,
    )
