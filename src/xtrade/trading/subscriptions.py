"""What a strategy wants to hear of, declared before it starts.

BookFeed      on_book, after each change of a book, or at most once in `every`
QuoteFeed     on_quote, when the best bid or ask has changed
TradeFeed     on_trade, for each public trade
BarFeed       on_bar, when an interval is over
FundingFeed   on_funding, when a venue told a rate

An instrument that is traded without being listened to is declared by `Market`. What is not declared cannot be asked
for or traded: a run knows its markets before it begins.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from xtrade.model.durations import duration_ns

__all__ = ["BarFeed", "BookFeed", "FundingFeed", "Market", "QuoteFeed", "Subscription", "TradeFeed"]


class Market(Struct, frozen=True):
    """An instrument that is looked at or traded; `okx:BTC/USDT:USDT`."""

    instrument: str


class BookFeed(Market, frozen=True, tag=True):
    """Changes of a book: all of them, or at most one in `every` (the last state is always told)."""

    every: str = "0ms"

    @property
    def every_ns(self) -> int:
        """The throttle in nanoseconds; 0 for none."""
        return duration_ns(self.every)


class QuoteFeed(Market, frozen=True, tag=True):
    """Changes of the best bid or ask."""


class TradeFeed(Market, frozen=True, tag=True):
    """Public trades."""


class BarFeed(Market, frozen=True, tag=True):
    """Bars of one interval: of trades, or of the middle of the book. Data that is bars already is used as it is."""

    interval: str
    of: Literal["trades", "mid"] = "trades"

    @property
    def interval_ns(self) -> int:
        """The interval in nanoseconds."""
        return duration_ns(self.interval)


class FundingFeed(Market, frozen=True, tag=True):
    """Funding rates."""


Subscription: TypeAlias = Market | BookFeed | QuoteFeed | TradeFeed | BarFeed | FundingFeed
