"""Buy on one venue what is sold on another, with a bound on what may be naked, and for how long.

uv run python examples/paired_legs.py
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from typing_extensions import override

from xtrade import BookFeed, Context, Params, Side, Strategy, backtest, preset, synthetic_tape
from xtrade.sim.replay.models import Assumptions, Latency
from xtrade.trading.execution.paired import Leg, Paired, PairedOutcome, trade_paired
from xtrade.trading.subscriptions import Subscription

HERE, THERE = "sim:BTC/USDT", "sim2:BTC/USDT"


class CarryParams(Params, frozen=True, kw_only=True):
    """How much to bring from there to here, and what may go wrong at most."""

    base: str = "0.1"
    naked_base_max: str = "0.04"
    naked_s_max: float = 2.0


class Carry(Strategy[CarryParams]):
    """Holds coins on one venue, and exchanges them for coins on the other."""

    outcome: PairedOutcome | None = None

    @override
    def subscriptions(self) -> Iterable[Subscription]:
        yield BookFeed(HERE, every="100ms")
        yield BookFeed(THERE, every="100ms")

    @override
    def on_start(self, ctx: Context) -> None:
        ctx.run(self._carry(ctx))

    async def _carry(self, ctx: Context) -> None:
        await ctx.next_book(THERE)
        await ctx.buy(THERE, base=self.params.base).ended()
        self.outcome = await trade_paired(
            ctx,
            Paired(
                first=Leg(instrument=HERE, side=Side.BUY, through_ticks=200),
                second=Leg(instrument=THERE, side=Side.SELL, through_ticks=20),
                base=Decimal(self.params.base),
                naked_base_max=Decimal(self.params.naked_base_max),
                naked_s_max=self.params.naked_s_max,
                timeout_s=100,
            ),
        )


def main() -> None:
    """Two minutes of two generated markets, one of which follows the other."""
    market = synthetic_tape(preset("two-venues"), seed=2, start_ns=0, duration_ns=120_000_000_000)
    carry = Carry(CarryParams())
    away = Assumptions(entry=Latency.constant(30_000_000), response=Latency.constant(20_000_000))
    backtest(carry, market, assumptions=dict.fromkeys(market.keys, away), seed=2)
    outcome = carry.outcome
    if outcome is None:
        raise SystemExit("the pair did not end within the data")
    print(f"paired            {outcome.paired_base} of {outcome.base} BTC: {outcome.ended}")
    for leg in outcome.legs:
        print(f"{leg.side:<5} {leg.instrument:<13} {leg.filled_lots} lots at {leg.average_price}")
    print(f"worst naked size  {outcome.naked_base_worst} BTC")
    print(f"longest naked     {outcome.naked_s_longest:.3f} s")
    print(
        f"promises kept     {'yes' if outcome.promises_kept else 'no'}; mended by {outcome.compensations or 'nothing'}"
    )


if __name__ == "__main__":
    main()
