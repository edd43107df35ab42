"""Best prices across venues: who bids most and asks least once the fee is paid, and how old that knowledge is.

    rows = [Seen.of(book, heard_ns) for …]
    found = best(rows, now_ns, stale_after_ns=5 * SECOND)
    found.ask.instrument, found.ask.ask_after_fee, found.edge_bps

A quote that is too old, or from a book that is not whole, is shown and labelled, and counts only where nothing better
is known: then the answer itself is labelled stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Final

from msgspec import Struct

from xtrade.market.book import Book
from xtrade.model.errors import UsageError
from xtrade.model.instruments import Instrument
from xtrade.model.money import ATOMS_PER_UNIT, Money
from xtrade.model.numbers import divided
from xtrade.model.sides import Side

__all__ = ["Best", "Seen", "best"]

STALE_AFTER_NS: Final = 5 * 10**9
"""What `best` calls too old, unless it is told otherwise."""


class Seen(Struct, frozen=True, kw_only=True):
    """The top of one venue's book, and when it was last heard of."""

    instrument: Instrument
    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int
    heard_ns: int
    is_whole: bool

    @classmethod
    def of(cls, book: Book, heard_ns: int) -> Seen:
        """Note a book's top."""
        return cls(
            instrument=book.instrument,
            bid_ticks=book.bid_ticks,
            bid_lots=book.bid_lots,
            ask_ticks=book.ask_ticks,
            ask_lots=book.ask_lots,
            heard_ns=heard_ns,
            is_whole=book.is_trusted,
        )

    def ticks(self, side: Side) -> int | None:
        """Return the price at which a taker of `side` trades here."""
        return self.ask_ticks if side is Side.BUY else self.bid_ticks

    def after_fee(self, side: Side) -> Money | None:
        """Return what a base coin costs a buyer, or brings a seller, once the taker's fee is paid."""
        ticks = self.ticks(side)
        if ticks is None:
            return None
        return Money(_atoms(_after_fee(self.instrument, ticks, side)), self.instrument.quote)

    def label(self, now_ns: int, stale_after_ns: int) -> str:
        """Say why the quote must not be traded on; nothing if it may."""
        if not self.heard_ns:
            return "nothing was heard yet"
        if not self.is_whole:
            return "its book is not whole"
        age_ns = now_ns - self.heard_ns
        return f"stale: {age_ns / 1e9:.1f} s old" if age_ns > stale_after_ns else ""


class Best(Struct, frozen=True, kw_only=True):
    """Where to sell and where to buy."""

    bid: Seen | None
    """Who pays most, after the fee; None where nobody bids."""
    ask: Seen | None
    """Who asks least, after the fee; None where nobody asks."""
    label: str
    """Why the answer must not be traded on; nothing if it may."""
    edge_bps: float | None
    """What buying at the ask and selling at the bid earns after both fees, in basis points of the price paid."""


def best(seen: Iterable[Seen], now_ns: int, *, stale_after_ns: int = STALE_AFTER_NS) -> Best:
    """Find the best bid and ask of one market on several venues. Of equals, the one heard of last."""
    rows = list(seen)
    markets = {(each.instrument.base, each.instrument.quote): each.instrument.key for each in rows}
    if len(markets) > 1:
        raise UsageError(
            f"{' and '.join(markets.values())} are not of the same base and quote: their prices cannot be compared"
        )

    def label(each: Seen) -> str:
        return each.label(now_ns, stale_after_ns)

    bid, ask = _best(rows, Side.SELL, label), _best(rows, Side.BUY, label)
    labels = dict.fromkeys(
        f"{each.instrument.key}: {label(each)}" for each in (bid, ask) if each and label(each)
    )
    return Best(bid=bid, ask=ask, label="; ".join(labels), edge_bps=_edge_bps(bid, ask))


def _best(rows: Sequence[Seen], side: Side, label: Callable[[Seen], str]) -> Seen | None:
    quoting = [(each, ticks) for each in rows if (ticks := each.ticks(side)) is not None]
    if not quoting:
        return None

    def order(quote: tuple[Seen, int]) -> tuple[bool, Fraction, int]:
        each, ticks = quote
        return bool(label(each)), side.sign * _after_fee(each.instrument, ticks, side), -each.heard_ns

    return min(quoting, key=order)[0]


def _after_fee(instrument: Instrument, ticks: int, side: Side) -> Fraction:
    return Fraction(instrument.price(ticks)) * (1 + side.sign * Fraction(instrument.taker_fee))


def _edge_bps(bid: Seen | None, ask: Seen | None) -> float | None:
    if bid is None or ask is None or bid.bid_ticks is None or ask.ask_ticks is None:
        return None
    got = _after_fee(bid.instrument, bid.bid_ticks, Side.SELL)
    paid = _after_fee(ask.instrument, ask.ask_ticks, Side.BUY)
    return float(got / paid - 1) * 1e4


def _atoms(amount: Fraction) -> int:
    scaled = amount * ATOMS_PER_UNIT
    return divided(scaled.numerator, scaled.denominator, toward="nearest")
