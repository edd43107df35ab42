"""What the quoter wants to quote, whatever the book and whatever it holds."""

from __future__ import annotations

from hypothesis import assume, given, strategies as st

from xtrade.strategies.quoter import wanted_quotes

books = st.tuples(st.integers(1, 10**7), st.integers(1, 500)).map(lambda pair: (pair[0], pair[0] + pair[1]))
far = st.floats(0.01, 200)
skews = st.floats(0, 50)
sizes = st.tuples(st.integers(1, 100), st.integers(0, 900)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def bounds(size, is_spot):
    return (0 if is_spot else -size[1]), size[1]


@given(books, far, skews, sizes, st.booleans(), st.data())
def test_quotes_never_take_and_never_meet(book, half, skew, size, is_spot, data):
    least, most = bounds(size, is_spot)
    held = data.draw(st.integers(least, most))

    buy, sell = wanted_quotes(*book, held, half, skew, size[0], least, most)

    assert buy < book[1], "a bid at or above the ask would take"
    assert sell == 0 or sell > book[0], "an ask at or below the bid would take"
    assert buy >= 0
    assert not (buy and sell) or buy < sell


@given(books, far, skews, sizes, st.booleans(), st.data())
def test_no_quote_could_bring_more_than_may_be_held(book, half, skew, size, is_spot, data):
    least, most = bounds(size, is_spot)
    held = data.draw(st.integers(least, most))

    buy, sell = wanted_quotes(*book, held, half, skew, size[0], least, most)

    assert buy == 0 or held + size[0] <= most
    assert sell == 0 or held - size[0] >= least


@given(books, far, skews, sizes, st.data())
def test_the_more_is_held_the_lower_it_quotes(book, half, skew, size, data):
    least, most = bounds(size, is_spot=False)
    little, much = sorted(data.draw(st.lists(st.integers(least, most), min_size=2, max_size=2)))

    before = wanted_quotes(*book, little, half, skew, size[0], least, most)
    after = wanted_quotes(*book, much, half, skew, size[0], least, most)

    for with_little, with_much in zip(before, after, strict=True):
        assert not (with_little and with_much) or with_much <= with_little


@given(books, st.integers(1, 50), sizes)
def test_flat_it_quotes_evenly_around_the_middle(book, half, size):
    bid, ask = book
    assume(bid - half > 0)
    least, most = bounds(size, is_spot=False)

    buy, sell = wanted_quotes(*book, 0, float(half), 1.0, size[0], least, most)

    assert buy + sell == bid + ask
    assert sell - buy >= 2 * half
