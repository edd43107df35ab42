"""At which price to ask: pure functions of a book.

tracking_ticks    beside the best price of one's own side
protected_ticks   through the best price of the other side, and no further than the worst
"""

from __future__ import annotations

from xtrade.market.book import Book
from xtrade.model.instruments import Instrument
from xtrade.model.sides import Side

__all__ = ["passive_on_grid", "protected_ticks", "touch", "tracking_ticks"]


def touch(book: Book, side: Side) -> int | None:
    """Return the best price of a side; None where there is none, or the book is not whole."""
    if not book.is_trusted:
        return None
    return book.bid_ticks if side is Side.BUY else book.ask_ticks


def tracking_ticks(
    book: Book,
    side: Side,
    *,
    offset_ticks: int,
    post_only: bool,
    worst_ticks: int | None = None,
    own_ticks: int | None = None,
    own_lots: int = 0,
) -> int | None:
    """Return where a limit order should stand: `offset_ticks` behind the best price of its side (negative: before).

    `own_ticks` and `own_lots` tell of the order that stands there already: where it alone may be the touch it stays,
    for an order that follows itself runs away.
    """
    best = touch(book, side)
    if best is None:
        return None
    if own_ticks == best and (book.bid_lots if side is Side.BUY else book.ask_lots) <= own_lots:
        return own_ticks
    wanted = best - side.sign * offset_ticks
    against = touch(book, side.opposite)
    if post_only and against is not None:
        wanted = _worse_of(side, wanted, against - side.sign)
    if worst_ticks is not None:
        wanted = _worse_of(side, wanted, worst_ticks)
    return passive_on_grid(book.instrument, side, wanted)


def protected_ticks(book: Book, side: Side, *, through_ticks: int, worst_ticks: int | None) -> int | None:
    """Return the limit of an order that takes at once; None where there is nobody to trade with at a price allowed."""
    best = touch(book, side.opposite)
    if best is None or (worst_ticks is not None and side.sign * (best - worst_ticks) > 0):
        return None
    limit = best + side.sign * through_ticks
    if worst_ticks is not None:
        limit = _worse_of(side, limit, worst_ticks)
    return passive_on_grid(book.instrument, side, limit)


def passive_on_grid(instrument: Instrument, side: Side, ticks: int) -> int | None:
    """Return the legal price at or next to `ticks`, never beyond it; None where prices end."""
    if ticks < 1:
        return None
    step = instrument.tick_step(ticks)
    ticks = ticks // step * step if side is Side.BUY else -(-ticks // step) * step
    return ticks if ticks > 0 else None


def _worse_of(side: Side, ticks: int, bound: int) -> int:
    """Return the less eager of two prices."""
    return min(ticks, bound) if side is Side.BUY else max(ticks, bound)
