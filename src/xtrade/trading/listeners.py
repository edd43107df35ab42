"""Who listens to what: the strategies' subscriptions, sorted by what will be told.

A listener is a strategy with its context. Bars are made once for all who want the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from xtrade.market.bars import BarBuilder
from xtrade.model.errors import UsageError, did_you_mean
from xtrade.trading.subscriptions import BarFeed, BookFeed, FundingFeed, QuoteFeed, TradeFeed

if TYPE_CHECKING:
    from xtrade.trading.context import Context
    from xtrade.trading.strategy import Strategy

__all__ = ["BarMaker", "BookListener", "Listener", "Listeners", "Watch"]


class Watch(NamedTuple):
    """What the engine needs to be told of one instrument: whoever drives it arranges for no less."""

    book: bool
    book_every_ns: int
    trades: bool
    """Each public trade."""
    bars: bool
    """What bars are made of: public trades, or bars that are there already."""


class Listener(NamedTuple):
    """A strategy that is told something."""

    context: Context
    strategy: Strategy[Any]


class BookListener:
    """A strategy that is told of a book, at most once in `every_ns`."""

    __slots__ = ("context", "due_ns", "every_ns", "strategy")

    def __init__(self, context: Context, strategy: Strategy[Any], every_ns: int) -> None:
        self.context = context
        self.strategy = strategy
        self.every_ns = every_ns
        self.due_ns = 0


class BarMaker:
    """Bars of one instrument, interval and source, and who wants them."""

    __slots__ = ("armed_ns", "builder", "listeners", "of")

    def __init__(self, key: str, interval_ns: int, of: Literal["trades", "mid"]) -> None:
        self.builder = BarBuilder(key, interval_ns)
        self.of = of
        self.listeners: list[Listener] = []
        self.armed_ns = -1
        """For which end of a bar a timer runs."""


class Listeners:
    """All subscriptions of a run."""

    def __init__(self) -> None:
        self.declared: dict[str, None] = {}
        self.declared_by: dict[str, dict[str, None]] = {}
        self.books: dict[str, list[BookListener]] = {}
        self.quotes: dict[str, list[Listener]] = {}
        self.trades: dict[str, list[Listener]] = {}
        self.funding: dict[str, list[Listener]] = {}
        self.bars: dict[str, list[BarMaker]] = {}

    def add(self, context: Context, strategy: Strategy[Any]) -> None:
        """Take in what a strategy subscribes to."""
        listener = Listener(context, strategy)
        own = self.declared_by.setdefault(context.name, {})
        for feed in strategy.subscriptions():
            key = feed.instrument
            self.declared[key] = own[key] = None
            match feed:
                case BookFeed():
                    self.books.setdefault(key, []).append(BookListener(context, strategy, feed.every_ns))
                case QuoteFeed():
                    self.quotes.setdefault(key, []).append(listener)
                case TradeFeed():
                    self.trades.setdefault(key, []).append(listener)
                case FundingFeed():
                    self.funding.setdefault(key, []).append(listener)
                case BarFeed():
                    self._bar_maker(key, feed).listeners.append(listener)
                case _:
                    pass  # a market that is only traded

    def declare(self, keys: Iterable[str]) -> None:
        """Take in what is followed although no strategy asks for it."""
        self.declared.update(dict.fromkeys(keys))

    def must_know(self, key: str) -> None:
        """Refuse an instrument that nobody declared."""
        if key not in self.declared:
            raise UsageError(
                f"{key} was not declared: yield a feed of it, or Market({key!r}), from subscriptions()."
                f"{did_you_mean(key, self.declared)}"
            )

    def must_hear(self, context: Context, what: str, key: str) -> None:
        """Refuse a strategy that waits for what it did not subscribe to."""
        hears: Mapping[str, Iterable[BookListener | Listener]] = {
            "book": self.books.get(key, ()),
            "trade": self.trades.get(key, ()),
            "bar": [listener for maker in self.bars.get(key, ()) for listener in maker.listeners],
        }
        if all(each.context is not context for each in hears[what]):
            raise UsageError(
                f"{context.name} waits for the next {what} of {key}, and has not subscribed to it in subscriptions()"
            )

    @property
    def watched(self) -> dict[str, Watch]:
        """What must be told of each instrument."""
        found = {}
        for key in self.declared:
            each_change = key in self.quotes or any(maker.of == "mid" for maker in self.bars.get(key, ()))
            paces = [listener.every_ns for listener in self.books.get(key, ())]
            found[key] = Watch(
                book=each_change or bool(paces),
                book_every_ns=0 if each_change else min(paces, default=0),
                trades=key in self.trades,
                bars=any(maker.of == "trades" for maker in self.bars.get(key, ())),
            )
        return found

    def _bar_maker(self, key: str, feed: BarFeed) -> BarMaker:
        makers = self.bars.setdefault(key, [])
        for maker in makers:
            if (maker.builder.interval_ns, maker.of) == (feed.interval_ns, feed.of):
                return maker
        makers.append(BarMaker(key, feed.interval_ns, feed.of))
        return makers[-1]
