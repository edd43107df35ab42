"""Two moving averages of the closing prices: be long while the fast one is above the slow one, otherwise short or out.

It is here because everybody knows it, not because it earns anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta
from typing_extensions import override

from xtrade.model.events import Bar
from xtrade.model.instruments import Instrument, Kind
from xtrade.trading.compiled import Compiled
from xtrade.trading.context import Context
from xtrade.trading.params import Params
from xtrade.trading.strategy import SignalStrategy
from xtrade.trading.subscriptions import BarFeed, Subscription

__all__ = ["Sma", "SmaParams"]


class SmaParams(Params, frozen=True, kw_only=True):
    """`fast` and `slow` are numbers of bars; `base` is how many coins to hold."""

    instrument: Annotated[str, Meta(description="What to trade, as binance:BTC/USDT:USDT.")]
    interval: Annotated[str, Meta(description="How long a bar is.")] = "1m"
    fast: Annotated[int, Meta(description="Over how many bars the fast average goes.")] = 20
    slow: Annotated[int, Meta(description="Over how many bars the slow average goes.")] = 100
    base: Annotated[float, Meta(description="How many coins to hold.")] = 1.0
    short: Annotated[
        bool,
        Meta(
            description="Whether to be short, or just out, while the fast average is below; on spot it is always out."
        ),
    ] = True

    def __post_init__(self) -> None:
        if not 1 <= self.fast < self.slow:
            raise ValueError(f"fast = {self.fast}, slow = {self.slow}: expected 1 <= fast < slow")
        if not self.base > 0:
            raise ValueError(f"base = {self.base}: expected an amount above zero")


class Sma(SignalStrategy[SmaParams]):
    """The classic crossing of two averages."""

    def __init__(self, params: SmaParams) -> None:
        super().__init__(params)
        self._closes: deque[int] = deque(maxlen=params.slow)
        # Sums of whole ticks: nothing drifts, however long the run.
        self._fast_sum = 0
        self._slow_sum = 0
        self._above: bool | None = None
        self._target = 0

    @override
    def subscriptions(self) -> Iterable[Subscription]:
        yield BarFeed(self.params.instrument, self.params.interval)

    @override
    def target_lots(self, ctx: Context, bar: Bar) -> int | None:
        fast, slow = self.params.fast, self.params.slow
        if len(self._closes) == slow:
            self._slow_sum -= self._closes[0]
        if len(self._closes) >= fast:
            self._fast_sum -= self._closes[-fast]
        self._closes.append(bar.close_ticks)
        self._fast_sum += bar.close_ticks
        self._slow_sum += bar.close_ticks
        if len(self._closes) < slow:
            return None
        # fast average > slow average, in whole numbers
        above = self._fast_sum * slow > self._slow_sum * fast
        if above != self._above:
            self._above = above
            market = ctx.instrument(bar.instrument)
            lots = market.lots_of_base(self.params.base, ticks=bar.close_ticks, toward="zero")
            self._target = lots if above else -lots * self._goes_short(market)
        # Said again on each bar: what was filled in part, or refused, is still wanted.
        return self._target

    @override
    def compiled(self, instrument: Instrument) -> Compiled | None:
        if instrument.kind is Kind.INVERSE:
            return None  # how many contracts a coin is depends on the price
        from xtrade.strategies.compiled import sma

        p = self.params
        lots = instrument.lots_of_base(p.base, toward="zero")
        return Compiled(sma, [p.fast, p.slow, lots, self._goes_short(instrument)])

    def _goes_short(self, market: Instrument) -> bool:
        """A spot market sells what is there: to be out of it is all one can do."""
        return self.params.short and market.kind is not Kind.SPOT
