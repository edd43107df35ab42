"""What positions are valued at: the venue's mark while it is fresh, else the middle of a whole book, with its age."""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal, NamedTuple

from xtrade.market.book import Book
from xtrade.model.events import MarkPrice

__all__ = ["MARK_AGE_NS_MAX", "Mark", "Marks"]

MARK_AGE_NS_MAX: Final = 60_000_000_000
"""A venue's mark that is older than this gives way to the middle of the book."""


class Mark(NamedTuple):
    """A price to value at, in quote currency, where it is from, and how old it is (None where nobody knows)."""

    price: Fraction
    source: Literal["mark", "mid", "last mark"]
    age_ns: int | None


class Marks:
    """The last mark of each instrument, and when its book last changed."""

    def __init__(self) -> None:
        self._marks: dict[str, tuple[MarkPrice, int]] = {}
        self.book_changed_ns: dict[str, int] = {}
        """When each book that is listened to last changed."""

    def take(self, mark: MarkPrice, now_ns: int) -> None:
        """Take in a mark of a venue; one that the venue made earlier than the last is dropped."""
        before = self._marks.get(mark.instrument)
        if before is not None and (mark.venue_ns or now_ns) < (before[0].venue_ns or 0):
            return
        self._marks[mark.instrument] = mark, now_ns

    def fresh(self, key: str, now_ns: int) -> MarkPrice | None:
        """Return the venue's mark, if there is one and it is fresh."""
        found = self._marks.get(key)
        return None if found is None or now_ns - found[1] > MARK_AGE_NS_MAX else found[0]

    def quote_age_ns(self, key: str, now_ns: int) -> int | None:
        """Return how long ago the book last changed; None where nobody listens for that."""
        changed_ns = self.book_changed_ns.get(key)
        return None if changed_ns is None else now_ns - changed_ns

    def mark(self, key: str, book: Book, now_ns: int) -> Mark | None:
        """Return what an instrument is valued at; None if nothing is known."""
        found = self._marks.get(key)
        if found is not None and now_ns - found[1] <= MARK_AGE_NS_MAX:
            return Mark(Fraction(found[0].mark), "mark", now_ns - found[1])
        middle = book.mid_ticks if book.is_trusted else None
        if middle is not None:
            price = Fraction(middle) * Fraction(book.instrument.tick)
            return Mark(price, "mid", self.quote_age_ns(key, now_ns))
        return None if found is None else Mark(Fraction(found[0].mark), "last mark", now_ns - found[1])
