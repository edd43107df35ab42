"""A small market maker: one quote on each side of the middle, leaning against what it holds.

At most every `every`, it looks at the book and wants a bid and an ask `half_spread` ticks from the middle, both moved
by `skew` ticks for each `lots` held, and none on a side where it holds `max_lots` already (on spot: where it has
nothing to sell). A quote that is where it should be stays, and keeps its place in the queue; one that is not is
canceled, and the new one follows when the old one is known to be gone: there is never more than one on a side.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor
from typing import Annotated

from msgspec import Meta
from typing_extensions import override

from xtrade.market.book import Book
from xtrade.model.instruments import Instrument, Kind
from xtrade.model.sides import Side
from xtrade.trading.compiled import Compiled
from xtrade.trading.context import Context
from xtrade.trading.orders import Order
from xtrade.trading.params import Params
from xtrade.trading.strategy import Strategy
from xtrade.trading.subscriptions import BookFeed, Subscription

__all__ = ["Quoter", "QuoterParams", "wanted_quotes"]


class QuoterParams(Params, frozen=True, kw_only=True):
    """Distances are in ticks, quantities in lots."""

    instrument: Annotated[str, Meta(description="What to quote, as binance:BTC/USDT:USDT.")]
    half_spread: Annotated[float, Meta(description="How many ticks each quote is away from the middle.")] = (
        2.0
    )
    skew: Annotated[
        float,
        Meta(description="How many ticks both quotes move against what is held, for each `lots` of it."),
    ] = 0.5
    lots: Annotated[int, Meta(description="The lots of one quote.")] = 1
    max_lots: Annotated[int, Meta(description="The most lots to hold, long or short.")] = 10
    every: Annotated[str, Meta(description="How often the quotes are looked at, at most.")] = "100ms"

    def __post_init__(self) -> None:
        if not self.half_spread > 0:
            raise ValueError(f"half_spread = {self.half_spread}: expected ticks above zero")
        if self.skew < 0:
            raise ValueError(f"skew = {self.skew}: expected zero or more ticks")
        if not 1 <= self.lots <= self.max_lots:
            raise ValueError(
                f"lots = {self.lots}, max_lots = {self.max_lots}: expected 1 <= lots <= max_lots"
            )


def wanted_quotes(
    bid: int, ask: int, held: int, half_spread: float, skew: float, lots: int, least: int, most: int
) -> tuple[int, int]:
    """Return the bid and ask to quote, in ticks, holding between `least` and `most` lots; 0 where none is wanted."""
    middle = (bid + ask) / 2 - skew * held / lots
    buy = min(floor(middle - half_spread), ask - 1) if held + lots <= most else 0
    sell = max(ceil(middle + half_spread), bid + 1) if held - lots >= least else 0
    return max(buy, 0), sell


class Quoter(Strategy[QuoterParams]):
    """Quotes both sides of one market."""

    def __init__(self, params: QuoterParams) -> None:
        super().__init__(params)
        self._quotes: dict[Side, Order | None] = {Side.BUY: None, Side.SELL: None}

    @override
    def subscriptions(self) -> Iterable[Subscription]:
        yield BookFeed(self.params.instrument, every=self.params.every)

    @override
    def on_start(self, ctx: Context) -> None:
        # After a restart the quotes of the last process may still rest: one a side is taken over.
        for order in ctx.orders(self.params.instrument):
            if self._quotes[order.side] is None:
                self._quotes[order.side] = order
            else:
                order.cancel()

    @override
    def on_book(self, ctx: Context, book: Book) -> None:
        bid, ask = book.bid_ticks, book.ask_ticks
        if bid is None or ask is None or not book.is_trusted:
            ctx.cancel_all()
            return
        p = self.params
        held = ctx.position_lots(p.instrument)
        least = self._least(book.instrument)
        buy, sell = wanted_quotes(bid, ask, held, p.half_spread, p.skew, p.lots, least, p.max_lots)
        self._quote(ctx, Side.BUY, buy)
        self._quote(ctx, Side.SELL, sell)

    @override
    def compiled(self, instrument: Instrument) -> Compiled:
        from xtrade.strategies.compiled import quoter

        p = self.params
        return Compiled(quoter, [p.half_spread, p.skew, p.lots, self._least(instrument), p.max_lots])

    def _least(self, instrument: Instrument) -> int:
        """The least to hold: on spot nobody is short."""
        return 0 if instrument.kind is Kind.SPOT else -self.params.max_lots

    def _quote(self, ctx: Context, side: Side, ticks: int) -> None:
        quote = self._quotes[side]
        if quote is not None and quote.is_open:
            if quote.ticks != ticks:
                quote.cancel()
            return
        if ticks > 0:
            place = ctx.buy if side is Side.BUY else ctx.sell
            self._quotes[side] = place(
                self.params.instrument, lots=self.params.lots, ticks=ticks, post_only=True
            )
