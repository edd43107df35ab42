"""A book that is told is the venue's, or it is known not to be: under drops, doubles, reorders and late snapshots."""

from hypothesis import given, strategies as st

from kit.markets import instrument
from xtrade.market.live_books import Heard, LiveBook
from xtrade.model.events import BookDelta, BookSnapshot
from xtrade.model.instruments import Kind
from xtrade.model.levels import Levels
from xtrade.model.sides import Side
from xtrade.venues.book_sync import BookSync, Wish
from xtrade.venues.streams import BookPart, BookRule

SPOT = instrument(Kind.SPOT)
KEY = SPOT.key
OF = {"instrument": KEY, "asks": Levels.of()}
RULES = {
    "told, previous": BookRule(snapshot="told", chain="previous"),
    "told, contiguous": BookRule(snapshot="told", chain="contiguous"),
    "asked, contiguous, after": BookRule(snapshot="asked", chain="contiguous", joins="after"),
    "asked, previous, within": BookRule(snapshot="asked", chain="previous", joins="within"),
}


class Venue:
    """A book as a venue has it: each change under a run of numbers of its own, with what the book was after it."""

    def __init__(self, changes, *, gapless):
        self.bids, self.last = {}, 10
        self.parts, self.states = [], {10: {}}
        for ticks, lots, width, skip in changes:
            previous = self.last
            first = previous + 1 + (0 if gapless else skip)
            self.last = first + width
            if lots:
                self.bids[ticks] = lots
            else:
                self.bids.pop(ticks, None)
            self.states[self.last] = dict(self.bids)
            self.parts.append(
                BookPart(
                    instrument=KEY,
                    bids=Levels.of([(ticks, lots)]),
                    asks=Levels.of(),
                    whole=False,
                    first=first,
                    last=self.last,
                    previous=previous,
                )
            )

    def snapshot(self, at):
        """The whole book after so many changes."""
        last = 10 if at == 0 else self.parts[at - 1].last
        return BookPart(
            instrument=KEY,
            bids=Levels.of(sorted(self.states[last].items())),
            asks=Levels.of(),
            whole=True,
            last=last,
        )


changes = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)),
    min_size=1,
    max_size=30,
)


def told(book, events):
    for event in events:
        assert isinstance(event, BookSnapshot | BookDelta)
        heard = book.apply(event)
        assert heard is Heard.CHANGED, "what is told always follows"


@given(rule=st.sampled_from(sorted(RULES)), changes=changes, data=st.data())
def test_whatever_the_wire_does_the_book_is_the_venues_or_is_not_told(rule, changes, data):
    rule = RULES[rule]
    venue = Venue(changes, gapless=rule.chain == "contiguous")
    # what arrives, in which order: drops, doubles, swaps
    order = data.draw(st.lists(st.integers(0, len(venue.parts) - 1), max_size=60), label="arrivals")
    sync, book = BookSync(rule), LiveBook(SPOT)
    begin = data.draw(st.integers(0, len(venue.parts)), label="first snapshot")
    if rule.snapshot == "told":
        told(book, sync.take(venue.snapshot(begin)))
    for number, at in enumerate(order):
        told(book, sync.take(venue.parts[at]))
        if sync.wish is not Wish.NOTHING and data.draw(st.booleans(), label=f"answer {number}"):
            there = venue.snapshot(data.draw(st.integers(0, len(venue.parts)), label=f"snapshot {number}"))
            if sync.wish is Wish.ANEW:
                sync.reset()
                told(book, sync.take(there))
            else:
                told(book, sync.snapshot(there))
        if sync.is_whole:
            assert dict(book.levels(Side.BUY, 100)) == venue.states[book.sequence]


@given(rule=st.sampled_from(sorted(RULES)), changes=changes, data=st.data())
def test_in_order_and_complete_it_is_in_step_to_the_end(rule, changes, data):
    rule = RULES[rule]
    venue = Venue(changes, gapless=rule.chain == "contiguous")
    sync, book = BookSync(rule), LiveBook(SPOT)
    if rule.snapshot == "told":
        told(book, sync.take(venue.snapshot(0)))
    late = data.draw(st.integers(0, len(venue.parts)), label="snapshot arrives before")
    for at, part in enumerate(venue.parts):
        told(book, sync.take(part))
        if rule.snapshot == "asked" and at + 1 == max(1, late):
            assert sync.wish is Wish.SNAPSHOT
            told(book, sync.snapshot(venue.snapshot(late)))
    if rule.snapshot == "told" or sync.is_whole:
        assert sync.is_whole
        assert dict(book.levels(Side.BUY, 100)) == venue.bids
        assert sync.gaps == 0


def test_a_chain_that_holds_is_believed_where_numbers_begin_anew():
    """OKX counts anew after maintenance; the chain of previous numbers holds."""
    sync, book = BookSync(RULES["told, previous"]), LiveBook(SPOT)
    told(book, sync.take(BookPart(bids=Levels.of([(1, 1)]), whole=True, last=500, **OF)))
    told(book, sync.take(BookPart(bids=Levels.of([(1, 2)]), whole=False, last=3, previous=500, **OF)))
    told(book, sync.take(BookPart(bids=Levels.of([(1, 3)]), whole=False, last=4, previous=3, **OF)))
    assert book.levels(Side.BUY, 1) == [(1, 3)]


def test_a_sign_of_life_is_no_change():
    sync = BookSync(RULES["told, previous"])
    sync.take(BookPart(bids=Levels.of([(1, 1)]), whole=True, last=500, **OF))
    assert sync.take(BookPart(bids=Levels.of(), whole=False, last=500, previous=500, **OF)) == []
    assert sync.is_whole


def test_a_snapshot_that_is_older_than_what_is_held_is_asked_for_again():
    sync = BookSync(RULES["asked, contiguous, after"])
    sync.take(BookPart(bids=Levels.of([(1, 1)]), whole=False, first=100, last=101, **OF))
    assert sync.snapshot(BookPart(bids=Levels.of(), whole=True, last=90, **OF)) == []
    assert sync.wish is Wish.SNAPSHOT
    found = sync.snapshot(BookPart(bids=Levels.of(), whole=True, last=99, **OF))
    assert [type(each) for each in found] == [BookSnapshot, BookDelta]
