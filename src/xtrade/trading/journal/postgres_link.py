"""A connection to PostgreSQL for code that does not await: a thread of its own runs the driver's loop.

The engine is synchronous, and so is "write before you send": it hands rows over, and waits until they are committed,
or until a time is over. The thread runs on real time, also under a virtual loop: the database is another process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit, urlunsplit

from xtrade.model.errors import JournalBroken, UsageError, XtradeError
from xtrade.runtime.extras import require

__all__ = ["ANSWER_S", "Address", "Connection", "Link"]

T = TypeVar("T")

Connection: TypeAlias = Any
"""One of asyncpg's, which has no types."""

ANSWER_S: Final = 2.0
"""So long an answer may take: the engine stands still meanwhile, its cancels too."""

CONNECT_S: Final = 5.0

# A server that lost us (our machine is gone, not just our process) frees our locks after about 5 + 3 x 3 seconds.
_SETTINGS: Final = {
    "application_name": "xtrade journal",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "14000",
    # Of a journal that was just written the server knows no statistics, and would collect and sort all that follows for
    # each piece that is read: it goes along the key.
    "enable_bitmapscan": "off",
}


class Address:
    """`postgresql://user@host:port/database#name`: a database, and the name of a journal in it."""

    def __init__(self, where: str) -> None:
        parts = urlsplit(where)
        self.journal = parts.fragment or "trading"
        self.url = urlunsplit(parts._replace(fragment=""))
        database = parts.path.lstrip("/")
        if not parts.hostname or not database:
            raise UsageError(
                "a journal in PostgreSQL is written postgresql://USER@HOST:PORT/DATABASE#NAME, and host or database"
                " are missing"
            )
        # What is shown leaves out user and password.
        self.shown = f"postgresql://{parts.hostname}:{parts.port or 5432}/{database}#{self.journal}"


class Link:
    """One connection and its thread. Everything asked of it is done one after the other."""

    def __init__(self, address: Address, **settings: str) -> None:
        self.address = address
        self._settings = _SETTINGS | settings
        self._driver = require("asyncpg", extra="postgres")
        self.connection: Connection | None = None
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        self._thread = threading.Thread(target=self._loop.run_forever, name="journal", daemon=True)
        self._thread.start()

    async def connect(self) -> None:
        """Connect, or connect anew; within the thread."""
        await self._drop()
        self.connection = await self._driver.connect(
            self.address.url, timeout=CONNECT_S, command_timeout=ANSWER_S, server_settings=self._settings
        )

    def run(self, work: Callable[[], Coroutine[Any, Any, T]], *, within_s: float = ANSWER_S + 1) -> T:
        """Do something on the link, and wait for it; what fails is raised as JournalBroken."""
        future = self.submit(work)
        try:
            return self.outcome(future, within_s)
        finally:
            future.cancel()

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Have something done on the link, in turn."""

        async def in_turn() -> T:
            async with self._turn:
                return await work()

        return asyncio.run_coroutine_threadsafe(in_turn(), self._loop)

    def outcome(self, future: Future[T], within_s: float) -> T:
        """Wait for what was submitted; what fails is raised as JournalBroken."""
        try:
            return future.result(within_s)
        except XtradeError:
            raise
        except (OSError, ValueError, self._driver.PostgresError, self._driver.InterfaceError) as error:
            # A TimeoutError, which is an OSError, is ours (it waits too long) or the driver's: the same to the reader.
            raise self.broken(error) from error

    def soon(self, call: Callable[..., None], *told: object) -> None:
        """Have something called in the thread."""
        self._loop.call_soon_threadsafe(call, *told)

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Have something called in the thread after a while; from within it."""
        return self._loop.call_later(seconds, call)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start something in the thread, in turn with all else; from within it."""

        async def in_turn() -> None:
            async with self._turn:
                await work

        return self._loop.create_task(in_turn())

    def broken(self, error: Exception) -> JournalBroken:
        """Say in our words what the driver says."""
        where = self.address.shown
        if isinstance(error, self._driver.UniqueViolationError):
            return JournalBroken(
                f"{where} is written by another process now: this one sends nothing more. Restart it",
                lost=True,
            )
        if isinstance(error, TimeoutError):
            return JournalBroken(f"{where} did not answer in time: is it overloaded, or the network down?")
        said = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, self._driver.DiskFullError):
            return JournalBroken(f"cannot write {where}: the server's disk is full ({said})")
        if isinstance(error, self._driver.InvalidAuthorizationSpecificationError):
            return JournalBroken(f"{where} does not let us in: {said}")
        return JournalBroken(f"{where} does not answer as it should: {said}")

    def close(self) -> None:
        """Close the connection, and end the thread."""
        if not self._thread.is_alive():
            return
        try:
            self.run(self._drop)
        except JournalBroken:
            pass  # the server frees what a dead connection held
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ANSWER_S)
            self._loop.close()

    async def _drop(self) -> None:
        if self.connection is None:
            return
        connection, self.connection = self.connection, None
        try:
            await connection.close(timeout=1)
        except (OSError, TimeoutError, self._driver.PostgresError, self._driver.InterfaceError):
            connection.terminate()
