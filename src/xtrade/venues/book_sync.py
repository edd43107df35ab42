"""One book in step with its venue: whole, or known not to be. Pure: parts go in, events and wishes come out.

    sync = BookSync(rule)
    found = sync.take(part)         # events for everybody
    if sync.wish is Wish.SNAPSHOT: …

Whatever order parts come in, and whichever are lost or doubled, what is told is the venue's book, or nothing: a part
that does not follow the one before it makes the book wait for a new beginning (`Wish.ANEW` where the stream brings
one, `Wish.SNAPSHOT` where it must be asked for).

Changes are told with `sequence` and `previous_sequence` of one chain, whatever the venue's own rule, so that who keeps
the book can see for himself that nothing is missing.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

from xtrade.model.events import BookDelta, BookSnapshot
from xtrade.venues.streams import BookPart, BookRule

__all__ = ["BookSync", "Wish"]

# What is held back while a snapshot is on its way: a venue that sends more than that in the meantime is asked again.
_HELD_MAX: Final = 5_000
# Steps of a chain that are remembered, to tell a change that is repeated from one that does not follow.
_PASSED_MAX: Final = 100


class Wish(Enum):
    """What a book needs from its venue."""

    NOTHING = "nothing"
    SNAPSHOT = "snapshot"
    """A snapshot by an ask."""
    ANEW = "anew"
    """A new subscription, which begins with a snapshot."""


class BookSync:
    """The state of one book's stream."""

    def __init__(self, rule: BookRule) -> None:
        self._rule = rule
        self._last: int | None = None
        self._joined = False
        self._held: deque[BookPart] = deque(maxlen=_HELD_MAX)
        self._passed: deque[tuple[int, int]] = deque(maxlen=_PASSED_MAX)
        self.wish = Wish.NOTHING
        self.gaps = 0
        """How often a part was missing."""

    @property
    def is_whole(self) -> bool:
        """Whether the book is in step."""
        return self._last is not None

    def reset(self) -> None:
        """Forget everything: the connection or the subscription is new."""
        self._last = None
        self._joined = False
        self._held.clear()
        self._passed.clear()
        self.wish = Wish.NOTHING

    def take(self, part: BookPart) -> list[BookSnapshot | BookDelta]:
        """Take in what the stream brought."""
        if part.whole:
            if self._rule.snapshot == "asked":
                return self.snapshot(part)
            self._last, self._joined = part.last, True
            self._passed.clear()
            self.wish = Wish.NOTHING
            return [_snapshot(part)]
        if self._last is None:
            if self._rule.snapshot == "asked":
                self._held.append(part)
                self.wish = Wish.SNAPSHOT
            return []
        return self._change(part)

    def snapshot(self, part: BookPart) -> list[BookSnapshot | BookDelta]:
        """Take in a snapshot that was asked for, and what of the changes held back comes after it."""
        if self._rule.snapshot == "told":
            return self.take(part)
        if self._held and self._is_older(part, self._held[0]):
            self.wish = Wish.SNAPSHOT  # the changes between it and the first that was heard are missing
            return []
        self._last, self._joined = part.last, False
        self.wish = Wish.NOTHING
        told: list[BookSnapshot | BookDelta] = [_snapshot(part)]
        held, self._held = self._held, deque(maxlen=_HELD_MAX)
        for change in held:
            if self.is_whole:
                told += self._change(change)
            else:
                self._held.append(change)  # a gap: it may follow the next snapshot
        return told if self.is_whole else []

    # -- how ------------------------------------------------------------------------------------------------------

    def _change(self, part: BookPart) -> list[BookSnapshot | BookDelta]:
        last = self._last
        assert last is not None
        if not self._joined:
            if self._is_before(part, last):
                return []
            follows = self._joins(part, last)
        elif self._rule.chain == "previous":
            # A lower number proves nothing: OKX begins to count anew in the middle of a chain, and whoever missed that
            # change would take all that follow for old ones, and an old book for a whole one.
            if (part.previous, part.last) in self._passed and part.previous != last:
                return []  # repeated: the book has it
            follows = part.previous == last
        else:
            if part.last <= last:
                return []
            follows = part.first is not None and part.first <= last + 1
        if not follows:
            self._gap(part)
            return []
        self._joined = True
        self._last = part.last
        self._passed.append((last, part.last))
        if not len(part.bids) and not len(part.asks) and part.last == last:
            return []  # a sign of life
        return [
            BookDelta(
                instrument=part.instrument,
                bids=part.bids,
                asks=part.asks,
                venue_ns=part.venue_ns,
                received_ns=part.received_ns,
                sequence=part.last,
                previous_sequence=last,
            )
        ]

    def _is_before(self, part: BookPart, last: int) -> bool:
        """Whether a change is in the snapshot already."""
        return part.last < last if self._rule.joins == "within" else part.last <= last

    def _joins(self, part: BookPart, last: int) -> bool:
        """Whether a change is the first after the snapshot."""
        if part.first is None:
            return part.previous == last
        return part.first <= (last if self._rule.joins == "within" else last + 1)

    def _is_older(self, snapshot: BookPart, first: BookPart) -> bool:
        """Whether changes are missing between a snapshot and the first change that was held back."""
        return not self._is_before(first, snapshot.last) and not self._joins(first, snapshot.last)

    def _gap(self, part: BookPart) -> None:
        self.gaps += 1
        self._last = None
        self._joined = False
        self._held.clear()
        self._passed.clear()
        if self._rule.snapshot == "asked":
            self._held.append(part)
            self.wish = Wish.SNAPSHOT
        else:
            self.wish = Wish.ANEW


def _snapshot(part: BookPart) -> BookSnapshot:
    return BookSnapshot(
        instrument=part.instrument,
        bids=part.bids,
        asks=part.asks,
        venue_ns=part.venue_ns,
        received_ns=part.received_ns,
        sequence=part.last,
    )
