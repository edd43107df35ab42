"""A journal in PostgreSQL, for several machines: the same chain, with leases that free themselves.

The lease is an advisory lock of the very connection that writes. So a process that lost its lease cannot write, and
what cannot be written is not sent: no clock and no time-out decides who may trade. A standby waits in the lock's queue
and goes on as soon as the server sees the holder gone. Connect directly: a pool in between would keep the lock.

Urgent entries are committed before `append` returns. The others go along with the next urgent one, or after 50 ms.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, TimeoutError as WaitedTooLong, wait
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtrade.model.errors import AccountHeld, DataError, JournalBroken
from xtrade.runtime import clock
from xtrade.runtime.extras import require
from xtrade.trading.journal.entries import Entry, genesis
from xtrade.trading.journal.leases import Holder, held_message, me
from xtrade.trading.journal.postgres_link import ANSWER_S, CONNECT_S, Address, Connection, Link

if TYPE_CHECKING:
    from xtrade.trading.journal.sqlite import Durability

__all__ = ["FORMAT", "PostgresReader", "PostgresStore"]

FORMAT: Final = 2
"""The version of the tables' form. MIGRATIONS has, for each older one, what makes it the next."""

# In parts, so that none takes long to send; as they are, for the server would compress them for longer than that.
_CHECKPOINTS: Final = """
CREATE TABLE xtrade.checkpoints (journal text NOT NULL REFERENCES xtrade.journals, part integer NOT NULL,
    body bytea NOT NULL, PRIMARY KEY (journal, part));
ALTER TABLE xtrade.checkpoints ALTER body SET STORAGE EXTERNAL;
"""

MIGRATIONS: dict[int, str] = {1: _CHECKPOINTS}

_FORM: Final = (
    """
CREATE SCHEMA IF NOT EXISTS xtrade;
CREATE TABLE IF NOT EXISTS xtrade.form (version integer NOT NULL);
CREATE TABLE IF NOT EXISTS xtrade.journals (name text PRIMARY KEY, born_ns bigint NOT NULL);
CREATE TABLE IF NOT EXISTS xtrade.leases (name text PRIMARY KEY, number bigint NOT NULL, host text NOT NULL,
    pid bigint NOT NULL, since_ns bigint NOT NULL, program text NOT NULL);
CREATE TABLE IF NOT EXISTS xtrade.entries (journal text NOT NULL REFERENCES xtrade.journals, sequence bigint NOT NULL,
    session bigint NOT NULL, at_ns bigint NOT NULL, kind text NOT NULL, order_id bigint, body bytea NOT NULL,
    digest bytea NOT NULL, PRIMARY KEY (journal, sequence));
CREATE INDEX IF NOT EXISTS entries_of_order ON xtrade.entries (journal, order_id) WHERE order_id IS NOT NULL;
CREATE OR REPLACE FUNCTION xtrade.stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE OR REPLACE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON xtrade.entries
    FOR EACH STATEMENT EXECUTE FUNCTION xtrade.stays();
"""
    + _CHECKPOINTS
)
_INSERT: Final = "INSERT INTO xtrade.entries VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
_COLUMNS: Final = "sequence, session, at_ns, kind, order_id, body, digest"
_OF_HOLDER: Final = "SELECT number, host, pid, since_ns, program FROM xtrade.leases WHERE name = $1"
_LOCK: Final = "hashtextextended('xtrade ' || $1, 0)"

LAZY_S: Final = 0.05
LOOK_S: Final = 0.1
READ_AT_ONCE: Final = 2_000
_PIECE: Final = (
    f"SELECT {_COLUMNS} FROM xtrade.entries WHERE journal = $1 AND sequence > $2"  # noqa: S608
    " AND ($3::bigint IS NULL OR order_id = $3) AND ($4::text IS NULL OR kind = $4)"
    f" ORDER BY sequence LIMIT {READ_AT_ONCE}"
)
PART_BYTES: Final = 1 << 20
CHECKPOINT_S: Final = 60.0
"""So long a checkpoint may take, many answers of the server together: it is made when nothing is traded yet."""


class _Waiting(Struct, frozen=True):
    """Entries on their way, and who waits for them."""

    entries: Sequence[Entry]
    done: Future[None] | None


