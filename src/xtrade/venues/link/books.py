"""The books of one venue, each in step by its own venue's rule, and asked for anew without touching the others.

What is not in step is told once (`Stale`), and then nothing until it is: who keeps a book never sees a change that
does not follow the one before it. During the change from one connection to the next a book follows the one on which
it last began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from xtrade.model.errors import DataError, VenueError
from xtrade.model.events import Event, Stale
from xtrade.runtime import clock
from xtrade.venues.book_sync import BookSync, Wish
from xtrade.venues.codec import Codec
from xtrade.venues.link.asking import Asker
from xtrade.venues.link.lines import Spawn
from xtrade.venues.streams import BookPart, BookRule

__all__ = ["Books"]

# How often one book may be asked for, in milliseconds: at first at once, then with longer and longer waits.
_WAIT_MS_MIN: Final = 500
_WAIT_MS_MAX: Final = 30_000
_CALM_NS: Final = 60 * 10**9
_DEPTH: Final = 1_000


class _Book:
    """One book, and the effort that goes into it."""

    __slots__ = ("asked_ns", "asking", "leader", "sync", "told_stale", "tries")

    def __init__(self, rule: BookRule) -> None:
        self.sync = BookSync(rule)
        self.leader = 0
        self.asking = False
        self.asked_ns = 0
        self.tries = 0
        self.told_stale = False


class Books:
    """All books of a venue that anybody wants. `tell` hears events that come of what was asked for."""

    def __init__(
        self,
        codec: Codec[Any],
        asker: Asker,
        *,
        tell: Callable[[list[Event]], None],
        renew: Callable[[str], None],
        spawn: Spawn,
    ) -> None:
        self._codec, self._asker = codec, asker
        self._tell, self._renew, self._spawn = tell, renew, spawn
        self._books: dict[str, _Book] = {}

    def take(self, part: BookPart, connection: int) -> list[Event]:
        """Take in a piece that a connection brought; return what is to be told."""
        book = self._of(part.instrument)
        rule = self._rule(part.instrument)
        if rule.snapshot == "told":
            # An older connection still speaks: the book follows the one on which it began last.
            if part.whole and connection >= book.leader:
                book.leader = connection
            elif connection != book.leader:
                return []
        was_whole = book.sync.is_whole
        events: list[Event] = list(book.sync.take(part))
        if book.sync.is_whole:
            book.told_stale = False
        elif was_whole:
            events += self._stale(part.instrument, book, part.received_ns)
        self._see_to(part.instrument, book)
        return events

    def lost(self, keys: Iterable[str]) -> list[Event]:
        """The connection of these books is gone."""
        told: list[Event] = []
        for key in keys:
            book = self._of(key)
            book.sync.reset()
            told += self._stale(key, book, clock.now_ns())
        return told

    def renew(self, key: str) -> None:
        """Begin anew with one book, because somebody who keeps it says that it is not right."""
        book = self._of(key)
        book.sync.reset()
        book.sync.wish = Wish.SNAPSHOT if self._rule(key).snapshot == "asked" else Wish.ANEW
        self._see_to(key, book)

    def is_whole(self, key: str) -> bool:
        """Whether a book is in step."""
        book = self._books.get(key)
        return book is not None and book.sync.is_whole

    @property
    def gaps(self) -> int:
        """How often something was missing, in all books."""
        return sum(book.sync.gaps for book in self._books.values())

    # -- how ------------------------------------------------------------------------------------------------------

    def _of(self, key: str) -> _Book:
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = _Book(self._rule(key))
        return book

    def _rule(self, key: str) -> BookRule:
        return self._codec.spec.books[self._codec.markets.of(key).section]

    def _stale(self, key: str, book: _Book, now_ns: int) -> list[Event]:
        if book.told_stale:
            return []
        book.told_stale = True
        return [Stale(instrument=key, what="book", age_ns=0, received_ns=now_ns)]

    def _see_to(self, key: str, book: _Book) -> None:
        """Have done what a book wishes, unless that is on its way."""
        if book.sync.wish is Wish.NOTHING or book.asking:
            return
        book.asking = True
        self._spawn(self._fulfil(key, book), f"{self._codec.spec.name} book {key}")

    async def _fulfil(self, key: str, book: _Book) -> None:
        try:
            while book.sync.wish is not Wish.NOTHING:
                now_ns = clock.monotonic_ns()
                if now_ns - book.asked_ns > _CALM_NS:
                    book.tries = 0
                if book.tries:
                    wait_ms = min(_WAIT_MS_MAX, _WAIT_MS_MIN << min(book.tries - 1, 10))
                    await asyncio.sleep(wait_ms / 1_000)
                book.tries += 1
                book.asked_ns = clock.monotonic_ns()
                if book.sync.wish is Wish.ANEW:
                    book.sync.reset()
                    self._renew(key)
                    return
                await self._ask(key, book)
        finally:
            book.asking = False

    async def _ask(self, key: str, book: _Book) -> None:
        try:
            part = await self._asker.ask(self._codec.book(key, _DEPTH))
        except (VenueError, DataError) as error:
            _log().warning("no snapshot", instrument=key, error=str(error))
            return
        events: list[Event] = list(book.sync.snapshot(part))
        if book.sync.is_whole:
            book.told_stale = False
        if events:
            self._tell(events)


def _log() -> Any:
    import structlog

    return structlog.get_logger(__name__)
