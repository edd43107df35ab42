"""Journals in both forms, for tests of what both must do alike."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from contextlib import closing, contextmanager
from itertools import count
from urllib.parse import urlsplit

import pytest

from xtrade.model.ids import ClientOrderId
from xtrade.model.orders import OrderIntent, OrderType
from xtrade.model.sides import Side
from xtrade.trading.journal import open_journal
from xtrade.trading.journal.entries import sealed
from xtrade.trading.journal.kinds import kind_of, order_of, to_body
from xtrade.trading.order_store import OrderStore

SERVER = os.environ.get("XTRADE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
FORMS = ["sqlite", "postgres"]
_names = count(1)


def server_answers():
    parts = urlsplit(SERVER)
    try:
        with socket.create_connection((parts.hostname, parts.port or 5432), timeout=1):
            return True
    except OSError:
        return False


needs_postgres = pytest.mark.skipif(
    not server_answers(), reason=f"no PostgreSQL at {urlsplit(SERVER).netloc}"
)


def ask(statement, *arguments, url=SERVER):
    """Run one statement on a connection of its own; return its rows."""
    import asyncpg

    async def once():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    return asyncio.run(once())


@contextmanager
def database():
    """A database of its own, gone afterwards; its URL."""
    name = f"xtrade_test_{os.getpid()}_{next(_names)}"
    ask(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    finally:
        ask(f"DROP DATABASE {name} WITH (FORCE)")


def cut_off(url):
    """End every connection that writes a journal in a database; return how many there were."""
    return len(
        ask(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'xtrade journal' AND datname = current_database()",
            url=url,
        )
    )


def written_again(journal):
    """Try until what was kept is written: a database may be on its way back."""
    while not journal.try_again():
        assert not journal.trouble.final, journal.trouble


class Place:
    """Somewhere a journal can be, in one of its forms."""

    def __init__(self, form, where, url=None):
        self.form, self.where, self.url = form, where, url

    def open(self, **options):
        return open_journal(self.where, **options)

    def run(self, statement, *, by_force=False):
        """Do something behind the journal's back; by force, past what keeps hands off."""
        if self.form == "postgres":
            journal = urlsplit(self.where).fragment.replace("'", "''")
            statement = statement.replace("entries", "xtrade.entries")
            statement = statement.replace("WHERE", f"WHERE journal = '{journal}' AND")
            force = "ALTER TABLE xtrade.entries {} TRIGGER entries_stay"
            for each in (
                (force.format("DISABLE"), statement, force.format("ENABLE")) if by_force else (statement,)
            ):
                ask(each, url=self.url)
            return
        with closing(sqlite3.connect(self.where)) as connection, connection:
            for trigger in ("entries_stay", "entries_last") if by_force else ():
                connection.execute(f"DROP TRIGGER {trigger}")
            connection.execute(statement)


def intent(number, **changed):
    fields = {
        "client_order_id": ClientOrderId(number),
        "instrument": "binance:BTC/USDT:USDT",
        "instrument_version": 1,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "lots": 10,
        "ticks": 1000,
        "strategy": "one",
    }
    return OrderIntent(**fields | changed)


def chained(records, first):
    """The records as a journal that begins with `first` keeps them."""
    entries, digest = [], first
    for sequence, record in enumerate(records, 1):
        entry = sealed(
            digest,
            sequence=sequence,
            session=1,
            at_ns=sequence,
            kind=kind_of(record),
            order=order_of(record),
            body=to_body(record),
        )
        entries.append(entry)
        digest = entry.digest
    return entries


class Remembered:
    """A journal in memory, folded as it is written."""

    def __init__(self):
        self.store = OrderStore()

    def append(self, record):
        self.store.take(record)