class PostgresReader:
    """A journal in PostgreSQL for reading."""

    def __init__(self, link: Link, genesis: bytes) -> None:
        self._link = link
        self.genesis = genesis

    @classmethod
    def open(cls, where: str) -> PostgresReader:
        """Connect to a journal that is there."""
        address = Address(where)
        link = Link(address, default_transaction_read_only="on")
        try:
            link.run(link.connect, within_s=CONNECT_S + 1)
            found = link.run(lambda: _found(_of(link), address))
        except BaseException:
            link.close()
            raise
        return cls(link, found)

    @property
    def name(self) -> str:
        """Where it is, without user and password."""
        return self._link.address.shown

    def head(self) -> tuple[int, int, bytes]:
        """Tell where the chain ends."""
        link = self._link
        return link.run(lambda: _head(_of(link), link.address.journal, self.genesis))

    def read(self, *, after: int = 0, order: int | None = None, kind: str | None = None) -> Iterator[Entry]:
        """Give entries in order, in pieces."""
        link = self._link
        while True:
            rows = link.run(lambda after=after: _rows(_of(link), link.address.journal, after, order, kind))  # type: ignore[misc]
            yield from rows
            if len(rows) < READ_AT_ONCE:
                return
            after = rows[-1].sequence

    def checkpoint(self) -> bytes | None:
        """Give what was kept in the database, if anything was."""
        link = self._link
        return link.run(lambda: _kept(_of(link), link.address.journal), within_s=CHECKPOINT_S)

    def keep_checkpoint(self, data: bytes) -> None:
        """Keep a checkpoint in the database."""
        link = self._link
        link.run(lambda: _keep(_of(link), link.address.journal, data), within_s=CHECKPOINT_S)

    def close(self) -> None:
        """End the connection."""
        self._link.close()


