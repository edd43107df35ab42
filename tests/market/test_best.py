"""The best bid and ask across venues: after fees, with their age, and labelled where they cannot be relied on."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from kit.books import book, books
from xtrade.market.best import Seen, best
from xtrade.model.errors import UsageError
from xtrade.model.money import Money
from xtrade.model.sides import Side

SECOND = 10**9
NOW = 100 * SECOND
PLAIN = {"tick": Decimal(1), "lot": Decimal(1)}


def seen(bid, ask, *, venue, fee="0", age=0, trusted=True):
    standing = book(
        bids=[(bid, 1)] if bid else [],
        asks=[(ask, 1)] if ask else [],
        trusted=trusted,
        venue=venue,
        taker_fee=Decimal(fee),
        **PLAIN,
    )
    return Seen.of(standing, NOW - age)


def where(row):
    return row and row.instrument.venue


def test_a_fee_can_make_the_lower_price_the_dearer_one():
    found = best([seen(1000, 1010, venue="a", fee="0.005"), seen(999, 1011, venue="b")], NOW)

    assert (where(found.bid), where(found.ask)) == ("b", "b")
    assert found.ask.after_fee(Side.BUY) == Money.of(1011, "USDT")
    assert seen(1000, 1010, venue="a", fee="0.005").after_fee(Side.BUY) == Money.of("1015.05", "USDT")
    assert found.edge_bps == pytest.approx((999 / 1011 - 1) * 1e4)
    assert found.label == ""


def test_an_edge_above_zero_is_there_only_after_both_fees():
    free = best([seen(1010, 1020, venue="a"), seen(990, 1000, venue="b")], NOW)
    dear = best([seen(1010, 1020, venue="a", fee="0.01"), seen(990, 1000, venue="b")], NOW)

    assert free.edge_bps == pytest.approx(100)
    assert dear.edge_bps < 0


def test_an_old_quote_counts_only_where_nothing_newer_is_known():
    old, new = seen(1005, 1006, venue="a", age=6 * SECOND), seen(1000, 1010, venue="b")

    assert (where(best([old, new], NOW).bid), best([old, new], NOW).label) == ("b", "")
    alone = best([old], NOW)
    assert where(alone.bid) == "a"
    assert alone.label == "a:BTC/USDT:USDT: stale: 6.0 s old"
    assert best([old], NOW, stale_after_ns=7 * SECOND).label == ""


def test_a_book_that_is_not_whole_or_was_never_heard_of_is_labelled():
    torn = best([seen(1000, 1010, venue="a", trusted=False)], NOW)
    never = best([seen(1000, 1010, venue="a", age=NOW)], NOW)

    assert torn.label == "a:BTC/USDT:USDT: its book is not whole"
    assert never.label == "a:BTC/USDT:USDT: nothing was heard yet"


def test_a_side_that_nobody_quotes_is_none():
    found = best([seen(None, 1010, venue="a"), seen(None, 1009, venue="b")], NOW)

    assert (found.bid, where(found.ask), found.edge_bps) == (None, "b", None)
    assert best([], NOW).ask is None


def test_of_equal_prices_the_one_heard_of_last_is_taken():
    assert where(best([seen(1, 9, venue="a", age=2), seen(1, 9, venue="b", age=1)], NOW).ask) == "b"


def test_different_markets_are_not_compared():
    other = Seen.of(book(venue="okx", symbol="ETH/USDT:USDT", base="ETH"), NOW)
    with pytest.raises(UsageError, match="not of the same base and quote"):
        best([other, seen(1, 2, venue="a")], NOW)


@given(st.lists(st.tuples(books(**PLAIN), st.sampled_from(["0", "0.001", "-0.0002"])), max_size=4))
def test_nobody_is_better_than_the_best(rows):
    standing = [
        book(bids=each.bids, asks=each.asks, venue=f"v{n}", taker_fee=Decimal(fee), **PLAIN)
        for n, (each, fee) in enumerate(rows)
    ]
    quotes = [Seen.of(each, NOW) for each in standing]
    found = best(quotes, NOW)

    for side, chosen in ((Side.BUY, found.ask), (Side.SELL, found.bid)):
        prices = [price for each in quotes if (price := each.after_fee(side)) is not None]
        if chosen is None:
            assert prices == []
        else:
            wanted = min(prices) if side is Side.BUY else max(prices)
            assert chosen.after_fee(side) == wanted
