"""A journal by its name: a path is a file, `postgresql://…#NAME` is NAME in a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from xtrade.model.errors import JournalBroken, UsageError
from xtrade.trading.journal.durable import DurableJournal, Store
from xtrade.trading.journal.entries import Entry
from xtrade.trading.journal.sqlite import Durability, SqliteReader, SqliteStore

__all__ = ["Readable", "is_database", "open_journal", "read_journal"]

_DATABASES: Final = ("postgresql://", "postgres://")


class Readable(Protocol):
    """A journal that is only read."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def genesis(self) -> bytes:
        """What the first entry is chained to."""
        ...

    def head(self) -> tuple[int, int, bytes]:
        """Tell where the chain ends."""
        ...

    def read(self, *, after: int = 0, order: int | None = None, kind: str | None = None) -> Iterator[Entry]:
        """Give entries in order."""
        ...

    def checkpoint(self) -> bytes | None:
        """Give what was kept last (xtrade.trading.checkpoints); None if nothing is there."""
        ...

    def keep_checkpoint(self, data: bytes) -> None:
        """Keep this in place of what was kept before."""
        ...


def is_database(where: str) -> bool:
    """Tell whether a name is that of a database."""
    return where.startswith(_DATABASES)


def open_journal(
    where: str | Path,
    *,
    accounts: Sequence[str] = (),
    leases: Path | None = None,
    durability: Durability = "power",
    wait_s: float = 0.0,
    note: str = "",
    on_trouble: Callable[[JournalBroken | None], None] | None = None,
) -> DurableJournal:
    """Open a journal for writing, and hold it and the accounts; AccountHeld says who has them.

    `wait_s` is for a warm standby (databases only): so long it waits for the holder to end. `leases` is where files say
    which accounts this machine trades.
    """
    store: Store
    if is_database(str(where)):
        from xtrade.trading.journal.postgres import PostgresStore

        store = PostgresStore.hold(str(where), accounts=accounts, durability=durability, wait_s=wait_s)
    else:
        if wait_s:
            raise UsageError(f"{where}: only a journal in PostgreSQL has a standby that waits")
        store = SqliteStore(Path(where), accounts=accounts, leases=leases, durability=durability)
    try:
        return DurableJournal(store, accounts=accounts, note=note, on_trouble=on_trouble)
    except BaseException:
        store.close()
        raise


@contextmanager
def read_journal(where: str | Path) -> Iterator[Readable]:
    """Open a journal for reading; whoever writes it goes on meanwhile."""
    if is_database(str(where)):
        from xtrade.trading.journal.postgres import PostgresReader

        database = PostgresReader.open(str(where))
        try:
            yield database
        finally:
            database.close()
        return
    file = SqliteReader(Path(where))
    try:
        yield file
    finally:
        file.close()