class PostgresStore(PostgresReader):
    """A journal in PostgreSQL for writing. Holds the leases as long as its connection lives."""

    def __init__(self, link: Link, genesis: bytes, names: Sequence[str], numbers: dict[str, int]) -> None:
        super().__init__(link, genesis)
        self._names = names
        self._numbers = numbers
        self._pid = os.getpid()
        # All below is the thread's, but for `_written` and `_failure`, which it sets and we read.
        self._queue: deque[_Waiting] = deque()
        self._busy = False
        self._writing: asyncio.Task[None] | None = None
        self._timer_set = False
        self._written = 0
        self._failure: JournalBroken | None = None
        self._returning: Future[tuple[dict[str, int], tuple[int, int, bytes]]] | None = None

    @classmethod
    def hold(
        cls,
        where: str,
        *,
        accounts: Sequence[str] = (),
        durability: Durability = "power",
        wait_s: float = 0.0,
    ) -> PostgresStore:
        """Connect, make the tables if they are not there, and take the leases: at once, or within `wait_s`."""
        address = Address(where)
        link = Link(address, synchronous_commit="on" if durability == "power" else "off")
        names = [f"journal {address.journal}", *sorted(f"account {each}" for each in accounts)]
        try:
            link.run(link.connect, within_s=CONNECT_S + 1)
            link.run(lambda: _make(_of(link)))
            numbers = link.run(
                lambda: _take(_of(link), names, wait_s), within_s=ANSWER_S + wait_s * len(names)
            )
            found = link.run(lambda: _begun(_of(link), address.journal))
        except BaseException:
            link.close()
            raise
        return cls(link, found, names, numbers)

    def append(self, entries: Sequence[Entry], *, urgent: bool) -> int:
        """Write entries, all or none: now if urgent, or soon."""
        if self._pid != os.getpid():
            raise JournalBroken(f"{self.name} is not held by this process: it was forked", lost=True)
        if self._failure is not None:
            raise self._failure
        done: Future[None] | None = Future() if urgent else None
        self._link.soon(self._enqueue, _Waiting(entries, done))
        if done is not None:
            self._wait(done)
        return self._written

    def flush(self) -> int:
        """Write what is on its way."""
        if self._failure is not None:
            raise self._failure
        done: Future[None] = Future()
        self._link.soon(self._enqueue, _Waiting((), done))
        self._wait(done)
        return self._written

    def reopen(self) -> tuple[int, int, bytes]:
        """Connect anew and take the leases again, unless somebody else has had them meanwhile.

        A server that does not answer must not hold up the engine: the attempt goes on in the thread, and whoever asks
        again learns how far it is.
        """
        if self._returning is None:
            self._returning = self._link.submit(self._come_back)
        wait([self._returning], LOOK_S)
        if not self._returning.done():
            raise JournalBroken(f"{self.name} is being reached again, and has not answered yet")
        returned, self._returning = self._returning, None
        self._numbers, head = self._link.outcome(returned, 0)
        self._failure = None
        return head

    async def _come_back(self) -> tuple[dict[str, int], tuple[int, int, bytes]]:
        await self._link.connect()
        self._queue.clear()
        connection = _of(self._link)
        numbers = await _take_again(connection, self._names, self._numbers)
        return numbers, await _head(connection, self._link.address.journal, self.genesis)

    def _wait(self, done: Future[None]) -> None:
        try:
            done.result(ANSWER_S + 1)
        except WaitedTooLong:
            self._failure = JournalBroken(f"{self.name} did not answer in time")
            raise self._failure from None

    # -- in the thread --------------------------------------------------------------------------------------------

    def _enqueue(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        if self._failure is not None:
            self._fail(self._failure)
        elif waiting.done is not None:
            self._go()
        elif not self._timer_set:
            self._timer_set = True
            self._link.later(LAZY_S, self._timer)

    def _timer(self) -> None:
        self._timer_set = False
        self._go()

    def _go(self) -> None:
        if not self._busy and self._queue:
            self._busy = True
            self._writing = self._link.start(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._queue:
                together = list(self._queue)
                self._queue.clear()
                try:
                    await self._write([entry for each in together for entry in each.entries])
                except Exception as error:  # noqa: BLE001  (whatever it is, those who wait must hear of it)
                    self._queue.extendleft(reversed(together))
                    self._fail(self._link.broken(error))
                    return
                for each in together:
                    if each.done is not None:
                        each.done.set_result(None)
        finally:
            self._busy = False

    async def _write(self, entries: list[Entry]) -> None:
        if not entries:
            return
        connection, journal = _of(self._link), self._link.address.journal
        if len(entries) == 1:
            await connection.execute(_INSERT, journal, *entries[0])
        else:
            await connection.executemany(_INSERT, [(journal, *entry) for entry in entries])
        self._written = entries[-1].sequence

    def _fail(self, failure: JournalBroken) -> None:
        self._failure = failure
        while self._queue:
            waiting = self._queue.popleft()
            if waiting.done is not None:
                waiting.done.set_exception(failure)


def _of(link: Link) -> Connection:
    if link.connection is None:
        raise ConnectionError("the connection is closed")
    return link.connection


async def _make(connection: Connection) -> None:
    """Make the tables, or bring them to the present form; one process at a time."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('xtrade form', 0))")
        if await connection.fetchval("SELECT to_regclass('xtrade.form')") is None:
            await connection.execute(_FORM)
            await connection.execute("INSERT INTO xtrade.form VALUES ($1)", FORMAT)
            return
        found = await connection.fetchval("SELECT version FROM xtrade.form")
        _must_be_known(found)
        for version in range(found, FORMAT):
            await connection.execute(MIGRATIONS[version])
            await connection.execute("UPDATE xtrade.form SET version = $1", version + 1)


def _must_be_known(version: int) -> None:
    if version > FORMAT:
        raise DataError(
            f"the tables of the journal have the form {version}, and this version of xtrade knows the forms up to"
            f" {FORMAT}: use the version that made them, or a later one"
        )


async def _found(connection: Connection, address: Address) -> bytes:
    if await connection.fetchval("SELECT to_regclass('xtrade.form')") is None:
        raise DataError(f"there is no journal {address.shown}: nothing was ever written in this database")
    _must_be_known(await connection.fetchval("SELECT version FROM xtrade.form"))
    born_ns = await connection.fetchval(
        "SELECT born_ns FROM xtrade.journals WHERE name = $1", address.journal
    )
    if born_ns is None:
        names = [row[0] for row in await connection.fetch("SELECT name FROM xtrade.journals ORDER BY name")]
        raise DataError(f"there is no journal {address.shown}; there are: {', '.join(names) or 'none'}")
    return genesis(address.journal, born_ns)


async def _begun(connection: Connection, journal: str) -> bytes:
    await connection.execute(
        "INSERT INTO xtrade.journals VALUES ($1, $2) ON CONFLICT DO NOTHING", journal, clock.now_ns()
    )
    return genesis(
        journal, await connection.fetchval("SELECT born_ns FROM xtrade.journals WHERE name = $1", journal)
    )


async def _head(connection: Connection, journal: str, first: bytes) -> tuple[int, int, bytes]:
    row = await connection.fetchrow(
        "SELECT sequence, session, digest FROM xtrade.entries WHERE journal = $1 ORDER BY sequence DESC LIMIT 1",
        journal,
    )
    return (0, 0, first) if row is None else (row[0], row[1], row[2])


async def _rows(
    connection: Connection, journal: str, after: int, order: int | None, kind: str | None
) -> list[Entry]:
    rows = await connection.fetch(_PIECE, journal, after, order, kind)
    return [Entry(*row) for row in rows]


async def _kept(connection: Connection, journal: str) -> bytes | None:
    if await connection.fetchval("SELECT version FROM xtrade.form") < 2:
        return None  # read by us, and not yet written by us
    # One statement sees one state: parts of two checkpoints never come together.
    rows = await connection.fetch(
        "SELECT body FROM xtrade.checkpoints WHERE journal = $1 ORDER BY part", journal, timeout=CHECKPOINT_S
    )
    return b"".join(row[0] for row in rows) if rows else None


async def _keep(connection: Connection, journal: str, data: bytes) -> None:
    async with connection.transaction():
        # A connection that reads may do this one thing beside it.
        await connection.execute("SET TRANSACTION READ WRITE")
        await connection.execute("DELETE FROM xtrade.checkpoints WHERE journal = $1", journal)
        for part, begin in enumerate(range(0, len(data), PART_BYTES)):
            body = data[begin : begin + PART_BYTES]
            await connection.execute(
                "INSERT INTO xtrade.checkpoints VALUES ($1, $2, $3)", journal, part, body
            )


async def _take(connection: Connection, names: Sequence[str], wait_s: float = 0.0) -> dict[str, int]:
    """Take the leases, all in one fixed order, and write down who has them now."""
    numbers = {}
    for name in names:
        got = await connection.fetchval(f"SELECT pg_try_advisory_lock({_LOCK})", name)
        if not got and not (wait_s and await _queue_for(connection, name, wait_s)):
            raise AccountHeld(held_message(name, await _holder(connection, name)))
        holder = me()
        numbers[name] = await connection.fetchval(
            "INSERT INTO xtrade.leases VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET"
            " number = xtrade.leases.number + 1, host = $2, pid = $3, since_ns = $4, program = $5 RETURNING number",
            name,
            holder.host,
            holder.pid,
            holder.since_ns,
            holder.program,
        )
    return numbers


async def _queue_for(connection: Connection, name: str, wait_s: float) -> bool:
    """Wait in the lock's queue: the server wakes us the moment the holder's connection ends."""
    driver = require("asyncpg", extra="postgres")
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {round(wait_s * 1000)}")
            await connection.execute(f"SELECT pg_advisory_lock({_LOCK})", name, timeout=wait_s + ANSWER_S)
    except driver.LockNotAvailableError:
        return False
    return True


async def _take_again(
    connection: Connection, names: Sequence[str], numbers: dict[str, int]
) -> dict[str, int]:
    """Take back what was ours. A number that went up meanwhile is another writer's."""
    for name in names:
        holder = await _holder(connection, name)
        if holder is None or holder.number != numbers[name]:
            who = (
                held_message(name, holder) if holder is not None else f"{name} is unknown to the database now"
            )
            raise JournalBroken(f"this process lost its lease: {who}", lost=True)
    try:
        # All numbers go up or none: one that went up in a half attempt would look like another writer's.
        async with connection.transaction():
            return await _take(connection, names)
    except AccountHeld as error:
        # Our own old connection, which the server still takes for alive; or a standby that came this very moment.
        raise JournalBroken(f"cannot take the lease back yet: {error}") from error


async def _holder(connection: Connection, name: str) -> Holder | None:
    row = await connection.fetchrow(_OF_HOLDER, name)
    return (
        None
        if row is None
        else Holder(number=row[0], host=row[1], pid=row[2], since_ns=row[3], program=row[4])
    )
