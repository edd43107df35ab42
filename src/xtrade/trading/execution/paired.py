"""Two legs on two markets, with a bound on what is naked and on how long.

    outcome = await trade_paired(ctx, Paired(
        first=Leg(instrument="okx:BTC/USDT:USDT", side=Side.BUY, through_ticks=20),
        second=Leg(instrument="binance:BTC/USDT:USDT", side=Side.SELL, through_ticks=20),
        base=Decimal("0.5"), naked_base_max=Decimal("0.05"), naked_s_max=3.0,
    ))

maker-taker   the first leg rests at its touch; what it fills is hedged at once on the second
taker-taker   both legs take at once, clip by clip

The size: before anything is sent, what would be naked if everything open on one side traded and nothing on the other
is held against `naked_base_max`; an order in doubt counts as possibly filled. The time: what is naked is hedged again,
then elsewhere if a third market is given, then unwound on the leg that traded; each way is only tried while enough
time is left for those after it. docs/execution.md says what no program can promise.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from xtrade.model.sides import Side
from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.params import Params
from xtrade.trading.tasks import TaskCanceled

__all__ = ["Leg", "Paired", "PairedOutcome", "trade_paired"]


class Leg(Params, frozen=True, kw_only=True):
    """One side of a pair: where, which way, and how far through the touch it may take."""

    instrument: str
    side: Side
    through_ticks: int

    def __post_init__(self) -> None:
        at_least(0, through_ticks=self.through_ticks)


class Paired(Params, frozen=True, kw_only=True):
    """What to trade on both legs, and what may go wrong at most. Amounts are in base coins."""

    first: Leg
    second: Leg
    elsewhere: Leg | None = None
    """A third market, on the second's side: where to hedge if the second fails."""
    base: Decimal
    """How much of the coin to trade; rounded down to what both legs can trade exactly."""
    naked_base_max: Decimal
    """The most that may ever be naked, whatever becomes of all that is open."""
    naked_s_max: float
    """The longest that what the other leg could hedge may stay naked."""
    style: Literal["maker-taker", "taker-taker"] = "maker-taker"
    offset_ticks: int = 0
    """Where a maker stands: as in a tracking limit."""
    tolerance_ticks: int = 0
    unwind_through_ticks: int | None = None
    """How far through the touch unwinding may go; None: as far as that leg takes."""
    retries_max: int = 2
    """How often the second leg is tried before the next way."""
    look_every_s: float = 0.1
    answer_s: float = 0.5
    """How long a venue may take to answer."""
    timeout_s: float = 60.0
    attempts_max: int = 500
    """How many orders (maker) or clips (taker) open the pair at most."""
    refusals_max: int = 5
    give_up_s: float = 60.0
    """After opening has ended: how long to go on closing what is naked and asking for what is in doubt."""

    def __post_init__(self) -> None:
        at_least(
            1, attempts_max=self.attempts_max, refusals_max=self.refusals_max, retries_max=self.retries_max
        )
        at_least(0, tolerance_ticks=self.tolerance_ticks, unwind_through_ticks=self.unwind_through_ticks)
        above_zero(
            look_every_s=self.look_every_s,
            answer_s=self.answer_s,
            timeout_s=self.timeout_s,
            give_up_s=self.give_up_s,
        )
        if not 0 < self.naked_base_max <= self.base:
            raise ValueError(
                f"naked_base_max = {self.naked_base_max}: expected an amount above zero, and no more than base"
            )
        ways = 2 if self.elsewhere is None else 3
        least_s = (ways + 1) * (self.answer_s + self.look_every_s)
        if self.naked_s_max < least_s:
            raise ValueError(
                f"naked_s_max = {self.naked_s_max}: expected {least_s:g} s or more, which is one answer and one look"
                f" for the hedge and for each of {ways} ways to compensate"
            )
        if self.first.side is self.second.side:
            raise ValueError(f"both legs {self.first.side}: expected one to buy and one to sell")
        keys = [leg.instrument for leg in self.legs]
        if len(set(keys)) < len(keys):
            raise ValueError(f"legs on {', '.join(keys)}: expected different markets")
        if self.elsewhere is not None and self.elsewhere.side is not self.second.side:
            raise ValueError(f"elsewhere.side = {self.elsewhere.side}: expected that of the second leg")

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs there are."""
        return (
            (self.first, self.second) if self.elsewhere is None else (self.first, self.second, self.elsewhere)
        )


class PairedOutcome(Struct, frozen=True, kw_only=True):
    """What became of a pair. Amounts are in base coins; signed ones are positive for long."""

    legs: tuple[Outcome, ...]
    """First, second, elsewhere; `filled_lots` is what is held of it by this, without what was unwound."""
    base: Decimal
    """What was wanted, on the common lot."""
    paired_base: Decimal
    """What is held on both sides."""
    naked_base: Decimal
    """What is held on one side only, as far as is known."""
    naked_base_low: Decimal
    naked_base_high: Decimal
    """Where the truth lies, if orders are in doubt; else both are `naked_base`."""
    naked_base_worst: Decimal
    """The most that could have been naked at any time, whatever had become of all that was open."""
    naked_s_longest: float
    """The longest that something was naked which the other leg could have hedged."""
    compensations: tuple[str, ...]
    """Each order that was sent to mend a failed leg, in words."""
    promises_kept: bool
    """Whether both bounds were kept, and nothing is left in doubt."""
    ended: Ended
    reason: str


async def trade_paired(ctx: Context, wish: Paired) -> PairedOutcome:
    """Trade both legs; what is canceled or stopped before its end is brought to an end with nothing naked."""
    from xtrade.trading.execution.pairing import Pairing

    pair = Pairing(ctx, wish)
    try:
        await pair.run()
    except TaskCanceled:
        # One leg may be naked right now: that is closed first. A second cancel ends it where it stands.
        pair.close(Ended.STOPPED, "its task was canceled")
        await pair.run()
        pair.outcome()
        raise
    return pair.outcome()
