"""An entry with its take-profit and its stop.

    wish = Bracket(entry=TrackingLimit(...), take_profit_ticks=80, stop_ticks=40, through_ticks=20)
    outcome = await bracket(ctx, wish)

Both distances are from the average price of the entry. The take-profit rests at the venue; the stop is watched here,
from the first fill of the entry on, at the price one could close at. When it is hit, the take-profit is canceled, and
what it had not filled by then is closed at the market: so there is never more in the market than is held, and a
position is never turned over. A stop that must survive this process belongs at the venue (docs/execution.md).
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from xtrade.trading.context import Context
from xtrade.trading.execution.checks import above_zero, at_least
from xtrade.trading.execution.outcome import Ended, Outcome
from xtrade.trading.execution.parent import Parent, nanoseconds
from xtrade.trading.execution.prices import passive_on_grid, touch
from xtrade.trading.execution.protected import ProtectedMarket, work_protected
from xtrade.trading.execution.tracking import TrackingLimit, work_tracking
from xtrade.trading.params import Params

__all__ = ["Bracket", "BracketOutcome", "ClosedBy", "bracket"]


class Bracket(Params, frozen=True, kw_only=True):
    """How to get in, and the two ways out."""

    entry: TrackingLimit
    take_profit_ticks: int
    stop_ticks: int
    through_ticks: int
    """How far through the touch each attempt to close at the market may trade."""
    timeout_s: float | None = None
    """After so long since the entry began it is closed at the market; None: never."""
    look_every_s: float = 0.1
    close_attempts_max: int = 600
    refusals_max: int = 5
    answer_s: float = 10.0
    doubt_s: float = 600.0
    """How long to wait, all else being closed, for an entry in doubt: what it traded is closed when that is known."""
    reduce_only: bool = False
    """Whether the orders that close carry the venue's reduce-only flag."""

    def __post_init__(self) -> None:
        at_least(1, take_profit_ticks=self.take_profit_ticks, stop_ticks=self.stop_ticks)
        at_least(1, close_attempts_max=self.close_attempts_max, refusals_max=self.refusals_max)
        at_least(0, through_ticks=self.through_ticks)
        above_zero(timeout_s=self.timeout_s, look_every_s=self.look_every_s, answer_s=self.answer_s)
        above_zero(doubt_s=self.doubt_s)


class ClosedBy(StrEnum):
    """Which way a bracket ended."""

    TAKE_PROFIT = "take_profit"
    STOP = "stop"
    TIME = "time"
    NOTHING = "nothing"
    """Nothing was entered, or it is still open: see the outcomes."""


class BracketOutcome(Struct, frozen=True, kw_only=True):
    """What was entered, what of it was closed (None if nothing was entered), and by what."""

    entry: Outcome
    exit: Outcome | None
    closed_by: ClosedBy


async def bracket(ctx: Context, wish: Bracket) -> BracketOutcome:
    """Enter, and leave by one of the two ways."""
    entry = Parent(ctx, wish.entry.instrument, wish.entry.side, wish.entry.lots, name="bracket, entry")
    with entry.canceled_with_task():
        work = _Bracket(entry, wish)
        entered = entry.outcome(
            *await work_tracking(entry, wish.entry, enough=lambda: work.hit() is not None)
        )
        if not entry.filled_lots and not entry.open_lots:
            return BracketOutcome(entry=entered, exit=None, closed_by=ClosedBy.NOTHING)
        with work.exit.canceled_with_task():
            ended, reason, by = await work.leave()
        if entered.open_lots:  # more may be known of it by now
            entered = entry.outcome(entered.ended, entered.reason)
    if ended is not Ended.DONE:
        ctx.note(
            f"ALARM: bracket: {work.exit.left_lots} lots of {entry.key} are not closed: {ended}, {reason}"
        )
    return BracketOutcome(entry=entered, exit=work.exit.outcome(ended, reason), closed_by=by)


