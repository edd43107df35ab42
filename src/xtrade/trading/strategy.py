"""The base of every strategy: callbacks to fill in, typed parameters, commands through a context.

    class Fade(Strategy[FadeParams]):
        def subscriptions(self): yield BookFeed(self.params.instrument, every="100ms")
        def on_book(self, ctx, book): ...

The same object is tested, back-tested, traded on paper and live: it never sees a venue, never blocks, and asks its
context for the time. What it keeps between callbacks it keeps in itself.

Strategy         callbacks
SignalStrategy   one number a bar: which position is wanted
DecideStrategy   should_execute, then execute: a decision, and the task that carries it out
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, ClassVar, Generic, TypeVar, get_args

from typing_extensions import override

from xtrade.market.book import Book
from xtrade.model.errors import UsageError
from xtrade.model.events import AccountEvent, Bar, Funding, Quote, Trade
from xtrade.model.fills import Fill
from xtrade.model.instruments import Instrument
from xtrade.trading.compiled import Compiled
from xtrade.trading.context import Context
from xtrade.trading.orders import Order
from xtrade.trading.params import Params
from xtrade.trading.subscriptions import Subscription
from xtrade.trading.tasks import Task

__all__ = ["DecideStrategy", "SignalStrategy", "Strategy"]

P = TypeVar("P", bound=Params)


class Strategy(Generic[P]):
    """What trades. Fill in the callbacks you need; the others do nothing."""

    params_type: ClassVar[type[Params]] = Params
    """Read off the base: `class Mine(Strategy[MineParams])`."""

    def __init__(self, params: P) -> None:
        self.params = params

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in getattr(cls, "__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, Params):
                    cls.params_type = argument

    def subscriptions(self) -> Iterable[Subscription]:
        """Declare what is listened to and traded; asked once, before the start."""
        raise UsageError(
            f"{type(self).__name__} subscribes to nothing: write subscriptions(), which yields BookFeed(…), BarFeed(…)"
        )

    def compiled(self, instrument: Instrument) -> Compiled | None:
        """Return the same decisions as a kernel, for back-tests that are compiled; None: there is no such form."""
        del instrument
        return None

    def on_start(self, ctx: Context) -> None:
        """The run begins; books may still be empty."""

    def on_book(self, ctx: Context, book: Book) -> None:
        """A book changed."""

    def on_quote(self, ctx: Context, quote: Quote) -> None:
        """The best bid or ask changed."""

    def on_trade(self, ctx: Context, trade: Trade) -> None:
        """Somebody traded."""

    def on_bar(self, ctx: Context, bar: Bar) -> None:
        """An interval is over."""

    def on_funding(self, ctx: Context, funding: Funding) -> None:
        """A venue told a funding rate."""

    def on_order(self, ctx: Context, order: Order) -> None:
        """There is news of an order of this strategy, its end and a refusal by the risk gate included."""

    def on_fill(self, ctx: Context, order: Order, fill: Fill) -> None:
        """An order of this strategy traded; called before on_order."""

    def on_account(self, ctx: Context, event: AccountEvent) -> None:
        """Funding was settled, or the venue reports a balance or a position."""

    def on_timer(self, ctx: Context, name: str) -> None:
        """A timer of ctx.every or ctx.after went off."""

    def on_stop(self, ctx: Context) -> None:
        """The run ends; what is ordered here is still sent."""


class SignalStrategy(Strategy[P]):
    """A strategy that says, bar by bar, which position it wants, and leaves the order to the base."""

    def target_lots(self, ctx: Context, bar: Bar) -> int | None:
        """Return the signed lots wanted from now on; None to leave things as they are."""
        raise NotImplementedError(f"{type(self).__name__} needs target_lots()")

    @override
    def on_bar(self, ctx: Context, bar: Bar) -> None:
        lots = self.target_lots(ctx, bar)
        if lots is not None:
            ctx.move_to(bar.instrument, lots)


class DecideStrategy(Strategy[P]):
    """A strategy that decides on each book whether to act, and acts in a task; one at a time."""

    _running: Task[None] | None = None

    def should_execute(self, ctx: Context, book: Book) -> bool:
        """Decide; called on each book while nothing is being executed."""
        raise NotImplementedError(f"{type(self).__name__} needs should_execute()")

    def execute(self, ctx: Context) -> Coroutine[Any, Any, None]:
        """Carry it out, in an `async def` that awaits orders and ctx.sleep."""
        raise NotImplementedError(f"{type(self).__name__} needs execute()")

    @override
    def on_book(self, ctx: Context, book: Book) -> None:
        if self._running is not None and not self._running.ended.is_set:
            return
        if self.should_execute(ctx, book):
            self._running = ctx.run(self.execute(ctx))
