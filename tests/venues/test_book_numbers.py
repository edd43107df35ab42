"""A book whose venue names the number before each change, as OKX does, and begins to count anew when it likes."""

from hypothesis import given, strategies as st

from xtrade.model.levels import Levels
from xtrade.venues.book_sync import BookSync, Wish
from xtrade.venues.streams import BookPart, BookRule

RULE = BookRule(snapshot="told", chain="previous")


def part(previous, last, bids=((10, 1),), *, whole=False):
    return BookPart(
        instrument="okx:BTC/USDT",
        bids=Levels.of(bids),
        asks=Levels.of(()),
        whole=whole,
        last=last,
        previous=previous,
    )


def started():
    sync = BookSync(RULE)
    sync.take(part(-1, 100, whole=True))
    return sync


def test_numbers_may_fall_in_the_middle_of_a_chain():
    sync = started()

    assert len(sync.take(part(100, 3))) == 1
    assert len(sync.take(part(3, 4))) == 1
    assert sync.is_whole


def test_a_fall_that_was_lost_is_a_gap_and_not_a_row_of_old_changes():
    sync = started()

    assert sync.take(part(3, 4)) == []
    assert sync.wish is Wish.ANEW
    assert not sync.is_whole


def test_a_repeated_change_is_left_out():
    sync = started()
    sync.take(part(100, 105))
    sync.take(part(105, 106))

    assert sync.take(part(100, 105)) == []
    assert sync.take(part(105, 106)) == []
    assert sync.is_whole


def test_a_sign_of_life_is_no_change():
    sync = started()

    assert sync.take(part(100, 100, ())) == []
    assert sync.is_whole


@given(
    numbers=st.lists(st.integers(0, 30), min_size=2, max_size=12, unique=True),
    changes=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=11, max_size=11),
    data=st.data(),
)
def test_what_is_told_is_a_book_that_the_venue_had(numbers, changes, data):
    """Changes are lost, doubled and swapped; what a reader has built is then the venue's book at that number."""
    true = {numbers[0]: {9: 5}}
    parts = []
    for previous, last, change in zip(numbers, numbers[1:], changes, strict=False):
        book = dict(true[previous])
        book[change[0]] = change[1]
        true[last] = {ticks: lots for ticks, lots in book.items() if lots}
        parts.append(part(previous, last, (change,)))
    arriving = data.draw(st.lists(st.sampled_from(parts), max_size=20))
    sync = BookSync(RULE)
    built = {}
    for event in sync.take(part(-1, numbers[0], ((9, 5),), whole=True)):
        built = dict(event.bids)

    for change in arriving:
        for event in sync.take(change):
            built |= dict(event.bids)
            built = {ticks: lots for ticks, lots in built.items() if lots}
            assert built == true[event.sequence]
