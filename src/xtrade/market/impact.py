"""What taking costs: a walk down one book, and the cheapest split over several.

price_impact     so many lots, base coins or quote currency, taken from one book
cheapest_split   the same amount, taken where it is cheapest after fees, from several books of one market
depth            what stands within a price of the best, in base coins and quote currency

Every sum is exact; only the basis points are floats. Fees are the taker's of the instrument, told in quote currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from heapq import merge
from typing import Final, Literal, NamedTuple

from msgspec import Struct

from xtrade.market.book import Book
from xtrade.model.errors import DataError, UsageError
from xtrade.model.instruments import Instrument
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.numbers import Number, divided, number, plain
from xtrade.model.sides import Side

__all__ = ["Amount", "Impact", "Split", "cheapest_split", "depth", "price_impact"]

_DEEPEST: Final = 100_000
"""Levels that a walk looks at: more than any venue shows."""


class Amount(NamedTuple):
    """How much to take: lots, base coins, or quote currency before fees."""

    size: Number
    of: Literal["lots", "base", "quote"]


class Impact(Struct, frozen=True, kw_only=True):
    """What a walk down one side of a book takes, and at which prices."""

    instrument: str
    side: Side
    lots: int
    base: Money
    worth: Money
    """In quote currency, before the fee."""
    fee: Money
    """The taker's, in quote currency."""
    best_ticks: int | None
    """The first price that was taken; None if nothing was."""
    worst_ticks: int | None
    """The last price that was taken."""
    levels: int
    """How many levels were taken from."""
    bps_from_mid: float | None
    """How much worse than the mid the average is, before the fee; None where a side of the book is empty."""
    is_whole: bool
    """Whether the book held all that was asked for, down to less than a lot."""

    @property
    def average(self) -> Money | None:
        """The price of a base coin, before the fee."""
        return _per_coin(self.worth, self.base)

    @property
    def average_after_fee(self) -> Money | None:
        """The price of a base coin with the fee: what it costs, or what it brings."""
        return _per_coin(self.total, self.base)

    @property
    def total(self) -> Money:
        """What is paid for a buy, or got for a sale."""
        return Money(self.worth.atoms + self.side.sign * self.fee.atoms, self.worth.currency)


class Split(Struct, frozen=True, kw_only=True):
    """One amount over several books; parts are in the order of the books, without those that get nothing."""

    side: Side
    parts: tuple[Impact, ...]
    left_out: tuple[str, ...]
    """Books that were not used, each with the reason."""
    is_whole: bool

    @property
    def base(self) -> Money | None:
        """Base coins of all parts; None if nothing can be taken."""
        return _sum([part.base for part in self.parts])

    @property
    def total(self) -> Money | None:
        """What all parts cost, or bring, with their fees."""
        return _sum([part.total for part in self.parts])

    @property
    def average_after_fee(self) -> Money | None:
        """The price of a base coin over all parts, with fees."""
        base, total = self.base, self.total
        return None if base is None or total is None else _per_coin(total, base)


def price_impact(book: Book, side: Side, amount: Amount) -> Impact:
    """Walk the book as a taker of `side` would: a buy takes the asks."""
    if not book.is_trusted:
        raise DataError(
            f"{book.instrument.key}: the book is not whole: nobody knows what an order would meet"
        )
    walk = _walk([book], side, amount)
    return _impact(book, side, walk.taken[0], is_whole=walk.is_whole)


def cheapest_split(books: Sequence[Book], side: Side, amount: Amount) -> Split:
    """Take from several books of one base and quote, level by level, whichever is cheapest after its fee.

    A book whose part would be below the venue's minimum order is left out, the smallest part first, and the whole is
    split anew. Books that are not trusted are left out as well. `amount` is in base coins or in quote currency.
    """
    _require_one_market(books, amount)
    left_out = [f"{each.instrument.key}: its book is not whole" for each in books if not each.is_trusted]
    usable = [each for each in books if each.is_trusted]
    while True:
        walk = _walk(usable, side, amount)
        parts = [
            (book, _impact(book, side, taken, is_whole=True))
            for book, taken in zip(usable, walk.taken, strict=True)
            if taken
        ]
        small = [
            (part.worth, book, why) for book, part in parts if (why := _below_minimum(book.instrument, part))
        ]
        if not small:
            return Split(
                side=side,
                parts=tuple(part for _, part in parts),
                left_out=tuple(left_out),
                is_whole=walk.is_whole,
            )
        _, dropped, why = min(small, key=lambda each: each[0])
        left_out.append(f"{dropped.instrument.key}: {why}")
        usable = [each for each in usable if each is not dropped]


def depth(book: Book, side: Side, *, within_bps: float) -> tuple[Money, Money]:
    """Return what a taker of `side` finds within so many basis points of the best: base coins, and quote currency."""
    instrument = book.instrument
    base = quote = 0
    limit: float | None = None
    for ticks, lots in book.levels(side.opposite, _DEEPEST):
        if limit is None:
            limit = ticks * (1 + side.sign * within_bps / 1e4)
        if side.sign * (ticks - limit) > 0:
            break
        base += instrument.base_amount(ticks=ticks, lots=lots).atoms
        quote += instrument.notional(ticks=ticks, lots=lots).atoms
    return Money(base, instrument.base), Money(quote, instrument.quote)


class _Walk(NamedTuple):
    """The levels (ticks, lots) that were taken from each book."""

    taken: list[list[tuple[int, int]]]
    is_whole: bool