class _Bracket:
    """An entry, and the way out of it."""

    def __init__(self, entry: Parent, wish: Bracket) -> None:
        self.entry = entry
        self.wish = wish
        self.ctx = entry.ctx
        self.exit = Parent(self.ctx, entry.key, entry.side.opposite, 0, name="bracket, exit")
        self.fruitless = 0

    def level_ticks(self, away: int) -> int | None:
        """Return the price so many ticks in our favour (or, negative, against us) from the average entry."""
        lots = worth = 0
        for order in self.entry.orders:
            gone = order.state.reversed_trades
            lots += sum(fill.lots for fill in order.fills if fill.trade_id not in gone)
            worth += sum(fill.ticks * fill.lots for fill in order.fills if fill.trade_id not in gone)
        if not lots:
            return None
        # Rounded in our disfavour: a stop a little early rather than late, a take-profit a little less modest.
        sign = self.entry.side.sign
        average = -(-worth // lots) if sign > 0 else worth // lots
        return average + sign * away

    def hit(self) -> ClosedBy | None:
        """Return which of the two ways out the market has reached; None while neither, or while that is not known."""
        stop, take = self.level_ticks(-self.wish.stop_ticks), self.level_ticks(self.wish.take_profit_ticks)
        now = touch(self.ctx.book(self.entry.key), self.entry.side)
        if stop is None or take is None or now is None:
            return None
        sign = self.entry.side.sign
        if sign * (now - stop) <= 0:
            return ClosedBy.STOP
        return ClosedBy.TAKE_PROFIT if sign * (now - take) >= 0 else None

    async def leave(self) -> tuple[Ended, str, ClosedBy]:
        """Wait for one of the ways out, and go it to the end."""
        ctx, wish = self.ctx, self.wish
        give_up_ns = None if wish.timeout_s is None else self.entry.started_ns + nanoseconds(wish.timeout_s)
        closed_ns = None
        by = None
        while True:
            # What the entry filled after all, once its doubt is settled, is guarded and closed as well.
            self.exit.lots = self.exit.goal_lots = self.entry.filled_lots
            if (stop := self.exit.must_stop) is not None:
                return Ended.STOPPED, stop, by or ClosedBy.NOTHING
            if self.exit.is_reached:
                if not self.entry.open_lots:
                    return Ended.DONE, "", by or ClosedBy.TAKE_PROFIT
                closed_ns = ctx.now_ns if closed_ns is None else closed_ns
                if ctx.now_ns >= closed_ns + nanoseconds(wish.doubt_s):
                    return (
                        Ended.IN_DOUBT,
                        f"the entry was still in doubt after {wish.doubt_s:g} s",
                        by or ClosedBy.NOTHING,
                    )
                await ctx.sleep(wish.look_every_s)
                continue
            by = by or self._reached(give_up_ns)
            if by is None:
                if self.exit.open_order is None and not self.exit.is_below_minimum:
                    self._rest_take_profit()
                await self._wait()
                continue
            ended, reason = await self._close_at_market()
            if ended is not Ended.DONE:
                return ended, reason, by

    def _reached(self, give_up_ns: int | None) -> ClosedBy | None:
        """Why to close at the market now; None while the take-profit may rest."""
        if give_up_ns is not None and self.ctx.now_ns >= give_up_ns:
            return ClosedBy.TIME
        hit = self.hit()
        # Where nothing may rest, the take-profit is taken when it is reached.
        return hit if hit is ClosedBy.STOP or self.fruitless >= self.wish.refusals_max else None

    def _rest_take_profit(self) -> None:
        if self.fruitless >= self.wish.refusals_max:
            return
        level = self.level_ticks(self.wish.take_profit_ticks)
        ticks = None if level is None else passive_on_grid(self.exit.instrument, self.exit.side, level)
        if ticks is not None and self.ctx.trouble(self.exit.key) is None:
            order = self.exit.send(self.exit.left_lots, ticks=ticks, reduce_only=self.wish.reduce_only)
            if not order.is_open:
                self.fruitless += 1

    async def _wait(self) -> None:
        order = self.exit.open_order
        if order is None:
            await self.ctx.sleep(self.wish.look_every_s)
            return
        await order.changed(within=self.wish.look_every_s)
        if not order.is_open and not order.filled_lots:
            self.fruitless += 1

    async def _close_at_market(self) -> tuple[Ended, str]:
        wish = self.wish
        while not await self.exit.withdraw(wish.answer_s):
            # Closing beside an order that may still fill could turn the position over.
            self.ctx.note(
                f"ALARM: bracket: the take-profit of {self.exit.key} is not known to be canceled: asks on"
            )
            if (stop := self.exit.must_stop) is not None:
                return Ended.STOPPED, stop
        return await work_protected(
            self.exit,
            ProtectedMarket(
                instrument=self.exit.key,
                side=self.exit.side,
                lots=max(1, self.exit.lots),
                through_ticks=wish.through_ticks,
                attempts_max=wish.close_attempts_max,
                pause_s=wish.look_every_s,
                answer_s=wish.answer_s,
                reduce_only=wish.reduce_only,
            ),
        )
