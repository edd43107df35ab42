"""Live books: what the messages say is what the book shows, and what is missing is never passed over."""

import pytest
from hypothesis import given, strategies as st

from kit.markets import instrument
from xtrade.market.live_books import Heard, LiveBook, LiveBooks
from xtrade.model.errors import UsageError
from xtrade.model.events import BookDelta, BookSnapshot
from xtrade.model.levels import Levels
from xtrade.model.sides import Side

MARKET = instrument()
KEY = MARKET.key

sides = st.dictionaries(st.integers(1, 30), st.integers(0, 5), max_size=6)


def snapshot(bids, asks, sequence=0):
    return BookSnapshot(
        instrument=KEY, received_ns=1, sequence=sequence, bids=Levels.of(bids), asks=Levels.of(asks)
    )


def delta(bids, asks, sequence, previous):
    return BookDelta(
        instrument=KEY,
        received_ns=2,
        sequence=sequence,
        previous_sequence=previous,
        bids=Levels.of(bids),
        asks=Levels.of(asks),
    )


def shown(book):
    return book.levels(Side.BUY, 99), book.levels(Side.SELL, 99)


@given(sides, sides, st.lists(st.tuples(sides, sides), max_size=12))
def test_a_book_shows_what_its_snapshot_and_deltas_add_up_to(bids, asks, changes):
    # Asks live above the bids, so that the book is never crossed.
    book, naive = LiveBook(MARKET), (dict(bids), {ticks + 100: lots for ticks, lots in asks.items()})
    book.apply(snapshot(sorted(naive[0].items(), reverse=True), sorted(naive[1].items())))
    for number, (buying, selling) in enumerate(changes, start=1):
        above = {ticks + 100: lots for ticks, lots in selling.items()}
        naive[0].update(buying)
        naive[1].update(above)

        assert book.apply(delta(buying.items(), above.items(), number, number - 1)) is Heard.CHANGED

    standing = [{ticks: lots for ticks, lots in side.items() if lots} for side in naive]
    assert shown(book) == (sorted(standing[0].items(), reverse=True), sorted(standing[1].items()))
    assert book.bid_ticks == max(standing[0], default=None)
    assert book.ask_ticks == min(standing[1], default=None)
    assert book.bid_lots == standing[0].get(book.bid_ticks, 0)
    assert book.ask_lots == standing[1].get(book.ask_ticks, 0)
    assert book.is_trusted


@given(st.lists(st.sampled_from(["keep", "drop", "twice"]), max_size=20))
def test_whatever_is_lost_or_repeated_the_book_is_right_or_not_trusted(fates):
    book, truth = LiveBook(MARKET), {}
    book.apply(snapshot([], [(200, 1)]))
    for number, fate in enumerate(fates, start=1):
        truth[number] = number
        for _ in range({"keep": 1, "drop": 0, "twice": 2}[fate]):
            book.apply(delta([(number, number)], [], number, number - 1))

        told = dict(book.levels(Side.BUY, 99))
        is_last_kept = "drop" not in fates[:number]
        assert not book.is_trusted or told == truth or fates[:number][-1] == "drop"
        if is_last_kept:
            assert book.is_trusted
            assert told == truth

    # A new snapshot makes it whole again, whatever was before.
    book.apply(snapshot([(5, 5)], [(200, 1)], sequence=len(fates)))
    assert book.is_trusted
    assert shown(book) == ([(5, 5)], [(200, 1)])


def test_a_gap_is_told_once_and_what_follows_is_let_go_until_the_next_snapshot():
    book = LiveBook(MARKET)
    book.apply(snapshot([(10, 1)], [(12, 1)]))

    assert book.apply(delta([(9, 1)], [], 2, 1)) is Heard.GAP
    assert not book.is_trusted
    assert book.apply(delta([(8, 1)], [], 3, 2)) is Heard.OLD
    assert book.apply(snapshot([(10, 1), (8, 1)], [(12, 1)], sequence=3)) is Heard.CHANGED
    assert book.apply(delta([(7, 1)], [], 4, 3)) is Heard.CHANGED
    assert book.levels(Side.BUY, 2) == [(10, 1), (8, 1)]


def test_before_the_first_snapshot_nothing_is_believed():
    book = LiveBook(MARKET)

    assert book.apply(delta([(10, 1)], [], 1, 0)) is Heard.OLD
    assert (book.is_trusted, book.bid_ticks, book.mid_ticks) == (False, None, None)


def test_a_crossed_book_is_not_trusted_while_it_is():
    book = LiveBook(MARKET)
    book.apply(snapshot([(10, 1)], [(12, 1)]))
    book.apply(delta([(12, 1)], [], 1, 0))
    assert not book.is_trusted
    book.apply(delta([(12, 0)], [], 2, 1))

    assert book.is_trusted
    assert book.mid_ticks == 11


def test_a_lost_connection_takes_the_trust_of_its_own_venue_only():
    other = instrument(venue="okx")
    books = LiveBooks({KEY: MARKET, other.key: other})
    for key in (KEY, other.key):
        books.live(key).apply(snapshot([(10, 1)], [(12, 1)]))

    assert books.distrust("okx") == [other.key]
    assert (books.book(KEY).is_trusted, books.book(other.key).is_trusted) == (True, False)


def test_a_market_that_is_not_there_names_its_nearest():
    with pytest.raises(UsageError, match="Did you mean"):
        LiveBooks({KEY: MARKET}).book(KEY[:-1])