def _walk(books: Sequence[Book], side: Side, amount: Amount) -> _Walk:
    """Take level by level, the cheapest after its fee first, until no book has a lot that is still wanted."""
    taken: list[list[tuple[int, int]]] = [[] for _ in books]
    wanted: list[_Wanted] = [_Wanted(amount, book.instrument) for book in books]
    deepest: dict[int, int] = {}
    content: set[int] = set()
    spent = 0
    for _, place, ticks, there in merge(
        *(_after_fees(place, book, side) for place, book in enumerate(books))
    ):
        instrument, want = books[place].instrument, wanted[place]
        deepest[place] = ticks
        if place in content:
            continue
        lots = min(there, want.lots(instrument, ticks, spent))
        if lots:
            taken[place].append((ticks, lots))
            spent += want.measure(instrument, ticks, lots)
        if want.lots(instrument, ticks, spent) == 0:
            content.add(place)
        if len(content) == len(books):
            break
    is_whole = bool(deepest) and all(
        wanted[place].lots(books[place].instrument, ticks, spent) == 0 for place, ticks in deepest.items()
    )
    return _Walk(taken, is_whole)


def _after_fees(place: int, book: Book, side: Side) -> Iterator[tuple[Fraction, int, int, int]]:
    """Yield a side's levels with what a base coin costs after the fee, as a number that is least for the cheapest."""
    instrument = book.instrument
    fee = Fraction(instrument.taker_fee)
    for ticks, lots in book.levels(side.opposite, _DEEPEST):
        price = Fraction(instrument.price(ticks))
        yield side.sign * price * (1 + side.sign * fee), place, ticks, lots


class _Wanted:
    """An amount, as one instrument counts it: in lots, or in atoms of its base or quote."""

    def __init__(self, amount: Amount, instrument: Instrument) -> None:
        self._of = amount.of
        if amount.of == "lots":
            self._size = int(amount.size)
        else:
            self._size = Money.of(
                amount.size, instrument.base if amount.of == "base" else instrument.quote
            ).atoms
        if self._size <= 0:
            raise UsageError(
                f"an amount of {plain(number(amount.size))} {amount.of}: expected more than nothing"
            )

    def lots(self, instrument: Instrument, ticks: int, spent: int) -> int:
        """Return how many lots at a price are still wanted, rounded down."""
        left = self._size - spent
        if self._of == "lots":
            return left
        if self._of == "base":
            return instrument.lots_of_base(Money(left, instrument.base).amount, ticks=ticks, toward="zero")
        return instrument.lots_worth(Money(left, instrument.quote).amount, ticks=ticks)

    def measure(self, instrument: Instrument, ticks: int, lots: int) -> int:
        """Return what lots at a price are of the amount."""
        if self._of == "lots":
            return lots
        if self._of == "base":
            return instrument.base_amount(ticks=ticks, lots=lots).atoms
        return instrument.notional(ticks=ticks, lots=lots).atoms


def _impact(book: Book, side: Side, taken: Sequence[tuple[int, int]], *, is_whole: bool) -> Impact:
    instrument, mid = book.instrument, book.mid_ticks
    base = sum(instrument.base_amount(ticks=ticks, lots=lots).atoms for ticks, lots in taken)
    worth = sum(instrument.notional(ticks=ticks, lots=lots).atoms for ticks, lots in taken)
    fee = instrument.taker_fee
    bps = None
    if mid is not None and base:
        average = Fraction(worth, base) / Fraction(instrument.tick)
        bps = side.sign * (float(average) / mid - 1) * 1e4
    return Impact(
        instrument=instrument.key,
        side=side,
        lots=sum(lots for _, lots in taken),
        base=Money(base, instrument.base),
        worth=Money(worth, instrument.quote),
        fee=Money(_nearest(worth * Fraction(fee)), instrument.quote),
        best_ticks=taken[0][0] if taken else None,
        worst_ticks=taken[-1][0] if taken else None,
        levels=len(taken),
        bps_from_mid=bps,
        is_whole=is_whole,
    )


def _below_minimum(instrument: Instrument, part: Impact) -> str:
    """Say why the venue would not take an order of this size; nothing if it would."""
    if part.lots < instrument.min_lots:
        return f"its part, {part.lots} lots, is below the venue's minimum of {instrument.min_lots}"
    if part.worth.amount < instrument.min_notional:
        return (
            f"its part, worth {part.worth}, is below the venue's minimum of {plain(instrument.min_notional)}"
        )
    return ""


def _require_one_market(books: Sequence[Book], amount: Amount) -> None:
    if not books:
        raise UsageError("no book to split over: name at least one venue that has the market")
    if amount.of == "lots":
        raise UsageError(
            "lots differ from venue to venue: split an amount in base coins or in quote currency"
        )
    markets = {(each.instrument.base, each.instrument.quote): each.instrument.key for each in books}
    if len(markets) > 1:
        raise UsageError(
            f"{' and '.join(markets.values())} are not of the same base and quote: their prices cannot be compared"
        )


def _per_coin(amount: Money, base: Money) -> Money | None:
    if not base:
        return None
    return Money(_nearest(Fraction(amount.atoms * ATOMS_PER_UNIT, base.atoms)), amount.currency)


def _nearest(value: Fraction) -> int:
    return divided(value.numerator, value.denominator, toward="nearest")


def _sum(amounts: Sequence[Money]) -> Money | None:
    return Money(sum(each.atoms for each in amounts), amounts[0].currency) if amounts else None
