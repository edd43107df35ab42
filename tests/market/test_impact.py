"""What taking costs: exact walks by hand, and a split that no single book and no other split beats."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from kit.books import book, books
from xtrade.market.impact import Amount, cheapest_split, depth, price_impact
from xtrade.model.errors import DataError, UsageError
from xtrade.model.instruments import Kind
from xtrade.model.money import Money
from xtrade.model.sides import Side

ONE = Decimal(1)
PLAIN = {"tick": ONE, "lot": ONE}


def test_a_buy_walks_up_the_asks_and_pays_the_fee_on_top():
    found = price_impact(book(**PLAIN, taker_fee=Decimal("0.001")), Side.BUY, Amount(8, "lots"))

    assert (found.lots, found.levels, found.best_ticks, found.worst_ticks) == (8, 2, 101, 102)
    assert found.worth == Money.of(5 * 101 + 3 * 102, "USDT")
    assert found.fee == Money.of("0.811", "USDT")
    assert found.total == Money.of("811.811", "USDT")
    assert found.average == Money.of("101.375", "USDT")
    assert found.average_after_fee == Money.of("101.476375", "USDT")
    assert found.bps_from_mid == pytest.approx(137.5)
    assert found.is_whole


def test_a_sale_walks_down_the_bids_and_gets_what_the_fee_leaves():
    found = price_impact(book(**PLAIN, taker_fee=Decimal("0.01")), Side.SELL, Amount("6", "base"))

    assert found.worth == Money.of(5 * 99 + 98, "USDT")
    assert found.total == Money.of("587.07", "USDT")
    assert found.bps_from_mid == pytest.approx(-(593 / 6 / 100 - 1) * 1e4)


def test_an_amount_of_quote_currency_buys_whole_lots_only():
    found = price_impact(book(**PLAIN), Side.BUY, Amount(1000, "quote"))

    assert found.lots == 5 + 4  # 505, then 4 x 102 of the 495 that are left
    assert found.worth == Money.of(505 + 408, "USDT")
    assert found.is_whole


def test_more_than_the_book_holds_is_said():
    found = price_impact(book(**PLAIN), Side.BUY, Amount(16, "lots"))
    assert (found.lots, found.is_whole) == (15, False)

    nothing = price_impact(book(asks=(), **PLAIN), Side.BUY, Amount(1, "lots"))
    assert (nothing.lots, nothing.is_whole, nothing.average, nothing.best_ticks) == (0, False, None, None)


def test_an_inverse_contract_is_counted_in_the_coins_that_it_stands_for():
    found = price_impact(
        book(asks=((50_000, 100), (60_000, 100)), kind=Kind.INVERSE, tick=ONE),
        Side.BUY,
        Amount("0.3", "base"),
    )

    # 100 contracts of 100 USD at 50 000 are 0.2 BTC; the other 0.1 BTC are 60 contracts at 60 000.
    assert found.lots == 160
    assert found.worth == Money.of(16_000, "USD")
    assert found.base == Money.of("0.3", "BTC")


def test_a_book_that_is_not_whole_has_no_impact():
    with pytest.raises(DataError, match="the book is not whole"):
        price_impact(book(trusted=False), Side.BUY, Amount(1, "lots"))


@pytest.mark.parametrize("amount", [Amount(0, "base"), Amount("-1", "quote"), Amount(0, "lots")])
def test_an_amount_of_nothing_is_a_mistake(amount):
    with pytest.raises(UsageError, match="expected more than nothing"):
        price_impact(book(), Side.BUY, amount)


@given(books(), st.sampled_from(Side), st.integers(1, 400))
def test_a_walk_takes_no_more_than_is_there_and_than_is_wanted(standing, side, lots):
    found = price_impact(standing, side, Amount(lots, "lots"))
    there = sum(size for _, size in standing.levels(side.opposite, 99))

    assert found.lots == min(lots, there)
    assert found.is_whole == (there >= lots)
    if found.average is not None:
        prices = sorted(standing.instrument.price(each) for each in (found.best_ticks, found.worst_ticks))
        assert prices[0] <= found.average.amount <= prices[1]


def venues(*fees, **books_of):
    return [
        book(**PLAIN, venue=f"v{place}", taker_fee=Decimal(fee), **books_of) for place, fee in enumerate(fees)
    ]


def test_the_cheaper_fee_is_taken_first_and_both_as_deep_as_needed():
    dear, cheap = venues("0.02", "0")
    split = cheapest_split([dear, cheap], Side.BUY, Amount(17, "base"))

    assert [(part.instrument, part.lots) for part in split.parts] == [
        ("v0:BTC/USDT:USDT", 2),
        ("v1:BTC/USDT:USDT", 15),
    ]
    assert split.total == Money.of(Decimal(2) * 101 * Decimal("1.02") + 5 * 101 + 10 * 102, "USDT")
    assert split.base == Money.of(17, "BTC")
    assert split.is_whole


def test_a_part_below_a_minimum_goes_elsewhere():
    first = book(asks=((100, 1), (103, 9)), venue="a", min_lots=2, **PLAIN)
    second = book(asks=((101, 9),), venue="b", **PLAIN)

    split = cheapest_split([first, second], Side.BUY, Amount(5, "base"))
    assert [(part.instrument, part.lots) for part in split.parts] == [("b:BTC/USDT:USDT", 5)]
    assert split.left_out == ("a:BTC/USDT:USDT: its part, 1 lots, is below the venue's minimum of 2",)


def test_a_part_worth_too_little_goes_elsewhere():
    first = book(asks=((100, 1),), venue="a", min_notional=Decimal(101), **PLAIN)
    second = book(asks=((101, 9),), venue="b", **PLAIN)

    split = cheapest_split([first, second], Side.BUY, Amount(5, "base"))
    assert [part.instrument for part in split.parts] == ["b:BTC/USDT:USDT"]
    assert "worth 100 USDT, is below the venue's minimum of 101" in split.left_out[0]


def test_untrusted_books_are_left_out_and_nothing_left_is_no_error():
    split = cheapest_split([book(trusted=False)], Side.SELL, Amount(1, "base"))

    assert (split.parts, split.base, split.total, split.average_after_fee) == ((), None, None, None)
    assert split.left_out == ("binance:BTC/USDT:USDT: its book is not whole",)
    assert not split.is_whole


def test_what_cannot_be_compared_is_refused():
    other = book(venue="okx", symbol="ETH/USDT:USDT", base="ETH")
    with pytest.raises(UsageError, match="not of the same base and quote"):
        cheapest_split([book(), other], Side.BUY, Amount(1, "base"))
    with pytest.raises(UsageError, match="lots differ from venue to venue"):
        cheapest_split([book()], Side.BUY, Amount(1, "lots"))
    with pytest.raises(UsageError, match="no book to split over"):
        cheapest_split([], Side.BUY, Amount(1, "base"))


FEES = st.sampled_from([Decimal(0), Decimal("0.0005"), Decimal("0.01"), Decimal("-0.0001")])


@given(
    FEES.flatmap(lambda fee: books(venue="a", taker_fee=fee, **PLAIN)),
    FEES.flatmap(lambda fee: books(venue="b", taker_fee=fee, **PLAIN)),
    st.sampled_from(Side),
    st.integers(1, 20),
)
def test_no_other_split_is_better(one, other, side, size):
    split = cheapest_split([one, other], side, Amount(size, "base"))

    def total(standing, lots):
        return price_impact(standing, side, Amount(lots, "lots")).total.atoms if lots else 0

    there = [sum(lots for _, lots in each.levels(side.opposite, 99)) for each in (one, other)]
    taken = min(size, sum(there))
    assert split.is_whole == (sum(there) >= size)
    assert (split.base.atoms if split.base else 0) == taken * 10**24
    every = [
        total(one, here) + total(other, taken - here)
        for here in range(taken + 1)
        if here <= there[0] and taken - here <= there[1]
    ]
    best = min(side.sign * each for each in every)
    assert side.sign * (split.total.atoms if split.total else 0) == best


@given(
    books(venue="a", lot=Decimal("0.1"), tick=ONE), books(venue="b", lot=ONE, tick=ONE), st.integers(1, 60)
)
def test_lots_of_different_sizes_fill_the_amount_down_to_the_finest(fine, coarse, tenths):
    split = cheapest_split([fine, coarse], Side.BUY, Amount(Decimal(tenths) / 10, "base"))

    wanted = tenths * 10**23
    taken = split.base.atoms if split.base else 0
    assert taken <= wanted
    if sum(lots for _, lots in fine.asks) >= tenths:
        assert taken == wanted
        assert split.is_whole


def test_depth_is_what_stands_near_the_best():
    standing = book(bids=((1000, 1), (999, 2), (990, 4)), asks=(), **PLAIN)

    assert depth(standing, Side.SELL, within_bps=10) == (Money.of(3, "BTC"), Money.of(2998, "USDT"))
    assert depth(standing, Side.SELL, within_bps=100) == (Money.of(7, "BTC"), Money.of(2998 + 3960, "USDT"))
    assert depth(standing, Side.BUY, within_bps=100) == (Money.of(0, "BTC"), Money.of(0, "USDT"))


@pytest.mark.parametrize("first", [1, 3])
@pytest.mark.parametrize("second", [2, 5])
def test_an_empty_book_among_others_changes_nothing(first, second):
    empty = book(bids=(), asks=(), venue="empty", **PLAIN)
    standing = book(asks=((101, first), (102, second)), venue="a", **PLAIN)

    split = cheapest_split([empty, standing], Side.BUY, Amount(3, "base"))
    assert split.is_whole
    assert [part.instrument for part in split.parts] == ["a:BTC/USDT:USDT"]
