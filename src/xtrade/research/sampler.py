"""Samples of a run of which nobody knows how long it will be: the longer it lasts, the more seldom they are taken."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import numpy as np

from xtrade.market.book import Book
from xtrade.research.recording import Samples

__all__ = ["Sampler"]

SECOND: Final = 1_000_000_000
# A run of two hours keeps every second of it; one of a day every ten, or so.
SAMPLES_MAX: Final = 8_000


class Books(Protocol):
    """Where books are."""

    def book(self, key: str) -> Book:
        """Return the book of an instrument."""
        ...


class Sampler:
    """Notes best bid and ask of some instruments. Call `look` every `step_ns`."""

    def __init__(self, books: Books, keys: Iterable[str]) -> None:
        self.step_ns = SECOND
        self._books = books
        self._keys = tuple(keys)
        self._rows: list[tuple[int, tuple[float, ...]]] = []

    def look(self, now_ns: int) -> None:
        """Note how things stand."""
        if self._rows and self._rows[-1][0] >= now_ns:
            return
        prices: list[float] = []
        for key in self._keys:
            book = self._books.book(key)
            tick = float(book.instrument.tick)
            best = (book.bid_ticks, book.ask_ticks) if book.is_trusted else (None, None)
            prices.extend(np.nan if ticks is None else ticks * tick for ticks in best)
        self._rows.append((now_ns, tuple(prices)))
        if len(self._rows) > SAMPLES_MAX:
            self._rows = self._rows[::2]
            self.step_ns *= 2

    def samples(self) -> Samples:
        """Return what was noted."""
        times = np.array([ns for ns, _ in self._rows], np.int64)
        columns = np.array([prices for _, prices in self._rows], float).reshape(len(times), -1)
        return Samples(
            times,
            {key: columns[:, 2 * place].copy() for place, key in enumerate(self._keys)},
            {key: columns[:, 2 * place + 1].copy() for place, key in enumerate(self._keys)},
        )
